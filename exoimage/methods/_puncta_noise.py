"""Noise of a plane, and what filters make of it: what puncta have to exceed."""

from __future__ import annotations

import math

import cv2
import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float32]
Doubles = npt.NDArray[np.float64]

ROUNDING = 0.29
"""Spread of whole numbers around what was rounded, 1/√12: noise of stored values is never less."""

NOISE_BLOCK_PX = 16
"""Edge of the blocks in each of which the noise is estimated."""

QUIET_SHARE = 0.1
"""Share of the blocks, those of the least noise, that tell how noise is correlated."""

MOST_CORRELATED = 4.0
"""How much more than white noise of the same spread noise can answer, at most: more is structure."""

_WHITE_RESIDUE = 0.588  # median of |pixel - its Gaussian mean of sigma 1| in white noise of spread 1
_MAXIMA = 1.0833 / (2 * math.pi) ** 1.5  # of a filter's noise per its narrower variance; see `noise_cut`


def noise_cut(area_px: float, widths: Doubles, false_positives: float) -> float:
    """How many standard deviations a filter's answer to noise exceeds so many times in a plane, at most.

    Parameters
    ----------
    area_px : float
    widths : (n,) float64
        Sigmas of the filters' narrower Gaussians.
    false_positives : float
        Expected number of maxima above the cut, over all filters.

    Returns
    -------
    float

    Notes
    -----
    A Gaussian random field has λ z exp(-z²/2) / (2π)^(3/2) maxima above z per px (Adler 1981, The Geometry of Random
    Fields; Worsley et al., Hum Brain Mapp 4:58–73 (1996)), with λ = 1.0833 / s² for white noise filtered by the
    difference of Gaussians of sigma s and √2 s.

    Examples
    --------
    >>> round(noise_cut(2048 * 2048, np.array([1.7]), 0.05), 2)
    5.7
    """
    density = area_px * _MAXIMA * float((1 / widths**2).sum())
    low, high = 1.0, 40.0
    for _ in range(60):
        middle = (low + high) / 2
        if density * middle * math.exp(-middle * middle / 2) > false_positives:
            low = middle
        else:
            high = middle
    return high


def noise_map(values: Floats, least: float) -> Floats:
    """Standard deviation of the pixels' noise around each place, (y, x): what is left when fine structure is gone."""
    residue = np.abs(values - smoothed(values, 1.0))[::2]
    medians = _block_medians(residue) / np.float32(_WHITE_RESIDUE)
    smallest = max(least, 1e-6 * float(np.abs(values).max()))
    around = cv2.blur(medians, (3, 3), borderType=cv2.BORDER_REPLICATE)
    return np.maximum(enlarged(np.asarray(around), values.shape), np.float32(smallest))


def _block_medians(plane: Floats) -> Floats:
    """Median of every block of every other row; pixels beyond the last whole block are left out."""
    height, width = plane.shape
    edges = min(NOISE_BLOCK_PX // 2, height), min(NOISE_BLOCK_PX, width)
    rows, columns = height // edges[0], width // edges[1]
    blocks = plane[: rows * edges[0], : columns * edges[1]].reshape(rows, edges[0], columns, edges[1])
    return np.asarray(np.median(blocks.swapaxes(1, 2).reshape(rows, columns, -1), axis=2), dtype=np.float32)


def gains(answers: Floats, noise: Floats, widths: Doubles) -> Doubles:
    """Spread of each filter's answers to noise of spread 1.

    White noise has a known one; what cameras interpolate or JPEG smooths has more, as the quietest blocks tell.
    """
    white = math.sqrt((1 - 4 / 3 + 1 / 2) / (4 * math.pi)) / widths
    block = NOISE_BLOCK_PX
    rows, columns = noise.shape[0] // block, noise.shape[1] // block
    if rows * columns < 10:
        return white
    middles = noise[block // 2 :: block, block // 2 :: block][:rows, :columns].ravel()
    quiet = np.argsort(middles, kind="stable")[: max(8, int(QUIET_SHARE * len(middles)))]
    seen = np.empty(len(widths))
    for level, answer in enumerate(answers):
        blocks = answer[: rows * block, : columns * block].reshape(rows, block, columns, block)[:, ::2].swapaxes(1, 2)
        chosen = np.abs(blocks[quiet // columns, quiet % columns].reshape(len(quiet), -1))
        seen[level] = float(np.median(np.median(chosen, axis=1) / 0.6745 / middles[quiet]))
    return np.clip(seen, white, MOST_CORRELATED * white)


def enlarged(small: Floats, shape: tuple[int, ...]) -> Floats:
    """A reduced plane at full size again, bilinearly."""
    size = shape[1], shape[0]
    large = cv2.resize(np.atleast_2d(small), size, interpolation=cv2.INTER_LINEAR)
    return np.asarray(large, dtype=np.float32).reshape(shape[:2])


def smoothed(plane: Floats, sigma: float) -> Floats:
    """A plane blurred by a Gaussian that ends at three sigmas, mirrored at the edges."""
    edge = 2 * math.ceil(3 * sigma) + 1
    blurred = cv2.GaussianBlur(plane, (edge, edge), sigma, borderType=cv2.BORDER_REFLECT_101)
    return np.asarray(blurred, dtype=np.float32).reshape(plane.shape)
