from __future__ import annotations

import cv2
import numpy as np
import pytest
from support import turned

import exoimage as xi
from exoimage.errors import ImageError, MeasureError
from exoimage.flags import Flag
from exoimage.images.image import Image
from exoimage.methods import stains, synth

ALP_STAINS = ("BCIP/NBT", "fast red", "fast blue")
HARD_CAMERA = synth.Camera(blur_px=0.9, electrons=30_000, jpeg_quality=85)


def _alp_field(
    name: str, fraction: float, seed: int, strength: float = 1.0, degrees: float = 0.0, debris: int = 3
) -> synth.NoduleField:
    return synth.nodule_field(
        (320, 400),
        synth.Nodules(fraction=fraction, radius_px=11, od=0.55 * strength),
        surroundings=synth.Surroundings(cell_layer_od=0.014, haze_od=0.02, debris=debris),
        light=synth.Light(relative_range=0.15, angle_deg=50 * seed),
        camera=HARD_CAMERA,
        vector=turned(stains.preset(name).vectors[0], degrees, seed),
        seed=seed,
    )


@pytest.mark.parametrize("name", ALP_STAINS)
def test_alp_area_is_the_true_one_whatever_light_noise_jpeg_strength_and_direction(name: str) -> None:
    recipe = xi.assay("alp", stains={"method": "preset", "name": name})
    errors = []
    for seed, (fraction, strength) in enumerate([(0.05, 0.8), (0.15, 1.2), (0.3, 0.8), (0.45, 1.2), (0.1, 1.0)]):
        field = _alp_field(name, fraction, seed, strength, degrees=5)
        errors.append(recipe.measure(Image(field.pixels)).summary["stained_area_pct"] - field.stained_area_pct)
    assert np.abs(errors).mean() < 1.5
    assert np.abs(errors).max() < 4


def test_a_field_without_alp_gives_nothing() -> None:
    field = _alp_field("BCIP/NBT", 0.0, 1, debris=0)
    assert xi.assay("alp").measure(Image(field.pixels)).summary["stained_area_pct"] == 0


def test_pink_given_as_blue_is_flagged() -> None:
    field = _alp_field("fast red", 0.3, 2)
    assert Flag.STAIN_MISMATCH in xi.assay("alp").measure(Image(field.pixels)).flags
    right = xi.assay("alp", stains={"method": "preset", "name": "fast red"})
    assert Flag.STAIN_MISMATCH not in right.measure(Image(field.pixels)).flags


def test_alp_of_a_plates_wells() -> None:
    vector = stains.preset("BCIP/NBT").vectors[0]
    plate = synth.plate_photo(2, 3, (0.1, 0.2, 0.3, 0.05, 0.4, 0.15), shape=(900, 1200), vector=vector, seed=4)
    result = xi.assay("alp", region={"method": "wells", "rows": 2, "columns": 3}).measure(Image(plate.pixels))
    truth = [100 * plate.truth_fraction(row["region"], 0.9) for row in result.rows]
    errors = np.array([row["stained_area_pct"] for row in result.rows]) - truth
    assert np.abs(errors).mean() < 1.5
    assert np.abs(errors).max() < 4


def _silver(seed: int, **parameters: object) -> synth.SilverField:
    chosen: dict[str, object] = {"count": 24, "touching": 0.2, "radius_px": 18, "radius_spread": 0.2, **parameters}
    return synth.silver_field(
        (480, 640),
        synth.Silver(**chosen),  # type: ignore[arg-type]
        light=synth.Light(relative_range=0.2, angle_deg=50 * seed),
        camera=HARD_CAMERA,
        seed=seed,
    )


def test_nodules_are_counted_and_what_is_none_is_not() -> None:
    found = true = 0
    errors = []
    for seed in range(8):
        distractors = {"scratches": 1, "pencil": 1, "edge_debris": 1, "borders_od": 0.4 * (seed % 2)}
        field = _silver(seed, count=12 + 4 * seed, od=1.0 + 0.1 * (seed % 4), **distractors)
        row = xi.assay("von-kossa").measure(Image(field.pixels, pixel_size=1.0)).summary
        found, true = found + row["nodule_count"], true + field.nodule_count
        errors.append(row["stained_area_pct"] - field.stained_area_pct)
    assert found == pytest.approx(true, rel=0.05)
    assert np.abs(errors).mean() < 1.5
    assert np.abs(errors).max() < 4


@pytest.mark.parametrize("kind", ["scratches", "pencil", "edge_debris", "borders_od"])
def test_no_distractor_counts(kind: str) -> None:
    amount = 0.4 if kind == "borders_od" else 2
    field = _silver(5, count=3, touching=0, **{kind: amount})
    assert field.distractors.any()
    assert xi.assay("von-kossa").measure(Image(field.pixels, pixel_size=1.0)).summary["nodule_count"] == 3


def test_a_field_without_nodules_has_none() -> None:
    row = xi.assay("von-kossa").measure(Image(_silver(1, count=0).pixels, pixel_size=1.0)).summary
    assert row["nodule_count"] == row["stained_area_pct"] == 0
    assert row["nodule_area_median_um2"] is None


def test_parting_can_be_left_out() -> None:
    image = Image(_silver(2, touching=1.0).pixels, pixel_size=1.0)
    parted, whole = (xi.assay("von-kossa", split=split).measure(image).summary for split in (True, False))
    assert whole["nodule_count"] < parted["nodule_count"]
    assert whole["stained_area_px"] == parted["stained_area_px"]


def test_a_default_size_falls_back_to_px_and_a_given_one_does_not() -> None:
    image = Image(_silver(3).pixels)
    result = xi.assay("von-kossa").measure(image)
    assert Flag.NO_PIXEL_SIZE in result.flags
    assert result.summary["nodule_count"] > 0
    assert result.summary["nodules_per_mm2"] is None
    with pytest.raises(MeasureError, match="smallest_nodule is 20 um"):
        xi.assay("von-kossa", smallest_nodule="20 um").measure(image)


def test_imagejs_chain_counts_every_black_object() -> None:
    field = _silver(4, scratches=2)
    ours = xi.assay("von-kossa").measure(Image(field.pixels, pixel_size=1.0)).summary
    imagejs = xi.assay("von-kossa", imagej=True).measure(Image(field.pixels, pixel_size=1.0)).summary
    assert imagejs["nodule_count"] > ours["nodule_count"]
    assert imagejs["left_out_count"] == 0


@pytest.mark.parametrize("name", ["alp", "von-kossa"])
def test_wrong_pictures_are_told(name: str) -> None:
    recipe = xi.assay(name)
    with pytest.raises(ImageError, match="grey"):
        recipe.measure(Image(np.zeros((50, 50, 1), np.uint8)))
    black = recipe.measure(Image(np.zeros((50, 50, 3), np.uint8)))
    assert {Flag.BLANK, Flag.WRONG_LIGHT} <= set(black.flags)
    glow = np.zeros((200, 200, 3), np.uint8)
    cv2.circle(glow, (100, 100), 30, (30, 60, 230), -1)
    assert Flag.WRONG_LIGHT in recipe.measure(Image(glow)).flags
    assert Flag.WRONG_LIGHT in recipe.measure(Image(255 - _alp_field("BCIP/NBT", 0.2, 3).pixels)).flags
