"""Stain sets by name: the classical ones, as ImageJ's Colour Deconvolution ships them, and ours."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from exoimage.methods.stains import StainSet, Vector

_RUIFROK = "Ruifrok & Johnston 2001, Anal Quant Cytol Histol 23:291-299"
_LANDINI = "G. Landini, Colour Deconvolution for ImageJ; Landini et al. 2021, doi:10.1093/bioinformatics/btaa847"
_MODEL = "modelled from the dye's absorption band and a camera's sensitivities (docs/stain_vectors.py); re-estimate it"

GREY: Vector = (1.0, 1.0, 1.0)
"""What darkens all channels alike: uneven light, cells, debris, pencil marks. As a second stain it keeps them apart."""

HAEMATOXYLIN: Vector = (0.650, 0.704, 0.286)
EOSIN: Vector = (0.072, 0.990, 0.105)
DAB: Vector = (0.268, 0.570, 0.776)
HAEMATOXYLIN_2: Vector = (0.644211, 0.716556, 0.266844)
EOSIN_2: Vector = (0.092789, 0.954111, 0.283111)

ALIZARIN_RED: Vector = (0.25, 0.82, 0.52)
"""Alizarin red S on calcium.

The mean of two: the dye-calcium lake's band near 512 nm seen by a camera (0.27, 0.80, 0.54; docs/stain_vectors.py), the
red of mineralised cultures, and the purple of bone in alizarin-stained zebrafish larvae, its tissue subtracted,
(0.25, 0.90, 0.36).
It lies 1.7° from the first and 10° from the second.
"""

TAN: Vector = (0.19, 0.43, 0.88)
"""Yellow-brown of fixed tissue, pigment and picric acid, as measured in picrosirius-red stained liver."""


def _set(source: str, target: str = "", **vectors: Vector) -> StainSet:
    names = tuple(name.replace("_", " ") for name in vectors)
    return StainSet(names, tuple(vectors.values()), source, target=target)


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
            Oil_Red_O=(0.28, 0.85, 0.45), haematoxylin=HAEMATOXYLIN,
        ),
        "safranin O": _set(
            f"safranin O, fast green: {_MODEL}", safranin_O=(0.24, 0.91, 0.33), fast_green=(0.99, 0.13, 0.01)
        ),
        "crystal violet": _set(f"crystal violet: {_MODEL}", crystal_violet=(0.72, 0.70, 0.07), grey=GREY),
        "H&E": _set(_LANDINI, haematoxylin=HAEMATOXYLIN_2, eosin=EOSIN_2),
        "H&E 2": _set(
            _LANDINI, haematoxylin=(0.49015734, 0.76897085, 0.41040173), eosin=(0.04615336, 0.8420684, 0.5373925)
        ),
        "H DAB": _set(_RUIFROK, "DAB", haematoxylin=HAEMATOXYLIN, DAB=DAB),
        "Feulgen Light Green": _set(
            _LANDINI, Feulgen=(0.4642092, 0.83008335, 0.30827187), light_green=(0.94705542, 0.25373821, 0.19650764)
        ),
        "Giemsa": _set(_LANDINI, methylene_blue=(0.834750233, 0.513556283, 0.196330403), eosin=EOSIN_2),
        "FastRed FastBlue DAB": _set(
            _LANDINI,
            fast_red=(0.21393921, 0.85112669, 0.47794022), fast_blue=(0.74890292, 0.60624161, 0.26731082), DAB=DAB,
        ),
        "Methyl Green DAB": _set(_LANDINI, "DAB", methyl_green=(0.98, 0.144316, 0.133146), DAB=DAB),
        "H&E DAB": _set(_RUIFROK, "DAB", haematoxylin=HAEMATOXYLIN, eosin=EOSIN, DAB=DAB),
        "H AEC": _set(_RUIFROK, "AEC", haematoxylin=HAEMATOXYLIN, AEC=(0.2743, 0.6796, 0.6803)),
        "Azan-Mallory": _set(
            _LANDINI,
            aniline_blue=(0.853033, 0.508733, 0.112656), azocarmine=(0.09289875, 0.8662008, 0.49098468),
            orange_G=(0.10732849, 0.36765403, 0.9237484),
        ),
        "Masson Trichrome": _set(
            _LANDINI,
            methyl_blue=(0.7995107, 0.5913521, 0.10528667), ponceau_fuchsin=(0.09997159, 0.73738605, 0.6680326),
        ),
        "Alcian blue & H": _set(
            _LANDINI, Alcian_blue=(0.874622, 0.457711, 0.158256), haematoxylin=(0.552556, 0.7544, 0.353744)
        ),
        "H PAS": _set(_LANDINI, "PAS", haematoxylin=HAEMATOXYLIN_2, PAS=(0.175411, 0.972178, 0.154589)),
        "Brilliant_Blue": _set(
            _LANDINI,
            stain_1=(0.31465548, 0.6602395, 0.68196464), stain_2=(0.383573, 0.5271141, 0.7583024),
            stain_3=(0.7433543, 0.51731443, 0.4240403),
        ),
    }
)  # fmt: skip
