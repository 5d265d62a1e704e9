"""Studies of western blots: membranes, lanes, ratios; and what is wrong with them said before anything is measured."""

import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import tifffile
from support import ROOT

import exoimage as xi
from exoimage.errors import ExoimageError, StudyError
from exoimage.methods.synth import Blot, blot_picture
from exoimage.studies.plan import draft_study

DEMO = ROOT / "test_images" / "western_blot"


@pytest.fixture(scope="module")
def run(tmp_path_factory) -> xi.Run:
    return xi.run(DEMO / "study.toml", tmp_path_factory.mktemp("blots"))


@pytest.fixture
def demo(tmp_path) -> Path:
    shutil.copytree(DEMO, tmp_path / "demo")
    return tmp_path / "demo"


def edit(study: Path, old: str, new: str) -> Path:
    text = study.read_text(encoding="utf-8")
    assert old in text
    study.write_text(text.replace(old, new), encoding="utf-8")
    return study


class TestDemo:
    def test_volumes_and_masses_are_the_truth(self, run):
        truth = pd.read_csv(DEMO / "truth.csv")
        both = run.images.merge(truth, on=["image", "lane"], suffixes=("", "_true"))
        assert len(both) == len(truth) == len(run.images) == 63
        quantitative = both[both["saturated_true" if "saturated_true" in both else "saturated"] == 0]
        assert (quantitative["volume"] / quantitative["volume_true"] - 1).abs().max() < 0.03
        assert (both["mw_kda"] / both["mw_kda_true"] - 1).abs().max() < 0.05
        assert (both["target"] == both["target_true"]).all()

    def test_the_saturated_band_keeps_its_row_and_has_no_ratio(self, run):
        samples = run.samples
        saturated = run.images[run.images["flags"].str.contains("saturated")]
        assert saturated["image"].tolist() == ["images/blot3_GAPDH.tif"]
        assert (saturated["volume"] > 0).all()
        missing = samples[samples["ratio_AKT_per_GAPDH"].isna()]
        assert missing[["group", "sample"]].to_numpy().tolist() == [["Exos", "blot 3 2"]]

    def test_fold_changes_are_those_that_were_made(self, run):
        tests = pd.read_csv(run.folder / "tests.csv")
        pairs = tests[(tests["measure"] == "ratio_p-AKT_per_AKT") & (tests["kind"] == "pairwise")]
        against = pairs[pairs["group_b"] == "Control"].set_index("group_a")
        for group, fold in {"PMO": 0.42, "PMO+Exos": 0.83, "Exos": 1.35}.items():
            assert against["fold_low" if "fold_low" in against else "fold_ci_low"][group] < fold * 1.04
            assert against["fold_change"][group] == pytest.approx(fold, rel=0.05)
            assert against["p"][group] < 0.01
        assert "3 blocks" in tests["test"][0]

    def test_equal_loading_stays_equal(self, run):
        tests = pd.read_csv(run.folder / "tests.csv")
        own = tests[(tests["measure"] == "ratio_AKT_per_GAPDH") & (tests["kind"] == "omnibus")]
        assert own["p"].iloc[0] > 0.05

    def test_leaves_profiles_strips_and_fold_change_figures(self, run):
        assert len(list((run.folder / "overlays").glob("*.lanes.png"))) == 9
        caption = (run.folder / "figures" / "panel.txt").read_text(encoding="utf-8")
        assert "p-AKT, AKT, GAPDH of blot" in caption
        assert "blot 3" not in caption  # it has a saturated band
        drawing = (run.folder / "figures" / "ratio_p-AKT_per_AKT.svg").read_text(encoding="utf-8")
        assert "fold of Control" in drawing

    def test_saturated_bands_may_be_asked_for(self, demo, tmp_path):
        edit(demo / "study.toml", "[blot]\n", "[blot]\nuse_saturated = true\n")
        asked = xi.run(demo / "study.toml", tmp_path / "out", pictures=False)
        assert not asked.samples["ratio_AKT_per_GAPDH"].isna().any()


class TestLayout:
    def test_one_lane_more_than_names_lists_both(self, demo, tmp_path):
        layout = demo / "layout.csv"
        layout.write_text("".join(layout.read_text().splitlines(keepends=True)[:-1]), encoding="utf-8")
        images = xi.run(demo / "study.toml", tmp_path / "out", pictures=False).images
        assert (images["status"] == "failed").all()
        for said in ("8 lanes were found (1, 2, 3, 4, 5, 6, 7, 8, the ladder's 1 included)", "7 Exos", "count ="):
            assert said in images["error"][0]
        assert xi.run(demo / "study.toml", tmp_path / "out", pictures=False).samples.empty

    @pytest.mark.parametrize(
        ("table", "says"),
        [
            ("region,group\nfirst,Control\n", "lane's number"),
            ("region,group\n0,Control\n", "lane's number"),
            ("region,group\n1,Kontrol\n", '"Kontrol" of lane 1 is none of Control'),
            ("region,group\n2,Control\n2,PMO\n", "lane 2 twice"),
            ("lane,treatment\n1,Control\n", "expected the columns"),
            ("image,region,group\nother.tif,1,Control\n", "no membrane's file"),
        ],
    )
    def test_mistakes_are_named_before_anything_is_measured(self, demo, table, says):
        (demo / "layout.csv").write_text(table, encoding="utf-8")
        with pytest.raises(StudyError, match=says):
            xi.load_study(demo / "study.toml")

    def test_a_layout_of_one_membrane_holds_for_the_others_of_its_blot(self, demo):
        rows = (demo / "layout.csv").read_text().splitlines()
        own = ["image," + rows[0], *(f"blot{blot}_AKT.tif,{row}" for blot in (1, 2, 3) for row in rows[1:])]
        (demo / "layout.csv").write_text("\n".join(own) + "\n", encoding="utf-8")
        with pytest.raises(StudyError, match="sample '1' of Control on blot 1, blot 2, blot 3"):
            xi.load_study(demo / "study.toml")
        apart = [own[0], *(f"{row}{row[4]}" if row.count(",") == 3 and row[-1] != "," else row for row in own[1:])]
        (demo / "layout.csv").write_text("\n".join(apart) + "\n", encoding="utf-8")
        for image in xi.load_study(demo / "study.toml").images:
            assert [place.group for place in image.regions.values()][1:3] == ["Control", "PMO"]

    def test_samples_of_a_shared_layout_are_of_their_blot(self, demo):
        images = xi.load_study(demo / "study.toml").images
        assert {image.regions["2"].sample for image in images} == {"blot 1 1", "blot 2 1", "blot 3 1"}


class TestMembranes:
    @pytest.mark.parametrize(
        ("old", "new", "says"),
        [
            ('loading = "GAPDH"', 'loading = "actin"', "none of the targets p-AKT, AKT, GAPDH"),
            ('"p-AKT / AKT"', '"p-AKT / actin"', "not two of the targets"),
            ('"p-AKT / AKT"', '"AKT / AKT"', "not two of the targets"),
            ('target = "AKT"\n', 'target = "AKT"\nexposure = 3\n', "exposure"),
            ("[groups]\n", '[groups]\npattern = "{group}_{sample}"\n', "no images, pattern or table"),
            ('target = "AKT"\n', 'target = "AKT"\nregion = [1, 2, 3]\n', "x, y, width, height"),
        ],
    )
    def test_mistakes_are_named(self, demo, old, new, says):
        with pytest.raises(ExoimageError, match=says):
            xi.load_study(edit(demo / "study.toml", old, new))

    def test_one_ratio_needs_no_list(self, demo):
        study = edit(demo / "study.toml", 'ratio = ["p-AKT / AKT", "AKT / GAPDH"]', 'ratio = "p-AKT / AKT"')
        assert [ratio.text for ratio in xi.load_study(study).ratios] == ["p-AKT / AKT"]

    def test_a_missing_layout_says_what_belongs_into_it(self, demo):
        (demo / "layout.csv").unlink()
        with pytest.raises(StudyError, match=r"no such table.*columns region"):
            xi.load_study(demo / "study.toml")

    def test_a_target_twice_on_a_blot_is_refused(self, demo):
        with pytest.raises(StudyError, match="has p-AKT 2 times"):
            xi.load_study(edit(demo / "study.toml", 'AKT.tif"\nblot = "blot 2"', 'AKT.tif"\nblot = "blot 1"'))

    def test_a_lane_missed_at_the_left_is_no_shift(self, tmp_path):
        peaks = ((0.0, 0.4, 0.2, 0.3), (0.3, 0.35, 0.4, 0.3))
        for target, row in zip(("p-AKT", "AKT"), peaks, strict=True):
            picture = blot_picture(Blot(lanes=4, rows=(0.5,), peaks=(row,)), (240, 220), seed=3)
            tifffile.imwrite(tmp_path / f"{target}.tif", picture.pixels)
        (tmp_path / "layout.csv").write_text("region,group\n1,Control\n2,Control\n3,PMO\n4,\n", encoding="utf-8")
        (tmp_path / "study.toml").write_text(
            '[study]\nassay = "western-blot"\n[[membranes]]\ntarget = "p-AKT"\nfile = "p-AKT.tif"\n'
            '[[membranes]]\ntarget = "AKT"\nfile = "AKT.tif"\n[blot]\nlanes = "layout.csv"\nloading = "AKT"\n',
            encoding="utf-8",
        )
        run = xi.run(tmp_path / "study.toml", tmp_path / "out", pictures=False)
        assert run.images.set_index("image")["error"]["p-AKT.tif"].startswith("3 lanes were found")
        assert run.samples["ratio_p-AKT_per_AKT"].isna().all()

    def test_one_sample_tests_are_of_fold_changes(self, demo, tmp_path):
        study = edit(demo / "study.toml", 'test = "anova"\nposthoc = "tukey"', 'test = "one-sample-t"')
        tests = pd.read_csv(xi.run(study, tmp_path / "out", pictures=False).folder / "tests.csv")
        own = tests[(tests["measure"] == "ratio_p-AKT_per_AKT") & (tests["kind"] == "pairwise")].set_index("group_a")
        assert own["fold_change"]["Exos"] == pytest.approx(1.35, rel=0.05)
        assert own["fold_change"]["PMO"] == pytest.approx(0.42, rel=0.05)

    def test_scaled_values_are_not_tested(self, demo):
        study = edit(demo / "study.toml", "[statistics]\n", '[statistics]\ncolumns = ["fold_change_p-AKT_per_AKT"]\n')
        with pytest.raises(StudyError, match="test ratio_p-AKT_per_AKT"):
            xi.load_study(study)

    def test_a_missing_file_fails_its_own_row(self, demo, tmp_path):
        (demo / "images" / "blot2_AKT.tif").unlink()
        run = xi.run(demo / "study.toml", tmp_path / "out", pictures=False)
        assert run.n_failed == 1
        assert run.samples["ratio_p-AKT_per_AKT"].isna().sum() == 7

    def test_membranes_mean_nothing_to_other_assays(self, demo):
        with pytest.raises(StudyError, match=r"\[membranes\] means nothing to alizarin-red"):
            xi.load_study(edit(edit(demo / "study.toml", "western-blot", "alizarin-red"), "ladder =", "# ladder ="))

    def test_two_targets_of_one_picture(self, tmp_path):
        peaks = ((0.2, 0.4, 0.2, 0.4), (0.3, 0.3, 0.3, 0.3))
        picture = blot_picture(Blot(lanes=4, rows=(0.2, 0.8), peaks=peaks), (320, 220), seed=3)
        tifffile.imwrite(tmp_path / "both.tif", picture.pixels)
        (tmp_path / "layout.csv").write_text(
            "region,group,sample\n1,Control,1\n2,PMO,1\n3,Control,2\n4,PMO,2\n", encoding="utf-8"
        )
        (tmp_path / "study.toml").write_text(
            '[study]\nassay = "western-blot"\n[groups]\norder = ["Control", "PMO"]\ncontrol = "Control"\n'
            '[[membranes]]\ntarget = "p-AKT"\nfile = "both.tif"\nregion = [0, 0, 220, 160]\n'
            '[[membranes]]\ntarget = "AKT"\nfile = "both.tif"\nregion = [0, 160, 220, 160]\n'
            '[blot]\nlanes = "layout.csv"\nloading = "AKT"\n[statistics]\ntest = "t"\n',
            encoding="utf-8",
        )
        run = xi.run(tmp_path / "study.toml", tmp_path / "out", pictures=False)
        assert run.images["image"].unique().tolist() == ["both.tif#p-AKT", "both.tif#AKT"]
        fold = run.samples.groupby("group")["fold_change_p-AKT_per_AKT"].mean()
        np.testing.assert_allclose([fold["Control"], fold["PMO"]], [1.0, 2.0], rtol=0.03)


def test_a_draft_guesses_targets_loading_and_ratio(tmp_path):
    for name in ("p-AKT_Thr308.tif", "AKT.tif", "GAPDH.tif"):
        shutil.copy(DEMO / "images" / "blot1_AKT.tif", tmp_path / name)
    text = draft_study(tmp_path, "western-blot")
    assert 'loading = "GAPDH"' in text
    assert 'ratio = ["p-AKT_Thr308 / AKT"]' in text
    (tmp_path / "study.toml").write_text(text.replace('lanes = "layout.csv"', ""), encoding="utf-8")
    assert [image.changes["target"] for image in xi.load_study(tmp_path / "study.toml").images] == [
        "AKT", "GAPDH", "p-AKT_Thr308",
    ]  # fmt: skip
