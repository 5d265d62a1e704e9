"""Every assay's window as a picture, to be looked at: ``xvfb-run python plugins/napari/screenshots.py [ASSAY ...]``.

They go into ``plugins/napari/screenshots/``, which is not part of the project.
"""

from __future__ import annotations

import shutil
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from exoimage.assays.registry import ASSAYS
from qtpy.QtWidgets import QApplication

from napari_exoimage.launch import show

HERE = Path(__file__).resolve().parent
STUDIES = HERE.parents[1] / "test_images"
SIZE = (1440, 900)


def settle(widget: Any, seconds: float = 120) -> None:
    end = time.monotonic() + seconds
    for _ in range(20):
        QApplication.processEvents()
        time.sleep(0.02)
    while (widget.controller.is_busy or widget.study.runner.is_busy) and time.monotonic() < end:
        QApplication.processEvents()
        time.sleep(0.01)
    for _ in range(20):
        QApplication.processEvents()
        time.sleep(0.02)


def shoot(assay: str, out: Path) -> None:
    """The window of an assay's demo study, on each page; without one, of its first picture."""
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch) / assay
        demo = STUDIES / ("alizarin_red" if assay == "stain-area" else assay.replace("-", "_"))
        shutil.copytree(demo, folder)
        paths = [str(folder / "study.toml")]
        if assay == "stain-area":
            paths = [str(sorted((folder / "images").iterdir())[-1])]
        viewer, widget = show(paths, assay if assay == "stain-area" else "")
        viewer.window.resize(*SIZE)
        settle(widget)
        viewer.reset_view()
        for number, page in enumerate(("numbers", "recipe", "draw", "study")):
            widget.pages.setCurrentIndex(number)
            settle(widget)
            viewer.screenshot(str(out / f"{assay}-{page}.png"), canvas_only=False)
        widget.pages.setCurrentIndex(0)
        if widget.cut.isVisible():
            low, high = widget.cut.slider.minimum(), widget.cut.slider.maximum()
            widget.cut.slider.setValue(low + 0.35 * (high - low))
            QApplication.processEvents()
            viewer.screenshot(str(out / f"{assay}-dragging.png"), canvas_only=False)
        settle(widget)
        viewer.close()


def main() -> None:
    out = HERE / "screenshots"
    out.mkdir(exist_ok=True)
    for assay in sys.argv[1:] or ASSAYS:
        shoot(assay, out)
        print(out / f"{assay}-numbers.png")


if __name__ == "__main__":
    main()
