"""The tables of a study.toml that only blots have: membranes, lanes, ratios."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, field_validator

from exoimage.assays.design import RatioOf
from exoimage.errors import StudyError
from exoimage.images.image import ImageRef
from exoimage.studies.measured_tables import read_measured_table
from exoimage.studies.naming import PLACES, Placement, composed, quoted, stem_of
from exoimage.studies.study import StudyImage

_LOADING = re.compile(r"gapdh|actin|tubulin|vinculin|histone|lamin|total.?protein|ponceau|stain.?free", re.IGNORECASE)
_LANE_COLUMNS = ("image", "region", *PLACES)

Row = Mapping[str, str]


class Membrane(BaseModel):
    """One target on one picture; other keys are parameters of the recipe that differ for it."""

    model_config = ConfigDict(frozen=True, extra="allow")

    target: str
    file: str
    blot: str = ""

    @property
    def changes(self) -> dict[str, Any]:
        """What of the recipe differs for this membrane."""
        own = dict(self.model_extra or {})
        if isinstance(own.get("region"), list):
            own["region"] = _box(own["region"], self.target)
        return {"target": self.target, **own}


class BlotTable(BaseModel):
    """How lanes are placed and what is divided by what."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    lanes: str = ""
    loading: str = ""
    ratio: tuple[str, ...] = ()
    use_saturated: bool = False

    @field_validator("ratio", mode="before")
    @classmethod
    def _a_single_ratio(cls, given: Any) -> Any:
        return [given] if isinstance(given, str) else given


def membrane_images(
    membranes: Sequence[Membrane], blot: BlotTable, folder: Path, order: Sequence[str]
) -> tuple[StudyImage, ...]:
    """The images of a blot study: one per membrane, its lanes placed by the layout.

    Parameters
    ----------
    membranes : sequence of Membrane
    blot : BlotTable
    folder : Path
        Of the study.
    order : sequence of str
        The groups that there are; empty if any may be.

    Raises
    ------
    StudyError
        If a file is missing or two membranes are the same, or the layout cannot be read.
    """
    refs = [_ref(membrane, membranes, folder) for membrane in membranes]
    keys = [ref.key for ref in refs]
    twice = next((key for key in keys if keys.count(key) > 1), None)
    if twice is not None:
        raise StudyError(f"[[membranes]] names {twice} twice with the same target")
    _refuse_repeated_targets(membranes)
    layout = _layout(folder / blot.lanes, order) if blot.lanes else ()
    _refuse_unused(layout, membranes, blot.lanes)
    several = len({membrane.blot for membrane in membranes}) > 1
    images = tuple(
        StudyImage(
            ref,
            Placement(sample=ref.key, batch=composed(membrane.blot)),
            _lanes(_rows_for(membrane, membranes, layout), composed(membrane.blot), own_samples=several),
            changes=membrane.changes,
        )
        for ref, membrane in zip(refs, membranes, strict=True)
    )
    _refuse_samples_of_several_blots(images)
    return images


def _refuse_repeated_targets(membranes: Sequence[Membrane]) -> None:
    places = [(membrane.blot, membrane.target) for membrane in membranes]
    for blot, target in places:
        if places.count((blot, target)) > 1:
            where = f'blot "{blot}"' if blot else "one blot"
            raise StudyError(
                f"[[membranes]]: {where} has {target} {places.count((blot, target))} times; give each its blot"
                ' (blot = "1" …), and name one exposure of a membrane only'
            )


def _refuse_samples_of_several_blots(images: Sequence[StudyImage]) -> None:
    """Ratios of several blots share no scale, so no sample can be their mean."""
    blots: dict[tuple[str, str], dict[str, None]] = {}
    for image in images:
        for place in image.regions.values():
            if place.group:
                blots.setdefault((place.group, place.sample), {})[place.batch] = None
    for (group, sample), names in blots.items():
        if len(names) > 1:
            raise StudyError(
                f"the layout has sample {sample!r} of {group} on {', '.join(names)}: ratios of several blots"
                " share no scale; name the samples apart (1a, 1b), or leave out the column image if the lanes are"
                " alike on all blots"
            )


def draft_blot(name: str, assay: str, keys: Sequence[str]) -> str:
    """A study.toml for the pictures of a blot's membranes, targets guessed from their names, to be edited."""
    targets = {key: stem_of(key.rpartition("/")[2]) for key in keys}
    loading = next((target for target in targets.values() if _LOADING.search(target)), "")
    others = [target for target in targets.values() if target != loading]
    ratio = next(
        (f"{p} / {total}" for p in others for total in others if p != total and _is_phosphorylated(p, total)), ""
    )
    return "\n".join(
        [
            "[study]",
            f"name = {quoted(name)}",
            f'assay = "{assay}"',
            "",
            *(
                line
                for key, target in targets.items()
                for line in (
                    "[[membranes]]",
                    f"target = {quoted(target)}",
                    f"file = {quoted(key)}",
                    '# blot = "1"                      # where the same targets were blotted several times',
                    "# region = [x, y, width, height] # where one picture holds several targets",
                    "",
                )
            ),
            "[groups]",
            'order = []                      # like ["Control", "PMO"]',
            'control = ""',
            "",
            "[blot]",
            'lanes = "layout.csv"            # a table: image (may be empty: all), region (lane number), group, sample',
            f"loading = {quoted(loading)}",
            f"ratio = [{quoted(ratio)}]" if ratio else 'ratio = []                      # like ["p-AKT / AKT"]',
            "",
            "[statistics]",
            'test = "anova"                  # on log2 of the ratios, the blot as block where there are several',
            'posthoc = "tukey"',
            "",
            "[recipe]",
            f"# parameters that differ from the defaults: see  exoimage recipe {assay}",
            "",
        ]
    )


def _is_phosphorylated(target: str, total: str) -> bool:
    """Whether a target is named like another with a p before it (p-AKT, pAKT, p_AKT_308)."""
    match = re.match(r"(?:phospho|p)[-_ ]?(.+)", target, re.IGNORECASE)
    return match is not None and match[1].casefold().startswith(total.casefold())


def ratios_of(blot: BlotTable, membranes: Sequence[Membrane]) -> tuple[RatioOf, ...]:
    """The ratios a study asks for: as written, or every target over the loading control.

    Raises
    ------
    StudyError
        If a ratio is not of two targets that there are.
    """
    targets = tuple(dict.fromkeys(composed(membrane.target) for membrane in membranes))
    if blot.loading and composed(blot.loading) not in targets:
        raise StudyError(f'[blot] loading = "{blot.loading}" is none of the targets {", ".join(targets)}')
    loading = composed(blot.loading)
    asked = tuple(_ratio(text, targets) for text in blot.ratio)
    ratios = asked or tuple(RatioOf(target, loading) for target in targets if loading and target != loading)
    slugs = [ratio.slug for ratio in ratios]
    twice = [ratio.text for ratio in ratios if slugs.count(ratio.slug) > 1]
    if twice:
        raise StudyError(f"the ratios {' and '.join(twice)} would have one column's name: name their targets apart")
    return ratios


def _ratio(text: str, targets: Sequence[str]) -> RatioOf:
    for numerator in targets:
        for denominator in targets:
            written = re.sub(r"\s*/\s*", "/", composed(text).strip())
            if written == re.sub(r"\s*/\s*", "/", f"{numerator}/{denominator}") and numerator != denominator:
                return RatioOf(numerator, denominator)
    raise StudyError(
        f'[blot] ratio = "{text}" is not two of the targets with a / between them, like'
        f' "{targets[0]} / {targets[-1]}"; the targets are {", ".join(targets)}'
    )


def _ref(membrane: Membrane, membranes: Sequence[Membrane], folder: Path) -> ImageRef:
    shared = sum(other.file == membrane.file for other in membranes) > 1
    key = composed(Path(membrane.file).as_posix())
    return ImageRef(f"{key}#{composed(membrane.target)}" if shared else key, (str(folder / membrane.file),))


def _layout(table: Path, order: Sequence[str]) -> tuple[Row, ...]:
    if not table.exists():
        raise StudyError(
            f"{table}: there is no such table; it says whose each lane is: a row per lane, with the columns region (the"
            " lane's number from the left), group (empty for a ladder) and sample"
        )
    content = read_measured_table(table)
    header = [name.strip().lower() for name in content.header]
    if not {"region", "group"} <= set(header):
        raise StudyError(
            f"{table}: expected the columns image, region (the lane's number), group and sample; got"
            f" {', '.join(content.header)}"
        )
    rows = [dict(zip(header, map(composed, cells), strict=True)) for cells in content.rows]
    lanes = [{name: row.get(name, "") for name in _LANE_COLUMNS} for row in rows if any(row.values())]
    for row in lanes:
        if _lane_number(row["region"]) is None:
            raise StudyError(
                f'{table}: a region is a lane\'s number from 1, counted from the left, not "{row["region"]}"'
            )
        if order and row["group"] and row["group"] not in order:
            raise StudyError(
                f'{table}: the group "{row["group"]}" of lane {row["region"]} is none of {", ".join(order)}'
            )
    return tuple(lanes)


def _lane_number(text: str) -> int | None:
    match = re.fullmatch(r"(?:lane\s*)?0*([1-9]\d*)(?:\.0)?", text.strip(), re.IGNORECASE)
    return int(match[1]) if match else None


def _refuse_unused(layout: Sequence[Row], membranes: Sequence[Membrane], table: str) -> None:
    names = {name for membrane in membranes for name in _names(membrane)}
    unknown = next((row["image"] for row in layout if row["image"] and row["image"] not in names), None)
    if unknown is not None:
        files = ", ".join(dict.fromkeys(membrane.file for membrane in membranes))
        raise StudyError(
            f'{table}: the image "{unknown}" is no membrane\'s file, target or blot; the files are {files}'
        )


def _names(membrane: Membrane) -> frozenset[str]:
    """What a layout may call a membrane."""
    path = composed(Path(membrane.file).as_posix())
    name = path.rpartition("/")[2]
    given = {path, name, stem_of(path), stem_of(name), composed(membrane.target), composed(membrane.blot)}
    return frozenset(given - {""})


def _rows_for(membrane: Membrane, membranes: Sequence[Membrane], layout: Sequence[Row]) -> list[Row]:
    """Its own rows of the layout; else those of another membrane of its blot; else those that name no image."""
    own = [row for row in layout if row["image"] in _names(membrane)]
    for other in (other for other in membranes if other.blot == membrane.blot and not own):
        own = [row for row in layout if row["image"] in _names(other)]
    return own or [row for row in layout if not row["image"]]


def _lanes(rows: Sequence[Row], blot: str, *, own_samples: bool) -> dict[str, Placement]:
    """Lane number as text to its placement; a layout shared by several blots names samples of each."""
    placed: dict[str, Placement] = {}
    for row in rows:
        lane = str(_lane_number(row["region"]))
        if lane in placed:
            raise StudyError(f"the layout names lane {lane} twice")
        sample = row["sample"] or f"lane {lane}"
        if own_samples and not row["image"]:
            sample = f"{blot} {sample}"
        placed[lane] = Placement(row["group"], sample, row["field"], blot)
    return placed


def _box(numbers: Sequence[Any], target: str) -> dict[str, Any]:
    if len(numbers) != 4:
        raise StudyError(f"the region of {target} is [x, y, width, height] in px, not {list(numbers)}")
    return {"method": "box", **dict(zip(("x", "y", "width", "height"), numbers, strict=True))}
