"""What several test files share. The marker `slow` is declared in pyproject.toml."""

import csv
import hashlib
import json
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import time
from datetime import datetime, timedelta
from pathlib import Path
from typing import NamedTuple

import pytest

from helpers import ROOT, words
from helpers.project.adopting import TEAMS

SHARED = ("browser", "faults", "figures", "figures_plan", "figures_segments", "report", "setup")
"""Files that ask for the one published report, or for the run after it: one worker has them all, for each takes minutes."""
HANDOUTS = ("dictionary", "history", "personas", *(f"sheet-{team}" for team in TEAMS))
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
    """Files with slow tests first: the workers then end together. What faults do to the first report comes before the second is read."""
    slow = {item.path for item in items if item.get_closest_marker("slow")}
    items.sort(key=lambda item: (item.path not in slow, item.path.name == "test_report.py"))


class Published(NamedTuple):
    """A clone in which `make report` has run, and how it went."""

    path: Path
    process: subprocess.CompletedProcess


class Home(NamedTuple):
    """Where complete_journey is published, and how its report is begun there by whatever Python runs the tests."""

    path: Path

    @property
    def runs(self) -> Path:
        return self.path / "data" / "complete_journey" / "runs" / "2017-10-01"

    @property
    def reports(self) -> Path:
        return self.path / "reports" / "complete_journey"

    def environment(self) -> dict[str, str]:
        own = {"NINEFOLD_HOME": str(self.path), "PYTHONPATH": str(ROOT / "src"), "JUPYTER_PREFER_ENV_PATH": "1"}
        return plain_environment() | own

    def begin(self, *options) -> subprocess.Popen:
        """`python -m helpers report`, started."""
        return started([sys.executable, "-u", "-c", COMMAND, "report", *options], self.path, self.environment())


COMMAND = """
import sys
from pathlib import Path
from helpers import __main__, setup
setup.ensure = lambda: setup.Environment(Path(sys.prefix))  # whatever runs the tests is ready
sys.exit(__main__.main())
"""


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


@pytest.fixture(scope="session")
def interrupted(published) -> tuple[int, str]:
    """Exit status and message of a second run there, stopped by Ctrl-C while its second step was at work."""
    home = Home(published.path)
    process = home.begin()
    line = process.stdout.readline()
    assert line.startswith("01 objectives "), line + process.stderr.read()
    wait_for(lambda: any((home.runs / "0002").glob("02_scope.*.tmp")), process)
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=60)
    return process.returncode, errors


@pytest.fixture(scope="session")
def recovered(published, first_run, interrupted) -> dict:
    """The run after it, `make report LANGUAGE=fr`, and what was seen while it ran."""
    home = Home(published.path)
    swept = home.reports / "2017-10-01" / "0007"  # pages of a run that never became complete
    (swept / "charts").mkdir(parents=True)
    command = ["make", "report", "LANGUAGE=fr"] if shutil.which("make") else [sys.executable, "src/helpers", "report", "--language", "fr"]
    process, seen, refused = started(command, home.path, plain_environment()), set(), ""
    while process.poll() is None:
        seen.add(hashlib.sha256((home.reports / "latest" / "index.html").read_bytes()).hexdigest())
        if not refused and not swept.exists():  # it holds the lock and is at work
            second = home.begin()
            refused = second.communicate()[1]
        time.sleep(0.02)
    output, errors = process.communicate()
    return {"status": process.returncode, "output": output, "errors": errors, "seen": seen, "refused": refused, "swept": swept}


def started(command: list[str], folder: Path, environment: dict[str, str]) -> subprocess.Popen:
    return subprocess.Popen(
        command,
        cwd=folder,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        encoding="utf-8",
    )


def wait_for(condition, process, seconds=120):
    end = time.monotonic() + seconds
    while not condition():
        assert process.poll() is None and time.monotonic() < end, process.stderr.read()
        time.sleep(0.05)


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


class Again(NamedTuple):
    """A small company that is looked at again a quarter later: its home, and how each command went."""

    home: Path
    report: subprocess.CompletedProcess
    approved: subprocess.CompletedProcess
    first: subprocess.CompletedProcess
    second: subprocess.CompletedProcess
    differences: subprocess.CompletedProcess

    def run(self, name: str) -> Path:
        return self.home / "data" / "shop" / "runs" / name

    def found(self, step: str, name: str, run: str = "2024-10-01/0001"):
        return json.loads((self.run(run) / step / f"{name}.json").read_text(encoding="utf-8"))


@pytest.fixture(scope="session")
def again(tmp_path_factory) -> Again:
    """A report, its approval, a re-evaluation one quarter later, the same once more, and both runs compared."""
    home = make_company(tmp_path_factory.mktemp("again"))
    environment = plain_environment() | {"NINEFOLD_HOME": str(home), "PYTHONPATH": str(ROOT / "src"), "JUPYTER_PREFER_ENV_PATH": "1"}

    def command(*words):
        started = [sys.executable, "-c", COMMAND, *words, "--project", "shop"]
        return subprocess.run(started, cwd=home, env=environment, capture_output=True, encoding="utf-8")

    report = command("report", "--as-of", "2024-07-01")
    approved = command("approve", "--run", "2024-07-01", "--role", "Head of CRM (example)", "--on", "2024-07-05")
    first, second = (command("reevaluate", "--as-of", "2024-10-01") for _ in range(2))
    return Again(home, report, approved, first, second, command("diff", "--a", "2024-07-01", "--b", "2024-10-01/0001"))


def make_company(home: Path) -> Path:
    """A shop that has nothing but order lines, in a CSV file, with ids that can be searched for."""
    folder = home / "data" / "shop"
    (folder / "raw").mkdir(parents=True)
    draw, start = random.Random(7), datetime(2024, 1, 1)
    with (folder / "raw" / "lines.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["client", "bon", "date", "article", "montant"])
        for customer in range(300):
            often, spends = draw.uniform(1, 12), draw.uniform(5, 60)
            for order in range(int(often * 9)):
                when = start + timedelta(minutes=draw.randrange(274 * 24 * 60))
                for line in range(draw.randint(1, 4)):
                    amount = round(draw.expovariate(1 / spends) + 0.5, 2)
                    writer.writerow([f"KUNDE-{customer:05d}", f"{customer}-{order}", when.isoformat(), f"A{line}{order % 7}", amount])
    (folder / "project.yml").write_text(
        "title: A shop\ncurrency: EUR\nas_of: 2024-10-01\nmin_cell: 10\n"
        "objectives: {main: {name: More, kind: revenue, metric: revenue_per_customer}}\n"
        "scope: {window_days: 90, filters: [{rule: orders_at_least, value: 2}], panel: [spend_per_order],\n"
        "  segments_from: 5, segments_to: 5}\n"
        "build: {pairs: 10, screening_pairs: 10, null_draws: 19, replicates: 20}\n"
        "collect:\n  sources:\n    lines:\n      table: orders\n      file: raw/lines.csv\n"
        "      columns: {customer_id: client, order_id: bon, ordered_at: date, product_id: article, amount: montant}\n",
        encoding="utf-8",
    )
    return home
