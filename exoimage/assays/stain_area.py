"""Stained area of any stain: colour unmixing, one threshold in optical density, nodules.

`alizarin-red` and `alp` are this assay under their own names and with their own defaults.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt
from pydantic import Field

from exoimage.assays.brightfield import IMAGEJ_DEFAULTS
from exoimage.assays.chains import Chain
from exoimage.assays.columns import Column, Value
from exoimage.assays.lengths import Length, disc_area
from exoimage.assays.measuring import Part
from exoimage.assays.stain_choices import PresetStains, StainChoice
from exoimage.assays.stain_measuring import (
    COLUMNS,
    OBJECT_COLUMNS,
    Sizes,
    is_another_stain,
    stain_values,
    tally_stain,
)
from exoimage.assays.tallies import Tally
from exoimage.assays.tiled_brightfield import NODULE_MARGIN_PX, TiledBrightfield
from exoimage.assays.tiles import TileRules
from exoimage.flags import Flag
from exoimage.images.image import Image


class StainArea(TiledBrightfield):
    """How much of a picture a stain covers, and its nodules."""

    assay: ClassVar[str] = "stain-area"
    title: ClassVar[str] = "Stained area of any stain"
    revision: ClassVar[int] = 1
    drawn_objects: ClassVar[str] = "nodules"
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

    def tally(self, part: Part, chain: Chain) -> Tally:
        """Stained area and nodules; see `TiledBrightfield.tally`."""
        smallest, largest, hole = self._limits(part.image.pixel_size)
        # Of what a tile cuts, the whole decides whether it is too large.
        return tally_stain(part, chain, Sizes(smallest, largest if part.frame is None else float("inf"), hole))

    def values(self, tally: Tally, counted: npt.NDArray[np.bool_], chain: Chain) -> dict[str, Value]:
        """The stain's columns; see `TiledBrightfield.values`."""
        return stain_values(tally, counted, chain)

    def counted(self, tally: Tally) -> npt.NDArray[np.bool_]:
        """Nodules of the sizes asked for; see `TiledBrightfield.counted`."""
        smallest, largest, _ = self._limits(tally.pixel_size)
        areas = tally.objects["area_px"]
        return np.asarray((areas >= smallest) & (areas <= largest))

    def remarks(self, tally: Tally, chain: Chain) -> tuple[Flag, ...]:
        """Whether the stain is another one; see `TiledBrightfield.remarks`."""
        is_another = len(tally.objects["area_px"]) > 0 and is_another_stain(tally.sums, chain)
        return (Flag.STAIN_MISMATCH,) if is_another else ()

    def tile_rules(self, like: Image) -> TileRules:
        """A margin in which holes that are filled are seen whole; see `TiledBrightfield.tile_rules`."""
        hole = self.largest_hole.in_px(like.pixel_size, "largest_hole")
        return TileRules(max(NODULE_MARGIN_PX, int(2 * hole) if np.isfinite(hole) else 0))

    def _limits(self, pixel_size: float | None) -> tuple[float, float, float]:
        """Areas in px of the smallest and largest nodule, and of the largest hole."""
        names = ("smallest_nodule", "largest_nodule", "largest_hole")
        smallest, largest, hole = (disc_area(getattr(self, name).in_px(pixel_size, name)) for name in names)
        return smallest, largest, hole

    def sentences(self) -> tuple[str, ...]:
        """White point, stains, threshold and sizes in words."""
        if self.imagej:
            return super().sentences()
        return (
            *super().sentences(),
            f"Stained objects (8-connected) of an equivalent diameter from {self.smallest_nodule} to"
            f" {self.largest_nodule} counted; holes up to {self.largest_hole} were filled.",
        )
