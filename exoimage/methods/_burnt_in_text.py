"""Lines of letters: sharp strokes of an even pen, alike in height, close together on one level."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt
from scipy import sparse
from scipy.sparse import csgraph

from exoimage.methods import _kernels_burnt_in as kernels
from exoimage.methods._burnt_in_ink import Box, InkField, joined, quantiles

MOST_LETTERS = 4000
COMMON = 150
LOWEST_LETTER, LOWEST_LONE_LETTER = 6, 10


@dataclass(frozen=True)
class Stroke:
    """How a part looks as a stroke of a pen.

    Parameters
    ----------
    width : float
        Typical width of the stroke in px.
    spread : float
        10th to 90th percentile of the width along the stroke, relative to its median: 0 for an even pen.
    swelling : float
        Greatest width relative to the median.
    core : int
        Distance to the ink in the middle of the stroke.
    """

    width: float
    spread: float
    swelling: float
    core: int

    @property
    def is_even(self) -> bool:
        """Whether one pen may have drawn it."""
        return self.spread <= 0.8 and self.swelling <= 2.5


def stroke(field: InkField, part: int) -> Stroke:
    """Width of a part along its middle line, measured between pixels."""
    parts = field.parts
    box = parts.box(part)
    near = cv2.dilate(parts.own(part, 3).view(np.uint8), np.ones((5, 5), np.uint8)).astype(np.float32)
    cover = field.cover(box, 3) * near
    scale = 3 if box[1] - box[0] < 40 else 1
    fine = cv2.resize(cover, None, fx=scale, fy=scale, interpolation=cv2.INTER_CUBIC) if scale > 1 else cover
    depth = cv2.distanceTransform((fine > 0.5).view(np.uint8), cv2.DIST_L2, 3) / scale
    ridge = depth[(depth >= cv2.dilate(depth, np.ones((3, 3), np.uint8))) & (depth > 0.3)]
    place = slice(box[0], box[1]), slice(box[2], box[3])
    core = int(quantiles(field.distance[place][parts.labels[place] == part], 0.1)[0])
    if len(ridge) == 0:
        return Stroke(0.0, np.inf, np.inf, core)
    low, middle, high, top = quantiles(ridge, 0.1, 0.5, 0.9, 1.0)
    return Stroke(2 * middle, (high - low) / middle, top / middle, core)


@dataclass(frozen=True)
class TextLine:
    """Parts on one line that could be its letters.

    Parameters
    ----------
    box : tuple of int
        Around all parts, in the window.
    parts : int
        How many there are.
    letters : int
        How many of them one even pen may have drawn.
    height : int
        Of the tallest part.
    on_line : float
        Share of the parts whose feet, heads or middles are level to a pixel or two.
    slenderness : float
        Median over the parts, see `Parts.slenderness`.
    core : int
        Median distance to the ink in the middle of the strokes.
    same_pen : bool
        Whether the letters' strokes are of like width.
    """

    box: Box
    parts: int
    letters: int
    height: int
    on_line: float
    slenderness: float
    core: int
    same_pen: bool

    @property
    def is_caption(self) -> bool:
        """Enough to be text beside a scale bar."""
        return self.letters > 0 or self.slenderness >= 3

    @property
    def rivals_allowed(self) -> float:
        """How many other parts of its tone the picture may hold for this to be text: the less sure, the fewer."""
        if self.same_pen and self.letters >= max(3, 0.6 * self.parts):
            return 100 * 4.0 ** (self.letters - 3) if self.on_line == 1 or self.letters > 3 else 16
        if self.parts > 2 and self.letters >= 0.33 * self.parts:
            return 16
        if self.parts > 1 and self.slenderness >= 3 and self.letters >= 3 - self.parts:
            return 8
        drawn = self.letters == self.parts and self.same_pen and self.slenderness <= 16
        return 8 * self.parts if drawn and self.height >= LOWEST_LONE_LETTER else -1


def letter_groups(field: InkField, slack: int = 0) -> list[npt.NDArray[np.intp]]:
    """Parts that could be letters, gathered into lines by place and height alone; single ones too.

    Parameters
    ----------
    slack : int
        How much farther than usual from the ink they may be: thin coloured letters fade in JPEG.
    """
    chosen = _could_be_letters(field, slack)
    if not 0 < len(chosen) <= MOST_LETTERS:
        return []
    links = np.zeros((8 * len(chosen), 2), np.int32)
    count = kernels.link_in_lines(np.ascontiguousarray(field.parts.boxes[chosen]), 1.0, links)
    first, second = links[:count].T
    graph = sparse.coo_array((np.ones(count, np.int8), (first, second)), shape=(len(chosen), len(chosen)))
    _, lines = csgraph.connected_components(graph, directed=False)
    order = np.argsort(lines, kind="stable")
    return np.split(chosen[order], np.flatnonzero(np.diff(lines[order])) + 1)


def is_common(field: InkField, group: npt.NDArray[np.intp]) -> bool:
    """Whether a short group's tone is so frequent in the picture that it cannot pass for text: a quick look."""
    if len(group) > 3:
        return False
    tone = quantiles(field.parts.nearest[group], 0.5)[0]
    return int(np.searchsorted(field.part_tones, tone, side="right")) > COMMON


def _could_be_letters(field: InkField, slack: int) -> npt.NDArray[np.intp]:
    """Parts of a letter's size with the outline of strokes and sharp edges, sorted by their left edge."""
    parts = field.parts
    high, wide = parts.heights, parts.widths
    sized = (high >= LOWEST_LETTER) & (high <= 0.13 * field.picture[0]) & (wide <= 6 * high) & (wide >= 2)
    slim = (parts.slenderness >= 1.8) | ((high >= 2.5 * wide) & (parts.area >= 0.7 * high * wide))
    chosen = np.flatnonzero(sized & slim & field.drawn_parts(slack))
    return chosen[np.argsort(parts.boxes[chosen, 2], kind="stable")]


def text_line(field: InkField, group: Iterable[int], slack: int = 0) -> TextLine | None:
    """A group of parts as a line of text; nothing where they do not stand in a line or are not strokes of one tone."""
    members = [int(part) for part in group]
    boxes = field.parts.boxes[members]
    height = int((boxes[:, 1] - boxes[:, 0]).max())
    box = joined(boxes)
    on_line = _on_line(boxes, height)
    slenderness = quantiles(field.parts.slenderness[members], 0.5)[0]
    widest_gap, least_on_line = {1: (0.0, 1.0), 2: (0.8, 1.0), 3: (0.8, 0.65)}.get(len(members), (1.1, 0.65))
    if box[1] - box[0] > 1.5 * height or on_line < least_on_line or slenderness < 2.3:
        return None
    if _share_near(field.parts.nearest[members].astype(np.float64), 40) < 0.7:
        return None
    inked = np.flatnonzero(field.mask[box[0] : box[1], box[2] : box[3]].any(axis=0))
    if np.diff(inked).max(initial=1) - 1 > widest_gap * height:
        return None
    strokes = [stroke(field, part) for part in members]
    tones = np.array([one.core for one in strokes])
    if quantiles(np.array([one.width for one in strokes]), 0.5)[0] > 0.34 * height or _share_near(tones, 32) < 0.7:
        return None
    even = [np.log(one.width) for one in strokes if one.is_even and one.core <= field.limit + slack]
    same_pen = len(even) > 0 and _share_near(np.array(even), 0.5) >= 0.7
    return TextLine(box, len(members), len(even), height, on_line, slenderness, int(quantiles(tones, 0.5)[0]), same_pen)


def _share_near(values: npt.NDArray[Any], slack: float) -> float:
    """Share of values within `slack` of their median."""
    return float(np.count_nonzero(np.abs(values - quantiles(values, 0.5)[0]) <= slack) / len(values))


def _on_line(boxes: npt.NDArray[np.int32], height: int) -> float:
    """Largest share of parts whose heads, feet or middles are level with one of them; brackets only share middles."""
    middles = boxes[:, :2].mean(axis=1)
    return max(
        float((np.abs(edges[:, np.newaxis] - edges) <= max(1.0, slack * height)).mean(axis=1).max())
        for edges, slack in ((boxes[:, 0], 0.07), (boxes[:, 1], 0.07), (middles, 0.1))
    )


def completed(field: InkField, line: Box, slack: int = 0) -> Box:
    """A line's box with the dots, dashes and letters on it that were left out before."""
    parts = field.parts
    top, bottom, left, right = parts.boxes.T
    height = line[1] - line[0]
    level = np.minimum(np.abs(top - line[0]), np.abs(bottom - line[1])) <= 1 + 0.12 * height
    level &= (top >= line[0] - 0.35 * height) & (bottom <= line[1] + 0.35 * height)
    small = (top >= line[0] - 2) & (bottom <= line[1] + 0.25 * height) & (bottom - top <= 0.5 * height)
    letter_like = (level & (parts.slenderness >= 2.2)) | (small & (right - left <= height) & (parts.area >= 4))
    near = (right >= line[2] - height) & (left <= line[3] + height)
    drawn = (parts.nearest <= field.limit + slack) & (parts.sharpness >= 0.6 * field.sharp)
    members = parts.boxes[np.flatnonzero(near & letter_like & drawn)]
    while True:
        touching = (members[:, 2] <= line[3] + 0.5 * height) & (members[:, 3] >= line[2] - 0.5 * height)
        grown = joined([line, *members[touching]])
        if grown == line:
            return line
        line = grown
