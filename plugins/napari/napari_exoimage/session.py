"""What is open and what was set, as a value: every step of the window is a function from one session to the next.

Nothing here knows of Qt or napari: what was done by hand is a study, which the command line runs the same way.
"""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from exoimage.assays.recipe import Recipe
from exoimage.assays.recipe_text import with_values
from exoimage.assays.registry import assay
from exoimage.errors import StudyError
from exoimage.flags import flag
from exoimage.images.labels import read_labels
from exoimage.images.ome_zarr import is_zarr
from exoimage.images.writing import write_labels
from exoimage.studies.amending import amend_study
from exoimage.studies.by_hand import edit_path, with_own
from exoimage.studies.plan import load_study, study_of_images
from exoimage.studies.previewing import image_of
from exoimage.studies.saving import EDITS, save_study
from exoimage.studies.study import Study, StudyImage, blinded_order

STUDY_FILE = "study.toml"

RESULTS = "results"
"""Where a run goes unless another folder is chosen: beside the study, or beside the images."""


@dataclass(frozen=True)
class Session:
    """What is open.

    Parameters
    ----------
    study : Study
        As it is to be run; loose images are a study without groups.
    saved : Study
        As its file says, or as the images were opened.
    folder : str
        Of the study's file, or of the images: corrected masks and regions are kept here.
    path : str
        Of the study's file; empty for loose images.
    inputs : tuple of str
        The loose images or folders, as they were given.
    current : str
        The image that is shown; empty where nothing is open.
    blinded : bool
        Names and groups are hidden now.
    flags : mapping of key to tuple of str
        What the last run had to say of each image.
    out : str
        The folder of the results.
    """

    study: Study
    saved: Study
    folder: str
    path: str = ""
    inputs: tuple[str, ...] = ()
    current: str = ""
    blinded: bool = False
    flags: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    out: str = ""

    @property
    def recipe(self) -> Recipe[Any]:
        """The study's recipe."""
        return self.study.recipe

    @property
    def image(self) -> StudyImage:
        """The image that is shown.

        Raises
        ------
        StudyError
            If the study has none of that name.
        """
        return image_of(self.study, self.current)

    @property
    def image_recipe(self) -> Recipe[Any]:
        """The recipe that the shown image is measured by."""
        return self.image.recipe_of(self.recipe)

    @property
    def is_changed(self) -> bool:
        """Whether something is not written into the study's file yet."""
        return self.study != self.saved

    @property
    def edits(self) -> Path:
        """The folder of masks corrected by hand."""
        return Path(self.folder) / EDITS

    @property
    def regions(self) -> Path:
        """The folder of regions drawn by hand."""
        return Path(self.folder) / "regions"

    @property
    def order(self) -> tuple[str, ...]:
        """The images in the order in which they are shown."""
        keys = tuple(image.ref.key for image in self.study.images)
        return blinded_order(keys, self.study.review.seed) if self.blinded else keys

    @property
    def flagged_first(self) -> tuple[str, ...]:
        """The same, images with a warning of the last run first."""
        return tuple(sorted(self.order, key=lambda key: not self.is_flagged(key)))

    def is_flagged(self, key: str) -> bool:
        """Whether the last run had a warning for an image."""
        return any(flag(name).severity != "note" for name in self.flags.get(key, ()))

    def is_same_study(self, other: Session) -> bool:
        """Whether another session is of the same study, whatever was set in it since."""
        return (self.path, self.inputs, self.recipe.assay) == (other.path, other.inputs, other.recipe.assay)

    def name_of(self, key: str) -> str:
        """What the window calls an image: a number while names are hidden."""
        return f"image {self.order.index(key) + 1}" if self.blinded else key

    def is_reviewed(self, key: str) -> bool:
        """Whether a person has marked an image as looked at."""
        return key in self.study.review.reviewed


def open_paths(paths: Sequence[str | Path], assay_name: str = "") -> Session:
    """Open a study.toml, a folder with one in it, or loose images and folders.

    Parameters
    ----------
    paths : sequence of path
    assay_name : str
        Of loose images; empty: alizarin-red.

    Raises
    ------
    ExoimageError
        If there is nothing to be opened.
    """
    given = [Path(path).absolute() for path in paths]
    if len(given) == 1:
        inside = given[0] / STUDY_FILE
        if given[0].suffix == ".toml" or (not assay_name and inside.is_file()):
            return open_study(given[0] if given[0].suffix == ".toml" else inside)
    study = study_of_images(assay(assay_name or "alizarin-red"), given)
    is_folder = given[0].is_dir() and not is_zarr(str(given[0]))
    folder = given[0] if is_folder else given[0].parent
    return _opened(study, str(folder), inputs=tuple(str(path) for path in given))


def open_study(path: str | Path) -> Session:
    """Open a study.toml.

    Raises
    ------
    StudyError
        If it cannot be read.
    """
    path = Path(path).absolute()
    return _opened(load_study(path), str(path.parent), path=str(path))


def _opened(study: Study, folder: str, *, path: str = "", inputs: tuple[str, ...] = ()) -> Session:
    first = study.images[0].ref.key
    return Session(study, study, folder, path, inputs, first, study.review.blinded, out=str(Path(folder) / RESULTS))


def for_assay(session: Session, name: str) -> Session:
    """The same loose images, measured by another assay with its defaults.

    Raises
    ------
    StudyError
        If it is a study's file: that is of one assay.
    """
    if name == session.recipe.assay:
        return session
    if session.path:
        raise StudyError(
            f"{Path(session.path).name} is a study of {session.recipe.assay}: open its images by themselves to measure"
            " them otherwise"
        )
    study = study_of_images(assay(name), session.inputs, pixel_size=session.study.pixel_size)
    return replace(_opened(study, session.folder, inputs=session.inputs), out=session.out)


def with_value(session: Session, key: str, value: Any) -> Session:
    """The study's recipe with one key changed, for all images.

    Raises
    ------
    RecipeError
        If it does not fit.
    """
    return with_keys(session, {key: value})


def with_keys(session: Session, values: Mapping[str, Any]) -> Session:
    """The study's recipe with some keys changed, for all images.

    Raises
    ------
    RecipeError
        If they do not fit.
    """
    recipe = with_values(session.recipe, values, folder=Path(session.folder))
    for image in session.study.images:
        image.recipe_of(recipe)  # what single images have of their own still fits
    return replace(session, study=replace(session.study, recipe=recipe))


def with_recipe(session: Session, recipe: Recipe[Any]) -> Session:
    """Another recipe of the same assay.

    Raises
    ------
    StudyError
        If it is of another assay.
    """
    if recipe.assay != session.recipe.assay:
        raise StudyError(f"this is a recipe of {recipe.assay}; what is open is measured by {session.recipe.assay}")
    return replace(session, study=replace(session.study, recipe=recipe))


def with_own_values(session: Session, values: Mapping[str, Any]) -> Session:
    """Parameters for the shown image alone, an explicit act: its rows will say so.

    Raises
    ------
    ExoimageError
        If they do not fit, or would have to be decided over other images.
    """
    image = session.image
    own = with_own(image, {**image.overrides, **values}, session.recipe, Path(session.folder))
    return _with_image(session, own)


def without_own_values(session: Session) -> Session:
    """The shown image measured as all others are."""
    return _with_image(session, replace(session.image, overrides={}))


def with_pixel_size(session: Session, pixel_size: float) -> Session:
    """The size of a pixel in µm, for images whose files do not say it; 0: unknown.

    Raises
    ------
    StudyError
        If it is negative.
    """
    if pixel_size < 0:
        raise StudyError(f"a pixel size is a positive number of µm, not {pixel_size:g}")
    return replace(session, study=replace(session.study, pixel_size=pixel_size or None))


def at(session: Session, key: str) -> Session:
    """Another image shown."""
    return replace(session, current=image_of(session.study, key).ref.key)


def stepped(session: Session, step: int, *, flagged_first: bool = False) -> Session:
    """The next image (1) or the one before (-1) shown; round and round."""
    keys = session.flagged_first if flagged_first else session.order
    return at(session, keys[(keys.index(session.current) + step) % len(keys)])


def reviewed(session: Session, key: str, *, done: bool = True) -> Session:
    """An image marked as looked at, or not."""
    others = tuple(other for other in session.study.review.reviewed if other != key)
    return _with_review(session, reviewed=(*others, key) if done else others)


def excluded(session: Session, reason: str) -> Session:
    """The shown image left out, with the reason; counted again with an empty one."""
    return _with_image(session, replace(session.image, excluded=reason))


def blind(session: Session, seed: int) -> Session:
    """Names and groups hidden, the order shuffled by a seed that the run records."""
    hidden = _with_review(replace(session, blinded=True), blinded=True, seed=seed)
    return at(hidden, hidden.order[0])


def unblind(session: Session) -> Session:
    """Names shown again; that it was blinded stays recorded."""
    return replace(session, blinded=False)


def with_flags_of_run(session: Session, flags: Mapping[str, tuple[str, ...]]) -> Session:
    """What a run had to say of each image."""
    return replace(session, flags=dict(flags))


def with_out(session: Session, folder: str) -> Session:
    """Another folder for the results."""
    return replace(session, out=folder)


def keep_edit(session: Session, labels: Any, pixel_size: float | None) -> Session:
    """Keep the shown image's objects as a person corrected them, in a file that every run uses.

    Parameters
    ----------
    session : Session
    labels : (y, x) array of whole numbers
    pixel_size : float or None
        µm, for the file.

    Raises
    ------
    StudyError
        If the assay takes none, or the file cannot be written.
    """
    if not session.recipe.drawn_objects:
        raise StudyError(f"{session.recipe.assay} takes no corrected mask: move its boxes instead")
    path = edit_path(session.edits, session.image)
    try:
        path.parent.mkdir(exist_ok=True)
        write_labels(path, labels, pixel_size)
    except OSError as error:
        raise StudyError(f"{path}: cannot be written: {error.strerror or error}") from None
    read_labels(path)  # what cannot be read again was not kept
    return _with_image(session, replace(session.image, edit=str(path)))


def drop_edit(session: Session) -> Session:
    """Measure the shown image's objects as they are found; the file of the correction is kept under another name.

    Raises
    ------
    StudyError
        If the file cannot be moved: the next run would find it and use it.
    """
    path = Path(session.image.edit)
    try:
        if session.image.edit and path.is_file():
            path.replace(path.with_suffix(".tif.dropped"))
    except OSError as error:
        raise StudyError(f"{path}: cannot be dropped: {error.strerror or error}") from None
    return _with_image(session, replace(session.image, edit=""))


def save(session: Session, path: str | Path = "") -> Session:
    """Write the study's file: changes into an existing one, a new one for loose images.

    Parameters
    ----------
    session : Session
    path : path
        Of the new file, in the images' folder; empty: ``study.toml`` there.

    Raises
    ------
    StudyError
        If it cannot be written, or would replace another study.
    """
    edits = EDITS if any(image.edit for image in session.study.images) else ""
    if session.path:
        amend_study(session.path, session.study, edits=edits)
        return replace(session, saved=session.study)
    place = Path(path) if str(path) else Path(session.folder) / STUDY_FILE
    if place.exists():
        raise StudyError(f"{place} is there already: open it, or save under another name")
    save_study(session.study, place)
    study = load_study(place)
    return replace(session, study=study, saved=study, path=str(place), inputs=(), current=_same(session, study))


def _same(session: Session, study: Study) -> str:
    """The shown image by its name in the saved study."""
    place = [image.ref.key for image in session.study.images].index(session.current)
    return study.images[place].ref.key


def scratch_folder() -> tempfile.TemporaryDirectory[str]:
    """A folder for what is observed meanwhile; it goes with the window."""
    return tempfile.TemporaryDirectory(prefix="exoimage-", ignore_cleanup_errors=True)


def _with_image(session: Session, image: StudyImage) -> Session:
    images = tuple(image if other.ref.key == image.ref.key else other for other in session.study.images)
    return replace(session, study=replace(session.study, images=images))


def _with_review(session: Session, **changes: Any) -> Session:
    review = session.study.review.model_copy(update=changes)
    return replace(session, study=replace(session.study, review=review))
