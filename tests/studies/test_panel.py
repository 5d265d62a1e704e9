from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from support import write_fields

import exoimage as xi
from exoimage.studies import panel
from exoimage.studies.figures import Chart
from exoimage.studies.finished import Tables
from exoimage.studies.panel import Picture
from exoimage.studies.plan import load_study
from exoimage.studies.store import Store
from exoimage.studies.study import Study

BLANK = np.zeros((40, 40, 3), np.uint8)


def _row(group: str, sample: str, field: str, value: float | None, flags: str = "", included: bool = True):
    name = f"{group}_{sample}_{field}.tif"
    return {
        "image": name, "region": "whole", "group": group, "sample": sample, "field": field, "flags": flags,
        "status": "ok", "included": included, "y": value,
    }  # fmt: skip


def _tables(rows) -> Tables:
    units: dict[tuple[str, str], list[float]] = {}
    for row in rows:
        if row["included"] and row["y"] is not None:
            units.setdefault((row["group"], row["sample"]), []).append(row["y"])
    samples = [{"group": g, "sample": s, "y": sum(v) / len(v)} for (g, s), v in units.items()]
    return Tables(tuple(rows), tuple(samples))


@pytest.fixture
def study() -> Study:
    return Study("test", xi.assay("alizarin-red"), (), ("Control", "PMO"))


def test_the_field_nearest_its_sample_of_the_sample_nearest_its_group_stands_for_it(study: Study) -> None:
    rows = [
        _row("PMO", "1", "1", 1.0), _row("PMO", "1", "2", 3.0),
        _row("PMO", "2", "1", 4.0), _row("PMO", "2", "2", 5.2), _row("PMO", "2", "3", 5.8),
        _row("PMO", "3", "1", 8.0),
        _row("Control", "1", "1", 7.0),
    ]  # fmt: skip
    chosen = panel.representatives(study, _tables(rows), "y")
    assert list(chosen) == ["Control", "PMO"], "in the study's order"
    assert chosen["PMO"]["image"] == "PMO_2_2.tif", "sample means 2, 5 and 8; 5.2 is nearest 5"


def test_what_does_not_count_or_carries_a_warning_stands_for_nobody(study: Study) -> None:
    rows = [
        _row("PMO", "1", "1", 5.0, flags="out_of_focus"), _row("PMO", "1", "2", 5.0, included=False),
        _row("PMO", "1", "3", 9.0, flags="lossy_file"), _row("PMO", "1", "4", None),
    ]  # fmt: skip
    assert panel.representatives(study, _tables(rows), "y")["PMO"]["image"] == "PMO_1_3.tif"
    only = [_row("PMO", "1", "1", 5.0, flags="out_of_focus")]
    assert panel.representatives(study, _tables(only), "y")["PMO"]["image"] == "PMO_1_1.tif", "there is no other"
    assert panel.representatives(study, _tables([_row("PMO", "1", "1", None)]), "y") == {}


@pytest.mark.parametrize(
    ("sides", "length"), [([520.0], 100.0), ([650.0, 1400.0], 200.0), ([65.0, None], 20.0), ([None], 0.0), ([3.1], 1.0)]
)
def test_the_scale_bar_is_round_and_fits(sides, length) -> None:
    pictures = [Picture("a", "a.tif", "whole", BLANK, BLANK, side) for side in sides]
    chart = Chart({"a": [1.0]}, "y")
    assert panel._bar_length(pictures) == length
    text = panel.panel_caption(chart, pictures)
    assert (f"Scale bar: {length:g} µm" if length else "No scale bar") in text
    assert ("where the pixel size is known" in text) == (None in sides and bool(length))


def test_fluorescence_is_said_to_be_stretched() -> None:
    dark = Picture("a", "a.tif", "whole", BLANK, BLANK, 10.0, "emitted")
    chart = Chart({"a": [1.0]}, "y")
    assert "not to be compared" in panel.panel_caption(chart, [dark])
    assert "not to be compared" not in panel.panel_caption(chart, [replace(dark, light="absorbed")])


def test_crops_are_of_equal_length_whatever_the_pixel_size(tmp_path: Path) -> None:
    write_fields(tmp_path / "images", ["Control_1.tif"], shape=(400, 500), pixel_size=1.0)
    write_fields(tmp_path / "images", ["PMO_1.tif"], shape=(300, 300), pixel_size=0.5)
    path = tmp_path / "study.toml"
    path.write_text(
        '[study]\nname = "test"\nassay = "alizarin-red"\nimages = "images/*"\n'
        '[groups]\npattern = "{group}_{sample}"\norder = ["Control", "PMO"]\n',
        encoding="utf-8",
    )
    xi.run(path, tmp_path / "out")
    study, store = load_study(path), Store(tmp_path / "out")
    rows = {i.placement.group: {"image": i.ref.key, "region": "whole", "group": ""} for i in study.images}
    slugs = {i.ref.key: i.ref.slug for i in study.images}
    wide, narrow = panel.load_pictures(store, slugs, rows)
    assert wide.side_um == narrow.side_um == 150.0
    assert (wide.original.shape, narrow.original.shape) == ((150, 150, 3), (300, 300, 3))
    assert wide.overlay.shape == wide.original.shape
    assert np.abs(wide.original.astype(int) - wide.overlay).mean() < 40, "the same place of the picture"
    for path in store.records.glob("*.jpg"):
        path.unlink()
    assert panel.load_pictures(store, slugs, rows) == ()


def test_the_panel_shows_every_picture_and_a_bar_in_each(tmp_path: Path) -> None:
    pictures = [Picture(g, f"{g}.tif", "whole", BLANK, BLANK, 100.0) for g in ("a", "b")]
    chart = Chart({"a": [1.0, 2.0], "b": [2.0, 3.0]}, "Stained area (%)")
    panel.write_panel(tmp_path, chart, pictures)
    svg = (tmp_path / "panel.svg").read_text("utf-8")
    assert svg.count("<image") == 4
    assert 'href="data:image/png;base64' in svg
    again = tmp_path / "again"
    panel.write_panel(again, chart, pictures)
    for suffix in ("svg", "png", "pdf", "txt"):
        assert (tmp_path / f"panel.{suffix}").read_bytes() == (again / f"panel.{suffix}").read_bytes()
