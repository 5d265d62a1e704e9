"""What a run remembers of each image's files, so that a later run need not read again what has not changed.

The ledger is a memory, not a truth: the records are. Without it, or where it does not fit, everything is read.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from exoimage.images.writing import write_whole
from exoimage.studies.store import Store

Stamp = tuple[int, int, int]
"""Size of a file in bytes, and when its content and its entry changed, in ns."""

FORMAT = 1

TICK_NS = 2 * 10**9
"""A file changed less than this ago may change again without a new time: FAT counts in steps of 2 s."""


@dataclass(frozen=True)
class Entry:
    """What the last run knew of one image.

    Parameters
    ----------
    stamps : mapping of path to Stamp
        Of the files that decide its numbers.
    inputs : mapping of str to str
        Their identities.
    observed : str
        Identity of the evidence that is kept; empty if none is.
    measured : str
        Digest of what it was measured by; empty if it was not, or failed.
    flags : tuple of str
    """

    stamps: Mapping[str, Stamp]
    inputs: Mapping[str, str]
    observed: str = ""
    measured: str = ""
    flags: tuple[str, ...] = ()


@dataclass(frozen=True)
class Ledger:
    """Entries by the image's key, of files that are still as they were."""

    entries: Mapping[str, Entry] = field(default_factory=dict)

    def inputs_of(self, key: str, paths: Iterable[Path], pixel_size: float | None) -> Mapping[str, str]:
        """Identity of an image's files without reading them; empty where they may have changed."""
        entry = self.entries.get(key)
        if entry is None or entry.inputs.get("pixel size given") != _given(pixel_size):
            return {}
        return entry.inputs if stamps_of(paths) == entry.stamps else {}

    def observed(self, key: str) -> str:
        """Identity of the evidence kept of an image."""
        return self.entries[key].observed if key in self.entries else ""

    def measured(self, key: str) -> str:
        """Digest of what an image was last measured by."""
        return self.entries[key].measured if key in self.entries else ""

    def flags(self, key: str) -> tuple[str, ...]:
        """What the last run had to say of an image."""
        return self.entries[key].flags if key in self.entries else ()


def stamps_of(paths: Iterable[Path]) -> dict[str, Stamp]:
    """Stamps of files; empty where one is missing or has just changed."""
    found: dict[str, Stamp] = {}
    for path in paths:
        try:
            status = path.stat()
        except OSError:
            return {}
        if time.time_ns() - status.st_mtime_ns < TICK_NS:
            return {}
        # On Windows the third is when the file was made, which is as good: another file has another.
        found[str(path)] = (status.st_size, status.st_mtime_ns, status.st_ctime_ns)
    return found


def read_ledger(store: Store) -> Ledger:
    """The ledger of a folder's last run; an empty one where there is none that can be read."""
    try:
        document = json.loads(_path(store).read_bytes())
        if document["format"] != FORMAT:
            return Ledger()
        entries = {
            key: Entry(
                {path: _stamp(stamp) for path, stamp in stamps.items()}, inputs, observed, measured, tuple(flags)
            )
            for key, (stamps, inputs, observed, measured, flags) in document["images"].items()
        }
    except (OSError, ValueError, TypeError, KeyError):
        return Ledger()
    return Ledger(entries)


def write_ledger(store: Store, entries: Mapping[str, Entry]) -> None:
    """Keep the ledger for the next run."""
    images = {
        key: (entry.stamps, entry.inputs, entry.observed, entry.measured, entry.flags)
        for key, entry in entries.items()
        if entry.stamps
    }
    write_whole(_path(store), json.dumps({"format": FORMAT, "images": images}, separators=(",", ":")).encode())


def forget_ledger(store: Store) -> None:
    """Let go of it: the next run reads everything."""
    _path(store).unlink(missing_ok=True)


def _path(store: Store) -> Path:
    return store.records / "ledger.index"


def _stamp(numbers: list[int]) -> Stamp:
    size, changed, made = numbers
    return size, changed, made


def _given(pixel_size: float | None) -> str | None:
    return None if pixel_size is None else repr(pixel_size)
