"""The report's two small drawings as SVG text: the threshold of each image, and the histogram with the cut."""

from __future__ import annotations

import html
import math
from collections.abc import Sequence

import numpy as np

from exoimage.assays.cut_histogram import CutHistogram

WIDTH, HEIGHT = 520, 210
LEFT, RIGHT, TOP, BOTTOM = 58, 10, 16, 40

MOST_POINTS = 400
"""More points than pixels are not seen; beyond it each drawn line spans the lowest to the highest of some images."""


def threshold_chart(names: Sequence[str], values: Sequence[float], label: str) -> str:
    """The threshold of each image, in the table's order, as SVG.

    Parameters
    ----------
    names : sequence of str
        Of the images.
    values : sequence of float
    label : str
        What the threshold is of, with its unit.
    """
    low, high = min(values), max(values)
    pad = 0.08 * (high - low) or 0.08 * abs(high) or 1.0
    low, high = low - pad, high + pad

    def y_of(value: float) -> float:
        return TOP + (high - value) / (high - low) * (HEIGHT - TOP - BOTTOM)

    def x_of(index: float) -> float:
        return LEFT + (index + 0.5) / len(values) * (WIDTH - LEFT - RIGHT)

    if len(values) <= MOST_POINTS:
        marks = [
            f'<circle cx="{x_of(i):.1f}" cy="{y_of(v):.1f}" r="3"><title>{html.escape(n)}: {v:.4g}</title></circle>'
            for i, (n, v) in enumerate(zip(names, values, strict=True))
        ]
    else:
        parts = np.array_split(np.asarray(values, dtype=float), MOST_POINTS)
        starts = np.cumsum([0, *map(len, parts)])
        marks = [
            f'<path class="span" d="M{x_of(start + len(part) / 2):.1f} {y_of(part.max()) - 1:.1f}'
            f'V{y_of(part.min()) + 1:.1f}"/>'
            for start, part in zip(starts, parts, strict=False)
        ]
    ticks = "".join(_y_tick(y_of(value), f"{value:.3g}") for value in _round_ticks(low, high))
    return _svg(
        f"Threshold of each of {len(values)} images, from {min(values):.4g} to {max(values):.4g}",
        f'{ticks}<g class="marks">{"".join(marks)}</g>'
        + _x_text(f"image, in the table's order (1 to {len(values)})")
        + _y_text(label),
    )


def histogram_chart(shown: CutHistogram) -> str:
    """The histogram with its cut as SVG; counts on a logarithmic scale, since the stained part is often small."""
    counts, edges = np.asarray(shown.counts, dtype=float), shown.edges
    heights = np.log10(1.0 + counts)
    most = float(heights.max()) or 1.0
    low, high = float(edges[0]), float(edges[-1])

    def x_of(value: float) -> float:
        return LEFT + (value - low) / (high - low) * (WIDTH - LEFT - RIGHT)

    def y_of(height: float) -> float:
        return TOP + (1 - height / most) * (HEIGHT - TOP - BOTTOM)

    steps = "".join(
        f"L{x_of(a):.1f} {y_of(h):.1f}H{x_of(b):.1f}" for a, b, h in zip(edges, edges[1:], heights, strict=False)
    )
    area = f'<path class="area" d="M{LEFT} {HEIGHT - BOTTOM}{steps}V{HEIGHT - BOTTOM}Z"/>'
    ticks = "".join(_y_tick(y_of(math.log10(1 + 10**k)), _short(10**k)) for k in range(int(most) + 1))
    x_ticks = "".join(
        f'<text class="tick" x="{x_of(v):.1f}" y="{HEIGHT - BOTTOM + 15}" text-anchor="middle">{v:.3g}</text>'
        for v in _round_ticks(low, high)
    )
    cut = ""
    if math.isfinite(shown.cut):
        x = x_of(shown.cut)
        anchor, shift = ("start", 5) if x < WIDTH * 0.7 else ("end", -5)
        cut = (
            f'<path class="cut" d="M{x:.1f} {TOP}V{HEIGHT - BOTTOM}"/>'
            f'<text class="cut-text" x="{x + shift:.1f}" y="{TOP + 10}" text-anchor="{anchor}">'
            f"cut {shown.cut:.4g}</text>"
        )
    said = f"Histogram of {shown.quantity} in {int(counts.sum())} {shown.of}, cut at {shown.cut:.4g}"
    return _svg(said, ticks + x_ticks + area + cut + _x_text(shown.quantity) + _y_text(f"{shown.of} (log)"))


def _short(number: int) -> str:
    """A power of ten in few signs.

    Examples
    --------
    >>> [_short(10**k) for k in (0, 3, 5, 6)]
    ['1', '1k', '100k', '1M']
    """
    for size, sign in ((10**9, "G"), (10**6, "M"), (10**3, "k")):
        if number >= size:
            return f"{number // size}{sign}"
    return str(number)


def _svg(said: str, inner: str) -> str:
    base = f'<path class="axis" d="M{LEFT} {TOP}V{HEIGHT - BOTTOM}H{WIDTH - RIGHT}"/>'
    return (
        f'<svg class="chart" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{html.escape(said)}">'
        f"{base}{inner}</svg>"
    )


def _y_tick(y: float, text: str) -> str:
    return (
        f'<path class="grid" d="M{LEFT} {y:.1f}H{WIDTH - RIGHT}"/>'
        f'<text class="tick" x="{LEFT - 5}" y="{y + 4:.1f}" text-anchor="end">{html.escape(text)}</text>'
    )


def _x_text(text: str) -> str:
    middle = (LEFT + WIDTH - RIGHT) / 2
    return f'<text x="{middle}" y="{HEIGHT - 6}" text-anchor="middle">{html.escape(text)}</text>'


def _y_text(text: str) -> str:
    middle = (TOP + HEIGHT - BOTTOM) / 2
    return f'<text transform="translate(12 {middle}) rotate(-90)" text-anchor="middle">{html.escape(text)}</text>'


def _round_ticks(low: float, high: float) -> list[float]:
    """About four round values within a range."""
    step = 10.0 ** math.floor(math.log10((high - low) / 3))
    step *= next(factor for factor in (5, 2, 1) if factor * step <= (high - low) / 3)
    first = math.ceil(low / step)
    return [0.0 if k == 0 else k * step for k in range(first, math.floor(high / step) + 1)]
