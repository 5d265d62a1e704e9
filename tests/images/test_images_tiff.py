"""TIFF in all its dress: known pixels, written in many ways, must come back as they are."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
import tifffile
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from exoimage.errors import ImageReadError
from exoimage.flags import Flag
from exoimage.images.reading import list_scenes, read, read_bytes

RNG = np.random.default_rng(20261121)
GREY8 = RNG.integers(0, 256, (37, 53), dtype=np.uint8)
GREY16 = RNG.integers(0, 65536, (37, 53), dtype=np.uint16)
RGB = RNG.integers(0, 256, (37, 53, 3), dtype=np.uint8)


def encoded(pixels, **options) -> bytes:
    buffer = io.BytesIO()
    tifffile.imwrite(buffer, pixels, **options)
    return buffer.getvalue()


def reading(pixels, *, how=None, **options):
    return read_bytes(encoded(pixels, **options), "picture.tif", **(how or {}))


LOSSLESS = ["none", "lzw", "zlib", "zstd", "lzma", "packbits"]


@pytest.mark.parametrize("compression", LOSSLESS)
@pytest.mark.parametrize("bigtiff", [False, True])
@pytest.mark.parametrize("byteorder", ["<", ">"])
def test_lossless_rgb_is_exact(compression, bigtiff, byteorder):
    image = reading(RGB, photometric="rgb", compression=compression, bigtiff=bigtiff, byteorder=byteorder)
    np.testing.assert_array_equal(image.pixels, RGB)
    assert image.channels == ("red", "green", "blue")
    assert (image.light, image.max_value, image.pixel_size, image.flags) == ("absorbed", 255.0, None, ())
    assert image.pixels.flags.c_contiguous
    assert image.pixels.dtype.isnative


@pytest.mark.parametrize(
    "options",
    [
        {"tile": (16, 16)},
        {"tile": (32, 16), "compression": "lzw", "predictor": True},
        {"rowsperstrip": 5},
        {"planarconfig": "separate"},
        {"planarconfig": "separate", "compression": "zlib", "tile": (16, 16)},
        {"compression": "zlib", "predictor": True, "byteorder": ">"},
    ],
)
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_layouts_are_exact(options, dtype):
    pixels = RGB.astype(dtype) * (1 if dtype == np.uint8 else 257)
    stored = np.moveaxis(pixels, -1, 0) if options.get("planarconfig") == "separate" else pixels
    image = reading(stored, photometric="rgb", **options)
    np.testing.assert_array_equal(image.pixels, pixels)
    assert image.pixels.dtype == dtype
    assert image.pixels.flags.c_contiguous


@pytest.mark.parametrize("byteorder", ["<", ">"])
def test_sixteen_bit_grey_is_emitted_light(byteorder):
    image = reading(GREY16, photometric="minisblack", byteorder=byteorder)
    np.testing.assert_array_equal(image.pixels[:, :, 0], GREY16)
    assert (image.channels, image.light, image.max_value) == (("grey",), "emitted", 65535.0)


def test_light_given_by_the_user_wins():
    assert reading(GREY8, how={"light": "absorbed"}).light == "absorbed"


@pytest.mark.parametrize(("bits", "full"), [(10, 1023), (12, 4095), (14, 16383)])
def test_bits_per_sample_below_16_set_the_saturation(bits, full):
    pixels = GREY16[:, :48] % (full + 1)
    sixteen = np.unpackbits(pixels.astype(">u2").view(np.uint8).reshape(*pixels.shape, 2), axis=2)
    packed = np.packbits(sixteen[:, :, 16 - bits :].reshape(pixels.shape[0], -1), axis=1)
    image = reading(iter([packed.tobytes()]), shape=pixels.shape, dtype=np.uint16, bitspersample=bits, rowsperstrip=37)
    np.testing.assert_array_equal(image.pixels[:, :, 0], pixels)
    assert image.max_value == full


@pytest.mark.parametrize("tag", [281, 341])
def test_stated_maximum_is_believed_only_as_a_number_of_bits(tag):
    twelve = GREY16 % 4096
    twelve[0, 0] = 4095
    assert reading(twelve, extratags=[(tag, "H", 1, 4095, True)]).max_value == 4095
    assert reading(twelve, extratags=[(tag, "H", 1, 3977, True)]).max_value == 65535
    assert reading(GREY16, extratags=[(tag, "H", 1, 4095, True)]).max_value == 65535


def test_significant_bits_of_ome_set_the_saturation():
    image = reading(GREY16 % 4096, ome=True, metadata={"axes": "YX", "SignificantBits": 12})
    assert image.max_value == 4095


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_floats_become_float32(dtype):
    pixels = (GREY8 / 256).astype(dtype)
    image = reading(pixels)
    np.testing.assert_array_equal(image.pixels[:, :, 0], pixels.astype(np.float32))
    assert (image.pixels.dtype, image.max_value) == (np.float32, 1.0)


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_floats_that_are_no_numbers_are_refused(bad):
    pixels = np.ones((4, 4), np.float32)
    pixels[1, 2] = bad
    with pytest.raises(ImageReadError, match="no numbers"):
        reading(pixels)


@pytest.mark.parametrize(
    ("dtype", "values", "expected_dtype"),
    [
        (np.uint32, [0, 65535], np.uint16),
        (np.int32, [0, 700], np.uint16),
        (np.int16, [0, 32767], np.uint16),
        (np.int16, [-5, 32767], np.float32),
        (np.int8, [0, 127], np.uint8),
        (np.int8, [-128, 127], np.float32),
        (np.uint32, [0, 2**24], np.float32),
        (np.int32, [-(2**24), 2**31 - 128], np.float32),
    ],
)
def test_other_integers_are_converted_exactly(dtype, values, expected_dtype):
    pixels = np.array([values, values[::-1]], dtype)
    image = reading(pixels, photometric="minisblack")
    np.testing.assert_array_equal(image.pixels[:, :, 0].astype(np.float64), pixels.astype(np.float64))
    assert image.pixels.dtype == expected_dtype


@pytest.mark.parametrize("value", [2**24 + 1, 2**32 - 1])
def test_integers_that_float32_cannot_hold_are_refused(value):
    with pytest.raises(ImageReadError, match="cannot hold exactly"):
        reading(np.array([[0, value]], np.uint32), photometric="minisblack")


def test_bilevel_spans_0_to_255():
    image = reading(GREY8 > 100, photometric="minisblack")
    np.testing.assert_array_equal(image.pixels[:, :, 0], np.where(GREY8 > 100, 255, 0))


@pytest.mark.parametrize("pixels", [GREY8, GREY16, GREY8 > 100], ids=["8", "16", "1"])
def test_white_is_zero_is_inverted_unless_stored_values_are_asked_for(pixels):
    full = 1 if pixels.dtype == bool else np.iinfo(pixels.dtype).max
    scale = 255 if pixels.dtype == bool else 1
    shown = reading(pixels, photometric="miniswhite")
    stored = reading(pixels, photometric="miniswhite", how={"photometric": "stored"})
    np.testing.assert_array_equal(stored.pixels[:, :, 0], pixels.astype(np.uint16) * scale)
    np.testing.assert_array_equal(shown.pixels[:, :, 0], (full - pixels.astype(np.uint16)) * scale)


def test_palette_is_expanded_and_flagged():
    palette = RNG.integers(0, 256, (3, 256), dtype=np.uint16)
    image = reading(GREY8, photometric="palette", colormap=palette * 257)
    np.testing.assert_array_equal(image.pixels, palette.T[GREY8])
    assert (image.light, image.flags) == ("absorbed", (Flag.PALETTE_FILE,))


def test_palette_that_only_tints_keeps_the_intensities():
    ramp = np.arange(256, dtype=np.uint16) * 257
    image = reading(GREY8, photometric="palette", colormap=np.stack([0 * ramp, 0 * ramp, ramp]))
    np.testing.assert_array_equal(image.pixels[:, :, 0], GREY8)
    assert (image.light, image.flags) == ("emitted", ())


def test_opaque_alpha_is_dropped_and_transparency_lies_over_white():
    alpha = np.full(RGB.shape[:2], 255, np.uint8)
    opaque = reading(np.dstack([RGB, alpha]), photometric="rgb", extrasamples=["unassalpha"])
    np.testing.assert_array_equal(opaque.pixels, RGB)
    alpha[:10] = 0
    alpha[10:20] = 51
    mixed = reading(np.dstack([RGB, alpha]), photometric="rgb", extrasamples=["unassalpha"]).pixels
    assert (mixed[:10] == 255).all()
    np.testing.assert_array_equal(mixed[20:], RGB[20:])
    np.testing.assert_array_equal(mixed[10:20], np.rint(RGB[10:20] * 0.2 + 255 * 0.8))


def test_premultiplied_alpha_is_not_multiplied_again():
    alpha = np.full((2, 2), 51, np.uint8)
    colours = np.full((2, 2, 3), 40, np.uint8)
    image = reading(np.dstack([colours, alpha]), photometric="rgb", extrasamples=["assocalpha"])
    assert (image.pixels == 40 + 204).all()


def test_grey_with_alpha_lies_over_black():
    alpha = np.zeros_like(GREY8)
    alpha[:20] = 255
    pixels = np.dstack([GREY8, alpha])
    image = reading(pixels, photometric="minisblack", planarconfig="contig", extrasamples=["unassalpha"])
    np.testing.assert_array_equal(image.pixels[:, :, 0], np.where(alpha > 0, GREY8, 0))


def test_cmyk_becomes_rgb_naively():
    inks = RNG.integers(0, 256, (9, 11, 4), dtype=np.uint8)
    inks[0, 0] = 0
    image = reading(inks, photometric="separated")
    light = (255 - inks[:, :, :3].astype(float)) * (255 - inks[:, :, 3:].astype(float)) / 255
    assert np.abs(image.pixels - light).max() <= 0.5
    assert (image.pixels[0, 0] == 255).all()
    assert image.channels == ("red", "green", "blue")


def test_cielab_of_known_colours():
    """sRGB white, mid-grey, red and blue in D50 L*a*b* (Lindblom's calculator, Bradford)."""
    lab = np.array([[(255, 0, 0), (137, 0, 0), (138, 81, 70), (75, 68, -112 % 256)]], np.uint8)
    image = reading(lab, photometric="cielab")
    truth = np.array([[(255, 255, 255), (128, 128, 128), (255, 0, 0), (0, 0, 255)]])
    assert np.abs(image.pixels.astype(int) - truth).max() <= 5


def test_jpeg_within_tiff_is_flagged():
    smooth = np.repeat(np.linspace(60, 200, 64).astype(np.uint8)[:, None], 64, axis=1)
    colours = np.dstack([smooth, smooth[::-1], smooth.T])
    image = reading(colours, photometric="rgb", compression="jpeg")
    assert np.abs(image.pixels.astype(int) - colours).max() <= 12
    assert image.flags == (Flag.LOSSY_FILE,)
    assert image.channels == ("red", "green", "blue")


def test_grey_rgb_stays_colour():
    assert reading(np.dstack([GREY8] * 3), photometric="rgb").channels == ("red", "green", "blue")


@pytest.mark.parametrize("orientation", range(1, 9))
def test_orientation_is_applied(orientation):
    upright = np.arange(12, dtype=np.uint8).reshape(3, 4)
    stored = {
        1: upright, 2: upright[:, ::-1], 3: upright[::-1, ::-1], 4: upright[::-1], 5: upright.T,
        6: np.rot90(upright), 7: np.rot90(upright.T, 2), 8: np.rot90(upright, -1),
    }[orientation]  # fmt: skip
    image = reading(np.ascontiguousarray(stored), extratags=[(274, "H", 1, orientation, True)])
    np.testing.assert_array_equal(image.pixels[:, :, 0], upright)


STACK = RNG.integers(0, 4096, (2, 3, 4, 17, 19), dtype=np.uint16)  # t, z, c, y, x
STACK_OPTIONS = [
    {"imagej": True, "metadata": {"axes": "TZCYX"}},
    {"ome": True, "metadata": {"axes": "TZCYX"}},
    {"ome": True, "metadata": {"axes": "TZCYX"}, "compression": "zlib", "tile": (16, 16)},
]


@pytest.mark.parametrize("options", STACK_OPTIONS)
@pytest.mark.parametrize(
    ("how", "expected"),
    [
        ({"z": 1, "t": 0}, STACK[0, 1]),
        ({"z": "max", "t": 1}, STACK[1].max(axis=0)),
        ({"z": "mean", "t": 1}, STACK[1].mean(axis=0).astype(np.float32)),
        ({"z": "max", "t": "max"}, STACK.max(axis=(0, 1))),
        ({"z": 2, "t": 1, "c": 3}, STACK[1, 2, 3:]),
        ({"z": "max", "t": 1, "c": [2, 0]}, STACK[1].max(axis=0)[[2, 0]]),
        ({"z": 2, "t": 1, "c": "channel 2"}, STACK[1, 2, 1:2]),
    ],
)
def test_planes_are_chosen_and_projected(options, how, expected):
    image = reading(STACK, how=how, **options)
    np.testing.assert_array_equal(np.moveaxis(image.pixels, -1, 0), expected)
    assert (image.light, image.max_value) == ("emitted", 65535.0)


@pytest.mark.parametrize("options", STACK_OPTIONS)
def test_without_a_choice_the_axes_are_listed(options):
    with pytest.raises(ImageReadError, match=r"T = 2, Z = 3, C = 4.*z = 0 … 2, z = \"max\" or z = \"mean\""):
        reading(STACK, **options)


@pytest.mark.parametrize(
    ("how", "message"),
    [
        ({"z": 3, "t": 0}, "z = 3 was asked for, but Z has 3"),
        ({"z": "median", "t": 0}, "means nothing"),
        ({"z": -1, "t": 0}, "means nothing"),
        ({"z": 0, "t": 0, "c": "DAPI"}, "no channel 'DAPI'; it has 0 'channel 1'"),
        ({"z": 0, "t": 0, "c": 4}, "no channel 4"),
        ({"z": 0, "t": 0, "c": [1, 1]}, "twice"),
        ({"z": 0, "t": 0, "scene": 1}, "scene = 1 was asked for"),
    ],
)
def test_impossible_choices_are_refused(how, message):
    with pytest.raises(ImageReadError, match=message):
        reading(STACK, how=how, **STACK_OPTIONS[0])


def test_projection_of_a_single_plane_is_that_plane():
    np.testing.assert_array_equal(reading(GREY16, how={"z": "max", "t": 0}).pixels[:, :, 0], GREY16)


def test_a_plane_beyond_a_single_one_is_refused():
    with pytest.raises(ImageReadError, match="no axis Z"):
        reading(GREY16, how={"z": 2})


def test_one_channel_of_a_colour_picture():
    image = reading(RGB, photometric="rgb", how={"c": "Blue"})
    np.testing.assert_array_equal(image.pixels[:, :, 0], RGB[:, :, 2])
    assert (image.channels, image.light) == (("blue",), "emitted")


def test_channel_names_of_ome():
    metadata = {"axes": "CYX", "Channel": {"Name": ["DAPI", "EdU", "PKH26"]}}
    image = reading(STACK[0, 0, :3], ome=True, metadata=metadata, photometric="minisblack", how={"c": ["edu", 0]})
    assert image.channels == ("EdU", "DAPI")
    np.testing.assert_array_equal(image.channel("EdU"), STACK[0, 0, 1])


def test_channel_names_of_imagej_labels():
    labels = ["c:1/2 - DAPI", "c:2/2 - EdU"]
    image = reading(STACK[0, 0, :2], imagej=True, metadata={"axes": "CYX", "Labels": labels})
    assert image.channels == ("DAPI", "EdU")


def test_labels_that_do_not_tell_channels_apart_are_no_names():
    image = reading(STACK[0, 0, :2], imagej=True, metadata={"axes": "CYX", "Labels": ["a.tif", "a.tif"]})
    assert image.channels == ("channel 1", "channel 2")


def test_planar_samples_without_colour_are_channels():
    image = reading(np.moveaxis(RGB, -1, 0), photometric="minisblack", planarconfig="separate")
    np.testing.assert_array_equal(image.pixels, RGB)
    assert image.channels == ("channel 1", "channel 2", "channel 3")
    assert image.light == "emitted"


def several_pages(*pages, **options) -> bytes:
    buffer = io.BytesIO()
    with tifffile.TiffWriter(buffer) as writer:
        for page in pages:
            writer.write(page, contiguous=False, metadata=None, **options)
    return buffer.getvalue()


def test_plain_pages_are_scenes_or_the_stack_the_user_names(tmp_path):
    data = several_pages(GREY8, GREY8.T.reshape(GREY8.shape), GREY8[::-1])
    path = tmp_path / "pages.tif"
    path.write_bytes(data)
    assert list_scenes(path) == ("page 1", "page 2", "page 3")
    with pytest.raises(ImageReadError, match=r"holds 3 pictures.*scene = NUMBER.*z = \"max\""):
        read(path)
    np.testing.assert_array_equal(read(path, scene=2).pixels[:, :, 0], GREY8[::-1])
    stack = np.stack([GREY8, GREY8.T.reshape(GREY8.shape), GREY8[::-1]])
    np.testing.assert_array_equal(read(path, z="max").pixels[:, :, 0], stack.max(axis=0))
    np.testing.assert_array_equal(read(path, c=[0, 1, 2]).pixels, np.moveaxis(stack, 0, -1))


def test_pictures_of_different_size_are_scenes():
    data = several_pages(GREY8, GREY8[:30, :31])
    with pytest.raises(ImageReadError, match=r"2 pictures, 0 \(.*53 × 37 px\), 1 \(.*31 × 30 px\)"):
        read_bytes(data, "two.tif")
    assert read_bytes(data, "two.tif", scene=1).shape == (30, 31)


def test_thumbnails_and_pyramids_are_no_scenes():
    full = RNG.integers(0, 255, (128, 160), dtype=np.uint8)
    thumbnail = several_pages(full, full[::4, ::4])
    np.testing.assert_array_equal(read_bytes(thumbnail, "thumb.tif").pixels[:, :, 0], full)
    buffer = io.BytesIO()
    with tifffile.TiffWriter(buffer) as writer:
        writer.write(full, subifds=2, tile=(32, 32))
        writer.write(full[::2, ::2], subfiletype=1, tile=(32, 32))
        writer.write(full[::4, ::4], subfiletype=1, tile=(32, 32))
    np.testing.assert_array_equal(read_bytes(buffer.getvalue(), "pyramid.tif").pixels[:, :, 0], full)


def test_one_file_of_an_ome_set_gives_its_own_pages(tmp_path):
    xml = (
        '<?xml version="1.0"?><OME xmlns="http://www.openmicroscopy.org/Schemas/OME/2016-06"'
        ' UUID="urn:uuid:a">'
        '<Image ID="Image:0" Name="s"><Pixels ID="P:0" DimensionOrder="XYCZT" Type="uint8"'
        ' SizeX="53" SizeY="37"'
        ' SizeC="2" SizeZ="1" SizeT="1" PhysicalSizeX="0.5" PhysicalSizeY="0.5">'
        '<Channel ID="C:0" SamplesPerPixel="1" Name="DAPI"/>'
        '<Channel ID="C:1" SamplesPerPixel="1" Name="EdU"/>'
        '<TiffData FirstC="0" IFD="0" PlaneCount="1"><UUID FileName="a.ome.tif">urn:uuid:a</UUID></TiffData>'
        '<TiffData FirstC="1" IFD="0" PlaneCount="1"><UUID FileName="b.ome.tif">urn:uuid:b</UUID></TiffData>'
        "</Pixels></Image></OME>"
    )
    for name in ("a.ome.tif", "b.ome.tif"):
        tifffile.imwrite(tmp_path / name, GREY8 if name[0] == "a" else GREY8 // 2, description=xml, metadata=None)
    image = read(tmp_path / "a.ome.tif")
    np.testing.assert_array_equal(image.pixels[:, :, 0], GREY8)
    assert image.pixel_size == 0.5


def test_ome_with_a_missing_plane_is_refused():
    data = encoded(STACK[0, 0, :2], ome=True, metadata={"axes": "CYX"}, photometric="minisblack")
    broken = data.replace(b'SizeC="2"', b'SizeC="3"')
    assert broken != data
    with pytest.raises(ImageReadError, match="missing"):
        read_bytes(broken, "broken.ome.tif")


def test_ome_with_entities_is_refused():
    entity = '<!DOCTYPE x [<!ENTITY a "aaaa">]>'
    xml = f'<?xml version="1.0"?>{entity}<OME xmlns="http://www.openmicroscopy.org/">&a;</OME>'
    with pytest.raises(ImageReadError, match="entities"):
        reading(GREY8, description=xml, metadata=None)


def test_the_path_and_the_bytes_give_the_same(tmp_path):
    path = tmp_path / "Größe µm.tif"
    path.write_bytes(encoded(RGB, photometric="rgb", compression="lzw"))
    np.testing.assert_array_equal(read(path).pixels, read_bytes(path.read_bytes(), str(path)).pixels)


def test_the_suffix_decides_nothing(tmp_path):
    path = Path(tmp_path) / "really_a_tiff.jpg"
    path.write_bytes(encoded(GREY8))
    np.testing.assert_array_equal(read(path).pixels[:, :, 0], GREY8)


@settings(max_examples=40, deadline=None)
@given(
    pixels=hnp.arrays(
        st.sampled_from([np.uint8, np.uint16]),
        hnp.array_shapes(min_dims=2, max_dims=2, min_side=1, max_side=40),
    ),
    compression=st.sampled_from(LOSSLESS),
    byteorder=st.sampled_from("<>"),
    rows=st.integers(1, 50),
)
def test_any_grey_picture_comes_back(pixels, compression, byteorder, rows):
    image = reading(pixels, photometric="minisblack", compression=compression, byteorder=byteorder, rowsperstrip=rows)
    np.testing.assert_array_equal(image.pixels[:, :, 0], pixels)
    assert image.pixels.dtype == pixels.dtype
