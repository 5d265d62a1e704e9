"""Burnt-in graphics: drawn ones are found, natural things are left alone."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import skimage.data
from burnt_in_pictures import BLANK, INKS, WITHOUT_GRAPHICS, Mask, Pixels, burnt, case, nodules, text_ink, through_jpeg
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from exoimage.errors import ImageError
from exoimage.methods import synth
from exoimage.methods.burnt_in import find_burnt_in


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


@pytest.mark.filterwarnings("error")
def test_any_drawing_is_survived() -> None:
    """Crossing and cut-off lines, boxes and numbers of all sizes: an answer of the picture's shape, no warning."""
    rng = np.random.default_rng(5)
    for _ in range(400):
        height, width = (int(size) for size in rng.integers(1, 260, 2))
        picture = np.full((height, width, 3), rng.integers(0, 256, 3), np.uint8)
        for kind in rng.integers(0, 4, int(rng.integers(0, 40))):
            colour = tuple(int(value) for value in rng.choice([0, 255, 120], 3))
            (x, y), end = ((int(at) for at in rng.integers(0, [width, height])) for _ in range(2))
            pen, end = int(rng.integers(1, 7)), tuple(end)
            if kind == 0:
                cv2.rectangle(picture, (x, y), end, colour, -1 if pen > 2 else pen)
            elif kind == 1:
                cv2.line(picture, (x, y), end, colour, pen, cv2.LINE_AA)
            elif kind == 2:
                cv2.putText(picture, str(rng.integers(1000)), (x, y), 0, rng.uniform(0.3, 3), colour, pen, cv2.LINE_AA)
            else:
                cv2.arrowedLine(picture, (x, y), end, colour, pen)
        assert find_burnt_in(picture, 255).mask.shape == (height, width)


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
