"""Touching objects taken apart where they narrow, without losing a pixel of their area."""

from __future__ import annotations

import math

import cv2
import numpy as np
import numpy.typing as npt

from exoimage.errors import MeasureError
from exoimage.methods import _kernels_watershed as watershed_kernels
from exoimage.methods import maxima, particles
from exoimage.methods._process_input import checked_mask

Mask = npt.NDArray[np.bool_]
Labels = npt.NDArray[np.int32]
Floats = npt.NDArray[np.float32]

NECK = 0.85
"""Objects are parted where the neck between them is narrower than this share of the smaller one's width."""

COARSE_PX = 10
"""Necks are looked for at a scale at which the smallest object still has this diameter: rough outlines make none."""


def split_touching(mask: Mask, smallest_px: float = COARSE_PX, *, neck: float = NECK) -> Labels:
    """Label the objects of a mask, those that touch taken apart at their necks.

    Summits of the distance map stand for objects; two of them are one object unless the saddle between them is lower
    than `neck` times the lower summit. That holds for large and small objects alike, unlike a difference in px.

    Parameters
    ----------
    mask : (y, x) bool array
        True is foreground.
    smallest_px : float
        Diameter of the smallest object that counts: nothing finer decides where to cut.
    neck : float
        Largest width of a neck relative to the smaller object's, 0 to 1. 0 parts nothing.

    Returns
    -------
    (y, x) int32 array
        0 is background. Every pixel of the mask has a label.

    Raises
    ------
    MeasureError
        If the mask is not a two-dimensional bool array, or `neck` not between 0 and 1.

    Notes
    -----
    Watershed of the distance map (Beucher and Lantuéjoul 1979) with a relative prominence of summits in place of
    ImageJ's 0.5 px, which takes rough nodules to pieces.

    Examples
    --------
    >>> y, x = np.ogrid[:60, :110]
    >>> touching = ((y - 30) ** 2 + (x - 32) ** 2 < 500) | ((y - 30) ** 2 + (x - 74) ** 2 < 500)
    >>> int(particles.label(touching).max()), int(split_touching(touching).max())
    (1, 2)
    """
    mask = checked_mask(mask)
    if not 0 <= neck < 1:
        raise MeasureError(f"neck is a share from 0 to 1, not {neck!r}")
    whole = particles.label(mask)
    if neck == 0 or whole.max() == 0 or mask.all():
        return whole
    factor = max(1, int(smallest_px / COARSE_PX))
    basins, summits = _basins(_reduced(mask, factor), neck)
    places = np.minimum(summits * factor + factor // 2, np.array(mask.shape) - 1)
    owners = whole[places[:, 0], places[:, 1]]
    count = int(whole.max())
    has_several = np.bincount(owners, minlength=count + 1) > 1
    has_several[0] = False
    if not has_several.any():
        return whole
    return _assigned(whole, basins, owners, has_several, factor)


def _reduced(mask: Mask, factor: int) -> Mask:
    """The mask at a coarser scale: foreground where most of a block's pixels are."""
    if factor == 1:
        return mask
    height, width = (math.ceil(length / factor) for length in mask.shape)
    padded = cv2.copyMakeBorder(
        mask.view(np.uint8), 0, height * factor - mask.shape[0], 0, width * factor - mask.shape[1], cv2.BORDER_REPLICATE
    )
    share = cv2.resize(padded * np.uint8(255), (width, height), interpolation=cv2.INTER_AREA)
    return np.asarray(share > 127)


def _basins(mask: Mask, neck: float) -> tuple[Labels, npt.NDArray[np.int64]]:
    """Basins of the distance map, numbered from 1, and their summits (n, 2) in that order."""
    distance = np.asarray(cv2.distanceTransform(mask.view(np.uint8), cv2.DIST_L2, 5), dtype=np.float32)
    # On the logarithm of the distance a ratio of widths is a difference of heights.
    heights = np.where(mask, np.log(np.maximum(distance, 0.5)) + 1, 0).astype(np.float32)
    peaks = maxima.search(heights, prominence=-math.log(neck))
    points = peaks.points[mask[peaks.points[:, 0], peaks.points[:, 1]]]
    seeds = np.zeros(mask.shape, np.int32)
    seeds[points[:, 0], points[:, 1]] = np.arange(1, len(points) + 1)
    basins = np.empty(mask.shape, np.int32)
    levels = np.where(mask, np.minimum(distance, 16_000) * 4, 0).astype(np.uint16)
    watershed_kernels.flood(levels, seeds, basins)
    return basins, points


def _assigned(whole: Labels, basins: Labels, owners: npt.NDArray[np.int32], has_several: Mask, factor: int) -> Labels:
    """Give each pixel of an object of several basins its basin's label; the first basin keeps the object's."""
    count = len(has_several) - 1
    by_owner = np.argsort(owners, kind="stable")
    is_first = np.ones(len(owners), dtype=np.bool_)
    is_first[1:] = owners[by_owner][1:] != owners[by_owner][:-1]
    labels_of = np.zeros(len(owners) + 1, dtype=np.int32)
    is_new = has_several[owners[by_owner]] & ~is_first
    labels_of[1 + by_owner] = np.where(is_new, count + np.cumsum(is_new), owners[by_owner])
    labels = np.empty_like(whole)
    owner_of = np.concatenate(([0], owners)).astype(np.int32)
    watershed_kernels.assign_basins(whole, basins, factor, owner_of, labels_of, has_several, labels)
    return labels
