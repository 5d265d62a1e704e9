"""Automatic thresholds against what ImageJ 1.53t and 1.54p answered, and against a live ImageJ."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest
from imagej_oracle import HERE, Oracle, golden_folder, real_folder

from exoimage.flags import Flag
from exoimage.methods import thresholds


def test_recorded_subset_is_equal() -> None:
    golden = np.load(HERE / "golden" / "thresholds.npz")
    assert tuple(golden["methods"]) == thresholds.METHODS
    answers = [
        [[thresholds.auto_threshold(h, m, v) for m in thresholds.METHODS] for v in golden["versions"]]
        for h in golden["histograms"]
    ]
    different = np.argwhere(np.array(answers) != golden["answers"])
    print(f"{golden['answers'].size} recorded thresholds compared, {len(different)} different")
    assert golden["answers"].size > 4000
    assert not len(different)


@pytest.mark.slow
@pytest.mark.parametrize("version", ["1.53t", "1.54p"])
def test_all_recorded_thresholds_are_equal(version: str) -> None:
    folder = golden_folder() / "thresholds"
    histograms = read_histograms(folder / "histograms.csv")
    different, compared = [], 0
    with (folder / f"imagej_{version}.csv").open(encoding="utf-8") as file:
        for row in csv.DictReader(file):
            ours = thresholds.auto_threshold(histograms[row["name"]], row["method"], version)
            compared += 1
            if ours != int(row["raw"]):
                different.append((row["name"], row["method"], ours, row["raw"]))
    print(f"{compared} thresholds of ImageJ {version} compared, {len(different)} different")
    assert compared == 17 * len(histograms) == 34629
    assert not different


def test_exact_differs_from_imagej_only_where_it_is_flagged_or_tied() -> None:
    golden = np.load(HERE / "golden" / "thresholds.npz")
    images = [k for k, name in enumerate(golden["names"]) if str(name).startswith(("x_", "sk_", "ij_", "img_", "big"))]
    overflowed = 0
    for k in images:
        for column, method in enumerate(thresholds.METHODS):
            found = thresholds.find(golden["histograms"][k], method, compare=True)
            if Flag.IMAGEJ_OVERFLOW in found.flags:
                overflowed += 1
            elif found.level is not None:
                assert found.level == golden["answers"][k, 1, column], (golden["names"][k], method)
    assert overflowed > 20  # the big histograms are there to overflow


@pytest.mark.oracle
def test_live_imagej_is_equal(oracle: Oracle) -> None:
    if oracle.version != "1.53t":
        pytest.skip(f"this ImageJ is {oracle.version}; its answers are known for 1.53t only")
    histograms = odd_histograms() + real_histograms()
    jobs = [(f"h{k}", *histogram.tolist()) for k, histogram in enumerate(histograms)]
    different, compared = [], 0
    for line in oracle.ask("thresholds", jobs, separator=",").splitlines():
        if line.count(",") != 2:  # ImageJ's log
            continue
        name, method, answer = line.split(",")
        ours = thresholds.auto_threshold(histograms[int(name[1:])], method, "1.53t")
        compared += 1
        if answer != ("none" if name == "h0" and method == "Intermodes" else str(ours)):
            different.append((name, method, ours, answer))
    print(f"{compared} thresholds of a live ImageJ compared, {len(different)} different")
    assert compared == 17 * len(histograms) >= 17 * 500
    assert not different


def read_histograms(path: Path) -> dict[str, np.ndarray]:
    with path.open(encoding="utf-8") as file:
        return {row[0]: np.array(row[1:], np.int64) for row in csv.reader(file)}


def odd_histograms() -> list[np.ndarray]:
    """Random, peaked, sparse, one- and two-valued, empty, and so full that integers overflow."""
    random = np.random.default_rng(20261)
    levels = np.arange(256)
    histograms = [np.zeros(256, np.int64)]
    for k in range(499):
        kind = k % 8
        if kind == 0:
            histogram = random.integers(0, random.integers(2, 10_000), 256)
        elif kind in (1, 2, 3):
            histogram = np.zeros(256)
            for _ in range(random.integers(1, 5)):
                spread = random.uniform(0.5, 40)
                peak = np.exp(-(((levels - random.uniform(0, 255)) / spread) ** 2))
                histogram += random.uniform(10, 1e7 if kind == 3 else 1e5) * peak
            histogram = random.poisson(histogram)
        else:
            occupied = random.choice(256, {4: 1, 5: 2, 6: 3, 7: random.integers(4, 40)}[kind], replace=False)
            histogram = np.zeros(256)
            histogram[occupied] = random.integers(1, 10 ** random.integers(1, 7), occupied.size)
        histograms.append(histogram.astype(np.int64))
    return histograms


def real_histograms() -> list[np.ndarray]:
    cv2 = pytest.importorskip("cv2")
    folder = real_folder()
    files = sorted(file for file in folder.rglob("*") if file.suffix in {".png", ".jpg"})[:24]
    greys = (cv2.imread(str(file), cv2.IMREAD_GRAYSCALE) for file in files)
    return [np.bincount(grey.ravel(), minlength=256) for grey in greys if grey is not None]
