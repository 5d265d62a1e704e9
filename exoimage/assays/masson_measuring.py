"""What a region of a trichrome section gives: new bone, mature bone, their areas and densities, pieces of new bone."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from exoimage.assays.chains import Chain, ImageJChain
from exoimage.assays.columns import Column, Ratio, Sum, Value
from exoimage.assays.common_columns import (
    PLACE_AND_AREA_COLUMNS,
    REGION_AREA_PX,
    REGION_AREA_UM2,
    WHITE_COLUMNS,
    place_and_area,
    white_values,
)
from exoimage.assays.measuring import Labels, Mask, Measured, Part
from exoimage.assays.tissue_choices import GLASS, ByColour, ByExample
from exoimage.flags import Flag
from exoimage.methods import particles, red_bone, segmentation, stains, trichrome
from exoimage.methods.density import White
from exoimage.methods.red_bone import BoneSizes, OsteoidSizes
from exoimage.methods.trichrome import Tones, UsualTones

COLUMNS = (
    Column(
        "new_bone_pct", "Share of the bone's area that is new: in the collagen's colour (Goldner's: osteoid).",
        Ratio("new_bone_px", "bone_px", 100.0), primary=True,
    ),
    Column(
        "new_bone_area_pct", "Share of the region's area that is new bone.",
        Ratio("new_bone_px", "region_area_px", 100.0), primary=True,
    ),
    Column("new_bone_um2", "Area of new bone.", Sum()),
    Column("mature_bone_um2", "Area of mature bone: red bone (Goldner's: mineralised bone, green).", Sum()),
    Column(
        "new_bone_mean_od", "Mean optical density of its stain over new bone.",
        Ratio("new_bone_integrated_od", "new_bone_px"),
    ),
    Column(
        "mature_bone_mean_od", "Mean optical density of its stain over mature bone.",
        Ratio("mature_bone_integrated_od", "mature_bone_px"),
    ),
    Column(
        "osteoid_pct", "O.Ar/B.Ar: share of the bone's area that is osteoid; Goldner's only.",
        Ratio("osteoid_px", "bone_px", 100.0),
    ),
    Column("tissue_area_um2", "Area of tissue in the region, glass left out.", Sum()),
    REGION_AREA_UM2,
    Column("threshold_hue_deg", "Hue that parts the collagen's colour from red; empty with ImageJ's chain."),
    Column("threshold_od", "Mean density above which a pixel is stained (with ImageJ's chain: density of collagen)."),
    *WHITE_COLUMNS,
    Column("new_bone_px", "Area of new bone in pixels.", Sum()),
    Column("mature_bone_px", "Area of mature bone in pixels.", Sum()),
    Column("osteoid_px", "Area of osteoid in pixels; Goldner's only.", Sum()),
    Column("bone_px", "Area of new and mature bone in pixels.", Sum()),
    Column("tissue_area_px", "Area of tissue in pixels.", Sum()),
    REGION_AREA_PX,
    Column("new_bone_integrated_od", "Optical density of its stain summed over new bone.", Sum()),
    Column("mature_bone_integrated_od", "Optical density of its stain summed over mature bone.", Sum()),
)  # fmt: skip

OBJECT_COLUMNS = (*PLACE_AND_AREA_COLUMNS,)

SPECK_PX = 5
"""Width of the median filter that takes noise and JPEG's blocks off the collagen's mask."""


COARSE_HOLE_PX = 64
"""Holes of this area and more are found at half the scale as well."""


@dataclass(frozen=True)
class Sizes:
    """Sizes in px.

    Parameters
    ----------
    smallest_piece, largest_hole : float
        Areas: of the smallest piece of collagen, and of the largest hole in it that is filled.
    red : BoneSizes or OsteoidSizes
        What tells mature bone, or osteoid, from other red.
    """

    smallest_piece: float
    largest_hole: float
    red: BoneSizes | OsteoidSizes


@dataclass(frozen=True)
class Colours:
    """What the colours of a variant are and mean.

    Parameters
    ----------
    tones : Tones
        The hues, as decided.
    usual : UsualTones
        The variant's.
    collagen, red : str
        The stains of the set that are measured in them.
    collagen_is_new : bool
        In Masson's collagen's colour is new bone; in Goldner's it is mineralised, and red osteoid is new.
    """

    tones: Tones
    usual: UsualTones
    collagen: str
    red: str
    collagen_is_new: bool


@dataclass(frozen=True, eq=False)
class _Pieces:
    """Labelled pieces and their measures."""

    labels: Labels
    table: particles.ObjectTable


@dataclass(frozen=True, eq=False)
class _Bone:
    """Of a part's box the pieces in collagen's colour, and the masks of collagen, red bone and tissue."""

    pieces: _Pieces
    collagen: Mask
    red: Mask
    tissue: Mask


def measure_trichrome(
    part: Part, chain: Chain, colours: Colours, sizes: Sizes, tissue: ByColour | ByExample
) -> Measured:
    """Measure new and mature bone in a region, told apart by colour or by example."""
    if part.is_constant:
        nothing = np.zeros(part.shape, dtype=np.bool_)
        return _measured(part, chain, colours, _Bone(_pieces(nothing), nothing, nothing, nothing), ())
    if isinstance(tissue, ByExample):
        return _measured(part, chain, colours, _bone_by_example(part, chain, colours, sizes, tissue), ())
    kinds = _kinds(part, chain, colours)
    bone = _bone(part, kinds, chain.stains.white, sizes)
    return _measured(part, chain, colours, bone, _flags(part, kinds, chain.stains.white, colours))


def measure_as_imagej(part: Part, chain: Chain, red: str) -> Measured:
    """ImageJ's: collagen is what its threshold finds in the stain's plane; red, the same grey levels of the red plane.

    Whether the red is of bone nobody asks there.
    """
    plane, stained = chain.stained(part)
    new = part.within(stained) if part.drawn is None else part.drawn > 0
    mature, red_od = np.zeros(part.shape, dtype=np.bool_), float("nan")
    if isinstance(chain, ImageJChain):
        red_chain = ImageJChain(replace(chain.stains, target=red), chain.level)
        red_plane, is_red = red_chain.stained(part)
        mature = part.within(is_red & ~new)
        red_od = float(red_plane[mature].mean()) if mature.any() else red_od
    pieces = _pieces(new) if part.drawn is None else _drawn_pieces(part.drawn)
    new_px, mature_px = (int(np.count_nonzero(mask)) for mask in (new, mature))
    new_od = float(plane[new].mean()) if new_px else 0.0
    values = {
        **_areas(part, chain, new=new_px, mature=mature_px, tissue=None),
        "new_bone_mean_od": new_od if new_px else None,
        "mature_bone_mean_od": red_od if mature_px else None,
        "new_bone_integrated_od": new_od * new_px,
        "mature_bone_integrated_od": red_od * mature_px if mature_px else 0.0,
        "threshold_od": chain.threshold_od if np.isfinite(chain.threshold_od) else None,
    }
    masks = {"new_bone": new, "mature_bone": mature, "tissue": new | mature}
    objects = _object_values(part, pieces.table)
    return Measured(_ordered(values), (), pieces.labels, objects, masks, found=new_px + mature_px > 0)


def _kinds(part: Part, chain: Chain, colours: Colours) -> npt.NDArray[np.uint8]:
    kinds = trichrome.classify(
        part.pixels,
        chain.stains.white,
        colours.tones,
        tissue_od=chain.threshold_od,
        max_value=part.image.max_value,
        part_of=(part.image.shape, part.region.box),
    )
    if part.inside is not None:
        kinds[~part.inside] = trichrome.GLASS
    return kinds


def _bone(part: Part, kinds: npt.NDArray[np.uint8], white: White, sizes: Sizes) -> _Bone:
    smooth = cv2.medianBlur((kinds == trichrome.COLLAGEN).view(np.uint8), SPECK_PX).view(np.bool_)
    pieces = _pieces(part.within(_filled(smooth, sizes.largest_hole)), sizes.smallest_piece)
    collagen = pieces.labels > 0
    red = _red(part, kinds, collagen, white, sizes.red)
    return _Bone(pieces, collagen, red, collagen | red | (kinds != trichrome.GLASS))


def _filled(mask: Mask, largest: float) -> Mask:
    """Holes up to a size filled; large ones are looked for at half the scale, a quarter of the work."""
    if largest < COARSE_HOLE_PX:
        return segmentation.fill_holes(mask, largest)
    height, width = mask.shape
    grown = cv2.dilate(mask.view(np.uint8), np.ones((2, 2), np.uint8), anchor=(0, 0))
    # A pixel stands for four and is collagen where any of them is: no wall is broken, and holes are smaller by a rim.
    half = np.ascontiguousarray(grown[::2, ::2]).view(np.bool_)
    holes = (segmentation.fill_holes(half, largest / 4) & ~half).view(np.uint8)
    if not holes.any():
        return mask
    whole = cv2.resize(holes, (2 * half.shape[1], 2 * half.shape[0]), interpolation=cv2.INTER_NEAREST)[:height, :width]
    return np.asarray(mask | cv2.dilate(whole, np.ones((3, 3), np.uint8)).view(np.bool_))


def _bone_by_example(part: Part, chain: Chain, colours: Colours, sizes: Sizes, tissue: ByExample) -> _Bone:
    classes = tissue.classes(part, chain.stains.white)
    new, mature = (part.within(tissue.mask(classes, name)) for name in ("new bone", "mature bone"))
    in_collagens_colour, red = (new, mature) if colours.collagen_is_new else (mature, new)
    filled = part.within(segmentation.fill_holes(in_collagens_colour, sizes.largest_hole)) & ~red
    pieces = _pieces(filled, sizes.smallest_piece)
    collagen = pieces.labels > 0
    return _Bone(pieces, collagen, red, part.within(~tissue.mask(classes, GLASS)) | collagen)


def _red(
    part: Part, kinds: npt.NDArray[np.uint8], collagen: Mask, white: White, sizes: BoneSizes | OsteoidSizes
) -> Mask:
    largest = part.image.max_value
    if isinstance(sizes, OsteoidSizes):
        return red_bone.osteoid(part.pixels, kinds, collagen, white, sizes, max_value=largest)
    return red_bone.mature_bone(part.pixels, kinds, collagen, white, sizes, max_value=largest)


def _pieces(mask: Mask, smallest: float = 1.0) -> _Pieces:
    labels = particles.label(mask)
    table = particles.measure_objects(labels)
    keep = table.area_px >= smallest
    if keep.all():
        return _Pieces(labels, table)
    return _Pieces(particles.only_labels(labels, keep, out=labels), table.only(keep))


def _drawn_pieces(labels: Labels) -> _Pieces:
    return _Pieces(labels, particles.measure_objects(labels))


def _as_drawn(labels: Labels, bone: _Bone, *, collagen_is_new: bool) -> _Bone:
    """The same bone, but new bone where a person drew it; what is drawn is not the other kind as well."""
    new = labels > 0
    tissue = bone.tissue | new
    if collagen_is_new:
        return _Bone(_drawn_pieces(labels), new, bone.red & ~new, tissue)
    collagen = bone.collagen & ~new
    return _Bone(_pieces(collagen), collagen, new, tissue)


def _measured(part: Part, chain: Chain, colours: Colours, bone: _Bone, flags: tuple[Flag, ...]) -> Measured:
    if part.drawn is not None:
        bone = _as_drawn(part.drawn, bone, collagen_is_new=colours.collagen_is_new)
    new, mature = (bone.collagen, bone.red) if colours.collagen_is_new else (bone.red, bone.collagen)
    pieces = bone.pieces if colours.collagen_is_new else _pieces(new)
    if part.drawn is not None:
        pieces = _drawn_pieces(part.drawn)
    collagen_od, red_od = _mean_ods(part, chain, colours, bone)
    new_od, mature_od = (collagen_od, red_od) if colours.collagen_is_new else (red_od, collagen_od)
    counts = [int(np.count_nonzero(mask)) for mask in (new, mature, bone.tissue)]
    values = {
        **_areas(part, chain, new=counts[0], mature=counts[1], tissue=counts[2]),
        "new_bone_mean_od": new_od if counts[0] else None,
        "mature_bone_mean_od": mature_od if counts[1] else None,
        "new_bone_integrated_od": new_od * counts[0] if counts[0] else 0.0,
        "mature_bone_integrated_od": mature_od * counts[1] if counts[1] else 0.0,
        "threshold_hue_deg": colours.tones.limit_deg,
        "threshold_od": chain.threshold_od,
    }
    if not colours.collagen_is_new:
        values |= {"osteoid_px": counts[0], "osteoid_pct": values["new_bone_pct"]}
    masks = {"new_bone": new, "mature_bone": mature, "tissue": bone.tissue}
    return Measured(
        _ordered(values),
        flags,
        pieces.labels,
        _object_values(part, pieces.table),
        masks,
        found=counts[0] + counts[1] > 0,
        outlined=(new, mature),
    )


def _ordered(values: dict[str, Value]) -> dict[str, Value]:
    """Every column once, in order; None where it has no value."""
    return {column.name: values.get(column.name) for column in COLUMNS}


def _areas(part: Part, chain: Chain, *, new: int, mature: int | None, tissue: int | None) -> dict[str, Value]:
    um2 = part.pixel_area_um2
    bone = None if mature is None else new + mature

    def in_um2(count: int | None) -> float | None:
        return None if um2 is None or count is None else count * um2

    return {
        "new_bone_pct": 100.0 * new / bone if bone else None,
        "new_bone_area_pct": 100.0 * new / part.area_px,
        "new_bone_um2": in_um2(new),
        "mature_bone_um2": in_um2(mature),
        "tissue_area_um2": in_um2(tissue),
        "region_area_um2": in_um2(part.area_px),
        "new_bone_px": new,
        "mature_bone_px": mature,
        "bone_px": bone,
        "tissue_area_px": tissue,
        "region_area_px": part.area_px,
        **white_values(chain.stains.white),
    }


def _mean_ods(part: Part, chain: Chain, colours: Colours, bone: _Bone) -> tuple[float, float]:
    """Mean densities of the collagen's stain over collagen and of the red's over red bone."""
    if not chain.stains.white.light:
        codes = bone.collagen.view(np.uint8) + np.uint8(2) * bone.red.view(np.uint8)
        asked = (colours.collagen, colours.red)
        collagen, red = trichrome.mean_amounts(part.pixels, codes, chain.stains, asked, max_value=part.image.max_value)
        return collagen, red
    means, place = [], (part.image.shape, part.region.box)
    for stain, mask in ((colours.collagen, bone.collagen), (colours.red, bone.red)):
        plane = stains.stain_plane(part.pixels, chain.stains, stain, max_value=part.image.max_value, part_of=place)
        means.append(float(plane[mask].mean()) if mask.any() else float("nan"))
    return means[0], means[1]


def _object_values(part: Part, table: particles.ObjectTable) -> dict[str, npt.NDArray[Any]]:
    return {
        **place_and_area(part, table),
    }


def _flags(part: Part, kinds: npt.NDArray[np.uint8], white: White, colours: Colours) -> tuple[Flag, ...]:
    step = max(1, min(part.shape) // 128)
    some, of_kind = part.pixels[::step, ::step].reshape(-1, 3), kinds[::step, ::step].ravel()
    if not (of_kind != trichrome.GLASS).any():
        return (Flag.NO_TISSUE,)
    is_other = trichrome.is_another_stain(some, of_kind, white, colours.usual)
    return (Flag.STAIN_MISMATCH,) if is_other else ()
