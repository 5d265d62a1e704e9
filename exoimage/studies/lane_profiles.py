"""Plots of a blot's lane profiles: signal, baseline, and the bands shaded."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from exoimage.methods.blot_traces import LaneTrace

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

PLOTS_PER_ROW = 4
TARGET, OTHER, LINE, BASELINE = "#e69f00", "#56b4e9", "#222222", "#d55e00"
"""Of Okabe and Ito's palette, which the colour-blind can tell apart."""


def draw_lane_profiles(traces: Sequence[LaneTrace], title: str = "") -> Figure:
    """Draw every lane's profile in a plot of its own, all on one scale.

    Parameters
    ----------
    traces : sequence of LaneTrace
        As `Result.traces` holds them.
    title : str

    Returns
    -------
    matplotlib.figure.Figure
        With no state of pyplot; save it with `savefig`.

    Examples
    --------
    >>> trace = LaneTrace("1", np.arange(5.0), np.array([1, 2, 9, 2, 1.0]), np.ones(5), np.array([[1, 4]]),
    ...                   np.array([True]))
    >>> len(draw_lane_profiles([trace]).axes)
    1
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    columns = max(1, min(PLOTS_PER_ROW, len(traces)))
    rows = max(1, -(-len(traces) // columns))
    figure = Figure(figsize=(3.0 * columns, 1.9 * rows + 0.4), layout="constrained")
    FigureCanvasAgg(figure)
    grid = figure.subplots(rows, columns, sharex=True, sharey=True, squeeze=False).ravel()
    for axes, trace in zip(grid, traces, strict=False):
        _draw(axes, trace)
    for axes in grid[len(traces) :]:
        figure.delaxes(axes)
    figure.supxlabel("Place along the run (px)", fontsize=8)
    figure.supylabel("Mean signal (grey values)", fontsize=8)
    figure.suptitle(title, fontsize=9)
    return figure


def _draw(axes: Axes, trace: LaneTrace) -> None:
    for (start, end), is_target in zip(trace.bands, trace.is_target, strict=True):
        under = slice(int(start), int(end))
        low = np.nan_to_num(trace.baseline[under])
        axes.fill_between(trace.y_px[under], low, trace.signal[under], color=TARGET if is_target else OTHER, alpha=0.7)
    axes.plot(trace.y_px, trace.signal, color=LINE, linewidth=0.8)
    axes.plot(trace.y_px, trace.baseline, color=BASELINE, linewidth=0.9)
    axes.set_title(f"lane {trace.name}", fontsize=8, pad=2)
    axes.tick_params(labelsize=7)
    axes.spines[["top", "right"]].set_visible(False)
