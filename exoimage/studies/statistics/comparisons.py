"""Comparisons of groups two by two, after a test of all of them.

Every method is a difference, its standard error and its degrees of freedom, judged by another distribution: Student's t
(LSD, Holm), the studentized range (Tukey-Kramer, Games-Howell), the largest |t| (Dunnett), the normal (Dunn).

References
----------
Fisher (1935), The design of experiments. Tukey (1949), Biometrics 5:99-114, doi:10.2307/3001913.
Kramer (1956), Biometrics 12:307-310, doi:10.2307/3001469.
Holm (1979), Scand J Stat 6:65-70. Dunnett (1955), doi:10.1080/01621459.1955.10501294.
Games & Howell (1976), J Educ Stat 1:113-125, doi:10.3102/10769986001002113.
Dunn (1964), Technometrics 6:241-252, doi:10.1080/00401706.1964.10490181.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import combinations

import numpy as np
import numpy.typing as npt
from scipy import optimize, stats

from exoimage.studies.statistics import dunnett
from exoimage.studies.statistics.effects import hedges_g, rank_biserial, standardised_contrast
from exoimage.studies.statistics.fits import Fit
from exoimage.studies.statistics.values import LEVEL, Comparison, Effect, Group, PosthocName

Array = npt.NDArray[np.float64]
Pairs = tuple[tuple[int, int], ...]

NAMES: dict[PosthocName, str] = {
    "tukey": "Tukey",
    "dunnett": "Dunnett",
    "holm": "Holm",
    "games-howell": "Games-Howell",
    "dunn": "Dunn",
    "lsd": "Fisher's LSD",
}


@dataclass(frozen=True)
class Differences:
    """Differences of means with their standard errors: what the methods judge.

    Parameters
    ----------
    pairs : tuple of (int, int)
        Places of the groups a and b.
    value, error, df : (m,) array
        a minus b, its standard error, its degrees of freedom.
    """

    pairs: Pairs
    value: Array
    error: Array
    df: Array

    @property
    def t(self) -> Array:
        """The differences in standard errors."""
        found: Array = self.value / self.error
        return found

    @property
    def p(self) -> Array:
        """Two-sided, of each comparison alone."""
        found: Array = 2 * stats.t.sf(np.abs(self.t), self.df)
        return found


def chosen_pairs(groups: Sequence[Group], control: str, *, only_control: bool = False) -> Pairs:
    """All pairs, the earlier group first, but the control always second; or those with the control only."""
    names = [group.name for group in groups]
    at = names.index(control) if control in names else -1
    pairs = [(b, a) if a == at else (a, b) for a, b in combinations(range(len(groups)), 2)]
    return tuple(pair for pair in pairs if not only_control or pair[1] == at)


def holm(p: Array) -> Array:
    """p-values adjusted by Holm's step-down method."""
    from statsmodels.stats.multitest import multipletests

    if not len(p):
        return p
    adjusted: Array = multipletests(p, method="holm")[1]
    return adjusted


def pooled(fit: Fit, pairs: Pairs) -> Differences:
    """Differences with the variance of all groups pooled, and blocks allowed for."""
    contrast = np.zeros((len(pairs), len(fit.means)))
    for row, (a, b) in enumerate(pairs):
        contrast[row, a], contrast[row, b] = 1.0, -1.0
    errors = np.sqrt(np.einsum("ij,jk,ik->i", contrast, fit.covariance, contrast))
    return Differences(pairs, contrast @ fit.means, errors, np.full(len(pairs), fit.df_error))


def unpooled(groups: Sequence[Group], pairs: Pairs) -> Differences:
    """Differences with each group's own variance, and Welch's degrees of freedom."""
    mean = np.array([np.mean(group.values) for group in groups])
    square = np.array([np.var(group.values, ddof=1) / group.n for group in groups])
    n = np.array([group.n for group in groups])
    a, b = np.array(pairs, dtype=np.intp).reshape(-1, 2).T
    both = square[a] + square[b]
    df = both**2 / (square[a] ** 2 / (n[a] - 1) + square[b] ** 2 / (n[b] - 1))
    return Differences(pairs, mean[a] - mean[b], np.sqrt(both), df)


def compare_pooled(fit: Fit, groups: Sequence[Group], method: PosthocName, control: str) -> tuple[Comparison, ...]:
    """Tukey(-Kramer), Dunnett, Holm or LSD: all with the residual mean square of the fit."""
    pairs = chosen_pairs(groups, control, only_control=method == "dunnett")
    found = pooled(fit, pairs)
    k, df = len(groups), fit.df_error
    loading = _loadings(fit, pairs) if method == "dunnett" else np.empty(0)
    if method == "dunnett" and not len(loading):
        note = "Dunnett's test takes blocks without gaps only: use posthoc = holm"
        return tuple(Comparison(NAMES[method], groups[a].name, groups[b].name, note=note) for a, b in pairs)
    if method == "tukey":
        p, reach = _range_p(found, k), _range_critical(k, df)
    elif method == "dunnett":
        tails = np.array([dunnett.tail(abs(t), loading, df) for t in found.t])
        p, reach = _within_bounds(tails, found.p, len(pairs)), dunnett.critical(loading, df)
    elif method == "holm":
        p, reach = holm(found.p), _t_critical(df, len(pairs))
    else:
        p, reach = found.p, _t_critical(df, 1)
    if groups[0].pairs:
        sd = fit.residual_sd
        contrasts = zip(found.value.tolist(), found.error.tolist(), strict=True)
        effects = [standardised_contrast(*contrast, sd, df) for contrast in contrasts]
    else:
        effects = _hedges(groups, pairs)
    note = {"lsd": _lsd_note(k, df), "holm": _HOLM_NOTE}.get(method, "")
    return _rows(groups, found, NAMES[method], p, np.full(len(pairs), reach), effects, note)


def compare_unpooled(groups: Sequence[Group], method: PosthocName, control: str) -> tuple[Comparison, ...]:
    """Games-Howell, or Welch's t for every pair with Holm's adjustment."""
    found = unpooled(groups, chosen_pairs(groups, control))
    k, m = len(groups), len(found.pairs)
    if method == "games-howell":
        p = _range_p(found, k)
        reach = np.array([_range_critical(k, float(df)) for df in found.df])
    else:
        p, reach = holm(found.p), np.array([_t_critical(float(df), m) for df in found.df])
    name = NAMES[method] if method == "games-howell" else "Welch's t, Holm"
    note = _HOLM_NOTE if method == "holm" else ""
    return _rows(groups, found, name, p, reach, _hedges(groups, found.pairs), note)


def compare_ranks(groups: Sequence[Group], control: str) -> tuple[Comparison, ...]:
    """Dunn's comparison of mean ranks, corrected for ties, with Holm's adjustment."""
    pairs = chosen_pairs(groups, control)
    values = np.concatenate([group.values for group in groups])
    parts = np.split(stats.rankdata(values), np.cumsum([group.n for group in groups])[:-1])
    mean = np.array([part.mean() for part in parts])
    total = len(values)
    ties = np.unique(values, return_counts=True)[1].astype(float)
    variance = total * (total + 1) / 12 - float((ties**3 - ties).sum()) / (12 * (total - 1))
    a, b = np.array(pairs, dtype=np.intp).T
    n = np.array([group.n for group in groups])
    difference = mean[a] - mean[b]
    z = difference / np.sqrt(variance * (1 / n[a] + 1 / n[b]))
    p = 2 * stats.norm.sf(np.abs(z))
    adjusted = holm(p)
    return tuple(
        Comparison(
            test="Dunn, Holm",
            group_a=groups[i].name,
            group_b=groups[j].name,
            difference=float(difference[row]),
            statistic=float(z[row]),
            p=float(adjusted[row]),
            p_unadjusted=float(p[row]),
            p_holm=float(adjusted[row]),
            effect=rank_biserial_of(groups[i], groups[j]),
            note="the difference is of mean ranks",
        )
        for row, (i, j) in enumerate(pairs)
    )


def rank_biserial_of(a: Group, b: Group) -> Effect:
    """The rank-biserial correlation of two groups."""
    u = float(np.sum(stats.rankdata([*a.values, *b.values])[: a.n]) - a.n * (a.n + 1) / 2)
    return rank_biserial(u, a.n, b.n)


_HOLM_NOTE = "the interval is Bonferroni's: Holm's method has none"


def _lsd_note(k: int, df: float) -> str:
    if k < 3:
        return ""
    chance = float(stats.studentized_range.sf(_t_critical(df, 1) * math.sqrt(2), k, df))
    return (
        f"unprotected LSD adjusts nothing: with {k} groups alike, some p falls below 0.05 in {100 * chance:.0f} % of"
        " studies; see p_holm"
    )


def _rows(
    groups: Sequence[Group],
    found: Differences,
    name: str,
    p: Array,
    reach: Array,
    effects: Sequence[Effect],
    note: str,
) -> tuple[Comparison, ...]:
    half, adjusted, t, alone = reach * found.error, holm(found.p), found.t, found.p
    return tuple(
        Comparison(
            test=name,
            group_a=groups[a].name,
            group_b=groups[b].name,
            difference=float(found.value[row]),
            ci_low=float(found.value[row] - half[row]),
            ci_high=float(found.value[row] + half[row]),
            statistic=float(t[row]),
            df=float(found.df[row]),
            p=float(p[row]),
            p_unadjusted=float(alone[row]),
            p_holm=float(adjusted[row]),
            effect=effects[row],
            note=note,
        )
        for row, (a, b) in enumerate(found.pairs)
    )


def _hedges(groups: Sequence[Group], pairs: Pairs) -> list[Effect]:
    return [hedges_g(groups[a].values, groups[b].values) for a, b in pairs]


def _t_critical(df: float, comparisons: int) -> float:
    return float(stats.t.isf((1 - LEVEL) / 2 / comparisons, df))


@lru_cache(maxsize=1024)
def _range_critical(k: int, df: float) -> float:
    """The |t| that the largest difference of k alike groups exceeds with a probability of 5 %."""
    low, high = _t_critical(df, 1), _t_critical(df, k * (k - 1) // 2)
    if k == 2:
        return low
    # SciPy's own inverse knows no bounds and takes ten times as long.
    tail = stats.studentized_range.sf
    found = optimize.brentq(lambda t: tail(t * math.sqrt(2), k, df) - (1 - LEVEL), 0.999 * low, 1.001 * high, xtol=1e-9)
    return float(found)


def _range_p(found: Differences, k: int) -> Array:
    if k == 2:  # the same as Student's t
        return found.p
    tails = np.array(
        [stats.studentized_range.sf(abs(t) * math.sqrt(2), k, df) for t, df in zip(found.t, found.df, strict=True)]
    )
    return _within_bounds(tails, found.p, k * (k - 1) // 2)


def _within_bounds(p: Array, alone: Array, comparisons: int) -> Array:
    """p-values held between the unadjusted and Bonferroni's, where theory has them; the integrals' tails are coarse."""
    found: Array = np.clip(p, alone, np.minimum(1.0, comparisons * alone))
    return found


def _loadings(fit: Fit, pairs: Pairs) -> Array:
    contrast = np.zeros((len(pairs), len(fit.means)))
    for row, (a, b) in enumerate(pairs):
        contrast[row, a], contrast[row, b] = 1.0, -1.0
    covariance = contrast @ fit.covariance @ contrast.T
    error = np.sqrt(np.diag(covariance))
    return dunnett.loadings(covariance / np.outer(error, error))
