"""Wide tables: a column per group, a row per sample, to be pasted into GraphPad Prism."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from itertools import zip_longest
from pathlib import Path

from exoimage.assays.columns import Value
from exoimage.studies.csv_tables import write_csv
from exoimage.studies.statistics.values import Group

PAIR = "pair"
"""The first column where values are paired: each row is then one animal, donor or day."""


def write_wide(folder: Path, measures: Mapping[str, Sequence[Group]]) -> None:
    """Write one table per measure; those of an earlier run are removed.

    Parameters
    ----------
    folder : Path
        Made if it is not there.
    measures : mapping of str to groups
    """
    if folder.is_dir():
        for path in folder.glob("*.csv"):
            path.unlink()
    for measure, groups in measures.items():
        if any(group.n for group in groups):
            folder.mkdir(parents=True, exist_ok=True)
            header, rows = wide_table(groups)
            write_csv(folder / f"{file_stem(measure)}.csv", header, rows)


def wide_table(groups: Sequence[Group]) -> tuple[tuple[str, ...], list[dict[str, Value]]]:
    """The header and rows of a wide table.

    Examples
    --------
    >>> wide_table([Group("Control", (1.0, 2.0)), Group("PMO", (3.0,))])
    (('Control', 'PMO'), [{'Control': 1.0, 'PMO': 3.0}, {'Control': 2.0, 'PMO': None}])
    """
    names = tuple(group.name or "all" for group in groups)
    finite = [group.kept([value == value for value in group.values]) for group in groups]
    once = all(len(set(group.pairs)) == group.n for group in finite)
    if finite and once and all(group.pairs or not group.n for group in finite) and any(g.n for g in finite):
        pairs = dict.fromkeys(pair for group in finite for pair in group.pairs)
        of_pair = [dict(zip(group.pairs, group.values, strict=True)) for group in finite]
        rows = [
            {PAIR: pair, **{name: values.get(pair) for name, values in zip(names, of_pair, strict=True)}}
            for pair in pairs
        ]
        return (PAIR, *names), rows
    columns = zip_longest(*(group.values for group in finite))
    return names, [dict(zip(names, row, strict=True)) for row in columns]


def file_stem(measure: str) -> str:
    """A measure's name as a file's: letters, digits, ``. _ -`` and no more.

    Examples
    --------
    >>> file_stem("p-AKT / AKT (day 3)")
    'p-AKT_AKT_day_3'
    """
    return re.sub(r"[^\w.-]+", "_", measure).strip("._") or "measure"
