"""Objects that several tiles of a slide hold pieces of, put together."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from exoimage.assays.tiles import Tile
from exoimage.methods import pieces
from exoimage.methods.pieces import Pieces

Ids = npt.NDArray[np.int64]
Labels = npt.NDArray[np.int32]


@dataclass(frozen=True, eq=False)
class Line:
    """Pieces along a row or column.

    Parameters
    ----------
    start : int
        Where along the slide it begins.
    ids : (n,) int32 array
        The tile's pieces, numbered from 1; 0 for none.
    """

    start: int
    ids: Labels


@dataclass(frozen=True)
class Borders:
    """Where a tile's pieces meet the neighbours'.

    Parameters
    ----------
    first_row, first_column : Line
        Of the core.
    below, right_of : Line
        The tile's own objects in the first row below its core (one px longer at both ends: an object may go on across
        a corner), and in the first column right of it.
    """

    first_row: Line
    first_column: Line
    below: Line
    right_of: Line

    @classmethod
    def of(cls, large: Labels, tile: Tile) -> Borders:
        """Of the labels of a tile's window, those of its pieces."""
        _, left, bottom, right = tile.window
        rows, columns = tile.core
        before, after = max(0, columns.start - 1), min(right - left, columns.stop + 1)
        below = large[rows.stop, before:after] if tile.bottom < bottom else large[0, :0]
        right_of = large[rows, columns.stop] if tile.right < right else large[:0, 0]
        return cls(
            Line(tile.left, large[rows.start, columns].copy()),
            Line(tile.top, large[rows, columns.start].copy()),
            Line(left + before, below.copy()),
            Line(tile.top, right_of.copy()),
        )


def no_borders() -> Borders:
    """Of a tile without pieces."""
    nothing = Line(0, np.empty(0, np.int32))
    return Borders(nothing, nothing, nothing, nothing)


@dataclass(frozen=True, eq=False)
class Whole:
    """Objects put together.

    Parameters
    ----------
    objects : mapping of column to (n,) array
        What can be told of them; not-a-number for the rest.
    numbers : (k,) int64 array
        The pieces' numbers, counted over all tiles.
    owner : (k,) int64 array
        Which of the objects each piece is of.
    """

    objects: dict[str, npt.NDArray[Any]]
    numbers: Ids
    owner: Ids


class Seams:
    """The pieces of one region's tiles.

    Parameters
    ----------
    shape : (height, width)
        Of the slide.
    """

    def __init__(self, shape: tuple[int, int]) -> None:
        self._shape = shape
        self._pieces: list[Pieces] = []
        self._numbers: list[Ids] = []
        self._count = 0
        self._rows: dict[int, Ids] = {}
        self._columns: dict[int, Ids] = {}
        self._open: list[tuple[bool, int, int, Ids]] = []

    def add(self, tile: Tile, found: Pieces, borders: Borders, first: int) -> None:
        """Add a tile's pieces; they are numbered from `first` on over all tiles."""
        if len(found) == 0:
            return
        _note(self._rows, tile.top, self._shape[1], self._shifted(borders.first_row.ids), borders.first_row.start)
        _note(
            self._columns, tile.left, self._shape[0], self._shifted(borders.first_column.ids),
            borders.first_column.start,
        )  # fmt: skip
        self._open.append((True, tile.bottom, borders.below.start, self._shifted(borders.below.ids)))
        self._open.append((False, tile.right, borders.right_of.start, self._shifted(borders.right_of.ids)))
        self._pieces.append(found)
        self._numbers.append(np.arange(first, first + len(found), dtype=np.int64))
        self._count += len(found)

    def _shifted(self, ids: Labels) -> Ids:
        return np.where(ids > 0, ids.astype(np.int64) + self._count, 0)

    def objects(self, columns: list[str], pixel_area_um2: float | None = None) -> Whole:
        """Put the pieces together.

        Parameters
        ----------
        columns : list of str
            Of the objects' table.
        pixel_area_um2 : float or None
        """
        together = pieces.joined(self._pieces)
        owner = pieces.same_object(self._count, self._pairs())
        whole = pieces.added(together, owner)
        numbers = np.concatenate([*self._numbers, np.empty(0, np.int64)])
        if len(whole) == 0:
            return Whole({}, numbers, owner)
        scale = np.nan if pixel_area_um2 is None else pixel_area_um2
        known = {
            "y_px": whole.sums[:, 0] / whole.area,
            "x_px": whole.sums[:, 1] / whole.area,
            "area_px": whole.area.astype(np.int64),
            "area_um2": whole.area * scale,
            "roundness": pieces.roundness(whole),
            "mean_od": whole.intensity / whole.area,
            "od_sum": whole.intensity,
        }
        unknown = np.full(len(whole), np.nan)
        return Whole({name: known.get(name, unknown) for name in columns}, numbers, owner)

    def _pairs(self) -> Ids:
        """Pieces of one object: one tile sees it go on where another one's core begins."""
        found = [np.empty((0, 2), np.int64)]
        for is_row, place, start, ids in self._open:
            other = (self._rows if is_row else self._columns).get(place)
            if other is None or len(ids) == 0:
                continue
            facing = other[start : start + len(ids)]
            both = (ids > 0) & (facing > 0)
            found.append(np.unique(np.stack([ids[both], facing[both]], axis=1), axis=0) - 1)
        return np.concatenate(found)


def _note(lines: dict[int, Ids], place: int, length: int, ids: Ids, start: int) -> None:
    line = lines.setdefault(place, np.zeros(length, np.int64))
    line[start : start + len(ids)] = ids
