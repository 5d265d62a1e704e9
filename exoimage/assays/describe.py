"""Assays in words, for `exoimage assays`."""

from __future__ import annotations

import textwrap

from exoimage.assays.columns import Column
from exoimage.assays.recipe_text import to_toml
from exoimage.assays.registry import ASSAYS, assay, recipe_class


def list_assays() -> str:
    """One line per assay."""
    return "\n".join(f"{name:14s} {recipe_class(name).title}" for name in ASSAYS)


def describe_assay(name: str) -> str:
    """An assay's columns, how each is combined from fields to a sample, its parameters and its references.

    Raises
    ------
    RecipeError
        If there is no assay of that name.
    """
    kind = recipe_class(name)
    parts = [
        f"{name}: {kind.title} (revision {kind.revision})",
        "\nColumns of images.csv (* primary: tested and drawn unless asked otherwise)",
        *(_column_lines(column) for column in kind.columns),
        "\nColumns of objects.csv",
        *(_column_lines(column, aggregated=False) for column in kind.object_columns),
        "\nRecipe, with its defaults\n",
        to_toml(assay(name)),
        "References",
        *(f"  {reference}" for reference in kind.references),
    ]
    return "\n".join(parts)


def _column_lines(column: Column, *, aggregated: bool = True) -> str:
    text = column.definition
    if aggregated:
        text += f" To the sample: {column.aggregation.describe()}."
    mark = "*" if column.primary else " "
    return textwrap.fill(text, 110, initial_indent=f"  {mark} {column.name:24s} ", subsequent_indent=" " * 29)
