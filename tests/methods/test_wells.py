"""Wells are found where the plate's truth says they are."""

import numpy as np
import pytest

from exoimage.errors import ImageError, MeasureError, RecipeError
from exoimage.flags import Flag
from exoimage.methods.synth import DEMO_ALIZARIN, Light, Nodules, nodule_field, plate_photo
from exoimage.methods.wells import Well, find_wells, well_mask, well_name

PLATES = [
    (2, 3, (600, 800)), (3, 4, (800, 1100)), (1, 1, (500, 600)),
    (2, 2, (600, 600)), (4, 6, (1000, 1400)), (1, 3, (400, 900)),
]  # fmt: skip


def random_plate(seed):
    rng = np.random.default_rng(seed)
    rows, columns, shape = PLATES[seed % len(PLATES)]
    fill = rng.uniform(0.6, 0.9)
    return plate_photo(
        rows,
        columns,
        rng.choice([0, 0.05, 0.2, 0.4, 0.7, 1.0], rows * columns),
        shape=shape,
        fill=fill,
        offset=tuple(rng.uniform(-0.03, 0.03, 2)),
        tilt_deg=rng.uniform(-10, 10) * (1 if fill < 0.75 else 0.3),
        bench=rng.choice([0.2, 0.5, 0.85, 0.95]),
        light=Light(relative_range=rng.uniform(0, 0.4), kind=("linear", "quadratic")[seed % 2], angle_deg=seed * 50),
        seed=seed,
    )


def errors(plate, rows, columns):
    """Largest centre error, and the error of the radius, in radii; and the grid found."""
    grid = find_wells(plate.pixels, rows, columns)
    radius = plate.wells[0].radius_px
    off = [
        np.hypot(found.centre_y - true.centre_y, found.centre_x - true.centre_x) / radius
        for found, true in zip(grid.wells, plate.wells, strict=True)
    ]
    return max(off), grid.wells[0].radius_px / radius - 1, grid


@pytest.mark.parametrize("seed", range(36))
def test_random_plates(seed):
    rows, columns, _ = PLATES[seed % len(PLATES)]
    plate = random_plate(seed)
    centre, radius, grid = errors(plate, rows, columns)
    assert centre < 0.02
    assert abs(radius) < 0.03
    assert grid.flags == ()
    assert [well.name for well in grid.wells] == [well.name for well in plate.wells]
    if rows * columns > 1:
        assert grid.tilt_deg == pytest.approx(plate.tilt_deg, abs=0.5)


@pytest.mark.parametrize("share", [0.0, 1.0])
@pytest.mark.parametrize("tilt_deg", [-10, 0, 10])
def test_all_empty_and_all_stained(share, tilt_deg):
    plate = plate_photo(2, 3, [share] * 6, shape=(600, 800), fill=0.75, tilt_deg=tilt_deg, seed=4)
    centre, radius, grid = errors(plate, 2, 3)
    assert centre < 0.02
    assert abs(radius) < 0.03
    assert grid.flags == ()


def test_forty_eight_wells():
    plate = plate_photo(6, 8, shape=(1100, 1600), fill=0.9, tilt_deg=-2, nodules=Nodules(radius_px=2), seed=5)
    centre, radius, grid = errors(plate, 6, 8)
    assert centre < 0.02
    assert abs(radius) < 0.03
    assert grid.wells[-1].name == "F8"


def test_stained_fractions_of_a_tilted_unevenly_lit_plate_are_right():
    fractions = [0.22, 0.07, 0.16, 0.30, 0.03, 0.45]
    plate = plate_photo(2, 3, fractions, shape=(1200, 1600), tilt_deg=3, light=Light(relative_range=0.25), seed=6)
    grid = find_wells(plate.pixels, 2, 3)
    density = -np.log10(np.maximum(plate.pixels, 1) / np.array(plate.white))
    # The light is grey: what the red channel lacks beyond the stain's share is shade, not stain.
    reddish = (density[:, :, 1] - density[:, :, 0]) / (DEMO_ALIZARIN[1] - DEMO_ALIZARIN[0])
    for well in grid.wells:
        disc = well_mask(well, plate.mask.shape)
        measured = float((reddish[disc] > 0.25).mean())
        assert measured == pytest.approx(plate.truth_fraction(well.name, 0.92), abs=0.015)
        assert plate.mask[disc].mean() == pytest.approx(plate.truth_fraction(well.name, 0.92), abs=0.005)
        assert plate.mask[disc].mean() == pytest.approx(plate.truth_fraction(well.name), abs=0.015)


def test_part_of_a_larger_plate_with_neighbours_cut_at_the_border():
    plate = plate_photo(4, 6, shape=(1200, 1600), seed=1)
    first, last = plate.well("B2"), plate.well("C4")
    margin = 1.9 * first.radius_px
    top, left = int(first.centre_y - margin), int(first.centre_x - margin)
    part = plate.pixels[top : int(last.centre_y + margin), left : int(last.centre_x + margin)]
    grid = find_wells(part, 2, 3)
    assert grid.flags == ()
    for well, name in zip(grid.wells, ("B2", "B3", "B4", "C2", "C3", "C4"), strict=True):
        true = plate.well(name)
        assert well.centre_y + top == pytest.approx(true.centre_y, abs=0.02 * true.radius_px)
        assert well.centre_x + left == pytest.approx(true.centre_x, abs=0.02 * true.radius_px)


@pytest.mark.parametrize(("rows", "columns"), [(2, 2), (1, 3), (1, 1)])
def test_more_wells_in_view_than_asked_for_is_flagged(rows, columns):
    plate = plate_photo(2, 3, shape=(600, 800), seed=1)
    assert find_wells(plate.pixels, rows, columns).flags == (Flag.WELLS_UNCERTAIN,)


@pytest.mark.parametrize(("rows", "columns"), [(3, 4), (3, 2), (4, 6)])
def test_more_wells_asked_for_than_there_are_is_refused(rows, columns):
    plate = plate_photo(2, 3, shape=(600, 800), seed=1)
    with pytest.raises(MeasureError, match=f"{rows} × {columns} round wells was expected.*ROIs"):
        find_wells(plate.pixels, rows, columns)


def test_a_hidden_well_is_predicted_and_flagged():
    plate = plate_photo(2, 3, [0.2] * 6, shape=(600, 800), tilt_deg=2, seed=2)
    pixels = plate.pixels.copy()
    true = plate.well("B2")
    reach = int(1.15 * true.radius_px)
    middle_y, middle_x = int(true.centre_y), int(true.centre_x)
    pixels[middle_y - reach : middle_y + reach, middle_x - reach : middle_x + reach] = 210
    grid = find_wells(pixels, 2, 3)
    assert grid.flags == (Flag.WELLS_UNCERTAIN,)
    found = grid.well("B2")
    assert found.rim_seen < 0.5
    assert (found.centre_y, found.centre_x) == pytest.approx((true.centre_y, true.centre_x), abs=0.03 * true.radius_px)


@pytest.mark.parametrize(("rows", "columns"), [(1, 1), (2, 3), (4, 6)])
@pytest.mark.parametrize("kind", ["blank", "black", "noise", "nodules", "tiny"])
def test_pictures_without_wells_are_refused(kind, rows, columns):
    rng = np.random.default_rng(0)
    picture = {
        "blank": lambda: np.full((400, 500, 3), 210, np.uint8),
        "black": lambda: np.zeros((400, 500, 3), np.uint8),
        "noise": lambda: rng.integers(0, 256, (400, 500, 3), dtype=np.uint8),
        "nodules": lambda: nodule_field((600, 800), Nodules(radius_px=20), seed=1).pixels,
        "tiny": lambda: np.full((3, 2, 3), 9, np.uint8),
    }[kind]()
    with pytest.raises(MeasureError, match="not found"):
        find_wells(picture, rows, columns)


def test_sixteen_bits_and_the_order_of_bytes_in_memory_do_not_matter():
    pixels = plate_photo(2, 3, shape=(600, 800), tilt_deg=3, seed=8).pixels
    kept = pixels.copy()
    plain = find_wells(pixels, 2, 3)
    np.testing.assert_array_equal(pixels, kept)
    deep = find_wells(pixels.astype(np.uint16) * 257, 2, 3)
    strided = find_wells(np.asfortranarray(pixels), 2, 3)
    for one, two, three in zip(plain.wells, deep.wells, strided.wells, strict=True):
        assert (two.centre_y, two.centre_x) == pytest.approx((one.centre_y, one.centre_x), abs=0.3)
        assert (three.centre_y, three.centre_x) == pytest.approx((one.centre_y, one.centre_x), abs=1e-6)


def test_well_mask_is_the_disc_and_clips_at_the_border():
    well = Well("A1", 0, 0, 30.0, 10.0, 20.0)
    disc = well_mask(well, (80, 70), shrink=1.0)
    y, x = np.mgrid[:80, :70]
    np.testing.assert_array_equal(disc, np.hypot(y - 30, x - 10) <= 20)
    assert well_mask(well, (80, 70)).sum() < disc.sum()
    for shrink in (0, 1.5):
        with pytest.raises(RecipeError, match="shrink"):
            well_mask(well, (80, 70), shrink)


def test_what_makes_no_sense_is_refused():
    picture = np.zeros((40, 50, 3), np.uint8)
    for wrong in (picture[:, :, 0], picture.astype(float), picture[:, :, :2]):
        with pytest.raises(ImageError, match="colour picture"):
            find_wells(wrong, 2, 3)
    for rows, columns in ((0, 3), (27, 1), (2, 0)):
        with pytest.raises(RecipeError, match="wells"):
            find_wells(picture, rows, columns)


def test_names():
    assert [well_name(0, 0), well_name(1, 2), well_name(7, 11)] == ["A1", "B3", "H12"]
    grid = find_wells(plate_photo(1, 3, shape=(300, 700), seed=1).pixels, 1, 3)
    assert grid.well("A3").column == 2
    with pytest.raises(MeasureError, match="no well 'B1'"):
        grid.well("B1")
