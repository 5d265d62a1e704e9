"""PNG, JPEG and BMP: one picture each, of 8- or 16-bit values."""

from __future__ import annotations

import io
import struct
import zlib
from dataclasses import dataclass
from typing import Any

import imagecodecs
import numpy as np
import numpy.typing as npt
from PIL import BmpImagePlugin, ImageFile, JpegImagePlugin

from exoimage.flags import Flag
from exoimage.images import colour
from exoimage.images.decoded import Decoded, Refusal, refuse_absurd_size

Pixels = npt.NDArray[Any]

_PNG_SAMPLES = {0: 1, 2: 3, 3: 3, 4: 2, 6: 4}
_PNG_PALETTE = 3
_DEFLATE_LIMIT = 1100
_EXIF_ORIENTATION = 0x0112


@dataclass(frozen=True)
class _PngHeader:
    width: int
    height: int
    bits: int
    kind: int
    stored_bytes: int


def decode_png(data: bytes) -> Decoded:
    """Decode a PNG of 1 to 16 bits: grey, colour, palette (expanded, flagged), transparent (composited).

    Colour lies over white, grey over black. 1, 2 and 4 bits become 0 … 255. Its density is no pixel size.
    """
    header = _checked_png(data)
    samples = _PNG_SAMPLES[header.kind]
    refuse_absurd_size(header.height, header.width, samples, max(header.bits // 8, 1))
    row_bytes = (header.width * (1 if header.kind == _PNG_PALETTE else samples) * header.bits + 7) // 8
    if header.height * row_bytes > _DEFLATE_LIMIT * header.stored_bytes + 4096:
        raise Refusal(f"its header announces {header.width} × {header.height} px, more than its data can hold: damaged")
    pixels = np.asarray(imagecodecs.png_decode(data))
    pixels = pixels[:, :, np.newaxis] if pixels.ndim == 2 else pixels
    is_colour = pixels.shape[2] >= 3
    if pixels.shape[2] in (2, 4):
        behind = colour.full_scale(pixels.dtype) if is_colour else 0.0
        pixels = colour.over_background(pixels[:, :, :-1], pixels[:, :, -1], behind)
    flags = (Flag.PALETTE_FILE,) if header.kind == _PNG_PALETTE else ()
    return Decoded(pixels, colour=is_colour, flags=flags)


def decode_jpeg(data: bytes) -> Decoded:
    """Decode a JPEG, turned as EXIF says; CMYK and YCCK become RGB, naively. Its density is ignored."""
    # The plugin's class itself, since PIL.Image.open warns of large pictures, which are refused here already.
    with JpegImagePlugin.JpegImageFile(io.BytesIO(data)) as picture:
        refuse_absurd_size(picture.height, picture.width, len(picture.getbands()), 1)
        if data.rfind(b"\xff\xd9") < data.find(b"\xff\xda"):
            raise Refusal("the file is truncated: its end marker is missing; copy or export it again")
        orientation = int(picture.getexif().get(_EXIF_ORIENTATION, 1))
        mode = picture.mode
        pixels = _pixels_of(picture)
    if mode not in ("L", "RGB", "CMYK"):
        raise Refusal(f"its JPEG colours {mode} are not read; save it as RGB")
    pixels = colour.rgb_from_cmyk(pixels) if mode == "CMYK" else pixels
    return Decoded(colour.upright(pixels, orientation), colour=mode != "L", flags=(Flag.LOSSY_FILE,))


def decode_bmp(data: bytes) -> Decoded:
    """Decode a BMP: grey palettes as grey, other palettes expanded and flagged; its density is ignored."""
    with BmpImagePlugin.BmpImageFile(io.BytesIO(data)) as picture:
        refuse_absurd_size(picture.height, picture.width, len(picture.getbands()), 1)
        mode, palette = picture.mode, picture.getpalette("RGB")
        pixels = _pixels_of(picture)
    if mode == "P":
        table = np.array(palette or [], np.uint16).reshape(-1, 3).T * 257
        return Decoded(colour.rgb_from_palette(pixels[:, :, 0], table), colour=True, flags=(Flag.PALETTE_FILE,))
    if mode == "RGBA":
        pixels = colour.over_background(pixels[:, :, :3], pixels[:, :, 3], 255.0)
    elif mode not in ("1", "L", "RGB"):
        raise Refusal(f"its colours {mode} are not read; save it as RGB")
    return Decoded(pixels, colour=pixels.shape[2] == 3)


def _pixels_of(picture: ImageFile.ImageFile) -> Pixels:
    pixels = np.asarray(picture)
    return pixels[:, :, np.newaxis] if pixels.ndim == 2 else pixels


def _checked_png(data: bytes) -> _PngHeader:
    """Give the header of a PNG of which every chunk is there and unharmed, up to its end."""
    position, stored = 8, 0
    header: tuple[int, int, int, int] | None = None
    kinds: set[bytes] = set()
    while position + 12 <= len(data):
        (size,) = struct.unpack_from(">I", data, position)
        kind, end = data[position + 4 : position + 8], position + 12 + size
        if end > len(data):
            break
        if zlib.crc32(memoryview(data)[position + 4 : end - 4]) != struct.unpack_from(">I", data, end - 4)[0]:
            raise Refusal(f"its part {kind!r} has a wrong checksum: the file is damaged; copy or export it again")
        if kind == b"IHDR" and size == 13:
            header = struct.unpack_from(">IIBB", data, position + 8)
        stored += size if kind == b"IDAT" else 0
        kinds.add(kind)
        if kind == b"IEND":
            break
        position = end
    if b"IEND" not in kinds or header is None or not stored:
        raise Refusal("the file is truncated: its end is missing; copy or export it again")
    if b"acTL" in kinds:
        raise Refusal("it is an animation; save the one picture that is to be measured")
    if header[3] not in _PNG_SAMPLES:
        raise Refusal("its header is no PNG header: the file is damaged")
    return _PngHeader(*header, stored)
