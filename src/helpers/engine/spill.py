"""Private folders for what does not fit into memory and for copies of files: one a process, gone when the process is."""

import contextlib
import itertools
import os
import shutil
import weakref
from dataclasses import dataclass
from pathlib import Path

from filelock import FileLock, Timeout

LOCK = ".lock"
_numbers = itertools.count(1)


@dataclass
class _Held:
    """A folder of this process, and how many still use it."""

    folder: Path
    lock: FileLock
    owners: int = 0


_held: dict[Path, _Held] = {}


def hold(project: Path, owner: object) -> Path:
    """The folder of this process below the project's `.spill`, kept until every owner is gone; what is in it goes with it.

    A lock in it says that it is in use: it falls with the process, however that ends.
    """
    if project not in _held:
        _held[project] = _locked(project / ".spill")
    held = _held[project]
    held.owners += 1
    weakref.finalize(owner, _let_go, project, os.getpid())
    return held.folder


def _locked(below: Path) -> _Held:
    for number in itertools.count():  # a process of another container may have the same number, and the same folder
        folder = below / (f"{number}-{os.getpid()}" if number else str(os.getpid()))
        folder.mkdir(parents=True, exist_ok=True)
        lock = FileLock(folder / LOCK, timeout=0, thread_local=False)
        with contextlib.suppress(Timeout):
            lock.acquire()
            return _Held(folder, lock)


def place(held: Path) -> Path:
    """A path for what one connection spills: two may not share one. DuckDB makes its last part when it needs it."""
    return held / f"memory-{next(_numbers)}"


def _let_go(project: Path, process: int) -> None:
    if os.getpid() != process:
        return  # a child of the process that holds it
    held = _held[project]
    held.owners -= 1
    if held.owners == 0:
        del _held[project]
        held.lock.release()
        shutil.rmtree(held.folder, ignore_errors=True)


def sweep(project: Path) -> None:
    """Remove the folders of processes that are gone."""
    for folder in (project / ".spill").glob("*"):
        if not _used(folder):
            shutil.rmtree(folder, ignore_errors=True)


def _used(folder: Path) -> bool:
    """Whether a process still holds a folder: by its lock; by the number of its process where that can be asked (not on Windows)."""
    number = folder.name.rpartition("-")[2]
    if any(folder == held.folder for held in _held.values()) or (_asked() and number.isdigit() and _alive(int(number))):
        return True
    if not (folder / LOCK).is_file():
        return False
    lock = FileLock(folder / LOCK, timeout=0, thread_local=False)
    try:
        lock.acquire()
    except (Timeout, OSError):
        return True
    lock.release()
    return False


def _asked() -> bool:
    """Whether the system says which processes run."""
    return os.name != "nt"


def _alive(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except (PermissionError, OverflowError):
        return True
    return True
