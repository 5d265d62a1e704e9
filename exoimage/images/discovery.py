"""Finding the pictures in folders, in the order a person would list them."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from functools import lru_cache
from pathlib import Path

#: Suffixes by which a folder's pictures are found; what a file is, its content decides when it is read.
IMAGE_SUFFIXES = (
    ".tif", ".tiff", ".btf", ".tf8", ".png", ".jpg", ".jpeg", ".jpe", ".bmp", ".1sc", ".gel", ".scn",
    ".lsm", ".czi", ".nd2", ".lif", ".oib", ".oif", ".vsi", ".dm3", ".dm4",
    ".svs", ".ndpi", ".mrxs", ".vms", ".bif", ".dcm", ".zarr",
)  # fmt: skip

_NUMBER = re.compile("([0-9]+)")
_PICTURE_FOLDER = ".zarr"


def find_images(
    where: str | os.PathLike[str] | Iterable[str | os.PathLike[str]], pattern: str | None = None
) -> list[Path]:
    """List the pictures of a folder, or of several folders and files.

    Parameters
    ----------
    where : path or iterable of paths
        A folder stands for the pictures in it (with a pattern: those that match), a file for itself, and so does
        the folder of an OME-Zarr.
    pattern : str, optional
        Relative to each folder, with forward slashes on every system: ``*``, ``?``, ``[abc]`` within a name,
        ``**`` for any folders. Upper and lower case are the same. A pattern that ends in a suffix finds files
        of that suffix, whichever it is. Default: the files in the folder itself that have one of
        `IMAGE_SUFFIXES`.

    Returns
    -------
    list of Path
        Each once, sorted by path with numbers as numbers (``PMO_2`` before ``PMO_10``). Hidden files and
        folders (macOS's ``._name.tif``) are left out.

    Raises
    ------
    FileNotFoundError
        If a path does not exist.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     for name in ("PMO_10.tif", "PMO_2.TIF", "._PMO_2.TIF", "notes.txt"):
    ...         _ = (Path(folder) / name).write_bytes(b"")
    ...     [path.name for path in find_images(folder)]
    ['PMO_2.TIF', 'PMO_10.tif']
    """
    places = [Path(where)] if isinstance(where, (str, os.PathLike)) else [Path(place) for place in where]
    found: dict[Path, None] = {}
    for place in places:
        if place.is_dir() and not is_picture_folder(place):
            found |= dict.fromkeys(_in_folder(place, pattern))
        elif place.exists():
            found[place] = None
        else:
            raise FileNotFoundError(f"{place}: there is no such file or folder; check the name")
    return sorted(found, key=natural_key)


def is_picture_folder(path: Path) -> bool:
    """Whether a folder is one picture: an OME-Zarr."""
    return path.suffix.lower() == _PICTURE_FOLDER


def natural_key(path: str | os.PathLike[str]) -> tuple[object, ...]:
    """Sort key that takes numbers as numbers and upper and lower case as the same.

    Examples
    --------
    >>> sorted(["b1", "a10", "A2", "a02"], key=natural_key)
    ['A2', 'a02', 'a10', 'b1']
    """
    text = Path(path).as_posix()
    parts = tuple(
        tuple((0, int(piece), "") if _NUMBER.fullmatch(piece) else (1, 0, piece) for piece in _pieces(name) if piece)
        for name in text.casefold().split("/")
    )
    return (parts, text)


def _pieces(name: str) -> list[str]:
    return _NUMBER.split(name)


def _in_folder(folder: Path, pattern: str | None) -> list[Path]:
    if pattern is None:
        return [path for path in _visible_files(folder, deep=False) if path.suffix.lower() in IMAGE_SUFFIXES]
    wanted = _as_regex(_without_dots(pattern))
    deep = "/" in pattern or "**" in pattern
    ends_openly = not Path(pattern).suffix or Path(pattern).suffix == ".*"
    return [
        path
        for path in _visible_files(folder, deep=deep)
        if wanted.fullmatch(path.relative_to(folder).as_posix())
        and (not ends_openly or path.suffix.lower() in IMAGE_SUFFIXES)
    ]


def _visible_files(folder: Path, *, deep: bool) -> list[Path]:
    files: list[Path] = []
    for here, folders, names in os.walk(folder):
        files += [Path(here, name) for name in names if not name.startswith(".")]
        visible = [name for name in folders if not name.startswith(".")]
        files += [Path(here, name) for name in visible if name.lower().endswith(_PICTURE_FOLDER)]
        folders[:] = [name for name in visible if not _is_of_a_picture(name)] if deep else []
    return files


def _is_of_a_picture(folder: str) -> bool:
    """Whether a folder's files are no pictures of their own: an OME-Zarr, or the planes of an .oif."""
    return folder.lower().endswith((_PICTURE_FOLDER, ".oif.files"))


def _without_dots(pattern: str) -> str:
    return re.sub(r"^(?:\./)+", "", pattern.replace("\\", "/"))


@lru_cache(maxsize=64)
def _as_regex(pattern: str) -> re.Pattern[str]:
    """Translate a glob; ``**/`` is any number of folders, none too, and ``*`` stays within a name."""
    piece = re.compile(r"\*\*/|\*\*|\*|\?|\[!?[^\]/]+\]|.", re.DOTALL)
    known = {"**/": "(?:[^/]+/)*", "**": ".*", "*": "[^/]*", "?": "[^/]"}

    def translated(token: str) -> str:
        if len(token) > 2 and token[0] == "[":
            inner = token[1:-1].replace("\\", "\\\\")
            return "[" + ("^" + inner[1:] if inner[0] == "!" else inner.replace("^", "\\^")) + "]"
        return known.get(token) or re.escape(token)

    return re.compile("".join(translated(token) for token in piece.findall(pattern)), re.IGNORECASE)
