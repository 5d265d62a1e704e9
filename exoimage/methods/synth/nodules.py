"""Shapes of mineralised nodules: irregular blobs that cover exactly the fraction that was asked for."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from exoimage.errors import RecipeError
from exoimage.methods.synth.optics import FloatArray, smooth_noise

HARMONICS = np.arange(2, 8)
REACH = 1.3  # how far beyond its outline, in radii, a nodule may still be grown
CHUNK = 400_000  # pixels computed at once


@dataclass(frozen=True)
class Nodules:
    """What nodules a field or a well holds.

    Parameters
    ----------
    fraction : float
        Share of the region that is stained, 0 … 1; hit to the pixel.
    radius_px : float
        Median radius.
    radius_spread : float
        Sigma of the logarithm of the radii (log-normal).
    od : float
        Median optical density of a nodule's plateau, along the stain vector.
    od_spread : float
        Sigma of the logarithm of the plateaus.
    dome : float
        How much denser, relatively, the middle of a nodule is than its plateau near the edge.
    edge_px : float
        Width of the ramp from nothing to the plateau.
    roughness : float
        Irregularity of the outlines: 0 gives discs, 0.15 smooth irregular blobs.
    texture : float
        Relative granularity (standard deviation) of the stain within the nodules.
    patchiness : float
        0 scatters the nodules evenly; 1 gathers them in patches.
    separate : bool
        Keep the nodules apart by at least `edge_px` + 2 px, so that each is an object of its own. Reaches about
        a third of the region.
    """

    fraction: float = 0.2
    radius_px: float = 12.0
    radius_spread: float = 0.45
    od: float = 0.6
    od_spread: float = 0.2
    dome: float = 0.35
    edge_px: float = 2.0
    roughness: float = 0.15
    texture: float = 0.1
    patchiness: float = 0.3
    separate: bool = False

    def __post_init__(self) -> None:
        if not 0 <= self.fraction <= 1:
            raise RecipeError(f"fraction is {self.fraction}; expected 0 … 1")
        if not (self.radius_px >= 1 and self.od > 0 and self.edge_px > 0):
            raise RecipeError("radius_px must be 1 or more, od and edge_px above 0")
        if not (0 <= self.roughness <= 0.3 and 0 <= self.patchiness <= 1):
            raise RecipeError("roughness must be 0 … 0.3 and patchiness 0 … 1")
        if min(self.radius_spread, self.od_spread, self.dome, self.texture) < 0:
            raise RecipeError("radius_spread, od_spread, dome and texture must be 0 or more")


@dataclass(frozen=True, eq=False)
class Growth:
    """Stain laid down in a region, and where it counts as stained.

    Parameters
    ----------
    stain_od : (y, x) float32
        Optical density along the stain vector.
    mask : (y, x) bool
        Inside a nodule's outline, which is where the ramp of its edge passes half of its plateau.
    """

    stain_od: FloatArray
    mask: npt.NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class _Seeds:
    centre: FloatArray
    radius: FloatArray
    waves: npt.NDArray[np.complex64]
    plateau: FloatArray

    def __len__(self) -> int:
        return len(self.radius)

    def reach_px(self) -> FloatArray:
        return np.asarray(self.radius * REACH * (1 + np.abs(self.waves).sum(axis=1)), np.float32)

    def take(self, index: npt.NDArray[np.intp]) -> _Seeds:
        return _Seeds(self.centre[index], self.radius[index], self.waves[index], self.plateau[index])

    def joined(self, other: _Seeds) -> _Seeds:
        return _Seeds(
            np.concatenate([self.centre, other.centre]),
            np.concatenate([self.radius, other.radius]),
            np.concatenate([self.waves, other.waves]),
            np.concatenate([self.plateau, other.plateau]),
        )


def grow_nodules(region: npt.NDArray[np.bool_], nodules: Nodules, rng: np.random.Generator) -> Growth:
    """Grow nodules until they cover the wanted fraction of a region.

    Parameters
    ----------
    region : (y, x) bool
        Where stain may be; nothing is laid outside.
    nodules : Nodules
    rng : numpy.random.Generator

    Returns
    -------
    Growth

    Raises
    ------
    RecipeError
        If `nodules.separate` is asked for with more nodules than find room.

    Notes
    -----
    Outlines are Fourier-perturbed discs. All are scaled by one common factor near 1, a quantile of the relative
    distance to the nearest nodule, which is why the fraction is exact.

    Examples
    --------
    >>> region = np.ones((200, 300), bool)
    >>> growth = grow_nodules(region, Nodules(fraction=0.25), np.random.default_rng(1))
    >>> round(float(growth.mask.mean()), 4)
    0.25
    """
    shape = (region.shape[0], region.shape[1])
    wanted = round(nodules.fraction * int(region.sum()))
    if wanted == 0:
        return Growth(np.zeros(shape, np.float32), np.zeros(shape, np.bool_))
    grain = _grain(shape, nodules.texture, rng)
    if wanted == int(region.sum()):
        tone = np.exp(nodules.od_spread * smooth_noise(shape, nodules.radius_px, rng))
        return Growth(np.asarray(np.where(region, nodules.od * tone * grain, 0), np.float32), region.copy())
    seeds, distance = _enough_seeds(region, nodules, wanted, rng)
    within = np.partition(distance[region], (wanted - 1, wanted))
    scale = float(within[wanted - 1] + within[wanted]) / 2
    mask = region & (distance < scale)
    stain = _laid_stain(shape, seeds, nodules, scale) * grain
    return Growth(np.asarray(np.where(region, stain, 0), np.float32), mask)


def _enough_seeds(
    region: npt.NDArray[np.bool_], nodules: Nodules, wanted: int, rng: np.random.Generator
) -> tuple[_Seeds, FloatArray]:
    """Nodules that can reach the fraction, and each pixel's relative distance to the nearest."""
    shape = (region.shape[0], region.shape[1])
    area = int(region.sum())
    # Discs dropped at random overlap: they cover 1 - exp(-sum of areas / area).
    missing = wanted if nodules.separate else -area * np.log1p(-wanted / area)
    mean_area = np.pi * nodules.radius_px**2 * np.exp(2 * nodules.radius_spread**2)
    density = _density(shape, nodules, rng)
    seeds = _draw_seeds(region, density, nodules, max(1, round(missing / mean_area)), rng)
    most = 1.0 if nodules.separate else REACH
    while True:
        if nodules.separate:
            seeds = _kept_apart(seeds, nodules.edge_px + 2)
        distance = _relative_distance(shape, seeds)
        covered = int((distance[region] < most).sum())
        if covered > wanted:
            return seeds, distance
        extra = max(200, len(seeds)) if nodules.separate else max(4, len(seeds) // 4)
        more = _draw_seeds(region, density, nodules, extra, rng)
        if nodules.separate and len(_kept_apart(seeds.joined(more), nodules.edge_px + 2)) == len(seeds):
            raise RecipeError(
                f"separate nodules cover at most {covered / area:.0%} of this region; "
                f"{nodules.fraction:.0%} was asked for: lower the fraction, or let them merge (separate=False)"
            )
        seeds = seeds.joined(more)


def _density(shape: tuple[int, int], nodules: Nodules, rng: np.random.Generator) -> FloatArray:
    patches = smooth_noise(shape, 0.08 * max(shape) + 1, rng)
    return np.asarray(np.exp(1.5 * nodules.patchiness * np.minimum(patches, 1.5)), np.float32)


def _draw_seeds(
    region: npt.NDArray[np.bool_],
    density: FloatArray,
    nodules: Nodules,
    count: int,
    rng: np.random.Generator,
) -> _Seeds:
    rows = np.flatnonzero(region.any(axis=1))
    columns = np.flatnonzero(region.any(axis=0))
    margin = nodules.radius_px
    low = np.array([rows[0] - margin, columns[0] - margin])
    high = np.array([rows[-1] + margin, columns[-1] + margin])
    # Nodules are drawn beyond the border too: those it cuts are as frequent as in a real field.
    candidates = rng.uniform(low, high, (8 * count + 16, 2))
    inside = np.clip(np.rint(candidates).astype(np.intp), 0, np.array(region.shape) - 1)
    keep = rng.uniform(0, float(density.max()), len(candidates)) < density[inside[:, 0], inside[:, 1]]
    centre = np.concatenate([candidates[keep], candidates[~keep]])[:count]
    spread = np.clip(rng.standard_normal(count), -2.2, 2.2)
    radius = np.maximum(nodules.radius_px * np.exp(nodules.radius_spread * spread), 1.0)
    size = nodules.roughness * (2 / HARMONICS) ** 1.2 * np.abs(rng.normal(1, 0.35, (count, len(HARMONICS))))
    waves = size * np.exp(2j * np.pi * rng.random((count, len(HARMONICS))))
    # Keeps a nodule's area at pi * radius**2 whatever its outline.
    radius = radius / np.sqrt(1 + (size**2).sum(axis=1) / 2)
    plateau = nodules.od * np.exp(nodules.od_spread * np.clip(rng.standard_normal(count), -2.2, 2.2))
    return _Seeds(
        centre.astype(np.float32), radius.astype(np.float32), waves.astype(np.complex64), plateau.astype(np.float32)
    )


def _kept_apart(seeds: _Seeds, gap_px: float) -> _Seeds:
    """Those nodules that touch none larger than they are."""
    seeds = seeds.take(np.argsort(-seeds.radius, kind="stable"))
    outer = seeds.radius * (1 + np.abs(seeds.waves).sum(axis=1))
    kept: list[int] = []
    for index in range(len(seeds)):
        apart = np.hypot(*(seeds.centre[kept] - seeds.centre[index]).T) if kept else np.empty(0)
        if np.all(apart > outer[kept] + outer[index] + gap_px):
            kept.append(index)
    return seeds.take(np.array(kept, np.intp))


def _relative_distance(shape: tuple[int, int], seeds: _Seeds) -> FloatArray:
    distance = np.full(shape[0] * shape[1], np.inf, np.float32)
    for pixel, relative, _ in _stencils(shape, seeds):
        np.minimum.at(distance, pixel, relative)
    return distance.reshape(shape)


def _laid_stain(shape: tuple[int, int], seeds: _Seeds, nodules: Nodules, scale: float) -> FloatArray:
    stain = np.zeros(shape[0] * shape[1], np.float32)
    for pixel, relative, owner in _stencils(shape, seeds):
        inwards_px = (scale - relative) * seeds.radius[owner]
        ramp = np.clip(0.5 + inwards_px / nodules.edge_px, 0, 1)
        ramp = ramp * ramp * (3 - 2 * ramp)
        dome = 1 + nodules.dome * np.maximum(0, 1 - (relative / scale) ** 2)
        np.maximum.at(stain, pixel, (seeds.plateau[owner] * ramp * dome).astype(np.float32))
    return stain.reshape(shape)


def _grain(shape: tuple[int, int], texture: float, rng: np.random.Generator) -> FloatArray:
    if texture == 0:
        return np.ones(shape, np.float32)
    noise = 0.6 * smooth_noise(shape, 1.5, rng) + 0.8 * smooth_noise(shape, 6, rng)
    return np.asarray(np.exp(texture * noise), np.float32)


def _stencils(
    shape: tuple[int, int], seeds: _Seeds
) -> Iterator[tuple[npt.NDArray[np.intp], FloatArray, npt.NDArray[np.intp]]]:
    """Pixels near nodules, many nodules at a time: flat pixel index, distance in units of the outline, nodule."""
    half = _half_windows(seeds)
    for size in np.unique(half):
        members = np.flatnonzero(half == size)
        step = max(1, CHUNK // int(2 * size + 1) ** 2)
        for start in range(0, len(members), step):
            yield _stencil(shape, seeds, members[start : start + step], int(size))


def _half_windows(seeds: _Seeds) -> npt.NDArray[np.intp]:
    """Half window edges, rounded up to a few classes so that equal ones are computed together."""
    classes = np.unique(np.ceil(2.0 ** np.arange(1, 14, 0.4)).astype(np.intp))
    return np.asarray(classes[np.searchsorted(classes, np.ceil(seeds.reach_px()) + 1)], np.intp)


def _stencil(
    shape: tuple[int, int], seeds: _Seeds, members: npt.NDArray[np.intp], half: int
) -> tuple[npt.NDArray[np.intp], FloatArray, npt.NDArray[np.intp]]:
    offset = np.arange(-half, half + 1)
    corner = np.rint(seeds.centre[members]).astype(np.intp)
    y = corner[:, 0, np.newaxis, np.newaxis] + offset[:, np.newaxis]
    x = corner[:, 1, np.newaxis, np.newaxis] + offset[np.newaxis, :]
    away_y = y.astype(np.float32) - seeds.centre[members, 0][:, np.newaxis, np.newaxis]
    away_x = x.astype(np.float32) - seeds.centre[members, 1][:, np.newaxis, np.newaxis]
    away = np.hypot(away_y, away_x)
    reach = seeds.reach_px()[members][:, np.newaxis, np.newaxis]
    inside = (away < reach) & (y >= 0) & (y < shape[0]) & (x >= 0) & (x < shape[1])
    nodule, row, column = np.nonzero(inside)
    owner = members[nodule]
    pixel = y[nodule, row, 0] * shape[1] + x[nodule, 0, column]
    distance = away[inside]
    direction = (away_x[nodule, 0, column] + 1j * away_y[nodule, row, 0]) / np.maximum(distance, 1e-3)
    return pixel, distance / (seeds.radius[owner] * _outline(direction, seeds.waves[owner])), owner


def _outline(direction: npt.NDArray[np.complex64], waves: npt.NDArray[np.complex64]) -> FloatArray:
    """Relative radius in a direction: ``1 + sum(|w_k| cos(k angle + arg w_k))``."""
    power = direction * direction
    total = np.ones(len(direction), np.float32)
    for column in range(waves.shape[1]):
        total += (power * waves[:, column]).real
        power = power * direction
    return np.asarray(np.maximum(total, 0.25), np.float32)
