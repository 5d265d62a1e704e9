"""The sharpest plane of a z-stack, one for all channels."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from itertools import product
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from exoimage.images.selection import Take

SHARPEST = "sharpest"

Pixels = npt.NDArray[Any]


def focus_measure(plane: Pixels) -> float:
    """Variance of the Laplacian of a slightly smoothed plane, (y, x) or (y, x, sample); larger is sharper.

    Notes
    -----
    Pech-Pacheco et al., Proc ICPR 3:314–317 (2000), https://doi.org/10.1109/ICPR.2000.903548.

    Examples
    --------
    >>> even, structured = np.zeros((9, 9)), np.eye(9)
    >>> focus_measure(even) < focus_measure(structured)
    True
    """
    grey = np.asarray(plane if plane.ndim == 2 else plane.mean(axis=2), dtype=np.float32)
    smooth = cv2.GaussianBlur(grey, (0, 0), 1.5, borderType=cv2.BORDER_REFLECT_101)
    return float(np.var(cv2.Laplacian(smooth, cv2.CV_32F, borderType=cv2.BORDER_REFLECT_101), dtype=np.float64))


def with_sharpest(
    lead: Mapping[str, int], take: Mapping[str, Take], plane: Callable[[tuple[int, ...]], Pixels]
) -> dict[str, Take]:
    """Put the sharpest plane's number in the place of "sharpest" along Z; anything else stays.

    All channels are taken from one plane, so that they show the same place. Each counts alike: by its measure as a
    share of its own largest.

    Parameters
    ----------
    lead : mapping of str to int
        Length of each leading axis, in order.
    take : mapping
        What to take along them; see `selection.gather`.
    plane : callable
        The array at an index along all leading axes.
    """
    chosen = dict(take)
    if chosen.get("Z") != SHARPEST:
        return chosen
    others = {axis: _numbers(chosen.get(axis), length) for axis, length in lead.items() if axis != "Z"}
    total = np.zeros(lead["Z"])
    for numbers in product(*others.values()):
        at = dict(zip(others, numbers, strict=True))
        measures = np.array(
            [focus_measure(plane(tuple({**at, "Z": z}[axis] for axis in lead))) for z in range(lead["Z"])]
        )
        total += measures / (measures.max() or 1.0)
    chosen["Z"] = int(np.argmax(total))
    return chosen


def _numbers(taken: Take | None, length: int) -> tuple[int, ...]:
    if isinstance(taken, int):
        return (taken,)
    return taken if isinstance(taken, tuple) else tuple(range(length))
