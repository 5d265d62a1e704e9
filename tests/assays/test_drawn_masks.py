"""A mask corrected by hand takes the place of what an assay would find, and says so."""

from __future__ import annotations

import numpy as np
import pytest
from support import ROOT

import exoimage as xi
from exoimage.errors import ImageError, MeasureError
from exoimage.images.image import Image
from exoimage.studies.plan import load_study
from exoimage.studies.previewing import open_image

FOLDERS = ("alizarin_red", "alp", "von_kossa", "he_bone", "masson", "ihc_dab", "edu", "pkh26")
COUNTS = {
    "alizarin_red": "nodule_count", "alp": "nodule_count", "von_kossa": "nodule_count", "ihc_dab": "cell_count",
    "edu": "nuclei_count", "pkh26": "cell_count", "he_bone": "b_ar_px", "masson": "new_bone_px",
}  # fmt: skip


def picture(folder):
    """A demo picture and a recipe that one picture can decide."""
    study = load_study(ROOT / "test_images" / folder / "study.toml")
    recipe = xi.assay("pkh26") if folder == "pkh26" else study.recipe
    return open_image(study, study.images[0].ref.key), recipe


@pytest.mark.parametrize("folder", FOLDERS)
def test_what_was_found_drawn_again_gives_the_same_numbers(folder):
    image, recipe = picture(folder)
    found = recipe.measure(image)
    again = recipe.measure(image.with_drawn(found.labels))
    left_out = {name for name in found.rows[0] if name.startswith("left_out")}  # von Kossa: a person leaves nothing out
    same = set(found.rows[0]) - left_out - {"flags"}
    assert {name: again.rows[0][name] for name in same} == {name: found.rows[0][name] for name in same}
    assert "edited" in again.rows[0]["flags"]
    assert "edited" not in found.rows[0]["flags"]


@pytest.mark.parametrize("folder", FOLDERS)
def test_an_erased_object_counts_no_more(folder):
    image, recipe = picture(folder)
    found = recipe.measure(image)
    name = COUNTS[folder]
    labels = np.where(found.labels == 1, 0, found.labels)
    erased = 1 if name.endswith("count") else int((found.labels == 1).sum())
    assert recipe.measure(image.with_drawn(labels)).rows[0][name] == found.rows[0][name] - erased
    nothing = recipe.measure(image.with_drawn(np.zeros(image.shape, int)))
    assert nothing.rows[0][name] == 0
    assert len(nothing.objects) == 0


def test_numbers_of_drawn_objects_may_have_gaps():
    image, recipe = picture("alizarin_red")
    labels = np.zeros(image.shape, int)
    labels[10:20, 10:20], labels[30:40, 10:20] = 7, 900
    result = recipe.measure(image.with_drawn(labels))
    assert result.objects["area_px"].tolist() == [100, 100]
    assert result.rows[0]["stained_area_px"] == 200


def test_what_is_drawn_outside_the_regions_does_not_count(tmp_path):
    from exoimage.images.roi_writing import Outline, write_regions

    image, recipe = picture("alizarin_red")
    write_regions(tmp_path / "r.zip", [Outline("left", np.array([[0, 0], [15, 0], [15, 60], [0, 60]], float))])
    recipe = xi.assay("alizarin-red", region={"method": "rois", "path": str(tmp_path / "r.zip")})
    labels = np.zeros(image.shape, int)
    labels[10:20, 10:20] = 1
    result = recipe.measure(image.with_drawn(labels))
    assert result.rows[0]["stained_area_px"] == 50


def test_an_erased_nucleus_is_no_background():
    image, recipe = picture("edu")
    found = recipe.measure(image)
    without = recipe.measure(image.with_drawn(np.where(found.labels == 1, 0, found.labels)))
    kept = found.objects.iloc[1:]
    assert without.objects["edu_background"].tolist() == kept["edu_background"].tolist()


def test_a_blot_takes_no_mask():
    blot = Image(np.full((60, 80), 1000, np.uint16), light="emitted").with_drawn(np.zeros((60, 80), int))
    with pytest.raises(MeasureError, match="takes no mask corrected by hand"):
        xi.assay("western-blot").measure(blot)


@pytest.mark.parametrize(
    ("labels", "expected"),
    [
        (np.zeros((3, 4), int), "another picture's"),
        (np.full((4, 5), -1), "whole numbers"),
        (np.full((4, 5), 0.5), "whole numbers"),
    ],
)
def test_a_mask_that_does_not_fit_is_refused(labels, expected):
    with pytest.raises(ImageError, match=expected):
        Image(np.full((4, 5, 3), 240, np.uint8)).with_drawn(labels)
