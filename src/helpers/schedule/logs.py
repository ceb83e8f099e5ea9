"""What a scheduled run leaves behind: a log of all that was printed, with times, and a summary as JSON beside it."""

import contextlib
import os
import sys
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from helpers.run.files import named, write_json


class Tee:
    """A stream whose lines also go to a log, each with the time at which it began."""

    def __init__(self, stream, file, mark: str = ""):
        self.stream, self.file, self.mark, self._fresh = stream, file, mark, True

    def write(self, text: str) -> int:
        for line in text.splitlines(keepends=True):
            head = f"{_clock()} {self.mark}" if self._fresh else ""
            with contextlib.suppress(OSError, ValueError):  # a full disk must not hide what is being said
                self.file.write(head + line)
                self.file.flush()
            self._fresh = line.endswith("\n")
        return self.stream.write(text)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.stream, name)


class Log:
    """The log and the summary of one run of the command.

    path     the log, data/<project>/reevaluations/<as_of>/NNNN.log
    errors   the stream for what went wrong
    """

    def __init__(self, path: Path):
        self.path, self.began = path, datetime.now(UTC).isoformat(timespec="seconds")
        self.errors: Any = sys.stderr

    def keep(self, found: dict) -> None:
        """Write the summary beside the log, and print where both are."""
        place = self.path.with_suffix(".json")
        whole = {"began": self.began, "ended": datetime.now(UTC).isoformat(timespec="seconds"), "log": self.path.name}
        write_json(place, found | whole)
        print(f"Summary: {named(place)} (log beside it); status {found['status']}", flush=True)


@contextlib.contextmanager
def opened(project: Path, stamp: str):
    """The next free log of this as_of; while it is open, all that is printed goes there too.

    project   the project's folder;  stamp: the name of as_of in folders
    """
    folder = project / "reevaluations" / stamp
    folder.mkdir(parents=True, exist_ok=True)
    path, file = _next(folder)
    log = Log(path)
    out, err = sys.stdout, sys.stderr
    sys.stdout, sys.stderr = Tee(out, file), Tee(err, file, "! ")
    log.errors = sys.stderr
    try:
        yield log
    except BaseException as error:
        if not isinstance(error, KeyboardInterrupt):
            _trace(file, error)
        raise
    finally:
        sys.stdout, sys.stderr = out, err
        with contextlib.suppress(OSError):
            file.close()


def _next(folder: Path):
    """A new file NNNN.log: two commands at once get two, for the system makes a file only once."""
    taken = [int(path.stem) for path in folder.glob("*.log") if path.stem.isdigit()]
    for number in range(max(taken, default=0) + 1, 1_000_000):
        path = folder / f"{number:04d}.log"
        with contextlib.suppress(FileExistsError):
            return path, os.fdopen(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY), "w", encoding="utf-8", errors="replace")
    raise OSError(f"{folder}: no free number")


def _trace(file, error: BaseException) -> None:
    import traceback

    with contextlib.suppress(OSError, ValueError):
        file.write(f"{_clock()} ! " + "".join(traceback.format_exception(error)))


def _clock() -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
