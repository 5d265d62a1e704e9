"""Masks made better: holes filled, touching objects cut apart, distances to the background."""

from __future__ import annotations

from typing import Literal

import cv2
import numpy as np
import numpy.typing as npt

from exoimage.errors import MeasureError
from exoimage.methods import _kernels_watershed as watershed_kernels
from exoimage.methods import maxima
from exoimage.methods._distances import distances
from exoimage.methods._process_input import checked_mask

Mask = npt.NDArray[np.bool_]
Floats = npt.NDArray[np.float32]

_DISC_PX = 5
"""Width of the disc that `without_thin_parts` opens by, at its coarse scale."""

_GROWTH = watershed_kernels.growth_table()


def fill_holes(mask: Mask, largest_px: float = np.inf, connectivity: Literal[4, 8] = 8) -> Mask:
    """Fill the holes of a mask, up to a size.

    A hole is background that cannot reach the border of the image. Where objects are 8-connected, background
    is 4-connected, and the reverse. With the defaults this is ImageJ's Fill Holes.

    Parameters
    ----------
    mask : (y, x) bool array
        True is foreground.
    largest_px : float
        The largest hole that is filled, in px (inclusive); objects inside it do not count.
    connectivity : {8, 4}
        Of the objects.

    Returns
    -------
    (y, x) bool array
        A new mask.

    Raises
    ------
    MeasureError
        If the mask is not a two-dimensional bool array, or the connectivity neither 4 nor 8.

    Examples
    --------
    >>> ring = np.ones((3, 3), bool)
    >>> ring[1, 1] = False
    >>> bool(fill_holes(np.pad(ring, 1))[2, 2]), bool(fill_holes(np.pad(ring, 1), largest_px=0)[2, 2])
    (True, False)
    """
    mask = checked_mask(mask)
    if connectivity not in (4, 8):
        raise MeasureError(f"connectivity is 4 or 8, not {connectivity!r}")
    if 0 in mask.shape:
        return mask.copy()
    across = 12 - connectivity
    framed = cv2.copyMakeBorder((~mask).view(np.uint8), 1, 1, 1, 1, cv2.BORDER_CONSTANT, value=1)
    cv2.floodFill(framed, None, (0, 0), 0, flags=across)
    holes = np.ascontiguousarray(framed[1:-1, 1:-1])
    if not np.isinf(largest_px):
        labels = cv2.connectedComponents(holes, connectivity=across, ltype=cv2.CV_32S)[1]
        places = np.flatnonzero(holes.view(np.bool_))
        found = labels.ravel()[places]
        holes.ravel()[places] = np.bincount(found, minlength=1)[found] <= largest_px
    return np.asarray(mask | holes.view(np.bool_))


def without_thin_parts(mask: Mask, width_px: float) -> Mask:
    """Take away what is thinner than a width: strokes, bridges, specks.

    An opening by a disc of that diameter, at a scale at which the disc is some 5 px wide, and of the mask what lies on
    or next to what is left: outlines keep their detail.

    Parameters
    ----------
    mask : (y, x) bool array
        True is foreground.
    width_px : float
        Below 2 nothing is thin.

    Returns
    -------
    (y, x) bool array
        A new mask.

    Raises
    ------
    MeasureError
        If the mask is not a two-dimensional bool array.

    Examples
    --------
    >>> mask = np.zeros((40, 60), bool)
    >>> mask[10:30, 10:30] = True
    >>> mask[19:21, 30:55] = True
    >>> thick = without_thin_parts(mask, 8)
    >>> bool(thick[20, 20]), bool(thick[20, 45])
    (True, False)
    """
    mask = checked_mask(mask)
    factor = max(1, round(width_px / _DISC_PX))
    radius = int(width_px / factor / 2)
    if radius < 1 or 0 in mask.shape:
        return mask.copy()
    shape = tuple(-(-length // factor) for length in mask.shape)
    padding = [factor * short - length for short, length in zip(shape, mask.shape, strict=True)]
    full = cv2.copyMakeBorder(mask.view(np.uint8), 0, padding[0], 0, padding[1], cv2.BORDER_REPLICATE)
    disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * radius + 1, 2 * radius + 1))
    if factor == 1:
        opened = cv2.morphologyEx(full, cv2.MORPH_OPEN, disc, borderType=cv2.BORDER_REPLICATE)
    else:
        share = np.asarray(cv2.resize(full * np.uint8(255), shape[::-1], interpolation=cv2.INTER_AREA))
        thick = cv2.morphologyEx((share > 127).view(np.uint8), cv2.MORPH_OPEN, disc, borderType=cv2.BORDER_REPLICATE)
        wider = cv2.dilate(thick, np.ones((3, 3), np.uint8))
        opened = cv2.resize(wider, None, fx=factor, fy=factor, interpolation=cv2.INTER_NEAREST)
    kept = np.asarray(opened, dtype=np.uint8)[: mask.shape[0], : mask.shape[1]]
    return np.asarray(mask & kept.view(np.bool_))


def distance_map(mask: Mask, edges_are_background: bool = False) -> Floats:
    """Distance of every pixel of a mask to the nearest background pixel, as ImageJ's Distance Map.

    Parameters
    ----------
    mask : (y, x) bool array
        True is foreground.
    edges_are_background : bool
        Whether what lies beyond the image counts as background. ImageJ's commands say no.

    Returns
    -------
    (y, x) float32 array
        In px; 0 is background. Infinite where there is no background at all (ImageJ gives 46341).

    Raises
    ------
    MeasureError
        If the mask is not a two-dimensional bool array.

    Notes
    -----
    Four passes hand the nearest background pixel on from neighbour to neighbour (Leymarie and Levine, CVGIP: Image
    Understanding 55, 84–94 (1992), https://doi.org/10.1016/1049-9660(92)90008-Q). Few pixels, less than one in a
    hundred, differ from the exact distance, by less than 0.1 px; they are the same as ImageJ's.

    Examples
    --------
    >>> distance_map(np.array([[False, True, True, True]]))
    array([[0., 1., 2., 3.]], dtype=float32)
    """
    mask = checked_mask(mask)
    if edges_are_background:
        return distance_map(np.pad(mask, 1))[1:-1, 1:-1].copy()
    if mask.all():
        return np.full(mask.shape, np.inf, np.float32)
    return distances(mask)


def watershed_imagej(mask: Mask) -> Mask:
    """Cut touching objects apart where they narrow, as ImageJ's Process > Binary > Watershed, pixel by pixel.

    Basins are the summits of the distance map that rise at least 0.5 px over the saddle to a higher one. They grow down
    the slopes level by level, and the pixels where two meet become background.

    Parameters
    ----------
    mask : (y, x) bool array
        True is foreground.

    Returns
    -------
    (y, x) bool array
        A new mask. A mask without background comes back whole.

    Raises
    ------
    MeasureError
        If the mask is not a two-dimensional bool array.

    Notes
    -----
    Summits and saddles are those of `maxima.ultimate_points`. Distances become whole levels, 254 at most; the basins
    grow over each level by turns from the eight directions, never where a pixel's neighbours belong to more than one.
    As `ij.plugin.filter.EDM`, equal in ImageJ 1.53t and 1.54p; the growth is Russ's, The Image Processing Handbook.

    Examples
    --------
    >>> y, x = np.ogrid[:21, :41]
    >>> touching = ((y - 10) ** 2 + (x - 11) ** 2 < 90) | ((y - 10) ** 2 + (x - 28) ** 2 < 90)
    >>> cut = watershed_imagej(touching)
    >>> cv2.connectedComponents(touching.view(np.uint8))[0] - 1, cv2.connectedComponents(cut.view(np.uint8))[0] - 1
    (1, 2)
    """
    mask = checked_mask(mask)
    if mask.all() or not mask.any():
        return mask.copy()
    distance = distances(mask)
    peaks = maxima.search(distance, prominence=0.5, edm=True)
    levels = np.empty(mask.shape, np.uint8)
    watershed_kernels.distance_levels(distance, peaks.marks, levels)
    watershed_kernels.flatten_other_peaks(levels, peaks.candidates, peaks.marks)
    watershed_kernels.grow_basins(levels, _GROWTH)
    return np.asarray(mask & (levels == 255))
