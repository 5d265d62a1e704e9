"""What the tiles of a slide have given, put together: its rows, its objects and their labels."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from exoimage.assays import seams
from exoimage.assays.columns import Column
from exoimage.assays.label_drafts import LabelDrafts
from exoimage.assays.results import RegionResult, Result, empty_objects
from exoimage.assays.slide_pictures import Thumbnails
from exoimage.assays.slide_regions import Corners, SlideRegions
from exoimage.assays.tallies import Tally, added_sums, count_of, joined_objects, only
from exoimage.assays.tile_counts import TileCount
from exoimage.assays.tiles import Counter, Tile
from exoimage.errors import MeasureError
from exoimage.flags import Flag, merged
from exoimage.images.image import Image
from exoimage.images.label_pyramids import TILE as LABEL_ROWS
from exoimage.images.label_pyramids import write_label_pyramid


@dataclass(frozen=True, eq=False)
class SlideResult:
    """What measuring a whole slide gives.

    Parameters
    ----------
    result : Result
        Rows and objects; its masks are of the overview's size, and its labels are empty: `write_labels` writes them.
    overview : Image
        A small picture of the slide.
    outlines : tuple of (y, x) bool arrays
        What was counted, at the overview's size.
    regions : tuple of (name, (y, x) bool array)
        Where was measured, at the overview's size; nothing of the whole slide.
    corners : mapping of region to (top, left, bottom, right)
        In px of the level that was measured, as all places and areas are.
    shape : (height, width)
        Of the level that was measured.
    pixel_size : float or None
        Of that level, in µm.
    write_labels : callable
        Writes the counted objects to a file, as a pyramid; see `label_pyramids`. Can be called until the result is
        closed.
    close : callable
        Lets go of the labels.
    """

    result: Result
    overview: Image
    outlines: tuple[npt.NDArray[np.bool_], ...]
    regions: tuple[tuple[str, npt.NDArray[np.bool_]], ...]
    corners: Mapping[str, Corners]
    shape: tuple[int, int]
    pixel_size: float | None
    write_labels: Callable[[Any], None]
    close: Callable[[], None]

    @property
    def rows(self) -> list[dict[str, Any]]:
        """One row per region."""
        return self.result.rows

    @property
    def summary(self) -> dict[str, Any]:
        """The only row."""
        return self.result.summary


class SlideCount:
    """What the tiles of a slide have given so far.

    Parameters
    ----------
    counter : Counter
    found : SlideRegions
    shape : (height, width)
        Of the level that is measured.
    small : (height, width)
        Of the small picture that outlines are drawn on.
    keep_labels : bool
        Whether labels and outlines are wanted.
    """

    def __init__(
        self,
        counter: Counter,
        found: SlideRegions,
        shape: tuple[int, int],
        small: tuple[int, int],
        *,
        keep_labels: bool,
    ) -> None:
        self._counter, self._found, self._shape = counter, found, shape
        self._keeps = keep_labels
        count = len(found.regions)
        self._sums: list[list[Mapping[str, float]]] = [[] for _ in range(count)]
        self._objects: list[list[Mapping[str, npt.NDArray[Any]]]] = [[] for _ in range(count)]
        self._areas = [0] * count
        self._scale: float | None = None
        self._numbers: list[list[npt.NDArray[np.int64]]] = [[] for _ in range(count)]
        self._seams = [seams.Seams(shape) for _ in range(count)]
        self._handed_out = 0
        self._masks = {name: Thumbnails(shape, small) for name in counter.outlined_masks}
        self._small = small
        self.drafts = LabelDrafts()

    def add(self, tile: Tile, counts: list[TileCount]) -> None:
        """Add what a tile gave in each region that it touches."""
        for one in counts:
            region = one.region
            self._areas[region] += one.area_px
            self._scale = one.pixel_area_um2
            self._sums[region].append(one.sums)
            self._objects[region].append(one.objects)
            first = self._handed_out + 1
            owned, pieces = count_of(one.objects), len(one.pieces)
            self._numbers[region].append(np.arange(first, first + owned, dtype=np.int64))
            self._seams[region].add(tile, one.pieces, one.borders, first + owned)
            self._handed_out += owned + pieces
            if self._keeps:
                self.drafts.add(one.strips, first)
            for name, mask in one.masks.items():
                self._masks[name].add(mask, tile.top, tile.left)

    def result(
        self,
        columns: tuple[Column, ...],
        common: tuple[Flag, ...],
        overview: Image,
        like: Image,
        provenance: Mapping[str, str],
    ) -> SlideResult:
        """Say the numbers of all regions."""
        # Of each number that tiles have handed out: the object's number in the tables, and its group in the overlay.
        final = np.zeros(self._handed_out + 1, np.int32)
        groups = np.zeros(self._handed_out + 1, np.int8)
        regions, tables, first = [], [], 1
        for number in range(len(self._found.regions)):
            region, objects = self._concluded(number, first, final, groups)
            regions.append(RegionResult(region.region, region.values, merged(common, region.flags)))
            tables.append(_table(region.region, first, count_of(objects), objects, columns))
            first += count_of(objects)
        joined = {name: np.concatenate([table[name] for table in tables]) for name in tables[0]}
        outlines = self._outlines(final, groups, 1 + int(groups.max(initial=-1)))
        result = Result(
            tuple(regions),
            joined,
            np.zeros(overview.shape, np.int32),
            {name: thumbnail.mask() for name, thumbnail in self._masks.items()},
            provenance=provenance,
        )
        width, largest = self._shape[1], first - 1

        def write_labels(path: Any) -> None:
            write_label_pyramid(
                path,
                lambda begin, end: self.drafts.rows(begin, end, width, final),
                self._shape,
                largest,
                like.pixel_size,
            )

        corners = {region.name: region.corners for region in self._found.regions}
        return SlideResult(
            result,
            overview,
            outlines,
            tuple((one.name, mask) for one in self._found.regions if not (mask := one.small_mask(self._small)).all()),
            corners,
            self._shape,
            like.pixel_size,
            write_labels,
            self.drafts.close,
        )

    def _concluded(
        self, number: int, first: int, final: npt.NDArray[np.int32], groups: npt.NDArray[np.int8]
    ) -> tuple[RegionResult, dict[str, npt.NDArray[Any]]]:
        """A region's numbers and the objects that count in it; their numbers go to `final`, groups to `groups`."""
        counter, region = self._counter, self._found.regions[number]
        if self._areas[number] == 0:
            raise MeasureError(f"the region {region.name!r} holds no pixel of the slide")
        columns = list(self._objects[number][0]) if self._objects[number] else []
        whole = self._seams[number].objects(columns, self._scale)
        tally = self._tally(number, whole.objects)
        keep = counter.counted(tally)
        owned = np.concatenate([*self._numbers[number], np.empty(0, np.int64)])
        place = np.concatenate([owned, whole.numbers])
        entry = np.concatenate([np.arange(len(owned)), len(owned) + whole.owner])
        final[place] = np.where(keep, np.cumsum(keep) - 1 + first, 0)[entry]
        groups[place] = _groups(counter.outlined(tally.objects))[entry]
        flags = merged(counter.flags(tally, keep), (Flag.PIECED_OBJECTS,) if count_of(whole.objects) else ())
        return RegionResult(region.name, counter.values(tally, keep), flags), only(tally.objects, keep)

    def _tally(self, number: int, whole: Mapping[str, npt.NDArray[Any]]) -> Tally:
        parts = [*self._objects[number], *([whole] if count_of(whole) else [])]
        no_labels = np.zeros((0, 0), np.int32)
        sums = added_sums(self._sums[number])
        return Tally(self._areas[number], self._scale, sums, joined_objects(parts), no_labels)

    def _outlines(
        self, final: npt.NDArray[np.int32], groups: npt.NDArray[np.int8], count: int
    ) -> tuple[npt.NDArray[np.bool_], ...]:
        """Objects of each group, and the masks, at the overview's size."""
        drawn = [Thumbnails(self._shape, self._small) for _ in range(count if self._keeps else 0)]
        numbers = np.where(final > 0, groups + 1, 0).astype(np.int32)
        if drawn and final.any():
            for first in range(0, self._shape[0], LABEL_ROWS):
                rows = self.drafts.rows(first, min(self._shape[0], first + LABEL_ROWS), self._shape[1], numbers)
                for group, thumbnail in enumerate(drawn, start=1):
                    thumbnail.add(rows == group, first, 0)
        return (*(thumbnail.mask() for thumbnail in drawn), *(one.mask() for one in self._masks.values()))


def _groups(groups: Sequence[npt.NDArray[np.bool_]]) -> npt.NDArray[np.int8]:
    """Number of the first group that each object is of."""
    return np.asarray(np.argmax(np.stack(groups), axis=0), np.int8)


def _table(
    name: str, first: int, count: int, objects: Mapping[str, npt.NDArray[Any]], columns: tuple[Column, ...]
) -> dict[str, npt.NDArray[Any]]:
    if not objects:
        return empty_objects(columns)
    return {
        "region": np.full(count, name, dtype=object),
        "object": np.arange(first, first + count, dtype=np.int64),
        **{column.name: objects[column.name] for column in columns},
    }
