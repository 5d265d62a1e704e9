"""Burnt-in annotations (being written)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt


@dataclass(frozen=True, eq=False)
class BurntIn:
    """Found graphics."""

    mask: npt.NDArray[np.bool_]
    kinds: tuple[str, ...]


def find_burnt_in(pixels: npt.NDArray[Any], max_value: float) -> BurntIn:
    """Find nothing yet."""
    return BurntIn(np.zeros(pixels.shape[:2], np.bool_), ())
