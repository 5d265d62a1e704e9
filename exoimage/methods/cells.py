"""Cells around nuclei, and their fluorescence above the background of places without cells (CTCF)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from exoimage.errors import MeasureError
from exoimage.methods import cell_compartments, thresholds

Plane = npt.NDArray[Any]
Labels = npt.NDArray[np.int32]
Mask = npt.NDArray[np.bool_]
Doubles = npt.NDArray[np.float64]

BACKGROUND_REGIONS = 5
"""Places whose mean is the background; three are the least that a CTCF asks for."""

LEAST_REGIONS = 3

LEAST_EDGE_PX = 4
"""Smaller squares are noise, not background."""


@dataclass(frozen=True, eq=False)
class Background:
    """Where a plane holds no cell, and how bright it is there.

    Parameters
    ----------
    mean : float
        Of the regions' means.
    boxes : tuple of (y, x, edge) in px
        The regions: squares, the darkest first.
    cell_free : bool
        Whether they lie off all cells. If cells cover the plane, the darkest squares are taken wherever they lie.
    """

    mean: float
    boxes: tuple[tuple[int, int, int], ...]
    cell_free: bool


def cells_around(nuclei: Labels, reach_px: float) -> Labels:
    """Cells as what is nearer to one nucleus than to any other, up to a distance (bounded Voronoi).

    Parameters
    ----------
    nuclei : (y, x) int32 array
        0 is background.
    reach_px : float
        How far a cell reaches beyond its nucleus.

    Returns
    -------
    (y, x) int32 array
        The nuclei's numbers.

    Notes
    -----
    As CellProfiler's "Distance - N": Jones et al., Lect Notes Comput Sci 3765:535–543 (2005),
    https://doi.org/10.1007/11569541_54, discuss what such cells are good for.

    Examples
    --------
    >>> cells_around(np.array([[1, 0, 0, 0, 2]], np.int32), 1.0).tolist()
    [[1, 1, 0, 2, 2]]
    """
    return np.asarray(nuclei + cell_compartments.cytoplasm(nuclei, reach_px), dtype=np.int32)


def cells_within(nuclei: Labels, mask: Mask) -> Labels:
    """Cells as the pieces of a mask, each pixel given to the nearest nucleus; pieces without a nucleus are none.

    Parameters
    ----------
    nuclei : (y, x) int32 array
        0 is background.
    mask : (y, x) bool array
        Where there are cells, from a stain of cytoplasm or membranes.

    Returns
    -------
    (y, x) int32 array
        The nuclei's numbers; nuclei belong to their cells whatever the mask says.

    Raises
    ------
    MeasureError
        If the shapes differ.

    Examples
    --------
    >>> mask = np.array([[True, True, False, True]])
    >>> cells_within(np.array([[1, 0, 0, 0]], np.int32), mask).tolist()
    [[1, 1, 0, 0]]
    """
    if nuclei.shape != mask.shape:
        raise MeasureError(f"nuclei and mask are of one shape, not {nuclei.shape} and {mask.shape}")
    covered = mask | (nuclei > 0)
    _, pieces = cv2.connectedComponents(covered.view(np.uint8), connectivity=8, ltype=cv2.CV_32S)
    pieces = np.asarray(pieces)
    with_nucleus = np.zeros(int(pieces.max(initial=0)) + 1, dtype=np.bool_)
    with_nucleus[pieces[nuclei > 0]] = True
    nearest = cells_around(nuclei, float(np.hypot(*nuclei.shape)))
    return np.where(covered & with_nucleus[pieces], nearest, 0).astype(np.int32)


def cell_mask(plane: Plane, smoothing_px: float = 2.0) -> Mask:
    """Where a stain of cytoplasm or membranes shows cells: above Li's threshold of the smoothed plane.

    Parameters
    ----------
    plane : (y, x) array
        Stored values.
    smoothing_px : float
        Sigma.

    Returns
    -------
    (y, x) bool array
        Empty where the plane is even.

    Notes
    -----
    Li & Tam, Pattern Recognit Lett 19:771–776 (1998), https://doi.org/10.1016/S0167-8655(98)00057-9.

    Examples
    --------
    >>> plane = np.zeros((40, 40), np.uint8)
    >>> plane[10:30, 10:30] = 90
    >>> bool(400 <= cell_mask(plane).sum() < 650)
    True
    """
    smooth = cv2.GaussianBlur(
        np.asarray(plane, dtype=np.float32), (0, 0), smoothing_px, borderType=cv2.BORDER_REFLECT_101
    )
    low, high = float(smooth.min()), float(np.percentile(smooth, 99.9))
    if not high > low:
        return np.zeros(plane.shape, dtype=np.bool_)
    steps = np.clip((smooth - low) / (high - low) * 255, 0, 255).astype(np.uint8)
    level = thresholds.find(np.bincount(steps.ravel(), minlength=256), "Li").level
    return np.zeros(plane.shape, dtype=np.bool_) if level is None else steps > level


def find_background(plane: Plane, occupied: Mask, edge_px: int) -> Background:
    """The darkest places without cells.

    The plane is laid out with squares. Of those without any occupied pixel the five of the lowest mean are the
    background, or all of them where there are fewer; if there are not even three, the squares are halved, down to 4 px.

    Parameters
    ----------
    plane : (y, x) array
        Stored values.
    occupied : (y, x) bool array
        Cells, and what else is no background.
    edge_px : int
        Edge of a square to begin with: about a nucleus' radius.

    Returns
    -------
    Background

    Examples
    --------
    >>> plane = np.full((40, 40), 7, np.uint8)
    >>> plane[:, :20] = 50
    >>> found = find_background(plane, plane > 7, 8)
    >>> found.mean, len(found.boxes), found.cell_free
    (7.0, 5, True)
    """
    edge = max(LEAST_EDGE_PX, min(edge_px, *plane.shape))
    while True:
        found = _darkest(plane, occupied, edge)
        if len(found.boxes) >= LEAST_REGIONS:
            return found
        if edge // 2 < LEAST_EDGE_PX:
            break
        edge //= 2
    anywhere = _darkest(plane, np.zeros(plane.shape, dtype=np.bool_), max(LEAST_EDGE_PX, min(edge_px, *plane.shape)))
    if anywhere.boxes:
        return Background(anywhere.mean, anywhere.boxes, cell_free=False)
    return Background(float(plane.min()) if plane.size else 0.0, (), cell_free=False)


def ctcf(integrated: Doubles, area_px: npt.NDArray[Any], background: float) -> Doubles:
    """Corrected total cell fluorescence: integrated density less area times mean background.

    Parameters
    ----------
    integrated : (n,) float64 array
        Sum of the stored values of each cell.
    area_px : (n,) array
    background : float
        Mean of the background's pixels.

    Notes
    -----
    As usual with ImageJ: Burgess et al., PNAS 107:12564–12569 (2010), https://doi.org/10.1073/pnas.0914191107.

    Examples
    --------
    >>> ctcf(np.array([1000.0]), np.array([10]), 20.0).tolist()
    [800.0]
    """
    return np.asarray(integrated - area_px * background, dtype=np.float64)


def _darkest(plane: Plane, occupied: Mask, edge: int) -> Background:
    """The darkest squares of an edge without an occupied pixel."""
    rows, columns = plane.shape[0] // edge, plane.shape[1] // edge
    inner = (slice(0, rows * edge), slice(0, columns * edge))
    shape = (rows, edge, columns, edge)
    means = plane[inner].reshape(shape).mean(axis=(1, 3), dtype=np.float64)
    free = np.flatnonzero(~occupied[inner].reshape(shape).any(axis=(1, 3)))
    if not len(free):
        return Background(0.0, (), cell_free=True)
    chosen = free[np.argsort(means.ravel()[free], kind="stable")[:BACKGROUND_REGIONS]]
    boxes = tuple((int(k // columns) * edge, int(k % columns) * edge, edge) for k in chosen)
    return Background(float(means.ravel()[chosen].mean()), boxes, cell_free=True)
