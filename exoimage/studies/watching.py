"""Measuring files as the microscope writes them."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from exoimage.errors import StudyError
from exoimage.images.image import ImageRef
from exoimage.studies.batch import iter_run
from exoimage.studies.passes import Event
from exoimage.studies.plan import load_study
from exoimage.studies.study import Study

POLL_S = 2.0
"""How often the folder is looked at."""

QUIET_S = 3.0
"""A file that has not changed for so long is complete. One that the microscope goes on writing after a longer pause is
measured again when it has changed."""

_State = Mapping[str, tuple[int, int]]
"""Size and time of change of every file of a study."""


def watch(
    path: str | Path, out: str | Path, *, poll_s: float = POLL_S, quiet_s: float = QUIET_S, **options: Any
) -> Iterator[Event]:
    """Run a study again and again, as images appear; ends when the iterator is closed (Ctrl-C at the command line).

    A file is taken when it is complete: it has not changed for `quiet_s`. A study that decides its
    white point or threshold from all its images would decide anew with each image that comes; it needs ``resolved``
    of an earlier run, or those as numbers in its recipe, so that no number changes afterwards.

    Parameters
    ----------
    path : path of a study.toml
        Read anew each time, so that it may be edited meanwhile.
    out : path
        As in `exoimage.run`.
    poll_s, quiet_s : float
        In s.
    **options
        As in `exoimage.run`.

    Yields
    ------
    Event
        As `exoimage.iter_run`; "finished" after every round.

    Raises
    ------
    StudyError
        If the study is not readable, or something in it is still decided from all its images.
    """
    jobs = options.pop("jobs", 1)
    _refuse_pooled_choices(path, resolved=options.get("resolved"))
    done: _State = {}
    while True:
        study = _complete_part(path, quiet_s)
        now = _state(study)
        changed = [key for key in now if now[key] != done.get(key)]
        if study is not None and (changed or set(done) - set(now)):
            yield from iter_run(study, out, jobs=max(1, min(jobs, len(changed))), **options)
            done = now
        time.sleep(poll_s)


def _refuse_pooled_choices(path: str | Path, *, resolved: Any) -> None:
    recipe = load_study(path, partial=True).recipe
    if set(recipe.open_scopes()) - {"image"} and resolved is None:
        raise StudyError(
            "--watch measures images before the last one is there, but this study decides from all its images: give"
            " --resolved FILE of an earlier run, or numbers (white point, stains, threshold) in [recipe]"
        )


def _complete_part(path: str | Path, quiet_s: float) -> Study | None:
    """The study with those of its images that are complete; None where there are none, or it is being edited."""
    try:
        study = load_study(path, partial=True)
    except StudyError:
        return None
    images = tuple(image for image in study.images if _is_complete(image.ref, quiet_s))
    return replace(study, images=images) if images else None


def _state(study: Study | None) -> dict[str, tuple[int, int]]:
    found = {}
    for image in study.images if study is not None else ():
        statuses = [_status(Path(file)) for file in image.ref.files]
        found[image.ref.key] = (sum(size for size, _ in statuses), max(changed for _, changed in statuses))
    return found


def _status(file: Path) -> tuple[int, int]:
    """Size and time of change; zeros where there is no such file."""
    try:
        status = file.stat()
    except OSError:
        return 0, 0
    return status.st_size, status.st_mtime_ns


def _is_complete(ref: ImageRef, quiet_s: float) -> bool:
    statuses = [_status(Path(file)) for file in ref.files]
    return all(size and time.time_ns() - changed >= quiet_s * 1e9 for size, changed in statuses)
