"""Whole slides as napari shows them: levels of which only the window in view is read."""

from __future__ import annotations

import threading
import weakref
from collections import OrderedDict
from typing import Any

from exoimage.errors import StudyError
from exoimage.images.image import Image, Light
from exoimage.images.source import Source, Window

from napari_exoimage import adapter

OVERVIEW_EDGE = 1600
"""Longer edge, in px, of the small picture of a slide: the one that its cut is shown on."""

COARSEST_EDGE = 2048
"""Levels are made beyond those stored until the longer edge is no longer than this: napari reads the last one whole."""

STEP = 4
"""How much coarser the next level may be before one is made in between."""

MOST_PX = 1 << 25
"""Of a stored level that is decoded for one view; a wider view of a level that is made shows the small picture."""

KEPT_WINDOWS = 2
"""Windows that stay decoded: the channels of a picture are layers of their own."""


class Windows:
    """An open picture that layers read windows of, from whichever thread; read by nobody else.

    It is closed with the last layer that shows it, if nobody closes it before.
    """

    def __init__(self, source: Source) -> None:
        self.source = source
        self._end = weakref.finalize(self, source.close)
        self._lock = threading.Lock()
        self._kept: OrderedDict[tuple[Window, int], Any] = OrderedDict()
        self._closed = False

    def pixels(self, window: Window, level: int) -> Any:
        """A window's pixels, (y, x, channel); blank once it is closed."""
        with self._lock:
            if self._closed:
                return adapter.blank(window.height, window.width, len(self.source.channels), self.source.dtype)
            if (window, level) not in self._kept:
                self._kept[window, level] = self.source.read(window, level).pixels
                if len(self._kept) > KEPT_WINDOWS:
                    self._kept.popitem(last=False)
            return self._kept[window, level]

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            self._closed = True
            self._kept.clear()
            self._end()


class Level:
    """One level as an array that is read where it is looked at: napari asks it for shape, dtype and windows.

    Parameters
    ----------
    windows : Windows
    stored : int
        The level of the source that it is read from.
    step : int
        Every so manyth of its pixels; 1: all.
    convert : callable
        Pixels (y, x, channel) to what is shown, (y, x) or (y, x, 3).
    overview : array
        The small picture, as shown.
    """

    def __init__(self, windows: Windows, stored: int, step: int, convert: Any, overview: Any) -> None:
        height, width = windows.source.levels[stored].shape
        self._windows, self._stored, self._step = windows, stored, step
        self._convert, self._overview = convert, overview
        self._source_shape = height, width
        self.shape = (-(-height // step), -(-width // step), *overview.shape[2:])
        self.dtype = overview.dtype
        self.ndim = len(self.shape)

    @property
    def size(self) -> int:
        """Number of values."""
        return adapter.number_of(self.shape)

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, key: Any) -> Any:
        keys = (*(key if isinstance(key, tuple) else (key,)), slice(None), slice(None))
        (top, bottom, rows), (left, right, columns) = (
            _span(one, length) for one, length in zip(keys[:2], self.shape[:2], strict=True)
        )
        return self._window(top, left, bottom, right)[(rows, columns, *keys[2 : self.ndim])[: self.ndim]]

    def __array__(self, dtype: Any = None, copy: Any = None) -> Any:
        return adapter.as_dtype(self[:, :], dtype)

    def _window(self, top: int, left: int, bottom: int, right: int) -> Any:
        if bottom <= top or right <= left:
            return adapter.blank(max(0, bottom - top), max(0, right - left), 0, self.dtype, self.shape[2:])
        step = self._step
        if step > 1 and (bottom - top) * (right - left) * step * step > MOST_PX:
            return adapter.enlarged(self._overview, self.shape, (top, left, bottom, right))
        height, width = self._source_shape
        ends = min(bottom * step, height), min(right * step, width)
        window = Window(top * step, left * step, ends[0] - top * step, ends[1] - left * step)
        return self._convert(self._windows.pixels(window, self._stored)[::step, ::step])


class SlideView:
    """A whole slide as it is shown.

    Parameters
    ----------
    source : Source
        Its own: nobody else reads it, and closing the view closes it.
    """

    def __init__(self, source: Source) -> None:
        self.windows = Windows(source)
        self.shape: tuple[int, int] = source.shape
        self.pixel_size: float | None = source.pixel_size
        self.light: Light = source.light
        self.small: Image = source.overview(min(OVERVIEW_EDGE, max(source.shape)))

    def layers(self) -> list[tuple[Any, dict[str, Any]]]:
        """What it is shown as; see `adapter.picture_layers`."""
        return adapter.picture_layers(self.small.with_pixel_size(self.pixel_size), self._levels)

    def cut_out(self, box: tuple[int, int, int, int]) -> tuple[Image, tuple[int, int, int, int]]:
        """The picture under a rectangle of x, y, width and height, at full resolution, and the rectangle in it.

        Raises
        ------
        ExoimageError
            If it lies outside, or is too large to be read.
        """
        left, top, width, height = box
        if width * height > MOST_PX:
            raise StudyError(f"the rectangle of {width} × {height} px is too large: draw a smaller one")
        with self.windows.source.reopened() as source:
            image = source.read(Window(top, left, height, width))
        return image, (0, 0, *image.shape[::-1])

    def close(self) -> None:
        """Close the file; what is still shown stays."""
        self.windows.close()

    def _levels(self, channel: int) -> list[Level]:
        def convert(pixels: Any) -> Any:
            return adapter.shown_pixels(pixels, channel, self.small.max_value)

        return levels_of(self.windows, convert, convert(self.small.pixels))


def label_levels(windows: Windows) -> list[Level]:
    """A label image's levels as a labels layer shows them."""
    return levels_of(windows, adapter.label_plane, adapter.empty_labels((1, 1)))


def levels_of(windows: Windows, convert: Any, overview: Any) -> list[Level]:
    """The stored levels, those that have to be made between them, and beyond the last."""
    stored = windows.source.levels
    levels = []
    for number, one in enumerate(stored):
        is_last = number + 1 == len(stored)
        following = max(one.shape) / COARSEST_EDGE * 2 if is_last else stored[number + 1].factor / one.factor
        step = 1
        levels.append(Level(windows, number, 1, convert, overview))
        while following / step > (2 if is_last else STEP):
            step *= 2
            levels.append(Level(windows, number, step, convert, overview))
    if len(levels) == 1:
        levels.append(Level(windows, 0, 2, convert, overview))  # napari takes one level for no pyramid
    return levels


def _span(key: Any, length: int) -> tuple[int, int, Any]:
    """First and last of an axis that a key asks for, and the key within them."""
    if isinstance(key, slice):
        first, last, step = key.indices(length)
        return first, max(first, last), slice(None, None, step)
    number = int(key)
    if not -length <= number < length:
        raise IndexError(f"{number} of {length}")  # also what ends a loop over the rows
    return number % length, number % length + 1, 0
