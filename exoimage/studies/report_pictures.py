"""The pictures of a report: as large as so many may be in one file that is sent by mail."""

from __future__ import annotations

import base64
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

import cv2
import numpy as np
import numpy.typing as npt

from exoimage.studies.panel import read_jpeg
from exoimage.studies.store import Store

PAGE_BYTES = 10_000_000
"""Of all pictures of a page in Base64, about: 60 images and the figures stay below 15 MB."""

MOST_BYTES = 90_000
"""Of one picture; more is not seen."""

SIZES = ((800, 80), (800, 65), (640, 70), (640, 55), (480, 60), (400, 55), (320, 50), (240, 45), (160, 40))
"""Longer edge in px and JPEG quality, from the best down."""

_OF_BASE64 = 3 / 4


@dataclass(frozen=True)
class Shown:
    """A picture and the same with what was counted, as a page's addresses.

    Parameters
    ----------
    original, overlay : str
        Data URIs, or paths relative to the page; empty where there is none.
    width, height : int
        px.
    """

    original: str = ""
    overlay: str = ""
    width: int = 0
    height: int = 0


def embedded(store: Store, slug: str, n_pictures: int) -> Shown:
    """The pictures of one image within the page.

    Parameters
    ----------
    store : Store
    slug : str
    n_pictures : int
        Images on the page, which share its bytes.
    """
    preview, overlay = store.preview_path(slug), store.overlay_path(slug)
    try:
        original, counted = read_jpeg(preview), read_jpeg(overlay)
    except OSError:
        return Shown()
    height, width = original.shape[:2]
    # The same size to the pixel: the two lie on each other.
    counted = np.asarray(cv2.resize(counted, (width, height), interpolation=cv2.INTER_AREA), np.uint8)
    budget = min(MOST_BYTES, int(PAGE_BYTES * _OF_BASE64 / (2 * max(1, n_pictures))))
    return Shown(_uri(original, budget), _uri(counted, budget), width, height)


def linked(store: Store, slug: str, shape: tuple[int, ...] = (3, 4)) -> Shown:
    """The addresses of the pictures beside the page."""
    if not (store.preview_path(slug).is_file() and store.overlay_path(slug).is_file()):
        return Shown()
    height, width = shape
    name = quote(f"{slug}.jpg")
    return Shown(f"records/{name}", f"overlays/{name}", width, height)


def as_jpeg_uri(path: Path, quality: int = 88) -> str:
    """A drawn figure with photographs as a JPEG data URI: a quarter of its PNG."""
    picture = cv2.imdecode(np.frombuffer(path.read_bytes(), np.uint8), cv2.IMREAD_COLOR)
    done, data = cv2.imencode(".jpg", np.asarray(picture), [cv2.IMWRITE_JPEG_QUALITY, quality])
    return data_uri("image/jpeg", data.tobytes()) if done else ""


def data_uri(kind: str, data: bytes) -> str:
    """Bytes as an address that holds them."""
    return f"data:{kind};base64,{base64.b64encode(data).decode()}"


def _uri(picture: npt.NDArray[np.uint8], budget: int) -> str:
    return data_uri("image/jpeg", _encoded(picture, budget))


def _encoded(picture: npt.NDArray[np.uint8], budget: int) -> bytes:
    """The best of `SIZES` that fits; the last one if none does."""
    bgr = cv2.cvtColor(picture, cv2.COLOR_RGB2BGR)
    longest = max(bgr.shape[:2])
    data = b""
    for edge, quality in SIZES:
        scale = min(1.0, edge / longest)
        # Less than a twentieth of a byte per pixel is no picture at any quality: a smaller size is tried at once.
        if scale * scale * bgr.shape[0] * bgr.shape[1] * 0.05 > budget and (edge, quality) != SIZES[-1]:
            continue
        size = max(1, round(bgr.shape[1] * scale)), max(1, round(bgr.shape[0] * scale))
        small = cv2.resize(bgr, size, interpolation=cv2.INTER_AREA) if scale < 1 else bgr
        done, encoded = cv2.imencode(".jpg", small, [cv2.IMWRITE_JPEG_QUALITY, quality])
        data = encoded.tobytes() if done else b""
        if len(data) <= budget:
            break
    return data
