"""Which picture of a file that holds several: scene, plane and moment."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from exoimage.images.decoded import ChannelChoice, Refusal

AxisChoice = int | str
Take = int | tuple[int, ...] | str

_PROJECTIONS = ("max", "mean")
_SHARPEST = "sharpest"


@dataclass(frozen=True)
class Selection:
    """What the user chose; None where nothing was.

    `default_z` is for an axis that the file calls Z; it does not make a z-stack of pages without a name.
    """

    scene: int | None = None
    z: AxisChoice | None = None
    t: AxisChoice | None = None
    c: ChannelChoice | None = None
    default_z: AxisChoice | None = None

    def along(self, axis: str) -> AxisChoice | None:
        """Give the choice along the axis Z or T; None for any other."""
        return {"Z": self.default_z if self.z is None else self.z, "T": self.t}.get(axis)


def checked(selection: Selection) -> Selection:
    """Give the selection itself, if every choice in it has a meaning."""
    for name, choice in (("z", selection.z), ("t", selection.t)):
        texts = (*_PROJECTIONS, _SHARPEST) if name == "z" else _PROJECTIONS
        wrong_text = isinstance(choice, str) and choice not in texts
        wrong_number = isinstance(choice, int) and choice < 0
        if wrong_text or wrong_number or not isinstance(choice, (int, str, type(None))):
            listed = ", ".join(f'"{text}"' for text in texts)
            raise Refusal(f"{name} = {choice!r} means nothing; give a number from 0, or one of {listed}")
    if selection.scene is not None and selection.scene < 0:
        raise Refusal(f"scene = {selection.scene} means nothing; scenes are numbered from 0")
    return selection


def refuse_stack_choice(selection: Selection, what: str) -> None:
    """Refuse a scene, plane or moment beyond the first in a file that holds one plane."""
    for name, choice in (("scene", selection.scene), ("z", selection.z), ("t", selection.t)):
        if isinstance(choice, int) and choice > 0:
            raise Refusal(f"{name} = {choice} was asked for, but {what} holds one picture; leave {name} out")


def take_along(axes: Mapping[str, int], selection: Selection) -> dict[str, AxisChoice]:
    """Say what to take along Z and T, and see that no other axis needs a choice.

    Parameters
    ----------
    axes : mapping of str to int
        Length of each axis.

    Raises
    ------
    Refusal
        If an axis longer than 1 has no choice; the reason lists the axes and says how to choose.
    """
    taken: dict[str, AxisChoice] = {}
    undecided = []
    for axis, length in axes.items():
        if axis in "YXSC":
            continue
        choice = selection.along(axis)
        if choice is None and length > 1:
            undecided.append(axis)
        elif isinstance(choice, int) and choice >= length:
            raise Refusal(
                f"{axis.lower()} = {choice} was asked for, but {axis} has {length} planes;"
                f" choose {axis.lower()} = 0 … {length - 1}"
            )
        taken[axis] = 0 if choice is None else choice
    for axis in "ZT":
        choice = selection.along(axis)
        if axis not in axes and isinstance(choice, int) and choice > 0:
            raise Refusal(f"{axis.lower()} = {choice} was asked for, but it has no axis {axis}")
    if undecided:
        raise Refusal(_how_to_choose(axes, undecided))
    return taken


def gather(
    lead: Mapping[str, int], take: Mapping[str, Take], plane: Callable[[tuple[int, ...]], npt.NDArray[Any]]
) -> npt.NDArray[Any]:
    """Stack, pick or project planes along the leading axes, one plane in memory at a time.

    Parameters
    ----------
    lead : mapping of str to int
        Length of each leading axis, in order.
    take : mapping of str to int, tuple of int, "max" or "mean"
        What to take along an axis; an axis not named is kept whole.
    plane : callable
        The array at an index along all leading axes.

    Returns
    -------
    array
        Axes taken by one number or projected are gone. "mean" gives float64, "max" keeps the dtype.
    """
    names = tuple(lead)

    def fetch(index: tuple[int, ...]) -> npt.NDArray[Any]:
        if len(index) == len(names):
            return plane(index)
        axis = names[len(index)]
        how = take.get(axis, tuple(range(lead[axis])))
        if isinstance(how, int):
            return fetch((*index, how))
        if isinstance(how, tuple):
            return np.stack([fetch((*index, number)) for number in how])
        parts = (fetch((*index, number)) for number in range(lead[axis]))
        if how == "max":
            return functools.reduce(np.maximum, parts)
        total = functools.reduce(lambda a, b: np.add(a, b, dtype=np.float64), parts)
        return np.asarray(total / lead[axis], np.float64)

    return fetch(())


def _how_to_choose(axes: Mapping[str, int], undecided: list[str]) -> str:
    lengths = ", ".join(f"{axis} = {length}" for axis, length in axes.items())
    strange = [axis for axis in undecided if axis not in "ZT"]
    if strange:
        return (
            f"it has the axes {lengths}, and {', '.join(strange)} is none that can be chosen along; save the"
            " planes wanted as a stack of Z, T and channels (e.g. from ImageJ)"
        )
    how = " and ".join(
        f'{axis.lower()} = 0 … {axes[axis] - 1}, {axis.lower()} = "max" or {axis.lower()} = "mean"'
        + (' or z = "sharpest"' if axis == "Z" else "")
        for axis in undecided
    )
    return f"it has the axes {lengths}, more than one plane: choose {how}"
