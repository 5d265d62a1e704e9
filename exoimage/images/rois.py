"""Regions of interest from where labs draw them: ImageJ's ROI Manager, QuPath, or a painted mask."""

from __future__ import annotations

import io
import json
import os
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import numpy.typing as npt
import roifile

from exoimage.flags import Flag
from exoimage.images.decoded import Refusal
from exoimage.images.image import Image
from exoimage.images.polygons import Mask, Points, bezier, ellipse_mask, polygon_mask
from exoimage.images.reading import read
from exoimage.images.seam import with_open_file
from exoimage.images.tiff_metadata import unique

_MOST_LABELS = 1000
_LARGEST_ENTRY = 1 << 26
_OUTLINES = {roifile.ROI_TYPE.POLYGON, roifile.ROI_TYPE.FREEHAND, roifile.ROI_TYPE.TRACED}
_NO_AREAS = {roifile.ROI_SUBTYPE.TEXT, roifile.ROI_SUBTYPE.ARROW, roifile.ROI_SUBTYPE.IMAGE}
_MOVE, _LINE, _QUADRATIC, _CUBIC, _CLOSE = range(5)
_NUMBERS_AFTER = {_MOVE: 2, _LINE: 2, _QUADRATIC: 4, _CUBIC: 6, _CLOSE: 0}

Shape = tuple[int, int]


@dataclass(frozen=True, eq=False)
class NamedMask:
    """A region of an image.

    Parameters
    ----------
    name : str
        As the file calls it; unique among the regions of one file.
    mask : (y, x) bool array
        True within.
    """

    name: str
    mask: Mask


def read_regions(path: str | os.PathLike[str], shape: Shape) -> list[NamedMask]:
    """Read the regions of an image from a file.

    Parameters
    ----------
    path : str or path
        An ImageJ ``.roi`` or RoiSet ``.zip``, a GeoJSON as QuPath exports it, or a picture as mask (0 is
        outside; one other value is a region named "roi", several are a region each, named by their value).
    shape : (int, int)
        Height and width of the image the regions are of; what reaches beyond is cut off.

    Returns
    -------
    list of NamedMask
        In the file's order. Areas are filled as ImageJ does (see `exoimage.images.polygons`); equal names get
        a number ("cell", "cell-2").

    Raises
    ------
    ImageReadError
        If the file is missing, damaged or of another kind, a region is a line or point, or wholly outside.
    """
    name = os.fspath(path)

    def regions(file: BinaryIO) -> list[NamedMask]:
        found = list(_regions(name, file.read(), shape))
        if not found:
            raise Refusal("it holds no region; draw one, or leave the regions out to measure the whole picture")
        names = unique([region_name for region_name, _ in found])
        return [NamedMask(one, _checked(one, mask)) for one, (_, mask) in zip(names, found, strict=True)]

    return with_open_file(name, regions)


def _regions(name: str, data: bytes, shape: Shape) -> Iterator[tuple[str, Mask]]:
    if data.startswith(b"Iout"):
        return iter([_imagej_region(data, Path(name).stem, shape)])
    if data.startswith((b"PK\x03\x04", b"PK\x05\x06")):
        return _roi_set(data, shape)
    if data.lstrip(b"\xef\xbb\xbf \t\r\n").startswith((b"{", b"[")):
        return _geojson_regions(data, shape)
    return _painted_regions(read(name, photometric="stored"), shape)


def _checked(name: str, mask: Mask) -> Mask:
    if not mask.any():
        height, width = mask.shape
        raise Refusal(f"region {name!r} covers no pixel of the {width} × {height} px picture; was it drawn on another?")
    mask.flags.writeable = False
    return mask


def _roi_set(data: bytes, shape: Shape) -> Iterator[tuple[str, Mask]]:
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        for entry in roi_entries(archive):
            yield _imagej_region(archive.read(entry), Path(entry.filename).stem, shape)


def roi_entries(archive: zipfile.ZipFile) -> Iterator[zipfile.ZipInfo]:
    """The ROIs of a RoiSet.

    Raises
    ------
    Refusal
        If one announces more than any ROI needs.
    """
    for entry in archive.infolist():
        if not entry.filename.lower().endswith(".roi") or Path(entry.filename).name.startswith("."):
            continue
        if entry.file_size > _LARGEST_ENTRY:
            raise Refusal(f"{entry.filename} in it announces {entry.file_size} bytes, which no ROI needs")
        yield entry


def area_of(data: bytes, fallback: str) -> tuple[str, roifile.ImagejRoi]:
    """An ImageJ ROI that is an area, and its name.

    Raises
    ------
    Refusal
        If it is none.
    """
    roi = roifile.ImagejRoi.frombytes(data)
    name = roi.name or fallback
    if roi.subtype in _NO_AREAS:
        raise Refusal(f"{name!r} is a {roi.subtype.name.lower()}, not an area; remove it from the ROI Manager")
    areas = {*_OUTLINES, roifile.ROI_TYPE.RECT, roifile.ROI_TYPE.OVAL}
    if roi.multi_coordinates is None and roi.roitype not in areas:
        raise Refusal(f"{name!r} is a {roi.roitype.name.lower()}, not an area; remove it from the ROI Manager")
    return name, roi


def _imagej_region(data: bytes, fallback: str, shape: Shape) -> tuple[str, Mask]:
    name, roi = area_of(data, fallback)
    if roi.multi_coordinates is not None:
        return name, polygon_mask(shape_outlines(roi.multi_coordinates), shape)
    if roi.roitype in (roifile.ROI_TYPE.RECT, roifile.ROI_TYPE.OVAL):
        box = roi.left, roi.top, roi.right - roi.left, roi.bottom - roi.top
        if roi.roitype == roifile.ROI_TYPE.OVAL:
            return name, _oval(box, shape)
        return name, _rectangle(box, roi.rounded_rect_arc_size, shape)
    return name, polygon_mask([np.asarray(roi.coordinates())], shape)


def _oval(box: tuple[int, int, int, int], shape: Shape) -> Mask:
    return ellipse_mask(*box, shape) if min(box[2:]) > 0 else np.zeros(shape, np.bool_)


def _rectangle(box: tuple[int, int, int, int], arc: int, shape: Shape) -> Mask:
    """Fill a rectangle; with rounded corners, those of ellipses as wide and high as the arc."""
    x, y, width, height = box
    mask = np.zeros(shape, np.bool_)
    arc_x, arc_y = min(arc, width), min(arc, height)
    _fill(mask, x + arc_x / 2, y, width - arc_x, height)
    _fill(mask, x, y + arc_y / 2, width, height - arc_y)
    if min(arc_x, arc_y) > 0:
        for left in (x, x + width - arc_x):
            for top in (y, y + height - arc_y):
                mask |= ellipse_mask(left, top, arc_x, arc_y, shape)
    return mask


def _fill(mask: Mask, x: float, y: float, width: float, height: float) -> None:
    top, bottom, left, right = (max(0, int(np.ceil(edge - 0.5))) for edge in (y, y + height, x, x + width))
    mask[top:bottom, left:right] = True


def shape_outlines(path: npt.NDArray[Any]) -> list[Points]:
    """Split a composite ROI's path (java.awt.geom.PathIterator's codes) into outlines, curves flattened."""
    outlines: list[list[tuple[float, float]]] = []
    position = 0
    while position < len(path):
        code = int(path[position])
        if code not in _NUMBERS_AFTER or position + _NUMBERS_AFTER[code] >= len(path) + (code == _CLOSE):
            raise Refusal("a composite region in it is damaged; combine and save it again in ImageJ")
        end = position + 1 + _NUMBERS_AFTER[code]
        points = [(float(x), float(y)) for x, y in np.reshape(path[position + 1 : end], (-1, 2))]
        if code == _MOVE or (not outlines and points):
            outlines.append(points[-1:])
        elif code == _LINE:
            outlines[-1] += points
        elif code != _CLOSE:
            outlines[-1] += [(float(x), float(y)) for x, y in bezier([outlines[-1][-1], *points])]
        position = end
    return [np.array(outline, np.float64) for outline in outlines]


def _geojson_regions(data: bytes, shape: Shape) -> Iterator[tuple[str, Mask]]:
    for name, polygons in geojson_polygons(json.loads(data.decode("utf-8-sig"))):
        mask = np.zeros(shape, np.bool_)
        for rings in polygons:
            mask |= polygon_mask(rings, shape)
        yield name, mask


def geojson_polygons(parsed: Any) -> Iterator[tuple[str, list[list[Points]]]]:
    """Name and polygons, each with its holes, of every area in a GeoJSON.

    Raises
    ------
    Refusal
        If it is no GeoJSON, or a region is no area.
    """
    for number, feature in enumerate(_features(parsed), start=1):
        name = _feature_name(feature) or f"region {number}"
        yield name, list(_polygons(feature.get("geometry", feature), name))


def _features(parsed: Any) -> Iterator[dict[str, Any]]:
    if isinstance(parsed, list):
        for part in parsed:
            yield from _features(part)
    elif isinstance(parsed, dict) and parsed.get("type") == "FeatureCollection":
        yield from _features(parsed.get("features", []))
    elif isinstance(parsed, dict) and "type" in parsed:
        yield parsed
    else:
        raise Refusal("it is JSON but no GeoJSON; export the regions from QuPath with File › Export objects")


def _feature_name(feature: dict[str, Any]) -> str:
    properties = feature.get("properties") or {}
    classification = properties.get("classification") or {}
    name = properties.get("name") or (classification.get("name") if isinstance(classification, dict) else None)
    return str(name or "")


def _polygons(geometry: Any, name: str) -> Iterator[list[npt.NDArray[np.float64]]]:
    kind = geometry.get("type") if isinstance(geometry, dict) else None
    if kind == "GeometryCollection":
        for part in geometry.get("geometries", []):
            yield from _polygons(part, name)
    elif kind in ("Polygon", "MultiPolygon"):
        coordinates = geometry["coordinates"]
        for polygon in [coordinates] if kind == "Polygon" else coordinates:
            yield [_ring(ring, name) for ring in polygon]
    else:
        raise Refusal(f"region {name!r} is a {kind}, not an area; remove it in QuPath and export again")


def _ring(ring: Any, name: str) -> npt.NDArray[np.float64]:
    points = np.array([point[:2] for point in ring], np.float64)
    if points.ndim != 2 or points.shape[1] != 2 or len(points) < 3 or not np.isfinite(points).all():
        raise Refusal(f"the outline of region {name!r} is no polygon; export it again")
    return points


def _painted_regions(image: Image, shape: Shape) -> Iterator[tuple[str, Mask]]:
    """Take a picture as mask: what it holds beside 0 are regions."""
    if image.shape != shape:
        raise Refusal(
            f"the mask is {image.shape[1]} × {image.shape[0]} px and the picture {shape[1]} × {shape[0]};"
            " they must be the same"
        )
    if Flag.LOSSY_FILE in image.flags:
        raise Refusal("a mask saved as JPEG has no sharp values; save it as PNG or TIFF")
    plane = image.pixels[:, :, 0]
    if any((image.pixels[:, :, other] != plane).any() for other in range(1, image.pixels.shape[2])):
        raise Refusal("the mask is coloured; save it as grey values, 0 outside")
    values = np.unique(plane)
    values = values[values != 0]
    if len(values) > _MOST_LABELS or (values.dtype.kind == "f" and not (values == np.rint(values)).all()):
        raise Refusal(f"it holds {len(values)} values; a mask has 0 outside and a whole number per region")
    if len(values) == 1:
        yield "roi", plane != 0
    else:
        for value in values:
            yield f"{int(value)}", plane == value
