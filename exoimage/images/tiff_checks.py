"""Whether a TIFF is whole: what must be true of its headers before a pixel of it is believed."""

from __future__ import annotations

import math
import struct
from typing import BinaryIO

import tifffile

from exoimage.images.codec_headers import HEADER_BYTES, refuse_oversized_tile
from exoimage.images.decoded import Refusal, refuse_absurd_size

TRUNCATED = "the file is truncated: {}; copy or export it again"

# No stream of these codecs can say more than so many bytes with one (deflate's proven limit is 1032).
# Blank baseline JPEG reaches 500.
_LARGEST_RATIO = {5: 2100, 8: 1100, 32946: 1100, 50013: 1100, 32773: 130, 6: 2000, 7: 2000}
_IMPLAUSIBLE_FROM = 1 << 26

JPEG_COMPRESSIONS = frozenset({6, 7, 33007, 34892})
_WITH_SIZES_OF_THEIR_OWN = JPEG_COMPRESSIONS | {33003, 33004, 33005, 34712}
_JPEG_END = b"\xff\xd9"
_PADDING = 16


def refuse_broken_chain(file: BinaryIO, pages: int) -> None:
    """Refuse a file whose chain of page directories breaks off: tifffile reads the pages before the break."""
    length = file.seek(0, 2)
    head = _read_at(file, 0, 16)
    order = "<" if head[:2] == b"II" else ">"
    big = struct.unpack(order + "H", head[2:4])[0] == 43
    count_format, entry, pointer = ("Q", 20, "Q") if big else ("H", 12, "I")
    (offset,) = struct.unpack_from(order + pointer, head, 8 if big else 4)
    seen: set[int] = set()
    while offset:
        if offset in seen:
            raise Refusal("its page directories point in a circle: the file is damaged")
        seen.add(offset)
        count_size = struct.calcsize(count_format)
        raw = _read_at(file, offset, count_size)
        tags = struct.unpack(order + count_format, raw)[0] if len(raw) == count_size else 0
        next_at = offset + count_size + tags * entry
        if not tags or next_at + struct.calcsize(pointer) > length:
            raise Refusal(TRUNCATED.format(f"page {len(seen)} should be described beyond its end"))
        (offset,) = struct.unpack(order + pointer, _read_at(file, next_at, struct.calcsize(pointer)))
    if len(seen) > pages:
        raise Refusal(f"its header names {len(seen)} pages but only {pages} can be read: the file is damaged")


def refuse_absurd_series(series: tifffile.TiffPageSeries, planes: int) -> None:
    """Refuse sizes that no memory should be asked for, and sizes that so few bytes cannot hold."""
    page = series.keyframe
    itemsize = series.dtype.itemsize
    per_plane = max(page.samplesperpixel, 1) * max(page.imagedepth, 1)
    refuse_absurd_size(page.imagelength, page.imagewidth, per_plane * planes, itemsize)
    decoded = page.imagelength * page.imagewidth * per_plane * itemsize
    ratio = _LARGEST_RATIO.get(int(page.compression))
    if ratio and decoded > _IMPLAUSIBLE_FROM and decoded > ratio * sum(page.databytecounts):
        raise Refusal(
            f"its header announces {page.imagewidth} × {page.imagelength} px, more than its"
            f" {sum(page.databytecounts)} bytes can hold: the file is damaged"
        )


def refuse_incomplete_page(
    file: BinaryIO, page: tifffile.TiffPage | tifffile.TiffFrame | None, length: int, number: int
) -> None:
    """Refuse a page of which a strip or tile is missing, empty or beyond the end of the file.

    tifffile would fill such places with zeros, which count as the darkest stain.
    """
    if page is None:
        raise Refusal(f"plane {number} of it is missing or lies in another file; export it as one complete file")
    key = page.keyframe
    if key is None:
        raise Refusal(f"page {number + 1} of it is not described: the file is damaged")
    if key.is_contiguous and page.dataoffsets:
        if page.dataoffsets[0] + key.nbytes > length:
            raise Refusal(TRUNCATED.format(f"page {number + 1} should reach beyond its end"))
        return
    expected = math.prod(key.chunked) if key.chunked else 1
    if min(len(page.dataoffsets), len(page.databytecounts)) < expected:
        raise Refusal(TRUNCATED.format(f"page {number + 1} names fewer strips or tiles than it needs"))
    is_jpeg = int(key.compression) in JPEG_COMPRESSIONS
    has_own_size = int(key.compression) in _WITH_SIZES_OF_THEIR_OWN
    tall, wide = tile_size(key)
    for offset, size in zip(page.dataoffsets[:expected], page.databytecounts[:expected], strict=True):
        if size == 0 or offset == 0:
            raise Refusal(f"a strip or tile of page {number + 1} is empty; save the whole picture again")
        if offset + size > length:
            raise Refusal(TRUNCATED.format(f"page {number + 1} should reach beyond its end"))
        if has_own_size:
            refuse_oversized_tile(_read_at(file, offset, min(size, HEADER_BYTES)), wide, tall)
        if is_jpeg:
            refuse_jpeg_without_end(_read_at(file, offset + max(0, size - _PADDING), min(size, _PADDING)))


def tile_size(page: tifffile.TiffPage) -> tuple[int, int]:
    """Height and width of a tile, or of a strip."""
    if page.is_tiled:
        return int(page.tilelength), int(page.tilewidth)
    return int(min(page.rowsperstrip, page.imagelength)), int(page.imagewidth)


def refuse_jpeg_without_end(data: bytes) -> None:
    """Refuse a JPEG strip or tile that breaks off: libjpeg fills what is missing with grey and only warns."""
    if _JPEG_END not in data[-_PADDING:]:
        raise Refusal(TRUNCATED.format("a JPEG strip or tile has no end"))


def _read_at(file: BinaryIO, offset: int, size: int) -> bytes:
    file.seek(offset)
    return file.read(size)
