"""Drawing: where to measure, what to correct, what to learn from."""

from __future__ import annotations

from typing import Any

from exoimage.assays.looking import parted
from exoimage.assays.regions import Region
from exoimage.errors import StudyError
from exoimage.images.image import Image
from qtpy.QtWidgets import QCheckBox, QFileDialog, QLabel, QMessageBox, QVBoxLayout

from napari_exoimage import adapter, drawing
from napari_exoimage.actions import ActionPanel
from napari_exoimage.bench import all_lanes
from napari_exoimage.controller import Controller
from napari_exoimage.layers import LANES, LEFT_OUT, PAINTING, PICK, REGIONS, SCRIBBLES
from napari_exoimage.live import LiveTissue
from napari_exoimage.pyramid import SlideView
from napari_exoimage.session import Session
from napari_exoimage.sights import Counted

ROI_FILES = "Regions (*.roi *.zip *.geojson *.json *.tif *.tiff *.png)"


class DrawPanel(ActionPanel):
    """Buttons for what is drawn; the drawing itself is napari's."""

    def __init__(self, controller: Controller) -> None:
        super().__init__(controller)
        self.live = LiveTissue(controller)
        self._merging: list[int] = []
        self._is_merging = False
        self.hint = QLabel("")
        self.hint.setWordWrap(True)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        self.regions = self._group(
            "Where to measure",
            {
                "Draw region": (lambda: self._draw(REGIONS), "Draw where to measure: polygons, rectangles, ellipses."),
                "Draw left out": (lambda: self._draw(LEFT_OUT), "Draw what is to be left out: a fold, a bubble."),
                "Edit wells": (self._edit_wells, "Show the regions that were found as shapes that can be moved."),
                "Use regions": (self.use_regions, "Measure in what is drawn; it is kept in a file beside the images."),
                "Load regions…": (self._load, "Measure in the regions of an ImageJ, QuPath or mask file."),
                "Save regions…": (self._save, "Write what is drawn for ImageJ (.zip) or QuPath (.geojson)."),
                "Whole image": (self._whole, "Measure the whole image again."),
            },
        )
        self.blot = self._group(
            "Lanes",
            {
                "Edit lanes": (self._edit_lanes, "Show all lanes as rectangles that can be moved, the ladder's too."),
                "Use lanes": (self.use_lanes, "Measure in these rectangles, from left to right."),
            },
        )
        self.correction = self._group(
            "Correct what was counted",
            {
                "Add": (lambda: self._paint("paint", new=True), "Paint a new object."),
                "Erase": (lambda: self._paint("erase"), "Paint away what is none."),
                "Merge two": (self._begin_merge, "Click two objects: they become one."),
                "Part": (self._part, "Objects that were cut in two by erasing become two."),
                "Measure": (lambda: controller.measure(), "Keep the correction in a file and measure it."),
                "Drop correction": (lambda: controller.drop_painting(), "Measure what is found again."),
            },
        )
        self.picks = self._group(
            "Pick from the picture",
            {
                "Draw rectangle": (lambda: self._draw(PICK, "add_rectangle"), "Draw where to pick from."),
                "Stain vector": (self._pick_stain, "The rectangle holds the measured stain alone: take its colour."),
                "White point": (self._pick_white, "The rectangle is empty glass: take its tone as white."),
                "Negative control": (
                    lambda: controller.do(drawing.with_controls),
                    "This image's group (or this image) is negative: the cut comes from it.",
                ),
            },
        )
        self.training = self._group(
            "Tell tissue by scribbles",
            {
                "Scribble": (self._scribble, "Paint a few strokes of each class, up to the borders."),
                "Train": (self.train, "Learn from the scribbles and measure by them; they are kept in a file."),
            },
        )
        self.live_switch = QCheckBox("Live")
        self.live_switch.setToolTip("Show after each stroke what would be told apart; Train keeps it.")
        self.live_switch.setChecked(True)
        self.live_switch.toggled.connect(self.live.switch)
        self.training.layout().addWidget(self.live_switch)
        for group in (self.regions, self.blot, self.correction, self.picks, self.training):
            layout.addWidget(group)
        layout.addWidget(self.hint)
        layout.addStretch(1)
        controller.changed.connect(self._show_session)
        controller.painted.connect(lambda: self.buttons["Drop correction"].setEnabled(True))
        controller.picked.connect(self._clicked)

    def use_regions(self) -> str:
        """Measure in what is drawn."""
        layers = self._controller.layers
        include, exclude = layers.outlines(REGIONS, "region"), layers.outlines(LEFT_OUT, "left out")
        if exclude and self._is_slide:
            problem = StudyError("on a whole slide nothing can be left out: draw regions around it")
            return self._controller.tell(problem)
        return self._controller.do(lambda session: drawing.keep_regions(session, include, exclude, layers.shape))

    def use_lanes(self) -> str:
        """Measure in the lanes as they were placed."""
        boxes = self._controller.layers.boxes(LANES)
        return self._controller.do(lambda session: drawing.with_lanes(session, boxes))

    def train(self) -> str:
        """Learn from the scribbles."""
        labels = adapter.drawn_labels(self._controller.layers.scribbles().data)
        picture = self._controller.picture
        size = None if picture is None else picture.pixel_size
        return self._controller.do(lambda session: drawing.keep_scribbles(session, labels, size))

    def load_regions(self, path: str, *, for_all: bool = False) -> str:
        """Measure this image, or all of the study, in the regions of a file; says what is wrong with it, or nothing."""
        return self._controller.do(lambda session: drawing.with_regions_of(session, path, for_all=for_all))

    def close_work(self) -> None:
        """Stop learning and wait for it."""
        self.live.close()

    def _show_session(self, session: Session) -> None:
        fields = type(session.recipe).model_fields
        is_blot = "lanes" in fields
        self.blot.setVisible(is_blot)
        self.correction.setVisible(bool(session.recipe.drawn_objects))
        self.correction.setTitle(f"Correct the {session.recipe.drawn_objects}")
        self.picks.setVisible("stains" in fields or "cut" in fields)
        for label in ("Stain vector", "White point", "Draw rectangle"):
            self.buttons[label].setVisible("stains" in fields)
        self.training.setVisible("tissue" in fields)
        is_painted = self._controller.is_painted
        self.buttons["Drop correction"].setEnabled(is_painted or bool(session.image.edit))

    def _draw(self, name: str, kind: str = "add_polygon") -> None:
        self._controller.session  # noqa: B018 - refuses where nothing is open
        layer = self._controller.layers.shapes(name, kind=kind)
        layer.mode = kind

    @property
    def _is_slide(self) -> bool:
        return isinstance(self._controller.picture, SlideView)

    def _edit_wells(self) -> None:
        counted = self._counted()
        regions = [region for region in counted.result.drawn_regions if region.mask is not None]
        if not regions:
            raise StudyError("no regions were found: choose region = wells, or draw them")
        corners = [self._corners(region, counted) for region in regions]
        kinds = ["ellipse" if adapter.is_round(region) else "rectangle" for region in regions]
        self._controller.layers.fill_shapes(REGIONS, corners, kinds, [region.name for region in regions])

    def _edit_lanes(self) -> None:
        counted = self._counted()
        lanes = all_lanes(self._controller.session, counted.image).drawn_regions
        if not lanes:
            raise StudyError("no lanes were found: draw rectangles on the layer lanes")
        corners = [self._corners(lane, counted) for lane in lanes]
        names = [str(number) for number in range(1, len(lanes) + 1)]
        self._controller.layers.fill_shapes(LANES, corners, ["rectangle"] * len(lanes), names)

    def _corners(self, region: Region, counted: Counted) -> Any:
        return adapter.corners_of_region(region, self._controller.layers.shape, counted.shape)

    def _load(self) -> None:
        path, _ = QFileDialog.getOpenFileName(self, "Regions", filter=ROI_FILES)
        if path:
            self.load_regions(path, for_all=self._asks_for_all())

    def _asks_for_all(self) -> bool:
        """Whether regions are to be those of all images; asked where there are several."""
        if len(self._controller.session.study.images) == 1:
            return False
        question = QMessageBox(QMessageBox.Icon.Question, "Regions", "Measure in these regions:", parent=self)
        question.addButton("This image", QMessageBox.ButtonRole.AcceptRole)
        everywhere = question.addButton("All images", QMessageBox.ButtonRole.ActionRole)
        question.exec()
        return question.clickedButton() is everywhere

    def _save(self) -> None:
        path, _ = QFileDialog.getSaveFileName(self, "Regions", filter="GeoJSON (*.geojson);;ImageJ RoiSet (*.zip)")
        if path:
            drawing.export_regions(path, self._controller.layers.outlines(REGIONS, "region"))

    def _whole(self) -> None:
        self._controller.layers.remove(REGIONS, LEFT_OUT)
        self._controller.do(drawing.whole)

    def _paint(self, mode: str, *, new: bool = False) -> None:
        layer = self._labels()
        if new:
            layer.selected_label = int(layer.data.max()) + 1
        layer.visible, layer.opacity = True, PAINTING
        layer.mode = mode
        self._controller.layers.viewer.layers.selection.active = layer

    def _part(self) -> None:
        self._replace_labels(parted(adapter.drawn_labels(self._labels().data)))

    def _begin_merge(self) -> None:
        layer = self._labels()
        layer.mode = "pan_zoom"
        self._controller.layers.viewer.layers.selection.active = layer
        self._is_merging, self._merging = True, []
        self.hint.setText("Click the two objects that are one.")

    def _clicked(self, number: int) -> None:
        if not self._is_merging:
            return
        self._merging = [*(one for one in self._merging if one != number), number]
        if len(self._merging) == 2:
            self._is_merging = False
            self.hint.setText("")
            self._replace_labels(adapter.merged_labels(self._labels().data, *self._merging))

    def _replace_labels(self, labels: Any) -> None:
        self._labels().data = labels
        self._controller.has_painted()

    def _pick_white(self) -> None:
        image, box = self._under_rectangle()
        self._controller.do(lambda session: drawing.with_picked_white(session, image, box))

    def _pick_stain(self) -> None:
        (image, box), seen = self._under_rectangle(), self._controller.last_seen
        if seen is not None:
            decided = seen.look.recipe
            self._controller.do(lambda session: drawing.with_picked_stain(session, decided, image, box))

    def _scribble(self) -> None:
        session = self._controller.session
        if self._is_slide:
            raise StudyError("scribbles are painted on fields: train on a crop, then measure the slide by its recipe")
        names = drawing.TISSUE_NAMES.get(session.recipe.assay, ())
        self.live.watch(self._controller.layers.scribbles())
        listed = ", ".join(f"{number} {name}" for number, name in enumerate(names, start=1))
        self.hint.setText(f"Paint on the layer {SCRIBBLES}: {listed}.")

    def _under_rectangle(self) -> tuple[Image, tuple[int, int, int, int]]:
        """The picture to pick from, and where in it."""
        boxes, picture = self._controller.layers.boxes(PICK), self._controller.picture
        if not boxes or picture is None:
            raise StudyError("draw a rectangle first, where to pick from")
        return picture.cut_out(boxes[-1]) if isinstance(picture, SlideView) else (picture, boxes[-1])

    def _counted(self) -> Counted:
        counted = self._controller.last_counted
        if counted is None:
            raise StudyError("wait for the image to be measured")
        return counted

    def _labels(self) -> Any:
        layer = self._controller.layers.counted
        if layer is None:
            raise StudyError("wait for the image to be measured")
        if layer.multiscale:
            raise StudyError("a whole slide takes no correction by hand: correct a crop of it, or draw regions")
        return layer
