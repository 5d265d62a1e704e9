"""Bands of a blot: found along the lanes, joined into rows across them, each with its edges."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from exoimage.errors import MeasureError
from exoimage.methods.blot_backgrounds import CALMED_PX, calmed, rubber_band
from exoimage.methods.blot_lanes import BlotLanes
from exoimage.methods.blot_signal import Floats, answers, noise_of, white_noise, without_specks
from exoimage.methods.gels import Lane

Doubles = npt.NDArray[np.float64]
Whole = npt.NDArray[np.int64]

CORE = 0.7
"""Share of a lane's width, in its middle, whose mean is its profile: bands bend at their ends."""

NOISE_CUT, LEAST_SHARE = 6.0, 0.005
"""A band answers a band filter more than this many times the profile's noise, and more than this share of what the
blot's strongest band does: below it, ripples of the strong ones' haze are found."""

CLEARLY = 0.1
"""Answers above this share of the strongest are of a band; noise is measured away from them."""

CALMED_GAIN = 1.5
"""How much more noise a profile's answers have than independent pixels give them, once specks are taken out: neighbours
then share their noise."""

SAME_ROW = 2.5
"""Bands of neighbouring lanes are of one row if they are nearer than this many sigmas to where it was to be expected:
one band's height."""

FARTHEST_NEIGHBOUR = 4
"""A row goes on over up to three lanes without a band."""

EDGE_SHARE, EDGE_NOISE = 0.02, 1.5
"""A band ends where its profile above the rubber band falls to this share of its peak or this many times the noise."""

REACH = 4.5
"""It ends so many sigmas from its peak at the latest."""

VALLEY = 0.05
"""A profile that rises again by this share of the peak belongs to another band."""

CLEAR = 20.0
"""A band's own edges are taken if its peak is this many times the noise; below, those usual in its row."""

NEXT_SHARE = 0.1
"""A row goes on beyond the last lane found if the band there is at least this strong relative to the last one: what
shines beyond a lane's edge is less."""

LADDER_BANDS = 3
"""A lane at the end that shares no row with others is one if it holds this many bands, as a ladder does."""


@dataclass(frozen=True, eq=False)
class BandGrid:
    """Rows of bands across lanes: a place for every row in every lane.

    Parameters
    ----------
    lanes : BlotLanes
        Without stray ones at the ends.
    y_px : (row, lane) float64 array
        Middle of the band, or where it would be; of the upright picture, the centre of its first pixel is 0.5.
    top, bottom : (row, lane) int64 array
        First row of the band's box, and the row after its last.
    found : (row, lane) bool array
        Whether a band stands out there.
    bend_px : (lane,) float64 array
        How much lower than the middle the row with most bands runs in each lane: tilt and smile.
    """

    lanes: BlotLanes
    y_px: Doubles
    top: Whole
    bottom: Whole
    found: npt.NDArray[np.bool_]
    bend_px: Doubles

    @property
    def rows(self) -> int:
        """Number of rows."""
        return int(self.found.shape[0])

    def boxes(self, row: int) -> npt.NDArray[np.int64]:
        """The row's boxes, (lane, 4): first row, row after the last, first column, column after the last."""
        left = np.array([lane.x for lane in self.lanes.lanes], np.int64)
        width = np.array([lane.width for lane in self.lanes.lanes], np.int64)
        return np.stack([self.top[row], self.bottom[row], left, left + width], axis=1)

    def spans(self) -> npt.NDArray[np.int64]:
        """First row and row after the last of every lane, (lane, 2)."""
        return np.array([(lane.y, lane.y + lane.height) for lane in self.lanes.lanes], np.int64).reshape(-1, 2)


@dataclass(frozen=True)
class _Peaks:
    lane: Whole
    y: Doubles
    strength: Doubles


def core_profile(signal: Floats, lane: Lane) -> Doubles:
    """Mean of the middle 70 % of a lane, row by row."""
    margin = int((1 - CORE) / 2 * lane.width)
    rows = signal[lane.y : lane.y + lane.height, lane.x + margin : lane.x + lane.width - margin]
    return np.asarray(rows.mean(axis=1, dtype=np.float64))


def find_bands(
    signal: Floats, lanes: BlotLanes, sigma_px: float, keep_all: bool = False, alone: Sequence[int] = ()
) -> BandGrid:
    """Find the bands of every lane and join them into rows, which may smile.

    Parameters
    ----------
    signal : (y, x) float32 array
        More where a band is, with lanes upright.
    lanes : BlotLanes
    sigma_px : float
        Of a band along the run.
    keep_all : bool
        Whether all lanes are known to be some.
    alone : sequence of int
        Numbers, from 0, of lanes whose bands are of no row: a ladder's.

    Returns
    -------
    BandGrid
        Rows from the top down; a lane without a band in a row has its place in it all the same, where the row's course
        leads. Lanes at the ends whose bands share no row with any other lane's are left out: smudges.

    Examples
    --------
    >>> from exoimage.methods import blot_lanes, synth
    >>> blot = synth.blot_picture(synth.Blot(lanes=5, smile_px=6), (220, 260), seed=1)
    >>> signal = blot.pixels.astype(np.float32)
    >>> find_bands(signal, blot_lanes.find_lanes(signal, 4.0), 4.0).found.astype(int).tolist()
    [[1, 1, 1, 1, 1], [1, 1, 1, 1, 1]]
    """
    peaks = _all_peaks(signal, lanes.lanes, sigma_px)
    courses = _rows(peaks, len(lanes.lanes), sigma_px, alone)
    first, last = (0, len(lanes.lanes)) if keep_all else _kept_lanes(courses, peaks, len(lanes.lanes))
    kept = replace(lanes, lanes=lanes.lanes[first:last], cut=lanes.cut[first:last])
    courses = [course[first:last] for course in courses if not np.isnan(course[first:last]).all()]
    return _grid(courses, kept, [core_profile(signal, lane) for lane in kept.lanes], sigma_px)


def with_next_lanes(signal: Floats, grid: BandGrid, sigma_px: float) -> BlotLanes:
    """The lanes, and one more at either end if the fullest row of bands goes on: a faint lane by a strong one.

    Parameters
    ----------
    signal : (y, x) float32 array
        With lanes upright.
    grid : BandGrid
    sigma_px : float

    Returns
    -------
    BlotLanes
        The same where no row of three bands or more goes on.
    """
    lanes = grid.lanes.lanes
    if len(lanes) < 3 or grid.rows == 0:
        return grid.lanes
    row = int(grid.found.sum(axis=1).argmax())
    before = _next_lanes(signal, lanes, grid.y_px[row], grid.found[row], sigma_px, -1)
    after = _next_lanes(signal, lanes, grid.y_px[row], grid.found[row], sigma_px, 1)
    cut = (*(False for _ in before), *grid.lanes.cut, *(False for _ in after))
    return replace(grid.lanes, lanes=(*before, *lanes, *after), cut=cut)


def _next_lanes(
    signal: Floats, lanes: Sequence[Lane], y: Doubles, found: npt.NDArray[np.bool_], sigma_px: float, side: int
) -> tuple[Lane, ...]:
    """The lane beyond the first (-1) or the last one (1), if the row has a band in it."""
    end, beside = (0, 1) if side < 0 else (len(lanes) - 1, len(lanes) - 2)
    middles = np.array([lane.x + lane.width / 2 for lane in lanes])
    width = int(np.median([lane.width for lane in lanes]))
    left = round(float(middles[end] + side * np.median(np.diff(middles)) - width / 2))
    if not (found[end] and found[beside]) or left < 0 or left + width > signal.shape[1]:
        return ()
    beyond = Lane(left, lanes[end].y, width, lanes[end].height)
    peaks = _all_peaks(signal, (lanes[end], beyond), sigma_px)
    own = (peaks.lane == 1) & (np.abs(peaks.y - (2 * y[end] - y[beside])) <= SAME_ROW * sigma_px)
    neighbour = peaks.strength[(peaks.lane == 0) & (np.abs(peaks.y - y[end]) <= SAME_ROW * sigma_px)]
    is_band = own.any() and peaks.strength[own].max() > NEXT_SHARE * neighbour.max(initial=0.0)
    return (beyond,) if is_band else ()


def given_bands(boxes: Sequence[Lane], lanes: BlotLanes) -> BandGrid:
    """One row of bands from rectangles: one in every lane.

    Parameters
    ----------
    boxes : sequence of Lane
        Rectangles, of the upright picture.
    lanes : BlotLanes

    Raises
    ------
    MeasureError
        If a lane holds the middle of none of them, or of several.

    Examples
    --------
    >>> lanes = BlotLanes((Lane(0, 0, 10, 50), Lane(12, 0, 10, 50)))
    >>> given_bands([Lane(13, 20, 8, 5), Lane(1, 22, 8, 5)], lanes).top.tolist()
    [[22, 20]]
    """
    middles = np.array([box.x + box.width / 2 for box in boxes])
    chosen = []
    for number, lane in enumerate(lanes.lanes, start=1):
        own = np.flatnonzero((middles >= lane.x) & (middles < lane.x + lane.width))
        if len(own) != 1:
            raise MeasureError(
                f"lane {number} (x = {lane.x} to {lane.x + lane.width}) holds the middle of {len(own)} of the"
                f" {len(boxes)} band rectangles; give one for every lane"
            )
        chosen.append(boxes[int(own[0])])
    top = np.array([[box.y for box in chosen]], np.int64)
    bottom = np.array([[box.y + box.height for box in chosen]], np.int64)
    kept = replace(lanes, lanes=tuple(replace(own, x=box.x, width=box.width) for own, box in
                                      zip(lanes.lanes, chosen, strict=True)))  # fmt: skip
    there = np.ones(top.shape, np.bool_)
    return BandGrid(kept, (top + bottom) / 2, top, bottom, there, np.zeros(len(chosen)))


def whole_lanes(lanes: BlotLanes) -> BandGrid:
    """One row that takes the whole of every lane: total protein.

    Parameters
    ----------
    lanes : BlotLanes
    """
    top = np.array([[lane.y for lane in lanes.lanes]], np.int64)
    bottom = np.array([[lane.y + lane.height for lane in lanes.lanes]], np.int64)
    there = np.ones(top.shape, np.bool_)
    return BandGrid(lanes, (top + bottom) / 2, top, bottom, there, np.zeros(len(lanes.lanes)))


def _all_peaks(signal: Floats, lanes: Sequence[Lane], sigma_px: float) -> _Peaks:
    calm = without_specks(signal)
    found = [answers(core_profile(calm, lane).astype(np.float32)[:, np.newaxis], sigma_px)[:, 0] for lane in lanes]
    strongest = max((float(one.max()) for one in found), default=0.0)
    places, strengths = [], []
    for lane, own in zip(lanes, found, strict=True):
        y = _maxima(own)
        noise = max(_noise_away_from(own, CLEARLY * strongest, sigma_px), _white_noise(signal, lane, sigma_px))
        y = y[own[y] > max(NOISE_CUT * noise, LEAST_SHARE * strongest)]
        places.append(_between_samples(own, y) + lane.y)
        strengths.append(own[y].astype(np.float64))
    number = np.repeat(np.arange(len(places)), [len(one) for one in places])
    return _Peaks(
        number.astype(np.int64), np.concatenate([*places, np.empty(0)]), np.concatenate([*strengths, np.empty(0)])
    )


def _maxima(found: Floats) -> Whole:
    inner = (found[1:-1] > found[:-2]) & (found[1:-1] >= found[2:]) & (found[1:-1] > 0)
    return np.flatnonzero(inner) + 1


def _between_samples(found: Floats, y: Whole) -> Doubles:
    """Summits of parabolas through the maxima and their neighbours; the middle of the first sample is 0.5."""
    before, here, after = (found[y + step].astype(np.float64) for step in (-1, 0, 1))
    shift = 0.5 * (before - after) / np.minimum(before - 2 * here + after, -1e-12)
    return np.asarray(y + np.clip(shift, -0.5, 0.5) + 0.5)


def _noise_away_from(found: Floats, clear: float, sigma_px: float) -> float:
    """Noise of a profile's answers where there is no clear band nearby; 0 where there is such a place nowhere."""
    reach = int(3 * sigma_px)
    near = np.zeros(len(found), np.bool_)
    for middle in np.flatnonzero(found > clear):
        near[max(middle - reach, 0) : middle + reach + 1] = True
    return noise_of(found[~near]) if np.count_nonzero(~near) > 2 * reach else 0.0


def _white_noise(signal: Floats, lane: Lane, sigma_px: float) -> float:
    """Noise of a profile's answers if that of its pixels is independent: from differences across the lane."""
    rows = signal[lane.y : lane.y + lane.height, lane.x : lane.x + lane.width]
    return CALMED_GAIN * white_noise(rows, sigma_px) / float(np.sqrt(CORE * rows.shape[1]))


def _rows(peaks: _Peaks, lanes: int, sigma_px: float, alone: Sequence[int]) -> list[Doubles]:
    """The course of every row, (lane,) with NaN where it has no band, from the strongest band on."""
    is_alone = np.isin(peaks.lane, np.array(alone, np.int64))
    free = ~is_alone
    courses: list[Doubles] = []
    for seed in np.argsort(-peaks.strength, kind="stable"):
        if not free[seed]:
            continue
        course = np.full(lanes, np.nan)
        course[peaks.lane[seed]] = peaks.y[seed]
        free[seed] = False
        bend = _bend(courses, lanes)
        for step in (1, -1):
            _follow(course, int(peaks.lane[seed]), step, peaks, free, bend, sigma_px)
        courses.append(course)
    for seed in np.flatnonzero(is_alone):
        courses.append(np.full(lanes, np.nan))
        courses[-1][peaks.lane[seed]] = peaks.y[seed]
    order = np.argsort([float(np.nanmedian(course - _bend(courses, lanes))) for course in courses])
    return [courses[number] for number in order]


def _follow(
    course: Doubles, start: int, step: int, peaks: _Peaks, free: npt.NDArray[np.bool_], bend: Doubles, sigma_px: float
) -> None:
    """Lead a row on, lane by lane to one side, to the bands nearest to where it is to be expected."""
    at = start
    lane = start + step
    while 0 <= lane < len(course) and abs(lane - at) <= FARTHEST_NEIGHBOUR:
        expected = _expected(course, at, lane, bend)
        own = np.flatnonzero(free & (peaks.lane == lane))
        if len(own):
            nearest = own[int(np.argmin(np.abs(peaks.y[own] - expected)))]
            if abs(peaks.y[nearest] - expected) <= SAME_ROW * sigma_px:
                course[lane], free[nearest], at = peaks.y[nearest], False, lane
        lane += step


def _expected(course: Doubles, at: int, lane: int, bend: Doubles) -> float:
    """Where a row goes on: as the other rows bend, or else straight on from its last two bands."""
    if bend.any():
        return float(course[at] + bend[lane] - bend[at])
    known = np.flatnonzero(~np.isnan(course))
    others = known[np.argsort(np.abs(known - at))][1:3]
    if len(others) == 0:
        return float(course[at])
    slope = float(np.mean((course[at] - course[others]) / (at - others)))
    return float(course[at] + slope * (lane - at))


def _bend(courses: Sequence[Doubles], lanes: int) -> Doubles:
    """How the row with most bands departs from its middle, lane by lane; beyond its ends as a parabola of it does."""
    if not courses:
        return np.zeros(lanes)
    fullest = courses[int(np.argmax([np.count_nonzero(~np.isnan(course)) for course in courses]))]
    known = np.flatnonzero(~np.isnan(fullest))
    if len(known) < 3:
        return np.zeros(lanes)
    number = np.arange(lanes)
    parabola = np.polyfit(known, fullest[known], 2 if len(known) > 4 else 1)
    rest = np.interp(number, known, fullest[known] - np.polyval(parabola, known))
    course = np.polyval(parabola, number) + rest
    return np.asarray(course - np.median(course[known]))


def _kept_lanes(courses: Sequence[Doubles], peaks: _Peaks, lanes: int) -> tuple[int, int]:
    """First lane, and that after the last: stray ones at the ends are left out."""
    shared = [~np.isnan(course) for course in courses if np.count_nonzero(~np.isnan(course)) > 1]
    if len(peaks.y) == 0:
        return 0, 0
    if not shared:
        return 0, lanes
    bands = np.bincount(peaks.lane, minlength=lanes)
    real = np.flatnonzero(np.any(shared, axis=0) | (bands >= LADDER_BANDS))
    return int(real[0]), int(real[-1]) + 1


def _grid(courses: Sequence[Doubles], lanes: BlotLanes, profiles: Sequence[Doubles], sigma_px: float) -> BandGrid:
    shape = (len(courses), len(lanes.lanes))
    if 0 in shape:
        none = np.zeros(shape, np.int64)
        return BandGrid(lanes, np.zeros(shape), none, none, np.zeros(shape, np.bool_), np.zeros(shape[1]))
    found = ~np.isnan(np.array(courses))
    bend = _bend(courses, shape[1])
    number = np.arange(shape[1])
    y = np.array(
        [np.interp(number, number[own], (course - bend)[own]) + bend
         for course, own in zip(courses, found, strict=True)]
    )  # fmt: skip
    y = np.where(found, np.array(courses), y)
    start = np.array([lane.y for lane in lanes.lanes])
    end = start + np.array([lane.height for lane in lanes.lanes])
    y = np.clip(y, start + 0.5, end - 0.5)
    up, down = _reaches(y - start, found, profiles, sigma_px)
    top = np.maximum(np.floor(y - up).astype(np.int64), start)
    bottom = np.minimum(np.ceil(y + down).astype(np.int64), end)
    top, bottom = _apart(y, found, top, bottom)
    return BandGrid(lanes, y, top, np.maximum(bottom, top + 1), found, bend)


def _reaches(
    y: Doubles, found: npt.NDArray[np.bool_], profiles: Sequence[Doubles], sigma_px: float
) -> tuple[Doubles, Doubles]:
    """How far each band reaches up and down: its own edges, but no less than is usual in its row."""
    up, down = np.full(y.shape, np.nan), np.full(y.shape, np.nan)
    for lane, profile in enumerate(profiles):
        calm = calmed(profile)
        above = calm - rubber_band(calm)
        noise = CALMED_PX * 2**0.5 * noise_of(np.diff(calm))  # of neighbours that share most of it
        for row in np.flatnonzero(found[:, lane]):
            middle = min(int(y[row, lane]), len(above) - 1)
            if above[middle] >= CLEAR * noise:
                up[row, lane], down[row, lane] = _own_edges(above, middle, noise, sigma_px)
    usual = 2.2 * sigma_px
    typical_up, typical_down = (_row_medians(one, usual) for one in (up, down))
    return np.fmax(up, typical_up), np.fmax(down, typical_down)


def _row_medians(reaches: Doubles, otherwise: float) -> Doubles:
    known = ~np.isnan(reaches)
    return np.array(
        [[np.median(row[own]) if own.any() else otherwise] for row, own in zip(reaches, known, strict=True)]
    )


def _own_edges(above: Doubles, middle: int, noise: float, sigma_px: float) -> tuple[float, float]:
    far = max(int(REACH * sigma_px), 2)
    low = max(EDGE_SHARE * above[middle], EDGE_NOISE * noise)
    rise = max(VALLEY * above[middle], 3 * noise)
    upward = above[max(middle - far, 0) : middle + 1][::-1]
    return float(_edge(upward, low, rise)), float(_edge(above[middle : middle + far + 1], low, rise))


def _edge(outward: Doubles, low: float, rise: float) -> int:
    """Where a band ends, in px from its middle: where it is low, or before it rises again."""
    ends = [len(outward)]
    below = np.flatnonzero(outward < low)
    rising = np.flatnonzero(outward > np.minimum.accumulate(outward) + rise)
    if len(below):
        ends.append(int(below[0]))
    if len(rising):
        ends.append(int(np.argmin(outward[: rising[0]])))
    return max(min(ends), 1)


def _apart(y: Doubles, found: npt.NDArray[np.bool_], top: Whole, bottom: Whole) -> tuple[Whole, Whole]:
    """Boxes that end half-way to the next band of their lane."""
    top, bottom = top.copy(), bottom.copy()
    for lane in range(y.shape[1]):
        rows = np.flatnonzero(found[:, lane])
        for row in range(y.shape[0]):
            above = y[rows, lane][y[rows, lane] < y[row, lane] - 0.5]
            below = y[rows, lane][y[rows, lane] > y[row, lane] + 0.5]
            if len(above):
                top[row, lane] = max(top[row, lane], int((above.max() + y[row, lane]) / 2))
            if len(below):
                bottom[row, lane] = min(bottom[row, lane], int(np.ceil((below.min() + y[row, lane]) / 2)))
    return top, bottom
