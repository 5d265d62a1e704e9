"""What a run keeps of each image, so that a killed run goes on and a changed one redoes just what it must.

In the run's folder, under ``records/``: ``SLUG.json`` holds an image's numbers and is written last and atomically,
after its overlay and labels; ``SLUG.npz`` holds what observing it gave, ``SLUG.jpg`` a small picture of it for the
report. Between the two passes only, ``records/pixels/`` holds decoded pixels.
"""

from __future__ import annotations

import dataclasses
import hashlib
import io
import json
import math
import shutil
import zipfile
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from exoimage.assays.colour_sample import NOT_KEPT
from exoimage.assays.columns import Value
from exoimage.errors import StudyError
from exoimage.flags import flag
from exoimage.images.image import Image
from exoimage.images.writing import write_whole

FORMAT = 1

FILES = (
    "images.csv", "objects.csv", "samples.csv", "groups.csv", "tests.csv", "results.xlsx", "recipe.toml",
    "resolved.toml", "methods.md", "references.bib", "report.html", "run.json",
)  # fmt: skip
FOLDERS = ("records", "overlays", "labels", "figures", "prism_wide")
"""What a run leaves in its folder."""


@dataclass(frozen=True)
class RegionRecord:
    """The numbers of one region."""

    region: str
    values: Mapping[str, Value]
    flags: tuple[str, ...] = ()
    box: tuple[int, ...] = ()
    """Where in the picture it lies: first row, first column, row and column behind the last; empty if unknown."""


@dataclass(frozen=True)
class Record:
    """What is known of one image after it was measured, or failed.

    Parameters
    ----------
    key : str
        The image's name in the tables.
    inputs : mapping of str to str
        Identity of all that decides its numbers beside the recipe: sha256 of its file and its ROIs, pixel size.
    digest : str
        Of the Resolved it was measured by.
    error : str
        Why it failed; empty if it was measured.
    regions : tuple of RegionRecord
    objects : mapping of column to list
        One entry per counted object.
    shape : (height, width)
        Of the picture in px; empty if unknown.
    pixel_size_um : float or None
    light : str
        "absorbed" or "emitted"; empty if unknown.
    """

    key: str
    inputs: Mapping[str, str]
    digest: str
    error: str = ""
    regions: tuple[RegionRecord, ...] = ()
    objects: Mapping[str, Sequence[Value]] = field(default_factory=dict)
    shape: tuple[int, ...] = ()
    pixel_size_um: float | None = None
    light: str = ""

    @property
    def ok(self) -> bool:
        """Whether the image was measured."""
        return not self.error


@dataclass(frozen=True)
class Store:
    """The folder of a run."""

    folder: Path

    @property
    def records(self) -> Path:
        """Where records and evidence of single images lie."""
        return self.folder / "records"

    @property
    def pixels(self) -> Path:
        """Where decoded pixels lie between the passes."""
        return self.records / "pixels"

    def prepare(self) -> None:
        """Make the folders.

        Raises
        ------
        StudyError
            If that is not possible, or if files of a user's own would be overwritten.
        """
        if not self.records.is_dir():
            in_the_way = [name for name in (*FILES, *FOLDERS) if (self.folder / name).exists()]
            if in_the_way:
                raise StudyError(
                    f"{self.folder} holds {', '.join(in_the_way)}, but no results of a run: choose another folder for"
                    " --out"
                )
        try:
            for folder in (self.pixels, *(self.folder / name for name in FOLDERS)):
                folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise StudyError(f"{self.folder}: results cannot be written here: {error.strerror or error}") from None

    def overlay_path(self, slug: str) -> Path:
        """Where the picture of what was counted goes."""
        return self.folder / "overlays" / f"{slug}.jpg"

    def labels_path(self, slug: str) -> Path:
        """Where the label mask goes."""
        return self.folder / "labels" / f"{slug}.tif"

    def profiles_path(self, slug: str) -> Path:
        """Where the plot of a blot's lane profiles goes."""
        return self.folder / "overlays" / f"{slug}.lanes.png"

    def preview_path(self, slug: str) -> Path:
        """Where the small picture of the image goes, for the report."""
        return self.records / f"{slug}.jpg"

    def write_record(self, slug: str, record: Record) -> None:
        """Keep a record; it is there whole, or not at all."""
        # Not `asdict`: it would copy every number of every object.
        document = {"format": FORMAT, **vars(record), "regions": [vars(region) for region in record.regions]}
        text = json.dumps(document, separators=(",", ":"), allow_nan=True)
        write_whole(self.records / f"{slug}.json", text.encode())

    def read_record(self, slug: str) -> Record | None:
        """The record of an image, or None if there is none that can be read."""
        try:
            document = json.loads((self.records / f"{slug}.json").read_bytes())
            if document.pop("format") != FORMAT:
                return None
            regions = tuple(
                RegionRecord(r["region"], r["values"], tuple(r["flags"]), tuple(r.get("box", ())))
                for r in document.pop("regions")
            )
            return Record(regions=regions, shape=tuple(document.pop("shape", ())), **document)
        except (OSError, ValueError, TypeError, KeyError):
            return None

    def write_evidence(self, slug: str, evidence: Any, identity: str) -> None:
        """Keep what observing an image gave, under the identity of image and observing recipe."""
        path = self.records / f"{slug}.npz"
        fields: dict[str, Any] = {name: getattr(evidence, name) for name in _kept_fields(type(evidence))}
        archive = io.BytesIO()
        np.savez(archive, identity=np.array(identity), **fields)
        write_whole(path, archive.getbuffer())

    def has_evidence(self, slug: str) -> bool:
        """Whether some evidence is kept of an image."""
        return (self.records / f"{slug}.npz").is_file()

    def has_results(self, slug: str, *, pictures: bool) -> bool:
        """Whether an image has a record and, if asked, its pictures."""
        of_pictures = (self.overlay_path(slug), self.labels_path(slug), self.preview_path(slug)) if pictures else ()
        return all(path.is_file() for path in (self.records / f"{slug}.json", *of_pictures))

    def read_evidence(self, slug: str, kind: type[Any], identity: str) -> Any | None:
        """What observing an image gave, or None if there is none for that identity."""
        try:
            with np.load(self.records / f"{slug}.npz", allow_pickle=False) as arrays:
                if str(arrays["identity"]) != identity:
                    return None
                values = {name: arrays[name] for name in _kept_fields(kind)}
        except (OSError, ValueError, KeyError, zipfile.BadZipFile, EOFError):
            return None
        return kind(**{name: value.item() if value.ndim == 0 else value for name, value in values.items()})

    def keep_pixels(self, slug: str, image: Image, inputs: Mapping[str, str]) -> None:
        """Keep decoded pixels for the second pass, so that a costly file is decoded once."""
        about = {
            "inputs": dict(inputs),
            "channels": image.channels,
            "pixel_size": image.pixel_size,
            "light": image.light,
            "max_value": image.max_value,
            "encoding": image.encoding,
            "source": image.source,
            "flags": [str(remark) for remark in image.flags],
        }
        np.save(self.pixels / f"{slug}.npy", image.pixels)
        write_whole(self.pixels / f"{slug}.json", json.dumps(about).encode())

    def take_pixels(self, slug: str, inputs: Mapping[str, str]) -> Image | None:
        """Decoded pixels, if they were kept of those files."""
        try:
            about = json.loads((self.pixels / f"{slug}.json").read_bytes())
            if about.pop("inputs") != dict(inputs):
                return None
            pixels: npt.NDArray[Any] = np.load(self.pixels / f"{slug}.npy", allow_pickle=False)
        except (OSError, ValueError, KeyError, EOFError):
            return None
        flags = tuple(flag(name) for name in about.pop("flags"))
        return Image(pixels, tuple(about.pop("channels")), flags=flags, **about)

    def drop_pixels(self, slug: str) -> None:
        """Let go of the decoded pixels of one image."""
        for suffix in ("json", "npy"):
            (self.pixels / f"{slug}.{suffix}").unlink(missing_ok=True)

    def forget(self, slug: str) -> None:
        """Let go of an image's record, before anything of what it stands for is changed."""
        (self.records / f"{slug}.json").unlink(missing_ok=True)

    def drop_pictures(self, slug: str) -> None:
        """Let go of an image's overlay, labels and small picture."""
        pictures = (
            self.overlay_path(slug), self.labels_path(slug), self.preview_path(slug), self.profiles_path(slug),
        )  # fmt: skip
        for path in pictures:
            path.unlink(missing_ok=True)

    def sweep(self, slugs: Collection[str]) -> None:
        """Clear away decoded pixels, what a killed run left half written, and what is left of images that are gone.

        Parameters
        ----------
        slugs : collection of str
            Of the images that stay.
        """
        shutil.rmtree(self.pixels, ignore_errors=True)
        for folder in (self.folder, *(self.folder / name for name in FOLDERS)):
            for path in folder.glob(".*.tmp"):
                path.unlink(missing_ok=True)
        kept = set(slugs)
        own = (
            ("records", ".json"), ("records", ".npz"), ("records", ".jpg"), ("overlays", ".jpg"), ("labels", ".tif"),
            ("overlays", ".lanes.png"),
        )  # fmt: skip
        for name, suffix in own:
            for path in (self.folder / name).glob(f"*{suffix}"):
                if path.name.removesuffix(suffix) not in kept:
                    path.unlink(missing_ok=True)

    def free_bytes(self) -> int:
        """Free space where the results go."""
        return shutil.disk_usage(self.folder).free


def is_results_folder(folder: Path) -> bool:
    """Whether a run has left its results here."""
    return (folder / "run.json").is_file() and (folder / "records").is_dir()


def sha256_of(content: bytes) -> str:
    """Identity of a file's content."""
    return hashlib.sha256(content).hexdigest()


def _kept_fields(kind: type[Any]) -> list[str]:
    return [field.name for field in dataclasses.fields(kind) if NOT_KEPT not in field.metadata]


def plain_list(values: npt.NDArray[Any]) -> list[Value]:
    """A table's column as plain Python, None for what is no number."""
    column: list[Value] = np.asarray(values).tolist()
    if values.dtype.kind == "f" and np.isnan(values).any():
        return [None if isinstance(value, float) and math.isnan(value) else value for value in column]
    return column


def plain(value: Any) -> Value:
    """A table's value as plain Python, None for what is no number."""
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, float) and math.isnan(value):
        return None
    result: Value = value
    return result
