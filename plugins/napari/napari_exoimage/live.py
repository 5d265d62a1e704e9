"""Scribbles that train live: after each stroke the tissue is told apart anew, first around what is looked at."""

from __future__ import annotations

from typing import Any

from exoimage.assays.live_tissue import Patch, learning, told
from exoimage.images.image import Image
from qtpy.QtCore import QObject, QTimer

from napari_exoimage import adapter
from napari_exoimage.background import Latest
from napari_exoimage.controller import Controller
from napari_exoimage.drawing import TISSUE_NAMES
from napari_exoimage.layers import TISSUE
from napari_exoimage.session import Session

STROKE_MS = 300
"""So long after the last stroke learning begins: a person paints several in a row."""


class LiveTissue(QObject):
    """Shows what the scribbles would tell apart; the newest stroke wins, nothing is kept.

    Parameters
    ----------
    controller : Controller
    """

    def __init__(self, controller: Controller) -> None:
        super().__init__()
        self._controller = controller
        self._on = True
        self._learnt: Any = None
        self._scribbles: Any = None
        self._image = ""
        self._worker = Latest(self)
        self._worker.yielded.connect(self._show)
        self._worker.failed.connect(self._fail)
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(STROKE_MS)
        self._timer.timeout.connect(self._learn)
        controller.changed.connect(self._follow)

    @property
    def is_busy(self) -> bool:
        """Whether something is still being learnt or shown."""
        return self._timer.isActive() or self._worker.is_busy

    def watch(self, layer: Any) -> None:
        """Learn from a labels layer from now on, whenever a stroke on it has ended."""
        if layer is self._scribbles:
            return
        self._scribbles, self._learnt, self._image = layer, None, self._controller.session.current
        # napari tells of a stroke when the mouse is released, and of one that was undone only as of other data.
        for event in (layer.events.paint, layer.events.set_data):
            event.connect(self._stroked)

    def switch(self, on: bool) -> None:
        """Learn live, or not."""
        self._on = on
        if on:
            self._learnt = None
            self._timer.start()
        else:
            self.stop()

    def stop(self) -> None:
        """End what is being learnt, and take away what it showed."""
        self._timer.stop()
        self._worker.stop()
        self._controller.layers.remove(TISSUE)

    def close(self) -> None:
        """End everything and wait for it."""
        self._timer.stop()
        self._worker.close()

    def _stroked(self, *_: Any) -> None:
        if self._on:
            self._timer.start()

    def _follow(self, session: Session) -> None:
        """Another image has strokes of its own."""
        if self._scribbles is not None and (session.current != self._image or session.recipe.assay not in TISSUE_NAMES):
            self._scribbles = None
            self.stop()

    def _learn(self) -> None:
        seen, image = self._controller.last_seen, self._controller.picture
        if self._scribbles is None or seen is None or not isinstance(image, Image):
            return
        scribbles = adapter.drawn_labels(self._scribbles.data)
        if self._learnt is not None and adapter.are_equal(scribbles, self._learnt):
            return
        self._learnt = scribbles
        classes = told(scribbles)
        if len(classes) < 2:
            self.stop()
            return
        self._controller.say(self._said(classes))
        recipe, centre = seen.look.recipe, self._controller.layers.centre
        self._worker.start(lambda: learning(recipe, image, scribbles, centre))

    def _said(self, classes: tuple[int, ...]) -> str:
        names = TISSUE_NAMES[self._controller.session.recipe.assay]
        missing = [name for number, name in enumerate(names, start=1) if number not in classes]
        more = f"; scribble {', '.join(missing)}, too" if missing else "; Train keeps it and measures by it"
        return f"learnt from the scribbles{more}"

    def _show(self, patch: Patch) -> None:
        self._controller.layers.show_tissue(patch.classes, patch.top, patch.left)

    def _fail(self, error: Exception) -> None:
        self._controller.tell(error)
