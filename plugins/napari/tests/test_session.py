"""Without a window: the steps of a session, and what is copied from it."""

from __future__ import annotations

import shlex
from dataclasses import replace

import pytest
from conftest import ROOT
from exoimage.errors import ExoimageError, RecipeError, StudyError
from exoimage.studies.plan import load_study
from helpers import command_rows

from napari_exoimage import bench as bench_module
from napari_exoimage import drawing
from napari_exoimage import session as steps
from napari_exoimage.bench import Bench, Counted, Decided, deciding
from napari_exoimage.commands import as_command, as_python
from napari_exoimage.history import History


def counted(session, tmp_path):
    bench = Bench()
    for step in deciding(session.study, tmp_path / "scratch"):
        if isinstance(step, Decided):
            bench.remember(step)
    return next(step for step in bench.steps(session) if isinstance(step, Counted))


def test_what_one_image_says_is_never_taken_for_another(demo, monkeypatch):
    session = steps.open_paths([demo("alizarin_red", keep=2) / "images"], "alizarin-red")
    session = steps.with_value(session, "threshold", {"method": "otsu", "scope": "image"})
    session = steps.with_value(session, "white", {"method": "estimated", "scope": "image"})
    second = steps.stepped(session, 1)
    alone = [step for step in Bench().steps(second) if isinstance(step, Counted)]
    monkeypatch.setattr(bench_module, "id", lambda _: 7, raising=False)  # an address may come again
    one = Bench()
    list(one.steps(session))
    after = [step for step in one.steps(second) if isinstance(step, Counted)]
    assert after[0].result.rows == alone[0].result.rows


def test_a_folder_with_a_study_is_that_study(demo):
    folder = demo("alp")
    assert steps.open_paths([folder]).path == str(folder / "study.toml")
    assert steps.open_paths([folder / "images"], "alp").path == ""


def test_a_study_is_of_one_assay_and_loose_images_of_any(demo):
    folder = demo("alp")
    with pytest.raises(StudyError, match="is a study of alp"):
        steps.for_assay(steps.open_paths([folder]), "von-kossa")
    loose = steps.open_paths([folder / "images"], "alp")
    assert steps.for_assay(loose, "von-kossa").recipe.assay == "von-kossa"


def test_undo_goes_back_in_what_is_set_and_stays_at_what_is_shown(demo):
    session = steps.open_paths([demo("alp")])
    history = History(session).with_step(steps.with_value(session, "largest_hole", "9 px"))
    moved = history.with_place(steps.stepped(history.present, 1))
    back = moved.undone
    assert back.present.recipe == session.recipe
    assert back.present.current == moved.present.current
    assert back.redone.present == moved.present
    assert History(session).undone.present == session


def test_a_value_that_does_not_fit_is_refused_in_one_line(demo):
    session = steps.open_paths([demo("alp")])
    with pytest.raises(RecipeError, match="largest_hole"):
        steps.with_value(session, "largest_hole", "nine")


def test_steps_go_round_and_flagged_ones_first(demo):
    session = steps.open_paths([demo("alp")])
    assert steps.stepped(session, -1).current == session.order[-1]
    flagged = steps.with_flags_of_run(session, {session.order[5]: ("saturated",), session.order[2]: ("lossy_file",)})
    assert flagged.flagged_first[0] == session.order[5]


def test_the_copied_command_of_loose_images_gives_the_same_rows(demo, tmp_path):
    folder = demo("alp", keep=3)
    session = steps.open_paths([folder / "images"], "alp")
    session = steps.with_value(session, "threshold", {"method": "fixed", "od": 0.31})
    session = steps.with_value(session, "smallest_nodule", "9 px")
    session = steps.with_out(steps.with_pixel_size(session, 0.65), str(tmp_path / "my results"))
    own = counted(session, tmp_path).result.rows[0]
    rows = command_rows(as_command(session, windows=False))
    assert len(rows) == 3
    assert float(rows[0]["stained_area_pct"]) == own["stained_area_pct"]
    assert rows[0]["flags"] == own["flags"]
    assert float(rows[0]["nodules_per_mm2"]) == own["nodules_per_mm2"]


STACKS = [
    ({"axes": "ZCYX"}, {"z": "max"}, "z", "ome.tif"),
    ({"axes": "ZCYX"}, {"z": 1}, "z", "ome.tif"),
    (None, {"pages": "channels"}, "c", "tif"),
]


@pytest.mark.parametrize(("metadata", "values", "axis", "suffix"), STACKS)
def test_the_copied_python_reads_the_planes_that_were_chosen(tmp_path, metadata, values, axis, suffix):
    import numpy as np
    import tifffile
    from exoimage.methods import synth

    pixels = np.moveaxis(synth.cell_field((300, 400), seed=5).pixels, -1, 0)
    planes = np.stack([pixels // 2, pixels, pixels // 3]) if axis == "z" else pixels
    path = tmp_path / f"stack.{suffix}"
    how = {"metadata": metadata, "ome": True} if metadata else {"metadata": None}
    tifffile.imwrite(path, planes, photometric="minisblack", **how)
    session = steps.open_paths([path], "edu")
    for key, value in values.items():
        session = steps.with_value(session, key, value)
    own = counted(session, tmp_path).result.rows
    assert own[0]["nuclei_count"] > 0
    names = {}
    exec(as_python(session), names)
    assert names["result"].rows == own
    bare = as_python(session).replace(", default_z='max'", "").replace(", default_z=1", "").replace(", c='all'", "")
    with pytest.raises(ExoimageError):
        exec(bare, {})


def test_the_copied_python_names_the_scene(tmp_path):
    import numpy as np
    import tifffile
    from exoimage.methods import synth

    path = tmp_path / "two.ome.tif"
    with tifffile.TiffWriter(path, ome=True) as tif:
        for seed in (5, 6):
            tif.write(synth.nodule_field((200, 300), seed=seed).pixels, photometric="rgb", metadata={"axes": "YXS"})
    several = steps.open_paths([path], "alizarin-red")
    one = replace(several.study, images=several.study.images[1:])
    session = replace(several, study=one, saved=one, current=one.images[0].ref.key)
    names = {}
    exec(as_python(session), names)
    assert names["result"].rows == counted(session, tmp_path).result.rows
    assert np.array_equal(names["image"].pixels, synth.nodule_field((200, 300), seed=6).pixels)


def test_on_windows_the_command_is_quoted_as_there(demo):
    session = steps.with_out(steps.open_paths([demo("alp")]), r"C:\my results")
    assert as_command(session, windows=True).endswith('--out "C:\\my results"')
    assert shlex.split(as_command(session, windows=False))[-1] == r"C:\my results"


def test_a_command_of_what_is_not_saved_is_refused(demo):
    session = steps.with_value(steps.open_paths([demo("alp")]), "largest_hole", "9 px")
    for copied in (as_command, as_python):
        with pytest.raises(StudyError, match="save the study first"):
            copied(session)
    saved = steps.save(session)
    assert load_study(saved.path).recipe == session.recipe
    assert as_python(saved).startswith("import exoimage as xi")


def test_loose_images_are_saved_as_a_study_that_gives_the_same(demo, tmp_path):
    folder = demo("alp", keep=3)
    session = steps.open_paths([folder / "images"], "alp")
    session = steps.with_own_values(session, {"threshold": {"method": "fixed", "od": 0.5}})
    with pytest.raises(StudyError, match="settings of its own"):
        as_command(session)
    before = counted(session, tmp_path).result.rows[0]
    saved = steps.save(session)
    rows = command_rows(as_command(saved, windows=False))
    assert float(rows[0]["stained_area_pct"]) == before["stained_area_pct"]
    assert "threshold_overridden" in rows[0]["flags"]
    with pytest.raises(StudyError, match="there already"):
        steps.save(session)


def test_scribbles_train_the_classifier_and_are_kept(demo, tmp_path):
    import numpy as np

    folder = demo("he_bone")
    session = steps.open_paths([folder / "study.toml"])
    found = counted(session, tmp_path)
    bone, tissue = found.result.masks["bone"], found.result.masks["tissue"]
    labels = np.where(bone, 1, np.where(tissue, 2, 3))
    labels[::3] = 0
    trained = drawing.keep_scribbles(session, labels, None)
    assert trained.recipe.tissue.method == "trained"
    again = counted(trained, tmp_path).result
    agreement = (again.masks["bone"] == bone)[tissue].mean()
    assert agreement > 0.9
    saved = steps.save(trained)
    assert load_study(saved.path).recipe.tissue.examples == trained.recipe.tissue.examples
    assert "scribbles/" in (folder / "study.toml").read_text(encoding="utf-8")
    with pytest.raises(StudyError, match="not trained by scribbles"):
        drawing.keep_scribbles(steps.open_paths([demo("alp")]), labels, None)


def test_regions_of_a_file_are_used_for_one_image_or_all(demo):
    session = steps.open_paths([demo("he_bone") / "study.toml"])
    roi = next((ROOT / "test_images" / "he_bone" / "rois").iterdir())
    own = drawing.with_regions_of(session, roi)
    assert own.image.overrides["region"]["path"] == str(roi)
    assert drawing.with_regions_of(session, roi, for_all=True).recipe.region.path == str(roi)
    assert not drawing.whole(own).image.overrides


def test_a_correction_goes_where_the_file_says(demo):
    import numpy as np

    session = steps.open_paths([demo("alp") / "study.toml"])
    kept = steps.keep_edit(session, np.ones((4, 4), np.int32), None)
    assert kept.image.edit.endswith(".jpg.tif") or "edits" in kept.image.edit
    dropped = steps.drop_edit(kept)
    assert dropped.image.edit == ""
    assert not list((kept.edits).glob("*.tif"))
    assert list((kept.edits).glob("*.dropped"))
