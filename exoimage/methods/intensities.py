"""Intensities of nuclei in emitted light, each above the background of its own surroundings."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import cv2
import numpy as np
import numpy.typing as npt

from exoimage.errors import MeasureError
from exoimage.methods import _kernels_intensities as kernels

Plane = npt.NDArray[Any]
Labels = npt.NDArray[np.int32]
Mask = npt.NDArray[np.bool_]
Floats = npt.NDArray[np.float64]
BackgroundRule = Literal["local", "image"]

GAP_DIAMETERS, LEAST_GAP_PX = 0.12, 2.0
"""The rim of a nucleus is blurred over so much of its surroundings: they are no background."""

RING_DIAMETERS, LEAST_RING_PX = 0.4, 4.0
"""How wide a ring of background is."""

LEAST_RING_SIZE = 16
"""Pixels from which a ring tells a background; a nucleus pressed between others has fewer, and takes the picture's."""

ROUNDING = 0.29
"""Spread of whole numbers around the value that was rounded, 1/√12: noise is never taken to be less."""


@dataclass(frozen=True, eq=False)
class Rings:
    """The surroundings of nuclei, as a label image.

    Parameters
    ----------
    owners : (y, x) int32 array
        A nucleus' number in its ring, on every other pixel; 0 elsewhere.
    outside : (y, x) bool array
        Pixels that are away from all nuclei.
    gap_px : float
        How far the light of a nucleus reaches beyond its outline.
    """

    owners: Labels
    outside: Mask
    gap_px: float


@dataclass(frozen=True, eq=False)
class Intensities:
    """One plane's intensities of n nuclei, as arrays of one length; entry k has the label k + 1.

    Parameters
    ----------
    area_px : (n,) int64
    mean : (n,) float64
        Above the background.
    integrated : (n,) float64
        ``mean × area_px``.
    background : (n,) float64
        What was taken off.
    noise : (n,) float64
        Standard deviation of the background's pixels.
    """

    area_px: npt.NDArray[np.int64]
    mean: Floats
    integrated: Floats
    background: Floats
    noise: Floats


NO_INTENSITIES = Intensities(np.empty(0, np.int64), np.empty(0), np.empty(0), np.empty(0), np.empty(0))
"""Of no nuclei, or of a channel that is not there."""


def rings(labels: Labels, diameter_px: float, others: Mask | None = None) -> Rings:
    """A ring around each nucleus, beyond its blurred rim, never nearer to another nucleus and never within one.

    Parameters
    ----------
    labels : (y, x) int32 array
        0 is background.
    diameter_px : float
        Typical diameter of a nucleus.
    others : (y, x) bool array, optional
        What is no background either: nuclei that are not measured.

    Examples
    --------
    >>> labels = np.zeros((40, 40), np.int32)
    >>> labels[15:25, 15:25] = 1
    >>> around = rings(labels, 10)
    >>> bool(around.owners[20, 28] == 1), bool(around.owners[20, 20] == 0), bool(around.outside[0, 0])
    (True, True, True)
    """
    gap = max(LEAST_GAP_PX, GAP_DIAMETERS * diameter_px)
    occupied = labels if others is None else np.where(others & (labels == 0), np.int32(-1), labels)
    if not occupied.any():
        return Rings(np.zeros(labels.shape, dtype=np.int32), np.ones(labels.shape, dtype=np.bool_), gap)
    reach = gap + max(LEAST_RING_PX, RING_DIAMETERS * diameter_px)
    distance, places = cv2.distanceTransformWithLabels(
        (occupied == 0).view(np.uint8), cv2.DIST_L2, 5, labelType=cv2.DIST_LABEL_PIXEL
    )
    owners = np.empty(labels.shape, dtype=np.int32)
    kernels.ring_owners(np.ascontiguousarray(occupied), np.asarray(distance), np.asarray(places), owners, gap, reach)
    return Rings(owners, np.asarray(distance) > gap, gap)


def apart(labels: Labels, reach_px: float) -> Labels:
    """Nuclei without the pixels that another nucleus' light reaches.

    Parameters
    ----------
    labels : (y, x) int32 array
        0 is background.
    reach_px : float
        Pixels nearer to another nucleus are left out. A nucleus that has no others stays whole.

    Returns
    -------
    (y, x) int32 array
        The same numbers.

    Examples
    --------
    >>> apart(np.array([[1, 1, 1, 2, 2, 2, 0]], np.int32), 1).tolist()
    [[1, 1, 0, 0, 2, 2, 0]]
    """
    edge = 2 * max(1, round(reach_px)) + 1
    window = np.ones((edge, edge), dtype=np.uint8)
    count = int(labels.max(initial=0))
    # Labels as floats, which OpenCV dilates; whole numbers are exact up to 2 ** 24.
    highest = np.asarray(cv2.dilate(labels.astype(np.float32), window))
    turned = np.where(labels > 0, count + 1 - labels, 0).astype(np.float32)
    lowest = np.asarray(count + 1 - cv2.dilate(turned, window))
    free = np.where((highest == labels) & (lowest == labels), labels, 0).astype(np.int32)
    has_own = np.zeros(count + 1, dtype=np.bool_)
    has_own[free.ravel()] = True
    return free if has_own.all() else np.where(has_own[labels], free, labels)


def measure_intensities(
    labels: Labels, plane: Plane, around: Rings, count: int, background: BackgroundRule = "local"
) -> Intensities:
    """Mean and integrated intensity of nuclei above their background.

    Parameters
    ----------
    labels : (y, x) int32 array
        0 is background.
    plane : (y, x) array of uint8, uint16 or float32
        Stored values.
    around : Rings
        Of the same labels.
    count : int
        The largest label.
    background : {"local", "image"}
        The median of the nucleus' own ring, or of all that is away from nuclei.

    Returns
    -------
    Intensities

    Raises
    ------
    MeasureError
        If the shapes differ.

    Examples
    --------
    >>> labels = np.zeros((40, 40), np.int32)
    >>> labels[15:25, 15:25] = 1
    >>> plane = np.where(labels > 0, 30, 10).astype(np.uint8)
    >>> measure_intensities(labels, plane, rings(labels, 10), 1).integrated.tolist()
    [2000.0]
    """
    if labels.shape != plane.shape:
        raise MeasureError(f"labels and plane are of one shape, not {labels.shape} and {plane.shape}")
    sums = kernels.sums_within(labels, plane, count)
    ring = kernels.ring_statistics(around.owners, plane, count)
    level, spread = _of_the_picture(plane, around.outside)
    is_own = (ring[:, 0] >= LEAST_RING_SIZE) & (background == "local")
    taken = np.where(is_own, ring[:, 1], level)
    noise = np.where(is_own, ring[:, 2], spread)
    if plane.dtype != np.float32:
        noise = np.maximum(noise, ROUNDING)
    area = np.maximum(sums[:, 0], 1)
    mean = sums[:, 1] / area - taken
    return Intensities(sums[:, 0].astype(np.int64), mean, mean * sums[:, 0], taken, noise)


def solidity(labels: Labels, count: int) -> Floats:
    """Area of each object / the area of its convex hull, (count,); NaN for a label that occurs nowhere.

    Parameters
    ----------
    labels : (y, x) int32 array
        0 is background.
    count : int
        The largest label.

    Examples
    --------
    >>> solidity(np.array([[1, 1, 0], [1, 1, 0]], np.int32), 1).tolist()
    [1.0]
    """
    from exoimage.methods import _kernels_particles

    _, boxes, _ = _kernels_particles.scan(labels, count)
    hull = _kernels_particles.hull_measures(labels, boxes)[:, 5]
    return np.asarray(np.where(hull > 0, boxes[:, 0] / np.where(hull > 0, hull, 1.0), np.nan), dtype=np.float64)


def _of_the_picture(plane: Plane, outside: Mask) -> tuple[float, float]:
    """Median, and spread below it, of some of the pixels away from nuclei; of all pixels where there are none."""
    step = max(1, min(plane.shape) // 512)
    some, away = plane[::step, ::step], outside[::step, ::step]
    values = np.asarray(some[away] if away.any() else some.ravel(), dtype=np.float64)
    middle = float(np.median(values))
    return middle, float(np.sqrt(np.mean(np.square(values[values <= middle] - middle))))
