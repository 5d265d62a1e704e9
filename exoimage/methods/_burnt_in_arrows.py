"""Arrows and arrowheads: mirror-symmetric, a shaft of one width or none, a head that tapers evenly."""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

from exoimage.methods._burnt_in_ink import Box, InkField, quantiles

SHORTEST_ARROW = 14
MOST_ARROWS = 12
SHORTEST_HEAD_SIDE = 9
FINE = 4
"""Outlines of small parts are drawn on a grid this much finer than the pixels."""

Floats = npt.NDArray[np.float64]


def arrows(field: InkField, apart_from: list[Box], most_rivals: int) -> list[int]:
    """Parts that are arrows or arrowheads.

    Parameters
    ----------
    apart_from : list of Box
        What has been found already, in the window: parts that lie in it are passed by.
    most_rivals : int
        Where more parts than this have a blob's shape and the arrow's tone, they are the specimen's.
    """
    chosen = _candidates(field, apart_from)
    tones = field.parts.nearest[chosen].astype(np.int16)
    alike = np.searchsorted(np.sort(tones), tones + 20, side="right")
    rare = chosen[alike <= most_rivals + MOST_ARROWS]
    found = [int(part) for part in rare if _is_arrow(field, int(part))]
    return [part for part in found if alike[chosen == part][0] - len(found) <= most_rivals]


def _candidates(field: InkField, apart_from: list[Box]) -> npt.NDArray[np.intp]:
    parts = field.parts
    longest = np.maximum(parts.heights, parts.widths)
    top, bottom, left, right = parts.boxes.T
    sized = (longest >= SHORTEST_ARROW) & (longest <= 0.3 * min(field.picture))
    free = np.ones(len(longest), np.bool_)
    for box in apart_from:
        free &= (top >= box[1]) | (bottom <= box[0]) | (left >= box[3]) | (right <= box[2])
    return np.flatnonzero(sized & free & field.drawn_parts())


def _is_arrow(field: InkField, part: int) -> bool:
    if not _is_flat(field, part):
        return False
    own = field.parts.own(part, 2)
    if _is_shaft_with_head(own):
        return True
    near = cv2.dilate(own.view(np.uint8), np.ones((3, 3), np.uint8)).astype(np.float32)
    cover = field.cover(field.parts.box(part), 2) * near
    fine = cv2.resize(cover, None, fx=FINE, fy=FINE, interpolation=cv2.INTER_LINEAR) > 0.5
    return _is_head(fine)


def _is_flat(field: InkField, part: int) -> bool:
    """Of one tone but for its rim."""
    top, bottom, left, right = field.parts.box(part)
    own = field.parts.own(part, 1).view(np.uint8)
    core = cv2.erode(own, np.ones((3, 3), np.uint8))[1:-1, 1:-1].astype(np.bool_)
    if np.count_nonzero(core) < 0.1 * np.count_nonzero(own):
        return True
    low, high = quantiles(field.distance[top:bottom, left:right][core], 0.1, 0.9)
    return high <= field.limit + 16 and high - low <= 40


def _is_head(own: npt.NDArray[np.bool_]) -> bool:
    """A triangle with two like sides, full or with one notch."""
    contours, _ = cv2.findContours(own.view(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    contour = max(contours, key=len, default=None)
    if contour is None or len(contour) < 12 * FINE:
        return False
    hull = cv2.convexHull(contour)
    around, corners = cv2.minEnclosingTriangle(hull)
    hull_area, own_area = cv2.contourArea(hull), cv2.contourArea(contour)
    if around <= 0 or hull_area < 0.91 * around or own_area < 0.6 * hull_area:
        return False
    corners = corners.reshape(3, 2)  # OpenCV 4 puts an axis between
    sides = np.sort(np.linalg.norm(np.roll(corners, 1, axis=0) - corners, axis=1))
    isosceles = min(sides[1] / sides[0], sides[2] / sides[1]) <= 1.15
    if sides[0] < SHORTEST_HEAD_SIDE * FINE or not isosceles:
        return False
    return own_area >= 0.93 * hull_area or _has_one_notch(own, np.asarray(hull, np.int32))


def _has_one_notch(own: npt.NDArray[np.bool_], hull: npt.NDArray[np.int32]) -> bool:
    filled = cv2.fillConvexPoly(np.zeros(own.shape, np.uint8), hull, 1).astype(np.bool_)
    _, _, stats, _ = cv2.connectedComponentsWithStats((filled & ~own).view(np.uint8), connectivity=4)
    return int(np.count_nonzero(stats[1:, cv2.CC_STAT_AREA] >= 0.04 * np.count_nonzero(filled))) == 1


def _is_shaft_with_head(own: npt.NDArray[np.bool_]) -> bool:
    profile = _profile(own)
    if profile is None or len(profile[0]) < SHORTEST_ARROW:
        return False
    middle, width = profile
    widest = int(width.argmax())
    if widest < len(width) / 2:
        middle, width, widest = middle[::-1], width[::-1], len(width) - 1 - widest
    broadest = float(width[widest])
    back = int(np.flatnonzero(width[:widest] <= 0.6 * broadest)[-1]) if (width[:widest] <= 0.6 * broadest).any() else 0
    head, shaft = width[widest:], width[2 : max(2, back)]
    if len(shaft) < 0.2 * len(width) or len(head) < 4:
        return False
    pen = float(np.median(shaft))
    symmetric = float(np.mean(np.abs(middle) <= 0.8 + 0.08 * broadest)) >= 0.9
    even = float(np.mean(np.abs(shaft - pen) <= 1.1 + 0.1 * pen)) >= 0.85
    taper = np.linspace(broadest, float(head[-1]), len(head))
    tapers = (
        float(np.percentile(np.abs(head - taper), 85)) <= 1.5 + 0.12 * broadest and head[-1] <= pen + 0.35 * broadest
    )
    return bool(symmetric and even and tapers and broadest >= 1.7 * pen + 1 and len(shaft) >= 1.5 * pen)


def _profile(own: npt.NDArray[np.bool_]) -> tuple[Floats, Floats] | None:
    """Middle and width across the long axis, per px along it; nothing for a shape without one."""
    ys, xs = np.nonzero(own)
    points = np.stack([xs, ys]).astype(np.float64)
    points -= points.mean(axis=1, keepdims=True)
    spread, axes = np.linalg.eigh(np.cov(points))
    if spread[1] < 1.8 * spread[0]:
        return None
    along, across = axes[:, 1] @ points, axes[:, 0] @ points
    station = np.rint(along - along.min()).astype(np.intp)
    low, high = np.full(station.max() + 1, np.inf), np.full(station.max() + 1, -np.inf)
    np.minimum.at(low, station, across)
    np.maximum.at(high, station, across)
    low, high = low[np.isfinite(low)], high[np.isfinite(high)]
    return (low + high) / 2, high - low + 1
