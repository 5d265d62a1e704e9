"""Sample data: a synthetic picture for every assay, made when it is asked for."""

from __future__ import annotations

from typing import Any

from exoimage.images.image import Image
from exoimage.methods import stains, synth

from napari_exoimage import adapter
from napari_exoimage.picture_source import PICTURE

LayerData = tuple[Any, dict[str, Any], str]

PIXEL_SIZE_UM = 0.65
SEED = 7


def picture(assay: str) -> Image:
    """The sample picture of an assay.

    Raises
    ------
    KeyError
        If there is none.
    """
    makers = {
        "alizarin-red": lambda: _stained("alizarin red"),
        "alp": lambda: _stained("BCIP/NBT"),
        "stain-area": lambda: _stained("Sirius red"),
        "von-kossa": lambda: _bright(synth.silver_field(seed=SEED).pixels),
        "he-bone": lambda: _bright(synth.bone_field(seed=SEED).pixels),
        "masson": lambda: _bright(synth.trichrome_field(seed=SEED).pixels),
        "ihc-dab": lambda: _bright(synth.immuno_field(seed=SEED).pixels),
        "edu": _proliferating,
        "pkh26": _taking_up,
        "western-blot": _blotted,
    }
    return makers[assay]()


def _stained(stain: str) -> Image:
    vector = stains.preset(stain).vectors[0]
    return _bright(
        synth.nodule_field(nodules=synth.Nodules(fraction=0.18, radius_px=12), vector=vector, seed=SEED).pixels
    )


def _bright(pixels: Any) -> Image:
    return Image(pixels, pixel_size=PIXEL_SIZE_UM)


def _proliferating() -> Image:
    field = synth.cell_field(seed=SEED)
    return Image(field.pixels, ("DAPI", "EdU"), PIXEL_SIZE_UM, "emitted")


def _taking_up() -> Image:
    field = synth.uptake_field(seed=SEED)
    pixels = adapter.channels_together(field.nuclear, field.marker)
    return Image(pixels, ("DAPI", "PKH26"), PIXEL_SIZE_UM, "emitted", float(field.max_value))


def _blotted() -> Image:
    blot = synth.blot_picture(seed=SEED)
    return Image(blot.pixels, light="emitted", max_value=float(blot.max_value))


def _layers(assay: str) -> list[LayerData]:
    image = picture(assay)
    return adapter.read_layers(adapter.picture_layers(image), {PICTURE: image}, assay)


def alizarin_red() -> list[LayerData]:
    """Mineralised nodules."""
    return _layers("alizarin-red")


def alp() -> list[LayerData]:
    """Alkaline phosphatase, BCIP/NBT."""
    return _layers("alp")


def stain_area() -> list[LayerData]:
    """Sirius red."""
    return _layers("stain-area")


def von_kossa() -> list[LayerData]:
    """Black silver on nuclear fast red."""
    return _layers("von-kossa")


def he_bone() -> list[LayerData]:
    """Trabecular bone, haematoxylin and eosin."""
    return _layers("he-bone")


def masson() -> list[LayerData]:
    """Masson's trichrome, blue."""
    return _layers("masson")


def ihc_dab() -> list[LayerData]:
    """DAB and haematoxylin."""
    return _layers("ihc-dab")


def edu() -> list[LayerData]:
    """Nuclei, some with EdU."""
    return _layers("edu")


def pkh26() -> list[LayerData]:
    """Cells with puncta of a membrane dye."""
    return _layers("pkh26")


def western_blot() -> list[LayerData]:
    """Lanes and bands."""
    return _layers("western-blot")
