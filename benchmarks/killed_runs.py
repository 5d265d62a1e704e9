"""Kill runs at random moments and compare the final tables with those of an undisturbed run, byte for byte.

``python benchmarks/killed_runs.py [--times 20] [--images 60] [--seed 1]``

Half of the kills hit a worker process, half the whole run; a killed run is started again until it ends. ``--cluster``
does the same with two workers of a Dask cluster, one of which is killed each time.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from exoimage.images.image import Image
from exoimage.images.writing import write_image
from exoimage.methods import synth

TABLES = ("images.csv", "objects.csv", "samples.csv", "groups.csv", "tests.csv")
QUIET = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--times", type=int, default=20)
    parser.add_argument("--images", type=int, default=60)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--cluster", action="store_true")
    options = parser.parse_args()
    rng = random.Random(options.seed)
    with tempfile.TemporaryDirectory() as folder:
        study = make_study(Path(folder), options.images)
        began = time.perf_counter()
        assert started(study, Path(folder) / "reference").wait() == 0
        usual = time.perf_counter() - began
        reference = tables(Path(folder) / "reference")
        equal = 0
        for turn in range(options.times):
            out = Path(folder) / f"out{turn}"
            if options.cluster:
                starts = cluster_turn(study, out, rng, usual)
            else:
                starts = local_turn(study, out, rng, usual, hits_worker=turn % 2 == 0)
            same = tables(out) == reference
            equal += same
            print(f"{turn + 1}: {starts} start(s), tables {'identical' if same else 'DIFFER'}", flush=True)
    print(f"{equal} of {options.times} identical; an undisturbed run takes {usual:.1f} s")
    return 0 if equal == options.times else 1


def make_study(folder: Path, count: int) -> Path:
    (folder / "images").mkdir()
    for k in range(count):
        field = synth.nodule_field((300, 400), synth.Nodules(fraction=0.05 + 0.02 * (k % 8), radius_px=7), seed=k)
        group = ("Control", "PMO", "Exos")[k % 3]
        write_image(folder / "images" / f"{group}_{k // 6 + 1}_{k % 6 + 1}.tif", Image(field.pixels, pixel_size=1.0))
    path = folder / "study.toml"
    path.write_text(
        '[study]\nassay = "alizarin-red"\nimages = "images/*.tif"\n[groups]\npattern = "{group}_{sample}_{field}"\n'
        'order = ["Control", "PMO", "Exos"]\ncontrol = "Control"\n',
        encoding="utf-8",
    )
    return path


def started(study: Path, out: Path, *options: str) -> subprocess.Popen[bytes]:
    arguments = options or ("--jobs", "2")
    command = [sys.executable, "-m", "exoimage", "run", str(study), "--out", str(out), "--quiet", *arguments]
    return subprocess.Popen(command, **QUIET)


def local_turn(study: Path, out: Path, rng: random.Random, usual: float, *, hits_worker: bool) -> int:
    starts = 0
    while True:
        run = started(study, out)
        starts += 1
        if starts == 1:
            time.sleep(rng.uniform(0.5, 0.95 * usual))
            workers = children_of(run.pid) if hits_worker else []
            kill(rng.choice(workers) if workers else run.pid)
        if run.wait() == 0:
            return starts
        assert starts < 5, "the run does not end"


def cluster_turn(study: Path, out: Path, rng: random.Random, usual: float) -> int:
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "scheduler.json"
        local = ("--port", "0", "--host", "127.0.0.1", "--no-dashboard")
        scheduler = dask("scheduler", *local, "--scheduler-file", str(file))
        while not (file.exists() and file.read_text()):
            time.sleep(0.1)
        address = json.loads(file.read_text())["address"]
        workers = [dask("worker", address, "--nthreads", "1", "--no-nanny", "--no-dashboard") for _ in range(2)]
        run = started(study, out, "--cluster", address)
        time.sleep(rng.uniform(2.0, 0.95 * usual + 3.0))
        kill(workers[0].pid)
        status = run.wait()
        for process in (*workers, scheduler):
            process.kill()
            process.wait()
        assert status == 0, f"the run ended with {status}"
        return 1


def dask(kind: str, *arguments: str) -> subprocess.Popen[bytes]:
    code = f"from distributed.cli.dask_{kind} import main; main()"
    return subprocess.Popen([sys.executable, "-c", code, *arguments], **QUIET)


def children_of(pid: int) -> list[int]:
    """Worker processes of a run (Linux): not multiprocessing's resource tracker."""
    found = []
    for status in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = status.read_text().rpartition(")")[2].split()
            command = (status.parent / "cmdline").read_bytes()
        except OSError:
            continue
        if int(fields[1]) == pid and b"spawn_main" in command:
            found.append(int(status.parent.name))
    return found


def kill(pid: int) -> None:
    try:
        os.kill(pid, getattr(signal, "SIGKILL", signal.SIGTERM))
    except ProcessLookupError:
        print("   (it had ended already)", flush=True)


def tables(out: Path) -> dict[str, bytes]:
    return {name: (out / name).read_bytes() for name in TABLES}


if __name__ == "__main__":
    sys.exit(main())
