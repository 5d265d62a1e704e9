"""A recipe as a form: a row for every field, made from the recipe's own bounds and descriptions.

magicgui's automatic form knows no tagged choices and writes an empty entry as the text "None"; this one is small, on
magicgui's public widgets.
"""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Mapping
from typing import Any

from exoimage.assays.recipe import Recipe
from exoimage.assays.recipe_text import toml_text
from exoimage.methods.presets import PRESETS
from magicgui.widgets import CheckBox, ComboBox, Container, FloatSpinBox, LineEdit, SpinBox, Widget
from qtpy.QtCore import Qt
from qtpy.QtWidgets import QFileDialog, QLabel, QToolButton, QVBoxLayout, QWidget
from superqt import QCollapsible

from napari_exoimage.fields import GROUPS, Row, plain_values, rows_of

LARGEST = 10**9
DECIMALS = 6

OnChange = Callable[[str, Any], str]
"""Told a key and its new value; says what is wrong with it, or nothing."""

Suggest = Callable[[str, str], Mapping[str, Any]]
"""Values to begin with, for a key and one of its methods: what was decided, where that is of the method."""


class Entry:
    """The widget of one row, and the plain value in it."""

    def __init__(self, row: Row, on_edit: Callable[[], None]) -> None:
        self.row = row
        self._on_edit = on_edit
        self._given: Any = row.default
        self._filling = False
        self.widget: Widget = self._made()
        self.widget.tooltip = row.help

    @property
    def value(self) -> Any:
        """What stands in it, plain; None where nothing does and something has to."""
        raw = self.widget.value
        if (
            self.row.kind == "number"
            and isinstance(self._given, int | float)
            and abs(raw - self._given) < 0.6 * 10**-DECIMALS
        ):
            return self._given  # what was not touched keeps all its digits
        if self.row.kind == "value":
            return _parsed(str(raw))
        if self.row.kind in ("length", "text", "path", "option"):
            text = str(raw)
            return None if text == "" and self.row.default is None else text
        return raw

    def fill(self, value: Any) -> None:
        """Show a value; nobody is told."""
        self._filling = True
        self._given = value
        try:
            if self.row.kind == "value":
                self.widget.value = "" if value is None else toml_text(value)
            elif isinstance(self.widget, ComboBox) and value is not None:
                choices = {str(choice).casefold(): choice for choice in self.widget.choices}
                self.widget.value = choices[str(value).casefold()]
            elif value is not None:
                self.widget.value = str(value) if isinstance(self.widget, LineEdit) else value
        finally:
            self._filling = False

    def _made(self) -> Widget:
        row, label = self.row, self.row.key.replace("_", " ")
        if row.kind == "flag":
            return self._told(CheckBox(label=label, text="", value=bool(row.default)))
        if row.key in ("name", "like") and row.kind == "text":
            return self._told(ComboBox(label=label, choices=list(PRESETS)))
        if row.kind == "option":
            return self._told(ComboBox(label=label, choices=row.options))
        low, high = max(row.low, -LARGEST), min(row.high, LARGEST)
        if row.kind == "integer":
            value = low if row.default is None else row.default
            return self._told(_typed(SpinBox(label=label, min=int(low), max=int(high), value=int(value))))
        if row.kind == "number":
            box = FloatSpinBox(label=label, min=low, max=high, step=0.01, value=min(max(row.default or 0.0, low), high))
            box.native.setDecimals(DECIMALS)
            return self._told(_typed(box))
        line = LineEdit(label=label, value="" if row.default is None else str(row.default))
        line.native.editingFinished.connect(self._edited)
        return line

    def _told(self, widget: Widget) -> Widget:
        widget.changed.connect(self._edited)
        return widget

    def _edited(self, *_: Any) -> None:
        if not self._filling:
            self._on_edit()


class ChoiceEntry:
    """A tagged choice: which alternative, and the rows of its parameters, which come and go with it."""

    def __init__(self, row: Row, on_edit: Callable[[], None], suggest: Suggest) -> None:
        self.row = row
        self._on_edit = on_edit
        self._suggest = suggest
        self._filling = False
        self._touched = ""
        self._methods = ComboBox(label=row.key.replace("_", " "), choices=[one.method for one in row.alternatives])
        self._methods.tooltip = row.help
        self._inner = Container(labels=True, layout="vertical")
        self._inner.margins = (12, 0, 0, 0)
        self._entries: dict[str, Entry] = {}
        self.widget: Widget = Container(widgets=[self._methods, self._inner], labels=True)
        self.widget.margins = (0, 0, 0, 0)
        self._methods.changed.connect(self._switched)

    @property
    def value(self) -> Mapping[str, Any]:
        """The choice, plain; what is left empty is left out, and a target where the set of stains changes."""
        values = {key: entry.value for key, entry in self._entries.items()}
        renamed = self._touched in ("name", "like", "names")
        kept = {k: v for k, v in values.items() if v is not None and not (renamed and k == "target")}
        return {"method": self._methods.value, **kept}

    def fill(self, value: Any) -> None:
        """Show a choice; nobody is told."""
        self._filling = True
        try:
            self._methods.value = value["method"]
            self._show(value["method"], value)
        finally:
            self._filling = False
            self._touched = ""

    def _switched(self, method: str) -> None:
        if not self._filling:
            self._show(method, {**self._common(method), **self._suggest(self.row.key, method)})
            self._on_edit()

    def _common(self, method: str) -> Mapping[str, Any]:
        """What was given and means the same by another method: the channel of nuclei, whatever finds them."""
        kept = (row for row in self.row.alternative(method).rows if row.key in self._entries)
        values = {row.key: self._entries[row.key].value for row in kept if self._entries[row.key].row == row}
        return {key: value for key, value in values.items() if value is not None}

    def _show(self, method: str, values: Mapping[str, Any]) -> None:
        alternative = self.row.alternative(method)
        if [row.key for row in alternative.rows] != list(self._entries):
            self._inner.clear()
            self._entries = {row.key: Entry(row, self._edit_of(row.key)) for row in alternative.rows}
            for entry in self._entries.values():
                self._inner.append(entry.widget)
                if entry.row.kind == "path":
                    _with_browser(entry)
        self._methods.tooltip = f"{self.row.help}\n\n{method}: {alternative.help}"
        for key, entry in self._entries.items():
            entry.fill(values.get(key, entry.row.default))
        self._inner.visible = bool(self._entries)

    def _edit_of(self, key: str) -> Callable[[], None]:
        def edited() -> None:
            self._touched = key
            try:
                self._on_edit()
            finally:
                self._touched = ""

        return edited


class RecipeForm(QWidget):
    """The form of one assay's recipe.

    Parameters
    ----------
    kind : recipe class
    on_change : callable
    suggest : callable
    """

    def __init__(self, kind: type[Recipe[Any]], on_change: OnChange, suggest: Suggest) -> None:
        super().__init__()
        self.kind = kind
        self._on_change = on_change
        self.problem = QLabel("")
        self.problem.setWordWrap(True)
        self.problem.setStyleSheet("color: #ff9070")
        self.problem.hide()
        self.entries: dict[str, Entry | ChoiceEntry] = {}
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.problem)
        rows = rows_of(kind)
        for group in GROUPS:
            own = [row for row in rows if row.group == group]
            if own:
                layout.addWidget(self._folded(group, own, suggest))

    def show_recipe(self, recipe: Recipe[Any]) -> None:
        """Show a recipe; nobody is told."""
        self.say("")
        for key, value in plain_values(recipe).items():
            if key in self.entries:
                self.entries[key].fill(value)

    def say(self, problem: str) -> None:
        """Show what is wrong with an entry; nothing if it is empty."""
        self.problem.setText(problem)
        self.problem.setVisible(bool(problem))

    def _folded(self, group: str, rows: list[Row], suggest: Suggest) -> QWidget:
        container = Container(labels=True)
        container.margins = (0, 0, 0, 0)
        for row in rows:
            told = self._told(row.key)
            entry = ChoiceEntry(row, told, suggest) if row.kind == "choice" else Entry(row, told)
            self.entries[row.key] = entry
            container.append(entry.widget)
        folded = QCollapsible(group)
        folded.setDuration(0)
        folded.addWidget(container.native)
        if group == "Advanced":
            folded.collapse(animate=False)
        else:
            folded.expand(animate=False)
        return folded

    def _told(self, key: str) -> Callable[[], None]:
        def edited() -> None:
            self.say(self._on_change(key, self.entries[key].value))

        return edited


def _typed(widget: Widget) -> Widget:
    """A number is taken when it is written to its end."""
    widget.native.setKeyboardTracking(False)
    widget.native.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
    return widget


def _parsed(text: str) -> Any:
    """A value written as TOML; what is none is left to the recipe to refuse."""
    if not text.strip():
        return None
    try:
        return tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        return text


def _with_browser(entry: Entry) -> None:
    """A button beside a path, to choose a file."""
    line = entry.widget.native
    button = QToolButton(line.parentWidget())
    button.setText("…")

    def browse() -> None:
        path, _ = QFileDialog.getOpenFileName(line, entry.row.key)
        if path:
            line.setText(path)
            line.editingFinished.emit()

    button.clicked.connect(browse)
    layout = line.parentWidget().layout()
    if layout is not None:
        layout.addWidget(button)
