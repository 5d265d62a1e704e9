"""Work done by a Dask cluster: the third executor behind the seam."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any, TypeVar

from exoimage import __version__
from exoimage.errors import StudyError
from exoimage.studies.executors import WorkerDied

T = TypeVar("T")
O = TypeVar("O")  # noqa: E741

CONNECT_S = 20
"""How long to wait for a scheduler."""

NO_WORKER_S = 120
"""How long a cluster may be without any worker before the run gives up: a batch system may need time to start one."""

TRIES = 2
"""So often a task may lose its worker; then it is taken for the cause."""

_LOCAL = "local:"


class DaskCluster:
    """Processes of a Dask cluster, on this computer or many.

    The workers read the images and write the results themselves: both have to lie where all of them see them under the
    same path. A worker that is lost costs no result: its tasks are done by the others.

    Parameters
    ----------
    address : str
        Of a scheduler, like ``tcp://host:8786``, or ``local:4`` for four processes on this computer.
    must_see : sequence of Path
        Files and folders that every worker has to see.

    Raises
    ------
    StudyError
        If Dask is not installed, no scheduler answers, a worker has another version of exoimage, or does not see the
        files.
    """

    def __init__(self, address: str, must_see: Iterable[Path] = ()) -> None:
        self._distributed = _distributed()
        self._local: Any = None
        self._client = self._connected(address)
        try:
            self._refuse_unfit_workers(address, [str(path.absolute()) for path in must_see])
        except BaseException:
            self.close()
            raise

    def run(self, function: Callable[[T], O], tasks: Iterable[T]) -> Iterator[tuple[T, O | WorkerDied]]:
        """Yield every task with its outcome, in the order they finish."""
        waiting = deque(tasks)
        under_way: dict[Any, T] = {}
        while waiting or under_way:
            while waiting and len(under_way) < 4 * max(1, self._n_workers()):
                task = waiting.popleft()
                under_way[self._client.submit(_on_worker, function, task, pure=False, retries=0)] = task
            for future in self._finished(list(under_way)):
                yield under_way.pop(future), self._outcome(future)

    def close(self) -> None:
        """Leave the cluster; end it if it was started here."""
        self._client.close(timeout=CONNECT_S)
        if self._local is not None:
            self._local.close(timeout=CONNECT_S)

    def _connected(self, address: str) -> Any:
        if address.startswith(_LOCAL):
            count = address.removeprefix(_LOCAL)
            if not count.isdigit() or int(count) < 1:
                raise StudyError(f"--cluster {address}: expected a number of processes, like local:4")
            from dask import config

            with config.set({"distributed.scheduler.allowed-failures": TRIES - 1}):
                self._local = self._distributed.LocalCluster(
                    n_workers=int(count),
                    threads_per_worker=1,
                    processes=True,
                    dashboard_address=None,
                    silence_logs="CRITICAL",
                )
            return self._distributed.Client(self._local)
        try:
            return self._distributed.Client(address, timeout=CONNECT_S)
        except (OSError, TimeoutError, ValueError, AssertionError) as error:
            # distributed asserts that its loop runs, which it may not yet after an attempt that failed.
            raise StudyError(
                f"--cluster {address}: no Dask scheduler answers there ({' '.join(str(error).split())[:120]}); start"
                " one with: dask scheduler"
            ) from None

    def _refuse_unfit_workers(self, address: str, paths: list[str]) -> None:
        try:
            self._client.wait_for_workers(1, timeout=NO_WORKER_S)
        except TimeoutError:
            raise StudyError(f"--cluster {address}: it has no worker; start some with: dask worker {address}") from None
        for worker, found in self._client.run(_fitness, paths).items():
            version, missing = found
            if version != __version__:
                raise StudyError(
                    f"the worker {worker} has exoimage {version}, this computer {__version__}: make them equal"
                )
            if missing:
                raise StudyError(
                    f"the worker {worker} does not see {missing}: images and results have to lie on a disk that all"
                    " workers share, under the same path"
                )

    def _n_workers(self) -> int:
        return len(self._client.scheduler_info(n_workers=-1)["workers"])

    def _finished(self, futures: list[Any]) -> list[Any]:
        """At least one finished future, in the order given."""
        patience = NO_WORKER_S
        while True:
            try:
                done = self._distributed.wait(futures, timeout=5, return_when="FIRST_COMPLETED").done
                return [future for future in futures if future in done]
            except TimeoutError:
                patience = NO_WORKER_S if self._n_workers() else patience - 5
            except self._distributed.client.FutureCancelledError:
                raise StudyError("the cluster's scheduler is gone; the same command goes on where it was") from None
            if patience <= 0 or self._client.status != "running":
                raise StudyError("the cluster has lost all its workers; the same command goes on where it was")

    def _outcome(self, future: Any) -> Any:
        try:
            return future.result()
        except self._distributed.scheduler.KilledWorker:
            return WorkerDied()


def _distributed() -> Any:
    try:
        import distributed
    except ImportError:
        raise StudyError('--cluster needs Dask: pip install "exoimage[cluster]"') from None
    return distributed


def _on_worker(function: Callable[[T], O], task: T) -> O:
    """One core per process, as in local processes."""
    import cv2

    cv2.setNumThreads(1)
    return function(task)


def _fitness(paths: list[str]) -> tuple[str, str]:
    """A worker's version of exoimage, and the first path it does not see."""
    return __version__, next((path for path in paths if not os.path.exists(path)), "")  # noqa: PTH110
