"""What a page of the report shows, as plain values: notices, tables, cards."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from exoimage.assays.columns import Column
from exoimage.flags import Flag
from exoimage.studies.axis_labels import axis_label
from exoimage.studies.finished import Row
from exoimage.studies.report_pictures import Shown

SEVERITIES = ("failed", "exclude", "warn", "note")
"""From what to look at first."""

MOST_COLUMNS = 8
"""Measured columns in the report's table; images.csv has all."""

MOST_LINKS = 12
"""Images named with a notice; the table's filter shows all."""


@dataclass(frozen=True)
class Cell:
    """A cell of a table: its text, and for numbers the exact value to sort by; extra ones are not printed."""

    text: str
    value: str = ""
    is_number: bool = False
    is_extra: bool = False


@dataclass(frozen=True)
class Head:
    """The head of a column."""

    label: str
    meaning: str = ""
    is_number: bool = False
    is_extra: bool = False


@dataclass(frozen=True)
class Table:
    """A table to look at."""

    caption: str
    columns: tuple[Head, ...]
    rows: tuple[tuple[Cell, ...], ...]


@dataclass(frozen=True)
class ImageRow:
    """A row of the table of images."""

    anchor: str
    flags: str
    counts: bool
    cells: tuple[Cell, ...]


@dataclass(frozen=True)
class Badge:
    """A word of warning."""

    text: str
    severity: str


@dataclass(frozen=True)
class Card:
    """An image with its picture."""

    anchor: str
    name: str
    about: str
    badges: tuple[Badge, ...]
    shown: Shown
    why_none: str


@dataclass(frozen=True)
class Link:
    """A reference to an image or page."""

    text: str
    href: str
    remark: str = ""


@dataclass(frozen=True)
class Notice:
    """Something to look at first: failed images, those left out, one flag."""

    name: str
    severity: str
    meaning: str
    count: int
    links: tuple[Link, ...]
    more: int = 0
    flag: str = ""


def severity_of(row: Row) -> str:
    """The gravest thing that is to be said of a row; empty if there is none."""
    if row["status"] == "failed":
        return "failed"
    present = {_severity(name) for name in flags_of(row)}
    if not row["included"]:
        present.add("exclude")
    return next((severity for severity in SEVERITIES if severity in present), "")


def flags_of(row: Row) -> list[str]:
    """The names of a row's flags."""
    return str(row["flags"]).split()


def by_urgency(groups: Mapping[str, Sequence[Row]]) -> list[str]:
    """Images, those to be looked at first in front, else in their order."""
    rank = {severity: place for place, severity in enumerate((*SEVERITIES, ""))}
    return sorted(groups, key=lambda image: min(rank[severity_of(row)] for row in groups[image]))


def notices(rows: Sequence[Row], href: Mapping[str, str]) -> tuple[Notice, ...]:
    """What is to be looked at first.

    Parameters
    ----------
    rows : sequence of rows of images.csv
    href : mapping of image to address
        Of the image's card.
    """
    found = []
    failed = [row for row in rows if row["status"] == "failed"]
    if failed:
        found.append(
            _notice("could not be measured", "failed", "They have a row, but no numbers.", failed, href, "error")
        )
    left_out = [row for row in rows if not row["included"] and row["status"] == "ok"]
    if left_out:
        meaning = "They have numbers, but count in no sample and no test."
        found.append(_notice("left out", "exclude", meaning, left_out, href, "reason"))
    by_flag: dict[str, list[Row]] = {}
    for row in rows:
        for name in flags_of(row):
            by_flag.setdefault(name, []).append(row)
    rank = {severity: place for place, severity in enumerate(SEVERITIES)}
    for name in sorted(by_flag, key=lambda name: (rank[_severity(name)], -len(by_flag[name]), name)):
        meaning = _meaning(name)
        found.append(_notice(name, _severity(name), meaning, by_flag[name], href, "", flag=name))
    return tuple(found)


def _notice(
    name: str, severity: str, meaning: str, rows: Sequence[Row], href: Mapping[str, str], remark: str, flag: str = ""
) -> Notice:
    links = tuple(
        Link(row_name(row), href[str(row["image"])], str(row[remark]) if remark else "") for row in rows[:MOST_LINKS]
    )
    return Notice(name, severity, meaning, len(rows), links, len(rows) - len(links), flag)


def _severity(flag: str) -> str:
    return next((member.severity for member in Flag if member.value == flag), "note")


def _meaning(flag: str) -> str:
    return next((member.meaning for member in Flag if member.value == flag), "")


def row_name(row: Row) -> str:
    """An image, and its region where it is a part."""
    return str(row["image"]) if row["region"] in ("", "whole") else f"{row['image']}, {row['region']}"


def shown_columns(columns: Sequence[Column], rows: Sequence[Row]) -> tuple[Column, ...]:
    """The measured columns of the report's table: primary ones and thresholds, then others that hold something.

    Columns in px are there for where the pixel size is unknown; the white point is in the table file.
    """
    filled = {c.name for c in columns if any(row.get(c.name) is not None for row in rows)}
    first = [c for c in columns if c.primary or c.name.startswith("threshold")]
    others = [c for c in columns if c not in first and not c.name.endswith("_px") and not c.name.startswith("white_")]
    kept = [c for c in (*first, *others) if c.name in filled][:MOST_COLUMNS]
    return tuple(column for column in columns if column in kept)


def image_heads(columns: Sequence[Column], has_regions: bool, has_batches: bool) -> tuple[Head, ...]:
    """The heads of the table of images."""
    own = ["Image", *(["Region"] if has_regions else []), "Flags", "Group", "Sample", "Field"]
    heads = [Head(name) for name in (*own, *(["Batch"] if has_batches else []))]
    measured = [
        Head(axis_label(c.name), f"{c.name}: {c.definition}", is_number=True, is_extra=_is_extra(c)) for c in columns
    ]
    return (*heads, *measured, Head("Counts", "Whether the row counts, else why not."))


def _is_extra(column: Column) -> bool:
    """Whether a column is left out on paper, which is narrow."""
    return not (column.primary or column.name.startswith("threshold"))


def image_row(row: Row, anchor: str, columns: Sequence[Column], has_regions: bool, has_batches: bool) -> ImageRow:
    """A row of the table of images."""
    names = ["image", *(["region"] if has_regions else []), "flags", "group", "sample", "field"]
    texts = [Cell(str(row[name])) for name in (*names, *(["batch"] if has_batches else []))]
    numbers = [replace(number_cell(row.get(column.name)), is_extra=_is_extra(column)) for column in columns]
    counts = row["status"] == "ok" and row["included"]
    why = "yes" if counts else f"failed: {row['error']}" if row["status"] == "failed" else f"no: {row['reason']}"
    cells = (*texts, *numbers, Cell(why))
    return ImageRow(anchor, str(row["flags"]), bool(counts), cells)


def number_cell(value: Any) -> Cell:
    """A number to four figures, empty where there is none."""
    if isinstance(value, float):
        text = f"{value:.4g}" if abs(value) < 1e4 else f"{value:,.0f}"
        return Cell(text.replace("-", "−", 1) if value < 0 else text, repr(value), is_number=True)
    return Cell("" if value is None else str(value), is_number=value is None)


def card(rows: Sequence[Row], anchor: str, primary: Sequence[Column], shown: Shown) -> Card:
    """The card of an image, of all of its rows."""
    first = rows[0]
    names = dict.fromkeys(name for row in rows for name in flags_of(row))
    badges = [Badge(name, _severity(name)) for name in names]
    if first["status"] == "failed":
        badges.insert(0, Badge("failed", "failed"))
    if any(not row["included"] for row in rows):
        badges.insert(0, Badge("left out", "exclude"))
    about = " · ".join(filter(None, (_place(row, len(rows) > 1) + _numbers(row, primary) for row in rows[:12])))
    more = f" · and {len(rows) - 12} more regions" if len(rows) > 12 else ""
    why = str(first["error"]) or "No pictures were kept of this run."
    return Card(anchor, str(first["image"]), about + more, tuple(badges), shown, why)


def _place(row: Row, is_part: bool) -> str:
    parts = [str(row["region"])] if is_part else []
    parts += [str(row["group"])] if row["group"] else []
    parts += [f"sample {row['sample']}"] if row["sample"] and row["group"] else []
    return ", ".join(parts)


def _numbers(row: Row, primary: Sequence[Column]) -> str:
    values = [(c, row.get(c.name)) for c in primary[:1]]
    texts = [f"{axis_label(c.name)}: {number_cell(value).text}" for c, value in values if value is not None]
    return f"{', ' if texts and (row['group'] or row['region']) else ''}{', '.join(texts)}" if texts else ""


FIRST_COLUMNS = (
    "measure", "group", "test", "group_a", "group_b", "n", "mean", "sd", "sem", "median", "difference", "ci_low",
    "ci_high", "statistic", "df", "df_error", "p", "p_holm", "stars",
)  # fmt: skip
"""Of the tables of the statistics, as they are read; others follow."""


def plain_table(caption: str, rows: Iterable[Row], left_out: Sequence[str] = ()) -> Table:
    """Any table as it is, without the columns that are empty throughout."""
    listed = list(rows)
    held = listed[0] if listed else {}
    ordered = [*(name for name in FIRST_COLUMNS if name in held), *(name for name in held if name not in FIRST_COLUMNS)]
    names = [n for n in ordered if n not in left_out and any(row[n] not in (None, "") for row in listed)]
    numeric = {name for name in names if all(row[name] is None or isinstance(row[name], float) for row in listed)}
    heads = tuple(Head(_head_text(name), is_number=name in numeric) for name in names)
    return Table(caption, heads, tuple(tuple(_plain_cell(name, row[name]) for name in names) for row in listed))


def _plain_cell(name: str, value: Any) -> Cell:
    if name in ("p", "p_holm") and isinstance(value, float):
        return Cell("< 0.0001" if value < 1e-4 else f"{value:.2g}", is_number=True)
    if name in ("n", "df") and isinstance(value, float) and value.is_integer():
        return Cell(f"{value:.0f}", is_number=True)
    if name == "measure":
        return Cell(axis_label(str(value)))
    return number_cell(value) if isinstance(value, float) or value is None else Cell(str(value))


def _head_text(name: str) -> str:
    texts = {
        "sd": "SD", "sem": "SEM", "p_holm": "p (Holm)", "ci_low": "95 % CI, low", "ci_high": "95 % CI, high",
        "group_a": "group", "group_b": "against", "same_order": "same order", "same_pairs": "same pairs differ",
        "conclusion_stands": "conclusion stands",
    }  # fmt: skip
    return texts.get(name, name.replace("_", " "))
