"""Making a study: from study.toml, from files and folders, or a first draft from a folder's names."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path, PurePosixPath
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from exoimage.assays.recipe import Recipe
from exoimage.assays.recipe_text import load_recipe, read_toml, recipe_from, validated, with_values
from exoimage.assays.registry import recipe_class
from exoimage.errors import RecipeError, StudyError
from exoimage.images.discovery import find_images, is_picture_folder, natural_key
from exoimage.images.image import ImageRef
from exoimage.images.pairing import Pair, guess_patterns, pair
from exoimage.images.scenes import pictures_of
from exoimage.studies.blots import BlotTable, Membrane, draft_blot, membrane_images, ratios_of
from exoimage.studies.by_hand import with_edits, with_overrides
from exoimage.studies.layout import images_of_layout, placed_by_layout
from exoimage.studies.naming import NamePattern, Placement, composed, guess_pattern, quoted
from exoimage.studies.store import is_results_folder
from exoimage.studies.study import Review, Statistics, Study, StudyImage


class NoImageError(StudyError):
    """No image fits what a study asks for."""


class _Table(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class _StudyTable(_Table):
    name: str = ""
    assay: str = ""
    recipe: str = ""
    images: str = ""
    pixel_size_um: float | None = Field(None, gt=0)
    edits: str = ""


class _GroupsTable(_Table):
    pattern: str = ""
    table: str = ""
    order: tuple[str, ...] = ()
    control: str = ""


class _StudyFile(_Table):
    study: _StudyTable
    groups: _GroupsTable = _GroupsTable()
    exclude: dict[str, str] = {}
    statistics: Statistics = Statistics()
    recipe: dict[str, Any] = {}
    channels: dict[str, str] = {}
    membranes: tuple[Membrane, ...] = ()
    blot: BlotTable = BlotTable()
    images: dict[str, dict[str, Any]] = {}
    review: Review = Review()


def load_study(path: str | Path, *, partial: bool = False) -> Study:
    """Read a study.toml.

    Parameters
    ----------
    path : path
        The file; image patterns and other files in it are relative to its folder.
    partial : bool
        Its images are still being made: none need be there yet, nor those of the control group or those to exclude.

    Raises
    ------
    StudyError
        If the file cannot be read, names unknown keys, finds no image or contradicts itself.
    """
    path = Path(path)
    try:
        return _study(path, partial=partial)
    except (RecipeError, StudyError) as error:
        text = str(error)
        raise StudyError(text if path.name in text else f"{path}: {text}") from None


def _study(path: Path, *, partial: bool) -> Study:
    file = validated(_StudyFile, read_toml(path), where=str(path))
    folder = path.absolute().parent
    recipe = _recipe_of(file, path)
    _refuse_other_assays_tables(file, recipe)
    try:
        found = _images(file, recipe, folder)
    except NoImageError:
        if not partial:
            raise
        found = ()
    images = with_overrides(_without(found, file.exclude, partial=partial), file.images, recipe, folder, partial)
    images = with_edits(images, file.study.edits, recipe, folder, partial)
    order = tuple(map(composed, file.groups.order)) or tuple(
        sorted({group for image in images for group in image.groups}, key=natural_key)
    )
    control = composed(file.groups.control)
    if control and not partial and not any(control in image.groups for image in images):
        raise StudyError(f"no image is of the control group {control!r}; the groups are {', '.join(order)}")
    name = file.study.name or folder.name
    study = Study(
        name,
        recipe,
        images,
        order,
        control,
        file.study.pixel_size_um,
        file.statistics,
        str(path),
        ratios_of(file.blot, file.membranes),
        file.blot.use_saturated,
        file.review,
    )
    _refuse_statistics(study)
    return study


def _refuse_statistics(study: Study) -> None:
    """Refuse before measuring what could not be tested after it."""
    if study.statistics.posthoc == "dunnett" and not study.control:
        raise StudyError('posthoc = "dunnett" compares with a control: name it under [groups]')
    several_blots = len({image.placement.batch for image in study.images}) > 1 and bool(study.ratios)
    if study.statistics.test == "paired-t" and not study.statistics.pair and not several_blots:
        raise StudyError('test = "paired-t" needs what pairs the samples: pair = "sample" (or "batch") in [statistics]')
    columns = study.recipe.study_columns(study.design)
    tested_as = {column.drawn_as: column.name for column in columns if column.drawn_as}
    drawn = next((name for name in study.statistics.columns if name in tested_as), "")
    if drawn:
        raise StudyError(
            f"[statistics] columns names {drawn}, which is scaled to its control: test {tested_as[drawn]}, which is"
            " drawn as that"
        )
    known = [column.name for column in columns]
    unknown = [name for name in study.statistics.columns if name not in known]
    if unknown:
        raise StudyError(f"[statistics] columns names {unknown[0]!r}; {study.recipe.assay} has {', '.join(known)}")


def _images(file: _StudyFile, recipe: Recipe[Any], folder: Path) -> tuple[StudyImage, ...]:
    """The study's images, each with its place."""
    if file.membranes:
        if file.study.images or file.groups.pattern or file.groups.table:
            raise StudyError("a study with [[membranes]] has no images, pattern or table: [blot] lanes places them")
        images = membrane_images(file.membranes, file.blot, folder, tuple(map(composed, file.groups.order)))
        for image in images:
            image.recipe_of(recipe)
        return images
    if file.groups.table and not file.study.images:
        refs = images_of_layout(folder / file.groups.table, folder)
    else:
        refs = _refs(folder, file.study.images, file.study.edits)
    pairs = _paired(refs, recipe, file.channels)
    placed = _placed([one.ref for one in pairs], file.groups, folder)
    return _with_problems(placed, pairs)


def study_of_images(
    recipe: Recipe[Any], inputs: Sequence[str | Path], *, name: str = "", pixel_size: float | None = None
) -> Study:
    """The images of files and folders as one study without groups.

    Parameters
    ----------
    recipe : Recipe
    inputs : sequence of paths
        Images, or folders of images.
    name : str
    pixel_size : float or None
        In µm; for the images whose files do not say it.

    Raises
    ------
    StudyError
        If an input does not exist, or none of them is or holds an image.
    """
    files: list[tuple[Path, Path]] = []
    for given in map(Path, inputs):
        if not given.exists():
            raise StudyError(f"{given}: there is no such file or folder")
        is_folder = given.is_dir() and not is_picture_folder(given)
        found = find_images(given) if is_folder else [given]
        if not found:
            raise StudyError(f"{given}: {_why_none(given)}")
        root = given if is_folder else given.parent
        files += [(root.absolute(), image.absolute()) for image in found]
    base = _common_folder({root for root, _ in files})
    keys = {composed(Path(os.path.relpath(image, base)).as_posix()): image for _, image in files}
    refs = _refs_of({image: key for key, image in sorted(keys.items(), key=lambda item: natural_key(item[0]))})
    patterns = guess_patterns([ref.key for ref in refs], recipe.channel_names) if recipe.channel_names else {}
    images = tuple(
        StudyImage(one.ref, Placement(sample=one.ref.key), problem=one.problem)
        for one in _paired(refs, recipe, patterns)
    )
    return Study(name or base.name, recipe, images, pixel_size=pixel_size)


def _why_none(folder: Path) -> str:
    below = len(find_images(folder, "**/*"))
    if below:
        return f"there is no image in this folder itself, but {below} in folders below it: name those"
    return "there is no image in this folder"


def _common_folder(folders: set[Path]) -> Path:
    try:
        return Path(os.path.commonpath([str(folder) for folder in folders]))
    except ValueError:
        raise StudyError("the images are on different drives; measure them in one run per drive") from None


def _recipe_of(file: _StudyFile, path: Path) -> Recipe[Any]:
    folder, where = path.absolute().parent, f"{path}: [recipe]"
    if bool(file.study.assay) == bool(file.study.recipe):
        raise StudyError('[study] names either assay = "alizarin-red" or recipe = "mine.toml"')
    if file.study.assay:
        return recipe_from(file.study.assay, file.recipe, where=where, folder=folder)
    return with_values(load_recipe(folder / file.study.recipe), file.recipe, where=where, folder=folder)


def _refuse_other_assays_tables(file: _StudyFile, recipe: Recipe[Any]) -> None:
    known = {"channels": bool(recipe.channel_names), "membranes": recipe.regions_are_placed}
    unknown = [name for name in ("channels", "membranes", "blot") if not known["membranes" if name == "blot" else name]]
    given = [name for name in unknown if name in file.model_fields_set and getattr(file, name)]
    if given:
        raise StudyError(f"[{given[0]}] means nothing to {recipe.assay}; remove it")


def _paired(refs: Sequence[ImageRef], recipe: Recipe[Any], patterns: Mapping[str, str]) -> list[Pair]:
    """The images of files: a file each, or of several files that are channels.

    Raises
    ------
    StudyError
        If files look like channels of the same images, and nothing says so.
    """
    several = [ref for ref in refs if ref.scene is not None]
    files = {ref.key: ref.files[0] for ref in refs if ref.scene is None}
    if patterns:
        if several:
            raise StudyError(f"{several[0].key} is one of several pictures of a file, and no channel of another file")
        return pair(files, patterns)
    guessed = guess_patterns(list(files), recipe.channel_names) if recipe.channel_names else {}
    if guessed:
        lines = ", ".join(f"{channel} = {quoted(pattern)}" for channel, pattern in guessed.items())
        raise StudyError(f"the files look like channels of the same images; say so: [channels] {lines}")
    return [Pair(ref) for ref in refs]


def _with_problems(images: Sequence[StudyImage], pairs: Sequence[Pair]) -> tuple[StudyImage, ...]:
    """The images with what is wrong with their files; that goes before what is wrong with their names."""
    problems = {one.ref.key: one.problem for one in pairs if one.problem}
    return tuple(replace(image, problem=problems.get(image.ref.key, image.problem)) for image in images)


def _refs(folder: Path, pattern: str, edits: str = "") -> list[ImageRef]:
    """The images of a pattern, our own results and corrected masks left out."""
    if not pattern:
        raise StudyError('[study] names its images, like images = "images/*.tif", or [groups] a table of them')
    root, rest = _without_plain_folders(folder, pattern)
    try:
        found = [image for image in find_images(root, rest) if not _is_of_a_run(image, root)]
    except FileNotFoundError:
        found = []
    except re.error as error:
        raise StudyError(f'images = "{pattern}": the pattern cannot be read: {error}') from None
    if not found:
        raise NoImageError(f'no image fits images = "{pattern}" in {folder}')
    found = [image for image in found if not (edits and image.parent == folder / edits)]
    return _refs_of({image: composed(Path(os.path.relpath(image, folder)).as_posix()) for image in found})


def _refs_of(keys: Mapping[Path, str]) -> list[ImageRef]:
    """The images of files, each file's by its key; a file of several scenes is several images."""
    return [picture.ref(keys[picture.path]) for picture in pictures_of(keys) if isinstance(picture.path, Path)]


def _without_plain_folders(folder: Path, pattern: str) -> tuple[Path, str]:
    """The folder that a pattern's leading plain names lead to (``../images``), and the rest of the pattern."""
    parts = PurePosixPath(pattern.replace("\\", "/")).parts
    plain = 0
    while plain < len(parts) - 1 and not set("*?[") & set(parts[plain]):
        plain += 1
    return folder.joinpath(*parts[:plain]), "/".join(parts[plain:])


def _is_of_a_run(image: Path, root: Path) -> bool:
    above = image.relative_to(root).parts[:-1]
    return any(_is_results(root.joinpath(*above[: depth + 1])) for depth in range(len(above)))


@cache
def _is_results(folder: Path) -> bool:
    return is_results_folder(folder)


def _placed(refs: Sequence[ImageRef], groups: _GroupsTable, folder: Path) -> tuple[StudyImage, ...]:
    if groups.pattern and groups.table:
        raise StudyError("[groups] has a pattern or a table, not both")
    if groups.table:
        return placed_by_layout(refs, folder / groups.table, tuple(map(composed, groups.order)))
    if groups.pattern:
        matcher = NamePattern.parse(groups.pattern, groups.order)
        return tuple(_placed_by_name(ref, matcher) for ref in refs)
    return tuple(StudyImage(ref, Placement(sample=ref.key)) for ref in refs)


def _placed_by_name(ref: ImageRef, matcher: NamePattern) -> StudyImage:
    try:
        placement = matcher.read(ref.key, ref.name)
    except StudyError as error:
        return StudyImage(ref, Placement(sample=ref.key), problem=str(error))
    sample = placement.sample or ref.key
    return StudyImage(ref, Placement(placement.group, sample, placement.field, placement.batch))


def _without(images: Sequence[StudyImage], exclude: Mapping[str, str], *, partial: bool) -> tuple[StudyImage, ...]:
    reasons = {composed(key): reason or "excluded" for key, reason in exclude.items()}
    keys = {image.ref.key for image in images}
    unknown = [key for key in reasons if key not in keys]
    if unknown and not partial:
        raise StudyError(f'[exclude] names "{unknown[0]}", which is none of the study\'s images')
    marked = tuple(replace(image, excluded=reasons.get(image.ref.key, image.excluded)) for image in images)
    if not partial and all(image.excluded for image in marked):
        raise StudyError("all images of the study are excluded")
    return marked


def draft_study(folder: str | Path, assay: str) -> str:
    """A study.toml for a folder of images, its pattern and groups guessed from their names, to be edited.

    Raises
    ------
    ExoimageError
        If there is no such folder, no image in it or no such assay.
    """
    kind = recipe_class(assay)
    folder = Path(folder)
    if not folder.is_dir():
        raise StudyError(f"{folder}: there is no such folder")
    files = {ref.key: ref.files[0] for ref in _refs(folder, "**/*")}
    if kind.regions_are_placed:
        return draft_blot(folder.absolute().name, assay, list(files))
    channels = guess_patterns(list(files), kind.channel_names) if kind.channel_names else {}
    keys = [one.ref.key for one in pair(files, channels)] if channels else list(files)
    pattern, groups = guess_pattern(keys)
    suffixes = sorted({Path(key).suffix for key in files})
    parents = sorted({Path(key).parent.as_posix() for key in files})
    where = "" if parents == ["."] else f"{parents[0]}/" if len(parents) == 1 else "**/"
    glob = f"{where}*{suffixes[0]}" if len(suffixes) == 1 else f"{where}*"
    control = next((g for g in groups if re.search(r"control|ctrl|ctl|untreated|vehicle|sham|blank", g, re.I)), "")
    lines = [
        "[study]",
        f"name = {quoted(folder.absolute().name)}",
        f'assay = "{assay}"',
        f"images = {quoted(glob)}",
        "# pixel_size_um = 0.65          # only where the files don't say",
        "",
        *_channel_lines(channels, kind.channel_names),
        "[groups]",
        *(
            [f"pattern = {quoted(pattern)}"]
            if pattern
            else ['# pattern = "{group}_{sample}_{field}"   # no pattern fits these names: write one, or a table']
        ),
        f"order = [{', '.join(quoted(group) for group in groups)}]",
        f"control = {quoted(control)}",
        "",
        "[statistics]",
        'unit = "sample"                 # n is animals or wells, not fields',
        'test = "anova"',
        'posthoc = "tukey"',
        "",
        "[recipe]",
        f"# parameters that differ from the defaults: see  exoimage recipe {assay}",
        "",
    ]
    return "\n".join(lines)


def _channel_lines(channels: Mapping[str, str], names: Sequence[str]) -> list[str]:
    if channels:
        lines = [f"{_key(channel)} = {quoted(pattern)}" for channel, pattern in channels.items()]
        return ["[channels]                       # guessed from the names: look whether it is so", *lines, ""]
    if names:
        lines = [f'# {name} = "*_{name}.tif"' for name in names]
        return ["# [channels]                     # only where channels are files of their own", *lines, ""]
    return []


def _key(name: str) -> str:
    return name if re.fullmatch(r"[A-Za-z0-9_-]+", name) else quoted(name)
