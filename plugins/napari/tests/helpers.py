"""What the tests compare: the window's numbers and those of the command line."""

from __future__ import annotations

import csv
import shlex
from pathlib import Path
from typing import Any

from exoimage.cli import main
from exoimage.studies.csv_tables import cell


def command_rows(command: str) -> list[dict[str, str]]:
    """Run a copied command line; the rows of its images.csv."""
    words = shlex.split(command)
    assert words[0] == "exoimage"
    assert main([*words[1:], "--quiet", "--jobs", "1", "--tables-only"]) == 0
    return rows_of(Path(words[words.index("--out") + 1]))


def rows_of(folder: Path) -> list[dict[str, str]]:
    with (folder / "images.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def assert_same_row(counted: Any, row: dict[str, str], place: int = 0) -> None:
    """The window's numbers of a region, written as a table writes them, are the row's."""
    region = counted.result.regions[place]
    assert row["status"] == "ok", row["error"]
    assert region.region == row["region"]
    assert " ".join(map(str, region.flags)) == row["flags"]
    columns = [name for name in region.values if name in row]
    assert len(columns) > 5
    assert {name: cell(_plain(region.values[name])) for name in columns} == {name: row[name] for name in columns}


def _plain(value: Any) -> Any:
    from exoimage.studies.store import plain

    return plain(value)
