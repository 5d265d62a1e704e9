"""ImageJ's Gel Analyzer without its drawing: lane profiles, uncalibrated optical density, areas of peaks.

A profile equals ImageJ's number for number. The areas do not, and cannot: ImageJ plots the profile, scaled to the
size of the screen, and counts the plot's pixels inside a peak; only the shares of the total are portable. Here an area
is the integral of the profile above a straight baseline.

Measured on ImageJ 1.53t, "Analyze > Gels".
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from exoimage.errors import MeasureError
from exoimage.flags import Flag

Baseline = Literal["common", "each"] | tuple[float, float]
Profile = npt.NDArray[np.float64]

_LOG10_E = 0.434294481  # ImageJ's digits
_WHITE = 255.0


@dataclass(frozen=True)
class Lane:
    """A lane's rectangle in px; bands lie across it, the run goes down.

    Parameters
    ----------
    x, y : int
        Left column and top row.
    width, height : int
        At least 1; ImageJ's lanes are taller than wide.
    """

    x: int
    y: int
    width: int
    height: int


@dataclass(frozen=True)
class PeakAreas:
    """Areas of a lane's peaks.

    Parameters
    ----------
    areas : tuple of float
        Profile units times px, one per peak; NaN where the profile is infinite.
    shares_pct : tuple of float
        Of the sum of `areas`; NaN where that is not positive, or unknown.
    flags : tuple of Flag
        `Flag.BLANK` where the areas do not sum to more than 0, `Flag.SATURATED` where an area is NaN.
    """

    areas: tuple[float, ...]
    shares_pct: tuple[float, ...]
    flags: tuple[Flag, ...] = ()


def lane_profile(
    image: npt.NDArray[Any], lane: Lane, *, invert: bool = True, uncalibrated_od: bool = False
) -> npt.NDArray[np.float64]:
    """Mean grey value of a lane, row by row, as the Gel Analyzer plots it.

    Parameters
    ----------
    image : (y, x) array of uint8, uint16 or float32
        The whole gel: its lowest and highest value scale deeper images.
    lane : Lane
    invert : bool
        Dark bands give peaks ("Invert peaks", ImageJ's default): the mean of 255 - value of 8 bit, 65535 - value of
        16 bit, lowest + highest - value of 32 bit. Else the mean of the values.
    uncalibrated_od : bool
        Optical density of the mean p: log10(255 / (255 - p)). Deeper images are first scaled to 8 bits between their
        lowest and highest value.

    Returns
    -------
    (height,) float64 array
        One value per row of the lane. NaN pixels are left out of the mean. Uncalibrated OD is infinite where a row
        of the lane is saturated.

    Raises
    ------
    MeasureError
        If the image is not of that shape and kind, or the lane leaves it.

    Notes
    -----
    The OD of a mean is less than the mean of ODs where a band does not fill the lane's width; this is ImageJ's choice.

    Examples
    --------
    >>> gel = np.full((4, 6), 255, dtype=np.uint8)
    >>> gel[2, 1:3] = 55, 155
    >>> lane_profile(gel, Lane(1, 0, 2, 4)).tolist()
    [0.0, 0.0, 150.0, 0.0]
    >>> round(float(lane_profile(gel, Lane(1, 0, 2, 4), uncalibrated_od=True)[2]), 4)
    0.3854
    """
    gel = _grey(image)
    _check_inside(lane, gel.shape)
    rows = gel[lane.y : lane.y + lane.height, lane.x : lane.x + lane.width]
    if gel.dtype == np.uint8:
        values = 255.0 - rows if invert else rows.astype(np.float64)
    else:
        values = _of_deep(gel, rows, invert, uncalibrated_od)
    profile = _mean_of_rows(values)
    return _uncalibrated_od(profile) if uncalibrated_od else profile


def peak_areas(profile: npt.ArrayLike, bounds: Sequence[float], *, baseline: Baseline = "common") -> PeakAreas:
    """Area of each peak between drop lines, above a straight baseline, and its share of the lane.

    Parameters
    ----------
    profile : (n,) array_like of float
        As `lane_profile` gives it.
    bounds : sequence of two or more float
        Positions of the drop lines in px from the profile's first sample, in increasing order: the start of the first
        peak, the valleys between peaks, and the end of the last. Between samples the profile is interpolated.
    baseline : "common", "each" or (float, float)
        "common": one line from the profile at the first bound to the profile at the last. "each": a line per peak,
        between its own bounds. Two numbers: one line with these heights at the first and the last bound.

    Returns
    -------
    PeakAreas
        Trapezoid integrals. Where the profile dips below the baseline the area counts as negative.

    Raises
    ------
    MeasureError
        If the profile is not a list of numbers, or the bounds do not increase within it.

    Examples
    --------
    >>> peak_areas([1, 1, 5, 1, 1, 3, 1], [0, 3, 6])
    PeakAreas(areas=(4.0, 2.0), shares_pct=(66.66666666666667, 33.333333333333336), flags=())
    """
    heights = _heights(profile)
    edges = _edges(bounds, heights.size)
    ends = _line_ends(heights, edges, baseline)
    areas = np.array([_area(heights, edges[k], edges[k + 1], *ends[k]) for k in range(edges.size - 1)])
    shares, flags = _shares(areas)
    return PeakAreas(tuple(areas.tolist()), tuple(shares.tolist()), flags)


def _grey(image: npt.NDArray[Any]) -> npt.NDArray[Any]:
    gel = np.asarray(image)
    if gel.ndim != 2 or gel.size == 0:
        raise MeasureError(f"a gel is a grey picture of shape (y, x), not {gel.shape}; take one channel")
    if gel.dtype == np.float64:
        gel = gel.astype(np.float32)
    if gel.dtype not in (np.uint8, np.uint16, np.float32):
        raise MeasureError(f"a gel's pixels are uint8, uint16 or float32, not {gel.dtype}; convert them first")
    return gel


def _check_inside(lane: Lane, shape: tuple[int, ...]) -> None:
    inside = lane.x >= 0 and lane.y >= 0 and lane.x + lane.width <= shape[1] and lane.y + lane.height <= shape[0]
    if not inside or lane.width < 1 or lane.height < 1:
        raise MeasureError(f"{lane} does not lie within the picture of {shape[1]} × {shape[0]} px")


def _of_deep(gel: npt.NDArray[Any], rows: npt.NDArray[Any], invert: bool, to_8_bit: bool) -> Profile:
    """The rows of a 16-bit or 32-bit gel, scaled and inverted as ImageJ does."""
    low, high = _extremes(gel)
    wide = rows.astype(np.float64)
    if to_8_bit:
        steps = 256.0 / (high - low + 1) if gel.dtype == np.uint16 else 255.0 / max(high - low, np.finfo(float).tiny)
        scaled = np.minimum(np.floor(np.nan_to_num(wide - low) * steps + 0.5), 255.0)
        return 255.0 - scaled if invert else scaled
    if not invert:
        return wide
    if gel.dtype == np.uint16:
        return 65535.0 - wide
    # In 32 bits, as ImageJ rounds.
    return np.asarray(np.float32(high) - (rows - np.float32(low)), dtype=np.float64)


def _extremes(gel: npt.NDArray[Any]) -> tuple[float, float]:
    known = gel[~np.isnan(gel)]
    if known.size == 0 or not np.isfinite(known).all():
        raise MeasureError("the gel holds an infinity, or nothing but NaN: there is no scale for it")
    return float(known.min()), float(known.max())


def _mean_of_rows(values: Profile) -> Profile:
    # Columns are added one after the other, as ImageJ does, so that floats round as they do there.
    columns = np.ascontiguousarray(values.T)
    known = ~np.isnan(columns)
    total = np.add.reduce(np.where(known, columns, 0.0), axis=0)
    with np.errstate(invalid="ignore"):
        return np.asarray(total / known.sum(axis=0))


def _uncalibrated_od(profile: Profile) -> Profile:
    with np.errstate(divide="ignore"):
        return np.asarray(_LOG10_E * np.log(_WHITE / (_WHITE - profile)))


def _heights(profile: npt.ArrayLike) -> Profile:
    try:
        heights = np.array(profile, dtype=np.float64)
    except (TypeError, ValueError):
        raise MeasureError("a profile is a list of numbers; this one has something else in it") from None
    if heights.ndim != 1 or heights.size < 2 or np.isnan(heights).any() or np.isneginf(heights).any():
        raise MeasureError(f"a profile is a list of two numbers or more without NaN; got an array of {heights.shape}")
    return heights


def _edges(bounds: Sequence[float], length: int) -> Profile:
    try:
        edges = np.array(bounds, dtype=np.float64)
    except (TypeError, ValueError):
        raise MeasureError(f"drop lines are positions in px, not {bounds!r}") from None
    if edges.ndim != 1 or edges.size < 2 or not (np.diff(edges) > 0).all() or edges[0] < 0 or edges[-1] > length - 1:
        raise MeasureError(f"drop lines are two or more increasing positions within 0..{length - 1} px, not {bounds!r}")
    return edges


def _line_ends(heights: Profile, edges: Profile, baseline: Baseline) -> npt.NDArray[np.float64]:
    """Height of the baseline at the start and the end of each peak, (peak, 2)."""
    at_edges = np.interp(edges, np.arange(heights.size), heights)
    if isinstance(baseline, str):
        if baseline not in ("common", "each"):
            raise MeasureError(f"a baseline is 'common', 'each' or two heights, not {baseline!r}")
        if baseline == "each":
            return np.stack([at_edges[:-1], at_edges[1:]], axis=1)
        first, last = at_edges[0], at_edges[-1]
    else:
        pair = np.array(baseline, dtype=np.float64)
        if pair.shape != (2,) or not np.isfinite(pair).all():
            raise MeasureError(f"a baseline is 'common', 'each' or two heights, not {baseline!r}")
        first, last = pair
    line = first + (edges - edges[0]) / (edges[-1] - edges[0]) * (last - first)
    return np.stack([line[:-1], line[1:]], axis=1)


def _area(heights: Profile, start: float, end: float, line_start: float, line_end: float) -> float:
    samples = np.arange(heights.size)
    inner = samples[(samples > start) & (samples < end)]
    x = np.concatenate(([start], inner, [end]))
    y = np.interp(x, samples, heights)
    if not (np.isfinite(y).all() and np.isfinite(line_start) and np.isfinite(line_end)):
        return float("nan")
    above_zero = float(((y[1:] + y[:-1]) / 2 * np.diff(x)).sum())
    return above_zero - (line_start + line_end) / 2 * (end - start)


def _shares(areas: npt.NDArray[np.float64]) -> tuple[npt.NDArray[np.float64], tuple[Flag, ...]]:
    unknown = np.full(areas.size, np.nan)
    if np.isnan(areas).any():
        return unknown, (Flag.SATURATED,)
    if areas.sum() <= 0:
        return unknown, (Flag.BLANK,)
    return 100 * areas / areas.sum(), ()
