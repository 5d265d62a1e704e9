"""Sections of decalcified trabecular bone stained with H&E, with their truth."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from exoimage.errors import RecipeError
from exoimage.methods.synth.optics import (
    Camera,
    FloatArray,
    Light,
    Rgb,
    illumination,
    photograph,
    smooth_noise,
    transmittance,
)

Mask = npt.NDArray[np.bool_]

HAEMATOXYLIN: Rgb = (0.64, 0.69, 0.34)
EOSIN: Rgb = (0.12, 0.87, 0.48)
ERYTHROCYTE: Rgb = (0.12, 0.73, 0.67)
"""Unit densities of the nuclei, of bone and cytoplasm, and of red cells, as slide scanners show them."""

_LINING_UM = 4.0


@dataclass(frozen=True)
class Trabeculae:
    """What bone a section holds.

    Parameters
    ----------
    fraction : float
        BV/TV: share of the tissue (of the metaphysis) that is bone, 0 … 0.8; hit to the pixel.
    spacing_um : float
        Distance of neighbouring trabeculae, about.
    continuity : float
        1: all trabeculae are connected; 0.5: half of their length is missing, as after ovariectomy.
    eosin_od, haematoxylin_od : float
        How densely bone is stained.
    """

    fraction: float = 0.2
    spacing_um: float = 150.0
    continuity: float = 0.85
    eosin_od: float = 0.32
    haematoxylin_od: float = 0.04

    def __post_init__(self) -> None:
        if not (0 <= self.fraction <= 0.8 and 0.1 <= self.continuity <= 1):
            raise RecipeError("fraction must be 0 … 0.8 and continuity 0.1 … 1")
        if not (self.spacing_um > 0 and min(self.eosin_od, self.haematoxylin_od) >= 0):
            raise RecipeError("spacing_um must be above 0, eosin_od and haematoxylin_od 0 or more")


@dataclass(frozen=True)
class Marrow:
    """What lies between the trabeculae.

    Parameters
    ----------
    cell_spacing_um : float
        Distance of neighbouring cells; 8 is packed red marrow.
    fat : float
        Share of the places for a fat vacuole that hold one, 0 … 1.
    blood : float
        Share of the marrow that is sinusoids full of red cells, 0 … 1.
    eosin_od, haematoxylin_od : float
        Density of the cytoplasm, and of the nuclei.
    """

    cell_spacing_um: float = 9.0
    fat: float = 0.35
    blood: float = 0.06
    eosin_od: float = 0.24
    haematoxylin_od: float = 0.7

    def __post_init__(self) -> None:
        if not (0 <= self.fat <= 1 and 0 <= self.blood <= 1 and self.cell_spacing_um >= 5):
            raise RecipeError("fat and blood must be 0 … 1, cell_spacing_um 5 or more")


@dataclass(frozen=True)
class Specimen:
    """What of the section is none of its trabecular tissue.

    Parameters
    ----------
    cortex_um : float
        Width of a band of solid bone along the left edge.
    growth_plate_um : float
        Height of a band of cartilage along the upper edge.
    glass_um : float
        Width of empty glass along the right edge.
    tear_um : float
        Width of a tear through the lower half; 0 for none.
    """

    cortex_um: float = 0.0
    growth_plate_um: float = 0.0
    glass_um: float = 0.0
    tear_um: float = 0.0


@dataclass(frozen=True, eq=False)
class BoneField:
    """A rendered section and its truth.

    Parameters
    ----------
    pixels : (y, x, 3) uint8 or uint16
        The picture.
    bone : (y, x) bool
        Bone with its lacunae, the cortex included.
    tissue : (y, x) bool
        All but glass and tear; fat vacuoles, sinusoids and narrow gaps are tissue.
    metaphysis : (y, x) bool
        Where trabecular bone is measured: neither cortex nor growth plate.
    pixel_size_um : float
    """

    pixels: npt.NDArray[Any]
    bone: Mask
    tissue: Mask
    metaphysis: Mask
    pixel_size_um: float

    @property
    def bv_tv_pct(self) -> float:
        """BV/TV (B.Ar/T.Ar) of the metaphysis in percent."""
        tissue = self.tissue & self.metaphysis
        return 100 * float((self.bone & tissue).sum()) / float(tissue.sum())


def bone_field(
    shape: tuple[int, int] = (600, 700),
    trabeculae: Trabeculae | None = None,
    *,
    marrow: Marrow | None = None,
    specimen: Specimen | None = None,
    light: Light | None = None,
    camera: Camera | None = None,
    strength: float = 1.0,
    vectors: tuple[Rgb, Rgb] = (HAEMATOXYLIN, EOSIN),
    pixel_size_um: float = 1.0,
    seed: int = 0,
) -> BoneField:
    """Render a metaphysis of a decalcified long bone, stained with haematoxylin and eosin.

    Pink smooth trabeculae with osteocytes in lacunae; between them marrow full of purple nuclei, fat vacuoles with thin
    walls, and sinusoids with red cells; here and there the marrow has shrunk from the bone.

    Parameters
    ----------
    shape : (height, width)
        In px.
    trabeculae : Trabeculae, optional
    marrow : Marrow, optional
    specimen : Specimen, optional
        Cortex, growth plate, glass and tear.
    light : Light, optional
    camera : Camera, optional
    strength : float
        All stain times this.
    vectors : (haematoxylin, eosin)
        Their optical-density vectors.
    pixel_size_um : float
    seed : int
        The same seed and parameters give the same picture.

    Returns
    -------
    BoneField

    Raises
    ------
    RecipeError
        If a parameter is out of its bounds.

    Examples
    --------
    >>> field = bone_field((160, 200), Trabeculae(fraction=0.25), seed=3)
    >>> field.pixels.shape, round(field.bv_tv_pct, 1)
    ((160, 200, 3), 25.0)
    """
    trabeculae, marrow, specimen = trabeculae or Trabeculae(), marrow or Marrow(), specimen or Specimen()
    light, camera = light or Light(), camera or Camera()
    if min(shape) < 16 or not pixel_size_um > 0:
        raise RecipeError(
            f"a section of {shape} px of {pixel_size_um} µm; expected 16 × 16 px or more, of a size above 0"
        )
    shape_rng, cell_rng, camera_rng = np.random.default_rng(seed).spawn(3)
    grid = _Grid(shape, pixel_size_um)
    tissue = ~_glass(grid, specimen, shape_rng)
    cortex = _band(grid, grid.x_um, specimen.cortex_um, shape_rng)
    plate = _band(grid, grid.y_um, specimen.growth_plate_um, shape_rng)
    metaphysis = ~cortex & ~plate
    trabecular = _trabeculae(grid, trabeculae, tissue & metaphysis, shape_rng)
    bone = (trabecular | (cortex & ~plate)) & tissue
    amounts = _stained(grid, bone, plate & tissue, tissue, trabeculae, marrow, cell_rng)
    passed = transmittance([np.float32(strength) * amount for amount in amounts], [*vectors, ERYTHROCYTE])
    scene = passed * illumination(shape, light)[:, :, np.newaxis] * (np.array(light.white) / 255)
    pixels = photograph(np.asarray(scene, np.float32), camera, camera_rng)
    return BoneField(pixels, bone, tissue, metaphysis, pixel_size_um)


@dataclass(frozen=True)
class _Grid:
    """Pixels and their places in µm."""

    shape: tuple[int, int]
    pixel_size_um: float

    def px(self, length_um: float) -> float:
        return length_um / self.pixel_size_um

    @property
    def y_um(self) -> FloatArray:
        return np.broadcast_to(np.arange(self.shape[0], dtype=np.float32)[:, np.newaxis], self.shape) * np.float32(
            self.pixel_size_um
        )

    @property
    def x_um(self) -> FloatArray:
        return np.broadcast_to(np.arange(self.shape[1], dtype=np.float32)[np.newaxis], self.shape) * np.float32(
            self.pixel_size_um
        )


def _glass(grid: _Grid, specimen: Specimen, rng: np.random.Generator) -> Mask:
    height_um, width_um = (size * grid.pixel_size_um for size in grid.shape)
    wave = 15 * smooth_noise(grid.shape, grid.px(80), rng)
    glass = grid.x_um > width_um - specimen.glass_um + wave * (specimen.glass_um > 0)
    course = grid.y_um - 0.7 * height_um + 0.25 * (grid.x_um - width_um / 2) + 2 * wave
    return np.asarray(glass | (np.abs(course) < specimen.tear_um / 2))


def _band(grid: _Grid, from_edge_um: FloatArray, width_um: float, rng: np.random.Generator) -> Mask:
    wave = 6 * smooth_noise(grid.shape, grid.px(60), rng)
    return np.asarray((from_edge_um + wave < width_um) & (width_um > 0))


def _trabeculae(grid: _Grid, trabeculae: Trabeculae, where: Mask, rng: np.random.Generator) -> Mask:
    """Bands of nearly one width along the zero lines of a random relief, in places interrupted."""
    spacing_px = grid.px(trabeculae.spacing_um)
    tall = smooth_noise((max(16, grid.shape[0] * 2 // 3), grid.shape[1]), 0.28 * spacing_px, rng)
    relief = cv2.resize(tall, grid.shape[::-1], interpolation=cv2.INTER_CUBIC)
    gaps = smooth_noise(grid.shape, 0.25 * spacing_px, rng)
    uneven = np.exp(0.22 * smooth_noise(grid.shape, 0.3 * spacing_px, rng))
    wanted = round(trabeculae.fraction * int(where.sum()))
    if wanted == 0:
        return np.zeros(grid.shape, np.bool_)
    side = relief > 0
    line = (side != np.roll(side, 1, axis=0)) | (side != np.roll(side, 1, axis=1))
    line[0], line[:, 0] = False, False
    line &= gaps < np.quantile(gaps, trabeculae.continuity)
    away = cv2.distanceTransform((~line).view(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
    rough = smooth_noise(grid.shape, grid.px(8), rng) * np.float32(grid.px(0.8))
    depth = np.asarray(away * uneven + rough, np.float32)
    limit = np.partition(depth[where], wanted - 1)[wanted - 1]
    return np.asarray(where & (depth <= limit))


def _stained(
    grid: _Grid,
    bone: Mask,
    plate: Mask,
    tissue: Mask,
    trabeculae: Trabeculae,
    marrow: Marrow,
    rng: np.random.Generator,
) -> list[FloatArray]:
    """Density of haematoxylin, eosin and of red cells."""
    cells = _cells(grid, marrow.cell_spacing_um, 3.0, rng)
    fat, wall = _fat(grid, marrow, rng)
    blood = smooth_noise(grid.shape, grid.px(18), rng)
    blood_here = (blood > np.quantile(blood, 1 - marrow.blood)) if marrow.blood else np.zeros(grid.shape, np.bool_)
    red = _cells(grid, 6.5, 2.8, rng) * blood_here * (fat == 0)
    tone = np.exp(0.1 * smooth_noise(grid.shape, grid.px(25), rng) + 0.06 * smooth_noise(grid.shape, 1.2, rng))
    cytoplasm = tone * (1 + 0.35 * smooth_noise(grid.shape, grid.px(3), rng)).clip(0.1, None) * ~blood_here
    nuclei = cells * ~blood_here
    open_space = 1 - np.maximum(fat, _shrunk(grid, bone, rng))
    haematoxylin = open_space * (marrow.haematoxylin_od * nuclei + 0.1 * cytoplasm)
    eosin = open_space * marrow.eosin_od * cytoplasm * (1 - 0.6 * nuclei) + 0.5 * marrow.eosin_od * wall
    lacuna, osteocyte = _osteocytes(grid, rng)
    lamellae = 1 + 0.07 * smooth_noise(grid.shape, grid.px(2.5), rng)
    bone_eosin = trabeculae.eosin_od * tone * lamellae * (1 - 0.7 * lacuna)
    bone_haematoxylin = trabeculae.haematoxylin_od * tone + 0.8 * marrow.haematoxylin_od * osteocyte
    chondrocytes = _cells(grid, 16.0, 5.5, rng)
    haematoxylin = np.where(bone, bone_haematoxylin, np.where(plate, 0.3 * tone * (1 - chondrocytes), haematoxylin))
    eosin = np.where(bone, bone_eosin, np.where(plate, 0.06 * tone, eosin))
    red_cells = np.where(bone | plate, 0, 0.55 * red * open_space)
    return [np.asarray(amount * tissue, np.float32) for amount in (haematoxylin, eosin, red_cells)]


def _shrunk(grid: _Grid, bone: Mask, rng: np.random.Generator) -> FloatArray:
    """Narrow gaps where the marrow has shrunk from the bone."""
    away = cv2.distanceTransform((~bone).view(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
    here = smooth_noise(grid.shape, grid.px(40), rng) > 1
    return np.asarray(here & (away < grid.px(_LINING_UM)), np.float32)


def _fat(grid: _Grid, marrow: Marrow, rng: np.random.Generator) -> tuple[FloatArray, FloatArray]:
    """Vacuoles and their walls, 0 … 1."""
    spacing_um = 42.0
    centres = _places(grid, spacing_um, 0.12, rng)
    present = rng.random(len(centres)) < marrow.fat
    radius = rng.uniform(0.28, 0.44, len(centres)) * spacing_um * present
    away, which = _nearest(grid, centres)
    inwards = (radius[which] - away) / grid.pixel_size_um
    held = present[which]
    fat = np.clip(inwards + 0.5, 0, 1) * held
    wall = np.clip(inwards + grid.px(2.0), 0, 1) * (1 - fat) * held
    return np.asarray(fat, np.float32), np.asarray(wall, np.float32)


def _osteocytes(grid: _Grid, rng: np.random.Generator) -> tuple[FloatArray, FloatArray]:
    away, _ = _nearest(grid, _places(grid, 30.0, 0.3, rng))
    lacuna, nucleus = (np.clip((radius - away) / grid.pixel_size_um + 0.5, 0, 1) for radius in (4.2, 2.4))
    return np.asarray(lacuna, np.float32), np.asarray(nucleus, np.float32)


def _cells(grid: _Grid, spacing_um: float, radius_um: float, rng: np.random.Generator) -> FloatArray:
    """Round bodies side by side, 0 … 1."""
    centres = _places(grid, spacing_um, 0.25, rng)
    radius = radius_um * np.exp(0.15 * rng.standard_normal(len(centres)))
    away, which = _nearest(grid, centres)
    return np.asarray(np.clip((radius[which] - away) / grid.pixel_size_um + 0.5, 0, 1), np.float32)


def _places(grid: _Grid, spacing_um: float, jitter: float, rng: np.random.Generator) -> FloatArray:
    """Points on a hexagonal grid, each moved by chance: (n, 2) places in µm."""
    height_um, width_um = (size * grid.pixel_size_um for size in grid.shape)
    rows = np.arange(-spacing_um, height_um + spacing_um, spacing_um * 0.866)
    columns = np.arange(-spacing_um, width_um + spacing_um, spacing_um)
    y, x = np.meshgrid(rows, columns, indexing="ij")
    x = x + (np.arange(len(rows)) % 2)[:, np.newaxis] * spacing_um / 2
    places = np.stack([y.ravel(), x.ravel()], axis=1)
    return np.asarray(places + rng.normal(0, jitter * spacing_um, places.shape), np.float32)


def _nearest(grid: _Grid, places: FloatArray) -> tuple[FloatArray, npt.NDArray[np.intp]]:
    """Distance in µm to the nearest place, and which that is."""
    from scipy.spatial import KDTree

    pixels = np.stack([grid.y_um.ravel(), grid.x_um.ravel()], axis=1)
    away, which = KDTree(places).query(pixels)
    return np.asarray(away, np.float32).reshape(grid.shape), np.asarray(which, np.intp).reshape(grid.shape)
