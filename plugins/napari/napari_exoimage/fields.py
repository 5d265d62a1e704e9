"""A recipe's fields as rows of a form: what kind of entry each is, its bounds and its help."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Literal, get_args, get_origin

from exoimage.assays.lengths import Length
from pydantic import BaseModel
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

Kind = Literal["choice", "option", "flag", "number", "integer", "length", "text", "path", "value"]

GROUPS = ("Where", "What", "Sizes", "Advanced")

WHERE = frozenset({"region", "lanes", "band"})


@dataclass(frozen=True)
class Alternative:
    """One alternative of a tagged choice, with the rows of its parameters."""

    method: str
    help: str
    rows: tuple[Row, ...]


@dataclass(frozen=True)
class Row:
    """One field as a row of a form.

    Parameters
    ----------
    key : str
    kind : str
        choice: a tagged union; option: one of some texts; flag; number; integer; length; text; path; value: anything
        else, written as TOML.
    help : str
    options : tuple of str
        Of an option.
    low, high : float
        Bounds of a number.
    default : object
        Plain; None where it has to be given.
    alternatives : tuple of Alternative
        Of a choice.
    """

    key: str
    kind: Kind
    help: str = ""
    options: tuple[str, ...] = ()
    low: float = -math.inf
    high: float = math.inf
    default: Any = None
    alternatives: tuple[Alternative, ...] = ()

    @property
    def group(self) -> str:
        """Where in the form it belongs: by what it is, so that a new assay's fields find their place."""
        if self.key in WHERE:
            return "Where"
        if self.kind == "choice" or self.key in ("nuclei", "marker", "target", "variant"):
            return "What"
        return "Sizes" if self.kind == "length" else "Advanced"

    def alternative(self, method: str) -> Alternative:
        """The alternative of a method's name."""
        return next(one for one in self.alternatives if one.method == method)


def rows_of(model: type[BaseModel]) -> tuple[Row, ...]:
    """The fields of a model as rows, a tag left out.

    Examples
    --------
    >>> from exoimage.assays.registry import recipe_class
    >>> {row.key: row.kind for row in rows_of(recipe_class("alp"))}["smallest_nodule"]
    'length'
    """
    is_tagged = "method" in model.model_fields
    return tuple(_row(key, info) for key, info in model.model_fields.items() if not (is_tagged and key == "method"))


def _row(key: str, info: FieldInfo) -> Row:
    default = None if info.default is PydanticUndefined else _plain(info.default)
    about: dict[str, Any] = {"help": info.description or "", "default": default}
    if info.discriminator:
        return Row(key, "choice", alternatives=_alternatives(info.annotation), **about)
    annotation = _bare(info.annotation)
    if get_origin(annotation) is Literal:
        return Row(key, "option", options=tuple(map(str, get_args(annotation))), **about)
    if annotation is bool:
        return Row(key, "flag", **about)
    low, high = _bounds(info)
    if annotation is int:
        return Row(key, "integer", low=low, high=high, **about)
    if annotation is float:
        return Row(key, "number", low=low, high=high, **about)
    if annotation is Length or Length in get_args(annotation):
        return Row(key, "length", **about)
    if annotation is str:
        is_path = any("_from_the_recipes_folder" in repr(item) for item in info.metadata)
        return Row(key, "path" if is_path else "text", **about)
    return Row(key, "value", **about)


def _alternatives(annotation: Any) -> tuple[Alternative, ...]:
    found = []
    for member in get_args(annotation):
        for method in get_args(member.model_fields["method"].annotation):
            found.append(Alternative(str(method), (member.__doc__ or "").split("\n")[0], rows_of(member)))
    return tuple(found)


def _bare(annotation: Any) -> Any:
    """The type itself, without what pydantic attaches to it."""
    if get_origin(annotation) is Annotated:
        return _bare(get_args(annotation)[0])
    return annotation


def _bounds(info: FieldInfo) -> tuple[float, float]:
    low, high = -math.inf, math.inf
    for item in info.metadata:
        lows = [getattr(item, name, None) for name in ("ge", "gt")]
        highs = [getattr(item, name, None) for name in ("le", "lt")]
        low = max([low, *(float(bound) for bound in lows if bound is not None)])
        high = min([high, *(float(bound) for bound in highs if bound is not None)])
    return low, high


def _plain(value: Any) -> Any:
    if isinstance(value, BaseModel):
        return value.model_dump(mode="json")
    return str(value) if isinstance(value, Length) else value


def plain_values(model: BaseModel) -> Mapping[str, Any]:
    """A model's values, plain: what a form shows."""
    return model.model_dump(mode="json")
