"""The directory of a .czi: what tiles there are, checked before a library in C++ is asked for them."""

from __future__ import annotations

import math
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import cv2
import numpy as np

from exoimage.images.decoded import MAX_PIXELS, Refusal
from exoimage.images.tiff_checks import TRUNCATED

_DAMAGED = "its directory of tiles is damaged ({}); copy or export it again"
_MOST_TILES = 2_000_000
_LARGEST_EDGE = 1 << 28
_BYTES_PER_PIXEL = {0: 1, 1: 2, 2: 4, 3: 3, 4: 6, 8: 12, 9: 4, 10: 8, 11: 8, 12: 4, 13: 8}
_UNCOMPRESSED = 0
_COVER_EDGE = 2048
_FULL = 0.9999


@dataclass(frozen=True)
class Tile:
    """One tile at full resolution: scene (-1 where there are none) and place in px."""

    scene: int
    left: int
    top: int
    width: int
    height: int


@dataclass(frozen=True)
class CziDirectory:
    """The tiles of a file.

    Parameters
    ----------
    tiles : tuple of Tile
        Of the full resolution, each place once.
    has_pyramid : bool
        Whether smaller levels are stored.
    compressions : frozenset of int
        Zeiss's numbers of the compressions in use.
    """

    tiles: tuple[Tile, ...]
    has_pyramid: bool
    compressions: frozenset[int]

    def covered(self, scene: int | None, box: tuple[int, int, int, int]) -> float:
        """Share of a scene's box (left, top, width, height) that tiles cover; 1 where all of it.

        Drawn at reduced size, so that slivers thinner than a thousandth of the edge do not count.
        """
        left, top, width, height = box
        factor = max(1.0, max(width, height) / _COVER_EDGE)
        drawn = np.zeros((max(1, int(height / factor)), max(1, int(width / factor))), np.uint8)
        for tile in self.tiles:
            if scene is not None and tile.scene not in (scene, -1):
                continue
            first = (round((tile.left - left) / factor), round((tile.top - top) / factor))
            last = (
                round((tile.left + tile.width - left) / factor) - 1,
                round((tile.top + tile.height - top) / factor) - 1,
            )
            cv2.rectangle(drawn, first, last, 1, cv2.FILLED)
        share = float(drawn.mean())
        return 1.0 if share > _FULL else share


def read_directory(path: str) -> CziDirectory:
    """Read the directory, after Zeiss's published description of the format (DS_ZISRAW-FileFormat).

    Raises
    ------
    Refusal
        If it is not there, names tiles beyond the file's end, or sizes that no tile can have.
    """
    with Path(path).open("rb") as file:
        length = file.seek(0, 2)
        (place,) = struct.unpack("<q", _read(file, 84, 8, length))
        if not 0 < place <= length - 160:
            raise Refusal(TRUNCATED.format("its directory should lie beyond its end"))
        head = _read(file, place, 160, length)
        if not head.startswith(b"ZISRAWDIRECTORY"):
            raise Refusal(_DAMAGED.format("it is not where it should be"))
        (count,) = struct.unpack_from("<i", head, 32)
        if not 0 < count <= min(_MOST_TILES, length // 32):
            raise Refusal(_DAMAGED.format(f"it announces {count} tiles"))
        (used,) = struct.unpack_from("<q", head, 24)
        body = _read(file, place + 160, min(max(used, 0), length - place - 160), length)
        return _parsed(body, count, file, length)


def _parsed(body: bytes, count: int, file: BinaryIO, length: int) -> CziDirectory:
    tiles: dict[Tile, None] = {}
    compressions: set[int] = set()
    has_pyramid, at = False, 0
    for _ in range(count):
        if at + 32 > len(body) or body[at : at + 2] != b"DV":
            raise Refusal(_DAMAGED.format("an entry is not there"))
        kind, place, _, compression, _, dimensions = struct.unpack_from("<iqiiB5xi", body, at + 2)
        if not 2 <= dimensions <= 64 or at + 32 + 20 * dimensions > len(body):
            raise Refusal(_DAMAGED.format(f"an entry has {dimensions} dimensions"))
        sizes = _dimensions(body, at + 32, dimensions)
        at += 32 + 20 * dimensions
        _refuse_bad_tile(sizes, kind, compression, place, file, length)
        compressions.add(compression)
        (left, width, stored), (top, height, _) = sizes["X"], sizes["Y"]
        if stored and stored != width:
            has_pyramid = True
            continue
        tiles[Tile(sizes.get("S", (-1, 1, 1))[0], left, top, width, height)] = None
    return CziDirectory(tuple(tiles), has_pyramid, frozenset(compressions))


def _dimensions(body: bytes, at: int, count: int) -> Mapping[str, tuple[int, int, int]]:
    """Start, size and stored size by name."""
    found: dict[str, tuple[int, int, int]] = {}
    for number in range(count):
        name, start, size, _, stored = struct.unpack_from("<4siifi", body, at + 20 * number)
        found[name.rstrip(b"\0").decode("ascii", "replace")] = (start, size, stored)
    if "X" not in found or "Y" not in found:
        raise Refusal(_DAMAGED.format("a tile has no place"))
    return found


def _refuse_bad_tile(
    sizes: Mapping[str, tuple[int, int, int]], kind: int, compression: int, place: int, file: BinaryIO, length: int
) -> None:
    edges = [edge for axis in "XY" for edge in sizes[axis][1:]]
    starts = [abs(start) for start, _, _ in sizes.values()]
    if min(edges) < 0 or max(edges + starts) > _LARGEST_EDGE or min(size for _, size, _ in sizes.values()) < 0:
        raise Refusal(_DAMAGED.format("a tile has an impossible size"))
    pixels = math.prod(sizes[axis][2] or sizes[axis][1] for axis in "XY")
    if not 0 < pixels <= MAX_PIXELS:
        raise Refusal(_DAMAGED.format(f"a tile of {pixels} px"))
    head = _read(file, place, 48, length)
    if not head.startswith(b"ZISRAWSUBBLOCK"):
        raise Refusal(_DAMAGED.format("a tile is not where it should be"))
    metadata, attachment, data = struct.unpack_from("<iiq", head, 32)
    if min(metadata, attachment, data) < 0 or place + 32 + metadata + data > length:
        raise Refusal(TRUNCATED.format("a tile should reach beyond its end"))
    if compression == _UNCOMPRESSED and data < pixels * _BYTES_PER_PIXEL.get(kind, 1):
        raise Refusal(_DAMAGED.format("a tile holds fewer bytes than pixels"))


def _read(file: BinaryIO, place: int, size: int, length: int) -> bytes:
    if not 0 <= place <= length - size or size < 0:
        raise Refusal(TRUNCATED.format("a part should lie beyond its end"))
    file.seek(place)
    return file.read(size)
