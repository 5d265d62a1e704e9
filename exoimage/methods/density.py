"""Optical density of bright-field pictures: from stored values to what light was absorbed.

Optical density (OD) is decadic, ``-log10(value / white)``: 0 is clear, 1 lets a tenth of the light through. It is
the density of the values as stored; a camera that stores gamma-encoded values gives densities that rank and
separate stains as ImageJ does, but are not proportional to dye.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from exoimage.errors import MeasureError
from exoimage.flags import Flag, merged

MAX_OD = 2.0
"""Densities above this are set to it: below 1 % transmittance a camera sees noise and stray light."""

FloatArray = npt.NDArray[np.floating[Any]]

_LIGHT_DEGREE = 4
LIGHT_TERMS = (_LIGHT_DEGREE + 1) * (_LIGHT_DEGREE + 2) // 2
"""Coefficients per channel of a light's shape."""

_SURE_SHARE, _GREY_SHARE = 0.05, 0.01
"""The least share of the pixels that a background must hold: of any colour, and grey below saturation."""

_GREY_OD, _CAST_OD = 0.06, 0.13
"""A tone whose channels differ by less than this is grey, by more is coloured."""


@dataclass(frozen=True)
class White:
    """The white point: what the camera stores where nothing absorbs.

    Parameters
    ----------
    rgb : tuple of three floats
        Value per channel, in the units of the pixels.
    light : tuple of tuples of floats
        Per channel the coefficients of the light's shape over the field (`light_surface`), empty for even light.
    """

    rgb: tuple[float, float, float]
    light: tuple[tuple[float, ...], ...] = ()

    def __post_init__(self) -> None:
        if not all(np.isfinite(value) and value > 0 for value in self.rgb):
            raise MeasureError(f"a white point of {self.rgb} has no optical density; give three positive values")


def optical_density(pixels: npt.NDArray[Any], white: White, *, max_od: float = MAX_OD) -> npt.NDArray[np.float32]:
    """Decadic optical density of every channel.

    Parameters
    ----------
    pixels : (..., 3) array
        Stored values, red, green, blue.
    white : White
        White point; its `light` is used only where `pixels` is a whole (y, x, 3) field.
    max_od : float
        Values below ``white * 10 ** -max_od`` are taken as that value.

    Returns
    -------
    (..., 3) float32 array
        At most `max_od` (before the light's shape is corrected for); negative where a pixel is brighter than white.

    Examples
    --------
    >>> optical_density(np.array([[200, 20, 2]]), White((200.0, 200.0, 200.0))).round(3).tolist()
    [[0.0, 1.0, 2.0]]
    """
    rgb = np.asarray(white.rgb, dtype=np.float32)
    values = np.maximum(np.asarray(pixels, dtype=np.float32), rgb * np.float32(10.0**-max_od))
    density: npt.NDArray[np.float32] = np.log10(rgb / values)
    if white.light and density.ndim == 3:
        density += light_surface(white, (density.shape[0], density.shape[1]))
    return density


def sampled_density(
    pixels: npt.NDArray[Any], white: White, positions: npt.NDArray[np.float32] | None = None
) -> npt.NDArray[np.float32]:
    """Optical density of single pixels, the shape of the light corrected for where it is known where they are.

    Parameters
    ----------
    pixels : (n, 3) array
        Stored values.
    white : White
    positions : (n, 2) array, optional
        As in `light_at`; of no pixel where even light makes them needless.

    Returns
    -------
    (n, 3) float32 array
    """
    density = optical_density(pixels, White(white.rgb))
    if white.light and positions is not None and len(positions):
        density += light_at(white, positions)
    return density


def density_tables(white: White, levels: int, scale: float = 1.0, *, max_od: float = MAX_OD) -> npt.NDArray[np.float32]:
    """Optical density of every value that a stored pixel can have, per channel.

    Parameters
    ----------
    white : White
        White point; its `light` is left to the caller.
    levels : int
        Number of stored values: 256 or 65,536.
    scale : float
        Pixel value per step of the table.

    Returns
    -------
    (3, levels) float32 array
    """
    values = np.arange(levels, dtype=np.float64)[:, np.newaxis] * scale
    return np.ascontiguousarray(optical_density(values, White(white.rgb), max_od=max_od).T)


def stored_codes(pixels: npt.NDArray[Any], max_value: float) -> tuple[npt.NDArray[Any], float]:
    """Pixels as whole numbers that a table can be looked up by, and the value of one step.

    Parameters
    ----------
    pixels : array of uint8, uint16 or float
    max_value : float
        The largest value of float pixels; they are read to 1/65,535 of it.

    Returns
    -------
    codes : array of uint8 or uint16
        The pixels themselves where they are whole numbers.
    scale : float
        Value per step.
    """
    if pixels.dtype in (np.uint8, np.uint16):
        return pixels, 1.0
    scale = max_value / 65535
    return (np.clip(pixels, 0, max_value) / scale + 0.5).astype(np.uint16), scale


def code_count(codes: npt.NDArray[Any]) -> int:
    """Number of values that codes can have: 256 or 65,536."""
    return int(np.iinfo(codes.dtype).max) + 1


def estimate_white(pixels: npt.NDArray[Any], max_value: float) -> tuple[White, tuple[Flag, ...]]:
    """White point from a sample of pixels: the brightest tone that a fair share of them have.

    The darkest channel of each pixel is taken, because any stain darkens one. The brightest mode of its smoothed
    histogram is the background, and the median colour around it the white point, if it holds at least 5 % of the
    pixels, or 1 % and is grey and not saturated. Smaller bright spots and saturated ones (reflections, labels) are
    passed over. Where all that is coloured, there is no background, and the 99.5th percentile of each channel is taken.

    Parameters
    ----------
    pixels : (n, 3) array
        Stored values.
    max_value : float
        The value at which the camera saturates.

    Returns
    -------
    White
        Without shape of light. With no pixels at all, `max_value` in each channel.
    tuple of Flag
        `Flag.CLIPPED_WHITE` where the background saturates, `Flag.COLOUR_CAST` where it is far from grey (more than
        0.13 OD between two channels), `Flag.WRONG_LIGHT` where it is darker than a quarter of `max_value`.

    Examples
    --------
    >>> pixels = np.repeat([[231, 228, 220], [120, 30, 60]], [300, 700], axis=0)
    >>> estimate_white(pixels, 255.0)[0].rgb
    (231.0, 228.0, 220.0)
    """
    if len(pixels) == 0:
        return White((max_value,) * 3), (Flag.BLANK,)
    darkest = pixels.min(axis=1).astype(np.float64) / max_value
    white = White((max_value,) * 3)
    for mode in _modes_from_the_brightest(darkest):
        near = np.abs(darkest - mode) <= 0.02
        red, green, blue = np.maximum(np.median(pixels[near], axis=0), max_value / 1000).tolist()
        white = White((red, green, blue))
        if near.mean() >= _SURE_SHARE or _is_clear_glass(white, max_value):
            break
    if _cast_od(white) > _CAST_OD:
        # Stain from edge to edge: the brightest gaps in it are nearer to glass than its commonest tone.
        red, green, blue = np.maximum(np.percentile(pixels, 99.5, axis=0), max_value / 1000).tolist()
        white = White((red, green, blue))
        return white, merged((Flag.COLOUR_CAST,), white_flags(white, max_value))
    return white, white_flags(white, max_value)


def white_flags(white: White, max_value: float) -> tuple[Flag, ...]:
    """What a white point has to say for itself; see `estimate_white`."""
    rgb = np.asarray(white.rgb)
    found = []
    if rgb.max() >= 0.998 * max_value:
        found.append(Flag.CLIPPED_WHITE)
    if _cast_od(white) > _CAST_OD:
        found.append(Flag.COLOUR_CAST)
    if rgb.max() < 0.25 * max_value:
        found.append(Flag.WRONG_LIGHT)
    return tuple(found)


def _modes_from_the_brightest(values: FloatArray) -> list[float]:
    """Modes that hold a share worth looking at, and at last the highest."""
    from scipy.ndimage import gaussian_filter1d

    bins = 256
    histogram = np.bincount((np.clip(values, 0, 1) * (bins - 1) + 0.5).astype(np.intp), minlength=bins)
    smooth = gaussian_filter1d(histogram.astype(np.float64), 2.0, mode="constant")
    padded = np.concatenate(([-1.0], smooth, [-1.0]))
    is_mode = (smooth >= padded[:-2]) & (smooth > padded[2:]) & (smooth > 0)
    held = np.convolve(histogram, np.ones(11), mode="same")
    modes = np.flatnonzero(is_mode & (held >= _GREY_SHARE * histogram.sum()))[::-1]
    return [float(mode / (bins - 1)) for mode in (*modes, np.argmax(smooth))]


def _is_clear_glass(white: White, max_value: float) -> bool:
    return max(white.rgb) < 0.998 * max_value and _cast_od(white) < _GREY_OD


def _cast_od(white: White) -> float:
    return float(np.log10(max(white.rgb) / min(white.rgb)))


def white_from_blank(blank: npt.NDArray[Any]) -> White:
    """White point and shape of the light from a picture of an empty field (flat-field correction).

    A Legendre polynomial of degree 4 in y and x is fitted to the log of the blank field, reduced to block medians so
    that dust and noise do not matter; being smooth, it needs no blank of the same size as the pictures.

    Parameters
    ----------
    blank : (y, x, 3) array
        A field without specimen, taken with the same light, exposure and white balance.

    Returns
    -------
    White

    Raises
    ------
    MeasureError
        If the blank has not three channels, is smaller than 32 × 32 px or holds zeros over a whole block.
    """
    if blank.ndim != 3 or blank.shape[2] != 3 or min(blank.shape[:2]) < 32:
        raise MeasureError(f"a blank field is a colour picture of at least 32 x 32 px, not {blank.shape}")
    blocks = _block_medians(np.asarray(blank, dtype=np.float64), 32)
    if np.any(blocks <= 0):
        raise MeasureError("the blank field is black in places: take a picture of an empty, evenly lit field")
    logs = np.log10(blocks)
    basis = _legendre_basis(*blocks.shape[:2])
    coefficients = np.linalg.lstsq(basis, logs.reshape(-1, 3), rcond=None)[0].T
    rgb = 10.0 ** coefficients[:, 0]
    light = coefficients.copy()
    light[:, 0] = 0.0
    return White(
        (float(rgb[0]), float(rgb[1]), float(rgb[2])),
        tuple(tuple(float(c) for c in channel) for channel in light),
    )


def light_surface(
    white: White, shape: tuple[int, int], box: tuple[slice, slice] | None = None
) -> npt.NDArray[np.float32]:
    """The light's departure from its mean over a field, in OD per channel.

    Add it to an optical density taken with `white.rgb` to correct for uneven light.

    Parameters
    ----------
    white : White
    shape : (height, width)
        Of the whole field.
    box : (slice of rows, slice of columns), optional
        The part of the field that is wanted. Default: all.

    Returns
    -------
    (y, x, 3) float32 array
        Of the box's size; positive where the light is brighter than its mean.
    """
    rows, columns = (
        np.polynomial.legendre.legvander(_positions(size)[part], _LIGHT_DEGREE)
        for size, part in zip(shape, box or (slice(None), slice(None)), strict=True)
    )
    surface = np.zeros((len(rows), len(columns), 3), dtype=np.float32)
    for channel, coefficients in enumerate(white.light):
        surface[:, :, channel] = rows @ _light_matrix(coefficients) @ columns.T
    return surface


def light_at(white: White, positions: npt.NDArray[np.floating[Any]]) -> npt.NDArray[np.float32]:
    """The light's departure from its mean at some places of the field; see `light_surface`.

    Parameters
    ----------
    white : White
    positions : (..., 2) array
        y and x of each place, from -1 at the upper and left edge of the field to 1 at the other.

    Returns
    -------
    (..., 3) float32 array
    """
    light = np.zeros((*positions.shape[:-1], 3), dtype=np.float32)
    for channel, coefficients in enumerate(white.light):
        y, x = positions[..., 0], positions[..., 1]
        light[..., channel] = np.polynomial.legendre.legval2d(y, x, _light_matrix(coefficients))
    return light


def _light_matrix(coefficients: tuple[float, ...]) -> npt.NDArray[np.float64]:
    matrix = np.zeros((_LIGHT_DEGREE + 1, _LIGHT_DEGREE + 1))
    matrix[_terms()] = coefficients
    return matrix


def _terms() -> tuple[npt.NDArray[np.intp], npt.NDArray[np.intp]]:
    pairs = [(p, q) for p in range(_LIGHT_DEGREE + 1) for q in range(_LIGHT_DEGREE + 1 - p)]
    p, q = np.array(sorted(pairs, key=sum)).T
    return p, q


def _positions(size: int) -> FloatArray:
    return (np.arange(size) + 0.5) / size * 2.0 - 1.0


def _legendre_basis(height: int, width: int) -> FloatArray:
    rows = np.polynomial.legendre.legvander(_positions(height), _LIGHT_DEGREE)
    columns = np.polynomial.legendre.legvander(_positions(width), _LIGHT_DEGREE)
    p, q = _terms()
    basis: FloatArray = (rows[:, np.newaxis, p] * columns[np.newaxis, :, q]).reshape(height * width, -1)
    return basis


def _block_medians(field: FloatArray, count: int) -> FloatArray:
    height, width = (size // count * count for size in field.shape[:2])
    blocks = field[:height, :width].reshape(count, height // count, count, width // count, 3)
    medians: FloatArray = np.median(blocks, axis=(1, 3))
    return medians
