"""Outlines to masks by ImageJ's rule: a pixel belongs to a shape if its centre does."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import numpy.typing as npt

Points = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]


def polygon_mask(rings: Iterable[npt.ArrayLike], shape: tuple[int, int]) -> Mask:
    """Fill closed outlines, even-odd: an outline within another is a hole.

    Parameters
    ----------
    rings : iterable of (n, 2) arrays
        x and y of the corners in px; (0, 0) is the upper left corner of the upper left pixel, whose centre is
        (0.5, 0.5). Outlines close by themselves and may reach beyond the image.
    shape : (int, int)
        Height and width of the mask.

    Returns
    -------
    (y, x) bool array
        Pixels whose centre lies inside. A centre exactly on an edge belongs to the shape left of it, as
        ImageJ's PolygonFiller decides (compared with ImageJ 1.53t).

    Examples
    --------
    >>> polygon_mask([[(1, 0), (3, 0), (3, 2), (1, 2)]], (3, 4)).astype(int)
    array([[0, 1, 1, 0],
           [0, 1, 1, 0],
           [0, 0, 0, 0]])
    """
    height, width = shape
    starts, ends = _edges(rings)
    upward = starts[:, 1] > ends[:, 1]
    upper, lower = np.where(upward[:, None], ends, starts), np.where(upward[:, None], starts, ends)
    first = np.clip(np.ceil(upper[:, 1] - 0.5), 0, height).astype(np.intp)
    beyond = np.clip(np.ceil(lower[:, 1] - 0.5), 0, height).astype(np.intp)
    rows_per_edge = np.maximum(beyond - first, 0)
    edge = np.repeat(np.arange(len(first)), rows_per_edge)
    within = np.arange(len(edge)) - np.repeat(np.cumsum(rows_per_edge) - rows_per_edge, rows_per_edge)
    rows = first[edge] + within
    slope = (lower[edge, 0] - upper[edge, 0]) / (lower[edge, 1] - upper[edge, 1])
    crossing = upper[edge, 0] + (rows + 0.5 - upper[edge, 1]) * slope
    columns = np.clip(np.floor(crossing + 0.5), 0, width).astype(np.intp)
    toggles = np.zeros((height, width + 1), np.uint8)
    np.add.at(toggles, (rows, columns), 1)
    return (np.cumsum(toggles & 1, axis=1, dtype=np.uint32)[:, :width] & 1).astype(np.bool_)


def ellipse_mask(x: float, y: float, width: float, height: float, shape: tuple[int, int]) -> Mask:
    """Fill the ellipse within a box: pixels whose centre lies inside or on it.

    Parameters
    ----------
    x, y, width, height : float
        The box, in px, of which (x, y) is the upper left corner.
    shape : (int, int)
        Height and width of the mask.
    """
    rows = (np.arange(shape[0]) + 0.5 - (y + height / 2)) / (height / 2)
    columns = (np.arange(shape[1]) + 0.5 - (x + width / 2)) / (width / 2)
    return np.asarray(rows[:, np.newaxis] ** 2 + columns**2 <= 1.0)


def bezier(points: npt.ArrayLike, pieces: int = 32) -> Points:
    """Flatten a quadratic or cubic Bézier curve of 3 or 4 points; the first point is left out."""
    control = np.asarray(points, np.float64)
    share = (np.arange(1, pieces + 1) / pieces)[:, np.newaxis, np.newaxis]
    level = np.broadcast_to(control, (pieces, *control.shape))
    while level.shape[1] > 1:  # de Casteljau
        level = level[:, :-1] * (1 - share) + level[:, 1:] * share
    return np.asarray(level[:, 0])


def _edges(rings: Iterable[npt.ArrayLike]) -> tuple[Points, Points]:
    corners = [np.asarray(ring, np.float64).reshape(-1, 2) for ring in rings]
    corners = [ring for ring in corners if len(ring)] or [np.zeros((1, 2))]
    return np.concatenate(corners), np.concatenate([np.roll(ring, -1, axis=0) for ring in corners])
