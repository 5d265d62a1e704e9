"""What is done to a whole slide: opened where it lies, observed and measured tile by tile, its record left."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from exoimage.assays import slides
from exoimage.assays.recipe import TOO_LARGE, Recipe, Resolved
from exoimage.errors import ImageReadError, MeasureError
from exoimage.images import overlay, writing
from exoimage.images.image import ImageRef
from exoimage.images.source import Source, describe, is_read_in_windows, open_source
from exoimage.studies.store import Record, RegionRecord, Store, plain, plain_list

if TYPE_CHECKING:
    from exoimage.assays.slide_counts import SlideResult

SMALLEST_FILE = 1 << 20
"""Smaller files, in bytes, are no slides: they are not opened to look."""

PREVIEW_EDGE, PREVIEW_QUALITY = 800, 80
"""Longer edge in px, and JPEG quality, of the small picture that the report shows beside the overlay."""


@contextmanager
def slide_of(ref: ImageRef, recipe: Recipe[Any], pixel_size: float | None) -> Iterator[Source | None]:
    """Open an image as a slide; None where it is none, or where the assay reads every picture in one piece.

    Parameters
    ----------
    ref : ImageRef
    recipe : Recipe
    pixel_size : float or None
        In µm; where the file does not say it.

    Raises
    ------
    MeasureError
        If it is a slide, and the assay does not measure any.
    ImageReadError
        If it cannot be read.
    """
    how = _how(ref, recipe)
    if how is None:
        yield None
        return
    refuse_slide(recipe)
    with _opened(ref, pixel_size, how) as source:
        yield source


@contextmanager
def slide_shown(ref: ImageRef, recipe: Recipe[Any], pixel_size: float | None) -> Iterator[Source | None]:
    """Open an image as a slide to be looked at, whether or not the assay measures any; see `slide_of`.

    Raises
    ------
    ImageReadError
        If it cannot be read.
    """
    how = _how(ref, recipe)
    if how is None:
        yield None
        return
    with _opened(ref, pixel_size, how) as source:
        yield source


def refuse_slide(recipe: Recipe[Any]) -> None:
    """Refuse a slide where the assay does not measure any.

    Raises
    ------
    MeasureError
        If it does not.
    """
    if recipe.slide_way == "refused":
        raise MeasureError(TOO_LARGE.format(assay=recipe.assay))


def _opened(ref: ImageRef, pixel_size: float | None, how: Mapping[str, Any]) -> Source:
    """A slide with the given size of a pixel where its file does not say it, as fields have it."""
    source = open_source(ref.files[0], ref.scene, **how)
    if source.pixel_size is not None or pixel_size is None:
        return source
    source.close()
    return open_source(ref.files[0], ref.scene, pixel_size=pixel_size, **how)


def _how(ref: ImageRef, recipe: Recipe[Any]) -> dict[str, Any] | None:
    """How a slide is opened; None where the image is none."""
    if recipe.slide_way == "whole" or len(ref.files) != 1:
        return None
    path = ref.files[0]
    if "://" not in path and Path(path).is_file() and Path(path).stat().st_size < SMALLEST_FILE:
        return None
    try:
        scenes = describe(path) if is_read_in_windows(path) else ()
    except ImageReadError:
        return None  # reading it says why
    number = ref.scene or 0
    if number >= len(scenes) or (ref.scene is None and len(scenes) > 1):
        return None
    scene = scenes[number]
    if scene.unread or not slides.is_slide((scene.height, scene.width), len(scene.level_shapes)):
        return None
    asked = {**recipe.reading()}
    projected = asked.pop("default_z", None)
    if projected is not None and scene.axes.get("Z", 1) > 1:
        asked["z"] = projected
    return asked


def measured_slide(
    ref: ImageRef,
    source: Source,
    store: Store,
    resolved: Resolved,
    evidence: Any,
    inputs: Mapping[str, str],
    *,
    pictures: bool,
    threads: int,
) -> Record:
    """Measure a slide, leave its overlay and labels, and give its record."""
    found = slides.measure_slide(resolved, source, evidence, threads=threads, labels=pictures)
    try:
        # From here to its new record the image has none: a run that is killed in between does it again.
        store.forget(ref.slug)
        store.drop_pictures(ref.slug)
        if pictures:
            _leave_pictures(store, ref.slug, found)
    finally:
        found.close()
    regions = tuple(
        RegionRecord(
            one.region,
            {name: plain(value) for name, value in one.values.items()},
            tuple(map(str, one.flags)),
            found.corners[one.region],
        )
        for one in found.result.regions
    )
    return Record(
        ref.key,
        inputs,
        resolved.digest,
        regions=regions,
        objects={name: plain_list(values) for name, values in found.result.object_values.items()},
        shape=found.shape,
        pixel_size_um=found.pixel_size,
        light=source.light,
    )


def _leave_pictures(store: Store, slug: str, found: SlideResult) -> None:
    picture = overlay.draw_overlay(found.overview, counted=found.outlines, regions=found.regions)
    writing.write_overlay(store.overlay_path(slug), picture)
    found.write_labels(store.labels_path(slug))
    shown = overlay.displayed(found.overview, PREVIEW_EDGE)
    writing.write_overlay(store.preview_path(slug), shown, max_edge=PREVIEW_EDGE, quality=PREVIEW_QUALITY)
