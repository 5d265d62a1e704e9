"""A recipe as text: commented TOML out, checked TOML in."""

from __future__ import annotations

import difflib
import textwrap
import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar, get_args

from pydantic import BaseModel, ValidationError

from exoimage.assays.recipe import Recipe, Resolved
from exoimage.errors import RecipeError
from exoimage.flags import flag

R = TypeVar("R", bound=BaseModel)


def validated(model: type[R], values: Mapping[str, Any], *, where: str = "", folder: Path | None = None) -> R:
    """A recipe from plain values.

    Parameters
    ----------
    model : recipe class
    values : mapping
        Keys of the recipe.
    where : str
        The file the values come from, for messages.
    folder : Path, optional
        Where the recipe's relative paths start.

    Raises
    ------
    RecipeError
        With one line that names the key, what was given and what is expected.
    """
    try:
        return model.model_validate(dict(values), context={"folder": folder})
    except ValidationError as error:
        raise RecipeError(_one_line(error, model, where)) from None


def load_recipe(path: str | Path) -> Recipe[Any]:
    """A recipe from a TOML file with an ``assay`` key.

    Raises
    ------
    RecipeError
        If the file cannot be read, is no TOML, or does not fit the assay.
    """
    values = read_toml(path)
    name = values.pop("assay", None)
    if not isinstance(name, str):
        raise RecipeError(f'{path}: a recipe names its assay, like assay = "alizarin-red"')
    return recipe_from(name, values, where=str(path), folder=Path(path).parent.absolute())


def recipe_from(name: str, values: Mapping[str, Any], *, where: str = "", folder: Path | None = None) -> Recipe[Any]:
    """A recipe of the named assay from plain values; see `validated`."""
    from exoimage.assays.registry import recipe_class

    return validated(recipe_class(name), values, where=where, folder=folder)


def with_settings(recipe: Recipe[Any], settings: Sequence[str]) -> Recipe[Any]:
    """The recipe with ``key=value`` settings applied; keys may be dotted.

    Setting a choice's `method` to another one drops the parameters of the old.

    Raises
    ------
    RecipeError
        If a setting is no ``key=value``, or its key or value does not fit.

    Examples
    --------
    >>> from exoimage.assays.registry import assay
    >>> with_settings(assay("alizarin-red"), ["threshold.floor_od=0.2"]).threshold.floor_od
    0.2
    """
    changed: dict[str, Any] = {}
    for setting in settings:
        key, equals, text = setting.partition("=")
        if not equals or not key.strip():
            raise RecipeError(f'a setting is written key=value, like threshold.floor_od=0.2, not "{setting}"')
        _place(changed, key.strip().split("."), _toml_value(text.strip()))
    return with_values(recipe, changed, where="--set", folder=Path.cwd())


def with_values(
    recipe: Recipe[Any], changed: Mapping[str, Any], *, where: str = "", folder: Path | None = None
) -> Recipe[Any]:
    """The recipe with some keys changed; a choice keeps its parameters while it stays the same kind.

    Raises
    ------
    RecipeError
        If a key or value does not fit.
    """
    kind = type(recipe)
    if "imagej" in changed:  # it moves the defaults of the keys that are left open
        chosen = {**recipe.model_dump(mode="json", exclude_unset=True), "imagej": changed["imagej"]}
        recipe = validated(kind, chosen, where=where, folder=folder)
    return validated(kind, _merged(kind, recipe.model_dump(mode="json"), changed), where=where, folder=folder)


def read_toml(path: str | Path) -> dict[str, Any]:
    """The content of a TOML file.

    Raises
    ------
    RecipeError
        If it cannot be read or is no TOML.
    """
    try:
        content = Path(path).read_bytes()
        # PowerShell's ">" writes UTF-16.
        encoding = "utf-16" if content.startswith((b"\xff\xfe", b"\xfe\xff")) else "utf-8-sig"
        return tomllib.loads(content.decode(encoding))
    except OSError as error:
        raise RecipeError(f"{path}: cannot be read: {error.strerror or error}") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise RecipeError(f"{path}: this is no TOML text: {error}") from None


def to_toml(recipe: Recipe[Any]) -> str:
    """The recipe as commented TOML, which `load_recipe` reads back to an equal recipe.

    Examples
    --------
    >>> from exoimage.assays.registry import assay
    >>> print(to_toml(assay("alizarin-red")).splitlines()[1])
    assay = "alizarin-red"
    """
    lines = [f"# {recipe.title}", f'assay = "{recipe.assay}"', ""]
    values = recipe.model_dump(mode="json")
    for name, field in type(recipe).model_fields.items():
        lines += textwrap.wrap(field.description or "", 110, initial_indent="# ", subsequent_indent="# ")
        chosen = getattr(recipe, name)
        if isinstance(chosen, BaseModel):
            lines += _parameter_comments(type(chosen))
        lines += [f"{name} = {toml_text(values[name])}", ""]
    return "\n".join(lines)


def resolved_to_toml(resolved: Mapping[str, Resolved]) -> str:
    """What a study decided, per batch, as TOML that `load_resolved` reads back.

    Parameters
    ----------
    resolved : mapping of batch name to Resolved
        The only key is ``""`` where a study has no batches.
    """
    blocks = ["# What was decided for all images: measure others the same way with --resolved FILE", ""]
    for batch, one in resolved.items():
        values = {"assay": one.recipe.assay, **one.recipe.model_dump(mode="json")}
        blocks += [
            "[[resolved]]",
            f"batch = {toml_text(batch)}",
            f'digest = "{one.digest}"',
            f"n_images = {one.n_images}",
            f"flags = {toml_text([str(remark) for remark in one.flags])}",
            "[resolved.recipe]",
            *(f"{key} = {toml_text(value)}" for key, value in values.items()),
            "",
        ]
    return "\n".join(blocks)


def load_resolved(path: str | Path) -> dict[str, Resolved]:
    """What a study decided, from a run's ``resolved.toml``.

    Raises
    ------
    RecipeError
        If the file cannot be read or holds something else.
    """
    entries = read_toml(path).get("resolved")
    if not isinstance(entries, list) or not entries:
        raise RecipeError(f"{path}: expected a resolved.toml, as a run leaves it beside its tables")
    found = {}
    for entry in entries:
        values = dict(entry.get("recipe", {}))
        recipe = recipe_from(str(values.pop("assay", "")), values, where=str(path))
        try:
            flags = tuple(flag(name) for name in entry.get("flags", ()))
        except ValueError as error:
            raise RecipeError(f"{path}: {error}") from None
        found[str(entry.get("batch", ""))] = Resolved(recipe, flags, int(entry.get("n_images", 0)))
    return found


def _place(values: dict[str, Any], keys: list[str], value: Any) -> None:
    for key in keys[:-1]:
        inner = values.setdefault(key, {})
        if not isinstance(inner, dict):
            raise RecipeError(f"--set: {'.'.join(keys)}: {key} is set to a value already")
        values = inner
    values[keys[-1]] = value


def _merged(kind: type[BaseModel], old: Mapping[str, Any], new: Mapping[str, Any]) -> dict[str, Any]:
    """The old values with the new ones in their places; a choice keeps its parameters while it stays the same kind."""
    result = dict(old)
    for key, value in new.items():
        before = old.get(key)
        if not (isinstance(value, Mapping) and isinstance(before, Mapping)):
            result[key] = value
            continue
        same_kind = "method" not in value or (
            _keys_of_alternative(kind, key, str(value["method"])) == _keys_of_alternative(kind, key, before["method"])
        )
        # The target belongs to the set of stains: another set brings its own.
        renamed = {"name", "like", "names"} & set(value) and "target" not in value
        kept = {k: v for k, v in before.items() if not (renamed and k == "target")} if same_kind else {}
        result[key] = {**kept, **value}
    return result


def _toml_value(text: str) -> Any:
    try:
        return tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        return text


def toml_text(value: Any) -> str:
    """A value as TOML on one line.

    Examples
    --------
    >>> toml_text({"method": "fixed", "od": 0.2})
    '{ method = "fixed", od = 0.2 }'
    """
    import tomlkit

    if isinstance(value, dict):
        inner = ", ".join(f"{key} = {toml_text(item)}" for key, item in value.items())
        return f"{{ {inner} }}" if inner else "{}"
    if isinstance(value, list | tuple):
        return f"[{', '.join(toml_text(item) for item in value)}]"
    text: str = tomlkit.item(value).as_string()
    return text


def _parameter_comments(choice: type[BaseModel]) -> list[str]:
    lines = []
    for name, field in choice.model_fields.items():
        if field.description:
            lines += textwrap.wrap(
                f"{name}: {field.description}", 106, initial_indent="#   ", subsequent_indent="#     "
            )
    return lines


def _one_line(error: ValidationError, model: type[BaseModel], where: str) -> str:
    first = error.errors(include_url=False)[0]
    path = [str(part) for part in first["loc"]]
    known = list(_model_at(model, path[:-1]).model_fields)
    if len(path) > 1 and path[0] in model.model_fields and model.model_fields[path[0]].discriminator:
        # pydantic names the alternative it tried; the user wrote no such key.
        known = _keys_of_alternative(model, path[0], path.pop(1))
    message = first["msg"].removeprefix("Value error, ")
    if first["type"] == "extra_forbidden":
        near = difflib.get_close_matches(path[-1], known, n=1)
        message = "there is no such key; " + (f'did you mean "{near[0]}"?' if near else f"known are {', '.join(known)}")
    elif first["type"] == "union_tag_invalid":
        path.append("method")
        message = f'"{first["ctx"]["tag"]}" is none of {first["ctx"]["expected_tags"]}'.replace("'", "")
    elif first["type"] == "union_tag_not_found":
        message = 'say which method, like { method = "..." }'
    elif first["type"] in ("model_attributes_type", "model_type", "dict_type"):
        message = f'this is a table of keys, like {{ method = "..." }} (got {first["input"]!r})'
    elif first["type"] not in ("missing", "value_error"):
        message = f"{message} (got {first['input']!r})"
    prefix = f"{where}: " if where else ""
    return f"{prefix}{'.'.join(path)}: {message}" if path else f"{prefix}{message}"


def _model_at(model: type[BaseModel], path: Sequence[str]) -> type[BaseModel]:
    """The model that plain nested keys lead to."""
    for key in path:
        inner = model.model_fields[key].annotation if key in model.model_fields else None
        if not (isinstance(inner, type) and issubclass(inner, BaseModel)):
            break
        model = inner
    return model


def _keys_of_alternative(model: type[BaseModel], field: str, tag: str) -> list[str]:
    for alternative in get_args(model.model_fields[field].annotation):
        if tag in get_args(alternative.model_fields["method"].annotation):
            return list(alternative.model_fields)
    return []
