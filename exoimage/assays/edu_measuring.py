"""What one region of a nuclear marker's picture gives: nuclei, how many are positive, and each one's intensities."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from exoimage.assays.columns import Column, Mean, Ratio, Sum, Value, WilsonBound, wilson_pct
from exoimage.assays.fluorescence import Stained
from exoimage.assays.measuring import Measured, Part
from exoimage.assays.tallies import Objects, Tally
from exoimage.flags import Flag
from exoimage.methods import fluorescence_quality, intensities, particles
from exoimage.methods.intensities import BackgroundRule, Intensities, Rings

COLUMNS = (
    Column(
        "edu_positive_pct", "Share of the nuclei that are positive for the marker; empty where there are none.",
        Ratio("edu_positive_count", "nuclei_count", 100.0), primary=True,
    ),
    Column("nuclei_count", "Number of nuclei; touching ones are parted.", Sum()),
    Column("edu_positive_count", "Number of nuclei that are positive for the marker.", Sum()),
    Column(
        "edu_positive_ci_low_pct", "Lower end of Wilson's 95 % interval of the share, of the counted cells.",
        WilsonBound("edu_positive_count", "nuclei_count", upper=False),
    ),
    Column(
        "edu_positive_ci_high_pct", "Upper end of Wilson's 95 % interval of the share, of the counted cells.",
        WilsonBound("edu_positive_count", "nuclei_count", upper=True),
    ),
    Column("nucleus_area_median_um2", "Median area of a nucleus.", Mean()),
    Column("threshold", "Mean intensity of the marker above the background from which a nucleus is positive.", Mean()),
    Column("nuclei_per_mm2", "Nuclei per area of the region.", Ratio("nuclei_count", "region_area_um2", 1e6)),
    Column("edu_mean", "Mean over the nuclei of the marker's mean intensity above the background.", Mean()),
    Column("dapi_integrated_median", "Median over the nuclei of the nuclear stain's integrated intensity.", Mean()),
    Column("typical_diameter_px", "Typical diameter of a nucleus that was looked for, in pixels.", Mean()),
    Column("debris_count", "Bright objects of the whole picture that are too small or ragged for nuclei.", Sum()),
    Column("region_area_um2", "Area of the region.", Sum()),
    Column("region_area_px", "Area of the region in pixels.", Sum()),
    Column("nucleus_area_median_px", "Median area of a nucleus in pixels.", Mean()),
)  # fmt: skip

OBJECT_COLUMNS = (
    Column("y_px", "Centroid of the nucleus, from the upper edge; the centre of the first pixel is 0.5."),
    Column("x_px", "Centroid of the nucleus, from the left edge; the centre of the first pixel is 0.5."),
    Column("positive", "1 where the nucleus is positive for the marker, 0 where not; empty without that channel."),
    Column("edu_mean", "Mean intensity of the marker in the nucleus, away from touching ones, above the background."),
    Column("edu_background", "Background of the marker that was taken off."),
    Column("dapi_mean", "Mean intensity of the nuclear stain, above its background."),
    Column("dapi_integrated", "The same, summed over the nucleus: its DNA content, in units of the pixels."),
    Column("area_px", "Number of pixels."),
    Column("area_um2", "Area."),
    Column("solidity", "Area / area of the convex hull."),
)


@dataclass(frozen=True)
class EduScene:
    """What all nuclei of a picture share.

    Parameters
    ----------
    cut : float
        Mean intensity above the background; a nucleus above it is positive.
    has_marker : bool
        Whether there is a marker channel.
    diameter_px : float
        Typical diameter of a nucleus.
    """

    cut: float
    has_marker: bool
    diameter_px: float


def rings_of(stained: Stained) -> Rings:
    """The surroundings of a region's nuclei."""
    return intensities.rings(stained.labels, stained.diameter_px, stained.others)


def measure_marker(stained: Stained, around: Rings, background: BackgroundRule) -> Intensities:
    """The marker of each nucleus of a region, where no other one's light reaches; none where there is no marker."""
    if not stained.has_marker:
        return intensities.NO_INTENSITIES
    own = intensities.apart(stained.labels, around.gap_px)
    count = int(stained.labels.max(initial=0))
    return intensities.measure_intensities(own, stained.marker, around, count, background)


def tally_edu(
    part: Part, stained: Stained, around: Rings, marker: Intensities, cut: float, background: BackgroundRule
) -> Tally:
    """Measure the nuclei of a region, or of a tile, and tell those that are positive.

    Parameters
    ----------
    part : Part
    stained : Stained
    around : Rings
        Of the counted nuclei.
    marker : Intensities
        From `measure_marker`.
    cut : float
        Mean intensity above the background; a nucleus above it is positive.
    background : {"local", "image"}
        Of the nuclear stain.
    """
    labels, count = stained.labels, int(stained.labels.max(initial=0))
    nuclear = intensities.measure_intensities(labels, stained.nuclear, around, count, background)
    table = particles.measure_objects(labels, count)
    marker_mean, marker_background, marker_noise, positive = np.full((4, count), np.nan)
    if stained.has_marker:
        marker_mean, marker_background, marker_noise = marker.mean, marker.background, marker.noise
        positive = (marker.mean > cut).astype(np.float64)
    um2 = np.nan if part.pixel_area_um2 is None else part.pixel_area_um2
    objects: dict[str, npt.NDArray[Any]] = {
        "y_px": table.y_px,
        "x_px": table.x_px,
        "positive": positive,
        "edu_mean": marker_mean,
        "edu_background": marker_background,
        "edu_noise": marker_noise,
        "dapi_mean": nuclear.mean,
        "dapi_integrated": nuclear.integrated,
        "area_px": table.area_px.astype(np.int64),
        "area_um2": table.area_px * um2,
        "solidity": intensities.solidity(labels, count),
    }
    # Of a tile, what is no nucleus may lie in its margin, and would count twice.
    sums = {"debris_count": stained.debris_count} if part.frame is None else {}
    return Tally.of(part, sums, objects, labels)


def measured_edu(tally: Tally, scene: EduScene) -> Measured:
    """What a region in one piece gives."""
    labels, is_positive = tally.labels, are_positive(tally.objects)
    only_positive = particles.only_labels(labels, is_positive)
    outlined = (only_positive, particles.only_labels(labels, ~is_positive))
    masks = {"nuclei": labels > 0, "positive": only_positive > 0}
    flags = edu_remarks(tally.objects, scene)
    found = len(is_positive) > 0
    return Measured(edu_values(tally, scene), flags, labels, tally.objects, masks, found, outlined)


def are_positive(objects: Objects) -> npt.NDArray[np.bool_]:
    """Which nuclei are positive for the marker."""
    return np.asarray(objects["positive"] == 1)


def edu_remarks(objects: Objects, scene: EduScene) -> tuple[Flag, ...]:
    """Whether the marker follows the nuclear stain among the negative nuclei, or among all."""
    if not scene.has_marker:
        return ()
    is_negative = objects["positive"] == 0
    leaks = any(
        fluorescence_quality.bleeds_through(objects["dapi_mean"][some], objects["edu_mean"][some], objects["edu_noise"])
        for some in (is_negative, np.ones_like(is_negative))
    )
    return (Flag.BLEED_THROUGH,) if leaks else ()


def edu_values(tally: Tally, scene: EduScene) -> dict[str, Value]:
    """The columns of a region."""
    objects, cut = tally.objects, scene.cut
    um2, count = tally.pixel_area_um2, len(objects["area_px"])
    positive = int(np.count_nonzero(objects["positive"] == 1)) if scene.has_marker else None
    share = 100.0 * positive / count if count and positive is not None else None
    interval = wilson_pct(positive, count) if positive is not None else ()
    low, high = interval or (None, None)
    median = float(np.median(objects["area_px"])) if count else None
    is_known = scene.has_marker and bool(np.isfinite(cut))
    return {
        "edu_positive_pct": share,
        "nuclei_count": count,
        "edu_positive_count": positive,
        "edu_positive_ci_low_pct": low,
        "edu_positive_ci_high_pct": high,
        "nucleus_area_median_um2": None if um2 is None or median is None else median * um2,
        "threshold": cut if is_known else None,
        "nuclei_per_mm2": None if um2 is None else count / (tally.area_px * um2) * 1e6,
        "edu_mean": float(objects["edu_mean"].mean()) if count and scene.has_marker else None,
        "dapi_integrated_median": float(np.median(objects["dapi_integrated"])) if count else None,
        "typical_diameter_px": scene.diameter_px or None,
        "debris_count": tally.sums.get("debris_count"),
        "region_area_um2": tally.region_area_um2,
        "region_area_px": tally.area_px,
        "nucleus_area_median_px": median,
    }
