from __future__ import annotations

import cv2
import numpy as np
import pytest
from support import real_folder

import exoimage as xi
from exoimage.assays.lengths import Length
from exoimage.errors import ImageError, MeasureError, RecipeError
from exoimage.flags import Flag
from exoimage.images.image import Image
from exoimage.methods import histomorphometry, stains, synth
from exoimage.methods.synth.bone import EOSIN, HAEMATOXYLIN

RECIPE = xi.assay("he-bone")


def _field(fraction: float = 0.22, seed: int = 0, pixel_size: float = 1.2, **parameters: object) -> synth.BoneField:
    size = round(430 / pixel_size)
    trabeculae = parameters.pop("trabeculae", None) or synth.Trabeculae(fraction, spacing_um=190)
    return synth.bone_field((size, size), trabeculae, pixel_size_um=pixel_size, seed=seed, **parameters)  # type: ignore[arg-type]


def _image(field: synth.BoneField, *, known: bool = True) -> Image:
    return Image(field.pixels, pixel_size=field.pixel_size_um if known else None)


def _turned(vector: tuple[float, float, float], degrees: float) -> tuple[float, float, float]:
    """Turned towards red or away from it."""
    unit = np.array(vector) / np.linalg.norm(vector)
    towards = np.array([1.0, 0.0, 0.0]) - unit[0] * unit
    angle = np.deg2rad(degrees)
    red, green, blue = np.maximum(np.cos(angle) * unit + np.sin(angle) * towards / np.linalg.norm(towards), 0.01)
    return float(red), float(green), float(blue)


DISTURBED = {
    "noise": {"camera": synth.Camera(electrons=2500)},
    "uneven light": {"light": synth.Light(relative_range=0.3)},
    "JPEG": {"camera": synth.Camera(jpeg_quality=85)},
    "weak stain": {"strength": 0.8},
    "strong stain": {"strength": 1.2},
    "5° redder": {"vectors": (_turned(HAEMATOXYLIN, 5), _turned(EOSIN, 5))},
    "5° bluer": {"vectors": (_turned(HAEMATOXYLIN, -5), _turned(EOSIN, -5))},
    "pale bone": {"trabeculae": synth.Trabeculae(0.22, 190, eosin_od=0.14)},
    "magenta bone": {"trabeculae": synth.Trabeculae(0.22, 190, eosin_od=0.7)},
    "purple bone": {"trabeculae": synth.Trabeculae(0.22, 190, haematoxylin_od=0.14)},
    "fatty": {"marrow": synth.Marrow(fat=0.9)},
    "bloody": {"marrow": synth.Marrow(blood=0.25)},
    "glass": {"specimen": synth.Specimen(glass_um=100)},
}


@pytest.mark.parametrize("name", list(DISTURBED))
@pytest.mark.parametrize("pixel_size", [0.8, 1.4])
def test_bv_tv_is_within_two_points(name: str, pixel_size: float) -> None:
    field = _field(seed=len(name), pixel_size=pixel_size, **DISTURBED[name])
    result = RECIPE.measure(_image(field))
    assert result.summary["bv_tv_pct"] == pytest.approx(field.bv_tv_pct, abs=2.0)
    assert result.summary["t_ar_px"] == pytest.approx(field.tissue.sum(), rel=0.02)


@pytest.mark.parametrize("fraction", [0.1, 0.22, 0.4])
def test_all_measures_are_close_to_those_of_the_truth(fraction: float) -> None:
    field = _field(fraction, 3, 0.9)
    row, um = RECIPE.measure(_image(field)).summary, field.pixel_size_um
    smooth = cv2.GaussianBlur(field.bone.astype(np.float32), (0, 0), 2 / um) > 0.5
    outline = um * histomorphometry.perimeter(smooth)
    assert row["b_pm_um"] == pytest.approx(outline, rel=0.15)
    assert row["tb_th_um"] == pytest.approx(2 * field.bone.sum() * um**2 / outline, rel=0.15)
    assert row["tb_th_direct_um"] == pytest.approx(um * histomorphometry.mean_thickness(smooth), rel=0.12)
    assert row["tb_sp_direct_um"] == pytest.approx(um * histomorphometry.mean_thickness(~smooth), rel=0.12)


def test_the_columns_fit_together() -> None:
    image = _image(_field())
    result = RECIPE.measure(image)
    row, um = result.summary, image.pixel_size
    assert row["b_ar_um2"] == pytest.approx(row["b_ar_px"] * um**2)
    assert row["tb_th_um"] == pytest.approx(2 * row["b_ar_um2"] / row["b_pm_um"])
    assert 1000 / row["tb_n_per_mm"] == pytest.approx(row["tb_th_um"] + row["tb_sp_um"])
    assert row["bv_tv_pct"] == pytest.approx(row["tb_n_per_mm"] * row["tb_th_um"] / 10)
    assert result.objects["area_px"].sum() == row["b_ar_px"] == result.masks["bone"].sum()
    assert result.objects["perimeter_um"].sum() == pytest.approx(row["b_pm_um"], rel=0.01)
    assert list(row)[2:] == [column.name for column in RECIPE.columns]
    assert not (result.masks["bone"] & ~result.masks["tissue"]).any()


def test_fields_are_pooled_and_not_averaged() -> None:
    rows = [RECIPE.measure(_image(_field(f, s))).summary for f, s in ((0.1, 1), (0.35, 2))]
    pooled = {column.name: column.aggregation.of(column.name, rows) for column in RECIPE.columns}
    bone, tissue, outline = (sum(r[name] for r in rows) for name in ("b_ar_um2", "t_ar_um2", "b_pm_um"))
    assert pooled["bv_tv_pct"] == pytest.approx(100 * bone / tissue)
    assert pooled["tb_th_um"] == pytest.approx(2 * bone / outline)
    assert pooled["tb_sp_um"] == pytest.approx(2 * (tissue - bone) / outline)
    assert pooled["tb_n_per_mm"] == pytest.approx(500 * outline / tissue)
    assert rows[0]["tb_th_direct_um"] < pooled["tb_th_direct_um"] < rows[1]["tb_th_direct_um"]


def test_without_a_pixel_size_um_columns_are_empty_and_the_rest_stays() -> None:
    field = _field(seed=5)
    known, unknown = (RECIPE.measure(_image(field, known=k)) for k in (True, False))
    assert Flag.NO_PIXEL_SIZE in unknown.flags
    assert unknown.summary["b_ar_um2"] is None
    assert unknown.summary["tb_th_um"] is None
    assert unknown.summary["bv_tv_pct"] == pytest.approx(known.summary["bv_tv_pct"], abs=1.5)
    assert unknown.summary["b_pm_px"] == pytest.approx(known.summary["b_pm_px"], rel=0.1)
    assert known.summary["nucleus_px"] == pytest.approx(5)


def test_out_of_focus_and_of_unknown_size_bone_is_found_still() -> None:
    field = _field(seed=7, pixel_size=1.3, camera=synth.Camera(blur_px=2.5))
    assert RECIPE.measure(_image(field, known=False)).summary["bv_tv_pct"] == pytest.approx(field.bv_tv_pct, abs=4.0)


def test_a_length_given_in_um_needs_the_pixel_size_and_in_px_does_not() -> None:
    image = _image(_field(), known=False)
    with pytest.raises(MeasureError, match="smallest_piece is 50 um"):
        xi.assay("he-bone", smallest_piece="50 um").measure(image)
    result = xi.assay("he-bone", nucleus="5 px", smallest_piece="40 px").measure(image)
    assert result.summary["nucleus_px"] == 5
    assert result.objects["area_px"].min() >= np.pi / 4 * 35**2


def test_a_row_without_region_of_interest_says_so() -> None:
    assert Flag.NO_ROI in RECIPE.measure(_image(_field())).flags
    assert "of the tissue in the field" in " ".join(RECIPE.sentences())
    drawn = xi.assay("he-bone", region={"method": "rois", "path": "rois"})
    assert "of the tissue in the field" not in " ".join(drawn.sentences())


def test_a_region_leaves_cortex_and_growth_plate_out(tmp_path: object) -> None:
    field = _field(0.2, 7, specimen=synth.Specimen(cortex_um=80, growth_plate_um=80))
    path = f"{tmp_path}/roi.png"
    cv2.imwrite(path, field.metaphysis.astype(np.uint8) * 255)
    result = xi.assay("he-bone", region={"method": "rois", "path": path}).measure(_image(field))
    assert result.summary["bv_tv_pct"] == pytest.approx(field.bv_tv_pct, abs=2.0)
    assert result.summary["t_ar_px"] == pytest.approx(field.metaphysis.sum(), rel=0.01)
    assert Flag.NO_ROI not in result.flags
    assert RECIPE.measure(_image(field)).summary["bv_tv_pct"] > field.bv_tv_pct + 5


def test_imagejs_chain_is_imagejs() -> None:
    from exoimage.methods import thresholds
    from exoimage.methods.imagej_stains import deconvolve_imagej

    image = _image(_field())
    row = xi.assay("he-bone", imagej=True).measure(image).summary
    eosin = deconvolve_imagej(image.pixels, "H&E")[:, :, 1]
    level = thresholds.auto_threshold(np.bincount(eosin.ravel(), minlength=256), "Default", compat="1.54p")
    assert row["b_ar_px"] == int((eosin <= level).sum())
    assert row["t_ar_px"] == eosin.size


def _inverted() -> np.ndarray:
    field = _field(specimen=synth.Specimen(glass_um=140))
    return np.ascontiguousarray(255 - field.pixels)


@pytest.mark.parametrize(
    ("pixels", "flags"),
    [
        (np.zeros((120, 150, 3), np.uint8), {Flag.BLANK}),
        (np.full((120, 150, 3), 240, np.uint8), {Flag.BLANK}),
        (_inverted(), {Flag.STAIN_MISMATCH}),
    ],
    ids=["black", "glass", "inverted"],
)
def test_a_wrong_picture_is_flagged(pixels: np.ndarray, flags: set[Flag]) -> None:
    result = RECIPE.measure(Image(pixels, pixel_size=1.0))
    assert flags <= set(result.flags)


def test_empty_glass_with_noise_has_no_tissue() -> None:
    noisy = np.random.default_rng(0).normal((238, 236, 230), 2, (300, 300, 3))
    result = RECIPE.measure(Image(np.clip(noisy, 0, 255).astype(np.uint8), pixel_size=1.0))
    assert result.summary["t_ar_px"] == 0
    assert result.summary["bv_tv_pct"] is None
    assert Flag.BLANK in result.flags


def test_grey_and_fluorescence_pictures_are_refused() -> None:
    with pytest.raises(ImageError, match="colour"):
        RECIPE.measure(Image(np.zeros((50, 50), np.uint8)))
    with pytest.raises(ImageError, match="bright-field"):
        RECIPE.measure(Image(np.zeros((50, 50, 3), np.uint8), light="emitted"))


def test_another_stain_than_eosin_is_flagged() -> None:
    blue = _field(seed=2, vectors=(HAEMATOXYLIN, (0.8, 0.55, 0.2)))
    result = RECIPE.measure(_image(blue))
    assert Flag.STAIN_MISMATCH in result.flags or not result.masks["bone"].any()


def test_a_recipe_without_nuclei_or_with_controls_is_refused() -> None:
    with pytest.raises(RecipeError, match="negative controls"):
        xi.assay("he-bone", threshold={"method": "negative-controls", "controls": "Sham"})
    with pytest.raises(RecipeError, match="haematoxylin"):
        xi.assay("he-bone", stains={"method": "vectors", "names": ["eosin"], "vectors": [[0.1, 0.9, 0.3]]})


def test_one_threshold_is_shared_by_the_study() -> None:
    images = [_image(_field(f, s, strength=k)) for f, s, k in ((0.1, 1, 0.85), (0.3, 2, 1.15))]
    resolved = RECIPE.resolve([RECIPE.observe(image) for image in images])
    rows = [resolved.measure(image).summary for image in images]
    assert rows[0]["threshold_od"] == rows[1]["threshold_od"] > 0.1
    assert resolved.measure(images[0]).summary == rows[0]


def test_the_defaults_lengths_are_those_of_the_picture_in_um() -> None:
    assert RECIPE.nucleus == Length(6, "um")
    assert stains.preset("H&E").names == ("haematoxylin", "eosin")


def test_large_pieces_that_are_pink_but_no_bone_are_left_out_and_said() -> None:
    blood = _field(seed=7, pixel_size=1.3, trabeculae=synth.Trabeculae(0.0), marrow=synth.Marrow(blood=0.5))
    result = RECIPE.measure(_image(blood))
    assert Flag.BONE_UNCERTAIN in result.flags
    assert result.summary["bv_tv_pct"] == 0
    assert Flag.BONE_UNCERTAIN not in RECIPE.measure(_image(_field())).flags


@pytest.mark.real
@pytest.mark.parametrize(
    ("name", "most_pct"), [("tile01_HE.jpg", 5.0), ("tile02_HE.jpg", 25.0), ("tile04_HE.jpg", 20.0)]
)
def test_liver_holds_little_that_looks_like_bone(name: str, most_pct: float) -> None:
    path = real_folder() / "histology_liverquant" / name
    if not path.is_file():
        pytest.skip(f"no real image {path}")
    result = RECIPE.measure(xi.read(path).with_pixel_size(0.5))
    assert result.summary["bv_tv_pct"] < most_pct
    assert Flag.NO_ROI in result.flags
