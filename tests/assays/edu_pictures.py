"""Pictures of nuclei on a loose grid, some positive for a marker: none touch, so that counts are certain."""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

from exoimage.images.image import Image

GROUND = 200.0


def field(
    share: float, *, count: int = 144, seed: int = 0, leak: float = 0.0, size: int = 640, noise: float = 15.0
) -> tuple[Image, npt.NDArray[np.bool_]]:
    """A field of nuclei in 16 bits, DAPI and EdU, and which of them are positive, row by row.

    Parameters
    ----------
    share : float
        Of positive nuclei.
    leak : float
        Share of the nuclear stain that is seen in the marker's channel.
    """
    rng = np.random.default_rng(seed)
    per_row = int(np.ceil(np.sqrt(count)))
    pitch = size / per_row
    positive = rng.permutation(np.arange(count) < round(share * count))
    planes = np.zeros((2, size, size), np.float32)
    for number in range(count):
        y, x = ((place + 0.5 + rng.uniform(-0.12, 0.12)) * pitch for place in divmod(number, per_row))
        axes = tuple(int(v) for v in rng.uniform(0.24, 0.32, 2) * pitch)
        ellipse = ((int(x), int(y)), axes, float(rng.uniform(0, 180)), 0, 360)
        stain = float(rng.lognormal(7.0, 0.25))
        marker = float(rng.lognormal(6.8, 0.4) if positive[number] else rng.lognormal(3.0, 0.3))
        cv2.ellipse(planes[0], *ellipse, stain, -1, cv2.LINE_AA)
        cv2.ellipse(planes[1], *ellipse, marker + leak * stain, -1, cv2.LINE_AA)
    uneven = GROUND + 60.0 * np.linspace(0, 1, size, dtype=np.float32)
    shown = [cv2.GaussianBlur(plane, (0, 0), 1.2) + uneven + rng.normal(0, noise, plane.shape) for plane in planes]
    pixels = np.clip(np.stack(shown, axis=2), 0, 65535).astype(np.uint16)
    return Image(pixels, ("DAPI", "EdU"), pixel_size=0.5, light="emitted"), positive


def changed(image: Image, pixels: npt.NDArray[np.generic], channels: tuple[str, ...] = ("DAPI", "EdU")) -> Image:
    """The same picture with other pixels."""
    return Image(pixels, channels, pixel_size=image.pixel_size, light="emitted")
