"""What an axis says of a column: the field's own spelling and the unit that the column's name ends in."""

from __future__ import annotations

import re

TERMS = (
    ("edu positive", "EdU-positive nuclei"), ("tb th direct", "Direct Tb.Th"), ("tb sp direct", "Direct Tb.Sp"),
    ("bv tv", "BV/TV"), ("tb th", "Tb.Th"), ("tb sp", "Tb.Sp"), ("tb n", "Tb.N"), ("b ar", "B.Ar"), ("t ar", "T.Ar"),
    ("ma ar", "Ma.Ar"), ("b pm", "B.Pm"), ("h score", "H-score"), ("ihc profiler", "IHC Profiler"), ("edu", "EdU"),
    ("dab", "DAB"), ("dapi", "DAPI"), ("ctcf", "CTCF"), ("od", "OD"), ("ci", "CI"), ("allred", "Allred"),
)  # fmt: skip
"""Words of column names that are not simply written in lower case, longest first. Bone: Dempster et al. 2013,
doi:10.1002/jbmr.1805."""

UNITS = (
    ("_per_mm2", "per mm²"), ("_per_mm", "per mm"), ("_um2", "µm²"), ("_um", "µm"), ("_pct", "%"), ("_px", "px"),
    ("_deg", "°"), ("_kda", "kDa"),
)  # fmt: skip
"""Endings of column names."""


def axis_label(column: str) -> str:
    """A column's name as an axis says it; names that are no such words stay as they are.

    Examples
    --------
    >>> [axis_label(name) for name in ("stained_area_pct", "nodules_per_mm2", "bv_tv_pct", "tb_th_um", "h_score")]
    ['Stained area (%)', 'Nodules per mm²', 'BV/TV (%)', 'Tb.Th (µm)', 'H-score']
    >>> axis_label("OD 450 nm")
    'OD 450 nm'
    """
    if not re.fullmatch(r"[a-z][a-z0-9]*(_[a-z0-9]+)*", column):
        return column
    stem, unit = next(
        ((column.removesuffix(ending), sign) for ending, sign in UNITS if column.endswith(ending)), (column, "")
    )
    words = _spelled(stem)
    if not unit:
        return words
    return f"{words} {unit}" if unit.startswith("per ") else f"{words} ({unit})"


def _spelled(stem: str) -> str:
    words = stem.replace("_", " ")
    for plain, term in TERMS:
        words = re.sub(rf"(?<![\w-]){plain}(?![\w-])", term, words)
    return words[:1].upper() + words[1:]
