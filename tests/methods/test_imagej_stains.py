from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from exoimage.errors import MeasureError
from exoimage.methods.imagej_stains import (
    IMAGEJ_VECTORS,
    deconvolve_imagej,
    imagej_matrix,
    imagej_stain_histogram,
)

RANDOM = np.random.default_rng(5).integers(0, 256, (31, 17, 3), dtype=np.uint8)


def by_the_formula(rgb: np.ndarray, matrix: np.ndarray, offset: int) -> np.ndarray:
    """8-bit transmittance from the matrix, pixel by pixel with logarithms: no tables."""
    values = rgb.astype(np.float64) + 1 if offset else np.maximum(rgb, 1).astype(np.float64)
    amounts = -np.log(values / 255) @ np.linalg.inv(matrix)
    return np.floor(np.minimum(255 * np.exp(-amounts), 255) + 0.5).astype(np.uint8)


@pytest.mark.parametrize("name", IMAGEJ_VECTORS)
def test_tables_equal_the_formula(name: str) -> None:
    assert np.array_equal(deconvolve_imagej(RANDOM, name), by_the_formula(RANDOM, imagej_matrix(name), 1))
    expected = by_the_formula(RANDOM, imagej_matrix(name, "CD2"), 0)
    assert np.array_equal(deconvolve_imagej(RANDOM, name, "CD2"), expected)


def test_a_pure_stain_is_found_in_its_own_plane() -> None:
    haematoxylin, dab = imagej_matrix("H DAB", "CD2")[:2]
    rgb = np.rint(255 * 10.0 ** -(0.6 * np.array([[haematoxylin, dab]]))).astype(np.uint8)
    absorbance = deconvolve_imagej(rgb, "H DAB", "CD2", output="32-bit absorbance")
    np.testing.assert_allclose(absorbance[0, :, :2], [[0.6, 0], [0, 0.6]], atol=0.01)


def test_the_outputs_are_one_number_in_three_forms() -> None:
    absorbance = deconvolve_imagej(RANDOM, "H DAB", "CD2", output="32-bit absorbance")
    transmittance = deconvolve_imagej(RANDOM, "H DAB", "CD2", output="32-bit transmittance")
    np.testing.assert_allclose(np.log10(transmittance), -absorbance, atol=2e-6)
    levels = deconvolve_imagej(RANDOM, "H DAB", "CD2").astype(float)
    assert np.abs(levels - np.minimum(255 * transmittance, 255)).max() <= 0.5001


def test_white_holds_no_stain_and_a_constant_picture_is_constant() -> None:
    white = np.full((4, 5, 3), 255, np.uint8)
    for version in ("CD1", "CD2"):
        assert (deconvolve_imagej(white, "H&E", version) == 255).all()
        plane, histogram = imagej_stain_histogram(np.zeros_like(white), "H&E", 0, version)
        assert np.unique(plane).size == np.count_nonzero(histogram) == 1
        assert histogram.sum() == 20


@pytest.mark.parametrize("rows", ["flat", "rows", "array", "two rows", "scaled"])
def test_vectors_may_be_given_in_any_form(rows: str) -> None:
    h, dab = IMAGEJ_VECTORS["H DAB"]
    given = {
        "flat": [*h, *dab, 0, 0, 0],
        "rows": [h, dab, (0, 0, 0)],
        "array": np.array([h, dab, (0, 0, 0)]),
        "two rows": [h, dab],
        "scaled": [np.array(h) * 3, np.array(dab) * 0.1],
    }[rows]
    assert np.array_equal(deconvolve_imagej(RANDOM, given), deconvolve_imagej(RANDOM, "h dab"))


def test_derived_vectors() -> None:
    one = (0.6, 0.0, 0.8)
    np.testing.assert_allclose(imagej_matrix([one], "CD2")[1], [0.8, 0.6, 0.0], atol=1e-12)
    first, second, third = imagej_matrix("H DAB", "CD2", third="cross")
    np.testing.assert_allclose([third @ first, third @ second, third @ third], [0, 0, 1], atol=1e-12)
    first, second, third = imagej_matrix("H DAB", "CD2", third="complement")
    rest = np.maximum(0, 1 - first**2 - second**2)
    np.testing.assert_allclose(third**2 / (third**2).sum(), rest / rest.sum(), atol=1e-12)


def test_zeros_become_a_thousandth_in_cd1_only() -> None:
    assert imagej_matrix("CMY")[0].tolist() == [1.0, 0.001, 0.001]
    assert imagej_matrix("CMY", "CD2").tolist() == np.eye(3).tolist()


def test_strided_and_read_only_pictures_are_taken_and_left_alone() -> None:
    picture = np.random.default_rng(1).integers(0, 256, (20, 30, 3), dtype=np.uint8)
    before = picture.copy()
    picture.flags.writeable = False
    view = picture[::2, ::-1]
    assert np.array_equal(deconvolve_imagej(view, "H&E"), deconvolve_imagej(view.copy(), "H&E"))
    plane, histogram = imagej_stain_histogram(view, "H&E", 2)
    assert plane.shape == view.shape[:2]
    assert histogram.sum() == plane.size
    assert np.array_equal(picture, before)


@settings(deadline=None)
@given(st.lists(st.floats(-2, 2), min_size=9, max_size=9), st.sampled_from(["CD1", "CD2"]))
def test_any_vectors_are_deconvolved_or_refused_in_words(vectors: list[float], version: str) -> None:
    try:
        absorbance = deconvolve_imagej(RANDOM, vectors, "CD2", output="32-bit absorbance")
        transmittance = deconvolve_imagej(RANDOM, vectors, version)
    except MeasureError:
        return
    assert np.isfinite(absorbance).all()
    assert transmittance.shape == RANDOM.shape


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((RANDOM.astype(np.uint16), "H DAB"), "uint16"),
        ((RANDOM[..., 0], "H DAB"), r"\(31, 17\)"),
        ((np.zeros((3, 3, 4), np.uint8), "H DAB"), "8-bit RGB"),
        ((RANDOM, "H&DAB"), "Masson"),
        ((RANDOM, [1, 2, 3, 4]), r"\(4,\)"),
        ((RANDOM, [[1, 2], [3, 4], [5, 6]]), "9 numbers"),
        ((RANDOM, ["a", "b", "c"]), "9 numbers"),
        ((RANDOM, [[1, 2, 3], [4, 5]]), "9 numbers"),
        ((RANDOM, [np.nan, 1, 1]), "finite"),
        ((RANDOM, [0, 0, 0, 1, 0, 0]), "first stain"),
        ((RANDOM, [1, 1, 1, 2, 2, 2]), "parallel"),
        ((RANDOM, "H DAB", "CD3"), "CD3"),
    ],
)
def test_what_makes_no_sense_is_refused(arguments: tuple, message: str) -> None:
    with pytest.raises(MeasureError, match=message):
        deconvolve_imagej(*arguments)
    with pytest.raises(MeasureError, match=message):
        imagej_stain_histogram(*arguments[:2], 0, *arguments[2:])


def test_unknown_choices_are_refused() -> None:
    with pytest.raises(MeasureError, match="CD2"):
        deconvolve_imagej(RANDOM, "H DAB", output="32-bit absorbance")
    with pytest.raises(MeasureError, match="unknown output"):
        deconvolve_imagej(RANDOM, "H DAB", "CD2", output="rgb")  # type: ignore[arg-type]
    with pytest.raises(MeasureError, match="cross"):
        deconvolve_imagej(RANDOM, "H DAB", "CD2", third="none")  # type: ignore[arg-type]
    with pytest.raises(MeasureError, match="three planes"):
        imagej_stain_histogram(RANDOM, "H DAB", 3)
