"""Bone histomorphometry on a mask: areas, perimeter, the plate model and direct local thickness.

Terms and abbreviations are those of Dempster et al. (2013), J Bone Miner Res 28:2–17, doi:10.1002/jbmr.1805. A section
shows areas and perimeters (B.Ar, T.Ar, B.Pm) and widths (Tb.Wi); what is called Tb.Th here is that width in the plane
of the section, without the factor π/4 (or 1/1.2) that turns it into a thickness in space.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from exoimage.errors import MeasureError

Mask = npt.NDArray[np.bool_]
Floats = npt.NDArray[np.float32]

OUTLINE_SIGMA_PX = 1.5
"""Blur under which the outline of a mask is taken: less lets the pixels' corners show, more rounds thin pieces off."""

_OUTLINE_REACH_PX = 6
_COARSEST_PX, _FINEST_PX = 24, 48
"""Local thickness is found where the thickest place is as many px wide: a thinner one is doubled, a thicker reduced."""


@dataclass(frozen=True)
class PlateModel:
    """Width, separation and number of trabeculae, as if they were parallel plates.

    Parameters
    ----------
    width, separation : float
        In the unit of length of what they were taken from; NaN where there is no bone perimeter.
    number : float
        Trabeculae per unit of length along a test line; 0 where there is no bone.
    """

    width: float
    separation: float
    number: float


def plate_model(bone_area: float, tissue_area: float, bone_perimeter: float) -> PlateModel:
    """Trabecular width, separation and number from areas and perimeter (Parfitt's plate model).

    Parfitt AM et al. (1987), J Bone Miner Res 2:595–610, doi:10.1002/jbmr.5650020617: width = 2 · B.Ar / B.Pm,
    number = (B.Ar / T.Ar) / width, separation = 1 / number − width.

    Parameters
    ----------
    bone_area, tissue_area : float
        B.Ar and T.Ar.
    bone_perimeter : float
        B.Pm, in the unit of length whose square the areas are in.

    Raises
    ------
    MeasureError
        If a number is negative, or there is more bone than tissue.

    Examples
    --------
    >>> plate_model(bone_area=25.0, tissue_area=100.0, bone_perimeter=10.0)
    PlateModel(width=5.0, separation=15.0, number=0.05)
    """
    if min(bone_area, tissue_area, bone_perimeter) < 0 or bone_area > tissue_area:
        raise MeasureError(
            f"bone {bone_area:g}, tissue {tissue_area:g}, perimeter {bone_perimeter:g}: none may be negative, and bone"
            " is a part of the tissue"
        )
    if bone_perimeter == 0:
        return PlateModel(float("nan"), float("nan"), 0.0)
    width = 2 * bone_area / bone_perimeter
    separation = 2 * (tissue_area - bone_area) / bone_perimeter
    return PlateModel(width, separation, bone_perimeter / (2 * tissue_area))


def outline_density(mask: Mask, inside: Mask | None = None) -> Floats:
    """Length of a mask's outline, spread over the pixels next to it: any sum of it is a perimeter.

    The slope of the mask under a Gaussian blur. By the coarea formula the sum is the mean length of the blurred mask's
    contours, so that an outline has its true length in any direction, where a count of pixel edges is up to 27 % long.

    Parameters
    ----------
    mask : (y, x) bool array
    inside : (y, x) bool array, optional
        Where the picture is looked at. Its border, as that of the picture, is no outline.

    Returns
    -------
    (y, x) float32 array
        px of outline per pixel; 0 further than 6 px from it.

    Raises
    ------
    MeasureError
        If the mask is not a two-dimensional bool array.

    Examples
    --------
    >>> y, x = np.ogrid[:120, :120]
    >>> disc = (y - 60) ** 2 + (x - 60) ** 2 < 40**2
    >>> round(float(outline_density(disc).sum()) / (2 * np.pi * 40), 2)
    1.0
    """
    mask = _checked(mask)
    blurred = _blurred_within(mask, inside)
    slope_x = cv2.Sobel(blurred, cv2.CV_32F, 1, 0, ksize=1, scale=0.5, borderType=cv2.BORDER_REPLICATE)
    slope_y = cv2.Sobel(blurred, cv2.CV_32F, 0, 1, ksize=1, scale=0.5, borderType=cv2.BORDER_REPLICATE)
    # cv2.magnitude rounds by where the array lies in memory; these give the same every time.
    length = np.asarray(np.sqrt(slope_x * slope_x + slope_y * slope_y), dtype=np.float32)
    if inside is not None:
        length *= inside
    return length


def perimeter(mask: Mask, inside: Mask | None = None) -> float:
    """Length of the outline of a mask in px; see `outline_density`."""
    return float(outline_density(mask, inside).sum(dtype=np.float64))


def perimeters(labels: npt.NDArray[np.int32], density: Floats) -> npt.NDArray[np.float64]:
    """Share of the outline that belongs to each object: to the one next to it.

    Parameters
    ----------
    labels : (y, x) int32 array
        0 is background.
    density : (y, x) float32 array
        Of `outline_density`.

    Returns
    -------
    (n,) float64 array
        In px, for the labels 1 … n.
    """
    count = int(labels.max(initial=0))
    if count == 0:
        return np.empty(0)
    kernel = np.ones((2 * _OUTLINE_REACH_PX + 1,) * 2, dtype=np.uint8)
    # float32 holds every label up to 2^24 exactly.
    grown = cv2.dilate(labels.astype(np.float32), kernel).ravel()
    places = np.flatnonzero(density)
    within, near = labels.ravel()[places], grown[places].astype(np.int32)
    sums = np.bincount(np.where(within > 0, within, near), weights=density.ravel()[places], minlength=count + 1)
    return np.asarray(sums[1:], dtype=np.float64)


def local_thickness(mask: Mask) -> Floats:
    """Diameter of the largest disc within the mask that holds each pixel.

    Hildebrand & Rüegsegger (1997), J Microsc 185:67–75, doi:10.1046/j.1365-2818.1997.1340694.x, in the plane. What lies
    beyond the picture counts as outside: a piece that it cuts is as thick as what is seen of it.

    Parameters
    ----------
    mask : (y, x) bool array

    Returns
    -------
    (y, x) float32 array
        In px; 0 outside the mask. Of an upright plate up to 24 px wide the exact width, of a wider one to 1 in 48.
        Where the thickest place is wider than 48 px the mask is reduced first; what is then too thin to be seen has a
        thickness of 1 reduced px.

    Raises
    ------
    MeasureError
        If the mask is not a two-dimensional bool array.

    Examples
    --------
    >>> plate = np.zeros((9, 40), bool)
    >>> plate[2:7] = True
    >>> float(local_thickness(plate)[4, 20])
    5.0
    """
    mask = _checked(mask)
    if not mask.any():
        return np.zeros(mask.shape, dtype=np.float32)
    thickest = 2 * float(_distances(mask).max())
    if thickest <= _COARSEST_PX:
        # On a grid twice as fine every width is even, and twice the largest distance of pixel centres is the width.
        thickness = _largest_discs(_distances(np.repeat(np.repeat(mask, 2, axis=0), 2, axis=1)))[::2, ::2]
        return np.asarray(thickness * mask, dtype=np.float32)
    step = -int(-thickest // _FINEST_PX)
    # Elsewhere it is the width for half of all widths, and 1 px more for the others.
    thickness = (2 * _largest_discs(_distances(_reduced(mask, step))) - np.float32(0.5)) * np.float32(step)
    thickness = np.repeat(np.repeat(thickness, step, axis=0), step, axis=1)[: mask.shape[0], : mask.shape[1]]
    return np.asarray(np.maximum(thickness, np.float32(step)) * mask, dtype=np.float32)


def mean_thickness(mask: Mask) -> float:
    """Mean of the local thickness over a mask, in px; NaN where the mask is empty."""
    return float(local_thickness(mask)[mask].mean(dtype=np.float64)) if mask.any() else float("nan")


def _largest_discs(distance: Floats) -> Floats:
    """Radius of the largest disc that holds each pixel, from the distances to the outside."""
    from exoimage.methods import _kernels_thickness as kernels

    rows, columns = np.nonzero(kernels.is_ridge(distance))
    radii = distance[rows, columns]
    order = np.argsort(-radii, kind="stable")
    largest = np.zeros(distance.shape, dtype=np.float32)
    kernels.lay_discs(rows[order], columns[order], radii[order], largest)
    return np.maximum(largest, distance)


def _distances(mask: Mask) -> Floats:
    """Exact distance to the nearest pixel outside; beyond the picture all is outside."""
    framed = np.pad(mask, 1).view(np.uint8)
    distance = cv2.distanceTransform(framed, cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
    # Squared distances of pixel centres are whole numbers: how the library rounded their roots does not matter.
    return np.ascontiguousarray(np.sqrt(np.rint(distance[1:-1, 1:-1] ** 2)))


def _reduced(mask: Mask, step: int) -> Mask:
    if step == 1:
        return mask
    size = (-(-mask.shape[1] // step), -(-mask.shape[0] // step))
    padded = np.pad(mask, ((0, size[1] * step - mask.shape[0]), (0, size[0] * step - mask.shape[1])))
    share = cv2.resize(padded.view(np.uint8) * np.uint8(255), size, interpolation=cv2.INTER_AREA)
    return np.asarray(share >= 128)


def _blurred_within(mask: Mask, inside: Mask | None) -> Floats:
    if inside is None:
        return _blurred(mask)
    weight = _blurred(inside)
    blurred = _blurred(mask & inside)
    # What is not looked at has no say: near its border only the pixels within are averaged.
    return np.asarray(np.divide(blurred, weight, out=np.zeros_like(blurred), where=weight > 1e-3), dtype=np.float32)


def _blurred(mask: Mask) -> Floats:
    blurred = cv2.GaussianBlur(mask.astype(np.float32), (0, 0), OUTLINE_SIGMA_PX, borderType=cv2.BORDER_REPLICATE)
    return np.asarray(blurred, dtype=np.float32)


def _checked(mask: Any) -> Mask:
    array = np.asarray(mask)
    if array.ndim != 2 or array.dtype != np.bool_:
        raise MeasureError(
            f"a mask is a (y, x) array of bool, not {array.dtype} of shape {array.shape}; write e.g. image > level"
        )
    return np.ascontiguousarray(array)
