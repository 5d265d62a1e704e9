"""The figures of a run: one per measure, and the panel; a figure that cannot be drawn costs no other."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from exoimage.assays.columns import Column
from exoimage.studies import blot_panel, figures, panel
from exoimage.studies.axis_labels import axis_label
from exoimage.studies.figures import Chart
from exoimage.studies.finished import Tables, columns_of, drawn_measures, values_by_group
from exoimage.studies.store import Store
from exoimage.studies.study import Study

PANEL = "panel"
"""The panel's file."""


@dataclass(frozen=True)
class DrawnFigure:
    """A figure in ``figures/``."""

    stem: str
    caption: str


@dataclass(frozen=True)
class Drawn:
    """What was drawn, and why something was not."""

    figures: tuple[DrawnFigure, ...] = ()
    problems: tuple[str, ...] = ()

    @property
    def shown(self) -> tuple[DrawnFigure, ...]:
        """The figures of the report: the panel has the first measure's chart in it."""
        has_panel = bool(self.figures) and self.figures[0].stem == PANEL
        return (self.figures[0], *self.figures[2:]) if has_panel else self.figures


def write_figures(study: Study, store: Store, tables: Tables) -> Drawn:
    """Draw a bar chart of each measure, and the panel over the first one's; nothing where there are no groups.

    What is left in ``figures/`` of an earlier run is removed first: it would be of other numbers.
    """
    remove_figures(store)
    drawn: list[DrawnFigure] = []
    problems: list[str] = []
    charts = charts_of(study, tables)
    for stem, chart in charts.items():
        try:
            figures.write_figure(
                store.folder / "figures", stem, chart.groups, chart.tests, chart.ylabel,
                control=chart.control, unit=chart.unit,
            )  # fmt: skip
            drawn.append(DrawnFigure(stem, figures.caption(chart)))
        except OSError:
            raise
        except Exception as error:
            problems.append(f"figures/{stem}: {type(error).__name__}: {error}")
    for stem, chart in list(charts.items())[:1]:
        try:
            caption = _panel(study, store, tables, stem, chart)
            drawn = [*([DrawnFigure(PANEL, caption)] if caption else []), *drawn]
        except Exception as error:
            problems.append(f"figures/{PANEL}: {type(error).__name__}: {error}")
    return Drawn(tuple(drawn), tuple(problems))


def charts_of(study: Study, tables: Tables) -> dict[str, Chart]:
    """The chart of each measure that has a value in some named group."""
    columns = {column.name: column for column in columns_of(study)}
    charts = {}
    for measure in drawn_measures(study, tables):
        shown = (columns[measure].drawn_as or measure) if measure in columns else measure
        values = values_by_group(study, tables, shown)
        if any(values.values()):
            charts[measure] = Chart(
                values, _label(columns, shown), tables.tests_of(measure), study.control, study.statistics.unit
            )
    return charts


def _label(columns: Mapping[str, Column], name: str) -> str:
    return (columns[name].label if name in columns else "") or axis_label(name)


def remove_figures(store: Store) -> None:
    """Remove the figures that a run has written; others stay."""
    figures.remove_drawn(store.folder / "figures")


def _panel(study: Study, store: Store, tables: Tables, measure: str, chart: Chart) -> str:
    """The panel's caption; empty where there are no pictures for it."""
    if study.recipe.regions_are_placed:
        blot, strips = blot_panel.load_strips(study, store, tables, measure)
        if not strips:
            return ""
        caption = blot_panel.blot_caption(chart, strips, blot)
        blot_panel.write_blot_panel(store.folder / "figures", chart, strips, caption, PANEL)
        return caption
    slugs = {image.ref.key: image.ref.slug for image in study.images}
    chosen = panel.representatives(study, tables, measure)
    pictures = panel.load_pictures(store, slugs, chosen)
    if not pictures:
        return ""
    panel.write_panel(store.folder / "figures", chart, pictures)
    return panel.panel_caption(chart, pictures)
