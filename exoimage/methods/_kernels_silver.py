"""Compiled loop of black deposits; `exoimage.methods.silver` alone calls it and checks the input."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from numba import njit


@njit(cache=True, nogil=True)
def neutral_density(
    codes: npt.NDArray[Any], tables: npt.NDArray[np.float32], most_colour: np.float32, out: npt.NDArray[np.float32]
) -> None:
    """Per pixel the least of the three channels' densities, 0 where they differ by more than a share of the largest."""
    for y in range(out.shape[0]):
        for x in range(out.shape[1]):
            red = tables[0, codes[y, x, 0]]
            green = tables[1, codes[y, x, 1]]
            blue = tables[2, codes[y, x, 2]]
            least, most = min(red, min(green, blue)), max(red, max(green, blue))
            out[y, x] = least if most - least <= most_colour * most else min(least, np.float32(0.0))
