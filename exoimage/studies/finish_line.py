"""Whether a folder already holds all that a run would leave, so that a run with nothing to do does nothing."""

from __future__ import annotations

import hashlib
import json
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

from exoimage import __version__
from exoimage.assays.recipe import Resolved
from exoimage.images.writing import write_whole
from exoimage.studies.ledger import Entry
from exoimage.studies.provenance import PACKAGES, installed
from exoimage.studies.store import Store
from exoimage.studies.study import Study

LEFT_IN = ("", "figures", "prism_wide")
"""Folders whose files are built from all images at the end."""


def run_identity(
    study: Study,
    decided: Mapping[str, Resolved],
    entries: Mapping[str, Entry],
    failures: Mapping[str, str],
    pictures: bool,
) -> str:
    """Identity of all that decides what is left at the end of a run.

    Parameters
    ----------
    study : Study
    decided : mapping of batch to Resolved
    entries : mapping of key to Entry
        Of the images that were measured.
    failures : mapping of key to str
        Of the others, why not.
    pictures : bool
        Whether figures and report are asked for.
    """
    versions = [__version__, _code(), sys.version, *(installed(name) for name in PACKAGES)]
    digests = sorted((batch, one.digest, one.n_images) for batch, one in decided.items())
    images = sorted((key, entry.measured, sorted(entry.inputs.items())) for key, entry in entries.items())
    text = repr((versions, study, digests, images, sorted(failures.items()), pictures))
    return hashlib.sha256(text.encode()).hexdigest()


def is_finished(store: Store, identity: str) -> bool:
    """Whether the folder holds just what a run of that identity left, untouched."""
    try:
        document = json.loads(_path(store).read_bytes())
        return bool(document["identity"] == identity and document["files"] == _stamps(store))
    except (OSError, ValueError, TypeError, KeyError):
        return False


def remember_finished(store: Store, identity: str) -> None:
    """Note what the folder holds now."""
    write_whole(_path(store), json.dumps({"identity": identity, "files": _stamps(store)}).encode())


def remember_again(store: Store) -> None:
    """Note what the folder holds after more was added to what a run left."""
    try:
        identity = json.loads(_path(store).read_bytes())["identity"]
    except (OSError, ValueError, TypeError, KeyError):
        return
    remember_finished(store, str(identity))


def forget_finished(store: Store) -> None:
    """The folder is about to change."""
    _path(store).unlink(missing_ok=True)


def _code() -> tuple[int, int]:
    """Tells a version under development from itself a minute ago: how many modules, and when the last one changed."""
    changed = [path.stat().st_mtime_ns for path in Path(__file__).parents[1].rglob("*.py")]
    return len(changed), max(changed)


def _path(store: Store) -> Path:
    return store.records / "finished.index"


def _stamps(store: Store) -> dict[str, list[int]]:
    return {name: [size, changed] for name, size, changed in sorted(_files(store))}


def _files(store: Store) -> Iterator[tuple[str, int, int]]:
    for name in LEFT_IN:
        folder = store.folder / name
        for path in folder.iterdir() if folder.is_dir() else ():
            if path.is_file():
                status = path.stat()
                yield path.relative_to(store.folder).as_posix(), status.st_size, status.st_mtime_ns
