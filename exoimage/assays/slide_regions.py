"""Where on a whole slide is measured: regions that tell their pixels window by window."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import cv2
import numpy as np
import numpy.typing as npt

from exoimage.assays.recipe import Recipe
from exoimage.assays.regions import FoundRegions, Region, RoiRegion
from exoimage.errors import MeasureError
from exoimage.flags import Flag
from exoimage.images.image import Image
from exoimage.images.roi_outlines import OutlinedRegion, read_outlines
from exoimage.methods import tissue

USUAL_UM = 0.5
"""Size of a scanner's pixels at 20×."""

Mask = npt.NDArray[np.bool_]
Shape = tuple[int, int]
Corners = tuple[int, int, int, int]
"""Top, left, and the bottom and right behind the last."""


class SlideRegion(Protocol):
    """A named part of a slide."""

    @property
    def name(self) -> str:
        """What tables call `region`."""
        ...

    @property
    def corners(self) -> Corners:
        """The smallest rectangle that holds it, within the slide."""
        ...

    def mask_in(self, corners: Corners) -> Mask:
        """Its pixels in a window."""
        ...

    def small_mask(self, small: Shape) -> Mask:
        """Its pixels in a small picture of the slide."""
        ...


@dataclass(frozen=True, eq=False)
class CoarseRegion:
    """A region told by a small picture of the slide; `whole_slide` is all of it.

    Parameters
    ----------
    name : str
    shape : (height, width)
        Of the slide.
    mask : bool array
        Of the small picture; it spans the slide.
    """

    name: str
    shape: Shape
    mask: Mask

    @property
    def corners(self) -> Corners:
        """The smallest rectangle that holds it."""
        rows, columns = np.flatnonzero(self.mask.any(axis=1)), np.flatnonzero(self.mask.any(axis=0))
        down, across = (length / small for length, small in zip(self.shape, self.mask.shape, strict=True))
        return (
            int(rows[0] * down),
            int(columns[0] * across),
            min(self.shape[0], int(np.ceil((rows[-1] + 1) * down))),
            min(self.shape[1], int(np.ceil((columns[-1] + 1) * across))),
        )

    def mask_in(self, corners: Corners) -> Mask:
        """Its pixels in a window."""
        top, left, bottom, right = corners
        rows, columns = (
            np.arange(first, last) * small // length
            for first, last, small, length in zip(
                (top, left), (bottom, right), self.mask.shape, self.shape, strict=True
            )
        )
        return np.asarray(self.mask[rows][:, columns])

    def small_mask(self, small: Shape) -> Mask:
        """Its pixels in a small picture of the slide."""
        resized = cv2.resize(self.mask.view(np.uint8), small[::-1], interpolation=cv2.INTER_NEAREST)
        return np.asarray(resized, np.uint8).view(np.bool_)


@dataclass(frozen=True, eq=False)
class DrawnRegion:
    """A region that a person outlined.

    Parameters
    ----------
    name : str
    shape : (height, width)
        Of the slide.
    outlines : OutlinedRegion
        In the slide's px.
    """

    name: str
    shape: Shape
    outlines: OutlinedRegion

    @property
    def corners(self) -> Corners:
        """The smallest rectangle that holds it, within the slide."""
        top, left, bottom, right = self.outlines.box
        height, width = self.shape
        return max(0, int(top)), max(0, int(left)), min(height, int(bottom) + 1), min(width, int(right) + 1)

    def mask_in(self, corners: Corners) -> Mask:
        """Its pixels in a window."""
        top, left, bottom, right = corners
        mine = self.corners
        if mine[0] >= bottom or mine[2] <= top or mine[1] >= right or mine[3] <= left:
            return np.zeros((bottom - top, right - left), np.bool_)
        return self.outlines.mask_in(top, left, bottom - top, right - left)

    def small_mask(self, small: Shape) -> Mask:
        """Its pixels in a small picture of the slide."""
        return self.outlines.scaled(small[0] / self.shape[0]).mask_in(0, 0, *small)


@dataclass(frozen=True, eq=False)
class SlideRegions:
    """The regions of a slide, what finding them had to remark, and whether there is ground beside them."""

    regions: tuple[SlideRegion, ...]
    flags: tuple[Flag, ...] = ()
    has_ground: bool = False


class ScaledRois(RoiRegion):
    """Regions of interest that were drawn at another size of the same picture."""

    factor: float = 1.0

    def find(self, image: Image) -> FoundRegions:
        """One region per ROI, by the ROIs' names."""
        (path,) = self.files_for(Path(image.source))
        drawn = [DrawnRegion(one.name, image.shape, one.scaled(self.factor)) for one in read_outlines(path)]
        return FoundRegions(
            tuple(Region.of_mask(one.name, one.mask_in((0, 0, *image.shape))) for one in drawn),
        )


def with_scaled_rois(recipe: Recipe[Any], factor: float) -> Recipe[Any]:
    """The recipe with its regions of interest as they lie in a picture whose pixels are so many times as many."""
    choice = getattr(recipe, "region", None)
    if not isinstance(choice, RoiRegion):
        return recipe
    return recipe.model_copy(update={"region": ScaledRois(path=choice.path, factor=factor)})


def whole_slide(shape: Shape) -> CoarseRegion:
    """All of a slide."""
    return CoarseRegion("whole", shape, np.ones((1, 1), np.bool_))


def find_slide_regions(recipe: Recipe[Any], overview: Image, shape: Shape, factor: float, source: str) -> SlideRegions:
    """Where a recipe measures on a slide.

    Parameters
    ----------
    recipe : Recipe
        With a key `region`. Of sections, the whole is the tissue.
    overview : Image
        A small picture of the slide.
    shape : (height, width)
        Of the level that is measured.
    factor : float
        How many px of the full resolution one px of that level is wide.
    source : str
        The slide's file.

    Raises
    ------
    MeasureError
        If a region of interest lies outside the slide.
    ImageReadError
        If the file of the regions is missing or damaged.
    """
    choice = getattr(recipe, "region", None)
    if isinstance(choice, RoiRegion):
        (path,) = choice.files_for(Path(source))
        drawn = [DrawnRegion(one.name, shape, one.scaled(1 / factor)) for one in read_outlines(path)]
        for region in drawn:
            _refuse_outside(region)
        return SlideRegions(tuple(drawn), (Flag.OVERLAPPING_REGIONS,) * _may_overlap(drawn, overview))
    if not recipe.slide_is_section:
        return SlideRegions((whole_slide(shape),))
    # Where the size of a pixel is unknown it is taken to be that of most scanners.
    pixel_um = overview.pixel_size or USUAL_UM * factor * max(shape) / max(overview.shape)
    mask = tissue.tissue_mask(overview.pixels, overview.max_value, pixel_um=pixel_um)
    if not mask.any():
        return SlideRegions((whole_slide(shape),), (Flag.NO_TISSUE,))
    return SlideRegions((CoarseRegion("whole", shape, mask),), (Flag.TISSUE_OF_SLIDE,), has_ground=not mask.all())


def _refuse_outside(region: DrawnRegion) -> None:
    top, left, bottom, right = region.corners
    if bottom <= top or right <= left:
        height, width = region.shape
        raise MeasureError(
            f"the region {region.name!r} lies outside the slide of {width} × {height} px: was it drawn on another?"
        )


def _may_overlap(regions: list[DrawnRegion], overview: Image) -> bool:
    """Whether regions share a pixel of the small picture well within both."""
    covered = np.zeros(overview.shape, np.bool_)
    for region in regions:
        mask = region.small_mask(overview.shape)
        if (covered & mask).any():
            return True
        covered |= mask
    return False
