"""How well lanes and bands of random synthetic blots are found and measured, and how fast.

    python benchmarks/western_blot.py [NUMBER [FIRST_SEED]]

Of every background: the error of volume ratios within a row, of bands that are not saturated, not cut by the picture's
edge, and whose peak is ten times a background pixel's noise or more. A blot counts as found if all its lanes and bands
are; bands that are not there are counted, too.
"""

from __future__ import annotations

import sys
import time
from dataclasses import dataclass, field

import numpy as np
import pandas as pd
from timing import median_seconds

import exoimage as xi
from exoimage.assays.western_blot_columns import VOLUMES
from exoimage.images.image import Image
from exoimage.methods import synth

LEAST_SNR = 10.0


@dataclass
class Score:
    """Of all blots so far."""

    blots: int = 0
    found: int = 0
    extra: int = 0
    saturated: list[bool] = field(default_factory=list)
    unsaturated: list[bool] = field(default_factory=list)
    errors: dict[str, list[float]] = field(default_factory=lambda: {name: [] for name in VOLUMES})

    def add(self, truth: synth.BlotPicture) -> str:
        """Measure one; what was wrong with it, in words."""
        result = xi.assay("western-blot").measure(as_image(truth))
        table = matched(truth, result.objects)
        self.blots += 1
        lanes = np.ptp(truth.lane) + 1
        missed = int((table["object"] < 0).sum())
        self.extra += len(result.objects) - int((table["object"] >= 0).sum())
        ok = missed == 0 and len(result.rows) == lanes
        self.found += ok
        self._add_flags(table[table["object"] >= 0])
        cut = {row["region"] for row in result.rows if "cut_lane" in str(row["flags"])}
        self._add_errors(table[(table["object"] >= 0) & ~table["region"].isin(cut)])
        return "" if ok else f"{len(result.rows)} lanes of {lanes}, {missed} bands missed"

    def _add_flags(self, table: pd.DataFrame) -> None:
        flagged = table["flagged"].astype(bool)
        self.saturated += flagged[table["saturated"]].tolist()
        self.unsaturated += flagged[~table["saturated"]].tolist()

    def _add_errors(self, table: pd.DataFrame) -> None:
        good = table[~table["saturated"] & (table["snr"] >= LEAST_SNR)]
        for _, row in good.groupby("row"):
            strongest = row["volume"].idxmax()
            for name in VOLUMES:
                ratio = (row[name] / row.loc[strongest, name]) / (row["volume"] / row.loc[strongest, "volume"])
                self.errors[name] += (ratio - 1).abs().drop(strongest).tolist()


def as_image(truth: synth.BlotPicture) -> Image:
    return Image(truth.pixels, light="emitted", max_value=truth.max_value)


def matched(truth: synth.BlotPicture, objects: pd.DataFrame) -> pd.DataFrame:
    """The true bands, each with the measured band of its place; `object` is -1 where there is none."""
    first = int(truth.lane.min())
    lane = objects["region"].astype(int).to_numpy() - 1 + first
    y = objects["y_px"].to_numpy()
    rows = []
    for band in range(len(truth.lane)):
        away = np.where(lane == truth.lane[band], np.abs(y - truth.y_px[band]), np.inf)
        nearest = int(np.argmin(away)) if len(away) else -1
        there = nearest >= 0 and away[nearest] <= 1.5 * truth.sigma_px
        measured = {name: objects[name].iloc[nearest] if there else np.nan for name in VOLUMES}
        rows.append(
            {
                "row": truth.row[band], "lane": truth.lane[band], "region": str(truth.lane[band] + 1 - first),
                "volume": truth.volume[band], "saturated": bool(truth.saturated[band]),
                "snr": truth.peak[band] / truth.noise, "object": nearest if there else -1,
                "flagged": bool(objects["saturated"].iloc[nearest]) if there else False, **measured,
            }
        )  # fmt: skip
    return pd.DataFrame(rows)


def main() -> None:
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 200
    first = int(sys.argv[2]) if len(sys.argv) > 2 else 9000
    score, began = Score(), time.perf_counter()
    for seed in range(first, first + count):
        if wrong := score.add(synth.random_blot(seed)):
            print(f"blot {seed}: {wrong}")
    print(f"{score.found} of {score.blots} blots with all lanes and bands, {score.extra} bands that are none,"
          f" {time.perf_counter() - began:.0f} s")  # fmt: skip
    print(f"saturated flagged {np.mean(score.saturated):.4f} of {len(score.saturated)},"
          f" others {np.mean(score.unsaturated):.4f} of {len(score.unsaturated)}")  # fmt: skip
    for name, errors in score.errors.items():
        middle, most = np.percentile(errors, [50, 95])
        print(f"{name:22s} ratio error {100 * middle:5.1f} % median, {100 * most:5.1f} % at the 95th percentile")
    large = as_image(synth.blot_picture(synth.Blot(lanes=15, pitch_px=60.0, sigma_px=8.0), (1648, 1200), seed=1))
    print(f"1648 × 1200 px: {1e3 * median_seconds(lambda: xi.assay('western-blot').measure(large), 5):.0f} ms")


if __name__ == "__main__":
    main()
