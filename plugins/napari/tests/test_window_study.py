"""In real windows: a study is opened, looked through, changed, corrected, run; the command line repeats it."""

from __future__ import annotations

import multiprocessing
import threading
import time
from pathlib import Path

import numpy as np
import pytest
from conftest import settle
from exoimage.studies.plan import load_study
from helpers import assert_same_row, command_rows, rows_of
from qtpy.QtWidgets import QApplication

from napari_exoimage import draw_panel
from napari_exoimage import session as steps
from napari_exoimage.commands import as_command
from napari_exoimage.layers import ABOVE, COUNTED, OUTLINES, REGIONS


def row_named(rows, key):
    return next(row for row in rows if row["image"] == key)


def test_a_study_is_decided_over_all_its_images(open_window, demo):
    folder = demo("alizarin_red")
    _, widget = open_window([folder / "study.toml"])
    session = widget.controller.session
    assert not widget.controller.last_counted.provisional
    rows = command_rows(as_command(session, windows=False))
    assert_same_row(widget.controller.last_counted, row_named(rows, session.current))


def test_a_dragged_slider_sets_the_studys_threshold(open_window, demo):
    folder = demo("alizarin_red")
    viewer, widget = open_window([folder / "study.toml"])
    above = next(layer for layer in viewer.layers if layer.name == ABOVE)
    widget.cut.slider.setValue(0.3)
    assert above.visible
    assert above.contrast_limits[0] == pytest.approx(0.3)
    assert not next(layer for layer in viewer.layers if layer.name == OUTLINES).visible
    settle(widget)
    assert not above.visible
    session = widget.controller.session
    assert session.recipe.threshold.od == 0.3
    assert not session.image.overrides
    assert session.is_changed
    assert widget.study.save() == ""
    assert load_study(folder / "study.toml").recipe.threshold.od == 0.3
    settle(widget)
    rows = command_rows(as_command(widget.controller.session, windows=False))
    assert_same_row(widget.controller.last_counted, row_named(rows, session.current))
    assert {row["threshold_od"] for row in rows} == {"0.3"}
    widget.controller.undo()
    assert widget.controller.session.recipe.threshold.method == "otsu"


def test_a_cut_of_one_image_is_an_explicit_act_and_said(open_window, demo):
    folder = demo("alizarin_red")
    _, widget = open_window([folder / "study.toml"])
    widget.cut.slider.setValue(0.45)
    widget.cut.own.click()
    settle(widget)
    session = widget.controller.session
    assert session.recipe.threshold.method == "otsu"
    assert session.image.overrides["threshold"] == {"method": "fixed", "od": 0.45}
    widget.study.save()
    settle(widget)
    rows = command_rows(as_command(widget.controller.session, windows=False))
    own = row_named(rows, session.current)
    assert_same_row(widget.controller.last_counted, own)
    assert own["threshold_od"] == "0.45"
    assert [row["image"] for row in rows if "threshold_overridden" in row["flags"]] == [session.current]
    methods = (folder / "results" / "methods.md").read_text(encoding="utf-8")
    assert f"The threshold was set by hand in 1 images: {session.current} (0.45)." in methods


def test_a_painted_correction_is_kept_and_used_again(open_window, demo):
    folder = demo("alizarin_red")
    viewer, widget = open_window([folder / "study.toml"])
    before = widget.controller.last_counted
    labels = next(layer for layer in viewer.layers if layer.name == COUNTED)
    y, x = (int(before.result.object_values[name][0]) for name in ("y_px", "x_px"))
    labels.fill((y, x), 0)
    labels.selected_label = int(labels.data.max()) + 1
    labels.paint((5, 5), labels.selected_label)
    assert widget.controller.is_painted
    widget.controller.measure()
    settle(widget)
    after, session = widget.controller.last_counted, widget.controller.session
    assert "edited" in after.result.rows[0]["flags"]
    assert after.result.rows[0]["nodule_count"] == before.result.rows[0]["nodule_count"]
    assert after.result.rows[0]["stained_area_px"] != before.result.rows[0]["stained_area_px"]
    assert session.image.edit.startswith(str(folder / "edits"))
    widget.study.save()
    settle(widget)
    row = row_named(command_rows(as_command(widget.controller.session, windows=False)), session.current)
    assert_same_row(widget.controller.last_counted, row)
    widget.draw.buttons["Drop correction"].click()
    settle(widget)
    assert widget.controller.last_counted.result.rows == before.result.rows


def paint_one(widget):
    labels = widget.controller.layers.counted
    number = int(labels.data.max()) + 1
    labels.selected_label = number
    labels.paint((5, 5), number)
    assert widget.controller.is_painted
    return number


def test_a_correction_that_cannot_be_kept_stays_painted(open_window, demo):
    folder = demo("alizarin_red")
    _, widget = open_window([folder / "study.toml"])
    controller = widget.controller
    (folder / "edits").write_text("in the way", encoding="utf-8")
    number = paint_one(widget)
    before = controller.session.current
    assert "cannot be written" in controller.measure()
    widget.step(1)
    assert "cannot be written" in widget.study.save()
    assert "cannot be written" in widget.open_paths([folder / "images"], "alp")
    settle(widget)
    assert "cannot be written" in widget.message.text()
    assert controller.session.current == before
    assert controller.is_painted
    assert (controller.layers.counted.data == number).any()
    (folder / "edits").unlink()
    assert controller.measure() == ""
    settle(widget)
    assert not controller.is_painted
    assert "edited" in controller.last_counted.result.rows[0]["flags"]
    assert (controller.layers.counted.data == number).any()


@pytest.mark.parametrize("is_kept", [False, True])
def test_a_dropped_correction_stays_dropped(open_window, demo, is_kept):
    folder = demo("alizarin_red")
    _, widget = open_window([folder / "study.toml"])
    controller, drop = widget.controller, widget.draw.buttons["Drop correction"]
    before = controller.last_counted
    assert not drop.isEnabled()
    if is_kept:
        paint_one(widget)
        assert controller.measure() == ""
        settle(widget)
    paint_one(widget)
    assert drop.isEnabled()
    drop.click()
    settle(widget)
    assert not controller.is_painted
    assert not drop.isEnabled()
    widget.step(1)
    settle(widget)
    widget.step(-1)
    settle(widget)
    assert controller.session.image.edit == ""
    assert not list((folder / "edits").glob("*.tif"))
    assert controller.last_counted.result.rows == before.result.rows
    assert np.array_equal(controller.layers.counted.data, before.result.labels)


def test_what_was_painted_is_kept_where_the_picture_is_read_anew(open_window, demo):
    folder = demo("alizarin_red", keep=2)
    _, widget = open_window([folder / "images"], "alizarin-red")
    controller = widget.controller
    number = paint_one(widget)
    controller.do(lambda session: steps.with_pixel_size(session, 0.5))
    settle(widget)
    assert not controller.is_painted
    assert "edited" in controller.last_counted.result.rows[0]["flags"]
    assert (controller.layers.counted.data == number).any()


def test_what_was_painted_is_of_the_image_it_was_painted_on(open_window, demo):
    folder = demo("alizarin_red", keep=2)
    _, widget = open_window([folder / "images"], "alizarin-red")
    controller = widget.controller
    painted = controller.session.current
    widget.step(1)
    paint_one(widget)  # before the other image is there
    settle(widget)
    edits = {image.ref.key: bool(image.edit) for image in controller.session.study.images}
    assert edits == {painted: True, controller.session.current: False}
    assert "edited" not in controller.last_counted.result.rows[0]["flags"]


def test_a_correction_that_cannot_be_dropped_is_kept(open_window, demo):
    folder = demo("alizarin_red")
    _, widget = open_window([folder / "study.toml"])
    paint_one(widget)
    assert widget.controller.measure() == ""
    settle(widget)
    edit = widget.controller.session.image.edit
    (folder / "edits" / f"{Path(edit).stem}.tif.dropped" / "in the way").mkdir(parents=True)
    widget.draw.buttons["Drop correction"].click()
    assert "cannot be dropped" in widget.message.text()
    settle(widget)
    assert widget.controller.session.image.edit == edit


def test_nuclei_are_merged_and_parted(open_window, demo):
    folder = demo("edu")
    _, widget = open_window([folder / "study.toml"])
    before = widget.controller.last_counted.result.rows[0]["nuclei_count"]
    widget.draw.buttons["Merge two"].click()
    for number in (1, 2):
        widget.controller.picked.emit(number)
    widget.controller.measure()
    settle(widget)
    assert widget.controller.last_counted.result.rows[0]["nuclei_count"] == before - 1
    widget.draw.buttons["Part"].click()
    widget.controller.measure()
    settle(widget)
    assert widget.controller.last_counted.result.rows[0]["nuclei_count"] == before
    widget.study.save()
    settle(widget)
    rows = command_rows(as_command(widget.controller.session, windows=False))
    assert_same_row(widget.controller.last_counted, row_named(rows, widget.controller.session.current))


def test_drawn_regions_are_measured_and_kept(open_window, demo):
    folder = demo("alizarin_red")
    _, widget = open_window([folder / "study.toml"])
    shapes = widget.controller.layers.shapes(REGIONS)
    shapes.add([[20, 30], [20, 200], [150, 200.5], [150, 30]], shape_type="polygon")
    shapes.add([[160, 210], [160, 300], [220, 300], [220, 210]], shape_type="ellipse")
    assert widget.draw.use_regions() == ""
    settle(widget)
    counted, session = widget.controller.last_counted, widget.controller.session
    assert [row["region"] for row in counted.result.rows] == ["region 1", "region 2"]
    assert "recipe_overridden" not in str(counted.result.rows[0]["flags"])
    assert session.image.overrides["region"]["path"].endswith(".geojson")
    widget.study.save()
    assert "regions/" in (folder / "study.toml").read_text(encoding="utf-8")
    settle(widget)
    rows = command_rows(as_command(widget.controller.session, windows=False))
    own = [row for row in rows if row["image"] == session.current]
    for place, row in enumerate(own):
        assert_same_row(counted, row, place)
    left_out = widget.controller.layers.shapes("left out")
    left_out.add([[20, 30], [20, 100], [150, 100], [150, 30]], shape_type="rectangle")
    assert widget.draw.use_regions() == ""
    settle(widget)
    smaller = widget.controller.last_counted.result.rows[0]["region_area_px"]
    assert smaller < counted.result.rows[0]["region_area_px"]


def test_wells_are_shown_as_shapes_that_can_be_moved(open_window, demo):
    folder = demo("alizarin_plate")
    _, widget = open_window([folder / "plate.jpg"], "alizarin-red")
    widget.controller.do(lambda session: steps.with_value(session, "region", {"method": "wells"}))
    settle(widget)
    widget.draw.buttons["Edit wells"].click()
    shapes = widget.controller.layers.shapes(REGIONS)
    names = [row["region"] for row in widget.controller.last_counted.result.rows]
    assert len(shapes.data) == len(names) == 6
    before = widget.controller.last_counted.result.rows[0]["region_area_px"]
    assert widget.draw.use_regions() == ""
    settle(widget)
    rows = widget.controller.last_counted.result.rows
    assert [row["region"] for row in rows] == names
    assert rows[0]["region_area_px"] == pytest.approx(before, rel=0.01)


def test_lanes_can_be_moved(open_window, demo):
    folder = demo("western_blot")
    _, widget = open_window([folder / "study.toml"])
    before = [row["volume"] for row in widget.controller.last_counted.result.rows]
    widget.draw.buttons["Edit lanes"].click()
    assert len(widget.controller.layers.boxes("lanes")) == len(before) + 1  # the ladder's too
    assert widget.draw.use_lanes() == ""
    settle(widget)
    after = [row["volume"] for row in widget.controller.last_counted.result.rows]
    assert after == pytest.approx(before, rel=0.05)
    assert "lanes" in widget.controller.session.image.overrides


def test_a_moved_lane_changes_its_row_and_a_run_gives_the_same(open_window, demo):
    folder = demo("western_blot")
    _viewer, widget = open_window([folder / "study.toml"])
    widget.draw.buttons["Edit lanes"].click()
    lanes = widget.controller.layers.shapes("lanes")
    assert widget.draw.use_lanes() == ""
    settle(widget)
    before = widget.controller.last_counted.result.rows
    place = sorted(range(len(lanes.data)), key=lambda number: lanes.data[number][:, 1].min())[3]
    left, right = lanes.data[place][:, 1].min(), lanes.data[place][:, 1].max()
    moved = [corners.copy() for corners in lanes.data]
    moved[place][:, 1] += (right - left) / 2
    lanes.data = moved
    assert widget.draw.use_lanes() == ""
    settle(widget)
    after = widget.controller.last_counted.result.rows
    changed = [one["volume"] != other["volume"] for one, other in zip(before, after, strict=True)]
    assert sum(changed) == 1
    widget.study.save()
    settle(widget)
    command = as_command(widget.controller.session, windows=False)
    rows = [row for row in command_rows(command) if row["image"] == widget.controller.session.current]
    assert len(rows) == len(after)
    for number, row in enumerate(rows):
        assert_same_row(widget.controller.last_counted, row, number)


@pytest.mark.parametrize("everywhere", [False, True])
def test_loaded_regions_are_the_shown_images_or_all_images(open_window, demo, tmp_path, monkeypatch, everywhere):
    from exoimage.images.roi_writing import Outline, write_regions
    from qtpy.QtWidgets import QMessageBox

    folder = demo("alizarin_red")
    path = folder / "where.geojson"
    write_regions(path, [Outline("middle", np.array([[50, 40], [250, 40], [250, 140], [50, 140]], float))])
    _, widget = open_window([folder / "study.toml"])
    monkeypatch.setattr(draw_panel.QFileDialog, "getOpenFileName", lambda *_, **__: (str(path), ""))
    monkeypatch.setattr(QMessageBox, "exec", lambda self: None)
    monkeypatch.setattr(QMessageBox, "clickedButton", lambda self: self.buttons()[int(everywhere)])
    titles = []
    adding = QMessageBox.addButton
    monkeypatch.setattr(
        QMessageBox, "addButton", lambda self, text, role: titles.append(text) or adding(self, text, role)
    )
    widget.draw.buttons["Load regions…"].click()
    settle(widget)
    assert titles == ["This image", "All images"]
    session = widget.controller.session
    assert ("region" in session.image.overrides) != everywhere
    assert (session.recipe.region.method == "rois") == everywhere
    assert widget.controller.last_counted.result.rows[0]["region"] == "middle"
    widget.study.save()
    settle(widget)
    rows = command_rows(as_command(widget.controller.session, windows=False))
    assert_same_row(widget.controller.last_counted, row_named(rows, session.current))
    assert {row["region"] for row in rows} == ({"middle"} if everywhere else {"middle", "whole"})


def test_stain_and_white_point_are_picked(open_window, demo):
    folder = demo("alizarin_red")
    _, widget = open_window([folder / "study.toml"])
    counted = widget.controller.last_counted
    y, x = (int(counted.result.object_values[name][0]) for name in ("y_px", "x_px"))
    pick = widget.controller.layers.shapes("pick")
    pick.add([[y - 3, x - 3], [y - 3, x + 3], [y + 3, x + 3], [y + 3, x - 3]], shape_type="rectangle")
    widget.draw.buttons["Stain vector"].click()
    assert widget.message.text() == ""
    stains = widget.controller.session.recipe.stains
    assert stains.method == "vectors"
    assert stains.vectors[0] == pytest.approx((0.25, 0.82, 0.52), abs=0.12)
    widget.draw.buttons["White point"].click()
    assert widget.controller.session.recipe.white.method == "given"
    widget.draw.buttons["Negative control"].click()
    assert widget.controller.session.recipe.threshold.controls == "Control"
    settle(widget)


def test_blinded_images_keep_their_names_to_themselves(open_window, demo):
    folder = demo("alizarin_red")
    viewer, widget = open_window([folder / "study.toml"])
    widget.study.blinded.click()
    settle(widget)
    session = widget.controller.session
    assert session.blinded
    shown = [widget.name.text(), widget.message.text(), *(layer.name for layer in viewer.layers), viewer.title]
    model = widget.study.images.model()
    cells = [
        str(model.index(row, column).data()) for row in range(model.rowCount()) for column in range(model.columnCount())
    ]
    heads = [str(model.headerData(column, _horizontal())) for column in range(model.columnCount())]
    names = {part for image in session.study.images for part in (image.ref.key, image.placement.group)}
    assert not [text for text in (*shown, *cells, *heads) if any(name in text for name in names)]
    assert list(session.order) != [image.ref.key for image in session.study.images]
    widget.step(1)
    settle(widget)
    assert widget.controller.session.current == session.order[1]
    widget.study.run()
    settle(widget)
    record = (folder / "results" / "run.json").read_text(encoding="utf-8")
    assert f'"seed": {session.study.review.seed}' in record
    widget.study.blinded.click()
    assert not widget.controller.session.blinded
    assert load_study(folder / "study.toml").review.blinded  # that it was stays recorded


def test_all_are_run_and_flagged_ones_come_first(open_window, demo):
    folder = demo("alizarin_red")
    _, widget = open_window([folder / "study.toml"])
    widget.study.run()
    settle(widget)
    assert "24 of 24 images measured" in widget.study.outcome.text()
    assert len(rows_of(folder / "results")) == 24
    session = steps.with_flags_of_run(widget.controller.session, {"images/PMO_1_1.tif": ("blank",)})
    assert session.flagged_first[0] == "images/PMO_1_1.tif"
    widget.reviewed.click()
    assert widget.controller.session.study.review.reviewed == (session.current,)


def test_a_run_that_ends_after_another_study_was_opened_tells_of_its_own(open_window, demo):
    first, second = demo("alizarin_red"), demo("alp")
    _, widget = open_window([first / "study.toml"])
    widget.study.run()
    assert widget.open_paths([second / "study.toml"]) == ""
    settle(widget)
    assert "24 of 24 images measured" in widget.study.outcome.text()
    assert str(first / "results") in widget.study.outcome.text()
    assert widget.message.text() == ""
    assert widget.controller.session.path == str(second / "study.toml")
    assert not widget.controller.session.flags


def test_a_click_on_a_row_shows_the_object_and_back(open_window, demo):
    folder = demo("edu")
    _, widget = open_window([folder / "study.toml"])
    widget.numbers.objects.chosen.emit(4)
    labels = widget.controller.layers.counted
    assert labels.selected_label == 5
    widget.controller.picked.emit(7)
    chosen = widget.numbers.objects.selectionModel().selectedRows()
    assert [index.siblingAtColumn(1).data() for index in chosen] == ["7"]


def test_closing_in_mid_run_loses_nothing_and_leaves_no_process(open_window, demo):
    folder = demo("alizarin_red")
    viewer, widget = open_window([folder / "study.toml"])
    labels = widget.controller.layers.counted
    labels.paint((5, 5), 900)
    widget.study.run()
    end = time.monotonic() + 60
    while not list((folder / "results" / "records").glob("*.json")) and time.monotonic() < end:
        QApplication.processEvents()
        time.sleep(0.005)
    viewer.window._qt_window.close()
    assert not multiprocessing.active_children()
    assert not [one for one in threading.enumerate() if one.name.startswith("exoimage")]
    assert list((folder / "edits").glob("*.tif"))
    rows = command_rows(f"exoimage run {folder / 'study.toml'} --out {folder / 'results'}")
    assert len(rows) == 24


def test_what_cannot_be_read_is_a_message(open_window, tmp_path):
    (tmp_path / "broken.tif").write_bytes(b"II*\0 no more")
    _, widget = open_window([tmp_path / "broken.tif"], "alp")
    assert "broken.tif" in widget.message.text()
    assert "Traceback" not in widget.message.text()
    (tmp_path / "study.toml").write_text("[study]\nassay = 'alpp'\n", encoding="utf-8")
    assert "alpp" in widget.open_paths([tmp_path / "study.toml"])


def _horizontal():
    from qtpy.QtCore import Qt

    return Qt.Orientation.Horizontal
