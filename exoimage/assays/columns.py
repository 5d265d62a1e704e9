"""Columns: what a number is called, what it means and how fields make a sample of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

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
class WilsonBound:
    """An end of Wilson's 95 % interval of a share, in percent, of the fields' pooled counts.

    The interval is of the counted cells only: cells of one well are no independent samples of a treatment.

    References
    ----------
    Wilson EB. Probable inference, the law of succession, and statistical inference. J Am Stat Assoc 1927;22:209-212.
    doi:10.1080/01621459.1927.10502953

    Examples
    --------
    >>> round(WilsonBound("n", "of", upper=True).of("high", [{"n": 0, "of": 10}]), 2)
    27.75
    """

    successes: str
    trials: str
    upper: bool

    def of(self, column: str, rows: Sequence[Row]) -> float | None:  # noqa: ARG002
        """Pool the counts, then take the interval."""
        usable = [r for r in rows if _numbers(self.successes, [r]) and _numbers(self.trials, [r])]
        ends = wilson_pct(sum(_numbers(self.successes, usable)), sum(_numbers(self.trials, usable)))
        return ends[self.upper] if ends else None

    def describe(self) -> str:
        """The rule in words."""
        return f"Wilson's 95 % interval of the sum of {self.successes} / sum of {self.trials}, over the fields"


def wilson_pct(successes: float, trials: float) -> tuple[float, float] | tuple[()]:
    """Wilson's 95 % interval of a share in percent; empty where nothing was tried.

    Examples
    --------
    >>> [round(end, 1) for end in wilson_pct(50, 100)], wilson_pct(0, 0)
    ([40.4, 59.6], ())
    """
    if trials == 0:
        return ()
    share, z = successes / trials, 1.959963984540054
    middle = (share + z * z / (2 * trials)) / (1 + z * z / trials)
    reach = z / (1 + z * z / trials) * (share * (1 - share) / trials + z * z / (4 * trials * trials)) ** 0.5
    low = 0.0 if successes == 0 else 100.0 * (middle - reach)
    high = 100.0 if successes == trials else 100.0 * (middle + reach)
    return low, high


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
    scale : {"linear", "log2"}
        Of what values groups are compared: their own, or their logarithms (ratios).
    drawn_as : str
        The column that figures show in its place; empty for itself.
    label : str
        What an axis says of it; empty: made of the name.
    """

    name: str
    definition: str
    aggregation: Aggregation = NotAggregated()
    primary: bool = False
    scale: Literal["linear", "log2"] = "linear"
    drawn_as: str = ""
    label: str = ""
