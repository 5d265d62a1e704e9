"""Western blots: the volume of a protein's band in every lane."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Self

import numpy as np
import numpy.typing as npt
from pydantic import Field, model_validator

from exoimage.assays.blot_choices import (
    BackgroundChoice,
    BandChoice,
    BlotRegion,
    FoundLanes,
    LadderChoice,
    LadderLane,
    LaneChoice,
    NoLadder,
    StraightLine,
    StrongestBand,
    WholeBlot,
)
from exoimage.assays.blot_ratios import with_ratio_columns, with_ratios
from exoimage.assays.choice import Scope
from exoimage.assays.columns import Column, Row, Value
from exoimage.assays.design import Design
from exoimage.assays.recipe import Locality, Recipe
from exoimage.assays.results import Result
from exoimage.assays.western_blot_columns import COLUMNS, OBJECT_COLUMNS
from exoimage.assays.western_blot_measuring import BlotRules, measure_blot
from exoimage.flags import Flag
from exoimage.images.image import Image
from exoimage.methods.blot_signal import Polarity
from exoimage.methods.blot_traces import LaneTrace


@dataclass(frozen=True, eq=False)
class BlotEvidence:
    """Nothing: every blot is measured by itself, and nothing is estimated over a study."""

    @property
    def names(self) -> npt.NDArray[np.str_]:
        """No region has anything to say."""
        return np.empty(0, dtype=np.str_)

    def with_controls(self, names: Sequence[str]) -> BlotEvidence:  # noqa: ARG002
        """The same."""
        return self

    def pooled_among(self, n_images: int) -> BlotEvidence:  # noqa: ARG002
        """The same."""
        return self


class WesternBlot(Recipe[BlotEvidence]):
    """Volume of a target's band, lane by lane."""

    assay: ClassVar[str] = "western-blot"
    title: ClassVar[str] = "Western blot: band volumes lane by lane"
    revision: ClassVar[int] = 1
    locality: ClassVar[Locality] = "whole"
    regions_are_placed: ClassVar[bool] = True
    columns = COLUMNS
    object_columns = OBJECT_COLUMNS
    evidence: ClassVar[type[Any]] = BlotEvidence
    references: ClassVar[tuple[str, ...]] = (
        "Taylor SC, Berkelman T, Yadav G, Hammond M. A defined methodology for reliable quantification of Western blot"
        " data. Mol Biotechnol 2013;55:217-226. doi:10.1007/s12033-013-9672-6",
        "Currie LA. Limits for qualitative detection and quantitative determination. Anal Chem 1968;40:586-593."
        " doi:10.1021/ac60259a007",
        "Weber K, Osborn M. The reliability of molecular weight determinations by dodecyl sulfate-polyacrylamide gel"
        " electrophoresis. J Biol Chem 1969;244:4406-4412. doi:10.1016/S0021-9258(18)94333-4",
        "Lindeberg T. Feature detection with automatic scale selection. Int J Comput Vis 1998;30:79-116."
        " doi:10.1023/A:1008045108935",
    )

    target: str = Field("", description="The protein that the band is of; a name for the tables.")
    signal: Polarity = Field(
        "auto", description="Whether bands are dark or bright; auto decides from the picture, whatever the file's tags."
    )
    region: BlotRegion = Field(WholeBlot(), description="The part of the picture that is the blot: whole, box or rois.")
    lanes: LaneChoice = Field(FoundLanes(), description="Lanes: find (their count may be given), boxes or rois.")
    band: BandChoice = Field(
        StrongestBand(),
        description="The target's band: strongest, number, mass, all, whole-lane, boxes or rois.",
    )
    background: BackgroundChoice = Field(
        StraightLine(),
        description="Background of the volume: straight-line, rolling-ball, local, rubber-band or none. All are in the"
        " tables side by side.",
    )
    ladder: LadderChoice = Field(NoLadder(), description="Molecular weights: none, or the lane of a ladder.")
    imagej: bool = Field(
        False,
        description="Give the areas of ImageJ's Gel Analyzer: the lane's mean profile above a straight line between the"
        " ends of the band.",
    )

    @model_validator(mode="after")
    def _a_mass_needs_a_ladder(self) -> Self:
        if self.band.method == "mass" and self.ladder.method == "none":
            raise ValueError('band.method = "mass" needs a ladder: ladder = { method = "lane", masses_kda = [250, …] }')
        return self

    def study_columns(self, design: Design) -> tuple[Column, ...]:
        """The bands' columns and, of a study of several membranes, the ratios'."""
        return with_ratio_columns(self.columns, design)

    def study_rows(self, rows: Sequence[Row], design: Design) -> tuple[dict[str, Value], ...]:
        """The bands' rows, those of the numerators with their ratios."""
        return with_ratios(rows, design)

    def observe(self, image: Image) -> BlotEvidence:  # noqa: ARG002
        """Nothing is estimated over several blots."""
        return BlotEvidence()

    def decide(self, evidence: Sequence[BlotEvidence], scopes: Sequence[Scope]) -> tuple[Self, tuple[Flag, ...]]:  # noqa: ARG002
        """Nothing is open."""
        return self, ()

    def apply(self, image: Image, evidence: BlotEvidence | None = None) -> Result:  # noqa: ARG002
        """Measure every lane; see `Recipe.apply`."""
        return measure_blot(image, self.rules())

    def regions_without_row(self) -> tuple[str, ...]:
        """The ladder's lane."""
        return (str(self.ladder.lane),) if isinstance(self.ladder, LadderLane) else ()

    def traces(self, image: Image) -> tuple[LaneTrace, ...]:
        """Every lane's profile with its baseline and bands; empty where no lane is found.

        Raises
        ------
        ImageError, MeasureError
            As measuring does.
        """
        return measure_blot(image, self.rules()).traces

    def rules(self) -> BlotRules:
        """The recipe as measuring needs it."""
        return BlotRules(
            self.target, self.signal, self.region, self.lanes, self.band, self.background, self.ladder, self.imagej
        )

    def open_scopes(self) -> tuple[Scope, ...]:
        """Nothing is estimated over several blots."""
        return ()

    def observing_key(self) -> str:
        """Observing looks at nothing."""
        return "nothing"

    def files_for(self, image_path: Path) -> tuple[Path, ...]:
        """Files with the region, the lanes or the bands of a picture."""
        choices = (self.region, self.lanes, self.band)
        return tuple(path for choice in choices for path in choice.files_for(image_path))

    def is_control(self, key: str, group: str) -> bool:  # noqa: ARG002
        """No blot is a negative control."""
        return False

    def controls(self) -> str:
        """No blot is a negative control."""
        return ""

    def outcome(self) -> str:
        """Which background was taken off."""
        return f"the background {self.rules().method}"

    def sentences(self) -> tuple[str, ...]:
        """How bands are found and measured, in words."""
        lanes = {
            "find": "Lanes were found as the chain of neighbouring columns of one width that stand out most from their"
            " edges (dynamic programming)",
            "boxes": "Lanes were given as rectangles",
            "rois": "Lanes were drawn as regions of interest",
        }[self.lanes.method]
        background = {
            "straight-line": "a straight line between the ends of the band along the lane",
            "rolling-ball": "a rolling ball's background",
            "local": "the median of the rectangle's border",
            "rubber-band": "the lower convex hull of the lane's profile around the band",
            "none": "nothing",
        }[self.rules().method]
        what = (
            "The area of its peak in the lane's mean profile (ImageJ's Gel Analyzer)"
            if self.imagej
            else "Its volume, the sum of the signal within its rectangle,"
        )
        return (
            f"{lanes}, and bands as maxima of a band filter along them (Lindeberg 1998), joined into rows.",
            f"The target's band was {self.band.sentence()}.",
            f"{what} was taken less {background}.",
            "The limit of detection was three standard deviations above the volume of empty places of the same lane"
            " (Currie 1968).",
            "Bands of which 0.1 % of the pixels or more were at the limit of the camera or file were flagged as"
            " saturated: their volumes are not quantitative.",
        )
