"""What several test files share. The marker `slow` is declared in pyproject.toml."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import pytest

from helpers import ROOT, words
from helpers.project.adopting import TEAMS

SHARED = ("browser", "figures", "figures_plan", "figures_segments", "report", "setup")
"""Files that ask for the one published report: one worker has them all, for it takes minutes."""
HANDOUTS = ("dictionary", "personas", *(f"sheet-{team}" for team in TEAMS))
"""Pages of a report beside the front page and those of the steps."""


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config, log):
    """Side by side, the tests of a file stay together and in their order, for they share what takes long to make."""
    from xdist.scheduler import LoadScopeScheduling

    class ByFile(LoadScopeScheduling):
        def _split_scope(self, nodeid: str) -> str:
            file = nodeid.split("::")[0].rpartition("/")[2]
            return "published" if file[5:-3] in SHARED else file

    config.option.loadscopereorder = False  # else files with many tests come first, and what takes minutes last, alone
    return ByFile(config, log)


def pytest_collection_modifyitems(items):
    """Files with slow tests first: the workers then end together."""
    slow = {item.path for item in items if item.get_closest_marker("slow")}
    items.sort(key=lambda item: item.path not in slow)


class Published(NamedTuple):
    """A clone in which `make report` has run, and how it went."""

    path: Path
    process: subprocess.CompletedProcess


@pytest.fixture
def in_english():
    """English and dollars for one test, whatever it sets itself; what was in use before comes back."""
    before = words.language(), words.currency()
    words.use("en", "USD")
    yield
    words.use(*before)


@pytest.fixture
def workspace(tmp_path, monkeypatch) -> Path:
    """A home of its own for one test: the default project as typed, and nothing published yet."""
    project = tmp_path / "data" / "complete_journey"
    project.mkdir(parents=True)
    shutil.copy(ROOT / "data" / "complete_journey" / "project.yml", project)
    monkeypatch.setenv("NINEFOLD_HOME", str(tmp_path))
    return tmp_path


@pytest.fixture(scope="session")
def published(tmp_path_factory) -> Published:
    """The working tree in an empty folder, nothing beside it, where `make report` sets itself up from nothing.

    Takes minutes: every test that asks for it is marked slow.
    """
    clone = tmp_path_factory.mktemp("published") / "ninefold"
    copy_working_tree(clone)
    plan = clone / "data" / "complete_journey" / "project.yml"
    plan.write_text(hurried(plan.read_text(encoding="utf-8")), encoding="utf-8")  # several tests run the clone again
    command = ["make", "report"] if shutil.which("make") else [sys.executable, "src/helpers", "report"]
    process = subprocess.run(command, cwd=clone, env=plain_environment(), stdin=subprocess.DEVNULL, capture_output=True, encoding="utf-8")
    yield Published(clone, process)
    shutil.rmtree(clone / ".venv", ignore_errors=True)  # about a gigabyte; the rest stays when a test has failed


@pytest.fixture(scope="session")
def first_run(published) -> Path:
    """The folder of the run that it published; what other tests run there later has other numbers."""
    assert published.process.returncode == 0, published.process.stderr[-3000:]
    return published.path / "data" / "complete_journey" / "runs" / "2017-10-01" / "0001"


def hurried(typed: str) -> str:
    """A project.yml that asks step 6 for the fewest redrawings that it allows: for tests of other things than its evidence."""
    fewest = "\nbuild:\n  pairs: 10\n  screening_pairs: 10\n  null_draws: 19\n  replicates: 20\n"
    assert len(re.findall(r"^build:.*$", typed, re.M)) == 1
    return re.sub(r"\nbuild:[^\n]*\n", fewest, typed)


def copy_working_tree(destination: Path) -> None:
    """What a commit of everything here would hold: tracked files and new ones, without what git ignores."""
    listing = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        check=True,
        capture_output=True,
        encoding="utf-8",
    )
    for name in filter(None, listing.stdout.split("\0")):
        if (ROOT / name).exists():  # a tracked file may have been deleted here
            (destination / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, destination / name, follow_symlinks=False)


def plain_environment() -> dict[str, str]:
    """This process's variables without what a virtual environment, conda, make or Ninefold has put there."""
    inside = [os.path.normpath(folder) for folder in (sys.prefix, os.environ.get("CONDA_PREFIX")) if folder]
    foreign = ("CONDA_", "NINEFOLD_", "JUPYTER_", "PYTEST_", "MAKE", "MFLAGS", "VIRTUAL_ENV", "PYTHON", "MPLBACKEND")
    kept = {key: value for key, value in os.environ.items() if not key.startswith(foreign)}
    folders = os.environ.get("PATH", os.defpath).split(os.pathsep)
    kept["PATH"] = os.pathsep.join(f for f in folders if not os.path.normpath(f).startswith(tuple(inside)))
    return kept
