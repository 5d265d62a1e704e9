"""What can be seen of an image before it is measured: the plane that a cut is made in, and what lies above the cut.

For a window in which a person drags the cut: the plane stays between two steps of it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from skimage import measure

from exoimage.assays.brightfield import Brightfield
from exoimage.assays.cut_choices import FixedCut
from exoimage.assays.cut_histogram import CutHistogram
from exoimage.assays.edu import Edu, EduEvidence
from exoimage.assays.he_bone import HeBone
from exoimage.assays.masson import Masson
from exoimage.assays.measuring import Part
from exoimage.assays.recipe import ALL_SCOPES, Recipe, Resolved
from exoimage.assays.recipe_text import with_values
from exoimage.assays.regions import Region
from exoimage.assays.results import Result
from exoimage.assays.stain_choices import VectorStains
from exoimage.assays.threshold_choices import FixedThreshold, GreyThreshold
from exoimage.assays.white_choices import GivenWhite
from exoimage.errors import MeasureError
from exoimage.images.image import Image
from exoimage.methods import bone_tissue, stains
from exoimage.methods.density import White, light_surface, optical_density
from exoimage.methods.stains import StainSet

Plane = npt.NDArray[np.float32]
Mask = npt.NDArray[np.bool_]
Box = tuple[int, int, int, int]
"""x, y, width and height of a rectangle in px."""

SLIDER_DIGITS = 4
"""Decimals of a cut that a slider sets: more than a person can tell, and a recipe stays readable."""


def _no_plane() -> Plane:
    return np.empty((0, 0), dtype=np.float32)


@dataclass(frozen=True, eq=False)
class Look:
    """An image as a cut sees it.

    Parameters
    ----------
    recipe : Recipe
        As it was decided for this image.
    plane : (y, x) float32 array
        What the cut is made in; of shape (0, 0) where the assay makes none.
    cut : float
        In the units of `quantity`; infinity: nothing is above.
    quantity : str
        What the plane holds, in words.
    histogram : CutHistogram
        Of the sampled pixels or of the nuclei.
    objects : (y, x) int32 array
        Nuclei, where the cut is made in their means; else of shape (0, 0).
    means : (n,) float64 array
        Of the nuclei, in the order of their labels.
    reaches : bool
        Whether what is just at the cut counts too (ImageJ's grey levels).
    """

    recipe: Recipe[Any]
    plane: Plane
    cut: float
    quantity: str
    histogram: CutHistogram
    objects: npt.NDArray[np.int32]
    means: npt.NDArray[np.float64]
    reaches: bool = False

    @property
    def has_cut(self) -> bool:
        """Whether there is anything to drag."""
        return self.plane.size > 0

    @property
    def limits(self) -> tuple[float, float]:
        """Between what a slider goes: the histogram's ends, or the plane's."""
        if not self.histogram.is_empty:
            edges = self.histogram.edges
            low, high = max(0.0, float(edges[0])), float(edges[-1])
        else:
            low, high = 0.0, float(self.plane.max(initial=0.0))
        return low, max(high, self.cut if math.isfinite(self.cut) else high, low + 1e-3)

    @property
    def shown(self) -> Plane:
        """A plane that a display can cut by itself: the plane, or each nucleus' mean in all of its pixels."""
        if not self.objects.size:
            return self.plane
        lowest = min(0.0, float(self.means.min(initial=0.0))) - 1.0  # below whatever a slider reaches
        return np.asarray(np.concatenate(([lowest], self.means)).astype(np.float32)[self.objects])

    def above(self, cut: float) -> Mask:
        """What counts at a cut, before sizes, shapes and regions are looked at.

        Parameters
        ----------
        cut : float

        Returns
        -------
        (y, x) bool array
        """
        if self.objects.size:
            positive = np.concatenate(([False], self.means > cut))
            return np.asarray(positive[self.objects])
        return np.asarray(self.plane >= np.float32(cut) if self.reaches else self.plane > np.float32(cut))

    def with_cut(self, recipe: Recipe[Any], cut: float) -> Recipe[Any]:
        """A recipe that has a cut as a number in the place of its own.

        Parameters
        ----------
        recipe : Recipe
            Decided or not.
        cut : float
            Rounded to four decimals, an intensity to four digits.

        Raises
        ------
        MeasureError
            If the assay makes no cut.
        """
        return with_values(recipe, self.cut_values(cut))

    def cut_values(self, cut: float) -> dict[str, Any]:
        """The recipe's keys that set a cut."""
        if isinstance(self.recipe, Edu):
            maximum = self.recipe.cut.max_value if isinstance(self.recipe.cut, FixedCut) else 0.0
            return {"cut": {"method": "fixed", "intensity": float(f"{cut:.4g}"), "max_value": maximum}}
        if isinstance(self.recipe, Brightfield) and self.recipe.imagej:
            level = math.floor(255 * 10.0**-cut + 1e-4) if math.isfinite(cut) else -1
            return {"threshold": {"method": "grey-level", "level": min(level, 255)}}
        if isinstance(self.recipe, Brightfield):
            return {"threshold": {"method": "fixed", "od": round(max(cut, 0.0), SLIDER_DIGITS)}}
        raise MeasureError(f"{self.recipe.assay} makes no cut that could be dragged")


def decided_on(recipe: Recipe[Any], evidence: Any) -> Resolved:
    """What one image decides by itself."""
    return recipe.resolve([evidence], ALL_SCOPES)


def look(resolved: Resolved, image: Image, evidence: Any) -> Look:
    """See an image as its cut does.

    Parameters
    ----------
    resolved : Resolved
        What it is measured by; what that leaves to each image is decided from this one.
    image : Image
    evidence : what `Recipe.observe` gave of the same image

    Raises
    ------
    ExoimageError
        If the image does not suit the assay, or something is still open over other images.

    Examples
    --------
    >>> from exoimage.assays.registry import assay
    >>> from exoimage.methods import synth
    >>> image = Image(synth.nodule_field((96, 128), synth.Nodules(fraction=0.2, radius_px=9), seed=1).pixels)
    >>> recipe = assay("alizarin-red")
    >>> seen = look(decided_on(recipe, recipe.observe(image)), image, recipe.observe(image))
    >>> seen.plane.shape, bool(seen.above(seen.cut).any()), bool(seen.above(9.0).any())
    ((96, 128), True, False)
    """
    recipe = resolved.recipe
    if recipe.open_scopes():
        recipe = recipe.resolve([evidence], ("image",)).recipe
    histogram = recipe.cut_histogram([evidence])
    if isinstance(recipe, Brightfield):
        return _bright_field(recipe, image, evidence, histogram)
    if isinstance(recipe, Edu) and isinstance(evidence, EduEvidence) and isinstance(recipe.cut, FixedCut):
        return _nuclei(recipe, image, evidence, histogram)
    return Look(recipe, _no_plane(), math.inf, "", histogram, np.empty((0, 0), np.int32), np.empty(0))


def picked_white(image: Image, box: Box) -> dict[str, Any]:
    """The white point of an empty place of the slide: the median of a rectangle, as a recipe's `white`.

    Parameters
    ----------
    image : Image
    box : (x, y, width, height)
        In px.

    Raises
    ------
    MeasureError
        If the rectangle holds no pixel of the picture.
    """
    rgb = [float(value) for value in np.median(_picked(image, box), axis=0)]
    return {"white": {"method": "given", "rgb": rgb, "max_value": image.max_value}}


def picked_stain(recipe: Recipe[Any], image: Image, box: Box) -> dict[str, Any]:
    """The target's vector from a rectangle with this stain alone, the others as they are, as a recipe's `stains`.

    Parameters
    ----------
    recipe : Recipe
        As it was decided for the image.
    image : Image
    box : (x, y, width, height)
        In px.

    Raises
    ------
    MeasureError
        If the rectangle holds no pixel of the picture or no stain, or the assay unmixes none.
    """
    if not (isinstance(recipe, Brightfield) and isinstance(recipe.stains, VectorStains)):
        raise MeasureError(f"{recipe.assay} unmixes no stains")
    white = recipe.white.white if isinstance(recipe.white, GivenWhite) else White((image.max_value,) * 3)
    vector = stains.estimate_from_region(_picked(image, box), white)
    names, target = recipe.stains.names, recipe.stains.target
    vectors = [vector if n == target else v for n, v in zip(names, recipe.stains.vectors, strict=True)]
    source = f"{target} from a rectangle of {box[2]} × {box[3]} px of {Path(image.source).name}"
    rounded = [[round(float(value), 6) for value in one] for one in vectors]
    about = {"names": list(names), "vectors": rounded, "target": target, "source": source}
    return {"stains": {"method": "vectors", **about}}


def _picked(image: Image, box: Box) -> npt.NDArray[Any]:
    left, top, width, height = box
    pixels = image.pixels[max(top, 0) : top + height, max(left, 0) : left + width]
    if pixels.size == 0:
        raise MeasureError("the rectangle lies outside the picture: draw it inside")
    return pixels.reshape(-1, pixels.shape[2])


def outlines(labels: npt.NDArray[np.int32]) -> Mask:
    """The rims of objects, two pixels wide within each, touching ones apart: what is looked at over a picture.

    Parameters
    ----------
    labels : (y, x) int32 array

    Examples
    --------
    >>> outlines(np.pad(np.ones((7, 7), np.int32), 1)).sum(axis=1).tolist()
    [0, 7, 7, 4, 4, 4, 7, 7, 0]
    """
    rim = np.zeros(labels.shape, dtype=np.bool_)
    for step in (1, 2):
        below, right = labels[step:] != labels[:-step], labels[:, step:] != labels[:, :-step]
        rim[step:] |= below
        rim[:-step] |= below
        rim[:, step:] |= right
        rim[:, :-step] |= right
    return rim & (labels > 0)


def rims(result: Result) -> npt.NDArray[np.uint8]:
    """What a run's overlay outlines, as numbers: k on the rims of the k-th kind, 0 elsewhere.

    Parameters
    ----------
    result : Result

    Returns
    -------
    (y, x) uint8 array
    """
    drawn = np.zeros(result.labels.shape, dtype=np.uint8)
    kinds = result.outlined or (result.labels,)
    for number, objects in reversed(list(enumerate(kinds, start=1))):
        drawn[outlines(objects.astype(np.int32))] = number
    return drawn


def parted(labels: npt.NDArray[np.int32]) -> npt.NDArray[np.int32]:
    """Objects that a person has cut in two, as two: every 8-connected part gets a number of its own.

    Parameters
    ----------
    labels : (y, x) int32 array

    Examples
    --------
    >>> parted(np.array([[3, 3, 0, 3]], np.int32)).tolist()
    [[1, 1, 0, 2]]
    """
    found: Any = measure.label  # scikit-image says nothing of its types
    return np.asarray(found(labels, connectivity=2), dtype=np.int32)


def _bright_field(recipe: Brightfield, image: Image, evidence: Any, histogram: CutHistogram) -> Look:
    chain = recipe.chain(image, evidence)
    whole = Part(image, Region.whole(image.shape))
    reaches = isinstance(recipe.threshold, GreyThreshold)
    if not isinstance(recipe.threshold, FixedThreshold | GreyThreshold):
        raise MeasureError("the threshold is not decided yet: call resolve first")
    if isinstance(recipe, HeBone) and not reaches:
        plane, quantity = _nuclear_stain(image, chain.stains), "optical density of haematoxylin beyond eosin's own"
    elif isinstance(recipe, Masson) and not reaches:
        plane, quantity = _density(image, chain.stains.white).mean(axis=2), "mean optical density"
    elif recipe.assay == "von-kossa" and not reaches:
        plane, quantity = chain.stained(whole)[0], "optical density that all colours share"
    else:
        plane, quantity = chain.stained(whole)[0], f"optical density of {chain.stains.target}"
    nothing = np.empty((0, 0), np.int32)
    return Look(recipe, plane, chain.threshold_od, quantity, histogram, nothing, np.empty(0), reaches)


def _nuclear_stain(image: Image, stain_set: StainSet) -> Plane:
    nuclear, _ = bone_tissue.nuclear_stain(_density(image, stain_set.white).reshape(-1, 3), stain_set)
    return np.ascontiguousarray(nuclear.reshape(image.shape), dtype=np.float32)


def _density(image: Image, white: White) -> npt.NDArray[np.float32]:
    density = optical_density(image.pixels, White(white.rgb))
    whole = (slice(0, image.shape[0]), slice(0, image.shape[1]))
    return density + light_surface(white, image.shape, whole) if white.light else density


def _nuclei(recipe: Edu, image: Image, evidence: EduEvidence, histogram: CutHistogram) -> Look:
    """Nuclei of the whole picture, by the marker in them; regions do not matter for a look."""
    roles = recipe.roles(image)
    cut = recipe.cut.intensity if isinstance(recipe.cut, FixedCut) else math.inf
    marker = image.channel(roles.marker).astype(np.float32) if roles.marker else _no_plane()
    tables = list(evidence.tables.values())
    is_one = len(tables) == 1 and tables[0].mean.size == int(evidence.found.labels.max(initial=0))
    objects = evidence.found.labels if is_one else np.empty((0, 0), np.int32)
    means = tables[0].mean if is_one else np.empty(0)
    return Look(recipe, marker, cut, "mean intensity of the marker", histogram, objects, means)
