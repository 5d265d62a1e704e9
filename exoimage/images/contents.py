"""A picture's files as they are when it is measured: their identity, and their bytes where those are read at once."""

from __future__ import annotations

import hashlib
import time
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from exoimage.errors import ImageReadError
from exoimage.images.decoded import Refusal
from exoimage.images.extras import extra
from exoimage.images.formats import container_format
from exoimage.images.image import Image
from exoimage.images.reading import read, read_bytes
from exoimage.images.scenes import companions

LARGEST_IN_MEMORY = 1 << 28
"""Bytes of a file that is read at once; larger ones, and microscopes' formats, are read from their place."""

_CHUNK = 1 << 22
_TICK_NS = 2 * 10**9
"""A file changed less than this ago may change again without a new time: FAT counts in steps of 2 s."""


@dataclass(frozen=True)
class Contents:
    """One picture's file, or files that belong together.

    Parameters
    ----------
    path : str
    sha256 : str
        Of the file; of several files, of their names and hashes.
    data : bytes
        Empty where the picture is read from its place.
    """

    path: str
    sha256: str
    data: bytes = b""

    def image(self, **how: Any) -> Image:
        """Decode the picture; arguments as in `reading.read_bytes`.

        Raises
        ------
        ImageReadError
            As in `reading.read`.
        """
        return read_bytes(self.data, self.path, **how) if self.data else read(self.path, **how)


def contents_of(path: str | Path) -> Contents:
    """Read a file once, for its identity and its picture; or only its identity, where it is not read at once.

    Raises
    ------
    ImageReadError
        If there is no such file.
    OSError
        If it cannot be read.
    """
    place = Path(path)
    if "://" in str(path):
        return Contents(str(path), _digest_of_address(str(path)))
    if not place.exists():
        raise ImageReadError(str(path), "there is no such file")
    files = companions(place)
    small = len(files) == 1 and place.is_file() and place.stat().st_size <= LARGEST_IN_MEMORY
    if small and container_format(str(path)) is None:
        data = place.read_bytes()
        return Contents(str(path), hashlib.sha256(data).hexdigest(), data)
    if len(files) == 1 and place.is_file():
        return Contents(str(path), digest_of(place))
    folder = place.absolute() if place.is_dir() else place.absolute().parent
    lines = [f"{file.relative_to(folder).as_posix()} {digest_of(file)}" for file in files]
    return Contents(str(path), hashlib.sha256("\n".join(lines).encode()).hexdigest())


def digest_of(path: Path) -> str:
    """sha256 of a file, read in pieces; a process reads a file of many scenes once."""
    status = path.stat()
    stamp = (status.st_size, status.st_mtime_ns, status.st_ctime_ns)
    fresh = time.time_ns() - status.st_mtime_ns < _TICK_NS
    return _digest(path) if fresh else _remembered_digest(path, stamp)


@lru_cache(maxsize=4096)
def _remembered_digest(path: Path, stamp: tuple[int, int, int]) -> str:  # noqa: ARG001 - part of what is remembered
    return _digest(path)


def _digest(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while piece := file.read(_CHUNK):
            digest.update(piece)
    return digest.hexdigest()


def _digest_of_address(address: str) -> str:
    """Of the names, sizes and tags of what lies there: to read all of it would cost more than to measure it."""
    try:
        system, root = extra("fsspec", "zarr", "an address").core.url_to_fs(address)
    except Refusal as refusal:
        raise ImageReadError(address, str(refusal)) from None
    found = system.find(root, detail=True)
    lines = [f"{name} {info.get('size')} {info.get('ETag', info.get('mtime', ''))}" for name, info in found.items()]
    if not lines:
        raise ImageReadError(address, "there is nothing at this address; check it")
    return hashlib.sha256("\n".join(sorted(lines)).encode()).hexdigest()
