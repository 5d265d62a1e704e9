from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exoimage.assays.columns import AreaWeighted, Mean, NotAggregated, Ratio, Sum
from exoimage.assays.lengths import Length
from exoimage.errors import MeasureError


@pytest.mark.parametrize(
    ("text", "length"),
    [
        ("20 um", Length(20, "um")), ("20µm", Length(20, "um")), ("0.02 mm", Length(20, "um")),
        ("500 nm", Length(0.5, "um")), ("6 px", Length(6, "px")), ("1e2 px", Length(100, "px")),
        ("unlimited", Length(math.inf, "px")),
    ],
)  # fmt: skip
def test_a_length_is_read_with_its_unit(text: str, length: Length) -> None:
    assert Length.parse(text) == length
    assert Length.parse(str(length)) == length


@pytest.mark.parametrize("text", ["20", "um", "-3 px", "3 parsec", "", "nan px", "2 um 3"])
def test_what_is_no_length_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="number and its unit"):
        Length.parse(text)


def test_micrometres_need_a_pixel_size() -> None:
    assert Length(20, "um").in_px(0.5) == 40
    assert Length(20, "px").in_px(None) == 20
    with pytest.raises(MeasureError, match=r"smallest_nodule.*--pixel-size"):
        Length(20, "um").in_px(None, "smallest_nodule")


_fields = st.lists(
    st.fixed_dictionaries({"n": st.integers(0, 100), "of": st.integers(1, 1000), "od": st.floats(0, 2)}), min_size=1
)


@given(_fields)
def test_ratios_are_pooled_and_means_are_not(rows: list[dict[str, float]]) -> None:
    pooled = Ratio("n", "of", 100).of("pct", rows)
    assert pooled == pytest.approx(100 * sum(r["n"] for r in rows) / sum(r["of"] for r in rows))
    assert Sum().of("n", rows) == sum(r["n"] for r in rows)
    assert Mean().of("od", rows) == pytest.approx(sum(r["od"] for r in rows) / len(rows))
    low, high = min(r["od"] for r in rows), max(r["od"] for r in rows)
    weighted = AreaWeighted("of").of("od", rows)
    assert weighted is not None
    assert low - 1e-9 <= weighted <= high + 1e-9


def test_a_missing_field_makes_a_sum_unknown_but_not_a_mean() -> None:
    rows = [{"v": 2.0, "w": 1}, {"v": None, "w": 1}]
    assert Sum().of("v", rows) is None
    assert Mean().of("v", rows) == 2.0
    assert AreaWeighted("w").of("v", rows) == 2.0
    assert Ratio("v", "w").of("r", rows) == 2.0
    assert NotAggregated().of("v", rows) is None
    assert Mean().of("v", []) is None
    assert Ratio("v", "w").of("r", [{"v": 1, "w": 0}]) is None
