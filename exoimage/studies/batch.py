"""Running a study: observe all images, decide once, measure each, leave the tables."""

from __future__ import annotations

import csv
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from exoimage.assays.recipe import Resolved
from exoimage.assays.recipe_text import load_resolved, resolved_to_toml, to_toml
from exoimage.errors import StudyError
from exoimage.images.writing import write_whole
from exoimage.studies import citations, outputs, report
from exoimage.studies.cluster import DaskCluster
from exoimage.studies.csv_tables import restored
from exoimage.studies.executors import Executor, InProcess, LocalProcesses
from exoimage.studies.finish_line import forget_finished, is_finished, remember_finished, run_identity
from exoimage.studies.finished import read_tables
from exoimage.studies.ledger import forget_ledger, read_ledger, write_ledger
from exoimage.studies.locking import only_run_in
from exoimage.studies.methods_text import methods_text, references
from exoimage.studies.passes import Event, both_passes, planned
from exoimage.studies.plan import load_study
from exoimage.studies.provenance import run_record
from exoimage.studies.store import Store
from exoimage.studies.study import Study
from exoimage.studies.tables import TEXT_COLUMNS, write_tables

if TYPE_CHECKING:
    import pandas as pd


MOST_THREADS = 4
"""Tiles of a slide that are measured at a time, at most: each takes some 250 MB."""


@dataclass(frozen=True)
class Run:
    """The tables of a finished run.

    Parameters
    ----------
    folder : Path
        Where it left everything.
    n_images, n_failed : int
        Images in all, and how many of those that count could not be measured.
    """

    folder: Path
    n_images: int
    n_failed: int

    @property
    def images(self) -> pd.DataFrame:
        """images.csv: one row per image and region."""
        return self._table("images")

    @property
    def objects(self) -> pd.DataFrame:
        """objects.csv: one row per counted object."""
        return self._table("objects")

    @property
    def samples(self) -> pd.DataFrame:
        """samples.csv: the unit of the statistics."""
        return self._table("samples")

    @property
    def groups(self) -> pd.DataFrame:
        """groups.csv: mean, SD and their like of each group."""
        return self._table("groups")

    @property
    def tests(self) -> pd.DataFrame:
        """tests.csv: tests of all groups, and of pairs."""
        return self._table("tests")

    def _table(self, name: str) -> pd.DataFrame:
        import pandas as pd

        path = self.folder / f"{name}.csv"
        with path.open(encoding="utf-8", newline="") as file:
            header = next(csv.reader(file))
        # Only numbers may be missing: a group named "NA" or "None" stays a group.
        numbers = [column for column in header if column not in TEXT_COLUMNS]
        texts = {column: str for column in header if column in TEXT_COLUMNS and column != "included"}
        read = pd.read_csv(path, dtype=texts, keep_default_na=False, na_values={column: [""] for column in numbers})
        return read.assign(**{column: read[column].map(restored) for column in texts})


def run(
    study: Study | str | Path,
    out: str | Path,
    *,
    jobs: int = 1,
    resolved: str | Path | None = None,
    fresh: bool = False,
    pictures: bool = True,
    cluster: str = "",
    progress: Any = None,
) -> Run:
    """Measure a study and leave its tables, overlays, labels and record in a folder.

    Parameters
    ----------
    study : Study or path of a study.toml
    out : path
        The folder of the results. What is current in it already is kept.
    jobs : int
        Processes; 1 works in this one. A script that asks for more must guard its entry by
        ``if __name__ == "__main__":``, as always with processes in Python.
    resolved : path, optional
        A ``resolved.toml`` of another run, to measure by what it decided; the study's own recipe is then not used.
    fresh : bool
        Measure everything again.
    pictures : bool
        Leave overlays, label images, figures and the report, not the tables alone.
    cluster : str
        Address of a Dask scheduler whose workers do the work, like ``tcp://host:8786``; ``local:4`` starts one with
        four processes on this computer. Empty: no cluster.
    progress : callable, optional
        Called with every `Event`.

    Returns
    -------
    Run

    Raises
    ------
    StudyError
        If the study cannot be run as it is written, or the folder cannot be written.
    """
    for event in iter_run(study, out, jobs=jobs, resolved=resolved, fresh=fresh, pictures=pictures, cluster=cluster):
        if progress is not None:
            progress(event)
    store = Store(Path(out))
    return finished_run(store)


def finished_run(store: Store) -> Run:
    """The run that a folder holds."""
    with (store.folder / "images.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    images = {row["image"] for row in rows}
    failed = {row["image"] for row in rows if row["status"] == "failed" and row["included"] == "true"}
    return Run(store.folder, len(images), len(failed))


def iter_run(
    study: Study | str | Path,
    out: str | Path,
    *,
    jobs: int = 1,
    resolved: str | Path | None = None,
    fresh: bool = False,
    pictures: bool = True,
    cluster: str = "",
) -> Iterator[Event]:
    """As `run`, yielding an `Event` for every image of both passes; stop by closing the iterator."""
    plan = study if isinstance(study, Study) else load_study(study)
    given = _given(resolved, plan) if resolved is not None else None
    yield from run_decided(plan, out, given, jobs=jobs, fresh=fresh, pictures=pictures, cluster=cluster)


def run_decided(
    plan: Study,
    out: str | Path,
    given: Mapping[str, Resolved] | None,
    *,
    jobs: int = 1,
    fresh: bool = False,
    pictures: bool = True,
    cluster: str = "",
) -> Iterator[Event]:
    """As `iter_run`, by what was decided for each batch; None: it is still to be decided."""
    if given is not None:
        plan = replace(plan, recipe=next(iter(given.values())).recipe)
    _refuse_without_controls(plan)
    plan.recipe.refuse_missing_files()
    store = Store(Path(out))
    store.prepare()
    with only_run_in(store.records):
        executor = _executor(jobs, cluster, plan, store)
        try:
            if fresh:
                _forget(plan, store)
            threads = 1 if cluster else threads_per_slide(jobs, len(plan.images))
            todo = planned(plan, store, pictures, read_ledger(store), threads)
            outcome = yield from both_passes(todo, executor, given)
            identity = run_identity(plan, outcome.decided, outcome.entries, outcome.failures, pictures)
            if not is_finished(store, identity):
                forget_finished(store)
                _finish(plan, store, outcome.decided, pictures)
                remember_finished(store, identity)
            write_ledger(store, outcome.entries)
        except OSError as error:
            where = error.filename or store.folder
            why = error.strerror or error
            raise StudyError(f"{where}: cannot be written: {why} (open in another program?)") from None
        finally:
            executor.close()
    yield Event("finished", "", len(plan.images), len(plan.images))


def _executor(jobs: int, cluster: str, study: Study, store: Store) -> Executor:
    if cluster:
        first = next((Path(image.ref.files[0]) for image in study.images if not image.problem), store.records)
        return DaskCluster(cluster, must_see=(store.records, *([first] if first.exists() else [])))
    return LocalProcesses(jobs) if jobs > 1 else InProcess()


def _given(path: str | Path, study: Study) -> dict[str, Resolved]:
    """What another run decided, if it fits the study's assay."""
    given = load_resolved(path)
    for one in given.values():
        if one.recipe.assay != study.recipe.assay:
            raise StudyError(f"{path} was decided for {one.recipe.assay}, not for {study.recipe.assay}")
    if not study.source:
        return given
    # Where to measure is not decided from pictures: a study's regions are its own.
    own = {"region": getattr(study.recipe, "region", None)}
    return {batch: replace(one, recipe=one.recipe.model_copy(update=own)) for batch, one in given.items()}


def _refuse_without_controls(study: Study) -> None:
    wanted = study.recipe.controls()
    if wanted and not any(
        study.recipe.is_control(image.ref.key, place.group)
        for image in study.images
        for place in (image.placement, *image.regions.values())
    ):
        raise StudyError(
            f"the negative controls {wanted!r} are no group and no image of the study; the groups are"
            f" {', '.join(study.order)}"
        )


def default_jobs(n_images: int) -> int:
    """As many processes as cores this process may use, and no more than images."""
    return max(1, min(_cores(), n_images))


def threads_per_slide(jobs: int, n_images: int) -> int:
    """Tiles of a whole slide that are measured at a time, where there are fewer images than processes."""
    wanted = jobs if jobs > 1 else _cores()
    return max(1, min(MOST_THREADS, wanted // max(1, n_images)))


def _cores() -> int:
    """Cores that this process may use."""
    affinity = getattr(os, "sched_getaffinity", None)
    return len(affinity(0)) if affinity is not None else os.cpu_count() or 1


def _forget(study: Study, store: Store) -> None:
    forget_ledger(store)
    forget_finished(store)
    for image in study.images:
        for suffix in ("json", "npz"):
            (store.records / f"{image.ref.slug}.{suffix}").unlink(missing_ok=True)


def _finish(study: Study, store: Store, decided: Mapping[str, Resolved], pictures: bool) -> None:
    store.sweep([image.ref.slug for image in study.images])
    (store.folder / "sensitivity.csv").unlink(missing_ok=True)  # it would speak of other numbers
    written = write_tables(study, store)
    write_whole(store.folder / "recipe.toml", to_toml(study.recipe).encode())
    write_whole(store.folder / "resolved.toml", resolved_to_toml(decided).encode())
    write_whole(store.folder / "run.json", run_record(study, decided, written).encode())
    write_accounts(study, store, decided, pictures=pictures)


def write_accounts(study: Study, store: Store, decided: Mapping[str, Resolved], *, pictures: bool) -> None:
    """Write what tells of the tables: methods.md, references.bib and, if asked, figures and report."""
    tables = read_tables(store.folder)
    write_whole(store.folder / "methods.md", methods_text(study, tables, decided).encode())
    write_whole(store.folder / "references.bib", citations.to_bibtex(references(study, tables)).encode())
    if pictures:
        report.write_report(study, store, tables, decided, outputs.write_figures(study, store, tables))
    else:
        # Those of an earlier run would show other numbers than the tables.
        outputs.remove_figures(store)
        report.remove_pages(store.folder)
