from __future__ import annotations

import itertools
import math
import re
from pathlib import Path

import matplotlib
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from exoimage.studies import figures
from exoimage.studies.axis_labels import axis_label
from exoimage.studies.brackets import MOST_BRACKETS, Bracket, choose_brackets, place_brackets
from exoimage.studies.figures import Chart, caption, draw_chart, spread, styled, write_figure

GROUPS = {"Control": [20.0, 22.5, 23.4], "PMO": [5.5, 6.1, 7.0], "PMO+Exos": [14.0, 15.2, 13.5]}


def _pairs(names, stars="***", p=0.0005):
    return [
        {"measure": "m", "test": "Tukey HSD", "group_a": b, "group_b": a, "p": p, "stars": stars}
        for a, b in itertools.combinations(names, 2)
    ]


def _texts(path: Path) -> list[str]:
    return [
        re.sub(r"<[^>]*>", "", text).strip() for text in re.findall(r"<text.*?</text>", path.read_text("utf-8"), re.S)
    ]


@pytest.mark.parametrize(
    ("column", "label"),
    [
        ("stained_area_pct", "Stained area (%)"),
        ("integrated_od", "Integrated OD"),
        ("nodules_per_mm2", "Nodules per mm²"),
        ("bv_tv_pct", "BV/TV (%)"),
        ("tb_n_per_mm", "Tb.N per mm"),
        ("tb_th_direct_um", "Direct Tb.Th (µm)"),
        ("edu_positive_pct", "EdU-positive nuclei (%)"),
        ("dab_area_pct", "DAB area (%)"),
        ("h_score", "H-score"),
        ("puncta_per_cell", "Puncta per cell"),
        ("mean_ctcf", "Mean CTCF"),
        ("stained_area_um2", "Stained area (µm²)"),
        ("Viability of 3T3, %", "Viability of 3T3, %"),
    ],
)
def test_an_axis_says_what_the_column_is(column: str, label: str) -> None:
    assert axis_label(column) == label


def test_a_figure_has_every_group_its_n_and_the_stars_as_text(tmp_path: Path) -> None:
    tests = [{"test": "one-way ANOVA", "group_a": "", "p": 1e-6, "stars": ""}, *_pairs(GROUPS)[:1]]
    write_figure(tmp_path, "area", GROUPS, tests, "Stained area (%)", control="Control")
    texts = _texts(tmp_path / "area.svg")
    assert [text for text in texts if text in GROUPS] == list(GROUPS)
    assert texts.count("n = 3") == 3
    assert "Stained area (%)" in texts
    assert texts.count("***") == 1
    pdf = (tmp_path / "area.pdf").read_bytes()
    assert b"/FontFile2" in pdf, "TrueType, which stays text in a journal's editor"
    assert b"/Type3" not in pdf


def test_the_png_is_as_wide_as_a_column_at_300_dpi(tmp_path: Path) -> None:
    import cv2

    write_figure(tmp_path, "area", GROUPS, [], "Stained area (%)")
    assert cv2.imread(str(tmp_path / "area.png")).shape[1] == pytest.approx(85 / 25.4 * 300, abs=1)


def test_two_runs_write_the_same_bytes(tmp_path: Path) -> None:
    for folder in ("a", "b"):
        write_figure(tmp_path / folder, "area", GROUPS, _pairs(GROUPS), "Stained area (%)", control="Control")
    for suffix in ("svg", "png", "pdf", "txt"):
        assert (tmp_path / "a" / f"area.{suffix}").read_bytes() == (tmp_path / "b" / f"area.{suffix}").read_bytes()


def test_no_setting_of_the_caller_matters_or_changes(tmp_path: Path) -> None:
    write_figure(tmp_path, "plain", GROUPS, [], "y")
    with matplotlib.rc_context({"font.size": 30, "lines.linewidth": 9, "svg.fonttype": "path", "savefig.dpi": 50}):
        before = dict(matplotlib.rcParams)
        write_figure(tmp_path, "changed", GROUPS, [], "y")
        assert dict(matplotlib.rcParams) == before
    assert (tmp_path / "plain.svg").read_bytes() == (tmp_path / "changed.svg").read_bytes()


@pytest.mark.parametrize(
    "groups",
    [
        {"one": [1.0]},
        {"a": [3.0, 3.0, 3.0], "b": [3.0, 3.0]},
        {"a": [], "b": [1.0, 2.0]},
        {"a": [0.0, 0.0], "b": [0.0]},
        {"low": [-3.0, -2.0], "high": [1.0, 4.0]},
        {"a": [1e-9, 2e-9], "b": [3e-9]},
        {"a": [1e9, 2e9], "b": [math.nan, 3e9, math.inf]},
        {"$x_1$": [1.0, 2.0], "<b>&": [2.0], "Ünïcode µ": [3.0]},
        {f"a very long name of a treatment group {i}": [float(i), i + 1.0] for i in range(9)},
        {"many": list(np.linspace(0, 1, 400))},
    ],
)
def test_any_groups_can_be_drawn(tmp_path: Path, groups, recwarn) -> None:
    write_figure(tmp_path, "any", groups, _pairs(list(groups)), "y")
    assert not [warning for warning in recwarn if "matplotlib" in str(warning.filename)]
    counts = [sum(math.isfinite(value) for value in values) for values in groups.values()]
    words = " ".join(_texts(tmp_path / "any.svg"))
    assert all(f"n = {count}" in words or f"({count})" in words for count in counts)


def test_nothing_to_draw_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="no value"):
        write_figure(tmp_path, "none", {"a": [], "b": [math.nan]}, [], "y")


def test_bars_are_means_and_every_point_is_drawn() -> None:
    with styled():
        axes = draw_chart(Chart(GROUPS, "y")).axes[0]
    heights = [patch.get_height() for patch in axes.patches]
    assert heights == pytest.approx([np.mean(values) for values in GROUPS.values()])
    points = [collection.get_offsets()[:, 1] for collection in axes.collections if len(collection.get_offsets()) == 3]
    assert [sorted(map(float, own)) for own in points] == [sorted(values) for values in GROUPS.values()]
    assert axes.get_ylim()[0] == 0


def test_stars_keep_clear_of_points_and_of_each_other() -> None:
    with styled():
        axes = draw_chart(Chart(GROUPS, "y", _pairs(GROUPS))).axes[0]
    texts = [text for text in axes.texts if set(text.get_text()) == {"*"}]
    assert len(texts) == 3
    renderer = axes.figure.canvas.get_renderer()
    boxes = [text.get_window_extent(renderer) for text in texts]
    assert not any(a.overlaps(b) for a, b in itertools.combinations(boxes, 2))
    assert max(box.y1 for box in boxes) <= axes.get_window_extent(renderer).y1 + 1
    highest = axes.transData.transform((0, max(map(max, GROUPS.values()))))[1]
    assert max(box.y0 for box in boxes) > highest


@given(
    st.lists(st.floats(0, 100), min_size=2, max_size=9),
    st.lists(st.tuples(st.integers(0, 8), st.integers(0, 8)), max_size=12),
)
def test_no_bracket_meets_another_or_what_is_under_it(tops, pairs) -> None:
    brackets = [Bracket(min(a, b), max(a, b), "*") for a, b in dict.fromkeys(pairs) if a != b and max(a, b) < len(tops)]
    gap, step = 2.0, 5.0
    heights = place_brackets(brackets, tops, gap, step)
    for bracket, height in zip(brackets, heights, strict=True):
        assert height >= max(tops[bracket.left : bracket.right + 1]) + gap
    for (a, above), (b, below) in itertools.combinations(zip(brackets, heights, strict=True), 2):
        if a.left <= b.right and b.left <= a.right:
            assert abs(above - below) >= step - 1e-9


def test_too_many_pairs_leave_those_with_the_control() -> None:
    names = ["a", "b", "c", "d", "e"]
    chosen = choose_brackets(names, _pairs(names), "b")
    assert {(b.left, b.right) for b in chosen.drawn} == {(0, 1), (1, 2), (1, 3), (1, 4)}
    assert chosen.n_significant == 10
    assert "b" in chosen.choice
    assert "tests.csv" in caption(Chart({name: [1.0, 2.0] for name in names}, "y", _pairs(names), "b"))
    without = choose_brackets(names, _pairs(names))
    assert len(without.drawn) == MOST_BRACKETS
    assert "10 pairs" in without.choice


@pytest.mark.parametrize(
    "row",
    [
        {"group_a": "a", "group_b": "b", "p": 0.2, "stars": "ns"},
        {"group_a": "a", "group_b": "b", "p": "", "stars": ""},
        {"group_a": "a", "group_b": "other", "p": 0.001, "stars": "**"},
        {"group_a": "", "group_b": "", "p": 0.001, "stars": "**"},
        {"test": "ANOVA", "p": 0.001},
    ],
)
def test_only_significant_pairs_of_shown_groups_have_brackets(row) -> None:
    assert choose_brackets(["a", "b"], [row]).drawn == ()


def test_a_caption_says_n_the_tests_and_the_stars_that_are_drawn() -> None:
    tests = [{"test": "one-way ANOVA", "group_a": "", "p": "3e-7"}, *_pairs(["a", "b"], "**", 0.004)]
    text = caption(Chart({"a": [1.0], "b": [2.0, 3.0]}, "Mean OD", tests, unit="field"))
    assert "n = 1 (a), 2 (b) fields" in text
    assert "One-way ANOVA (p < 0.0001); Tukey HSD." in text
    assert "** p < 0.01" in text
    assert "***" not in text
    none = caption(Chart({"a": [1.0], "b": [2.0]}, "Mean OD", _pairs(["a", "b"], "ns", 0.4)))
    assert "No pair of groups differs" in none


def test_colours_differ_and_the_control_is_grey() -> None:
    chart = Chart({name: [1.0] for name in "abcdefg"}, "y", control="c")
    assert chart.colours[2] == figures.CONTROL_COLOUR
    assert len(set(chart.colours)) == 7


@settings(max_examples=60)
@given(st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=25))
def test_points_stay_within_their_bar(values) -> None:
    offsets = spread(values)
    assert offsets.shape == (len(values),)
    assert np.abs(offsets).max() <= 0.31


def test_equal_values_stand_side_by_side() -> None:
    assert len(set(spread([2.0] * 5))) == 5
    assert len(set(spread([1.0, *[2.0] * 5]))) >= 5
