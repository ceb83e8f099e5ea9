"""One run: start a step, hand over, resume, record.

A run is a folder `data/<project>/runs/<as_of>/<run_id>/` with one folder a step; it is complete once its `run.json` is
there, and never written again. In JupyterLab the same steps work in the project's draft, `data/<project>/draft/<as_of>/`,
which is never published.
"""

import json
import os
import shutil
from datetime import datetime
from html import escape
from pathlib import Path

from helpers import ContractError, NinefoldError, home, words
from helpers import project as projects
from helpers.engine import Engine, Window, first_instant, sample, windows
from helpers.project import Project
from helpers.run.approval import Approved, approve, approved, by_name
from helpers.run.drafts import (
    complete_runs,
    draft_folder,
    open_draft,
    refuse_unknown_parameters,
    require,
    set_aside,
    set_aside_from,
    stamp,
)
from helpers.run.files import STEPS, alone, content_of, digest, folder, latest, link, resolve, saving, write_json
from helpers.run.past import Past, all_runs, handed_over_before, past, record_of, runs_before

__all__ = [
    "STEPS",
    "Approved",
    "Past",
    "Step",
    "all_runs",
    "alone",
    "approve",
    "approved",
    "by_name",
    "complete_runs",
    "current",
    "digest",
    "draft_folder",
    "folder",
    "latest",
    "link",
    "past",
    "resolve",
    "runs_before",
    "saving",
    "stamp",
    "start",
    "write_json",
]

FORMAT = 1
_current: "Step | None" = None


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
    refuse_unknown_parameters({"project", "as_of", "language", *parameters})
    plan = projects.load(project)
    check_names(plan)
    check_signatures(plan)
    words.use(language or plan.language, currency=plan.currency)
    moment = projects.instant(as_of, plan)
    published = os.environ.get("NINEFOLD_RUN")
    base = Path(published) if published else draft_folder(plan, moment)
    note = "" if published else open_draft(base, step, plan, moment)
    if published:
        require(base, step)
    refuse_unsigned(step, base, plan)
    _current = Step(step, plan, moment, base, draft=not published, note=note, parameters=parameters)
    return _current


class Step:
    """A step in progress; its results appear in `base` only when it hands over.

    project   the checked project.yml
    as_of     first instant not counted, wall-clock time of the project's zone
    engine    the tables, cut at as_of
    approved  the segmentation that a re-evaluation applies unchanged; None: what is built today is what counts
    reads     what the step rests on besides sources and parameters: name → SHA-256 (None: looked for, and not there)
    """

    def __init__(self, name: str, project: Project, as_of: datetime, base: Path, *, draft: bool, note: str = "", parameters=None):
        self.name, self.project, self.as_of, self.base, self.draft, self.note = name, project, as_of, base, draft, note
        self.parameters = parameters or {}
        self.project_yml = digest(home() / project.file)
        self.engine = Engine(project, as_of)
        self.approved = by_name(project, self.parameters["approved"]) if self.parameters.get("approved") else None
        self.reads: dict[str, str | list | None] = {}
        if self.approved:
            self._rests_on(self.approved.run)
        # A kernel that outlives a killed run must not write into the run after it, which has the same number: each has a folder of its own.
        self.folder = base / (f"{folder(name)}.tmp" if draft else f"{folder(name)}.{os.getpid()}.tmp")
        shutil.rmtree(self.folder, ignore_errors=True)
        with saving(self.folder):
            (self.folder / "page" / "charts").mkdir(parents=True)
            (self.folder / "page" / "tables").mkdir()
            (self.folder / "page" / "handouts").mkdir()
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
        place = self._noted(step, name)
        if (place / f"{name}.json").is_file():
            return json.loads((place / f"{name}.json").read_text(encoding="utf-8"))
        if (place / f"{name}.parquet").is_file():
            return self.engine.con.read_parquet(str(place / f"{name}.parquet"))
        raise NinefoldError(f"Step {step} gave no {name}. Run notebooks/{folder(step)}.ipynb again.")

    def earlier(self, name: str, step: str | None = None) -> list:
        """What this step handed over under that name in complete runs of an earlier as_of, oldest first: JSON, or Ibis tables.

        step   another step that handed it over, this one or one before it
        Raises NinefoldError when that step comes later.
        """
        made_by = step or self.name
        if STEPS.index(made_by) > STEPS.index(self.name):
            raise NinefoldError(f"Step {self.name} cannot look up earlier runs of step {made_by}: only this step and those before it.")
        files = handed_over_before(self.project, self.as_of, made_by, name)
        self.reads[f"before/{made_by}/{name}"] = [digest(file) for file in files]
        read = {".json": lambda f: json.loads(f.read_text(encoding="utf-8")), ".parquet": lambda f: self.engine.con.read_parquet(str(f))}
        return [read[file.suffix](file) for file in files]

    def gives(self, step: str, name: str) -> bool:
        """Whether an earlier step handed this over."""
        place = self._noted(step, name)
        return any((place / f"{name}.{ending}").is_file() for ending in ("json", "parquet"))

    def last(self) -> Past | None:
        """The newest complete run of an earlier as_of, whatever it was made for; None on the first."""
        runs = runs_before(self.project, self.as_of)
        self.reads["last run"] = runs[-1].name if runs else None
        if runs:
            self._rests_on(runs[-1].name)
        return runs[-1] if runs else None

    def _rests_on(self, name: str) -> None:
        """Tables of another run are read: with all that it gave it is noted, also that it is there no longer."""
        self.reads[f"run/{name}"] = record_of(self.project, name)

    def _noted(self, step: str, name: str) -> Path:
        """The folder of an earlier step; which content of it this step has seen is kept."""
        place = resolve(self.base / folder(step))
        self.reads[f"{step}/{name}"] = content_of(place, name)
        return place

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

    def keep_handout(self, name: str, title: str, body: str, *, lead: str = "") -> None:
        """Keep a page for people who open no notebook, such as a team's sheet: `name`.html beside the step's page.

        body   HTML that render puts into its frame: no script, no address of another server, tables as tables.as_html writes them
        lead   a sentence under the title
        """
        from helpers.tables import check_slug  # late: it imports this module

        check_slug("Hand-out", name)
        write_json(self._numbered("handouts", name).with_suffix(".json"), {"title": title, "lead": lead, "body": body})

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
        made = {"step": self.name, "finding": self.finding, "gives": given, "project_yml": self.project_yml, "reads": self.reads}
        write_json(record, {"format": FORMAT, **made})
        if before is None:
            set_aside(final)
            with saving(final):
                os.replace(self.folder, final)
            self.folder = final
            for each in given:  # tables handed back by give_table are read from where they are now
                if each["file"].endswith(".parquet"):
                    self.engine.con.read_parquet(str(final / each["file"]), table_name=f"given_{each['name']}")
        elif before != given:  # cells run again in the lab after the hand-over: what rests on the step is outdated
            set_aside_from(self.base, STEPS.index(self.name) + 1)
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
