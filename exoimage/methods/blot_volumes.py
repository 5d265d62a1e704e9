"""Volumes of a blot's bands, with what empty places of the same lanes give: noise and the limit of detection."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from exoimage.methods.blot_backgrounds import Background, Boxes, Doubles, Grounds, volumes
from exoimage.methods.blot_bands import BandGrid
from exoimage.methods.blot_signal import noise_of

DETECTION = 3.0
"""The limit of detection lies so many standard deviations above what empty places give."""

FEWEST_PLACES = 8
"""Empty places of a lane from which its own noise is taken; below, that of all lanes together."""

STEPS_PER_BAND = 2
"""Empty places overlap by half."""


@dataclass(frozen=True, eq=False)
class Blanks:
    """What places without a band give, measured as the bands are.

    Parameters
    ----------
    mean : (lane,) float64 array
        Median volume of the lane's empty places.
    noise : (lane,) float64 array
        Their standard deviation, from the median absolute deviation.
    """

    mean: Doubles
    noise: Doubles

    @property
    def limit(self) -> Doubles:
        """Limit of detection: three standard deviations above what empty places give.

        References
        ----------
        Currie LA. Limits for qualitative detection and quantitative determination. Anal Chem 1968;40:586-593.
        doi:10.1021/ac60259a007
        """
        return np.asarray(self.mean + DETECTION * self.noise)

    def snr(self, volume: Doubles) -> Doubles:
        """Volume above what empty places give, in their standard deviations; NaN where these are 0."""
        above = volume - self.mean
        return np.where(self.noise > 0, above / np.where(self.noise > 0, self.noise, 1), np.nan)


def blanks(grounds: Grounds, boxes: Boxes, grid: BandGrid, method: Background, clear_px: float) -> Blanks:
    """Measure boxes of the bands' own size along each lane where no band is.

    Parameters
    ----------
    grounds : Grounds
    boxes : (lane, 4) int array
        The bands' boxes, one per lane.
    grid : BandGrid
        All bands that were found: places to be left out.
    method : str
        Background, as in `blot_backgrounds.background_sums`.
    clear_px : float
        How far an empty place keeps from a band's box.
    """
    spans = grid.spans()
    own = [_empty_volumes(grounds, box, grid, lane, method, clear_px, spans) for lane, box in enumerate(boxes)]
    pooled = np.concatenate([values - np.median(values) for values in own if len(values)] or [np.empty(0)])
    shared = noise_of(pooled) if len(pooled) >= FEWEST_PLACES else float("nan")
    mean = np.array([float(np.median(values)) if len(values) else 0.0 for values in own])
    noise = np.array([noise_of(values) if len(values) >= FEWEST_PLACES else shared for values in own])
    unknown = np.isnan(noise)
    if unknown.any():
        noise = np.where(unknown, _pixel_noise(grounds, boxes), noise)
    return Blanks(mean, noise)


def _empty_volumes(
    grounds: Grounds, box: Boxes, grid: BandGrid, lane: int, method: Background, clear_px: float, spans: Boxes
) -> Doubles:
    height = int(box[1] - box[0])
    start, end = int(spans[lane, 0]), int(spans[lane, 1])
    tops = np.arange(start, end - height + 1, max(height // STEPS_PER_BAND, 1))
    for row in np.flatnonzero(grid.found[:, lane]):
        apart = (tops + height <= grid.top[row, lane] - clear_px) | (tops >= grid.bottom[row, lane] + clear_px)
        tops = tops[apart]
    tops = tops[(tops + height <= box[0]) | (tops >= box[1])]
    places = np.stack([tops, tops + height, np.full_like(tops, box[2]), np.full_like(tops, box[3])], axis=1)
    return volumes(grounds, places, np.broadcast_to(spans[lane], (len(places), 2)), method)


def _pixel_noise(grounds: Grounds, boxes: Boxes) -> Doubles:
    """Noise of the boxes' sums if that of pixels is independent: where there is no room for empty places."""
    of_pixel = noise_of(np.diff(grounds.signal, axis=1)) / np.sqrt(2.0)
    areas = (boxes[:, 1] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 2])
    return np.asarray(of_pixel * np.sqrt(areas))


def saturated_pct(saturated: npt.NDArray[np.bool_], boxes: Boxes) -> Doubles:
    """Share of the boxes' pixels that are at the limit, in percent.

    Examples
    --------
    >>> at_limit = np.zeros((10, 10), bool)
    >>> at_limit[4, 4:6] = True
    >>> saturated_pct(at_limit, np.array([[3, 7, 3, 8]])).tolist()
    [10.0]
    """
    shares = [float(saturated[top:bottom, left:right].mean()) for top, bottom, left, right in boxes]
    return 100 * np.asarray(shares, np.float64)
