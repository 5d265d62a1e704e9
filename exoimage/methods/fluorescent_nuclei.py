"""Nuclei in fluorescence (DAPI, Hoechst): dim ones beside bright ones, touching ones apart.

What is bright is cut into fragments by outlines as local as can be (`_nuclei_fragments`); fragments that look like one
nucleus are joined (`_nuclei_joining`); what is then too small, too faint or too irregular is debris.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from exoimage.methods import _kernels_fluorescence as kernels
from exoimage.methods import bright_nuclei
from exoimage.methods._kernels import replace_labels
from exoimage.methods._nuclei_fragments import LEAST_CONTRAST, fragments
from exoimage.methods._nuclei_joining import ellipse_fullness, join
from exoimage.methods.nuclei import (
    FAINTEST,
    LEAST_SOLIDITY,
    SMALLEST,
    SMALLEST_DIAMETER_PX,
    Nuclei,
    checked_plane,
    enlarged,
    exposure,
    least_step,
    refuse_diameter,
    renumbered,
)

Plane = npt.NDArray[Any]
Floats = npt.NDArray[np.float32]
Labels = npt.NDArray[np.int32]
Mask = npt.NDArray[np.bool_]

WORKING_DIAMETER_PX = 20.0
"""Larger nuclei are looked for in a reduced picture, in which they are so wide: shapes need no more."""

SEARCHED = 0.8
"""Nuclei are looked for as if they were smaller than typical by this factor: fragments too many are joined again."""

ESTIMATION_EDGE_PX = 800
"""Edge of the middle part of a picture that the typical diameter is estimated from."""

SPUR = 0.2
"""Of a diameter: what is narrower than this is cut off a nucleus."""

_FURTHER_GUESSES_PX = (36.0, 108.0)  # beside the size of blobs that stands out most
_SMALL_GUESS_PX = 12.0  # where those find nothing
_CLEARLY_MORE = 1.2  # times the light: another size explains the picture better
_SPECK_PX = 8  # wide
_ROUNDS = 4  # the diameter settles in two or three
_SETTLED = 0.08  # relative change


def find_nuclei(
    plane: Plane,
    *,
    typical_diameter: float = 0.0,
    max_value: float = 0.0,
    smallest: float = SMALLEST,
    least_solidity: float = LEAST_SOLIDITY,
    typical_contrast: float = 0.0,
) -> Nuclei:
    """Nuclei of a fluorescence plane, touching ones apart.

    Parameters
    ----------
    plane : (y, x) array of uint8, uint16 or float32
        Stored values, bright where DNA is. Any offset, scale and slowly varying background will do.
    typical_diameter : float
        Of a nucleus, in px. Default: estimated from the plane.
    max_value : float
        The value at which the camera saturates. Default: the type's largest; floats then never saturate.
    smallest : float
        Least area of a nucleus relative to a typical one's; smaller bright objects are debris.
    least_solidity : float
        Least solidity, here the area relative to that of the ellipse with the same second moments: 1 for any ellipse,
        0.9 for a bean.
    typical_contrast : float
        Of nuclei, in the plane's units, where the plane is a part of a larger picture: beside typical nuclei, faint
        debris is told even in a part that holds no nucleus. Default: of the plane's own objects.

    Returns
    -------
    Nuclei
        None in an even, empty or noisy plane.

    Raises
    ------
    MeasureError
        If the plane is not two-dimensional or not finite, or the diameter is negative or below 4 px.

    Notes
    -----
    The logarithm of the plane above its background (an opening wider than two nuclei) is filtered for blobs smaller
    than nuclei; in each basin the outline is half-way between inside and outside; what is inside is cut along valleys
    of brightness and of the distance to the outline, and pieces are joined by shape and brightness
    (`_nuclei_joining.WEIGHTS`). Cutting by shape and intensity as in Malpica et al., Cytometry 28:289–297 (1997),
    https://doi.org/10.1002/(SICI)1097-0320(19970801)28:4<289::AID-CYTO3>3.0.CO;2-7; joining of fragments as in Lin et
    al., Cytometry A 56A:23–36 (2003), https://doi.org/10.1002/cyto.a.10079.

    Examples
    --------
    >>> y, x = np.mgrid[:90, :120]
    >>> centres = [(45, 40, 200), (45, 62, 180), (20, 100, 30)]
    >>> plane = sum(light * np.exp(-(((y - v) ** 2 + (x - u) ** 2) / 130) ** 4) for v, u, light in centres)
    >>> find_nuclei(plane.astype(np.float32), typical_diameter=22).count
    3
    """
    values = checked_plane(plane)
    refuse_diameter(typical_diameter)
    step = least_step(plane)
    diameter = typical_diameter or estimate_diameter(plane)
    if diameter == 0 or step == 0:
        return Nuclei(np.zeros(plane.shape, np.int32), typical_diameter)
    labels, told = _at_scale(values, diameter, step, _Limits(smallest, least_solidity, typical_contrast))
    return Nuclei(labels, diameter, told.debris, exposure(plane, labels, max_value), told.light, told.area)


def estimate_diameter(plane: Plane) -> float:
    """Typical (median) diameter of the nuclei in the middle of a plane, that of the disc with the same area.

    Nuclei are looked for with a first guess, their median is the next one, until it stays. Where the middle holds none,
    what is around the plane's brightest place is looked at.

    Parameters
    ----------
    plane : (y, x) array of uint8, uint16 or float32
        Stored values, bright where DNA is.

    Returns
    -------
    float
        In px; 0 where there is no nucleus.

    Raises
    ------
    MeasureError
        If the plane is not two-dimensional or not finite.

    Examples
    --------
    >>> y, x = np.mgrid[:200, :200]
    >>> discs = ((y % 50 - 25) ** 2 + (x % 50 - 25) ** 2 < 144).astype(np.float32)
    >>> 22 < estimate_diameter(cv2.GaussianBlur(discs, (0, 0), 1.5)) < 27
    True
    """
    values, step = checked_plane(plane), least_step(plane)
    middle = (values.shape[0] // 2, values.shape[1] // 2)
    diameter = _estimated(_around(values, middle), step)
    if diameter == 0 and max(values.shape) > ESTIMATION_EDGE_PX:
        diameter = _estimated(_around(values, _brightest(values)), step)
    return diameter


def _around(values: Floats, place: tuple[int, int]) -> Floats:
    """The part of a plane around a place, as far as the plane has it."""
    half = ESTIMATION_EDGE_PX // 2
    starts = (min(max(0, at - half), max(0, n - 2 * half)) for at, n in zip(place, values.shape, strict=True))
    rows, columns = (slice(start, start + 2 * half) for start in starts)
    return np.ascontiguousarray(values[rows, columns])


def _brightest(values: Floats) -> tuple[int, int]:
    """Where a plane is brightest, specks that are smaller than nuclei left aside."""
    size = [max(1, n // _SPECK_PX) for n in values.shape]
    small = cv2.resize(values, size[::-1], interpolation=cv2.INTER_AREA)
    y, x = divmod(int(np.argmax(small)), size[1])
    return y * _SPECK_PX, x * _SPECK_PX


def _estimated(values: Floats, step: float) -> float:
    if min(values.shape) < 2 * SMALLEST_DIAMETER_PX or step == 0:
        return 0.0
    best, most = 0.0, 0.0
    for guess in (_blob_size(values), *_FURTHER_GUESSES_PX):
        if SMALLEST_DIAMETER_PX <= guess < min(values.shape) and abs(guess - best) > _SETTLED * best:
            diameter, light = _settled(values, guess, step)
            if light > _CLEARLY_MORE * most:
                best, most = diameter, light
    return best or _settled(values, _SMALL_GUESS_PX, step)[0]


def _settled(values: Floats, guess: float, step: float) -> tuple[float, float]:
    """The diameter that the search finds when it looks for that diameter, and the light of what it finds; 0, 0 if none.

    Chromatin and grain make objects, too: they hold less light than nuclei.
    """
    light = 0.0
    for _ in range(_ROUNDS):
        labels = _at_scale(values, guess, step, _Limits(SMALLEST, LEAST_SOLIDITY), at_full_size=False)[0]
        scale = max(1.0, guess / WORKING_DIAMETER_PX)
        found = scale * _median_diameter(labels)
        if found < SMALLEST_DIAMETER_PX:
            return 0.0, 0.0
        light = _light(values, labels)
        if abs(found - guess) < _SETTLED * guess:
            return found, light
        guess = found
    return guess, light


def _light(values: Floats, labels: Labels) -> float:
    """Light of all nuclei above the median of the rest, per pixel of the field."""
    small = values
    if labels.shape != values.shape:
        small = np.asarray(cv2.resize(values, labels.shape[::-1], interpolation=cv2.INTER_AREA), np.float32)
    inside = labels > 0
    rest = float(np.median(small[~inside])) if not inside.all() else 0.0
    return float((small[inside] - rest).sum(dtype=np.float64)) / labels.size


def _blob_size(values: Floats) -> float:
    low, high = np.percentile(values, [5, 99.5])
    return bright_nuclei.estimate_diameter((values - low) * np.float32(0.5 / max(high - low, 1e-30)))


def _median_diameter(labels: Labels) -> float:
    areas = np.bincount(labels.ravel())[1:]
    return float(np.sqrt(np.median(areas) * 4 / math.pi)) if len(areas) else 0.0


@dataclass(frozen=True)
class _Limits:
    """What a nucleus must have; see `find_nuclei`."""

    smallest: float
    least_solidity: float
    typical_contrast: float = 0.0


@dataclass(frozen=True)
class _Told:
    """What is told of all bright objects; see `Nuclei`."""

    debris: int = 0
    light: float = 0.0
    area: float = 0.0


def _at_scale(
    values: Floats, diameter: float, step: float, limits: _Limits, at_full_size: bool = True
) -> tuple[Labels, _Told]:
    """Nuclei and what is told of all objects, looked for at the scale at which nuclei have the working diameter."""
    reduction = min(1.0, WORKING_DIAMETER_PX / diameter)
    if reduction == 1.0:
        return _found(values, diameter, step, limits)
    size = tuple(max(1, round(edge * reduction)) for edge in values.shape[::-1])
    small = np.asarray(cv2.resize(values, size, interpolation=cv2.INTER_AREA), np.float32)
    labels, told = _found(small, diameter * reduction, step, limits)
    return (enlarged(labels, _smoothed(labels, values.shape)) if at_full_size else labels), told


def _smoothed(labels: Labels, shape: tuple[int, ...]) -> Mask:
    """Where labels are, at full size, with outlines that are smooth where they meet the background."""
    mask = (labels > 0).view(np.uint8) * np.uint8(255)
    return np.asarray(cv2.resize(mask, shape[::-1], interpolation=cv2.INTER_LINEAR) > 127, np.bool_)


def _found(plane: Floats, typical_diameter: float, step: float, limits: _Limits) -> tuple[Labels, _Told]:
    diameter = SEARCHED * typical_diameter
    parts = fragments(plane, diameter, step)
    if parts.count == 0:
        return parts.labels, _Told()
    joined = np.empty_like(parts.labels)
    replace_labels(parts.labels, join(parts, diameter), joined)
    pieces, count = _without_spurs(joined, diameter)
    sums = kernels.moments(pieces, parts.excess, count)
    area, contrast = sums[0] / (math.pi / 4 * typical_diameter**2), sums[6] / np.maximum(sums[0], 1)
    light, whole = float((contrast * area).sum()), float(area.sum())
    keep = _are_nuclei(area, contrast, limits.typical_contrast or light / max(whole, 1e-30), limits)
    keep &= ellipse_fullness(sums) >= limits.least_solidity
    keep[0] = False
    if sums[6, keep].sum() < LEAST_CONTRAST * parts.noise * sums[0, keep].sum():
        # Nuclei of a whole field that barely rise above what its background varies by are that variation.
        return np.zeros_like(pieces), _Told(0, light, whole)
    return renumbered(pieces, keep), _Told(count - int(keep.sum()), light, whole)


def _are_nuclei(
    area: npt.NDArray[np.float64], contrast: npt.NDArray[np.float64], typical: float, limits: _Limits
) -> Mask:
    """Which objects are large and bright enough for nuclei."""
    return np.asarray((area >= limits.smallest) & (contrast * np.sqrt(area) >= FAINTEST * typical))


def _without_spurs(labels: Labels, diameter: float) -> tuple[Labels, int]:
    """Objects opened, each apart from its neighbours, and numbered by piece."""
    edge = max(3, int(SPUR * diameter) | 1)
    disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (edge, edge))
    gapped = np.empty(labels.shape, np.uint8)
    kernels.with_gaps(labels, gapped)
    opened = cv2.morphologyEx(gapped, cv2.MORPH_OPEN, disc)
    count, pieces = cv2.connectedComponents(opened, connectivity=4, ltype=cv2.CV_32S)
    closed = np.empty_like(labels)
    kernels.close_gaps(labels, gapped, np.asarray(pieces, np.int32), closed)
    return closed, count - 1
