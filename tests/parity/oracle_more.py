"""Asks `OracleMore.java` through the `Oracle` of imagej_oracle.py: same ImageJ, another class."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence

from imagej_oracle import HERE, Oracle


def ask_more(oracle: Oracle, command: str, jobs: Iterable[Sequence[object]]) -> list[list[str]]:
    """The fields of each line that is an answer."""
    classes = oracle.folder / "more"
    if not classes.is_dir():
        classes.mkdir()
        oracle._run("javac", "-nowarn", "-cp", str(oracle.jar), "-d", str(classes), str(HERE / "OracleMore.java"))
    file = classes / f"{command}.jobs"
    file.write_text("".join("\t".join(map(str, job)) + "\n" for job in jobs), encoding="utf-8")
    home = oracle.folder / "home"
    home.mkdir(exist_ok=True)
    options = [
        "-Djava.awt.headless=true",
        f"-Duser.home={home}",
        "-cp",
        os.pathsep.join([str(oracle.jar), str(classes)]),
    ]
    lines = oracle._run("java", *options, "OracleMore", command, str(file)).splitlines()
    return [line.split("\t")[1:] for line in lines if line.startswith("answer\t")]
