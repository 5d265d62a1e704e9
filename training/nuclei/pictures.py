"""Where training pictures come from: nuclei drawn by hand, synthetic fields, and fields without a nucleus."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import tifffile

from exoimage.methods import synth
from exoimage.methods.bright_nuclei import nuclear_planes
from exoimage.methods.network_views import levels_of
from exoimage.methods.stains import preset

FloatArray = npt.NDArray[np.float32]
Labels = npt.NDArray[np.int32]


@dataclass(frozen=True, eq=False)
class Picture:
    """A plane and its nuclei.

    Parameters
    ----------
    plane : (y, x) float32 array
        0 and 1 are the picture's low and high percentile.
    labels : (y, x) int32 array
        Nuclei by number.
    diameter_px : float
        Their median.
    """

    plane: FloatArray
    labels: npt.NDArray[np.int32]
    diameter_px: float


@dataclass(frozen=True)
class Source:
    """Pictures that are drawn with one chance between them.

    Parameters
    ----------
    name : str
    pictures : sequence of Picture
    share : float
        Of the crops that training sees, relative to the other sources' shares.
    """

    name: str
    pictures: Sequence[Picture]
    share: float


SHARES = {"520x696": 0.27, "256x256": 0.28, "360x360": 0.13, "512x640": 0.08, "cells": 0.14, "darkness": 0.10}
"""How often a crop comes from each folder: neither the many pictures of 256 × 256 alone, nor all alike."""


def real_sources(folder: Path) -> tuple[Source, ...]:
    """Pictures drawn by hand, a source for each folder of `images` and `masks`.

    Parameters
    ----------
    folder : Path
        Holds folders by picture size, each with `images/*.tif` and `masks/*.tif` (numbers of nuclei) of the same names.
    """
    sources = []
    for size in sorted(path for path in folder.iterdir() if path.is_dir()):
        files = sorted((size / "images").glob("*.tif"))
        pictures = [_read(path, size / "masks" / path.name) for path in files]
        sources.append(Source(size.name, pictures, SHARES.get(size.name, 0.05)))
    return tuple(sources)


def synthetic_sources(count: int, seed: int) -> tuple[Source, ...]:
    """Fields of fluorescent nuclei in crowds, and the dark nuclei of immunostained sections.

    Parameters
    ----------
    count : int
        Pictures in each source.
    seed : int
    """
    seeds = np.random.SeedSequence(seed).generate_state(2 * count)
    cells = [_cell_picture(int(one)) for one in seeds[:count]]
    sections = [_section_picture(int(one)) for one in seeds[count:]]
    return Source("cells", cells, SHARES["cells"]), Source("darkness", sections, SHARES["darkness"])


def picture(plane: npt.NDArray[Any], labels: npt.NDArray[Any]) -> Picture:
    """A picture of a plane in any units."""
    levels = levels_of(plane)
    span = max(levels.high - levels.low, 1e-9)
    areas = np.bincount(labels.ravel())[1:]
    diameter = float(np.sqrt(np.median(areas[areas > 0]) * 4 / np.pi))
    relative = (plane.astype(np.float32) - np.float32(levels.low)) / np.float32(span)
    return Picture(relative, np.ascontiguousarray(labels, np.int32), diameter)


def _read(image: Path, mask: Path) -> Picture:
    plane = tifffile.imread(image)
    return picture(plane if plane.ndim == 2 else plane[..., :3].mean(axis=2), tifffile.imread(mask))


def _cell_picture(seed: int) -> Picture:
    rng = np.random.default_rng(seed)
    diameter = float(rng.uniform(14, 36))
    edge = int(14 * diameter)
    cells = synth.CellPopulation(
        count=int(rng.integers(10, 110)),
        diameter_px=diameter,
        diameter_spread=float(rng.uniform(0.05, 0.35)),
        brightness_spread=float(rng.uniform(0.1, 0.9)),
        elongation=float(rng.uniform(1.1, 2.4)),
        touching=float(rng.uniform(0.1, 0.9)),
        overlap=float(rng.uniform(0, 0.3)),
        brightness=float(rng.uniform(0.05, 0.4)),
        texture=float(rng.uniform(0, 0.35)),
        mitotic=float(rng.uniform(0, 0.1)),
        apoptotic=float(rng.uniform(0, 0.05)),
    )
    haze = synth.Haze(
        offset=float(rng.uniform(0, 0.1)), cloud=float(rng.uniform(0, 0.02)), halo=float(rng.uniform(0, 0.3))
    )
    field = synth.cell_field((edge, edge), cells, haze=haze, seed=seed)
    return picture(field.pixels[..., 0], field.labels)


def _section_picture(seed: int) -> Picture:
    rng = np.random.default_rng(seed)
    diameter = float(rng.uniform(12, 26))
    edge = int(14 * diameter)
    shares = rng.dirichlet((2.0, 1.0, 1.0, 1.0))
    cells = synth.Immunostain(
        shares=(float(shares[0]), float(shares[1]), float(shares[2]), float(1 - shares[:3].sum())),
        haematoxylin_od=float(rng.uniform(0.15, 0.6)),
        compartment=("nucleus", "cytoplasm")[int(rng.integers(2))],
        cover=float(rng.uniform(0.05, 0.35)),
        diameter_px=diameter,
    )
    field = synth.immuno_field((edge, edge), cells, seed=seed)
    weight = 0.4 if cells.compartment == "nucleus" else 0.0
    darkness = nuclear_planes(field.pixels, preset("H DAB"), dab_weight=weight)[1]
    return picture(darkness, field.nuclei)
