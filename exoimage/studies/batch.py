"""Running a study: observe all images, decide once, measure each, leave the tables."""

from __future__ import annotations

import csv
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from exoimage.assays.recipe import Resolved
from exoimage.assays.recipe_text import load_resolved, resolved_to_toml, to_toml
from exoimage.errors import StudyError
from exoimage.images.writing import write_whole
from exoimage.studies import work
from exoimage.studies.executors import Executor, InProcess, LocalProcesses, WorkerDied
from exoimage.studies.methods_text import methods_text
from exoimage.studies.plan import load_study
from exoimage.studies.provenance import run_record
from exoimage.studies.store import Store
from exoimage.studies.study import Study, StudyImage
from exoimage.studies.tables import TEXT_COLUMNS, write_tables

if TYPE_CHECKING:
    import pandas as pd

PIXELS_BUDGET = 4 * 2**30
"""Bytes of decoded pixels that all images together may leave on disk between the two passes."""

DIED = (
    "the process that worked on it died: out of memory, or a fault in a file's decoder; other images are not affected"
)


@dataclass(frozen=True)
class Event:
    """One step of a run.

    Parameters
    ----------
    stage : {"observed", "measured", "finished"}
    key : str
        The image; empty when finished.
    done, total : int
        Steps done of this stage, and in all.
    error : str
        Why the image failed; empty if it did not.
    flags : tuple of str
        What is to be said of it.
    """

    stage: Literal["observed", "measured", "finished"]
    key: str
    done: int
    total: int
    error: str = ""
    flags: tuple[str, ...] = ()


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

    def _table(self, name: str) -> pd.DataFrame:
        import pandas as pd

        path = self.folder / f"{name}.csv"
        with path.open(encoding="utf-8", newline="") as file:
            header = next(csv.reader(file))
        # Only numbers may be missing: a group named "NA" or "None" stays a group.
        numbers = [column for column in header if column not in TEXT_COLUMNS]
        texts = {column: str for column in header if column in TEXT_COLUMNS and column != "included"}
        return pd.read_csv(path, dtype=texts, keep_default_na=False, na_values={column: [""] for column in numbers})


def run(
    study: Study | str | Path,
    out: str | Path,
    *,
    jobs: int = 1,
    resolved: str | Path | None = None,
    fresh: bool = False,
    pictures: bool = True,
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
        Leave overlays and label images, not the tables alone.
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
    for event in iter_run(study, out, jobs=jobs, resolved=resolved, fresh=fresh, pictures=pictures):
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
) -> Iterator[Event]:
    """As `run`, yielding an `Event` for every image of both passes; stop by closing the iterator."""
    plan = study if isinstance(study, Study) else load_study(study)
    given = _given(resolved, plan) if resolved is not None else None
    if given is not None:
        plan = replace(plan, recipe=next(iter(given.values())).recipe)
    _refuse_without_controls(plan)
    plan.recipe.refuse_missing_files()
    store = Store(Path(out))
    store.prepare()
    executor = LocalProcesses(jobs) if jobs > 1 else InProcess()
    try:
        if fresh:
            _forget(plan, store)
        yield from _passes(plan, _jobs(plan, store, pictures), store, executor, given)
    except OSError as error:
        where = error.filename or store.folder
        raise StudyError(f"{where}: cannot be written: {error.strerror or error} (open in another program?)") from None
    finally:
        executor.close()


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
    affinity = getattr(os, "sched_getaffinity", None)
    cores = len(affinity(0)) if affinity is not None else os.cpu_count() or 1
    return max(1, min(cores, n_images))


def _passes(
    study: Study,
    jobs: Mapping[str, work.Job],
    store: Store,
    executor: Executor,
    given: Mapping[str, Resolved] | None,
) -> Iterator[Event]:
    total = len(study.images)
    failed = {image.ref.key: image.problem for image in study.images if image.problem}
    needs_observing = bool(set(study.recipe.open_scopes()) - {"image"})
    observed: dict[str, dict[str, str]] = {}
    if needs_observing:
        todo = [job for key, job in jobs.items() if key not in failed]
        for done, (job, outcome) in enumerate(executor.run(work.observe, todo), 1):
            if isinstance(outcome, WorkerDied):
                outcome = work.Observed({}, DIED)
            if outcome.error:
                failed[job.ref.key] = outcome.error
            else:
                observed[job.ref.key] = outcome.inputs
            yield Event("observed", job.ref.key, done, len(todo), outcome.error)
    decided = given if given is not None else _decide(study, store, observed)
    tasks = []
    for image in study.images:
        one = _decided_for(image, decided)
        if one is None and image.ref.key not in failed:
            failed[image.ref.key] = f"nothing was decided for its batch {image.placement.batch!r}"
        if image.ref.key not in failed and one is not None:
            tasks.append(work.MeasureJob(jobs[image.ref.key], one, observed.get(image.ref.key, {})))
    done = 0
    for key, error in failed.items():
        work.fail(jobs[key], error)
        done += 1
        yield Event("measured", key, done, total, error)
    for task, result in executor.run(work.measure, tasks):
        done += 1
        if isinstance(result, WorkerDied):
            result = work.fail(task.job, DIED)
        yield Event("measured", task.job.ref.key, done, total, result.error, result.flags)
    _finish(study, store, decided)
    yield Event("finished", "", total, total)


def _jobs(study: Study, store: Store, pictures: bool) -> dict[str, work.Job]:
    budget = PIXELS_BUDGET // max(1, len(study.images))
    return {
        image.ref.key: work.Job(image.ref, study.recipe, store, study.pixel_size, budget, pictures)
        for image in study.images
    }


def _forget(study: Study, store: Store) -> None:
    for image in study.images:
        for suffix in ("json", "npz"):
            (store.records / f"{image.ref.slug}.{suffix}").unlink(missing_ok=True)


def _decide(study: Study, store: Store, observed: Mapping[str, dict[str, str]]) -> dict[str, Resolved]:
    """Decide what is pooled over the study, then what is pooled over each batch.

    The evidence is taken in the study's order, so that the number of processes cannot change a sum.
    """
    if not set(study.recipe.open_scopes()) - {"image"}:
        return {"": study.recipe.resolve([])}
    counted = [i for i in study.images if i.ref.key in observed and not i.excluded]
    if not counted:
        return {}
    evidence = {
        image.ref.key: _evidence(study, store, image, observed[image.ref.key]).pooled_among(len(counted))
        for image in counted
    }
    whole = study.recipe.resolve([evidence[i.ref.key] for i in counted], ("study",))
    if "batch" not in whole.recipe.open_scopes():
        return {"": whole}
    batches: dict[str, list[Any]] = {}
    for image in counted:
        batches.setdefault(image.placement.batch, []).append(evidence[image.ref.key])
    decided = {}
    for batch, ones in batches.items():
        own = whole.recipe.resolve(ones, ("batch",))
        decided[batch] = Resolved(own.recipe, (*whole.flags, *own.flags), len(ones))
    return decided


def _evidence(study: Study, store: Store, image: StudyImage, inputs: dict[str, str]) -> Any:
    identity = work.observing_identity(study.recipe, inputs)
    evidence = store.read_evidence(image.ref.slug, study.recipe.evidence, identity)
    if evidence is None:
        raise StudyError(f"{image.ref.key}: its evidence vanished from {store.records} during the run; run again")
    controls = [name for name in evidence.names if study.recipe.is_control(image.ref.key, image.placed(name).group)]
    return evidence.with_controls(controls)


def _decided_for(image: StudyImage, decided: Mapping[str, Resolved]) -> Resolved | None:
    return decided.get(image.placement.batch) or (decided.get("") if len(decided) == 1 else None)


def _finish(study: Study, store: Store, decided: Mapping[str, Resolved]) -> None:
    store.sweep([image.ref.slug for image in study.images])
    rows, failed = write_tables(study, store)
    write_whole(store.folder / "recipe.toml", to_toml(study.recipe).encode())
    write_whole(store.folder / "resolved.toml", resolved_to_toml(decided).encode())
    write_whole(store.folder / "methods.md", methods_text(study, store, decided).encode())
    write_whole(store.folder / "run.json", run_record(study, store, decided, rows, failed).encode())
