"""What all fluorescence assays share: channels by role, where to measure, nuclei, and how their size is decided.

An assay on this base says what one region of a picture gives (`measure_part`) and brings its columns and defaults.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, ClassVar, Literal, Self

import numpy as np
import numpy.typing as npt
from pydantic import Field, NonNegativeInt, model_validator

from exoimage.assays import channel_roles
from exoimage.assays.channel_roles import AUTO, Roles
from exoimage.assays.choice import Scope, from_one_image
from exoimage.assays.colour_sample import NOT_KEPT
from exoimage.assays.lengths import Length
from exoimage.assays.measuring import Labels, Mask, Measured, Part, measure_regions, numbered, with_flags
from exoimage.assays.nuclei_choices import ChannelName, NucleiChoice, OwnNuclei
from exoimage.assays.recipe import Locality, Recipe
from exoimage.assays.regions import RegionChoice, WholeRegion
from exoimage.assays.results import Result
from exoimage.flags import Flag, merged
from exoimage.images.image import Image
from exoimage.methods import cell_compartments, fluorescence_quality, fluorescent_nuclei
from exoimage.methods.detectors import OWN_LIGHT, FieldLight, Search
from exoimage.methods.nuclei import LEAST_SOLIDITY, SMALLEST, EdgeRule, Nuclei, apply_edge_rule

Plane = npt.NDArray[Any]

USUAL_UM, USUAL_PX = 12.0, 24.0
"""Diameter of a nucleus where no picture of the study shows one."""


def not_at_hand() -> Nuclei:
    """Of shape (0, 0)."""
    return Nuclei(np.empty((0, 0), dtype=np.int32), 0.0)


@dataclass(frozen=True, eq=False)
class FieldEvidence:
    """What a fluorescence picture has to say before anything is decided; an assay adds what its own choices need.

    Parameters
    ----------
    names : (k,) array of str
        The regions' names.
    diameter_px : float
        Typical diameter of a nucleus; 0 where there are none.
    pixel_size_um : float
        Of the picture; 0 where it is unknown.
    found : Nuclei
        Of the whole picture, as long as it is at hand: no part of what is kept. Else of shape (0, 0).
    """

    names: npt.NDArray[np.str_]
    diameter_px: float
    pixel_size_um: float
    found: Nuclei = field(default_factory=not_at_hand, metadata={NOT_KEPT: True})

    def with_controls(self, names: Sequence[str]) -> Self:  # noqa: ARG002
        """The same evidence, those regions marked as negative controls; an assay that has controls overrides it."""
        return self

    def pooled_among(self, n_images: int) -> Self:  # noqa: ARG002
        """As much of it as counts where so many images are pooled; it is small."""
        return self


@dataclass(frozen=True, eq=False)
class Stained:
    """The planes and nuclei of one region.

    Parameters
    ----------
    nuclear : (y, x) array of the region's box
        The nuclear stain, as stored.
    marker : (y, x) array of the region's box
        As stored; of shape (0, 0) where the picture has no such channel.
    labels : (y, x) int32 array of the region's box
        The nuclei that are counted, numbered from 1: the larger part of each is in the region.
    others : (y, x) bool array of the region's box
        Nuclei that are not counted, by the edge rule or the region: no background either.
    diameter_px : float
        Typical diameter of a nucleus.
    debris_count : int
        Bright objects of the whole picture that are too small for nuclei.
    """

    nuclear: Plane
    marker: Plane
    labels: Labels
    others: Mask
    diameter_px: float
    debris_count: int

    @property
    def has_marker(self) -> bool:
        """Whether there is a marker channel."""
        return self.marker.size > 0


class Fluorescence(Recipe[FieldEvidence]):
    """A measure of cells, by their nuclei, in emitted light."""

    locality: ClassVar[Locality] = "whole"
    evidence: ClassVar[type[Any]] = FieldEvidence
    marker_names: ClassVar[tuple[str, ...]] = ()
    """What the marker's channel is usually called."""

    region: RegionChoice = Field(WholeRegion(), description="Where to measure: whole, wells or rois.")
    nuclei: NucleiChoice = Field(
        OwnNuclei(method="network"),
        description="What finds nuclei, and in which channel: network, threshold, or cellpose and stardist where they"
        ' are installed. A channel alone ("DAPI") will do.',
    )
    marker: ChannelName = Field(
        AUTO,
        min_length=1,
        description='Channel of the marker: its name, number (from 1), or "auto" (by its usual names, else the other).',
    )
    z: Literal["max", "mean", "sharpest", "refuse"] | NonNegativeInt = Field(
        "max",
        description="What is made of a z-stack before anything is found, so that nothing counts twice: its maximum or"
        " mean projection, its sharpest plane, or one by its number from 0; refuse: nothing.",
    )
    pages: Literal["refuse", "channels", "z"] = Field(
        "refuse", description="What several pages of a TIFF are that the file does not say: channels, or a z-stack."
    )
    typical_diameter: Literal["auto"] | Length = Field(
        "auto", description='Diameter of a nucleus, in "um" or "px"; "auto": the median over all images of the study.'
    )
    smallest_nucleus: float = Field(
        SMALLEST,
        ge=0,
        lt=1,
        description="Bright objects below this share of a typical nucleus' area are debris.",
    )
    least_solidity: float = Field(
        LEAST_SOLIDITY,
        ge=0,
        le=1,
        description="Least fullness of a nucleus: its area / the area of the ellipse with the same second moments.",
    )
    edge_objects: EdgeRule = Field(
        "count",
        description="Nuclei that the picture's edges cut: count, exclude, or half (not at the right and lower edge:"
        " the forbidden line of stereology).",
    )

    @abstractmethod
    def measure_part(self, part: Part, stained: Stained) -> Measured:
        """Measure one region by the decided recipe.

        Parameters
        ----------
        part : Part
        stained : Stained
            The region's planes and nuclei.
        """

    def measure_seen(self, part: Part, stained: Stained, evidence: FieldEvidence) -> Measured:  # noqa: ARG002
        """As `measure_part`, where observing has found the same nuclei: an assay can take over what it kept of them."""
        return self.measure_part(part, stained)

    def roles(self, image: Image) -> Roles:
        """The channels that are measured; see `channel_roles.find_roles`."""
        return channel_roles.find_roles(image, self.nuclei.channel, self.marker, self.marker_names)

    def observe(self, image: Image) -> FieldEvidence:
        """Find the nuclei and their size; see `Recipe.observe`.

        An assay that needs more of the picture calls this first: the evidence holds the nuclei.
        """
        found = self.find_nuclei(image, self.roles(image))
        regions = self.region.find(image).regions
        names = np.array([region.name for region in regions], dtype=np.str_)
        return FieldEvidence(names, found.typical_diameter, image.pixel_size or 0.0, found)

    def decide(self, evidence: Sequence[FieldEvidence], scopes: Sequence[Scope]) -> tuple[Self, tuple[Flag, ...]]:
        """The size of nuclei: the median over the images; see `Recipe.decide`."""
        if self.typical_diameter != "auto" or "study" not in scopes:
            return self, ()
        return self.model_copy(update={"typical_diameter": _typical(evidence)}), from_one_image(evidence)

    def open_scopes(self) -> tuple[Scope, ...]:
        """The scopes of the choices that are to be estimated; the size of nuclei is the study's."""
        return ("study",) if self.typical_diameter == "auto" else ()

    def observing_key(self) -> str:
        """All that decides which nuclei are found, and where the marker is."""
        looked_at = {
            "region", "marker", "z", "pages", "typical_diameter", "smallest_nucleus", "least_solidity", "edge_objects",
        }  # fmt: skip
        return f"{self.model_dump_json(include=looked_at)} nuclei={self.nuclei.key()}"

    def cited(self) -> tuple[str, ...]:
        """Beside the assay's references those of what finds nuclei; see `Recipe.cited`."""
        return (*self.references, *self.nuclei.references())

    def weights(self) -> Mapping[str, str]:
        """The network's checksum, where it finds the nuclei; see `Recipe.weights`."""
        return self.nuclei.weights()

    def reading(self) -> Mapping[str, Any]:
        """A z-stack is projected; pages without a name are what the recipe says."""
        named: dict[str, Any] = {} if self.z == "refuse" else {"default_z": self.z}
        unnamed: dict[str, dict[str, Any]] = {"refuse": {}, "channels": {"c": "all"}, "z": {"z": self.z}}
        return named | unnamed[self.pages]

    @model_validator(mode="before")
    @classmethod
    def _former_names(cls, values: Any) -> Any:
        """Recipes of before 0.2 have a channel as `nuclei`, and a `detector` beside it."""
        if not isinstance(values, Mapping) or "detector" not in values:
            return values
        former = dict(values)
        method = str(former.pop("detector")).replace("classical", "threshold")
        nuclei = former.get("nuclei", {})
        own = dict(nuclei) if isinstance(nuclei, Mapping) else {"channel": nuclei}
        return {**former, "nuclei": {**own, "method": method}}

    @model_validator(mode="after")
    def _pages_can_be_projected(self) -> Self:
        if self.pages == "z" and self.z == "refuse":
            raise ValueError('pages = "z" needs a projection or plane: z = "max", "mean", "sharpest" or a number')
        return self

    def files_for(self, image_path: Path) -> tuple[Path, ...]:
        """The image's ROI file, if regions come from one."""
        return self.region.files_for(image_path)

    def is_control(self, key: str, group: str) -> bool:  # noqa: ARG002
        """No image is a control, unless an assay says so."""
        return False

    def controls(self) -> str:
        """An assay that needs controls says how they are called."""
        return ""

    def outcome(self) -> str:
        """The size of nuclei as it was decided."""
        return f"a typical nuclear diameter of {self.typical_diameter}"

    def sentences(self) -> tuple[str, ...]:
        """How nuclei are found, in words; an assay adds what it does with them."""
        size = "the median of all images" if self.typical_diameter == "auto" else str(self.typical_diameter)
        edges = {
            "count": "Nuclei cut by the picture's edge were counted.",
            "exclude": "Nuclei cut by the picture's edge were left out.",
            "half": "Nuclei cut by the right or lower edge of the picture were left out (Gundersen 1977).",
        }[self.edge_objects]
        return (
            f"{self.nuclei.sentence()}, for a typical diameter of {size}; objects below {self.smallest_nucleus:.0%} of"
            f" a typical nucleus' area or less full than {self.least_solidity:g} (their area / that of"
            " the ellipse with the same second moments) were left out as debris.",
            edges,
            *(() if self.z == "refuse" else (f"Z-stacks were projected ({self.z}) first.",)),
        )

    def find_nuclei(self, image: Image, roles: Roles, light: FieldLight = OWN_LIGHT) -> Nuclei:
        """The nuclei of the whole picture, of the recipe's diameter or else of the picture's own.

        Of a tile the light of the whole picture is given. The diameter is taken to a tenth of a px, so that the same
        nuclei are found whoever estimated it.
        """
        plane = channel_roles.plane(image, roles.nuclei)
        if self.typical_diameter == "auto":
            diameter = round(fluorescent_nuclei.estimate_diameter(plane), 1)
        else:
            diameter = round(self.typical_diameter.in_px(image.pixel_size, "typical_diameter"), 1)
        if diameter == 0 or plane.min() == plane.max():
            return Nuclei(np.zeros(image.shape, dtype=np.int32), diameter)
        search = Search(diameter, image.max_value, self.smallest_nucleus, self.least_solidity, light)
        return replace(self.nuclei.find(plane, search), typical_diameter=diameter)

    def stained(self, part: Part, roles: Roles, found: Nuclei) -> Stained:
        """The planes and the counted nuclei of one region.

        Parameters
        ----------
        part : Part
        roles : Roles
        found : Nuclei
            Of the whole picture.
        """
        drawn = part.image.drawn if self.drawn_objects == "nuclei" else None
        nuclei = found.labels if drawn is None else numbered(drawn)
        # What a person erased is no nucleus, but no background either.
        known = found.labels if drawn is None else found.labels | drawn
        whole = np.ascontiguousarray(known[part.region.box])
        kept = apply_edge_rule(nuclei, self.edge_objects)
        labels = np.ascontiguousarray(kept[part.region.box])
        if part.inside is not None or part.shape != part.image.shape:
            inside = part.region.full_mask(part.image.shape)
            labels = np.ascontiguousarray(cell_compartments.only_within(kept, inside)[part.region.box])
        own = part.image.pixels[part.region.box]
        planes = (
            np.ascontiguousarray(own[:, :, part.image.channels.index(name)]) if name else own[:0, :0, 0]
            for name in (roles.nuclei, roles.marker)
        )
        nuclear, marker = planes
        others = (whole > 0) & (labels == 0)
        return Stained(nuclear, marker, labels, others, found.typical_diameter, found.debris_count)

    def apply(self, image: Image, evidence: FieldEvidence | None = None) -> Result:
        """Measure every region; see `Recipe.apply`."""
        roles = self.roles(image)
        is_seen = self._has_seen(image, evidence)
        found = evidence.found if evidence is not None and is_seen else self.find_nuclei(image, roles)
        common = merged(
            image.flags,
            found.flags,
            () if image.pixel_size else (Flag.NO_PIXEL_SIZE,),
            () if roles.marker else (Flag.NO_MARKER_CHANNEL,),
            (Flag.MERGED_COLOUR,) if roles.merged else (),
        )

        def measure(part: Part) -> Measured:
            stained = self.stained(part, roles, found)
            if evidence is not None and is_seen and image.drawn is None:
                one = self.measure_seen(part, stained, evidence)
            else:
                one = self.measure_part(part, stained)
            return with_flags(one, *common, *quality_flags(part, stained, found=one.found))

        return measure_regions(image, self.region.find(image), None, measure, self.object_columns)

    def _has_seen(self, image: Image, evidence: FieldEvidence | None) -> bool:
        """Whether the evidence has the nuclei of this picture, looked for in the size that was decided since."""
        if evidence is None or evidence.found.labels.shape != image.shape or self.typical_diameter == "auto":
            return False
        diameter = round(self.typical_diameter.in_px(image.pixel_size, "typical_diameter"), 1)
        return evidence.found.typical_diameter == diameter


def _typical(evidence: Sequence[FieldEvidence]) -> Length:
    """The median over the images, in µm where all pixel sizes are known; a usual size where no image shows one."""
    in_um = bool(evidence) and all(one.pixel_size_um > 0 for one in evidence)
    sizes = [one.diameter_px * (one.pixel_size_um if in_um else 1.0) for one in evidence if one.diameter_px > 0]
    if in_um:
        return Length(float(np.round(np.median(sizes or [USUAL_UM]), 4)), "um")
    return Length(float(np.round(np.median(sizes or [USUAL_PX]), 2)), "px")


def quality_flags(part: Part, stained: Stained, *, found: bool) -> tuple[Flag, ...]:
    """What the picture itself says of how far a region's numbers can be trusted."""
    planes = [plane for plane in (stained.nuclear, stained.marker) if plane.size]
    saturated = any(fluorescence_quality.is_saturated(plane, part.image.max_value) for plane in planes)
    wrong_light = fluorescence_quality.is_bright_field(part.sample, part.image.max_value)
    count = int(stained.labels.max(initial=0))
    swapped = stained.has_marker and fluorescence_quality.are_swapped(
        stained.labels, stained.others, stained.marker, stained.diameter_px
    )
    soft = count > 0 and fluorescence_quality.is_out_of_focus(stained.nuclear, stained.labels, stained.diameter_px)
    return merged(
        (Flag.SATURATED,) * saturated,
        (Flag.WRONG_LIGHT,) * wrong_light,
        (Flag.BLANK,) * (not found),
        (Flag.OUT_OF_FOCUS,) * soft,
        (Flag.CHANNELS_SWAPPED,) * swapped,
    )
