"""From what was observed of all images to what each is measured by; kept as long as nothing it came from changes."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import Any

from exoimage.assays.recipe import Resolved
from exoimage.assays.recipe_text import load_resolved, resolved_to_toml
from exoimage.errors import ExoimageError, StudyError
from exoimage.images.writing import write_whole
from exoimage.studies import work
from exoimage.studies.provenance import file_identities
from exoimage.studies.store import Store
from exoimage.studies.study import Study, StudyImage

Inputs = Mapping[str, Mapping[str, str]]
"""Identities of each observed image's files, by its key."""


def decide(study: Study, store: Store, observed: Inputs, pooled: int) -> dict[str, Resolved]:
    """Decide what is pooled over the study, then what is pooled over each batch.

    The evidence is taken in the study's order, so that the number of processes cannot change a sum.

    Parameters
    ----------
    study : Study
    store : Store
        Holds the evidence.
    observed : mapping of key to inputs
        Of the images whose evidence is kept.
    pooled : int
        Among how many images the evidence was thinned.

    Returns
    -------
    dict
        Batch to what was decided for it; under the empty name what holds for all. Empty where no image counts.
    """
    if not set(study.recipe.open_scopes()) - {"image"}:
        return {"": study.recipe.resolve([])}
    counted = [i for i in study.images if i.ref.key in observed and not i.excluded]
    if not counted:
        return {}
    identities = [_identity(study, image, observed[image.ref.key], pooled) for image in counted]
    known = _known_decision(study, store, identities)
    return known if known is not None else _decided(study, store, counted, identities)


def pooled_among(study: Study) -> int:
    """Among how many images evidence is pooled: a power of two, so that not every new image makes all be taken anew.

    1, which keeps all evidence, where something is decided from each image alone.
    """
    if "image" in study.recipe.open_scopes():
        return 1
    return 1 << max(0, len(study.images) - 1).bit_length()


def decided_for(image: StudyImage, decided: Mapping[str, Resolved]) -> Resolved | None:
    """What an image is measured by; None if nothing was decided for its batch."""
    return decided.get(image.placement.batch) or (decided.get("") if len(decided) == 1 else None)


def keep_decision(study: Study, store: Store, observed: Inputs, pooled: int, decided: Mapping[str, Resolved]) -> None:
    """Remember from what it was decided, beside resolved.toml."""
    counted = [i for i in study.images if i.ref.key in observed and not i.excluded]
    identities = [_identity(study, image, observed[image.ref.key], pooled) for image in counted]
    digests = {batch: resolved.digest for batch, resolved in decided.items()}
    document = {"decided_from": _of_all(study, identities), "digests": digests}
    write_whole(store.records / "decided.toml", resolved_to_toml(decided).encode())
    write_whole(store.records / "decided.index", json.dumps(document).encode())


def _known_decision(study: Study, store: Store, identities: Sequence[str]) -> dict[str, Resolved] | None:
    try:
        document = json.loads((store.records / "decided.index").read_bytes())
        if document["decided_from"] != _of_all(study, identities):
            return None
        known = load_resolved(store.records / "decided.toml")
    except (OSError, ValueError, KeyError, TypeError, ExoimageError):
        return None
    # What does not come back from text to the last digit is decided anew.
    return known if {batch: one.digest for batch, one in known.items()} == document["digests"] else None


def _of_all(study: Study, identities: Sequence[str]) -> str:
    values = study.recipe.model_dump(mode="json")
    recipe = json.dumps([study.recipe.assay, study.recipe.revision, values, file_identities(values)])
    return hashlib.sha256("\n".join([recipe, *identities]).encode()).hexdigest()


def _identity(study: Study, image: StudyImage, inputs: Mapping[str, str], pooled: int) -> str:
    """Of what one image brings to the decision: its evidence, its batch, which of its regions are controls."""
    controls = [
        region
        for region, place in (("", image.placement), *image.regions.items())
        if study.recipe.is_control(image.ref.key, place.group)
    ]
    evidence = work.observing_identity(image.recipe_of(study.recipe), inputs, pooled)
    return json.dumps([evidence, image.placement.batch, controls])


def _decided(
    study: Study, store: Store, counted: Sequence[StudyImage], identities: Sequence[str]
) -> dict[str, Resolved]:
    evidence = {
        image.ref.key: _evidence(study, store, image, json.loads(identity)[0]).pooled_among(len(counted))
        for image, identity in zip(counted, identities, strict=True)
    }
    whole = study.recipe.resolve([evidence[i.ref.key] for i in counted], ("study",))
    if "batch" not in whole.recipe.open_scopes():
        return {"": whole}
    batches: dict[str, list[Any]] = {}
    for image in counted:
        batches.setdefault(image.placement.batch, []).append(evidence[image.ref.key])
    decided = {}
    for batch, ones in batches.items():
        own = whole.recipe.resolve(ones, ("batch",))
        decided[batch] = Resolved(own.recipe, (*whole.flags, *own.flags), len(ones))
    return decided


def _evidence(study: Study, store: Store, image: StudyImage, identity: str) -> Any:
    evidence = store.read_evidence(image.ref.slug, study.recipe.evidence, identity)
    if evidence is None:
        raise StudyError(f"{image.ref.key}: its evidence vanished from {store.records} during the run; run again")
    controls = [name for name in evidence.names if study.recipe.is_control(image.ref.key, image.placed(name).group)]
    return evidence.with_controls(controls)
