"""Smoothing filters equal to ImageJ's: Process > Filters > Gaussian Blur... and Median..."""

from __future__ import annotations

import math
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from exoimage.errors import MeasureError
from exoimage.methods import _kernels_filters as kernels
from exoimage.methods._process_input import checked_image

Pixels = npt.NDArray[Any]
Floats = npt.NDArray[np.float32]

# Blurs wider than twice this (and a half) are done on an image shrunk until they are as narrow as this.
_SHRUNKEN_SIGMA = 4.0


def gaussian_blur(image: Pixels, sigma: float, accuracy: float | None = None) -> Pixels:
    """Gaussian blur as ImageJ's, pixel by pixel.

    Parameters
    ----------
    image : (y, x) or (y, x, channel) array of uint8, uint16 or float32
        Beyond the border the border's own values go on.
    sigma : float
        Standard deviation of the Gaussian in px; 0 gives a copy.
    accuracy : float, optional
        Height relative to its centre at which the kernel is cut off. By default ImageJ's: 0.002 for uint8, 0.0002 for
        the others.

    Returns
    -------
    array of the same shape and type

    Raises
    ------
    MeasureError
        If the type is another, a float is not finite, sigma is negative, or the accuracy not between 0 and 0.5.

    Notes
    -----
    As `ij.plugin.filter.GaussianBlur` of 1.53t: the kernel's end is a parabola that reaches zero, and above sigma 8.5
    the lines are shrunk by a quadratic and enlarged by a cubic spline.

    Examples
    --------
    >>> point = np.zeros((5, 5), np.float32)
    >>> point[2, 2] = 100
    >>> gaussian_blur(point, 1.0)[2].round(2)
    array([ 2.15,  9.65, 15.92,  9.65,  2.15], dtype=float32)
    """
    image = checked_image(image, "gaussian blur")
    if not (math.isfinite(sigma) and sigma >= 0):
        raise MeasureError(f"the sigma of a Gaussian blur is a number of px from 0 up, not {sigma!r}")
    if accuracy is None:
        accuracy = 0.002 if image.dtype == np.uint8 else 0.0002
    if not 0 < accuracy < 0.5:
        raise MeasureError(f"the accuracy of a Gaussian blur lies between 0 and 0.5, not {accuracy!r}")
    if 0 in image.shape or sigma == 0:
        return image.copy()
    if image.ndim == 3:
        return np.stack([gaussian_blur(plane, sigma, accuracy) for plane in np.moveaxis(image, -1, 0)], axis=-1)
    blurred = np.array(image, np.float32, order="C")
    for along_x in (True, False):
        kernels.blur_lines(blurred, along_x, *_blur_weights(float(sigma), accuracy, image.shape[1 if along_x else 0]))
    if image.dtype == np.float32:
        return blurred
    return np.asarray(np.clip(blurred + np.float32(0.5), 0, np.iinfo(image.dtype).max), image.dtype)


def median(image: Pixels, radius: float) -> Pixels:
    """Median of a round neighbourhood, as ImageJ's, pixel by pixel.

    Parameters
    ----------
    image : (y, x) or (y, x, channel) array of uint8, uint16 or float32
        Beyond the border its nearest pixel is repeated.
    radius : float
        In px. The neighbourhood is the pixels within sqrt(int(radius²) + 1), so 0.5 means 5 pixels, 1 means 3×3 and
        2 means 21; ImageJ takes 1.5..1.75 for 1.75 and 2.5..2.85 for 2.85.

    Returns
    -------
    array of the same shape and type

    Raises
    ------
    MeasureError
        If the type is another, a float is not finite, or the radius is negative.

    Notes
    -----
    Huang, Yang and Tang, IEEE Trans. ASSP 27, 13–18 (1979), https://doi.org/10.1109/TASSP.1979.1163188, on ranks.

    Examples
    --------
    >>> image = np.zeros((5, 5), np.uint8)
    >>> image[1:4, 1:4] = 9
    >>> median(image, 1)[2]
    array([0, 9, 9, 9, 0], dtype=uint8)
    """
    image = checked_image(image, "median")
    if not (math.isfinite(radius) and radius >= 0):
        raise MeasureError(f"the radius of a median is a number of px from 0 up, not {radius!r}")
    if 0 in image.shape:
        return image.copy()
    if image.ndim == 3:
        return np.stack([median(plane, radius) for plane in np.moveaxis(image, -1, 0)], axis=-1)
    reach = neighbourhood(float(radius))
    if reach.size == 3 and reach.min() == 1:
        return np.asarray(cv2.medianBlur(np.ascontiguousarray(image), 3))
    values, ranks = _ranked(image)
    padded = np.pad(ranks, reach.size // 2, mode="edge")
    tiers = max(1, -(-(values.size - 1).bit_length() // 4))
    middle = np.empty(image.shape, np.int32)
    kernels.middle_ranks(padded, reach, np.zeros((tiers, 16**tiers), np.int32), middle)
    return np.asarray(values[middle])


def neighbourhood(radius: float) -> npt.NDArray[np.int64]:
    """How many columns ImageJ's round neighbourhood of a radius reaches to either side, per row.

    Examples
    --------
    >>> neighbourhood(2)
    array([1, 2, 2, 2, 1])
    """
    for low, high in ((1.5, 1.75), (2.5, 2.85)):
        if low <= radius < high:
            radius = high
    limit = int(radius * radius) + 1
    rows = math.isqrt(limit)
    return np.array([math.isqrt(limit - dy * dy) for dy in range(-rows, rows + 1)], np.int64)


def _ranked(image: Pixels) -> tuple[Pixels, npt.NDArray[np.int32]]:
    """The values that ranks stand for, in order, and the rank of every pixel."""
    if image.dtype != np.float32:
        return np.arange(np.iinfo(image.dtype).max + 1, dtype=image.dtype), image.astype(np.int32)
    values, ranks = np.unique(image, return_inverse=True)
    return values, ranks.reshape(image.shape).astype(np.int32)


def _blur_weights(sigma: float, accuracy: float, length: int) -> tuple[Floats, Floats, int, Floats, Floats]:
    """Kernel, its rests, the side of a block, and the weights to shrink and enlarge by, for lines of a length."""
    if sigma <= 2 * _SHRUNKEN_SIGMA + 0.5:
        nothing = np.empty(0, np.float32)
        return *_gaussian(sigma, accuracy, length), 1, nothing, nothing
    side = min(int(sigma / _SHRUNKEN_SIGMA), length)
    # Both splines blur too, with variances of 1/4 and 1/3 block².
    narrow = math.sqrt(sigma * sigma / (side * side) - 1 / 3 - 1 / 4)
    blocks = -(-length // side) + 2 * kernels.MARGIN
    return *_gaussian(narrow, accuracy, blocks), side, _quadratic_spline(side), _cubic_spline(side)


def _gaussian(sigma: float, accuracy: float, longest: int) -> tuple[Floats, Floats]:
    """One half of the kernel from its centre, and what of the whole lies beyond each of its places."""
    longest = max(longest, 50)
    radius = min(math.ceil(sigma * math.sqrt(-2 * math.log(accuracy))) + 1, longest)
    steps = np.arange(radius)
    kernel = np.exp(-0.5 * steps * steps / sigma / sigma).astype(np.float32)
    if 3 < radius < longest:
        _end_in_parabola(kernel)
    total = sigma * math.sqrt(2 * math.pi)
    if radius < longest:
        total = float(np.cumsum(np.append(kernel[0], 2 * kernel[1:]), dtype=np.float64)[-1])
    shares = kernel.astype(np.float64) / total
    rest = np.cumsum(np.append(0.5 + 0.5 * float(kernel[0]) / total, -shares))[1:]
    return shares.astype(np.float32), rest.astype(np.float32)


def _end_in_parabola(kernel: Floats) -> None:
    """Replace the kernel's end by the parabola that touches it and is zero at its radius."""
    radius = kernel.size
    places = np.arange(radius - 1, radius // 2 - 1, -1)
    slopes = np.sqrt(kernel[places].astype(np.float64)) / (radius - places)
    rising = np.flatnonzero(slopes[1:] >= slopes[:-1])
    touch = rising[0] + 1 if rising.size else places.size - 1
    slope = slopes[: touch + 1].min()
    ends = np.arange(places[touch] + 2, radius)
    kernel[ends] = ((radius - ends) ** 2 * slope * slope).astype(np.float32)


def _quadratic_spline(side: int) -> Floats:
    """Weights of a quadratic B-spline over three blocks, summing to 1."""
    steps = np.abs(np.arange(3 * side) - 3 * side // 2)
    at = steps / side
    inner, outer = 0.75 - at * at, 1.125 + 0.5 * at * at - 1.5 * at
    return (np.where(steps <= side // 2, inner, outer) / side).astype(np.float32)


def _cubic_spline(side: int) -> Floats:
    """Weights of a cubic B-spline over four blocks."""
    at = np.abs(np.arange(4 * side) - 2 * side) / side
    inner, outer = 2 / 3 - at * at * (1 - 0.5 * at), (2 - at) ** 3 / 6
    return np.where(at < 1, inner, outer).astype(np.float32)
