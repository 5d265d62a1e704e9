"""What one tile of a slide gives: its core's sums, the objects that are its own, and pieces of larger ones."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from exoimage.assays.label_drafts import Strip, strips_of
from exoimage.assays.measuring import Frame, Part
from exoimage.assays.regions import Region
from exoimage.assays.seams import Borders, no_borders
from exoimage.assays.slide_regions import SlideRegion, SlideRegions
from exoimage.assays.tallies import Objects, Tally, only
from exoimage.assays.tiles import Counter, Tile
from exoimage.images.image import Image
from exoimage.images.source import Source, Window
from exoimage.methods import particles, pieces
from exoimage.methods.pieces import Pieces, no_pieces

Labels = npt.NDArray[np.int32]

DIGITS = 6
"""Decimals of a place that decide whose an object is at a seam: rounding must not give it to two tiles, or to none."""


@dataclass(frozen=True, eq=False)
class TileCount:
    """What a tile gave in one region.

    Parameters
    ----------
    region : int
        Its number.
    area_px : int
    pixel_area_um2 : float or None
    sums : mapping of name to number
        Over the tile's core.
    objects : mapping of column to (n,) array
        The tile's own, at their places in the slide.
    pieces : Pieces
        Of objects larger than the margin, within the core.
    borders : Borders
        Where those meet the neighbours'.
    strips : list of Strip
        Labels: the own objects 1 … n, then the pieces.
    masks : mapping of name to bool array of the core's shape
    """

    region: int
    area_px: int
    pixel_area_um2: float | None
    sums: Mapping[str, float]
    objects: Objects
    pieces: Pieces
    borders: Borders
    strips: list[Strip]
    masks: Mapping[str, npt.NDArray[np.bool_]]


def count_tile(source: Source, level: int, tile: Tile, found: SlideRegions, counter: Counter) -> list[TileCount]:
    """Read a tile and count what it holds, in each region that its core touches."""
    top, left, bottom, right = tile.window
    counts = []
    image: Image | None = None
    for number, region in enumerate(found.regions):
        inside = _inside(region, tile)
        if inside is not None and not inside[tile.core].any():
            continue
        if image is None:
            image = source.read(Window(top, left, bottom - top, right - left), level)
        whole = (slice(0, bottom - top), slice(0, right - left))
        frame = Frame(source.levels[level].shape, top, left, tile.core, counter.is_constant)
        part = Part(image, Region(region.name, whole, inside), frame=frame)
        counts.append(_counted(number, counter.tally(part), tile, counter))
    return counts


def _inside(region: SlideRegion, tile: Tile) -> npt.NDArray[np.bool_] | None:
    mask = region.mask_in(tile.window)
    return None if mask.all() else mask


def _counted(number: int, tally: Tally, tile: Tile, counter: Counter) -> TileCount:
    masks = {name: tally.masks[name][tile.core].copy() for name in counter.outlined_masks}
    top, left, _, _ = tile.window
    objects = {**tally.objects}
    for name, offset in (("y_px", top), ("x_px", left)):
        objects[name] = objects[name] + offset
    is_whole = np.ones(len(objects["y_px"]), np.bool_)
    if counter.rules.merges and len(is_whole):
        is_whole = _is_whole(tally.labels, counter.rules.margin_px)
    mine = is_whole & _is_mine(objects, tile)
    labels, found, borders = tally.labels, no_pieces(), no_borders()
    kept = particles.only_labels(labels, mine) if len(mine) else labels
    if not is_whole.all():
        large = _in_core(particles.only_labels(labels, ~is_whole), tile)
        core = np.ascontiguousarray(large[tile.core])
        density = tally.density[tile.core]
        found = pieces.measure_pieces(core, density, tile.top, tile.left)
        borders = Borders.of(large, tile)
        window = np.zeros_like(kept)
        window[tile.core] = core
        kept = np.where(window > 0, window + np.int32(np.count_nonzero(mine)), kept)
    return TileCount(
        number,
        tally.area_px,
        tally.pixel_area_um2,
        tally.sums,
        only(objects, mine),
        found,
        borders,
        strips_of(kept, top, left) if len(mine) else [],
        masks,
    )


def _is_whole(labels: Labels, margin: int) -> npt.NDArray[np.bool_]:
    """Objects no larger than the margin: any tile that has a part of one in its core sees all of it."""
    found = pieces.extents(labels)
    return np.asarray(np.maximum(found.height, found.width) <= margin)


def _is_mine(objects: Mapping[str, npt.NDArray[Any]], tile: Tile) -> npt.NDArray[np.bool_]:
    """Objects whose centroid is in the tile's core."""
    y, x = (np.round(objects[name], DIGITS) for name in ("y_px", "x_px"))
    return np.asarray((y >= tile.top) & (y < tile.bottom) & (x >= tile.left) & (x < tile.right))


def _in_core(labels: Labels, tile: Tile) -> Labels:
    """Those of the objects that have a pixel in the core, numbered on."""
    present = np.bincount(labels[tile.core].ravel(), minlength=int(labels.max(initial=0)) + 1)[1:] > 0
    return labels if present.all() else particles.only_labels(labels, present)
