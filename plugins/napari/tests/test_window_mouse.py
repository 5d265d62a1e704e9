"""In real windows, with a real mouse: the cut, a region, a stroke."""

from __future__ import annotations

import numpy as np
import pytest
from conftest import settle
from exoimage.assays.live_tissue import learning
from exoimage.assays.measuring import Part
from exoimage.assays.regions import Region
from helpers import assert_same_row, command_rows, drag
from qtpy.QtCore import QPoint, Qt
from qtpy.QtTest import QTest
from qtpy.QtWidgets import QApplication

from napari_exoimage.commands import as_command
from napari_exoimage.layers import ABOVE, REGIONS, SCRIBBLES, TISSUE


def named(viewer, name):
    return next((layer for layer in viewer.layers if layer.name == name), None)


def test_the_cut_is_dragged_in_the_histogram(open_window, demo):
    viewer, widget = open_window([demo("alizarin_red") / "study.toml"])
    before = widget.controller.last_seen.look.cut
    histogram = widget.cut.histogram
    x = [round(histogram.width() * share) for share in (0.2, 0.4, 0.6)]
    y = histogram.height() // 2
    QTest.mousePress(histogram, Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier, QPoint(x[0], y))
    for place in x[1:]:
        QTest.mouseMove(histogram, QPoint(place, y))
        QApplication.processEvents()
    dragged = widget.cut.slider.value()
    assert named(viewer, ABOVE).visible
    assert named(viewer, ABOVE).contrast_limits[0] == pytest.approx(dragged, abs=1e-4)
    QTest.mouseRelease(histogram, Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier, QPoint(x[-1], y))
    settle(widget)
    set_to = widget.controller.session.recipe.threshold.od
    assert set_to == pytest.approx(dragged, abs=1e-4)
    assert abs(set_to - before) > 0.02
    assert not named(viewer, ABOVE).visible


def test_a_region_is_dragged_over_the_picture(open_window, demo):
    folder = demo("alizarin_red")
    viewer, widget = open_window([folder / "study.toml"])
    scale = widget.controller.last_counted.image.pixel_size or 1.0
    whole = widget.controller.last_counted.result.rows[0]["region_area_px"]
    widget.draw.buttons["Draw region"].click()
    named(viewer, REGIONS).mode = "add_rectangle"
    drag(viewer, [(30 * scale, 40 * scale), (130 * scale, 240 * scale)])
    assert len(named(viewer, REGIONS).data) == 1
    widget.draw.buttons["Use regions"].click()
    settle(widget)
    row = widget.controller.last_counted.result.rows[0]
    assert row["region"] == "region 1"
    assert row["region_area_px"] == pytest.approx(100 * 200, rel=0.05)
    assert row["region_area_px"] < whole
    widget.study.save()
    settle(widget)
    rows = command_rows(as_command(widget.controller.session, windows=False))
    own = [one for one in rows if one["image"] == widget.controller.session.current]
    assert_same_row(widget.controller.last_counted, own[0])


def scribbled(viewer, widget, number, points):
    layer = named(viewer, SCRIBBLES)
    layer.selected_label = number
    drag(viewer, points)
    return layer


@pytest.fixture
def scribbling(open_window, demo):
    """An H&E field with the scribbles' layer open, and places of bone, marrow and glass on it."""
    viewer, widget = open_window([demo("he_bone") / "study.toml"])
    counted = widget.controller.last_counted
    widget.draw.buttons["Scribble"].click()
    return viewer, widget, counted


def row_of(mask, length=25):
    """Ends of a stroke to the right that stays within a mask, in px."""
    from numpy.lib.stride_tricks import sliding_window_view

    runs = sliding_window_view(mask, (5, length)).all(axis=(2, 3))
    y, x = np.argwhere(runs)[len(np.argwhere(runs)) // 2]
    return [(float(y + 2), float(x + 3)), (float(y + 2), float(x + length - 4))]


def in_world(points, scale):
    return [(y * scale, x * scale) for y, x in points]


def test_strokes_train_live_and_the_newest_wins(scribbling):
    viewer, widget, counted = scribbling
    scale = counted.image.pixel_size or 1.0
    bone, tissue = counted.result.masks["bone"], counted.result.masks["tissue"]
    recipe = widget.controller.session.recipe
    named(viewer, SCRIBBLES).brush_size = 4
    scribbled(viewer, widget, 1, in_world(row_of(bone), scale))
    settle(widget)
    assert named(viewer, TISSUE) is None  # one class tells nothing apart
    layer = scribbled(viewer, widget, 2, in_world(row_of(tissue & ~bone), scale))
    assert widget.draw.live.is_busy
    settle(widget)
    assert "glass" in widget.message.text()
    first = named(viewer, TISSUE).data.copy()
    assert set(np.unique(first)) == {1, 2}
    assert (first == 1)[bone].mean() > (first == 1)[tissue & ~bone].mean() + 0.3
    layer = scribbled(viewer, widget, 3, in_world([(3.0, 3.0), (3.0, 60.0)], scale))
    newest = np.array(layer.data)
    settle(widget)
    assert "Train" in widget.message.text()
    shown = np.array(named(viewer, TISSUE).data)
    again = np.zeros_like(shown)
    for patch in learning(widget.controller.last_seen.look.recipe, widget.controller.picture, newest):
        again[patch.top :, patch.left :][: patch.classes.shape[0], : patch.classes.shape[1]] = patch.classes
    assert np.array_equal(shown, again)
    assert widget.controller.session.recipe == recipe  # nothing is kept before Train
    widget.draw.buttons["Train"].click()
    settle(widget)
    decided = widget.controller.last_seen.look.recipe
    image = widget.controller.picture
    kept = decided.tissue.classes(Part(image, Region.whole(image.shape)), decided.white.white)
    assert np.array_equal(shown, kept)


def test_a_stroke_that_is_undone_is_unlearnt_and_live_can_be_switched_off(scribbling):
    viewer, widget, counted = scribbling
    scale = counted.image.pixel_size or 1.0
    bone, tissue = counted.result.masks["bone"], counted.result.masks["tissue"]
    named(viewer, SCRIBBLES).brush_size = 4
    scribbled(viewer, widget, 1, in_world(row_of(bone), scale))
    layer = scribbled(viewer, widget, 2, in_world(row_of(tissue & ~bone), scale))
    settle(widget)
    assert named(viewer, TISSUE) is not None
    layer.undo()
    settle(widget)
    assert named(viewer, TISSUE) is None
    widget.draw.live_switch.click()
    layer.redo()
    settle(widget)
    assert named(viewer, TISSUE) is None
    widget.draw.live_switch.click()
    settle(widget)
    assert named(viewer, TISSUE) is not None
    widget.step(1)
    settle(widget)
    assert named(viewer, TISSUE) is None
    assert not widget.draw.live.is_busy
