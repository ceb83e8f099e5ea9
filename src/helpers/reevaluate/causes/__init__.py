"""What moved customers between an earlier run and today's, cause by cause, so that their sum is the whole (*Movement*).

identity   records joined into one person, or parted; corrected   rows of the past that are others today, came late or are gone;
yardstick  other definitions in project.yml or in the document, another version of the code; refit   other groups in the document;
time       idle: nothing done since, the customer only aged; active: the customer did something
"""

import platform
from dataclasses import dataclass, field
from functools import cached_property
from importlib.metadata import PackageNotFoundError, version

import ibis.expr.types as ir

from helpers import __version__
from helpers.build import customers
from helpers.build.inputs import KEY
from helpers.reevaluate.causes import chain, people
from helpers.reevaluate.causes.chain import BACK, CAUSES, OUT, SEVERAL, TIME, Path, ledger, movers
from helpers.reevaluate.causes.measuring import Data, as_then, differing, filled, later_added, measured, stage, trailing
from helpers.reevaluate.causes.mixing import mixed, same_definitions, same_rules
from helpers.run import Past, reuse

__all__ = ["BACK", "CAUSES", "OUT", "SEVERAL", "TIME", "Causes", "Path", "as_document", "causes", "ledger", "mixed", "movers"]
CROSSED = ("arrived", "departed", "joined", "parted")


@dataclass(frozen=True)
class Causes:
    """The movement between an earlier run and this one, by cause.

    run, as_of  the earlier run's name and date
    why         "" or why nothing can be told: "tables" (its tables of customers are gone), "document" (it published no segmentation)
    named       segments of both documents: id, name, colour; today's first where both have one
    steps       cause of each step of the chain (identity, corrected, yardstick, refit, time), those that changed something to measure
    found       paths of all customers present at both dates;  crossed: arrived, departed, joined, parted → {segment: n}
    rows        removed, added, customers: rows of the past that are not what they were; None where not asked
    joined      records that became part of another person;  parted: persons that were part of one
    untold      causes that could not be told from the next one;  code: whether another version of the code counts as yardstick
    kept        whether the earlier run kept its project.yml: else today's definitions count as yardstick before all else
    reverse     result of `chain.compared`; {} where one cause alone, or identity and one cause, are there
    """

    run: str
    as_of: object
    why: str = ""
    named: list[dict] = field(default_factory=list)
    steps: list[str] = field(default_factory=list)
    found: list[Path] = field(default_factory=list)
    crossed: dict[str, dict[str, int]] = field(default_factory=dict)
    rows: dict | None = None
    untold: tuple[str, ...] = ()
    code: bool = False
    kept: bool = True
    reverse: dict[str, dict] = field(default_factory=dict)

    @cached_property
    def segments(self) -> list[dict]:
        """`ledger` of every segment, and who is in scope at one date only."""
        crossed = [{c: self.crossed.get(c, {}).get(s["id"], 0) for c in CROSSED} for s in self.named]
        return [one | more for one, more in zip(ledger(self.found, self.steps, [s["id"] for s in self.named]), crossed, strict=True)]

    @cached_property
    def movers(self) -> dict[str, int]:
        """Customers present at both dates, by what moved them."""
        return movers(self.found, self.steps)

    @property
    def moved(self) -> int:
        """Customers whose label is another one today."""
        return sum(n for code, n in self.movers.items() if code not in (BACK, "stayed"))

    @property
    def present(self) -> int:
        """Customers in scope at both dates."""
        return sum(self.movers.values())


def causes(step, before: Past, checked: dict[str, ir.Table]) -> Causes:
    """What moved customers between a complete run and this step's: `Causes`.

    before    the earlier run, any complete one;  checked: `collect.checked(step)`

    The first label is that of the earlier run's document applied to its stored inputs, so that decisions for single customers count at
    neither date. Each step then changes one thing and measures again; what changes nothing is not measured. Attributes of customers
    bear no date: what became of them since counts as time. People are those of today's matching.
    """
    then, now = before.json("build", "segmentation"), step.take("build", "segmentation")
    head = {"run": before.name, "as_of": before.as_of}
    if not before.whole or not before.gives("build", "inputs") or not before.gives("collect", "orders"):
        return Causes(**head, why="tables")
    if then is None:
        return Causes(**head, why="document")
    return _Chain(step, before, checked, then, now).told(head)


class _Chain:
    """The measurements between two runs, each made once and only where it can differ from the one before."""

    def __init__(self, step, before: Past, checked: dict[str, ir.Table], then: dict, now: dict):
        self.step, self.before, self.then, self.now = step, before, then, now
        self.con, self.as_of = step.engine.con, before.as_of
        kept = before.plan(step.project)
        self.kept, self.plan, self.today = kept is not None, kept or step.project, step.project
        self.checked = checked | {"customers": step.take("collect", "customers")}
        cut = as_then(self.checked, self.as_of)
        stored = {name: before.table(self.con, "collect", name) for name in self.checked if before.gives("collect", name)}
        self.own = Data(filled(stored, cut))
        self.pairs = people.pairs(*(self._identity(of) for of in ("then", "now")), self.checked["orders"])
        named = people.renamed(self.own.tables, filled(cut, self.own.tables), self.pairs)
        known = people.one_each(named["customers"]) if self.pairs is not None else named["customers"]
        new = filled({"customers": cut["customers"]}, {"customers": known})["customers"].anti_join(known, KEY)
        same = {c: new[c].cast(kind) for c, kind in known.schema().items()}
        self.renamed = Data(named | {"customers": known})
        self.cut = Data(cut | {"customers": known.union(new.select(**same))})
        self.rows = differing({name: named[name].select(stored[name].columns) for name in stored}, cut)

    def _identity(self, when: str) -> ir.Table | None:
        if when == "then":
            return self.before.table(self.con, "collect", "identity") if self.before.gives("collect", "identity") else None
        return self.step.take("collect", "identity") if self.step.gives("collect", "identity") else None

    def told(self, head: dict) -> Causes:
        steps, stages = self._forward()
        last = stages[-1]
        presence = people.presence(stages[0], last, self.pairs)
        active = people.did_something(self.checked, self.today, start=self.as_of, end=self.step.as_of)
        found = chain.paths(presence["present"], stages, active, own=1 + self._leads(steps))
        named = {s["id"]: s for s in self.then["segments"]} | {s["id"]: s for s in self.now["segments"]}
        reverse = self._compared(presence["present"], steps, stages, found)
        crossed = {name: _sizes(presence[name]) for name in CROSSED}
        rows = {name: self.rows[name] for name in ("removed", "added", "customers", "tables")}
        return Causes(
            **head,
            named=list(named.values()),
            steps=steps,
            found=found,
            crossed=crossed,
            rows=rows,
            untold=("corrected",) if self._merged else (),
            code=self.kept and not self._same_code,
            kept=self.kept,
            reverse=reverse,
        )

    @cached_property
    def _merged(self) -> bool:
        """Whether rows of today lack what the old definitions measure: corrected data and yardstick cannot be told apart then."""
        return bool(self.rows["lost"]) and not same_definitions(self.plan, self.today)

    @cached_property
    def _same_code(self) -> bool:
        """Whether nothing but data and definitions can measure otherwise: the same program on the same versions."""
        record = self.before.record
        return record.get("code") == reuse.code() and all(_version(name) == was for name, was in record.get("versions", {}).items())

    @cached_property
    def _mixed(self) -> dict:
        return mixed(self.then, self.now)

    def _forward(self) -> tuple[list[str], list[ir.Table]]:
        """The steps in the order of the definitions, and the labels before, between and after them."""
        first = stage(self.before.table(self.con, "build", "inputs"), self.then, self.own.tables["orders"], trailing(self.as_of, self.plan))
        changed = bool(self.rows["removed"] or self.rows["added"])
        past = {"as_of": self.as_of}
        # cause, whether it can have moved anybody, data, definitions and document of the measurement after it
        ways = [
            ("yardstick", not (self.kept and self._same_code), self.own, self.plan, self.then),
            ("identity", self.pairs is not None, self.renamed, self.plan, self.then),
            ("corrected", changed and not self._merged, self.cut, self.plan, self.then),
            ("yardstick", self._merged or self._yardstick, self.cut, self.today, self._mixed),
            ("refit", not same_rules(self._mixed, self.now), self.cut, self.today, self.now),
        ]
        steps, stages = [], [first]
        for cause, differs, data, plan, document in ways:
            if differs:
                steps.append(cause)
                stages.append(measured(data, plan, document, **past))
        return [*steps, "time"], [*stages, self._end]

    @property
    def _yardstick(self) -> bool:
        return not same_definitions(self.plan, self.today) or not same_rules(self.then, self._mixed)

    @cached_property
    def _end(self) -> ir.Table:
        return stage(customers(self.step), self.now, self.checked["orders"], trailing(self.step.as_of, self.today))

    def _compared(self, present: ir.Table, steps: list[str], stages: list[ir.Table], found: list[Path]) -> dict[str, dict]:
        """The same from time backwards; what stands first, code and identity, does so in both orders: later rows bear today's ids."""
        start = max([place + 1 for place, step in enumerate(steps) if step == "identity"], default=int(self._leads(steps)))
        if len(steps) - start < 2 or self._merged:
            return {}
        rows = Data(later_added(self.renamed.tables, self.checked, self.as_of))
        other = mixed(self.now, self.then)
        ways = [
            ("time", True, rows, self.plan, self.then),
            ("refit", "refit" in steps[start:], rows, self.plan, other),
            ("yardstick", "yardstick" in steps[start:], rows, self.today, self.now),
            ("corrected", "corrected" in steps[start:], None, None, None),
        ]
        ways = [way for way in ways if way[1]]
        back = [measured(data, plan, document, as_of=self.step.as_of) for _, _, data, plan, document in ways[:-1]]
        order = [way[0] for way in ways]
        again = chain.paths(present, [*stages[: start + 1], *back, self._end], None, own=1 + self._leads(steps))
        return chain.compared((found, steps), (again, [*steps[:start], *order]), least=self.today.min_cell)

    def _leads(self, steps: list[str]) -> bool:
        """Whether the first step is the code's, which nothing goes before: measured under the ids of the earlier run."""
        return not (self.kept and self._same_code) and steps[0] == "yardstick"


def _version(name: str) -> str | None:
    if name in ("ninefold", "python"):
        return __version__ if name == "ninefold" else platform.python_version()
    try:
        return version(name)
    except PackageNotFoundError:
        return None


def _sizes(table: ir.Table) -> dict[str, int]:
    frame = table.group_by("segment").agg(n=table.count()).order_by("segment").execute()
    return {row.segment: int(row.n) for row in frame.itertuples(index=False)}


def as_document(found: Causes | None) -> dict | None:
    """The causes as they are handed over: codes and numbers."""
    if found is None:
        return None
    head = {"run": found.run, "as_of": found.as_of, "why": found.why}
    if found.why:
        return head
    return head | {
        "steps": found.steps,
        "present": found.present,
        "moved": found.moved,
        "movers": found.movers,
        "segments": [_plain(one) for one in found.segments],
        "rows": found.rows,
        "untold": list(found.untold),
        "code": found.code,
        "definitions_kept": found.kept,
        "reverse": found.reverse,
    }


def _plain(one: dict) -> dict:
    told = {key: float(value) if key.startswith("money") else value for key, value in one.items() if key != "causes"}
    return told | {"causes": {cause: entry | {"money": float(entry["money"])} for cause, entry in one["causes"].items()}}
