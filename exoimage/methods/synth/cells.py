"""Fluorescence fields of nuclei and a nuclear marker (EdU, Ki67, pH3), with their truth."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from exoimage.errors import RecipeError
from exoimage.methods.synth.optics import Camera, FloatArray, Light, blurred, illumination, photograph, smooth_noise

TRIES = 60  # per nucleus, to find it a free place
NORMAL, MITOTIC, APOPTOTIC = 0, 1, 2


@dataclass(frozen=True)
class CellPopulation:
    """What nuclei a field holds and how bright they are; brightness is relative to the camera's full scale.

    Parameters
    ----------
    count : int
        Nuclei that are placed, if there is room.
    diameter_px : float
        Median diameter.
    diameter_spread, brightness_spread : float
        Relative standard deviations, log-normal.
    elongation : float
        Largest ratio of long to short axis.
    touching : float
        Share of the nuclei that are placed against another one.
    overlap : float
        How far those reach into it, as a share of the mean diameter.
    brightness : float
        Median brightness of a nucleus.
    texture : float
        Relative standard deviation of chromatin.
    mitotic, apoptotic : float
        Shares of small, elongated bright nuclei and of small, round, very bright ones.
    positive : float
        Share of the nuclei that carry the marker.
    marker_brightness, marker_spread : float
        Median and relative standard deviation of the marker in positive nuclei.
    marker_background : float
        Marker in all other nuclei.
    """

    count: int = 120
    diameter_px: float = 24.0
    diameter_spread: float = 0.12
    brightness_spread: float = 0.3
    elongation: float = 1.5
    touching: float = 0.2
    overlap: float = 0.06
    brightness: float = 0.3
    texture: float = 0.12
    mitotic: float = 0.0
    apoptotic: float = 0.0
    positive: float = 0.3
    marker_brightness: float = 0.3
    marker_spread: float = 0.3
    marker_background: float = 0.01

    def __post_init__(self) -> None:
        shares = (self.touching, self.mitotic, self.apoptotic, self.positive, self.mitotic + self.apoptotic)
        if self.count < 0 or self.diameter_px < 4 or self.elongation < 1:
            raise RecipeError("count must be 0 or more, diameter_px 4 or more and elongation 1 or more")
        if not all(0 <= share <= 1 for share in shares) or not 0 <= self.overlap <= 0.5:
            raise RecipeError("shares must be 0 … 1, mitotic and apoptotic together too, and overlap 0 … 0.5")


@dataclass(frozen=True)
class Haze:
    """Light from beside the nuclei.

    Parameters
    ----------
    offset : float
        Even background, as a share of full scale.
    cloud : float
        Standard deviation of a slowly varying background.
    halo : float
        Share of the nuclei's light that comes from out of focus, spread over a diameter.
    """

    offset: float = 0.03
    cloud: float = 0.005
    halo: float = 0.08


@dataclass(frozen=True, eq=False)
class CellField:
    """A fluorescence picture of nuclei and its truth.

    Parameters
    ----------
    pixels : (y, x, 2) uint8 or uint16
        Nuclei, marker.
    labels : (y, x) int32
        Nuclei by number; where two overlap, of the later one.
    centres : (n, 2) float64
        y, x.
    positive : (n,) bool
        Which carry the marker.
    kinds : (n,) int
        `NORMAL`, `MITOTIC` or `APOPTOTIC`.
    """

    pixels: npt.NDArray[Any]
    labels: npt.NDArray[np.int32]
    centres: npt.NDArray[np.float64]
    positive: npt.NDArray[np.bool_]
    kinds: npt.NDArray[np.int64]

    @property
    def count(self) -> int:
        """Number of nuclei."""
        return len(self.centres)

    @property
    def positive_pct(self) -> float:
        """Share of the nuclei that carry the marker; not-a-number where there are none."""
        return 100 * float(self.positive.mean()) if self.count else float("nan")


FLUORESCENCE_CAMERA = Camera(blur_px=1.0, electrons=4000.0, read_noise=0.8)
EVEN_LIGHT = Light(relative_range=0.15)


def cell_field(
    shape: tuple[int, int] = (512, 640),
    cells: CellPopulation | None = None,
    *,
    haze: Haze | None = None,
    light: Light = EVEN_LIGHT,
    camera: Camera = FLUORESCENCE_CAMERA,
    seed: int = 0,
) -> CellField:
    """Render a fluorescence picture of nuclei and a nuclear marker.

    Parameters
    ----------
    shape : (height, width)
        In px.
    cells : CellPopulation, optional
    haze : Haze, optional
    light : Light
        Its unevenness; the white point does not matter.
    camera : Camera
    seed : int
        The same seed and parameters give the same picture.

    Returns
    -------
    CellField

    Examples
    --------
    >>> field = cell_field((160, 200), CellPopulation(count=12), seed=1)
    >>> field.pixels.shape, field.count == field.labels.max() == len(field.positive)
    ((160, 200, 2), True)
    """
    cells, haze = cells or CellPopulation(), haze or Haze()
    place_rng, kind_rng, stain_rng, camera_rng = np.random.default_rng(seed).spawn(4)
    kinds = kind_rng.choice(3, cells.count, p=(1 - cells.mitotic - cells.apoptotic, cells.mitotic, cells.apoptotic))
    labels, centres, placed = _placed(shape, cells, kinds, place_rng)
    kinds, count = kinds[placed], len(centres)
    gain = np.array([1.0, 1.8, 3.0])[kinds]
    brightness = cells.brightness * gain * _spread(count, cells.brightness_spread, stain_rng)
    positive = np.zeros(count, np.bool_)
    positive[stain_rng.permutation(count)[: round(cells.positive * count)]] = True
    marked = cells.marker_brightness * _spread(count, cells.marker_spread, stain_rng)
    chromatin = 1 + cells.texture * smooth_noise(shape, 0.08 * cells.diameter_px + 0.5, stain_rng)
    planes = [
        _rendered(labels, values, chromatin, cells, haze, stain_rng)
        for values in (brightness, np.where(positive, marked, cells.marker_background))
    ]
    scene = np.stack(planes, axis=2) * illumination(shape, light)[:, :, np.newaxis]
    return CellField(photograph(np.asarray(scene, np.float32), camera, camera_rng), labels, centres, positive, kinds)


def _rendered(
    labels: npt.NDArray[np.int32],
    values: npt.NDArray[np.float64],
    chromatin: FloatArray,
    cells: CellPopulation,
    haze: Haze,
    rng: np.random.Generator,
) -> FloatArray:
    nuclei = np.concatenate([[0.0], values]).astype(np.float32)[labels] * chromatin
    cloud = haze.cloud * smooth_noise((labels.shape[0], labels.shape[1]), 3 * cells.diameter_px, rng)
    spread = haze.halo * blurred(np.asarray(nuclei, np.float32), cells.diameter_px / 2)
    return np.asarray(np.maximum(haze.offset + cloud, 0) + nuclei + spread, np.float32)


def _spread(count: int, relative: float, rng: np.random.Generator) -> npt.NDArray[np.float64]:
    return np.exp(relative * np.clip(rng.standard_normal(count), -2.5, 2.5))


def _placed(
    shape: tuple[int, int], cells: CellPopulation, kinds: npt.NDArray[np.int64], rng: np.random.Generator
) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.float64], npt.NDArray[np.bool_]]:
    """Ellipses: most of them apart, some against another; which of those asked for found a place."""
    size = np.array([1.0, 0.7, 0.45])[kinds] * cells.diameter_px * _spread(len(kinds), cells.diameter_spread, rng)
    stretch = np.where(kinds == MITOTIC, 2.0, rng.uniform(1, cells.elongation, len(kinds)))
    long, short = size / 2 * np.sqrt(stretch), size / 2 / np.sqrt(stretch)
    angles, against = rng.uniform(0, 180, len(kinds)), rng.uniform(size=len(kinds)) < cells.touching
    centres, reaches, radii = np.zeros((len(kinds), 2)), np.zeros(len(kinds)), np.zeros(len(kinds))
    labels, taken, found = np.zeros(shape, np.int32), np.zeros(len(kinds), np.bool_), 0
    for k in range(len(kinds)):
        places = rng.uniform((0, 0), shape, (TRIES, 2))
        partner = np.full(TRIES, -1)
        if against[k] and found:
            partner = rng.integers(0, found, TRIES)
            way = rng.uniform(0, 2 * np.pi, TRIES)
            apart = (radii[partner] + size[k] / 2) * (1 - cells.overlap)
            places = centres[partner] + apart[:, np.newaxis] * np.stack([np.sin(way), np.cos(way)], axis=1)
        distance = np.hypot(*(places[:, np.newaxis] - centres[:found]).transpose(2, 0, 1))
        is_partner = partner[:, np.newaxis] == np.arange(found)
        free = (distance > reaches[:found] + long[k] + 3) | is_partner
        inside = np.all((places > 0.3 * short[k]) & (places < np.array(shape) - 0.3 * short[k]), axis=1)
        good = np.flatnonzero(np.all(free, axis=1) & inside)
        if not len(good):
            continue
        centres[found], reaches[found], radii[found], taken[k] = places[good[0]], long[k], size[k] / 2, True
        found += 1
        y, x = places[good[0]]
        axes = (round(16 * long[k]), round(16 * short[k]))
        cv2.ellipse(labels, (round(16 * x), round(16 * y)), axes, angles[k], 0, 360, found, -1, cv2.LINE_8, 4)
    return labels, centres[:found], taken
