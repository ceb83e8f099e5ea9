"""What the page of step 8 says of the segments' worth: who is knocked out, who comes first, and how firm that order is."""

import pandas as pd

from helpers import words
from helpers.build.ahead import ABSENT, VALUE, Ahead
from helpers.build.ahead_page import grade_words, value_name, why
from helpers.build.portraits import segment_name, short_name
from helpers.project import Project
from helpers.tables import Column, Table, nothing
from helpers.target import attractiveness as worth_of
from helpers.words import mark, say, say_n

MEASURES = {
    "size": mark("Customers"),
    "revenue": mark("Revenue, 30 days"),
    "margin": mark("Margin, 30 days"),
    "revenue_each": mark("Revenue per customer, 30 days"),
    "share_of_revenue": mark("Share of revenue"),
    "growth": mark("Growth over one horizon"),
    "bought_again": mark("Bought again"),
    "answers": mark("Mailings answered"),
    "stability": mark("Comes back in another sample"),
    "reach": mark("Can be reached by a channel that they use"),
    "cheap_contact": mark("Cost of one contact"),
    "recognisable": mark("Recognised by a short rule"),
    "value_ahead": mark("Value ahead, predicted"),
}
KINDS = {
    "size": ("count", 0),
    "revenue": ("money", 0),
    "margin": ("money", 0),
    "revenue_each": ("money", 2),
    "share_of_revenue": ("share", 1),
    "growth": ("change", 1),
    "bought_again": ("share", 0),
    "answers": ("share", 1),
    "stability": ("number", 2),
    "reach": ("share", 0),
    "cheap_contact": ("money", 2),
    "recognisable": ("share", 0),
    "value_ahead": ("money", 0),
}
AXES = {"attractive": mark("attractiveness"), "serve": mark("ability to serve")}
SCORED = {
    "amount": mark("as a share of the largest"),
    "share": mark("as it is"),
    "growth": mark("50 = as many as before, 100 = twice as many"),
    "cheap_contact": mark("100 = free, 0 = the dearest channel typed"),
    "judged": mark("judged by people from 0 to 10, times 10"),
}
LACKS = {
    worth_of.NO_MARGIN: mark("left out: no margin is typed (target.margin_rate)"),
    worth_of.NO_CHANNELS: mark("left out: no channel with its cost is typed (target.channels)"),
    worth_of.NOT_JUDGED: mark("left out: people judged only some of the segments (target.judged)"),
    worth_of.NOT_MEASURED: mark("left out: not measured for every segment"),
    worth_of.NOT_PREDICTED: mark("left out: not predicted, or not graded"),
    worth_of.NO_BETTER: mark("left out: predicted no better than by a simple rule (grade C)"),
}
WANTED = {
    "reach": mark("To count who can be reached, add a table of consents, or of contact data, to the sources."),
    "answers": mark("To know who answers, add earlier mailings with their answers (table “contacts”)."),
    "stability": mark("How surely a segment comes back is measured of learned segments only."),
    "growth": mark("Growth takes a history of two windows and two horizons."),
    "bought_again": mark("Who bought again takes a history of two windows and two horizons."),
    "recognisable": mark("How well a rule tells the segment takes a history of two windows and two horizons."),
    "margin": mark("Ask finance for a margin, target.margin_rate of project.yml."),
    "cheap_contact": mark("Type what one contact costs by each channel, target.channels of project.yml."),
    "value_ahead": mark("Step 4 says what a value ahead would take, and how it was graded."),
}
FIRM = 0.9
"""Share of draws from which an order is called firm."""
FAR = 4.0
"""A weight that must grow or shrink by more than this turns nothing round in practice."""


def measure_words(measure: str, project: Project) -> str:
    """What a criterion is called."""
    known = MEASURES.get(measure)
    return say(known) if known else words.text(project.target.judged[measure].name)


def _by_id(worth: dict) -> dict[str, dict]:
    return {s["id"]: s for s in worth["segments"]}


def _in_play(worth: dict) -> list[dict]:
    named = _by_id(worth)
    return [named[one] for one in worth["order"]]


# The bubbles


def bubble_frame(worth: dict, palette: dict[str, str]) -> pd.DataFrame:
    """What `charts.bubble.bubbles` draws; empty when one of the two scores is not known.

    palette   segment_name → colour, as `payoff.palette` gives
    """
    rows = []
    for s in worth["segments"]:
        if s["attractive"] is None or s["serve"] is None:
            continue
        text = "" if s["profit"] is None else words.money(s["profit"], 0)
        spot = {"x": s["serve"], "y": s["attractive"], "value": s["profit"], "text": text, "out": bool(s["out"])}
        rows.append({"label": short_name(s), "mark": s["id"], "colour": palette.get(segment_name(s)), **spot})
    return pd.DataFrame(rows, columns=["label", "mark", "x", "y", "value", "text", "colour", "out"])


def bubble_words(worth: dict) -> dict:
    """The words of the bubble chart; its title says who comes first and how firm that is."""
    name, first = "worth", _in_play(worth)
    if not worth["segments"]:
        return nothing(name, say("No segment has enough customers to be judged."))
    if any(s["attractive"] is None or s["serve"] is None for s in worth["segments"]):
        return nothing(
            name, say("Attractiveness and ability to serve cannot be set against each other: one of them has no criterion left.")
        )
    earn = say("margin of 30 days") if worth["profit"] == "margin" else say("revenue of 30 days, for no margin is typed")
    source = say("Base: {n} customers.", n=words.number(sum(s["customers"] for s in worth["segments"])))
    return {
        "name": name,
        "title": _claim(first, worth),
        "subtitle": say("Weighted scores, points of 100; area of a bubble: {earn}", earn=earn),
        "alt": " ".join(_spots(worth)),
        "source": f"{source} {_profit_note(worth)}",
        "across": say("ability to serve"),
        "upwards": say("attractiveness"),
    }


def _claim(first: list[dict], worth: dict) -> str:
    if not first:
        return say("Every segment is knocked out")
    name = short_name(first[0])
    if len(first) == 1:
        return say("Only “{name}” is not knocked out", name=name)
    scored = _by_id(worth)[worth["other_order"][0]]
    if first[0]["first"] >= FIRM and scored is not first[0]:
        return say("“{name}” leads under nearly all weights; scored otherwise, “{rival}” would", name=name, rival=short_name(scored))
    if first[0]["first"] >= FIRM:
        return say("“{name}” is worth the effort most, under nearly all weights", name=name)
    rival = max(first[1:], key=lambda s: s["first"])
    return say("“{name}” leads, but other weights would put “{rival}” first", name=name, rival=short_name(rival))


def _spots(worth: dict) -> list[str]:
    return [
        say(
            "{name}: attractiveness {y}, ability to serve {x}.",
            name=segment_name(s),
            y=words.number(s["attractive"]),
            x=words.number(s["serve"]),
        )
        for s in worth["segments"]
    ]


_NOT_PREDICTED = {"status": ABSENT, "reasons": [], "grade": None, "lacks": []}


def _profit_note(worth: dict) -> str:
    lines = [] if worth["profit"] == "margin" else [say("For profit, type a margin (target.margin_rate of project.yml).")]
    state = {**_NOT_PREDICTED, **(worth.get("ahead") or {})}
    may = Ahead({part: state for part in (VALUE,)})
    if any(s["figures"].get("value_ahead") for s in worth["segments"]):
        told = say("Measured over the last window; the table has the value ahead, predicted with {grade}.", grade=grade_words(may, VALUE))
    elif may.told(VALUE):
        told = say("Measured over the last window; the value ahead is predicted no better than by a simple rule, and decides nothing.")
    else:
        told = say("Measured over the last window; no value ahead beside it: {why}.", why=why(may, VALUE))
    return " ".join([told, *lines])


# Knock-out and order


def knocked_words(worth: dict, project: Project) -> str:
    """Who is out and why, who is in doubt, or that no criterion is typed."""
    if not worth["knock_out"]:
        return say(
            "No knock-out criterion is typed, so nobody is out: say below which size, reach or revenue a segment is not worth a plan "
            "(scope.attractiveness.knock_out of project.yml)."
        )
    out = [
        say("{name} is out: {reasons}.", name=segment_name(s), reasons=words.join([_failed(k, project) for k in s["out"]]))
        for s in worth["segments"]
        if s["out"]
    ]
    doubt = [
        say(
            "{name} stays in, but cannot tell: {reasons}.",
            name=segment_name(s),
            reasons=words.join([_failed(k, project) for k in s["doubt"]]),
        )
        for s in worth["segments"]
        if s["doubt"] and not s["out"]
    ]
    return " ".join([*out, *doubt]) or say("No segment is knocked out.")


def _failed(line: dict, project: Project) -> str:
    measure, (kind, digits) = measure_words(line["measure"], project), KINDS[line["measure"]]
    least = _written(line["at_least"], kind, digits)
    if line["value"] is None:
        return say("{measure} is not known, at least {least} is asked", measure=measure, least=least)
    return say("{measure} {value}, at least {least} is asked", measure=measure, value=_written(line["value"], kind, digits), least=least)


def _written(value: float, kind: str, digits: int) -> str:
    write = {"money": words.money, "share": words.share, "change": words.percent_change}.get(kind, words.number)
    return write(value, max(digits, 1) if kind == "share" else digits)


def worth_table(worth: dict, project: Project) -> Table:
    """The segments in order, those knocked out last."""
    out = [s for s in worth["segments"] if s["id"] not in worth["order"]]
    rows = []
    for s in [*_in_play(worth), *out]:
        row = {key: s[key] for key in ("rank", "attractive", "serve", "index", "profit", "first", "top", "first_by_figures")}
        ahead = s["figures"].get("value_ahead")
        row |= {"places": _places(s["places"]), "ahead": ahead and ahead["value"]}
        rows.append({"name": segment_name(s), "customers": s["customers"]} | row)
    earns = say("Margin, 30 days") if worth["profit"] == "margin" else say("Revenue, 30 days")
    columns = [
        Column("name", say("Segment")),
        Column("rank", say("Rank"), "count"),
        Column("customers", say("Customers"), "count", people=True),
        Column("attractive", say("Attractiveness"), "number", 0),
        Column("serve", say("Ability to serve"), "number", 0),
        Column("index", say("Product"), "number", 1),
        Column("profit", earns, "money", 0),
        *([Column("ahead", value_name(project), "money", 0)] if any(row["ahead"] is not None for row in rows) else []),
        Column("places", say("Places when weights move")),
        Column("first", say("First then"), "share", 0),
        Column("top", say("In the upper half then"), "share", 0),
        Column("first_by_figures", say("First when figures move"), "share", 0),
    ]
    note = say(
        "Product: attractiveness × ability to serve ÷ 100. When weights move: {n} draws in which every weight lies between half and double "
        "the agreed one; places hold 95 of 100 of them. When figures move: as many draws within the intervals of the figures. A dash in "
        "Rank: knocked out.",
        n=words.number(worth["draws"]),
    )
    frame = pd.DataFrame(rows, columns=[c.name for c in columns])
    return Table("worth_order", say("Which segments are worth the effort"), frame, columns, note=note)


def _places(places: list[int] | None) -> str | None:
    if places is None:
        return None
    low, high = (words.number(place) for place in places)
    return low if low == high else say("{low} to {high}", low=low, high=high)


def weights_table(worth: dict, project: Project) -> Table:
    """Each criterion: its weight, how it is scored, the range of its figures, and the weight that would turn the first two round."""
    turns = {(f["axis"], f["measure"]): f for f in worth["flips"]}
    rows = []
    for c in worth["criteria"]:
        flip, axis = turns.get((c["axis"], c["measure"])), AXES[c["axis"]]
        near = flip and 1 / FAR <= flip["factor"] <= FAR
        line = {"criterion": measure_words(c["measure"], project), "axis": say(axis), "weight": c["weight"]}
        rows.append(line | {"figures": _range(c, worth), "scored": _scoring(c), "turns": flip["to"] if near else None})
    columns = [
        Column("criterion", say("Criterion")),
        Column("axis", say("Counts for")),
        Column("weight", say("Weight"), "number", 1),
        Column("figures", say("Figures, lowest to highest")),
        Column("scored", say("Scored from 0 to 100")),
        Column("turns", say("Weight at which the first two change places"), "number", 1),
    ]
    note = say("A dash: no weight between a quarter and four times this one turns the first two round, all other weights staying.")
    frame = pd.DataFrame(rows, columns=[c.name for c in columns])
    return Table("worth_weights", say("What the order rests on"), frame, columns, note=note)


def _range(criterion: dict, worth: dict) -> str:
    measure = criterion["measure"]
    known = [s["figures"][measure]["value"] for s in worth["segments"] if s["figures"][measure] is not None]
    if not known:
        return words.NONE
    kind, digits = KINDS.get(measure, ("number", 0))
    low, high = (_written(x, kind, digits) for x in (min(known), max(known)))
    return low if low == high else say("{low} to {high}", low=low, high=high)


def _scoring(criterion: dict) -> str:
    if not criterion["used"]:
        lacks = LACKS[criterion["why"]]
        return say(lacks)
    measure = criterion["measure"]
    kind = "amount" if measure in worth_of.AMOUNTS else "share" if measure in worth_of.SHARES else measure
    how = SCORED.get(kind, SCORED["judged"])
    return say(how)


def order_words(worth: dict, project: Project) -> str:
    """How firm the order is: under other weights, within the figures' intervals, and scored the other usual way."""
    first = _in_play(worth)
    if len(first) < 2:
        return say("Fewer than two segments are left: there is no order to doubt.")
    values = {"name": segment_name(first[0]), "share": words.share(first[0]["first"], 0), "n": words.number(worth["draws"])}
    parts = [say("“{name}” comes first in {share} of {n} draws around the weights.", **values), _flip_words(worth, project)]
    other = _by_id(worth)[worth["other_order"][0]]
    if other["id"] != first[0]["id"]:
        parts.append(say("Scored from the worst segment, 0, to the best, 100, “{name}” would be first.", name=segment_name(other)))
    elif set(worth["other_order"][: worth["top"]]) == set(worth["order"][: worth["top"]]):
        parts.append(say("Scored from the worst segment, 0, to the best, 100, the first and the upper half stay the same."))
    else:
        parts.append(say("Scored from the worst segment, 0, to the best, 100, the first stays, and the upper half changes."))
    return " ".join(parts)


def _flip_words(worth: dict, project: Project) -> str:
    """The single weight whose smallest move turns the first two round."""
    near = [f for f in worth["flips"] if 1 / FAR <= f["factor"] <= FAR]
    first = _in_play(worth)
    pair = {"one": segment_name(first[0]), "two": segment_name(first[1])}
    if not near:
        return say("No single weight between a quarter and four times its own turns “{one}” and “{two}” round.", **pair)
    flip = near[0]
    values = {
        "measure": measure_words(flip["measure"], project),
        "weight": words.number(flip["weight"], 1),
        "to": words.number(flip["to"], 1),
    }
    return say("“{one}” and “{two}” change places when the weight of “{measure}” goes from {weight} to {to}.", **pair, **values)


# Agreed before building


def agreed_words(worth: dict) -> str:
    """Whether the weights were agreed before anybody could see the segments."""
    found = worth["agreed"]
    if found["status"] == worth_of.OWN:
        return say(
            "Nobody has agreed to these weights: they are the program’s. Agree on them before the next build "
            "(scope.attractiveness of project.yml), or everybody will weigh for a favourite."
        )
    if found["status"] == worth_of.UNDATED:
        return say(
            "The weights are typed without the day of the agreement: whether it came before the segments cannot be told (agreed_on)."
        )
    values = {"day": words.day(found["on"]), "against": words.day(found["against"])}
    if found["status"] == worth_of.LATER:
        return say("The weights bear the date {day}, which is not before this analysis: look at agreed_on of project.yml.", **values)
    if found["status"] == worth_of.AFTER:
        return say(
            "The weights were agreed on {day}, after the variables were signed or the build decided ({against}): whoever agreed may have "
            "known the segments.",
            **values,
        )
    if found["status"] == worth_of.BEFORE:
        who = words.join([words.text(one) for one in found["by"]]) or say("nobody is named")
        return say("The weights were agreed on {day} ({who}), before the segments were built.", who=who, **values)
    return say(
        "The weights were agreed on {day}; whether before the build cannot be told: neither signatures nor decisions bear a date.", **values
    )


def caveats(worth: dict, project: Project) -> list[str]:
    """What is missing from the order, each with what it would take."""
    result = []
    for c in worth["criteria"]:
        if c["used"]:
            continue
        wanted = WANTED.get(c["measure"], mark("Let people judge every segment, target.judged of project.yml."))
        what = measure_words(c["measure"], project)
        values = {"measure": what, "weight": words.number(c["weight"], 1), "wanted": say(wanted)}
        result.append(say("“{measure}” (weight {weight}) is left out for all segments. {wanted}", **values))
    weighed = {c["measure"] for c in worth["criteria"]}
    idle = [words.text(j.name) for key, j in project.target.judged.items() if key not in weighed]
    if idle:
        result.append(say("{names} is judged and has no weight: scope.attractiveness.serve of project.yml.", names=words.join(idle)))
    there = {s["id"] for s in worth["segments"]} | set(worth["withheld"])
    strange = sorted({one for j in project.target.judged.values() for one in j.scores if one not in there})
    if strange:
        result.append(say("People judged {ids}, which step 6 did not build: left out (target.judged).", ids=words.join(strange)))
    if {"revenue", "margin"} <= weighed:
        result.append(say("Revenue and margin are both weighed, at one margin rate: the same thing counts twice."))
    if worth["withheld"]:
        result.append(
            say_n(
                "{n} segment has too few customers to be judged.",
                "{n} segments have too few customers to be judged.",
                len(worth["withheld"]),
            )
        )
    result.append(
        say("The product rewards segments that are middling on both counts; a knock-out criterion is the place for what is a must.")
    )
    return result


def points(worth: dict) -> list[str]:
    """What the summary of the step says of the segments' worth; nothing where there is no order."""
    return [say("{claim}.", claim=_claim(_in_play(worth), worth))] if worth["order"] else []
