"""Tissue told apart by example: a random forest on the colours and textures of pixels that somebody scribbled on.

For what one colour and one threshold cannot separate: bone from marrow, osteoid from muscle, red beside blue.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from exoimage.errors import MeasureError

if TYPE_CHECKING:
    from sklearn.ensemble import RandomForestClassifier

Density = npt.NDArray[np.float32]
Scribbles = npt.NDArray[np.integer[Any]]
Part = tuple[slice, slice]
"""Rows and columns."""

TREES, DEPTH, LEAF = 64, 14, 3
MOST_PER_CLASS = 20_000
"""Scribbled pixels that one class is learnt from, evenly taken; neighbours say nearly the same."""

LEAST_PER_CLASS = 30
TILE = 512
"""Pictures are classified in tiles of this edge, so that memory stays bounded: sixteen features per channel."""


@dataclass(frozen=True, eq=False)
class PixelClasses:
    """A trained classifier of pixels.

    Parameters
    ----------
    names : tuple of str
        Of the classes 1, 2, …
    largest_scale : float
        Standard deviation in px of the widest surroundings that are looked at.
    forest : sklearn.ensemble.RandomForestClassifier
    """

    names: tuple[str, ...]
    largest_scale: float
    forest: RandomForestClassifier

    def classify(self, density: Density) -> npt.NDArray[np.uint8]:
        """The class of every pixel.

        Parameters
        ----------
        density : (y, x, 3) float32 array
            Optical density, against the white point of its picture.

        Returns
        -------
        (y, x) uint8 array
            1 for the first class.
        """
        classes = np.empty(density.shape[:2], dtype=np.uint8)
        for part in _tiles(density.shape[:2]):
            classes[part] = self.classify_part(density, part)
        return classes

    def classify_part(self, density: Density, part: Part) -> npt.NDArray[np.uint8]:
        """The classes of a part of a picture, as `classify` gives them.

        Parameters
        ----------
        density : (y, x, 3) float32 array
            Of the whole picture.
        part : (slice of rows, slice of columns)

        Returns
        -------
        uint8 array of the part's shape
        """
        found = _features_of(density, part, self.largest_scale)
        answers = self.forest.predict(found.reshape(-1, found.shape[2]))
        return np.asarray(answers.reshape(found.shape[:2]), np.uint8)


def train(
    examples: Sequence[tuple[Density, Scribbles]], names: Sequence[str], largest_scale: float = 8.0
) -> PixelClasses:
    """Learn classes of pixels from scribbles on example pictures.

    The same examples give the same classifier: nothing is drawn at random that a fixed seed does not decide.

    Parameters
    ----------
    examples : sequence of (density, scribbles)
        Optical density, (y, x, 3) float32, and labels, (y, x) integers: 0 where nothing was scribbled, k for the k-th
        name.
    names : sequence of str
        Of the classes, two at least.
    largest_scale : float
        Standard deviation in px of the widest surroundings that are looked at.

    Returns
    -------
    PixelClasses

    Raises
    ------
    MeasureError
        If there are fewer than two classes, scribbles do not fit their picture, hold labels beyond the names, or hold
        fewer than 30 pixels of a class.

    Notes
    -----
    Breiman L. Random forests. Machine Learning 2001;45:5-32. doi:10.1023/A:1010933404324. Features are intensity, edges
    and Hessian eigenvalues of Gaussian scales (`skimage.feature.multiscale_basic_features`), as in ilastik and in
    Trainable Weka Segmentation.

    Examples
    --------
    >>> density = np.zeros((40, 40, 3), np.float32)
    >>> density[:, 20:] = 0.5
    >>> scribbles = np.zeros((40, 40), np.uint8)
    >>> scribbles[5:35, 4:7], scribbles[5:35, 32:35] = 1, 2
    >>> found = train([(density, scribbles)], ["glass", "bone"], largest_scale=2).classify(density)
    >>> int(found[20, 2]), int(found[20, 38])
    (1, 2)
    """
    from sklearn.ensemble import RandomForestClassifier

    if len(names) < 2:
        raise MeasureError(f"classes are told apart, so there are two at least; got {', '.join(names) or 'none'}")
    marked = [_checked(density, scribbles, names) for density, scribbles in examples]
    y = np.concatenate(
        [scribbles[here].astype(np.uint8) for (_, scribbles), here in zip(examples, marked, strict=True)]
    )
    for number, name in enumerate(names, start=1):
        count = int((y == number).sum())
        if count < LEAST_PER_CLASS:
            raise MeasureError(
                f"{count} pixels are scribbled as {name!r} (label {number}); mark {LEAST_PER_CLASS} or more"
            )
    looked_at = zip(examples, marked, strict=True)
    x = np.concatenate(
        [_marked_features(density, here, largest_scale) for (density, _), here in looked_at if here.any()]
    )
    kept = np.concatenate([_evenly(np.flatnonzero(y == number)) for number in range(1, len(names) + 1)])
    forest = RandomForestClassifier(
        TREES, max_depth=DEPTH, min_samples_leaf=LEAF, class_weight="balanced", random_state=0, n_jobs=1
    )
    return PixelClasses(tuple(names), largest_scale, forest.fit(x[kept], y[kept]))


def features(density: Density, largest_scale: float) -> npt.NDArray[np.float32]:
    """Intensity, edges and texture of each channel at scales from 1 px to the largest.

    Parameters
    ----------
    density : (y, x, 3) float32 array
    largest_scale : float

    Returns
    -------
    (y, x, feature) float32 array
    """
    from skimage.feature import multiscale_basic_features

    # Mirrored here, because the library takes what lies beyond the picture as 0, a clear place.
    halo = min(_halo(largest_scale), *(length - 1 for length in density.shape[:2]))
    wide = np.pad(density, ((halo, halo), (halo, halo), (0, 0)), mode="reflect")
    scales = {"sigma_min": 1.0, "sigma_max": max(largest_scale, 1.0)}
    found = multiscale_basic_features(wide, channel_axis=-1, **scales)  # type: ignore[no-untyped-call, unused-ignore]
    inner: npt.NDArray[np.float32] = found[halo : halo + density.shape[0], halo : halo + density.shape[1]]
    return inner


def _tiles(shape: tuple[int, ...]) -> list[Part]:
    """A picture cut into tiles."""
    rows, columns = ([slice(first, min(length, first + TILE)) for first in range(0, length, TILE)] for length in shape)
    return [(one, other) for one in rows for other in columns]


def _features_of(density: Density, part: Part, largest_scale: float) -> npt.NDArray[np.float32]:
    """The features of a part of a picture, which see what lies around it."""
    halo = _halo(largest_scale)
    wide = tuple(
        slice(max(0, one.start - halo), min(length, one.stop + halo))
        for one, length in zip(part, density.shape[:2], strict=True)
    )
    inner = tuple(slice(one.start - outer.start, one.stop - outer.start) for one, outer in zip(part, wide, strict=True))
    return features(density[wide], largest_scale)[inner]


def _marked_features(density: Density, marked: npt.NDArray[np.bool_], largest_scale: float) -> npt.NDArray[np.float32]:
    """The features of the marked pixels, in their order; only tiles that hold some are looked at."""
    place = np.cumsum(marked.ravel()).reshape(marked.shape) - 1
    found = np.empty((0, 0), np.float32)
    for part in _tiles(marked.shape):
        here = marked[part]
        if not here.any():
            continue
        some = _features_of(density, part, largest_scale)[here]
        if not found.size:
            found = np.empty((int(marked.sum()), some.shape[1]), np.float32)
        found[place[part][here]] = some
    return found


def _halo(largest_scale: float) -> int:
    """How far beyond a pixel its features look."""
    return int(4 * largest_scale) + 2


def _checked(density: Density, scribbles: Scribbles, names: Sequence[str]) -> npt.NDArray[np.bool_]:
    """Where something is scribbled."""
    if scribbles.shape != density.shape[:2]:
        raise MeasureError(f"scribbles of {scribbles.shape} px do not fit their picture of {density.shape[:2]} px")
    if scribbles.min() < 0 or scribbles.max() > len(names):
        raise MeasureError(
            f"scribbles hold labels from {scribbles.min()} to {scribbles.max()}, but there are {len(names)} classes:"
            f" {', '.join(names)}"
        )
    return np.asarray(scribbles > 0)


def _evenly(places: npt.NDArray[np.intp]) -> npt.NDArray[np.intp]:
    step = -(-len(places) // MOST_PER_CLASS)
    return places[::step]
