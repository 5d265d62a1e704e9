"""Damaged files made from whole ones, and a guarded process that reads them."""

from __future__ import annotations

import multiprocessing
import os
import struct
import time
from collections.abc import Iterator
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path

import numpy as np

HANGS_AFTER = 10.0
MOST_MEMORY = 2 * 10**9
ABSURD = 100_000
FORMATS = (
    "CellDivision_T3_Z6_CH1_X300_Y200_DCV_ZSTD.czi", "S3_1Pos_2Mosaic_T1_Z1_CH1.czi", "nuc_small.czi",
    "PR2729_frameOrderCombinedScanTypes.lif", "cluster.nd2", "test.oib", "CMU-1-Small-Region.svs",
    "keyence/Image_XY01_00001_CH1.tif", "tiff_variants/tiff_strip_cmyk_jpeg.tif", "tiff_variants/hopper_lzw.tif",
    "tiff_variants/hopper_bigtiff.tif", "tiff_variants/multipage.tiff", "tiff_variants/pil_sample_cmyk.jpg",
    "tiff_variants/hopper_orientation_6.jpg",
)  # fmt: skip
"""Real files of every reader, below the folder ``formats`` of the real images."""


@dataclass(frozen=True)
class Whole:
    """A file as it was, and the sizes that its header announces."""

    name: str
    data: bytes
    sizes: tuple[int, ...]


def mutated(whole: Whole, seed: int) -> bytes:
    """One damaged copy: bits flipped, cut off, or a header that announces absurd sizes; the seed decides which."""
    rng = np.random.default_rng(seed)
    data = bytearray(whole.data)
    kind = seed % 4
    if kind == 0:
        return bytes(data[: int(rng.integers(1, len(data)))])
    if kind == 1:  # anywhere
        _flip(data, rng.integers(0, len(data), size=int(rng.integers(1, 40))), rng)
    elif kind == 2:  # where headers lie
        near = min(len(data), 4096)
        places = np.concatenate([rng.integers(0, near, 12), len(data) - 1 - rng.integers(0, near, 12)])
        _flip(data, rng.permutation(places)[: int(rng.integers(1, 24))], rng)
    else:
        data = _announcing(data, whole.sizes, rng)
    return bytes(data)


def _flip(data: bytearray, places: np.ndarray, rng: np.random.Generator) -> None:
    for place in places:
        data[int(place)] ^= 1 << int(rng.integers(0, 8))


def _announcing(data: bytearray, sizes: tuple[int, ...], rng: np.random.Generator) -> bytearray:
    """Where a size stands as a number or text, an absurd one in its place; of all such places, some."""
    absurd = int(rng.choice([ABSURD, 1_000_000, 2**31 - 1]))
    whole = bytes(data)
    spelt: list[tuple[int, bytes]] = []
    for size in sizes:
        for form in ("<I", ">I", "<H", ">H"):
            new = struct.pack(form, absurd if form[1] == "I" else 65535)
            spelt += [(place, new) for place in _places(whole, struct.pack(form, size))]
        for code in ("utf-8", "utf-16-le"):
            for mark in ('"', ">", "="):
                old = f"{mark}{size}".encode(code)
                new = f"{mark}{absurd}".encode(code)[: len(old)]
                spelt += [(place, new) for place in _places(whole, old)]
    if not spelt:
        return data
    for number in rng.permutation(len(spelt))[: int(rng.integers(1, 6))]:
        place, new = spelt[int(number)]
        data[place : place + len(new)] = new
    return data


def _places(data: bytes, wanted: bytes) -> list[int]:
    """Where bytes stand, near the beginning and the end of the file."""
    found = []
    for low, high in ((0, 20_000), (max(0, len(data) - 600_000), len(data))):
        at = data.find(wanted, low, high)
        while at >= 0 and len(found) < 50:
            found.append(at)
            at = data.find(wanted, at + 1, high)
    return found


class Guarded:
    """A process that reads files, ended when it hangs; a new one takes its place."""

    def __init__(self) -> None:
        self._start()

    def read(self, path: Path) -> str:
        """``image``, ``refused: …``, or what must not be: ``died``, ``hung``, ``memory``, or another error's name."""
        self._mine.send(str(path))
        if not self._mine.poll(HANGS_AFTER):
            return self._again("hung")
        try:
            answer, peak = self._mine.recv()
        except EOFError:
            return self._again("died")
        return self._again("memory") if peak > MOST_MEMORY else str(answer)

    def close(self) -> None:
        self._process.kill()
        self._process.join()
        self._mine.close()

    def _again(self, answer: str) -> str:
        self.close()
        self._start()
        return answer

    def _start(self) -> None:
        context = multiprocessing.get_context("spawn")
        self._mine, theirs = context.Pipe()
        self._process = context.Process(target=_serve, args=(theirs,), daemon=True)
        self._process.start()
        theirs.close()
        self._mine.send("")  # its imports count for nobody
        assert self._mine.poll(60), "the guarded process did not start"
        self._mine.recv()


def _serve(theirs: Connection) -> None:
    _limit_memory()
    while True:
        try:
            path = theirs.recv()
        except EOFError:
            return
        answer = "refused: nothing" if not path else _outcome(path)
        theirs.send((answer, _peak_memory()))


def _outcome(path: str) -> str:
    from exoimage.errors import ExoimageError
    from exoimage.images.reading import list_scenes, read
    from exoimage.images.source import Window, open_source

    answers = []
    for attempt in (
        lambda: list_scenes(path),
        lambda: read(path),
        lambda: read(path, scene=0, z="max", t=0),
        lambda: open_source(path, 0, z=0, t=0).read(Window(0, 0, 64, 64)),
    ):
        try:
            attempt()
            answers.append("image")
        except ExoimageError as error:
            answers.append(f"refused: {error}")
        except Exception as error:
            return f"{type(error).__name__}: {error}"
    return answers[1] if "image" not in answers[1:] else "image"


def _limit_memory() -> None:
    """So that a test cannot bring down the computer; where the system has no such limits, there is none."""
    try:
        import resource
    except ImportError:
        return
    resource.setrlimit(resource.RLIMIT_AS, (16 * 10**9, 16 * 10**9))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def _peak_memory() -> int:
    try:
        import resource
    except ImportError:
        return 0
    unit = 1 if os.uname().sysname == "Darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit


def run_all(files: list[Whole], count: int, folder: Path, first_seed: int = 0) -> Iterator[tuple[str, int, str, float]]:
    """Read so many damaged files, in turn of each whole one; yields name, seed, outcome and seconds."""
    guarded = Guarded()
    try:
        for number in range(count):
            whole = files[number % len(files)]
            seed = first_seed + number // len(files)
            path = folder / f"damaged{Path(whole.name).suffix}"
            path.write_bytes(mutated(whole, seed))
            began = time.perf_counter()
            outcome = guarded.read(path)
            yield whole.name, seed, outcome, time.perf_counter() - began
    finally:
        guarded.close()
