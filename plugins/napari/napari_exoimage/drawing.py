"""What a person drew, turned into a recipe: regions, lanes, scribbles, a picked stain or white point, controls."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from exoimage.assays.looking import picked_stain, picked_white
from exoimage.assays.recipe import Recipe
from exoimage.errors import StudyError
from exoimage.images.image import Image
from exoimage.images.roi_writing import Outline, write_region_mask, write_regions
from exoimage.images.writing import write_labels

from napari_exoimage import session as steps
from napari_exoimage.session import Session

Box = tuple[int, int, int, int]

TISSUE_NAMES = {"he-bone": ("bone", "other tissue", "glass"), "masson": ("new bone", "mature bone", "other", "glass")}
"""What scribbles are called, 1 first, by the assays that can be trained."""


def keep_regions(
    session: Session, include: Sequence[Outline], exclude: Sequence[Outline], shape: tuple[int, int]
) -> Session:
    """Measure the shown image where a person drew; the outlines are kept in a file.

    Without anything left out they are GeoJSON, which QuPath opens too, and keep their names; else a mask.

    Raises
    ------
    ExoimageError
        If nothing is drawn, or a region has no pixel left.
    """
    if "region" not in type(session.recipe).model_fields:
        raise StudyError(f"{session.recipe.assay} measures no regions")
    if not include and not exclude:
        raise StudyError("draw a region first: where to measure, or what to leave out")
    path = session.regions / f"{session.image.ref.slug}{'.tif' if exclude else '.geojson'}"
    try:
        path.parent.mkdir(exist_ok=True)
        if exclude:
            write_region_mask(path, shape, include, exclude)
        else:
            write_regions(path, include)
    except OSError as error:
        raise StudyError(f"{path}: cannot be written: {error.strerror or error}") from None
    return with_regions_of(session, path)


def with_regions_of(session: Session, path: str | Path, *, for_all: bool = False) -> Session:
    """Measure the shown image, or all, in the regions of a file: ImageJ's, GeoJSON or a mask."""
    value = {"method": "rois", "path": str(Path(path).absolute())}
    return _placed(session, {"region": value}, for_all=for_all)


def whole(session: Session) -> Session:
    """Measure the whole image again."""
    overrides = {key: value for key, value in session.image.overrides.items() if key != "region"}
    bare = steps.without_own_values(session)
    back = steps.with_own_values(bare, overrides) if overrides else bare
    return steps.with_value(back, "region", {"method": "whole"}) if _is_single(session) else back


def export_regions(path: str | Path, include: Sequence[Outline]) -> None:
    """Write what was drawn for ImageJ (.zip) or QuPath (.geojson).

    Raises
    ------
    ExoimageError
        If nothing is drawn, the suffix is another, or the file cannot be written.
    """
    try:
        write_regions(path, include)
    except OSError as error:
        raise StudyError(f"{path}: cannot be written: {error.strerror or error}") from None


def with_lanes(session: Session, boxes: Sequence[Box]) -> Session:
    """Measure a blot in the lanes that a person placed, from left to right."""
    if not boxes:
        raise StudyError("there is no lane: draw rectangles, or let lanes be found")
    ordered = [list(box) for box in sorted(boxes)]
    return _placed(session, {"lanes": {"method": "boxes", "boxes": ordered}}, for_all=False)


def with_picked_white(session: Session, image: Image, box: Box) -> Session:
    """The white point of an empty place, for all images."""
    return steps.with_keys(session, picked_white(image, box))


def with_picked_stain(session: Session, decided: Recipe[Any], image: Image, box: Box) -> Session:
    """The measured stain's vector from a rectangle that holds it alone, for all images."""
    return steps.with_keys(session, picked_stain(decided, image, box))


def with_controls(session: Session) -> Session:
    """The cut from the negative controls: the shown image's group, or itself where it has none."""
    key = next((key for key in ("threshold", "cut") if key in type(session.recipe).model_fields), "")
    if not key:
        raise StudyError(f"{session.recipe.assay} makes no cut that negative controls could set")
    controls = session.image.placement.group or Path(session.image.ref.key).name
    return steps.with_value(session, key, {"method": "negative-controls", "controls": controls})


def keep_scribbles(session: Session, scribbles: Any, pixel_size: float | None) -> Session:
    """Tell tissue by what a person scribbled, on this image and those scribbled on before.

    Raises
    ------
    ExoimageError
        If the assay cannot be trained, or too little is scribbled.
    """
    names = TISSUE_NAMES.get(session.recipe.assay)
    if names is None:
        raise StudyError(f"{session.recipe.assay} is not trained by scribbles; he-bone and masson are")
    image = session.image
    if len(image.ref.files) > 1:
        raise StudyError("scribbles are drawn on pictures of one file")
    path = Path(session.folder) / "scribbles" / f"{image.ref.slug}.tif"
    try:
        path.parent.mkdir(exist_ok=True)
        write_labels(path, scribbles, pixel_size)
    except OSError as error:
        raise StudyError(f"{path}: cannot be written: {error.strerror or error}") from None
    before = session.recipe.model_dump(mode="json")["tissue"]
    others = [one for one in before.get("examples", ()) if one["scribbles"] != str(path)]
    examples = [*others, {"image": image.ref.files[0], "scribbles": str(path)}]
    value = {"method": "trained", "names": list(before.get("names", names)), "examples": examples, "sha256": ""}
    return steps.with_value(session, "tissue", value)


def _placed(session: Session, values: dict[str, Any], *, for_all: bool) -> Session:
    if for_all or _is_single(session):
        return steps.with_keys(session, values)
    return steps.with_own_values(session, values)


def _is_single(session: Session) -> bool:
    """Whether what is set for the image is set for all: there is one, and no study's file."""
    return len(session.study.images) == 1 and not session.path
