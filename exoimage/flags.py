"""Flags: what a row or a result has to say beside its numbers.

Every flag that exoimage can raise is a member of `Flag`; tables print its value (``"saturated"``).
"""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum
from typing import Literal

Severity = Literal["note", "warn", "exclude"]


class Flag(StrEnum):
    """A named remark about an image or a number, with its meaning and its severity.

    Severity ``note`` informs, ``warn`` asks for a look at the picture, ``exclude`` says that the row is not fit
    to be counted (a study shows its result with and without such rows).

    Examples
    --------
    >>> Flag.SATURATED.value, Flag.SATURATED.severity
    ('saturated', 'warn')
    """

    severity: Severity
    meaning: str

    def __new__(cls, value: str, severity: Severity, meaning: str) -> Flag:
        """Build the member from the triple it is declared with."""
        member = str.__new__(cls, value)
        member._value_ = value
        member.severity = severity
        member.meaning = meaning
        return member

    BLANK = "blank", "warn", "The region holds nothing but a pale, even tone: nothing was found in it."
    LOW_CONTRAST = "low_contrast", "warn", "The tones span too little for a threshold to be told from noise."
    SATURATED = (
        "saturated",
        "warn",
        "Part of the region is as dark (absorbed light) or bright (emitted) as the camera can store.",
    )
    CLIPPED_WHITE = "clipped_white", "warn", "The background is at the camera's upper limit: faint stain may be lost."
    OUT_OF_FOCUS = "out_of_focus", "warn", "Edges are soft: areas and counts hang on the blur."
    UNEVEN_LIGHT = "uneven_light", "warn", "The background's brightness varies over the field."
    COLOUR_CAST = (
        "colour_cast",
        "warn",
        "The white point is far from grey: wrong white balance, or no background in the picture.",
    )
    NO_PIXEL_SIZE = (
        "no_pixel_size",
        "note",
        "The size of a pixel is unknown: columns in µm are empty, sizes were taken in px.",
    )
    NO_TISSUE = "no_tissue", "warn", "No tissue was found in the region: empty glass, or too pale a stain."
    TISSUE_OF_SLIDE = (
        "tissue_of_slide",
        "note",
        "The region is the tissue of a whole slide, as found on a small picture of it; glass beside it does not count.",
    )
    PIECED_OBJECTS = (
        "pieced_objects",
        "note",
        "Objects larger than a tile's margin were put together from their pieces: their circularity is empty.",
    )
    NO_ROI = "no_roi", "note", "No region of interest was given where the measure usually needs one."
    ANNOTATION = "annotation", "warn", "Burnt-in scale bar, letters, arrows or panels were found and left out."
    COMPOSITE_FIGURE = "composite_figure", "exclude", "The file is a figure of several panels, not one picture."
    WRONG_LIGHT = (
        "wrong_light",
        "warn",
        "The picture looks like fluorescence or inverted where bright field is expected, or the reverse.",
    )
    ESTIMATED_FROM_ONE_IMAGE = (
        "estimated_from_one_image",
        "note",
        "White point, stain or threshold were estimated from this image alone, not from a study.",
    )
    THRESHOLD_AT_LIMIT = (
        "threshold_at_limit",
        "note",
        "The automatic threshold fell below the floor in OD, which was used instead.",
    )
    THRESHOLD_OVERRIDDEN = "threshold_overridden", "warn", "The threshold of this image was set by hand."
    RECIPE_OVERRIDDEN = "recipe_overridden", "warn", "This image was measured by parameters of its own, set by hand."
    NO_THRESHOLD = "no_threshold", "warn", "The automatic method has no answer on these tones: nothing was counted."
    EDITED = "edited", "note", "The mask was corrected by hand."
    STAINS_NEAR_PARALLEL = (
        "stains_near_parallel",
        "warn",
        "Two stain vectors are so alike that their shares are uncertain.",
    )
    STAIN_MISMATCH = (
        "stain_mismatch",
        "warn",
        "The colour of what was counted is far from the stain vector: another stain, an inverted picture, or a wrong"
        " white point?",
    )
    LOSSY_FILE = "lossy_file", "note", "The file is compressed with loss (JPEG): colours and edges are not as measured."
    MOSAIC_GAPS = (
        "mosaic_gaps",
        "warn",
        "Parts of a stitched mosaic hold no tile and count as empty field: give regions, or crop the picture.",
    )
    PALETTE_FILE = "palette_file", "note", "The file stores a palette of few colours: colours are not as measured."
    BONE_UNCERTAIN = (
        "bone_uncertain",
        "warn",
        "Large pink pieces hold more nuclei, or are grainier, than bone, and were left out: look at the overlay.",
    )
    WELL_PHOTO = (
        "well_photo",
        "warn",
        "The picture looks like a photo of round wells but was measured as one field: choose region.method = wells.",
    )
    WELLS_UNCERTAIN = "wells_uncertain", "warn", "The wells found do not fit a regular grid well: look at the overlay."
    OVERLAPPING_REGIONS = (
        "overlapping_regions",
        "note",
        "Regions overlap: each has its own numbers, but the label image shows a shared place once.",
    )
    NO_MARKER_CHANNEL = "no_marker_channel", "warn", "The marker's channel is missing: only nuclei were counted."
    MERGED_COLOUR = (
        "merged_colour",
        "note",
        "Channels were taken from a merged colour picture: 8 bits, stretched for display and maybe clipped.",
    )
    CHANNELS_SWAPPED = (
        "channels_swapped",
        "warn",
        "The marker's channel shows nuclei that the nuclear channel has not: are the two swapped?",
    )
    BLEED_THROUGH = (
        "bleed_through",
        "warn",
        "The marker follows the nuclear stain from nucleus to nucleus: light of one channel leaks into the other.",
    )
    ONE_CLASS = (
        "one_class",
        "warn",
        "The marker's intensities are one class: the cut was set by the noise of the background, not between classes.",
    )
    NO_BACKGROUND = (
        "no_background",
        "warn",
        "Cells leave no three free places: the background was taken from the darkest ones, and CTCF is too low.",
    )
    NO_DYE_CONTROL = "no_dye_control", "note", "No dye-only control is named: dye forms particles of its own."
    NO_LANES = "no_lanes", "warn", "No lane of a blot was found: nothing stands out of the noise."
    LANES_UNCERTAIN = (
        "lanes_uncertain",
        "warn",
        "The lanes hardly stand out from what is between them: look at the overlay, or give their number or boxes.",
    )
    CUT_LANE = "cut_lane", "warn", "The picture's edge cuts the lane or the band: the volume is of a part of it."
    CROPPED_CLOSE = (
        "cropped_close",
        "warn",
        "Less than a band's height of membrane is left above or below the band: its background is uncertain.",
    )
    NO_BAND = "no_band", "note", "No band stands out at the lane's place in the row: the volume there was measured."
    DENOMINATOR_BELOW_DETECTION = (
        "denominator_below_detection",
        "warn",
        "The band that this one is divided by is below its limit of detection: the ratio is empty.",
    )
    BELOW_DETECTION = (
        "below_detection",
        "warn",
        "The volume is below the detection limit, three standard deviations of places without a band.",
    )
    NOT_A_MEASUREMENT_FILE = (
        "not_a_measurement_file",
        "warn",
        "The file is a picture for looking at (PNG, JPEG), maybe adjusted or compressed: quantify the imager's own.",
    )
    COLOUR_FILM = (
        "colour_film",
        "warn",
        "The blot is a colour photograph, as of a film: a film's blackening and a photograph's tones are not linear.",
    )
    POLARITY_UNSURE = (
        "polarity_unsure",
        "warn",
        "Dark and bright things stand out alike: say signal = dark or bright.",
    )
    UPSIDE_DOWN = "upside_down", "warn", "The ladder's spacing fits better from bottom to top: is the blot upside down?"
    LADDER_UNCERTAIN = (
        "ladder_uncertain",
        "warn",
        "The ladder's bands do not fit its masses: fewer were found, or masses are more than 10 % off.",
    )
    EXTRAPOLATED_MASS = "extrapolated_mass", "note", "The band lies beyond the ladder: its mass is extrapolated."
    IMAGEJ_OVERFLOW = (
        "imagej_overflow",
        "warn",
        "ImageJ's integer arithmetic overflows here: its number differs from the exact one.",
    )
    IMAGEJ_VERSION = "imagej_version", "note", "ImageJ's versions answer differently here."


def flag(name: str) -> Flag:
    """The flag of a name, as tables print it.

    Raises
    ------
    ValueError
        If there is none.
    """
    for member in Flag:
        if member.value == name:
            return member
    raise ValueError(f"no flag is called {name!r}")


def names(flags: Iterable[Flag]) -> tuple[str, ...]:
    """Flags as table text: their values, each once, in the registry's order.

    Examples
    --------
    >>> names([Flag.LOSSY_FILE, Flag.BLANK, Flag.BLANK])
    ('blank', 'lossy_file')
    """
    present = set(flags)
    return tuple(member.value for member in Flag if member in present)


def merged(*groups: Iterable[Flag]) -> tuple[Flag, ...]:
    """Union of several groups of flags, each once, in the registry's order."""
    present = {member for group in groups for member in group}
    return tuple(member for member in Flag if member in present)
