from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from exoimage.errors import MeasureError
from exoimage.methods import synth, trichrome
from exoimage.methods.density import White
from exoimage.methods.red_bone import BoneSizes, OsteoidSizes, mature_bone, osteoid
from exoimage.methods.stains import preset
from exoimage.methods.trichrome import BLUE, COLLAGEN, GLASS, GREEN, RED, TISSUE, Tones

WHITE = White((240.0, 240.0, 240.0))
BLUES = [(90, 120, 190), (150, 170, 215), (100, 140, 175), (110, 165, 195), (115, 110, 175), (55, 70, 140)]
GREENS = [(60, 160, 130), (80, 150, 150), (100, 170, 120), (130, 190, 170)]
REDS = [(190, 60, 80), (200, 90, 110), (220, 160, 180), (160, 90, 120), (180, 80, 60), (190, 70, 130), (205, 90, 50)]
NUCLEI = [(60, 40, 70), (50, 45, 60), (55, 40, 40)]


def _kind(colour: tuple[int, int, int], tones: Tones) -> int:
    return int(trichrome.classify(np.full((1, 1, 3), colour, np.uint8), WHITE, tones)[0, 0])


@pytest.mark.parametrize(("usual", "collagens"), [(BLUE, BLUES), (GREEN, GREENS)], ids=["blue", "green"])
def test_the_dyes_many_shades_are_told_apart_by_the_usual_tones(
    usual: trichrome.UsualTones, collagens: list[tuple[int, int, int]]
) -> None:
    tones = Tones(usual.collagen_deg, usual.red_deg, sum(usual.limit_deg) / 2)
    assert {_kind(colour, tones) for colour in collagens} == {COLLAGEN}
    assert {_kind(colour, tones) for colour in REDS} == {RED}
    assert {_kind(colour, tones) for colour in NUCLEI} <= {TISSUE, RED}
    assert {_kind(colour, tones) for colour in [(240, 240, 240), (236, 238, 242), (243, 238, 239)]} == {GLASS}


@given(
    st.tuples(*[st.integers(0, 255)] * 3),
    st.floats(-40, 60), st.floats(62, 110), st.floats(115, 200), st.sampled_from([np.uint8, np.uint16, np.float32]),
)  # fmt: skip
@settings(max_examples=60, deadline=None)
def test_table_and_arithmetic_agree_on_every_type(
    colour: tuple[int, int, int], collagen: float, limit: float, red: float, kind: type
) -> None:
    tones = Tones(collagen, red, limit)
    factor = {np.uint8: 1.0, np.uint16: 257.0, np.float32: 1 / 255}[kind]
    pixels = np.round(np.full((2, 2, 3), colour) * factor, 6 if kind is np.float32 else 0).astype(kind)
    white = White(tuple(value * factor for value in WHITE.rgb))
    by_table = trichrome.classify(pixels, white, tones)
    by_arithmetic = trichrome.classify(pixels, White(white.rgb, ((0.0,) * 15,) * 3), tones)
    density = np.log10(np.array(WHITE.rgb) / np.maximum(colour, 2.4))
    hue, chroma = trichrome.hue_and_chroma(density)
    towards = [chroma * np.cos(np.radians(hue - a)) for a in (collagen, red)]
    least = trichrome.CHROMA_OD + trichrome.SATURATION * density.mean()
    near = [abs(density.mean() - trichrome.TISSUE_OD), abs(chroma * np.sin(np.radians(limit - hue)))]
    near += [abs(t - least) for t in towards]
    if min(near) > 0.003:  # at a limit rounding decides
        assert (by_table == by_arithmetic).all()


@pytest.mark.parametrize("share", [0.03, 0.5, 0.97])
def test_tones_do_not_hang_on_how_much_collagen_there_is(share: float) -> None:
    rng = np.random.default_rng(0)
    count = int(share * 20_000)
    shades = np.repeat([(90, 120, 190), (190, 60, 80)], [count, 20_000 - count], axis=0)
    tones = trichrome.estimate_tones(shades + rng.normal(0, 4, shades.shape), WHITE, BLUE)
    assert tones.collagen_deg == pytest.approx(39, abs=8)
    assert tones.red_deg == pytest.approx(166, abs=12)  # few red pixels: the usual hue counts too
    assert 65 <= tones.limit_deg <= 105


def test_tones_of_pictures_without_colour_are_the_usual_ones() -> None:
    for pixels in (np.full((500, 3), 240), np.full((500, 3), 90), np.empty((0, 3))):
        tones = trichrome.estimate_tones(pixels, WHITE, GREEN)
        assert (tones.collagen_deg, tones.red_deg) == (GREEN.collagen_deg, GREEN.red_deg)


def test_a_lilac_ground_moves_the_limit_towards_collagen() -> None:
    blue = np.full((4000, 3), (90, 130, 190))
    noise = np.random.default_rng(1).normal(0, 5, (8000, 3))
    limits = [
        trichrome.estimate_tones(np.concatenate([blue, np.full((4000, 3), red)]) + noise, WHITE, BLUE).limit_deg
        for red in [(190, 60, 80), (165, 125, 180)]
    ]
    assert limits[1] < limits[0] - 10


def test_a_white_point_that_is_pale_stain_is_replaced() -> None:
    tissue = np.full((1000, 3), (190, 205, 228))
    assert trichrome.white_without_glass(White((190.0, 205.0, 228.0)), tissue).rgb == (228.0,) * 3
    dense = np.concatenate([np.full((900, 3), (110, 105, 108)), np.full((100, 3), (200, 60, 70))])
    assert trichrome.white_without_glass(White((110.0, 105.0, 108.0)), dense).rgb == (200.0,) * 3
    warm = White((250.0, 243.0, 220.0))
    assert trichrome.white_without_glass(warm, np.full((10, 3), (250, 243, 220))) == warm


@pytest.mark.parametrize(
    ("collagen", "red", "usual", "other"),
    [
        ((90, 120, 190), (190, 60, 80), BLUE, False),
        ((60, 160, 130), (190, 60, 80), GREEN, False),
        ((90, 80, 150), (225, 160, 190), GREEN, True),  # blue where green is expected
        ((75, 55, 110), (225, 160, 190), BLUE, True),  # haematoxylin and eosin
        ((90, 120, 190), (150, 110, 70), BLUE, True),  # DAB
    ],
)
def test_another_stain_is_known_by_its_hue(
    collagen: tuple[int, int, int], red: tuple[int, int, int], usual: trichrome.UsualTones, other: bool
) -> None:
    pixels = np.repeat([collagen, red], [200, 800], axis=0)
    kinds = np.repeat(np.array([COLLAGEN, RED], np.uint8), [200, 800])
    assert trichrome.is_another_stain(pixels, kinds, WHITE, usual) is other


def test_mean_amounts_are_those_of_the_unmixed_planes() -> None:
    field = synth.trichrome_field((90, 110), seed=2)
    stains = preset("Masson blue").with_white(White(field.white))
    codes = field.collagen.view(np.uint8) + np.uint8(2) * field.mature.view(np.uint8)
    found = trichrome.mean_amounts(field.pixels, codes, stains, ("aniline blue", "ponceau fuchsin"))
    from exoimage.methods.stains import unmix

    amounts = unmix(field.pixels, stains).amounts
    assert found == pytest.approx([amounts[field.collagen, 0].mean(), amounts[field.mature, 1].mean()], abs=1e-4)
    assert np.isnan(trichrome.mean_amounts(field.pixels, codes * 0, stains, ("aniline blue",))[0])


def test_a_grey_picture_is_refused() -> None:
    with pytest.raises(MeasureError, match="colour"):
        trichrome.classify(np.zeros((4, 4), np.uint8), WHITE, Tones(45, 150, 90))


def _classified(field: synth.TrichromeField, tones: Tones) -> tuple[np.ndarray, np.ndarray]:
    kinds = trichrome.classify(field.pixels, White(field.white), tones)
    return kinds, kinds == COLLAGEN


def test_mature_bone_is_found_and_marrow_is_not() -> None:
    field = synth.trichrome_field((300, 360), synth.Section(collagen=0.15, mature=0.25, width_px=45), seed=3)
    kinds, collagen = _classified(field, Tones(45, 165, 95))
    found = mature_bone(field.pixels, kinds, collagen, White(field.white), BoneSizes(20, 60))
    assert found[field.mature].mean() > 0.8
    assert found[~field.mature & ~field.collagen].mean() < 0.03


def test_red_tissue_without_bone_is_not_mature_bone() -> None:
    field = synth.trichrome_field((300, 360), synth.Section(collagen=0.1, mature=0.0, width_px=15), seed=5)
    kinds, collagen = _classified(field, Tones(45, 165, 95))
    found = mature_bone(field.pixels, kinds, collagen, White(field.white), BoneSizes(20, 60))
    assert (kinds == RED).mean() > 0.5
    assert found.mean() < 0.1


def test_osteoid_is_a_dense_seam_on_mineralised_bone() -> None:
    section = synth.Section(collagen=0.25, mature=0.06, collagen_inside=True, width_px=60)
    field = synth.trichrome_field((300, 360), section, colours=synth.GOLDNER, seed=3)
    kinds, mineralised = _classified(field, Tones(0, 165, 90))
    found = osteoid(field.pixels, kinds, mineralised, White(field.white), OsteoidSizes(5, 60))
    assert found[field.mature].mean() > 0.75
    assert found[~field.mature & ~field.collagen].mean() < 0.02
    none = osteoid(field.pixels, kinds, np.zeros_like(mineralised), White(field.white), OsteoidSizes(5, 60))
    assert not none.any()


@given(
    st.floats(0, 0.4), st.floats(0, 0.3), st.integers(0, 1000),
)  # fmt: skip
@settings(max_examples=12, deadline=None)
def test_synthetic_sections_hold_the_shares_asked_for(collagen: float, mature: float, seed: int) -> None:
    field = synth.trichrome_field((60, 80), synth.Section(collagen=collagen, mature=mature, width_px=12), seed=seed)
    assert field.collagen_pct == pytest.approx(100 * collagen, abs=0.03)
    assert field.mature_pct == pytest.approx(100 * mature, abs=0.03)
    assert not (field.collagen & field.mature).any()
    assert not (field.glass & (field.collagen | field.mature)).any()
