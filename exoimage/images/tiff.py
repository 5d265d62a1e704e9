"""TIFF in all its dress, as tifffile reads it, made into one picture or refused."""

from __future__ import annotations

import logging
import math
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import numpy.typing as npt
import tifffile

from exoimage.flags import Flag
from exoimage.images import colour, tiff_checks, tiff_metadata
from exoimage.images.decoded import (
    ALL_CHANNELS,
    Decoded,
    Refusal,
    channel_numbers,
    numbered_channels,
    with_channels_chosen,
)
from exoimage.images.focus import with_sharpest
from exoimage.images.selection import Selection, Take, gather, take_along
from exoimage.images.tiff_colour import PageColours, Photometric, page_colours

Pixels = npt.NDArray[Any]

# What tifffile has to say reaches whoever configures logging; without a handler it would reach the terminal.
logging.getLogger("tifffile").addHandler(logging.NullHandler())

_PLAIN_SEQUENCE = "IQ"
_MD_GEL = "mdgel"
_ASIDES = ("thumbnail", "label", "macro", "map", "overview")


@dataclass(frozen=True)
class Scene:
    """One picture of a file: a series, or one page of a plain sequence of pages."""

    series: tifffile.TiffPageSeries
    number: int
    name: str
    page: int | None = None


def decode_tiff(file: BinaryIO, selection: Selection, photometric: Photometric) -> Decoded:
    """Decode the picture of a TIFF that the selection names.

    Parameters
    ----------
    file : binary file
        Open at any place; stays open.
    selection : Selection
    photometric : {"shown", "stored"}
        "shown" inverts WhiteIsZero pictures, so that bright is bright; "stored" leaves their values.

    Raises
    ------
    Refusal
        If the picture is not whole, not one, or not one of light intensities.
    """
    with tifffile.TiffFile(file) as tif:
        images = described(tif, file)
        scene, axes = _chosen_scene(pictures_in(tif), selection)
        stack = stack_of(scene.series, axes, file)
        take = _taken(stack.lead, scene, selection)
        ome = tiff_metadata.ome_image_of(scene.series, scene.number, images)
        if "C" in stack.lead and selection.c not in (None, ALL_CHANNELS):
            names = tiff_metadata.channel_names(tif, ome, stack.lead["C"])
            take["C"] = channel_numbers(selection.c, names or numbered_channels(stack.lead["C"]))
            return _read_scene(tif, stack, take, ome, photometric)
        return with_channels_chosen(_read_scene(tif, stack, take, ome, photometric), selection.c)


def described(tif: tifffile.TiffFile, file: BinaryIO) -> tuple[tiff_metadata.OmeImage, ...]:
    """Read what OME-XML describes, after the checks that come before any series is looked at."""
    tiff_checks.refuse_broken_chain(file, len(tif.pages))
    images = tiff_metadata.ome_images(tif)
    if tiff_metadata.is_part_of_ome_set(tif) and not tiff_metadata.has_whole_ome_set(tif, file):
        tif.is_ome = False  # only the pages of this file: the others are not at hand
    return images


def _taken(lead: dict[str, int], scene: Scene, selection: Selection) -> dict[str, Take]:
    if scene.page is None:
        return dict(take_along(lead, selection))
    sequence = next(iter(lead))
    rest = {axis: length for axis, length in lead.items() if axis != sequence}
    return {sequence: scene.page, **take_along(rest, selection)}


def scene_names(file: BinaryIO) -> tuple[str, ...]:
    """Name the pictures in a TIFF, in order; thumbnails and smaller levels are none."""
    with tifffile.TiffFile(file) as tif:
        described(tif, file)
        return tuple(scene.name for scene in _scenes(pictures_in(tif)))


def pictures_in(tif: tifffile.TiffFile) -> list[tifffile.TiffPageSeries]:
    """Keep the series that are pictures of their own, not smaller copies or photographs of a label."""
    everything = [series for series in tif.series if {"Y", "X"} <= set(series.axes)]
    if not everything:
        raise Refusal("it holds no picture; save it again as TIFF")
    kept: list[tifffile.TiffPageSeries] = []
    for series in everything:
        aside = series.name.lower() in _ASIDES or series.keyframe.is_reduced
        if not aside and not any(_is_smaller_copy(series, other) for other in kept):
            kept.append(series)
    return kept or everything[:1]


def _is_smaller_copy(series: tifffile.TiffPageSeries, full: tifffile.TiffPageSeries) -> bool:
    """Whether a single plane repeats an earlier one at half its size or less (a thumbnail, a level)."""
    small, large = series.keyframe, full.keyframe
    if not (len(series) == 1 and small.imagewidth * 2 <= large.imagewidth + 1 and small.imagelength > 1):
        return False
    factor = large.imagewidth / small.imagewidth
    slack = factor * (1 + large.imagelength / large.imagewidth)
    return abs(small.imagelength * factor - large.imagelength) <= slack


def _scenes(pictures: Sequence[tifffile.TiffPageSeries]) -> list[Scene]:
    scenes: list[Scene] = []
    for number, series in enumerate(pictures):
        if _is_plain_sequence(series):
            pages = range(series.shape[0])
            scenes += [Scene(series, number, f"page {len(scenes) + 1 + page}", page) for page in pages]
        else:
            scenes.append(Scene(series, number, series.name or f"page {len(scenes) + 1}"))
    return scenes


def _is_plain_sequence(series: tifffile.TiffPageSeries) -> bool:
    return series.axes[0] in _PLAIN_SEQUENCE and series.shape[0] > 1


def _chosen_scene(pictures: list[tifffile.TiffPageSeries], selection: Selection) -> tuple[Scene, str]:
    """Give the scene, and the axes of its series by the names the user gives them."""
    found = scenes_of(pictures, selection)
    scenes, first = [scene for scene, _ in found], pictures[0]
    if selection.scene is None and len(scenes) > 1:
        listed = ", ".join(f"{number} ({_size(scene)})" for number, scene in enumerate(scenes[:8]))
        stack = ' (pages of one stack: z = "max", or c = 0 …)' if first.axes[0] in _PLAIN_SEQUENCE else ""
        more = ", …" if len(scenes) > 8 else ""
        raise Refusal(f"it holds {len(scenes)} pictures, {listed}{more}: choose one with scene = NUMBER{stack}")
    number = selection.scene or 0
    if number >= len(scenes):
        raise Refusal(f"scene = {number} was asked for, but it holds {len(scenes)}: choose 0 … {len(scenes) - 1}")
    return found[number]


def scenes_of(pictures: Sequence[tifffile.TiffPageSeries], selection: Selection) -> list[tuple[Scene, str]]:
    """The scenes of a file's pictures, each with the axes of its series by the names the user gives them.

    Pages without a named axis are scenes of their own, unless z, t or c is chosen: then they are that stack.
    """
    first = pictures[0]
    meant = next((axis for axis in "ZTC" if getattr(selection, axis.lower()) is not None), "")
    one_stack = len(pictures) == 1 and selection.scene is None and _is_plain_sequence(first)
    means_samples = meant == "C" and "S" in first.axes
    if one_stack and meant and meant not in first.axes and not means_samples:
        return [(Scene(first, 0, first.name), meant + first.axes[1:])]
    return [(scene, scene.series.axes) for scene in _scenes(pictures)]


def levels_of(scene: Scene, tif: tifffile.TiffFile) -> list[tifffile.TiffPageSeries]:
    """The sizes at which a scene is stored, the full resolution first.

    Those that the file declares (SubIFDs, slide scanners), else pages that repeat the picture at half its size or
    less; a picture with axes of planes has only the declared ones, which have the same axes.
    """
    full = scene.series
    if scene.page is not None:
        return [full]
    known = [level for level in full.levels if level.axes == full.axes]
    if len(known) < 2 and len(full) == 1:
        known = [full, *(one for one in tif.series if one is not full and _is_level(one, full))]
    return sorted(known, key=lambda level: -level.keyframe.imagewidth)


def _is_level(series: tifffile.TiffPageSeries, full: tifffile.TiffPageSeries) -> bool:
    same = (
        series.axes == full.axes
        and series.dtype == full.dtype
        and series.keyframe.photometric == full.keyframe.photometric
    )
    return same and series.name.lower() not in _ASIDES and _is_smaller_copy(series, full)


def _size(scene: Scene) -> str:
    page = scene.series.keyframe
    return f"{scene.name}: {page.imagewidth} × {page.imagelength} px"


@dataclass(frozen=True)
class Stack:
    """A series as planes along named axes, each plane (y, x, sample) once read.

    Parameters
    ----------
    series : tifffile.TiffPageSeries
    lead : dict of str to int
        Length of each axis of planes, in order.
    file : binary file
    length : int
        Of the file, in bytes.
    """

    series: tifffile.TiffPageSeries
    lead: dict[str, int]
    file: BinaryIO
    length: int

    @property
    def planes(self) -> int:
        """How many there are."""
        return math.prod(self.lead.values())


def stack_of(series: tifffile.TiffPageSeries, axes: str, file: BinaryIO) -> Stack:
    """A series as planes along its leading axes.

    Raises
    ------
    Refusal
        If they are stored in another way.
    """
    page = series.keyframe
    count = len(axes) - len(page.axes)
    plain = "".join(page.axes.split("S")) == "YX" and series.shape[count:] == page.shape
    known = series.transform is None or series.kind == _MD_GEL
    if not plain or not known or len(set(axes)) != len(axes):
        raise Refusal(f"its planes are stored in an unusual way (axes {axes}); save it again, e.g. from ImageJ")
    lead = dict(zip(axes[:count], series.shape[:count], strict=True))
    return Stack(series, lead, file, file.seek(0, 2))


def _read_scene(
    tif: tifffile.TiffFile,
    stack: Stack,
    take: dict[str, Take],
    ome: tiff_metadata.OmeImage | None,
    photometric: Photometric,
) -> Decoded:
    """Read the planes taken, as (y, x, channel) of light."""
    shape = tuple(stack.lead.values())
    first = np.ravel_multi_index([_first_of(take.get(axis)) for axis in stack.lead], shape) if shape else 0
    page = own_page(stack.series, int(first))
    stated = tiff_metadata.stated_maximum(tif, page, ome)
    is_gel = stack.series.kind == _MD_GEL
    if is_gel:
        photometric = "stored"  # a scanner's counts, whatever the tag says of how to show them
    colours = page_colours(page, by_imagej=tif.is_imagej, photometric=photometric, white=stated)
    if is_gel:
        colours = _linearised(colours, stack.series)
    names = tiff_metadata.channel_names(tif, ome, stack.lead.get("C", 1))
    chosen = take.get("C")
    if isinstance(chosen, tuple):
        names = tuple((names or numbered_channels(stack.lead["C"]))[number] for number in chosen)
    tiff_checks.refuse_absurd_series(stack.series, len(chosen) if isinstance(chosen, tuple) else stack.lead.get("C", 1))
    read = _plane_reader(tif, stack)

    def light(index: tuple[int, ...]) -> Pixels:
        number = int(np.ravel_multi_index(index, shape)) if index else 0
        of_plane = colours
        if Flag.PALETTE_FILE in colours.flags:  # each page may have a palette of its own
            own = own_page(stack.series, number)
            of_plane = page_colours(own, by_imagej=tif.is_imagej, photometric=photometric, white=stated)
        return of_plane.to_light(_samples_last(read(number), page.axes))

    pixels = _channels_last(gather(stack.lead, with_sharpest(stack.lead, take, light), light))
    return Decoded(
        colour.upright(pixels, int(page.tags.valueof("Orientation", 1))),
        colour=colours.colour,
        channels=names if len(names) == pixels.shape[2] and not colours.colour else (),
        max_value=_full_scale(stated or _full_of(page.dtype), stack.series),
        pixel_size=tiff_metadata.scale(tif, page, ome),
        flags=colours.flags,
    )


def _linearised(colours: PageColours, series: tifffile.TiffPageSeries) -> PageColours:
    """Counts from the square roots (or scaled counts) that GE and Molecular Dynamics imagers store, as float32."""
    to_counts = series.transform
    if to_counts is None:
        return colours

    def to_light(pixels: Pixels) -> Pixels:
        return np.asarray(to_counts(colours.to_light(pixels)), dtype=np.float32)

    return replace(colours, to_light=to_light)


def _full_scale(stored: float, series: tifffile.TiffPageSeries) -> float:
    """The value at which the camera saturates, in the units of the picture; 0 where unknown."""
    if series.transform is None or not stored:
        return stored
    return float(series.transform(np.array([stored]))[0])


def _first_of(taken: Take | None) -> int:
    if isinstance(taken, tuple):
        return taken[0]
    return taken if isinstance(taken, int) else 0


def own_page(series: tifffile.TiffPageSeries, number: int) -> tifffile.TiffPage:
    """Give the page of a plane with tags of its own; the series' first where one page stands for all."""
    page = series[number] if number < len(series) and len(series.pages) > 1 else None
    if isinstance(page, tifffile.TiffFrame):
        return page.aspage()
    return page or series.keyframe


def _full_of(dtype: np.dtype[Any] | None) -> float:
    """Give the dtype's own maximum where it is one a camera reaches: a mean keeps it, though it is float."""
    return float(np.iinfo(dtype).max) if dtype in (np.uint8, np.uint16) else 0.0


def _plane_reader(tif: tifffile.TiffFile, stack: Stack) -> Callable[[int], Pixels]:
    """Make the function from a plane's number to its array, once it is known that the file holds them all."""
    series, page, planes = stack.series, stack.series.keyframe, stack.planes
    announced = (tif.imagej_metadata or {}).get("images", 1) if tif.is_imagej else 1
    if isinstance(announced, int) and announced > planes and len(tif.series) == 1:
        raise Refusal(tiff_checks.TRUNCATED.format(f"{announced} planes are announced, {planes} are there"))
    start = series.dataoffset
    if start is not None and planes > 1 and page.dtype is not None:
        if start + planes * page.nbytes > stack.length:
            raise Refusal(tiff_checks.TRUNCATED.format("the last planes should lie beyond its end"))
        dtype = np.dtype(tif.byteorder + page.dtype.char)

        def contiguous(number: int) -> Pixels:
            tif.filehandle.seek(start + number * page.nbytes)
            flat: Pixels = tif.filehandle.read_array(dtype, math.prod(page.shape))
            return flat.reshape(page.shape)

        return contiguous
    if len(series) != planes:
        raise Refusal(f"{planes} planes are announced, {len(series)} are there; export it again")
    if tif.is_ome and any(_is_elsewhere(one, tif) for one in series):
        _refuse_incomplete_set(series, stack)
        return lambda number: _one_page(series[number])
    for number in range(planes):
        tiff_checks.refuse_incomplete_page(stack.file, series[number], stack.length, number)
    return lambda number: _one_page(series[number])


def _is_elsewhere(page: tifffile.TiffPage | tifffile.TiffFrame | None, tif: tifffile.TiffFile) -> bool:
    return page is not None and page.parent is not tif


def _refuse_incomplete_set(series: tifffile.TiffPageSeries, stack: Stack) -> None:
    """Each page is checked in the file it lies in."""
    with ExitStack() as opened:
        files: dict[str, BinaryIO] = {}
        for number in range(stack.planes):
            page = series[number]
            name = "" if page is None else str(page.parent.filehandle.path)
            if name and name not in files:
                files[name] = opened.enter_context(Path(name).open("rb"))
            file = files.get(name, stack.file)
            tiff_checks.refuse_incomplete_page(file, page, file.seek(0, 2), number)


def _one_page(page: tifffile.TiffPage | tifffile.TiffFrame | None) -> Pixels:
    assert page is not None  # refused as incomplete before
    handle = page.parent.filehandle
    is_elsewhere = handle.closed  # a part of an OME set, in a file of its own
    handle.open()
    try:
        pixels: Pixels = page.asarray(maxworkers=1)
    finally:
        if is_elsewhere:
            handle.close()
    return pixels


def _samples_last(plane: Pixels, axes: str) -> Pixels:
    """(y, x, sample) in the machine's byte order from a page's "YX", "YXS" or "SYX"."""
    ordered = np.moveaxis(plane, axes.index("S"), -1) if "S" in axes else plane[:, :, np.newaxis]
    return ordered.astype(ordered.dtype.newbyteorder("="), copy=False)


def _channels_last(pixels: Pixels) -> Pixels:
    """(y, x, channel) from planes (y, x, sample), or from one such plane per channel."""
    if pixels.ndim == 3:
        return pixels
    if pixels.shape[3] == 1:
        return np.moveaxis(pixels[:, :, :, 0], 0, -1)
    if pixels.shape[0] == 1:
        plane: Pixels = pixels[0]
        return plane
    raise Refusal("it holds several channels that are colour pictures each; choose one with c = NUMBER")
