"""The two passes over a study's images: observe and decide, then measure; what is current is passed over."""

from __future__ import annotations

from collections.abc import Collection, Generator, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from exoimage.assays.recipe import Resolved
from exoimage.errors import ExoimageError, StudyError
from exoimage.studies import work
from exoimage.studies.deciding import decide, decided_for, keep_decision, pooled_among
from exoimage.studies.executors import Executor, WorkerDied
from exoimage.studies.ledger import Entry, Ledger
from exoimage.studies.store import Store
from exoimage.studies.study import Study

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
class Plan:
    """A run before it begins.

    Parameters
    ----------
    study : Study
    store : Store
    pictures : bool
        Whether overlays, label images, figures and the report are left.
    pooled : int
        Among how many images evidence is pooled.
    jobs : mapping of key to Job
    ledger : Ledger
        Of the last run.
    unchanged : mapping of key to inputs
        Of the images whose files are as the last run read them.
    """

    study: Study
    store: Store
    pictures: bool
    pooled: int
    jobs: Mapping[str, work.Job]
    ledger: Ledger
    unchanged: Mapping[str, Mapping[str, str]]


@dataclass(frozen=True)
class Outcome:
    """What both passes leave.

    Parameters
    ----------
    decided : mapping of batch to Resolved
    entries : mapping of key to Entry
        Of the images that were measured: the ledger for the next run.
    failures : mapping of key to str
        Of the others, why not.
    """

    decided: Mapping[str, Resolved]
    entries: Mapping[str, Entry]
    failures: Mapping[str, str]


def planned(study: Study, store: Store, pictures: bool, ledger: Ledger, threads: int = 1) -> Plan:
    """Look what is to be done for each image, and which files are as the last run read them.

    Parameters
    ----------
    study : Study
    store : Store
    pictures : bool
        Whether overlays, label images, figures and the report are left.
    ledger : Ledger
        Of the last run.
    threads : int
        Tiles of a whole slide that are measured at a time.
    """
    budget = PIXELS_BUDGET // max(1, len(study.images))
    pooled = pooled_among(study)
    shared = replace(store, folder=store.folder.absolute())  # a worker elsewhere has another working folder
    jobs = {
        image.ref.key: work.Job(
            image.ref,
            image.recipe_of(study.recipe),
            shared,
            study.pixel_size,
            budget,
            pictures,
            pooled,
            image.edit,
            threads,
        )
        for image in study.images
    }
    known = {key: _as_read_before(ledger, key, job) for key, job in jobs.items() if key in ledger.entries}
    return Plan(study, store, pictures, pooled, jobs, ledger, {key: inputs for key, inputs in known.items() if inputs})


def _as_read_before(ledger: Ledger, key: str, job: work.Job) -> Mapping[str, str]:
    """Identity of an image's files if they are as the last run read them; empty if not, or if one is not to be had."""
    try:
        return ledger.inputs_of(key, job.paths, job.pixel_size)
    except ExoimageError:
        return {}  # the worker finds it too, and fails this image alone


def both_passes(
    plan: Plan, executor: Executor, given: Mapping[str, Resolved] | None
) -> Generator[Event, None, Outcome]:
    """Observe all images, decide, measure each, as far as that is not done already.

    Parameters
    ----------
    plan : Plan
    executor : Executor
    given : mapping of batch to Resolved, or None
        What another run decided; then no image is observed for it.

    Yields
    ------
    Event

    Returns
    -------
    Outcome

    Raises
    ------
    StudyError
        If the disk is full.
    """
    study, store, jobs, ledger = plan.study, plan.store, plan.jobs, plan.ledger
    total = len(study.images)
    failed = {image.ref.key: image.problem for image in study.images if image.problem}
    entries = {
        key: Entry(dict(ledger.entries[key].stamps), i) for key, i in plan.unchanged.items() if key not in failed
    }
    if set(study.recipe.open_scopes()) - {"image"}:
        for event, entry in _observing(plan, executor, skip=failed):
            if entry is not None:
                entries[event.key] = entry
            else:
                failed[event.key] = event.error
            yield event
    observed = {key: entry.inputs for key, entry in entries.items() if entry.observed}
    decided = given if given is not None else decide(study, store, observed, plan.pooled)
    tasks = []
    for image in study.images:
        one, key = decided_for(image, decided), image.ref.key
        if one is None and key not in failed:
            failed[key] = f"nothing was decided for its batch {image.placement.batch!r}"
        if key not in failed and one is not None:
            tasks.append(
                work.MeasureJob(jobs[key], image.resolved_by(one), entries[key].inputs if key in entries else {})
            )
    done = 0
    for key, error in failed.items():
        _refuse_full_disk(work.fail(jobs[key], error), store)
        done += 1
        yield Event("measured", key, done, total, error)
    for task, outcome in _measuring(plan, executor, tasks):
        done += 1
        key = task.job.ref.key
        if outcome.error:
            failed[key] = outcome.error
            entries.pop(key, None)
        else:
            known = entries.get(key, Entry({}, {}))
            entries[key] = Entry(
                outcome.stamps or known.stamps, outcome.inputs, known.observed, task.resolved.digest, outcome.flags
            )
        yield Event("measured", key, done, total, outcome.error, outcome.flags)
    if given is None:
        keep_decision(study, store, observed, plan.pooled, decided)
    return Outcome(decided, entries, failed)


def only_decided(
    plan: Plan, executor: Executor
) -> Generator[Event, None, tuple[Mapping[str, Resolved], Mapping[str, Entry]]]:
    """The first pass alone: observe all images and decide.

    Yields
    ------
    Event

    Returns
    -------
    mapping of batch to Resolved, and mapping of key to Entry
        What was decided, and the ledger for the next time.

    Raises
    ------
    ExoimageError
        If something cannot be decided, or the disk is full.
    """
    entries: dict[str, Entry] = {}
    failed = {image.ref.key for image in plan.study.images if image.problem}
    if set(plan.study.recipe.open_scopes()) - {"image"}:
        for event, entry in _observing(plan, executor, skip=failed):
            if entry is not None:
                entries[event.key] = entry
            yield event
    observed = {key: entry.inputs for key, entry in entries.items() if entry.observed}
    return decide(plan.study, plan.store, observed, plan.pooled), entries


def _observing(plan: Plan, executor: Executor, skip: Collection[str]) -> Iterator[tuple[Event, Entry | None]]:
    """Observe all images but those whose evidence is kept already; no entry where it failed."""
    total = len(plan.jobs) - len(skip)
    todo = []
    done = 0
    for key, job in plan.jobs.items():
        if key in skip:
            continue
        inputs = plan.unchanged.get(key, {})
        identity = work.observing_identity(job.recipe, inputs, plan.pooled) if inputs else ""
        if inputs and plan.ledger.observed(key) == identity and plan.store.has_evidence(job.ref.slug):
            done += 1
            yield Event("observed", key, done, total), Entry(plan.ledger.entries[key].stamps, inputs, identity)
        else:
            todo.append(job)
    for job, outcome in executor.run(work.observe, todo):
        done += 1
        if isinstance(outcome, WorkerDied):
            outcome = work.Observed({}, DIED)
        _refuse_full_disk(outcome, plan.store)
        entry = None
        if not outcome.error:
            identity = work.observing_identity(job.recipe, outcome.inputs, plan.pooled)
            entry = Entry(outcome.stamps, outcome.inputs, identity)
        yield Event("observed", job.ref.key, done, total, outcome.error), entry


def _measuring(
    plan: Plan, executor: Executor, tasks: Sequence[work.MeasureJob]
) -> Iterator[tuple[work.MeasureJob, work.Measured]]:
    """Measure all images but those whose record and pictures are current already."""
    todo = []
    for task in tasks:
        key, slug = task.job.ref.key, task.job.ref.slug
        inputs = plan.unchanged.get(key, {})
        is_known = bool(inputs) and plan.ledger.measured(key) == task.resolved.digest
        if is_known and plan.store.has_results(slug, pictures=plan.pictures):
            yield task, work.Measured(was_current=True, flags=plan.ledger.flags(key), inputs=inputs)
        else:
            todo.append(task)
    for task, outcome in executor.run(work.measure, todo):
        if isinstance(outcome, WorkerDied):
            outcome = work.fail(task.job, DIED)
        _refuse_full_disk(outcome, plan.store)
        yield task, outcome


def _refuse_full_disk(outcome: work.Observed | work.Measured, store: Store) -> None:
    if outcome.disk_full:
        raise StudyError(f"{store.folder}: the disk is full; free some space: the same command goes on where it was")
