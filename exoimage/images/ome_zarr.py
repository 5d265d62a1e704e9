"""OME-Zarr: a folder, or an address that fsspec knows (``s3://…``), of chunks at several levels."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from exoimage.flags import Flag
from exoimage.images import pixel_size
from exoimage.images.decoded import MAX_BYTES, RGB_NAMES, Refusal
from exoimage.images.extras import extra
from exoimage.images.stored import Box, Container, StoredScene, refuse_absurd_scenes
from exoimage.images.tiff_metadata import unique

Pixels = npt.NDArray[Any]

METADATA_FILES = ("zarr.json", ".zgroup", ".zattrs")
_LARGEST_CHUNK = MAX_BYTES // 16
_MOST_IMAGES = 100_000
_MOST_CHUNKS = 100_000_000
_MOST_COUNTED = 100_000
"""Chunks of an array in which those that are missing are looked for."""


def is_zarr(path: str) -> bool:
    """Whether a folder is a Zarr group; an address (``s3://…``) is taken for one."""
    return "://" in path or any((Path(path) / name).is_file() for name in METADATA_FILES)


@contextmanager
def open_zarr(path: str) -> Iterator[Container]:
    """Open an OME-Zarr of version 0.4 or 0.5: one image, a collection of them (bioformats2raw), or a plate.

    Read by ``zarr`` (MIT); addresses through ``fsspec``. See https://ngff.openmicroscopy.org.

    Raises
    ------
    Refusal
        If the package is not installed, or the folder holds no image of OME-Zarr.
    """
    package = extra("zarr", "zarr", "OME-Zarr")
    root = package.open_group(path, mode="r")
    yield _Zarr(root, "://" not in path)


class _Zarr:
    def __init__(self, root: Any, is_local: bool) -> None:
        images = _images(root)
        if not images:
            raise Refusal("it is a Zarr folder without an image of OME-Zarr (no multiscales); export it again")
        self._levels: list[list[Any]] = []
        self._axes: list[str] = []
        scenes = []
        for name, group in images:
            scene, levels, axes = _described(group, name if len(images) > 1 else "", is_local)
            scenes.append(scene)
            self._levels.append(levels)
            self._axes.append(axes)
        self.scenes: Sequence[StoredScene] = tuple(scenes)
        refuse_absurd_scenes(self.scenes)

    def plane(self, scene: int, index: Mapping[str, int]) -> Pixels:
        described = self.scenes[scene]
        return self.window(scene, index, (0, 0, described.height, described.width), 0)

    def window(self, scene: int, index: Mapping[str, int], box: Box, level: int) -> Pixels:
        top, left, height, width = box
        axes, array = self._axes[scene], self._levels[scene][level]
        whole = {"Y": slice(top, top + height), "X": slice(left, left + width)}
        if self.scenes[scene].colour:
            whole["C"] = slice(0, 3)
        part = np.asarray(array[tuple(whole.get(axis, index.get(axis, 0)) for axis in axes)])
        return np.moveaxis(part, 0, -1) if self.scenes[scene].colour and axes.index("C") < axes.index("Y") else part


def _images(root: Any) -> list[tuple[str, Any]]:
    """The groups that are an image each, with their names."""
    ome = _ome(root)
    if "multiscales" in ome:
        return [("", root)]
    if "plate" in ome:
        found = []
        for well in ome["plate"].get("wells", ())[:_MOST_IMAGES]:
            group = root[well["path"]]
            found += [
                (f"{well['path']}/{image['path']}", group[image["path"]]) for image in _ome(group)["well"]["images"]
            ]
        return found
    names = sorted((name for name in root.group_keys() if name.isdigit()), key=int)
    return [(name, root[name]) for name in names[:_MOST_IMAGES] if "multiscales" in _ome(root[name])]


def _ome(group: Any) -> Mapping[str, Any]:
    attributes = dict(group.attrs)
    ome = attributes.get("ome", attributes)
    return ome if isinstance(ome, Mapping) else {}


def _described(group: Any, name: str, is_local: bool) -> tuple[StoredScene, list[Any], str]:
    ome = _ome(group)
    first = ome["multiscales"][0]
    datasets = first["datasets"]
    levels = [group[dataset["path"]] for dataset in datasets]
    full = levels[0]
    axes = _axes(first, len(full.shape))
    for level in levels:
        _refuse_absurd_chunks(level)
    sizes = dict(zip(axes, (int(length) for length in full.shape), strict=True))
    labels = [str(channel.get("label", "")) for channel in ome.get("omero", {}).get("channels", ())]
    colour = sizes.get("C") == 3 and _is_rgb(labels, ome, full.dtype)
    lead = {axis: length for axis, length in sizes.items() if axis not in "YX" and not (colour and axis == "C")}
    at = (axes.index("Y"), axes.index("X"))
    has_gaps = is_local and full.nchunks <= _MOST_COUNTED and full.nchunks_initialized < full.nchunks
    scene = StoredScene(
        name or str(first.get("name", "")),
        sizes["Y"],
        sizes["X"],
        np.dtype(full.dtype),
        axes=lead,
        colour=colour,
        channels=unique(labels) if not colour and len(labels) == sizes.get("C", 1) and all(labels) else (),
        pixel_size=_pixel_size(first, datasets[0], at),
        max_value=_stated_maximum(ome, np.dtype(full.dtype)),
        levels=tuple((int(level.shape[at[0]]), int(level.shape[at[1]])) for level in levels),
        flags=(Flag.MOSAIC_GAPS,) if has_gaps else (),
    )
    return scene, levels, axes


def _axes(multiscale: Mapping[str, Any], count: int) -> str:
    named = [axis["name"] if isinstance(axis, Mapping) else axis for axis in multiscale.get("axes", "tczyx"[-count:])]
    axes = "".join(str(name)[:1].upper() for name in named)
    if len(axes) != count or not {"Y", "X"} <= set(axes) or len(set(axes)) != len(axes):
        raise Refusal(f"its axes are {', '.join(map(str, named))} for {count} dimensions; expected t, c, z, y and x")
    return axes


def _is_rgb(labels: Sequence[str], ome: Mapping[str, Any], dtype: Any) -> bool:
    """Whether three channels are one picture in its own colours.

    A model of grey channels says that they are not, whatever they are called. One of colours says little: channels of
    fluorescence are shown in colours, too.
    """
    model = ome.get("omero", {}).get("rdefs", {}).get("model")
    if model == "greyscale":
        return False
    if labels and all(labels):
        return tuple(label.casefold() for label in labels) in (RGB_NAMES, ("r", "g", "b"))
    return bool(model == "color" and np.dtype(dtype) == np.uint8)


def _pixel_size(multiscale: Mapping[str, Any], dataset: Mapping[str, Any], at: tuple[int, int]) -> float | None:
    """The scale of the full resolution; without a unit it is none."""
    transforms = [*dataset.get("coordinateTransformations", ()), *multiscale.get("coordinateTransformations", ())]
    scale = [1.0, 1.0]
    for transform in transforms:
        if transform.get("type") == "scale":
            scale = [scale[place] * float(transform["scale"][axis]) for place, axis in enumerate(at)]
    axes = multiscale.get("axes", ())
    units = [axes[axis].get("unit", "") if axes and isinstance(axes[axis], Mapping) else "" for axis in at]
    if not transforms or not all(units):
        return None
    y, x = (pixel_size.to_micrometres(size, str(unit)) for size, unit in zip(scale, units, strict=True))
    return pixel_size.square(x, y)


def _stated_maximum(ome: Mapping[str, Any], dtype: np.dtype[Any]) -> float:
    """The camera's maximum, where all channels' windows state one of 9 to 15 bits."""
    windows = [channel.get("window", {}).get("max") for channel in ome.get("omero", {}).get("channels", ())]
    usual = {float(2**bits - 1) for bits in range(9, 16)}
    stated = {float(one) for one in windows if isinstance(one, (int, float))}
    return stated.pop() if dtype == np.uint16 and len(stated) == 1 and stated <= usual else 0.0


def _refuse_absurd_chunks(array: Any) -> None:
    shape = getattr(array, "shards", None) or array.chunks
    size = float(np.prod([float(edge) for edge in shape])) * np.dtype(array.dtype).itemsize
    edges = [-(-int(length) // max(1, int(edge))) for length, edge in zip(array.shape, array.chunks, strict=True)]
    if not 0 < math.prod(edges) <= _MOST_CHUNKS:
        raise Refusal(f"its header announces {math.prod(edges)} chunks: the folder is damaged")
    if not 0 < size <= _LARGEST_CHUNK:
        raise Refusal(f"its chunks are of {size / 1e9:.1f} GB: write it in chunks of a few MB, or it is damaged")
