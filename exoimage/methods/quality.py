"""Quality of bright-field pictures, judged on a sample of their pixels."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from exoimage.flags import Flag
from exoimage.methods.density import White, optical_density

EVEN_TONE_OD = 0.06
"""Optical densities that span less than this are one tone with its noise."""

GREY_OD = 0.06
"""A tone whose channels differ by less than this has no colour."""

BLANK_OD = 0.15
"""A field without stain spans less: unstained cells and noise."""

UNEVEN_LIGHT_OD = 0.12
"""Background that differs by more than this between parts of a field (a quarter of the light) is uneven."""


def is_constant(pixels: npt.NDArray[Any]) -> bool:
    """Whether all pixels, (…, 3), have one and the same value: no picture was taken."""
    flat = pixels.reshape(-1, pixels.shape[-1])
    return len(flat) == 0 or bool((flat == flat[0]).all())


def tone_span_od(pixels: npt.NDArray[Any], white: White) -> float:
    """Span of optical density from the 0.5th to the 99.5th percentile, of the channel that spans most.

    Parameters
    ----------
    pixels : (n, 3) array
        Stored values.
    """
    if len(pixels) == 0:
        return 0.0
    low, high = np.percentile(optical_density(pixels, White(white.rgb)), [0.5, 99.5], axis=0)
    return float((high - low).max())


def exposure_flags(pixels: npt.NDArray[Any], max_value: float) -> tuple[Flag, ...]:
    """Whether a fair share of the pixels is at either end of what the camera stores.

    Parameters
    ----------
    pixels : (n, 3) array
        Stored values.
    max_value : float
        The value at which the camera saturates.

    Returns
    -------
    tuple of Flag
        `Flag.SATURATED` where over 0.5 % of the pixels have a channel below 1 % of `max_value`, `Flag.CLIPPED_WHITE`
        where over 1 % have a channel at `max_value`.
    """
    if len(pixels) == 0:
        return ()
    dark = float((pixels.min(axis=1) < 0.01 * max_value).mean())
    bright = float((pixels.max(axis=1) >= max_value).mean())
    return (Flag.SATURATED,) * (dark > 0.005) + (Flag.CLIPPED_WHITE,) * (bright > 0.01)


def uneven_light(pixels: npt.NDArray[Any], white: White, tiles: int = 4) -> bool:
    """Whether the background's brightness differs over the field.

    The field is cut into tiles, and the 90th percentile of each channel stands for a tile's background. Tiles in which
    that is coloured are full of stain and say nothing of the light.

    Parameters
    ----------
    pixels : (y, x, 3) array
        The field, or a regular sample of it.
    white : White
    tiles : int
        Tiles along each edge.
    """
    if min(pixels.shape[:2]) < 2 * tiles:
        return False
    brightest = [
        np.percentile(tile.reshape(-1, 3), 90, axis=0)
        for band in np.array_split(pixels, tiles, axis=0)
        for tile in np.array_split(band, tiles, axis=1)
    ]
    density = optical_density(np.array(brightest), White(white.rgb))
    grey = density[np.ptp(density, axis=1) < GREY_OD].mean(axis=1)
    return len(grey) > 1 and bool(np.ptp(grey) > UNEVEN_LIGHT_OD)
