"""Tables of measurements as others left them: our images.csv, ImageJ's Results and Summary, saved again by Excel or not."""

from __future__ import annotations

import csv
import math
import re
import unicodedata
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from exoimage.errors import StudyError
from exoimage.images.discovery import IMAGE_SUFFIXES

NAME_COLUMNS = ("image", "label", "filename", "file", "file name", "title", "slice")
"""What a column that names the image is called, in order of preference; upper or lower case."""

_SUFFIXES = (*IMAGE_SUFFIXES, ".gif", ".lsm", ".czi", ".lif", ".nd2", ".oib", ".oif", ".vsi", ".zvi", ".dcm", ".scn")
_NUMBER_WITH_COMMA = re.compile(r"[+-]?\d*,\d+([eE][+-]?\d+)?|[+-]?\d+")
_PLAINLY_DECIMAL = re.compile(r"[+-]?(\d*,(\d{1,2}|\d{4,})|0*,\d+|\d{4,},\d+)([eE][+-]?\d+)?")
_NO_VALUE = frozenset({"", "nan", "na", "n/a", "-", "none"})


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
    has_decimal_comma : bool
        Whether the cells show that a comma is the decimal mark here.
    """

    source: str
    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    has_decimal_comma: bool = False

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
            If there is no such column, or a cell is not a number, or may be two numbers (``1,234``).
        """
        texts = self.texts(column)
        parse = _decimal_comma if self.has_decimal_comma and not _all_numbers(texts) else float
        return tuple(self._number(text, parse, column, row) for row, text in enumerate(texts, start=1))

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

    def _number(self, text: str, parse: Callable[[str], float], column: str, row: int) -> float | None:
        if text.lower() in _NO_VALUE:
            return None
        try:
            number = parse(text)
        except ValueError:
            why = (
                " could be two numbers: write it without a comma"
                if _NUMBER_WITH_COMMA.fullmatch(text)
                else " is no number"
            )
            raise StudyError(f"{self.source}: {text!r} in row {row} of column {column!r}{why}") from None
        return None if math.isnan(number) else number


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
        dot or a comma as decimal mark.

    Returns
    -------
    MeasuredTable

    Raises
    ------
    StudyError
        If the file cannot be read, is a real Excel workbook, or holds no rows.
    """
    place = Path(path)
    lines = [line for line in _text_of(place).splitlines() if line.strip()]
    if lines and re.fullmatch(r"sep=.", lines[0].strip()):  # for Excel
        lines = lines[1:]
    if len(lines) < 2:
        raise StudyError(f"{place}: a table has a header row and at least one row; this file has {len(lines)} lines")
    delimiter = max("\t;,", key=lines[0].count)
    try:
        header, *rows = [[cell.strip() for cell in row] for row in csv.reader(lines, delimiter=delimiter)]
    except csv.Error as error:
        raise StudyError(f"{place}: not a table of text ({error})") from None
    if rows and all(len(row) == len(header) + 1 for row in rows):  # row numbers without a name
        header = ["", *header]
    for number, row in enumerate(rows, start=1):
        if len(row) > len(header) and any(row[len(header) :]):
            raise StudyError(f"{place}: row {number} has {len(row)} cells under {len(header)} column names")
    width = len(header)
    cells = tuple(tuple((row + [""] * width)[:width]) for row in rows)
    decimal_comma = delimiter == ";" or any(_PLAINLY_DECIMAL.fullmatch(cell) for row in cells for cell in row)
    return MeasuredTable(str(place), tuple(header), cells, decimal_comma)


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
    file, _, label = (rest, "", "") if has_regions else rest.partition(":")
    part = region if has_regions else label
    shown = f"{text} ({region})" if has_regions and region not in ("", "whole") else text
    return RowName((drive or "") + file, _bare(file), "" if part == "whole" else _folded(part), shown)


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
    if data.startswith((b"\xd0\xcf\x11\xe0", b"PK\x03\x04")):
        raise StudyError(f"{place}: this is an Excel workbook; save it as CSV (ImageJ's own .xls files are text)")
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
    return all(text.lower() in _NO_VALUE or _is_number(text) for text in texts)


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _decimal_comma(text: str) -> float:
    if not _NUMBER_WITH_COMMA.fullmatch(text):
        raise ValueError(text)
    return float(text.replace(",", "."))


def listed(names: Sequence[str], most: int = 5) -> str:
    """Some names and how many more, for messages.

    Examples
    --------
    >>> listed(["a", "b", "c"], most=2)
    'a, b and 1 more'
    """
    rest = len(names) - most
    return ", ".join(names[:most]) + (f" and {rest} more" if rest > 0 else "")
