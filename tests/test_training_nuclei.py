"""What the nuclei network is trained on; the training itself needs PyTorch and is no part of the tests."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from support import ROOT

TRAINING = ROOT / "training" / "nuclei"

pytestmark = pytest.mark.skipif(not TRAINING.is_dir(), reason="the training scripts are not part of what is installed")


@pytest.fixture(scope="module")
def scripts() -> Iterator[Any]:
    """The modules `crops` and `pictures`."""
    sys.path.insert(0, str(TRAINING))
    try:
        import crops
        import pictures

        yield crops, pictures
    finally:
        sys.path.remove(str(TRAINING))


@pytest.fixture(scope="module")
def sources(scripts: Any) -> Any:
    return scripts[1].synthetic_sources(3, seed=1)


def test_a_crop_depends_on_its_seed_alone(scripts: Any, sources: Any) -> None:
    one, again, other = (scripts[0].crop(sources, (10, number)) for number in (4, 4, 5))
    np.testing.assert_array_equal(one.views, again.views)
    np.testing.assert_array_equal(one.answer, again.answer)
    assert not np.array_equal(one.views, other.views)


def test_all_pixels_of_a_nucleus_point_to_one_place(scripts: Any, sources: Any) -> None:
    crops = scripts[0]
    seen = 0
    for number in range(12):
        foreground, depth, *way = crops.crop(sources, (3, number)).answer
        y, x = np.nonzero(foreground > 0)
        if not len(y):
            continue
        assert depth[y, x].min() > 0
        assert depth.max() <= 1
        assert not np.any(np.array(way)[:, foreground == 0])
        middles = np.round([y + crops.WAY_UNIT_PX * way[0][y, x], x + crops.WAY_UNIT_PX * way[1][y, x]], 1)
        places = np.unique(middles, axis=1).shape[1]
        assert places < 0.05 * len(y)
        seen += places
    assert seen > 50


def test_some_crops_hold_nothing_and_all_are_finite(scripts: Any, sources: Any) -> None:
    some = [scripts[0].crop(sources, (1, number)) for number in range(40)]
    assert all(np.isfinite(one.views).all() for one in some)
    empty = sum(not one.answer.any() for one in some)
    assert 1 <= empty <= 15
    assert all(one.weight.min() >= 0 for one in some)
