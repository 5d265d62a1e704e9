"""The paragraph for the paper, with its references and what a reviewer's checklist asks for."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence

from exoimage import __version__
from exoimage.assays.recipe import Resolved
from exoimage.flags import Flag
from exoimage.studies import checklist, citations
from exoimage.studies.finished import Row, Tables, failed_rows, group_names, is_of_all_groups, test_names
from exoimage.studies.provenance import installed
from exoimage.studies.study import Study
from exoimage.studies.tables import NO_GROUP

LISTED = 20
"""So many images are named; of more, the table has the names."""

NAMED_PACKAGES = ("numpy", "scipy", "scikit-image", "opencv-python-headless")
"""Whose versions the text gives; run.json has all."""


def methods_text(study: Study, tables: Tables, decided: Mapping[str, Resolved]) -> str:
    """A methods section in Markdown: the paragraph, the references, the checklist.

    Parameters
    ----------
    study : Study
    tables : Tables
        Of the finished run.
    decided : mapping of batch name to Resolved
    """
    listed = "\n".join(f"- {reference}" for reference in references(study, tables))
    items = checklist.as_markdown(checklist.checklist(study, decided))
    return (
        f"# Methods\n\n{methods_paragraph(study, tables, decided)}\n\n## References\n\n{listed}\n\n"
        f"## QUAREP-LiMi checklist (Schmied et al. 2024)\n\n{items}\n"
    )


def methods_paragraph(study: Study, tables: Tables, decided: Mapping[str, Resolved]) -> str:
    """How it was measured, the numbers that were decided, replicates, tests, what was left out: in one paragraph."""
    used = study.recipe
    failed = list(dict.fromkeys(str(row["image"]) for row in failed_rows(tables.images)))
    counted = len({row["image"] for row in tables.counted} - set(failed))
    sentences = [
        f"{counted} images were measured with exoimage {__version__} (assay {used.assay}, revision {used.revision};"
        f" {_versions()}).",
        *used.sentences(),
    ]
    for batch, resolved in decided.items():
        prefix = f"In batch {batch}, this gave" if batch else "This gave"
        sentences.append(f"{prefix} {resolved.recipe.outcome()}.")
    measures = used.primary_columns(study.design)
    primary = "; ".join(f"{c.name}: {_within_a_sentence(c.definition.rstrip('.'))}" for c in measures)
    sentences.append(f"Primary measures were {primary}.")
    sentences += [
        *_overridden(tables),
        *_edited(study, tables),
        *_replicates(study, tables),
        *_tests(study, tables),
        *_sensitivity(tables),
    ]
    left_out = [row for row in tables.images if not row["included"] and row["reason"] != NO_GROUP]
    reasons = {str(row["image"]): str(row["reason"]) for row in left_out}
    if reasons:
        sentences.append(f"Images left out ({len(reasons)}): {_listed([f'{k} ({v})' for k, v in reasons.items()])}.")
    if failed:
        sentences.append(f"Images that could not be measured ({len(failed)}): {_listed(failed)}.")
    return " ".join(sentences)


def references(study: Study, tables: Tables) -> tuple[str, ...]:
    """What the paper cites: the references of the assay, the tests, the packages and the checklist."""
    packages = [text for name, text in citations.PACKAGES if name != "scipy" or tables.tests]
    return (
        *study.recipe.cited(), *citations.of_tests(test_names(tables.tests)), *packages, citations.CHECKLIST,
    )  # fmt: skip


def _versions() -> str:
    names = {"opencv-python-headless": "OpenCV"}
    packages = ", ".join(f"{names.get(name, name)} {installed(name)}" for name in NAMED_PACKAGES)
    return f"Python {sys.version.split()[0]}, {packages}"


def _overridden(tables: Tables) -> list[str]:
    """Images whose threshold was set by hand, with it."""
    rows = [row for row in tables.images if Flag.THRESHOLD_OVERRIDDEN.value in str(row["flags"]).split()]
    if not rows:
        return []
    named = [f"{row['image']}{_own_threshold(row)}" for row in rows]
    return [f"The threshold was set by hand in {len(rows)} images: {_listed(named)}."]


def _edited(study: Study, tables: Tables) -> list[str]:
    """Images whose mask or other parameters were set by hand; whether a person was blinded."""
    said = []
    for flag, what in (
        (Flag.EDITED, "Masks were corrected by hand"),
        (Flag.RECIPE_OVERRIDDEN, "Parameters were set by hand"),
    ):
        keys = dict.fromkeys(str(row["image"]) for row in tables.images if flag.value in str(row["flags"]).split())
        if keys:
            said.append(f"{what} in {len(keys)} image{'s' * (len(keys) > 1)}: {_listed(list(keys))}.")
    if study.review.blinded:
        said.append(
            "Names and groups of the images were hidden from the person who looked through them, in shuffled order."
        )
    return said


def _own_threshold(row: Row) -> str:
    value = next((row[name] for name in row if name.startswith("threshold") and row[name] is not None), None)
    return "" if value is None else f" ({value:.4g})"


def _replicates(study: Study, tables: Tables) -> list[str]:
    groups = group_names(study, tables.samples)
    if not groups:
        return []
    counts = {name: sum(row["group"] == name for row in tables.samples) for name in groups}
    fields = [int(row["n_fields"]) for row in tables.samples if row["group"] in counts]
    per_group = ", ".join(f"{name} {count}" for name, count in counts.items())
    per_sample = f"{min(fields)}" if min(fields) == max(fields) else f"{min(fields)} to {max(fields)}"
    text = f"Samples per group were {per_group}, with {per_sample} {'field' if per_sample == '1' else 'fields'} each."
    if study.statistics.unit == "sample":
        return [f"{text} Fields of the same sample were combined before any comparison."]
    return [f"{text} Fields were compared as if they were independent samples, which overstates n."]


def _tests(study: Study, tables: Tables) -> list[str]:
    """The tests that were made, by their names in the table."""
    refused = [f"{row['measure']}: {row['note']}" for row in tables.tests if is_of_all_groups(row) and row["p"] is None]
    not_tested = [f"Not tested: {_listed(refused)}."] if refused else []
    names = test_names(tables.tests)
    if not names:
        return not_tested
    is_many_to_one = study.control and any("Dunnett" in name for name in names)
    against = f" Groups were compared with {study.control} as the control." if is_many_to_one else ""
    measures = len(tables.measures)
    return [
        f"Values are mean ± SD; groups were compared by {_joined(names)}, for {measures}"
        f" {'measure' if measures == 1 else 'measures'}{_scale(tables)}; p < 0.05 was significant.{against}",
        *not_tested,
    ]


def _scale(tables: Tables) -> str:
    return ", on log2 of the values" if any("log2" in str(row.get("note") or "") for row in tables.tests) else ""


def _sensitivity(tables: Tables) -> list[str]:
    """In how many variants the conclusion stood."""
    variants = [row for row in tables.sensitivity if row["variant"]]
    if not variants:
        return []
    fallen = [f"{row['variant']} ({row['measure']})" for row in variants if row["conclusion_stands"] != "true"]
    text = (
        "Each threshold was moved by 10 and 20 % both ways, and other methods were taken in its place: the order of the"
        f" groups and the pairs that differ stayed the same in {len(variants) - len(fallen)} of {len(variants)}"
        " comparisons"
    )
    return [f"{text}, not with {_listed(fallen)}." if fallen else f"{text}."]


def _joined(names: Sequence[str]) -> str:
    return " and ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)


def _listed(names: Sequence[str]) -> str:
    more = f" and {len(names) - LISTED} more (see images.csv)" if len(names) > LISTED else ""
    return "; ".join(names[:LISTED]) + more


def _within_a_sentence(text: str) -> str:
    """The text without its capital letter, unless it begins with an abbreviation (BV/TV, DAB)."""
    return text if text[1:2].isupper() else f"{text[:1].lower()}{text[1:]}"
