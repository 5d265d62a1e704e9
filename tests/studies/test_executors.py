from __future__ import annotations

import os
import time

import pytest

from exoimage.studies.executors import InProcess, LocalProcesses, WorkerDied


def double_or_die(number: int) -> int:
    if number == 7:
        os._exit(9)
    time.sleep(0.01)
    return 2 * number


def double(number: int) -> int:
    return 2 * number


def fail(number: int) -> int:
    raise ValueError(number)


@pytest.mark.parametrize("executor", [InProcess(), LocalProcesses(2)], ids=["in process", "processes"])
def test_every_task_has_its_outcome(executor) -> None:
    try:
        assert dict(executor.run(double, range(10))) == {n: 2 * n for n in range(10)}
        assert dict(executor.run(double, [])) == {}
    finally:
        executor.close()


def test_a_worker_that_dies_costs_its_own_task_only() -> None:
    executor = LocalProcesses(2)
    try:
        outcomes = dict(executor.run(double_or_die, range(20)))
    finally:
        executor.close()
    assert outcomes.pop(7) == WorkerDied()
    assert outcomes == {n: 2 * n for n in range(20) if n != 7}


def test_an_exception_is_no_dead_worker() -> None:
    executor = LocalProcesses(1)
    try:
        with pytest.raises(ValueError, match="3"):
            list(executor.run(fail, [3]))
    finally:
        executor.close()


def test_a_worker_that_dies_while_it_waits_is_replaced() -> None:
    executor = LocalProcesses(1)
    try:
        assert dict(executor.run(double, range(3))) == {0: 0, 1: 2, 2: 4}
        assert executor._pool is not None
        for process in list(executor._pool._processes.values()):
            process.kill()
            process.join()
        assert dict(executor.run(double, range(3))) == {0: 0, 1: 2, 2: 4}
    finally:
        executor.close()
