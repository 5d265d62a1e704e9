"""Columns: what a number is called, what it means and how fields make a sample of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

Value = float | int | str | bool | None
"""A cell of a table; None prints as an empty cell."""
Row = Mapping[str, Value]


class Aggregation(Protocol):
    """How the fields of one sample make one number; each kind carries its own arithmetic."""

    def of(self, column: str, rows: Sequence[Row]) -> float | None:
        """The sample's value of `column`; None where no field has one."""
        ...

    def describe(self) -> str:
        """The rule in words, for `exoimage assays NAME` and the data dictionary."""
        ...


def _numbers(column: str, rows: Sequence[Row]) -> list[float]:
    values = (row.get(column) for row in rows)
    return [float(value) for value in values if isinstance(value, int | float)]


@dataclass(frozen=True)
class Sum:
    """The fields' values added up; None if any field has none, because a part of a sum is no sum."""

    def of(self, column: str, rows: Sequence[Row]) -> float | None:
        """Add the fields up."""
        numbers = _numbers(column, rows)
        return sum(numbers) if numbers and len(numbers) == len(rows) else None

    def describe(self) -> str:
        """The rule in words."""
        return "sum over the fields"


@dataclass(frozen=True)
class Mean:
    """The mean of the fields that have a value."""

    def of(self, column: str, rows: Sequence[Row]) -> float | None:
        """Average the fields."""
        numbers = _numbers(column, rows)
        return sum(numbers) / len(numbers) if numbers else None

    def describe(self) -> str:
        """The rule in words."""
        return "mean of the fields"


@dataclass(frozen=True)
class AreaWeighted:
    """The mean of the fields, each weighted by another column."""

    weight: str

    def of(self, column: str, rows: Sequence[Row]) -> float | None:
        """Average the fields by weight."""
        usable = [row for row in rows if _numbers(column, [row]) and _numbers(self.weight, [row])]
        weights = _numbers(self.weight, usable)
        if not sum(weights):
            return None
        return sum(v * w for v, w in zip(_numbers(column, usable), weights, strict=True)) / sum(weights)

    def describe(self) -> str:
        """The rule in words."""
        return f"mean of the fields weighted by {self.weight}"


@dataclass(frozen=True)
class Ratio:
    """Pooled: the numerators' sum over the denominators' sum, times a scale.

    Fields without numerator or denominator are left out of both sums.

    Examples
    --------
    >>> fields = [{"n": 1, "of": 10}, {"n": 0, "of": 90}]
    >>> Ratio("n", "of", scale=100).of("n_pct", fields)
    1.0
    """

    numerator: str
    denominator: str
    scale: float = 1.0

    def of(self, column: str, rows: Sequence[Row]) -> float | None:  # noqa: ARG002
        """Pool numerators and denominators."""
        usable = [r for r in rows if _numbers(self.numerator, [r]) and _numbers(self.denominator, [r])]
        total = sum(_numbers(self.denominator, usable))
        return self.scale * sum(_numbers(self.numerator, usable)) / total if total else None

    def describe(self) -> str:
        """The rule in words."""
        factor = "" if self.scale == 1 else f" × {self.scale:g}"
        return f"sum of {self.numerator} / sum of {self.denominator}{factor}, over the fields"


@dataclass(frozen=True)
class NotAggregated:
    """The column says something of a field only."""

    def of(self, column: str, rows: Sequence[Row]) -> float | None:  # noqa: ARG002
        """Nothing to say of a sample."""
        return None

    def describe(self) -> str:
        """The rule in words."""
        return "not aggregated"


@dataclass(frozen=True)
class Column:
    """One column of a table.

    Parameters
    ----------
    name : str
        With its unit: ``stained_area_pct``.
    definition : str
        One sentence a reader of the paper understands.
    aggregation : Aggregation
        How fields make a sample.
    primary : bool
        Tested and drawn unless asked otherwise.
    """

    name: str
    definition: str
    aggregation: Aggregation = NotAggregated()
    primary: bool = False
