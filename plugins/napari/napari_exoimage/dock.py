"""The dock widget: what is open, the cut, and a page each for the recipe, drawing, numbers and the study."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from exoimage.assays.recipe import Recipe
from exoimage.assays.registry import ASSAYS, recipe_class
from exoimage.errors import ExoimageError
from exoimage.images.discovery import IMAGE_SUFFIXES
from qtpy.QtCore import QEvent, QObject, QSignalBlocker, Qt
from qtpy.QtGui import QKeySequence, QShortcut
from qtpy.QtWidgets import (
    QCheckBox,
    QComboBox,
    QDoubleSpinBox,
    QFileDialog,
    QHBoxLayout,
    QLabel,
    QPushButton,
    QScrollArea,
    QTabWidget,
    QVBoxLayout,
    QWidget,
)

from napari_exoimage import session as steps
from napari_exoimage.controller import Controller
from napari_exoimage.cut_panel import CutPanel
from napari_exoimage.draw_panel import DrawPanel
from napari_exoimage.form import RecipeForm
from napari_exoimage.numbers_panel import NumbersPanel
from napari_exoimage.picture_source import LayerFile, file_of_layer
from napari_exoimage.session import Session
from napari_exoimage.study_panel import StudyPanel

PICTURES = f"Pictures and studies (study.toml *.toml {' '.join('*' + suffix for suffix in IMAGE_SUFFIXES)})"


class ExoimageWidget(QWidget):
    """Measure what napari shows; the plugin's one dock widget.

    Parameters
    ----------
    napari_viewer : napari.Viewer
    """

    def __init__(self, napari_viewer: Any) -> None:
        super().__init__()
        self.viewer = napari_viewer
        self.controller = Controller(napari_viewer)
        self._layer_files: list[LayerFile] = []
        self.assay = QComboBox()
        self.assay.addItems(list(ASSAYS))
        self.assay.setToolTip("What is measured")
        self.pixel_size = QDoubleSpinBox()
        self.pixel_size.setDecimals(4)
        self.pixel_size.setRange(0.0, 1000.0)
        self.pixel_size.setSpecialValueText("by file")
        self.pixel_size.setSuffix(" µm/px")
        self.pixel_size.setToolTip("Size of a pixel, where the files do not say it")
        self.pixel_size.setKeyboardTracking(False)
        self.name = QLabel("")
        self.name.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.reviewed = QCheckBox("Reviewed")
        self.flagged_first = QCheckBox("Flagged first")
        self.message = QLabel("")
        self.message.setWordWrap(True)
        self.cut = CutPanel(self.controller)
        self.numbers, self.draw = NumbersPanel(self.controller), DrawPanel(self.controller)
        self.study = StudyPanel(self.controller)
        self.form: RecipeForm = self._form("alizarin-red")
        self._form_place = QScrollArea()
        self._form_place.setWidgetResizable(True)
        self._form_place.setWidget(self.form)
        self.pages = QTabWidget()
        for title, page in (
            ("Numbers", self.numbers),
            ("Recipe", self._form_place),
            ("Draw", _scrolled(self.draw)),
            ("Study", self.study),
        ):
            self.pages.addTab(page, title)
        self._lay_out()
        self._connect()
        self.setMinimumWidth(380)

    def open_paths(self, paths: Sequence[str | Path], assay: str = "") -> str:
        """Open a study, a folder or pictures; says what is wrong with them, or nothing."""
        return self.controller.open(lambda: steps.open_paths(paths, assay))

    def use_layer(self) -> str:
        """Measure the picture of the selected layer; says what is wrong with it, or nothing."""
        try:
            file = file_of_layer(self.viewer.layers.selection.active)
        except ExoimageError as error:
            return self.controller.tell(error)
        self._layer_files.append(file)
        problem = self.controller.open(lambda: file.opened(self.assay.currentText()))
        if not problem:
            self.controller.say(file.note)
        return problem

    def choose_assay(self, name: str) -> str:
        """Measure what is open by another assay; says what is wrong with that, or nothing."""
        problem = ""
        if self.controller.is_open:
            problem = self.controller.keep_painting() or self.controller.do(lambda s: steps.for_assay(s, name))
        self._show_assay(self.controller.session.recipe.assay if self.controller.is_open else name)
        return problem

    def step(self, by: int) -> None:
        """Show the next image (1) or the one before (-1)."""
        first = self.flagged_first.isChecked()
        self.controller.show_image(lambda session: steps.stepped(session, by, flagged_first=first))

    def close_work(self) -> None:
        """Keep what was painted, stop everything and wait for it: nothing stays behind the window."""
        self.study.close_runner()
        self.draw.close_work()
        self.controller.close()
        for file in self._layer_files:
            file.remove()

    def eventFilter(self, watched: QObject | None, event: QEvent | None) -> bool:  # noqa: N802
        """The window closes."""
        if event is not None and event.type() == QEvent.Type.Close and watched is self._window:
            self.close_work()
        return False

    def _lay_out(self) -> None:
        layout = QVBoxLayout(self)
        first, second = QHBoxLayout(), QHBoxLayout()
        for label, action, help_text in (
            ("Open…", self._choose_files, "Open a study.toml or pictures."),
            ("Folder…", self._choose_folder, "Open a folder of pictures, or one with a study.toml."),
            ("Use layer", self.use_layer, "Measure the picture of the selected layer."),
        ):
            first.addWidget(_button(label, action, help_text))
        first.addWidget(self.assay, 1)
        first.addWidget(self.pixel_size)
        for label, action, help_text in (
            ("◀", lambda: self.step(-1), "The image before (Alt+Left)"),
            ("▶", lambda: self.step(1), "The next image (Alt+Right)"),
        ):
            second.addWidget(_button(label, action, help_text, width=36))
        second.addWidget(self.name, 1)
        second.addWidget(self.reviewed)
        second.addWidget(self.flagged_first)
        third = QHBoxLayout()
        third.addWidget(_button("Measure", self.controller.measure, "Keep what was painted and measure (Ctrl+M)"))
        third.addWidget(_button("Undo", self.controller.undo, "Undo what was set (Ctrl+Alt+Z)"))
        third.addWidget(_button("Redo", self.controller.redo, "Set it again (Ctrl+Alt+Y)"))
        for row in (first, second):
            layout.addLayout(row)
        layout.addWidget(self.cut)
        layout.addLayout(third)
        layout.addWidget(self.message)
        layout.addWidget(self.pages, 1)

    def _connect(self) -> None:
        self.assay.textActivated.connect(self.choose_assay)
        self.pixel_size.valueChanged.connect(self._set_pixel_size)
        self.reviewed.clicked.connect(self._mark)
        self.controller.changed.connect(self._show)
        self.controller.said.connect(self._say)
        self.controller.painted.connect(lambda: self._say("painted: press Measure to keep it", False))
        for keys, action in (
            ("Alt+Left", lambda: self.step(-1)),
            ("Alt+Right", lambda: self.step(1)),
            ("Ctrl+M", self.controller.measure),
            ("Ctrl+Alt+Z", self.controller.undo),
            ("Ctrl+Alt+Y", self.controller.redo),
        ):
            QShortcut(QKeySequence(keys), self).activated.connect(action)
        # A dock's own close is not the window's.
        self._window = getattr(getattr(self.viewer, "window", None), "_qt_window", None)
        if self._window is not None:
            self._window.installEventFilter(self)

    def _show(self, session: Session) -> None:
        self._show_assay(session.recipe.assay)
        self.form.show_recipe(session.recipe)
        place = session.order.index(session.current) + 1
        self.name.setText(f"{session.name_of(session.current)}  ({place} of {len(session.order)})")
        with QSignalBlocker(self.reviewed):
            self.reviewed.setChecked(session.is_reviewed(session.current))
        with QSignalBlocker(self.pixel_size):
            self.pixel_size.setValue(session.study.pixel_size or 0.0)

    def _show_assay(self, name: str) -> None:
        self.assay.setCurrentText(name)
        if self.form.kind is not recipe_class(name):
            self.form = self._form(name)
            self._form_place.setWidget(self.form)
            if self.controller.is_open and self.controller.session.recipe.assay == name:
                self.form.show_recipe(self.controller.session.recipe)

    def _form(self, name: str) -> RecipeForm:
        def changed(key: str, value: Any) -> str:
            return self.controller.do(lambda session: steps.with_value(session, key, value))

        return RecipeForm(recipe_class(name), changed, self._suggested)

    def _suggested(self, key: str, method: str) -> Mapping[str, Any]:
        """What was decided for the shown image, where it is of that method: fixing begins where estimating ended."""
        seen = self.controller.last_seen
        if seen is None or seen.session.recipe.assay != self.form.kind.assay:
            return {}
        values = _plain(seen.look.recipe).get(key)
        return values if isinstance(values, dict) and values.get("method") == method else {}

    def _mark(self, done: bool) -> None:
        if self.controller.is_open:
            self.controller.go(lambda session: steps.reviewed(session, session.current, done=done))

    def _set_pixel_size(self, value: float) -> None:
        if self.controller.is_open:
            self.controller.do(lambda session: steps.with_pixel_size(session, value))

    def _say(self, text: str, is_problem: bool) -> None:
        self.message.setText(text)
        self.message.setStyleSheet("color: #ff9070" if is_problem else "")
        self.message.setVisible(bool(text))

    def _choose_files(self) -> None:
        paths, _ = QFileDialog.getOpenFileNames(self, "Open", filter=PICTURES)
        if paths:
            self.open_paths(paths, self._assay_of(paths))

    def _choose_folder(self) -> None:
        folder = QFileDialog.getExistingDirectory(self, "Open a folder")
        if folder:
            self.open_paths([folder], "" if (Path(folder) / steps.STUDY_FILE).is_file() else self.assay.currentText())

    def _assay_of(self, paths: Sequence[str]) -> str:
        return "" if paths[0].endswith(".toml") else self.assay.currentText()


def _plain(recipe: Recipe[Any]) -> dict[str, Any]:
    return recipe.model_dump(mode="json")


def _button(label: str, action: Any, help_text: str, width: int = 0) -> QPushButton:
    button = QPushButton(label)
    button.setToolTip(help_text)
    if width:
        button.setFixedWidth(width)
    button.clicked.connect(lambda *_: action())
    return button


def _scrolled(page: QWidget) -> QScrollArea:
    area = QScrollArea()
    area.setWidgetResizable(True)
    area.setWidget(page)
    return area
