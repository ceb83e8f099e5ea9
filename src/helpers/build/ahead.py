"""What step 4 predicted, as later steps may use it: graded on a later period, or not at all and with the reason.

What is predicted describes segments and customers. It makes no segment, for it rests on the same orders as they do.
"""

from dataclasses import dataclass, field

import ibis
import ibis.expr.types as ir
import pandas as pd

from helpers.build.inputs import KEY
from helpers.engine import total
from helpers.masking import few_on_a_side, withheld
from helpers.predict import GRADED, PREDICTED, evidence, kind_of, usable
from helpers.project.special import category as special_of
from helpers.rates import newcombe, quantile

VALUE, ATTRITION, NEXT, VOICE = "value", "attrition", "next", "voice"
PARTS = (VALUE, ATTRITION, NEXT, VOICE)
ABSENT = "absent"
COLUMNS = {column: judged_by for column, (_, _, _, judged_by) in PREDICTED.items() if column != "next_"}
"""Columns of `predicted` that describe a customer, and the part whose grade they have ("": counted, not predicted)."""
WITH_DOUBT = "value_ahead"
"""What step 6 may hand over: segment, low, high of the expected value of a customer, a line a segment."""
TOLD = 3
"""Items and themes that are named for a segment."""


@dataclass(frozen=True)
class Ahead:
    """What may be told.

    parts   part → status (graded, not_ready, cannot_tell, none; absent: the run holds nothing of it), reasons (codes), grade,
            lacks (codes of requirements not met), days (without a purchase that count as lost, for attrition)
    table   `predicted` of step 4 with the columns of graded parts alone; None where no part is graded
    said    customer_id, theme, sentiment of comments with a theme; None where comments are not read
    voice   voice.json as step 4 hands it over;  names: item → its category, where products are recommended
    """

    parts: dict[str, dict] = field(default_factory=lambda: {part: _state({}, there=False) for part in PARTS})
    table: ir.Table | None = None
    said: ir.Table | None = None
    voice: dict = field(default_factory=dict)
    names: dict[str, str] = field(default_factory=dict)

    def told(self, part: str) -> bool:
        """Whether the part is graded on a later period, with whatever grade."""
        return self.parts[part]["status"] == GRADED

    def decides(self, part: str) -> bool:
        """Whether something may be decided by it: graded, and surely better than a simple rule (no C, nor a grade that may be one)."""
        grade = self.parts[part]["grade"]
        return self.told(part) and grade is not None and "C" not in grade

    def columns(self) -> list[str]:
        """The columns of the table that describe a customer."""
        return [name for name in COLUMNS if self.table is not None and name in self.table.columns]

    def items(self) -> list[str]:
        """The columns of the table that name what a customer is likely to take next, the likeliest first."""
        found = [name for name in (self.table.columns if self.table is not None else []) if name != KEY]
        return sorted((n for n in found if kind_of(n) == "next_"), key=lambda name: int(name.removeprefix("next_")))


def ahead(step) -> Ahead:
    """Read what step 4 handed over: evidence of each part, `predicted` and `said`; what is absent or not graded is left out."""
    known = {part: evidence(step, part) for part in PARTS}
    parts = {part: _state(found, there=step.gives("variables", part)) for part, found in known.items()}
    table = step.take("variables", "predicted") if step.gives("variables", "predicted") else None
    if table is not None:
        kept = [name for name in table.columns if name != KEY and usable(step, name)]
        table = table.select(KEY, *kept) if kept else None
    said = step.take("variables", "said") if parts[VOICE]["status"] == GRADED and step.gives("variables", "said") else None
    if said is not None:
        said = said.select(KEY, "theme", "sentiment")
    return Ahead(parts, table, said, known[VOICE], known[NEXT].get("names") or {})


def _state(found: dict, *, there: bool) -> dict:
    status = found["status"] if there else ABSENT
    reasons, readiness = (list(found.get(key) or []) for key in ("reasons", "readiness"))
    grade = found.get("grade") if status == GRADED else None
    lacks, days = [need["code"] for need in readiness if not need["met"]], (found.get("period") or {}).get("days")
    return {"status": status, "reasons": reasons, "grade": grade, "lacks": lacks, "days": days}


# Segments


@dataclass(frozen=True)
class Foreseen:
    """What may be told (`may`), and what it says of each segment (`rows`, result of `by_segment`)."""

    may: Ahead = field(default_factory=Ahead)
    rows: dict[str, dict] = field(default_factory=dict)


def foresee(step, members: ir.Table, profiles: dict) -> Foreseen:
    """What step 4 predicted of the segments; intervals of the value hold the doubt of the model too, where step 6 handed them over.

    members    customer_id, segment;  profiles: as step 6 hands them over
    """
    may = ahead(step)
    rows = by_segment(may, members, profiles, least=step.project.min_cell)
    doubt = step.take("build", WITH_DOUBT) if step.gives("build", WITH_DOUBT) else []
    for each in doubt:
        figure = rows.get(each["segment"], {}).get("expected_value")
        if figure and each.get("low") is not None:
            figure |= {"low": each["low"], "high": each["high"]}
    return Foreseen(may, rows)


def by_segment(found: Ahead, members: ir.Table, profiles: dict, *, least: int) -> dict[str, dict]:
    """What is predicted of the members of each segment that may be shown, and of everyone in scope (key "").

    members    customer_id, segment;  profiles: as step 6 hands them over;  least: customers below which nothing is told
    Returns    segment → {column of COLUMNS: {n, value (mean), low, high, sum} or None, next: [{item, n, share}], next_own: [{item,
               n, share, others}] (recommended to more of them than of everyone else, beyond chance), themes, themes_own: [{theme, n, share
               (of the members who said something), sentiment (mean of those that have one)}], said: members who said something}. Intervals
               at 95 %, over customers: how far the model itself may be wrong is told by its grade, not by them
    """
    told = [s["id"] for s in profiles["segments"] if s["n"] and not withheld(s, least)]
    rows: dict[str, dict] = {
        one: {"next": [], "next_own": [], "themes": [], "themes_own": [], "said": 0} | dict.fromkeys(found.columns()) for one in ("", *told)
    }
    people = members.select(KEY, "segment")
    if found.table is not None:
        joined = people.join(found.table, KEY).cache()
        for one, figures in _means(joined, found.columns(), told, least).items():
            rows[one] |= figures
        sizes = {s["id"]: s["n"] for s in profiles["segments"] if s["id"] in told} | {"": profiles["customers"]}
        for one, items in _items(joined, found.items(), sizes, least).items():
            rows[one] |= items
    if found.said is not None:
        for one, said in _themes(people.join(found.said, KEY), told, least).items():
            rows[one] |= said
    return rows


def of_everyone(found: Ahead, members: ir.Table, *, least: int) -> dict[str, dict | None]:
    """What is predicted of everyone in scope: the figures of `by_segment` by column."""
    if found.table is None:
        return {}
    return _means(members.select(KEY, "segment").join(found.table, KEY), found.columns(), [], least).get("", {})


def _means(joined: ir.Table, columns: list[str], told: list[str], least: int) -> dict[str, dict]:
    asked = {}
    for name in columns:
        value = joined[name].cast("float64")
        asked |= {f"n_{name}": value.count(), f"sum_{name}": total(value), f"squares_{name}": total(value * value)}
    if not asked:
        return {}
    whole = joined.aggregate(**asked).execute().assign(segment="")
    frames = [whole, joined.group_by("segment").agg(**asked).order_by("segment").execute()]
    found = {}
    for row in (row for frame in frames for row in frame.to_dict("records") if row["segment"] in ("", *told)):
        found[row["segment"]] = {name: _mean(row, name, least) for name in columns}
    return found


def _mean(row: dict, name: str, least: int) -> dict | None:
    """Mean and normal interval; a share of a yes or no also not where it is about few on one side."""
    n = int(row[f"n_{name}"])
    if n < max(least, 2):
        return None
    sum_, squares = float(row[f"sum_{name}"]), float(row[f"squares_{name}"])
    mean = sum_ / n
    if name == "high_value" and few_on_a_side({"n": n, "share": mean}, least):
        return None
    half = quantile() * (max(squares - n * mean * mean, 0.0) / (n - 1) / n) ** 0.5
    return {"n": n, "value": mean, "low": mean - half, "high": mean + half, "sum": sum_}


def _items(joined: ir.Table, columns: list[str], sizes: dict[str, int], least: int) -> dict[str, dict]:
    """What is recommended to most members and to more than elsewhere, at any place of the list; never of a special category."""
    if not columns:
        return {}
    long = ibis.union(*(joined.select("segment", item=joined[name].cast("string")) for name in columns)) if len(columns) > 1 else None
    long = joined.select("segment", item=joined[columns[0]].cast("string")) if long is None else long
    counts = long.filter(long.item.notnull()).group_by(["segment", "item"]).agg(n=lambda t: t.count()).execute()
    counts = counts[[special_of(str(item)) is None for item in counts["item"]]]
    result = {}
    for one, size in sizes.items():
        own = (counts if one == "" else counts[counts["segment"] == one]).groupby("item", as_index=False)["n"].sum()
        left = size - own["n"]
        own = own[(own["n"] >= least) & ((left == 0) | (left >= least))].sort_values(["n", "item"], ascending=[False, True])
        result[one] = {
            "next": [{"item": str(row.item), "n": int(row.n), "share": int(row.n) / size} for row in own.head(TOLD).itertuples()]
        }
    for one, own in _standing_out(counts, "item", sizes, least).items():
        result[one]["next_own"] = [line | {"item": str(line["item"])} for line in own]
    return result


def _standing_out(counts: pd.DataFrame, what: str, sizes: dict[str, int], least: int) -> dict[str, list[dict]]:
    """What a larger share of a segment has than of everyone else, the surest first: the interval of the difference (Newcombe 1998), at 95 %
    for all segments and things together (Bonferroni), lies above nothing.

    counts   segment, `what`, n;  sizes: segment → customers, "" → all
    Returns  segment → [{what, n, share, others}], at most TOLD
    """
    everyone, found = counts.groupby(what)["n"].sum(), {}
    level = 1 - 0.05 / max(len(counts), 1)
    for one, size in sizes.items():
        rest, lines = sizes[""] - size, []
        if one == "" or rest <= 0:
            continue
        for row in counts[counts["segment"] == one].itertuples():
            thing, n = getattr(row, what), int(row.n)
            other = int(everyone[thing]) - n
            if min(n, rest - other) < least or 0 < size - n < least or 0 < other < least:
                continue
            low, _ = newcombe(n, size, other, rest, level=level)
            if low > 0:
                lines.append((-round(low, 9), thing, {what: thing, "n": n, "share": n / size, "others": other / rest}))
        found[one] = [line for _, _, line in sorted(lines, key=lambda each: each[:2])[:TOLD]]
    return found


def _themes(said: ir.Table, told: list[str], least: int) -> dict[str, dict]:
    """What most members speak of, a member counting once a theme; None of it where fewer than `least` said something.

    Whoever wrote counts, whether a theme was told or not, as on the page of step 7.
    """
    people = said.group_by("segment").agg(n=said[KEY].nunique()).execute()
    said = said.filter(said.theme.notnull())
    each = said.group_by(["segment", KEY, "theme"]).agg(sentiment=lambda t: t.sentiment.cast("float64").mean())
    counts = each.group_by(["segment", "theme"]).agg(n=each.count(), known=each.sentiment.count(), sum_=total(each.sentiment)).execute()
    result, sizes = {}, {"": int(people["n"].sum())}
    for one in ("", *told):
        own = counts if one == "" else counts[counts["segment"] == one]
        sizes[one] = n = int((people if one == "" else people[people["segment"] == one])["n"].sum())
        if n < least:
            continue
        rows = own.groupby("theme", as_index=False)[["n", "known", "sum_"]].sum().sort_values(["n", "theme"], ascending=[False, True])
        rows = [r for r in rows.itertuples() if not few_on_a_side({"n": n, "share": r.n / n}, least)]
        result[one] = {"said": n, "themes": [_theme(r, n, least) for r in rows[:TOLD]]}
    for one, own in _standing_out(counts, "theme", {k: sizes[k] for k in ("", *result)}, least).items():
        result[one]["themes_own"] = [line | {"theme": int(line["theme"])} for line in own]
    return result


def _theme(row, n: int, least: int) -> dict:
    felt = float(row.sum_) / int(row.known) if int(row.known) >= least else None
    return {"theme": int(row.theme), "n": int(row.n), "share": int(row.n) / n, "sentiment": felt}


# One customer


def of_customer(found: Ahead, one: str) -> dict:
    """The row of one customer: columns (value, None where not known), next (items, the likeliest first), themes of own comments.

    For the private card alone. `known`: whether anything was predicted; whoever never bought has no row
    """
    row: dict = {}
    if found.table is not None:
        rows = found.table.filter(found.table[KEY] == one).limit(1).execute()
        row = rows.iloc[0].to_dict() if len(rows) else {}
    values = {name: row.get(name) for name in found.columns()}
    values = {name: None if value is None or value != value else float(value) for name, value in values.items()}
    items = [row.get(name) for name in found.items()]
    items = [str(item) for item in items if isinstance(item, str) and special_of(item) is None]
    themes: list[int] = []
    if found.said is not None:
        themes = sorted(
            {
                int(t)
                for t in found.said.filter(found.said[KEY] == one, found.said.theme.notnull()).select("theme").distinct().execute()["theme"]
            }
        )
    return {"known": bool(row), "columns": values, "next": items, "themes": themes}
