"""Hue, saturation and brightness in 8 bits each, as ImageJ takes colours apart and together.

Smith, "Color gamut transform pairs", SIGGRAPH 1978, https://doi.org/10.1145/800248.807361, in single precision.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Bytes = npt.NDArray[np.uint8]

_ONE = np.float32(1)


def to_hsb(rgb: Bytes) -> Bytes:
    """(…, 3) red, green, blue to hue, saturation, brightness; rounded down.

    Examples
    --------
    >>> to_hsb(np.array([[255, 128, 0], [80, 80, 80]], np.uint8))
    array([[ 21, 255, 255],
           [  0,   0,  80]], dtype=uint8)
    """
    red, green, blue = (rgb[..., k].astype(np.int32) for k in range(3))
    most, least = rgb.max(axis=-1).astype(np.int32), rgb.min(axis=-1).astype(np.int32)
    span = np.maximum(most - least, 1).astype(np.float32)
    r, g, b = ((most - channel).astype(np.float32) / span for channel in (red, green, blue))
    sector = np.where(red == most, b - g, np.where(green == most, np.float32(2) + r - b, np.float32(4) + g - r))
    hue = sector / np.float32(6)
    hue = np.where(most == least, np.float32(0), np.where(hue < 0, hue + _ONE, hue))
    saturation = (most - least).astype(np.float32) / np.maximum(most, 1).astype(np.float32)
    hsb = np.stack([hue, saturation, most.astype(np.float32) / np.float32(255)], axis=-1)
    return (hsb.astype(np.float64) * 255.0).astype(np.uint8)


def to_rgb(hsb: Bytes) -> Bytes:
    """The reverse of `to_hsb`, which 8 bits do not hold exactly."""
    hue, saturation, brightness = ((hsb[..., k] / 255.0).astype(np.float32) for k in range(3))
    turn = (hue - np.floor(hue)) * np.float32(6)
    sector = turn.astype(np.int32)
    rest = turn - np.floor(turn)
    p = brightness * (_ONE - saturation)
    q = brightness * (_ONE - saturation * rest)
    t = brightness * (_ONE - saturation * (_ONE - rest))
    red = np.choose(sector, [brightness, q, p, p, t, brightness])
    green = np.choose(sector, [t, brightness, brightness, q, p, p])
    blue = np.choose(sector, [p, p, t, brightness, brightness, q])
    rgb = np.stack([red, green, blue], axis=-1)
    return (rgb * np.float32(255) + np.float32(0.5)).astype(np.uint8)
