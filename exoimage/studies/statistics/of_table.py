"""Statistics of any table: an absorbance of a plate reader, a count by hand, Ct values of a qPCR."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean

from exoimage import __version__
from exoimage.assays.columns import Value
from exoimage.errors import StudyError
from exoimage.images.writing import write_whole
from exoimage.studies.csv_tables import write_csv
from exoimage.studies.dictionary import Entry
from exoimage.studies.measured_tables import MeasuredTable, read_measured_table
from exoimage.studies.statistics.analysis import analyse
from exoimage.studies.statistics.ddct import Expression, Well, relative_expression
from exoimage.studies.statistics.request import Request
from exoimage.studies.statistics.rows import GROUP_COLUMNS, TEST_COLUMNS, TEXTS, Rows, rows_of_groups, rows_of_tests
from exoimage.studies.statistics.values import Analysis, Group
from exoimage.studies.statistics.wide import file_stem, write_wide
from exoimage.studies.statistics.writing import write_rows
from exoimage.studies.store import is_results_folder

EXPRESSION = "relative_expression"

SAMPLE_COLUMNS: Mapping[str, str] = {
    "measure": "What was measured.",
    "group": "The group.",
    "sample": "The unit of the statistics.",
    "pair": "What pairs it with units of other groups.",
    "n_rows": "Rows of the table that were averaged to the unit.",
    "value": "Its value.",
}
CT_COLUMNS: Mapping[str, str] = {
    "ct": "Mean Ct of the gene's wells.",
    "reference_ct": "Mean Ct of the reference genes.",
    "delta_ct": "ct - reference_ct.",
    "delta_delta_ct": "delta_ct minus the calibrator group's mean.",
}


@dataclass(frozen=True)
class _Row:
    group: str
    unit: str
    pair: str
    by: str
    gene: str
    value: float


def write_statistics_of_table(path: str | Path, out: str | Path, request: Request) -> str:
    """Compare the groups of a table, and leave tables, figures and a methods sentence in a folder.

    Parameters
    ----------
    path : path
        A table with a header row: commas, semicolons or tabs, dot or comma as decimal mark, or ``.xlsx``.
    out : path
        The folder: groups.csv, tests.csv, samples.csv, results.xlsx, prism_wide/, figures/, methods.md.
    request : Request

    Returns
    -------
    str
        The methods sentence, and what to mind.

    Raises
    ------
    StudyError
        If the table cannot be read, lacks a column or a group, or the folder holds a run or cannot be written.
    """
    folder = Path(out)
    if is_results_folder(folder):
        raise StudyError(f"{folder} holds the results of a run: choose another folder for --out")
    rows = _rows(read_measured_table(path), request)
    samples, groups = _expressed(rows, request) if request.target else _averaged(rows, request)
    design = request.design
    found = {measure: analyse(members, design) for measure, members in groups.items()}
    try:
        folder.mkdir(parents=True, exist_ok=True)
        _write(folder, request, samples, groups, found)
    except OSError as error:
        where = error.filename or folder
        raise StudyError(f"{where}: cannot be written: {error.strerror or error} (open in another program?)") from None
    return _methods(request, groups, found)


def _rows(table: MeasuredTable, request: Request) -> list[_Row]:
    def texts(column: str) -> Sequence[str]:
        return table.texts(column) if column else ("",) * len(table.rows)

    values = [math.nan if value is None else value for value in table.numbers(request.value)]
    columns = (request.group, request.unit, request.pair, request.by, request.target)
    rows = [_Row(*row) for row in zip(*map(texts, columns), values, strict=True)]
    grouped = [row for row in rows if row.group]
    if not grouped:
        raise StudyError(f"{table.source}: no row has a group in column {request.group!r}")
    for column, cells in ((request.unit, "unit"), (request.by, "by"), (request.target, "gene")):
        empty = sum(not getattr(row, cells) for row in grouped) if column else 0
        if empty:
            raise StudyError(f"{table.source}: {empty} rows have a group but nothing in column {column!r}: fill it in")
    groups = list(dict.fromkeys(row.group for row in grouped))
    if request.design.control and request.design.control not in groups:
        raise StudyError(f"the control {request.design.control!r} is none of the groups {', '.join(groups)}")
    return grouped


def _averaged(rows: Sequence[_Row], request: Request) -> tuple[Rows, dict[str, tuple[Group, ...]]]:
    """The units with the mean of their rows; and groups of them, measure by measure."""
    units: dict[tuple[str, str, str, str], list[float]] = {}
    for number, row in enumerate(rows, start=1):
        units.setdefault((row.by, row.group, row.unit or str(number), row.pair), []).append(row.value)
    samples: Rows = []
    for (by, group, unit, pair), values in units.items():
        finite = [value for value in values if math.isfinite(value)]
        samples.append(
            {
                "measure": f"{request.value}, {request.by} {by}" if request.by else request.value,
                "group": group,
                "sample": unit,
                "pair": pair,
                "n_rows": len(finite),
                "value": fmean(finite) if finite else None,
            }
        )
    return samples, _grouped(samples, paired=bool(request.pair))


def _expressed(rows: Sequence[_Row], request: Request) -> tuple[Rows, dict[str, tuple[Group, ...]]]:
    """As `_averaged`, with the relative expression of every gene as a measure of its own."""
    samples: Rows = []
    pairs = {(row.by, row.group, row.unit): row.pair for row in rows}
    for by in dict.fromkeys(row.by for row in rows):
        wells = [Well(row.group, row.unit, row.gene, row.value) for row in rows if row.by == by and row.gene]
        behind = f", {request.by} {by}" if request.by else ""
        for one in relative_expression(wells, request.references, request.calibrator):
            samples.append(_sample_of(one, behind, pairs[by, one.group, one.sample]))
    return samples, _grouped(samples, paired=bool(request.pair))


def _sample_of(one: Expression, behind: str, pair: str) -> dict[str, Value]:
    known = math.isfinite(one.delta_delta_ct)
    return {
        "measure": f"{EXPRESSION} {one.gene}{behind}",
        "group": one.group,
        "sample": one.sample,
        "pair": pair,
        "n_rows": one.n_wells,
        "value": one.relative_expression if known else None,
        "ct": one.ct if math.isfinite(one.ct) else None,
        "reference_ct": one.reference_ct if math.isfinite(one.reference_ct) else None,
        "delta_ct": one.delta_ct if known else None,
        "delta_delta_ct": one.delta_delta_ct if known else None,
    }


def _grouped(samples: Rows, *, paired: bool) -> dict[str, tuple[Group, ...]]:
    """The groups of each measure, in the table's order."""
    order = list(dict.fromkeys(str(row["group"]) for row in samples))
    found: dict[str, tuple[Group, ...]] = {}
    for measure in dict.fromkeys(str(row["measure"]) for row in samples):
        own = [row for row in samples if row["measure"] == measure]
        usable = [row for row in own if not paired or row["pair"]]
        found[measure] = tuple(_group(name, [row for row in usable if row["group"] == name], paired) for name in order)
    return found


def _group(name: str, rows: Rows, paired: bool) -> Group:
    values = tuple(float(v) if isinstance(v := row["value"], float) else math.nan for row in rows)
    return Group(name, values, tuple(str(row["pair"]) for row in rows) if paired else ())


def _write(
    folder: Path,
    request: Request,
    samples: Rows,
    groups: Mapping[str, Sequence[Group]],
    found: Mapping[str, Analysis],
) -> None:
    from exoimage.studies.figures import remove_drawn, write_figure
    from exoimage.studies.workbook import write_workbook

    columns = {**SAMPLE_COLUMNS, **(CT_COLUMNS if request.target else {})}
    write_csv(folder / "samples.csv", tuple(columns), samples)
    counted = (f"{len(found)} {'measure' if len(found) == 1 else 'measures'} tested",)
    tests = {measure: rows_of_tests(measure, one, counted) for measure, one in found.items()}
    summaries = [row for measure, one in found.items() for row in rows_of_groups(measure, one)]
    write_rows(folder, summaries, [row for rows in tests.values() for row in rows])
    write_wide(folder / "prism_wide", groups)
    entries = [
        Entry(table, name, text)
        for table, definitions in (("samples", columns), ("groups", GROUP_COLUMNS), ("tests", TEST_COLUMNS))
        for name, text in definitions.items()
    ]
    files = {name: folder / f"{name}.csv" for name in ("samples", "groups", "tests")}
    write_workbook(folder / "results.xlsx", files, TEXTS | {"sample", "pair"}, entries)
    remove_drawn(folder / "figures")
    for measure, members in groups.items():
        values = {group.name: group.values for group in members}
        if any(math.isfinite(value) for group in members for value in group.values):
            label = measure.replace("_", " ")
            unit = "sample" if request.unit else "row"
            write_figure(
                folder / "figures", file_stem(measure), values, tests[measure], label,
                control=request.design.control, unit=unit,
            )  # fmt: skip
    write_whole(folder / "methods.md", f"# Statistics\n\n{_methods(request, groups, found)}\n".encode())


def _methods(request: Request, groups: Mapping[str, Sequence[Group]], found: Mapping[str, Analysis]) -> str:
    """How the groups were compared, for the paper; and why some were not."""
    tests = dict.fromkeys(name for analysis in found.values() for name in _test_names(analysis))
    n = [sum(map(math.isfinite, group.values)) for members in groups.values() for group in members]
    span = f"{min(n)}" if min(n) == max(n) else f"{min(n)} to {max(n)}"
    sentences = []
    if request.target:
        sentences.append(
            "Relative expression was computed as 2^-ΔΔCt (Livak & Schmittgen 2001, doi:10.1006/meth.2001.1262) against"
            f" {' and '.join(request.references)}, with {request.calibrator} as the calibrator; technical replicates"
            " were averaged, and tests were made on ΔCt."
        )
    elif request.unit:
        sentences.append(f"Values of the same {request.unit} were averaged first.")
    elif request.design.transform == "log2":
        sentences.append("Tests were made on the log2 of the values.")
    names = list(tests)
    listed = " and ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)
    sentences.append(f"Values are mean ± SD (n = {span} per group).")
    if names:
        sentences.append(
            f"Groups were compared by {listed} with exoimage {__version__} (SciPy, statsmodels); p < 0.05 was"
            " significant."
        )
    refused = [
        f"{measure}: {test.note}"
        for measure, analysis in found.items()
        for test in analysis.omnibus
        if math.isnan(test.p)
    ]
    if refused:
        sentences.append(f"Not tested: {'; '.join(refused)}.")
    return " ".join(sentences)


def _test_names(analysis: Analysis) -> list[str]:
    """The tests that have a p-value, all groups first."""
    return [
        *(test.test for test in analysis.omnibus if not math.isnan(test.p)),
        *(one.test for one in analysis.comparisons if not math.isnan(one.p)),
    ]
