"""Nuclei in bright field: counterstained and immunostained alike, touching ones apart.

Nuclei are dark blobs of one typical size. A difference of Gaussians of that size has a summit in each, the ways up to
the summits part touching ones, and half the height between a nucleus and its surroundings is its edge.
"""

from __future__ import annotations

import math
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from exoimage.errors import MeasureError
from exoimage.methods import _kernels_nuclei as kernels
from exoimage.methods import segmentation
from exoimage.methods._kernels import replace_labels
from exoimage.methods.density import code_count, density_tables, light_surface, stored_codes
from exoimage.methods.stains import StainSet

Floats = npt.NDArray[np.float32]
Labels = npt.NDArray[np.int32]

NUCLEAR_DAB = 0.4
"""How much of the DAB counts as nuclear darkness where DAB stains nuclei.

It is the ratio of what DAB and haematoxylin absorb of red light (0.27 / 0.65 in Ruifrok & Johnston's vectors): with it
the plane is nearly the red channel, in which a pathologist sees nuclei whatever their colour."""

WORKING_DIAMETER_PX = 10.0
"""Larger nuclei are looked for in a reduced picture, in which they are so wide: shapes need no more."""

SIZES_PX = tuple(6.0 * 2 ** (step / 4) for step in range(18))
"""Diameters that are tried, 6 to 114 px."""

DIAMETER_PER_SCALE = 1.15
"""Diameter of nuclei per diameter of the filter that answers most: on discs of 12 to 44 px, of one size or spread by
20 %, it is 0.9 where they are sparse, 1.0 at a tenth and 1.2 at a sixth of the area; nuclei in sections lie close."""

ESTIMATION_EDGE_PX = 768
"""Edge of the middle part of a picture that the size is estimated from."""

_FULL_H = 0.6  # haematoxylin above this makes a nucleus no more of a nucleus
_NO_BLOBS = 1e-4  # a plane whose blobs vary less is even, to rounding
_WIDER = 1.6  # ratio of the two Gaussians; with it their difference is nearly a Laplacian (Marr & Hildreth 1980)
_FINER = 0.95  # of the filter that fits the typical size: it parts touching nuclei
_SMOOTHED = 0.08  # of a diameter: chromatin is evened out
_PALE_CENTRE = 0.35  # of a diameter: pale centres up to twice this wide are filled
_SAME_NUCLEUS = 0.85  # two summits nearer than 0.8 diameters with a saddle of this share are one nucleus
_NEAR = 0.8
_SAME_SHAPE = 0.8  # parts of an outline whose neck has this share of their width are one nucleus
_SMALLEST = 0.35  # of the area of a typical nucleus


def nuclear_planes(
    pixels: npt.NDArray[Any],
    stains: StainSet,
    *,
    dab_weight: float = NUCLEAR_DAB,
    part_of: tuple[tuple[int, int], tuple[slice, slice]] | None = None,
    max_value: float = 0.0,
) -> tuple[Floats, Floats]:
    """Haematoxylin's optical density, and how dark a nucleus makes each pixel.

    Parameters
    ----------
    pixels : (y, x, 3) array of uint8, uint16 or float32
        Stored values.
    stains : StainSet
        With "haematoxylin" and the set's target (DAB).
    dab_weight : float
        How much of the target counts as nuclear: `NUCLEAR_DAB` where it stains nuclei, 0 where it stains what is around
        them.
    part_of : ((height, width), (slice of rows, slice of columns)), optional
        As in `stains.stain_plane`.
    max_value : float
        The largest value of float pixels. Default: 1.

    Returns
    -------
    haematoxylin : (y, x) float32 array
        Optical density.
    darkness : (y, x) float32 array
        Share of light absorbed by haematoxylin and the weighted target, 0 … 1. Being no density, it does not let a few
        very dark nuclei outweigh pale ones.

    Examples
    --------
    >>> from exoimage.methods.stains import preset
    >>> h, darkness = nuclear_planes(np.full((2, 2, 3), 255, np.uint8), preset("H DAB"))
    >>> float(h.max()), float(darkness.max())
    (0.0, 0.0)
    """
    pixels, scale = stored_codes(pixels, max_value or 1.0)
    densities = density_tables(stains.white, code_count(pixels), scale)
    weights = stains.unmixing.astype(np.float32)
    tables = [
        np.ascontiguousarray(densities * weights[:, stains.index(name), np.newaxis])
        for name in ("haematoxylin", stains.target)
    ]
    if stains.white.light:
        return _in_uneven_light(pixels, stains, tables, dab_weight, part_of)
    haematoxylin, darkness = (np.empty(pixels.shape[:2], dtype=np.float32) for _ in range(2))
    kernels.nuclear_darkness(pixels, tables[0], tables[1], np.float32(dab_weight), haematoxylin, darkness)
    return haematoxylin, darkness


def estimate_diameter(haematoxylin: Floats) -> float:
    """Typical diameter of nuclei, from the picture alone.

    The picture is filtered for blobs of every size. What varies most, summed over the picture, has the size of nuclei:
    tissue, being alike at all scales, adds as much to each size, and noise less the larger it is.

    Parameters
    ----------
    haematoxylin : (y, x) float32 array
        Its optical density; a constant added to it changes nothing.

    Returns
    -------
    float
        In px, the smallest size that stands out; 0 where none does.

    Notes
    -----
    Scale selection by the normalised Laplacian: Lindeberg, Int J Comput Vis 30:79–116 (1998),
    https://doi.org/10.1023/A:1008045108935, here by its variance over the picture rather than blob by blob.

    Examples
    --------
    >>> y, x = np.mgrid[:200, :200]
    >>> discs = ((y % 40 - 20) ** 2 + (x % 40 - 20) ** 2 < 100).astype(np.float32)
    >>> 16 < estimate_diameter(0.3 * discs) < 26
    True
    """
    middle = tuple(
        slice(max(0, (n - ESTIMATION_EDGE_PX) // 2), (n + ESTIMATION_EDGE_PX) // 2) for n in haematoxylin.shape
    )
    plane = np.clip(haematoxylin[middle], 0.0, _FULL_H)
    answers, reduction = [], 1.0
    for size in SIZES_PX:
        if min(plane.shape) < 2 * size / reduction:
            break
        if size / reduction > 12:
            plane = np.asarray(cv2.resize(plane, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA), dtype=np.float32)
            reduction *= 2
        answers.append(float(_blobs(plane, size / reduction).std()))
    strengths = np.array(answers)
    if len(strengths) < 3 or strengths.max() < _NO_BLOBS:
        return 0.0
    tops = np.flatnonzero((strengths[1:-1] >= strengths[:-2]) & (strengths[1:-1] > strengths[2:])) + 1
    if not len(tops):
        return 0.0
    step = float(tops[0]) + _vertex(strengths[tops[0] - 1 : tops[0] + 2])
    return float(DIAMETER_PER_SCALE * SIZES_PX[0] * 2 ** (step / 4))


def find_nuclei(darkness: Floats, diameter_px: float, *, least_contrast: float = 0.025) -> Labels:
    """Nuclei as dark blobs of about one size, touching ones apart.

    Parameters
    ----------
    darkness : (y, x) float32 array
        From `nuclear_planes`: high in nuclei.
    diameter_px : float
        Typical diameter; nuclei of half to twice that are found.
    least_contrast : float
        The least answer of the blob filter, in units of `darkness` (about a third of how much darker than its
        surroundings a nucleus is); fainter ones are out of focus or noise.

    Returns
    -------
    (y, x) int32 array
        0 is background, 1, 2, … the nuclei.

    Raises
    ------
    MeasureError
        If the diameter is below 4 px.

    Notes
    -----
    Pale centres are filled (closing by reconstruction: Vincent, IEEE Trans Image Process 2:176–201 (1993),
    https://doi.org/10.1109/83.217222); blobs are summits of a difference of Gaussians (Marr & Hildreth, Proc R Soc B
    207:187–217 (1980), https://doi.org/10.1098/rspb.1980.0020); summits within one nucleus are joined by their saddle;
    the edge is at half height; what then still has a neck is cut there.

    Examples
    --------
    >>> y, x = np.mgrid[:60, :90]
    >>> touching = ((y - 30) ** 2 + (x - 35) ** 2 < 100) | ((y - 30) ** 2 + (x - 54) ** 2 < 100)
    >>> int(find_nuclei(touching.astype(np.float32) * 0.4, 20).max())
    2
    """
    if diameter_px < 4:
        raise MeasureError(f"nuclei of {diameter_px:g} px are too small to be found; 4 px is the least: magnify more")
    reduction = min(1.0, WORKING_DIAMETER_PX / diameter_px)
    if reduction == 1.0:
        return _found(np.ascontiguousarray(darkness), diameter_px, least_contrast)
    size = tuple(max(1, round(edge * reduction)) for edge in darkness.shape[::-1])
    small = np.asarray(cv2.resize(darkness, size, interpolation=cv2.INTER_AREA), dtype=np.float32)
    labels = _found(small, diameter_px * reduction, least_contrast)
    return np.asarray(cv2.resize(labels, darkness.shape[::-1], interpolation=cv2.INTER_NEAREST), dtype=np.int32)


def _in_uneven_light(
    pixels: npt.NDArray[Any],
    stains: StainSet,
    tables: list[npt.NDArray[np.float32]],
    dab_weight: float,
    part_of: tuple[tuple[int, int], tuple[slice, slice]] | None,
) -> tuple[Floats, Floats]:
    shape, box = part_of or ((pixels.shape[0], pixels.shape[1]), None)
    light = light_surface(stains.white, shape, box)
    haematoxylin, dab = (
        np.sum([np.take(table[c], pixels[:, :, c]) for c in range(3)], axis=0)
        + light @ stains.unmixing[:, stains.index(name)].astype(np.float32)
        for name, table in zip(("haematoxylin", stains.target), tables, strict=True)
    )
    darkness = 1.0 - 10.0 ** -np.maximum(haematoxylin + np.float32(dab_weight) * dab, 0.0)
    return haematoxylin.astype(np.float32), darkness.astype(np.float32)


def _found(darkness: Floats, diameter: float, least_contrast: float) -> Labels:
    """`find_nuclei` at the scale at which it works."""
    surface = _without_pale_centres(_smooth(darkness, _SMOOTHED * diameter), diameter)
    relief = _blobs(surface, _FINER * diameter)
    labels = np.empty(darkness.shape, dtype=np.int32)
    peaks = np.empty(darkness.size, dtype=np.int32)
    count = kernels.climb(relief, -least_contrast / 2, labels, peaks)
    parents = kernels.join_basins(relief, labels, peaks, count, _SAME_NUCLEUS, _NEAR * diameter)
    heights = np.concatenate([[0.0], relief.ravel()[peaks[:count]]])
    replace_labels(labels, parents, labels)
    halves = kernels.half_heights(labels, surface, relief, count)
    mask = np.empty(darkness.shape, dtype=np.uint8)
    kernels.carve(labels, heights > least_contrast * 0.6, surface, halves, mask)
    opened = cv2.morphologyEx(mask, cv2.MORPH_OPEN, _disc(0.2 * diameter))
    area = math.pi / 4 * diameter**2
    filled = segmentation.fill_holes(np.asarray(opened, dtype=np.uint8).view(np.bool_), _SMALLEST * area)
    return _parted(filled, diameter, _SMALLEST * area)


def _parted(mask: npt.NDArray[np.bool_], diameter: float, smallest: float) -> Labels:
    """Label a mask, cut where it narrows, small pieces left out."""
    depth = np.asarray(cv2.distanceTransform(mask.view(np.uint8), cv2.DIST_L2, 5), dtype=np.float32)
    depth = _smooth(depth, 0.05 * diameter)
    depth[~mask] = 0.0
    labels, peaks = np.empty(mask.shape, dtype=np.int32), np.empty(mask.size, dtype=np.int32)
    count = kernels.climb(depth, 0.0, labels, peaks)
    parents = kernels.join_basins(depth, labels, peaks, count, _SAME_SHAPE, math.inf)
    pixels = kernels.counts(labels, count)
    areas = np.bincount(parents, weights=pixels, minlength=count + 1)
    keep = (areas >= smallest) & (parents == np.arange(count + 1))
    keep[0] = False
    numbers = (np.cumsum(keep) * keep).astype(np.int32)[parents]
    replace_labels(labels, numbers, labels)
    return labels


def _without_pale_centres(surface: Floats, diameter: float) -> Floats:
    """Raise what is enclosed by something darker, as the pale centre of a vesicular nucleus is."""
    ceiling = np.asarray(cv2.dilate(surface, _disc(2 * _PALE_CENTRE * diameter)), dtype=np.float32)
    kernels.sink(ceiling, surface, 2)
    return ceiling


def _blobs(plane: Floats, diameter: float) -> Floats:
    """Answer of the difference of Gaussians that fits discs of a diameter best."""
    sigma = diameter / (2 * math.sqrt(2) * math.sqrt(_WIDER))
    return _smooth(plane, sigma) - _smooth(plane, _WIDER * sigma)


def _smooth(plane: Floats, sigma: float) -> Floats:
    if sigma < 0.3:
        return plane
    return np.asarray(cv2.GaussianBlur(plane, (0, 0), sigma, borderType=cv2.BORDER_REFLECT_101), dtype=np.float32)


def _disc(diameter: float) -> npt.NDArray[np.uint8]:
    edge = int(diameter) | 1
    return np.asarray(cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (edge, edge)), dtype=np.uint8)


def _vertex(three: npt.NDArray[np.float64]) -> float:
    """Where the parabola through three values, the middle one not the least, is highest; the middle is 0."""
    bend = float(three[0] - 2 * three[1] + three[2])
    return 0.0 if bend == 0 else float(0.5 * (three[0] - three[2]) / bend)
