"""The size that a compressed tile announces of itself, read before a codec is asked to allocate it."""

from __future__ import annotations

import struct

from exoimage.images.decoded import Refusal

_STARTS_OF_FRAME = frozenset({0xC0, 0xC1, 0xC2, 0xC3, 0xC5, 0xC6, 0xC7, 0xC9, 0xCA, 0xCB, 0xCD, 0xCE, 0xCF})
_WITHOUT_LENGTH = frozenset({0x01, 0xD8, *range(0xD0, 0xD8)})
_JPEG, _JPEG_2000 = b"\xff\xd8", b"\xff\x4f\xff\x51"
_SLACK = 4

HEADER_BYTES = 2048
"""Of a tile, so many bytes are looked at: the frame follows tables of some hundred bytes."""


def announced_size(data: bytes) -> tuple[int, int]:
    r"""Width and height that a JPEG or JPEG 2000 stream announces; (0, 0) where none is found.

    Examples
    --------
    >>> announced_size(b"\xff\xd8\xff\xc0\x00\x11\x08\x00\xf0\x01\x00\x03")
    (256, 240)
    """
    if data.startswith(_JPEG_2000) and len(data) >= 16:
        width, height = struct.unpack_from(">II", data, 8)
        return width, height
    if not data.startswith(_JPEG):
        return 0, 0
    at = 2
    while at + 9 <= len(data):
        if data[at] != 0xFF:
            return 0, 0
        kind = data[at + 1]
        if kind in _STARTS_OF_FRAME:
            height, width = struct.unpack_from(">HH", data, at + 5)
            return width, height
        step = 1 if kind == 0xFF else 2
        at += step if kind in _WITHOUT_LENGTH or kind == 0xFF else 2 + struct.unpack_from(">H", data, at + 2)[0]
    return 0, 0


def refuse_oversized_tile(data: bytes, width: int, height: int) -> None:
    """Refuse a compressed tile that announces far more pixels than the page has for it.

    Parameters
    ----------
    data : bytes
        At least its first `HEADER_BYTES`.
    width, height : int
        Of the tile or strip in px.
    """
    own_width, own_height = announced_size(data)
    if own_width * own_height > _SLACK * max(1, width) * max(1, height):
        raise Refusal(
            f"a compressed tile announces {own_width} × {own_height} px where {width} × {height} belong: damaged"
        )
