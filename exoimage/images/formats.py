"""Which reader a file is for; its content decides, and where its pixels lie beside it."""

from __future__ import annotations

import importlib
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import cast

from exoimage.errors import ImageReadError
from exoimage.images import image_lab
from exoimage.images.ome_zarr import METADATA_FILES, is_zarr
from exoimage.images.stored import Container, Opener

HEAD = 256
"""So many first bytes tell what a file is."""

TIFF_MAGIC = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
_ND2_LEGACY, _ND2_LEGACY_END = b"\0\0\0\x0cjP", b"LABORATORY IMAGING ND BOX MAP"


@dataclass(frozen=True)
class Format:
    """A format that may hold several pictures or planes, and who reads it.

    Parameters
    ----------
    name : str
        What messages call it.
    opener : str
        Module and function; imported when it is needed.
    """

    name: str
    opener: str

    def open(self, path: str) -> AbstractContextManager[Container]:
        """Open a file of this format; see `stored.Container`."""
        module, _, function = self.opener.partition(":")
        opener = cast(Opener, getattr(importlib.import_module(f"exoimage.images.{module}"), function))
        return opener(path)


CZI = Format("Zeiss CZI", "zeiss:open_czi")
LIF = Format("Leica LIF", "leica:open_lif")
ND2 = Format("Nikon ND2", "nikon:open_nd2")
OIB = Format("Olympus OIB", "olympus:open_oib")
OIF = Format("Olympus OIF", "olympus:open_oif")
VSI = Format("Olympus VSI", "vsi:open_vsi")
SLIDE = Format("whole slide", "slides:open_slide")
ZARR = Format("OME-Zarr", "ome_zarr:open_zarr")

_MAGIC = (
    (b"ZISRAWFILE", CZI),
    (b"\x70\0\0\0", LIF),
    (b"\xda\xce\xbe\x0a", ND2),
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", OIB),
    (b"\xff\xfe[\0", OIF),
    (b"[Virtual Microscope", SLIDE),
)
_DICOM = 128, b"DICM"


def container_format(path: str) -> Format | None:
    """The format of a file that a `Container` reads; None for TIFF, PNG, JPEG … and what is no picture.

    Raises
    ------
    ImageReadError
        If there is no such file, or it cannot be opened.
    """
    if "://" in path:
        return ZARR
    place = Path(path)
    if place.is_dir():
        if is_zarr(path):
            return ZARR
        raise ImageReadError(path, "it is a folder; give a picture in it")
    if place.name in METADATA_FILES and place.parent.suffix == ".zarr":
        raise ImageReadError(path, f"it describes an OME-Zarr; give its folder {place.parent.name}")
    head, tail = ends_of(path)
    return format_of_bytes(head, tail) or _with_folder(place, head)


def format_of_bytes(head: bytes, tail: bytes) -> Format | None:
    """The format that a file's first and last bytes tell; None for TIFF, PNG, JPEG … and what is no picture."""
    for magic, known in _MAGIC:
        if head.startswith(magic):
            return known
    start, mark = _DICOM
    if head[start : start + len(mark)] == mark:
        return SLIDE
    return ND2 if head.startswith(_ND2_LEGACY) and _ND2_LEGACY_END in tail else None


def is_image_lab(head: bytes) -> bool:
    """Whether a file begins as Image Lab's do."""
    return image_lab.MARK in head[: image_lab.MARK_WITHIN]


def ends_of(path: str) -> tuple[bytes, bytes]:
    """The first bytes of a file, and its last.

    Raises
    ------
    ImageReadError
        If it is missing or cannot be opened.
    """
    place = Path(path)
    if not place.exists():
        raise ImageReadError(path, "there is no such file; check the name and the folder")
    if not place.is_file():
        raise ImageReadError(path, "it is no ordinary file; give a picture")
    try:
        with place.open("rb") as file:
            head = file.read(HEAD)
            file.seek(max(0, file.seek(0, 2) - HEAD))
            return head, file.read(HEAD)
    except OSError as error:
        reason = error.strerror or type(error).__name__
        raise ImageReadError(path, f"it cannot be opened ({reason}); check its permissions") from error


def _with_folder(place: Path, head: bytes) -> Format | None:
    """Formats that look like a TIFF or JPEG, and whose pixels lie in a folder beside it.

    Without that folder the small file is a thumbnail, which nobody may take for the picture: its suffix counts too.
    """
    if head.startswith(TIFF_MAGIC) and (place.suffix.lower() == ".vsi" or place.with_name(f"_{place.stem}_").is_dir()):
        return VSI
    if head.startswith(b"\xff\xd8") and (
        place.suffix.lower() == ".mrxs" or (place.with_suffix("") / "Slidedat.ini").is_file()
    ):
        return SLIDE
    return None
