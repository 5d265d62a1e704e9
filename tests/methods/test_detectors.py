from __future__ import annotations

import sys
from types import ModuleType, SimpleNamespace
from typing import Any, get_args

import numpy as np
import pytest

from exoimage.errors import MeasureError
from exoimage.flags import Flag
from exoimage.methods import detectors
from exoimage.methods.detectors import Search

PLANE = np.zeros((40, 50), np.uint16)
PLANE[10:20, 10:20] = 500
PLANE[25:35, 30:40] = 700


@pytest.fixture(autouse=True)
def nothing_is_loaded() -> None:
    detectors._loaded.cache_clear()


def _answer() -> np.ndarray:
    labels = np.zeros(PLANE.shape, np.uint16)
    labels[10:20, 10:20], labels[25:35, 30:40] = 3, 8
    return labels


class _Model:
    """Of the interface of both packages' models; keeps what it was called with."""

    def __init__(self, **options: Any) -> None:
        self.options, self.calls = options, []

    @classmethod
    def from_pretrained(cls, name: str) -> _Model:
        return cls(name=name)

    def eval(self, plane: np.ndarray, *, diameter: float) -> tuple[np.ndarray, list[Any], np.ndarray]:
        self.calls.append((plane, diameter))
        return _answer(), [], np.zeros(1)

    def predict_instances(self, plane: np.ndarray, **options: Any) -> tuple[np.ndarray, dict[str, Any]]:
        self.calls.append((plane, options))
        return _answer(), {}


def _put(monkeypatch: pytest.MonkeyPatch, name: str, **content: Any) -> None:
    package, module = ModuleType(name.split(".")[0]), ModuleType(name)
    vars(module).update(content)
    monkeypatch.setitem(sys.modules, package.__name__, package)
    monkeypatch.setitem(sys.modules, name, module)


@pytest.mark.parametrize("version", [3, 4])
def test_cellpose_is_asked_with_the_diameter(monkeypatch: pytest.MonkeyPatch, version: int) -> None:
    old = {"Cellpose": object} if version == 3 else {}
    _put(monkeypatch, "cellpose.models", CellposeModel=_Model, **old)
    finder = detectors.detector("cellpose")
    labels = finder.find(PLANE, Search(11.0)).labels
    assert labels.dtype == np.int32
    assert sorted(np.unique(labels)) == [0, 1, 2]
    model = finder._model
    assert model.options == ({"model_type": "nuclei"} if version == 3 else {})
    assert model.calls[0][1] == 11.0


def test_stardist_gets_a_normalised_plane_at_its_scale(monkeypatch: pytest.MonkeyPatch) -> None:
    _put(monkeypatch, "stardist.models", StarDist2D=_Model)
    _put(monkeypatch, "csbdeep.utils", normalize=lambda plane, low, high: plane / plane.max())
    finder = detectors.detector("stardist")
    labels = finder.find(PLANE, Search(50.0)).labels
    model = finder._model
    assert model.options == {"name": "2D_versatile_fluo"}
    plane, options = model.calls[0]
    assert plane.max() == 1
    assert options == {"scale": 0.5}
    assert labels.max() == 2
    assert not finder.find(np.zeros((30, 30), np.uint8), Search()).labels.any()


@pytest.mark.parametrize("name", ["cellpose", "stardist"])
def test_what_is_not_installed_says_how_to_install_it(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setitem(sys.modules, name, None)
    monkeypatch.setitem(sys.modules, f"{name}.models", None)
    with pytest.raises(MeasureError, match=f"pip install {name}"):
        detectors.detector(name)


def test_an_answer_of_another_shape_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    wrong = SimpleNamespace(eval=lambda plane, diameter: (np.zeros((3, 3)), [], []))
    _put(monkeypatch, "cellpose.models", CellposeModel=lambda **_: wrong)
    with pytest.raises(MeasureError, match="shape"):
        detectors.detector("cellpose").find(PLANE, Search(10.0))


def test_unknown_names_are_refused_and_our_own_need_nothing() -> None:
    with pytest.raises(MeasureError, match="threshold"):
        detectors.detector("magic")
    for name in get_args(detectors.OwnDetector):
        assert detectors.detector(name).find(PLANE, Search(12.0, least_solidity=0.5)).count == 2


def test_installed_detectors_flag_saturation_too(monkeypatch: pytest.MonkeyPatch) -> None:
    _put(monkeypatch, "cellpose.models", CellposeModel=_Model)
    assert detectors.detector("cellpose").find(PLANE, Search(11.0, max_value=500)).flags == (Flag.SATURATED,)
    assert detectors.detector("cellpose").find(PLANE, Search(11.0)).flags == ()
