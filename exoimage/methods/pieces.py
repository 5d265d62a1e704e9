"""Objects that tiles cut: their pieces, what can be added up of them, and which belong together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Labels = npt.NDArray[np.int32]
Plane = npt.NDArray[np.float32]
Ids = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]

_TWELFTH = 1.0 / 12.0
"""Second moment of a pixel's own square."""


@dataclass(frozen=True, eq=False)
class Extents:
    """Boxes of labelled objects, as arrays of one length; entry k has the label k + 1.

    Parameters
    ----------
    top, left, height, width : (n,) int64
        0 of a label that occurs nowhere.
    """

    top: Ids
    left: Ids
    height: Ids
    width: Ids


@dataclass(frozen=True, eq=False)
class Pieces:
    """Sums over the pixels of pieces, which add up to those of their object.

    Parameters
    ----------
    area : (n,) float64
    sums : (n, 5) float64
        Of y, x, y², x² and y·x; the centre of the picture's first pixel is 0.5.
    intensity : (n,) float64
        Of a plane.
    """

    area: Floats
    sums: Floats
    intensity: Floats

    def __len__(self) -> int:
        return len(self.area)


def extents(labels: Labels) -> Extents:
    """Boxes of labelled objects.

    Examples
    --------
    >>> found = extents(np.array([[0, 1, 1], [2, 0, 1]], np.int32))
    >>> found.height.tolist(), found.width.tolist()
    ([2, 1], [2, 1])
    """
    from exoimage.methods._kernels_particles import scan

    _, boxes, _ = scan(np.ascontiguousarray(labels), int(labels.max(initial=0)))
    present = boxes[:, 0] > 0
    return Extents(
        boxes[:, 2], boxes[:, 1], (boxes[:, 4] - boxes[:, 2] + 1) * present, (boxes[:, 3] - boxes[:, 1] + 1) * present
    )


def measure_pieces(labels: Labels, plane: Plane, top: int, left: int) -> Pieces:
    """Sums over labelled pieces.

    Parameters
    ----------
    labels : (y, x) int32 array
        0 is background, 1 … n the pieces; each has a pixel.
    plane : (y, x) float32 array
    top, left : int
        Place of the array in the picture.

    Examples
    --------
    >>> found = measure_pieces(np.array([[1, 1]], np.int32), np.array([[0.5, 1.0]], np.float32), 10, 0)
    >>> found.area.tolist(), found.sums[0, :2].tolist(), found.intensity.tolist()
    ([2.0], [21.0, 2.0], [1.5])
    """
    rows, columns = np.nonzero(labels)
    number = labels[rows, columns]
    y, x = rows + (top + 0.5), columns + (left + 0.5)
    count = int(labels.max(initial=0)) + 1
    sums = [np.bincount(number, weights=w, minlength=count)[1:] for w in (y, x, y * y, x * x, y * x)]
    area = np.bincount(number, minlength=count)[1:].astype(np.float64)
    intensity = np.bincount(number, weights=plane[rows, columns], minlength=count)[1:].astype(np.float64)
    return Pieces(area, np.stack(sums, axis=1).astype(np.float64), intensity)


def no_pieces() -> Pieces:
    """Pieces of nothing."""
    return Pieces(np.empty(0), np.empty((0, 5)), np.empty(0))


def joined(parts: Sequence[Pieces]) -> Pieces:
    """The pieces of all tiles in one table."""
    if not parts:
        return no_pieces()
    return Pieces(
        np.concatenate([part.area for part in parts]),
        np.concatenate([part.sums for part in parts]),
        np.concatenate([part.intensity for part in parts]),
    )


def same_object(count: int, pairs: npt.NDArray[np.int64]) -> Ids:
    """Which object each piece is of, numbered from 0 in the order of their first pieces.

    Parameters
    ----------
    count : int
        Of the pieces.
    pairs : (k, 2) int64 array
        Pieces that are of one object.

    Examples
    --------
    >>> same_object(4, np.array([[0, 2], [2, 3]])).tolist()
    [0, 1, 0, 0]
    """
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    if count == 0:
        return np.empty(0, np.int64)
    graph = coo_array((np.ones(len(pairs), np.int8), (pairs[:, 0], pairs[:, 1])), shape=(count, count))
    _, member = connected_components(graph, directed=False)
    _, first, inverse = np.unique(member, return_index=True, return_inverse=True)
    return np.argsort(np.argsort(first)).astype(np.int64)[inverse]


def added(pieces: Pieces, owner: Ids) -> Pieces:
    """The sums of whole objects from those of their pieces."""
    count = int(owner.max(initial=-1)) + 1
    columns = np.concatenate([pieces.area[:, np.newaxis], pieces.sums, pieces.intensity[:, np.newaxis]], axis=1)
    whole = np.stack([np.bincount(owner, weights=w, minlength=count) for w in columns.T], axis=1).astype(np.float64)
    return Pieces(whole[:, 0], whole[:, 1:6], whole[:, 6])


def roundness(pieces: Pieces) -> Floats:
    """Minor / major axis of the ellipses of equal second moments, as in `particles.ObjectTable`.

    Examples
    --------
    >>> line = measure_pieces(np.ones((2, 4), np.int32), np.ones((2, 4), np.float32), 0, 0)
    >>> roundness(line).round(6).tolist()
    [0.5]
    """
    area = np.maximum(pieces.area, 1)
    y, x, yy, xx, yx = (pieces.sums / area[:, np.newaxis]).T
    vy, vx, cross = yy - y * y + _TWELFTH, xx - x * x + _TWELFTH, yx - y * x
    spread = np.sqrt(np.square(vy - vx) / 4 + cross * cross)
    middle = (vy + vx) / 2
    return np.asarray(np.sqrt(np.maximum(middle - spread, 0) / np.maximum(middle + spread, 1e-30)))
