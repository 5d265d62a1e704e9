"""The numbers of the shown image: its rows, its flags, its objects."""

from __future__ import annotations

from typing import Any

from exoimage.flags import Flag
from qtpy.QtCore import Qt
from qtpy.QtWidgets import QLabel, QSplitter, QTableWidget, QTableWidgetItem, QVBoxLayout, QWidget

from napari_exoimage.controller import Controller
from napari_exoimage.sights import Counted
from napari_exoimage.tables import SortedTable, shown


class NumbersPanel(QWidget):
    """Rows, flags and objects."""

    def __init__(self, controller: Controller) -> None:
        super().__init__()
        self._controller = controller
        self.flags = QLabel("")
        self.flags.setWordWrap(True)
        self.rows = QTableWidget(0, 0)
        self.objects = SortedTable()
        split = QSplitter(Qt.Orientation.Vertical)
        split.addWidget(self.rows)
        split.addWidget(self.objects)
        split.setSizes([320, 240])
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.flags)
        layout.addWidget(split, 1)
        controller.counted.connect(self._show)
        controller.unmeasured.connect(self._wait)
        controller.picked.connect(self._choose)
        self.objects.chosen.connect(self._go_to)

    @property
    def values(self) -> dict[str, str]:
        """The first region's numbers as they are shown."""
        return {self._head(row): self._cell(row, 0) for row in range(self.rows.rowCount())}

    def _show(self, counted: Counted) -> None:
        regions = counted.result.regions
        columns = counted.session.recipe.columns
        is_primary = {column.name: column.primary for column in columns}
        names = [column.name for column in columns if any(column.name in one.values for one in regions)]
        self.rows.setRowCount(len(names))
        self.rows.setColumnCount(len(regions))
        self.rows.setHorizontalHeaderLabels([region.region for region in regions])
        self.rows.setVerticalHeaderLabels([f"{name} *" if is_primary[name] else name for name in names])
        definitions = {column.name: column.definition for column in columns}
        for row, name in enumerate(names):
            for place, region in enumerate(regions):
                item = QTableWidgetItem(shown(region.values.get(name)))
                item.setFlags(Qt.ItemFlag.ItemIsEnabled | Qt.ItemFlag.ItemIsSelectable)
                item.setToolTip(definitions[name])
                self.rows.setItem(row, place, item)
        alone = "<b>Decided from this image alone so far: not the run's numbers yet.</b><br>"
        flags = "<br>".join(_said(flag) for flag in counted.result.flags)
        self.flags.setText((alone if counted.provisional else "") + flags)
        self.objects.show_columns({name: list(values) for name, values in counted.result.object_values.items()})

    def _wait(self) -> None:
        self.rows.setRowCount(0)
        self.objects.show_columns({})
        self.flags.setText("<b>A whole slide: press Measure to count it.</b>")

    def _choose(self, number: int) -> None:
        counted = self._controller.last_counted
        if counted is not None:
            row = _row_of(counted.result.object_values["object"], number)
            if row >= 0:
                self.objects.choose(row)

    def _go_to(self, row: int) -> None:
        counted = self._controller.last_counted
        if counted is not None:
            self._controller.layers.go_to(counted, row)

    def _head(self, row: int) -> str:
        item = self.rows.verticalHeaderItem(row)
        return "" if item is None else item.text().removesuffix(" *")

    def _cell(self, row: int, column: int) -> str:
        item = self.rows.item(row, column)
        return "" if item is None else item.text()


def _said(flag: Flag) -> str:
    colour = {"note": "#9fb3c8", "warn": "#ffd24d", "exclude": "#ff7070"}[flag.severity]
    return f'<span style="color:{colour}"><b>{flag.value}</b></span> {flag.meaning}'


def _row_of(numbers: Any, number: int) -> int:
    listed = list(numbers)
    return listed.index(number) if number in listed else -1
