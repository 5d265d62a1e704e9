"""Sections stained with a trichrome (Masson's, Goldner's): bone with marrow, or fibrous tissue, with their truth."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from exoimage.errors import RecipeError
from exoimage.methods.synth.optics import (
    Camera,
    FloatArray,
    Light,
    Rgb,
    blurred,
    illumination,
    photograph,
    smooth_noise,
    transmittance,
    unit,
)

Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class TrichromeColours:
    """Optical-density vectors of what a trichrome stains; each is scaled to unit length.

    Parameters
    ----------
    collagen : (red, green, blue)
        Aniline blue, methyl blue or light green.
    red : (red, green, blue)
        Ponceau and acid fuchsin in mature bone, muscle and cytoplasm.
    nuclei : (red, green, blue)
        Iron haematoxylin.
    erythrocytes : (red, green, blue)
        Orange-red.
    """

    collagen: Rgb
    red: Rgb = (0.12, 0.78, 0.61)
    nuclei: Rgb = (0.55, 0.66, 0.50)
    erythrocytes: Rgb = (0.08, 0.65, 0.75)

    def __post_init__(self) -> None:
        for name in ("collagen", "red", "nuclei", "erythrocytes"):
            vector = getattr(self, name)
            if min(vector) < 0 or max(vector) <= 0:
                raise RecipeError(f"the vector of {name} is {vector}; expected three densities of 0 or more, not all 0")


MASSON_BLUE = TrichromeColours(collagen=(0.80, 0.57, 0.20))
MASSON_GREEN = TrichromeColours(collagen=(0.88, 0.30, 0.38))
GOLDNER = TrichromeColours(collagen=(0.88, 0.28, 0.40), red=(0.10, 0.74, 0.67))


@dataclass(frozen=True)
class Section:
    """What a section holds.

    Parameters
    ----------
    collagen : float
        Share of the field in the collagen's colour, hit to the pixel: new bone, or the fibres of fibrous tissue.
    mature : float
        Share of the field that is red bone; 0 gives fibrous tissue, whose red is cytoplasm.
    collagen_inside : bool
        Bone's core has the collagen's colour and red lies on it: mineralised bone with osteoid, in Goldner's.
    glass : float
        Share of the field that is empty.
    width_px : float
        Width of a trabecula, or of a bundle of fibres.
    collagen_od, red_od : float
        Median optical density along the stains' vectors.
    spread : float
        Sigma of the logarithm of the densities, from place to place.
    nuclei : float
        Nuclei per 10,000 px of soft tissue.
    erythrocytes : float
        Erythrocytes per 10,000 px of soft tissue; they lie in heaps.
    """

    collagen: float = 0.15
    mature: float = 0.2
    collagen_inside: bool = False
    glass: float = 0.1
    width_px: float = 40.0
    collagen_od: float = 0.55
    red_od: float = 0.6
    spread: float = 0.2
    nuclei: float = 12.0
    erythrocytes: float = 6.0

    def __post_init__(self) -> None:
        shares = (self.collagen, self.mature, self.glass)
        if min(shares) < 0 or sum(shares) > 1:
            raise RecipeError(f"collagen, mature and glass are {shares}; expected shares that add up to 1 at most")
        if self.width_px < 4 or min(self.collagen_od, self.red_od) <= 0:
            raise RecipeError("width_px must be 4 or more, collagen_od and red_od above 0")
        if min(self.spread, self.nuclei, self.erythrocytes) < 0:
            raise RecipeError("spread, nuclei and erythrocytes must be 0 or more")


@dataclass(frozen=True, eq=False)
class TrichromeField:
    """A rendered section and its truth.

    Parameters
    ----------
    pixels : (y, x, 3) uint8 or uint16
        The picture.
    collagen : (y, x) bool
        In the collagen's colour: new bone (in Goldner's, mineralised bone).
    mature : (y, x) bool
        Red bone (in Goldner's, osteoid).
    glass : (y, x) bool
        Empty glass, fat and vessels' lumens.
    white : (red, green, blue)
        Stored value of an empty, fully lit pixel, in the units of `pixels`.
    """

    pixels: npt.NDArray[Any]
    collagen: Mask
    mature: Mask
    glass: Mask
    white: Rgb

    @property
    def new_bone_pct(self) -> float:
        """Share of the bone that has the collagen's colour, in percent; not-a-number without bone."""
        bone = int(self.collagen.sum()) + int(self.mature.sum())
        return 100 * int(self.collagen.sum()) / bone if bone else float("nan")

    @property
    def collagen_pct(self) -> float:
        """Share of the field that has the collagen's colour, in percent."""
        return 100 * float(self.collagen.mean())

    @property
    def mature_pct(self) -> float:
        """Share of the field that is red bone, in percent."""
        return 100 * float(self.mature.mean())


@dataclass(frozen=True, eq=False)
class _Layers:
    """Optical densities of the four stains."""

    collagen: FloatArray
    red: FloatArray
    nuclei: FloatArray
    erythrocytes: FloatArray


def trichrome_field(
    shape: tuple[int, int] = (512, 640),
    section: Section | None = None,
    *,
    colours: TrichromeColours = MASSON_BLUE,
    light: Light | None = None,
    camera: Camera | None = None,
    seed: int = 0,
) -> TrichromeField:
    """Render a trichrome-stained section.

    Parameters
    ----------
    shape : (height, width)
        In px.
    section : Section, optional
        With `mature` above 0 it is bone: trabeculae that are red inside, new bone on them, marrow with fat, cells and
        erythrocytes between them. Without, it is fibrous tissue: bundles of collagen in red cytoplasm.
    colours : TrichromeColours
    light : Light, optional
    camera : Camera, optional
    seed : int
        The same seed and parameters give the same picture.

    Returns
    -------
    TrichromeField

    Raises
    ------
    RecipeError
        If a parameter is out of its bounds.

    Examples
    --------
    >>> picture = trichrome_field((200, 240), Section(collagen=0.2, mature=0.3), seed=1)
    >>> picture.pixels.shape, round(picture.collagen_pct), round(picture.mature_pct)
    ((200, 240, 3), 20, 30)
    """
    section, light, camera = section or Section(), light or Light(), camera or Camera()
    shape_rng, stain_rng, camera_rng = np.random.default_rng(seed).spawn(3)
    collagen, mature, glass = _tissues(shape, section, shape_rng)
    layers, glass = _stained(collagen, mature, glass, section, stain_rng)
    passed = transmittance(
        [layers.collagen, layers.red, layers.nuclei, layers.erythrocytes],
        [unit(v) for v in (colours.collagen, colours.red, colours.nuclei, colours.erythrocytes)],
    )
    lit = illumination(shape, light)
    scene = np.asarray(passed * lit[:, :, np.newaxis] * (np.array(light.white) / 255), np.float32)
    red, green, blue = (value / 255 * camera.max_value for value in light.white)
    return TrichromeField(photograph(scene, camera, camera_rng), collagen, mature, glass, (red, green, blue))


def _tissues(shape: tuple[int, int], section: Section, rng: np.random.Generator) -> tuple[Mask, Mask, Mask]:
    """Where collagen, red bone and empty glass are, each of its exact area; the rest is soft tissue."""
    size = shape[0] * shape[1]
    collagen_px, mature_px, glass_px = (round(s * size) for s in (section.collagen, section.mature, section.glass))
    # A strand |z| < q of smooth Gaussian noise z that covers a share f is about 2.8 · f · sigma wide.
    covered = max(section.collagen + section.mature, 0.05)
    lie = smooth_noise(shape, float(np.clip(section.width_px / (2.8 * covered), 4.0, max(shape) / 4)), rng)
    # Strands: where a smooth field is near its middle. They branch and close as trabeculae and septa do.
    bone = _lowest(np.abs(lie), np.ones(shape, np.bool_), collagen_px + mature_px)
    if mature_px:
        depth = cv2.distanceTransform(np.pad(bone, 1, mode="edge").view(np.uint8), cv2.DIST_L2, 5)[1:-1, 1:-1]
        # New bone is laid on the surface, thick in some places and absent in others.
        patchy = 0.35 * section.width_px * smooth_noise(shape, 2 * section.width_px, rng)
        inwards = -1.0 if section.collagen_inside else 1.0
        collagen = _lowest(np.asarray(inwards * depth + patchy, np.float32), bone, collagen_px)
    else:
        collagen = bone
    far = smooth_noise(shape, 1.5 * section.width_px, rng)
    glass = _lowest(far, ~bone, min(glass_px, int((~bone).sum())))
    return collagen, bone & ~collagen, glass


def _lowest(values: FloatArray, where: Mask, count: int) -> Mask:
    """The `count` places of `where` with the lowest values."""
    chosen = np.zeros(values.shape, np.bool_)
    if count > 0:
        inside = np.flatnonzero(where)
        chosen.ravel()[inside[np.argpartition(values.ravel()[inside], count - 1)[:count]]] = True
    return chosen


def _stained(
    collagen: Mask, mature: Mask, glass: Mask, section: Section, rng: np.random.Generator
) -> tuple[_Layers, Mask]:
    shape = (collagen.shape[0], collagen.shape[1])
    soft = ~(collagen | mature | glass)
    if section.mature > 0:
        fat = _discs(shape, 9.0, (6.0, 14.0), rng) & soft
        glass, soft = glass | fat, soft & ~fat
    tone = np.exp(section.spread * smooth_noise(shape, section.width_px, rng)).astype(np.float32)
    fibres = np.exp(0.5 * section.spread * smooth_noise(shape, 2.0, rng)).astype(np.float32)
    nuclei = _discs(shape, section.nuclei, (2.5, 4.5), rng) & soft
    # Bone cells lie in lacunae: small and few.
    bone_cells = _discs(shape, 0.25 * section.nuclei, (1.2, 2.2), rng) & ~soft & ~glass
    heaps = smooth_noise(shape, 14.0, rng) > 1.2
    red_cells = _discs(shape, 8 * section.erythrocytes, (2.5, 3.5), rng) & heaps & soft & ~nuclei
    cytoplasm = _cytoplasm(shape, section, rng)
    red = np.where(mature, section.red_od * tone * fibres, 0) + np.where(soft & ~red_cells, cytoplasm, 0)
    red += np.where(collagen, 0.12 * section.collagen_od, 0)
    layers = _Layers(
        _feathered(np.where(collagen, section.collagen_od * tone * fibres, 0)),
        _feathered(red),
        _feathered(np.where(nuclei | bone_cells, 0.9, 0)),
        _feathered(np.where(red_cells, 0.75, 0)),
    )
    return layers, glass


def _cytoplasm(shape: tuple[int, int], section: Section, rng: np.random.Generator) -> FloatArray:
    """Red of soft tissue: cells, paler between them; marrow is paler than bone, other tissue is as red."""
    cells = smooth_noise(shape, 4.0, rng)
    median = (0.35 if section.mature > 0 else 0.8) * section.red_od
    return np.asarray(median * np.exp(0.4 * cells), np.float32)


def _discs(shape: tuple[int, int], per_10000_px: float, radii: tuple[float, float], rng: np.random.Generator) -> Mask:
    """Round bodies at random places of the field, `per_10000_px` on average."""
    layer = np.zeros(shape, np.uint8)
    for _ in range(int(rng.poisson(per_10000_px * shape[0] * shape[1] / 1e4))):
        centre = (round(16 * rng.uniform(0, shape[1])), round(16 * rng.uniform(0, shape[0])))
        axes = (round(16 * rng.uniform(*radii)), round(16 * rng.uniform(*radii)))
        cv2.ellipse(layer, centre, axes, float(rng.uniform(0, 180)), 0, 360, 1, -1, cv2.LINE_8, 4)
    return layer.view(np.bool_)


def _feathered(layer: npt.NDArray[Any]) -> FloatArray:
    """Borders of tissue are slightly oblique to the section: a soft step."""
    return blurred(np.asarray(layer, np.float32), 0.6)
