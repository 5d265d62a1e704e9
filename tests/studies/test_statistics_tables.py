"""Statistics in studies and of any table; results.xlsx, wide tables, cells that are no formulas."""

from __future__ import annotations

import csv
import json
import tracemalloc
from dataclasses import replace
from pathlib import Path

import numpy as np
import openpyxl
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support import write_fields

import exoimage as xi
from exoimage.assays.columns import Column
from exoimage.cli import main
from exoimage.errors import StudyError
from exoimage.flags import Flag
from exoimage.studies import tables as study_tables
from exoimage.studies import workbook
from exoimage.studies.csv_tables import neutral, restored, write_csv
from exoimage.studies.dictionary import Entry
from exoimage.studies.plan import load_study
from exoimage.studies.statistics import Group
from exoimage.studies.statistics.ddct import Well, relative_expression
from exoimage.studies.statistics.wide import write_wide
from exoimage.studies.statistics.writing import measures_of
from exoimage.studies.study import Statistics

HEAD = '[study]\nassay = "alizarin-red"\nimages = "images/*.tif"\n'
GROUPS = '[groups]\npattern = "{group}_{sample}_{field}"\norder = ["=Ctrl", "PMO"]\ncontrol = "=Ctrl"\n'


def _study(folder: Path, extra: str = "") -> Path:
    names = [f"{group}_{sample}_{field}.tif" for group in ("=Ctrl", "PMO") for sample in (1, 2, 3) for field in (1, 2)]
    write_fields(folder / "images", names, shape=(96, 128))
    path = folder / "study.toml"
    path.write_text(HEAD + GROUPS + extra, encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> xi.studies.Run:
    folder = tmp_path_factory.mktemp("statistics")
    return xi.run(_study(folder), folder / "out", pictures=False)


def _raw(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_a_run_leaves_statistics_of_its_samples(finished: xi.studies.Run) -> None:
    groups, tests = finished.groups, finished.tests
    primary = groups[groups["measure"] == "stained_area_pct"]
    assert list(primary["group"]) == ["=Ctrl", "PMO"]
    assert list(primary["n"]) == [3, 3]
    samples = finished.samples
    for name in ("=Ctrl", "PMO"):
        own = samples[samples["group"] == name]["stained_area_pct"]
        row = primary[primary["group"] == name].iloc[0]
        assert [row["mean"], row["sd"], row["max"]] == pytest.approx([own.mean(), own.std(), own.max()])
    assert set(tests["kind"]) == {"omnibus", "pairwise", "check"}
    (pair,) = tests[(tests["measure"] == "stained_area_pct") & (tests["kind"] == "pairwise")].itertuples()
    assert (pair.group_a, pair.group_b, pair.test) == ("PMO", "=Ctrl", "Tukey")
    assert pair.difference == pytest.approx(primary["mean"].iloc[1] - primary["mean"].iloc[0])
    assert "2 measures tested" in tests["note"].iloc[0]
    assert not (finished.folder / "tests_all.csv").exists()


def test_group_names_that_look_like_formulas_are_text_and_come_back(finished: xi.studies.Run) -> None:
    raw = _raw(finished.folder / "images.csv")[0]
    assert raw["group"] == "'=Ctrl"
    assert not any(
        cell.startswith(("=", "+", "@")) for row in _raw(finished.folder / "samples.csv") for cell in row.values()
    )
    assert set(finished.images["group"]) == set(finished.samples["group"]) == {"=Ctrl", "PMO"}
    wide = _raw(finished.folder / "prism_wide" / "stained_area_pct.csv")
    assert list(wide[0]) == ["'=Ctrl", "PMO"]
    assert len(wide) == 3


def test_the_workbook_has_the_tables_and_a_dictionary(finished: xi.studies.Run) -> None:
    book = openpyxl.load_workbook(finished.folder / "results.xlsx")
    assert book.sheetnames == ["images", "objects", "samples", "groups", "tests", "dictionary"]
    images = list(book["images"].values)
    assert dict(zip(*images[:2], strict=True))["group"] == "=Ctrl"
    assert all(cell.data_type != "f" for sheet in book for row in sheet for cell in row)
    cells = dict(zip(*images[:2], strict=True))
    assert cells["stained_area_pct"] == finished.images["stained_area_pct"][0]
    assert cells["included"] is True
    assert len(list(book["objects"].values)) == len(finished.objects) + 1
    described = {(row[0], row[1]): row for row in book["dictionary"].values}
    for sheet in ("images", "objects", "samples", "groups", "tests"):
        for column in next(book[sheet].values):
            assert described[sheet, column][2], (sheet, column)
    assert described["images", "stained_area_pct"][3:] == (
        "%",
        xi.assay("alizarin-red").columns[0].aggregation.describe(),
    )


def test_the_same_tables_make_the_same_workbook(finished: xi.studies.Run, tmp_path: Path) -> None:
    files = {"samples": finished.folder / "samples.csv"}
    entries = [Entry("samples", "group", "The group.")]
    for name in ("a.xlsx", "b.xlsx"):
        workbook.write_workbook(tmp_path / name, files, frozenset({"group"}), entries)
    assert (tmp_path / "a.xlsx").read_bytes() == (tmp_path / "b.xlsx").read_bytes()
    before = (tmp_path / "a.xlsx").stat().st_mtime_ns
    workbook.write_workbook(tmp_path / "a.xlsx", files, frozenset({"group"}), entries)
    assert (tmp_path / "a.xlsx").stat().st_mtime_ns == before
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.xlsx", "b.xlsx"]


def test_a_table_too_long_for_a_sheet_is_cut_and_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(workbook, "MOST_ROWS", 5)
    write_csv(tmp_path / "objects.csv", ["object"], [{"object": k} for k in range(10)])
    workbook.write_workbook(tmp_path / "r.xlsx", {"objects": tmp_path / "objects.csv"}, frozenset(), [])
    rows = [row[0] for row in openpyxl.load_workbook(tmp_path / "r.xlsx")["objects"].values]
    assert rows == ["object", 0, 1, 2, "Excel's sheets end here: objects.csv has all rows"]


def test_memory_for_the_workbook_does_not_grow_with_the_table(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    peaks = []
    for n in (500, 10_000):
        table = pd.DataFrame({"image": [f"i{k}.tif" for k in range(n)], **{f"c{j}": rng.random(n) for j in range(10)}})
        table.to_csv(tmp_path / "images.csv", index=False)
        tracemalloc.start()
        workbook.write_workbook(tmp_path / f"{n}.xlsx", {"images": tmp_path / "images.csv"}, frozenset({"image"}), [])
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[1] < peaks[0] + 2e6


@given(st.text(alphabet="=+-@'\t\rab1 ", max_size=6))
def test_neutral_text_is_harmless_and_comes_back(text: str) -> None:
    written = neutral(text)
    assert restored(written) == text
    assert len(text) < 2 or written[0] not in "=+-@\t\r"


def test_excluded_images_and_unfit_rows_stay_with_their_reason(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    extra = '[exclude]\n"images/PMO_3_1.tif" = "tissue fold"\n'
    study = load_study(_study(tmp_path, extra))
    out = tmp_path / "out"
    xi.run(study, out, pictures=False)
    slug = next(image.ref.slug for image in study.images if image.ref.key == "images/PMO_2_1.tif")
    path = out / "records" / f"{slug}.json"
    document = json.loads(path.read_text())
    document["regions"][0]["flags"].append(Flag.COMPOSITE_FIGURE.value)
    path.write_text(json.dumps(document))
    from exoimage.studies.store import Store

    study_tables.write_tables(study, Store(out))
    rows = {row["image"]: row for row in _raw(out / "images.csv")}
    assert (rows["images/PMO_3_1.tif"]["included"], rows["images/PMO_3_1.tif"]["reason"]) == ("false", "tissue fold")
    unfit = rows["images/PMO_2_1.tif"]
    assert (unfit["included"], unfit["reason"], unfit["status"]) == ("false", "composite_figure", "ok")
    fields = {(row["group"], row["sample"]): row["n_fields"] for row in _raw(out / "samples.csv")}
    assert fields["PMO", "2"] == fields["PMO", "3"] == "1"
    counted, everything = (
        {(row["group"], row["measure"]): float(row["mean"]) for row in _raw(out / f"groups{suffix}.csv")}
        for suffix in ("", "_all")
    )
    assert counted["PMO", "stained_area_pct"] != everything["PMO", "stained_area_pct"]
    assert counted["'=Ctrl", "stained_area_pct"] == everything["'=Ctrl", "stained_area_pct"]
    assert (out / "tests_all.csv").exists()


def test_fields_as_units_carry_a_warning(tmp_path: Path) -> None:
    run = xi.run(_study(tmp_path, '[statistics]\nunit = "field"\ncolumns = ["nodule_count"]\n'), tmp_path / "out")
    assert list(run.groups["n"]) == [6, 6]
    assert set(run.groups["measure"]) == {"nodule_count"}
    assert run.groups["note"].str.contains("n counts fields, not samples").all()
    assert "1 measure tested; n counts fields" in run.tests["note"][0]


def test_a_sample_of_both_groups_is_a_pair(tmp_path: Path) -> None:
    run = xi.run(
        _study(tmp_path, '[statistics]\ntest = "paired-t"\npair = "sample"\n'), tmp_path / "out", pictures=False
    )
    row = run.tests.iloc[0]
    assert (row["test"], row["df"], row["note"]) == ("paired t", 2, "3 pairs; 2 measures tested")
    assert list(pd.read_csv(tmp_path / "out" / "prism_wide" / "stained_area_pct.csv")["pair"]) == [1, 2, 3]


@pytest.mark.parametrize(
    ("plan", "words"),
    [
        ('test = "kruskal"\nposthoc = "tukey"', "does not go with"),
        ('test = "welch"\npair = "batch"', "pair means nothing"),
        ('columns = ["stained_area"]', "'stained_area'; alizarin-red has"),
    ],
)
def test_a_plan_that_cannot_be_tested_is_refused_before_measuring(tmp_path: Path, plan: str, words: str) -> None:
    with pytest.raises(StudyError, match=words):
        load_study(_study(tmp_path, f"[statistics]\n{plan}\n"))


def test_dunnett_needs_a_control(tmp_path: Path) -> None:
    path = _study(tmp_path, '[statistics]\nposthoc = "dunnett"\n')
    load_study(path)
    path.write_text(path.read_text(encoding="utf-8").replace('control = "=Ctrl"', ""), encoding="utf-8")
    with pytest.raises(StudyError, match="compares with a control"):
        load_study(path)


def test_images_without_groups_are_summarised_and_not_tested(tmp_path: Path) -> None:
    write_fields(tmp_path / "images", ["a.tif", "b.tif", "c.tif"], shape=(96, 128))
    assert main(["measure", "alizarin-red", str(tmp_path / "images"), "--out", str(tmp_path / "o"), "--quiet"]) == 0
    assert [row["n"] for row in _raw(tmp_path / "o" / "groups.csv")] == ["3", "3"]
    assert "one group" in _raw(tmp_path / "o" / "tests.csv")[0]["note"]


ABSORBANCE = """day;treatment;well;plate;absorbance
1;Control;a;x;0,50
1;Control;a;x;0,54
1;Control;b;y;0,62
1;Control;c;z;0,55
1;PMO;d;x;0,31
1;PMO;e;y;0,35
1;PMO;f;z;
3;Control;a;x;0,90
3;Control;b;y;1,02
3;Control;c;z;0,95
3;PMO;d;x;0,51
3;PMO;e;y;0,45
3;PMO;f;z;0,58
"""


def test_statistics_of_a_plate_readers_table(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    table = tmp_path / "cck8.csv"
    table.write_text(ABSORBANCE, encoding="utf-8")
    command = ["statistics", str(table), "--value", "absorbance", "--group", "treatment", "--unit", "well"]
    assert main([*command, "--by", "day", "--test", "t", "--control", "Control", "--out", str(tmp_path / "out")]) == 0
    assert "Student's t" in capsys.readouterr().out
    rows = _raw(tmp_path / "out" / "groups.csv")
    assert [(row["group"], row["measure"], row["n"]) for row in rows] == [
        ("Control", "absorbance, day 1", "3"), ("PMO", "absorbance, day 1", "2"),
        ("Control", "absorbance, day 3", "3"), ("PMO", "absorbance, day 3", "3"),
    ]  # fmt: skip
    assert float(rows[0]["mean"]) == pytest.approx((0.52 + 0.62 + 0.55) / 3)
    pairs = [row for row in _raw(tmp_path / "out" / "tests.csv") if row["kind"] == "pairwise"]
    assert [row["stars"] for row in pairs] == ["*", "***"]
    for name in ("samples.csv", "results.xlsx", "methods.md", "prism_wide/absorbance_day_3.csv"):
        assert (tmp_path / "out" / name).stat().st_size > 0
    assert (tmp_path / "out" / "figures" / "absorbance_day_1.svg").exists()
    # Its own workbook can be read again, and gives the same.
    again = ["statistics", str(tmp_path / "out" / "results.xlsx"), "--value", "value", "--group", "group", "--by"]
    assert main([*again, "measure", "--unit", "sample", "--test", "t", "--out", str(tmp_path / "again")]) == 0
    repeated = [row for row in _raw(tmp_path / "again" / "tests.csv") if row["kind"] == "pairwise"]
    assert [row["p"] for row in repeated] == [row["p"] for row in pairs]


def test_pairs_in_a_table_are_blocks(tmp_path: Path) -> None:
    table = tmp_path / "t.csv"
    table.write_text(ABSORBANCE, encoding="utf-8")
    command = [
        "statistics",
        str(table),
        "--value",
        "absorbance",
        "--group",
        "treatment",
        "--unit",
        "well",
        "--by",
        "day",
    ]
    assert main([*command, "--pair", "plate", "--out", str(tmp_path / "out")]) == 0
    tests = [row["test"] for row in _raw(tmp_path / "out" / "tests.csv") if row["kind"] == "omnibus"]
    assert tests[1] == "ANOVA, 3 blocks"


QPCR = [
    Well(group, f"{group}{sample}", gene, ct)
    for group, sample, gapdh, runx2 in (
        ("Control", 1, 18.0, 25.0), ("Control", 2, 18.5, 25.7), ("Control", 3, 17.5, 24.3),
        ("PMO", 4, 18.0, 26.0), ("PMO", 5, 18.0, 26.4), ("PMO", 6, 19.0, 27.6),
    )
    for gene, ct in (("GAPDH", gapdh), ("RUNX2", runx2))
]  # fmt: skip


def test_relative_expression_by_hand() -> None:
    found = {one.sample: one for one in relative_expression(QPCR, ["GAPDH"], "Control")}
    assert found["PMO4"].delta_ct == pytest.approx(8.0)
    assert found["PMO4"].delta_delta_ct == pytest.approx(1.0)
    assert found["PMO4"].relative_expression == pytest.approx(0.5)
    controls = [found[f"Control{k}"].relative_expression for k in (1, 2, 3)]
    assert np.prod(controls) == pytest.approx(1.0)


def test_replicates_are_averaged_and_several_references_too() -> None:
    extra = [Well("PMO", "PMO4", "RUNX2", 27.0), Well("PMO", "PMO4", "RUNX2", float("nan"))]
    actb = [Well(well.group, well.sample, "ACTB", well.ct + 1.0) for well in QPCR if well.gene == "GAPDH"]
    found = {one.sample: one for one in relative_expression([*QPCR, *extra, *actb], ["GAPDH", "ACTB"], "Control")}
    assert (found["PMO4"].n_wells, found["PMO4"].ct) == (2, 26.5)
    assert found["PMO4"].reference_ct == 18.5
    assert {one.gene for one in found.values()} == {"RUNX2"}


def test_a_sample_without_its_reference_has_no_value() -> None:
    wells = [well for well in QPCR if (well.sample, well.gene) != ("PMO5", "GAPDH")]
    found = {one.sample: one for one in relative_expression(wells, ["GAPDH"], "Control")}
    assert np.isnan(found["PMO5"].relative_expression)
    assert found["PMO4"].relative_expression == pytest.approx(0.5)


@pytest.mark.parametrize(
    ("reference", "calibrator", "words"),
    [("ACTB", "Control", "'ACTB' is none of GAPDH, RUNX2"), ("GAPDH", "Sham", "'Sham' is none of Control, PMO")],
)
def test_what_a_plate_does_not_have_is_refused(reference: str, calibrator: str, words: str) -> None:
    with pytest.raises(StudyError, match=words):
        relative_expression(QPCR, [reference], calibrator)


def test_qpcr_is_tested_on_delta_ct(tmp_path: Path) -> None:
    from scipy import stats

    table = tmp_path / "ct.csv"
    lines = ["sample,group,gene,ct", *(f"{w.sample},{w.group},{w.gene},{w.ct}" for w in QPCR)]
    table.write_text("\n".join([*lines, "PMO7,PMO,RUNX2,Undetermined", "PMO7,PMO,GAPDH,18"]), encoding="utf-8")
    command = ["statistics", str(table), "--ddct", "--value", "ct", "--group", "group", "--unit", "sample"]
    command += ["--target", "gene", "--reference", "GAPDH", "--calibrator", "Control", "--out", str(tmp_path / "out")]
    assert main(command) == 0
    (row,) = [row for row in _raw(tmp_path / "out" / "tests.csv") if row["kind"] == "pairwise"]
    delta = {(w.group, w.sample, w.gene): w.ct for w in QPCR}
    own = {
        g: [delta[g, s, "RUNX2"] - delta[g, s, "GAPDH"] for h, s, n in delta if h == g and n == "RUNX2"]
        for g in ("Control", "PMO")
    }
    expected = stats.ttest_ind(own["PMO"], own["Control"])
    assert float(row["p"]) == pytest.approx(expected.pvalue)
    assert float(row["fold_change"]) == pytest.approx(2 ** (np.mean(own["Control"]) - np.mean(own["PMO"])))
    samples = {row["sample"]: row for row in _raw(tmp_path / "out" / "samples.csv")}
    assert samples["PMO7"]["value"] == ""
    assert "Livak" in (tmp_path / "out" / "methods.md").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--posthoc", "dunnett"], "needs --control"),
        (["--test", "anovas"], "'anovas' is none of anova"),
        (["--test", "paired-t"], "needs --pair"),
        (["--ddct"], "--ddct needs --unit COL (the sample), --target COL (the gene), --reference GENE"),
        (["--target", "day"], "belong to --ddct"),
        (["--control", "Sham"], "'Sham' is none of the groups Control, PMO"),
        (["--unit", "wel"], "no column 'wel'"),
        (["--test", "welch", "--posthoc", "tukey"], "does not go with"),
    ],
)
def test_wrong_usage_is_one_clear_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], options: list[str], words: str
) -> None:
    table = tmp_path / "t.csv"
    table.write_text(ABSORBANCE, encoding="utf-8")
    command = ["statistics", str(table), "--value", "absorbance", "--group", "treatment", "--out", str(tmp_path / "o")]
    assert main([*command, *options]) == 2
    assert words in capsys.readouterr().err
    assert not (tmp_path / "o").exists()


def test_a_runs_folder_is_not_written_into(finished: xi.studies.Run, capsys: pytest.CaptureFixture[str]) -> None:
    table = str(finished.folder / "samples.csv")
    command = ["statistics", table, "--value", "stained_area_pct", "--group", "group", "--out", str(finished.folder)]
    assert main(command) == 2
    assert "choose another folder" in capsys.readouterr().err


def test_statistics_of_a_runs_own_samples_are_the_runs(finished: xi.studies.Run, tmp_path: Path) -> None:
    table = str(finished.folder / "samples.csv")
    command = ["statistics", table, "--value", "stained_area_pct", "--group", "group", "--control", "=Ctrl"]
    assert main([*command, "--out", str(tmp_path / "out")]) == 0
    own = [row for row in _raw(tmp_path / "out" / "tests.csv") if row["kind"] != "omnibus"]
    runs = [
        row
        for row in _raw(finished.folder / "tests.csv")
        if row["kind"] != "omnibus" and row["measure"] == "stained_area_pct"
    ]
    assert own == runs


def test_wide_tables_of_pairs_have_a_row_per_pair(tmp_path: Path) -> None:
    groups = [Group("a", (1.0, 2.0), ("x", "y")), Group("b", (3.0, 4.0), ("y", "z"))]
    write_wide(tmp_path, {"area / bone": groups})
    assert (tmp_path / "area_bone.csv").read_text() == "pair,a,b\nx,1.0,\ny,2.0,3.0\nz,,4.0\n"


BLOTS = [
    {"group": group, "sample": f"{blot}{group}", "batch": blot, "n_fields": 1, "ratio": exposure * effect * wobble}
    for blot, exposure, wobble in (("blot1", 1.0, 1.1), ("blot2", 7.0, 0.95), ("blot3", 0.2, 1.0))
    for group, effect in (("=Ctrl", 1.0), ("PMO", 2.0 * wobble))
]


def test_ratios_of_several_blots_are_compared_blot_by_blot(tmp_path: Path) -> None:
    study = load_study(_study(tmp_path))
    column = Column("ratio", "A ratio.", primary=True, scale="log2")
    (measure,) = measures_of(study, [], BLOTS, [column])
    found = measure.analysis
    assert found.omnibus[0].test == "ANOVA, 3 blocks"
    (pair,) = found.comparisons
    assert pair.fold_change == pytest.approx(2 * (1.1 * 0.95 * 1.0) ** (1 / 3))
    assert pair.stars == "**"
    alone = replace(study, statistics=Statistics(test="t"))
    (measure,) = measures_of(alone, [], BLOTS, [column])
    assert "3 blots, which share no scale" in measure.analysis.omnibus[0].note
    (measure,) = measures_of(alone, [], [{**row, "batch": "one"} for row in BLOTS], [column])
    assert measure.analysis.comparisons[0].test == "Student's t"
