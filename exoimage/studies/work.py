"""What is done to one image, in whichever process: observe it, measure it, leave its record.

Nothing that goes wrong with one image leaves these functions as an exception: it becomes the image's error.
"""

from __future__ import annotations

import errno
import hashlib
import io
import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from exoimage.assays import slides
from exoimage.assays.recipe import Recipe, Resolved
from exoimage.assays.regions import Region
from exoimage.assays.results import Result
from exoimage.errors import ExoimageError, ImageReadError, MeasureError
from exoimage.images import overlay, writing
from exoimage.images.contents import Contents, contents_of
from exoimage.images.image import Image, ImageRef
from exoimage.images.labels import read_labels
from exoimage.images.pairing import join
from exoimage.images.scenes import companions
from exoimage.images.source import Source
from exoimage.studies.ledger import Stamp, stamps_of
from exoimage.studies.slide_work import PREVIEW_EDGE, PREVIEW_QUALITY, measured_slide, slide_of
from exoimage.studies.store import Record, RegionRecord, Store, plain, plain_list, sha256_of

SLOW_DECODING = 4e8
"""Files that decode slower than this, bytes per second, are decoded once and their pixels kept for the second pass."""


EDIT = "mask corrected by hand"
"""What a record's inputs call that file."""


@dataclass(frozen=True)
class Job:
    """One image of a study, as a worker gets it.

    Parameters
    ----------
    ref : ImageRef
    recipe : Recipe
    store : Store
    pixel_size : float or None
        In µm; where the file does not say it.
    pixels_budget : int
        Bytes of decoded pixels that may be kept of this image between the passes.
    pictures : bool
        Whether to leave the overlay and the label image.
    pooled : int
        Among how many images its evidence is pooled: no more of it is kept than counts there.
    edit : str
        File with the mask that was corrected by hand; empty if none was.
    threads : int
        Tiles of a whole slide that are measured at a time.
    """

    ref: ImageRef
    recipe: Recipe[Any]
    store: Store
    pixel_size: float | None = None
    pixels_budget: int = 0
    pictures: bool = True
    pooled: int = 1
    edit: str = ""
    threads: int = 1

    @property
    def paths(self) -> tuple[Path, ...]:
        """All files that decide the image's numbers."""
        files = tuple(part for file in self.ref.files for part in companions(Path(file)))
        edits = (Path(self.edit),) if self.edit else ()
        return (*files, *self.recipe.files_for(Path(self.ref.files[0])), *edits)


@dataclass(frozen=True)
class Observed:
    """The outcome of observing: the identity of the files and their stamps, or why it failed."""

    inputs: dict[str, str]
    error: str = ""
    stamps: Mapping[str, Stamp] = field(default_factory=dict)
    disk_full: bool = False


@dataclass(frozen=True)
class MeasureJob:
    """One image to be measured by what was decided.

    Parameters
    ----------
    job : Job
    resolved : Resolved
    inputs : mapping of str to str
        Identity of the files as this run has observed them; empty if it has not.
    """

    job: Job
    resolved: Resolved
    inputs: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Measured:
    """The outcome of measuring: whether the record was current already, or why it failed."""

    error: str = ""
    was_current: bool = False
    flags: tuple[str, ...] = ()
    inputs: Mapping[str, str] = field(default_factory=dict)
    stamps: Mapping[str, Stamp] = field(default_factory=dict)
    disk_full: bool = False


def observe(job: Job) -> Observed:
    """Read an image and keep what it has to say, unless that is kept already."""
    try:
        stamps = stamps_of(job.paths)
        contents, inputs = _contents(job)
        identity = observing_identity(job.recipe, inputs, job.pooled)
        slug = job.ref.slug
        if job.store.read_evidence(slug, job.recipe.evidence, identity) is None:
            with slide_of(job.ref, job.recipe, job.pixel_size) as slide:
                if slide is not None and job.recipe.slide_way == "tiles":
                    evidence = slides.observe_slide(job.recipe, slide).pooled_among(job.pooled)
                    job.store.write_evidence(slug, evidence, identity)
                else:
                    _observe_whole(job, contents, slide, inputs, identity)
    except Exception as error:
        return Observed({}, explain(error), disk_full=_is_full(error))
    return Observed(inputs, stamps=stamps)


def _observe_whole(
    job: Job, contents: tuple[Contents, ...], slide: Source | None, inputs: dict[str, str], identity: str
) -> None:
    """Observe a picture in one piece, a slide at a coarse level."""
    began = time.perf_counter()
    recipe, image = (job.recipe, _decoded(job, contents)) if slide is None else slides.coarse(job.recipe, slide)
    seconds = time.perf_counter() - began
    evidence = recipe.observe(image).pooled_among(job.pooled)
    job.store.write_evidence(job.ref.slug, evidence, identity)
    if slide is None:
        _keep_if_worth(job, image, seconds, inputs)


def measure(task: MeasureJob) -> Measured:
    """Measure an image and leave its overlay, its labels and, last, its record; nothing if that is current."""
    job, slug = task.job, task.job.ref.slug
    inputs = dict(task.inputs)
    try:
        stamps = stamps_of(job.paths)
        image = job.store.take_pixels(slug, inputs) if inputs else None
        contents: tuple[Contents, ...] = ()
        if image is None:
            contents, inputs = _contents(job)
        known = _current(task, inputs)
        if known is not None:
            return Measured(was_current=True, flags=_all_flags(known), inputs=inputs, stamps=stamps)
        record = _measured(task, image, inputs) if image is not None else _opened_and_measured(task, contents, inputs)
    except Exception as error:
        if _is_full(error):
            return Measured(explain(error), disk_full=True)
        record = Record(job.ref.key, inputs, task.resolved.digest, error=explain(error))
        return _left(job, record)
    return replace(_left(job, record), inputs=inputs, stamps=stamps)


def fail(job: Job, reason: str) -> Measured:
    """Leave the record of an image that cannot be measured."""
    return _left(job, Record(job.ref.key, {}, "", error=reason))


def observing_identity(recipe: Recipe[Any], inputs: Mapping[str, str], pooled: int) -> str:
    """Identity of what is kept of observing: the files, what of the recipe it looks at, how much of it is kept."""
    # A mask corrected by hand changes what is measured, not what is observed.
    seen = sorted((name, value) for name, value in inputs.items() if name != EDIT)
    text = repr((recipe.assay, recipe.revision, recipe.observing_key(), pooled, seen))
    return hashlib.sha256(text.encode()).hexdigest()


def explain(error: Exception) -> str:
    """Why an image failed, in one line."""
    if isinstance(error, ExoimageError):
        text = error.reason if isinstance(error, ImageReadError) else str(error)
    elif isinstance(error, MemoryError):
        text = "it needs more memory than this computer has free"
    elif isinstance(error, OSError):
        text = f"{error.strerror or error}: {error.filename}" if error.filename else str(error.strerror or error)
    else:
        text = f"unexpected {type(error).__name__}: {error}; please report it"
    return " ".join(text.split())


def _is_full(error: Exception) -> bool:
    return isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT)


def _contents(job: Job) -> tuple[tuple[Contents, ...], dict[str, str]]:
    """The image's files as they are now, and the identity of all files that decide its numbers."""
    contents = tuple(map(contents_of, job.ref.files))
    names = [f"channel {channel}" for channel in job.ref.channels] or ["image"]
    inputs = {name: content.sha256 for name, content in zip(names, contents, strict=True)}
    if job.ref.scene is not None:
        inputs["scene"] = str(job.ref.scene)
    for other in job.recipe.files_for(Path(job.ref.files[0])):
        inputs[f"regions {other.name}"] = sha256_of(other.read_bytes())
    if job.edit:
        inputs[EDIT] = sha256_of(_bytes_of(Path(job.edit)))
    if job.pixel_size is not None:
        inputs["pixel size given"] = repr(job.pixel_size)
    return contents, inputs


def opened(job: Job) -> Image:
    """An image as measuring gets it, its mask that was corrected by hand included.

    Raises
    ------
    ExoimageError
        If a file cannot be read.
    """
    image = _decoded(job, _contents(job)[0])
    return image.with_drawn(read_labels(job.edit)) if job.edit else image


def _bytes_of(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except FileNotFoundError:
        raise ImageReadError(str(path), "there is no such file") from None


def _decoded(job: Job, contents: tuple[Contents, ...]) -> Image:
    how = {"scene": job.ref.scene, **job.recipe.reading()}
    images = [content.image(**how) for content in contents]
    image = join(images, job.ref.channels, job.ref.key) if job.ref.channels else images[0]
    return image.with_pixel_size(job.pixel_size) if image.pixel_size is None else image


def _keep_if_worth(job: Job, image: Image, seconds: float, inputs: dict[str, str]) -> None:
    size = image.pixels.nbytes
    is_slow = size / max(seconds, 1e-9) < SLOW_DECODING
    if is_slow and size <= job.pixels_budget and job.store.free_bytes() > 20 * size:
        job.store.keep_pixels(job.ref.slug, image, inputs)


def _current(task: MeasureJob, inputs: Mapping[str, str]) -> Record | None:
    """The image's record, if it is of these files and of what was decided, and its pictures are there."""
    job, slug = task.job, task.job.ref.slug
    known = job.store.read_record(slug)
    if known is None or not known.ok or (known.inputs, known.digest) != (inputs, task.resolved.digest):
        return None
    store = job.store
    pictures = (store.overlay_path(slug), store.labels_path(slug), store.preview_path(slug)) if job.pictures else ()
    return known if all(path.exists() for path in pictures) else None


def _opened_and_measured(task: MeasureJob, contents: tuple[Contents, ...], inputs: dict[str, str]) -> Record:
    """Measure a picture in one piece, a slide tile by tile or at a coarse level."""
    job, recipe = task.job, task.resolved.recipe
    with slide_of(job.ref, recipe, job.pixel_size) as slide:
        if slide is None:
            return _measured(task, _decoded(job, contents), inputs)
        if recipe.slide_way == "coarse":
            placed, image = slides.coarse(recipe, slide)
            return _measured(task, image, inputs, replace(task.resolved, recipe=placed))
        if job.edit:
            raise MeasureError("a whole slide takes no mask corrected by hand: correct a crop of it, or give regions")
        evidence = _kept_evidence(task, inputs)
        return measured_slide(
            job.ref, slide, job.store, task.resolved, evidence, inputs, pictures=job.pictures, threads=job.threads
        )


def _kept_evidence(task: MeasureJob, inputs: dict[str, str]) -> Any | None:
    """What observing the image has left; None where it was not observed, or was another file then."""
    job = task.job
    identity = observing_identity(job.recipe, inputs, job.pooled)
    if task.inputs != inputs:
        return None
    return job.store.read_evidence(job.ref.slug, job.recipe.evidence, identity)


def _measured(task: MeasureJob, image: Image, inputs: dict[str, str], resolved: Resolved | None = None) -> Record:
    job, slug = task.job, task.job.ref.slug
    evidence = _kept_evidence(task, inputs)
    if job.edit:
        image = image.with_drawn(read_labels(job.edit))
    result = (resolved or task.resolved).measure(image, evidence)
    # From here to its new record the image has none: a run that is killed in between does it again.
    job.store.forget(slug)
    job.store.drop_pictures(slug)
    if job.pictures:
        writing.write_overlay(job.store.overlay_path(slug), drawn(image, result))
        writing.write_labels(job.store.labels_path(slug), result.labels, image.pixel_size)
        _plot_profiles(job, result)
        shown = overlay.displayed(image, PREVIEW_EDGE)
        writing.write_overlay(job.store.preview_path(slug), shown, max_edge=PREVIEW_EDGE, quality=PREVIEW_QUALITY)
    boxes = {region.name: _corners(region) for region in result.drawn_regions}
    regions = tuple(
        RegionRecord(
            r.region, {k: plain(v) for k, v in r.values.items()}, tuple(map(str, r.flags)), boxes.get(r.region, ())
        )
        for r in result.regions
    )
    return Record(
        job.ref.key,
        inputs,
        task.resolved.digest,
        regions=regions,
        objects={name: plain_list(values) for name, values in result.object_values.items()},
        shape=image.shape,
        pixel_size_um=image.pixel_size,
        light=image.light,
    )


def _corners(region: Region) -> tuple[int, ...]:
    """First row and column of a region, and those behind its last."""
    rows, columns = region.box
    return int(rows.start), int(columns.start), int(rows.stop), int(columns.stop)


def _plot_profiles(job: Job, result: Result) -> None:
    if result.traces:
        from exoimage.studies.lane_profiles import draw_lane_profiles

        plot = io.BytesIO()
        draw_lane_profiles(result.traces, job.ref.key).savefig(plot, format="png", dpi=110, metadata={"Software": None})
        writing.write_whole(job.store.profiles_path(job.ref.slug), plot.getvalue())


def drawn(image: Image, result: Result) -> Any:
    """The picture with what was counted, the regions and what was left out drawn on it, (y, x, 3) uint8."""
    regions = [
        (region.name, region.full_mask(image.shape)) for region in result.drawn_regions if region.mask is not None
    ]
    counted = result.outlined or tuple(result.masks.values())[:1]
    return overlay.draw_overlay(image, counted=counted, regions=regions, excluded=result.excluded, marked=result.marked)


def _left(job: Job, record: Record) -> Measured:
    try:
        if not record.ok:
            job.store.drop_pictures(job.ref.slug)
        job.store.write_record(job.ref.slug, record)
        job.store.drop_pixels(job.ref.slug)
    except OSError as error:
        return Measured(f"its record could not be written: {explain(error)}", disk_full=_is_full(error))
    return Measured(record.error, flags=_all_flags(record))


def _all_flags(record: Record) -> tuple[str, ...]:
    return tuple(dict.fromkeys(flag for region in record.regions for flag in region.flags))
