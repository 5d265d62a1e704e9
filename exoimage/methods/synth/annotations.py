"""Marks that people burn into pictures: scale bars with text, panel letters, arrows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import cv2
import numpy as np
import numpy.typing as npt

from exoimage.errors import ImageError


@dataclass(frozen=True, eq=False)
class Annotated:
    """A picture with marks burnt in.

    Parameters
    ----------
    pixels : (y, x, 3) uint8 or uint16
        The picture; the one given is left as it was.
    mask : (y, x) bool
        Every pixel that a mark covers, fully or by its soft edge.
    """

    pixels: npt.NDArray[Any]
    mask: npt.NDArray[np.bool_]


def annotated(
    pixels: npt.NDArray[Any],
    *,
    scale_bar_px: int = 0,
    text: str = "",
    letter: str = "",
    arrow: bool = False,
    colour: Literal["black", "white"] = "black",
) -> Annotated:
    """Burn a scale bar with its text, a panel letter and an arrow into a picture.

    Parameters
    ----------
    pixels : (y, x, 3) uint8 or uint16
    scale_bar_px : int
        Length of a bar at the lower right; 0 for none.
    text : str
        Written above the bar, like ``"200 um"`` (ASCII).
    letter : str
        Written at the upper left.
    arrow : bool
        Draw an arrow in the middle.
    colour : {"black", "white"}

    Returns
    -------
    Annotated

    Raises
    ------
    ImageError
        If the picture has not three channels of uint8 or uint16.

    Examples
    --------
    >>> marked = annotated(np.full((200, 300, 3), 230, np.uint8), scale_bar_px=80, text="100 um", letter="A")
    >>> bool((marked.pixels[~marked.mask] == 230).all()), bool(marked.mask.any())
    (True, True)
    """
    if pixels.ndim != 3 or pixels.shape[2] != 3 or pixels.dtype not in (np.uint8, np.uint16):
        raise ImageError(f"a picture of shape {pixels.shape}, {pixels.dtype}; expected (y, x, 3) uint8 or uint16")
    height, width = pixels.shape[:2]
    ink = np.zeros((height, width), np.uint8)
    size = max(0.35, min(height, width) / 550)
    stroke = max(1, round(2 * size))
    if scale_bar_px:
        right, low = round(0.96 * width), round(0.95 * height)
        cv2.rectangle(ink, (right - scale_bar_px, low - 2 * stroke), (right, low), 255, -1)
        (wide, _), _ = cv2.getTextSize(text, cv2.FONT_HERSHEY_SIMPLEX, size, stroke)
        left = max(0, min(right - (scale_bar_px + wide) // 2, width - wide))
        _write(ink, text, (left, low - 5 * stroke), size, stroke)
    if letter:
        (_, tall), _ = cv2.getTextSize(letter, cv2.FONT_HERSHEY_SIMPLEX, 1.8 * size, 2 * stroke)
        _write(ink, letter, (round(0.03 * width), round(0.03 * height) + tall), 1.8 * size, 2 * stroke)
    if arrow:
        tail, tip = (round(0.55 * width), round(0.42 * height)), (round(0.48 * width), round(0.5 * height))
        cv2.arrowedLine(ink, tail, tip, 255, stroke + 1, cv2.LINE_AA, tipLength=0.35)
    cover = ink[:, :, np.newaxis].astype(np.float32) / 255
    tone = float(np.iinfo(pixels.dtype).max) if colour == "white" else 0.0
    marked = np.rint(pixels * (1 - cover) + tone * cover).astype(pixels.dtype)
    return Annotated(marked, ink > 0)


def _write(ink: npt.NDArray[np.uint8], text: str, at: tuple[int, int], size: float, stroke: int) -> None:
    cv2.putText(ink, text, at, cv2.FONT_HERSHEY_SIMPLEX, size, 255, stroke, cv2.LINE_AA)
