"""Stained area of any stain: colour unmixing, one threshold in optical density, nodules.

`alizarin-red` and `alp` are this assay under their own names and with their own defaults.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, ClassVar

from pydantic import Field

from exoimage.assays.brightfield import IMAGEJ_DEFAULTS, Brightfield
from exoimage.assays.chains import Chain
from exoimage.assays.columns import Column
from exoimage.assays.lengths import Length, disc_area
from exoimage.assays.measuring import Measured, Part
from exoimage.assays.stain_choices import PresetStains, StainChoice
from exoimage.assays.stain_measuring import COLUMNS, OBJECT_COLUMNS, Sizes, measure_stain


class StainArea(Brightfield):
    """How much of a picture a stain covers, and its nodules."""

    assay: ClassVar[str] = "stain-area"
    title: ClassVar[str] = "Stained area of any stain"
    revision: ClassVar[int] = 1
    columns: ClassVar[tuple[Column, ...]] = COLUMNS
    object_columns: ClassVar[tuple[Column, ...]] = OBJECT_COLUMNS
    imagej_defaults: ClassVar[Mapping[str, Any]] = MappingProxyType({**IMAGEJ_DEFAULTS, "smallest_nodule": "0 px"})
    references: ClassVar[tuple[str, ...]] = (
        "Ruifrok AC, Johnston DA. Quantification of histochemical staining by color deconvolution."
        " Anal Quant Cytol Histol 2001;23:291-299.",
    )

    stains: StainChoice = Field(
        PresetStains(name="Sirius red", target="Sirius red"),
        description="Vectors: preset, vectors, macenko or marked. The other stains hold apart what is not the target.",
    )
    smallest_nodule: Length = Field(
        Length(3, "px"), description='Equivalent diameter below which an object is noise, in "um" or "px".'
    )
    largest_nodule: Length = Field(
        Length(float("inf"), "px"),
        description='Equivalent diameter above which an object is none; "unlimited" keeps all.',
    )
    largest_hole: Length = Field(
        Length(0, "px"), description="Holes in stained objects up to this equivalent diameter are filled."
    )

    def measure_part(self, part: Part, chain: Chain) -> Measured:
        """Stained area and nodules; see `Brightfield.measure_part`."""
        names = ("smallest_nodule", "largest_nodule", "largest_hole")
        sizes = (disc_area(getattr(self, name).in_px(part.image.pixel_size, name)) for name in names)
        return measure_stain(part, chain, Sizes(*sizes))

    def sentences(self) -> tuple[str, ...]:
        """White point, stains, threshold and sizes in words."""
        if self.imagej:
            return super().sentences()
        return (
            *super().sentences(),
            f"Stained objects (8-connected) of an equivalent diameter from {self.smallest_nodule} to"
            f" {self.largest_nodule} counted; holes up to {self.largest_hole} were filled.",
        )
