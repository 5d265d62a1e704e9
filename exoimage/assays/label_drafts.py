"""Labels of a slide's tiles, kept compressed until all is counted and every object has its number."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from types import TracebackType
from typing import IO, Any, Self

import imagecodecs
import numpy as np
import numpy.typing as npt

from exoimage.images.label_pyramids import TILE

Labels = npt.NDArray[np.int32]


@dataclass(frozen=True)
class Strip:
    """Some rows of one tile's labels.

    Parameters
    ----------
    top, left : int
        Place in the slide.
    shape : (height, width)
    data : bytes
        Compressed numbers of the tile's own, 0 for none.
    """

    top: int
    left: int
    shape: tuple[int, int]
    data: bytes


@dataclass(frozen=True)
class _Kept:
    strip: Strip
    offset: int
    size: int
    first: int


def strips_of(labels: Labels, top: int, left: int) -> list[Strip]:
    """A tile's labels, cut at the rows at which the written file is cut; nothing of empty rows.

    Parameters
    ----------
    labels : (y, x) int32 array
    top, left : int
        Its place in the slide.

    Examples
    --------
    >>> [(strip.top, strip.left, strip.shape) for strip in strips_of(np.eye(4, dtype=np.int32), 510, 7)]
    [(510, 7, (2, 2)), (512, 9, (2, 2))]
    """
    found = []
    begin = top
    while begin < top + len(labels):
        end = min(top + len(labels), (begin // TILE + 1) * TILE)
        rows = labels[begin - top : end - top]
        columns = np.flatnonzero(rows.any(axis=0))
        if len(columns):
            first, last = int(columns[0]), int(columns[-1]) + 1
            part = np.ascontiguousarray(rows[:, first:last])
            found.append(Strip(begin, left + first, (part.shape[0], part.shape[1]), _compressed(part)))
        begin = end
    return found


class LabelDrafts:
    """The strips of all tiles, in a file of their own that is gone when they are closed."""

    def __init__(self) -> None:
        self._file: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115 - closed with the drafts
        self._bands: dict[int, list[_Kept]] = {}
        self._length = 0

    def add(self, strips: list[Strip], first: int) -> None:
        """Keep a tile's strips; its numbers stand for `first`, `first` + 1 … of all pieces and objects."""
        for strip in strips:
            self._file.write(strip.data)
            kept = _Kept(Strip(strip.top, strip.left, strip.shape, b""), self._length, len(strip.data), first)
            self._bands.setdefault(strip.top // TILE, []).append(kept)
            self._length += len(strip.data)

    def rows(self, first: int, last: int, width: int, numbers: Labels) -> Labels:
        """Rows of the slide, each object by its final number.

        Parameters
        ----------
        first, last : int
            The rows from `first` up to `last`, not included.
        width : int
            Of the slide.
        numbers : (n + 1,) int32 array
            The final number of each of the tiles' numbers, counted over all tiles from 1; 0 for what does not count.
        """
        out = np.zeros((last - first, width), np.int32)
        for band in range(first // TILE, -(-last // TILE)):
            for kept in self._bands.get(band, []):
                self._paste(out, kept, first, numbers)
        return out

    def _paste(self, out: Labels, kept: _Kept, first: int, numbers: Labels) -> None:
        strip = kept.strip
        self._file.seek(kept.offset)
        own = _expanded(self._file.read(kept.size), strip.shape)
        begin, end = max(strip.top, first), min(strip.top + strip.shape[0], first + len(out))
        if begin >= end:
            return
        rows = own[begin - strip.top : end - strip.top]
        where = rows > 0
        final = numbers[np.where(where, rows + (kept.first - 1), 0)]
        target = out[begin - first : end - first, strip.left : strip.left + strip.shape[1]]
        np.copyto(target, final, where=where & (final > 0))

    def close(self) -> None:
        """Let go of the file."""
        self._file.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _compressed(labels: Labels) -> bytes:
    encode = imagecodecs.zlibng_encode if imagecodecs.ZLIBNG.available else imagecodecs.zlib_encode
    values: Any = labels
    return bytes(encode(values, 1))


def _expanded(data: bytes, shape: tuple[int, int]) -> Labels:
    plain = imagecodecs.zlib_decode(data, out=shape[0] * shape[1] * 4)
    return np.frombuffer(plain, np.int32).reshape(shape)
