"""Damaged, absurd and foreign files: an `ImageReadError` in one line, never a wrong picture."""

from __future__ import annotations

import io
import logging
import os
import pickle
import sys

import numpy as np
import pytest
import tifffile
from PIL import Image as Pil

from exoimage.errors import ImageReadError
from exoimage.images.image import Image
from exoimage.images.reading import read, read_bytes

RNG = np.random.default_rng(5)
RGB = RNG.integers(0, 256, (48, 40, 3), dtype=np.uint8)
STACK = RNG.integers(0, 4096, (3, 24, 20), dtype=np.uint16)


def tiff(pixels, **options) -> bytes:
    buffer = io.BytesIO()
    tifffile.imwrite(buffer, pixels, **options)
    return buffer.getvalue()


def raster(kind: str) -> bytes:
    buffer = io.BytesIO()
    Pil.fromarray(RGB).save(buffer, kind)
    return buffer.getvalue()


FILES = {
    "raw.tif": tiff(RGB, photometric="rgb", rowsperstrip=7),
    "lzw.tif": tiff(RGB, photometric="rgb", compression="lzw", rowsperstrip=7),
    "deflate_tiles.tif": tiff(RGB, photometric="rgb", compression="zlib", tile=(16, 16)),
    "zstd.tif": tiff(RGB, photometric="rgb", compression="zstd", rowsperstrip=7),
    "packbits.tif": tiff(RGB, photometric="rgb", compression="packbits", rowsperstrip=7),
    "jpeg.tif": tiff(RGB, photometric="rgb", compression="jpeg", rowsperstrip=16),
    "imagej.tif": tiff(STACK, imagej=True, metadata={"axes": "CYX"}),
    "imagej_deflate.tif": tiff(STACK, imagej=True, metadata={"axes": "CYX"}, compression="zlib"),
    "ome.tif": tiff(STACK, ome=True, metadata={"axes": "CYX"}, photometric="minisblack"),
    "picture.png": raster("PNG"),
    "picture.jpg": raster("JPEG"),
    "picture.bmp": raster("BMP"),
}


@pytest.mark.parametrize("name", FILES)
def test_whole_files_are_read(name):
    assert isinstance(read_bytes(FILES[name], name), Image)


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("share", [0.1, 0.3, 0.5, 0.7, 0.9, 0.97])
def test_truncated_files_are_refused(name, share):
    data = FILES[name]
    answer = image_or_error(data[: int(len(data) * share)], name)
    if isinstance(answer, ImageReadError):
        assert "\n" not in str(answer)
    else:  # only padding or metadata may have been cut off
        assert share > 0.9
        np.testing.assert_array_equal(answer.pixels, read_bytes(data, name).pixels)


def image_or_error(data: bytes, name: str) -> Image | ImageReadError:
    try:
        return read_bytes(data, name)
    except ImageReadError as error:
        return error


COMPRESSED = ["lzw.tif", "deflate_tiles.tif", "zstd.tif", "packbits.tif", "jpeg.tif"]


@pytest.mark.parametrize("name", COMPRESSED)
def test_a_strip_cut_short_is_refused(name):
    """Half of a strip's or tile's bytes: the file is long enough, the pixels are not."""
    data = bytearray(FILES[name])
    with tifffile.TiffFile(io.BytesIO(bytes(data))) as tif:
        tag = tif.pages[0].tags.get("StripByteCounts") or tif.pages[0].tags["TileByteCounts"]
        size = tag.valuebytecount // tag.count
        data[tag.valueoffset : tag.valueoffset + size] = (tag.value[0] // 2).to_bytes(size, "little")
    with pytest.raises(ImageReadError):
        read_bytes(bytes(data), name)


def test_empty_strip_is_refused():
    data = bytearray(FILES["lzw.tif"])
    with tifffile.TiffFile(io.BytesIO(bytes(data))) as tif:
        tag = tif.pages[0].tags["StripByteCounts"]
        size = tag.valuebytecount // tag.count
    data[tag.valueoffset + size : tag.valueoffset + 2 * size] = bytes(size)
    with pytest.raises(ImageReadError, match="empty"):
        read_bytes(bytes(data), "sparse.tif")


@pytest.mark.parametrize("seed", range(17))
@pytest.mark.parametrize("name", FILES)
def test_flipped_bytes_give_a_picture_or_an_error(name, seed):
    rng = np.random.default_rng([seed, len(name)])
    data = np.frombuffer(FILES[name], np.uint8).copy()
    # Headers are where a flip is dangerous: half of the flips fall at either end.
    ends = np.concatenate([rng.integers(0, 200, 2), len(data) - 1 - rng.integers(0, 200, 2)])
    places = np.concatenate([ends, rng.integers(0, len(data), 4)])[rng.integers(0, 8, 1 + seed % 4)]
    data[places] = rng.integers(0, 256, len(places))
    answer = image_or_error(data.tobytes(), name)
    if isinstance(answer, ImageReadError):
        assert str(answer).startswith(name + ": ")
        assert "\n" not in str(answer)
    else:
        assert isinstance(answer, Image)


def announcing(width: int, height: int, **options) -> bytes:
    data = bytearray(tiff(np.zeros((4, 4), np.uint8), photometric="minisblack", **options))
    with tifffile.TiffFile(io.BytesIO(bytes(data))) as tif:
        for name, value in (("ImageWidth", width), ("ImageLength", height), ("RowsPerStrip", height)):
            tag = tif.pages[0].tags[name]
            size = tag.valuebytecount
            data[tag.valueoffset : tag.valueoffset + size] = value.to_bytes(size, "little")
    return bytes(data)


def test_absurd_sizes_are_refused_before_memory_is_asked_for():
    with pytest.raises(ImageReadError, match="gigapixel"):
        read_bytes(announcing(65535, 65535), "huge.tif")
    with pytest.raises(ImageReadError, match="more than its"):
        read_bytes(announcing(30000, 30000, compression="zlib"), "bomb.tif")
    with pytest.raises(ImageReadError, match="truncated"):
        read_bytes(announcing(3000, 3000), "short.tif")


def test_png_that_announces_more_than_it_holds():
    import struct
    import zlib

    header = b"IHDR" + struct.pack(">IIBBBBB", 40000, 40000, 8, 0, 0, 0, 0)
    data = FILES["picture.png"]
    data = data[:12] + header + struct.pack(">I", zlib.crc32(header)) + data[33:]
    with pytest.raises(ImageReadError, match="more than its data can hold"):
        read_bytes(data, "bomb.png")


def test_imagej_stack_without_its_last_planes_is_refused():
    data = FILES["imagej.tif"]
    with pytest.raises(ImageReadError):
        read_bytes(data[: len(data) - STACK[0].nbytes], "short.tif")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "empty"),
        (b"well;value\nA1;3\n", "text, not a picture"),
        (b"ZISRAWFILE" + bytes(50), "truncated|exoimage.czi"),
        (b"\0\0\0\x03\0\0\0\x40" + bytes(50), "Gatan .dm3 file; export it as TIFF"),
        (b"GIF89a" + bytes(50), "GIF"),
        (b"\x00\x01\x02\x03" * 20, "no picture that is known"),
        (b"II*\0", "damaged"),
        (b"\xff\xd8\xff", "damaged"),
        (b"BM", "damaged"),
        (b"\x89PNG\r\n\x1a\n", "truncated"),
    ],
)
def test_what_is_no_picture_is_named(content, message, tmp_path):
    path = tmp_path / "named.tif"
    path.write_bytes(content)
    with pytest.raises(ImageReadError, match=message) as caught:
        read(path)
    assert str(path) in str(caught.value)
    assert pickle.loads(pickle.dumps(caught.value)).reason == caught.value.reason


def test_missing_files_and_folders(tmp_path):
    with pytest.raises(ImageReadError, match="no such file"):
        read(tmp_path / "missing.tif")
    with pytest.raises(ImageReadError, match="folder"):
        read(tmp_path)


@pytest.mark.skipif(
    sys.platform == "win32" or getattr(os, "geteuid", lambda: 0)() == 0,
    reason="root and Windows may read everything",
)
def test_unreadable_file(tmp_path):
    path = tmp_path / "secret.tif"
    path.write_bytes(FILES["raw.tif"])
    path.chmod(0)
    with pytest.raises(ImageReadError, match="permission"):
        read(path)


def test_nothing_is_printed(capfd):
    """tifffile warns by logging, which without a handler would reach the terminal."""
    with pytest.raises(ImageReadError):
        read_bytes(FILES["ome.tif"].replace(b'SizeC="3"', b'SizeC="9"'), "broken.ome.tif")
    assert capfd.readouterr() == ("", "")
    assert any(isinstance(handler, logging.NullHandler) for handler in logging.getLogger("tifffile").handlers)
