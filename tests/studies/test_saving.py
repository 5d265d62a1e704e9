"""A study built in code is saved and loads as the same study."""

from dataclasses import replace
from pathlib import Path

import pytest
from support import write_fields

import exoimage as xi
from exoimage.errors import StudyError
from exoimage.studies.naming import Placement
from exoimage.studies.study import Statistics, StudyImage

NAMES = ("=a+b.tif", "b,c.tif", "ü.tif", "plain.tif")


def built(folder: Path) -> xi.Study:
    write_fields(folder / "pictures", NAMES, shape=(96, 128))
    images = tuple(
        StudyImage(
            xi.ImageRef(f"pictures/{name}", (str(folder / "pictures" / name),)),
            Placement("PMO+Exos" if k % 2 else "Control", f"mouse {k}", str(k), "monday"),
            excluded="a fold" if k == 3 else "",
        )
        for k, name in enumerate(NAMES)
    )
    recipe = xi.assay("alizarin-red", threshold={"method": "fixed", "od": 0.4})
    return xi.Study(
        'the "first"', recipe, images, ("PMO+Exos", "Control"), "Control", 0.65, Statistics(test="welch"),
    )  # fmt: skip


def test_it_loads_as_the_same_study(tmp_path):
    study = built(tmp_path)
    xi.save_study(study, tmp_path / "saved.toml")
    assert replace(xi.load_study(tmp_path / "saved.toml"), source="") == study


def test_it_measures_the_same_from_code_and_from_the_file(tmp_path):
    study = built(tmp_path)
    xi.save_study(study, tmp_path / "saved.toml")
    for name, what in (("code", study), ("file", tmp_path / "saved.toml")):
        xi.run(what, tmp_path / name, pictures=False)
    for table in ("images.csv", "objects.csv", "samples.csv", "groups.csv", "tests.csv"):
        assert (tmp_path / "code" / table).read_bytes() == (tmp_path / "file" / table).read_bytes()


def test_what_a_layout_cannot_say_is_refused(tmp_path):
    study = built(tmp_path)
    own = replace(study.images[0], changes={"threshold": {"method": "fixed", "od": 1.0}})
    with pytest.raises(StudyError, match="own parameters"):
        xi.save_study(replace(study, images=(own,)), tmp_path / "saved.toml")
    two = replace(study.images[0], ref=xi.ImageRef("a", ("1.tif", "2.tif"), channels=("DAPI", "EdU")))
    with pytest.raises(StudyError, match="one file per image"):
        xi.save_study(replace(study, images=(two,)), tmp_path / "saved.toml")


def test_a_missing_picture_of_a_table_fails_its_own_row(tmp_path):
    xi.save_study(built(tmp_path), tmp_path / "saved.toml")
    (tmp_path / "pictures" / NAMES[1]).unlink()
    run = xi.run(tmp_path / "saved.toml", tmp_path / "out", pictures=False)
    assert run.n_failed == 1
    assert run.images.set_index("image")["error"][f"pictures/{NAMES[1]}"] == "there is no such file"
