"""PNG, JPEG and BMP with known pixels, written by Pillow and by imagecodecs."""

from __future__ import annotations

import io
import zlib

import imagecodecs
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from PIL import Image as Pil

from exoimage.errors import ImageReadError
from exoimage.flags import Flag
from exoimage.images.reading import read_bytes

RNG = np.random.default_rng(20261121)
GREY = RNG.integers(0, 256, (21, 33), dtype=np.uint8)
RGB = RNG.integers(0, 256, (21, 33, 3), dtype=np.uint8)


def saved(picture: Pil.Image, kind: str, **options) -> bytes:
    buffer = io.BytesIO()
    picture.save(buffer, kind, **options)
    return buffer.getvalue()


@pytest.mark.parametrize("kind", ["PNG", "BMP"])
@pytest.mark.parametrize("pixels", [GREY, RGB], ids=["grey", "rgb"])
def test_lossless_pictures_are_exact(kind, pixels):
    image = read_bytes(saved(Pil.fromarray(pixels), kind), "picture")
    np.testing.assert_array_equal(image.pixels.reshape(pixels.shape), pixels)
    colour = pixels.ndim == 3
    assert image.channels == (("red", "green", "blue") if colour else ("grey",))
    assert image.light == ("absorbed" if colour else "emitted")
    assert (image.flags, image.pixel_size, image.max_value) == ((), None, 255.0)


@pytest.mark.parametrize("shape", [(9, 7), (9, 7, 3)])
def test_sixteen_bit_png_is_exact(shape):
    pixels = RNG.integers(0, 65536, shape, dtype=np.uint16)
    image = read_bytes(imagecodecs.png_encode(pixels), "deep.png")
    np.testing.assert_array_equal(image.pixels.reshape(shape), pixels)
    assert (image.pixels.dtype, image.max_value) == (np.uint16, 65535.0)


@pytest.mark.parametrize("kind", ["PNG", "BMP"])
def test_bilevel_spans_0_to_255(kind):
    image = read_bytes(saved(Pil.fromarray(GREY > 90), kind), "bilevel")
    np.testing.assert_array_equal(image.pixels[:, :, 0], np.where(GREY > 90, 255, 0))


def chunk(kind: bytes, content: bytes) -> bytes:
    return len(content).to_bytes(4, "big") + kind + content + zlib.crc32(kind + content).to_bytes(4, "big")


def png(width, height, bits, kind, rows: bytes, *extra: bytes, interlaced=False) -> bytes:
    header = width.to_bytes(4, "big") + height.to_bytes(4, "big") + bytes([bits, kind, 0, 0, int(interlaced)])
    parts = [chunk(b"IHDR", header), *extra, chunk(b"IDAT", zlib.compress(rows)), chunk(b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


def test_four_bit_png_spans_0_to_255():
    image = read_bytes(png(4, 1, 4, 0, b"\0\x01\xf8"), "four.png")
    np.testing.assert_array_equal(image.pixels[0, :, 0], [0, 17, 255, 136])


def test_interlaced_png():
    """Adam7 of a 2 × 2 picture: pass 1 holds (0, 0), pass 6 (0, 1), pass 7 the second row."""
    image = read_bytes(png(2, 2, 8, 0, b"\0\x0a\0\x14\0\x1e\x28", interlaced=True), "interlaced.png")
    np.testing.assert_array_equal(image.pixels[:, :, 0], [[10, 20], [30, 40]])


@pytest.mark.parametrize("kind", ["PNG", "BMP"])
def test_palette_is_expanded_and_flagged(kind):
    palette = RNG.integers(0, 256, (256, 3), dtype=np.uint8)
    picture = Pil.fromarray(GREY)
    picture.putpalette(palette.tobytes())
    image = read_bytes(saved(picture, kind), "palette")
    np.testing.assert_array_equal(image.pixels, palette[GREY])
    assert (image.flags, image.light) == ((Flag.PALETTE_FILE,), "absorbed")


def test_transparency_of_png():
    alpha = np.full(GREY.shape, 255, np.uint8)
    np.testing.assert_array_equal(
        read_bytes(saved(Pil.fromarray(np.dstack([RGB, alpha])), "PNG"), "opaque.png").pixels, RGB
    )
    alpha[:7], alpha[7:14] = 0, 51
    colour = read_bytes(saved(Pil.fromarray(np.dstack([RGB, alpha])), "PNG"), "colour.png").pixels
    assert (colour[:7] == 255).all()
    np.testing.assert_array_equal(colour[7:14], np.rint(RGB[7:14] * 0.2 + 204))
    grey = read_bytes(saved(Pil.fromarray(np.dstack([GREY, alpha])), "PNG"), "grey.png").pixels
    assert grey.shape[2] == 1
    assert (grey[:7] == 0).all()
    np.testing.assert_array_equal(grey[14:, :, 0], GREY[14:])


def test_density_of_png_and_jpeg_is_no_pixel_size():
    for kind in ("PNG", "JPEG"):
        assert read_bytes(saved(Pil.fromarray(RGB), kind, dpi=(25400, 25400)), "dense").pixel_size is None


SMOOTH = np.dstack([np.add.outer(np.arange(64), np.arange(64) * k).astype(np.uint8) for k in (0, 1, 2)])


@pytest.mark.parametrize("orientation", range(1, 9))
def test_jpeg_is_turned_as_exif_says(orientation):
    stored = {
        1: SMOOTH, 2: SMOOTH[:, ::-1], 3: SMOOTH[::-1, ::-1], 4: SMOOTH[::-1], 5: SMOOTH.swapaxes(0, 1),
        6: np.rot90(SMOOTH), 7: np.rot90(SMOOTH.swapaxes(0, 1), 2), 8: np.rot90(SMOOTH, -1),
    }[orientation]  # fmt: skip
    exif = Pil.Exif()
    exif[0x0112] = orientation
    data = saved(Pil.fromarray(np.ascontiguousarray(stored)), "JPEG", quality=98, subsampling=0, exif=exif)
    image = read_bytes(data, "turned.jpg")
    assert np.abs(image.pixels.astype(int) - SMOOTH).mean() < 2
    assert image.flags == (Flag.LOSSY_FILE,)


def test_grey_jpeg_is_one_channel():
    image = read_bytes(saved(Pil.fromarray(SMOOTH[:, :, 0]), "JPEG"), "grey.jpg")
    assert (image.channels, image.light, image.flags) == (("grey",), "emitted", (Flag.LOSSY_FILE,))


def test_cmyk_jpeg_is_not_inverted():
    paper = np.zeros((16, 16, 4), np.uint8)
    red = paper.copy()
    red[:, :, 1:3] = 255
    for inks, light in ((paper, (255, 255, 255)), (red, (255, 0, 0))):
        image = read_bytes(saved(Pil.fromarray(inks, "CMYK"), "JPEG", quality=95), "cmyk.jpg")
        assert np.abs(image.pixels.astype(int) - light).max() <= 6


def test_channel_of_a_raster_picture():
    image = read_bytes(saved(Pil.fromarray(RGB), "PNG"), "rgb.png", c="green")
    np.testing.assert_array_equal(image.pixels[:, :, 0], RGB[:, :, 1])


def test_a_scene_of_a_raster_picture_is_refused():
    with pytest.raises(ImageReadError, match="holds one picture"):
        read_bytes(saved(Pil.fromarray(RGB), "PNG"), "rgb.png", scene=1)


def test_png_with_a_wrong_checksum_is_refused():
    data = bytearray(saved(Pil.fromarray(RGB), "PNG"))
    data[len(data) // 2] ^= 1
    with pytest.raises(ImageReadError, match="checksum"):
        read_bytes(bytes(data), "flipped.png")


def test_animation_is_refused():
    with pytest.raises(ImageReadError, match="animation"):
        read_bytes(png(1, 1, 8, 0, b"\0\0", chunk(b"acTL", bytes(8))), "moving.png")


@settings(max_examples=30, deadline=None)
@given(
    pixels=hnp.arrays(np.uint8, st.tuples(st.integers(1, 20), st.integers(1, 20), st.just(3))),
    kind=st.sampled_from(["PNG", "BMP"]),
)
def test_any_colour_picture_comes_back(pixels, kind):
    np.testing.assert_array_equal(read_bytes(saved(Pil.fromarray(pixels), kind), "any").pixels, pixels)
