"""Puncta in emitted light: small round bright spots of any size within bounds, to a fraction of a pixel."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from exoimage.errors import MeasureError
from exoimage.methods import _kernels_puncta as kernels
from exoimage.methods._puncta_noise import ROUNDING, enlarged, gains, noise_cut, noise_map, smoothed

Plane = npt.NDArray[Any]
Floats = npt.NDArray[np.float32]
Doubles = npt.NDArray[np.float64]
Places = npt.NDArray[np.int64]

STEP = math.sqrt(2)
"""Ratio of one filter's width to the next finer one's, and of the two Gaussians of each."""

BEST = 2**0.25
"""Sigma of the punctum that a filter answers most, per sigma of its narrower Gaussian."""

PEAK_ANSWER = 0.1716
"""Answer to a punctum of that sigma, per its height: ``1 / (1 + 1/√2) - 1 / (1 + √2)``, the same for every filter."""

COARSER = 1.3
"""A coarser filter has to answer so much more than a finer one to win: haze is wide and has no edge."""

NEIGHBOURHOOD_PX = 64.0
"""Sigma of the window in which a filter's answers are spread as they are: a cell and what is around it."""

APART = 1.5
"""A weaker maximum within so many sigmas of a stronger one is part of the same punctum."""

SMALL_PICTURE_SIGMA = 4.0
"""Wider Gaussians are taken of the picture reduced by two: it has no finer structure left by then."""

CLEARLY = 2.0
"""So many times the least significance make up for a lack of contrast."""

DISC_SIGMAS, RIM_SIGMAS = 2.0, (2.5, 4.0)
"""Radius of the disc whose light is a punctum's (86 % of a Gaussian's), and of the rim that is its background."""

HALF_HEIGHT_SIGMAS = math.sqrt(2 * math.log(2))
"""Radius at half height of a Gaussian."""

_MOST_PLACES = 1 << 16


@dataclass(frozen=True, eq=False)
class Puncta:
    """Puncta of a plane, as arrays of one length, from the upper edge down.

    Parameters
    ----------
    y_px, x_px : (n,) float64
        Centre; the middle of the first pixel is 0.5.
    intensity : (n,) float64
        Light within two sigmas, the median of the rim taken off every pixel, in the plane's units.
    sigma_px : (n,) float64
        Of a Gaussian of the same width.
    significance : (n,) float64
        The filter's answer in standard deviations of its answers all around.
    contrast : (n,) float64
        Height above the rim, per the rim's own height above the darkest part of the plane; never above 1000.
    """

    y_px: Doubles
    x_px: Doubles
    intensity: Doubles
    sigma_px: Doubles
    significance: Doubles
    contrast: Doubles

    @property
    def count(self) -> int:
        """Number of puncta."""
        return len(self.y_px)

    def only(self, chosen: npt.NDArray[Any]) -> Puncta:
        """The chosen ones, by a mask or by numbers."""
        return Puncta(*(getattr(self, name)[chosen] for name in self.__dataclass_fields__))


def find_puncta(
    plane: Plane,
    *,
    smallest_sigma: float = 2.0,
    largest_sigma: float = 8.0,
    least_significance: float = 3.5,
    least_contrast: float = 1.0,
    least_roundness: float = 0.15,
    false_positives: float = 0.05,
) -> Puncta:
    """Small round bright spots that stand out from what is around them.

    Parameters
    ----------
    plane : (y, x) array of uint8, uint16 or float32
        Stored values of one channel.
    smallest_sigma, largest_sigma : float
        Of the Gaussians that are looked for, in px. Half as narrow ones are found too, close ones less well parted.
    least_significance : float
        Answer of the filter in standard deviations of its answers all around, puncta included: what stands out where
        all is grainy.
    least_contrast : float
        Height of a punctum per the brightness around it (above the plane's darkest part). 1: it is as bright again as
        its surroundings; texture and folds of bright cells are not. What is twice as significant as need be may have
        less: puncta on bright but smooth haze.
    least_roundness : float
        Ratio of the smaller to the larger curvature at the top; 0 for filaments and edges, 1 for what is round.
    false_positives : float
        How many puncta are to be expected in a plane of nothing but noise.

    Returns
    -------
    Puncta
        Of length 0 where there are none.

    Raises
    ------
    MeasureError
        If the plane is not two-dimensional or a parameter makes no sense.

    Notes
    -----
    Differences of Gaussians a factor √2 apart, nearly Laplacians (Marr & Hildreth, Proc R Soc B 207:187–217 (1980),
    https://doi.org/10.1098/rspb.1980.0020), normalised by scale (Lindeberg, Int J Comput Vis 30:79–116 (1998),
    https://doi.org/10.1023/A:1008045108935). A maximum over place and scale counts if it is above what noise of the
    place would reach (`noise_cut`), significant, of contrast or very significant, and round; on the outermost
    pixels nothing is known to be a maximum. The centre is the top of a paraboloid; sigma follows from the answers of
    two neighbouring filters.

    Examples
    --------
    >>> y, x = np.mgrid[:60, :60] + 0.5
    >>> plane = 10 + 100 * np.exp(-((y - 20.3) ** 2 + (x - 31.8) ** 2) / (2 * 2.5**2))
    >>> found = find_puncta(plane.astype(np.float32))
    >>> [round(float(v[0]), 1) for v in (found.y_px, found.x_px, found.sigma_px)], found.count
    ([20.3, 31.8, 2.5], 1)
    """
    _refuse_nonsense(plane, smallest_sigma, largest_sigma, false_positives)
    values = np.ascontiguousarray(plane, dtype=np.float32)
    if not values.size or values.min() == values.max():
        return _nothing()
    widths = _widths(smallest_sigma, largest_sigma)
    smooth, answers = _filtered(values, widths)
    noise = noise_map(values, 0.0 if plane.dtype == np.float32 else ROUNDING)
    floor = noise_cut(values.size, widths, false_positives) * gains(answers, noise, widths)
    places, significance = _maxima(answers, floor, noise, least_significance)
    kept = np.flatnonzero(_roundness(answers, places) > least_roundness)
    kept = kept[_apart(answers, places[kept], widths)]
    found = _measured(values, answers, places[kept], significance[kept], widths, _dark(smooth), noise)
    is_clear = (found.contrast > least_contrast) | (found.significance > CLEARLY * least_significance)
    return found.only(is_clear & (found.intensity > 0))


def disc_mask(found: Puncta, shape: tuple[int, int]) -> npt.NDArray[np.bool_]:
    """The pixels of puncta, each a disc that reaches to half its height.

    Parameters
    ----------
    found : Puncta
    shape : (height, width)

    Returns
    -------
    (y, x) bool array

    Examples
    --------
    >>> one = Puncta(*(np.array([value]) for value in (2.5, 2.5, 9.0, 1.0, 8.0, 2.0)))
    >>> int(disc_mask(one, (5, 5)).sum())
    5
    """
    mask = np.zeros(shape, dtype=np.bool_)
    kernels.paint_discs(found.y_px, found.x_px, HALF_HEIGHT_SIGMAS * found.sigma_px, mask)
    return mask


def _refuse_nonsense(plane: Plane, smallest: float, largest: float, false_positives: float) -> None:
    if plane.ndim != 2:
        raise MeasureError(f"a plane of shape {plane.shape}; expected (y, x): pick one channel, project a stack")
    if not 0.5 <= smallest <= largest:
        raise MeasureError(
            f"puncta of sigma {smallest:g} to {largest:g} px; expected 0.5 px at least, and the larger one second"
        )
    if not false_positives > 0:
        raise MeasureError(f"false_positives is {false_positives:g}; expected a number above 0, like 0.05")


def _nothing() -> Puncta:
    return Puncta(*(np.empty(0) for _ in range(6)))


def _widths(smallest: float, largest: float) -> Doubles:
    """Sigmas of the filters' narrower Gaussians, a factor apart, for puncta of all sizes within the bounds."""
    count = 1 + max(0, round(math.log(largest / smallest, STEP)))
    return np.asarray(smallest / BEST * STEP ** np.arange(count), dtype=np.float64)


def _filtered(values: Floats, widths: Doubles) -> tuple[Floats, Floats]:
    """The plane as smooth as the finest filter makes it, and each filter's answers, (level, y, x)."""
    first = finer = smoothed(values, float(widths[0]))
    answers = np.empty((len(widths), *values.shape), dtype=np.float32)
    for level, width in enumerate(widths):
        # A Gaussian of sigma s widened by another one of s has √2 s.
        coarser = smoothed(finer, float(width)) if width < SMALL_PICTURE_SIGMA else _smoothed_small(finer, float(width))
        np.subtract(finer, coarser, out=answers[level])
        finer = coarser
    return first, answers


def _smoothed_small(plane: Floats, sigma: float) -> Floats:
    """As `smoothed`, of a picture without fine structure, at half its size."""
    size = max(1, plane.shape[1] // 2), max(1, plane.shape[0] // 2)
    small = np.asarray(cv2.resize(plane, size, interpolation=cv2.INTER_AREA)).reshape(size[::-1])
    return enlarged(smoothed(small, sigma / 2), plane.shape)


def _spread_around(answer: Floats) -> Floats:
    """Root mean square of a filter's answers in the neighbourhood of each pixel, (y, x)."""
    step = 8
    small = tuple(max(1, edge // step) for edge in answer.shape[::-1])
    squares = np.asarray(cv2.resize(answer * answer, small, interpolation=cv2.INTER_AREA)).reshape(small[::-1])
    around = smoothed(squares, NEIGHBOURHOOD_PX / step)
    return np.sqrt(np.maximum(enlarged(around, answer.shape), np.float32(1e-30)))


def _maxima(answers: Floats, floor: Doubles, noise: Floats, least_significance: float) -> tuple[Places, Doubles]:
    """Level, y and x of the maxima over place and scale that noise does not reach, and how significant each is."""
    places, significance = [], []
    for level, answer in enumerate(answers):
        spread = _spread_around(answer)
        cuts = np.maximum(np.float32(least_significance) * spread, np.float32(floor[level]) * noise)
        room = np.empty((_MOST_PLACES, 3), dtype=np.int64)
        count = kernels.scale_maxima(answers, level, cuts, np.float32(COARSER), room)
        if count > _MOST_PLACES:
            room = np.empty((count, 3), dtype=np.int64)
            kernels.scale_maxima(answers, level, cuts, np.float32(COARSER), room)
        _, row, column = room[:count].T
        places.append(room[:count])
        significance.append(answer[row, column].astype(np.float64) / spread[row, column])
    return np.concatenate(places), np.concatenate(significance)


def _around(answers: Floats, places: Places) -> Doubles:
    """The 3 × 3 answers around each place, at its level, (n, 3, 3); mirrored at the edges."""
    _, height, width = answers.shape
    steps = np.arange(-1, 2)
    rows, columns = places[:, 1, np.newaxis] + steps, places[:, 2, np.newaxis] + steps
    rows = np.where(rows < 0, 1, np.where(rows >= height, height - 2, rows)).clip(0)
    columns = np.where(columns < 0, 1, np.where(columns >= width, width - 2, columns)).clip(0)
    nine = answers[places[:, 0, np.newaxis, np.newaxis], rows[:, :, np.newaxis], columns[:, np.newaxis, :]]
    return np.asarray(nine, dtype=np.float64)


def _curvatures(nine: Doubles) -> tuple[Doubles, Doubles, Doubles]:
    """Second differences of 3 × 3 answers: along y, along x, and mixed."""
    yy = nine[:, 0, 1] + nine[:, 2, 1] - 2 * nine[:, 1, 1]
    xx = nine[:, 1, 0] + nine[:, 1, 2] - 2 * nine[:, 1, 1]
    xy = (nine[:, 0, 0] + nine[:, 2, 2] - nine[:, 0, 2] - nine[:, 2, 0]) / 4
    return yy, xx, xy


def _roundness(answers: Floats, places: Places) -> Doubles:
    """Ratio of the smaller to the larger curvature at each place."""
    yy, xx, xy = _curvatures(_around(answers, places))
    mean, half = -(yy + xx) / 2, np.sqrt(((yy - xx) / 2) ** 2 + xy**2)
    return np.asarray((mean - half) / np.maximum(mean + half, 1e-30), dtype=np.float64)


def _apart(answers: Floats, places: Places, widths: Doubles) -> Places:
    """Numbers of one place per punctum: where several answer, the strongest, a coarser filter's counting less.

    They are ordered from the upper edge down.
    """
    strengths = answers[tuple(places.T)] / np.float32(COARSER) ** places[:, 0]
    order = np.argsort(-strengths, kind="stable")
    keep = np.empty(len(places), dtype=np.bool_)
    taken = np.zeros(answers.shape[1:], dtype=np.bool_)
    kernels.keep_apart(places[order], APART * BEST * widths[places[order, 0]], taken, keep)
    kept = order[keep]
    return kept[np.lexsort((places[kept, 0], places[kept, 2], places[kept, 1]))]


def _measured(
    values: Floats,
    answers: Floats,
    places: Places,
    significance: Doubles,
    widths: Doubles,
    dark: float,
    noise: Floats,
) -> Puncta:
    """Centre, width and light of the puncta at those places."""
    level, row, column = places.T
    nine = _around(answers, places)
    down, right = _tops(nine)
    y, x = row + 0.5 + down, column + 0.5 + right
    sigma = _sigmas(answers, places, widths)
    radius = np.maximum(DISC_SIGMAS * sigma, 1.0)
    inner, outer = RIM_SIGMAS[0] * sigma + 0.5, np.maximum(RIM_SIGMAS[1] * sigma, RIM_SIGMAS[0] * sigma + 2.5)
    rims, sums, areas = (np.empty(len(y)) for _ in range(3))
    kernels.rims_and_sums(values, y, x, radius, inner, outer, rims, sums, areas)
    answer = nine[:, 1, 1]
    own, squared = widths[level] ** 2, sigma**2
    height = answer / (squared / (squared + own) - squared / (squared + 2 * own))
    around = np.maximum(rims - dark, noise[row, column].astype(np.float64))
    return Puncta(y, x, sums - rims * areas, sigma, significance, np.minimum(height / around, 1000.0))


def _tops(nine: Doubles) -> tuple[Doubles, Doubles]:
    """Where the paraboloid through 3 × 3 answers is highest, at most half a pixel from the middle: down and right."""
    yy, xx, xy = _curvatures(nine)
    down = (nine[:, 2, 1] - nine[:, 0, 1]) / 2
    right = (nine[:, 1, 2] - nine[:, 1, 0]) / 2
    bend = np.maximum(yy * xx - xy * xy, 1e-30)
    return np.clip((xy * right - xx * down) / bend, -0.5, 0.5), np.clip((xy * down - yy * right) / bend, -0.5, 0.5)


def _sigmas(answers: Floats, places: Places, widths: Doubles) -> Doubles:
    """Sigma of the Gaussian that two neighbouring filters answer as they do.

    To a Gaussian of sigma t a filter of width s answers in proportion to s² / ((t² + s²) (t² + 2 s²)); the answers of
    this and the next coarser one have the ratio q = (t² + 4 s²) / (2 (t² + s²)).
    """
    level, row, column = places.T
    if len(widths) == 1:
        return np.full(len(places), BEST * widths[0])
    finer = np.minimum(level, len(widths) - 2)
    ratio = answers[finer, row, column].astype(np.float64) / np.maximum(answers[finer + 1, row, column], 1e-30)
    ratio = np.clip(ratio, 0.55, 1.95)
    sigma = widths[finer] * np.sqrt((4 - 2 * ratio) / (2 * ratio - 1))
    return np.asarray(np.clip(sigma, BEST * widths[level] / 2, BEST * widths[level] * 2), dtype=np.float64)


def _dark(smooth: Floats) -> float:
    """The darkest part of a plane, without the tail of its noise."""
    return float(np.percentile(smooth[::2, ::2], 1.0))
