"""Cells that took up labelled vesicles: nuclei, a glow, and puncta of known place, width and height."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import cv2
import numpy as np
import numpy.typing as npt

from exoimage.errors import RecipeError
from exoimage.methods.synth.optics import BITS, FloatArray, blurred, smooth_noise

OFFSET, NOISE = 0.04, 0.007
"""Dark level and noise of a dark pixel, as shares of the camera's scale."""

SHOT = 1 / 30
"""How much the variance grows per noise of light, as a share of the dark pixel's."""

CELL_REACH = 0.75
"""How far a cell reaches beyond its nucleus, in nuclear diameters."""


@dataclass(frozen=True)
class Uptake:
    """What a field of cells and puncta holds. Brightness is in units of a dark pixel's noise.

    Parameters
    ----------
    cells : int
        Number of cells; fewer where there is no room.
    nucleus_px : float
        Diameter of a nucleus.
    puncta_per_cell : float
        Mean over all cells; those that took any up share them evenly, but for chance (Poisson).
    positive : float
        Share of the cells that took up any, 0 … 1.
    snr : float
        Height of a punctum per the noise of its surroundings.
    snr_spread : float
        Sigma of the logarithm of the heights.
    sigma_px, sigma_spread : float
        Median width of a punctum, and sigma of the logarithm of the widths.
    clustered : float
        Share of the puncta that lie at three sigmas from another one, 0 … 1; all others are six sigmas apart.
    glow : float
        Autofluorescence of cells; grainy by a tenth of it.
    haze : float
        Uneven light from out of focus.
    outside : int
        Puncta away from cells.
    """

    cells: int = 25
    nucleus_px: float = 26.0
    puncta_per_cell: float = 4.0
    positive: float = 1.0
    snr: float = 8.0
    snr_spread: float = 0.0
    sigma_px: float = 2.0
    sigma_spread: float = 0.1
    clustered: float = 0.0
    glow: float = 2.0
    haze: float = 1.0
    outside: int = 0

    def __post_init__(self) -> None:
        if self.cells < 0 or self.nucleus_px < 4 or self.puncta_per_cell < 0 or self.outside < 0:
            raise RecipeError("cells, puncta_per_cell and outside are 0 or more, nucleus_px 4 or more")
        if not 0 <= self.positive <= 1 or not 0 <= self.clustered <= 1:
            raise RecipeError("positive and clustered are shares, 0 … 1")
        if self.sigma_px < 0.5 or self.snr <= 0 or min(self.snr_spread, self.sigma_spread, self.glow, self.haze) < 0:
            raise RecipeError("sigma_px is 0.5 or more, snr above 0, and spreads, glow and haze 0 or more")


@dataclass(frozen=True, eq=False)
class UptakeField:
    """A rendered field and its truth.

    Parameters
    ----------
    nuclear, marker : (y, x) uint8 or uint16
        The two channels.
    max_value : int
    cells : (y, x) int32
        Cells, numbered as `nuclei`.
    nuclei : (y, x) int32
    y_px, x_px, sigma_px, height : (n,) float64
        Of each punctum; the middle of the first pixel is 0.5.
    cell : (n,) int64
        Whose it is; 0 is nobody's.
    """

    nuclear: npt.NDArray[Any]
    marker: npt.NDArray[Any]
    max_value: int
    cells: npt.NDArray[np.int32]
    nuclei: npt.NDArray[np.int32]
    y_px: npt.NDArray[np.float64]
    x_px: npt.NDArray[np.float64]
    sigma_px: npt.NDArray[np.float64]
    height: npt.NDArray[np.float64]
    cell: npt.NDArray[np.int64]

    @property
    def cell_count(self) -> int:
        """Number of cells."""
        return int(self.nuclei.max(initial=0))

    @property
    def counts(self) -> npt.NDArray[np.int64]:
        """Puncta of each cell."""
        return np.bincount(self.cell, minlength=self.cell_count + 1)[1:]


def uptake_field(
    shape: tuple[int, int] = (512, 512),
    uptake: Uptake | None = None,
    *,
    bits: Literal[8, 12, 16] = 16,
    seed: int = 0,
) -> UptakeField:
    """Render the nuclear and the dye channel of cells with puncta.

    Parameters
    ----------
    shape : (height, width)
    uptake : Uptake, optional
    bits : {8, 12, 16}
        Of the camera.
    seed : int

    Returns
    -------
    UptakeField

    Examples
    --------
    >>> field = uptake_field((200, 200), Uptake(cells=4, puncta_per_cell=3), seed=1)
    >>> field.cell_count, field.marker.dtype, bool(field.counts.sum() == len(field.y_px))
    (4, dtype('uint16'), True)
    """
    holds = uptake or Uptake()
    if bits not in BITS:
        raise RecipeError(f"a camera of {bits} bits; expected one of {BITS}")
    rng = np.random.default_rng(seed)
    nuclei = _nuclei(shape, holds, rng)
    cells = _cells(nuclei, CELL_REACH * holds.nucleus_px)
    glow = _glow(cells, holds, rng)
    y, x, sigma, owner = _places(cells, holds, rng)
    inside = glow[y.astype(int), x.astype(int)] if len(y) else np.empty(0)
    height = holds.snr * np.exp(holds.snr_spread * rng.standard_normal(len(y))) * np.sqrt(1 + SHOT * inside)
    light = glow + _spots(shape, y, x, sigma, height)
    dna = _dna(nuclei, holds, rng)
    top = 2**bits - 1
    nuclear, marker = (_photographed(plane, top, rng) for plane in (dna, light))
    return UptakeField(nuclear, marker, top, cells, nuclei, y, x, sigma, height * NOISE * top, owner)


def _nuclei(shape: tuple[int, int], holds: Uptake, rng: np.random.Generator) -> npt.NDArray[np.int32]:
    """Ellipses of about one size, none touching another or the edge."""
    nuclei = np.zeros(shape, np.int32)
    room = int(0.62 * holds.nucleus_px)
    free = np.zeros(shape, np.uint8)
    free[room : shape[0] - room, room : shape[1] - room] = 1
    for number in range(1, holds.cells + 1):
        places = np.flatnonzero(free)
        if not len(places):
            break
        y, x = divmod(int(rng.choice(places)), shape[1])
        longer = 0.5 * holds.nucleus_px * float(rng.uniform(1.0, 1.15))
        axes = (longer, longer * float(rng.uniform(0.75, 0.95)))
        cv2.ellipse(nuclei, ((x, y), (2 * axes[0], 2 * axes[1]), float(rng.uniform(0, 180))), number, cv2.FILLED)
        cv2.circle(free, (x, y), int(1.5 * holds.nucleus_px), 0, cv2.FILLED)
    return nuclei


def _cells(nuclei: npt.NDArray[np.int32], reach: float) -> npt.NDArray[np.int32]:
    """What is nearer to a nucleus than to any other, up to a distance."""
    from scipy import ndimage

    if not nuclei.any():
        return nuclei.copy()
    distance, (rows, columns) = ndimage.distance_transform_edt(nuclei == 0, return_indices=True)
    return np.where(distance <= reach, nuclei[rows, columns], 0).astype(np.int32)


def _glow(cells: npt.NDArray[np.int32], holds: Uptake, rng: np.random.Generator) -> FloatArray:
    cell_light = blurred((cells > 0).astype(np.float32), 4.0) * np.float32(holds.glow)
    cell_light *= 1 + np.float32(0.1) * smooth_noise(cells.shape, 6.0, rng)
    haze = np.float32(holds.haze) * np.maximum(1 + 0.5 * smooth_noise(cells.shape, 60.0, rng), 0)
    return np.asarray(np.maximum(cell_light, 0) + haze, np.float32)


def _places(
    cells: npt.NDArray[np.int32], holds: Uptake, rng: np.random.Generator
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64], npt.NDArray[np.float64], npt.NDArray[np.int64]]:
    """Centre, width and owner of every punctum."""
    count = int(cells.max(initial=0))
    takes_up = rng.permutation(count) < round(holds.positive * count)
    mean = holds.puncta_per_cell / max(holds.positive, 1e-9)
    wanted = np.where(takes_up, np.maximum(rng.poisson(mean, count), mean >= 1), 0)
    margin = int(4 * holds.sigma_px)
    found: list[tuple[float, float, float, int]] = []
    free = np.zeros(cells.shape, np.uint8)
    free[margin : cells.shape[0] - margin, margin : cells.shape[1] - margin] = 1
    # An edge of the cell is left free: whose a punctum on a border is, is nobody's to say.
    core = cv2.erode((cells > 0).view(np.uint8), np.ones((9, 9), np.uint8)).view(np.bool_)
    for owner, number in ((0, holds.outside), *enumerate(wanted.tolist(), 1)):
        own = (cells == owner) & core if owner else cv2.dilate(
            (cells > 0).view(np.uint8), np.ones((21, 21), np.uint8)
        ) == 0  # fmt: skip
        rows, columns = np.nonzero(own)
        if not len(rows):
            continue
        box = (slice(rows.min(), rows.max() + 1), slice(columns.min(), columns.max() + 1))
        for _ in range(number):
            ys, xs = np.nonzero(own[box] & (free[box] > 0))
            if not len(ys):
                break
            pick = int(rng.integers(len(ys)))
            y, x = ys[pick] + box[0].start + rng.random(), xs[pick] + box[1].start + rng.random()
            sigma = holds.sigma_px * float(np.exp(holds.sigma_spread * rng.standard_normal()))
            mates = [f for f in found if f[3] == owner]
            if mates and rng.random() < holds.clustered:
                mate, angle = mates[int(rng.integers(len(mates)))], rng.uniform(0, 2 * np.pi)
                y, x = mate[0] + 3 * sigma * np.sin(angle), mate[1] + 3 * sigma * np.cos(angle)
                if not (0 < y < cells.shape[0] and 0 < x < cells.shape[1]) or not own[int(y), int(x)]:
                    continue
                if any(np.hypot(y - f[0], x - f[1]) < 2.9 * sigma for f in found):
                    continue
            found.append((y, x, sigma, owner))
            cv2.circle(free, (int(x), int(y)), int(6 * holds.sigma_px), 0, cv2.FILLED)
    table = np.array(found, dtype=np.float64).reshape(-1, 4)
    return table[:, 0], table[:, 1], table[:, 2], table[:, 3].astype(np.int64)


def _spots(shape: tuple[int, int], y: Any, x: Any, sigma: Any, height: Any) -> FloatArray:
    light = np.zeros(shape, np.float32)
    for one in range(len(y)):
        reach = int(5 * sigma[one]) + 1
        rows = np.arange(max(0, int(y[one]) - reach), min(shape[0], int(y[one]) + reach + 1))
        columns = np.arange(max(0, int(x[one]) - reach), min(shape[1], int(x[one]) + reach + 1))
        down = np.exp(-((rows + 0.5 - y[one]) ** 2) / (2 * sigma[one] ** 2))
        right = np.exp(-((columns + 0.5 - x[one]) ** 2) / (2 * sigma[one] ** 2))
        light[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1] += height[one] * np.outer(down, right)
    return light


def _dna(nuclei: npt.NDArray[np.int32], holds: Uptake, rng: np.random.Generator) -> FloatArray:
    brightness = np.concatenate([[0.0], rng.uniform(35, 70, int(nuclei.max(initial=0)))])
    grain = 1 + np.float32(0.12) * smooth_noise(nuclei.shape, 0.08 * holds.nucleus_px, rng)
    return blurred(np.asarray(brightness[nuclei] * grain, np.float32), 1.2) + np.float32(1.0)


def _photographed(light: FloatArray, top: int, rng: np.random.Generator) -> npt.NDArray[Any]:
    """What a camera stores of light in units of a dark pixel's noise."""
    noisy = light + rng.standard_normal(light.shape, np.float32) * np.sqrt(1 + np.float32(SHOT) * light)
    stored = np.rint((OFFSET + NOISE * noisy) * top)
    return np.asarray(np.clip(stored, 0, top), dtype=np.uint8 if top == 255 else np.uint16)
