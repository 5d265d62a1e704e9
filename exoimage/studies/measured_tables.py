"""Tables of measurements as a lab has them: our images.csv, ImageJ's Results and Summary, perhaps saved by Excel."""

from __future__ import annotations

import csv
import re
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from exoimage.errors import StudyError
from exoimage.images.discovery import IMAGE_SUFFIXES
from exoimage.studies.csv_tables import restored
from exoimage.studies.measured_workbooks import workbook_rows

T = TypeVar("T")

NAME_COLUMNS = ("image", "label", "filename", "file", "file name", "title", "slice")
"""What a column that names the image is called, in order of preference; upper or lower case."""

_SUFFIXES = (*IMAGE_SUFFIXES, ".gif", ".lsm", ".czi", ".lif", ".nd2", ".oib", ".oif", ".vsi", ".zvi", ".dcm", ".scn")
_NUMBERS = {
    mark: re.compile(rf"[+-]?(\d+|\d*{re.escape(mark)}\d+|\d+{re.escape(mark)})([eE][+-]?\d+)?") for mark in ".,"
}
_PLAIN = {  # what cannot be a thousands' separator: 12.5, 0.123, 1234.567, 1.234e-05
    mark: re.compile(rf"[+-]?(\d*{m}(\d{{1,2}}|\d{{4,}})|0*{m}\d+|\d{{4,}}{m}\d+|\d*{m}\d+[eE][+-]?\d+)([eE][+-]?\d+)?")
    for mark, m in ((".", r"\."), (",", ","))
}
_NO_VALUE = frozenset({"", "nan", "na", "n/a", "-", "none", "infinity", "-infinity", "inf", "-inf", "undetermined"})


@dataclass(frozen=True)
class MeasuredTable:
    """A table read from a file, its cells still text.

    Parameters
    ----------
    source : str
        The file's name, for messages.
    header : tuple of str
    rows : tuple of tuple of str
        As long as the header.
    delimiter : str
        What parts the cells.
    """

    source: str
    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    delimiter: str = ","

    def texts(self, column: str) -> tuple[str, ...]:
        """The cells of a column.

        Raises
        ------
        StudyError
            If there is no column of that name, or several.
        """
        index = self._index(column)
        return tuple(row[index] for row in self.rows)

    def numbers(self, column: str) -> tuple[float | None, ...]:
        """The cells of a column as numbers; None where a cell is empty or says that there is no number.

        Raises
        ------
        StudyError
            If there is no such column, or a cell is not a number, or may be two numbers: ``1,234`` where nothing in the
            table shows what the comma means.
        """
        texts = self.texts(column)
        mark = self._decimal_mark(texts)
        return tuple(self._number(text, mark, column, row) for row, text in enumerate(texts, start=1))

    def name_column(self, wanted: str | None = None) -> str:
        """The column that names the image.

        Raises
        ------
        StudyError
            If there is none.
        """
        if wanted is not None:
            return self.header[self._index(wanted)]
        by_lower = {name.lower(): name for name in reversed(self.header)}
        for candidate in NAME_COLUMNS:
            name = by_lower.get(candidate)
            if name is not None and not (candidate == "slice" and _all_numbers(self.texts(name))):
                return name
        raise StudyError(
            f"{self.source}: no column names the image; it has {', '.join(map(repr, self.header))}. In ImageJ, tick"
            " 'Display label' in Analyze > Set Measurements; or say which column it is (key)"
        )

    def _index(self, column: str) -> int:
        found = [k for k, name in enumerate(self.header) if name == column]
        found = found or [k for k, name in enumerate(self.header) if name.lower() == column.strip().lower()]
        if len(found) != 1:
            what = "no column" if not found else f"{len(found)} columns"
            raise StudyError(f"{self.source}: {what} {column!r}; it has {', '.join(map(repr, self.header))}")
        return found[0]

    def _decimal_mark(self, texts: Sequence[str]) -> str:
        """The decimal mark of a column, from its own cells or else the table's; empty where it stays unknown."""
        for cells in (texts, [cell for row in self.rows for cell in row]):
            shown = [mark for mark in ".," if any(_PLAIN[mark].fullmatch(cell) for cell in cells)]
            if shown:
                return shown[0] if len(shown) == 1 else ""
        if self.delimiter == ";":  # written where the comma is the decimal mark; but a dot may be either
            return "" if any("." in text for text in texts) else ","
        return "" if any("," in text for text in texts) else "."

    def _number(self, text: str, mark: str, column: str, row: int) -> float | None:
        if text.lower() in _NO_VALUE:
            return None
        if mark and _NUMBERS[mark].fullmatch(text):
            return float(text.replace(",", "."))
        if _NUMBERS["."].fullmatch(text) and _NUMBERS[","].fullmatch(text):  # no mark in it
            return float(text)
        why = "is no number"
        if any(pattern.fullmatch(text) for pattern in _NUMBERS.values()):
            why = "could be two numbers; save the table with a dot as decimal mark, without thousands"
        raise StudyError(f"{self.source}: {text!r} in row {row} of column {column!r} {why}")


@dataclass(frozen=True)
class RowName:
    """Which picture, and which part of it, a row is about.

    Parameters
    ----------
    text : str
        As the table has it.
    image : str
        The picture's name without folder, suffix, ImageJ's additions, and upper case.
    region : str
        The part, in lower case; empty for the whole picture. ImageJ writes it behind a colon.
    shown : str
        For messages.
    """

    text: str
    image: str
    region: str
    shown: str


def read_measured_table(path: str | Path) -> MeasuredTable:
    """Read a table of measurements with a header row, separated by commas, semicolons or tabs.

    Parameters
    ----------
    path : path
        Ours (``images.csv``) or ImageJ's (``Results.csv``; ``.xls`` and ``.txt``, which are tab-separated text), with a
        dot or a comma as decimal mark; or the first sheet of an ``.xlsx``.

    Returns
    -------
    MeasuredTable

    Raises
    ------
    StudyError
        If the file cannot be read, is an old Excel workbook, or holds no rows.
    """
    place = Path(path)
    table, delimiter = _cells_of(place)
    header, *rows = [[restored(cell) for cell in row] for row in table]
    if rows and all(len(row) == len(header) + 1 for row in rows):  # row numbers without a name
        header = ["", *header]
    for number, row in enumerate(rows, start=1):
        if len(row) > len(header) and any(row[len(header) :]):
            raise StudyError(f"{place}: row {number} has {len(row)} cells under {len(header)} column names")
    width = len(header)
    cells = tuple(tuple((row + [""] * width)[:width]) for row in rows)
    return MeasuredTable(str(place), tuple(header), cells, delimiter)


def _cells_of(place: Path) -> tuple[list[list[str]], str]:
    """The rows of a file, the header first, and what parts their cells."""
    if _starts_with(place, b"PK\x03\x04"):
        return _two_or_more(place, workbook_rows(place)), ","
    lines = [line for line in _text_of(place).splitlines() if line.strip()]
    if lines and re.fullmatch(r"sep=.", lines[0].strip()):  # for Excel
        lines = lines[1:]
    delimiter = max("\t;,", key=_two_or_more(place, lines)[0].count)
    try:
        return [[cell.strip() for cell in row] for row in csv.reader(lines, delimiter=delimiter)], delimiter
    except csv.Error as error:
        raise StudyError(f"{place}: not a table of text ({error})") from None


def _two_or_more(place: Path, lines: list[T]) -> list[T]:
    if len(lines) < 2:
        raise StudyError(f"{place}: a table has a header row and at least one row; this file has {len(lines)} lines")
    return lines


def _starts_with(place: Path, magic: bytes) -> bool:
    try:
        with place.open("rb") as file:
            return file.read(len(magic)) == magic
    except OSError as error:
        raise StudyError(f"{place}: cannot be read ({error.strerror or error})") from None


def row_names(table: MeasuredTable, key: str | None = None) -> tuple[RowName, ...]:
    """Which picture each row is about.

    Parameters
    ----------
    table : MeasuredTable
    key : str, optional
        The column that names the picture. Default: the first of `NAME_COLUMNS` that it has.

    Raises
    ------
    StudyError
        If there is no such column, or a row names no picture.

    Examples
    --------
    >>> table = MeasuredTable("Results.csv", ("Label",), (("Well_1.TIF-(Colour_2):A1",),))
    >>> row_names(table)[0].image, row_names(table)[0].region
    ('well_1', 'a1')
    """
    column = table.name_column(key)
    texts = table.texts(column)
    has_regions = "region" in table.header
    regions = table.texts("region") if has_regions else ("",) * len(texts)
    for number, text in enumerate(texts, start=1):
        if not text:
            raise StudyError(f"{table.source}: row {number} has nothing in column {column!r}: which image is it?")
    return tuple(_row_name(text, region, has_regions) for text, region in zip(texts, regions, strict=True))


def _row_name(text: str, region: str, has_regions: bool) -> RowName:
    drive, rest = re.fullmatch(r"([A-Za-z]:(?=[\\/]))?(.*)", text, re.DOTALL).groups()  # type: ignore[union-attr]
    if has_regions:
        shown = text if region in ("", "whole") else f"{text} ({region})"
        return RowName(text, _bare(rest), "" if region == "whole" else _folded(region), shown)
    file, _, label = rest.partition(":")
    if _has_suffix(label):  # a stack made of a folder: each slice is called after its file
        return RowName(label, _bare(label), "", text)
    return RowName((drive or "") + file, _bare(file), _folded(label), text)


def _has_suffix(name: str) -> bool:
    return name.lower().endswith(_SUFFIXES)


def _bare(file: str) -> str:
    """A file's name without folder, suffix and what ImageJ adds to the titles of pictures it makes of it."""
    name = _folded(file.replace("\\", "/").rsplit("/", 1)[-1])
    name = re.sub(r"( \(rgb\))?-\(colou?r_\d\)a?$| \(rgb\)$", "", name)
    for suffix in _SUFFIXES:
        if name.endswith(suffix) and name != suffix:
            return name[: -len(suffix)].removesuffix(".ome")
    return name


def _folded(text: str) -> str:
    return unicodedata.normalize("NFC", text).casefold().strip()


def _text_of(place: Path) -> str:
    try:
        data = place.read_bytes()
    except OSError as error:
        raise StudyError(f"{place}: cannot be read ({error.strerror or error})") from None
    if data.startswith(b"\xd0\xcf\x11\xe0"):
        raise StudyError(
            f"{place}: this is an old Excel workbook; save it as .xlsx or CSV (ImageJ's own .xls files are text)"
        )
    encodings = ("utf-16",) if data.startswith((b"\xff\xfe", b"\xfe\xff")) else ("utf-8-sig", "cp1252", "latin-1")
    for encoding in encodings:
        try:
            text = data.decode(encoding)
        except UnicodeDecodeError:
            continue
        if "\x00" not in text:
            return text
    raise StudyError(f"{place}: not a table of text; give a .csv, or ImageJ's .xls or .txt")


def _all_numbers(texts: Iterable[str]) -> bool:
    return all(text.lower() in _NO_VALUE or _NUMBERS["."].fullmatch(text) for text in texts)


def listed(names: Sequence[str], most: int = 5) -> str:
    """Some names and how many more, for messages.

    Examples
    --------
    >>> listed(["a", "b", "c"], most=2)
    'a, b and 1 more'
    """
    rest = len(names) - most
    return ", ".join(names[:most]) + (f" and {rest} more" if rest > 0 else "")
