"""Von Kossa fields: black nodules of known number, pink cells, and what must not be counted."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from exoimage.errors import RecipeError
from exoimage.methods.synth.fields import NEUTRAL, cell_layer, white_stored
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

NUCLEAR_FAST_RED: Rgb = (0.22, 0.84, 0.50)
BROWN: Rgb = (0.25, 0.50, 0.83)
"""Thin silver at the rim of a nodule, and its halo."""


@dataclass(frozen=True)
class Silver:
    """What a von Kossa field holds.

    Parameters
    ----------
    count : int
        Number of nodules.
    touching : float
        Share of the nodules that lie against another one, 0 … 1.
    radius_px : float
        Median radius.
    radius_spread : float
        Sigma of the logarithm of the radii.
    od : float
        Optical density of the silver.
    counterstain_od : float
        Density of nuclear fast red in the cell layer; 0 for none.
    scratches, pencil, edge_debris : int
        Numbers of long thin black scratches, of grey pencil strokes, and of black smears along the field's edge.
    borders_od : float
        Density of a net of silvered cell borders; 0 for none.
    """

    count: int = 30
    touching: float = 0.2
    radius_px: float = 22.0
    radius_spread: float = 0.3
    od: float = 1.3
    counterstain_od: float = 0.18
    scratches: int = 0
    pencil: int = 0
    edge_debris: int = 0
    borders_od: float = 0.0

    def __post_init__(self) -> None:
        if self.count < 0 or not 0 <= self.touching <= 1 or self.radius_px < 2 or self.od <= 0:
            raise RecipeError("count must be 0 or more, touching 0 … 1, radius_px 2 or more and od above 0")


@dataclass(frozen=True, eq=False)
class SilverField:
    """A rendered von Kossa field and its truth.

    Parameters
    ----------
    pixels : (y, x, 3) uint8 or uint16
    mask : (y, x) bool
        Nodules.
    centres : (n, 2) float64
        y, x of each nodule.
    distractors : (y, x) bool
        Scratches, pencil, smears and cell borders.
    white : (red, green, blue)
    """

    pixels: npt.NDArray[Any]
    mask: npt.NDArray[np.bool_]
    centres: npt.NDArray[np.float64]
    distractors: npt.NDArray[np.bool_]
    white: Rgb

    @property
    def nodule_count(self) -> int:
        """Number of nodules."""
        return len(self.centres)

    @property
    def stained_area_pct(self) -> float:
        """Share of the field that nodules cover, in percent."""
        return 100 * float(self.mask.mean())


def silver_field(
    shape: tuple[int, int] = (600, 800),
    silver: Silver | None = None,
    *,
    light: Light | None = None,
    camera: Camera | None = None,
    counterstain: Rgb = NUCLEAR_FAST_RED,
    seed: int = 0,
) -> SilverField:
    """Render a bright-field picture of von Kossa stained nodules.

    Parameters
    ----------
    shape : (height, width)
    silver : Silver, optional
    light : Light, optional
    camera : Camera, optional
    counterstain : (red, green, blue)
        Optical-density vector of the counterstain.
    seed : int

    Returns
    -------
    SilverField
        With fewer nodules than asked for where no more fit.

    Examples
    --------
    >>> field = silver_field((200, 300), Silver(count=4, radius_px=14, touching=0.5), seed=1)
    >>> field.nodule_count, field.pixels.shape
    (4, (200, 300, 3))
    """
    silver, light, camera = silver or Silver(), light or Light(), camera or Camera()
    place_rng, draw_rng, layer_rng, camera_rng = np.random.default_rng(seed).spawn(4)
    discs = _placed(shape, silver, place_rng)
    shares = np.zeros(shape, np.float32)
    for y, x, radius in discs:
        _draw_nodule(shares, y, x, radius, draw_rng)
    mask = shares > 0.5
    black = blurred(shares, 1.0) * np.float32(silver.od) * np.exp(0.12 * smooth_noise(shape, 2.0, draw_rng))
    rim = np.asarray(np.clip(blurred(shares, 3.0) - shares, 0, 1) * 0.35, np.float32)
    other_black, grey = _distractors(shape, silver, draw_rng)
    pink = silver.counterstain_od * np.exp(0.3 * cell_layer(shape, layer_rng)) * (silver.counterstain_od > 0)
    passed = transmittance(
        [np.asarray(black + other_black + grey, np.float32) * np.float32(3**0.5), rim, np.asarray(pink, np.float32)],
        [NEUTRAL, unit(BROWN), unit(counterstain)],
    )
    lit = illumination(shape, light)
    scene = np.asarray(passed * lit[:, :, np.newaxis] * (np.array(light.white) / 255), np.float32)
    return SilverField(
        pixels=photograph(scene, camera, camera_rng),
        mask=mask,
        centres=np.array([(y, x) for y, x, _ in discs], dtype=np.float64).reshape(-1, 2),
        distractors=(other_black + grey) > 0.1,
        white=white_stored(light, camera),
    )


def _placed(shape: tuple[int, int], silver: Silver, rng: np.random.Generator) -> list[tuple[float, float, float]]:
    """Discs (y, x, radius) inside the field; a share of them against an earlier one, the others apart."""
    discs: list[tuple[float, float, float]] = []
    partners = 0
    for _ in range(400 * max(silver.count, 1)):
        if len(discs) >= silver.count:
            break
        radius = silver.radius_px * float(np.exp(rng.normal(0, silver.radius_spread)))
        if partners < round(silver.touching * silver.count / 2) and len(discs) > partners:
            y0, x0, other = discs[partners]
            angle, gap = rng.uniform(0, 2 * np.pi), 0.93 * (radius + other)
            y, x, beside = y0 + gap * np.sin(angle), x0 + gap * np.cos(angle), partners
        else:
            y, x, beside = rng.uniform(0, shape[0]), rng.uniform(0, shape[1]), -1
        margin = 1.2 * radius + 3
        if not (margin < y < shape[0] - margin and margin < x < shape[1] - margin):
            continue
        free = [np.hypot(y - v, x - u) > 1.25 * (radius + r) + 8 for k, (v, u, r) in enumerate(discs) if k != beside]
        if not all(free):
            continue
        if beside >= 0:
            # Partners stand next to each other in the list, so that each one is a partner once.
            discs.insert(partners + 1, (float(y), float(x), radius))
            partners += 2
        else:
            discs.append((float(y), float(x), radius))
    return discs


def _draw_nodule(shares: FloatArray, y: float, x: float, radius: float, rng: np.random.Generator) -> None:
    """A disc with a slightly wavy, grainy outline."""
    turns = np.linspace(0, 2 * np.pi, 90, endpoint=False)
    waves = sum(rng.normal(0, 0.035) * np.cos(k * turns + rng.uniform(0, 2 * np.pi)) for k in range(2, 8))
    reach = radius * (1 + waves + rng.normal(0, 0.008, turns.size))
    outline = np.stack([x + reach * np.cos(turns), y + reach * np.sin(turns)], axis=1)
    cv2.fillPoly(shares, [np.round(16 * outline).astype(np.int32)], 1.0, cv2.LINE_AA, 4)


def _distractors(shape: tuple[int, int], silver: Silver, rng: np.random.Generator) -> tuple[FloatArray, FloatArray]:
    """Optical density of black scratches and smears, and of grey pencil strokes and cell borders."""
    black, grey = np.zeros(shape, np.float32), np.zeros(shape, np.float32)
    for _ in range(silver.scratches):
        _stroke(black, rng, length=0.4, width=int(rng.integers(2, 4)), od=float(rng.uniform(0.7, 1.2)))
    for _ in range(silver.pencil):
        _stroke(grey, rng, length=0.5, width=int(rng.integers(6, 12)), od=float(rng.uniform(0.3, 0.5)))
    for _ in range(silver.edge_debris):
        along = rng.integers(0, shape[1] - 1)
        half = int(rng.uniform(2.5, 4) * silver.radius_px)
        cv2.ellipse(black, (int(along), 0), (half, int(0.5 * silver.radius_px)), 0, 0, 360, 1.1, -1, cv2.LINE_AA)
    if silver.borders_od:
        size = 2.2 * silver.radius_px
        points = rng.uniform(0, 1, (round(shape[0] * shape[1] / size**2) + 4, 2)) * np.array(shape)
        seeds = np.ones(shape, np.uint8)
        seeds[points[:, 0].astype(int), points[:, 1].astype(int)] = 0
        _, cells = cv2.distanceTransformWithLabels(seeds, cv2.DIST_L2, 5, labelType=cv2.DIST_LABEL_CCOMP)
        steps = np.abs(np.diff(cells, axis=0, prepend=0)) + np.abs(np.diff(cells, axis=1, prepend=0))
        grey += blurred((steps > 0).astype(np.float32), 0.9) * np.float32(2 * silver.borders_od)
    return blurred(black, 0.8), blurred(grey, 0.8)


def _stroke(layer: FloatArray, rng: np.random.Generator, *, length: float, width: int, od: float) -> None:
    middle = rng.uniform(0.2, 0.8, 2) * np.array(layer.shape)
    angle, half = rng.uniform(0, np.pi), length * max(layer.shape) / 2
    step = half * np.array([np.sin(angle), np.cos(angle)])
    (y0, x0), (y1, x1) = np.round(middle - step).astype(int), np.round(middle + step).astype(int)
    cv2.line(layer, (int(x0), int(y0)), (int(x1), int(y1)), od, width, cv2.LINE_AA)
