"""What an assay may know of the study it is part of, when numbers of several images make one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from exoimage.assays.columns import Column, Row, Value


@dataclass(frozen=True)
class RatioOf:
    """A ratio of two targets of a blot.

    Parameters
    ----------
    numerator, denominator : str
        Targets, as the membranes name them.

    Examples
    --------
    >>> ratio = RatioOf("p-AKT Thr308", "AKT")
    >>> ratio.text, ratio.slug
    ('p-AKT Thr308 / AKT', 'p-AKT_Thr308_per_AKT')
    """

    numerator: str
    denominator: str

    @property
    def text(self) -> str:
        """As a study and a figure's axis write it."""
        return f"{self.numerator} / {self.denominator}"

    @property
    def slug(self) -> str:
        """As a column's name has it: letters, digits, - and _."""
        return f"{_plain(self.numerator)}_per_{_plain(self.denominator)}"


@dataclass(frozen=True)
class Design:
    """The groups of a study, and what a blot's targets are divided by.

    Parameters
    ----------
    order : tuple of str
        The groups, as figures show them.
    control : str
        The group others are compared with; empty if none.
    ratios : tuple of RatioOf
    use_saturated : bool
        Whether saturated bands take part in ratios.
    """

    order: tuple[str, ...] = ()
    control: str = ""
    ratios: tuple[RatioOf, ...] = ()
    use_saturated: bool = False


def combined(columns: Sequence[Column], rows: Sequence[Row], design: Design) -> list[dict[str, Value]]:
    """The samples of a study's rows, each column aggregated from field to sample as it declares.

    Parameters
    ----------
    columns : sequence of Column
    rows : sequence of rows
        Of images.csv; those that failed or do not count are left out.
    design : Design

    Returns
    -------
    list of dict
        One per group and sample, in the order of the groups: group, sample, batch (all that its fields are of, joined
        by ``+``), n_fields, and the columns.
    """
    units: dict[tuple[str, str], list[Row]] = {}
    for row in rows:
        if row["status"] == "ok" and row["included"]:
            units.setdefault((str(row["group"]), str(row["sample"])), []).append(row)
    place = {group: index for index, group in enumerate(design.order)}
    ordered = sorted(units.items(), key=lambda item: place.get(item[0][0], len(place)))
    return [
        {
            "group": group,
            "sample": sample,
            "batch": "+".join(dict.fromkeys(str(row.get("batch", "")) for row in fields)),
            "n_fields": len({_field_of(row) for row in fields}),
            **{column.name: column.aggregation.of(column.name, fields) for column in columns},
        }
        for (group, sample), fields in ordered
    ]


def _field_of(row: Row) -> tuple[Value, ...]:
    """What tells one field of a sample from another; a lane is one, however many membranes show it."""
    return (row["batch"], row["region"]) if row.get("target") else (row["image"], row["region"])


def _plain(text: str) -> str:
    return "_".join("".join(c if c.isalnum() or c == "-" else " " for c in text).split())
