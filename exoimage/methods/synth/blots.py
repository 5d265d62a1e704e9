"""Western blots whose lanes, bands and volumes are known."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from exoimage.errors import RecipeError
from exoimage.methods.synth.optics import FloatArray, smooth_noise

Doubles = npt.NDArray[np.float64]
Whole = npt.NDArray[np.int64]
Window = tuple[slice, slice]

LADDER_KDA = (250.0, 150.0, 100.0, 75.0, 50.0, 37.0, 25.0, 20.0, 15.0)
"""Masses of a common prestained ladder."""

REACH = 4.0
"""A band is drawn to this many sigmas above and below its middle."""

MARGIN = 0.12
"""Share of the picture's height above the first and below the last row of bands."""


@dataclass(frozen=True)
class Blot:
    """What a blot holds. Brightness is in shares of the camera's scale.

    Parameters
    ----------
    lanes : int
        From left to right, empty ones and the ladder's included.
    rows : tuple of float
        Where the rows of bands lie, as shares of the run, 0 (top) … 1.
    pitch_px : float
        From lane to lane.
    fill : float
        Width of a band as a share of the pitch.
    sigma_px : float
        Of a band's profile along the run.
    brightest : float
        Peak of the brightest band; above 1 - `offset` it saturates.
    spread : float
        Sigma of the logarithm of the bands' peaks, at most twice that from the middle.
    peaks : tuple of tuple of float
        Peak of each row's bands, lane by lane, in place of `brightest`, `spread` and `least_snr`; empty: drawn at
        random.
    least_snr : float
        No band's peak is less than this many times the noise of a background pixel.
    missing : float
        Share of the bands that are not there, chosen at random; every row keeps one.
    empty : tuple of int
        Lanes, from 0, without a band.
    tilt_deg : float
        How far the whole blot is turned, clockwise.
    smile_px : float
        How far the outermost lanes ran ahead (bands lower) of the middle; negative: a frown.
    smear : float
        Share of a band's light that trails above it.
    cut : float
        Share of the first lane that lies beyond the picture's edge, 0 … 0.6.
    offset, gradient, haze : float
        Even background, its rise from corner to corner, and cloudy background.
    speckle : int
        Bright specks of one to three px.
    electrons : float
        Photo-electrons at the top of the camera's scale: shot noise.
    read_noise : float
        Noise of a dark pixel.
    ladder_kda : tuple of float
        Masses of the ladder in the first lane; empty: no ladder.
    steepness : float
        How many times a mass at the run's top is that at its bottom: log-linear migration.
    """

    lanes: int = 8
    rows: tuple[float, ...] = (0.35, 0.7)
    pitch_px: float = 40.0
    fill: float = 0.78
    sigma_px: float = 4.0
    brightest: float = 0.6
    spread: float = 0.5
    peaks: tuple[tuple[float, ...], ...] = ()
    least_snr: float = 0.0
    missing: float = 0.0
    empty: tuple[int, ...] = ()
    tilt_deg: float = 0.0
    smile_px: float = 0.0
    smear: float = 0.0
    cut: float = 0.0
    offset: float = 0.03
    gradient: float = 0.0
    haze: float = 0.0
    speckle: int = 0
    electrons: float = 20_000.0
    read_noise: float = 0.001
    ladder_kda: tuple[float, ...] = ()
    steepness: float = 25.0

    def __post_init__(self) -> None:
        if self.lanes < 1 or self.pitch_px < 8 or self.sigma_px < 1:
            raise RecipeError("a blot has one lane or more, a pitch of 8 px or more and a sigma of 1 px or more")
        if not (0 < self.fill <= 1 and 0 <= self.missing < 1 and 0 <= self.smear < 1 and 0 <= self.cut <= 0.6):
            raise RecipeError("fill lies in 0 … 1, missing and smear in 0 … 1, cut in 0 … 0.6")
        if any(not 0 <= row <= 1 for row in self.rows) or list(self.rows) != sorted(self.rows):
            raise RecipeError("rows are shares of the run, 0 … 1, from the top down")
        wells = self.lanes - bool(self.ladder_kda)
        if self.peaks and (len(self.peaks) != len(self.rows) or any(len(row) != wells for row in self.peaks)):
            raise RecipeError(f"peaks are {len(self.rows)} rows of {wells} lanes, the ladder's lane left out")


@dataclass(frozen=True, eq=False)
class BlotPicture:
    """A rendered blot and its truth.

    Parameters
    ----------
    pixels : (y, x) uint8 or uint16
    max_value : int
    dark : bool
        Whether bands are darker than the background.
    lane_x_px : (lane,) float64
        Middle of each lane at half the picture's height; the centre of the first pixel is 0.5.
    lane_width_px : float
    slope : float
        How far lanes move to the right per px down.
    row : (band,) int64
        Row of each band, from 0; the ladder's bands have -1.
    lane : (band,) int64
        From 0.
    y_px, x_px : (band,) float64
        Middle of each band.
    sigma_px : float
    volume : (band,) float64
        Light of the band that lies within the picture, in grey values.
    peak : (band,) float64
        In grey values.
    saturated : (band,) bool
        Whether the band is brighter than the camera's limit anywhere, noise left aside.
    mass_kda : (band,) float64
        By the run; exact for the ladder.
    noise : float
        Standard deviation of a background pixel, in grey values.
    """

    pixels: npt.NDArray[Any]
    max_value: int
    dark: bool
    lane_x_px: Doubles
    lane_width_px: float
    slope: float
    row: Whole
    lane: Whole
    y_px: Doubles
    x_px: Doubles
    sigma_px: float
    volume: Doubles
    peak: Doubles
    saturated: npt.NDArray[np.bool_]
    mass_kda: Doubles
    noise: float


def blot_picture(
    blot: Blot | None = None,
    shape: tuple[int, int] = (360, 420),
    *,
    dark: bool = False,
    bits: Literal[8, 16] = 16,
    seed: int = 0,
) -> BlotPicture:
    """Render a blot.

    Parameters
    ----------
    blot : Blot, optional
    shape : (height, width)
        Wide enough for the lanes.
    dark : bool
        Dark bands on bright ground.
    bits : {8, 16}
    seed : int

    Returns
    -------
    BlotPicture

    Raises
    ------
    RecipeError
        If the lanes do not fit the width.

    Examples
    --------
    >>> picture = blot_picture(Blot(lanes=4, empty=(2,)), (200, 220), seed=1)
    >>> picture.pixels.dtype, picture.lane.tolist(), picture.row.tolist()
    (dtype('uint16'), [0, 1, 3, 0, 1, 3], [0, 0, 0, 1, 1, 1])
    """
    holds = blot or Blot()
    if bits not in (8, 16):
        raise RecipeError(f"a camera of {bits} bits; a blot's has 8 or 16")
    rng = np.random.default_rng(seed)
    across = _lanes_across(holds, shape)
    row, lane, run, peak = _bands(holds, rng)
    top = 2**bits - 1
    light = np.zeros(shape, np.float32)
    volume, saturated = np.zeros(len(row)), np.zeros(len(row), np.bool_)
    y, x = np.zeros(len(row)), np.zeros(len(row))
    ground = _ground(holds, shape, rng)
    for band in range(len(row)):
        along = (MARGIN + (1 - 2 * MARGIN) * run[band]) * shape[0] - shape[0] / 2
        y[band], x[band] = _place(holds, shape, across[lane[band]], along)
        window = _window(holds, shape, y[band], x[band])
        own = _band(holds, shape, window, across[lane[band]], along) * np.float32(peak[band])
        light[window] += own
        volume[band] = float(own.sum(dtype=np.float64)) * top
        saturated[band] = bool((own + ground[window]).max(initial=0) > 1)
    signal = _with_specks(light + ground, holds, rng)
    stored = _stored(signal, holds, top, rng)
    mass = holds.steepness ** (1 - run) * _lightest(holds)
    level = float(np.median(ground))
    return BlotPicture(
        np.asarray(top - stored if dark else stored, np.uint8 if bits == 8 else np.uint16), top, dark,
        shape[1] / 2 + across, holds.fill * holds.pitch_px, -float(np.tan(np.deg2rad(holds.tilt_deg))),
        row, lane, y, x, holds.sigma_px, volume, peak * top, saturated, mass,
        top * float(np.sqrt(level / holds.electrons + holds.read_noise**2)),
    )  # fmt: skip


def random_blot(seed: int, *, saturation: bool = True) -> BlotPicture:
    """A blot of which all is drawn at random: lanes, rows, tilt, smile, background, depth, polarity.

    Parameters
    ----------
    seed : int
    saturation : bool
        Whether one in four may saturate.

    Examples
    --------
    >>> one = random_blot(3)
    >>> bool((one.volume > 0).all()), one.pixels.ndim
    (True, 2)
    """
    rng = np.random.default_rng([seed, 6])
    lanes = int(rng.integers(3, 17))
    pitch = float(rng.uniform(22, 56))
    sigma = float(rng.uniform(2.2, 5.5))
    height = int(rng.integers(220, 460))
    apart = 11 * sigma / ((1 - 2 * MARGIN) * height)
    count = min(int(rng.integers(1, 5)), 1 + int(0.9 / apart))
    spare = 1 - (count - 1) * apart
    rows = tuple((np.sort(rng.uniform(0, spare, count)) + apart * np.arange(count)).tolist())
    inner = np.arange(1, lanes - 1)
    # Two in a row hold bands, or nothing would tell the pitch.
    empty = rng.choice(inner, size=int(rng.integers(0, 3)) if lanes > 5 else 0, replace=False)
    too_bright = saturation and rng.random() < 0.25
    bits: Literal[8, 16] = 8 if rng.random() < 0.25 else 16
    blot = Blot(
        lanes=lanes, rows=rows, pitch_px=pitch, sigma_px=sigma, fill=float(rng.uniform(0.65, 0.93)),
        brightest=float(rng.uniform(1.25, 2.5) if too_bright else np.exp(rng.uniform(np.log(0.08), np.log(0.7)))),
        spread=float(rng.uniform(0.2, 0.8)), least_snr=6.0, missing=float(rng.choice([0.0, 0.08])),
        empty=tuple(int(one) for one in np.sort(empty)), tilt_deg=float(rng.uniform(-2.5, 2.5)),
        smile_px=float(rng.uniform(-2.5, 2.5) * sigma), smear=float(rng.choice([0.0, 0.1])),
        cut=float(rng.choice([0.0, 0.0, 0.35])), offset=float(rng.uniform(0.01, 0.08)),
        gradient=float(rng.uniform(0, 0.03)), haze=float(rng.uniform(0, 0.01)), speckle=int(rng.integers(0, 12)),
        electrons=float(rng.uniform(10_000, 60_000)), read_noise=float(rng.uniform(0.0005, 0.002)),
    )  # fmt: skip
    width = int(lanes * pitch + rng.uniform(20, 120) + 0.05 * height)
    return blot_picture(blot, (height, width), dark=bool(rng.random() < 0.5), bits=bits, seed=seed)


def _lightest(holds: Blot) -> float:
    return min(holds.ladder_kda) if holds.ladder_kda else 10.0


def _lanes_across(holds: Blot, shape: tuple[int, int]) -> Doubles:
    """Middles of the lanes from the picture's middle; a first lane that is cut brings the others with it."""
    across = (np.arange(holds.lanes) - (holds.lanes - 1) / 2) * holds.pitch_px
    if holds.lanes * holds.pitch_px > shape[1]:
        raise RecipeError(f"{holds.lanes} lanes, {holds.pitch_px:g} px apart, do not fit {shape[1]} px")
    if holds.cut:
        half = 0.5 * holds.fill * holds.pitch_px
        across += -shape[1] / 2 - across[0] + half * (1 - 2 * holds.cut)
    return np.asarray(across, np.float64)


def _bands(holds: Blot, rng: np.random.Generator) -> tuple[Whole, Whole, Doubles, Doubles]:
    """Row, lane, place in the run and peak of every band, the ladder's last."""
    lanes = [one for one in range(int(bool(holds.ladder_kda)), holds.lanes) if one not in holds.empty]
    row, lane = (one.ravel() for one in np.mgrid[0 : len(holds.rows), 0 : len(lanes)])
    there = rng.random(len(row)) >= holds.missing
    for one in range(len(holds.rows)):
        there[np.flatnonzero(row == one)[:1]] |= not there[row == one].any()
    if not holds.rows or not lanes:
        there = np.zeros(0, np.bool_)
    row, lane = row[there], np.asarray(lanes, np.int64)[lane[there]]
    run = np.asarray(holds.rows)[row] if len(row) else np.zeros(0)
    peak = np.exp(holds.spread * np.clip(rng.standard_normal(len(row)), -2, 2))
    peak *= holds.brightest / peak.max(initial=1e-9)
    peak = np.maximum(peak, holds.least_snr * np.sqrt(holds.offset / holds.electrons + holds.read_noise**2))
    if holds.peaks:
        peak = np.asarray(holds.peaks, np.float64)[row, lane - int(bool(holds.ladder_kda))]
    if holds.ladder_kda:
        masses = np.asarray(holds.ladder_kda, np.float64)
        marks = 1 - np.log(masses / _lightest(holds)) / np.log(holds.steepness)
        row = np.concatenate([row, np.full(len(marks), -1)])
        lane = np.concatenate([lane, np.zeros(len(marks), np.int64)])
        run = np.concatenate([run, marks])
        peak = np.concatenate([peak, np.full(len(marks), 0.5 * min(holds.brightest, 0.6))])
    return row.astype(np.int64), lane.astype(np.int64), run, peak


def _window(holds: Blot, shape: tuple[int, int], y: float, x: float) -> Window:
    """The part of the picture that a band's light reaches."""
    wide = holds.fill * holds.pitch_px
    high = 4 * REACH * holds.sigma_px + 0.5 * wide * abs(np.sin(np.deg2rad(holds.tilt_deg))) + abs(holds.smile_px)
    ends = ((y - high, y + high, shape[0]), (x - wide, x + wide, shape[1]))
    rows, columns = (slice(max(0, int(low)), max(0, min(int(end) + 1, size))) for low, end, size in ends)
    return rows, columns


def _frame(holds: Blot, shape: tuple[int, int], window: Window) -> tuple[Doubles, Doubles]:
    """Every pixel's place in the blot's own frame: across the lanes and along the run, from the middle."""
    y = (np.arange(shape[0])[window[0]] + 0.5 - shape[0] / 2)[:, np.newaxis]
    x = (np.arange(shape[1])[window[1]] + 0.5 - shape[1] / 2)[np.newaxis, :]
    angle = np.deg2rad(holds.tilt_deg)
    return np.cos(angle) * x + np.sin(angle) * y, np.cos(angle) * y - np.sin(angle) * x


def _smile(holds: Blot, across: Any, shape: tuple[int, int]) -> Any:
    return holds.smile_px * (across / (shape[1] / 2)) ** 2


def _band(holds: Blot, shape: tuple[int, int], window: Window, middle: float, along: float) -> FloatArray:
    """One band of peak 1: Gaussian along the run, even across the lane with soft ends, maybe with a trail above."""
    from scipy.special import erf

    across, down = _frame(holds, shape, window)
    from_middle = down - along - _smile(holds, across, shape)
    half, soft = 0.5 * holds.fill * holds.pitch_px, 0.04 * holds.pitch_px
    ends = 0.5 * (erf((across - middle + half - soft) / soft) - erf((across - middle - half + soft) / soft))
    profile = np.exp(-0.5 * (from_middle / holds.sigma_px) ** 2) * (np.abs(from_middle) < REACH * holds.sigma_px)
    if holds.smear:
        trail = np.where(from_middle < 0, np.exp(from_middle / (2.5 * holds.sigma_px)), 0) * np.exp(
            -0.5 * (np.minimum(from_middle + 2 * holds.sigma_px, 0) / (1.5 * holds.sigma_px)) ** 2
        )
        profile = np.maximum(profile, holds.smear * trail)
    return np.asarray(ends * profile, np.float32)


def _place(holds: Blot, shape: tuple[int, int], middle: float, along: float) -> tuple[float, float]:
    """Middle of a band in the picture."""
    down = along + float(_smile(holds, middle, shape))
    angle = np.deg2rad(holds.tilt_deg)
    y = np.cos(angle) * down + np.sin(angle) * middle
    x = np.cos(angle) * middle - np.sin(angle) * down
    return shape[0] / 2 + float(y), shape[1] / 2 + float(x)


def _ground(holds: Blot, shape: tuple[int, int], rng: np.random.Generator) -> FloatArray:
    slope = np.linspace(0, 0.5, shape[0])[:, np.newaxis] + np.linspace(0, 0.5, shape[1])[np.newaxis, :]
    cloud = np.maximum(1 + 0.5 * smooth_noise(shape, 0.2 * min(shape), rng), 0)
    return np.asarray(holds.offset + holds.gradient * slope + holds.haze * cloud, np.float32)


def _with_specks(signal: FloatArray, holds: Blot, rng: np.random.Generator) -> FloatArray:
    spoiled = signal.copy()
    for _ in range(holds.speckle):
        y, x = int(rng.integers(signal.shape[0])), int(rng.integers(signal.shape[1]))
        high, wide = rng.integers(1, 4, 2)
        spoiled[y : y + high, x : x + wide] += float(rng.uniform(0.02, 0.2))
    return spoiled


def _stored(signal: FloatArray, holds: Blot, top: int, rng: np.random.Generator) -> npt.NDArray[np.int64]:
    variance = np.maximum(signal, 0) / holds.electrons + holds.read_noise**2
    noisy = signal + rng.standard_normal(signal.shape) * np.sqrt(variance)
    return np.clip(np.rint(noisy * top), 0, top).astype(np.int64)
