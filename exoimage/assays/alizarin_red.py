"""Alizarin red S: mineralised area and nodules of an osteogenic culture or a stained bone."""

from __future__ import annotations

from typing import ClassVar

from pydantic import Field

from exoimage.assays.stain_area import StainArea
from exoimage.assays.stain_choices import PresetStains, StainChoice


class AlizarinRed(StainArea):
    """Mineralised (alizarin-red stained) area and nodules."""

    assay: ClassVar[str] = "alizarin-red"
    title: ClassVar[str] = "Alizarin red S: mineralised area and nodules"
    references: ClassVar[tuple[str, ...]] = (
        *StainArea.references,
        "Gregory CA, et al. An Alizarin red-based assay of mineralization by adherent cells in culture."
        " Anal Biochem 2004;329:77-84. doi:10.1016/j.ab.2004.02.002",
    )

    stains: StainChoice = Field(
        PresetStains(name="alizarin red", target="alizarin red"),
        description="Vectors: preset, vectors, macenko or marked. Grey and tan hold light, cells and pigment apart.",
    )
