"""How fast the window follows: a step of the threshold, a change of stain, on a picture of 2048 × 2048 px.

    xvfb-run python benchmarks/napari_preview.py

Median of 30: from the slider's move to the new mask, and from another set of stains to the new plane and mask; until
the layers hold it, and until the canvas has drawn it (without a graphics card the processor draws, slowly). And how
long the window did not answer while it measured.
"""

from __future__ import annotations

import statistics
import tempfile
import time
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

from brightfield import PICTURES, PIXEL_SIZE_UM, mirrored
from napari_exoimage import session as steps
from napari_exoimage.launch import show
from qtpy.QtCore import QTimer
from qtpy.QtWidgets import QApplication
from vispy import gloo

from exoimage.images.image import Image
from exoimage.images.writing import write_image

REPEATS = 30
TICK_MS = 5


def settle(widget: Any, seconds: float = 60) -> None:
    end = time.monotonic() + seconds
    QApplication.processEvents()
    while widget.controller.is_busy and time.monotonic() < end:
        QApplication.processEvents()
        time.sleep(0.002)
    QApplication.processEvents()


class Canvas:
    """Tells when the canvas has drawn what the layers hold."""

    def __init__(self, viewer: Any) -> None:
        self._count = 0
        viewer.window._qt_viewer.canvas._scene_canvas.events.draw.connect(self._drew, position="last")

    def wait(self) -> None:
        """Until the canvas is drawn, 2 s at most."""
        before, end = self._count, time.monotonic() + 2
        while self._count == before and time.monotonic() < end:
            QApplication.processEvents()
        gloo.gl.glFinish()

    def _drew(self, _: Any) -> None:
        self._count += 1


def median_ms(work: Callable[[int], None], canvas: Canvas) -> tuple[float, float]:
    """Until the layers hold it, and until it is on the screen."""
    held, shown = [], []
    for number in range(REPEATS):
        began = time.perf_counter()
        work(number)
        held.append(1e3 * (time.perf_counter() - began))
        canvas.wait()
        shown.append(1e3 * (time.perf_counter() - began))
    return statistics.median(held), statistics.median(shown)


def longest_pause_ms(work: Callable[[], None]) -> float:
    """The longest time between two answers of the window while something is under way."""
    ticks = [time.perf_counter()]
    timer = QTimer()
    timer.setInterval(TICK_MS)
    timer.timeout.connect(lambda: ticks.append(time.perf_counter()))
    timer.start()
    work()
    timer.stop()
    return 1e3 * max(later - sooner for sooner, later in pairwise(ticks))


def say(what: str, times: tuple[float, float]) -> None:
    print(f"{what:16s}{times[0]:6.0f} ms, on the screen {times[1]:6.0f} ms")


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "field.tif"
        write_image(path, Image(mirrored(PICTURES["alizarin-red"]()), pixel_size=PIXEL_SIZE_UM))
        viewer, widget = show([str(path)], "alizarin-red")
        settle(widget)
        controller, canvas = widget.controller, Canvas(viewer)

        def threshold_step(number: int) -> None:
            controller.drag_cut(0.15 + 0.005 * number)

        threshold_step(0)
        say("threshold step", median_ms(threshold_step, canvas))
        settle(widget)

        def stain_change(number: int) -> None:
            vector = [0.25 + 0.004 * number, 0.82, 0.52]
            value = {"method": "vectors", "names": ["red", "grey"], "vectors": [vector, [1, 1, 1]], "target": "red"}
            session = steps.with_value(controller.session, "stains", value)
            seen = controller.bench.look(session)
            controller.layers.show_look(seen.look, visible=True)

        stain_change(0)
        say("change of stain", median_ms(stain_change, canvas))

        def measuring() -> None:
            for number in range(3):
                od = 0.2 + 0.02 * number
                controller.do(lambda s, od=od: steps.with_value(s, "threshold", {"method": "fixed", "od": od}))
                settle(widget)

        print(f"longest pause   {longest_pause_ms(measuring):6.0f} ms while measuring")
        viewer.close()


if __name__ == "__main__":
    main()
