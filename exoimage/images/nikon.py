"""Nikon's .nd2: positions, stacks and time series."""

from __future__ import annotations

import logging
import math
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
import numpy.typing as npt

from exoimage.images import pixel_size
from exoimage.images.decoded import Refusal
from exoimage.images.extras import extra
from exoimage.images.stored import Container, StoredScene, WholePlanes, refuse_absurd_scenes
from exoimage.images.tiff_checks import TRUNCATED
from exoimage.images.tiff_metadata import unique

Pixels = npt.NDArray[Any]

# What it has to say reaches whoever configures logging; without a handler it would reach the terminal.
logging.getLogger("nd2").addHandler(logging.NullHandler())

_FRAME_AXES = "CYXS"
_POSITION = "P"


@contextmanager
def open_nd2(path: str) -> Iterator[Container]:
    """Open an .nd2; each position is a scene.

    Read by ``nd2`` (BSD), https://github.com/tlambert03/nd2.

    Raises
    ------
    Refusal
        If that package is not installed.
    """
    package = extra("nd2", "nd2", "Nikon .nd2")
    with package.ND2File(path) as file:
        yield _Nd2(file)


class _Nd2(WholePlanes):
    def __init__(self, file: Any) -> None:
        super().__init__()
        self._file = file
        sizes = {axis: int(length) for axis, length in file.sizes.items()}
        self._loops = {axis: length for axis, length in sizes.items() if axis not in _FRAME_AXES}
        scene = _scene(file, sizes)
        names = _position_names(file, self._loops.get(_POSITION, 1))
        self.scenes: Sequence[StoredScene] = tuple(scene.named(name) for name in names)
        refuse_absurd_scenes(self.scenes)
        self._kept: tuple[int, Pixels] | None = None

    def plane(self, scene: int, index: Mapping[str, int]) -> Pixels:
        at = {**index, _POSITION: scene}
        shape = tuple(self._loops.values())
        number = int(np.ravel_multi_index([at[axis] for axis in self._loops], shape)) if shape else 0
        frame = self._frame(number)
        described = self.scenes[scene]
        if described.colour or "C" not in described.axes:
            return frame
        channel: Pixels = frame.reshape((described.axes["C"], described.height, described.width))[index["C"]]
        return channel

    def _frame(self, number: int) -> Pixels:
        """A frame holds all channels; the last is kept."""
        if self._kept is None or self._kept[0] != number:
            if not self._file.is_legacy:
                self._refuse_missing(number)
            self._kept = (number, np.asarray(self._file.read_frame(number)))
        return self._kept[1]

    def _refuse_missing(self, number: int) -> None:
        """The package gives zeros for a frame that is not there; zeros would be measured."""
        reader = self._file._rdr
        start = reader._frame_offsets.get(number)
        stored = math.prod(reader._raw_frame_shape()) * self._file.dtype.itemsize
        is_plain = self._file.attributes.compressionType is None
        length = reader._fh.seek(0, 2)
        if start is None or start >= length or (is_plain and start + stored > length):
            raise Refusal(TRUNCATED.format(f"frame {number + 1} of it is not there"))


def _scene(file: Any, sizes: Mapping[str, int]) -> StoredScene:
    attributes = file.attributes
    bits = int(getattr(attributes, "bitsPerComponentSignificant", 0) or 0)
    channels = _channel_metadata(file)
    names = [str(one.channel.name) for one in channels]
    samples = sizes.get("S", 1)
    return StoredScene(
        "",
        sizes["Y"],
        sizes["X"],
        np.dtype(file.dtype),
        axes={axis: length for axis, length in sizes.items() if axis not in ("Y", "X", "S", _POSITION)},
        colour=samples == 3,
        channels=unique(names) if len(names) == sizes.get("C", 1) and all(names) else (),
        pixel_size=_pixel_size(channels),
        max_value=float(2**bits - 1) if 8 < bits < 16 else 0.0,
        details=_details(file, channels),
        unread=f"it stores {samples} values per pixel; export it as OME-TIFF" if samples not in (1, 3) else "",
    )


def _channel_metadata(file: Any) -> Sequence[Any]:
    metadata = file.metadata
    return tuple(getattr(metadata, "channels", None) or ())


def _pixel_size(channels: Sequence[Any]) -> float | None:
    """The calibration, where the file says that it is one: without it, it says 1."""
    for channel in channels:
        volume = channel.volume
        if volume.axesCalibrated[0] and volume.axesCalibrated[1]:
            x, y = (pixel_size.to_micrometres(float(size), "um") for size in volume.axesCalibration[:2])
            return pixel_size.square(x, y)
    return None


def _position_names(file: Any, count: int) -> list[str]:
    names: list[str] = []
    for loop in file.experiment or ():
        if loop.type == "XYPosLoop":
            names = [str(point.name or "") for point in loop.parameters.points]
    if len(names) != count or not all(names):
        names = [f"position {number + 1}" for number in range(count)] if count > 1 else [""]
    return list(unique(names)) if count > 1 else names


def _details(file: Any, channels: Sequence[Any]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for channel in channels[:1]:
        microscope = channel.microscope
        for key, value in (
            ("objective", microscope.objectiveName),
            ("magnification", microscope.objectiveMagnification),
            ("numerical_aperture", microscope.objectiveNumericalAperture),
        ):
            if value:
                found[key] = value
    text = " ".join(str(value) for value in (file.text_info or {}).values())
    exposures = [
        float(number.replace(",", ".")) * (1000.0 if unit == "s" else 1.0)
        for number, unit in re.findall(r"Exposure: (\d+(?:[.,]\d+)?) (ms|s)\b", text)
    ]
    return {**found, "exposure_ms": exposures} if exposures else found
