"""Changing a study.toml that a person wrote: what was changed is changed, all else stays as it stands."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import tomlkit
from tomlkit.exceptions import TOMLKitError
from tomlkit.items import Table

from exoimage.assays.recipe import Recipe
from exoimage.errors import StudyError
from exoimage.images.writing import write_whole
from exoimage.studies.plan import load_study
from exoimage.studies.study import Review, Study


def amend_study(path: str | Path, study: Study, *, edits: str = "") -> None:
    r"""Write into a study's file what of its recipe, its images and its review has changed; comments stay.

    Parameters
    ----------
    path : path
        Of the study.toml that `study` was loaded from.
    study : Study
        As it is to be: the recipe, each image's own parameters and exclusion, the review.
    edits : str
        The folder of corrected masks, relative to the file; empty: as the file says.

    Raises
    ------
    StudyError
        If the file cannot be read or written, or no longer has the same images.

    Examples
    --------
    >>> import tempfile, exoimage as xi
    >>> from dataclasses import replace
    >>> folder = Path(tempfile.mkdtemp())
    >>> _ = (folder / "a.tif").write_bytes(b"an image")
    >>> text = '[study]\nassay = "alp"  # BCIP/NBT\nimages = "*.tif"\n'
    >>> _ = (folder / "study.toml").write_text(text)
    >>> study = xi.load_study(folder / "study.toml")
    >>> amend_study(folder / "study.toml", replace(study, recipe=xi.assay("alp", largest_hole="9 px")))
    >>> print((folder / "study.toml").read_text())
    [study]
    assay = "alp"  # BCIP/NBT
    images = "*.tif"
    <BLANKLINE>
    [recipe]
    largest_hole = "9 px"
    <BLANKLINE>
    """
    path = Path(path)
    before = load_study(path)
    if [image.ref.key for image in before.images] != [image.ref.key for image in study.images]:
        raise StudyError(f"{path}: the study's images have changed meanwhile; open it again")
    folder = path.absolute().parent
    try:
        document = tomlkit.parse(path.read_text(encoding="utf-8-sig"))
        if edits:
            _table(document, "study")["edits"] = edits
        _amend(_table(document, "recipe"), _changed(before.recipe, study.recipe, folder))
        _amend_images(document, before, study, folder)
        if study.review != before.review:
            document["review"] = _plain_review(study.review)
        write_whole(path, _without_empty_tables(document).encode())
    except (OSError, TOMLKitError) as error:
        raise StudyError(f"{path}: cannot be changed: {error}") from None


def changed_keys(before: Recipe[Any], now: Recipe[Any]) -> dict[str, Any]:
    """The keys in which two recipes of an assay differ, with the later one's values, plain.

    Examples
    --------
    >>> import exoimage as xi
    >>> changed_keys(xi.assay("alp"), xi.assay("alp", largest_hole="9 px"))
    {'largest_hole': '9 px'}
    """
    old, new = before.model_dump(mode="json"), now.model_dump(mode="json")
    return {key: new[key] for key in new if new[key] != old.get(key)}


def _changed(before: Recipe[Any], now: Recipe[Any], folder: Path) -> dict[str, Any]:
    return {key: _portable(value, folder) for key, value in changed_keys(before, now).items()}


def _amend(table: Any, values: Mapping[str, Any]) -> None:
    for key, value in values.items():
        table[key] = _inline(value)


def _amend_images(document: Any, before: Study, study: Study, folder: Path) -> None:
    for old, new in zip(before.images, study.images, strict=True):
        if new.overrides != old.overrides:
            tables = _table(document, "images")
            tables.pop(new.ref.key, None)
            if new.overrides:
                tables[new.ref.key] = {key: _inline(_portable(value, folder)) for key, value in new.overrides.items()}
        if new.excluded != old.excluded:
            reasons = _table(document, "exclude")
            reasons.pop(new.ref.key, None)
            if new.excluded:
                reasons[new.ref.key] = new.excluded


def _plain_review(review: Review) -> Mapping[str, Any]:
    return review.model_dump(mode="json")


def _table(document: Any, name: str) -> Any:
    if name not in document:
        document[name] = tomlkit.table()
    return document[name]


def _without_empty_tables(document: Any) -> str:
    for name in ("recipe", "images", "exclude"):
        part = document.get(name)
        if isinstance(part, Table) and not part and not part.as_string().strip():
            document.remove(name)
    return tomlkit.dumps(document)


def _inline(value: Any) -> Any:
    """A choice on one line, as a person writes it."""
    if not isinstance(value, dict):
        return value
    table = tomlkit.inline_table()
    table.update({key: _inline(inner) for key, inner in value.items()})
    return table


def _portable(value: Any, folder: Path) -> Any:
    """Files below the study's folder by their way from it, so that the folder can move."""
    if isinstance(value, dict):
        return {key: _portable(inner, folder) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_portable(inner, folder) for inner in value]
    if isinstance(value, str) and Path(value).is_absolute() and Path(value).is_relative_to(folder):
        return Path(value).relative_to(folder).as_posix()
    return value
