"""Two stain vectors from pooled pixels, near a known set, with what tells a poor fit."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from exoimage.errors import MeasureError
from exoimage.methods.density import White, optical_density
from exoimage.methods.stains import MIN_ANGLE_DEG, StainSet, Vector, angle_deg

Densities = npt.NDArray[np.float64]

FEWEST_PIXELS = 500
"""Stained pixels below which there is no estimate."""

IN_PLANE = 0.8
"""The least share of the spread around the commonest colour that must lie in the plane of two stains. With one stain
the rest is noise, the same in both directions (one half); a third stain leaves the plane."""

UNRECOGNISED_DEG = 25.0
"""A colour further than this from the plane of the known stains is another thing's: pigment, ink, a burnt-in line."""

GREY_DEG = 8.6
"""A colour closer than this (0.15 rad) to grey is a shadow or dirt, unless a known stain is as grey."""


@dataclass(frozen=True)
class TwoStains:
    """Two estimated stains.

    Parameters
    ----------
    vectors : two (red, green, blue)
        Unit vectors, in the order of the known set's first two stains.
    angles_deg : two floats
        How far each is from the known one.
    in_plane : float
        Share of the spread around the commonest colour that lies in the plane of two stains.
    pixels : int
        How many were looked at.
    """

    vectors: tuple[Vector, Vector]
    angles_deg: tuple[float, float]
    in_plane: float
    pixels: int


def estimate_two_stains(
    pixels: npt.NDArray[Any],
    white: White,
    like: StainSet,
    *,
    min_od: float = 0.1,
    max_od: float = 1.0,
    ignore_pct: float = 1.0,
) -> TwoStains:
    """Estimate two stains as QuPath's "Estimate stain vectors" does.

    Pixels that are too pale, too dense, grey or of a colour foreign to the known stains are left out. The plane of the
    two leading directions is found, and in it the extreme angles; the colours that pixels really have there, not their
    projections, are the stains.

    Parameters
    ----------
    pixels : (n, 3) array
        Stored values, pooled over the pictures that were stained together.
    white : White
    like : StainSet
        Its first two stains are looked for.
    min_od, max_od : float
        Bounds of a pixel's mean density. Pale pixels have noise for a colour, dense ones are clipped.
    ignore_pct : float
        Share of the pixels beyond the extreme angles, in percent.

    Returns
    -------
    TwoStains

    Raises
    ------
    MeasureError
        If fewer than 500 pixels are left, if they show one stain or three (less than 80 % of their spread lies in a
        plane), or if the two directions are closer than 8°.

    References
    ----------
    Bankhead P, et al. QuPath: open source software for digital pathology image analysis. Sci Rep 2017;7:16878.
    doi:10.1038/s41598-017-17204-5, after Macenko 2009, doi:10.1109/ISBI.2009.5193250. Differences: the bounds are of
    the mean density (QuPath's lower one is of every channel, which leaves out stains that let one colour through),
    foreign colours are told by the known set for any stains (QuPath's check is for H&E), and the mean of the pixels
    about an extreme angle is taken, not a single pixel.

    Examples
    --------
    >>> from exoimage.methods.stains import preset
    >>> like, rng = preset("Masson blue"), np.random.default_rng(0)
    >>> amounts = rng.dirichlet([0.4, 0.4], 5000) * rng.uniform(0.4, 1.2, (5000, 1))
    >>> found = estimate_two_stains(240 * 10 ** -(amounts @ like.matrix), White((240.0, 240.0, 240.0)), like)
    >>> max(found.angles_deg) < 3
    True
    """
    density = optical_density(np.asarray(pixels).reshape(-1, 3), White(white.rgb)).astype(np.float64)
    density = _recognised(density, like, min_od, max_od)
    if len(density) < FEWEST_PIXELS:
        raise MeasureError(
            f"only {len(density)} of the sampled pixels have the colours of {like.names[0]} and {like.names[1]} (mean"
            f" density {min_od:g} to {max_od:g}); the estimate needs {FEWEST_PIXELS}: give a preset or vectors"
        )
    spread, directions = np.linalg.eigh(density.T @ density / len(density))
    in_plane = float(spread[1] / max(spread[0] + spread[1], 1e-12))
    if in_plane < IN_PLANE:
        raise MeasureError(
            f"the pixels show no two stains: only {100 * in_plane:.0f} % of their spread lies in a plane (at least"
            f" {100 * IN_PLANE:.0f} % is asked for), so there is one stain only, or three: give a preset or vectors"
        )
    one, other = _extremes(density, directions[:, [2, 1]], ignore_pct)
    if angle_deg(one, other) < MIN_ANGLE_DEG:
        raise MeasureError(
            f"the two directions found are {angle_deg(one, other):.1f}° apart: the pixels show one stain only; give a"
            " preset or vectors"
        )
    vectors, angles = _matched((one, other), like)
    return TwoStains(vectors, angles, in_plane, len(density))


def _recognised(density: Densities, like: StainSet, min_od: float, max_od: float) -> Densities:
    """The pixels that can be mixtures of the known stains."""
    mean = density.mean(axis=1)
    density = density[(mean >= min_od) & (mean <= max_od)]
    length = np.maximum(np.linalg.norm(density, axis=1), 1e-9)
    normal = np.cross(*like.matrix[:2])
    normal /= np.linalg.norm(normal)
    known = np.abs(density @ normal) <= np.sin(np.radians(UNRECOGNISED_DEG)) * length
    grey = np.full(3, 1 / np.sqrt(3.0))
    if all(angle_deg(vector, tuple(grey)) > GREY_DEG for vector in like.vectors[:2]):
        known &= density @ grey < np.cos(np.radians(GREY_DEG)) * length
    return np.asarray(density[known])


def _extremes(density: Densities, plane: Densities, ignore_pct: float) -> tuple[Vector, Vector]:
    """Mean colours of the pixels about the extreme angles in a plane."""
    plane = plane * np.where(plane.sum(axis=0) < 0, -1.0, 1.0)
    angles = np.arctan2(density @ plane[:, 1], density @ plane[:, 0])
    order = np.argsort(angles)
    ignored = int(len(order) * ignore_pct / 100)
    few = max(ignored, 20)
    return _direction(density[order[ignored : ignored + few]]), _direction(
        density[order[len(order) - ignored - few : len(order) - ignored]]
    )


def _direction(density: Densities) -> Vector:
    total = np.maximum(density.sum(axis=0), 0)
    red, green, blue = (float(value) for value in total / np.linalg.norm(total))
    return red, green, blue


def _matched(found: tuple[Vector, Vector], like: StainSet) -> tuple[tuple[Vector, Vector], tuple[float, float]]:
    """The two stains in the order of the known ones, and how far they are from them."""
    orders = (found, found[::-1])
    angles = [[angle_deg(v, e) for v, e in zip(order, like.vectors, strict=False)] for order in orders]
    best = 0 if sum(angles[0]) <= sum(angles[1]) else 1
    one, other = orders[best]
    return (one, other), (angles[best][0], angles[best][1])
