"""PKH26, PKH67, DiI and the like: vesicles that cells took up, as puncta cell by cell."""

from __future__ import annotations

import fnmatch
from collections.abc import Sequence
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any, ClassVar, Self

import numpy as np
import numpy.typing as npt
from pydantic import Field, model_validator

from exoimage.assays import channel_roles
from exoimage.assays.choice import Scope
from exoimage.assays.dye_choices import DyeChoice, DyeControl, KnownDye, NoDyeControl
from exoimage.assays.fluorescence import FieldEvidence, Fluorescence, Stained
from exoimage.assays.lengths import Length
from exoimage.assays.measuring import Measured, Part, with_flags
from exoimage.assays.pkh26_measuring import (
    COLUMNS,
    OBJECT_COLUMNS,
    UptakeRules,
    find_cells_and_puncta,
    measure_uptake,
)
from exoimage.assays.recipe import SlideWay
from exoimage.errors import MeasureError
from exoimage.flags import Flag
from exoimage.images.image import Image


@dataclass(frozen=True, eq=False)
class UptakeEvidence(FieldEvidence):
    """What a picture says of the size of nuclei and, if a dye-only control is named, of the puncta of each cell.

    Parameters
    ----------
    puncta : (n,) int64 array
        Of each cell.
    region : (n,) uint16 array
        Index into `names`.
    control : (n,) bool array
        Whether the cell is of the dye-only control.
    """

    puncta: npt.NDArray[np.int64] = field(default_factory=lambda: np.empty(0, np.int64))
    region: npt.NDArray[np.uint16] = field(default_factory=lambda: np.empty(0, np.uint16))
    control: npt.NDArray[np.bool_] = field(default_factory=lambda: np.empty(0, np.bool_))

    def with_controls(self, names: Sequence[str]) -> UptakeEvidence:
        """The same evidence, the cells of those regions marked as the dye-only control's."""
        return replace(self, control=np.isin(self.names, np.asarray(names, dtype=np.str_))[self.region])


class Pkh26(Fluorescence):
    """Puncta of a membrane dye per cell, positive cells, and the cells' fluorescence."""

    assay: ClassVar[str] = "pkh26"
    title: ClassVar[str] = "PKH26 uptake: puncta per cell, positive cells, CTCF"
    revision: ClassVar[int] = 2
    slide_way: ClassVar[SlideWay] = "refused"
    drawn_objects: ClassVar[str] = "cells"
    columns = COLUMNS
    object_columns = OBJECT_COLUMNS
    evidence: ClassVar[type[Any]] = UptakeEvidence
    channel_names: ClassVar[tuple[str, ...]] = ("DAPI", "PKH26")
    marker_names: ClassVar[tuple[str, ...]] = (
        "pkh26", "pkh67", "pkh", "exosome", "exos", "vesicle", "dil", "dii", "did", "dio", "tritc", "cy3", "texas red",
        "555", "561", "red",
    )  # fmt: skip
    references: ClassVar[tuple[str, ...]] = (
        "Pužar Dominkuš P, et al. PKH26 labeling of extracellular vesicles: characterization and cellular"
        " internalization of contaminating PKH26 nanoparticles. Biochim Biophys Acta Biomembr 2018;1860:1350-1361."
        " doi:10.1016/j.bbamem.2018.03.013",
        "Lindeberg T. Feature detection with automatic scale selection. Int J Comput Vis 1998;30:79-116."
        " doi:10.1023/A:1008045108935",
        "Burgess A, et al. Loss of human Greatwall results in G2 arrest and multiple mitotic defects due to"
        " deregulation of the cyclin B-Cdc2/PP2A balance. Proc Natl Acad Sci USA 2010;107:12564-12569."
        " doi:10.1073/pnas.0914191107",
    )

    reach: float = Field(
        1.0, gt=0, le=10, description="How far a cell reaches beyond its nucleus, in nuclear diameters, up to half-way"
        " to the next one.",
    )  # fmt: skip
    cell_channel: str = Field(
        "", description="Channel that shows whole cells (name or number): cells are then what is stained. Empty: reach."
    )
    smallest_sigma: Length = Field(
        Length(2.0, "px"), description='Sigma of the narrowest puncta, in "px" or "um"; half as narrow ones are found.'
    )
    largest_sigma: Length = Field(Length(8.0, "px"), description='Sigma of the widest puncta, in "px" or "um".')
    least_significance: float = Field(
        3.5, ge=1, le=100, description="How much a punctum must stand out, in standard deviations of what is around it."
    )
    least_contrast: float = Field(
        1.0,
        ge=0,
        le=100,
        description="Height of a punctum per the brightness around it; 1: as bright again. Very significant ones may"
        " have less.",
    )
    dye_control: DyeChoice = Field(
        NoDyeControl(),
        description="Dye forms particles without vesicles: none, dye-only (a group that got dye alone sets the cut or"
        " is subtracted), or known (its numbers).",
    )

    @model_validator(mode="after")
    def _sizes_are_in_order(self) -> Self:
        small, large = self.smallest_sigma, self.largest_sigma
        if small.unit == large.unit and not small.value <= large.value:
            raise ValueError(f"smallest_sigma is {small}, above largest_sigma, {large}: swap them")
        return self

    def observe(self, image: Image) -> UptakeEvidence:
        """Find nuclei and, where a dye-only control is named, the puncta of every cell; see `Recipe.observe`."""
        seen, roles = super().observe(image), self.roles(image)
        known = {own.name: getattr(seen, own.name) for own in fields(FieldEvidence)}
        if not roles.marker or not isinstance(self.dye_control, DyeControl):
            return UptakeEvidence(**known)
        parts = [Part(image, region) for region in self.region.find(image).regions]
        counts = [
            find_cells_and_puncta(
                part, self.stained(part, roles, seen.found), self._cell_plane(part), self._rules(image)
            ).counts
            for part in parts
        ]
        region = np.repeat(np.arange(len(parts), dtype=np.uint16), [len(own) for own in counts])
        puncta = np.concatenate(counts)
        return UptakeEvidence(**known, puncta=puncta, region=region, control=np.zeros(len(puncta), dtype=np.bool_))

    def decide(self, evidence: Sequence[FieldEvidence], scopes: Sequence[Scope]) -> tuple[Self, tuple[Flag, ...]]:
        """The size of nuclei, then what the dye-only control says; see `Recipe.decide`."""
        recipe, flags = super().decide(evidence, scopes)
        choice = self.dye_control
        if not isinstance(choice, DyeControl) or choice.scope not in scopes:
            return recipe, flags
        samples = [one for one in evidence if isinstance(one, UptakeEvidence)]
        known = choice.resolve([one.puncta[one.control] for one in samples if one.control.any()])
        return recipe.model_copy(update={"dye_control": known}), flags

    def open_scopes(self) -> tuple[Scope, ...]:
        """The scopes of the choices that are to be estimated."""
        own: tuple[Scope, ...] = (self.dye_control.scope,) if isinstance(self.dye_control, DyeControl) else ()
        return tuple(dict.fromkeys((*super().open_scopes(), *own)))

    def observing_key(self) -> str:
        """Beside what decides the nuclei, all that decides puncta, if a control is to be looked at."""
        if not isinstance(self.dye_control, DyeControl):
            return f"{super().observing_key()} puncta=no"
        looked_at = {
            "reach", "cell_channel", "smallest_sigma", "largest_sigma", "least_significance", "least_contrast",
        }  # fmt: skip
        return f"{super().observing_key()} puncta={self.model_dump_json(include=looked_at)}"

    def controls(self) -> str:
        """The group or names of the dye-only control."""
        return self.dye_control.controls if isinstance(self.dye_control, DyeControl) else ""

    def is_control(self, key: str, group: str) -> bool:
        """Whether this image got dye only."""
        pattern = self.controls()
        names = (key, Path(key).name)
        return bool(pattern) and (group == pattern or any(fnmatch.fnmatchcase(name, pattern) for name in names))

    def measure_part(self, part: Part, stained: Stained) -> Measured:
        """Measure cells and puncta; see `Fluorescence.measure_part`."""
        if isinstance(self.dye_control, DyeControl):
            raise MeasureError("what the dye-only control says is not decided yet: call resolve first")
        unknown = isinstance(self.dye_control, NoDyeControl)
        dye = self.dye_control if isinstance(self.dye_control, KnownDye) else KnownDye()
        one = measure_uptake(part, stained, self._cell_plane(part), self._rules(part.image), dye)
        return with_flags(one, Flag.NO_DYE_CONTROL) if unknown else one

    def outcome(self) -> str:
        """The size of nuclei and what dye alone gives, as they were decided."""
        dye = self.dye_control
        if not isinstance(dye, KnownDye):
            return super().outcome()
        taken = f", {dye.puncta_per_cell:.3g} puncta per cell taken off" if dye.puncta_per_cell else ""
        return f"{super().outcome()} and a cell positive from {dye.least_puncta} puncta on{taken}"

    def sentences(self) -> tuple[str, ...]:
        """How cells and puncta are found, in words."""
        cells = (
            f"Cells were what the channel {self.cell_channel} showed above Li's threshold, each pixel the nearest"
            " nucleus'."
            if self.cell_channel
            else f"A cell was what lay nearest to a nucleus, up to {self.reach:g} times a nuclear diameter from it."
        )
        return (
            *super().sentences(),
            cells,
            f"Puncta of a sigma of {self.smallest_sigma} to {self.largest_sigma} were found as maxima over place and"
            " scale of differences of Gaussians (Lindeberg 1998), above the noise of their place (0.05 false ones"
            f" expected per picture), at least {self.least_significance:g} standard deviations of the filter's answers"
            f" around them, and at least {self.least_contrast:g} times as high as their surroundings were bright, or"
            " else twice as significant.",
            "CTCF was a cell's integrated density less its area times the mean of the darkest five places without"
            " cells.",
            self.dye_control.sentence(),
        )

    def _rules(self, image: Image) -> UptakeRules:
        return UptakeRules(
            reach=self.reach,
            smallest_sigma=self.smallest_sigma.in_px(image.pixel_size, "smallest_sigma"),
            largest_sigma=self.largest_sigma.in_px(image.pixel_size, "largest_sigma"),
            least_significance=self.least_significance,
            least_contrast=self.least_contrast,
        )

    def _cell_plane(self, part: Part) -> npt.NDArray[Any]:
        """The region's part of the channel that shows whole cells; of shape (0, 0) where none is named."""
        if not self.cell_channel:
            return part.pixels[:0, :0, 0]
        nuclei = self.roles(part.image).nuclei
        name = channel_roles.find_roles(part.image, self.cell_channel, nuclei, ()).nuclei
        return np.ascontiguousarray(part.pixels[:, :, part.image.channels.index(name)])
