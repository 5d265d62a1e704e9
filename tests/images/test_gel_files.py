"""Files of gel imagers: Bio-Rad .1sc and the square roots of GE's .gel."""

import contextlib
import sys

import numpy as np
import pytest
import tifffile

import exoimage as xi
from exoimage.errors import ImageReadError

COUNTS = np.array([[0, 1, 2], [300, 40_000, 65_535]], np.uint16)


def write_gel(path, stored, tag, scale=(21025, 100_000), photometric="miniswhite"):
    extra = [(33445, "I", 1, tag, True), (33446, "2I", 1, scale, True)]
    tifffile.imwrite(path, stored, photometric=photometric, extratags=extra, metadata=None)


class TestGel:
    @pytest.mark.parametrize("photometric", ["miniswhite", "minisblack"])
    def test_square_roots_become_counts_whatever_the_display_tag_says(self, tmp_path, photometric):
        write_gel(tmp_path / "scan.gel", COUNTS, 2, photometric=photometric)
        image = xi.read(tmp_path / "scan.gel")
        assert image.pixels.dtype == np.float32
        np.testing.assert_allclose(image.pixels[:, :, 0], COUNTS.astype(float) ** 2 * 0.21025, rtol=1e-6)
        assert image.max_value == pytest.approx(65_535.0**2 * 0.21025)

    def test_a_scaled_linear_file_is_scaled_and_a_plain_one_left(self, tmp_path):
        write_gel(tmp_path / "scaled.gel", COUNTS, 128)
        write_gel(tmp_path / "plain.gel", COUNTS, 1)
        np.testing.assert_allclose(xi.read(tmp_path / "scaled.gel").pixels[:, :, 0], COUNTS * 0.21025, rtol=1e-6)
        assert (xi.read(tmp_path / "plain.gel").pixels[:, :, 0] == COUNTS).all()

    def test_saturated_pixels_are_at_the_maximum(self, tmp_path):
        write_gel(tmp_path / "scan.gel", COUNTS, 2)
        image = xi.read(tmp_path / "scan.gel")
        assert (image.pixels >= np.float32(image.max_value)).sum() == 1


@pytest.mark.real
class TestBioRad:
    @pytest.mark.parametrize("number", range(1, 6))
    def test_equals_its_tiff_twin(self, number, real):
        folder = real / "blots" / "biorad"
        scan, twin = xi.read(folder / f"test{number}.1sc"), xi.read(folder / f"test{number}_ref.tif")
        assert (scan.pixels == twin.pixels).all()
        assert (scan.max_value, scan.light) == (twin.max_value, twin.light)
        assert scan.pixel_size == pytest.approx(200.0)

    def test_truncated_and_flipped_files_are_refused_in_a_line(self, tmp_path, real):
        whole = (real / "blots" / "biorad" / "test4.1sc").read_bytes()
        rng = np.random.default_rng(1)
        for length in (20, 200, 3000, len(whole) // 2, len(whole) - 1):
            (tmp_path / "cut.1sc").write_bytes(whole[:length])
            with pytest.raises(ImageReadError, match="cut"):
                xi.read(tmp_path / "cut.1sc")
        for _ in range(40):
            bytes_ = bytearray(whole)
            for place in rng.integers(4, 6000, 12):
                bytes_[place] = rng.integers(256)
            (tmp_path / "flipped.1sc").write_bytes(bytes_)
            with contextlib.suppress(ImageReadError):
                assert xi.read(tmp_path / "flipped.1sc").pixels.dtype == np.uint16

    def test_without_the_package_says_what_to_install(self, monkeypatch, real):
        monkeypatch.setitem(sys.modules, "biorad1sc_reader", None)
        with pytest.raises(ImageReadError, match=r'pip install "exoimage\[biorad\]"'):
            xi.read(real / "blots" / "biorad" / "test4.1sc")


def test_what_only_begins_like_a_scan_is_refused_with_advice(tmp_path):
    (tmp_path / "a.1sc").write_bytes(b"\xaf\xaf\x01\x02 something else")
    with pytest.raises(ImageReadError, match="16-bit TIFF"):
        xi.read(tmp_path / "a.1sc")
