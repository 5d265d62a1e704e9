"""How far found objects are those of a truth."""

from __future__ import annotations

import numpy as np


def overlaps(found: np.ndarray, truth: np.ndarray) -> np.ndarray:
    """Intersection over union of each found object with each true one, (found, truth)."""
    together = np.zeros((int(found.max(initial=0)) + 1, int(truth.max(initial=0)) + 1))
    np.add.at(together, (found.ravel(), truth.ravel()), 1)
    union = together.sum(1, keepdims=True) + together.sum(0, keepdims=True) - together
    return (together / np.maximum(union, 1))[1:, 1:]


def matched(found: np.ndarray, truth: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Numbers of the found objects, and of the true ones that they share over half of their union with."""
    one, other = np.nonzero(overlaps(found, truth) > 0.5)
    return one + 1, other + 1


def f1(found: np.ndarray, truth: np.ndarray, least_iou: float = 0.5) -> float:
    """Harmonic mean of precision and recall; the truth's numbers may have gaps."""
    matches = (overlaps(found, truth) > least_iou).sum()
    return 2 * matches / max(1, int(found.max(initial=0)) + len(np.unique(truth[truth > 0])))
