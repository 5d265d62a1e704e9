"""layout.csv: which image, or which region of it (a well, a lane), belongs to which group."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from exoimage.errors import StudyError
from exoimage.images.image import ImageRef
from exoimage.studies.measured_tables import read_measured_table
from exoimage.studies.naming import PLACES, SCENE, Placement, composed, stem_of
from exoimage.studies.study import StudyImage

COLUMNS = ("image", "region", *PLACES)

Row = Mapping[str, str]


def placed_by_layout(refs: Sequence[ImageRef], table: Path, order: Sequence[str]) -> tuple[StudyImage, ...]:
    """Place images by a table with the columns image, group and, as needed, region, sample, field, batch.

    An image is named by its path relative to the study, by its file's name, or by that without suffix. An image without
    a row is excluded; a row without an image, or whose name fits several, is an image with a problem.

    Raises
    ------
    StudyError
        If the table cannot be read or lacks a column.
    """
    of_key: dict[str, list[tuple[str, Row]]] = {}
    astray: dict[str, str] = {}
    named = _names(refs)
    for row in _read(table):
        keys = named.get(composed(row["image"]), ())
        if len(keys) == 1:
            of_key.setdefault(keys[0], []).append((row["image"], row))
        elif keys:
            astray[row["image"]] = f"{table.name} names it, but {', '.join(keys)} fit: write the whole path"
        else:
            astray[row["image"]] = f"{table.name} names it, but there is no such image"
    images = [_placed(ref, of_key.get(ref.key, []), order, table) for ref in refs]
    folder = table.absolute().parent
    return (
        *images,
        *(StudyImage(ImageRef(name, (str(folder / name),)), problem=problem) for name, problem in astray.items()),
    )


def images_of_layout(table: Path, folder: Path) -> list[ImageRef]:
    """The images that a table names, as paths relative to a folder, each once.

    Raises
    ------
    StudyError
        If the table cannot be read or lacks a column.
    """
    names = dict.fromkeys(composed(row["image"]) for row in _read(table))
    return [ImageRef(Path(name).as_posix(), (str(folder / name),)) for name in names]


def _names(refs: Sequence[ImageRef]) -> dict[str, tuple[str, ...]]:
    """The images that each name stands for."""
    found: dict[str, dict[str, None]] = {}
    for ref in refs:
        name = ref.key.rpartition("/")[2]
        by_scene = (f"{name.rpartition(SCENE)[0]}{SCENE}{ref.name}",) if ref.name else ()
        for text in (name, stem_of(name), *by_scene):
            found.setdefault(text, {})[ref.key] = None
    return {**{name: tuple(keys) for name, keys in found.items()}, **{ref.key: (ref.key,) for ref in refs}}


def _read(table: Path) -> list[Row]:
    content = read_measured_table(table)
    header = [name.strip().lower() for name in content.header]
    if not {"image", "group"} <= set(header):
        raise StudyError(f"{table}: expected the columns {', '.join(COLUMNS)}; got {', '.join(content.header)}")
    rows = [dict(zip(header, cells, strict=True)) for cells in content.rows]
    return [{name: composed(row.get(name, "")) for name in COLUMNS} for row in rows if row["image"]]


def _placed(ref: ImageRef, rows: Sequence[tuple[str, Row]], order: Sequence[str], table: Path) -> StudyImage:
    unplaced = Placement(sample=ref.key)
    if not rows:
        return StudyImage(ref, unplaced, excluded=f"not in {table.name}")
    placements: dict[str, Placement] = {}
    for _, row in rows:
        region, group = row["region"], row["group"]
        if order and group not in order:
            return StudyImage(ref, unplaced, problem=f'{table.name}: the group "{group}" is none of {", ".join(order)}')
        if region in placements:
            what = f"its region {region!r}" if region else "it"
            return StudyImage(ref, unplaced, problem=f"{table.name} names {what} twice")
        sample = row["sample"] or (f"{ref.key} {region}" if region else ref.key)
        placements[region] = Placement(group, sample, row["field"], row["batch"])
    batches = {placement.batch for placement in placements.values()}
    if len(batches) > 1:
        return StudyImage(ref, unplaced, problem=f"{table.name}: its regions are of several batches; a picture has one")
    whole = placements.pop("", Placement(sample=ref.key, batch=batches.pop()))
    return StudyImage(ref, whole, placements)
