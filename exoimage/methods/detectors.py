"""One door for all that finds nuclei: the classical method, and learned ones where the user has installed them.

Learned detectors are loaded only when they are asked for; nothing here downloads them, but their own packages fetch
their weights when they are first used.
"""

from __future__ import annotations

import importlib
from typing import Any, Literal, Protocol, get_args

import numpy as np
import numpy.typing as npt

from exoimage.errors import MeasureError
from exoimage.methods import fluorescent_nuclei

Plane = npt.NDArray[Any]
Labels = npt.NDArray[np.int32]
DetectorName = Literal["classical", "cellpose", "stardist"]

STARDIST_DIAMETER_PX = 25.0
"""Nuclei of about this width are what StarDist's 2D_versatile_fluo was trained on."""


class NucleiDetector(Protocol):
    """What finds nuclei in a plane."""

    def find(self, plane: Plane, typical_diameter: float) -> Labels:
        """Nuclei of a (y, x) plane as (y, x) int32 labels; a typical diameter of 0 px: not known."""
        ...


class Classical:
    """`fluorescent_nuclei.find_nuclei`."""

    def find(self, plane: Plane, typical_diameter: float) -> Labels:
        """Nuclei of a plane."""
        return fluorescent_nuclei.find_nuclei(plane, typical_diameter=typical_diameter).labels


class Cellpose:
    """Cellpose, version 3 or 4.

    References
    ----------
    Stringer C, Wang T, Michaelos M, Pachitariu M. Cellpose: a generalist algorithm for cellular segmentation. Nat
    Methods 2021;18:100-106. doi:10.1038/s41592-020-01018-x
    """

    def __init__(self) -> None:
        models = _installed("cellpose.models", "cellpose")
        # Version 4 has one model for everything; version 3 has one of nuclei.
        has_old_models = hasattr(models, "Cellpose")
        self._model = models.CellposeModel(model_type="nuclei") if has_old_models else models.CellposeModel()

    def find(self, plane: Plane, typical_diameter: float) -> Labels:
        """Nuclei of a plane; where no diameter is known it is estimated as for the classical method."""
        diameter = typical_diameter or fluorescent_nuclei.estimate_diameter(plane)
        if diameter == 0:
            return np.zeros(plane.shape, np.int32)
        masks = self._model.eval(np.asarray(plane, np.float32), diameter=diameter)[0]
        return _checked(masks, plane, "cellpose")


class StarDist:
    """StarDist with its model 2D_versatile_fluo.

    References
    ----------
    Schmidt U, Weigert M, Broaddus C, Myers G. Cell detection with star-convex polygons. MICCAI 2018:265-273.
    doi:10.1007/978-3-030-00934-2_30
    """

    def __init__(self) -> None:
        models = _installed("stardist.models", "stardist")
        self._normalize = _installed("csbdeep.utils", "csbdeep").normalize
        self._model = models.StarDist2D.from_pretrained("2D_versatile_fluo")

    def find(self, plane: Plane, typical_diameter: float) -> Labels:
        """Nuclei of a plane, scaled to the size of nuclei that the model knows."""
        if np.ptp(plane) == 0:
            return np.zeros(plane.shape, np.int32)
        scaled = self._normalize(np.asarray(plane, np.float32), 1, 99.8)
        scale = {"scale": STARDIST_DIAMETER_PX / typical_diameter} if typical_diameter else {}
        return _checked(self._model.predict_instances(scaled, **scale)[0], plane, "stardist")


_DETECTORS: dict[str, type[Classical] | type[Cellpose] | type[StarDist]] = {
    "classical": Classical,
    "cellpose": Cellpose,
    "stardist": StarDist,
}


def detector(name: DetectorName) -> NucleiDetector:
    """The detector of a name.

    Parameters
    ----------
    name : {"classical", "cellpose", "stardist"}

    Raises
    ------
    MeasureError
        If there is none of that name, or it is not installed.

    Examples
    --------
    >>> int(detector("classical").find(np.zeros((40, 40), np.uint8), 0).max())
    0
    """
    if name not in _DETECTORS:
        raise MeasureError(f"no detector is called {name!r}; there are {', '.join(get_args(DetectorName))}")
    return _DETECTORS[name]()


def _installed(module: str, package: str) -> Any:
    try:
        return importlib.import_module(module)
    except ImportError as error:
        raise MeasureError(
            f"the detector needs the package {package}, which cannot be loaded ({error}); install it with"
            f' "pip install {package}", or choose detector = "classical"'
        ) from error


def _checked(masks: Any, plane: Plane, name: str) -> Labels:
    labels = np.asarray(masks)
    if labels.shape != plane.shape:
        raise MeasureError(f"{name} answered with shape {labels.shape} to a plane of {plane.shape}")
    present, numbered = np.unique(labels, return_inverse=True)
    # Numbers without gaps, whatever the detector left out.
    return np.asarray(numbered.reshape(plane.shape) + (0 if present[0] == 0 else 1), np.int32)
