"""The cut: a histogram, a slider and a number that move together."""

from __future__ import annotations

import math

from qtpy.QtCore import QSignalBlocker, Qt
from qtpy.QtWidgets import QHBoxLayout, QLabel, QPushButton, QVBoxLayout, QWidget
from superqt import QLabeledDoubleSlider

from napari_exoimage import adapter
from napari_exoimage import session as steps
from napari_exoimage.controller import Controller
from napari_exoimage.histogram import Histogram
from napari_exoimage.session import Session
from napari_exoimage.sights import Seen


class CutPanel(QWidget):
    """The threshold of the study, dragged."""

    def __init__(self, controller: Controller) -> None:
        super().__init__()
        self._controller = controller
        self.quantity = QLabel("")
        self.quantity.setWordWrap(True)
        self.histogram = Histogram()
        self.slider = QLabeledDoubleSlider(Qt.Orientation.Horizontal)
        self.slider.setDecimals(4)
        self.own = QPushButton("Only this image")
        self.own.setToolTip("Set this cut for this image alone. Its row gets the flag threshold_overridden.")
        self.as_others = QPushButton("As all others")
        self.as_others.setToolTip("Measure this image as the others are: what was set for it alone is dropped.")
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        for widget in (self.quantity, self.histogram, self.slider):
            layout.addWidget(widget)
        buttons = QHBoxLayout()
        buttons.addWidget(self.own)
        buttons.addWidget(self.as_others)
        layout.addLayout(buttons)
        self.histogram.dragged.connect(self._dragged_in_histogram)
        self.slider.valueChanged.connect(self._dragged)
        self.own.clicked.connect(lambda: controller.set_own_cut())
        self.as_others.clicked.connect(lambda: controller.do(steps.without_own_values))
        controller.seen.connect(self._show)
        controller.changed.connect(self._show_session)
        self.hide()

    def _show(self, seen: Seen) -> None:
        look = seen.look
        self.setVisible(look.has_cut)
        if not look.has_cut:
            return
        low, high = look.limits
        cut = look.cut if math.isfinite(look.cut) else high
        bars = adapter.plain_counts(look.histogram.counts)
        self.histogram.show_bars(bars, *self._ends(seen), look.cut, f"{look.quantity}, per {look.histogram.of}")
        with QSignalBlocker(self.slider):
            self.slider.setRange(low, high)
            self.slider.setSingleStep((high - low) / 200)
            if not self._controller.is_dragging:
                self.slider.setValue(cut)
        alone = " — decided from this image alone so far" if seen.provisional else ""
        note = f"; {seen.note}" if seen.note else ""
        self.quantity.setText(f"{look.quantity}: counted above {look.cut:.4g}{alone}{note}")

    def _show_session(self, session: Session) -> None:
        self.as_others.setEnabled(bool(session.image.overrides))

    def _ends(self, seen: Seen) -> tuple[float, float]:
        edges = seen.look.histogram.edges
        return (float(edges[0]), float(edges[-1])) if len(edges) else seen.look.limits

    def _dragged_in_histogram(self, cut: float) -> None:
        with QSignalBlocker(self.slider):
            self.slider.setValue(cut)
        self._controller.drag_cut(max(cut, 0.0))

    def _dragged(self, cut: float) -> None:
        self.histogram.move_cut(cut)
        self._controller.drag_cut(cut)
