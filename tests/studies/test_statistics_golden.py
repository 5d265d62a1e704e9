"""Against R: golden_r.json, written by golden_r.R from R's own data sets."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy import stats

from exoimage.studies.statistics import Analysis, Design, Group, analyse

GOLDEN = json.loads((Path(__file__).parent / "golden_r.json").read_text(encoding="utf-8"))
MANY = {one["name"]: one for one in GOLDEN["many_groups"]}
TWO = {one["name"]: one for one in GOLDEN["two_groups"]}
BLOCKED = {one["name"]: one for one in GOLDEN["blocked"]}
TAIL = 1e-9
"""R's ptukey gives 0 below 1e-13, and is no better than this in absolute terms with many degrees of freedom."""

FEW_DF = 2e-7
"""With fewer than ten, as in Games and Howell's test, R's ptukey is off by so much: see the test of it below."""


def _groups(one: dict[str, Any]) -> list[Group]:
    labels, blocks = one["groups"], one.get("blocks", [])
    return [
        Group(
            name,
            tuple(value for value, label in zip(one["values"], labels, strict=True) if label == name),
            tuple(block for block, label in zip(blocks, labels, strict=True) if label == name) if blocks else (),
        )
        for name in one["order"]
    ]


def _close(found: Any, expected: Any, rel: float = 1e-6, abs_: float = 0.0) -> None:
    wanted = np.array([np.nan if value is None else value for value in np.atleast_1d(expected)], dtype=float)
    np.testing.assert_allclose(np.atleast_1d(np.array(found, dtype=float)), wanted, rtol=rel, atol=abs_)


def _of(analysis: Analysis, name: str) -> list[float]:
    return [getattr(one, name) for one in analysis.comparisons]


def test_there_are_enough_data_sets() -> None:
    assert len(MANY) >= 12
    assert GOLDEN["R"].startswith("R version")


@pytest.mark.parametrize("name", MANY)
def test_summaries_anova_and_checks(name: str) -> None:
    r = MANY[name]
    found = analyse(_groups(r), Design("anova", "lsd"))
    for column in ("n", "mean", "sd", "sem", "median", "ci_low"):
        _close([getattr(one, column) for one in found.summaries], r[column], 1e-12)
    (test,) = found.omnibus
    _close([test.statistic, test.df, test.df_error, test.p], [*r["anova"]["f"], *r["anova"]["df"], *r["anova"]["p"]])
    _close([test.effect.value, test.omega_squared], [*r["anova"]["eta2"], *r["anova"]["omega2"]])
    shapiro, variances = found.checks
    _close([shapiro.statistic, shapiro.p], [*r["shapiro"]["w"], *r["shapiro"]["p"]])
    _close([variances.statistic, variances.p], [*r["brown_forsythe"]["f"], *r["brown_forsythe"]["p"]])
    _close(_of(found, "p"), r["lsd"]["p"])
    _close(np.array(_of(found, "ci_high")) - _of(found, "difference"), r["lsd"]["half"])
    _close(_of(found, "p_holm"), r["holm"])
    assert [f"{one.group_a} | {one.group_b}" for one in found.comparisons] == r["pairs"]
    _close(_of(analyse(_groups(r), Design("anova", "holm")), "p"), r["holm"])


@pytest.mark.parametrize("name", MANY)
def test_tukey(name: str) -> None:
    r = MANY[name]["tukey"]
    found = analyse(_groups(MANY[name]))
    _close(_of(found, "difference"), r["difference"], 1e-9)
    _close(_of(found, "p"), r["p"], abs_=TAIL)
    _close(_of(found, "ci_low"), r["low"], abs_=1e-6)
    _close(_of(found, "ci_high"), r["high"], abs_=1e-6)


@pytest.mark.parametrize("name", [name for name in MANY if len(MANY[name]["order"]) < 7])
def test_welch_and_games_howell(name: str) -> None:
    r = MANY[name]
    found = analyse(_groups(r), Design("welch"))
    (test,) = found.omnibus
    _close([test.statistic, test.df, test.df_error, test.p], [*r["welch"]["f"], *r["welch"]["df"], *r["welch"]["p"]])
    _close(_of(found, "p"), r["games_howell"]["p"], abs_=FEW_DF)
    _close(_of(found, "df"), r["games_howell"]["df"])
    # Intervals in units of their length: an end may lie by chance at 0.
    length = np.subtract(r["games_howell"]["high"], r["games_howell"]["low"])
    _close(np.subtract(_of(found, "ci_low"), r["games_howell"]["low"]) / length, np.zeros(len(length)), abs_=1e-6)
    _close(np.subtract(_of(found, "ci_high"), r["games_howell"]["high"]) / length, np.zeros(len(length)), abs_=1e-6)
    _close(_of(analyse(_groups(r), Design("welch", "holm")), "p"), r["welch_pairs"])


@pytest.mark.parametrize(
    ("q", "k", "df", "of_r"),
    [(3.5, 4, 16, 0.102586989203103), (7.5, 8, 7.4, 0.0119291506667544), (40.0, 3, 2.5, 0.000396715282460436)],
)
def test_the_studentized_range_where_r_is_coarse(q: float, k: int, df: float, of_r: float) -> None:
    """Its double integral, written out, is a third witness: SciPy's is right where R's is not."""
    nodes, weights = np.polynomial.legendre.leggauss(400)
    z, z_weight = 12 * nodes, 12 * weights * stats.norm.pdf(12 * nodes)
    ends = np.log([stats.chi.ppf(1e-20, df), stats.chi.isf(1e-20, df)])
    half = (ends[1] - ends[0]) / 2
    chi = np.exp(ends.mean() + half * nodes)
    reach = q * chi[:, None] / np.sqrt(df)
    share = np.minimum(stats.norm.cdf(z - reach) / np.maximum(stats.norm.cdf(z), 1e-300), 1 - 1e-16)
    beyond = stats.norm.cdf(z) ** (k - 1) * -np.expm1((k - 1) * np.log1p(-share))
    exact = (half * weights * chi * stats.chi.pdf(chi, df)) @ beyond @ (k * z_weight)
    assert stats.studentized_range.sf(q, k, df) == pytest.approx(exact, rel=1e-9)
    assert of_r == pytest.approx(exact, rel=1e-6 if df > 10 else 1.0)


@pytest.mark.parametrize("name", MANY)
def test_kruskal_and_dunn(name: str) -> None:
    r = MANY[name]
    found = analyse(_groups(r), Design("kruskal"))
    (test,) = found.omnibus
    _close([test.statistic, test.df, test.p], [*r["kruskal"]["h"], *r["kruskal"]["df"], *r["kruskal"]["p"]])
    _close(_of(found, "statistic"), r["dunn"]["z"])
    _close(_of(found, "p_unadjusted"), r["dunn"]["p"])
    _close(_of(found, "p"), r["dunn"]["holm"])


@pytest.mark.parametrize("name", [name for name in MANY if MANY[name]["dunnett"]])
def test_dunnett(name: str) -> None:
    """The p-values of mvtnorm are drawn at random where three groups or more meet the control: 1e-3, in the open."""
    r = MANY[name]["dunnett"]
    found = analyse(_groups(MANY[name]), Design("anova", "dunnett", control=MANY[name]["order"][0]))
    _close(_of(found, "statistic"), r["statistic"])
    exact = len(found.comparisons) <= 2
    _close(_of(found, "p"), r["p"], *((1e-6, 1e-12) if exact else (1e-3, 5e-6)))
    _close(_of(found, "ci_low"), r["low"], 1e-3)
    _close(_of(found, "ci_high"), r["high"], 1e-3)


def test_dunnetts_own_table() -> None:
    """Two-sided 5 % points of Dunnett (1964), Biometrics 20:482-491, doi:10.2307/2528490."""
    from exoimage.studies.statistics import dunnett

    for groups, df, point in ((2, 10, 2.57), (3, 12, 2.68), (4, 20, 2.65), (5, 24, 2.70), (9, 60, 2.76)):
        assert dunnett.critical(np.full(groups, 0.5**0.5), df) == pytest.approx(point, abs=0.0101)


@pytest.mark.parametrize("name", TWO)
@pytest.mark.parametrize("test", ["t", "welch-t", "mann-whitney", "paired-t", "one-sample-t"])
def test_two_samples(name: str, test: str) -> None:
    one = TWO[name]
    key = {"one-sample-t": "one_sample"}.get(test, test.replace("-", "_"))
    if key not in one:
        pytest.skip("its samples are not paired")
    r = one[key]
    pairs = tuple(map(str, range(100)))
    a, b = (Group(letter, tuple(one[letter]), pairs[: len(one[letter])]) for letter in "ab")
    found = analyse([a, b], Design(test)).comparisons[0]  # type: ignore[arg-type]
    _close(found.p_unadjusted, r["p"])
    _close(found.statistic, r.get("t") or r["u"])
    if r["low"][0] is not None:
        fixed = 1.0 if test == "one-sample-t" else 0.0
        _close([found.ci_low + fixed, found.ci_high + fixed], [*r["low"], *r["high"]])
    if r.get("shift", [None])[0] is not None:
        _close(found.difference, r["shift"])


@pytest.mark.parametrize("name", BLOCKED)
def test_blocks(name: str) -> None:
    r = BLOCKED[name]
    tukey, lsd = (analyse(_groups(r), Design("anova", method)) for method in ("tukey", "lsd"))
    (test,) = tukey.omnibus
    _close([test.statistic, test.df, test.df_error, test.p], [*r["f"], *r["df"], *r["p"]])
    _close(_of(tukey, "difference"), r["difference"])
    _close(_of(tukey, "p"), r["tukey"], abs_=TAIL)
    _close(_of(lsd, "p"), r["lsd"])
    _close(np.array(_of(lsd, "ci_high")) - _of(lsd, "difference"), r["half"])


def test_two_blocked_groups_are_a_paired_t_test() -> None:
    groups = _groups(BLOCKED["sleep"])
    blocked = analyse(groups).comparisons[0]
    paired = analyse(groups, Design("paired-t")).comparisons[0]
    for name in ("difference", "p", "ci_low", "ci_high", "statistic"):
        assert getattr(blocked, name) == pytest.approx(getattr(paired, name), rel=1e-9)
