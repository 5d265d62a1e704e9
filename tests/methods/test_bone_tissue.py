from __future__ import annotations

import numpy as np
import pytest

from exoimage.errors import MeasureError, RecipeError
from exoimage.methods import bone_tissue, stains, synth
from exoimage.methods.bone_tissue import BoneSizes
from exoimage.methods.density import White, optical_density

H_AND_E = stains.preset("H&E")
WHITE = White((238.0, 236.0, 230.0))


def _sizes(pixel_size: float) -> BoneSizes:
    return BoneSizes(*(um / pixel_size for um in (6, 30, 15, 100)))


def _density(field: synth.BoneField) -> np.ndarray:
    return optical_density(field.pixels, WHITE)


def _dice(one: np.ndarray, other: np.ndarray) -> float:
    return 2 * float((one & other).sum()) / float(one.sum() + other.sum())


def test_bone_marrow_and_glass_are_told() -> None:
    field = synth.bone_field(
        (420, 480), synth.Trabeculae(0.3, spacing_um=200), specimen=synth.Specimen(glass_um=140, tear_um=180), seed=1
    )
    found = bone_tissue.find_bone(_density(field), H_AND_E, 0.25, _sizes(1.0))
    assert _dice(found.bone, field.bone) > 0.95
    assert _dice(found.tissue, field.tissue) > 0.99
    assert not (found.bone & ~found.tissue).any()
    assert 0.3 < found.marrow_share < 0.8


def test_lacunae_are_bone_and_red_cells_are_not() -> None:
    field = synth.bone_field(
        (420, 480), synth.Trabeculae(0.3, spacing_um=200), marrow=synth.Marrow(blood=0.3, fat=0.1), seed=2
    )
    found = bone_tissue.find_bone(_density(field), H_AND_E, 0.25, _sizes(1.0))
    assert float((found.bone & ~field.bone).sum()) < 0.08 * field.bone.sum()
    deep = field.bone & (bone_tissue._distance(field.bone) > 8)
    assert found.bone[deep].mean() > 0.99


def test_a_field_of_marrow_holds_no_bone() -> None:
    for seed in range(3):
        field = synth.bone_field((300, 300), synth.Trabeculae(0.0), marrow=synth.Marrow(blood=0.15), seed=seed)
        assert not bone_tissue.find_bone(_density(field), H_AND_E, 0.25, _sizes(1.0)).bone.any()


def test_a_field_of_bone_is_all_bone() -> None:
    field = synth.bone_field((200, 200), synth.Trabeculae(0.0), specimen=synth.Specimen(cortex_um=400), seed=2)
    assert field.bone.all()
    assert bone_tissue.find_bone(_density(field), H_AND_E, 0.25, _sizes(1.0)).bone.mean() > 0.99


def test_glass_is_told_by_its_width() -> None:
    stained = np.ones((200, 260), bool)
    y, x = np.mgrid[:200, :260]
    vacuole, tear = np.hypot(y - 60, x - 60) < 28, np.abs(y - 150) < 35
    stained[vacuole | tear] = False
    found = bone_tissue.find_tissue(stained, BoneSizes(1.5, 0, 0, 60))
    assert found[vacuole].all()
    assert _dice(~found, tear) > 0.97
    assert bone_tissue.find_tissue(stained, BoneSizes(1.5, 0, 0, np.inf)).all()
    assert not bone_tissue.find_tissue(np.zeros((200, 200), bool), BoneSizes(1.5, 0, 0, 60)).any()


@pytest.mark.parametrize("pixel_size", [0.3, 0.5, 1.0, 1.5])
@pytest.mark.parametrize("fat", [0.1, 0.9])
def test_nuclei_are_sized_without_knowing_the_pixels(pixel_size: float, fat: float) -> None:
    size = round(330 / pixel_size**0.7)
    field = synth.bone_field(
        (size, size), synth.Trabeculae(0.2), marrow=synth.Marrow(fat=fat), pixel_size_um=pixel_size, seed=4
    )
    assert bone_tissue.nucleus_diameter(_density(field)) == pytest.approx(6 / pixel_size, rel=0.3)


def test_eosins_own_hue_leaves_no_nuclear_stain_in_bone() -> None:
    eosin = np.array(synth.bone.EOSIN) / np.linalg.norm(synth.bone.EOSIN)
    amounts = np.random.default_rng(0).uniform(0.3, 0.5, (500, 1))
    density = (amounts * eosin).astype(np.float32)
    density[:100] += 0.6 * np.array(synth.bone.HAEMATOXYLIN, np.float32)
    nuclear, found = bone_tissue.nuclear_stain(density, H_AND_E)
    assert np.abs(nuclear[100:]).max() < 0.01
    assert nuclear[:100].min() > 0.4
    assert found.min() > 0.2


def test_sizes_are_checked_and_scaled() -> None:
    with pytest.raises(MeasureError, match="above 0"):
        BoneSizes(0, 1, 1, 1)
    assert BoneSizes(6, 30, 15, 100).reduced(2) == BoneSizes(3, 15, 7.5, 50)


@pytest.mark.parametrize("fraction", [0.08, 0.33])
def test_a_synthetic_section_has_the_bone_that_was_asked_for(fraction: float) -> None:
    parameters = {"specimen": synth.Specimen(cortex_um=40, growth_plate_um=40, glass_um=40, tear_um=60), "seed": 5}
    field = synth.bone_field((200, 240), synth.Trabeculae(fraction), **parameters)  # type: ignore[arg-type]
    assert field.bv_tv_pct == pytest.approx(100 * fraction, abs=0.05)
    again = synth.bone_field((200, 240), synth.Trabeculae(fraction), **parameters)  # type: ignore[arg-type]
    np.testing.assert_array_equal(field.pixels, again.pixels)
    assert not field.bone[~field.tissue].any()
    assert not field.metaphysis.all()


@pytest.mark.parametrize(
    "make",
    [
        lambda: synth.Trabeculae(fraction=0.9),
        lambda: synth.Trabeculae(spacing_um=0),
        lambda: synth.Marrow(fat=2),
        lambda: synth.bone_field((4, 4)),
        lambda: synth.bone_field((40, 40), pixel_size_um=0),
    ],
)
def test_impossible_sections_are_refused(make: object) -> None:
    with pytest.raises(RecipeError):
        make()  # type: ignore[operator]
