"""What measuring an image gives."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from exoimage.assays.columns import Column, Value
from exoimage.assays.regions import Region
from exoimage.errors import MeasureError
from exoimage.flags import Flag, merged

if TYPE_CHECKING:
    import pandas as pd

    from exoimage.methods.blot_traces import LaneTrace

Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class RegionResult:
    """The numbers of one region of an image.

    Parameters
    ----------
    region : str
        ``"whole"``, a well's or an ROI's name.
    values : mapping of column name to value
        The assay's columns.
    flags : tuple of Flag
        What is to be said of this region.
    """

    region: str
    values: Mapping[str, Value]
    flags: tuple[Flag, ...]

    @property
    def row(self) -> dict[str, Value]:
        """The region as a row of a table: region, flags, then the assay's columns."""
        return {"region": self.region, "flags": " ".join(map(str, self.flags)), **self.values}


@dataclass(frozen=True, eq=False)
class Result:
    """Everything that measuring one image gives.

    Parameters
    ----------
    regions : tuple of RegionResult
        At least one.
    object_values : mapping of column name to (n,) array
        One entry per counted object, ``region`` and ``object`` (the label) first.
    labels : (y, x) int32 array
        The counted objects; 0 is background.
    masks : mapping of name to (y, x) bool array
        What was counted, by the assay's names.
    excluded : (y, x) bool array or None
        Burnt-in annotations that were left out.
    drawn_regions : tuple of Region
        The regions, for drawing.
    outlined : tuple of (y, x) bool or integer arrays
        What an overlay outlines, each in a colour of its own: masks, or labels whose touching objects are outlined one
        by one. Empty: the first mask.
    marked : (y, x) bool array or None
        What an overlay fills with red: saturated pixels.
    traces : tuple of LaneTrace
        The profiles of a blot's lanes, to be plotted; empty for assays without lanes.
    spot_values : mapping of column name to (n,) array
        Spots within the objects, one entry each; empty for assays that look for none.
    provenance : mapping
        Recipe, digest, revision and version that made the numbers.
    """

    regions: tuple[RegionResult, ...]
    object_values: Mapping[str, npt.NDArray[Any]]
    labels: npt.NDArray[np.int32]
    masks: Mapping[str, Mask]
    excluded: Mask | None = None
    drawn_regions: tuple[Region, ...] = ()
    outlined: tuple[npt.NDArray[Any], ...] = ()
    spot_values: Mapping[str, npt.NDArray[Any]] = field(default_factory=dict)
    provenance: Mapping[str, str] = field(default_factory=dict)
    marked: Mask | None = None
    traces: tuple[LaneTrace, ...] = ()

    @property
    def rows(self) -> list[dict[str, Value]]:
        """One row per region."""
        return [region.row for region in self.regions]

    @property
    def summary(self) -> dict[str, Value]:
        """The only row.

        Raises
        ------
        MeasureError
            If the image has several regions.
        """
        if len(self.regions) != 1:
            names = ", ".join(region.region for region in self.regions)
            raise MeasureError(f"this result has {len(self.regions)} regions ({names}); take one of its rows")
        return self.regions[0].row

    @property
    def flags(self) -> tuple[Flag, ...]:
        """The flags of all regions."""
        return merged(*(region.flags for region in self.regions))

    @property
    def objects(self) -> pd.DataFrame:
        """The counted objects as a table; empty, with its columns, where nothing was found."""
        import pandas as pd

        return pd.DataFrame({name: np.asarray(values) for name, values in self.object_values.items()})

    @property
    def spots(self) -> pd.DataFrame:
        """The spots as a table; without columns for assays that look for none."""
        import pandas as pd

        return pd.DataFrame({name: np.asarray(values) for name, values in self.spot_values.items()})


def empty_objects(columns: tuple[Column, ...]) -> dict[str, npt.NDArray[Any]]:
    """Object values where nothing was found: every column, no entry."""
    values: dict[str, npt.NDArray[Any]] = {column.name: np.empty(0) for column in columns}
    return {"region": np.empty(0, dtype=object), "object": np.empty(0, dtype=np.int64), **values}
