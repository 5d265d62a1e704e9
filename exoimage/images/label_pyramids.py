"""Labels of a whole slide: a tiled pyramidal OME-TIFF, which QuPath, Bio-Formats and napari open at any size."""

from __future__ import annotations

import os
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import imagecodecs
import numpy as np
import numpy.typing as npt
import tifffile

TILE = 512
SMALLEST_EDGE = 2048
"""Levels are added, each a quarter as wide, until the longer edge is no longer than this."""

_STEP = 4
_LARGEST_UINT16 = 65535

Rows = Callable[[int, int], npt.NDArray[np.int32]]
"""Labels from one row up to another, not included, over the whole width."""


def write_label_pyramid(
    path: str | os.PathLike[str], rows: Rows, shape: tuple[int, int], largest: int, pixel_size: float | None
) -> None:
    """Write labels that are made band by band.

    Parameters
    ----------
    path : str or path
        Replaced if it exists.
    rows : callable (first, last) to (last - first, width) int32 array
    shape : (height, width)
    largest : int
        The largest label: up to 65535 they are stored as uint16, beyond as float32, as `write_labels` does.
    pixel_size : float or None
        µm.

    Raises
    ------
    OSError
        If the file cannot be written; nothing is left behind.

    Examples
    --------
    >>> import tempfile
    >>> labels = np.repeat(np.repeat(np.arange(6, dtype=np.int32).reshape(2, 3), 500, 0), 400, 1)
    >>> path = Path(tempfile.mkdtemp()) / "labels.tif"
    >>> write_label_pyramid(path, lambda first, last: labels[first:last], labels.shape, 5, 0.5)
    >>> bool((tifffile.imread(path) == labels).all())
    True
    """
    place = Path(path)
    draft = place.with_name(f".{uuid.uuid4().hex}.tmp")
    dtype = np.dtype(np.uint16 if largest <= _LARGEST_UINT16 else np.float32)
    coarser = _coarser(shape)
    kept = [np.zeros(size, dtype) for size in coarser]
    scale: dict[str, Any] = {"axes": "YX"}
    if pixel_size is not None:
        scale |= {name: value for axis in "XY" for name, value in _scale_of(axis, pixel_size)}
    options: dict[str, Any] = {"tile": (TILE, TILE), "compression": "zlib", "photometric": "minisblack"}
    try:
        with tifffile.TiffWriter(draft, bigtiff=True, byteorder="<", ome=True) as tif:
            encoded = _encoded(_noted(rows, shape, dtype, kept), dtype)
            tif.write(encoded, shape=shape, dtype=dtype, subifds=len(kept), metadata=scale, **options)
            for level in kept:
                tiles = _encoded(_bands(level), dtype)
                tif.write(tiles, shape=level.shape, dtype=dtype, subfiletype=1, metadata=None, **options)
        draft.replace(place)
    finally:
        draft.unlink(missing_ok=True)


def _scale_of(axis: str, pixel_size: float) -> tuple[tuple[str, Any], tuple[str, Any]]:
    return (f"PhysicalSize{axis}", pixel_size), (f"PhysicalSize{axis}Unit", "µm")


def _coarser(shape: tuple[int, int]) -> list[tuple[int, int]]:
    sizes = []
    height, width = shape
    while max(height, width) > SMALLEST_EDGE:
        height, width = -(-height // _STEP), -(-width // _STEP)
        sizes.append((height, width))
    return sizes


def _noted(
    rows: Rows, shape: tuple[int, int], dtype: np.dtype[Any], kept: list[npt.NDArray[Any]]
) -> Iterator[npt.NDArray[Any]]:
    """Bands of the full resolution; the levels fill as they pass: every fourth pixel, as labels cannot be averaged."""
    for first in range(0, shape[0], TILE):
        band = rows(first, min(shape[0], first + TILE)).astype(dtype)
        for number, level in enumerate(kept, start=1):
            step = _STEP**number
            start = -first % step
            some = band[start::step, ::step]
            level[(first + start) // step :][: len(some)] = some
        yield band


def _bands(level: npt.NDArray[Any]) -> Iterator[npt.NDArray[Any]]:
    for first in range(0, len(level), TILE):
        yield level[first : first + TILE]


def _encoded(bands: Iterator[npt.NDArray[Any]], dtype: np.dtype[Any]) -> Iterator[bytes]:
    """Tiles of the bands, compressed; of the many empty ones only one is."""
    encode = imagecodecs.zlibng_encode if imagecodecs.ZLIBNG.available else imagecodecs.zlib_encode
    little = dtype.newbyteorder("<")
    nothing: Any = np.zeros((TILE, TILE), little)
    empty = bytes(encode(nothing, 1))
    for band in bands:
        is_marked = band.any()
        for left in range(0, band.shape[1], TILE):
            part = band[:, left : left + TILE]
            if not is_marked or not part.any():
                yield empty
                continue
            tile: Any = np.zeros((TILE, TILE), little)
            tile[: part.shape[0], : part.shape[1]] = part
            yield bytes(encode(tile, 1))
