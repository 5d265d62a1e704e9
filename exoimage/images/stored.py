"""What a microscope's file holds, as its reader tells it: pictures with axes, and planes on demand.

Each reader of a microscope's format opens a `Container`; what is taken along z, t and channels, and how that becomes
an `Image`, is decided here once for all of them.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from exoimage.flags import Flag
from exoimage.images.decoded import (
    ALL_CHANNELS,
    Decoded,
    Refusal,
    channel_numbers,
    numbered_channels,
    refuse_absurd_size,
)
from exoimage.images.focus import with_sharpest
from exoimage.images.selection import Selection, Take, gather, take_along

Pixels = npt.NDArray[Any]
Box = tuple[int, int, int, int]
"""Top, left, height and width in px of a level."""

MAX_PLANES = 1_000_000
MAX_SCENES = 100_000


@dataclass(frozen=True)
class StoredScene:
    """One picture of a file, as the file describes it; nothing of it is read yet.

    Parameters
    ----------
    name : str
        What the file calls it; may be empty.
    height, width : int
        px at full resolution.
    dtype : dtype
    axes : mapping of str to int
        Length of each axis of planes: Z, T, C or what the format calls it, in the order of `Container.plane`'s index.
    colour : bool
        Whether each plane is red, green and blue.
    channels : tuple of str
        Names where the file has them, one for each C.
    pixel_size : float or None
        µm.
    max_value : float
        The value at which the camera saturates; 0 where nothing but the dtype says so.
    levels : tuple of (int, int)
        Height and width of each level of a pyramid, the full resolution first; empty where there is only that.
    flags : tuple of Flag
    details : mapping of str to text or numbers
        What else is stored: objective, magnification, exposure_ms …
    unread : str
        Why it cannot be read as a picture; empty if it can.
    """

    name: str
    height: int
    width: int
    dtype: np.dtype[Any]
    axes: Mapping[str, int] = field(default_factory=lambda: MappingProxyType({}))
    colour: bool = False
    channels: tuple[str, ...] = ()
    pixel_size: float | None = None
    max_value: float = 0.0
    levels: tuple[tuple[int, int], ...] = ()
    flags: tuple[Flag, ...] = ()
    details: Mapping[str, Any] = field(default_factory=lambda: MappingProxyType({}))
    unread: str = ""

    def named(self, name: str) -> StoredScene:
        """The same picture by another name."""
        return replace(self, name=name)

    @property
    def level_shapes(self) -> tuple[tuple[int, int], ...]:
        """Height and width of each level; at least the full resolution."""
        return self.levels or ((self.height, self.width),)

    @property
    def channel_names(self) -> tuple[str, ...]:
        """One name for each C; numbered where the file names none."""
        count = self.axes.get("C", 1)
        return self.channels if len(self.channels) == count else numbered_channels(count)


class Container(Protocol):
    """An open file; made by a reader's `open_…`, which closes it."""

    @property
    def scenes(self) -> Sequence[StoredScene]:
        """The pictures in it."""
        ...

    def plane(self, scene: int, index: Mapping[str, int]) -> Pixels:
        """One plane, (y, x) or (y, x, 3) with red first, at an index along every axis of the scene."""
        ...

    def window(self, scene: int, index: Mapping[str, int], box: Box, level: int) -> Pixels:
        """A part of one plane at a level, of the box's height and width."""
        ...


class WholePlanes(ABC):
    """A container whose format gives whole planes only: a window is cut from one, and the last is kept."""

    def __init__(self) -> None:
        self._last: tuple[Any, Pixels] | None = None

    @abstractmethod
    def plane(self, scene: int, index: Mapping[str, int]) -> Pixels:
        """One plane; see `Container.plane`."""

    def window(self, scene: int, index: Mapping[str, int], box: Box, level: int) -> Pixels:  # noqa: ARG002
        """A part of one plane; see `Container.window`."""
        key = (scene, tuple(sorted(index.items())))
        if self._last is None or self._last[0] != key:
            self._last = (key, self.plane(scene, index))
        top, left, height, width = box
        return self._last[1][top : top + height, left : left + width]


Opener = Callable[[str], AbstractContextManager[Container]]


def decode_container(container: Container, selection: Selection) -> Decoded:
    """Read the picture that a selection names.

    Raises
    ------
    Refusal
        If there are several pictures or planes and none is chosen, or the choice is not there.
    """
    number = chosen_scene(container.scenes, selection)
    scene = container.scenes[number]
    if scene.unread:
        raise Refusal(scene.unread)
    take = taken_of(scene, selection)
    chosen = take.get("C")
    planes = len(chosen) if isinstance(chosen, tuple) else scene.axes.get("C", 1)
    refuse_absurd_size(scene.height, scene.width, planes * (3 if scene.colour else 1), scene.dtype.itemsize)

    def plane(index: tuple[int, ...]) -> Pixels:
        pixels = container.plane(number, dict(zip(scene.axes, index, strict=True)))
        return _checked_plane(pixels, scene)

    take = with_sharpest(scene.axes, take, plane)
    return decoded_of(scene, take, gather(scene.axes, take, plane))


def decoded_of(scene: StoredScene, take: Mapping[str, Take], pixels: Pixels) -> Decoded:
    """What was gathered, (channel, y, x, sample) or (y, x, sample), as (y, x, channel) with its names."""
    chosen = take.get("C")
    names = scene.channel_names if scene.channels else ()
    if isinstance(chosen, tuple):
        names = tuple(scene.channel_names[number] for number in chosen)
    if pixels.ndim == 4:
        if pixels.shape[3] != 1 and pixels.shape[0] != 1:
            raise Refusal("it holds several channels that are colour pictures each; choose one with c = NUMBER")
        pixels = pixels[0] if pixels.shape[3] != 1 else np.moveaxis(pixels[:, :, :, 0], 0, -1)
    return Decoded(
        pixels,
        colour=scene.colour,
        channels=names if not scene.colour and len(names) == pixels.shape[2] else (),
        max_value=scene.max_value or _own_maximum(scene.dtype),
        pixel_size=scene.pixel_size,
        flags=scene.flags,
    )


def chosen_scene(scenes: Sequence[StoredScene], selection: Selection) -> int:
    """Number of the scene that is chosen; the only one needs no choice.

    Raises
    ------
    Refusal
        If there are several and none is chosen, or no such one.
    """
    if not scenes:
        raise Refusal("it holds no picture; export it again")
    if selection.scene is None and len(scenes) > 1:
        listed = ", ".join(
            f"{number} ({scene.name}: {scene.width} × {scene.height} px)" for number, scene in enumerate(scenes[:8])
        )
        more = ", …" if len(scenes) > 8 else ""
        raise Refusal(f"it holds {len(scenes)} pictures, {listed}{more}: choose one with scene = NUMBER")
    number = selection.scene or 0
    if number >= len(scenes):
        raise Refusal(f"scene = {number} was asked for, but it holds {len(scenes)}: choose 0 … {len(scenes) - 1}")
    return number


def refuse_absurd_scenes(scenes: Sequence[StoredScene]) -> None:
    """Refuse what a header cannot honestly announce, before anything is asked of a library or of memory."""
    if len(scenes) > MAX_SCENES:
        raise Refusal(f"its header announces {len(scenes)} pictures: the file is damaged")
    for scene in scenes:
        if math.prod(scene.axes.values()) > MAX_PLANES:
            raise Refusal(f"its header announces {math.prod(scene.axes.values())} planes: the file is damaged")
        if min(scene.height, scene.width, *scene.axes.values(), 1) < 1:
            raise Refusal(f"its header announces a picture of {scene.width} × {scene.height} px: the file is damaged")


def taken_of(scene: StoredScene, selection: Selection) -> dict[str, Take]:
    """What to take along each axis: the channels chosen, and one plane or projection of every other axis."""
    take: dict[str, Take] = dict(take_along(scene.axes, selection))
    if selection.c in (None, ALL_CHANNELS):
        return take
    if "C" in scene.axes:
        take["C"] = channel_numbers(selection.c, scene.channel_names)
        return take
    channel_numbers(selection.c, scene.channel_names)
    return take


def _checked_plane(pixels: Pixels, scene: StoredScene) -> Pixels:
    samples = 3 if scene.colour else 1
    pixels = pixels[:, :, np.newaxis] if pixels.ndim == 2 else pixels
    if pixels.shape != (scene.height, scene.width, samples):
        raise Refusal(
            f"a plane of it is {pixels.shape}, where its header announces {(scene.height, scene.width, samples)}:"
            " the file is damaged"
        )
    return pixels.astype(pixels.dtype.newbyteorder("="), copy=False)


def _own_maximum(dtype: np.dtype[Any]) -> float:
    return float(np.iinfo(dtype).max) if dtype in (np.uint8, np.uint16) else 0.0
