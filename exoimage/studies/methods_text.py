"""The paragraph for the paper."""

from __future__ import annotations

from collections.abc import Mapping

from exoimage import __version__
from exoimage.assays.recipe import Resolved
from exoimage.studies.plan import Study


def methods_text(study: Study, decided: Mapping[str, Resolved]) -> str:
    """A methods paragraph in Markdown, with the numbers that were decided and the references."""
    included = [image for image in study.images if not image.excluded and not image.problem]
    excluded = [image for image in study.images if image.excluded]
    sentences = [
        f"Images ({len(included)}) were measured with exoimage {__version__} (assay {study.recipe.assay}, revision"
        f" {study.recipe.revision}).",
    ]
    for batch, resolved in decided.items():
        prefix = f"In batch {batch}: " if batch else ""
        sentences += [f"{prefix}{sentence}" for sentence in resolved.recipe.sentences()]
    primary = "; ".join(
        f"{c.name}: {c.definition[0].lower()}{c.definition[1:]}" for c in study.recipe.primary_columns()
    )
    sentences.append(f"Primary measures were: {primary}")
    if study.statistics.unit == "sample":
        sentences.append("Fields of the same sample were combined before any comparison.")
    if excluded:
        reasons = "; ".join(f"{image.ref.key}: {image.excluded}" for image in excluded)
        sentences.append(f"Images left out ({len(excluded)}): {reasons}.")
    references = "\n".join(f"- {reference}" for reference in study.recipe.references)
    return f"# Methods\n\n{' '.join(sentences)}\n\n## References\n\n{references}\n"
