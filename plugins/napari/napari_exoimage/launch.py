"""`exoimage gui`: napari with the plugin, and a study, a folder or pictures in it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import napari

from napari_exoimage.dock import ExoimageWidget
from napari_exoimage.session import open_paths


def show(paths: Sequence[str] = (), assay: str = "", **viewer_arguments: Any) -> tuple[Any, ExoimageWidget]:
    """Open a viewer with the dock widget in it.

    Raises
    ------
    ExoimageError
        If the paths cannot be opened; before any window is.
    """
    session = open_paths(paths, assay) if paths else None
    viewer = napari.Viewer(title="exoimage", **viewer_arguments)
    widget = ExoimageWidget(viewer)
    viewer.window.add_dock_widget(widget, name="exoimage", area="right")
    if session is not None:
        widget.controller.open(lambda: session)
    return viewer, widget


def launch(paths: Sequence[str], assay: str = "") -> int:
    """Open the window and wait until it is closed."""
    show(paths, assay)
    napari.run()
    return 0
