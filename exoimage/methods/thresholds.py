"""Automatic thresholds of a histogram: exact, or with ImageJ's number to the last bit.

Seventeen methods by ImageJ's names (`METHODS`). `find` is what the assays use; `auto_threshold` reproduces
what a given version of ImageJ answers, its integer overflows included.

References
----------
Default, IJ_IsoData, IsoData : Ridler & Calvard 1978, doi:10.1109/TSMC.1978.4310039
Huang : Huang & Wang 1995, doi:10.1016/0031-3203(94)E0043-K
Intermodes, Minimum : Prewitt & Mendelsohn 1966, doi:10.1111/j.1749-6632.1965.tb11715.x
Li : Li & Tam 1998, doi:10.1016/S0167-8655(98)00057-9
MaxEntropy : Kapur, Sahoo & Wong 1985, doi:10.1016/0734-189X(85)90125-2
Mean : Glasbey 1993, doi:10.1006/cgip.1993.1040
MinError : Kittler & Illingworth 1986, doi:10.1016/0031-3203(86)90030-0
Moments : Tsai 1985, doi:10.1016/0734-189X(85)90133-1
Otsu : Otsu 1979, doi:10.1109/TSMC.1979.4310076
Percentile : Doyle 1962, doi:10.1145/321119.321123
RenyiEntropy : Sahoo, Wilkins & Yeager 1997, doi:10.1016/S0031-3203(96)00065-9
Shanbhag : Shanbhag 1994, doi:10.1006/cgip.1994.1037
Triangle : Zack, Rogers & Latt 1977, doi:10.1177/25.7.70454
Yen : Yen, Chang & Chang 1995, doi:10.1109/83.366472
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from exoimage.errors import MeasureError
from exoimage.flags import Flag
from exoimage.methods import _thresholds_exact as exact
from exoimage.methods import _thresholds_imagej as imagej
from exoimage.methods._thresholds_java import INT_MAX, Dialect

Compat = Literal["1.53t", "1.54p"]

METHODS: tuple[str, ...] = tuple(exact.METHODS)
"""The methods' names, as in ImageJ's menu."""

_BY_LOWER_CASE = {name.lower(): name for name in METHODS}
_DIALECTS = {"1.53t": Dialect(modern=False), "1.54p": Dialect(modern=True)}
_WIDE_DIALECTS = tuple(Dialect(modern, overflows=False) for modern in (False, True))
_LARGEST_TOTAL = 2.0**62


@dataclass(frozen=True)
class Threshold:
    """Where a method splits a histogram.

    Parameters
    ----------
    level : int or None
        Foreground are the bins above `level` (ImageJ's "dark background"); None where nothing is to be split.
        A level leaves pixels on both sides.
    flags : tuple of Flag
        `Flag.BLANK` with fewer than two occupied bins, `Flag.NO_THRESHOLD` where the method has no answer;
        `Flag.IMAGEJ_OVERFLOW` and `Flag.IMAGEJ_VERSION` if asked for.
    """

    level: int | None
    flags: tuple[Flag, ...] = ()


def find(histogram: npt.ArrayLike, method: str = "Otsu", *, compare: bool = False) -> Threshold:
    """Split a histogram of any length, in exact arithmetic.

    The methods are defined as in ImageJ 1.54p, and the level is its level, unless ImageJ's 32-bit integers
    overflow or two levels tie and rounding decides there (here the first one does). Histograms of several
    images are pooled by adding them.

    Parameters
    ----------
    histogram : (bins,) array_like of numbers >= 0
        Count per bin; 2 bins or more (256 for 8 bit, 65,536 for 16 bit).
    method : str
        One of `METHODS`, in upper or lower case.
    compare : bool
        Say whether ImageJ answers otherwise, for 256 bins: `Flag.IMAGEJ_OVERFLOW` if integers overflow in
        1.53t or 1.54p and change their number, `Flag.IMAGEJ_VERSION` if these two versions disagree.

    Returns
    -------
    Threshold
        `level` is None, with a flag, where there is nothing to split.

    Raises
    ------
    MeasureError
        If the method is unknown, or the histogram is not a list of finite counts >= 0.

    Notes
    -----
    With two occupied bins every method answers the upper one less 1, as ImageJ since 1.54a. Minimum and
    Intermodes give up after 10,000 rounds of smoothing. What RenyiEntropy calls near (5 of 256 levels) grows
    with the number of bins.

    Examples
    --------
    >>> histogram = np.zeros(256, int)
    >>> histogram[[20, 21, 22, 200, 201]] = 500, 800, 400, 90, 60
    >>> find(histogram, "Otsu")
    Threshold(level=22, flags=())
    >>> find(np.zeros(1024), "Otsu").flags[0].value
    'blank'
    """
    name = _method(method)
    counts = _counts(histogram)
    level, flags = _level(counts, name)
    if compare and counts.size == imagej.BINS:
        flags += _differences(counts, name)
    return Threshold(level, flags)


def auto_threshold(histogram: npt.ArrayLike, method: str = "Default", compat: Compat = "1.54p") -> int:
    """Give the number that ImageJ's `AutoThresholder` returns, overflows and odd cases included.

    Parameters
    ----------
    histogram : (256,) array_like of int
        Count per grey level, at most 2,147,483,647 each.
    method : str
        One of `METHODS`, in upper or lower case.
    compat : {"1.54p", "1.53t"}
        The version of ImageJ. They differ since 1.54a for one or two occupied levels, and since 1.54g for
        Otsu, Intermodes, IsoData, Huang and Li.

    Returns
    -------
    int
        The raw threshold: with a dark background, foreground is above it. It may lie outside 0..255
        (MinError, Otsu), and it is 0 where ImageJ finds none.

    Raises
    ------
    MeasureError
        If the method or version is unknown, or ImageJ could not hold the histogram.

    Examples
    --------
    >>> histogram = np.zeros(256, int)
    >>> histogram[[52, 169]] = 9654
    >>> auto_threshold(histogram, "Otsu", compat="1.53t"), auto_threshold(histogram, "Otsu", compat="1.54p")
    (168, 168)
    >>> auto_threshold(histogram, "Yen", compat="1.53t"), auto_threshold(histogram, "Yen", compat="1.54p")
    (0, 168)
    """
    name = _method(method)
    if compat not in _DIALECTS:
        raise MeasureError(f"ImageJ version {compat!r} is not known here; choose one of {', '.join(_DIALECTS)}")
    counts = _counts(histogram)
    if counts.size != imagej.BINS:
        raise MeasureError(
            f"ImageJ's thresholds take 256 counts, not {counts.size}; use thresholds.find for other lengths"
        )
    if counts.max() > INT_MAX or not np.array_equal(counts, np.floor(counts)):
        raise MeasureError("ImageJ's histograms hold whole numbers up to 2147483647; use thresholds.find instead")
    return imagej.imagej_threshold(counts.astype(np.int64), name, _DIALECTS[compat])


def _method(method: str) -> str:
    name = _BY_LOWER_CASE.get(str(method).lower())
    if name is None:
        raise MeasureError(f"unknown threshold method {method!r}; choose one of {', '.join(METHODS)}")
    return name


def _counts(histogram: npt.ArrayLike) -> npt.NDArray[np.float64]:
    """Take counts as float64: exact up to 2^53, within 1e-16 above; shrunk by a power of two where huge."""
    try:
        counts = np.array(histogram, dtype=np.float64)
    except (TypeError, ValueError, OverflowError) as error:
        raise MeasureError(f"a histogram is a list of counts; this one has something else in it ({error})") from None
    if counts.ndim != 1 or counts.size < 2:
        raise MeasureError(f"a histogram is a list of two counts or more, not an array of shape {counts.shape}")
    if not np.isfinite(counts).all() or counts.min() < 0:
        raise MeasureError("a histogram's counts are finite and not negative; this one has others")
    with np.errstate(over="ignore"):
        total = counts.sum()
    if total > _LARGEST_TOTAL:
        counts = np.ldexp(counts, 62 - counts.size.bit_length() - int(np.frexp(counts.max())[1]))
    return counts


def _level(counts: npt.NDArray[np.float64], name: str) -> tuple[int | None, tuple[Flag, ...]]:
    occupied = np.flatnonzero(counts)
    if occupied.size < 2:
        return None, (Flag.BLANK,)
    if occupied.size == 2:
        return int(occupied[1]) - 1, ()
    with np.errstate(all="ignore"):
        level = exact.METHODS[name](counts)
    if level is None or not occupied[0] <= level < occupied[-1]:
        return None, (Flag.NO_THRESHOLD,)
    return level, ()


def _differences(counts: npt.NDArray[np.float64], name: str) -> tuple[Flag, ...]:
    """How ImageJ differs on these 256 counts."""
    if counts.max() > INT_MAX:
        return (Flag.IMAGEJ_OVERFLOW,)
    whole = np.floor(counts).astype(np.int64)
    old, new = (imagej.imagej_threshold(whole, name, dialect) for dialect in _DIALECTS.values())
    wide_old, wide_new = (imagej.imagej_threshold(whole, name, dialect) for dialect in _WIDE_DIALECTS)
    flags = (Flag.IMAGEJ_OVERFLOW,) if (old, new) != (wide_old, wide_new) else ()
    return (*flags, Flag.IMAGEJ_VERSION) if old != new else flags
