"""Columns that several assays share, and their values."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from exoimage.assays.columns import Column, Sum, Value
from exoimage.assays.measuring import Part
from exoimage.methods.density import White
from exoimage.methods.particles import ObjectTable

WHITE_COLUMNS = (
    Column("white_r", "White point in red, in the units of the pixels."),
    Column("white_g", "White point in green, in the units of the pixels."),
    Column("white_b", "White point in blue, in the units of the pixels."),
)

REGION_AREA_UM2 = Column("region_area_um2", "Area of the region, burnt-in annotations left out.", Sum())
REGION_AREA_PX = Column("region_area_px", "Area of the region in pixels.", Sum())

PLACE_AND_AREA_COLUMNS = (
    Column("y_px", "Centroid, from the upper edge; the centre of the first pixel is 0.5."),
    Column("x_px", "Centroid, from the left edge; the centre of the first pixel is 0.5."),
    Column("area_px", "Number of pixels."),
    Column("area_um2", "Area."),
)
"""Of every object."""


def white_values(white: White) -> dict[str, Value]:
    """The white point's columns."""
    return dict(zip((column.name for column in WHITE_COLUMNS), white.rgb, strict=True))


def place_and_area(part: Part, table: ObjectTable) -> dict[str, npt.NDArray[Any]]:
    """Centroids and areas of objects; the area in µm² is not-a-number where the pixel size is unknown."""
    um2 = np.nan if part.pixel_area_um2 is None else part.pixel_area_um2
    return {
        "y_px": table.y_px,
        "x_px": table.x_px,
        "area_px": table.area_px.astype(np.int64),
        "area_um2": table.area_px * um2,
    }
