"""From the ways files store colour to red, green and blue (and grey that is bright where it is bright)."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from exoimage.images.decoded import Refusal

Pixels = npt.NDArray[Any]

# Bradford-adapted sRGB matrix for the D50 white of TIFF's CIELab (Lindbloom, http://www.brucelindbloom.com).
_RGB_FROM_XYZ_D50 = np.array(
    [
        [3.1338561, -1.6168667, -0.4906146],
        [-0.9787684, 1.9161415, 0.0334540],
        [0.0719453, -0.2289914, 1.4052427],
    ]
)
_WHITE_D50 = np.array([0.96422, 1.0, 0.82521])


def full_scale(dtype: np.dtype[Any]) -> float:
    """Return the largest stored value: 255, 65535, or 1.0 for floats."""
    return 1.0 if dtype.kind == "f" else float(np.iinfo(dtype).max)


def over_background(pixels: Pixels, alpha: Pixels, background: float, *, premultiplied: bool = False) -> Pixels:
    """Composite partly transparent pixels over an even background.

    Parameters
    ----------
    pixels : (y, x, channel) array of uint8, uint16 or float
    alpha : (y, x) array of the same dtype
        0 is transparent. Opaque everywhere, or 0 everywhere (programs that fill an unused fourth sample with
        zeros), leaves the pixels as they are.
    background : float
        The value behind the picture: full scale for colour (bright field), 0 for grey (fluorescence).
    premultiplied : bool, optional
        Whether the pixels are already multiplied with alpha (TIFF's associated alpha).
    """
    opaque = full_scale(pixels.dtype)
    if alpha.min() >= opaque or alpha.max() <= 0:
        return pixels
    share = (alpha.astype(np.float64) / opaque)[:, :, np.newaxis]
    light = pixels if premultiplied else pixels * share
    mixed = light + background * (1.0 - share)
    if pixels.dtype.kind == "f":
        return mixed.astype(pixels.dtype)
    return np.clip(np.rint(mixed), 0, opaque).astype(pixels.dtype)


def rgb_from_palette(indices: Pixels, palette: npt.NDArray[Any]) -> Pixels:
    """Look indices up in a (3, entries) palette of 16-bit values, as 8-bit RGB.

    Raises
    ------
    Refusal
        If an index has no colour.
    """
    table = np.asarray(palette).T
    if int(indices.max()) >= len(table):
        raise Refusal(f"pixels point beyond the palette of {len(table)} colours: the file is damaged")
    # Some programs write 8-bit values where TIFF wants 16-bit ones.
    eight_bit = table if int(table.max()) <= 255 else table >> 8
    return eight_bit.astype(np.uint8)[indices.astype(np.intp, copy=False)]


def is_intensity_ramp(palette: npt.NDArray[Any]) -> bool:
    """Whether a palette only tints intensities (a lookup table from black to one colour).

    Examples
    --------
    >>> ramp = np.arange(256) * 257
    >>> is_intensity_ramp(np.stack([0 * ramp, 0 * ramp, ramp]))
    True
    >>> is_intensity_ramp(np.stack([ramp[::-1], ramp, ramp]))
    False
    """
    table = np.asarray(palette, np.float64)
    if table.shape[1] < 16 or table[:, 0].any() or not table.any():
        return False
    ramp = np.linspace(0.0, 1.0, table.shape[1])
    straight = table[:, -1:] * ramp
    return bool(np.abs(table - straight).max() <= 0.01 * table.max())


def rgb_from_cmyk(cmyk: Pixels) -> Pixels:
    """Naive conversion of inks (0 = none) to light: (1 − C)(1 − K), without a colour profile."""
    full = int(full_scale(cmyk.dtype))
    paper: Pixels = full - cmyk.astype(np.uint32 if full == 255 else np.uint64)
    light: Pixels = (paper[:, :, :3] * paper[:, :, 3:4] + full // 2) // full
    return light.astype(cmyk.dtype, copy=False)


def rgb_from_cielab(lab: Pixels) -> Pixels:
    """TIFF's CIELab (D50) to sRGB of the same depth, by the formulas of CIE 15:2004 and IEC 61966-2-1.

    Parameters
    ----------
    lab : (y, x, 3) array of uint8 or uint16
        L* from 0 to full scale for 0 to 100; a* and b* as signed integers (8 bit: units; 16 bit: 1/256).
    """
    full = full_scale(lab.dtype)
    signed: Pixels = lab[:, :, 1:].astype(np.int8 if lab.dtype == np.uint8 else np.int16)
    a_b = signed / (1.0 if lab.dtype == np.uint8 else 256.0)
    f_y = (lab[:, :, 0] * (100.0 / full) + 16.0) / 116.0
    f = np.stack([f_y + a_b[:, :, 0] / 500.0, f_y, f_y - a_b[:, :, 1] / 200.0], axis=-1)
    xyz = np.where(f > 6 / 29, f**3, (f - 4 / 29) * 3 * (6 / 29) ** 2) * _WHITE_D50
    linear = np.clip(xyz @ _RGB_FROM_XYZ_D50.T, 0.0, 1.0)
    encoded = np.where(linear <= 0.0031308, 12.92 * linear, 1.055 * linear ** (1 / 2.4) - 0.055)
    rgb: Pixels = np.rint(encoded * full).astype(lab.dtype)
    return rgb


def upright(pixels: Pixels, orientation: int) -> Pixels:
    """Turn and mirror a (y, x, …) array as the EXIF or TIFF orientation 1 to 8 asks; others count as 1."""
    if orientation in (5, 6, 7, 8):
        pixels = pixels.swapaxes(0, 1)
    flip_rows = orientation in (3, 4, 7, 8)
    flip_columns = orientation in (2, 3, 6, 7)
    return pixels[:: -1 if flip_rows else 1, :: -1 if flip_columns else 1]
