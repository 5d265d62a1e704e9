"""Alkaline phosphatase (ALP): stained area of an osteogenic culture or a section."""

from __future__ import annotations

from typing import ClassVar

from pydantic import Field

from exoimage.assays.stain_area import StainArea
from exoimage.assays.stain_choices import PresetStains, StainChoice


class Alp(StainArea):
    """ALP-positive area: BCIP/NBT (blue-purple), naphthol with fast red (pink) or with fast blue."""

    assay: ClassVar[str] = "alp"
    title: ClassVar[str] = "Alkaline phosphatase: positive area"
    references: ClassVar[tuple[str, ...]] = (
        *StainArea.references,
        "Burstone MS. Histochemical comparison of naphthol AS-phosphates for the demonstration of phosphatases."
        " J Natl Cancer Inst 1958;20:601-615. doi:10.1093/jnci/20.3.601",
        "McGadey J. A tetrazolium method for non-specific alkaline phosphatase. Histochemie 1970;23:180-184."
        " doi:10.1007/BF00305851",
    )

    stains: StainChoice = Field(
        PresetStains(name="BCIP/NBT", target="BCIP NBT"),
        description='Vectors: preset ("BCIP/NBT" blue-purple, "fast red" pink, "fast blue"), vectors or estimates.',
    )
