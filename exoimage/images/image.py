"""What a picture is: pixels, channels, pixel size, light."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass, field, replace
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from exoimage.errors import ImageError
from exoimage.flags import Flag

Light = Literal["absorbed", "emitted"]
Encoding = Literal["stored", "srgb", "linear"]

PIXEL_DTYPES = (np.uint8, np.uint16, np.float32)


@dataclass(frozen=True, eq=False)
class Image:
    """One picture in memory, never changed after it is made.

    Parameters
    ----------
    pixels : (y, x, channel) array of uint8, uint16 or float32
        A (y, x) array is taken as one channel. The image keeps a read-only view; it does not copy.
    channels : tuple of str, optional
        One name per channel. Default: ``("red", "green", "blue")`` for three channels of absorbed light,
        ``("grey",)`` for one, ``("channel 1", …)`` otherwise.
    pixel_size : float or None
        Edge of a square pixel in µm; None where it is unknown (never 1).
    light : {"absorbed", "emitted"}
        Bright field (dark means much stain; the default) or fluorescence (bright means much dye).
    max_value : float, optional
        The value at which the camera or the file saturates: 255, 4095, 65535, or 1.0 for floats.
        Default: the dtype's maximum, 1.0 for floats.
    encoding : {"stored", "srgb", "linear"}
        What the values mean; "stored" (as the file has them) is what ImageJ works on.
    source : str
        Where the picture comes from, for messages.
    flags : tuple of Flag
        What reading it had to remark (`Flag.LOSSY_FILE`).
    drawn : (y, x) int32 array or None
        Objects that a person corrected by hand, see `with_drawn`; None where an assay is to find them itself.

    Raises
    ------
    ImageError
        If the shape, dtype, number of channel names or pixel size is not as above.

    Examples
    --------
    >>> image = Image(np.full((4, 5, 3), 240, np.uint8), pixel_size=0.65)
    >>> image.shape, image.channels, image.light, image.max_value
    ((4, 5), ('red', 'green', 'blue'), 'absorbed', 255.0)
    """

    pixels: npt.NDArray[Any]
    channels: tuple[str, ...] = ()
    pixel_size: float | None = None
    light: Light = "absorbed"
    max_value: float = 0.0
    encoding: Encoding = "stored"
    source: str = "image in memory"
    flags: tuple[Flag, ...] = field(default=())
    drawn: npt.NDArray[np.int32] | None = None

    def __post_init__(self) -> None:
        pixels = np.asarray(self.pixels)
        if pixels.ndim == 2:
            pixels = pixels[:, :, np.newaxis]
        if pixels.ndim != 3 or 0 in pixels.shape:
            raise ImageError(f"{self.source}: an image has the shape (y, x, channel), not {np.shape(self.pixels)}")
        if pixels.dtype not in PIXEL_DTYPES:
            raise ImageError(
                f"{self.source}: pixels are {pixels.dtype}; expected uint8, uint16 or float32 (convert them first)"
            )
        pixels = pixels.view()
        pixels.flags.writeable = False
        channels = tuple(self.channels) or _default_channels(pixels.shape[2], self.light)
        if len(channels) != pixels.shape[2]:
            raise ImageError(f"{self.source}: {len(channels)} channel names for {pixels.shape[2]} channels")
        if self.pixel_size is not None and not (np.isfinite(self.pixel_size) and self.pixel_size > 0):
            raise ImageError(
                f"{self.source}: a pixel size of {self.pixel_size} µm makes no sense; give a positive number, or None"
            )
        max_value = float(self.max_value) or _default_max_value(pixels.dtype)
        object.__setattr__(self, "pixels", pixels)
        object.__setattr__(self, "channels", channels)
        object.__setattr__(self, "max_value", max_value)

    @property
    def shape(self) -> tuple[int, int]:
        """Height and width in px."""
        return self.pixels.shape[0], self.pixels.shape[1]

    def channel(self, name: str) -> npt.NDArray[Any]:
        """One channel as a read-only (y, x) view.

        Raises
        ------
        ImageError
            If there is no channel of that name.
        """
        if name not in self.channels:
            raise ImageError(f"{self.source}: no channel {name!r}; it has {', '.join(self.channels)}")
        plane: npt.NDArray[Any] = self.pixels[:, :, self.channels.index(name)]
        return plane

    def with_pixel_size(self, pixel_size: float | None) -> Image:
        """The same picture with another pixel size in µm."""
        return replace(self, pixel_size=pixel_size)

    def with_drawn(self, labels: npt.ArrayLike) -> Image:
        """The same picture with objects drawn by hand, which take the place of those that an assay would find.

        Parameters
        ----------
        labels : (y, x) array of bool or whole numbers
            0 is background; each other number is one object.

        Raises
        ------
        ImageError
            If they are no such array of the picture's size.

        Examples
        --------
        >>> image = Image(np.full((4, 5, 3), 240, np.uint8)).with_drawn(np.eye(4, 5, dtype=bool))
        >>> int(image.drawn.sum())
        4
        """
        given = np.asarray(labels)
        if given.shape != self.shape:
            raise ImageError(
                f"{self.source}: the corrected mask is {' × '.join(map(str, given.shape))} px (rows × columns), the"
                f" picture {self.shape[0]} × {self.shape[1]}: is it another picture's?"
            )
        drawn = given.astype(np.int32)
        if given.dtype.kind not in "buif" or (drawn < 0).any() or (drawn != given).any():
            raise ImageError(f"{self.source}: a corrected mask holds 0 and whole numbers, one for each object")
        drawn.flags.writeable = False
        return replace(self, drawn=drawn)


@dataclass(frozen=True)
class ImageRef:
    """Which picture: what tables call it and where it lies.

    Parameters
    ----------
    key : str
        What tables call `image`: the path relative to the study with forward slashes, plus ``#scene`` where a
        file holds several pictures.
    files : tuple of str
        One file, or one per channel.
    scene : int or None
        Number of the picture within a file that holds several, from 0; None where there is only one.
    channels : tuple of str
        Names of the channels where each has a file of its own; else empty.
    name : str
        What the file calls that picture; empty where there is only one.
    """

    key: str
    files: tuple[str, ...]
    scene: int | None = None
    channels: tuple[str, ...] = ()
    name: str = ""

    @property
    def slug(self) -> str:
        """A file name of the picture's own, legal on every system: the key with ``__`` for each slash.

        Where that would not be unique or legal, a part of the key's hash is added.

        Examples
        --------
        >>> ImageRef("images/PMO_1_1.tif", ()).slug
        'images__PMO_1_1.tif'
        """
        name = re.sub(r'[<>:"|?*\\\x00-\x1f]', "_", self.key.replace("/", "__")).rstrip(". ")
        reserved = re.fullmatch(r"(con|prn|aux|nul|com\d|lpt\d)(\..*)?", name, re.IGNORECASE)
        is_plain = name == self.key.replace("/", "__") and "__" not in self.key and not reserved
        if is_plain and len(name.encode()) <= 100:
            return name
        beginning = name.encode()[:80].decode(errors="ignore")  # file systems count bytes, and suffixes follow
        return f"{beginning}-{hashlib.sha256(self.key.encode()).hexdigest()[:10]}"


def _default_channels(count: int, light: Light) -> tuple[str, ...]:
    if count == 1:
        return ("grey",)
    if count == 3 and light == "absorbed":
        return ("red", "green", "blue")
    return tuple(f"channel {number}" for number in range(1, count + 1))


def _default_max_value(dtype: np.dtype[Any]) -> float:
    return 1.0 if dtype == np.float32 else float(np.iinfo(dtype).max)
