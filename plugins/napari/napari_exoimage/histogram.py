"""The histogram that a cut is made in, with the cut as a line that can be dragged."""

from __future__ import annotations

import math
from collections.abc import Sequence

from qtpy.QtCore import QPointF, QRectF, QSize, Qt, Signal
from qtpy.QtGui import QColor, QMouseEvent, QPainter, QPaintEvent, QPen
from qtpy.QtWidgets import QSizePolicy, QWidget

BAR, CUT = QColor("#8aa6c1"), QColor("#ffd24d")
HEIGHT = 84


class Histogram(QWidget):
    """Bars and a cut.

    Signals
    -------
    dragged : float
        Where the cut was dragged to.
    """

    dragged = Signal(float)

    def __init__(self) -> None:
        super().__init__()
        self._bars: Sequence[float] = ()
        self._low, self._high = 0.0, 1.0
        self._cut = math.inf
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setCursor(Qt.CursorShape.SplitHCursor)

    def sizeHint(self) -> QSize:  # noqa: N802
        """As high as its bars need."""
        return QSize(240, HEIGHT)

    def minimumSizeHint(self) -> QSize:  # noqa: N802
        """As high as its bars need."""
        return QSize(120, HEIGHT)

    def show_bars(self, bars: Sequence[float], low: float, high: float, cut: float, title: str) -> None:
        """Show a histogram from `low` to `high`, and where it is cut."""
        self._bars, self._low, self._high, self._cut = bars, low, max(high, low + 1e-9), cut
        self.setToolTip(title)
        self.update()

    def move_cut(self, cut: float) -> None:
        """Show the cut elsewhere."""
        self._cut = cut
        self.update()

    def mousePressEvent(self, event: QMouseEvent) -> None:  # noqa: N802
        """Begin a drag."""
        self._drag(event)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:  # noqa: N802
        """Go on with it."""
        if event.buttons() & Qt.MouseButton.LeftButton:
            self._drag(event)

    def _drag(self, event: QMouseEvent) -> None:
        share = min(max(event.position().x() / max(self.width(), 1), 0.0), 1.0)
        self._cut = self._low + share * (self._high - self._low)
        self.update()
        self.dragged.emit(self._cut)

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: N802, ARG002
        """Draw bars and cut."""
        painter = QPainter(self)
        painter.fillRect(self.rect(), QColor(0, 0, 0, 60))
        most = max(self._bars, default=0.0)
        if most > 0:
            width = self.width() / len(self._bars)
            for number, bar in enumerate(self._bars):
                high = bar / most * (self.height() - 4)
                painter.fillRect(QRectF(number * width, self.height() - high, width + 0.5, high), BAR)
        if math.isfinite(self._cut):
            x = (self._cut - self._low) / (self._high - self._low) * self.width()
            painter.setPen(QPen(CUT, 2))
            painter.drawLine(QPointF(x, 0), QPointF(x, self.height()))
        painter.end()
