"""Files that are one channel each, put together to images by their names; nowhere else is that done."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any

import numpy as np
import numpy.typing as npt

from exoimage.errors import ImageError, StudyError
from exoimage.flags import merged
from exoimage.images.discovery import natural_key
from exoimage.images.image import Image, ImageRef

_STAINS = (
    r"dapi|hoechst\d*|draq5|edu|brdu|ki-?67|ph3|pkh26|pkh67|apollo\d*|cy[357]|fitc|tritc|gfp|rfp|yfp|mcherry|"
    r"texas ?red|alexa ?\d{3}|af\d{3}|phalloidin|actin|405|488|546|555|561|568|594|633|640|647"
)
_ALONE = r"(?<![A-Za-z0-9]){}(?![A-Za-z0-9])"
_TOKENS = (
    re.compile(_ALONE.format(f"({_STAINS})"), re.IGNORECASE),
    re.compile(_ALONE.format(r"(w\d[A-Za-z0-9]*)"), re.IGNORECASE),  # MetaMorph: _w1DAPI
    re.compile(_ALONE.format(r"(ch?\d{1,2})"), re.IGNORECASE),  # Leica: _ch00; ImageJ: C1-
    re.compile(r"(?<=f\d\d)(d\d)(?![A-Za-z0-9])", re.IGNORECASE),  # Cellomics: f00d0
)
"""How file names say which channel they hold, in the order in which they are tried."""

_SPELLS_A_STAIN = re.compile(_STAINS, re.IGNORECASE)


@dataclass(frozen=True)
class Pair:
    """An image of several files.

    Parameters
    ----------
    ref : ImageRef
        Its key is the path of its files without suffix and without what says the channel.
    problem : str
        Which channel is missing, or there twice; empty if all are there.
    """

    ref: ImageRef
    problem: str = ""


def pair(files: Mapping[str, str], patterns: Mapping[str, str]) -> list[Pair]:
    """Put files together to images.

    Parameters
    ----------
    files : mapping of key to file
        The key is the path relative to the study, with forward slashes.
    patterns : mapping of channel to pattern
        ``{"DAPI": "*_DAPI.tif", "EdU": "*_EdU.tif"}``. A pattern without a slash is of the file's name, one with a
        slash of the whole key. What its asterisks stand for, and the folder, tell which files belong together. Upper
        and lower case are the same. Files that fit no pattern are other channels, and left out.

    Returns
    -------
    list of Pair
        In natural order.

    Raises
    ------
    StudyError
        If a pattern has no asterisk, or no file fits any of them.

    Examples
    --------
    >>> files = {name: name for name in ("a_DAPI.tif", "a_EdU.tif", "b_DAPI.tif")}
    >>> one, other = pair(files, {"DAPI": "*_DAPI.tif", "EdU": "*_EdU.tif"})
    >>> one.ref.key, one.ref.channels, other.problem
    ('a', ('DAPI', 'EdU'), 'the channel EdU is missing: no file b_EdU.tif')
    """
    found: dict[str, dict[str, list[str]]] = {}
    for key in files:
        for channel, identity in _channel_of(key, patterns):
            found.setdefault(identity, {}).setdefault(channel, []).append(key)
    if not found:
        listed = ", ".join(f'{channel} = "{pattern}"' for channel, pattern in patterns.items())
        raise StudyError(f"no image fits a pattern of [channels]: {listed}")
    return [
        Pair(_ref(identity, keys, files, patterns), _problem(identity, keys, patterns))
        for identity, keys in sorted(found.items(), key=lambda item: natural_key(item[0]))
    ]


def guess_patterns(keys: Sequence[str], names: Sequence[str]) -> dict[str, str]:
    """The patterns by which files are channels of the same images; empty where they are not.

    Parameters
    ----------
    keys : sequence of str
        Paths, with forward slashes.
    names : sequence of str
        What channels are called whose file names only number them, in order.

    Examples
    --------
    >>> guess_patterns(["a_ch00.tif", "a_ch01.tif", "b_ch00.tif", "b_ch01.tif"], ["DAPI", "EdU"])
    {'DAPI': '*_ch00.tif', 'EdU': '*_ch01.tif'}
    >>> guess_patterns(["a_1.tif", "a_2.tif"], ["DAPI", "EdU"])
    {}
    """
    for expression in _TOKENS:
        # The last of several: "ki67_F9_DAPI" is the DAPI of a Ki67 experiment.
        matches = [(key, found[-1]) for key in keys if (found := [*expression.finditer(PurePosixPath(key).name)])]
        tokens = {match[1].casefold(): match[1] for _, match in matches}
        if len(tokens) < 2 or len(matches) < len(keys):
            continue
        patterns = {token: _pattern(token, matches) for token in tokens}
        named = dict(zip(_channel_names(list(tokens.values()), names), _in_order(patterns), strict=True))
        pairs = pair({key: key for key in keys}, named)
        if any(len(one.ref.files) > 1 for one in pairs) and not any("twice" in one.problem for one in pairs):
            return named
    return {}


def join(images: Sequence[Image], names: Sequence[str], source: str) -> Image:
    """One image of several that are a channel each.

    Parameters
    ----------
    images : sequence of Image
        Of one size, depth and pixel size. A colour picture in which only one colour is used, or all are the same, is
        that colour.
    names : sequence of str
        Of the channels.
    source : str
        What messages call it.

    Raises
    ------
    ImageError
        If they do not fit together; the message says in what.
    """
    planes = [_only_plane(image) for image in images]
    for what, values in (
        ("sizes", [f"{image.shape[1]} x {image.shape[0]} px" for image in images]),
        ("types of pixels", [f"{image.pixels.dtype}" for image in images]),
        ("pixel sizes", [f"{image.pixel_size:.4g} µm" for image in images if image.pixel_size is not None]),
    ):
        if len(set(values)) > 1:
            listed = ", ".join(f"{name} {value}" for name, value in zip(names, values, strict=False))
            raise ImageError(f"its channels have different {what}: {listed}; export them alike")
    known = [image.pixel_size for image in images if image.pixel_size is not None]
    return Image(
        np.stack(planes, axis=2),
        tuple(names),
        pixel_size=known[0] if known else None,
        light="emitted",
        max_value=max(image.max_value for image in images),
        source=source,
        flags=merged(*(image.flags for image in images)),
    )


def _channel_of(key: str, patterns: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """The channel whose pattern fits the key most closely, and which image the key belongs to."""
    fits = []
    for channel, pattern in patterns.items():
        if "*" not in pattern:
            raise StudyError(f'[channels] {channel} = "{pattern}" needs an asterisk for what images differ in')
        folder, _, name = key.rpartition("/")
        match = _regex(pattern).fullmatch(key if "/" in pattern else name)
        if match:
            varying = "_".join(filter(None, (group.strip("_-. ") for group in match.groups())))
            identity = varying if "/" in pattern or not folder else f"{folder}/{varying}"
            fits.append((len(pattern.replace("*", "")), channel, identity))
    if fits:
        _, channel, identity = max(fits)
        yield channel, identity


def _regex(pattern: str) -> re.Pattern[str]:
    """A pattern whose asterisks are groups, but for one in the files' suffix."""
    stem, dot, suffix = pattern.replace("\\", "/").removeprefix("./").rpartition(".")
    stem, suffix = (stem, suffix) if dot and "/" not in suffix else (f"{stem}{dot}{suffix}", "")
    varying = "([^/]*)".join(map(re.escape, stem.split("*")))
    return re.compile(varying + re.escape(f".{suffix}").replace(r"\*", "[^/.]*") * bool(suffix), re.IGNORECASE)


def _ref(
    identity: str, keys: Mapping[str, Sequence[str]], files: Mapping[str, str], patterns: Mapping[str, str]
) -> ImageRef:
    present = [channel for channel in patterns if channel in keys]
    return ImageRef(identity, tuple(files[keys[channel][0]] for channel in present), channels=tuple(present))


def _problem(identity: str, keys: Mapping[str, Sequence[str]], patterns: Mapping[str, str]) -> str:
    for channel, found in keys.items():
        if len(found) > 1:
            return f"the channel {channel} is there twice: {', '.join(found)}"
    missing = [channel for channel in patterns if channel not in keys]
    if not missing:
        return ""
    stem = PurePosixPath(identity).name
    expected = ", ".join(patterns[channel].replace("*", stem, 1).replace("*", "") for channel in missing)
    plural = "s" * (len(missing) > 1)
    return f"the channel{plural} {', '.join(missing)} {'are' if plural else 'is'} missing: no file {expected}"


def _pattern(token: str, matches: Sequence[tuple[str, re.Match[str]]]) -> str:
    """A glob for the files of one channel: what stands around its token in all of them stays."""
    own = [match for _, match in matches if match[1].casefold() == token]
    before = {match.string[max(0, match.start(1) - 1) : match.start(1)] for match in own}
    after = {match.string[match.end(1) :] for match in own}
    if before == {""}:  # the token comes first: C1-name.tif
        separators = {text[:1] for text in after}
        parting = separators.pop() if len(separators) == 1 else ""
        return f"{own[0][1]}{parting}*{_common_suffix(own)}"
    lead = before.pop() if len(before) == 1 else ""
    tail = after.pop() if len(after) == 1 else f"*{_common_suffix(own)}"
    return f"*{'' if lead.isalnum() else lead}{own[0][1]}{tail}"


def _common_suffix(matches: Sequence[re.Match[str]]) -> str:
    suffixes = {PurePosixPath(match.string).suffix for match in matches}
    return suffixes.pop() if len(suffixes) == 1 else ""


def _in_order(patterns: Mapping[str, str]) -> list[str]:
    return [patterns[token] for token in sorted(patterns, key=natural_key)]


def _channel_names(tokens: Sequence[str], names: Sequence[str]) -> list[str]:
    """Names of the channels in the tokens' order: the stain that a token spells, else the next of `names`."""
    left = iter((*names, *(f"channel {number}" for number in range(len(names) + 1, 100))))
    spelt = [_SPELLS_A_STAIN.search(token) for token in sorted(tokens, key=lambda token: natural_key(token.casefold()))]
    if all(spelt):
        found = [match[0] for match in spelt if match]
        if len({name.casefold() for name in found}) == len(found):
            return found
    return [next(left) for _ in tokens]


def _only_plane(image: Image) -> npt.NDArray[Any]:
    pixels = image.pixels
    if pixels.shape[2] == 1:
        return pixels[:, :, 0]
    used = [number for number in range(pixels.shape[2]) if pixels[:, :, number].any()]
    if len(used) <= 1:
        return pixels[:, :, used[0] if used else 0]
    if all(np.array_equal(pixels[:, :, 0], pixels[:, :, number]) for number in range(1, pixels.shape[2])):
        return pixels[:, :, 0]
    raise ImageError(
        f"{image.source}: a file that is one channel has {pixels.shape[2]} ({', '.join(image.channels)}): export each"
        " channel as a grey picture, or give the whole file without [channels]"
    )
