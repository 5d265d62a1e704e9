"""How the names of files say group, sample, field and batch."""

from __future__ import annotations

import difflib
import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass

from exoimage.errors import StudyError

_SUFFIX = re.compile(r"(?<=.)(\.ome)?\.[A-Za-z][A-Za-z0-9]{0,4}$")
"""Of a file; an image of several files has none, and the number in PMO_1.5 is none."""

_SCENE_NUMBER = re.compile(r"(?<=[A-Za-z0-9])#\d+$")

PLACES = ("group", "sample", "field", "batch")
SCENE = "#"
"""Begins a pattern of scenes' names, and the number of a scene behind a key."""


@dataclass(frozen=True)
class Placement:
    """Where an image, or one region of it, belongs in the design of the study."""

    group: str = ""
    sample: str = ""
    field: str = ""
    batch: str = ""


@dataclass(frozen=True)
class NamePattern:
    """A pattern of names: ``{group}_{sample}_{field}``.

    Only the groups in `order` may contain what parts the places; a name that could be split in two ways fits none.
    A pattern that begins with ``#`` is of the names that a microscope's file gives its scenes: ``#{group}_{sample}``.

    Examples
    --------
    >>> pattern = NamePattern.parse("{group}_{sample}_{field}", ("PMO", "PMO_Exos"))
    >>> pattern.read("images/PMO_Exos_2_1.tif")
    Placement(group='PMO_Exos', sample='2', field='1', batch='')
    """

    text: str
    order: tuple[str, ...]
    expression: re.Pattern[str]
    depth: int

    @classmethod
    def parse(cls, text: str, order: Sequence[str] = ()) -> NamePattern:
        """Compile a pattern; the names in `order` are matched first, longest first.

        Raises
        ------
        StudyError
            If it names a place that does not exist, one twice, no group, or two places with nothing between them.
        """
        parts = re.split(r"\{(\w+)\}", composed(text))
        places, literals = parts[1::2], parts[0::2]
        unknown = [place for place in places if place not in PLACES]
        if unknown or len(set(places)) != len(places) or "group" not in places:
            raise StudyError(
                f'the pattern "{text}" names {{group}} and may name {{sample}}, {{field}} and {{batch}}, each once'
            )
        if not all(literals[1:-1]):
            raise StudyError(f'the pattern "{text}" needs something between its places, like {{group}}_{{sample}}')
        order = tuple(composed(name) for name in order)
        known = "|".join(re.escape(name) for name in sorted(order, key=len, reverse=True))
        parting = "".join({c for literal in literals for c in literal if not c.isalnum()} | {"/"})
        anything = f"[^{re.escape(parting)}]+"
        expression = re.escape(literals[0])
        for place, literal in zip(places, literals[1:], strict=True):
            inner = known if place == "group" and known else anything
            expression += f"(?P<{place}>{inner}){re.escape(literal)}"
        return cls(text, order, re.compile(expression), text.count("/") + 1)

    def read(self, key: str, scene: str = "") -> Placement:
        """The placement that a path says, or the name of the scene in its file.

        Raises
        ------
        StudyError
            If the path does not fit the pattern, or its group is none of the order.
        """
        by_scene = self.text.startswith(SCENE)
        tail = SCENE + composed(scene) if by_scene else "/".join(stem_of(composed(key)).split("/")[-self.depth :])
        match = self.expression.fullmatch(tail)
        if match is None:
            raise StudyError(self._why_not(tail))
        return Placement(**match.groupdict())

    def _why_not(self, tail: str) -> str:
        if not self.order:
            return f'the name "{tail}" does not fit the pattern "{self.text}"'
        anyone = NamePattern.parse(self.text).expression.fullmatch(tail)
        given = anyone["group"] if anyone else tail
        by_folded = {name.casefold(): name for name in self.order}
        near = difflib.get_close_matches(given.casefold(), by_folded, n=1)
        hint = f'; did you mean "{by_folded[near[0]]}"?' if near else ""
        groups = ", ".join(self.order)
        if anyone:
            return f'the group "{given}" is none of {groups}{hint}'
        return f'the name "{tail}" does not fit the pattern "{self.text}" with one of the groups {groups}'


def composed(text: str) -> str:
    """Text with each accented letter as one character: macOS names files with two."""
    return unicodedata.normalize("NFC", text)


def quoted(text: str) -> str:
    r"""Text as TOML writes it.

    Examples
    --------
    >>> print(quoted('the "first"'))
    "the \"first\""
    """
    import tomlkit

    as_toml: str = tomlkit.item(text).as_string()
    return as_toml


def stem_of(key: str) -> str:
    """A key without the number of its scene and the suffix of its file, ``.ome.tif`` included.

    Examples
    --------
    >>> stem_of("a.b/PMO_1.5_2.ome.tif"), stem_of("a.b/PMO_1.5_2"), stem_of("PMO_1.lif#3")
    ('a.b/PMO_1.5_2', 'a.b/PMO_1.5_2', 'PMO_1')
    """
    folder, slash, name = key.rpartition("/")
    file = _SCENE_NUMBER.sub("", name)
    stem = _SUFFIX.sub("", file)
    return folder + slash + (stem if stem != file else name if file == name else file)


def guess_pattern(keys: Sequence[str]) -> tuple[str, tuple[str, ...]]:
    """The first pattern that all names fit, with at least two groups, one of them of several images; and its groups.

    The places behind the group are taken from the right, so that a group may contain what parts them.
    """
    from exoimage.images.discovery import natural_key

    candidates = (
        "{group}_{sample}_{field}", "{group}-{sample}-{field}", "{group}/{sample}_{field}", "{group}/{sample}-{field}",
        "{group}/{sample}/{field}", "{group}_{sample}", "{group}-{sample}", "{group}/{sample}", "{group} {sample}",
    )  # fmt: skip
    for text in candidates:
        expression = re.escape(text).replace(r"\{group\}", "(?P<group>[^/]+)")
        expression = re.sub(r"\\\{(sample|field)\\\}", r"(?P<\1>\\w*\\d+)", expression)
        depth = text.count("/") + 1
        tails = ["/".join(stem_of(composed(key)).split("/")[-depth:]) for key in keys]
        matches = [re.fullmatch(expression.replace(r"\w*\d+", r"[^_\W]*\d+"), tail) for tail in tails]
        groups = tuple(sorted({match["group"] for match in matches if match}, key=natural_key))
        if all(matches) and 2 <= len(groups) < len(keys) and _reads_all(text, groups, keys):
            return text, groups
    return "", ()


def _reads_all(text: str, groups: tuple[str, ...], keys: Sequence[str]) -> bool:
    pattern = NamePattern.parse(text, groups)
    try:
        return all(pattern.read(key) for key in keys)
    except StudyError:
        return False
