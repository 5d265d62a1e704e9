"""Which channel of a fluorescence picture is which: nuclei and marker, by name, by number or by habit."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from exoimage.errors import ImageError
from exoimage.images.image import Image

AUTO = "auto"

NUCLEAR_NAMES = ("dapi", "hoechst", "draq5", "to-pro", "nuclei", "nucleus", "nuclear", "dna", "405", "blue")
"""What channels of nuclear stains are called; those before decide over those behind."""

COLOUR_SHARE = 4.0
"""A colour of a merged picture that spans so many times more than red is the marker, if red is next to nothing."""

NEXT_TO_NOTHING = 0.1
"""Share of full scale below which a colour may be no more than what compression leaks from another."""


@dataclass(frozen=True)
class Roles:
    """The names of the channels that are measured.

    Parameters
    ----------
    nuclei : str
    marker : str
        Empty where the picture has no such channel.
    merged : bool
        Whether they are colours of a merged picture, not channels as a camera took them.
    """

    nuclei: str
    marker: str
    merged: bool = False


def find_roles(image: Image, nuclei: str, marker: str, marker_names: Sequence[str]) -> Roles:
    """Tell which channel shows the nuclei and which the marker.

    Parameters
    ----------
    image : Image
    nuclei, marker : str
        A channel's name, or part of it, in upper or lower case; its number, from 1; or ``"auto"``: by what such
        channels are usually called, else the first is the nuclei's and the other the marker's. Of a merged colour
        picture blue is the nuclei's, and red, or else green, the marker's.
    marker_names : sequence of str
        What the assay's marker is usually called.

    Raises
    ------
    ImageError
        If a channel that is asked for is not there, both are the same, or there are several it could be.

    Examples
    --------
    >>> image = Image(np.zeros((4, 4, 2), np.uint8), ("EdU", "DAPI"), light="emitted")
    >>> find_roles(image, "auto", "auto", ["edu"])
    Roles(nuclei='DAPI', marker='EdU', merged=False)
    """
    names, merged = image.channels, image.light == "absorbed" and image.pixels.shape[2] == 3
    if merged and _is_grey(image.pixels):
        return Roles(names[0], "")
    if merged:
        return _merged_roles(image, nuclei, marker)
    if len(names) == 1:
        return Roles(names[0], "")
    chosen = _channel(image, marker, "marker") if marker != AUTO else ""
    if nuclei != AUTO:
        nuclear = _channel(image, nuclei, "nuclei")
    else:
        others = [name for name in names if name != chosen]
        known_marker = _called(others, marker_names) if not chosen else ""
        nuclear = _called(others, NUCLEAR_NAMES) or _first_of_two(image, [n for n in others if n != known_marker])
    chosen = chosen or _other(image, nuclear, marker_names)
    _refuse_the_same(image, nuclear, chosen)
    return Roles(nuclear, chosen)


def plane(image: Image, name: str) -> npt.NDArray[Any]:
    """A channel as an array of its own, (y, x); of shape (0, 0) where the name is empty."""
    if not name:
        return np.empty((0, 0), dtype=image.pixels.dtype)
    return np.ascontiguousarray(image.channel(name))


def _merged_roles(image: Image, nuclei: str, marker: str) -> Roles:
    nuclear = _channel(image, nuclei, "nuclei") if nuclei != AUTO else "blue"
    chosen = _channel(image, marker, "marker") if marker != AUTO else _marker_colour(image, nuclear)
    _refuse_the_same(image, nuclear, chosen)
    return Roles(nuclear, chosen, merged=True)


def _marker_colour(image: Image, nuclear: str) -> str:
    """Red, or green where red has next to nothing and green much; empty where neither is used."""
    spans = {}
    for name in ("red", "green"):
        if name != nuclear and image.channel(name).any():
            low, high = np.percentile(image.channel(name)[::2, ::2], [50, 99.9])
            spans[name] = float(high - low)
    red, green = spans.get("red", 0.0), spans.get("green", 0.0)
    if "red" not in spans or ("green" in spans and green > COLOUR_SHARE * red and red < _little(image)):
        return "green" if "green" in spans else ""
    return "red"


def _little(image: Image) -> float:
    return NEXT_TO_NOTHING * image.max_value


def _is_grey(pixels: npt.NDArray[Any]) -> bool:
    """Whether red, green and blue are the same: a grey picture, saved in colour."""
    return all(np.array_equal(pixels[:, :, 0], pixels[:, :, number]) for number in (1, 2))


def _channel(image: Image, wanted: str, role: str) -> str:
    """The channel of a name, of a part of a name, or of a number."""
    names = image.channels
    exact = [name for name in names if name.casefold() == wanted.casefold()]
    if exact:
        return exact[0]
    if wanted.isdigit() and 1 <= int(wanted) <= len(names):
        return names[int(wanted) - 1]
    parts = [name for name in names if wanted.casefold() in name.casefold()] if not wanted.isdigit() else []
    if len(parts) == 1:
        return parts[0]
    reason = "fits several" if parts else "is not there"
    raise ImageError(
        f"{image.source}: the channel {role} = {wanted!r} {reason}; it has {_listed(names)}: give a name or a number"
    )


def _called(names: Sequence[str], usual: Sequence[str]) -> str:
    """The channel with one of the usual names; empty where there is none."""
    for word in usual:
        for name in names:
            if _word(word).search(name):
                return name
    return ""


def _word(word: str) -> re.Pattern[str]:
    """A word as file names and microscopes spell it: hyphens and blanks may be left out; digits stand alone."""
    spelt = r"[-_ ]?".join(map(re.escape, re.split(r"[-_ ]", word)))
    return re.compile(rf"(?<!\d){spelt}(?!\d)" if word.isdigit() else spelt, re.IGNORECASE)


def _first_of_two(image: Image, left: Sequence[str]) -> str:
    if len(image.channels) > 2:
        raise ImageError(
            f"{image.source}: which of its channels shows the nuclei? It has {_listed(image.channels)}: say"
            ' nuclei = "…" and marker = "…", by name or number'
        )
    return left[0] if left else image.channels[0]


def _other(image: Image, nuclear: str, marker_names: Sequence[str]) -> str:
    others = [name for name in image.channels if name != nuclear]
    known = _called(others, marker_names)
    if not known and len(others) > 1:
        raise ImageError(
            f"{image.source}: which of its channels is the marker's? Beside {nuclear} it has {_listed(others)}: say"
            ' marker = "…", by name or number'
        )
    return known or others[0]


def _refuse_the_same(image: Image, nuclear: str, marker: str) -> None:
    if nuclear == marker:
        raise ImageError(f"{image.source}: nuclei and marker are one channel, {nuclear}: name two different ones")


def _listed(names: Sequence[str]) -> str:
    return ", ".join(f"{number}: {name}" for number, name in enumerate(names, 1))
