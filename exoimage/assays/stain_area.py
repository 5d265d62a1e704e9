"""Stained area of any stain: colour unmixing, one threshold in optical density, nodules.

`alizarin-red` is this assay under its own name and with its own defaults; so will `alp` be.
"""

from __future__ import annotations

import fnmatch
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Self

import cv2
import numpy as np
import numpy.typing as npt
from pydantic import Field, model_validator

from exoimage.assays.choice import Choice, Scope
from exoimage.assays.colour_sample import POOL_SIZE, ColourSample, sample_box, sample_colours
from exoimage.assays.columns import AreaWeighted, Column, Mean, Ratio, Sum, Value
from exoimage.assays.lengths import Length, disc_area
from exoimage.assays.recipe import Locality, Recipe
from exoimage.assays.regions import FoundRegions, Region, RegionChoice, WholeRegion
from exoimage.assays.results import RegionResult, Result, empty_objects
from exoimage.assays.stain_choices import MacenkoStains, MarkedStains, PresetStains, StainChoice, VectorStains
from exoimage.assays.threshold_choices import AutoThreshold, ControlThreshold, FixedThreshold, ThresholdChoice
from exoimage.assays.white_choices import EstimatedWhite, GivenWhite, WhiteChoice
from exoimage.errors import ImageError, MeasureError
from exoimage.flags import Flag, merged
from exoimage.images.image import Image
from exoimage.methods import burnt_in, particles, quality, segmentation, stains
from exoimage.methods.density import White, optical_density
from exoimage.methods.stains import StainSet

Mask = npt.NDArray[np.bool_]

FLAG_SAMPLE = 2**14
"""Pixels that the flags of a region look at, about."""

MISMATCH_DEG = 45.0
"""A hue further than this from the stain's is another stain's."""

COLUMNS = (
    Column(
        "stained_area_pct", "Share of the region's area that is stained.",
        Ratio("stained_area_px", "region_area_px", 100.0), primary=True,
    ),
    Column("integrated_od", "Optical density of the stain summed over the stained pixels.", Mean(), primary=True),
    Column("stained_area_um2", "Stained area.", Sum()),
    Column("region_area_um2", "Area of the region, burnt-in annotations left out.", Sum()),
    Column(
        "mean_od", "Mean optical density of the stain over the stained pixels.",
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


class StainArea(Recipe[ColourSample]):
    """How much of a picture a stain covers, and its nodules."""

    assay: ClassVar[str] = "stain-area"
    title: ClassVar[str] = "Stained area of any stain"
    revision: ClassVar[int] = 1
    locality: ClassVar[Locality] = "whole"
    columns: ClassVar[tuple[Column, ...]] = COLUMNS
    object_columns: ClassVar[tuple[Column, ...]] = OBJECT_COLUMNS
    evidence: ClassVar[type[Any]] = ColourSample
    references: ClassVar[tuple[str, ...]] = (
        "Ruifrok AC, Johnston DA. Quantification of histochemical staining by color deconvolution."
        " Anal Quant Cytol Histol 2001;23:291-299.",
    )

    region: RegionChoice = Field(WholeRegion(), description="Where to measure: whole, wells or rois.")
    white: WhiteChoice = Field(
        EstimatedWhite(),
        description="The white point: estimated, given, full-scale or blank-field (flat-field correction).",
    )
    stains: StainChoice = Field(
        PresetStains(name="Sirius red", target="Sirius red"),
        description="Vectors: preset, vectors, macenko or marked. The other stains hold apart what is not the target.",
    )
    threshold: ThresholdChoice = Field(
        AutoThreshold(),
        description="Optical density above which a pixel is stained: negative-controls, fixed, or an automatic method.",
    )
    smallest_nodule: Length = Field(
        Length(3, "px"), description='Equivalent diameter below which an object is noise, in "um" or "px".'
    )
    largest_nodule: Length = Field(
        Length(float("inf"), "px"),
        description='Equivalent diameter above which an object is none; "unlimited" keeps all.',
    )
    largest_hole: Length = Field(
        Length(0, "px"), description="Holes in stained objects up to this equivalent diameter are filled."
    )
    leave_out_annotations: bool = Field(
        True, description="Find burnt-in scale bars, letters and arrows, and leave them out of the region."
    )

    def observe(self, image: Image) -> ColourSample:
        """Sample the pixels of the regions; see `Recipe.observe`."""
        _refuse_unless_colour(self.assay, image)
        graphics = self._graphics(image)
        return sample_colours(image, self.region.find(image), graphics.mask if graphics else None, _is_figure(graphics))

    def decide(self, evidence: Sequence[ColourSample], scopes: Sequence[Scope]) -> Decided:
        """White point first, then stains, then threshold; see `Recipe.decide`."""
        samples = _comparable(evidence)
        if not samples and set(self.open_scopes()) & set(scopes):
            raise MeasureError("there is no image to decide white point, stains and threshold from")
        recipe, white_flags = self._with_white(samples, scopes)
        recipe, stain_flags = recipe._with_stains(samples, scopes)
        recipe, threshold_flags = recipe._with_threshold(samples, scopes)
        return recipe, merged(white_flags, stain_flags, threshold_flags)

    def open_scopes(self) -> tuple[Scope, ...]:
        """The scopes of the choices that are to be estimated."""
        pooled = (choice.pooled_over() for choice in (self.white, self.stains, self.threshold))
        return tuple(dict.fromkeys(scope for scope in pooled if scope is not None))

    def _with_white(self, samples: list[ColourSample], scopes: Sequence[Scope]) -> Decided:
        if not _is_due(self.white, scopes):
            return self, ()
        white, flags = self.white.resolve(samples)
        return self.model_copy(update={"white": white}), flags

    def _with_stains(self, samples: list[ColourSample], scopes: Sequence[Scope]) -> Decided:
        if not _is_due(self.stains, scopes):
            return self, ()
        # Only estimates look at the white point, and `_scopes_fit` sees to it that theirs is decided.
        white = self.white.white if isinstance(self.white, GivenWhite) else stains.FULL_WHITE
        vectors, flags = self.stains.resolve(samples, white)
        return self.model_copy(update={"stains": vectors}), flags

    def _with_threshold(self, samples: list[ColourSample], scopes: Sequence[Scope]) -> Decided:
        if not _is_due(self.threshold, scopes) or not isinstance(self.stains, VectorStains):
            return self, ()
        thinned = [sample.thinned(POOL_SIZE // len(samples)) for sample in samples]
        amounts = [self._amounts(sample, self.stains) for sample in thinned]
        controls = [amount[s.control] for amount, s in zip(amounts, thinned, strict=True) if s.control.any()]
        threshold, flags = self.threshold.resolve(amounts, controls)
        return self.model_copy(update={"threshold": threshold}), flags

    def _amounts(self, sample: ColourSample, vectors: VectorStains) -> npt.NDArray[np.float64]:
        """A sample's amounts of the target, against its own white point where that is left to each image."""
        white, _ = self.white.resolve([sample])
        return stains.stain_amounts(sample.pixels, vectors.stain_set(white.white))

    @model_validator(mode="after")
    def _scopes_fit(self) -> Self:
        white, threshold = self.white.pooled_over(), self.threshold.pooled_over()
        if (white, threshold) == ("batch", "study"):
            raise ValueError('threshold.scope is "study" but white.scope is "batch": give both the same scope')
        estimated = isinstance(self.stains, MacenkoStains | MarkedStains)
        if estimated and white not in (None, "study", self.stains.pooled_over()):
            raise ValueError(
                f'estimated stain vectors need one white point for all their images; white is per "{white}"'
            )
        return self

    def observing_key(self) -> str:
        """Regions and annotations decide which pixels are sampled."""
        return self.model_dump_json(include={"region", "leave_out_annotations"})

    def sentences(self) -> tuple[str, ...]:
        """White point, stains, threshold and sizes in words."""
        return (
            f"Optical density was taken against {self.white.sentence()}.",
            f"Stains were unmixed in optical-density space (Ruifrok & Johnston 2001) with {self.stains.sentence()}.",
            f"A pixel counted as stained where the optical density of {self.stains.target} was above"
            f" {self.threshold.sentence()}.",
            f"Stained objects (8-connected) of an equivalent diameter from {self.smallest_nodule} to"
            f" {self.largest_nodule} counted; holes up to {self.largest_hole} were filled.",
        )

    def files_for(self, image_path: Path) -> tuple[Path, ...]:
        """The image's ROI file, if regions come from one."""
        return self.region.files_for(image_path)

    def is_control(self, key: str, group: str) -> bool:
        """Whether the threshold names this image's group or name as negative."""
        if not isinstance(self.threshold, ControlThreshold):
            return False
        pattern = self.threshold.controls
        return group == pattern or any(fnmatch.fnmatchcase(name, pattern) for name in (key, Path(key).name))

    def apply(self, image: Image) -> Result:
        """Measure every region; see `Recipe.apply`."""
        _refuse_unless_colour(self.assay, image)
        if not (
            isinstance(self.white, GivenWhite)
            and isinstance(self.stains, VectorStains)
            and isinstance(self.threshold, FixedThreshold)
        ):
            raise MeasureError("white point, stains and threshold are not decided yet: call resolve first")
        found, graphics = self.region.find(image), self._graphics(image)
        excluded = graphics.mask if graphics else None
        measure = _Measure(self, self.stains.stain_set(self.white.white), self.threshold.od, image)
        common = merged(
            image.flags,
            found.flags,
            () if image.pixel_size else (Flag.NO_PIXEL_SIZE,),
            (Flag.ANNOTATION,) if graphics else (),
            (Flag.COMPOSITE_FIGURE,) if _is_figure(graphics) else (),
        )
        return measure.regions(found, excluded, common)

    def _graphics(self, image: Image) -> burnt_in.BurntIn | None:
        """The burnt-in graphics that are left out, if there are any."""
        if not self.leave_out_annotations:
            return None
        graphics = burnt_in.find_burnt_in(image.pixels, image.max_value)
        return graphics if graphics.kinds else None


Decided = tuple[StainArea, tuple[Flag, ...]]
"""A recipe with more of its choices decided, and what that had to remark."""


@dataclass(frozen=True, eq=False)
class _Measure:
    """Measuring one image by a decided recipe."""

    recipe: StainArea
    stains: StainSet
    threshold_od: float
    image: Image

    def regions(self, found: FoundRegions, excluded: Mask | None, common: tuple[Flag, ...]) -> Result:
        parts = list[npt.NDArray[np.int32]]()
        results: list[RegionResult] = []
        objects: list[dict[str, npt.NDArray[Any]]] = []
        count = 0
        for region in found.regions:
            result, region_labels, table = self.region(region, excluded, first=count + 1)
            parts.append(region_labels)
            results.append(RegionResult(result.region, result.values, merged(result.flags, common)))
            objects.append(table)
            count += len(table["object"])
        labels = self._laid_out(found.regions, parts)
        joined = {name: np.concatenate([table[name] for table in objects]) for name in objects[0]}
        return Result(tuple(results), joined, labels, {"stain": labels > 0}, excluded, found.regions)

    def region(
        self, region: Region, excluded: Mask | None, first: int
    ) -> tuple[RegionResult, npt.NDArray[np.int32], dict[str, npt.NDArray[Any]]]:
        pixels = self.image.pixels[region.box]
        inside = _inside(region, excluded)
        area_px = int(np.count_nonzero(inside)) if inside is not None else pixels.shape[0] * pixels.shape[1]
        if area_px == 0:
            raise MeasureError(f"the region {region.name!r} holds nothing but burnt-in annotations")
        sample = sample_box(pixels, inside, None)
        if quality.is_constant(sample):
            values = self._values(area_px, empty := empty_objects(OBJECT_COLUMNS), mean_od=0.0)
            return RegionResult(region.name, values, (Flag.BLANK,)), np.zeros(pixels.shape[:2], dtype=np.int32), empty
        plane = stains.stain_plane(pixels, self.stains, max_value=self.image.max_value)
        labels, table = self._nodules(plane, inside)
        objects = self._object_values(region, table, first)
        values = self._values(area_px, objects, _mean(plane, inside))
        flags = self._flags(
            pixels, sample[:: max(1, len(sample) // FLAG_SAMPLE)], plane, labels if len(table) else None
        )
        return RegionResult(region.name, values, flags), labels, objects

    def _laid_out(self, regions: tuple[Region, ...], parts: list[npt.NDArray[np.int32]]) -> npt.NDArray[np.int32]:
        """The regions' labels in one picture, numbered on from region to region."""
        if len(parts) == 1 and parts[0].shape == self.image.shape:
            return parts[0]
        labels = np.zeros(self.image.shape, dtype=np.int32)
        count = 0
        for region, part in zip(regions, parts, strict=True):
            np.copyto(labels[region.box], part + np.int32(count), where=part > 0)
            count += int(part.max())
        return labels

    def _nodules(
        self, plane: npt.NDArray[np.float32], inside: Mask | None
    ) -> tuple[npt.NDArray[np.int32], particles.ObjectTable]:
        recipe, pixel_size = self.recipe, self.image.pixel_size
        stained = plane > np.float32(self.threshold_od)
        if inside is not None:
            stained &= inside
        hole = disc_area(recipe.largest_hole.in_px(pixel_size, "largest_hole"))
        if hole >= 1:
            stained = segmentation.fill_holes(stained, hole)
            if inside is not None:
                stained &= inside
        smallest = disc_area(recipe.smallest_nodule.in_px(pixel_size, "smallest_nodule"))
        largest = disc_area(recipe.largest_nodule.in_px(pixel_size, "largest_nodule"))
        labels = particles.label(stained)
        table = particles.measure_objects(labels, intensity=plane)
        keep = (table.area_px >= smallest) & (table.area_px <= largest)
        if keep.all():
            return labels, table
        return particles.only_labels(labels, keep), table.only(keep)

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
        white_r, white_g, white_b = self.stains.white.rgb
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
            "threshold_od": self.threshold_od if np.isfinite(self.threshold_od) else None,
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
        plane: npt.NDArray[np.float32],
        labels: npt.NDArray[np.int32] | None,
    ) -> tuple[Flag, ...]:
        even = quality.tone_span_od(sample, self.stains.white) < quality.EVEN_TONE_OD
        flags: list[Flag] = [*quality.exposure_flags(sample, self.image.max_value)]
        if even:
            flags.append(Flag.BLANK if labels is None else Flag.LOW_CONTRAST)
        step = max(1, min(pixels.shape[:2]) // 256)
        if not even and quality.uneven_light(pixels[::step, ::step], self.stains.white):
            flags.append(Flag.UNEVEN_LIGHT)
        if labels is not None and self._is_another_stain(
            pixels[::step, ::step], plane[::step, ::step], labels[::step, ::step]
        ):
            flags.append(Flag.STAIN_MISMATCH)
        return tuple(flags)

    def _is_another_stain(
        self, pixels: npt.NDArray[Any], plane: npt.NDArray[np.float32], labels: npt.NDArray[np.int32]
    ) -> bool:
        counted = (labels > 0) & (plane >= self.threshold_od)
        if np.count_nonzero(counted) < 50:
            return False
        colour = optical_density(pixels[counted], White(self.stains.white.rgb)).mean(axis=0)
        target = self.stains.vectors[self.stains.index(self.stains.target)]
        return stains.hue_angle_deg(colour.tolist(), target) > MISMATCH_DEG


def _is_figure(graphics: burnt_in.BurntIn | None) -> bool:
    return graphics is not None and "panels" in graphics.kinds


def _is_due(choice: Choice, scopes: Sequence[Scope]) -> bool:
    """Whether a choice is to be decided now: it needs to see no image, or is pooled over one of the scopes."""
    scope = choice.pooled_over()
    return scope is None or scope in scopes


def _inside(region: Region, excluded: Mask | None) -> Mask | None:
    if excluded is None or not excluded[region.box].any():
        return region.mask
    kept = ~excluded[region.box]
    return kept if region.mask is None else kept & region.mask


def _mean(plane: npt.NDArray[np.float32], inside: Mask | None) -> float:
    return float(cv2.mean(plane, None if inside is None else inside.view(np.uint8))[0])


def _comparable(samples: Sequence[ColourSample]) -> list[ColourSample]:
    """The samples that are pooled: no composite figures, and of one bit depth, as a white point has the pixels' units.

    Where there are only figures, they are all there is.
    """
    pictures = [sample for sample in samples if not sample.composite] or samples
    depths = [sample.max_value for sample in pictures]
    commonest = max(sorted(set(depths)), key=depths.count) if depths else 0.0
    return [sample for sample in pictures if sample.max_value == commonest]


def _refuse_unless_colour(assay: str, image: Image) -> None:
    if image.pixels.shape[2] != 3 or image.light != "absorbed":
        kind = "grey" if image.pixels.shape[2] == 1 else f"{image.pixels.shape[2]} channels"
        raise ImageError(
            f"{assay} measures colour (RGB) bright-field pictures; this one is {kind}, {image.pixels.dtype}:"
            " export it in colour, or choose a fluorescence assay"
        )
