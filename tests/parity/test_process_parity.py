"""ImageJ's process steps: the same pixels and points as the real ImageJ, recorded and live."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
import pytest
from imagej_oracle import Oracle, real_folder
from process_cases import (
    RECORDED,
    Array,
    Case,
    answer,
    ask_imagej,
    cases_of_greys,
    cases_of_masks,
    cases_of_maxima,
    greys,
    masks,
)


def compare(cases: Sequence[Case], theirs: Sequence[Array], images: dict[str, Array]) -> int:
    """How many values were compared; fails where a whole number differs, or a float by a millionth of their range."""
    compared, unequal, different = 0, 0, []
    for case, given in zip(cases, theirs, strict=True):
        ours = answer(case, images[case.image])
        compared += given.size
        if ours.shape != given.shape:
            different.append(str(case))
            continue
        unequal += np.count_nonzero(ours != given)
        # Other processors' exponential functions may differ in the last bit, and a kernel with them.
        allowed = 1e-6 * np.ptp(given) if given.dtype == np.float32 else 0
        if given.size and np.abs(ours.astype(float) - given).max() > allowed:
            different.append(str(case))
    commands = {command: sum(case.command == command for case in cases) for command in {c.command for c in cases}}
    print(f"{compared} values of {commands} compared, {unequal} different")
    assert not different, different[:10]
    return compared


@pytest.fixture
def imagej(oracle: Oracle) -> Oracle:
    if oracle.version != "1.53t":
        pytest.skip(f"this ImageJ is {oracle.version}; its answers are known for 1.53t only")
    return oracle


def test_recorded_answers_are_equal() -> None:
    with np.load(RECORDED) as file:
        recorded = {name: file[name] for name in file.files}
    assert str(recorded.pop("version")) == "1.53t"
    images = {name.split("|")[1]: recorded.pop(name) for name in list(recorded) if name.startswith("image|")}
    cases = [Case.parse(name) for name in recorded]
    assert {case.command for case in cases} == {
        "ball", "distance", "gaussian", "holes", "maxima", "median", "menu", "watershed",
    }  # fmt: skip
    assert compare(cases, list(recorded.values()), images) > 250_000


@pytest.mark.oracle
def test_live_greys_are_equal(imagej: Oracle) -> None:
    images = greys(np.random.default_rng(31), (150, 171))
    cases = cases_of_greys(images)
    compared = compare(cases, ask_imagej(imagej, cases, images), images)
    assert compared > 10_000_000


@pytest.mark.oracle
def test_live_maxima_are_equal(imagej: Oracle) -> None:
    random = np.random.default_rng(32)
    images = greys(random, (90, 130))
    del images["rgb"]
    images |= {"flat8": np.full((20, 30), 7, np.uint8), "row8": random.integers(0, 9, (1, 70)).astype(np.uint8)}
    cases = cases_of_maxima(images)
    assert compare(cases, ask_imagej(imagej, cases, images), images) > 50_000


@pytest.mark.oracle
def test_live_masks_are_equal(imagej: Oracle) -> None:
    images = masks(np.random.default_rng(33), 240, 8)
    wide = np.full((700, 640), 255, np.uint8)
    wide[300, 200] = wide[600, 10] = 0  # farther from the background than there are levels
    images["wide"] = wide
    cases = cases_of_masks(images)
    assert len(images) >= 20
    compare(cases, ask_imagej(imagej, cases, images), images)


@pytest.mark.oracle
@pytest.mark.real
def test_live_real_images_are_equal(imagej: Oracle) -> None:
    images: dict[str, Array] = {}
    for file in sorted(real_folder().rglob("*"))[::40]:
        if file.suffix.lower() in {".png", ".jpg", ".tif"} and len(images) < 24:
            grey = cv2.imread(str(file), cv2.IMREAD_GRAYSCALE)
            if grey is not None and min(grey.shape) > 20:
                images[f"grey{len(images)}"] = np.ascontiguousarray(grey[:400, :400])
    assert len(images) >= 12
    cases = [
        Case("ball", name, (radius, options))
        for name in images
        for radius in ("5", "20", "50", "150")
        for options in ("plain", "light")
    ]
    cases += [Case("maxima", name, (prominence, "none", "edges")) for name in images for prominence in ("5", "20")]
    shapes = {}
    for name, grey in images.items():
        level, _ = cv2.threshold(grey, 0, 255, cv2.THRESH_OTSU)
        shapes[f"mask of {name}"] = np.where(grey > level, 255, 0).astype(np.uint8)
    cases += cases_of_masks(shapes)
    images |= shapes
    assert compare(cases, ask_imagej(imagej, cases, images), images) > 10_000_000
