"""Packages that only some formats need."""

from __future__ import annotations

import importlib
from typing import Any

from exoimage.images.decoded import Refusal


def extra(module: str, name: str, what: str) -> Any:
    """Import a package that is installed with an extra.

    Parameters
    ----------
    module : str
        Of the package, like "nd2".
    name : str
        Of the extra, as in ``pip install "exoimage[nd2]"``.
    what : str
        The format that needs it, for the message.

    Raises
    ------
    Refusal
        If it is not installed or cannot be loaded; the reason says what to install.
    """
    try:
        return importlib.import_module(module)
    except ImportError as error:
        absent = isinstance(error, ModuleNotFoundError) and error.name == module.split(".")[0]
        why = "" if absent else f" (it is there but cannot be loaded: {error})"
        raise Refusal(
            f'reading {what} needs a package more: pip install "exoimage[{name}]"{why};'
            " or export it as OME-TIFF from the microscope's software"
        ) from None
