"""What a cut was made in: the histogram that a report shows with the cut in it."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

BINS = 120


@dataclass(frozen=True, eq=False)
class CutHistogram:
    """A histogram and the cut made in it.

    Parameters
    ----------
    counts : (n,) int64 array
        Empty where an assay makes no cut that is shared by the images.
    edges : (n + 1,) float64 array
    cut : float
        In the units of the edges.
    quantity : str
        What is counted, for the axis.
    of : str
        What is counted one by one: pixels, nuclei.
    """

    counts: npt.NDArray[np.int64] = field(default_factory=lambda: np.empty(0, np.int64))
    edges: npt.NDArray[np.float64] = field(default_factory=lambda: np.empty(0, np.float64))
    cut: float = math.nan
    quantity: str = ""
    of: str = "pixels"

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing to show."""
        return int(self.counts.sum()) == 0


def histogram_of(values: npt.NDArray[np.float64], cut: float, quantity: str, of: str) -> CutHistogram:
    """The histogram of what a cut was made in, over the range that holds almost all of it and the cut.

    Parameters
    ----------
    values : (n,) float64 array
    cut : float
        Not drawn where it is infinite: nothing counts.
    quantity, of : str
        See `CutHistogram`.

    Examples
    --------
    >>> shown = histogram_of(np.linspace(0, 1, 1000), 0.5, "optical density", "pixels")
    >>> int(shown.counts.sum()), float(shown.edges[0]), shown.cut
    (999, 0.0, 0.5)
    """
    finite = values[np.isfinite(values)]
    if finite.size == 0:
        return CutHistogram()
    low, high = (float(end) for end in np.percentile(finite, (0.1, 99.9)))
    low, high = min(low, 0.0), max(high, 1.25 * cut if math.isfinite(cut) else high)
    edges = np.linspace(low, high if high > low else low + 1.0, BINS + 1)
    counts, _ = np.histogram(finite, edges)
    return CutHistogram(counts.astype(np.int64), edges, cut, quantity, of)
