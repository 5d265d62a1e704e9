"""Buttons of a panel: what one does wrong is said in the status line."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from exoimage.errors import ExoimageError
from qtpy.QtWidgets import QGridLayout, QGroupBox, QPushButton, QWidget

from napari_exoimage.controller import Controller

Actions = Mapping[str, tuple[Callable[[], Any], str]]
"""By the buttons' labels: what is done, and the help under the mouse."""


class ActionPanel(QWidget):
    """A panel with buttons.

    Attributes
    ----------
    buttons : dict of label to QPushButton
    """

    def __init__(self, controller: Controller) -> None:
        super().__init__()
        self._controller = controller
        self.buttons: dict[str, QPushButton] = {}

    def _button(self, label: str, action: Callable[[], Any], help_text: str) -> QPushButton:
        button = QPushButton(label)
        button.setToolTip(help_text)
        button.clicked.connect(lambda *_: self._try(action))
        self.buttons[label] = button
        return button

    def _grid(self, actions: Actions) -> QGridLayout:
        grid = QGridLayout()
        for number, (label, (action, help_text)) in enumerate(actions.items()):
            grid.addWidget(self._button(label, action, help_text), number // 2, number % 2)
        return grid

    def _group(self, title: str, actions: Actions) -> QGroupBox:
        group = QGroupBox(title)
        group.setLayout(self._grid(actions))
        return group

    def _try(self, action: Callable[[], Any]) -> None:
        try:
            action()
        except ExoimageError as error:
            self._controller.say(str(error), problem=True)
