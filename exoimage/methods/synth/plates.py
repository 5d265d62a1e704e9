"""Photographs of stained multi-well plates, with the truth of every well."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from string import ascii_uppercase
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from exoimage.errors import MeasureError, RecipeError
from exoimage.methods.synth.fields import DEMO_ALIZARIN, haze, white_stored
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

# Pitch and inner radius of the wells in mm, as makers of SBS plates (127.76 × 85.48 mm) give them.
PITCH_AND_RADIUS_MM = {(2, 3): (39.1, 17.4), (3, 4): (26.0, 11.05), (4, 6): (19.3, 7.8), (6, 8): (13.0, 5.5)}
PLATE_MM = (85.48, 127.76)
DISH_RADIUS_MM = 26.0
WALL = 0.065  # thickness of a well's wall, in radii of its floor


@dataclass(frozen=True, eq=False)
class PlateWell:
    """One well as it truly is.

    Parameters
    ----------
    name : str
        Row letter and column number, ``"A1"`` at the top left of the untilted plate.
    row, column : int
        From 0.
    centre_y, centre_x : float
        In px; the centre of the first pixel is (0, 0).
    radius_px : float
        Of the floor: where the wall begins.
    """

    name: str
    row: int
    column: int
    centre_y: float
    centre_x: float
    radius_px: float


@dataclass(frozen=True, eq=False)
class Plate:
    """A rendered photograph of a plate, and its truth.

    Parameters
    ----------
    pixels : (y, x, 3) uint8 or uint16
        The photograph.
    wells : tuple of PlateWell
        Row by row.
    stain_od : (y, x) float32
        True optical density along `vector`; 0 outside the wells.
    mask : (y, x) bool
        Truly stained.
    white : (red, green, blue)
        Stored value of an empty, fully lit well floor.
    vector : (red, green, blue)
        Unit optical-density vector of the stain.
    tilt_deg : float
        Clockwise rotation of the plate.
    """

    pixels: npt.NDArray[Any]
    wells: tuple[PlateWell, ...]
    stain_od: FloatArray
    mask: npt.NDArray[np.bool_]
    white: Rgb
    vector: Rgb
    tilt_deg: float

    def well(self, name: str) -> PlateWell:
        """The well of a name.

        Raises
        ------
        MeasureError
            If the plate has no such well.
        """
        for well in self.wells:
            if well.name == name:
                return well
        raise MeasureError(f"no well {name!r}; the plate has {self.wells[0].name} … {self.wells[-1].name}")

    def floor(self, name: str, shrink: float = 1.0) -> npt.NDArray[np.bool_]:
        """The pixels of a well's floor within `shrink` of its radius."""
        well = self.well(name)
        y = np.arange(self.mask.shape[0])[:, np.newaxis] - well.centre_y
        x = np.arange(self.mask.shape[1])[np.newaxis, :] - well.centre_x
        return np.asarray(y**2 + x**2 <= (shrink * well.radius_px) ** 2, np.bool_)

    def truth_fraction(self, name: str, shrink: float = 1.0) -> float:
        """Stained share, 0 … 1, of a well's floor within `shrink` of its radius."""
        return float(self.mask[self.floor(name, shrink)].mean())


def plate_photo(
    rows: int = 2,
    columns: int = 3,
    fractions: Sequence[float] | None = None,
    *,
    shape: tuple[int, int] = (1200, 1600),
    fill: float = 0.85,
    offset: tuple[float, float] = (0.0, 0.0),
    tilt_deg: float = 0.0,
    bench: float = 0.85,
    nodules: Nodules | None = None,
    haze_od: float = 0.03,
    light: Light | None = None,
    camera: Camera | None = None,
    vector: Rgb = DEMO_ALIZARIN,
    seed: int = 0,
) -> Plate:
    """Photograph a plate of round wells (or one dish) from above.

    Parameters
    ----------
    rows, columns : int
        1 × 1 is a dish; 2 × 3, 3 × 4, 4 × 6 and 6 × 8 have the sizes of the usual plates.
    fractions : sequence of float, optional
        Stained share of each well's floor, row by row. Default: drawn between 0 and 0.5.
    shape : (height, width)
        Of the photograph in px.
    fill : float
        How much of the photograph's tighter direction the untilted plate takes.
    offset : (y, x)
        Displacement of the plate's centre from the middle, relative to the photograph's height and width.
    tilt_deg : float
        Clockwise rotation of the plate.
    bench : float
        Brightness around the plate: 1 white paper, 0.2 a dark bench. The plate itself lies on white.
    nodules : Nodules, optional
        As they are in every well; `fraction` is ignored. Default: nodules of
        a median radius of 3 % of the well's.
    haze_od : float
        Diffuse stain in every well that holds stain.
    light, camera, vector, seed
        As in `nodule_field`.

    Returns
    -------
    Plate

    Raises
    ------
    RecipeError
        If a parameter is out of its bounds.

    Examples
    --------
    >>> plate = plate_photo(2, 3, [0.1, 0.2, 0.3, 0.0, 0.4, 1.0], shape=(240, 320), tilt_deg=3)
    >>> [(well.name, round(plate.truth_fraction(well.name), 2)) for well in plate.wells[:3]]
    [('A1', 0.1), ('A2', 0.2), ('A3', 0.3)]
    """
    light, camera = light or Light(), camera or Camera(jpeg_quality=92)
    if not 1 <= rows <= len(ascii_uppercase) or columns < 1:
        raise RecipeError(f"a plate of {rows} × {columns} wells; expected 1 … 26 rows and at least 1 column")
    if not (0.1 <= fill <= 3 and 0 < bench <= 1.2):
        raise RecipeError("fill must be 0.1 … 3 and bench above 0 and up to 1.2")
    layout_rng, stain_rng, scene_rng, camera_rng = np.random.default_rng(seed).spawn(4)
    shares = layout_rng.uniform(0, 0.5, rows * columns) if fractions is None else np.array(fractions, float)
    if shares.shape != (rows * columns,):
        raise RecipeError(f"{shares.size} fractions for {rows} × {columns} wells")
    frame = _Frame.of(rows, columns, shape, fill, offset, tilt_deg)
    wells = _lay_wells(rows, columns, frame)
    stain, mask = _stain_wells(shape, wells, shares, nodules, haze_od, stain_rng)
    scene = _bench(frame, shape, bench, scene_rng)
    for well in wells:
        _draw_well(scene, well, scene_rng)
    if rows * columns > 1:
        _emboss_names(scene, wells, frame)
    scene *= transmittance([stain], [unit(vector)])
    lit = illumination(shape, light)[:, :, np.newaxis]
    scene = np.asarray(scene * lit * (np.array(light.white) / 255), np.float32)
    pixels = photograph(scene, camera, camera_rng)
    return Plate(pixels, wells, stain, mask, white_stored(light, camera), unit(vector), tilt_deg)


@dataclass(frozen=True)
class _Frame:
    """Where the plate lies in the photograph: lengths in px, its own axes turned by the tilt."""

    centre_y: float
    centre_x: float
    cos: float
    sin: float
    half_height: float
    half_width: float
    pitch: float
    radius: float

    @classmethod
    def of(
        cls,
        rows: int,
        columns: int,
        shape: tuple[int, int],
        fill: float,
        offset: tuple[float, float],
        tilt_deg: float,
    ) -> _Frame:
        body = PLATE_MM
        if (rows, columns) == (1, 1):
            pitch, radius = 0.0, DISH_RADIUS_MM
            body = (2 * radius * (1 + WALL), 2 * radius * (1 + WALL))
        elif (rows, columns) in PITCH_AND_RADIUS_MM:
            pitch, radius = PITCH_AND_RADIUS_MM[rows, columns]
        else:
            pitch, radius = 19.3, 7.8
            body = ((rows - 1) * pitch + 2.8 * radius, (columns - 1) * pitch + 2.8 * radius)
        scale = fill * min(shape[0] / body[0], shape[1] / body[1])
        return cls(
            centre_y=(shape[0] - 1) / 2 + offset[0] * shape[0],
            centre_x=(shape[1] - 1) / 2 + offset[1] * shape[1],
            cos=float(np.cos(np.deg2rad(tilt_deg))),
            sin=float(np.sin(np.deg2rad(tilt_deg))),
            half_height=scale * body[0] / 2,
            half_width=scale * body[1] / 2,
            pitch=scale * pitch,
            radius=scale * radius,
        )

    def to_photo(self, down: float, right: float) -> tuple[float, float]:
        """Pixel (y, x) of a place given along the plate's own axes from its centre."""
        return (
            self.centre_y + down * self.cos + right * self.sin,
            self.centre_x + right * self.cos - down * self.sin,
        )

    def plate_axes(self, shape: tuple[int, int]) -> tuple[FloatArray, FloatArray]:
        """Each pixel's (down, right) along the plate's own axes."""
        y = np.arange(shape[0], dtype=np.float32)[:, np.newaxis] - np.float32(self.centre_y)
        x = np.arange(shape[1], dtype=np.float32)[np.newaxis, :] - np.float32(self.centre_x)
        cos, sin = np.float32(self.cos), np.float32(self.sin)
        return y * cos - x * sin, x * cos + y * sin


def _lay_wells(rows: int, columns: int, frame: _Frame) -> tuple[PlateWell, ...]:
    wells = []
    for row in range(rows):
        for column in range(columns):
            y, x = frame.to_photo(frame.pitch * (row - (rows - 1) / 2), frame.pitch * (column - (columns - 1) / 2))
            wells.append(PlateWell(f"{ascii_uppercase[row]}{column + 1}", row, column, y, x, frame.radius))
    return tuple(wells)


def _window(shape: tuple[int, int], well: PlateWell, reach: float) -> tuple[slice, slice]:
    half = reach * well.radius_px
    rows = slice(max(0, int(well.centre_y - half)), max(0, min(shape[0], int(well.centre_y + half) + 2)))
    columns = slice(max(0, int(well.centre_x - half)), max(0, min(shape[1], int(well.centre_x + half) + 2)))
    return rows, columns


def _polar(window: tuple[slice, slice], well: PlateWell) -> tuple[FloatArray, FloatArray]:
    """Distance from a well's centre in radii of its floor, and angle, over a window."""
    y = np.arange(window[0].start, window[0].stop, dtype=np.float32)[:, np.newaxis] - np.float32(well.centre_y)
    x = np.arange(window[1].start, window[1].stop, dtype=np.float32)[np.newaxis, :] - np.float32(well.centre_x)
    return np.asarray(np.hypot(y, x) / well.radius_px, np.float32), np.arctan2(y, x)


def _stain_wells(
    shape: tuple[int, int],
    wells: tuple[PlateWell, ...],
    shares: npt.NDArray[np.float64],
    nodules: Nodules | None,
    haze_od: float,
    rng: np.random.Generator,
) -> tuple[FloatArray, npt.NDArray[np.bool_]]:
    stain = np.zeros(shape, np.float32)
    mask = np.zeros(shape, np.bool_)
    radius = max(1.0, 0.03 * wells[0].radius_px)
    grown = nodules or Nodules(
        radius_px=radius, od=0.6, od_spread=0.12, dome=0.2, edge_px=min(1.2, radius), patchiness=0
    )
    for well, share in zip(wells, shares, strict=True):
        window = _window(shape, well, 1.02)
        distance, _ = _polar(window, well)
        floor = distance <= 1
        if share > 0 and floor.any():
            growth = grow_nodules(floor, replace(grown, fraction=float(share)), rng)
            residue = haze((floor.shape[0], floor.shape[1]), haze_od, rng)
            stain[window] += np.where(floor, growth.stain_od + residue, 0)
            mask[window] |= growth.mask
    return stain, mask


def _bench(frame: _Frame, shape: tuple[int, int], bench: float, rng: np.random.Generator) -> FloatArray:
    """The bench, the white sheet under the plate and the plate's clear body, without wells."""
    scene = np.full((*shape, 3), bench, np.float32)
    scene *= 1 + 0.012 * smooth_noise(shape, 2.5, rng)[:, :, np.newaxis]
    if bench < 0.75:
        scene *= np.array([0.98, 1.0, 1.03], np.float32)
    if frame.pitch == 0:
        return _with_sheet(scene, frame, shape)
    inside = _body_depth(frame, shape)
    shadow = np.roll(blurred((inside > 0).astype(np.float32), 0.08 * frame.radius + 1), _shadow_shift(frame), (0, 1))
    scene *= (1 - 0.28 * shadow)[:, :, np.newaxis]
    body = np.clip(inside + 0.5, 0, 1)[:, :, np.newaxis]
    plastic = np.array([0.90, 0.915, 0.92], np.float32)
    scene += body * (plastic - scene)
    scale = max(1.0, 0.012 * frame.radius)
    for depth, tone in ((1.5, -0.34), (4.0, 0.06), (8.0, -0.13), (10.0, 0.05)):
        line = np.exp(-(((inside - depth * scale) / scale) ** 2))
        scene += np.float32(tone) * line[:, :, np.newaxis]
    return scene


def _with_sheet(scene: FloatArray, frame: _Frame, shape: tuple[int, int]) -> FloatArray:
    """A white sheet below a single dish: a dark bench must not shine through its floor."""
    down, right = frame.plate_axes(shape)
    edge = 1.22 * frame.radius - np.maximum(np.abs(down), np.abs(right))
    sheet = np.clip(edge + 0.5, 0, 1)[:, :, np.newaxis]
    scene += sheet * (np.float32(0.95) - scene)
    return scene


def _body_depth(frame: _Frame, shape: tuple[int, int]) -> FloatArray:
    """Distance in px inside the plate's rounded outline; negative outside."""
    down, right = frame.plate_axes(shape)
    corner = 0.25 * frame.radius
    beyond_y = np.abs(down) - (frame.half_height - corner)
    beyond_x = np.abs(right) - (frame.half_width - corner)
    outside = np.hypot(np.maximum(beyond_y, 0), np.maximum(beyond_x, 0)) - corner
    return np.asarray(-(outside + np.minimum(np.maximum(beyond_y, beyond_x), 0)), np.float32)


def _shadow_shift(frame: _Frame) -> tuple[int, int]:
    return round(0.06 * frame.radius), round(0.09 * frame.radius)


def _draw_well(scene: FloatArray, well: PlateWell, rng: np.random.Generator) -> None:
    """Floor, wall and glints of one well, drawn into the scene."""
    window = _window((scene.shape[0], scene.shape[1]), well, 1.2)
    if window[0].start >= window[0].stop or window[1].start >= window[1].stop:
        return
    distance, angle = _polar(window, well)
    softness = np.float32(0.7 / well.radius_px)  # a px of anti-aliasing
    lit = np.cos(angle - np.float32(rng.normal(-2.2, 0.15)))
    floor = np.clip((1 - distance) / softness + 0.5, 0, 1)
    outer = np.clip((1 + WALL - distance) / softness + 0.5, 0, 1)
    here = scene[window]
    # Floor: even, a little darker in the meniscus at the wall.
    floor_tone = 1 - 0.08 * np.exp(-np.maximum(1 - distance, 0) / 0.025)
    wall_tone = 0.80 + 0.10 * lit + 0.05 * np.cos(3 * angle + rng.uniform(0, 6))
    tone = floor * floor_tone + (1 - floor) * wall_tone
    here += outer[:, :, np.newaxis] * (tone[:, :, np.newaxis] * np.array([0.995, 1.0, 1.0], np.float32) - here)
    width = np.float32(max(0.010, 0.8 / well.radius_px))
    for radius, depth, sway in ((1 + 0.8 * width, -0.20, -0.10), (1 + WALL, -0.26, 0.10), (1.11, -0.05, 0.05)):
        ring = np.exp(-(((distance - np.float32(radius)) / width) ** 2))
        here += ((depth + sway * lit) * ring)[:, :, np.newaxis]
    for _ in range(3):
        middle, length = rng.uniform(-np.pi, np.pi), rng.uniform(0.12, 0.4)
        away = np.abs(np.angle(np.exp(1j * (angle - middle)))) / length
        arc = np.exp(-(away**4)) * np.exp(-(((distance - np.float32(rng.uniform(1.025, 1.05))) / width) ** 2))
        here += (0.35 * arc)[:, :, np.newaxis]
    np.maximum(here, 0.02, out=here)


def _emboss_names(scene: FloatArray, wells: tuple[PlateWell, ...], frame: _Frame) -> None:
    """Row letters and column numbers moulded into the plate's border."""
    layer = np.zeros(scene.shape[:2], np.uint8)
    size = frame.radius / 110
    last_row, last_column = wells[-1].row, wells[-1].column
    edge_y = (frame.half_height + frame.pitch * last_row / 2 + frame.radius) / 2
    edge_x = (frame.half_width + frame.pitch * last_column / 2 + frame.radius) / 2
    for well in wells:
        if well.column == 0:
            _write(layer, well.name[0], frame.to_photo(frame.pitch * (well.row - last_row / 2), -edge_x), size)
        if well.row == 0:
            right = frame.pitch * (well.column - last_column / 2)
            _write(layer, well.name[1:], frame.to_photo(-edge_y, right), size)
    relief = blurred(np.asarray(layer / 255, np.float32), 0.6)
    scene += (0.10 * (np.roll(relief, (1, 1), (0, 1)) - relief) - 0.05 * relief)[:, :, np.newaxis]


def _write(layer: npt.NDArray[np.uint8], text: str, place: tuple[float, float], size: float) -> None:
    (width, height), _ = cv2.getTextSize(text, cv2.FONT_HERSHEY_SIMPLEX, size, 1)
    at = (round(place[1] - width / 2), round(place[0] + height / 2))
    cv2.putText(layer, text, at, cv2.FONT_HERSHEY_SIMPLEX, size, 255, max(1, round(2 * size)), cv2.LINE_AA)
