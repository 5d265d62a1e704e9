"""Local maxima that stand out from their surroundings, as ImageJ's Process > Find Maxima... finds them."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from exoimage.errors import MeasureError
from exoimage.methods import _kernels_maxima as kernels
from exoimage.methods._distances import distances
from exoimage.methods._process_input import checked_image, checked_mask

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
    """Maxima that stand out from their surroundings by a prominence, as ImageJ's Find Maxima: same pixels, same order.

    A maximum is kept if one can't walk from it to a higher pixel without going down by more than the prominence. Of a
    flat top the pixel nearest to its middle is given.

    Parameters
    ----------
    image : (y, x) array of uint8, uint16 or float32
        For ImageJ's "light background" give the inverted image.
    prominence : float
        In the image's values; ImageJ's "prominence" (once "noise tolerance").
    threshold : float, optional
        Maxima below it are left out (ImageJ: the lower threshold of a thresholded image).
    exclude_edges : bool
        Leave out maxima whose surroundings within the prominence, if `strict`, or else their flat top touch the border.
    edm : bool
        The image is a distance map: ridges between pixels are judged by the height that their slopes point to. (With
        `exclude_edges`, a combination that no menu of ImageJ offers, its programming interface may differ.)
    strict : bool
        Leave out the highest maximum, too, if it rises no more than the prominence above the image's least value.

    Returns
    -------
    (n, 2) int64 array
        y, x of each, from the highest down. Empty where there is none: a constant image has no maximum.

    Raises
    ------
    MeasureError
        If the type is another, a float is not finite, or prominence or threshold are no number.

    Notes
    -----
    As `ij.plugin.filter.MaximumFinder` of 1.53t. Equal heights are taken from the last pixel to the first.

    Examples
    --------
    >>> image = np.array([[0, 9, 0, 5, 4, 7, 0]], np.uint8)
    >>> find_maxima(image, prominence=0.5).tolist(), find_maxima(image, prominence=2).tolist()
    ([[0, 1], [0, 5], [0, 3]], [[0, 1], [0, 5]])
    """
    image = checked_image(image, "find maxima", channels=False)
    if not (math.isfinite(prominence) and prominence >= 0):
        raise MeasureError(f"the prominence of maxima is a number from 0 up, not {prominence!r}")
    if threshold is not None and not math.isfinite(threshold):
        raise MeasureError(f"the threshold of maxima is a number or nothing, not {threshold!r}")
    if 0 in image.shape:
        return np.empty((0, 2), np.int64)
    surface = np.ascontiguousarray(image, np.float32)
    return search(surface, prominence, threshold, exclude_edges, edm, strict, image.dtype == np.float32).points


def ultimate_points(mask: npt.NDArray[np.bool_]) -> Points:
    """Summits of a mask's distance map, one per basin of the watershed: ImageJ's Ultimate Points.

    Parameters
    ----------
    mask : (y, x) bool array
        True is foreground.

    Returns
    -------
    (n, 2) int64 array
        y, x, from the farthest from the background down. Empty where there is no foreground or no background.

    Raises
    ------
    MeasureError
        If the mask is not a two-dimensional bool array.

    Examples
    --------
    >>> ultimate_points(np.array([[False, True, True, True, False, True, True, True, True, True, False]])).tolist()
    [[0, 7], [0, 2]]
    """
    mask = checked_mask(mask)
    if mask.all():
        return np.empty((0, 2), np.int64)
    return search(distances(mask), prominence=0.5, edm=True).points


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
    with np.errstate(over="ignore"):
        span = top - floor
    least = -np.inf
    if threshold is not None:
        least = float(threshold) - float(span) * 1e-6  # a value on the threshold counts, however it was rounded
    count = kernels.local_peaks(surface, heights, floor, least, places)
    if strict and float(span) <= prominence:
        count = 0
    candidates = places[:count].copy()
    order = candidates[_lowest_first(heights.ravel()[candidates], floor, span)][::-1]
    slack = np.float32(0)
    if rounded:
        slack = np.float32(1.1) * np.float32(2**0.5 / 2 if edm else span / np.float32(2e9))
    count = kernels.prominent_peaks(
        surface, heights, order, prominence, slack, edm, exclude_edges, strict, marks, places
    )
    points = np.stack(np.unravel_index(places[:count], surface.shape), axis=-1)
    return Peaks(points.astype(np.int64), heights, order, marks)


def _lowest_first(heights: Floats, floor: np.float32, span: np.float32) -> npt.NDArray[np.intp]:
    """Order by height in two thousand million steps; equal ones by position."""
    with np.errstate(all="ignore"):
        steps = np.nan_to_num((heights - floor) * np.float32(2e9 / float(span) if span > 0 else np.inf))
    return np.argsort(np.minimum(steps.astype(np.float64), 2.0**31 - 1).astype(np.int64), kind="stable")
