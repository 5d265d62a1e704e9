"""The paragraph for the paper."""

from __future__ import annotations

from collections.abc import Mapping

from exoimage import __version__
from exoimage.assays.recipe import Resolved
from exoimage.studies.store import Store
from exoimage.studies.study import Study


def methods_text(study: Study, store: Store, decided: Mapping[str, Resolved]) -> str:
    """A methods paragraph in Markdown: how it was measured, the numbers that were decided, what was left out.

    Parameters
    ----------
    study : Study
    store : Store
        Of the finished run.
    decided : mapping of batch name to Resolved
    """
    used = study.recipe
    records = {image.ref.key: store.read_record(image.ref.slug) for image in study.images}
    excluded = [image for image in study.images if image.excluded]
    failed = [key for key, record in records.items() if record is None or not record.ok]
    counted = len(study.images) - len({image.ref.key for image in excluded} | set(failed))
    sentences = [
        f"{counted} images were measured with exoimage {__version__} (assay {used.assay}, revision {used.revision}).",
        *used.sentences(),
    ]
    for batch, resolved in decided.items():
        prefix = f"In batch {batch}, this gave" if batch else "This gave"
        sentences.append(f"{prefix} {resolved.recipe.outcome()}.")
    primary = "; ".join(f"{c.name}: {_within_a_sentence(c.definition.rstrip('.'))}" for c in used.primary_columns())
    sentences.append(f"Primary measures were {primary}.")
    if study.statistics.unit == "sample":
        sentences.append("Fields of the same sample were combined before any comparison.")
    if excluded:
        reasons = "; ".join(f"{image.ref.key} ({image.excluded})" for image in excluded)
        sentences.append(f"Images left out ({len(excluded)}): {reasons}.")
    if failed:
        sentences.append(f"Images that could not be measured ({len(failed)}): {', '.join(failed)}.")
    references = "\n".join(f"- {reference}" for reference in used.references)
    return f"# Methods\n\n{' '.join(sentences)}\n\n## References\n\n{references}\n"


def _within_a_sentence(text: str) -> str:
    """The text without its capital letter, unless it begins with an abbreviation (BV/TV, DAB)."""
    return text if text[1:2].isupper() else f"{text[:1].lower()}{text[1:]}"
