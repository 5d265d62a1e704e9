"""What the work behind the window gives to be shown, step by step."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from exoimage.assays.looking import Look, rims
from exoimage.assays.results import Result
from exoimage.images.image import Image

from napari_exoimage.pyramid import SlideView
from napari_exoimage.session import Session

Picture = Image | SlideView


@dataclass(frozen=True, eq=False)
class Opened:
    """An image as it was opened: in memory, or a whole slide that is read where it is looked at."""

    session: Session
    picture: Picture


@dataclass(frozen=True, eq=False)
class Seen:
    """What can be seen of an image before it is measured.

    Parameters
    ----------
    session : Session
    look : Look
    provisional : bool
        It was decided from this image alone; the study's others are still to be asked.
    note : str
        What it is seen on, where that is not what is measured.
    """

    session: Session
    look: Look
    provisional: bool
    note: str = ""


@dataclass(frozen=True, eq=False)
class Unmeasured:
    """A whole slide that waits to be measured: a person asks for it, because it takes its time."""

    session: Session


@dataclass(frozen=True)
class Progress:
    """How many tiles of a whole slide are measured."""

    done: int
    total: int


@dataclass(frozen=True, eq=False)
class Counted:
    """What measuring an image gave.

    Parameters
    ----------
    session : Session
    image : Image
        That was measured; of a whole slide that is measured tile by tile, a small picture of it.
    result : Result
    provisional : bool
        As in `Seen`; its numbers are not those of the run yet.
    rims : (y, x) uint8 array
        What is outlined, see `exoimage.assays.looking.rims`.
    labels : (y, x) array, or levels of a pyramid
        The counted objects.
    shape : (int, int)
        Height and width of what was measured: objects' places are in its px.
    """

    session: Session
    image: Image
    result: Result
    provisional: bool
    rims: Any
    labels: Any
    shape: tuple[int, int]

    @property
    def is_tiled(self) -> bool:
        """Whether it was measured tile by tile: nothing of it can be painted."""
        return isinstance(self.labels, list)


def counted(session: Session, image: Image, result: Result, provisional: bool) -> Counted:
    """What measuring an image in memory gave."""
    return Counted(session, image, result, provisional, rims(result), result.labels, image.shape)
