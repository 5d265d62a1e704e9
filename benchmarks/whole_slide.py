"""How fast, in how much memory and how exactly a whole slide is measured tile by tile.

    python benchmarks/whole_slide.py [EDGE [FOLDER]]

Makes a synthetic slide of EDGE × EDGE px (default 40,960; up to 1 GB in FOLDER, deleted afterwards): H-DAB fields
whose brown area is known, with glass around them, as an RGB pyramid of JPEG tiles, like slide scanners write. Measures
its stained area with two threads; then area and nuclei of a picture of 10,000 × 10,000 px, tile by tile and in one
piece.
"""

from __future__ import annotations

import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import cv2
import imagecodecs
import numpy as np
import numpy.typing as npt
import tifffile

from exoimage.methods.synth.immuno import ImmunoField, Immunostain, immuno_field

FIELD, TILE, QUALITY = 2048, 256, 85
THRESHOLD_OD = 0.25
PIXEL_SIZE_UM = 0.5
PART = 10_000
THREADS = 2
SHARES = ((0.5, 0.2, 0.2, 0.1), (0.3, 0.2, 0.2, 0.3), (0.8, 0.1, 0.05, 0.05), (0.1, 0.2, 0.3, 0.4))

Rgb = npt.NDArray[np.uint8]


def nests() -> list[ImmunoField]:
    """Four fields of brown nests, from few to many.

    They are large and twice as dense as the threshold: optics and JPEG blur edges, and the area of small brown nuclei
    is then less than the truth (by 3 to 8 % of it), in one piece as well as tile by tile.
    """
    return [
        immuno_field(
            (FIELD, FIELD),
            Immunostain(shares=shares, dab_od=(0.02, 0.5, 0.5, 0.5), dab_spread=0.1, cover=0.3, diameter_px=400),
            seed=number,
        )
        for number, shares in enumerate(SHARES)
    ]


def cells() -> list[ImmunoField]:
    """Four fields of cells, from hardly to mostly brown."""
    return [
        immuno_field((FIELD, FIELD), Immunostain(shares=shares, cover=0.25, diameter_px=20), seed=number)
        for number, shares in enumerate(SHARES)
    ]


def write_slide(path: Path, pictures: Sequence[Rgb], edge: int) -> npt.NDArray[np.intp]:
    """Write a pyramid of the pictures laid out in turn, the last, glass, around them; gives which lies where."""
    count = edge // FIELD
    layout = np.add.outer(np.arange(count), 3 * np.arange(count)) % (len(pictures) - 1)
    layout[[0, -1]] = layout[:, [0, -1]] = len(pictures) - 1
    levels = [pictures]
    for factor in (4, 16):
        size = (FIELD // factor, FIELD // factor)
        levels.append([cv2.resize(one, size, interpolation=cv2.INTER_AREA) for one in pictures])
    common: dict[str, Any] = {
        "dtype": np.uint8, "tile": (TILE, TILE), "photometric": "ycbcr", "compression": "jpeg", "subsampling": (2, 2),
    }  # fmt: skip
    scale = {"axes": "YXS", "PhysicalSizeX": PIXEL_SIZE_UM, "PhysicalSizeY": PIXEL_SIZE_UM}
    with tifffile.TiffWriter(path, bigtiff=True, ome=True) as tif:
        for number, level in enumerate(levels):
            whole = count * level[0].shape[0]
            own = {"subifds": 2, "metadata": scale} if number == 0 else {"subfiletype": 1, "metadata": None}
            tif.write(_tiles(level, layout), shape=(whole, whole, 3), **common, **own)
    return layout


def _tiles(pictures: Sequence[Rgb], layout: npt.NDArray[np.intp]) -> Iterator[bytes]:
    """Tiles row by row; each picture is encoded once."""
    side = pictures[0].shape[0]
    whole = -(-layout.shape[0] * side // TILE)
    if side >= TILE:
        per = side // TILE
        known = [
            [_encoded(one[y : y + TILE, x : x + TILE]) for y in range(0, side, TILE) for x in range(0, side, TILE)]
            for one in pictures
        ]
        for row in range(whole):
            for column in range(whole):
                place = layout[row // per, column // per]
                yield known[place][row % per * per + column % per]
        return
    per = TILE // side
    for row in range(whole):
        for column in range(whole):
            tile = np.full((TILE, TILE, 3), 255, np.uint8)
            some = layout[row * per : (row + 1) * per, column * per : (column + 1) * per]
            for (y, x), place in np.ndenumerate(some):
                tile[y * side : (y + 1) * side, x * side : (x + 1) * side] = pictures[place]
            yield _encoded(tile)


def _encoded(tile: Rgb) -> bytes:
    return bytes(
        imagecodecs.jpeg8_encode(
            np.ascontiguousarray(tile), level=QUALITY, colorspace="rgb", outcolorspace="ycbcr", subsampling="420"
        )
    )


def measured(path: str, cells: bool) -> None:
    """Measure a slide in this process, and print what it took."""
    import exoimage as xi
    from exoimage.assays import slides
    from exoimage.images.source import open_source

    recipe = xi.assay("ihc-dab", cells=cells, threshold={"method": "fixed", "od": THRESHOLD_OD})
    with open_source(path) as source:
        began, busy = time.perf_counter(), time.process_time()
        evidence = slides.observe_slide(recipe, source)
        looked = time.perf_counter()
        resolved = recipe.resolve([evidence], ("study", "batch", "image"))
        found = slides.measure_slide(resolved, source, evidence, threads=THREADS)
        done = time.perf_counter()
        found.write_labels(Path(path).with_suffix(".labels.tif"))
        written, busy = time.perf_counter(), time.process_time() - busy
        found.close()
    row = found.summary
    megapixels = row["region_area_px"] / 1e6
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
    print(f"  {megapixels:.0f} Mpx of tissue: looked {looked - began:.1f} s, measured {done - looked:.1f} s, labels"
          f" written {written - done:.1f} s, CPU {busy:.1f} s, peak memory {peak:.2f} GB")  # fmt: skip
    print(f"  {megapixels / (done - began):.0f} Mpx/s without labels, {megapixels / (written - began):.0f} in all,"
          f" {megapixels / busy:.0f} Mpx per CPU second")  # fmt: skip
    print(f"  dab_area_px {row['dab_area_px']}, region {row['region_area_px']}, cells {row['cell_count']},"
          f" flags: {row['flags']}")  # fmt: skip
    print(f"  RESULT {row['dab_area_px']} {row['cell_count']}")


def in_one_piece(path: str) -> None:
    """Measure a slide as a field, for comparison."""
    import exoimage as xi

    image = xi.read(path)
    row = xi.assay("ihc-dab", threshold={"method": "fixed", "od": THRESHOLD_OD}).measure(image).summary
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
    print(f"  peak memory {peak:.2f} GB\n  RESULT {row['dab_area_px']} {row['cell_count']}")


def _said(*arguments: str) -> list[str]:
    """What a process of its own answers, its peak memory being its own."""
    answer = subprocess.run([sys.executable, __file__, *arguments], check=True, capture_output=True, text=True).stdout
    print("\n".join(line for line in answer.splitlines() if "RESULT" not in line))
    return answer.split("RESULT")[1].split()


def main(edge: int, folder: str | None) -> None:
    """Make the slide, measure, compare."""
    known = nests()
    glass = np.random.default_rng(9).normal(known[0].white, 1.5, (FIELD, FIELD, 3))
    pictures = [*(field.pixels for field in known), np.clip(glass, 0, 255).astype(np.uint8)]
    with tempfile.TemporaryDirectory(dir=folder) as scratch:
        path = Path(scratch) / "slide.ome.tif"
        began = time.perf_counter()
        layout = write_slide(path, pictures, edge)
        made, size = time.perf_counter() - began, path.stat().st_size / 1e9
        print(f"slide of {edge} x {edge} px made in {made:.0f} s, {size:.2f} GB")
        truth = [*(int((field.dab_od > THRESHOLD_OD).sum()) for field in known), 0]
        brown = sum(truth[place] for place in layout.ravel().tolist())
        tissue_px = int((layout < len(known)).sum()) * FIELD**2
        print("stained area of the slide:")
        area, _ = _said("area", str(path))
        share, true_share = (100 * value / tissue_px for value in (int(area), brown))
        print(f"  {share:.3f} % of the tissue is brown, truth {true_share:.3f} %: {share - true_share:+.3f} points")
        part = Path(scratch) / "part.ome.tif"
        some = [field.pixels for field in cells()]
        places = np.add.outer(np.arange(5), 3 * np.arange(5)) % len(some)
        crop = np.vstack([np.hstack([some[place] for place in row]) for row in places])[:PART, :PART]
        scale = {"axes": "YXS", "PhysicalSizeX": PIXEL_SIZE_UM, "PhysicalSizeY": PIXEL_SIZE_UM}
        tifffile.imwrite(part, crop, tile=(TILE, TILE), photometric="rgb", ome=True, metadata=scale)
        print(f"area and nuclei of a picture of {crop.shape[1]} x {crop.shape[0]} px, tile by tile:")
        tiled = _said("cells", str(part))
        print("in one piece:")
        whole = _said("whole", str(part))
        for name, one, other in zip(("stained px", "cells"), tiled, whole, strict=True):
            print(f"  {name}: {one} tile by tile, {other} in one piece ({100 * (int(one) / int(other) - 1):+.4f} %)")


if __name__ == "__main__":
    if sys.argv[1:2] == ["area"]:
        measured(sys.argv[2], cells=False)
    elif sys.argv[1:2] == ["cells"]:
        measured(sys.argv[2], cells=True)
    elif sys.argv[1:2] == ["whole"]:
        in_one_piece(sys.argv[2])
    else:
        main(int(sys.argv[1]) if len(sys.argv) > 1 else 40_960, sys.argv[2] if len(sys.argv) > 2 else None)
