"""What a study is: images with groups, one recipe, one plan for the statistics."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, model_validator

from exoimage.assays.design import Design, RatioOf
from exoimage.assays.recipe import Recipe
from exoimage.assays.recipe_text import with_values
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
    """

    ref: ImageRef
    placement: Placement = field(default_factory=Placement)
    regions: Mapping[str, Placement] = field(default_factory=dict)
    excluded: str = ""
    problem: str = ""
    changes: Mapping[str, Any] = field(default_factory=dict)

    def recipe_of(self, recipe: Recipe[Any]) -> Recipe[Any]:
        """The recipe this image is measured by."""
        return with_values(recipe, self.changes, where=self.ref.key) if self.changes else recipe

    def placed(self, region: str) -> Placement:
        """The placement of one region."""
        return self.regions.get(region, self.placement)

    @property
    def groups(self) -> frozenset[str]:
        """The groups of the image and of its regions."""
        places = (self.placement, *self.regions.values())
        return frozenset(place.group for place in places if place.group)


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

    @property
    def design(self) -> Design:
        """What an assay may know of the study."""
        return Design(self.order, self.control, self.ratios, self.use_saturated)
