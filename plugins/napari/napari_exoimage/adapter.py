"""Between napari's arrays and exoimage's: the one file of the plugin that touches numbers in arrays.

napari counts from the middle of the first pixel, ImageJ and exoimage from its upper left corner: half a pixel apart.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from exoimage.assays.regions import Region
from exoimage.errors import ImageError, StudyError
from exoimage.images.image import Image
from exoimage.images.roi_writing import Outline

HALF = 0.5
ELLIPSE_CORNERS = 128
"""Corners of the polygon that an ellipse is written as: off by less than a pixel up to a diameter of 3000 px."""

FEW_LABELS = 60_000
"""Below what 16 bits hold, so that a person can add some."""

LEAST_STEP = 1e-6
"""Of a display's limits, relative: narrower than a slider's step, wider than float32 can tell."""

PYRAMID_EDGE = 4096
"""Larger pictures are shown as a pyramid."""

TINTS = {"dapi": "bop blue", "hoechst": "bop blue", "blue": "blue", "green": "green", "red": "red"}
OTHER_TINTS = ("green", "red", "magenta", "yellow", "cyan", "gray")


def picture_layers(image: Image, levels: Callable[[int], Any] | None = None) -> list[tuple[Any, dict[str, Any]]]:
    """What a picture is shown as: data and arguments of napari's `add_image`, one for RGB, else one per channel.

    Parameters
    ----------
    image : Image
    levels : callable, optional
        Of a whole slide, of which `image` is a small picture: gives the levels of a channel, -1: of all.
    """
    scale = pixel_scale(image)
    several = {} if levels is None else {"multiscale": True}
    if is_rgb(image):
        shown = _levels(shown_pixels(image.pixels, -1, image.max_value)) if levels is None else levels(-1)
        return [(shown, {"name": "picture", "rgb": True, **scale, **several})]
    layers = []
    for number, name in enumerate(image.channels):
        plane = image.pixels[:, :, number]
        low, high = _contrast(plane)
        tint = "gray" if len(image.channels) == 1 else _tint(name, number)
        arguments = {
            "name": f"channel {name}",
            "colormap": tint,
            "blending": "additive",
            "contrast_limits": (low, high),
        }
        layers.append((_levels(plane) if levels is None else levels(number), {**arguments, **scale, **several}))
    return layers


def is_rgb(image: Image) -> bool:
    """Whether a picture is shown in its own colours."""
    return image.light == "absorbed" and len(image.channels) == 3


def shown_pixels(pixels: Any, channel: int, max_value: float) -> Any:
    """Pixels (y, x, channel) as a layer shows them: a channel, or (-1) all as 8-bit colours."""
    if channel >= 0:
        return pixels[:, :, channel]
    if pixels.dtype == np.uint8:
        return pixels
    return (np.clip(pixels / np.float32(max_value), 0, 1) * 255).astype(np.uint8)


def label_plane(pixels: Any) -> Any:
    """Pixels (y, x, 1) of a label file as a labels layer shows them."""
    return pixels[:, :, 0].astype(np.int32)


def blank(height: int, width: int, channels: int, dtype: Any, tail: tuple[int, ...] = ()) -> Any:
    """Pixels of nothing."""
    return np.zeros((height, width, *((channels,) if channels else tail)), dtype)


def number_of(shape: tuple[int, ...]) -> int:
    """How many values an array of a shape holds."""
    return math.prod(shape)


def as_dtype(values: Any, dtype: Any) -> Any:
    """An array, as another type where one is asked for."""
    return np.asarray(values, dtype)


def enlarged(small: Any, shape: tuple[int, ...], corners: tuple[int, int, int, int]) -> Any:
    """A part (top, left, bottom, right) of a picture of a shape, out of a small one of the same picture."""
    top, left, bottom, right = corners
    rows = np.arange(top, bottom) * small.shape[0] // shape[0]
    columns = np.arange(left, right) * small.shape[1] // shape[1]
    return small[rows][:, columns]


def overlay_scale(picture: Any, shape: tuple[int, ...]) -> dict[str, Any]:
    """Scale and place of an overlay that spans a picture with fewer pixels.

    Parameters
    ----------
    picture : Image or SlideView
    shape : (height, width, …)
        Of the overlay.
    """
    factors = [whole / small for whole, small in zip(picture.shape, shape[:2], strict=True)]
    size = picture.pixel_size or 1.0
    units = {} if picture.pixel_size is None else {"units": ("um", "um")}
    if factors == [1.0, 1.0]:
        return pixel_scale(picture)
    # napari counts from the middle of the first pixel.
    places = {"translate": tuple((factor - 1) * HALF * size for factor in factors)}
    return {"scale": tuple(factor * size for factor in factors), **places, **units}


def pixel_scale(image: Any) -> dict[str, Any]:
    """Napari's scale and units of a picture; none where the size of a pixel is unknown."""
    if image.pixel_size is None:
        return {}
    return {"scale": (image.pixel_size, image.pixel_size), "units": ("um", "um")}


def drawn_labels(data: Any) -> Any:
    """A labels layer's data as a plain array, the finest level of a pyramid."""
    finest = data[0] if isinstance(data, list | tuple) else data
    return np.array(finest, dtype=np.int32)


def labels_of(result_labels: Any) -> Any:
    """A result's labels as a layer may change them; of 16 bits where they fit, which a display takes as they are."""
    few = int(result_labels.max(initial=0)) < FEW_LABELS
    return np.array(result_labels, dtype=np.uint16 if few else np.int32)


def limits_at(cut: float, dtype: Any) -> tuple[float, float]:
    """Contrast limits between which a display goes from nothing to all: just at a cut."""
    most = float(np.finfo(dtype).max) / 4
    low = min(cut, most)
    return low, low + max(abs(low), 1.0) * LEAST_STEP


def shown_mask(mask: Any) -> Any:
    """A mask as a labels layer shows it."""
    return np.asarray(mask, dtype=np.uint8)


def empty_labels(shape: tuple[int, int]) -> Any:
    """A labels layer with nothing in it."""
    return np.zeros(shape, dtype=np.int32)


def are_equal(one: Any, other: Any) -> bool:
    """Whether two label images are the same."""
    return np.asarray(one).shape == np.asarray(other).shape and bool(np.array_equal(one, other))


def merged_labels(labels: Any, first: int, second: int) -> Any:
    """The labels with the second object made part of the first."""
    joined = np.array(labels, dtype=np.int32)
    joined[joined == second] = first
    return joined


def outlines_of(shapes: Sequence[Any], kinds: Sequence[str], names: Sequence[str]) -> list[Outline]:
    """A shapes layer's areas as outlines; lines and paths are no areas.

    Parameters
    ----------
    shapes : sequence of (n, 2) arrays
        napari's y and x.
    kinds : sequence of str
        napari's shape types.
    names : sequence of str
    """
    outlines = []
    for corners, kind, name in zip(shapes, kinds, names, strict=True):
        if kind in ("line", "path"):
            continue
        points = _ellipse(np.asarray(corners)) if kind == "ellipse" else np.asarray(corners, dtype=np.float64)
        outlines.append(Outline(name, points[:, -1:-3:-1] + HALF))
    return outlines


def boxes_of(shapes: Sequence[Any]) -> list[tuple[int, int, int, int]]:
    """The rectangles around shapes as x, y, width and height in whole px."""
    boxes = []
    for corners in shapes:
        points = np.asarray(corners, dtype=np.float64)[:, -2:] + HALF
        top, left = (max(0, round(float(edge))) for edge in points.min(axis=0))
        bottom, right = (round(float(edge)) for edge in points.max(axis=0))
        boxes.append((left, top, max(1, right - left), max(1, bottom - top)))
    return boxes


def corners_of_box(box: Sequence[int]) -> Any:
    """A rectangle of x, y, width and height as napari's corners."""
    left, top, width, height = box
    corners = [(top, left), (top, left + width), (top + height, left + width), (top + height, left)]
    return np.array(corners, dtype=np.float64) - HALF


def corners_of_region(region: Region, picture: tuple[int, int], measured: tuple[int, int]) -> Any:
    """The rectangle around a region as napari's corners; of a round well its circle's.

    Parameters
    ----------
    region : Region
    picture : (height, width)
        In whose px the corners are said.
    measured : (height, width)
        In whose px the region is said: a slide can be measured at a coarser level than it is shown at.
    """
    rows, columns = region.box
    corners = corners_of_box((columns.start, rows.start, columns.stop - columns.start, rows.stop - rows.start))
    factors = [whole / small for whole, small in zip(picture, measured, strict=True)]
    return (corners + HALF) * factors - HALF


def is_round(region: Region) -> bool:
    """Whether a region fills its box as an ellipse does: π / 4."""
    return region.mask is not None and abs(float(region.mask.mean()) - math.pi / 4) < 0.02


def place_of(objects: dict[str, Any], row: int, picture: Any, shape: tuple[int, int]) -> tuple[float, float]:
    """Where an object of a result lies, in the viewer's coordinates.

    Parameters
    ----------
    objects : mapping of column to array
    row : int
    picture : Image or SlideView
    shape : (height, width)
        In whose px the object's place is said.
    """
    size = picture.pixel_size or 1.0
    down, across = (whole / small for whole, small in zip(picture.shape, shape, strict=True))
    y, x = objects["y_px"][row] * down - HALF, objects["x_px"][row] * across - HALF
    return float(y * size), float(x * size)


def points_of(spots: dict[str, Any]) -> Any:
    """Spots as a points layer's data."""
    return np.stack([np.asarray(spots["y_px"]), np.asarray(spots["x_px"])], axis=1) - HALF


def plain_counts(counts: Any) -> list[float]:
    """A histogram's counts as plain numbers, on a scale of roots: rare tones can be seen beside the background."""
    return [float(value) for value in np.sqrt(np.asarray(counts, dtype=np.float64))]


def _levels(pixels: Any) -> Any:
    levels = [pixels]
    while max(levels[-1].shape[:2]) > PYRAMID_EDGE:
        levels.append(levels[-1][::2, ::2])
    return levels if len(levels) > 1 else pixels


def _contrast(plane: Any) -> tuple[float, float]:
    low, high = (float(value) for value in np.percentile(plane[::4, ::4], (0.5, 99.8)))
    return low, high if high > low else low + 1.0


def _tint(name: str, number: int) -> str:
    known = next((tint for word, tint in TINTS.items() if word in name.casefold()), "")
    return known or OTHER_TINTS[number % len(OTHER_TINTS)]


def _ellipse(corners: Any) -> Any:
    centre = corners.mean(axis=0)
    one, other = (corners[1] - corners[0]) / 2, (corners[3] - corners[0]) / 2
    turns = np.linspace(0, 2 * np.pi, ELLIPSE_CORNERS, endpoint=False)[:, np.newaxis]
    return centre + np.cos(turns) * one + np.sin(turns) * other


def image_of_layer(layer: Any) -> Image:
    """The picture of an image layer, as it is in memory.

    Raises
    ------
    StudyError
        If the layer shows no flat picture of a kind that can be measured.
    """
    if not hasattr(layer, "rgb"):
        raise StudyError(f"the layer {layer.name} is no picture: select one")
    data = np.asarray(layer.data[0] if layer.multiscale else layer.data)
    data = data[..., :3] if layer.rgb else data
    if data.ndim != (3 if layer.rgb else 2):
        raise StudyError(f"the layer {layer.name} has {data.ndim} axes: a picture of one plane is measured")
    size = float(layer.scale[-1]) if str(layer.units[-1]) in ("micrometer", "um", "µm") else None
    try:
        return Image(data, pixel_size=size, light="absorbed" if layer.rgb else "emitted", source=layer.name)
    except ImageError as error:
        raise StudyError(str(error)) from None


def read_layers(
    shown: list[tuple[Any, dict[str, Any]]], about: dict[str, Any], prefix: str
) -> list[tuple[Any, dict[str, Any], str]]:
    """What `picture_layers` gives, as napari's readers give it."""
    layers = []
    for data, arguments in shown:
        name = prefix if arguments["name"] == "picture" else f"{prefix} {arguments['name'].removeprefix('channel ')}"
        layers.append((data, {**arguments, "name": name, "metadata": dict(about)}, "image"))
    return layers


def painted_over(labels: Any, patch: Any, top: int, left: int) -> None:
    """Put a part into a labels layer's data."""
    labels[top : top + patch.shape[0], left : left + patch.shape[1]] = patch


def channels_together(*planes: Any) -> Any:
    """Planes of one size as the channels of one picture, (y, x, channel)."""
    return np.stack(planes, axis=2)
