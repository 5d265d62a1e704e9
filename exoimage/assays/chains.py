"""From the pixels of a region to the stain in them: ours in optical density, and ImageJ's."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Protocol

import cv2
import numpy as np
import numpy.typing as npt

from exoimage.assays.measuring import Part
from exoimage.methods import stains
from exoimage.methods.imagej_stains import imagej_stain_histogram
from exoimage.methods.stains import StainSet

_OD_OF_GREY = -np.log10(np.maximum(np.arange(256), 0.5) / 255).astype(np.float32)

Mask = npt.NDArray[np.bool_]
Plane = npt.NDArray[np.float32]


class Chain(Protocol):
    """From pixels to what is stained: ours, or ImageJ's."""

    @property
    def stains(self) -> StainSet:
        """The stains, against the white point they are seen from."""
        ...

    @property
    def threshold_od(self) -> float:
        """Optical density above which a pixel counts; infinity if none does."""
        ...

    def stained(self, part: Part) -> tuple[Plane, Mask]:
        """The target's optical density in every pixel of a region's box, and which pixels count."""
        ...


@dataclass(frozen=True)
class OpticalDensityChain:
    """Ours: unmixing in optical density against the true white point, one threshold in it.

    Parameters
    ----------
    stains : StainSet
    threshold_od : float
    """

    stains: StainSet
    threshold_od: float

    def stained(self, part: Part) -> tuple[Plane, Mask]:
        """Unmix the target and compare."""
        plane = stains.stain_plane(part.pixels, self.stains, max_value=part.image.max_value, part_of=part.place)
        return plane, plane > np.float32(self.threshold_od)


@dataclass(frozen=True, eq=False)
class ImageJChain:
    """ImageJ's: Colour Deconvolution (Fiji's, 8 bit), and all grey levels up to a threshold.

    Parameters
    ----------
    stains : StainSet
        Against the largest value that can be stored.
    level : int
        The brightest grey level of the stain's plane that counts; -1: none does.
    grey : (y, x) uint8 array
        The whole picture's plane, where it is at hand already.
    """

    stains: StainSet
    level: int
    grey: npt.NDArray[np.uint8] = field(default_factory=lambda: np.empty((0, 0), dtype=np.uint8))

    @property
    def threshold_od(self) -> float:
        """Optical density of the grey level."""
        return float(_OD_OF_GREY[self.level]) if self.level >= 0 else np.inf

    def stained(self, part: Part) -> tuple[Plane, Mask]:
        """Deconvolve the target and compare."""
        is_at_hand = self.grey.shape == part.image.shape
        grey = self.grey[part.region.box] if is_at_hand else grey_plane(part.pixels, self.stains)[0]
        plane = np.asarray(cv2.LUT(grey, _OD_OF_GREY), dtype=np.float32)
        return plane, grey <= np.uint8(self.level) if self.level >= 0 else np.zeros(grey.shape, dtype=np.bool_)


@dataclass(frozen=True)
class NothingStained:
    """Of a region of one constant value: no stain anywhere.

    Parameters
    ----------
    instead_of : Chain
        Whose stains and threshold are reported.
    """

    instead_of: Chain

    @property
    def stains(self) -> StainSet:
        """The chain's stains."""
        return self.instead_of.stains

    @property
    def threshold_od(self) -> float:
        """The chain's threshold."""
        return self.instead_of.threshold_od

    def stained(self, part: Part) -> tuple[Plane, Mask]:
        """No stain."""
        return np.zeros(part.shape, dtype=np.float32), np.zeros(part.shape, dtype=np.bool_)


def grey_plane(pixels: npt.NDArray[Any], stain_set: StainSet) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.int64]]:
    """The target's 8-bit plane as ImageJ's Colour Deconvolution makes it, and its histogram.

    Raises
    ------
    MeasureError
        If the pixels are not 8-bit RGB.
    """
    return imagej_stain_histogram(pixels, stain_set.vectors, stain_set.index(stain_set.target))
