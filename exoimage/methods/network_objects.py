"""Which of the objects that the nuclei network parts are nuclei; all at the network's scale."""

from __future__ import annotations

import math
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from exoimage.methods import _kernels_fluorescence as kernels
from exoimage.methods._nuclei_joining import ellipse_fullness
from exoimage.methods.cell_compartments import cytoplasm
from exoimage.methods.network_views import WORKING_DIAMETER_PX
from exoimage.methods.nuclei import FAINTEST, LEAST_STEPS, Floats, Labels, Mask

Values = npt.NDArray[np.float64]

LEAST_SURE = 0.7
"""Mean probability of a nucleus' pixels: where the network is less sure on average, it has seen noise or haze."""

RING_PX = (1.5, 5.0)
"""What is so far from an object, and from no other less far, is around it."""

DARK = 0.4
"""What is around an object is dark where it is this far from the object's mean brightness to the darkest tenth."""

LEAST_DARK = 0.7
"""Share of what is around a nucleus that is dark. 99.5 % of the nuclei drawn by hand in BBBC038 have more; corners and
ends of something larger have less, and so have places that noise alone picks."""

SMOOTHED_PX = 1.0
"""Standard deviation of the Gaussian that evens out noise before dark and bright are told."""

LEAST_CONTRAST = 4.5
"""How many times what varies between nuclei these must rise above it, all together, or they are that variation: fields
of nuclei have 7 and more, noise of any grain 3.3 at most."""

BETWEEN_PX = 2.0
"""What is further away from any nucleus lies between them."""

LOCAL_PX = 3 * int(WORKING_DIAMETER_PX) + 1
"""Width of the window whose mean is taken off before that variation is told: haze and uneven light are none."""


@dataclass(frozen=True, eq=False)
class Objects:
    """What is known of each label, that of the background, 0, among them.

    Parameters
    ----------
    area : (n + 1,) float64 array
        In typical nuclei's areas.
    fullness : (n + 1,) float64 array
        Area relative to that of the ellipse with the same second moments.
    sureness : (n + 1,) float64 array
        Mean probability of belonging to a nucleus.
    contrast : (n + 1,) float64 array
        Mean brightness above the darkest tenth of what is around; 0 where nothing is around.
    dark_share : (n + 1,) float64 array
        Share of what is around that is dark; 1 where nothing is around.
    """

    area: Values
    fullness: Values
    sureness: Values
    contrast: Values
    dark_share: Values

    def light_and_area(self) -> tuple[float, float]:
        """As in `nuclei.Nuclei`: sums of contrast times area, and of area, of objects with something around."""
        alone = self.contrast[1:] > 0
        area = self.area[1:][alone]
        return float((area * self.contrast[1:][alone]).sum()), float(area.sum())


@dataclass(frozen=True)
class Limits:
    """What a nucleus must have.

    Parameters
    ----------
    smallest, least_solidity, typical_contrast : float
        See `network_nuclei.find_nuclei`.
    step : float
        Least difference between stored values.
    """

    smallest: float
    least_solidity: float
    typical_contrast: float
    step: float


def measured(labels: Labels, plane: Floats, foreground: Floats, typical_px: float) -> Objects:
    """What is known of labels, numbered without gaps, in a plane, by the network's log odds and a typical diameter."""
    count = int(labels.max(initial=0)) + 1
    sums = kernels.moments(labels, _smooth(plane), count - 1)
    pixels = np.maximum(sums[0], 1)
    probability = 1 / (1 + np.exp(-np.clip(foreground, -30, 30)))
    sureness = np.bincount(labels.ravel(), probability.ravel(), count) / pixels
    contrast, dark_share = _against_surroundings(labels, _smooth(plane), sums[6] / pixels)
    typical = math.pi / 4 * typical_px**2
    return Objects(sums[0] / typical, ellipse_fullness(sums), sureness, contrast, dark_share)


def are_nuclei(objects: Objects, limits: Limits) -> Mask:
    """Which objects are large, regular, clear and free enough for nuclei; the background is not.

    Parameters
    ----------
    objects : Objects
    limits : Limits
    """
    light, area = objects.light_and_area()
    typical = limits.typical_contrast or light / max(area, 1e-30)
    clear = objects.contrast * np.sqrt(objects.area) >= FAINTEST * typical
    clear &= objects.contrast > LEAST_STEPS * limits.step
    clear |= objects.contrast == 0
    keep = (objects.area >= limits.smallest) & (objects.fullness >= limits.least_solidity)
    keep &= (objects.sureness >= LEAST_SURE) & (objects.dark_share >= LEAST_DARK) & clear
    keep[0] = False
    return np.asarray(keep, np.bool_)


def rises_no_more_than_noise(labels: Labels, plane: Floats) -> bool:
    """Whether what was found rises no more above what lies between than that itself varies."""
    if not labels.any():
        return False
    smooth = _smooth(plane)
    between = cv2.distanceTransform((labels == 0).view(np.uint8), cv2.DIST_L2, 5) > BETWEEN_PX
    if not between.any():
        return False
    share = cv2.blur(between.astype(np.float32), (LOCAL_PX, LOCAL_PX))
    local = cv2.blur(np.where(between, smooth, np.float32(0)), (LOCAL_PX, LOCAL_PX)) / np.maximum(share, 1e-6)
    excess = smooth - local
    half, high = np.percentile(excess[between], [50, 84])
    inside = (labels > 0) & (share > 0)
    # 84 percent of a normal distribution are no more than a standard deviation above its middle.
    return bool(inside.any() and excess[inside].mean() - half < LEAST_CONTRAST * (high - half))


def _against_surroundings(labels: Labels, smooth: Floats, within: Values) -> tuple[Values, Values]:
    """Contrast, and the share of what is around that is dark; see `Objects`."""
    rings, light = cytoplasm(labels, RING_PX[1], RING_PX[0]).ravel(), smooth.ravel()
    around = np.flatnonzero(rings)
    around = around[np.lexsort((light[around], rings[around]))]
    owner, light = rings[around], light[around]
    pixels = np.bincount(owner, minlength=len(within))
    has_any = pixels > 0
    darkest = within.copy()
    darkest[has_any] = light[(np.cumsum(pixels) - pixels + (pixels - 1) // 10)[has_any]]
    dark = within - DARK * (within - darkest)
    shares = np.ones(len(within))
    shares[has_any] = np.bincount(owner, light < dark[owner], len(within))[has_any] / pixels[has_any]
    return np.maximum(within - darkest, 0), shares


def _smooth(plane: Floats) -> Floats:
    return np.asarray(cv2.GaussianBlur(plane, (0, 0), SMOOTHED_PX), np.float32)
