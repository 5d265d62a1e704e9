"""Pictures of any format as OME-TIFF or OME-Zarr, with all their planes, pixel size and channel names."""

from __future__ import annotations

import os
import re
import shutil
import uuid
from collections.abc import Iterator, Mapping
from itertools import pairwise, product
from pathlib import Path
from typing import Any, Literal

import cv2
import numpy as np
import numpy.typing as npt
import tifffile

from exoimage.errors import ImageReadError
from exoimage.images.decoded import RGB_NAMES, Refusal
from exoimage.images.extras import extra
from exoimage.images.scenes import Picture
from exoimage.images.seam import refusing
from exoimage.images.source import open_container
from exoimage.images.stored import Container, StoredScene

Pixels = npt.NDArray[Any]
Target = Literal["ome-tiff", "ome-zarr"]

SUFFIXES: Mapping[str, str] = {"ome-tiff": ".ome.tif", "ome-zarr": ".ome.zarr"}
TILE = 512
"""Edge in px of tiles and chunks."""

_AXES = "TZC"
_WHOLE_PLANE = 4096
_SMALLEST_LEVEL = 512
_LARGEST_CLASSIC = 2**32 - 2**25
_OWN_SUFFIX = re.compile(r"(\.ome)?\.[A-Za-z][A-Za-z0-9]{0,4}$")


def convert(picture: Picture, to: Target, folder: str | os.PathLike[str]) -> Path:
    """Write one picture, all its planes, losslessly, as a file or OME-Zarr of its own.

    Parameters
    ----------
    picture : Picture
    to : {"ome-tiff", "ome-zarr"}
    folder : path
        Made if it is not there. The name is the file's, with the number of the picture where it holds several.

    Returns
    -------
    Path
        What was written: whole, or not at all.

    Raises
    ------
    ImageReadError
        If it cannot be read, has planes along other axes than time, z and channels, or the target is there already.
    OSError
        If it cannot be written.
    """
    place = _target(picture, to, Path(folder))
    if place.exists():
        raise ImageReadError(str(picture.path), f"{place} is there already; move it away, or choose another --out")
    place.parent.mkdir(parents=True, exist_ok=True)
    draft = place.with_name(f".{uuid.uuid4().hex}{SUFFIXES[to]}")
    source = str(picture.path)

    def work() -> None:
        with open_container(source) as container:
            if picture.scene is None and len(container.scenes) > 1:
                raise Refusal(f"it holds {len(container.scenes)} pictures: choose one with scene = NUMBER")
            _write(container, picture.scene or 0, to, draft)

    try:
        refusing(source, work)
        draft.rename(place)
    finally:
        if draft.is_dir():
            shutil.rmtree(draft)
        draft.unlink(missing_ok=True)
    return place


def _target(picture: Picture, to: Target, folder: Path) -> Path:
    name = _OWN_SUFFIX.sub("", str(picture.path).replace("\\", "/").rstrip("/").rpartition("/")[2])
    return folder / f"{name}{'' if picture.scene is None else f'_{picture.scene}'}{SUFFIXES[to]}"


def _write(container: Container, number: int, to: Target, draft: Path) -> None:
    scene = container.scenes[number]
    if scene.unread:
        raise Refusal(scene.unread)
    strange = [axis for axis, length in scene.axes.items() if axis not in _AXES and length > 1]
    if strange:
        raise Refusal(f"it has planes along {', '.join(strange)}, which neither OME-TIFF nor OME-Zarr names here")
    if to == "ome-tiff":
        _write_tiff(container, number, scene, draft)
    else:
        _write_zarr(container, number, scene, draft)


def _sizes(scene: StoredScene) -> dict[str, int]:
    """Lengths of time, z and channels, 1 where there is no such axis."""
    return {axis: scene.axes.get(axis, 1) for axis in _AXES}


def _indices(scene: StoredScene) -> Iterator[dict[str, int]]:
    """An index of every plane, in the order time, z, channel."""
    sizes = _sizes(scene)
    for numbers in product(*(range(length) for length in sizes.values())):
        at = dict(zip(sizes, numbers, strict=True))
        yield {axis: at.get(axis, 0) for axis in scene.axes}


def _bands(container: Container, number: int, index: Mapping[str, int], rows: int) -> Iterator[tuple[int, Pixels]]:
    """A plane in bands of rows, each with its first row."""
    scene = container.scenes[number]
    for top in range(0, scene.height, rows):
        box = (top, 0, min(rows, scene.height - top), scene.width)
        yield top, container.window(number, index, box, 0)


def _write_tiff(container: Container, number: int, scene: StoredScene, draft: Path) -> None:
    sizes = _sizes(scene)
    samples = 3 if scene.colour else 1
    planes = int(np.prod(list(sizes.values())))
    is_large = max(scene.height, scene.width) > _WHOLE_PLANE
    shape = (*sizes.values(), scene.height, scene.width, *((3,) if scene.colour else ()))
    metadata: dict[str, Any] = {"axes": "TZCYXS" if scene.colour else "TZCYX", "Name": scene.name or draft.stem}
    if scene.pixel_size is not None:
        metadata |= {f"PhysicalSize{axis}": scene.pixel_size for axis in "XY"}
        metadata |= {f"PhysicalSize{axis}Unit": "µm" for axis in "XY"}
    if scene.channels and not scene.colour:
        metadata["Channel"] = {"Name": list(scene.channel_names)}
    if scene.max_value and scene.max_value < np.iinfo(np.uint16).max and scene.dtype == np.uint16:
        metadata["SignificantBits"] = int(scene.max_value).bit_length()
    tifffile.imwrite(
        draft,
        _tiles(container, number) if is_large else _whole(container, number),
        shape=shape,
        dtype=scene.dtype,
        ome=True,
        photometric="rgb" if scene.colour else "minisblack",
        planarconfig="contig" if scene.colour else None,
        compression="zlib",
        tile=(TILE, TILE) if is_large else None,
        bigtiff=planes * scene.height * scene.width * samples * scene.dtype.itemsize > _LARGEST_CLASSIC,
        metadata=metadata,
    )


def _whole(container: Container, number: int) -> Iterator[Pixels]:
    scene = container.scenes[number]
    for index in _indices(scene):
        yield np.ascontiguousarray(container.plane(number, index), dtype=scene.dtype)


def _tiles(container: Container, number: int) -> Iterator[Pixels]:
    scene = container.scenes[number]
    for index in _indices(scene):
        for _, band in _bands(container, number, index, TILE):
            for left in range(0, scene.width, TILE):
                yield _padded(np.asarray(band[:, left : left + TILE], dtype=scene.dtype))


def _padded(tile: Pixels) -> Pixels:
    missing = [(0, TILE - tile.shape[0]), (0, TILE - tile.shape[1])]
    return np.ascontiguousarray(np.pad(tile, missing + [(0, 0)] * (tile.ndim - 2), mode="edge"))


def _write_zarr(container: Container, number: int, scene: StoredScene, draft: Path) -> None:
    package = extra("zarr", "zarr", "OME-Zarr")
    root = package.open_group(str(draft), mode="w", zarr_format=2)
    channels = 3 if scene.colour else scene.axes.get("C", 1)
    lead = {axis: length for axis, length in {**_sizes(scene), "C": channels}.items() if length > 1 or axis == "C"}
    levels = _level_shapes(scene)
    arrays = [
        root.create_array(
            str(level),
            shape=(*lead.values(), *shape),
            chunks=(*(1 for _ in lead), min(TILE, shape[0]), min(TILE, shape[1])),
            dtype=scene.dtype,
            chunk_key_encoding={"name": "v2", "separator": "/"},
            config={"write_empty_chunks": True},  # a chunk that is not there would be none of the picture
        )
        for level, shape in enumerate(levels)
    ]
    for index in _indices(scene):
        for channel in range(3) if scene.colour else (index.get("C", 0),):
            at = tuple({**index, "C": channel}.get(axis, 0) for axis in lead)
            for top, band in _bands(container, number, index, TILE):
                part = band[:, :, channel] if scene.colour else band
                arrays[0][(*at, slice(top, top + part.shape[0]))] = part
            for finer, coarser in pairwise(arrays):
                _halve(finer, coarser, at)
    root.attrs.update(_zarr_attributes(scene, lead, len(levels)))


def _level_shapes(scene: StoredScene) -> list[tuple[int, int]]:
    shapes = [(scene.height, scene.width)]
    while max(shapes[-1]) > 2 * _SMALLEST_LEVEL and min(shapes[-1]) > 1:
        shapes.append((shapes[-1][0] // 2, shapes[-1][1] // 2))
    return shapes


def _halve(finer: Any, coarser: Any, at: tuple[int, ...]) -> None:
    """Fill a level with the means of 2 × 2 px of the finer one."""
    height, width = coarser.shape[-2:]
    for top in range(0, height, TILE):
        rows = min(TILE, height - top)
        part = np.asarray(finer[(*at, slice(2 * top, 2 * (top + rows)), slice(0, 2 * width))])
        coarser[(*at, slice(top, top + rows))] = cv2.resize(part, (width, rows), interpolation=cv2.INTER_AREA)


def _zarr_attributes(scene: StoredScene, lead: Mapping[str, int], levels: int) -> dict[str, Any]:
    """What OME-Zarr 0.4 wants to be said: https://ngff.openmicroscopy.org/0.4."""
    kinds = {"T": "time", "Z": "space", "C": "channel", "Y": "space", "X": "space"}
    axes: list[dict[str, str]] = [{"name": axis.lower(), "type": kinds[axis]} for axis in (*lead, "Y", "X")]
    size = 1.0
    if scene.pixel_size is not None:
        size = scene.pixel_size
        axes[-2:] = [{**axis, "unit": "micrometer"} for axis in axes[-2:]]
    datasets = [
        {
            "path": str(level),
            "coordinateTransformations": [
                {"type": "scale", "scale": [1.0] * len(lead) + [size * 2.0**level, size * 2.0**level]}
            ],
        }
        for level in range(levels)
    ]
    names = RGB_NAMES if scene.colour else scene.channel_names
    full = scene.max_value or (1.0 if scene.dtype.kind == "f" else float(np.iinfo(scene.dtype).max))
    colours = ("FF0000", "00FF00", "0000FF") if scene.colour else ("FFFFFF",) * len(names)
    window = {"min": 0, "max": full, "start": 0, "end": full}
    return {
        "multiscales": [{"version": "0.4", "name": scene.name, "axes": axes, "datasets": datasets}],
        "omero": {
            "channels": [
                {"label": name, "color": colour, "window": window, "active": True}
                for name, colour in zip(names, colours, strict=True)
            ],
            "rdefs": {"model": "color" if scene.colour else "greyscale"},  # channels may be called red, green and blue
        },
    }
