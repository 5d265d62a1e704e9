"""The study: its images, one after the other; the run, its tables and its report; blinded."""

from __future__ import annotations

import secrets
from pathlib import Path
from typing import Any

from exoimage.assays.recipe_text import load_recipe, to_toml
from exoimage.errors import StudyError
from exoimage.images.writing import write_whole
from exoimage.studies.batch import default_jobs, iter_run
from exoimage.studies.finished import read_rows
from exoimage.studies.passes import Event
from qtpy.QtCore import QUrl
from qtpy.QtGui import QDesktopServices, QGuiApplication
from qtpy.QtWidgets import (
    QCheckBox,
    QFileDialog,
    QHBoxLayout,
    QInputDialog,
    QLabel,
    QProgressBar,
    QVBoxLayout,
)

from napari_exoimage import session as steps
from napari_exoimage.actions import ActionPanel, Actions
from napari_exoimage.background import Latest
from napari_exoimage.commands import as_command, as_python
from napari_exoimage.controller import Controller
from napari_exoimage.session import Session
from napari_exoimage.tables import SortedTable

IN_PROCESS = 4
"""So few images are measured in the window's own process: starting others would take longer."""


class StudyPanel(ActionPanel):
    """The study's images and its run."""

    def __init__(self, controller: Controller) -> None:
        super().__init__(controller)
        self.images = SortedTable()
        self.images.chosen.connect(self._go_to)
        self.blinded = QCheckBox("Blinded")
        self.blinded.setToolTip("Hide names and groups, in shuffled order; the run records it.")
        self.blinded.clicked.connect(self._blind)
        self.progress = QProgressBar()
        self.progress.hide()
        self.outcome = QLabel("")
        self.outcome.setWordWrap(True)
        self._started: Session | None = None
        self.runner = Latest(self)
        self.runner.yielded.connect(self._show_event)
        self.runner.failed.connect(self._fail)
        self.runner.finished.connect(self._finished)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.images, 1)
        row = QHBoxLayout()
        row.addWidget(self.blinded)
        for label, action, help_text in (
            ("Run all", self.run, "Measure all images: tables, overlays, statistics, report."),
            ("Cancel", self.runner.stop, "Stop after the images under way; a later run goes on where it was."),
            ("Report", self._open_report, "Open the report of the last run."),
        ):
            row.addWidget(self._button(label, action, help_text))
        layout.addLayout(row)
        layout.addWidget(self.progress)
        layout.addWidget(self.outcome)
        actions: Actions = {
            "Save study": (self.save, "Write what was set into study.toml."),
            "Results folder…": (self._choose_out, "Where the run's tables go."),
            "Save recipe…": (self._save_recipe, "Write the recipe as commented TOML."),
            "Load recipe…": (self._load_recipe, "Measure by a recipe file."),
            "Copy as command": (self._copy_command, "The command line that gives the same tables."),
            "Copy as Python": (self._copy_python, "The lines of Python that give the same numbers."),
            "Leave out…": (self._exclude, "Leave this image out of the study, with a reason; empty: count it."),
        }
        layout.addLayout(self._grid(actions))
        self.buttons["Cancel"].setEnabled(False)
        controller.changed.connect(self._show_session)

    def run(self) -> None:
        """Measure all images, in the background; the study's file is saved first, so that it says what was run."""
        problem = self._controller.keep_painting()
        if not problem and self._controller.session.path and self._controller.session.is_changed:
            problem = self._controller.go(steps.save)
        if problem:
            return
        session = self._controller.session
        self._started = session
        jobs = default_jobs(len(session.study.images)) if len(session.study.images) > IN_PROCESS else 1
        self.progress.setRange(0, 0)
        self.progress.show()
        self.outcome.setText("")
        self.buttons["Run all"].setEnabled(False)
        self.buttons["Cancel"].setEnabled(True)
        self.runner.start(lambda: iter_run(session.study, session.out, jobs=jobs))

    def save(self) -> str:
        """Write the study's file."""
        return self._controller.keep_painting() or self._controller.go(steps.save)

    def close_runner(self) -> None:
        """Stop a run and wait for it."""
        self.runner.close()

    def _show_session(self, session: Session) -> None:
        self.blinded.setChecked(session.blinded)
        self.buttons["Save study"].setText("Save study *" if session.is_changed else "Save study")
        known = {image.ref.key: image for image in session.study.images}
        images = [known[key] for key in session.order]
        columns: dict[str, list[Any]] = {"image": [session.name_of(image.ref.key) for image in images]}
        if not session.blinded:
            columns["group"] = [", ".join(sorted(image.groups)) for image in images]
            columns["sample"] = [image.placement.sample for image in images]
        columns["reviewed"] = ["✓" if session.is_reviewed(image.ref.key) else "" for image in images]
        columns["own"] = [_own(image.overrides, image.edit) for image in images]
        columns["flags"] = [" ".join(session.flags.get(image.ref.key, ())) for image in images]
        columns["left out"] = [image.excluded or image.problem for image in images]
        self.images.show_columns(columns)
        self.images.choose(session.order.index(session.current))

    def _go_to(self, row: int) -> None:
        key = self._controller.session.order[row]
        self._controller.show_image(lambda session: steps.at(session, key))

    def _blind(self, hide: bool) -> None:
        seed = secrets.randbelow(10**6) + 1
        self._controller.show_image(lambda session: steps.blind(session, seed) if hide else steps.unblind(session))

    def _show_event(self, event: Event) -> None:
        self.progress.setRange(0, max(event.total, 1))
        self.progress.setValue(event.done)
        self.progress.setFormat(f"{event.stage} %v of %m")
        if event.error:
            self._controller.say(f"{event.key}: {event.error}", problem=True)
        if event.stage == "finished" and self._started is not None:
            self._show_outcome(self._started)

    def _show_outcome(self, session: Session) -> None:
        """What the run of a session gave; its flags, only where its study is still open."""
        rows = read_rows(Path(session.out) / "images.csv")
        flags = {str(row["image"]): tuple(str(row["flags"]).split()) for row in rows}
        failed = {str(row["image"]) for row in rows if row["status"] == "failed"}
        self.outcome.setText(f"{len(flags) - len(failed)} of {len(flags)} images measured: {session.out}")
        if self._controller.session.is_same_study(session):
            self._controller.go(lambda one: steps.with_flags_of_run(one, flags))

    def _fail(self, error: Exception) -> None:
        self._controller.say(" ".join(str(error).split()), problem=True)

    def _finished(self) -> None:
        self.progress.hide()
        self.buttons["Run all"].setEnabled(True)
        self.buttons["Cancel"].setEnabled(False)

    def _open_report(self) -> None:
        report = Path(self._controller.session.out) / "report.html"
        if not report.is_file():
            raise StudyError("there is no report yet: run all images first")
        QDesktopServices.openUrl(QUrl.fromLocalFile(str(report)))

    def _choose_out(self) -> None:
        folder = QFileDialog.getExistingDirectory(self, "Results", self._controller.session.out)
        if folder:
            self._controller.go(lambda session: steps.with_out(session, folder))

    def _save_recipe(self) -> None:
        path, _ = QFileDialog.getSaveFileName(self, "Recipe", filter="Recipe (*.toml)")
        if path:
            self.write_recipe(path)

    def write_recipe(self, path: str) -> None:
        """Write the study's recipe as commented TOML."""
        try:
            write_whole(path, to_toml(self._controller.session.recipe).encode())
        except OSError as error:
            raise StudyError(f"{path}: cannot be written: {error.strerror or error}") from None

    def _load_recipe(self) -> None:
        path, _ = QFileDialog.getOpenFileName(self, "Recipe", filter="Recipe (*.toml)")
        if path:
            recipe = load_recipe(path)
            self._controller.do(lambda session: steps.with_recipe(session, recipe))

    def _copy_command(self) -> None:
        self._copy(as_command(self._controller.session))

    def _copy_python(self) -> None:
        self._copy(as_python(self._controller.session))

    def _copy(self, text: str) -> None:
        clipboard = QGuiApplication.clipboard()
        if clipboard is not None:
            clipboard.setText(text)
        self._controller.say(f"copied: {text}")

    def _exclude(self) -> None:
        before = self._controller.session.image.excluded
        reason, given = QInputDialog.getText(self, "Leave out", "Reason (empty: count it):", text=before)
        if given:
            self._controller.do(lambda session: steps.excluded(session, reason.strip()))


def _own(overrides: Any, edit: str) -> str:
    return " ".join([*overrides, *(["corrected"] if edit else [])])
