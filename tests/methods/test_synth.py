"""The generator keeps its word: what it says of a picture is what is in the pixels."""

import csv
import time
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage

from exoimage.errors import ImageError, RecipeError
from exoimage.methods.synth import (
    BARE,
    DEMO_ALIZARIN,
    IDEAL_CAMERA,
    Camera,
    Light,
    Nodules,
    Surroundings,
    annotated,
    grow_nodules,
    illumination,
    nodule_field,
    photograph,
    plate_photo,
    transmittance,
)

SMALL = (160, 200)


def od_along_vector(field):
    """Optical density measured back from the pixels: (y, x, 3) projected on the field's own vector."""
    top = np.array(field.white) * field.light[:, :, np.newaxis]
    density = -np.log10(np.maximum(field.pixels, 0.5) / top)
    return density @ np.array(field.vector)


@settings(max_examples=25, deadline=None)
@given(st.floats(0, 1), st.integers(0, 2**32 - 1))
def test_fraction_is_hit_to_the_pixel(fraction, seed):
    growth = grow_nodules(np.ones((60, 80), bool), Nodules(fraction=fraction, radius_px=5), np.random.default_rng(seed))
    assert abs(int(growth.mask.sum()) - fraction * 4800) <= 2


@settings(max_examples=20, deadline=None)
@given(st.floats(0.01, 0.95), st.integers(0, 2**32 - 1))
def test_stain_stays_within_the_region_and_the_mask_within_the_stain(fraction, seed):
    region = np.zeros((70, 90), bool)
    region[10:60, 20:70] = True
    growth = grow_nodules(region, Nodules(fraction=fraction, radius_px=5, texture=0), np.random.default_rng(seed))
    assert not growth.stain_od[~region].any()
    assert not growth.mask[~region].any()
    assert growth.stain_od[growth.mask].min() > 0.15  # half of the palest plateau


def test_mask_is_where_the_stain_passes_half_of_the_plateau():
    nodules = Nodules(fraction=0.2, od=0.8, od_spread=0, dome=0, texture=0)
    growth = grow_nodules(np.ones((300, 400), bool), nodules, np.random.default_rng(3))
    wrong = (growth.stain_od > 0.4) != growth.mask
    assert wrong.sum() < 0.0005 * wrong.size
    assert growth.stain_od.max() == pytest.approx(0.8, abs=1e-5)


def test_beer_lambert_gives_the_true_density_back():
    field = nodule_field(SMALL, Nodules(od=0.4), surroundings=BARE, camera=replace_bits(IDEAL_CAMERA, 16))
    assert np.abs(od_along_vector(field) - field.stain_od).max() < 0.002
    assert np.linalg.norm(field.vector) == pytest.approx(1)


def replace_bits(camera, bits):
    return Camera(camera.blur_px, camera.electrons, camera.read_noise, bits)


def test_measured_by_hand_transmittance_and_white():
    passed = transmittance([np.full((1, 1), 0.5, np.float32)], [DEMO_ALIZARIN])
    np.testing.assert_allclose(passed[0, 0], 10 ** (-0.5 * np.array(DEMO_ALIZARIN)), rtol=1e-6)
    empty = nodule_field((8, 9), Nodules(fraction=0), surroundings=BARE, camera=IDEAL_CAMERA)
    assert np.unique(empty.pixels.reshape(-1, 3), axis=0).tolist() == [[238, 236, 230]]
    assert empty.white == (238, 236, 230)
    assert empty.nodule_count == 0
    assert np.isnan(empty.mean_od)


@pytest.mark.parametrize(("bits", "dtype", "top"), [(8, np.uint8, 255), (12, np.uint16, 4095), (16, np.uint16, 65535)])
def test_bit_depths_fill_their_scale_and_clip(bits, dtype, top):
    field = nodule_field(SMALL, Nodules(fraction=0.1), light=Light(white=(255, 255, 255)), camera=Camera(bits=bits))
    assert field.pixels.dtype == dtype
    assert field.pixels.max() == top
    assert field.white == (top, top, top)


@pytest.mark.parametrize("kind", ["linear", "quadratic"])
def test_light_has_the_range_that_was_asked_for(kind):
    light = illumination((90, 120), Light(relative_range=0.3, kind=kind, angle_deg=140))
    assert light.max() == 1
    assert light.min() == pytest.approx(0.7, abs=1e-6)


def test_shot_noise_grows_with_light_as_poisson_does():
    camera = Camera(blur_px=0, electrons=5000, read_noise=0, bits=16)
    for level in (0.1, 0.5, 0.9):
        stored = photograph(np.full((400, 400, 1), level, np.float32), camera, np.random.default_rng(0)) / 65535
        assert stored.mean() == pytest.approx(level, rel=0.001)
        assert stored.std() == pytest.approx(np.sqrt(level / 5000), rel=0.02)


def test_labels_are_the_pieces_of_the_mask_in_raster_order():
    field = nodule_field((300, 400), Nodules(fraction=0.3, radius_px=7), seed=5)
    expected, count = ndimage.label(field.mask, np.ones((3, 3)))
    assert field.nodule_count == count
    np.testing.assert_array_equal(field.labels, expected)


def test_separate_nodules_stay_apart_and_refuse_the_impossible():
    field = nodule_field((400, 500), Nodules(fraction=0.15, separate=True), seed=2)
    merged = ndimage.binary_dilation(field.mask, np.ones((3, 3)))
    assert ndimage.label(merged, np.ones((3, 3)))[1] == field.nodule_count > 10
    with pytest.raises(RecipeError, match="cover at most"):
        nodule_field(SMALL, Nodules(fraction=0.8, separate=True))


def test_sizes_and_densities_follow_their_distributions():
    nodules = Nodules(fraction=0.08, radius_px=9, radius_spread=0.2, od=0.6, od_spread=0.15, dome=0, separate=True)
    field = nodule_field((1000, 1000), nodules, surroundings=BARE, seed=4)
    pieces = np.arange(1, field.nodule_count + 1)
    radius = np.sqrt(ndimage.sum_labels(field.mask, field.labels, pieces) / np.pi)
    assert np.median(radius) == pytest.approx(9, rel=0.08)
    inner = ndimage.maximum(ndimage.gaussian_filter(field.stain_od, 2), field.labels, pieces)
    assert np.median(inner) == pytest.approx(0.6, rel=0.1)


def test_same_seed_same_picture_and_the_camera_changes_no_nodule():
    one = nodule_field(SMALL, seed=9, surroundings=Surroundings(debris=3, haze_od=0.03))
    two = nodule_field(SMALL, seed=9, surroundings=Surroundings(debris=3, haze_od=0.03))
    other = nodule_field(SMALL, seed=9, camera=Camera(blur_px=4, bits=16))
    np.testing.assert_array_equal(one.pixels, two.pixels)
    np.testing.assert_array_equal(one.mask, other.mask)
    assert not np.array_equal(one.mask, nodule_field(SMALL, seed=10).mask)


def test_cell_layer_and_debris_are_faint_and_neutral():
    bare = nodule_field((300, 300), Nodules(fraction=0), surroundings=BARE, camera=IDEAL_CAMERA)
    cells = nodule_field((300, 300), Nodules(fraction=0), camera=IDEAL_CAMERA)
    assert bare.pixels.std(axis=(0, 1)).max() == 0
    density = -np.log10(cells.pixels / bare.pixels.astype(float))
    assert 0.005 < density.std() < 0.03
    dirty = nodule_field((300, 300), Nodules(fraction=0), surroundings=Surroundings(0, 0, 8), camera=IDEAL_CAMERA)
    assert 0 < dirty.debris.sum() < 0.01 * dirty.debris.size
    specks = dirty.pixels[dirty.debris].astype(float) / bare.pixels[dirty.debris]
    assert specks.mean() < 0.6
    assert np.ptp(specks, axis=1).max() < 0.02
    assert not dirty.mask.any()


def test_jpeg_changes_the_picture_a_little_only():
    plain, jpeg = nodule_field(SMALL, seed=1), nodule_field(SMALL, seed=1, camera=Camera(jpeg_quality=90))
    change = np.abs(plain.pixels.astype(int) - jpeg.pixels)
    assert 0 < change.mean() < 6


def test_a_1024_field_is_quick():
    nodule_field((1024, 1024))
    start = time.process_time()
    nodule_field((1024, 1024), seed=1)
    assert time.process_time() - start < 3  # 0.7 s on a quiet core


def test_annotated_marks_exactly_what_it_says():
    plain = nodule_field((300, 400)).pixels
    kept = plain.copy()
    marked = annotated(plain, scale_bar_px=90, text="100 um", letter="B", arrow=True, colour="white")
    np.testing.assert_array_equal(plain, kept)
    np.testing.assert_array_equal(marked.pixels[~marked.mask], plain[~marked.mask])
    assert (marked.pixels == 255).all(axis=2)[marked.mask].mean() > 0.5
    assert ndimage.label(marked.mask, np.ones((3, 3)))[1] >= 4
    bar_rows = marked.mask[-60:, -200:].sum(axis=1)
    assert bar_rows.max() >= 90
    with pytest.raises(ImageError, match="expected"):
        annotated(plain[:, :, 0])


def test_plate_truth_is_what_its_mask_says():
    fractions = [0.0, 0.1, 0.3, 0.5, 0.9, 1.0]
    plate = plate_photo(2, 3, fractions, shape=(480, 640), tilt_deg=4, seed=3)
    assert [well.name for well in plate.wells] == ["A1", "A2", "A3", "B1", "B2", "B3"]
    for well, fraction in zip(plate.wells, fractions, strict=True):
        floor = plate.floor(well.name)
        assert plate.truth_fraction(well.name) == pytest.approx(fraction, abs=0.003)
        assert floor.sum() == pytest.approx(np.pi * well.radius_px**2, rel=0.01)
        y, x = np.nonzero(floor)
        assert (y.mean(), x.mean()) == pytest.approx((well.centre_y, well.centre_x), abs=0.5)
    step = np.subtract(
        (plate.wells[1].centre_y, plate.wells[1].centre_x), (plate.wells[0].centre_y, plate.wells[0].centre_x)
    )
    assert np.degrees(np.arctan2(*step)) == pytest.approx(4)


def test_plate_stain_is_even_enough_for_an_inner_disc():
    plate = plate_photo(4, 6, [0.05, 0.1, 0.15, 0.2, 0.25, 0.3] * 4, shape=(900, 1200), seed=7)
    names = [well.name for well in plate.wells]
    gain = [100 * (plate.truth_fraction(name, 0.92) - plate.truth_fraction(name)) for name in names]
    assert abs(np.mean(gain)) < 0.4
    assert np.std(gain) < 1


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: Nodules(fraction=1.2), "expected 0 … 1"),
        (lambda: Nodules(radius_px=0), "radius_px"),
        (lambda: Nodules(roughness=2), "roughness"),
        (lambda: Nodules(texture=-1), "0 or more"),
        (lambda: Light(white=(0, 10, 10)), "white"),
        (lambda: Light(relative_range=1), "relative_range"),
        (lambda: Camera(bits=10), "bits"),
        (lambda: Camera(bits=16, jpeg_quality=90), "8 bits only"),
        (lambda: Camera(electrons=0), "electrons"),
        (lambda: Surroundings(debris=-1), "debris"),
        (lambda: nodule_field((0, 5)), "at least 1"),
        (lambda: nodule_field(SMALL, vector=(0, 0, 0)), "vector"),
        (lambda: transmittance([], []), "one vector per stain"),
        (lambda: plate_photo(2, 3, [0.1]), "1 fractions for 2 × 3"),
        (lambda: plate_photo(0, 3), "0 × 3"),
        (lambda: plate_photo(fill=9), "fill"),
    ],
)
def test_what_makes_no_sense_is_refused(make, said):
    with pytest.raises(RecipeError, match=said):
        make()


def test_the_stored_study_holds_the_effect_it_promises():
    folder = Path(__file__).parents[2] / "test_images" / "alizarin_red"
    with (folder / "truth.csv").open(encoding="utf-8", newline="") as stream:
        rows = list(csv.DictReader(stream))
    assert sorted(row["image"] for row in rows) == sorted(f"images/{path.name}" for path in folder.glob("images/*.tif"))
    assert len(rows) == 24
    for group, mean in {"Control": 22, "PMO": 7, "PMO+Exos": 16, "Exos": 28}.items():
        values = [float(row["stained_area_pct"]) for row in rows if row["group"] == group]
        assert np.mean(values) == pytest.approx(mean, abs=1.5)
    assert sum(path.stat().st_size for path in folder.rglob("*")) < 9e6
