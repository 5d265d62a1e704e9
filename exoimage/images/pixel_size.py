"""From what files say about their scale to the edge of a pixel in µm, or to None.

An unknown pixel size is None and never 1; a printing density is no pixel size.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping

_MICROMETRES = {
    "å": 1e-4, "angstrom": 1e-4, "ångström": 1e-4,
    "pm": 1e-6, "nm": 1e-3, "nanometer": 1e-3, "nanometre": 1e-3,
    "um": 1.0, "micron": 1.0, "micrometer": 1.0, "micrometre": 1.0,
    "mm": 1e3, "millimeter": 1e3, "millimetre": 1e3,
    "cm": 1e4, "centimeter": 1e4, "centimetre": 1e4,
    "dm": 1e5, "m": 1e6, "meter": 1e6, "metre": 1e6,
    "in": 25400.0, "inch": 25400.0, "inche": 25400.0, "mil": 25.4, "thou": 25.4,
}  # fmt: skip

#: Densities, in dots per inch, that screens, printers and scanners write; they say nothing of a microscope.
PRINT_DENSITIES = (
    72, 75, 90, 96, 100, 120, 144, 150, 180, 192, 200, 220, 240, 250, 300, 350, 360, 400, 500, 600, 720, 800,
    900, 1000, 1200, 1440, 1800, 2000, 2400, 2880, 3000, 3200, 3600, 4000, 4800, 5400, 6400, 7200, 9600,
    12800,
)  # fmt: skip

#: What a resolution tag may honestly claim, in µm per pixel.
HONEST_RANGE = (0.02, 20.0)


def to_micrometres(value: float, unit: str) -> float | None:
    r"""Convert a length to µm; None for a unit that is no length ("pixel") or a senseless value.

    Examples
    --------
    >>> to_micrometres(325, "nm"), to_micrometres(0.65, "\\u00B5m"), to_micrometres(1, "pixel")
    (0.325, 0.65, None)
    """
    factor = _MICROMETRES.get(_plain_unit(unit))
    if factor is None or not (math.isfinite(value) and value > 0):
        return None
    return value * factor


def from_metres(value: float) -> float | None:
    """Convert a length in m to µm, to nine digits: so 1e-7 m is 0.1 µm and not 0.0999…; None for a senseless value.

    Examples
    --------
    >>> from_metres(1e-7), from_metres(0.0)
    (0.1, None)
    """
    size = to_micrometres(value, "m")
    return None if size is None else float(f"{size:.9g}")


def square(x: float | None, y: float | None) -> float | None:
    """Give the common edge of a pixel; None where x and y differ by more than 0.1 %, or one is unknown.

    An `Image` has square pixels: areas and lengths of others would silently be wrong, so their size counts as
    unknown.
    """
    if x is None or y is None or abs(x - y) > 1e-3 * max(x, y):
        return None
    return x


def from_ome(pixels: Mapping[str, str]) -> float | None:
    """Pixel size in µm from the attributes of OME-XML's ``Pixels`` (schema 2016-06; the default unit is µm).

    Examples
    --------
    >>> from_ome({"PhysicalSizeX": "325", "PhysicalSizeXUnit": "nm", "PhysicalSizeY": "0.325"})
    0.325
    """
    return square(*(_ome_length(pixels, axis) for axis in "XY"))


def from_imagej(unit: str, x_per_unit: float, y_per_unit: float) -> float | None:
    """Pixel size in µm from ImageJ's unit and its pixels per unit.

    ImageJ turns the density of any picture into "inch" or "cm"; these two therefore have to pass as an honest
    resolution (see `from_resolution`), other units are the user's own calibration.

    Examples
    --------
    >>> from_imagej("micron", 2.0, 2.0), from_imagej("inch", 72.0, 72.0), from_imagej("pixel", 1.0, 1.0)
    (0.5, None, None)
    """
    plain = _plain_unit(unit)
    if plain in ("cm", "in", "inch", "inche"):
        return from_resolution(x_per_unit, y_per_unit, "cm" if plain == "cm" else "inch")
    return square(*(_per_unit(density, plain) for density in (x_per_unit, y_per_unit)))


def from_resolution(x_density: float, y_density: float, unit: str) -> float | None:
    """Pixel size in µm from a TIFF resolution tag, or None where it is not honest.

    Believed is a density that gives 0.02 to 20 µm per pixel and is not one of `PRINT_DENSITIES`. (Those of
    PNG, JPEG and BMP are never believed: no microscope's software is known to set them.)

    Examples
    --------
    >>> from_resolution(20000, 20000, "cm"), from_resolution(300, 300, "inch")
    (0.5, None)
    """
    size = square(*(_per_unit(density, unit) for density in (x_density, y_density)))
    if size is None or not HONEST_RANGE[0] <= size <= HONEST_RANGE[1]:
        return None
    dots_per_inch = 25400.0 / size
    # An inch density converted to cm and rounded is off by up to a few parts in ten thousand.
    if any(abs(dots_per_inch - dots) <= 5e-4 * dots for dots in PRINT_DENSITIES):
        return None
    return size


def from_scanner(x_density: float, y_density: float, unit: str) -> float | None:
    """Pixel size in µm from the resolution of a slide scanner, whose x and y may differ by up to 1 %.

    Hamamatsu's do, by the steps of their stage; the geometric mean keeps areas right.

    Examples
    --------
    >>> from_scanner(21910.0, 21975.0, "cm")
    0.455737
    """
    x, y = (_per_unit(density, unit) for density in (x_density, y_density))
    if x is None or y is None or abs(x - y) > 1e-2 * max(x, y):
        return None
    return float(f"{math.sqrt(x * y):.6g}")


def from_aperio(description: str) -> float | None:
    """Pixel size in µm from the ImageDescription of an Aperio SVS (``|MPP = 0.4990``).

    Examples
    --------
    >>> from_aperio("Aperio Image Library v11.2.1 |AppMag = 20|MPP = 0.4990|Left = 1")
    0.499
    """
    found = re.search(r"\|\s*MPP\s*=\s*([0-9.]+(?:[eE][-+]?\d+)?)", description)
    return to_micrometres(_number(found.group(1)), "um") if found else None


def _ome_length(pixels: Mapping[str, str], axis: str) -> float | None:
    unit = pixels.get(f"PhysicalSize{axis}Unit", "um")
    return to_micrometres(_number(pixels.get(f"PhysicalSize{axis}", "")), unit)


def _per_unit(density: float, unit: str) -> float | None:
    """Turn a density into a size; a TIFF's fractions hold about nine digits, which are kept."""
    if not (math.isfinite(density) and density > 0):
        return None
    size = to_micrometres(1.0 / density, unit)
    return None if size is None else float(f"{size:.9g}")


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return math.nan


def _plain_unit(unit: str) -> str:
    """Lower the case, spell µ in one way, drop the plural."""
    plain = unit.strip().strip("\x00")
    for micro in ("\\u00B5", "\\u00b5", "\\xB5", "\\xb5", "µ", "μ", "&#181;", "�"):
        plain = plain.replace(micro, "u")
    plain = plain.replace("\\u00C5", "Å").replace("\u212b", "Å")
    return plain.lower().removesuffix("s")
