"""The composite panel of a paper: one picture per group, chosen by a rule, over the bar chart."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
import numpy.typing as npt

from exoimage.flags import Flag
from exoimage.images.writing import write_whole
from exoimage.studies import figures
from exoimage.studies.figures import COLUMN_MM, MM, Chart
from exoimage.studies.finished import Row, Tables
from exoimage.studies.store import Store
from exoimage.studies.study import Study

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Rgb = npt.NDArray[np.uint8]

LEFT_MM, RIGHT_MM, GAP_MM, NAMES_MM, CHART_MM = 11.5, 1.0, 0.8, 3.6, 62.0
"""Margins of the panel, the space between pictures, the room for names over them, the height of the bar chart."""

LARGEST_PICTURE_MM = 24.0


@dataclass(frozen=True, eq=False)
class Picture:
    """The picture that stands for a group.

    Parameters
    ----------
    group, image, region : str
    original, overlay : (y, x, 3) uint8 array
        The same square of the picture, as it is and with what was counted.
    side_um : float or None
        Length of the square's edge; None where the pixel size is unknown.
    light : str
        "absorbed" or "emitted"; pictures of emitted light were stretched for display, each by itself.
    """

    group: str
    image: str
    region: str
    original: Rgb
    overlay: Rgb
    side_um: float | None
    light: str = "absorbed"


@dataclass(frozen=True)
class _Place:
    """Where a representative lies: its files, and the box of its region in px of the image."""

    row: Row
    slug: str
    box: tuple[int, ...]
    shape: tuple[int, ...]
    pixel_size_um: float | None
    light: str

    @property
    def edge_px(self) -> int:
        """The shorter edge of its box."""
        return min(self.box[2] - self.box[0], self.box[3] - self.box[1])


def representatives(study: Study, tables: Tables, column: str) -> dict[str, Row]:
    """The row of images.csv that stands for each group.

    It is of the sample nearest the mean of its group's samples, and of that sample the field nearest the sample's
    value; of equally near ones the first. Fields that carry a warning (blurred, uneven light) are passed over where
    the group has others. Groups without a value have none.

    Parameters
    ----------
    study : Study
    tables : Tables
    column : str
        The measure by which nearness is judged.
    """
    chosen: dict[str, Row] = {}
    for group in dict.fromkeys(str(row["group"]) for row in tables.samples if row["group"]):
        samples = [row for row in tables.samples if row["group"] == group and _is_number(row.get(column))]
        fields = [row for row in tables.counted if row["group"] == group and _is_number(row.get(column))]
        fields = [row for row in fields if not _is_doubtful(row)] or fields
        with_fields = {row["sample"] for row in fields}
        shown = [row for row in samples if row["sample"] in with_fields]
        if shown:
            mean = sum(row[column] for row in samples) / len(samples)
            sample = min(shown, key=lambda row: abs(row[column] - mean))
            own = [row for row in fields if row["sample"] == sample["sample"]]
            chosen[group] = min(own, key=lambda row: abs(row[column] - sample[column]))
    order = {name: place for place, name in enumerate(study.order)}
    return dict(sorted(chosen.items(), key=lambda item: order.get(item[0], len(order))))


def _is_doubtful(row: Row) -> bool:
    present = str(row["flags"]).split()
    return any(member.value in present and member.severity != "note" for member in Flag)


def _is_number(value: Any) -> bool:
    return isinstance(value, float) and math.isfinite(value)


def load_pictures(store: Store, slugs: Mapping[str, str], chosen: Mapping[str, Row]) -> tuple[Picture, ...]:
    """The pictures of the chosen rows, all cropped to equal squares.

    Of equal length in µm where that is known of all, else in px.

    Parameters
    ----------
    store : Store
    slugs : mapping of image to slug
    chosen : mapping of group to row of images.csv

    Returns
    -------
    tuple of Picture
        Empty if any group's picture is missing.
    """
    places = [_place(store, slugs[str(row["image"])], row) for row in chosen.values()]
    known = [place for place in places if place is not None]
    if len(known) < len(places) or not known:
        return ()
    if all(place.pixel_size_um for place in known):
        side_um = min(place.edge_px * (place.pixel_size_um or 1.0) for place in known)
        sides = [side_um / (place.pixel_size_um or 1.0) for place in known]
    else:
        sides = [float(min(place.edge_px for place in known))] * len(known)
    return tuple(
        Picture(
            group,
            str(place.row["image"]),
            str(place.row["region"]),
            _crop(store.preview_path(place.slug), place, side),
            _crop(store.overlay_path(place.slug), place, side),
            side * place.pixel_size_um if place.pixel_size_um else None,
            place.light,
        )
        for group, place, side in zip(chosen, known, sides, strict=True)
    )


def _place(store: Store, slug: str, row: Row) -> _Place | None:
    record = store.read_record(slug)
    if record is None or not (store.preview_path(slug).is_file() and store.overlay_path(slug).is_file()):
        return None
    boxes = {region.region: region.box for region in record.regions}
    box = boxes.get(str(row["region"]), ()) or ((0, 0, *record.shape) if record.shape else ())
    return _Place(row, slug, box, record.shape, record.pixel_size_um, record.light) if box else None


def _crop(path: Path, place: _Place, side_px: float) -> Rgb:
    """The middle square of a region, from a picture that may be smaller than the image it was made of."""
    picture = read_jpeg(path)
    scale = picture.shape[1] / place.shape[1]
    size = max(1, min(round(side_px * scale), *picture.shape[:2]))
    middle_y, middle_x = (place.box[0] + place.box[2]) / 2 * scale, (place.box[1] + place.box[3]) / 2 * scale
    top = min(max(0, round(middle_y - size / 2)), picture.shape[0] - size)
    left = min(max(0, round(middle_x - size / 2)), picture.shape[1] - size)
    return np.ascontiguousarray(picture[top : top + size, left : left + size])


def read_jpeg(path: Path) -> Rgb:
    """A picture that a run has left, (y, x, 3); read by its bytes, since OpenCV opens no Unicode path on Windows.

    Raises
    ------
    OSError
        If it cannot be read.
    """
    picture = cv2.imdecode(np.frombuffer(path.read_bytes(), np.uint8), cv2.IMREAD_COLOR)
    if picture is None:
        raise OSError(0, "is no picture", str(path))
    return np.asarray(cv2.cvtColor(picture, cv2.COLOR_BGR2RGB), np.uint8)


def write_panel(folder: Path, chart: Chart, pictures: Sequence[Picture], stem: str = "panel") -> tuple[Path, ...]:
    """Write the panel as .svg, .png and .pdf, and its caption as .txt."""
    with figures.styled():
        written = figures.save(draw_panel(chart, pictures), folder, stem)
    text = folder / f"{stem}.txt"
    write_whole(text, f"{panel_caption(chart, pictures)}\n".encode())
    return (*written, text)


def draw_panel(chart: Chart, pictures: Sequence[Picture]) -> Figure:
    """Draw the pictures, each over its group's bar, and the chart; within `figures.styled`."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    slot = (COLUMN_MM - LEFT_MM - RIGHT_MM) / len(chart.groups)
    side = min(slot - GAP_MM, LARGEST_PICTURE_MM)
    height = CHART_MM + 2 * (side + GAP_MM) + NAMES_MM
    figure = Figure(figsize=(COLUMN_MM * MM, height * MM))
    FigureCanvasAgg(figure)
    by_group = {picture.group: picture for picture in pictures}
    bar_um = _bar_length(pictures)
    for place, name in enumerate(chart.names):
        if name not in by_group:
            continue
        left = LEFT_MM + place * slot + (slot - side) / 2
        for row, kind in enumerate(("overlay", "original")):
            bottom = CHART_MM + row * (side + GAP_MM)
            axes = figure.add_axes((left / COLUMN_MM, bottom / height, side / COLUMN_MM, side / height))
            _show(axes, _at_300_dpi(getattr(by_group[name], kind), side), by_group[name].side_um, bar_um)
            if place == 0:
                axes.set_ylabel("counted" if kind == "overlay" else "picture", fontsize=7, labelpad=2)
            if kind == "original":
                axes.set_title(name if len(name) * 1.25 < slot else "", fontsize=7, pad=2.5)
    # Names and, where they are turned, their length are below the chart.
    foot = 9.0 if slot > 12 else 22.0
    axes = figure.add_axes(
        (LEFT_MM / COLUMN_MM, foot / height, 1 - (LEFT_MM + RIGHT_MM) / COLUMN_MM, (CHART_MM - foot - 3) / height)
    )
    figures.draw_bars(axes, chart, slot)
    axes.set_xlim(-0.5, len(chart.groups) - 0.5)
    return figure


def _at_300_dpi(picture: Rgb, side_mm: float) -> Rgb:
    edge = max(1, round(side_mm * MM * 300))
    how = cv2.INTER_AREA if edge < picture.shape[0] else cv2.INTER_CUBIC
    return np.asarray(cv2.resize(picture, (edge, edge), interpolation=how), np.uint8)


def _show(axes: Axes, picture: Rgb, side_um: float | None, bar_um: float) -> None:
    # At 300 px per inch already: each file format would reduce it anew, and another way.
    axes.imshow(picture, interpolation="none", aspect="auto")
    axes.set_xticks([])
    axes.set_yticks([])
    axes.spines[:].set_visible(False)
    if side_um is None or bar_um <= 0:
        return
    size = picture.shape[0]
    length, right, bottom, thick = bar_um / side_um * size, 0.95 * size, 0.95 * size, 0.028 * size
    corner = picture[int(0.85 * size) :, int(right - length) :]
    colour, rim = ("black", "white") if corner.mean() > 110 else ("white", "black")
    from matplotlib.patches import Rectangle

    axes.add_patch(
        Rectangle((right - length, bottom - thick), length, thick, facecolor=colour, edgecolor=rim, linewidth=0.3)
    )


def _bar_length(pictures: Sequence[Picture]) -> float:
    """A round length of about a quarter of the shown field, µm; 0 where no pixel size is known.

    Examples
    --------
    >>> blank = np.zeros((8, 8, 3), np.uint8)
    >>> _bar_length([Picture("a", "a.tif", "whole", blank, blank, 520.0)])
    100.0
    """
    sides = [picture.side_um for picture in pictures if picture.side_um]
    if not sides:
        return 0.0
    most = 0.35 * min(sides)
    power = 10.0 ** math.floor(math.log10(most))
    return float(max(step * power for step in (1, 2, 5) if step * power <= most))


def panel_caption(chart: Chart, pictures: Sequence[Picture]) -> str:
    """The caption: how the pictures were chosen, the scale bar, then the chart's own."""
    which = "; ".join(f"{p.group}: {_shown_name(p)}" for p in pictures)
    parts = [
        "Pictures: of each group the sample nearest the group's mean, and of that sample the field nearest the"
        f" sample's value ({which}), fields with a warning passed over; equal crops of their middle, as they are and"
        " with what was counted outlined."
    ]
    bar = _bar_length(pictures)
    if bar:
        some = "" if all(picture.side_um for picture in pictures) else " (where the pixel size is known)"
        parts.append(f"Scale bar: {bar:g} µm{some}.")
    else:
        parts.append("No scale bar: the pixel size is unknown.")
    if any(picture.light == "emitted" for picture in pictures):
        parts.append("Each picture was stretched for display by itself: their brightness is not to be compared.")
    return " ".join([*parts, figures.caption(chart)])


def _shown_name(picture: Picture) -> str:
    return picture.image if picture.region in ("", "whole") else f"{picture.image}, {picture.region}"
