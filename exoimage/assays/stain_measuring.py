"""What a stained region gives: stained area, optical density, nodules."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from exoimage.assays.chains import Chain, Plane
from exoimage.assays.columns import AreaWeighted, Column, Mean, Ratio, Sum, Value
from exoimage.assays.common_columns import (
    PLACE_AND_AREA_COLUMNS,
    REGION_AREA_PX,
    REGION_AREA_UM2,
    WHITE_COLUMNS,
    place_and_area,
    white_values,
)
from exoimage.assays.measuring import Labels, Mask, Measured, Part
from exoimage.flags import Flag
from exoimage.methods import particles, segmentation, stains
from exoimage.methods.density import White, optical_density

MISMATCH_DEG = 45.0
"""A hue further than this from the stain's is another stain's."""

COLUMNS = (
    Column(
        "stained_area_pct", "Share of the region's area that stained objects of the sizes asked for cover.",
        Ratio("stained_area_px", "region_area_px", 100.0), primary=True,
    ),
    Column("integrated_od", "Optical density of the stain summed over the stained objects.", Mean(), primary=True),
    Column("stained_area_um2", "Stained area.", Sum()),
    REGION_AREA_UM2,
    Column(
        "mean_od", "Mean optical density of the stain over the stained objects.",
        Ratio("integrated_od", "stained_area_px"),
    ),
    Column(
        "region_mean_od", "Mean optical density of the stain over the whole region, thresholded or not.",
        AreaWeighted("region_area_px"),
    ),
    Column("nodule_count", "Number of stained objects (8-connected) between the smallest and largest size.", Sum()),
    Column("nodules_per_mm2", "Stained objects per area of the region.", Ratio("nodule_count", "region_area_um2", 1e6)),
    Column("nodule_area_median_um2", "Median area of the stained objects.", Mean()),
    Column("threshold_od", "Optical density above which a pixel counts as stained.", Mean()),
    *WHITE_COLUMNS,
    Column("stained_area_px", "Stained area in pixels.", Sum()),
    REGION_AREA_PX,
    Column("nodule_area_median_px", "Median area of the stained objects in pixels.", Mean()),
)  # fmt: skip

OBJECT_COLUMNS = (
    *PLACE_AND_AREA_COLUMNS,
    Column("circularity", "4π·area / perimeter², with ImageJ's perimeter of the outline; at most 1."),
    Column("mean_od", "Mean optical density of the stain over the object."),
)


@dataclass(frozen=True)
class Sizes:
    """Which objects count, by their area in px.

    Parameters
    ----------
    smallest, largest : float
        Limits of an object, inclusive.
    hole : float
        Holes up to this size are filled.
    """

    smallest: float
    largest: float
    hole: float


def measure_stain(part: Part, chain: Chain, sizes: Sizes) -> Measured:
    """Measure the stained area of a region and its nodules."""
    plane, stained = chain.stained(part)
    labels, table = _nodules(part, plane, part.within(stained), sizes)
    objects = _object_values(part, table)
    flags = (Flag.STAIN_MISMATCH,) if len(table) and is_another_stain(part, chain, plane, labels) else ()
    values = _values(part, chain, objects, _mean(plane, part.inside))
    return Measured(values, flags, labels, objects, {"stain": labels > 0}, found=len(table) > 0)


def is_another_stain(part: Part, chain: Chain, plane: Plane, labels: Labels | Mask) -> bool:
    """Whether the colour of what was counted is far from the target's vector.

    Parameters
    ----------
    part : Part
    chain : Chain
    plane : float32 array of the part's shape
        Optical density of the target.
    labels : int32 or bool array of the part's shape
        What was counted.
    """
    step = max(1, min(part.shape) // 128)
    every = (slice(None, None, step), slice(None, None, step))
    counted = (labels[every] > 0) & (plane[every] >= chain.threshold_od)
    if np.count_nonzero(counted) < 50:
        return False
    colour = optical_density(part.pixels[every][counted], White(chain.stains.white.rgb)).mean(axis=0)
    target = chain.stains.vectors[chain.stains.index(chain.stains.target)]
    return stains.hue_angle_deg(colour.tolist(), target) > MISMATCH_DEG


def _nodules(part: Part, plane: Plane, stained: Mask, sizes: Sizes) -> tuple[Labels, particles.ObjectTable]:
    if sizes.hole >= 1:
        stained = part.within(segmentation.fill_holes(stained, sizes.hole))
    labels = particles.label(stained)
    table = particles.measure_objects(labels, intensity=plane)
    keep = (table.area_px >= sizes.smallest) & (table.area_px <= sizes.largest)
    if keep.all():
        return labels, table
    return particles.only_labels(labels, keep, out=labels), table.only(keep)


def _object_values(part: Part, table: particles.ObjectTable) -> dict[str, npt.NDArray[Any]]:
    return {
        **place_and_area(part, table),
        "circularity": table.circularity,
        "mean_od": table.intensity_sum / np.maximum(table.area_px, 1),
    }


def _values(part: Part, chain: Chain, objects: dict[str, npt.NDArray[Any]], mean_od: float) -> dict[str, Value]:
    areas, um2 = objects["area_px"], part.pixel_area_um2
    count, stained_px = len(areas), int(areas.sum())
    integrated = float((objects["mean_od"] * areas).sum())
    median_px = float(np.median(areas)) if count else None
    return {
        "stained_area_pct": 100.0 * stained_px / part.area_px,
        "integrated_od": integrated,
        "stained_area_um2": None if um2 is None else stained_px * um2,
        "region_area_um2": None if um2 is None else part.area_px * um2,
        "mean_od": integrated / stained_px if stained_px else None,
        "region_mean_od": mean_od,
        "nodule_count": count,
        "nodules_per_mm2": None if um2 is None else count / (part.area_px * um2) * 1e6,
        "nodule_area_median_um2": None if um2 is None or median_px is None else median_px * um2,
        "threshold_od": chain.threshold_od if np.isfinite(chain.threshold_od) else None,
        **white_values(chain.stains.white),
        "stained_area_px": stained_px,
        "region_area_px": part.area_px,
        "nodule_area_median_px": median_px,
    }


def _mean(plane: Plane, inside: Mask | None) -> float:
    return float(cv2.mean(plane, None if inside is None else inside.view(np.uint8))[0])
