"""Stain sets by name: the classical ones, as ImageJ's Colour Deconvolution ships them, and ours."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from exoimage.methods.imagej_stains import IMAGEJ_VECTORS
from exoimage.methods.stains import StainSet, Vector

_RUIFROK = "Ruifrok & Johnston 2001, Anal Quant Cytol Histol 23:291-299"
_LANDINI = "G. Landini, Colour Deconvolution for ImageJ; Landini et al. 2021, doi:10.1093/bioinformatics/btaa847"
_MODEL = "modelled from the dye's absorption band and a camera's sensitivities (docs/stain_vectors.py); re-estimate it"

GREY: Vector = (1.0, 1.0, 1.0)
"""What darkens all channels alike: uneven light, cells, debris, pencil marks. As a second stain it keeps them apart."""

ALIZARIN_RED: Vector = (0.25, 0.82, 0.52)
"""Alizarin red S on calcium.

The mean of two: the dye-calcium lake's band near 512 nm seen by a camera (0.27, 0.80, 0.54; docs/stain_vectors.py), the
red of mineralised cultures, and the purple of bone in alizarin-stained zebrafish larvae, its tissue subtracted,
(0.25, 0.90, 0.36).
It lies 1.7° from the first and 10° from the second.
"""

TAN: Vector = (0.19, 0.43, 0.88)
"""Yellow-brown of fixed tissue, pigment and picric acid, as measured in picrosirius-red stained liver."""


BCIP_NBT: Vector = (0.65, 0.70, 0.29)
"""The blue-purple precipitate of BCIP/NBT (alkaline phosphatase).

The band of NBT's formazan near 560 nm as a camera sees it is (0.66, 0.73, 0.18); as a precipitate it scatters, which
darkens all channels: a quarter of its density is taken as grey.
"""

ANILINE_BLUE: Vector = (0.86, 0.50, 0.07)
"""Aniline blue or methyl blue on collagen: the mean of the dyes' band as a camera sees it (0.91, 0.42, 0.03) and of
Landini's methyl blue (0.80, 0.59, 0.11)."""

PONCEAU_FUCHSIN: Vector = (0.17, 0.84, 0.52)
"""Ponceau and acid fuchsin: the mean of the dyes' bands as a camera sees them (0.24, 0.91, 0.35) and of Landini's
(0.10, 0.74, 0.67), which holds more ponceau."""

LIGHT_GREEN: Vector = (0.94, 0.12, 0.33)
"""Light green SF on collagen or mineralised bone: the dye's two bands as a camera sees them."""


def _set(source: str, target: str = "", **vectors: Vector) -> StainSet:
    names = tuple(name.replace("_", " ") for name in vectors)
    return StainSet(names, tuple(vectors.values()), source, target=target)


def _imagejs(name: str, *stains: str, target: str = "") -> StainSet:
    source = _RUIFROK if name in ("H DAB", "H&E DAB", "H AEC") else _LANDINI
    return StainSet(stains, IMAGEJ_VECTORS[name], source, target=target)


PRESETS: Mapping[str, StainSet] = MappingProxyType(
    {
        "alizarin red": _set(
            f"alizarin red: {ALIZARIN_RED}, from the calcium lake's band and stained zebrafish bone"
            " (docs/stain_vectors.py); grey and tan hold light, cells and pigment",
            alizarin_red=ALIZARIN_RED, grey=GREY, tan=TAN,
        ),
        "Sirius red": _set(
            "Macenko's estimate on picrosirius-red stained liver, doi:10.1109/ISBI.2009.5193250; re-estimate it",
            Sirius_red=(0.24, 0.74, 0.63), grey=GREY, tan=TAN,
        ),
        "Oil Red O": _set(
            f"Oil Red O: {_MODEL}; haematoxylin: {_RUIFROK}",
            Oil_Red_O=(0.28, 0.85, 0.45), haematoxylin=IMAGEJ_VECTORS["H DAB"][0],
        ),
        # Without a grey stain: a dense precipitate is nearly black, and grey would take it away.
        "BCIP/NBT": _set(
            f"BCIP/NBT formazan: {_MODEL}; tan holds medium and pigment", BCIP_NBT=BCIP_NBT, tan=TAN
        ),
        "fast blue": _set(f"fast blue: {_LANDINI}; tan holds medium", fast_blue=(0.749, 0.606, 0.267), tan=TAN),
        "fast red": _set(
            f"fast red: {_LANDINI}; grey and tan hold light, cells and medium",
            fast_red=(0.214, 0.851, 0.478), grey=GREY, tan=TAN,
        ),
        "von Kossa": _set(
            f"silver: black; nuclear fast red: as fast red, {_LANDINI}",
            silver=GREY, nuclear_fast_red=(0.214, 0.851, 0.478),
        ),
        "safranin O": _set(
            f"safranin O, fast green: {_MODEL}", safranin_O=(0.24, 0.91, 0.33), fast_green=(0.99, 0.13, 0.01)
        ),
        "crystal violet": _set(f"crystal violet: {_MODEL}", crystal_violet=(0.72, 0.70, 0.07), grey=GREY),
        "H&E": _imagejs("H&E", "haematoxylin", "eosin"),
        "H&E 2": _imagejs("H&E 2", "haematoxylin", "eosin"),
        "H DAB": _imagejs("H DAB", "haematoxylin", "DAB", target="DAB"),
        "Feulgen Light Green": _imagejs("Feulgen Light Green", "Feulgen", "light green"),
        "Giemsa": _imagejs("Giemsa", "methylene blue", "eosin"),
        "FastRed FastBlue DAB": _imagejs("FastRed FastBlue DAB", "fast red", "fast blue", "DAB"),
        "Methyl Green DAB": _imagejs("Methyl Green DAB", "methyl green", "DAB", target="DAB"),
        "H&E DAB": _imagejs("H&E DAB", "haematoxylin", "eosin", "DAB", target="DAB"),
        "H AEC": _imagejs("H AEC", "haematoxylin", "AEC", target="AEC"),
        "Azan-Mallory": _imagejs("Azan-Mallory", "aniline blue", "azocarmine", "orange G"),
        "Masson Trichrome": _imagejs("Masson Trichrome", "methyl blue", "ponceau fuchsin"),
        "Masson blue": _set(
            f"mean of the dyes' bands seen by a camera (docs/stain_vectors.py) and of {_LANDINI}",
            aniline_blue=ANILINE_BLUE, ponceau_fuchsin=PONCEAU_FUCHSIN,
        ),
        "Masson green": _set(
            f"light green: {_MODEL}; ponceau fuchsin: mean of that and of {_LANDINI}",
            light_green=LIGHT_GREEN, ponceau_fuchsin=PONCEAU_FUCHSIN,
        ),
        "Goldner": _set(
            f"light green: {_MODEL}; ponceau fuchsin: mean of that and of {_LANDINI}",
            light_green=LIGHT_GREEN, ponceau_fuchsin=PONCEAU_FUCHSIN,
        ),
        "Alcian blue & H": _imagejs("Alcian blue & H", "Alcian blue", "haematoxylin"),
        "H PAS": _imagejs("H PAS", "haematoxylin", "PAS", target="PAS"),
        "Brilliant_Blue": _imagejs("Brilliant_Blue", "stain 1", "stain 2", "stain 3"),
    }
)  # fmt: skip
