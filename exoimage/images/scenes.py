"""Which pictures files hold: those of a file with several scenes are several images."""

from __future__ import annotations

import re
import struct
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import tifffile

from exoimage.errors import ImageReadError
from exoimage.images.formats import OIF, SLIDE, VSI, ZARR, container_format
from exoimage.images.image import ImageRef
from exoimage.images.olympus import planes_folder
from exoimage.images.reading import list_scenes
from exoimage.images.vsi import pixels_folder

_TIFF_DESCRIPTION = 270
_OME_WITHIN = 1024
_MOST_TAGS = 1000


@dataclass(frozen=True)
class Picture:
    """One picture of a file.

    Parameters
    ----------
    path : Path, or str for an address
    scene : int or None
        Its number, from 0; None where the file holds one.
    name : str
        What the file calls it; empty where it holds one.
    """

    path: Path | str
    scene: int | None = None
    name: str = ""

    def ref(self, key: str) -> ImageRef:
        """How a study refers to it; ``#`` and its number follow the key where the file holds several."""
        if self.scene is None:
            return ImageRef(key, (str(self.path),))
        return ImageRef(f"{key}#{self.scene}", (str(self.path),), self.scene, name=self.name)


def pictures_of(paths: Iterable[Path]) -> list[Picture]:
    """List the pictures of files, in order.

    A file of a microscope's format, or an OME-TIFF, that holds several is several; the pages of any other TIFF stay
    one picture, which reading refuses until a page is chosen. Files that an OME-TIFF before them names as parts of
    itself are left out. A file that cannot be read is one picture: reading it says why.

    Parameters
    ----------
    paths : iterable of Path
    """
    found: list[Picture] = []
    parts: set[Path] = set()
    for path in paths:
        if path.absolute() in parts:
            continue
        parts.update(other for other in companions(path) if other != path.absolute())
        found += _pictures(path)
    return found


def pictures_at(address: str) -> list[Picture]:
    """List the pictures of an OME-Zarr at an address, like ``s3://bucket/plate.zarr``."""
    try:
        names = list_scenes(address)
    except ImageReadError:
        names = ("",)
    several = len(names) > 1
    return [Picture(address, number if several else None, name if several else "") for number, name in enumerate(names)]


def companions(path: Path) -> tuple[Path, ...]:
    """All files that a picture is read from, the file itself first; absolute.

    Of an OME-Zarr: the files of its folder, or the address. Of a file that cannot be read: itself.
    """
    place = path.absolute()
    try:
        kind = container_format(str(path))
    except ImageReadError:
        return (place,)
    if kind is ZARR:
        return tuple(_files_in(place)) if place.is_dir() else (path,)
    if kind is OIF:
        return (place, *_files_in(planes_folder(str(place))))
    if kind is VSI:
        return (place, *_files_in(pixels_folder(str(place))))
    if kind is SLIDE:
        return (place, *_files_in(place.with_suffix("")))
    return (place, *(place.with_name(name) for name in _ome_files(place) if name != place.name))


def _files_in(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file()) if folder.is_dir() else []


def _pictures(path: Path) -> Iterator[Picture]:
    try:
        several = container_format(str(path)) is not None or _is_ome(path)
        names = list_scenes(path) if several else ("",)
    except ImageReadError:
        names = ("",)
    if len(names) < 2:
        yield Picture(path)
        return
    for number, name in enumerate(names):
        yield Picture(path, number, name)


def _is_ome(path: Path) -> bool:
    try:
        return bool(_ome_text(path))
    except OSError:
        return False


def _ome_files(path: Path) -> tuple[str, ...]:
    """Names of the files that an OME-TIFF says it lies in, if they are several and all there."""
    try:
        text = _ome_text(path)
    except OSError:
        return ()
    names = tuple(dict.fromkeys(re.findall(r'FileName="([^"]*)"', text)))
    plain = all(name and Path(name).name == name for name in names)
    return names if len(names) > 1 and plain and all(path.with_name(name).is_file() for name in names) else ()


def _ome_text(path: Path) -> str:
    """The OME-XML of a TIFF; empty where it has none. A few bytes are read of any other file."""
    with path.open("rb") as file:
        if not _begins_as_ome(file):
            return ""
        file.seek(0)
        try:
            with tifffile.TiffFile(file) as tif:
                return tif.ome_metadata or ""
        except Exception:  # damaged; reading it says in what
            return ""


def _begins_as_ome(file: BinaryIO) -> bool:
    """Whether the first page's description looks like OME-XML, found by hand: it is asked of every file."""
    head = file.read(16)
    order = {b"II": "<", b"MM": ">"}.get(head[:2])
    if order is None or len(head) < 16:
        return False
    big = struct.unpack_from(order + "H", head, 2)[0] == 43
    (start,) = struct.unpack_from(order + ("Q" if big else "I"), head, 8 if big else 4)
    file.seek(min(start, 1 << 62))
    counted = file.read(8 if big else 2)
    if len(counted) < (8 if big else 2):
        return False
    (count,) = struct.unpack(order + ("Q" if big else "H"), counted)
    entry, width = (20, 8) if big else (12, 4)
    table = file.read(entry * min(count, _MOST_TAGS))
    for at in range(0, len(table) - entry + 1, entry):
        (tag,) = struct.unpack_from(order + "H", table, at)
        if tag == _TIFF_DESCRIPTION:
            (place,) = struct.unpack_from(order + ("Q" if width == 8 else "I"), table, at + entry - width)
            file.seek(min(place, 1 << 62))
            return b"<OME" in file.read(_OME_WITHIN)
    return False
