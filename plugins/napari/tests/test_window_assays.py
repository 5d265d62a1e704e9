"""In real windows: every assay is opened, shown, and gives the command line's row."""

from __future__ import annotations

import pytest
from conftest import ROOT, settle
from exoimage.assays.registry import ASSAYS
from helpers import assert_same_row, command_rows

from napari_exoimage import session as steps
from napari_exoimage.commands import as_command, as_python

FOLDERS = {
    "alizarin-red": "alizarin_red", "alp": "alp", "von-kossa": "von_kossa", "he-bone": "he_bone", "masson": "masson",
    "ihc-dab": "ihc_dab", "western-blot": "western_blot", "pkh26": "pkh26",
}  # fmt: skip
CHANNELS = {"edu": "edu"}


def first_files(assay):
    folder = ROOT / "test_images" / {**FOLDERS, **CHANNELS}[assay] / "images"
    files = sorted(folder.iterdir())
    if assay in CHANNELS:
        stem = files[0].stem.rpartition("_")[0]
        return [path for path in files if path.stem.startswith(stem + "_")]
    return files[:1]


@pytest.mark.parametrize("assay", [*FOLDERS, *CHANNELS])
def test_every_assay_gives_the_command_lines_row(assay, open_window, tmp_path):
    _, widget = open_window(first_files(assay), assay)
    assert widget.message.text() == ""
    assert widget.assay.currentText() == assay
    counted = widget.controller.last_counted
    assert not counted.provisional
    primary = [column.name for column in counted.session.recipe.columns if column.primary]
    assert set(primary) <= set(widget.numbers.values)
    widget.controller.go(lambda session: steps.with_out(session, str(tmp_path / "out")))
    rows = command_rows(as_command(widget.controller.session, windows=False))
    for place, row in enumerate(rows):
        assert_same_row(counted, row, place)


@pytest.mark.parametrize("assay", ["edu", "pkh26", "ihc-dab"])
def test_what_finds_nuclei_can_be_chosen(assay, open_window, tmp_path):
    _, widget = open_window(first_files(assay), assay)
    entry = widget.form.entries["nuclei"]
    default = widget.controller.session.recipe.nuclei.method
    assert entry.value["method"] == default
    other = "threshold" if default == "network" else "network"
    if assay != "ihc-dab":
        entry._entries["channel"].widget.value = "DAPI"
        entry._entries["channel"].widget.native.editingFinished.emit()
    entry._methods.value = other
    settle(widget)
    session = widget.controller.session
    assert session.recipe.nuclei.method == other
    assert getattr(session.recipe.nuclei, "channel", "DAPI") == "DAPI"
    assert widget.form.problem.text() == widget.message.text() == ""
    counted = widget.controller.last_counted
    assert counted.result.labels.any()
    widget.controller.go(lambda session: steps.with_out(session, str(tmp_path / "out")))
    for place, row in enumerate(command_rows(as_command(widget.controller.session, windows=False))):
        assert_same_row(counted, row, place)
    widget.controller.undo()
    settle(widget)
    assert entry.value["method"] == default


def test_all_assays_can_be_chosen_for_one_picture(open_window):
    _, widget = open_window([ROOT / "test_images" / "alizarin_red" / "images" / "PMO_1_1.tif"], "alizarin-red")
    for assay in ASSAYS:
        assert widget.choose_assay(assay) == ""
        assert set(widget.form.entries) == set(type(widget.controller.session.recipe).model_fields)
        assert widget.assay.currentText() == assay
    settle(widget)


def test_the_copied_python_gives_the_same_numbers(open_window):
    path = ROOT / "test_images" / "von_kossa" / "images"
    _, widget = open_window([sorted(path.iterdir())[0]], "von-kossa")
    widget.controller.do(lambda session: steps.with_value(session, "threshold", {"method": "fixed", "od": 0.5}))
    settle(widget)
    names: dict[str, object] = {}
    exec(as_python(widget.controller.session), names)
    assert names["result"].rows == widget.controller.last_counted.result.rows
