"""Lengths in a recipe: a number and its unit, ``"20 um"`` or ``"6 px"``, or both: ``"20 um or 10 px"``."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import Any

from pydantic import GetCoreSchemaHandler
from pydantic_core import CoreSchema, core_schema

from exoimage.errors import MeasureError

_UM_PER = {"um": 1.0, "µm": 1.0, "μm": 1.0, "nm": 1e-3, "mm": 1e3, "cm": 1e4}
_TEXT = re.compile(r"\s*([0-9]*\.?[0-9]+(?:[eE][+-]?[0-9]+)?)\s*([a-zA-Zµμ]+)\s*")


@dataclass(frozen=True)
class Length:
    """A length in µm or px.

    Parameters
    ----------
    value : float
        Not negative; infinity for no limit.
    unit : {"um", "px"}
    or_px : float
        What a length in µm is taken as where the size of a pixel is unknown; 0: it cannot be taken then.

    Examples
    --------
    >>> str(Length.parse("0.02 mm")), str(Length.parse("6 px")), str(Length.parse("unlimited"))
    ('20 um', '6 px', 'unlimited')
    >>> Length.parse("20 um").in_px(0.5), Length.parse("20 um or 10 px").in_px(None)
    (40.0, 10.0)
    """

    value: float
    unit: str
    or_px: float = 0.0

    @classmethod
    def parse(cls, text: str) -> Length:
        """Read ``"20 um"``, ``"0.02 mm"``, ``"6 px"``, ``"20 um or 10 px"`` or ``"unlimited"``.

        Raises
        ------
        ValueError
            If the text is none of these.
        """
        if text.strip().lower() == "unlimited":
            return cls(math.inf, "px")
        length, _, otherwise = text.partition(" or ")
        if otherwise:
            in_um, in_px = cls.parse(length), cls.parse(otherwise)
            if (in_um.unit, in_px.unit) != ("um", "px") or in_um.or_px or in_px.value <= 0:
                raise ValueError(f'two lengths are one in µm or one in px, like "20 um or 10 px", not {text!r}')
            return cls(in_um.value, "um", in_px.value)
        match = _TEXT.fullmatch(text)
        unit = match.group(2).lower() if match else ""
        if match is None or unit not in {*_UM_PER, "px"}:
            raise ValueError(f'a length is a number and its unit, like "20 um" or "6 px", not {text!r}')
        value = float(match.group(1))
        return cls(value, "px") if unit == "px" else cls(value * _UM_PER[unit], "um")

    def in_px(self, pixel_size: float | None, what: str = "a length") -> float:
        """The length in px of a picture with that pixel size in µm.

        Raises
        ------
        MeasureError
            If the length is in µm and the pixel size is unknown; the message names `what`.
        """
        if self.unit == "px":
            return self.value
        if pixel_size is None and self.or_px:
            return self.or_px
        if pixel_size is None:
            raise MeasureError(
                f"{what} is {self}, but the size of a pixel is unknown: give it (--pixel-size, pixel_size_um), or give"
                " the length in px"
            )
        return self.value / pixel_size

    def __str__(self) -> str:
        if math.isinf(self.value):
            return "unlimited"
        short = f"{self.value:g}"
        text = f"{short if float(short) == self.value else repr(self.value)} {self.unit}"
        return f"{text} or {Length(self.or_px, 'px')}" if self.or_px else text

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        """Accept a `Length` or its text; print the text."""

        def read(value: Any) -> Length:
            if isinstance(value, Length):
                return value
            if isinstance(value, str):
                return cls.parse(value)
            raise ValueError(f'a length needs its unit, like "20 um" or "6 px", not {value!r}')

        return core_schema.no_info_plain_validator_function(
            read, serialization=core_schema.plain_serializer_function_ser_schema(str)
        )


def disc_area(diameter_px: float) -> float:
    """Area in px of a disc of that diameter."""
    return math.pi / 4 * diameter_px**2
