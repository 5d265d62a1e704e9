"""What a person set by hand for single images of a study: parameters of their own, and corrected masks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from exoimage.assays.choice import Choice
from exoimage.assays.recipe import Recipe
from exoimage.assays.recipe_text import with_values
from exoimage.errors import StudyError
from exoimage.studies.naming import composed
from exoimage.studies.study import StudyImage

SUFFIX = ".tif"
"""Of a corrected mask: the image's slug and this, in the study's folder of edits."""


def edit_path(folder: str | Path, image: StudyImage) -> Path:
    """Where the corrected mask of an image lies, in the folder of edits.

    Examples
    --------
    >>> from exoimage.images.image import ImageRef
    >>> edit_path("edits", StudyImage(ImageRef("PMO_1.png", ()))).as_posix()
    'edits/PMO_1.png.tif'
    """
    return Path(folder) / f"{image.ref.slug}{SUFFIX}"


def with_edits(
    images: Sequence[StudyImage], edits: str, recipe: Recipe[Any], folder: Path, partial: bool = False
) -> tuple[StudyImage, ...]:
    """The images with the corrected masks that a folder holds of them.

    Parameters
    ----------
    images : sequence of StudyImage
    edits : str
        The folder of edits, relative to `folder`; empty if there is none.
    recipe : Recipe
    folder : Path
    partial : bool
        Images are still being made: a mask may be of one that is not there yet.

    Raises
    ------
    StudyError
        If the assay takes no corrected masks, or one is of none of the images.
    """
    if not edits:
        return tuple(images)
    if not recipe.drawn_objects:
        raise StudyError(f"[study] edits: {recipe.assay} takes no masks corrected by hand; give boxes or regions")
    here = folder / edits
    known = {edit_path(here, image).name: image for image in images}
    unknown = [path.name for path in sorted(here.glob(f"*{SUFFIX}")) if path.name not in known]
    if unknown and not partial:
        raise StudyError(
            f"{here / unknown[0]} is a corrected mask of none of the images: remove it, or name it as its image is"
            f" (like {next(iter(known), 'IMAGE.tif' + SUFFIX)})"
        )
    return tuple(
        replace(image, edit=str(edit_path(here, image)) if edit_path(here, image).is_file() else "") for image in images
    )


def with_overrides(
    images: Sequence[StudyImage],
    overrides: Mapping[str, Mapping[str, Any]],
    recipe: Recipe[Any],
    folder: Path,
    partial: bool = False,
) -> tuple[StudyImage, ...]:
    """The images with what a person set for them alone.

    Parameters
    ----------
    images : sequence of StudyImage
    overrides : mapping of key to mapping
        Keys of the recipe and their values, by image.
    recipe : Recipe
        The study's.
    folder : Path
        Where relative paths start.
    partial : bool
        Images are still being made: one of another name may come.

    Raises
    ------
    StudyError
        If an image is none of the study's, or something would have to be decided over others.
    RecipeError
        If a key or value does not fit the assay.
    """
    given = {composed(key): values for key, values in overrides.items()}
    unknown = next((key for key in given if key not in {image.ref.key for image in images}), None)
    if unknown is not None and not partial:
        raise StudyError(f'[images] names "{unknown}", which is none of the study\'s images')
    return tuple(with_own(image, given.get(image.ref.key, {}), recipe, folder) for image in images)


def with_own(image: StudyImage, values: Mapping[str, Any], recipe: Recipe[Any], folder: Path) -> StudyImage:
    """One image with parameters of its own; with none, it is measured as the others are."""
    if not values:
        return replace(image, overrides={})
    where = f'[images."{image.ref.key}"]'
    own = with_values(image.recipe_of(recipe), values, where=where, folder=folder)
    for key in values:
        choice = getattr(own, key)
        if isinstance(choice, Choice) and choice.pooled_over() in ("study", "batch"):
            raise StudyError(
                f"{where} {key}: an image's own {key} is a number, or decided from this image alone"
                ' (scope = "image"); what is pooled over a study is set in [recipe]'
            )
    # Written out, so that nothing is left over of what was decided for all.
    whole = own.model_dump(mode="json")
    return replace(image, overrides={key: whole[key] for key in values})
