"""Make the synthetic western blots of this folder, with their truth.

``python test_images/make_western_blot.py`` rewrites ``western_blot/`` (three blots of p-AKT, AKT and GAPDH; a ladder
and seven lanes each) exactly as it is stored. One band of GAPDH is saturated, so that the rules for it show.
"""

from __future__ import annotations

import csv
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import tifffile

from exoimage.methods.synth import Blot, BlotPicture, blot_picture

HERE = Path(__file__).resolve().parent
SEED = 20266
SHAPE = (230, 300)
LADDER_KDA = (150.0, 100.0, 75.0, 50.0, 37.0, 25.0)
MASSES_KDA = {"p-AKT": 60.0, "AKT": 60.0, "GAPDH": 36.0}
LANES = ("Control", "PMO", "PMO", "PMO+Exos", "PMO+Exos", "Exos", "Exos")
FOLD_CHANGES = {"Control": 1.0, "PMO": 0.42, "PMO+Exos": 0.83, "Exos": 1.35}
EXPOSURES = {"p-AKT": (0.30, 0.18, 0.24), "AKT": (0.45, 0.36, 0.40), "GAPDH": (0.55, 0.60, 0.50)}
"""Of each blot: what one lane means on one says nothing of another."""
SATURATED_LANE = 6
"""Of the third GAPDH, from 0 without the ladder."""

STUDY = """\
[study]
name = "PMO exosomes, p-AKT"
assay = "western-blot"

{membranes}
[groups]
order = ["Control", "PMO", "PMO+Exos", "Exos"]
control = "Control"

[blot]
lanes = "layout.csv"
loading = "GAPDH"
ratio = ["p-AKT / AKT", "AKT / GAPDH"]

[statistics]
unit = "sample"
test = "anova"
posthoc = "tukey"

[recipe]
ladder = {{ method = "lane", lane = 1, masses_kda = [{ladder}] }}
"""


def make_western_blot(folder: Path) -> None:
    """Write the membranes, study.toml, layout.csv and truth.csv."""
    rng = np.random.default_rng(SEED)
    (folder / "images").mkdir(parents=True, exist_ok=True)
    rows: list[tuple[Any, ...]] = []
    membranes = []
    for blot in range(3):
        loads = rng.lognormal(0.0, 0.12, len(LANES))
        effects = np.array([FOLD_CHANGES[group] for group in LANES]) * rng.lognormal(0.0, 0.06, len(LANES))
        for target, exposures in EXPOSURES.items():
            amounts = exposures[blot] * loads * (effects if target == "p-AKT" else 1.0)
            if target == "GAPDH" and blot == 2:
                amounts[SATURATED_LANE] = 1.6
            picture = _membrane(target, amounts, rng)
            name = f"images/blot{blot + 1}_{target}.tif"
            tifffile.imwrite(
                folder / name, picture.pixels, photometric="minisblack", compression="adobe_deflate", metadata=None
            )
            membranes.append(f'[[membranes]]\ntarget = "{target}"\nfile = "{name}"\nblot = "blot {blot + 1}"\n')
            rows += _truth(name, target, picture)
    ladder = ", ".join(f"{mass:g}" for mass in LADDER_KDA)
    _write_text(folder / "study.toml", STUDY.format(membranes="\n".join(membranes), ladder=ladder))
    groups = ("", *LANES)  # the ladder's lane has none
    layout = [(lane, group, _sample(lane) if group else "") for lane, group in enumerate(groups, 1)]
    _write_csv(folder / "layout.csv", ("region", "group", "sample"), layout)
    _write_csv(folder / "truth.csv", ("image", "target", "lane", "group", "volume", "mw_kda", "saturated"), rows)


def _sample(lane: int) -> str:
    """First or second lane of its group."""
    group = LANES[lane - 2]
    return str(1 + sum(other == group for other in LANES[: lane - 2]))


def _membrane(target: str, amounts: np.ndarray, rng: np.random.Generator) -> BlotPicture:
    lightest, steepness = min(LADDER_KDA), 8.0
    run = 1 - np.log(MASSES_KDA[target] / lightest) / np.log(steepness)
    blot = Blot(
        lanes=1 + len(LANES), rows=(float(run),), pitch_px=34.0, fill=0.76, sigma_px=2.6,
        peaks=(tuple(map(float, amounts)),), brightest=0.6, tilt_deg=float(rng.uniform(-1.2, 1.2)),
        smile_px=float(rng.uniform(-3, 5)), offset=0.03, gradient=0.01, haze=0.005, speckle=3,
        ladder_kda=LADDER_KDA, steepness=steepness,
    )  # fmt: skip
    return blot_picture(blot, SHAPE, seed=int(rng.integers(2**31)))


def _truth(name: str, target: str, picture: BlotPicture) -> list[tuple[Any, ...]]:
    return [
        (
            name, target, int(picture.lane[band]) + 1, LANES[picture.lane[band] - 1], f"{picture.volume[band]:.0f}",
            f"{picture.mass_kda[band]:.2f}", int(picture.saturated[band]),
        )
        for band in range(len(picture.row)) if picture.row[band] >= 0
    ]  # fmt: skip


def _write_text(path: Path, text: str) -> None:
    path.write_text(text, encoding="utf-8", newline="\n")


def _write_csv(path: Path, header: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(header)
        writer.writerows(rows)


if __name__ == "__main__":
    make_western_blot(HERE / "western_blot")
