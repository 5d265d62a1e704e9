"""From the samples a TIFF page stores to light: grey or channels, or red, green and blue."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import tifffile

from exoimage.flags import Flag
from exoimage.images import colour
from exoimage.images.decoded import Refusal, spread_bilevel
from exoimage.images.tiff_checks import JPEG_COMPRESSIONS

Photometric = Literal["shown", "stored"]
Pixels = npt.NDArray[Any]

_MINISWHITE, _GREY, _RGB, _PALETTE, _CMYK, _YCBCR, _CIELAB = 0, 1, 2, 3, 5, 6, 8
_COLOUR_SAMPLES = {_MINISWHITE: 1, _GREY: 1, _RGB: 3, _PALETTE: 1, _CMYK: 4, _YCBCR: 3, _CIELAB: 3}
_PREMULTIPLIED, _ALPHA = 1, 2
# JPEG and its successors; JPEG 2000 and XL may be lossless, which the tag does not say.
_LOSSY = JPEG_COMPRESSIONS | {22610, 33003, 33004, 33005, 34712, 34933, 34934, 50001, 50002, 52546}


@dataclass(frozen=True)
class PageColours:
    """How to read the samples of a page.

    Parameters
    ----------
    to_light : callable
        From (y, x, sample) as stored to (y, x, channel) of light.
    colour : bool
        Whether that light is red, green and blue.
    flags : tuple of Flag
    """

    to_light: Callable[[Pixels], Pixels]
    colour: bool
    flags: tuple[Flag, ...]


def page_colours(page: tifffile.TiffPage, *, by_imagej: bool, photometric: Photometric, white: float) -> PageColours:
    """Find the reading of a page's samples that its tags ask for.

    Parameters
    ----------
    page : tifffile.TiffPage
    by_imagej : bool
        ImageJ stores the display's lookup table as a palette; its indices are the intensities.
    photometric : {"shown", "stored"}
        Whether WhiteIsZero pictures are inverted.
    white : float
        The stored value that WhiteIsZero shows as black; 0 where unknown.

    Raises
    ------
    Refusal
        If the samples are no light intensities, or in a form that tifffile leaves undone.
    """
    kind = int(page.photometric)
    flags = (Flag.LOSSY_FILE,) if int(page.compression) in _LOSSY else ()
    if kind not in _COLOUR_SAMPLES:
        raise Refusal(f"its colours are stored in an unknown way (photometric {kind}); save it as grey or RGB")
    if kind == _YCBCR and int(page.compression) not in JPEG_COMPRESSIONS:
        raise Refusal("it stores YCbCr without JPEG; save it as RGB")
    if kind in (_CMYK, _CIELAB) and page.dtype not in (np.uint8, np.uint16):
        raise Refusal(f"it stores printing colours as {page.dtype}; save it as RGB")
    if kind == _PALETTE:
        if page.colormap is None:
            raise Refusal("its palette is missing: the file is damaged")
        if by_imagej or colour.is_intensity_ramp(page.colormap):
            return PageColours(_scaler(page), colour=False, flags=flags)
        lookup = _palette_lookup(page.colormap)
        return PageColours(lookup, colour=True, flags=(*flags, Flag.PALETTE_FILE))
    steps = [_alpha_remover(page, kind)]
    if kind == _CMYK:
        steps.append(colour.rgb_from_cmyk)
    elif kind == _CIELAB:
        steps.append(colour.rgb_from_cielab)
    elif kind == _MINISWHITE and photometric == "shown":
        steps.append(_inverter(page, white))
    steps.append(_scaler(page))
    return PageColours(_in_turn(steps), colour=_COLOUR_SAMPLES[kind] >= 3, flags=flags)


def _in_turn(steps: list[Callable[[Pixels], Pixels]]) -> Callable[[Pixels], Pixels]:
    def run(pixels: Pixels) -> Pixels:
        for step in steps:
            pixels = step(pixels)
        return pixels

    return run


def _unchanged(pixels: Pixels) -> Pixels:
    return pixels


def _palette_lookup(palette: npt.NDArray[Any]) -> Callable[[Pixels], Pixels]:
    return lambda pixels: colour.rgb_from_palette(pixels[:, :, 0], palette)


def _scaler(page: tifffile.TiffPage) -> Callable[[Pixels], Pixels]:
    """1, 2 and 4 bits to 0 … 255, as ImageJ and PNG's specification do; others stay."""
    bits = page.bitspersample
    if page.dtype == np.bool_:
        return spread_bilevel
    if bits in (1, 2, 4) and page.dtype == np.uint8:
        return lambda pixels: pixels * np.uint8(255 // (2**bits - 1))
    return _unchanged


def _inverter(page: tifffile.TiffPage, white: float) -> Callable[[Pixels], Pixels]:
    if page.dtype == np.bool_:
        return lambda pixels: ~pixels
    if page.dtype is not None and page.dtype.kind == "f":
        return _unchanged
    if page.dtype not in (np.uint8, np.uint16):
        raise Refusal(f'it is WhiteIsZero in {page.dtype}; save it as BlackIsZero, or read it as "stored"')
    bits = page.bitspersample if isinstance(page.bitspersample, int) else 0
    top = int(white) or 2 ** (bits or 8 * page.dtype.itemsize) - 1

    def invert(pixels: Pixels) -> Pixels:
        if int(pixels.max()) > top:
            raise Refusal(f"it is WhiteIsZero with values above the {top} that its header states: contradictory")
        inverted: Pixels = pixels.dtype.type(top) - pixels
        return inverted

    return invert


def _alpha_remover(page: tifffile.TiffPage, kind: int) -> Callable[[Pixels], Pixels]:
    """Colour over white, grey over black; a sample of unspecified meaning beside RGB is dropped."""
    wanted, extra = _COLOUR_SAMPLES[kind], tuple(int(sample) for sample in page.extrasamples)
    alphas = [number for number, meaning in enumerate(extra) if meaning in (_PREMULTIPLIED, _ALPHA)]
    if not extra or (wanted == 1 and not alphas):
        return _checked_samples(page, wanted) if wanted > 1 else _unchanged
    if len(extra) > 1 or page.samplesperpixel != wanted + 1:
        raise Refusal(f"it has {page.samplesperpixel} samples per pixel of unclear meaning; save it as RGB or grey")
    if not alphas or wanted == 4:
        return lambda pixels: pixels[:, :, :wanted]
    premultiplied = extra[0] == _PREMULTIPLIED

    def remove(pixels: Pixels) -> Pixels:
        behind = 0.0 if wanted == 1 else colour.full_scale(pixels.dtype)
        colours, alpha = pixels[:, :, :wanted], pixels[:, :, wanted]
        return colour.over_background(colours, alpha, behind, premultiplied=premultiplied)

    return remove


def _checked_samples(page: tifffile.TiffPage, wanted: int) -> Callable[[Pixels], Pixels]:
    if page.samplesperpixel != wanted:
        raise Refusal(f"it has {page.samplesperpixel} samples per pixel where {wanted} make a colour: damaged?")
    return _unchanged
