"""A study: which images, in which groups, measured by which recipe; read from study.toml."""

from __future__ import annotations

import csv
import difflib
import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from exoimage.assays.recipe import Recipe
from exoimage.assays.recipe_text import load_recipe, read_toml, recipe_from, validated
from exoimage.assays.registry import recipe_class
from exoimage.errors import ExoimageError, RecipeError, StudyError
from exoimage.images.discovery import find_images, natural_key
from exoimage.images.image import ImageRef

PLACES = ("group", "sample", "field", "batch")


@dataclass(frozen=True)
class Placement:
    """Where an image, or one region of it, belongs in the design of the study."""

    group: str = ""
    sample: str = ""
    field: str = ""
    batch: str = ""


@dataclass(frozen=True)
class StudyImage:
    """One image of a study.

    Parameters
    ----------
    ref : ImageRef
    placement : Placement
        Of the image, where its regions have none of their own.
    regions : mapping of region name to Placement
        Wells and lanes have groups of their own.
    excluded : str
        Why the image does not count; empty if it does.
    problem : str
        Why the image cannot be measured as the study is written; empty if it can.
    """

    ref: ImageRef
    placement: Placement = Placement()
    regions: Mapping[str, Placement] = field(default_factory=dict)
    excluded: str = ""
    problem: str = ""

    def placed(self, region: str) -> Placement:
        """The placement of one region."""
        return self.regions.get(region, self.placement)


class Statistics(BaseModel):
    """The plan for the statistics: what is a unit, which tests."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    unit: Literal["sample", "field"] = "sample"
    pair: str = ""
    test: Literal["anova", "welch", "kruskal", "t", "welch-t", "paired-t", "mann-whitney"] = "anova"
    posthoc: Literal["tukey", "dunnett", "holm", "games-howell", "dunn", "lsd"] = "tukey"


@dataclass(frozen=True)
class Study:
    """Images with groups, one recipe, one plan for the statistics.

    Parameters
    ----------
    name : str
    recipe : Recipe
    images : tuple of StudyImage
        In the order of the tables.
    order : tuple of str
        The groups, as figures show them.
    control : str
        The group others are compared with; empty if none.
    pixel_size : float or None
        In µm; for the images whose files do not say it.
    statistics : Statistics
    source : str
        The study's file, for the record of the run.
    """

    name: str
    recipe: Recipe[Any]
    images: tuple[StudyImage, ...]
    order: tuple[str, ...] = ()
    control: str = ""
    pixel_size: float | None = None
    statistics: Statistics = field(default_factory=Statistics)
    source: str = ""


class _StudyTable(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str = ""
    assay: str = ""
    recipe: str = ""
    images: str = ""
    pixel_size_um: float | None = Field(None, gt=0)


class _GroupsTable(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    pattern: str = ""
    table: str = ""
    order: tuple[str, ...] = ()
    control: str = ""


class _StudyFile(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    study: _StudyTable
    groups: _GroupsTable = _GroupsTable()
    exclude: dict[str, str] = {}
    statistics: Statistics = Statistics()
    recipe: dict[str, Any] = {}
    channels: dict[str, str] = {}
    membranes: tuple[dict[str, Any], ...] = ()
    blot: dict[str, Any] = {}


def load_study(path: str | Path) -> Study:
    """Read a study.toml.

    Parameters
    ----------
    path : path
        The file; image patterns and other files in it are relative to its folder.

    Raises
    ------
    StudyError
        If the file cannot be read, names unknown keys, finds no image or contradicts itself.
    """
    path = Path(path)
    try:
        file = validated(_StudyFile, read_toml(path), where=str(path))
        recipe = _recipe_of(file, path)
    except RecipeError as error:
        raise StudyError(str(error) if str(path) in str(error) else f"{path}: {error}") from None
    _refuse_other_assays_tables(file, path)
    folder = path.absolute().parent
    if not file.study.images:
        raise StudyError(f'{path}: [study] names its images, like images = "images/*.tif"')
    found = find_images(folder, file.study.images)
    keys = [Path(os.path.relpath(image, folder)).as_posix() for image in found]
    refs = [ImageRef(key, (str(image),)) for key, image in zip(keys, found, strict=True)]
    images = _placed(refs, file.groups, path)
    if not images:
        raise StudyError(f'{path}: no image fits images = "{file.study.images}" in {folder}')
    images = _without(images, file.exclude, path)
    order = file.groups.order or _groups_of(images)
    if file.groups.control and file.groups.control not in order:
        raise StudyError(f"{path}: the control {file.groups.control!r} is none of the groups {', '.join(order)}")
    return Study(
        file.study.name or folder.name,
        recipe,
        images,
        order,
        file.groups.control,
        file.study.pixel_size_um,
        file.statistics,
        str(path),
    )


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
        root = given if given.is_dir() else given.parent
        found = find_images(given) if given.is_dir() else [given]
        if not found:
            raise StudyError(f"{given}: there is no image in this folder")
        files += [(root.absolute(), image.absolute()) for image in found]
    roots = {root for root, _ in files}
    base = roots.pop() if len(roots) == 1 else Path(os.path.commonpath([str(root) for root, _ in files]))
    keys = {Path(os.path.relpath(image, base)).as_posix(): str(image) for _, image in files}
    images = tuple(
        StudyImage(ImageRef(key, (file,)), Placement(sample=key))
        for key, file in sorted(keys.items(), key=lambda item: natural_key(item[0]))
    )
    return Study(name or base.name, recipe, images, pixel_size=pixel_size)


def _recipe_of(file: _StudyFile, path: Path) -> Recipe[Any]:
    folder = path.absolute().parent
    if bool(file.study.assay) == bool(file.study.recipe):
        raise StudyError(f'{path}: [study] names either assay = "alizarin-red" or recipe = "mine.toml"')
    if file.study.assay:
        return recipe_from(file.study.assay, file.recipe, where=f"{path}: [recipe]", folder=folder)
    base = load_recipe(folder / file.study.recipe)
    values = {**base.model_dump(mode="json"), **file.recipe}
    return recipe_from(base.assay, values, where=f"{path}: [recipe]", folder=folder)


def _refuse_other_assays_tables(file: _StudyFile, path: Path) -> None:
    given = [name for name in ("channels", "membranes", "blot") if getattr(file, name)]
    if given:
        assay = file.study.assay or file.study.recipe
        raise StudyError(f"{path}: [{given[0]}] means nothing to {assay}, which measures colour pictures; remove it")


def _placed(refs: Sequence[ImageRef], groups: _GroupsTable, path: Path) -> tuple[StudyImage, ...]:
    if groups.pattern and groups.table:
        raise StudyError(f"{path}: [groups] has a pattern or a table, not both")
    if groups.table:
        return _placed_by_table(refs, groups, path)
    if groups.pattern:
        matcher = NamePattern.parse(groups.pattern, groups.order)
        return tuple(_placed_by_name(ref, matcher) for ref in refs)
    return tuple(StudyImage(ref, Placement(sample=ref.key)) for ref in refs)


@dataclass(frozen=True)
class NamePattern:
    """How a file's name says group, sample, field and batch: ``{group}_{sample}_{field}``.

    Examples
    --------
    >>> pattern = NamePattern.parse("{group}_{sample}_{field}", ("PMO", "PMO_Exos"))
    >>> pattern.read("images/PMO_Exos_2_1.tif")
    Placement(group='PMO_Exos', sample='2', field='1', batch='')
    """

    text: str
    order: tuple[str, ...]
    expression: re.Pattern[str]
    depth: int

    @classmethod
    def parse(cls, text: str, order: Sequence[str] = ()) -> NamePattern:
        """Compile a pattern; the names in `order` are matched first, longest first.

        Raises
        ------
        StudyError
            If it names a place that does not exist, one twice, or no group.
        """
        parts = re.split(r"\{(\w+)\}", text)
        places = parts[1::2]
        unknown = [place for place in places if place not in PLACES]
        if unknown or len(set(places)) != len(places) or "group" not in places:
            raise StudyError(
                f'the pattern "{text}" names {{group}} and may name {{sample}}, {{field}} and {{batch}}, each once'
            )
        names = "|".join(re.escape(name) for name in sorted(order, key=len, reverse=True))
        expression = re.escape(parts[0])
        for place, literal in zip(places, parts[2::2], strict=True):
            inner = names if place == "group" and names else "[^/]+?"
            expression += f"(?P<{place}>{inner}){re.escape(literal)}"
        return cls(text, tuple(order), re.compile(expression), text.count("/") + 1)

    def read(self, key: str) -> Placement:
        """The placement that a path says.

        Raises
        ------
        StudyError
            If the path does not fit the pattern, or its group is none of the order.
        """
        stem = key.rpartition(".")[0] if "." in key.rpartition("/")[2] else key
        tail = "/".join(stem.split("/")[-self.depth :])
        match = self.expression.fullmatch(tail)
        if match is None:
            raise StudyError(self._why_not(tail))
        return Placement(**match.groupdict())

    def _why_not(self, tail: str) -> str:
        anyone = NamePattern.parse(self.text).expression.fullmatch(tail) if self.order else None
        if anyone is None:
            return f'the name "{tail}" does not fit the pattern "{self.text}"'
        near = difflib.get_close_matches(anyone["group"], self.order, n=1)
        hint = f'; did you mean "{near[0]}"?' if near else ""
        return f'the group "{anyone["group"]}" is none of {", ".join(self.order)}{hint}'


def _placed_by_name(ref: ImageRef, matcher: NamePattern) -> StudyImage:
    try:
        placement = matcher.read(ref.key)
    except StudyError as error:
        return StudyImage(ref, Placement(sample=ref.key), problem=str(error))
    sample = placement.sample or ref.key
    return StudyImage(ref, Placement(placement.group, sample, placement.field, placement.batch))


def _placed_by_table(refs: Sequence[ImageRef], groups: _GroupsTable, path: Path) -> tuple[StudyImage, ...]:
    table = path.parent / groups.table
    rows = _read_layout(table)
    by_image: dict[str, list[dict[str, str]]] = {}
    for row in rows:
        by_image.setdefault(row["image"], []).append(row)
    named = {name: ref for ref in reversed(refs) for name in (ref.key, Path(ref.key).name, Path(ref.key).stem)}
    missing = [name for name in by_image if name not in named]
    listed = {named[name].key: entries for name, entries in by_image.items() if name in named}
    images = [_placed_by_rows(ref, listed.get(ref.key, []), groups, table) for ref in refs]
    images += [
        StudyImage(
            ImageRef(name, (str(path.absolute().parent / name),)),
            problem=f"{table.name} names it, but there is no such image",
        )
        for name in missing
    ]
    return tuple(images)


def _placed_by_rows(ref: ImageRef, rows: Sequence[Mapping[str, str]], groups: _GroupsTable, table: Path) -> StudyImage:
    if not rows:
        return StudyImage(ref, Placement(sample=ref.key), excluded=f"not in {table.name}")
    placements = {}
    for row in rows:
        if groups.order and row["group"] not in groups.order:
            return StudyImage(
                ref,
                Placement(sample=ref.key),
                problem=f'{table.name}: the group "{row["group"]}" is none of {", ".join(groups.order)}',
            )
        region = row["region"]
        sample = row["sample"] or (f"{ref.key} {region}" if region else ref.key)
        if region in placements:
            return StudyImage(ref, Placement(sample=ref.key), problem=f"{table.name} names its region {region!r} twice")
        placements[region] = Placement(row["group"], sample, row["field"], row["batch"])
    whole = placements.pop("", Placement(sample=ref.key))
    return StudyImage(ref, whole, placements)


def _read_layout(table: Path) -> list[dict[str, str]]:
    try:
        with table.open(encoding="utf-8-sig", newline="") as file:
            text = file.read()
    except (OSError, UnicodeDecodeError) as error:
        raise StudyError(f"{table}: cannot be read: {error}") from None
    dialect = ";" if text.partition("\n")[0].count(";") > text.partition("\n")[0].count(",") else ","
    reader = csv.DictReader(text.splitlines(), delimiter=dialect)
    header = {(name or "").strip().lower() for name in reader.fieldnames or ()}
    if not {"image", "group"} <= header:
        raise StudyError(
            f"{table}: expected the columns image, region, group, sample, field, batch; got {', '.join(sorted(header))}"
        )
    rows = []
    for row in reader:
        cells = {(k or "").strip().lower(): (v or "").strip() for k, v in row.items() if isinstance(v, str)}
        if cells.get("image"):
            rows.append({name: cells.get(name, "") for name in ("image", "region", *PLACES)})
    return rows


def _without(images: Sequence[StudyImage], exclude: Mapping[str, str], path: Path) -> tuple[StudyImage, ...]:
    keys = {image.ref.key for image in images}
    unknown = [key for key in exclude if key not in keys]
    if unknown:
        raise StudyError(f'{path}: [exclude] names "{unknown[0]}", which is none of the study\'s images')
    return tuple(
        StudyImage(i.ref, i.placement, i.regions, exclude.get(i.ref.key, "") or "excluded", i.problem)
        if i.ref.key in exclude
        else i
        for i in images
    )


def _groups_of(images: Sequence[StudyImage]) -> tuple[str, ...]:
    groups = {p.group for image in images for p in (image.placement, *image.regions.values()) if p.group}
    return tuple(sorted(groups, key=natural_key))


def draft_study(folder: str | Path, assay: str) -> str:
    """A study.toml for a folder of images, its pattern and groups guessed from their names, to be edited.

    Raises
    ------
    ExoimageError
        If there is no such folder, no image in it or no such assay.
    """
    recipe_class(assay)
    folder = Path(folder)
    if not folder.is_dir():
        raise StudyError(f"{folder}: there is no such folder")
    images = find_images(folder, "**/*")
    if not images:
        raise StudyError(f"{folder}: there is no image in this folder")
    keys = [Path(os.path.relpath(image, folder)).as_posix() for image in images]
    pattern, groups = _guess_pattern(keys)
    suffixes = sorted({Path(key).suffix for key in keys})
    parents = sorted({Path(key).parent.as_posix() for key in keys})
    where = "" if parents == ["."] else f"{parents[0]}/" if len(parents) == 1 else "**/"
    glob = f"{where}*{suffixes[0]}" if len(suffixes) == 1 else f"{where}*"
    control = next((g for g in groups if re.search(r"control|ctrl|ctl|untreated|vehicle|sham|blank", g, re.I)), "")
    lines = [
        "[study]",
        f"name = {_quoted(folder.absolute().name)}",
        f'assay = "{assay}"',
        f"images = {_quoted(glob)}",
        "# pixel_size_um = 0.65          # only where the files don't say",
        "",
        "[groups]",
        *(
            [f"pattern = {_quoted(pattern)}"]
            if pattern
            else ['# pattern = "{group}_{sample}_{field}"   # no pattern fits these names: write one, or a table']
        ),
        f"order = [{', '.join(_quoted(group) for group in groups)}]",
        f"control = {_quoted(control)}",
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


def _guess_pattern(keys: Sequence[str]) -> tuple[str, tuple[str, ...]]:
    """The first pattern that all names fit, with at least two groups, one of them of several images."""
    candidates = (
        "{group}_{sample}_{field}", "{group}-{sample}-{field}", "{group}/{sample}_{field}", "{group}/{sample}-{field}",
        "{group}/{sample}/{field}", "{group}_{sample}", "{group}-{sample}", "{group}/{sample}", "{group} {sample}",
    )  # fmt: skip
    for text in candidates:
        try:
            found = [NamePattern.parse(text).read(key).group for key in keys]
        except ExoimageError:
            continue
        groups = tuple(sorted(set(found), key=natural_key))
        if 2 <= len(groups) < len(keys):
            return text, groups
    return "", ()


def _quoted(text: str) -> str:
    import tomlkit

    return tomlkit.item(text).as_string()
