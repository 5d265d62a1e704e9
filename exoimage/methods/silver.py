"""Black silver deposits (von Kossa): darkness without colour.

Silver grains scatter and absorb all colours alike, so black has no stain direction, and its optical density says little
of how much silver there is. What tells it from red counterstain, dark nuclei and brown is that no channel is bright.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from exoimage.errors import MeasureError
from exoimage.methods.density import White, code_count, density_tables, light_surface, optical_density, stored_codes

MOST_COLOUR = 0.55
"""Channels of a deposit differ by at most this share of the densest. Nuclear fast red has 0.75, haematoxylin 0.6 to
0.65, eosin 0.9, brown silver at a nodule's rim up to 0.5."""

MOST_OD = 1.5
"""A density at which a pixel is black whatever its colour: there the camera's noise makes colours of its own."""


def neutral_density(
    pixels: npt.NDArray[Any],
    white: White,
    *,
    most_colour: float = MOST_COLOUR,
    max_value: float = 0.0,
    part_of: tuple[tuple[int, int], tuple[slice, slice]] | None = None,
) -> npt.NDArray[np.float32]:
    """Optical density that all channels share; 0 where a pixel is coloured.

    Parameters
    ----------
    pixels : (y, x, 3) array of uint8, uint16 or float32
        Stored values.
    white : White
    most_colour : float
        The largest share of its densest channel by which a deposit's channels may differ, 0 to 1.
    max_value : float
        The largest value of float pixels. Default: 1.
    part_of : ((height, width), (slice of rows, slice of columns)), optional
        The field that the pixels are a part of, and which part: where the white point has a shape of light.

    Returns
    -------
    (y, x) float32 array
        At most 1.5, where a pixel is taken as black; below 0 where it is brighter than white.

    Raises
    ------
    MeasureError
        If the pixels are no colour picture.

    Examples
    --------
    >>> pixels = np.array([[[240, 240, 240], [24, 24, 24], [200, 40, 90]]], dtype=np.uint8)
    >>> neutral_density(pixels, White((240.0, 240.0, 240.0))).round(2).tolist()
    [[0.0, 1.0, 0.0]]
    """
    from exoimage.methods import _kernels_silver

    array = np.asarray(pixels)
    if array.ndim != 3 or array.shape[2] != 3:
        raise MeasureError(f"black deposits are looked for in colour pictures of shape (y, x, 3), not {array.shape}")
    if white.light:
        shape, box = part_of or (array.shape[:2], None)
        density = optical_density(array, White(white.rgb)) + light_surface(white, shape, box)
        return _shared(np.minimum(density, np.float32(MOST_OD)), most_colour).astype(np.float32)
    codes, scale = stored_codes(array, max_value or 1.0)
    plane = np.empty(array.shape[:2], dtype=np.float32)
    tables = density_tables(white, code_count(codes), scale, max_od=MOST_OD)
    _kernels_silver.neutral_density(np.ascontiguousarray(codes), tables, np.float32(most_colour), plane)
    return plane


def neutral_amounts(
    density: npt.NDArray[np.floating[Any]], most_colour: float = MOST_COLOUR
) -> npt.NDArray[np.float64]:
    """`neutral_density` of single pixels whose densities, (n, 3), are known.

    Examples
    --------
    >>> neutral_amounts(np.array([[0.9, 1.0, 0.8], [0.2, 1.0, 0.5]])).tolist()
    [0.8, 0.0]
    """
    return _shared(np.minimum(np.asarray(density, dtype=np.float64), MOST_OD), most_colour)


def _shared(density: npt.NDArray[Any], most_colour: float) -> npt.NDArray[Any]:
    least, most = density.min(axis=-1), density.max(axis=-1)
    shared: npt.NDArray[Any] = np.where(most - least <= most_colour * most, least, np.minimum(least, 0.0))
    return shared
