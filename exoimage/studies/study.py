"""What a study is: images with groups, one recipe, one plan for the statistics."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict

from exoimage.assays.recipe import Recipe
from exoimage.images.image import ImageRef
from exoimage.studies.naming import Placement


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
    """

    ref: ImageRef
    placement: Placement = field(default_factory=Placement)
    regions: Mapping[str, Placement] = field(default_factory=dict)
    excluded: str = ""
    problem: str = ""

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
    pair: str = ""
    test: Literal["anova", "welch", "kruskal", "t", "welch-t", "paired-t", "mann-whitney"] = "anova"
    posthoc: Literal["tukey", "dunnett", "holm", "games-howell", "dunn", "lsd"] = "tukey"


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
    """

    name: str
    recipe: Recipe[Any]
    images: tuple[StudyImage, ...]
    order: tuple[str, ...] = ()
    control: str = ""
    pixel_size: float | None = None
    statistics: Statistics = field(default_factory=Statistics)
    source: str = ""
