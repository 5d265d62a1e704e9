"""Tissue told apart while a person scribbles: what the classes would be, part by part, before anything is kept."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from exoimage.assays.brightfield import Brightfield
from exoimage.assays.recipe import Recipe
from exoimage.assays.white_choices import GivenWhite
from exoimage.errors import MeasureError
from exoimage.images.image import Image
from exoimage.methods import pixel_classes
from exoimage.methods.density import White, light_surface, optical_density

PATCH = 256
"""Edge in px of a part that is shown at once: a third of a second's work."""

LARGEST_SCALE_PX = 4.0
"""As a trained recipe has it by default."""

Labels = npt.NDArray[np.integer[Any]]


@dataclass(frozen=True, eq=False)
class Patch:
    """A part of a picture, told apart.

    Parameters
    ----------
    top, left : int
    classes : (y, x) uint8 array
        Numbers of the scribbles.
    """

    top: int
    left: int
    classes: npt.NDArray[np.uint8]


def told(scribbles: Labels) -> tuple[int, ...]:
    """The classes of which enough is scribbled to learn from.

    Examples
    --------
    >>> scribbles = np.zeros((20, 20), np.int32)
    >>> scribbles[:5], scribbles[9:15], scribbles[19, 19] = 1, 3, 2
    >>> told(scribbles)
    (1, 3)
    """
    counts = np.bincount(scribbles.ravel())
    return tuple(int(one) for one in np.flatnonzero(counts >= pixel_classes.LEAST_PER_CLASS) if one > 0)


def learning(
    recipe: Recipe[Any], image: Image, scribbles: Labels, centre: Sequence[float] = (0.0, 0.0)
) -> Iterator[Patch]:
    """Learn from scribbles and tell the picture's tissue apart, the parts around a place first.

    Where every class of the recipe is scribbled, they are the classes that the recipe trained on the same scribbles
    finds.

    Parameters
    ----------
    recipe : Recipe
        As it was decided for the image: with its white point.
    image : Image
    scribbles : (y, x) array of whole numbers
        0 is unmarked.
    centre : (y, x)
        In px.

    Yields
    ------
    Patch

    Raises
    ------
    MeasureError
        If fewer than two classes hold enough, or the assay is not trained by scribbles.
    """
    if not (isinstance(recipe, Brightfield) and isinstance(recipe.white, GivenWhite)):
        raise MeasureError(f"{recipe.assay} is not trained by scribbles")
    numbers = told(scribbles)
    if len(numbers) < 2:
        raise MeasureError(f"scribble {pixel_classes.LEAST_PER_CLASS} pixels or more of two classes")
    white = recipe.white.white
    density = optical_density(image.pixels, White(white.rgb))
    known = np.zeros(max(int(scribbles.max()), numbers[-1]) + 1, np.uint8)
    known[list(numbers)] = range(1, len(numbers) + 1)
    classes = pixel_classes.train([(density, known[scribbles])], [str(one) for one in numbers], LARGEST_SCALE_PX)
    if white.light:
        density = density + light_surface(white, image.shape, (slice(0, image.shape[0]), slice(0, image.shape[1])))
    names = np.array([0, *numbers], np.uint8)
    for part in _from(centre, image.shape):
        yield Patch(part[0].start, part[1].start, names[classes.classify_part(density, part)])


def _from(centre: Sequence[float], shape: tuple[int, int]) -> list[tuple[slice, slice]]:
    """The parts of a picture, the nearest to a place first."""
    rows, columns = (
        [slice(first, min(length, first + PATCH)) for first in range(0, length, PATCH)] for length in shape
    )

    def distance(part: tuple[slice, slice]) -> float:
        off = [(one.start + one.stop) / 2 - place for one, place in zip(part, centre, strict=True)]
        return math.hypot(*off)

    return sorted(((row, column) for row in rows for column in columns), key=distance)
