from __future__ import annotations

import cv2
import numpy as np
import pytest
import skimage.data
from support import ROOT, real_folder

import exoimage as xi
from exoimage.flags import Flag
from exoimage.images.image import Image
from exoimage.methods import quality, synth


def _field(seed: int = 0) -> np.ndarray:
    return synth.nodule_field((320, 400), synth.Nodules(fraction=0.2, radius_px=12), seed=seed).pixels


@pytest.mark.parametrize("sigma", [3, 5, 7])
@pytest.mark.parametrize("noise", [0, 3])
def test_the_blur_of_an_edge_is_measured(sigma: float, noise: float) -> None:
    step = np.full((192, 192, 3), 220, np.float32)
    cv2.circle(step, (96, 96), 60, (90, 60, 140), -1)
    blurred = cv2.GaussianBlur(step, (0, 0), sigma) + np.random.default_rng(0).normal(0, noise, step.shape)
    assert quality.edge_blur_px(blurred) == pytest.approx(sigma, rel=0.25)


def test_a_picture_without_edges_is_not_out_of_focus() -> None:
    assert quality.edge_blur_px(np.full((100, 100, 3), 7, np.uint8)) == 0
    assert not quality.is_out_of_focus(np.random.default_rng(0).normal(200, 3, (100, 100, 3)))
    assert quality.edge_blur_px(np.zeros((5, 5, 3), np.uint8)) == 0


@pytest.mark.parametrize("pixels", [_field(), skimage.data.immunohistochemistry()], ids=["synthetic", "histology"])
def test_sharp_pictures_are_in_focus_and_blurred_ones_are_not(pixels: np.ndarray) -> None:
    assert not quality.is_out_of_focus(pixels)
    assert quality.is_out_of_focus(cv2.GaussianBlur(pixels, (0, 0), 6))


def test_a_blurred_field_is_flagged_and_a_sharp_one_is_not() -> None:
    recipe = xi.assay("alizarin-red")
    assert Flag.OUT_OF_FOCUS not in recipe.measure(Image(_field())).flags
    assert Flag.OUT_OF_FOCUS in recipe.measure(Image(cv2.GaussianBlur(_field(), (0, 0), 6))).flags


def _fluorescence() -> np.ndarray:
    pixels = np.zeros((300, 300, 3), np.uint8)
    for y, x in np.random.default_rng(0).integers(20, 280, (30, 2)):
        cv2.circle(pixels, (int(x), int(y)), 9, (20, 40, 220), -1)
    return pixels


@pytest.mark.parametrize(
    ("pixels", "is_wrong"),
    [
        (_field(), False),
        (skimage.data.immunohistochemistry(), False),
        (255 - _field(), True),
        (_fluorescence(), True),
        (np.zeros((60, 60, 3), np.uint8), True),
        (np.full((60, 60, 3), 255, np.uint8), False),
    ],
    ids=["synthetic", "histology", "inverted", "fluorescence", "black", "white"],
)
def test_what_is_no_transmitted_light_is_told(pixels: np.ndarray, is_wrong: bool) -> None:
    result = xi.assay("alizarin-red").measure(Image(pixels))
    assert (Flag.WRONG_LIGHT in result.flags) is is_wrong


def test_black_nodules_on_a_bright_ground_are_transmitted_light() -> None:
    pixels = np.full((300, 300, 3), (235, 205, 214), np.uint8)
    pixels[:, :130] = 8
    assert quality.wrong_light_flags(pixels.reshape(-1, 3), 255) == ()


@pytest.mark.parametrize(("rows", "columns", "shape"), [(1, 1, (600, 800)), (2, 3, (600, 900)), (1, 2, (600, 1200))])
def test_wells_given_as_a_field_are_told(rows: int, columns: int, shape: tuple[int, int]) -> None:
    plate = synth.plate_photo(rows, columns, tuple(np.linspace(0.05, 0.4, rows * columns)), shape=shape, seed=1)
    image = Image(plate.pixels)
    assert Flag.WELL_PHOTO in xi.assay("alizarin-red").measure(image).flags
    region = {"method": "wells", "rows": rows, "columns": columns}
    assert Flag.WELL_PHOTO not in xi.assay("alizarin-red", region=region).measure(image).flags


def test_no_demo_field_is_taken_for_a_photo_of_wells() -> None:
    fields = sorted((ROOT / "test_images").glob("*/images/*_1_1.*"))
    assert len(fields) > 10
    colour = [image for image in map(xi.read, fields) if image.light == "absorbed"]
    assert not any(quality.shows_wells(image.pixels) for image in colour)


@pytest.mark.real
def test_no_real_section_is_taken_for_a_photo_of_wells() -> None:
    folders = ("histology_he", "histology_liverquant", "ihc", "ihc_deepliif", "dab_area", "alizarin_zebrafish")
    files = [path for folder in folders for path in sorted((real_folder() / folder).iterdir())]
    images = [image for image in map(xi.read, files) if image.light == "absorbed"]
    assert len(images) > 10
    assert not any(quality.shows_wells(image.pixels) for image in images)
