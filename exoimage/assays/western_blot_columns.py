"""Columns of the western blot's tables."""

from __future__ import annotations

from collections.abc import Mapping

from exoimage.assays.columns import Column, Mean
from exoimage.methods.blot_backgrounds import BACKGROUNDS, Background

SATURATED_PCT = 0.1
"""Share of a band's pixels at the limit, in percent, from which its volume is not quantitative."""

VOLUMES: Mapping[str, Background] = {f"volume_{name.replace('-', '_')}": name for name in BACKGROUNDS}
"""Columns of the volume by every background."""

_VOLUME_COLUMNS = tuple(
    Column(name, f"Signal in the band's rectangle less its background ({method}), in summed grey values.", Mean())
    for name, method in VOLUMES.items()
)

COLUMNS = (
    Column("target", "The protein, as the recipe or study names it."),
    Column("lane", "Number of the lane from the left, from 1, empty lanes and the ladder's included."),
    Column(
        "volume",
        "Signal in the rectangle of the target's band less the background, in summed grey values; with ImageJ's"
        " profile, its peak's area.",
        Mean(),
        primary=True,
    ),
    Column("background", "What was taken off, in the units of the volume.", Mean()),
    Column("saturated_pct", "Share of the band's pixels at the limit of the file or of the camera."),
    Column("snr", "Volume above that of empty places of the lane, in their standard deviations."),
    Column("noise", "Standard deviation of the volume of empty places of the lane."),
    Column("detection_limit", "Volume of empty places plus three standard deviations."),
    Column("band_found", "1 where a band stands out at the target's place, 0 where none does."),
    Column("band_y_px", "Middle of the band, from the upper edge; the centre of the first pixel is 0.5."),
    Column("band_height_px", "Height of the band's rectangle."),
    Column("mw_kda", "Molecular weight by the ladder."),
    Column("mw_error_pct", "Error of the ladder's own bands, each left out of the fit in turn."),
    *_VOLUME_COLUMNS,
    Column("ball_radius_px", "Radius of the rolling ball."),
)

OBJECT_COLUMNS = (
    Column("band", "Number of the row of bands from the top, from 1; 0 for the bands of the ladder."),
    Column("mw_kda", "Molecular weight by the ladder."),
    *_VOLUME_COLUMNS,
    Column("saturated", "1 where part of the band is at the limit, else 0."),
    Column("y_px", "Middle of the band, from the upper edge; the centre of the first pixel is 0.5."),
    Column("x_px", "Middle of the lane there, from the left edge."),
    Column("height_px", "Height of the band's rectangle."),
    Column("width_px", "Width of the band's rectangle."),
)
