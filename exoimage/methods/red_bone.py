"""Which of a trichrome's red is bone: even, solid, densely stained, and on or in bone, or a large piece of its own.

Muscle, marrow, cytoplasm and erythrocytes are as red as mature bone. Bone differs in being one even mass, in which
cells lie far apart: its density hardly varies over the width of a trabecula, where marrow has cells, gaps and fat.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from exoimage.methods import thresholds
from exoimage.methods.density import MAX_OD, White, stored_codes
from exoimage.methods.trichrome import RED, TISSUE

Bytes = npt.NDArray[np.uint8]
Mask = npt.NDArray[np.bool_]
Plane = npt.NDArray[np.float32]

WORK_PX = 8.0
"""Pixels, about, that the width of bone is looked at with; finer pictures are reduced first."""

EVENNESS = 0.2
"""Variation of density (standard deviation over mean) that bone stays below; marrow and cytoplasm have more."""

BONE_OD = 0.15
"""Mean density that bone's matrix reaches; plasma and oedema are paler."""

PALER = 0.7
"""Density of a piece, relative to the median over all pieces' areas, below which it is not of the same bone."""

SOLID = 0.7
"""Share of red within the width of bone; bone cells and blur take the rest."""


OSTEOID_PX = 2.5
"""Pixels, at least, that the width of a seam of osteoid is looked at with."""

DENSER = 1.5
"""Osteoid is so many times denser than marrow's cytoplasm; where red has less contrast it is one tissue."""

SEAM = 6.0
"""Length, in widths, along which osteoid lies on mineralised bone at least; cells and fibres touch it in spots."""


@dataclass(frozen=True)
class BoneSizes:
    """Sizes that tell mature bone from other red, in px.

    Parameters
    ----------
    width : float
        The narrowest bone: narrower red is none.
    alone : float
        Equivalent diameter from which red bone counts where no collagen touches it.
    """

    width: float
    alone: float


@dataclass(frozen=True)
class OsteoidSizes:
    """Sizes that tell osteoid from other red, in px.

    Parameters
    ----------
    width : float
        The narrowest seam.
    reach : float
        How far from mineralised bone osteoid may be.
    """

    width: float
    reach: float


@dataclass(frozen=True, eq=False)
class _Blocks:
    """A picture in blocks of `factor` px: share of red, share of collagen, density of green and blue."""

    factor: int
    red: Plane
    collagen: Plane
    density: Plane


def mature_bone(
    pixels: npt.NDArray[Any], kinds: Bytes, collagen: Mask, white: White, sizes: BoneSizes, *, max_value: float = 0.0
) -> Mask:
    """The red that is mature bone, in Masson's trichrome.

    Parameters
    ----------
    pixels : (y, x, 3) array of uint8, uint16 or float32
        Stored values.
    kinds : (y, x) uint8 array
        As `trichrome.classify` tells them.
    collagen : (y, x) bool array
        New bone, in the collagen's colour.
    white : White
    sizes : BoneSizes
    max_value : float
        The largest value of float pixels. Default: 1.

    Returns
    -------
    (y, x) bool array
        Even, dense red that touches new bone or is a large piece. Bone cells in it are filled; nothing of it is glass
        or collagen.
    """
    blocks = _blocks(pixels, kinds, collagen, white, max(1, int(sizes.width / WORK_PX)), max_value)
    solid = _solid(blocks, sizes.width / blocks.factor)
    return _spread(_on_bone(solid, blocks, sizes), blocks.factor, kinds, collagen)


def osteoid(
    pixels: npt.NDArray[Any],
    kinds: Bytes,
    mineralised: Mask,
    white: White,
    sizes: OsteoidSizes,
    *,
    max_value: float = 0.0,
) -> Mask:
    """The red that is osteoid, in Goldner's trichrome: dense seams along mineralised bone.

    Parameters
    ----------
    pixels : (y, x, 3) array of uint8, uint16 or float32
        Stored values.
    kinds : (y, x) uint8 array
        As `trichrome.classify` tells them.
    mineralised : (y, x) bool array
        Bone in the collagen's colour.
    white : White
    sizes : OsteoidSizes
    max_value : float
        The largest value of float pixels. Default: 1.

    Returns
    -------
    (y, x) bool array
    """
    blocks = _blocks(pixels, kinds, mineralised, white, max(1, int(sizes.width / OSTEOID_PX)), max_value)
    bone = blocks.collagen >= 0.5
    distance = cv2.distanceTransform((~bone).view(np.uint8), cv2.DIST_L2, 5)
    near = (blocks.red >= 0.5) & (distance <= sizes.reach / blocks.factor)
    width = sizes.width / blocks.factor
    dense = _opened(_dense(near, blocks, width), width / 4)
    count, labels = cv2.connectedComponents(dense.view(np.uint8), connectivity=8, ltype=cv2.CV_32S)
    contact = np.bincount(labels[dense & (distance <= 2.0)], minlength=count)
    kept = contact >= SEAM * width
    kept[0] = False
    return _spread(np.asarray(kept[labels]), blocks.factor, kinds, mineralised)


def _dense(near: Mask, blocks: _Blocks, width: float) -> Mask:
    """Of red, the denser of two tones, cells smoothed away; all or nothing of it where there is but one tone."""
    if not near.any():
        return near
    window, weight = _odd(2 * width), near.astype(np.float32)
    total = np.maximum(_mean(weight, window), 1e-3)
    smooth = _mean(blocks.density * weight, window) / total
    levels = np.clip(smooth[near] * 255, 0, 255).astype(np.intp)
    found = thresholds.find(np.bincount(levels, minlength=256), "Otsu")
    if found.level is not None:
        above = levels > found.level
        if levels[above].mean() >= DENSER * levels[~above].mean():
            return np.asarray(near & (smooth * 255 > max(found.level + 1.0, 255 * BONE_OD)))
    variance = _mean(blocks.density * blocks.density * weight, window) / total - smooth * smooth
    return np.asarray(near & (smooth > BONE_OD) & (np.sqrt(np.maximum(variance, 0)) < EVENNESS * smooth))


def _blocks(
    pixels: npt.NDArray[Any], kinds: Bytes, collagen: Mask, white: White, factor: int, max_value: float
) -> _Blocks:
    from exoimage.methods import _kernels_trichrome

    codes, scale = stored_codes(pixels, max_value or 1.0)
    sums = np.zeros((-(-kinds.shape[0] // factor), -(-kinds.shape[1] // factor), 5), np.int64)
    # Two rows of a block, or three, say enough of it.
    _kernels_trichrome.block_sums(codes, kinds, RED, collagen, factor, max(1, factor // 2), sums)
    means = (sums[..., 1:] / np.maximum(sums[..., :1], 1)).astype(np.float32)
    return _Blocks(
        factor, means[..., 0].copy(), means[..., 1].copy(), _density(means[..., 2:] * np.float32(scale), white)
    )


def _spread(kept: Mask, factor: int, kinds: Bytes, collagen: Mask) -> Mask:
    """The pixels of kept blocks that can be red bone."""
    from exoimage.methods import _kernels_trichrome

    found = np.empty(kinds.shape, np.bool_)
    _kernels_trichrome.spread_blocks(kept, factor, kinds, _CAN_BE_BONE, collagen, found)
    return found


_CAN_BE_BONE = np.array([kind in (RED, TISSUE) for kind in range(4)])
"""By kind, whether a pixel in the midst of red bone is of it: its cells are `TISSUE`."""


def _solid(blocks: _Blocks, width: float) -> Mask:
    """Even, dense red, whole to its borders."""
    red, density, window = blocks.red, blocks.density, _odd(0.8 * width)
    # Borders are blurred, thus pale: what lies inside by a pixel tells the density.
    weight = np.asarray(cv2.erode(red, _disc(1)), np.float32)
    share, total = _mean(red, window), np.maximum(_mean(weight, window), 1e-3)
    # Bone cells are dark spots in an even ground: they are cut off, where marrow's pale gaps are not.
    density = np.minimum(density, np.float32(1.3) * _mean(density * weight, window) / total)
    mean = _mean(density * weight, window) / total
    deviation = np.sqrt(np.maximum(_mean(density * density * weight, window) / total - mean * mean, 0))
    inner = (share + _mean(blocks.collagen, window) > SOLID) & (share > 0.25)
    even = inner & (mean > BONE_OD) & (deviation < EVENNESS * mean)
    core = _opened(even, width / 4)
    # The window takes in what lies beside bone: a margin of it was lost, and is grown back over red alone.
    grown = cv2.dilate(core.view(np.uint8), _disc(width / 3)).view(np.bool_) & (red >= 0.5)
    return _opened(grown, width / 4)


def _on_bone(solid: Mask, blocks: _Blocks, sizes: BoneSizes) -> Mask:
    """The pieces that touch collagen or are large, none of them paler than bone here is."""
    count, labels = cv2.connectedComponents(solid.view(np.uint8), connectivity=8, ltype=cv2.CV_32S)
    area = np.bincount(labels.ravel(), minlength=count)
    mean = np.bincount(labels.ravel(), weights=blocks.density.ravel(), minlength=count) / np.maximum(area, 1)
    area[0] = 0
    collagen = (blocks.collagen >= 0.5).view(np.uint8)
    beside = cv2.dilate(collagen, _disc(sizes.width / 4 / blocks.factor + 1)).view(np.bool_)
    touches = np.zeros(count, np.bool_)
    touches[np.unique(labels[beside & solid])] = True
    large, enough = (area >= _disc_area(size / blocks.factor) for size in (sizes.alone, sizes.width))
    keep = (large | (touches & enough)) & (area > 0) & (mean >= PALER * _weighted_median(mean, area))
    return np.asarray(keep[labels])


def _weighted_median(values: npt.NDArray[np.float64], weights: npt.NDArray[np.int64]) -> float:
    order = np.argsort(values)
    total = np.cumsum(weights[order])
    return float(values[order][np.searchsorted(total, total[-1] / 2)])


def _disc_area(diameter: float) -> float:
    return float(np.pi / 4 * diameter**2)


def _density(values: Plane, white: White) -> Plane:
    """Mean density of green and blue, which red absorbs; light that falls unevenly hardly varies within a trabecula."""
    clear = np.asarray(white.rgb[1:], np.float32)
    green, blue = (np.maximum(values[..., k] / clear[k], np.float32(10.0**-MAX_OD)) for k in (0, 1))
    return np.asarray(np.log10(green * blue) * np.float32(-0.5), np.float32)


def _mean(plane: Plane, window: int) -> Plane:
    return np.asarray(cv2.blur(plane, (window, window), borderType=cv2.BORDER_REFLECT), np.float32)


def _opened(mask: Mask, radius: float) -> Mask:
    return np.asarray(cv2.morphologyEx(mask.view(np.uint8), cv2.MORPH_OPEN, _disc(radius))).view(np.bool_)


def _disc(radius: float) -> Bytes:
    size = 2 * max(1, round(radius)) + 1
    return np.asarray(cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (size, size)), np.uint8)


def _odd(width: float) -> int:
    return 2 * max(1, round(width / 2)) + 1
