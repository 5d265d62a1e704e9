"""Bio-Rad's .1sc, what Quantity One stored from gel imagers."""

from __future__ import annotations

import contextlib
import importlib
import io
import struct
from collections.abc import Sequence
from typing import Any

import numpy as np

from exoimage.images.decoded import MAX_PIXELS, Decoded, Refusal

_INSTALL = 'reading Bio-Rad .1sc needs a package more: pip install "exoimage[biorad]"; or export it as 16-bit TIFF'
_MAGIC = b"\xaf\xafStable File"
_FIELD_HEAD = 8
_FIELD_PASSES = 3
_UM_PER_MM = 1000.0


def decode_1sc(data: bytes) -> Decoded:
    """Decode a .1sc file: one channel of uint16 counts, bright where there is signal, as the imager stored them.

    Read by the package ``biorad1sc_reader`` (MIT), which documents the format:
    https://biorad1sc-doc.readthedocs.io

    Raises
    ------
    Refusal
        If that package is not installed, or the file holds no whole picture of 16 bits.
    """
    try:
        package = importlib.import_module("biorad1sc_reader")
    except ImportError:
        raise Refusal(_INSTALL) from None
    if not data.startswith(_MAGIC):
        raise Refusal("it is no scan of Quantity One, but begins like one; export it as 16-bit TIFF")
    reader = _bounded(package.Reader)(io.BytesIO(data))
    with contextlib.redirect_stderr(io.StringIO()):  # the package prints what it cannot read
        metadata = reader.get_metadata_compact()
    scan = {field["label"]: field["data"] for field in metadata["Scan Header"]["SCN"]}
    width, height = int(scan["nxpix"]), int(scan["nypix"])
    start, length = reader.data_start[10], reader.data_len[10]
    if not 0 < width * height <= MAX_PIXELS or width < 1 or scan.get("bytes_per_pix", 2) != 2:
        raise Refusal(f"it announces {width} × {height} px of {scan.get('bytes_per_pix')} bytes; export it as TIFF")
    if length != 2 * width * height or start + length > len(data):
        raise Refusal(f"it announces {width} × {height} px, which are not all there: damaged; copy it again")
    upwards = np.frombuffer(data, "<u2", width * height, start).reshape(height, width)
    return Decoded(
        upwards[::-1, :, np.newaxis].astype(np.uint16), colour=False, pixel_size=_pixel_size(scan, width, height)
    )


def _bounded(reader: type[Any]) -> type[Any]:
    """The package's reader, which walks from field to field, kept from walking in circles in a damaged file."""

    class Bounded(reader):  # type: ignore[misc]
        _steps = 0

        def _read_field_lite(self, start: int) -> Any:
            after, field = super()._read_field_lite(start)
            self._steps += 1
            if self._steps > _FIELD_PASSES * len(self.in_bytes) // _FIELD_HEAD:
                raise Refusal("its fields run in circles: damaged; copy it again")
            return after, field

    return Bounded


def _pixel_size(scan: dict[str, Any], width: int, height: int) -> float | None:
    """µm per pixel from the scan's size in mm; None where that is absent or the pixels are not square."""
    try:
        across, down = (_float_of(scan[name]) * _UM_PER_MM for name in ("img_size_x", "img_size_y"))
    except (KeyError, TypeError, struct.error):
        return None
    x, y = across / width, down / height
    return x if 0 < x < _UM_PER_MM and abs(x - y) < 0.01 * x else None


def _float_of(stored: int | Sequence[int]) -> float:
    """A float32 that the package hands over as the integer of its bits."""
    value: float = struct.unpack("<f", struct.pack("<I", stored))[0]
    return value
