"""Undo and redo: sessions are values, so the steps back are the sessions before."""

from __future__ import annotations

from dataclasses import dataclass, replace

from napari_exoimage.session import Session

STEPS = 100
"""So many are kept."""


@dataclass(frozen=True)
class History:
    """Sessions before and after the present one.

    Parameters
    ----------
    present : Session
    past, future : tuple of Session
        The nearest last.
    """

    present: Session
    past: tuple[Session, ...] = ()
    future: tuple[Session, ...] = ()

    def with_step(self, session: Session) -> History:
        """A new present; the same one is no step."""
        if session == self.present:
            return self
        return History(session, (*self.past, self.present)[-STEPS:])

    def with_place(self, session: Session) -> History:
        """Another present that is no step: what is shown or kept in files, not what is set."""
        return replace(self, present=session)

    @property
    def undone(self) -> History:
        """One step back."""
        if not self.past:
            return self
        return History(self._here(self.past[-1]), self.past[:-1], (*self.future, self.present))

    @property
    def redone(self) -> History:
        """One step forth."""
        if not self.future:
            return self
        return History(self._here(self.future[-1]), (*self.past, self.present), self.future[:-1])

    def _here(self, session: Session) -> Session:
        """What was set then, but what is shown, and what lies in files, as it is now."""
        if session.recipe.assay != self.present.recipe.assay or session.path != self.present.path:
            return session
        now = {image.ref.key: image for image in self.present.study.images}
        images = tuple(
            replace(i, edit=now[i.ref.key].edit if i.ref.key in now else i.edit) for i in session.study.images
        )
        study = replace(session.study, images=images, review=self.present.study.review)
        return replace(self.present, study=study)
