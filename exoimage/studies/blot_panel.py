"""The panel of a blot study: strips of the membranes, as papers print them, over the bar chart."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from exoimage.flags import flag
from exoimage.images.writing import write_whole
from exoimage.studies import figures
from exoimage.studies.figures import COLUMN_MM, MM, Chart
from exoimage.studies.finished import Row, Tables
from exoimage.studies.panel import CHART_MM, LEFT_MM, RIGHT_MM, read_jpeg
from exoimage.studies.store import Store
from exoimage.studies.study import Study

if TYPE_CHECKING:
    from matplotlib.figure import Figure

STRIP_MM, GAP_MM, NAMES_MM = 7.0, 0.8, 7.0
"""Height of a strip, the space between two, the room for the groups' names over them."""

REACH = 1.1
"""A strip shows this many heights of its bands above and below the middle of their row."""

TARGETS_MM = 11.0
"""Room for the targets' names, right of the strips."""


@dataclass(frozen=True, eq=False)
class Strip:
    """The row of one target's bands, cut out of its membrane.

    Parameters
    ----------
    target, image : str
    pixels : (y, x, 3) uint8 array
    lanes : tuple of (str, float)
        Group of each lane, and where its middle lies, as a share of the strip's width.
    """

    target: str
    image: str
    pixels: npt.NDArray[np.uint8]
    lanes: tuple[tuple[str, float], ...]


def load_strips(study: Study, store: Store, tables: Tables, measure: str) -> tuple[str, tuple[Strip, ...]]:
    """The blot that stands for all, and its strips; empty where none has all that is needed.

    It is the one whose lanes are, in the mean, nearest to the means of their groups in that measure; one with a warning
    (a saturated band) is passed over where there are others.
    """
    blots = dict.fromkeys(str(row["batch"]) for row in tables.counted if row.get("band_y_px") is not None)
    if not blots:
        return "", ()
    blot = min(blots, key=lambda name: (_is_doubtful(tables, name), _distance(tables, measure, name)))
    slugs = {image.ref.key: image.ref.slug for image in study.images}
    by_image: dict[str, list[Row]] = {}
    for row in tables.images:
        if row["batch"] == blot and row["status"] == "ok" and row.get("band_y_px") is not None and row["group"]:
            by_image.setdefault(str(row["image"]), []).append(row)
    strips = (_strip(store, slugs[image], rows) for image, rows in by_image.items())
    return blot, tuple(strip for found in strips for strip in found)


def write_blot_panel(folder: Path, chart: Chart, strips: Sequence[Strip], caption: str, stem: str = "panel") -> None:
    """Write the panel as .svg, .png and .pdf, and its caption as .txt."""
    with figures.styled():
        figures.save(_drawn(chart, strips), folder, stem)
    write_whole(folder / f"{stem}.txt", f"{caption}\n".encode())


def blot_caption(chart: Chart, strips: Sequence[Strip], blot: str) -> str:
    """What the panel shows."""
    which = f"{blot}, whose lanes are nearest to the means of their groups" if blot else "the blot"
    return (
        f"Above: {', '.join(strip.target for strip in strips)} of {which}; cropped to the row of the target's bands,"
        f" no lane left out, each strip with a display range of its own. Below: {figures.caption(chart)}"
    )


def _is_doubtful(tables: Tables, blot: str) -> bool:
    flags = {name for row in tables.counted if row["batch"] == blot for name in str(row["flags"]).split()}
    return any(flag(name).severity == "warn" for name in flags)


def _distance(tables: Tables, measure: str, blot: str) -> float:
    groups: dict[str, list[float]] = {}
    for row in tables.counted:
        if isinstance(row.get(measure), float):
            groups.setdefault(str(row["group"]), []).append(float(row[measure]))
    own = [r for r in tables.counted if r["batch"] == blot and isinstance(r.get(measure), float)]
    if not own:
        return float("inf")
    return fmean(abs(float(row[measure]) / (fmean(groups[str(row["group"])]) or 1.0) - 1.0) for row in own)


def _strip(store: Store, slug: str, rows: Sequence[Row]) -> tuple[Strip, ...]:
    record = store.read_record(slug)
    if record is None or not store.preview_path(slug).is_file() or not record.shape:
        return ()
    boxes: Mapping[str, tuple[int, ...]] = {region.region: region.box for region in record.regions if region.box}
    lanes = sorted(
        ((boxes[str(row["region"])], row) for row in rows if str(row["region"]) in boxes), key=lambda one: one[0][1]
    )
    if not lanes:
        return ()
    height = max(float(row["band_height_px"] or 0) for _, row in lanes) or 10.0
    middles = [float(row["band_y_px"]) for _, row in lanes]
    top, bottom = max(0.0, min(middles) - REACH * height), min(record.shape[0], max(middles) + REACH * height)
    first, last = min(box[1] for box, _ in lanes), max(box[3] for box, _ in lanes)
    margin = 0.15 * (last - first) / len(lanes)
    left, right = max(0.0, first - margin), min(float(record.shape[1]), last + margin)
    picture = read_jpeg(store.preview_path(slug))
    scale = picture.shape[1] / record.shape[1]
    rows_cut = slice(int(top * scale), max(int(top * scale) + 1, round(bottom * scale)))
    columns_cut = slice(int(left * scale), max(int(left * scale) + 1, round(right * scale)))
    places = tuple((str(row["group"]), ((box[1] + box[3]) / 2 - left) / (right - left)) for box, row in lanes)
    target = str(lanes[0][1]["target"] or lanes[0][1]["image"])
    return (Strip(target, str(lanes[0][1]["image"]), picture[rows_cut, columns_cut], places),)


def _drawn(chart: Chart, strips: Sequence[Strip]) -> Figure:
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    width = COLUMN_MM - LEFT_MM - TARGETS_MM
    height = CHART_MM + len(strips) * (STRIP_MM + GAP_MM) + NAMES_MM
    figure = Figure(figsize=(COLUMN_MM * MM, height * MM))
    FigureCanvasAgg(figure)
    for place, strip in enumerate(reversed(strips)):
        bottom = CHART_MM + place * (STRIP_MM + GAP_MM)
        axes = figure.add_axes((LEFT_MM / COLUMN_MM, bottom / height, width / COLUMN_MM, STRIP_MM / height))
        axes.imshow(strip.pixels, aspect="auto", interpolation="bilinear", extent=(0, 1, 0, 1))
        axes.set_xticks([])
        axes.set_yticks([])
        axes.text(1.02, 0.5, strip.target, transform=axes.transAxes, va="center", fontsize=7)
        if place == len(strips) - 1:
            for group, first, last in _runs(strip.lanes):
                axes.annotate(
                    group, ((first + last) / 2, 1), (0, 4), xycoords="axes fraction", textcoords="offset points",
                    ha="center", va="bottom", fontsize=7, annotation_clip=False,
                )  # fmt: skip
                axes.plot((first, last), (1.09, 1.09), color="black", linewidth=0.7, clip_on=False)
        axes.set_xlim(0, 1)
        axes.set_ylim(0, 1)
    slot = (COLUMN_MM - LEFT_MM - RIGHT_MM) / len(chart.groups)
    foot = 9.0 if slot > 12 else 22.0
    axes = figure.add_axes(
        (LEFT_MM / COLUMN_MM, foot / height, 1 - (LEFT_MM + RIGHT_MM) / COLUMN_MM, (CHART_MM - foot - 3) / height)
    )
    figures.draw_bars(axes, chart, slot)
    return figure


def _runs(lanes: Sequence[tuple[str, float]]) -> list[tuple[str, float, float]]:
    """Neighbouring lanes of one group: its name, where the line over them begins and ends."""
    half = 0.4 / max(1, len(lanes))
    runs: list[tuple[str, float, float]] = []
    for group, middle in lanes:
        if runs and runs[-1][0] == group:
            runs[-1] = (group, runs[-1][1], middle + half)
        else:
            runs.append((group, middle - half, middle + half))
    return runs
