"""Leica's .lif: many series, each a picture or a stack of its own."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import liffile
import numpy as np
import numpy.typing as npt

from exoimage.images import pixel_size
from exoimage.images.stored import Container, StoredScene, WholePlanes, refuse_absurd_scenes
from exoimage.images.tiff_metadata import unique

Pixels = npt.NDArray[Any]

# What it has to say reaches whoever configures logging; without a handler it would reach the terminal.
logging.getLogger("liffile").addHandler(logging.NullHandler())

_POSITION = "M"
_PLANE_AXES = {"Y", "X", "S"}
_OBJECTIVE_PLACES = ("ATLConfocalSettingDefinition", "ATLCameraSettingDefinition")


@contextmanager
def open_lif(path: str) -> Iterator[Container]:
    """Open a .lif; each series is a scene, and so is each position of a tile scan.

    Read by ``liffile`` (BSD), https://github.com/cgohlke/liffile.
    """
    with liffile.LifFile(path) as lif:
        yield _Lif(lif)


class _Lif(WholePlanes):
    def __init__(self, lif: Any) -> None:
        super().__init__()
        described = [part for image in lif.images for part in _scenes(image)]
        self._images = [(image, position) for image, position, _ in described]
        self.scenes: Sequence[StoredScene] = tuple(scene for _, _, scene in described)
        refuse_absurd_scenes(self.scenes)

    def plane(self, scene: int, index: Mapping[str, int]) -> Pixels:
        image, position = self._images[scene]
        at = dict(index) if position is None else {**index, _POSITION: position}
        pixels: Pixels = image.frame(**at)
        return pixels[:, :, ::-1] if getattr(image, "_is_bgr", False) and pixels.ndim == 3 else pixels


def _scenes(image: Any) -> Iterator[tuple[Any, int | None, StoredScene]]:
    sizes = dict(image.sizes)
    positions = sizes.get(_POSITION)
    for position in range(positions) if positions else (None,):
        name = image.path if position is None else f"{image.path} position {position + 1}"
        yield image, position, _scene(image, sizes, name)


def _scene(image: Any, sizes: Mapping[str, int], name: str) -> StoredScene:
    inner = list(sizes)[-3:] if "S" in sizes else list(sizes)[-2:]
    is_section = set(inner) - {"S"} != {"Y", "X"}
    samples = sizes.get("S", 1)
    reason = ""
    if is_section:
        reason = f"it is a section with the axes {''.join(sizes)}, no picture in x and y; export the planes wanted"
    elif "S" in sizes and samples != 3:
        reason = f"it stores {samples} values per pixel; export it as OME-TIFF"
    bits = {int(found) for found in _attributes(image, "ChannelDescription", "Resolution") if found.isdigit()}
    deepest = max(bits, default=0)
    return StoredScene(
        name,
        int(sizes.get("Y", sizes[inner[0]])),
        int(sizes.get("X", 1)),
        np.dtype(image.dtype),
        axes={axis: int(length) for axis, length in sizes.items() if axis not in {*_PLANE_AXES, _POSITION}},
        colour=samples == 3,
        channels=_channels(image, int(sizes.get("C", 1))),
        pixel_size=pixel_size.square(*(_step(image, axis) for axis in "XY")),
        max_value=float(2**deepest - 1) if 8 < deepest < 16 else 0.0,
        details=_details(image),
        unread=reason,
    )


def _step(image: Any, axis: str) -> float | None:
    """Distance of neighbouring pixels in µm; the file stores that of the first and the last, in m."""
    places = image.coords.get(axis)
    if places is None or len(places) < 2:
        return None
    return pixel_size.from_metres(abs(float(places[-1] - places[0])) / (len(places) - 1))


def _channels(image: Any, count: int) -> tuple[str, ...]:
    """Names of the dyes, else of the lookup tables; empty where they do not tell the channels apart."""
    for names in (_dyes(image), _attributes(image, "ChannelDescription", "LUTName")):
        if len(names) == count and all(names):
            return unique(names)
    return ()


def _dyes(image: Any) -> list[str]:
    names = []
    for channel in image.xml_element.iter("ChannelDescription"):
        values = {one.findtext("Key"): one.findtext("Value") or "" for one in channel.iter("ChannelProperty")}
        names.append(values.get("DyeName", ""))
    return names


def _attributes(image: Any, element: str, attribute: str) -> list[str]:
    return [found.get(attribute, "") for found in image.xml_element.iter(element)]


def _details(image: Any) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for place in _OBJECTIVE_PLACES:
        for element in image.xml_element.iter(place):
            for key, attribute in (("objective", "ObjectiveName"), ("numerical_aperture", "NumericalAperture")):
                if element.get(attribute):
                    found.setdefault(key, str(element.get(attribute)).strip())
    exposures = [
        float(one) * 1000 for one in _attributes(image, "WideFieldChannelInfo", "ExposureTime") if _is_number(one)
    ]
    return {**found, "exposure_ms": exposures} if exposures else found


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True
