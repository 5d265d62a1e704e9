"""Colour deconvolution against the planes that ImageJ's two plugins recorded."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest
from imagej_oracle import HERE

from exoimage.methods.imagej_stains import IMAGEJ_VECTORS, deconvolve_imagej, imagej_stain_histogram
from exoimage.methods.presets import PRESETS
from exoimage.methods.thresholds import auto_threshold

PICTURES = ("ihc_crop", "random")
CD2_SETS = ("Alcian blue & H", "FastRed FastBlue DAB", "H AEC", "H DAB", "H&E", "Masson Trichrome")

Planes = Mapping[str, np.ndarray]


def slug(name: str) -> str:
    return re.sub(r"[^A-Za-z0-9]+", "_", name)


class Recorded(Mapping[str, np.ndarray]):
    """The recorded planes in full, by the names that the committed crops have too."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def __getitem__(self, name: str) -> np.ndarray:
        cv2, tifffile = pytest.importorskip("cv2"), pytest.importorskip("tifffile")
        if "32bit" in name:
            return np.moveaxis(tifffile.imread(self.folder / f"{name}.tif"), 0, -1)
        return np.ascontiguousarray(cv2.imread(str(self.folder / f"{name}.png"))[..., ::-1])

    def __iter__(self):
        return (file.stem for file in self.folder.iterdir())

    def __len__(self) -> int:
        return sum(1 for _ in self)


@pytest.fixture(scope="module", params=["committed crops", "recorded pictures"])
def planes(request: pytest.FixtureRequest) -> Planes:
    if request.param == "committed crops":
        return np.load(HERE / "golden" / "deconvolution.npz")
    golden = Path(os.environ.get("EXOIMAGE_IMAGEJ_GOLDEN", HERE.parents[2] / "shared" / "imagej" / "golden"))
    folder = golden / "colour_deconvolution"
    if not (folder / "random.png").is_file():
        pytest.skip(f"ImageJ's recorded planes are not at {folder}; set EXOIMAGE_IMAGEJ_GOLDEN")
    return Recorded(folder)


def test_every_recorded_plane_is_known_here(planes: Planes) -> None:
    assert len(planes) == 2 * (1 + 16 + 12 + 1)


def test_cd1_planes_are_equal(planes: Planes) -> None:
    compared = different = 0
    for picture in PICTURES:
        for name in IMAGEJ_VECTORS:
            theirs = planes[f"{picture}__{slug(name)}"]
            different += np.count_nonzero(deconvolve_imagej(planes[picture], name) != theirs)
            compared += theirs.size
    print(f"CD1: {len(IMAGEJ_VECTORS)} vector sets, {compared} pixels of planes compared, {different} different")
    assert compared >= 16 * 2 * 3 * 26**2
    assert different == 0


@pytest.mark.parametrize("third", ["cross", "complement"])
def test_cd2_planes_are_equal(planes: Planes, third: str) -> None:
    compared = different = 0
    for picture in PICTURES:
        for name in CD2_SETS:
            theirs = planes[f"{picture}__CD2_{third}__{slug(name)}"]
            different += np.count_nonzero(deconvolve_imagej(planes[picture], name, "CD2", third=third) != theirs)
            compared += theirs.size
    print(f"CD2, {third}: {len(CD2_SETS)} vector sets, {compared} pixels of planes compared, {different} different")
    assert compared >= 6 * 2 * 3 * 26**2
    assert different == 0


@pytest.mark.parametrize("picture", PICTURES)
def test_cd2_absorbance_is_equal(planes: Planes, picture: str) -> None:
    ours = deconvolve_imagej(planes[picture], "H DAB", "CD2", output="32-bit absorbance")
    theirs = planes[f"{picture}__CD2_cross_32bit_Absorbance__H_DAB"]
    error = np.abs(ours - theirs) / np.spacing(np.abs(theirs))
    print(f"absorbance: {theirs.size} values, {np.count_nonzero(error)} different, at most {error.max():g} ulp")
    assert ours.dtype == theirs.dtype == np.float32
    assert error.max() <= 1


def test_one_plane_and_its_histogram_are_those_of_all_planes(planes: Planes) -> None:
    for picture in PICTURES:
        for name in ("H DAB", "RGB", "Azan-Mallory"):
            recorded = planes[f"{picture}__{slug(name)}"]
            for index in range(3):
                plane, histogram = imagej_stain_histogram(planes[picture], name, index)
                assert np.array_equal(plane, recorded[..., index])
                assert np.array_equal(histogram, np.bincount(plane.ravel(), minlength=256))


@pytest.mark.parametrize(
    ("version", "third", "area_pct"), [("CD1", "cross", 55.39), ("CD2", "complement", 55.55), ("CD2", "cross", 56.07)]
)
def test_area_of_dab_on_the_ihc_picture_of_scikit_image(version: str, third: str, area_pct: float) -> None:
    rgb = pytest.importorskip("skimage.data").immunohistochemistry()
    plane, histogram = imagej_stain_histogram(rgb, "H DAB", 1, version, third=third)
    level = auto_threshold(histogram, "Otsu", compat="1.53t")
    assert 100 * np.mean(plane <= level) == pytest.approx(area_pct, abs=0.005)


@pytest.mark.parametrize("name", [name for name in IMAGEJ_VECTORS if name in PRESETS])
def test_our_unit_vectors_give_imagejs_planes_too(name: str) -> None:
    """`imagej = true` passes a stain set's unit vectors, not ImageJ's digits."""
    rgb = np.random.default_rng(5).integers(0, 256, (300, 400, 3), dtype=np.uint8)
    expected = deconvolve_imagej(rgb, name)
    vectors = PRESETS[name].vectors
    for index in range(len(vectors)):
        plane, _ = imagej_stain_histogram(rgb, vectors, index)
        assert np.array_equal(plane, expected[:, :, index])
