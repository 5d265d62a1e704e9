"""A study built in code, written as the study.toml and layout.csv that load as the same study."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import tomlkit

from exoimage.errors import StudyError
from exoimage.images.image import ImageRef
from exoimage.images.writing import write_whole
from exoimage.studies.by_hand import edit_path
from exoimage.studies.csv_tables import write_csv
from exoimage.studies.study import Review, Study, StudyImage

EDITS = "edits"
"""The folder of corrected masks beside a study.toml, unless the study names another."""

LAYOUT_HEAD = ("image", "region", "group", "sample", "field", "batch")


def save_study(study: Study, path: str | Path) -> None:
    """Write a study as TOML, with the layout of its images beside it.

    Parameters
    ----------
    study : Study
        Of images that are one file each.
    path : path
        Of the study.toml; ``NAME_layout.csv`` goes beside it. Both are overwritten.

    Raises
    ------
    StudyError
        If an image is of several files or a membrane with parameters of its own, which a layout cannot say, a
        corrected mask lies elsewhere than in ``edits`` beside the file, or a file cannot be written.

    Examples
    --------
    >>> import tempfile, exoimage as xi
    >>> from exoimage.studies.naming import Placement
    >>> from exoimage.studies.study import StudyImage
    >>> folder = Path(tempfile.mkdtemp())
    >>> _ = (folder / "a.tif").write_bytes(b"an image")
    >>> image = StudyImage(xi.ImageRef("a.tif", (str(folder / "a.tif"),)), Placement("PMO", "mouse 1"))
    >>> study = xi.Study("PMO exosomes", xi.assay("alizarin-red"), (image,), order=("PMO",))
    >>> save_study(study, folder / "study.toml")
    >>> xi.load_study(folder / "study.toml").images[0].placement.sample
    'mouse 1'
    """
    path = Path(path)
    folder = path.absolute().parent
    layout = path.with_name(f"{path.stem}_layout.csv")
    saved = tuple(_relative(image, folder) for image in study.images)
    try:
        write_csv(layout, LAYOUT_HEAD, (row for image in saved for row in _rows(image)))
        write_whole(path, _toml(replace(study, images=saved), layout.name).encode())
    except OSError as error:
        raise StudyError(f"{error.filename or path}: cannot be written: {error.strerror or error}") from None


def _relative(image: StudyImage, folder: Path) -> StudyImage:
    if len(image.ref.files) != 1 or image.ref.scene is not None:
        raise StudyError(f"{image.ref.key}: only a study of one file per image can be saved: write study.toml by hand")
    if image.changes:
        raise StudyError(f"{image.ref.key}: a layout cannot say its own parameters: write study.toml by hand")
    try:
        key = Path(os.path.relpath(image.ref.files[0], folder)).as_posix()
    except ValueError:
        raise StudyError(f"{image.ref.files[0]}: it is on another drive than {folder}; save the study there") from None
    kept = replace(image, ref=ImageRef(key, image.ref.files))
    if image.edit and Path(image.edit).absolute() != edit_path(folder / EDITS, kept).absolute():
        raise StudyError(f"{image.edit}: the corrected mask of {key} is kept as {edit_path(folder / EDITS, kept)}")
    return kept


def _rows(image: StudyImage) -> Iterator[dict[str, Any]]:
    for region, place in image.regions.items() or (("", image.placement),):
        yield {"image": image.ref.key, "region": region, **vars(place)}


def _toml(study: Study, layout: str) -> str:
    document = tomlkit.document()
    head = {"name": study.name, "assay": study.recipe.assay}
    if any(image.edit for image in study.images):
        head["edits"] = EDITS
    size = {} if study.pixel_size is None else {"pixel_size_um": study.pixel_size}
    document["study"] = {**head, **size}
    document["groups"] = {"table": layout, "order": list(study.order), "control": study.control}
    excluded = {image.ref.key: image.excluded for image in study.images if image.excluded}
    if excluded:
        document["exclude"] = excluded
    own = {image.ref.key: dict(image.overrides) for image in study.images if image.overrides}
    if own:
        document["images"] = own
    if study.review != Review():
        document["review"] = study.review.model_dump(mode="json")
    document["statistics"] = study.statistics.model_dump(mode="json")
    document["recipe"] = study.recipe.model_dump(mode="json", exclude_unset=True)
    return tomlkit.dumps(document)
