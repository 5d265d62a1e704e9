"""Looking at files before measuring them: what a picture is, and what is to be said of it."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from exoimage.assays.colour_sample import sampling_grid
from exoimage.assays.regions import Region
from exoimage.errors import StudyError
from exoimage.flags import Flag, merged
from exoimage.images import overlay, writing
from exoimage.images.discovery import find_images
from exoimage.images.image import Image
from exoimage.images.reading import read
from exoimage.images.scenes import Picture, pictures_at, pictures_of
from exoimage.images.source import describe, open_source
from exoimage.images.stored import StoredScene
from exoimage.methods import burnt_in, density, quality
from exoimage.studies.work import explain

THUMBNAIL = 240
LARGEST_WHOLE = 100_000_000
"""px of the largest picture that is read whole to be inspected."""
OVERVIEW_EDGE = 4000
"""Longer edge in px of what is looked at of a larger one."""


@dataclass(frozen=True)
class Inspection:
    """What one picture of a file holds.

    Parameters
    ----------
    image : str
        The file as it was given; ``#`` and the number of the picture where it holds several.
    error : str
        Why it cannot be read; empty if it can. The rest is then empty.
    height, width : int
    channels : tuple of str
    dtype : str
    max_value : float
        Where camera or file saturate.
    light : str
        "absorbed" (bright field) or "emitted" (fluorescence).
    pixel_size_um : float or None
    saturated_pct : float
        Share of the pixels at the dark end (absorbed light) or the bright end (emitted), in percent.
    flags : tuple of str
    file : str
        The file as it was given.
    scene : int or None
        Number of the picture in a file that holds several.
    name : str
        What the file calls it.
    planes : mapping of str to int
        Length of each axis of planes, like Z and T, that has more than one; the first is looked at.
    levels : tuple of (int, int)
        Height and width of the levels of a pyramid.
    details : mapping
        What else is stored: objective, magnification, exposure_ms.
    """

    image: str
    error: str = ""
    height: int = 0
    width: int = 0
    channels: tuple[str, ...] = ()
    dtype: str = ""
    max_value: float = 0.0
    light: str = ""
    pixel_size_um: float | None = None
    saturated_pct: float = 0.0
    flags: tuple[str, ...] = ()
    file: str = ""
    scene: int | None = None
    name: str = ""
    planes: Mapping[str, int] = field(default_factory=dict)
    levels: tuple[tuple[int, int], ...] = ()
    details: Mapping[str, Any] = field(default_factory=dict)


def inspect_all(inputs: Sequence[str | Path]) -> list[Inspection]:
    """Inspect files, and the images of folders; a file of several pictures gives several.

    Raises
    ------
    StudyError
        If a folder holds no image.
    """
    return [inspect(picture) for picture in pictures_given(inputs)]


def pictures_given(inputs: Sequence[str | Path]) -> list[Picture]:
    """The pictures of files, folders and addresses.

    Raises
    ------
    StudyError
        If a folder holds no image.
    """
    found: list[Picture] = []
    for given in inputs:
        if "://" in str(given):
            found += pictures_at(str(given))
            continue
        place = Path(given)
        files = find_images(place) if place.is_dir() else [place]
        if not files:
            raise StudyError(f"{given}: there is no image in this folder")
        found += pictures_of(files)
    return found


def inspect(picture: Picture | Path) -> Inspection:
    """Inspect one picture; an unreadable one gives its error. A slide is looked at at a small level."""
    wanted = picture if isinstance(picture, Picture) else Picture(picture)
    blank = Inspection(wanted.ref(str(wanted.path)).key, file=str(wanted.path), scene=wanted.scene, name=wanted.name)
    try:
        about = _described(wanted)
        blank = replace(blank, planes=_planes(about), levels=about.levels, details=dict(about.details))
        image = looked_at(blank, about)
        sample = image.pixels[sampling_grid(Region.whole(image.shape), None)]
    except Exception as error:
        return replace(blank, error=explain(error))
    return replace(
        blank,
        height=about.height,
        width=about.width,
        channels=image.channels,
        dtype=str(image.pixels.dtype),
        max_value=image.max_value,
        light=image.light,
        pixel_size_um=about.pixel_size,
        saturated_pct=round(_saturated_pct(image, sample), 4),
        flags=tuple(flag.value for flag in _flags(image, sample)),
    )


def looked_at(report: Inspection, about: StoredScene | None = None) -> Image:
    """The picture, or a small level of one that is larger than `LARGEST_WHOLE`; of planes, the first.

    Raises
    ------
    ImageReadError
        If it cannot be read.
    """
    about = about or _described(Picture(Path(report.file), report.scene))
    first: dict[str, Any] = {axis.lower(): 0 for axis in about.axes if axis in "ZT"}
    if about.height * about.width <= LARGEST_WHOLE:
        return read(report.file, scene=report.scene, **first)
    with open_source(report.file, report.scene, **first) as source:
        return source.overview(OVERVIEW_EDGE)


def _described(picture: Picture) -> StoredScene:
    scenes = describe(str(picture.path))
    if picture.scene is None and len(scenes) > 1:
        read(picture.path)  # says which there are, and how to choose
    return scenes[picture.scene or 0]


def _planes(about: StoredScene) -> dict[str, int]:
    return {axis: length for axis, length in about.axes.items() if axis != "C" and length > 1}


def as_table(reports: Sequence[Inspection]) -> str:
    """One line per image."""
    header = ("image", "size", "planes", "channels", "type", "light", "µm/px", "saturated %", "flags")
    rows = [header, *(_cells(report) for report in reports)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(header))]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
    return "\n".join(lines)


def as_json(reports: Sequence[Inspection]) -> str:
    """A list of objects with the fields of `Inspection`."""
    return json.dumps([dataclasses.asdict(report) for report in reports], indent=1, ensure_ascii=False)


def write_contact_sheet(reports: Sequence[Inspection], path: Path) -> None:
    """Write thumbnails of all readable images, five to a row, with their names.

    Raises
    ------
    StudyError
        If the file cannot be written.
    """
    import cv2

    tiles = [_thumbnail(report) for report in reports]
    blank = np.full_like(tiles[0], 255)
    rows = [tiles[i : i + 5] + [blank] * (5 - len(tiles[i : i + 5])) for i in range(0, len(tiles), 5)]
    sheet = np.vstack([np.hstack(row) for row in rows])
    suffix = path.suffix.lower() if path.suffix.lower() in (".png", ".jpg", ".jpeg") else ".png"
    _, encoded = cv2.imencode(suffix, cv2.cvtColor(sheet, cv2.COLOR_RGB2BGR))
    try:
        writing.write_whole(path, encoded.tobytes())
    except OSError as error:
        raise StudyError(f"{path}: the contact sheet cannot be written: {error.strerror or error}") from None


def _thumbnail(report: Inspection) -> npt.NDArray[np.uint8]:
    import cv2

    tile = np.full((THUMBNAIL + 24, THUMBNAIL, 3), 255, dtype=np.uint8)
    if report.error:
        lines, where = ["cannot be read"], (8, THUMBNAIL // 2)
        cv2.putText(tile, lines[0], where, cv2.FONT_HERSHEY_SIMPLEX, 0.5, (180, 0, 0), 1, cv2.LINE_AA)
    else:
        small = overlay.displayed(looked_at(report), THUMBNAIL)
        tile[: small.shape[0], : small.shape[1]] = small
    name = report.image.replace("\\", "/").rpartition("/")[2].encode("ascii", "replace").decode()
    cv2.putText(tile, name[-34:], (2, THUMBNAIL + 16), cv2.FONT_HERSHEY_SIMPLEX, 0.38, (0, 0, 0), 1, cv2.LINE_AA)
    return tile


def _cells(report: Inspection) -> tuple[str, ...]:
    if report.error:
        return (report.image, "", "", "", "", "", "", "", f"cannot be read: {report.error}")
    size = f"{report.width} x {report.height}"
    pixel_size = "unknown" if report.pixel_size_um is None else f"{report.pixel_size_um:.4g}"
    planes = " ".join(f"{axis}={length}" for axis, length in report.planes.items())
    kind = f"{report.dtype}, to {report.max_value:g}"
    return (
        report.image, size, planes, ", ".join(report.channels), kind, report.light, pixel_size,
        f"{report.saturated_pct:.2f}", " ".join(report.flags),
    )  # fmt: skip


def _flags(image: Image, sample: npt.NDArray[np.generic]) -> tuple[Flag, ...]:
    unknown_size = () if image.pixel_size else (Flag.NO_PIXEL_SIZE,)
    if image.light != "absorbed" or image.pixels.shape[2] != 3:
        blank = (Flag.BLANK,) if quality.is_constant(sample) else ()
        return merged(image.flags, unknown_size, blank)
    white, white_flags = density.estimate_white(sample, image.max_value)
    even = quality.tone_span_od(sample, white) < quality.EVEN_TONE_OD
    annotated = burnt_in.find_burnt_in(image.pixels, image.max_value).mask.any()
    return merged(
        image.flags,
        unknown_size,
        white_flags,
        quality.exposure_flags(sample, image.max_value),
        (Flag.BLANK,) if even else (),
        (Flag.ANNOTATION,) if annotated else (),
    )


def _saturated_pct(image: Image, sample: npt.NDArray[np.generic]) -> float:
    values = sample.astype(np.float64)
    if image.light == "absorbed":
        return float(100 * (values.min(axis=1) <= 0.01 * image.max_value).mean())
    return float(100 * (values.max(axis=1) >= image.max_value).mean())
