"""The overlay shows what was counted, where it was counted, and changes nothing."""

from __future__ import annotations

import numpy as np
import pytest

from exoimage.images.image import Image
from exoimage.images.overlay import displayed, draw_overlay

CYAN, YELLOW = (0, 225, 255), (255, 225, 0)


def square(size, low, high):
    mask = np.zeros((size, size), bool)
    mask[low:high, low:high] = True
    return mask


def test_without_marks_the_picture_is_shown_as_it_is():
    pixels = np.random.default_rng(1).integers(0, 256, (40, 50, 3), dtype=np.uint8)
    drawn = draw_overlay(Image(pixels))
    np.testing.assert_array_equal(drawn, pixels)
    drawn[:] = 0
    assert pixels.any()


@pytest.mark.parametrize(("light", "colour"), [("absorbed", CYAN), ("emitted", YELLOW)])
def test_the_rim_of_the_mask_is_drawn_within_it(light, colour):
    image = Image(np.full((60, 60, 3 if light == "absorbed" else 1), 128, np.uint8), light=light)
    mask = square(60, 20, 40)
    drawn = draw_overlay(image, counted=[mask])
    painted = (drawn == colour).all(axis=2)
    np.testing.assert_array_equal(painted, mask & ~square(60, 21, 39))


def test_small_objects_survive_the_reduction():
    mask = np.zeros((3000, 3000), bool)
    places = np.random.default_rng(2).integers(5, 2990, (50, 2))
    for y, x in places:
        mask[y : y + 3, x : x + 3] = True
    drawn = draw_overlay(Image(np.full((3000, 3000, 3), 240, np.uint8)), counted=[mask])
    assert drawn.shape == (1500, 1500, 3)
    painted = (drawn == CYAN).all(axis=2)
    for y, x in ((places + 1) * 1500 / 3000).astype(int):
        assert painted[y - 1 : y + 3, x - 1 : x + 3].any()


def test_a_mask_at_the_edge_is_outlined_without_the_edge():
    mask = np.ones((30, 30), bool)
    assert not (draw_overlay(Image(np.zeros((30, 30, 3), np.uint8)), counted=[mask]) == CYAN).all(axis=2).any()


def test_regions_are_outlined_and_named():
    image = Image(np.full((200, 200, 3), 128, np.uint8))
    bare = draw_overlay(image, regions=[("", square(200, 50, 150))])
    named = draw_overlay(image, regions=[("well A1 µ", square(200, 50, 150))])
    whole = draw_overlay(image, regions=[("field", None)])
    assert (bare[50, 60:140] == 255).all()
    assert (named[55:75, 55:120] != bare[55:75, 55:120]).any()
    assert (whole[:20, :40] != 128).any()
    assert (whole[100:] == 128).all()


def test_left_out_areas_are_hatched():
    mask = square(100, 20, 60)
    drawn = draw_overlay(Image(np.full((100, 100, 3), 128, np.uint8)), excluded=mask)
    changed = (drawn != 128).any(axis=2)
    assert not (changed & ~mask).any()
    assert 0.4 < changed[mask].mean() < 0.7


def test_empty_masks_draw_nothing():
    image = Image(np.full((30, 30, 3), 128, np.uint8))
    nothing = np.zeros((30, 30), bool)
    drawn = draw_overlay(image, counted=[nothing], excluded=nothing, regions=[("", nothing)])
    np.testing.assert_array_equal(drawn[10:], image.pixels[10:])


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32])
@pytest.mark.parametrize("light", ["absorbed", "emitted"])
@pytest.mark.parametrize("channels", [1, 2, 3, 5])
def test_every_kind_of_image_is_shown(dtype, light, channels):
    ramp = np.linspace(0, 1, 64 * 64).reshape(64, 64, 1) * (1 if dtype == np.float32 else 200)
    image = Image(np.repeat(ramp, channels, axis=2).astype(dtype), light=light)
    shown = displayed(image, 1600)
    assert (shown.shape, shown.dtype) == ((64, 64, 3), np.uint8)
    assert shown.max() > 150


@pytest.mark.parametrize("dtype", [np.uint16, np.float32])
def test_a_constant_image_is_shown(dtype):
    for light in ("absorbed", "emitted"):
        assert displayed(Image(np.ones((9, 9, 3), dtype), light=light), 1600).shape == (9, 9, 3)


def test_dim_fluorescence_is_stretched():
    pixels = np.full((100, 100), 300, np.uint16)
    pixels[40:60, 40:60] = 900
    shown = displayed(Image(pixels, light="emitted"), 1600)
    assert shown[50, 50].min() >= 250
    assert shown[5, 5].max() <= 5


def test_touching_labelled_objects_are_outlined_one_by_one_and_each_kind_in_its_colour() -> None:
    labels = np.zeros((40, 60), np.int32)
    labels[10:30, 10:30], labels[10:30, 30:50] = 1, 2
    other = np.zeros((40, 60), bool)
    other[33:38, 5:55] = True
    drawn = draw_overlay(Image(np.full((40, 60, 3), 240, np.uint8)), counted=[labels, other])
    rim = (drawn == CYAN).all(axis=2)
    assert rim[20, [10, 29, 30, 49]].all()
    assert not rim[20, 15:25].any()
    assert not (draw_overlay(Image(np.full((40, 60, 3), 240, np.uint8)), counted=[labels > 0])[20, 29] == CYAN).all()
    kinds = {tuple(colour) for colour in drawn.reshape(-1, 3).tolist()}
    assert len(kinds) == 3
