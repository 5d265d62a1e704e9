"""Bright-field assays whose numbers add up over tiles: they measure fields and whole slides by the same code."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from typing import ClassVar

import numpy as np
import numpy.typing as npt
from pydantic import Field

from exoimage.assays.brightfield import Brightfield
from exoimage.assays.chains import Chain, NothingStained
from exoimage.assays.colour_sample import SAMPLE_SIZE, ColourSample
from exoimage.assays.columns import Value
from exoimage.assays.measuring import Mask, Measured, Part
from exoimage.assays.recipe import SlideWay
from exoimage.assays.tallies import Objects, Tally
from exoimage.assays.tiles import Counter, Look, TileRules
from exoimage.errors import MeasureError
from exoimage.flags import Flag, merged
from exoimage.images.image import Image
from exoimage.methods import particles, quality


class TiledBrightfield(Brightfield):
    """A bright-field measure that first counts and sums (`tally`) and then says its numbers (`values`)."""

    slide_way: ClassVar[SlideWay] = "tiles"

    slide_um_per_px: float = Field(
        0.0,
        ge=0,
        description="Pixel size in µm at which whole slides are measured: the coarsest stored level that is as fine;"
        " 0: full resolution.",
    )

    def slide_pixel_size(self) -> float:
        """What the recipe says; see `Recipe.slide_pixel_size`."""
        return self.slide_um_per_px

    @abstractmethod
    def tally(self, part: Part, chain: Chain) -> Tally:
        """Count and sum up what a region, or a tile of it, holds.

        Parameters
        ----------
        part : Part
        chain : Chain
        """

    @abstractmethod
    def values(self, tally: Tally, counted: npt.NDArray[np.bool_], chain: Chain) -> dict[str, Value]:
        """The assay's columns, from what was counted in a whole region.

        Parameters
        ----------
        tally : Tally
        counted : (n,) bool array
            The objects that count; see `counted`.
        chain : Chain
        """

    def counted(self, tally: Tally) -> npt.NDArray[np.bool_]:
        """Which of the objects found count, (n,); all, unless an assay says otherwise."""
        return np.ones(len(tally.objects["area_px"]), dtype=np.bool_)

    def remarks(self, tally: Tally, chain: Chain) -> tuple[Flag, ...]:  # noqa: ARG002
        """What is to be said of a whole region."""
        return ()

    def has_found(self, tally: Tally, counted: npt.NDArray[np.bool_]) -> bool:  # noqa: ARG002
        """Whether anything was found in a whole region."""
        return bool(counted.any())

    def outlined(self, objects: Objects) -> tuple[npt.NDArray[np.bool_], ...]:
        """Groups of objects that an overlay outlines, each in a colour of its own."""
        return (np.ones(len(objects["area_px"]), dtype=np.bool_),)

    def object_masks(self, labels: npt.NDArray[np.int32]) -> Mapping[str, Mask]:
        """The masks that are made of the objects that count."""
        return {"stain": labels > 0}

    def measure_part(self, part: Part, chain: Chain) -> Measured:
        """Count and sum, then say the numbers; see `Brightfield.measure_part`."""
        tally = self.tally(part, chain)
        # What a person drew counts, whatever its size and shape.
        keep = self.counted(tally) | (part.image.drawn is not None)
        labels = tally.labels
        if not keep.all():
            labels = particles.only_labels(labels, keep, out=labels)
        objects = {name: values[keep] for name, values in tally.objects.items()}
        groups = self.outlined(objects)
        outlined = tuple(labels if group.all() else particles.only_labels(labels, group) for group in groups)
        return Measured(
            self.values(tally, keep, chain),
            self.remarks(tally, chain),
            labels,
            objects,
            {**self.object_masks(labels), **tally.masks},
            self.has_found(tally, keep),
            (*outlined, *(tally.masks[name] for name in self.outlined_masks)),
        )

    outlined_masks: ClassVar[tuple[str, ...]] = ()
    """Masks that an overlay outlines beside the objects."""

    looks_edge_px: ClassVar[int] = 256
    looks_wanted: ClassVar[int] = 400
    """Edge and number of the windows of a slide that observing looks at."""

    def refuse_slide(self) -> None:
        """Refuse what only a picture in one piece can be measured by; see `Recipe.refuse_slide`."""
        if self.imagej:
            raise MeasureError(
                "imagej = true measures what ImageJ can open in one piece: crop the slide, or leave it out"
            )
        if self.region.method == "wells":
            raise MeasureError("wells are not looked for on a whole slide: give regions of interest, or a smaller scan")

    def observe_slide(self, looks: Iterable[Look], names: Sequence[str], max_value: float) -> ColourSample:
        """Sample the pixels that were looked at; see `Recipe.observe_slide`."""
        each = max(1, 2 * SAMPLE_SIZE // self.looks_wanted)
        sampled = [look.sampled(each) for look in looks]
        pixels = [pixels for _, pixels, _ in sampled] or [np.empty((0, 3), dtype=np.uint8)]
        places = [places for _, _, places in sampled] or [np.empty((0, 2), dtype=np.float32)]
        region = np.repeat([number for number, _, _ in sampled], [len(one) for one in pixels[: len(sampled)]])
        sample = ColourSample(
            np.concatenate(pixels),
            np.concatenate(places) if self._light_is_uneven() else np.empty((0, 2), dtype=np.float32),
            region.astype(np.uint16),
            np.array(names, dtype=np.str_),
            np.zeros(len(region), dtype=np.bool_),
            max_value,
        )
        return sample.thinned(2 * SAMPLE_SIZE)

    def counter(self, like: Image, evidence: ColourSample) -> Counter:
        """What counts the tiles of a slide; see `Recipe.counter`."""
        chain = self.chain(like)
        is_constant = quality.is_constant(evidence.pixels)
        used = NothingStained(chain) if is_constant else chain

        def flags(tally: Tally, counted: npt.NDArray[np.bool_]) -> tuple[Flag, ...]:
            found = self.has_found(tally, counted)
            return merged(self.remarks(tally, used), _slide_flags(evidence, chain, found=found))

        return Counter(
            tally=lambda part: self.tally(part, used),
            counted=self.counted,
            values=lambda tally, counted: self.values(tally, counted, used),
            flags=flags,
            outlined=self.outlined,
            outlined_masks=self.outlined_masks,
            rules=self.tile_rules(like),
            is_constant=is_constant,
        )

    def tile_rules(self, like: Image) -> TileRules:  # noqa: ARG002
        """How wide a tile's margin is, and whose an object is at a seam."""
        return TileRules(margin_px=NODULE_MARGIN_PX)


NODULE_MARGIN_PX = 256
"""Objects up to this size are seen whole in the tile that counts them; larger ones are put together."""


def _slide_flags(sample: ColourSample, chain: Chain, *, found: bool) -> tuple[Flag, ...]:
    """What the sampled pixels say of how far a slide's numbers can be trusted."""
    exposure = quality.exposure_flags(sample.pixels, sample.max_value)
    light = quality.wrong_light_flags(sample.pixels, sample.max_value)
    if quality.is_constant(sample.pixels):
        return merged(exposure, light, (Flag.BLANK,))
    span = quality.tone_span_od(sample.pixels, chain.stains.white)
    return merged(
        exposure,
        light,
        (Flag.BLANK,) if not found and span < quality.BLANK_OD else (),
        (Flag.LOW_CONTRAST,) if found and span < quality.EVEN_TONE_OD else (),
    )
