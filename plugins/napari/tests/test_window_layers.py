"""In real windows: the picture of a layer is measured, whoever opened it."""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np
import pytest
import tifffile
from conftest import settle
from exoimage.methods import synth

from napari_exoimage import picture_source
from napari_exoimage import session as steps


def nodules(seed):
    return synth.nodule_field((200, 300), seed=seed).pixels


@pytest.fixture(autouse=True)
def temporary(tmp_path, monkeypatch):
    """Where pictures of no file are written."""
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    return folder


@pytest.fixture
def two_pictures(tmp_path):
    path = tmp_path / "two.ome.tif"
    with tifffile.TiffWriter(path, ome=True) as tif:
        for seed in (5, 6):
            tif.write(nodules(seed), photometric="rgb", metadata={"axes": "YXS"})
    return path


def use(viewer, widget, layer, assay="alizarin-red"):
    viewer.layers.selection.active = layer
    widget.choose_assay(assay)
    problem = widget.use_layer()
    settle(widget)
    return problem


@pytest.mark.parametrize("number", [0, 1])
def test_the_picture_of_the_selected_layer_is_measured(open_window, two_pictures, number):
    viewer, widget = open_window()
    layers = viewer.open(str(two_pictures), plugin="napari-exoimage")
    assert use(viewer, widget, layers[number]) == ""
    assert widget.controller.session.image.ref.scene == number
    assert np.array_equal(widget.controller.last_counted.image.pixels, nodules(5 + number))


def test_a_layer_of_another_reader_that_could_be_any_picture_is_refused(open_window, two_pictures):
    viewer, widget = open_window()
    (layer,) = viewer.open(str(two_pictures), plugin="napari")
    assert "holds 2 pictures" in use(viewer, widget, layer)
    assert "holds 2 pictures" in widget.message.text()
    assert not widget.controller.is_open


@pytest.mark.parametrize("is_used", [False, True])
def test_a_layer_of_no_file_says_where_its_study_lies(open_window, is_used):
    viewer, widget = open_window()
    assert use(viewer, widget, viewer.add_image(nodules(5), name="mine")) == ""
    session = widget.controller.session
    folder = Path(session.folder)
    assert str(folder) in widget.message.text()
    assert Path(session.out).parent == folder
    assert np.array_equal(widget.controller.last_counted.image.pixels, nodules(5))
    if is_used:
        assert widget.study.save() == ""
    widget.close_work()
    assert (folder / steps.STUDY_FILE).exists() == is_used
    assert folder.exists() == is_used


def test_a_layer_that_cannot_be_written_is_a_message(open_window, monkeypatch, temporary):
    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(picture_source, "write_image", full)
    viewer, widget = open_window()
    assert "No space left on device" in use(viewer, widget, viewer.add_image(nodules(5), name="mine"))
    assert not list(temporary.glob("exoimage-picture-*"))
