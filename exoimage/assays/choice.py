"""The base of a recipe's parts: frozen, with no unknown keys."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, ValidationInfo

from exoimage.flags import Flag

Scope = Literal["study", "batch", "image"]
"""Which images an estimate is pooled over."""


class Choice(BaseModel):
    """One alternative of a recipe's key, with the parameters and the behaviour that go with it.

    Its tag, `method`, says which alternative it is.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", validate_default=True)

    def refuse_missing_files(self) -> None:
        """Refuse files for all images which are not there; most choices name none.

        Raises
        ------
        MeasureError
            If one is missing.
        """

    def scaled(self, factor: float) -> Self | None:  # noqa: ARG002
        """The same choice with its cut moved by a factor; None where it is no cut."""
        return None

    def others(self) -> Mapping[str, Choice]:
        """What a reader may ask for in its place, by names; none for most choices."""
        return {}

    def pooled_over(self) -> Scope | None:
        """Over which images it is to be estimated; None where it needs to see no image."""
        scope: Scope | None = getattr(self, "scope", None)
        return scope


IN_WORDS: Mapping[Scope, str] = {"study": "all images", "batch": "each batch", "image": "each image"}
"""What a scope pools, for the methods text."""


def from_one_image(images: Sequence[object]) -> tuple[Flag, ...]:
    """What an estimate has to say of the images it was made from."""
    return (Flag.ESTIMATED_FROM_ONE_IMAGE,) if len(images) == 1 else ()


def _from_the_recipes_folder(path: str, info: ValidationInfo) -> str:
    folder = (info.context or {}).get("folder")
    return str(Path(folder) / path) if folder is not None else path


RecipePath = Annotated[str, AfterValidator(_from_the_recipes_folder)]
"""A file or folder that a recipe names; relative ones are taken from the folder of the recipe or study."""
