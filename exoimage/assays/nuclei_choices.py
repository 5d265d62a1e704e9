"""What finds nuclei: our own network, thresholds, or a learned detector that the user has installed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, get_args

import numpy.typing as npt
from pydantic import BeforeValidator, Field

from exoimage.assays.channel_roles import AUTO
from exoimage.assays.choice import Choice
from exoimage.errors import MeasureError
from exoimage.methods import detectors, network_maps
from exoimage.methods.detectors import DetectorName, InstalledDetector, OwnDetector, Search
from exoimage.methods.nuclei import Nuclei

ChannelName = Annotated[str, BeforeValidator(lambda value: str(value) if isinstance(value, int) else value)]
"""A channel's name, or its number from 1, which a command line gives without quotes."""

_IN_WORDS: Mapping[DetectorName, str] = {
    "network": "Nuclei were found by exoimage's convolutional network, trained on BBBC038 (Caicedo et al. 2019) and"
    " synthetic fields",
    "threshold": "Nuclei were found as bright objects above their own surroundings, touching ones parted by shape and"
    " brightness",
    "cellpose": "Nuclei were found by Cellpose (Stringer et al. 2021)",
    "stardist": "Nuclei were found by StarDist (Schmidt et al. 2018)",
}


_REFERENCES: Mapping[DetectorName, tuple[str, ...]] = {
    "network": (
        "Caicedo JC, Goodman A, Karhohs KW, et al. Nucleus segmentation across imaging experiments: the 2018 Data"
        " Science Bowl. Nat Methods 2019;16:1247-1253. doi:10.1038/s41592-019-0612-7",
    ),
    "cellpose": (
        "Stringer C, Wang T, Michaelos M, Pachitariu M. Cellpose: a generalist algorithm for cellular segmentation."
        " Nat Methods 2021;18:100-106. doi:10.1038/s41592-020-01018-x",
    ),
    "stardist": (
        "Schmidt U, Weigert M, Broaddus C, Myers G. Cell detection with star-convex polygons. MICCAI 2018:265-273."
        " doi:10.1007/978-3-030-00934-2_30",
    ),
}


class Detection(Choice):
    """What finds nuclei in a plane that the assay makes."""

    method: DetectorName

    def find(self, plane: npt.NDArray[Any], search: Search) -> Nuclei:
        """Nuclei of a (y, x) plane in which they are bright."""
        return detectors.detector(self.method).find(plane, search)

    def refuse_tiles(self) -> None:
        """Refuse detectors that look at fields in one piece.

        Raises
        ------
        MeasureError
            If it is one of these.
        """
        if self.method not in get_args(OwnDetector):
            raise MeasureError(
                f'{self.method} looks at fields in one piece: crop the slide, or choose nuclei.method = "network"'
            )

    def key(self) -> str:
        """What decides which nuclei are found, with the network's weights where it finds them."""
        return " ".join((self.model_dump_json(), *self.weights().values()))

    def weights(self) -> Mapping[str, str]:
        """What the weights that are used are known by: the checksum (sha256) of our file, or the package's version."""
        if self.method == "network":
            return {network_maps.WEIGHTS: network_maps.weights_sha256()}
        return {} if self.method == "threshold" else {self.method: detectors.installed_version(self.method)}

    def references(self) -> tuple[str, ...]:
        """What its sentence cites."""
        return _REFERENCES.get(self.method, ())

    def sentence(self) -> str:
        """The choice in words."""
        return _IN_WORDS[self.method]


class OwnDetection(Detection):
    """network: comes with exoimage. threshold: outlines as local as can be, touching nuclei parted by shape."""

    method: OwnDetector


class InstalledDetection(Detection):
    """A learned detector that has to be installed, and fetches its own weights."""

    method: InstalledDetector


class _InChannel(Detection):
    channel: ChannelName = Field(
        AUTO,
        min_length=1,
        description='Channel of the nuclear stain: its name, number (from 1), or "auto" (DAPI, Hoechst, 405, blue …,'
        " else the first).",
    )


class OwnNuclei(_InChannel):
    """network: comes with exoimage. threshold: outlines as local as can be, touching nuclei parted by shape."""

    method: OwnDetector


class InstalledNuclei(_InChannel):
    """A learned detector that has to be installed, and fetches its own weights."""

    method: InstalledDetector


def _named_alone(value: object) -> object:
    """A method alone; or a channel alone, as it was written before there was a choice of methods."""
    if value in get_args(DetectorName):
        return {"method": value}
    return {"method": "network", "channel": value} if isinstance(value, str | int) else value


NucleiChoice = Annotated[OwnNuclei | InstalledNuclei, Field(discriminator="method"), BeforeValidator(_named_alone)]
"""Of a fluorescence picture, with the channel."""

DetectionChoice = Annotated[
    OwnDetection | InstalledDetection,
    Field(discriminator="method"),
    BeforeValidator(lambda value: {"method": value} if isinstance(value, str) else value),
]
"""Of a plane that the assay makes itself."""
