"""The work behind the window, in a thread of its own: what was read and observed stays at hand.

Nothing here knows of Qt or napari, and no number is made here: exoimage makes them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from exoimage.assays.looking import Look, decided_on, look, rims
from exoimage.assays.recipe import Resolved
from exoimage.assays.recipe_text import with_values
from exoimage.assays.results import Result
from exoimage.images.image import Image
from exoimage.studies.passes import Event
from exoimage.studies.previewing import decide_all, open_image, resolved_for
from exoimage.studies.study import Study

from napari_exoimage.session import Session


@dataclass(frozen=True, eq=False)
class Opened:
    """An image as it was read."""

    session: Session
    image: Image


@dataclass(frozen=True, eq=False)
class Seen:
    """What can be seen of an image before it is measured.

    Parameters
    ----------
    session : Session
    look : Look
    provisional : bool
        It was decided from this image alone; the study's others are still to be asked.
    """

    session: Session
    look: Look
    provisional: bool


@dataclass(frozen=True, eq=False)
class Counted:
    """What measuring an image gave.

    Parameters
    ----------
    session : Session
    image : Image
    result : Result
    provisional : bool
        As in `Seen`; its numbers are not those of the run yet.
    rims : (y, x) uint8 array
        What is outlined, see `exoimage.assays.looking.rims`.
    """

    session: Session
    image: Image
    result: Result
    provisional: bool
    rims: Any


@dataclass(frozen=True, eq=False)
class Decided:
    """What was decided for all images of a study."""

    study: Study
    resolved: Mapping[str, Resolved]


def needs_others(study: Study) -> bool:
    """Whether an image's numbers hang on what other images of the study look like."""
    pooled = set(study.recipe.open_scopes()) - {"image"}
    return bool(pooled) and (len(study.images) > 1 or bool(study.recipe.controls()))


def decision_identity(study: Study) -> str:
    """Identity of all that a decision hangs on."""
    images = [
        (i.ref, i.placement, dict(i.regions), i.excluded, dict(i.changes), dict(i.overrides)) for i in study.images
    ]
    return repr((study.recipe.assay, study.recipe.model_dump_json(), study.pixel_size, images))


class Bench:
    """The shown image, what it has to say, and what was decided for all; used by one thread at a time."""

    def __init__(self) -> None:
        self._image: tuple[Any, Image] | None = None
        self._evidence: tuple[Any, Any] | None = None
        self._decided: tuple[str, Mapping[str, Resolved]] | None = None

    def remember(self, decided: Decided) -> None:
        """Measure by what was decided for all from now on, as long as it fits the study."""
        self._decided = (decision_identity(decided.study), decided.resolved)

    def is_decided(self, study: Study) -> bool:
        """Whether what was decided fits the study."""
        return self._decided is not None and self._decided[0] == decision_identity(study)

    def steps(self, session: Session) -> Iterator[Opened | Seen | Counted]:
        """Everything that is shown of the session's image, the quickest first.

        Raises
        ------
        ExoimageError
            If it cannot be read or measured.
        """
        image = self.opened(session)
        yield Opened(session, image)
        evidence = self._observed(session, image)
        resolved, provisional = self._resolved(session, evidence)
        yield Seen(session, look(resolved, image, evidence), provisional)
        result = resolved.measure(image, evidence)
        yield Counted(session, image, result, provisional, rims(result))

    def look(self, session: Session) -> Seen:
        """What can be seen before measuring."""
        image = self.opened(session)
        evidence = self._observed(session, image)
        resolved, provisional = self._resolved(session, evidence)
        return Seen(session, look(resolved, image, evidence), provisional)

    def opened(self, session: Session) -> Image:
        """The session's image, from memory where nothing about it has changed."""
        one, recipe = session.image, session.image_recipe
        files = (*one.ref.files, *([one.edit] if one.edit else []))
        identity = (one.ref, one.edit, session.study.pixel_size, repr(recipe.reading()), one.problem, _stamps(files))
        if self._image is None or self._image[0] != identity:
            self._image = None
            self._image = (identity, open_image(session.study, session.current))
        return self._image[1]

    def _observed(self, session: Session, image: Image) -> Any:
        recipe = session.image_recipe
        regions = _stamps(map(str, recipe.files_for(Path(session.image.ref.files[0]))))
        identity = (id(image.pixels.base), image.pixel_size, recipe.assay, recipe.observing_key(), regions)
        if self._evidence is None or self._evidence[0] != identity:
            self._evidence = (identity, recipe.observe(_as_found(image)))
        return self._evidence[1]

    def _resolved(self, session: Session, evidence: Any) -> tuple[Resolved, bool]:
        study = session.study
        if not needs_others(study):
            return session.image.resolved_by(decided_on(study.recipe, evidence)), False
        if self._decided is not None and self.is_decided(study):
            return resolved_for(study, session.current, self._decided[1]), False
        return session.image.resolved_by(decided_on(study.recipe, evidence)), True


def all_lanes(session: Session, image: Image) -> Result:
    """A blot measured with every lane as a region, the ladder's too: what lanes are corrected from.

    Raises
    ------
    ExoimageError
        If it cannot be measured.
    """
    plain = {"ladder": {"method": "none"}, "band": {"method": "strongest"}}
    return with_values(session.image_recipe, plain).measure(image)


def _as_found(image: Image) -> Image:
    return replace(image, drawn=None)


def _stamps(files: Any) -> tuple[Any, ...]:
    found = []
    for file in files:
        try:
            status = Path(file).stat()
            found.append((file, status.st_size, status.st_mtime_ns))
        except OSError:
            found.append((file, 0, 0))
    return tuple(found)


def deciding(study: Study, folder: str | Path) -> Iterator[Event | Decided]:
    """Decide for all images of a study: an event for each, then what was decided."""
    resolved = yield from decide_all(study, folder)
    yield Decided(study, resolved)
