"""Trabecular bone on decalcified sections stained with haematoxylin and eosin: BV/TV and its companions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any, ClassVar, Self

import numpy as np
import numpy.typing as npt
from pydantic import Field, model_validator

from exoimage.assays.brightfield import IMAGEJ_DEFAULTS, Brightfield
from exoimage.assays.chains import Chain, ImageJChain
from exoimage.assays.choice import Scope
from exoimage.assays.colour_sample import ColourSample
from exoimage.assays.columns import Column
from exoimage.assays.he_bone_measuring import (
    COLUMNS,
    NUCLEUS_UM,
    OBJECT_COLUMNS,
    Found,
    estimated_nucleus_px,
    found_by_colour_and_nuclei,
    found_by_example,
    measure_bone,
    nothing_found,
)
from exoimage.assays.lengths import Length
from exoimage.assays.measuring import Measured, Part, with_flags
from exoimage.assays.recipe import SlideWay
from exoimage.assays.regions import WholeRegion
from exoimage.assays.stain_choices import PresetStains, StainChoice, VectorStains
from exoimage.assays.threshold_choices import AutoThreshold, ControlThreshold, ThresholdChoice
from exoimage.assays.tissue_choices import GLASS, ByColour, ByExample, TissueChoice
from exoimage.flags import Flag
from exoimage.methods import bone_tissue
from exoimage.methods.bone_tissue import BoneSizes
from exoimage.methods.density import White, sampled_density
from exoimage.methods.stains import StainSet

_IN_WHOLE_FIELD = "of the tissue in the field"
_IN_REGIONS = "of the tissue in the regions of interest"


class HeBone(Brightfield):
    """Bone and tissue area, perimeter and trabecular width of a section."""

    assay: ClassVar[str] = "he-bone"
    title: ClassVar[str] = "Trabecular bone on decalcified H&E: BV/TV, Tb.Th, Tb.Sp, Tb.N"
    revision: ClassVar[int] = 1
    slide_way: ClassVar[SlideWay] = "coarse"
    drawn_objects: ClassVar[str] = "bone"
    columns: ClassVar[tuple[Column, ...]] = COLUMNS
    object_columns: ClassVar[tuple[Column, ...]] = OBJECT_COLUMNS
    imagej_defaults: ClassVar[Mapping[str, Any]] = MappingProxyType(
        {**IMAGEJ_DEFAULTS, "stains": {"method": "preset", "name": "H&E", "target": "eosin"}}
    )
    references: ClassVar[tuple[str, ...]] = (
        "Dempster DW, et al. Standardized nomenclature, symbols, and units for bone histomorphometry: a 2012 update."
        " J Bone Miner Res 2013;28:2-17. doi:10.1002/jbmr.1805",
        "Parfitt AM, et al. Bone histomorphometry: standardization of nomenclature, symbols, and units."
        " J Bone Miner Res 1987;2:595-610. doi:10.1002/jbmr.5650020617",
        "Hildebrand T, Rüegsegger P. A new method for the model-independent assessment of thickness in"
        " three-dimensional images. J Microsc 1997;185:67-75. doi:10.1046/j.1365-2818.1997.1340694.x",
        "Ruifrok AC, Johnston DA. Quantification of histochemical staining by color deconvolution."
        " Anal Quant Cytol Histol 2001;23:291-299.",
    )

    stains: StainChoice = Field(
        PresetStains(name="H&E", target="haematoxylin"),
        description="Vectors of haematoxylin and eosin: preset, vectors, macenko or marked. Eosin's own hue is taken"
        " from each picture.",
    )
    threshold: ThresholdChoice = Field(
        AutoThreshold(floor_od=0.1),
        description="Density of nuclear stain above which a pixel is of a nucleus (not: of bone): fixed, or an"
        " automatic method on what is stained.",
    )
    tissue: TissueChoice = Field(
        ByColour(),
        description='How bone is told: colour (stain and nuclei), or trained on scribbles, whose names hold "bone" and'
        ' may hold "glass"; all else is tissue without bone.',
    )
    nucleus: Length = Field(
        Length(NUCLEUS_UM, "um"),
        description="Diameter of marrow cells' nuclei. Where the size of a pixel is unknown, this default is estimated"
        " from the picture, and the other lengths' defaults go with it.",
    )
    smallest_piece: Length = Field(
        Length(30, "um"), description="Equivalent diameter below which a pink piece is no bone."
    )
    largest_lacuna: Length = Field(
        Length(15, "um"), description="Holes in bone up to this equivalent diameter are filled: lacunae, small canals."
    )
    largest_vacuole: Length = Field(
        Length(100, "um"),
        description="A white place that holds a disc wider than this is glass or a tear and no tissue; fat vacuoles,"
        " sinusoids and narrow gaps are tissue.",
    )
    slide_um_per_px: float = Field(
        4.0, gt=0, description="Pixel size in µm at which whole slides are measured, in one piece."
    )

    @model_validator(mode="after")
    def _knows_nuclei_and_eosin(self) -> Self:
        if isinstance(self.threshold, ControlThreshold):
            raise ValueError("he-bone has no negative controls: threshold is an automatic method or fixed")
        if isinstance(self.tissue, ByExample) and self.imagej:
            raise ValueError("with imagej = true bone is what ImageJ's threshold finds: leave tissue out")
        self.tissue.refuse_unless("bone")
        names = self.stains.names if isinstance(self.stains, VectorStains) else None
        if names is not None and not {"haematoxylin", "eosin"} <= set(names):
            raise ValueError(f'stains need the names "haematoxylin" and "eosin"; these are {", ".join(names)}')
        return self

    def slide_pixel_size(self) -> float:
        """What the recipe says; see `Recipe.slide_pixel_size`."""
        return self.slide_um_per_px

    def decide(self, evidence: Sequence[ColourSample], scopes: Sequence[Scope]) -> tuple[Self, tuple[Flag, ...]]:
        """As all bright-field assays do; of examples what their files hold."""
        recipe, flags = super().decide(evidence, scopes)
        return recipe.model_copy(update={"tissue": recipe.tissue.with_contents()}), flags

    def amounts(
        self, pixels: npt.NDArray[Any], stain_set: StainSet, positions: npt.NDArray[np.float32]
    ) -> npt.NDArray[np.float64]:
        """Nuclear stain of those sampled pixels that are stained at all."""
        density = sampled_density(pixels, stain_set.white, positions)
        nuclear, _ = bone_tissue.nuclear_stain(density, stain_set)
        return nuclear[density[:, 1] > bone_tissue.STAINED_OD].astype(np.float64)

    def measure_part(self, part: Part, chain: Chain) -> Measured:
        """Bone, tissue and what follows from them; see `Brightfield.measure_part`."""
        sizes = self._sizes(part, chain.stains.white)
        found = self._found(part, chain, sizes)
        if part.drawn is not None:
            bone = part.drawn > 0
            found = Found(bone, found.tissue | bone, found.flags)
        measured = measure_bone(part, chain, found, sizes.nucleus)
        return with_flags(measured, Flag.NO_ROI) if isinstance(self.region, WholeRegion) else measured

    def _found(self, part: Part, chain: Chain, sizes: BoneSizes) -> Found:
        if part.is_constant or not np.isfinite(chain.threshold_od):
            return nothing_found(part)
        if isinstance(chain, ImageJChain):
            return Found(chain.stained(part)[1], np.ones(part.shape, dtype=np.bool_))
        if isinstance(self.tissue, ByExample):
            classes = self.tissue.classes(part, chain.stains.white)
            return found_by_example(self.tissue.mask(classes, "bone"), self.tissue.mask(classes, GLASS), sizes)
        return found_by_colour_and_nuclei(part, chain, sizes)

    def _sizes(self, part: Part, white: White) -> BoneSizes:
        names = ("nucleus", "smallest_piece", "largest_lacuna", "largest_vacuole")
        scale = part.image.pixel_size
        if scale is not None:
            return BoneSizes(*(getattr(self, name).in_px(scale, name) for name in names))
        is_default = {name: getattr(self, name) == type(self).model_fields[name].default for name in names}
        nucleus_px = estimated_nucleus_px(part, white) if is_default["nucleus"] else self.nucleus.in_px(None, "nucleus")
        # What nobody gave in µm is as many nuclei wide as it is by default.
        assumed = NUCLEUS_UM / nucleus_px
        return BoneSizes(*(getattr(self, n).in_px(assumed if is_default[n] else None, n) for n in names))

    def sentences(self) -> tuple[str, ...]:
        """White point, stains, how bone is told, and what the terms mean."""
        where = _IN_WHOLE_FIELD if isinstance(self.region, WholeRegion) else _IN_REGIONS
        terms = (
            f"Bone area (B.Ar) is given as a share {where} (T.Ar), B.Pm as the length of its outline there; Tb.Th"
            " (= Tb.Wi), Tb.Sp and Tb.N follow from the plate model (Parfitt 1987) in the plane of the section, and"
            " directly from local thickness (Hildebrand & Rüegsegger 1997); terms as in Dempster 2013.",
        )
        if self.imagej:
            return (*super().sentences(), "All of the region counted as tissue.", *terms)
        return (
            f"Optical density was taken against {self.white.sentence()}.",
            *self._how_bone_was_told(),
            *terms,
        )

    def _how_bone_was_told(self) -> tuple[str, ...]:
        pieces = f"in pieces from {self.smallest_piece}, with holes up to {self.largest_lacuna} filled"
        if isinstance(self.tissue, ByExample):
            return (f"Bone was told from other tissue and glass by {self.tissue.sentence()}, {pieces}.",)
        return (
            f"Stains were unmixed in optical-density space (Ruifrok & Johnston 2001) with {self.stains.sentence()}; a"
            f" pixel was of a nucleus where haematoxylin beyond eosin's own was above {self.threshold.sentence()}.",
            f"Bone was what is stained and holds less than half of the marrow's share of nuclei, {pieces}; white places"
            f" wider than {self.largest_vacuole} were no tissue.",
        )
