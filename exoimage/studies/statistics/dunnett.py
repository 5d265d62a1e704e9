"""The distribution of Dunnett's test: the largest of several |t| that share a control and a variance.

Our own, because SciPy's is drawn at random: on five groups its p-values differ by 0.2 % at 0.05 and by a factor of two
at 0.00001 from one call to the next. Here it is integrated, the same in every call and exact in the tail.

References
----------
Dunnett (1955), J Am Stat Assoc 50:1096-1121, doi:10.1080/01621459.1955.10501294.
Hsu (1996), Multiple Comparisons, Chapman & Hall: the correlations as products, which makes the integral double.
"""

from __future__ import annotations

from functools import cache, lru_cache

import numpy as np
import numpy.typing as npt
from scipy import optimize, special, stats

from exoimage.studies.statistics.values import LEVEL

Array = npt.NDArray[np.float64]

_NODES = 240
"""Of each of the two integrals; twice as many change no p-value by 1e-9 of itself."""

_REACH = 14.0
"""Standard deviations within which the shared normal variable is integrated."""

_RARE = 1e-22
"""Tail of the standard deviation's distribution that is left out at both ends."""


def loadings(correlation: Array) -> Array:
    """The numbers whose products are the correlations of the comparisons with the control.

    Parameters
    ----------
    correlation : (k, k) array
        1 on the diagonal.

    Returns
    -------
    (k,) array
        Empty if the correlations are no such products (blocks with gaps).
    """
    k = len(correlation)
    if k == 1:
        return np.array([0.5**0.5])
    if k == 2:
        return np.full(2, np.sqrt(correlation[0, 1])) if correlation[0, 1] >= 0 else np.empty(0)
    others = [[j for j in range(k) if j != i][:2] for i in range(k)]
    squares = np.array([correlation[i, a] * correlation[i, b] / correlation[a, b] for i, (a, b) in enumerate(others)])
    if not ((squares > 0) & (squares < 1)).all():
        return np.empty(0)
    found: Array = np.sqrt(squares)
    products = np.outer(found, found)
    np.fill_diagonal(products, 1.0)
    return found if np.abs(products - correlation).max() < 1e-8 else np.empty(0)


def tail(statistic: float, loading: Array, df: float) -> float:
    """Probability that the largest |t| exceeds `statistic` where no group differs from the control.

    Parameters
    ----------
    statistic : float
        |t|, 0 or above.
    loading : (k,) array
        See `loadings`; one per group that is compared with the control.
    df : float
        Degrees of freedom of the pooled variance.

    Examples
    --------
    Dunnett's table has 2.68 for three groups against a control and 12 degrees of freedom:

    >>> import numpy as np
    >>> round(tail(2.68, np.full(3, 0.5**0.5), 12), 2)
    0.05
    """
    z, z_weight = _normal_nodes()
    s, s_weight = _deviation_nodes(df)
    limit = statistic * s[:, None]
    log_inside = np.zeros((len(s), len(z)))
    for weight in loading:
        rest = np.sqrt(1 - weight**2)
        outside = special.ndtr(-(limit - weight * z) / rest) + special.ndtr(-(limit + weight * z) / rest)
        log_inside += np.log1p(-np.minimum(outside, 1 - 1e-16))
    exceeds = -np.expm1(log_inside)
    return float(np.clip(s_weight @ exceeds @ z_weight, 0.0, 1.0))


def critical(loading: Array, df: float) -> float:
    """The |t| that the largest of the comparisons exceeds with a probability of 5 %."""
    alpha = 1 - LEVEL
    low, high = stats.t.isf(alpha / 2, df), stats.t.isf(alpha / 2 / len(loading), df)
    if len(loading) == 1:
        return float(low)
    found = optimize.brentq(lambda c: tail(c, loading, df) - alpha, 0.999 * low, 1.001 * high, xtol=1e-10)
    return float(found)


@cache
def _normal_nodes() -> tuple[Array, Array]:
    nodes, weights = np.polynomial.legendre.leggauss(_NODES)
    z = _REACH * nodes
    return z, _REACH * weights * stats.norm.pdf(z)


@lru_cache(maxsize=64)
def _deviation_nodes(df: float) -> tuple[Array, Array]:
    """Nodes and weights for the standard deviation, over its logarithm: its density is smooth there."""
    nodes, weights = np.polynomial.legendre.leggauss(_NODES)
    ends = np.log([stats.chi.ppf(_RARE, df), stats.chi.isf(_RARE, df)])
    half = (ends[1] - ends[0]) / 2
    chi = np.exp(ends.mean() + half * nodes)
    return chi / np.sqrt(df), half * weights * chi * stats.chi.pdf(chi, df)
