"""Windows of a TIFF, at the levels of its pyramid: only the tiles or strips that a window touches are decoded."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import numpy.typing as npt
import tifffile

from exoimage.flags import Flag
from exoimage.images import colour, keyence, tiff_checks, tiff_metadata
from exoimage.images.codec_headers import HEADER_BYTES, refuse_oversized_tile
from exoimage.images.decoded import Refusal
from exoimage.images.selection import Selection
from exoimage.images.stored import Box, Container, StoredScene
from exoimage.images.tiff import Scene, decode_tiff, described, levels_of, own_page, pictures_in, scenes_of, stack_of
from exoimage.images.tiff_colour import PageColours, page_colours

Pixels = npt.NDArray[Any]

_MOST_PAGES_KEPT = 1 << 16
_GREY = (0, 1)


@contextmanager
def open_tiff(path: str, selection: Selection) -> Iterator[Container]:
    """Open a TIFF as a container of its pictures.

    Parameters
    ----------
    path : str
    selection : Selection
        Says what pages without a name are, as in `tiff.decode_tiff`.
    """
    with Path(path).open("rb") as file, tifffile.TiffFile(file) as tif:
        yield _Tiff(tif, file, selection)


@dataclass(frozen=True)
class _Page:
    """One stored page: where its segments lie, and how they become light."""

    page: tifffile.TiffPage
    colours: PageColours
    file: BinaryIO
    length: int
    byteorder: str
    shift: int = 0

    @cached_property
    def grid(self) -> tuple[int, int]:
        """Height and width of a segment: a tile, or a strip."""
        return tiff_checks.tile_size(self.page)

    def window(self, box: Box) -> Pixels:
        """The light in a box, (y, x, channel)."""
        if self.page.is_contiguous and self.page.bitspersample in (8, 16, 32, 64) and int(self.page.predictor) == 1:
            return self.colours.to_light(self._mapped(box))
        return self.colours.to_light(self._decoded(box))

    def _mapped(self, box: Box) -> Pixels:
        """Uncompressed pixels, straight from the file."""
        page = self.page
        start = page.dataoffsets[0] + self.shift
        if start + page.nbytes > self.length or page.dtype is None:
            raise Refusal(tiff_checks.TRUNCATED.format("its pixels should reach beyond its end"))
        dtype = np.dtype(self.byteorder + page.dtype.char)
        whole = np.memmap(self.file, dtype=dtype, mode="r", offset=start, shape=page.shape)
        ordered = np.moveaxis(whole, page.axes.index("S"), -1) if "S" in page.axes else whole[:, :, np.newaxis]
        top, left, height, width = box
        part = np.array(ordered[top : top + height, left : left + width])
        return part.astype(part.dtype.newbyteorder("="), copy=False)

    def _decoded(self, box: Box) -> Pixels:
        page = self.page
        top, left, height, width = box
        tall, wide = self.grid
        across, down = -(-page.imagewidth // wide), -(-page.imagelength // tall)
        separate = page.samplesperpixel if int(page.planarconfig) == 2 else 1
        is_white = self.colours.colour and page.dtype is not None and page.dtype.kind in "uf"
        empty = colour.full_scale(page.dtype) if is_white and page.dtype is not None else 0
        out = np.full((height, width, page.samplesperpixel), empty, dtype=page.dtype)
        for sample in range(separate):
            for row in range(top // tall, -(-(top + height) // tall)):
                for column in range(left // wide, -(-(left + width) // wide)):
                    segment = self._segment(sample * across * down + row * across + column)
                    if segment is not None:
                        part = out[:, :, sample : sample + 1] if separate > 1 else out
                        _place(part, segment, row * tall - top, column * wide - left)
        return out

    def _segment(self, number: int) -> Pixels | None:
        page = self.page
        if number >= min(len(page.dataoffsets), len(page.databytecounts)):
            raise Refusal(tiff_checks.TRUNCATED.format("it names fewer strips or tiles than it needs"))
        start, size = page.dataoffsets[number], page.databytecounts[number]
        if not size or not start:
            return None
        if start + size > self.length:
            raise Refusal(tiff_checks.TRUNCATED.format("a strip or tile should lie beyond its end"))
        self.file.seek(start)
        data = self.file.read(size)
        tall, wide = self.grid
        refuse_oversized_tile(data[:HEADER_BYTES], wide, tall)
        if int(page.compression) in tiff_checks.JPEG_COMPRESSIONS and not page.is_ndpi:
            tiff_checks.refuse_jpeg_without_end(data)
        # The position that comes with it is the segment's in the whole page, which we know.
        decoded, _, _ = page.decode(data, number, jpegtables=page.jpegtables, jpegheader=page.jpegheader)
        if decoded is None:
            return None
        segment: Pixels = decoded[0]
        return segment


def _place(out: Pixels, segment: Pixels, top: int, left: int) -> None:
    """Copy what of a segment lies within; top and left are its place, which may be negative."""
    height, width = segment.shape[:2]
    rows = slice(max(0, top), max(0, min(out.shape[0], top + height)))
    columns = slice(max(0, left), max(0, min(out.shape[1], left + width)))
    out[rows, columns] = segment[rows.start - top : rows.stop - top, columns.start - left : columns.stop - left]


class _Tiff:
    def __init__(self, tif: tifffile.TiffFile, file: BinaryIO, selection: Selection) -> None:
        self._tif, self._file, self._selection = tif, file, selection
        self._length = file.seek(0, 2)
        self._ome = described(tif, file)
        everything = pictures_in(tif)
        self._found: Sequence[tuple[Scene, str]] = scenes_of(everything, selection)
        self._levels = [levels_of(scene, tif) for scene, _ in self._found]
        self.scenes: Sequence[StoredScene] = tuple(
            self._described(scene, axes, levels)
            for (scene, axes), levels in zip(self._found, self._levels, strict=True)
        )
        self._pages: dict[tuple[int, int, int], _Page] = {}
        self._whole: tuple[int, dict[str, int], Pixels] | None = None

    def plane(self, scene: int, index: Mapping[str, int]) -> Pixels:
        stored = self.scenes[scene]
        return self.window(scene, index, (0, 0, stored.height, stored.width), 0)

    def window(self, scene: int, index: Mapping[str, int], box: Box, level: int) -> Pixels:
        found, axes = self._found[scene]
        lead = stack_of(found.series, axes, self._file).lead
        at = {**index, **({next(iter(lead)): found.page} if found.page is not None else {})}
        shape = tuple(lead.values())
        number = int(np.ravel_multi_index([at[axis] for axis in lead], shape)) if shape else 0
        whole = self._needs_whole(found)
        part = self._cut_from_whole(scene, dict(index), box) if whole else self._page(scene, level, number).window(box)
        return part if self.scenes[scene].colour else part[:, :, 0]

    def _needs_whole(self, scene: Scene) -> bool:
        """Turned pictures, scanners' counts and sets of files are read as `read` does it."""
        page = scene.series.keyframe
        turned = int(page.tags.valueof("Orientation", 1)) != 1
        own = all(one is None or one.parent is self._tif for one in scene.series.pages)
        beside = page.samplesperpixel > 1 and int(page.photometric) in _GREY
        return turned or beside or not own

    def _cut_from_whole(self, scene: int, index: dict[str, int], box: Box) -> Pixels:
        if self._whole is None or self._whole[:2] != (scene, index):
            found, _ = self._found[scene]
            number = scene if len(self._found) > 1 or found.page is not None else None
            chosen = Selection(number, index.get("Z"), index.get("T"), index.get("C"))
            self._whole = (scene, index, decode_tiff(self._file, chosen, "shown").pixels)
        top, left, height, width = box
        return self._whole[2][top : top + height, left : left + width]

    def _page(self, scene: int, level: int, number: int) -> _Page:
        key = (scene, level, number)
        if key not in self._pages:
            series = self._levels[scene][level]
            page = own_page(series, number)
            ome = tiff_metadata.ome_image_of(self._found[scene][0].series, self._found[scene][0].number, self._ome)
            white = tiff_metadata.stated_maximum(self._tif, page, ome)
            colours = page_colours(page, by_imagej=self._tif.is_imagej, photometric="shown", white=white)
            if len(self._pages) > _MOST_PAGES_KEPT:
                self._pages.clear()
            # ImageJ describes the first page of a large stack only; the planes follow it.
            shift = number * page.nbytes if len(series.pages) == 1 and number else 0
            self._pages[key] = _Page(page, colours, self._file, self._length, self._tif.byteorder, shift)
        return self._pages[key]

    def _described(self, scene: Scene, axes: str, levels: Sequence[tifffile.TiffPageSeries]) -> StoredScene:
        stack = stack_of(scene.series, axes, self._file)
        page = scene.series.keyframe
        ome = tiff_metadata.ome_image_of(scene.series, scene.number, self._ome)
        lead = dict(stack.lead)
        if scene.page is not None:
            lead.pop(next(iter(lead)))
        stated = tiff_metadata.stated_maximum(self._tif, page, ome)
        unread, colours = "", None
        try:
            colours = page_colours(page, by_imagej=self._tif.is_imagej, photometric="shown", white=stated)
        except Refusal as refusal:
            unread = str(refusal)
        colour_picture = colours is not None and colours.colour
        if not colour_picture and page.samplesperpixel > 1 and "C" not in lead:
            lead["C"] = page.samplesperpixel
        if scene.series.transform is not None:
            unread = "a gel imager's counts are read whole, not by windows"
        turned = int(page.tags.valueof("Orientation", 1)) in (5, 6, 7, 8)
        height, width = page.imagelength, page.imagewidth
        gaps = any(0 in one.databytecounts for one in (scene.series.keyframe,))
        flags = (colours.flags if colours else ()) + ((Flag.MOSAIC_GAPS,) if gaps else ())
        return StoredScene(
            scene.name,
            width if turned else height,
            height if turned else width,
            np.dtype(np.uint8 if page.dtype in (None, np.bool_) else page.dtype),
            axes=lead,
            colour=colour_picture,
            channels=tiff_metadata.channel_names(self._tif, ome, lead.get("C", 1)),
            pixel_size=tiff_metadata.scale(self._tif, page, ome),
            max_value=stated,
            levels=tuple((one.keyframe.imagelength, one.keyframe.imagewidth) for one in levels) if not turned else (),
            flags=flags,
            details=tiff_metadata.details(self._tif, page) | keyence.details(self._tif, page),
            unread=unread,
        )
