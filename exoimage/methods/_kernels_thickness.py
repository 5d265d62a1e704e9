"""Compiled loops of local thickness."""

from __future__ import annotations

from typing import Any

import numba as nb
import numpy as np
import numpy.typing as npt

# How far to look for a disc that holds another, and by how much it may miss: distances in a grid never fit.
# What is dropped wrongly is a sliver at the outline; what stays wrongly costs time only.
_NEAR = 3
_SLACK = np.float32(0.05)


@nb.njit(cache=True, nogil=True)
def is_ridge(distance: npt.NDArray[Any]) -> npt.NDArray[np.bool_]:
    """Tell the pixels whose inscribed disc lies within no disc of a neighbour."""
    height, width = distance.shape
    ridge = np.zeros((height, width), dtype=np.bool_)
    for y in range(height):
        for x in range(width):
            radius = distance[y, x]
            if radius <= 0:
                continue
            kept = True
            for dy in range(-_NEAR, _NEAR + 1):
                for dx in range(-_NEAR, _NEAR + 1):
                    v, u = y + dy, x + dx
                    if (dy == 0 and dx == 0) or v < 0 or u < 0 or v >= height or u >= width:
                        continue
                    if distance[v, u] >= radius + np.sqrt(np.float32(dy * dy + dx * dx)) - _SLACK:
                        kept = False
                        break
                if not kept:
                    break
            ridge[y, x] = kept
    return ridge


@nb.njit(cache=True, nogil=True)
def lay_discs(
    rows: npt.NDArray[Any], columns: npt.NDArray[Any], radii: npt.NDArray[Any], largest: npt.NDArray[Any]
) -> None:
    """Write the radius of the largest disc that holds each pixel; `radii` come in falling order."""
    height, width = largest.shape
    for k in range(len(radii)):
        radius = radii[k]
        # Distances of pixel centres have whole squares: a pixel at exactly the radius is the nearest one outside.
        square = int(radius * radius + 0.5)
        reach = int(np.ceil(radius))
        for y in range(max(0, rows[k] - reach), min(height, rows[k] + reach + 1)):
            left = square - (y - rows[k]) * (y - rows[k])
            if left <= 0:
                continue
            half = int(np.ceil(np.sqrt(left))) - 1
            for x in range(max(0, columns[k] - half), min(width, columns[k] + half + 1)):
                if largest[y, x] < radius:
                    largest[y, x] = radius
