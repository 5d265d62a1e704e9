"""Local maxima that stand out from their surroundings, as ImageJ's Process > Find Maxima... finds them."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from exoimage.errors import MeasureError
from exoimage.methods import _kernels_maxima as kernels
from exoimage.methods._process_input import checked_image

Points = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float32]


class Peaks(NamedTuple):
    """What the search leaves behind, as the watershed needs it."""

    points: Points
    heights: Floats
    candidates: npt.NDArray[np.int64]
    marks: npt.NDArray[np.uint8]


def find_maxima(
    image: npt.NDArray[Any],
    prominence: float,
    threshold: float | None = None,
    exclude_edges: bool = False,
    edm: bool = False,
    strict: bool = False,
) -> Points:
    image = checked_image(image, "find maxima", channels=False)
    if 0 in image.shape:
        return np.empty((0, 2), np.int64)
    surface = np.ascontiguousarray(image, np.float32)
    return search(surface, prominence, threshold, exclude_edges, edm, strict, image.dtype == np.float32).points


def search(
    surface: Floats,
    prominence: float,
    threshold: float | None = None,
    exclude_edges: bool = False,
    edm: bool = False,
    strict: bool = False,
    rounded: bool = True,
) -> Peaks:
    """`find_maxima` on a contiguous float32 image of at least one pixel, with what it found on its way."""
    heights = surface
    if edm:
        heights = np.empty_like(surface)
        kernels.ridge_heights(surface, heights)
    marks = np.zeros(surface.size, np.uint8)
    places = np.empty(surface.size, np.int64)
    floor, top = surface.min(), surface.max()
    span = float(top) - float(floor)
    least = -np.inf
    if threshold is not None:
        least = float(threshold) - span * 1e-6  # a value on the threshold counts, however it was rounded
    count = kernels.local_peaks(surface, heights, floor, least, exclude_edges, places)
    candidates = places[:count].copy()
    order = candidates[_highest_last(heights.ravel()[candidates], floor, top)][::-1]
    slack = np.float32(0)
    if rounded:
        slack = np.float32(1.1) * np.float32(2**0.5 / 2 if edm else span / 2e9)
    count = kernels.prominent_peaks(
        surface, heights, order, floor, prominence, slack, edm, exclude_edges, strict, marks, places
    )
    points = np.stack(np.unravel_index(places[:count], surface.shape), axis=-1)
    return Peaks(points.astype(np.int64), heights, order, marks)


def _highest_last(heights: Floats, floor: np.float32, top: np.float32) -> npt.NDArray[np.intp]:
    """Order by height in two thousand million steps; equal ones by position."""
    with np.errstate(divide="ignore", over="ignore", invalid="ignore"):
        scale = np.float32(2e9 / float(top - floor)) if top > floor else np.float32(np.inf)
        steps = np.nan_to_num((heights - floor) * scale, nan=0.0)
    return np.argsort(np.minimum(steps.astype(np.float64), 2.0**31 - 1).astype(np.int64), kind="stable")
