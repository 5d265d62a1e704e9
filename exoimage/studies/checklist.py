"""What the QUAREP-LiMi checklist for published image analysis asks for, answered from the run where it can be.

Schmied C, et al. Community-developed checklists for publishing images and image analyses. Nat Methods
2024;21:170-181. doi:10.1038/s41592-023-01987-9; the items are those of "established workflows".
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from exoimage import __version__
from exoimage.assays.recipe import Resolved
from exoimage.studies.study import Study

Level = Literal["minimal", "recommended", "ideal"]


@dataclass(frozen=True)
class Item:
    """One item of the checklist.

    Parameters
    ----------
    level : {"minimal", "recommended", "ideal"}
    name : str
    answer : str
        What the run says of it, and what is left to do.
    done : bool
        Whether nothing is left to do.
    """

    level: Level
    name: str
    answer: str
    done: bool


def checklist(study: Study, decided: Mapping[str, Resolved]) -> tuple[Item, ...]:
    """The items with their answers.

    Parameters
    ----------
    study : Study
    decided : mapping of batch to Resolved
    """
    drawn = getattr(getattr(study.recipe, "region", None), "method", "") == "rois"
    rois = (
        ("the images were measured in regions of interest: publish their files with the images", False)
        if drawn
        else ("no region was drawn by hand", True)
    )
    settings = "; ".join(one.recipe.outcome() for one in decided.values())
    return (
        Item("minimal", "Cite workflow and platform", "the references are listed and in references.bib", True),
        Item("minimal", "Key settings", f"in the text ({settings})" if settings else "in the text", True),
        Item("minimal", "Example data", "publish at least one image of each group with its overlay", False),
        Item("minimal", "Manual ROIs", *rois),
        Item("minimal", "Exact version", f"exoimage {__version__}; all packages in run.json", True),
        Item("recommended", "All settings", "recipe.toml and resolved.toml: publish both", False),
        Item("recommended", "Public example", "put images, recipe.toml and tables into a public repository", False),
        Item("ideal", "Document usage", "the command is in run.json and in report.html", True),
        Item("ideal", "Cloud hosted or container", "offer a container or hosted notebook", False),
    )


OF_THE_IMAGES = (
    "microscope, objective (magnification, numerical aperture), camera",
    "exposure and white balance, the same for all images?",
    "how fields were chosen, and whether blinded",
    "what a sample is (well, animal, donor) and how many experiments there were",
    "where the original images are published",
)
"""What no program can know; the text of a paper says it too."""


def as_markdown(items: tuple[Item, ...]) -> str:
    """The checklist in Markdown; what is left to the user is marked TODO.

    Examples
    --------
    >>> print(as_markdown((Item("minimal", "Manual ROIs", "none", True),)).splitlines()[2])
    - [x] Manual ROIs (minimal): none
    """
    lines = [
        f"- [{'x' if item.done else ' '}] {item.name} ({item.level}): {'' if item.done else 'TODO '}{item.answer}"
        for item in items
    ]
    own = [f"- [ ] TODO {text}" for text in OF_THE_IMAGES]
    return "\n".join(["Image analysis (established workflows):", "", *lines, "", "Images and experiment:", "", *own])
