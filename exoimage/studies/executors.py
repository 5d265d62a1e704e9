"""Where the work of a study is done: in this process, or in local processes of its own.

An executor takes a function of one task and many tasks, and yields each task with its outcome, in any order. A worker
that dies costs the task it died of, and no other.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from typing import Protocol, TypeVar

KEEP_MEMORY = {"MALLOC_MMAP_THRESHOLD_": str(2**28), "MALLOC_TRIM_THRESHOLD_": str(2**29)}
"""Tells glibc to keep freed memory for the next picture. By default it returns each large array to the system and has
it cleared again for the next, a fifth of a worker's time. Elsewhere these variables mean nothing."""

T = TypeVar("T")
O = TypeVar("O")  # noqa: E741


@dataclass(frozen=True)
class WorkerDied:
    """The outcome of a task whose worker process ended without an answer, twice."""


class Executor(Protocol):
    """The seam behind which work is done."""

    def run(self, function: Callable[[T], O], tasks: Iterable[T]) -> Iterator[tuple[T, O | WorkerDied]]:
        """Yield every task with its outcome, in any order."""
        ...

    def close(self) -> None:
        """End what was started."""
        ...


class InProcess:
    """One task after the other, here."""

    def run(self, function: Callable[[T], O], tasks: Iterable[T]) -> Iterator[tuple[T, O | WorkerDied]]:
        """Yield every task with its outcome, in order."""
        for task in tasks:
            yield task, function(task)

    def close(self) -> None:
        """Nothing was started."""


class LocalProcesses:
    """A pool of spawned processes.

    When a worker dies the pool is lost with all that was under way. Those tasks are tried once more, each alone in a
    fresh process: the one at fault shows itself by dying again.

    Parameters
    ----------
    jobs : int
        Number of processes.
    """

    def __init__(self, jobs: int) -> None:
        self._jobs = jobs
        self._pool: ProcessPoolExecutor | None = None
        self._set_here = [name for name in KEEP_MEMORY if name not in os.environ]

    def run(self, function: Callable[[T], O], tasks: Iterable[T]) -> Iterator[tuple[T, O | WorkerDied]]:
        """Yield every task with its outcome, in the order they finish."""
        waiting = deque(tasks)
        under_way: dict[Future[O], T] = {}
        while waiting or under_way:
            suspects: list[T] = []
            try:
                while waiting and len(under_way) < 2 * self._jobs:
                    under_way[self._started().submit(function, waiting[0])] = waiting[0]
                    waiting.popleft()
            except BrokenProcessPool:  # a worker died while nothing was under way, or with what is
                if not under_way:
                    self.close()
                    continue
            for future in wait(under_way, return_when=FIRST_COMPLETED).done:
                task = under_way.pop(future)
                if isinstance(future.exception(), BrokenProcessPool):
                    suspects.append(task)
                else:
                    yield task, future.result()
            if suspects:
                suspects += self._lost(under_way)
                for task in suspects:
                    yield task, self._alone(function, task)

    def close(self) -> None:
        """End the processes; tasks that have not begun are dropped."""
        if self._pool is not None:
            self._pool.shutdown(wait=True, cancel_futures=True)
            self._pool = None
        for name in self._set_here:
            os.environ.pop(name, None)

    def _started(self) -> ProcessPoolExecutor:
        if self._pool is None:
            # Processes are started when there is work for them, with the environment of that moment.
            os.environ.update({name: KEEP_MEMORY[name] for name in self._set_here})
            self._pool = _pool(self._jobs)
        return self._pool

    def _lost(self, under_way: dict[Future[O], T]) -> list[T]:
        self.close()
        lost = list(under_way.values())
        under_way.clear()
        return lost

    def _alone(self, function: Callable[[T], O], task: T) -> O | WorkerDied:
        with _pool(1) as pool:
            try:
                return pool.submit(function, task).result()
            except BrokenProcessPool:
                return WorkerDied()


def _pool(jobs: int) -> ProcessPoolExecutor:
    return ProcessPoolExecutor(jobs, mp_context=multiprocessing.get_context("spawn"), initializer=_begin_worker)


def _begin_worker() -> None:
    """Leave Ctrl-C to the parent, use one core per process, and end when the parent is gone."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    import cv2

    cv2.setNumThreads(1)
    parent = multiprocessing.parent_process()
    if parent is not None:
        threading.Thread(target=_end_with, args=(parent.sentinel,), daemon=True).start()


def _end_with(sentinel: int) -> None:
    from multiprocessing.connection import wait as wait_for

    wait_for([sentinel])
    os._exit(1)
