"""Where a blot's lanes and bands come from, and what masses its ladder has."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

import numpy as np
import numpy.typing as npt
from pydantic import AfterValidator, Field

from exoimage.assays.choice import Choice, RecipePath
from exoimage.assays.regions import RoiRegion, WholeRegion
from exoimage.errors import MeasureError
from exoimage.images.image import Image
from exoimage.methods import blot_bands, blot_lanes
from exoimage.methods.blot_bands import BandGrid
from exoimage.methods.blot_lanes import BlotLanes
from exoimage.methods.blot_signal import Floats
from exoimage.methods.gels import Lane
from exoimage.methods.ladder import MassScale


def _a_box(box: tuple[int, ...]) -> tuple[int, ...]:
    if len(box) != 4 or min(box[:2]) < 0 or min(box[2:]) < 1:
        raise ValueError(f"a box is [x, y, width, height] in px, not {list(box)}")
    return box


PixelBox = Annotated[tuple[int, ...], AfterValidator(_a_box)]


class BoxRegion(Choice):
    """A rectangle of the picture: one of several blots on it, or the blot without its surroundings."""

    method: Literal["box"] = "box"
    x: int = Field(0, ge=0, description="Left column in px.")
    y: int = Field(0, ge=0, description="Top row in px.")
    width: int = Field(ge=1, description="In px.")
    height: int = Field(ge=1, description="In px.")

    def crop(self, image: Image) -> Lane:
        """The rectangle.

        Raises
        ------
        MeasureError
            If it leaves the picture.
        """
        box = Lane(self.x, self.y, self.width, self.height)
        blot_lanes.check_inside(box, image.shape, "region")
        return box

    def files_for(self, image_path: Path) -> tuple[Path, ...]:  # noqa: ARG002
        """No file decides where to measure."""
        return ()


class WholeBlot(WholeRegion):
    """The whole picture."""

    def crop(self, image: Image) -> Lane:
        """The picture's rectangle."""
        return Lane(0, 0, image.shape[1], image.shape[0])


class RoiBlot(RoiRegion):
    """The rectangle around a region of interest: ImageJ .roi or .zip, QuPath GeoJSON, or a mask image."""

    def crop(self, image: Image) -> Lane:
        """The rectangle around the only region.

        Raises
        ------
        MeasureError
            If the file has several.
        """
        regions = self.find(image).regions
        if len(regions) != 1:
            raise MeasureError(
                f"the file of regions has {len(regions)}; a blot is measured in one: give each target its own"
            )
        return _rectangle(regions[0].box)


BlotRegion = Annotated[WholeBlot | BoxRegion | RoiBlot, Field(discriminator="method")]


class FoundLanes(Choice):
    """Lanes found by themselves."""

    method: Literal["find"] = "find"
    count: int = Field(0, ge=0, le=60, description="How many there are, the ladder's included; 0: as many as are seen.")

    def find(self, signal: Floats, sigma_px: float, image: Image, crop: Lane) -> BlotLanes:  # noqa: ARG002
        """The lanes of the cropped signal."""
        return blot_lanes.find_lanes(signal, sigma_px, self.count)

    def files_for(self, image_path: Path) -> tuple[Path, ...]:  # noqa: ARG002
        """No file decides where lanes are."""
        return ()


class BoxLanes(Choice):
    """Lanes as rectangles."""

    method: Literal["boxes"] = "boxes"
    boxes: tuple[PixelBox, ...] = Field(min_length=1, description="[[x, y, width, height], …] in px of the picture.")

    def find(self, signal: Floats, sigma_px: float, image: Image, crop: Lane) -> BlotLanes:  # noqa: ARG002
        """The lanes, by the crop's coordinates."""
        return blot_lanes.given_lanes([_within(box, crop) for box in self.boxes], signal.shape)

    def files_for(self, image_path: Path) -> tuple[Path, ...]:  # noqa: ARG002
        """No file decides where lanes are."""
        return ()


class RoiLanes(Choice):
    """Lanes as the rectangles around regions of interest: ImageJ .roi or .zip, QuPath GeoJSON, or a mask image."""

    method: Literal["rois"] = "rois"
    path: RecipePath = Field(description="One file for all pictures, or a folder with a file per picture.")

    def find(self, signal: Floats, sigma_px: float, image: Image, crop: Lane) -> BlotLanes:  # noqa: ARG002
        """The lanes, by the crop's coordinates."""
        return blot_lanes.given_lanes([_within(box, crop) for box in _drawn_boxes(self.path, image)], signal.shape)

    def files_for(self, image_path: Path) -> tuple[Path, ...]:
        """The file with the lanes of one picture."""
        return RoiRegion(path=self.path).files_for(image_path)

    def refuse_missing_files(self) -> None:
        """Refuse a path where there is nothing; see `Choice.refuse_missing_files`."""
        RoiRegion(path=self.path).refuse_missing_files()


LaneChoice = Annotated[FoundLanes | BoxLanes | RoiLanes, Field(discriminator="method")]


@dataclass(frozen=True, eq=False)
class Bands:
    """What a target's band is chosen from.

    Parameters
    ----------
    grid : BandGrid
    rows : tuple of int
        Those with a band in a lane other than the ladder's.
    volumes : (row, lane) float64 array
        Of the bands that were found, 0 elsewhere and in the ladder's lane.
    scale : tuple of MassScale
        The ladder's, if there is one.
    image : Image
    crop : Lane
        The part of the picture that is measured.
    """

    grid: BandGrid
    rows: tuple[int, ...]
    volumes: npt.NDArray[np.float64]
    scale: tuple[MassScale, ...]
    image: Image
    crop: Lane


@dataclass(frozen=True, eq=False)
class Chosen:
    """The target's places: some rows of a grid."""

    grid: BandGrid
    rows: tuple[int, ...]


class _OfFile(Choice):
    """A choice of bands that needs no file."""

    def files_for(self, image_path: Path) -> tuple[Path, ...]:  # noqa: ARG002
        """No file decides where bands are."""
        return ()


class StrongestBand(_OfFile):
    """The row of bands that is strongest over all lanes."""

    method: Literal["strongest"] = "strongest"

    def choose(self, bands: Bands) -> Chosen:
        """The row with the largest sum of the roots of its volumes: one in all lanes goes before one in a few."""
        strength = np.sqrt(np.maximum(bands.volumes, 0)).sum(axis=1)
        return Chosen(bands.grid, tuple(sorted(bands.rows, key=lambda row: -strength[row])[:1]))

    def sentence(self) -> str:
        """The choice in words."""
        return "the row of bands that was strongest over all lanes (sum of the square roots of volumes)"


class NumberedBand(_OfFile):
    """The n-th row of bands from the top."""

    method: Literal["number"] = "number"
    number: int = Field(1, ge=1, description="1 is the uppermost row.")

    def choose(self, bands: Bands) -> Chosen:
        """The row of that number.

        Raises
        ------
        MeasureError
            If there are fewer.
        """
        if self.number > len(bands.rows):
            raise MeasureError(
                f"row {self.number} of bands was asked for, but {len(bands.rows)} were found; look at the overlay, or"
                " give band rectangles"
            )
        return Chosen(bands.grid, (bands.rows[self.number - 1],))

    def sentence(self) -> str:
        """The choice in words."""
        return f"row {self.number} of bands from the top"


class MassBand(_OfFile):
    """The row of bands nearest to a mass; needs a ladder."""

    method: Literal["mass"] = "mass"
    kda: float = Field(gt=0, description="Molecular weight in kDa.")

    def choose(self, bands: Bands) -> Chosen:
        """The row nearest to where the mass runs to.

        Raises
        ------
        MeasureError
            If the mass lies beyond the ladder.
        """
        if not bands.rows or not bands.scale:
            return Chosen(bands.grid, ())
        place = bands.scale[0].distance_px(self.kda)
        middles = np.median(bands.grid.y_px - bands.grid.bend_px, axis=1)
        return Chosen(bands.grid, (min(bands.rows, key=lambda row: abs(middles[row] - place)),))

    def sentence(self) -> str:
        """The choice in words."""
        return f"the row of bands nearest to {self.kda:g} kDa"


class AllBands(_OfFile):
    """All bands of a lane, summed."""

    method: Literal["all"] = "all"

    def choose(self, bands: Bands) -> Chosen:
        """Every row."""
        return Chosen(bands.grid, bands.rows)

    def sentence(self) -> str:
        """The choice in words."""
        return "the sum of all bands of the lane"


class WholeLane(_OfFile):
    """The whole lane: total protein."""

    method: Literal["whole-lane"] = "whole-lane"

    def choose(self, bands: Bands) -> Chosen:
        """The lanes themselves."""
        return Chosen(blot_bands.whole_lanes(bands.grid.lanes), (0,))

    def sentence(self) -> str:
        """The choice in words."""
        return "the whole lane"


class BoxBands(_OfFile):
    """A rectangle for every lane's band."""

    method: Literal["boxes"] = "boxes"
    boxes: tuple[PixelBox, ...] = Field(min_length=1, description="[[x, y, width, height], …] in px of the picture.")

    def choose(self, bands: Bands) -> Chosen:
        """The rectangles; a lane is as wide as its own."""
        return _of_boxes(self.boxes, bands)

    def lanes_of(self, image: Image, crop: Lane) -> tuple[tuple[int, ...], ...]:  # noqa: ARG002
        """Lanes that follow from the rectangles, where nothing else tells: their columns."""
        return tuple((box[0], crop.y, box[2], crop.height) for box in self.boxes)

    def sentence(self) -> str:
        """The choice in words."""
        return "a rectangle given for every lane"


class RoiBands(Choice):
    """A rectangle for every lane's band: those around regions drawn in ImageJ or QuPath."""

    method: Literal["rois"] = "rois"
    path: RecipePath = Field(description="One file for all pictures, or a folder with a file per picture.")

    def choose(self, bands: Bands) -> Chosen:
        """The rectangles; a lane is as wide as its own."""
        return _of_boxes(_drawn_boxes(self.path, bands.image), bands)

    def lanes_of(self, image: Image, crop: Lane) -> tuple[tuple[int, ...], ...]:
        """Lanes that follow from the rectangles, where nothing else tells: their columns."""
        return tuple((box[0], crop.y, box[2], crop.height) for box in _drawn_boxes(self.path, image))

    def files_for(self, image_path: Path) -> tuple[Path, ...]:
        """The file with the bands of one picture."""
        return RoiRegion(path=self.path).files_for(image_path)

    def refuse_missing_files(self) -> None:
        """Refuse a path where there is nothing; see `Choice.refuse_missing_files`."""
        RoiRegion(path=self.path).refuse_missing_files()

    def sentence(self) -> str:
        """The choice in words."""
        return "a rectangle drawn for every lane"


BandChoice = Annotated[
    StrongestBand | NumberedBand | MassBand | AllBands | WholeLane | BoxBands | RoiBands, Field(discriminator="method")
]


class NoLadder(Choice):
    """No masses."""

    method: Literal["none"] = "none"


class LadderLane(Choice):
    """A lane whose bands have known masses."""

    method: Literal["lane"] = "lane"
    lane: int = Field(1, ge=1, description="The ladder's lane, counted from the left.")
    masses_kda: tuple[float, ...] = Field(min_length=2, description="Masses of its bands in kDa, in any order.")


LadderChoice = Annotated[NoLadder | LadderLane, Field(discriminator="method")]


class _Background(Choice):
    """A background of bands; the others stand beside it in every table."""

    def others(self) -> Mapping[str, Choice]:
        """The other backgrounds; none at all is no serious alternative."""
        kinds: tuple[Choice, ...] = (StraightLine(), RollingBall(), LocalBackground(), RubberBand())
        return {str(kind.method): kind for kind in kinds if type(kind) is not type(self)}  # type: ignore[attr-defined]


class NoBackground(_Background):
    """Nothing is taken off."""

    method: Literal["none"] = "none"


class StraightLine(_Background):
    """A straight line between the ends of the band along the lane, as drawn in ImageJ's Gel Analyzer."""

    method: Literal["straight-line"] = "straight-line"


class RollingBall(_Background):
    """A ball that rolls under the picture, smoothed a little first."""

    method: Literal["rolling-ball"] = "rolling-ball"
    radius_px: float = Field(0, ge=0, description="Of the ball; 0: eight times the sigma of a band.")


class LocalBackground(_Background):
    """The median of the band rectangle's border, 3 px wide."""

    method: Literal["local"] = "local"


class RubberBand(_Background):
    """The lower convex hull of the lane's profile."""

    method: Literal["rubber-band"] = "rubber-band"


BackgroundChoice = Annotated[
    StraightLine | RollingBall | LocalBackground | RubberBand | NoBackground, Field(discriminator="method")
]


def _of_boxes(boxes: Sequence[tuple[int, ...]], bands: Bands) -> Chosen:
    shape = (bands.crop.height, bands.crop.width)
    rectangles = [Lane(*_within(box, bands.crop)) for box in boxes]
    for rectangle in rectangles:
        blot_lanes.check_inside(rectangle, shape, "band")
    return Chosen(blot_bands.given_bands(rectangles, bands.grid.lanes), (0,))


def _drawn_boxes(path: str, image: Image) -> tuple[tuple[int, ...], ...]:
    return tuple(_numbers(_rectangle(region.box)) for region in RoiRegion(path=path).find(image).regions)


def _rectangle(box: tuple[slice, slice]) -> Lane:
    rows, columns = box
    return Lane(columns.start, rows.start, columns.stop - columns.start, rows.stop - rows.start)


def _numbers(box: Lane) -> tuple[int, ...]:
    return box.x, box.y, box.width, box.height


def _within(box: Sequence[int], crop: Lane) -> tuple[int, ...]:
    """A rectangle of the picture by the coordinates of a part of it."""
    return box[0] - crop.x, box[1] - crop.y, box[2], box[3]
