"""Bright-field fields of immunostained (DAB) and counterstained cells, with their truth."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import cv2
import numpy as np
import numpy.typing as npt

from exoimage.errors import RecipeError
from exoimage.methods.cell_compartments import cytoplasm
from exoimage.methods.synth.optics import (
    Camera,
    FloatArray,
    Light,
    Rgb,
    blurred,
    illumination,
    photograph,
    smooth_noise,
    transmittance,
    unit,
)

HAEMATOXYLIN: Rgb = (0.65, 0.70, 0.29)
DAB: Rgb = (0.27, 0.57, 0.78)
TRIES = 60  # per nucleus, to find it a free place


@dataclass(frozen=True)
class Immunostain:
    """What cells a field holds and how they are stained.

    Parameters
    ----------
    shares : (negative, weak, moderate, strong)
        Of the cells; they add up to 1.
    dab_od : (negative, weak, moderate, strong)
        Mean optical density of DAB in the stained compartment of each class.
    dab_spread : float
        Relative standard deviation of a cell's density within its class.
    haematoxylin_od : float
        Mean optical density of the counterstain in nuclei; a strongly stained nucleus shows less of it.
    compartment : {"nucleus", "cytoplasm", "both"}
        Where DAB is.
    cover : float
        Share of the field that nuclei cover, up to 0.4.
    diameter_px : float
        Mean diameter of a nucleus.
    strength : float
        Factor on all stain: 0.8 and 1.2 are a weak and a strong staining run.
    """

    shares: tuple[float, float, float, float] = (0.4, 0.2, 0.2, 0.2)
    dab_od: tuple[float, float, float, float] = (0.02, 0.30, 0.50, 0.85)
    dab_spread: float = 0.08
    haematoxylin_od: float = 0.35
    compartment: Literal["nucleus", "cytoplasm", "both"] = "nucleus"
    cover: float = 0.2
    diameter_px: float = 18.0
    strength: float = 1.0

    def __post_init__(self) -> None:
        if min(self.shares) < 0 or abs(sum(self.shares) - 1) > 1e-6:
            raise RecipeError(f"shares are {self.shares}; expected four of 0 or more that add up to 1")
        if not (0 <= self.cover <= 0.4 and self.diameter_px >= 4 and self.strength > 0):
            raise RecipeError("cover must be 0 … 0.4, diameter_px 4 or more and strength above 0")


@dataclass(frozen=True, eq=False)
class ImmunoField:
    """A picture of immunostained cells and its truth.

    Parameters
    ----------
    pixels : (y, x, 3) uint8 or uint16
    dab_od : (y, x) float32
        True optical density of DAB along its vector.
    nuclei : (y, x) int32
        Nuclei by number.
    cell_od : (n,) float64
        True mean optical density of DAB in the stained compartment of each cell.
    white : (red, green, blue)
        Stored value of an empty, fully lit pixel in the units of `pixels`.
    """

    pixels: npt.NDArray[Any]
    dab_od: FloatArray
    nuclei: npt.NDArray[np.int32]
    cell_od: npt.NDArray[np.float64]
    white: Rgb

    def dab_area_pct(self, threshold_od: float = 0.2) -> float:
        """Share of the field whose true DAB density is above a threshold, in percent."""
        return 100 * float((self.dab_od > threshold_od).mean())

    def counts(self, cuts: tuple[float, float, float] = (0.2, 0.4, 0.6)) -> tuple[int, int, int, int]:
        """Cells that are negative, weak, moderate and strong by cuts in their true density."""
        found = np.bincount(np.searchsorted(cuts, self.cell_od, side="right"), minlength=4)
        return int(found[0]), int(found[1]), int(found[2]), int(found[3])


def immuno_field(
    shape: tuple[int, int] = (384, 512),
    cells: Immunostain | None = None,
    *,
    light: Light | None = None,
    camera: Camera | None = None,
    vectors: tuple[Rgb, Rgb] = (HAEMATOXYLIN, DAB),
    seed: int = 0,
) -> ImmunoField:
    """Render a bright-field picture of immunostained cells.

    Parameters
    ----------
    shape : (height, width)
        In px.
    cells : Immunostain, optional
    light : Light, optional
        Default: even light.
    camera : Camera, optional
    vectors : two of (red, green, blue)
        Optical-density vectors of haematoxylin and DAB; scaled to unit length.
    seed : int
        The same seed and parameters give the same picture.

    Returns
    -------
    ImmunoField

    Examples
    --------
    >>> field = immuno_field((120, 160), seed=3)
    >>> field.pixels.shape, len(field.cell_od) == field.nuclei.max(), sum(field.counts()) == len(field.cell_od)
    ((120, 160, 3), True, True)
    """
    cells, light, camera = cells or Immunostain(), light or Light(), camera or Camera()
    place_rng, stain_rng, camera_rng = np.random.default_rng(seed).spawn(3)
    nuclei = _placed_nuclei(shape, cells, place_rng)
    count = int(nuclei.max())
    class_of = _classes(count, cells, stain_rng)
    od = np.array(cells.dab_od)[class_of] * np.exp(cells.dab_spread * np.clip(stain_rng.standard_normal(count), -2, 2))
    stained = _compartment(nuclei, cells)
    texture = np.exp(0.12 * smooth_noise(shape, 0.12 * cells.diameter_px + 0.5, stain_rng)).astype(np.float32)
    dab = blurred(np.concatenate([[0.0], od]).astype(np.float32)[stained] * texture, 0.5) * np.float32(cells.strength)
    # A nucleus full of DAB takes up less haematoxylin, and what it has is hidden.
    counterstain = cells.haematoxylin_od * np.exp(0.15 * stain_rng.standard_normal(count)) * np.exp(-0.8 * od)
    haematoxylin = np.concatenate([[0.0], counterstain]).astype(np.float32)[nuclei] * texture
    pale_tissue = 0.03 * np.exp(0.5 * smooth_noise(shape, cells.diameter_px, stain_rng))
    haematoxylin = (blurred(haematoxylin, 0.5) + pale_tissue) * np.float32(cells.strength)
    passed = transmittance([haematoxylin.astype(np.float32), dab], [unit(vectors[0]), unit(vectors[1])])
    scene = passed * illumination(shape, light)[:, :, np.newaxis] * (np.array(light.white, np.float32) / 255)
    sums = np.bincount(stained.ravel(), weights=dab.ravel(), minlength=count + 1)[1:]
    means = sums / np.maximum(np.bincount(stained.ravel(), minlength=count + 1)[1:], 1)
    red, green, blue = (value / 255 * camera.max_value for value in light.white)
    return ImmunoField(
        pixels=photograph(np.asarray(scene, np.float32), camera, camera_rng),
        dab_od=dab,
        nuclei=nuclei,
        cell_od=means,
        white=(red, green, blue),
    )


def tilted(vector: Rgb, degrees: float, towards: Rgb = (0.0, 0.0, 1.0)) -> Rgb:
    """A stain vector turned by an angle towards another direction: another lot, camera or white balance.

    Examples
    --------
    >>> tuple(round(v, 3) for v in tilted((1.0, 0.0, 0.0), 90))
    (0.0, 0.0, 1.0)
    """
    one, other = np.array(unit(vector)), np.array(unit(towards))
    across = other - (other @ one) * one
    across /= np.linalg.norm(across)
    turned = np.cos(np.radians(degrees)) * one + np.sin(np.radians(degrees)) * across
    return float(turned[0]), float(turned[1]), float(turned[2])


def _classes(count: int, cells: Immunostain, rng: np.random.Generator) -> npt.NDArray[np.intp]:
    """A class per cell, in the shares asked for to the cell."""
    ends = np.rint(np.cumsum(cells.shares) * count).astype(np.intp)
    in_order = np.searchsorted(ends, np.arange(count), side="right").astype(np.intp)
    return np.asarray(rng.permutation(np.minimum(in_order, 3)), np.intp)


def _compartment(nuclei: npt.NDArray[np.int32], cells: Immunostain) -> npt.NDArray[np.int32]:
    if cells.compartment == "nucleus":
        return nuclei
    rings = cytoplasm(nuclei, 0.4 * cells.diameter_px)
    return rings if cells.compartment == "cytoplasm" else rings + nuclei


def _placed_nuclei(shape: tuple[int, int], cells: Immunostain, rng: np.random.Generator) -> npt.NDArray[np.int32]:
    """Ellipses that may touch and never overlap."""
    mean_area = np.pi / 4 * cells.diameter_px**2
    wanted = round(cells.cover * shape[0] * shape[1] / mean_area)
    centres = np.empty((wanted, 2))
    reaches = np.empty(wanted)
    labels = np.zeros(shape, np.int32)
    found = 0
    for _ in range(wanted):
        stretch = float(np.exp(rng.uniform(0, 0.35)))
        diameter = cells.diameter_px * float(np.exp(0.12 * np.clip(rng.standard_normal(), -2, 2)))
        long, short = diameter / 2 * stretch**0.5, diameter / 2 / stretch**0.5
        places = rng.uniform((0, 0), shape, (TRIES, 2))
        apart = np.hypot(*(places[:, np.newaxis] - centres[:found]).transpose(2, 0, 1))
        free = np.flatnonzero(np.all(apart > reaches[:found] + long + 1, axis=1))
        angle = float(rng.uniform(0, 180))
        if not len(free):
            continue
        centres[found], reaches[found] = places[free[0]], long
        found += 1
        y, x = places[free[0]]
        axes = (round(16 * long), round(16 * short))
        cv2.ellipse(labels, (round(16 * x), round(16 * y)), axes, angle, 0, 360, found, -1, cv2.LINE_8, 4)
    # One that a corner of the field cut off entirely has no pixel: numbers stay without gaps.
    present, numbered = np.unique(labels, return_inverse=True)
    return np.asarray(numbered.reshape(shape) + (0 if present[0] == 0 else 1), np.int32)
