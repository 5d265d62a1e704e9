"""Synthetic pictures with known answers: what tests, tutorials and power calculations measure against."""

from exoimage.methods.synth.annotations import Annotated, annotated
from exoimage.methods.synth.fields import (
    BARE,
    CELL_LAYER,
    DEMO_ALIZARIN,
    NEUTRAL,
    NoduleField,
    Surroundings,
    nodule_field,
)
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

__all__ = [
    "BARE",
    "CELL_LAYER",
    "DEMO_ALIZARIN",
    "IDEAL_CAMERA",
    "NEUTRAL",
    "Annotated",
    "Camera",
    "Growth",
    "Light",
    "NoduleField",
    "Nodules",
    "Plate",
    "PlateWell",
    "Silver",
    "SilverField",
    "Surroundings",
    "annotated",
    "grow_nodules",
    "illumination",
    "nodule_field",
    "photograph",
    "plate_photo",
    "silver_field",
    "transmittance",
]
