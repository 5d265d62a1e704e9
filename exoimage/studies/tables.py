"""The tables of a run, rebuilt from its records."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from exoimage.assays.columns import Value
from exoimage.assays.design import combined
from exoimage.flags import flag
from exoimage.images.discovery import natural_key
from exoimage.images.writing import whole_file
from exoimage.studies.csv_tables import cell, write_csv
from exoimage.studies.dictionary import dictionary
from exoimage.studies.naming import Placement
from exoimage.studies.statistics.rows import TEXTS as STATISTICS_TEXTS
from exoimage.studies.statistics.writing import write_statistics
from exoimage.studies.store import Record, Store
from exoimage.studies.study import Study, StudyImage
from exoimage.studies.workbook import write_workbook

IMAGE_HEAD = (
    "image", "region", "group", "sample", "field", "batch", "status", "error", "flags", "included", "reason",
)  # fmt: skip
TEXT_COLUMNS = frozenset((*IMAGE_HEAD, "target")) | STATISTICS_TEXTS
"""Columns that hold text, the others hold numbers."""

SHEETS = ("images", "objects", "samples", "groups", "tests", "groups_all", "tests_all")
"""The tables that results.xlsx holds, where they are there."""

NO_GROUP = "no group in the layout"
"""Why a region does not count that the layout does not name."""

SAMPLE_HEAD = ("group", "sample", "batch", "n_fields")


def _rows_of(study: Study, image: StudyImage, record: Record | None) -> Iterator[dict[str, Value]]:
    error = "it was not measured" if record is None else record.error or _misplaced(study, image, record)
    if record is None or error:
        yield _head(image, "", image.placement, error=error)
        return
    for region in record.regions:
        head = _head(image, region.region, image.placed(region.region), flags=" ".join(region.flags))
        if image.regions and image.placed(region.region).group == "":
            head |= {"included": False, "reason": head["reason"] or NO_GROUP}
        elif not image.excluded and (unfit := _unfit(region.flags)):
            head |= {"included": False, "reason": unfit}
        yield head | dict(region.values)
    names = [region.region for region in record.regions]
    for name, place in image.regions.items():
        if name not in names and (place.group or not study.recipe.regions_are_placed):
            error = f"the layout names a region {name!r}; the image has {', '.join(names)}"
            yield _head(image, name, place, error=error)


def _unfit(flags: Iterable[str]) -> str:
    """The flags that say a row is not fit to be counted; empty if there are none."""
    return " ".join(name for name in flags if flag(name).severity == "exclude")


def _misplaced(study: Study, image: StudyImage, record: Record) -> str:
    """Why the regions found cannot be those that the layout names, where one more or less would shift all others."""
    if not (study.recipe.regions_are_placed and image.regions):
        return ""
    silent = set(image.recipe_of(study.recipe).regions_without_row())
    found = {region.region for region in record.regions} | silent
    if found - silent == set(image.regions) - silent:
        return ""
    named = ", ".join(f"{lane} {place.group or '(no group)'}" for lane, place in image.regions.items())
    seen = ", ".join(sorted(found, key=natural_key))
    ladder = f", the ladder's {' '.join(silent)} included" if silent else ""
    return (
        f"{len(found)} lanes were found ({seen}{ladder}), the layout names {len(set(image.regions) | silent)}"
        f" ({named}): correct the layout (a lane that does not count has an empty group), or look at the overlay and"
        ' give the number of lanes, the ladder\'s included: lanes = { method = "find", count = … }'
    )


def _head(
    image: StudyImage, region: str, placement: Placement, *, error: str = "", flags: str = ""
) -> dict[str, Value]:
    return {
        "image": image.ref.key,
        "region": region,
        "group": placement.group,
        "sample": placement.sample,
        "field": placement.field,
        "batch": placement.batch,
        "status": "failed" if error else "ok",
        "error": " ".join(error.split()),
        "flags": flags,
        "included": not image.excluded,
        "reason": image.excluded,
    }


def _object_cells(image: StudyImage, record: Record | None, columns: Sequence[str]) -> Iterator[tuple[str, ...]]:
    """The rows of objects.csv of one image, as text."""
    if record is None or not record.ok or not record.objects:
        return iter(())
    count = len(record.objects["object"])
    cells = (map(cell, record.objects.get(name, (None,) * count)) for name in columns)
    return zip((cell(image.ref.key),) * count, *cells, strict=True)


@dataclass(frozen=True)
class Written:
    """What was written.

    Parameters
    ----------
    rows, failed_rows : int
        Of images.csv.
    inputs : mapping of image to inputs
        Identity of the files that each record is of; empty where there is none.
    errors : mapping of image to str
        Of those that failed.
    """

    rows: int
    failed_rows: int
    inputs: Mapping[str, Mapping[str, str]]
    errors: Mapping[str, str]


def write_tables(study: Study, store: Store) -> Written:
    """Write images.csv, objects.csv, samples.csv and what is made of them, in the study's order.

    Every record is read once and let go of: objects of many images do not stay in memory.
    """
    of_objects = ("region", "object", *(column.name for column in study.recipe.object_columns))
    rows: list[dict[str, Value]] = []
    inputs: dict[str, Mapping[str, str]] = {}
    errors: dict[str, str] = {}
    with whole_file(store.folder / "objects.csv") as file, io.TextIOWrapper(file, "utf-8", newline="") as text:
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow(("image", *of_objects))
        for image in study.images:
            record = store.read_record(image.ref.slug)
            rows += _rows_of(study, image, record)
            writer.writerows(_object_cells(image, record, of_objects))
            inputs[image.ref.key] = record.inputs if record else {}
            errors[image.ref.key] = record.error if record else ""
    columns = study.recipe.study_columns(study.design)
    whole = study.recipe.study_rows(rows, study.design)
    names = [column.name for column in columns]
    write_csv(store.folder / "images.csv", [*IMAGE_HEAD, *names], whole)
    samples = combined(columns, whole, study.design)
    write_csv(store.folder / "samples.csv", [*SAMPLE_HEAD, *names], samples)
    write_statistics(store.folder, study, whole, samples, columns)
    heads = {"images": IMAGE_HEAD, "objects": ("image", *of_objects[:2]), "samples": SAMPLE_HEAD}
    files = {name: store.folder / f"{name}.csv" for name in SHEETS}
    write_workbook(
        store.folder / "results.xlsx", files, TEXT_COLUMNS, dictionary(heads, columns, study.recipe.object_columns)
    )
    return Written(len(rows), sum(row["status"] == "failed" for row in rows), inputs, errors)
