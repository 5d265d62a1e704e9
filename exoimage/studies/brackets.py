"""The brackets with stars above a figure's bars: which are drawn, and where, so that none meets another."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

MOST_BRACKETS = 6
"""More brackets above one panel of a column's width are not read; the others stand in the table."""

Row = Mapping[str, Any]


@dataclass(frozen=True)
class Bracket:
    """A pair of groups whose difference is significant.

    Parameters
    ----------
    left, right : int
        Places of the groups on the axis, left below right.
    stars : str
    p : float
    """

    left: int
    right: int
    stars: str
    p: float = math.nan


@dataclass(frozen=True)
class Brackets:
    """What is drawn of the significant pairs.

    Parameters
    ----------
    drawn : tuple of Bracket
    n_significant : int
        Significant pairs in all.
    choice : str
        Why not all of them are drawn, for the caption; empty if all are.
    """

    drawn: tuple[Bracket, ...] = ()
    n_significant: int = 0
    choice: str = ""


def choose_brackets(names: Sequence[str], tests: Sequence[Row], control: str = "") -> Brackets:
    """Choose the pairs that are drawn: the significant ones, as many as can be read.

    Parameters
    ----------
    names : sequence of str
        The groups as the axis shows them.
    tests : sequence of mappings
        Rows of ``tests.csv`` of one measure; those with two groups and stars are looked at.
    control : str, optional
        Where there are too many pairs, those with this group are drawn.

    Examples
    --------
    >>> rows = [{"group_a": "b", "group_b": "a", "p": 0.01, "stars": "*"}, {"group_a": "", "p": 0.01, "stars": "*"}]
    >>> choose_brackets(["a", "b"], rows).drawn
    (Bracket(left=0, right=1, stars='*', p=0.01),)
    """
    found = [_bracket(names, row) for row in tests if _is_significant(names, row)]
    if len(found) <= MOST_BRACKETS:
        return Brackets(tuple(found), len(found))
    choice = f"{len(found)} pairs differ; the {MOST_BRACKETS} with the smallest p are marked"
    place = names.index(control) if control in names else -1
    with_control = [bracket for bracket in found if place in (bracket.left, bracket.right)]
    if with_control:
        found = with_control
        choice = f"of all pairs that differ, those with {control} are marked"
        if len(found) > MOST_BRACKETS:
            choice = f"of all pairs with {control} that differ, the {MOST_BRACKETS} with the smallest p are marked"
    kept = sorted(found, key=lambda bracket: (math.isnan(bracket.p), bracket.p))[:MOST_BRACKETS]
    n_significant = sum(_is_significant(names, row) for row in tests)
    return Brackets(tuple(bracket for bracket in found if bracket in kept), n_significant, choice)


def place_brackets(brackets: Sequence[Bracket], tops: Sequence[float], gap: float, step: float) -> tuple[float, ...]:
    """The height of each bracket, in its order: above the bars and points under it, and clear of all others.

    Parameters
    ----------
    brackets : sequence of Bracket
    tops : sequence of float
        The highest thing drawn of each group.
    gap : float
        Between what is under a bracket and its line.
    step : float
        From a bracket's line to the next one above it: room for the stars.
    """
    free = list(tops)
    heights = [0.0] * len(brackets)
    by_span = sorted(range(len(brackets)), key=lambda i: (brackets[i].right - brackets[i].left, brackets[i].left))
    for index in by_span:
        under = slice(brackets[index].left, brackets[index].right + 1)
        heights[index] = max(free[under]) + gap
        free[under] = [heights[index] + step - gap] * len(free[under])
    return tuple(heights)


def _is_significant(names: Sequence[str], row: Row) -> bool:
    stars = str(row.get("stars") or "").strip()
    return row.get("group_a") in names and row.get("group_b") in names and stars != "" and set(stars) == {"*"}


def _bracket(names: Sequence[str], row: Row) -> Bracket:
    left, right = sorted((names.index(row["group_a"]), names.index(row["group_b"])))
    try:
        p = float(row.get("p") or "nan")
    except ValueError:
        p = math.nan
    return Bracket(left, right, str(row["stars"]).strip(), p)
