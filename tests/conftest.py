"""What all tests share: synthetic studies, and where real images are."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from exoimage.images.image import Image
from exoimage.images.writing import write_image
from exoimage.methods import synth

ROOT = Path(__file__).resolve().parent.parent


def real_folder() -> Path:
    """Where the real images are that are never copied into the project."""
    return Path(os.environ.get("EXOIMAGE_REAL", ROOT.parent / "shared" / "real"))


@pytest.fixture(scope="session")
def real() -> Path:
    """The folder of real images; a test that needs it is skipped where it is absent."""
    folder = real_folder()
    if not folder.is_dir():
        pytest.skip(f"no real images at {folder}: set EXOIMAGE_REAL")
    return folder


def write_fields(
    folder: Path, names: Sequence[str], *, shape: tuple[int, int] = (160, 200), pixel_size: float | None = 1.0
) -> dict[str, synth.NoduleField]:
    """Write synthetic alizarin-red fields; the k-th is stained to 8 + 3k %, from 8 to 26 %."""
    folder.mkdir(parents=True, exist_ok=True)
    fields = {}
    for index, name in enumerate(names):
        fraction = 0.08 + 0.03 * (index % 7)
        fields[name] = synth.nodule_field(shape, synth.Nodules(fraction=fraction, radius_px=9), seed=index)
        write_image(folder / name, Image(fields[name].pixels, pixel_size=pixel_size))
    return fields


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
