"""What ImageJ's process steps take: two-dimensional images of three types, with channels or without."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from exoimage.errors import MeasureError

_TYPES = tuple(np.dtype(kind) for kind in (np.uint8, np.uint16, np.float32))


def checked_image(image: npt.NDArray[Any], step: str, channels: bool = True) -> npt.NDArray[Any]:
    """The image as an array.

    Raises
    ------
    MeasureError
        If it is not (y, x), or (y, x, channel) where channels may be, of uint8, uint16 or finite float32.
    """
    image = np.asarray(image)
    if image.ndim not in ((2, 3) if channels else (2,)):
        wanted = "(y, x) or (y, x, channel)" if channels else "(y, x)"
        raise MeasureError(f"{step}: the image is a {wanted} array, not one of shape {image.shape}")
    if image.dtype not in _TYPES:
        raise MeasureError(f"{step}: the image is uint8, uint16 or float32, not {image.dtype}: convert it first")
    if image.dtype == np.float32 and not np.isfinite(image).all():
        raise MeasureError(f"{step}: the image has values that are not finite: replace them first")
    return image


def checked_mask(mask: npt.NDArray[Any]) -> npt.NDArray[np.bool_]:
    """The mask as an array.

    Raises
    ------
    MeasureError
        If it is not a (y, x) array of bool.
    """
    mask = np.asarray(mask)
    if mask.dtype != np.bool_ or mask.ndim != 2:
        raise MeasureError(f"a mask is a (y, x) array of bool, not {mask.dtype} of shape {mask.shape}")
    return mask
