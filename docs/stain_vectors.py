"""How the stain vectors that no tool ships were derived: ``python docs/stain_vectors.py`` prints them.

A dye's absorption is taken as one or two Gaussian bands (wavelength of the maximum and full width at half maximum, nm,
from the dye's published spectrum), a camera's channels as Gaussian sensitivities. The optical density of a layer that
absorbs 90 % at its maximum, as each channel sees it, is the direction of the stain.
"""

from __future__ import annotations

import numpy as np

WAVELENGTHS = np.arange(380.0, 721.0)
CAMERA = {"red": (600, 70), "green": (535, 80), "blue": (455, 60)}
DYES = {
    "alizarin red S on calcium": [(512, 120, 1.0)],
    "Oil Red O": [(518, 110, 1.0)],
    "safranin O": [(522, 90, 1.0)],
    "fast green FCF": [(625, 70, 1.0)],
    "NBT formazan (BCIP/NBT, without scatter)": [(560, 130, 1.0)],
    "crystal violet (monomer and dimer)": [(590, 70, 1.0), (545, 80, 1.0)],
    "aniline blue, methyl blue": [(598, 115, 1.0)],
    "light green SF": [(632, 60, 1.0), (422, 50, 0.35)],
    "ponceau xylidine and acid fuchsin": [(505, 90, 0.8), (545, 70, 0.8)],
}


def band(centre: float, width: float) -> np.ndarray:
    """Return a Gaussian band over the visible wavelengths, 1 at its centre."""
    return np.exp(-4 * np.log(2) * ((WAVELENGTHS - centre) / width) ** 2)


def vector(bands: list[tuple[float, float, float]]) -> np.ndarray:
    """Return the unit optical-density vector (red, green, blue) of a dye."""
    absorbance = sum(height * band(centre, width) for centre, width, height in bands)
    seen = []
    for centre, width in CAMERA.values():
        sensitivity = band(centre, width)
        seen.append(-np.log10((sensitivity * 10**-absorbance).sum() / sensitivity.sum()))
    return np.array(seen) / np.linalg.norm(seen)


if __name__ == "__main__":
    for name, bands in DYES.items():
        print(f"{name:42s}", np.round(vector(bands), 3))
