"""What was done by hand as a command and as Python: the same numbers without the window."""

from __future__ import annotations

import os
import shlex
import subprocess
from collections.abc import Sequence
from typing import Any

from exoimage.assays.recipe import Recipe
from exoimage.assays.recipe_text import toml_text
from exoimage.assays.registry import assay
from exoimage.errors import StudyError
from exoimage.studies.amending import changed_keys
from exoimage.studies.previewing import open_slide

from napari_exoimage.session import Session


def as_command(session: Session, *, windows: bool | None = None) -> str:
    """The command line that gives the same tables.

    Parameters
    ----------
    session : Session
    windows : bool, optional
        Whether to quote as Windows does. Default: on Windows.

    Raises
    ------
    StudyError
        If the study has to be saved first: a command can only name a file.
    """
    if session.path:
        if session.is_changed:
            raise StudyError("save the study first: the command runs the file as it is")
        return _quoted(["exoimage", "run", session.path, "--out", session.out], windows)
    own = [image.ref.key for image in session.study.images if image.overrides or image.excluded]
    if own:
        raise StudyError(f"{own[0]} has settings of its own: save the study first, then a command can run it")
    words = ["exoimage", "measure", session.recipe.assay, *session.inputs]
    for key, value in _changes(session.recipe).items():
        words += ["--set", f"{key}={toml_text(value)}"]
    if session.study.pixel_size is not None:
        words += ["--pixel-size", repr(session.study.pixel_size)]
    if any(image.edit for image in session.study.images):
        words += ["--edits", str(session.edits)]
    return _quoted([*words, "--out", session.out], windows)


def as_python(session: Session) -> str:
    """The lines of Python that give the same numbers; of a study its run, of loose images the shown one.

    Raises
    ------
    StudyError
        If the study has to be saved first.
    """
    if session.path:
        if session.is_changed:
            raise StudyError("save the study first: Python runs the file as it is")
        return f"import exoimage as xi\n\nrun = xi.run({session.path!r}, out={session.out!r})\nrun.images\n"
    if len(session.study.images) > 1:
        raise StudyError("several images are decided together: save the study first, then Python can run it")
    image = session.image
    if len(image.ref.files) > 1:
        raise StudyError("the channels are files of their own: save the study first, then Python can run it")
    values = {**_changes(session.recipe), **image.overrides}
    parameters = "".join(f", {key}={value!r}" for key, value in values.items())
    recipe = f"xi.assay({session.recipe.assay!r}{parameters})"
    with open_slide(session.study, session.current) as slide:
        lines = _field_lines(session, recipe) if slide is None else _slide_lines(session, recipe)
    return "\n".join([*lines, ""])


def _field_lines(session: Session, recipe: str) -> list[str]:
    """A picture that is read in one piece."""
    image, size = session.image, session.study.pixel_size
    lines = ["import exoimage as xi"]
    if image.edit:
        lines.append("from exoimage.images.labels import read_labels")
    lines += ["", f"image = xi.read({image.ref.files[0]!r}{_keywords(image.ref.scene, session.image_recipe)})"]
    if size is not None:
        lines.append(f"image = image if image.pixel_size else image.with_pixel_size({size!r})")
    if image.edit:
        lines.append(f"image = image.with_drawn(read_labels({image.edit!r}))")
    return [*lines, f"result = {recipe}.measure(image)", "result.rows"]


def _slide_lines(session: Session, recipe: str) -> list[str]:
    """A whole slide, measured as a run does: the run itself knows how."""
    if session.image.overrides or session.image.edit:
        raise StudyError("this slide has settings of its own: save the study first, then Python can run it")
    size = session.study.pixel_size
    given = "" if size is None else f", pixel_size={size!r}"
    return [
        "import exoimage as xi",
        "from exoimage.studies.plan import study_of_images",
        "",
        f"study = study_of_images({recipe}, {list(session.inputs)!r}{given})",
        f"run = xi.run(study, out={session.out!r})",
        "run.images",
    ]


def _keywords(scene: int | None, recipe: Recipe[Any]) -> str:
    """Arguments of `exoimage.read`: which picture of the file, and which plane or projection of it."""
    how = {**({} if scene is None else {"scene": scene}), **recipe.reading()}
    return "".join(f", {key}={value!r}" for key, value in how.items())


def _changes(recipe: Recipe[Any]) -> dict[str, Any]:
    return changed_keys(assay(recipe.assay), recipe)


def _quoted(words: Sequence[str], windows: bool | None) -> str:
    on_windows = os.name == "nt" if windows is None else windows
    return subprocess.list2cmdline(words) if on_windows else shlex.join(words)
