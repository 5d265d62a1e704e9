"""Objects of a mask: labels, and ImageJ's Analyze Particles with its columns and its numbers.

Objects are 8-connected unless asked otherwise and come in raster order: by their first pixel, row by row.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any, Literal

import cv2
import numpy as np
import numpy.typing as npt

from exoimage.errors import MeasureError
from exoimage.methods.segmentation import fill_holes

if TYPE_CHECKING:
    import pandas as pd

Connectivity = Literal[4, 8]
Mask = npt.NDArray[np.bool_]
Labels = npt.NDArray[np.int32]
Floats = npt.NDArray[np.float64]

SHAPE_COLUMNS = (
    "Area", "X", "Y", "Perim.", "BX", "BY", "Width", "Height", "Major", "Minor", "Angle", "Circ.", "Feret",
    "FeretX", "FeretY", "FeretAngle", "MinFeret", "AR", "Round", "Solidity",
)  # fmt: skip
"""Columns of `analyze` without an intensity image."""

COLUMNS = (
    "Area", "Mean", "StdDev", "Mode", "Min", "Max", "X", "Y", "XM", "YM", "Perim.", "BX", "BY", "Width",
    "Height", "Major", "Minor", "Angle", "Circ.", "Feret", "IntDen", "Median", "Skew", "Kurt", "RawIntDen",
    "FeretX", "FeretY", "FeretAngle", "MinFeret", "AR", "Round", "Solidity",
)  # fmt: skip
"""Columns of `analyze` with an intensity image, in ImageJ's order."""

# ImageJ's own roundings of √π, 1/12 and π/2.
_ROOT_PI, _TWELFTH, _HALF_PI = 1.772453851, 0.08333333, 1.5707963267949
_WHOLE_COLUMNS = ("Area", "BX", "BY", "Width", "Height", "FeretX", "FeretY")


@dataclass(frozen=True, eq=False)
class ObjectTable:
    """What the assays need of every object, as arrays of one length; object k has the label k + 1.

    Parameters
    ----------
    area_px : int64
        Pixels. 0 for a label that occurs nowhere (its other values are 0 or NaN).
    y_px, x_px : float64
        Centroid; the middle of the first pixel is 0.5, as in ImageJ.
    top, left, height, width : int64
        Bounding box in px.
    perimeter_px : float64
        Outer outline, corners cut as ImageJ does.
    circularity : float64
        4π area / perimeter², at most 1.
    roundness : float64
        Minor / major axis of the ellipse of equal moments: 1 of a disc, near 0 of a scratch.
    intensity_sum : float64
        Sum of the intensities; NaN where no intensity was given.
    """

    area_px: npt.NDArray[np.int64]
    y_px: Floats
    x_px: Floats
    top: npt.NDArray[np.int64]
    left: npt.NDArray[np.int64]
    height: npt.NDArray[np.int64]
    width: npt.NDArray[np.int64]
    perimeter_px: Floats
    circularity: Floats
    roundness: Floats
    intensity_sum: Floats

    def __len__(self) -> int:
        return len(self.area_px)

    def only(self, keep: npt.NDArray[np.bool_]) -> ObjectTable:
        """Take the entries where `keep` is true."""
        return ObjectTable(**{field.name: getattr(self, field.name)[keep] for field in fields(self)})


def label(mask: Mask, connectivity: Connectivity = 8) -> Labels:
    """Give every object of a mask its number, in raster order.

    Parameters
    ----------
    mask : (y, x) bool array
        True is foreground.
    connectivity : {8, 4}
        Whether pixels that touch by a corner belong together (8, as ImageJ) or not (4).

    Returns
    -------
    (y, x) int32 array
        0 is background; 1, 2, … by the first pixel of each object, row by row.

    Raises
    ------
    MeasureError
        If the mask is not a two-dimensional bool array, or the connectivity neither 4 nor 8.

    Examples
    --------
    >>> label(np.array([[0, 0, 1], [1, 0, 1], [1, 0, 0]], bool)).tolist()
    [[0, 0, 1], [2, 0, 1], [2, 0, 0]]
    """
    return _label(_checked_mask(mask, connectivity), connectivity)[1]


def only_labels(labels: Labels, keep: npt.NDArray[np.bool_], *, out: Labels | None = None) -> Labels:
    """Drop objects from a label image and number the others on.

    Parameters
    ----------
    labels : (y, x) int32 array
        0 is background.
    keep : (n,) bool array
        For the labels 1 … n.
    out : (y, x) int32 array, optional
        Where the result goes; may be `labels` itself. Default: a new array.

    Returns
    -------
    (y, x) int32 array
        The label image, in the same order.

    Examples
    --------
    >>> only_labels(np.array([[1, 0, 2, 3]], np.int32), np.array([True, False, True])).tolist()
    [[1, 0, 0, 2]]
    """
    from exoimage.methods import _kernels

    table = np.concatenate(([0], np.cumsum(keep) * keep)).astype(np.int32)
    kept = np.empty_like(labels) if out is None else out
    _kernels.replace_labels(labels, table, kept)
    return kept


def measure_objects(
    labels: npt.NDArray[Any],
    count: int | None = None,
    *,
    intensity: npt.NDArray[Any] | None = None,
    connectivity: Connectivity = 8,
) -> ObjectTable:
    """Measure labelled objects: area, centroid, box, perimeter, circularity, intensity.

    Parameters
    ----------
    labels : (y, x) integer array
        0 is background; each label is one connected object. (Of a label in several parts the first part
        makes the perimeter.)
    count : int, optional
        The largest label. Default: looked up.
    intensity : (y, x) array of uint8, uint16 or float32, optional
        The picture to sum up.
    connectivity : {8, 4}
        Of the outline, as in `label`.

    Returns
    -------
    ObjectTable
        One entry per label from 1 to `count`.

    Raises
    ------
    MeasureError
        If `labels` is not a two-dimensional integer array, has labels outside 0..count, or `intensity` does
        not fit.

    Examples
    --------
    >>> table = measure_objects(label(np.ones((3, 4), bool)))
    >>> len(table), int(table.area_px[0]), float(table.x_px[0]), float(table.y_px[0])
    (1, 12, 2.0, 1.5)
    """
    labels = _checked_labels(labels, connectivity)
    count = int(labels.max(initial=0)) if count is None else int(count)
    values = None if intensity is None else _checked_intensity(intensity, labels.shape)
    boxes, sums = _scan(labels, count)
    return _object_table(labels, boxes, sums, values, connectivity)


def analyze(
    mask: Mask,
    intensity: npt.NDArray[Any] | None = None,
    min_size: float = 0,
    max_size: float = np.inf,
    exclude_edges: bool = False,
    include_holes: bool = False,
    min_circularity: float = 0.0,
    max_circularity: float = 1.0,
    connectivity: Connectivity = 8,
) -> pd.DataFrame:
    """Measure the objects of a mask as ImageJ's Analyze Particles does, column by column.

    Parameters
    ----------
    mask : (y, x) bool array
        True is foreground.
    intensity : (y, x) array of uint8, uint16 or float32, optional
        The picture to measure ("Redirect to").
    min_size, max_size : float
        Limits of the area in px, both inclusive.
    exclude_edges : bool
        Leave out objects whose bounding box touches the border.
    include_holes : bool
        Holes count as object, and objects within holes vanish. Otherwise holes are left out, and objects
        within them count by themselves.
    min_circularity, max_circularity : float
        Limits of the circularity, both inclusive.
    connectivity : {8, 4}
        As in `label`.

    Returns
    -------
    pandas.DataFrame
        One row per object in raster order, indexed from 0; the columns are `COLUMNS`, or `SHAPE_COLUMNS`
        without an intensity. All lengths in px, angles in degrees. Empty, with its columns, if there is none.

    Raises
    ------
    MeasureError
        If the mask is not a two-dimensional bool array, or `intensity` does not fit.

    Notes
    -----
    The numbers are those of ImageJ 1.53t and 1.54p: Area in pixels; Perim. along the outer outline; Feret
    and MinFeret of the pixels' corners; Major, Minor and Angle of the ellipse with the same second moments,
    scaled to the area; Circ. = 4π Area / Perim.²; AR = Major / Minor; Round = 4 Area / (π Major²);
    Solidity = Area / area of the convex hull; X, Y the centroid, XM, YM weighted by intensity; IntDen =
    Area × Mean.

    ImageJ's rounding is kept where it shows: Skew and Kurt of one float pixel are infinite or NaN, and of a
    few mirror-symmetric objects Angle is 180.0000000000004 and Major and Minor are some percent off.
    Its "4-connected" option without "include holes" is not kept: where objects touch by a corner, ImageJ
    counts some of them several times, with Area 0.

    Examples
    --------
    >>> mask = np.zeros((8, 8), bool)
    >>> mask[1:4, 1:5] = True
    >>> mask[6, 6] = True
    >>> analyze(mask)[["Area", "X", "Y", "Feret"]].round(3).values.tolist()
    [[12.0, 3.0, 2.5, 5.0], [1.0, 6.5, 6.5, 1.414]]
    """
    import pandas as pd

    mask = _checked_mask(mask, connectivity)
    values = None if intensity is None else _checked_intensity(intensity, mask.shape)
    if include_holes:
        mask = fill_holes(mask, connectivity=connectivity)
    count, labels = _label(mask, connectivity)
    boxes, sums = _scan(labels, count)
    table = _object_table(labels, boxes, sums, None, connectivity)
    columns = _shape_columns(table, labels, boxes, sums)
    if values is not None:
        columns |= _intensity_columns(table, labels, values)
    keep = (table.area_px >= min_size) & (table.area_px <= max_size)
    if exclude_edges:
        keep &= (table.left > 0) & (table.left + table.width < mask.shape[1])
        keep &= (table.top > 0) & (table.top + table.height < mask.shape[0])
    keep &= (table.circularity >= min_circularity) & (table.circularity <= max_circularity)
    names = SHAPE_COLUMNS if values is None else COLUMNS
    return pd.DataFrame({name: columns[name][keep] for name in names})


def _label(mask: Mask, connectivity: Connectivity) -> tuple[int, Labels]:
    if 0 in mask.shape:
        return 0, np.zeros(mask.shape, np.int32)
    # Wu's algorithm alone numbers objects in raster order; OpenCV's others go by blocks of 2 × 2.
    count, labels = cv2.connectedComponentsWithAlgorithm(mask.view(np.uint8), connectivity, cv2.CV_32S, cv2.CCL_WU)
    return count - 1, np.asarray(labels, np.int32)


def _scan(labels: npt.NDArray[Any], count: int) -> tuple[npt.NDArray[np.int64], Floats]:
    from exoimage.methods._kernels_particles import scan

    valid, boxes, sums = scan(labels, count)
    if not valid:
        raise MeasureError(f"labels must lie between 0 and {count}, the count given; this image has others")
    return boxes, sums


def _object_table(
    labels: npt.NDArray[Any],
    boxes: npt.NDArray[np.int64],
    sums: Floats,
    values: npt.NDArray[Any] | None,
    connectivity: Connectivity,
) -> ObjectTable:
    from exoimage.methods._kernels_particles import intensity_sums, trace_perimeters

    area = boxes[:, 0]
    present = area > 0
    perimeter = trace_perimeters(labels, boxes, connectivity == 4)
    with np.errstate(invalid="ignore", divide="ignore"):
        x = sums[:, 0] / area + boxes[:, 5] + 0.5
        y = sums[:, 1] / area + boxes[:, 2] + 0.5
        circularity = np.where(perimeter > 0, np.minimum(4 * np.pi * (area / perimeter**2), 1.0), 0.0)
        major, minor, _ = _ellipses(boxes, sums)
        roundness = np.where(present, minor / major, 0.0)
    return ObjectTable(
        area_px=area,
        y_px=y,
        x_px=x,
        top=boxes[:, 2],
        left=boxes[:, 1],
        height=(boxes[:, 4] - boxes[:, 2] + 1) * present,
        width=(boxes[:, 3] - boxes[:, 1] + 1) * present,
        perimeter_px=perimeter,
        circularity=circularity,
        roundness=roundness,
        intensity_sum=np.full(area.size, np.nan) if values is None else intensity_sums(labels, values, area.size),
    )


def _shape_columns(
    table: ObjectTable, labels: Labels, boxes: npt.NDArray[np.int64], sums: Floats
) -> dict[str, npt.NDArray[Any]]:
    from exoimage.methods._kernels_particles import hull_measures

    major, minor, angle = _ellipses(boxes, sums)
    hull = hull_measures(labels, boxes)
    return {
        "Area": table.area_px,
        "X": table.x_px,
        "Y": table.y_px,
        "Perim.": table.perimeter_px,
        "BX": table.left,
        "BY": table.top,
        "Width": table.width,
        "Height": table.height,
        "Major": major,
        "Minor": minor,
        "Angle": angle,
        "Circ.": table.circularity,
        "Feret": hull[:, 0],
        "FeretX": hull[:, 1].astype(np.int64),
        "FeretY": hull[:, 2].astype(np.int64),
        "FeretAngle": hull[:, 3],
        "MinFeret": hull[:, 4],
        "AR": major / minor,
        "Round": 4 * (table.area_px / (np.pi * major * major)),
        "Solidity": table.area_px / hull[:, 5],
    }


def _ellipses(boxes: npt.NDArray[np.int64], sums: Floats) -> tuple[Floats, Floats, Floats]:
    """Major and minor axis and angle of the ellipses of equal second moments, scaled to the objects' areas.

    The small constants are ImageJ's: they decide where moments are equal or mixed ones vanish.
    """
    area = boxes[:, 0].astype(float)
    width, height = boxes[:, 3] - boxes[:, 1] + 1, boxes[:, 4] - boxes[:, 2] + 1
    shift = boxes[:, 5] - boxes[:, 1]
    sum_x, sum_y = sums[:, 0] + shift * area, sums[:, 1]
    sum_xx = sums[:, 2] + 2 * shift * sums[:, 0] + shift * shift * area
    mean_x, mean_y = sum_x / area, sum_y / area
    xx = (sum_xx + _TWELFTH * area) / area - mean_x * mean_x
    yy = (sums[:, 3] + _TWELFTH * area) / area - mean_y * mean_y
    xy = (sums[:, 4] + shift * sum_y) / area - mean_x * mean_y
    determinant = np.maximum(4.0 * np.abs(yy * xx - xy * xy), 1e-6)
    a, b, c = yy / determinant, xy / determinant, xx / determinant
    theta = 0.5 * np.arctan(2.0 * b / np.where(a == c, 1e-6, a - c))
    theta = theta + np.where(theta < 0, _HALF_PI, 0.0) + np.where(b > 0, _HALF_PI, 0.0)
    upright = (b == 0) & (a != c)
    theta[upright] = np.where(c > a, 0.0, _HALF_PI)[upright]
    swap = upright & (c > a)
    a, c = np.where(swap, c, a), np.where(swap, a, c)
    sine = np.sin(theta)
    tilt = b * np.cos(theta) / np.where(sine == 0, 1e-6, sine)
    axes = np.sqrt(1.0 / np.abs([c + tilt, a - tilt]))
    axes = 2.0 * axes * np.sqrt(area / (np.pi * axes[0] * axes[1]))
    angle = 180.0 * theta / np.pi
    angle[angle == 180.0] = 0.0
    thin = (width == 1) | (height == 1)
    axes[:, thin] = 2 * np.array([width, height])[:, thin] / _ROOT_PI
    angle[thin] = np.where(height > width, 90.0, 0.0)[thin]
    return axes.max(axis=0), axes.min(axis=0), angle


def _intensity_columns(table: ObjectTable, labels: Labels, values: npt.NDArray[Any]) -> dict[str, npt.NDArray[Any]]:
    from exoimage.methods import _kernels_particles as kernels

    n = table.area_px.astype(float)
    offsets = np.append(0, np.cumsum(table.area_px))
    sums, gathered = kernels.intensity_moments(labels, values, len(table), offsets)
    by_dtype: dict[str, Callable[..., Floats]] = {
        "uint8": kernels.modes_and_medians_of_bytes,
        "uint16": kernels.modes_and_medians_of_words,
        "float32": kernels.modes_and_medians_of_floats,
    }
    extremes = by_dtype[values.dtype.name](gathered, offsets)
    s1, s2, s3, s4 = sums[:, 0], sums[:, 1], sums[:, 2], sums[:, 3]
    mean = s1 / n
    with np.errstate(invalid="ignore", divide="ignore"):
        spread = (n * s2 - s1 * s1) / n
        deviation = np.where((spread > 0) & (n > 1), np.sqrt(spread / (n - 1.0)), 0.0)
        square = mean * mean
        variance = s2 / n - square
        skew = ((s3 - 3.0 * mean * s2) / n + 2.0 * mean * square) / (variance * np.sqrt(variance))
        fourth = (s4 - 4.0 * mean * s3 + 6.0 * square * s2) / n - 3.0 * square * square
        kurtosis = fourth / (variance * variance) - 3.0
        dark = s1 == 0
        return {
            "Mean": mean,
            "StdDev": deviation,
            "Mode": extremes[:, 0],
            "Min": sums[:, 6],
            "Max": sums[:, 7],
            "XM": np.where(dark, table.x_px, sums[:, 4] / s1 + 0.5),
            "YM": np.where(dark, table.y_px, sums[:, 5] / s1 + 0.5),
            "IntDen": n * mean,
            "Median": extremes[:, 1],
            "Skew": skew,
            "Kurt": kurtosis,
            "RawIntDen": s1,
        }


def _checked_mask(mask: npt.ArrayLike, connectivity: int) -> Mask:
    _check_connectivity(connectivity)
    array = np.asarray(mask)
    if array.dtype != np.bool_ or array.ndim != 2:
        raise MeasureError(
            f"a mask is a (y, x) array of bool, not {array.dtype} of shape {array.shape}; write e.g. image > level"
        )
    return np.ascontiguousarray(array)


def _checked_labels(labels: npt.ArrayLike, connectivity: int) -> Labels:
    _check_connectivity(connectivity)
    array = np.asarray(labels)
    if array.ndim != 2 or array.dtype.kind not in "iu":
        raise MeasureError(
            f"labels are a (y, x) array of integers, not {array.dtype} of shape {array.shape}; "
            "make them with particles.label(mask)"
        )
    if array.size and (array.min() < 0 or array.max() >= 2**31):
        raise MeasureError("labels must lie between 0 and 2147483647; this image has others")
    return np.ascontiguousarray(array, np.int32)


def _checked_intensity(intensity: npt.ArrayLike, shape: tuple[int, ...]) -> npt.NDArray[Any]:
    array = np.asarray(intensity)
    if array.dtype not in (np.uint8, np.uint16, np.float32):
        raise MeasureError(f"intensities are uint8, uint16 or float32, not {array.dtype}; convert them first")
    if array.shape != shape:
        raise MeasureError(f"the intensity image is {array.shape}, the mask {shape}; both must have one shape (y, x)")
    # A finite sum has finite terms, and is quicker to have.
    if array.dtype == np.float32 and not np.isfinite(array.sum()) and not np.isfinite(array).all():
        raise MeasureError("the intensity image has NaN or infinite values; replace them first")
    return np.ascontiguousarray(array)


def _check_connectivity(connectivity: int) -> None:
    if connectivity not in (4, 8):
        raise MeasureError(f"connectivity is 4 or 8, not {connectivity!r}")
