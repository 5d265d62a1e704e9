"""What pytest needs to know of all tests."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings
from support import real_folder

# A landing is not the place to meet a new example: there the same ones are tried every time, elsewhere new ones.
settings.register_profile("ci", derandomize=True, deadline=None)
settings.register_profile("here", deadline=None)
settings.load_profile("ci" if os.environ.get("CI") else "here")


@pytest.fixture(scope="session")
def real() -> Path:
    """The folder of real images; a test that needs it is skipped where it is absent."""
    folder = real_folder()
    if not folder.is_dir():
        pytest.skip(f"no real images at {folder}: set EXOIMAGE_REAL")
    return folder


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--require",
        default=os.environ.get("EXOIMAGE_REQUIRE", ""),
        help="markers, with commas, whose tests may not be skipped (default: EXOIMAGE_REQUIRE)",
    )


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Iterator[None]:
    """Turn a skip into a failure where continuous integration has to have what the test needs."""
    outcome = yield
    report = outcome.get_result()  # type: ignore[attr-defined]
    required = [name for name in item.config.getoption("--require").split(",") if name]
    if report.skipped and any(item.get_closest_marker(name) for name in required):
        report.outcome = "failed"
        report.longrepr = f"skipped, but required here: {report.longrepr}"
