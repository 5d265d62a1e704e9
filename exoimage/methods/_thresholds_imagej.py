"""ImageJ's automatic thresholds with its arithmetic: order of sums, integer overflows, odd cases.

Written from the published methods and from the answers of ImageJ 1.53t and 1.54p; every function takes the
256 counts as int64 and a `Dialect`. Sums are cumulative sums, whose order of additions is that of a loop from
bin 0 upwards, so that floating-point ties fall as they do in ImageJ.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from exoimage.methods._thresholds_java import INT_MIN, Counts, Dialect, java_int, java_round, wrapped
from exoimage.methods._thresholds_shared import (
    Floats,
    combine_renyi,
    first_valley,
    min_error_step,
    modes,
    smoothed_to_two_modes,
)

BINS = 256
_EPSILON = 2.220446049250313e-16
_MIN_POSITIVE = 5e-324  # Java's Double.MIN_VALUE
_STEP_LIMIT = 1_000


def imagej_threshold(counts: Counts, method: str, dialect: Dialect) -> int:
    """Return what ImageJ's AutoThresholder returns for 256 counts."""
    if dialect.modern:
        occupied = np.flatnonzero(counts)
        if 1 <= occupied.size <= 2 and occupied[-1] > 0:
            return int(occupied[-1]) - 1
    with np.errstate(all="ignore"):
        answer = METHODS[method](counts, dialect)
    return 0 if answer == -1 else answer


def _divide(numerator: float, denominator: float) -> float:
    """Floating-point division as IEEE has it: by zero it gives an infinity or NaN."""
    return float(np.float64(numerator) / np.float64(denominator))


def _shares(counts: Counts, dialect: Dialect) -> Floats:
    total = int(dialect.running(counts)[-1])
    return np.asarray(counts / np.float64(total))


def _span(below: Floats, above: Floats) -> tuple[int, int]:
    """First and last bin whose cumulative shares differ from zero."""
    lower = np.flatnonzero(~(np.abs(below) < _EPSILON))
    first = int(lower[0]) if lower.size else 0
    upper = np.flatnonzero(~(np.abs(above) < _EPSILON))
    last = int(upper[-1]) if upper.size and upper[-1] >= first else BINS - 1
    return first, last


def _first_best(values: Floats, start: float, *, largest: bool, missing: int) -> int:
    """Index of the first extreme that beats `start`; `missing` if none does (NaN never does)."""
    beats = values > start if largest else values < start
    if not beats.any():
        return missing
    filled = np.where(beats, values, -np.inf if largest else np.inf)
    return int(np.argmax(filled) if largest else np.argmin(filled))


def isodata_imagej(counts: Counts, _dialect: Dialect) -> int:
    """IJ_IsoData: ImageJ's own IsoData, without the first and the last bin."""
    inner = counts.copy()
    inner[0] = inner[-1] = 0
    occupied = np.flatnonzero(inner)
    if occupied.size < 2:
        return BINS // 2
    low, high = int(occupied[0]), int(occupied[-1])
    count = np.cumsum(inner.astype(float))
    weight = np.cumsum(inner * np.arange(BINS, dtype=float))
    split = low
    while True:
        below = _divide(weight[split], count[split])
        above = _divide(weight[high] - weight[split], count[high] - count[split])
        middle = (below + above) / 2
        split += 1
        if not (split + 1 <= middle and split < high - 1):
            return java_round(middle)


def default(counts: Counts, dialect: Dialect) -> int:
    """Default: `isodata_imagej` with a towering mode cut to 1.5 times the second count."""
    mode = int(np.argmax(counts))
    second = int(np.delete(counts, mode).max())
    twice = int(dialect.narrow(np.array([2 * second]))[0])
    tamed = counts.copy()
    if counts[mode] > twice and second != 0:
        tamed[mode] = java_int(second * 1.5)
    return isodata_imagej(tamed, dialect)


def huang(counts: Counts, dialect: Dialect) -> int:
    """Huang: least fuzzy entropy."""
    from exoimage.methods._kernels_thresholds import fuzzy_entropy

    levels = np.arange(BINS)
    occupied = np.flatnonzero(counts)
    first = int(occupied[0]) if occupied.size else 0
    last = int(occupied[-1]) if occupied.size else BINS - 1
    term = _divide(1.0, float(last - first))
    weighted = counts * levels
    if dialect.modern:
        weight, count = dialect.running(weighted).astype(float), dialect.running(counts).astype(float)
        weight_above = dialect.running(weighted[:0:-1]).astype(float)
        count_above = dialect.running(counts[:0:-1]).astype(float)
    else:
        weight, count = np.cumsum(weighted.astype(float)), np.cumsum(counts.astype(float))
        weight_above = np.cumsum(weighted[:0:-1].astype(float))
        count_above = np.cumsum(counts[:0:-1].astype(float))
    mean_below = np.zeros(BINS)
    mean_below[first:] = weight[first:] / count[first:]
    mean_above = np.zeros(BINS)
    mean_above[:last] = (weight_above / count_above)[::-1][:last]
    entropy = fuzzy_entropy(levels.astype(float), counts.astype(float), mean_below, mean_above, term, levels)
    return _first_best(entropy, np.finfo(float).max, largest=False, missing=-1)


def intermodes(counts: Counts, dialect: Dialect) -> int:
    """Intermodes: midway between the two modes of the smoothed histogram."""
    occupied = np.flatnonzero(counts)
    first, stop = 0, BINS
    if not dialect.modern:
        if not occupied.size:
            return -1
        first, stop = int(occupied[0]), int(occupied[-1]) + 1
    smoothed = smoothed_to_two_modes(counts[first:stop].astype(float))
    if smoothed is None:
        return -1
    return int(modes(smoothed).sum()) // 2 + first


def minimum(counts: Counts, _dialect: Dialect) -> int:
    """Minimum: the valley between the two modes of the smoothed histogram."""
    smoothed = smoothed_to_two_modes(counts.astype(float))
    if smoothed is None:
        return -1
    return first_valley(smoothed)


def isodata(counts: Counts, dialect: Dialect) -> int:
    """IsoData: midway between the means of both sides, the lower one cut to an integer."""
    levels = np.arange(BINS)
    occupied = np.flatnonzero(counts[1:])
    split = int(occupied[0]) + 2 if occupied.size else 0
    count, weight = dialect.running(counts), dialect.running(counts * levels)
    weighted = counts * levels
    while True:
        below = int(count[split - 1]) if split else 0
        sum_below = int(weight[split - 1]) if split else 0
        if dialect.modern:
            above = int(dialect.running(counts[split + 1 :])[-1])
            sum_above = float(dialect.running(weighted[split + 1 :])[-1])
        else:
            above = int(counts[split + 1 :].sum())
            sum_above = float(weighted[split + 1 :].sum())
        if below > 0 and above > 0:
            low = int(sum_below / below)
            high = sum_above / above
            if split == java_round((low + high) / 2):
                return split
        split += 1
        if split > BINS - 2:
            return -1


def li(counts: Counts, dialect: Dialect) -> int:
    """Li: least cross entropy, by iteration from the mean."""
    weighted = counts * np.arange(BINS)

    def average(part: slice) -> float:
        count, weight = int(counts[part].sum()), int(weighted[part].sum())
        if dialect.modern and dialect.overflows:
            count, weight = wrapped(count), wrapped(weight)
        return 0.0 if count == 0 else weight / count

    new = _divide(float(weighted.sum()), float(counts.sum()))
    for _ in range(_STEP_LIMIT):
        old = new
        split = java_int(old + 0.5)
        below, above = average(slice(0, max(split + 1, 0))), average(slice(max(split + 1, 0), BINS))
        step = _divide(below - above, float(np.log(np.float64(below)) - np.log(np.float64(above))))
        new = float(java_int(step - 0.5) if step < -_EPSILON else java_int(step + 0.5))
        if not abs(new - old) > 0.5:
            return split
    return -1


def _cumulative(shares: Floats) -> tuple[Floats, Floats]:
    below = np.cumsum(shares)
    return below, 1.0 - below


def max_entropy(counts: Counts, dialect: Dialect) -> int:
    """MaxEntropy: largest sum of both sides' entropies (Kapur)."""
    shares = _shares(counts, dialect)
    return _largest_entropy(shares, start=_MIN_POSITIVE, missing=-1)


def _largest_entropy(shares: Floats, start: float, missing: int) -> int:
    from exoimage.methods._kernels_thresholds import entropy_sums

    below, above = _cumulative(shares)
    first, last = _span(below, above)
    total = entropy_sums(shares, below, above, 1.0).sum(axis=0)[first : last + 1]
    best = _first_best(total, start, largest=True, missing=-1)
    return missing if best < 0 else first + best


def renyi_entropy(counts: Counts, dialect: Dialect) -> int:
    """RenyiEntropy: weighted mean of the largest entropies of order 1/2, 1 and 2."""
    from exoimage.methods._kernels_thresholds import entropy_sums

    shares = _shares(counts, dialect)
    below, above = _cumulative(shares)
    first, last = _span(below, above)

    def best(order: float) -> int:
        product = entropy_sums(shares, below, above, order).prod(axis=0)[first : last + 1]
        entropy = np.where(product > 0, np.log(product) / (1.0 - order), 0.0)
        index = _first_best(entropy, 0.0, largest=True, missing=-1)
        return 0 if index < 0 else first + index

    splits = (best(0.5), _largest_entropy(shares, start=0.0, missing=0), best(2.0))
    return java_int(combine_renyi(splits, below, above, near=5))


def mean(counts: Counts, _dialect: Dialect) -> int:
    """Mean: the mean, rounded down."""
    total = np.cumsum(counts.astype(float))[-1]
    return java_int(np.floor(_divide(np.cumsum(counts * np.arange(BINS, dtype=float))[-1], total)))


def min_error(counts: Counts, dialect: Dialect) -> int:
    """MinError: two normal populations (Kittler and Illingworth), by iteration from the mean."""
    levels = np.arange(BINS)
    count = np.cumsum(counts.astype(float))
    weight = np.cumsum(dialect.narrow(counts * levels).astype(float))
    square = np.cumsum(dialect.narrow(levels * levels * counts).astype(float))
    split, previous = mean(counts, dialect), -2
    for _ in range(_STEP_LIMIT):
        if split == previous:
            return split
        at = min(split, BINS - 1)
        below, sum_below, square_below = (float(c[at]) if at >= 0 else 0.0 for c in (count, weight, square))
        solution = min_error_step(
            (below, sum_below, square_below), (float(count[-1]), float(weight[-1]), float(square[-1]))
        )
        if solution is None:
            return split
        previous = split
        if not math.isnan(solution):
            split = java_int(math.floor(solution) if math.isfinite(solution) else solution)
    return split


def moments(counts: Counts, _dialect: Dialect) -> int:
    """Moments: the two-level picture with the same first three moments (Tsai)."""
    shares = counts / np.cumsum(counts.astype(float))[-1]
    levels = np.arange(BINS, dtype=float)
    m1 = np.cumsum(levels * shares)[-1]
    m2 = np.cumsum(levels * levels * shares)[-1]
    m3 = np.cumsum(levels * levels * levels * shares)[-1]
    cd = m2 - m1 * m1
    c0 = (-m2 * m2 + m1 * m3) / cd
    c1 = (-m3 + m2 * m1) / cd
    root = np.sqrt(c1 * c1 - 4.0 * c0)
    z0, z1 = 0.5 * (-c1 - root), 0.5 * (-c1 + root)
    beyond = np.flatnonzero(np.cumsum(shares) > (z1 - m1) / (z1 - z0))
    return int(beyond[0]) if beyond.size else -1


def otsu(counts: Counts, dialect: Dialect) -> int:
    """Otsu: largest variance between the sides; of equals the first (1.54g and later) or the last."""
    levels = np.arange(BINS, dtype=float)
    if dialect.modern:
        shares = (1.0 / np.float64(dialect.running(counts)[-1])) * counts
        below, weight = np.cumsum(shares), np.cumsum(levels * shares)
        difference = weight[-1] * below - weight
        between = difference * (difference / (below * (1.0 - below)))
        return _first_best(between, 0.0, largest=True, missing=INT_MIN)
    below, weight = np.cumsum(counts.astype(float)), np.cumsum(counts * levels)
    product = below * (below[-1] - below)
    difference = (below / below[-1]) * weight[-1] - weight
    between = np.where(product != 0, difference * difference / product, 0.0)[1 : BINS - 1]
    largest = np.flatnonzero(between == np.nanmax(np.append(between, 0.0)))
    return int(largest[-1]) + 1 if largest.size else 0


def percentile(counts: Counts, _dialect: Dialect) -> int:
    """Percentile: half of the pixels on either side (Doyle)."""
    below = np.cumsum(counts.astype(float))
    return _first_best(np.abs(below / below[-1] - 0.5), 1.0, largest=False, missing=-1)


def shanbhag(counts: Counts, dialect: Dialect) -> int:
    """Shanbhag: smallest difference between both sides' information."""
    from exoimage.methods._kernels_thresholds import information_sums

    shares = _shares(counts, dialect)
    below, above = _cumulative(shares)
    first, last = _span(below, above)
    information = information_sums(shares, below, above)
    difference = np.abs(information[0] - information[1])[first : last + 1]
    best = _first_best(difference, np.finfo(float).max, largest=False, missing=-1)
    return -1 if best < 0 else first + best


def triangle(counts: Counts, _dialect: Dialect) -> int:
    """Triangle: the bin farthest from the line from the mode to the farther end (Zack)."""
    last_bin = BINS - 1
    occupied = np.flatnonzero(counts)
    low = max(int(occupied[0]) - 1, 0) if occupied.size else 0
    high = min(int(occupied[-1]) + 1, last_bin) if occupied.size else 1
    peak = int(np.argmax(counts))
    inverted = peak - low < high - peak
    curve = counts
    if inverted:
        curve = counts[::-1]
        low, peak = last_bin - high, last_bin - peak
    if low == peak:
        return low
    nx, ny = float(curve[peak]), float(low - peak)
    length = math.sqrt(nx * nx + ny * ny)
    nx, ny = nx / length, ny / length
    offset = nx * low + ny * float(curve[low])
    distance = nx * np.arange(low + 1, peak + 1) + ny * curve[low + 1 : peak + 1] - offset
    split = _first_best(distance, 0.0, largest=True, missing=-1)
    split = low if split < 0 else low + 1 + split
    split -= 1
    return last_bin - split if inverted else split


def yen(counts: Counts, dialect: Dialect) -> int:
    """Yen: largest entropic correlation."""
    shares = _shares(counts, dialect)
    below = np.cumsum(shares)
    square_below = np.cumsum(shares * shares)
    square_above = np.append(np.cumsum((shares * shares)[:0:-1])[::-1], 0.0)
    squares, product = square_below * square_above, below * (1.0 - below)
    criterion = -np.where(squares > 0, np.log(squares), 0.0) + 2 * np.where(product > 0, np.log(product), 0.0)
    return _first_best(criterion, _MIN_POSITIVE, largest=True, missing=-1)


METHODS: dict[str, Callable[[Counts, Dialect], int]] = {
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
