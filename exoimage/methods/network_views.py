"""What the nuclei network is shown of a plane, in training and in use."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

Plane = npt.NDArray[Any]
Floats = npt.NDArray[np.float32]

WORKING_DIAMETER_PX = 20.0
"""Typical width of nuclei in the picture that the network sees; planes are resampled to it."""

LOW_PCT, HIGH_PCT = 1.0, 99.8
"""Percentiles of a plane that become 0 and 1, where nuclei are not so few that background alone has them."""

BRIGHT_PX = 80
"""A quarter of a typical nucleus at the working scale: so many pixels are brighter than where the light is taken from
of a plane that may hold but one nucleus."""

MOST = 2.0
"""How many times the high level those pixels may be: no more, or it is raised."""

FAINT = 0.03
"""Relative brightness below which the compressed view is linear, and above which it is logarithmic: nuclei of a
hundredth to all of the brightest ones' light differ by no more than a factor of ten in it."""

BRIGHTEST = 2.0
"""What is brighter, relative to the high percentile, is shown so bright: beads and dust must not matter."""


@dataclass(frozen=True)
class Levels:
    """The values of a plane that the network sees as 0 and 1.

    Parameters
    ----------
    low, high : float
        In the plane's units; equal where the plane is even.
    """

    low: float
    high: float


def levels_of(plane: Plane) -> Levels:
    """What the network should see of a plane as 0 and 1.

    Parameters
    ----------
    plane : (y, x) array
        Stored values, at the working scale.

    Returns
    -------
    Levels
        The low and high percentile; the high one is raised where a few nuclei, of less than `100 - HIGH_PCT` of the
        plane, outshine it.

    Examples
    --------
    >>> levels_of(np.arange(1001).reshape(7, 143))
    Levels(low=10.0, high=998.0)
    >>> plane = np.zeros((600, 600))
    >>> plane[100:116, 200:216] = 50
    >>> levels_of(plane)
    Levels(low=0.0, high=25.0)
    """
    low, high = (float(value) for value in np.percentile(plane, [LOW_PCT, HIGH_PCT]))
    at = max(0, plane.size - 1 - BRIGHT_PX)
    bright = float(np.partition(plane, at, axis=None)[at])
    return Levels(low, max(high, low + (bright - low) / MOST))


def views(plane: Plane, levels: Levels) -> Floats:
    """A plane as the network sees it: once linear, once compressed, so that dim nuclei show beside bright ones.

    Parameters
    ----------
    plane : (y, x) array
        Stored values, at the working scale.
    levels : Levels
        Of the whole picture, also where the plane is a part of it.

    Returns
    -------
    (2, y, x) float32 array

    Examples
    --------
    >>> print(views(np.array([[10.0, 13.0, 110.0]]), Levels(10, 110)).round(2))
    [[[0.   0.03 1.  ]]
    <BLANKLINE>
     [[0.   0.21 1.  ]]]
    """
    span = max(levels.high - levels.low, 1e-30)
    relative = np.clip((np.asarray(plane, np.float32) - np.float32(levels.low)) / np.float32(span), -1.0, BRIGHTEST)
    compressed = np.arcsinh(relative / FAINT) / np.arcsinh(1 / FAINT)
    return np.stack([relative, compressed]).astype(np.float32)
