"""What TIFFs say beside their pixels: scale, channel names, bits in use; each writer in its own place."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO
from xml.etree import ElementTree

import tifffile

from exoimage.images import electron_microscopes, keyence, pixel_size
from exoimage.images.decoded import Refusal

_RESOLUTION_UNITS = {2: "inch", 3: "cm"}
_MS_PER = {"": 1000.0, "s": 1000.0, "ms": 1.0, "us": 1e-3}
_MOST_EXPOSURES = 16
_MAX_VALUE_TAGS = (341, 281)  # SMaxSampleValue, MaxSampleValue
_SATURATION_OF_9_TO_15_BITS = tuple(2**bits - 1 for bits in range(9, 16))


@dataclass(frozen=True)
class OmeImage:
    """One ``Image`` of OME-XML, as far as it matters here."""

    name: str
    pixels: Mapping[str, str]
    channels: tuple[str, ...]


def ome_images(tif: tifffile.TiffFile) -> tuple[OmeImage, ...]:
    """List the images that the OME-XML of a file describes; none where it has none.

    Raises
    ------
    Refusal
        If the XML declares entities, which OME never does and which can swell without limit.
    """
    text = tif.ome_metadata if tif.pages and tif.pages.first.is_ome else None
    if not text:
        return ()
    if "<!ENTITY" in text or "<!DOCTYPE" in text:
        raise Refusal("its OME-XML declares entities, which no microscope writes; it is not read")
    images = (element for element in ElementTree.fromstring(text) if element.tag.endswith("}Image"))
    return tuple(_ome_image(element) for element in images)


def is_part_of_ome_set(tif: tifffile.TiffFile) -> bool:
    """Whether the OME-XML spreads one picture over several files."""
    return len(_ome_file_names(tif)) > 1


def has_whole_ome_set(tif: tifffile.TiffFile, file: BinaryIO) -> bool:
    """Whether all files that the OME-XML names lie beside this one."""
    place = getattr(file, "name", None)
    if not isinstance(place, str):
        return False
    return all(Path(place).with_name(name).is_file() for name in _ome_file_names(tif) if Path(name).name == name)


def _ome_file_names(tif: tifffile.TiffFile) -> frozenset[str]:
    text = tif.ome_metadata if tif.pages and tif.pages.first.is_ome else None
    return frozenset(re.findall(r'FileName="([^"]*)"', text or ""))


def ome_image_of(series: tifffile.TiffPageSeries, number: int, images: Sequence[OmeImage]) -> OmeImage | None:
    """Find the OME image that a series shows, by its name or, in a file of several, its number."""
    named = [image for image in images if image.name == series.name]
    if len(named) == 1:
        return named[0]
    return images[number] if number < len(images) else None


def scale(tif: tifffile.TiffFile, page: tifffile.TiffPage, ome: OmeImage | None) -> float | None:
    """Edge of a pixel in µm, from the first place that states one; None where none does honestly."""
    if ome is not None:
        return pixel_size.from_ome(ome.pixels)
    densities = _density(page, "XResolution"), _density(page, "YResolution")
    if tif.is_imagej:
        return pixel_size.from_imagej(str((tif.imagej_metadata or {}).get("unit", "")), *densities)
    if page.is_svs:
        return pixel_size.from_aperio(page.description)
    if page.is_ndpi:
        return pixel_size.from_scanner(*densities, _RESOLUTION_UNITS.get(int(_first(page, "ResolutionUnit", 2)), ""))
    stated = keyence.calibration(tif, page) or electron_microscopes.scale(tif, page)
    if stated is not None:
        return stated
    for metadata, x, y, unit in (
        (tif.lsm_metadata, "VoxelSizeX", "VoxelSizeY", "m"),
        (tif.sis_metadata, "pixelsizex", "pixelsizey", "m"),
    ):
        if metadata:
            return pixel_size.square(*(_length(metadata.get(key), unit) for key in (x, y)))
    if tif.is_micromanager:
        return _length(_micromanager_summary(tif).get("PixelSize_um"), "um")
    unit = _RESOLUTION_UNITS.get(int(_first(page, "ResolutionUnit", 2)), "")
    return pixel_size.from_resolution(*densities, unit)


def channel_names(tif: tifffile.TiffFile, ome: OmeImage | None, count: int) -> tuple[str, ...]:
    """One name per channel where the file has them; else empty."""
    for names in (ome.channels if ome else (), _imagej_labels(tif, count), _micromanager_names(tif)):
        if len(names) == count and all(names):
            return unique(names)
    return ()


def stated_maximum(tif: tifffile.TiffFile, page: tifffile.TiffPage, ome: OmeImage | None) -> float:
    """Give the value at which the camera saturates, where the file states 9 to 15 bits; else 0.

    A maximum tag counts only if it is 511, 1023, … 32767: many programs write the picture's own maximum.
    """
    bits = _bits(page, ome, tif)
    if 8 < bits < 16:
        return float(2**bits - 1)
    for code in _MAX_VALUE_TAGS:
        tag = page.tags.get(code)
        values = tag.value if tag is not None else 0
        value: Any = max(values) if isinstance(values, tuple) and values else values
        if value in _SATURATION_OF_9_TO_15_BITS:
            return float(value)
    return 0.0


def details(tif: tifffile.TiffFile, page: tifffile.TiffPage) -> dict[str, Any]:
    """What else is stored of how the picture was taken: objective, magnification, exposure_ms."""
    found: dict[str, Any] = {}
    if page.is_svs:
        said = re.search(r"\|\s*AppMag\s*=\s*([0-9.]+)", page.description)
        found |= {"magnification": float(said.group(1))} if said else {}
    text = tif.ome_metadata if tif.pages and tif.pages.first.is_ome else None
    if not text or "<!ENTITY" in text:
        return found
    objective = re.search(r"<(?:\w+:)?Objective\b([^>]*)>", text)
    stated = dict(re.findall(r'(\w+)="([^"]*)"', objective.group(1))) if objective else {}
    for key, name in (
        ("objective", "Model"),
        ("magnification", "NominalMagnification"),
        ("numerical_aperture", "LensNA"),
    ):
        if stated.get(name):
            found[key] = stated[name]
    exposures = re.findall(r'\bExposureTime="([0-9.eE+-]+)"(?: ExposureTimeUnit="(\w+)")?', text)
    if exposures:
        found["exposure_ms"] = [float(time) * _MS_PER.get(unit, 1000.0) for time, unit in exposures[:_MOST_EXPOSURES]]
    return found


def unique(names: Sequence[str]) -> tuple[str, ...]:
    """Names told apart by a number where they repeat.

    Examples
    --------
    >>> unique(["cell", "cell", "DAPI"])
    ('cell', 'cell-2', 'DAPI')
    """
    taken: dict[str, None] = {}
    for name in names:
        number, candidate = 1, name
        while candidate in taken:
            number += 1
            candidate = f"{name}-{number}"
        taken[candidate] = None
    return tuple(taken)


def _ome_image(element: ElementTree.Element) -> OmeImage:
    pixels = next((child for child in element if child.tag.endswith("}Pixels")), None)
    if pixels is None:
        return OmeImage(element.get("Name", ""), {}, ())
    names = tuple(child.get("Name", "") for child in pixels if child.tag.endswith("}Channel"))
    return OmeImage(element.get("Name", ""), dict(pixels.attrib), names)


def _bits(page: tifffile.TiffPage, ome: OmeImage | None, tif: tifffile.TiffFile) -> int:
    if ome is not None and ome.pixels.get("SignificantBits", "").isdigit():
        return int(ome.pixels["SignificantBits"])
    info = str((tif.imagej_metadata or {}).get("Info", "")) if tif.is_imagej else ""
    said = re.search(r"\bBitsPerPixel = (\d+)", info)  # Bio-Formats, when ImageJ saves what it opened
    if said:
        return int(said.group(1))
    return page.bitspersample if isinstance(page.bitspersample, int) else 0


def _imagej_labels(tif: tifffile.TiffFile, count: int) -> tuple[str, ...]:
    """Slice labels as names, if they tell the channels apart ("c:1/3 z:2/9 - DAPI" says DAPI)."""
    labels = (tif.imagej_metadata or {}).get("Labels") if tif.is_imagej else None
    if not isinstance(labels, (list, tuple)) or len(labels) < count:
        return ()
    names = tuple(re.sub(r"^(?:[czt]:\d+/\d+\s*)+-\s*", "", str(label)).strip() for label in labels[:count])
    return names if len(set(names)) == count else ()


def _micromanager_summary(tif: tifffile.TiffFile) -> Mapping[str, Any]:
    summary = (tif.micromanager_metadata or {}).get("Summary")
    return summary if isinstance(summary, Mapping) else {}


def _micromanager_names(tif: tifffile.TiffFile) -> tuple[str, ...]:
    names = _micromanager_summary(tif).get("ChNames") if tif.is_micromanager else None
    return tuple(str(name) for name in names) if isinstance(names, (list, tuple)) else ()


def _length(value: Any, unit: str) -> float | None:
    return pixel_size.to_micrometres(float(value), unit) if isinstance(value, (int, float)) else None


def _density(page: tifffile.TiffPage, tag: str) -> float:
    value = page.tags.valueof(tag)
    if not isinstance(value, tuple) or len(value) != 2 or not value[1]:
        return math.nan
    return float(value[0]) / float(value[1])


def _first(page: tifffile.TiffPage, tag: str, default: int) -> int:
    value = page.tags.valueof(tag, default)
    return int(value[0] if isinstance(value, tuple) and value else value)
