"""What the page of step 6 says of the segments: names, money, traits, descriptors, and the bands beside them."""

import numpy as np
import pandas as pd

from helpers import words
from helpers.build.choice import NAMED_FROM
from helpers.masking import covered_table, withheld
from helpers.project import Project
from helpers.tables import Column, Table, min_cell, nothing
from helpers.variables import catalogue
from helpers.variables.people_page import attribute_words, level_words
from helpers.variables.spread import unit
from helpers.words import NONE, say


def segment_name(segment: dict) -> str:
    """The typed name of a segment; where none was typed or the typed one no longer fits the suggested one, or "Segment S1"."""
    if segment.get("name"):
        return words.text(segment["name"])
    suggested = words.text((segment.get("suggested") or {}).get("name"))
    return say("{id} · {name} (suggested)", id=segment["id"], name=suggested) if suggested else short_name(segment)


def short_name(segment: dict) -> str:
    """The same for a heading: the typed name, or "Segment S1"."""
    return words.text(segment["name"]) if segment.get("name") else say("Segment {id}", id=segment["id"])


def label(segment: dict) -> str:
    """The same for a chart: the typed name, else the id and the suggested one, or "Segment S1"."""
    suggested = None if segment.get("name") else words.text((segment.get("suggested") or {}).get("name"))
    return say("{id} · {name}", id=segment["id"], name=suggested) if suggested else short_name(segment)


def in_short(segment: dict, project: Project) -> str:
    """What the members are like in a few words: as typed, else the two strongest traits; nothing of fewer than min_cell customers."""
    typed = words.text(segment.get("in_short"))
    if typed or not segment.get("n") or withheld(segment, project.min_cell):
        return typed
    named = titles(project)
    strong = [t for t in segment.get("traits") or [] if abs(t["effect"] or 0.0) >= NAMED_FROM][:2]
    ways = [
        say("{variable} high", variable=named[t["variable"]]) if t["effect"] > 0 else say("{variable} low", variable=named[t["variable"]])
        for t in strong
    ]
    return ", ".join(ways)


def in_short_marked(segment: dict, project: Project) -> str:
    """The same for a table: what nobody typed says that it is observed."""
    short = in_short(segment, project)
    return short if words.text(segment.get("in_short")) or not short else say("{traits} (observed)", traits=short)


def strongest(segment: dict) -> list[dict]:
    """The two traits that `in_short` says, for a document that does not hold them all."""
    strong = [t for t in segment.get("traits") or [] if abs(t["effect"] or 0.0) >= NAMED_FROM]
    return [{key: trait[key] for key in ("variable", "effect")} for trait in strong[:2]]


class _Titles(dict):
    """Titles of variables; of attributes, and of survey items, what people call these."""

    def __missing__(self, name: str) -> str:
        return attribute_words(name)


def titles(project: Project) -> dict[str, str]:
    """What people call each variable."""
    return _Titles({v.name: v.title() for v in catalogue(project)})


def segments_table(profiles: dict, project: Project) -> Table:
    """The segments at a glance."""
    rows = [
        {
            "name": segment_name(s),
            "short": in_short_marked(s, project),
            "n": None if withheld(s, min_cell()) else s["n"],
            "customers": s["share_of_customers"],
            "revenue": s["share_of_revenue"],
            "each": s["revenue_per_30d"]["value"],
            "interval": NONE if withheld(s, min_cell()) else _money_interval(s["revenue_per_30d"]),  # text is not masked with its row
            "later": s["active_later"]["share"] if s["active_later"] and s["active_later"]["n"] >= min_cell() else None,
            "core": core_share(s),
        }
        for s in profiles["segments"]
    ]
    columns = [
        Column("name", say("Segment")),
        Column("short", say("In short")),
        Column("n", say("Customers"), "count"),
        Column("customers", say("Share of customers"), "share", 1),
        Column("revenue", say("Share of revenue"), "share", 1),
        Column("each", say("Revenue each, 30 days"), "money", 0),
        Column("interval", say("95% interval")),
        Column("later", say("Bought in the following period"), "share", 1),
    ]
    note = say(
        "“Revenue each”: per customer and 30 days of the window, net of refunds. “Following period”: the segment as built one horizon "
        "earlier."
    )
    if any(s.get("steadiness") for s in profiles["segments"]):
        columns.append(Column("core", say("Core members"), "share", 0))
        note += " " + say("“Core”: who would get the same segment in at least 80 of 100 redrawings of customers and orders.")
    return Table("segments", say("The segments at a glance"), pd.DataFrame(rows), columns, note=note, cell_size="n")


def core_share(segment: dict) -> float | None:
    """Share of the members whose place is steady; None where few are, or few are not, or nobody can tell."""
    found = segment.get("steadiness")
    if not found or any(0 < n < min_cell() for n in (found["core"], found["known"] - found["core"])):
        return None
    return found["core"] / found["known"] if found["known"] else None


def _money_interval(interval: dict) -> str:
    if interval["low"] is None:
        return say("cannot tell")
    return say("{low} to {high}", low=words.money(interval["low"], 0), high=words.money(interval["high"], 0))


def described(profiles: dict, project: Project) -> list[dict]:
    """The segments of which more than the name may be told."""
    return [s for s in profiles["segments"] if s["n"] and not withheld(s, project.min_cell)]


def profile_frame(profiles: dict, project: Project, built_by: list[str]) -> pd.DataFrame:
    """Effects in standard deviations: built variables as rows, segments that may be shown as columns."""
    named = titles(project)
    shown = described(profiles, project)
    if not shown:
        return pd.DataFrame()
    effects = {label(s): {t["variable"]: t["effect"] for t in s["traits"]} for s in shown}
    return pd.DataFrame(
        {name: [effect.get(v) for v in built_by] for name, effect in effects.items()}, index=[named[v] for v in built_by]
    ).astype("float64")


def misfits(profiles: dict, project: Project) -> list[str]:
    """Each typed name that is withdrawn, with what was expected and what was found (not of a segment that may not be described)."""
    result = []
    for segment in [s for s in profiles["segments"] if s["fits"] is False]:
        typed = project.build.segments[segment["id"]]
        values = {"name": words.text(typed.name), "segment": segment["id"]}
        if not segment["n"] or withheld(segment, project.min_cell):
            result.append(say("“{name}” is withdrawn from {segment}, which does not fit it.", **values))
            continue
        result.append(
            say(
                "“{name}” is withdrawn from {segment}, which is not as expected: {found} standard deviations from everyone, where {border} "
                "in the direction expected is the least. Name it again, or expect something else (build.segments of project.yml).",
                found=words.join(_missed(segment, typed.expect, project)),
                border=words.number(NAMED_FROM, 1),
                **values,
            )
        )
    return result


def _missed(segment: dict, expect: dict[str, str], project: Project) -> list[str]:
    """The variables that are not as expected, each with its effect."""
    named, effects = titles(project), {t["variable"]: t["effect"] for t in segment["traits"]}
    wrong = [v for v, way in expect.items() if (effects.get(v) or 0.0) * (1 if way == "high" else -1) < NAMED_FROM]
    written = {v: NONE if effects.get(v) is None else words.signed(effects[v], 1) for v in wrong}
    return [say("{variable} {effect}", variable=named[v].lower(), effect=written[v]) for v in wrong]


def profile_words(profiles: dict, project: Project, built_by: list[str]) -> dict:
    """The words of the chart of profiles, about the variables that are drawn."""
    shown = described(profiles, project)
    if not shown:
        return nothing("profiles", say("No segment is large enough to be described."))
    named = titles(project)
    first = {s["id"]: next(t for t in s["traits"] if t["variable"] in built_by) for s in shown}
    strongest = max(shown, key=lambda s: abs(first[s["id"]]["effect"] or 0.0))
    trait = first[strongest["id"]]
    claim = say(
        "{segment} stands out most: {variable} {effect} standard deviations",
        segment=short_name(strongest),
        variable=named[trait["variable"]].lower(),
        effect=words.signed(trait["effect"], 1),
    )
    firsts = words.join(
        [say("{segment}: {variable}", segment=short_name(s), variable=named[first[s["id"]]["variable"]].lower()) for s in shown]
    )
    return {
        "name": "profiles",
        "title": claim,
        "subtitle": say("Mean of the segment less everyone’s mean, in standard deviations; the variables that built the segments"),
        "alt": say("Strongest trait of each segment: {traits}.", traits=firsts),
        "source": say(
            "Source: window that ends on {day}, {n} customers", day=words.day(profiles["as_of"]), n=words.number(profiles["customers"])
        ),
    }


def traits_table(profiles: dict, project: Project, *, most: int = 5) -> Table:
    """The strongest traits of each segment, with v-test and effect."""
    known, rows = {v.name: v for v in catalogue(project)}, []
    for segment in described(profiles, project):
        for trait in segment["traits"][:most]:
            if trait["effect"] is None:
                continue
            variable = known[trait["variable"]]
            scale = 100 if variable.unit == "share" else 1
            rows.append(
                {
                    "segment": segment_name(segment),
                    "n": segment["n"],
                    "variable": variable.title(),
                    "unit": unit(variable),
                    "mean": trait["mean"] * scale,
                    "everyone": trait["everyone"] * scale,
                    "effect": trait["effect"],
                    "v": trait["v"],
                }
            )
    columns = [
        Column("segment", say("Segment")),
        Column("variable", say("Variable")),
        Column("unit", say("Unit")),
        Column("mean", say("Mean"), "number", 1),
        Column("everyone", say("Everyone"), "number", 1),
        Column("effect", say("Difference, standard deviations"), "number", 1),
        Column("v", say("v-test"), "number", 1),
    ]
    note = say("On the variables that built the segments a v-test describes and proves nothing: they were cut to differ.")
    frame = pd.DataFrame(rows, columns=["segment", "n", "variable", "unit", "mean", "everyone", "effect", "v"])
    return Table("traits", say("What each segment is like: its strongest traits"), frame, columns, note=note, cell_size="n")


def descriptors_table(profiles: dict, project: Project, *, most: int = 3, level: float = 0.05) -> Table:
    """Who they are: levels of the descriptors that differ from everyone described, after Holm’s correction over all tests."""
    rows = []
    for segment in described(profiles, project):
        for told in [d for d in segment["descriptors"] if d["p_holm"] <= level][:most]:
            rows.append(
                {
                    "segment": segment_name(segment),
                    "attribute": attribute_words(told["attribute"]),
                    "level": level_words(told["attribute"], told["level"]),
                    "n": told["n"],
                    "share": told["share"],
                    "everyone": told["everyone"],
                    "v": told["v"],
                }
            )
    frame = pd.DataFrame(rows, columns=["segment", "attribute", "level", "n", "share", "everyone", "v"])
    columns = [
        Column("segment", say("Segment")),
        Column("attribute", say("Attribute")),
        Column("level", say("Level")),
        Column("n", say("Members at this level"), "count"),
        Column("share", say("Share of members described"), "share", 0),
        Column("everyone", say("Everyone described"), "share", 0),
        Column("v", say("v-test"), "number", 1),
    ]
    note = say(
        "Descriptors took no part in building. Listed are differences so large that chance would make even one such, among all that were "
        "compared, in 5 cases of 100 at most (Holm’s correction)."
    )
    return Table("descriptors", say("Who they are, where that is known"), frame, columns, note=note, cell_size="n")


def budget_table(profiles: dict, document: dict, project: Project) -> Table:
    """The rule for the budget, a band a line, and how each segment spreads over the bands.

    document   the rule for the budget
    """
    budget, rules, rows = profiles["budget"], rule_words(document, project), []
    ids, counts = [s["id"] for s in profiles["segments"]], _crossed(profiles)
    shut = crossed_hidden(profiles, project)
    for band, numbers, hidden in zip(budget["bands"], counts, shut, strict=True):
        spread = {s: None if h else int(n) for s, n, h in zip(ids, numbers, hidden, strict=True)}
        n = None if withheld(band, project.min_cell) else band["n"]
        line = {"rule": rules["S" + band["id"][1:]], "n": n, "revenue": band["share_of_revenue"], "each": band["revenue_per_30d"]}
        rows.append(line | spread)
    columns = [
        Column("rule", say("Band")),
        Column("n", say("Customers"), "count"),
        Column("revenue", say("Share of revenue"), "share", 1),
        Column("each", say("Revenue each, 30 days"), "money", 0),
        *(Column(s["id"], short_name(s), "count", people=True) for s in profiles["segments"]),
    ]
    frame = pd.DataFrame(rows, columns=[c.name for c in columns])
    note = say("The first band is worth most later. Read across: where the customers of a band are to be found among the segments.")
    if shut.any() and not any(withheld(band, project.min_cell) for band in budget["bands"]):  # else the table itself says so
        least = words.number(project.min_cell)
        note += " " + say("A dash: fewer than {least} customers, or a number that would give them away.", least=least)
    return Table("budget", say("Bands for the budget, segments for the message"), frame, columns, note=note, cell_size="n")


def _crossed(profiles: dict) -> np.ndarray:
    """Numbers of customers, bands × segments."""
    ids, bands, crossed = [s["id"] for s in profiles["segments"]], profiles["budget"]["bands"], profiles["budget"]["crossed"]
    return np.array([[crossed.get(s, {}).get(band["id"], 0) for s in ids] for band in bands], dtype="int64").reshape(-1, len(ids))


def crossed_hidden(profiles: dict, project: Project) -> np.ndarray:
    """Which numbers of customers, bands × segments, stay hidden on every page, so that none follows from the others or from totals."""
    hidden = [[withheld(s, project.min_cell) for s in part] for part in (profiles["budget"]["bands"], profiles["segments"])]
    return covered_table(_crossed(profiles), least=project.min_cell, shut=np.logical_or.outer(*hidden))


def rule_words(document: dict, project: Project) -> dict[str, str]:
    """Segment of a document of rules → its conditions in words; what no rule holds for is "all others"."""
    known = {v.name: v for v in catalogue(project)}
    match = document["assign"]["first_match"]
    result = {match["otherwise"]: say("all others")}
    above: dict = {}
    for rule in match["rules"]:
        when = rule["when"] if isinstance(rule["when"], list) else [rule["when"]]
        when, above = _next_band(when, above), when[0] if len(when) == 1 else {}
        result[rule["segment"]] = words.join([_condition(c, known) for c in when]) or say("everybody")
    return result


def _next_band(when: list[dict], above: dict) -> list[dict]:
    """A band of one measure with its upper end, which is where the band above begins: whoever fits that one is taken."""
    if len(when) == 1 and set(when[0]) - {"below"} == set(above) - {"below"} == {"variable", "at_least"} and when[0].get("below") is None:
        same = when[0]["variable"] == above["variable"] and None not in (when[0]["at_least"], above["at_least"])
        if same and when[0]["at_least"] < above["at_least"]:
            return [when[0] | {"below": above["at_least"]}]
    return when


def _condition(condition: dict, known: dict) -> str:
    """One condition in words; conditions put together are said one after the other."""
    for way, between in (("all", say(" and ")), ("any", say(" or "))):
        if way in condition:
            return between.join(_condition(c, known) for c in condition[way])
    if "not" in condition:
        return say("not: {condition}", condition=_condition(condition["not"], known))
    if "rule" in condition:
        return condition["rule"].replace("_", " ")
    name = condition["variable"]
    variable = known.get(name)
    title = variable.title() if variable else attribute_words(name)
    if condition.get("missing"):
        return say("{variable}: not known", variable=title)
    if "in" in condition:
        return say("{variable}: {levels}", variable=title, levels=words.join([level_words(name, str(level)) for level in condition["in"]]))
    low, high = (_in_unit(condition.get(end), variable) for end in ("at_least", "below"))
    if high is None:
        return say("{variable} {low} or more", variable=title, low=low)
    if low is None:
        return say("{variable} below {high}", variable=title, high=high)
    return say("{variable} {low} to below {high}", variable=title, low=low, high=high)


def _in_unit(value: float | None, variable) -> str | None:
    """A border as people read it: money, a percentage, or a number with its unit."""
    if value is None:
        return None
    if variable is None:
        return words.number(value, 1)
    if variable.unit == "money":
        return words.money(value)
    return words.share(value) if variable.unit == "share" else f"{words.number(value, 1)} {unit(variable)}"
