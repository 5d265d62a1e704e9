"""The shown whole slide: open as long as it is shown, measured as a run measures it."""

from __future__ import annotations

import itertools
from collections.abc import Generator, Iterator
from contextlib import ExitStack, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from exoimage.assays import slides
from exoimage.assays.looking import rims
from exoimage.assays.recipe import Recipe, Resolved
from exoimage.assays.slide_counts import SlideResult
from exoimage.assays.slide_regions import with_scaled_rois
from exoimage.errors import MeasureError
from exoimage.images.image import Image
from exoimage.images.labels import read_labels
from exoimage.images.source import Source, open_source
from exoimage.studies.batch import threads_per_slide
from exoimage.studies.previewing import open_slide

from napari_exoimage.pyramid import SlideView, Windows, label_levels
from napari_exoimage.session import Session, scratch_folder
from napari_exoimage.sights import Counted, Progress


@dataclass(frozen=True, eq=False)
class Slide:
    """An open whole slide.

    Parameters
    ----------
    source : Source
        That is measured.
    view : SlideView
        That is shown.
    """

    source: Source
    view: SlideView

    @property
    def small(self) -> Image:
        """A small picture of it."""
        return self.view.small

    def observed(self, recipe: Recipe[Any], image: Image) -> Any:
        """What it has to say: in windows, or as the coarse picture that is measured in one piece."""
        if recipe.slide_way == "tiles":
            return slides.observe_slide(recipe, self.source)
        return with_scaled_rois(recipe, image.shape[0] / self.source.shape[0]).observe(image)

    def placed(self, resolved: Resolved, image: Image) -> Resolved:
        """What was decided, with its regions as they lie in a coarse picture."""
        recipe = with_scaled_rois(resolved.recipe, image.shape[0] / self.source.shape[0])
        return replace(resolved, recipe=recipe)


class SlideBench:
    """The shown slide, its coarse picture, and what counting it gave; used by one thread at a time."""

    def __init__(self) -> None:
        self._opened = ExitStack()
        self._slide: tuple[Any, Slide | None] | None = None
        self._coarse: tuple[Any, Image] | None = None
        self._counted: tuple[Any, Counted] | None = None
        self._labels = ExitStack()
        self._scratch = scratch_folder()
        self._numbers = itertools.count(1)

    def close(self) -> None:
        """Close the files."""
        self._forget()
        self._scratch.cleanup()

    def opened(self, session: Session, identity: Any) -> Slide | None:
        """The session's image as a slide, open until another is asked for; None where it is none."""
        if self._slide is None or self._slide[0] != identity:
            self._forget()
            source = self._opened.enter_context(open_slide(session.study, session.current))
            slide = None if source is None else Slide(source, SlideView(source.reopened()))
            if slide is not None:
                self._opened.callback(slide.view.close)
            self._slide = (identity, slide)
        return self._slide[1]

    def coarse(self, session: Session, slide: Slide, edit_identity: Any) -> Image:
        """The open slide's picture that is measured in one piece, with its objects as a person corrected them.

        Parameters
        ----------
        session : Session
        slide : Slide
        edit_identity : identity of the correction's file
            A person can correct again what was corrected: the same file, other objects.
        """
        recipe = session.image_recipe
        identity = (recipe.assay, recipe.slide_pixel_size(), edit_identity)
        if self._coarse is None or self._coarse[0] != identity:
            _, image = slides.coarse(recipe, slide.source)
            edit = session.image.edit
            self._coarse = (identity, image.with_drawn(read_labels(edit)) if edit else image)
        return self._coarse[1]

    def known(self, resolved: Resolved, seen: Any) -> Counted | None:
        """What counting the slide gave, if nothing that decides it has changed."""
        is_current = self._counted is not None and self._counted[0] == _identity(resolved, seen)
        return self._counted[1] if self._counted is not None and is_current else None

    def counting(
        self, session: Session, slide: Slide, resolved: Resolved, evidence: Any, seen: Any
    ) -> Iterator[Progress | Counted]:
        """Measure the slide tile by tile.

        Parameters
        ----------
        session : Session
        slide : Slide
        resolved : Resolved
        evidence : what observing it gave
        seen : identity of that

        Raises
        ------
        ExoimageError
            If it cannot be measured.
        """
        if session.image.edit:
            raise MeasureError("a whole slide takes no mask corrected by hand: drop the correction")
        found = yield from _told(
            slides.measuring_slide(resolved, slide.source, evidence, threads=threads_per_slide(1, 1))
        )
        counted = self._shown(session, found)
        self._counted = (_identity(resolved, seen), counted)
        yield counted

    def _shown(self, session: Session, found: SlideResult) -> Counted:
        """What counting gave, its labels as a pyramid in a file of the scratch folder, which goes with the next."""
        path = Path(self._scratch.name) / f"labels-{next(self._numbers)}.tif"
        try:
            found.write_labels(path)
        finally:
            found.close()
        self._labels.close()
        self._labels.callback(_remove, path)
        windows = Windows(open_source(path))
        self._labels.callback(windows.close)
        regions = tuple(mask for _, mask in found.regions)
        drawn = rims(replace(found.result, outlined=(found.result.labels, *regions)))
        return Counted(session, found.overview, found.result, False, drawn, label_levels(windows), found.shape)

    def _forget(self) -> None:
        self._labels.close()
        self._opened.close()
        self._slide = self._coarse = self._counted = None


def _told(steps: Generator[tuple[int, int], None, SlideResult]) -> Generator[Progress, None, SlideResult]:
    """The same steps, to be shown; ended with them."""
    try:
        while True:
            try:
                done, total = next(steps)
            except StopIteration as end:
                found: SlideResult = end.value
                return found
            yield Progress(done, total)
    finally:
        steps.close()


def _remove(path: Path) -> None:
    with suppress(OSError):  # else it goes with the scratch folder
        path.unlink()


def _identity(resolved: Resolved, seen: Any) -> Any:
    return resolved.digest, repr(resolved.recipe), resolved.flags, seen
