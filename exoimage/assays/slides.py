"""Whole slides: observed in windows, measured tile by tile, never in memory as a whole.

The same recipe code counts a tile as it counts a field. Sums over pixels are of the tiles' cores and add up exactly. An
object is of the tile whose core holds its centroid; the margin is wide enough that it is seen whole there. What is
larger than the margin is put together from its pieces.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import replace
from queue import SimpleQueue
from typing import Any

from exoimage import __version__
from exoimage.assays.recipe import Recipe, Resolved
from exoimage.assays.slide_counts import SlideCount, SlideResult
from exoimage.assays.slide_looks import looks
from exoimage.assays.slide_regions import Corners, SlideRegions, find_slide_regions, with_scaled_rois
from exoimage.assays.tile_counts import TileCount, count_tile
from exoimage.assays.tiles import Counter, Tile, tiles
from exoimage.errors import MeasureError
from exoimage.flags import Flag, merged
from exoimage.images.image import Image
from exoimage.images.source import Source, Window
from exoimage.methods import quality

LARGEST_WHOLE_PX = 100_000_000
"""Larger pictures are measured as slides."""

LARGEST_WHOLE_PYRAMID_PX = 1 << 25
"""Larger pyramids are; smaller ones are fields that were exported with levels."""

TILE_EDGE_PX = 2048
"""Of a tile's core: its planes and labels take some 200 MB."""

OVERVIEW_EDGE_PX = 1600
"""Of the small picture that tissue is found on and outlines are drawn on."""

FOCUS_WINDOWS, FOCUS_EDGE_PX = 12, 512
"""Where a slide's focus is looked at."""


def is_slide(shape: tuple[int, int], n_levels: int) -> bool:
    """Whether a picture is measured as a slide: it is large, or a large pyramid.

    Examples
    --------
    >>> is_slide((3000, 4000), 1), is_slide((10_000, 9_000), 4), is_slide((20_000, 9_000), 1)
    (False, True, True)
    """
    pixels = shape[0] * shape[1]
    return pixels > LARGEST_WHOLE_PX or (n_levels > 1 and pixels > LARGEST_WHOLE_PYRAMID_PX)


def level_of(recipe: Recipe[Any], source: Source) -> int:
    """The level of a slide that a recipe measures.

    Raises
    ------
    MeasureError
        If it asks for a pixel size, but the slide's is unknown.
    """
    wanted = recipe.slide_pixel_size()
    if wanted == 0:
        return 0
    if source.pixel_size is None:
        raise MeasureError(
            f"{recipe.assay} measures slides at {wanted:g} µm per px, but the size of this slide's pixels is unknown:"
            " give it (--pixel-size, or pixel_size_um in study.toml)"
        )
    return source.level_for(wanted)


def coarse(recipe: Recipe[Any], source: Source) -> tuple[Recipe[Any], Image]:
    """A slide at the pixel size at which a recipe measures it in one piece, and the recipe with its regions there.

    Raises
    ------
    MeasureError
        If the slide's pixel size is unknown.
    """
    recipe.refuse_slide()
    level = source.levels[level_of(recipe, source)]
    size_um = level.factor * (source.pixel_size or 1.0)
    edge = max(level.shape)
    image = source.overview(math.ceil(edge / max(1, int(recipe.slide_pixel_size() / size_um * 1.001))))
    return with_scaled_rois(recipe, image.shape[0] / source.shape[0]), image


def observe_slide(recipe: Recipe[Any], source: Source) -> Any:
    """What a slide has to say about what is still open: `Recipe.observe` of windows spread over it.

    Raises
    ------
    ImageError, MeasureError
        If the slide does not suit the assay.
    """
    recipe.refuse_slide()
    level = level_of(recipe, source)
    found = _regions(recipe, source, level, _overview(source, level))
    return _observed(recipe, source, level, found)


def measure_slide(
    resolved: Resolved,
    source: Source,
    evidence: Any = None,
    *,
    threads: int = 1,
    labels: bool = True,
    tile_edge: int = TILE_EDGE_PX,
) -> SlideResult:
    """Measure a slide by what was decided, as `Resolved.measure` measures a field.

    Parameters
    ----------
    resolved : Resolved
    source : Source
    evidence : what `observe_slide` gave of it, optional
        Spares looking again.
    threads : int
        Tiles that are measured at a time.
    labels : bool
        Whether the objects' labels are kept to be written.
    tile_edge : int
        Of a tile's core, in px.

    Raises
    ------
    ImageError, MeasureError
        If the slide does not suit the assay, or a region holds no pixel.
    """
    steps = measuring_slide(resolved, source, evidence, threads=threads, labels=labels, tile_edge=tile_edge)
    while True:
        try:
            next(steps)
        except StopIteration as end:
            found: SlideResult = end.value
            return found


def measuring_slide(
    resolved: Resolved,
    source: Source,
    evidence: Any = None,
    *,
    threads: int = 1,
    labels: bool = True,
    tile_edge: int = TILE_EDGE_PX,
) -> Generator[tuple[int, int], None, SlideResult]:
    """The same as `measure_slide`, a step for every tile: closed between two of them, it ends and leaves nothing.

    Yields
    ------
    (int, int)
        How many tiles are counted, of how many.

    Returns
    -------
    SlideResult
    """
    recipe, flags = resolved.recipe, resolved.flags
    recipe.refuse_slide()
    level = level_of(recipe, source)
    overview = _overview(source, level)
    found = _regions(recipe, source, level, overview)
    evidence = _observed(recipe, source, level, found) if evidence is None else evidence
    open_scopes = recipe.open_scopes()
    if set(open_scopes) - {"image"}:
        raise MeasureError("the recipe still has choices open: resolve it with the evidence of all images")
    if open_scopes:
        own = recipe.resolve([evidence], ("image",))
        recipe, flags = own.recipe, merged(flags, own.flags)
    like = source.read(Window(0, 0, 1, 1), level)
    counter = recipe.counter(like, evidence)
    common = merged(
        flags,
        found.flags,
        source.flags,
        () if like.pixel_size else (Flag.NO_PIXEL_SIZE,),
        _focus_flags(source, level, found),
    )
    shape = source.levels[level].shape
    wanted = [tile for tile in tiles(shape, tile_edge, counter.rules) if _is_touched(tile, found)]
    counted = SlideCount(counter, found, shape, overview.shape, keep_labels=labels)
    try:
        for done, (tile, counts) in enumerate(_all_tiles(source, level, found, counter, threads, wanted), start=1):
            counted.add(tile, counts)
            yield done, len(wanted)
        provenance = {
            "assay": recipe.assay,
            "revision": str(recipe.revision),
            "digest": resolved.digest,
            "exoimage": __version__,
        }
        return counted.result(recipe.object_columns, common, overview, like, provenance)
    except BaseException:
        counted.drafts.close()
        raise


def measure_slide_alone(recipe: Recipe[Any], source: Source, *, threads: int = 1) -> SlideResult:
    """The three steps on one slide, as `Recipe.measure` on one image."""
    evidence = observe_slide(recipe, source)
    resolved = recipe.resolve([evidence], ("study", "batch", "image"))
    return measure_slide(resolved, source, evidence, threads=threads)


def _overview(source: Source, level: int) -> Image:
    return source.overview(min(OVERVIEW_EDGE_PX, max(source.levels[level].shape)))


def _regions(recipe: Recipe[Any], source: Source, level: int, overview: Image) -> SlideRegions:
    stored = source.levels[level]
    return find_slide_regions(recipe, overview, stored.shape, stored.factor, source.path)


def _observed(recipe: Recipe[Any], source: Source, level: int, found: SlideRegions) -> Any:
    windows = looks(source, level, found, recipe.looks_edge_px, recipe.looks_wanted)
    return recipe.observe_slide(windows, [region.name for region in found.regions], source.max_value)


def _focus_flags(source: Source, level: int, found: SlideRegions) -> tuple[Flag, ...]:
    """Whether most of the windows looked at are soft."""
    if source.light != "absorbed":
        return ()
    inside = replace(found, has_ground=False)
    windows = list(looks(source, level, inside, FOCUS_EDGE_PX, FOCUS_WINDOWS))
    soft = [quality.is_out_of_focus(look.image.pixels) for look in windows]
    return (Flag.OUT_OF_FOCUS,) if sum(soft) > len(soft) / 2 else ()


def _all_tiles(
    source: Source, level: int, found: SlideRegions, counter: Counter, threads: int, wanted: Iterable[Tile]
) -> Iterator[tuple[Tile, list[TileCount]]]:
    """Count tiles, several at a time, in their order."""
    sources: SimpleQueue[Source] = SimpleQueue()
    sources.put(source)

    def count(tile: Tile) -> list[TileCount]:
        mine = sources.get()
        try:
            return count_tile(mine, level, tile, found, counter)
        finally:
            sources.put(mine)

    with ExitStack() as opened:
        for _ in range(threads - 1):
            sources.put(opened.enter_context(source.reopened()))
        yield from _in_order(count, wanted, threads)


def _is_touched(tile: Tile, found: SlideRegions) -> bool:
    return any(_meet(region.corners, (tile.top, tile.left, tile.bottom, tile.right)) for region in found.regions)


def _meet(one: Corners, other: Corners) -> bool:
    return one[0] < other[2] and other[0] < one[2] and one[1] < other[3] and other[1] < one[3]


def _in_order(
    work: Callable[[Tile], list[TileCount]], todo: Iterable[Tile], threads: int
) -> Iterator[tuple[Tile, list[TileCount]]]:
    """Work done by so many threads, given back in order; no more is under way than they can hold."""
    if threads <= 1:
        for tile in todo:
            yield tile, work(tile)
        return
    with ThreadPoolExecutor(threads) as pool:
        under_way: list[tuple[Tile, Future[list[TileCount]]]] = []
        try:
            for tile in todo:
                under_way.append((tile, pool.submit(work, tile)))
                if len(under_way) > threads:
                    first, future = under_way.pop(0)
                    yield first, future.result()
            for first, future in under_way:
                yield first, future.result()
        finally:
            for _, future in under_way:
                future.cancel()
