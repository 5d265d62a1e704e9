"""Where electron microscopes' TIFFs state their scale: FEI / Thermo, Zeiss, Gatan."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import tifffile

from exoimage.images import pixel_size

_ZEISS_SIZES = ("ap_image_pixel_size", "ap_pixel_size")
_GATAN_UNITS, _GATAN_SCALES = (65003, 65004), (65009, 65010)


def scale(tif: tifffile.TiffFile, page: tifffile.TiffPage) -> float | None:
    """Edge of a pixel in µm; None where no such microscope states one."""
    for found in (_fei(tif), _zeiss(tif), _gatan(page)):
        if found is not None:
            return found
    return None


def _fei(tif: tifffile.TiffFile) -> float | None:
    metadata = tif.fei_metadata if tif.is_fei else None
    scan: Any = metadata.get("Scan") if isinstance(metadata, Mapping) else None
    if not isinstance(scan, Mapping):
        return None
    return pixel_size.square(*(_length(scan.get(f"Pixel{side}"), "m") for side in ("Width", "Height")))


def _zeiss(tif: tifffile.TiffFile) -> float | None:
    metadata = tif.sem_metadata if tif.is_sem else None
    if not isinstance(metadata, Mapping):
        return None
    for key in _ZEISS_SIZES:
        entry = metadata.get(key)
        if isinstance(entry, tuple) and len(entry) >= 3:
            return _length(entry[1], str(entry[2]))
    return None


def _gatan(page: tifffile.TiffPage) -> float | None:
    """DigitalMicrograph's export: units as text, the size of a pixel in them."""
    units = [str(page.tags.valueof(code, "")) for code in _GATAN_UNITS]
    sizes = [page.tags.valueof(code) for code in _GATAN_SCALES]
    return pixel_size.square(*(_length(size, unit) for size, unit in zip(sizes, units, strict=True)))


def _length(value: Any, unit: str) -> float | None:
    return pixel_size.to_micrometres(float(value), unit) if isinstance(value, (int, float)) else None
