"""Nuclei by the network on one core, beside the threshold method: ``python benchmarks/network_nuclei.py``."""

from __future__ import annotations

import sys
import threading
import time

import cv2
import numpy as np
import psutil
from timing import median_seconds

from exoimage.methods import synth
from exoimage.methods.detectors import Search, detector


def plane(shape: tuple[int, int], count: int, diameter_px: float) -> tuple[np.ndarray, int]:
    cells = synth.CellPopulation(count=count, diameter_px=diameter_px)
    field = synth.cell_field(shape, cells, camera=synth.Camera(blur_px=1.0, electrons=4000, bits=12), seed=1)
    return field.pixels[:, :, 0].copy(), field.count


def peak_mib(work: object) -> float:
    """Most memory of the process beyond what it had before a call, sampled every 5 ms."""
    process, most, ended = psutil.Process(), [0], threading.Event()
    before = process.memory_info().rss

    def watch() -> None:
        while not ended.is_set():
            most[0] = max(most[0], process.memory_info().rss)
            time.sleep(0.005)

    watcher = threading.Thread(target=watch)
    watcher.start()
    work()  # type: ignore[operator]
    ended.set()
    watcher.join()
    return (most[0] - before) / 2**20


def main() -> None:
    cv2.setNumThreads(1)
    print(f"OpenCV {cv2.__version__}, Python {sys.version.split()[0]}, one thread")
    for shape, count, diameter in (((520, 696), 100, 28.0), ((2048, 2048), 1000, 32.0), ((2048, 2048), 1000, 20.0)):
        pixels, truth = plane(shape, count, diameter)
        network, threshold = detector("network"), detector("threshold")
        memory = peak_mib(lambda pixels=pixels, network=network: network.find(pixels, Search()))
        ours = median_seconds(lambda pixels=pixels, network=network: network.find(pixels, Search()), 3)
        theirs = median_seconds(lambda pixels=pixels, threshold=threshold: threshold.find(pixels, Search()), 3)
        found = network.find(pixels, Search()).count
        print(
            f"{shape[0]} x {shape[1]}, {truth} nuclei of {diameter:g} px: {found} found in {ours:.2f} s,"
            f" {ours / theirs:.1f} times the threshold method; {memory:.0f} MiB beside the picture"
        )


if __name__ == "__main__":
    main()
