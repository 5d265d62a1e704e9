"""Olympus FluoView's .oib, and .oif with its folder of TIFFs."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import oiffile
import tifffile

from exoimage.images import pixel_size
from exoimage.images.decoded import Refusal
from exoimage.images.ole import refuse_broken_compound
from exoimage.images.stored import Container, StoredScene, WholePlanes, refuse_absurd_scenes
from exoimage.images.tiff_metadata import unique

Pixels = npt.NDArray[Any]

# What it has to say reaches whoever configures logging; without a handler it would reach the terminal.
logging.getLogger("oiffile").addHandler(logging.NullHandler())

_NO_DYE = ("", "None")


@contextmanager
def open_oif(path: str) -> Iterator[Container]:
    """Open an .oif, whose planes lie in the folder ``NAME.oif.files`` beside it.

    Read by ``oiffile`` (BSD), https://github.com/cgohlke/oiffile.

    Raises
    ------
    Refusal
        If that folder is not there.
    """
    if not planes_folder(path).is_dir():
        raise Refusal(f"its planes lie in a folder {planes_folder(path).name} beside it, which is missing: copy both")
    with oiffile.OifFile(path) as file:
        yield _Oif(file)


@contextmanager
def open_oib(path: str) -> Iterator[Container]:
    """Open an .oib, a compound file of an .oif and its planes.

    Raises
    ------
    Refusal
        If it is another compound file (Zeiss ZVI, Office), or a damaged one.
    """
    refuse_broken_compound(path, "OibInfo.txt", "a Zeiss ZVI or Office file, not an Olympus .oib")
    with oiffile.OifFile(path) as file:
        yield _Oif(file)


def planes_folder(path: str) -> Path:
    """Where the planes of an .oif lie."""
    place = Path(path)
    return place.with_name(f"{place.name}.files")


class _Oif(WholePlanes):
    def __init__(self, file: Any) -> None:
        super().__init__()
        self._file = file
        if not file.series:
            raise Refusal("it holds no picture; export it again")
        self._files = list(file.series[0])
        scene = _scene(file)
        self.scenes: Sequence[StoredScene] = (scene,)
        refuse_absurd_scenes(self.scenes)
        planes = int(np.prod(list(scene.axes.values()), dtype=np.int64))
        if planes != len(self._files):
            raise Refusal(f"{planes} planes are announced, {len(self._files)} are there; export it again")

    def plane(self, scene: int, index: Mapping[str, int]) -> Pixels:
        axes = self.scenes[scene].axes
        number = int(np.ravel_multi_index([index[axis] for axis in axes], tuple(axes.values()))) if axes else 0
        with self._file.open_file(self._files[number]) as stream, tifffile.TiffFile(stream) as tif:
            pixels: Pixels = tif.pages.first.asarray(maxworkers=1)
        return pixels


def _scene(file: Any) -> StoredScene:
    settings = file.mainfile
    reference = settings.get("Reference Image Parameter", {})
    sizes = dict(zip(file.axes, (int(length) for length in file.shape), strict=True))
    axes = {axis: length for axis, length in sizes.items() if axis not in "YX"}
    bits = int(reference.get("ValidBitCounts", 0))
    names = _channels(settings, axes.get("C", 1))
    sides = (_length(reference, side) for side in ("Width", "Height"))
    return StoredScene(
        str(settings.get("File Info", {}).get("DataName", "")),
        sizes["Y"],
        sizes["X"],
        np.dtype(file.dtype),
        axes=axes,
        channels=names,
        pixel_size=pixel_size.square(*sides),
        max_value=float(2**bits - 1) if 8 < bits < 16 else 0.0,
        details=_details(settings),
    )


def _length(reference: Mapping[str, Any], side: str) -> float | None:
    value = reference.get(f"{side}ConvertValue")
    unit = str(reference.get(f"{side}Unit", ""))
    return pixel_size.to_micrometres(float(value), unit) if isinstance(value, (int, float)) else None


def _channels(settings: Mapping[str, Any], count: int) -> tuple[str, ...]:
    places = [settings.get(f"Channel {number + 1} Parameters", {}) for number in range(count)]
    dyes = [str(place.get("DyeName", "")) for place in places]
    names = [
        dye if dye not in _NO_DYE else str(place.get("CH Name", "")) for dye, place in zip(dyes, places, strict=True)
    ]
    return unique(names) if all(names) else ()


def _details(settings: Mapping[str, Any]) -> dict[str, Any]:
    acquisition = settings.get("Acquisition Parameters Common", {})
    wanted = (
        ("objective", "ObjectiveLens Name"),
        ("magnification", "ObjectiveLens MAGValue"),
        ("numerical_aperture", "ObjectiveLens NAValue"),
    )
    return {key: acquisition[name] for key, name in wanted if acquisition.get(name)}
