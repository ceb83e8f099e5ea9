"""What step 6 costs: the notebook's own cells, on a made-up company of 100,000 customers with two million order lines.

    python tests/bench/build.py [customers, default 100,000]

Makes the order lines as Parquet, runs the notebooks of steps 1 to 5 cell by cell, then that of step 6, each in a process of its own.
Prints the seconds of every cell of step 6 that takes more than one, by its last line; the seconds of the whole; and the largest memory
of the step and of the processes that it starts. Goals: 180 s on two free processors, 2 GB. Neighbours make it longer.
"""

import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

HERE = Path(__file__).resolve()
ROOT = HERE.parents[2]
sys.path[:0] = [str(ROOT / "src"), str(HERE.parents[1])]
NAME, LINES_EACH = "generated", 20
SHOWN = 1.0


def cells(step: str) -> list[str]:
    """The code of a notebook, its parameters set to the made-up project."""
    found = []
    for cell in json.loads((ROOT / "notebooks" / f"{step}.ipynb").read_text(encoding="utf-8"))["cells"]:
        if cell["cell_type"] == "code":
            code = "".join(cell["source"])
            found.append(code.replace("complete_journey", NAME) if "parameters" in cell["metadata"].get("tags", []) else code)
    return found


def turn(step: str, home: Path) -> None:
    """One notebook, in this process."""
    import matplotlib

    matplotlib.use("Agg")
    names: dict = {"display": lambda *shown, **how: None}
    began = time.perf_counter()
    for code in cells(step):
        before = time.perf_counter()
        exec(compile(code, step, "exec"), names)  # noqa: S102 - the project's own notebooks
        took = time.perf_counter() - before
        if step.startswith("06") and took > SHOWN:
            print(f"{took:7.1f} s  {code.strip().splitlines()[-1][:100]}", flush=True)
    whole = time.perf_counter() - began
    print(f"{step}: {whole:.1f} s, largest memory {memory(os.getpid()):.2f} GB, of its processes {of_children()}", flush=True)


def memory(process: int) -> float:
    """Largest memory that a process has held (VmHWM), in GB."""
    status = Path(f"/proc/{process}/status").read_text(encoding="utf-8")
    return next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmHWM")) / 1024**2


def of_children() -> str:
    """The same for each process that this one has started and that runs still."""
    listed = Path(f"/proc/{os.getpid()}/task/{os.getpid()}/children").read_text(encoding="utf-8").split()
    return ", ".join(f"{memory(int(process)):.2f} GB" for process in listed) or "none"


def main(customers: int) -> None:
    from test_scale import PROJECT, write_lines

    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        made = home / "data" / NAME
        made.mkdir(parents=True)
        (made / "project.yml").write_text(PROJECT, encoding="utf-8")
        write_lines(made / "raw" / "lines.parquet", lines=customers * LINES_EACH, customers=customers)
        (run := made / "runs" / "dev" / "0001").mkdir(parents=True)
        environment = os.environ | {"NINEFOLD_HOME": str(home), "NINEFOLD_RUN": str(run)}
        steps = sorted(path.stem for path in (ROOT / "notebooks").glob("0[1-6]_*.ipynb"))
        for step in steps:
            subprocess.run([sys.executable, str(HERE), "--turn", step, str(home)], check=True, env=environment)


if __name__ == "__main__":
    if sys.argv[1:2] == ["--turn"]:
        turn(sys.argv[2], Path(sys.argv[3]))
    else:
        main(int(sys.argv[1].replace(",", "")) if len(sys.argv) > 1 else 100_000)
