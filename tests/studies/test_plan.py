from __future__ import annotations

from pathlib import Path

import pytest
from support import write_fields

import exoimage as xi
from exoimage.errors import StudyError
from exoimage.studies.naming import NamePattern, Placement
from exoimage.studies.plan import draft_study, load_study, study_of_images

HEAD = '[study]\nassay = "alizarin-red"\nimages = "images/*.tif"\n'
NAMES = ["Control_1_1.tif", "Control_1_2.tif", "PMO_1_1.tif", "PMO+Exos_1_1.tif"]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write_fields(tmp_path / "images", NAMES, shape=(24, 32))
    return tmp_path


def _study(folder: Path, text: str) -> Path:
    path = folder / "study.toml"
    path.write_text(text, encoding="utf-8")
    return path


@pytest.mark.parametrize(
    ("pattern", "order", "key", "expected"),
    [
        ("{group}_{sample}_{field}", (), "a/PMO_2_1.tif", Placement("PMO", "2", "1")),
        ("{group}_{sample}_{field}", ("PMO", "PMO_Exos"), "PMO_Exos_2_1.tif", Placement("PMO_Exos", "2", "1")),
        ("{group}/{sample}_{field}", (), "x/PMO/2_1.tif", Placement("PMO", "2", "1")),
        ("{batch}-{group}-{sample}", (), "d1-PMO-3.tif", Placement("PMO", "3", "", "d1")),
        ("{group} ({sample})", (), "PMO+Exos (2).tif", Placement("PMO+Exos", "2")),
        ("{group}_{sample}", (), "1.5 mg_2.tif", Placement("1.5 mg", "2")),
    ],
)
def test_names_say_the_placement(pattern: str, order: tuple[str, ...], key: str, expected: Placement) -> None:
    assert NamePattern.parse(pattern, order).read(key) == expected


@pytest.mark.parametrize("pattern", ["{sample}", "{group}_{group}", "{group}_{donor}", "images"])
def test_a_pattern_that_places_nothing_is_refused(pattern: str) -> None:
    with pytest.raises(StudyError, match="group"):
        NamePattern.parse(pattern)


def test_a_study_places_its_images(folder: Path) -> None:
    study = load_study(
        _study(
            folder,
            HEAD + 'pixel_size_um = 0.5\n[groups]\npattern = "{group}_{sample}_{field}"\n'
            'order = ["Control", "PMO", "PMO+Exos"]\ncontrol = "Control"\n'
            '[exclude]\n"images/PMO_1_1.tif" = "fold"\n[statistics]\nposthoc = "dunnett"\n'
            '[recipe]\nthreshold = { method = "fixed", od = 0.3 }\n',
        )
    )
    assert [i.ref.key for i in study.images] == [
        "images/Control_1_1.tif", "images/Control_1_2.tif", "images/PMO+Exos_1_1.tif", "images/PMO_1_1.tif",
    ]  # fmt: skip
    assert study.images[2].placement == Placement("PMO+Exos", "1", "1")
    assert study.images[3].excluded == "fold"
    assert (study.pixel_size, study.control, study.statistics.posthoc) == (0.5, "Control", "dunnett")
    assert study.recipe.threshold.od == 0.3


def test_a_name_that_does_not_fit_is_that_images_problem(folder: Path) -> None:
    write_fields(folder / "images", ["Contrl_1_1.tif", "overview.tif"], shape=(24, 32))
    text = HEAD + '[groups]\npattern = "{group}_{sample}_{field}"\norder = ["Control", "PMO", "PMO+Exos"]\n'
    problems = {i.ref.key: i.problem for i in load_study(_study(folder, text)).images if i.problem}
    assert 'did you mean "Control"' in problems["images/Contrl_1_1.tif"]
    assert "does not fit" in problems["images/overview.tif"]
    assert len(problems) == 2


def test_a_layout_places_images_and_regions(folder: Path) -> None:
    (folder / "layout.csv").write_text(
        "image,region,group,sample,field,batch\nControl_1_1,,Control,1,1,a\nimages/PMO_1_1.tif,A1,PMO,1,,\n"
        "PMO_1_1.tif,A2,Control,2,,\nnowhere.tif,,PMO,1,,\n",
        encoding="utf-8-sig",
    )
    images = {i.ref.key: i for i in load_study(_study(folder, HEAD + '[groups]\ntable = "layout.csv"\n')).images}
    assert images["images/Control_1_1.tif"].placement == Placement("Control", "1", "1", "a")
    assert images["images/PMO_1_1.tif"].placed("A2") == Placement("Control", "2")
    assert images["images/PMO+Exos_1_1.tif"].excluded == "not in layout.csv"
    assert "no such image" in images["nowhere.tif"].problem


def test_a_layout_from_excel_with_semicolons_is_read(folder: Path) -> None:
    (folder / "layout.csv").write_text("Image;Group;Sample\nControl_1_1;Control;1\n", encoding="utf-8-sig")
    images = load_study(_study(folder, HEAD + '[groups]\ntable = "layout.csv"\n')).images
    assert images[0].placement == Placement("Control", "1")


@pytest.mark.parametrize(
    ("text", "match"),
    [
        ("", "study"),
        ("[study\n", "TOML"),
        ('[study]\nimages = "*.tif"\n', "assay"),
        ('[study]\nassay = "alizarin-red"\n', "images"),
        ('[study]\nassay = "alizarin-red"\nimages = "none/*.tif"\n', "no image"),
        (HEAD.replace("alizarin-red", "alizarin"), "no assay"),
        (HEAD + "pixel_size_um = -1\n", "pixel_size_um"),
        (HEAD + '[group]\npattern = "x"\n', 'did you mean "groups"'),
        (HEAD + '[groups]\npattern = "{group}_{sample}_{field}"\ncontrol = "Ctrl"\n', "control group"),
        (HEAD + '[groups]\npattern = "{group}"\ntable = "x.csv"\n', "not both"),
        (HEAD + '[groups]\ntable = "x.csv"\n', "cannot be read"),
        (HEAD + '[exclude]\n"images/no.tif" = "fold"\n', "none of the study's images"),
        (HEAD + '[channels]\nDAPI = "*_DAPI.tif"\n', "channels"),
        (HEAD + '[statistics]\ntest = "z"\n', "statistics.test"),
        (HEAD + "[recipe]\nthreshold = { method = 'fixed' }\n", "threshold.od"),
    ],
)
def test_a_study_that_cannot_be_run_says_why_in_one_line(folder: Path, text: str, match: str) -> None:
    with pytest.raises(StudyError, match=match) as error:
        load_study(_study(folder, text))
    assert "study.toml" in str(error.value) or "x.csv" in str(error.value)


def test_a_recipe_of_its_own_file_is_used(folder: Path) -> None:
    (folder / "mine.toml").write_text('assay = "alizarin-red"\nsmallest_nodule = "9 px"\n')
    text = '[study]\nrecipe = "mine.toml"\nimages = "images/*.tif"\n[recipe]\nlargest_hole = "4 px"\n'
    recipe = load_study(_study(folder, text)).recipe
    assert (str(recipe.smallest_nodule), str(recipe.largest_hole)) == ("9 px", "4 px")


def test_images_of_files_and_folders_make_a_study(folder: Path) -> None:
    recipe = xi.assay("alizarin-red")
    assert len(study_of_images(recipe, [folder / "images"]).images) == 4
    both = study_of_images(recipe, [folder / "images" / NAMES[0], folder / "images"])
    assert [i.ref.key for i in both.images] == [i.ref.key for i in study_of_images(recipe, [folder / "images"]).images]
    (folder / "empty").mkdir()
    for wrong in (folder / "empty", folder / "nowhere"):
        with pytest.raises(StudyError, match="there is no"):
            study_of_images(recipe, [wrong])


def test_a_drafted_study_can_be_loaded(folder: Path) -> None:
    study = load_study(_study(folder, draft_study(folder, "alizarin-red")))
    assert study.order == ("Control", "PMO", "PMO+Exos")
    assert study.control == "Control"
    assert [i.placement.sample for i in study.images] == ["1"] * 4


def test_slugs_are_legal_and_unique() -> None:
    keys = ["a/b.tif", "a__b.tif", "con.tif", 'x:"y".tif', "ends.", "µ.tif", "f.lif#3", "x" * 300 + ".tif", "a_b.tif"]
    slugs = [xi.ImageRef(key, ()).slug for key in keys]
    assert len({slug.lower() for slug in slugs}) == len(keys)
    for slug in slugs:
        assert not set(slug) & set('<>:"/\\|?*')
        assert len(slug) <= 100
        assert not slug.endswith((".", " "))


def test_a_misspelt_group_does_not_join_another() -> None:
    pattern = NamePattern.parse("{group}_{sample}_{field}", ("Control", "PMO", "PMO_Exos"))
    with pytest.raises(StudyError, match="does not fit"):
        pattern.read("PMO_Exo_3_1.tif")
    with pytest.raises(StudyError, match='did you mean "PMO"'):
        pattern.read("pmo_3_1.tif")


def test_a_draft_keeps_groups_whose_names_contain_the_separator(tmp_path: Path) -> None:
    write_fields(
        tmp_path, [f"{group}_{s}_1.tif" for group in ("PMO", "PMO_Exos", "Control") for s in (1, 2)], shape=(24, 32)
    )
    (tmp_path / "study.toml").write_text(draft_study(tmp_path, "alizarin-red"), encoding="utf-8")
    study = load_study(tmp_path / "study.toml")
    assert study.order == ("Control", "PMO", "PMO_Exos")
    assert [i.placement.group for i in study.images].count("PMO_Exos") == 2


def test_accents_are_the_same_in_both_of_unicodes_forms(tmp_path: Path) -> None:
    write_fields(tmp_path / "images", ["U\u0308bung_1_1.tif"], shape=(24, 32))
    text = HEAD + '[groups]\npattern = "{group}_{sample}_{field}"\norder = ["\u00dcbung"]\n'
    (image,) = load_study(_study(tmp_path, text)).images
    assert image.placement.group == "\u00dcbung"


@pytest.mark.parametrize("encoding", ["cp1252", "utf-16", "utf-8-sig"])
def test_layouts_as_excel_saves_them(folder: Path, encoding: str) -> None:
    (folder / "layout.csv").write_text("sep=;\nimage;group;sample\nControl_1_1;Übung;1\n", encoding=encoding)
    images = load_study(_study(folder, HEAD + '[groups]\ntable = "layout.csv"\n')).images
    assert images[0].placement == Placement("Übung", "1")


def test_a_layout_that_names_an_image_in_two_ways_or_two_images_is_that_images_problem(folder: Path) -> None:
    write_fields(folder / "images" / "p1", ["A.tif"], shape=(24, 32))
    write_fields(folder / "images" / "p2", ["A.tif"], shape=(24, 32))
    (folder / "layout.csv").write_text(
        "image,group,sample\nControl_1_1,Control,1\nControl_1_1.tif,PMO,1\nA.tif,PMO,2\nPMO_1_1,PMO,1\n"
    )
    text = HEAD.replace("images/*", "images/**/*") + '[groups]\ntable = "layout.csv"\n'
    images = {i.ref.key: i for i in load_study(_study(folder, text)).images}
    assert "twice" in images["images/Control_1_1.tif"].problem
    assert "write the whole path" in images["A.tif"].problem
    assert not images["images/PMO_1_1.tif"].problem


def test_a_recipe_in_utf_16_is_read(tmp_path: Path) -> None:
    from exoimage.assays.recipe_text import load_recipe

    (tmp_path / "mine.toml").write_text('assay = "alizarin-red"\n', encoding="utf-16")
    assert load_recipe(tmp_path / "mine.toml") == xi.assay("alizarin-red")
