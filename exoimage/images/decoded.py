"""What every decoder hands over, and the one way from there to an `Image`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from exoimage.flags import Flag
from exoimage.images.image import Image, Light

Pixels = npt.NDArray[Any]
ChannelChoice = int | str | Sequence[int | str]

MAX_PIXELS = 2_000_000_000
MAX_BYTES = 8_000_000_000
LARGEST_UINT16 = 65535
ALL_CHANNELS = "all"
RGB_NAMES = ("red", "green", "blue")


class Refusal(Exception):  # noqa: N818 - not an error of the program
    """A reason not to read a file, without its path (the caller knows it and adds it)."""


@dataclass(frozen=True)
class Decoded:
    """Pixels as a file has them, before they become an `Image`.

    Parameters
    ----------
    pixels : (y, x, channel) array
        Any real dtype.
    colour : bool
        Whether the three channels are red, green and blue of one colour picture.
    channels : tuple of str
        Names where the file has them; else empty.
    max_value : float
        The value at which camera or file saturates; 0 where nothing but the dtype says so.
    pixel_size : float or None
        µm.
    flags : tuple of Flag
    """

    pixels: Pixels
    colour: bool
    channels: tuple[str, ...] = ()
    max_value: float = 0.0
    pixel_size: float | None = None
    flags: tuple[Flag, ...] = field(default=())


def to_image(decoded: Decoded, source: str, pixel_size: float | None, light: Light | None) -> Image:
    """Make the `Image` of what was decoded; pixel size and light given by the user have the last word."""
    pixels, max_value = with_image_dtype(decoded.pixels, decoded.max_value)
    return Image(
        np.ascontiguousarray(pixels),
        channels=decoded.channels or (RGB_NAMES if decoded.colour else ()),
        pixel_size=decoded.pixel_size if pixel_size is None else float(pixel_size),
        light=light or ("absorbed" if decoded.colour else "emitted"),
        max_value=max_value,
        source=source,
        flags=decoded.flags,
    )


def with_channels_chosen(decoded: Decoded, choice: ChannelChoice | None) -> Decoded:
    """Keep only the channels chosen; one channel of a colour picture is a grey picture of its own."""
    if choice is None or choice == ALL_CHANNELS:
        return decoded
    count = decoded.pixels.shape[2]
    names = decoded.channels or (RGB_NAMES if decoded.colour else numbered_channels(count))
    chosen = channel_numbers(choice, names)
    return replace(
        decoded,
        pixels=decoded.pixels[:, :, list(chosen)],
        colour=decoded.colour and chosen == (0, 1, 2),
        channels=tuple(names[number] for number in chosen),
    )


def numbered_channels(count: int) -> tuple[str, ...]:
    """``("channel 1", "channel 2", …)``; ``("grey",)`` for one."""
    return ("grey",) if count == 1 else tuple(f"channel {number + 1}" for number in range(count))


def channel_numbers(choice: ChannelChoice, names: Sequence[str]) -> tuple[int, ...]:
    """Give the numbers, from 0, of the channels chosen by number or (whatever the case) by name."""
    wanted = (choice,) if isinstance(choice, (int, str)) else tuple(choice)
    known = {name.casefold(): number for number, name in reversed(list(enumerate(names)))}
    numbers = []
    for one in wanted:
        number = known.get(one.casefold(), -1) if isinstance(one, str) else int(one)
        if not 0 <= number < len(names):
            listed = ", ".join(f"{number} {name!r}" for number, name in enumerate(names))
            raise Refusal(f"there is no channel {one!r}; it has {listed}: choose c = one of these")
        numbers.append(number)
    if not numbers or len(set(numbers)) != len(numbers):
        raise Refusal(f"c = {choice!r} names no channel, or one twice; give each channel once")
    return tuple(numbers)


def with_image_dtype(pixels: Pixels, max_value: float) -> tuple[Pixels, float]:
    """Give pixels as uint8, uint16 or float32 without changing one value, and the value of saturation.

    bool becomes 0 and 255. Other integers become uint16 (int8 uint8) where all values fit, else float32 where
    float32 holds each of them exactly, else they are refused.
    """
    if pixels.dtype == np.bool_:
        return spread_bilevel(pixels), 255.0
    if pixels.dtype in (np.uint8, np.uint16):
        return pixels, _saturation(pixels, max_value)
    if pixels.dtype.kind == "f":
        return _as_float32(pixels, max_value)
    if pixels.dtype.kind in "iu":
        return _from_other_integers(pixels, max_value)
    raise Refusal(f"pixels of type {pixels.dtype} are no light intensities; save it as 8-, 16- or 32-bit")


def spread_bilevel(pixels: Pixels) -> Pixels:
    """Spread False and True to 0 and 255 (by truth: Pillow's bilevel arrays hold 255 where numpy expects 1)."""
    return np.where(pixels, np.uint8(255), np.uint8(0))


def _saturation(pixels: Pixels, stated: float) -> float:
    """Give the value stated by the file, unless a pixel is above it: then the statement is wrong."""
    full = float(np.iinfo(pixels.dtype).max)
    return stated if 0 < stated < full and float(pixels.max()) <= stated else full


def _as_float32(pixels: Pixels, max_value: float) -> tuple[Pixels, float]:
    low, high = float(pixels.min()), float(pixels.max())
    limit = float(np.finfo(np.float32).max)
    if not (np.isfinite(low) and np.isfinite(high)):
        raise Refusal("some pixels are no numbers (NaN or infinite); replace them, e.g. by 0, and save it again")
    if max(-low, high) > limit:
        raise Refusal("some values are beyond 32-bit float; rescale the picture and save it again")
    usual = (max_value, 1.0, 255.0, float(LARGEST_UINT16))
    return pixels.astype(np.float32, copy=False), next((v for v in usual if v >= high and v > 0), high)


def _from_other_integers(pixels: Pixels, max_value: float) -> tuple[Pixels, float]:
    low, high = int(pixels.min()), int(pixels.max())
    if low >= 0 and high <= LARGEST_UINT16:
        narrow = pixels.astype(np.uint8 if pixels.dtype == np.int8 else np.uint16)
        full = float(min(np.iinfo(pixels.dtype).max, LARGEST_UINT16))
        return narrow, _saturation(narrow, max_value or full)
    exact = pixels.astype(np.float32)
    # Compared as float64, which holds every 32-bit integer; 64-bit ones beyond 2^53 are refused outright.
    if max(-low, high) > 2**53 or not np.array_equal(exact.astype(np.float64), pixels.astype(np.float64)):
        raise Refusal(
            f"its {pixels.dtype} values span {low} to {high}, which 32-bit float cannot hold exactly;"
            " save it as 16-bit, or rescale it to 32-bit float"
        )
    return _as_float32(exact, max_value)


def refuse_absurd_size(height: int, width: int, planes: int, itemsize: int) -> None:
    """Refuse a header that announces more than memory should be asked for, before asking for it."""
    if min(height, width, planes) < 1:
        raise Refusal(f"its header announces a picture of {width} × {height} px: the file is damaged")
    if height * width > MAX_PIXELS or height * width * planes * itemsize > MAX_BYTES:
        raise Refusal(
            f"its header announces {width} × {height} px × {planes} planes; more than"
            f" {MAX_PIXELS / 1e9:.0f} gigapixel or {MAX_BYTES / 1e9:.0f} GB is refused: crop it or export a"
            " smaller level, or the file is damaged"
        )
