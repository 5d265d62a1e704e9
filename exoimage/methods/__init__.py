"""Pure functions on arrays: optical density, stains, thresholds, particles, wells, synthetic pictures.

They know nothing of files, recipes and tables.
"""

import lazy_loader as _lazy

__getattr__, __dir__, __all__ = _lazy.attach(
    __name__,
    submodules=[
        "background", "burnt_in", "density", "filters", "gels", "imagej_stains", "maxima", "particles", "presets",
        "quality", "red_bone", "segmentation", "stain_estimation", "stains", "synth", "thresholds", "thresholds_deep",
        "trichrome", "wells",
    ],
)  # fmt: skip
