"""Runs the nuclei network over a plane, in one piece or in tiles: the answer is the same."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import lru_cache
from importlib import resources
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from exoimage.methods.network_views import Levels, views

Floats = npt.NDArray[np.float32]

WEIGHTS = "nuclei_network.onnx"
"""File of the network beside this module; `training/nuclei` made it."""

STRIDE = 8
"""The network halves the resolution three times."""

REACH_PX = 64
"""A pixel further away than this, a multiple of the stride, cannot change an answer: the sum of the layers' reaches is
60."""

RIM_PX = 32
"""The plane is continued by its mirror image so far: nuclei at its edge are seen as whole ones."""

TILE_PX = 1024
"""Largest edge of what is answered at once: 300 MB of memory, and no speed to be gained by more."""

_FACTOR = 2  # the network answers for blocks of 2 × 2 pixels at once


@dataclass(frozen=True, eq=False)
class Maps:
    """What the network says of each pixel.

    Parameters
    ----------
    foreground : (y, x) float32 array
        Logarithm of the odds that it belongs to a nucleus.
    depth : (y, x) float32 array
        0 at a nucleus' outline to 1 in its middle.
    way : (2, y, x) float32 array
        Where the middle of the nucleus lies from here (y, x), in typical radii.
    """

    foreground: Floats
    depth: Floats
    way: Floats


@lru_cache(maxsize=1)
def weights() -> bytes:
    """The network's file."""
    return resources.files("exoimage.methods").joinpath(WEIGHTS).read_bytes()


def weights_sha256() -> str:
    """What the network is known by in a study's records.

    Examples
    --------
    >>> len(weights_sha256())
    64
    """
    return hashlib.sha256(weights()).hexdigest()


def maps_of(plane: npt.NDArray[Any], levels: Levels, *, tile_px: int = TILE_PX) -> Maps:
    """What the network says of a plane.

    Parameters
    ----------
    plane : (y, x) array
        At the scale at which typical nuclei have `network_views.WORKING_DIAMETER_PX`.
    levels : Levels
        What is shown as 0 and 1.
    tile_px : int
        Largest edge of a tile, without the margin in which it overlaps others.

    Returns
    -------
    Maps
        Of the plane's shape.

    Examples
    --------
    >>> y, x = np.mgrid[:60, :60]
    >>> disc = np.exp(-(((y - 30) ** 2 + (x - 30) ** 2) / 100.0) ** 4)
    >>> said = maps_of(disc, Levels(0, 1)).foreground
    >>> bool(said[30, 30] > 0 > said[5, 5])
    True
    """
    # Each call has a network of its own: OpenCV's keep what they were last shown.
    network = cv2.dnn.readNetFromONNX(np.frombuffer(weights(), np.uint8))
    height, width = plane.shape
    shown = _framed(views(plane, levels))
    answer = np.empty((4, *shown.shape[1:]), np.float32)
    for rows in _spans(shown.shape[1], tile_px):
        for columns in _spans(shown.shape[2], tile_px):
            _answer_tile(network, shown, rows, columns, answer)
    inner = np.ascontiguousarray(answer[:, RIM_PX : RIM_PX + height, RIM_PX : RIM_PX + width])
    return Maps(inner[0], inner[1], inner[2:])


def _framed(shown: Floats) -> Floats:
    """The views, continued at all sides, to a multiple of the stride."""
    low, right = (RIM_PX + -(edge + 2 * RIM_PX) % STRIDE for edge in shown.shape[1:])
    return np.stack([cv2.copyMakeBorder(one, RIM_PX, low, RIM_PX, right, cv2.BORDER_REFLECT_101) for one in shown])


def _spans(edge: int, most: int) -> list[slice]:
    """An edge in equal parts whose bounds the stride divides."""
    count = -(-edge // most)
    step = -(-edge // (count * STRIDE)) * STRIDE
    return [slice(start, min(start + step, edge)) for start in range(0, edge, step)]


def _answer_tile(network: Any, shown: Floats, rows: slice, columns: slice, answer: Floats) -> None:
    """Fill in what the network says of one tile, which it sees with what is around."""
    around = [slice(max(0, part.start - REACH_PX), part.stop + REACH_PX) for part in (rows, columns)]
    network.setInput(np.ascontiguousarray(shown[np.newaxis, :, around[0], around[1]]))
    blocks = np.asarray(network.forward())[0]
    _, height, width = blocks.shape
    pixels = blocks.reshape(4, _FACTOR, _FACTOR, height, width).transpose(0, 3, 1, 4, 2)
    pixels = pixels.reshape(4, _FACTOR * height, _FACTOR * width)
    own = [
        slice(part.start - seen.start, part.stop - seen.start)
        for part, seen in zip((rows, columns), around, strict=True)
    ]
    answer[:, rows, columns] = pixels[:, own[0], own[1]]
