"""Tables of measurements in Excel workbooks (.xlsx)."""

from __future__ import annotations

import zipfile
from pathlib import Path
from typing import Any

from exoimage.errors import StudyError


def workbook_rows(place: Path) -> list[list[str]]:
    """The cells of a workbook's first sheet as text, its header row first; empty rows are left out.

    Parameters
    ----------
    place : Path
        An ``.xlsx``; formulas give the value that Excel last computed.

    Raises
    ------
    StudyError
        If it cannot be read.
    """
    import openpyxl
    from openpyxl.utils.exceptions import InvalidFileException

    try:
        book = openpyxl.load_workbook(place, read_only=True, data_only=True)
    except (InvalidFileException, zipfile.BadZipFile, KeyError, ValueError, OSError):
        raise StudyError(f"{place}: this Excel workbook cannot be read; save it as CSV") from None
    try:
        sheet = book.worksheets[0]
        rows = [[_text(value) for value in row] for row in sheet.iter_rows(values_only=True)]
    finally:
        book.close()
    return [row for row in rows if any(row)]


def _text(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value).strip()
