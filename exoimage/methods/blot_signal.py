"""What is signal on a blot: whether bands are dark or bright, how wide they are, and where they stand out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import cv2
import numpy as np
import numpy.typing as npt

from exoimage.errors import MeasureError

Plane = npt.NDArray[Any]
Floats = npt.NDArray[np.float32]
Polarity = Literal["auto", "dark", "bright"]

LEAST_SIGMA_PX, LARGEST_SIGMA_PX, SIGMA_STEP = 1.0, 50.0, 1.3
"""Bands are looked for from this sigma up, in steps of this factor, to a tenth of the picture's height or 50 px."""

STRIP_SIGMA_PX = 15.0
"""In a narrow strip, to this sigma or a fifth of the height."""

STRONGEST = 99.7
"""Percentile of the answers that stands for the strongest bands: three pixels of a thousand, which no speck reaches."""

UNSURE_RATIO = 1.3
"""Bright and dark answers nearer to each other than this factor do not tell dark from bright bands. A Gaussian band's
answer has side lobes of 0.45 of its peak: a clean blot has a ratio of 2.2."""

MOST_COLUMNS = 256
"""Columns that deciding looks at: more tell no more."""

SPECK_PX = 5
"""What is not wider than this across the lanes is a speck."""

KEPT, KEPT_SPREAD = 0.8, 0.6616
"""The share of values nearest to the middle from which noise is estimated, and what its root mean square is of the
standard deviation of a normal distribution."""

MAD = 1.4826
"""From the median absolute deviation to the standard deviation of a normal distribution."""


@dataclass(frozen=True)
class Decision:
    """Whether bands are dark or bright, as the picture shows it.

    Parameters
    ----------
    dark : bool
    sure : bool
        False where dark and bright things stand out alike.
    """

    dark: bool
    sure: bool


def find_polarity(grey: Plane) -> Decision:
    """Decide from the picture whether bands are darker or brighter than their surroundings.

    Things that stand out along the run are looked for in both signs, at all widths; the sign whose strongest answers
    are stronger, relative to the noise, wins. No file's tag is asked: imagers write whatever they like in it.

    Parameters
    ----------
    grey : (y, x) array
        The picture, bright is bright.

    Examples
    --------
    >>> film = np.full((60, 50), 200, np.uint8)
    >>> film[28:33, 10:40] = 20
    >>> find_polarity(film), find_polarity(255 - film).dark
    (Decision(dark=True, sure=True), False)
    """
    plane = _fewer_columns(without_specks(_checked(grey)))
    bright, dark = (max(_strength(sign * plane, sigma) for sigma in sigmas(plane.shape)) for sign in (1, -1))
    if max(bright, dark) <= 0:
        return Decision(dark=False, sure=False)
    ratio = max(bright, dark) / max(min(bright, dark), 1e-9 * max(bright, dark))
    return Decision(dark=dark > bright, sure=ratio >= UNSURE_RATIO)


def to_signal(grey: Plane, dark: bool, max_value: float) -> Floats:
    """Signal, which is more where a band is: the stored value, or for dark bands what it lacks to the largest one.

    Parameters
    ----------
    grey : (y, x) array
    dark : bool
        Whether bands are dark.
    max_value : float
        The largest value the picture can hold.

    Examples
    --------
    >>> to_signal(np.array([[255, 55]], np.uint8), True, 255).tolist()
    [[0.0, 200.0]]
    """
    plane = np.asarray(grey, np.float32)
    return np.asarray(np.float32(max_value) - plane if dark else plane.copy(), np.float32)


def saturated_pixels(grey: Plane, dark: bool, max_value: float) -> npt.NDArray[np.bool_]:
    """Pixels at the limit of the picture's encoding, or piled up at a lower one.

    Below the encoding's limit the extreme value counts as a limit where five pixels or more share it, and five times
    more than the mean of the next four values that occur: a peak without a limit has few pixels at its very top.

    Parameters
    ----------
    grey : (y, x) array
        Stored values.
    dark : bool
        Whether bands are dark: the limit is then 0.
    max_value : float
        The largest value the picture can hold.

    Examples
    --------
    >>> plane = np.minimum(np.arange(10_000).reshape(100, 100), 9000).astype(np.uint16)
    >>> int(saturated_pixels(plane, False, 65535).sum())
    1000
    """
    limit, extreme = (0.0, float(grey.min())) if dark else (float(max_value), float(grey.max()))
    at_limit = np.asarray(grey <= limit if dark else grey >= limit, np.bool_)
    if at_limit.any():
        return at_limit
    values, counts = np.unique(grey, return_counts=True)
    if len(values) < 2 * PILE_NEIGHBOURS:
        return at_limit
    counts = counts if dark else counts[::-1]
    beside = float(counts[1 : 1 + PILE_NEIGHBOURS].mean())
    piled = counts[0] >= LEAST_PILE and counts[0] > PILE_RATIO * beside
    return np.asarray(grey == extreme if piled else at_limit, np.bool_)


LEAST_PILE, PILE_RATIO, PILE_NEIGHBOURS = 5, 5.0, 4
"""What makes a pile of pixels at the extreme value a limit. At the top of a ridge the values' density falls with the
inverse root of the distance from the top: without a limit the top value has 2.4 times the next one's pixels."""


def without_specks(plane: Floats) -> Floats:
    """What is narrower across the lanes than any band taken out: an opening, which fills no gap between lanes."""
    calm = cv2.medianBlur(np.ascontiguousarray(plane, np.float32), 3)
    line = np.ones((1, SPECK_PX), np.uint8)
    return np.asarray(cv2.morphologyEx(calm, cv2.MORPH_OPEN, line, borderType=cv2.BORDER_REPLICATE), np.float32)


def answers(plane: Floats, sigma_px: float) -> Floats:
    """How much each place stands out along the run, at a band's sigma: less the second derivative times sigma².

    Even ground and slopes give 0. A Gaussian band of sigma s and height h answers with h σ² s / (s² + σ²)^1.5.

    References
    ----------
    Lindeberg T. Feature detection with automatic scale selection. Int J Comput Vis 1998;30:79-116.
    doi:10.1023/A:1008045108935
    """
    reach = int(4 * sigma_px + 1)
    place = np.arange(-reach, reach + 1)
    weight = np.exp(-0.5 * (place / sigma_px) ** 2)
    kernel = (1 - (place / sigma_px) ** 2) * weight
    kernel = (kernel - kernel.mean()) / weight.sum()
    found = cv2.sepFilter2D(plane, cv2.CV_32F, np.ones(1), kernel, borderType=cv2.BORDER_REPLICATE)
    return np.asarray(found, np.float32)


def sigmas(shape: tuple[int, ...]) -> list[float]:
    """The sigmas at which bands are looked for."""
    in_strip = min(0.2 * shape[0], STRIP_SIGMA_PX)
    most = min(max(0.1 * shape[0], in_strip, LEAST_SIGMA_PX), LARGEST_SIGMA_PX)
    count = 1 + int(np.log(most / LEAST_SIGMA_PX) / np.log(SIGMA_STEP))
    return [LEAST_SIGMA_PX * SIGMA_STEP**step for step in range(count)]


def band_sigma(signal: Floats) -> float:
    """Sigma along the run of a picture's bands, in px: where their answers are strongest.

    Parameters
    ----------
    signal : (y, x) float32 array

    Examples
    --------
    >>> rows = np.arange(100)[:, np.newaxis]
    >>> signal = np.broadcast_to(100 * np.exp(-0.5 * ((rows - 50) / 4.0) ** 2), (100, 60)).astype(np.float32)
    >>> 3.4 < band_sigma(signal) < 4.6
    True
    """
    plane = _fewer_columns(without_specks(signal))
    tried = sigmas(plane.shape)
    strengths = [_energy(plane, sigma) for sigma in tried]
    return tried[int(np.argmax(strengths))] / float(np.sqrt(2.0))


def noise_of(values: npt.NDArray[Any]) -> float:
    """Standard deviation of the bulk of some values, from their median absolute deviation."""
    flat = np.asarray(values, np.float64).ravel()
    return float(MAD * np.median(np.abs(flat - np.median(flat)))) if flat.size else 0.0


def trimmed_noise(values: npt.NDArray[Any]) -> float:
    """Standard deviation of the bulk of some values, from the 80 % that lie nearest to the median.

    Where a picture has so few steps that most neighbours are equal, the median absolute deviation is nothing, and this
    is not.

    Examples
    --------
    >>> round(trimmed_noise(np.random.default_rng(0).normal(0, 3, 10_000)), 1)
    3.0
    """
    flat = np.asarray(values, np.float64).ravel()
    if flat.size == 0:
        return 0.0
    away = np.abs(flat - np.median(flat))
    kept = away[away <= np.quantile(away, KEPT)]
    return float(np.sqrt((kept**2).mean()) / KEPT_SPREAD)


def white_noise(signal: Floats, sigma_px: float) -> float:
    """Noise of answers if that of pixels is independent: from differences across the lanes, where bands are even.

    Parameters
    ----------
    signal : (y, x) float32 array
    sigma_px : float
        As in `answers`.
    """
    if signal.shape[1] < 3:
        return 0.0
    of_pixel = trimmed_noise(np.diff(signal, axis=1)) / float(np.sqrt(2.0))
    impulse = np.zeros((int(10 * sigma_px) + 11, 1), np.float32)
    impulse[len(impulse) // 2] = 1
    return of_pixel * float(np.sqrt((answers(impulse, sigma_px).astype(np.float64) ** 2).sum()))


def _fewer_columns(plane: Floats) -> Floats:
    """Columns averaged together until few are left: bands are far wider than high."""
    if plane.shape[1] <= MOST_COLUMNS:
        return plane
    return np.asarray(cv2.resize(plane, (MOST_COLUMNS, plane.shape[0]), interpolation=cv2.INTER_AREA), np.float32)


def _strength(plane: Floats, sigma: float) -> float:
    return float(np.percentile(answers(plane, sigma), STRONGEST))


def _energy(plane: Floats, sigma: float) -> float:
    """Strongest answers at a width: the root of the mean square of the top per cent, noise and specks left aside."""
    found = answers(plane, sigma)
    cut = float(np.percentile(found, 97.0))
    top = found[found >= max(cut, 0.0)].astype(np.float64)
    return float(np.sqrt((top**2).mean())) if top.size else 0.0


def _checked(grey: Plane) -> Floats:
    if grey.ndim != 2 or grey.size == 0:
        raise MeasureError(f"a blot is a grey picture of shape (y, x), not {grey.shape}; take one channel")
    return np.asarray(grey, np.float32)
