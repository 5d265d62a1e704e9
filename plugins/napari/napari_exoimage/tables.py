"""Rows as a table that sorts by its columns; text stays text, numbers sort as numbers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from qtpy.QtCore import QAbstractTableModel, QModelIndex, QSortFilterProxyModel, Qt, Signal
from qtpy.QtWidgets import QAbstractItemView, QTableView

MEASURED_ROWS = 20
"""Rows that the width of a column goes by: all of a large table would hold the window up."""

SORT = Qt.ItemDataRole.UserRole


def shown(value: Any) -> str:
    """A value as a table shows it: nothing where it is unknown."""
    if value is None or value != value:  # NaN
        return ""
    return f"{value:.5g}" if isinstance(value, float) else str(value)


class Rows(QAbstractTableModel):
    """Columns of equal length."""

    def __init__(self, columns: Mapping[str, Sequence[Any]]) -> None:
        super().__init__()
        self._names = list(columns)
        self._columns = [list(values) for values in columns.values()]

    def rowCount(self, parent: QModelIndex | None = None) -> int:  # noqa: N802, ARG002
        """How many rows there are."""
        return len(self._columns[0]) if self._columns else 0

    def columnCount(self, parent: QModelIndex | None = None) -> int:  # noqa: N802, ARG002
        """How many columns there are."""
        return len(self._names)

    def data(self, index: QModelIndex, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        """A cell, as text or to be sorted by."""
        value = self._columns[index.column()][index.row()]
        if role == Qt.ItemDataRole.DisplayRole:
            return shown(value)
        if role == SORT:
            unknown = value is None or value != value
            return float("-inf") if unknown else value
        return None

    def headerData(self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole) -> Any:  # noqa: N802
        """The columns' names."""
        if role == Qt.ItemDataRole.DisplayRole and orientation == Qt.Orientation.Horizontal:
            return self._names[section]
        return None


class SortedTable(QTableView):
    """A table of columns, sorted by a click on a header.

    Signals
    -------
    chosen : int
        The row that was clicked, as it was given.
    """

    chosen = Signal(int)

    def __init__(self) -> None:
        super().__init__()
        self._proxy = QSortFilterProxyModel(self)
        self._proxy.setSortRole(SORT)
        self._source = Rows({})
        self._choosing = False
        self.setModel(self._proxy)
        self.setSortingEnabled(True)
        self.horizontalHeader().setResizeContentsPrecision(MEASURED_ROWS)
        self.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.selectionModel().currentRowChanged.connect(self._tell)

    def show_columns(self, columns: Mapping[str, Sequence[Any]]) -> None:
        """Show other rows."""
        self._choosing = True
        self._source = Rows(columns)
        self._proxy.setSourceModel(self._source)
        self.sortByColumn(-1, Qt.SortOrder.AscendingOrder)
        self.resizeColumnsToContents()
        self._choosing = False

    def choose(self, row: int) -> None:
        """Show which row is chosen, as if it were clicked; nobody is told."""
        index = self._proxy.mapFromSource(self._source.index(row, 0))
        self._choosing = True
        self.selectRow(index.row())
        self.scrollTo(index)
        self._choosing = False

    def _tell(self, current: QModelIndex, _: QModelIndex) -> None:
        if not self._choosing and current.isValid():
            self.chosen.emit(self._proxy.mapToSource(current).row())
