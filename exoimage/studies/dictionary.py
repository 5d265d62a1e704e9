"""The data dictionary: what every column of a run's tables means."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from exoimage.assays.columns import Column
from exoimage.studies.statistics.rows import GROUP_COLUMNS, TEST_COLUMNS

HEADS: Mapping[str, str] = {
    "image": "The picture, by its path relative to the study.",
    "region": "The part of it that was measured: the whole field, a well, an ROI, a lane.",
    "object": "Number of the object in its region, as in the label image.",
    "group": "The treatment group.",
    "sample": "The animal, well or culture: with its group, the unit of the statistics.",
    "field": "The field of view within the sample.",
    "batch": "The plate, day or blot.",
    "status": "ok, or failed.",
    "error": "Why it failed.",
    "flags": "Warnings about the picture or the measurement.",
    "included": "Whether the row counts in samples and statistics.",
    "reason": "Why it does not count.",
    "n_fields": "Fields that were combined to the sample.",
}
"""What the columns mean that every assay's tables have."""

_UNITS = {
    "_per_mm2": "1/mm²", "_per_mm": "1/mm", "_um2": "µm²", "_um": "µm", "_pct": "%", "_od": "OD", "_px": "px",
    "_kda": "kDa",
}  # fmt: skip


@dataclass(frozen=True)
class Entry:
    """One column of one table.

    Parameters
    ----------
    table, column, definition, unit, aggregation : str
        Unit and aggregation are empty where there is none.
    """

    table: str
    column: str
    definition: str
    unit: str = ""
    aggregation: str = ""


def dictionary(
    heads: Mapping[str, Sequence[str]], columns: Sequence[Column], objects: Sequence[Column]
) -> tuple[Entry, ...]:
    """The entries of all tables of a run.

    Parameters
    ----------
    heads : mapping of table to column names
        What stands before the assay's columns in images, objects and samples.
    columns, objects : sequences of Column
        Of images and samples, and of objects.
    """
    of_table = {"images": columns, "objects": objects, "samples": columns}
    entries = []
    for table, names in heads.items():
        entries += [Entry(table, name, HEADS.get(name, "")) for name in names]
        for column in of_table[table]:
            how = "" if table == "objects" else column.aggregation.describe()
            primary = " Primary: tested and drawn." if column.primary else ""
            entries.append(Entry(table, column.name, column.definition + primary, unit_of(column.name), how))
    return (*entries, *_plain("groups", GROUP_COLUMNS), *_plain("tests", TEST_COLUMNS))


def unit_of(column: str) -> str:
    """The unit that a column's name ends in; empty where it has none.

    Examples
    --------
    >>> unit_of("nodules_per_mm2"), unit_of("stained_area_pct"), unit_of("nodule_count")
    ('1/mm²', '%', '')
    """
    return next((unit for ending, unit in _UNITS.items() if column.endswith(ending)), "")


def _plain(table: str, definitions: Mapping[str, str]) -> Iterable[Entry]:
    return [Entry(table, name, text) for name, text in definitions.items()]
