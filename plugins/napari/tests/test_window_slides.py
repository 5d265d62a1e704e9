"""In real windows: whole slides are shown by windows, measured tile by tile, and give the command line's row."""

from __future__ import annotations

import gc
from pathlib import Path

import numpy as np
import pytest
import tifffile
from conftest import settle
from exoimage.assays import slides
from exoimage.images.reading import read
from exoimage.images.source import Source, open_source
from exoimage.methods import synth
from exoimage.studies import slide_work
from helpers import assert_same_row, command_rows

from napari_exoimage import adapter, readers
from napari_exoimage import session as steps
from napari_exoimage.commands import as_command, as_python
from napari_exoimage.layers import ABOVE, COUNTED, LEFT_OUT, REGIONS
from napari_exoimage.pyramid import COARSEST_EDGE, SlideView

MPP = 0.5


def write_slide(path, pixels, channels=(), levels=3, pixel_size=MPP):
    """A tiled pyramidal OME-TIFF; every further level has a quarter of the pixels of a side."""
    scale = {} if pixel_size is None else {"PhysicalSizeX": pixel_size, "PhysicalSizeY": pixel_size}
    metadata = {"axes": "YXS", **scale}
    how = {"tile": (256, 256), "photometric": "rgb"}
    if channels:
        pixels = np.ascontiguousarray(np.moveaxis(pixels, -1, 0))
        metadata |= {"axes": "CYX", "Channel": {"Name": list(channels)}}
        how["photometric"] = "minisblack"
    with tifffile.TiffWriter(path, ome=True) as tif:
        tif.write(pixels, metadata=metadata, subifds=levels - 1, **how)
        for level in range(1, levels):
            step = 4**level
            small = pixels[:, ::step, ::step] if channels else pixels[::step, ::step]
            tif.write(np.ascontiguousarray(small), subfiletype=1, metadata=None, **how)
    return path


def nodules(shape, seed=1):
    return synth.nodule_field(shape, synth.Nodules(fraction=0.15, radius_px=20), seed=seed).pixels


@pytest.fixture
def small_slides(monkeypatch):
    """Pyramids of half a megapixel are slides."""
    monkeypatch.setattr(slides, "LARGEST_WHOLE_PYRAMID_PX", 400_000)
    monkeypatch.setattr(slide_work, "SMALLEST_FILE", 0)


@pytest.fixture
def windows_read(monkeypatch):
    """Pixels of every window that is read of a slide from now on."""
    sizes = []
    reading = Source.read

    def noted(self, window=None, level=0):
        image = reading(self, window, level)
        sizes.append(image.shape[0] * image.shape[1])
        return image

    monkeypatch.setattr(Source, "read", noted)
    return sizes


def named(viewer, name):
    return next((layer for layer in viewer.layers if layer.name == name), None)


def edges(layer):
    """Upper left and lower right corner in the viewer's world; napari's extent ends in the middles of pixels."""
    return np.asarray(layer.extent.world) + np.outer((-0.5, 0.5), layer.scale)


def same_as_command(widget, tmp_path):
    """Measure, and compare with the row of the copied command."""
    widget.controller.go(lambda session: steps.with_out(session, str(tmp_path / "out")))
    assert widget.controller.measure() == ""
    settle(widget)
    counted = widget.controller.last_counted
    assert counted is not None, widget.message.text()
    rows = command_rows(as_command(widget.controller.session, windows=False))
    assert len(rows) == len(counted.result.regions)
    for place, row in enumerate(rows):
        assert_same_row(counted, row, place)
    return counted


def test_a_whole_slide_is_never_read_whole(open_window, tmp_path, windows_read):
    pixels = np.tile(nodules((1500, 1500)), (4, 4, 1))
    path = write_slide(tmp_path / "slide.ome.tif", pixels)
    whole = pixels.shape[0] * pixels.shape[1]
    del pixels
    viewer, widget = open_window([path], "alizarin-red")
    picture = named(viewer, "picture")
    assert picture.multiscale
    assert picture.rgb
    assert "small picture (2 µm per px)" in widget.cut.quantity.text()
    assert named(viewer, ABOVE).visible
    assert "press Measure" in widget.numbers.flags.text()
    shown = len(windows_read)
    camera = getattr(viewer, "scene", viewer).camera
    for _ in range(4):
        camera.zoom *= 3
        settle(widget)
        viewer.screenshot(canvas_only=True)
    assert len(windows_read) > shown
    assert max(windows_read[shown:]) < whole / 4
    counted = same_as_command(widget, tmp_path)
    assert max(windows_read) <= 1 << 24  # bands of the small picture; so many whatever the slide's size
    assert max(windows_read) < whole / 2
    assert counted.result.rows[0]["region_area_px"] == whole
    labels = named(viewer, COUNTED)
    assert labels.multiscale
    objects = counted.result.object_values
    y, x = int(objects["y_px"][3]), int(objects["x_px"][3])
    around = np.asarray(labels.data[0][max(0, y - 30) : y + 30, max(0, x - 30) : x + 30])
    assert (around == objects["object"][3]).sum() > 20
    np.testing.assert_allclose(edges(labels), edges(picture), atol=MPP)
    widget.study.save()
    settle(widget)
    assert widget.controller.last_counted is not None  # what was counted stays while nothing of it changes
    widget.cut.slider.setValue(0.5)
    settle(widget)
    assert widget.controller.last_counted is None
    assert named(viewer, COUNTED) is None
    assert named(viewer, ABOVE).contrast_limits[0] == pytest.approx(0.5)


def test_regions_are_drawn_in_px_of_the_full_resolution(open_window, tmp_path, small_slides):
    path = write_slide(tmp_path / "slide.ome.tif", nodules((900, 1200)), levels=2)
    _viewer, widget = open_window([path], "alizarin-red")
    shapes = widget.controller.layers.shapes(REGIONS)
    shapes.add(adapter.corners_of_box((100, 200, 400, 300)), shape_type="rectangle")
    shapes.add(np.array([[650, 700], [650, 1100], [850, 900]]), shape_type="polygon")
    np.testing.assert_allclose(shapes.scale, (MPP, MPP))
    assert widget.draw.use_regions() == ""
    settle(widget)
    counted = same_as_command(widget, tmp_path)
    assert [row["region_area_px"] for row in counted.result.rows] == pytest.approx([120_000, 40_000], rel=0.01)
    assert isinstance(widget.controller.picture, SlideView)


def test_a_section_is_measured_in_one_piece_at_a_coarse_level(open_window, tmp_path, small_slides):
    path = write_slide(tmp_path / "bone.ome.tif", synth.bone_field((900, 1200), seed=2).pixels, levels=2)
    viewer, widget = open_window([path], "he-bone")
    counted = widget.controller.last_counted
    assert counted.image.shape == (112, 150)
    picture = named(viewer, "picture")
    assert picture.multiscale
    np.testing.assert_allclose(edges(named(viewer, COUNTED)), edges(picture), atol=MPP)
    shapes = widget.controller.layers.shapes(REGIONS)
    shapes.add(adapter.corners_of_box((160, 80, 800, 640)), shape_type="rectangle")
    assert widget.draw.use_regions() == ""
    settle(widget)
    counted = same_as_command(widget, tmp_path)
    assert counted.result.rows[0]["region"] == "region 1"
    widget.draw.buttons["Scribble"].click()
    assert "train on a crop" in widget.message.text()


def test_a_section_can_be_corrected_again_and_again(open_window, tmp_path, small_slides):
    path = write_slide(tmp_path / "bone.ome.tif", synth.bone_field((900, 1200), seed=2).pixels, levels=2)
    viewer, widget = open_window([path], "he-bone")
    areas = [widget.controller.last_counted.result.rows[0]["b_ar_px"]]
    for half in (75, 40):
        labels = named(viewer, COUNTED)
        kept = labels.data.copy()
        kept[:, half:] = 0
        labels.data = kept
        widget.controller.has_painted()
        widget.controller.measure()
        settle(widget)
        areas.append(widget.controller.last_counted.result.rows[0]["b_ar_px"])
        assert not widget.controller.last_counted.result.labels[:, half:].any()
    assert areas[0] > areas[1] > areas[2] > 0
    same_as_command(widget, tmp_path)


def test_regions_of_a_section_are_shown_where_they_lie(open_window, tmp_path, small_slides):
    path = write_slide(tmp_path / "bone.ome.tif", synth.bone_field((900, 1200), seed=2).pixels, levels=2)
    viewer, widget = open_window([path], "he-bone")
    drawn = adapter.corners_of_box((160, 80, 800, 640))
    widget.controller.layers.shapes(REGIONS).add(drawn, shape_type="rectangle")
    assert widget.draw.use_regions() == ""
    settle(widget)
    before = widget.controller.last_counted.result.rows
    widget.draw.buttons["Edit wells"].click()
    assert widget.message.text() == ""
    (corners,) = named(viewer, REGIONS).data
    np.testing.assert_allclose(corners, drawn, atol=8)  # a px of the level that is measured
    assert widget.draw.use_regions() == ""
    settle(widget)
    after = widget.controller.last_counted.result.rows
    assert after[0]["region"] == before[0]["region"]
    assert after[0]["t_ar_px"] == pytest.approx(before[0]["t_ar_px"], rel=0.02)


def test_what_was_counted_before_leaves_no_file(open_window, tmp_path, small_slides):
    path = write_slide(tmp_path / "slide.ome.tif", nodules((900, 1200)), levels=2)
    viewer, widget = open_window([path], "alizarin-red")
    folder = Path(widget.controller.bench._slides._scratch.name)
    for od in (0.3, 0.4, 0.5):
        value = {"method": "fixed", "od": od}
        widget.controller.do(lambda session, value=value: steps.with_value(session, "threshold", value))
        widget.controller.measure()
        settle(widget)
        assert np.asarray(named(viewer, COUNTED).data[0][:, :]).any()
        assert len(list(folder.glob("labels-*.tif"))) == 1


def test_channels_of_a_slide_are_layers_of_their_own(open_window, tmp_path, small_slides):
    field = synth.cell_field((900, 1000), seed=3)
    path = write_slide(tmp_path / "cells.ome.tif", field.pixels, ("DAPI", "EdU"), levels=2)
    viewer, widget = open_window([path], "edu")
    assert [layer.name for layer in viewer.layers if layer.name.startswith("channel")] == [
        "channel DAPI",
        "channel EdU",
    ]
    marker = named(viewer, "channel EdU")
    assert marker.multiscale
    assert np.array_equal(marker.data[0][100:200, 300:420], field.pixels[100:200, 300:420, 1])
    counted = same_as_command(widget, tmp_path)
    assert counted.result.rows[0]["nuclei_count"] > 5


def test_what_a_slide_does_not_take_is_said(open_window, tmp_path, small_slides):
    path = write_slide(tmp_path / "slide.ome.tif", nodules((900, 1200)), levels=2)
    viewer, widget = open_window([path], "alizarin-red")
    widget.controller.measure()
    settle(widget)
    widget.draw.buttons["Erase"].click()
    assert "no correction by hand" in widget.message.text()
    widget.controller.layers.shapes(LEFT_OUT).add(adapter.corners_of_box((0, 0, 50, 50)), shape_type="rectangle")
    assert "nothing can be left out" in widget.draw.use_regions()
    widget.choose_assay("pkh26")
    settle(widget)
    assert named(viewer, "picture") is not None
    assert "Traceback" not in widget.message.text()
    assert widget.message.text()


def test_white_is_picked_from_the_full_resolution(open_window, tmp_path, small_slides):
    pixels = nodules((900, 1200)).copy()
    pixels[300:310, 400:410] = (250, 249, 248)
    _, widget = open_window([write_slide(tmp_path / "slide.ome.tif", pixels, levels=2)], "alizarin-red")
    pick = widget.controller.layers.shapes("pick")
    pick.add(adapter.corners_of_box((401, 301, 8, 8)), shape_type="rectangle")
    widget.draw.buttons["White point"].click()
    settle(widget)
    assert widget.controller.session.recipe.white.rgb == (250, 249, 248)


def test_a_given_pixel_size_counts_only_where_the_file_says_none(open_window, tmp_path, small_slides):
    known = write_slide(tmp_path / "known.ome.tif", nodules((900, 1200)), levels=2)
    (tmp_path / "other").mkdir()
    unknown = write_slide(tmp_path / "other" / "unknown.ome.tif", nodules((900, 1200)), levels=2, pixel_size=None)
    for path, um in ((known, MPP), (unknown, 2.0)):
        _, widget = open_window([path], "alizarin-red")
        widget.controller.do(lambda session: steps.with_pixel_size(session, 2.0))
        settle(widget)
        row = same_as_command(widget, path.parent / path.stem).result.rows[0]
        assert row["region_area_um2"] == pytest.approx(900 * 1200 * um**2)


def test_the_copied_python_of_a_slide_gives_the_same_numbers(open_window, tmp_path, small_slides):
    path = write_slide(tmp_path / "slide.ome.tif", nodules((900, 1200)), levels=2)
    _, widget = open_window([path], "alizarin-red")
    widget.controller.do(lambda session: steps.with_value(session, "threshold", {"method": "fixed", "od": 0.31}))
    settle(widget)
    own = same_as_command(widget, tmp_path).result.rows[0]
    names = {}
    exec(as_python(widget.controller.session), names)
    row = names["run"].images.iloc[0]
    assert row["stained_area_pct"] == own["stained_area_pct"]
    assert row["integrated_od"] == own["integrated_od"]


@pytest.mark.parametrize("channels", [(), ("DAPI", "EdU")])
def test_the_reader_gives_a_slide_as_levels(tmp_path, small_slides, windows_read, channels):
    pixels = synth.cell_field((900, 1000), seed=3).pixels if channels else nodules((900, 1000))
    path = write_slide(tmp_path / "slide.ome.tif", pixels, channels, levels=2)
    layers = readers.read_pictures(str(path))
    assert len(layers) == max(1, len(channels))
    before = len(windows_read)
    for number, (data, arguments, kind) in enumerate(layers):
        assert kind == "image"
        assert arguments["multiscale"]
        assert arguments.get("rgb", False) == (not channels)
        assert [level.shape[:2] for level in data] == [(900, 1000), (225, 250)]
        expected = pixels[:, :, number] if channels else pixels
        assert np.array_equal(data[0][40:90, 500:520], expected[40:90, 500:520])
        assert np.array_equal(np.asarray(data[1]), expected[::4, ::4])
    assert max(windows_read[before:]) == 225 * 250


def test_a_slide_that_was_read_is_closed_with_its_last_layer(tmp_path, small_slides, monkeypatch):
    path = write_slide(tmp_path / "slide.ome.tif", nodules((900, 1000)), levels=2)
    closed = []
    closing = Source.close
    monkeypatch.setattr(Source, "close", lambda self: (closed.append(self.path), closing(self)))
    layers = readers.read_pictures(str(path))
    ((levels, _, _),) = layers
    gc.collect()
    before = len(closed)
    assert levels[0][0:5, 0:5].any()
    del layers, levels
    gc.collect()
    assert len(closed) > before


def test_an_ome_zarr_slide_is_read_by_windows(tmp_path, small_slides, windows_read):
    pytest.importorskip("zarr")
    from exoimage.images.converting import convert
    from exoimage.images.scenes import Picture

    path = write_slide(tmp_path / "slide.ome.tif", nodules((900, 1200)), levels=2)
    place = convert(Picture(path), "ome-zarr", tmp_path)
    reader = readers.get_reader(str(place))
    ((data, arguments, _),) = reader(str(place))
    assert arguments["multiscale"]
    assert np.array_equal(data[0][40:90, 500:520], read(path).pixels[40:90, 500:520])
    session = steps.open_paths([place], "alizarin-red")
    assert session.folder == str(tmp_path)  # what is kept does not go into the picture


def test_levels_that_the_file_lacks_are_made(tmp_path):
    path = tmp_path / "flat.tif"
    pixels = np.tile(nodules((1000, 1000)), (1, 9, 1))
    tifffile.imwrite(path, pixels, tile=(256, 256), photometric="rgb")
    with open_source(path) as source:
        view = SlideView(source.reopened())
        ((levels, _),) = view.layers()
        widths = [level.shape[1] for level in levels]
        assert widths == [9000, 4500, 2250, 1125]
        assert max(levels[-1].shape) <= COARSEST_EDGE
        for step, level in zip((1, 2, 4, 8), levels, strict=True):
            assert np.array_equal(level[10:20, 30:50], pixels[::step, ::step][10:20, 30:50])
            assert np.array_equal(level[3, 5:9], pixels[::step, ::step][3, 5:9])
        view.close()
        assert not levels[0][0:5, 0:5].any()  # closed: nothing more is read
