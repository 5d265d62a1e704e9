from __future__ import annotations

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from exoimage.errors import MeasureError
from exoimage.methods import particles, synth
from exoimage.methods.splitting import split_touching


def _pairs(ratio: float, overlap: float = 0.93) -> np.ndarray:
    """Twelve pairs of touching discs in many directions; the second of a pair is `ratio` times as large."""
    canvas = np.zeros((500, 640), np.uint8)
    for k in range(12):
        y, x, radius = 80 + 160 * (k // 4), 80 + 160 * (k % 4), 28
        other, turn = radius * ratio, np.pi / 6 * k
        gap = overlap * (radius + other)
        cv2.circle(canvas, (x, y), radius, 1, -1)
        cv2.circle(canvas, (round(x + gap * np.cos(turn)), round(y + gap * np.sin(turn))), round(other), 1, -1)
    return canvas > 0


@pytest.mark.parametrize("ratio", [1.0, 0.75, 0.6])
@pytest.mark.parametrize("smallest_px", [10, 20, 30])
def test_touching_discs_are_parted_at_any_scale_of_looking(ratio: float, smallest_px: float) -> None:
    mask = _pairs(ratio)
    labels = split_touching(mask, smallest_px)
    assert particles.label(mask).max() == 12
    assert labels.max() == 24
    np.testing.assert_array_equal(labels > 0, mask)
    smaller = np.sort(np.bincount(labels.ravel())[1:])[:12]
    assert smaller == pytest.approx(np.pi * (28 * ratio) ** 2, rel=0.15)


def test_what_is_one_object_stays_one() -> None:
    long = np.zeros((200, 200), np.uint8)
    cv2.ellipse(long, (100, 100), (80, 20), 30, 0, 360, 1, -1)
    assert split_touching(long > 0).max() == 1
    rough = synth.nodule_field((800, 1000), synth.Nodules(fraction=0.2, radius_px=20, separate=True), seed=1).mask
    assert split_touching(rough, 20).max() == pytest.approx(particles.label(rough).max(), rel=0.03)


def test_no_neck_is_narrow_enough_at_neck_0() -> None:
    assert split_touching(_pairs(1.0), neck=0).max() == 12


@pytest.mark.parametrize("mask", [np.zeros((20, 30), bool), np.ones((20, 30), bool), np.ones((1, 1), bool)])
def test_empty_and_full_masks(mask: np.ndarray) -> None:
    assert split_touching(mask).max() == int(mask.any())


def test_wrong_input_is_refused() -> None:
    with pytest.raises(MeasureError, match="bool"):
        split_touching(np.zeros((4, 4), np.uint8))  # type: ignore[arg-type]
    with pytest.raises(MeasureError, match="neck"):
        split_touching(np.zeros((4, 4), bool), neck=1)


@given(hnp.arrays(bool, hnp.array_shapes(min_dims=2, max_dims=2, max_side=40)), st.floats(1, 40))
@settings(max_examples=150, deadline=None)
def test_labels_cover_the_mask_and_refine_its_objects(mask: np.ndarray, smallest_px: float) -> None:
    whole, labels = particles.label(mask), split_touching(mask, smallest_px)
    np.testing.assert_array_equal(labels > 0, mask)
    pairs = np.unique(np.stack([labels[mask], whole[mask]]), axis=1)
    assert len(np.unique(pairs[0])) == pairs.shape[1] == labels.max()
