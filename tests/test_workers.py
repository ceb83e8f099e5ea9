"""Work shared out among processes gives what one thread gives, and ends whatever happens to a process."""

import os

import numpy as np
import pytest

from helpers import NinefoldError
from helpers.build import kmeans, workers


@pytest.fixture
def at_once(monkeypatch):
    """Help is sought for any work."""
    monkeypatch.setattr(workers, "ALONE", 0.0)
    monkeypatch.setattr(workers, "WORTH", -1.0)
    monkeypatch.setattr(workers, "STARTING", -1.0)
    monkeypatch.setattr(workers, "processes", lambda: 2)


def test_processes_give_the_same_bits_as_one_thread_in_the_order_given(at_once):
    x, me, told = np.random.default_rng(1).normal(size=(200, 3)), os.getpid(), []

    def fit(seed: int):
        return os.getpid(), kmeans.kmeans(x, 3, n_starts=10, seed=seed).centres

    found = workers.shared(fit, range(9), done=told.append)
    assert all((one == fit(seed)[1]).all() for seed, (_, one) in enumerate(found))
    assert me not in {process for process, _ in found}
    assert told == list(range(1, 10))


def test_where_a_process_dies_threads_do_the_work(at_once):
    me, told = os.getpid(), []

    def dies(number: int) -> int:
        if os.getpid() != me:
            os._exit(1)
        return number * number

    assert workers.shared(dies, range(5), done=told.append) == [0, 1, 4, 9, 16]
    assert told == [1, 2, 3, 4, 5]


def test_what_cannot_be_sent_is_done_here(at_once):
    from threading import Lock

    lock = Lock()

    def locked(number: int) -> int:
        with lock:
            return number + 1

    assert workers.shared(locked, range(4)) == [1, 2, 3, 4]


def test_an_error_of_the_work_is_raised_as_it_is(at_once):
    def fails(number: int) -> int:
        raise NinefoldError(f"number {number} cannot be done")

    with pytest.raises(NinefoldError, match="cannot be done"):
        workers.shared(fails, range(3))


def test_little_work_starts_no_process(monkeypatch):
    monkeypatch.setattr(workers, "_sent", lambda *given: pytest.fail("a process was asked"))
    assert workers.shared(lambda number: number + 1, range(100)) == list(range(1, 101))
