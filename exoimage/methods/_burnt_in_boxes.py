"""Boxes of one flat colour on which a label stands."""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

from exoimage.methods._burnt_in_ink import Box, Bytes

FLAT = 12
"""A box's colour may differ by this much in a channel at most, as after JPEG."""

RING = 2
"""Distance in px from a label at which its box is looked for."""

LARGEST_BOX = 0.25
"""Share of the picture's area."""


def label_box(pixels: Bytes, content: Box) -> Box | None:
    """The box of one extreme colour around a label, if there is one.

    Parameters
    ----------
    pixels : (y, x, 3) uint8
    content : Box
        What stands on it.
    """
    ring = _ring(pixels, content, RING)
    if len(ring) < 8:
        return None
    colour = np.median(ring, axis=0)
    off = np.abs(ring - colour).max(axis=1)
    extreme = np.minimum(colour, 255 - colour).max() <= FLAT
    if not extreme or float(np.mean(off <= FLAT)) < 0.85:
        return None
    slack = min(FLAT, 3 + 2 * float(np.percentile(off, 80)))
    reach = 60 + 5 * max(content[1] - content[0], 8)
    top, bottom = max(0, content[0] - reach), min(len(pixels), content[1] + reach)
    found = _flat_rectangle(pixels[top:bottom], (colour, slack), (content[0] - top, content[1] - top, *content[2:]))
    if found is None or (found[0] == 0 < top) or (found[1] == bottom - top < len(pixels) - top):
        return None
    box = found[0] + top, found[1] + top, found[2], found[3]
    if (box[1] - box[0]) * (box[3] - box[2]) > LARGEST_BOX * pixels.shape[0] * pixels.shape[1]:
        return None
    return box


def _ring(pixels: Bytes, box: Box, margin: int) -> npt.NDArray[np.int16]:
    top, bottom, left, right = box[0] - margin, box[1] + margin, box[2] - margin, box[3] + margin
    height, width = pixels.shape[:2]
    columns, rows = slice(max(0, left), right), slice(max(0, top), bottom)
    lines = [pixels[y, columns] for y in (top, bottom - 1) if 0 <= y < height]
    lines += [pixels[rows, x] for x in (left, right - 1) if 0 <= x < width]
    return np.concatenate(lines).astype(np.int16) if lines else np.zeros((0, 3), np.int16)


def _flat_rectangle(window: Bytes, tone: tuple[npt.NDArray[np.float64], float], content: Box) -> Box | None:
    colour, slack = tone
    flat = cv2.inRange(window, np.clip(colour - slack, 0, 255), np.clip(colour + slack, 0, 255))
    flat[max(0, content[0] - RING) : content[1] + RING, max(0, content[2] - RING) : content[3] + RING] = 255
    _, labels = cv2.connectedComponents(flat, connectivity=4)
    own = labels == labels[content[0], content[2]]
    rows, columns = np.flatnonzero(own.any(axis=1)), np.flatnonzero(own.any(axis=0))
    top, bottom, left, right = int(rows[0]), int(rows[-1]) + 1, int(columns[0]), int(columns[-1]) + 1
    contours, _ = cv2.findContours(own.view(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)
    area = max(cv2.contourArea(contour) for contour in contours)
    full = area >= 0.93 * (bottom - top - 1) * (right - left - 1)
    roomy = bottom - top >= content[1] - content[0] + 4 and right - left >= content[3] - content[2] + 4
    return (top, bottom, left, right) if full and roomy else None
