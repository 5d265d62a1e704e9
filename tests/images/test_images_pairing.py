from __future__ import annotations

import numpy as np
import pytest

from exoimage.errors import ImageError, StudyError
from exoimage.flags import Flag
from exoimage.images.image import Image
from exoimage.images.pairing import guess_patterns, join, pair

NAMES = ("DAPI", "EdU")


@pytest.mark.parametrize(
    ("keys", "expected", "images"),
    [
        (["a_DAPI.tif", "a_EdU.tif"], {"DAPI": "*_DAPI.tif", "EdU": "*_EdU.tif"}, ["a"]),
        (["x/a_ch00.tif", "x/a_ch01.tif"], {"DAPI": "*_ch00.tif", "EdU": "*_ch01.tif"}, ["x/a"]),
        (["p_f00d0.TIF", "p_f00d1.TIF"], {"DAPI": "*d0.TIF", "EdU": "*d1.TIF"}, ["p_f00"]),
        (["p_w1.tif", "p_w2.tif"], {"DAPI": "*_w1.tif", "EdU": "*_w2.tif"}, ["p"]),
        (["p_w1DAPI.tif", "p_w2Cy3.tif"], {"DAPI": "*_w1DAPI.tif", "Cy3": "*_w2Cy3.tif"}, ["p"]),
        (["C1-a.tif", "C2-a.tif"], {"DAPI": "C1-*.tif", "EdU": "C2-*.tif"}, ["a"]),
        (["Ki67_1_DAPI.tif", "Ki67_1_Ki67.tif"], {"DAPI": "*_DAPI.tif", "Ki67": "*_Ki67.tif"}, ["Ki67_1"]),
        (["a DAPI 1.tif", "a EdU 1.tif"], {"DAPI": "* DAPI 1.tif", "EdU": "* EdU 1.tif"}, ["a"]),
    ],
)
def test_labs_names_are_understood(keys: list[str], expected: dict[str, str], images: list[str]) -> None:
    guessed = guess_patterns(keys, NAMES)
    assert guessed == expected
    pairs = pair({key: f"/there/{key}" for key in keys}, guessed)
    assert [one.ref.key for one in pairs] == images
    assert all(len(one.ref.files) == 2 and not one.problem for one in pairs)


@pytest.mark.parametrize(
    "keys",
    [
        ["PMO_1_1.tif", "PMO_1_2.tif"],
        ["a.tif"],
        ["DAPI_1.tif", "DAPI_2.tif"],
        ["a_DAPI.tif", "b_EdU.tif"],
        ["a_DAPI.tif", "a_EdU.tif", "overview.tif"],
        [],
    ],
)
def test_what_are_no_channels_of_the_same_images_is_left_alone(keys: list[str]) -> None:
    assert guess_patterns(keys, NAMES) == {}


def test_a_missing_partner_and_a_double_one_are_named() -> None:
    keys = ["a_DAPI.tif", "b_DAPI.tif", "b_EdU.tif", "c_DAPI.tif", "c_DAPI.png", "c_EdU.tif", "a_phase.tif"]
    pairs = pair({key: key for key in keys}, {"DAPI": "*_DAPI.*", "EdU": "*_EdU.tif"})
    assert [one.ref.key for one in pairs] == ["a", "b", "c"]
    assert "EdU is missing" in pairs[0].problem
    assert pairs[1].problem == ""
    assert "DAPI is there twice: c_DAPI.tif, c_DAPI.png" in pairs[2].problem


def test_the_closer_pattern_wins_and_folders_part_images() -> None:
    keys = ["m1/a_DAPI.tif", "m1/a.tif", "m2/a_DAPI.tif", "m2/a.tif"]
    pairs = pair({key: key for key in keys}, {"DAPI": "*_DAPI.tif", "EdU": "*.tif"})
    assert [(one.ref.key, one.ref.files) for one in pairs] == [
        ("m1/a", ("m1/a_DAPI.tif", "m1/a.tif")),
        ("m2/a", ("m2/a_DAPI.tif", "m2/a.tif")),
    ]


def test_a_folder_per_channel() -> None:
    keys = ["DAPI/a.tif", "DAPI/b.tif", "EdU/a.tif", "EdU/b.tif"]
    pairs = pair({key: key for key in keys}, {"DAPI": "DAPI/*.tif", "EdU": "edu/*.tif"})
    assert [(one.ref.key, one.ref.channels) for one in pairs] == [("a", NAMES), ("b", NAMES)]


def test_patterns_that_cannot_work_are_refused() -> None:
    with pytest.raises(StudyError, match="asterisk"):
        pair({"a": "a"}, {"DAPI": "a.tif"})
    with pytest.raises(StudyError, match="no image fits"):
        pair({"a": "a"}, {"DAPI": "*_DAPI.tif"})


def _plane(value: int, shape: tuple[int, int] = (5, 6), **parameters: object) -> Image:
    return Image(np.full(shape, value, np.uint8), light="emitted", **parameters)  # type: ignore[arg-type]


def test_channels_are_joined_in_order() -> None:
    image = join([_plane(3, pixel_size=0.5), _plane(7, flags=(Flag.LOSSY_FILE,))], NAMES, "a")
    assert image.channels == NAMES
    assert image.light == "emitted"
    assert image.pixel_size == 0.5
    assert image.flags == (Flag.LOSSY_FILE,)
    assert (image.channel("DAPI") == 3).all()
    assert (image.channel("EdU") == 7).all()


def test_a_pseudo_colour_file_is_its_one_colour() -> None:
    blue = np.zeros((5, 6, 3), np.uint8)
    blue[:, :, 2] = 9
    image = join([Image(blue), _plane(7)], NAMES, "a")
    assert (image.channel("DAPI") == 9).all()
    grey = Image(np.full((5, 6, 3), 4, np.uint8))
    assert (join([grey, _plane(7)], NAMES, "a").channel("DAPI") == 4).all()
    with pytest.raises(ImageError, match="has 3"):
        join([Image(np.arange(90, dtype=np.uint8).reshape(5, 6, 3)), _plane(7)], NAMES, "a")


@pytest.mark.parametrize(
    ("other", "what"),
    [
        (_plane(1, (5, 7)), "sizes: DAPI 6 x 5 px, EdU 7 x 5 px"),
        (Image(np.zeros((5, 6), np.uint16), light="emitted"), "types of pixels"),
        (_plane(1, pixel_size=2.0), "pixel sizes"),
    ],
)
def test_channels_that_do_not_fit_are_refused(other: Image, what: str) -> None:
    with pytest.raises(ImageError, match=what):
        join([_plane(1, pixel_size=1.0), other], NAMES, "a")
