"""Tests of two samples, and of one sample against a fixed value.

References
----------
Student (1908), Biometrika 6:1-25, doi:10.1093/biomet/6.1.1.
Welch (1947), Biometrika 34:28-35, doi:10.1093/biomet/34.1-2.28.
Mann & Whitney (1947), Ann Math Stat 18:50-60, doi:10.1214/aoms/1177730491.
Hodges & Lehmann (1963), Ann Math Stat 34:598-611, doi:10.1214/aoms/1177704172: the shift and, by Bauer (1972),
doi:10.1080/01621459.1972.10481279, its interval.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt
from scipy import stats

from exoimage.studies.statistics.comparisons import rank_biserial_of
from exoimage.studies.statistics.effects import hedges_g, hedges_g_of
from exoimage.studies.statistics.values import LEVEL, Comparison, Group

_EXACT_BELOW = 50
"""Values in each group below which U's own distribution is used, where there are no ties; as R does."""

_MOST_ARRANGEMENTS = 20_000
"""Ways to share the values out over two groups that are all gone through where there are ties."""


def student_t(a: Group, b: Group) -> Comparison:
    """Student's t test, one variance for both groups."""
    return _of_t("Student's t", a, b, equal_var=True)


def welch_t(a: Group, b: Group) -> Comparison:
    """Welch's t test, each group with its own variance."""
    return _of_t("Welch's t", a, b, equal_var=False)


def _of_t(name: str, a: Group, b: Group, *, equal_var: bool) -> Comparison:
    found = stats.ttest_ind(a.values, b.values, equal_var=equal_var)
    low, high = found.confidence_interval(LEVEL)
    return Comparison(
        test=name,
        group_a=a.name,
        group_b=b.name,
        difference=float(np.mean(a.values) - np.mean(b.values)),
        ci_low=float(low),
        ci_high=float(high),
        statistic=float(found.statistic),
        df=float(found.df),
        p=float(found.pvalue),
        p_unadjusted=float(found.pvalue),
        effect=hedges_g(a.values, b.values),
    )


def paired_t(a: Group, b: Group) -> Comparison:
    """Student's t test of the differences within pairs.

    Parameters
    ----------
    a, b : Group
        With pairs, each once in a group; those of one group only are left out, which the note says.
    """
    of_a, of_b = dict(zip(a.pairs, a.values, strict=True)), dict(zip(b.pairs, b.values, strict=True))
    common = [pair for pair in of_a if pair in of_b]
    alone = len(of_a) + len(of_b) - 2 * len(common)
    name = "paired t"
    for group, own in ((a, of_a), (b, of_b)):
        if len(own) < group.n:
            return Comparison(name, a.name, b.name, note=f"{group.name!r} has a pair twice: average its values first")
    notes = [f"{alone} without a partner left out"] if alone else []
    if len(common) < 2:
        return Comparison(name, a.name, b.name, note="; ".join([f"{len(common)} pairs are too few", *notes]))
    differences = np.array([of_a[pair] - of_b[pair] for pair in common])
    magnitude = max(abs(of_a[pair]) + abs(of_b[pair]) for pair in common)
    if np.ptp(differences) <= 1e-12 * magnitude:
        note = "; ".join(["all pairs differ by the same: no test is possible", *notes])
        return Comparison(name, a.name, b.name, float(differences.mean()), note=note)
    found = stats.ttest_1samp(differences, 0.0)
    low, high = found.confidence_interval(LEVEL)
    return Comparison(
        test=name,
        group_a=a.name,
        group_b=b.name,
        difference=float(differences.mean()),
        ci_low=float(low),
        ci_high=float(high),
        statistic=float(found.statistic),
        df=float(found.df),
        p=float(found.pvalue),
        p_unadjusted=float(found.pvalue),
        effect=hedges_g_of(differences.tolist(), "hedges_g_paired"),
        note="; ".join([f"{len(common)} pairs", *notes]),
    )


def one_sample_t(a: Group, value: float, shown: float) -> Comparison:
    """Student's t test of one group against a fixed value.

    Parameters
    ----------
    a : Group
        Of two values or more that vary.
    value : float
        What it is compared with.
    shown : float
        The same before a transform, for the note.
    """
    found = stats.ttest_1samp(a.values, value)
    low, high = found.confidence_interval(LEVEL)
    return Comparison(
        test="one-sample t",
        group_a=a.name,
        group_b="",
        difference=float(np.mean(a.values) - value),
        ci_low=float(low - value),
        ci_high=float(high - value),
        statistic=float(found.statistic),
        df=float(found.df),
        p=float(found.pvalue),
        p_unadjusted=float(found.pvalue),
        effect=hedges_g_of([x - value for x in a.values], "hedges_g_one_sample"),
        note=f"against {shown:g}",
    )


def mann_whitney(a: Group, b: Group) -> Comparison:
    """Mann and Whitney's U test, exact for small samples, with Hodges and Lehmann's shift."""
    ties = len({*a.values, *b.values}) < a.n + b.n
    arrangements = math.comb(a.n + b.n, a.n)
    exact = max(a.n, b.n) < _EXACT_BELOW and not ties
    notes = []
    if exact:
        found = stats.mannwhitneyu(a.values, b.values, method="exact")
    elif arrangements <= _MOST_ARRANGEMENTS:
        found = stats.mannwhitneyu(a.values, b.values, method=stats.PermutationMethod(n_resamples=np.inf))
        notes.append("exact, ties allowed for")
    else:
        found = stats.mannwhitneyu(a.values, b.values, method="asymptotic", use_continuity=True)
        notes.append("normal approximation, because of ties" if ties else "normal approximation")
    smallest = 2 / arrangements
    if smallest >= 1 - LEVEL:
        notes.append(f"with {a.n} and {b.n} values p cannot fall below {smallest:.2g}: too few for this test")
    shifts = np.sort(np.subtract.outer(np.array(a.values), np.array(b.values)), axis=None)
    low, high = _shift_interval(shifts, a.n, b.n) if exact else (math.nan, math.nan)
    return Comparison(
        test="Mann-Whitney",
        group_a=a.name,
        group_b=b.name,
        difference=float(np.median(shifts)),
        ci_low=low,
        ci_high=high,
        statistic=float(found.statistic),
        p=min(1.0, float(found.pvalue)),
        p_unadjusted=min(1.0, float(found.pvalue)),
        effect=rank_biserial_of(a, b),
        note="; ".join(notes),
    )


def _shift_interval(shifts: npt.NDArray[np.float64], n_a: int, n_b: int) -> tuple[float, float]:
    """The shifts that U's exact distribution does not reject; NaN where the samples are too few for any."""
    below = np.cumsum(_u_distribution(n_a, n_b))
    rejected = int(np.searchsorted(below, (1 - LEVEL) / 2 * (1 - 1e-12)))
    if rejected == 0:
        return math.nan, math.nan
    return float(shifts[rejected - 1]), float(shifts[len(shifts) - rejected])


def _u_distribution(n_a: int, n_b: int) -> npt.NDArray[np.float64]:
    """Probability of each U from 0 to n_a n_b where there are no ties: Gauss's binomial coefficients."""
    counts = np.zeros(n_a * n_b + 1)
    counts[0] = 1.0
    for k in range(1, n_a + 1):
        times = n_b + k  # times 1 - q^(n_b + k)
        if times < len(counts):
            counts[times:] -= counts[:-times].copy()
        for start in range(k):  # divided by 1 - q^k: a running sum with that step
            counts[start::k] = np.cumsum(counts[start::k])
    share: npt.NDArray[np.float64] = counts / counts.sum()
    return share
