"""One door for all that finds nuclei: thresholds, our own network, and learned detectors that the user has installed.

The latter are loaded only when they are asked for; nothing here downloads them, but their own packages fetch their
weights when they are first used.
"""

from __future__ import annotations

import importlib
from dataclasses import dataclass
from functools import lru_cache
from importlib import metadata
from typing import Any, Literal, Protocol, get_args

import numpy as np
import numpy.typing as npt

from exoimage.errors import MeasureError
from exoimage.methods import fluorescent_nuclei, network_nuclei
from exoimage.methods.network_views import Levels
from exoimage.methods.nuclei import LEAST_SOLIDITY, SMALLEST, Nuclei, exposure

Plane = npt.NDArray[Any]
OwnDetector = Literal["network", "threshold"]
InstalledDetector = Literal["cellpose", "stardist"]
DetectorName = Literal["network", "threshold", "cellpose", "stardist"]

STARDIST_DIAMETER_PX = 25.0
"""Nuclei of about this width are what StarDist's 2D_versatile_fluo was trained on."""


@dataclass(frozen=True)
class FieldLight:
    """What a whole picture says of its light, for those who are shown a tile of it.

    Parameters
    ----------
    typical_contrast : float
        Of nuclei; see `fluorescent_nuclei.find_nuclei`. 0: the plane's own.
    levels : Levels, optional
        See `network_nuclei.find_nuclei`. Default: the plane's own.
    """

    typical_contrast: float = 0.0
    levels: Levels | None = None


OWN_LIGHT = FieldLight()
"""That of a plane that is no tile."""


@dataclass(frozen=True)
class Search:
    """What is looked for.

    Parameters
    ----------
    diameter_px : float
        Typical diameter of a nucleus; 0: estimated from the plane.
    max_value : float
        The value at which the camera saturates; 0: the type's largest.
    smallest, least_solidity : float
        See `fluorescent_nuclei.find_nuclei`; detectors that the user has installed have their own rules.
    light : FieldLight
    """

    diameter_px: float = 0.0
    max_value: float = 0.0
    smallest: float = SMALLEST
    least_solidity: float = LEAST_SOLIDITY
    light: FieldLight = OWN_LIGHT


class NucleiDetector(Protocol):
    """What finds nuclei in a (y, x) plane in which they are bright."""

    def find(self, plane: Plane, search: Search) -> Nuclei:
        """The nuclei of a plane."""
        ...


class Threshold:
    """`fluorescent_nuclei.find_nuclei`."""

    def find(self, plane: Plane, search: Search) -> Nuclei:
        """Nuclei of a plane."""
        return fluorescent_nuclei.find_nuclei(
            plane,
            typical_diameter=search.diameter_px,
            max_value=search.max_value,
            smallest=search.smallest,
            least_solidity=search.least_solidity,
            typical_contrast=search.light.typical_contrast,
        )


class Network:
    """`network_nuclei.find_nuclei`."""

    def find(self, plane: Plane, search: Search) -> Nuclei:
        """Nuclei of a plane."""
        return network_nuclei.find_nuclei(
            plane,
            typical_diameter=search.diameter_px,
            max_value=search.max_value,
            smallest=search.smallest,
            least_solidity=search.least_solidity,
            typical_contrast=search.light.typical_contrast,
            levels=search.light.levels,
        )


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

    def find(self, plane: Plane, search: Search) -> Nuclei:
        """Nuclei of a plane; where no diameter is known it is estimated as for the other methods."""
        diameter = search.diameter_px or fluorescent_nuclei.estimate_diameter(plane)
        if diameter == 0:
            return Nuclei(np.zeros(plane.shape, np.int32), 0.0)
        masks = self._model.eval(np.asarray(plane, np.float32), diameter=diameter)[0]
        return _checked(masks, plane, diameter, search, "cellpose")


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

    def find(self, plane: Plane, search: Search) -> Nuclei:
        """Nuclei of a plane, scaled to the size of nuclei that the model knows."""
        diameter = search.diameter_px
        if np.ptp(plane) == 0:
            return Nuclei(np.zeros(plane.shape, np.int32), diameter)
        scaled = self._normalize(np.asarray(plane, np.float32), 1, 99.8)
        scale = {"scale": STARDIST_DIAMETER_PX / diameter} if diameter else {}
        return _checked(self._model.predict_instances(scaled, **scale)[0], plane, diameter, search, "stardist")


_DETECTORS: dict[str, type[Threshold] | type[Network] | type[Cellpose] | type[StarDist]] = {
    "network": Network,
    "threshold": Threshold,
    "cellpose": Cellpose,
    "stardist": StarDist,
}


def detector(name: DetectorName) -> NucleiDetector:
    """The detector of a name.

    Parameters
    ----------
    name : {"network", "threshold", "cellpose", "stardist"}

    Raises
    ------
    MeasureError
        If there is none of that name, or it is not installed.

    Examples
    --------
    >>> detector("network").find(np.zeros((40, 40), np.uint8), Search()).count
    0
    """
    if name not in _DETECTORS:
        raise MeasureError(f"no detector is called {name!r}; there are {', '.join(get_args(DetectorName))}")
    return _loaded(name)


def installed_version(name: InstalledDetector) -> str:
    """The version of a detector that the user has to install; empty where it is not."""
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return ""


@lru_cache
def _loaded(name: DetectorName) -> NucleiDetector:
    """Models are large: each is loaded once."""
    return _DETECTORS[name]()


def _installed(module: str, package: str) -> Any:
    try:
        return importlib.import_module(module)
    except ImportError as error:
        raise MeasureError(
            f"the detector needs the package {package}, which cannot be loaded ({error}); install it with"
            f' "pip install {package}", or choose nuclei = {{ method = "network" }}'
        ) from error


def _checked(masks: Any, plane: Plane, diameter: float, search: Search, name: str) -> Nuclei:
    """What an installed detector answered, its numbers without gaps, whatever it left out."""
    labels = np.asarray(masks)
    if labels.shape != plane.shape:
        raise MeasureError(f"{name} answered with shape {labels.shape} to a plane of {plane.shape}")
    present, numbered = np.unique(labels, return_inverse=True)
    found = np.asarray(numbered.reshape(plane.shape) + (0 if present[0] == 0 else 1), np.int32)
    return Nuclei(found, diameter, flags=exposure(plane, found, search.max_value))
