"""Uneven background taken off an image, as ImageJ's Process > Subtract Background... does it."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from exoimage.errors import MeasureError
from exoimage.methods import _hexcone as hexcone
from exoimage.methods import _kernels_background as kernels
from exoimage.methods._process_input import checked_image

Pixels = npt.NDArray[Any]
Floats = npt.NDArray[np.float32]
Colours = Literal["separate", "brightness"]

# Largest radius, block side to shrink by, per cent of the ball's radius cut off its rim.
_SHRINKING = ((10.0, 1, 24), (30.0, 2, 24), (100.0, 4, 32), (math.inf, 8, 40))


def rolling_ball(
    image: Pixels, radius: float, light: bool = False, smooth: bool = True, colours: Colours = "separate"
) -> Pixels:
    """Image without its background, found by a ball that rolls under its surface.

    As ImageJ's Subtract Background with its defaults, pixel by pixel: 1.53t and 1.54p agree.

    Parameters
    ----------
    image : (y, x) or (y, x, channel) array of uint8, uint16 or float32
        An image whose smaller side shrinks to one block (8 px at most) keeps that block's value as its background
        along that side; ImageJ fails there, or scales it.
    radius : float
        Of the ball in px: at least as large as the largest object that is not background.
    light : bool
        True where objects are darker than the background, which then becomes the type's largest value (of float32: 0).
    smooth : bool
        Find the background on the 3×3 mean; False is ImageJ's "disable smoothing".
    colours : {"separate", "brightness"}
        Whether channels are treated apart (ImageJ's "separate colors"), or RGB by its brightness alone, which is what
        ImageJ does unless told otherwise: it takes every colour through 8-bit hue, saturation and brightness.

    Returns
    -------
    array of the same shape and type

    Raises
    ------
    MeasureError
        If the type is another, a float is not finite, the radius is not positive, or "brightness" is asked of anything
        but (y, x, 3) uint8.

    Notes
    -----
    Sternberg, "Biomedical image processing", Computer 16(1), 22–34 (1983), https://doi.org/10.1109/MC.1983.1654163,
    with the shrunken image and the trimmed ball of ImageJ.

    Examples
    --------
    >>> slope = np.tile(np.arange(0, 200, 2, dtype=np.uint8), (100, 1))
    >>> slope[50, 50] += 90
    >>> flat = rolling_ball(slope, radius=20)
    >>> int(np.median(flat)), int(flat[50, 50])
    (1, 91)
    """
    return _without(image, _ball_finder(radius, light, smooth), light, colours)


def rolling_ball_background(
    image: Pixels, radius: float, light: bool = False, smooth: bool = True, colours: Colours = "separate"
) -> Pixels:
    """The background that `rolling_ball` takes off: ImageJ's option "create background".

    Parameters and refusals are those of `rolling_ball`; integer types are rounded.

    Examples
    --------
    >>> image = np.full((9, 9), 7, np.uint16)
    >>> image[4, 4] = 99
    >>> int(rolling_ball_background(image, radius=3)[4, 4])
    8
    """
    return _alone(image, _ball_finder(radius, light, smooth), colours)


def sliding_paraboloid(
    image: Pixels, radius: float, light: bool = False, smooth: bool = True, colours: Colours = "separate"
) -> Pixels:
    """Image without its background, found by parabolas that slide under its rows, columns and diagonals.

    As ImageJ's Subtract Background with "sliding paraboloid", pixel by pixel. It needs no shrinking, and objects in the
    corners are told from background; with `smooth` the background is that of the 3×3 maximum's mean, lowered by the
    mean that the maximum adds.

    Parameters and refusals are those of `rolling_ball`; the radius is that of the curvature at the paraboloid's apex,
    in px if the pixels' values are taken for px too.

    Examples
    --------
    >>> slope = np.tile(np.arange(0, 200, 2, dtype=np.uint8), (100, 1))
    >>> slope[50, 50] += 90
    >>> flat = sliding_paraboloid(slope, radius=20, smooth=False)
    >>> int(np.median(flat)), int(flat[50, 50])
    (0, 90)
    """
    return _without(image, _paraboloid_finder(radius, light, smooth), light, colours)


def sliding_paraboloid_background(
    image: Pixels, radius: float, light: bool = False, smooth: bool = True, colours: Colours = "separate"
) -> Pixels:
    """The background that `sliding_paraboloid` takes off; parameters and refusals are those of `rolling_ball`.

    Examples
    --------
    >>> int(sliding_paraboloid_background(np.full((9, 9), 7, np.uint16), radius=3).max())
    7
    """
    return _alone(image, _paraboloid_finder(radius, light, smooth), colours)


def _without(image: Pixels, find: Callable[[Pixels], Floats], light: bool, colours: Colours) -> Pixels:
    def subtract(plane: Pixels) -> Pixels:
        if plane.dtype == np.float32:
            return np.asarray(plane - find(plane))
        top = np.iinfo(plane.dtype).max
        rest = plane - find(plane) + np.float32(top + 0.5 if light else 0.5)
        return np.clip(rest, 0, top, out=rest).astype(plane.dtype)

    return _by_planes(image, subtract, colours)


def _alone(image: Pixels, find: Callable[[Pixels], Floats], colours: Colours) -> Pixels:
    def rounded(plane: Pixels) -> Pixels:
        if plane.dtype == np.float32:
            return find(plane)
        return np.asarray(np.clip(find(plane) + np.float32(0.5), 0, np.iinfo(plane.dtype).max), plane.dtype)

    return _by_planes(image, rounded, colours)


def _by_planes(image: Pixels, change: Callable[[Pixels], Pixels], colours: Colours) -> Pixels:
    image = checked_image(image, "subtract background")
    if colours not in ("separate", "brightness"):
        raise MeasureError(f'subtract background: colours are "separate" or "brightness", not {colours!r}')
    if colours == "brightness" and (image.dtype != np.uint8 or image.ndim != 3 or image.shape[2] != 3):
        raise MeasureError(
            f'subtract background: colours="brightness" takes (y, x, 3) uint8, not {image.shape} {image.dtype}'
        )
    if 0 in image.shape:
        return image.copy()
    if image.ndim == 2:
        return change(image)
    if colours == "brightness":
        hsb = hexcone.to_hsb(image)
        hsb[..., 2] = change(hsb[..., 2])
        return hexcone.to_rgb(hsb)
    return np.stack([change(image[..., channel]) for channel in range(image.shape[2])], axis=-1)


def _ball_finder(radius: float, light: bool, smooth: bool) -> Callable[[Pixels], Floats]:
    _check_radius(radius, "rolling ball")
    side, trim = next((side, trim) for largest, side, trim in _SHRINKING if radius <= largest)
    ball = _ball(float(radius), side, trim)

    def find(plane: Pixels) -> Floats:
        surface = _surface(plane, light)
        if smooth:
            surface = _mean(surface)
        if side == 1:
            background = _rolled(surface, ball)
        else:
            small = np.empty([-(-length // side) for length in surface.shape], np.float32)
            kernels.least_of_blocks(surface, side, small)
            background = np.empty_like(surface)
            kernels.enlarge(_rolled(small, ball), side, background)
        return -background if light else background

    return find


def _paraboloid_finder(radius: float, light: bool, smooth: bool) -> Callable[[Pixels], Floats]:
    _check_radius(radius, "sliding paraboloid")
    bend = np.float32(0.5) / np.float32(radius)

    def find(plane: Pixels) -> Floats:
        surface = _surface(plane, light)
        lift = np.float32(0)
        if smooth:
            most = np.empty_like(surface)
            lift = np.float32(kernels.most_of_nine(surface, most))
            surface = _mean(most)
        kernels.slide_paraboloid(surface, bend)
        surface -= lift
        return -surface if light else surface

    return find


def _check_radius(radius: float, what: str) -> None:
    if not (math.isfinite(radius) and radius > 0):
        raise MeasureError(f"the radius of a {what} is a positive number of px, not {radius!r}")


def _surface(plane: Pixels, light: bool) -> Floats:
    surface = np.array(plane, np.float32, order="C")
    return -surface if light else surface


def _mean(surface: Floats) -> Floats:
    smoothed = np.empty_like(surface)
    kernels.mean_of_nine(surface, smoothed)
    return smoothed


def _ball(radius: float, side: int, trim_pct: int) -> Floats:
    """Heights of the upper half of the ball over its centre plane, without its steep rim."""
    small = max(radius / side, 1.0)
    half = math.floor(small - int(trim_pct * small) // 100 + 0.5)
    y, x = np.ogrid[-half : half + 1, -half : half + 1]
    return np.asarray(np.sqrt(np.maximum(small * small - x * x - y * y, 0)), np.float32)


def _rolled(surface: Floats, ball: Floats) -> Floats:
    """Envelope of all balls under the surface: an opening, with the ball's centre allowed beyond the border."""
    reach = ball.shape[0] // 2
    height, width = surface.shape
    padded = np.full((height + 4 * reach, width + 4 * reach), np.inf, np.float32)
    padded[2 * reach : 2 * reach + height, 2 * reach : 2 * reach + width] = surface
    centres = np.empty((height + 2 * reach, width + 2 * reach), np.float32)
    kernels.lower_envelope(padded, ball, centres)
    rolled = np.empty_like(surface)
    kernels.upper_envelope(centres, ball, rolled)
    return rolled
