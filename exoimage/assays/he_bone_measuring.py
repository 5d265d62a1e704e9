"""What a region of a section of bone gives: areas, perimeter, the plate model, direct thickness, pieces of bone."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from exoimage.assays.chains import Chain
from exoimage.assays.columns import AreaWeighted, Column, Mean, Ratio, Sum, Value
from exoimage.assays.common_columns import PLACE_AND_AREA_COLUMNS, WHITE_COLUMNS, place_and_area, white_values
from exoimage.assays.lengths import disc_area
from exoimage.assays.measuring import Labels, Mask, Measured, Part
from exoimage.flags import Flag, merged
from exoimage.methods import bone_tissue, histomorphometry, particles, segmentation, stains
from exoimage.methods.bone_tissue import BoneSizes
from exoimage.methods.density import White, light_surface, optical_density

COLUMNS = (
    Column(
        "bv_tv_pct", "BV/TV as B.Ar/T.Ar (2-D): share of the tissue's area that is bone.",
        Ratio("b_ar_px", "t_ar_px", 100.0), primary=True,
    ),
    Column("b_ar_um2", "B.Ar: area of bone, lacunae included (2-D).", Sum()),
    Column("t_ar_um2", "T.Ar: area of tissue in the region, glass and tears left out (2-D).", Sum()),
    Column("b_pm_um", "B.Pm: length of bone's outline within the region (2-D).", Sum()),
    Column(
        "tb_th_um", "Tb.Th by the plate model, 2·B.Ar/B.Pm: the width Tb.Wi in the section (2-D).",
        Ratio("b_ar_um2", "b_pm_um", 2.0),
    ),
    Column(
        "tb_sp_um", "Tb.Sp by the plate model, 2·(T.Ar − B.Ar)/B.Pm, in the section (2-D).",
        Ratio("ma_ar_um2", "b_pm_um", 2.0),
    ),
    Column(
        "tb_n_per_mm", "Tb.N by the plate model, (B.Ar/T.Ar)/Tb.Th = B.Pm/(2·T.Ar), in the section (2-D).",
        Ratio("b_pm_um", "t_ar_um2", 500.0),
    ),
    Column(
        "tb_th_direct_um", "Mean over bone of the diameter of the largest disc in it that holds a place (2-D).",
        AreaWeighted("b_ar_px"),
    ),
    Column("tb_sp_direct_um", "The same of the tissue between the bone (2-D).", AreaWeighted("ma_ar_px")),
    Column("ma_ar_um2", "Ma.Ar: T.Ar less B.Ar (2-D).", Sum()),
    Column(
        "threshold_od",
        "Density of nuclear stain (with ImageJ's chain: of eosin) above which a pixel counts.", Mean(),
    ),
    Column("nucleus_px", "Diameter of a marrow cell's nucleus that was reckoned with."),
    *WHITE_COLUMNS,
    Column("b_ar_px", "B.Ar in pixels.", Sum()),
    Column("t_ar_px", "T.Ar in pixels.", Sum()),
    Column("ma_ar_px", "Ma.Ar in pixels.", Sum()),
    Column("b_pm_px", "B.Pm in pixels.", Sum()),
    Column("tb_th_direct_px", "Direct Tb.Th in pixels.", AreaWeighted("b_ar_px")),
    Column("tb_sp_direct_px", "Direct Tb.Sp in pixels.", AreaWeighted("ma_ar_px")),
)  # fmt: skip

OBJECT_COLUMNS = (
    *PLACE_AND_AREA_COLUMNS,
    Column("perimeter_um", "Length of the outline within the region."),
    Column("perimeter_px", "The same in pixels."),
)

NUCLEUS_UM = 6.0
"""Diameter of a marrow cell's nucleus in a section."""

NUCLEUS_WORKING_PX = 4.0
"""Bone is told where nuclei are as many px wide or a little more: finer adds time, not knowledge."""

MISMATCH_DEG = 45.0
"""A hue further than this from eosin's is another stain's."""

_GREEN_MARGIN_OD = 0.02
"""What a camera's white balance may be off by."""

_ESTIMATING_PX = 768
"""Edge of the middle of a region in which nuclei are sized."""


@dataclass(frozen=True, eq=False)
class Found:
    """Bone and tissue of a region's box, at full size, and what finding them had to remark."""

    bone: Mask
    tissue: Mask
    flags: tuple[Flag, ...] = ()


def measure_bone(part: Part, chain: Chain, found: Found, nucleus_px: float) -> Measured:
    """Measure a region in which bone and tissue have been told.

    Parameters
    ----------
    part : Part
    chain : Chain
        Whose white point and threshold are reported.
    found : Found
    nucleus_px : float
    """
    tissue = part.within(found.tissue)
    bone = found.bone & tissue
    outline = histomorphometry.outline_density(bone, tissue)
    labels = particles.label(bone)
    table = particles.measure_objects(labels)
    lengths = _lengths(bone, tissue, outline, reduction=max(1, int(nucleus_px / NUCLEUS_WORKING_PX)))
    objects = _object_values(part, table, histomorphometry.perimeters(labels, outline))
    values = {
        **_values_in_px(lengths),
        **_values_in_um(lengths, part.image.pixel_size),
        "threshold_od": chain.threshold_od if np.isfinite(chain.threshold_od) else None,
        "nucleus_px": nucleus_px,
        **white_values(chain.stains.white),
    }
    ordered = {column.name: values[column.name] for column in COLUMNS}
    flags = merged(found.flags, (Flag.STAIN_MISMATCH,) if _is_another_stain(part, chain, bone) else ())
    return Measured(ordered, flags, labels, objects, {"bone": bone, "tissue": tissue}, found=len(table) > 0)


def found_by_colour_and_nuclei(part: Part, chain: Chain, sizes: BoneSizes) -> Found:
    """Tell bone and tissue where nuclei are a few px wide, and bring them back to full size."""
    step = max(1, int(sizes.nucleus / NUCLEUS_WORKING_PX))
    density = reduced_density(part, chain.stains.white, step)
    told = bone_tissue.find_bone(density, chain.stains, chain.threshold_od, sizes.reduced(step))
    return Found(_enlarged(told.bone, part.shape), _enlarged(told.tissue, part.shape), told.flags)


def found_by_example(bone: Mask, glass: Mask, sizes: BoneSizes) -> Found:
    """What a trained classifier calls bone and glass: lacunae filled, small pieces left to the marrow.

    Parameters
    ----------
    bone, glass : bool array of the region's box
    sizes : BoneSizes
    """
    filled = segmentation.fill_holes(bone, disc_area(sizes.largest_lacuna))
    labels = particles.label(filled)
    large = np.bincount(labels.ravel()) >= disc_area(sizes.smallest_piece)
    large[0] = False
    solid = np.asarray(large[labels])
    return Found(solid, ~glass | solid)


def nothing_found(part: Part) -> Found:
    """Neither bone nor tissue."""
    return Found(np.zeros(part.shape, dtype=np.bool_), np.zeros(part.shape, dtype=np.bool_))


def estimated_nucleus_px(part: Part, white: White) -> float:
    """Diameter of nuclei in the middle of a region, for a picture of unknown pixel size."""
    height, width = part.shape
    top, left = max(0, (height - _ESTIMATING_PX) // 2), max(0, (width - _ESTIMATING_PX) // 2)
    middle = part.pixels[top : top + _ESTIMATING_PX, left : left + _ESTIMATING_PX]
    return bone_tissue.nucleus_diameter(optical_density(middle, White(white.rgb)))


def reduced_density(part: Part, white: White, step: int) -> npt.NDArray[np.float32]:
    """Optical density of a region's box, reduced by a whole factor, the shape of the light corrected for."""
    size = (-(-part.shape[1] // step), -(-part.shape[0] // step))
    pixels = part.pixels if step == 1 else cv2.resize(part.pixels, size, interpolation=cv2.INTER_AREA)
    density = optical_density(pixels, White(white.rgb))
    if white.light:
        surface = light_surface(white, part.image.shape, part.region.box)
        density += surface if step == 1 else cv2.resize(surface, size, interpolation=cv2.INTER_AREA)
    return density


@dataclass(frozen=True)
class _Lengths:
    """Areas, perimeter and direct thickness of a region in px; NaN where there is none."""

    bone: int
    tissue: int
    perimeter: float
    width: float
    separation: float


def _lengths(bone: Mask, tissue: Mask, outline: npt.NDArray[np.float32], reduction: int) -> _Lengths:
    size = (-(-bone.shape[1] // reduction), -(-bone.shape[0] // reduction))
    # Bone is not known more finely than it was told: thickness is found at that size.
    small_bone, small_tissue = (
        cv2.resize(mask.view(np.uint8), size, interpolation=cv2.INTER_NEAREST).view(np.bool_) for mask in (bone, tissue)
    )
    scale = bone.shape[0] / size[1]
    return _Lengths(
        int(np.count_nonzero(bone)),
        int(np.count_nonzero(tissue)),
        float(outline.sum(dtype=np.float64)),
        scale * histomorphometry.mean_thickness(small_bone),
        scale * histomorphometry.mean_thickness(small_tissue & ~small_bone),
    )


def _values_in_px(lengths: _Lengths) -> dict[str, Value]:
    return {
        "bv_tv_pct": 100.0 * lengths.bone / lengths.tissue if lengths.tissue else None,
        "b_ar_px": lengths.bone,
        "t_ar_px": lengths.tissue,
        "ma_ar_px": lengths.tissue - lengths.bone,
        "b_pm_px": lengths.perimeter,
        "tb_th_direct_px": _known(lengths.width),
        "tb_sp_direct_px": _known(lengths.separation),
    }


def _values_in_um(lengths: _Lengths, pixel_size: float | None) -> dict[str, Value]:
    names = [column.name for column in COLUMNS if column.name.endswith(("_um", "_um2", "_per_mm"))]
    if pixel_size is None:
        return dict.fromkeys(names)
    um2 = pixel_size**2
    bone, tissue, length = lengths.bone * um2, lengths.tissue * um2, lengths.perimeter * pixel_size
    model = histomorphometry.plate_model(bone, tissue, length)
    return {
        "b_ar_um2": bone,
        "t_ar_um2": tissue,
        "b_pm_um": length,
        "tb_th_um": _known(model.width),
        "tb_sp_um": _known(model.separation),
        "tb_n_per_mm": 1000.0 * model.number if tissue else None,
        "tb_th_direct_um": _known(lengths.width * pixel_size),
        "tb_sp_direct_um": _known(lengths.separation * pixel_size),
        "ma_ar_um2": tissue - bone,
    }


def _known(value: float) -> float | None:
    return None if np.isnan(value) else value


def _object_values(
    part: Part, table: particles.ObjectTable, perimeters: npt.NDArray[np.float64]
) -> Mapping[str, npt.NDArray[Any]]:
    um = np.nan if part.image.pixel_size is None else part.image.pixel_size
    return {
        **place_and_area(part, table),
        "perimeter_um": perimeters * um,
        "perimeter_px": perimeters,
    }


def _is_another_stain(part: Part, chain: Chain, bone: Mask | Labels) -> bool:
    if _absorbs_green_least(part):
        return True
    step = max(1, min(part.shape) // 128)
    every = (slice(None, None, step), slice(None, None, step))
    pixels = part.pixels[every][np.asarray(bone[every] > 0)]
    if len(pixels) < 50:
        return False
    colour = optical_density(pixels, White(chain.stains.white.rgb)).mean(axis=0)
    eosin = chain.stains.vectors[chain.stains.index("eosin")]
    return stains.hue_angle_deg(colour.tolist(), eosin) > MISMATCH_DEG


def _absorbs_green_least(part: Part) -> bool:
    """Whether green is what a picture holds back least: haematoxylin and eosin hold it back most.

    So does an inverted picture, or one of a green stain.
    """
    full = White((part.image.max_value,) * 3)
    red, green, blue = optical_density(part.sample, full).mean(axis=0).tolist()
    return bool(green < min(red, blue) - _GREEN_MARGIN_OD)


def _enlarged(mask: Mask, shape: tuple[int, int]) -> Mask:
    if mask.shape == shape:
        return mask
    grown = cv2.resize(mask.view(np.uint8) * np.uint8(255), shape[::-1], interpolation=cv2.INTER_LINEAR)
    return np.asarray(grown > 127)
