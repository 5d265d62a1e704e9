"""The report of a run: one HTML file that opens offline; many images go on over further pages."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

from exoimage import __version__
from exoimage.assays.columns import Column
from exoimage.assays.recipe import Resolved
from exoimage.images.writing import write_whole
from exoimage.studies import report_charts, report_parts, report_pictures
from exoimage.studies.axis_labels import axis_label
from exoimage.studies.deciding import pooled_among
from exoimage.studies.finished import Row, Tables, columns_of, group_names, is_of_a_pair, is_of_all_groups
from exoimage.studies.methods_text import methods_paragraph, references
from exoimage.studies.outputs import Drawn, DrawnFigure
from exoimage.studies.report_parts import Link, Notice, Table
from exoimage.studies.report_pictures import Shown
from exoimage.studies.store import Store
from exoimage.studies.study import Study
from exoimage.studies.work import observing_identity

PER_PAGE = 200
"""Images on a page. A study of no more has one file that holds its pictures; of larger ones the first page does, and
the others show those beside them: twenty thousand pictures in files that are sent by mail would be no help."""

MOST_EVIDENCE = 100
"""Images whose pixels make the histogram; evenly taken of more."""


@dataclass(frozen=True)
class FigureShown:
    """A figure within the page."""

    stem: str
    uri: str
    alt: str
    caption: str


@dataclass(frozen=True)
class ChartShown:
    """A drawing of the report's own."""

    svg: str
    caption: str


@dataclass(frozen=True)
class StatisticsPart:
    """Tables of the statistics."""

    title: str
    remark: str
    tables: tuple[Table, ...]


@dataclass(frozen=True)
class Report:
    """What the first page says of the whole study."""

    title: str
    assay: str
    version: str
    n_images: int
    facts: tuple[tuple[str, str], ...]
    problems: tuple[str, ...]
    notices: tuple[Notice, ...]
    figures: tuple[FigureShown, ...]
    statistics: tuple[StatisticsPart, ...]
    thresholds: str
    charts: tuple[ChartShown, ...]
    methods: str
    references: tuple[str, ...]
    commands: str


@dataclass(frozen=True)
class Page:
    """The images of one page."""

    number: int
    of: int
    first: int
    last: int
    is_linked: bool
    columns: tuple[report_parts.Head, ...]
    flags: tuple[str, ...]
    rows: tuple[report_parts.ImageRow, ...]
    cards: tuple[report_parts.Card, ...]
    links: tuple[Link, ...]


def write_report(
    study: Study, store: Store, tables: Tables, decided: Mapping[str, Resolved], drawn: Drawn
) -> tuple[Path, ...]:
    """Write ``report.html`` and, for many images, ``report_2.html`` and so on.

    Parameters
    ----------
    study : Study
    store : Store
    tables : Tables
    decided : mapping of batch to Resolved
    drawn : Drawn
        The figures as they were written.

    Returns
    -------
    tuple of Path
        The pages; the same bytes for the same results.
    """
    by_image: dict[str, list[Row]] = {}
    for row in tables.images:
        by_image.setdefault(str(row["image"]), []).append(row)
    order = report_parts.by_urgency(by_image)
    href = {image: f"{'' if i < PER_PAGE else page_name(i // PER_PAGE + 1)}#i{i + 1}" for i, image in enumerate(order)}
    whole = _report(study, store, tables, decided, drawn, href)
    paths = []
    for page in _pages(study, store, tables, by_image, order):
        paths.append(store.folder / page_name(page.number))
        write_whole(paths[-1], render(whole, page).encode())
    remove_pages(store.folder, beyond=len(paths))
    return tuple(paths)


def page_name(number: int) -> str:
    """The file of a page."""
    return "report.html" if number == 1 else f"report_{number}.html"


def remove_pages(folder: Path, beyond: int = 0) -> None:
    """Remove the pages of an earlier run that are no longer true."""
    for path in folder.glob("report*.html"):
        number = path.stem.removeprefix("report_") if path.stem != "report" else "1"
        if number.isdigit() and int(number) > beyond:
            path.unlink(missing_ok=True)


def render(report: Report, page: Page) -> str:
    """A page as HTML; every text is escaped by the template."""
    script = _asset("report.js")
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    text: str = _template().render(
        report=report, page=page, style=_asset("report.css"), script=script, script_hash=f"sha256-{digest}"
    )
    return text


@cache
def _template() -> Any:
    from jinja2 import Environment, StrictUndefined

    environment = Environment(autoescape=True, trim_blocks=True, lstrip_blocks=True, undefined=StrictUndefined)
    return environment.from_string(_asset("report_template.html"))


@cache
def _asset(name: str) -> str:
    return files("exoimage.studies").joinpath(name).read_text(encoding="utf-8").replace("\r\n", "\n")


def _pages(
    study: Study, store: Store, tables: Tables, by_image: Mapping[str, Sequence[Row]], order: Sequence[str]
) -> Iterator[Page]:
    slugs = {image.ref.key: image.ref.slug for image in study.images}
    measured = columns_of(study)
    columns = report_parts.shown_columns(measured, tables.images)
    primary = [column for column in measured if column.primary]
    has_regions = any(row["region"] not in ("", "whole") for row in tables.images)
    has_batches = any(row["batch"] for row in tables.images)
    heads = report_parts.image_heads(columns, has_regions, has_batches)
    count = max(1, -(-len(order) // PER_PAGE))
    for number in range(1, count + 1):
        images = order[(number - 1) * PER_PAGE : number * PER_PAGE]
        is_linked = number > 1
        rows, cards = [], []
        for place, image in enumerate(images, (number - 1) * PER_PAGE + 1):
            anchor, own = f"i{place}", by_image[image]
            rows += [report_parts.image_row(row, anchor, columns, has_regions, has_batches) for row in own]
            shown = _shown(store, slugs.get(image, ""), own, len(images), is_linked)
            cards.append(report_parts.card(own, anchor, primary, shown))
        flags = tuple(
            sorted({name for image in images for row in by_image[image] for name in report_parts.flags_of(row)})
        )
        first = (number - 1) * PER_PAGE + 1
        yield Page(
            number, count, first, first + len(images) - 1, is_linked, heads, flags, tuple(rows), tuple(cards),
            _page_links(number, count),
        )  # fmt: skip


def _shown(store: Store, slug: str, rows: Sequence[Row], n_pictures: int, is_linked: bool) -> Shown:
    if not slug or all(row["status"] == "failed" for row in rows):
        return Shown()
    return report_pictures.linked(store, slug) if is_linked else report_pictures.embedded(store, slug, n_pictures)


def _page_links(number: int, count: int) -> tuple[Link, ...]:
    """The first and last pages and those around this one."""
    near = sorted({1, count, *(n for n in range(number - 3, number + 4) if 1 <= n <= count)})
    return tuple(Link(f"Page {n}", "" if n == number else page_name(n)) for n in near)


def _report(
    study: Study,
    store: Store,
    tables: Tables,
    decided: Mapping[str, Resolved],
    drawn: Drawn,
    href: Mapping[str, str],
) -> Report:
    sentence, charts = _thresholds(study, store, tables, decided)
    return Report(
        title=study.name or "Measured images",
        assay=study.recipe.title,
        version=__version__,
        n_images=len(href),
        facts=_facts(study, tables),
        problems=drawn.problems,
        notices=report_parts.notices(tables.images, href),
        figures=tuple(_figure(store.folder / "figures", one) for one in drawn.shown),
        statistics=_statistics(tables),
        thresholds=sentence,
        charts=charts,
        methods=methods_paragraph(study, tables, decided),
        references=references(study, tables),
        commands=_commands(study),
    )


def _facts(study: Study, tables: Tables) -> tuple[tuple[str, str], ...]:
    images = {str(row["image"]) for row in tables.images}
    failed = {str(row["image"]) for row in tables.images if row["status"] == "failed"}
    left_out = {str(row["image"]) for row in tables.images if not row["included"]}
    flagged = {str(row["image"]) for row in tables.images if row["flags"]}
    groups = group_names(study, tables.images)
    facts = [("Images", str(len(images))), ("Failed", str(len(failed))), ("Left out", str(len(left_out)))]
    facts.append(("With flags", str(len(flagged))))
    if groups:
        facts.append(("Groups", ", ".join(groups)))
        facts.append(("Samples", str(sum(bool(row["group"]) for row in tables.samples))))
    return tuple(facts)


def _figure(folder: Path, figure: DrawnFigure) -> FigureShown:
    """A chart as SVG; the panel, which holds photographs, as JPEG."""
    stem, caption = figure.stem, figure.caption
    if stem == "panel":
        uri = report_pictures.as_jpeg_uri(folder / f"{stem}.png")
    else:
        uri = report_pictures.data_uri("image/svg+xml", (folder / f"{stem}.svg").read_bytes())
    return FigureShown(
        stem, uri, f"{'Pictures over bar chart' if stem == 'panel' else 'Bar chart'}: {caption}", caption
    )


def _statistics(tables: Tables) -> tuple[StatisticsPart, ...]:
    if not tables.groups:
        return ()
    with_all = tables.groups_all or tables.tests_all
    counted = StatisticsPart(
        "Rows that count" if with_all else "All rows",
        "Images that were left out are not in these tables." if with_all else "",
        _statistics_tables(tables.groups, tables.tests),
    )
    moved = _sensitivity(tables)
    if not with_all:
        return (counted, *moved)
    every = StatisticsPart(
        "With the rows that were left out",
        "The same with all rows that have numbers: whether the conclusion hangs on what was left out.",
        _statistics_tables(tables.groups_all, tables.tests_all),
    )
    return (counted, every, *moved)


def _sensitivity(tables: Tables) -> tuple[StatisticsPart, ...]:
    if not tables.sensitivity:
        return ()
    variants = [row for row in tables.sensitivity if row["variant"]]
    stands = sum(row["conclusion_stands"] == "true" for row in variants)
    remark = (
        "Measured again with each threshold moved and with other methods: the conclusion, which is the order of the"
        f" groups and the pairs that differ, stands in {stands} of {len(variants)} comparisons."
    )
    return (StatisticsPart("Sensitivity", remark, (report_parts.plain_table("Variants", variants),)),)


def _statistics_tables(groups: Sequence[Row], tests: Sequence[Row]) -> tuple[Table, ...]:
    omnibus = [row for row in tests if is_of_all_groups(row)]
    pairs = [row for row in tests if is_of_a_pair(row)]
    checks = [row for row in tests if not is_of_all_groups(row) and not is_of_a_pair(row)]
    tables = (
        report_parts.plain_table("Groups", groups),
        report_parts.plain_table("Tests over all groups", omnibus, ("kind", "p_holm", "stars")),
        report_parts.plain_table("Pairs of groups", pairs, ("kind", "p_unadjusted")),
        report_parts.plain_table("Checks of what the tests assume", checks, ("kind",)),
    )
    return tuple(table for table in tables if table.rows)


def _thresholds(
    study: Study, store: Store, tables: Tables, decided: Mapping[str, Resolved]
) -> tuple[str, tuple[ChartShown, ...]]:
    """What is to be said of thresholds, and drawn: over the images, and in the histogram."""
    charts = []
    sentences = []
    for column in study.recipe.columns:
        if column.name.startswith("threshold"):
            known = [
                (report_parts.row_name(row), row[column.name])
                for row in tables.images
                if row.get(column.name) is not None
            ]
            if known:
                sentences.append(_spread(column, [value for _, value in known]))
                names, values = zip(*known, strict=True)
                drawing = report_charts.threshold_chart(names, values, axis_label(column.name))
                charts.append(ChartShown(drawing, f"{axis_label(column.name)} of each image."))
    for batch, resolved in decided.items():
        shown = resolved.recipe.cut_histogram(_some_evidence(study, store, batch if len(decided) > 1 else ""))
        if not shown.is_empty:
            of = f" of batch {batch}" if batch else ""
            text = f"{shown.quantity[:1].upper()}{shown.quantity[1:]} in {int(shown.counts.sum()):,} {shown.of}{of}."
            charts.append(
                ChartShown(
                    report_charts.histogram_chart(shown),
                    f"{text} What lies right of the cut counts."
                    if not shown.quantity.startswith("grey")
                    else f"{text} What lies left of the cut counts.",
                )
            )
    return " ".join(sentences), tuple(charts)


def _spread(column: Column, values: Sequence[float]) -> str:
    name = axis_label(column.name)
    low, high = min(values), max(values)
    if low == high:
        return f"{name}: {low:.4g}, the same for all images."
    return f"{name}: {low:.4g} to {high:.4g} over the images."


def _some_evidence(study: Study, store: Store, batch: str) -> list[Any]:
    """What observing kept of some images that count, evenly taken."""
    own = [i for i in study.images if not i.excluded and (not batch or i.placement.batch == batch)]
    step = -(-len(own) // MOST_EVIDENCE) or 1
    found = []
    for image in own[::step]:
        record = store.read_record(image.ref.slug)
        if record is not None and record.ok:
            identity = observing_identity(image.recipe_of(study.recipe), record.inputs, pooled_among(study))
            evidence = store.read_evidence(image.ref.slug, study.recipe.evidence, identity)
            found += [evidence] if evidence is not None else []
    return found


def _commands(study: Study) -> str:
    if not study.source:
        return (
            "# in a terminal, in the folder of the results\n"
            f"exoimage measure {study.recipe.assay} IMAGES --recipe recipe.toml --out again\n\n"
            "# other images by the same white point, stains and threshold\n"
            f"exoimage measure {study.recipe.assay} OTHER_IMAGES --resolved resolved.toml --out others"
        )
    name = Path(study.source).name
    return (
        f'# in a terminal, in the folder of {name}\nexoimage run "{name}" --out results\n\n'
        "# other images by the same white point, stains and threshold\n"
        f'exoimage run "{name}" --resolved results/resolved.toml --out others\n\n'
        f'# in Python\nimport exoimage as xi\nrun = xi.run("{name}", out="results")\nrun.samples'
    )
