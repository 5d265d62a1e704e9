"""What one region of a vesicle-dye picture gives: cells, the puncta in them, and each cell's fluorescence."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from exoimage.assays.columns import AreaWeighted, Column, Mean, Ratio, Sum, Value
from exoimage.assays.dye_choices import KnownDye
from exoimage.assays.fluorescence import Stained
from exoimage.assays.measuring import Labels, Mask, Measured, Part
from exoimage.flags import Flag
from exoimage.methods import cells as cell_methods
from exoimage.methods import particles, puncta
from exoimage.methods.cells import Background
from exoimage.methods.puncta import Puncta

RING_SIGMAS, RING_GAP_PX = 2.2, 1.5
"""How far an overlay's ring lies from the middle of a punctum: around it, so that it can be seen."""

COLUMNS = (
    Column(
        "puncta_per_cell", "Puncta per cell, those of a dye-only control taken off if asked for; empty without cells.",
        Ratio("puncta_above_dye", "cell_count"), primary=True,
    ),
    Column(
        "positive_cells_pct", "Share of the cells that hold puncta, or more of them than a dye-only control's.",
        Ratio("positive_count", "cell_count", 100.0), primary=True,
    ),
    Column("cell_count", "Number of cells (nuclei).", Sum()),
    Column("puncta_count", "Number of puncta within cells.", Sum()),
    Column(
        "uptake_area_pct", "Share of the cells' area that puncta cover.", Ratio("puncta_area_px", "cell_area_px", 100.0)
    ),
    Column(
        "mean_ctcf", "Mean over the cells of the corrected total cell fluorescence: integrated density less area times"
        " mean background.",
        AreaWeighted("cell_count"),
    ),
    Column("positive_count", "Cells that are positive.", Sum()),
    Column("puncta_outside_count", "Puncta off all cells, or in cells that are not counted.", Sum()),
    Column("puncta_above_dye", "Puncta within cells less those that dye alone would give so many cells.", Sum()),
    Column(
        "punctum_intensity", "Mean over the puncta of a punctum's light above its rim.", AreaWeighted("puncta_count")
    ),
    Column("punctum_sigma_px", "Mean over the puncta of a punctum's sigma in pixels.", AreaWeighted("puncta_count")),
    Column("background", "Mean of the dye channel over the darkest places without cells.", Mean()),
    Column("background_regions", "Number of those places.", Mean()),
    Column("least_puncta", "Puncta from which a cell is positive.", Mean()),
    Column("typical_diameter_px", "Typical diameter of a nucleus that was looked for, in pixels.", Mean()),
    Column("puncta_area_px", "Area that puncta cover within cells, in pixels.", Sum()),
    Column("cell_area_px", "Area of the cells in pixels.", Sum()),
    Column("cell_area_um2", "Area of the cells.", Sum()),
    Column("region_area_um2", "Area of the region.", Sum()),
    Column("region_area_px", "Area of the region in pixels.", Sum()),
)  # fmt: skip

OBJECT_COLUMNS = (
    Column("y_px", "Centroid of the cell, from the upper edge; the centre of the first pixel is 0.5."),
    Column("x_px", "Centroid of the cell, from the left edge; the centre of the first pixel is 0.5."),
    Column("puncta", "Number of puncta in the cell; empty without a dye channel."),
    Column("ctcf", "Corrected total cell fluorescence: integrated density less area times mean background."),
    Column("integrated", "Integrated density: sum of the dye channel over the cell, in units of the pixels."),
    Column("puncta_intensity", "Sum over its puncta of their light above their rims."),
    Column("puncta_area_px", "Area that its puncta cover, in pixels."),
    Column("puncta_area_um2", "Area that its puncta cover."),
    Column("area_px", "Number of pixels of the cell."),
    Column("area_um2", "Area of the cell."),
)

SPOT_COLUMNS = ("y_px", "x_px", "cell", "intensity", "sigma_px", "significance", "contrast")


@dataclass(frozen=True)
class UptakeRules:
    """How cells and puncta are found.

    Parameters
    ----------
    reach : float
        How far a cell reaches beyond its nucleus, in nuclear diameters.
    smallest_sigma, largest_sigma : float
        Of puncta, in px.
    least_significance, least_contrast : float
        See `puncta.find_puncta`.
    """

    reach: float
    smallest_sigma: float
    largest_sigma: float
    least_significance: float
    least_contrast: float


@dataclass(frozen=True, eq=False)
class CellsAndPuncta:
    """The cells of a region, its puncta, and whose each is.

    Parameters
    ----------
    cells : (y, x) int32 array of the region's box
        Numbered as the counted nuclei.
    occupied : (y, x) bool array of the region's box
        All cells, those that are not counted as well.
    found : Puncta
    owner : (n,) int64 array
        A cell's number for each punctum; 0 for none.
    """

    cells: Labels
    occupied: Mask
    found: Puncta
    owner: npt.NDArray[np.int64]

    @property
    def count(self) -> int:
        """Number of cells."""
        return int(self.cells.max(initial=0))

    @property
    def counts(self) -> npt.NDArray[np.int64]:
        """Puncta of each cell."""
        return np.bincount(self.owner, minlength=self.count + 1)[1:]


def find_cells_and_puncta(
    part: Part, stained: Stained, cell_plane: npt.NDArray[Any], rules: UptakeRules
) -> CellsAndPuncta:
    """The cells around the nuclei of a region, and the puncta in its dye channel.

    Parameters
    ----------
    part : Part
    stained : Stained
    cell_plane : (y, x) array of the region's box
        A channel that shows cells; of shape (0, 0): cells are taken to reach so far from their nuclei.
    rules : UptakeRules
    """
    count = int(stained.labels.max(initial=0))
    # Nuclei that are not counted keep their cells from being given to neighbours.
    nuclei = np.where(stained.others, np.int32(count + 1), stained.labels)
    if cell_plane.size:
        every = cell_methods.cells_within(nuclei, cell_methods.cell_mask(cell_plane))
    else:
        every = cell_methods.cells_around(nuclei, rules.reach * stained.diameter_px)
    cells = np.where(every <= count, every, 0).astype(np.int32)
    if part.inside is not None:
        cells[~part.inside] = 0
    if part.drawn is not None:  # what a person erased is no cell, but no background either
        cells, every = part.drawn, every | part.drawn
    found = puncta.find_puncta(
        stained.marker,
        smallest_sigma=rules.smallest_sigma,
        largest_sigma=rules.largest_sigma,
        least_significance=rules.least_significance,
        least_contrast=rules.least_contrast,
    )
    rows, columns = _pixels(found, part.shape)
    if part.inside is not None:
        found = found.only(part.inside[rows, columns])
        rows, columns = _pixels(found, part.shape)
    return CellsAndPuncta(cells, every > 0, found, cells[rows, columns].astype(np.int64))


def measure_uptake(
    part: Part, stained: Stained, cell_plane: npt.NDArray[Any], rules: UptakeRules, dye: KnownDye
) -> Measured:
    """Measure cells and puncta of a region.

    Parameters
    ----------
    part : Part
    stained : Stained
    cell_plane : (y, x) array of the region's box
        As in `find_cells_and_puncta`.
    rules : UptakeRules
    dye : KnownDye
        From how many puncta on a cell is positive, and how many are the dye's own.
    """
    if not stained.has_marker:
        return _without_dye(part, stained, rules)
    both = find_cells_and_puncta(part, stained, cell_plane, rules)
    in_cells = both.found.only(both.owner > 0)
    covered = puncta.disc_mask(in_cells, part.shape) & (both.cells > 0)
    outside = both.occupied | puncta.disc_mask(both.found, part.shape)
    if part.inside is not None:
        outside |= ~part.inside
    background = cell_methods.find_background(stained.marker, outside, round(stained.diameter_px / 2) or 16)
    objects = _objects(part, stained, both, covered, background)
    positive = both.counts >= dye.least_puncta
    values = _values(part, stained, both, objects, background, dye)
    flags = () if background.cell_free or not both.count else (Flag.NO_BACKGROUND,)
    rings = puncta.disc_mask(_widened(both.found), part.shape)
    own = particles.only_labels(both.cells, positive)
    outlined = (rings, own, particles.only_labels(both.cells, ~positive))
    spots = {
        "cell": both.owner,
        **{name: getattr(both.found, name) for name in SPOT_COLUMNS if name != "cell"},
    }
    return Measured(
        values, flags, both.cells, objects, {"puncta": covered, "cells": both.cells > 0, "positive": own > 0},
        found=both.count > 0 or both.found.count > 0, outlined=outlined,
        spots={name: spots[name] for name in SPOT_COLUMNS},
    )  # fmt: skip


def _without_dye(part: Part, stained: Stained, rules: UptakeRules) -> Measured:
    """Only cells are counted."""
    count = int(stained.labels.max(initial=0))
    cells = cell_methods.cells_around(stained.labels, rules.reach * stained.diameter_px)
    if part.drawn is not None:
        cells, count = part.drawn, int(part.drawn.max(initial=0))
    table = particles.measure_objects(cells, count)
    unknown, um2 = np.full(len(table.area_px), np.nan), _um2(part)
    objects = {column.name: unknown for column in OBJECT_COLUMNS}
    objects |= {"y_px": table.y_px, "x_px": table.x_px, "area_px": table.area_px.astype(np.int64)}
    objects |= {"area_um2": table.area_px * um2}
    values: dict[str, Value] = {column.name: None for column in COLUMNS}
    values |= {
        "cell_count": len(table.area_px),
        "typical_diameter_px": stained.diameter_px or None,
        **_areas(part, int(table.area_px.sum())),
    }
    nothing = np.zeros(part.shape, dtype=np.bool_)
    masks = {"puncta": nothing, "cells": cells > 0, "positive": nothing}
    spots = {name: np.empty(0, dtype=np.int64 if name == "cell" else np.float64) for name in SPOT_COLUMNS}
    return Measured(
        values, (), cells, objects, masks, found=len(unknown) > 0, outlined=(nothing, np.zeros_like(cells), cells),
        spots=spots,
    )  # fmt: skip


def _objects(
    part: Part, stained: Stained, both: CellsAndPuncta, covered: Mask, background: Background
) -> dict[str, npt.NDArray[Any]]:
    table, um2, count = particles.measure_objects(both.cells, both.count), _um2(part), both.count
    integrated = _sums(both.cells, stained.marker, count)
    covered_px = _sums(both.cells, covered, count)
    light = np.bincount(both.owner, weights=both.found.intensity, minlength=count + 1)[1:]
    return {
        "y_px": table.y_px,
        "x_px": table.x_px,
        "puncta": both.counts,
        "ctcf": cell_methods.ctcf(integrated, table.area_px, background.mean),
        "integrated": integrated,
        "puncta_intensity": light,
        "puncta_area_px": covered_px.astype(np.int64),
        "puncta_area_um2": covered_px * um2,
        "area_px": table.area_px.astype(np.int64),
        "area_um2": table.area_px * um2,
    }


def _values(
    part: Part,
    stained: Stained,
    both: CellsAndPuncta,
    objects: dict[str, npt.NDArray[Any]],
    background: Background,
    dye: KnownDye,
) -> dict[str, Value]:
    cells, counts = both.count, both.counts
    inside = both.found.only(both.owner > 0)
    above = float(counts.sum()) - dye.puncta_per_cell * cells
    positive = int(np.count_nonzero(counts >= dye.least_puncta))
    cell_px, covered_px = int(objects["area_px"].sum()), int(objects["puncta_area_px"].sum())
    values: dict[str, Value] = {
        "puncta_per_cell": above / cells if cells else None,
        "positive_cells_pct": 100.0 * positive / cells if cells else None,
        "cell_count": cells,
        "puncta_count": int(counts.sum()),
        "uptake_area_pct": 100.0 * covered_px / cell_px if cell_px else None,
        "mean_ctcf": float(objects["ctcf"].mean()) if cells else None,
        "positive_count": positive,
        "puncta_outside_count": both.found.count - inside.count,
        "puncta_above_dye": above,
        "punctum_intensity": float(inside.intensity.mean()) if inside.count else None,
        "punctum_sigma_px": float(inside.sigma_px.mean()) if inside.count else None,
        "background": background.mean,
        "background_regions": len(background.boxes),
        "least_puncta": dye.least_puncta,
        "typical_diameter_px": stained.diameter_px or None,
        "puncta_area_px": covered_px,
        **_areas(part, cell_px),
    }
    return {column.name: values[column.name] for column in COLUMNS}


def _areas(part: Part, cell_px: int) -> dict[str, Value]:
    um2 = part.pixel_area_um2
    return {
        "cell_area_px": cell_px,
        "cell_area_um2": None if um2 is None else cell_px * um2,
        "region_area_um2": None if um2 is None else part.area_px * um2,
        "region_area_px": part.area_px,
    }


def _um2(part: Part) -> float:
    return float("nan") if part.pixel_area_um2 is None else part.pixel_area_um2


def _sums(labels: Labels, plane: npt.NDArray[Any], count: int) -> npt.NDArray[np.float64]:
    """Sum of a plane over each label."""
    sums = np.bincount(labels.ravel(), weights=plane.ravel(), minlength=count + 1)[1:]
    return np.asarray(sums, dtype=np.float64)


def _pixels(found: Puncta, shape: tuple[int, int]) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.intp]]:
    """Row and column of the pixel that holds each punctum's centre."""
    rows, columns = found.y_px.astype(np.intp), found.x_px.astype(np.intp)
    return np.minimum(rows, shape[0] - 1), np.minimum(columns, shape[1] - 1)


def _widened(found: Puncta) -> Puncta:
    """Puncta so wide that their discs' outlines are rings around them."""
    wide = (RING_SIGMAS * found.sigma_px + RING_GAP_PX) / puncta.HALF_HEIGHT_SIGMAS
    return Puncta(found.y_px, found.x_px, found.intensity, wide, found.significance, found.contrast)
