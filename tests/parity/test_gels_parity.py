"""Lane profiles against a live ImageJ: its ProfilePlot on the gel, rotated and inverted as by Analyze > Gels."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import tifffile
from imagej_oracle import Oracle, real_folder
from oracle_more import ask_more

from exoimage.methods.gels import Lane, lane_profile

OPTIONS = ("invert", "plain", "invert,od", "plain,od")


@pytest.mark.oracle
def test_profiles_of_random_gels_are_equal(oracle: Oracle, tmp_path: Path) -> None:
    assert compare(oracle, tmp_path, random_gels()) > 3000


@pytest.mark.oracle
@pytest.mark.real
def test_profiles_of_a_real_blot_are_equal(oracle: Oracle, tmp_path: Path) -> None:
    file = real_folder() / "blots" / "anti_actin_chemi_16bit.tif"
    if not file.is_file():
        pytest.skip(f"no blot at {file}")
    blot = tifffile.imread(file)
    assert blot.ndim == 2
    assert compare(oracle, tmp_path, [blot, (blot >> 8).astype(np.uint8)]) > 1000


def compare(oracle: Oracle, folder: Path, gels: list[np.ndarray]) -> int:
    random = np.random.default_rng(2)
    cases = []
    for k, gel in enumerate(gels):
        file = folder / f"gel{k}.tif"
        tifffile.imwrite(file, gel)
        for options in OPTIONS:
            width, height = (int(random.integers(2, n // 2)) for n in gel.shape[::-1])
            x, y = int(random.integers(0, gel.shape[1] - width)), int(random.integers(0, gel.shape[0] - height))
            cases.append((file, gel, Lane(x, y, width, height), options))
    jobs = [(file, lane.x, lane.y, lane.width, lane.height, options) for file, _, lane, options in cases]
    answers = ask_more(oracle, "lane", jobs)
    assert len(answers) == len(cases)
    compared = 0
    for (file, gel, lane, options), answer in zip(cases, answers, strict=True):
        ours = lane_profile(gel, lane, invert="invert" in options, uncalibrated_od="od" in options)
        theirs = np.array([float(value.replace("Infinity", "inf")) for value in answer])
        if "od" in options:  # two libraries' logarithms
            np.testing.assert_allclose(ours, theirs, rtol=1e-14, atol=1e-15, err_msg=f"{file.name} {lane} {options}")
        else:
            np.testing.assert_array_equal(ours, theirs, err_msg=f"{file.name} {lane} {options}")
        compared += ours.size
    print(f"{compared} samples of {len(cases)} lane profiles compared, all equal")
    return compared


def random_gels() -> list[np.ndarray]:
    random = np.random.default_rng(4)
    gels: list[np.ndarray] = []
    for k in range(48):
        shape = tuple(int(n) for n in random.integers(20, 160, 2))
        noise = random.integers(0, 256, shape).astype(np.uint8)
        deep = random.integers(int(random.integers(0, 900)), int(random.integers(1000, 65_536)), shape).astype(
            np.uint16
        )
        gels.append((noise, deep, (random.normal(0.3, 2, shape)).astype(np.float32))[k % 3])
    return gels
