"""Where the cut between negative and positive cells comes from."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Annotated, Literal

import numpy as np
import numpy.typing as npt
from pydantic import Field

from exoimage.assays.choice import IN_WORDS, Choice, Scope, from_one_image
from exoimage.errors import MeasureError
from exoimage.flags import Flag
from exoimage.methods import two_classes

Floats = npt.NDArray[np.float64]


class FixedCut(Choice):
    """A given intensity above the background, in the units of the pixels."""

    method: Literal["fixed"] = "fixed"
    intensity: float = Field(description="Mean intensity above the background from which a cell is positive.")
    max_value: float = Field(
        0.0, ge=0, description="The largest value of the pictures that it is for (255, 65535); 0: not checked."
    )

    def scaled(self, factor: float) -> FixedCut:
        """The intensity moved by a factor."""
        return self.model_copy(update={"intensity": self.intensity * factor})

    def others(self) -> Mapping[str, Choice]:
        """What two classes of cells would give."""
        return {"two-class": TwoClassCut()}

    def sentence(self) -> str:
        """The choice in words."""
        return f"{self.intensity:.4g} grey values"

    def resolve(self, intensities: list[Floats], noise: list[Floats], controls: list[Floats]) -> Decided:  # noqa: ARG002
        """Nothing is left to decide."""
        return self, ()


Decided = tuple[FixedCut, tuple[Flag, ...]]


class TwoClassCut(Choice):
    """Two classes of cells, fitted to the intensities of all images of the scope."""

    method: Literal["two-class"] = "two-class"
    scope: Scope = Field("study", description="Images that share one cut. Only one for all groups compares them.")

    def sentence(self) -> str:
        """The choice in words."""
        return (
            f"the intensity at which a cell of {IN_WORDS[self.scope]} is as likely of the negative as of the positive"
            " class (two normal distributions on an inverse hyperbolic sine scale; where one class explains the"
            f" intensities as well: {two_classes.ROSE:g} times the background's noise)"
        )

    def resolve(self, intensities: list[Floats], noise: list[Floats], controls: list[Floats]) -> Decided:  # noqa: ARG002
        """Fit the classes to the pooled cells."""
        pooled = _pooled(intensities)
        if len(pooled) == 0:
            return FixedCut(intensity=math.inf), from_one_image(intensities)
        found = two_classes.fit_two_classes(pooled, float(np.median(_pooled(noise))))
        one_class = () if found.found else (Flag.ONE_CLASS,)
        return FixedCut(intensity=float(f"{found.cut:.6g}")), (*one_class, *from_one_image(intensities))


class ControlCut(Choice):
    """The intensity below which almost all cells of the negative controls lie."""

    method: Literal["negative-controls"] = "negative-controls"
    controls: str = Field(description="The group that is negative, or a pattern of image names (noEdU_*.tif).")
    percentile: float = Field(
        99.5, gt=50, le=100, description="Share of the controls' cells below the cut, in percent."
    )
    scope: Literal["study", "batch"] = Field("study", description="Images that share one cut.")

    def others(self) -> Mapping[str, Choice]:
        """Another share of the controls' cells; two classes."""
        percentiles = {f"percentile {value:g}": self.model_copy(update={"percentile": value}) for value in (99.0, 99.9)}
        return {**percentiles, "two-class": TwoClassCut()}

    def sentence(self) -> str:
        """The choice in words."""
        return f"the {self.percentile:g}th percentile of the cells of the negative controls ({self.controls})"

    def resolve(self, intensities: list[Floats], noise: list[Floats], controls: list[Floats]) -> Decided:  # noqa: ARG002
        """Take the percentile of the controls' cells.

        Raises
        ------
        MeasureError
            If there is no control, or no cell in any.
        """
        pooled = _pooled(controls)
        if len(pooled) == 0:
            raise MeasureError(
                f"the cut comes from the negative controls {self.controls!r}, but no image with cells is one: name a"
                " group of the study or a pattern of image names, or choose another cut"
            )
        return FixedCut(intensity=float(f"{np.percentile(pooled, self.percentile):.6g}")), ()


CutChoice = Annotated[TwoClassCut | ControlCut | FixedCut, Field(discriminator="method")]


def _pooled(parts: list[Floats]) -> Floats:
    return np.concatenate(parts) if parts else np.empty(0)
