"""Bright-field microscope fields of stained nodules, with their truth."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from exoimage.errors import RecipeError
from exoimage.methods.synth.nodules import Nodules, grow_nodules
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

DEMO_ALIZARIN: Rgb = unit((0.22, 0.80, 0.56))
CELL_LAYER: Rgb = unit((0.52, 0.57, 0.64))
NEUTRAL: Rgb = unit((1.0, 1.0, 1.0))


@dataclass(frozen=True)
class Surroundings:
    """What a field holds beside nodules; none of it is stain that counts.

    Parameters
    ----------
    cell_layer_od : float
        Contrast (standard deviation of the density) of the unstained cell layer; 0.02 is faint.
    haze_od : float
        Diffuse stain between the nodules, which washing left behind; part of `NoduleField.stain_od`.
    debris : int
        Number of small dark neutral specks.
    """

    cell_layer_od: float = 0.02
    haze_od: float = 0.0
    debris: int = 0

    def __post_init__(self) -> None:
        if self.cell_layer_od < 0 or self.haze_od < 0 or self.debris < 0:
            raise RecipeError("cell_layer_od, haze_od and debris must be 0 or more")


BARE = Surroundings(cell_layer_od=0.0)


@dataclass(frozen=True, eq=False)
class NoduleField:
    """A rendered field and its truth.

    Parameters
    ----------
    pixels : (y, x, 3) uint8 or uint16
        The picture.
    stain_od : (y, x) float32
        True optical density along `vector`, before blur and camera.
    mask : (y, x) bool
        Truly stained: inside the nodules' outlines, where the ramp of their edge passes half of the plateau.
    labels : (y, x) int32
        The mask's 8-connected pieces, numbered from 1 in raster order; nodules grown together are one.
    debris : (y, x) bool
        Dark neutral specks.
    light : (y, x) float32
        Relative brightness of the empty field, 1 at its brightest.
    white : (red, green, blue)
        Stored value of an empty, fully lit pixel in the units of `pixels`.
    vector : (red, green, blue)
        Unit optical-density vector of the stain.
    """

    pixels: npt.NDArray[Any]
    stain_od: FloatArray
    mask: npt.NDArray[np.bool_]
    labels: npt.NDArray[np.int32]
    debris: npt.NDArray[np.bool_]
    light: FloatArray
    white: Rgb
    vector: Rgb

    @property
    def stained_area_pct(self) -> float:
        """Stained share of the field in percent."""
        return 100 * float(self.mask.mean())

    @property
    def nodule_count(self) -> int:
        """Number of separate nodules."""
        return int(self.labels.max())

    @property
    def mean_od(self) -> float:
        """Mean true optical density within the mask; not-a-number where nothing is stained."""
        return float(self.stain_od[self.mask].mean()) if self.mask.any() else float("nan")


def nodule_field(
    shape: tuple[int, int] = (512, 640),
    nodules: Nodules | None = None,
    *,
    surroundings: Surroundings | None = None,
    light: Light | None = None,
    camera: Camera | None = None,
    vector: Rgb = DEMO_ALIZARIN,
    seed: int = 0,
) -> NoduleField:
    """Render a bright-field picture of stained nodules.

    Parameters
    ----------
    shape : (height, width)
        In px.
    nodules : Nodules, optional
        Fraction, sizes and density of the nodules.
    surroundings : Surroundings, optional
        Cell layer, haze, debris.
    light : Light, optional
        White point and evenness. Default: even light.
    camera : Camera, optional
        Blur, noise, bit depth, JPEG.
    vector : (red, green, blue)
        Optical-density vector of the stain; scaled to unit length.
    seed : int
        The same seed and parameters give the same picture. Nodules, surroundings and noise draw from streams of
        their own: another camera sees the same nodules.

    Returns
    -------
    NoduleField

    Raises
    ------
    RecipeError
        If a parameter is out of its bounds.

    Notes
    -----
    ``pixels = white · light(y, x) · 10 ** -(Σ amount · vector)``, the Beer–Lambert law per colour channel as in
    Ruifrok & Johnston, Anal Quant Cytol Histol 23:291–299 (2001), then optics and camera.

    Examples
    --------
    >>> field = nodule_field((120, 160), Nodules(fraction=0.3, radius_px=8), seed=7)
    >>> field.pixels.shape, str(field.pixels.dtype), round(field.stained_area_pct, 1)
    ((120, 160, 3), 'uint8', 30.0)
    """
    nodules, surroundings = nodules or Nodules(), surroundings or Surroundings()
    light, camera = light or Light(), camera or Camera()
    if min(shape) < 1:
        raise RecipeError(f"a field of {shape[0]} × {shape[1]} px; expected at least 1 × 1")
    if min(vector) < 0 or max(vector) <= 0:
        raise RecipeError(f"stain vector {vector}; expected three densities of 0 or more, not all 0")
    growth_rng, surroundings_rng, camera_rng = np.random.default_rng(seed).spawn(3)
    growth = grow_nodules(np.ones(shape, np.bool_), nodules, growth_rng)
    layer = cell_layer(shape, surroundings_rng) * np.float32(surroundings.cell_layer_od)
    specks = debris_od(shape, surroundings.debris, surroundings_rng)
    stain = growth.stain_od + haze(shape, surroundings.haze_od, surroundings_rng)
    lit = illumination(shape, light)
    passed = transmittance([stain, layer, specks], [unit(vector), CELL_LAYER, NEUTRAL])
    scene = np.asarray(passed * lit[:, :, np.newaxis] * (np.array(light.white) / 255), np.float32)
    return NoduleField(
        pixels=photograph(scene, camera, camera_rng),
        stain_od=stain,
        mask=growth.mask,
        labels=raster_labels(growth.mask),
        debris=specks > 0.1,
        light=lit,
        white=white_stored(light, camera),
        vector=unit(vector),
    )


def white_stored(light: Light, camera: Camera) -> Rgb:
    """White point in the camera's stored units."""
    red, green, blue = (value / 255 * camera.max_value for value in light.white)
    return (red, green, blue)


def raster_labels(mask: npt.NDArray[np.bool_]) -> npt.NDArray[np.int32]:
    """8-connected pieces numbered from 1 in the raster order of their first pixels.

    Examples
    --------
    >>> raster_labels(np.array([[0, 1, 0, 1], [1, 0, 0, 0]], bool))
    array([[0, 1, 0, 2],
           [1, 0, 0, 0]], dtype=int32)
    """
    count, found = cv2.connectedComponents(mask.view(np.uint8), connectivity=8, ltype=cv2.CV_32S)
    labels = np.asarray(found, np.int32)
    first = np.full(count, mask.size, np.intp)
    pixel = np.flatnonzero(mask)
    np.minimum.at(first, labels.ravel()[pixel], pixel)
    number = np.zeros(count, np.int32)
    number[1 + np.argsort(first[1:])] = np.arange(1, count)
    return np.asarray(number[labels], np.int32)


def cell_layer(shape: tuple[int, int], rng: np.random.Generator) -> FloatArray:
    """Texture of a monolayer of spindle-shaped cells lying in swirls: mean 0, standard deviation 1.

    Returns
    -------
    (y, x) float32
    """
    noise = rng.standard_normal(shape, np.float32)
    heading = smooth_noise(shape, 0.12 * max(shape) + 2, rng) * np.float32(0.8)
    angles = np.arange(6) * np.pi / 6
    texture = np.zeros(shape, np.float32)
    weights = np.zeros(shape, np.float32)
    for angle in angles:
        weight = np.cos(heading - np.float32(angle)) ** 8
        strands = cv2.filter2D(noise, cv2.CV_32F, _strand(angle), borderType=cv2.BORDER_REFLECT_101)
        texture += weight * np.asarray(strands, np.float32).reshape(shape)
        weights += weight * weight
    texture /= np.sqrt(weights)
    return np.asarray((texture - texture.mean()) / max(float(texture.std()), 1e-6), np.float32)


def _strand(angle: float, length_px: float = 11.0, width_px: float = 1.8) -> FloatArray:
    reach = np.arange(-24, 25, dtype=np.float32)
    along = reach[np.newaxis, :] * np.cos(angle) + reach[:, np.newaxis] * np.sin(angle)
    across = -reach[np.newaxis, :] * np.sin(angle) + reach[:, np.newaxis] * np.cos(angle)
    # A dark body with brighter edges, as refraction draws a living cell.
    profile = (1 - 0.7 * (across / width_px) ** 2) * np.exp(-((across / width_px) ** 2) / 2)
    strand = profile * np.exp(-((along / length_px) ** 2) / 2)
    return np.asarray(strand / np.abs(strand).sum(), np.float32)


def haze(shape: tuple[int, int], od: float, rng: np.random.Generator) -> FloatArray:
    """Diffuse stain of mean density `od`, unevenly washed out."""
    if od == 0:
        return np.zeros(shape, np.float32)
    patches = np.exp(0.35 * smooth_noise(shape, 0.1 * max(shape) + 1, rng))
    return np.asarray(od * patches / patches.mean(), np.float32)


def debris_od(shape: tuple[int, int], count: int, rng: np.random.Generator) -> FloatArray:
    """Optical density of small dark specks and fibres, neutral in colour."""
    layer = np.zeros(shape, np.float32)
    for _ in range(count):
        y, x = rng.uniform(0, shape[0]), rng.uniform(0, shape[1])
        size = float(np.exp(rng.normal(0.9, 0.35)))
        stretch = rng.uniform(1, 2.2)
        cv2.ellipse(
            layer,
            (round(16 * x), round(16 * y)),
            (round(16 * size * stretch), round(16 * size)),
            float(rng.uniform(0, 180)), 0, 360, float(rng.uniform(0.6, 1.6)), -1, cv2.LINE_AA, 4,
        )  # fmt: skip
    return blurred(layer, 0.7) if count else layer
