"""Trichrome-stained bone (Masson's blue or green, Goldner's): new bone against mature bone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any, ClassVar, Literal, Self

import numpy as np
import numpy.typing as npt
from pydantic import Field, model_validator

from exoimage.assays.brightfield import IMAGEJ_DEFAULTS, Brightfield, comparable
from exoimage.assays.chains import Chain, ImageJChain
from exoimage.assays.choice import Scope
from exoimage.assays.colour_sample import ColourSample, pooled_pixels
from exoimage.assays.columns import Column
from exoimage.assays.lengths import Length, disc_area
from exoimage.assays.masson_measuring import (
    COLUMNS,
    OBJECT_COLUMNS,
    Colours,
    Sizes,
    measure_as_imagej,
    measure_trichrome,
)
from exoimage.assays.measuring import Measured, Part, with_flags
from exoimage.assays.recipe import SlideWay
from exoimage.assays.regions import WholeRegion
from exoimage.assays.stain_choices import PresetStains, StainChoice, VectorStains
from exoimage.assays.threshold_choices import ControlThreshold, FixedThreshold, ThresholdChoice
from exoimage.assays.tissue_choices import ByColour, ByExample, TissueChoice
from exoimage.assays.tone_choices import EstimatedTones, GivenTones, ToneChoice
from exoimage.assays.white_choices import EstimatedWhite, GivenWhite
from exoimage.errors import MeasureError
from exoimage.flags import Flag, merged
from exoimage.methods import trichrome
from exoimage.methods.density import sampled_density
from exoimage.methods.red_bone import BoneSizes, OsteoidSizes
from exoimage.methods.stains import StainSet

Variant = Literal["masson-blue", "masson-green", "goldner"]

_PRESETS: Mapping[Variant, str] = MappingProxyType(
    {"masson-blue": "Masson blue", "masson-green": "Masson green", "goldner": "Goldner"}
)


class Masson(Brightfield):
    """New bone and mature bone by a trichrome's colours."""

    assay: ClassVar[str] = "masson"
    title: ClassVar[str] = "Masson's and Goldner's trichrome: new bone and mature bone"
    revision: ClassVar[int] = 1
    slide_way: ClassVar[SlideWay] = "coarse"
    drawn_objects: ClassVar[str] = "new bone"
    columns: ClassVar[tuple[Column, ...]] = COLUMNS
    object_columns: ClassVar[tuple[Column, ...]] = OBJECT_COLUMNS
    imagej_defaults: ClassVar[Mapping[str, Any]] = MappingProxyType(
        {**IMAGEJ_DEFAULTS, "stains": {"method": "preset", "name": "Masson Trichrome", "target": "methyl blue"}}
    )
    references: ClassVar[tuple[str, ...]] = (
        "van der Laak JAWM, et al. Hue-saturation-density (HSD) model for stain recognition in digital images from"
        " transmitted light microscopy. Cytometry 2000;39:275-284.",
        "Ruifrok AC, Johnston DA. Quantification of histochemical staining by color deconvolution."
        " Anal Quant Cytol Histol 2001;23:291-299.",
        "Goldner J. A modification of the Masson trichrome technique for routine laboratory purposes."
        " Am J Pathol 1938;14:237-243.",
        "Dempster DW, et al. Standardized nomenclature, symbols, and units for bone histomorphometry: a 2012 update."
        " J Bone Miner Res 2013;28:2-17. doi:10.1002/jbmr.1805",
    )

    variant: Variant = Field(
        "masson-blue",
        description="The stain, and what its colours mean: masson-blue and masson-green (new bone blue or green, mature"
        " bone red), goldner (undecalcified: mineralised bone green, osteoid red).",
    )
    stains: StainChoice = Field(
        PresetStains(name="Masson blue", target="aniline blue"),
        description="Vectors of the collagen's stain (the target) and of red, for the mean densities: preset, vectors,"
        " macenko, qupath or marked. The default goes with the variant.",
    )
    tones: ToneChoice = Field(
        EstimatedTones(),
        description="Hues of the collagen's colour and of red: estimated (near the variant's usual ones) or given.",
    )
    tissue: TissueChoice = Field(
        ByColour(),
        description="How bone is told: colour (hue, and where red is even and solid), or trained on scribbles, whose"
        ' names hold "new bone" and "mature bone" and may hold "glass".',
    )
    threshold: ThresholdChoice = Field(
        FixedThreshold(od=trichrome.TISSUE_OD),
        description="Mean optical density above which a pixel is stained at all: fixed, or an automatic method.",
    )
    smallest_piece: Length = Field(
        Length(6, "um", or_px=6),
        description="Equivalent diameter below which a piece in the collagen's colour is noise.",
    )
    largest_hole: Length = Field(
        Length(10, "um", or_px=10),
        description="Holes in collagen up to this equivalent diameter are filled: cells, lacunae.",
    )
    narrowest_bone: Length = Field(
        Length(20, "um", or_px=20),
        description="Width below which even, dense red is no mature bone (not Goldner's).",
    )
    smallest_alone: Length = Field(
        Length(60, "um", or_px=60),
        description="Equivalent diameter from which red bone counts that no new bone touches (not Goldner's).",
    )
    narrowest_osteoid: Length = Field(
        Length(5, "um", or_px=5), description="Width of the narrowest seam of osteoid (Goldner's)."
    )
    osteoid_reach: Length = Field(
        Length(60, "um", or_px=60), description="How far from mineralised bone red may be osteoid (Goldner's)."
    )

    @model_validator(mode="before")
    @classmethod
    def _variants_stains(cls, values: Any) -> Any:
        """The variant's own preset, where none is given or another variant's was."""
        if not isinstance(values, dict) or values.get("imagej") is True:
            return values
        own, given = _PRESETS.get(values.get("variant", "masson-blue")), values.get("stains")
        name = given.get("name") if isinstance(given, dict) else getattr(given, "name", None)
        if own is None or name == own or not (given is None or name in _PRESETS.values()):
            return values
        # The default's name, as every printed recipe has it, goes with the variant; another's is a contradiction.
        if given is not None and name != _PRESETS["masson-blue"]:
            right = next(variant for variant, preset in _PRESETS.items() if preset == name)
            raise ValueError(f'stains "{name}" do not go with this variant: choose variant = "{right}"')
        return {**values, "stains": {"method": "preset", "name": own}}

    slide_um_per_px: float = Field(
        2.0, gt=0, description="Pixel size in µm at which whole slides are measured, in one piece."
    )

    @model_validator(mode="after")
    def _has_two_colours(self) -> Self:
        if isinstance(self.threshold, ControlThreshold):
            raise ValueError("masson has no negative controls: threshold is fixed or an automatic method")
        if isinstance(self.tissue, ByExample) and self.imagej:
            raise ValueError("with imagej = true bone is what ImageJ's threshold finds: leave tissue out")
        self.tissue.refuse_unless("new bone", "mature bone")
        if isinstance(self.stains, VectorStains) and len(self.stains.names) < 2:
            raise ValueError("masson needs the vectors of two stains: the collagen's (the target) and red")
        if self.imagej and self.variant != "masson-blue":
            raise ValueError('ImageJ has stain vectors for masson-blue only: imagej = true needs variant "masson-blue"')
        return self

    def open_scopes(self) -> tuple[Scope, ...]:
        """The scopes of the choices that are to be estimated."""
        scope = None if self.imagej else self.tones.pooled_over()
        return tuple(dict.fromkeys((*super().open_scopes(), *((scope,) if scope else ()))))

    def slide_pixel_size(self) -> float:
        """What the recipe says; see `Recipe.slide_pixel_size`."""
        return self.slide_um_per_px

    def decide(self, evidence: Sequence[ColourSample], scopes: Sequence[Scope]) -> tuple[Self, tuple[Flag, ...]]:
        """As all bright-field assays do, then the two hues."""
        recipe, flags = super().decide(evidence, scopes)
        recipe = recipe.model_copy(update={"tissue": recipe.tissue.with_contents()})
        scope = recipe.tones.pooled_over()
        if recipe.imagej or scope is None or scope not in scopes:
            return recipe, flags
        if not isinstance(recipe.white, GivenWhite):
            raise MeasureError(
                f'the hues are estimated per "{scope}", but the white point is left to each image: give both the same'
                " scope"
            )
        tones, more = recipe.tones.resolve(recipe._pooled(evidence), recipe.white.white, recipe._usual)
        return recipe.model_copy(update={"tones": tones}), merged(flags, more)

    def _pooled(self, evidence: Sequence[ColourSample]) -> list[ColourSample]:
        """The samples that white point and threshold are decided from, of the white point's bit depth."""
        depth = self.white.max_value if isinstance(self.white, GivenWhite) else 0.0
        return [sample for sample in comparable(evidence) if depth in (0.0, sample.max_value)]

    def _with_white(self, samples: list[ColourSample], scopes: Sequence[Scope]) -> tuple[Self, tuple[Flag, ...]]:
        recipe, flags = super()._with_white(samples, scopes)
        if not isinstance(self.white, EstimatedWhite) or not isinstance(recipe.white, GivenWhite):
            return recipe, flags
        white = trichrome.white_without_glass(recipe.white.white, pooled_pixels(samples))
        return recipe.model_copy(update={"white": recipe.white.model_copy(update={"rgb": white.rgb})}), flags

    def amounts(
        self, pixels: npt.NDArray[Any], stain_set: StainSet, positions: npt.NDArray[np.float32]
    ) -> npt.NDArray[np.float64]:
        """Mean density over the channels, whatever the stain."""
        density = sampled_density(pixels, stain_set.white, positions)
        return np.asarray(density.mean(axis=1), dtype=np.float64)

    @property
    def _usual(self) -> trichrome.UsualTones:
        return trichrome.BLUE if self.variant == "masson-blue" else trichrome.GREEN

    def measure_part(self, part: Part, chain: Chain) -> Measured:
        """New and mature bone; see `Brightfield.measure_part`."""
        red = next(name for name in chain.stains.names if name != chain.stains.target)
        tones = self.tones.tones if isinstance(self.tones, GivenTones) else None
        if isinstance(chain, ImageJChain) or self.imagej:
            measured = measure_as_imagej(part, chain, red)
        elif tones is None:
            raise MeasureError("the two hues are not decided yet: call resolve first")
        else:
            colours = Colours(tones, self._usual, chain.stains.target, red, self.variant != "goldner")
            measured = measure_trichrome(part, chain, colours, self._sizes(part), self.tissue)
        return with_flags(measured, Flag.NO_ROI) if isinstance(self.region, WholeRegion) else measured

    def _sizes(self, part: Part) -> Sizes:
        red = (
            OsteoidSizes(self._px("narrowest_osteoid", part), self._px("osteoid_reach", part))
            if self.variant == "goldner"
            else BoneSizes(self._px("narrowest_bone", part), self._px("smallest_alone", part))
        )
        return Sizes(disc_area(self._px("smallest_piece", part)), disc_area(self._px("largest_hole", part)), red)

    def _px(self, name: str, part: Part) -> float:
        length: Length = getattr(self, name)
        return length.in_px(part.image.pixel_size, name)

    def outcome(self) -> str:
        """White point, hues, vectors and threshold as they were decided."""
        return super().outcome() if self.imagej else f"{super().outcome()}, {self.tones.sentence()}"

    def sentences(self) -> tuple[str, ...]:
        """White point, hues, what counts as bone."""
        if self.imagej:
            return (*super().sentences(), "Mature bone was the red stain up to the same grey level, bone or not.")
        bone = (
            f"Osteoid was the denser of red's two tones in seams along mineralised bone, within {self.osteoid_reach} of"
            " it; mineralised bone had the collagen's colour (Goldner's trichrome)."
            if self.variant == "goldner"
            else f"Mature bone was even, dense red from {self.narrowest_bone} in width that touches new bone or is"
            f" {self.smallest_alone} across; new bone had the collagen's colour."
        )
        if isinstance(self.tissue, ByExample):
            return (
                f"Optical density was taken against {self.white.sentence()}.",
                f"New and mature bone were told from other tissue and glass by {self.tissue.sentence()}.",
                f"Densities are of {self.stains.sentence()} (Ruifrok & Johnston 2001).",
            )
        return (
            f"Optical density was taken against {self.white.sentence()}.",
            f"Pixels of a mean density above {self.threshold.sentence()} were told apart by hue in the"
            f" hue-saturation-density model (van der Laak 2000), with {self.tones.sentence()}.",
            bone,
            f"Densities are of {self.stains.sentence()} (Ruifrok & Johnston 2001).",
        )
