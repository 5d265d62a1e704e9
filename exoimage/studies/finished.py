"""The tables of a finished run, read back: what figures and the report are made of."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from exoimage.assays.columns import Column
from exoimage.studies.csv_tables import restored
from exoimage.studies.study import Study
from exoimage.studies.tables import TEXT_COLUMNS

Row = Mapping[str, Any]


@dataclass(frozen=True)
class Tables:
    """Rows of a run's tables: numbers as float, None where there is none, `included` as bool, all else as text.

    Parameters
    ----------
    images, samples : tuple of mappings
    groups, tests : tuple of mappings
        Empty where no statistics were made.
    groups_all, tests_all : tuple of mappings
        The same with the rows that do not count; empty where all count.
    sensitivity : tuple of mappings
        What moved thresholds and other methods gave; empty where that was not asked for.
    """

    images: tuple[Row, ...]
    samples: tuple[Row, ...]
    groups: tuple[Row, ...] = ()
    tests: tuple[Row, ...] = ()
    groups_all: tuple[Row, ...] = ()
    tests_all: tuple[Row, ...] = ()
    sensitivity: tuple[Row, ...] = ()

    @property
    def counted(self) -> tuple[Row, ...]:
        """The rows of images.csv that count."""
        return tuple(row for row in self.images if row["status"] == "ok" and row["included"])

    @property
    def measures(self) -> tuple[str, ...]:
        """The measures that were tested."""
        return tuple(dict.fromkeys(str(row["measure"]) for row in self.tests))

    def tests_of(self, measure: str) -> tuple[Row, ...]:
        """The rows of tests.csv of one measure."""
        return tuple(row for row in self.tests if row.get("measure") == measure)


def read_tables(folder: Path) -> Tables:
    """Read what a run has left in its folder; tables that are not there are empty."""
    names = ("images", "samples", "groups", "tests", "groups_all", "tests_all", "sensitivity")
    return Tables(*(read_rows(folder / f"{name}.csv") for name in names))


def read_rows(path: Path) -> tuple[Row, ...]:
    """The rows of one table; none where it is not there."""
    if not path.is_file():
        return ()
    with path.open(encoding="utf-8", newline="") as file:
        return tuple({name: _value(name, text) for name, text in row.items()} for row in csv.DictReader(file))


def _value(name: str, text: str) -> Any:
    if name == "included":
        return text == "true"
    if name in TEXT_COLUMNS:
        return restored(text)
    try:
        return float(text) if text else None
    except ValueError:
        return text


def is_of_all_groups(row: Row) -> bool:
    """Whether a row of tests.csv is of a test of all groups."""
    return str(row.get("kind") or ("pairwise" if row.get("group_a") else "omnibus")) == "omnibus"


def is_of_a_pair(row: Row) -> bool:
    """Whether a row of tests.csv compares two groups."""
    return str(row.get("kind") or ("pairwise" if row.get("group_a") else "omnibus")) == "pairwise"


def test_names(tests: Iterable[Row]) -> tuple[str, ...]:
    """The tests that were made, of all groups first, each once; what was only checked is none."""
    listed = [row for row in tests if row.get("p") is not None]
    ordered = [*filter(is_of_all_groups, listed), *filter(is_of_a_pair, listed)]
    return tuple(dict.fromkeys(str(row["test"]) for row in ordered if row.get("test")))


def columns_of(study: Study) -> tuple[Column, ...]:
    """The measured columns: the assay's, and those that the study derives from several images."""
    return study.recipe.study_columns(study.design)


def drawn_measures(study: Study, tables: Tables) -> tuple[str, ...]:
    """The measures that are drawn: those that were tested, else the assay's primary ones."""
    return tables.measures or tuple(column.name for column in columns_of(study) if column.primary)


def values_by_group(study: Study, tables: Tables, column: str) -> dict[str, list[float]]:
    """The values that are compared: of samples, or of fields where the study says so; groups in the study's order."""
    rows = tables.counted if study.statistics.unit == "field" else tables.samples
    values: dict[str, list[float]] = {group: [] for group in group_names(study, tables.images)}
    for row in rows:
        value = row.get(column)
        if row["group"] in values and isinstance(value, float):
            values[row["group"]].append(value)
    return values


def group_names(study: Study, rows: Iterable[Row]) -> tuple[str, ...]:
    """The groups that have images: in the study's order, then as they come."""
    present = dict.fromkeys(str(row["group"]) for row in rows if row["group"])
    return (*(name for name in study.order if name in present), *(n for n in present if n not in study.order))


def failed_rows(rows: Sequence[Row]) -> list[Row]:
    """The rows of images that could not be measured."""
    return [row for row in rows if row["status"] == "failed"]
