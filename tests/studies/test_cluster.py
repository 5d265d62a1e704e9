"""Dask, local and in-process give the same tables; a worker lost in the middle costs nothing."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from support import write_fields

import exoimage as xi
from exoimage.errors import StudyError

TABLES = ("images.csv", "objects.csv", "samples.csv")

pytest.importorskip("distributed", reason="Dask is not installed: exoimage[cluster]")


@pytest.fixture
def study(tmp_path: Path) -> Path:
    names = [f"{group}_{sample}_1.tif" for group in ("Control", "PMO") for sample in range(1, 7)]
    write_fields(tmp_path / "images", names, shape=(120, 160))
    path = tmp_path / "study.toml"
    path.write_text(
        '[study]\nassay = "alizarin-red"\nimages = "images/*.tif"\n[groups]\npattern = "{group}_{sample}_{field}"\n'
        'order = ["Control", "PMO"]\ncontrol = "Control"\n',
        encoding="utf-8",
    )
    return path


def tables(out: Path) -> dict[str, bytes]:
    return {name: (out / name).read_bytes() for name in TABLES}


def test_dask_local_and_in_process_tables_are_identical(study, tmp_path):
    xi.run(study, tmp_path / "here", pictures=False)
    xi.run(study, tmp_path / "local", jobs=2, pictures=False)
    xi.run(study, tmp_path / "dask", cluster="local:2", pictures=False)
    assert tables(tmp_path / "dask") == tables(tmp_path / "here") == tables(tmp_path / "local")


@pytest.mark.slow
def test_a_lost_worker_costs_no_result(study, tmp_path):
    xi.run(study, tmp_path / "here", pictures=False)
    with_cluster = cluster_of_two(tmp_path)
    try:
        address, workers = with_cluster[1], with_cluster[2:]
        measured = 0
        for event in xi.iter_run(study, tmp_path / "out", cluster=address, pictures=False):
            measured += event.stage == "measured"
            if measured == 3 and workers[0].poll() is None:
                workers[0].send_signal(getattr(signal, "SIGKILL", signal.SIGTERM))
                workers[0].wait()
    finally:
        for process in reversed((with_cluster[0], *with_cluster[2:])):
            process.kill()
            process.wait()
    assert tables(tmp_path / "out") == tables(tmp_path / "here")


def cluster_of_two(folder: Path) -> tuple:
    file = folder / "scheduler.json"
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    environment = {**os.environ, "DASK_DISTRIBUTED__LOGGING__DISTRIBUTED": "critical"}
    code = "from distributed.cli.dask_scheduler import main; main()"
    scheduler = subprocess.Popen(
        [sys.executable, "-c", code, "--port", "0", "--host", "127.0.0.1", "--no-dashboard",
         "--scheduler-file", str(file)],
        env=environment, **quiet,
    )  # fmt: skip
    for _ in range(300):
        if file.exists() and file.read_text():
            break
        time.sleep(0.1)
    address = json.loads(file.read_text())["address"]
    code = "from distributed.cli.dask_worker import main; main()"
    workers = [
        subprocess.Popen(
            [sys.executable, "-c", code, address, "--nthreads", "1", "--no-nanny", "--no-dashboard"],
            env=environment, cwd=folder, **quiet,
        )
        for _ in range(2)
    ]  # fmt: skip
    return (scheduler, address, *workers)


@pytest.mark.parametrize(
    ("address", "says"),
    [
        ("local:none", "local:4"),
        ("local:0", "local:4"),
        ("nonsense", "no Dask scheduler"),
        ("tcp://127.0.0.1:9", "no Dask scheduler"),
    ],
)
def test_addresses_that_lead_nowhere(study, tmp_path, address, says, monkeypatch):
    monkeypatch.setattr("exoimage.studies.cluster.CONNECT_S", 2)
    with pytest.raises(StudyError, match=says):
        xi.run(study, tmp_path / "out", cluster=address, pictures=False)


def test_without_dask_says_what_to_install(study, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(StudyError, match=r'pip install "exoimage\[cluster\]"'):
        xi.run(study, tmp_path / "out", cluster="local:2", pictures=False)
