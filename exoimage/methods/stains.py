"""Stains: their directions in optical-density space, and how much of each a pixel holds.

Colour deconvolution after Ruifrok & Johnston (2001), Anal Quant Cytol Histol 23:291–299 (PMID 11531144), in decadic
optical density with an explicit white point. Amounts may be negative: clipping them at 0 would bias every mean.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from exoimage.errors import MeasureError
from exoimage.methods.density import (
    MAX_OD,
    White,
    code_count,
    density_tables,
    light_at,
    light_surface,
    optical_density,
    stored_codes,
)

Vector = tuple[float, float, float]

MIN_ANGLE_DEG = 8.0
"""Two stains (or a stain and the plane of two others) closer than this cannot be told apart on a camera."""

FULL_WHITE = White((255.0, 255.0, 255.0))


@dataclass(frozen=True)
class StainSet:
    """One to three stains as directions in optical-density space, and the white point they are measured from.

    Parameters
    ----------
    names : tuple of str
        One name per stain.
    vectors : tuple of (red, green, blue)
        Optical density per channel of each stain; stored as unit vectors.
    source : str
        Where the vectors come from: a citation, or how they were estimated.
    white : White
        White point in the units of the pixels.
    target : str
        The stain that is measured unless another is asked for. Default: the first.

    Raises
    ------
    MeasureError
        If there are not one to three stains, a vector has no direction or a channel below -0.2, two stains are closer
        than 8°, or one lies within 8° of the plane of the two others.

    Examples
    --------
    >>> h_dab = preset("H DAB")
    >>> h_dab.names, round(h_dab.angle("haematoxylin", "DAB"), 1)
    (('haematoxylin', 'DAB'), 37.1)
    """

    names: tuple[str, ...]
    vectors: tuple[Vector, ...]
    source: str
    white: White = FULL_WHITE
    target: str = ""

    def __post_init__(self) -> None:
        vectors = _unit_rows(self.names, self.vectors)
        _refuse_near_parallel(self.names, vectors)
        red_green_blue = tuple((float(r), float(g), float(b)) for r, g, b in vectors)
        object.__setattr__(self, "vectors", red_green_blue)
        object.__setattr__(self, "target", self.target or self.names[0])
        self.index(self.target)

    @property
    def matrix(self) -> npt.NDArray[np.float64]:
        """Unit vectors as the rows of a (stain, channel) array."""
        return np.asarray(self.vectors, dtype=np.float64)

    @property
    def unmixing(self) -> npt.NDArray[np.float64]:
        """Least-squares inverse, (channel, stain): ``density @ unmixing`` gives the amounts."""
        return np.asarray(np.linalg.pinv(self.matrix), dtype=np.float64)

    def index(self, stain: str) -> int:
        """Position of a stain by its name.

        Raises
        ------
        MeasureError
            If there is no stain of that name.
        """
        if stain not in self.names:
            raise MeasureError(f"no stain {stain!r} in this set; it has {', '.join(self.names)}")
        return self.names.index(stain)

    def angle(self, one: str, other: str) -> float:
        """Angle between two stains in degrees."""
        return angle_deg(self.vectors[self.index(one)], self.vectors[self.index(other)])

    def with_white(self, white: White) -> StainSet:
        """The same stains seen against another white point."""
        return replace(self, white=white)


@dataclass(frozen=True, eq=False)
class Unmixed:
    """How much of each stain a picture holds.

    Parameters
    ----------
    names : tuple of str
        The stains, in the order of `amounts`.
    amounts : (y, x, stain) float32 array
        Decadic optical density along each stain's unit vector; negative values are kept.
    residual : (y, x) float32 array
        Length of what the stains do not explain; 0 everywhere for three stains.
    """

    names: tuple[str, ...]
    amounts: npt.NDArray[np.float32]
    residual: npt.NDArray[np.float32]


def unmix(pixels: npt.NDArray[Any], stains: StainSet) -> Unmixed:
    """Amount of every stain and what is left over.

    Parameters
    ----------
    pixels : (y, x, 3) array
        Stored values, red, green, blue.
    stains : StainSet

    Returns
    -------
    Unmixed

    Examples
    --------
    >>> stains = preset("H DAB").with_white(White((255.0, 255.0, 255.0)))
    >>> pixel = 255 * 10 ** -(0.5 * stains.matrix[1])
    >>> abs(unmix(pixel.reshape(1, 1, 3), stains).amounts).round(2).ravel().tolist()
    [0.0, 0.5]
    """
    density = optical_density(_colour(pixels), stains.white)
    amounts = (density @ stains.unmixing.astype(np.float32)).astype(np.float32)
    explained = amounts @ stains.matrix.astype(np.float32)
    residual = np.linalg.norm(density - explained, axis=-1).astype(np.float32)
    return Unmixed(stains.names, amounts, residual)


def stain_plane(
    pixels: npt.NDArray[Any],
    stains: StainSet,
    stain: str = "",
    *,
    max_value: float = 0.0,
    part_of: tuple[tuple[int, int], tuple[slice, slice]] | None = None,
) -> npt.NDArray[np.float32]:
    """Amount of one stain, the quick way: three table look-ups per pixel.

    Parameters
    ----------
    pixels : (y, x, 3) array of uint8, uint16 or float32
        Stored values. Floats are read to 1/65,535 of `max_value`.
    stains : StainSet
    stain : str
        Name of the stain. Default: the set's target.
    max_value : float
        The largest value of float pixels. Default: 1.
    part_of : ((height, width), (slice of rows, slice of columns)), optional
        The field that the pixels are a part of, and which part: where the white point has a shape of light.

    Returns
    -------
    (y, x) float32 array
        The same as `unmix` gives, to float32 rounding.
    """
    from exoimage.methods import _kernels

    codes, scale = stored_codes(_colour(pixels), max_value or 1.0)
    tables = _stain_tables(stains, stain, code_count(codes), scale)
    plane = np.empty(codes.shape[:2], dtype=np.float32)
    _kernels.sum_tables(codes, tables, plane)
    if stains.white.light:
        shape, box = part_of or ((codes.shape[0], codes.shape[1]), None)
        plane += light_surface(stains.white, shape, box) @ _weights(stains, stain).astype(np.float32)
    return plane


def stain_levels(
    pixels: npt.NDArray[Any], stains: StainSet, stain: str = "", *, low: float = -0.28, high: float = 1.0
) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.int64]]:
    """Amount of one stain in 256 steps, and its histogram, in a single pass.

    Parameters
    ----------
    pixels : (y, x, 3) array of uint8 or uint16
    stains : StainSet
        With even light.
    stain : str
        Name of the stain. Default: the set's target.
    low, high : float
        Optical densities of the lower edge of step 0 and the upper edge of step 255; what lies outside goes to the
        nearest step.

    Returns
    -------
    levels : (y, x) uint8 array
    histogram : (256,) int64 array

    Raises
    ------
    MeasureError
        If the pixels are floats, or the white point has a shape of light.
    """
    from exoimage.methods import _kernels

    colour = _colour(pixels)
    if colour.dtype not in (np.uint8, np.uint16) or stains.white.light:
        raise MeasureError("levels are taken of uint8 or uint16 pixels in even light; use stain_plane")
    steps_per_od = np.float32(256 / (high - low))
    tables = _stain_tables(stains, stain, code_count(colour), 1.0)
    tables = ((tables - np.float32(low / 3)) * steps_per_od).astype(np.float32)
    levels = np.empty(colour.shape[:2], dtype=np.uint8)
    histogram = np.zeros(256, dtype=np.int64)
    _kernels.sum_tables_into_levels(colour, tables, levels, histogram)
    return levels, histogram


def stain_amounts(
    pixels: npt.NDArray[Any], stains: StainSet, stain: str = "", *, positions: npt.NDArray[np.float32] | None = None
) -> npt.NDArray[np.float64]:
    """Amount of one stain in a sample of pixels.

    Parameters
    ----------
    pixels : (n, 3) array
    stains : StainSet
    stain : str
        Name of the stain. Default: the set's target.
    positions : (n, 2) array, optional
        Where in the field each pixel is (`light_at`), to correct for the shape of the light.

    Returns
    -------
    (n,) float64 array
    """
    density = optical_density(pixels, White(stains.white.rgb)).astype(np.float64)
    if stains.white.light and positions is not None:
        density += light_at(stains.white, positions)
    amounts: npt.NDArray[np.float64] = density @ _weights(stains, stain)
    return amounts


def angle_deg(one: Sequence[float], other: Sequence[float]) -> float:
    """Angle between two vectors in degrees."""
    a, b = np.asarray(one, dtype=np.float64), np.asarray(other, dtype=np.float64)
    cosine = float(a @ b / (np.linalg.norm(a) * np.linalg.norm(b)))
    return float(np.degrees(np.arccos(np.clip(cosine, -1.0, 1.0))))


def estimate_from_region(pixels: npt.NDArray[Any], white: White) -> Vector:
    """Stain vector of a region that a user marked because it holds one stain alone.

    The direction of the summed optical density of its pixels, dense pixels counting more, as in ImageJ's "From ROI" of
    Colour Deconvolution, but against the true white point.

    Parameters
    ----------
    pixels : (n, 3) or (y, x, 3) array
        Stored values of the marked region.
    white : White

    Returns
    -------
    (red, green, blue)
        Unit vector.

    Raises
    ------
    MeasureError
        If the region's mean optical density is below 0.05: too pale to have a direction.

    Examples
    --------
    >>> [round(v, 2) for v in estimate_from_region(np.array([[196, 95, 120]]), White((240.0, 240.0, 240.0)))]
    [0.17, 0.79, 0.59]
    """
    density = optical_density(np.asarray(pixels).reshape(-1, 3), white).mean(axis=0).astype(np.float64)
    if density.mean() < 0.05:
        raise MeasureError(
            f"the marked region has a mean optical density of {density.mean():.3f}; mark one that is clearly stained"
        )
    red, green, blue = (float(value) for value in np.maximum(density, 0) / np.linalg.norm(np.maximum(density, 0)))
    return red, green, blue


def estimate_macenko(
    pixels: npt.NDArray[Any], white: White, *, min_od: float = 0.15, percentile: float = 1.0
) -> tuple[Vector, Vector]:
    """Two stain vectors from a sample of pixels, without knowing the stains.

    Macenko et al. (2009), ISBI, 1107–1110, doi:10.1109/ISBI.2009.5193250: the pixels' densities are projected on the
    plane of the two first principal directions, and the extreme angles in it are the stains.

    Parameters
    ----------
    pixels : (n, 3) array
        Stored values.
    white : White
    min_od : float
        Pixels whose mean density is lower are left out as background.
    percentile : float
        How far from the extreme angles to stay, in percent.

    Returns
    -------
    two (red, green, blue) unit vectors
        The one with more red absorption (bluer) first.

    Raises
    ------
    MeasureError
        If fewer than 100 pixels are stained, or the two directions are closer than 8°: one stain only.
    """
    density = optical_density(np.asarray(pixels).reshape(-1, 3), white).astype(np.float64)
    density = density[(density.mean(axis=1) > min_od) & (density.max(axis=1) < MAX_OD)]
    if len(density) < 100:
        raise MeasureError(f"only {len(density)} of the sampled pixels are stained; Macenko's estimate needs 100")
    _, directions = np.linalg.eigh(np.cov(density.T))
    plane = directions[:, [2, 1]]
    plane *= np.where(plane.sum(axis=0) < 0, -1.0, 1.0)
    angles = np.arctan2(density @ plane[:, 1], density @ plane[:, 0])
    extremes = np.percentile(angles, [percentile, 100 - percentile])
    found = [plane @ np.array([np.cos(angle), np.sin(angle)]) for angle in extremes]
    found = [np.maximum(v * np.sign(v.sum()), 0) for v in found]
    first, second = sorted((v / np.linalg.norm(v) for v in found), key=lambda v: -v[0])
    one, other = _triple(first), _triple(second)
    if angle_deg(one, other) < MIN_ANGLE_DEG:
        raise MeasureError(
            f"Macenko's two directions are {angle_deg(one, other):.1f}° apart: the sample shows one stain only"
        )
    return one, other


def hue_angle_deg(one: Sequence[float], other: Sequence[float]) -> float:
    """Angle between the hues of two optical-density vectors, their grey parts set aside, in degrees.

    180 where one of them is grey to 1 %.
    """
    chroma = [np.asarray(v, dtype=np.float64) - np.mean(v) for v in (one, other)]
    if any(np.linalg.norm(c) < 0.01 * np.linalg.norm(v) for c, v in zip(chroma, (one, other), strict=True)):
        return 180.0
    return angle_deg(_triple(chroma[0]), _triple(chroma[1]))


def _triple(vector: npt.NDArray[np.float64]) -> Vector:
    return float(vector[0]), float(vector[1]), float(vector[2])


def _colour(pixels: npt.NDArray[Any]) -> npt.NDArray[Any]:
    array = np.asarray(pixels)
    if array.ndim != 3 or array.shape[2] != 3:
        raise MeasureError(f"stains are unmixed in colour pictures of shape (y, x, 3), not {array.shape}")
    return array


def _weights(stains: StainSet, stain: str) -> npt.NDArray[np.float64]:
    return stains.unmixing[:, stains.index(stain or stains.target)]


def _stain_tables(stains: StainSet, stain: str, levels: int, scale: float) -> npt.NDArray[np.float32]:
    weights = _weights(stains, stain).astype(np.float32)
    return density_tables(stains.white, levels, scale) * weights[:, np.newaxis]


def _unit_rows(names: tuple[str, ...], vectors: Sequence[Sequence[float]]) -> npt.NDArray[np.float64]:
    rows = np.asarray(vectors, dtype=np.float64)
    if rows.shape not in ((1, 3), (2, 3), (3, 3)) or len(names) != len(rows) or len(set(names)) != len(names):
        raise MeasureError(
            f"a stain set has one to three stains, each with a name of its own and three optical densities (red, green,"
            f" blue); got {len(names)} names and vectors of shape {rows.shape}"
        )
    lengths = np.linalg.norm(rows, axis=1)
    for name, row, length in zip(names, rows, lengths, strict=True):
        if not (np.isfinite(length) and length > 0):
            raise MeasureError(f"the vector of {name!r}, {row.tolist()}, has no direction")
        if (row / length).min() < -0.2:
            raise MeasureError(
                f"the vector of {name!r}, {row.tolist()}, is negative: a stain absorbs, it does not shine"
            )
    unit: npt.NDArray[np.float64] = rows / lengths[:, np.newaxis]
    return unit


def _refuse_near_parallel(names: tuple[str, ...], unit: npt.NDArray[np.float64]) -> None:
    for one in range(len(names)):
        for other in range(one + 1, len(names)):
            angle = angle_deg(_triple(unit[one]), _triple(unit[other]))
            if angle < MIN_ANGLE_DEG:
                raise MeasureError(
                    f"the stains {names[one]!r} and {names[other]!r} are {angle:.1f}° apart; below {MIN_ANGLE_DEG:g}°"
                    " they cannot be told apart: measure them as one stain, or re-estimate their vectors"
                )
    if len(names) == 3:
        for index, name in enumerate(names):
            normal = np.cross(*np.delete(unit, index, axis=0))
            tilt = float(np.degrees(np.arcsin(min(1.0, abs(unit[index] @ normal) / np.linalg.norm(normal)))))
            if tilt < MIN_ANGLE_DEG:
                others = " and ".join(repr(n) for n in names if n != name)
                raise MeasureError(
                    f"the stain {name!r} lies {tilt:.1f}° from the plane of {others}; below {MIN_ANGLE_DEG:g}° it is a"
                    " mixture of them: leave it out, or re-estimate the vectors"
                )


def __getattr__(name: str) -> Any:
    # ImageJ's own deconvolution stands beside ours, in a room of its own.
    if name == "deconvolve_imagej":
        from exoimage.methods.imagej_stains import deconvolve_imagej

        return deconvolve_imagej
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def preset(name: str) -> StainSet:
    """A named stain set; see `exoimage.methods.presets`.

    Raises
    ------
    MeasureError
        If the name is unknown; the message lists the known ones.
    """
    from exoimage.methods.presets import PRESETS

    by_lower = {known.lower(): stain_set for known, stain_set in PRESETS.items()}
    if name.lower() not in by_lower:
        raise MeasureError(f"no stain set is called {name!r}; known are: {', '.join(PRESETS)}")
    return by_lower[name.lower()]
