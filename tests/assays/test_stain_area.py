from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import exoimage as xi
from exoimage.assays.stain_area import StainArea
from exoimage.errors import ImageError, MeasureError, RecipeError
from exoimage.flags import Flag
from exoimage.images.image import Image
from exoimage.images.writing import write_labels
from exoimage.methods import stains, synth
from exoimage.methods.density import White


def _image(field: synth.NoduleField, pixel_size: float | None = 1.0) -> Image:
    return Image(field.pixels, pixel_size=pixel_size)


def _field(fraction: float = 0.2, seed: int = 0, **parameters: object) -> synth.NoduleField:
    return synth.nodule_field((320, 400), synth.Nodules(fraction=fraction, radius_px=12), seed=seed, **parameters)  # type: ignore[arg-type]


@pytest.mark.parametrize("fraction", [0.02, 0.1, 0.3, 0.6])
@pytest.mark.parametrize("seed", [1, 2])
def test_the_stained_area_is_the_true_one(fraction: float, seed: int) -> None:
    field = _field(fraction, seed)
    row = xi.assay("alizarin-red").measure(_image(field)).summary
    assert row["stained_area_pct"] == pytest.approx(field.stained_area_pct, abs=1.0)


@pytest.mark.parametrize(
    "light", [synth.Light(relative_range=0.3), synth.Light(white=(200, 214, 206))], ids=["uneven", "coloured light"]
)
def test_light_does_not_change_the_area(light: synth.Light) -> None:
    field = _field(0.2, 3, light=light)
    row = xi.assay("alizarin-red").measure(_image(field)).summary
    assert row["stained_area_pct"] == pytest.approx(field.stained_area_pct, abs=1.0)


def test_a_field_without_stain_gives_nothing_in_a_study_and_alone() -> None:
    recipe = xi.assay("alizarin-red")
    images = [_image(_field(f, s)) for s, f in enumerate((0.0, 0.2, 0.3))]
    together = recipe.resolve([recipe.observe(image) for image in images]).measure(images[0])
    assert together.summary["stained_area_pct"] == 0
    assert recipe.measure(images[0]).summary["stained_area_pct"] == 0


@pytest.mark.parametrize(
    "pixels",
    [
        np.full((64, 80, 3), 0, np.uint8),
        np.full((64, 80, 3), 255, np.uint8),
        np.full((64, 80, 3), (170, 40, 60), np.uint8),
        np.full((64, 80, 3), 1.0, np.float32),
        np.full((64, 80, 3), 40_000, np.uint16),
        np.full((1, 1, 3), 200, np.uint8),
    ],
    ids=["black", "saturated", "all stain", "float", "16 bit", "one pixel"],
)
@pytest.mark.parametrize("scope", ["study", "image"])
def test_a_constant_picture_gives_nothing_and_says_so(pixels: np.ndarray, scope: str) -> None:
    recipe = xi.assay("alizarin-red", threshold={"method": "otsu", "scope": scope})
    result = recipe.measure(Image(pixels))
    assert result.summary["stained_area_pct"] == 0
    assert result.summary["nodule_count"] == 0
    assert result.summary["mean_od"] is None
    assert Flag.BLANK in result.flags
    assert not result.masks["stain"].any()
    assert list(result.objects) == list(xi.assay("alizarin-red").measure(_image(_field())).objects)
    assert len(result.objects) == 0


def test_a_blank_field_with_noise_is_flagged_blank() -> None:
    noisy = np.random.default_rng(0).normal((238, 236, 230), 2, (200, 200, 3))
    result = xi.assay("alizarin-red").measure(Image(np.clip(noisy, 0, 255).astype(np.uint8)))
    assert result.summary["stained_area_pct"] == 0
    assert Flag.BLANK in result.flags


def test_one_threshold_is_shared_by_the_study_and_one_per_image_is_not() -> None:
    images = [_image(_field(f, s)) for s, f in enumerate((0.05, 0.3))]
    shared = xi.assay("alizarin-red")
    resolved = shared.resolve([shared.observe(image) for image in images])
    assert len({resolved.measure(image).summary["threshold_od"] for image in images}) == 1
    own = xi.assay("alizarin-red", threshold={"method": "otsu", "scope": "image"})
    resolved = own.resolve([own.observe(image) for image in images])
    assert len({resolved.measure(image).summary["threshold_od"] for image in images}) == 2


def test_the_three_steps_on_one_image_are_measure_and_say_so() -> None:
    recipe, image = xi.assay("alizarin-red"), _image(_field())
    stepwise = recipe.resolve([recipe.observe(image)]).measure(image)
    assert stepwise.summary == recipe.measure(image).summary
    assert Flag.ESTIMATED_FROM_ONE_IMAGE in stepwise.flags


def test_nothing_is_estimated_where_all_is_given() -> None:
    recipe = xi.assay(
        "alizarin-red", white={"method": "given", "rgb": [238, 236, 230]}, threshold={"method": "fixed", "od": 0.2}
    )
    image = _image(_field())
    result = recipe.measure(image)
    assert Flag.ESTIMATED_FROM_ONE_IMAGE not in result.flags
    assert result.summary["threshold_od"] == 0.2
    assert recipe.open_scopes() == ()


def test_the_order_of_the_evidence_does_not_matter() -> None:
    recipe = xi.assay("alizarin-red")
    evidence = [recipe.observe(_image(_field(f, s))) for s, f in enumerate((0.05, 0.1, 0.3))]
    assert recipe.resolve(evidence).digest == recipe.resolve(evidence[::-1]).digest


def test_negative_controls_set_the_threshold() -> None:
    recipe = xi.assay("alizarin-red", threshold={"method": "negative-controls", "controls": "blank", "floor_od": 0.01})
    unstained, stained = _image(_field(0.0, 1)), _image(_field(0.2, 2))
    evidence = [recipe.observe(unstained).with_controls(["whole"]), recipe.observe(stained)]
    resolved = recipe.resolve(evidence)
    white = resolved.recipe.white.white
    plane = stains.stain_plane(unstained.pixels, resolved.recipe.stains.stain_set(white))
    assert resolved.recipe.threshold.od == pytest.approx(np.percentile(plane, 99.9), abs=0.01)
    assert resolved.measure(unstained).summary["stained_area_pct"] < 0.15
    with pytest.raises(MeasureError, match="no image is one"):
        recipe.measure(stained)


def test_other_bit_depths_give_the_same_area() -> None:
    field = _field(0.2, 5)
    deep = Image((field.pixels.astype(np.uint16) * 257), pixel_size=1.0)
    real = Image((field.pixels / np.float32(255)).astype(np.float32), pixel_size=1.0)
    areas = [xi.assay("alizarin-red").measure(i).summary["stained_area_pct"] for i in (_image(field), deep, real)]
    assert areas == pytest.approx([areas[0]] * 3, abs=0.02)


def test_sizes_in_px_and_um_filter_nodules() -> None:
    field = _field(0.2, 6)
    all_of_them = xi.assay("alizarin-red").measure(_image(field, 2.0))
    large = xi.assay("alizarin-red", smallest_nodule="40 um").measure(_image(field, 2.0))
    expected = all_of_them.objects["area_px"] >= np.pi / 4 * 20**2
    assert 0 < len(large.objects) == expected.sum() < len(all_of_them.objects)
    assert large.summary["stained_area_px"] == all_of_them.objects["area_px"][expected].sum()
    assert (large.labels > 0).sum() == large.summary["stained_area_px"]
    with pytest.raises(MeasureError, match="pixel is unknown"):
        xi.assay("alizarin-red", smallest_nodule="40 um").measure(_image(field, None))


def test_micrometres_are_empty_where_the_pixel_size_is_unknown() -> None:
    result = xi.assay("alizarin-red").measure(_image(_field(), None))
    um = [name for name in result.summary if name.endswith(("_um2", "_per_mm2"))]
    assert len(um) == 4
    assert all(result.summary[name] is None for name in um)
    assert result.objects["area_um2"].isna().all()
    assert Flag.NO_PIXEL_SIZE in result.flags


def test_micrometres_follow_the_pixel_size() -> None:
    result = xi.assay("alizarin-red").measure(_image(_field(), 0.5))
    row = result.summary
    assert row["region_area_um2"] == 320 * 400 * 0.25
    assert row["stained_area_um2"] == row["stained_area_px"] * 0.25
    assert row["nodules_per_mm2"] == pytest.approx(row["nodule_count"] / 0.032)
    np.testing.assert_allclose(result.objects["area_um2"], result.objects["area_px"] * 0.25)


def test_objects_labels_mask_and_summary_agree() -> None:
    result = xi.assay("alizarin-red").measure(_image(_field()))
    objects, labels = result.objects, result.labels
    np.testing.assert_array_equal(np.bincount(labels.ravel())[1:], objects["area_px"])
    np.testing.assert_array_equal(labels > 0, result.masks["stain"])
    y, x = objects[["y_px", "x_px"]].to_numpy()[0]
    ys, xs = np.nonzero(labels == objects["object"].iloc[0])
    assert (y, x) == pytest.approx((ys.mean() + 0.5, xs.mean() + 0.5))
    assert result.summary["integrated_od"] == pytest.approx((objects["mean_od"] * objects["area_px"]).sum())


def test_rois_are_measured_each_by_itself(tmp_path) -> None:
    field = _field(0.25, 7)
    mask = np.zeros((320, 400), np.uint8)
    mask[20:200, 30:180], mask[100:300, 200:390] = 1, 2
    from exoimage.images.writing import write_labels

    write_labels(tmp_path / "rois.tif", mask, None)
    recipe = xi.assay("alizarin-red", region={"method": "rois", "path": str(tmp_path / "rois.tif")})
    result = recipe.measure(_image(field))
    assert len(result.rows) == 2
    for value, row in zip((1, 2), result.rows, strict=True):
        truth = 100 * field.mask[mask == value].mean()
        assert row["stained_area_pct"] == pytest.approx(truth, abs=1.5)
        assert row["region_area_px"] == (mask == value).sum()
    assert result.objects["object"].is_unique
    assert set(result.objects["region"]) == {row["region"] for row in result.rows}
    with pytest.raises(MeasureError, match="2 regions"):
        _ = result.summary


def test_wells_of_a_plate_are_found_and_measured() -> None:
    plate = synth.plate_photo(2, 3, tilt_deg=3.0, seed=4)
    recipe = xi.assay("alizarin-red", region={"method": "wells", "rows": 2, "columns": 3})
    result = recipe.measure(Image(plate.pixels))
    assert [row["region"] for row in result.rows] == ["A1", "A2", "A3", "B1", "B2", "B3"]
    shrink = recipe.region.shrink
    for row, well in zip(result.rows, plate.wells, strict=True):
        assert row["stained_area_pct"] == pytest.approx(100 * plate.truth_fraction(well.name, shrink), abs=1.5)


@pytest.mark.parametrize(
    ("pixels", "light"),
    [
        (np.zeros((9, 9), np.uint16), "emitted"),
        (np.zeros((9, 9, 4), np.uint8), "absorbed"),
        (np.zeros((9, 9, 3), np.uint8), "emitted"),
    ],
)
def test_a_picture_that_is_no_bright_field_colour_is_refused(pixels: np.ndarray, light: str) -> None:
    with pytest.raises(ImageError, match="colour"):
        xi.assay("alizarin-red").measure(Image(pixels, light=light))


def test_a_dark_picture_is_flagged_as_wrong_light() -> None:
    rng = np.random.default_rng(1)
    dark = np.clip(rng.normal(12, 3, (100, 100, 3)), 0, 255).astype(np.uint8)
    dark[40:60, 40:60, 2] = 250
    assert Flag.WRONG_LIGHT in xi.assay("alizarin-red").measure(Image(dark)).flags


def test_another_stain_is_noticed() -> None:
    blue = synth.nodule_field((200, 240), synth.Nodules(fraction=0.2), vector=(0.80, 0.55, 0.15), seed=1)
    recipe = xi.assay("stain-area", stains={"method": "vectors", "names": ["brown"], "vectors": [[0.27, 0.57, 0.78]]})
    assert Flag.STAIN_MISMATCH in recipe.measure(_image(blue)).flags
    assert Flag.STAIN_MISMATCH not in xi.assay("alizarin-red").measure(_image(_field())).flags


def test_flat_field_from_a_blank_takes_the_light_out(tmp_path) -> None:
    from exoimage.images.writing import write_image

    light = synth.Light(relative_range=0.4)
    blank = synth.nodule_field((320, 400), synth.Nodules(fraction=0.0), surroundings=synth.BARE, light=light, seed=8)
    write_image(tmp_path / "blank.tif", _image(blank))
    field = _field(0.2, 9, light=light)
    recipe = xi.assay(
        "stain-area",
        stains={"method": "vectors", "names": ["alizarin"], "vectors": [list(field.vector)]},
        white={"method": "blank-field", "image": str(tmp_path / "blank.tif")},
        threshold={"method": "fixed", "od": 0.2},
    )
    row = recipe.measure(_image(field)).summary
    assert row["stained_area_pct"] == pytest.approx(field.stained_area_pct, abs=1.0)
    uneven = xi.assay(
        "stain-area",
        stains={"method": "vectors", "names": ["alizarin"], "vectors": [list(field.vector)]},
        threshold={"method": "fixed", "od": 0.2},
    )
    assert abs(uneven.measure(_image(field)).summary["stained_area_pct"] - field.stained_area_pct) > 1.0


def test_a_marked_region_re_estimates_the_stain(tmp_path) -> None:
    from exoimage.images.writing import write_image, write_labels

    odd = (0.10, 0.75, 0.65)
    field = _field(0.25, 10, vector=odd)
    write_image(tmp_path / "example.tif", _image(field))
    dense = field.stain_od > 0.5
    write_labels(tmp_path / "marked.tif", dense.astype(np.uint8), None)
    recipe = xi.assay(
        "alizarin-red",
        stains={
            "method": "marked", "like": "alizarin red",
            "image": str(tmp_path / "example.tif"), "rois": str(tmp_path / "marked.tif"),
        },
    )  # fmt: skip
    resolved = recipe.resolve([recipe.observe(_image(field))])
    assert stains.angle_deg(resolved.recipe.stains.vectors[0], odd) < 3
    assert resolved.measure(_image(field)).summary["stained_area_pct"] == pytest.approx(field.stained_area_pct, abs=1.0)


def test_macenko_in_a_recipe_matches_names_and_refuses_one_stain() -> None:
    h_dab = stains.preset("H DAB").with_white(White((238.0, 236.0, 230.0)))
    rng = np.random.default_rng(11)
    which = rng.integers(0, 3, (200, 240))
    amounts = np.stack([(which == 1) * 0.5, (which == 2) * 0.6], axis=2) * rng.uniform(0.7, 1.2, (200, 240, 1))
    pixels = 10.0 ** -(amounts @ h_dab.matrix) * np.asarray(h_dab.white.rgb)
    image = Image(np.clip(np.rint(pixels), 0, 255).astype(np.uint8))
    recipe = xi.assay("stain-area", stains={"method": "macenko", "like": "H DAB"})
    resolved = recipe.resolve([recipe.observe(image)])
    assert resolved.recipe.stains.target == "DAB"
    assert stains.angle_deg(resolved.recipe.stains.vectors[1], h_dab.vectors[1]) < 4
    with pytest.raises(MeasureError, match="stain"):
        recipe.measure(_image(_field(0.3, 1, surroundings=synth.BARE)))


@pytest.mark.parametrize(
    ("parameters", "match"),
    [
        ({"thresold": 1}, 'did you mean "threshold"'),
        ({"threshold": {"method": "otsu", "flor_od": 1}}, 'did you mean "floor_od"'),
        ({"threshold": {"method": "fixed"}}, "threshold.od"),
        ({"threshold": {"method": "fixed", "od": -1}}, "greater than or equal to 0"),
        ({"stains": {"method": "preset", "name": "H DAB", "target": "eosin"}}, "eosin"),
        ({"white": {"method": "given", "rgb": [0, 1, 2]}}, "positive"),
        ({"white": {"method": "estimated", "scope": "batch"}}, "same scope"),
        ({"smallest_nodule": 5}, "unit"),
        ({"region": {"method": "circle"}}, "whole, wells, rois"),
    ],
)
def test_a_wrong_recipe_is_refused_in_one_line(parameters: dict, match: str) -> None:
    with pytest.raises(RecipeError, match=match) as error:
        xi.assay("alizarin-red", **parameters)
    assert "\n" not in str(error.value)


def test_an_image_is_never_changed() -> None:
    field = _field()
    before = field.pixels.copy()
    xi.assay("alizarin-red").measure(_image(field))
    np.testing.assert_array_equal(field.pixels, before)


def test_both_names_are_one_implementation() -> None:
    field = _field()
    as_stain_area = xi.assay("stain-area", stains={"method": "preset", "name": "alizarin red"}).measure(_image(field))
    assert as_stain_area.summary == xi.assay("alizarin-red").measure(_image(field)).summary
    assert isinstance(xi.assay("alizarin-red"), StainArea)


def _ihc() -> Image:
    import skimage.data

    return Image(skimage.data.immunohistochemistry())


def test_imagejs_chain_gives_imagejs_number() -> None:
    recipe = xi.assay(
        "stain-area", imagej=True, stains={"method": "preset", "name": "H DAB"}, threshold={"method": "otsu"}
    )
    result = recipe.measure(_ihc())
    assert round(result.summary["stained_area_pct"], 2) == 55.39  # recorded from ImageJ 1.53t with Fiji's plugin
    assert Flag.ESTIMATED_FROM_ONE_IMAGE not in result.flags


def test_imagejs_chain_pools_the_histograms_of_a_study() -> None:
    recipe = xi.assay(
        "stain-area",
        imagej=True,
        stains={"method": "preset", "name": "H DAB"},
        threshold={"method": "otsu", "scope": "study"},
    )
    whole = _ihc()
    halves = [Image(whole.pixels[:, :256]), Image(whole.pixels[:, 256:])]
    resolved = recipe.resolve([recipe.observe(half) for half in halves])
    parts = [resolved.measure(half).summary["stained_area_px"] for half in halves]
    assert sum(parts) == recipe.measure(whole).summary["stained_area_px"]


def test_imagejs_chain_needs_8_bits_and_its_own_choices() -> None:
    recipe = xi.assay("stain-area", imagej=True)
    with pytest.raises(MeasureError, match="8-bit"):
        recipe.measure(Image(np.zeros((9, 9, 3), np.uint16) + 7))
    for wrong in ({"threshold": {"method": "fixed", "od": 0.2}}, {"white": {"method": "estimated"}}):
        with pytest.raises(RecipeError, match=r"imagej|ImageJ"):
            xi.assay("stain-area", imagej=True, **wrong)
    with pytest.raises(RecipeError, match="imagej = false"):
        xi.assay("stain-area", threshold={"method": "grey-level", "level": 100})
    blank = recipe.measure(Image(np.full((20, 20, 3), 200, np.uint8)))
    assert blank.summary["stained_area_pct"] == 0
    assert Flag.BLANK in blank.flags


def test_pictures_of_another_bit_depth_fail_rather_than_be_wrong() -> None:
    recipe = xi.assay("stain-area", stains={"method": "preset", "name": "Oil Red O"})
    shallow = _field(0.2, 1, vector=(0.28, 0.85, 0.45))
    deep = Image(shallow.pixels.astype(np.uint16) * 257)
    resolved = recipe.resolve([recipe.observe(image) for image in (_image(shallow), _image(shallow), deep)])
    with pytest.raises(ImageError, match="bit depth"):
        resolved.measure(deep)
    assert resolved.measure(_image(shallow)).summary["stained_area_pct"] == pytest.approx(20, abs=1.0)
    own = xi.assay(
        "stain-area", stains={"method": "preset", "name": "Oil Red O"}, white={"scope": "image", "method": "estimated"}
    )
    resolved = own.resolve([own.observe(image) for image in (_image(shallow), deep)])
    areas = [resolved.measure(image).summary["stained_area_pct"] for image in (_image(shallow), deep)]
    assert areas[0] == pytest.approx(areas[1], abs=0.05)


def test_flat_field_correction_is_the_same_in_a_region_as_in_the_field(tmp_path) -> None:
    from exoimage.images.writing import write_image, write_labels

    light = synth.Light(relative_range=0.4)
    blank = synth.nodule_field((320, 400), synth.Nodules(fraction=0.0), surroundings=synth.BARE, light=light, seed=8)
    write_image(tmp_path / "blank.tif", _image(blank))
    mask = np.zeros((320, 400), np.uint8)
    mask[200:310, 250:390] = 1
    write_labels(tmp_path / "roi.tif", mask, None)
    field = _field(0.2, 9, light=light)
    parameters = {
        "stains": {"method": "vectors", "names": ["alizarin"], "vectors": [list(field.vector)]},
        "white": {"method": "blank-field", "image": str(tmp_path / "blank.tif")},
    }
    fixed = {**parameters, "threshold": {"method": "fixed", "od": 0.2}}
    region = xi.assay("stain-area", **fixed, region={"method": "rois", "path": str(tmp_path / "roi.tif")})
    whole = xi.assay("stain-area", **fixed).measure(_image(field))
    expected = 100 * whole.masks["stain"][mask > 0].mean()
    assert region.measure(_image(field)).summary["stained_area_pct"] == pytest.approx(expected, abs=0.1)
    # The threshold is found on corrected amounts too.
    recipe = xi.assay(
        "stain-area", **parameters, threshold={"method": "negative-controls", "controls": "x", "floor_od": 0.0}
    )
    evidence = recipe.observe(_image(blank)).with_controls(["whole"])
    assert recipe.resolve([evidence]).recipe.threshold.od < 0.03


@pytest.mark.parametrize(
    ("parameters", "match"),
    [
        ({"imagej": True, "white": {"method": "given", "rgb": [150, 150, 150]}}, "white"),
        ({"stains": {"method": "macenko", "like": "H DAB", "scope": "image"}}, "same scope"),
    ],
)
def test_choices_that_cannot_go_together_are_refused(parameters: dict, match: str) -> None:
    with pytest.raises(RecipeError, match=match):
        xi.assay("stain-area", **parameters)


def test_a_length_keeps_its_digits() -> None:
    from exoimage.assays.lengths import Length

    assert Length.parse(str(Length(12.34567, "um"))) == Length(12.34567, "um")


def test_a_field_of_unstained_cells_is_flagged_blank_and_a_stained_one_is_not() -> None:
    recipe = xi.assay("alizarin-red")
    images = [_image(_field(f, s)) for s, f in enumerate((0.0, 0.2))]
    resolved = recipe.resolve([recipe.observe(image) for image in images])
    assert Flag.BLANK in resolved.measure(images[0]).flags
    assert Flag.BLANK not in resolved.measure(images[1]).flags


@pytest.mark.parametrize("region", ["whole", "rois"])
def test_imagejs_plane_from_observing_is_the_one_that_is_measured(region: str, tmp_path: Path) -> None:
    mask = np.zeros((320, 400), np.uint8)
    mask[40:200, 30:300] = 1
    write_labels(tmp_path / "rois.tif", mask.astype(np.int32), None)
    chosen = {"method": "rois", "path": str(tmp_path / "rois.tif")} if region == "rois" else {"method": "whole"}
    recipe, image = xi.assay("alizarin-red", imagej=True, region=chosen), _image(_field(0.2, 8))
    evidence = recipe.observe(image)
    decided = recipe.resolve([evidence], ("image",)).recipe
    afresh, at_hand = decided.apply(image), decided.apply(image, evidence)
    assert evidence.grey.shape == image.shape
    assert afresh.summary == at_hand.summary
    assert 0 < afresh.summary["stained_area_px"] < afresh.summary["region_area_px"]
    np.testing.assert_array_equal(afresh.labels, at_hand.labels)
