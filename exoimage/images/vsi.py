"""Olympus CellSens .vsi, whose pixels lie in .ets files in the folder ``_NAME_`` beside it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from exoimage.flags import Flag
from exoimage.images import pixel_size
from exoimage.images.decoded import Refusal
from exoimage.images.extras import extra
from exoimage.images.stored import Box, Container, StoredScene, refuse_absurd_scenes
from exoimage.images.tiff_metadata import unique

Pixels = npt.NDArray[Any]

_LOSSY = {"Jpeg", "Jpeg2000", "JpegLossless", "JpegXR"}
_DRIVER = "VSI"


@contextmanager
def open_vsi(path: str) -> Iterator[Container]:
    """Open a .vsi; each scene is a picture.

    Read by ``slideio`` (BSD), https://www.slideio.com.

    Raises
    ------
    Refusal
        If that package is not installed, or the folder of the pixels is missing.
    """
    if not any(pixels_folder(path).glob("*/*.ets")):
        raise Refusal(f"its pixels lie in a folder {pixels_folder(path).name} beside it, which is missing: copy both")
    with open_with_slideio(path, _DRIVER) as container:
        yield container


def pixels_folder(path: str) -> Path:
    """Where the pixels of a .vsi lie."""
    place = Path(path)
    return place.with_name(f"_{place.stem}_")


@contextmanager
def open_with_slideio(path: str, driver: str) -> Iterator[Container]:
    """Open a file through one of slideio's drivers."""
    package = extra("slideio", "vsi", "Olympus .vsi")
    slide = package.open_slide(path, driver)
    try:
        yield _Slide([slide.get_scene(number) for number in range(slide.num_scenes)])
    finally:
        slide.close()


class _Slide:
    def __init__(self, scenes: Sequence[Any]) -> None:
        self._scenes = scenes
        names = unique([str(scene.name) or f"scene {place + 1}" for place, scene in enumerate(scenes)])
        self.scenes: Sequence[StoredScene] = tuple(
            _described(scene, name) for scene, name in zip(scenes, names, strict=True)
        )
        refuse_absurd_scenes(self.scenes)

    def plane(self, scene: int, index: Mapping[str, int]) -> Pixels:
        described = self.scenes[scene]
        return self.window(scene, index, (0, 0, described.height, described.width), 0)

    def window(self, scene: int, index: Mapping[str, int], box: Box, level: int) -> Pixels:
        described, stored = self.scenes[scene], self._scenes[scene]
        top, left, height, width = box
        factor = described.height / described.level_shapes[level][0]
        z, t = index.get("Z", 0), index.get("T", 0)
        block: Pixels = stored.read_block(
            rect=(round(left * factor), round(top * factor), round(width * factor), round(height * factor)),
            size=(width, height),
            channel_indices=[0, 1, 2] if described.colour else [index.get("C", 0)],
            slices=(z, z + 1),
            frames=(t, t + 1),
        )
        return block.reshape((height, width, 3) if described.colour else (height, width))


def _described(scene: Any, name: str) -> StoredScene:
    _, _, width, height = scene.rect
    count = int(scene.num_channels)
    dtypes = {np.dtype(scene.get_channel_data_type(number)) for number in range(count)}
    dtype = next(iter(dtypes))
    # Its brightfield pictures are three 8-bit channels without names of their own.
    names = [str(scene.get_channel_name(number) or "") for number in range(count)]
    colour = count == 3 and dtype == np.uint8 and (not any(names) or {one.lower() for one in names} <= _RGB)
    axes = {"T": int(scene.num_t_frames), "Z": int(scene.num_z_slices)}
    axes = {axis: length for axis, length in axes.items() if length > 1}
    if not colour and count > 1:
        axes["C"] = count
    sizes = (pixel_size.from_metres(float(size)) for size in scene.resolution)
    levels = tuple(
        (int(info.size.height), int(info.size.width))
        for info in (scene.get_zoom_level_info(number) for number in range(int(scene.num_zoom_levels)))
    )
    lossy = str(scene.compression).rpartition(".")[2] in _LOSSY
    return StoredScene(
        name,
        int(height),
        int(width),
        dtype,
        axes=axes,
        colour=colour,
        channels=unique(names) if not colour and all(names) else (),
        pixel_size=pixel_size.square(*sizes),
        levels=levels if levels and levels[0] == (int(height), int(width)) else (),
        flags=(Flag.LOSSY_FILE,) if lossy else (),
        details={"magnification": float(scene.magnification)} if scene.magnification else {},
        unread="" if len(dtypes) == 1 else "its channels are of different depths; export them alike",
    )


_RGB = {"red", "green", "blue", "r", "g", "b"}
