"""project.yml as text: every guess with its reason, every doubt as `# please check`, everything left out with why."""

from dataclasses import dataclass, field
from itertools import groupby

import yaml

from helpers.new.choose import Choice
from helpers.new.guess import Guess, Role
from helpers.new.read import rows
from helpers.new.written import Written
from helpers.project.contract import LOCATING, PERSONAL

CHECK = "please check"
RUN = 4
"""Columns in a row, left out for one reason, from which they share a line."""


@dataclass
class Plan:
    """What is written besides the sources."""

    name: str
    title: str
    currency: Choice
    time_zone: Choice
    as_of: Choice
    window: Choice
    horizon: Choice
    groups: dict[str, list[str]]
    panel: list[str] = field(default_factory=list)
    proposals: list[str] = field(default_factory=list)
    left_files: dict[str, str] = field(default_factory=dict)


@dataclass
class Source:
    """A guess and what belongs to it in project.yml."""

    guess: Guess
    how: Written
    replaces: int = 0
    proposed_filter: str = ""


def scalar(value: object) -> str:
    """A value as YAML writes it, on one line."""
    how = {"default_flow_style": True, "allow_unicode": True, "width": 10**9, "sort_keys": False}
    text = yaml.safe_dump(value, **how).strip().removesuffix("...").strip()
    # A break inside a name (spreadsheets have them) would break the line.
    return text if "\n" not in text else yaml.safe_dump(value, default_style='"', **how).strip()


def line(indent: int, name: str, value: object, reason: str = "", doubt: str = "") -> str:
    """`name: value  # reason`, or `# please check: doubt (reason)` where it is a guess."""
    text = f"{' ' * indent}{scalar(name)}: {value if isinstance(value, _Raw) else scalar(value)}"
    if doubt:
        return f"{text}  # {CHECK}: {_plain(doubt)}" + (f" ({_plain(reason)})" if reason else "")
    return f"{text}  # {_plain(reason)}" if reason else text


class _Raw(str):
    """Text that is YAML already."""


def _plain(text: str) -> str:
    return " ".join(str(text).split())


def project(plan: Plan, sources: list[Source]) -> str:
    """The whole file."""
    files = ", ".join(dict.fromkeys(source.guess.read.given.shown for source in sources))
    lines = [
        f"# {plan.title}, begun by `make new` from {files}.",
        f"# Lines with `{CHECK}` are guesses: correct them, or take the remark away. Everything else was found in the files.",
        f"# Then: make report PROJECT={plan.name}   (src/helpers/project/ has every field with its default and a sentence of help)",
        line(0, "title", plan.title),
        line(0, "currency", plan.currency.value, plan.currency.reason, plan.currency.doubt),
        line(0, "time_zone", plan.time_zone.value, plan.time_zone.reason, plan.time_zone.doubt),
        line(0, "as_of", _Raw(str(plan.as_of.value)), plan.as_of.reason, plan.as_of.doubt),
        "",
        *_objectives(),
        "",
        *_scope(plan),
        "",
        "collect:",
        "  sources:",
    ]
    for source in sources:
        lines += _source(source)
    lines += _matching(sources)
    lines += _proposals(plan)
    if plan.groups:
        lines += ["", "variables:", "  category_groups:  # shares of spend on what sells most; group several under one name as you like"]
        lines += [line(4, name, categories) for name, categories in plan.groups.items()]
        named = {name: categories[0] for name, categories in plan.groups.items() if said_so(name) != categories[0]}
        why = "  share_names:  # what people call them, as the data write it"
        lines += [why, *(line(4, *each) for each in named.items())] if named else []
    lines += _left(plan, sources)
    return "\n".join(lines) + "\n"


def said_so(name: str) -> str:
    """What a share of spend is called on pages where nothing is typed."""
    return name.removesuffix("_share").replace("_", " ")


def _objectives() -> list[str]:
    return [
        "objectives:",
        "  main:",
        line(4, "name", "Raise revenue per customer", "", "is this what the segmentation shall change?"),
        line(4, "kind", "revenue"),
        line(4, "metric", "revenue_per_customer", "per 30 days; page 1 gives today's value"),
        "    # target: 45  # please type the value that you want",
        "    # by_when: 2030-01-01  # please type the day on which it is measured again",
        "    # owner: Head of marketing  # please type the role that answers for it",
    ]


def _scope(plan: Plan) -> list[str]:
    window = plan.window.value
    because = "whoever bought nothing in the window has no behaviour to measure"
    return [
        "scope:",
        line(2, "window_days", window, plan.window.reason, plan.window.doubt),
        line(2, "horizon_days", plan.horizon.value, plan.horizon.reason, plan.horizon.doubt),
        line(2, "filters", [{"rule": "bought_within_days", "value": window, "because": because}]),
        line(2, "panel", plan.panel, "behaviours that a message can be about, of those that these data measure"),
    ]


def _source(source: Source) -> list[str]:
    found, how = source.guess, source.how
    lines = [
        f"    {found.name}:",
        line(6, "table", found.table, f"{found.sure}: {found.why}", found.doubt),
        line(6, "file", found.read.given.file, rows(found.read.rows)),
    ]
    if found.ids != "customer" or found.ids_doubt:
        lines.append(
            line(
                6,
                "ids",
                found.ids,
                "" if found.ids_doubt else "the numbering of its customer ids",
                found.ids_why if found.ids_doubt else "",
            )
        )
    lines.append("      columns:")
    lines += [line(8, role, made.origin, _said(found, role, made), made.doubt) for role, made in found.roles.items()]
    if found.constants:
        lines += ["      constants:", *(line(8, role, made.origin, made.reason, made.doubt) for role, made in found.constants.items())]
    if found.totals:
        lines += _totals(found)
    for lookup in found.lookups:
        lines += ["      lookups:"] if lookup is found.lookups[0] else []
        shown = {key: lookup[key] for key in ("file", "match", "columns")}
        lines.append(f"        - {scalar(shown)}" + (f"  # {CHECK}: {_plain(lookup['doubt'])}" if lookup["doubt"] else ""))
    if how.fields:
        lines += ["      format:", *(line(8, n, v, how.reasons.get(n, ""), how.doubts.get(n, "")) for n, v in how.fields.items())]
    if found.placeholders:
        lines += ["      placeholders:  # values that stand for a missing one"]
        lines += [line(8, role, values) for role, values in found.placeholders.items()]
    if found.units:
        lines.append(line(6, "units", found.units, "factors that bring them to the contract's unit"))
    lines += _rest(source)
    return lines


def _said(found: Guess, role: str, made: Role) -> str:
    private = found.table == "customers" and role in (*PERSONAL, *LOCATING)
    return made.reason + ("; serves matching, shown on no page" if private else "")


def _totals(found: Guess) -> list[str]:
    since, until = found.totals["since"].date(), found.totals["until"].date()
    return [
        "      totals:",
        line(8, "since", _Raw(str(since)), "", "the file has no date; taken as the calendar year before it was saved"),
        line(8, "until", _Raw(str(until)), "the first day after the period; keep as_of equal to it"),
        line(8, "categories", found.totals["categories"], "", found.totals.get("doubt", "")),
    ]


def _rest(source: Source) -> list[str]:
    found, lines = source.guess, []
    if source.replaces:
        stand = "keys stand" if source.replaces > 1 else "key stands"
        doubt = f"{source.replaces:,} {stand} in several files; does the newer one correct the older?"
        lines.append(line(6, "newer_replaces", True, "", doubt))
    if found.filter:
        lines.append(line(6, "filter", found.filter, found.filter_why))
    elif source.proposed_filter:
        lines.append(f"      # filter: {scalar(source.proposed_filter)}  # {CHECK}: are these orders none? Then take the first # away")
    personal = any(role in PERSONAL for role in found.roles)
    basis = "the legal basis for personal data" if personal else "why these data may be used"
    lines += [f"      # legal_basis: …  # please type {basis}", "      # owner: …  # please type the role to ask"]
    lines += [f"      # {_plain(note)}" for note in [*found.read.notes, *found.notes]]
    return lines


def _matching(sources: list[Source]) -> list[str]:
    """People numbered by their address are those who have it elsewhere."""
    doubts = "; ".join(dict.fromkeys(source.guess.matched for source in sources if source.guess.matched))
    return ["  matching:", line(4, "exact", [["email"]], "joins them to the orders", doubts)] if doubts else []


def _proposals(plan: Plan) -> list[str]:
    if not plan.proposals:
        return []
    return [
        "  # Rows that could be set aside; each is counted and shown:",
        "  # set_aside:",
        *(f"  #   - {each}" for each in plan.proposals),
    ]


def _left(plan: Plan, sources: list[Source]) -> list[str]:
    """What was left out, as comments."""
    lines = []
    for file, reason in plan.left_files.items():
        lines.append(f"# - {file}: {_plain(reason)}")
    lines += [f"# - {each}" for source in sources for each in left_columns(source)]
    return ["", "# Left out, and why:", *dict.fromkeys(lines)] if lines else []


def left_columns(source: Source) -> list[str]:
    """`file, column: why` for every column left out; one line for a run of them with the same reason, as wide files have."""
    lines, file = [], source.guess.read.given.shown
    for reason, run in groupby(source.guess.left.items(), key=lambda each: each[1]):
        columns = [_plain(column) for column, _ in run]
        if len(columns) >= RUN:
            columns = [f"{columns[0]} … {columns[-1]} ({len(columns)} columns)"]
        lines += [f"{file}, {column}: {_plain(reason)}" for column in columns]
    return lines


def checks(text: str) -> list[str]:
    """The lines of a project.yml that wait for a check: the field, and what is doubtful."""
    found = []
    for each in text.splitlines():
        before, mark, after = each.partition(f"# {CHECK}: ")
        if mark and not before.lstrip().startswith("# Lines"):
            found.append(f"{before.strip().strip('# ')} — {after}")
    return found


__all__ = ["Plan", "Source", "checks", "project"]
