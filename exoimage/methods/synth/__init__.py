"""Synthetic pictures with known answers: what tests, tutorials and power calculations measure against."""

from exoimage.methods.synth.annotations import Annotated, annotated
from exoimage.methods.synth.blots import Blot, BlotPicture, blot_picture, random_blot
from exoimage.methods.synth.bone import BoneField, Marrow, Specimen, Trabeculae, bone_field
from exoimage.methods.synth.cells import CellField, CellPopulation, Haze, cell_field
from exoimage.methods.synth.fields import (
    BARE,
    CELL_LAYER,
    DEMO_ALIZARIN,
    NEUTRAL,
    NoduleField,
    Surroundings,
    nodule_field,
)
from exoimage.methods.synth.immuno import ImmunoField, Immunostain, immuno_field, tilted
from exoimage.methods.synth.nodules import Growth, Nodules, grow_nodules
from exoimage.methods.synth.optics import (
    IDEAL_CAMERA,
    Camera,
    Light,
    illumination,
    photograph,
    transmittance,
)
from exoimage.methods.synth.plates import Plate, PlateWell, plate_photo
from exoimage.methods.synth.silver import Silver, SilverField, silver_field
from exoimage.methods.synth.trichrome import (
    GOLDNER,
    MASSON_BLUE,
    MASSON_GREEN,
    Section,
    TrichromeColours,
    TrichromeField,
    trichrome_field,
)
from exoimage.methods.synth.uptake import Uptake, UptakeField, uptake_field

__all__ = [
    "BARE",
    "CELL_LAYER",
    "DEMO_ALIZARIN",
    "GOLDNER",
    "IDEAL_CAMERA",
    "MASSON_BLUE",
    "MASSON_GREEN",
    "NEUTRAL",
    "Annotated",
    "Blot",
    "BlotPicture",
    "BoneField",
    "Camera",
    "CellField",
    "CellPopulation",
    "Growth",
    "Haze",
    "ImmunoField",
    "Immunostain",
    "Light",
    "Marrow",
    "NoduleField",
    "Nodules",
    "Plate",
    "PlateWell",
    "Section",
    "Silver",
    "SilverField",
    "Specimen",
    "Surroundings",
    "Trabeculae",
    "TrichromeColours",
    "TrichromeField",
    "Uptake",
    "UptakeField",
    "annotated",
    "blot_picture",
    "bone_field",
    "cell_field",
    "grow_nodules",
    "illumination",
    "immuno_field",
    "nodule_field",
    "photograph",
    "plate_photo",
    "random_blot",
    "silver_field",
    "tilted",
    "transmittance",
    "trichrome_field",
    "uptake_field",
]
