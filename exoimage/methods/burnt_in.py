"""Burnt-in graphics: scale bars, letters, arrows and panels that are pixels of the picture but none of the specimen."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal

import cv2
import numpy as np
import numpy.typing as npt

from exoimage.errors import ImageError
from exoimage.methods._burnt_in_arrows import arrows
from exoimage.methods._burnt_in_bars import bar_with_ticks, bars
from exoimage.methods._burnt_in_boxes import label_box
from exoimage.methods._burnt_in_ink import BLACK, FADED, SPECK, WHITE, Box, Bytes, InkField, ink_fields
from exoimage.methods._burnt_in_panels import gutters
from exoimage.methods._burnt_in_text import TextLine, completed, is_common, letter_groups, text_line

Kind = Literal["scale bar", "text", "arrow", "box", "panels"]
KINDS: tuple[Kind, ...] = ("scale bar", "text", "arrow", "box", "panels")

RIM = 3
"""Soft edge in px that is left out around what was drawn."""

SMALLEST_PICTURE = 32

MOST_RIVALS_OF_ARROW = 12


@dataclass(frozen=True, eq=False)
class BurntIn:
    """What was found.

    Parameters
    ----------
    mask : (y, x) bool
        Pixels to leave out.
    kinds : tuple of str
        Which of "scale bar", "text", "arrow", "box" and "panels" were found; empty if nothing was.
    """

    mask: npt.NDArray[np.bool_]
    kinds: tuple[str, ...]


@dataclass(frozen=True, eq=False)
class _Graphic:
    """One find: a whole box, or the pixels of a shape in it; the place is the picture's."""

    kind: Kind
    box: Box
    shape: npt.NDArray[np.bool_] | None = None


def find_burnt_in(pixels: npt.NDArray[Any], max_value: float) -> BurntIn:
    """Find graphics that a program has burnt into a picture.

    Scale bars with or without end ticks, their captions, labels and panel letters, arrows and arrowheads, boxes on
    which labels stand, and the gutters of a composite figure; in black, white or a primary or secondary colour. What
    is in doubt is left in the picture: a graphic that was missed can be seen and excluded by hand, an area that was
    left out wrongly cannot be seen in a table.

    Parameters
    ----------
    pixels : (y, x, 3) array
        Red, green, blue. uint8 is taken as it is, any other type is first brought to 8 bits.
    max_value : float
        The value of white in `pixels`.

    Returns
    -------
    BurntIn
        The mask holds graphics with a rim of 3 px; text lines and label boxes as whole rectangles. It is empty for a
        picture that is blank or smaller than 32 px.

    Raises
    ------
    ImageError
        If the picture has not three channels, or `max_value` is not above 0.

    Notes
    -----
    Nothing is learnt from examples; the tests are on what drawing programs do and optics do not. Ink: a corner of the
    colour cube with an edge of one or two pixels. Bars: rows of pixels with equal ends. Letters: strokes of an even
    width, as in Epshtein et al., CVPR 2010, doi:10.1109/CVPR.2010.5540041, alike in height, on one level. The fewer
    letters, the rarer must their tone be in the rest of the picture, after the principle that what could arise by
    chance is no find, Desolneux et al., Int J Comput Vis 40:7-23 (2000), doi:10.1023/A:1026593302236. Arrows: mirror
    symmetric, with an even shaft and a straight taper. Panels: full rows or columns of white or black with a straight
    edge on both sides.

    Examples
    --------
    >>> picture = np.full((200, 300, 3), 230, np.uint8)
    >>> picture[180:186, 180:280] = 0
    >>> found = find_burnt_in(picture, 255)
    >>> found.kinds, bool(found.mask[180:186, 180:280].all()), int(found.mask.sum()) < 1500
    (('scale bar',), True, True)
    """
    if pixels.ndim != 3 or pixels.shape[2] != 3:
        raise ImageError(f"a picture of shape {pixels.shape}; expected (y, x, 3): red, green, blue")
    plain = _as_bytes(pixels, max_value)
    if min(plain.shape[:2]) < SMALLEST_PICTURE:
        return BurntIn(np.zeros(plain.shape[:2], np.bool_), ())
    found = [_Graphic("panels", box) for box in gutters(plain)]
    if found or not _is_drawn_altogether(plain):
        for field in ink_fields(plain):
            found.extend(_graphics(field, plain))
    return _painted(found, plain.shape[:2])


def _as_bytes(pixels: npt.NDArray[Any], max_value: float) -> Bytes:
    if pixels.dtype == np.uint8 and max_value == 255:
        return np.ascontiguousarray(pixels)
    if not max_value > 0:
        raise ImageError(f"a greatest value of {max_value}; expected a number above 0")
    scaled = pixels if pixels.dtype in (np.uint8, np.uint16, np.float32) else pixels.astype(np.float32)
    return np.asarray(cv2.convertScaleAbs(scaled, alpha=255 / max_value), np.uint8)


def _is_drawn_altogether(pixels: Bytes) -> bool:
    """Whether the picture is a mask or a map of labels: nothing but pure inks, and more than one of them in mass."""
    sample = pixels[::8, ::8].reshape(-1, 3)
    pure = sample[(np.minimum(sample, 255 - sample) <= 1).all(axis=1)]
    if len(pure) < 0.98 * len(sample):
        return False
    shares = np.bincount((pure > 127) @ np.array([1, 2, 4]), minlength=8) / len(sample)
    return bool(np.count_nonzero(shares >= 0.05) > 1)


def _painted(found: list[_Graphic], shape: tuple[int, ...]) -> BurntIn:
    mask = np.zeros(shape, np.bool_)
    for one in found:
        top, bottom, left, right = one.box
        place = slice(max(0, top), bottom), slice(max(0, left), right)
        mask[place] |= True if one.shape is None else one.shape
    kinds = {one.kind for one in found}
    return BurntIn(mask, tuple(kind for kind in KINDS if kind in kinds))


def _graphics(field: InkField, pixels: Bytes) -> Iterator[_Graphic]:
    """All graphics in one ink."""
    straight = bars(field)
    groups = [group for group in letter_groups(field) if len(group) > 1 or _in_corner(field, group[0])]
    lines = [line for group in groups if not is_common(field, group) and (line := text_line(field, group))]
    boxes = _label_boxes(field, pixels, [*straight, *(line.box for line in lines if line.letters)])
    written = _captions(field, [bar for bar in straight if not _inside_any(bar, boxes)])
    for line in sorted(lines, key=lambda line: -line.letters):
        known = [*straight, *written, *boxes]
        allowed = line.rivals_allowed
        if allowed >= 0 and not _inside_any(line.box, known) and _rivals(field, line, known) <= allowed:
            written.append(completed(field, line.box) if line.letters > 2 else line.box)
    for bar in straight:
        if not _inside_any(bar, written):
            yield _scale_bar(field, bar)
    for box in [*written, *(line.box for line in lines if line.letters and _inside_any(line.box, boxes))]:
        yield _Graphic("text", _grown(_moved(field, box), RIM))
    for box in boxes:
        yield _Graphic("box", _grown(_moved(field, box), RIM))
    for part in arrows(field, [*straight, *written, *boxes], MOST_RIVALS_OF_ARROW):
        yield _drawn("arrow", field, part)


def _scale_bar(field: InkField, bar: Box) -> _Graphic:
    part = bar_with_ticks(field, bar)
    return _drawn("scale bar", field, part) if part else _Graphic("scale bar", _grown(_moved(field, bar), RIM))


def _captions(field: InkField, straight: list[Box]) -> list[Box]:
    """For each bar the line of text that goes with it, which may be in several pieces on one level."""
    found: list[Box] = []
    if not straight:
        return found
    slack = 0 if field.ink in (BLACK, WHITE) else FADED
    groups = letter_groups(field, slack)
    for bar in straight:
        beside = [group for group in groups if any(_belongs(field.parts.box(int(part)), bar) for part in group)]
        lines = [line for group in beside if (line := text_line(field, group, slack))]
        near = [line for line in lines if line.is_caption and _belongs(line.box, bar)]
        if near:
            best = max(near, key=lambda line: line.letters / line.parts + 0.5 * min(line.parts, 4))
            found += [completed(field, line.box, slack) for line in near if _on_level(line.box, best.box)]
    return found


def _label_boxes(field: InkField, pixels: Bytes, contents: list[Box]) -> list[Box]:
    found: list[Box] = []
    for content in contents:
        if _inside_any(content, found):
            continue
        box = label_box(pixels, _moved(field, content))
        if box is not None:
            found.append(_back(field, box))
    return found


def _rivals(field: InkField, line: TextLine, known: list[Box]) -> int:
    """Parts of a line's tone outside it and outside of what is known already."""
    parts = field.parts
    alike = parts.boxes[1:][(parts.nearest[1:] <= line.core + 20) & (parts.area[1:] >= SPECK)]
    for top, bottom, left, right in [line.box, *known]:
        inside = (alike[:, 0] >= top - 2) & (alike[:, 1] <= bottom + 2)
        alike = alike[~(inside & (alike[:, 2] >= left - 2) & (alike[:, 3] <= right + 2))]
    return len(alike)


def _in_corner(field: InkField, part: int) -> bool:
    top, bottom, left, right = _moved(field, field.parts.box(part))
    y, x = (top + bottom) / 2 / field.picture[0], (left + right) / 2 / field.picture[1]
    return min(y, 1 - y) < 0.2 and min(x, 1 - x) < 0.2 and bottom - top <= 0.1 * field.picture[0]


def _on_level(one: Box, other: Box) -> bool:
    return 2 * (min(one[1], other[1]) - max(one[0], other[0])) > min(one[1] - one[0], other[1] - other[0])


def _belongs(text: Box, bar: Box) -> bool:
    """Whether a line of text stands over, under or beside a bar."""
    high, long = text[1] - text[0], bar[3] - bar[2]
    if high > max(0.5 * long, 30):
        return False
    apart = max(bar[0] - text[1], text[0] - bar[1])
    overlap = min(text[3], bar[3]) - max(text[2], bar[2])
    if -0.5 * high <= apart <= 1.2 * high and overlap > 0:
        return True
    aside = max(text[2] - bar[3], bar[2] - text[3])
    level = abs(text[0] + text[1] - bar[0] - bar[1]) <= 0.7 * high
    return level and 0 <= aside <= 1.5 * high and high <= 0.25 * long


def _drawn(kind: Kind, field: InkField, part: int) -> _Graphic:
    """A part's own shape with its rim."""
    own = field.parts.own(part, RIM).view(np.uint8)
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * RIM + 1, 2 * RIM + 1))
    top, bottom, left, right = _grown(_moved(field, field.parts.box(part)), RIM)
    height, width = field.picture
    shape = cv2.dilate(own, kernel)[max(0, -top) : height - top, max(0, -left) : width - left]
    return _Graphic(kind, (top, bottom, left, right), shape.astype(np.bool_))


def _moved(field: InkField, box: Box) -> Box:
    return box[0] + field.top, box[1] + field.top, box[2] + field.left, box[3] + field.left


def _back(field: InkField, box: Box) -> Box:
    return box[0] - field.top, box[1] - field.top, box[2] - field.left, box[3] - field.left


def _grown(box: Box, margin: int) -> Box:
    return box[0] - margin, box[1] + margin, box[2] - margin, box[3] + margin


def _inside_any(inner: Box, outer: list[Box]) -> bool:
    return any(_within(inner, box) for box in outer)


def _within(inner: Box, outer: Box) -> bool:
    return (
        inner[0] >= outer[0] - 2 and inner[1] <= outer[1] + 2 and inner[2] >= outer[2] - 2 and inner[3] <= outer[3] + 2
    )
