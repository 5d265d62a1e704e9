"""Zeiss's .czi: scenes, mosaics of tiles, pyramids."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any
from xml.etree import ElementTree

import numpy as np
import numpy.typing as npt

from exoimage.flags import Flag
from exoimage.images import pixel_size
from exoimage.images.czi_directory import CziDirectory, read_directory
from exoimage.images.decoded import Refusal
from exoimage.images.extras import extra
from exoimage.images.stored import Box, Container, StoredScene, refuse_absurd_scenes
from exoimage.images.tiff_metadata import unique

Pixels = npt.NDArray[Any]
Place = tuple[int, int, int, int]

_DTYPES = {"Gray8": np.uint8, "Gray16": np.uint16, "Gray32Float": np.float32, "Bgr24": np.uint8, "Bgr48": np.uint16}
_COLOUR = ("Bgr24", "Bgr48")
_NS_PER_MS = 1e6
_SMALLEST_LEVEL = 256
_NO_PYRAMID = "_no_pyramid"
_JPEG, _JPEG_XR = 1, 4
_SPARSE, _SPARSE_FROM = 0.01, 1 << 27


@contextmanager
def open_czi(path: str) -> Iterator[Container]:
    """Open a .czi; each scene is a picture, its tiles put together.

    Places of a mosaic that no tile covers are white in colour pictures and black in others. Read by ``pylibCZIrw``
    (LGPL), Zeiss's own library; the file's directory is checked before that is asked, since it is C++.

    Raises
    ------
    Refusal
        If that package is not installed, or the file's directory is damaged.
    """
    package = extra("pylibCZIrw.czi", "czi", "Zeiss .czi")
    directory = read_directory(path)
    with package.open_czi(path) as document:
        yield _Czi(document, directory)


class _Czi:
    def __init__(self, document: Any, directory: CziDirectory) -> None:
        self._document = document
        root = _metadata(document)
        boxes: Mapping[int, Any] = getattr(document, f"scenes_bounding_rectangle{_NO_PYRAMID}")
        total = getattr(document, f"total_bounding_rectangle{_NO_PYRAMID}")
        self._numbers: tuple[int | None, ...] = tuple(sorted(boxes)) or (None,)
        self._places: tuple[Place, ...] = tuple(
            _place(total if number is None else boxes[number]) for number in self._numbers
        )
        limits = getattr(document, f"total_bounding_box{_NO_PYRAMID}")
        self._starts = {axis: int(low) for axis, (low, high) in limits.items() if axis not in "XYSM" and high > low}
        axes = {axis: int(high) - int(low) for axis, (low, high) in limits.items() if axis in self._starts}
        common = _common(document, root, axes)
        names = _scene_names(root, self._numbers)
        self.scenes: Sequence[StoredScene] = tuple(
            _sized(common, name, place, directory, number)
            for name, place, number in zip(names, self._places, self._numbers, strict=True)
        )
        refuse_absurd_scenes(self.scenes)
        self._covered = [
            directory.covered(number, place) for number, place in zip(self._numbers, self._places, strict=True)
        ]

    def plane(self, scene: int, index: Mapping[str, int]) -> Pixels:
        described = self.scenes[scene]
        if described.height * described.width > _SPARSE_FROM and self._covered[scene] < _SPARSE:
            raise Refusal(
                f"its tiles cover {100 * self._covered[scene]:.2g} % of {described.width} × {described.height} px:"
                " too sparse to be one picture, or damaged; split it into scenes"
            )
        return self.window(scene, index, (0, 0, described.height, described.width), 0)

    def window(self, scene: int, index: Mapping[str, int], box: Box, level: int) -> Pixels:
        described, place = self.scenes[scene], self._places[scene]
        factor = 2**level
        top, left, height, width = box
        pixels: Pixels = self._document.read(
            roi=(place[0] + left * factor, place[1] + top * factor, width * factor, height * factor),
            plane={axis: self._starts[axis] + number for axis, number in index.items()},
            scene=self._numbers[scene],
            zoom=1.0 / factor,
            background_pixel=(1.0, 1.0, 1.0) if described.colour else (0.0, 0.0, 0.0),
        )
        if pixels.shape[:2] != (height, width):  # a zoom rounds its size
            pixels = _fitted(pixels, height, width)
        return pixels[:, :, ::-1] if described.colour else pixels[:, :, 0]


def _place(rectangle: Any) -> Place:
    return int(rectangle.x), int(rectangle.y), int(rectangle.w), int(rectangle.h)


def _metadata(document: Any) -> ElementTree.Element:
    text = document.raw_metadata
    if "<!ENTITY" in text or "<!DOCTYPE" in text:
        raise Refusal("its metadata declare entities, which no microscope writes; it is not read")
    try:
        return ElementTree.fromstring(text)
    except ElementTree.ParseError:
        return ElementTree.Element("ImageDocument")


def _common(document: Any, root: ElementTree.Element, axes: Mapping[str, int]) -> StoredScene:
    """What all scenes share."""
    kinds = {str(kind) for kind in document.pixel_types.values()}
    kind = next(iter(kinds), "none")
    reason = ""
    if len(kinds) > 1:
        reason = f"its channels are stored in different ways ({', '.join(sorted(kinds))}); export them alike"
    elif kind not in _DTYPES:
        reason = f"its pixels are of the kind {kind}, no light intensities; export it as OME-TIFF"
    bits = root.findtext("Metadata/Information/Image/ComponentBitCount") or ""
    deepest = int(bits) if bits.isdigit() else 0
    return StoredScene(
        "",
        1,
        1,
        np.dtype(_DTYPES.get(kind, np.uint8)),
        axes=axes,
        colour=kind in _COLOUR,
        channels=_channels(root, axes.get("C", 1)),
        pixel_size=_pixel_size(root),
        max_value=float(2**deepest - 1) if 8 < deepest < 16 else 0.0,
        details=_details(root),
        unread=reason,
    )


def _sized(common: StoredScene, name: str, place: Place, directory: CziDirectory, number: int | None) -> StoredScene:
    left, top, width, height = place
    levels = [(height, width)]
    while directory.has_pyramid and min(levels[-1]) > 2 * _SMALLEST_LEVEL:
        levels.append((levels[-1][0] // 2, levels[-1][1] // 2))
    lossless = common.details.get("compression") == "Lossless: True"
    lossy = _JPEG in directory.compressions or (_JPEG_XR in directory.compressions and not lossless)
    gaps = directory.covered(number, (left, top, width, height)) < 1.0
    flags = ((Flag.LOSSY_FILE,) if lossy else ()) + ((Flag.MOSAIC_GAPS,) if gaps else ())
    return StoredScene(
        name, height, width, common.dtype, common.axes, common.colour, common.channels, common.pixel_size,
        common.max_value, tuple(levels), flags, common.details, common.unread,
    )  # fmt: skip


def _channels(root: ElementTree.Element, count: int) -> tuple[str, ...]:
    found = root.findall("Metadata/Information/Image/Dimensions/Channels/Channel")
    names = [one.get("Name") or one.findtext("Fluor") or one.findtext("DyeName") or "" for one in found]
    return unique(names) if len(names) == count and all(names) else ()


def _scene_names(root: ElementTree.Element, numbers: Sequence[int | None]) -> list[str]:
    found = root.findall("Metadata/Information/Image/Dimensions/S/Scenes/Scene")
    named = {int(one.get("Index", "-1")): one.get("Name", "") for one in found if one.get("Index", "").isdigit()}
    names = [named.get(-1 if number is None else number, "") for number in numbers]
    return list(unique([name or f"scene {place + 1}" for place, name in enumerate(names)]))


def _pixel_size(root: ElementTree.Element) -> float | None:
    """The distance of pixels, stored in m."""
    sizes = {}
    for distance in root.findall("Metadata/Scaling/Items/Distance"):
        try:
            sizes[distance.get("Id", "")] = pixel_size.from_metres(float(distance.findtext("Value") or "nan"))
        except ValueError:
            continue
    return pixel_size.square(sizes.get("X"), sizes.get("Y"))


def _details(root: ElementTree.Element) -> dict[str, Any]:
    found: dict[str, Any] = {}
    objective = root.find("Metadata/Information/Instrument/Objectives/Objective")
    if objective is not None:
        for key, text in (
            ("objective", objective.get("Name")),
            ("magnification", objective.findtext("NominalMagnification")),
            ("numerical_aperture", objective.findtext("LensNA")),
        ):
            if text:
                found[key] = text if key == "objective" else _number(text)
    channels = root.findall("Metadata/Information/Image/Dimensions/Channels/Channel")
    exposures = [_number(one.findtext("ExposureTime") or "") for one in channels]
    if exposures and all(isinstance(one, float) for one in exposures):
        found["exposure_ms"] = [float(one) / _NS_PER_MS for one in exposures]
    compression = root.findtext("Metadata/Information/Image/CurrentCompressionParameters")
    return {**found, "compression": compression} if compression else found


def _number(text: str) -> float | str:
    try:
        return float(text)
    except ValueError:
        return text


def _fitted(pixels: Pixels, height: int, width: int) -> Pixels:
    """Cut, or repeat the last row and column."""
    grown = np.pad(
        pixels,
        ((0, max(0, height - pixels.shape[0])), (0, max(0, width - pixels.shape[1])), (0, 0)),
        mode="edge",
    )
    return grown[:height, :width]
