"""Ratios of bands: which band is divided by which, and when there is no ratio."""

import pytest

from exoimage.assays.blot_ratios import with_ratio_columns, with_ratios
from exoimage.assays.design import Design, RatioOf, combined
from exoimage.errors import StudyError

RATIO = RatioOf("p-AKT", "AKT")
DESIGN = Design(("Control", "PMO"), "Control", (RATIO,))
NAME, FOLD = "ratio_p-AKT_per_AKT", "fold_change_p-AKT_per_AKT"


def row(target, lane, group, volume, *, blot="", sample=None, flags="", included=True):
    return {
        "image": f"{target}{blot}.tif", "region": str(lane), "group": group, "sample": sample or f"s{lane}",
        "field": "", "batch": blot, "status": "ok", "included": included, "flags": flags, "target": target,
        "lane": lane,
        "volume": volume,
    }  # fmt: skip


def blot(volumes, others, name="", scale=1.0):
    groups = ["Control", "PMO"] * (len(volumes) // 2)
    return [
        row(target, lane, group, volume * scale, blot=name, sample=f"{name}{lane}")
        for target, ones in (("p-AKT", volumes), ("AKT", others))
        for lane, (group, volume) in enumerate(zip(groups, ones, strict=True), 1)
    ]


def ratios(rows, name=NAME):
    return [one.get(name) for one in with_ratios(rows, DESIGN) if one["target"] == "p-AKT"]


def test_lane_by_lane_and_fold_change_over_the_control_mean():
    rows = blot([100.0, 400.0, 300.0, 100.0], [100.0, 200.0, 100.0, 100.0])
    assert ratios(rows) == [1.0, 2.0, 3.0, 1.0]
    assert ratios(rows, FOLD) == [0.5, 1.0, 1.5, 0.5]


def test_the_input_is_not_changed():
    rows = blot([1.0, 2.0], [1.0, 1.0])
    before = [dict(one) for one in rows]
    with_ratios(rows, DESIGN)
    assert rows == before


def test_exposure_of_a_blot_leaves_fold_changes():
    rows = blot([10.0, 30.0], [10.0, 10.0], "a") + blot([70.0, 140.0], [70.0, 35.0], "b", scale=9.0)
    assert ratios(rows, FOLD) == [1.0, 3.0, 1.0, 4.0]


def test_bands_of_other_lanes_are_found_by_their_sample():
    rows = [row("p-AKT", 2, "PMO", 30.0, sample="x"), row("AKT", 5, "PMO", 10.0, sample="x")]
    assert ratios(rows) == [3.0]


def test_two_bands_of_one_sample_in_other_lanes_are_no_denominator():
    rows = [row("p-AKT", 2, "PMO", 30.0, sample="x"), *(row("AKT", n, "PMO", 10.0, sample="x") for n in (5, 6))]
    assert ratios(rows) == [None]


def test_no_other_lane_of_the_sample_steps_in_for_one_that_does_not_count():
    rows = [row("p-AKT", lane, "PMO", 30.0, sample="x") for lane in (2, 3)]
    rows += [row("AKT", 2, "", 10.0, sample="", included=False), row("AKT", 3, "PMO", 15.0, sample="x")]
    assert ratios(rows) == [None, 2.0]


def test_a_band_that_is_not_seen_is_shown_but_not_tested():
    rows = blot([10.0, -0.2], [10.0, 10.0])
    rows[1]["flags"] = "below_detection no_band"
    assert ratios(rows) == [1.0, None]
    assert ratios(rows, FOLD) == [1.0, -0.02]


def test_a_band_of_another_blot_is_no_denominator():
    rows = [row("p-AKT", 1, "PMO", 30.0, blot="a"), row("AKT", 1, "PMO", 10.0, blot="b")]
    assert ratios(rows) == [None]


@pytest.mark.parametrize("at", [0, 2])
def test_saturated_bands_take_no_part_unless_asked(at):
    rows = blot([10.0, 30.0], [10.0, 10.0])
    rows[at]["flags"] = "saturated"
    assert ratios(rows) == [None, 3.0]
    asked = with_ratios(rows, Design(DESIGN.order, DESIGN.control, (RATIO,), use_saturated=True))
    assert asked[0][NAME] == 1.0


def test_a_denominator_below_detection_gives_no_ratio_and_a_flag():
    rows = blot([10.0, 30.0], [0.1, 10.0])
    rows[2]["flags"] = "below_detection"
    derived = with_ratios(rows, DESIGN)
    assert derived[0].get(NAME) is None
    assert derived[0]["flags"] == "denominator_below_detection"
    assert derived[1][NAME] == 3.0


def test_excluded_bands_take_no_part():
    rows = blot([10.0, 30.0], [10.0, 10.0])
    rows[2]["included"] = False
    assert ratios(rows) == [None, 3.0]


def test_samples_average_lanes_of_one_blot_and_refuse_several():
    rows = blot([10.0, 30.0, 20.0, 50.0], [10.0, 10.0, 10.0, 10.0])
    for one in rows:
        one["sample"] = "1"
    columns, derived = with_ratio_columns((), DESIGN), with_ratios(rows, DESIGN)
    samples = combined(columns, derived, DESIGN)
    assert [(s["group"], s[NAME]) for s in samples] == [("Control", 1.5), ("PMO", 4.0)]
    for one in rows[2:4]:
        one["batch"] = "second"
    for one in rows[6:]:
        one["batch"] = "second"
    derived = with_ratios(rows, DESIGN)
    assert [s[NAME] for s in combined(columns, derived, DESIGN)] == [None, None]


def test_an_unknown_target_is_refused_with_those_there_are():
    with pytest.raises(StudyError, match=r"GAPDH.*targets are AKT, p-AKT"):
        with_ratios(blot([1.0, 2.0], [1.0, 1.0]), Design((), "", (RatioOf("p-AKT", "GAPDH"),)))


def test_ratio_columns_are_primary_and_compared_by_logarithm():
    tested, shown = with_ratio_columns((), DESIGN)
    assert (tested.primary, tested.scale, tested.drawn_as) == (True, "log2", shown.name)
    assert not shown.primary
