"""Bone, marrow and glass in sections of decalcified bone stained with haematoxylin and eosin.

Bone is told by what it lacks. Marrow is packed with nuclei, which haematoxylin darkens in red light; bone is pink and
smooth and holds an osteocyte here and there; fat, sinusoids and glass let all light through. So the share of nuclei
among what is stained, over a few cells' width, decides, not how deep or of which pink the bone is.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from exoimage.errors import MeasureError
from exoimage.flags import Flag
from exoimage.methods import particles, segmentation
from exoimage.methods.stains import StainSet

Mask = npt.NDArray[np.bool_]
Floats = npt.NDArray[np.float32]

STAINED_OD = 0.07
"""Green light is absorbed more than this where there is tissue: twice the noise and tint of clear glass."""

LIGHT_OD = 0.15
"""So much may the light differ over the field (a third); more of a common darkness is stain."""

PINKEST_PCT = 10.0
"""Share of the stained pixels, in percent, that is surely bone, cytoplasm or red cells: eosin without haematoxylin."""

OWN_SHARE = (-0.3, 0.6)
"""How much haematoxylin, per eosin, an eosin's own colour may look like: 5° of hue are 0.1."""

LEAST_MARROW_SHARE = 0.25
"""Nuclei cover at least so much of cellular marrow; where less is found there is none to compare bone with."""

MOST_OSTEOCYTE_SHARE = 0.07
"""Where nuclei cover more of a piece it is no bone: an osteocyte's, of 20 µm², has 600 to 1000 µm² to itself."""

MOST_GRAINY = 0.2
"""Relative grain of eosin, finer than a nucleus, above which a piece is no bone: bone's is 0.06 to 0.15, that of red
cells side by side 0.4."""

LEAST_DOUBT, DOUBT_PER_BONE = 0.01, 0.1
"""Doubtful pieces matter where they cover so much of the tissue and, besides, so much beside the bone."""

RED_CELL_MARGIN = 0.2
"""Haemoglobin absorbs blue light: relative to green so much more than the pink tissue around. Eosin's blue is about
half of its green, red cells' blue nearly all of it."""

_WINDOW = 0.8
"""Sigma, in nuclei's diameters, over which nuclei are counted: the distance of neighbouring marrow cells is 1.3."""

_SIGMAS = tuple(float(sigma) for sigma in np.geomspace(1.0, 14.0, 12))
"""Scales in px at which nuclei are looked for where the size of a pixel is unknown."""

_ROUNDS = 4
"""Rounds in which the marrow's share of nuclei settles, to 1 in 100."""

UNSEEN_NUCLEUS_PX = 8.0
"""Diameter of nuclei that are not seen: 0.75 µm per px, as with a 10 × objective."""

_THINNEST = 1.5
"""Width in nuclei's diameters below which pink strips (walls of fat cells, fibres, cytoplasm) are no bone."""

_SMOOTH = 0.3
"""Sigma in nuclei's diameters by which outlines are smoothed: the single nuclei beside bone leave no notches."""


@dataclass(frozen=True)
class BoneSizes:
    """Sizes that tell bone and tissue, in px of the picture they are used on.

    Parameters
    ----------
    nucleus : float
        Diameter of a marrow cell's nucleus.
    smallest_piece : float
        Equivalent diameter below which a piece is no bone.
    largest_lacuna : float
        Equivalent diameter up to which a hole in bone is a lacuna or a canal, and filled.
    largest_vacuole : float
        A white place that holds a disc wider than this is glass or a tear; others belong to the tissue.
    """

    nucleus: float
    smallest_piece: float
    largest_lacuna: float
    largest_vacuole: float

    def __post_init__(self) -> None:
        if self.nucleus <= 0 or min(self.smallest_piece, self.largest_lacuna, self.largest_vacuole) < 0:
            raise MeasureError(f"sizes of nuclei must be above 0, all others 0 or more, not {self}")

    def reduced(self, factor: float) -> BoneSizes:
        """The sizes in a picture that is smaller by that factor."""
        sizes = (self.nucleus, self.smallest_piece, self.largest_lacuna, self.largest_vacuole)
        return BoneSizes(*(size / factor for size in sizes))


@dataclass(frozen=True, eq=False)
class BoneTissue:
    """What a section is made of.

    Parameters
    ----------
    bone, tissue : (y, x) bool arrays
        Bone is a part of the tissue.
    marrow_share : float
        Share of nuclei in the marrow that bone was compared with.
    doubtful_share : float
        Share of the tissue that large pink pieces cover which hold too many nuclei or are too grainy for bone.
    """

    bone: Mask
    tissue: Mask
    marrow_share: float
    doubtful_share: float

    @property
    def flags(self) -> tuple[Flag, ...]:
        """`Flag.BONE_UNCERTAIN` where the doubtful pieces are not few beside the bone."""
        bone_share = np.count_nonzero(self.bone) / max(int(np.count_nonzero(self.tissue)), 1)
        is_much = self.doubtful_share > max(LEAST_DOUBT, DOUBT_PER_BONE * bone_share)
        return (Flag.BONE_UNCERTAIN,) if is_much else ()


def find_bone(density: Floats, stains: StainSet, nuclei_od: float, sizes: BoneSizes) -> BoneTissue:
    """Tell bone, tissue and glass.

    Parameters
    ----------
    density : (y, x, 3) float32 array
        Optical density per channel, against the white point.
    stains : StainSet
        With the stains haematoxylin and eosin.
    nuclei_od : float
        Density of haematoxylin above which a pixel is of a nucleus.
    sizes : BoneSizes
        In px of `density`. A nucleus should be 4 px wide or more.

    Returns
    -------
    BoneTissue

    Notes
    -----
    1. What darkens all channels alike over a wide area (uneven light) is taken off.
    2. The share of nuclei among stained pixels is taken in a Gaussian window of 0.8 nuclei's diameters. Bone is where
       it is below about half of the marrow's own share: what a window astride a straight border sees.
    3. Strips too thin are taken off, lacunae filled, pieces that are small, hold nuclei as other tissue does or
       are grainy left out.
    """
    even = _without_light(density, sizes.nucleus)
    stained = even[:, :, 1] > STAINED_OD
    haematoxylin, eosin = nuclear_stain(even, stains)
    nuclei = (haematoxylin > np.float32(nuclei_od)) & stained
    tissue = find_tissue(stained, sizes)
    share = _share(nuclei, stained, _WINDOW * sizes.nucleus)
    marrow_share = _marrow_share(share, tissue)
    border = marrow_share * _border_value(stained, share, marrow_share)
    pink = stained & tissue & ~nuclei & (share < border)
    pink &= ~_red_cells(even, pink, sizes.nucleus)
    bone = _whole_pieces(pink | _lacunar(nuclei, share, border), tissue, sizes)
    kept, doubtful = _judged_pieces(bone, pink, nuclei, eosin, sizes)
    return BoneTissue(kept, tissue, marrow_share, doubtful / max(int(np.count_nonzero(tissue)), 1))


def nuclear_stain(density: Floats, stains: StainSet) -> tuple[Floats, Floats]:
    """Haematoxylin beyond what goes with eosin, and eosin.

    Eosin's colour differs between cameras, batches and depths of stain by more than bone's haematoxylin, and with a
    fixed vector some of one would be read as the other. So the ratio of haematoxylin to eosin in the pinkest tenth of
    what is stained, within bounds, is taken as eosin's own: bone has a nuclear stain of nearly 0 then.

    Parameters
    ----------
    density : (..., 3) float32 array
        Optical density per channel.
    stains : StainSet
        With the stains haematoxylin and eosin.

    Returns
    -------
    haematoxylin, eosin : (...) float32 arrays
    """
    weights = stains.unmixing.astype(np.float32)
    haematoxylin, eosin = (density @ weights[:, stains.index(name)] for name in ("haematoxylin", "eosin"))
    coloured = (density[..., 1] > 2 * STAINED_OD) & (eosin > STAINED_OD)
    if not coloured.any():
        return haematoxylin, eosin
    own = float(np.percentile(haematoxylin[coloured] / eosin[coloured], PINKEST_PCT))
    return haematoxylin - np.float32(np.clip(own, *OWN_SHARE)) * eosin, eosin


def find_tissue(stained: Mask, sizes: BoneSizes) -> Mask:
    """Tell tissue from empty glass and tears.

    Parameters
    ----------
    stained : (y, x) bool array
    sizes : BoneSizes
        White places that hold a disc wider than `largest_vacuole` are none of the tissue; narrower ones (fat vacuoles,
        sinusoids, gaps where the marrow has shrunk) are.

    Returns
    -------
    (y, x) bool array
    """
    step = max(1, int(sizes.nucleus / 2))
    if step > 1:
        size = (-(-stained.shape[1] // step), -(-stained.shape[0] // step))
        share = cv2.resize(stained.view(np.uint8) * np.uint8(255), size, interpolation=cv2.INTER_AREA)
        coarse = find_tissue(share > 127, sizes.reduced(step)).view(np.uint8) * np.uint8(255)
        return np.asarray(cv2.resize(coarse, stained.shape[::-1], interpolation=cv2.INTER_LINEAR) > 127)
    reach = sizes.largest_vacuole / 2
    # Stained specks of less than a nucleus (dust, cells afloat) do not make glass tissue.
    specks = _opened(stained, sizes.nucleus / 4)
    away = _distance(~specks)
    wide = away > reach
    if not wide.any():
        return np.ones(stained.shape, dtype=np.bool_)
    return np.asarray(_distance(~wide) > reach)


def nucleus_diameter(density: Floats) -> float:
    """Diameter of nuclei in px, by the smallest scale at which the picture varies much in red light.

    The scale-normalised Laplacian of a blob is largest at a sigma of its diameter / (2 √2) (Lindeberg 1998, Int J
    Comput Vis 30:79–116, doi:10.1023/A:1008045108935). For pictures of unknown pixel size.

    Parameters
    ----------
    density : (y, x, 3) float32 array
        Optical density per channel.

    Returns
    -------
    float
        From 3 to 32 px; 8 where trabeculae vary more than anything smaller, as out of focus.
    """
    red, stained = np.ascontiguousarray(density[:, :, 0]), density[:, :, 1] > STAINED_OD
    # White places take the tone of what surrounds them: fat vacuoles are round too.
    weight = cv2.GaussianBlur(stained.astype(np.float32), (0, 0), _SIGMAS[-1])
    around = cv2.GaussianBlur(red * stained, (0, 0), _SIGMAS[-1])
    level = float(red[stained].mean()) if stained.any() else 0.0
    around = np.divide(around, weight, out=np.full_like(red, level), where=weight > 0.1)
    filled = np.where(stained, red, around)
    strengths = np.array([_laplacian_strength(filled, sigma) for sigma in _SIGMAS])
    # Nuclei are the smallest of what varies much; trabeculae may vary more, and noise varies less.
    before, after = np.append(-np.inf, strengths[:-1]), np.append(strengths[1:], np.inf)
    peaks = np.flatnonzero((strengths > before) & (strengths >= after) & (strengths >= 0.5 * strengths.max()))
    return float(2 * np.sqrt(2) * _SIGMAS[int(peaks[0])]) if peaks.size else UNSEEN_NUCLEUS_PX


def _laplacian_strength(plane: Floats, sigma: float) -> float:
    step = max(1, int(sigma / 2))
    size = tuple(max(1, round(length / step)) for length in plane.shape[::-1])
    small = plane if step == 1 else cv2.resize(plane, size, interpolation=cv2.INTER_AREA)
    blurred = cv2.GaussianBlur(small, (0, 0), sigma / step)
    return float((sigma / step) ** 2 * cv2.Laplacian(blurred, cv2.CV_32F).std())


def _without_light(density: Floats, nucleus: float) -> Floats:
    """The densities less what the clearest places around have in red, which neither glass nor eosin absorbs."""
    step = max(1, round(nucleus))
    small = cv2.resize(
        density[:, :, 0], (-(-density.shape[1] // step), -(-density.shape[0] // step)), interpolation=cv2.INTER_AREA
    )
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (25, 25))
    clearest = cv2.GaussianBlur(cv2.erode(small, kernel), (0, 0), 8)
    light = cv2.resize(np.clip(clearest, -LIGHT_OD, LIGHT_OD), density.shape[1::-1], interpolation=cv2.INTER_LINEAR)
    return np.asarray(density - light[:, :, np.newaxis], dtype=np.float32)


def _share(nuclei: Mask, stained: Mask, sigma: float) -> Floats:
    """Share of nuclei among stained pixels around; 0 where nothing is stained."""
    weight = cv2.GaussianBlur(stained.astype(np.float32), (0, 0), sigma)
    found = cv2.GaussianBlur(nuclei.astype(np.float32), (0, 0), sigma)
    return np.asarray(np.divide(found, weight, out=np.zeros_like(found), where=weight > 0.02), dtype=np.float32)


def _marrow_share(share: Floats, tissue: Mask) -> float:
    """Share of nuclei in the marrow: the mean of where it is above half of that mean.

    Found from above, as ISODATA finds a threshold: from the mean that nuclei see around them.
    """
    within = share[tissue].astype(np.float64)
    total = float(within.sum())
    typical = float((within**2).sum()) / total if total > 0 else 0.0
    for _ in range(_ROUNDS):
        cellular = within[within > typical / 2]
        typical = float(cellular.mean()) if cellular.size else 0.0
    return max(typical, LEAST_MARROW_SHARE)


def _red_cells(even: Floats, pink: Mask, nucleus: float) -> Mask:
    """Where pink turns to the orange of red cells: blue against green, compared with the middle of what is pink."""
    green, blue = (cv2.GaussianBlur(even[:, :, k], (0, 0), nucleus / 4) for k in (1, 2))
    hue = np.divide(blue, green, out=np.zeros_like(blue), where=green > STAINED_OD)
    middle = _distance(pink) > nucleus
    if not middle.any():
        return np.zeros(pink.shape, dtype=np.bool_)
    return np.asarray(hue > float(np.median(hue[middle])) + RED_CELL_MARGIN)


def _border_value(stained: Mask, share: Floats, marrow_share: float) -> float:
    """What share of nuclei, relative to the marrow's, a window astride a straight border of bone sees.

    Half, if marrow were stained throughout as bone is. Fat and sinusoids are not, so that less of what is stained in
    such a window is marrow: s / (1 + s), where s is the stained share of cellular marrow.
    """
    cellular = share > marrow_share / 2
    filled = float(stained[cellular].mean()) if cellular.any() else 1.0
    return filled / (1 + filled)


def _lacunar(nuclei: Mask, share: Floats, border: float) -> Mask:
    """Nuclei that lie alone, as osteocytes do."""
    return nuclei & (share < border)


def _whole_pieces(pink: Mask, tissue: Mask, sizes: BoneSizes) -> Mask:
    lacuna_px = np.pi / 4 * sizes.largest_lacuna**2
    thick = _opened(segmentation.fill_holes(pink, lacuna_px), _THINNEST * sizes.nucleus / 2)
    smooth = cv2.GaussianBlur(thick.astype(np.float32), (0, 0), _SMOOTH * sizes.nucleus) > 0.5
    return np.asarray(segmentation.fill_holes(smooth, lacuna_px) & tissue)


def _judged_pieces(bone: Mask, pink: Mask, nuclei: Mask, eosin: Floats, sizes: BoneSizes) -> tuple[Mask, int]:
    """The pieces that are large enough, hold few nuclei and are smooth; px of those that are large enough only."""
    labels = particles.label(bone)
    count = int(labels.max(initial=0))
    if count == 0:
        return bone, 0
    places = np.flatnonzero(labels)
    piece = labels.ravel()[places]
    area = np.bincount(piece, minlength=count + 1)
    of_nuclei = np.bincount(piece, weights=nuclei.ravel()[places], minlength=count + 1)
    is_large = area >= np.pi / 4 * sizes.smallest_piece**2
    is_large[0] = False
    is_bone = (of_nuclei <= MOST_OSTEOCYTE_SHARE * area) & (_grain(labels, pink, eosin, sizes.nucleus) <= MOST_GRAINY)
    return np.asarray((is_large & is_bone)[labels]), int(area[is_large & ~is_bone].sum())


def _grain(labels: npt.NDArray[np.int32], pink: Mask, eosin: Floats, nucleus: float) -> npt.NDArray[np.float64]:
    """Spread of eosin about its mean around, relative to its mean: of the pink inside of each piece, (n + 1,).

    The spread of pieces so thin that they have no inside is not known, and taken as 0.
    """
    count = int(labels.max(initial=0))
    places = np.flatnonzero((_distance(pink) > nucleus / 2) & (labels > 0))
    piece, tone = labels.ravel()[places], eosin.ravel()[places].astype(np.float64)
    around = cv2.GaussianBlur(eosin, (0, 0), nucleus / 2).ravel()[places]
    n = np.maximum(np.bincount(piece, minlength=count + 1), 1)
    mean = np.bincount(piece, weights=tone, minlength=count + 1) / n
    square = np.bincount(piece, weights=(tone - around) ** 2, minlength=count + 1) / n
    return np.asarray(np.sqrt(square) / np.maximum(mean, 1e-6), dtype=np.float64)


def _opened(mask: Mask, radius: float) -> Mask:
    """Opening with a disc; what lies beyond the border continues."""
    if radius < 0.5:
        return mask
    core = _distance(mask) > radius
    return np.asarray(mask & (_distance(~core) <= radius)) if core.any() else core


def _distance(mask: Mask) -> Floats:
    """Distance to the nearest pixel outside the mask; infinite where there is none."""
    if mask.all():
        return np.full(mask.shape, np.inf, dtype=np.float32)
    found = cv2.distanceTransform(mask.view(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
    return np.asarray(found, dtype=np.float32)
