"""What a window shows of a cut is what measuring counts."""

from __future__ import annotations

import numpy as np
import pytest
from support import ROOT

import exoimage as xi
from exoimage.assays.looking import decided_on, look, outlines, parted, picked_stain, picked_white
from exoimage.errors import MeasureError
from exoimage.images.image import Image
from exoimage.methods import stains, synth
from exoimage.methods.particles import label
from exoimage.studies.plan import load_study
from exoimage.studies.previewing import open_image


def seen(recipe, image):
    evidence = recipe.observe(image)
    return look(decided_on(recipe, evidence), image, evidence)


def field(**recipe):
    image = Image(synth.nodule_field((120, 160), synth.Nodules(fraction=0.2, radius_px=9), seed=3).pixels)
    return xi.assay("alizarin-red", smallest_nodule="0 px", **recipe), image


@pytest.mark.parametrize("imagej", [False, True])
@pytest.mark.parametrize("cut", [0.1, 0.25, 0.6])
def test_what_lies_above_a_cut_is_what_the_recipe_with_it_counts(imagej, cut):
    recipe, image = field(imagej=imagej, leave_out_annotations=False)
    one = seen(recipe, image)
    fixed = one.with_cut(recipe, cut)
    assert np.array_equal(one.above(seen(fixed, image).cut), fixed.measure(image).masks["stain"])


def test_the_nuclei_above_a_cut_are_those_that_are_positive():
    study = load_study(ROOT / "test_images" / "edu" / "study.toml")
    image = open_image(study, study.images[0].ref.key)
    one = seen(study.recipe, image)
    for cut in (20.0, 60.0):
        result = one.with_cut(study.recipe, cut).measure(image)
        assert np.array_equal(one.above(cut), result.masks["positive"])
        assert np.array_equal(one.above(cut), one.shown > cut)


@pytest.mark.parametrize("folder", ["von_kossa", "he_bone", "masson", "ihc_dab", "pkh26", "western_blot"])
def test_every_assay_can_be_looked_at(folder):
    study = load_study(ROOT / "test_images" / folder / "study.toml")
    image = open_image(study, study.images[0].ref.key)
    recipe = xi.assay("pkh26") if folder == "pkh26" else study.recipe
    one = seen(recipe, image)
    assert one.has_cut == (folder not in ("pkh26", "western_blot"))
    if one.has_cut:
        low, high = one.limits
        assert one.plane.shape == image.shape
        assert low < one.cut < high
        assert 0 < one.above(one.cut).mean() < 1
    else:
        with pytest.raises(MeasureError, match="makes no cut"):
            one.with_cut(recipe, 1.0)


def test_a_picked_stain_is_the_vector_that_was_rendered():
    recipe, image = field()
    one = seen(recipe, image)
    y, x = np.argwhere(one.plane > np.quantile(one.plane, 0.97))[0]
    values = picked_stain(one.recipe, image, (int(x), int(y), 3, 3))
    vector = values["stains"]["vectors"][0]
    assert stains.angle_deg(vector, stains.preset("alizarin red").vectors[0]) < 8
    assert xi.assay("alizarin-red", **values).stains.target == "alizarin red"


def test_a_picked_white_point_is_the_glass():
    pixels = np.full((20, 20, 3), (231, 224, 219), np.uint8)
    values = picked_white(Image(pixels), (2, 2, 9, 9))
    assert xi.assay("alp", **values).white.rgb == (231, 224, 219)
    with pytest.raises(MeasureError, match="outside the picture"):
        picked_white(Image(pixels), (40, 40, 5, 5))


def test_parts_are_objects_of_their_own_and_rims_lie_within():
    rng = np.random.default_rng(1)
    mask = rng.random((60, 60)) > 0.5
    assert np.array_equal(parted(mask.astype(np.int32)) > 0, mask)
    assert parted(mask.astype(np.int32)).max() == label(mask).max()
    labels = label(mask)
    assert not (outlines(labels) & ~mask).any()
