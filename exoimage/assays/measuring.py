"""Measuring a picture region by region: what every assay's measuring is given and gives back."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from exoimage.assays.colour_sample import sampling_grid
from exoimage.assays.columns import Column, Value
from exoimage.assays.regions import Box, FoundRegions, Region
from exoimage.assays.results import RegionResult, Result, empty_objects
from exoimage.errors import MeasureError
from exoimage.flags import Flag, merged
from exoimage.images.image import Image
from exoimage.methods import particles, quality

Mask = npt.NDArray[np.bool_]
Labels = npt.NDArray[np.int32]

FLAG_SAMPLE = 2**14
"""Pixels that the flags of a region look at, about."""


@dataclass(frozen=True)
class Frame:
    """Where a tile lies in a picture that is measured tile by tile.

    Parameters
    ----------
    shape : (height, width)
        Of the whole picture.
    top, left : int
        Place in it of the tile's first pixel, its margin included.
    core : (slice of rows, slice of columns)
        The tile without its margin, in the tile's own coordinates: these pixels are counted here and nowhere else.
    is_constant : bool
        Whether the whole picture has one value: no picture was taken.
    """

    shape: tuple[int, int]
    top: int
    left: int
    core: Box
    is_constant: bool = False


@dataclass(frozen=True, eq=False)
class Part:
    """One region of a picture, or a tile of one, as it is measured.

    Parameters
    ----------
    image : Image
        The whole picture, or the tile with its margin.
    region : Region
    excluded : (y, x) bool array of the whole picture, or None
        Burnt-in graphics that are left out.
    frame : Frame or None
        Where the tile lies; then the region's box is the whole tile. None where the picture is in one piece.
    """

    image: Image
    region: Region
    excluded: Mask | None = None
    frame: Frame | None = None

    @property
    def pixels(self) -> npt.NDArray[Any]:
        """Stored values of the region's box, (y, x, channel)."""
        return self.image.pixels[self.region.box]

    @property
    def shape(self) -> tuple[int, int]:
        """Height and width of the region's box."""
        rows, columns = self.region.box
        return rows.stop - rows.start, columns.stop - columns.start

    @cached_property
    def inside(self) -> Mask | None:
        """The box's pixels that are measured; None where all are."""
        return self.region.inside(self.excluded)

    @cached_property
    def drawn(self) -> Labels | None:
        """The objects drawn by hand within the region, numbered from 1 without gaps; None where none were drawn."""
        if self.image.drawn is None:
            return None
        own = np.ascontiguousarray(self.image.drawn[self.region.box])
        return numbered(own if self.inside is None else np.where(self.inside, own, np.int32(0)))

    @property
    def core(self) -> Box:
        """The box's pixels that are summed up here: all of them, or a tile without its margin."""
        height, width = self.shape
        return (slice(0, height), slice(0, width)) if self.frame is None else self.frame.core

    @property
    def place(self) -> tuple[tuple[int, int], Box]:
        """Height and width of the whole picture, and the region's box in it."""
        if self.frame is None:
            return self.image.shape, self.region.box
        (height, width), frame = self.shape, self.frame
        return frame.shape, (slice(frame.top, frame.top + height), slice(frame.left, frame.left + width))

    @cached_property
    def area_px(self) -> int:
        """How many pixels are measured."""
        if self.inside is not None:
            return int(np.count_nonzero(self.inside[self.core]))
        rows, columns = self.core
        return int((rows.stop - rows.start) * (columns.stop - columns.start))

    @property
    def pixel_area_um2(self) -> float | None:
        """Area of a pixel; None where its size is unknown."""
        return None if self.image.pixel_size is None else self.image.pixel_size**2

    @cached_property
    def sample(self) -> npt.NDArray[Any]:
        """Some of the measured pixels, (n, channel), on a regular grid: what quality is judged by."""
        return self.image.pixels[sampling_grid(self.region, self.excluded, FLAG_SAMPLE)]

    @cached_property
    def is_constant(self) -> bool:
        """Whether all measured pixels have one value: no picture was taken."""
        if self.frame is not None:
            return self.frame.is_constant
        pixels = self.pixels if self.inside is None else self.pixels[self.inside]
        return quality.is_constant(self.sample) and quality.is_constant(pixels)

    def within(self, mask: Mask) -> Mask:
        """A mask of the box without what is outside the region; the mask itself where nothing is."""
        return mask if self.inside is None else mask & self.inside


@dataclass(frozen=True, eq=False)
class Measured:
    """What measuring one region gives.

    Parameters
    ----------
    values : mapping of column name to value
        The assay's columns.
    flags : tuple of Flag
        What is to be said of the region, beside what its picture's quality says.
    labels : int32 array of the region's box
        The counted objects, numbered from 1.
    objects : mapping of column name to (n,) array
        The object columns, an entry per label; ``y_px`` and ``x_px`` are places in the box.
    masks : mapping of name to bool array of the region's box
    outlined : tuple of bool or integer arrays of the region's box
        As in `Result`.
    spots : mapping of column name to (n,) array
        As in `Result.spot_values`; ``y_px`` and ``x_px`` are places in the box, ``cell`` a label, 0 for none.
    found : bool
        Whether anything was: an even picture in which something was found has little contrast; in which nothing was,
        it is blank.
    """

    values: Mapping[str, Value]
    flags: tuple[Flag, ...]
    labels: Labels
    objects: Mapping[str, npt.NDArray[Any]]
    masks: Mapping[str, Mask]
    found: bool
    outlined: tuple[npt.NDArray[Any], ...] = ()
    spots: Mapping[str, npt.NDArray[Any]] = field(default_factory=dict)


def measure_regions(
    image: Image,
    found: FoundRegions,
    excluded: Mask | None,
    measure: Callable[[Part], Measured],
    object_columns: tuple[Column, ...],
) -> Result:
    """Measure every region of a picture and lay the parts out in one result.

    Parameters
    ----------
    image : Image
    found : FoundRegions
    excluded : (y, x) bool array or None
        Burnt-in graphics that are left out.
    measure : callable
        Measures one part.
    object_columns : tuple of Column
        The assay's.

    Raises
    ------
    MeasureError
        If a region has no pixel that can be measured.
    """
    parts = [Part(image, region, excluded) for region in found.regions]
    for part in parts:
        if part.area_px == 0:
            raise MeasureError(f"the region {part.region.name!r} holds nothing but burnt-in annotations")
    measured = [measure(part) for part in parts]
    overlapping = (Flag.OVERLAPPING_REGIONS,) if _overlap(found.regions, image.shape) else ()
    results = tuple(
        RegionResult(part.region.name, one.values, merged(one.flags, found.flags, overlapping))
        for part, one in zip(parts, measured, strict=True)
    )
    return Result(
        results,
        _joined_objects(parts, measured, object_columns),
        _laid_out_labels(parts, measured),
        {name: _laid_out(parts, [one.masks[name] for one in measured]) for name in measured[0].masks},
        excluded,
        found.regions,
        tuple(_laid_out(parts, list(arrays)) for arrays in zip(*(one.outlined for one in measured), strict=True)),
        _joined_spots(parts, measured),
    )


def numbered(labels: Labels) -> Labels:
    """The same objects, numbered from 1 without gaps in the order of their numbers."""
    present = np.bincount(labels.ravel(), minlength=1)[1:] > 0
    return labels if present.all() else particles.only_labels(labels, present)


def with_flags(measured: Measured, *flags: Flag) -> Measured:
    """The same measures with more to say of them."""
    return replace(measured, flags=merged(measured.flags, flags))


def _joined_objects(
    parts: list[Part], measured: list[Measured], columns: tuple[Column, ...]
) -> dict[str, npt.NDArray[Any]]:
    """The objects of all regions in one table, numbered on from region to region, in the picture's coordinates."""
    tables, first = [empty_objects(columns)] if not measured else [], 1
    for part, one in zip(parts, measured, strict=True):
        rows, cols = part.region.box
        offset = {"y_px": rows.start, "x_px": cols.start}
        count = len(next(iter(one.objects.values()))) if one.objects else 0
        tables.append(
            {
                "region": np.full(count, part.region.name, dtype=object),
                "object": np.arange(first, first + count, dtype=np.int64),
                **{c.name: one.objects[c.name] + offset.get(c.name, 0) if c.name in offset else one.objects[c.name]
                   for c in columns},
            }
        )  # fmt: skip
        first += count
    return {name: np.concatenate([table[name] for table in tables]) for name in tables[0]}


def _joined_spots(parts: list[Part], measured: list[Measured]) -> dict[str, npt.NDArray[Any]]:
    """The spots of all regions in the picture's coordinates, their cells numbered on as the objects are."""
    tables, first = [], 0
    for part, one in zip(parts, measured, strict=True):
        rows, cols = part.region.box
        offset = {"y_px": rows.start, "x_px": cols.start}
        own = {name: values + offset.get(name, 0) for name, values in one.spots.items()}
        if "cell" in own:
            own["cell"] = np.where(own["cell"] > 0, own["cell"] + first, 0)
        tables.append(own)
        first += len(next(iter(one.objects.values()))) if one.objects else 0
    return {name: np.concatenate([table[name] for table in tables]) for name in tables[0]}


def _laid_out_labels(parts: list[Part], measured: list[Measured]) -> Labels:
    """The regions' labels in one picture, numbered on from region to region."""
    shape = parts[0].image.shape
    if len(parts) == 1 and parts[0].shape == shape:
        return measured[0].labels
    labels = np.zeros(shape, dtype=np.int32)
    count = 0
    for part, one in zip(parts, measured, strict=True):
        np.copyto(labels[part.region.box], one.labels + np.int32(count), where=one.labels > 0)
        count += int(one.labels.max(initial=0))
    return labels


def _laid_out(parts: list[Part], arrays: list[npt.NDArray[Any]]) -> npt.NDArray[Any]:
    """Masks or labels of the regions in one picture; where regions overlap, the last one's."""
    shape = parts[0].image.shape
    if len(parts) == 1 and parts[0].shape == shape:
        return arrays[0]
    whole = np.zeros(shape, dtype=arrays[0].dtype)
    for part, array in zip(parts, arrays, strict=True):
        np.copyto(whole[part.region.box], array, where=array != 0)
    return whole


def _overlap(regions: tuple[Region, ...], shape: tuple[int, int]) -> bool:
    if len(regions) < 2:
        return False
    covered = np.zeros(shape, dtype=np.bool_)
    for region in regions:
        mask = region.full_mask(shape)
        if (covered & mask).any():
            return True
        covered |= mask
    return False
