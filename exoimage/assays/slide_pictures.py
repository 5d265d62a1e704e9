"""What was counted on a slide, at the size of a small picture of it."""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

Mask = npt.NDArray[np.bool_]

SEEN_SHARE = 1 / 8
"""A small pixel is set where so much of it is, as in overlays of fields: small objects survive."""


class Thumbnails:
    """A mask of a slide, made small tile by tile.

    Parameters
    ----------
    shape : (height, width)
        Of the slide.
    small : (height, width)
        Of the small picture.
    """

    def __init__(self, shape: tuple[int, int], small: tuple[int, int]) -> None:
        self._factors = shape[0] / small[0], shape[1] / small[1]
        self._share = np.zeros(small, np.float32)

    def add(self, mask: Mask, top: int, left: int) -> None:
        """Add the mask of a tile at its place."""
        if not mask.any():
            return
        (first, last, rows), (begin, end, columns) = (
            _steps(start, length, factor, size)
            for start, length, factor, size in zip(
                (top, left), mask.shape, self._factors, self._share.shape, strict=True
            )
        )
        sums = np.asarray(cv2.integral(np.ascontiguousarray(mask).view(np.uint8), sdepth=cv2.CV_32S))
        corners = sums[np.append(rows, mask.shape[0])][:, np.append(columns, mask.shape[1])]
        by_pixel = np.diff(np.diff(corners, axis=0), axis=1)
        self._share[first:last, begin:end] += by_pixel / np.float32(self._factors[0] * self._factors[1])

    def mask(self) -> Mask:
        """Where enough of a small pixel is set."""
        return np.asarray(self._share >= SEEN_SHARE)


def _steps(start: int, length: int, factor: float, size: int) -> tuple[int, int, npt.NDArray[np.intp]]:
    """The small pixels that a tile's rows fall into, first and behind the last, and where each begins in the tile."""
    owner = np.minimum((np.arange(start, start + length) / factor).astype(np.intp), size - 1)
    begins = np.flatnonzero(np.diff(owner, prepend=-1))
    return int(owner[0]), int(owner[-1]) + 1, begins
