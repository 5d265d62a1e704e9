"""How a blot is measured: lanes, bands, volumes, and what goes into the tables."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from exoimage.assays.blot_choices import (
    BackgroundChoice,
    BandChoice,
    Bands,
    BlotRegion,
    Chosen,
    FoundLanes,
    LadderChoice,
    LadderLane,
    LaneChoice,
    RollingBall,
)
from exoimage.assays.columns import Value
from exoimage.assays.regions import Region
from exoimage.assays.results import RegionResult, Result, empty_objects
from exoimage.assays.western_blot_columns import COLUMNS, OBJECT_COLUMNS, SATURATED_PCT, VOLUMES
from exoimage.errors import ImageError, MeasureError
from exoimage.flags import Flag, merged
from exoimage.images.image import Image
from exoimage.methods import blot_backgrounds, blot_bands, blot_lanes, blot_signal, blot_volumes, ladder
from exoimage.methods.blot_backgrounds import Background, Boxes, Doubles, Grounds
from exoimage.methods.blot_bands import BandGrid
from exoimage.methods.blot_lanes import BlotLanes
from exoimage.methods.blot_signal import Floats, Polarity
from exoimage.methods.blot_traces import LaneTrace, lane_trace
from exoimage.methods.gels import Lane
from exoimage.methods.ladder import MassScale

Mask = npt.NDArray[np.bool_]

VIEWING_FILES = (".png", ".jpg", ".jpeg", ".gif", ".bmp", ".webp")


@dataclass(frozen=True)
class BlotRules:
    """The parts of a recipe that measuring needs; see `WesternBlot`."""

    target: str
    signal: Polarity
    region: BlotRegion
    lanes: LaneChoice
    band: BandChoice
    background: BackgroundChoice
    ladder: LadderChoice
    imagej: bool

    @property
    def method(self) -> Background:
        """The background that the volume column is of."""
        return "straight-line" if self.imagej else self.background.method


@dataclass(frozen=True, eq=False)
class FoundBlot:
    """A blot with its lanes and bands found; coordinates are those of the crop with lanes upright.

    Parameters
    ----------
    crop : Lane
        The part of the picture that is measured.
    signal : (y, x) float32 array
    saturated : (y, x) bool array
    sigma_px : float
        Of a band along the run.
    lanes : BlotLanes
    flags : tuple of Flag
        What is to be said of the whole picture.
    """

    crop: Lane
    signal: Floats
    saturated: Mask
    sigma_px: float
    lanes: BlotLanes
    flags: tuple[Flag, ...]

    @property
    def slope(self) -> float:
        """How far lanes lean to the right per px down."""
        return self.lanes.slope


def find_blot(image: Image, rules: BlotRules) -> FoundBlot:
    """Tell signal from background and find the lanes of a picture.

    Parameters
    ----------
    image : Image
    rules : BlotRules

    Raises
    ------
    ImageError
        If the picture is neither grey nor a colour picture.
    MeasureError
        If a region or lane does not lie within it.
    """
    crop = rules.region.crop(image)
    stored, flags = _grey(image, crop)
    polarity = blot_signal.find_polarity(stored)
    dark = polarity.dark if rules.signal == "auto" else rules.signal == "dark"
    if rules.signal == "auto" and not polarity.sure:
        flags = (*flags, Flag.POLARITY_UNSURE)
    signal = blot_signal.to_signal(stored, dark, image.max_value)
    saturated = blot_signal.saturated_pixels(stored, dark, image.max_value)
    sigma = blot_signal.band_sigma(signal)
    lanes = _lanes(image, rules, signal, sigma, crop)
    upright = blot_lanes.upright(signal, lanes.slope)
    return FoundBlot(
        crop, upright, blot_lanes.upright(saturated, lanes.slope), sigma, lanes, (*flags, *lanes.flags)
    )  # fmt: skip


def measure_blot(image: Image, rules: BlotRules) -> Result:
    """Measure the target's band in every lane.

    Parameters
    ----------
    image : Image
    rules : BlotRules

    Raises
    ------
    ImageError, MeasureError
        As `find_blot`; or if the target's band cannot be told.
    """
    found = find_blot(image, rules)
    grid = _bands(found, rules)
    return _measured(image, rules, found, grid).result() if grid.lanes.lanes else _nothing(image, rules, found)


def _bands(found: FoundBlot, rules: BlotRules) -> BandGrid:
    """The bands; a ladder's are of no row."""
    grid = blot_bands.find_bands(found.signal, found.lanes, found.sigma_px, keep_all=_all_kept(rules))
    if not _all_kept(rules):
        longer = blot_bands.with_next_lanes(found.signal, grid, found.sigma_px)
        if len(longer.lanes) > len(grid.lanes.lanes):
            grid = blot_bands.find_bands(found.signal, longer, found.sigma_px, keep_all=True)
    alone = _ladder_lanes(rules.ladder, grid)
    if not alone:
        return grid
    return blot_bands.find_bands(found.signal, grid.lanes, found.sigma_px, keep_all=True, alone=alone)


def _measured(image: Image, rules: BlotRules, found: FoundBlot, grid: BandGrid) -> _Measured:
    radius = rules.background.radius_px if isinstance(rules.background, RollingBall) else 0.0
    radius = radius or blot_backgrounds.BALL_PER_SIGMA * found.sigma_px
    grounds = blot_backgrounds.prepare(found.signal, radius)
    scale = _mass_scale(rules.ladder, grid)
    volumes = np.array([blot_backgrounds.volumes(grounds, grid.boxes(row), grid.spans(), "straight-line")
                        for row in range(grid.rows)]).reshape(grid.found.shape)  # fmt: skip
    volumes = np.where(grid.found, volumes, 0.0)
    volumes[:, _ladder_lanes(rules.ladder, grid)] = 0.0
    chosen = rules.band.choose(Bands(grid, _shared_rows(rules.ladder, grid), volumes, scale, image, found.crop))
    return _Measured(image, rules, found, grid, grounds, scale, chosen, radius)


@dataclass(frozen=True, eq=False)
class _Measured:
    """All that the tables and pictures of a blot are made from."""

    image: Image
    rules: BlotRules
    found: FoundBlot
    grid: BandGrid
    grounds: Grounds
    scale: tuple[MassScale, ...]
    chosen: Chosen
    radius: float

    def result(self) -> Result:
        """Rows, objects, masks and labels."""
        lanes = [n for n in range(len(self.grid.lanes.lanes)) if n not in _ladder_lanes(self.rules.ladder, self.grid)]
        values = self._values()
        regions = tuple(
            RegionResult(
                str(lane + 1), {name: column[lane] for name, column in values.items()}, self._flags(values, lane)
            )
            for lane in lanes
        )
        labels, targets = self._labels(), self._target_labels(lanes)
        shown = self._target_labels(lanes, inset=INSET_PX)
        saturated = self._onto_picture(self.found.saturated)
        masks = {"bands": labels > 0, "target": targets > 0, "saturated": saturated}
        drawn = tuple(self._region(lane) for lane in lanes)
        return Result(
            regions, self._objects(), labels, masks, None, drawn, (shown, np.where(targets > 0, 0, labels)),
            marked=saturated, traces=self.traces(),
        )  # fmt: skip

    def traces(self) -> tuple[LaneTrace, ...]:
        """Every lane's profile, the ladder's included."""
        target = self.chosen.grid
        return tuple(self._trace(number, lane) for number, lane in enumerate(target.lanes.lanes))

    def _trace(self, number: int, lane: Lane) -> LaneTrace:
        target = [self.chosen.grid.boxes(row)[number] for row in self.chosen.rows]
        taken = set(self.chosen.rows) if self.chosen.grid is self.grid else set(range(self.grid.rows))
        others = [int(row) for row in np.flatnonzero(self.grid.found[:, number]) if int(row) not in taken]
        boxes = np.array([*target, *(self.grid.boxes(row)[number] for row in others)], np.int64).reshape(-1, 4)
        is_target = np.arange(len(boxes)) < len(target)
        return lane_trace(self.grounds, lane, boxes, is_target, self.rules.method, str(number + 1))

    def _values(self) -> dict[str, list[Value]]:
        """Columns of images.csv, an entry per lane."""
        grid, spans, method = self.chosen.grid, self.chosen.grid.spans(), self.rules.method
        count = len(grid.lanes.lanes)
        boxes = [grid.boxes(row) for row in self.chosen.rows]
        if not boxes:
            empty: dict[str, list[Value]] = {column.name: [None] * count for column in COLUMNS}
            return {**empty, "target": [self.rules.target] * count, "lane": list(range(1, count + 1))}
        all_volumes = {
            name: np.sum([blot_backgrounds.volumes(self.grounds, box, spans, own) for box in boxes], axis=0)
            for name, own in VOLUMES.items()
        }
        share = 1.0 / np.array([lane.width for lane in grid.lanes.lanes]) if self.rules.imagej else np.ones(count)
        volume = all_volumes[f"volume_{method.replace('-', '_')}"] * share
        background = (all_volumes["volume_none"] - all_volumes[f"volume_{method.replace('-', '_')}"]) * share
        blanks = self._blanks(boxes, share)
        first = self.chosen.rows[0]
        single = len(self.chosen.rows) == 1
        return {
            "target": [self.rules.target] * count,
            "lane": list(range(1, count + 1)),
            "volume": _plain(volume),
            "background": _plain(background),
            "saturated_pct": _plain(
                np.max([blot_volumes.saturated_pct(self.found.saturated, box) for box in boxes], 0)
            ),
            "snr": _plain(blanks.snr(volume)),
            "noise": _plain(blanks.noise),
            "detection_limit": _plain(blanks.limit),
            "band_found": [int(one) for one in grid.found[list(self.chosen.rows)].max(axis=0)],
            "band_y_px": _plain(self._y(grid.y_px[first]) if single else np.full(count, np.nan)),
            "band_height_px": [int(one) for one in np.sum([box[:, 1] - box[:, 0] for box in boxes], axis=0)],
            "mw_kda": _plain(self._mass(grid.y_px[first]) if single else np.full(count, np.nan)),
            "mw_error_pct": _plain(np.full(count, self.scale[0].error_pct if self.scale else np.nan)),
            **{name: _plain(one) for name, one in all_volumes.items()},
            "ball_radius_px": [float(self.radius)] * count,
        }

    def _blanks(self, boxes: list[Boxes], share: Doubles) -> blot_volumes.Blanks:
        """Of all the target's boxes together: variances add up."""
        ones = [
            blot_volumes.blanks(self.grounds, box, self.grid, self.rules.method, self.found.sigma_px) for box in boxes
        ]
        mean = np.sum([one.mean for one in ones], axis=0)
        noise = np.sqrt(np.sum([one.noise**2 for one in ones], axis=0))
        return blot_volumes.Blanks(mean * share, noise * share)

    def _flags(self, values: dict[str, list[Value]], lane: int) -> tuple[Flag, ...]:
        def number(name: str) -> float:
            value = values[name][lane]
            return float(value) if isinstance(value, int | float) else float("nan")

        own = {
            Flag.SATURATED: number("saturated_pct") >= SATURATED_PCT,
            Flag.NO_BAND: not number("band_found") > 0,
            Flag.BELOW_DETECTION: number("volume") <= number("detection_limit"),
            Flag.CUT_LANE: bool(self.chosen.grid.lanes.cut[lane]) or self._is_cut(lane),
            Flag.CROPPED_CLOSE: self._is_close_to_an_end(lane),
            Flag.EXTRAPOLATED_MASS: self._is_beyond(lane),
        }
        scale = self.scale[0].flags if self.scale else ()
        return merged((flag for flag, holds in own.items() if holds), self.found.flags, scale)

    def _is_close_to_an_end(self, lane: int) -> bool:
        """Whether less than a band's height of the lane is left above or below a band that was found."""
        grid = self.chosen.grid
        start, end = grid.spans()[lane]
        if self.rules.band.method in GIVEN_BANDS:
            return False
        boxes = [grid.boxes(row)[lane] for row in self.chosen.rows if grid.found[row, lane]]
        return any(min(box[0] - start, end - box[1]) < box[1] - box[0] for box in boxes)

    def _is_cut(self, lane: int) -> bool:
        """Whether a band that was found comes near to the picture's upper or lower edge."""
        grid = self.chosen.grid
        rows = [row for row in self.chosen.rows if grid.found[row, lane] and self.rules.band.method not in GIVEN_BANDS]
        height = self.found.signal.shape[0]
        near = EDGE_SIGMAS * self.found.sigma_px
        return any(not near <= grid.y_px[row, lane] <= height - near for row in rows)

    def _is_beyond(self, lane: int) -> bool:
        if not self.scale or len(self.chosen.rows) != 1:
            return False
        place = self.chosen.grid.y_px[self.chosen.rows[0], lane] - self.grid.bend_px[lane]
        return bool(self.scale[0].is_beyond(place))

    def _objects(self) -> dict[str, npt.NDArray[Any]]:
        """The bands that were found, row by row and lane by lane."""
        grid = self._object_grid()
        row, lane = np.nonzero(grid.found)
        if len(row) == 0:
            return empty_objects(OBJECT_COLUMNS)
        boxes = np.array([grid.boxes(number) for number in range(grid.rows)])[row, lane]
        spans = grid.spans()[lane]
        middle = (boxes[:, 2] + boxes[:, 3]) / 2
        y = grid.y_px[row, lane]
        shift = blot_lanes.shifts(self.found.signal.shape[0], self.found.slope)
        return {
            "region": np.array([str(number + 1) for number in lane], dtype=object),
            "object": np.arange(1, len(row) + 1, dtype=np.int64),
            "band": self._row_numbers()[row],
            "mw_kda": self._mass_at(y - self.grid.bend_px[lane]),
            **{name: blot_backgrounds.volumes(self.grounds, boxes, spans, own) for name, own in VOLUMES.items()},
            "saturated": (blot_volumes.saturated_pct(self.found.saturated, boxes) >= SATURATED_PCT).astype(np.int64),
            "y_px": y + self.found.crop.y,
            "x_px": middle + shift[np.minimum(y.astype(int), len(shift) - 1)] + self.found.crop.x,
            "height_px": boxes[:, 1] - boxes[:, 0],
            "width_px": boxes[:, 3] - boxes[:, 2],
        }

    def _row_numbers(self) -> npt.NDArray[np.int64]:
        """Numbers of the rows from the top, from 1; 0 for those of the ladder."""
        grid = self._object_grid()
        is_shared = np.isin(np.arange(grid.rows), _shared_rows(self.rules.ladder, grid))
        return np.where(is_shared, np.cumsum(is_shared), 0)

    def _object_grid(self) -> BandGrid:
        return self.chosen.grid if self.rules.band.method in GIVEN_BANDS else self.grid

    def _labels(self) -> npt.NDArray[np.int32]:
        grid = self._object_grid()
        row, lane = np.nonzero(grid.found)
        boxes = np.array([grid.boxes(number) for number in range(grid.rows)]).reshape(-1, len(grid.lanes.lanes), 4)
        return self._painted(boxes[row, lane], np.arange(1, len(row) + 1))

    def _target_labels(self, lanes: list[int], inset: int = 0) -> npt.NDArray[np.int32]:
        boxes = [self.chosen.grid.boxes(row)[lanes] for row in self.chosen.rows]
        every = np.concatenate([*boxes, np.empty((0, 4), np.int64)]) + np.array([0, 0, inset, -inset])
        return self._painted(every, np.arange(1, len(every) + 1))

    def _painted(self, boxes: Boxes, numbers: npt.NDArray[np.int64]) -> npt.NDArray[np.int32]:
        plane = np.zeros(self.found.signal.shape, np.int32)
        for (top, bottom, left, right), number in zip(boxes, numbers, strict=True):
            plane[top:bottom, left:right] = number
        return self._onto_picture(plane)

    def _onto_picture(self, plane: npt.NDArray[Any]) -> npt.NDArray[Any]:
        """From the crop with upright lanes to the picture."""
        crop = self.found.crop
        whole = np.zeros(self.image.shape, plane.dtype)
        whole[crop.y : crop.y + crop.height, crop.x : crop.x + crop.width] = blot_lanes.upright(
            plane, self.found.slope, back=True
        )
        return whole

    def _region(self, lane: int) -> Region:
        own = self.chosen.grid.lanes.lanes[lane]
        box = np.array([[own.y, own.y + own.height, own.x, own.x + own.width]])
        return Region.of_mask(str(lane + 1), self._painted(box, np.ones(1, np.int64)) > 0)

    def _y(self, y: Doubles) -> Doubles:
        return y + self.found.crop.y

    def _mass(self, y: Doubles) -> Doubles:
        return self._mass_at(y - self.grid.bend_px)

    def _mass_at(self, place: Doubles) -> Doubles:
        return self.scale[0].mass_kda(place) if self.scale else np.full(len(place), np.nan)


GIVEN_BANDS = ("boxes", "rois", "whole-lane")
"""Ways to choose bands for which none need be found."""


def _grey(image: Image, crop: Lane) -> tuple[npt.NDArray[Any], tuple[Flag, ...]]:
    """The crop's stored values as one plane, and what kind of picture it is."""
    pixels = image.pixels[crop.y : crop.y + crop.height, crop.x : crop.x + crop.width]
    flags = list(image.flags)
    if image.source.lower().endswith(VIEWING_FILES) or Flag.LOSSY_FILE in image.flags:
        flags.append(Flag.NOT_A_MEASUREMENT_FILE)
    if pixels.shape[2] == 1:
        return pixels[:, :, 0], tuple(flags)
    if pixels.shape[2] != 3:
        raise ImageError(
            f"{image.source}: a blot has one channel, or the three of a colour picture; this has"
            f" {', '.join(image.channels)}: choose one (c = 0)"
        )
    wide = pixels.astype(np.float32)
    differs = np.percentile(np.abs(wide - wide.mean(axis=2, keepdims=True)).max(axis=2), 95)
    if differs > GREY_TOLERANCE * image.max_value:
        flags.append(Flag.COLOUR_FILM)
    return np.rint(wide.mean(axis=2)).astype(pixels.dtype), tuple(flags)


EDGE_SIGMAS = 3.0
"""A band whose middle is nearer to the picture's edge than this goes on beyond it, and has no background beside it."""

INSET_PX = 3
"""By how much a target's rectangle is drawn narrower than its lane, so that the lane's outline does not hide it."""

GREY_TOLERANCE = 0.02
"""Colours that differ from their mean by more than this share of the scale are not grey."""


def _lanes(image: Image, rules: BlotRules, signal: Floats, sigma: float, crop: Lane) -> BlotLanes:
    if isinstance(rules.lanes, FoundLanes) and rules.band.method in ("boxes", "rois"):
        boxes = rules.band.lanes_of(image, crop)
        return blot_lanes.given_lanes([(x - crop.x, y - crop.y, w, h) for x, y, w, h in boxes], signal.shape)
    return rules.lanes.find(signal, sigma, image, crop)


def _all_kept(rules: BlotRules) -> bool:
    """Whether lanes were given, or numbered, so that none may be left out."""
    return not (isinstance(rules.lanes, FoundLanes) and rules.lanes.count == 0) or rules.band.method in GIVEN_BANDS


def _ladder_lanes(choice: LadderChoice, grid: BandGrid) -> list[int]:
    return [choice.lane - 1] if isinstance(choice, LadderLane) and choice.lane <= len(grid.lanes.lanes) else []


def _shared_rows(choice: LadderChoice, grid: BandGrid) -> tuple[int, ...]:
    """Rows with a band in a lane other than the ladder's."""
    others = np.delete(grid.found, _ladder_lanes(choice, grid), axis=1)
    return tuple(int(row) for row in np.flatnonzero(others.any(axis=1)))


def _mass_scale(choice: LadderChoice, grid: BandGrid) -> tuple[MassScale, ...]:
    if not isinstance(choice, LadderLane):
        return ()
    count = len(grid.lanes.lanes)
    if choice.lane > count:
        raise MeasureError(f"the ladder is to be in lane {choice.lane}, but {count} lanes were found")
    own = grid.found[:, choice.lane - 1]
    places = grid.y_px[own, choice.lane - 1] - grid.bend_px[choice.lane - 1]
    return (ladder.fit_ladder(places.tolist(), choice.masses_kda),)


def _plain(values: Doubles) -> list[Value]:
    """Numbers for a table; not-a-number is an empty cell."""
    return [float(value) if np.isfinite(value) else None for value in values]


def _nothing(image: Image, rules: BlotRules, found: FoundBlot) -> Result:
    """A picture without a lane: one row that says so."""
    values: dict[str, Value] = {column.name: None for column in COLUMNS}
    values["target"] = rules.target
    constant = bool(found.signal.min() == found.signal.max())
    flags = merged(found.flags, (Flag.NO_LANES,), (Flag.BLANK,) if constant else ())
    empty = np.zeros(image.shape, np.int32)
    mask = empty > 0
    return Result(
        (RegionResult("whole", values, flags),), empty_objects(OBJECT_COLUMNS), empty,
        {"bands": mask, "target": mask, "saturated": mask}, outlined=(empty,),
    )  # fmt: skip
