from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import exoimage as xi
from exoimage.errors import ImageError, MeasureError, RecipeError
from exoimage.flags import Flag
from exoimage.images.image import Image
from exoimage.images.reading import read
from exoimage.methods import synth
from exoimage.methods.synth import GOLDNER, MASSON_BLUE, MASSON_GREEN, Section, TrichromeColours

VARIANTS = {"masson-blue": MASSON_BLUE, "masson-green": MASSON_GREEN, "goldner": GOLDNER}
SHADES = [(90, 120, 190), (150, 170, 215), (100, 140, 175), (110, 165, 195), (115, 110, 175), (55, 70, 140)]
REDS = [(190, 60, 80), (200, 90, 110), (160, 90, 120), (180, 80, 60), (190, 70, 130), (175, 110, 160)]


def _turned(vector: tuple[float, float, float], degrees: float, rng: np.random.Generator) -> tuple[float, float, float]:
    unit = np.array(vector) / np.linalg.norm(vector)
    aside = np.cross(unit, rng.normal(size=3))
    aside /= np.linalg.norm(aside)
    red, green, blue = np.maximum(np.cos(np.radians(degrees)) * unit + np.sin(np.radians(degrees)) * aside, 0.005)
    return float(red), float(green), float(blue)


def _varied(variant: str, rng: np.random.Generator) -> synth.TrichromeField:
    """A section stained 20 % stronger or weaker, its stains turned by up to 5°, in uneven light, noisy, as JPEG."""
    colours, is_goldner = VARIANTS[variant], variant == "goldner"
    section = Section(
        collagen=float(rng.uniform(0.15, 0.35) if is_goldner else rng.uniform(0.05, 0.25)),
        mature=float(rng.uniform(0.02, 0.08) if is_goldner else rng.uniform(0.1, 0.3)),
        collagen_inside=is_goldner,
        width_px=float(rng.uniform(40, 80)),
        collagen_od=0.55 * float(rng.uniform(0.8, 1.2)),
        red_od=0.6 * float(rng.uniform(0.8, 1.2)),
    )
    return synth.trichrome_field(
        (420, 520),
        section,
        colours=replace(
            colours, collagen=_turned(colours.collagen, rng.uniform(0, 5), rng), red=_turned(colours.red, 5, rng)
        ),
        light=synth.Light(relative_range=float(rng.uniform(0, 0.15)), angle_deg=float(rng.uniform(0, 360))),
        camera=synth.Camera(jpeg_quality=85, electrons=float(rng.choice([5_000, 60_000]))),
        seed=int(rng.integers(2**31)),
    )


@pytest.mark.parametrize("variant", VARIANTS)
def test_areas_are_the_true_ones_over_noise_light_jpeg_strength_and_direction(variant: str) -> None:
    rng = np.random.default_rng(7)
    errors = []
    for _ in range(12):
        field = _varied(variant, rng)
        row = xi.assay("masson", variant=variant).measure(Image(field.pixels, pixel_size=1.0)).summary
        new, mature = (field.mature_pct, field.collagen_pct) if variant == "goldner" else (
            field.collagen_pct, field.mature_pct,
        )  # fmt: skip
        errors.append((row["new_bone_area_pct"] - new, 100 * row["mature_bone_px"] / row["region_area_px"] - mature))
    assert np.abs(errors).mean(axis=0).max() < 1.5
    assert np.abs(errors).max() < 4


def test_collagen_is_found_in_many_shades_and_beats_imagejs_preset() -> None:
    rng = np.random.default_rng(3)
    ours, imagejs = [], []
    for _ in range(14):
        collagen, red = (
            -np.log10(np.array(shades[rng.integers(len(shades))]) / 240) for shades in (SHADES, REDS)
        )  # fmt: skip
        section = Section(
            collagen=float(rng.choice([0.1, 0.2, 0.35])), mature=float(rng.choice([0.0, 0.1])),
            glass=float(rng.choice([0.0, 0.05, 0.25])), width_px=float(rng.choice([15, 30])),
            collagen_od=float(np.linalg.norm(collagen)), red_od=float(np.linalg.norm(red)),
        )  # fmt: skip
        colours = TrichromeColours(tuple(np.maximum(collagen, 0.005)), tuple(np.maximum(red, 0.005)))
        white = tuple(float(v) for v in np.clip(240 * rng.uniform(0.94, 1.05, 3), 0, 250))
        field = synth.trichrome_field(
            (240, 280), section, colours=colours, light=synth.Light(white=white),
            camera=synth.Camera(jpeg_quality=85), seed=int(rng.integers(2**31)),
        )  # fmt: skip
        image = Image(field.pixels)
        ours.append(_dice(xi.assay("masson").measure(image).masks["new_bone"], field.collagen))
        as_imagej = xi.assay("masson", imagej=True, threshold={"method": "otsu"})
        imagejs.append(_dice(as_imagej.measure(image).masks["new_bone"], field.collagen))
    assert np.median(ours) > 0.9
    assert min(ours) > 0.6
    assert np.median(ours) > np.median(imagejs)


def _dice(one: np.ndarray, other: np.ndarray) -> float:
    return float(2 * (one & other).sum() / (one.sum() + other.sum()))


@pytest.fixture(scope="module")
def section() -> synth.TrichromeField:
    return synth.trichrome_field((300, 360), Section(width_px=50), seed=1)


def test_masks_objects_and_columns_agree(section: synth.TrichromeField) -> None:
    result = xi.assay("masson").measure(Image(section.pixels, pixel_size=0.5))
    row, new, mature, tissue = result.summary, *(result.masks[n] for n in ("new_bone", "mature_bone", "tissue"))
    assert not (new & mature).any()
    assert (tissue | ~(new | mature)).all()
    assert row["new_bone_um2"] == pytest.approx(new.sum() * 0.25) == pytest.approx(result.objects["area_um2"].sum())
    assert row["mature_bone_um2"] == pytest.approx(mature.sum() * 0.25)
    assert row["new_bone_pct"] == pytest.approx(100 * new.sum() / (new.sum() + mature.sum()))
    assert row["new_bone_area_pct"] == pytest.approx(100 * new.mean())
    assert row["new_bone_mean_od"] == pytest.approx(0.55, abs=0.15)
    assert ((result.labels > 0) == new).all()
    assert Flag.NO_ROI in result.flags


def test_decided_once_for_a_study_it_measures_the_same_on_its_own(
    section: synth.TrichromeField, tmp_path: Path
) -> None:
    recipe = xi.assay("masson")
    images = [Image(section.pixels), Image(synth.trichrome_field((300, 360), Section(collagen=0.0), seed=2).pixels)]
    resolved = recipe.resolve([recipe.observe(image) for image in images])
    (tmp_path / "masson.toml").write_text(xi.assays.recipe_text.to_toml(resolved.recipe), encoding="utf-8")
    again = xi.load_recipe(tmp_path / "masson.toml")
    assert again == resolved.recipe
    assert not again.open_scopes()
    assert again.measure(images[0]).summary["new_bone_px"] == resolved.measure(images[0]).summary["new_bone_px"]
    assert resolved.measure(images[1]).summary["new_bone_area_pct"] < 0.5


def test_vectors_estimated_as_qupath_does_keep_their_source(section: synth.TrichromeField) -> None:
    recipe = xi.assay("masson", stains={"method": "qupath", "like": "Masson blue", "max_angle_deg": 30})
    resolved = recipe.resolve([recipe.observe(Image(section.pixels))])
    assert "° from Masson blue" in resolved.recipe.stains.source
    strict = xi.assay("masson", stains={"method": "qupath", "like": "Masson blue", "max_angle_deg": 1})
    evidence = strict.observe(Image(section.pixels))
    with pytest.raises(MeasureError, match="allowed: 1°"):
        strict.resolve([evidence])


def test_the_stains_follow_the_variant() -> None:
    from exoimage.assays.recipe_text import with_settings

    changed = with_settings(xi.assay("masson"), ['variant="goldner"'])
    assert changed.stains.name == xi.assay("masson", variant="goldner").stains.name == "Goldner"
    given = {"method": "vectors", "names": ["a", "b"], "vectors": [[0.9, 0.4, 0.1], [0.1, 0.8, 0.5]]}
    assert xi.assay("masson", variant="goldner", stains=given).stains.names == ("a", "b")


def test_uneven_light_given_as_a_blank_field_is_corrected(tmp_path: Path) -> None:
    light = synth.Light(relative_range=0.4)
    field = synth.trichrome_field((300, 360), Section(width_px=50), light=light, seed=4)
    blank = synth.photograph(
        synth.illumination((300, 360), light)[..., np.newaxis] * np.array(light.white, np.float32) / 255,
        synth.Camera(), np.random.default_rng(0),
    )  # fmt: skip
    from exoimage.images.writing import write_image

    write_image(tmp_path / "blank.tif", Image(blank))
    recipe = xi.assay("masson", white={"method": "blank-field", "image": str(tmp_path / "blank.tif")})
    row = recipe.measure(Image(field.pixels)).summary
    assert row["new_bone_area_pct"] == pytest.approx(field.collagen_pct, abs=1.5)
    assert 100 * row["mature_bone_px"] / row["region_area_px"] == pytest.approx(field.mature_pct, abs=2.5)


def test_nothing_outside_a_region_counts(section: synth.TrichromeField, tmp_path: Path) -> None:
    import cv2

    mask = np.zeros(section.collagen.shape, np.uint8)
    mask[60:220, 50:260] = 255
    cv2.imwrite(str(tmp_path / "region.png"), mask)
    recipe = xi.assay("masson", region={"method": "rois", "path": str(tmp_path / "region.png")})
    result = recipe.measure(Image(section.pixels))
    inside = mask > 0
    assert not any(found[~inside].any() for found in result.masks.values())
    assert result.summary["region_area_px"] == inside.sum()
    assert result.summary["new_bone_area_pct"] == pytest.approx(100 * section.collagen[inside].mean(), abs=1.5)
    assert Flag.NO_ROI not in result.flags


@pytest.mark.parametrize("value", [0, 255, 140])
def test_an_even_picture_holds_nothing_and_says_so(value: int) -> None:
    result = xi.assay("masson").measure(Image(np.full((80, 90, 3), value, np.uint8)))
    assert result.summary["new_bone_area_pct"] == 0
    assert result.summary["new_bone_pct"] is None
    assert Flag.BLANK in result.flags
    assert len(result.objects) == 0


def test_wrong_pictures_are_refused_or_flagged(section: synth.TrichromeField) -> None:
    with pytest.raises(ImageError, match="colour"):
        xi.assay("masson").measure(Image(section.pixels[..., :1]))
    he = synth.bone_field((300, 360), seed=1).pixels
    assert Flag.STAIN_MISMATCH in xi.assay("masson").measure(Image(he)).flags
    assert Flag.STAIN_MISMATCH in xi.assay("masson", variant="masson-green").measure(Image(section.pixels)).flags
    inverted = xi.assay("masson").measure(Image(255 - section.pixels)).flags
    assert {Flag.WRONG_LIGHT, Flag.STAIN_MISMATCH, Flag.COLOUR_CAST} & set(inverted)
    assert Flag.STAIN_MISMATCH not in xi.assay("masson").measure(Image(section.pixels)).flags
    assert Flag.NO_TISSUE in xi.assay("masson").measure(
        Image(np.random.default_rng(0).normal(240, 1, (90, 90, 3)).astype(np.uint8))
    ).flags  # fmt: skip


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"variant": "goldner", "imagej": True}, "masson-blue only"),
        ({"tones": {"method": "given", "collagen_deg": 45, "red_deg": 150, "limit_deg": 40}}, "between"),
        ({"stains": {"method": "vectors", "names": ["a"], "vectors": [[1, 0.5, 0.1]]}}, "two stains"),
        ({"threshold": {"method": "negative-controls", "controls": "x"}}, "no negative controls"),
    ],
)
def test_recipes_that_make_no_sense_are_refused(parameters: dict[str, object], message: str) -> None:
    with pytest.raises(RecipeError, match=message):
        xi.assay("masson", **parameters)


def test_as_imagej_it_is_imagejs_plane_and_threshold(section: synth.TrichromeField) -> None:
    from exoimage.methods import stains, thresholds

    result = xi.assay("masson", imagej=True, threshold={"method": "otsu"}).measure(Image(section.pixels))
    plane = stains.deconvolve_imagej(section.pixels, "Masson Trichrome")[..., 0]
    level = thresholds.auto_threshold(np.bincount(plane.ravel(), minlength=256), "Otsu", compat="1.54p")
    assert (result.masks["new_bone"] == (plane <= level)).all()
    red = stains.deconvolve_imagej(section.pixels, "Masson Trichrome")[..., 1]
    assert (result.masks["mature_bone"] == ((red <= level) & (plane > level))).all()


@pytest.mark.real
def test_liver_without_trichrome_holds_nearly_no_collagens_colour(real: Path) -> None:
    folder = real / "histology_liverquant"
    for name in ("tile02_PSR.jpg", "tile01_HE.jpg", "tile02_HE.jpg"):
        result = xi.assay("masson").measure(read(folder / name))
        assert result.summary["new_bone_area_pct"] < 4, name
        assert Flag.STAIN_MISMATCH in result.flags, name
