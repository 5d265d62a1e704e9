"""What a study is: images with groups, one recipe, one plan for the statistics."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, model_validator

from exoimage.assays.design import Design, RatioOf
from exoimage.assays.recipe import Recipe, Resolved
from exoimage.assays.recipe_text import with_values
from exoimage.flags import Flag, merged
from exoimage.images.image import ImageRef
from exoimage.studies.naming import Placement
from exoimage.studies.statistics.values import PosthocName, TestName, why_not_together


@dataclass(frozen=True)
class StudyImage:
    """One image of a study.

    Parameters
    ----------
    ref : ImageRef
    placement : Placement
        Of the image, where its regions have none of their own.
    regions : mapping of region name to Placement
        Wells and lanes have groups of their own.
    excluded : str
        Why the image does not count; empty if it does.
    problem : str
        Why the image cannot be measured as the study is written; empty if it can.
    changes : mapping of str to value
        What of the study's recipe differs for this image, key by key.
    overrides : mapping of str to value
        The same, set by hand for this image alone: its rows say so.
    edit : str
        File with the mask that was corrected by hand; empty if none was.
    """

    ref: ImageRef
    placement: Placement = field(default_factory=Placement)
    regions: Mapping[str, Placement] = field(default_factory=dict)
    excluded: str = ""
    problem: str = ""
    changes: Mapping[str, Any] = field(default_factory=dict)
    overrides: Mapping[str, Any] = field(default_factory=dict)
    edit: str = ""

    def recipe_of(self, recipe: Recipe[Any]) -> Recipe[Any]:
        """The recipe this image is measured by."""
        own = {**self.changes, **self.overrides}
        return with_values(recipe, own, where=self.ref.key) if own else recipe

    def resolved_by(self, resolved: Resolved) -> Resolved:
        """What this image is measured by, of what was decided for all."""
        flags = merged(resolved.flags, override_flags(self.overrides))
        return replace(resolved, recipe=self.recipe_of(resolved.recipe), flags=flags)

    def placed(self, region: str) -> Placement:
        """The placement of one region."""
        return self.regions.get(region, self.placement)

    @property
    def groups(self) -> frozenset[str]:
        """The groups of the image and of its regions."""
        places = (self.placement, *self.regions.values())
        return frozenset(place.group for place in places if place.group)


PLACES = frozenset({"region", "lanes", "band"})
"""Keys that say where in a picture to measure, which is each picture's own."""


def override_flags(keys: Collection[str]) -> tuple[Flag, ...]:
    """What is to be said of an image for which those keys of the recipe were set by hand."""
    cuts = {"threshold", "cut"} & set(keys)
    others = set(keys) - cuts - PLACES
    return (*((Flag.THRESHOLD_OVERRIDDEN,) if cuts else ()), *((Flag.RECIPE_OVERRIDDEN,) if others else ()))


class Review(BaseModel):
    """How far a person has looked through the images, and whether blinded.

    Parameters
    ----------
    reviewed : tuple of str
        Keys of the images that were looked at.
    blinded : bool
        Names and groups were hidden meanwhile.
    seed : int
        Of the order in which blinded images were shown.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    reviewed: tuple[str, ...] = ()
    blinded: bool = False
    seed: int = 0


def blinded_order(keys: Sequence[str], seed: int) -> tuple[str, ...]:
    """The images in the order in which a seed shows them.

    By hashes, so that an image that comes or goes changes no other one's turn, on every system.

    Examples
    --------
    >>> blinded_order(["a", "b", "c", "d"], seed=1)
    ('c', 'a', 'b', 'd')
    """
    return tuple(sorted(keys, key=lambda key: hashlib.sha256(f"{seed} {key}".encode()).hexdigest()))


class Statistics(BaseModel):
    """The plan for the statistics: what is a unit, which tests."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    unit: Literal["sample", "field"] = "sample"
    pair: Literal["", "sample", "batch"] = ""
    test: TestName = "anova"
    posthoc: PosthocName | Literal[""] = ""  # the test's usual one: tukey after anova
    columns: tuple[str, ...] = ()  # the primary ones
    against: float = 1.0  # of one-sample-t

    @model_validator(mode="after")
    def _fit_together(self) -> Statistics:
        problem = why_not_together(self.test, self.posthoc)
        if not problem and self.pair and self.test not in ("anova", "paired-t"):
            problem = f"pair means nothing to test = {self.test!r}: use anova (pairs are its blocks) or paired-t"
        if problem:
            raise ValueError(problem)
        return self


@dataclass(frozen=True)
class Study:
    """Images with groups, one recipe, one plan for the statistics.

    Parameters
    ----------
    name : str
    recipe : Recipe
    images : tuple of StudyImage
        In the order of the tables.
    order : tuple of str
        The groups, as figures show them.
    control : str
        The group others are compared with; empty if none.
    pixel_size : float or None
        In µm; for the images whose files do not say it.
    statistics : Statistics
    source : str
        The study's file, for the record of the run.
    ratios : tuple of RatioOf
        Of a blot's targets.
    use_saturated : bool
        Whether saturated bands take part in ratios.
    review : Review
        How far a person has looked through the images.
    """

    name: str
    recipe: Recipe[Any]
    images: tuple[StudyImage, ...]
    order: tuple[str, ...] = ()
    control: str = ""
    pixel_size: float | None = None
    statistics: Statistics = field(default_factory=Statistics)
    source: str = ""
    ratios: tuple[RatioOf, ...] = ()
    use_saturated: bool = False
    review: Review = field(default_factory=Review)

    @property
    def design(self) -> Design:
        """What an assay may know of the study."""
        return Design(self.order, self.control, self.ratios, self.use_saturated)
