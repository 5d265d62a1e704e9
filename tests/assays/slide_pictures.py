"""Slides for tests: small pictures, written as tiled pyramids and measured tile by tile and in one piece."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import tifffile

from exoimage.assays import slides
from exoimage.assays.recipe import ALL_SCOPES, Recipe
from exoimage.assays.results import Result
from exoimage.assays.slide_counts import SlideResult
from exoimage.images.reading import read
from exoimage.images.source import open_source

EDGE = 512
MPP = 0.5


def write_slide(path: Path, pixels: npt.NDArray[Any], channels: tuple[str, ...] = (), levels: int = 1) -> Path:
    """A tiled OME-TIFF; every further level has a quarter of the pixels of a side."""
    metadata: dict[str, Any] = {"axes": "YXS", "PhysicalSizeX": MPP, "PhysicalSizeY": MPP}
    photometric = "rgb"
    if channels:
        pixels = np.ascontiguousarray(np.moveaxis(pixels, -1, 0))
        metadata |= {"axes": "CYX", "Channel": {"Name": list(channels)}}
        photometric = "minisblack"
    with tifffile.TiffWriter(path, ome=True) as tif:
        tif.write(pixels, tile=(256, 256), photometric=photometric, metadata=metadata, subifds=levels - 1)
        for level in range(1, levels):
            small = np.ascontiguousarray(pixels[:: 4**level, :: 4**level])
            tif.write(small, tile=(256, 256), photometric=photometric, subfiletype=1, metadata=None)
    return path


def write_outlines(path: Path, corners: dict[str, list[tuple[float, float]]]) -> Path:
    """Polygons as QuPath exports them."""
    features = [
        {
            "type": "Feature",
            "properties": {"name": name},
            "geometry": {"type": "Polygon", "coordinates": [[*points, points[0]]]},
        }
        for name, points in corners.items()
    ]
    path.write_text(json.dumps({"type": "FeatureCollection", "features": features}), encoding="utf-8")
    return path


def both_ways(recipe: Recipe[Any], path: Path, edge: int = EDGE) -> tuple[Result, SlideResult, npt.NDArray[Any]]:
    """By the same decision: in one piece, tile by tile, and the labels that the latter writes."""
    image = read(path)
    evidence = recipe.observe(image)
    resolved = recipe.resolve([evidence], ALL_SCOPES)
    with open_source(path) as source:
        tiled = slides.measure_slide(resolved, source, tile_edge=edge)
        labels = path.with_suffix(".labels.tif")
        tiled.write_labels(labels)
        tiled.close()
    return resolved.measure(image, evidence), tiled, tifffile.imread(labels)


def same_rows(one: Result, other: SlideResult, but: tuple[str, ...] = ("flags",)) -> None:
    """Fail where a number differs by more than rounding."""
    for whole, tiled in zip(one.rows, other.rows, strict=True):
        assert set(whole) == set(tiled)
        for name, value in whole.items():
            if name in but:
                continue
            if isinstance(value, float):
                np.testing.assert_allclose(tiled[name], value, rtol=1e-6, err_msg=name)
            else:
                assert tiled[name] == value, name
