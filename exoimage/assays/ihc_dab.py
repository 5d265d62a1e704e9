"""DAB immunohistochemistry with haematoxylin: stained area and, cell by cell, how strongly (p-AKT and any other)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any, ClassVar, Literal, Self

import numpy as np
import numpy.typing as npt
from pydantic import Field, model_validator

from exoimage.assays.chains import Chain
from exoimage.assays.choice import Scope
from exoimage.assays.colour_sample import ColourSample
from exoimage.assays.columns import Column, Value
from exoimage.assays.ihc_measuring import COLUMNS, OBJECT_COLUMNS, CellRules, are_positive, ihc_values, tally_ihc
from exoimage.assays.lengths import Length
from exoimage.assays.measuring import Mask, Part
from exoimage.assays.nuclei_choices import DetectionChoice, OwnDetection
from exoimage.assays.stain_choices import PresetStains, StainChoice, VectorStains
from exoimage.assays.stain_measuring import is_another_stain
from exoimage.assays.tallies import Objects, Tally
from exoimage.assays.threshold_choices import FixedThreshold, ThresholdChoice
from exoimage.assays.tiled_brightfield import TiledBrightfield
from exoimage.assays.tiles import Look, TileRules
from exoimage.flags import Flag
from exoimage.images.image import Image
from exoimage.methods import bright_nuclei, stains
from exoimage.methods.density import MAX_OD, White

NUCLEUS_UM = (4.0, 16.0)
"""An estimated diameter is kept within these, where the pixel size is known."""

USUAL_UM, USUAL_PX = 8.0, 24.0
"""Diameter of a nucleus where no picture of the study shows one clearly."""

AREA_MARGIN_PX = 48
"""Of a slide's tiles: tissue is looked for on a picture smoothed over some 30 px."""

CELL_MARGIN = 5.0
"""Margin of a slide's tiles in nuclear diameters: whatever is within twice a nucleus' size of it decides its outline,
and the largest nuclei are twice as wide as typical ones."""

SIZED_EVERY = 5
"""The size of nuclei is estimated in one window of so many that are looked at."""

DAB_WEIGHTS = {"nucleus": bright_nuclei.NUCLEAR_DAB, "cytoplasm": 0.0, "both": bright_nuclei.NUCLEAR_DAB / 2}
"""How much of the DAB makes a nucleus, by the compartment that it stains."""


@dataclass(frozen=True, eq=False)
class NucleiSample(ColourSample):
    """A colour sample, and how wide nuclei seem to be.

    Parameters
    ----------
    diameter_px : float
        Typical diameter of a nucleus; 0 where none stands out.
    pixel_size_um : float
        Of the picture; 0 where it is unknown.
    """

    diameter_px: float = 0.0
    pixel_size_um: float = 0.0


class IhcDab(TiledBrightfield):
    """DAB-stained area, and the intensity of DAB cell by cell."""

    assay: ClassVar[str] = "ihc-dab"
    title: ClassVar[str] = "DAB immunohistochemistry: stained area, positive cells, H-score"
    revision: ClassVar[int] = 1
    drawn_objects: ClassVar[str] = "nuclei"
    slide_is_section: ClassVar[bool] = True
    looks_edge_px: ClassVar[int] = bright_nuclei.ESTIMATION_EDGE_PX
    looks_wanted: ClassVar[int] = 100
    outlined_masks: ClassVar[tuple[str, ...]] = ("dab",)
    columns: ClassVar[tuple[Column, ...]] = COLUMNS
    object_columns: ClassVar[tuple[Column, ...]] = OBJECT_COLUMNS
    evidence: ClassVar[type[Any]] = NucleiSample
    references: ClassVar[tuple[str, ...]] = (
        "Ruifrok AC, Johnston DA. Quantification of histochemical staining by color deconvolution."
        " Anal Quant Cytol Histol 2001;23:291-299.",
        "McCarty KS Jr, et al. Estrogen receptor analyses. Arch Pathol Lab Med 1985;109:716-721.",
        "Allred DC, et al. Prognostic and predictive factors in breast cancer by immunohistochemical analysis."
        " Mod Pathol 1998;11:155-168.",
        "Varghese F, et al. IHC Profiler. PLoS ONE 2014;9:e96801. doi:10.1371/journal.pone.0096801",
    )

    stains: StainChoice = Field(
        PresetStains(name="H DAB", target="DAB"),
        description='Vectors: preset, vectors, macenko or marked. The set needs a stain called "haematoxylin".',
    )
    threshold: ThresholdChoice = Field(
        FixedThreshold(od=0.25),
        description="Optical density of DAB above which a pixel is stained: fixed, negative-controls, or an automatic"
        " method (which finds stain in a negative section too: mind its floor).",
    )
    largest_excess_od: float = Field(
        0.05,
        ge=0,
        le=MAX_OD,
        description="A stained pixel is brown only if haematoxylin exceeds DAB by no more than this density: what is"
        " merely dark (dense nuclei, folds, dirt) is not. 2: not checked.",
    )
    cells: bool = Field(True, description="Find cells and tell their class; false: the stained area only, faster.")
    compartment: Literal["nucleus", "cytoplasm", "both"] = Field(
        "nucleus", description="Where a cell's DAB is measured: nucleus, cytoplasm (a ring around it) or both."
    )
    cuts_od: tuple[float, float, float] = Field(
        (0.2, 0.4, 0.6),
        description="Mean optical density of DAB in the compartment from which a cell is weak, moderate and strong.",
    )
    nuclei: DetectionChoice = Field(
        OwnDetection(method="threshold"),
        description="What finds nuclei, in the light that haematoxylin (and DAB, where it stains nuclei) absorbs:"
        " threshold, network, or cellpose and stardist where they are installed.",
    )
    typical_diameter: Literal["estimated"] | Length = Field(
        "estimated", description='Diameter of a nucleus, in "um" or "px"; "estimated": from all images of the study.'
    )
    ring_width: float = Field(
        0.25, gt=0.12, le=3, description="Outer edge of the cytoplasm ring, in nuclear diameters from the nucleus."
    )
    least_contrast: float = Field(
        0.025,
        ge=0.005,
        le=0.5,
        description="How clearly a nucleus must stand out (share of light, of a blob filter); less finds fainter ones."
        " For nuclei by threshold.",
    )
    least_tissue_od: float = Field(
        0.03, ge=0, le=1, description="Smoothed optical density (haematoxylin and DAB) above which there is tissue."
    )

    @model_validator(mode="after")
    def _cuts_increase(self) -> Self:
        weak, moderate, strong = self.cuts_od
        if not 0 <= weak < moderate < strong:
            raise ValueError(
                f"cuts_od are three increasing optical densities (weak, moderate, strong), not {self.cuts_od}"
            )
        return self

    @model_validator(mode="after")
    def _has_haematoxylin(self) -> Self:
        choice = self.stains
        if isinstance(choice, VectorStains):
            names = choice.names
        else:
            names = stains.preset(choice.name if isinstance(choice, PresetStains) else choice.like).names
        if "haematoxylin" not in names or choice.target == "haematoxylin":
            raise ValueError(
                f'ihc-dab needs a stain "haematoxylin" beside the one that it measures; the set has {", ".join(names)}'
            )
        return self

    def observe(self, image: Image) -> ColourSample:
        """Sample the pixels, and estimate the size of nuclei; see `Recipe.observe`."""
        sample = super().observe(image)
        known = {field.name: getattr(sample, field.name) for field in fields(ColourSample)}
        diameter = _diameter_px(image) if self._finds_size() else 0.0
        return NucleiSample(**known, diameter_px=diameter, pixel_size_um=image.pixel_size or 0.0)

    def decide(self, evidence: Sequence[ColourSample], scopes: Sequence[Scope]) -> tuple[Self, tuple[Flag, ...]]:
        """The size of nuclei, then what every bright-field assay decides; see `Recipe.decide`."""
        recipe, flags = super().decide(evidence, scopes)
        if not recipe._finds_size() or "study" not in scopes:
            return recipe, flags
        samples = [sample for sample in evidence if isinstance(sample, NucleiSample)]
        return recipe.model_copy(update={"typical_diameter": _typical(samples)}), flags

    def open_scopes(self) -> tuple[Scope, ...]:
        """The scopes of the choices that are to be estimated; the size of nuclei is the study's."""
        own: tuple[Scope, ...] = ("study",) if self._finds_size() else ()
        return tuple(dict.fromkeys((*super().open_scopes(), *own)))

    def observing_key(self) -> str:
        """Beside what all bright-field assays look at, whether the size of nuclei is to be estimated."""
        return f"{super().observing_key()} size={self._finds_size()}"

    def cited(self) -> tuple[str, ...]:
        """Beside the assay's references those of what finds nuclei; see `Recipe.cited`."""
        return (*self.references, *(self.nuclei.references() if self.cells else ()))

    def weights(self) -> Mapping[str, str]:
        """The network's checksum, where it finds the nuclei; see `Recipe.weights`."""
        return self.nuclei.weights() if self.cells else {}

    def tally(self, part: Part, chain: Chain) -> Tally:
        """Area and cells; see `TiledBrightfield.tally`."""
        return tally_ihc(part, chain, self._rules(part.image.pixel_size))

    def values(self, tally: Tally, counted: npt.NDArray[np.bool_], chain: Chain) -> dict[str, Value]:  # noqa: ARG002
        """The columns of area and cells; see `TiledBrightfield.values`."""
        return ihc_values(tally, chain, self._rules(tally.pixel_size))

    def remarks(self, tally: Tally, chain: Chain) -> tuple[Flag, ...]:
        """Whether what is brown is another stain; see `TiledBrightfield.remarks`."""
        is_another = tally.sums["brown_px"] > 0 and is_another_stain(tally.sums, chain)
        return (Flag.STAIN_MISMATCH,) if is_another else ()

    def has_found(self, tally: Tally, counted: npt.NDArray[np.bool_]) -> bool:
        """Whether there is brown, or a cell; see `TiledBrightfield.has_found`."""
        return tally.sums["brown_px"] > 0 or bool(counted.any())

    def outlined(self, objects: Objects) -> tuple[npt.NDArray[np.bool_], ...]:
        """Positive cells, and negative ones; see `TiledBrightfield.outlined`."""
        return are_positive(objects), ~are_positive(objects)

    def object_masks(self, labels: npt.NDArray[np.int32]) -> Mapping[str, Mask]:  # noqa: ARG002
        """None: its masks are told pixel by pixel; see `TiledBrightfield.object_masks`."""
        return {}

    def observe_slide(self, looks: Iterable[Look], names: Sequence[str], max_value: float) -> ColourSample:
        """Sample the pixels, and estimate the size of nuclei in some windows; see `Recipe.observe_slide`."""
        estimates: list[float] = []
        scales: list[float] = []

        def noted() -> Iterator[Look]:
            for number, look in enumerate(looks):
                scales.append(look.image.pixel_size or 0.0)
                if self._finds_size() and not look.is_ground and number % SIZED_EVERY == 0:
                    estimates.append(_diameter_px(look.image))
                yield look

        sample = super().observe_slide(noted(), names, max_value)
        known = {field.name: getattr(sample, field.name) for field in fields(ColourSample)}
        found = [size for size in estimates if size > 0]
        diameter = float(np.median(found)) if found else 0.0
        return NucleiSample(**known, diameter_px=diameter, pixel_size_um=scales[0] if scales else 0.0)

    def refuse_slide(self) -> None:
        """Refuse installed detectors; see `Recipe.refuse_slide`."""
        super().refuse_slide()
        if self.cells:
            self.nuclei.refuse_tiles()

    def tile_rules(self, like: Image) -> TileRules:
        """A margin in which cells with their rings are seen whole; see `TiledBrightfield.tile_rules`."""
        if not self.cells:
            return TileRules(AREA_MARGIN_PX, merges=False)
        diameter = self._rules(like.pixel_size).diameter_px
        reach = CELL_MARGIN + (self.ring_width if self.compartment != "nucleus" else 0.0)
        reduction = min(1.0, bright_nuclei.WORKING_DIAMETER_PX / max(diameter, 1.0))
        return TileRules(max(AREA_MARGIN_PX, int(reach * diameter)), merges=False, reduction=reduction)

    def _finds_size(self) -> bool:
        return self.cells and self.typical_diameter == "estimated"

    def _rules(self, pixel_size: float | None) -> CellRules:
        diameter = self.typical_diameter if isinstance(self.typical_diameter, Length) else Length(USUAL_PX, "px")
        return CellRules(
            compartment=self.compartment,
            cuts_od=self.cuts_od,
            diameter_px=diameter.in_px(pixel_size, "typical_diameter"),
            ring_width=self.ring_width,
            dab_weight=DAB_WEIGHTS[self.compartment],
            detection=self.nuclei,
            least_contrast=self.least_contrast,
            largest_excess_od=MAX_OD if self.imagej else self.largest_excess_od,
            least_tissue_od=self.least_tissue_od,
            finds_cells=self.cells,
        )

    def outcome(self) -> str:
        """What was decided, with the size of nuclei."""
        size = f", and a typical nuclear diameter of {self.typical_diameter}" if self.cells else ""
        return f"{super().outcome()}{size}"

    def sentences(self) -> tuple[str, ...]:
        """How area and cells are measured, in words."""
        brown = (
            "Of stained pixels those counted in which haematoxylin did not exceed DAB by more than"
            f" {self.largest_excess_od:g}.",
        )
        where = {
            "nucleus": "within the nucleus",
            "cytoplasm": f"in a ring of up to {self.ring_width:g} nuclear diameters around it",
            "both": f"in the nucleus and a ring of up to {self.ring_width:g} nuclear diameters around it",
        }[self.compartment]
        size = "estimated from the images" if self.typical_diameter == "estimated" else str(self.typical_diameter)
        return (
            *super().sentences(),
            *(() if self.imagej else brown),
            *(self._how_cells_were_told(where, size) if self.cells else ()),
            "The optical density of DAB is no concentration of antigen: it ranks specimens stained in one run.",
        )

    def _how_cells_were_told(self, where: str, size: str) -> tuple[str, ...]:
        how = "Nuclei were found as blobs" if self.nuclei.method == "threshold" else self.nuclei.sentence()
        dark_by = " and DAB" if DAB_WEIGHTS[self.compartment] else ""
        return (
            f"{how}, dark by haematoxylin{dark_by}, of a typical diameter ({size}); the mean optical density of DAB"
            f" {where} made a cell weak, moderate or strong from {', '.join(f'{cut:g}' for cut in self.cuts_od)} on.",
            "The H-score is the percentage of weak cells plus twice that of moderate and thrice that of strong ones.",
        )


def _diameter_px(image: Image) -> float:
    """Estimated on the middle of the picture, against full white: a constant in the density changes nothing."""
    edge = bright_nuclei.ESTIMATION_EDGE_PX
    rows, columns = (slice(max(0, (n - edge) // 2), (n + edge) // 2) for n in image.shape)
    stain_set = stains.preset("H DAB").with_white(White((image.max_value,) * 3))
    haematoxylin, _ = bright_nuclei.nuclear_planes(
        np.ascontiguousarray(image.pixels[rows, columns]), stain_set, max_value=image.max_value
    )
    return bright_nuclei.estimate_diameter(haematoxylin)


def _typical(samples: Sequence[NucleiSample]) -> Length:
    """The median over the images, in µm where all pixel sizes are known; a usual size where no image shows one."""
    in_um = all(sample.pixel_size_um > 0 for sample in samples)
    sizes = [s.diameter_px * (s.pixel_size_um if in_um else 1.0) for s in samples if s.diameter_px > 0]
    if in_um:
        return Length(float(np.round(np.clip(np.median(sizes or [USUAL_UM]), *NUCLEUS_UM), 3)), "um")
    return Length(float(np.round(np.median(sizes or [USUAL_PX]), 2)), "px")
