"""Whether a compound file (OLE, as Olympus .oib and Office use) is whole, before a library walks through it."""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np
import numpy.typing as npt

from exoimage.images.decoded import Refusal

_MAGIC = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_HEADER = 512
_IN_HEADER = 109
_END, _LAST = 0xFFFFFFFE, 0xFFFFFFFA
_DAMAGED = "its table of contents points in a circle or beyond its end: the file is damaged; copy it again"
_ENTRY = 128


def refuse_broken_compound(path: str, wanted: str, otherwise: str) -> None:
    """Refuse a compound file whose chains of sectors run in circles, or that holds no such stream.

    Written after [MS-CFB], the public specification of compound files.

    Parameters
    ----------
    path : str
    wanted : str
        Name of a stream that it must hold.
    otherwise : str
        What it is where it does not.
    """
    data = np.memmap(Path(path), dtype=np.uint8, mode="r")
    head = bytes(data[:_HEADER])
    if len(head) < _HEADER or not head.startswith(_MAGIC):
        raise Refusal(_DAMAGED)
    (shift,) = struct.unpack_from("<H", head, 30)
    if shift not in (9, 12):
        raise Refusal(_DAMAGED)
    size = 1 << shift
    sectors = max(0, -(-len(data) // size) - 1)
    table = _allocation_table(data, head, size, sectors)
    (directory,) = struct.unpack_from("<I", head, 48)
    chain = _chain(table, directory, sectors)
    names = []
    for sector in chain:
        start = (sector + 1) * size
        part = bytes(data[start : start + size])
        for at in range(0, len(part) - _ENTRY + 1, _ENTRY):
            (length,) = struct.unpack_from("<H", part, at + 64)
            names.append(part[at : at + max(0, min(length, 64) - 2)].decode("utf-16-le", "replace"))
            _refuse_bad_entry(part, at, len(data))
    if wanted not in names:
        raise Refusal(f"it is {otherwise}; export it as OME-TIFF from the microscope's software")


def _refuse_bad_entry(part: bytes, at: int, length: int) -> None:
    kind = part[at + 66]
    (size,) = struct.unpack_from("<Q", part, at + 120)
    if kind == 2 and size & 0xFFFFFFFF > length:
        raise Refusal(_DAMAGED)


def _allocation_table(data: npt.NDArray[np.uint8], head: bytes, size: int, sectors: int) -> npt.NDArray[np.uint32]:
    """For each sector the next of its chain."""
    numbers = [n for n in struct.unpack_from(f"<{_IN_HEADER}I", head, 76) if n < _LAST]
    (more, count) = struct.unpack_from("<II", head, 68)
    seen: set[int] = set()
    while more < _LAST and count:
        if more in seen or more >= sectors:
            raise Refusal(_DAMAGED)
        seen.add(more)
        part = _sector(data, more, size)
        numbers += [int(n) for n in part[:-1] if n < _LAST]
        more = int(part[-1])
    if not numbers or max(numbers) >= sectors:
        raise Refusal(_DAMAGED)
    return np.concatenate([_sector(data, number, size) for number in numbers])


def _sector(data: npt.NDArray[np.uint8], number: int, size: int) -> npt.NDArray[np.uint32]:
    part = bytes(data[(number + 1) * size : (number + 2) * size])
    return np.frombuffer(part.ljust(size, b"\xff"), "<u4")


def _chain(table: npt.NDArray[np.uint32], first: int, sectors: int) -> list[int]:
    chain: list[int] = []
    seen: set[int] = set()
    while first != _END:
        if first in seen or first >= min(sectors, len(table)):
            raise Refusal(_DAMAGED)
        seen.add(first)
        chain.append(first)
        first = int(table[first])
    return chain
