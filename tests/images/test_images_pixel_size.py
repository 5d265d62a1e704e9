"""What each writer says about its scale, in µm; what is no scale is None and never 1."""

from __future__ import annotations

import io

import numpy as np
import pytest
import tifffile
from hypothesis import given
from hypothesis import strategies as st

from exoimage.errors import ImageError
from exoimage.images import pixel_size
from exoimage.images.reading import read_bytes

PIXELS = np.zeros((8, 9), np.uint8)


def size_of(given_size=None, **options):
    buffer = io.BytesIO()
    tifffile.imwrite(buffer, PIXELS, photometric="minisblack", **options)
    return read_bytes(buffer.getvalue(), "scaled.tif", pixel_size=given_size).pixel_size


IMAGEJ_UNITS = [
    ("micron", 2.0, 0.5), ("um", 2.0, 0.5), ("\\u00B5m", 2.0, 0.5), ("microns", 4.0, 0.25),
    ("nm", 0.002, 0.5), ("mm", 20.0, 50.0), ("mm", 2000.0, 0.5), ("cm", 20000.0, 0.5), ("inch", 50800.0, 0.5),
    ("inch", 72.0, None), ("inch", 300.0, None), ("cm", 118.11, None), ("pixel", 1.0, None), ("pixels", 2.0, None),
    ("", 2.0, None), ("furlong", 2.0, None),
]  # fmt: skip


@pytest.mark.parametrize(("unit", "density", "expected"), IMAGEJ_UNITS)
def test_imagej(unit, density, expected):
    found = size_of(imagej=True, resolution=(density, density), metadata={"unit": unit})
    assert found == (None if expected is None else pytest.approx(expected, rel=1e-6))


OME = [
    ({"PhysicalSizeX": 0.65, "PhysicalSizeY": 0.65}, 0.65),
    ({"PhysicalSizeX": 650, "PhysicalSizeY": 650, "PhysicalSizeXUnit": "nm", "PhysicalSizeYUnit": "nm"}, 0.65),
    ({"PhysicalSizeX": 6500, "PhysicalSizeY": 6500, "PhysicalSizeXUnit": "Å", "PhysicalSizeYUnit": "Å"}, 0.65),
    ({"PhysicalSizeX": 0.05, "PhysicalSizeY": 0.05, "PhysicalSizeXUnit": "mm", "PhysicalSizeYUnit": "mm"}, 50.0),
    ({"PhysicalSizeX": 1, "PhysicalSizeY": 1, "PhysicalSizeXUnit": "pixel", "PhysicalSizeYUnit": "pixel"}, None),
    ({"PhysicalSizeX": 0.65, "PhysicalSizeY": 0.70}, None),
    ({"PhysicalSizeX": 0.65}, None),
    ({}, None),
]


@pytest.mark.parametrize(("metadata", "expected"), OME)
def test_ome(metadata, expected):
    found = size_of(ome=True, metadata={"axes": "YX", **metadata})
    assert found == (None if expected is None else pytest.approx(expected, rel=1e-9))


@pytest.mark.parametrize("dots", [72, 96, 100, 150, 200, 300, 600, 1200, 2400, 4800])
def test_print_densities_are_no_pixel_size(dots):
    assert size_of(resolution=(dots, dots), resolutionunit="inch") is None
    assert size_of(resolution=(dots / 2.54, dots / 2.54), resolutionunit="centimeter") is None


@pytest.mark.parametrize(
    ("density", "unit", "expected"),
    [
        (15384.6153846, "centimeter", 0.65),
        (20000, "centimeter", 0.5),
        (25400, "inch", 1.0),
        (400, "centimeter", None),  # 25 µm: as likely a scanner
        (10_000_000, "centimeter", None),  # 1 nm
        (20000, "none", None),
    ],
)
def test_honest_resolutions_are_taken(density, unit, expected):
    found = size_of(resolution=(density, density), resolutionunit=unit)
    assert found == (None if expected is None else pytest.approx(expected, rel=1e-6))


def test_pixels_that_are_not_square_have_no_size():
    assert size_of(resolution=(20000, 10000), resolutionunit="centimeter") is None
    assert size_of(imagej=True, resolution=(2.0, 2.1), metadata={"unit": "um"}) is None
    assert size_of(imagej=True, resolution=(2.0, 2.001), metadata={"unit": "um"}) is not None


def test_aperio():
    assert size_of(description="Aperio Image Library v11.2.1\n20x20 |AppMag = 20|MPP = 0.4990", metadata=None) == 0.499


def test_the_user_has_the_last_word():
    assert size_of(0.3, imagej=True, resolution=(2.0, 2.0), metadata={"unit": "um"}) == 0.3
    with pytest.raises(ImageError, match="makes no sense"):
        size_of(-1.0)


@given(st.floats(0.001, 100.0))
def test_a_size_in_imagejs_terms_comes_back(size):
    assert pixel_size.from_imagej("um", 1 / size, 1 / size) == pytest.approx(size, rel=1e-8)


@given(st.text(), st.floats(allow_nan=True, allow_infinity=True))
def test_any_text_and_number_is_a_size_or_none(unit, value):
    for found in (pixel_size.to_micrometres(value, unit), pixel_size.from_imagej(unit, value, value)):
        assert found is None or (np.isfinite(value) and found >= 0)
