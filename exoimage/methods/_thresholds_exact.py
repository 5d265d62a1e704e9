"""The seventeen methods in exact arithmetic, for histograms of any length.

Each function takes the counts as float64, at least three of them occupied, and answers with a level
(foreground is above it) or None. Definitions are those of ImageJ 1.54; nothing overflows and nothing is
summed twice, so that 65,536 bins cost milliseconds. Of equal candidates the first is taken.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from exoimage.methods._thresholds_shared import (
    Floats,
    combine_renyi,
    first_valley,
    min_error_step,
    modes,
    smoothed_to_two_modes,
)

_STEP_LIMIT = 10_000
_SERIES_TERMS = 56
_TIE = 1e-13
_JUST_BELOW = 1e-9
_HUANG_EXHAUSTIVE = 4096
_HUANG_STEPS = 1024


def _occupied(counts: Floats) -> tuple[Floats, Floats]:
    """Levels that hold pixels, and their counts."""
    levels = np.flatnonzero(counts)
    return levels.astype(float), counts[levels]


def _above(values: Floats) -> Floats:
    """Sum of all later values, at each index; summed from the end, so that small tails keep their digits."""
    return np.append(np.cumsum(values[:0:-1])[::-1], 0.0)


def _first_largest(values: Floats) -> int:
    """Index of the first value that equals the largest but for rounding; NaN counts as nothing."""
    finite = np.where(np.isfinite(values), values, -np.inf)
    largest = finite.max()
    return int(np.argmax(finite >= largest - _TIE * abs(largest)))


def _round_half_up(value: float) -> int:
    return math.floor(value + 0.5)


def _floor(value: float) -> int:
    """Round down, forgiving the rounding of a mean that is an integer."""
    return math.floor(value + _JUST_BELOW)


def isodata_imagej(counts: Floats) -> int | None:
    """IJ_IsoData: the first level above the middle of both means, first and last bin left out."""
    inner = counts.copy()
    inner[0] = inner[-1] = 0
    occupied = np.flatnonzero(inner)
    if occupied.size < 2:
        return counts.size // 2
    low, high = int(occupied[0]), int(occupied[-1])
    weighted = inner * np.arange(counts.size)
    splits = np.arange(low, max(high - 1, low + 1))
    below = np.cumsum(weighted)[splits] / np.cumsum(inner)[splits]
    above = _above(weighted)[splits] / _above(inner)[splits]
    middles = (below + above) / 2
    stops = np.flatnonzero(splits + 2 > middles)
    return _round_half_up(middles[int(stops[0]) if stops.size else -1])


def default(counts: Floats) -> int | None:
    """Default: `isodata_imagej` with a towering mode cut to 1.5 times the second count."""
    mode = int(np.argmax(counts))
    second = np.delete(counts, mode).max()
    tamed = counts.copy()
    if counts[mode] > 2 * second:
        tamed[mode] = math.floor(1.5 * second)
    return isodata_imagej(tamed)


def huang(counts: Floats) -> int | None:
    """Huang: least fuzzy entropy.

    Above 4,096 occupied bins the minimum is bracketed on every n-th of them first.
    """
    from exoimage.methods._kernels_thresholds import fuzzy_entropy

    levels, present = _occupied(counts)
    scale = 1.0 / (levels[-1] - levels[0])
    mean_below = np.cumsum(levels * present) / np.cumsum(present)
    mean_above = np.append((_above(levels * present)[:-1] / _above(present)[:-1]), 0.0)

    def least(splits: npt.NDArray[np.int64]) -> int:
        entropy = fuzzy_entropy(levels, present, mean_below, mean_above, scale, splits)
        return int(splits[_first_largest(-entropy)])

    stop = levels.size - 1
    step = 1 if levels.size <= _HUANG_EXHAUSTIVE else -(-levels.size // _HUANG_STEPS)
    best = least(np.arange(0, stop, step))
    if step > 1:
        best = least(np.arange(max(best - step, 0), min(best + step + 1, stop)))
    return int(levels[best])


def intermodes(counts: Floats) -> int | None:
    """Intermodes: midway between the two modes of the smoothed histogram."""
    smoothed = smoothed_to_two_modes(counts)
    return None if smoothed is None else int(modes(smoothed).sum()) // 2


def minimum(counts: Floats) -> int | None:
    """Minimum: the valley between the two modes of the smoothed histogram."""
    smoothed = smoothed_to_two_modes(counts)
    if smoothed is None:
        return None
    valley = first_valley(smoothed)
    return None if valley < 0 else valley


def isodata(counts: Floats) -> int | None:
    """IsoData: the first level midway between the means of both sides, the lower one cut to an integer."""
    weighted = counts * np.arange(counts.size)
    start = int(np.flatnonzero(counts[1:])[0]) + 2
    splits = np.arange(start, counts.size - 1)
    count_below, count_above = np.cumsum(counts)[splits - 1], _above(counts)[splits]
    sum_below, sum_above = np.cumsum(weighted)[splits - 1], _above(weighted)[splits]
    low = np.floor(sum_below / count_below + _JUST_BELOW)
    middle = np.floor((low + sum_above / count_above) / 2 + 0.5)
    found = splits[(count_above > 0) & (middle == splits)]
    return int(found[0]) if found.size else None


def li(counts: Floats) -> int | None:
    """Li: least cross entropy, by iteration from the mean."""
    weighted = counts * np.arange(counts.size)
    count, weight = np.cumsum(counts), np.cumsum(weighted)
    count_above, weight_above = _above(counts), _above(weighted)
    new = float(weight[-1] / count[-1])
    for _ in range(_STEP_LIMIT):
        old, split = new, _round_half_up(new)
        if not 0 <= split < counts.size - 1 or count_above[split] == 0 or count[split] == 0:
            return None
        below, above = weight[split] / count[split], weight_above[split] / count_above[split]
        new = 0.0 if below == 0 else float(_round_half_up((above - below) / (math.log(above) - math.log(below))))
        if abs(new - old) <= 0.5:
            return split
    return None


def _split_entropies(present: Floats, order: float) -> Floats:
    """Sum of both sides' Rényi entropies, split after each occupied bin but the last."""
    shares = present / present.sum()
    below, above = np.cumsum(shares)[:-1], _above(shares)[:-1]
    if order == 1:
        terms = shares * np.log(shares)
        entropies = np.log(below) - np.cumsum(terms)[:-1] / below + np.log(above) - _above(terms)[:-1] / above
        return np.asarray(entropies)
    terms = shares**order
    log_low = np.log(np.cumsum(terms)[:-1]) - order * np.log(below)
    log_high = np.log(_above(terms)[:-1]) - order * np.log(above)
    return np.asarray((log_low + log_high) / (1 - order))


def max_entropy(counts: Floats) -> int | None:
    """MaxEntropy: largest sum of both sides' entropies."""
    levels, present = _occupied(counts)
    return int(levels[_first_largest(_split_entropies(present, 1))])


def renyi_entropy(counts: Floats) -> int | None:
    """RenyiEntropy: weighted mean of the thresholds by entropies of order 1/2, 1 and 2."""
    levels, present = _occupied(counts)
    best = [int(levels[_first_largest(_split_entropies(present, order))]) for order in (0.5, 1, 2)]
    below = np.cumsum(counts) / counts.sum()
    near = 5 * max(counts.size / 256, 1.0)
    return _floor(combine_renyi((best[0], best[1], best[2]), below, 1 - below, near))


def mean(counts: Floats) -> int | None:
    """Mean: the mean, rounded down."""
    return _floor(float(np.sum(counts * np.arange(counts.size)) / counts.sum()))


def min_error(counts: Floats) -> int | None:
    """MinError: two normal populations, by iteration from the mean."""
    levels = np.arange(counts.size, dtype=float)
    sums = np.cumsum([counts, counts * levels, counts * levels * levels], axis=1)
    whole = (float(sums[0, -1]), float(sums[1, -1]), float(sums[2, -1]))
    split, seen = mean(counts), set[int]()
    while split is not None and split not in seen:
        seen.add(split)
        at = min(split, counts.size - 1)
        below = (float(sums[0, at]), float(sums[1, at]), float(sums[2, at])) if at >= 0 else (0.0, 0.0, 0.0)
        solution = min_error_step(below, whole)
        if solution is None or math.isnan(solution):
            return split
        following = math.floor(solution) if math.isfinite(solution) else None
        if following == split:
            return split
        split = following
    return None


def moments(counts: Floats) -> int | None:
    """Moments: the two-level picture with the same first three moments.

    Central moments, which lose no digits where levels are high and narrow.
    """
    shares = counts / counts.sum()
    levels = np.arange(counts.size)
    deviation = levels - np.sum(shares * levels)
    m2, m3 = np.sum(shares * deviation**2), np.sum(shares * deviation**3)
    skew = m3 / m2
    root = math.sqrt(skew * skew + 4 * m2)
    share_below = 0.5 * (skew + root) / root
    beyond = np.flatnonzero(np.cumsum(shares) > share_below + _TIE)
    return int(beyond[0]) if beyond.size else None


def otsu(counts: Floats) -> int | None:
    """Otsu: largest variance between the sides."""
    levels, present = _occupied(counts)
    centred = levels - np.sum(levels * present) / present.sum()
    below, weight = np.cumsum(present)[:-1], np.cumsum(present * centred)[:-1]
    return int(levels[_first_largest(weight * weight / (below * _above(present)[:-1]))])


def percentile(counts: Floats) -> int | None:
    """Percentile: half of the pixels on either side."""
    below = np.cumsum(counts)
    return int(np.argmin(np.abs(2 * below - below[-1])))


def shanbhag(counts: Floats) -> int | None:
    """Shanbhag: smallest difference between both sides' information.

    ``log(1 - x)`` for x up to 1/2 is summed as its power series, which turns the double sum over bins into
    running sums.
    """
    levels, present = _occupied(counts)
    shares = present / present.sum()
    below, above = np.cumsum(shares), _above(shares)
    information = _information(shares, np.append(0.0, below[:-1]), below)
    # The upper side is the lower one, seen from the top.
    mirrored = shares[::-1]
    from_top = np.cumsum(mirrored)
    information_above = _information(mirrored, np.append(0.0, from_top[:-1]), from_top)[::-1]
    difference = np.abs(information[:-1] - information_above[1:])
    return int(levels[_first_largest(-difference)]) if above.size > 1 else None


def _information(shares: Floats, before: Floats, until: Floats) -> Floats:
    """``-(0.5 / P) Σ p log(1 - 0.5 P_before / P)`` over the bins up to each bin."""
    power, reach = np.ones_like(shares), np.ones_like(shares)
    total = np.zeros_like(shares)
    for k in range(1, _SERIES_TERMS + 1):
        power = power * before
        reach = reach * (2 * until)
        usable = reach > 1e-280
        total[usable] += np.cumsum(shares * power)[usable] / (k * reach[usable])
    return 0.5 * total / until


def triangle(counts: Floats) -> int | None:
    """Triangle: the bin farthest from the line from the mode to the farther end."""
    last_bin = counts.size - 1
    occupied = np.flatnonzero(counts)
    low, high = max(int(occupied[0]) - 1, 0), min(int(occupied[-1]) + 1, last_bin)
    peak = int(np.argmax(counts))
    inverted = peak - low < high - peak
    curve = counts[::-1] if inverted else counts
    if inverted:
        low, peak = last_bin - high, last_bin - peak
    if low == peak:
        return None
    steps = np.arange(1, peak - low + 1)
    distance = curve[peak] * steps - (peak - low) * (curve[low + 1 : peak + 1] - curve[low])
    split = low + (1 + int(np.argmax(distance)) if distance.max() > 0 else 0) - 1
    return last_bin - split if inverted else split


def yen(counts: Floats) -> int | None:
    """Yen: largest entropic correlation."""
    levels, present = _occupied(counts)
    shares = present / present.sum()
    squares = shares * shares
    below, above = np.cumsum(shares)[:-1], _above(shares)[:-1]
    squares_below, squares_above = np.cumsum(squares)[:-1], _above(squares)[:-1]
    criterion = 2 * (np.log(below) + np.log(above)) - np.log(squares_below) - np.log(squares_above)
    return int(levels[_first_largest(criterion)])


METHODS: dict[str, Callable[[Floats], int | None]] = {
    "Default": default,
    "Huang": huang,
    "Intermodes": intermodes,
    "IsoData": isodata,
    "IJ_IsoData": isodata_imagej,
    "Li": li,
    "MaxEntropy": max_entropy,
    "Mean": mean,
    "MinError": min_error,
    "Minimum": minimum,
    "Moments": moments,
    "Otsu": otsu,
    "Percentile": percentile,
    "RenyiEntropy": renyi_entropy,
    "Shanbhag": shanbhag,
    "Triangle": triangle,
    "Yen": yen,
}
