"""What observing a whole slide looks at: windows at full resolution, spread over its regions."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from exoimage.assays.slide_regions import Corners, SlideRegion, SlideRegions, whole_slide
from exoimage.assays.tiles import Look
from exoimage.images.source import Source, Window

GROUND_SHARE = 1 / 8
"""Of the windows, so many look at the glass beside the tissue: it tells the white point."""

FEWEST = 4
"""Windows of each of many regions, at least."""


def looks(source: Source, level: int, found: SlideRegions, edge: int, wanted: int) -> Iterator[Look]:
    """Read windows spread evenly over the regions, and some beside them.

    Parameters
    ----------
    source : Source
    level : int
        That is measured: a coarser one would blur stain.
    found : SlideRegions
    edge : int
        Of a window.
    wanted : int
        Number of windows, about.

    Yields
    ------
    Look
    """
    shape = source.levels[level].shape
    each = max(FEWEST, wanted // len(found.regions))
    for number, region in enumerate(found.regions):
        for corners in spread(region, edge, each):
            mask = region.mask_in(corners)
            if mask.any():
                yield _look(source, level, corners, number, None if mask.all() else mask)
    if found.has_ground:
        (region,) = found.regions
        glass = 0
        for corners in spread(whole_slide(shape), edge, 4 * wanted):
            mask = ~region.mask_in(corners)
            if mask.all() and glass < GROUND_SHARE * wanted:
                glass += 1
                yield _look(source, level, corners, 0, None, is_ground=True)


def spread(region: SlideRegion, edge: int, wanted: int) -> list[Corners]:
    """Windows on a regular grid over a region's box, about as many as wanted, without overlap, in a mixed order."""
    top, left, bottom, right = region.corners
    height, width = bottom - top, right - left
    pitch = max(float(edge), (height * width / wanted) ** 0.5)
    rows, columns = (max(1, int(length // pitch)) for length in (height, width))
    found = []
    for row in range(rows):
        for column in range(columns):
            y = top + round((row + 0.5) * height / rows) - edge // 2
            x = left + round((column + 0.5) * width / columns) - edge // 2
            window = max(top, y), max(left, x), min(bottom, y + edge), min(right, x + edge)
            found.append(window)
    order = np.random.default_rng(0).permutation(len(found))
    return [found[number] for number in order]


def _look(
    source: Source, level: int, corners: Corners, number: int, inside: object, *, is_ground: bool = False
) -> Look:
    top, left, bottom, right = corners
    image = source.read(Window(top, left, bottom - top, right - left), level)
    mask = inside if isinstance(inside, np.ndarray) else None
    return Look(image, top, left, source.levels[level].shape, number, mask, is_ground)
