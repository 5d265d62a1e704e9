"""Compiled loops of the threshold methods that no sum of arrays expresses."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt
from numba import njit

# As in Java: a division by zero is an infinity or NaN.
_compiled = njit(cache=True, nogil=True, error_model="numpy")


@_compiled
def smooth_until_bimodal(counts: npt.NDArray[np.float64], limit: int) -> tuple[bool, Any]:
    """Smooth by running means of three, zeros outside, until exactly two strict modes are left.

    Returns whether that happened within `limit` rounds, and the smoothed curve.
    """
    size = counts.size
    curve, smoothed = counts.copy(), np.empty_like(counts)
    for _ in range(limit + 1):
        modes = 0
        for i in range(1, size - 1):
            if curve[i - 1] < curve[i] and curve[i + 1] < curve[i]:
                modes += 1
                if modes > 2:
                    break
        if modes == 2:
            return True, curve
        if size > 1:
            smoothed[0] = (0.0 + curve[0] + curve[1]) / 3
            for i in range(1, size - 1):
                smoothed[i] = (curve[i - 1] + curve[i] + curve[i + 1]) / 3
            smoothed[size - 1] = (curve[size - 2] + curve[size - 1] + 0.0) / 3
        else:
            smoothed[0] = curve[0] / 3
        curve, smoothed = smoothed, curve
    return False, curve


@_compiled
def fuzzy_entropy(
    levels: npt.NDArray[np.float64],
    counts: npt.NDArray[np.float64],
    mean_below: npt.NDArray[np.float64],
    mean_above: npt.NDArray[np.float64],
    scale: float,
    splits: npt.NDArray[np.int64],
) -> Any:
    """Huang's fuzzy entropy for a threshold at each of `splits`, indices into `levels`; scale is 1 / range."""
    entropy = np.zeros(splits.size)
    for k in range(splits.size):
        split = splits[k]
        for i in range(levels.size):
            middle = mean_below[split] if i <= split else mean_above[split]
            membership = 1.0 / (1.0 + scale * abs(levels[i] - middle))
            if not (membership < 1e-06 or membership > 0.999999):
                rest = 1.0 - membership
                entropy[k] += counts[i] * (-membership * math.log(membership) - rest * math.log(rest))
    return entropy


@_compiled
def entropy_sums(
    shares: npt.NDArray[np.float64],
    below: npt.NDArray[np.float64],
    above: npt.NDArray[np.float64],
    order: float,
) -> Any:
    """Sums of s^order, or of -s log s if order is 1, over the bins up to and above each bin; (2, bins).

    s is a bin's share of its side.
    """
    sums = np.zeros((2, shares.size))
    for split in range(shares.size):
        for i in range(shares.size):
            if shares[i] == 0:
                continue
            side = 0 if i <= split else 1
            share = shares[i] / (below[split] if side == 0 else above[split])
            if order == 1:
                sums[side, split] -= share * math.log(share)
            elif order == 2:
                sums[side, split] += share * share
            else:
                sums[side, split] += math.sqrt(share)
    return sums


@_compiled
def information_sums(
    shares: npt.NDArray[np.float64], below: npt.NDArray[np.float64], above: npt.NDArray[np.float64]
) -> Any:
    """Shanbhag's information of the bins up to and above each bin; (2, bins)."""
    sums = np.zeros((2, shares.size))
    for split in range(shares.size):
        term_below, term_above = 0.5 / below[split], 0.5 / above[split]
        for i in range(1, split + 1):
            sums[0, split] -= shares[i] * math.log(1.0 - term_below * below[i - 1])
        for i in range(split + 1, shares.size):
            sums[1, split] -= shares[i] * math.log(1.0 - term_above * above[i])
        sums[0, split] *= term_below
        sums[1, split] *= term_above
    return sums
