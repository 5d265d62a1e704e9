"""One run at a time in a folder of results."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

from filelock import FileLock, Timeout

from exoimage.errors import StudyError


@contextmanager
def only_run_in(folder: Path) -> Iterator[None]:
    """Hold a folder of results for one run.

    The operating system holds the lock, and lets go of it when the process ends, however it ends: a lock never stays
    behind. Beside it lies who holds it, for the message alone.

    Parameters
    ----------
    folder : path
        An existing folder.

    Raises
    ------
    StudyError
        If another run works in the folder, or the file system cannot lock.
    """
    lock = FileLock(folder / "run.lock", timeout=0)
    holder = folder / "run.lock.txt"
    try:
        lock.acquire()
    except Timeout:
        raise StudyError(
            f"{folder.parent}: another run is working in this folder ({_who(holder)}): wait for it, stop it, or choose"
            " another --out"
        ) from None
    except (OSError, NotImplementedError) as error:
        reason = getattr(error, "strerror", None) or error
        raise StudyError(f"{folder}: this folder cannot be locked for the run: {reason}") from None
    try:
        since = datetime.now().astimezone().isoformat(timespec="seconds")
        holder.write_text(f"process {os.getpid()} on {socket.gethostname()}, since {since}", encoding="utf-8")
        yield
    finally:
        holder.unlink(missing_ok=True)
        lock.release()


def _who(holder: Path) -> str:
    try:
        return holder.read_text(encoding="utf-8")
    except OSError:
        return "it has just begun"
