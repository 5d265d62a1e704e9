from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from exoimage.errors import MeasureError, RecipeError
from exoimage.methods import bright_nuclei, cell_compartments, stains, synth
from exoimage.methods.density import White


def _planes(field: synth.ImmunoField) -> tuple[np.ndarray, np.ndarray]:
    return bright_nuclei.nuclear_planes(field.pixels, stains.preset("H DAB").with_white(White(field.white)))


def matched(found: np.ndarray, truth: np.ndarray, least_iou: float = 0.5) -> tuple[np.ndarray, np.ndarray]:
    """Labels of the pairs whose overlap is above a share of their union."""
    together = np.zeros((found.max() + 1, truth.max() + 1))
    np.add.at(together, (found.ravel(), truth.ravel()), 1)
    union = together.sum(1, keepdims=True) + together.sum(0, keepdims=True) - together
    one, other = np.nonzero((together / np.maximum(union, 1))[1:, 1:] > least_iou)
    return one + 1, other + 1


def f1(found: np.ndarray, truth: np.ndarray) -> float:
    return 2 * len(matched(found, truth)[0]) / max(1, found.max() + truth.max())


@pytest.mark.parametrize("diameter", [9, 14, 24, 45])
def test_nuclei_of_any_size_are_found_stained_or_not(diameter: int) -> None:
    cells = synth.Immunostain(diameter_px=diameter, cover=0.22)
    field = synth.immuno_field((420, 560), cells, seed=diameter)
    haematoxylin, darkness = _planes(field)
    size = bright_nuclei.estimate_diameter(haematoxylin)
    assert 0.75 * diameter < size < 1.4 * diameter
    assert f1(bright_nuclei.find_nuclei(darkness, size), field.nuclei) > 0.9


def test_the_size_scales_with_the_picture() -> None:
    small, large = (
        synth.immuno_field((n, n), synth.Immunostain(diameter_px=d), seed=4) for n, d in ((300, 12), (600, 24))
    )
    sizes = [bright_nuclei.estimate_diameter(_planes(field)[0]) for field in (small, large)]
    assert sizes[1] / sizes[0] == pytest.approx(2, rel=0.15)


@pytest.mark.parametrize("plane", [np.zeros((200, 300)), np.full((200, 300), 0.4), np.zeros((3, 5)), np.zeros((0, 7))])
def test_an_even_plane_has_no_nuclei_and_no_size(plane: np.ndarray) -> None:
    plane = plane.astype(np.float32)
    assert bright_nuclei.estimate_diameter(plane) == 0
    if plane.size:
        assert not bright_nuclei.find_nuclei(plane, 20).any()


def test_noise_gives_no_nuclei() -> None:
    noise = np.random.default_rng(0).normal(0.1, 0.02, (300, 300)).astype(np.float32)
    assert bright_nuclei.find_nuclei(noise, 16).max() == 0


def test_pale_centres_belong_to_the_nucleus() -> None:
    y, x = np.mgrid[:80, :80]
    radius = np.hypot(y - 40, x - 40)
    ring = np.where(radius < 14, np.where(radius < 6, 0.05, 0.35), 0).astype(np.float32)
    nuclei = bright_nuclei.find_nuclei(ring, 28)
    assert nuclei.max() == 1
    assert nuclei[40, 40] == 1
    assert np.count_nonzero(nuclei) == pytest.approx(np.pi * 14**2, rel=0.2)


def test_planes_are_those_of_unmixing_and_inputs_stay() -> None:
    field = synth.immuno_field((60, 70), seed=2)
    before = field.pixels.copy()
    stain_set = stains.preset("H DAB").with_white(White(field.white))
    haematoxylin, darkness = _planes(field)
    amounts = stains.unmix(field.pixels, stain_set).amounts
    np.testing.assert_allclose(haematoxylin, amounts[..., 0], atol=1e-5)
    expected = 1 - 10 ** -np.maximum(amounts[..., 0] + bright_nuclei.NUCLEAR_DAB * amounts[..., 1], 0)
    np.testing.assert_allclose(darkness, expected, atol=1e-5)
    assert np.array_equal(field.pixels, before)
    deep = bright_nuclei.nuclear_planes(
        field.pixels.astype(np.uint16) * 257, stain_set.with_white(White(tuple(257 * w for w in field.white)))
    )
    np.testing.assert_allclose(deep[0], haematoxylin, atol=1e-5)


def test_uneven_light_is_taken_off_the_planes() -> None:
    from exoimage.methods import density

    light = synth.Light(relative_range=0.3)
    blank = synth.nodule_field((96, 128), synth.Nodules(fraction=0), surroundings=synth.BARE, light=light).pixels
    stain_set = stains.preset("H DAB").with_white(density.white_from_blank(blank))
    haematoxylin, darkness = bright_nuclei.nuclear_planes(blank, stain_set)
    assert abs(haematoxylin).max() < 0.05
    assert darkness.max() < 0.06
    assert np.ptp(bright_nuclei.nuclear_planes(blank, stains.preset("H DAB"))[0]) > 0.08


def test_rings_surround_their_nuclei_and_do_not_overlap() -> None:
    field = synth.immuno_field((200, 260), seed=5)
    rings = cell_compartments.cytoplasm(field.nuclei, 6, 1)
    assert not np.any((rings > 0) & (field.nuclei > 0))
    assert set(np.unique(rings)) <= set(range(field.nuclei.max() + 1))
    both = np.where(field.nuclei > 0, field.nuclei, rings)
    for number in (1, 5, 9):
        rows, columns = np.nonzero(both == number)
        nucleus = np.argwhere(field.nuclei == number)
        away = np.hypot(*(np.stack([rows, columns], 1)[:, None] - nucleus).transpose(2, 0, 1)).min(axis=1)
        assert away.max() <= 6.3
    assert not cell_compartments.cytoplasm(np.zeros((4, 5), np.int32), 3).any()


@given(st.integers(0, 2**31), st.floats(0, 4))
def test_cores_are_parts_of_their_nuclei_and_none_is_lost(seed: int, rim: float) -> None:
    field = synth.immuno_field((64, 80), synth.Immunostain(diameter_px=12), seed=seed)
    cores = cell_compartments.cores(field.nuclei, rim)
    assert np.all((cores == field.nuclei) | (cores == 0))
    assert set(np.unique(cores)) >= set(range(1, field.nuclei.max() + 1))


@given(st.integers(0, 2**31))
def test_measures_are_those_of_numpy(seed: int) -> None:
    field = synth.immuno_field((64, 80), synth.Immunostain(diameter_px=10), seed=seed)
    table = cell_compartments.measure_nuclei(field.nuclei, field.dab_od, field.dab_od * 2)
    for number in range(1, field.nuclei.max() + 1):
        mask = field.nuclei == number
        assert table.area_px[number - 1] == mask.sum()
        assert table.dab_sum[number - 1] == pytest.approx(float(field.dab_od[mask].sum()), rel=1e-4)
        assert table.y_px[number - 1] == pytest.approx(np.nonzero(mask)[0].mean() + 0.5)


def test_wrong_input_is_refused() -> None:
    plane = np.zeros((5, 5), np.float32)
    with pytest.raises(MeasureError, match="magnify"):
        bright_nuclei.find_nuclei(plane, 2)
    with pytest.raises(MeasureError, match="one shape"):
        cell_compartments.measure_nuclei(np.zeros((5, 4), np.int32), plane, plane)
    with pytest.raises(RecipeError, match="add up to 1"):
        synth.Immunostain(shares=(0.5, 0.1, 0.1, 0.1))


def test_the_synthetic_field_keeps_its_promises() -> None:
    cells = synth.Immunostain(shares=(0.5, 0.2, 0.2, 0.1), cover=0.2)
    one, again = (synth.immuno_field((300, 300), cells, seed=8) for _ in range(2))
    assert np.array_equal(one.pixels, again.pixels)
    assert (one.nuclei > 0).mean() == pytest.approx(0.2, abs=0.03)
    assert np.array(one.counts()) / sum(one.counts()) == pytest.approx(cells.shares, abs=0.03)
    weaker = synth.immuno_field((300, 300), synth.Immunostain(strength=0.5), seed=8)
    stronger = synth.immuno_field((300, 300), synth.Immunostain(strength=1.0), seed=8)
    assert weaker.cell_od == pytest.approx(stronger.cell_od / 2, rel=1e-4)
