"""What is written is read back the same, opens in ImageJ's terms, and is whole or absent."""

from __future__ import annotations

import io

import cv2
import numpy as np
import pytest
import tifffile
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from exoimage.errors import ImageError
from exoimage.images import writing
from exoimage.images.image import Image
from exoimage.images.reading import read
from exoimage.images.writing import reduced, write_image, write_labels, write_overlay, write_whole

RNG = np.random.default_rng(3)
RGB = RNG.integers(0, 256, (30, 41, 3), dtype=np.uint8)


@pytest.mark.parametrize("dtype", [np.bool_, np.uint8, np.uint16, np.int32, np.int64, np.uint32])
@pytest.mark.parametrize("pixel_size", [None, 0.65])
def test_labels_come_back(tmp_path, dtype, pixel_size):
    labels = (RNG.integers(0, 3, (50, 60)) * (1 if dtype == np.bool_ else 60)).astype(dtype)
    write_labels(tmp_path / "labels.tif", labels, pixel_size)
    image = read(tmp_path / "labels.tif")
    np.testing.assert_array_equal(image.pixels[:, :, 0], labels)
    assert (image.pixels.dtype, image.pixel_size) == (np.uint16, pixel_size)


def test_many_labels_are_stored_as_exact_floats(tmp_path):
    labels = np.array([[0, 70_000], [2**24, 1]])
    write_labels(tmp_path / "labels.tif", labels, None)
    image = read(tmp_path / "labels.tif")
    np.testing.assert_array_equal(image.pixels[:, :, 0], labels)
    assert image.pixels.dtype == np.float32


@pytest.mark.parametrize(
    "labels",
    [np.array([[-1]]), np.array([[2**24 + 1]]), np.ones((3, 3)), np.ones((2, 2, 2), int), np.ones((0, 2), int)],
)
def test_what_is_no_label_image_is_refused(tmp_path, labels):
    with pytest.raises(ImageError, match="labels"):
        write_labels(tmp_path / "labels.tif", labels, None)
    assert not list(tmp_path.iterdir())


def test_labels_are_written_in_imagejs_terms(tmp_path):
    write_labels(tmp_path / "labels.tif", np.eye(9, dtype=np.int32), 0.5)
    with tifffile.TiffFile(tmp_path / "labels.tif") as tif:
        assert tif.is_imagej
        assert tif.imagej_metadata["unit"] == "um"
        page = tif.pages[0]
        assert page.tags["XResolution"].value == page.tags["YResolution"].value == (2, 1)
        assert (page.compression.name, page.predictor) == ("ADOBE_DEFLATE", 1)


IMAGES = {
    "rgb": Image(RGB, pixel_size=0.65),
    "deep rgb": Image(RNG.integers(0, 4096, RGB.shape, dtype=np.uint16), pixel_size=0.3, max_value=4095),
    "float rgb": Image(RNG.random(RGB.shape).astype(np.float32)),
    "grey": Image(RGB[:, :, 0], light="emitted"),
    "12 bit": Image(
        RNG.integers(0, 4096, (30, 41), dtype=np.uint16), light="emitted", max_value=4095, pixel_size=0.325
    ),
    "channels": Image(RGB, light="emitted", channels=("DAPI", "EdU", "PKH26"), pixel_size=0.325),
    "floats": Image(RNG.random((30, 41, 2)).astype(np.float32), light="emitted"),
}


@pytest.mark.parametrize("name", IMAGES)
def test_images_come_back(tmp_path, name):
    image = IMAGES[name]
    write_image(tmp_path / "image.tif", image)
    back = read(tmp_path / "image.tif")
    np.testing.assert_array_equal(back.pixels, image.pixels)
    for field in ("channels", "light", "max_value", "flags"):
        assert getattr(back, field) == getattr(image, field), field
    assert back.pixel_size == (None if image.pixel_size is None else pytest.approx(image.pixel_size, rel=1e-8))
    assert back.pixels.dtype == image.pixels.dtype


@settings(max_examples=25, deadline=None)
@given(hnp.arrays(np.int32, hnp.array_shapes(min_dims=2, max_dims=2, max_side=30), elements=st.integers(0, 70_000)))
def test_any_labels_come_back(labels):
    from exoimage.images.reading import read_bytes

    captured = io.BytesIO()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(writing, "write_whole", lambda path, data: captured.write(data))
        write_labels("labels.tif", labels, None)
    np.testing.assert_array_equal(read_bytes(captured.getvalue(), "labels.tif").pixels[:, :, 0], labels)


def test_overlay_is_a_jpeg_of_at_most_1600_px(tmp_path):
    path = tmp_path / "Überlagerung µ.jpg"
    write_overlay(path, np.full((1000, 3200, 3), (200, 30, 40), np.uint8))
    picture = cv2.imdecode(np.frombuffer(path.read_bytes(), np.uint8), cv2.IMREAD_COLOR)
    assert picture.shape == (500, 1600, 3)
    assert np.abs(picture[250, 800].astype(int) - (40, 30, 200)).max() <= 3  # OpenCV's order


def test_what_is_no_overlay_is_refused(tmp_path):
    with pytest.raises(ImageError, match="overlay"):
        write_overlay(tmp_path / "o.jpg", np.zeros((4, 4), np.uint8))


@pytest.mark.parametrize("shape", [(4000, 3000), (1700, 100), (1601, 1601), (9000, 2)])
def test_reduction_keeps_proportions_and_mean(shape):
    pixels = np.add.outer(np.linspace(0, 100, shape[0]), np.linspace(0, 100, shape[1])).astype(np.float32)
    small = reduced(pixels, 1600)
    factor = -(-max(shape) // 1600)
    assert 800 <= max(small.shape) <= 1600
    assert small.shape == tuple(max(1, edge // factor) for edge in shape)
    assert abs(float(small.mean()) - float(pixels.mean())) < 1


def test_a_failed_write_leaves_the_old_file_and_nothing_else(tmp_path, monkeypatch):
    path = tmp_path / "result.tif"
    path.write_bytes(b"old")

    def full_disk(self, target):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("pathlib.Path.replace", full_disk)
    with pytest.raises(OSError, match="No space"):
        write_whole(path, b"new")
    assert path.read_bytes() == b"old"
    assert [file.name for file in tmp_path.iterdir()] == ["result.tif"]


def test_a_missing_folder_is_an_oserror(tmp_path):
    with pytest.raises(OSError):  # noqa: PT011 - the message is the system's
        write_labels(tmp_path / "missing" / "labels.tif", np.eye(3, dtype=int), None)
