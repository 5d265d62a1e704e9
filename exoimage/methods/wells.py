"""Finding the wells of a multi-well plate, or one round dish, in a photograph."""

from __future__ import annotations

from dataclasses import dataclass
from string import ascii_uppercase
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from exoimage.errors import ImageError, MeasureError, RecipeError
from exoimage.flags import Flag
from exoimage.methods._well_rings import FloatArray, Lattice, best_lattice, refine_rings

FINE_EDGE = (1200, 2000)
FINE_PX_PER_WELL = 300
SEARCH_PX_PER_WELL = 130
LEAST_RIM_SEEN = 0.5
LARGEST_RESIDUAL = 0.06  # of the radius


@dataclass(frozen=True)
class Well:
    """One round well in a photograph.

    Parameters
    ----------
    name : str
        Row letter from the top and column number from the left, in the plate's own frame: ``"A1"``.
    row, column : int
        From 0.
    centre_y, centre_x : float
        In px; the centre of the first pixel is (0, 0).
    radius_px : float
        Of the floor, where the wall begins.
    rim_seen : float
        Share of the rim, 0 … 1, along which an edge was found.
    """

    name: str
    row: int
    column: int
    centre_y: float
    centre_x: float
    radius_px: float
    rim_seen: float = 1.0


@dataclass(frozen=True)
class WellGrid:
    """The wells of a plate.

    Parameters
    ----------
    wells : tuple of Well
        Row by row: A1, A2, … B1, …
    rows, columns : int
    tilt_deg : float
        Clockwise rotation of the plate; 0 for one dish.
    residual_px : float
        Root mean square distance of the rims' centres from the regular grid.
    flags : tuple of Flag
        `Flag.WELLS_UNCERTAIN` where a rim was not seen, the centres do not lie on a regular grid, or more wells
        than the grid's are in full view.
    """

    wells: tuple[Well, ...]
    rows: int
    columns: int
    tilt_deg: float
    residual_px: float
    flags: tuple[Flag, ...] = ()

    def well(self, name: str) -> Well:
        """The well of a name.

        Raises
        ------
        MeasureError
            If the plate has no such well.
        """
        for well in self.wells:
            if well.name == name:
                return well
        raise MeasureError(f"no well {name!r}; the plate has {self.wells[0].name} … {self.wells[-1].name}")


def find_wells(rgb: npt.NDArray[Any], rows: int, columns: int) -> WellGrid:
    """Find the wells of a plate photographed from above.

    Parameters
    ----------
    rgb : (y, x, 3) uint8 or uint16
        The photograph, with all the wells of the grid in full view. The plate may be tilted by up to 10°, lit
        unevenly, take only a part of the picture, and be stained or empty.
    rows, columns : int
        How many wells from top to bottom and from left to right as the photograph shows them; 1 × 1 is one dish.

    Returns
    -------
    WellGrid

    Raises
    ------
    MeasureError
        If no such grid of circles is found.
    ImageError
        If `rgb` is no colour picture of uint8 or uint16.
    RecipeError
        If `rows` or `columns` are out of bounds.

    Notes
    -----
    Edge pixels vote, along their gradient, for circles of one radius shared by all wells (the gradient form of
    Hough's transform: Kimme, Ballard & Sklansky, Commun ACM 18:120–122, 1975, doi:10.1145/360666.360677);
    the best regular grid among the peaks is kept, its missing wells are predicted, and the rings are then
    fitted at finer scale, where the innermost ring shared by the wells is the edge of the floor.

    Examples
    --------
    >>> from exoimage.methods.synth import plate_photo
    >>> grid = find_wells(plate_photo(2, 3, shape=(480, 640), tilt_deg=3, seed=1).pixels, 2, 3)
    >>> [well.name for well in grid.wells], round(grid.tilt_deg), grid.flags
    (['A1', 'A2', 'A3', 'B1', 'B2', 'B3'], 3, ())
    """
    _check(rgb, rows, columns)
    fine = _brightest_channel(rgb, int(np.clip(FINE_PX_PER_WELL * max(rows, columns), *FINE_EDGE)))
    coarse_edge = int(np.clip(SEARCH_PX_PER_WELL * max(rows, columns), 330, 800))
    coarse = _reduced(fine, coarse_edge)
    lattice = best_lattice(coarse, rows, columns)
    if lattice is None:
        raise MeasureError(_not_found(rows, columns))
    scale = np.array([fine.shape[0] / coarse.shape[0], fine.shape[1] / coarse.shape[1]])
    rings = refine_rings(fine, (lattice.centres + 0.5) * scale - 0.5, lattice.radius * float(scale.mean()))
    if not _all_there(rings.seen.reshape(rows, columns)):
        raise MeasureError(_not_found(rows, columns))
    scale = np.array([rgb.shape[0] / fine.shape[0], rgb.shape[1] / fine.shape[1]])
    centres = (rings.centres + 0.5) * scale - 0.5
    return _grid(centres, rings.radius * float(scale.mean()), rings.seen, lattice, rows, columns)


def well_mask(well: Well, shape: tuple[int, int], shrink: float = 0.92) -> npt.NDArray[np.bool_]:
    """The measured disc of a well.

    Parameters
    ----------
    well : Well
    shape : (height, width)
        Of the photograph.
    shrink : float
        Radius of the disc relative to the floor's. The outermost part is left out, because there the wall
        shadows and reflects the floor: at 0.92 the disc is 85 % of the floor's area.

    Returns
    -------
    (y, x) bool
        Clipped where the well leaves the photograph.

    Raises
    ------
    RecipeError
        If `shrink` is not above 0 and up to 1.

    Examples
    --------
    >>> disc = well_mask(Well("A1", 0, 0, 50.0, 50.0, 40.0), (101, 101), shrink=0.5)
    >>> int(disc.sum()), bool(disc[50, 70]), bool(disc[50, 71])
    (1257, True, False)
    """
    if not 0 < shrink <= 1:
        raise RecipeError(f"shrink is {shrink}; expected a share of the well's radius above 0 and up to 1")
    y = np.arange(shape[0])[:, np.newaxis] - well.centre_y
    x = np.arange(shape[1])[np.newaxis, :] - well.centre_x
    return np.asarray(y * y + x * x <= (shrink * well.radius_px) ** 2, np.bool_)


def well_name(row: int, column: int) -> str:
    """Name of a well from its row and column, counted from 0.

    Examples
    --------
    >>> well_name(1, 2)
    'B3'
    """
    return f"{ascii_uppercase[row]}{column + 1}"


def _check(rgb: npt.NDArray[Any], rows: int, columns: int) -> None:
    if rgb.ndim != 3 or rgb.shape[2] != 3 or rgb.dtype not in (np.uint8, np.uint16):
        raise ImageError(
            f"wells are found in a colour picture, (y, x, 3) of uint8 or uint16, not {rgb.shape} of {rgb.dtype}"
        )
    if not (1 <= rows <= len(ascii_uppercase) and 1 <= columns <= 48):
        raise RecipeError(f"a plate of {rows} × {columns} wells; expected 1 … 26 rows and 1 … 48 columns")


def _not_found(rows: int, columns: int) -> str:
    what = "one round dish" if rows * columns == 1 else f"a grid of {rows} × {columns} round wells"
    return (
        f"{what} was expected and not found (all of it must be in view, tilted by 10° at most); "
        "give the rows and columns as the photograph shows them, or draw the wells as ROIs"
    )


def _all_there(seen: npt.NDArray[np.float64]) -> bool:
    """Whether rims were seen in most wells, and in every row and column: one without any was never there."""
    least = min(float(seen.mean(axis=0).min()), float(seen.mean(axis=1).min()))
    return least > LEAST_RIM_SEEN - 0.1 and float(seen.mean()) > LEAST_RIM_SEEN


def _brightest_channel(rgb: npt.NDArray[Any], edge: int) -> FloatArray:
    # Stain is coloured and rims are grey: the brightest channel shows the rims and hides much of the stain.
    small = _reduced(rgb, edge)
    brightest = np.maximum(np.maximum(small[:, :, 0], small[:, :, 1]), small[:, :, 2])
    return np.asarray(brightest / np.float32(1 if rgb.dtype == np.uint8 else 257), np.float32)


def _reduced(picture: npt.NDArray[Any], edge: int) -> npt.NDArray[Any]:
    height, width = picture.shape[:2]
    factor = edge / max(height, width)
    if factor >= 1:
        return picture
    size = (max(1, round(width * factor)), max(1, round(height * factor)))
    return np.asarray(cv2.resize(picture, size, interpolation=cv2.INTER_AREA))


def _grid(
    centres: npt.NDArray[np.float64],
    radius: float,
    seen: npt.NDArray[np.float64],
    lattice: Lattice,
    rows: int,
    columns: int,
) -> WellGrid:
    regular = _regular(centres, seen, rows, columns)
    away = np.hypot(*(centres - regular).T)
    counted = seen >= LEAST_RIM_SEEN
    residual = float(np.sqrt(np.mean(away[counted] ** 2))) if counted.any() else float("inf")
    # A plate is rigid: where many wells tell of the grid, it knows a centre better than the well's own rim does,
    # and a centre that leaves it more than its neighbours do was drawn away by stain or a glint.
    usual = 2.5 * float(np.median(away)) + 0.004 * radius
    own = counted & (away <= usual) & (len(seen) < 12 or residual > 0.02 * radius)
    final = np.where(own[:, np.newaxis], centres, regular)
    uncertain = not counted.all() or residual > LARGEST_RESIDUAL * radius or lattice.more_in_view
    wells = tuple(
        Well(
            well_name(number // columns, number % columns),
            number // columns,
            number % columns,
            float(final[number, 0]),
            float(final[number, 1]),
            radius,
            float(seen[number]),
        )
        for number in range(rows * columns)
    )
    return WellGrid(
        wells, rows, columns, _tilt(regular, rows, columns), residual, (Flag.WELLS_UNCERTAIN,) if uncertain else ()
    )


def _regular(
    centres: npt.NDArray[np.float64], seen: npt.NDArray[np.float64], rows: int, columns: int
) -> npt.NDArray[np.float64]:
    """The regular grid nearest to the centres; rims seen badly weigh little."""
    row, column = np.divmod(np.arange(rows * columns), columns)
    steps = np.column_stack([np.ones(len(row)), row, column]).astype(np.float64)
    weight = np.maximum(seen, 0.05) ** 2
    for _ in range(5):
        fitted = steps @ np.linalg.lstsq(steps * weight[:, np.newaxis], centres * weight[:, np.newaxis], rcond=None)[0]
        away = np.hypot(*(centres - fitted).T)
        typical = max(float(np.median(away)), 0.25)
        weight = np.maximum(seen, 0.05) ** 2 / (1 + (away / (3 * typical)) ** 2)
    return np.asarray(fitted, np.float64)


def _tilt(regular: npt.NDArray[np.float64], rows: int, columns: int) -> float:
    if columns > 1:
        step = regular[columns - 1] - regular[0]
        return float(np.rad2deg(np.arctan2(step[0], step[1])))
    if rows > 1:
        step = regular[-1] - regular[0]
        return float(np.rad2deg(np.arctan2(-step[1], step[0])))
    return 0.0
