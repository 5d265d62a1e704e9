"""Tissue and empty glass, told apart on a small picture of a whole slide."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from exoimage.errors import MeasureError
from exoimage.methods.density import White, estimate_white, optical_density

Mask = npt.NDArray[np.bool_]

PIXEL_UM = 16.0
"""Size of the small picture's pixels: cells are averaged there, and tissue is left."""

TISSUE_OD = 0.04
"""Smoothed density, of the channel that absorbs most, from which there is tissue: pale stroma has more, and glass with
its dust, shading and JPEG noise less."""

ROUGH_OD = 0.01
"""Local standard deviation of the density from which there is tissue, be it as pale as the palest: cells vary by some
0.05 where some of them are averaged, glass by less than 0.005. Without it a slide that is tissue from edge to edge
would lose its paler half, for want of glass to compare with."""

ROUGH_PX = 2.0
"""Standard deviation of the window in which roughness is told, in px of the picture as given."""

SMOOTHED_PX = 1.5
"""Standard deviation of the smoothing, in px of the small picture: single dark specks are no tissue."""

GLASS_PX = 8
"""A pale place in which a disc of this diameter fits (an eighth of a millimetre) is glass; narrower ones are lumens,
vacuoles, cracks and pale stroma, which are part of a tissue."""

SPECK_PX = 16
"""Pieces of fewer px (64 µm across) are dirt."""

MARGIN_PX = 1
"""Tissue is taken so much wider: its outline is uncertain by about that."""


def tissue_mask(pixels: npt.NDArray[Any], max_value: float = 255.0, *, pixel_um: float = PIXEL_UM) -> Mask:
    """Where on a slide there is tissue.

    Parameters
    ----------
    pixels : (y, x, 3) array
        A small picture of the whole slide.
    max_value : float
        The value at which the scanner saturates.
    pixel_um : float
        Size of its pixels; finer ones than `PIXEL_UM` are averaged.

    Returns
    -------
    (y, x) bool array
        Of a picture with pixels of `PIXEL_UM` or somewhat less; narrow gaps are part of a tissue, specks of dirt are
        not. All False on empty glass.

    Raises
    ------
    MeasureError
        If the picture has not three channels.

    Examples
    --------
    >>> slide = np.full((60, 80, 3), 240, np.uint8)
    >>> slide[20:40, 30:60] = (150, 100, 160)
    >>> mask = tissue_mask(slide)
    >>> bool(mask[30, 45]), bool(mask[5, 5])
    (True, False)
    """
    if pixels.ndim != 3 or pixels.shape[2] != 3:
        raise MeasureError(f"tissue is looked for in a colour picture (y, x, 3), not {pixels.shape}")
    white, _ = estimate_white(pixels.reshape(-1, 3), max_value)
    density = np.ascontiguousarray(optical_density(pixels, White(white.rgb)).max(axis=2))
    height, width = density.shape
    factor = max(1, int(PIXEL_UM / pixel_um))
    size = max(1, round(width / factor)), max(1, round(height / factor))
    rough = cv2.resize(_roughness(density), size, interpolation=cv2.INTER_AREA)
    smooth = _blurred(np.asarray(cv2.resize(density, size, interpolation=cv2.INTER_AREA)), SMOOTHED_PX)
    is_tissue = (smooth > TISSUE_OD) | (np.asarray(rough).reshape(size[::-1]) > ROUGH_OD)
    stained = _without_specks(is_tissue.astype(np.uint8))
    if not stained.any():
        return stained.view(np.bool_)
    glass = cv2.morphologyEx(1 - stained, cv2.MORPH_OPEN, _disc(GLASS_PX))
    wider = cv2.dilate(1 - np.asarray(glass, dtype=np.uint8), _disc(2 * MARGIN_PX))
    return np.asarray(wider, dtype=np.uint8).view(np.bool_)


def _roughness(density: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """Local standard deviation."""
    mean = _blurred(density, ROUGH_PX)
    square = _blurred(density * density, ROUGH_PX)
    return np.asarray(np.sqrt(np.maximum(square - mean * mean, 0)), dtype=np.float32)


def _blurred(plane: npt.NDArray[Any], sigma: float) -> npt.NDArray[np.float32]:
    blurred = cv2.GaussianBlur(plane, (0, 0), sigma, borderType=cv2.BORDER_REFLECT_101)
    return np.asarray(blurred, dtype=np.float32).reshape(plane.shape[:2])


def _without_specks(mask: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
    _, labels, found, _ = cv2.connectedComponentsWithStats(mask, connectivity=8)
    keep = found[:, cv2.CC_STAT_AREA] >= SPECK_PX
    keep[0] = False
    return np.asarray(keep[labels], dtype=np.uint8)


def _disc(diameter: int) -> npt.NDArray[np.uint8]:
    edge = diameter | 1
    return np.asarray(cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (edge, edge)), dtype=np.uint8)
