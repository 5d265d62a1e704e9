"""Every example of every public docstring runs."""

from __future__ import annotations

import doctest
import importlib
import pkgutil

import numpy as np
import pytest

import exoimage

MODULES = [info.name for info in pkgutil.walk_packages(exoimage.__path__, "exoimage.") if "__main__" not in info.name]


@pytest.mark.parametrize("name", MODULES)
def test_the_examples_of_a_module_run(name: str) -> None:
    module = importlib.import_module(name)
    with np.printoptions(legacy="1.25"):
        failures, _ = doctest.testmod(module, extraglobs={"np": np})
    assert failures == 0


def test_there_are_examples_at_all() -> None:
    finder = doctest.DocTestFinder()
    examples = sum(len(test.examples) for name in MODULES for test in finder.find(importlib.import_module(name)))
    assert examples > 50
