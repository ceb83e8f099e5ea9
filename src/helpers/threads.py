"""One thread for linear algebra: on several, sums add up in an order that changes from run to run, and small ones wait for each other."""

from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from threading import Lock

_entered: dict = {"times": 0, "limits": []}
_lock = Lock()


@contextmanager
def one_thread(*learners: str) -> Iterator[None]:
    """One thread in each multiplication while anyone is inside, whichever of their threads left first; also a decorator, `@one_thread()`.

    learners   modules that bring threads of their own, such as "sklearn.ensemble": loaded first, for a limit holds for what is loaded
    """
    from threadpoolctl import threadpool_limits

    for name in learners:
        import_module(name)
    with _lock:
        if learners or not _entered["times"]:
            _entered["limits"].append(threadpool_limits(limits=1))
        _entered["times"] += 1
    try:
        yield
    finally:
        with _lock:
            _entered["times"] -= 1
            while not _entered["times"] and _entered["limits"]:
                _entered["limits"].pop().restore_original_limits()
