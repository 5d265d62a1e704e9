"""Real odd files, and what each must give. They lie outside the repository."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

from exoimage.errors import ImageReadError
from exoimage.flags import Flag
from exoimage.images.reading import list_scenes, read

REAL = Path(os.environ.get("EXOIMAGE_REAL", Path(__file__).parents[3] / "shared" / "real"))
VARIANTS = REAL / "formats" / "tiff_variants"

pytestmark = [
    pytest.mark.real,
    pytest.mark.skipif(not VARIANTS.is_dir(), reason=f"no real images at {REAL}; set EXOIMAGE_REAL"),
]

EXPECTED = {  # file: shape, dtype, flags, mean of each channel (by Pillow 11 and tifffile, to 0.5)
    "12in16bit.tif": ((100, 100, 1), np.uint16, (), (2.6,)),
    "16bit.MM.deflate.tif": ((64, 64, 1), np.uint16, (), (384.1,)),
    "hopper.Lab.tif": ((128, 128, 3), np.uint8, (), (89.7, 80.1, 95.4)),
    "hopper_bigtiff.tif": ((128, 128, 3), np.uint8, (), (89.7, 80.1, 95.4)),
    "hopper_lzw.tif": ((128, 128, 3), np.uint8, (), (89.7, 80.1, 95.4)),
    "hopper_orientation_6.jpg": ((128, 128, 3), np.uint8, (Flag.LOSSY_FILE,), (89.7, 80.1, 95.3)),
    "pil_sample_cmyk.jpg": ((100, 100, 3), np.uint8, (Flag.LOSSY_FILE,), (30.2, 5.4, 7.4)),
    "tiff_strip_cmyk_jpeg.tif": ((100, 100, 3), np.uint8, (Flag.LOSSY_FILE,), (30.2, 5.4, 7.4)),
    "tiff_strip_planar_raw.tif": ((374, 278, 3), np.uint8, (), (169.7, 155.1, 160.6)),
}


@pytest.mark.parametrize("name", EXPECTED)
def test_variants(name):
    shape, dtype, flags, means = EXPECTED[name]
    image = read(VARIANTS / name)
    assert (image.pixels.shape, image.pixels.dtype, image.flags) == (shape, dtype, flags)
    np.testing.assert_allclose(image.pixels.mean(axis=(0, 1)), means, atol=0.5)
    assert image.pixel_size is None


@pytest.mark.parametrize("name", ["hopper_bigtiff.tif", "hopper.Lab.tif", "hopper_orientation_6.jpg"])
def test_the_same_portrait_in_other_dress(name):
    difference = read(VARIANTS / name).pixels.astype(int) - read(VARIANTS / "hopper_lzw.tif").pixels
    assert np.abs(difference).mean() < 5


def test_pages_of_a_palette_each():
    path = VARIANTS / "multipage.tiff"
    assert len(list_scenes(path)) == 3
    with pytest.raises(ImageReadError, match="holds 3 pictures"):
        read(path)
    for scene, colour, size in ((0, (0, 128, 0), 10), (1, (255, 0, 0), 10), (2, (0, 0, 255), 20)):
        image = read(path, scene=scene)
        assert image.shape == (size, size)
        assert (image.pixels == colour).all()


def test_blot_marked_white_is_zero_though_it_stores_signal():
    path = REAL / "blots" / "anti_actin_chemi_16bit.tif"
    shown, stored = read(path), read(path, photometric="stored")
    np.testing.assert_array_equal(shown.pixels, 65535 - stored.pixels)
    assert stored.pixels.mean() < 1000 < shown.pixels.mean()


def test_keyence_thumbnail_is_no_scene():
    image = read(REAL / "formats" / "keyence" / "Image_XY01_00001_CH1.tif")
    assert (image.shape, image.pixels.dtype, image.light) == ((360, 480), np.uint16, "emitted")


def test_slide_is_read_at_full_resolution():
    image = read(REAL / "formats" / "CMU-1-Small-Region.svs")
    assert (image.shape, image.pixel_size, image.flags) == ((2967, 2220), 0.499, (Flag.LOSSY_FILE,))
