"""One run: start a step, hand over, resume, record.

A run is a folder `data/<project>/runs/<as_of>/<run_id>/` with one folder a step; it is complete once its `run.json` is
there, and never written again. In JupyterLab the same steps work in the project's draft, `data/<project>/draft/<as_of>/`,
which is never published.
"""

import ast
import contextlib
import difflib
import errno
import hashlib
import json
import math
import os
import shutil
from datetime import date, datetime
from html import escape
from pathlib import Path

from helpers import ContractError, NinefoldError, home, words
from helpers import project as projects
from helpers.engine import Engine, Window, first_instant, sample, windows
from helpers.project import Project

STEPS = ("objectives", "scope", "collect", "variables", "validate", "build", "adopt", "target", "reevaluate")
FORMAT = 1
_current: "Step | None" = None


def folder(step: str) -> str:
    """The name of a step's folder and notebook, `01_objectives` …"""
    return f"{STEPS.index(step) + 1:02d}_{step}"


def current() -> "Step | None":
    """The step in progress in this process, or None."""
    return _current


def start(step: str, *, project: str, as_of: str, language: str, **parameters) -> "Step":
    """Begin a step: check the parameters, find what earlier steps handed over, and give the step's workplace.

    Inside `make report` (environment NINEFOLD_RUN) it works in that run; anywhere else in the project's draft.
    Raises NinefoldError for a parameter that is unknown or wrong, or an earlier step that is missing or outdated.
    """
    from helpers.validate.guard import refuse_unsigned  # late: these rooms import this one's neighbours
    from helpers.validate.signing import check as check_signatures
    from helpers.variables.catalogue import check_names

    global _current
    _refuse_unknown_parameters({"project", "as_of", "language", *parameters})
    plan = projects.load(project)
    check_names(plan)
    check_signatures(plan)
    words.use(language or plan.language, currency=plan.currency)
    moment = projects.instant(as_of, plan)
    published = os.environ.get("NINEFOLD_RUN")
    base = Path(published) if published else draft_folder(plan, moment)
    note = "" if published else _open_draft(base, step, plan, moment)
    if published:
        _require(base, step)
    refuse_unsigned(step, base, plan)
    _current = Step(step, plan, moment, base, draft=not published, note=note, parameters=parameters)
    return _current


class Step:
    """A step in progress; its results appear in `base` only when it hands over.

    project   the checked project.yml
    as_of     first instant not counted, wall-clock time of the project's zone
    engine    the tables, cut at as_of
    """

    def __init__(self, name: str, project: Project, as_of: datetime, base: Path, *, draft: bool, note: str = "", parameters=None):
        self.name, self.project, self.as_of, self.base, self.draft, self.note = name, project, as_of, base, draft, note
        self.parameters = parameters or {}
        self.project_yml = digest(home() / project.file)
        self.engine = Engine(project, as_of)
        self.folder = base / (folder(name) + ".tmp")
        shutil.rmtree(self.folder, ignore_errors=True)
        with saving(self.folder):
            (self.folder / "page" / "charts").mkdir(parents=True)
            (self.folder / "page" / "tables").mkdir()
        self.given: list[dict] = []
        self.finding = ""

    def _repr_html_(self) -> str:
        """The effective parameters, as the set-up cell shows them."""
        place = words.say("draft, not published") if self.draft else words.say("published run")
        shown = [
            words.say("project {name}", name=self.project.name),
            words.say("as of {day}", day=words.day(self.as_of)),
            words.say("language {language}", language=words.language()),
            words.say("time zone {zone}", zone=self.project.time_zone),
            place,
            *(f"{name} {value}" for name, value in self.parameters.items()),
        ]
        note = f'<p class="note">{escape(self.note)}</p>' if self.note else ""
        return f'<p class="parameters">{escape(" · ".join(shown))}</p>{note}'

    def source(self, table: str):
        """A mapped source, not cleaned, cut at as_of (Ibis table)."""
        return self.engine.source(table)

    def take(self, step: str, name: str):
        """What an earlier step handed over: an Ibis table, or the content of a JSON file.

        Raises NinefoldError when the step is not an earlier one or did not give that name.
        """
        if STEPS.index(step) >= STEPS.index(self.name):
            raise NinefoldError(f"Step {self.name} cannot take from step {step}: only earlier steps hand over.")
        place = resolve(self.base / folder(step))
        if (place / f"{name}.json").is_file():
            return json.loads((place / f"{name}.json").read_text(encoding="utf-8"))
        if (place / f"{name}.parquet").is_file():
            return self.engine.con.read_parquet(str(place / f"{name}.parquet"))
        raise NinefoldError(f"Step {step} gave no {name}. Run notebooks/{folder(step)}.ipynb again.")

    def earlier(self, name: str) -> list:
        """What this step handed over under that name in complete runs of an earlier as_of, oldest first: JSON, or Ibis tables."""
        runs = [path.parent for path in (self.project.folder / "runs").glob("*/*/run.json") if path.parent.parent.name < stamp(self.as_of)]
        places = [run / folder(self.name) / name for run in sorted(runs)]
        files = [place.with_suffix(ending) for place in places for ending in (".json", ".parquet") if place.with_suffix(ending).is_file()]
        read = {".json": lambda f: json.loads(f.read_text(encoding="utf-8")), ".parquet": lambda f: self.engine.con.read_parquet(str(f))}
        return [read[file.suffix](file) for file in files]

    def gives(self, step: str, name: str) -> bool:
        """Whether an earlier step handed this over."""
        place = resolve(self.base / folder(step))
        return any((place / f"{name}.{ending}").is_file() for ending in ("json", "parquet"))

    def give_table(self, name: str, table, *, key: list[str], unique: bool = True):
        """Write an Ibis table as Parquet, ordered by its key, and hand it back as read from there.

        Raises ContractError when the key is not unique although it should be.
        """
        path = self._place() / f"{name}.parquet"
        # Rows that tie on the key are ordered by all that is left, else two runs could write them in two orders.
        rest = [] if unique else [column for column in table.columns if column not in key]
        with saving(path):
            self.engine.con.to_parquet(table.order_by([*key, *rest]), str(path), compression="zstd")
        written = self.engine.con.read_parquet(str(path), table_name=f"given_{name}")
        rows = int(written.count().execute())
        if unique and rows != int(written.select(*key).distinct().count().execute()):
            raise ContractError(f"Step {self.name}: the table {name} has several rows with the same {', '.join(key)}.")
        self._record(name, path, rows, list(written.columns))
        return written

    def give_json(self, name: str, content) -> None:
        """Write a JSON document: sorted keys, 12 significant digits."""
        path = self._place() / f"{name}.json"
        write_json(path, content)
        self._record(name, path, len(content), sorted(content) if isinstance(content, dict) else [])

    def give_text(self, name: str, text: str, ending: str = "sql") -> None:
        """Write a text as it is, such as a query, with lines that end alike on every machine."""
        path = self._place() / f"{name}.{ending}"
        with saving(path):
            part = path.with_name(path.name + ".part")
            part.write_text(text, encoding="utf-8", newline="\n")
            os.replace(part, path)
        self._record(name, path, len(text.splitlines()), [])

    def keep_chart(self, name: str, png: bytes, wording: dict) -> None:
        """Keep a chart of the page: the PNG and the words around it."""
        stem = self._numbered("charts", name)
        with saving(stem):
            stem.with_suffix(".png").write_bytes(png)
        write_json(stem.with_suffix(".json"), wording)

    def keep_table(self, name: str, payload: dict) -> None:
        """Keep a table of the page, with its numbers as numbers, for the spreadsheet."""
        write_json(self._numbered("tables", name).with_suffix(".json"), payload)

    def keep_summary(self, payload: dict) -> None:
        """Keep the summary of the page; its headline becomes the step's finding."""
        self.finding = payload["headline"]
        write_json(self._place() / "page" / "summary.json", payload)

    def given_table(self):
        """What this step gives, as a table of the page: name, rows, columns and the first figures of its SHA-256."""
        import pandas as pd

        from helpers.tables import Column, Table

        say = words.say
        rows = [{"name": g["file"], "rows": g["rows"], "columns": len(g["columns"]), "sha": g["sha256"][:12]} for g in self.given]
        columns = [
            Column("name", say("Handed over")),
            Column("rows", say("Rows"), "count"),
            Column("columns", say("Columns"), "count"),
            Column("sha", say("Content (SHA-256)")),
        ]
        return Table("handed_over", say("What this step hands over"), pd.DataFrame(rows), columns)

    def hand_over(self) -> list[dict]:
        """Finish: record what was given and put the step's folder in its place, whole.

        Returns name, file, rows, columns and sha256 of each thing given.
        """
        if not self.finding:
            raise NinefoldError(f"Step {self.name} has no summary yet: run the cell tagged `summary` before handing over.")
        given = sorted(self.given, key=lambda g: g["name"])
        final, record = self.base / folder(self.name), self._place() / "step.json"
        before = json.loads(record.read_text(encoding="utf-8"))["gives"] if self.folder == final else None
        write_json(record, {"format": FORMAT, "step": self.name, "finding": self.finding, "gives": given, "project_yml": self.project_yml})
        if before is None:
            _set_aside(final)
            with saving(final):
                os.replace(self.folder, final)
            self.folder = final
            for each in given:  # tables handed back by give_table are read from where they are now
                if each["file"].endswith(".parquet"):
                    self.engine.con.read_parquet(str(final / each["file"]), table_name=f"given_{each['name']}")
        elif before != given:  # cells run again in the lab after the hand-over: what rests on the step is outdated
            _set_aside_from(self.base, STEPS.index(self.name) + 1)
        return given

    def sample(self, table):
        """At most `sample_rows` rows as pandas, ordered by customer: the same ones on every run."""
        return sample(table, self.project.sample_rows, seed=self.project.seed).execute()

    def windows(self, orders) -> dict[str, Window]:
        """The windows select, confirm and published, on the history of these orders (one row an order or a line)."""
        scope, first = self.project.scope, first_instant(orders)
        return windows(self.as_of, window_days=scope.window_days, horizon_days=scope.horizon_days, first=first)

    def _place(self) -> Path:
        """The step's folder; NinefoldError when another notebook of the draft has set it aside meanwhile."""
        if not self.folder.is_dir():
            raise NinefoldError(
                f"Step {self.name} is outdated: this step or an earlier one was started again in this draft meanwhile. "
                f"Run notebooks/{folder(self.name)}.ipynb again from its top."
            )
        return self.folder

    def _numbered(self, kind: str, name: str) -> Path:
        place = self._place() / "page" / kind
        same = list(place.glob(f"[0-9][0-9]_{name}.json"))  # a cell run twice in the lab replaces its own
        number = int(same[0].name[:2]) if same else len(list(place.glob("*.json"))) + 1
        return place / f"{number:02d}_{name}"

    def _record(self, name: str, path: Path, rows: int, columns: list[str]) -> None:
        self.given = [g for g in self.given if g["name"] != name]
        self.given.append({"name": name, "file": path.name, "rows": rows, "columns": columns, "sha256": digest(path)})


# Files


@contextlib.contextmanager
def saving(path: Path):
    """Turn a failed write into one message; what was published before is elsewhere and stays."""
    try:
        yield
    except NinefoldError:
        raise
    except Exception as error:
        full = getattr(error, "errno", None) == errno.ENOSPC or "No space left" in str(error)
        shown = _shown(path)
        if full:
            raise NinefoldError(f"{shown} cannot be written: the disk is full. Free some space and run again.") from error
        if isinstance(error, OSError):
            raise NinefoldError(f"{shown} cannot be written: {error.strerror or error}. Check the folder's rights.") from error
        raise


def write_json(path: Path, content) -> None:
    """Sorted keys, 12 significant digits, ISO dates, null for what is not a number."""
    text = json.dumps(_plain(content), sort_keys=True, indent=1, ensure_ascii=False, allow_nan=False) + "\n"
    with saving(path):
        part = path.with_name(path.name + ".part")
        part.write_text(text, encoding="utf-8")
        os.replace(part, path)


def digest(path: Path) -> str:
    """SHA-256 of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _plain(value):
    if isinstance(value, dict):
        return {str(k): _plain(v) for k, v in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_plain(v) for v in (sorted(value) if isinstance(value, set | frozenset) else value)]
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


def _shown(path: Path) -> str:
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


def _is_link(place: Path) -> bool:
    return place.is_symlink() or place.is_file()


def _set_aside(place: Path) -> None:
    """Put what stands here out of the way, in `outdated/`; a link is simply taken off."""
    if _is_link(place):
        place.unlink()
    elif place.is_dir():
        aside = place.parent / "outdated" / place.name
        shutil.rmtree(aside, ignore_errors=True)
        aside.parent.mkdir(exist_ok=True)
        os.replace(place, aside)


def _set_aside_from(base: Path, number: int) -> None:
    """Set aside every step of a draft from this one on; what was begun and not finished is dropped."""
    for later in STEPS[number:]:
        shutil.rmtree(base / (folder(later) + ".tmp"), ignore_errors=True)
        _set_aside(base / folder(later))


# Runs and the draft


def stamp(as_of: datetime) -> str:
    """The name of an as_of in folders: 2017-10-01, with hours and minutes only when it names a time."""
    return f"{as_of:%Y-%m-%d}" if (as_of.hour, as_of.minute, as_of.second) == (0, 0, 0) else f"{as_of:%Y-%m-%dT%H%M%S}"


def draft_folder(project: Project, as_of: datetime) -> Path:
    return project.folder / "draft" / stamp(as_of)


def complete_runs(project: Project, as_of: datetime) -> list[Path]:
    """Complete runs of this as_of, oldest first."""
    return sorted(path.parent for path in (project.folder / "runs" / stamp(as_of)).glob("*/run.json"))


def _require(base: Path, step: str) -> None:
    """All earlier steps must be there."""
    for earlier in STEPS[: STEPS.index(step)]:
        if not resolve(base / folder(earlier)).is_dir():
            raise NinefoldError(f"Step {step} needs step {earlier}, which is missing. Run notebooks/{folder(earlier)}.ipynb first.")


def _open_draft(base: Path, step: str, project: Project, as_of: datetime) -> str:
    """Make the draft ready for a step: link earlier steps from the newest complete run, set this and later ones aside.

    Steps made in the draft itself are kept; from the first of them on nothing may be linked, for a run's later steps
    rest on its own earlier ones. Returns a sentence that says what was linked.
    """
    with saving(base):
        base.mkdir(parents=True, exist_ok=True)
    number = STEPS.index(step)
    for begun in STEPS[:number]:
        if (base / (folder(begun) + ".tmp")).is_dir():
            raise NinefoldError(
                f"Step {step} rests on step {begun}, which was begun in this draft and not finished. "
                f"Run notebooks/{folder(begun)}.ipynb to its end first, or delete {_shown(base)}."
            )
    made = [s for s in STEPS if (base / folder(s)).is_dir() and not _is_link(base / folder(s))]
    for own in made[:1]:  # from the first step made here on, every step must have been made here since
        for between in STEPS[STEPS.index(own) : number]:
            if between not in made:
                raise NinefoldError(
                    f"Step {step} rests on step {between}, which is outdated in this draft: an earlier step was run again. "
                    f"Run notebooks/{folder(between)}.ipynb first."
                )
    note = ""
    linkable = STEPS[: min([number, *(STEPS.index(s) for s in made[:1])])]
    missing = [s for s in linkable if not resolve(base / folder(s)).is_dir()]
    if linkable and (missing or not made):
        runs = complete_runs(project, as_of)
        if not runs:
            first = folder(missing[0] if missing else linkable[0])
            raise NinefoldError(
                f"Step {step} needs the steps before it, and there is no complete run of {project.name} as of {stamp(as_of)} to take "
                f"them from. Run notebooks/{first}.ipynb first, or `make report`."
            )
        for earlier in linkable:
            if not (runs[-1] / folder(earlier)).is_dir():
                raise NinefoldError(
                    f"Step {step} needs step {earlier}, and neither this draft nor run {runs[-1].name} of {stamp(as_of)} has it. "
                    f"Run notebooks/{folder(earlier)}.ipynb first."
                )
            link(base / folder(earlier), runs[-1] / folder(earlier))
        note = words.say("Draft: the steps before this one are taken from run {run} of {as_of}.", run=runs[-1].name, as_of=words.day(as_of))
        recorded = json.loads((runs[-1] / "run.json").read_text(encoding="utf-8"))
        if recorded["project_yml"] != digest(home() / project.file):
            note += " " + words.say("project.yml has changed since that run.")
    old = [s for s in made if STEPS.index(s) < number and _made_with(base / folder(s)) != digest(home() / project.file)]
    if old:
        changed = words.say("project.yml has changed since these steps of the draft were run: {steps}.", steps=words.join(old))
        note = f"{note} {changed}".strip()
    _set_aside_from(base, number)
    return note


def _made_with(place: Path) -> str:
    """The digest of project.yml with which a finished step was made."""
    return json.loads((place / "step.json").read_text(encoding="utf-8")).get("project_yml", "")


def _refuse_unknown_parameters(known: set[str]) -> None:
    """papermill only warns about a parameter that the notebook does not know, and runs on without it; that is an error here.

    papermill writes what it was given in a cell that begins with `# Parameters`.
    """
    try:
        from IPython import get_ipython
    except ImportError:
        return
    shell = get_ipython()
    for cell in shell.user_ns.get("In", []) if shell else []:
        if cell.startswith("# Parameters\n"):
            names = [t.id for node in ast.parse(cell).body if isinstance(node, ast.Assign) for t in node.targets]
            for name in names:
                if name not in known:
                    near = difflib.get_close_matches(name, known, n=1)
                    hint = f"Did you mean {near[0]}? " if near else ""
                    value = shell.user_ns.get(name)
                    raise NinefoldError(f"Unknown parameter {name} = {value!r}. {hint}This notebook knows: {', '.join(sorted(known))}.")
