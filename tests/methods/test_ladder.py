"""Masses from a ladder's bands."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from exoimage.errors import MeasureError
from exoimage.flags import Flag
from exoimage.methods.ladder import fit_ladder

MASSES = np.array([250.0, 150, 100, 75, 50, 37, 25, 20, 15])


def bent(masses: np.ndarray) -> np.ndarray:
    """Where masses run to on a gel whose large proteins are held back: log mass is no line."""
    share = np.log(250 / masses) / np.log(250 / 8)
    return 40 + 400 * share**0.85


@given(st.floats(0.5, 3.0), st.floats(10, 200))
def test_a_log_linear_ladder_is_exact_between_and_beyond_its_bands(steep: float, start: float) -> None:
    run = start + 100 * steep * np.log10(250 / MASSES)
    scale = fit_ladder(run.tolist(), MASSES.tolist())
    wanted = np.array([300.0, 120, 60, 17, 10])
    got = scale.mass_kda(start + 100 * steep * np.log10(250 / wanted))
    np.testing.assert_allclose(got, wanted, rtol=1e-6)
    assert scale.is_beyond(start + 100 * steep * np.log10(250 / wanted)).tolist() == [True, False, False, False, True]
    assert scale.error_pct < 0.01
    assert scale.flags == ()
    assert scale.distance_px(60.0) == pytest.approx(start + 100 * steep * np.log10(250 / 60), abs=0.1 * steep)


def test_a_bent_ladder_is_followed() -> None:
    wanted = np.array([200.0, 130, 60, 42, 30, 17])
    got = fit_ladder(bent(MASSES).tolist(), MASSES.tolist())
    assert np.abs(got.mass_kda(bent(wanted)) / wanted - 1).max() < 0.05
    assert len(got.coefficients) > 2
    assert got.error_pct < 5


def test_bands_too_many_or_too_few_are_matched_in_order() -> None:
    run = bent(MASSES)
    scale = fit_ladder([*run.tolist(), float((run[3] + run[4]) / 2 + 6)], MASSES.tolist())
    assert float(scale.mass_kda(run[5])) == pytest.approx(37, rel=0.06)
    line = 100 * np.log10(250 / MASSES)
    fewer = fit_ladder(np.delete(line, [2, 6]).tolist(), MASSES.tolist())
    assert float(fewer.mass_kda(line[4])) == pytest.approx(50, rel=0.02)
    assert fewer.flags == (Flag.LADDER_UNCERTAIN,)


def test_a_ladder_from_the_bottom_is_noticed() -> None:
    run = 100 * np.log10(250 / MASSES)
    assert Flag.UPSIDE_DOWN in fit_ladder((run.max() - run).tolist(), MASSES.tolist()).flags


def test_what_is_no_ladder_is_refused() -> None:
    with pytest.raises(MeasureError, match="two or more are needed"):
        fit_ladder([10.0], MASSES.tolist())
    with pytest.raises(MeasureError, match="masses of two bands"):
        fit_ladder([10.0, 20.0], [50.0, -3.0])
    with pytest.raises(MeasureError, match="beyond the ladder"):
        fit_ladder([10.0, 20.0], [50.0, 30.0]).distance_px(100.0)
