"""Finding pictures: a person's order, no hidden files, the same on every system."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exoimage.images.discovery import find_images, natural_key

FILES = [
    "PMO_10_1.tif", "PMO_2_1.TIF", "pmo_2_2.tif", "Control_1.png", "plate.JPG", "notes.txt", "Thumbs.db",
    "._PMO_2_1.TIF", ".hidden.tif", "day 7/a.tif", "day 7/deep/b.tiff", "day 10/a.tif", ".trash/c.tif", "data.csv",
]  # fmt: skip


@pytest.fixture
def folder(tmp_path):
    for name in FILES:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"")
    return tmp_path


CASES = [
    (None, ["Control_1.png", "plate.JPG", "PMO_2_1.TIF", "pmo_2_2.tif", "PMO_10_1.tif"]),
    ("*.tif", ["PMO_2_1.TIF", "pmo_2_2.tif", "PMO_10_1.tif"]),
    ("./*.TIF", ["PMO_2_1.TIF", "pmo_2_2.tif", "PMO_10_1.tif"]),
    ("PMO_?_*.tif", ["PMO_2_1.TIF", "pmo_2_2.tif"]),
    ("PMO_[!2]*.tif", ["PMO_10_1.tif"]),
    ("**/*.tif*", ["day 7/a.tif", "day 7/deep/b.tiff", "day 10/a.tif", "PMO_2_1.TIF", "pmo_2_2.tif", "PMO_10_1.tif"]),
    ("day*/*.tif", ["day 7/a.tif", "day 10/a.tif"]),
    ("day 7/**", ["day 7/a.tif", "day 7/deep/b.tiff"]),
    ("*", ["Control_1.png", "plate.JPG", "PMO_2_1.TIF", "pmo_2_2.tif", "PMO_10_1.tif"]),
    ("*.csv", ["data.csv"]),
    ("nothing*.tif", []),
]


@pytest.mark.parametrize(("pattern", "expected"), CASES)
def test_patterns(folder, pattern, expected):
    found = [path.relative_to(folder).as_posix() for path in find_images(folder, pattern)]
    assert found == expected


def test_folders_and_files_together(folder):
    found = find_images([folder / "day 10", folder / "Control_1.png", folder / "Control_1.png"])
    assert [path.name for path in found] == ["Control_1.png", "a.tif"]


def test_a_missing_path_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match="no such file or folder"):
        find_images(tmp_path / "missing")


@given(st.permutations(["a1", "A1", "a01", "a", "É²", "é2", "1", "01", "a 1", "b/1", "a1/b"]))
def test_the_order_does_not_hang_on_the_order_of_arrival(names):
    assert sorted(names, key=natural_key) == sorted(sorted(names), key=natural_key)


@given(st.text(), st.text())
def test_any_two_names_can_be_compared(one, other):
    assert (natural_key(one) < natural_key(other)) or (natural_key(one) >= natural_key(other))


def test_natural_order():
    names = ["A10/f2.tif", "A2/f10.tif", "a2/f9.tif", "B1.tif"]
    assert sorted(map(Path, names), key=natural_key) == [
        Path(n) for n in ["a2/f9.tif", "A2/f10.tif", "A10/f2.tif", "B1.tif"]
    ]
