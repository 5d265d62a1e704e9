"""Distances to the background, on checked masks."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from exoimage.methods._kernels_distances import sweep_distances

_UNREACHED = np.float32(2**31)  # squared: farther than any pixel of an image


def distances(mask: npt.NDArray[np.bool_]) -> npt.NDArray[np.float32]:
    """`segmentation.distance_map` of a (y, x) bool array with some background.

    Examples
    --------
    >>> distances(np.array([[True, True, False, True]]))
    array([[2., 1., 0., 1.]], dtype=float32)
    """
    mask = np.ascontiguousarray(mask)
    squared = np.where(mask, _UNREACHED, np.float32(0))
    for up in (False, True):
        for leftward in (False, True):
            sweep_distances(mask, up, leftward, squared)
    return np.sqrt(squared, out=squared)
