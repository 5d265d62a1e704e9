"""Scores of immunohistochemistry: H-score, Allred, and the zones of IHC Profiler.

They are defined on how many cells (or pixels) are negative, weak, moderate and strong. None is a concentration: DAB is
no Beer–Lambert dye and its amount saturates, so they rank stainings and compare them within one staining run.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from exoimage.errors import MeasureError

CLASSES = ("negative", "weak", "moderate", "strong")
"""Classes of intensity, by their number 0 … 3."""

ALLRED_SHARES = (0.0, 0.01, 0.10, 1 / 3, 2 / 3)
"""Shares of positive cells above which Allred's proportion score is 1, 2, 3, 4 and 5."""

PROFILER_GREYS = (60, 120, 180, 235)
"""Upper grey levels of IHC Profiler's zones: high positive, positive, low positive, negative; above is no tissue."""


def intensity_classes(optical_density: npt.ArrayLike, cuts: Sequence[float]) -> npt.NDArray[np.int64]:
    """Class of each cell by three cuts in optical density.

    Parameters
    ----------
    optical_density : (n,) array_like of float
        DAB in the compartment of each cell. Not a number is negative.
    cuts : three increasing floats
        From here on weak, moderate, strong.

    Returns
    -------
    (n,) int64 array
        0 negative, 1 weak, 2 moderate, 3 strong.

    Raises
    ------
    MeasureError
        If the cuts are not three increasing numbers.

    Examples
    --------
    >>> intensity_classes([0.1, 0.2, 0.5, 0.9], (0.2, 0.4, 0.6)).tolist()
    [0, 1, 2, 3]
    """
    edges = np.asarray(cuts, dtype=np.float64)
    if edges.shape != (3,) or not np.all(np.diff(edges) > 0):
        raise MeasureError(f"the cuts are three increasing optical densities, not {tuple(cuts)}")
    values = np.nan_to_num(np.asarray(optical_density, dtype=np.float64), nan=-np.inf)
    return np.searchsorted(edges, values, side="right").astype(np.int64)


def h_score(negative: int, weak: int, moderate: int, strong: int) -> float:
    """H-score: percentage of weak cells, plus twice that of moderate, plus three times that of strong ones.

    Returns
    -------
    float
        0 … 300; not a number without cells.

    References
    ----------
    McCarty KS Jr et al., Arch Pathol Lab Med 109:716–721 (1985), PMID 3893381; Hirsch FR et al., J Clin Oncol
    21:3798–3807 (2003), https://doi.org/10.1200/JCO.2003.11.069. A variant weights by (class + 1), 100 … 400.

    Examples
    --------
    >>> h_score(50, 20, 20, 10)
    90.0
    """
    cells = negative + weak + moderate + strong
    return 100.0 * (weak + 2 * moderate + 3 * strong) / cells if cells else float("nan")


def allred_score(negative: int, weak: int, moderate: int, strong: int) -> float:
    """Allred's score: proportion of positive cells (0 … 5) plus their mean intensity (1 … 3).

    Proportion: 0 none, 1 up to 1 %, 2 up to 10 %, 3 up to a third, 4 up to two thirds, 5 above. Intensity: mean class
    of the positive cells, rounded, halves up.

    Returns
    -------
    float
        0, or 2 … 8; not a number without cells.

    References
    ----------
    Allred DC et al., Mod Pathol 11:155–168 (1998), PMID 9504686; Harvey JM et al., J Clin Oncol 17:1474–1481 (1999),
    https://doi.org/10.1200/JCO.1999.17.5.1474. Pathologists estimate the mean intensity by eye; here it is counted.

    Examples
    --------
    >>> allred_score(60, 0, 30, 10), allred_score(10, 0, 0, 0)
    (6.0, 0.0)
    """
    cells, positive = negative + weak + moderate + strong, weak + moderate + strong
    if not cells:
        return float("nan")
    if not positive:
        return 0.0
    proportion = int(np.searchsorted(ALLRED_SHARES, positive / cells, side="left"))
    intensity = np.floor((weak + 2 * moderate + 3 * strong) / positive + 0.5)
    return float(proportion + intensity)


def profiler_score(dab_od: npt.NDArray[Any], inside: npt.NDArray[np.bool_] | None = None) -> float:
    """IHC Profiler's score of pixels: 4 for high positive, 3 positive, 2 low positive, 1 negative, averaged.

    Its zones are grey levels 0–60, 61–120, 121–180 and 181–235 of the 8-bit DAB plane; here they are the same in
    optical density (0.63, 0.33, 0.15, 0.04), against the picture's own white point. Lighter pixels are no tissue and do
    not count.

    Parameters
    ----------
    dab_od : (y, x) float array
        Optical density of DAB.
    inside : (y, x) bool array, optional
        Pixels that are measured. Default: all.

    Returns
    -------
    float
        1 … 4: high positive from 2.95, positive from 1.95, else low positive or negative; not a number without tissue.

    References
    ----------
    Varghese F et al., PLoS ONE 9:e96801 (2014), https://doi.org/10.1371/journal.pone.0096801. There a zone of more
    than 66 % of the pixels is the answer by itself; here the score is always the mean.

    Examples
    --------
    >>> profiler_score(np.array([[1.0, 0.4, 0.2, 0.1, 0.0]]))
    2.5
    """
    total, pixels = profiler_sums(dab_od, inside)
    return total / pixels if pixels else float("nan")


def profiler_sums(dab_od: npt.NDArray[Any], inside: npt.NDArray[np.bool_] | None = None) -> tuple[int, int]:
    """Sum of the pixels' scores and number of scored pixels, whose ratio is `profiler_score`; parameters as there.

    Examples
    --------
    >>> profiler_sums(np.array([[1.0, 0.4, 0.2, 0.1, 0.0]]))
    (10, 4)
    """
    values = dab_od if inside is None else dab_od[inside]
    bounds = -np.log10((np.array(PROFILER_GREYS) + 0.5) / 255.0)
    above = [int(np.count_nonzero(values > np.float32(bound))) for bound in bounds]
    return sum(above), above[-1]
