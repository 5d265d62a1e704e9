"""Real files of microscopes: what each holds, against what other readers and other files say."""

from __future__ import annotations

import numpy as np
import pytest
from support import real_folder

from exoimage.errors import ImageReadError
from exoimage.flags import Flag
from exoimage.images.reading import list_scenes, read, read_bytes
from exoimage.images.source import Window, describe, open_source

FORMATS = real_folder() / "formats"
pytestmark = [
    pytest.mark.real,
    pytest.mark.skipif(not FORMATS.is_dir(), reason=f"no real images at {FORMATS}; set EXOIMAGE_REAL"),
]

NEEDS = {".czi": "pylibCZIrw", ".nd2": "nd2"}
U8, U16 = np.uint8, np.uint16
RGB = ("red", "green", "blue")

PICTURES = [  # file, scene, choice -> shape, dtype, µm, channels, saturation, flags
    ("CMU-1-Small-Region.svs", None, {}, (2967, 2220), U8, 0.499, RGB, 255, (Flag.LOSSY_FILE,)),
    ("CellDivision_T3_Z6_CH1_X300_Y200_DCV_ZSTD.czi", None, {"z": 2, "t": 1}, (200, 300), U16,
     0.0905766742, ("LED555",), 16383, ()),
    ("DAPI_GFP.czi", None, {}, (640, 640), U8, None, ("channel 1", "channel 2"), 255, ()),
    ("Fluorescence_RGB.czi", None, {}, (272, 275), U8, None, RGB, 255, ()),
    ("Fluorescence_RGB.tif", None, {}, (272, 275), U8, None, RGB, 255, ()),
    ("S3_1Pos_2Mosaic_T1_Z1_CH1.czi", 0, {}, (122, 295), U16, 1.6, ("DAPI",), 16383, ()),
    ("S3_1Pos_2Mosaic_T1_Z1_CH1.czi", 1, {}, (64, 64), U16, 1.6, ("DAPI",), 16383, ()),
    ("S3_1Pos_2Mosaic_T1_Z1_CH1.czi", 2, {}, (237, 352), U16, 1.6, ("DAPI",), 16383, (Flag.MOSAIC_GAPS,)),
    ("WellD6_S1.czi", None, {}, (440, 544), U16, 0.1, ("AF488",), 16383, ()),
    ("nuc_small.czi", None, {}, (240, 320), U8, 0.457150683, ("AF568",), 255, ()),
    ("PR2729_frameOrderCombinedScanTypes.lif", 3, {"z": 1, "t": 0}, (64, 64), U8,
     3.96825397, ("Green", "Red"), 255, ()),
    ("cluster.nd2", None, {"z": 4, "t": 2}, (31, 38), U16, 0.167808983, ("5-FAM/pH 9.0", "FM 4-64/2% CHAPS"), 4095, ()),
    ("test.oib", None, {}, (256, 256), U16, 0.177, ("CH1", "Alexa Fluor 546", "TD1"), 4095, ()),
    ("keyence/Image_XY01_00001_CH1.tif", None, {}, (360, 480), U16, 7.54883583, ("grey",), 65535, ()),
    ("keyence/Image_XY01_00001_CH3.tif", None, {}, (360, 480), U16, 7.54883583, ("grey",), 65535, ()),
]  # fmt: skip

REFUSED = [
    ("LeicaLASX_xz-plane_example.lif", 0, {}, "section with the axes ZX"),
    ("LeicaLASX_xz-plane_example.lif", 2, {"z": 0}, "section with the axes YZX"),
    ("LeicaLASX_xz-plane_example.lif", None, {}, "holds 3 pictures, 0 .x-z: "),
    ("cluster.nd2", None, {"t": 0}, "T = 3, Z = 10, C = 2.*choose z = 0 … 9.*sharpest"),
    ("cluster.nd2", None, {"t": 3, "z": 0}, "T has 3 planes"),
    ("S3_1Pos_2Mosaic_T1_Z1_CH1.czi", 3, {}, "it holds 3: choose 0 … 2"),
]

CZI = ("DAPI_GFP.czi", "Fluorescence_RGB.czi", "WellD6_S1.czi", "nuc_small.czi")


def needed(name: str) -> None:
    for suffix, package in NEEDS.items():
        if name.endswith(suffix):
            pytest.importorskip(package)


@pytest.mark.parametrize(("name", "scene", "choice", "shape", "dtype", "size", "channels", "top", "flags"), PICTURES)
def test_what_each_file_holds(name, scene, choice, shape, dtype, size, channels, top, flags):
    needed(name)
    image = read(FORMATS / name, scene=scene, **choice)
    found = (image.shape, image.pixels.dtype, image.channels, image.max_value, image.flags)
    assert found == (shape, dtype, channels, top, flags)
    assert image.pixel_size == (None if size is None else pytest.approx(size, rel=1e-8))
    assert image.pixels.max() > image.pixels.min()


@pytest.mark.parametrize(("name", "scene", "choice", "reason"), REFUSED)
def test_what_is_refused_and_why(name, scene, choice, reason):
    needed(name)
    with pytest.raises(ImageReadError, match=reason):
        read(FORMATS / name, scene=scene, **choice)


def test_every_file_is_in_a_table():
    known = {name for name, *_ in PICTURES + REFUSED}
    there = {path.relative_to(FORMATS).as_posix() for path in FORMATS.rglob("*") if path.is_file()}
    assert {name for name in there if not name.startswith("tiff_variants/")} <= known


@pytest.mark.parametrize(("name", "scene", "choice"), [row[:3] for row in PICTURES])
def test_windows_are_parts_of_the_picture(name, scene, choice):
    needed(name)
    whole = read(FORMATS / name, scene=scene, **choice)
    height, width = whole.shape
    window = Window(height // 3, width // 4, height // 2, width // 3)
    with open_source(FORMATS / name, scene, **choice) as source:
        part = source.read(window)
        assert (source.shape, source.pixel_size, source.channels) == (whole.shape, whole.pixel_size, whole.channels)
        assert (source.light, source.max_value, source.flags) == (whole.light, whole.max_value, whole.flags)
    top, left = window.top, window.left
    np.testing.assert_array_equal(part.pixels, whole.pixels[top : top + window.height, left : left + window.width])


@pytest.mark.parametrize("name", CZI)
def test_czi_planes_equal_those_of_an_independent_reader(name):
    """Against czifile, which is pure Python and shares no code with Zeiss's library; it knows no ZSTD."""
    needed(name)
    czifile = pytest.importorskip("czifile")
    with czifile.CziFile(FORMATS / name) as file:
        other, axes = file.asarray(), file.axes
    other = np.moveaxis(other, [axes.index(axis) for axis in "YXC0"], [-4, -3, -2, -1]).reshape(
        *(other.shape[axes.index(axis)] for axis in "YXC0")
    )
    image = read(FORMATS / name)
    np.testing.assert_array_equal(image.pixels, other.reshape(image.pixels.shape))


def test_rgb_of_czi_is_red_green_blue():
    """The stored stream of this CZI begins two bytes late: its blue is the TIFF's, its red and green are one px off.

    The TIFF's first pixel (64, 121, 6) is there in the CZI only as (…, …, 6): the two values before it are gone, and
    the last column of red and green continues in the next row. Both readers of CZI agree on it (see above).
    """
    needed("x.czi")
    czi, tif = read(FORMATS / "Fluorescence_RGB.czi").pixels, read(FORMATS / "Fluorescence_RGB.tif").pixels
    np.testing.assert_array_equal(czi[:, :, 2], tif[:, :, 2])
    stored = czi[:, :, ::-1].ravel()
    np.testing.assert_array_equal(stored[:-2], tif.ravel()[2:])


def test_lif_positions_and_planes_are_those_of_the_whole_array():
    import liffile

    name = FORMATS / "PR2729_frameOrderCombinedScanTypes.lif"
    with liffile.LifFile(name) as lif:
        whole, axes = lif.images[0].asarray(), "".join(lif.images[0].sizes)
    assert axes == "TMZCYX"
    assert list_scenes(name)[1] == "TileScan_001 position 2"
    for scene, z, t in ((0, 0, 0), (1, 2, 1), (3, 1, 0)):
        np.testing.assert_array_equal(read(name, scene=scene, z=z, t=t).pixels, np.moveaxis(whole[t, scene, z], 0, -1))


def test_nd2_planes_and_projections_are_those_of_the_whole_array():
    nd2 = pytest.importorskip("nd2")
    name = FORMATS / "cluster.nd2"
    whole = nd2.imread(name)
    np.testing.assert_array_equal(read(name, z=7, t=1).pixels, np.moveaxis(whole[1, 7], 0, -1))
    np.testing.assert_array_equal(read(name, z="max", t=1).pixels, np.moveaxis(whole[1].max(axis=0), 0, -1))
    np.testing.assert_array_equal(read(name, z=0, t=0, c=1).pixels[:, :, 0], whole[0, 0, 1])


def test_oib_planes_are_those_of_the_whole_array():
    import oiffile

    np.testing.assert_array_equal(
        read(FORMATS / "test.oib").pixels, np.moveaxis(oiffile.imread(FORMATS / "test.oib"), 0, -1)
    )


def test_bytes_of_a_microscopes_file_are_read_as_the_file():
    name = FORMATS / "test.oib"
    np.testing.assert_array_equal(read_bytes(name.read_bytes(), "test.oib").pixels, read(name).pixels)


def test_details_of_how_a_picture_was_taken():
    (keyence,) = describe(FORMATS / "keyence" / "Image_XY01_00001_CH1.tif")
    assert (keyence.details["magnification"], keyence.details["exposure_ms"]) == (4.0, [50.0])
    assert describe(FORMATS / "CMU-1-Small-Region.svs")[0].details["magnification"] == 20
    pytest.importorskip("pylibCZIrw")
    (well,) = describe(FORMATS / "WellD6_S1.czi")
    assert well.details["objective"] == "Plan-Apochromat 5x/0.35"
    assert well.details["exposure_ms"] == [150.0]


@pytest.mark.parametrize(("module", "opener"), [("openslide", "slides"), ("slideio", "vsi")])
def test_slide_libraries_give_the_tiles_that_tifffile_gives(module, opener):
    """No slide of theirs is at hand: a TIFF slide goes through the same code instead."""
    pytest.importorskip(module)
    from exoimage.images.slides import open_slide
    from exoimage.images.vsi import open_with_slideio

    path = str(FORMATS / "CMU-1-Small-Region.svs")
    whole = read(path)
    opened = open_slide(path) if opener == "slides" else open_with_slideio(path, "SVS")
    with opened as container:
        (scene,) = container.scenes
        assert (scene.height, scene.width, scene.colour) == (*whole.shape, True)
        assert scene.pixel_size == pytest.approx(0.499)
        part = container.window(0, {}, (1000, 500, 300, 400), 0)
    np.testing.assert_allclose(part, whole.pixels[1000:1300, 500:900].astype(int), atol=2)


def test_a_cut_off_file_is_refused_where_its_planes_are_gone(tmp_path):
    data = (FORMATS / "PR2729_frameOrderCombinedScanTypes.lif").read_bytes()
    cut = tmp_path / "cut.lif"
    cut.write_bytes(data[: len(data) // 2])
    for scene in range(4):
        for z, t in ((0, 0), (2, 1)):
            try:
                image = read(cut, scene=scene, z=z, t=t)
            except ImageReadError:
                continue
            whole = read(FORMATS / "PR2729_frameOrderCombinedScanTypes.lif", scene=scene, z=z, t=t)
            np.testing.assert_array_equal(image.pixels, whole.pixels)
    with pytest.raises(ImageReadError):
        read(cut, scene=3, z=2, t=1)
