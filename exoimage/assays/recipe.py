"""A recipe: all that decides a number, and the three steps in which it measures.

recipe.observe(image)       what an image has to say about white point, stains and threshold
recipe.resolve([evidence])  decides them, for all images together
resolved.measure(image)     measures one image by what was decided
"""

from __future__ import annotations

import hashlib
import json
from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Generic, Literal, Self, TypeVar

from pydantic import BaseModel, ConfigDict

from exoimage import __version__
from exoimage.assays.choice import Choice, Scope
from exoimage.assays.columns import Column, Row, Value
from exoimage.assays.cut_histogram import CutHistogram
from exoimage.assays.design import Design
from exoimage.assays.results import Result
from exoimage.errors import MeasureError
from exoimage.flags import Flag, merged
from exoimage.images.image import Image

if TYPE_CHECKING:
    from exoimage.assays.tiles import Counter, Look

E = TypeVar("E")
"""An assay's evidence: a frozen dataclass of arrays and plain values, small enough to keep for every image."""

Locality = Literal["pixel", "halo", "whole"]

SlideWay = Literal["tiles", "coarse", "whole", "refused"]
"""How an assay measures a whole slide: tile by tile, at a coarse level, as any picture, or not at all."""

ALL_SCOPES: tuple[Scope, ...] = ("study", "batch", "image")

TOO_LARGE = (
    "it is a whole slide, or larger than 100 megapixels, and {assay} measures pictures in one piece: crop the fields"
    " that count, or export a smaller level"
)


class Recipe(BaseModel, ABC, Generic[E]):
    """The base of all recipes: frozen values, no unknown keys, TOML in and out.

    A subclass names its assay, its columns and its kind of evidence, and gives `observe`, `decide` and `apply`.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", validate_default=True)

    assay: ClassVar[str]
    title: ClassVar[str]
    revision: ClassVar[int]
    """Raised whenever a change makes another number of the same image and recipe."""
    locality: ClassVar[Locality]
    columns: ClassVar[tuple[Column, ...]]
    object_columns: ClassVar[tuple[Column, ...]]
    evidence: ClassVar[type[Any]]
    references: ClassVar[tuple[str, ...]] = ()
    regions_are_placed: ClassVar[bool] = False
    """Whether a layout has to name every region that is found (lanes): one more or less would shift all others."""
    drawn_objects: ClassVar[str] = ""
    """What a mask corrected by hand takes the place of (nodules, nuclei …); empty where the assay takes none."""
    channel_names: ClassVar[tuple[str, ...]] = ()
    """What its channels are called where they have files of their own whose names only number them; empty where an
    image is always one file."""

    slide_way: ClassVar[SlideWay] = "whole"
    slide_is_section: ClassVar[bool] = False
    """Whether the whole of a slide means the tissue on it."""
    looks_edge_px: ClassVar[int] = 256
    looks_wanted: ClassVar[int] = 400
    """Edge and number of the windows of a slide that observing looks at."""

    @abstractmethod
    def observe(self, image: Image) -> E:
        """What an image has to say about what is still open.

        Raises
        ------
        ImageError
            If the image does not suit the assay.
        """

    @abstractmethod
    def decide(self, evidence: Sequence[E], scopes: Sequence[Scope]) -> tuple[Recipe[E], tuple[Flag, ...]]:
        """The recipe with every choice of those scopes replaced by its numbers, and what deciding had to remark."""

    @abstractmethod
    def apply(self, image: Image, evidence: E | None = None) -> Result:
        """Measure an image by this recipe, in which nothing is open.

        What observing the same image has found already, `evidence`, need not be found again.
        """

    @abstractmethod
    def open_scopes(self) -> tuple[Scope, ...]:
        """The scopes over which something is still to be estimated; empty where all is given as numbers."""

    @abstractmethod
    def observing_key(self) -> str:
        """The part of the recipe that `observe` looks at, as text: while it stays, evidence stays."""

    @abstractmethod
    def files_for(self, image_path: Path) -> tuple[Path, ...]:
        """Files that decide this image's numbers beside the image itself (its ROIs)."""

    @abstractmethod
    def is_control(self, key: str, group: str) -> bool:
        """Whether the recipe names this image a negative control."""

    @abstractmethod
    def controls(self) -> str:
        """What the recipe calls its negative controls; empty where it needs none."""

    @abstractmethod
    def outcome(self) -> str:
        """The numbers of a decided recipe, in words for a paper's methods."""

    @abstractmethod
    def sentences(self) -> tuple[str, ...]:
        """How it measures, in sentences for a paper's methods."""

    def cited(self) -> tuple[str, ...]:
        """What a paper that measures so cites."""
        return self.references

    def weights(self) -> Mapping[str, str]:
        """Checksums (sha256) of the learned weights that decide numbers, by file; none for most recipes."""
        return {}

    def slide_pixel_size(self) -> float:
        """Pixel size in µm at which whole slides are measured; 0: full resolution."""
        return 0.0

    def refuse_slide(self) -> None:
        """Refuse what cannot be measured on a whole slide.

        Raises
        ------
        MeasureError
            If the recipe asks for it.
        """

    def observe_slide(
        self,
        looks: Iterable[Look],  # noqa: ARG002
        names: Sequence[str],  # noqa: ARG002
        max_value: float,  # noqa: ARG002
    ) -> E:
        """What windows of a slide have to say about what is still open, as `observe` says it of a picture.

        Parameters
        ----------
        looks : iterable of Look
            At full resolution, spread over the regions.
        names : sequence of str
            The regions' names.
        max_value : float
            The value at which the scanner saturates.
        """
        raise MeasureError(TOO_LARGE.format(assay=self.assay))

    def counter(self, like: Image, evidence: E) -> Counter:  # noqa: ARG002
        """What counts the tiles of a slide by this recipe, in which nothing is open.

        Parameters
        ----------
        like : Image
            A part of the slide, with its scale.
        evidence : what `observe_slide` gave
        """
        raise MeasureError(TOO_LARGE.format(assay=self.assay))

    def resolve(self, evidence: Sequence[E], scopes: Sequence[Scope] = ("study", "batch")) -> Resolved:
        """Decide white point, stains and threshold for all images that the evidence is of.

        Parameters
        ----------
        evidence : sequence of what `observe` gave
            One per image; the order does not matter.
        scopes : sequence of {"study", "batch", "image"}
            Which choices to decide; the others stay open.

        Raises
        ------
        MeasureError
            If a choice cannot be decided: no negative control among the images, an estimate far from its preset.
        """
        decided, flags = self.decide(evidence, scopes)
        return Resolved(decided, flags, len(evidence))

    def measure(self, image: Image) -> Result:
        """The three steps on one image; a mask corrected by hand changes what is measured, not what is decided."""
        evidence = self.observe(replace(image, drawn=None))
        return self.resolve([evidence], ALL_SCOPES).measure(image, evidence)

    def cut_histogram(self, evidence: Sequence[E]) -> CutHistogram:  # noqa: ARG002
        """What a decided recipe's cut was made in, for the report; empty where the images share no cut.

        Parameters
        ----------
        evidence : sequence of what `observe` gave
            Of some of the images: all of a large study would say the same.
        """
        return CutHistogram()

    def study_columns(self, design: Design) -> tuple[Column, ...]:  # noqa: ARG002
        """The columns in a study of that design; a blot's ratios come to its own."""
        return self.columns

    def study_rows(self, rows: Sequence[Row], design: Design) -> tuple[dict[str, Value], ...]:  # noqa: ARG002
        """The study's rows with what needs several images at once (a blot's ratios)."""
        return tuple(dict(row) for row in rows)

    def regions_without_row(self) -> tuple[str, ...]:
        """Regions that a layout may name and that have no row of their own (a ladder's lane)."""
        return ()

    def reading(self) -> Mapping[str, Any]:
        """How a file is read that holds more than one plane: arguments of `exoimage.read`. Default: as it is."""
        return {}

    def refuse_missing_files(self) -> None:
        """Refuse a recipe that names files for all images which are not there, before any image is read.

        Raises
        ------
        ExoimageError
            If one is missing.
        """
        for _, choice in self._choices():
            choice.refuse_missing_files()

    def scaled(self, factor: float) -> dict[str, Self]:
        """The recipe with one of its cuts moved by a factor, by the key that was moved; for a decided recipe."""
        moved = {name: choice.scaled(factor) for name, choice in self._choices()}
        return {name: self.model_copy(update={name: choice}) for name, choice in moved.items() if choice is not None}

    def others(self) -> dict[str, Self]:
        """The recipe with another method for one of its keys, by key and method; for an undecided recipe."""
        return {
            f"{name} {method}": self.model_copy(update={name: other})
            for name, choice in self._choices()
            for method, other in choice.others().items()
        }

    def _choices(self) -> list[tuple[str, Choice]]:
        values = ((name, getattr(self, name)) for name in type(self).model_fields)
        return [(name, value) for name, value in values if isinstance(value, Choice)]

    def primary_columns(self, design: Design | None = None) -> tuple[Column, ...]:
        """The columns that are tested and drawn unless asked otherwise, in a study of that design."""
        return tuple(column for column in self.study_columns(design or Design()) if column.primary)


@dataclass(frozen=True)
class Resolved:
    """A recipe in which the choices are numbers, shared by all images of a study or batch.

    Parameters
    ----------
    recipe : Recipe
        With the choices of scope "study" and "batch" replaced by numbers.
    flags : tuple of Flag
        What deciding them had to remark; every row carries them.
    n_images : int
        How many images they were decided from.
    """

    recipe: Recipe[Any]
    flags: tuple[Flag, ...] = ()
    n_images: int = 0

    @property
    def digest(self) -> str:
        """Identity of what will be measured: the same digest and image give the same numbers."""
        identity = {
            "assay": self.recipe.assay,
            "revision": self.recipe.revision,
            "flags": [flag.value for flag in self.flags],
            "recipe": self.recipe.model_dump(mode="json"),
            **self.recipe.weights(),
        }
        return hashlib.sha256(json.dumps(identity, sort_keys=True).encode()).hexdigest()

    def measure(self, image: Image, evidence: Any = None) -> Result:
        """Measure one image; what the recipe leaves to each image is decided from this one.

        Parameters
        ----------
        image : Image
        evidence : what `Recipe.observe` gave of the same image, optional
            Spares finding again what observing found; it changes no number.
        """
        recipe, flags = self.recipe, self.flags
        if image.drawn is not None and not recipe.drawn_objects:
            raise MeasureError(
                f"{recipe.assay} takes no mask corrected by hand: give what it looks for as boxes or regions instead"
            )
        open_scopes = recipe.open_scopes()
        if set(open_scopes) - {"image"}:
            raise MeasureError(
                f"the recipe still has choices open over {', '.join(open_scopes)}: resolve it with the evidence"
                " of all images"
            )
        if open_scopes:
            evidence = recipe.observe(replace(image, drawn=None)) if evidence is None else evidence
            own = recipe.resolve([evidence], ("image",))
            recipe, flags = own.recipe, merged(flags, own.flags)
        flags = merged(flags, (Flag.EDITED,) if image.drawn is not None else ())
        result = recipe.apply(image, evidence)
        regions = tuple(replace(region, flags=merged(region.flags, flags)) for region in result.regions)
        provenance = {
            "assay": recipe.assay,
            "revision": str(recipe.revision),
            "digest": self.digest,
            "exoimage": __version__,
        }
        return replace(result, regions=regions, provenance=provenance)
