"""Lanes of a blot: found by themselves on a straight, tilted, smiling or partly shown blot, or given as boxes."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from exoimage.errors import MeasureError
from exoimage.flags import Flag
from exoimage.methods import _kernels_blots as kernels
from exoimage.methods.blot_signal import Floats, answers, noise_of, white_noise, without_specks
from exoimage.methods.gels import Lane

Doubles = npt.NDArray[np.float64]

NOISE_CUT, LEAST_SHARE = 5.0, 0.02
"""A place belongs to a band, when lanes are looked for, if it answers more than this many times the noise, and more
than this share of the strongest ones: bands fainter by more are found later, along the lanes."""

STEEPEST, SLOPES = 0.09, 37
"""Lanes lean up to five degrees; that many slopes are tried."""

LIKELY_SLOPES = 3
"""So many of them, where columns differ most, are looked at closely: strong bands of two lanes that come to lie over
each other under a wrong slope make columns differ, too."""

STRAIGHT_UNLESS, PER_SLOPE = 1.02, 0.65
"""A lean is believed if lanes stand out more under it by this factor, and by 0.65 per cent more for every per cent of
slope: one row of bands tells nothing of it, and two let it be mistaken by a lane."""

MANY_LANES = 0.4
"""Power of the number of lanes that a score is divided by where slopes are compared: a wrong slope by which lanes come
to lie beside each other's makes one lane more, and one that merges neighbours makes few clear ones."""

MOST_COLUMNS = 480
"""Columns that the search for lanes looks at, about."""

NARROWEST, PITCH_STEP = 7.0, 1.06
"""Least pitch in columns looked at; factor between pitches tried."""

LANE_RULES = (0.6, 1.5, 0.35, 0.05, 3.0)
"""Least and largest width of a lane per pitch; the least of one that the picture's edge cuts; what an empty lane
costs, on a scale where a clear lane is worth 1; and what a width one pitch off would cost."""

FAINT = 0.05
"""Evidence, as a share of that of a good lane, at which a lane is worth half: a lane of bands 400 times fainter."""

EDGE_SHARE = 0.3
"""A band ends across the lane where the evidence, a root of the signal, falls to this share: at a tenth of it."""

UNCERTAIN = 0.3
"""Mean worth of the lanes that hold bands, 0 … 1, below which they are to be looked at."""


@dataclass(frozen=True)
class BlotLanes:
    """The lanes of a blot.

    Parameters
    ----------
    lanes : tuple of Lane
        From left to right, in the picture made upright by `upright`.
    slope : float
        How many px a lane leans to the right per px down.
    cut : tuple of bool
        Whether the picture's edge cuts the lane.
    flags : tuple of Flag
        `Flag.LANES_UNCERTAIN` where they hardly stand out, or are not as wide as each other.
    """

    lanes: tuple[Lane, ...]
    slope: float = 0.0
    cut: tuple[bool, ...] = ()
    flags: tuple[Flag, ...] = ()


def find_lanes(signal: Floats, sigma_px: float, count: int = 0) -> BlotLanes:
    """Find lanes by what their bands have in common: lanes of about one width, side by side.

    A lane without a band is found where lanes on both sides have some.

    Parameters
    ----------
    signal : (y, x) float32 array
        More where a band is.
    sigma_px : float
        Of a band along the run, as `blot_signal.band_sigma` gives it.
    count : int
        How many lanes there are; 0: as many as are seen.

    Returns
    -------
    BlotLanes
        Without any where nothing stands out and none were asked for.

    Raises
    ------
    MeasureError
        If so many lanes do not fit in.

    Notes
    -----
    Every place's answer to a band filter, above noise, is added up along the run, under the lean that makes the sums
    sharpest. Over all pitches, dynamic programming (Bellman 1954, doi:10.1090/S0002-9904-1954-09848-8) cuts the
    columns into the chain of lanes that stand out most from their edges and differ least from the pitch.

    Examples
    --------
    >>> from exoimage.methods import synth
    >>> blot = synth.blot_picture(synth.Blot(lanes=6), (200, 300), seed=1)
    >>> len(find_lanes(blot.pixels.astype(np.float32), blot.sigma_px).lanes)
    6
    """
    if count < 0:
        raise MeasureError(f"a blot has {count} lanes; give their number, or 0 to have them counted")
    places = _standing_out(signal, sigma_px)
    if not places.any() or min(signal.shape) < NARROWEST:
        return _even(signal.shape, count)
    slope, columns, chain = _best_lean(places, count)
    if len(chain.edges) < 2:
        return _even(signal.shape, count)
    lanes, cut = _boxes(columns, chain.edges, signal.shape)
    seen = chain.worth[chain.worth > 0.02]
    uncertain = len(seen) == 0 or float(seen.mean()) < UNCERTAIN
    return BlotLanes(lanes, slope, cut, (Flag.LANES_UNCERTAIN,) if uncertain else ())


def given_lanes(boxes: Sequence[Sequence[int]], shape: tuple[int, int]) -> BlotLanes:
    """Lanes from rectangles, numbered from left to right.

    Parameters
    ----------
    boxes : sequence of (x, y, width, height)
        In px.
    shape : (height, width)
        Of the picture.

    Raises
    ------
    MeasureError
        If there is none, or one does not lie within the picture.

    Examples
    --------
    >>> given_lanes([(20, 0, 10, 50), (5, 0, 10, 50)], (50, 40)).lanes[0].x
    5
    """
    if not boxes:
        raise MeasureError("no lane is given; give boxes of x, y, width and height, or have lanes found")
    lanes = tuple(Lane(*(int(number) for number in box)) for box in sorted(boxes, key=lambda one: one[0] + one[2] / 2))
    for lane in lanes:
        check_inside(lane, shape, "lane")
    return BlotLanes(lanes, cut=(False,) * len(lanes))


def check_inside(box: Lane, shape: tuple[int, int], what: str) -> None:
    """Refuse a rectangle that leaves the picture.

    Raises
    ------
    MeasureError
        If it does, or is empty.
    """
    inside = box.x >= 0 and box.y >= 0 and box.x + box.width <= shape[1] and box.y + box.height <= shape[0]
    if not inside or box.width < 1 or box.height < 1:
        raise MeasureError(
            f"the {what} at x = {box.x}, y = {box.y} of {box.width} × {box.height} px does not lie within the picture"
            f" of {shape[1]} × {shape[0]} px"
        )


def upright(plane: npt.NDArray[Any], slope: float, back: bool = False) -> npt.NDArray[Any]:
    """Rows shifted by whole px so that leaning lanes stand upright, values unchanged; the picture's edge goes on.

    Parameters
    ----------
    plane : (y, x) array
    slope : float
        As in `BlotLanes`.
    back : bool
        The other way: from the upright picture to the leaning one.

    Examples
    --------
    >>> upright(np.array([[7, 0, 0], [0, 7, 0], [0, 0, 7]]), 1.0)[:, 1].tolist()
    [7, 7, 7]
    """
    if slope == 0:
        return plane
    shift = shifts(plane.shape[0], slope)[:, np.newaxis] * (-1 if back else 1)
    columns = np.clip(np.arange(plane.shape[1]) + shift, 0, plane.shape[1] - 1)
    return np.take_along_axis(plane, columns, axis=1)


def shifts(height: int, slope: float) -> npt.NDArray[np.int64]:
    """By how many px each row is moved to the left to make lanes upright; none half-way down."""
    return np.asarray(np.rint(slope * (np.arange(height) - (height - 1) / 2)), np.int64)


def _standing_out(signal: Floats, sigma_px: float) -> Floats:
    """Root of how much each place answers a band filter above the cut."""
    found = answers(without_specks(signal), sigma_px)
    strongest = float(np.percentile(found[found > 0], 99.5)) if (found > 0).any() else 0.0
    noise = max(noise_of(found), white_noise(signal, sigma_px))
    cut = max(NOISE_CUT * noise, LEAST_SHARE * strongest)
    return np.asarray(np.sqrt(np.maximum(found - np.float32(cut), 0)), np.float32)


def _blank_sides(places: Floats, slope: float) -> Floats:
    """The same with nothing in the outermost columns where the picture leans: they would be drawn out."""
    if slope == 0:
        return places
    blank = places.copy()
    blank[:, [0, -1]] = 0
    return blank


def _leans(places: Floats) -> list[float]:
    """Some slopes at which the columns' sums differ much from each other, other than 0."""
    y, x = np.nonzero(places)
    weight = places[y, x]
    if len(y) > 60_000:
        y, x, weight = y[::3], x[::3], weight[::3]
    down = y - (places.shape[0] - 1) / 2
    tried = np.linspace(-STEEPEST, STEEPEST, SLOPES)

    def sharpness(slope: float) -> float:
        columns = np.rint(x - slope * down).astype(np.int64) + places.shape[0]
        return float((np.bincount(columns, weight) ** 2).sum())

    sharp = np.pad([sharpness(slope) for slope in tried], 1)
    peaks = np.flatnonzero((sharp[1:-1] > sharp[:-2]) & (sharp[1:-1] >= sharp[2:]))
    likely = peaks[np.argsort(-sharp[1:-1][peaks], kind="stable")][:LIKELY_SLOPES]
    return [float(tried[one]) for one in likely if abs(tried[one]) > 1e-9]


def _best_lean(places: Floats, count: int) -> tuple[float, Doubles, _Chain]:
    """The slope under which lanes stand out most, the columns' sums under it, and the lanes; upright unless told."""
    best = (0.0, places.sum(axis=0, dtype=np.float64))
    chain = _chain(best[1], count)
    needed = chain.clearness
    for slope in _leans(places):
        columns = upright(_blank_sides(places, slope), slope).sum(axis=0, dtype=np.float64)
        other = _chain(columns, count)
        believed = other.clearness / (STRAIGHT_UNLESS + PER_SLOPE * abs(slope))
        if believed > needed:
            best, chain, needed = (slope, columns), other, believed
    return *best, chain


@dataclass(frozen=True, eq=False)
class _Chain:
    """Edges of neighbouring lanes in px, one more than lanes, how much each stands out, and the sum of that."""

    edges: Doubles
    worth: Doubles
    score: float

    @property
    def clearness(self) -> float:
        """The score, in which one lane more counts for less: a lean by a whole pitch over the run makes one more."""
        return float(self.score / max(len(self.worth), 1) ** MANY_LANES)


def _chain(columns: Doubles, count: int) -> _Chain:
    """The likeliest lanes of some columns."""
    step = max(1, -(-len(columns) // MOST_COLUMNS))
    evidence = _thinned(columns, step)
    floor = FAINT * float(np.percentile(evidence, 95))
    if floor <= 0:
        floor = FAINT * float(evidence.max())
    if floor <= 0:
        return _Chain(np.empty(0), np.empty(0), 0.0)
    pitches = _pitches(len(evidence))
    if count and count > len(evidence) / (LANE_RULES[0] * pitches[0]):
        raise MeasureError(f"{count} lanes do not fit in a picture {len(columns)} px wide")
    best_score, best_edges, best_valleys = -np.inf, np.empty(0, np.int64), np.empty(0)
    for pitch in pitches:
        valleys = _at_edges(evidence, max(1, round(0.06 * pitch)))
        ends = np.zeros(len(evidence) + 2, np.int64)
        score, number = kernels.best_lanes(evidence, valleys, pitch, floor, count, np.array(LANE_RULES), ends)
        if score > best_score:
            best_score, best_edges, best_valleys = score, ends[: number + 1][::-1].copy(), valleys
    if len(best_edges) < 2 or (best_score <= 0 and not count):
        return _Chain(np.empty(0), np.empty(0), max(float(best_score), 0.0))
    edges = np.minimum(best_edges * step, len(columns)).astype(np.float64)
    return _Chain(edges, _worth(evidence, best_edges, best_valleys), float(best_score))


def _pitches(columns: int) -> list[float]:
    tries = 1 + max(0, int(np.log(max(columns / NARROWEST, 1.0)) / np.log(PITCH_STEP)))
    return [NARROWEST * PITCH_STEP**number for number in range(tries)]


def _thinned(columns: Doubles, step: int) -> Doubles:
    padded = np.pad(columns, (0, -len(columns) % step), mode="edge")
    return np.ascontiguousarray(padded.reshape(-1, step).mean(axis=1))


def _at_edges(evidence: Doubles, reach: int) -> Doubles:
    """Evidence at the edge before each column, the mean of some columns around; nothing at the picture's ends."""
    smooth = cv2.blur(evidence.reshape(1, -1), (2 * reach + 1, 1), borderType=cv2.BORDER_REPLICATE).ravel()
    between = np.zeros(len(evidence) + 1)
    between[1:-1] = (smooth[1:] + smooth[:-1]) / 2
    return between


def _worth(evidence: Doubles, edges: npt.NDArray[np.int64], valleys: Doubles) -> Doubles:
    inner = np.array([evidence[a:b].max(initial=0.0) for a, b in itertools.pairwise(edges)])
    higher = np.maximum(valleys[edges[:-1]], valleys[edges[1:]])
    strongest = max(float(inner.max()), 1e-12)
    return np.asarray(np.where(inner > 1e-3 * strongest, 1 - higher / np.maximum(inner, 1e-12), 0.0))


def _boxes(columns: Doubles, edges: Doubles, shape: tuple[int, ...]) -> tuple[tuple[Lane, ...], tuple[bool, ...]]:
    """Lanes as wide as their bands; those whose bands are faint or absent as wide as the others are."""
    smooth = cv2.GaussianBlur(columns.reshape(1, -1), (0, 0), 0.7).ravel()
    extents, strength = [], []
    for start, end in zip(edges[:-1].astype(int), edges[1:].astype(int), strict=True):
        own = smooth[start:end]
        within = np.flatnonzero(own >= EDGE_SHARE * own.max(initial=0.0)) if own.max(initial=0.0) > 0 else np.empty(0)
        full = (start + float(within[0]), start + float(within[-1]) + 1) if len(within) else (float(start), float(end))
        extents.append(full)
        strength.append(float(own.max(initial=0.0)))
    places, strong = np.array(extents), np.array(strength)
    good = strong > 0.1 * np.median(strong[strong > 0]) if (strong > 0).any() else strong > 0
    at_border = (places[:, 0] <= 1) | (places[:, 1] >= len(columns) - 1)
    usual = good & ~at_border if (good & ~at_border).any() else np.ones(len(places), np.bool_)
    width = float(np.median(places[usual, 1] - places[usual, 0]))
    middle = places.mean(axis=1)
    poor = ~good | ((places[:, 1] - places[:, 0] < 0.6 * width) & ~at_border)
    if poor.any() and (~poor).any():
        middle = np.where(poor, _between(middle, ~poor), middle)
        places = np.where(poor[:, np.newaxis], np.stack([middle - width / 2, middle + width / 2], axis=1), places)
    pad = max(1.0, 0.02 * width)
    left = np.clip(np.floor(np.maximum(places[:, 0] - pad, edges[:-1])), 0, len(columns) - 2).astype(int)
    right = np.clip(np.ceil(np.minimum(places[:, 1] + pad, edges[1:])), left + 2, len(columns)).astype(int)
    lanes = tuple(Lane(a, 0, b - a, shape[0]) for a, b in zip(left.tolist(), right.tolist(), strict=True))
    return lanes, tuple(bool(one) for one in at_border & ~poor & (places[:, 1] - places[:, 0] < 0.85 * width))


def _between(middle: Doubles, known: npt.NDArray[np.bool_]) -> Doubles:
    """Middles of all lanes, as a straight line through the known ones and their own deviations suggest."""
    number = np.arange(len(middle))
    if known.sum() < 2:
        return middle
    line = np.polyval(np.polyfit(number[known], middle[known], 1), number)
    return np.asarray(line + np.interp(number, number[known], (middle - line)[known]))


def _even(shape: tuple[int, ...], count: int) -> BlotLanes:
    """Lanes of one width over the whole picture, where nothing tells them apart; none if none are asked for."""
    if not count:
        return BlotLanes(())
    edges = np.linspace(0, shape[1], count + 1).astype(int)
    lanes = tuple(Lane(int(a), 0, int(b - a), shape[0]) for a, b in itertools.pairwise(edges))
    return BlotLanes(lanes, cut=(False,) * count, flags=(Flag.LANES_UNCERTAIN,))
