"""From a layer to the file it is of: what is measured has to be a file, or it could not be measured again."""

from __future__ import annotations

import shutil
import tempfile
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from exoimage.errors import StudyError
from exoimage.images.image import Image
from exoimage.images.reading import list_scenes
from exoimage.images.writing import write_image

from napari_exoimage import adapter
from napari_exoimage import session as steps
from napari_exoimage.session import Session

ORIGIN = "exoimage file"
"""In a layer's metadata: the file that our reader took it from."""

SCENE = "exoimage scene"
"""In a layer's metadata: which picture of that file, from 0, where it holds several."""

PICTURE = "exoimage image"
"""In a layer's metadata: the picture that it is a layer of, where there is no file of it (sample data)."""


@dataclass(frozen=True)
class LayerFile:
    """Where a layer's picture lies.

    Parameters
    ----------
    path : Path
    scene : int or None
        Which picture of the file, where it holds several.
    is_written : bool
        The layer was of no file: this one was written, in a folder of its own.
    """

    path: Path
    scene: int | None = None
    is_written: bool = False

    @property
    def note(self) -> str:
        """What a person has to know of it; mostly nothing."""
        if not self.is_written:
            return ""
        return (
            f"the layer is of no file, so its picture was written into {self.path.parent}: corrections, study and"
            " results go there, too; to have them elsewhere, save the picture and open its file. If there are none, the"
            " folder goes with the window"
        )

    def opened(self, assay: str) -> Session:
        """The file, with the layer's picture shown.

        Raises
        ------
        ExoimageError
            If it cannot be opened.
        """
        session = steps.open_paths([self.path], assay)
        if self.scene is None:
            return session
        keys = [image.ref.key for image in session.study.images if image.ref.scene == self.scene]
        if not keys:
            raise StudyError(f"{self.path.name} holds no picture {self.scene} any more: open it again")
        return steps.at(session, keys[0])

    def remove(self) -> None:
        """Remove a picture that was written, and its folder, where a person has kept nothing beside it."""
        if not self.is_written:
            return
        with suppress(OSError):
            if list(self.path.parent.iterdir()) == [self.path]:
                self.path.unlink()
                self.path.parent.rmdir()


def file_of_layer(layer: Any) -> LayerFile:
    """The file of a layer's picture; a picture that is none is written into one, in a folder of its own.

    Raises
    ------
    ExoimageError
        If the layer shows no picture, does not say which one of its file, or cannot be written.
    """
    if layer is None:
        raise StudyError("select the layer of a picture first")
    ours, other = layer.metadata.get(ORIGIN), getattr(layer.source, "path", None)
    if ours and Path(ours).exists():
        return LayerFile(Path(ours), layer.metadata.get(SCENE))
    if not ours and other and Path(str(other)).is_file():
        return LayerFile(_with_one_picture(Path(str(other)), layer.name))
    image = layer.metadata.get(PICTURE)
    if not isinstance(image, Image):
        image = adapter.image_of_layer(layer)
    try:
        folder = tempfile.mkdtemp(prefix="exoimage-picture-")
        return _written(image, Path(folder) / f"{_legal(layer.name)}.tif")
    except OSError as error:
        raise StudyError(f"the layer {layer.name} cannot be written as a file: {error.strerror or error}") from None


def _written(image: Image, path: Path) -> LayerFile:
    try:
        write_image(path, image)
    except BaseException:
        shutil.rmtree(path.parent, ignore_errors=True)
        raise
    return LayerFile(path, is_written=True)


def _with_one_picture(path: Path, layer_name: str) -> Path:
    """The file that another reader took a layer from, if the layer can be of only one picture in it."""
    count = len(list_scenes(path))
    if count > 1:
        raise StudyError(
            f"{path.name} holds {count} pictures, and the layer {layer_name} does not say which it is:"
            " open the file here (Open…)"
        )
    return path


def _legal(name: str) -> str:
    return "".join(sign if sign.isalnum() or sign in "-_" else "_" for sign in name) or "picture"
