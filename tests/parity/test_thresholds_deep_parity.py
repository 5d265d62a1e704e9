"""Thresholds of 16-bit and 32-bit images against a live ImageJ 1.53t."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import tifffile
from imagej_oracle import Oracle, real_folder
from oracle_more import ask_more

from exoimage.methods.thresholds import METHODS
from exoimage.methods.thresholds_deep import auto_threshold_16bit


@pytest.mark.oracle
def test_random_deep_images_are_equal(oracle: Oracle, tmp_path: Path) -> None:
    images = odd_images()
    assert compare(oracle, tmp_path, images) == len(images) * 17 * 2


@pytest.mark.oracle
@pytest.mark.real
def test_real_deep_images_are_equal(oracle: Oracle, tmp_path: Path) -> None:
    images = real_images()
    if not images:
        pytest.skip(f"no 16-bit images in {real_folder()}")
    assert compare(oracle, tmp_path, images) == len(images) * 17 * 2


def compare(oracle: Oracle, folder: Path, images: list[np.ndarray]) -> int:
    if oracle.version != "1.53t":
        pytest.skip(f"this ImageJ is {oracle.version}; its answers are known for 1.53t only")
    files = [folder / f"{k}.tif" for k in range(len(images))]
    for file, image in zip(files, images, strict=True):
        tifffile.imwrite(file, image)
    different, compared = [], 0
    for name, method, background, *theirs in ask_more(oracle, "deep", [(file,) for file in files]):
        image = images[int(Path(name).stem)]
        ours = auto_threshold_16bit(image, method, "1.53t", dark=background == "dark")
        area = 100 * ours.mask(image).mean()
        compared += 1
        limits = [ours.lower, ours.upper]
        if limits != [float(limit) for limit in theirs[:2]] or abs(area - float(theirs[2])) > 1e-9:
            different.append((name, method, background, limits, area, theirs))
    assert {method for _, method, *_ in different} <= set(METHODS)
    print(f"{compared} thresholds of {len(images)} deep images compared, {len(different)} different")
    assert not different, different[:5]
    return compared


def odd_images() -> list[np.ndarray]:
    """Narrow and full ranges, hot pixels, one and two values, negative floats, in 16 and 32 bits."""
    random = np.random.default_rng(11)
    images: list[np.ndarray] = []
    for k in range(40):
        shape = tuple(int(n) for n in random.integers(8, 70, 2))
        base, width = random.uniform(0, 30_000), 10 ** random.uniform(0.3, 4)
        image = random.normal(base, width, shape)
        image[: shape[0] // 3] += width * random.uniform(0, 8)
        if k % 3 == 0:
            image[0, 0] = 65_000
        images.append(np.clip(image, 0, 65_535).astype(np.uint16))
        images.append(((image - base) * 10 ** random.uniform(-6, 3)).astype(np.float32))
    images += [np.full((9, 9), value, np.uint16) for value in (0, 1, 500, 65_535)]
    images += [np.where(random.random((9, 9)) < 0.3, 40_000, value).astype(np.uint16) for value in (0, 39_999)]
    images += [random.integers(0, 65_536, (64, 64)).astype(np.uint16), np.full((7, 7), -2.5, np.float32)]
    images += [np.where(random.random((9, 9)) < 0.3, 0.25, -1e-3).astype(np.float32)]
    images += [np.where(random.random((30, 30)) < 0.2, np.nan, random.normal(5, 2, (30, 30))).astype(np.float32)]
    return images


def real_images() -> list[np.ndarray]:
    images = []
    for file in sorted(real_folder().rglob("*.tif")):
        if len(images) < 12 and file.stat().st_size < 20_000_000:
            try:
                image = tifffile.imread(file)
            except Exception:
                continue
            if image.dtype == np.uint16 and image.ndim == 2:
                images.append(image)
    return images
