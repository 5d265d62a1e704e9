"""Compartments of cells in bright field: a nucleus' core, the cytoplasm around it, and what stain they hold."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from exoimage.errors import MeasureError
from exoimage.methods import _kernels_nuclei as kernels
from exoimage.methods import particles

Floats = npt.NDArray[np.float32]
Labels = npt.NDArray[np.int32]


@dataclass(frozen=True, eq=False)
class NucleusTable:
    """What is measured of every nucleus or ring, as arrays of one length; entry k has the label k + 1.

    Parameters
    ----------
    area_px : (n,) int64
        Pixels; 0 for a label that occurs nowhere.
    y_px, x_px : (n,) float64
        Centroid; the middle of the first pixel is 0.5.
    dab_sum, haematoxylin_sum : (n,) float64
        Sums of the two planes.
    """

    area_px: npt.NDArray[np.int64]
    y_px: npt.NDArray[np.float64]
    x_px: npt.NDArray[np.float64]
    dab_sum: npt.NDArray[np.float64]
    haematoxylin_sum: npt.NDArray[np.float64]


def measure_nuclei(labels: Labels, dab: Floats, haematoxylin: Floats, count: int | None = None) -> NucleusTable:
    """Area, centroid and sums of two planes of labelled nuclei or of their rings.

    Parameters
    ----------
    labels : (y, x) int32 array
        0 is background.
    dab, haematoxylin : (y, x) float32 array
    count : int, optional
        The largest label. Default: looked up.

    Returns
    -------
    NucleusTable

    Raises
    ------
    MeasureError
        If the shapes differ.

    Examples
    --------
    >>> plane = np.full((2, 2), 0.5, np.float32)
    >>> table = measure_nuclei(np.array([[1, 1], [0, 1]], np.int32), plane, plane)
    >>> table.area_px.tolist(), table.dab_sum.tolist()
    ([3], [1.5])
    """
    if not labels.shape == dab.shape == haematoxylin.shape:
        raise MeasureError(f"labels and planes are of one shape, not {labels.shape}, {dab.shape}, {haematoxylin.shape}")
    most = int(labels.max(initial=0)) if count is None else count
    sums = kernels.sums_by_label(labels, dab, haematoxylin, most)[1:]
    area = np.maximum(sums[:, 0], 1)
    return NucleusTable(sums[:, 0].astype(np.int64), sums[:, 3] / area, sums[:, 4] / area, sums[:, 1], sums[:, 2])


def only_within(nuclei: Labels, inside: npt.NDArray[np.bool_]) -> Labels:
    """Nuclei whose larger part lies inside a region, cut at its border and numbered on.

    Parameters
    ----------
    nuclei : (y, x) int32 array
    inside : (y, x) bool array

    Returns
    -------
    (y, x) int32 array

    Examples
    --------
    >>> only_within(np.array([[1, 1, 2, 2]], np.int32), np.array([[True, False, True, True]])).tolist()
    [[1, 0, 2, 2]]
    """
    whole = np.bincount(nuclei.ravel())
    cut = np.where(inside, nuclei, 0)
    keep = 2 * np.bincount(cut.ravel(), minlength=len(whole)) >= whole
    return particles.only_labels(np.ascontiguousarray(cut, dtype=np.int32), keep[1:])


def cores(nuclei: Labels, rim_px: float) -> Labels:
    """Nuclei without their rim, whose pixels are half nucleus and half surroundings and would dilute any mean.

    Parameters
    ----------
    nuclei : (y, x) int32 array
        From `find_nuclei`.
    rim_px : float
        Width of the rim.

    Returns
    -------
    (y, x) int32 array
        The same numbers. A nucleus without a core stays whole.

    Examples
    --------
    >>> nuclei = np.zeros((7, 7), np.int32)
    >>> nuclei[1:6, 1:6], nuclei[0, 0] = 1, 2
    >>> np.bincount(cores(nuclei, 1).ravel())[1:].tolist()
    [9, 1]
    """
    if rim_px < 0.5:
        return nuclei
    edge = int(2 * rim_px) | 1
    disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (edge, edge))
    mask = cv2.erode((nuclei > 0).view(np.uint8), disc, borderType=cv2.BORDER_CONSTANT, borderValue=1)
    core = np.asarray(nuclei * np.asarray(mask), dtype=np.int32)
    count = int(nuclei.max(initial=0))
    has_core = np.zeros(count + 1, dtype=np.bool_)
    has_core[core] = True
    return core if has_core.all() else np.where(has_core[nuclei], core, nuclei)


def cytoplasm(nuclei: Labels, width_px: float, gap_px: float = 0.0) -> Labels:
    """A ring around each nucleus, up to a width and never beyond half-way to the next nucleus.

    Parameters
    ----------
    nuclei : (y, x) int32 array
        From `find_nuclei`.
    width_px : float
        Greatest distance of a ring's pixels from the nucleus.
    gap_px : float
        Nearer pixels are left out: they are half nucleus.

    Returns
    -------
    (y, x) int32 array
        The nucleus' number in its ring; 0 within nuclei and beyond.

    Examples
    --------
    >>> cytoplasm(np.array([[1, 0, 0, 0, 2]], np.int32), 1.5).tolist()
    [[0, 1, 0, 2, 0]]
    """
    rings = np.zeros(nuclei.shape, dtype=np.int32)
    if not nuclei.any():
        return rings
    distance, places = cv2.distanceTransformWithLabels(
        (nuclei == 0).view(np.uint8), cv2.DIST_L2, 5, labelType=cv2.DIST_LABEL_PIXEL
    )
    inside, near = np.flatnonzero(nuclei), np.flatnonzero((distance > gap_px) & (distance <= width_px))
    # Every pixel of a nucleus is a place of its own, numbered in raster order.
    rings.ravel()[near] = nuclei.ravel()[inside][places.ravel()[near] - 1]
    return rings
