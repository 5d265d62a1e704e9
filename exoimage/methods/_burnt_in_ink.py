"""Where a picture holds an ink of computer graphics, and the parts that this ink forms."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from exoimage.methods import _kernels_burnt_in as kernels
from exoimage.methods import _kernels_particles as particles_kernels
from exoimage.methods import particles

Bytes = npt.NDArray[np.uint8]
Ints = npt.NDArray[np.int32]
Box = tuple[int, int, int, int]
"""Top, bottom, left, right; bottom and right excluded."""

BLACK, WHITE = 0, 7
INKS = range(8)
"""Corners of the colour cube: bit 0 is red, bit 1 green, bit 2 blue."""

NEAREST_TO_INK = np.array([64, 90, 90, 90, 90, 90, 90, 8], np.int32)
"""How far from its ink, in any channel, a stroke's middle may be: colours blur in JPEG, nature is often near white."""

FADED = 45
"""How much farther from the ink thin coloured strokes may be, as after JPEG."""

STEP = 60
"""An ink ends where another colour lies this much farther away from it, within `REACH` px."""

REACH = 3
TILE = 32
FEW_ENDS, MANY_ENDS = 2, 5
"""Ends of an ink seen in a tile: where it may be drawn, and where it probably is."""

MOST_WINDOWS = 12
SPECK = 10
THICKEST_STROKE = 36
"""In px: what is thicker has no ground of its own around every pixel."""

SHARP, SHARP_COLOUR = 0.33, 0.27
"""Share of the rise at an edge that lies between two neighbouring pixels: a blur of 1.2 px leaves 0.33. JPEG stores
colours at half the resolution."""


@dataclass(frozen=True, eq=False)
class InkField:
    """A window of the picture as seen by one ink.

    Parameters
    ----------
    ink : int
        Corner of the colour cube.
    top, left : int
        The window's place in the picture.
    picture : (height, width)
        The picture's size.
    distance : (y, x) uint8
        Largest difference from the ink over the channels: 0 is the ink itself.
    ground : (y, x) uint8
        Distance of what lies around strokes.
    mask : (y, x) uint8
        1 where a pixel is nearer to the ink than to the ground.
    """

    ink: int
    top: int
    left: int
    picture: tuple[int, int]
    distance: Bytes
    ground: Bytes
    mask: Bytes

    @property
    def limit(self) -> int:
        """How far from the ink the middle of a stroke may be."""
        return int(NEAREST_TO_INK[self.ink])

    @property
    def sharp(self) -> float:
        """Least sharpness of what was drawn in this ink."""
        return SHARP if self.ink in (BLACK, WHITE) else SHARP_COLOUR

    @cached_property
    def parts(self) -> Parts:
        """Connected parts of the mask."""
        return _parts(self.mask, self.distance)

    @cached_property
    def whole_parts(self) -> npt.NDArray[np.bool_]:
        """Parts that the window does not cut, unless the picture ends there; never the ground."""
        top, bottom, left, right = self.parts.boxes.T
        height, width = self.mask.shape
        whole = (top > 0) | (self.top == 0)
        whole &= (left > 0) | (self.left == 0)
        whole &= (bottom < height) | (self.top + height == self.picture[0])
        whole &= (right < width) | (self.left + width == self.picture[1])
        whole[0] = False
        return np.asarray(whole, np.bool_)

    @cached_property
    def part_tones(self) -> Bytes:
        """Distance to the ink of all parts but specks, sorted."""
        return np.asarray(np.sort(self.parts.nearest[1:][self.parts.area[1:] >= SPECK]), np.uint8)

    def drawn_parts(self, slack: int = 0) -> npt.NDArray[np.bool_]:
        """Parts that are within `slack` of the ink's limit, with sharp edges against another colour."""
        parts = self.parts
        near = parts.nearest <= self.limit + slack
        return np.asarray(near & (parts.sharpness >= self.sharp) & (parts.rise >= 0.75 * STEP) & self.whole_parts)

    def turned(self) -> InkField:
        """The window with rows and columns exchanged."""
        planes = (np.asarray(cv2.transpose(plane), np.uint8) for plane in (self.distance, self.ground, self.mask))
        return InkField(self.ink, self.left, self.top, self.picture[::-1], *planes)

    def cover(self, box: Box, margin: int) -> npt.NDArray[np.float32]:
        """How much of each pixel the ink covers, 0 … 1, in a box with a margin; 0 beyond the window."""
        inner, pads = padded(box, margin, self.distance.shape)
        ground = np.maximum(self.ground[inner], 1).astype(np.float32)
        share = np.clip(1 - self.distance[inner] / ground, 0, 1).astype(np.float32)
        return np.pad(share, pads) if any(map(any, pads)) else share


@dataclass(frozen=True, eq=False)
class Parts:
    """Connected parts of an ink, as columns; the first row is the ground.

    Parameters
    ----------
    labels : (y, x) int32
    boxes : (n, 4) int32
        Top, bottom, left, right.
    area, perimeter : (n,) int32
        Pixels; pixel sides on the outline.
    nearest : (n,) uint8
        Smallest distance to the ink.
    rise, sharpness : (n,) float32
        How far the distance to the ink rises at the outline, and how much of that between two neighbouring pixels.
    """

    labels: Ints
    boxes: Ints
    area: Ints
    perimeter: Ints
    nearest: Bytes
    rise: npt.NDArray[np.float32]
    sharpness: npt.NDArray[np.float32]

    @property
    def heights(self) -> Ints:
        """Height of each part."""
        return self.boxes[:, 1] - self.boxes[:, 0]

    @property
    def widths(self) -> Ints:
        """Width of each part."""
        return self.boxes[:, 3] - self.boxes[:, 2]

    @cached_property
    def slenderness(self) -> npt.NDArray[np.float64]:
        """Squared perimeter relative to a square's of that area: 1 for a square, 1.3 for a disc, more for strokes."""
        return np.asarray(self.perimeter.astype(np.float64) ** 2 / (16 * self.area), np.float64)

    def box(self, part: int) -> Box:
        """Box of one part."""
        top, bottom, left, right = (int(value) for value in self.boxes[part])
        return top, bottom, left, right

    def own(self, part: int, margin: int) -> npt.NDArray[np.bool_]:
        """The part's pixels in its box with a margin."""
        inner, pads = padded(self.box(part), margin, self.labels.shape)
        return np.pad(self.labels[inner] == part, pads)


def ink_fields(pixels: Bytes) -> Iterator[InkField]:
    """Windows that hold all sharp ends of each ink that has any.

    Parameters
    ----------
    pixels : (y, x, 3) uint8
    """
    height, width = pixels.shape[:2]
    counts = np.zeros((len(INKS), -(-height // TILE), -(-width // TILE)), np.int32)
    kernels.count_steps(pixels, NEAREST_TO_INK, STEP, REACH, TILE, counts)
    for ink in INKS:
        for top, bottom, left, right in _windows(counts[ink]):
            yield ink_field(pixels[top:bottom, left:right], ink, (top, left), (height, width))


def _windows(counts: Ints) -> list[Box]:
    """Windows around neighbouring tiles with ends of an ink, at least one of which has many."""
    if counts.max() < MANY_ENDS:
        return []
    near = cv2.dilate((counts >= FEW_ENDS).view(np.uint8), np.ones((5, 5), np.uint8))
    _, groups = cv2.connectedComponents(near, connectivity=8)
    chosen = np.unique(groups[counts >= MANY_ENDS])
    if len(chosen) > MOST_WINDOWS:
        groups, chosen = np.minimum(groups, 1), np.array([1])
    windows: list[Box] = []
    for group in chosen:
        rows, columns = np.nonzero((groups == group) & (counts >= FEW_ENDS))
        top, left = int(rows.min()) - 1, int(columns.min()) - 1
        bottom, right = int(rows.max()) + 2, int(columns.max()) + 2
        windows.append((max(0, TILE * top), TILE * bottom, max(0, TILE * left), TILE * right))
    return windows


def ink_field(window: Bytes, ink: int, place: tuple[int, int], picture: tuple[int, int]) -> InkField:
    """A window as one ink sees it."""
    distance = ink_distance(window, ink)
    ground = _ground(distance)
    mask = (distance < cv2.convertScaleAbs(ground, alpha=0.5)).view(np.uint8)
    return InkField(ink, place[0], place[1], picture, distance, ground, mask)


def ink_distance(pixels: Bytes, ink: int) -> Bytes:
    """Largest difference from an ink over the channels.

    Examples
    --------
    >>> ink_distance(np.array([[[250, 10, 3]]], np.uint8), ink=1)
    array([[10]], dtype=uint8)
    """
    channels = [cv2.bitwise_not(plane) if ink >> bit & 1 else plane for bit, plane in enumerate(cv2.split(pixels))]
    return np.asarray(cv2.max(cv2.max(channels[0], channels[1]), channels[2]), np.uint8).reshape(pixels.shape[:2])


def _ground(distance: Bytes) -> Bytes:
    height, width = distance.shape
    small = cv2.resize(distance, (max(1, width // 4), max(1, height // 4)), interpolation=cv2.INTER_AREA)
    kernel = np.ones((THICKEST_STROKE // 4, THICKEST_STROKE // 4), np.uint8)
    closed = cv2.erode(cv2.dilate(small, kernel), kernel)
    return np.asarray(cv2.resize(closed, (width, height), interpolation=cv2.INTER_LINEAR), np.uint8)


def _parts(mask: Bytes, distance: Bytes) -> Parts:
    # OpenCV's own statistics take five times as long as its labels.
    labels = particles.label(mask.view(np.bool_))
    table = particles_kernels.scan(labels, int(labels.max()))[1]
    area, left, top, right, bottom = np.concatenate([[_background(mask, table)], table[:, :5]]).T
    count = len(area)
    perimeter, nearest = np.zeros(count, np.int32), np.full(count, 255, np.uint8)
    rise, sharpness = np.zeros(count, np.float32), np.zeros(count, np.float32)
    kernels.measure_outlines(labels, distance, perimeter, nearest, rise, sharpness)
    boxes = np.stack([top, bottom + 1, left, right + 1], axis=1).astype(np.int32)
    return Parts(labels, boxes, area.astype(np.int32), perimeter, nearest, rise, sharpness)


def _background(mask: Bytes, table: npt.NDArray[np.int64]) -> tuple[int, int, int, int, int]:
    """Area, left, top, right and bottom of what is no part: number 0."""
    return mask.size - int(table[:, 0].sum()), 0, 0, mask.shape[1] - 1, mask.shape[0] - 1


def padded(
    box: Box, margin: int, shape: tuple[int, ...]
) -> tuple[tuple[slice, slice], tuple[tuple[int, int], tuple[int, int]]]:
    """Slices of a box with a margin that lie inside a plane, and how much of it lies outside on each side."""
    top, bottom, left, right = box[0] - margin, box[1] + margin, box[2] - margin, box[3] + margin
    inside = slice(max(0, top), min(shape[0], bottom)), slice(max(0, left), min(shape[1], right))
    pads = (max(0, -top), max(0, bottom - shape[0])), (max(0, -left), max(0, right - shape[1]))
    return inside, pads


def quantiles(values: npt.NDArray[Any], *shares: float) -> list[float]:
    """Values that have these shares of all below them, without interpolation: quick on short arrays.

    Examples
    --------
    >>> quantiles(np.array([7, 1, 3]), 0.0, 0.5, 1.0)
    [1.0, 3.0, 7.0]
    """
    ordered = np.sort(values, axis=None)
    return [float(ordered[round(share * (len(ordered) - 1))]) for share in shares]


def joined(boxes: Any) -> Box:
    """Smallest box around several.

    Examples
    --------
    >>> joined([(0, 2, 5, 6), (1, 4, 0, 2)])
    (0, 4, 0, 6)
    """
    table = np.asarray(boxes, np.int64).reshape(-1, 4)
    return int(table[:, 0].min()), int(table[:, 1].max()), int(table[:, 2].min()), int(table[:, 3].max())
