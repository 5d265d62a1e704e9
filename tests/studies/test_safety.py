"""One run at a time, what the ledger spares, watching a folder, a full disk."""

import errno
import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest
from support import tables_alone as run
from support import write_fields

import exoimage as xi
from exoimage.errors import StudyError
from exoimage.studies import work
from exoimage.studies.ledger import read_ledger
from exoimage.studies.locking import only_run_in
from exoimage.studies.store import Store
from exoimage.studies.watching import watch

NAMES = ("Control_1_1.tif", "Control_2_1.tif", "PMO_1_1.tif", "PMO_2_1.tif")
TABLES = ("images.csv", "objects.csv", "samples.csv")


def make_study(folder: Path, names=NAMES, extra: str = "") -> Path:
    if names:
        write_fields(folder / "images", names, shape=(96, 128))
    path = folder / "study.toml"
    path.write_text(
        f'[study]\nassay = "alizarin-red"\nimages = "images/*.tif"\n'
        f'[groups]\npattern = "{{group}}_{{sample}}_{{field}}"\n'
        f'order = ["Control", "PMO"]\ncontrol = "Control"\n{extra}',
        encoding="utf-8",
    )
    return path


def age(folder: Path, seconds: float = 60.0) -> None:
    """Make the files of a folder look older than the clock's tick."""
    then = time.time_ns() - int(seconds * 1e9)
    for path in folder.iterdir():
        os.utime(path, ns=(then, then))


def tables(out: Path) -> dict[str, bytes]:
    return {name: (out / name).read_bytes() for name in TABLES}


class TestLock:
    def test_a_second_run_is_refused_and_says_who_works(self, tmp_path):
        study = make_study(tmp_path)
        first = xi.iter_run(study, tmp_path / "out", pictures=False)
        next(first)
        with pytest.raises(StudyError, match=rf"another run is working .*process {os.getpid()}"):
            run(study, tmp_path / "out")
        first.close()
        assert run(study, tmp_path / "out").n_failed == 0

    def test_a_killed_holder_leaves_no_lock(self, tmp_path):
        code = (
            "import sys, time\nfrom pathlib import Path\nfrom exoimage.studies.locking import only_run_in\n"
            "with only_run_in(Path(sys.argv[1])):\n    print('held', flush=True); time.sleep(60)\n"
        )
        holder = subprocess.Popen([sys.executable, "-c", code, str(tmp_path)], stdout=subprocess.PIPE, text=True)
        assert holder.stdout is not None
        assert holder.stdout.readline().strip() == "held"
        with pytest.raises(StudyError, match=f"process {holder.pid}"), only_run_in(tmp_path):
            pass
        holder.kill()
        holder.wait()
        holder.stdout.close()
        with only_run_in(tmp_path):
            pass


class TestLedger:
    def test_unchanged_files_are_not_read_again_and_tables_stay(self, tmp_path, monkeypatch):
        study, out = make_study(tmp_path), tmp_path / "out"
        age(tmp_path / "images")
        run(study, out)
        before = tables(out)

        def refuse(path: Path) -> bytes:
            raise AssertionError(f"{path} was read again")

        monkeypatch.setattr(work, "_bytes_of", refuse)
        run(study, out)
        assert tables(out) == before

    def test_a_changed_file_is_measured_again_and_all_decided_anew(self, tmp_path):
        study, out = make_study(tmp_path), tmp_path / "out"
        age(tmp_path / "images")
        run(study, out)
        first = run(study, out).images
        shutil.copy(tmp_path / "images" / NAMES[3], tmp_path / "images" / NAMES[0])
        changed = run(study, out).images
        assert changed["stained_area_pct"][0] == changed["stained_area_pct"][3]
        assert first["stained_area_pct"][0] != changed["stained_area_pct"][0]
        run(study, tmp_path / "fresh")
        assert tables(tmp_path / "fresh") == tables(out)

    def test_a_file_of_the_same_size_changed_within_the_clocks_tick_is_seen(self, tmp_path):
        study, out = make_study(tmp_path), tmp_path / "out"
        run(study, out)
        assert not read_ledger(Store(out)).entries
        target = tmp_path / "images" / NAMES[0]
        status = target.stat()
        content = bytearray(target.read_bytes())
        content[-2000:-1000] = bytes(1000)
        target.write_bytes(content)
        os.utime(target, ns=(status.st_mtime_ns, status.st_mtime_ns))
        run(study, out)
        run(study, tmp_path / "fresh")
        assert tables(tmp_path / "fresh") == tables(out)

    @pytest.mark.parametrize("name", ["ledger.index", "decided.index", "decided.toml"])
    @pytest.mark.parametrize("content", [b"", b"{}", b"[1, 2", b'{"format": 1, "images": {"a": 3}}'])
    def test_a_damaged_memory_is_no_memory(self, tmp_path, name, content):
        study, out = make_study(tmp_path, NAMES[:2] + NAMES[2:]), tmp_path / "out"
        age(tmp_path / "images")
        run(study, out)
        before = tables(out)
        (out / "records" / name).write_bytes(content)
        run(study, out)
        assert tables(out) == before

    def test_another_recipe_is_decided_anew(self, tmp_path):
        study, out = make_study(tmp_path), tmp_path / "out"
        age(tmp_path / "images")
        first = run(study, out).images
        make_study(tmp_path, (), "[recipe]\nthreshold = { method = 'fixed', od = 0.9 }\n")
        second = run(study, out).images
        assert (second["threshold_od"] == 0.9).all()
        make_study(tmp_path, ())
        assert (run(study, out).images["threshold_od"] == first["threshold_od"]).all()


class TestFullDisk:
    @pytest.mark.parametrize("method", ["write_evidence", "write_record"])
    def test_stops_with_a_clear_error_and_goes_on_afterwards(self, tmp_path, monkeypatch, method):
        study, out = make_study(tmp_path), tmp_path / "out"
        run(study, tmp_path / "reference")
        original, calls = getattr(Store, method), []

        def full(self, *arguments):
            calls.append(1)
            if len(calls) > 2:
                raise OSError(errno.ENOSPC, "No space left on device")
            return original(self, *arguments)

        with monkeypatch.context() as patched:
            patched.setattr(Store, method, full)
            with pytest.raises(StudyError, match="disk is full"):
                run(study, out)
        assert not (out / "images.csv").exists()
        run(study, out)
        assert tables(out) == tables(tmp_path / "reference")


class TestWatch:
    def test_measures_files_as_they_appear(self, tmp_path):
        make_study(tmp_path / "earlier")
        run(tmp_path / "earlier" / "study.toml", tmp_path / "earlier" / "out")
        resolved = tmp_path / "earlier" / "out" / "resolved.toml"
        study = make_study(tmp_path, ())
        (tmp_path / "images").mkdir()
        events = watch(study, tmp_path / "out", pictures=False, poll_s=0.05, quiet_s=0.2, resolved=resolved)
        seen = []
        for name in NAMES:
            shutil.copy(tmp_path / "earlier" / "images" / name, tmp_path / "images" / name)
            for event in events:
                if event.stage == "finished":
                    break
            seen.append(event.total)
        events.close()
        assert seen == [1, 2, 3, 4]
        run(study, tmp_path / "at_once", resolved=resolved)
        assert tables(tmp_path / "out") == tables(tmp_path / "at_once")

    def test_a_file_still_being_written_waits(self, tmp_path):
        study = make_study(tmp_path, (), "[recipe]\nwhite = { method = 'given', rgb = [245, 245, 245] }\n"
                           "threshold = { method = 'fixed', od = 0.3 }\n")  # fmt: skip
        write_fields(tmp_path / "elsewhere", NAMES[:2], shape=(96, 128))
        (tmp_path / "images").mkdir()
        whole = (tmp_path / "elsewhere" / NAMES[0]).read_bytes()
        shutil.copy(tmp_path / "elsewhere" / NAMES[1], tmp_path / "images" / NAMES[1])
        age(tmp_path / "images")
        (tmp_path / "images" / NAMES[0]).write_bytes(whole[: len(whole) // 2])
        events = watch(study, tmp_path / "out", pictures=False, poll_s=0.05, quiet_s=30.0)
        for event in events:
            if event.stage == "finished":
                break
        events.close()
        assert event.total == 1
        assert NAMES[0] not in (tmp_path / "out" / "images.csv").read_text()

    def test_a_study_that_decides_from_all_images_is_refused(self, tmp_path):
        with pytest.raises(StudyError, match="--resolved"):
            next(watch(make_study(tmp_path), tmp_path / "out"))


def test_the_ledger_is_plain_json_of_the_run(tmp_path):
    study, out = make_study(tmp_path), tmp_path / "out"
    age(tmp_path / "images")
    run(study, out)
    document = json.loads((out / "records" / "ledger.index").read_bytes())
    assert sorted(document["images"]) == [f"images/{name}" for name in NAMES]


class TestNames:
    def test_long_and_foreign_names_are_measured_and_kept(self, tmp_path):
        names = (f"Control_{'骨' * 70}_1.tif", f"PMO_{'é' * 100}_1.tif", f"PMO_{'x' * 200}_2.tif", "PMO_=1+2_3.tif")
        folder = tmp_path / ("deep " * 12) / "größe µ"
        study = make_study(folder, names)
        result = xi.run(study, folder / "out")
        assert result.n_failed == 0
        assert set(result.images["image"]) == {f"images/{name}" for name in names}
        assert len(list((folder / "out" / "overlays").iterdir())) == len(names)

    def test_links_to_pictures_are_followed_and_broken_ones_fail_their_row(self, tmp_path):
        study = make_study(tmp_path)
        target = tmp_path / "elsewhere.tif"
        (tmp_path / "images" / NAMES[0]).rename(target)
        try:
            (tmp_path / "images" / NAMES[0]).symlink_to(target)
            (tmp_path / "images" / "PMO_9_1.tif").symlink_to(tmp_path / "nowhere.tif")
        except OSError:
            pytest.skip("this system lets no user make links")
        images = run(study, tmp_path / "out").images.set_index("image")
        assert images["status"][f"images/{NAMES[0]}"] == "ok"
        if "images/PMO_9_1.tif" in images.index:
            assert images["status"]["images/PMO_9_1.tif"] == "failed"

    def test_a_folder_that_cannot_be_written_is_a_clear_error(self, tmp_path):
        study = make_study(tmp_path)
        (tmp_path / "file").write_text("no folder")
        with pytest.raises(StudyError, match="cannot be written"):
            run(study, tmp_path / "file" / "out")
