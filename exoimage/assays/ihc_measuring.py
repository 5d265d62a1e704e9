"""Measuring one region of an immunostained picture: DAB area, tissue, cells and their classes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import cv2
import numpy as np
import numpy.typing as npt

from exoimage.assays.chains import Chain
from exoimage.assays.columns import AreaWeighted, Column, Mean, Ratio, Row, Sum, Value
from exoimage.assays.common_columns import REGION_AREA_PX, REGION_AREA_UM2, WHITE_COLUMNS, white_values
from exoimage.assays.measuring import Part, numbered
from exoimage.assays.nuclei_choices import Detection
from exoimage.assays.stain_measuring import colour_sums
from exoimage.assays.tallies import Objects, Tally
from exoimage.errors import MeasureError
from exoimage.methods import bright_nuclei, cell_compartments, ihc_scores, stains
from exoimage.methods.density import MAX_OD
from exoimage.methods.detectors import FieldLight, Search
from exoimage.methods.network_views import Levels
from exoimage.methods.nuclei import SMALLEST_DIAMETER_PX

Mask = npt.NDArray[np.bool_]
Plane = npt.NDArray[np.float32]
Labels = npt.NDArray[np.int32]

RIM_DIAMETERS = 0.12
"""Width of a nucleus' rim, in diameters, that belongs neither to its density nor to its cytoplasm's: the outline is
right to about a tenth of a diameter, and optics blur it."""


@dataclass(frozen=True)
class PooledAllred:
    """Allred's score of the counts of all fields together: it is no linear measure that could be averaged."""

    def of(self, column: str, rows: Sequence[Row]) -> float | None:  # noqa: ARG002
        """Add the counts up and score them."""
        names = ("negative_count", "weak_count", "moderate_count", "strong_count")
        usable = [row for row in rows if all(isinstance(row.get(name), int | float) for name in names)]
        counts = [sum(int(float(str(row[name]))) for row in usable) for name in names]
        return ihc_scores.allred_score(*counts) if sum(counts) else None

    def describe(self) -> str:
        """The rule in words."""
        return "Allred's score of the fields' cells, added up"


COLUMNS = (
    Column(
        "dab_area_pct", "Share of the region's area that is stained brown.",
        Ratio("dab_area_px", "region_area_px", 100.0), primary=True,
    ),
    Column(
        "positive_cells_pct", "Share of the cells that are weak, moderate or strong.",
        Ratio("positive_count", "cell_count", 100.0), primary=True,
    ),
    Column(
        "h_score", "Percentage of weak cells plus twice that of moderate and thrice that of strong ones, 0 to 300.",
        AreaWeighted("cell_count"),
    ),
    Column(
        "allred_score", "Allred's proportion score plus intensity score, 0 or 2 to 8.", PooledAllred()
    ),
    Column("cell_count", "Number of cells (nuclei) found.", Sum()),
    Column("weak_count", "Cells whose DAB is from the first cut up to the second.", Sum()),
    Column("moderate_count", "Cells whose DAB is from the second cut up to the third.", Sum()),
    Column("strong_count", "Cells whose DAB is from the third cut on.", Sum()),
    Column(
        "dab_mean_od", "Mean optical density of DAB over the stained area.", Ratio("dab_integrated_od", "dab_area_px")
    ),
    Column("dab_integrated_od", "Optical density of DAB summed over the stained area.", Mean()),
    Column("negative_count", "Cells whose DAB is below the first cut.", Sum()),
    Column("positive_count", "Cells whose DAB is from the first cut on.", Sum()),
    Column("cells_per_mm2", "Cells per area of the region.", Ratio("cell_count", "region_area_um2", 1e6)),
    Column(
        "cell_dab_mean_od", "Mean over the cells of the optical density of DAB in the compartment.",
        AreaWeighted("cell_count"),
    ),
    Column(
        "dab_tissue_pct", "Share of the tissue that is stained brown.", Ratio("dab_tissue_px", "tissue_area_px", 100.0)
    ),
    Column("tissue_pct", "Share of the region that is tissue.", Ratio("tissue_area_px", "region_area_px", 100.0)),
    Column("ihc_profiler_score", "IHC Profiler's mean zone of the tissue's pixels, 1 to 4.", Mean()),
    Column("dab_area_um2", "Area that is stained brown.", Sum()),
    Column("tissue_area_um2", "Area of tissue.", Sum()),
    REGION_AREA_UM2,
    Column("threshold_od", "Optical density of DAB above which a pixel counts as stained.", Mean()),
    Column("nucleus_diameter_px", "Typical diameter of a nucleus that was looked for, in pixels.", Mean()),
    *WHITE_COLUMNS,
    Column("dab_area_px", "Area that is stained brown, in pixels.", Sum()),
    Column("dab_tissue_px", "Stained area within tissue, in pixels.", Sum()),
    Column("tissue_area_px", "Area of tissue in pixels.", Sum()),
    REGION_AREA_PX,
)  # fmt: skip

CELL_COLUMNS = (
    "positive_cells_pct", "h_score", "allred_score", "cell_count", "negative_count", "weak_count", "moderate_count",
    "strong_count", "positive_count", "cells_per_mm2", "cell_dab_mean_od",
)  # fmt: skip
"""Those that are empty where cells are not looked for."""

_KINDS = {"class": np.object_, "area_px": np.int64}
"""What object columns hold that are no floats."""

OBJECT_COLUMNS = (
    Column("y_px", "Centroid of the nucleus, from the upper edge; the centre of the first pixel is 0.5."),
    Column("x_px", "Centroid of the nucleus, from the left edge; the centre of the first pixel is 0.5."),
    Column("class", "negative, weak, moderate or strong."),
    Column("dab_od", "Mean optical density of DAB over the compartment."),
    Column("haematoxylin_od", "Mean optical density of haematoxylin over the nucleus."),
    Column("area_px", "Number of pixels of the nucleus."),
    Column("area_um2", "Area of the nucleus."),
)


NUCLEAR_LIGHT = FieldLight(levels=Levels(0.05, 0.75))
"""Shares of light that tissue between nuclei and dark nuclei absorb. Being a share, it is the same in every picture,
and in every tile of a slide."""


@dataclass(frozen=True)
class CellRules:
    """How cells are found and classed, and what counts as brown and as tissue.

    Parameters
    ----------
    compartment : {"nucleus", "cytoplasm", "both"}
    cuts_od : (weak, moderate, strong)
    diameter_px : float
        Typical diameter of a nucleus.
    ring_width : float
        Of the cytoplasm, in diameters.
    dab_weight : float
        How much of the DAB makes a nucleus.
    detection : Detection
        What finds nuclei.
    least_contrast : float
        Of a nucleus found by threshold; see `bright_nuclei.find_nuclei`.
    largest_excess_od : float
        Of haematoxylin over DAB in a brown pixel.
    least_tissue_od : float
    finds_cells : bool
        Whether cells are looked for at all.
    """

    compartment: Literal["nucleus", "cytoplasm", "both"]
    cuts_od: tuple[float, float, float]
    diameter_px: float
    ring_width: float
    dab_weight: float
    detection: Detection
    least_contrast: float
    largest_excess_od: float
    least_tissue_od: float
    finds_cells: bool = True


def tally_ihc(part: Part, chain: Chain, rules: CellRules) -> Tally:
    """Sum up the stained area of a region, or of a tile, and count its cells."""
    dab, stained = chain.stained(part)
    haematoxylin, darkness = _nuclear_planes(part, chain, rules)
    brown = part.within(_brown(stained, dab, haematoxylin, rules.largest_excess_od))
    tissue = part.within(_tissue(haematoxylin, dab, np.inf if part.is_constant else rules.least_tissue_od))
    nuclei = _nuclei(part, darkness, rules)
    objects = _object_values(part, nuclei, dab, haematoxylin, rules)
    sums = {**_area_sums(part, dab, brown, tissue), **colour_sums(part, chain, dab, brown)}
    return Tally.of(part, sums, objects, nuclei, masks={"dab": brown, "tissue": tissue})


def _nuclear_planes(part: Part, chain: Chain, rules: CellRules) -> tuple[Plane, Plane]:
    """Haematoxylin, and how dark nuclei are; of no size where none are looked for."""
    place, most = part.place, part.image.max_value
    if not rules.finds_cells:
        plane = stains.stain_plane(part.pixels, chain.stains, "haematoxylin", max_value=most, part_of=place)
        return plane, np.empty((0, 0), dtype=np.float32)
    return bright_nuclei.nuclear_planes(
        part.pixels, chain.stains, dab_weight=rules.dab_weight, part_of=place, max_value=most
    )


def ihc_values(tally: Tally, chain: Chain, rules: CellRules) -> dict[str, Value]:
    """The columns of a region."""
    values = {
        **(_cell_values(tally, rules) if rules.finds_cells else dict.fromkeys(CELL_COLUMNS)),
        **_area_values(tally, chain),
        "nucleus_diameter_px": rules.diameter_px if rules.finds_cells else None,
    }
    return {column.name: values[column.name] for column in COLUMNS}


def are_positive(objects: Objects) -> npt.NDArray[np.bool_]:
    """Which cells are weak, moderate or strong."""
    return np.asarray(objects["class"] != "negative", dtype=np.bool_)


def _brown(stained: Mask, dab: Plane, haematoxylin: Plane, largest_excess: float) -> Mask:
    """Stained pixels with no more haematoxylin than DAB, but for an excess that noise may make."""
    if largest_excess >= MAX_OD:
        return stained
    return np.asarray(stained & (haematoxylin - dab <= np.float32(largest_excess)))


def _tissue(haematoxylin: Plane, dab: Plane, least_od: float) -> Mask:
    """Where the picture, smoothed over some 16 px, absorbs light: tissue with its pale places, and no glass."""
    height, width = dab.shape
    small = max(1, round(width / 4)), max(1, round(height / 4))
    reduced = sum(cv2.resize(plane, small, interpolation=cv2.INTER_AREA) for plane in (haematoxylin, dab))
    smooth = cv2.GaussianBlur(np.asarray(reduced, dtype=np.float32), (0, 0), 2.0, borderType=cv2.BORDER_REFLECT_101)
    mask = (np.asarray(smooth).reshape(small[::-1]) > least_od).astype(np.uint8)
    return np.asarray(cv2.resize(mask, (width, height), interpolation=cv2.INTER_NEAREST), dtype=np.uint8).view(np.bool_)


def _nuclei(part: Part, darkness: Plane, rules: CellRules) -> Labels:
    if part.image.drawn is not None:
        own = np.ascontiguousarray(part.image.drawn[part.region.box])
        return numbered(own if part.inside is None else cell_compartments.only_within(own, part.inside))
    if part.is_constant or not rules.finds_cells:
        return np.zeros(part.shape, dtype=np.int32)
    if rules.diameter_px < SMALLEST_DIAMETER_PX:
        raise MeasureError(
            f"nuclei of {rules.diameter_px:.1f} px are too small to be found; they need {SMALLEST_DIAMETER_PX:g} px:"
            " magnify more, or say cells = false for the stained area alone"
        )
    if rules.detection.method == "threshold":
        nuclei = bright_nuclei.find_nuclei(darkness, rules.diameter_px, least_contrast=rules.least_contrast)
    else:
        nuclei = rules.detection.find(darkness, Search(rules.diameter_px, light=NUCLEAR_LIGHT)).labels
    return nuclei if part.inside is None else cell_compartments.only_within(nuclei, part.inside)


def _object_values(
    part: Part, nuclei: Labels, dab: Plane, haematoxylin: Plane, rules: CellRules
) -> dict[str, npt.NDArray[Any]]:
    own = cell_compartments.measure_nuclei(nuclei, dab, haematoxylin)
    if len(own.area_px) == 0:
        return {column.name: np.empty(0, _KINDS.get(column.name, np.float64)) for column in OBJECT_COLUMNS}
    rim_px = RIM_DIAMETERS * rules.diameter_px
    core = cell_compartments.measure_nuclei(
        cell_compartments.cores(nuclei, rim_px), dab, haematoxylin, len(own.area_px)
    )
    dab_sum, dab_px = core.dab_sum, core.area_px
    if rules.compartment != "nucleus":
        rings = cell_compartments.cytoplasm(nuclei, rules.ring_width * rules.diameter_px, rim_px)
        if part.inside is not None:
            rings[~part.inside] = 0
        around = cell_compartments.measure_nuclei(rings, dab, haematoxylin, len(own.area_px))
        only_ring = rules.compartment == "cytoplasm"
        dab_sum = around.dab_sum if only_ring else dab_sum + around.dab_sum
        dab_px = around.area_px if only_ring else dab_px + around.area_px
    # A cell pressed between others may have no ring: its density is unknown, and it counts as negative.
    od = np.where(dab_px > 0, dab_sum / np.maximum(dab_px, 1), np.nan)
    um2 = np.nan if part.pixel_area_um2 is None else part.pixel_area_um2
    return {
        "y_px": own.y_px,
        "x_px": own.x_px,
        "class": np.array(ihc_scores.CLASSES, dtype=object)[ihc_scores.intensity_classes(od, rules.cuts_od)],
        "dab_od": od,
        "haematoxylin_od": core.haematoxylin_sum / np.maximum(core.area_px, 1),
        "area_px": own.area_px,
        "area_um2": own.area_px * um2,
    }


def _cell_values(tally: Tally, rules: CellRules) -> dict[str, Value]:
    objects = tally.objects
    classes = ihc_scores.intensity_classes(objects["dab_od"], rules.cuts_od)
    negative, weak, moderate, strong = (int(n) for n in np.bincount(classes, minlength=4))
    cells, positive = len(classes), weak + moderate + strong
    known = objects["dab_od"][np.isfinite(objects["dab_od"])]
    um2 = tally.pixel_area_um2
    return {
        "positive_cells_pct": 100.0 * positive / cells if cells else None,
        "h_score": ihc_scores.h_score(negative, weak, moderate, strong) if cells else None,
        "allred_score": ihc_scores.allred_score(negative, weak, moderate, strong) if cells else None,
        "cell_count": cells,
        "negative_count": negative,
        "weak_count": weak,
        "moderate_count": moderate,
        "strong_count": strong,
        "positive_count": positive,
        "cells_per_mm2": None if um2 is None else cells / (tally.area_px * um2) * 1e6,
        "cell_dab_mean_od": float(known.mean()) if len(known) else None,
    }


def _area_sums(part: Part, dab: Plane, brown: Mask, tissue: Mask) -> dict[str, float]:
    dab = np.ascontiguousarray(dab[part.core])
    brown, tissue = (np.ascontiguousarray(mask[part.core]) for mask in (brown, tissue))
    brown_px = int(np.count_nonzero(brown))
    score, scored = ihc_scores.profiler_sums(dab, tissue)
    return {
        "brown_px": brown_px,
        "tissue_px": int(np.count_nonzero(tissue)),
        "both_px": int(np.count_nonzero(brown & tissue)),
        "integrated_od": float(cv2.mean(dab, brown.view(np.uint8))[0]) * brown_px,
        "score": score,
        "scored_px": scored,
    }


def _area_values(tally: Tally, chain: Chain) -> dict[str, Value]:
    sums, um2 = tally.sums, tally.pixel_area_um2
    brown_px, tissue_px, both_px = (int(sums[name]) for name in ("brown_px", "tissue_px", "both_px"))
    integrated = sums["integrated_od"]
    return {
        "dab_area_pct": 100.0 * brown_px / tally.area_px,
        "dab_mean_od": integrated / brown_px if brown_px else None,
        "dab_integrated_od": integrated,
        "dab_tissue_pct": 100.0 * both_px / tissue_px if tissue_px else None,
        "tissue_pct": 100.0 * tissue_px / tally.area_px,
        "ihc_profiler_score": sums["score"] / sums["scored_px"] if sums["scored_px"] else None,
        "dab_area_um2": None if um2 is None else brown_px * um2,
        "tissue_area_um2": None if um2 is None else tissue_px * um2,
        "region_area_um2": tally.region_area_um2,
        "threshold_od": chain.threshold_od if np.isfinite(chain.threshold_od) else None,
        **white_values(chain.stains.white),
        "dab_area_px": brown_px,
        "dab_tissue_px": both_px,
        "tissue_area_px": tissue_px,
        "region_area_px": tally.area_px,
    }
