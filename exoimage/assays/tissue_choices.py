"""How tissues are told apart: by the assay's own rule on colours, or by examples that somebody scribbled on."""

from __future__ import annotations

import hashlib
from functools import lru_cache
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
import numpy.typing as npt
from pydantic import Field, model_validator

from exoimage.assays.choice import Choice, RecipePath
from exoimage.assays.measuring import Part
from exoimage.errors import MeasureError
from exoimage.methods import pixel_classes
from exoimage.methods.density import White, light_surface, optical_density
from exoimage.methods.pixel_classes import PixelClasses

GLASS = "glass"
"""The name of the class that is no tissue."""


class ByColour(Choice):
    """By the assay's own rule."""

    method: Literal["colour"] = "colour"

    def with_contents(self) -> ByColour:
        """No file decides anything."""
        return self

    def refuse_unless(self, *needed: str) -> None:
        """It has no names to be missing."""


class Example(Choice):
    """A picture, and labels of the pixels that somebody is sure of."""

    image: RecipePath = Field(description="The picture, with the light of the study.")
    scribbles: RecipePath = Field(description="Label TIFF of its size: 0 unmarked, k the k-th name.")


class ByExample(Choice):
    """By a random forest that is trained on scribbles when it is used; the same files give the same masks."""

    method: Literal["trained"] = "trained"
    examples: tuple[Example, ...] = Field(min_length=1, description="Pictures and their scribbles.")
    names: tuple[str, ...] = Field(min_length=2, description='What the labels 1, 2 … are; "glass" is no tissue.')
    largest_scale_px: float = Field(
        4.0, ge=1, le=64, description="Widest surroundings that are looked at (standard deviation)."
    )
    sha256: str = Field("", description="Identity of the examples' files; filled in by a run.")

    @model_validator(mode="after")
    def _names_differ(self) -> ByExample:
        if len(set(self.names)) != len(self.names):
            raise ValueError(f"names are given twice: {', '.join(self.names)}")
        return self

    def with_contents(self) -> ByExample:
        """The same choice that knows what its files hold.

        Raises
        ------
        MeasureError
            If a file is missing, or is another than the one that was decided on.
        """
        contents = hashlib.sha256()
        for path in (path for example in self.examples for path in (example.image, example.scribbles)):
            try:
                contents.update(hashlib.sha256(Path(path).read_bytes()).digest())
            except OSError as error:
                raise MeasureError(f"the example {path} cannot be read: {error.strerror or error}") from None
        found = contents.hexdigest()
        if self.sha256 not in ("", found):
            raise MeasureError(
                "the examples are not those that were decided on: their files have changed; leave tissue.sha256 out of"
                " the recipe to take them as they are now"
            )
        return self.model_copy(update={"sha256": found})

    def refuse_missing_files(self) -> None:
        """Refuse examples whose files are missing or changed."""
        self.with_contents()

    def refuse_unless(self, *needed: str) -> None:
        """Refuse names among which one that the assay measures is missing.

        Raises
        ------
        ValueError
            If it is.
        """
        missing = [name for name in needed if name not in self.names]
        if missing:
            raise ValueError(f"tissue.names lacks {', '.join(missing)}; it holds {', '.join(self.names)}")

    def sentence(self) -> str:
        """The choice in words."""
        return (
            f"a random forest (Breiman 2001) on colours and textures up to {self.largest_scale_px:g} px, trained on"
            f" scribbles of {', '.join(self.names)} in {len(self.examples)} picture{'s' * (len(self.examples) > 1)}"
        )

    def classes(self, part: Part, white: White) -> npt.NDArray[np.uint8]:
        """The class of every pixel of a region's box: k for the k-th name."""
        density = optical_density(part.pixels, White(white.rgb))
        if white.light:
            density = density + light_surface(white, part.image.shape, part.region.box)
        known = self if self.sha256 else self.with_contents()
        return _trained(known, White(white.rgb), part.image.max_value).classify(density)

    def mask(self, classes: npt.NDArray[np.uint8], name: str) -> npt.NDArray[np.bool_]:
        """Where a class of that name is; nowhere if there is none."""
        number = self.names.index(name) + 1 if name in self.names else 0
        return np.asarray(classes == number)


@lru_cache(maxsize=4)
def _trained(choice: ByExample, white: White, max_value: float) -> PixelClasses:
    """Train once per process: the choice holds the identity of its files, so that changed ones train anew."""
    from exoimage.images.reading import read

    choice.with_contents()  # refuses files that are not those that were decided on
    examples: list[tuple[npt.NDArray[np.float32], npt.NDArray[Any]]] = []
    for example in choice.examples:
        scribbles = np.asarray(read(example.scribbles).pixels)
        if scribbles.ndim != 3 or scribbles.shape[2] != 1 or not np.issubdtype(scribbles.dtype, np.integer):
            raise MeasureError(f"{example.scribbles} is no label image: one channel of whole numbers is expected")
        picture = read(example.image)
        if picture.pixels.shape[2] != 3 or picture.max_value != max_value:
            raise MeasureError(
                f"the example {example.image} has {picture.pixels.shape[2]} channels and values up to"
                f" {picture.max_value:g}; those that are measured have 3 and up to {max_value:g}: take one of them"
            )
        examples.append((optical_density(np.asarray(picture.pixels), white), scribbles[:, :, 0]))
    return pixel_classes.train(examples, choice.names, choice.largest_scale_px)


TissueChoice = Annotated[ByColour | ByExample, Field(discriminator="method")]
