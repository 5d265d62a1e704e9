from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from exoimage.errors import StudyError
from exoimage.studies.agreement import Agreement, compare, plot, report
from exoimage.studies.measured_tables import read_measured_table

OURS = """image,region,group,sample,field,batch,status,error,flags,included,reason,stained_area_pct,mean_od
images/Control_1.tif,whole,Control,1,1,,ok,,,true,,22.20611572265625,0.7252
images/Control_2.tif,whole,Control,2,1,,ok,,,true,,23.5,0.7555
images/PMO_1.tif,whole,PMO,1,1,,ok,,clipped_white,true,,8.25,0.31
images/PMO_2.tif,whole,PMO,2,1,,failed,not an image,,true,,,
"""

IMAGEJS = """ ,Label,Area,%Area,Mean
1,PMO_1.tif,327680,8.250,31.5
2,Control_2.tif,327680,23.000,31.5
3,Control_1.tif,327680,22.206,NaN
4,Extra_9.tif,327680,1.000,1.5
"""


def write(folder: Path, name: str, text: str, encoding: str = "utf-8") -> Path:
    path = folder / name
    path.write_bytes(text.encode(encoding))
    return path


def agreement_of(folder: Path, theirs: str, name: str = "Results.csv", encoding: str = "utf-8") -> Agreement:
    ours = write(folder, "images.csv", OURS)
    return compare(ours, write(folder, name, theirs, encoding), "stained_area_pct=%Area")


def agreeing(a: list[float], b: list[float]) -> Agreement:
    names = tuple(f"{k}.tif" for k in range(len(a)))
    return Agreement(("a.csv", "b.csv"), ("x", "x"), names, tuple(a), tuple(b))


def test_our_table_and_imagejs_are_matched_by_image(tmp_path: Path) -> None:
    found = agreement_of(tmp_path, IMAGEJS)
    assert found.names == ("images/Control_1.tif", "images/Control_2.tif", "images/PMO_1.tif")
    assert found.a == (22.20611572265625, 23.5, 8.25)
    assert found.b == (22.206, 23.0, 8.25)
    assert found.only_in_a == ("images/PMO_2.tif",)
    assert found.only_in_b == ("Extra_9.tif",)
    assert found.largest == ("images/Control_2.tif", 0.5)


@pytest.mark.parametrize(
    ("name", "change", "encoding"),
    [
        ("Results.csv", lambda text: text, "utf-8"),
        ("Results.csv", lambda text: text, "utf-8-sig"),
        ("Results.csv", lambda text: text.replace("Mean", "Area (µm²)"), "cp1252"),
        ("Results.txt", lambda text: text.replace(",", "\t"), "utf-16"),
        ("Results.xls", lambda text: text.replace(",", "\t"), "utf-8"),
        ("Results.xls", lambda text: text.replace(",", "\t").replace(".", ",").replace(",tif", ".tif"), "utf-8"),
        ("Results.csv", lambda text: text.replace(",", ";").replace(".", ",").replace(",tif", ".tif"), "utf-8"),
        ("Results.csv", lambda text: "sep=;\r\n" + text.replace(",", ";").replace("\n", "\r\n"), "utf-8"),
        ("Results.csv", lambda text: text.replace(" ,Label", "Label"), "utf-8"),  # row numbers without a name
        ("Summary.csv", lambda text: text.replace("Label", "Slice"), "utf-8"),
        ("Results.csv", lambda text: text.replace(".tif", ".tif:slice 1"), "utf-8"),
        ("Results.csv", lambda text: text.replace(".tif", ".tif-(Colour_2)"), "utf-8"),
        ("Results.csv", lambda text: text.replace(".tif", "-(Colour_2)A"), "utf-8"),
        ("Results.csv", lambda text: text.replace("PMO", "a folder:PMO").replace("Con", "a folder:Con"), "utf-8"),
        ("Results.csv", lambda text: text.replace(".tif", ".TIF").upper().replace("%AREA", "%Area"), "utf-8"),
        ("Results.csv", lambda text: text.replace("PMO", "D:\\data\\PMO"), "utf-8"),
    ],
)
def test_the_forms_in_which_labs_have_imagejs_table(tmp_path: Path, name: str, change: object, encoding: str) -> None:
    found = agreement_of(tmp_path, change(IMAGEJS), name, encoding)  # type: ignore[operator]
    assert found.n == 3
    assert sorted(found.b) == [8.25, 22.206, 23.0]
    assert found.differences.tolist() == pytest.approx([0.00011572265625, 0.5, 0.0])
    assert len(found.only_in_b) == 1


def test_the_statistics_are_the_published_ones() -> None:
    # Bland & Altman 1986, table 1: peak expiratory flow by two meters (first readings), 17 people.
    wright = [494, 395, 516, 434, 476, 557, 413, 442, 650, 433, 417, 656, 267, 478, 178, 423, 427]
    mini = [512, 430, 520, 428, 500, 600, 364, 380, 658, 445, 432, 626, 260, 477, 259, 350, 451]
    found = agreeing([float(v) for v in wright], [float(v) for v in mini])
    assert found.bias == pytest.approx(-2.1, abs=0.05)
    assert found.sd == pytest.approx(38.8, abs=0.05)
    assert found.limits == pytest.approx((-2.12 - 1.96 * 38.77, -2.12 + 1.96 * 38.77), abs=0.05)
    assert found.largest == ("14.tif", -81.0)
    r = np.corrcoef(wright, mini)[0, 1]
    assert r == pytest.approx(0.94, abs=0.005)
    a, b = np.array(wright), np.array(mini)
    lin = 2 * r * a.std() * b.std() / (a.var() + b.var() + (a.mean() - b.mean()) ** 2)
    assert found.concordance == pytest.approx(lin)


@given(
    st.lists(st.floats(-1e6, 1e6), min_size=2, max_size=30).filter(lambda v: np.ptp(v) > 1e-3),
    st.floats(-100, 100),
)
def test_equal_tables_agree_and_a_shift_is_the_bias(values: list[float], shift: float) -> None:
    equal = agreeing(values, values)
    assert equal.bias == equal.sd == 0
    assert equal.concordance == pytest.approx(1)
    shifted = agreeing([v + shift for v in values], values)
    assert shifted.bias == pytest.approx(shift, abs=1e-6)
    assert shifted.concordance <= 1 + 1e-12


def test_one_image_or_no_variation_have_no_spread() -> None:
    one = agreeing([3.0], [2.5])
    assert math.isnan(one.sd)
    assert math.isnan(one.concordance)
    assert "needs two images" in report(one)
    assert "matched                  1 image\n" in report(one)
    assert "no variation" in report(agreeing([2.0, 2.0], [3.0, 3.0]))


def test_the_report_says_what_was_matched_and_what_not(tmp_path: Path) -> None:
    text = report(agreement_of(tmp_path, IMAGEJS.replace("8.250", "NaN")))
    assert "matched                  2 images" in text
    assert "largest difference       0.5 in images/Control_2.tif (a 23.5, b 23)" in text
    assert "only in a                1: images/PMO_2.tif" in text
    assert "only in b                1: Extra_9.tif" in text
    assert "without a number         1: images/PMO_1.tif" in text


def test_regions_are_matched_with_imagejs_roi_names(tmp_path: Path) -> None:
    ours = write(tmp_path, "a.csv", "image,region,x\nplate.tif,A1,1\nplate.tif,A2,2\nplate.tif,A3,3\n")
    theirs = write(tmp_path, "b.csv", " ,Label,x\n1,plate.tif:a2,20\n2,plate.tif:A1,10\n3,plate.tif:B1,7\n")
    found = compare(ours, theirs, "x")
    assert found.names == ("plate.tif (A1)", "plate.tif (A2)")
    assert found.b == (10, 20)
    assert found.only_in_a == ("plate.tif (A3)",)
    assert found.only_in_b == ("plate.tif:B1",)


def test_our_tables_of_equal_names_in_several_folders_are_matched_as_written(tmp_path: Path) -> None:
    text = "image,region,x\na/1.tif,whole,{}\nb/1.tif,whole,{}\n"
    found = compare(write(tmp_path, "a.csv", text.format(1, 2)), write(tmp_path, "b.csv", text.format(3, 5)), "x")
    assert found.names == ("a/1.tif", "b/1.tif")
    assert found.differences.tolist() == [-2, -3]


@pytest.mark.parametrize(
    ("ours", "theirs", "message"),
    [
        ("image,x\na/1.tif,1\nb/1.tif,2\n", "Label,x\n1.tif,1\n", r"a/1\.tif, b/1\.tif"),
        ("image,x\n1.tif,1\n", "Label,x\n1.tif,1\n1.tif,2\n", r"b\.csv has 2 \(1\.tif, 1\.tif\)"),
        ("image,region,x\n1.tif,A1,1\n1.tif,A2,1\n", "Label,x\n1.tif,1\n", r"1\.tif \(A1\), 1\.tif \(A2\)"),
        ("image,region,x\n1.tif,whole,1\n", "Label,x\n1.tif:s1,1\n1.tif:s2,1\n", r"1\.tif:s1, 1\.tif:s2"),
        ("image,x\n1.tif,1\n1.png,1\n", "Label,x\n1.jpg,1\n", r"1\.tif, 1\.png"),
    ],
)
def test_rows_that_could_belong_to_several_are_refused(tmp_path: Path, ours: str, theirs: str, message: str) -> None:
    with pytest.raises(StudyError, match=message):
        compare(write(tmp_path, "a.csv", ours), write(tmp_path, "b.csv", theirs), "x")


@pytest.mark.parametrize(
    ("theirs", "value", "key", "message"),
    [
        (IMAGEJS, "stained_area_pct=%Areas", None, "no column '%Areas'; it has '', 'Label', 'Area'"),
        (IMAGEJS, "pct", None, r"images\.csv: no column 'pct'"),
        (IMAGEJS, "=x", None, "A_COLUMN=B_COLUMN"),
        (IMAGEJS, "x=", None, "A_COLUMN=B_COLUMN"),
        (IMAGEJS, "stained_area_pct=%Area", "Label", "no column 'Label'"),
        (IMAGEJS.replace("Label", "Nr"), "stained_area_pct=%Area", None, "Display label"),
        (IMAGEJS.replace("tif", "q").replace("_", "-"), "stained_area_pct=%Area", None, "no image of"),
        (IMAGEJS.replace("8.250", "8.2.5"), "stained_area_pct=%Area", None, "'8.2.5' in row 1.*no number"),
        (IMAGEJS.replace("8.250", "much"), "stained_area_pct=%Area", None, "'much'"),
        (IMAGEJS.replace("PMO_1.tif", ""), "stained_area_pct=%Area", None, "which image"),
        (" ,Label,%Area\n", "stained_area_pct=%Area", None, "at least one row"),
        ("", "stained_area_pct=%Area", None, "at least one row"),
        ("Label,%Area,%Area\nPMO_1.tif,1,2\n", "stained_area_pct=%Area", None, "2 columns '%Area'"),
        ("Label,%Area\nPMO_1.tif,1\nPMO_1.tif,1,5,6\n", "stained_area_pct=%Area", None, "4 cells under 2"),
        ("Label,%Area\nPMO_1.tif,NaN\n", "stained_area_pct=%Area", None, "no pair of numbers"),
        ("PK\x03\x04", "stained_area_pct=%Area", None, "Excel workbook"),
        ("\x00\x01\x02", "stained_area_pct=%Area", None, "not a table of text"),
    ],
)
def test_what_cannot_be_compared_is_refused_in_words(
    tmp_path: Path, theirs: str, value: str, key: str | None, message: str
) -> None:
    ours = write(tmp_path, "images.csv", OURS)
    with pytest.raises(StudyError, match=message):
        compare(ours, write(tmp_path, "Results.csv", theirs), value, key)


def test_a_missing_file_is_said(tmp_path: Path) -> None:
    with pytest.raises(StudyError, match=r"nowhere\.csv: cannot be read"):
        compare(tmp_path / "nowhere.csv", tmp_path / "nowhere.csv", "x")


def test_the_key_column_can_be_named(tmp_path: Path) -> None:
    ours = write(tmp_path, "a.csv", "image,well,x\n1.tif,A1,1\n2.tif,A2,2\n")
    theirs = write(tmp_path, "b.csv", "Label,Well,x\n9.tif,A2,2\n8.tif,A1,1.5\n")
    assert compare(ours, theirs, "x", "well=Well").differences.tolist() == [-0.5, 0]
    assert compare(ours, theirs, "x", "well").names == ("A1", "A2")


@pytest.mark.parametrize(
    ("text", "numbers"),
    [
        ("n\tx\na\t1,5\nb\t1,234\n", (1.5, 1.234)),
        ("n;x\na;12,345\n", (12.345,)),
        ("n,x\na,12.345\n", (12.345,)),
        ("n;x;y\na;12.345;0.5\n", (12.345,)),
        ("n\tx\ty\na\t12,345\t0,5\n", (12.345,)),
        ("n,x\na,1.5E-4\nb,-3\nc,\nd,Infinity\n", (1.5e-4, -3.0, None, None)),
    ],
)
def test_the_decimal_mark_is_read_from_the_table(tmp_path: Path, text: str, numbers: tuple[float, ...]) -> None:
    assert read_measured_table(write(tmp_path, "t.txt", text)).numbers("x") == numbers


@pytest.mark.parametrize("text", ["n\tx\na\t1,234\n", "n;x\na;1.234\n", 'n,x\na,"12,345"\n', "n\tx\na\t1,5\nb\t1.5\n"])
def test_what_may_be_two_numbers_is_refused(tmp_path: Path, text: str) -> None:
    with pytest.raises(StudyError, match="could be two numbers"):
        read_measured_table(write(tmp_path, "t.txt", text)).numbers("x")


@pytest.mark.parametrize("suffix", [".png", ".svg"])
def test_the_plot_is_a_picture_with_its_numbers(tmp_path: Path, suffix: str) -> None:
    pytest.importorskip("matplotlib")
    random = np.random.default_rng(0)
    truth = random.uniform(5, 40, 30)
    found = agreeing((truth + random.normal(0.4, 0.6, 30)).tolist(), truth.tolist())
    path = tmp_path / f"plot{suffix}"
    plot(found, path)
    data = path.read_bytes()
    assert len(data) > 5000
    assert data.startswith(b"\x89PNG") if suffix == ".png" else b"<svg" in data[:1000]
    for small in (agreeing([1.0], [2.0]), agreeing([1.0, 2.0], [1.0, 2.0]), replace(found, columns=("$x^", "%$"))):
        plot(small, path)
        assert path.read_bytes() != data
    assert [file.name for file in tmp_path.iterdir()] == [path.name]


def test_plots_of_other_kinds_or_places_are_refused(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    with pytest.raises(StudyError, match=r"\.png, \.svg"):
        plot(agreeing([1.0], [2.0]), tmp_path / "plot.bmp")
    with pytest.raises(StudyError, match="cannot be written"):
        plot(agreeing([1.0], [2.0]), tmp_path / "nowhere" / "plot.png")
