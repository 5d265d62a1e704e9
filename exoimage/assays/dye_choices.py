"""What a dye-only control says: vesicle dyes form particles of their own, without any vesicle."""

from __future__ import annotations

from typing import Annotated, Literal

import numpy as np
import numpy.typing as npt
from pydantic import Field

from exoimage.assays.choice import Choice
from exoimage.errors import MeasureError

Counts = npt.NDArray[np.int64]


class NoDyeControl(Choice):
    """No control is named: whatever is counted may be particles of the dye alone."""

    method: Literal["none"] = "none"

    def sentence(self) -> str:
        """The choice in words."""
        return (
            "A cell was positive if it held a punctum. No dye-only control was named."
            " PKH dyes form particles of their own, of the size of vesicles (Pužar"
            " Dominkuš et al. 2018): counts may include them."
        )


class KnownDye(Choice):
    """What a dye-only control has shown, as numbers."""

    method: Literal["known"] = "known"
    least_puncta: int = Field(1, ge=1, description="Puncta from which a cell is positive.")
    puncta_per_cell: float = Field(0.0, ge=0, description="Puncta per cell of dye alone, taken off.")

    def sentence(self) -> str:
        """The choice in words."""
        taken = f"; {self.puncta_per_cell:.3g} puncta per cell, those of dye alone, were taken off"
        return f"A cell was positive from {self.least_puncta} puncta on{taken if self.puncta_per_cell else ''}."


class DyeControl(Choice):
    """A group that was given dye without vesicles, treated like the others."""

    method: Literal["dye-only"] = "dye-only"
    controls: str = Field(description="The group that got dye only, or a pattern of image names (dye_*.tif).")
    use: Literal["cut", "subtract"] = Field(
        "cut",
        description="cut: a cell is positive if it holds more puncta than almost all cells of the control; subtract:"
        " the control's puncta per cell are taken off.",
    )
    percentile: float = Field(
        95.0, gt=50, lt=100, description="Share of the control's cells below the cut, in percent."
    )
    scope: Literal["study", "batch"] = Field("study", description="Images that share one control.")

    def sentence(self) -> str:
        """The choice in words."""
        if self.use == "subtract":
            return f"The puncta per cell of the dye-only control ({self.controls}) were taken off."
        return (
            f"A cell was positive if it held more puncta than {self.percentile:g} % of the cells of the dye-only"
            f" control ({self.controls})."
        )

    def resolve(self, controls: list[Counts]) -> KnownDye:
        """Look at the puncta of the control's cells.

        Raises
        ------
        MeasureError
            If no image with cells is a control.
        """
        pooled = np.concatenate(controls) if controls else np.empty(0, dtype=np.int64)
        if not len(pooled):
            raise MeasureError(
                f"the dye-only control is {self.controls!r}, but no image with cells is one: name a group of the study"
                " or a pattern of image names"
            )
        if self.use == "subtract":
            return KnownDye(puncta_per_cell=float(f"{pooled.mean():.6g}"))
        highest = np.percentile(pooled, self.percentile, method="inverted_cdf")
        return KnownDye(least_puncta=int(highest) + 1)


DyeChoice = Annotated[NoDyeControl | DyeControl | KnownDye, Field(discriminator="method")]
