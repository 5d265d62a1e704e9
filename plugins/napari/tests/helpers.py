"""What the tests compare: the window's numbers and those of the command line."""

from __future__ import annotations

import csv
import itertools
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


def drag(viewer: Any, points: list[tuple[float, float]], steps: int = 6) -> None:
    """Press the left button on the canvas, move along places (y, x in the viewer's world), release it."""
    from qtpy.QtCore import QPoint, Qt
    from qtpy.QtTest import QTest
    from qtpy.QtWidgets import QApplication

    canvas = viewer.window._qt_viewer.canvas
    camera = getattr(viewer, "scene", viewer).camera
    width, height = canvas.native.width(), canvas.native.height()

    def on_canvas(place: tuple[float, float]) -> QPoint:
        y, x = ((one - middle) * camera.zoom for one, middle in zip(place, camera.center[-2:], strict=True))
        return QPoint(round(width / 2 + x), round(height / 2 + y))

    def between(begin: tuple[float, float], end: tuple[float, float]) -> list[tuple[float, float]]:
        shares = [number / steps for number in range(1, steps + 1)]
        return [(begin[0] + (end[0] - begin[0]) * one, begin[1] + (end[1] - begin[1]) * one) for one in shares]

    places = [points[0], *(one for pair in itertools.pairwise(points) for one in between(*pair))]
    QApplication.processEvents()
    QTest.mouseMove(canvas.native, on_canvas(places[0]))
    QApplication.processEvents()
    QTest.mousePress(canvas.native, Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier, on_canvas(places[0]))
    for place in places[1:]:
        QTest.mouseMove(canvas.native, on_canvas(place))
        QApplication.processEvents()
    QTest.mouseRelease(canvas.native, Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier, on_canvas(places[-1]))
    QApplication.processEvents()
