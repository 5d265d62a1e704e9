"""Masks made better: holes filled."""

from __future__ import annotations

from typing import Literal

import cv2
import numpy as np
import numpy.typing as npt

from exoimage.errors import MeasureError

Mask = npt.NDArray[np.bool_]


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
    mask = np.asarray(mask)
    if mask.dtype != np.bool_ or mask.ndim != 2:
        raise MeasureError(f"a mask is a (y, x) array of bool, not {mask.dtype} of shape {mask.shape}")
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
        places = np.flatnonzero(holes)
        found = labels.ravel()[places]
        holes.ravel()[places] = np.bincount(found, minlength=1)[found] <= largest_px
    return np.asarray(mask | holes.view(np.bool_))
