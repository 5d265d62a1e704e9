"""What the panels share: the session, the work in the background, and what is told when something changes."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

from exoimage.assays.looking import Look
from exoimage.errors import ExoimageError
from exoimage.studies.passes import Event
from exoimage.studies.study import override_flags
from qtpy.QtCore import QObject, QTimer, Signal

from napari_exoimage import session as steps
from napari_exoimage.background import Latest
from napari_exoimage.bench import Bench, Decided, deciding, needs_others
from napari_exoimage.history import History
from napari_exoimage.layers import Layers
from napari_exoimage.session import Session
from napari_exoimage.sights import Counted, Opened, Picture, Progress, Seen, Unmeasured

PREVIEW_MS, COMMIT_MS = 40, 250
"""So long after the last change the preview is made anew, and a dragged cut is written into the recipe."""

Step = Callable[[Session], Session]


class Controller(QObject):
    """The open session in a viewer.

    Signals
    -------
    changed : a Session
        Something of it has changed, or another is open.
    seen, counted : Seen, Counted
        What the shown image gives.
    unmeasured
        It is a whole slide, which is measured when a person asks for it.
    said : str, bool
        Something to be told, and whether it is a problem.
    picked : int
        The object that was clicked.
    """

    changed = Signal(object)
    seen = Signal(object)
    counted = Signal(object)
    unmeasured = Signal()
    said = Signal(str, bool)
    picked = Signal(int)
    painted = Signal()

    def __init__(self, viewer: Any) -> None:
        super().__init__()
        self.layers = Layers(viewer, self.has_painted, self.picked.emit)
        self.bench = Bench()
        self.history: History | None = None
        self.last_seen: Seen | None = None
        self.last_counted: Counted | None = None
        self.picture: Picture | None = None
        self.is_painted = False
        self._scratch = steps.scratch_folder()
        self._previews, self._decisions = Latest(self), Latest(self)
        self._previews.yielded.connect(self._show)
        self._previews.failed.connect(self._fail)
        self._decisions.yielded.connect(self._note_decision)
        self._decisions.failed.connect(self._fail)
        self._preview_timer = _timer(self, PREVIEW_MS, self._preview)
        self._cut_timer = _timer(self, COMMIT_MS, self._commit_cut)
        self._dragged_to = math.nan
        self._counts_slides = False

    @property
    def session(self) -> Session:
        """What is open.

        Raises
        ------
        ExoimageError
            If nothing is.
        """
        if self.history is None:
            raise ExoimageError("open a picture, a folder or a study first")
        return self.history.present

    @property
    def is_open(self) -> bool:
        """Whether anything is open."""
        return self.history is not None

    @property
    def is_busy(self) -> bool:
        """Whether numbers are still on their way."""
        waiting = self._preview_timer.isActive() or self._cut_timer.isActive()
        return waiting or self._previews.is_busy or self._decisions.is_busy

    def open(self, make: Callable[[], Session]) -> str:
        """Open something else; says what is wrong with it, or nothing."""
        problem = self.keep_painting()
        if problem:
            return problem
        try:
            opened = make()
        except ExoimageError as error:
            return self.tell(error)
        self.history = History(opened)
        self.last_seen = self.last_counted = None
        self.is_painted = False
        self.say("")
        self._after_step()
        return ""

    def do(self, step: Step) -> str:
        """Change what is set; says what is wrong with it, or nothing."""
        return self._moved(lambda history: history.with_step(step(history.present)))

    def go(self, step: Step) -> str:
        """Change what is shown, or what is kept in files: no step of undo."""
        return self._moved(lambda history: history.with_place(step(history.present)))

    def show_image(self, step: Step) -> str:
        """Show another image; what was painted on this one is kept first."""
        return self.keep_painting() or self.go(step)

    def undo(self) -> None:
        """One step back."""
        self._moved(lambda history: history.undone)

    def redo(self) -> None:
        """One step forth."""
        self._moved(lambda history: history.redone)

    @property
    def is_dragging(self) -> bool:
        """Whether the cut is being dragged and not set yet."""
        return self._cut_timer.isActive()

    def drag_cut(self, cut: float) -> None:
        """Show at once what lies above a cut, and set it when it rests."""
        if self.last_seen is None or not self.last_seen.look.has_cut:
            return
        self.layers.show_above(cut, visible=True)
        self._dragged_to = cut
        self._cut_timer.start()

    def set_own_cut(self) -> str:
        """Set the cut as it is shown for this image alone: an explicit act that its rows tell of."""
        look = self._look()
        if look is None:
            return self.tell(ExoimageError("there is no cut to be set: the image is still being looked at"))
        self._cut_timer.stop()
        cut = look.cut if math.isnan(self._dragged_to) else self._dragged_to
        values = look.cut_values(cut)
        self._dragged_to = math.nan
        return self.do(lambda session: steps.with_own_values(session, values))

    def keep_painting(self) -> str:
        """Keep what was painted on the counted objects, if anything was; says what is wrong with it, or nothing.

        What cannot be kept stays painted, and can be kept again or dropped.
        """
        labels, counted = self.layers.counted, self.last_counted
        if not self.is_painted or labels is None or counted is None or not self.is_open:
            return ""
        data, key = labels.data, counted.session.current

        def keep(session: Session) -> Session:
            """Of the image that was painted on: another may be on its way to the window already."""
            kept = steps.keep_edit(steps.at(session, key), data, counted.image.pixel_size)
            return steps.at(kept, session.current)

        return self._without_painting(keep)

    def drop_painting(self) -> str:
        """Measure what is found again, whatever was painted, kept or not; says what is wrong with that, or nothing."""
        return self._without_painting(steps.drop_edit)

    def measure(self) -> str:
        """Keep what was painted, and measure the image anew."""
        if self._cut_timer.isActive():
            self._cut_timer.stop()
            self._commit_cut()
        problem = self.keep_painting()
        if self.is_open and not problem:
            self._counts_slides = True
            self._preview_timer.start()
        return problem

    def say(self, text: str, *, problem: bool = False) -> None:
        """Tell something; names stay hidden while they are."""
        if self.is_open and self.session.blinded:
            for image in self.session.study.images:
                for name in (*image.ref.files, image.ref.key, Path(image.ref.key).name):
                    text = text.replace(name, self.session.name_of(image.ref.key))
        self.said.emit(text, problem)

    def close(self) -> None:
        """Keep what was painted, end all work and wait for it."""
        self.keep_painting()
        for timer in (self._preview_timer, self._cut_timer):
            timer.stop()
        for worker in (self._previews, self._decisions):
            worker.close()
        self.bench.close()
        self._scratch.cleanup()

    def _without_painting(self, step: Step) -> str:
        """A step after which nothing is painted that is not kept; if it fails, that still is."""
        was_painted, self.is_painted = self.is_painted, False
        problem = self.go(step)
        self.is_painted = was_painted and bool(problem)
        return problem

    def _look(self) -> Look | None:
        return None if self.last_seen is None else self.last_seen.look

    def _commit_cut(self) -> None:
        look, cut = self._look(), self._dragged_to
        if look is None or math.isnan(cut):
            return
        self._dragged_to = math.nan
        values = look.cut_values(cut)
        # An image with a cut of its own keeps it its own; else all images get it.
        is_own = bool(self.is_open and override_flags(set(self.session.image.overrides) & set(values)))
        change = steps.with_own_values if is_own else steps.with_keys
        self.do(lambda session: change(session, values))

    def _moved(self, move: Callable[[History], History]) -> str:
        if self.history is None:
            return self.tell(ExoimageError("open a picture, a folder or a study first"))
        try:
            moved = move(self.history)
        except ExoimageError as error:
            return self.tell(error)
        self.history = moved
        self.say("")
        self._after_step()
        return ""

    def _after_step(self) -> None:
        self._counts_slides = False
        self.changed.emit(self.session)
        self._preview_timer.start()

    def _preview(self) -> None:
        if not self.is_open:
            return
        session, counts_slides = self.session, self._counts_slides
        self._previews.start(lambda: self.bench.steps(session, counts_slides=counts_slides))
        study = session.study
        if needs_others(study) and not self.bench.is_decided(study):
            self._decisions.start(lambda: deciding(study, Path(self._scratch.name)))
        else:
            self._decisions.stop()

    def _show(self, step: Opened | Seen | Progress | Unmeasured | Counted) -> None:
        if isinstance(step, Opened):
            self._show_opened(step.picture)
        elif isinstance(step, Seen):
            self._show_seen(step)
        elif isinstance(step, Progress):
            self.say(f"measuring the slide: {step.done} of {step.total} tiles")
        elif isinstance(step, Unmeasured):
            self.last_counted = None
            self.layers.hide_result()
            if self.last_seen is not None and self.last_seen.look.has_cut:
                self.layers.show_above(self.last_seen.look.cut, visible=True)
            self.unmeasured.emit()
        else:
            self._show_counted(step)

    def _show_opened(self, picture: Picture) -> None:
        if not self.layers.shows(picture):
            # The same image may be read anew, by another size of its pixels: what was painted goes with its layers.
            self.keep_painting()
            self.is_painted = False
        self.picture = picture
        self.layers.show_picture(picture)

    def _show_seen(self, seen: Seen) -> None:
        self.last_seen = seen
        if not self._cut_timer.isActive():
            self.layers.show_look(seen.look, visible=False)
        self.seen.emit(seen)

    def _show_counted(self, counted: Counted) -> None:
        if self._counts_slides and counted.is_tiled:
            self.say("")
        self._counts_slides = False
        self.last_counted = counted
        if not (self._cut_timer.isActive() or self.is_painted):
            self.layers.show_result(counted)
        self.counted.emit(counted)

    def _note_decision(self, step: Event | Decided) -> None:
        if isinstance(step, Decided):
            self.bench.remember(step)
            self.say("")
            self._preview_timer.start()
        else:
            self.say(f"looking through all images to decide for them together: {step.done} of {step.total}")

    def _fail(self, error: Exception) -> None:
        self._counts_slides = False
        self.tell(error)

    def tell(self, error: Exception) -> str:
        """Tell what went wrong, in one line; gives the line."""
        text = str(error) if isinstance(error, ExoimageError) else f"unexpected {type(error).__name__}: {error}"
        text = " ".join(text.split())
        self.say(text, problem=True)
        return text

    def has_painted(self) -> None:
        """Remember that the counted objects were changed by hand: they are kept before anything else is shown."""
        if not self.is_painted and self.is_open:
            self.is_painted = True
            self.painted.emit()


def _timer(parent: QObject, wait_ms: int, call: Callable[[], None]) -> QTimer:
    timer = QTimer(parent)
    timer.setSingleShot(True)
    timer.setInterval(wait_ms)
    timer.timeout.connect(call)
    return timer
