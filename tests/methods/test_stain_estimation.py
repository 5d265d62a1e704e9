from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from exoimage.errors import MeasureError
from exoimage.methods import stains
from exoimage.methods.density import White
from exoimage.methods.stain_estimation import estimate_two_stains

WHITE = White((240.0, 238.0, 232.0))
SETS = ("H&E", "H DAB", "Masson blue", "Masson green", "Goldner")


def _pixels(vectors: np.ndarray, rng: np.random.Generator, *, count: int = 12_000, noise: float = 2.0) -> np.ndarray:
    amounts = rng.dirichlet([0.4] * len(vectors), count) * rng.uniform(0, 1.4, (count, 1))
    values = np.array(WHITE.rgb) * 10 ** -(amounts @ vectors) + rng.normal(0, noise, (count, 3))
    return np.clip(np.rint(values), 0, 255).astype(np.uint8)


def _turned(vectors: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    turned = np.maximum(vectors + rng.normal(0, 0.05, vectors.shape), 0.01)
    return turned / np.linalg.norm(turned, axis=1, keepdims=True)


@given(st.sampled_from(SETS), st.integers(0, 10_000))
@settings(max_examples=25, deadline=None)
def test_known_vectors_come_back_within_3_degrees(name: str, seed: int) -> None:
    rng = np.random.default_rng(seed)
    like = stains.preset(name)
    vectors = _turned(like.matrix[:2], rng)
    found = estimate_two_stains(_pixels(vectors, rng), WHITE, like)
    for estimate, truth, known, said in zip(found.vectors, vectors, like.vectors, found.angles_deg, strict=False):
        assert stains.angle_deg(estimate, truth) < 3
        assert said == pytest.approx(stains.angle_deg(estimate, known))
    assert found.in_plane > 0.9


@pytest.mark.parametrize("name", SETS)
@pytest.mark.parametrize("which", [0, 1])
def test_one_stain_only_is_refused(name: str, which: int) -> None:
    like = stains.preset(name)
    with pytest.raises(MeasureError, match=r"one stain|colours of"):
        estimate_two_stains(_pixels(like.matrix[[which]], np.random.default_rng(0)), WHITE, like)


def test_a_third_stain_of_its_own_is_left_out() -> None:
    rng = np.random.default_rng(1)
    like = stains.preset("H DAB")
    ink = _pixels(np.array([[0.99, 0.05, 0.1]]), rng, count=2000)
    found = estimate_two_stains(np.concatenate([_pixels(like.matrix[:2], rng), ink]), WHITE, like)
    assert max(found.angles_deg) < 3


def test_pictures_without_stain_are_refused() -> None:
    noise = np.random.default_rng(0).normal(238, 2, (5000, 3)).clip(0, 255).astype(np.uint8)
    with pytest.raises(MeasureError, match="needs 500"):
        estimate_two_stains(noise, WHITE, stains.preset("H&E"))
    with pytest.raises(MeasureError, match="only 0"):
        estimate_two_stains(np.empty((0, 3)), WHITE, stains.preset("H&E"))
