"""How well the numbers of two tables of the same images agree.

For a lab that moves from ImageJ: its old Results table against ours, image by image.

References
----------
Bland & Altman (1986), Lancet 327:307-310, doi:10.1016/S0140-6736(86)90837-8: bias and limits of agreement.
Lin (1989), Biometrics 45:255-268, doi:10.2307/2532051: concordance correlation coefficient.
"""

from __future__ import annotations

import io
import math
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from exoimage.errors import StudyError
from exoimage.images.writing import write_whole
from exoimage.studies.measured_tables import MeasuredTable, RowName, listed, read_measured_table, row_names

_SPREAD = 1.96  # of the normal distribution, 95 %
_PLOT_SUFFIXES = (".png", ".svg", ".pdf")


@dataclass(frozen=True)
class Agreement:
    """The numbers of two tables, matched by image; a difference is the first table's number minus the second's.

    Parameters
    ----------
    sources, columns : two str
        The two files, and the column taken of each.
    names : tuple of str
        The matched images, as the first table calls them.
    a, b : tuple of float
        Their numbers.
    only_in_a, only_in_b : tuple of str
        Images that the other table does not have.
    without_value : tuple of str
        Matched images for which a table has no number.
    """

    sources: tuple[str, str]
    columns: tuple[str, str]
    names: tuple[str, ...]
    a: tuple[float, ...]
    b: tuple[float, ...]
    only_in_a: tuple[str, ...] = ()
    only_in_b: tuple[str, ...] = ()
    without_value: tuple[str, ...] = ()

    @property
    def n(self) -> int:
        """How many images have a number in both tables."""
        return len(self.names)

    @property
    def differences(self) -> npt.NDArray[np.float64]:
        """First minus second, one per matched image."""
        return np.subtract(self.a, self.b, dtype=np.float64)

    @property
    def bias(self) -> float:
        """Mean difference."""
        return float(self.differences.mean())

    @property
    def sd(self) -> float:
        """Standard deviation of the differences (n - 1); NaN for one image."""
        return float(self.differences.std(ddof=1)) if self.n > 1 else math.nan

    @property
    def limits(self) -> tuple[float, float]:
        """95 % limits of agreement: bias ± 1.96 standard deviations."""
        return self.bias - _SPREAD * self.sd, self.bias + _SPREAD * self.sd

    @property
    def largest(self) -> tuple[str, float]:
        """The image that differs most, and by how much."""
        worst = int(np.argmax(np.abs(self.differences)))
        return self.names[worst], float(self.differences[worst])

    @property
    def concordance(self) -> float:
        """Lin's concordance correlation coefficient: 1 where all pairs are equal.

        NaN where neither table varies, which leaves nothing to correlate.
        """
        a, b = np.array(self.a), np.array(self.b)
        if np.ptp(a) == 0 and np.ptp(b) == 0:
            return math.nan
        covariance = float(((a - a.mean()) * (b - b.mean())).mean())
        return 2 * covariance / float(a.var() + b.var() + (a.mean() - b.mean()) ** 2)


def compare(a_path: str | Path, b_path: str | Path, value: str, key: str | None = None) -> Agreement:
    """Match two tables by image and compare a column.

    Parameters
    ----------
    a_path, b_path : path
        Ours (``images.csv``) or ImageJ's (Results or Summary, ``.csv``, ``.xls`` or ``.txt``), in either order.
    value : str
        The column, or ``"A_COLUMN=B_COLUMN"`` where its names differ (``"stained_area_pct=%Area"``).
    key : str, optional
        The column that names the image, or ``"A_KEY=B_KEY"``. Default: `image`, `Label` and their like.

    Returns
    -------
    Agreement

    Raises
    ------
    StudyError
        If a table cannot be read or lacks a column, a cell is no number, no image is in both tables, or it is not clear
        which row of one belongs to which of the other.

    Notes
    -----
    Rows are matched by name and region as written; those left over without folder, suffix, case, and what ImageJ adds
    (``name.tif:slice``, ``name.tif-(Colour_2)``); those still left over by the image alone.
    """
    tables = read_measured_table(a_path), read_measured_table(b_path)
    value_columns, key_columns = _pair(value, "value"), _pair(key, "key") if key else (None, None)
    values = [table.numbers(column) for table, column in zip(tables, value_columns, strict=True)]
    names = [row_names(table, column) for table, column in zip(tables, key_columns, strict=True)]
    pairs = _matched(tables, names[0], names[1])
    if not pairs:
        raise StudyError(
            f"no image of {tables[0].source} is in {tables[1].source}: the first has"
            f" {listed([n.shown for n in names[0]], 3)}; the second {listed([n.shown for n in names[1]], 3)}"
        )
    known = [(i, j, x, y) for i, j in pairs if (x := values[0][i]) is not None and (y := values[1][j]) is not None]
    if not known:
        raise StudyError(
            f"the {len(pairs)} images in both tables have no pair of numbers in {' and '.join(value_columns)}"
        )
    in_a, in_b = {i for i, _ in pairs}, {j for _, j in pairs}
    with_value = {i for i, *_ in known}
    return Agreement(
        sources=(tables[0].source, tables[1].source),
        columns=value_columns,
        names=tuple(names[0][i].shown for i, *_ in known),
        a=tuple(x for _, _, x, _ in known),
        b=tuple(y for *_, y in known),
        only_in_a=tuple(name.shown for i, name in enumerate(names[0]) if i not in in_a),
        only_in_b=tuple(name.shown for j, name in enumerate(names[1]) if j not in in_b),
        without_value=tuple(names[0][i].shown for i, _ in pairs if i not in with_value),
    )


def report(agreement: Agreement) -> str:
    """The agreement in words, for the terminal.

    Examples
    --------
    >>> print(report(Agreement(("a.csv", "b.csv"), ("x", "x"), ("1.tif", "2.tif"), (10.0, 20.0), (9.0, 20.5))))
    a: x of a.csv
    b: x of b.csv
    matched                  2 images
    bias (a - b)             0.25
    SD of the differences    1.061
    limits of agreement      -1.829 to 2.329 (95 %, Bland & Altman 1986)
    largest difference       1 in 1.tif (a 10, b 9)
    concordance correlation  0.989247 (Lin 1989)
    """
    worst, difference = agreement.largest
    at = agreement.names.index(worst)
    limits = "needs two images" if agreement.n < 2 else " to ".join(f"{limit:.4g}" for limit in agreement.limits)
    concordance = agreement.concordance
    lines = [
        f"a: {agreement.columns[0]} of {agreement.sources[0]}",
        f"b: {agreement.columns[1]} of {agreement.sources[1]}",
        f"matched                  {agreement.n} image{'s' * (agreement.n != 1)}",
        f"bias (a - b)             {agreement.bias:.4g}",
        f"SD of the differences    {'needs two images' if agreement.n < 2 else f'{agreement.sd:.4g}'}",
        f"limits of agreement      {limits} (95 %, Bland & Altman 1986)",
        f"largest difference       {difference:.4g} in {worst} (a {agreement.a[at]:.6g}, b {agreement.b[at]:.6g})",
        f"concordance correlation  {'undefined: no variation' if math.isnan(concordance) else f'{concordance:.6g}'}"
        " (Lin 1989)",
    ]
    for what, names in (
        ("only in a", agreement.only_in_a),
        ("only in b", agreement.only_in_b),
        ("without a number", agreement.without_value),
    ):
        if names:
            lines.append(f"{what:<25}{len(names)}: {listed(names, 10)}")
    return "\n".join(lines)


def plot(agreement: Agreement, path: str | Path) -> None:
    """Draw the Bland-Altman plot: difference against mean, with bias and limits of agreement.

    Parameters
    ----------
    agreement : Agreement
    path : path
        A ``.png``, ``.svg`` or ``.pdf`` file to write.

    Raises
    ------
    StudyError
        If the file's kind is another or it cannot be written, or matplotlib is not installed.
    """
    place = Path(path)
    if place.suffix.lower() not in _PLOT_SUFFIXES:
        raise StudyError(f"{place}: a plot is written as {', '.join(_PLOT_SUFFIXES)}; name such a file")
    try:
        from matplotlib.figure import Figure
    except ImportError:
        raise StudyError("plots need matplotlib: pip install matplotlib") from None
    figure = Figure(figsize=(5.2, 3.8), dpi=200, layout="constrained")
    axes = figure.add_subplot()
    means = (np.array(agreement.a) + np.array(agreement.b)) / 2
    axes.plot(
        means, agreement.differences, "o", color="#1b6ca8", markersize=5, alpha=0.75, markeredgewidth=0, clip_on=False
    )
    _draw_line(axes, agreement.bias, "bias", "-")
    if agreement.n > 1 and agreement.sd > 0:  # else they lie on the bias
        _draw_line(axes, agreement.limits[0], "-1.96 SD", "--")
        _draw_line(axes, agreement.limits[1], "+1.96 SD", "--")
    axes.axhline(0, color="0.8", linewidth=0.8, zorder=0)
    same = agreement.columns[0] == agreement.columns[1]
    a, b = ("a", "b") if same else agreement.columns
    files = [Path(source).name for source in agreement.sources]
    # A dollar sign in a name starts no formula.
    axes.set_xlabel(f"mean of {a} and {b}" + (f", {agreement.columns[0]}" if same else ""), parse_math=False)
    axes.set_ylabel(f"{a} − {b}", parse_math=False)
    axes.set_title(f"{files[0]} − {files[1]}, n = {agreement.n}", fontsize=9, parse_math=False)
    axes.spines[["top", "right"]].set_visible(False)
    drawing = io.BytesIO()
    figure.savefig(drawing, format=place.suffix[1:].lower())
    try:
        write_whole(place, drawing.getvalue())
    except OSError as error:
        raise StudyError(f"{place}: cannot be written ({error.strerror or error})") from None


def _draw_line(axes: object, height: float, name: str, style: str) -> None:
    axes.axhline(height, color="0.35", linewidth=1, linestyle=style, zorder=1)  # type: ignore[attr-defined]
    axes.annotate(  # type: ignore[attr-defined]
        f"{name}\n{height:.3g}",
        (1.01, height),
        xycoords=("axes fraction", "data"),
        fontsize=8,
        color="0.25",
        verticalalignment="center",
        annotation_clip=False,
    )


def _pair(text: str, what: str) -> tuple[str, str]:
    """``"A=B"``, or one name for both."""
    a, _, b = text.partition("=")
    a, b = a.strip(), b.strip()
    if not a or ("=" in text and not b):
        raise StudyError(f"{what} {text!r}: give a column's name, or A_COLUMN=B_COLUMN where the names differ")
    return a, b or a


_LEVELS: tuple[Callable[[RowName], tuple[str, ...]], ...] = (
    lambda name: (name.text, name.region),
    lambda name: (name.image, name.region),
    lambda name: (name.image,),
)
"""How rows are compared, from as written to tolerant."""


def _matched(
    tables: tuple[MeasuredTable, MeasuredTable], a: Sequence[RowName], b: Sequence[RowName]
) -> list[tuple[int, int]]:
    """Pairs of row numbers, in the first table's order."""
    pairs: list[tuple[int, int]] = []
    for level in _LEVELS:
        groups_a, groups_b = _groups(a, level), _groups(b, level)
        taken_a, taken_b = {i for i, _ in pairs}, {j for _, j in pairs}
        for name in (name for name in groups_a if name in groups_b):
            left_a = [i for i in groups_a[name] if i not in taken_a]
            left_b = [j for j in groups_b[name] if j not in taken_b]
            if not left_a or not left_b:
                continue
            if len(groups_a[name]) == len(groups_b[name]) == 1:
                pairs.append((left_a[0], left_b[0]))
            elif not _are_other_regions([a[i] for i in left_a], [b[j] for j in left_b]):
                _refuse_ambiguous(tables, [a[i].shown for i in groups_a[name]], [b[j].shown for j in groups_b[name]])
    return sorted(pairs)


def _groups(names: Sequence[RowName], level: Callable[[RowName], tuple[str, ...]]) -> dict[tuple[str, ...], list[int]]:
    groups: dict[tuple[str, ...], list[int]] = defaultdict(list)
    for row, name in enumerate(names):
        groups[level(name)].append(row)
    return groups


def _are_other_regions(a: Sequence[RowName], b: Sequence[RowName]) -> bool:
    """Whether rows are about parts of an image that both tables name, and differently."""
    return all(name.region for name in (*a, *b)) and not {x.region for x in a} & {y.region for y in b}


def _refuse_ambiguous(tables: tuple[MeasuredTable, MeasuredTable], a: Sequence[str], b: Sequence[str]) -> None:
    raise StudyError(
        f"it is not clear which rows belong together: {tables[0].source} has {len(a)} ({listed(a, 4)}),"
        f" {tables[1].source} has {len(b)} ({listed(b, 4)}); give one row per image and region, each with its own name"
    )
