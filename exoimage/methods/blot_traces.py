"""A lane's profile as it is looked at: signal along the run, the baseline under its bands, where the bands are."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from exoimage.methods.blot_backgrounds import Background, Boxes, Doubles, Grounds, background_sums, calmed, rubber_band
from exoimage.methods.gels import Lane


@dataclass(frozen=True, eq=False)
class LaneTrace:
    """One lane's profile.

    Parameters
    ----------
    name : str
        Of the lane.
    y_px : (n,) float64 array
        Places along the run.
    signal : (n,) float64 array
        Mean signal of the lane's width.
    baseline : (n,) float64 array
        Background there; NaN where the method knows none but under bands.
    bands : (band, 2) int64 array
        First sample of each band, and that after its last.
    is_target : (band,) bool array
        Whether the band is the target's.
    """

    name: str
    y_px: Doubles
    signal: Doubles
    baseline: Doubles
    bands: npt.NDArray[np.int64]
    is_target: npt.NDArray[np.bool_]


def lane_trace(
    grounds: Grounds, lane: Lane, boxes: Boxes, is_target: npt.NDArray[np.bool_], method: Background, name: str
) -> LaneTrace:
    """The trace of a lane.

    Parameters
    ----------
    grounds : Grounds
    lane : Lane
    boxes : (band, 4) int array
        First row, row after the last, first column, column after the last of the lane's bands.
    is_target : (band,) bool array
    method : str
        Background, as in `blot_backgrounds.background_sums`.
    name : str

    Examples
    --------
    >>> from exoimage.methods.blot_backgrounds import prepare
    >>> signal = np.full((30, 10), 4, np.float32)
    >>> signal[14:16] = 54
    >>> one = lane_trace(prepare(signal, 9), Lane(0, 0, 10, 30), np.array([[10, 20, 0, 10]]), np.array([True]),
    ...                  "straight-line", "1")
    >>> one.signal[14], one.baseline[14], bool(np.isnan(one.baseline[2]))
    (54.0, 4.0, True)
    """
    rows, columns = slice(lane.y, lane.y + lane.height), slice(lane.x, lane.x + lane.width)
    signal = np.asarray(grounds.signal[rows, columns].mean(axis=1, dtype=np.float64))
    bands = np.asarray(boxes, np.int64).reshape(-1, 4)[:, :2] - lane.y
    return LaneTrace(
        name,
        np.arange(lane.height, dtype=np.float64) + lane.y + 0.5,
        signal,
        _baseline(grounds, lane, boxes, method, signal),
        bands,
        np.asarray(is_target, np.bool_),
    )


def _baseline(grounds: Grounds, lane: Lane, boxes: Boxes, method: Background, signal: Doubles) -> Doubles:
    if method == "none":
        return np.zeros(len(signal))
    if method == "rubber-band":
        return rubber_band(calmed(signal))
    if method == "rolling-ball":
        part = grounds.ball[lane.y : lane.y + lane.height, lane.x : lane.x + lane.width]
        return np.asarray(part.mean(axis=1, dtype=np.float64))
    baseline = np.full(len(signal), np.nan)
    for box in boxes:
        under = slice(int(box[0]) - lane.y, int(box[1]) - lane.y)
        ends = signal[under][[0, -1]] if method == "straight-line" else _level(grounds, box, lane)
        baseline[under] = np.linspace(ends[0], ends[1], int(box[1] - box[0]))
    return baseline


def _level(grounds: Grounds, box: Boxes, lane: Lane) -> Doubles:
    """Local background per pixel, the same at both ends."""
    span = np.array([[lane.y, lane.y + lane.height]])
    area = float((box[1] - box[0]) * (box[3] - box[2]))
    return np.full(2, float(background_sums(grounds, box[np.newaxis], span, "local")[0]) / area)
