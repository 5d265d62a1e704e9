"""Measuring the regions of one picture by a decided recipe: stained area, optical density, nodules."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

import cv2
import numpy as np
import numpy.typing as npt

from exoimage.assays.colour_sample import sampling_grid
from exoimage.assays.columns import AreaWeighted, Column, Mean, Ratio, Sum, Value
from exoimage.assays.regions import Box, FoundRegions, Region
from exoimage.assays.results import RegionResult, Result, empty_objects
from exoimage.errors import MeasureError
from exoimage.flags import Flag, merged
from exoimage.images.image import Image
from exoimage.methods import particles, quality, segmentation, stains
from exoimage.methods.density import White, optical_density
from exoimage.methods.imagej_stains import imagej_stain_histogram
from exoimage.methods.stains import StainSet

_OD_OF_GREY = -np.log10(np.maximum(np.arange(256), 0.5) / 255).astype(np.float32)

Mask = npt.NDArray[np.bool_]
Plane = npt.NDArray[np.float32]
Labels = npt.NDArray[np.int32]

FLAG_SAMPLE = 2**14
"""Pixels that the flags of a region look at, about."""

MISMATCH_DEG = 45.0
"""A hue further than this from the stain's is another stain's."""

COLUMNS = (
    Column(
        "stained_area_pct", "Share of the region's area that stained objects of the sizes asked for cover.",
        Ratio("stained_area_px", "region_area_px", 100.0), primary=True,
    ),
    Column("integrated_od", "Optical density of the stain summed over the stained objects.", Mean(), primary=True),
    Column("stained_area_um2", "Stained area.", Sum()),
    Column("region_area_um2", "Area of the region, burnt-in annotations left out.", Sum()),
    Column(
        "mean_od", "Mean optical density of the stain over the stained objects.",
        Ratio("integrated_od", "stained_area_px"),
    ),
    Column(
        "region_mean_od", "Mean optical density of the stain over the whole region, thresholded or not.",
        AreaWeighted("region_area_px"),
    ),
    Column("nodule_count", "Number of stained objects (8-connected) between the smallest and largest size.", Sum()),
    Column("nodules_per_mm2", "Stained objects per area of the region.", Ratio("nodule_count", "region_area_um2", 1e6)),
    Column("nodule_area_median_um2", "Median area of the stained objects.", Mean()),
    Column("threshold_od", "Optical density above which a pixel counts as stained.", Mean()),
    Column("white_r", "White point in red, in the units of the pixels."),
    Column("white_g", "White point in green, in the units of the pixels."),
    Column("white_b", "White point in blue, in the units of the pixels."),
    Column("stained_area_px", "Stained area in pixels.", Sum()),
    Column("region_area_px", "Area of the region in pixels.", Sum()),
    Column("nodule_area_median_px", "Median area of the stained objects in pixels.", Mean()),
)  # fmt: skip

OBJECT_COLUMNS = (
    Column("y_px", "Centroid, from the upper edge; the centre of the first pixel is 0.5."),
    Column("x_px", "Centroid, from the left edge; the centre of the first pixel is 0.5."),
    Column("area_px", "Number of pixels."),
    Column("area_um2", "Area."),
    Column("circularity", "4π·area / perimeter², with ImageJ's perimeter of the outline; at most 1."),
    Column("mean_od", "Mean optical density of the stain over the object."),
)


class Chain(Protocol):
    """From pixels to what is stained: ours, or ImageJ's."""

    @property
    def stains(self) -> StainSet:
        """The stains, against the white point they are seen from."""
        ...

    @property
    def threshold_od(self) -> float:
        """Optical density above which a pixel counts; infinity if none does."""
        ...

    def stained(self, pixels: npt.NDArray[Any], field: tuple[int, int], box: Box) -> tuple[Plane, Mask]:
        """The target's optical density in every pixel of a box of the field, and which pixels count."""
        ...


@dataclass(frozen=True)
class OpticalDensityChain:
    """Ours: unmixing in optical density against the true white point, one threshold in it.

    Parameters
    ----------
    stains : StainSet
    threshold_od : float
    max_value : float
        The largest value of float pixels.
    """

    stains: StainSet
    threshold_od: float
    max_value: float

    def stained(self, pixels: npt.NDArray[Any], field: tuple[int, int], box: Box) -> tuple[Plane, Mask]:
        """Unmix the target and compare."""
        plane = stains.stain_plane(pixels, self.stains, max_value=self.max_value, part_of=(field, box))
        return plane, plane > np.float32(self.threshold_od)


@dataclass(frozen=True)
class ImageJChain:
    """ImageJ's: Colour Deconvolution (Fiji's, 8 bit), and all grey levels up to a threshold.

    Parameters
    ----------
    stains : StainSet
        Against the largest value that can be stored.
    level : int
        The brightest grey level of the stain's plane that counts; -1: none does.
    """

    stains: StainSet
    level: int

    @property
    def threshold_od(self) -> float:
        """Optical density of the grey level."""
        return float(_OD_OF_GREY[self.level]) if self.level >= 0 else np.inf

    def stained(
        self,
        pixels: npt.NDArray[Any],
        field: tuple[int, int],  # noqa: ARG002
        box: Box,  # noqa: ARG002
    ) -> tuple[Plane, Mask]:
        """Deconvolve the target and compare."""
        grey, _ = grey_plane(pixels, self.stains)
        plane = np.asarray(cv2.LUT(grey, _OD_OF_GREY), dtype=np.float32)
        return plane, grey <= np.uint8(self.level) if self.level >= 0 else np.zeros(grey.shape, dtype=np.bool_)


def grey_plane(pixels: npt.NDArray[Any], stain_set: StainSet) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.int64]]:
    """The target's 8-bit plane as ImageJ's Colour Deconvolution makes it, and its histogram.

    Raises
    ------
    MeasureError
        If the pixels are not 8-bit RGB.
    """
    return imagej_stain_histogram(pixels, stain_set.vectors, stain_set.index(stain_set.target))


@dataclass(frozen=True)
class Sizes:
    """Which objects count, by their area in px.

    Parameters
    ----------
    smallest, largest : float
        Limits of an object, inclusive.
    hole : float
        Holes up to this size are filled.
    """

    smallest: float
    largest: float
    hole: float


@dataclass(frozen=True, eq=False)
class StainMeasuring:
    """Measuring one picture.

    Parameters
    ----------
    image : Image
    chain : Chain
    sizes : Sizes
    """

    image: Image
    chain: Chain
    sizes: Sizes

    def regions(self, found: FoundRegions, excluded: Mask | None, common: tuple[Flag, ...]) -> Result:
        """Measure every region.

        Parameters
        ----------
        found : FoundRegions
        excluded : (y, x) bool array or None
            Burnt-in graphics that are left out.
        common : tuple of Flag
            What is to be said of every region.
        """
        parts: list[Labels] = []
        results: list[RegionResult] = []
        objects: list[dict[str, npt.NDArray[Any]]] = []
        count = 0
        for region in found.regions:
            result, region_labels, table = self._region(region, excluded, first=count + 1)
            parts.append(region_labels)
            results.append(RegionResult(result.region, result.values, merged(result.flags, common)))
            objects.append(table)
            count += len(table["object"])
        if _overlap(found.regions, self.image.shape):
            results = [RegionResult(r.region, r.values, merged(r.flags, (Flag.OVERLAPPING_REGIONS,))) for r in results]
        labels = self._laid_out(found.regions, parts)
        joined = {name: np.concatenate([table[name] for table in objects]) for name in objects[0]}
        return Result(tuple(results), joined, labels, {"stain": labels > 0}, excluded, found.regions)

    def _region(
        self, region: Region, excluded: Mask | None, first: int
    ) -> tuple[RegionResult, Labels, dict[str, npt.NDArray[Any]]]:
        pixels = self.image.pixels[region.box]
        inside = region.inside(excluded)
        area_px = int(np.count_nonzero(inside)) if inside is not None else pixels.shape[0] * pixels.shape[1]
        if area_px == 0:
            raise MeasureError(f"the region {region.name!r} holds nothing but burnt-in annotations")
        sample = self.image.pixels[sampling_grid(region, excluded, FLAG_SAMPLE)]
        if quality.is_constant(sample) and quality.is_constant(pixels if inside is None else pixels[inside]):
            values = self._values(area_px, empty := empty_objects(OBJECT_COLUMNS), mean_od=0.0)
            return RegionResult(region.name, values, (Flag.BLANK,)), np.zeros(pixels.shape[:2], dtype=np.int32), empty
        plane, stained = self.chain.stained(pixels, self.image.shape, region.box)
        if inside is not None:
            stained &= inside
        labels, table = self._nodules(plane, stained, inside)
        objects = self._object_values(region, table, first)
        values = self._values(area_px, objects, _mean(plane, inside))
        flags = self._flags(pixels, sample, plane, labels if len(table) else None)
        return RegionResult(region.name, values, flags), labels, objects

    def _laid_out(self, regions: tuple[Region, ...], parts: list[Labels]) -> Labels:
        """The regions' labels in one picture, numbered on from region to region."""
        if len(parts) == 1 and parts[0].shape == self.image.shape:
            return parts[0]
        labels = np.zeros(self.image.shape, dtype=np.int32)
        count = 0
        for region, part in zip(regions, parts, strict=True):
            np.copyto(labels[region.box], part + np.int32(count), where=part > 0)
            count += int(part.max())
        return labels

    def _nodules(self, plane: Plane, stained: Mask, inside: Mask | None) -> tuple[Labels, particles.ObjectTable]:
        if self.sizes.hole >= 1:
            stained = segmentation.fill_holes(stained, self.sizes.hole)
            if inside is not None:
                stained &= inside
        labels = particles.label(stained)
        table = particles.measure_objects(labels, intensity=plane)
        keep = (table.area_px >= self.sizes.smallest) & (table.area_px <= self.sizes.largest)
        if keep.all():
            return labels, table
        return particles.only_labels(labels, keep, out=labels), table.only(keep)

    def _object_values(self, region: Region, table: particles.ObjectTable, first: int) -> dict[str, npt.NDArray[Any]]:
        count = len(table.area_px)
        area_um2 = np.full(count, np.nan) if self.image.pixel_size is None else table.area_px * self.image.pixel_size**2
        rows, columns = region.box
        return {
            "region": np.full(count, region.name, dtype=object),
            "object": np.arange(first, first + count, dtype=np.int64),
            "y_px": table.y_px + rows.start,
            "x_px": table.x_px + columns.start,
            "area_px": table.area_px.astype(np.int64),
            "area_um2": area_um2,
            "circularity": table.circularity,
            "mean_od": table.intensity_sum / np.maximum(table.area_px, 1),
        }

    def _values(self, region_area_px: int, objects: dict[str, npt.NDArray[Any]], mean_od: float) -> dict[str, Value]:
        areas = objects["area_px"]
        count, stained_px = len(areas), int(areas.sum())
        integrated = float((objects["mean_od"] * areas).sum())
        um2 = None if self.image.pixel_size is None else self.image.pixel_size**2
        median_px = float(np.median(areas)) if count else None
        white_r, white_g, white_b = self.chain.stains.white.rgb
        return {
            "stained_area_pct": 100.0 * stained_px / region_area_px,
            "integrated_od": integrated,
            "stained_area_um2": None if um2 is None else stained_px * um2,
            "region_area_um2": None if um2 is None else region_area_px * um2,
            "mean_od": integrated / stained_px if stained_px else None,
            "region_mean_od": mean_od,
            "nodule_count": count,
            "nodules_per_mm2": None if um2 is None else count / (region_area_px * um2) * 1e6,
            "nodule_area_median_um2": None if um2 is None or median_px is None else median_px * um2,
            "threshold_od": self.chain.threshold_od if np.isfinite(self.chain.threshold_od) else None,
            "white_r": white_r,
            "white_g": white_g,
            "white_b": white_b,
            "stained_area_px": stained_px,
            "region_area_px": region_area_px,
            "nodule_area_median_px": median_px,
        }

    def _flags(
        self,
        pixels: npt.NDArray[Any],
        sample: npt.NDArray[Any],
        plane: Plane,
        labels: Labels | None,
    ) -> tuple[Flag, ...]:
        span = quality.tone_span_od(sample, self.chain.stains.white)
        even = span < quality.EVEN_TONE_OD
        flags: list[Flag] = [*quality.exposure_flags(sample, self.image.max_value)]
        if labels is None and span < quality.BLANK_OD:
            flags.append(Flag.BLANK)
        if labels is not None and even:
            flags.append(Flag.LOW_CONTRAST)
        step = max(1, min(pixels.shape[:2]) // 256)
        corrected = bool(self.chain.stains.white.light)
        if not even and not corrected and quality.uneven_light(pixels[::step, ::step], self.chain.stains.white):
            flags.append(Flag.UNEVEN_LIGHT)
        if labels is not None and self._is_another_stain(
            pixels[::step, ::step], plane[::step, ::step], labels[::step, ::step]
        ):
            flags.append(Flag.STAIN_MISMATCH)
        return tuple(flags)

    def _is_another_stain(self, pixels: npt.NDArray[Any], plane: Plane, labels: Labels) -> bool:
        counted = (labels > 0) & (plane >= self.chain.threshold_od)
        if np.count_nonzero(counted) < 50:
            return False
        colour = optical_density(pixels[counted], White(self.chain.stains.white.rgb)).mean(axis=0)
        target = self.chain.stains.vectors[self.chain.stains.index(self.chain.stains.target)]
        return stains.hue_angle_deg(colour.tolist(), target) > MISMATCH_DEG


def _overlap(regions: tuple[Region, ...], shape: tuple[int, int]) -> bool:
    if len(regions) < 2:
        return False
    covered = np.zeros(shape, dtype=np.bool_)
    for region in regions:
        mask = region.full_mask(shape)
        if (covered & mask).any():
            return True
        covered |= mask
    return False


def _mean(plane: Plane, inside: Mask | None) -> float:
    return float(cv2.mean(plane, None if inside is None else inside.view(np.uint8))[0])
