"""From amounts of stain to the pixels of a camera: absorption, light, blur, noise, quantisation."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import cv2
import numpy as np
import numpy.typing as npt

from exoimage.errors import RecipeError

FloatArray = npt.NDArray[np.float32]
Rgb = tuple[float, float, float]

BITS = (8, 12, 16)


@dataclass(frozen=True)
class Light:
    """What lights the field.

    Parameters
    ----------
    white : (red, green, blue)
        Stored value of an empty, fully lit pixel on the scale 0 … 255, whatever the bit depth.
    relative_range : float
        How much darker the darkest place of the field is than the brightest, 0 … 0.95. The brightest is `white`.
    kind : {"quadratic", "linear"}
        A vignette around an off-centre optimum, or a slope across the field.
    angle_deg : float
        Direction (clockwise from the x axis) in which it is brightest.
    """

    white: Rgb = (238.0, 236.0, 230.0)
    relative_range: float = 0.0
    kind: Literal["quadratic", "linear"] = "quadratic"
    angle_deg: float = 20.0

    def __post_init__(self) -> None:
        if not all(0 < value <= 255 for value in self.white):
            raise RecipeError(f"white is {self.white}; expected three values above 0 and up to 255")
        if not 0 <= self.relative_range <= 0.95:
            raise RecipeError(f"relative_range is {self.relative_range}; expected 0 … 0.95")


@dataclass(frozen=True)
class Camera:
    """What the optics and the camera make of the light.

    Parameters
    ----------
    blur_px : float
        Sigma of the Gaussian blur in px; 0.6 … 1 is a good focus, 3 and more is out of focus.
    electrons : float
        Photo-electrons of a pixel at the top of the scale: decides the shot noise; infinite means none.
    read_noise : float
        Sigma of the noise that is there without light, on the scale 0 … 255.
    bits : {8, 12, 16}
        8 gives uint8; 12 (top 4095) and 16 give uint16.
    jpeg_quality : int
        1 … 100 sends the picture through JPEG (8 bits only); 0 does not.
    """

    blur_px: float = 0.8
    electrons: float = 12_000.0
    read_noise: float = 0.6
    bits: Literal[8, 12, 16] = 8
    jpeg_quality: int = 0

    def __post_init__(self) -> None:
        if self.bits not in BITS:
            raise RecipeError(f"a camera of {self.bits} bits; expected one of {BITS}")
        if self.blur_px < 0 or self.read_noise < 0 or not self.electrons > 0:
            raise RecipeError("blur_px and read_noise must be 0 or more, electrons above 0")
        if not 0 <= self.jpeg_quality <= 100 or (self.jpeg_quality and self.bits != 8):
            raise RecipeError("jpeg_quality is 0 (no JPEG) … 100, and JPEG stores 8 bits only")

    @property
    def max_value(self) -> int:
        """The stored value at which this camera saturates."""
        return int(2**self.bits - 1)


IDEAL_CAMERA = Camera(blur_px=0.0, electrons=float("inf"), read_noise=0.0)


def illumination(shape: tuple[int, int], light: Light) -> FloatArray:
    """Relative brightness of an empty field.

    Returns
    -------
    (y, x) float32
        Exactly 1 at the brightest pixel and ``1 - light.relative_range`` at the darkest.

    Examples
    --------
    >>> field = illumination((40, 50), Light(relative_range=0.2))
    >>> float(field.max()), round(float(field.min()), 3)
    (1.0, 0.8)
    """
    if light.relative_range == 0:
        return np.ones(shape, np.float32)
    y = np.linspace(-1, 1, shape[0], dtype=np.float32)[:, np.newaxis]
    x = np.linspace(-1, 1, shape[1], dtype=np.float32)[np.newaxis, :]
    angle = np.deg2rad(light.angle_deg)
    if light.kind == "linear":
        fall = -(x * np.cos(angle) + y * np.sin(angle))
    else:
        fall = (x - 0.3 * np.cos(angle)) ** 2 + (y - 0.3 * np.sin(angle)) ** 2
    span = fall.max() - fall.min()
    if span == 0:
        return np.ones(shape, np.float32)
    return np.asarray(1 - light.relative_range * (fall - fall.min()) / span, np.float32)


def unit(vector: Rgb) -> Rgb:
    """An optical-density vector scaled to length 1."""
    length = float(np.linalg.norm(vector))
    return (vector[0] / length, vector[1] / length, vector[2] / length)


def transmittance(amounts: Sequence[FloatArray], vectors: Sequence[Rgb]) -> FloatArray:
    """Share of the light that passes several stains: ``10 ** -sum(amount * vector)`` (Beer–Lambert).

    Parameters
    ----------
    amounts : sequence of (y, x) float arrays
        Decadic optical density of each stain along its vector.
    vectors : sequence of (red, green, blue)
        One optical-density vector per stain.

    Returns
    -------
    (y, x, 3) float32

    Examples
    --------
    >>> one = transmittance([np.full((1, 1), 2.0, np.float32)], [(0.0, 0.5, 1.0)])
    >>> [round(float(share), 3) for share in one[0, 0]]
    [1.0, 0.1, 0.01]
    """
    if len(amounts) != len(vectors) or not amounts:
        raise RecipeError(f"{len(amounts)} stains with {len(vectors)} vectors; expected one vector per stain")
    planes = []
    for colour in range(3):
        density = sum(amount * np.float32(vector[colour]) for amount, vector in zip(amounts, vectors, strict=True))
        planes.append(np.exp(np.asarray(density, np.float32) * np.float32(-np.log(10))))
    return np.stack(planes, axis=2)


def photograph(scene: FloatArray, camera: Camera, rng: np.random.Generator) -> npt.NDArray[Any]:
    """Blur, noise, clipping, quantisation and JPEG of a scene.

    Parameters
    ----------
    scene : (y, x, channel) float32
        Light that arrives, 1 at the top of the camera's scale.
    camera : Camera
    rng : numpy.random.Generator
        Where the noise comes from.

    Returns
    -------
    (y, x, channel) uint8 or uint16
    """
    light = blurred(scene, camera.blur_px)
    variance = np.maximum(light, 0) / camera.electrons + (camera.read_noise / 255) ** 2
    if np.isfinite(camera.electrons) or camera.read_noise:
        noise = rng.standard_normal(light.shape, np.float32) * np.sqrt(variance, dtype=np.float32)
        light = np.asarray(light + noise, np.float32)
    top = camera.max_value
    stored = np.clip(np.rint(light * np.float32(top)), 0, top).astype(np.uint8 if camera.bits == 8 else np.uint16)
    return _through_jpeg(stored, camera.jpeg_quality) if camera.jpeg_quality else stored


def blurred(picture: FloatArray, sigma_px: float) -> FloatArray:
    """Gaussian blur with mirrored borders; sigma 0 returns the picture itself."""
    if sigma_px == 0:
        return picture
    blur = cv2.GaussianBlur(picture, (0, 0), sigma_px, borderType=cv2.BORDER_REFLECT_101)
    return np.asarray(blur, np.float32)


def smooth_noise(shape: tuple[int, int], sigma_px: float, rng: np.random.Generator) -> FloatArray:
    """Random (y, x) texture of mean 0 and standard deviation 1 whose features are about `sigma_px` wide."""
    # Coarse textures are drawn small and enlarged: a wide blur of white noise costs much and adds nothing.
    step = max(1, int(sigma_px / 2))
    small = (max(2, -(-shape[0] // step)), max(2, -(-shape[1] // step)))
    noise = blurred(rng.standard_normal(small, np.float32), sigma_px / step)
    grown = cv2.resize(noise, (shape[1], shape[0]), interpolation=cv2.INTER_CUBIC)
    texture = np.asarray(grown, np.float32).reshape(shape)
    return np.asarray((texture - texture.mean()) / max(float(texture.std()), 1e-6), np.float32)


def _through_jpeg(pixels: npt.NDArray[Any], quality: int) -> npt.NDArray[Any]:
    _, data = cv2.imencode(".jpg", pixels[:, :, ::-1], [cv2.IMWRITE_JPEG_QUALITY, quality])
    decoded = np.asarray(cv2.imdecode(data, cv2.IMREAD_COLOR), np.uint8)
    return np.ascontiguousarray(decoded[:, :, ::-1])
