"""From the bands of several membranes to ratios and fold changes, lane by lane."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from statistics import fmean

from exoimage.assays.columns import Aggregation, Column, Mean, NotAggregated, Row, Value
from exoimage.assays.design import Design, RatioOf
from exoimage.errors import StudyError
from exoimage.flags import Flag

_SHOWN = "ratio as measured"
_Place = tuple[str, ...]
"""Where the two bands of a ratio have to agree."""


@dataclass(frozen=True)
class MeanOfOneBlot:
    """The mean of the lanes that have a value; none where they lie on several blots, which share no scale."""

    def of(self, column: str, rows: Sequence[Row]) -> float | None:
        """Average the lanes of one blot."""
        usable = [row for row in rows if isinstance(row.get(column), float)]
        return None if len({row["batch"] for row in usable}) > 1 else Mean().of(column, usable)

    def describe(self) -> str:
        """The rule in words."""
        return "mean of the lanes of one blot; empty over several blots, whose exposures differ"


def with_ratios(rows: Sequence[Row], design: Design) -> tuple[dict[str, Value], ...]:
    """Add a ratio and its fold change to the rows of the numerators.

    A band is divided by the other target's band in the same lane of the same blot (column ``batch``). Where the two
    membranes' lanes have other numbers, the band of the same group, sample and field is taken, if each of the two has
    just one.
    The fold change is the ratio over the mean ratio of the control's lanes on the same blot.

    A ratio is empty where a band failed or does not count, where one of the two is saturated (unless the design uses
    those), and where one is below its limit of detection (of the denominator: `Flag.DENOMINATOR_BELOW_DETECTION`). A
    numerator below it has a fold change as measured, to be shown, and no ratio, which would be tested.

    Parameters
    ----------
    rows : sequence of rows
        Of images.csv, with the columns target, lane, volume, flags.
    design : Design

    Raises
    ------
    StudyError
        If a ratio names a target that no membrane has.
    """
    _refuse_unknown_targets(rows, design)
    derived = [dict(row) for row in rows]
    for ratio in design.ratios:
        _add_ratio(derived, ratio, design)
        _add_fold_change(derived, ratio, design.control)
    return tuple(derived)


def with_ratio_columns(own: Sequence[Column], design: Design) -> tuple[Column, ...]:
    """An assay's columns with those of a design's ratios, which are what is then compared.

    The rows of a sample are of several targets then: what is said of one band makes no sample of them.
    """
    if not design.ratios:
        return tuple(own)
    of_bands = tuple(replace(column, primary=False, aggregation=NotAggregated()) for column in own)
    return (*of_bands, *(column for ratio in design.ratios for column in _columns_of(ratio, design)))


def _columns_of(ratio: RatioOf, design: Design) -> tuple[Column, ...]:
    """The columns of a ratio: what is tested, and what is drawn."""
    fold = f"fold_change_{ratio.slug}"
    of_one: Aggregation = MeanOfOneBlot()
    against = f"the mean of {design.control} on the same blot" if design.control else "a control, which is not named"
    return (
        Column(
            f"ratio_{ratio.slug}",
            f"{ratio.text}: volume over volume in the same lane. Compared on its log2, blot by blot.",
            of_one,
            primary=True,
            scale="log2",
            drawn_as=fold if design.control else "",
            label=ratio.text,
        ),
        Column(fold, f"{ratio.text} over {against}.", Mean(), label=f"{ratio.text} (fold of {design.control})"),
    )


def _refuse_unknown_targets(rows: Sequence[Row], design: Design) -> None:
    known = {str(row["target"]) for row in rows if row.get("target")}
    wanted = {name for ratio in design.ratios for name in (ratio.numerator, ratio.denominator)}
    if known and wanted - known and all(row["status"] == "ok" for row in rows):
        raise StudyError(
            f"a ratio names {', '.join(sorted(wanted - known))}; the membranes' targets are {', '.join(sorted(known))}"
        )


def _add_ratio(rows: list[dict[str, Value]], ratio: RatioOf, design: Design) -> None:
    numerators = [row for row in rows if row.get("target") == ratio.numerator]
    denominators = [row for row in rows if row.get("target") == ratio.denominator]
    by_lane = _only_ones(denominators, _lane_of)
    lanes = {_membranes_lane_of(row) for row in denominators}
    # Lanes that do not count are counted here: another lane of the sample must not step in for one of them.
    by_sample = _only_ones(denominators, _sample_of)
    alone = _only_ones(numerators, _sample_of)
    for row in numerators:
        other = by_lane.get(_lane_of(row))
        if other is None and _membranes_lane_of(row) not in lanes and _sample_of(row) in alone:
            other = by_sample.get(_sample_of(row))
        if other is None or not (_counts(row) and _counts(other)):
            continue
        if _has(other, Flag.BELOW_DETECTION):
            row["flags"] = " ".join((str(row["flags"]), Flag.DENOMINATOR_BELOW_DETECTION.value)).strip()
        elif design.use_saturated or not (_has(row, Flag.SATURATED) or _has(other, Flag.SATURATED)):
            value = _over(row["volume"], other["volume"])
            row[_SHOWN] = value
            # What is not seen has no logarithm: it is shown as what was measured, and not tested.
            row[f"ratio_{ratio.slug}"] = None if _has(row, Flag.BELOW_DETECTION) else value


def _add_fold_change(rows: list[dict[str, Value]], ratio: RatioOf, control: str) -> None:
    controls: dict[str, list[float]] = {}
    for row in rows:
        value = row.get(f"ratio_{ratio.slug}")
        if isinstance(value, float) and row["group"] == control and control:
            controls.setdefault(str(row["batch"]), []).append(value)
    for row in rows:
        shown, of_blot = row.pop(_SHOWN, None), controls.get(str(row["batch"]))
        if of_blot and shown is not None:
            row[f"fold_change_{ratio.slug}"] = _over(shown, fmean(of_blot))


def _only_ones(rows: Sequence[Row], place: Callable[[Row], _Place]) -> Mapping[_Place, Row]:
    """The rows that are alone at their place."""
    found: dict[_Place, list[Row]] = {}
    for row in rows:
        found.setdefault(place(row), []).append(row)
    return {where: ones[0] for where, ones in found.items() if len(ones) == 1}


def _lane_of(row: Row) -> _Place:
    return str(row["batch"]), str(row["region"]), str(row["group"]), str(row["sample"])


def _membranes_lane_of(row: Row) -> _Place:
    return str(row["batch"]), str(row["region"])


def _sample_of(row: Row) -> _Place:
    return str(row["batch"]), str(row["group"]), str(row["sample"]), str(row["field"])


def _counts(row: Row) -> bool:
    return row["status"] == "ok" and bool(row["included"]) and row.get("volume") is not None


def _has(row: Row, flag: Flag) -> bool:
    return flag.value in str(row["flags"]).split()


def _over(numerator: Value, denominator: Value) -> float | None:
    assert isinstance(numerator, float | int)
    assert isinstance(denominator, float | int)
    return float(numerator) / float(denominator) if denominator > 0 else None
