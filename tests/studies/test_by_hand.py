"""What a person sets for single images is kept in the study's files, and every run does it again."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
from support import write_fields

import exoimage as xi
from exoimage.cli import main
from exoimage.errors import RecipeError, StudyError
from exoimage.images.labels import read_labels
from exoimage.images.writing import write_labels
from exoimage.studies.amending import amend_study
from exoimage.studies.by_hand import edit_path
from exoimage.studies.plan import load_study
from exoimage.studies.previewing import decide_all, open_image, resolved_for
from exoimage.studies.study import Review, blinded_order

NAMES = ("A_1.tif", "A_2.tif", "B_1.tif", "B_2.tif")
STUDY = """\
# our study
[study]
name = "by hand"
assay = "alizarin-red"   # the usual
images = "images/*.tif"
edits = "edits"
[groups]
pattern = "{group}_{sample}"
"""


@pytest.fixture
def folder(tmp_path):
    write_fields(tmp_path / "images", NAMES)
    (tmp_path / "study.toml").write_text(STUDY, encoding="utf-8")
    return tmp_path


def edited(folder, key, labels):
    study = load_study(folder / "study.toml")
    image = next(one for one in study.images if one.ref.key == key)
    path = edit_path(folder / "edits", image)
    path.parent.mkdir(exist_ok=True)
    write_labels(path, labels, 1.0)
    return path


def run(folder):
    return xi.run(folder / "study.toml", folder / "out", pictures=False).images.set_index("image")


def test_a_corrected_mask_is_used_again_said_and_recorded(folder):
    before = run(folder)
    labels = np.zeros((160, 200), np.uint16)
    labels[10:20, 10:30] = 3
    path = edited(folder, "images/A_2.tif", labels)
    after = run(folder)
    assert after["flags"]["images/A_2.tif"].split() == [*before["flags"]["images/A_2.tif"].split(), "edited"]
    assert after["stained_area_px"]["images/A_2.tif"] == 200
    others = [f"images/{name}" for name in NAMES if name != "A_2.tif"]
    assert after.loc[others].equals(before.loc[others])
    inputs = json.loads((folder / "out" / "run.json").read_text())["images"]["images/A_2.tif"]["inputs"]
    assert "mask corrected by hand" in inputs
    assert "Masks were corrected by hand in 1 image: images/A_2.tif." in (folder / "out" / "methods.md").read_text()
    labels[40:50, 10:30] = 4
    write_labels(path, labels, 1.0)
    assert run(folder)["stained_area_px"]["images/A_2.tif"] == 400
    path.unlink()
    assert run(folder).equals(before)


def test_a_corrected_mask_of_another_picture_fails_its_row_or_the_study(folder):
    path = edited(folder, "images/A_2.tif", np.zeros((10, 20), np.uint16))
    failed = run(folder)
    assert failed["status"].tolist() == ["ok", "failed", "ok", "ok"]
    assert "another picture's" in failed["error"]["images/A_2.tif"]
    path.rename(path.with_name("C_9.tif.tif"))
    with pytest.raises(StudyError, match=r"C_9.tif.tif is a corrected mask of none of the images"):
        load_study(folder / "study.toml")


def test_masks_are_no_images_of_the_study(folder):
    text = STUDY.replace("images/*.tif", "**/*.tif").replace('pattern = "{group}_{sample}"', "")
    (folder / "study.toml").write_text(text, encoding="utf-8")
    edited(folder, "images/A_1.tif", np.zeros((160, 200), np.uint16))
    assert len(load_study(folder / "study.toml").images) == 4


def test_an_images_own_threshold_is_measured_said_and_listed(folder):
    own = '[images."images/B_1.tif"]\nthreshold = { method = "fixed", od = 0.5 }\n'
    (folder / "study.toml").write_text(STUDY + own, encoding="utf-8")
    rows = run(folder)
    assert rows["threshold_od"]["images/B_1.tif"] == 0.5
    flagged = rows["flags"].str.contains("threshold_overridden")
    assert rows.index[flagged].tolist() == ["images/B_1.tif"]
    assert "set by hand in 1 images: images/B_1.tif (0.5)" in (folder / "out" / "methods.md").read_text()


def test_other_parameters_of_one_image_are_said_too_but_not_places(folder):
    own = '[images."images/B_1.tif"]\nsmallest_nodule = "9 px"\n'
    place = '[images."images/A_1.tif"]\nregion = { method = "whole" }\n'
    (folder / "study.toml").write_text(STUDY + own + place, encoding="utf-8")
    rows = run(folder)
    assert rows.index[rows["flags"].str.contains("recipe_overridden")].tolist() == ["images/B_1.tif"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('[images."images/C.tif"]\nthreshold = { method = "fixed", od = 0.5 }', "none of the study's images"),
        ('[images."images/B_1.tif"]\nthreshold = { method = "li" }', "is a number, or decided from this image alone"),
    ],
)
def test_what_single_images_cannot_have_is_refused(folder, text, expected):
    (folder / "study.toml").write_text(f"{STUDY}{text}\n", encoding="utf-8")
    with pytest.raises(StudyError, match=expected):
        load_study(folder / "study.toml")


def test_an_unknown_key_is_refused(folder):
    (folder / "study.toml").write_text(f'{STUDY}[images."images/B_1.tif"]\nthresold = 1\n', encoding="utf-8")
    with pytest.raises((StudyError, RecipeError), match="threshold"):
        load_study(folder / "study.toml")


def test_a_study_is_amended_and_its_comments_stay(folder):
    path = folder / "study.toml"
    study = load_study(path)
    recipe = xi.assay("alizarin-red", threshold={"method": "fixed", "od": 0.4}, largest_hole="4 px")
    first = replace(study.images[0], overrides={"threshold": {"method": "fixed", "od": 0.9}})
    changed = replace(
        study,
        recipe=recipe,
        images=(first, replace(study.images[1], excluded="a fold"), *study.images[2:]),
        review=Review(reviewed=("images/A_1.tif",), blinded=True, seed=4),
    )
    amend_study(path, changed)
    assert load_study(path) == changed
    assert path.read_text(encoding="utf-8").startswith(STUDY[:60])
    amend_study(path, study)
    assert load_study(path) == study


def test_a_study_of_other_images_is_not_amended(folder):
    study = load_study(folder / "study.toml")
    (folder / "images" / "A_1.tif").unlink()
    with pytest.raises(StudyError, match="images have changed meanwhile"):
        amend_study(folder / "study.toml", study)


def test_a_saved_study_keeps_what_was_set_by_hand(folder):
    study = load_study(folder / "study.toml")
    edited(folder, "images/A_1.tif", np.ones((160, 200), np.uint16))
    loaded = load_study(folder / "study.toml")
    own = replace(loaded.images[1], overrides={"threshold": {"method": "fixed", "od": 0.9}})
    built = replace(loaded, images=(loaded.images[0], own, *loaded.images[2:]), review=Review(blinded=True, seed=2))
    xi.save_study(built, folder / "again.toml")
    assert replace(load_study(folder / "again.toml"), source=study.source) == built
    elsewhere = replace(loaded.images[0], edit=str(folder / "x.tif"))
    with pytest.raises(StudyError, match="is kept as"):
        xi.save_study(replace(built, images=(elsewhere,)), folder / "third.toml")


def test_one_image_is_measured_as_the_run_measures_it(folder):
    study = load_study(folder / "study.toml")
    deciding = decide_all(study, folder / "scratch")
    events = []
    while True:
        try:
            events.append(next(deciding))
        except StopIteration as end:
            decided = end.value
            break
    assert [event.stage for event in events] == ["observed"] * 4
    rows = run(folder)
    for image in study.images:
        row = resolved_for(study, image.ref.key, decided).measure(open_image(study, image.ref.key)).rows[0]
        own = rows.loc[image.ref.key]
        assert (row["stained_area_px"], row["threshold_od"]) == (own["stained_area_px"], own["threshold_od"])
        assert row["flags"] == own["flags"]


def test_measure_takes_corrected_masks_too(folder, tmp_path):
    labels = np.zeros((160, 200), np.uint16)
    labels[:10, :10] = 1
    (tmp_path / "mine").mkdir()
    write_labels(tmp_path / "mine" / "A_1.tif.tif", labels, None)
    words = ["measure", "alizarin-red", str(folder / "images"), "--edits", str(tmp_path / "mine"), "--quiet"]
    assert main([*words, "--out", str(folder / "o"), "--tables-only", "--jobs", "1"]) == 0
    from exoimage.studies.batch import finished_run
    from exoimage.studies.store import Store

    rows = finished_run(Store(folder / "o")).images.set_index("image")
    assert rows["stained_area_px"]["A_1.tif"] == 100


def test_the_blinded_order_is_the_seeds_and_no_others(folder):
    keys = [f"image {k}" for k in range(40)]
    orders = {blinded_order(keys, seed) for seed in range(20)}
    assert len(orders) == 20
    assert all(sorted(order) == sorted(keys) for order in orders)
    fewer = blinded_order(keys[:-1], 3)
    assert fewer == tuple(key for key in blinded_order(keys, 3) if key != keys[-1])


@pytest.mark.parametrize("largest", [3, 70_000])
def test_labels_are_read_back_as_they_were_written(tmp_path, largest):
    labels = np.zeros((30, 40), np.int32)
    labels[3:9, 4:20], labels[20:, 20:] = 1, largest
    write_labels(tmp_path / "labels.tif", labels, 0.5)
    assert np.array_equal(read_labels(tmp_path / "labels.tif"), labels)
