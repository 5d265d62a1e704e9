"""results.xlsx: the tables of a run as sheets, and the data dictionary.

Rows go through one at a time, so that memory stays small however many there are. The file depends on the tables alone,
byte by byte, and is left as it is where they have not changed.
"""

from __future__ import annotations

import csv
import hashlib
import math
import uuid
import zipfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from exoimage.studies.csv_tables import restored
from exoimage.studies.dictionary import Entry

MOST_ROWS = 1_048_576
"""Rows of a sheet in Excel, the header included."""

MOST_CHARACTERS = 32_767
"""Of a cell in Excel."""

_LONG_AGO = datetime(2000, 1, 1)
"""When every workbook says it was made: a date would make two runs' files differ."""

_WIDTH = 14


def write_workbook(path: Path, tables: Mapping[str, Path], texts: frozenset[str], entries: Sequence[Entry]) -> None:
    """Write the workbook.

    Parameters
    ----------
    path : Path
        The ``.xlsx``; there whole or not at all.
    tables : mapping of sheet name to CSV file
        Those that are not there are left out.
    texts : frozenset of str
        Columns that hold text, whatever it looks like.
    entries : sequence of Entry
        Of the sheet ``dictionary``.

    Raises
    ------
    OSError
        If it cannot be written.
    """
    there = {name: file for name, file in tables.items() if file.is_file()}
    identity = _identity(there.values(), entries)
    if _identity_in(path) == identity:
        return
    temporary = path.parent / f".{path.name}.{uuid.uuid4().hex[:8]}.tmp"
    try:
        _write(temporary, there, texts, entries, identity)
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def _write(
    path: Path, tables: Mapping[str, Path], texts: frozenset[str], entries: Sequence[Entry], identity: str
) -> None:
    import xlsxwriter
    from xlsxwriter.exceptions import FileCreateError

    book = xlsxwriter.Workbook(str(path), {"constant_memory": True, "tmpdir": str(path.parent)})
    book.set_properties({"title": "exoimage results", "keywords": identity, "created": _LONG_AGO})
    formats = {
        "head": book.add_format({"bold": True, "bottom": 1}),
        "sign": book.add_format({"quote_prefix": True}),  # text that must not become a formula when edited
    }
    for name, file in tables.items():
        with file.open(encoding="utf-8", newline="") as lines:
            reader = csv.reader(lines)
            header = [restored(column) for column in next(reader)]
            _fill(book.add_worksheet(name), header, _cells(header, reader, texts), formats, file.name)
    head = ("table", "column", "definition", "unit", "aggregation")
    rows = ([entry.table, entry.column, entry.definition, entry.unit, entry.aggregation] for entry in entries)
    sheet = book.add_worksheet("dictionary")
    _fill(sheet, head, rows, formats, "", widths=(10, 28, 90, 8, 60))
    try:
        book.close()
    except FileCreateError as error:  # XlsxWriter's own, around the system's
        raise error.args[0] if error.args and isinstance(error.args[0], OSError) else OSError(str(error)) from error


def _cells(header: Sequence[str], rows: Iterable[Sequence[str]], texts: frozenset[str]) -> Iterator[list[Any]]:
    is_text = [name in texts and name != "included" for name in header]
    for row in rows:
        yield [restored(text) if plain else _value(text) for text, plain in zip(row, is_text, strict=True)]


def _value(text: str) -> Any:
    if text in ("true", "false"):
        return text == "true"
    try:
        number = float(text) if text else None
    except ValueError:
        return restored(text)
    return number if number is None or math.isfinite(number) else text


def _fill(
    sheet: Any,
    header: Sequence[str],
    rows: Iterable[Sequence[Any]],
    formats: Mapping[str, Any],
    source: str,
    widths: Sequence[int] = (),
) -> None:
    for column, name in enumerate(header):
        sheet.set_column(column, column, widths[column] if widths else max(_WIDTH, min(len(name) + 2, 32)))
    sheet.freeze_panes(1, 0)
    for column, name in enumerate(header):
        sheet.write_string(0, column, name, formats["head"])
    for number, row in enumerate(rows, start=1):
        if number == MOST_ROWS - 1:  # Excel has no room for more than this one
            sheet.write_string(number, 0, f"Excel's sheets end here: {source} has all rows")
            return
        for column, value in enumerate(row):
            if isinstance(value, bool):
                sheet.write_boolean(number, column, value)
            elif isinstance(value, float):
                sheet.write_number(number, column, value)
            elif value:
                signed = formats["sign"] if value[0] in "=+-@\t\r" else None
                sheet.write_string(number, column, value[:MOST_CHARACTERS], signed)


def _identity(files: Iterable[Path], entries: Sequence[Entry]) -> str:
    digest = hashlib.sha256(repr(entries).encode())
    for file in files:
        digest.update(file.name.encode())
        with file.open("rb") as content:
            digest.update(hashlib.file_digest(content, "sha256").digest())
    return digest.hexdigest()


def _identity_in(path: Path) -> str:
    """The identity of the tables that a workbook was made of; empty if it cannot be told."""
    try:
        with zipfile.ZipFile(path) as archive:
            text = archive.read("docProps/core.xml").decode()
    except (OSError, KeyError, zipfile.BadZipFile, UnicodeDecodeError):
        return ""
    return text.partition("<cp:keywords>")[2].partition("</cp:keywords>")[0]
