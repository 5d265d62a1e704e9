"""Uneven background taken off an image, as ImageJ's Process > Subtract Background... does it."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from exoimage.errors import MeasureError
from exoimage.methods import _kernels_process as kernels
from exoimage.methods._process_input import checked_image

Pixels = npt.NDArray[Any]
Floats = npt.NDArray[np.float32]

# Largest radius, block side to shrink by, per cent of the ball's radius cut off its rim.
_SHRINKING = ((10.0, 1, 24), (30.0, 2, 24), (100.0, 4, 32), (np.inf, 8, 40))


def rolling_ball(image: Pixels, radius: float, light: bool = False, smooth: bool = True) -> Pixels:
    """Image without its background, found by a ball that rolls under its surface.

    As ImageJ's Subtract Background with its defaults, pixel by pixel: 1.53t and 1.54p agree.

    Parameters
    ----------
    image : (y, x) or (y, x, channel) array of uint8, uint16 or float32
        Channels are treated apart (ImageJ's "separate colors").
    radius : float
        Of the ball in px: at least as large as the largest object that is not background.
    light : bool
        True where objects are darker than the background, which then becomes the type's largest value.
    smooth : bool
        Find the background on the 3×3 mean; False is ImageJ's "disable smoothing".

    Returns
    -------
    array of the same shape and type

    Raises
    ------
    MeasureError
        If the type is another, a float is not finite, or the radius is not positive.

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
    (1, 82)
    """
    image, background = _image_and_background(image, radius, light, smooth)
    if image.dtype == np.float32:
        return np.asarray(image - background)
    top = np.iinfo(image.dtype).max
    rest = image - background + np.float32(top + 0.5 if light else 0.5)
    return np.clip(rest, 0, top, out=rest).astype(image.dtype)


def rolling_ball_background(image: Pixels, radius: float, light: bool = False, smooth: bool = True) -> Pixels:
    """The background that `rolling_ball` takes off: ImageJ's option "create background".

    Parameters and refusals are those of `rolling_ball`; integer types are rounded.

    Examples
    --------
    >>> image = np.full((9, 9), 7, np.uint16)
    >>> image[4, 4] = 99
    >>> int(rolling_ball_background(image, radius=3)[4, 4])
    17
    """
    image, background = _image_and_background(image, radius, light, smooth)
    if image.dtype == np.float32:
        return background
    top = np.iinfo(image.dtype).max
    return np.clip(background + np.float32(0.5), 0, top).astype(image.dtype)


def _image_and_background(image: Pixels, radius: float, light: bool, smooth: bool) -> tuple[Pixels, Floats]:
    image = checked_image(image, "rolling ball")
    if not (np.isfinite(radius) and radius > 0):
        raise MeasureError(f"the radius of a rolling ball is a positive number of px, not {radius!r}")
    if 0 in image.shape:
        return image, image.astype(np.float32)
    if image.ndim == 2:
        return image, _background(image, float(radius), light, smooth)
    planes = [_background(image[..., channel], float(radius), light, smooth) for channel in range(image.shape[2])]
    return image, np.stack(planes, axis=-1)


def _background(plane: Pixels, radius: float, light: bool, smooth: bool) -> Floats:
    surface = np.ascontiguousarray(plane, np.float32)
    if light:
        surface = -surface
    if smooth:
        smoothed = np.empty_like(surface)
        kernels.mean_of_nine(surface, smoothed)
        surface = smoothed
    side, trim = next((side, trim) for largest, side, trim in _SHRINKING if radius <= largest)
    ball = _ball(radius, side, trim)
    if side == 1:
        background = _rolled(surface, ball)
    else:
        small = np.empty([-(-length // side) for length in surface.shape], np.float32)
        kernels.least_of_blocks(surface, side, small)
        background = np.empty_like(surface)
        kernels.enlarge(_rolled(small, ball), side, background)
    return -background if light else background


def _ball(radius: float, side: int, trim_pct: int) -> Floats:
    """Heights of the upper half of the ball over its centre plane, without its steep rim."""
    small = max(radius / side, 1.0)
    half = int(np.floor(small - int(trim_pct * small) // 100 + 0.5))
    y, x = np.ogrid[-half : half + 1, -half : half + 1]
    return np.sqrt(np.maximum(small * small - x * x - y * y, 0)).astype(np.float32)


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
