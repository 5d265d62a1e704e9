"""Tiles of a picture that does not fit into memory: where they lie, and what counts them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from exoimage.assays.columns import Value
from exoimage.assays.measuring import Mask, Part
from exoimage.assays.tallies import Objects, Tally
from exoimage.flags import Flag
from exoimage.images.image import Image

Shape = tuple[int, int]

GRID_PX = 4
"""Windows begin at multiples of this: tissue is looked for on blocks of so many pixels."""

SNAP_PX = 96
"""How much wider a margin may be so that a tile begins where its reduced picture has a pixel's edge."""

SNAPPED = 0.02
"""A window's edge this near to an edge of the reduced picture, in its px, is on it."""


@dataclass(frozen=True)
class TileRules:
    """How a picture is cut.

    Parameters
    ----------
    margin_px : int
        Width of the margin around a tile's core.
    merges : bool
        Whether objects larger than the margin are put together from their pieces; else each object is of the tile
        whose core holds its centroid, as cells are.
    reduction : float
        Objects are looked for in a picture reduced by this factor: tiles begin on its pixels' edges, so that the same
        objects are found as in one piece.
    """

    margin_px: int
    merges: bool = True
    reduction: float = 1.0


@dataclass(frozen=True, eq=False)
class Counter:
    """A decided recipe as tiles are counted by it: functions of one tile, and of what all tiles gave.

    Parameters
    ----------
    tally : Part to Tally
        Of one tile.
    counted : Tally to (n,) bool array
        Which objects count.
    values : (Tally, counted) to columns
        Of a whole region; the tally's sums and objects are those of all its tiles.
    flags : (Tally, counted) to flags
    outlined : objects to groups
        That an overlay outlines.
    outlined_masks : tuple of str
        Masks that it outlines, too.
    rules : TileRules
    is_constant : bool
        Whether the whole picture has one value.
    """

    tally: Callable[[Part], Tally]
    counted: Callable[[Tally], npt.NDArray[np.bool_]]
    values: Callable[[Tally, npt.NDArray[np.bool_]], dict[str, Value]]
    flags: Callable[[Tally, npt.NDArray[np.bool_]], tuple[Flag, ...]]
    outlined: Callable[[Objects], tuple[npt.NDArray[np.bool_], ...]]
    outlined_masks: tuple[str, ...]
    rules: TileRules
    is_constant: bool = False


@dataclass(frozen=True, eq=False)
class Look:
    """A window of a slide that observing looks at.

    Parameters
    ----------
    image : Image
    top, left : int
        Its place.
    shape : (height, width)
        Of the whole slide.
    region : int
        Number of the region that it is of.
    inside : (y, x) bool array or None
        The window's pixels that are of the region; None where all are.
    is_ground : bool
        Whether it shows the slide beside the region: it tells the white point.
    """

    image: Image
    top: int
    left: int
    shape: Shape
    region: int = 0
    inside: Mask | None = None
    is_ground: bool = False

    def sampled(self, size: int) -> tuple[int, npt.NDArray[Any], npt.NDArray[np.float32]]:
        """Region, pixels and positions (as in `ColourSample`) of about so many pixels, on a regular grid."""
        height, width = self.image.shape
        step = max(1, round((height * width / size) ** 0.5))
        y, x = np.mgrid[step // 2 : height : step, step // 2 : width : step]
        if self.inside is not None:
            kept = self.inside[y, x]
            y, x = y[kept], x[kept]
        y, x = y.ravel(), x.ravel()
        places = (np.stack([y + self.top, x + self.left], axis=1) + 0.5) / np.array(self.shape) * 2 - 1
        return self.region, self.image.pixels[y, x], places.astype(np.float32)


@dataclass(frozen=True)
class Tile:
    """One tile: its core, and the window that is read for it.

    Parameters
    ----------
    row, column : int
        In the grid of tiles.
    top, left, bottom, right : int
        The core; bottom and right are behind the last.
    window : (top, left, bottom, right)
        Core and margin, within the picture.
    """

    row: int
    column: int
    top: int
    left: int
    bottom: int
    right: int
    window: tuple[int, int, int, int]

    @property
    def core(self) -> tuple[slice, slice]:
        """The core in the window's coordinates."""
        top, left, _, _ = self.window
        return slice(self.top - top, self.bottom - top), slice(self.left - left, self.right - left)


def tiles(shape: Shape, edge: int, rules: TileRules) -> Iterator[Tile]:
    """Cut a picture into tiles, row by row.

    Parameters
    ----------
    shape : (height, width)
    edge : int
        Of a core.
    rules : TileRules

    Examples
    --------
    >>> [(tile.top, tile.left, tile.window) for tile in tiles((500, 1000), 512, TileRules(64))]
    [(0, 0, (0, 0, 500, 576)), (0, 512, (0, 448, 500, 1000))]
    """
    rows, columns = (_spans(length, edge, rules) for length in shape)
    for row, (top, bottom, above, below) in enumerate(rows):
        for column, (left, right, before, after) in enumerate(columns):
            yield Tile(row, column, top, left, bottom, right, (above, before, below, after))


def _spans(length: int, edge: int, rules: TileRules) -> list[tuple[int, int, int, int]]:
    """Begin and end of the cores along an edge, and of their windows."""
    small = max(1, round(length * rules.reduction)) / length
    spans = []
    for begin in range(0, length, edge):
        end = min(length, begin + edge)
        first = _snapped(begin - rules.margin_px, -1, length, small)
        last = _snapped(end + rules.margin_px, 1, length, small)
        spans.append((begin, end, first, last))
    return spans


def _snapped(place: int, direction: int, length: int, small: float) -> int:
    """A place at which a window may begin or end, no nearer than `place`: on both grids, or nearly."""
    start = place // GRID_PX * GRID_PX if direction < 0 else -(-place // GRID_PX) * GRID_PX
    if not 0 < start < length:
        return min(max(start, 0), length)
    candidates = [start + direction * step for step in range(0, SNAP_PX + 1, GRID_PX)]
    within = [one for one in candidates if 0 < one < length]
    if small == 1.0:
        return within[0]
    off = [abs(one * small - round(one * small)) for one in within]
    good = [one for one, error in zip(within, off, strict=True) if error <= SNAPPED]
    return good[0] if good else within[off.index(min(off))]
