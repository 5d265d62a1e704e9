"""What a stained region gives: stained area, optical density, nodules."""

from __future__ import annotations

from collections.abc import Mapping
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
from exoimage.assays.measuring import Labels, Mask, Part
from exoimage.assays.tallies import Tally, only
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


def tally_stain(part: Part, chain: Chain, sizes: Sizes) -> Tally:
    """Count the nodules of a region, or of a tile, and sum up the stain in it."""
    plane, stained = chain.stained(part)
    labels, table = _nodules(part, plane, part.within(stained), sizes)
    inside = None if part.inside is None else part.inside[part.core]
    sums = {
        "density": _mean(plane[part.core], inside) * part.area_px if part.area_px else 0.0,
        **colour_sums(part, chain, plane, labels),
    }
    return Tally.of(part, sums, _object_values(part, table), labels, density=plane)


def colour_sums(part: Part, chain: Chain, plane: Plane, labels: Labels | Mask) -> dict[str, float]:
    """Density of each colour summed over some of what was counted, and of how many pixels.

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
    counted = (labels[part.core][every] > 0) & (plane[part.core][every] >= chain.threshold_od)
    pixels = part.pixels[part.core][every][counted]
    density = optical_density(pixels, White(chain.stains.white.rgb)).sum(axis=0, dtype=np.float64)
    names = ("counted_red", "counted_green", "counted_blue")
    return {"counted_px": float(len(pixels)), **dict(zip(names, density.tolist(), strict=True))}


def is_another_stain(sums: Mapping[str, float], chain: Chain) -> bool:
    """Whether the colour of what was counted is far from the target's vector.

    Parameters
    ----------
    sums : mapping
        With those of `colour_sums`.
    chain : Chain
    """
    if sums["counted_px"] < 50:
        return False
    colour = [sums[name] for name in ("counted_red", "counted_green", "counted_blue")]
    target = chain.stains.vectors[chain.stains.index(chain.stains.target)]
    return stains.hue_angle_deg(colour, target) > MISMATCH_DEG


def _nodules(part: Part, plane: Plane, stained: Mask, sizes: Sizes) -> tuple[Labels, particles.ObjectTable]:
    if part.drawn is not None:  # what a person drew counts, whatever its size
        return part.drawn, particles.measure_objects(part.drawn, intensity=plane)
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


def stain_values(tally: Tally, counted: npt.NDArray[np.bool_], chain: Chain) -> dict[str, Value]:
    """The columns of a region."""
    objects = only(tally.objects, counted)
    areas, um2 = objects["area_px"], tally.pixel_area_um2
    count, stained_px = len(areas), int(areas.sum())
    integrated = float((objects["mean_od"] * areas).sum())
    median_px = float(np.median(areas)) if count else None
    return {
        "stained_area_pct": 100.0 * stained_px / tally.area_px,
        "integrated_od": integrated,
        "stained_area_um2": None if um2 is None else stained_px * um2,
        "region_area_um2": tally.region_area_um2,
        "mean_od": integrated / stained_px if stained_px else None,
        "region_mean_od": tally.sums["density"] / tally.area_px,
        "nodule_count": count,
        "nodules_per_mm2": None if um2 is None else count / (tally.area_px * um2) * 1e6,
        "nodule_area_median_um2": None if um2 is None or median_px is None else median_px * um2,
        "threshold_od": chain.threshold_od if np.isfinite(chain.threshold_od) else None,
        **white_values(chain.stains.white),
        "stained_area_px": stained_px,
        "region_area_px": tally.area_px,
        "nodule_area_median_px": median_px,
    }


def _mean(plane: Plane, inside: Mask | None) -> float:
    return float(cv2.mean(plane, None if inside is None else np.ascontiguousarray(inside).view(np.uint8))[0])
