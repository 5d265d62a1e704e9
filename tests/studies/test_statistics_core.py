from __future__ import annotations

import math
import warnings
from dataclasses import astuple

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from exoimage.studies.statistics import Analysis, Design, Group, analyse
from exoimage.studies.statistics.values import POSTHOCS, stars

VALUE = st.integers(-200, 200).map(lambda tenth: tenth / 10)
GROUPS = st.lists(st.lists(VALUE, min_size=2, max_size=6), min_size=2, max_size=4)
DESIGNS = [
    Design("anova", "tukey"),
    Design("anova", "lsd"),
    Design("anova", "holm"),
    Design("anova", "dunnett", control="g0"),
    Design("welch"),
    Design("kruskal"),
    Design("t"),
    Design("welch-t"),
    Design("mann-whitney"),
]
FEW = settings(max_examples=12, deadline=None)
FEWER = settings(max_examples=6, deadline=None)


def _groups(values: list[list[float]]) -> list[Group]:
    return [Group(f"g{index}", tuple(part)) for index, part in enumerate(values)]


def _by_pair(analysis: Analysis, name: str) -> dict[frozenset[str], float]:
    return {frozenset((one.group_a, one.group_b)): getattr(one, name) for one in analysis.comparisons}


def _ps(analysis: Analysis) -> list[float]:
    tests = [*analysis.omnibus, *analysis.checks]
    pairs = analysis.comparisons
    return [*(t.p for t in tests), *(p for one in pairs for p in (one.p, one.p_holm, one.p_unadjusted))]


@FEW
@given(GROUPS, st.sampled_from(DESIGNS))
def test_every_p_is_a_probability_or_has_a_reason_and_nothing_warns(values: list[list[float]], design: Design) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = analyse(_groups(values), design)
    assert all(math.isnan(p) or 0 <= p <= 1 for p in _ps(found))
    for one in (*found.omnibus, *found.comparisons):
        assert not math.isnan(one.p) or one.note
    for one in found.comparisons:
        assert math.isnan(one.p) or math.isnan(one.p_unadjusted) or one.p >= one.p_unadjusted * (1 - 1e-9)


@FEW
@given(GROUPS, st.sampled_from(DESIGNS), st.randoms(use_true_random=False))
def test_the_order_of_groups_changes_no_p(values: list[list[float]], design: Design, random) -> None:
    groups = _groups(values)
    shuffled = list(groups)
    random.shuffle(shuffled)
    one, other = analyse(groups, design), analyse(shuffled, design)
    a, b = _by_pair(one, "p"), _by_pair(other, "p")
    assert a.keys() == b.keys()
    for pair in a:
        assert a[pair] == pytest.approx(b[pair], rel=1e-6, abs=1e-12, nan_ok=True)
    for first, second in zip(one.omnibus, other.omnibus, strict=True):
        assert first.p == pytest.approx(second.p, rel=1e-6, abs=1e-12, nan_ok=True)


@FEW
@given(GROUPS, st.sampled_from(DESIGNS), st.sampled_from([-8.0, 0.0, 64.0]), st.sampled_from([0.25, 1.0, 8.0]))
def test_shift_and_scale_change_no_p(values: list[list[float]], design: Design, shift: float, scale: float) -> None:
    groups = _groups(values)
    assume(not any(group.is_constant for group in groups))  # a constant of 0 is judged otherwise than one of 8
    moved = [Group(group.name, tuple(scale * (v + shift) for v in group.values)) for group in groups]
    one, other = analyse(groups, design), analyse(moved, design)
    for a, b in zip(one.comparisons, other.comparisons, strict=True):
        assert a.p == pytest.approx(b.p, rel=1e-5, abs=1e-9, nan_ok=True)
        if design.test != "kruskal":
            assert scale * a.difference == pytest.approx(b.difference, rel=1e-6, abs=1e-9, nan_ok=True)
        assert a.effect.value == pytest.approx(b.effect.value, rel=1e-5, abs=1e-8, nan_ok=True)


@FEWER
@given(GROUPS)
def test_lsd_is_never_stricter_than_tukey_or_dunnett(values: list[list[float]]) -> None:
    groups = _groups(values)
    lsd = _by_pair(analyse(groups, Design("anova", "lsd", control="g0")), "p")
    for method in ("tukey", "dunnett"):
        other = _by_pair(analyse(groups, Design("anova", method, control="g0")), "p")
        for pair, p in other.items():
            assert math.isnan(p) or lsd[pair] <= p


@FEWER
@given(GROUPS, st.sampled_from(["tukey", "lsd", "dunnett"]))
def test_the_interval_holds_0_where_p_is_above_5_percent(values: list[list[float]], method: str) -> None:
    found = analyse(_groups(values), Design("anova", method, control="g0"))  # type: ignore[arg-type]
    for one in found.comparisons:
        if not math.isnan(one.p) and abs(one.p - 0.05) > 1e-6:
            assert (one.ci_low < 0 < one.ci_high) == (one.p > 0.05)


def test_two_groups_by_anova_are_students_t() -> None:
    groups = _groups([[1.0, 2.0, 4.0], [3.0, 5.0, 6.0, 8.0]])
    anova, t = analyse(groups).comparisons[0], analyse(groups, Design("t")).comparisons[0]
    assert anova.p == pytest.approx(t.p)
    assert anova.ci_low == pytest.approx(t.ci_low)
    assert analyse(groups).omnibus[0].p == pytest.approx(t.p)


def test_lsd_says_what_it_costs() -> None:
    rng = np.random.default_rng(0)
    groups = _groups(rng.normal(size=(5, 6)).tolist())
    note = analyse(groups, Design("anova", "lsd")).comparisons[0].note
    assert "5 groups alike" in note
    assert "27 %" in note
    assert "p_holm" in note


def test_the_familywise_error_of_lsd_is_what_the_note_says() -> None:
    from scipy import stats

    values = np.random.default_rng(1).normal(size=(4000, 5, 6))
    means, mse = values.mean(axis=2), values.var(axis=2, ddof=1).mean(axis=1)
    largest = np.ptp(means, axis=1) / np.sqrt(mse * 2 / 6)
    assert np.mean(largest > stats.t.isf(0.025, 25)) == pytest.approx(0.27, abs=0.02)


def _note(groups: list[Group], design: Design | None = None) -> str:
    found = analyse(groups, design)
    assert all(math.isnan(p) for p in _ps(found))
    return " ".join(one.note for one in (*found.omnibus, *found.comparisons))


SCALED = [Group("Control", (1.0, 1.0, 1.0)), Group("PMO", (0.4, 0.5, 0.55)), Group("Exos", (1.4, 1.5, 1.2))]
TESTS_OF_MANY = ("anova", "welch", "t", "welch-t")


@pytest.mark.parametrize("test", TESTS_OF_MANY)
@pytest.mark.parametrize("transform", ["none", "log2"])
def test_a_control_scaled_to_1_is_refused_with_the_way_out(test: str, transform: str) -> None:
    note = _note(SCALED, Design(test, transform=transform))  # type: ignore[arg-type]
    assert "all 3 values of 'Control' are 1" in note
    assert "one-sample-t" in note
    assert "paired" in note


def test_others_can_be_tested_against_that_1() -> None:
    found = analyse(SCALED, Design("one-sample-t", against=1.0))
    assert [one.group_a for one in found.comparisons] == ["PMO", "Exos", "Control"]
    assert [one.stars for one in found.comparisons] == ["*", "ns", ""]
    assert found.comparisons[2].note == "no variation"
    logs = analyse(SCALED, Design("one-sample-t", against=1.0, transform="log2")).comparisons[0]
    assert logs.fold_change == pytest.approx(np.exp(np.mean(np.log(SCALED[1].values))))


def test_a_blank_control_of_zeros_is_tested_and_said() -> None:
    groups = [Group("Blank", (0.0, 0.0, 0.0)), *SCALED[1:]]
    found = analyse(groups)
    assert found.omnibus[0].p < 0.01
    assert "no variation in Blank (0)" in found.omnibus[0].note


@pytest.mark.parametrize(
    ("groups", "design", "words"),
    [
        (SCALED[1:2], Design(), "one group"),
        ([Group("a", (1.0,)), Group("b", (2.0, 3.0))], Design(), "left out: a (n = 1)"),
        ([Group("a", ()), Group("b", (math.nan, math.inf))], Design("kruskal"), "left out: a (n = 0), b (n = 0)"),
        ([Group("a", (1.0, 1.0)), Group("b", (2.0, 2.0))], Design("t"), "no variation"),
        ([Group("a", (1.0, 1.0)), Group("b", (1.0, 1.0))], Design("kruskal"), "no variation within any group"),
        (SCALED[1:], Design("anova", "dunnett", control="Control"), "'Control' is none of PMO, Exos"),
        (SCALED[1:], Design("anova", "dunnett"), "none is named"),
        (SCALED[1:], Design("paired-t"), "name the column (pair)"),
        ([Group("a", (0.0, 2.0)), SCALED[1]], Design(transform="log2"), "above 0; a has some"),
        ([Group("a", (0.0, 0.0)), *SCALED[1:]], Design("welch"), "one has none"),
        ([Group("a", (1.0, 2.0), ("x", "x")), Group("b", (1.0, 3.0), ("x", "y"))], Design("paired-t"), "pair twice"),
        ([Group("a", (1.0, 2.0), ("w", "x")), Group("b", (1.0, 3.0), ("x", "y"))], Design("paired-t"), "1 pairs are"),
        ([Group("a", (1.0, 2.0), ("w", "x")), Group("b", (2.0, 3.0), ("w", "x"))], Design("paired-t"), "by the same"),
        ([Group("a", (1.0, 2.0), ("w", "x")), Group("b", (1.0, 3.0), ("y", "z"))], Design(), "do not connect"),
        ([Group("a", (1.0, 2.0), ("w", "x")), Group("b", (2.0, 3.0), ("w", "x"))], Design(), "no variation beside"),
    ],
)
def test_what_cannot_be_tested_says_why(groups: list[Group], design: Design, words: str) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert words in _note(groups, design)


def test_missing_values_are_left_out_and_counted() -> None:
    groups = [Group("a", (1.0, math.nan, 2.0, 3.0)), Group("b", (4.0, 5.0, math.inf, 7.0))]
    found = analyse(groups)
    assert [one.n for one in found.summaries] == [3, 3]
    assert found.summaries[0].note == "1 without a number left out"
    assert astuple(found.comparisons[0]) == astuple(
        analyse([Group("a", (1.0, 2.0, 3.0)), Group("b", (4.0, 5.0, 7.0))]).comparisons[0]
    )


def test_a_small_group_is_left_out_of_the_others_tests() -> None:
    groups = [*SCALED[1:], Group("lost", (3.0,))]
    found = analyse(groups)
    assert "left out: lost (n = 1)" in found.omnibus[0].note
    assert found.comparisons == analyse(SCALED[1:]).comparisons
    assert [one.group for one in found.summaries] == ["PMO", "Exos", "lost"]


def test_inputs_do_not_change_and_neither_do_results() -> None:
    groups = [*SCALED[1:], Group("third", (2.0, 2.5, 2.7))]
    for design in (Design("anova", "dunnett", control="PMO"), Design("kruskal"), Design("welch")):
        assert analyse(groups, design) == analyse(list(groups), design)


def test_mann_whitney_says_when_it_cannot_find_anything() -> None:
    found = analyse(_groups([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]]), Design("mann-whitney")).comparisons[0]
    assert found.p == pytest.approx(0.1)
    assert "p cannot fall below 0.1" in found.note
    assert math.isnan(found.ci_low)


def test_mann_whitney_with_ties_goes_through_all_arrangements() -> None:
    found = analyse(_groups([[1.0, 1.0, 2.0, 2.0], [3.0, 3.0, 4.0, 2.0]]), Design("mann-whitney")).comparisons[0]
    # U = 15 of 16 ways; of the 70 arrangements of the ranks, those as far from the middle.
    from itertools import combinations

    from scipy.stats import rankdata

    ranks = rankdata([1, 1, 2, 2, 3, 3, 4, 2])
    sums = np.array([ranks[list(pick)].sum() for pick in combinations(range(8), 4)])
    assert found.p == pytest.approx(min(1.0, 2 * np.mean(sums <= ranks[:4].sum() + 1e-9)))


def test_several_pairs_of_a_two_sample_test_are_adjusted() -> None:
    rng = np.random.default_rng(3)
    groups = _groups((rng.normal(size=(3, 5)) + np.arange(3)[:, None]).tolist())
    found = analyse(groups, Design("welch-t"))
    assert found.omnibus == ()
    assert len(found.comparisons) == 3
    for one in found.comparisons:
        assert one.p == one.p_holm >= one.p_unadjusted
        assert "adjusted by Holm for 3 comparisons" in one.note


def test_logarithms_give_fold_changes_of_geometric_means() -> None:
    groups = [Group("Control", (1.0, 2.0, 4.0)), Group("PMO", (8.0, 4.0, 2.0))]
    found = analyse(groups, Design("t", control="Control", transform="log2"))
    (one,) = found.comparisons
    assert (one.group_a, one.group_b) == ("PMO", "Control")
    assert one.difference == pytest.approx(1.0)
    assert one.fold_change == pytest.approx(2.0)
    assert one.fold_low == pytest.approx(2**one.ci_low)
    assert found.summaries[0].mean == pytest.approx(7 / 3)


def test_a_post_hoc_that_does_not_fit_is_refused() -> None:
    with pytest.raises(ValueError, match="does not go with test = 'kruskal', which takes dunn"):
        Design("kruskal", "tukey")
    assert [Design(test).comparing for test in POSTHOCS] == ["tukey", "games-howell", "dunn"]


def test_stars_change_at_their_bounds() -> None:
    assert [stars(p) for p in (0.05, 0.0499, 0.01, 0.0099, 0.001, 0.00099, 0.0001, 0.00009, math.nan)] == [
        "ns", "*", "*", "**", "**", "***", "***", "****", "",
    ]  # fmt: skip


def test_effect_sizes_and_their_intervals() -> None:
    """Hedges' g of two groups at t = 2 with 10 each; eta squared by hand; intervals hold their value's test."""
    from scipy import stats

    from exoimage.studies.statistics.effects import eta_squared, hedges_g

    a, b = [5.0, 7.0, 9.0, 11.0], [1.0, 3.0, 5.0, 7.0]
    g = hedges_g(a, b)
    sd = np.sqrt(20 / 3)
    correction = math.gamma(3) / (math.sqrt(3) * math.gamma(2.5))
    assert g.value == pytest.approx(4 / sd * correction)
    t = 4 / (sd * math.sqrt(0.5))
    for end, quantile in ((g.low, 0.975), (g.high, 0.025)):
        assert stats.nct.cdf(t, 6, end / correction / math.sqrt(0.5)) == pytest.approx(quantile, abs=1e-6)
    eta = eta_squared("eta_squared", 5.0, 2, 27, 10 / 37)
    assert eta.low < eta.value < eta.high
    shift = eta.low * 30 / (1 - eta.low)
    assert stats.ncf.cdf(5.0, 2, 27, shift) == pytest.approx(0.975, abs=1e-6)


def test_the_intervals_of_hedges_g_cover_what_they_should() -> None:
    from exoimage.studies.statistics.effects import hedges_g

    rng = np.random.default_rng(5)
    found = [hedges_g(rng.normal(1.0, size=6), rng.normal(0.0, size=6)) for _ in range(300)]
    covered = np.mean([one.low < 1.0 < one.high for one in found])
    assert 0.91 < covered < 0.99
