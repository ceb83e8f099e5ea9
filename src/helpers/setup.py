"""The environment that every command runs in: found, made and kept up to date from the standard library alone.

An active conda environment is used as it is: what is missing is added, nothing that conda installed is replaced.
Otherwise `.venv` in the repository is built from requirements.lock. A stamp in the environment holds the hash of what
it was made from, so that set-up is done once.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from helpers import ROOT, NinefoldError

SUPPORTED = ((3, 13), (3, 12), (3, 11))
NEEDED = "Ninefold needs Python 3.11, 3.12 or 3.13"
WINDOWS = os.name == "nt"
INSIDE = "NINEFOLD_INSIDE"
"""Set for the process that a command hands over to, so that it never hands over again."""

ASK_VERSION = "import sys; print(*sys.version_info[:3], getattr(sys, '_base_executable', '') or sys.executable)"
ASK_PACKAGES = "import importlib.metadata as m, json; print(json.dumps({d.name: d.version for d in m.distributions() if d.name}))"


@dataclass(frozen=True)
class Environment:
    """Where the packages are installed: the active conda environment, or `.venv` in the repository."""

    folder: Path
    conda: bool = False

    @property
    def name(self) -> str:
        return f"the conda environment {self.folder.name}" if self.conda else self.folder.name

    @property
    def scripts(self) -> Path:
        return self.folder / ("Scripts" if WINDOWS else "bin")

    @property
    def python(self) -> Path:
        if WINDOWS:
            return (self.folder if self.conda else self.scripts) / "python.exe"
        return self.scripts / "python"

    @property
    def stamp(self) -> Path:
        """Written last: holds the fingerprint of what the environment was made from."""
        return self.folder / "ninefold.stamp"

    @property
    def unfinished(self) -> Path:
        """Stands while a set-up is under way, and after one that was interrupted."""
        return self.folder / "ninefold.unfinished"


def choose_environment(environ=os.environ, *, root: Path = ROOT) -> Environment:
    """The active conda environment if there is one (`base` is nobody's project), else `.venv`."""
    prefix = environ.get("CONDA_PREFIX")
    if prefix and environ.get("CONDA_DEFAULT_ENV", "") != "base":
        return Environment(Path(prefix), conda=True)
    return Environment(root / ".venv")


def ensure(environ=os.environ, *, root: Path = ROOT, run=None, tell=print) -> Environment:
    """The environment, set up now unless its stamp says that it already is."""
    run = run or run_quietly
    environment = choose_environment(environ, root=root)
    if not is_ready(environment, root=root, run=run):
        with one_at_a_time(root, tell):
            if not is_ready(environment, root=root, run=run):  # another process may just have finished it
                install(environment, root=root, run=run, tell=tell)
    return environment


def is_ready(environment: Environment, *, root: Path, run) -> bool:
    """Whether a finished set-up made this environment, from today's lock and with the Python that it has now."""
    if environment.unfinished.exists() or not environment.stamp.is_file():
        return False
    version, _ = ask_version(environment.python, run)
    return version is not None and environment.stamp.read_text(encoding="utf-8") == fingerprint(root, version)


def fingerprint(root: Path, version) -> str:
    """One hash of all that set-up depends on; the path too, since a moved clone needs its editable install renewed."""
    digest = hashlib.sha256()
    for part in ((root / "requirements.lock").read_bytes(), (root / "pyproject.toml").read_bytes()):
        digest.update(hashlib.sha256(part).digest())
    digest.update(f"{'.'.join(map(str, version))} {root}".encode())
    return digest.hexdigest() + "\n"


def install(environment: Environment, *, root: Path, run, tell=print) -> None:
    """Brings the environment to the state of the lock; while at it a mark stands, so that half of one is not used."""
    began = time.monotonic()
    python, why = plan(environment, run)
    tell(f"{why} …", end=" ", flush=True)
    try:
        if python:
            put_aside(environment.folder)
        environment.folder.mkdir(parents=True, exist_ok=True)
        environment.unfinished.write_text("Set-up is under way, or was interrupted.\n", encoding="utf-8")
        if environment.stamp.exists():
            environment.stamp.unlink()
        uv = find_uv(run)
        if python:
            create(environment, python, uv, run)
        pip = pip_install(environment, uv)
        if environment.conda:
            add_what_is_missing(environment, pip, root=root, run=run)
        else:
            must(run, [*pip, "-r", str(root / "requirements.lock")], "installing requirements.lock")
            must(run, [*pip, "--no-deps", "-e", str(root)], "installing the project itself")
        version, _ = ask_version(environment.python, run)
        environment.stamp.write_text(fingerprint(root, version), encoding="utf-8")
        environment.unfinished.unlink()
    except BaseException:
        tell("not finished.", flush=True)
        raise
    tell(f"done in {time.monotonic() - began:.0f} s", flush=True)


def plan(environment: Environment, run):
    """The Python to build a new `.venv` with (None: keep what is there), and the line that tells the reader why."""
    version, _ = ask_version(environment.python, run)
    supported = version is not None and version[:2] in SUPPORTED
    made_here = environment.stamp.exists() or environment.unfinished.exists()
    if environment.conda:
        if not supported:
            raise NinefoldError(
                f"{environment.folder}: the active conda environment has {spell(version)}; {NEEDED}.\n"
                "Run `conda env create -f environment.yml` and `conda activate ninefold`; or, to work in .venv, "
                "`conda deactivate`."
            )
        return None, f"Preparing {environment.name} (what is missing is added, nothing is replaced)"
    if not environment.folder.exists():
        return find_python(run), f"Setting up {environment.name} (first time: 1-5 minutes)"
    if version is None or environment.unfinished.exists() or (made_here and not supported):
        return find_python(run), f"Setting up {environment.name} afresh, as the one there is incomplete (1-5 minutes)"
    if not supported:
        raise NinefoldError(
            f"{environment.folder}: this environment, not made by Ninefold, has {spell(version)}; {NEEDED}.\n"
            "Delete the folder or give it another name, then run the command again."
        )
    return None, f"Updating {environment.name} to requirements.lock"


def find_python(run, *, current=None, which=shutil.which) -> str:
    """A Python to build `.venv` with: the one running this if it is supported, else the newest such on PATH."""
    version = current or sys.version_info[:3]
    if tuple(version[:2]) in SUPPORTED:
        # Inside a virtual environment, the Python beneath it: that environment may be the one about to be replaced.
        return getattr(sys, "_base_executable", None) or sys.executable
    candidates = [[which(f"python{major}.{minor}")] for major, minor in SUPPORTED]
    if WINDOWS and which("py"):
        candidates += [[which("py"), f"-{major}.{minor}"] for major, minor in SUPPORTED]
    for command in candidates:
        # A name on PATH may be a version manager's stand-in that does not start: ask it.
        found, executable = ask_version(command, run) if command[0] else (None, None)
        if found and found[:2] in SUPPORTED:
            return executable
    raise NinefoldError(
        f"{NEEDED}. This is {spell(version)} ({sys.executable}), and no python3.13, python3.12 or python3.11 on PATH "
        "starts.\nInstall one of them, or activate a conda environment made with `conda env create -f "
        "environment.yml`; then run the command again."
    )


def spell(version) -> str:
    return f"Python {'.'.join(map(str, version))}" if version else "no Python that starts"


def ask_version(python, run):
    """(major, minor, micro) and path of a Python, or (None, None) when it does not start."""
    command = [str(part) for part in (python if isinstance(python, list) else [python])]
    try:
        answer = run([*command, "-c", ASK_VERSION])
    except OSError:
        return None, None
    found = re.match(r"(\d+) (\d+) (\d+) (.+)", answer.stdout.strip()) if answer.returncode == 0 else None
    return (tuple(map(int, found.groups()[:3])), found[4]) if found else (None, None)


def find_uv(run, *, which=shutil.which):
    """uv, when it is on PATH and starts."""
    uv = which("uv")
    with contextlib.suppress(OSError):
        if uv and run([uv, "--version"]).returncode == 0:
            return uv
    return None


def create(environment: Environment, python: str, uv, run) -> None:
    """An empty virtual environment, with pip in it, since analysts use it from notebooks."""
    folder = str(environment.folder)
    if uv:
        command = [uv, "venv", "--quiet", "--seed", "--allow-existing", "--python", python, folder]
    else:
        command = [python, "-m", "venv", folder]
    must(run, command, f"making {environment.name}")


def pip_install(environment: Environment, uv) -> list[str]:
    """The command that installs what follows it into the environment."""
    python = str(environment.python)
    if uv:
        return [uv, "pip", "install", "--quiet", "--python", python]
    return [python, "-m", "pip", "--disable-pip-version-check", "--no-input", "install", "--progress-bar", "off"]


def add_what_is_missing(environment: Environment, pip, *, root: Path, run) -> None:
    """Adds what a conda environment lacks, at the lock's versions; what it has is held at its own."""
    has = {canonical(name): version for name, version in json.loads(must(run, [str(environment.python), "-c", ASK_PACKAGES])).items()}
    held = []
    for line in (root / "requirements.lock").read_text(encoding="utf-8").splitlines():
        name = line.partition("==")[0].strip()
        held.append(f"{name}=={has[canonical(name)]}" if canonical(name) in has else line)
    with tempfile.TemporaryDirectory() as folder:
        constraints = Path(folder) / "constraints.txt"
        constraints.write_text("\n".join(held) + "\n", encoding="utf-8")
        must(
            run,
            [*pip, "-c", str(constraints), "-e", f"{root}[test]"],
            f"adding what {environment.name} lacks",
            "If its packages do not go together with Ninefold's, make one for Ninefold (`conda env create -f "
            "environment.yml`, `conda activate ninefold`), or `conda deactivate` to work in .venv.",
        )


def canonical(name: str) -> str:
    """A distribution's name as registries compare it."""
    return re.sub(r"[-_.]+", "-", name).lower()


def must(
    run,
    command,
    what="asking the environment",
    remedy="See above for the cause; once it is put right, run the command again.",
) -> str:
    """The output of a command that has to succeed; else its last lines in one message."""
    try:
        done = run(command)
        output, failed = done.stdout, done.returncode != 0
    except OSError as error:
        output, failed = str(error), True
    if failed:
        if "ensurepip" in output:
            remedy = "Install uv, or Python's venv module (Debian, Ubuntu: `apt install python3-venv`), then run again."
        last = "\n".join(f"  {line}" for line in output.splitlines()[-15:] if line.strip())
        raise NinefoldError(f"Set-up failed at {what}.\n{last}\n{remedy}")
    return output


def run_quietly(command):
    """Runs a tool with its output kept back: it is shown only when the tool fails."""
    environ = {key: value for key, value in os.environ.items() if key not in ("PYTHONPATH", "PYTHONHOME", "VIRTUAL_ENV")}
    return subprocess.run(
        command,
        cwd=ROOT,
        env=environ,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
        errors="replace",
    )


def put_aside(folder: Path) -> None:
    """Removes an environment; renamed first, so that an interrupt does not leave half of it under its name."""
    aside = folder.with_name(folder.name + "-old")
    try:
        shutil.rmtree(aside, ignore_errors=True)
        if folder.is_symlink():
            folder.unlink()
        elif folder.exists():
            folder.rename(aside)
            shutil.rmtree(aside, ignore_errors=True)
    except OSError as error:
        raise NinefoldError(
            f"{folder} cannot be replaced: {error}.\nClose the programs that use it (JupyterLab?), or delete it."
        ) from error


@contextlib.contextmanager
def one_at_a_time(root: Path, tell=print):
    """Holds the other set-ups of this clone back; the system lets go when the process ends, however it ends."""
    with open(root / "requirements.lock", "rb") as file:
        waited = False
        while not try_to_lock(file):
            if not waited:
                tell("Another command is setting up; waiting for it …", flush=True)
            waited = True
            time.sleep(0.5)
        yield


def try_to_lock(file) -> bool:
    """Whether the lock is ours now. A file system that cannot lock counts as a yes: the race is rare."""
    try:
        if WINDOWS:
            import msvcrt

            file.seek(1 << 30)  # beyond the end: a locked byte of the text itself could not be read by pip
            msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
        else:
            import fcntl

            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except (BlockingIOError, PermissionError):
        return False
    except OSError:
        return True
    return True


def is_inside(environment: Environment, environ=os.environ) -> bool:
    """Whether this process already runs in the environment."""
    if environ.get(INSIDE) == str(environment.folder):
        return True
    with contextlib.suppress(OSError):
        return os.path.samefile(sys.prefix, environment.folder)
    return False


def variables(environment: Environment, environ=os.environ, *, root: Path = ROOT) -> dict:
    """The environment variables for whatever runs in the environment, its notebooks' kernels included."""
    result = {key: value for key, value in environ.items() if key not in ("PYTHONHOME", "__PYVENV_LAUNCHER__")}
    result["PYTHONPATH"] = str(root / "src")
    result["PYTHONNOUSERSITE"] = "1"
    result["JUPYTER_PREFER_ENV_PATH"] = "1"  # a kernel of the same name in the user's home would otherwise win
    if not environment.conda:
        result["VIRTUAL_ENV"] = str(environment.folder)
        scripts, path = str(environment.scripts), environ.get("PATH", os.defpath)
        result["PATH"] = path if path.startswith(scripts + os.pathsep) else scripts + os.pathsep + path
    return result


def hand_over(environment: Environment, command, *, mark_inside: bool = False):
    """Does not return: that command, run in the environment, takes this process's place, signals and exit status."""
    environ = variables(environment)
    environ.pop(INSIDE, None)
    if mark_inside:
        environ[INSIDE] = str(environment.folder)
    command = [str(environment.python), *command]
    sys.stdout.flush()
    sys.stderr.flush()
    if not WINDOWS:
        os.execve(command[0], command, environ)
    child = subprocess.Popen(command, env=environ)
    while True:
        try:
            sys.exit(child.wait())
        except KeyboardInterrupt:  # the console sends Ctrl-C to the child too: let it finish in its own way
            continue
