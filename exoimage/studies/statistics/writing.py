"""The statistics of a run: groups.csv, tests.csv, the wide tables and results.xlsx."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from exoimage.assays.columns import Column, Row, Value
from exoimage.assays.design import combined
from exoimage.studies.csv_tables import write_csv
from exoimage.studies.statistics.analysis import analyse, summary
from exoimage.studies.statistics.rows import GROUP_COLUMNS, TEST_COLUMNS, Rows, rows_of_groups, rows_of_tests
from exoimage.studies.statistics.values import Analysis, Design, Group, Test
from exoimage.studies.statistics.wide import write_wide
from exoimage.studies.study import Statistics, Study

FIELDS_NOTE = "n counts fields, not samples: fields of one sample are no independent repeats, and p is too small"
"""What stands in the tables where a study asks for fields as units."""


@dataclass(frozen=True)
class Measure:
    """One measure of one study: its groups, how they are tested, what to mind."""

    column: Column
    groups: tuple[Group, ...]
    design: Design
    problem: str = ""
    notes: tuple[str, ...] = ()
    drawn: tuple[Group, ...] = ()

    @property
    def analysis(self) -> Analysis:
        """The groups' summaries and tests."""
        if self.problem:
            refused = Test(self.design.test, note=self.problem)
            return Analysis(tuple(summary(group) for group in self.groups), omnibus=(refused,))
        return analyse(self.groups, self.design)


def write_statistics(
    folder: Path, study: Study, rows: Sequence[Row], samples: Sequence[Row], columns: Sequence[Column]
) -> None:
    """Write groups.csv and tests.csv, and what depends on them.

    Where rows do not count, ``groups_all.csv`` and ``tests_all.csv`` hold the statistics with them.

    Parameters
    ----------
    folder : Path
        Of the run.
    study : Study
    rows : sequence of rows
        Of images.csv.
    samples : sequence of rows
        Of samples.csv.
    columns : sequence of Column
        The assay's, with those that the study derives.
    """
    measures = measures_of(study, rows, samples, columns)
    _write(folder, measures, "")
    everything = with_all_counted(study, rows)
    if everything:
        counted = study.recipe.study_rows(everything, study.design)
        everyone = combined(columns, counted, study.design)
        _write(folder, measures_of(study, counted, everyone, columns), "_all")
    else:
        for name in ("groups", "tests"):
            (folder / f"{name}_all.csv").unlink(missing_ok=True)
    wide = {one.column.name: one.groups for one in measures}
    write_wide(folder / "prism_wide", wide | {one.column.drawn_as: one.drawn for one in measures if one.drawn})


def with_all_counted(study: Study, rows: Sequence[Row]) -> list[dict[str, Value]]:
    """The rows as if all counted that were measured and have a group; empty where that changes nothing."""
    grouped = bool(study.order)
    changed = [not row["included"] and row["status"] == "ok" and bool(row["group"] or not grouped) for row in rows]
    if not any(changed):
        return []
    return [{**row, "included": True} if change else dict(row) for row, change in zip(rows, changed, strict=True)]


def measures_of(
    study: Study, rows: Iterable[Row], samples: Iterable[Row], columns: Sequence[Column]
) -> tuple[Measure, ...]:
    """What is tested: the columns that the plan names, else the primary ones."""
    plan = study.statistics
    by_name = {column.name: column for column in columns}
    chosen = [by_name.get(name, Column(name, "")) for name in plan.columns] or [c for c in columns if c.primary]
    units = (
        list(samples) if plan.unit == "sample" else [r for r in rows if r["status"] == "ok" and r["included"]]
    )  # fmt: skip
    known = [column for column in chosen if any(column.name in row for row in units) or column.name in by_name]
    counted = f"{len(known)} {'measure' if len(known) == 1 else 'measures'} tested"
    return tuple(_measure(study, plan, column, units, counted) for column in known)


def _measure(study: Study, plan: Statistics, column: Column, units: Sequence[Row], counted: str) -> Measure:
    pair, problem = plan.pair, ""
    batches = {str(row.get("batch") or "") for row in units if _value(row, column.name) is not None}
    if column.scale == "log2" and len(batches) > 1 and not pair:
        # Ratios of several blots share no scale: their exposures differ.
        pair = "batch"
        if plan.test not in ("anova", "paired-t"):
            problem = (
                f"the ratios are of {len(batches)} blots, which share no scale: use test = anova, which allows for the"
                " blot, or paired-t"
            )
    shown = column.drawn_as if column.scale == "log2" and plan.test == "one-sample-t" else ""
    if shown:
        # A ratio of two exposures means nothing against 1: the fold change does.
        pair, problem = "", ""
    if pair and not problem and not any(row.get(pair) for row in units):
        problem = f"no sample has a {pair}: nothing pairs them; name it in the layout or the names"
    groups = tuple(_group(name, units, shown or column.name, pair) for name in _group_names(study, units))
    design = Design(
        plan.test, plan.posthoc, study.control, "log2" if column.scale == "log2" else "none", plan.against
    )  # fmt: skip
    notes = (counted, *((FIELDS_NOTE,) if plan.unit == "field" else ()))
    names = _group_names(study, units) if column.drawn_as else ()
    drawn = tuple(_group(name, units, column.drawn_as, "") for name in names)
    return Measure(column, groups, design, problem, notes, drawn)


def _group_names(study: Study, units: Iterable[Row]) -> tuple[str, ...]:
    """Groups in the study's order; rows without a group count only where none has one."""
    present = list(dict.fromkeys(str(row["group"]) for row in units))
    named = [name for name in present if name]
    rest = [name for name in named if name not in study.order]
    return (*study.order, *rest) if named or study.order else ("",) if present else ()


def _group(name: str, units: Iterable[Row], column: str, pair: str) -> Group:
    rows = [row for row in units if str(row["group"]) == name and (not pair or row.get(pair))]
    values = tuple(math.nan if (value := _value(row, column)) is None else value for row in rows)
    return Group(name, values, tuple(str(row[pair]) for row in rows) if pair else ())


def _value(row: Row, column: str) -> float | None:
    value = row.get(column)
    return float(value) if isinstance(value, int | float) else None


def _write(folder: Path, measures: Sequence[Measure], suffix: str) -> None:
    groups: Rows = []
    tests: Rows = []
    for one in measures:
        found = one.analysis
        note = FIELDS_NOTE if FIELDS_NOTE in one.notes else ""
        groups += rows_of_groups(one.column.name, found, note)
        if one.drawn:
            drawn = Analysis(tuple(summary(group) for group in one.drawn))
            groups += rows_of_groups(one.column.drawn_as, drawn, f"drawn; tested is {one.column.name}")
        tests += rows_of_tests(one.column.name, found, one.notes)
    write_rows(folder, groups, tests, suffix)


def write_rows(folder: Path, groups: Iterable[Mapping[str, Value]], tests: Iterable[Row], suffix: str = "") -> None:
    """Write groups.csv and tests.csv."""
    write_csv(folder / f"groups{suffix}.csv", tuple(GROUP_COLUMNS), groups)
    write_csv(folder / f"tests{suffix}.csv", tuple(TEST_COLUMNS), tests)
