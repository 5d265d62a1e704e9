"""First half of finding nuclei in fluorescence: what is brighter than its surroundings, in fragments of nuclei."""

from __future__ import annotations

import math
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from exoimage.methods import _kernels_fluorescence as kernels
from exoimage.methods import _kernels_nuclei as nuclei_kernels
from exoimage.methods import segmentation
from exoimage.methods.nuclei import LEAST_STEPS

Floats = npt.NDArray[np.float32]
Labels = npt.NDArray[np.int32]

LEAST_CONTRAST = 5.0
"""How many standard deviations of the smoothed plane's noise a nucleus is brighter than its surroundings, on average
over both: fluctuations of noise that are picked as the highest around reach three."""

LEAST_SHARE = 0.02
"""How much of the plane's span it is brighter: less is what the background's estimate leaves of uneven light."""

HALF = 0.5
"""The outline lies at this share of the way from the surroundings to the nucleus: where a blurred edge is."""

SMOOTHED = 0.065
"""Of a diameter: the Gaussian that evens out chromatin and noise."""

FINENESS = 0.5
"""Diameter of the blobs that fragments grow around, relative to a nucleus: each nucleus has one or several."""

_WIDER = 1.6  # ratio of the two Gaussians; with it their difference is nearly a Laplacian (Marr & Hildreth 1980)
_LEAST_RELIEF = 0.05  # on the logarithmic scale: 5 % brighter than around
_DIM = 0.03  # of the brightest: below this the scale is linear
_RELIEF_SHARE = 0.3  # of a fragment's summit; the rest is its distance to the outline
_LARGEST_HOLE = 0.15  # of the area of a nucleus
_QUARTILE = 0.3186  # of the distances from its mean of a normal distribution of unit variance
_TENTH = 0.1257  # the same for the tenth
_FITTED = 2000  # pixels that decide about the slope of the light
_UPPER_WEIGHT = 0.02  # of what lies above it, nuclei among it
_OPENED = 2.0  # diameters: what is wider is background, not nucleus


@dataclass(frozen=True, eq=False)
class Fragments:
    """Parts of nuclei: each nucleus has at least one.

    Parameters
    ----------
    labels : (y, x) int32 array
        0 is background.
    count : int
    excess : (y, x) float32 array
        The smoothed plane above its background.
    noise : float
        What the excess varies by between two places of the background, as a standard deviation.
    """

    labels: Labels
    count: int
    excess: Floats
    noise: float


def fragments(plane: Floats, diameter: float, step: float) -> Fragments:
    """Cut what is bright into parts of nuclei.

    The plane's logarithm, so that dim nuclei count beside bright ones, is filtered for blobs, whose basins tile the
    field. Each basin has an outline of its own, half-way between its inside and its outside: a threshold as local as
    can be. What lies inside is cut along the valleys of the blobs' relief and of the distance to the outline.

    Parameters
    ----------
    plane : (y, x) float32 array
    diameter : float
        Typical diameter in px.
    step : float
        Between two stored values: nothing finer is seen.
    """
    surface = smooth(plane, SMOOTHED * diameter)
    noise = noise_of(surface, (max(1, round(0.15 * diameter)), max(2, round(0.3 * diameter))))
    excess = np.asarray(np.maximum(surface - background(plane, diameter), 0), np.float32)
    relief = _relief(excess, diameter, noise)
    basins, peaks = np.empty(plane.shape, np.int32), np.empty(plane.size, np.int32)
    count = nuclei_kernels.climb(relief, -math.inf, basins, peaks)
    inside, outside = kernels.basin_levels(basins, excess, relief, count)
    span = float(np.percentile(surface[::2, ::2], 99.9) - surface.min())
    is_nuclear = inside - outside > max(LEAST_CONTRAST * noise, LEAST_STEPS * step, LEAST_SHARE * span)
    is_nuclear[1:] &= relief.ravel()[peaks[:count]] > _LEAST_RELIEF
    levels = np.where(is_nuclear, outside + HALF * (inside - outside), np.inf).astype(np.float32)
    mask = np.empty(plane.shape, np.uint8)
    kernels.above_levels(basins, excess, levels, mask)
    filled = segmentation.fill_holes(mask.view(np.bool_), _LARGEST_HOLE * math.pi / 4 * diameter**2)
    labels, found = _cut(filled.view(np.uint8), relief, diameter)
    return Fragments(labels, found, excess, _noise_between(excess, max(8, round(diameter))))


def noise_of(plane: Floats, reaches: tuple[int, ...]) -> float:
    """Standard deviation of the noise, from what places some pixels apart do not share; the most of several distances.

    Noise that a camera, a file or a filter smoothed differs little next door, but it does further on.

    Notes
    -----
    Immerkær, Comput Vis Image Underst 64:300–302 (1996), https://doi.org/10.1006/cviu.1996.0060, with the lower
    quartile in place of the mean: nuclei may cover half of the field.
    """
    return max((_noise_at(plane, reach) for reach in reaches if min(plane.shape) > 4 * reach), default=0.0)


def background(plane: Floats, diameter: float) -> Floats:
    """The plane without everything that is narrower than two nuclei (morphological opening, at a coarse scale).

    A slope or vignette is taken off before: an opening cuts off its highest corner.
    """
    factor = max(1.0, diameter / 4)
    size = tuple(max(1, round(edge / factor)) for edge in plane.shape[::-1])
    coarse = np.asarray(cv2.resize(smooth(plane, diameter / 8), size, interpolation=cv2.INTER_AREA), np.float32)
    slope = _low_surface(coarse)
    edge = 2 * round(_OPENED * diameter / factor / 2) + 1
    disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (edge, edge))
    opened = cv2.morphologyEx(coarse - slope, cv2.MORPH_OPEN, disc, borderType=cv2.BORDER_REFLECT)
    even = smooth(np.asarray(opened, np.float32), diameter / factor / 2) + slope
    return np.asarray(cv2.resize(even, plane.shape[::-1], interpolation=cv2.INTER_LINEAR), np.float32)


def _low_surface(plane: Floats) -> Floats:
    """Quadratic surface along the lower values of a plane, by asymmetric least squares.

    Notes
    -----
    Newey & Powell, Econometrica 55:819–847 (1987), https://doi.org/10.2307/1911031.
    """
    y, x = np.meshgrid(*(np.linspace(-1, 1, n) for n in plane.shape), indexing="ij")
    terms = np.stack([np.ones_like(y), y, x, y * y, x * x, x * y])
    step = max(1, round(math.sqrt(plane.size / _FITTED)))
    basis, values = terms[:, ::step, ::step].reshape(6, -1), plane[::step, ::step].ravel().astype(np.float64)
    weights = np.ones_like(values)
    found = np.zeros(6)
    for _ in range(8):
        # A trace on the diagonal, for pictures of less than three pixels in a direction.
        normal = (basis[:, np.newaxis] * (basis * weights)).sum(axis=2) + 1e-9 * len(values) * np.eye(6)
        found = np.linalg.solve(normal, (basis * (weights * values)).sum(axis=1))
        weights = np.where(values > (basis * found[:, np.newaxis]).sum(axis=0), _UPPER_WEIGHT, 1.0)
    return np.asarray((terms * found[:, np.newaxis, np.newaxis]).sum(axis=0), np.float32)


def smooth(plane: Floats, sigma: float) -> Floats:
    """Gaussian blur with mirrored borders."""
    if sigma < 0.3:
        return plane
    return np.asarray(cv2.GaussianBlur(plane, (0, 0), sigma, borderType=cv2.BORDER_REFLECT_101), np.float32)


def _noise_at(plane: Floats, reach: int) -> float:
    """Noise from the second differences, across and down, of pixels so far apart."""
    rows = np.ascontiguousarray(plane[:, ::2]) if plane.size > 500_000 else plane
    reach_x = max(1, reach // 2) if rows is not plane else reach
    width, height = rows.shape[1] - 2 * reach_x, rows.shape[0] - 2 * reach
    across = rows[:, :width] - 2 * rows[:, reach_x : reach_x + width] + rows[:, 2 * reach_x :]
    both = across[:height] - 2 * across[reach : reach + height] + across[2 * reach :]
    return float(np.quantile(np.abs(both), 0.25)) / (6 * _QUARTILE)


def _noise_between(excess: Floats, reach: int) -> float:
    """Noise from places further apart than any noise is alike; the least tenth of them are alike but for noise."""
    if min(excess.shape) <= reach:
        return 0.0
    thinned = excess[::2, ::2]
    down, across = (
        thinned[reach // 2 :] - thinned[: -(reach // 2)],
        thinned[:, reach // 2 :] - thinned[:, : -(reach // 2)],
    )
    return max(float(np.quantile(np.abs(apart), 0.1)) for apart in (down, across)) / (math.sqrt(2) * _TENTH)


def _relief(excess: Floats, diameter: float, noise: float) -> Floats:
    """Difference of Gaussians of the logarithm, for blobs smaller than nuclei."""
    dim = max(_DIM * float(np.percentile(excess[::2, ::2], 99.5)), 2 * noise, 1e-30)
    height = np.log1p(excess / np.float32(dim)).astype(np.float32)
    sigma = FINENESS * diameter / (2 * math.sqrt(2) * math.sqrt(_WIDER))
    return smooth(height, sigma) - smooth(height, _WIDER * sigma)


def _cut(mask: npt.NDArray[np.uint8], relief: Floats, diameter: float) -> tuple[Labels, int]:
    depth = np.asarray(cv2.distanceTransform(mask, cv2.DIST_L2, 5), np.float32)
    depth = smooth(depth, 0.05 * diameter) * np.float32((1 - _RELIEF_SHARE) / (diameter / 2))
    height = np.asarray((depth + np.maximum(relief, 0) * np.float32(4 * _RELIEF_SHARE)) * mask, np.float32)
    labels, peaks = np.empty(mask.shape, np.int32), np.empty(mask.size, np.int32)
    return labels, int(nuclei_kernels.climb(height, 0.0, labels, peaks))
