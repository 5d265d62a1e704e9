"""Where the white point of a bright-field picture comes from."""

from __future__ import annotations

from typing import Annotated, Literal

import numpy as np
from pydantic import Field, field_validator

from exoimage.assays.choice import IN_WORDS, Choice, RecipePath, Scope, from_one_image
from exoimage.assays.colour_sample import ColourSample, pooled_pixels
from exoimage.flags import Flag
from exoimage.methods import density
from exoimage.methods.density import White

Rgb = tuple[float, float, float]


class EstimatedWhite(Choice):
    """The brightest tone that a fair share of the pixels have, pooled over the images of its scope."""

    method: Literal["estimated"] = "estimated"
    scope: Scope = Field("study", description="Images taken with the same light and exposure share one white point.")

    def sentence(self) -> str:
        """The choice in words."""
        return f"a white point estimated from the background of {IN_WORDS[self.scope]}"

    def resolve(self, samples: list[ColourSample]) -> tuple[GivenWhite, tuple[Flag, ...]]:
        """Estimate it from sampled pixels."""
        white, flags = density.estimate_white(pooled_pixels(samples), samples[0].max_value)
        return GivenWhite(rgb=white.rgb, max_value=samples[0].max_value), (*flags, *from_one_image(samples))


class GivenWhite(Choice):
    """A white point in the units of the pixels, as read from an empty place of the slide."""

    method: Literal["given"] = "given"
    rgb: Rgb = Field(description="Value of clear background in red, green and blue.")
    max_value: float = Field(
        0.0, ge=0, description="The largest value of the pictures that it is for (255, 65535); 0: not checked."
    )
    light: tuple[tuple[float, ...], ...] = Field(
        (), description="Shape of the light over the field, as a blank field gives it; empty for even light."
    )

    @field_validator("rgb")
    @classmethod
    def _positive(cls, rgb: Rgb) -> Rgb:
        if min(rgb) <= 0:
            raise ValueError(f"a white point needs three positive values, not {rgb}")
        return rgb

    @field_validator("light")
    @classmethod
    def _three_channels(cls, light: tuple[tuple[float, ...], ...]) -> tuple[tuple[float, ...], ...]:
        if light and [len(channel) for channel in light] != [density.LIGHT_TERMS] * 3:
            raise ValueError(f"the shape of the light is three lists of {density.LIGHT_TERMS} numbers, or empty")
        return light

    @property
    def white(self) -> White:
        """The white point as the methods take it."""
        return White(self.rgb, self.light)

    def sentence(self) -> str:
        """The choice in words."""
        return f"a white point of {', '.join(f'{value:g}' for value in self.rgb)} (red, green, blue)" + (
            ", corrected for uneven light" if self.light else ""
        )

    def resolve(self, samples: list[ColourSample]) -> tuple[GivenWhite, tuple[Flag, ...]]:  # noqa: ARG002
        """It stands as it is."""
        return self, ()


class FullScaleWhite(Choice):
    """The largest value that can be stored (255 at 8 bit), as ImageJ takes it."""

    method: Literal["full-scale"] = "full-scale"

    def pooled_over(self) -> Scope:
        """Each image has the limit of its own storage."""
        return "image"

    def sentence(self) -> str:
        """The choice in words."""
        return "the largest value that can be stored"

    def resolve(self, samples: list[ColourSample]) -> tuple[GivenWhite, tuple[Flag, ...]]:
        """Take the storage's limit."""
        return GivenWhite(rgb=(samples[0].max_value,) * 3, max_value=samples[0].max_value), ()


class BlankFieldWhite(Choice):
    """White point and shape of the light from a picture of an empty field (flat-field correction)."""

    method: Literal["blank-field"] = "blank-field"
    image: RecipePath = Field(description="Picture of an empty field, with the same light, exposure and white balance.")

    def sentence(self) -> str:
        """The choice in words."""
        return "a picture of an empty field"

    def resolve(self, samples: list[ColourSample]) -> tuple[GivenWhite, tuple[Flag, ...]]:  # noqa: ARG002
        """Fit the light of the blank field."""
        from exoimage.images.reading import read

        blank = read(self.image)
        white = density.white_from_blank(np.asarray(blank.pixels))
        return GivenWhite(rgb=white.rgb, max_value=blank.max_value, light=white.light), density.white_flags(
            white, blank.max_value
        )


WhiteChoice = Annotated[EstimatedWhite | GivenWhite | FullScaleWhite | BlankFieldWhite, Field(discriminator="method")]
