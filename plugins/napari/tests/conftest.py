"""A real napari window for every test that asks for one; needs a display (xvfb-run)."""

from __future__ import annotations

import contextlib
import gc
import os
import shutil
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[3]

os.environ.setdefault("NAPARI_CONFIG", "")


@pytest.fixture
def open_window() -> Iterator[Callable[..., Any]]:
    """Open paths in a window; every window is closed again."""
    if sys.platform == "linux" and not os.environ.get("DISPLAY"):
        pytest.skip("no display: run under xvfb-run")
    from napari_exoimage.launch import show

    opened = []

    def opening(paths: Any = (), assay: str = "") -> Any:
        viewer, widget = show([str(path) for path in paths], assay)
        opened.append((viewer, widget))
        settle(widget)
        return viewer, widget

    yield opening
    for viewer, widget in opened:
        widget.close_work()
        with contextlib.suppress(RuntimeError):  # a test has closed it
            viewer.close()
    opened.clear()
    gc.collect()


def settle(widget: Any, seconds: float = 90) -> None:
    """Until nothing is under way any more."""
    from qtpy.QtWidgets import QApplication

    end = time.monotonic() + seconds
    QApplication.processEvents()
    while widget.controller.is_busy or widget.study.runner.is_busy or widget.draw.live.is_busy:
        assert time.monotonic() < end, f"still busy: {widget.message.text()}"
        QApplication.processEvents()
        time.sleep(0.005)
    QApplication.processEvents()


@pytest.fixture
def demo(tmp_path: Path) -> Callable[[str], Path]:
    """A copy of a demo study, in which files may be written."""

    def copied(name: str, keep: int = 0) -> Path:
        folder = tmp_path / name
        shutil.copytree(ROOT / "test_images" / name, folder)
        if keep:
            for path in sorted((folder / "images").iterdir())[keep:]:
                path.unlink()
        return folder

    return copied
