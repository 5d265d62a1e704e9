"""Quality of bright-field pictures, judged on a sample of their pixels."""

from __future__ import annotations

from typing import Any

import cv2
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

DARK_SHARE = 0.2
"""A field of transmitted light that is black over more than this still has a bright ground around the black."""

BRIGHT_SHARE = 0.02
"""The least share of a transmitted-light field that is bright in all colours."""

DIM_MEDIAN = 0.45
"""Half of the pixels of a field in transmitted light are brighter than this share of full scale."""

NEUTRAL_SPREAD, COLOURED_SPREAD = 0.08, 0.15
"""Channels that differ by less or more than these shares of full scale make a grey and a coloured tone."""

OUT_OF_FOCUS_PX = 3.5
"""Edges blurred by a Gaussian wider than this (standard deviation) are soft at any sensible sampling: a microscope's
camera has 2 to 3 pixels per resolved distance."""

FOCUS_TILE = 64
FOCUS_TILES = 3
"""Focus is looked at in so many tiles along each edge, of so many pixels."""

WELL_EDGE_PX = 160
"""Size at which round wells are looked for: their rims are what is left of a photograph then."""

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
    low, high = _least_and_largest(pixels)
    dark = float((low < 0.01 * max_value).mean())
    bright = float((high >= max_value).mean())
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
    height, width = (length // tiles for length in pixels.shape[:2])
    whole_tiles = pixels[: tiles * height, : tiles * width].reshape(tiles, height, tiles, width, 3)
    by_tile = whole_tiles.swapaxes(1, 2).reshape(tiles * tiles, height * width, 3)
    brightest = np.percentile(by_tile, 90, axis=1)
    density = optical_density(brightest, White(white.rgb))
    grey = density[np.ptp(density, axis=1) < GREY_OD].mean(axis=1)
    return len(grey) > 1 and bool(np.ptp(grey) > UNEVEN_LIGHT_OD)


def wrong_light_flags(pixels: npt.NDArray[Any], max_value: float) -> tuple[Flag, ...]:
    """Whether pixels look like no transmitted light: fluorescence, an inverted picture, or a field without light.

    In transmitted light the ground is bright and without colour, and stain is darker and coloured. Here there is much
    black and no bright ground; or the picture is dim, its darkest tones are grey and its brightest are coloured.

    Parameters
    ----------
    pixels : (n, 3) array
        Stored values.
    max_value : float
        The value at which the camera saturates.
    """
    if len(pixels) == 0:
        return ()
    low, high = (ends / max_value for ends in _least_and_largest(pixels))
    is_dark = (high < 0.12).mean() > DARK_SHARE and ((low > 0.35) & (high > 0.6)).mean() < BRIGHT_SHARE
    darkest, brightest = np.percentile(high, [5, 95])
    spread = high - low
    is_inverted = (
        np.median(high) < DIM_MEDIAN
        and spread[high <= darkest].mean() < NEUTRAL_SPREAD
        and spread[high >= brightest].mean() > COLOURED_SPREAD
    )
    return (Flag.WRONG_LIGHT,) * bool(is_dark or is_inverted)


def edge_blur_px(pixels: npt.NDArray[Any]) -> float:
    """Width of the sharpest edges: standard deviation in px of the Gaussian that a step edge is blurred by.

    The picture is smoothed by two Gaussians; how much weaker the wider one makes an edge's gradient tells how wide the
    edge was. The narrower one takes the noise away. Edges are the 2 % of pixels with the steepest gradient, the median
    stands for them; 0 where there is no edge.

    Parameters
    ----------
    pixels : (y, x, 3) array
        Stored values.

    References
    ----------
    Zhuo S, Sim T. Defocus map estimation from a single image. Pattern Recognit 2011;44:1852-1858.
    doi:10.1016/j.patcog.2011.03.009

    Examples
    --------
    >>> step = np.zeros((96, 96, 3), dtype=np.float32)
    >>> step[:, 48:] = 200
    >>> round(edge_blur_px(cv2.GaussianBlur(step, (0, 0), 5)))
    5
    """
    narrow, wide = 1.5, 3.0
    ratios = [_edge_ratio(tile, narrow, wide) for tile in _focus_tiles(np.asarray(pixels)) if min(tile.shape[:2]) >= 16]
    steep = np.concatenate(ratios) if ratios else np.empty((0, 2))
    if len(steep) == 0:
        return 0.0
    steepest = steep[steep[:, 0] >= np.percentile(steep[:, 0], 90)]
    ratio_squared = float(np.median(steepest[:, 1])) ** 2
    if ratio_squared <= 1.0:
        return float("inf")
    return float(max(0.0, (wide**2 - ratio_squared * narrow**2) / (ratio_squared - 1.0)) ** 0.5)


def is_out_of_focus(pixels: npt.NDArray[Any]) -> bool:
    """Whether even the sharpest edges of a field, (y, x, 3), are soft."""
    return edge_blur_px(pixels) > OUT_OF_FOCUS_PX


def shows_wells(pixels: npt.NDArray[Any]) -> bool:
    """Whether a picture looks like a photograph of round wells rather than a microscope's field.

    Nearly perfect circles are looked for in a small version of it (Hough's transform): one that is half as wide as the
    picture, or several of a tenth of its height at least in radius.

    Parameters
    ----------
    pixels : (y, x, 3) array of uint8 or uint16
        Stored values.

    Examples
    --------
    >>> dish = np.full((200, 300, 3), 60, np.uint8)
    >>> shows_wells(cv2.circle(dish.copy(), (150, 100), 80, (230, 230, 230), -1)), shows_wells(dish)
    (True, False)
    """
    if min(pixels.shape[:2]) < WELL_EDGE_PX // 2 or pixels.dtype not in (np.uint8, np.uint16):
        return False
    # Every n-th pixel first: averaging a whole picture would cost as much as measuring it.
    step = max(1, max(pixels.shape[:2]) // (2 * WELL_EDGE_PX))
    some = np.ascontiguousarray(pixels[::step, ::step])
    scale = min(1.0, WELL_EDGE_PX / max(some.shape[:2]))
    small = np.asarray(cv2.resize(some, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA))
    grey = cv2.cvtColor(small, cv2.COLOR_RGB2GRAY)
    grey = cv2.convertScaleAbs(grey, alpha=255 / max(float(small.max()), 1.0))
    height = min(grey.shape)
    found = cv2.HoughCircles(
        cv2.GaussianBlur(grey, (0, 0), 1.0), cv2.HOUGH_GRADIENT_ALT, 1.5, 0.15 * height, param1=120, param2=0.85,
        minRadius=height // 10, maxRadius=int(0.6 * height),
    )  # fmt: skip
    radii = np.empty(0) if found is None else np.asarray(found)[0, :, 2]
    return len(radii) > 1 or bool((radii >= 0.25 * height).any())


def _focus_tiles(pixels: npt.NDArray[Any]) -> list[npt.NDArray[Any]]:
    """Tiles spread over a field; the field itself where it is small."""
    places = [
        np.unique(np.linspace(0, max(0, length - FOCUS_TILE), FOCUS_TILES).astype(int)) for length in pixels.shape[:2]
    ]
    return [pixels[y : y + FOCUS_TILE, x : x + FOCUS_TILE] for y in places[0] for x in places[1]]


def _edge_ratio(tile: npt.NDArray[Any], narrow: float, wide: float) -> npt.NDArray[np.float64]:
    """Gradient at the tile's steepest pixels, and how many times weaker the wider Gaussian makes it, (n, 2)."""
    grey = np.ascontiguousarray(tile[:, :, 1], dtype=np.float32)
    sharp, soft = (_gradient(np.asarray(cv2.GaussianBlur(grey, (0, 0), s), np.float32)) for s in (narrow, wide))
    steep = sharp >= max(float(np.percentile(sharp, 98)), 1e-6)
    return np.stack([sharp[steep], sharp[steep] / np.maximum(soft[steep], 1e-9)], axis=1).astype(np.float64)


def _gradient(grey: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    inner = (slice(1, -1), slice(1, -1))
    across, down = (cv2.Scharr(grey, cv2.CV_32F, dx, dy)[inner] for dx, dy in ((1, 0), (0, 1)))
    return np.hypot(across, down)


def _least_and_largest(pixels: npt.NDArray[Any]) -> tuple[npt.NDArray[Any], npt.NDArray[Any]]:
    """Least and largest channel of each pixel, (n,); quicker than numpy's reduction over a short axis."""
    red, green, blue = pixels.T
    return np.minimum(np.minimum(red, green), blue), np.maximum(np.maximum(red, green), blue)
