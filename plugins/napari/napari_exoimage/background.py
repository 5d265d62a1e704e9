"""Work in a thread, the latest only: what was asked for last is what is shown."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from qtpy.QtCore import QObject, Signal


class Latest(QObject):
    """Runs one generator after the other in a thread of its own; a newer one ends an older one at its next step.

    Signals arrive in the window's thread. What an ended generator still yields is dropped.
    """

    yielded = Signal(object)
    failed = Signal(object)
    finished = Signal()

    _step = Signal(int, str, object)

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._numbers = itertools.count(1)
        self._current = 0
        self._busy = False
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="exoimage")
        self._step.connect(self._deliver)

    @property
    def is_busy(self) -> bool:
        """Whether something is under way."""
        return self._busy

    def start(self, work: Callable[[], Iterator[Any]]) -> None:
        """Begin something; what is under way is ended."""
        self._current = next(self._numbers)
        self._busy = True
        self._pool.submit(self._run, self._current, work)

    def stop(self) -> None:
        """End what is under way, at its next step; nothing of it arrives any more."""
        self._current = next(self._numbers)
        if self._busy:
            self._busy = False
            self.finished.emit()

    def close(self) -> None:
        """End what is under way and wait for it: no thread and no process stays behind."""
        self._current = next(self._numbers)
        self._busy = False
        self._pool.shutdown(wait=True, cancel_futures=True)

    def _run(self, number: int, work: Callable[[], Iterator[Any]]) -> None:
        if number != self._current:
            return
        steps = work()
        try:
            for step in steps:
                if number != self._current:
                    return
                self._step.emit(number, "yielded", step)
            self._step.emit(number, "finished", "")
        except Exception as error:
            self._step.emit(number, "failed", error)
        finally:
            close = getattr(steps, "close", None)
            if close is not None:
                close()

    def _deliver(self, number: int, what: str, value: Any) -> None:
        if number != self._current:
            return
        if what == "yielded":
            self.yielded.emit(value)
            return
        self._busy = False
        if what == "failed":
            self.failed.emit(value)
        self.finished.emit()
