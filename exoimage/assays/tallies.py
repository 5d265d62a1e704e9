"""What measuring counts before it says a number: sums and objects, which add up over the tiles of a picture."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from exoimage.assays.measuring import Labels, Mask, Part

Objects = Mapping[str, npt.NDArray[Any]]
Plane = npt.NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class Tally:
    """What was counted in a region, or in a tile of it.

    Parameters
    ----------
    area_px : int
        Pixels that were measured.
    pixel_area_um2 : float or None
        None where the pixel size is unknown.
    sums : mapping of name to number
        Sums over the measured pixels.
    objects : mapping of column name to (n,) array
        All objects found, those too that may turn out not to count; entry k has the label k + 1. A tile's are all that
        lie in it, margin included, at their places in the tile.
    labels : int32 array of the part's shape
    masks : mapping of name to bool array of the part's shape
        What was told pixel by pixel.
    density : float32 array of the part's shape
        What is summed up over an object; of shape (0, 0) where nothing is.
    """

    area_px: int
    pixel_area_um2: float | None
    sums: Mapping[str, float]
    objects: Objects
    labels: Labels
    masks: Mapping[str, Mask] = field(default_factory=dict)
    density: Plane = field(default_factory=lambda: np.empty((0, 0), np.float32))

    @classmethod
    def of(cls, part: Part, sums: Mapping[str, float], objects: Objects, labels: Labels, **pictures: Any) -> Tally:
        """Of a part, with its area and scale."""
        return cls(part.area_px, part.pixel_area_um2, sums, objects, labels, **pictures)

    @property
    def pixel_size(self) -> float | None:
        """In µm; None where it is unknown."""
        return None if self.pixel_area_um2 is None else math.sqrt(self.pixel_area_um2)

    @property
    def region_area_um2(self) -> float | None:
        """The measured area in µm²; None where the pixel size is unknown."""
        return None if self.pixel_area_um2 is None else self.area_px * self.pixel_area_um2


def count_of(objects: Objects) -> int:
    """How many objects a table holds."""
    return len(next(iter(objects.values()))) if objects else 0


def only(objects: Objects, keep: npt.NDArray[np.bool_]) -> dict[str, npt.NDArray[Any]]:
    """The objects that are kept."""
    return {name: values[keep] for name, values in objects.items()}


def added_sums(parts: Sequence[Mapping[str, float]]) -> dict[str, float]:
    """The sums of several tiles, added up by name.

    Examples
    --------
    >>> added_sums([{"stained": 3}, {"stained": 4}])
    {'stained': 7}
    """
    names = dict.fromkeys(name for part in parts for name in part)
    return {name: sum(part[name] for part in parts if name in part) for name in names}


def joined_objects(parts: Sequence[Objects]) -> dict[str, npt.NDArray[Any]]:
    """The objects of several tiles in one table."""
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]} if parts else {}
