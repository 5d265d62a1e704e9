"""What Keyence's BZ-X writes into its TIFFs beside the picture: nm per pixel, lens, exposure."""

from __future__ import annotations

import re
import struct
from typing import Any

import tifffile

from exoimage.images import pixel_size

_MARK = b"KmsFile\x01"
_DESCRIPTION = 0x800
_ENTRY = 12
_LARGEST = 1 << 20


def calibration(tif: tifffile.TiffFile, page: tifffile.TiffPage) -> float | None:
    """Edge of a pixel in µm, as the microscope has calibrated the picture that is stored; None where it has not."""
    nm = _double(_description(tif, page), "Calibration")
    return pixel_size.to_micrometres(nm, "nm")


def details(tif: tifffile.TiffFile, page: tifffile.TiffPage) -> dict[str, Any]:
    """Lens and exposure, as far as they are stored."""
    xml = _description(tif, page)
    found: dict[str, Any] = {}
    lens = _text(xml, "LensName")
    if lens:
        found["objective"] = lens
    magnification = _text(xml, "Magnification")
    if magnification.isdigit():
        found["magnification"] = int(magnification) / 100
    exposure = re.search(r"<ExposureTime\b.*?<Numerator[^>]*>(\d+)<.*?<Denominator[^>]*>(\d+)<", xml, flags=re.DOTALL)
    if exposure and int(exposure.group(2)):
        found["exposure_ms"] = [1000.0 * int(exposure.group(1)) / int(exposure.group(2))]
    return found


def _description(tif: tifffile.TiffFile, page: tifffile.TiffPage) -> str:
    """The XML that the maker's note in the EXIF data points to; empty where there is none."""
    exif = page.tags.valueof("ExifTag")
    note = exif.get("MakerNote", b"") if isinstance(exif, dict) else b""
    if not isinstance(note, bytes) or not note.startswith(_MARK) or len(note) < 10:
        return ""
    (count,) = struct.unpack_from("<H", note, 8)
    for number in range(min(count, (len(note) - 10) // _ENTRY)):
        code, _, size, place = struct.unpack_from("<HHII", note, 10 + _ENTRY * number)
        if code == _DESCRIPTION and size <= _LARGEST:
            tif.filehandle.seek(place)
            return bytes(tif.filehandle.read(size)).decode("utf-8", "replace")
    return ""


def _text(xml: str, element: str) -> str:
    found = re.search(rf"<{element}\b[^>]*>([^<]*)<", xml)
    return found.group(1).strip() if found else ""


def _double(xml: str, element: str) -> float:
    """A float64 that is written as the integer of its bits."""
    text = _text(xml, element)
    if not re.fullmatch(r"\d{1,19}", text) or int(text) >= 1 << 63:
        return 0.0
    value: float = struct.unpack("<d", struct.pack("<q", int(text)))[0]
    return value
