"""Crops for training: which picture, how large, how lit, and what the network should answer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt
from augment import change_light, empty_field
from pictures import FloatArray, Labels, Picture, Source

from exoimage.methods.network_views import WORKING_DIAMETER_PX, Levels, views

EDGE_PX = 192
"""Edge of a crop: some ten nuclei."""

WAY_UNIT_PX = WORKING_DIAMETER_PX / 2
"""The way to a nucleus' middle is answered in typical radii."""

EMPTY = 0.15
"""Share of crops without a nucleus."""

CROWDED = 0.15
"""Share of crops that are two pictures on top of each other: nuclei that overlap."""

SMALLEST_AREA_PX = 14
"""Smaller objects at the working scale are neither nuclei nor background to the loss."""

HIDDEN = 0.5
"""What is left of a nucleus below another one, as a share of its area, for it to count as visible still."""

_UNIT = Levels(0.0, 1.0)


@dataclass(frozen=True, eq=False)
class Crop:
    """What the network sees and should answer.

    Parameters
    ----------
    views : (2, y, x) float32 array
    answer : (4, y, x) float32 array
        Foreground 0 or 1, depth 0 … 1, way to the middle (y, x) in radii.
    weight : (y, x) float32 array
        Of each pixel in the loss; 0 outside the picture.
    """

    views: FloatArray
    answer: FloatArray
    weight: FloatArray


def crop(sources: Sequence[Source], seed: tuple[int, int]) -> Crop:
    """The crop of a seed."""
    rng = np.random.default_rng(seed)
    if rng.random() < EMPTY:
        nothing = np.zeros((EDGE_PX, EDGE_PX), np.int32)
        plane = change_light(empty_field(EDGE_PX, rng), nothing, rng)
        return _finished(plane, nothing, np.ones((EDGE_PX, EDGE_PX), np.float32), rng)
    plane, labels, valid = _cut(_drawn(sources, rng), rng)
    if rng.random() < CROWDED:
        other, its_labels, its_valid = _cut(_drawn(sources, rng), rng)
        brightness = np.float32(np.exp(rng.normal(0, 0.4)))
        plane = plane + brightness * np.maximum(other, 0)
        labels = _on_top(labels, its_labels)
        valid = np.minimum(valid, its_valid)
    return _finished(change_light(plane, labels, rng), labels, valid, rng)


def _drawn(sources: Sequence[Source], rng: np.random.Generator) -> Picture:
    shares = np.array([source.share for source in sources])
    source = sources[int(rng.choice(len(sources), p=shares / shares.sum()))]
    return source.pictures[int(rng.integers(len(source.pictures)))]


def _cut(picture: Picture, rng: np.random.Generator) -> tuple[FloatArray, Labels, FloatArray]:
    """A crop at about the working scale, turned and stretched a little; with it, where it lies in the picture."""
    scale = WORKING_DIAMETER_PX / picture.diameter_px * np.exp(np.clip(rng.normal(0, 0.35), -0.9, 0.8))
    stretch = np.exp(rng.normal(0, 0.08))
    angle = rng.uniform(0, 2 * np.pi) if rng.random() < 0.5 else float(rng.integers(4)) * np.pi / 2
    flip = -1.0 if rng.random() < 0.5 else 1.0
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    matrix = turn @ np.diag([flip * stretch, 1 / stretch]) / scale
    height, width = picture.plane.shape
    # The middle of the crop lies where the crop would not leave the picture further than it must.
    reach = np.minimum(0.4 * EDGE_PX / scale, np.array([width, height]) / 2)
    middle = rng.uniform(reach, np.array([width, height]) - reach)
    to_picture = np.column_stack([matrix, middle - matrix @ [EDGE_PX / 2, EDGE_PX / 2]])
    plane = picture.plane
    if scale < 0.9:
        plane = cv2.GaussianBlur(plane, (0, 0), 0.4 / scale)
    size = (EDGE_PX, EDGE_PX)
    how = cv2.WARP_INVERSE_MAP
    cut = cv2.warpAffine(plane, to_picture, size, flags=cv2.INTER_LINEAR | how, borderMode=cv2.BORDER_REFLECT_101)
    labels = cv2.warpAffine(picture.labels.astype(np.float32), to_picture, size, flags=cv2.INTER_NEAREST | how)
    valid = cv2.warpAffine(np.ones_like(picture.plane), to_picture, size, flags=cv2.INTER_NEAREST | how)
    return np.asarray(cut, np.float32), labels.astype(np.int32), np.asarray(valid, np.float32)


def _on_top(below: Labels, above: Labels) -> Labels:
    """Labels of two layers; what is mostly hidden is no nucleus of its own."""
    shown = np.where(above > 0, 0, below)
    whole, left = (np.bincount(one.ravel(), minlength=int(below.max()) + 1) for one in (below, shown))
    visible = left >= HIDDEN * whole
    joined = np.where(visible[shown], shown, 0)
    return np.where(above > 0, above + int(below.max()), joined).astype(np.int32)


def _finished(plane: FloatArray, labels: Labels, valid: FloatArray, rng: np.random.Generator) -> Crop:
    """The crop with what should be answered."""
    if rng.random() < 0.4:
        # As a small picture would have it, whose levels are its own.
        low, high = np.percentile(plane, [1, 99.8])
        plane = (plane - low) / max(high - low, 0.02)
    numbers, areas = _numbered(labels)
    too_small = areas < SMALLEST_AREA_PX
    weight = valid * np.where((numbers > 0) & too_small[numbers], 0, 1)
    size = np.sqrt(np.pi / 4 * WORKING_DIAMETER_PX**2 / np.maximum(areas, 1))
    emphasis = np.clip(size, 0.5, 2.5)
    emphasis[0] = 1.0
    weight = weight * emphasis[numbers]
    answer = np.stack([(numbers > 0).astype(np.float32), _depth(numbers, len(areas)), *_ways(numbers, areas)])
    return Crop(views(plane, _UNIT), answer.astype(np.float32), weight.astype(np.float32))


def _numbered(labels: Labels) -> tuple[Labels, npt.NDArray[np.int64]]:
    present, numbers = np.unique(labels, return_inverse=True)
    numbers = numbers.reshape(labels.shape) + (0 if present[0] == 0 else 1)
    return numbers.astype(np.int32), np.bincount(numbers.ravel())


def _depth(numbers: Labels, count: int) -> FloatArray:
    """Distance to the outline, relative to the nucleus' largest."""
    inner = numbers > 0
    for axis in (0, 1):
        differs = np.diff(numbers, axis=axis) != 0
        before, after = [slice(None)] * 2, [slice(None)] * 2
        before[axis], after[axis] = slice(None, -1), slice(1, None)
        inner[tuple(before)] &= ~differs
        inner[tuple(after)] &= ~differs
    distance = cv2.distanceTransform(inner.astype(np.uint8), cv2.DIST_L2, 5) + (numbers > 0)
    largest = np.zeros(count, np.float32)
    np.maximum.at(largest, numbers.ravel(), distance.ravel())
    return np.asarray(distance / np.maximum(largest, 1)[numbers], np.float32)


def _ways(numbers: Labels, areas: npt.NDArray[np.int64]) -> tuple[FloatArray, FloatArray]:
    """From each pixel of a nucleus to the nucleus' centroid."""
    y, x = np.mgrid[: numbers.shape[0], : numbers.shape[1]].astype(np.float64)
    ways = []
    for place in (y, x):
        middle = np.bincount(numbers.ravel(), place.ravel()) / np.maximum(areas, 1)
        ways.append(np.where(numbers > 0, (middle[numbers] - place) / WAY_UNIT_PX, 0).astype(np.float32))
    return ways[0], ways[1]
