"""What observing a colour picture keeps: a bounded sample of its pixels."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from exoimage.assays.regions import FoundRegions, Region
from exoimage.images.image import Image

SAMPLE_SIZE = 2**16
"""Pixels kept of one image, about."""

POOL_SIZE = 2**21
"""Pixels kept of all images together, at most; beyond it each image's sample is thinned."""

NOT_KEPT = "not kept"
"""Marks a field of evidence, in its metadata, that only spares work while the image is at hand."""

Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class ColourSample:
    """Evidence of a colour picture: pixels on a regular grid over the regions that are measured.

    Parameters
    ----------
    pixels : (n, 3) array
        Stored values.
    positions : (n, 2) float32 array
        y and x of each pixel in its field, from -1 to 1; (0, 2) where even light makes them needless.
    region : (n,) array of uint16
        Index into `names` of each pixel's region.
    names : (k,) array of str
        The regions' names.
    control : (n,) bool array
        Whether the pixel is of a negative control of the study.
    max_value : float
        The value at which the camera saturates.
    annotated : bool
        Whether burnt-in graphics were found.
    composite : bool
        Whether the file is a figure of several panels, which has no one white point.
    grey_histogram : (256,) int64 array
        Of all pixels of ImageJ's 8-bit stain plane, where the recipe asks for ImageJ's chain; else zeros.
    grey : (y, x) uint8 array
        That plane itself, as long as the image is at hand: it is no part of what is kept. Else of shape (0, 0).
    """

    pixels: npt.NDArray[Any]
    positions: npt.NDArray[np.float32]
    region: npt.NDArray[np.uint16]
    names: npt.NDArray[np.str_]
    control: Mask
    max_value: float
    annotated: bool = False
    composite: bool = False
    grey_histogram: npt.NDArray[np.int64] = field(default_factory=lambda: np.zeros(256, dtype=np.int64))
    grey: npt.NDArray[np.uint8] = field(
        default_factory=lambda: np.empty((0, 0), dtype=np.uint8), metadata={NOT_KEPT: True}
    )

    def with_controls(self, names: Sequence[str]) -> ColourSample:
        """The same sample, those regions marked as negative controls."""
        return replace(self, control=np.isin(self.names, np.asarray(names, dtype=np.str_))[self.region])

    def pooled_among(self, n_images: int) -> ColourSample:
        """As much of the sample as counts where so many images are pooled: memory stays bounded."""
        return self.thinned(POOL_SIZE // max(n_images, 1))

    def thinned(self, most: int) -> ColourSample:
        """At most that many of the pixels, evenly taken."""
        step = -(-len(self.pixels) // max(most, 1))
        if step <= 1:
            return self
        kept = slice(step // 2, None, step)
        # Copies: a view would hold the whole sample in memory.
        return replace(
            self,
            pixels=self.pixels[kept].copy(),
            positions=self.positions[kept].copy(),
            region=self.region[kept].copy(),
            control=self.control[kept].copy(),
        )


def sample_colours(
    image: Image,
    found: FoundRegions,
    excluded: Mask | None,
    size: int = SAMPLE_SIZE,
    *,
    with_positions: bool = False,
) -> ColourSample:
    """Sample the pixels of a picture's regions on a regular grid, annotations left out.

    A region's grid is as wide as its box demands, so a small region is sampled as well as a large one.

    Parameters
    ----------
    image : Image
    found : FoundRegions
    excluded : (y, x) bool array or None
    size : int
        Pixels of each region, about.
    with_positions : bool
    """
    grids = [sampling_grid(region, excluded, size) for region in found.regions]
    pixels = np.concatenate([image.pixels[rows, columns] for rows, columns in grids])
    positions = np.empty((0, 2), dtype=np.float32)
    if with_positions:
        places = np.concatenate([np.stack(grid, axis=1) for grid in grids])
        positions = ((places + 0.5) / np.array(image.shape) * 2 - 1).astype(np.float32)
    region = np.repeat(np.arange(len(grids), dtype=np.uint16), [len(rows) for rows, _ in grids])
    names = np.array([region.name for region in found.regions], dtype=np.str_)
    controls = np.zeros(len(pixels), dtype=np.bool_)
    sample = ColourSample(pixels, positions, region, names, controls, image.max_value)
    return sample.thinned(2 * SAMPLE_SIZE)


def sampling_grid(
    region: Region, excluded: Mask | None, size: int = SAMPLE_SIZE
) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.intp]]:
    """Rows and columns of a regular grid of about `size` points over a region's box, those outside left out."""
    if size == 0:
        return np.empty(0, dtype=np.intp), np.empty(0, dtype=np.intp)
    rows, columns = region.box
    height, width = rows.stop - rows.start, columns.stop - columns.start
    step = max(1, round((height * width / size) ** 0.5))
    inside = region.inside(excluded)
    y, x = np.mgrid[step // 2 : height : step, step // 2 : width : step]
    if inside is not None:
        kept = inside[y, x]
        y, x = y[kept], x[kept]
    return y.ravel() + rows.start, x.ravel() + columns.start


def pooled_pixels(samples: Sequence[ColourSample]) -> npt.NDArray[Any]:
    """The pixels of several images in one list, of at most `POOL_SIZE` in all."""
    if not samples:
        return np.empty((0, 3), dtype=np.uint8)
    return np.concatenate([sample.pooled_among(len(samples)).pixels for sample in samples])
