"""Pictures with and without burnt-in graphics, for `test_burnt_in`."""

from __future__ import annotations

import io
import math
from collections.abc import Callable
from functools import cache
from typing import Any, NamedTuple

import cv2
import numpy as np
import numpy.typing as npt
import skimage.data
from PIL import Image, ImageDraw, ImageFont

from exoimage.methods import synth

Pixels = npt.NDArray[np.uint8]
Mask = npt.NDArray[np.bool_]
INKS = {"black": (0, 0, 0), "white": (255, 255, 255), "red": (237, 28, 36), "yellow": (255, 255, 0)}
NEUTRAL = (0.58, 0.58, 0.57)


# --- pictures -----------------------------------------------------------------------------------------------------


def nodules(seed: int, shape: tuple[int, int] = (600, 800), blur: float = 0.8, jpeg: int = 0, **kwargs: Any) -> Pixels:
    surroundings, light = synth.Surroundings(debris=25), synth.Light(relative_range=0.12)
    camera = synth.Camera(blur_px=blur, jpeg_quality=jpeg)
    field = synth.nodule_field(
        shape, synth.Nodules(**kwargs), surroundings=surroundings, light=light, camera=camera, seed=seed
    )
    return field.pixels


def von_kossa(seed: int, shape: tuple[int, int] = (600, 800), **kwargs: Any) -> Pixels:
    """Black nodules, clipped at 0, on a bright ground."""
    grown = synth.Nodules(od=2.6, od_spread=0.3, roughness=0.25, **kwargs)
    surroundings = synth.Surroundings(debris=30)
    field = synth.nodule_field(shape, grown, vector=NEUTRAL, surroundings=surroundings, seed=seed)
    return np.clip((field.pixels.astype(np.int16) - 18) * 1.1, 0, 255).astype(np.uint8)


def eyepiece(pixels: Pixels) -> Pixels:
    """A round field of view with black around it."""
    height, width = pixels.shape[:2]
    y, x = np.mgrid[:height, :width]
    dark = np.hypot(y - height / 2, x - width / 2) > 0.48 * width
    return cv2.GaussianBlur(np.where(dark[:, :, np.newaxis], 0, pixels).astype(np.uint8), (0, 0), 0.7)


def sprinkled(draw: Callable[[Pixels, np.random.Generator], None], count: int, ground: int = 190) -> Pixels:
    picture = np.full((600, 800, 3), ground, np.uint8)
    rng = np.random.default_rng(4)
    for _ in range(count):
        draw(picture, rng)
    return picture


def disc(tone: int) -> Callable[[Pixels, np.random.Generator], None]:
    def draw(picture: Pixels, rng: np.random.Generator) -> None:
        centre = int(rng.integers(800)), int(rng.integers(600))
        cv2.circle(picture, centre, int(rng.integers(2, 18)), (tone,) * 3, -1, cv2.LINE_AA)

    return draw


def ellipse(picture: Pixels, rng: np.random.Generator) -> None:
    centre = int(rng.integers(800)), int(rng.integers(600))
    axes = int(rng.integers(3, 25)), int(rng.integers(2, 10))
    cv2.ellipse(picture, centre, axes, float(rng.integers(180)), 0, 360, (10, 5, 12), -1, cv2.LINE_AA)


def fibre(picture: Pixels, rng: np.random.Generator) -> None:
    angle, x, y = rng.uniform(0, math.pi), rng.uniform(0, 800), rng.uniform(0, 600)
    points = []
    for _ in range(int(rng.integers(5, 40))):
        points.append((x, y))
        angle += 0.25 * rng.standard_normal()
        x, y = x + 5 * math.cos(angle), y + 5 * math.sin(angle)
    cv2.polylines(picture, [np.int32(points)], False, (8, 8, 8), int(rng.integers(1, 5)), cv2.LINE_AA)


def label_map() -> Pixels:
    picture = sprinkled(lambda picture, rng: None, 0, ground=0)
    rng = np.random.default_rng(8)
    for _ in range(60):
        centre = int(rng.integers(800)), int(rng.integers(600))
        axes = int(rng.integers(10, 25)), int(rng.integers(8, 20))
        for colour, thickness in (((0, 0, 255), -1), ((0, 255, 0), 2)):
            cv2.ellipse(picture, centre, axes, float(rng.integers(180)), 0, 360, colour, thickness)
    return picture


def grey(picture: npt.NDArray[Any]) -> Pixels:
    return np.repeat(picture[:, :, np.newaxis], 3, axis=2).astype(np.uint8)


def sharpened(picture: Pixels) -> Pixels:
    return np.asarray(cv2.addWeighted(picture, 2.0, cv2.GaussianBlur(picture, (0, 0), 2), -1.0, 0), np.uint8)


WITHOUT_GRAPHICS: dict[str, Callable[[], Pixels]] = {
    "nodules": lambda: nodules(1),
    "dense nodules": lambda: nodules(2, fraction=0.35, radius_px=14, od=1.4),
    "small dark nodules": lambda: nodules(3, fraction=0.2, radius_px=5, od=1.8, edge_px=0.5, blur=0.5),
    "nodules in JPEG": lambda: nodules(4, fraction=0.2, radius_px=8, od=1.2, blur=0.5, jpeg=75),
    "sharpened nodules": lambda: sharpened(nodules(5)),
    "von Kossa": lambda: von_kossa(0),
    "von Kossa, many": lambda: von_kossa(1, fraction=0.15, radius_px=5),
    "von Kossa, large": lambda: von_kossa(2, fraction=0.4, radius_px=25, edge_px=0.5),
    "half-size von Kossa": lambda: cv2.resize(von_kossa(3), None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA),
    "round field": lambda: eyepiece(nodules(6)),
    "clipped white": lambda: np.clip(nodules(7).astype(np.int16) + 30, 0, 255).astype(np.uint8),
    "unstained": lambda: nodules(8, fraction=0.0),
    "plate": lambda: synth.plate_photo(2, 3, shape=(800, 1066), seed=3).pixels,
    "tilted plate": lambda: synth.plate_photo(4, 6, shape=(800, 1066), tilt_deg=3, seed=4).pixels,
    "black discs": lambda: sprinkled(disc(0), 200),
    "white discs": lambda: sprinkled(disc(255), 200),
    "ellipses": lambda: sprinkled(ellipse, 150),
    "fibres": lambda: sprinkled(fibre, 100),
    "label map": label_map,
    "IHC": skimage.data.immunohistochemistry,
    "retina": skimage.data.retina,
    "astronaut": skimage.data.astronaut,
    "coffee": skimage.data.coffee,
    "cat": skimage.data.cat,
    "coins": lambda: grey(skimage.data.coins()),
    "moon": lambda: grey(skimage.data.moon()),
    "cell": lambda: grey(skimage.data.cell()),
    "microaneurysms": lambda: grey(skimage.data.microaneurysms()),
}

BLANK: dict[str, Callable[[], Pixels]] = {
    "black": lambda: np.zeros((300, 400, 3), np.uint8),
    "white": lambda: np.full((300, 400, 3), 255, np.uint8),
    "grey": lambda: np.full((300, 400, 3), 128, np.uint8),
    "all stain": lambda: np.full((300, 400, 3), (255, 0, 0), np.uint8),
    "noise": lambda: np.random.default_rng(0).integers(0, 256, (300, 400, 3)).astype(np.uint8),
    "black and white noise": lambda: grey(255 * np.random.default_rng(0).integers(0, 2, (300, 400))),
    "half black": lambda: np.concatenate([np.zeros((150, 400, 3)), np.full((150, 400, 3), 220)]).astype(np.uint8),
    "small": lambda: np.zeros((9, 400, 3), np.uint8),
    "one pixel": lambda: np.zeros((1, 1, 3), np.uint8),
    "no pixel": lambda: np.zeros((0, 5, 3), np.uint8),
}


# --- graphics -----------------------------------------------------------------------------------------------------


class Case(NamedTuple):
    pixels: Pixels
    truth: Mask
    name: str


@cache
def grounds() -> dict[str, Pixels]:
    return {
        "IHC": skimage.data.immunohistochemistry(),
        "nodules": nodules(11),
        "small nodules": nodules(12, fraction=0.08, radius_px=6),
        "plate": synth.plate_photo(2, 3, shape=(700, 900), seed=13).pixels,
        "unstained": nodules(14, fraction=0.0),
        "von Kossa": von_kossa(15, fraction=0.05, radius_px=9),
    }


def burnt(pixels: Pixels, ink: npt.NDArray[np.uint8], colour: str) -> Pixels:
    cover = ink[:, :, np.newaxis].astype(np.float32) / 255
    return np.rint(pixels * (1 - cover) + np.float32(INKS[colour]) * cover).astype(np.uint8)


def through_jpeg(pixels: Pixels, quality: int) -> Pixels:
    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, "JPEG", quality=quality)
    return np.array(Image.open(stream))


def text_ink(shape: tuple[int, int], text: str, place: tuple[int, int], height: int, hershey: bool) -> Pixels:
    """Ink of a text whose upper left corner is at `place` (y, x)."""
    if hershey:
        ink = np.zeros(shape, np.uint8)
        size = height / 30
        at = place[1], place[0] + round(0.8 * height)
        cv2.putText(ink, text, at, cv2.FONT_HERSHEY_SIMPLEX, size, 255, max(1, round(2 * size)), cv2.LINE_AA)
        return ink
    canvas = Image.new("L", shape[::-1])
    ImageDraw.Draw(canvas).text(place[::-1], text, fill=255, font=ImageFont.load_default(height))
    return np.array(canvas)


def arrow_ink(shape: tuple[int, int], rng: np.random.Generator) -> Pixels:
    ink = np.zeros(shape, np.uint8)
    length, angle = rng.uniform(35, 80), rng.uniform(0, 2 * math.pi)
    forth = np.array([math.cos(angle), math.sin(angle)])
    aside = np.array([-forth[1], forth[0]])
    tip = np.array([rng.uniform(100, shape[1] - 100), rng.uniform(100, shape[0] - 100)])
    if rng.random() < 0.5:
        tail = tip - length * forth
        thick = int(rng.integers(2, 6))
        cv2.arrowedLine(ink, tuple(np.int32(tail)), tuple(np.int32(tip)), 255, thick, cv2.LINE_AA, tipLength=0.3)
        return ink
    head, half, pen = 0.35 * length, 0.2 * length, rng.uniform(1.5, 3)
    back = tip - head * forth
    end = tip - length * forth
    corners = [end + pen * aside, back + pen * aside, back + half * aside, tip]
    corners += [back - half * aside, back - pen * aside, end - pen * aside]
    cv2.fillPoly(ink, [np.int32(np.rint(16 * np.array(corners)))], 255, cv2.LINE_AA, 4)
    return ink


def case(seed: int) -> Case:
    """A bar with its caption, a label, a panel letter or an arrow, at random; every kind on every ground."""
    rng = np.random.default_rng(seed)
    kind = ("bar", "bracket", "label", "letter", "arrow", "box")[seed % 6]
    ground = list(grounds())[seed // 6 % 6]
    pixels = grounds()[ground]
    colour = ("black", "red", "black", "white", "yellow")[int(rng.integers(5))]
    if colour in ("white", "yellow") and ground != "IHC":
        colour = "black"  # on a bright ground nobody could read it
    height, width = shape = pixels.shape[:2]
    tall = int(rng.integers(14, 50))
    low, right = rng.random() < 0.5, rng.random() < 0.5
    hershey = bool(rng.random() < 0.4)
    ground_before = pixels
    if kind == "arrow":
        ink = arrow_ink(shape, rng)
    elif kind in ("label", "letter"):
        words = ("Control", "PMO+Exos", "3(+/-)", "Day 21", "Sham", "WT 4x") if kind == "label" else "ABCDEF"
        tall = max(tall, 20)
        place = height - 2 * tall if low else 12, width - (6 if kind == "label" else 2) * tall if right else 12
        ink = text_ink(shape, words[int(rng.integers(len(words)))], place, tall, hershey)
    else:
        long, thick = int(rng.integers(100, 220)), int(rng.integers(2, 11))
        top = height - 60 - 2 * tall if low else 20
        left = width - long - 30 if right else 20
        words = ("500 um", "200 um", "1 mm", "50 um")
        if kind == "box":
            pixels = pixels.copy()
            pixels[top - 8 : top + 2 * tall + 24, left - 10 : left + long + 10] = 255
            colour = "black"
            tall = min(tall, long // 5)
        ink = text_ink(shape, words[int(rng.integers(4))], (top, left + long // 4), tall, hershey)
        bar = top + round(1.5 * tall)
        ink[bar : bar + thick, left : left + long] = 255
        if kind == "bracket":
            for x in (left, left + long - thick):
                ink[bar - 6 : bar + thick + 6, x : x + thick] = 255
    drawn = burnt(pixels, ink, colour)
    changed = np.abs(drawn.astype(np.int16) - ground_before).max(axis=2) >= 45
    quality = (0, 95, 85, 75)[int(rng.integers(4))]
    name = f"{seed}: {kind}, {colour}, {tall} px, JPEG {quality}, on {ground}"
    return Case(through_jpeg(drawn, quality) if quality else drawn, changed, name)
