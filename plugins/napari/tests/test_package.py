"""The package itself: its manifest, its readers, its sample data, its form."""

from __future__ import annotations

import numpy as np
import pytest
from conftest import ROOT
from exoimage.assays.registry import ASSAYS, recipe_class
from exoimage.errors import ImageReadError
from exoimage.images.discovery import IMAGE_SUFFIXES
from exoimage.images.labels import read_labels
from exoimage.images.reading import read
from npe2 import PluginManifest

from napari_exoimage import adapter, readers, samples
from napari_exoimage.fields import rows_of


def manifest():
    return PluginManifest.from_file(ROOT / "plugins" / "napari" / "napari_exoimage" / "napari.yaml")


def test_the_manifest_names_what_there_is():
    found = manifest()
    for command in found.contributions.commands:
        module, _, name = command.python_name.partition(":")
        assert hasattr(__import__(module, fromlist=[name]), name)
    assert {sample.key for sample in found.contributions.sample_data} == set(ASSAYS)
    assert {f"*{suffix}" for suffix in IMAGE_SUFFIXES} == set(found.contributions.readers[0].filename_patterns)


@pytest.mark.parametrize("assay", ASSAYS)
def test_every_assay_has_sample_data_in_which_it_finds_something(assay):
    image = samples.picture(assay)
    result = recipe_class(assay)().measure(image)
    assert result.labels.any()
    layers = getattr(samples, assay.replace("-", "_"))()
    assert [kind for _, _, kind in layers] == ["image"] * (1 if image.light == "absorbed" else len(image.channels))


def test_a_file_is_read_as_exoimage_reads_it():
    path = ROOT / "test_images" / "alizarin_red" / "images" / "PMO_1_1.tif"
    reader = readers.get_reader(str(path))
    ((data, arguments, kind),) = reader(str(path))
    assert kind == "image"
    assert arguments["rgb"]
    assert np.array_equal(data, read(path).pixels)
    assert arguments["scale"] == (1.3, 1.3) or arguments["scale"][0] == read(path).pixel_size


def test_a_file_that_is_no_picture_is_refused_in_one_line(tmp_path):
    (tmp_path / "a.tif").write_text("hello")
    with pytest.raises(ImageReadError, match="text, not a picture"):
        readers.read_pictures(str(tmp_path / "a.tif"))


def test_labels_are_written_so_that_they_are_read_again(tmp_path):
    labels = np.zeros((20, 30), np.int32)
    labels[3:6, 4:9] = 70_000
    attributes = {"scale": (0.65, 0.65), "units": ("micrometer", "micrometer")}
    (path,) = readers.write_label_layer(str(tmp_path / "mine"), labels, attributes)
    assert np.array_equal(read_labels(path), labels)
    assert read(path, photometric="stored").pixel_size == pytest.approx(0.65)


def test_large_pictures_are_shown_as_pyramids():
    from exoimage.images.image import Image

    image = Image(np.zeros((100, 9000, 3), np.uint8))
    ((data, _),) = adapter.picture_layers(image)
    assert [level.shape[1] for level in data] == [9000, 4500, 2250]
    deep = Image(np.full((4, 4, 3), 65535, np.uint16))
    ((shown, _),) = adapter.picture_layers(deep)
    assert shown.dtype == np.uint8
    assert shown.max() == 255


def test_a_drawn_rectangle_covers_the_pixels_under_it():
    from exoimage.images.polygons import polygon_mask

    corners = adapter.corners_of_box((3, 2, 5, 4))
    (outline,) = adapter.outlines_of([corners], ["polygon"], ["a"])
    mask = polygon_mask([outline.points], (10, 12))
    assert np.argwhere(mask).min(axis=0).tolist() == [2, 3]
    assert mask.sum() == 20
    assert adapter.boxes_of([corners]) == [(3, 2, 5, 4)]
    assert adapter.outlines_of([corners], ["path"], ["a"]) == []


def test_a_drawn_ellipse_is_nearly_its_area():
    (outline,) = adapter.outlines_of([adapter.corners_of_box((10, 10, 80, 60))], ["ellipse"], ["a"])
    from exoimage.images.polygons import ellipse_mask, polygon_mask

    drawn, true = polygon_mask([outline.points], (90, 110)), ellipse_mask(10, 10, 80, 60, (90, 110))
    assert abs(int(drawn.sum()) - int(true.sum())) < 0.005 * true.sum()


@pytest.mark.parametrize("assay", ASSAYS)
def test_every_field_has_its_row_with_help(assay):
    kind = recipe_class(assay)
    rows = {row.key: row for row in rows_of(kind)}
    assert set(rows) == set(kind.model_fields)
    assert all(row.help for row in rows.values())
    for key, row in rows.items():
        if row.kind == "choice":
            default = kind().model_dump(mode="json")[key]
            assert default["method"] in {one.method for one in row.alternatives}
