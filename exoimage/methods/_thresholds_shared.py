"""Steps of the threshold methods that exact and ImageJ's arithmetic share."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]

SMOOTHING_LIMIT = 10_000


def modes(curve: Floats) -> npt.NDArray[np.intp]:
    """Find the strict local maxima."""
    rises = curve[:-1] < curve[1:]
    falls = curve[1:] < curve[:-1]
    return np.flatnonzero(rises[:-1] & falls[1:]) + 1


def smoothed_to_two_modes(counts: Floats) -> Floats | None:
    """Smooth by running means of three until two modes are left; None after 10,000 rounds."""
    from exoimage.methods._kernels_thresholds import smooth_until_bimodal

    bimodal, curve = smooth_until_bimodal(counts, SMOOTHING_LIMIT)
    return curve if bimodal else None


def first_valley(curve: Floats) -> int:
    """Index of the first bin lower than the one before and not higher than the next; -1 if there is none."""
    valleys = np.flatnonzero((curve[:-2] > curve[1:-1]) & (curve[2:] >= curve[1:-1]))
    return int(valleys[0]) + 1 if valleys.size else -1


def combine_renyi(splits: tuple[int, int, int], below: Floats, above: Floats, near: float) -> float:
    """Weighted mean of three thresholds, after Sahoo, Wilkins and Yeager."""
    low, middle, high = sorted(splits)
    lower_near, upper_near = abs(low - middle) <= near, abs(middle - high) <= near
    weights = {(True, False): (0, 1, 3), (False, True): (3, 1, 0)}.get((lower_near, upper_near), (1, 2, 1))
    width = below[high] - below[low]
    return float(
        low * (below[low] + 0.25 * width * weights[0])
        + 0.25 * middle * width * weights[1]
        + high * (above[high] + 0.25 * width * weights[2])
    )


def min_error_step(below: tuple[float, float, float], all_bins: tuple[float, float, float]) -> float | None:
    """Next threshold from the sums of counts, levels and squared levels; None where it would be imaginary."""
    n_low, sum_low, square_low = (np.float64(value) for value in below)
    n_high, sum_high, square_high = (np.float64(whole) - part for whole, part in zip(all_bins, below, strict=True))
    mu, nu = sum_low / n_low, sum_high / n_high
    p, q = n_low / all_bins[0], n_high / all_bins[0]
    variance_low = square_low / n_low - mu * mu
    variance_high = square_high / n_high - nu * nu
    w0 = 1.0 / variance_low - 1.0 / variance_high
    w1 = mu / variance_low - nu / variance_high
    log_ratio = np.log10((variance_low * (q * q)) / (variance_high * (p * p)))
    w2 = (mu * mu) / variance_low - (nu * nu) / variance_high + log_ratio
    discriminant = w1 * w1 - w0 * w2
    if discriminant < 0:
        return None
    return float((w1 + np.sqrt(discriminant)) / w0)
