"""Where the hues of a trichrome's two colours come from."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from exoimage.assays.choice import IN_WORDS, Choice, Scope, from_one_image
from exoimage.assays.colour_sample import ColourSample, pooled_pixels
from exoimage.errors import MeasureError
from exoimage.flags import Flag
from exoimage.methods import trichrome
from exoimage.methods.density import White
from exoimage.methods.trichrome import Tones, UsualTones


class EstimatedTones(Choice):
    """The two colours that the pictures of its scope have, each near its usual hue."""

    method: Literal["estimated"] = "estimated"
    scope: Scope = Field("study", description="Images that were stained together share their colours.")

    def sentence(self) -> str:
        """The choice in words."""
        return f"two hues fitted to the coloured pixels of {IN_WORDS[self.scope]}"

    def resolve(
        self, samples: list[ColourSample], white: White, usual: UsualTones
    ) -> tuple[GivenTones, tuple[Flag, ...]]:
        """Fit them."""
        tones = trichrome.estimate_tones(pooled_pixels(samples), white, usual)
        return GivenTones.of(tones), from_one_image(samples)


class GivenTones(Choice):
    """Hues in degrees, in the plane of hue and saturation of optical density."""

    method: Literal["given"] = "given"
    collagen_deg: float = Field(ge=-90, le=110, description="Hue of collagen: about 45 for blue, 0 for green.")
    red_deg: float = Field(ge=90, le=230, description="Hue of red: about 150.")
    limit_deg: float = Field(ge=-90, le=230, description="The hue that parts them: collagen lies below it.")

    @model_validator(mode="after")
    def _in_order(self) -> GivenTones:
        if not self.collagen_deg < self.limit_deg < self.red_deg:
            raise ValueError(
                f"the limit lies between collagen and red; got {self.collagen_deg:g}, {self.limit_deg:g} and"
                f" {self.red_deg:g}"
            )
        return self

    @classmethod
    def of(cls, tones: Tones) -> GivenTones:
        """The recipe's form of two tones, to a hundredth of a degree.

        Raises
        ------
        MeasureError
            If they are no tones of a trichrome.
        """
        collagen, red, limit = (round(angle, 2) for angle in (tones.collagen_deg, tones.red_deg, tones.limit_deg))
        try:
            return cls(collagen_deg=collagen, red_deg=red, limit_deg=limit)
        except ValueError:
            raise MeasureError(
                f"the pictures' two hues, {collagen:g}° and {red:g}°, are none of a trichrome: another stain, or"
                " inverted pictures? Give tones where they are right"
            ) from None

    @property
    def tones(self) -> Tones:
        """The tones as the methods take them."""
        return Tones(self.collagen_deg, self.red_deg, self.limit_deg)

    def sentence(self) -> str:
        """The choice in words."""
        return f"hues of {self.collagen_deg:.0f}° and {self.red_deg:.0f}°, parted at {self.limit_deg:.0f}°"

    def resolve(
        self,
        samples: list[ColourSample],  # noqa: ARG002
        white: White,  # noqa: ARG002
        usual: UsualTones,  # noqa: ARG002
    ) -> tuple[GivenTones, tuple[Flag, ...]]:
        """They stand as they are."""
        return self, ()


ToneChoice = Annotated[EstimatedTones | GivenTones, Field(discriminator="method")]
