"""Regions of interest as outlines: of a whole slide a mask of each would not fit into memory."""

from __future__ import annotations

import io
import json
import os
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import numpy as np
import numpy.typing as npt
import roifile

from exoimage.images import rois
from exoimage.images.decoded import Refusal
from exoimage.images.polygons import Mask, Points, polygon_mask
from exoimage.images.seam import with_open_file
from exoimage.images.tiff_metadata import unique

_CORNERS = 256
"""Of the polygon that stands for an oval: it is off by less than 1/10,000 of its size."""


@dataclass(frozen=True, eq=False)
class OutlinedRegion:
    """A region by its outlines.

    Parameters
    ----------
    name : str
        Unique among the regions of one file.
    polygons : tuple of tuples of (n, 2) float64 arrays
        x and y of the corners in px; of each polygon the outer ring and its holes, filled even-odd.
    """

    name: str
    polygons: tuple[tuple[Points, ...], ...]

    @property
    def box(self) -> tuple[float, float, float, float]:
        """Top, left, bottom and right of its corners."""
        corners = np.concatenate([ring for rings in self.polygons for ring in rings])
        (left, top), (right, bottom) = corners.min(axis=0), corners.max(axis=0)
        return float(top), float(left), float(bottom), float(right)

    def scaled(self, factor: float) -> OutlinedRegion:
        """The region in a picture whose pixels are so many times as many."""
        return OutlinedRegion(self.name, tuple(tuple(ring * factor for ring in rings) for rings in self.polygons))

    def mask_in(self, top: int, left: int, height: int, width: int) -> Mask:
        """The region's pixels in a window, by the rule of `polygons.polygon_mask`.

        Examples
        --------
        >>> square = OutlinedRegion("a", ((np.array([[10.0, 10], [12, 10], [12, 12], [10, 12]]),),))
        >>> square.mask_in(9, 9, 3, 3).astype(int).tolist()
        [[0, 0, 0], [0, 1, 1], [0, 1, 1]]
        """
        mask = np.zeros((height, width), np.bool_)
        for rings in self.polygons:
            mask |= polygon_mask([ring - (left, top) for ring in rings], (height, width))
        return mask


def read_outlines(path: str | os.PathLike[str]) -> list[OutlinedRegion]:
    """Read regions as outlines.

    Parameters
    ----------
    path : str or path
        ImageJ's ``.roi`` or RoiSet ``.zip``, or GeoJSON as QuPath exports it, in px of the full resolution.

    Returns
    -------
    list of OutlinedRegion
        In the file's order; equal names get a number.

    Raises
    ------
    ImageReadError
        As in `rois.read_regions`; and if the file is a painted mask.
    """
    name = os.fspath(path)

    def outlines(file: BinaryIO) -> list[OutlinedRegion]:
        found = list(_outlines(name, file.read()))
        if not found:
            raise Refusal("it holds no region; draw one, or leave the regions out to measure the whole picture")
        names = unique([region.name for region in found])
        return [OutlinedRegion(one, region.polygons) for one, region in zip(names, found, strict=True)]

    return with_open_file(name, outlines)


def _outlines(name: str, data: bytes) -> Iterator[OutlinedRegion]:
    if data.startswith(b"Iout"):
        yield _of_imagej(data, Path(name).stem)
    elif data.startswith((b"PK\x03\x04", b"PK\x05\x06")):
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            for entry in rois.roi_entries(archive):
                yield _of_imagej(archive.read(entry), Path(entry.filename).stem)
    elif data.lstrip(b"\xef\xbb\xbf \t\r\n").startswith((b"{", b"[")):
        for region_name, polygons in rois.geojson_polygons(json.loads(data.decode("utf-8-sig"))):
            yield OutlinedRegion(region_name, tuple(map(tuple, polygons)))
    else:
        raise Refusal("regions of a whole slide are outlines: GeoJSON from QuPath, or ImageJ's .roi and .zip")


def _of_imagej(data: bytes, fallback: str) -> OutlinedRegion:
    name, roi = rois.area_of(data, fallback)
    if roi.multi_coordinates is not None:
        return OutlinedRegion(name, (tuple(rois.shape_outlines(roi.multi_coordinates)),))
    if roi.roitype == roifile.ROI_TYPE.OVAL:
        return OutlinedRegion(name, ((_oval(roi.left, roi.top, roi.right, roi.bottom),),))
    if roi.roitype == roifile.ROI_TYPE.RECT:
        corners = [(roi.left, roi.top), (roi.right, roi.top), (roi.right, roi.bottom), (roi.left, roi.bottom)]
        return OutlinedRegion(name, ((np.array(corners, np.float64),),))
    return OutlinedRegion(name, ((np.asarray(roi.coordinates(), np.float64),),))


def _oval(left: int, top: int, right: int, bottom: int) -> npt.NDArray[np.float64]:
    turn = np.arange(_CORNERS) * (2 * np.pi / _CORNERS)
    x, y = (left + right) / 2, (top + bottom) / 2
    return np.stack([x + (right - left) / 2 * np.cos(turn), y + (bottom - top) / 2 * np.sin(turn)], axis=1)
