"""Pictures that do not fit into memory: windows of them, at the levels that are stored."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from exoimage.images.decoded import (
    MAX_BYTES,
    ChannelChoice,
    Refusal,
    refuse_absurd_size,
    to_image,
    with_channels_chosen,
)
from exoimage.images.focus import SHARPEST
from exoimage.images.formats import HEAD, TIFF_MAGIC, container_format, ends_of
from exoimage.images.image import Image, Light
from exoimage.images.reading import read
from exoimage.images.seam import refusing
from exoimage.images.selection import AxisChoice, Selection, Take, checked, gather
from exoimage.images.stored import Box, Container, StoredScene, chosen_scene, decoded_of, taken_of
from exoimage.images.tiff_windows import open_tiff
from exoimage.images.writing import reduced

Pixels = npt.NDArray[Any]

_BAND_PIXELS = 1 << 24
_NOTHING_CHOSEN = Selection()


@dataclass(frozen=True)
class Window:
    """A part of a picture.

    Parameters
    ----------
    top, left : int
        px of the level that is read, from 0.
    height, width : int
        px of that level.
    """

    top: int
    left: int
    height: int
    width: int


@dataclass(frozen=True)
class Level:
    """One size at which a picture is stored.

    Parameters
    ----------
    shape : (int, int)
        Height and width in px.
    factor : float
        How many px of the full resolution one px of it is wide; 1 for the full resolution.
    """

    shape: tuple[int, int]
    factor: float


@dataclass(frozen=True)
class _Asked:
    """What `open_source` was asked for, so that another process can open the same."""

    path: str
    selection: Selection
    pixel_size: float | None
    light: Light | None


class Source:
    """An open picture, read window by window; made by `open_source`, used as a context manager.

    One source serves one thread at a time. Pickled, or `reopened`, it opens the file again.

    Attributes
    ----------
    name : str
        What the file calls the picture.
    shape : (int, int)
        Height and width in px at full resolution.
    levels : tuple of Level
        The full resolution first.
    pixel_size : float or None
        µm, at full resolution.
    channels : tuple of str
    light : {"absorbed", "emitted"}
    max_value : float
        The value at which camera or file saturate.
    flags : tuple of Flag
    details : mapping
        What else is stored: objective, magnification, exposure_ms.
    """

    def __init__(self, asked: _Asked) -> None:
        self._asked = asked
        self._opened = ExitStack()
        try:
            refusing(asked.path, self._open)
        except BaseException:
            self._opened.close()
            raise

    def _open(self) -> None:
        selection = checked(self._asked.selection)
        self._container = self._opened.enter_context(open_container(self._asked.path, selection))
        self._number = chosen_scene(self._container.scenes, selection)
        self._scene = self._container.scenes[self._number]
        if self._scene.unread:
            raise Refusal(self._scene.unread)
        self._take: dict[str, Take] = taken_of(self._scene, selection)
        if SHARPEST in self._take.values():
            raise Refusal("the sharpest plane would need every plane whole; choose z by its number")
        height, width = self._scene.height, self._scene.width
        self.name = self._scene.name
        self.shape = (height, width)
        self.levels = tuple(Level(shape, width / shape[1]) for shape in self._scene.level_shapes)
        first = self._image(Window(0, 0, 1, 1), 0)
        self.pixel_size, self.channels, self.light = first.pixel_size, first.channels, first.light
        self.max_value, self.flags, self.dtype = first.max_value, first.flags, first.pixels.dtype
        self.details: Mapping[str, Any] = self._scene.details

    @property
    def path(self) -> str:
        """The file, as it was given."""
        return self._asked.path

    def read(self, window: Window | None = None, level: int = 0) -> Image:
        """Read a window as an image of its own; only the tiles that it touches are decoded.

        Parameters
        ----------
        window : Window, optional
            What lies beyond the picture is cut off. Default: all of the level.
        level : int
            Of `levels`.

        Returns
        -------
        Image
            Its pixel size is that of the level. The value of saturation is the source's.

        Raises
        ------
        ImageReadError
            If the window lies outside, does not fit into memory, or its part of the file is damaged.
        """
        return refusing(self._asked.path, lambda: self._image(window, level))

    def overview(self, max_edge: int) -> Image:
        """A small picture of the whole, from the smallest level that suffices, areas averaged.

        Parameters
        ----------
        max_edge : int
            px; the longer edge is at most so long, and at least half as long where the picture is larger.

        Raises
        ------
        ImageReadError
            As `read`.
        """
        enough = [number for number, level in enumerate(self.levels) if max(level.shape) >= max_edge]
        number = enough[-1] if enough else 0
        height, width = self.levels[number].shape
        whole = max(1, -(-max(height, width) // max_edge))
        rows = max(whole, _BAND_PIXELS // width // whole * whole)
        bands = [self.read(Window(top, 0, min(rows, height - top), width), number) for top in range(0, height, rows)]
        small = [_averaged(band.pixels, whole) for band in bands]
        image = Image(
            np.concatenate([part for part in small if len(part)]) if any(map(len, small)) else bands[0].pixels,
            self.channels,
            light=self.light,
            max_value=self.max_value,
            source=self._asked.path,
            flags=self.flags,
        )
        factor = self.levels[number].factor * whole
        return image if self.pixel_size is None else image.with_pixel_size(self.pixel_size * factor)

    def level_for(self, pixel_size: float) -> int:
        """The smallest level whose pixels are at most so large, in µm; the full resolution where that is unknown."""
        if self.pixel_size is None:
            return 0
        fine = [
            number for number, level in enumerate(self.levels) if self.pixel_size * level.factor <= pixel_size * 1.001
        ]
        return fine[-1] if fine else 0

    def reopened(self) -> Source:
        """Another source of the same picture, for another thread."""
        return Source(self._asked)

    def close(self) -> None:
        """Close the file."""
        self._opened.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __reduce__(self) -> tuple[type[Source], tuple[_Asked]]:
        return type(self), (self._asked,)

    def _image(self, window: Window | None, level: int) -> Image:
        if not 0 <= level < len(self.levels):
            raise Refusal(f"level = {level} was asked for, but it has {len(self.levels)}: 0 … {len(self.levels) - 1}")
        box = _clipped(window, self.levels[level].shape)
        scene, chosen = self._scene, self._take.get("C")
        planes = len(chosen) if isinstance(chosen, tuple) else scene.axes.get("C", 1)
        refuse_absurd_size(box[2], box[3], planes * (3 if scene.colour else 1), scene.dtype.itemsize)

        def part(index: tuple[int, ...]) -> Pixels:
            at = dict(zip(scene.axes, index, strict=True))
            pixels = self._container.window(self._number, at, box, level)
            return _checked_part(pixels, box, 3 if scene.colour else 1)

        decoded = decoded_of(scene, self._take, gather(scene.axes, self._take, part))
        if "C" not in scene.axes:
            decoded = with_channels_chosen(decoded, self._asked.selection.c)
        image = to_image(decoded, self._asked.path, self._asked.pixel_size, self._asked.light)
        factor = self.levels[level].factor
        return image if image.pixel_size is None else image.with_pixel_size(image.pixel_size * factor)


def open_source(
    path: str | os.PathLike[str],
    scene: int | None = None,
    *,
    z: AxisChoice | None = None,
    t: AxisChoice | None = None,
    c: ChannelChoice | None = None,
    pixel_size: float | None = None,
    light: Light | None = None,
) -> Source:
    """Open a picture of any size, to be read window by window.

    Parameters
    ----------
    path : str or path
    scene, z, t, c, pixel_size, light
        As in `exoimage.read`; not z = "sharpest".

    Returns
    -------
    Source
        Of a tiled TIFF, a slide, CZI, VSI or OME-Zarr, only what a window touches is decoded. Other formats are decoded
        whole, a plane at a time.

    Raises
    ------
    ImageReadError
        As in `exoimage.read`.

    Examples
    --------
    >>> import tempfile
    >>> import tifffile
    >>> folder = tempfile.TemporaryDirectory()
    >>> path = os.path.join(folder.name, "slide.tif")
    >>> tifffile.imwrite(path, np.full((600, 900, 3), 240, np.uint8), tile=(256, 256), photometric="rgb")
    >>> with open_source(path) as source:
    ...     source.shape, source.read(Window(500, 800, 200, 200)).shape
    ((600, 900), (100, 100))
    >>> folder.cleanup()
    """
    return Source(_Asked(os.fspath(path), Selection(scene, z, t, c), pixel_size, light))


def is_read_in_windows(path: str | os.PathLike[str]) -> bool:
    """Whether a file's format can be read window by window; others are decoded whole.

    Raises
    ------
    ImageReadError
        If there is no such file.
    """
    name = os.fspath(path)
    return container_format(name) is not None or ends_of(name)[0][:HEAD].startswith(TIFF_MAGIC)


def describe(path: str | os.PathLike[str]) -> tuple[StoredScene, ...]:
    """What a file says of each of its pictures; pixels are decoded only of formats that hold a single one.

    Raises
    ------
    ImageReadError
        If the file is no picture or damaged.
    """
    name = os.fspath(path)

    def scenes() -> tuple[StoredScene, ...]:
        with open_container(name) as container:
            return tuple(container.scenes)

    return refusing(name, scenes)


@contextmanager
def open_container(path: str, selection: Selection = _NOTHING_CHOSEN) -> Iterator[Container]:
    """Open a file of any format as a container of its pictures.

    Parameters
    ----------
    path : str
    selection : Selection, optional
        Says what pages of a TIFF without a name are.

    Raises
    ------
    ImageReadError, Refusal
        If the file is no picture or damaged.
    """
    stored_as = container_format(path)
    if stored_as is not None:
        with stored_as.open(path) as container:
            yield container
    elif ends_of(path)[0][:HEAD].startswith(TIFF_MAGIC):
        with open_tiff(path, selection) as container:
            yield container
    else:
        yield _InMemory(read(path))


class _InMemory:
    """A picture of a format that is decoded whole."""

    def __init__(self, image: Image) -> None:
        self._image = image
        height, width, count = image.pixels.shape
        colour = image.light == "absorbed" and count == 3
        self.scenes = (
            StoredScene(
                "", height, width, image.pixels.dtype, axes={} if colour or count == 1 else {"C": count}, colour=colour,
                channels=image.channels, pixel_size=image.pixel_size, max_value=image.max_value, flags=image.flags,
            ),
        )  # fmt: skip

    def plane(self, scene: int, index: Mapping[str, int]) -> Pixels:
        described = self.scenes[scene]
        return self.window(scene, index, (0, 0, described.height, described.width), 0)

    def window(self, scene: int, index: Mapping[str, int], box: Box, level: int) -> Pixels:  # noqa: ARG002
        top, left, height, width = box
        part: Pixels = self._image.pixels[top : top + height, left : left + width]
        return part if self.scenes[scene].colour else part[:, :, index.get("C", 0)]


def _clipped(window: Window | None, shape: tuple[int, int]) -> Box:
    if window is None:
        return (0, 0, *shape)
    top, left = max(0, window.top), max(0, window.left)
    bottom, right = min(shape[0], window.top + window.height), min(shape[1], window.left + window.width)
    if bottom <= top or right <= left:
        raise Refusal(f"{window} lies outside the level of {shape[1]} × {shape[0]} px")
    return top, left, bottom - top, right - left


def _checked_part(pixels: Pixels, box: Box, samples: int) -> Pixels:
    part = pixels[:, :, np.newaxis] if pixels.ndim == 2 else pixels
    if part.shape != (box[2], box[3], samples) or part.nbytes > MAX_BYTES:
        raise Refusal(f"a window of {box[3]} × {box[2]} px came back as {pixels.shape}: the file is damaged")
    return part.astype(part.dtype.newbyteorder("="), copy=False)


def _averaged(pixels: Pixels, factor: int) -> Pixels:
    """Whole blocks of factor × factor px, averaged; nothing where there is not one whole row of them."""
    if factor == 1:
        return pixels
    rows, columns = pixels.shape[0] // factor, max(1, pixels.shape[1] // factor)
    if rows == 0:
        return pixels[:0, :columns]
    trimmed = pixels[: rows * factor, : columns * factor]
    small = reduced(np.ascontiguousarray(trimmed), max(rows, columns))
    small = small[:, :, np.newaxis] if small.ndim == 2 else small
    return small[:rows, :columns]
