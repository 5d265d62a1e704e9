"""The real ImageJ as a witness: compiles `OracleTables.java` and its siblings against an ij.jar and asks them."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterable, Sequence
from pathlib import Path

import pytest
import support

HERE = Path(__file__).parent
DEFAULT_JAR = "/usr/share/java/ij.jar"


def golden_folder() -> Path:
    """Where ImageJ's recorded answers lie; skips the test where there are none."""
    folder = Path(os.environ.get("EXOIMAGE_IMAGEJ_GOLDEN", HERE.parents[2] / "shared" / "imagej" / "golden"))
    if not (folder / "thresholds" / "histograms.csv").is_file():
        pytest.skip(f"ImageJ's recorded answers are not at {folder}; set EXOIMAGE_IMAGEJ_GOLDEN")
    return folder


def real_folder() -> Path:
    """Where the real images lie; skips the test where there are none."""
    folder = support.real_folder()
    if not folder.is_dir():
        pytest.skip(f"no real images at {folder}; set EXOIMAGE_REAL")
    return folder


class Oracle:
    """A compiled oracle; each call starts Java once."""

    def __init__(self, folder: Path) -> None:
        self.jar = Path(os.environ.get("EXOIMAGE_IJ_JAR", DEFAULT_JAR))
        missing = [tool for tool in ("javac", "java") if shutil.which(tool) is None]
        if missing:
            pytest.skip(f"{' and '.join(missing)} not found: the real ImageJ cannot be asked")
        if not self.jar.is_file():
            pytest.skip(f"no ImageJ at {self.jar}; set EXOIMAGE_IJ_JAR")
        self.folder = folder
        self.version = self.ask("version").strip()

    def ask(
        self, command: str, jobs: Iterable[Sequence[object]] = (), separator: str = "\t", program: str = "OracleTables"
    ) -> str:
        """Standard output of a program's answer to a list of jobs; compiles it first, if it was not yet asked."""
        if not (self.folder / f"{program}.class").is_file():
            source = str(HERE / f"{program}.java")
            self._run("javac", "-nowarn", "-cp", str(self.jar), "-d", str(self.folder), source)
        file = self.folder / f"{command}.jobs"
        file.write_text("".join(separator.join(map(str, job)) + "\n" for job in jobs), encoding="utf-8")
        home = self.folder / "home"
        home.mkdir(exist_ok=True)  # an empty one: the user's preferences would change results
        path = os.pathsep.join([str(self.jar), str(self.folder)])
        options = ["-Djava.awt.headless=true", f"-Duser.home={home}", "-cp", path]
        return self._run("java", *options, program, command, str(file))

    @staticmethod
    def _run(*command: str) -> str:
        done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
        assert done.returncode == 0, f"{command[0]} failed: {done.stderr[-2000:]}"
        return done.stdout
