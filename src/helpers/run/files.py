"""What a run writes and where: names of folders, whole writes or none, JSON that is the same on every machine, links."""

import contextlib
import errno
import hashlib
import json
import math
import os
from datetime import date, datetime
from pathlib import Path

from helpers import NinefoldError, home

STEPS = ("objectives", "scope", "collect", "variables", "validate", "build", "adopt", "target", "reevaluate")


def folder(step: str) -> str:
    """The name of a step's folder and notebook, `01_objectives` …"""
    return f"{STEPS.index(step) + 1:02d}_{step}"


@contextlib.contextmanager
def saving(path: Path):
    """Turn a failed write into one message; what was published before is elsewhere and stays."""
    try:
        yield
    except NinefoldError:
        raise
    except Exception as error:
        full = getattr(error, "errno", None) == errno.ENOSPC or "No space left" in str(error)
        shown = named(path)
        if full:
            raise NinefoldError(f"{shown} cannot be written: the disk is full. Free some space and run again.") from error
        if isinstance(error, OSError):
            raise NinefoldError(f"{shown} cannot be written: {error.strerror or error}. Check the folder's rights.") from error
        raise


@contextlib.contextmanager
def alone(lock: Path, refusal: str):
    """Hold a lock file for as long as the block runs; it falls with the process that holds it, however that ends.

    Raises NinefoldError(refusal) at once when somebody else holds it.
    """
    from filelock import FileLock, Timeout

    held = FileLock(lock, timeout=0)
    try:
        held.acquire()
    except Timeout:
        raise NinefoldError(refusal) from None
    try:
        yield
    finally:
        held.release()


def write_json(path: Path, content) -> None:
    """Sorted keys, 12 significant digits, ISO dates, null for what is not a number."""
    text = json.dumps(plain(content), sort_keys=True, indent=1, ensure_ascii=False, allow_nan=False) + "\n"
    with saving(path):
        part = path.with_name(path.name + ".part")
        part.write_text(text, encoding="utf-8")
        os.replace(part, path)


def digest(path: Path) -> str:
    """SHA-256 of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def content_of(place: Path, name: str) -> str | None:
    """SHA-256 of what a step handed over under that name, as its record has it; None where it gave nothing of that name."""
    record = place / "step.json"
    if not record.is_file():
        return None
    given = json.loads(record.read_text(encoding="utf-8"))["gives"]
    return next((each["sha256"] for each in given if each["name"] == name), None)


def plain(value):
    """A value as JSON holds it, the same on every run: sets sorted, numbers as Python's own, days as text."""
    if isinstance(value, dict):
        return {str(k): plain(v) for k, v in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [plain(v) for v in (sorted(value) if isinstance(value, set | frozenset) else value)]
    if isinstance(value, bool) or value is None or isinstance(value, str):
        return value
    if isinstance(value, date | datetime):
        return value.isoformat() if value == value else None  # pandas's missing instant is a datetime that differs from itself
    if hasattr(value, "item"):  # a numpy scalar
        value = value.item()
    if isinstance(value, int | bool):
        return value
    number = float(value)
    return float(f"{number:.12g}") if math.isfinite(number) else None


def named(path: Path) -> str:
    """A path as users know it, from the folder that holds data/ and reports/."""
    with contextlib.suppress(ValueError):
        return path.resolve().relative_to(home()).as_posix()
    return path.name


def link(place: Path, target: Path) -> None:
    """Point `place` at `target` in one step (os.replace): a symbolic link, or a file holding the path where there are none."""
    relative = os.path.relpath(target, place.parent)
    part = place.with_name(place.name + ".part")
    with saving(place):
        part.unlink(missing_ok=True)
        try:
            part.symlink_to(relative, target_is_directory=True)
        except OSError:
            part.write_text(Path(relative).as_posix() + "\n", encoding="utf-8")
        os.replace(part, place)


def resolve(place: Path) -> Path:
    """Where a link made by `link` leads; the place itself when it is a folder."""
    if place.is_file():
        return (place.parent / place.read_text(encoding="utf-8").strip()).resolve()
    return place


def latest(project: str) -> Path | None:
    """The folder of the pages published last, or None."""
    place = resolve(home() / "reports" / project / "latest")
    return place.resolve() if place.is_dir() else None
