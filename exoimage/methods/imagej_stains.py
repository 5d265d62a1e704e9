"""ImageJ's Colour Deconvolution, number for number: Fiji's first plugin ("CD1") and Landini's second ("CD2").

For results that must equal those of an ImageJ study. Our own unmixing (`exoimage.methods.stains.unmix`) has a
white point, keeps negative amounts and reports a residual; these plugins have a fixed white of 255, and clip.

A stain's plane is the light that this stain alone would let through, 255 where there is none of it. It is a product
of three factors, each of one 8-bit channel, so that three tables of 256 entries give it exactly.

References
----------
Ruifrok & Johnston (2001), Anal Quant Cytol Histol 23:291-299, PMID 11531144.
Landini, Martinelli & Piccinini (2021), Bioinformatics 37:1485-1487, doi:10.1093/bioinformatics/btaa847.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from exoimage.errors import MeasureError

Version = Literal["CD1", "CD2"]
Third = Literal["cross", "complement"]
Output = Literal["8-bit transmittance", "32-bit transmittance", "32-bit absorbance"]
Vectors = tuple[tuple[float, float, float], ...]
Stains = str | Sequence[float] | Sequence[Sequence[float]] | npt.NDArray[Any]

_HAEMATOXYLIN = (0.650, 0.704, 0.286)
_HAEMATOXYLIN_GL = (0.644211, 0.716556, 0.266844)
_EOSIN_GL = (0.092789, 0.954111, 0.283111)
_DAB = (0.268, 0.570, 0.776)

IMAGEJ_VECTORS: Mapping[str, Vectors] = MappingProxyType(
    {
        "H&E": (_HAEMATOXYLIN_GL, _EOSIN_GL),
        "H&E 2": ((0.49015734, 0.76897085, 0.41040173), (0.04615336, 0.8420684, 0.5373925)),
        "H DAB": (_HAEMATOXYLIN, _DAB),
        "Feulgen Light Green": ((0.4642092, 0.83008335, 0.30827187), (0.94705542, 0.25373821, 0.19650764)),
        "Giemsa": ((0.834750233, 0.513556283, 0.196330403), _EOSIN_GL),
        "FastRed FastBlue DAB": (
            (0.21393921, 0.85112669, 0.47794022), (0.74890292, 0.60624161, 0.26731082), _DAB,
        ),
        "Methyl Green DAB": ((0.98, 0.144316, 0.133146), _DAB),
        "H&E DAB": (_HAEMATOXYLIN, (0.072, 0.990, 0.105), _DAB),
        "H AEC": (_HAEMATOXYLIN, (0.2743, 0.6796, 0.6803)),
        "Azan-Mallory": (
            (0.853033, 0.508733, 0.112656), (0.09289875, 0.8662008, 0.49098468), (0.10732849, 0.36765403, 0.9237484),
        ),
        "Masson Trichrome": ((0.7995107, 0.5913521, 0.10528667), (0.09997159, 0.73738605, 0.6680326)),
        "Alcian blue & H": ((0.874622, 0.457711, 0.158256), (0.552556, 0.7544, 0.353744)),
        "H PAS": (_HAEMATOXYLIN_GL, (0.175411, 0.972178, 0.154589)),
        "Brilliant_Blue": (
            (0.31465548, 0.6602395, 0.68196464), (0.383573, 0.5271141, 0.7583024), (0.7433543, 0.51731443, 0.4240403),
        ),
        "RGB": ((0.0, 1.0, 1.0), (1.0, 0.0, 1.0), (1.0, 1.0, 0.0)),
        "CMY": ((1.0, 0.0, 0.0), (0.0, 1.0, 0.0), (0.0, 0.0, 1.0)),
    }
)  # fmt: skip
"""ImageJ's stain vectors by ImageJ's names, (red, green, blue) per stain; a stain left out is derived."""

_ZERO = 0.001
"""What the plugins put for a component of exactly 0 before they invert the matrix."""

_SINGULAR = 0.001
"""CD2 does so only where the determinant is no larger than this."""

_LARGEST_EXPONENT = 690.0
"""exp of more leaves floating point; stains that need it are parallel, or lie in one plane."""

_EXPECTED = "stain vectors are a name or 9 numbers, red, green, blue per stain"


def deconvolve_imagej(
    rgb: npt.NDArray[Any],
    stains: Stains,
    version: Version = "CD1",
    *,
    third: Third = "cross",
    output: Output = "8-bit transmittance",
) -> npt.NDArray[Any]:
    """Separate the stains of an RGB picture as ImageJ's Colour Deconvolution does.

    Parameters
    ----------
    rgb : (y, x, 3) array of uint8
        Stored values: red, green, blue.
    stains : str, or 3, 6 or 9 numbers
        A name of `IMAGEJ_VECTORS`, or the red, green, blue optical density of one, two or three stains (flat, or one
        row per stain; any length). A row of zeros is derived, as in the plugin's dialog: the second stain from the
        first, by exchange of its channels (blue, red, green), the third as `third` says.
    version : {"CD1", "CD2"}
        "CD1": Fiji's Colour Deconvolution. "CD2": Colour Deconvolution 2 (v2.1), without CD1's +1 in the logarithm.
    third : {"cross", "complement"}
        How CD2 derives a third stain: by cross product (its dialog's default), or as what completes the two others in
        each channel, which CD1 always does.
    output : {"8-bit transmittance", "32-bit transmittance", "32-bit absorbance"}
        CD1 has the first only. The 32-bit transmittance is 10 to the power of minus the absorbance, 1 where there is no
        stain and more where the amount is negative.

    Returns
    -------
    (y, x, 3) array
        A plane per stain: uint8, or float32 for the 32-bit outputs. The 8-bit planes and the absorbance equal
        the plugins' bit for bit on all recorded pictures; the 32-bit transmittance could not be compared.

    Raises
    ------
    MeasureError
        If the picture is not 8-bit RGB, a name or choice is unknown, or the stains cannot be told apart.

    Examples
    --------
    >>> pixels = np.array([[[255, 255, 255], [150, 110, 80]]], dtype=np.uint8)
    >>> deconvolve_imagej(pixels, "H DAB").tolist()
    [[[255, 255, 255], [255, 70, 193]]]
    >>> absorbance = deconvolve_imagej(pixels, "H DAB", "CD2", output="32-bit absorbance")
    >>> [round(float(amount), 3) for amount in absorbance[0, 1]]
    [0.065, 0.609, 0.039]
    """
    from exoimage.methods import _kernels_deconvolution as kernels

    pixels, shape = _pixels(rgb)
    if output not in ("8-bit transmittance", "32-bit transmittance", "32-bit absorbance"):
        raise MeasureError(
            f"unknown output {output!r}; choose '8-bit transmittance', '32-bit transmittance' or '32-bit absorbance'"
        )
    if version == "CD1" and output != "8-bit transmittance":
        raise MeasureError(f"CD1 gives 8-bit transmittance only, not {output!r}; ask for version 'CD2'")
    logs = _log_tables(stains, version, third)
    if output == "8-bit transmittance":
        planes = np.empty((len(pixels), 3), dtype=np.uint8)
        kernels.transmittance_planes(pixels, _scaled_to_255(logs), planes)
        return planes.reshape(shape)
    amounts = np.empty((len(pixels), 3), dtype=np.float32)
    if output == "32-bit absorbance":
        kernels.sums(pixels, -logs / np.log(10), amounts)
    else:
        kernels.products(pixels, np.exp(logs), amounts)
    return amounts.reshape(shape)


def imagej_stain_histogram(
    rgb: npt.NDArray[Any], stains: Stains, index: int, version: Version = "CD1", *, third: Third = "cross"
) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.int64]]:
    """One stain's 8-bit plane of `deconvolve_imagej`, and its histogram, in a single pass.

    Parameters
    ----------
    rgb : (y, x, 3) array of uint8
    stains, version, third
        As in `deconvolve_imagej`.
    index : {0, 1, 2}
        Which stain: 0 for the one that ImageJ calls Colour_1.

    Returns
    -------
    plane : (y, x) uint8 array
        Transmittance: 255 where there is none of the stain.
    histogram : (256,) int64 array

    Raises
    ------
    MeasureError
        As `deconvolve_imagej`, or if `index` is not 0, 1 or 2.

    Examples
    --------
    >>> pixels = np.array([[[255, 255, 255], [150, 110, 80]]], dtype=np.uint8)
    >>> plane, histogram = imagej_stain_histogram(pixels, "H DAB", 1)
    >>> plane.tolist(), np.flatnonzero(histogram).tolist()
    ([[255, 70]], [70, 255])
    """
    from exoimage.methods import _kernels_deconvolution as kernels

    pixels, shape = _pixels(rgb)
    if index not in (0, 1, 2):
        raise MeasureError(f"stain number {index!r}: the deconvolution has three planes, 0, 1 and 2")
    tables = _scaled_to_255(_log_tables(stains, version, third))[index]
    plane, histogram = np.empty(len(pixels), dtype=np.uint8), np.empty(256, dtype=np.int64)
    kernels.transmittance_plane(pixels, np.ascontiguousarray(tables), plane, histogram)
    return plane.reshape(shape[:2]), histogram


def imagej_matrix(stains: Stains, version: Version = "CD1", *, third: Third = "cross") -> npt.NDArray[np.float64]:
    """The matrix that a plugin inverts: a row of red, green, blue per stain, the derived ones filled in.

    Parameters
    ----------
    stains, version, third
        As in `deconvolve_imagej`.

    Returns
    -------
    (3, 3) float64 array
        Rows of length 1, but for the 0.001 that the plugins put in place of zeros.

    Raises
    ------
    MeasureError
        If a name or choice is unknown, or a vector has no direction.

    Examples
    --------
    >>> imagej_matrix("H DAB").round(4).tolist()
    [[0.65, 0.704, 0.286], [0.2681, 0.5703, 0.7764], [0.711, 0.4232, 0.5616]]
    """
    if version not in ("CD1", "CD2"):
        raise MeasureError(f"unknown version {version!r} of ImageJ's Colour Deconvolution; choose 'CD1' or 'CD2'")
    if third not in ("cross", "complement"):
        raise MeasureError(f"a third stain is derived by 'cross' or 'complement', not {third!r}")
    matrix = _unit(_vectors(stains))
    if not matrix[0].any():
        raise MeasureError("the first stain's vector is all zero; a stain set needs at least the first one")
    if not matrix[1].any():
        matrix[1] = matrix[0, [2, 0, 1]]
    if not matrix[2].any():
        matrix[2] = _third(matrix, "complement" if version == "CD1" else third)
    if version == "CD1" or abs(np.linalg.det(matrix)) <= _SINGULAR:
        matrix[matrix == 0] = _ZERO
    return matrix


def _third(matrix: npt.NDArray[np.float64], how: Third) -> npt.NDArray[np.float64]:
    if how == "cross":
        return _unit(np.cross(matrix[0], matrix[1]))
    return _unit(np.sqrt(np.maximum(0.0, 1.0 - matrix[0] ** 2 - matrix[1] ** 2)))


def _unit(vectors: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    lengths = np.sqrt((vectors * vectors).sum(axis=-1, keepdims=True))
    unit: npt.NDArray[np.float64] = np.divide(vectors, lengths, out=np.zeros_like(vectors), where=lengths > 0)
    return unit


def _vectors(stains: Stains) -> npt.NDArray[np.float64]:
    """Three rows; zeros for what is to be derived."""
    rows = np.zeros((3, 3))
    if isinstance(stains, str):
        by_lower = {name.lower(): name for name in IMAGEJ_VECTORS}
        if stains.lower() not in by_lower:
            raise MeasureError(f"ImageJ has no stain vectors called {stains!r}; it has {', '.join(IMAGEJ_VECTORS)}")
        given = np.array(IMAGEJ_VECTORS[by_lower[stains.lower()]])
    else:
        try:
            given = np.array(stains, dtype=np.float64)
        except (TypeError, ValueError):
            raise MeasureError(f"{_EXPECTED}; got {stains!r}") from None
    if given.size not in (3, 6, 9) or (given.ndim == 2 and given.shape[1] != 3) or given.ndim > 2:
        raise MeasureError(f"{_EXPECTED}; got an array of shape {given.shape}")
    if not np.isfinite(given).all() or np.abs(given).max() > 1e100:
        raise MeasureError(f"stain vectors are finite numbers; got {given.tolist()}")
    rows[: given.size // 3] = given.reshape(-1, 3)
    return rows


def _log_tables(stains: Stains, version: Version, third: Third) -> npt.NDArray[np.float64]:
    """Natural logarithm of each channel's factor, (stain, channel, stored value)."""
    matrix = imagej_matrix(stains, version, third=third)
    values = np.arange(256.0)
    values = values + 1 if version == "CD1" else np.maximum(values, 1)
    try:
        exponents = np.linalg.inv(matrix)
    except np.linalg.LinAlgError:
        exponents = np.full((3, 3), np.inf)
    largest = float(np.abs(exponents).sum(axis=0).max()) * np.log(255)
    if not largest <= _LARGEST_EXPONENT:
        raise MeasureError(
            f"the stain vectors {matrix.round(4).tolist()} are parallel or lie in one plane, so that ImageJ's"
            " deconvolution has no meaning; choose stains of different colours"
        )
    return np.asarray(exponents.T[:, :, np.newaxis] * np.log(values / 255.0))


def _scaled_to_255(logs: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    tables = np.exp(logs)
    tables[:, 0] *= 255.0
    return tables


def _pixels(rgb: npt.NDArray[Any]) -> tuple[npt.NDArray[np.uint8], tuple[int, ...]]:
    array = np.asarray(rgb)
    if array.ndim != 3 or array.shape[2] != 3 or array.dtype != np.uint8:
        raise MeasureError(
            f"ImageJ deconvolves 8-bit RGB pictures, uint8 of shape (y, x, 3); this one is {array.dtype} of shape"
            f" {array.shape}: convert it, or use exoimage.methods.stains.unmix"
        )
    return np.ascontiguousarray(array).reshape(-1, 3), array.shape
