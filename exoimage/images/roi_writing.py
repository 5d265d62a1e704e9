"""Regions written for ImageJ's ROI Manager, for QuPath (GeoJSON), or as a mask."""

from __future__ import annotations

import io
import json
import os
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import roifile

from exoimage.errors import ImageError
from exoimage.images.polygons import polygon_mask
from exoimage.images.writing import write_labels, write_whole


@dataclass(frozen=True, eq=False)
class Outline:
    """A region by its outline.

    Parameters
    ----------
    name : str
    points : (n, 2) float64 array
        x and y of the corners in px; (0, 0) is the upper left corner of the upper left pixel, as ImageJ and QuPath
        count.
    """

    name: str
    points: npt.NDArray[np.float64]


def write_regions(path: str | os.PathLike[str], outlines: Sequence[Outline]) -> None:
    """Write regions as GeoJSON (.geojson, .json) or as an ImageJ RoiSet (.zip); `read_regions` reads both back.

    Parameters
    ----------
    path : str or path
        Its suffix says which. Replaced if it exists.
    outlines : sequence of Outline

    Raises
    ------
    ImageError
        If there is no region, one has fewer than three corners, or the suffix is another.
    OSError
        If the file cannot be written; nothing is left behind.

    Examples
    --------
    >>> import tempfile
    >>> from exoimage.images.rois import read_regions
    >>> square = Outline("nodule", np.array([[1.0, 1.0], [4.0, 1.0], [4.0, 3.0], [1.0, 3.0]]))
    >>> path = Path(tempfile.mkdtemp()) / "regions.geojson"
    >>> write_regions(path, [square])
    >>> [(region.name, int(region.mask.sum())) for region in read_regions(path, (6, 6))]
    [('nodule', 6)]
    """
    place = Path(path)
    if not outlines or any(len(outline.points) < 3 for outline in outlines):
        raise ImageError(f"{place}: there is no region to write: a region has three corners or more")
    suffix = place.suffix.lower()
    if suffix in (".geojson", ".json"):
        write_whole(place, json.dumps(_geojson(outlines), ensure_ascii=False, indent=1).encode())
    elif suffix == ".zip":
        write_whole(place, _roi_set(outlines))
    else:
        raise ImageError(f"{place}: regions are written as .geojson or .zip, not {suffix or 'without a suffix'}")


def write_region_mask(
    path: str | os.PathLike[str], shape: tuple[int, int], include: Sequence[Outline], exclude: Sequence[Outline]
) -> None:
    """Write regions less what is to be left out, as a mask: one number per region, 0 outside.

    Parameters
    ----------
    path : str or path
        A TIFF.
    shape : (int, int)
        Height and width of the picture.
    include : sequence of Outline
        None: the whole picture.
    exclude : sequence of Outline

    Raises
    ------
    ImageError
        If a region has no pixel left.
    OSError
        If the file cannot be written; nothing is left behind.
    """
    left_out = np.zeros(shape, np.bool_)
    for outline in exclude:
        left_out |= polygon_mask([outline.points], shape)
    labels = np.zeros(shape, np.int32) if include else np.ones(shape, np.int32)
    for number, outline in enumerate(include, start=1):
        labels[polygon_mask([outline.points], shape)] = number
    labels[left_out] = 0
    missing = [one.name for number, one in enumerate(include, start=1) if not (labels == number).any()]
    if missing or not labels.any():
        raise ImageError(f"the region {missing[0] if missing else 'whole'!r} has no pixel left: draw it anew")
    write_labels(path, labels, None)


def _geojson(outlines: Sequence[Outline]) -> dict[str, object]:
    features = [
        {
            "type": "Feature",
            "properties": {"objectType": "annotation", "name": outline.name},
            "geometry": {"type": "Polygon", "coordinates": [[*outline.points.tolist(), outline.points[0].tolist()]]},
        }
        for outline in outlines
    ]
    return {"type": "FeatureCollection", "features": features}


def _roi_set(outlines: Sequence[Outline]) -> bytes:
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as file:
        for number, outline in enumerate(outlines, start=1):
            roi = roifile.ImagejRoi.frompoints(outline.points, name=outline.name)
            file.writestr(f"{number:04d}-{_legal(outline.name)}.roi", roi.tobytes())
    return archive.getvalue()


def _legal(name: str) -> str:
    return "".join(sign if sign.isalnum() or sign in "-_ " else "_" for sign in name)
