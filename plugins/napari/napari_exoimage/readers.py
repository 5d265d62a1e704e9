"""Reading and writing for napari: the formats that exoimage reads, and label images that it reads again."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from exoimage.assays.slides import is_slide
from exoimage.images.reading import list_scenes, read
from exoimage.images.source import describe, is_read_in_windows, open_source
from exoimage.images.writing import write_labels

from napari_exoimage import adapter
from napari_exoimage.picture_source import ORIGIN, SCENE
from napari_exoimage.pyramid import SlideView

LayerData = tuple[Any, dict[str, Any], str]


def get_reader(path: str | list[str]) -> Callable[[str | list[str]], list[LayerData]] | None:
    """npe2's question whether we read a file; the content decides when it is read."""
    return None if isinstance(path, list) else read_pictures


def read_pictures(path: str | list[str]) -> list[LayerData]:
    """The pictures of a file, a layer each, or one per channel.

    Raises
    ------
    ImageReadError
        With one line that says why it cannot be read.
    """
    paths = path if isinstance(path, list) else [path]
    layers: list[LayerData] = []
    for one in paths:
        scenes = list_scenes(one)
        for number, name in enumerate(scenes):
            prefix = Path(one).name if len(scenes) == 1 else f"{Path(one).name} {name}"
            scene = number if len(scenes) > 1 else None
            layers += adapter.read_layers(_shown(one, scene), {ORIGIN: str(one), SCENE: scene}, prefix)
    return layers


def _shown(path: str, scene: int | None) -> list[tuple[Any, dict[str, Any]]]:
    """A picture as layers: a whole slide as levels of which only what is in view is read."""
    if not _is_slide(path, scene or 0):
        return adapter.picture_layers(read(path, scene=scene))
    return SlideView(open_source(path, scene)).layers()


def _is_slide(path: str, scene: int) -> bool:
    if not is_read_in_windows(path):
        return False
    stored = describe(path)[scene]
    return not stored.unread and is_slide((stored.height, stored.width), len(stored.level_shapes))


def write_label_layer(path: str, data: Any, attributes: dict[str, Any]) -> list[str]:
    """npe2's writer of a labels layer: a TIFF with its scale, that ImageJ and exoimage read."""
    place = path if path.lower().endswith((".tif", ".tiff")) else f"{path}.tif"
    units = [str(unit) for unit in attributes.get("units") or ()]
    has_size = bool(units) and units[-1] in ("micrometer", "um", "µm")
    size = float(attributes["scale"][-1]) if has_size else None
    write_labels(place, adapter.drawn_labels(data), size)
    return [place]
