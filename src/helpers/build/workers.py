"""Work shared out among processes: Python runs one thread at a time, and step 6 is made of many small fits that are mostly Python."""

import logging
import os
import time
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import BrokenExecutor
from functools import cache
from itertools import pairwise
from pickle import PicklingError
from threading import Thread

from helpers.build.kmeans import in_pairs
from helpers.threads import one_thread

ALONE = 0.3
"""Seconds of work after which help is sought."""
WORTH, STARTING = 1.0, 4.0
"""Seconds of work left that are worth sending to processes that run, and worth starting them for: each imports for three seconds."""
MOST = 4
"""Processes at most; each takes about 200 MB."""
PARTS = 4
"""Parts of the work for each process: whoever ends first takes the next."""
_state = {"running": False, "inside": False}


def shared(task: Callable, over: Iterable, *, done: Callable[[int], None] | None = None) -> list:
    """The task done for each, in processes where that takes long: the same results whoever works them out, in the order given.

    task   of one argument, and without side effects; what it holds and what it returns must be such as can be sent to a process
    done   called with 1, 2 … as results arrive
    Where processes cannot be started, or one of them dies, threads do what is left: slower, and the same to the bit, for each fit is
    worked out on one thread with a seed of its own. They hold neither connections nor files, start afresh (no fork), and end when idle.
    """
    over, found, began = list(over), [], time.perf_counter()
    tell = _Counter(done)
    with one_thread():
        while len(found) < len(over) and (_state["inside"] or time.perf_counter() - began < ALONE):
            found.append(task(over[len(found)]))
            tell.up_to(len(found))
        left = over[len(found) :]
        ahead = (time.perf_counter() - began) / max(len(found), 1) * len(left)
        if len(left) > 1 and processes() > 1 and ahead > (WORTH if _state["running"] else STARTING):
            try:
                return found + _sent(task, left, len(found), tell)
            except (BrokenExecutor, OSError, PicklingError) as error:
                logging.getLogger(__name__).info("processes cannot be used (%s): threads do the work", error)
        found += in_pairs(task, left)
        tell.up_to(len(found))
    return found


@cache
def processes() -> int:
    """As many as there are processors for this program, MOST at most."""
    from joblib import cpu_count

    return min(cpu_count(), MOST)


def _sent(task: Callable, over: Sequence, before: int, tell: "_Counter") -> list:
    """The task done for each by processes; they stay for the next call, and end by themselves."""
    from joblib import Parallel, delayed

    parts = min(len(over), PARTS * processes())
    edges = [len(over) * part // parts for part in range(parts + 1)]
    found: list = []
    # Arrays are sent, not mapped from files: nothing is left behind on a disk.
    pool = Parallel(processes(), backend="loky", return_as="generator", pre_dispatch="all", batch_size=1, max_nbytes=None)
    _state["running"] = False  # until results arrive: whatever ends this, the next call reckons with a start
    for results in pool(delayed(_part)(os.getpid(), task, over[low:high]) for low, high in pairwise(edges)):
        _state["running"] = True
        found += results
        tell.up_to(before + len(found))
    return found


def _part(parent: int, task: Callable, over: Sequence) -> list:
    """What a process does: one part of the work, on one thread."""
    if not _state["inside"]:
        _state["inside"] = True
        Thread(target=_end_with, args=(parent,), daemon=True).start()
    with one_thread():
        return [task(each) for each in over]


def _end_with(parent: int) -> None:
    """Ends this process when the one that began it is gone: a run that is killed leaves nobody at work."""
    while os.getppid() == parent:
        time.sleep(1)
    os._exit(0)


class _Counter:
    """Tells each number once, in order, even where work is done a second time."""

    def __init__(self, done: Callable[[int], None] | None):
        self.done, self.told = done, 0

    def up_to(self, count: int) -> None:
        while self.told < count:
            self.told += 1
            if self.done:
                self.done(self.told)
