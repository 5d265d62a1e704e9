"""Effect sizes with their confidence intervals.

References
----------
Hedges (1981), J Educ Stat 6:107-128, doi:10.3102/10769986006002107: g, its correction for small samples.
Steiger (2004), Psychol Methods 9:164-182, doi:10.1037/1082-989X.9.2.164: intervals from noncentral F.
Tomczak & Tomczak (2014), Trends Sport Sci 21:19-25: epsilon squared of Kruskal and Wallis' test.
Kerby (2014), Compr Psychol 3:11.IT.3.1, doi:10.2466/11.IT.3.1: the rank-biserial correlation.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np
from scipy import optimize, stats

from exoimage.studies.statistics.values import LEVEL, Effect

_TAIL = (1 - LEVEL) / 2

_MOST_STEPS = 12
"""How often the range for a noncentrality is widened."""


def hedges_g(a: Sequence[float], b: Sequence[float]) -> Effect:
    """Hedges' g of two independent samples: the difference of means over their pooled standard deviation.

    Corrected for small samples; the interval by the noncentral t distribution.

    Parameters
    ----------
    a, b : sequence of float
        Two values or more each.

    Examples
    --------
    >>> round(hedges_g([3.0, 4.0, 5.0], [1.0, 2.0, 3.0]).value, 3)
    1.596
    """
    df = len(a) + len(b) - 2
    variance = (np.var(a, ddof=1) * (len(a) - 1) + np.var(b, ddof=1) * (len(b) - 1)) / df
    scale = math.sqrt(1 / len(a) + 1 / len(b))
    return _standardised("hedges_g", float(np.mean(a) - np.mean(b)), math.sqrt(variance), scale, df)


def hedges_g_of(differences: Sequence[float], name: str) -> Effect:
    """Hedges' g of one sample against 0: its mean over its standard deviation, corrected for small samples."""
    spread = float(np.std(differences, ddof=1))
    return _standardised(
        name, float(np.mean(differences)), spread, 1 / math.sqrt(len(differences)), len(differences) - 1
    )


def standardised_contrast(difference: float, standard_error: float, residual_sd: float, df: float) -> Effect:
    """A difference between groups of a blocked design over the residual standard deviation, corrected as g."""
    if residual_sd <= 0:
        return Effect("hedges_g_residual")
    return _standardised("hedges_g_residual", difference, residual_sd, standard_error / residual_sd, df)


def _standardised(name: str, difference: float, sd: float, scale: float, df: float) -> Effect:
    """A difference over `sd`, whose t is ``difference / (sd * scale)``."""
    if not sd > 0:
        return Effect(name)
    correction = math.exp(math.lgamma(df / 2) - math.lgamma((df - 1) / 2)) / math.sqrt(df / 2) if df > 1 else math.nan
    t = difference / (sd * scale)
    low, high = (_noncentral_t(t, df, quantile) for quantile in (1 - _TAIL, _TAIL))
    factor = correction * scale
    return Effect(name, correction * difference / sd, factor * low, factor * high)


def _noncentral_t(t: float, df: float, quantile: float) -> float:
    """The noncentrality that puts `t` at a quantile; NaN where the search finds none."""
    reach = 1.0 + abs(t)
    return _root(lambda shift: stats.nct.cdf(t, df, shift) - quantile, t - reach, t + reach)


def eta_squared(name: str, f: float, df: float, df_error: float, value: float) -> Effect:
    """A share of explained variance with its interval by the noncentral F distribution.

    Parameters
    ----------
    name : str
    f, df, df_error : float
        Of the test.
    value : float
        The share itself.
    """
    total = df + df_error + 1
    low, high = (_noncentral_f(f, df, df_error, quantile) for quantile in (1 - _TAIL, _TAIL))
    return Effect(name, value, low / (low + total), high / (high + total))


def _noncentral_f(f: float, df: float, df_error: float, quantile: float) -> float:
    """The noncentrality that puts `f` at a quantile, 0 where even none puts it below; NaN where the search fails."""
    if stats.f.cdf(f, df, df_error) <= quantile:
        return 0.0
    return _root(lambda shift: stats.ncf.cdf(f, df, df_error, shift) - quantile, 0.0, 1.0 + df * f)


def _root(falling: Callable[[float], float], low: float, high: float) -> float:
    """Where a falling function of the noncentrality is 0, looked for in a range that grows; NaN where it is not met.

    SciPy's own inverses (`nctdtrinc`, `ncfdtrinc`) end at the edge of theirs without a word.
    """
    for _ in range(_MOST_STEPS):
        ends = falling(low), falling(high)
        if ends[0] > 0 > ends[1]:
            return float(optimize.brentq(falling, low, high, xtol=1e-9))
        low, high = (low if ends[0] > 0 else 2 * low - high), (high if ends[1] < 0 else 2 * high - low)
        if not np.isfinite(ends).all():
            break
    return math.nan


def omega_squared(f: float, df: float, df_error: float) -> float:
    """The share of variance that groups explain in the population; may fall below 0 where they explain none.

    Examples
    --------
    >>> round(omega_squared(4.846, 2, 27), 4)
    0.2041
    """
    return df * (f - 1) / (df * f + df_error + 1)


def epsilon_squared(h: float, n: int) -> Effect:
    """The share of the ranks' variance that the groups explain; without interval, which few samples do not give."""
    return Effect("epsilon_squared", h / (n - 1))


def rank_biserial(u: float, n_a: int, n_b: int) -> Effect:
    """How often a value of a is above one of b, minus how often below; from -1 to 1, without interval."""
    return Effect("rank_biserial", 2 * u / (n_a * n_b) - 1)
