"""Above which optical density a pixel counts as stained."""

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

STEPS = 1024
"""Steps of the histogram that automatic methods look at."""

Amounts = npt.NDArray[np.float64]

AutoMethod = Literal[
    "default", "huang", "intermodes", "isodata", "ij_isodata", "li", "maxentropy", "mean", "minerror", "minimum",
    "moments", "otsu", "percentile", "renyientropy", "shanbhag", "triangle", "yen",
]  # fmt: skip

USUAL_METHODS: tuple[AutoMethod, ...] = ("otsu", "isodata", "li", "triangle", "moments")
"""What a paper may have used; what a sensitivity run tries."""

IMAGEJ_VERSION: Literal["1.53t", "1.54p"] = "1.54p"
"""The ImageJ whose integers `imagej = true` gives; versions differ on rare histograms (flag `imagej_version`)."""


class FixedThreshold(Choice):
    """A fixed optical density."""

    method: Literal["fixed"] = "fixed"
    od: float = Field(ge=0, description="Stain above this optical density counts; inf: nothing does.")

    def scaled(self, factor: float) -> FixedThreshold:
        """The density moved by a factor."""
        return FixedThreshold(od=self.od * factor)

    def others(self) -> Mapping[str, Choice]:
        """What an automatic method would find."""
        return {"otsu": AutoThreshold()}

    def sentence(self) -> str:
        """The choice in words."""
        return f"{self.od:g}"

    def resolve(self, amounts: list[Amounts], controls: list[Amounts]) -> tuple[FixedThreshold, tuple[Flag, ...]]:  # noqa: ARG002
        """It stands as it is."""
        return self, ()


class GreyThreshold(Choice):
    """A grey level of ImageJ's 8-bit stain plane; all up to it is stained. With ``imagej = true`` only."""

    method: Literal["grey-level"] = "grey-level"
    level: int = Field(ge=-1, le=255, description="The brightest grey level that counts; -1: none does.")

    def scaled(self, factor: float) -> GreyThreshold:
        """The level moved by a factor."""
        return GreyThreshold(level=min(255, round(self.level * factor)))

    def sentence(self) -> str:
        """The choice in words."""
        return f"that of grey level {self.level} of ImageJ's 8-bit plane"

    def resolve(self, amounts: list[Amounts], controls: list[Amounts]) -> tuple[GreyThreshold, tuple[Flag, ...]]:  # noqa: ARG002
        """It stands as it is."""
        return self, ()


class AutoThreshold(Choice):
    """An automatic method on the histogram of optical density, pooled over the images of its scope, with a floor."""

    method: AutoMethod = Field("otsu", description="One of ImageJ's automatic methods, in lower case.")
    scope: Scope = Field("study", description="Images that share one threshold. Only one for all groups compares them.")
    floor_od: float = Field(
        0.15,
        ge=0,
        le=2,
        description="The threshold is never lower: an automatic method finds stain in a blank plate too.",
    )

    def others(self) -> Mapping[str, Choice]:
        """The methods that labs use instead, on the same histogram."""
        return {name: self.model_copy(update={"method": name}) for name in USUAL_METHODS if name != self.method}

    def sentence(self) -> str:
        """The choice in words."""
        where = f"the histogram of {IN_WORDS[self.scope]}"
        return f"the threshold that the method {self.method} finds in {where}, at least {self.floor_od:g}"

    def resolve(self, amounts: list[Amounts], controls: list[Amounts]) -> tuple[FixedThreshold, tuple[Flag, ...]]:  # noqa: ARG002
        """Apply the method to the pooled histogram."""
        from exoimage.methods import thresholds

        found = thresholds.find(absorption_histogram(amounts), self.method)
        if found.level is None:
            return FixedThreshold(od=math.inf), (*found.flags, Flag.NO_THRESHOLD)
        return _at_least(self.floor_od, _od_above(found.level), (*found.flags, *from_one_image(amounts)))

    def resolve_grey(self, histogram: npt.NDArray[np.int64]) -> tuple[GreyThreshold, tuple[Flag, ...]]:
        """Apply ImageJ's own method to the histogram of its 8-bit stain plane, dark stain on a bright ground.

        Parameters
        ----------
        histogram : (256,) int64 array
            Pooled over the images of the scope (ImageJ's "stack histogram" where there are several).
        """
        from exoimage.methods import thresholds

        level = thresholds.auto_threshold(histogram, self.method, compat=IMAGEJ_VERSION)
        flags = thresholds.find(histogram, self.method, compare=True).flags
        if np.count_nonzero(histogram) < 2:
            return GreyThreshold(level=-1), flags
        return GreyThreshold(level=max(level, 0)), flags


class ControlThreshold(Choice):
    """The optical density below which almost all pixels of the negative controls lie."""

    method: Literal["negative-controls"] = "negative-controls"
    controls: str = Field(description="The group that is negative, or a pattern of image names (blank_*.tif).")
    percentile: float = Field(
        99.9, gt=50, le=100, description="Share of the controls' pixels below the threshold, in percent."
    )
    floor_od: float = Field(0.05, ge=0, le=2, description="The threshold is never lower.")
    scope: Literal["study", "batch"] = Field("study", description="Images that share one threshold.")

    def others(self) -> Mapping[str, Choice]:
        """Another share of the controls' pixels; an automatic method."""
        other = {f"percentile {value:g}": self.model_copy(update={"percentile": value}) for value in (99.0, 99.99)}
        return {**other, "otsu": AutoThreshold()}

    def sentence(self) -> str:
        """The choice in words."""
        return (
            f"the {self.percentile:g}th percentile of the negative controls ({self.controls}), at least"
            f" {self.floor_od:g}"
        )

    def resolve(self, amounts: list[Amounts], controls: list[Amounts]) -> tuple[FixedThreshold, tuple[Flag, ...]]:  # noqa: ARG002
        """Take the percentile of the controls.

        Raises
        ------
        MeasureError
            If none of the images is a control.
        """
        if not controls:
            raise MeasureError(
                f"the threshold comes from the negative controls {self.controls!r}, but no image is one: name a group"
                " of the study or a pattern of image names, or choose a fixed threshold"
            )
        od = float(np.percentile(np.concatenate(controls), self.percentile))
        return _at_least(self.floor_od, round(od, 6), ())


def absorption_histogram(amounts: list[Amounts]) -> npt.NDArray[np.int64]:
    """Histogram of the share of light that the stain absorbs, ``1 - 10 ** -OD``, pooled over images.

    ImageJ's automatic methods see the stain as such a plane too (its 8-bit transmittance, inverted). On this scale a
    few very dense pixels weigh no more than dense ones; on a scale of optical density they would pull the threshold up.
    """
    pooled = np.concatenate(amounts) if amounts else np.empty(0)
    absorbed = 1.0 - 10.0 ** -np.maximum(pooled, 0.0)
    return np.bincount(np.minimum(absorbed * STEPS, STEPS - 1).astype(np.intp), minlength=STEPS)


def _od_above(level: int) -> float:
    """Optical density of the upper edge of a step of the histogram."""
    return round(-math.log10(1.0 - (level + 1) / STEPS), 6) if level + 1 < STEPS else math.inf


def _at_least(floor_od: float, od: float, flags: tuple[Flag, ...]) -> tuple[FixedThreshold, tuple[Flag, ...]]:
    if od < floor_od:
        return FixedThreshold(od=floor_od), (*flags, Flag.THRESHOLD_AT_LIMIT)
    return FixedThreshold(od=od), flags


ThresholdChoice = Annotated[
    AutoThreshold | FixedThreshold | GreyThreshold | ControlThreshold, Field(discriminator="method")
]
