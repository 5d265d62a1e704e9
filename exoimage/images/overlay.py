"""The picture of what was counted: outlines, regions and left-out areas drawn on the image."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from exoimage.images.image import Image
from exoimage.images.writing import reduced

Mask = npt.NDArray[np.bool_]
Rgb = npt.NDArray[np.uint8]
Colour = tuple[int, int, int]
Counted = npt.NDArray[np.bool_] | npt.NDArray[np.integer[Any]]

_COUNTED_ON_BRIGHT: tuple[Colour, ...] = ((0, 225, 255), (120, 255, 0), (255, 240, 0), (255, 0, 220))
_COUNTED_ON_DARK: tuple[Colour, ...] = ((255, 225, 0), (0, 225, 255), (255, 0, 220), (120, 255, 0))
_MARKED: Colour = (255, 30, 30)
_REGION: Colour = (255, 255, 255)
_DARK: Colour = (20, 20, 20)
_HATCH: Colour = (255, 210, 0)
_HATCH_PERIOD = 12
_NAMED_TINTS = {
    "red": (1, 0, 0),
    "green": (0, 1, 0),
    "blue": (0, 0, 1),
    "dapi": (0.25, 0.45, 1),
    "hoechst": (0.25, 0.45, 1),
}
_TINTS = ((0.25, 0.45, 1), (0, 1, 0), (1, 0, 0), (1, 0, 1), (1, 1, 0), (0, 1, 1))
_DARKEST, _BRIGHTEST = 0.5, 99.8  # percentiles shown as black and white


def draw_overlay(
    image: Image,
    *,
    counted: Sequence[Counted] = (),
    regions: Sequence[tuple[str, Mask | None]] = (),
    excluded: Mask | None = None,
    marked: Mask | None = None,
    max_edge: int = 1600,
) -> Rgb:
    """Draw what was counted on the picture it was counted in.

    Parameters
    ----------
    image : Image
        8-bit colour is shown as it is; deeper pictures and emitted light are stretched for display, channels
        tinted and added.
    counted : sequence of (y, x) bool or integer arrays, optional
        What was counted: masks, or labels whose touching objects are outlined one by one. Each in a colour of its own:
        cyan, green, yellow, magenta on bright field; yellow, cyan, magenta, green on dark. Small objects survive
        reduction.
    regions : sequence of (name, (y, x) bool array or None), optional
        Regions of interest, outlined and named; None is the whole image, of which only a name is drawn.
    excluded : (y, x) bool array, optional
        What was left out (burnt-in scale bars); hatched.
    marked : (y, x) bool array, optional
        What is to be seen at once (saturated pixels); filled with red.
    max_edge : int, optional
        Longer edge of the drawing in px; larger images are reduced first.

    Returns
    -------
    (y, x, 3) array of uint8
        Red, green, blue; a new array.
    """
    canvas = displayed(image, max_edge)
    size = canvas.shape[1], canvas.shape[0]
    if excluded is not None and excluded.any():
        _hatch(canvas, _sampled_mask(excluded, size))
    if marked is not None and marked.any():
        _paint(canvas, _reduced_mask(marked, max_edge) > 0, _MARKED)
    colours = _COUNTED_ON_BRIGHT if image.light == "absorbed" else _COUNTED_ON_DARK
    for number, objects in enumerate(counted):
        _paint(canvas, _rim(objects, max_edge), colours[number % len(colours)])
    for number, (name, region) in enumerate(regions, start=1):
        _draw_region(canvas, _printable(name, number), None if region is None else _sampled_mask(region, size))
    return canvas


def displayed(image: Image, max_edge: int) -> Rgb:
    """Reduce a picture and give it as 8-bit colour for looking at, never for measuring."""
    small = reduced(image.pixels, max_edge)
    small = small[:, :, np.newaxis] if small.ndim == 2 else small
    if image.light == "absorbed" and small.dtype == np.uint8 and small.shape[2] in (1, 3):
        return np.array(np.broadcast_to(small, (*small.shape[:2], 3)))
    if image.light == "absorbed" and small.shape[2] == 3:
        return _stretched(small, 0.0, float(np.percentile(small[::4, ::4], _BRIGHTEST)))
    return _tinted(small, image.channels)


def _tinted(pixels: npt.NDArray[Any], names: Sequence[str]) -> Rgb:
    """Add the channels up, each stretched and in a colour of its own; a single one is grey."""
    if pixels.shape[2] == 1:
        return np.repeat(_auto_stretched(pixels), 3, axis=2)
    total = np.zeros((*pixels.shape[:2], 3), np.float32)
    for number, name in enumerate(names):
        tint = _NAMED_TINTS.get(name.casefold(), _TINTS[number % len(_TINTS)])
        total += _auto_stretched(pixels[:, :, number : number + 1]) * np.array(tint, np.float32)
    return np.minimum(total, 255).astype(np.uint8)


def _auto_stretched(plane: npt.NDArray[Any]) -> Rgb:
    low, high = np.percentile(plane[::4, ::4], (_DARKEST, _BRIGHTEST))
    return _stretched(plane, float(low), float(high))


def _stretched(pixels: npt.NDArray[Any], low: float, high: float) -> Rgb:
    scale = 255.0 / (high - low) if high > low else 0.0
    shown: Rgb = np.clip((pixels.astype(np.float32) - low) * scale, 0, 255).astype(np.uint8)
    return shown


def _reduced_mask(mask: Mask, max_edge: int) -> npt.NDArray[np.uint8]:
    """Give the mask at the drawing's size as 0 and 1, set where an eighth of a drawn pixel is."""
    full = np.ascontiguousarray(mask).view(np.uint8)
    if max(mask.shape) <= max_edge:
        return full
    shares = reduced(full * np.uint8(255), max_edge)
    return (shares >= 32).astype(np.uint8)


def _sampled_mask(mask: Mask, size: tuple[int, int]) -> npt.NDArray[np.uint8]:
    """Give a mask of large areas at the drawing's size; quicker than `_reduced_mask`."""
    full = np.ascontiguousarray(mask).view(np.uint8)
    return np.asarray(cv2.resize(full, size, interpolation=cv2.INTER_NEAREST), np.uint8)


def _rim(objects: Counted, max_edge: int) -> Mask:
    """The outlines of a mask, or of each labelled object, at the drawing's size."""
    if objects.dtype == np.bool_:
        return _outline(_reduced_mask(np.asarray(objects, np.bool_), max_edge))
    rim = np.zeros(objects.shape, np.bool_)
    below, right = objects[1:] != objects[:-1], objects[:, 1:] != objects[:, :-1]
    rim[1:] |= below
    rim[:-1] |= below
    rim[:, 1:] |= right
    rim[:, :-1] |= right
    return _reduced_mask(rim & (objects != 0), max_edge) > 0


def _outline(mask: npt.NDArray[np.uint8]) -> Mask:
    """Mark the rim within the mask; objects too thin to have an inside are all rim."""
    inside = cv2.erode(mask, np.ones((3, 3), np.uint8), borderType=cv2.BORDER_CONSTANT, borderValue=1)
    rim: Mask = mask != inside
    return rim


def _hatch(canvas: Rgb, mask: npt.NDArray[np.uint8]) -> None:
    x, y, width, height = cv2.boundingRect(mask)
    within = mask[y : y + height, x : x + width]
    diagonal = np.arange(height)[:, np.newaxis] + np.arange(width)
    phase = diagonal % _HATCH_PERIOD
    area = canvas[y : y + height, x : x + width]
    area[(phase < 3) & (within > 0)] = _DARK
    area[((phase >= 3) & (phase < 6) & (within > 0)) | _outline(within)] = _HATCH


def _paint(canvas: Rgb, where: Mask, colour: Colour) -> None:
    # Numbers of the pixels rather than their mask: sparse outlines are drawn ten times as fast.
    canvas.reshape(-1, 3)[np.flatnonzero(where)] = colour


def _draw_region(canvas: Rgb, name: str, mask: npt.NDArray[np.uint8] | None) -> None:
    corner = (0, 0)
    if mask is not None:
        contours, _ = cv2.findContours(mask, cv2.RETR_CCOMP, cv2.CHAIN_APPROX_SIMPLE)
        cv2.drawContours(canvas, contours, -1, _DARK, 3)
        cv2.drawContours(canvas, contours, -1, _REGION, 1)
        if contours:
            x, y, _, _ = cv2.boundingRect(max(contours, key=cv2.contourArea))
            corner = (x, y)
    _write(canvas, name, corner)


def _write(canvas: Rgb, text: str, corner: tuple[int, int]) -> None:
    """Write white on dark, just within the corner and never beyond the picture."""
    if not text:
        return
    scale = max(0.4, max(canvas.shape[:2]) / 2000)
    (width, height), below = cv2.getTextSize(text, cv2.FONT_HERSHEY_SIMPLEX, scale, 1)
    x = max(0, min(corner[0] + 4, canvas.shape[1] - width - 8))
    y = max(0, min(corner[1] + 4, canvas.shape[0] - height - below - 8))
    cv2.rectangle(canvas, (x, y), (x + width + 6, y + height + below + 4), _DARK, cv2.FILLED)
    cv2.putText(canvas, text, (x + 3, y + height + 2), cv2.FONT_HERSHEY_SIMPLEX, scale, _REGION, 1, cv2.LINE_AA)


def _printable(name: str, number: int) -> str:
    """Spell a name in ASCII, which is all that OpenCV's font has; a name without any becomes its number."""
    plain = unicodedata.normalize("NFKD", name.replace("µ", "u").replace("μ", "u").replace("ß", "ss"))
    text = "".join(sign for sign in plain if " " <= sign <= "~").strip()
    return text if text or not name else f"#{number}"
