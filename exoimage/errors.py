"""The errors that a user can meet; each says what was given, what was expected and what to do."""

from __future__ import annotations


class ExoimageError(Exception):
    """Anything that exoimage refuses on purpose.

    The command line prints the message as one line and never a traceback.
    """


class ImageReadError(ExoimageError):
    """A file that could not be read as an image.

    Parameters
    ----------
    path : str
        The file as the user named it.
    reason : str
        What is wrong with it and what to do, without the path.
    """

    def __init__(self, path: str, reason: str) -> None:
        self.path = str(path)
        self.reason = reason
        super().__init__(f"{self.path}: {reason}")

    def __reduce__(self) -> tuple[type[ImageReadError], tuple[str, str]]:
        # Worker processes send errors home; Exception's own pickling would pass one argument.
        return type(self), (self.path, self.reason)


class ImageError(ExoimageError):
    """An image that was read but does not suit what it was given to."""


class RecipeError(ExoimageError):
    """A recipe that names an unknown key, or a value out of its bounds."""


class MeasureError(ExoimageError):
    """A measurement that has no honest answer on this image."""


class StudyError(ExoimageError):
    """A study that cannot be run as it is written: unknown group, no image, unreadable study.toml."""
