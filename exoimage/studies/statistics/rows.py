"""An analysis as the rows of groups.csv and tests.csv."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from exoimage.assays.columns import Value
from exoimage.studies.statistics.values import Analysis, Comparison, Test

GROUP_COLUMNS: Mapping[str, str] = {
    "group": "The group, as the study names it.",
    "measure": "The column that was summarised.",
    "n": "Units of the statistics with a value (samples, unless fields were asked for).",
    "mean": "Arithmetic mean.",
    "sd": "Standard deviation, with n - 1.",
    "sem": "Standard error of the mean.",
    "median": "Median.",
    "min": "Smallest value.",
    "max": "Largest value.",
    "ci_low": "Lower end of the mean's 95 % confidence interval, by Student's t.",
    "ci_high": "Upper end of it.",
    "note": "What was left out, what to mind.",
}
"""The columns of groups.csv, with their definitions."""

TEST_COLUMNS: Mapping[str, str] = {
    "measure": "The column that was tested.",
    "kind": "omnibus: a test of all groups; check: of what that test assumes; pairwise: two groups compared.",
    "test": "The test's name.",
    "group_a": "First group of a pairwise row.",
    "group_b": "Second group (the control where there is one); empty for a fixed value.",
    "statistic": "F, H, t, z, U or W, as the test has it.",
    "df": "Degrees of freedom: between the groups, or of t.",
    "df_error": "Degrees of freedom within the groups, of an F.",
    "difference": "a minus b: of means; of their log2 where the note says so; of mean ranks for Dunn; Hodges and"
    " Lehmann's shift for Mann-Whitney.",
    "ci_low": "Lower end of the difference's 95 % confidence interval, adjusted as p is.",
    "ci_high": "Upper end of it.",
    "p": "The test's p-value, two-sided; adjusted for the number of comparisons where the test adjusts.",
    "p_holm": "p_unadjusted, adjusted by Holm for all pairs of this measure.",
    "stars": "Of p: * below 0.05, ** 0.01, *** 0.001, **** 0.0001, else ns.",
    "effect": "Which effect size.",
    "effect_size": "The effect size.",
    "effect_ci_low": "Lower end of its 95 % confidence interval.",
    "effect_ci_high": "Upper end of it.",
    "omega_squared": "The less biased share of explained variance, of one-way ANOVA.",
    "fold_change": "2 to the difference, where logarithms were tested: the ratio of the geometric means.",
    "fold_ci_low": "Lower end of its 95 % confidence interval.",
    "fold_ci_high": "Upper end of it.",
    "p_unadjusted": "p of this comparison alone.",
    "note": "Why there is no p, what was left out, what to mind.",
}
"""The columns of tests.csv, with their definitions."""

TEXTS = frozenset({"group", "measure", "kind", "test", "group_a", "group_b", "stars", "effect", "note"})
"""Those of both tables that hold text."""

Rows = list[dict[str, Value]]


def rows_of_groups(measure: str, analysis: Analysis, note: str = "") -> Rows:
    """The rows of groups.csv of one measure."""
    return [
        {
            "group": one.group,
            "measure": measure,
            "n": one.n,
            "mean": number(one.mean),
            "sd": number(one.sd),
            "sem": number(one.sem),
            "median": number(one.median),
            "min": number(one.minimum),
            "max": number(one.maximum),
            "ci_low": number(one.ci_low),
            "ci_high": number(one.ci_high),
            "note": "; ".join(part for part in (one.note, note) if part),
        }
        for one in analysis.summaries
    ]


def rows_of_tests(measure: str, analysis: Analysis, notes: Sequence[str] = ()) -> Rows:
    """The rows of tests.csv of one measure: all groups, then pairs, then checks.

    Parameters
    ----------
    measure : str
    analysis : Analysis
    notes : sequence of str
        What to mind of the whole measure: on the rows of the omnibus, or of the pairs where there is none.
    """
    omnibus = [_test_row(measure, "omnibus", test) for test in analysis.omnibus]
    pairs = [_pair_row(measure, comparison) for comparison in analysis.comparisons]
    for row in omnibus or pairs:
        row["note"] = "; ".join(part for part in (str(row["note"]), *notes) if part)
    return [*omnibus, *pairs, *(_test_row(measure, "check", test) for test in analysis.checks)]


def _test_row(measure: str, kind: str, test: Test) -> dict[str, Value]:
    return {
        "measure": measure,
        "kind": kind,
        "test": test.test,
        "statistic": number(test.statistic),
        "df": number(test.df),
        "df_error": number(test.df_error),
        "p": number(test.p),
        "effect": test.effect.name,
        "effect_size": number(test.effect.value),
        "effect_ci_low": number(test.effect.low),
        "effect_ci_high": number(test.effect.high),
        "omega_squared": number(test.omega_squared),
        "note": test.note,
    }


def _pair_row(measure: str, one: Comparison) -> dict[str, Value]:
    return {
        "measure": measure,
        "kind": "pairwise",
        "test": one.test,
        "group_a": one.group_a,
        "group_b": one.group_b,
        "statistic": number(one.statistic),
        "df": number(one.df),
        "difference": number(one.difference),
        "ci_low": number(one.ci_low),
        "ci_high": number(one.ci_high),
        "p": number(one.p),
        "p_holm": number(one.p_holm),
        "stars": one.stars,
        "effect": one.effect.name,
        "effect_size": number(one.effect.value),
        "effect_ci_low": number(one.effect.low),
        "effect_ci_high": number(one.effect.high),
        "fold_change": number(one.fold_change),
        "fold_ci_low": number(one.fold_low),
        "fold_ci_high": number(one.fold_high),
        "p_unadjusted": number(one.p_unadjusted),
        "note": one.note,
    }


def number(value: float) -> float | None:
    """A number as a cell: a whole one of degrees of freedom stays a float; None for what is none."""
    return value if math.isfinite(value) else None
