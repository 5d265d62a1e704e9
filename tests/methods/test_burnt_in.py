"""Burnt-in graphics: drawn ones are found, natural things are left alone."""

from __future__ import annotations

import io
import math
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import cv2
import numpy as np
import numpy.typing as npt
import pytest
import skimage.data
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageDraw, ImageFont

from exoimage.errors import ImageError
from exoimage.methods import synth
from exoimage.methods.burnt_in import find_burnt_in

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


def share_found(one: Case) -> float:
    return float(find_burnt_in(one.pixels, 255).mask[one.truth].mean())


def test_drawn_graphics_are_found() -> None:
    cases = [case(seed) for seed in range(72)]
    masks = [find_burnt_in(one.pixels, 255).mask for one in cases]
    found = sum(int((mask & one.truth).sum()) for mask, one in zip(masks, cases, strict=True))
    missed = [
        f"{one.name}: {mask[one.truth].mean():.2f}"
        for mask, one in zip(masks, cases, strict=True)
        if mask[one.truth].mean() < 0.95
    ]
    assert found >= 0.97 * sum(int(one.truth.sum()) for one in cases), missed
    assert len(missed) <= 7, missed


def test_little_is_masked_besides_the_graphics() -> None:
    beside = []
    for seed in range(0, 72, 2):
        one = case(seed)
        around = cv2.dilate(one.truth.view(np.uint8), np.ones((61, 81), np.uint8)).astype(np.bool_)
        beside.append(float((find_burnt_in(one.pixels, 255).mask & ~around).mean()))
    assert max(beside) < 0.005
    assert np.mean(beside) < 0.0003


@pytest.mark.parametrize("name", list(WITHOUT_GRAPHICS))
def test_nature_is_left_alone(name: str) -> None:
    assert find_burnt_in(np.ascontiguousarray(WITHOUT_GRAPHICS[name]()), 255).mask.mean() <= 0.001


@pytest.mark.parametrize("name", list(BLANK))
def test_degenerate_pictures_hold_nothing(name: str) -> None:
    picture = BLANK[name]()
    found = find_burnt_in(picture, 255)
    assert found.kinds == ()
    assert found.mask.shape == picture.shape[:2]
    assert not found.mask.any()


@settings(max_examples=40, deadline=None)
@given(
    place=st.tuples(st.integers(4, 250), st.integers(4, 200)),
    size=st.tuples(st.integers(2, 12), st.integers(60, 180)),
    colour=st.sampled_from(["black", "red", "white"]),
    turned=st.booleans(),
)
def test_a_bar_is_found_wherever_it_lies(
    place: tuple[int, int], size: tuple[int, int], colour: str, turned: bool
) -> None:
    picture = np.full((280, 400, 3), (190, 150, 175), np.uint8)
    picture[place[0] : place[0] + size[0], place[1] : place[1] + size[1]] = INKS[colour]
    truth = (picture == np.array(INKS[colour])).all(axis=2)
    if turned:
        picture, truth = np.ascontiguousarray(picture.transpose(1, 0, 2)), truth.T
    found = find_burnt_in(picture, 255)
    near = cv2.dilate(truth.astype(np.uint8), np.ones((9, 9), np.uint8)).astype(np.bool_)
    assert found.kinds == ("scale bar",)
    assert found.mask[truth].all()
    assert not (found.mask & ~near).any()


@pytest.mark.parametrize("colour", ["black", "white"])
def test_the_marks_of_synth_are_found(colour: Any) -> None:
    ground = nodules(21) if colour == "black" else np.ascontiguousarray(nodules(21) // 2)
    marked = synth.annotated(ground, scale_bar_px=160, text="200 um", letter="A", arrow=True, colour=colour)
    found = find_burnt_in(marked.pixels, 255)
    assert {"scale bar", "text", "arrow"} <= set(found.kinds)
    assert found.mask[marked.mask].mean() > 0.98
    assert found.mask.mean() < 0.06


def test_a_box_is_left_out_whole() -> None:
    picture = nodules(22)
    cv2.rectangle(picture, (560, 520), (780, 585), (255, 255, 255), -1)
    cv2.rectangle(picture, (560, 520), (780, 585), (150, 150, 150), 2)
    picture[536:540, 580:760] = 0
    ink = text_ink(picture.shape[:2], "500 um", (550, 620), 24, hershey=False)
    found = find_burnt_in(burnt(picture, ink, "black"), 255)
    assert "box" in found.kinds
    assert found.mask[519:587, 559:782].all()
    assert found.mask.sum() < 1.25 * 68 * 223


def test_a_banner_is_left_out_whole() -> None:
    picture = nodules(23)
    picture[550:] = 0
    ink = text_ink(picture.shape[:2], "10 kV  x500  SE", (560, 20), 28, hershey=False)
    ink[572:578, 600:700] = 255
    found = find_burnt_in(burnt(picture, ink, "white"), 255)
    assert "box" in found.kinds
    assert found.mask[550:].mean() > 0.99
    assert not found.mask[:540].any()


def test_a_caption_makes_a_scale_bar_and_text() -> None:
    picture = nodules(24, fraction=0.05)
    ink = text_ink(picture.shape[:2], "100 um", (530, 640), 22, hershey=False)
    ink[562:568, 620:740] = 255
    found = find_burnt_in(burnt(picture, ink, "black"), 255)
    assert found.kinds == ("scale bar", "text")


# --- panels -------------------------------------------------------------------------------------------------------


def figure(gutter: int, thick: int) -> tuple[Pixels, Mask]:
    """Two panels above, three below, with a margin."""
    page = np.full((640, 900, 3), gutter, np.uint8)
    inside = np.zeros(page.shape[:2], np.bool_)
    source = skimage.data.immunohistochemistry()
    split = {(20, 310): [(20, 440), (440 + thick, 880)], (310 + thick, 620): [(20, 300), (300 + thick, 600)]}
    split[(310 + thick, 620)].append((600 + thick, 880))
    for (top, bottom), columns in split.items():
        for left, right in columns:
            page[top:bottom, left:right] = source[: bottom - top, : right - left] * np.float32(0.9)
            inside[top:bottom, left:right] = True
    return page, inside


@pytest.mark.parametrize("gutter", [0, 255])
@pytest.mark.parametrize("thick", [4, 24])
@pytest.mark.parametrize("quality", [0, 90])
def test_panels_are_cut_apart(gutter: int, thick: int, quality: int) -> None:
    page, inside = figure(gutter, thick)
    found = find_burnt_in(through_jpeg(page, quality) if quality else page, 255)
    assert "panels" in found.kinds
    assert found.mask[~inside].mean() > (0.98 if thick > 8 or not quality else 0.9)
    assert found.mask[inside].mean() < 0.02


def test_one_picture_with_a_margin_is_no_figure() -> None:
    picture = np.pad(skimage.data.immunohistochemistry(), ((30, 30), (40, 40), (0, 0)), constant_values=255)
    assert "panels" not in find_burnt_in(picture, 255).kinds


def test_a_white_gap_between_specimens_is_no_gutter() -> None:
    picture = np.full((500, 700, 3), 255, np.uint8)
    for centre in ((180, 250), (520, 250)):
        cv2.ellipse(picture, centre, (150, 200), 0, 0, 360, (190, 120, 170), -1, cv2.LINE_AA)
    assert not find_burnt_in(cv2.GaussianBlur(picture, (0, 0), 1), 255).mask.any()


# --- kinds of numbers ---------------------------------------------------------------------------------------------


def test_all_depths_give_the_same_mask() -> None:
    marked = synth.annotated(nodules(25), scale_bar_px=120, text="100 um").pixels
    expected = find_burnt_in(marked, 255)
    assert expected.mask.any()
    for scaled, top in (
        (marked.astype(np.uint16) * 257, 65535),
        (marked.astype(np.uint16) * 16, 255 * 16),
        (marked.astype(np.float32) / 255, 1.0),
        (marked.astype(np.float64) / 255, 1.0),
    ):
        found = find_burnt_in(scaled, top)
        assert found.kinds == expected.kinds
        assert (found.mask == expected.mask).all()


def test_the_picture_stays_as_it_was_and_may_be_read_only() -> None:
    picture = synth.annotated(nodules(26), scale_bar_px=120, text="100 um", letter="B", arrow=True).pixels
    before = picture.copy()
    picture.flags.writeable = False
    assert find_burnt_in(picture, 255).mask.any()
    assert (picture == before).all()


def test_a_view_gives_the_same_as_its_copy() -> None:
    picture = synth.annotated(nodules(27), scale_bar_px=120, text="100 um").pixels[::-1, ::-1]
    assert (find_burnt_in(picture, 255).mask == find_burnt_in(picture.copy(), 255).mask).all()


@pytest.mark.parametrize("shape", [(40, 40), (40, 40, 4), (2, 40, 40, 3)])
def test_other_shapes_are_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(ImageError, match=r"expected \(y, x, 3\)"):
        find_burnt_in(np.zeros(shape, np.uint8), 255)


@pytest.mark.parametrize("top", [0, -1, float("nan")])
def test_a_scale_without_top_is_refused(top: float) -> None:
    with pytest.raises(ImageError, match="above 0"):
        find_burnt_in(np.zeros((40, 40, 3), np.uint16), top)


# --- real pictures ------------------------------------------------------------------------------------------------


def load(path: Path) -> Pixels:
    return np.array(Image.open(path).convert("RGB"))


@pytest.mark.real
@pytest.mark.parametrize(
    ("name", "kinds", "boxes"),
    [
        ("larva_side", {"scale bar", "box"}, [(313, 340, 327, 456)]),
        ("larva_top", {"scale bar", "box", "text"}, [(313, 340, 325, 454), (312, 338, 0, 47)]),
    ],
)
def test_larvae(real: Path, name: str, kinds: set[str], boxes: list[tuple[int, int, int, int]]) -> None:
    found = find_burnt_in(load(real / "alizarin_zebrafish" / f"{name}.png"), 255)
    allowed = np.zeros_like(found.mask)
    for top, bottom, left, right in boxes:
        allowed[top:bottom, left:right] = True
        inner = found.mask[top + 7 : bottom - 7, left + 7 : right - 7]
        assert inner.all()
    assert kinds <= set(found.kinds)
    assert not (found.mask & ~allowed).any()


@pytest.mark.real
def test_composite_figure(real: Path) -> None:
    found = find_burnt_in(load(real / "alizarin_zebrafish" / "composite_figure.png"), 255)
    assert "panels" in found.kinds
    assert found.mask[345:355].all()
    assert found.mask[:, 460:474].all()
    assert found.mask[705:].all()
    assert not found.mask[80:250, 60:440].any()
    assert not found.mask[420:640, 500:900].any()


@pytest.mark.real
@pytest.mark.parametrize(
    "pattern",
    [
        "histology_liverquant/*_HE.jpg",
        "histology_liverquant/*_PSR*.jpg",
        "histology_he/*.png",
        "ihc/*.jpg",
        "ihc_deepliif/*.png",
        "dab_area/*.jpg",
    ],
)
def test_real_pictures_without_graphics(real: Path, pattern: str) -> None:
    paths = sorted(real.glob(pattern))
    assert paths
    assert {path.name: share for path in paths if (share := find_burnt_in(load(path), 255).mask.mean()) > 0.001} == {}
