"""What a picture is: pixels, channels, pixel size, light; reading and writing files, regions, overlays."""

import lazy_loader as _lazy

__getattr__, __dir__, __all__ = _lazy.attach(
    __name__,
    submodules=["discovery", "overlay", "pixel_size", "polygons", "rois", "writing"],
    submod_attrs={
        "image": ["Image", "ImageRef"],
        "reading": ["list_scenes", "read", "read_bytes"],
    },
)
