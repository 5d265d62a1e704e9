from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
import tifffile
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.ndimage import label as scipy_label
from scipy.spatial import cKDTree
from slide_pictures import EDGE, both_ways, same_rows, write_outlines, write_slide

import exoimage as xi
from exoimage.assays import slides
from exoimage.assays.recipe import ALL_SCOPES
from exoimage.assays.slide_regions import find_slide_regions
from exoimage.assays.tiles import TileRules, tiles
from exoimage.errors import ImageReadError, MeasureError
from exoimage.flags import Flag
from exoimage.images import source as sources
from exoimage.images.image import Image
from exoimage.images.reading import read
from exoimage.images.source import open_source
from exoimage.methods import pieces, synth, tissue
from exoimage.methods.synth.cells import CellPopulation, cell_field
from exoimage.methods.synth.immuno import Immunostain, immuno_field

SHAPE = (1100, 1500)
GLASS = (240, 240, 238)


@pytest.fixture(scope="module")
def stained() -> npt.NDArray[np.uint8]:
    """Nodules on all seams, and a meander that crosses the whole picture."""
    field = synth.nodule_field(SHAPE, synth.Nodules(fraction=0.15, radius_px=25), seed=1)
    pixels = field.pixels.copy()
    y, x = np.mgrid[: SHAPE[0], : SHAPE[1]]
    pixels[np.abs(y - 550 - 300 * np.sin(x / 160)) < 40] = (150, 40, 60)
    return pixels


@pytest.fixture(scope="module")
def brown() -> npt.NDArray[np.uint8]:
    return np.asarray(immuno_field(SHAPE, Immunostain(cover=0.2, diameter_px=20), seed=2).pixels)


def _everything(folder: Path) -> dict[str, str]:
    """A region that holds all of the picture: what of it is tissue is then no question."""
    height, width = SHAPE
    corners = {"all": [(0.0, 0.0), (width, 0.0), (width, height), (0.0, height)]}
    return {"method": "rois", "path": str(write_outlines(folder / "all.geojson", corners))}


# --- the same numbers -------------------------------------------------------------------------------------------------


def test_stained_area_and_nodules_are_those_of_one_piece(tmp_path: Path, stained: npt.NDArray[np.uint8]) -> None:
    path = write_slide(tmp_path / "slide.ome.tif", stained)
    whole, tiled, labels = both_ways(xi.assay("alizarin-red"), path)
    same_rows(whole, tiled)
    assert ((labels > 0) == (whole.labels > 0)).all()
    assert labels.max() == whole.labels.max() == len(tiled.result.objects)
    assert "pieced_objects" in tiled.summary["flags"]


def test_objects_larger_than_the_margin_are_put_together(tmp_path: Path, stained: npt.NDArray[np.uint8]) -> None:
    path = write_slide(tmp_path / "slide.ome.tif", stained)
    whole, tiled, labels = both_ways(xi.assay("alizarin-red"), path)
    largest, meander = (one.objects.sort_values("area_px").iloc[-1] for one in (whole, tiled.result))
    for name in ("y_px", "x_px", "area_px", "area_um2", "mean_od"):
        assert meander[name] == pytest.approx(largest[name], rel=1e-5), name
    assert np.isnan(meander["circularity"])
    assert np.count_nonzero(labels == meander["object"]) == meander["area_px"]


@pytest.mark.parametrize("assay", ["alp", "stain-area"])
def test_other_stains_are_measured_tile_by_tile_too(tmp_path: Path, stained: npt.NDArray[np.uint8], assay: str) -> None:
    recipe = xi.assay(assay, largest_hole="12 px", largest_nodule="200 px", smallest_nodule="8 px")
    whole, tiled, labels = both_ways(recipe, write_slide(tmp_path / "slide.ome.tif", stained))
    same_rows(whole, tiled)
    assert ((labels > 0) == (whole.labels > 0)).all()


def test_silver_nodules_are_those_of_one_piece(tmp_path: Path) -> None:
    field = synth.silver_field(SHAPE, seed=2)
    whole, tiled, _ = both_ways(xi.assay("von-kossa"), write_slide(tmp_path / "slide.ome.tif", field.pixels))
    assert whole.summary["nodule_count"] > 3
    same_rows(whole, tiled)


@pytest.mark.parametrize("compartment", ["nucleus", "both"])
def test_brown_area_is_the_same_and_cells_to_a_thousandth(
    tmp_path: Path, brown: npt.NDArray[np.uint8], compartment: str
) -> None:
    recipe = xi.assay("ihc-dab", compartment=compartment, region=_everything(tmp_path))
    whole, tiled, labels = both_ways(recipe, write_slide(tmp_path / "slide.ome.tif", brown))
    for name in ("dab_area_px", "dab_tissue_px", "tissue_area_px", "region_area_px", "dab_area_pct"):
        assert tiled.summary[name] == pytest.approx(whole.summary[name], rel=1e-12), name
    one, other = whole.objects, tiled.result.objects
    assert len(other) == pytest.approx(len(one), abs=max(1, 0.001 * len(one)))
    distance, _ = cKDTree(one[["y_px", "x_px"]]).query(other[["y_px", "x_px"]])
    assert np.count_nonzero(distance > 2) <= max(1, 0.002 * len(one))
    assert tiled.summary["h_score"] == pytest.approx(whole.summary["h_score"], abs=1.0)
    assert labels.max() == len(other) == len(np.unique(labels)) - 1


def test_without_cells_only_the_area_is_measured(tmp_path: Path, brown: npt.NDArray[np.uint8]) -> None:
    recipe = xi.assay("ihc-dab", cells=False, region=_everything(tmp_path))
    whole, tiled, _ = both_ways(recipe, write_slide(tmp_path / "slide.ome.tif", brown))
    same_rows(whole, tiled)
    assert tiled.summary["cell_count"] is None
    assert tiled.summary["h_score"] is None
    assert len(tiled.result.objects) == 0


def test_nuclei_and_positive_ones_are_those_of_one_piece(tmp_path: Path) -> None:
    field = cell_field(SHAPE, CellPopulation(count=330), seed=4)
    path = write_slide(tmp_path / "cells.ome.tif", field.pixels, channels=("DAPI", "EdU"))
    whole, tiled, labels = both_ways(xi.assay("edu"), path)
    for name in ("nuclei_count", "edu_positive_count"):
        assert tiled.summary[name] == pytest.approx(whole.summary[name], abs=1), name
    assert tiled.summary["debris_count"] is None
    assert labels.max() == tiled.summary["nuclei_count"]
    distance, _ = cKDTree(whole.objects[["y_px", "x_px"]]).query(tiled.result.objects[["y_px", "x_px"]])
    assert np.count_nonzero(distance > 3) <= 1


def test_a_slide_is_flagged_as_a_field_is(tmp_path: Path) -> None:
    pixels = cell_field(SHAPE, CellPopulation(count=250), seed=5).pixels
    bright = np.clip(pixels.astype(int) * 4, 0, 255).astype(np.uint8)
    for number, (channels, shown, flag) in enumerate(
        [
            (("DAPI", "EdU"), bright, Flag.SATURATED),
            (("EdU", "DAPI"), pixels, Flag.CHANNELS_SWAPPED),
            (("DAPI", "EdU"), pixels, None),
        ]
    ):
        path = write_slide(tmp_path / f"{number}.ome.tif", shown, channels=channels)
        whole, tiled, _ = both_ways(xi.assay("edu"), path)
        for region in (whole.regions[0], tiled.result.regions[0]):
            assert set(region.flags) & {Flag.SATURATED, Flag.CHANNELS_SWAPPED} == ({flag} if flag else set())


@pytest.mark.parametrize("method", ["network", "threshold"])
def test_nuclei_in_a_corner_of_an_empty_slide_are_found(tmp_path: Path, method: str) -> None:
    """Most windows that are looked at hold none: they must not say how bright nuclei are."""
    rng = np.random.default_rng(2)
    slide = rng.normal(100, 2, (3000, 3000, 2))
    field = cell_field((400, 400), CellPopulation(count=60), seed=6)
    slide[200:600, 300:700] += 12 * field.pixels.astype(float)
    path = write_slide(tmp_path / "cells.ome.tif", np.clip(slide, 0, 65535).astype(np.uint16), channels=("DAPI", "EdU"))
    whole, tiled, _ = both_ways(xi.assay("edu", nuclei=method), path)
    assert tiled.summary["nuclei_count"] == pytest.approx(field.count, abs=3)
    assert tiled.summary["nuclei_count"] == pytest.approx(whole.summary["nuclei_count"], abs=2)


@pytest.mark.parametrize(("method", "least_debris"), [("network", 0), ("threshold", 21)])
def test_debris_is_no_nucleus_in_tiles_that_hold_no_nuclei(tmp_path: Path, method: str, least_debris: int) -> None:
    """The network does not even part what is debris."""
    rng = np.random.default_rng(1)
    pixels = cell_field(SHAPE, CellPopulation(count=250), seed=5).pixels.astype(np.float32)
    ground = np.median(pixels, axis=(0, 1))
    pixels[:, 800:] = rng.normal(ground, 1.2, (SHAPE[0], SHAPE[1] - 800, 2))
    y, x = np.mgrid[: SHAPE[0], : SHAPE[1]]
    for row, column in zip(rng.integers(0, SHAPE[0], 120), rng.integers(850, SHAPE[1], 120), strict=True):
        near = (slice(max(0, row - 12), row + 12), slice(column - 12, column + 12))
        distance = np.hypot(y[near] - row, x[near] - column)
        pixels[(*near, 0)] += 15 / (1 + np.exp(2 * (distance - 3)))
    slide = np.clip(pixels, 0, 255).astype(np.uint8)
    path = write_slide(tmp_path / "cells.ome.tif", slide, channels=("DAPI", "EdU"))
    whole, tiled, _ = both_ways(xi.assay("edu", nuclei=method), path, edge=256)
    assert whole.summary["debris_count"] >= least_debris
    assert (tiled.result.objects["x_px"] > 830).sum() == (whole.objects["x_px"] > 830).sum() == 0
    assert tiled.summary["nuclei_count"] == pytest.approx(whole.summary["nuclei_count"], abs=2)


def test_threads_change_nothing(tmp_path: Path, stained: npt.NDArray[np.uint8]) -> None:
    path = write_slide(tmp_path / "slide.ome.tif", stained)
    recipe = xi.assay("alizarin-red", threshold={"method": "fixed", "od": 0.2})
    with open_source(path) as source:
        resolved = recipe.resolve([slides.observe_slide(recipe, source)], ALL_SCOPES)
        one, three = (
            slides.measure_slide(resolved, source, threads=threads, tile_edge=EDGE, labels=False) for threads in (1, 3)
        )
        assert one.rows == three.rows
        assert one.result.objects.equals(three.result.objects)


def test_no_file_stays_open_where_one_cannot_be_opened_again(
    tmp_path: Path, stained: npt.NDArray[np.uint8], monkeypatch: pytest.MonkeyPatch
) -> None:
    opened: list[sources.Source] = []
    closed: list[sources.Source] = []
    reopening, closing = sources.Source.reopened, sources.Source.close

    def reopened(self: sources.Source) -> sources.Source:
        if len(opened) == 2:
            raise ImageReadError(self.path, "too many open files")
        opened.append(reopening(self))
        return opened[-1]

    def close(self: sources.Source) -> None:
        closed.append(self)
        closing(self)

    recipe = xi.assay("alizarin-red", threshold={"method": "fixed", "od": 0.2})
    with open_source(write_slide(tmp_path / "slide.ome.tif", stained)) as source:
        resolved = recipe.resolve([slides.observe_slide(recipe, source)], ALL_SCOPES)
        monkeypatch.setattr(sources.Source, "reopened", reopened)
        monkeypatch.setattr(sources.Source, "close", close)
        with pytest.raises(ImageReadError, match="too many"):
            slides.measure_slide(resolved, source, threads=4, tile_edge=EDGE)
        assert len(opened) == 2
        assert all(one in closed for one in opened)


# --- what is looked at ------------------------------------------------------------------------------------------------


def test_observing_windows_decides_as_observing_the_whole(tmp_path: Path, stained: npt.NDArray[np.uint8]) -> None:
    recipe = xi.assay("alizarin-red")
    path = write_slide(tmp_path / "slide.ome.tif", stained)
    whole = recipe.resolve([recipe.observe(read(path))], ALL_SCOPES).recipe
    with open_source(path) as source:
        looked = recipe.resolve([slides.observe_slide(recipe, source)], ALL_SCOPES).recipe
    np.testing.assert_allclose(looked.white.rgb, whole.white.rgb, atol=2)
    assert looked.threshold.od == pytest.approx(whole.threshold.od, abs=0.02)


def test_only_windows_are_read_and_each_tile_once(
    tmp_path: Path, stained: npt.NDArray[np.uint8], monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write_slide(tmp_path / "slide.ome.tif", stained, levels=2)
    read_px: list[int] = []
    reading = sources.Source.read

    def noted(self: sources.Source, window: sources.Window | None = None, level: int = 0) -> object:
        image = reading(self, window, level)
        if level == 0:
            read_px.append(image.shape[0] * image.shape[1])
        return image

    recipe = xi.assay("alizarin-red", threshold={"method": "fixed", "od": 0.2}, white={"method": "given", "rgb": GLASS})
    monkeypatch.setattr(slides, "OVERVIEW_EDGE_PX", 300)
    with open_source(path) as source:
        resolved = recipe.resolve([slides.observe_slide(recipe, source)], ALL_SCOPES)
        evidence = slides.observe_slide(recipe, source)
        monkeypatch.setattr(sources.Source, "read", noted)
        monkeypatch.setattr(slides, "FOCUS_WINDOWS", 0)
        slides.measure_slide(resolved, source, evidence, tile_edge=EDGE, labels=False).close()
    assert max(read_px) <= (EDGE + 2 * 256) ** 2
    assert len(read_px) <= 6 + 2 + 12  # tiles, the scale, and a few looks at the focus


def test_tissue_is_the_region_of_a_section(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    pixels = np.clip(rng.normal(GLASS[0], 1.5, (1600, 2200, 3)), 0, 255).astype(np.uint8)
    pixels[:700, :900] = immuno_field((700, 900), Immunostain(cover=0.3), seed=3).pixels
    path = write_slide(tmp_path / "slide.ome.tif", pixels, levels=2)
    recipe = xi.assay("ihc-dab", cells=False)
    with open_source(path) as source:
        resolved = recipe.resolve([slides.observe_slide(recipe, source)], ALL_SCOPES)
        tiled = slides.measure_slide(resolved, source, tile_edge=256, labels=False)
    assert "tissue_of_slide" in tiled.summary["flags"]
    assert 0.95 * 700 * 900 < tiled.summary["region_area_px"] < 1.5 * 700 * 900
    alone = resolved.measure(read(write_slide(tmp_path / "piece.ome.tif", pixels[:700, :900])))
    assert tiled.summary["dab_area_px"] == pytest.approx(alone.summary["dab_area_px"], rel=1e-3)


def test_blank_slide_gives_nothing_and_says_so(tmp_path: Path) -> None:
    rng = np.random.default_rng(1)
    pixels = np.clip(rng.normal(238, 1.0, (700, 900, 3)), 0, 255).astype(np.uint8)
    for name, assay in (("noise", "ihc-dab"), ("even", "alizarin-red"), ("noise", "alizarin-red")):
        picture = pixels if name == "noise" else np.full_like(pixels, 238)
        recipe = xi.assay(assay)
        with open_source(write_slide(tmp_path / f"{name}.ome.tif", picture)) as source:
            row = slides.measure_slide_alone(recipe, source).summary
        assert row[recipe.primary_columns()[0].name] == pytest.approx(0.0, abs=0.01)
        assert "blank" in row["flags"]
        assert ("no_tissue" in row["flags"]) == (assay == "ihc-dab")


def test_slide_smaller_than_a_tile(tmp_path: Path, stained: npt.NDArray[np.uint8]) -> None:
    path = write_slide(tmp_path / "small.ome.tif", stained[:90, :130])
    whole, tiled, labels = both_ways(xi.assay("alizarin-red"), path)
    same_rows(whole, tiled)
    assert labels.shape == (90, 130)


# --- regions ----------------------------------------------------------------------------------------------------------


def test_a_row_per_region_of_interest(tmp_path: Path, stained: npt.NDArray[np.uint8]) -> None:
    corners = {
        "triangle": [(20.0, 30.0), (1200.5, 100.25), (300.0, 900.75)],
        "square": [(1210.0, 300.0), (1450.0, 300.0), (1450.0, 540.0), (1210.0, 540.0)],
    }
    rois = write_outlines(tmp_path / "rois.geojson", corners)
    recipe = xi.assay("alizarin-red", region={"method": "rois", "path": str(rois)})
    whole, tiled, labels = both_ways(recipe, write_slide(tmp_path / "slide.ome.tif", stained))
    assert [row["region"] for row in tiled.rows] == ["triangle", "square"]
    same_rows(whole, tiled)
    assert ((labels > 0) == (whole.labels > 0)).all()
    assert dict(tiled.corners)["square"] == (300, 1210, 541, 1451)


@pytest.mark.parametrize("count", [1, 2, 256])
def test_overlapping_regions_are_flagged_however_many(
    tmp_path: Path, stained: npt.NDArray[np.uint8], count: int
) -> None:
    square = [(100.0, 100.0), (500.0, 100.0), (500.0, 500.0), (100.0, 500.0)]
    rois = write_outlines(tmp_path / "rois.geojson", {f"square {number}": square for number in range(count)})
    recipe = xi.assay("alizarin-red", region={"method": "rois", "path": str(rois)})
    overview = Image(stained[::10, ::10])
    found = find_slide_regions(recipe, overview, SHAPE, 1.0, str(tmp_path / "slide.tif"))
    assert (Flag.OVERLAPPING_REGIONS in found.flags) == (count > 1)


def test_a_region_outside_the_slide_is_refused(tmp_path: Path, stained: npt.NDArray[np.uint8]) -> None:
    rois = write_outlines(tmp_path / "rois.geojson", {"far": [(9000.0, 0.0), (9100.0, 0.0), (9100.0, 50.0)]})
    recipe = xi.assay("alizarin-red", region={"method": "rois", "path": str(rois)})
    path = write_slide(tmp_path / "slide.ome.tif", stained)
    with open_source(path) as source, pytest.raises(MeasureError, match="'far' lies outside the slide"):
        slides.measure_slide_alone(recipe, source)


def test_a_painted_mask_is_refused_with_what_to_do(tmp_path: Path, stained: npt.NDArray[np.uint8]) -> None:
    mask = tmp_path / "mask.tif"
    tifffile.imwrite(mask, np.ones(SHAPE, np.uint8))
    recipe = xi.assay("alizarin-red", region={"method": "rois", "path": str(mask)})
    path = write_slide(tmp_path / "slide.ome.tif", stained)
    with open_source(path) as source, pytest.raises(ImageReadError, match="GeoJSON from QuPath"):
        slides.measure_slide_alone(recipe, source)


@pytest.mark.parametrize(
    ("keys", "why"), [({"imagej": True}, "in one piece"), ({"region": {"method": "wells"}}, "regions of interest")]
)
def test_what_needs_one_piece_is_refused(
    tmp_path: Path, stained: npt.NDArray[np.uint8], keys: dict[str, object], why: str
) -> None:
    path = write_slide(tmp_path / "slide.ome.tif", stained)
    with open_source(path) as source, pytest.raises(MeasureError, match=why):
        slides.observe_slide(xi.assay("alizarin-red", **keys), source)


# --- levels -----------------------------------------------------------------------------------------------------------


def test_a_coarser_level_is_measured_where_the_recipe_says_so(tmp_path: Path, stained: npt.NDArray[np.uint8]) -> None:
    path = write_slide(tmp_path / "slide.ome.tif", stained, levels=2)
    fine, coarse = (
        xi.assay("alizarin-red", slide_um_per_px=size, threshold={"method": "fixed", "od": 0.3}) for size in (0, 2.5)
    )
    with open_source(path) as source:
        rows = [slides.measure_slide_alone(recipe, source).summary for recipe in (fine, coarse)]
    assert rows[1]["region_area_px"] == pytest.approx(rows[0]["region_area_px"] / 16, rel=0.01)
    assert rows[1]["region_area_um2"] == pytest.approx(rows[0]["region_area_um2"], rel=0.01)
    assert rows[1]["stained_area_pct"] == pytest.approx(rows[0]["stained_area_pct"], abs=0.5)


def test_bone_is_measured_whole_at_a_coarse_level_with_its_regions(tmp_path: Path) -> None:
    field = synth.bone_field((400, 500), pixel_size_um=2.0, seed=3)
    large = np.repeat(np.repeat(field.pixels, 4, axis=0), 4, axis=1)
    corners = {"left": [(0.0, 0.0), (1000.0, 0.0), (1000.0, 1600.0), (0.0, 1600.0)]}
    rois = {"method": "rois", "path": str(write_outlines(tmp_path / "rois.geojson", corners))}
    recipe = xi.assay("he-bone", slide_um_per_px=2.0)
    with open_source(write_slide(tmp_path / "slide.ome.tif", large)) as source:
        for region in ({"method": "whole"}, rois):
            placed, image = slides.coarse(recipe.model_copy(update={"region": _region(region)}), source)
            row = placed.measure(image).summary
            part = field.pixels if region["method"] == "whole" else field.pixels[:, :250]
            alone = recipe.measure(xi.Image(part, pixel_size=2.0)).summary
            assert image.pixel_size == pytest.approx(2.0)
            assert image.shape == field.pixels.shape[:2]
            assert row["t_ar_um2"] == pytest.approx(alone["t_ar_um2"], rel=0.01)
            assert row["bv_tv_pct"] == pytest.approx(alone["bv_tv_pct"], abs=1.0)


def _region(keys: dict[str, str]) -> object:
    return xi.assay("he-bone", region=keys).region


def test_a_coarse_level_needs_the_pixel_size(tmp_path: Path, stained: npt.NDArray[np.uint8]) -> None:
    path = tmp_path / "slide.tif"
    tifffile.imwrite(path, stained, tile=(256, 256), photometric="rgb")
    with open_source(path) as source, pytest.raises(MeasureError, match="pixels is unknown"):
        slides.coarse(xi.assay("he-bone"), source)


# --- parts ------------------------------------------------------------------------------------------------------------


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 3000), st.integers(1, 3000), st.integers(100, 900), st.integers(0, 300), st.floats(0.1, 1.0))
def test_tiles_cover_a_picture_once_and_windows_hold_their_margin(
    height: int, width: int, edge: int, margin: int, reduction: float
) -> None:
    area = 0
    for tile in tiles((height, width), edge, TileRules(margin, reduction=reduction)):
        top, left, bottom, right = tile.window
        area += (tile.bottom - tile.top) * (tile.right - tile.left)
        assert 0 <= top <= max(0, tile.top - margin)
        assert 0 <= left <= max(0, tile.left - margin)
        assert min(height, tile.bottom + margin) <= bottom <= height
        assert min(width, tile.right + margin) <= right <= width
    assert area == height * width


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10_000), st.floats(0.3, 0.62), st.integers(7, 40))
def test_pieces_of_any_pattern_make_the_objects_of_the_whole(seed: int, share: float, edge: int) -> None:
    from exoimage.assays.seams import Borders, Seams
    from exoimage.methods import particles

    mask = np.random.default_rng(seed).random((60, 70)) < share
    whole = np.asarray(scipy_label(mask, np.ones((3, 3)))[0])
    seams = Seams(mask.shape)
    for tile in tiles(mask.shape, edge, TileRules(2)):
        top, left, bottom, right = tile.window
        labels = particles.label(np.ascontiguousarray(mask[top:bottom, left:right]))
        present = np.bincount(labels[tile.core].ravel(), minlength=int(labels.max()) + 1)[1:] > 0
        labels = particles.only_labels(labels, present)
        core = np.ascontiguousarray(labels[tile.core])
        found = pieces.measure_pieces(core, np.ones(core.shape, np.float32), tile.top, tile.left)
        seams.add(tile, found, Borders.of(labels, tile), 1)
    objects = seams.objects(["y_px", "x_px", "area_px", "circularity"]).objects
    expected = np.bincount(whole.ravel())[1:]
    assert sorted(objects.get("area_px", np.empty(0)).tolist()) == sorted(expected.tolist())


def test_tissue_from_edge_to_edge_is_all_tissue_and_glass_is_none() -> None:
    pale = immuno_field((512, 512), Immunostain(shares=(0.9, 0.1, 0, 0), cover=0.2), seed=1).pixels
    dense = immuno_field((512, 512), Immunostain(shares=(0, 0.1, 0.2, 0.7), cover=0.35), seed=2).pixels
    slide = np.hstack([np.tile(one, (2, 2, 1)) for one in (pale, dense)])
    small = slide.reshape(128, 8, 256, 8, 3).mean(axis=(1, 3)).astype(np.uint8)
    assert tissue.tissue_mask(small, pixel_um=4.0).mean() > 0.97
    glass = np.clip(np.random.default_rng(0).normal(240, 1, (200, 300, 3)), 0, 255).astype(np.uint8)
    assert not tissue.tissue_mask(glass, pixel_um=8.0).any()
