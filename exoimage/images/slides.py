"""Whole slides that are no TIFF (3DHISTECH .mrxs, Hamamatsu .vms, DICOM), through OpenSlide."""

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

Pixels = npt.NDArray[Any]

_OPAQUE = 255


@contextmanager
def open_slide(path: str) -> Iterator[Container]:
    """Open a slide through OpenSlide; one scene with the levels that are stored.

    OpenSlide (LGPL) comes with ``openslide-bin``. What a slide does not cover is transparent there, and white here.

    Raises
    ------
    Refusal
        If the package is not installed, or knows no such slide.
    """
    package = extra("openslide", "slides", "this kind of whole slide")
    if package.OpenSlide.detect_format(path) is None:
        raise Refusal("it is a slide of an unknown kind, or the folder of its tiles is missing beside it: copy both")
    with package.OpenSlide(path) as slide:
        yield _Slide(slide, Path(path).name)


class _Slide:
    def __init__(self, slide: Any, name: str) -> None:
        self._slide = slide
        levels = tuple((int(height), int(width)) for width, height in slide.level_dimensions)
        properties = slide.properties
        sizes = (_number(properties.get(f"openslide.mpp-{axis}")) for axis in "xy")
        found = {
            key: value
            for key, value in (
                ("magnification", _number(properties.get("openslide.objective-power"))),
                ("vendor", properties.get("openslide.vendor")),
            )
            if value
        }
        self.scenes: Sequence[StoredScene] = (
            StoredScene(
                name,
                *levels[0],
                np.dtype(np.uint8),
                colour=True,
                pixel_size=pixel_size.square(*(None if size is None else _micrometres(size) for size in sizes)),
                levels=levels,
                flags=(Flag.LOSSY_FILE,),
                details=found,
            ),
        )
        refuse_absurd_scenes(self.scenes)

    def plane(self, scene: int, index: Mapping[str, int]) -> Pixels:
        described = self.scenes[scene]
        return self.window(scene, index, (0, 0, described.height, described.width), 0)

    def window(self, scene: int, index: Mapping[str, int], box: Box, level: int) -> Pixels:  # noqa: ARG002
        top, left, height, width = box
        factor = float(self._slide.level_downsamples[level])
        place = (round(left * factor), round(top * factor))
        region = np.asarray(self._slide.read_region(place, level, (width, height)))
        alpha = region[:, :, 3:]
        return np.where(alpha == _OPAQUE, region[:, :, :3], _over_white(region)).astype(np.uint8)


def _over_white(region: Pixels) -> Pixels:
    alpha = region[:, :, 3:].astype(np.uint16)
    return (region[:, :, :3].astype(np.uint16) * alpha + 255 * (255 - alpha) + 127) // 255


def _micrometres(size: float) -> float | None:
    return pixel_size.to_micrometres(size, "um")


def _number(text: str | None) -> float | None:
    try:
        return float(text) if text else None
    except ValueError:
        return None
