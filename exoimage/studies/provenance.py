"""The record of a run: what was run, on what, by which versions."""

from __future__ import annotations

import json
import platform
import sys
from collections.abc import Mapping
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from exoimage import __version__
from exoimage.assays.recipe import Resolved
from exoimage.studies.store import sha256_of
from exoimage.studies.study import Study, blinded_order
from exoimage.studies.tables import Written

PACKAGES = (
    "numpy", "scipy", "scikit-image", "opencv-python-headless", "tifffile", "imagecodecs", "pillow", "numba",
    "matplotlib",
)  # fmt: skip


def run_record(study: Study, decided: Mapping[str, Resolved], written: Written) -> str:
    """The run as JSON: study, recipe, what was decided, every input's sha256, versions and counts."""
    document = {
        "exoimage": __version__,
        "finished": datetime.now(UTC).isoformat(timespec="seconds"),
        "study": {"name": study.name, "source": study.source, "groups": list(study.order), "control": study.control},
        "assay": study.recipe.assay,
        "assay_revision": study.recipe.revision,
        "recipe_files": file_identities(study.recipe.model_dump(mode="json")),
        "recipe": study.recipe.model_dump(mode="json"),
        "weights_sha256": dict(study.recipe.weights()),
        "resolved": {
            batch: {"digest": one.digest, "n_images": one.n_images, "flags": [flag.value for flag in one.flags]}
            for batch, one in decided.items()
        },
        "statistics": study.statistics.model_dump(mode="json"),
        "review": {**study.review.model_dump(mode="json"), "order": _shown_order(study)},
        "rows": written.rows,
        "failed_rows": written.failed_rows,
        "images": {
            image.ref.key: {
                "files": list(image.ref.files),
                "inputs": dict(written.inputs[image.ref.key]),
                "error": written.errors[image.ref.key],
                "excluded": image.excluded,
                "set_by_hand": dict(image.overrides),
                "slug": image.ref.slug,
            }
            for image in study.images
        },
        "python": sys.version.split()[0],
        "platform": platform.platform(),
        "packages": {name: installed(name) for name in PACKAGES},
        "command": sys.argv[1:] if sys.argv and "exoimage" in sys.argv[0] else [],
    }
    return json.dumps(document, indent=1, ensure_ascii=False)


def _shown_order(study: Study) -> list[str]:
    """The order in which blinded images were shown; empty where they were not blinded."""
    keys = [image.ref.key for image in study.images]
    return list(blinded_order(keys, study.review.seed)) if study.review.blinded else []


def file_identities(values: Mapping[str, Any]) -> dict[str, str]:
    """Sha256 of the files that a recipe names: a blank field, an example picture, regions."""
    texts = [text for value in values.values() if isinstance(value, dict) for text in value.values()]
    files = [Path(text) for text in texts if isinstance(text, str) and Path(text).is_file()]
    return {str(path): sha256_of(path.read_bytes()) for path in files}


def installed(name: str) -> str:
    """The version of a package, in words where it is not there."""
    try:
        return version(name)
    except PackageNotFoundError:
        return "not installed"
