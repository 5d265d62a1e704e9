"""Formats that can be written here: OME-TIFF sets, pyramids, OME-Zarr, .scn; z-stacks, scenes, what is missing."""

from __future__ import annotations

import contextlib
import json
import pickle
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest
import tifffile
from hypothesis import given, settings
from hypothesis import strategies as st
from mutations import run_all
from whole_files import STACK, image_lab, synthetic_files, whole_files

from exoimage.cli import main
from exoimage.errors import ImageReadError
from exoimage.flags import Flag
from exoimage.images.contents import contents_of
from exoimage.images.converting import convert
from exoimage.images.discovery import find_images
from exoimage.images.focus import focus_measure
from exoimage.images.image_lab import decode_scn
from exoimage.images.reading import list_scenes, read
from exoimage.images.scenes import Picture, companions, pictures_of
from exoimage.images.source import Window, describe, open_source

RNG = np.random.default_rng(3)
SHARP = 3


def focus_stack(planes: int = 6, sharp: int = SHARP) -> np.ndarray:
    """A stack of uint16 in which one plane is in focus."""
    dots = np.where(RNG.random((60, 80)) > 0.98, 3000.0, 100.0)
    blurred = [cv2.GaussianBlur(dots, (0, 0), 0.8 + abs(z - sharp)) for z in range(planes)]
    return np.stack(blurred).astype(np.uint16)


def slide(path: Path, size: tuple[int, int] = (1500, 2100), **options: object) -> np.ndarray:
    """Write a tiled pyramid of three levels; gives its full resolution."""
    full = cv2.GaussianBlur(RNG.integers(0, 256, (*size, 3), dtype=np.uint8), (0, 0), 5)
    with tifffile.TiffWriter(path) as writer:
        writer.write(full, tile=(256, 256), photometric="rgb", subifds=2, metadata=None, **options)
        for factor in (2, 4):
            small = cv2.resize(full, (size[1] // factor, size[0] // factor), interpolation=cv2.INTER_AREA)
            writer.write(small, tile=(256, 256), photometric="rgb", subfiletype=1, metadata=None, **options)
    return full


class TestZ:
    def test_the_sharpest_plane_is_found_and_is_one_for_all_channels(self, tmp_path):
        first, second = focus_stack(), focus_stack()
        path = tmp_path / "stack.ome.tif"
        tifffile.imwrite(path, np.stack([first, second], 1), ome=True, metadata={"axes": "ZCYX"})
        image = read(path, z="sharpest")
        np.testing.assert_array_equal(image.pixels, np.stack([first[SHARP], second[SHARP]], -1))
        np.testing.assert_array_equal(read(path, z="sharpest", c=1).pixels[:, :, 0], second[SHARP])

    def test_an_unnamed_stack_is_projected_when_asked(self, tmp_path):
        stack = focus_stack()
        tifffile.imwrite(tmp_path / "pages.tif", stack, photometric="minisblack", metadata=None)
        np.testing.assert_array_equal(read(tmp_path / "pages.tif", z="sharpest").pixels[:, :, 0], stack[SHARP])
        with pytest.raises(ImageReadError, match="means nothing"):
            read(tmp_path / "pages.tif", t="sharpest")

    @settings(max_examples=15, deadline=None)
    @given(st.floats(0.5, 3.0), st.floats(3.5, 8.0))
    def test_blur_lowers_the_measure(self, less, more):
        dots = np.where(np.random.default_rng(1).random((40, 40)) > 0.95, 200.0, 0.0)
        assert focus_measure(cv2.GaussianBlur(dots, (0, 0), less)) > focus_measure(cv2.GaussianBlur(dots, (0, 0), more))

    def test_a_bright_field_recipe_refuses_a_stack_until_it_says_what_of_it(self, tmp_path):
        import exoimage as xi

        assert "default_z" not in xi.assay("alizarin-red").reading()
        assert xi.assay("alizarin-red", z="sharpest").reading() == {"default_z": "sharpest"}
        assert xi.assay("edu", z=3).reading() == {"default_z": 3}


class TestOmeSets:
    def write(self, folder: Path) -> np.ndarray:
        """Two files that are a channel each, as one OME-XML says."""
        planes = RNG.integers(0, 4096, (2, 30, 40), dtype=np.uint16)
        names = ("a.ome.tif", "b.ome.tif")
        data = "".join(
            f'<TiffData FirstC="{c}" IFD="0" PlaneCount="1"><UUID FileName="{name}">urn:uuid:{c}</UUID></TiffData>'
            for c, name in enumerate(names)
        )
        for c, name in enumerate(names):
            xml = (
                '<?xml version="1.0" encoding="UTF-8"?><OME xmlns="http://www.openmicroscopy.org/Schemas/OME/2016-06"'
                f' UUID="urn:uuid:{c}"><Image ID="Image:0" Name="pair"><Pixels ID="Pixels:0" DimensionOrder="XYCZT"'
                ' Type="uint16" SizeX="40" SizeY="30" SizeC="2" SizeZ="1" SizeT="1" PhysicalSizeX="0.5"'
                ' PhysicalSizeY="0.5"><Channel ID="Channel:0:0" Name="DAPI"/><Channel ID="Channel:0:1" Name="EdU"/>'
                f"{data}</Pixels></Image></OME>"
            )
            tifffile.imwrite(folder / name, planes[c], description=xml, metadata=None)
        return planes

    def test_a_set_is_one_picture_of_all_its_files(self, tmp_path):
        planes = self.write(tmp_path)
        for name in ("a.ome.tif", "b.ome.tif"):
            image = read(tmp_path / name)
            np.testing.assert_array_equal(image.pixels, np.moveaxis(planes, 0, -1))
            assert (image.channels, image.pixel_size) == (("DAPI", "EdU"), 0.5)
        assert [picture.path.name for picture in pictures_of(find_images(tmp_path))] == ["a.ome.tif"]

    def test_its_identity_is_that_of_all_its_files(self, tmp_path):
        self.write(tmp_path)
        before = contents_of(tmp_path / "a.ome.tif")
        assert [path.name for path in companions(tmp_path / "a.ome.tif")] == ["a.ome.tif", "b.ome.tif"]
        data = bytearray((tmp_path / "b.ome.tif").read_bytes())
        data[-1] ^= 1
        (tmp_path / "b.ome.tif").write_bytes(data)
        assert contents_of(tmp_path / "a.ome.tif").sha256 != before.sha256
        assert not before.data

    def test_a_cut_off_part_is_refused(self, tmp_path):
        self.write(tmp_path)
        data = (tmp_path / "b.ome.tif").read_bytes()
        (tmp_path / "b.ome.tif").write_bytes(data[:-800])
        with pytest.raises(ImageReadError, match=r"truncated|damaged"):
            read(tmp_path / "a.ome.tif")


class TestScenes:
    def write(self, path: Path) -> list[np.ndarray]:
        pictures = [RNG.integers(0, 255, (30 + 3 * n, 40), dtype=np.uint8) for n in range(3)]
        with tifffile.TiffWriter(path, ome=True) as writer:
            for number, picture in enumerate(pictures):
                writer.write(picture, metadata={"Name": f"Control_{number + 1}"})
        return pictures

    def test_a_file_of_several_is_several_images(self, tmp_path):
        pictures = self.write(tmp_path / "wells.ome.tif")
        found = pictures_of([tmp_path / "wells.ome.tif"])
        refs = [one.ref("wells.ome.tif") for one in found]
        assert [(ref.key, ref.scene, ref.name) for ref in refs] == [
            (f"wells.ome.tif#{n}", n, f"Control_{n + 1}") for n in range(3)
        ]
        for ref, picture in zip(refs, pictures, strict=True):
            np.testing.assert_array_equal(read(ref.files[0], scene=ref.scene).pixels[:, :, 0], picture)
        assert len({ref.slug for ref in refs}) == 3

    def test_pages_of_a_plain_tiff_stay_one_image(self, tmp_path):
        tifffile.imwrite(tmp_path / "pages.tif", STACK, photometric="minisblack", metadata=None)
        (only,) = pictures_of([tmp_path / "pages.tif"])
        assert only.scene is None

    def test_a_damaged_file_is_one_image_that_says_why_when_it_is_read(self, tmp_path):
        (tmp_path / "broken.lif").write_bytes(b"\x70\0\0\0" + bytes(60))
        (only,) = pictures_of([tmp_path / "broken.lif"])
        with pytest.raises(ImageReadError):
            read(only.path)

    def test_each_is_a_row_of_a_measurement_and_names_may_say_the_group(self, tmp_path):
        import csv

        from exoimage.methods import synth
        from exoimage.studies.plan import load_study

        with tifffile.TiffWriter(tmp_path / "plate.ome.tif", ome=True) as writer:
            for number, name in enumerate(("Control_1", "PMO_1")):
                field = synth.nodule_field((120, 140), synth.Nodules(fraction=0.1, radius_px=8), seed=number)
                writer.write(field.pixels, photometric="rgb", metadata={"Name": name})
        out = tmp_path / "out"
        arguments = [
            "measure",
            "alizarin-red",
            str(tmp_path / "plate.ome.tif"),
            "--out",
            str(out),
            "--jobs",
            "1",
            "--quiet",
        ]
        assert main(arguments) == 0
        with (out / "images.csv").open(encoding="utf-8", newline="") as file:
            rows = list(csv.DictReader(file))
        assert [row["image"] for row in rows] == ["plate.ome.tif#0", "plate.ome.tif#1"]
        (tmp_path / "study.toml").write_text(
            '[study]\nassay = "alizarin-red"\nimages = "*.ome.tif"\n[groups]\npattern = "#{group}_{sample}"\n'
        )
        placed = load_study(tmp_path / "study.toml").images
        assert [(image.ref.key, tuple(image.groups)) for image in placed] == [
            ("plate.ome.tif#0", ("Control",)), ("plate.ome.tif#1", ("PMO",)),
        ]  # fmt: skip


class TestSource:
    def test_levels_windows_and_pixel_sizes(self, tmp_path):
        full = slide(tmp_path / "slide.tif", compression="zlib", resolution=(20_000, 20_000), resolutionunit=3)
        with open_source(tmp_path / "slide.tif") as source:
            assert source.shape == (1500, 2100)
            assert [level.shape for level in source.levels] == [(1500, 2100), (750, 1050), (375, 525)]
            assert [level.factor for level in source.levels] == [1.0, 2.0, 4.0]
            assert source.pixel_size == 0.5
            part = source.read(Window(200, 300, 600, 700))
            np.testing.assert_array_equal(part.pixels, full[200:800, 300:1000])
            coarse = source.read(Window(0, 0, 10_000, 10_000), level=1)
            assert (coarse.shape, coarse.pixel_size, coarse.light) == ((750, 1050), 1.0, "absorbed")
            np.testing.assert_array_equal(coarse.pixels, cv2.resize(full, (1050, 750), interpolation=cv2.INTER_AREA))
            assert (source.level_for(1.0), source.level_for(0.4), source.level_for(100.0)) == (1, 0, 2)
            overview = source.overview(300)
            assert max(overview.shape) <= 300
            np.testing.assert_allclose(overview.pixels.mean((0, 1)), full.mean((0, 1)), atol=0.5)
            assert overview.pixel_size == pytest.approx(0.5 * 2100 / overview.shape[1], rel=0.02)
            with pytest.raises(ImageReadError, match="outside"):
                source.read(Window(5000, 0, 10, 10))
            with pytest.raises(ImageReadError, match="level = 3"):
                source.read(level=3)

    def test_it_can_be_sent_to_another_process(self, tmp_path):
        full = slide(tmp_path / "slide.tif", compression="zlib")
        with open_source(tmp_path / "slide.tif") as source, pickle.loads(pickle.dumps(source)) as other:
            np.testing.assert_array_equal(other.read(Window(5, 5, 9, 9)).pixels, full[5:14, 5:14])

    def test_only_the_tiles_touched_are_read(self, tmp_path):
        """The others are made unreadable."""
        path = tmp_path / "slide.tif"
        full = slide(path, compression="zlib")
        with tifffile.TiffFile(path) as tif:
            page = tif.pages[0]
            spoilt = list(zip(page.dataoffsets, page.databytecounts, strict=True))[1:]
        data = bytearray(path.read_bytes())
        for start, size in spoilt:
            data[start : start + size] = bytes(size)
        path.write_bytes(data)
        with open_source(path) as source:
            np.testing.assert_array_equal(source.read(Window(10, 10, 200, 200)).pixels, full[10:210, 10:210])
            with pytest.raises(ImageReadError):
                source.read(Window(10, 10, 300, 300))

    def test_tiles_that_are_left_out_are_white_and_flagged(self, tmp_path):
        path = tmp_path / "sparse.tif"
        grey = np.full((128, 128, 3), 100, np.uint8)
        tifffile.imwrite(path, grey, tile=(64, 64), photometric="rgb", compression="zlib", metadata=None)
        with tifffile.TiffFile(path) as tif:
            counts = tif.pages[0].tags["TileByteCounts"]
            width = counts.valuebytecount // len(counts.value)
        data = bytearray(path.read_bytes())
        data[counts.valueoffset : counts.valueoffset + width] = bytes(width)
        path.write_bytes(data)
        with open_source(path) as source:
            pixels = source.read().pixels
            assert source.flags == (Flag.MOSAIC_GAPS,)
        assert (pixels[:64, :64] == 255).all()
        assert (pixels[64:] == 100).all()

    @pytest.mark.parametrize("name", [whole.name for whole in synthetic_files() if whole.name != "pyramid.tif"])
    def test_a_window_of_any_file_is_part_of_its_picture(self, tmp_path, name):
        path = tmp_path / name
        path.write_bytes(next(whole.data for whole in synthetic_files() if whole.name == name))
        (scene,) = describe(path)
        choice = {"z": 1} if "Z" in scene.axes else {}
        whole = read(path, **choice)
        with open_source(path, **choice) as source:
            np.testing.assert_array_equal(source.read(Window(3, 5, 12, 9)).pixels, whole.pixels[3:15, 5:14])
            np.testing.assert_array_equal(source.read().pixels, whole.pixels)
            assert (source.max_value, source.channels) == (whole.max_value, whole.channels)

    def test_planes_behind_one_page_are_found(self, tmp_path):
        tifffile.imwrite(tmp_path / "big.tif", STACK, imagej=True, metadata={"axes": "CYX"})
        with open_source(tmp_path / "big.tif") as source:
            np.testing.assert_array_equal(source.read().pixels, np.moveaxis(STACK, 0, -1))


class TestConvert:
    @pytest.mark.parametrize("to", ["ome-tiff", "ome-zarr"])
    @pytest.mark.parametrize("axes", ["YXS", "CYX", "ZCYX", "TZCYX", "YX"])
    def test_it_reads_back_equal(self, tmp_path, to, axes):
        if to == "ome-zarr":
            pytest.importorskip("zarr")
        sizes = {"T": 2, "Z": 3, "C": 2, "Y": 37, "X": 53, "S": 3}
        pixels = RNG.integers(0, 255 if "S" in axes else 4000, [sizes[axis] for axis in axes])
        pixels = pixels.astype(np.uint8 if "S" in axes else np.uint16)
        metadata: dict[str, object] = {"axes": axes, "PhysicalSizeX": 0.325, "PhysicalSizeY": 0.325}
        metadata |= {"Channel": {"Name": ["DAPI", "EdU"]}} if "C" in axes else {}
        metadata |= {} if "S" in axes else {"SignificantBits": 12}
        path = tmp_path / "whole.ome.tif"
        tifffile.imwrite(path, pixels, ome=True, metadata=metadata, photometric="rgb" if "S" in axes else "minisblack")
        written = convert(Picture(path), to, tmp_path / "out")
        assert written.parent == tmp_path / "out"
        for choice in ({"z": 1, "t": 1}, {"z": "max", "t": 0}):
            chosen = {axis: value for axis, value in choice.items() if axis.upper() in axes}
            before, after = read(path, **chosen), read(written, **chosen)
            np.testing.assert_array_equal(after.pixels, before.pixels)
            for what in ("channels", "pixel_size", "light", "max_value"):
                assert getattr(after, what) == getattr(before, what), what
        with pytest.raises(ImageReadError, match="there already"):
            convert(Picture(path), to, tmp_path / "out")

    @pytest.mark.parametrize("to", ["ome-tiff", "ome-zarr"])
    @pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
    def test_fluorescence_called_red_green_and_blue_stays_fluorescence(self, tmp_path, to, dtype):
        if to == "ome-zarr":
            pytest.importorskip("zarr")
        pixels = RNG.integers(0, 200, (3, 37, 53)).astype(dtype)
        metadata = {"axes": "CYX", "Channel": {"Name": ["Red", "Green", "Blue"]}}
        path = tmp_path / "named.ome.tif"
        tifffile.imwrite(path, pixels, ome=True, metadata=metadata, photometric="minisblack")
        before, after = read(path), read(convert(Picture(path), to, tmp_path / "out"))
        assert after.light == before.light == "emitted"
        assert after.channels == before.channels == ("Red", "Green", "Blue")
        np.testing.assert_array_equal(after.pixels, before.pixels)

    @pytest.mark.parametrize("to", ["ome-tiff", "ome-zarr"])
    def test_a_large_picture_goes_by_tiles(self, tmp_path, to, monkeypatch):
        if to == "ome-zarr":
            pytest.importorskip("zarr")
        from exoimage.images import converting

        monkeypatch.setattr(converting, "_WHOLE_PLANE", 1000)
        full = slide(tmp_path / "slide.tif", compression="zlib")
        written = convert(Picture(tmp_path / "slide.tif"), to, tmp_path / "out")
        np.testing.assert_array_equal(read(written).pixels, full)
        with open_source(written) as source:
            np.testing.assert_array_equal(source.read(Window(700, 900, 50, 60)).pixels, full[700:750, 900:960])
            if to == "ome-zarr":
                assert [level.shape for level in source.levels] == [(1500, 2100), (750, 1050), (375, 525)]

    def test_the_command_says_what_failed_and_writes_the_rest(self, tmp_path, capsys):
        tifffile.imwrite(tmp_path / "good.tif", STACK[0])
        (tmp_path / "bad.tif").write_bytes(b"II*\0nothing")
        status = main(["convert", str(tmp_path), "--to", "ome-tiff", "--out", str(tmp_path / "out")])
        said = capsys.readouterr()
        assert status == 1
        assert said.out.strip().endswith("good.ome.tif")
        assert "bad.tif" in said.err
        assert not list((tmp_path / "out").glob(".*"))


class TestZarr:
    def write(self, folder: Path, **attributes: object) -> np.ndarray:
        zarr = pytest.importorskip("zarr")
        pixels = RNG.integers(1, 4000, (2, 40, 50), dtype=np.uint16)
        group = zarr.open_group(str(folder), mode="w", zarr_format=3)
        array = group.create_array("0", shape=pixels.shape, chunks=(1, 20, 25), dtype="u2")
        array[:] = pixels
        axes = [{"name": "c", "type": "channel"}, *({"name": n, "type": "space", "unit": "nanometer"} for n in "yx")]
        dataset = {"path": "0", "coordinateTransformations": [{"type": "scale", "scale": [1, 325.0, 325.0]}]}
        multiscales = [{"name": "field", "axes": axes, "datasets": [dataset]}]
        group.attrs.update({"ome": {"version": "0.5", "multiscales": multiscales, **attributes}})
        return pixels

    def test_version_05_in_a_folder(self, tmp_path):
        omero = {"channels": [{"label": "DAPI", "window": {"max": 4095}}, {"label": "EdU", "window": {"max": 4095}}]}
        pixels = self.write(tmp_path / "a.zarr", omero=omero)
        image = read(tmp_path / "a.zarr")
        np.testing.assert_array_equal(image.pixels, np.moveaxis(pixels, 0, -1))
        assert (image.channels, image.pixel_size, image.max_value) == (("DAPI", "EdU"), 0.325, 4095)
        assert find_images(tmp_path) == [tmp_path / "a.zarr"]
        assert contents_of(tmp_path / "a.zarr").sha256 == contents_of(tmp_path / "a.zarr").sha256

    def test_an_address(self, tmp_path):
        pytest.importorskip("fsspec")
        pixels = self.write(tmp_path / "a.zarr")
        address = (tmp_path / "a.zarr").as_uri()
        np.testing.assert_array_equal(read(address).pixels, np.moveaxis(pixels, 0, -1))

    def test_a_chunk_that_is_not_there_is_flagged(self, tmp_path):
        self.write(tmp_path / "a.zarr")
        next(path for path in (tmp_path / "a.zarr" / "0" / "c").rglob("*") if path.is_file()).unlink()
        assert Flag.MOSAIC_GAPS in read(tmp_path / "a.zarr").flags

    def test_absurd_chunks_and_shapes_are_refused(self, tmp_path):
        self.write(tmp_path / "a.zarr")
        about = tmp_path / "a.zarr" / "0" / "zarr.json"
        for key, value in (("shape", [2, 10**6, 10**6]), ("shape", [10**9, 40, 50]), ("chunks", [1, 10**6, 10**6])):
            document = json.loads(about.read_text())
            if key == "shape":
                document["shape"] = value
            else:
                document["chunk_grid"]["configuration"]["chunk_shape"] = value
            other = tmp_path / f"{key}{value[0]}.zarr"
            (tmp_path / "a.zarr").rename(other)
            (other / "0" / "zarr.json").write_text(json.dumps(document))
            with pytest.raises(ImageReadError):
                read(other)
            (other / "0" / "zarr.json").write_text(json.dumps(document))
            other.rename(tmp_path / "a.zarr")
            self.write(tmp_path / "a.zarr")

    def test_damaged_ones_are_refused_or_read(self, tmp_path):
        self.write(tmp_path / "whole.zarr")
        files = sorted(path for path in (tmp_path / "whole.zarr").rglob("*") if path.is_file())
        for seed in range(60):
            rng = np.random.default_rng(seed)
            path = files[seed % len(files)]
            whole = path.read_bytes()
            damaged = bytearray(whole)
            for place in rng.integers(0, len(whole), 4):
                damaged[place] ^= 1 << int(rng.integers(0, 8))
            path.write_bytes(damaged if seed % 3 else whole[: len(whole) // 2])
            with contextlib.suppress(ImageReadError):
                read(tmp_path / "whole.zarr")
            path.write_bytes(whole)

    def test_a_folder_without_an_image_is_refused(self, tmp_path):
        zarr = pytest.importorskip("zarr")
        zarr.open_group(str(tmp_path / "empty.zarr"), mode="w")
        with pytest.raises(ImageReadError, match="without an image of OME-Zarr"):
            read(tmp_path / "empty.zarr")


class TestImageLab:
    @pytest.mark.parametrize("endian", ["little", "big"])
    def test_counts_and_scale(self, tmp_path, endian):
        (tmp_path / "blot.scn").write_bytes(image_lab(endian=endian))
        image = read(tmp_path / "blot.scn")
        np.testing.assert_array_equal(image.pixels[:, :, 0], STACK[0])
        assert (image.light, image.pixel_size, image.pixels.dtype) == ("emitted", 100.0, np.uint16)

    def test_more_pixels_than_there_are_is_refused(self, tmp_path):
        (tmp_path / "blot.scn").write_bytes(image_lab(width=2000))
        with pytest.raises(ImageReadError, match="not all there"):
            read(tmp_path / "blot.scn")

    def test_values_up_to_255_are_bytes(self):
        data = image_lab(maximum=255)
        assert decode_scn(data).pixels.dtype == np.uint8


class TestScales:
    """Where microscopes state the size of a pixel in a TIFF of their own."""

    def test_gatan(self, tmp_path):
        tags = [
            (65003, "s", 0, "nm", True),
            (65004, "s", 0, "nm", True),
            (65009, "d", 1, 0.52, True),
            (65010, "d", 1, 0.52, True),
        ]
        tifffile.imwrite(tmp_path / "tem.tif", STACK[0], extratags=tags, metadata=None)
        assert read(tmp_path / "tem.tif").pixel_size == pytest.approx(0.52e-3)

    def test_fei(self, tmp_path):
        text = "[User]\r\nDate=1\r\n[Scan]\r\nPixelWidth=1.25e-009\r\nPixelHeight=1.25e-009\r\n"
        tifffile.imwrite(tmp_path / "tem.tif", STACK[0], extratags=[(34682, "s", 0, text, True)], metadata=None)
        assert read(tmp_path / "tem.tif").pixel_size == pytest.approx(1.25e-3)


@pytest.mark.parametrize(
    ("head", "package", "what"),
    [
        (b"ZISRAWFILE", "pylibCZIrw", "czi"),
        (b"\xda\xce\xbe\x0a", "nd2", "nd2"),
        (b"\0" * 128 + b"DICM", "openslide", "slides"),
    ],
)
def test_a_missing_package_is_named_with_how_to_install_it(tmp_path, monkeypatch, head, package, what):
    monkeypatch.setitem(sys.modules, package, None)
    monkeypatch.setitem(sys.modules, f"{package}.czi", None)
    (tmp_path / "picture").write_bytes(head + bytes(200))
    with pytest.raises(ImageReadError, match=rf'pip install "exoimage\[{what}\]"'):
        read(tmp_path / "picture")


@pytest.mark.parametrize(("name", "folder"), [("slide.vsi", "_slide_"), ("scan.oif", "scan.oif.files")])
def test_a_missing_folder_beside_a_file_is_named(tmp_path, name, folder):
    head = b"II*\0" if name.endswith("vsi") else "\ufeff[ProfileSaveInfo]".encode("utf-16-le")
    (tmp_path / name).write_bytes(head + bytes(100))
    with pytest.raises(ImageReadError, match=f"{folder} beside it, which is missing"):
        read(tmp_path / name)


def test_names_of_single_pictures_are_the_files(tmp_path):
    tifffile.imwrite(tmp_path / "one.tif", STACK[0])
    assert list_scenes(tmp_path / "one.tif") == ("page 1",)


def test_inspect_names_scenes_planes_and_details(tmp_path, capsys):
    with tifffile.TiffWriter(tmp_path / "two.ome.tif", ome=True) as writer:
        writer.write(STACK, metadata={"axes": "ZYX", "Name": "stack"}, photometric="minisblack")
        writer.write(STACK[0], metadata={"axes": "YX", "Name": "plane"})
    sheet = tmp_path / "sheet.png"
    assert main(["inspect", str(tmp_path / "two.ome.tif"), "--json", "--contact-sheet", str(sheet)]) == 0
    first, second = json.loads(capsys.readouterr().out)
    assert (first["image"].endswith("two.ome.tif#0"), first["name"], first["planes"]) == (True, "stack", {"Z": 3})
    assert (second["scene"], second["name"], second["planes"]) == (1, "plane", {})
    assert sheet.stat().st_size > 1000


@pytest.mark.slow
def test_damaged_files_of_every_reader_are_pictures_or_refusals(tmp_path):
    """A part of benchmarks/mutated_files.py: nothing dies, hangs, swells or fails otherwise."""
    outcomes = list(run_all(whole_files(), 160, tmp_path, first_seed=900))
    wrong = [
        (name, seed, outcome)
        for name, seed, outcome, _ in outcomes
        if outcome.split(":")[0] not in ("image", "refused")
    ]
    assert not wrong
    assert {outcome.split(":")[0] for _, _, outcome, _ in outcomes} == {"image", "refused"}
