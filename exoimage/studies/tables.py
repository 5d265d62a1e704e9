"""The tables of a run, rebuilt from its records."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

from exoimage.assays.columns import Row, Value
from exoimage.images.writing import write_whole
from exoimage.studies.naming import Placement
from exoimage.studies.store import Record, Store
from exoimage.studies.study import Study, StudyImage

IMAGE_HEAD = (
    "image", "region", "group", "sample", "field", "batch", "status", "error", "flags", "included", "reason",
)  # fmt: skip
TEXT_COLUMNS = frozenset(IMAGE_HEAD)
"""Columns that hold text, the others hold numbers."""

SAMPLE_HEAD = ("group", "sample", "n_fields")


def _rows_of(image: StudyImage, record: Record | None) -> Iterator[dict[str, Value]]:
    if record is None or not record.ok:
        error = record.error if record is not None else "it was not measured"
        yield _head(image, "", image.placement, error=error)
        return
    for region in record.regions:
        head = _head(image, region.region, image.placed(region.region), flags=" ".join(region.flags))
        if image.regions and region.region not in image.regions and image.placement.group == "":
            head |= {"included": False, "reason": head["reason"] or "no group in the layout"}
        yield head | dict(region.values)
    names = [region.region for region in record.regions]
    for name in image.regions:
        if name not in names:
            error = f"the layout names a region {name!r}; the image has {', '.join(names)}"
            yield _head(image, name, image.regions[name], error=error)


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
    cells = (map(_cell, record.objects.get(name, (None,) * count)) for name in columns)
    return zip((image.ref.key,) * count, *cells, strict=True)


def sample_rows(study: Study, rows: Iterable[Row]) -> list[dict[str, Value]]:
    """The rows of samples.csv: each column aggregated from field to sample as it declares."""
    units: dict[tuple[str, str], list[Row]] = {}
    for row in rows:
        if row["status"] == "ok" and row["included"]:
            units.setdefault((str(row["group"]), str(row["sample"])), []).append(row)
    place = {group: index for index, group in enumerate(study.order)}
    ordered = sorted(units.items(), key=lambda item: place.get(item[0][0], len(place)))
    return [
        {
            "group": group,
            "sample": sample,
            "n_fields": len(fields),
            **{c.name: c.aggregation.of(c.name, fields) for c in study.recipe.columns},
        }
        for (group, sample), fields in ordered
    ]


def write_tables(study: Study, store: Store) -> tuple[int, int]:
    """Write images.csv, objects.csv and samples.csv, in the study's order.

    Returns
    -------
    (rows, failed rows) of images.csv
    """
    columns = [column.name for column in study.recipe.columns]
    of_objects = ("region", "object", *(column.name for column in study.recipe.object_columns))
    rows: list[dict[str, Value]] = []
    objects = io.StringIO()
    writer = csv.writer(objects, lineterminator="\n")
    writer.writerow(("image", *of_objects))
    for image in study.images:
        record = store.read_record(image.ref.slug)
        rows += _rows_of(image, record)
        writer.writerows(_object_cells(image, record, of_objects))
    write_csv(store.folder / "images.csv", [*IMAGE_HEAD, *columns], rows)
    write_whole(store.folder / "objects.csv", objects.getvalue().encode())
    write_csv(store.folder / "samples.csv", [*SAMPLE_HEAD, *columns], sample_rows(study, rows))
    return len(rows), sum(row["status"] == "failed" for row in rows)


def write_csv(path: Path, header: Sequence[str], rows: Iterable[Mapping[str, Value]]) -> None:
    """Write a table as UTF-8 CSV, with a header row, a dot as decimal mark and empty cells for what is unknown."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(header)
    writer.writerows([_cell(row.get(name)) for name in header] for row in rows)
    write_whole(path, text.getvalue().encode())


def _cell(value: Value) -> str:
    if isinstance(value, float):
        return repr(value)
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)
