"""What goes into an analysis and what comes out: frozen values."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

TestName = Literal["anova", "welch", "kruskal", "t", "welch-t", "paired-t", "mann-whitney", "one-sample-t"]
PosthocName = Literal["tukey", "dunnett", "holm", "games-howell", "dunn", "lsd"]
Transform = Literal["none", "log2"]

POSTHOCS: dict[TestName, tuple[PosthocName, ...]] = {
    "anova": ("tukey", "dunnett", "holm", "lsd", "games-howell"),
    "welch": ("games-howell", "holm"),
    "kruskal": ("dunn",),
}
"""The post hoc comparisons that fit each test of many groups, its usual one first."""

LEVEL = 0.95
"""Of every confidence interval."""

STARS = ((0.0001, "****"), (0.001, "***"), (0.01, "**"), (0.05, "*"))
"""A p-value below the first number has these stars, else it is ``ns``."""


@dataclass(frozen=True)
class Group:
    """The values of one group.

    Parameters
    ----------
    name : str
    values : tuple of float
        One per independent unit (animal, well). NaN stands for a missing value.
    pairs : tuple of str
        Which animal, donor or day each value belongs to, as long as `values`; empty if nothing pairs them.
    """

    name: str
    values: tuple[float, ...]
    pairs: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.pairs and len(self.pairs) != len(self.values):
            raise ValueError(f"group {self.name!r} has {len(self.values)} values and {len(self.pairs)} pairs")

    @property
    def n(self) -> int:
        """How many values."""
        return len(self.values)

    def kept(self, keep: Sequence[bool]) -> Group:
        """The group with some of its values only."""
        values = tuple(value for value, stays in zip(self.values, keep, strict=True) if stays)
        pairs = tuple(pair for pair, stays in zip(self.pairs, keep, strict=True) if stays) if self.pairs else ()
        return replace(self, values=values, pairs=pairs)

    @property
    def is_constant(self) -> bool:
        """Whether all its values, two or more, are the same, but for rounding in the last digits."""
        spread = max(self.values, default=0.0) - min(self.values, default=0.0)
        return self.n > 1 and spread <= 1e-12 * max(map(abs, self.values))


@dataclass(frozen=True)
class Design:
    """What is tested.

    Parameters
    ----------
    test : str
        ``anova`` (with blocks where the groups have pairs), ``welch``, ``kruskal``; ``t``, ``welch-t``, ``paired-t``,
        ``mann-whitney`` (every pair of groups, Holm-adjusted); ``one-sample-t`` (every group against a fixed value).
    posthoc : str
        How the groups are compared after ``anova``, ``welch`` or ``kruskal``; empty for the test's usual one.
    control : str
        The group that others are compared with; empty if none.
    transform : {"none", "log2"}
        Test the values, or their binary logarithms (ratios, fold changes).
    against : float
        The fixed value of ``one-sample-t``, before the transform.

    Raises
    ------
    ValueError
        If the post hoc comparison does not fit the test.

    Examples
    --------
    >>> Design("kruskal").comparing
    'dunn'
    """

    test: TestName = "anova"
    posthoc: PosthocName | Literal[""] = ""
    control: str = ""
    transform: Transform = "none"
    against: float = 1.0

    def __post_init__(self) -> None:
        problem = why_not_together(self.test, self.posthoc)
        if problem:
            raise ValueError(problem)

    @property
    def comparing(self) -> PosthocName | Literal[""]:
        """The post hoc comparison in use; empty for a test that compares two groups itself."""
        fitting = POSTHOCS.get(self.test)
        return (self.posthoc or fitting[0]) if fitting else ""


def why_not_together(test: TestName, posthoc: str) -> str:
    """Why a post hoc comparison does not fit a test; empty if it does.

    Examples
    --------
    >>> why_not_together("kruskal", "tukey")
    "posthoc = 'tukey' does not go with test = 'kruskal', which takes dunn"
    """
    fitting = POSTHOCS.get(test)
    if not posthoc or fitting is None or posthoc in fitting:
        return ""
    return f"posthoc = {posthoc!r} does not go with test = {test!r}, which takes {' or '.join(fitting)}"


@dataclass(frozen=True)
class Summary:
    """A group in numbers; NaN where its n is too small for one.

    Parameters
    ----------
    group : str
    n : int
    mean, sd, sem, median, minimum, maximum : float
        Standard deviation with n - 1; standard error of the mean.
    ci_low, ci_high : float
        95 % confidence interval of the mean, by Student's t.
    note : str
        What was left out.
    """

    group: str
    n: int
    mean: float = math.nan
    sd: float = math.nan
    sem: float = math.nan
    median: float = math.nan
    minimum: float = math.nan
    maximum: float = math.nan
    ci_low: float = math.nan
    ci_high: float = math.nan
    note: str = ""


@dataclass(frozen=True)
class Effect:
    """An effect size with its 95 % confidence interval; NaN where it has none."""

    name: str = ""
    value: float = math.nan
    low: float = math.nan
    high: float = math.nan


@dataclass(frozen=True)
class Test:
    """A test of all groups together, or a check of what such a test assumes.

    Parameters
    ----------
    test : str
        Its full name.
    statistic, df, df_error, p : float
        F with both degrees of freedom, Kruskal-Wallis' H with one, Shapiro-Wilk's W with none; NaN where refused.
    effect : Effect
    omega_squared : float
        The less biased share of explained variance; of one-way ANOVA only.
    note : str
        Why it was refused, what was left out, what to mind.
    """

    __test__ = False  # pytest takes classes of this name for tests

    test: str
    statistic: float = math.nan
    df: float = math.nan
    df_error: float = math.nan
    p: float = math.nan
    effect: Effect = Effect()
    omega_squared: float = math.nan
    note: str = ""


@dataclass(frozen=True)
class Comparison:
    """Two groups compared.

    Parameters
    ----------
    test : str
        Its full name.
    group_a, group_b : str
        The difference is a minus b. `group_b` is the control where there is one, and empty for a fixed value.
    difference, ci_low, ci_high : float
        Of the means (of their logarithms after a transform; of the ranks for Dunn; Hodges-Lehmann's shift for
        Mann-Whitney).
    statistic, df : float
    p : float
        The test's own p-value, adjusted for the number of comparisons where the test adjusts. Stars are of this one.
    p_unadjusted, p_holm : float
        Of this comparison alone, and adjusted by Holm for all comparisons of the measure.
    effect : Effect
    fold_change, fold_low, fold_high : float
        2 to the difference, where logarithms were tested.
    note : str
    """

    test: str
    group_a: str
    group_b: str
    difference: float = math.nan
    ci_low: float = math.nan
    ci_high: float = math.nan
    statistic: float = math.nan
    df: float = math.nan
    p: float = math.nan
    p_unadjusted: float = math.nan
    p_holm: float = math.nan
    effect: Effect = Effect()
    fold_change: float = math.nan
    fold_low: float = math.nan
    fold_high: float = math.nan
    note: str = ""

    @property
    def stars(self) -> str:
        """The p-value as figures show it: see `stars`."""
        return stars(self.p)


def stars(p: float) -> str:
    """A p-value as figures show it: ``*`` below 0.05, ``**`` 0.01, ``***`` 0.001, ``****`` 0.0001, else ``ns``.

    Empty where there is none.

    Examples
    --------
    >>> stars(0.03), stars(0.05), stars(5e-5)
    ('*', 'ns', '****')
    """
    if math.isnan(p):
        return ""
    return next((marks for bound, marks in STARS if p < bound), "ns")


@dataclass(frozen=True)
class Analysis:
    """All that is known of some groups.

    Parameters
    ----------
    summaries : tuple of Summary
        Of the values as given, never of their logarithms.
    checks : tuple of Test
        Of what the test assumes.
    omnibus : tuple of Test
        The test of all groups; empty where the plan compares two at a time, one row with a note where refused.
    comparisons : tuple of Comparison
    """

    summaries: tuple[Summary, ...]
    checks: tuple[Test, ...] = ()
    omnibus: tuple[Test, ...] = ()
    comparisons: tuple[Comparison, ...] = ()
