"""Von Kossa: mineralised nodules, black silver, per high-power field."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt
from pydantic import Field

from exoimage.assays.brightfield import IMAGEJ_DEFAULTS
from exoimage.assays.chains import Chain, Mask, Plane
from exoimage.assays.colour_sample import ColourSample
from exoimage.assays.columns import Column, Mean, Ratio, Sum, Value
from exoimage.assays.common_columns import (
    PLACE_AND_AREA_COLUMNS,
    REGION_AREA_PX,
    REGION_AREA_UM2,
    WHITE_COLUMNS,
    place_and_area,
    white_values,
)
from exoimage.assays.lengths import Length, disc_area
from exoimage.assays.measuring import Part
from exoimage.assays.stain_choices import PresetStains, StainChoice
from exoimage.assays.tallies import Tally
from exoimage.assays.threshold_choices import AutoThreshold, FixedThreshold, ThresholdChoice
from exoimage.assays.tiled_brightfield import NODULE_MARGIN_PX, TiledBrightfield
from exoimage.assays.tiles import TileRules
from exoimage.images.image import Image
from exoimage.methods import particles, segmentation, silver, splitting
from exoimage.methods.density import sampled_density
from exoimage.methods.stains import StainSet

COLUMNS = (
    Column("nodule_count", "Number of mineralised nodules in a field.", Mean(), primary=True),
    Column(
        "nodules_per_mm2", "Nodules per area of the region.",
        Ratio("nodule_count", "region_area_um2", 1e6), primary=True,
    ),
    Column(
        "stained_area_pct", "Share of the region's area that nodules cover.",
        Ratio("stained_area_px", "region_area_px", 100.0),
    ),
    Column("nodule_area_sum_um2", "Area of all nodules.", Sum()),
    Column("nodule_area_median_um2", "Median area of a nodule.", Mean()),
    Column("threshold", "Density shared by all colours above which a pixel is silver.", Mean()),
    REGION_AREA_UM2,
    Column("left_out_count", "Black objects that are no nodules by their size, shape or density.", Sum()),
    Column(
        "left_out_pct", "Share of the region's area that they cover.",
        Ratio("left_out_px", "region_area_px", 100.0),
    ),
    *WHITE_COLUMNS,
    Column("stained_area_px", "Area of all nodules in pixels.", Sum()),
    REGION_AREA_PX,
    Column("left_out_px", "Area of the black objects that are no nodules, in pixels.", Sum()),
    Column("nodule_area_median_px", "Median area of a nodule in pixels.", Mean()),
)  # fmt: skip

OBJECT_COLUMNS = (
    *PLACE_AND_AREA_COLUMNS,
    Column("circularity", "4π·area / perimeter², with ImageJ's perimeter of the outline; at most 1."),
    Column("roundness", "Minor / major axis of the ellipse of equal moments."),
)

ANY_OBJECT: Mapping[str, Any] = MappingProxyType(
    {
        "smallest_nodule": "0 px",
        "largest_hole": "0 px",
        "least_circularity": 0.0,
        "least_roundness": 0.0,
        "least_od": 0.0,
        "split": False,
    }
)
"""Limits that let every black object count, as ImageJ's Analyze Particles does by default."""


NODULE_SPAN = 12.0
"""Of a slide, nodules up to so many times the smallest one's diameter are seen whole in one tile."""


@dataclass(frozen=True)
class SilverChain:
    """From pixels to black silver.

    Parameters
    ----------
    stains : StainSet
        Against the white point; its vectors are not used.
    threshold_od : float
    most_colour : float
    """

    stains: StainSet
    threshold_od: float
    most_colour: float

    def stained(self, part: Part) -> tuple[Plane, Mask]:
        """Take the density that all colours share, and compare."""
        plane = silver.neutral_density(
            part.pixels,
            self.stains.white,
            most_colour=self.most_colour,
            max_value=part.image.max_value,
            part_of=part.place,
        )
        return plane, plane > np.float32(self.threshold_od)


class VonKossa(TiledBrightfield):
    """Mineralised nodules: black against pink (nuclear fast red) or an unstained layer."""

    assay: ClassVar[str] = "von-kossa"
    title: ClassVar[str] = "Von Kossa: mineralised nodules"
    revision: ClassVar[int] = 1
    drawn_objects: ClassVar[str] = "nodules"
    columns: ClassVar[tuple[Column, ...]] = COLUMNS
    object_columns: ClassVar[tuple[Column, ...]] = OBJECT_COLUMNS
    imagej_defaults: ClassVar[Mapping[str, Any]] = MappingProxyType({**IMAGEJ_DEFAULTS, **ANY_OBJECT})
    references: ClassVar[tuple[str, ...]] = (
        "von Kossa J. Ueber die im Organismus künstlich erzeugbaren Verkalkungen. Beitr Path Anat Allg Path"
        " 1901;29:163-202.",
        "Wang YH, Liu Y, Maye P, Rowe DW. Examination of mineralized nodule formation in living osteoblastic cultures"
        " using fluorescent dyes. Biotechnol Prog 2006;22:1697-1701. doi:10.1021/bp060274b",
    )

    stains: StainChoice = Field(
        PresetStains(name="von Kossa", target="silver"),
        description="Vectors for imagej = true. Else none are used: silver is black, which is no direction of a stain.",
    )
    threshold: ThresholdChoice = Field(
        AutoThreshold(floor_od=0.4),
        description="Density shared by all colours above which a pixel is silver: fixed, negative-controls, or an"
        " automatic method.",
    )
    most_colour: float = Field(
        silver.MOST_COLOUR,
        gt=0,
        le=1,
        description="The channels' densities of silver differ by at most this share of the largest; more is coloured.",
    )
    smallest_nodule: Length = Field(
        Length(20, "um", or_px=10), description="Equivalent diameter below which a black object is no nodule."
    )
    largest_nodule: Length = Field(
        Length(float("inf"), "px"), description='Equivalent diameter above which it is none; "unlimited" keeps all.'
    )
    largest_hole: Length = Field(
        Length(10, "um", or_px=5), description="Holes in nodules up to this equivalent diameter are filled."
    )
    least_circularity: float = Field(
        0.2, ge=0, le=1, description="Ragged and branched objects below it are no nodules: cell borders, folds, fibres."
    )
    least_roundness: float = Field(
        0.35, ge=0, le=1, description="Long objects below it are no nodules: scratches, pencil marks, an edge's debris."
    )
    least_od: float = Field(
        0.55, ge=0, description="Objects of a mean shared density below it are grey, not black: pencil, dust, cells."
    )
    split: bool = Field(True, description="Part touching nodules where they narrow.")

    def amounts(
        self, pixels: npt.NDArray[Any], stain_set: StainSet, positions: npt.NDArray[np.float32]
    ) -> npt.NDArray[np.float64]:
        """The density that all colours share; see `Brightfield.amounts`."""
        return silver.neutral_amounts(sampled_density(pixels, stain_set.white, positions), self.most_colour)

    def chain(self, image: Image, evidence: ColourSample | None = None) -> Chain:
        """Silver by its blackness; ImageJ's deconvolution with `imagej = true`."""
        chain = super().chain(image, evidence)
        if not isinstance(self.threshold, FixedThreshold):
            return chain
        return SilverChain(chain.stains, self.threshold.od, self.most_colour)

    def tally(self, part: Part, chain: Chain) -> Tally:
        """Find and measure black objects; see `TiledBrightfield.tally`."""
        plane, black = chain.stained(part)
        smallest, _, hole = self._sizes(part.image.pixel_size)
        if part.drawn is None:
            black = _without_specks(part, part.within(black), smallest, hole)
            labels = splitting.split_touching(black, smallest) if self.split else particles.label(black)
        else:
            labels = part.drawn.copy()
        table = particles.measure_objects(labels, intensity=plane)
        return Tally.of(part, {}, _objects(part, table), labels, density=plane)

    def counted(self, tally: Tally) -> npt.NDArray[np.bool_]:
        """Which black objects are nodules; see `TiledBrightfield.counted`."""
        smallest, largest, _ = self._sizes(tally.pixel_size)
        table = tally.objects
        return np.asarray(
            (table["area_px"] >= disc_area(smallest))
            & (table["area_px"] <= disc_area(largest))
            # Of what was put together from the pieces of several tiles the outline is not known.
            & ~(table["circularity"] < self.least_circularity)
            & (table["roundness"] >= self.least_roundness)
            & (table["od_sum"] >= self.least_od * table["area_px"])
        )

    def values(self, tally: Tally, counted: npt.NDArray[np.bool_], chain: Chain) -> dict[str, Value]:
        """The nodules' columns; see `TiledBrightfield.values`."""
        return _values(tally, counted, chain)

    def tile_rules(self, like: Image) -> TileRules:
        """A margin in which usual nodules are seen whole; see `TiledBrightfield.tile_rules`."""
        smallest, _, _ = self._sizes(like.pixel_size)
        return TileRules(max(NODULE_MARGIN_PX, int(NODULE_SPAN * smallest)))

    def _sizes(self, pixel_size: float | None) -> tuple[float, float, float]:
        """Diameters in px of the smallest and largest nodule, and of the largest hole."""
        names = ("smallest_nodule", "largest_nodule", "largest_hole")
        smallest, largest, hole = (getattr(self, name).in_px(pixel_size, name) for name in names)
        return smallest, largest, hole

    def outcome(self) -> str:
        """White point and threshold as they were decided."""
        return super().outcome() if self.imagej else f"{self.white.sentence()} and {self.threshold.sentence()}"

    def sentences(self) -> tuple[str, ...]:
        """White point, blackness and the limits of nodules in words."""
        if self.imagej:
            return super().sentences()
        return (
            f"Optical density was taken against {self.white.sentence()}.",
            "Silver is black: a pixel counted where the optical density shared by red, green and blue was above"
            f" {self.threshold.sentence()}, and its channels differed by {self.most_colour:.0%} at most.",
            f"Black objects of an equivalent diameter from {self.smallest_nodule} to {self.largest_nodule}, a"
            f" circularity of at least {self.least_circularity:g}, a roundness of at least {self.least_roundness:g} and"
            f" a mean density of at least {self.least_od:g} counted as mineralised nodules;"
            f" {'touching ones were parted where they narrow' if self.split else 'touching ones were not parted'}.",
            "The density of silver is no measure of mineral.",
        )


def _without_specks(part: Part, black: Mask, smallest_px: float, hole_px: float) -> Mask:
    """Holes filled, and what is thinner than half the smallest nodule wiped away, so that it bridges none."""
    if hole_px >= 1:
        black = part.within(segmentation.fill_holes(black, disc_area(hole_px)))
    return segmentation.without_thin_parts(black, smallest_px / 2)


def _objects(part: Part, nodules: particles.ObjectTable) -> dict[str, npt.NDArray[Any]]:
    return {
        **place_and_area(part, nodules),
        "circularity": nodules.circularity,
        "roundness": nodules.roundness,
        "od_sum": nodules.intensity_sum,
    }


def _values(tally: Tally, counted: npt.NDArray[np.bool_], chain: Chain) -> dict[str, Value]:
    areas, left_out = tally.objects["area_px"][counted], tally.objects["area_px"][~counted]
    um2, count, total = tally.pixel_area_um2, len(areas), int(areas.sum())
    median = float(np.median(areas)) if count else None
    return {
        "nodule_count": count,
        "nodules_per_mm2": None if um2 is None else count / (tally.area_px * um2) * 1e6,
        "stained_area_pct": 100.0 * total / tally.area_px,
        "nodule_area_sum_um2": None if um2 is None else total * um2,
        "nodule_area_median_um2": None if um2 is None or median is None else median * um2,
        "threshold": chain.threshold_od if np.isfinite(chain.threshold_od) else None,
        "region_area_um2": tally.region_area_um2,
        "left_out_count": len(left_out),
        "left_out_pct": 100.0 * int(left_out.sum()) / tally.area_px,
        **white_values(chain.stains.white),
        "stained_area_px": total,
        "region_area_px": tally.area_px,
        "left_out_px": int(left_out.sum()),
        "nodule_area_median_px": median,
    }
