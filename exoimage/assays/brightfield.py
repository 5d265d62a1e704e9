"""What all bright-field assays share: where to measure, white point, stains, threshold, and how they are decided.

An assay on this base says what one region of a picture gives (`measure_part`) and brings its columns and defaults.
"""

from __future__ import annotations

import fnmatch
from abc import abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType
from typing import Any, ClassVar, Literal, Self, get_args

import numpy as np
import numpy.typing as npt
from pydantic import Field, NonNegativeInt, model_validator

from exoimage.assays.chains import Chain, ImageJChain, NothingStained, OpticalDensityChain, grey_plane
from exoimage.assays.choice import Choice, Scope
from exoimage.assays.colour_sample import SAMPLE_SIZE, ColourSample, sample_colours
from exoimage.assays.cut_histogram import CutHistogram, histogram_of
from exoimage.assays.measuring import Measured, Part, measure_regions, with_flags
from exoimage.assays.recipe import Locality, Recipe
from exoimage.assays.regions import FoundRegions, RegionChoice, WholeRegion
from exoimage.assays.results import Result
from exoimage.assays.stain_choices import PresetStains, StainChoice, VectorStains
from exoimage.assays.threshold_choices import (
    AutoMethod,
    AutoThreshold,
    ControlThreshold,
    FixedThreshold,
    GreyThreshold,
    ThresholdChoice,
)
from exoimage.assays.white_choices import BlankFieldWhite, EstimatedWhite, FullScaleWhite, GivenWhite, WhiteChoice
from exoimage.errors import ImageError, MeasureError
from exoimage.flags import Flag, merged
from exoimage.images.image import Image
from exoimage.methods import burnt_in, quality, stains
from exoimage.methods.stains import StainSet

Mask = npt.NDArray[np.bool_]

IMAGEJ_DEFAULTS: Mapping[str, Any] = MappingProxyType(
    {
        "white": {"method": "full-scale"},
        "threshold": {"method": "default", "scope": "image", "floor_od": 0.0},
        "leave_out_annotations": False,
    }
)
"""What `imagej = true` puts in the place of our defaults, in every bright-field assay."""


class Brightfield(Recipe[ColourSample]):
    """A measure of stained pictures in transmitted light."""

    locality: ClassVar[Locality] = "whole"
    evidence: ClassVar[type[Any]] = ColourSample
    imagej_defaults: ClassVar[Mapping[str, Any]] = IMAGEJ_DEFAULTS

    region: RegionChoice = Field(WholeRegion(), description="Where to measure: whole, wells or rois.")
    white: WhiteChoice = Field(
        EstimatedWhite(),
        description="The white point: estimated, given, full-scale or blank-field (flat-field correction).",
    )
    stains: StainChoice = Field(
        PresetStains(name="H&E", target="eosin"),
        description="Vectors: preset, vectors, macenko or marked. The other stains hold apart what is not the target.",
    )
    threshold: ThresholdChoice = Field(
        AutoThreshold(),
        description="Optical density above which a pixel is stained: negative-controls, fixed, or an automatic method.",
    )
    leave_out_annotations: bool = Field(
        True, description="Find burnt-in scale bars, letters and arrows, and leave them out of the region."
    )
    z: Literal["refuse", "sharpest", "mean", "max"] | NonNegativeInt = Field(
        "refuse",
        description="What is made of a file that holds a z-stack: its sharpest plane, its mean or maximum, or one plane"
        " by its number from 0; refuse: nothing.",
    )
    imagej: bool = Field(
        False,
        description="Do what ImageJ does, number for number: Colour Deconvolution (8 bit, white 255), its automatic"
        " threshold per image without a floor, every object counted. Other keys then default to ImageJ's.",
    )

    @abstractmethod
    def measure_part(self, part: Part, chain: Chain) -> Measured:
        """Measure one region by the decided recipe.

        Parameters
        ----------
        part : Part
        chain : Chain
            Tells the target's optical density in every pixel, and which pixels are stained; knows white point and
            stains. Of a region of one constant value nothing is stained.
        """

    def amounts(
        self, pixels: npt.NDArray[Any], stain_set: StainSet, positions: npt.NDArray[np.float32]
    ) -> npt.NDArray[np.float64]:
        """What the threshold is found on, of sampled pixels: the target's optical density, (n,)."""
        return stains.stain_amounts(pixels, stain_set, positions=positions)

    def chain(self, image: Image, evidence: ColourSample | None = None) -> Chain:
        """The chain from pixels to what is stained, as decided.

        Parameters
        ----------
        image : Image
        evidence : ColourSample, optional
            Of the same image: spares deconvolving it again.

        Raises
        ------
        MeasureError
            If white point, stains or threshold are not decided yet.
        ImageError
            If the white point is of another bit depth.
        """
        if not (isinstance(self.white, GivenWhite) and isinstance(self.stains, VectorStains)):
            raise MeasureError("white point and stains are not decided yet: call resolve first")
        if self.white.max_value not in (0.0, image.max_value):
            raise ImageError(
                f"its values go up to {image.max_value:g}, but the white point was decided for values up to"
                f' {self.white.max_value:g}: measure pictures of one bit depth together, or set white.scope = "image"'
            )
        stain_set = self.stains.stain_set(self.white.white)
        if isinstance(self.threshold, GreyThreshold):
            chain = ImageJChain(stain_set, self.threshold.level)
            return chain if evidence is None else replace(chain, grey=evidence.grey)
        if isinstance(self.threshold, FixedThreshold):
            return OpticalDensityChain(stain_set, self.threshold.od)
        raise MeasureError("the threshold is not decided yet: call resolve first")

    @model_validator(mode="before")
    @classmethod
    def _imagejs_defaults(cls, values: Any) -> Any:
        if not isinstance(values, dict) or values.get("imagej") is not True:
            return values
        # What a printed recipe spells out as our default is nobody's choice.
        chosen = {
            **cls.imagej_defaults,
            **{key: value for key, value in values.items() if not cls._is_ours(key, value)},
        }
        threshold = chosen["threshold"]
        if isinstance(threshold, dict) and threshold.get("method", "default") in get_args(AutoMethod):
            chosen["threshold"] = {**cls.imagej_defaults["threshold"], **threshold}
        return chosen

    @classmethod
    def _is_ours(cls, key: str, value: Any) -> bool:
        """Whether a value is our default of a key that ImageJ has a default of its own for."""
        if key not in cls.imagej_defaults:
            return False
        default = cls.model_fields[key].default
        plain = default.model_dump(mode="json") if isinstance(default, Choice) else default
        return bool(value in (default, plain, str(default)))

    @model_validator(mode="after")
    def _chain_fits(self) -> Self:
        kinds = (AutoThreshold, GreyThreshold) if self.imagej else (AutoThreshold, FixedThreshold, ControlThreshold)
        if not isinstance(self.threshold, kinds):
            raise ValueError(
                f'threshold.method "{self.threshold.method}" does not go with imagej = {str(self.imagej).lower()}'
            )
        is_255 = isinstance(self.white, GivenWhite) and self.white.rgb == (255.0, 255.0, 255.0)
        if self.imagej and not (is_255 or isinstance(self.white, FullScaleWhite)):
            raise ValueError("ImageJ's Colour Deconvolution knows one white point, 255: leave white out")
        if self.imagej and not isinstance(self.stains, PresetStains | VectorStains):
            raise ValueError("with imagej = true the stains are a preset or vectors")
        return self

    @model_validator(mode="after")
    def _scopes_fit(self) -> Self:
        white, threshold = self.white.pooled_over(), self.threshold.pooled_over()
        if (white, threshold) == ("batch", "study"):
            raise ValueError('threshold.scope is "study" but white.scope is "batch": give both the same scope')
        narrower = {None: 0, "study": 0, "batch": 1, "image": 2}
        if narrower[self.stains.pooled_over()] > narrower[threshold]:
            raise ValueError(
                f'stains are estimated per "{self.stains.pooled_over()}", so threshold.scope cannot be "{threshold}":'
                " give both the same scope"
            )
        estimated = not isinstance(self.stains, PresetStains | VectorStains)
        if estimated and white not in (None, "study", self.stains.pooled_over()):
            raise ValueError(
                f'estimated stain vectors need one white point for all their images; white is per "{white}"'
            )
        return self

    def observe(self, image: Image) -> ColourSample:
        """Sample the pixels of the regions; see `Recipe.observe`."""
        _refuse_unless_colour(self.assay, image)
        graphics, found = self._graphics(image), self.region.find(image)
        excluded = graphics.mask if graphics else None
        # ImageJ's chain decides by the histogram of all pixels: a sample of them would say nothing more.
        n_pixels = 0 if self.imagej else SAMPLE_SIZE
        sample = replace(
            sample_colours(image, found, excluded, n_pixels, with_positions=self._light_is_uneven()),
            annotated=graphics is not None,
            composite=_is_figure(graphics),
        )
        return self._with_grey_plane(sample, image, found, excluded) if self.imagej else sample

    def _with_grey_plane(
        self, sample: ColourSample, image: Image, found: FoundRegions, excluded: Mask | None
    ) -> ColourSample:
        vectors, _ = self.stains.resolve([], stains.FULL_WHITE)
        grey, histogram = grey_plane(image.pixels, vectors.stain_set(stains.FULL_WHITE))
        is_whole = isinstance(self.region, WholeRegion) and excluded is None
        return replace(sample, grey=grey, grey_histogram=histogram if is_whole else _histogram(grey, found, excluded))

    def decide(self, evidence: Sequence[ColourSample], scopes: Sequence[Scope]) -> tuple[Self, tuple[Flag, ...]]:
        """White point first, then stains, then threshold; see `Recipe.decide`."""
        samples = comparable(evidence)
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

    def _with_white(self, samples: list[ColourSample], scopes: Sequence[Scope]) -> tuple[Self, tuple[Flag, ...]]:
        if not _is_due(self.white, scopes):
            return self, ()
        white, flags = self.white.resolve(samples)
        return self.model_copy(update={"white": white}), flags

    def _with_stains(self, samples: list[ColourSample], scopes: Sequence[Scope]) -> tuple[Self, tuple[Flag, ...]]:
        if not _is_due(self.stains, scopes):
            return self, ()
        # Only estimates look at the white point, and `_scopes_fit` sees to it that theirs is decided.
        white = self.white.white if isinstance(self.white, GivenWhite) else stains.FULL_WHITE
        vectors, flags = self.stains.resolve(samples, white)
        return self.model_copy(update={"stains": vectors}), flags

    def _with_threshold(self, samples: list[ColourSample], scopes: Sequence[Scope]) -> tuple[Self, tuple[Flag, ...]]:
        if not _is_due(self.threshold, scopes) or not isinstance(self.stains, VectorStains):
            return self, ()
        if self.imagej and isinstance(self.threshold, AutoThreshold):
            grey, flags = self.threshold.resolve_grey(np.sum([s.grey_histogram for s in samples], axis=0))
            return self.model_copy(update={"threshold": grey}), flags
        thinned = [sample.pooled_among(len(samples)) for sample in samples]
        amounts = [self._amounts_of(sample, self.stains) for sample in thinned]
        controls = [amount[s.control] for amount, s in zip(amounts, thinned, strict=True) if s.control.any()]
        threshold, flags = self.threshold.resolve(amounts, controls)
        return self.model_copy(update={"threshold": threshold}), flags

    def _amounts_of(self, sample: ColourSample, vectors: VectorStains) -> npt.NDArray[np.float64]:
        """A sample's amounts, against its own white point where that is left to each image."""
        white, _ = self.white.resolve([sample])
        return self.amounts(sample.pixels, vectors.stain_set(white.white), sample.positions)

    def cut_histogram(self, evidence: Sequence[ColourSample]) -> CutHistogram:
        """Amounts of the target in the sampled pixels, and the threshold; see `Recipe.cut_histogram`."""
        samples = comparable(evidence)
        if isinstance(self.threshold, GreyThreshold) and samples:
            counts = np.sum([sample.grey_histogram for sample in samples], axis=0)
            edges = np.arange(257, dtype=np.float64)
            return CutHistogram(counts, edges, self.threshold.level + 1.0, "grey level of ImageJ's 8-bit plane")
        if not (isinstance(self.stains, VectorStains) and isinstance(self.threshold, FixedThreshold) and samples):
            return CutHistogram()
        amounts = [self._amounts_of(sample.pooled_among(len(samples)), self.stains) for sample in samples]
        return histogram_of(np.concatenate(amounts), self.threshold.od, "optical density", "sampled pixels")

    def observing_key(self) -> str:
        """Regions and annotations decide which pixels are sampled."""
        looked_at = {"region", "leave_out_annotations", "z", "imagej"} | ({"stains"} if self.imagej else set())
        return f"{self.model_dump_json(include=looked_at)} positions={self._light_is_uneven()}"

    def reading(self) -> Mapping[str, Any]:
        """Of a z-stack, what the recipe says; see `Recipe.reading`."""
        return {} if self.z == "refuse" else {"default_z": self.z}

    def _light_is_uneven(self) -> bool:
        return isinstance(self.white, BlankFieldWhite) or (
            isinstance(self.white, GivenWhite) and bool(self.white.light)
        )

    def sentences(self) -> tuple[str, ...]:
        """White point, stains and threshold in words; an assay adds what it does with them."""
        if self.imagej:
            return (
                "The whole chain was ImageJ's: Colour Deconvolution (Ruifrok & Johnston 2001; Fiji's, 8 bit, white 255)"
                f" with {self.stains.sentence()}; {self.stains.target} counted up to {self.threshold.sentence()}.",
            )
        return (
            f"Optical density was taken against {self.white.sentence()}.",
            f"Stains were unmixed in optical-density space (Ruifrok & Johnston 2001) with {self.stains.sentence()}.",
            f"A pixel counted as stained where the optical density of {self.stains.target} was above"
            f" {self.threshold.sentence()}.",
        )

    def files_for(self, image_path: Path) -> tuple[Path, ...]:
        """The image's ROI file, if regions come from one."""
        return self.region.files_for(image_path)

    def controls(self) -> str:
        """The group or names that the threshold comes from."""
        return self.threshold.controls if isinstance(self.threshold, ControlThreshold) else ""

    def outcome(self) -> str:
        """White point, vectors and threshold as they were decided."""
        is_number = isinstance(self.threshold, FixedThreshold)
        threshold = f"{'a threshold of ' if is_number else ''}{self.threshold.sentence()}"
        return f"{self.white.sentence()}, {self.stains.sentence()} and {threshold}"

    def is_control(self, key: str, group: str) -> bool:
        """Whether the threshold names this image's group or name as negative."""
        if not isinstance(self.threshold, ControlThreshold):
            return False
        pattern = self.threshold.controls
        return group == pattern or any(fnmatch.fnmatchcase(name, pattern) for name in (key, Path(key).name))

    def apply(self, image: Image, evidence: ColourSample | None = None) -> Result:
        """Measure every region; see `Recipe.apply`."""
        _refuse_unless_colour(self.assay, image)
        chain = self.chain(image, evidence)
        graphics = None if evidence is not None and not evidence.annotated else self._graphics(image)
        common = merged(
            image.flags,
            () if image.pixel_size else (Flag.NO_PIXEL_SIZE,),
            (Flag.ANNOTATION,) if graphics else (),
            (Flag.COMPOSITE_FIGURE,) if _is_figure(graphics) else (),
            (Flag.WELL_PHOTO,) if isinstance(self.region, WholeRegion) and quality.shows_wells(image.pixels) else (),
        )

        def measure(part: Part) -> Measured:
            one = self.measure_part(part, NothingStained(chain) if part.is_constant else chain)
            return with_flags(one, *common, *_quality_flags(part, chain, found=one.found))

        excluded = graphics.mask if graphics else None
        return measure_regions(image, self.region.find(image), excluded, measure, self.object_columns)

    def _graphics(self, image: Image) -> burnt_in.BurntIn | None:
        """The burnt-in graphics that are left out, if there are any."""
        if not self.leave_out_annotations:
            return None
        graphics = burnt_in.find_burnt_in(image.pixels, image.max_value)
        return graphics if graphics.kinds else None


def _quality_flags(part: Part, chain: Chain, *, found: bool) -> tuple[Flag, ...]:
    """What the picture itself says of how far a region's numbers can be trusted."""
    exposure = quality.exposure_flags(part.sample, part.image.max_value)
    light = quality.wrong_light_flags(part.sample, part.image.max_value)
    if part.is_constant:
        return merged(exposure, light, (Flag.BLANK,))
    white = chain.stains.white
    span = quality.tone_span_od(part.sample, white)
    is_even = span < quality.EVEN_TONE_OD
    step = max(1, min(part.shape) // 128)
    # A white point with a shape of the light corrects it.
    is_uneven = not is_even and not white.light and quality.uneven_light(part.pixels[::step, ::step], white)
    return merged(
        exposure,
        light,
        (Flag.BLANK,) if not found and span < quality.BLANK_OD else (),
        (Flag.LOW_CONTRAST,) if found and is_even else (),
        (Flag.UNEVEN_LIGHT,) if is_uneven else (),
        (Flag.OUT_OF_FOCUS,) if not is_even and quality.is_out_of_focus(part.pixels) else (),
    )


def _histogram(grey: npt.NDArray[np.uint8], found: FoundRegions, excluded: Mask | None) -> npt.NDArray[np.int64]:
    """Histogram of all pixels of the regions."""
    total = np.zeros(256, dtype=np.int64)
    for region in found.regions:
        inside = region.inside(excluded)
        plane = grey[region.box]
        total += np.bincount((plane if inside is None else plane[inside]).ravel(), minlength=256)
    return total


def _is_figure(graphics: burnt_in.BurntIn | None) -> bool:
    return graphics is not None and "panels" in graphics.kinds


def _is_due(choice: Choice, scopes: Sequence[Scope]) -> bool:
    """Whether a choice is to be decided now: it needs to see no image, or is pooled over one of the scopes."""
    scope = choice.pooled_over()
    return scope is None or scope in scopes


def comparable(samples: Sequence[ColourSample]) -> list[ColourSample]:
    """The samples that are pooled: no composite figures, and of one bit depth, as a white point has the pixels' units.

    Pictures of one constant value say nothing of the light. Where there are only such, they are all there is.
    """
    pictures = [sample for sample in samples if not sample.composite] or samples
    pictures = [sample for sample in pictures if not quality.is_constant(sample.pixels)] or pictures
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
