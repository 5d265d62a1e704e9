"""Circles of one radius on a regular grid: votes of edges, the best grid, and the fit of its rings."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt
from scipy.signal import find_peaks

FloatArray = npt.NDArray[np.float32]
Points = npt.NDArray[np.float64]  # (n, 2): y, x

LARGEST_TILT = np.deg2rad(13)
PITCH_IN_RADII = (1.95, 3.6)
SMALLEST_SHARE = {"wells": 5.0, "dish": 3.5}  # they are at least 1 / 5, 1 / 3.5 of the largest that would fit
RADIUS_STEP = 1.06
OFF_GRID = 0.13  # of the pitch
LEAST_COVERAGE = 0.45
POLAR = np.linspace(0.70, 1.30, 151)


@dataclass(frozen=True, eq=False)
class Edges:
    """Thin edges of a picture: where, and the unit direction of their gradients."""

    y: FloatArray
    x: FloatArray
    unit_y: FloatArray
    unit_x: FloatArray
    shape: tuple[int, int]


@dataclass(frozen=True, eq=False)
class Lattice:
    """Circles of one radius on a regular grid, row by row, and whether more of the kind lie beside it."""

    centres: Points
    radius: float
    coverage: float
    more_in_view: bool


@dataclass(frozen=True, eq=False)
class Rings:
    """Fitted circles: centres (n, 2), the shared radius, and the share of each rim that was seen."""

    centres: Points
    radius: float
    seen: npt.NDArray[np.float64]


def best_lattice(picture: FloatArray, rows: int, columns: int) -> Lattice | None:
    """The grid of rows × columns circles that the picture's edges support best, or None."""
    edges = thin_edges(picture)
    if len(edges.y) < 20:
        return None
    largest = 1.03 * min(picture.shape[0] / (2 * rows), picture.shape[1] / (2 * columns))
    smallest = max(5.0, largest / SMALLEST_SHARE["dish" if rows * columns == 1 else "wells"])
    if smallest >= largest:
        return None
    radii = np.geomspace(smallest, largest, int(np.log(largest / smallest) / np.log(RADIUS_STEP)) + 2)
    voted = [(radius, *_peaks(edges, radius, 3 * rows * columns + 12)) for radius in radii]
    promise = [float(np.sort(support)[::-1][: rows * columns].sum()) for _, _, support in voted]
    aligned = _aligned_edges(edges)
    found = []
    for index in np.argsort(promise)[::-1][:14]:
        radius, places, support = voted[index]
        centres = _best_grid(places, support, radius, rows, columns, edges.shape)
        if centres is not None:
            found.append((float(coverage(aligned, centres, radius).mean()), float(radius), centres, places))
    if not found:
        return None
    best, radius, centres, places = max(found, key=lambda each: each[0])
    # One circle is found by chance more easily than many in a grid.
    if best < LEAST_COVERAGE + 0.25 / len(centres):
        return None
    return Lattice(centres, radius, best, _others_in_view(aligned, centres, places, radius))


def thin_edges(picture: FloatArray) -> Edges:
    """Pixels where the brightness changes most along its own gradient, above the noise."""
    smooth = np.asarray(cv2.GaussianBlur(picture, (0, 0), 1.0), np.float32)
    gradient_y = np.asarray(cv2.Scharr(smooth, cv2.CV_32F, 0, 1), np.float32) / 16
    gradient_x = np.asarray(cv2.Scharr(smooth, cv2.CV_32F, 1, 0), np.float32) / 16
    size = np.hypot(gradient_y, gradient_x)
    least = max(1.0, 3.0 * float(np.median(size)))
    y, x = np.nonzero(size > least)
    inner = (y > 0) & (x > 0) & (y < picture.shape[0] - 1) & (x < picture.shape[1] - 1)
    y, x = y[inner], x[inner]
    unit_y, unit_x = gradient_y[y, x] / size[y, x], gradient_x[y, x] / size[y, x]
    step_y, step_x = np.rint(unit_y).astype(np.intp), np.rint(unit_x).astype(np.intp)
    top = (size[y, x] >= size[y + step_y, x + step_x]) & (size[y, x] > size[y - step_y, x - step_x])
    return Edges(
        y[top].astype(np.float32),
        x[top].astype(np.float32),
        unit_y[top],
        unit_x[top],
        (picture.shape[0], picture.shape[1]),
    )


def _peaks(edges: Edges, radius: float, most: int) -> tuple[Points, npt.NDArray[np.float64]]:
    """Centres that edges vote for at one radius, strongest first, with the share of the circle that voted."""
    height, width = edges.shape
    votes = np.zeros(height * width, np.float32)
    for sign in (-1, 1):
        y = np.rint(edges.y + sign * radius * edges.unit_y).astype(np.intp)
        x = np.rint(edges.x + sign * radius * edges.unit_x).astype(np.intp)
        inside = (y >= 0) & (y < height) & (x >= 0) & (x < width)
        votes += np.bincount(y[inside] * width + x[inside], minlength=height * width).astype(np.float32)
    tolerance = 2 * max(1, round(0.04 * radius)) + 1
    gathered = cv2.boxFilter(votes.reshape(height, width), cv2.CV_32F, (tolerance, tolerance), normalize=False)
    support = np.asarray(gathered, np.float32) / np.float32(2 * np.pi * radius)
    reach = 2 * round(0.8 * radius) + 1
    around = cv2.dilate(support, np.ones((reach, reach), np.uint8), borderType=cv2.BORDER_CONSTANT, borderValue=0)
    y, x = np.nonzero((support == np.asarray(around)) & (support > 0.15))
    order = np.argsort(-support[y, x], kind="stable")[:most]
    strength = np.minimum(support[y, x][order], 1.0).astype(np.float64)
    return np.column_stack([y, x])[order].astype(np.float64), strength


def _best_grid(
    places: Points,
    support: npt.NDArray[np.float64],
    radius: float,
    rows: int,
    columns: int,
    shape: tuple[int, int],
) -> Points | None:
    """Centres of the rows × columns grid with the most support among the peaks, wholly inside the picture."""
    if len(places) == 0:
        return None
    if rows * columns == 1:
        inside = _inside(places, radius, shape)
        return places[inside][:1] if inside.any() else None
    origin, step = _steps(places, radius, rows, columns)
    if len(origin) == 0:
        return None
    away = places[np.newaxis, :, :] - places[origin][:, np.newaxis, :]
    length = (step**2).sum(axis=1)[:, np.newaxis]
    along_columns = (away * step[:, np.newaxis, :]).sum(axis=2) / length
    turned = np.column_stack([step[:, 1], -step[:, 0]])
    along_rows = (away * turned[:, np.newaxis, :]).sum(axis=2) / length
    row, column = np.rint(along_rows).astype(int), np.rint(along_columns).astype(int)
    fits = np.hypot(along_rows - row, along_columns - column) < OFF_GRID
    fits &= (abs(row) < rows) & (abs(column) < columns)
    cells = np.zeros((len(origin), 2 * rows - 1, 2 * columns - 1))
    guess, peak = np.nonzero(fits)
    np.maximum.at(cells, (guess, row[guess, peak] + rows - 1, column[guess, peak] + columns - 1), support[peak])
    totals = np.lib.stride_tricks.sliding_window_view(cells, (rows, columns), axis=(1, 2)).sum(axis=(3, 4))
    first = places[origin][:, np.newaxis, np.newaxis, :]
    shift_rows = (np.arange(rows) - rows + 1)[np.newaxis, :, np.newaxis, np.newaxis]
    shift_columns = (np.arange(columns) - columns + 1)[np.newaxis, np.newaxis, :, np.newaxis]
    corner = first + shift_rows * turned[:, np.newaxis, np.newaxis] + shift_columns * step[:, np.newaxis, np.newaxis]
    allowed = np.ones(totals.shape, np.bool_)
    for down in (0, rows - 1):
        for right in (0, columns - 1):
            allowed &= _inside(
                corner + down * turned[:, np.newaxis, np.newaxis] + right * step[:, np.newaxis, np.newaxis],
                radius,
                shape,
            )
    totals = np.where(allowed, totals, 0)
    best = np.unravel_index(int(totals.argmax()), totals.shape)
    if totals[best] == 0:
        return None
    number, window = best[0], (best[1], best[2])
    return _settled(places, fits[number], row[number] + rows - 1 - window[0], column[number] + columns - 1 - window[1],
                    corner[best], turned[number], step[number], rows, columns)  # fmt: skip


def _steps(places: Points, radius: float, rows: int, columns: int) -> tuple[npt.NDArray[np.intp], Points]:
    """Every pair of peaks that may be neighbours in a row or a column: the first peak, and the step to the right."""
    away = places[np.newaxis, :, :] - places[:, np.newaxis, :]
    distance = np.hypot(away[..., 0], away[..., 1])
    near = (distance >= PITCH_IN_RADII[0] * radius) & (distance <= PITCH_IN_RADII[1] * radius)
    origins, steps = [], []
    if columns > 1:
        one, two = np.nonzero(near & (np.abs(np.arctan2(away[..., 0], away[..., 1])) < LARGEST_TILT))
        origins.append(one)
        steps.append(away[one, two])
    if rows > 1:
        one, two = np.nonzero(near & (np.abs(np.arctan2(away[..., 1], away[..., 0])) < LARGEST_TILT))
        origins.append(one)
        steps.append(np.column_stack([-away[one, two, 1], away[one, two, 0]]))
    return np.concatenate(origins), np.concatenate(steps)


def _settled(
    places: Points,
    fits: npt.NDArray[np.bool_],
    row: npt.NDArray[np.intp],
    column: npt.NDArray[np.intp],
    corner: Points,
    down: Points,
    right: Points,
    rows: int,
    columns: int,
) -> Points:
    """The grid again, fitted to all the peaks it explains rather than to the two it came from."""
    used = fits & (row >= 0) & (row < rows) & (column >= 0) & (column < columns)
    y, x = np.divmod(np.arange(rows * columns), columns)
    rough = corner + y[:, np.newaxis] * down + x[:, np.newaxis] * right
    off = places[used] - rough[row[used] * columns + column[used]]
    rough = rough + np.median(off, axis=0)
    if used.sum() < 6 or min(rows, columns) < 2:
        return np.asarray(rough, np.float64)
    steps = np.column_stack([np.ones(used.sum()), row[used], column[used]])
    fitted = np.linalg.lstsq(steps, places[used], rcond=None)[0]
    return np.asarray(np.column_stack([np.ones(len(y)), y, x]) @ fitted, np.float64)


def _inside(centres: Points, radius: float, shape: tuple[int, int]) -> npt.NDArray[np.bool_]:
    slack = 0.85 * radius
    inside = (centres >= slack).all(axis=-1) & (centres <= np.array(shape) - 1 - slack).all(axis=-1)
    return np.asarray(inside, np.bool_)


def _aligned_edges(edges: Edges) -> tuple[FloatArray, FloatArray]:
    unit_y, unit_x = np.zeros(edges.shape, np.float32), np.zeros(edges.shape, np.float32)
    y, x = edges.y.astype(np.intp), edges.x.astype(np.intp)
    unit_y[y, x], unit_x[y, x] = edges.unit_y, edges.unit_x
    return unit_y, unit_x


def coverage(aligned: tuple[FloatArray, FloatArray], centres: Points, radius: float) -> npt.NDArray[np.float64]:
    """Share of each circle along which an edge points to its centre."""
    unit_y, unit_x = aligned
    angle = np.linspace(0, 2 * np.pi, 90, endpoint=False)
    slack = max(1.5, 0.05 * radius)
    distance = radius + np.arange(-np.ceil(slack), np.ceil(slack) + 1)
    y = centres[:, 0, np.newaxis, np.newaxis] + distance[:, np.newaxis] * np.sin(angle)
    x = centres[:, 1, np.newaxis, np.newaxis] + distance[:, np.newaxis] * np.cos(angle)
    row, column = np.rint(y).astype(np.intp), np.rint(x).astype(np.intp)
    inside = (row >= 0) & (row < unit_y.shape[0]) & (column >= 0) & (column < unit_y.shape[1])
    row, column = np.where(inside, row, 0), np.where(inside, column, 0)
    agreement = np.abs(unit_y[row, column] * np.sin(angle) + unit_x[row, column] * np.cos(angle))
    return np.asarray(((agreement > 0.9) & inside).any(axis=1).mean(axis=1), np.float64)


def _others_in_view(aligned: tuple[FloatArray, FloatArray], centres: Points, places: Points, radius: float) -> bool:
    """Whether circles like those of the grid lie beside it, whole in the picture."""
    apart = np.hypot(*np.moveaxis(places[:, np.newaxis] - centres[np.newaxis], 2, 0)).min(axis=1)
    beside = places[(apart > 1.8 * radius) & _inside(places, 1.2 * radius, aligned[0].shape[:2])]
    return bool(len(beside)) and float(coverage(aligned, beside, radius).max()) > LEAST_COVERAGE + 0.2


def refine_rings(picture: FloatArray, centres: Points, radius: float) -> Rings:
    """Fit the rings of all wells at once: own centres, one radius, that of the innermost ring they share."""
    smooth = np.asarray(cv2.GaussianBlur(picture, (0, 0), max(0.4, 0.004 * radius)), np.float32)
    angle = np.linspace(0, 2 * np.pi, 120 if len(centres) <= 12 else 72, endpoint=False)
    edge = _saturated(_ring_edges(smooth, centres, radius, angle))
    moves = _sharpest_moves(edge, angle)
    # Many wells are on their grid already; what light from one side does to them, it does to all.
    centres = centres + radius * (np.median(moves, axis=0) if len(centres) >= 12 else moves)
    edge = _saturated(_ring_edges(smooth, centres, radius, angle))
    centres = centres + radius * _moves(*_shifts(edge, 4), angle)
    for _ in range(2):
        edge = _ring_edges(smooth, centres, radius, angle)
        sign, at = _innermost(_shared_profile(_saturated(edge)))
        centres = centres + radius * _moves(*_crest_shifts(edge[:, :, sign], at), angle)
    edge = _ring_edges(smooth, centres, radius, angle)
    sign, at = _innermost(_shared_profile(_saturated(edge)))
    rim = radius * _crest(_shared_profile(edge)[sign], at)
    slack = 6
    band = edge[:, :, :, max(0, at - slack) : at + slack + 1].max(axis=(2, 3))
    return Rings(centres, rim, (band > 0.25).mean(axis=1))


def _ring_edges(smooth: FloatArray, centres: Points, radius: float, angle: npt.NDArray[np.float64]) -> FloatArray:
    """Strength of radial edges, 1 at a usual rim: (well, angle, brighter or darker outwards, `POLAR`)."""
    distance = radius * POLAR
    y = centres[:, 0, np.newaxis, np.newaxis] + distance * np.sin(angle)[:, np.newaxis]
    x = centres[:, 1, np.newaxis, np.newaxis] + distance * np.cos(angle)[:, np.newaxis]
    flat = (len(centres) * len(angle), len(POLAR))
    tones = cv2.remap(
        smooth,
        x.reshape(flat).astype(np.float32),
        y.reshape(flat).astype(np.float32),
        cv2.INTER_LINEAR,
        borderMode=cv2.BORDER_REPLICATE,
    )
    change = np.gradient(np.asarray(tones, np.float32).reshape(y.shape), axis=2)
    typical = np.median(np.abs(change[:, :, POLAR > 0.90]).max(axis=2), axis=1)
    # A place without a rim must not have the bench's grain taken for one.
    typical = np.maximum(typical, max(0.05, 0.4 * float(np.percentile(typical, 80))))
    scaled = change / typical[:, np.newaxis, np.newaxis]
    return np.asarray(np.maximum(np.stack([scaled, -scaled], axis=2), 0), np.float32)


def _saturated(edge: FloatArray) -> FloatArray:
    """A weak stretch of a rim counts as much as its glints."""
    return np.minimum(2 * edge, 1)


def _sharpest_moves(edge: FloatArray, angle: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Each well's move (y, x), in radii, that makes its rings sharpest: from the true centre all of them are.

    A wall lit from one side has rings so close together that from a wrong centre one may pass for another.
    """
    step = 2 * (POLAR[1] - POLAR[0])
    reach = 12
    tries = np.stack(np.meshgrid(np.arange(-6, 7), np.arange(-6, 7), indexing="ij"), axis=2).reshape(-1, 2) * 0.011
    tries = tries[np.argsort(np.hypot(*tries.T), kind="stable")]
    coarse = 0.5 * edge[:, :: len(angle) // 36, :, 20:-21:2] + 0.5 * edge[:, :: len(angle) // 36, :, 21:-20:2]
    angle = angle[:: len(angle) // 36]
    outwards = np.rint((tries[:, :1] * np.sin(angle) + tries[:, 1:] * np.cos(angle)) / step).astype(np.intp) + reach
    windows = np.lib.stride_tricks.sliding_window_view(coarse, coarse.shape[3] - 2 * reach, axis=3)
    total = np.zeros((len(edge), 2, len(tries), windows.shape[4]), np.float32)
    for number in range(len(angle)):
        total += windows[:, number][:, :, outwards[:, number]]
    sharpness = ((total / len(angle)) ** 3).sum(axis=(1, 3))
    return np.asarray(tries[sharpness.argmax(axis=1)], np.float64)


def _shifts(edge: FloatArray, lags: int) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """How far out, per well and angle, the edges lie from the mean profile of all; and how sure that is."""
    template = edge.mean(axis=(0, 1))
    template = template - np.median(template, axis=1, keepdims=True)
    rolled = np.stack([np.roll(template, lag, axis=1).ravel() for lag in range(-lags, lags + 1)], axis=1)
    agreement = edge.reshape(*edge.shape[:2], -1) @ rolled
    best = agreement.argmax(axis=2)
    trust = agreement.max(axis=2) - np.median(agreement, axis=2)
    return (best - lags) * (POLAR[1] - POLAR[0]), np.maximum(trust, 1e-6)


def _crest_shifts(edge: FloatArray, at: int) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """How far out, per well and angle, the strongest edge near the rim lies; and how strong it is."""
    slack = 8
    near = edge[:, :, at - slack : at + slack + 1] * np.hanning(2 * slack + 3)[1:-1] ** 0.5
    best = near.argmax(axis=2)
    return (best - slack) * (POLAR[1] - POLAR[0]), np.maximum(near.max(axis=2), 1e-6)


def _moves(
    shift: npt.NDArray[np.float64], trust: npt.NDArray[np.float64], angle: npt.NDArray[np.float64]
) -> npt.NDArray[np.float64]:
    """Each well's move (y, x), in radii, that explains its shifts; angles that disagree lose their say."""
    direction = np.column_stack([np.sin(angle), np.cos(angle)])
    weight = trust
    move = np.zeros((len(shift), 2))
    for _ in range(6):
        normal = np.einsum("wa,ai,aj->wij", weight, direction, direction) + 1e-9 * np.eye(2)
        move = np.linalg.solve(normal, np.einsum("wa,ai,wa->wi", weight, direction, shift)[..., np.newaxis])[..., 0]
        miss = np.abs(shift - move @ direction.T)
        typical = np.maximum(np.median(miss, axis=1, keepdims=True), 0.004)
        weight = trust / (1 + (miss / (1.5 * typical)) ** 2) ** 2
    return move


def _shared_profile(edge: FloatArray) -> npt.NDArray[np.float64]:
    """Mean strength of the edges, (2, relative radius); wells with a calm floor tell most about their rim."""
    each = edge.mean(axis=1).astype(np.float64)
    unrest = each[:, :, POLAR < 0.85].mean(axis=(1, 2))
    return np.asarray(np.average(each, axis=0, weights=(0.05 + unrest) ** -2))


def _innermost(profile: npt.NDArray[np.float64]) -> tuple[int, int]:
    """Sign (0 brighter outwards, 1 darker) and place in `POLAR` of the innermost ring that stands out."""
    ends = np.pad(profile, ((0, 0), (1, 1)), mode="edge")
    smooth = 0.25 * ends[:, :-2] + 0.5 * profile + 0.25 * ends[:, 2:]
    near = (POLAR > 0.84) & (POLAR < 1.12)
    least = 0.3 * float(smooth[:, near].max() - np.median(smooth[:, POLAR < 0.85]))
    peaks = [
        (int(at), sign)
        for sign in (0, 1)
        for at in find_peaks(smooth[sign], prominence=max(least, 1e-6))[0]
        if near[at]
    ]
    at, sign = min(peaks, default=(len(POLAR) // 2, 0))
    return sign, at


def _crest(profile: npt.NDArray[np.float64], at: int) -> float:
    """Relative radius of the profile's maximum near a place, between the samples."""
    start = at - 5
    top = start + int(profile[start : at + 6].argmax())
    left, here, right = profile[top - 1 : top + 2]
    bend = left - 2 * here + right
    return float(POLAR[top] + (0.5 * (left - right) / bend if bend < 0 else 0.0) * (POLAR[1] - POLAR[0]))
