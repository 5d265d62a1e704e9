"""The assays by name: one line each, and nowhere else."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from types import MappingProxyType
from typing import Any

from exoimage.assays.recipe import Recipe
from exoimage.errors import RecipeError

ASSAYS: Mapping[str, str] = MappingProxyType(
    {
        "alizarin-red": "exoimage.assays.alizarin_red:AlizarinRed",
        "alp": "exoimage.assays.alp:Alp",
        "he-bone": "exoimage.assays.he_bone:HeBone",
        "von-kossa": "exoimage.assays.von_kossa:VonKossa",
        "masson": "exoimage.assays.masson:Masson",
        "ihc-dab": "exoimage.assays.ihc_dab:IhcDab",
        "edu": "exoimage.assays.edu:Edu",
        "pkh26": "exoimage.assays.pkh26:Pkh26",
        "western-blot": "exoimage.assays.western_blot:WesternBlot",
        "stain-area": "exoimage.assays.stain_area:StainArea",
    }
)


def recipe_class(name: str) -> type[Recipe[Any]]:
    """The recipe class of an assay.

    Raises
    ------
    RecipeError
        If there is no assay of that name; the message lists them.
    """
    if name not in ASSAYS:
        raise RecipeError(f"no assay is called {name!r}; there are {', '.join(ASSAYS)}")
    module, _, attribute = ASSAYS[name].partition(":")
    found: type[Recipe[Any]] = getattr(import_module(module), attribute)
    return found


def assay(name: str, **parameters: Any) -> Recipe[Any]:
    """A recipe of an assay, with parameters that differ from its defaults.

    Parameters
    ----------
    name : str
        As in `exoimage assays`: ``"alizarin-red"``.
    **parameters
        Keys of the recipe; a choice is a dict: ``threshold={"method": "fixed", "od": 0.2}``.

    Raises
    ------
    RecipeError
        If the assay or a key is unknown, or a value is out of its bounds.

    Examples
    --------
    >>> recipe = assay("alizarin-red", threshold={"method": "fixed", "od": 0.2})
    >>> recipe.threshold.od
    0.2
    """
    from exoimage.assays.recipe_text import validated

    return validated(recipe_class(name), parameters)
