"""The bar chart of a paper's panel: every point, mean ± SD, brackets with stars."""

from __future__ import annotations

import io
import math
import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from exoimage.images.writing import write_whole
from exoimage.studies.brackets import Bracket, Brackets, Row, choose_brackets, place_brackets
from exoimage.studies.finished import is_of_all_groups, test_names

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

MM = 1 / 25.4
"""Inches."""

COLUMN_MM = 85.0
"""Width of one column of a journal."""

HEIGHT_MM = 68.0

PALETTE = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9")
"""Okabe and Ito's colours that differ for colour-blind readers too, but for black and yellow, which is too pale for
points. Okabe M, Ito K. Color Universal Design. 2008. https://jfly.uni-koeln.de/color/"""

CONTROL_COLOUR = "#666666"
"""Of the control group."""

FONTS = ("Arial", "Helvetica", "Liberation Sans", "DejaVu Sans")

STYLE: Mapping[str, Any] = {
    "font.family": "sans-serif",
    "font.sans-serif": list(FONTS),
    "font.size": 7,
    "axes.titlesize": 8,
    "axes.labelsize": 8,
    "xtick.labelsize": 7.5,
    "ytick.labelsize": 7,
    "axes.linewidth": 0.7,
    "xtick.major.width": 0.7,
    "ytick.major.width": 0.7,
    "xtick.major.size": 2.5,
    "ytick.major.size": 2.5,
    "svg.fonttype": "none",
    "svg.hashsalt": "exoimage",
    "pdf.fonttype": 42,
    "savefig.dpi": 300,
    "figure.dpi": 100,
    "axes.unicode_minus": True,
    "text.parse_math": False,
}
"""Text of 7 to 8 pt that stays text in .svg and .pdf; a dollar sign in a group's name starts no formula."""

NO_DATES: Mapping[str, Mapping[str, Any]] = {
    "svg": {"Date": None, "Creator": None},
    "pdf": {"CreationDate": None, "Creator": None, "Producer": None},
    "png": {"Software": None},
}
"""What makes two runs' files the same, byte by byte."""

POINT_HEIGHT = 0.04
"""Of a point with its edge, as a share of the axis."""

MOST_SWARMED = 200
"""Points of a group that are laid side by side one by one."""

_BAR_WIDTH = 0.62
_STAR_ROOM_PT = 7.0
_BRACKET_GAP_PT = 6.0


@dataclass(frozen=True)
class Chart:
    """What a bar chart shows.

    Parameters
    ----------
    groups : mapping of group to sequence of float
        The values of the units of the statistics, groups in the order of the axis. Values that are no finite numbers
        are left out; a group may be empty.
    ylabel : str
    tests : sequence of mappings
        Rows of ``tests.csv`` of this measure: group_a, group_b, p, stars.
    control : str
        The group that others are compared with; empty if none.
    unit : str
        What a point is, for the caption: sample, field.
    """

    groups: Mapping[str, Sequence[float]]
    ylabel: str
    tests: Sequence[Row] = ()
    control: str = ""
    unit: str = "sample"

    @property
    def names(self) -> tuple[str, ...]:
        """The groups in order."""
        return tuple(self.groups)

    @property
    def values(self) -> tuple[tuple[float, ...], ...]:
        """The finite values of each group."""
        return tuple(tuple(float(v) for v in values if math.isfinite(v)) for values in self.groups.values())

    @property
    def brackets(self) -> Brackets:
        """The significant pairs that are drawn."""
        return choose_brackets(self.names, self.tests, self.control)

    @property
    def colours(self) -> tuple[str, ...]:
        """A colour per group; grey for the control."""
        others = iter(range(len(self.groups)))
        return tuple(
            CONTROL_COLOUR if name == self.control else PALETTE[next(others) % len(PALETTE)] for name in self.groups
        )


def write_figure(
    folder: str | Path,
    stem: str,
    groups: Mapping[str, Sequence[float]],
    tests: Sequence[Row],
    ylabel: str,
    *,
    control: str = "",
    unit: str = "sample",
) -> tuple[Path, ...]:
    """Write a bar chart as .svg, .png (300 dpi) and .pdf, and its caption as .txt.

    Parameters
    ----------
    folder : path
        Made if it is not there.
    stem : str
        The files' name without suffix.
    groups, tests, ylabel, control, unit
        See `Chart`.

    Returns
    -------
    tuple of Path
        The files; the same bytes for the same data.

    Raises
    ------
    ValueError
        If there is no group with a value.
    """
    chart = Chart(groups, ylabel, tests, control, unit)
    with styled():
        written = save(draw_chart(chart), Path(folder), stem)
    text = Path(folder) / f"{stem}.txt"
    write_whole(text, f"{caption(chart)}\n".encode())
    return (*written, text)


def styled() -> Any:
    """The context in which figures are drawn and saved: no setting of the caller's changes them, or is changed."""
    import matplotlib

    style: dict[str, Any] = {k: v for k, v in matplotlib.rcParamsDefault.items() if not k.startswith("backend")}
    style.update(STYLE)
    return matplotlib.rc_context(style)  # type: ignore[arg-type,unused-ignore]


def draw_chart(chart: Chart, width_mm: float = COLUMN_MM, height_mm: float = HEIGHT_MM) -> Figure:
    """Draw a chart; within `styled`.

    Raises
    ------
    ValueError
        If there is no group with a value.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width_mm * MM, height_mm * MM), layout="constrained")
    FigureCanvasAgg(figure)
    draw_bars(figure.add_subplot(), chart, width_mm * 0.84 / max(1, len(chart.groups)))
    return figure


def save(figure: Figure, folder: Path, stem: str) -> tuple[Path, ...]:
    """Write a figure as .svg, .png and .pdf."""
    folder.mkdir(parents=True, exist_ok=True)
    figure.draw_without_rendering()
    figure.set_layout_engine("none")  # laid out once, not anew for each format
    paths = []
    for suffix, metadata in NO_DATES.items():
        drawing = io.BytesIO()
        figure.savefig(drawing, format=suffix, metadata=dict(metadata))
        paths.append(folder / f"{stem}.{suffix}")
        write_whole(paths[-1], drawing.getvalue())
    return tuple(paths)


def remove_drawn(folder: Path) -> None:
    """Remove the figures that were written here: those that are there in all formats, with a caption; others stay."""
    for text in folder.glob("*.txt"):
        files = [text.with_suffix(f".{suffix}") for suffix in ("svg", "png", "pdf", "txt")]
        if all(path.is_file() for path in files):
            for path in files:
                path.unlink(missing_ok=True)


def draw_bars(axes: Axes, chart: Chart, slot_mm: float) -> None:
    """Draw bars, points, error bars, names and brackets on given axes.

    Parameters
    ----------
    axes : Axes
    chart : Chart
    slot_mm : float
        Width that each group has on the axis.
    """
    values = chart.values
    if not any(values):
        raise ValueError("there is no value to draw")
    summaries = [_mean_and_sd(one) for one in values]
    for place, (own, (mean, sd), colour) in enumerate(zip(values, summaries, chart.colours, strict=True)):
        if own:
            _draw_group(axes, place, len(own), mean, sd, colour)
    axes.spines[["top", "right"]].set_visible(False)
    axes.set_ylabel(chart.ylabel)
    axes.set_xlim(-0.6, len(values) - 0.4)
    axes.tick_params(axis="x", length=0)
    _name_groups(axes, chart, slot_mm)
    _draw_brackets(axes, chart, values, summaries)
    # Last, when it is known how high a point is in the units of the axis.
    low, high = axes.get_ylim()
    for place, (own, colour) in enumerate(zip(values, chart.colours, strict=True)):
        if own:
            _draw_points(axes, place, own, POINT_HEIGHT * (high - low), colour)
    axes.set_ylim(low, high)


def caption(chart: Chart) -> str:
    """The caption in words: what bars, points and stars are, n, the test.

    Examples
    --------
    >>> caption(Chart({"a": [1.0, 2.0], "b": [4.0, 6.0]}, "Stained area (%)"))
    'Stained area (%). Points: samples; bars: mean ± SD; n = 2 samples per group.'
    """
    counts = {name: len(own) for name, own in zip(chart.names, chart.values, strict=True)}
    sizes = set(counts.values())
    if len(sizes) == 1:
        said = f"n = {sizes.pop()} {chart.unit}s per group"
    else:
        said = "n = " + ", ".join(f"{count} ({name})" for name, count in counts.items()) + f" {chart.unit}s"
    label = chart.ylabel.rstrip(".")
    parts = [f"{label}. Points: {chart.unit}s; bars: mean ± SD; {said}."]
    tests = _tests_in_words(chart.tests)
    brackets = chart.brackets
    if tests:
        scale = ", on log2 of the values" if any("log2" in str(row.get("note") or "") for row in chart.tests) else ""
        parts.append(f"{tests}{scale}.")
    if brackets.drawn:
        parts.append(f"{_stars_in_words(brackets.drawn)}.")
    elif tests and any(row.get("stars") for row in chart.tests):
        parts.append("No pair of groups differs significantly (p ≥ 0.05).")
    if brackets.choice:
        parts.append(f"{brackets.choice[:1].upper()}{brackets.choice[1:]}; tests.csv has all.")
    return " ".join(parts)


def _stars_in_words(drawn: Sequence[Bracket]) -> str:
    meanings = {1: "* p < 0.05", 2: "** p < 0.01", 3: "*** p < 0.001", 4: "**** p < 0.0001"}
    lengths = sorted({len(bracket.stars) for bracket in drawn})
    return ", ".join(meanings[length] for length in lengths if length in meanings)


def _tests_in_words(tests: Sequence[Row]) -> str:
    """The omnibus test with its p, and the comparisons' name."""
    p_of = {str(row["test"]): p_in_words(row.get("p")) for row in tests if is_of_all_groups(row) and row.get("test")}
    text = "; ".join(f"{name} ({p_of[name]})" if name in p_of else name for name in test_names(tests))
    return text[:1].upper() + text[1:]


def p_in_words(p: Any) -> str:
    """A probability as papers print it.

    Examples
    --------
    >>> p_in_words(0.0312), p_in_words("1e-7"), p_in_words("")
    ('p = 0.031', 'p < 0.0001', 'p not computed')
    """
    try:
        number = float(p)
    except (TypeError, ValueError):
        return "p not computed"
    if math.isnan(number):
        return "p not computed"
    return "p < 0.0001" if number < 1e-4 else f"p = {number:.2g}"


def _mean_and_sd(values: Sequence[float]) -> tuple[float, float]:
    """Mean, and the standard deviation of the sample; 0 of fewer than two values."""
    if not values:
        return 0.0, 0.0
    return float(np.mean(values)), float(np.std(values, ddof=1)) if len(values) > 1 else 0.0


def _draw_group(axes: Axes, place: int, count: int, mean: float, sd: float, colour: str) -> None:
    axes.bar(place, mean, _BAR_WIDTH, color=_paler(colour), edgecolor=colour, linewidth=0.8, zorder=1)
    if count > 1:
        axes.errorbar(place, mean, sd, color="black", linewidth=0.8, capsize=3, capthick=0.8, zorder=4)


def _draw_points(axes: Axes, place: int, values: Sequence[float], near: float, colour: str) -> None:
    size = 13.0 if len(values) <= 30 else 6.0
    axes.scatter(
        place + spread(values, near),
        values,
        s=size,
        facecolor=colour,
        edgecolor="white",
        linewidth=0.4,
        zorder=3,
        clip_on=False,
    )


def spread(values: Sequence[float], near: float = 0.0) -> Any:
    """How far to the side each point is drawn, in bars: equal values side by side, the same in every run.

    Few points stand side by side, in their order. Many are taken from the lowest up and laid in the free place nearest
    the middle.

    Parameters
    ----------
    values : sequence of float
    near : float
        Points whose values differ by less hide one another in one place.
    """
    own = np.asarray(values, dtype=float)
    offsets = np.zeros(len(own))
    if len(own) < 2:
        return offsets
    if len(own) <= 5:
        return 0.12 * (np.arange(len(own)) - (len(own) - 1) / 2)
    if len(own) > MOST_SWARMED:
        # One after the other by the golden ratio: neighbours in value are never neighbours in place.
        places = (np.argsort(np.argsort(own, kind="stable"), kind="stable") * 0.6180339887498949) % 1.0
        return 0.5 * (places - 0.5)
    near = near or 0.045 * (float(np.ptp(own)) or 1.0)
    sides = sorted((0.11 * k for k in range(-2, 3)), key=abs) if len(own) <= 30 else np.linspace(-0.25, 0.25, 11)
    taken: list[tuple[float, float]] = []
    for index in np.argsort(own, kind="stable"):
        close = [side for value, side in taken if own[index] - value < near]
        crowds = [(sum(abs(side - other) < 0.05 for other in close), abs(side), side) for side in sides]
        offsets[index] = min(crowds)[2]
        taken = [(value, side) for value, side in taken if own[index] - value < near]
        taken.append((float(own[index]), float(offsets[index])))
    return offsets


def _paler(colour: str) -> tuple[float, float, float]:
    """A colour mixed with white: no transparency, which some journals' printers refuse."""
    from matplotlib.colors import to_rgb

    red, green, blue = (0.25 * part + 0.75 for part in to_rgb(colour))
    return red, green, blue


def _name_groups(axes: Axes, chart: Chart, slot_mm: float) -> None:
    """Names under the bars, wrapped where that fits, else turned; n below or behind each."""
    fits = max(4, int(slot_mm / 1.35))  # a letter of 7.5 pt is about 1.35 mm wide
    wrapped = [textwrap.wrap(_breakable(name), fits, break_long_words=False) or [""] for name in chart.names]
    is_narrow = any(len(line) > fits + 1 for lines in wrapped for line in lines) or max(map(len, wrapped)) > 3
    counts = [len(own) for own in chart.values]
    axes.set_xticks(range(len(wrapped)))
    if is_narrow:
        texts = [f"{_two_lines(name, slot_mm)} ({count})" for name, count in zip(chart.names, counts, strict=True)]
        axes.set_xticklabels(texts, rotation=40, ha="right", rotation_mode="anchor")
        return
    lines_in_all = max(map(len, wrapped))
    padded = [lines + [""] * (lines_in_all - len(lines)) for lines in wrapped]
    joined = ["\n".join(_rejoined(line) for line in lines) for lines in padded]
    axes.set_xticklabels([f"{text}\nn = {count}" for text, count in zip(joined, counts, strict=True)])


def _two_lines(name: str, slot_mm: float) -> str:
    """A long name in two lines where turned names leave room for that; what is too long loses its middle."""
    lines = 2 if slot_mm > 11 else 1
    longest = 22 * lines
    if len(name) > longest:
        name = f"{name[: longest // 2 - 1].rstrip()}…{name[len(name) - longest // 2 :].lstrip()}"
    return "\n".join(textwrap.wrap(name, longest // lines + 4))


_BREAK = "\u200b "
"""Where a name may be broken though it has no space there; the blank is taken out again."""


def _breakable(name: str) -> str:
    for sign in "+_/-":
        name = name.replace(sign, f"{sign}{_BREAK}")
    return name


def _rejoined(line: str) -> str:
    return line.replace(_BREAK, "").replace("\u200b", "")


def _draw_brackets(
    axes: Axes, chart: Chart, values: Sequence[Sequence[float]], summaries: Sequence[tuple[float, float]]
) -> None:
    lows = [min(own, default=0.0) for own in values]
    tops = [max((mean + sd, 0.0, *own)) for own, (mean, sd) in zip(values, summaries, strict=True)]
    bottoms = [min(low, mean - sd, 0.0) for low, (mean, sd) in zip(lows, summaries, strict=True)]
    bottom, top = min(bottoms), max(tops)
    if bottom >= -1e-9 * abs(top) or min(lows) >= 0:
        bottom = 0.0  # a bar stands on zero; an error bar that dips below it is cut there
    height_pt = axes.get_position().height * axes.figure.get_figheight() * 72  # type: ignore[union-attr]
    drawn = chart.brackets.drawn
    span = (top - bottom) or 1.0
    heights: tuple[float, ...] = ()
    # Room for brackets makes the axis longer, and so each bracket taller in its units: a few turns settle it.
    for _ in range(8):
        per_pt = span / height_pt
        heights = place_brackets(drawn, tops, _BRACKET_GAP_PT * per_pt, (_STAR_ROOM_PT + _BRACKET_GAP_PT) * per_pt)
        span = max((height + _STAR_ROOM_PT * per_pt for height in heights), default=top * 1.05) - bottom or 1.0
        span = max(span, (top - bottom) * 1.05)
    if span > 1e4:
        axes.yaxis.set_major_formatter("{x:,.0f}")
    axes.set_ylim(bottom - (0.05 * span if bottom < 0 else 0), bottom + span)
    if bottom < 0:
        axes.axhline(0, color="black", linewidth=0.7, zorder=2)
    tick = 2.0 * span / height_pt
    for bracket, height in zip(drawn, heights, strict=True):
        left, right = bracket.left + 0.06, bracket.right - 0.06
        axes.plot(
            (left, left, right, right), (height - tick, height, height, height - tick), color="black", linewidth=0.7
        )
        axes.annotate(
            bracket.stars, ((left + right) / 2, height), (0, -1.5), textcoords="offset points", ha="center",
            va="bottom", fontsize=8,
        )  # fmt: skip
