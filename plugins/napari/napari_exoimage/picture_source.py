"""From a layer to the file it is of: what is measured has to be a file, or it could not be measured again."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

from exoimage.errors import StudyError
from exoimage.images.image import Image
from exoimage.images.writing import write_image

from napari_exoimage import adapter

ORIGIN = "exoimage file"
"""In a layer's metadata: the file that our reader took it from."""

PICTURE = "exoimage image"
"""In a layer's metadata: the picture that it is a layer of, where there is no file of it (sample data)."""


def file_of_layer(layer: Any) -> Path:
    """The file of a layer's picture; a picture that is none is written into one, in a folder of its own.

    Raises
    ------
    StudyError
        If the layer shows no picture.
    """
    if layer is None:
        raise StudyError("select the layer of a picture first")
    known = layer.metadata.get(ORIGIN) or getattr(layer.source, "path", None)
    if known and Path(str(known)).is_file():
        return Path(str(known))
    image = layer.metadata.get(PICTURE)
    if not isinstance(image, Image):
        image = adapter.image_of_layer(layer)
    folder = Path(tempfile.mkdtemp(prefix="exoimage-picture-"))
    path = folder / f"{_legal(layer.name)}.tif"
    write_image(path, image)
    return path


def _legal(name: str) -> str:
    return "".join(sign if sign.isalnum() or sign in "-_" else "_" for sign in name) or "picture"
