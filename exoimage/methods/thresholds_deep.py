"""Automatic thresholds of 16-bit and 32-bit images, as ImageJ sets them.

ImageJ's default route squeezes the image into 256 levels between its lowest and its highest value, thresholds
these, and scales the level back: one hot pixel widens the levels and moves the threshold. Its option "16-bit" (1.54g
and later) thresholds the full histogram instead.

Measured on ImageJ 1.53t: ``ImageProcessor.setAutoThreshold("Otsu dark")`` and the same without "dark".
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from exoimage.errors import MeasureError
from exoimage.flags import Flag, merged
from exoimage.methods.thresholds import Compat, auto_threshold, find

_LEVELS_16 = 65_536
_FAR = 1e30  # what ImageJ puts for "no limit" on a 32-bit image
_CHUNK = 1 << 20
_INT_MAX = 2**31 - 1
_CUBE_ROOT_OF_INT_MAX = 1290


@dataclass(frozen=True)
class ThresholdRange:
    """The values that count as foreground, both ends included.

    Parameters
    ----------
    lower, upper : float or None
        None where nothing is found.
    flags : tuple of Flag
        `Flag.BLANK` where all values are equal, `Flag.NO_THRESHOLD` where the method has no answer;
        `Flag.IMAGEJ_OVERFLOW` and `Flag.IMAGEJ_VERSION` where ImageJ answers otherwise.
    """

    lower: float | None
    upper: float | None
    flags: tuple[Flag, ...] = ()

    def mask(self, values: npt.NDArray[Any]) -> npt.NDArray[np.bool_]:
        """Where the foreground is; nowhere if nothing is found.

        Examples
        --------
        >>> ThresholdRange(5, 9).mask(np.array([4, 5, 9, 10])).tolist()
        [False, True, True, False]
        """
        array = np.asarray(values)
        if self.lower is None or self.upper is None:
            return np.zeros(array.shape, dtype=np.bool_)
        wide = array if array.dtype.kind in "iu" else array.astype(np.float64)
        foreground: npt.NDArray[np.bool_] = (wide >= self.lower) & (wide <= self.upper)
        return foreground


@dataclass(frozen=True)
class EightBit:
    """ImageJ's 256 levels of a deeper image.

    Parameters
    ----------
    histogram : (256,) int64 array
    low, high : float
        The image's lowest and highest value.
    bits : {16, 32}
    """

    histogram: npt.NDArray[np.int64]
    low: float
    high: float
    bits: int


def auto_threshold_16bit(
    values: npt.NDArray[Any], method: str = "Default", compat: Compat | None = "1.54p", *, dark: bool = True
) -> ThresholdRange:
    """Threshold a 16-bit or 32-bit image over 256 levels between its extremes: ImageJ's default route.

    Parameters
    ----------
    values : array of uint16 or float, any shape
        The image, or the values of a region. Other integers are taken where they fit 16 bits; float64 is rounded to
        32 bits. NaN counts as level 0, as in ImageJ.
    method : str
        One of `exoimage.methods.thresholds.METHODS`.
    compat : {"1.54p", "1.53t"} or None
        ImageJ's version, whose number is given even where it is odd; None for exact arithmetic, where a
        blank image has no foreground.
    dark : bool
        Foreground is brighter than the background (ImageJ's "Dark background"); else darker.

    Returns
    -------
    ThresholdRange
        Limits as ImageJ's getThreshold reports them. With `compat`, a blank image is all foreground, as in ImageJ,
        and flagged.

    Raises
    ------
    MeasureError
        If the method or version is unknown, there are no values, or they are infinite, 8-bit or wider than 16 bits.

    Notes
    -----
    To 256 levels: int((v - min) * 256 / (max - min + 1) + 0.5), at most 255, of 16 bit; int((v - min) * 255 /
    (max - min) + 0.5) of 32 bit. Back: min + level / 255 * (max - min), rounded for 16 bit; with a dark background
    the level is the threshold plus 1.

    Examples
    --------
    >>> image = np.array([[100, 110, 120], [100, 3000, 4000]], dtype=np.uint16)
    >>> found = auto_threshold_16bit(image, "Otsu")
    >>> found.lower, found.upper, int(found.mask(image).sum())
    (131.0, 65535.0, 2)
    >>> auto_threshold_16bit(np.zeros((2, 2), np.uint16), "Otsu", compat=None).lower is None
    True
    """
    levels = eight_bit(values)
    if compat is None:
        found = find(levels.histogram, method)
        if found.level is None:
            return ThresholdRange(None, None, found.flags)
        return _scaled_back(levels, found.level, dark)
    level = auto_threshold(levels.histogram, method, compat)
    scaled = _scaled_back(levels, level, dark)
    flags = find(levels.histogram, method, compare=True).flags
    return ThresholdRange(scaled.lower, scaled.upper, flags)


def full_histogram_threshold(values: npt.NDArray[Any], method: str = "Default", *, dark: bool = True) -> ThresholdRange:
    """Threshold a 16-bit image over its full histogram: ImageJ's option "16-bit", in exact arithmetic.

    Parameters
    ----------
    values : array of uint16, any shape
        The image, or the values of a region.
    method : str
        One of `exoimage.methods.thresholds.METHODS`.
    dark : bool
        Foreground is brighter than the background; else darker.

    Returns
    -------
    ThresholdRange
        With a dark background, as in ImageJ, from the threshold T itself to 65535; else from 0 to T. (The
        foreground of an 8-bit image starts at T + 1.) Nothing where there is no threshold. `Flag.IMAGEJ_OVERFLOW`
        where an integer of ImageJ 1.54p leaves 32 bits on the way: its threshold is another.

    Raises
    ------
    MeasureError
        If the method is unknown, there are no values, or they are not 16-bit.

    Notes
    -----
    Written from what ImageJ 1.54 was seen to do; unlike the default route, not compared with it case by case.

    Examples
    --------
    >>> image = np.array([[100, 110, 120], [100, 3000, 4000]], dtype=np.uint16)
    >>> full_histogram_threshold(image, "Otsu")
    ThresholdRange(lower=120.0, upper=65535.0, flags=())
    """
    array = _deep(values)
    if array.dtype != np.uint16:
        raise MeasureError("the full histogram is that of a 16-bit image; this one is 32-bit: use auto_threshold_16bit")
    counts = np.bincount(array.ravel(), minlength=_LEVELS_16)
    found = find(counts, method)
    if found.level is None:
        return ThresholdRange(None, None, found.flags)
    flags = merged(found.flags, (Flag.IMAGEJ_OVERFLOW,) if _overflows(counts, method) else ())
    level = float(found.level)
    return ThresholdRange(level, 65535.0, flags) if dark else ThresholdRange(0.0, level, flags)


def eight_bit(values: npt.NDArray[Any]) -> EightBit:
    """Histogram of the 256 levels into which ImageJ scales a 16-bit or 32-bit image ("Image > Type > 8-bit").

    Parameters
    ----------
    values : array of uint16 or float, any shape
        As in `auto_threshold_16bit`.

    Returns
    -------
    EightBit

    Raises
    ------
    MeasureError
        If there are no values, or they are infinite, 8-bit or wider than 16 bits.

    Examples
    --------
    >>> levels = eight_bit(np.array([1000, 1001, 1002, 1003], dtype=np.uint16))
    >>> np.flatnonzero(levels.histogram).tolist(), levels.low, levels.high
    ([0, 64, 128, 192], 1000.0, 1003.0)
    """
    array = _deep(values)
    if array.dtype == np.uint16:
        return _of_16_bit(array)
    return _of_32_bit(array)


def _of_16_bit(array: npt.NDArray[np.uint16]) -> EightBit:
    counts = np.bincount(array.ravel(), minlength=_LEVELS_16)
    occupied = np.flatnonzero(counts)
    low, high = int(occupied[0]), int(occupied[-1])
    offsets = np.arange(high - low + 1, dtype=np.float64)
    levels = np.minimum((offsets * (256.0 / (high - low + 1)) + 0.5).astype(np.int64), 255)
    histogram = np.bincount(levels, weights=counts[low : high + 1], minlength=256).astype(np.int64)
    return EightBit(histogram, float(low), float(high), 16)


def _of_32_bit(array: npt.NDArray[np.float32]) -> EightBit:
    flat = array.ravel()
    known = ~np.isnan(flat)
    if not known.any():
        raise MeasureError("all values are NaN: there is nothing to threshold")
    low, high = float(flat.min(where=known, initial=np.inf)), float(flat.max(where=known, initial=-np.inf))
    if not (np.isfinite(low) and np.isfinite(high)):
        raise MeasureError("the values hold an infinity, which leaves no scale for 256 levels; replace it by NaN")
    histogram = np.zeros(256, dtype=np.int64)
    if high == low:
        histogram[0] = flat.size
        return EightBit(histogram, low, high, 32)
    scale = 255.0 / (high - low)
    for start in range(0, flat.size, _CHUNK):
        part = flat[start : start + _CHUNK].astype(np.float64)
        offsets = np.where(np.isnan(part), 0.0, part - low)
        histogram += np.bincount((offsets * scale + 0.5).astype(np.int64), minlength=256)
    return EightBit(histogram, low, high, 32)


def _scaled_back(levels: EightBit, level: int, dark: bool) -> ThresholdRange:
    """Limits on the image's own scale; of a blank image, its one value."""
    low, high = levels.low, levels.high
    if high <= low:
        return ThresholdRange(low, low)

    def scaled(of_256: float) -> float:
        value = low + of_256 / 255.0 * (high - low)
        return float(np.floor(min(max(value, 0.0), 65535.0) + 0.5)) if levels.bits == 16 else value

    bottom = 0.0 if levels.bits == 16 else min(low, -_FAR)
    top = 65535.0 if levels.bits == 16 else max(high, _FAR)
    first, last = (min(level + 1, 255), 255) if dark else (0, level)
    return ThresholdRange(bottom if first == 0 else scaled(first), top if last == 255 else scaled(last))


def _overflows(counts: npt.NDArray[np.int64], method: str) -> bool:
    """Whether an int of ImageJ 1.54p leaves 32 bits on a full histogram."""
    values = np.arange(counts.size, dtype=np.float64)
    name = method.lower()
    if name in ("huang", "li", "isodata"):
        return bool(values @ counts > _INT_MAX)
    if name == "minerror":
        return bool((values * values * counts).max() > _INT_MAX)
    if name == "moments":
        return bool(np.flatnonzero(counts)[-1] > _CUBE_ROOT_OF_INT_MAX)
    return False


def _deep(values: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """The values as uint16 or float32."""
    array = np.asarray(values)
    if array.size == 0:
        raise MeasureError(f"an array of shape {array.shape} holds no values to threshold")
    if array.dtype.kind == "f":
        return array.astype(np.float32, copy=False)
    if array.dtype == np.uint16:
        return array
    if array.dtype == np.uint8:
        raise MeasureError("8-bit images have one histogram only; use exoimage.methods.thresholds.auto_threshold")
    if array.dtype.kind not in "iu" or array.min() < 0 or array.max() >= _LEVELS_16:
        raise MeasureError(f"ImageJ's images hold 0..65535 or 32-bit floats; these {array.dtype} values do not fit")
    return array.astype(np.uint16)
