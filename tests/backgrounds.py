"""Fields without a nucleus: what cameras, stages and empty wells give."""

from __future__ import annotations

import cv2
import numpy as np


def random_background(edge: int, seed: int) -> np.ndarray:
    """A field of one to three kinds of structure, none of them a nucleus, in 8 or 16 bits or as floats."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[:edge, :edge] / edge
    kinds = (
        lambda: rng.standard_normal((edge, edge)),
        lambda: rng.poisson(rng.uniform(0.5, 50), (edge, edge)) * 1.0,
        lambda: _clouds(edge, rng.uniform(edge / 8, edge / 2), rng),
        lambda: 4 * (x * rng.normal() + y * rng.normal()),
        lambda: -6 * ((x - rng.uniform()) ** 2 + (y - rng.uniform()) ** 2),
        lambda: np.sin(2 * np.pi * (x * np.cos(a := rng.uniform(0, 6)) + y * np.sin(a)) * rng.uniform(1, edge / 3)),
        lambda: ((np.arange(edge) // rng.integers(1, 6)) % 2)[:, np.newaxis] * np.ones(edge),
        lambda: 20.0 * (rng.random((edge, edge)) < 10 ** rng.uniform(-5, -2)),
        lambda: 2.0 * ((x > rng.uniform()) ^ (y > rng.uniform())),
        lambda: rng.standard_normal(edge)[:, np.newaxis] * np.ones(edge),
    )
    field = np.zeros((edge, edge))
    for index in rng.choice(len(kinds), rng.integers(1, 4), replace=False):
        field += np.exp(rng.normal(0, 1)) * kinds[index]()
    field = (field - field.min()) / max(np.ptp(field), 1e-9)
    depth = rng.integers(3)
    if depth == 0:
        return np.asarray(np.round(field * rng.uniform(3, 255)), np.uint8)
    if depth == 1:
        return np.asarray(np.round(200 + field * rng.uniform(5, 60_000)), np.uint16)
    return np.asarray(field, np.float32)


def _clouds(edge: int, sigma: float, rng: np.random.Generator) -> np.ndarray:
    clouds = cv2.GaussianBlur(rng.standard_normal((edge, edge)), (0, 0), float(sigma))
    return np.asarray(3 * clouds / max(float(clouds.std()), 1e-9))
