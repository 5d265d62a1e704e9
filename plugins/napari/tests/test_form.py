"""The form: made from the recipe's fields, it gives back the recipe it shows."""

from __future__ import annotations

import os
import sys

import pytest

if sys.platform == "linux" and not os.environ.get("DISPLAY"):
    pytest.skip("no display: run under xvfb-run", allow_module_level=True)

from exoimage.assays.recipe_text import with_values
from exoimage.assays.registry import ASSAYS, assay, recipe_class
from exoimage.errors import ExoimageError

from napari_exoimage.form import RecipeForm


@pytest.fixture
def app():
    from qtpy.QtWidgets import QApplication

    return QApplication.instance() or QApplication([])


def form_of(name, told, suggest=lambda key, method: {}):
    def changed(key, value):
        told.append((key, value))
        try:
            with_values(assay(name), {key: value})
        except ExoimageError as error:
            return str(error)
        return ""

    return RecipeForm(recipe_class(name), changed, suggest)


@pytest.mark.parametrize("name", ASSAYS)
def test_it_shows_a_recipe_and_gives_the_same_back(app, name):
    told = []
    form = form_of(name, told)
    recipe = assay(name)
    form.show_recipe(recipe)
    assert told == []
    values = {key: entry.value for key, entry in form.entries.items()}
    assert with_values(recipe, values) == recipe


def test_another_method_swaps_the_parameters(app):
    told = []
    form = form_of("alizarin-red", told, lambda key, method: {"od": 0.2089} if method == "fixed" else {})
    form.show_recipe(assay("alizarin-red"))
    form.entries["threshold"]._methods.value = "fixed"
    assert told == [("threshold", {"method": "fixed", "od": 0.2089})]
    assert not form.problem.isVisibleTo(form)


def test_what_is_missing_is_said_below_the_form(app):
    told = []
    form = form_of("he-bone", told)
    form.show_recipe(assay("he-bone"))
    form.entries["tissue"]._methods.value = "trained"
    assert form.problem.isVisibleTo(form)
    assert "tissue" in form.problem.text()


def test_another_set_of_stains_brings_its_own_target(app):
    told = []
    form = form_of("stain-area", told)
    form.show_recipe(assay("stain-area"))
    form.entries["stains"]._entries["name"].widget.value = "Oil Red O"
    assert told == [("stains", {"method": "preset", "name": "Oil Red O"})]


def test_a_number_that_is_not_touched_keeps_its_digits(app):
    told = []
    form = form_of("alp", told)
    recipe = assay("alp", threshold={"method": "fixed", "od": 0.123456789})
    form.show_recipe(recipe)
    assert form.entries["threshold"].value["od"] == 0.123456789


def test_a_wrong_length_is_refused_in_words(app):
    told = []
    form = form_of("alp", told)
    form.show_recipe(assay("alp"))
    line = form.entries["smallest_nodule"].widget
    line.value = "nine"
    line.native.editingFinished.emit()
    assert "smallest_nodule" in form.problem.text()
    line.value = "9 px"
    line.native.editingFinished.emit()
    assert form.problem.text() == ""
