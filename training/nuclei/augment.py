"""Changes of light that pictures undergo before the network sees them, each with its own chance.

All work on relative values: 0 is the background's level, 1 that of the brightest nuclei.
"""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float32]
Labels = npt.NDArray[np.int32]
Rng = np.random.Generator


GRAIN_ALONE = 0.4
"""Share of the empty fields that are noise of one grain: the likeliest to be taken for nuclei where grain is coarse."""

CLIPPED = 0.4
"""Share of the empty fields that a camera's offset cuts: only the peaks of noise show, on black."""


def change_light(plane: FloatArray, labels: Labels, rng: Rng) -> FloatArray:
    """A crop under other conditions: other cells, other haze, another camera, another export.

    Parameters
    ----------
    plane : (y, x) float32 array
        Relative values.
    labels : (y, x) int32 array
    rng : Generator

    Returns
    -------
    (y, x) float32 array
        Relative values; may be below 0 and above 1.
    """
    for chance, change in (
        (0.35, _vary_nuclei),
        (0.08, _hollow),
        (0.15, _texture),
        (0.3, _gamma),
        (0.2, _haze),
        (0.3, _clouds),
        (0.12, _tissue),
        (0.3, _slope),
        (0.08, _specks),
        (0.4, _blur),
        (0.55, _noise),
        (0.15, _saturate),
        (0.1, _clip_black),
        (0.3, _quantise),
        (0.1, _jpeg),
        (0.5, _gain),
    ):
        if rng.random() < chance:
            plane = np.asarray(change(plane, labels, rng), np.float32)
    return plane


def empty_field(edge: int, rng: Rng) -> FloatArray:
    """A field without a nucleus: noise, clouds, stripes, blocks, fibres, a huge object's edge, alone or together."""
    y, x = np.mgrid[:edge, :edge].astype(np.float32)
    field = np.zeros((edge, edge), np.float32)
    kinds: tuple[Callable[[], FloatArray], ...] = (
        lambda: rng.standard_normal((edge, edge)).astype(np.float32),
        lambda: smooth(edge, float(np.exp(rng.uniform(np.log(0.5), np.log(4)))), rng),
        lambda: smooth(edge, float(np.exp(rng.uniform(np.log(3), np.log(15)))), rng),
        lambda: smooth(edge, float(np.exp(rng.uniform(np.log(15), np.log(80)))), rng),
        lambda: _stripes(x, y, rng),
        lambda: _huge(x, y, rng),
        lambda: _fibres(edge, rng),
        lambda: 3 * (rng.random((edge, edge)) < 10 ** rng.uniform(-4, -1.5)).astype(np.float32),
        lambda: (x * rng.normal() + y * rng.normal()) / edge,
        lambda: _blocks(x, y, rng),
        lambda: rng.poisson(rng.uniform(0.5, 10), (edge, edge)).astype(np.float32),
        lambda: np.repeat(rng.standard_normal((edge, 1)).astype(np.float32), edge, axis=1),
    )
    if rng.random() < GRAIN_ALONE:
        field = smooth(edge, float(np.exp(rng.uniform(np.log(0.3), np.log(9)))), rng)
    else:
        for index in rng.choice(len(kinds), rng.integers(1, 4), replace=False):
            field += np.float32(np.exp(rng.normal(0, 1))) * kinds[index]()
    if rng.random() < CLIPPED:
        field = np.maximum(field, np.quantile(field, rng.uniform(0.1, 0.8)))
    low, high = np.percentile(field, [1, 99.8])
    return np.asarray((field - low) / max(high - low, 1e-6), np.float32)


def smooth(edge: int, sigma: float, rng: Rng) -> FloatArray:
    """Noise without structure below a length, of standard deviation 1."""
    reduction = max(1, int(sigma / 3))
    small = rng.standard_normal((edge // reduction + 8, edge // reduction + 8)).astype(np.float32)
    small = cv2.GaussianBlur(small, (0, 0), max(sigma / reduction, 0.3))
    large = cv2.resize(small, None, fx=reduction, fy=reduction, interpolation=cv2.INTER_CUBIC)[:edge, :edge]
    return np.asarray(large / max(float(large.std()), 1e-6), np.float32)


def _stripes(x: FloatArray, y: FloatArray, rng: Rng) -> FloatArray:
    angle, period = rng.uniform(0, np.pi), np.exp(rng.uniform(np.log(2), np.log(80)))
    if rng.random() < 0.4:
        angle = rng.choice([0, np.pi / 2])
    wave = np.sin(2 * np.pi * (x * np.cos(angle) + y * np.sin(angle)) / period)
    return np.asarray(np.sign(wave) if rng.random() < 0.5 else wave, np.float32)


def _blocks(x: FloatArray, y: FloatArray, rng: Rng) -> FloatArray:
    """Large areas with straight borders and corners: chambers, stitched tiles, a chip's halves."""
    edge, field = len(x), np.zeros_like(x)
    for _ in range(int(rng.integers(1, 5))):
        angle = rng.uniform(0, np.pi) if rng.random() < 0.4 else 0.0
        across = x * np.cos(angle) + y * np.sin(angle) > rng.uniform(0, edge)
        along = y * np.cos(angle) - x * np.sin(angle) > rng.uniform(0, edge)
        field += rng.normal() * (across ^ along if rng.random() < 0.6 else across)
    return np.asarray(2 * field, np.float32)


def _huge(x: FloatArray, y: FloatArray, rng: Rng) -> FloatArray:
    """A disc at least six nuclei wide, whole or in part: no nucleus."""
    edge = len(x)
    radius = rng.uniform(60, 200)
    centre = rng.uniform(-0.3 * edge, 1.3 * edge, 2)
    distance = np.hypot(x - centre[0], (y - centre[1]) * rng.uniform(0.8, 1.25))
    return np.asarray(3 / (1 + np.exp(np.clip((distance - radius) / rng.uniform(0.5, 6), -30, 30))), np.float32)


def _fibres(edge: int, rng: Rng) -> FloatArray:
    canvas = np.zeros((edge, edge), np.uint8)
    for _ in range(int(rng.integers(2, 30))):
        start = rng.uniform(0, edge, 2)
        length = rng.uniform(10, 60)
        ways = rng.uniform(0, 6.3) + np.cumsum(rng.normal(0, 0.3, 8))
        steps = length * np.stack([np.cos(ways), np.sin(ways)], axis=1)
        points = (start + np.cumsum(steps, axis=0)).astype(np.int32)
        cv2.polylines(canvas, [points.reshape(-1, 1, 2)], False, 255, int(rng.integers(1, 5)), cv2.LINE_AA)
    return np.asarray(cv2.GaussianBlur(canvas, (0, 0), float(rng.uniform(0.5, 2))) / 80.0, np.float32)


def _vary_nuclei(plane: FloatArray, labels: Labels, rng: Rng) -> FloatArray:
    """Nuclei brighter and dimmer than they were, against each other."""
    gains = np.exp(rng.normal(0, rng.uniform(0.2, 0.9), int(labels.max()) + 1))
    gains[0] = 1.0
    around = float(np.percentile(plane, 3))
    gain = cv2.GaussianBlur(np.clip(gains, 0.08, 3).astype(np.float32)[labels], (0, 0), 1.0)
    return np.asarray(around + (plane - around) * gain)


def _hollow(plane: FloatArray, labels: Labels, rng: Rng) -> FloatArray:
    """Vesicular nuclei, as haematoxylin shows them: a pale middle in a dark rim."""
    depth = cv2.distanceTransform((labels > 0).astype(np.uint8), cv2.DIST_L2, 5)
    around = float(np.percentile(plane, 3))
    pale = 1 - rng.uniform(0.2, 0.7) * np.clip((depth - 2) / 6, 0, 1)
    return np.asarray(around + (plane - around) * pale)


def _texture(plane: FloatArray, labels: Labels, rng: Rng) -> FloatArray:
    grain = smooth(len(plane), float(rng.uniform(1, 4)), rng)
    return np.asarray(plane * np.where(labels > 0, 1 + rng.uniform(0.05, 0.35) * grain, 1))


def _gamma(plane: FloatArray, labels: Labels, rng: Rng) -> FloatArray:
    return np.asarray(np.sign(plane) * np.abs(plane) ** np.exp(rng.normal(0, 0.3)))


def _haze(plane: FloatArray, labels: Labels, rng: Rng) -> FloatArray:
    return np.asarray(plane + rng.uniform(0.1, 0.8) * cv2.GaussianBlur(plane, (0, 0), float(rng.uniform(6, 20))))


def _clouds(plane: FloatArray, labels: Labels, rng: Rng) -> FloatArray:
    return np.asarray(plane + rng.uniform(0.02, 0.2) * smooth(len(plane), float(rng.uniform(15, 60)), rng))


def _tissue(plane: FloatArray, labels: Labels, rng: Rng) -> FloatArray:
    return np.asarray(plane + rng.uniform(0.03, 0.12) * np.abs(smooth(len(plane), float(rng.uniform(1, 6)), rng)))


def _slope(plane: FloatArray, labels: Labels, rng: Rng) -> FloatArray:
    y, x = np.mgrid[: len(plane), : len(plane)].astype(np.float32) / len(plane) - 0.5
    return np.asarray(plane * (1 + rng.uniform(-0.6, 0.6) * y + rng.uniform(-0.6, 0.6) * x))


def _specks(plane: FloatArray, labels: Labels, rng: Rng) -> FloatArray:
    """Dust, beads, hot pixels."""
    specks = np.zeros_like(plane)
    for y, x in rng.integers(0, len(plane), (int(rng.integers(1, 40)), 2)):
        specks[y, x] = rng.uniform(5, 40)
    return np.asarray(plane + cv2.GaussianBlur(specks, (0, 0), float(rng.uniform(0.5, 1.5))))


def _blur(plane: FloatArray, labels: Labels, rng: Rng) -> FloatArray:
    return np.asarray(cv2.GaussianBlur(plane, (0, 0), float(rng.uniform(0.3, 2.2))))


def _noise(plane: FloatArray, labels: Labels, rng: Rng) -> FloatArray:
    """Of the camera and of the light; grain of one pixel, or wider where the picture was enlarged."""
    noise = rng.standard_normal(plane.shape).astype(np.float32)
    if rng.random() < 0.5:
        noise = cv2.GaussianBlur(noise, (0, 0), float(rng.uniform(0.4, 1.8)))
        noise /= max(float(noise.std()), 1e-6)
    strength = rng.uniform(0.03, 0.6) ** 2
    return np.asarray(plane + noise * (strength * np.sqrt(np.clip(rng.uniform(0, 1) + plane, 0.05, 2))))


def _saturate(plane: FloatArray, labels: Labels, rng: Rng) -> FloatArray:
    return np.asarray(np.minimum(plane, rng.uniform(0.25, 0.9)))


def _clip_black(plane: FloatArray, labels: Labels, rng: Rng) -> FloatArray:
    """An offset that is too low."""
    return np.asarray(np.maximum(plane, np.quantile(plane, rng.uniform(0.05, 0.6))))


def _quantise(plane: FloatArray, labels: Labels, rng: Rng) -> FloatArray:
    steps = np.exp(rng.uniform(np.log(12), np.log(200)))
    return np.asarray(np.round(plane * steps) / steps)


def _jpeg(plane: FloatArray, labels: Labels, rng: Rng) -> FloatArray:
    stored = np.clip(40 + 200 * plane, 0, 255).astype(np.uint8)
    coded = cv2.imencode(".jpg", stored, [cv2.IMWRITE_JPEG_QUALITY, int(rng.integers(40, 92))])[1]
    return np.asarray((cv2.imdecode(coded, cv2.IMREAD_GRAYSCALE).astype(np.float32) - 40) / 200)


def _gain(plane: FloatArray, labels: Labels, rng: Rng) -> FloatArray:
    """Levels that a larger picture would have."""
    return np.asarray(plane * np.exp(rng.normal(0, 0.3)) + rng.normal(0, 0.03))
