"""Tests of all groups together.

References
----------
Welch (1951), Biometrika 38:330-336, doi:10.1093/biomet/38.3-4.330.
Kruskal & Wallis (1952), J Am Stat Assoc 47:583-621, doi:10.1080/01621459.1952.10483441.
"""

from __future__ import annotations

from collections.abc import Sequence

from scipy import stats

from exoimage.studies.statistics.effects import epsilon_squared, eta_squared, omega_squared
from exoimage.studies.statistics.fits import Fit, blocks_of
from exoimage.studies.statistics.values import Group, Test

_FEW = 5
"""Values in a group below which the chi-square approximation of Kruskal and Wallis' test is coarse."""


def anova(fit: Fit, groups: Sequence[Group]) -> Test:
    """One-way analysis of variance; with blocks where the groups have pairs."""
    share = fit.explained / (fit.explained + fit.unexplained)
    blocks = len(blocks_of(groups))
    if blocks:
        effect = eta_squared("partial_eta_squared", fit.f, fit.df, fit.df_error, share)
        return Test(f"ANOVA, {blocks} blocks", fit.f, fit.df, fit.df_error, fit.p, effect)
    effect = eta_squared("eta_squared", fit.f, fit.df, fit.df_error, share)
    omega = omega_squared(fit.f, fit.df, fit.df_error)
    return Test("one-way ANOVA", fit.f, fit.df, fit.df_error, fit.p, effect, omega)


def welch_anova(groups: Sequence[Group]) -> Test:
    """Welch's analysis of variance, for groups of unequal variance; its effect size is of its own F."""
    from statsmodels.stats.oneway import anova_oneway

    found = anova_oneway([group.values for group in groups], use_var="unequal", welch_correction=True)
    f, df, df_error = float(found.statistic), float(found.df_num), float(found.df_denom)
    effect = eta_squared("eta_squared", f, df, df_error, df * f / (df * f + df_error))
    return Test("Welch's ANOVA", f, df, df_error, float(found.pvalue), effect)


def kruskal_wallis(groups: Sequence[Group]) -> Test:
    """Kruskal and Wallis' test of the ranks, corrected for ties."""
    found = stats.kruskal(*(group.values for group in groups))
    n = sum(group.n for group in groups)
    few = min(group.n for group in groups) < _FEW
    note = f"the chi-square approximation is coarse with fewer than {_FEW} values in a group" if few else ""
    h = float(found.statistic)
    return Test("Kruskal-Wallis", h, len(groups) - 1.0, p=float(found.pvalue), effect=epsilon_squared(h, n), note=note)
