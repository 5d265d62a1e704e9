"""The one seam between files as they are and errors that a user understands."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO, TypeVar

from exoimage.errors import ExoimageError, ImageReadError
from exoimage.images.decoded import Refusal

_T = TypeVar("_T")


def with_open_file(name: str, use: Callable[[BinaryIO], _T]) -> _T:
    """Open, use, close; a file that cannot be opened is an `ImageReadError` in words."""
    path = Path(name)
    if path.is_dir():
        raise ImageReadError(name, "it is a folder; give a picture in it")
    if not path.exists():
        raise ImageReadError(name, "there is no such file; check the name and the folder")
    if not path.is_file():
        raise ImageReadError(name, "it is no ordinary file; give a picture")
    try:
        file = path.open("rb")
    except OSError as error:
        reason = error.strerror or type(error).__name__
        raise ImageReadError(name, f"it cannot be opened ({reason}); check its permissions") from error
    with file:
        return refusing(name, lambda: use(file))


def refusing(source: str, work: Callable[[], _T]) -> _T:
    """Turn, at this one seam, whatever the decoders raise into an `ImageReadError` of one line."""
    try:
        return work()
    except Refusal as refusal:
        raise ImageReadError(source, str(refusal)) from refusal
    except ExoimageError:
        raise
    except MemoryError as error:
        raise ImageReadError(source, "it does not fit into memory; crop it or export a smaller level") from error
    except Exception as error:
        what = " ".join(str(error).split())[:160] or type(error).__name__
        raise ImageReadError(
            source,
            f"it is damaged or of an unknown kind ({what}); open it in ImageJ and save it as TIFF",
        ) from error
