"""Trichrome stains (Masson's, Goldner's): which pixels have the collagen's colour, which are red, which are tissue.

Colour is told from amount in optical density: with D the mean of the three channels' densities, the hue of a pixel is
the angle of (D_red − D, (D_green − D_blue) / √3) and its chroma the length; both grow out of the stain's kind, the
density out of its amount (the hue-saturation-density model). In this plane aniline blue lies near 45°, light green near
0°, ponceau and acid fuchsin near 155°, erythrocytes near 195°, and iron haematoxylin, which darkens all channels, has
hardly any chroma for its density.

References
----------
van der Laak JAWM, Pahlplatz MMM, Hanselaar AGJM, de Wilde PCM. Hue-saturation-density (HSD) model for stain recognition
in digital images from transmitted light microscopy. Cytometry 2000;39:275-284.
doi:10.1002/(SICI)1097-0320(20000401)39:4<275::AID-CYTO5>3.0.CO;2-8
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from exoimage.errors import MeasureError
from exoimage.methods.density import White, code_count, density_tables, light_surface, optical_density, stored_codes
from exoimage.methods.stains import StainSet

Bytes = npt.NDArray[np.uint8]
Mask = npt.NDArray[np.bool_]
Floats = npt.NDArray[np.floating[Any]]

TISSUE_OD = 0.06
"""Mean density above which a pixel is tissue and not glass."""

CHROMA_OD = 0.02
"""The least chroma towards a stain's hue, in density: twice what JPEG and a camera's noise make of grey."""

SATURATION = 0.1
"""The least chroma towards a stain's hue per density: nuclei and ink are dark and nearly grey."""

CLEAR_CHROMA_OD, CLEAR_SATURATION, CLEAR_OD = 0.04, 0.25, 0.09
"""Pixels with more chroma, saturation and density than these tell the hues of a picture's stains."""

HELD = 0.05
"""Share of imagined pixels of the usual hue: what holds a tone in its place that a picture lacks."""

TINTED_OD = 0.05
"""A white point whose channels differ by more, towards a stain's hue, is pale stain and no glass."""

DARK_SHARE = 0.8
"""A white point darker than this share of the brightest channel is dense tissue."""

GLASS, TISSUE, COLLAGEN, RED = 0, 1, 2, 3
"""What `classify` calls a pixel. Nuclei are `TISSUE`: of neither colour."""

_FIELD_BITS = 15
_TOP_BIT = 1 << (_FIELD_BITS - 1)


@dataclass(frozen=True)
class Tones:
    """The two colours of a trichrome: hues in degrees.

    Parameters
    ----------
    collagen_deg, red_deg : float
        The hues.
    limit_deg : float
        Between the two: below it is collagen, above it red.
    """

    collagen_deg: float
    red_deg: float
    limit_deg: float


@dataclass(frozen=True)
class UsualTones:
    """What a trichrome's two colours are like before a picture is seen.

    Parameters
    ----------
    collagen_deg, red_deg : float
        Usual hues.
    spread_deg : float
        Standard deviation of a stain's hue within and between pictures.
    limit_deg : (low, high)
        Between these lies the limit of the two colours, whatever a picture says.
    """

    collagen_deg: float
    red_deg: float
    spread_deg: float
    limit_deg: tuple[float, float]


BLUE = UsualTones(collagen_deg=45.0, red_deg=150.0, spread_deg=20.0, limit_deg=(65.0, 105.0))
"""Aniline blue or methyl blue, from cyan (20°) to violet (70°), against ponceau and acid fuchsin."""

GREEN = UsualTones(collagen_deg=0.0, red_deg=155.0, spread_deg=25.0, limit_deg=(50.0, 100.0))
"""Light green or fast green, from teal (15°) to green (-40°), against ponceau and acid fuchsin."""


def hue_and_chroma(density: npt.NDArray[Any]) -> tuple[npt.NDArray[Any], npt.NDArray[Any]]:
    """Hue in degrees, -90 … 270, and chroma in optical density, of optical densities (…, 3).

    Examples
    --------
    >>> hue, chroma = hue_and_chroma(np.array([[0.8, 0.57, 0.2], [0.1, 0.74, 0.67]]))
    >>> hue.round().tolist(), chroma.round(2).tolist()
    ([38.0, 174.0], [0.35, 0.41])
    """
    across, up = density @ _ACROSS, density @ _UP
    hue = np.degrees(np.arctan2(up, across))
    return np.where(hue < -90, hue + 360, hue), np.hypot(across, up)


_ACROSS = np.array([2.0, -1.0, -1.0]) / 3.0
_UP = np.array([0.0, 1.0, -1.0]) / np.sqrt(3.0)
_MEAN = np.full(3, 1.0 / 3.0)


def estimate_tones(pixels: npt.NDArray[Any], white: White, usual: UsualTones) -> Tones:
    """The two colours of pictures that were stained together.

    Parameters
    ----------
    pixels : (n, 3) array
        Stored values.
    white : White
    usual : UsualTones

    Returns
    -------
    Tones
        The limit lies within `usual.limit_deg`. Where a colour is missing its usual hue stands for it.

    Notes
    -----
    Two normal distributions are fitted to the hues of the clearly coloured pixels (expectation-maximisation); each
    begins at, and is held by a few imagined pixels of, its usual hue. The limit is where both are equally dense,
    whatever their shares: a picture with little collagen is judged as one with much.

    Examples
    --------
    >>> blue, red = [[90, 120, 190]], [[190, 60, 80]]
    >>> tones = estimate_tones(np.repeat(blue + red, [200, 800], axis=0), White((240.0, 240.0, 240.0)), BLUE)
    >>> round(tones.collagen_deg), round(tones.red_deg)
    (39, 166)
    """
    density = optical_density(np.asarray(pixels).reshape(-1, 3), White(white.rgb)).astype(np.float64)
    hue, chroma = hue_and_chroma(density)
    mean = density.mean(axis=-1)
    clear = (mean > CLEAR_OD) & (chroma > CLEAR_CHROMA_OD) & (chroma > CLEAR_SATURATION * mean)
    counts, edges = np.histogram(hue[clear], bins=360, range=(-90, 270))
    return _two_tones(counts.astype(np.float64), (edges[:-1] + edges[1:]) / 2, usual)


def white_without_glass(white: White, pixels: npt.NDArray[Any]) -> White:
    """The white point itself, or a better guess where it is pale stain and no glass.

    Where no glass is in a picture, its brightest tone is tissue, tinted blue, green or red. Taken for white it would
    hide that tissue and turn all hues. Then glass is taken to be as bright in all channels as the brightest channel
    gets: blue stain lets nearly all blue light through, and red stain red.

    Parameters
    ----------
    white : White
        As `density.estimate_white` finds it. A yellow tint is the lamp's, and stays.
    pixels : (n, 3) array
        The pixels that it was found in.

    Examples
    --------
    >>> tissue = np.array([[196, 210, 231]] * 9 + [[200, 60, 90]])
    >>> white_without_glass(White((196.0, 210.0, 231.0)), tissue).rgb
    (231.0, 231.0, 231.0)
    """
    if len(pixels) == 0:
        return white
    brightest = float(np.percentile(pixels, 99.5, axis=0).max())
    hue, _ = hue_and_chroma(absorbed := np.log10(max(white.rgb) / np.asarray(white.rgb)))
    is_stain = absorbed.max() > TINTED_OD and -75.0 < float(hue) < 225.0
    is_tissue = max(white.rgb) < DARK_SHARE * brightest
    return White((max(brightest, *white.rgb),) * 3, white.light) if is_stain or is_tissue else white


def classify(
    pixels: npt.NDArray[Any],
    white: White,
    tones: Tones,
    *,
    tissue_od: float = TISSUE_OD,
    max_value: float = 0.0,
    part_of: tuple[tuple[int, int], tuple[slice, slice]] | None = None,
) -> Bytes:
    """Tell glass, collagen, red and other tissue apart, pixel by pixel.

    Parameters
    ----------
    pixels : (y, x, 3) array of uint8, uint16 or float32
        Stored values.
    white : White
    tones : Tones
    tissue_od : float
        Mean density from which a pixel is tissue and not glass.
    max_value : float
        The largest value of float pixels. Default: 1.
    part_of : ((height, width), (slice of rows, slice of columns)), optional
        The field that the pixels are a part of, and which part: where the white point has a shape of light.

    Returns
    -------
    (y, x) uint8 array
        `GLASS`, `TISSUE`, `COLLAGEN` or `RED`.

    Examples
    --------
    >>> row = np.array([[[240, 240, 240], [90, 120, 190], [190, 60, 80], [60, 40, 70]]], np.uint8)
    >>> classify(row, White((240.0, 240.0, 240.0)), Tones(40.0, 165.0, 90.0)).tolist()
    [[0, 2, 3, 1]]
    """
    array = np.asarray(pixels)
    if array.ndim != 3 or array.shape[2] != 3:
        raise MeasureError(f"a trichrome is told in colour pictures of shape (y, x, 3), not {array.shape}")
    weights, least = _tests(tones, tissue_od)
    if white.light:
        density = optical_density(array, White(white.rgb))
        density = density + light_surface(white, *(part_of or (array.shape[:2], None)))
        passed = density @ weights.T.astype(np.float32) >= least.astype(np.float32)
        return np.asarray(_KINDS[passed @ np.array([1, 2, 4, 8])], np.uint8)
    from exoimage.methods import _kernels_trichrome

    codes, scale = stored_codes(array, max_value or 1.0)
    tables = _packed(density_tables(white, code_count(codes), scale), weights, least)
    kinds = np.empty(codes.shape[:2], np.uint8)
    _kernels_trichrome.kinds_of_pixels(codes, tables, _KINDS, kinds)
    return kinds


def mean_amounts(
    pixels: npt.NDArray[Any], codes: Bytes, stain_set: StainSet, stains: Sequence[str], *, max_value: float = 0.0
) -> list[float]:
    """Mean optical density of a stain over each of several masks, in even light.

    Parameters
    ----------
    pixels : (y, x, 3) array of uint8, uint16 or float32
        Stored values.
    codes : (y, x) uint8 array
        The masks: 1, 2 … for the stains in their order, 0 for none.
    stain_set : StainSet
    stains : sequence of str
        The stain that is asked of each mask.
    max_value : float
        The largest value of float pixels. Default: 1.

    Returns
    -------
    list of float
        Not-a-number where a mask is empty.
    """
    from exoimage.methods import _kernels_trichrome

    values, scale = stored_codes(np.asarray(pixels), max_value or 1.0)
    density = density_tables(stain_set.white, code_count(values), scale)
    weights = np.array([stain_set.unmixing[:, stain_set.index(stain)] for stain in stains], np.float32)
    tables = np.concatenate([np.zeros((1, *density.shape), np.float32), density * weights[:, :, np.newaxis]])
    sums, counts = np.zeros(len(tables)), np.zeros(len(tables), np.int64)
    _kernels_trichrome.sums_by_code(values, tables, codes, sums, counts)
    return [float(total / count) if count else float("nan") for total, count in zip(sums[1:], counts[1:], strict=True)]


def is_another_stain(pixels: npt.NDArray[Any], kinds: Bytes, white: White, usual: UsualTones) -> bool:
    """Whether what was found has hues that no trichrome has: H&E, DAB, Sirius red, or the other variant.

    Parameters
    ----------
    pixels : (n, 3) array
        Stored values.
    kinds : (n,) uint8 array
        What `classify` calls them.
    white : White
    usual : UsualTones
    """
    collagen, red = (pixels[kinds == kind] for kind in (COLLAGEN, RED))
    low, high = (usual.collagen_deg + turn for turn in OTHER_COLLAGEN_DEG)
    if len(collagen) >= FEW and not low < _hue_of(collagen, white) < high:
        return True
    if len(red) < FEW:
        return False
    # Without collagen a purple ground is haematoxylin and eosin.
    least = PURPLE_DEG if len(collagen) < 0.01 * len(red) else -90.0
    return not least < _hue_of(red, white) < BROWN_DEG


FEW = 50
"""Fewer pixels tell no hue."""

OTHER_COLLAGEN_DEG = (-55.0, 35.0)
"""A hue turned further from the usual one is another dye's: haematoxylin lies beyond violet (85° to 100°), aniline blue
at 45° where light green is expected."""

PURPLE_DEG, BROWN_DEG = 138.0, 200.0
"""Ponceau and fuchsin lie between purple (haematoxylin on eosin) and brown or yellow (DAB, picric acid)."""


def _hue_of(pixels: npt.NDArray[Any], white: White) -> float:
    density = optical_density(pixels, White(white.rgb)).astype(np.float64).mean(axis=0)
    return float(hue_and_chroma(density)[0])


def _two_tones(counts: npt.NDArray[np.float64], hues: npt.NDArray[np.float64], usual: UsualTones) -> Tones:
    at = np.array([usual.collagen_deg, usual.red_deg])
    variance = usual.spread_deg**2
    held = max(HELD * float(counts.sum()), 1.0)
    centre, spread, share = at, np.full(2, variance), np.full(2, 0.5)
    for _ in range(60):
        odds = share * _normal(hues[:, np.newaxis], centre, spread)
        weight = counts[:, np.newaxis] * odds / np.maximum(odds.sum(axis=1, keepdims=True), 1e-300)
        total = weight.sum(axis=0) + held
        centre = (weight.T @ hues + held * at) / total
        spread = ((weight * (hues[:, np.newaxis] - centre) ** 2).sum(axis=0) + held * variance) / total
        share = total / total.sum()
    between = np.linspace(centre[0], centre[1], 512)
    density = np.maximum(_normal(between[:, np.newaxis], centre, spread), 1e-300)
    limit = float(between[np.argmin(np.abs(np.log(density[:, 0] / density[:, 1])))])
    return Tones(float(centre[0]), float(centre[1]), float(np.clip(limit, *usual.limit_deg)))


def _normal(
    value: npt.NDArray[np.float64], mean: npt.NDArray[np.float64], variance: npt.NDArray[np.float64]
) -> npt.NDArray[np.float64]:
    density: npt.NDArray[np.float64] = np.exp(-((value - mean) ** 2) / (2 * variance)) / np.sqrt(variance)
    return density


def _tests(tones: Tones, tissue_od: float) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """What is asked of a pixel, as weights of its densities and the least sum that passes.

    Tissue? On the collagen's side of the limit? Enough chroma towards the collagen's hue? Towards the red's?
    """
    collagen, red, limit = np.radians([tones.collagen_deg, tones.red_deg, tones.limit_deg])
    rows = np.array(
        [
            _MEAN,
            np.sin(limit) * _ACROSS - np.cos(limit) * _UP,
            np.cos(collagen) * _ACROSS + np.sin(collagen) * _UP - SATURATION * _MEAN,
            np.cos(red) * _ACROSS + np.sin(red) * _UP - SATURATION * _MEAN,
        ]
    )
    return rows, np.array([tissue_od, 0.0, CHROMA_OD, CHROMA_OD])


def _kind(passed: int) -> int:
    tissue, collagen_side, collagen, red = (bool(passed >> k & 1) for k in range(4))
    if not tissue:
        return GLASS
    if collagen_side:
        return COLLAGEN if collagen else TISSUE
    return RED if red else TISSUE


_KINDS: Bytes = np.array([_kind(passed) for passed in range(16)], np.uint8)
"""The kind of a pixel by the tests that it passed, a bit each."""


def _packed(
    tables: npt.NDArray[np.float32], weights: npt.NDArray[np.float64], least: npt.NDArray[np.float64]
) -> npt.NDArray[np.int64]:
    """All tests in one table of integers per channel, (3, levels): a field of bits per test.

    Adding three entries adds all tests at once; a field's top bit is set where its test is passed. Fields are scaled so
    that no sum leaves its field.
    """
    packed = np.zeros(tables.shape, np.int64)
    for index, (row, threshold) in enumerate(zip(weights, least, strict=True)):
        terms = tables.astype(np.float64) * row[:, np.newaxis]
        terms[0] -= threshold
        scale = (_TOP_BIT - 8) / np.abs(terms).max(axis=1).sum()
        field = np.rint(terms * scale).astype(np.int64)
        field[0] += _TOP_BIT
        packed += field << (index * _FIELD_BITS)
    return packed
