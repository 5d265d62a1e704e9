"""EdU, BrdU, Ki67, pH3: the share of cells whose nucleus holds the marker."""

from __future__ import annotations

import fnmatch
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any, ClassVar, Literal, Self

import numpy as np
import numpy.typing as npt
from pydantic import Field

from exoimage.assays.choice import Scope
from exoimage.assays.colour_sample import NOT_KEPT
from exoimage.assays.cut_choices import ControlCut, CutChoice, FixedCut, TwoClassCut
from exoimage.assays.cut_histogram import CutHistogram, histogram_of
from exoimage.assays.edu_measuring import (
    COLUMNS,
    OBJECT_COLUMNS,
    EduScene,
    are_positive,
    edu_remarks,
    edu_values,
    measure_marker,
    measured_edu,
    rings_of,
    tally_edu,
)
from exoimage.assays.fluorescence import FieldEvidence, Fluorescence, Stained, not_at_hand, quality_flags
from exoimage.assays.lengths import Length
from exoimage.assays.measuring import Measured, Part
from exoimage.assays.recipe import SlideWay
from exoimage.assays.regions import WholeRegion
from exoimage.assays.results import Result
from exoimage.assays.tallies import Tally
from exoimage.assays.tiles import Counter, Look, TileRules
from exoimage.errors import ImageError, MeasureError
from exoimage.flags import Flag, merged
from exoimage.flags import flag as flag_of
from exoimage.images.image import Image
from exoimage.methods import fluorescent_nuclei
from exoimage.methods.detectors import OWN_LIGHT, FieldLight
from exoimage.methods.intensities import Intensities
from exoimage.methods.network_views import Levels

CELL_MARGIN = 6.0
LEAST_MARGIN_PX = 64
"""Margin of a slide's tiles, in nuclear diameters and px: the background is looked for in twice a nucleus' width."""

POOL_SIZE = 2**20
"""Nuclei kept of all images together, at most; beyond it each image's are thinned."""


@dataclass(frozen=True, eq=False)
class EduEvidence(FieldEvidence):
    """What a picture says of the size of nuclei and of the marker in them.

    Parameters
    ----------
    intensity : (n,) float64 array
        Of the marker in each nucleus, above its background.
    noise : (n,) float64 array
        Standard deviation of that background's pixels.
    region : (n,) uint16 array
        Index into `names`.
    control : (n,) bool array
        Whether the nucleus is of a negative control.
    max_value : float
        The value at which the picture saturates.
    typical_contrast : float
        Of the nuclear stain in nuclei, of a whole slide; 0 of a picture in one piece.
    dark, bright : float
        What the network is shown as 0 and 1, of a whole slide; 0 of a picture in one piece.
    remarks : (m,) array of str
        Flags of a whole slide, as its windows have them.
    tables : mapping of region to Intensities
        The marker's whole tables, as long as the picture is at hand: no part of what is kept.
    """

    intensity: npt.NDArray[np.float64] = field(default_factory=lambda: np.empty(0, np.float64))
    noise: npt.NDArray[np.float64] = field(default_factory=lambda: np.empty(0, np.float64))
    region: npt.NDArray[np.uint16] = field(default_factory=lambda: np.empty(0, np.uint16))
    control: npt.NDArray[np.bool_] = field(default_factory=lambda: np.empty(0, np.bool_))
    max_value: float = 0.0
    typical_contrast: float = 0.0
    dark: float = 0.0
    bright: float = 0.0
    remarks: npt.NDArray[np.str_] = field(default_factory=lambda: np.empty(0, np.str_))
    tables: Mapping[str, Intensities] = field(default_factory=dict, metadata={NOT_KEPT: True})

    def with_controls(self, names: Sequence[str]) -> EduEvidence:
        """The same evidence, the nuclei of those regions marked as negative controls."""
        return replace(self, control=np.isin(self.names, np.asarray(names, dtype=np.str_))[self.region])

    def pooled_among(self, n_images: int) -> EduEvidence:
        """As many of the nuclei as count where so many images are pooled, evenly taken: memory stays bounded."""
        step = -(-len(self.intensity) // max(1, POOL_SIZE // max(n_images, 1)))
        if step <= 1:
            return self
        some = slice(step // 2, None, step)
        return replace(
            self,
            intensity=self.intensity[some],
            noise=self.noise[some],
            region=self.region[some],
            control=self.control[some],
        )


class Edu(Fluorescence):
    """Share of nuclei that are positive for EdU, or for any other marker within the nucleus."""

    assay: ClassVar[str] = "edu"
    title: ClassVar[str] = "EdU, BrdU, Ki67, pH3: share of positive nuclei"
    revision: ClassVar[int] = 2
    drawn_objects: ClassVar[str] = "nuclei"
    slide_way: ClassVar[SlideWay] = "tiles"
    looks_edge_px: ClassVar[int] = 1024
    looks_wanted: ClassVar[int] = 36
    columns = COLUMNS
    object_columns = OBJECT_COLUMNS
    evidence: ClassVar[type[Any]] = EduEvidence
    channel_names: ClassVar[tuple[str, ...]] = ("DAPI", "EdU")
    marker_names: ClassVar[tuple[str, ...]] = (
        "edu", "brdu", "ki-67", "ki67", "ph3", "phospho-histone", "phh3", "apollo", "pcna",
    )  # fmt: skip
    references: ClassVar[tuple[str, ...]] = (
        "Salic A, Mitchison TJ. A chemical method for fast and sensitive detection of DNA synthesis in vivo."
        " Proc Natl Acad Sci USA 2008;105:2415-2420. doi:10.1073/pnas.0712168105",
        "Wilson EB. Probable inference, the law of succession, and statistical inference."
        " J Am Stat Assoc 1927;22:209-212. doi:10.1080/01621459.1927.10502953",
        "Gundersen HJG. Notes on the estimation of the numerical density of arbitrary profiles: the edge effect."
        " J Microsc 1977;111:219-223. doi:10.1111/j.1365-2818.1977.tb00062.x",
    )

    cut: CutChoice = Field(
        TwoClassCut(),
        description="Mean intensity in the nucleus, above its background, from which a cell is positive: two-class,"
        " negative-controls or fixed.",
    )
    background: Literal["local", "image"] = Field(
        "local",
        description="What is taken off: the median of a ring around the nucleus (local), or of the picture away from"
        " nuclei; where regions are drawn, of the rectangle around each (image).",
    )
    slide_um_per_px: float = Field(
        0.0,
        ge=0,
        description="Pixel size in µm at which whole slides are measured: the coarsest stored level that is as fine;"
        " 0: full resolution.",
    )

    def observe(self, image: Image) -> EduEvidence:
        """Find nuclei, and measure the marker in them; see `Recipe.observe`."""
        seen = super().observe(image)
        roles, regions = self.roles(image), self.region.find(image).regions
        known = {own.name: getattr(seen, own.name) for own in fields(FieldEvidence)}
        if not roles.marker:
            return EduEvidence(**known, max_value=image.max_value)
        stained = (self.stained(Part(image, region), roles, seen.found) for region in regions)
        tables = [measure_marker(one, rings_of(one), self.background) for one in stained]
        intensity, noise = (np.concatenate([getattr(t, name) for t in tables]) for name in ("mean", "noise"))
        region = np.repeat(np.arange(len(tables), dtype=np.uint16), [len(table.mean) for table in tables])
        control = np.zeros(len(intensity), dtype=np.bool_)
        return EduEvidence(
            **known,
            intensity=intensity,
            noise=noise,
            region=region,
            control=control,
            max_value=image.max_value,
            tables={one.name: table for one, table in zip(regions, tables, strict=True)},
        )

    def decide(self, evidence: Sequence[FieldEvidence], scopes: Sequence[Scope]) -> tuple[Self, tuple[Flag, ...]]:
        """The size of nuclei, then the cut; see `Recipe.decide`."""
        recipe, flags = super().decide(evidence, scopes)
        scope = self.cut.pooled_over()
        if scope is None or scope not in scopes:
            return recipe, flags
        samples = _comparable([one for one in evidence if isinstance(one, EduEvidence)])
        if not samples:
            raise MeasureError("there is no image to decide the cut from")
        cut, remarks = self.cut.resolve(
            [one.intensity for one in samples],
            [one.noise for one in samples],
            [one.intensity[one.control] for one in samples if one.control.any()],
        )
        cut = cut.model_copy(update={"max_value": samples[0].max_value})
        return recipe.model_copy(update={"cut": cut}), merged(flags, remarks)

    def cut_histogram(self, evidence: Sequence[FieldEvidence]) -> CutHistogram:
        """The marker in the nuclei, and the cut; see `Recipe.cut_histogram`."""
        samples = _comparable([one for one in evidence if isinstance(one, EduEvidence)])
        if not (isinstance(self.cut, FixedCut) and samples):
            return CutHistogram()
        pooled = np.concatenate([one.intensity for one in samples])
        return histogram_of(pooled, self.cut.intensity, "mean intensity above the background", "nuclei")

    def open_scopes(self) -> tuple[Scope, ...]:
        """The scopes of the choices that are to be estimated."""
        scope = self.cut.pooled_over()
        return tuple(dict.fromkeys((*super().open_scopes(), *((scope,) if scope is not None else ()))))

    def observing_key(self) -> str:
        """Beside what decides the nuclei, the background of the marker."""
        return f"{super().observing_key()} background={self.background}"

    def controls(self) -> str:
        """The group or names that the cut comes from."""
        return self.cut.controls if isinstance(self.cut, ControlCut) else ""

    def is_control(self, key: str, group: str) -> bool:
        """Whether the cut names this image's group or name as negative."""
        pattern = self.controls()
        names = (key, Path(key).name)
        return bool(pattern) and (group == pattern or any(fnmatch.fnmatchcase(name, pattern) for name in names))

    def apply(self, image: Image, evidence: FieldEvidence | None = None) -> Result:
        """Measure every region; see `Recipe.apply`."""
        self._refuse_other_depth(image)
        return super().apply(image, evidence)

    def _refuse_other_depth(self, image: Image) -> None:
        if isinstance(self.cut, FixedCut) and self.cut.max_value not in (0.0, image.max_value):
            raise ImageError(
                f"its values go up to {image.max_value:g}, but the cut was decided for values up to"
                f" {self.cut.max_value:g}: measure pictures of one bit depth together"
            )

    def measure_part(self, part: Part, stained: Stained) -> Measured:
        """Count nuclei, and those that are positive; see `Fluorescence.measure_part`."""
        return self._measured(part, stained, measure_marker(stained, rings_of(stained), self.background))

    def measure_seen(self, part: Part, stained: Stained, evidence: FieldEvidence) -> Measured:
        """The same, with the marker as observing has measured it; see `Fluorescence.measure_seen`."""
        if not isinstance(evidence, EduEvidence) or part.region.name not in evidence.tables:
            return self.measure_part(part, stained)
        return self._measured(part, stained, evidence.tables[part.region.name])

    def _measured(self, part: Part, stained: Stained, marker: Intensities) -> Measured:
        cut = self._decided_cut()
        tally = tally_edu(part, stained, rings_of(stained), marker, cut, self.background)
        return measured_edu(tally, EduScene(cut, stained.has_marker, stained.diameter_px))

    def slide_pixel_size(self) -> float:
        """What the recipe says; see `Recipe.slide_pixel_size`."""
        return self.slide_um_per_px

    def refuse_slide(self) -> None:
        """Refuse wells, installed detectors and a background of the whole; see `Recipe.refuse_slide`."""
        if self.region.method == "wells":
            raise MeasureError("wells are not looked for on a whole slide: give regions of interest, or a smaller scan")
        self.nuclei.refuse_tiles()
        if self.background == "image":
            raise MeasureError(
                "on a whole slide the background is measured around each nucleus: choose background ="
                ' "local", or crop the slide'
            )

    def observe_slide(self, looks: Iterable[Look], names: Sequence[str], max_value: float) -> EduEvidence:
        """Observe the windows, each as a field; see `Recipe.observe_slide`."""
        seen: list[EduEvidence] = []
        levels: list[Levels] = []
        flags: list[tuple[Flag, ...]] = []
        light = area = 0.0
        for look in looks:
            # A nucleus that the window cuts has another size and another marker: it says nothing.
            field_of = self.model_copy(update={"region": WholeRegion(), "edge_objects": "exclude"})
            one = field_of.observe(look.image)
            light, area = light + one.found.light, area + one.found.area
            if one.found.count:
                flags.append(field_of.window_flags(look.image, one))
            if one.found.count and one.found.levels:
                levels.append(one.found.levels)
            seen.append(
                replace(
                    one,
                    region=np.full(len(one.intensity), look.region, np.uint16),
                    tables={},
                    found=not_at_hand(),
                )
            )
        sizes = [one.diameter_px for one in seen if one.diameter_px > 0]
        return EduEvidence(
            np.array(names, dtype=np.str_),
            float(np.median(sizes)) if sizes else 0.0,
            seen[0].pixel_size_um if seen else 0.0,
            intensity=np.concatenate([np.empty(0), *(one.intensity for one in seen)]),
            noise=np.concatenate([np.empty(0), *(one.noise for one in seen)]),
            region=np.concatenate([np.empty(0, np.uint16), *(one.region for one in seen)]),
            control=np.zeros(sum(len(one.intensity) for one in seen), dtype=np.bool_),
            max_value=max_value,
            typical_contrast=light / area if area else 0.0,
            dark=float(np.median([one.low for one in levels])) if levels else 0.0,
            bright=float(np.median([one.high for one in levels])) if levels else 0.0,
            remarks=np.array([flag.value for flag in _of_windows(flags)], dtype=np.str_),
        )

    def window_flags(self, image: Image, seen: FieldEvidence) -> tuple[Flag, ...]:
        """What a window of a slide says of how far its numbers can be trusted."""
        part = Part(image, self.region.find(image).regions[0])
        return quality_flags(part, self.stained(part, self.roles(image), seen.found), found=True)

    def counter(self, like: Image, evidence: FieldEvidence) -> Counter:
        """What counts the tiles of a slide; see `Recipe.counter`."""
        self._refuse_other_depth(like)
        roles = self.roles(like)
        diameter = 0.0
        if isinstance(self.typical_diameter, Length):
            diameter = round(self.typical_diameter.in_px(like.pixel_size, "typical_diameter"), 1)
        scene = EduScene(self._decided_cut(), bool(roles.marker), diameter)
        light = OWN_LIGHT
        remarks: tuple[Flag, ...] = ()
        if isinstance(evidence, EduEvidence):
            remarks = tuple(flag_of(value) for value in evidence.remarks.tolist())
            levels = Levels(evidence.dark, evidence.bright) if evidence.bright > evidence.dark else None
            light = FieldLight(evidence.typical_contrast, levels)

        def tally(part: Part) -> Tally:
            stained = self.stained(part, roles, self.find_nuclei(part.image, roles, light))
            around = rings_of(stained)
            marker = measure_marker(stained, around, self.background)
            return tally_edu(part, stained, around, marker, scene.cut, self.background)

        def flags(total: Tally, counted: npt.NDArray[np.bool_]) -> tuple[Flag, ...]:
            return merged(
                edu_remarks(total.objects, scene),
                () if counted.any() else (Flag.BLANK,),
                () if roles.marker else (Flag.NO_MARKER_CHANNEL,),
                (Flag.MERGED_COLOUR,) if roles.merged else (),
                remarks,
            )

        return Counter(
            tally=tally,
            counted=lambda total: np.ones(len(total.objects["area_px"]), dtype=np.bool_),
            values=lambda total, _: edu_values(total, scene),
            flags=flags,
            outlined=lambda objects: (are_positive(objects), ~are_positive(objects)),
            outlined_masks=(),
            rules=TileRules(
                max(LEAST_MARGIN_PX, int(CELL_MARGIN * diameter)),
                merges=False,
                reduction=min(1.0, fluorescent_nuclei.WORKING_DIAMETER_PX / max(diameter, 1.0)),
            ),
        )

    def _decided_cut(self) -> float:
        if not isinstance(self.cut, FixedCut):
            raise MeasureError("the cut is not decided yet: call resolve first")
        return self.cut.intensity

    def outcome(self) -> str:
        """The size of nuclei and the cut as they were decided."""
        return f"{super().outcome()}, and a cut at {self.cut.sentence()} above the background"

    def sentences(self) -> tuple[str, ...]:
        """How nuclei are found and told positive, in words."""
        where = {
            "local": "the median of a ring around that nucleus",
            "image": "the median of the picture away from nuclei",
        }[self.background]
        return (
            *super().sentences(),
            "The marker was measured as its mean intensity within each nucleus, but for pixels that the light of a"
            f" touching nucleus reaches, less {where}.",
            f"A cell was positive above {self.cut.sentence()}.",
            "Counts were pooled within a sample; intervals are Wilson's 95 % interval of the counted cells.",
        )


def _of_windows(flags: Sequence[tuple[Flag, ...]]) -> tuple[Flag, ...]:
    """What most windows with nuclei are flagged with, and saturation, if any is."""
    every = [flag for own in flags for flag in own]
    return tuple(flag for flag in dict.fromkeys(every) if flag is Flag.SATURATED or 2 * every.count(flag) > len(flags))


def _comparable(samples: list[EduEvidence]) -> list[EduEvidence]:
    """Those of the commonest bit depth: a cut has the pixels' units."""
    depths = [sample.max_value for sample in samples]
    commonest = max(sorted(set(depths)), key=depths.count) if depths else 0.0
    return [sample for sample in samples if sample.max_value == commonest]
