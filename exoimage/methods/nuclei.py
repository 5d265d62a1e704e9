"""Nuclei as every method that finds them gives them, and what all these methods share."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Literal, get_args

import cv2
import numpy as np
import numpy.typing as npt

from exoimage.errors import MeasureError
from exoimage.flags import Flag
from exoimage.methods._kernels import replace_labels
from exoimage.methods.network_views import Levels

Plane = npt.NDArray[Any]
Floats = npt.NDArray[np.float32]
Labels = npt.NDArray[np.int32]
Mask = npt.NDArray[np.bool_]
EdgeRule = Literal["count", "exclude", "half"]

SMALLEST_DIAMETER_PX = 4.0
"""Nuclei that are smaller have no shape."""

SMALLEST = 0.06
"""Least area of a nucleus relative to a typical one: mitotic plates and nuclei cut by the border have more."""

LEAST_SOLIDITY = 0.7
"""Least solidity of a nucleus: fibres, dust and cracked debris have less, even bent nuclei more (1 % of those drawn
by hand have less than 0.8)."""

FAINTEST = 0.2
"""Least contrast times width of a nucleus relative to typical ones: what is faint and small is debris or far out of
focus; a mitotic or apoptotic nucleus is small and bright."""

LEAST_STEPS = 1.5
"""How many steps between stored values it is brighter: less may be rounding."""

SATURATED_SHARE = 0.01
"""Share of the nuclei's pixels at the camera's limit from which on a plane is flagged."""


@dataclass(frozen=True, eq=False)
class Nuclei:
    """What was found in one plane.

    Parameters
    ----------
    labels : (y, x) int32 array
        0 is background, 1, 2, … the nuclei.
    typical_diameter : float
        In px: as given, or as estimated; 0 where there is nothing to estimate it from.
    debris_count : int
        Bright objects that are no nuclei: too small, too faint or too irregular; they have no label.
    flags : tuple of Flag
        `Flag.SATURATED` where over 1 % of the nuclei's pixels are at the camera's limit.
    light, area : float
        Sums over all bright objects, debris among them, of contrast times area, and of area, in typical nuclei's areas:
        their ratio is the contrast that is typical of a field, and those of several fields add up.
    levels : Levels, optional
        What the network was shown as 0 and 1, if it was the network.
    """

    labels: Labels
    typical_diameter: float
    debris_count: int = 0
    flags: tuple[Flag, ...] = ()
    light: float = 0.0
    area: float = 0.0
    levels: Levels | None = None

    @property
    def count(self) -> int:
        """Number of nuclei."""
        return int(self.labels.max(initial=0))


def apply_edge_rule(labels: Labels, rule: EdgeRule) -> Labels:
    """Labels of the objects that a field's edge leaves to be counted, numbered anew.

    Parameters
    ----------
    labels : (y, x) int32 array
        0 is background.
    rule : {"count", "exclude", "half"}
        "count" keeps all; "exclude" drops every object that touches an edge, which favours small ones; "half" drops
        those that touch the right or the lower edge: whatever their size, of all objects in a tissue each is counted in
        one field only.

    Returns
    -------
    (y, x) int32 array
        A new array.

    Raises
    ------
    MeasureError
        If there is no such rule.

    Notes
    -----
    "half" is the forbidden line of the unbiased frame, of which the picture's edges are the part that can be seen:
    Gundersen, J Microsc 111:219–223 (1977), https://doi.org/10.1111/j.1365-2818.1977.tb00062.x.

    Examples
    --------
    >>> corners = np.array([[1, 0, 2], [0, 3, 0], [4, 0, 5]], np.int32)
    >>> [int(apply_edge_rule(corners, rule).max()) for rule in ("count", "exclude", "half")]
    [5, 1, 2]
    """
    if rule not in get_args(EdgeRule):
        raise MeasureError(f"no edge rule is called {rule!r}; there are {', '.join(get_args(EdgeRule))}")
    forbidden = [] if rule == "count" else [labels[-1:].ravel(), labels[:, -1:].ravel()]
    if rule == "exclude":
        forbidden += [labels[:1].ravel(), labels[:, :1].ravel()]
    present = np.zeros(int(labels.max(initial=0)) + 1, np.bool_)
    present[labels.ravel()] = True
    for edge in forbidden:
        present[edge] = False
    return renumbered(labels, present)


def checked_plane(plane: Plane) -> Floats:
    """A (y, x) plane of finite values as float32; anything else is refused."""
    if plane.ndim != 2:
        raise MeasureError(f"a plane of shape {plane.shape}; expected (y, x): pick one channel")
    values = np.ascontiguousarray(plane, dtype=np.float32)
    if plane.dtype.kind == "f" and not np.isfinite(values).all():
        raise MeasureError("the plane holds values that are not finite; replace them before nuclei are looked for")
    return values


def refuse_diameter(typical_diameter: float) -> None:
    """Refuse a diameter that no nucleus has; 0 is one that is to be estimated."""
    if typical_diameter < 0 or 0 < typical_diameter < SMALLEST_DIAMETER_PX:
        raise MeasureError(
            f"a typical diameter of {typical_diameter:g} px; nuclei need {SMALLEST_DIAMETER_PX:g} px at least: magnify"
            " more, or check the pixel size"
        )


def least_step(plane: Plane) -> float:
    """Least difference between stored values in a sample; 0 where all are the same.

    Of two values alone, as in a mask, half their difference: what lies between them is not known.
    """
    if plane.size == 0:
        return 0.0
    stride = max(1, plane.size // 20_000)
    while math.gcd(stride, plane.shape[1]) > 1:  # or the sample is of some columns only
        stride += 1
    levels = np.unique(np.append(plane.ravel()[::stride], [plane.min(), plane.max()]))
    if len(levels) <= 2:
        return float(levels[-1] - levels[0].astype(np.float64)) / 2
    return float(np.diff(levels.astype(np.float64)).min())


def enlarged(labels: Labels, inside: Mask) -> Labels:
    """Labels in the resolution of a mask, which says what belongs to any of them; what is outside is cut off."""
    grown = cv2.dilate(labels.astype(np.float32), np.ones((3, 3), np.uint8)).astype(np.int32)
    everywhere = np.where(labels > 0, labels, grown)
    return np.asarray(
        cv2.resize(everywhere, inside.shape[::-1], interpolation=cv2.INTER_NEAREST_EXACT) * inside, np.int32
    )


def renumbered(labels: Labels, keep: Mask) -> Labels:
    """The labels that are kept, numbered from 1."""
    table = (np.cumsum(keep) - keep[0]) * keep
    table[0] = 0
    numbered = np.empty_like(labels)
    replace_labels(labels, table.astype(np.int32), numbered)
    return numbered


def exposure(plane: Plane, labels: Labels, max_value: float) -> tuple[Flag, ...]:
    """Whether too many of the nuclei's pixels are at the camera's limit, by default the type's largest value."""
    top = max_value or (float(np.iinfo(plane.dtype).max) if plane.dtype.kind == "u" else math.inf)
    inside = labels > 0
    saturated = np.count_nonzero((plane >= top) & inside)
    return (Flag.SATURATED,) * bool(saturated > SATURATED_SHARE * np.count_nonzero(inside))
