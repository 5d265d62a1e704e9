"""From groups of values and a design to an analysis: what is refused and said first, then the tests."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import chain

import numpy as np
from scipy import stats

from exoimage.studies.statistics import checks, comparisons, omnibus, two_samples
from exoimage.studies.statistics.fits import blocks_of, fit_groups, why_not_fitted
from exoimage.studies.statistics.values import LEVEL, Analysis, Comparison, Design, Group, Summary, Test, TestName

_OF_TWO: dict[TestName, Callable[[Group, Group], Comparison]] = {
    "t": two_samples.student_t,
    "welch-t": two_samples.welch_t,
    "paired-t": two_samples.paired_t,
    "mann-whitney": two_samples.mann_whitney,
}
_NAMES: dict[TestName, str] = {
    "anova": "one-way ANOVA",
    "welch": "Welch's ANOVA",
    "kruskal": "Kruskal-Wallis",
    "t": "Student's t",
    "welch-t": "Welch's t",
    "paired-t": "paired t",
    "mann-whitney": "Mann-Whitney",
    "one-sample-t": "one-sample t",
}
_ON_RANKS = frozenset({"kruskal", "mann-whitney"})


def analyse(groups: Sequence[Group], design: Design | None = None) -> Analysis:
    """Summarise groups and test them.

    Parameters
    ----------
    groups : sequence of Group
        In the order of the figure; values that are missing or infinite are left out, and that is said.
    design : Design, optional
        Default: one-way ANOVA, then Tukey's comparisons.

    Returns
    -------
    Analysis
        A test without an honest answer (too few values, no variation, a control scaled to exactly 1) has an empty p
        and a note with the reason.

    Examples
    --------
    >>> a, b = Group("Control", (5.1, 4.8, 5.5)), Group("PMO", (3.0, 3.4, 2.7))
    >>> found = analyse([a, b], Design("t"))
    >>> found.comparisons[0].difference > 2, found.comparisons[0].stars
    (True, '**')
    """
    design = design or Design()
    finite = [_finite(group) for group in groups]
    summaries = tuple(_summary(group, before.n - group.n) for group, before in zip(finite, groups, strict=True))
    problem = _why_not_transformed(finite, design)
    if problem:
        return Analysis(summaries, omnibus=(Test(_NAMES[design.test], note=problem),))
    usable, left_out = _enough([_transformed(group, design) for group in finite])
    problem = _why_not_tested(usable, design, left_out)
    if problem:
        return Analysis(summaries, omnibus=(Test(_NAMES[design.test], note=_joined(problem, left_out)),))
    found = _tested(usable, design)
    folded = tuple(_folded(comparison, design) for comparison in found.comparisons)
    remarks = _joined(left_out, _on_constants(usable, design), _on_few(usable), _on_transform(design))
    tests = tuple(replace(test, note=_joined(test.note, remarks)) for test in found.omnibus)
    if not tests and remarks:
        folded = tuple(replace(one, note=_joined(one.note, remarks)) for one in folded)
    return Analysis(summaries, found.checks, tests, folded)


def summary(group: Group) -> Summary:
    """A group in numbers.

    Examples
    --------
    >>> found = summary(Group("Control", (1.0, 2.0, 3.0)))
    >>> found.mean, found.sd, round(found.ci_low, 3)
    (2.0, 1.0, -0.484)
    """
    finite = _finite(group)
    return _summary(finite, group.n - finite.n)


def _finite(group: Group) -> Group:
    return group.kept([math.isfinite(value) for value in group.values])


def _summary(group: Group, missing: int) -> Summary:
    note = f"{missing} without a number left out" if missing else ""
    if not group.n:
        return Summary(group.name, 0, note=_joined("no value", note))
    values = np.array(group.values)
    mean = float(values.mean())
    sd = float(values.std(ddof=1)) if group.n > 1 else math.nan
    sem = sd / math.sqrt(group.n)
    half = float(stats.t.ppf((1 + LEVEL) / 2, group.n - 1)) * sem if group.n > 1 else math.nan
    return Summary(
        group.name,
        group.n,
        mean,
        sd,
        sem,
        float(np.median(values)),
        float(values.min()),
        float(values.max()),
        mean - half,
        mean + half,
        note,
    )


def _why_not_transformed(groups: Sequence[Group], design: Design) -> str:
    if design.transform == "none":
        return ""
    bad = [group.name for group in groups if any(value <= 0 for value in group.values)]
    if bad:
        return f"logarithms need values above 0; {', '.join(bad)} has some that are not"
    return "" if design.against > 0 else f"logarithms need values above 0; against is {design.against:g}"


def _transformed(group: Group, design: Design) -> Group:
    if design.transform == "none":
        return group
    return replace(group, values=tuple(math.log2(value) for value in group.values))


def _enough(groups: Sequence[Group]) -> tuple[list[Group], str]:
    """The groups of two values or more, and which were left out."""
    small = ", ".join(f"{group.name} (n = {group.n})" for group in groups if group.n < 2)
    return [group for group in groups if group.n > 1], f"left out: {small}" if small else ""


def _why_not_tested(groups: Sequence[Group], design: Design, left_out: str) -> str:
    if design.test == "one-sample-t":
        return "" if groups else "no group has two values"
    if len(groups) < 2:
        few = "too few values: a test needs two groups of two values or more"
        return few if left_out else "one group: nothing to compare"
    names = [group.name for group in groups]
    if design.comparing == "dunnett" and design.control not in names:
        what = f"{design.control!r} is none of {', '.join(names)}" if design.control else "none is named"
        return f"Dunnett's test compares with a control: {what}"
    if design.test == "paired-t" and not all(group.pairs for group in groups):
        return "a paired t test needs to know what is a pair: name the column (pair)"
    if design.test == "paired-t":
        return ""
    if all(group.is_constant for group in groups):
        return "no variation within any group: no test is possible"
    constant = next((group for group in groups if group.is_constant and group.values[0] != 0), None)
    # Logarithms turn a control scaled to 1 into zeros.
    zeros = next((group for group in groups if group.is_constant and design.transform == "log2"), None)
    scaled = constant or zeros
    if scaled is not None and design.test not in _ON_RANKS:
        return _scaled_note(scaled, design)
    if design.test == "welch" and any(group.is_constant for group in groups):
        return "Welch's ANOVA weighs each group by its variance, and one has none: use anova or kruskal"
    return ""


def _scaled_note(group: Group, design: Design) -> str:
    value = 2 ** group.values[0] if design.transform == "log2" else group.values[0]
    return (
        f"all {group.n} values of {group.name!r} are {value:g}, as after scaling to a control: its variation is lost,"
        " and a test against it would be too sure. Test the values before scaling (paired-t, or anova with pair), or"
        f" the other groups against {value:g} (one-sample-t)"
    )


def _tested(groups: Sequence[Group], design: Design) -> Analysis:
    if design.test == "one-sample-t":
        return Analysis((), comparisons=_one_sample(groups, design))
    if design.test == "anova":
        return _anova(groups, design)
    if design.test == "welch":
        found = comparisons.compare_unpooled(groups, design.comparing or "games-howell", design.control)
        return Analysis((), _checked(groups), (omnibus.welch_anova(groups),), found)
    if design.test == "kruskal":
        if len(set(chain.from_iterable(group.values for group in groups))) < 2:
            return Analysis((), omnibus=(Test(_NAMES["kruskal"], note="all values are the same"),))
        found = comparisons.compare_ranks(groups, design.control)
        return Analysis((), (), (omnibus.kruskal_wallis(groups),), found)
    assumed = () if design.test in ("mann-whitney", "paired-t") else _checked(groups)
    return Analysis((), assumed, (), _two_at_a_time(groups, design))


def _anova(groups: Sequence[Group], design: Design) -> Analysis:
    problem = why_not_fitted(groups)
    if problem:
        return Analysis((), omnibus=(Test(_NAMES["anova"], note=problem),))
    fit = fit_groups(groups)
    if not fit.has_variation:
        return Analysis((), omnibus=(Test(_NAMES["anova"], note="no variation beside groups and blocks"),))
    method = design.comparing or "tukey"
    if method == "games-howell":
        if groups[0].pairs:
            return Analysis(
                (),
                omnibus=(omnibus.anova(fit, groups),),
                comparisons=_refused(groups, design, "Games-Howell takes no blocks: use holm or tukey"),
            )
        found = comparisons.compare_unpooled(groups, method, design.control)
    else:
        found = comparisons.compare_pooled(fit, groups, method, design.control)
    assumed = (checks.normality(fit.residuals), checks.equal_variances(groups))
    return Analysis((), assumed, (omnibus.anova(fit, groups),), found)


def _refused(groups: Sequence[Group], design: Design, note: str) -> tuple[Comparison, ...]:
    pairs = comparisons.chosen_pairs(groups, design.control)
    name = comparisons.NAMES.get(design.comparing, "") if design.comparing else ""
    return tuple(Comparison(name, groups[a].name, groups[b].name, note=note) for a, b in pairs)


def _checked(groups: Sequence[Group]) -> tuple[Test, ...]:
    residuals = np.concatenate([np.array(group.values) - np.mean(group.values) for group in groups])
    return checks.normality(residuals), checks.equal_variances(groups)


def _two_at_a_time(groups: Sequence[Group], design: Design) -> tuple[Comparison, ...]:
    """Every pair of groups; with several pairs, p is adjusted by Holm."""
    test = _OF_TWO[design.test]
    found = [test(groups[a], groups[b]) for a, b in comparisons.chosen_pairs(groups, design.control)]
    return _held_together(found)


def _one_sample(groups: Sequence[Group], design: Design) -> tuple[Comparison, ...]:
    value = math.log2(design.against) if design.transform == "log2" else design.against
    varying = [group for group in groups if not group.is_constant]
    constant = [Comparison(_NAMES["one-sample-t"], g.name, "", note="no variation") for g in groups if g.is_constant]
    return _held_together([two_samples.one_sample_t(group, value, design.against) for group in varying] + constant)


def _held_together(found: Sequence[Comparison]) -> tuple[Comparison, ...]:
    """Comparisons with Holm's adjustment among those that have a p-value."""
    known = [index for index, one in enumerate(found) if not math.isnan(one.p_unadjusted)]
    adjusted = dict(
        zip(known, comparisons.holm(np.array([found[index].p_unadjusted for index in known])).tolist(), strict=True)
    )
    note = f"adjusted by Holm for {len(known)} comparisons" if len(known) > 1 else ""
    return tuple(
        replace(one, p=adjusted[index], p_holm=adjusted[index], note=_joined(note, one.note))
        if index in adjusted
        else one
        for index, one in enumerate(found)
    )


def _folded(one: Comparison, design: Design) -> Comparison:
    if design.transform == "none" or design.comparing == "dunn":  # a difference of ranks is no logarithm
        return one
    fold, low, high = (2.0**value for value in (one.difference, one.ci_low, one.ci_high))
    return replace(one, fold_change=fold, fold_low=low, fold_high=high)


def _on_constants(groups: Sequence[Group], design: Design) -> str:
    constant = [f"{group.name} ({group.values[0]:g})" for group in groups if group.is_constant]
    if not constant or design.test in ("paired-t", "one-sample-t"):
        return ""
    return f"no variation in {', '.join(constant)}: equal variances cannot hold"


def _on_few(groups: Sequence[Group]) -> str:
    two = [group.name for group in groups if group.n == 2]
    return f"n = 2 in {', '.join(two)}: little is known of its variation" if two else ""


def _on_transform(design: Design) -> str:
    return "tested on log2 of the values" if design.transform == "log2" else ""


def _joined(*notes: str) -> str:
    return "; ".join(note for note in notes if note)


def blocked(groups: Sequence[Group]) -> bool:
    """Whether the groups' values are paired at all: some pair is in more than one group."""
    return any(len(names) > 1 for names in blocks_of(groups).values())
