"""What a person sees of a study before it is run: one image, measured as the run will measure it."""

from __future__ import annotations

from collections.abc import Generator, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from exoimage.assays.recipe import Resolved
from exoimage.errors import StudyError
from exoimage.images.image import Image
from exoimage.images.source import Source
from exoimage.studies import work
from exoimage.studies.deciding import decided_for
from exoimage.studies.executors import Executor, InProcess, LocalProcesses
from exoimage.studies.ledger import read_ledger, write_ledger
from exoimage.studies.passes import Event, only_decided, planned
from exoimage.studies.slide_work import slide_shown
from exoimage.studies.store import Store
from exoimage.studies.study import Study, StudyImage


def image_of(study: Study, key: str) -> StudyImage:
    """The image of a name.

    Raises
    ------
    StudyError
        If the study has none of that name.
    """
    for image in study.images:
        if image.ref.key == key:
            return image
    raise StudyError(f"the study has no image {key!r}")


def open_image(study: Study, key: str) -> Image:
    """An image of a study in memory, as a run reads it, with its mask that was corrected by hand.

    Raises
    ------
    ExoimageError
        If it cannot be read.
    """
    image = image_of(study, key)
    if image.problem:
        raise StudyError(f"{key}: {image.problem}")
    store = Store(Path())  # reading leaves nothing anywhere
    return work.opened(
        work.Job(image.ref, image.recipe_of(study.recipe), store, study.pixel_size, edit=image.edit, pictures=False)
    )


@contextmanager
def open_slide(study: Study, key: str) -> Iterator[Source | None]:
    """An image of a study as a slide, to be looked at window by window; None where a run reads it in one piece.

    Raises
    ------
    ExoimageError
        If it cannot be read.
    """
    image = image_of(study, key)
    if image.problem:
        raise StudyError(f"{key}: {image.problem}")
    with slide_shown(image.ref, image.recipe_of(study.recipe), study.pixel_size) as source:
        yield source


def decide_all(study: Study, folder: str | Path, *, jobs: int = 1) -> Generator[Event, None, Mapping[str, Resolved]]:
    """Observe all images of a study and decide what is pooled over them, as its run does; nothing is measured.

    Parameters
    ----------
    study : Study
    folder : path
        Where what was observed is kept for the next time; made if it is not there.
    jobs : int
        Processes; 1 works in this one.

    Yields
    ------
    Event

    Returns
    -------
    mapping of batch to Resolved
        See `resolved_for`.

    Raises
    ------
    ExoimageError
        If something cannot be decided.
    """
    store = Store(Path(folder))
    store.prepare()
    executor: Executor = LocalProcesses(jobs) if jobs > 1 else InProcess()
    try:
        decided, entries = yield from only_decided(planned(study, store, False, read_ledger(store)), executor)
    finally:
        executor.close()
    write_ledger(store, entries)
    return decided


def resolved_for(study: Study, key: str, decided: Mapping[str, Resolved]) -> Resolved:
    """What an image is measured by, of what was decided for all.

    Raises
    ------
    StudyError
        If nothing was decided for its batch: all images of it are excluded or failed.
    """
    image = image_of(study, key)
    one = decided_for(image, decided)
    if one is None:
        raise StudyError(f"{key}: nothing was decided for its batch {image.placement.batch!r}")
    return image.resolved_by(one)
