"""Quality of fluorescence pictures: saturation, wrong light, focus, swapped channels, bleed-through."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from exoimage.methods import fluorescent_nuclei

Plane = npt.NDArray[Any]
Labels = npt.NDArray[np.int32]
Mask = npt.NDArray[np.bool_]
Floats = npt.NDArray[np.float64]

SATURATED_SHARE = 0.001
"""Share of a field that saturates: a tenth of a field is nuclei, so a hundredth of what is measured."""

CAMERA_LIMITS = (1023, 4095, 16383, 65520)
"""Where cameras of 10, 12 and 14 bits saturate in files of 16 bits, and 12 bits that were shifted up."""

BRIGHT_GROUND = 0.25
"""Share of full scale; the ground of a field in emitted light is darker in at least one of its colours."""

BRIGHT_COLOUR = 0.35
"""Share of full scale; more than half of a merged colour picture is darker than this in one of its colours."""

TAIL_RATIO = 2.0
"""In transmitted light the tones reach so many times further below the median than above it."""

BLUR_DIAMETERS, LEAST_BLUR_PX = 0.14, 3.0
"""Nuclear edges blurred by a Gaussian (standard deviation) of more than this share of a diameter, and of more px, are
soft."""

LOOKED_AT = 24
"""Nuclei whose edges tell the focus."""

SWAP_DIAMETER_PX = 10.0
"""Nuclei are looked for in the marker's channel at a scale at which they have this diameter."""

LEAST_EXTRA, EXTRA_SHARE, SHARED = 5, 0.25, 0.8
"""Channels are swapped if the marker shows so many nuclei, and such a share, more than the nuclear channel, in which
this share has its marker."""

BLEED_CORRELATION, LEAST_CELLS = 0.75, 20
"""Correlation from nucleus to nucleus above which, among so many cells, the marker follows the nuclear stain."""


def is_saturated(plane: Plane, max_value: float) -> bool:
    """Whether a fair share of a plane is at the camera's limit, also where a file holds fewer bits than it could.

    Parameters
    ----------
    plane : (y, x) array
        Stored values.
    max_value : float
        The value at which the file saturates.

    Examples
    --------
    >>> twelve_bits = np.minimum(np.arange(10_000, dtype=np.uint16).reshape(100, 100), 4095)
    >>> is_saturated(twelve_bits, 65535), is_saturated(twelve_bits[:40], 65535)
    (True, False)
    """
    brightest = float(plane.max(initial=0))
    if brightest <= 0 or plane.min() == brightest:
        return brightest >= max_value
    if brightest < max_value and not (plane.dtype == np.uint16 and brightest in CAMERA_LIMITS):
        return False
    return bool(np.count_nonzero(plane >= min(brightest, max_value)) > SATURATED_SHARE * plane.size)


def is_bright_field(pixels: npt.NDArray[Any], max_value: float) -> bool:
    """Whether pixels look like transmitted light: a bright ground with darker things on it.

    Parameters
    ----------
    pixels : (n, channel) array
        Stored values of a sample of the field.
    max_value : float
        The value at which the camera saturates.

    Examples
    --------
    >>> ground, cells = np.full((900, 3), 230, np.uint8), np.full((100, 3), 90, np.uint8)
    >>> is_bright_field(np.concatenate([ground, cells]), 255), is_bright_field(255 - ground, 255)
    (True, False)
    """
    if len(pixels) == 0 or not np.isfinite(max_value):
        return False
    least = np.asarray(pixels.min(axis=1), dtype=np.float64)
    low, middle, high = np.percentile(least, [1, 50, 99])
    is_pale = pixels.shape[1] == 3 and middle > BRIGHT_COLOUR * max_value
    return bool(is_pale or (middle > BRIGHT_GROUND * max_value and middle - low > TAIL_RATIO * (high - middle)))


def is_out_of_focus(plane: Plane, labels: Labels, diameter_px: float) -> bool:
    """Whether the edges of nuclei are soft for their size.

    Parameters
    ----------
    plane : (y, x) array
        The nuclear stain.
    labels : (y, x) int32 array
        The nuclei.
    diameter_px : float
        Typical diameter of a nucleus.
    """
    return nuclear_blur_px(plane, labels, diameter_px) > max(LEAST_BLUR_PX, BLUR_DIAMETERS * diameter_px)


def nuclear_blur_px(plane: Plane, labels: Labels, diameter_px: float) -> float:
    """Width of the edges of nuclei: standard deviation in px of the Gaussian that a step is blurred by.

    Around nuclei spread over the field the picture is smoothed by two Gaussians; how much weaker the wider one makes
    the steepest gradients tells how wide the edges were.

    Parameters
    ----------
    plane : (y, x) array
        The nuclear stain.
    labels : (y, x) int32 array
        The nuclei.
    diameter_px : float
        Typical diameter of a nucleus.

    Returns
    -------
    float
        0 where there are no nuclei.

    References
    ----------
    Zhuo S, Sim T. Defocus map estimation from a single image. Pattern Recognit 2011;44:1852-1858.
    doi:10.1016/j.patcog.2011.03.009
    """
    places = _some_places(labels)
    if len(places) == 0:
        return 0.0
    narrow = max(1.0, 0.05 * diameter_px)
    blurs = [_edge_blur(crop, narrow) for crop in _crops(plane, places, round(diameter_px) + 4)]
    return float(np.median(blurs))


def are_swapped(labels: Labels, others: Mask, marker: Plane, diameter_px: float) -> bool:
    """Whether the marker's channel shows more nuclei than the nuclear channel, and nearly all of that one's.

    Parameters
    ----------
    labels : (y, x) int32 array
        Nuclei found in the nuclear channel.
    others : (y, x) bool array
        Nuclei found in it that are not counted.
    marker : (y, x) array
        Stored values.
    diameter_px : float
        Typical diameter of a nucleus.
    """
    factor = max(1.0, diameter_px / SWAP_DIAMETER_PX)
    size = tuple(max(1, round(length / factor)) for length in reversed(marker.shape))
    small = np.asarray(cv2.resize(marker, size, interpolation=cv2.INTER_AREA))
    if min(small.shape) < SWAP_DIAMETER_PX or small.min() == small.max():
        return False
    seen = fluorescent_nuclei.find_nuclei(small, typical_diameter=max(4.0, diameter_px / factor)).labels
    known = np.asarray(cv2.resize(labels, size, interpolation=cv2.INTER_NEAREST), dtype=np.int32)
    taken = (known > 0) | (np.asarray(cv2.resize(others.view(np.uint8), size, interpolation=cv2.INTER_NEAREST)) > 0)
    extra = np.count_nonzero(_covered(seen, taken) < 0.1)
    covered = _covered(known, seen > 0)
    return bool(
        extra >= max(LEAST_EXTRA, EXTRA_SHARE * len(covered)) and (covered > 0.3).sum() >= SHARED * len(covered)
    )


def _covered(labels: Labels, mask: Mask) -> Floats:
    """Share of each label's pixels that is in a mask, (n,)."""
    area = np.bincount(labels.ravel())[1:]
    inside = np.bincount(labels.ravel(), weights=mask.ravel(), minlength=len(area) + 1)[1:]
    return np.asarray(inside / np.maximum(area, 1))


def bleeds_through(nuclear: Floats, marker: Floats, noise: Floats) -> bool:
    """Whether the marker follows the nuclear stain from nucleus to nucleus, as leaking light does.

    Cells that are truly positive are brighter for a reason of their own; give those without.

    Parameters
    ----------
    nuclear, marker : (n,) arrays
        Mean intensities of each nucleus above its background.
    noise : (m,) array
        Standard deviations of the marker's background: what is weaker cannot be told.

    Examples
    --------
    >>> stain = np.linspace(100, 300, 50)
    >>> bleeds_through(stain, 0.1 * stain, np.ones(50)), bleeds_through(stain, np.sin(stain), np.ones(50))
    (True, False)
    """
    if len(nuclear) < LEAST_CELLS or np.ptp(nuclear) == 0 or np.ptp(marker) == 0:
        return False
    is_seen = np.median(marker) > np.median(noise)
    return bool(is_seen and np.corrcoef(nuclear, marker)[0, 1] > BLEED_CORRELATION)


def _some_places(labels: Labels) -> npt.NDArray[np.intp]:
    """Centres of some nuclei, evenly taken, (n, 2)."""
    count = int(labels.max(initial=0))
    if count == 0:
        return np.empty((0, 2), dtype=np.intp)
    inside = np.flatnonzero(labels)
    numbers = labels.ravel()[inside]
    area = np.maximum(np.bincount(numbers, minlength=count + 1)[1:], 1)
    rows, columns = np.divmod(inside, labels.shape[1])
    centres = np.stack([np.bincount(numbers, weights=w, minlength=count + 1)[1:] / area for w in (rows, columns)], 1)
    chosen = np.unique(np.linspace(0, count - 1, min(count, LOOKED_AT)).astype(int))
    return np.asarray(centres[chosen], dtype=np.intp)


def _crops(plane: Plane, places: npt.NDArray[np.intp], reach: int) -> list[npt.NDArray[np.float32]]:
    height, width = plane.shape
    return [
        np.ascontiguousarray(
            plane[max(0, y - reach) : min(height, y + reach + 1), max(0, x - reach) : min(width, x + reach + 1)],
            dtype=np.float32,
        )
        for y, x in places.tolist()
    ]


def _edge_blur(crop: npt.NDArray[np.float32], narrow: float) -> float:
    """Blur of the steepest edges of one crop; see `nuclear_blur_px`."""
    wide = 2.0 * narrow
    sharp, soft = (_gradient(np.asarray(cv2.GaussianBlur(crop, (0, 0), s), np.float32)) for s in (narrow, wide))
    steep = sharp >= max(float(np.percentile(sharp, 95)), 1e-9)
    if not steep.any():
        return 0.0
    ratio_squared = float(np.median(sharp[steep] / np.maximum(soft[steep], 1e-12))) ** 2
    if ratio_squared <= 1.0:
        return float("inf")
    return float(max(0.0, (wide**2 - ratio_squared * narrow**2) / (ratio_squared - 1.0)) ** 0.5)


def _gradient(plane: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    across, down = (cv2.Scharr(plane, cv2.CV_32F, dx, dy) for dx, dy in ((1, 0), (0, 1)))
    return np.asarray(np.sqrt(np.square(across) + np.square(down)), dtype=np.float32)
