"""Where the stain vectors come from."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import numpy as np
import numpy.typing as npt
from pydantic import Field, model_validator

from exoimage.assays.choice import IN_WORDS, Choice, RecipePath, Scope, from_one_image
from exoimage.assays.colour_sample import ColourSample, pooled_pixels
from exoimage.errors import ExoimageError, MeasureError
from exoimage.flags import Flag
from exoimage.methods import stain_estimation, stains
from exoimage.methods.density import White
from exoimage.methods.stains import StainSet, Vector


class VectorStains(Choice):
    """Stain vectors given as numbers."""

    method: Literal["vectors"] = "vectors"
    names: tuple[str, ...] = Field(description="Name of each stain.")
    vectors: tuple[Vector, ...] = Field(description="Optical density in red, green and blue of each stain.")
    target: str = Field(description="The stain that is measured.")
    source: str = Field("given in the recipe", description="Where the vectors come from, for the methods text.")

    @model_validator(mode="before")
    @classmethod
    def _first_is_target(cls, values: Any) -> Any:
        if isinstance(values, dict) and "target" not in values and values.get("names"):
            return {**values, "target": values["names"][0]}
        return values

    @model_validator(mode="after")
    def _is_a_set(self) -> VectorStains:
        try:
            self.stain_set(White((255.0, 255.0, 255.0)))
        except ExoimageError as error:
            raise ValueError(str(error)) from error
        return self

    @classmethod
    def of(cls, stain_set: StainSet) -> VectorStains:
        """The recipe's form of a stain set."""
        return cls(names=stain_set.names, vectors=stain_set.vectors, target=stain_set.target, source=stain_set.source)

    def stain_set(self, white: White) -> StainSet:
        """The stains seen against a white point."""
        return StainSet(self.names, self.vectors, self.source, white, self.target)

    def sentence(self) -> str:
        """The choice in words."""
        return "the vectors " + "; ".join(
            f"{name} ({', '.join(f'{value:.3f}' for value in vector)})"
            for name, vector in zip(self.names, self.vectors, strict=True)
        )

    def resolve(self, samples: list[ColourSample], white: White) -> tuple[VectorStains, tuple[Flag, ...]]:  # noqa: ARG002
        """They stand as they are."""
        return self, ()


class _LikePreset(Choice):
    """A choice that starts from a named stain set and measures one of its stains."""

    @model_validator(mode="before")
    @classmethod
    def _preset_names_target(cls, values: Any) -> Any:
        name = values.get(cls._preset_key()) if isinstance(values, dict) else None
        if not isinstance(name, str) or values.get("target"):
            return values
        try:
            return {**values, "target": stains.preset(name).target}
        except ExoimageError as error:
            raise ValueError(str(error)) from error

    @classmethod
    def _preset_key(cls) -> str:
        return "name" if "name" in cls.model_fields else "like"


def _known(name: str, target: str) -> StainSet:
    try:
        stain_set = stains.preset(name)
        stain_set.index(target)
    except ExoimageError as error:
        raise ValueError(str(error)) from error
    return stain_set


class PresetStains(_LikePreset):
    """Stain vectors by a name: ImageJ's sets, "alizarin red", "Sirius red", "Oil Red O" and more."""

    method: Literal["preset"] = "preset"
    name: str = Field(description="Name of the stain set.")
    target: str = Field(description="The stain of the set that is measured.")

    @model_validator(mode="after")
    def _exists(self) -> PresetStains:
        _known(self.name, self.target)
        return self

    def sentence(self) -> str:
        """The choice in words."""
        return f"the set {self.name!r}"

    def resolve(self, samples: list[ColourSample], white: White) -> tuple[VectorStains, tuple[Flag, ...]]:  # noqa: ARG002
        """Look the set up."""
        return VectorStains.of(stains.preset(self.name)).model_copy(update={"target": self.target}), ()


class MacenkoStains(_LikePreset):
    """Two stain vectors estimated from the pictures (Macenko 2009), told apart by their likeness to a preset's."""

    method: Literal["macenko"] = "macenko"
    like: str = Field(description="Stain set whose first two stains the estimates are matched to.")
    target: str = Field(description="The stain of the set that is measured.")
    max_angle_deg: float = Field(20.0, gt=0, le=60, description="Refuse an estimate further than this from the preset.")
    scope: Scope = Field("study", description="Which images the estimate is pooled over.")

    @model_validator(mode="after")
    def _exists(self) -> MacenkoStains:
        if self.target not in _known(self.like, self.target).names[:2]:
            raise ValueError(f"Macenko's estimate gives two stains; {self.target!r} is not among the first two")
        return self

    def sentence(self) -> str:
        """The choice in words."""
        return "vectors estimated from the pictures (Macenko 2009)"

    def resolve(self, samples: list[ColourSample], white: White) -> tuple[VectorStains, tuple[Flag, ...]]:
        """Estimate both stains and match them.

        Raises
        ------
        MeasureError
            If an estimate is further from the preset than allowed.
        """
        like = stains.preset(self.like)
        one, other = stains.estimate_macenko(pooled_pixels(samples), white)
        names, expected = like.names[:2], like.vectors[:2]
        straight = stains.angle_deg(one, expected[0]) + stains.angle_deg(other, expected[1])
        crossed = stains.angle_deg(one, expected[1]) + stains.angle_deg(other, expected[0])
        vectors = (one, other) if straight <= crossed else (other, one)
        angles = [stains.angle_deg(v, e) for v, e in zip(vectors, expected, strict=True)]
        for name, angle in zip(names, angles, strict=True):
            if angle > self.max_angle_deg:
                raise MeasureError(
                    f"Macenko's estimate of {name} is {angle:.0f}° from the set {self.like!r} (allowed:"
                    f" {self.max_angle_deg:g}°):"
                    " the pictures show other stains, or one only; give vectors or a marked region instead"
                )
        source = "Macenko 2009, " + ", ".join(
            f"{n} {a:.1f}° from {self.like}" for n, a in zip(names, angles, strict=True)
        )
        return VectorStains(names=names, vectors=vectors, target=self.target, source=source), from_one_image(samples)


class QuPathStains(_LikePreset):
    """Two stain vectors estimated from the pictures as QuPath does, near a preset's; a poor fit is refused."""

    method: Literal["qupath"] = "qupath"
    like: str = Field(description="Stain set whose first two stains are looked for.")
    target: str = Field(description="The stain of the set that is measured.")
    max_angle_deg: float = Field(20.0, gt=0, le=60, description="Refuse an estimate further than this from the preset.")
    min_od: float = Field(0.1, gt=0, le=2, description="Pixels of a lower mean density are left out as too pale.")
    max_od: float = Field(1.0, gt=0, le=2, description="Pixels of a higher mean density are left out as too dense.")
    ignore_pct: float = Field(1.0, ge=0, le=20, description="Share of the pixels beyond the extreme hues, in percent.")
    scope: Scope = Field("study", description="Which images the estimate is pooled over.")

    @model_validator(mode="after")
    def _exists(self) -> QuPathStains:
        if self.target not in _known(self.like, self.target).names[:2]:
            raise ValueError(f"the estimate gives two stains; {self.target!r} is not among the first two")
        if self.min_od >= self.max_od:
            raise ValueError(f"min_od ({self.min_od:g}) must be below max_od ({self.max_od:g})")
        return self

    def sentence(self) -> str:
        """The choice in words."""
        return f"vectors estimated from the pictures of {IN_WORDS[self.scope]} as QuPath does (Bankhead 2017)"

    def resolve(self, samples: list[ColourSample], white: White) -> tuple[VectorStains, tuple[Flag, ...]]:
        """Estimate both stains.

        Raises
        ------
        MeasureError
            If the fit is poor: few stained pixels, one stain only, or an estimate too far from the preset.
        """
        like = stains.preset(self.like)
        found = stain_estimation.estimate_two_stains(
            pooled_pixels(samples), white, like, min_od=self.min_od, max_od=self.max_od, ignore_pct=self.ignore_pct
        )
        names = like.names[:2]
        for name, angle in zip(names, found.angles_deg, strict=True):
            if angle > self.max_angle_deg:
                raise MeasureError(
                    f"the estimate of {name} is {angle:.0f}° from the set {self.like!r} (allowed:"
                    f" {self.max_angle_deg:g}°): the pictures show other stains, or one only; give vectors or a marked"
                    " region instead"
                )
        angles = ", ".join(f"{n} {a:.1f}° from {self.like}" for n, a in zip(names, found.angles_deg, strict=True))
        source = (
            f"estimated as QuPath does (Bankhead 2017) from {found.pixels} pixels, {100 * found.in_plane:.0f} % of"
            f" their spread in a plane, {angles}"
        )
        return VectorStains(names=names, vectors=found.vectors, target=self.target, source=source), from_one_image(
            samples
        )


class MarkedStains(_LikePreset):
    """The measured stain's vector from a region that was marked on an example picture; the others from a preset."""

    method: Literal["marked"] = "marked"
    like: str = Field(description="Stain set whose target is re-estimated.")
    target: str = Field(description="The stain of the set that is measured and re-estimated.")
    image: RecipePath = Field(description="The example picture.")
    rois: RecipePath = Field(description="ImageJ ROI, GeoJSON or mask image that marks a place with this stain alone.")

    @model_validator(mode="after")
    def _exists(self) -> MarkedStains:
        _known(self.like, self.target)
        return self

    def sentence(self) -> str:
        """The choice in words."""
        return f"a vector of {self.target} taken from a marked region"

    def resolve(self, samples: list[ColourSample], white: White) -> tuple[VectorStains, tuple[Flag, ...]]:  # noqa: ARG002
        """Take the marked region's direction."""
        like = stains.preset(self.like)
        vector = stains.estimate_from_region(self._marked_pixels(), white)
        vectors = tuple(vector if n == self.target else v for n, v in zip(like.names, like.vectors, strict=True))
        angle = stains.angle_deg(vector, like.vectors[like.index(self.target)])
        source = f"{self.target} from a marked region, {angle:.1f}° from {self.like}"
        return VectorStains(names=like.names, vectors=vectors, target=self.target, source=source), ()

    def _marked_pixels(self) -> npt.NDArray[Any]:
        from exoimage.images.reading import read
        from exoimage.images.rois import read_regions

        image = read(self.image)
        marked = np.any([region.mask for region in read_regions(self.rois, image.shape)], axis=0)
        pixels: npt.NDArray[Any] = image.pixels[marked]
        return pixels


StainChoice = Annotated[
    PresetStains | VectorStains | MacenkoStains | QuPathStains | MarkedStains, Field(discriminator="method")
]
