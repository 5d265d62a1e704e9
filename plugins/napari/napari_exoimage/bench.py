"""The work behind the window, in a thread of its own: what was read and observed stays at hand.

Nothing here knows of Qt or napari, and no number is made here: exoimage makes them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from exoimage.assays.looking import decided_on, look
from exoimage.assays.recipe import Resolved
from exoimage.assays.recipe_text import with_values
from exoimage.assays.results import Result
from exoimage.images.image import Image
from exoimage.studies.passes import Event
from exoimage.studies.previewing import decide_all, open_image, resolved_for
from exoimage.studies.slide_work import refuse_slide
from exoimage.studies.study import Study

from napari_exoimage.session import Session
from napari_exoimage.sights import Counted, Opened, Progress, Seen, Unmeasured, counted
from napari_exoimage.slide_bench import Slide, SlideBench


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
        self._slides = SlideBench()
        self._image: tuple[Any, Image] | None = None
        self._evidence: tuple[Any, Any] | None = None
        self._decided: tuple[str, Mapping[str, Resolved]] | None = None

    def close(self) -> None:
        """Close what is open; afterwards nothing is asked any more."""
        self._slides.close()

    def remember(self, decided: Decided) -> None:
        """Measure by what was decided for all from now on, as long as it fits the study."""
        self._decided = (decision_identity(decided.study), decided.resolved)

    def is_decided(self, study: Study) -> bool:
        """Whether what was decided fits the study."""
        return self._decided is not None and self._decided[0] == decision_identity(study)

    def steps(
        self, session: Session, *, counts_slides: bool = False
    ) -> Iterator[Opened | Seen | Progress | Unmeasured | Counted]:
        """Everything that is shown of the session's image, the quickest first.

        Parameters
        ----------
        session : Session
        counts_slides : bool
            Whether a whole slide is measured tile by tile, too: it takes its time.

        Raises
        ------
        ExoimageError
            If it cannot be read or measured.
        """
        slide = self._opened_slide(session)
        if slide is not None:
            yield Opened(session, slide.view)
            yield from self._slide_steps(session, slide, counts_slides)
            return
        image = self.opened(session)
        yield Opened(session, image)
        evidence = self._observed(session, image)
        resolved, provisional = self._resolved(session, evidence)
        yield Seen(session, look(resolved, image, evidence), provisional)
        yield counted(session, image, resolved.measure(image, evidence), provisional)

    def look(self, session: Session) -> Seen:
        """What can be seen before measuring."""
        return next(step for step in self.steps(session) if isinstance(step, Seen))

    def opened(self, session: Session) -> Image:
        """The session's image, from memory where nothing about it has changed."""
        identity = (_file_identity(session), _edit_identity(session))
        if self._image is None or self._image[0] != identity:
            self._image = None
            self._image = (identity, open_image(session.study, session.current))
        return self._image[1]

    def _opened_slide(self, session: Session) -> Slide | None:
        slide = self._slides.opened(session, _file_identity(session))
        if slide is not None:
            self._image = None
        return slide

    def _slide_steps(
        self, session: Session, slide: Slide, counts: bool
    ) -> Iterator[Opened | Seen | Progress | Unmeasured | Counted]:
        """As `steps`; in one piece at a coarse level, or tile by tile, as a run does."""
        refuse_slide(session.image_recipe)
        if session.image_recipe.slide_way == "coarse":
            image = self._slides.coarse(session, slide, _edit_identity(session))
            evidence = self._observed(session, image, slide)
            resolved, provisional = self._resolved(session, evidence)
            placed = slide.placed(resolved, image)
            yield Seen(session, look(placed, image, evidence), provisional, f"measured at {_fineness(image)}")
            yield counted(session, image, placed.measure(image, evidence), provisional)
            return
        evidence = self._observed(session, slide.small, slide)
        resolved, provisional = self._resolved(session, evidence)
        note = f"seen on a small picture ({_fineness(slide.small)}), counted at full resolution"
        yield Seen(session, look(resolved, slide.small, evidence), provisional, note)
        seen = self._evidence[0] if self._evidence is not None else ()
        known = self._slides.known(resolved, seen)
        if known is not None:
            yield replace(known, session=session)
        elif counts and not provisional:
            yield from self._slides.counting(session, slide, resolved, evidence, seen)
        else:
            yield Unmeasured(session)

    def _observed(self, session: Session, image: Image, slide: Slide | None = None) -> Any:
        recipe = session.image_recipe
        regions = _stamps(map(str, recipe.files_for(Path(session.image.ref.files[0]))))
        seen = (_file_identity(session), image.shape, image.pixel_size)
        identity = (seen, recipe.assay, recipe.observing_key(), regions)
        if self._evidence is None or self._evidence[0] != identity:
            found = recipe.observe(_as_found(image)) if slide is None else slide.observed(recipe, _as_found(image))
            self._evidence = (identity, found)
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


def _file_identity(session: Session) -> Any:
    """Identity of the picture as it is stored and read, without what a person corrected."""
    one, recipe = session.image, session.image_recipe
    how = repr(recipe.reading()), recipe.slide_way == "whole"
    return one.ref, session.study.pixel_size, how, one.problem, _stamps(one.ref.files)


def _edit_identity(session: Session) -> Any:
    """Identity of the correction; of none, too."""
    return _stamps([session.image.edit])


def _fineness(image: Image) -> str:
    return (
        f"{image.shape[1]} × {image.shape[0]} px" if image.pixel_size is None else f"{image.pixel_size:.3g} µm per px"
    )


def _stamps(files: Any) -> tuple[Any, ...]:
    found = []
    for file in files:
        try:
            status = Path(file).stat()
            found.append((file, status.st_size, status.st_mtime_ns))
        except OSError:
            found.append((file, 0, 0))
    return tuple(found)


def _as_found(image: Image) -> Image:
    return replace(image, drawn=None)


def deciding(study: Study, folder: str | Path) -> Iterator[Event | Decided]:
    """Decide for all images of a study: an event for each, then what was decided."""
    resolved = yield from decide_all(study, folder)
    yield Decided(study, resolved)
