"""Analyze Particles against a live ImageJ: every column of every object."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product
from pathlib import Path

import cv2
import numpy as np
import pandas as pd
import pytest
import tifffile
from imagej_oracle import Oracle, real_folder

from exoimage.methods.particles import COLUMNS, analyze

LIMITS = [(0, np.inf, 0.0, 1.0), (3, 40, 0.0, 1.0), (0, np.inf, 0.3, 0.8)]


@dataclass(frozen=True)
class Case:
    mask: np.ndarray
    intensity: np.ndarray
    options: str
    limits: tuple[float, float, float, float]
    answer: Path

    def ours(self) -> pd.DataFrame:
        least, largest, flattest, roundest = self.limits
        return analyze(
            self.mask,
            self.intensity,
            least,
            largest,
            exclude_edges="edges" in self.options,
            include_holes="holes" in self.options,
            min_circularity=flattest,
            max_circularity=roundest,
            connectivity=4 if "four" in self.options else 8,
        )

    def imagejs(self) -> pd.DataFrame:
        if not self.answer.read_text(encoding="utf-8").strip():
            return pd.DataFrame(columns=list(COLUMNS))
        return pd.read_csv(self.answer)


@pytest.mark.oracle
def test_random_masks_are_equal(oracle: Oracle, tmp_path: Path) -> None:
    options = ["-", "edges", "holes", "edges,holes", "holes,four", "edges,holes,four"]
    cases = run(oracle, tmp_path, random_pictures(), options)
    assert compare(cases) > 15_000


@pytest.mark.oracle
def test_four_connected_objects_apart_are_equal(oracle: Oracle, tmp_path: Path) -> None:
    # Without "include holes", ImageJ counts objects that touch by a corner several times, with Area 0.
    pictures = [(without_corner_contacts(mask), intensity) for mask, intensity in random_pictures()]
    assert compare(run(oracle, tmp_path, pictures, ["four", "edges,four"])) > 1000


@pytest.mark.oracle
@pytest.mark.real
def test_real_masks_are_equal(oracle: Oracle, tmp_path: Path) -> None:
    cases = run(oracle, tmp_path, real_pictures(), ["-", "edges,holes"])
    assert compare(cases) > 5000


def run(oracle: Oracle, folder: Path, pictures: list[tuple[np.ndarray, np.ndarray]], options: list[str]) -> list[Case]:
    cases, jobs = [], []
    for k, (mask, intensity) in enumerate(pictures):
        mask_file, intensity_file = folder / f"mask{k}.tif", folder / f"intensity{k}.tif"
        tifffile.imwrite(mask_file, mask.astype(np.uint8) * 255)
        tifffile.imwrite(intensity_file, intensity)
        for option, limits in product(options, LIMITS):
            answer = folder / f"answer{len(cases)}.csv"
            cases.append(Case(mask, intensity, option, limits, answer))
            texts = [str(limit).replace("inf", "Infinity") for limit in limits]
            jobs.append((mask_file, intensity_file, option, *texts, answer))
    oracle.ask("particles", jobs)
    return cases


def compare(cases: list[Case]) -> int:
    particles, worst = 0, 0.0
    for case in cases:
        ours, theirs = case.ours(), case.imagejs()
        assert len(ours) == len(theirs), (case.answer, case.options, case.limits)
        assert set(theirs.columns) == set(COLUMNS)
        assert ours["Area"].tolist() == theirs["Area"].tolist()
        for column in COLUMNS:
            a, b = ours[column].to_numpy(float), theirs[column].to_numpy(float)
            same = (a == b) | (np.isnan(a) & np.isnan(b))
            error = np.abs(a[~same] - b[~same]) / np.maximum(np.abs(b[~same]), 1e-3)
            assert (error < 1e-6).all(), (case.answer, case.options, column, error.max())
            worst = max(worst, error.max(initial=0.0))
        particles += len(ours)
    print(f"{particles} particles in {len(cases)} tables, all columns equal; largest relative error {worst:.1e}")
    return particles


def random_pictures() -> list[tuple[np.ndarray, np.ndarray]]:
    """Noise, blobs, shapes with holes, and contour bands, with intensities of each dtype."""
    random = np.random.default_rng(1)
    pictures = []
    for k in range(26):
        shape = tuple(int(n) for n in random.integers(20, 130, 2))
        noise = random.random(shape).astype(np.float32)
        smooth = cv2.GaussianBlur(noise, (0, 0), random.uniform(1, 4))
        mask = (
            noise < random.uniform(0.1, 0.6),
            smooth > np.quantile(smooth, random.uniform(0.3, 0.8)),
            drawn_shapes(shape, random),
            np.abs(smooth - np.median(smooth)) < 0.3 * np.std(smooth),
        )[k % 4]
        intensity = (
            random.integers(0, 256, shape).astype(np.uint8),
            (random.integers(0, 60_000, shape) // (1 + k)).astype(np.uint16),
            random.normal(0, 100, shape).astype(np.float32),
        )[k % 3]
        pictures.append((mask, intensity))
    pictures.append((pictures[1][0], np.zeros(pictures[1][0].shape, np.uint8)))
    pictures.append((pictures[2][0], np.full(pictures[2][0].shape, 7, np.uint16)))
    return pictures


def drawn_shapes(shape: tuple[int, ...], random: np.random.Generator) -> np.ndarray:
    canvas = np.zeros(shape, np.uint8)
    for _ in range(25):
        x, y = (int(random.integers(0, n)) for n in shape[::-1])
        a, b = (int(n) for n in random.integers(1, 14, 2))
        if random.random() < 0.5:
            value, width = int(random.random() < 0.7), int(random.choice([1, -1]))
            cv2.ellipse(canvas, (x, y), (a, b), float(random.integers(0, 180)), 0, 360, value, width)
        else:
            cv2.rectangle(canvas, (x, y), (x + a % 9, y + b % 9), 1, int(random.choice([1, -1])))
    return canvas > 0


def without_corner_contacts(mask: np.ndarray) -> np.ndarray:
    """The mask, less one pixel of every two that touch by a corner only, until there are none."""
    mask = mask.copy()
    while True:
        a, b, c, d = mask[:-1, :-1], mask[:-1, 1:], mask[1:, :-1], mask[1:, 1:]
        falling, rising = a & d & ~b & ~c, b & c & ~a & ~d
        if not (falling.any() or rising.any()):
            return mask
        mask[1:, 1:] &= ~falling
        mask[1:, :-1] &= ~rising


def real_pictures() -> list[tuple[np.ndarray, np.ndarray]]:
    files = sorted(file for file in real_folder().rglob("*") if file.suffix.lower() in {".png", ".jpg"})
    pictures = []
    for file in files:
        grey = cv2.imread(str(file), cv2.IMREAD_GRAYSCALE)
        if grey is not None and grey.size <= 2_000_000 and len(pictures) < 20:
            level, _ = cv2.threshold(grey, 0, 255, cv2.THRESH_OTSU)
            pictures.append((grey > level, grey))
    return pictures
