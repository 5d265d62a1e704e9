"""Checks of what the tests assume.

With the few samples of a laboratory such a check finds gross violations only: a large p proves nothing.

References
----------
Shapiro & Wilk (1965), Biometrika 52:591-611, doi:10.1093/biomet/52.3-4.591.
Brown & Forsythe (1974), J Am Stat Assoc 69:364-367, doi:10.1080/01621459.1974.10482955.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from scipy import stats

from exoimage.studies.statistics.values import Group, Test

_MOST = 5000
"""Values up to which the p-value of Shapiro and Wilk's test is known."""


def normality(residuals: npt.NDArray[np.float64]) -> Test:
    """Shapiro and Wilk's test of the residuals, all groups together."""
    name = "Shapiro-Wilk, of the residuals"
    if not 3 <= len(residuals) <= _MOST:
        return Test(name, note=f"takes 3 to {_MOST} values, not {len(residuals)}")
    if np.ptp(residuals) == 0:
        return Test(name, note="no variation within the groups")
    found = stats.shapiro(residuals)
    return Test(name, float(found.statistic), p=float(found.pvalue))


def equal_variances(groups: Sequence[Group]) -> Test:
    """Brown and Forsythe's test: Levene's, of the distances from each group's median."""
    name = "Brown-Forsythe, equal variances"
    distances = [np.abs(np.array(group.values) - np.median(group.values)) for group in groups]
    df, df_error = len(groups) - 1.0, float(sum(group.n for group in groups) - len(groups))
    # Two values lie equally far from their median: where no group has more, nothing varies.
    largest = max(float(part.max()) for part in distances)
    if all(np.ptp(part) <= 1e-12 * largest for part in distances):
        return Test(name, note="needs three values in a group, and variation")
    found = stats.levene(*(group.values for group in groups), center="median")
    return Test(name, float(found.statistic), df, df_error, float(found.pvalue))
