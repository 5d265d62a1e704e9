from __future__ import annotations

import numpy as np
import pytest

from exoimage.assays.live_tissue import PATCH, learning, told
from exoimage.assays.looking import decided_on
from exoimage.assays.recipe import Recipe
from exoimage.assays.registry import assay
from exoimage.errors import MeasureError
from exoimage.images.image import Image
from exoimage.methods import synth


@pytest.fixture(scope="module")
def field() -> tuple[Recipe, Image]:
    image = Image(synth.bone_field((300, 400), seed=3).pixels, pixel_size=1.0)
    recipe = assay("he-bone")
    return decided_on(recipe, recipe.observe(image)).recipe, image


def _scribbles(image: Image, number: int = 2) -> np.ndarray:
    scribbles = np.zeros(image.shape, np.int32)
    scribbles[100:110, 20:60] = 1
    scribbles[200:210, 300:340] = number
    return scribbles


def test_the_whole_picture_is_told_apart_the_middle_of_the_view_first(field: tuple[Recipe, Image]) -> None:
    recipe, image = field
    patches = list(learning(recipe, image, _scribbles(image, 3), (290.0, 390.0)))
    assert (patches[0].top, patches[0].left) == (PATCH, PATCH)
    seen = np.zeros(image.shape, np.uint8)
    for patch in patches:
        height, width = patch.classes.shape
        seen[patch.top : patch.top + height, patch.left : patch.left + width] += 1
        assert set(np.unique(patch.classes)) <= {1, 3}  # numbers stay those of the scribbles
    assert (seen == 1).all()


def test_a_class_with_a_dot_is_not_learnt_yet(field: tuple[Recipe, Image]) -> None:
    recipe, image = field
    scribbles = _scribbles(image)
    scribbles[0, :5] = 3
    assert told(scribbles) == (1, 2)
    assert all(patch.classes.max() <= 2 for patch in learning(recipe, image, scribbles))


def test_one_class_or_another_assay_is_refused(field: tuple[Recipe, Image]) -> None:
    recipe, image = field
    with pytest.raises(MeasureError, match="two classes"):
        next(learning(recipe, image, _scribbles(image, 1)))
    with pytest.raises(MeasureError, match="edu is not trained"):
        next(learning(assay("edu"), image, _scribbles(image)))
