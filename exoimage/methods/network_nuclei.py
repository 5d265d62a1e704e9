"""Nuclei by a small network of our own (`training/nuclei`): no settings, no download.

The plane is resampled so that typical nuclei are as wide as those that the network learned. It answers, for each pixel,
whether it belongs to a nucleus and which way that nucleus' middle lies; the pixels vote for middles, and all that voted
for one are a nucleus.
"""

from __future__ import annotations

import math

import cv2
import numpy as np
from skimage.measure import label

from exoimage.methods import _kernels_nuclei, _kernels_votes, fluorescent_nuclei
from exoimage.methods._kernels import replace_labels
from exoimage.methods.network_maps import TILE_PX, Maps, maps_of
from exoimage.methods.network_objects import Limits, are_nuclei, measured, rises_no_more_than_noise
from exoimage.methods.network_views import WORKING_DIAMETER_PX, Levels, Plane, levels_of
from exoimage.methods.nuclei import (
    LEAST_SOLIDITY,
    SMALLEST,
    Floats,
    Labels,
    Nuclei,
    checked_plane,
    enlarged,
    exposure,
    least_step,
    refuse_diameter,
    renumbered,
)

WAY_UNIT_PX = WORKING_DIAMETER_PX / 2
"""The network answers ways to the middle in typical radii."""

VOTE_BLUR_PX = 2.0
"""Votes for one middle lie so close together (standard deviation)."""

LEAST_VOTES = 3.0
"""Votes, at one place, that make a middle."""

LEAST_WEIGHT = 0.1
"""Of a pixel's vote, at the outline; one in the middle has 1."""

SAME_MIDDLE = 0.4
"""Two places of votes with a saddle between them of this share of the lower, and no further apart than `NEAR_PX`, are
one middle."""

NEAR_PX = 0.7 * WORKING_DIAMETER_PX
"""The middles of two whole nuclei lie further apart."""

MOST_ENLARGED = 2.0
"""Nuclei below half of the working diameter are shown twice as large, not larger: the network knows nuclei of half to
twice that diameter, and memory and time would grow with the square."""


def find_nuclei(
    plane: Plane,
    *,
    typical_diameter: float = 0.0,
    max_value: float = 0.0,
    smallest: float = SMALLEST,
    least_solidity: float = LEAST_SOLIDITY,
    typical_contrast: float = 0.0,
    levels: Levels | None = None,
    tile_px: int = TILE_PX,
) -> Nuclei:
    """Nuclei of a plane in which they are bright, touching ones apart.

    Parameters
    ----------
    plane : (y, x) array of uint8, uint16 or float32
        Stored values, bright where DNA is.
    typical_diameter : float
        Of a nucleus, in px. Default: estimated from the plane (`fluorescent_nuclei.estimate_diameter`).
    max_value : float
        The value at which the camera saturates. Default: the type's largest; floats then never saturate.
    smallest : float
        Least area of a nucleus relative to a typical one's.
    least_solidity : float
        Least area relative to that of the ellipse with the same second moments.
    typical_contrast : float
        Of nuclei, in the plane's units, where the plane is a part of a larger picture. Default: of the plane's own.
    levels : Levels, optional
        Where the plane is a part of a larger picture, that picture's. Default: the plane's own.
    tile_px : int
        Largest edge of what the network sees at once, at its scale; it changes nothing but memory.

    Returns
    -------
    Nuclei
        None in an even, empty or noisy plane.

    Raises
    ------
    MeasureError
        If the plane is not two-dimensional or not finite, or the diameter is negative or below 4 px.

    Notes
    -----
    Pixels that point to their object's middle: Neven et al., CVPR 2019:8829-8837,
    https://doi.org/10.1109/CVPR.2019.00904. The network is a U-Net: Ronneberger et al., MICCAI 2015:234-241,
    https://doi.org/10.1007/978-3-319-24574-4_28, run by OpenCV. Figures, data and limits: `training/nuclei/README.md`.

    Examples
    --------
    >>> y, x = np.mgrid[:90, :120]
    >>> centres = [(45, 40, 200), (45, 62, 180), (20, 100, 30)]
    >>> plane = sum(light * np.exp(-(((y - v) ** 2 + (x - u) ** 2) / 130) ** 4) for v, u, light in centres)
    >>> find_nuclei(plane.astype(np.float32), typical_diameter=22).count
    3
    """
    values = checked_plane(plane)
    refuse_diameter(typical_diameter)
    diameter = typical_diameter or fluorescent_nuclei.estimate_diameter(plane)
    if diameter == 0 or values.min() == values.max():
        return Nuclei(np.zeros(plane.shape, np.int32), typical_diameter)
    scale = min(WORKING_DIAMETER_PX / diameter, MOST_ENLARGED)
    seen = _resampled(values, scale)
    levels = levels or levels_of(seen)
    if min(seen.shape) < 2 or levels.low >= levels.high:
        return Nuclei(np.zeros(plane.shape, np.int32), diameter)
    said = maps_of(seen, levels, tile_px=tile_px)
    parted = _parted(said)
    objects = measured(parted, seen, said.foreground, diameter * scale)
    kept = are_nuclei(objects, Limits(smallest, least_solidity, typical_contrast, least_step(plane)))
    if rises_no_more_than_noise(renumbered(parted, kept), seen):
        kept[:] = False
    labels = _at_full_size(renumbered(parted, kept), said.foreground, values.shape)
    debris = len(kept) - 1 - int(kept.sum())
    light, area = objects.light_and_area()
    return Nuclei(labels, diameter, debris, exposure(plane, labels, max_value), light, area, levels)


def _resampled(values: Floats, scale: float) -> Floats:
    size = [max(1, round(edge * scale)) for edge in values.shape[::-1]]
    how = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(values, size, interpolation=how), np.float32)


def _parted(said: Maps) -> Labels:
    """Foreground pixels by the middle that they point to, each nucleus in one piece."""
    votes = np.zeros_like(said.foreground)
    _kernels_votes.cast(said.foreground, said.depth, said.way, WAY_UNIT_PX, LEAST_WEIGHT, votes)
    votes = np.asarray(cv2.GaussianBlur(votes, (0, 0), VOTE_BLUR_PX), np.float32)
    basins, peaks = np.empty(votes.shape, np.int32), np.empty(votes.size, np.int32)
    floor = LEAST_VOTES / (2 * math.pi * VOTE_BLUR_PX**2)
    count = _kernels_nuclei.climb(votes, floor, basins, peaks)
    middles = _kernels_nuclei.join_basins(votes, basins, peaks, count, SAME_MIDDLE, NEAR_PX)
    replace_labels(basins, middles, basins)
    labels = np.empty_like(basins)
    _kernels_votes.follow(said.foreground, said.way, WAY_UNIT_PX, basins, labels)
    return _largest_pieces(labels)


def _largest_pieces(labels: Labels) -> Labels:
    """Labels of which only the largest piece of each is left, numbered from 1."""
    pieces = np.asarray(label(labels, connectivity=1), np.int32)  # type: ignore[no-untyped-call]
    areas = np.bincount(pieces.ravel())
    owner = np.zeros(len(areas), np.int32)
    owner[pieces.ravel()] = labels.ravel()
    order = np.lexsort((areas, owner))
    is_last = np.append(np.diff(owner[order]) != 0, True)
    keep = np.zeros(len(areas), np.bool_)
    keep[order[is_last]] = True
    keep[0] = False
    return renumbered(pieces, keep)


def _at_full_size(labels: Labels, foreground: Floats, shape: tuple[int, ...]) -> Labels:
    """Labels in the plane's own resolution, their outlines where the odds are even."""
    inside = np.asarray(cv2.resize(foreground, shape[::-1], interpolation=cv2.INTER_LINEAR) > 0, np.bool_)
    full = enlarged(labels, inside)
    # In a plane with smaller nuclei than the network's, the smallest pieces may fall between pixels.
    present = np.bincount(full.ravel(), minlength=int(labels.max(initial=0)) + 1) > 0
    present[0] = False
    return renumbered(full, present)
