"""Tables as CSV that any program reads as what they are.

A cell of text that begins with ``=``, ``+``, ``-``, ``@``, a tab or a carriage return would be taken for a formula by
Excel and its like (a file called ``=cmd.tif`` could run one). Such a cell is written with an apostrophe before it,
and exoimage takes the apostrophe away when it reads its tables: names come back as they were.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from exoimage.assays.columns import Value
from exoimage.images.writing import write_whole

_DANGEROUS = re.compile(r"'*[=+\-@\t\r].", re.DOTALL)
_NEUTRAL = re.compile(r"'+[=+\-@\t\r].", re.DOTALL)


def neutral(text: str) -> str:
    """Text that no spreadsheet takes for a formula; a lone sign stays, because it is none.

    Examples
    --------
    >>> neutral("=1+2"), neutral("+Exos"), neutral("'=1"), neutral("-"), neutral("PMO+Exos")
    ("'=1+2", "'+Exos", "''=1", '-', 'PMO+Exos')
    """
    return f"'{text}" if _DANGEROUS.match(text) else text


def restored(text: str) -> str:
    """What `neutral` was given.

    Examples
    --------
    >>> restored("'=1+2"), restored("''=1"), restored("'quoted'")
    ('=1+2', "'=1", "'quoted'")
    """
    return text[1:] if _NEUTRAL.match(text) else text


def cell(value: Value) -> str:
    """A value as a cell: a dot as decimal mark, all digits, nothing for what is unknown."""
    if isinstance(value, float):
        return repr(float(value))  # NumPy's say their type
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    return neutral(value) if isinstance(value, str) else str(value)


def write_csv(path: Path, header: Sequence[str], rows: Iterable[Mapping[str, Value]]) -> None:
    """Write a table as UTF-8 CSV, with a header row, a dot as decimal mark and empty cells for what is unknown."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow([neutral(name) for name in header])
    writer.writerows([cell(row.get(name)) for name in header] for row in rows)
    write_whole(path, text.getvalue().encode())
