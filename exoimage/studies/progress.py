"""How a run shows that it goes on: a bar on a terminal, plain lines in a pipe, errors alone when quiet."""

from __future__ import annotations

import sys
from types import TracebackType
from typing import Any, Protocol, Self

from exoimage.studies.passes import Event

STAGES = {"observed": "observing", "measured": "measuring"}


class Reporter(Protocol):
    """Shows events as they come."""

    def show(self, event: Event) -> None:
        """Show one event."""
        ...

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...


def reporter(*, quiet: bool) -> Reporter:
    """The reporter that suits standard error."""
    if quiet:
        return Lines(errors_only=True)
    return Bar() if sys.stderr.isatty() else Lines()


class Lines:
    """One line per image on standard error."""

    def __init__(self, *, errors_only: bool = False) -> None:
        self._errors_only = errors_only

    def show(self, event: Event) -> None:
        """Print the event, unless it is none of a measured image or not asked for."""
        if event.stage == "finished" or (event.error and event.stage != "measured"):
            return
        if event.error:
            print(f"failed: {event.key}: {event.error}", file=sys.stderr, flush=True)
        elif not self._errors_only:
            flags = f" ({', '.join(event.flags)})" if event.flags else ""
            stage = STAGES[event.stage]
            print(f"{stage} {event.done}/{event.total} {event.key}{flags}", file=sys.stderr, flush=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        return None


class Bar:
    """A bar with rate and time left; failures are printed above it."""

    def __init__(self) -> None:
        self._bar: Any = None
        self._stage = ""

    def show(self, event: Event) -> None:
        """Move the bar."""
        from tqdm import tqdm

        if event.stage == "finished":
            return
        if event.stage != self._stage:
            self._close()
            self._stage = event.stage
            self._bar = tqdm(total=event.total, desc=STAGES[event.stage], unit=" images")
        self._bar.update(event.done - self._bar.n)
        if event.error and event.stage == "measured":
            tqdm.write(f"failed: {event.key}: {event.error}", file=sys.stderr)

    def _close(self) -> None:
        if self._bar is not None:
            self._bar.close()
            self._bar = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._close()
