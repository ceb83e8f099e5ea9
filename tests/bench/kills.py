"""SIGKILL at twenty random moments of a re-evaluation: the last good report is whole each time, and the next run succeeds.

    python tests/bench/kills.py HOME PROJECT AS_OF [SECONDS]

HOME holds data/PROJECT with a complete run, published; nothing outside it is touched. Ten kills strike a run that does all its steps
(within its first SECONDS), ten one that takes unchanged steps from the run before. Each second time the kernel at work is left alone.
"""

import hashlib
import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

CODE = Path(__file__).resolve().parents[2]
COMMAND = "import sys; from pathlib import Path; from helpers import __main__, setup; "
COMMAND += "setup.ensure = lambda: setup.Environment(Path(sys.prefix)); sys.exit(__main__.main())"


def begin(home: Path, project: str, as_of: str) -> subprocess.Popen:
    given = ["reevaluate", "--project", project, "--as-of", as_of]
    own = {"NINEFOLD_HOME": str(home), "PYTHONPATH": str(CODE / "src"), "JUPYTER_PREFER_ENV_PATH": "1"}
    said = open(home / "kills.log", "a")
    return subprocess.Popen(
        [sys.executable, "-c", COMMAND, *given], env=os.environ | own, stdout=said, stderr=subprocess.STDOUT, start_new_session=True
    )


def published(home: Path, project: str) -> dict[str, str]:
    """Every file of the report that readers find, with its hash; its run must be complete, and all that it gave must be as recorded."""
    pages = (home / "reports" / project / "latest").resolve()
    run = home / "data" / project / "runs" / pages.parent.name / pages.name
    record = json.loads((run / "run.json").read_text())
    for place in run.glob("0*_*/step.json"):
        for given in json.loads(place.read_text())["gives"]:
            assert digest(place.parent / given["file"]) == given["sha256"], place.parent / given["file"]
    assert len(record["steps"]) == 9 and (pages / "index.html").is_file()
    return {str(p.relative_to(home)): digest(p) for p in sorted(pages.rglob("*")) if p.is_file()}


def digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def struck(home: Path, project: str, as_of: str, after: float, *, alone: bool) -> str:
    """Start, kill after so many seconds, and look; what was being done, by the newest step folder."""
    before = published(home, project)
    process = begin(home, project, as_of)
    end = time.monotonic() + after
    while time.monotonic() < end and process.poll() is None:
        time.sleep(0.02)
    at = newest(home, project, as_of)
    if alone:
        process.kill()  # its kernel lives until it notices
    elif process.poll() is None:
        os.killpg(process.pid, signal.SIGKILL)
    status = process.wait()
    now = published(home, project)
    assert now == before or status in (0, 10) or set(now).isdisjoint(before), "the report is neither the last nor a new one"
    return f"{at}, status {status}{'' if now == before else ', a new report'}"


def newest(home: Path, project: str, as_of: str) -> str:
    places = sorted((home / "data" / project / "runs" / as_of).glob("*/0*"), key=lambda p: (p.parent.name, p.name.split(".")[0]))
    return "/".join(places[-1].parts[-2:]) if places else "nothing yet"


def succeeded(home: Path, project: str, as_of: str) -> float:
    began, process = time.monotonic(), begin(home, project, as_of)
    assert process.wait() in (0, 10), (home / "kills.log").read_text()[-2000:]
    published(home, project)
    halves = [
        p for p in (home / "data" / project / "runs").glob("*/*") if not (p / "run.json").exists() and not (p / "retired.json").exists()
    ]
    assert halves == [], halves
    return time.monotonic() - began


def main(home: Path, project: str, as_of: str, seconds: float = 100) -> None:
    lot = random.Random(20)
    for number in range(20):
        if number == 10:
            print(f"whole run after ten kills: {succeeded(home, project, as_of):.0f} s", flush=True)
            seconds = succeeded(home, project, as_of)
            print(f"the same once more: {seconds:.0f} s", flush=True)
        after = lot.uniform(0, seconds)
        print(f"{number + 1:2} killed after {after:5.1f} s: {struck(home, project, as_of, after, alone=number % 2 == 0)}", flush=True)
    print(f"whole run after twenty kills: {succeeded(home, project, as_of):.0f} s", flush=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]).resolve(), *sys.argv[2:4], *map(float, sys.argv[4:5]))
