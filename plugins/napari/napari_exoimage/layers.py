"""The layers that the window shows: the picture, what lies above the cut, what was counted, what a person draws.

Their names never tell the image's: they stay the same from image to image, and while it is blinded.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from exoimage.assays.looking import Look
from exoimage.assays.results import Result
from exoimage.images.image import Image
from exoimage.images.roi_writing import Outline
from napari.layers import Labels

from napari_exoimage import adapter
from napari_exoimage.sights import Counted, Picture

PLANE, ABOVE, COUNTED, OUTLINES, SPOTS = "plane of the cut", "above the cut", "counted", "outlines", "spots"
REGIONS, LEFT_OUT, LANES, PICK, SCRIBBLES = "regions", "left out", "lanes", "pick", "scribbles"
TISSUE = "told apart"

OUTLINE_COLOURS = {
    "absorbed": ("#00e1ff", "#78ff00", "#fff000", "#ff00dc"),
    "emitted": ("#ffe100", "#00e1ff", "#ff00dc", "#78ff00"),
}
"""As the overlays of a run have them, by kinds of objects: cyan first on bright field, yellow on dark."""

LOOKING, PAINTING = 0.08, 0.45
"""Opacity of the counted objects: while one looks at the picture, and while one corrects them."""

OUTLINE_PX = 2
"""Width of the outlines of a whole slide's objects, on the screen."""

MARK = "exoimage"
"""In the metadata of every layer that is ours to change or to remove."""


class Layers:
    """The viewer's layers of the shown image.

    Parameters
    ----------
    viewer : napari.Viewer
    on_paint : callable
        Told when a person has painted on the counted objects.
    on_pick : callable
        Told the number of the object that was clicked.
    """

    def __init__(self, viewer: Any, on_paint: Callable[[], None], on_pick: Callable[[int], None]) -> None:
        self.viewer = viewer
        self._on_paint = on_paint
        self._on_pick = on_pick
        self._picture: object = None
        self._place: Picture | None = None
        self._shape: tuple[int, int] = (0, 0)
        self._scale: dict[str, Any] = {}
        self._light: str = "absorbed"
        self._look: Look | None = None
        self._setting = False

    def shows(self, picture: Picture) -> bool:
        """Whether a picture is the one that is shown."""
        return self._picture is _own(picture)

    def show_picture(self, picture: Picture) -> None:
        """Show another picture; what was drawn on the one before goes with it."""
        if self.shows(picture):
            return
        is_first = self._picture is None or self._shape != picture.shape
        self.clear()
        self._picture, self._shape, self._scale = _own(picture), picture.shape, adapter.pixel_scale(picture)
        self._place = picture
        self._light = picture.light
        shown = adapter.picture_layers(picture) if isinstance(picture, Image) else picture.layers()
        for data, arguments in shown:
            self._add(self.viewer.add_image(data, **arguments))
        if is_first:
            self.viewer.reset_view()
        if picture.pixel_size is not None:
            overlays = getattr(getattr(self.viewer, "canvas", None), "overlays", self.viewer)
            overlays.scale_bar.visible = True

    def clear(self) -> None:
        """Take all our layers away."""
        for layer in [layer for layer in self.viewer.layers if MARK in layer.metadata]:
            self.viewer.layers.remove(layer)
        self._picture = None

    def show_look(self, look: Look, *, visible: bool) -> None:
        """Show the plane that the cut is made in, and what lies above it."""
        if not look.has_cut:
            self._remove(PLANE, ABOVE)
            return
        low, high = look.limits
        self._drop_of_other_shape(look.plane.shape, PLANE, ABOVE)
        placed = self._placed(look.plane.shape)
        plane = self._named(PLANE)
        if plane is None:
            arguments = {"colormap": "inferno", "contrast_limits": (low, high), "visible": False, **placed}
            self._add(self.viewer.add_image(look.plane, name=PLANE, **arguments), below=True)
        elif plane.data is not look.plane:
            plane.data = look.plane
            plane.contrast_limits = (low, high)
        above = self._named(ABOVE)
        if above is None:
            arguments = {"opacity": 0.55, "interpolation2d": "nearest", "visible": visible, **placed}
            above = self.viewer.add_image(look.shown, name=ABOVE, colormap=_from_nothing_to(self._colour), **arguments)
            self._add(above)
        elif look is not self._look:
            above.data = look.shown
        self._look = look
        self.show_above(look.cut, visible=visible)

    def show_above(self, cut: float, *, visible: bool) -> None:
        """Show what lies above a cut: this is what follows a slider. The display cuts, so that no pixel moves."""
        layer = self._named(ABOVE)
        if layer is None:
            return
        layer.contrast_limits = adapter.limits_at(cut, layer.data.dtype)
        _set_visible(layer, visible)
        if visible:
            for other in (self._named(COUNTED), self._named(OUTLINES)):
                _set_visible(other, False)

    def show_result(self, counted: Counted) -> None:
        """Show what was counted, in the place of what lies above the cut."""
        _set_visible(self._named(ABOVE), False)
        self._setting = True
        try:
            if counted.is_tiled:
                self._show_label_pyramid(counted)
            else:
                self._show_labels(counted.labels)
                self.counted.opacity = LOOKING
        finally:
            self._setting = False
        self._show_outlines(counted.rims)
        self._show_spots(counted.result)

    def hide_result(self) -> None:
        """Take away what was counted: it is counted no more."""
        self._remove(COUNTED, OUTLINES, SPOTS)

    def _show_label_pyramid(self, counted: Counted) -> None:
        """Labels of a whole slide, outlined at every zoom; they cannot be painted."""
        layer = self._named(COUNTED)
        if layer is not None and layer.data[0] is counted.labels[0]:
            _set_visible(layer, True)
            return
        self._remove(COUNTED)
        arguments = {"name": COUNTED, "colormap": _one_colour(self._colour), **self._placed(counted.shape)}
        layer = self._add(self.viewer.add_labels(counted.labels, multiscale=True, **arguments))
        layer.contour = OUTLINE_PX
        layer.mouse_drag_callbacks.append(self._clicked)

    def _show_labels(self, found: Any) -> None:
        labels = self._named(COUNTED)
        if labels is not None and (labels.multiscale or labels.data.shape != found.shape):
            self._remove(COUNTED)
            labels = None
        if labels is None:
            colour, placed = _one_colour(self._colour), self._placed(found.shape)
            arguments = {"name": COUNTED, "opacity": LOOKING, "colormap": colour, **placed}
            labels = self._add(self.viewer.add_labels(adapter.labels_of(found), **arguments))
            for event in (labels.events.paint, labels.events.labels_update):
                event.connect(self._painted)
            labels.mouse_drag_callbacks.append(self._clicked)
        elif not adapter.are_equal(labels.data, found):
            labels.data = adapter.labels_of(found)
        _set_visible(labels, True)

    def _show_outlines(self, rims: Any) -> None:
        self._drop_of_other_shape(rims.shape, OUTLINES)
        shown, layer = adapter.shown_mask(rims), self._named(OUTLINES)
        if layer is None:
            colours = OUTLINE_COLOURS[self._light]
            arguments = {"colormap": _of_kinds(colours), "contrast_limits": (0, len(colours))}
            before = self.viewer.layers.selection.active
            placed = self._placed(rims.shape)
            self._add(self.viewer.add_image(shown, name=OUTLINES, interpolation2d="nearest", **arguments, **placed))
            self.viewer.layers.selection.active = before
        else:
            layer.data = shown
            _set_visible(layer, True)

    def _placed(self, shape: tuple[int, ...]) -> dict[str, Any]:
        """Scale and place of what spans the picture, whatever its size in px."""
        return {} if self._place is None else adapter.overlay_scale(self._place, shape)

    def _drop_of_other_shape(self, shape: tuple[int, ...], *names: str) -> None:
        """Layers of another size lie elsewhere: they are made anew."""
        for name in names:
            layer = self._named(name)
            if layer is not None and tuple(layer.data.shape[:2]) != tuple(shape[:2]):
                self._remove(name)

    @property
    def _colour(self) -> str:
        return OUTLINE_COLOURS[self._light][0]

    @property
    def shape(self) -> tuple[int, int]:
        """Height and width of the shown picture."""
        return self._shape

    @property
    def counted(self) -> Any:
        """The labels layer of what was counted; None before anything was."""
        return self._named(COUNTED)

    @property
    def centre(self) -> tuple[float, float]:
        """What lies in the middle of the window, in px of the picture."""
        y, x = (float(place) for place in self._camera.center[-2:])
        down, across = self._scale.get("scale", (1.0, 1.0))
        return y / down, x / across

    @property
    def _camera(self) -> Any:
        # napari 0.9 moved it into the scene.
        return getattr(self.viewer, "scene", self.viewer).camera

    def go_to(self, counted: Counted, row: int) -> None:
        """Show one object in the middle."""
        values = dict(counted.result.object_values)
        if "y_px" in values and self._place is not None:
            self._camera.center = adapter.place_of(values, row, self._place, counted.shape)
        labels = self.counted
        if labels is not None:
            labels.selected_label = int(values["object"][row])

    def shapes(self, name: str, *, make: bool = True, kind: str = "add_polygon") -> Any:
        """A shapes layer to draw on, selected; made where it is not there."""
        layer = self._named(name)
        if layer is None and make:
            colour = {REGIONS: "#00ff88", LEFT_OUT: "#ff5050", LANES: "#ffd24d", PICK: "#ffffff"}[name]
            width = max(1.0, max(self._shape) / 400)
            arguments = {"name": name, "face_color": "transparent", "edge_color": colour, "edge_width": width}
            layer = self._add(self.viewer.add_shapes(None, ndim=2, **arguments, **self._scale))
            layer.mode = kind
        if layer is not None and make:
            layer.visible = True
            self.viewer.layers.selection.active = layer
        return layer

    def fill_shapes(self, name: str, corners: list[Any], kinds: list[str], names: list[str]) -> Any:
        """Shapes to be moved, in the place of those of the layer."""
        layer = self.shapes(name)
        layer.data = []
        for points, kind in zip(corners, kinds, strict=True):
            layer.add(points, shape_type=kind)
        layer.features = {"name": names}
        layer.text = {"string": "{name}", "color": "white", "size": 10}
        layer.mode = "select"
        return layer

    def outlines(self, name: str, prefix: str) -> list[Outline]:
        """What was drawn on a shapes layer; a shape without a name is called by its number."""
        layer = self._named(name)
        if layer is None:
            return []
        given = list(layer.features["name"]) if "name" in layer.features else []
        known = [str(one) if isinstance(one, str) and one else "" for one in given]
        known += [""] * (len(layer.data) - len(known))
        names = [own or f"{prefix} {number}" for number, own in enumerate(known, start=1)]
        return adapter.outlines_of(layer.data, list(layer.shape_type), names)

    def boxes(self, name: str) -> list[tuple[int, int, int, int]]:
        """The rectangles of a shapes layer, in px."""
        layer = self._named(name)
        return [] if layer is None else adapter.boxes_of(layer.data)

    def scribbles(self) -> Any:
        """A labels layer to scribble on, selected; made where it is not there."""
        layer = self._named(SCRIBBLES)
        if layer is None:
            empty = adapter.empty_labels(self._shape)
            layer = self._add(self.viewer.add_labels(empty, name=SCRIBBLES, opacity=0.8, **self._scale))
            layer.brush_size = max(3, round(max(self._shape) / 200))
        layer.mode = "paint"
        self.viewer.layers.selection.active = layer
        return layer

    def show_tissue(self, classes: Any, top: int, left: int) -> None:
        """Show what a part of the picture is told to be, below the scribbles that it was learnt from."""
        layer = self._named(TISSUE)
        if layer is None:
            before = self.viewer.layers.selection.active
            empty = adapter.empty_labels(self._shape)
            layer = self._add(self.viewer.add_labels(empty, name=TISSUE, opacity=0.3, **self._scale))
            layer.editable = False
            scribbles = self._named(SCRIBBLES)
            if scribbles is not None:
                layer.colormap = scribbles.colormap
                self.viewer.layers.move(len(self.viewer.layers) - 1, self.viewer.layers.index(scribbles))
            self.viewer.layers.selection.active = before
        adapter.painted_over(layer.data, classes, top, left)
        layer.refresh()

    def remove(self, *names: str) -> None:
        """Take layers away that a person drew on."""
        self._remove(*names)

    def _show_spots(self, result: Result) -> None:
        spots = dict(result.spot_values)
        if "y_px" not in spots or not len(spots["y_px"]):
            self._remove(SPOTS)
            return
        points, layer = adapter.points_of(spots), self._named(SPOTS)
        if layer is None:
            arguments = {"name": SPOTS, "face_color": "transparent", "border_color": "yellow", "size": 9}
            self._add(self.viewer.add_points(points, **arguments, **self._placed(result.labels.shape)))
        else:
            layer.data = points

    def _painted(self, *_: Any) -> None:
        if not self._setting:
            self._on_paint()

    def _clicked(self, layer: Labels, event: Any) -> None:
        if layer.mode != "pan_zoom":
            return
        number = layer.get_value(event.position, view_direction=event.view_direction, world=True)
        if number:
            self._on_pick(int(number))

    def _named(self, name: str) -> Any:
        found = (layer for layer in self.viewer.layers if MARK in layer.metadata and layer.metadata[MARK] == name)
        return next(found, None)

    def _add(self, layer: Any, *, below: bool = False) -> Any:
        layer.metadata[MARK] = layer.name
        if below:
            self.viewer.layers.move(len(self.viewer.layers) - 1, 1)
        return layer

    def _remove(self, *names: str) -> None:
        for name in names:
            layer = self._named(name)
            if layer is not None:
                self.viewer.layers.remove(layer)


def _own(picture: Picture) -> object:
    """What stays the same as long as a picture does, whatever is corrected in it."""
    return picture.pixels if isinstance(picture, Image) else picture


def _one_colour(colour: str) -> Any:
    """Every object in one colour, which the picture itself has not."""
    from napari.utils.colormaps import DirectLabelColormap

    return DirectLabelColormap(color_dict={0: "transparent", None: colour})


def _of_kinds(colours: tuple[str, ...]) -> Any:
    """A colormap of whole numbers: nothing for 0, then a colour each."""
    from napari.utils.colormaps import Colormap

    steps = len(colours)
    controls = [0.0, *((number - 0.5) / steps for number in range(1, steps + 1)), 1.0]
    stops = [[0.0, 0.0, 0.0, 0.0], *(_rgba(colour) for colour in colours)]
    return Colormap(stops, controls=controls, interpolation="zero", name=f"kinds {colours[0]}")


def _rgba(colour: str, alpha: float = 1.0) -> list[float]:
    return [*(int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)), alpha]


def _set_visible(layer: Any, visible: bool) -> None:
    """Show or hide a layer that there is; one that stands so already would be drawn again for nothing."""
    if layer is not None and layer.visible != visible:
        layer.visible = visible


def _from_nothing_to(colour: str) -> Any:
    """A colormap that shows nothing at its lower end."""
    from napari.utils.colormaps import Colormap

    return Colormap([_rgba(colour, 0.0), _rgba(colour)], name=f"above {colour}")
