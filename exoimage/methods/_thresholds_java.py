"""Java's integers, and what sets ImageJ's versions apart."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Counts = npt.NDArray[np.int64]

INT_MAX, INT_MIN = 2**31 - 1, -(2**31)


@dataclass(frozen=True)
class Dialect:
    """What sets one version of ImageJ apart from another, and from wide integers.

    Parameters
    ----------
    modern : bool
        As ImageJ 1.54g and later; else as 1.53t.
    overflows : bool
        Whether 32-bit integers overflow as they do in Java. Without, the same algorithm in wide integers.
    """

    modern: bool
    overflows: bool = True

    def narrow(self, values: Counts) -> Counts:
        """Integers as Java's 32-bit ones hold them."""
        return values.astype(np.int32).astype(np.int64) if self.overflows else values

    def running(self, values: Counts) -> Counts:
        """Cumulative sum in an int variable."""
        return self.narrow(np.cumsum(self.narrow(values)))


def java_int(value: float) -> int:
    """Java's cast of a double to int: towards zero, saturating, NaN to 0."""
    if math.isnan(value):
        return 0
    return int(min(max(value, INT_MIN), INT_MAX))


def java_round(value: float) -> int:
    """Java's `(int) Math.round(value)`."""
    return 0 if math.isnan(value) else java_int(math.floor(value + 0.5)) if math.isfinite(value) else java_int(value)


def wrapped(value: int) -> int:
    """Keep the low 32 bits of an integer, with their sign."""
    return (value - INT_MIN) % 2**32 + INT_MIN
