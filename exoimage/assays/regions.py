"""Which parts of a picture are measured: the whole field, wells, or regions of interest."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

import numpy as np
import numpy.typing as npt
from pydantic import Field

from exoimage.assays.choice import Choice, RecipePath
from exoimage.errors import MeasureError
from exoimage.flags import Flag
from exoimage.images.image import Image

Mask = npt.NDArray[np.bool_]
Box = tuple[slice, slice]

ROI_SUFFIXES = (".roi", ".zip", ".geojson", ".json", ".tif", ".tiff", ".png")


@dataclass(frozen=True, eq=False)
class Region:
    """A named part of a picture.

    Parameters
    ----------
    name : str
        What tables call `region`.
    box : (slice of rows, slice of columns)
        The smallest rectangle that holds it.
    mask : bool array of the box's shape, or None
        None where the region fills its box.
    """

    name: str
    box: Box
    mask: Mask | None = None

    @classmethod
    def whole(cls, shape: tuple[int, int]) -> Region:
        """The whole field."""
        return cls("whole", (slice(0, shape[0]), slice(0, shape[1])))

    @classmethod
    def of_mask(cls, name: str, mask: Mask) -> Region:
        """A region from a mask of the whole picture.

        Raises
        ------
        MeasureError
            If the mask is empty.
        """
        rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
        if rows.size == 0:
            raise MeasureError(f"the region {name!r} is empty: draw it inside the picture")
        box = slice(int(rows[0]), int(rows[-1]) + 1), slice(int(columns[0]), int(columns[-1]) + 1)
        return cls(name, box, np.ascontiguousarray(mask[box]))

    def inside(self, excluded: Mask | None) -> Mask | None:
        """The box's pixels that are measured: in the region and not excluded; None where all are.

        Parameters
        ----------
        excluded : (y, x) bool array of the whole picture, or None
        """
        if excluded is None or not excluded[self.box].any():
            return self.mask
        kept: Mask = ~excluded[self.box]
        return kept if self.mask is None else kept & self.mask

    def full_mask(self, shape: tuple[int, int]) -> Mask:
        """The region as a mask of the whole picture."""
        full = np.zeros(shape, dtype=np.bool_)
        full[self.box] = True if self.mask is None else self.mask
        return full


@dataclass(frozen=True)
class FoundRegions:
    """The regions of one picture, and what finding them had to remark."""

    regions: tuple[Region, ...]
    flags: tuple[Flag, ...] = ()


class WholeRegion(Choice):
    """The whole field of view."""

    method: Literal["whole"] = "whole"

    def find(self, image: Image) -> FoundRegions:
        """One region, the field."""
        return FoundRegions((Region.whole(image.shape),))

    def files_for(self, image_path: Path) -> tuple[Path, ...]:  # noqa: ARG002
        """No file decides where to measure."""
        return ()


class WellRegion(Choice):
    """The round wells of a plate photo, found by themselves and named A1, A2 … by row and column."""

    method: Literal["wells"] = "wells"
    rows: int = Field(2, ge=1, le=16, description="Rows of wells in the picture.")
    columns: int = Field(3, ge=1, le=24, description="Columns of wells in the picture.")
    shrink: float = Field(
        0.9, gt=0.2, le=1.0, description="Share of a well's radius that is measured: leaves out the rim and its shadow."
    )

    def find(self, image: Image) -> FoundRegions:
        """One region per well, in reading order."""
        from exoimage.methods import wells

        grid = wells.find_wells(image.pixels, self.rows, self.columns)
        regions = tuple(
            Region.of_mask(well.name, wells.well_mask(well, image.shape, shrink=self.shrink)) for well in grid.wells
        )
        return FoundRegions(regions, grid.flags)

    def files_for(self, image_path: Path) -> tuple[Path, ...]:  # noqa: ARG002
        """No file decides where to measure."""
        return ()


class RoiRegion(Choice):
    """Regions of interest drawn elsewhere: ImageJ .roi or .zip, QuPath GeoJSON, or a mask image."""

    method: Literal["rois"] = "rois"
    path: RecipePath = Field(
        description="One file for all pictures, or a folder with a file per picture, named as the picture is."
    )

    def find(self, image: Image) -> FoundRegions:
        """One region per ROI, by the ROIs' names."""
        from exoimage.images.rois import read_regions

        (path,) = self.files_for(Path(image.source))
        return FoundRegions(tuple(Region.of_mask(named.name, named.mask) for named in read_regions(path, image.shape)))

    def refuse_missing_files(self) -> None:
        """Refuse a path where there is neither file nor folder.

        Raises
        ------
        MeasureError
            If there is none.
        """
        if not Path(self.path).exists():
            raise MeasureError(f"no ROI file or folder at {self.path}")

    def files_for(self, image_path: Path) -> tuple[Path, ...]:
        """The file with the regions of one picture.

        Raises
        ------
        MeasureError
            If there is none.
        """
        path = Path(self.path)
        if path.is_file():
            return (path,)
        if not path.is_dir():
            raise MeasureError(f"no ROI file or folder at {self.path}")
        for suffix in ROI_SUFFIXES:
            for candidate in (path / f"{image_path.stem}{suffix}", path / f"{image_path.name}{suffix}"):
                if candidate.is_file():
                    return (candidate,)
        raise MeasureError(
            f"no regions for {image_path.name} in the folder {self.path}: expected {image_path.stem} with one of"
            f" {', '.join(ROI_SUFFIXES)}"
        )


RegionChoice = Annotated[WholeRegion | WellRegion | RoiRegion, Field(discriminator="method")]
