from __future__ import annotations

import numpy as np
import pytest

from exoimage.errors import MeasureError
from exoimage.methods import pixel_classes


def _textures(seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Two halves of one mean density: even on the left, grainy on the right."""
    rng = np.random.default_rng(seed)
    density = np.full((200, 300, 3), 0.4, np.float32) + rng.normal(0, 0.02, (200, 300, 3)).astype(np.float32)
    density[:, 150:] += rng.choice([-0.15, 0.15], (200, 150, 1)).astype(np.float32)
    truth = np.ones((200, 300), np.uint8)
    truth[:, 150:] = 2
    return density, truth


def _scribbled(truth: np.ndarray) -> np.ndarray:
    scribbles = np.zeros_like(truth)
    scribbles[40:60, 20:130] = truth[40:60, 20:130]
    scribbles[120:140, 170:280] = truth[120:140, 170:280]
    return scribbles


def test_textures_of_one_colour_are_told_apart_on_another_picture() -> None:
    density, truth = _textures(0)
    learnt = pixel_classes.train([(density, _scribbled(truth))], ["even", "grainy"], largest_scale=4)
    other, expected = _textures(1)
    found = learnt.classify(other)
    away = np.abs(np.arange(300) - 150) > 8
    assert (found == expected)[:, away].mean() > 0.99


def test_training_twice_gives_the_same_classes() -> None:
    density, truth = _textures(0)
    one, two = (pixel_classes.train([(density, _scribbled(truth))], ["a", "b"], 2).classify(density) for _ in range(2))
    np.testing.assert_array_equal(one, two)


def test_tiles_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    density, truth = _textures(2)
    learnt = pixel_classes.train([(density, _scribbled(truth))], ["a", "b"], 2)
    whole = learnt.classify(density)
    monkeypatch.setattr(pixel_classes, "TILE", 64)
    assert (learnt.classify(density) == whole).mean() > 0.9999


def test_several_examples_add_up() -> None:
    (first, truth), (second, _) = _textures(3), _textures(4)
    left, right = _scribbled(truth), _scribbled(truth)
    left[:, 150:], right[:, :150] = 0, 0
    learnt = pixel_classes.train([(first, left), (second, right)], ["even", "grainy"], 4)
    assert (learnt.classify(first) == truth).mean() > 0.95


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda s: s[:-1], "do not fit"),
        (lambda s: np.where(s == 2, 3, s), "labels from 0 to 3"),
        (lambda s: np.where(s == 2, 0, s), "0 pixels are scribbled as 'b'"),
    ],
    ids=["another size", "an unknown label", "a missing class"],
)
def test_wrong_scribbles_are_refused(change: object, message: str) -> None:
    density, truth = _textures(0)
    with pytest.raises(MeasureError, match=message):
        pixel_classes.train([(density, change(_scribbled(truth)))], ["a", "b"])  # type: ignore[operator]


def test_one_class_is_none() -> None:
    density, truth = _textures(0)
    with pytest.raises(MeasureError, match="two at least"):
        pixel_classes.train([(density, _scribbled(truth))], ["a"])


def test_only_the_tiles_with_scribbles_are_looked_at_and_nothing_else_changes(monkeypatch: pytest.MonkeyPatch) -> None:
    density, truth = _textures(5)
    scribbles = np.zeros_like(truth)
    scribbles[70:75, 10:40], scribbles[80:85, 170:190], scribbles[198:200, 290:300] = 1, 2, 2
    marked = scribbles > 0
    whole = pixel_classes.features(density, 4)[marked]
    monkeypatch.setattr(pixel_classes, "TILE", 64)
    found = pixel_classes._marked_features(density, marked, 4)
    np.testing.assert_array_equal(found, whole)
