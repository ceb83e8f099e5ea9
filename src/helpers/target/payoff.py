"""What the page of step 8 says of the test and of the money: what a campaign could show, what it must bring, what is assumed."""

import pandas as pd

from helpers import words
from helpers.build.portraits import segment_name
from helpers.charts import colours
from helpers.charts.style import NEUTRAL
from helpers.project import Project
from helpers.tables import Column, Table, nothing
from helpers.target.plan import MOST_CAMPAIGNS, NEEDED, assumptions
from helpers.words import mark, say, say_n

WANTED = mark("needed: answers to earlier mailings, what a control group does, or a typed guess")
WHAT = {
    "margin_rate": mark("Margin, as a share of revenue"),
    "contact": mark("One contact: {of}"),
    "offer": mark("One redeemed offer: {of}"),
    "anyway": mark("Share who would take it and come anyway: {of}"),
    "plausible": mark("Rise in response thought plausible"),
    "control_share": mark("Share of those on the list of a segment who are control"),
    "universal_control": mark("Share of all customers left out of every campaign"),
}


# What the campaign could show


def effects_frame(plan: dict) -> pd.DataFrame:
    """label, value (points of 100): the smallest visible rise of each segment, of all together, and the plausible one."""
    rows = [{"label": segment_name(s), "value": s["smallest_effect"]} for s in plan["segments"] if s["smallest_effect"] is not None]
    pooled = plan["pooled"]
    if len(rows) > 1 and pooled and pooled["smallest_effect"] is not None:
        rows.append({"label": say("All together"), "value": pooled["smallest_effect"]})
    return _with_plausible(rows, plan)


def _with_plausible(rows: list[dict], plan: dict) -> pd.DataFrame:
    rows = [*rows, {"label": say("Thought plausible"), "value": plan["plausible"]}] if rows else []
    frame = pd.DataFrame(rows, columns=["label", "value"])
    return frame.assign(value=frame["value"].astype("float64") * 100)


def effects_words(plan: dict) -> dict:
    """The words of the chart of smallest visible rises."""
    frame = effects_frame(plan)
    if frame.empty:
        return nothing("effects", _unseen())
    seen = [s for s in plan["segments"] if s["learns"]]
    asked = [s for s in plan["segments"] if s["smallest_effect"] is not None]
    values = {"n": words.number(len(seen)), "all": words.number(len(asked)), "rise": _points(plan["plausible"])}
    if seen:
        title = say_n(
            "A test in {n} of {all} segment could see a rise of {rise} points",
            "A test in {n} of {all} segments could see a rise of {rise} points",
            len(asked),
            **values,
        )
    else:
        title = say("No segment alone is large enough to see a rise of {rise} points", **values)
    return {
        "name": "effects",
        "title": title,
        "subtitle": say("Smallest rise in response, points of 100, that one campaign shows in four cases of five, at a 5% level"),
        "alt": _told(frame),
        "source": _base(plan),
    }


def _base(plan: dict) -> str:
    """What the rises are rises from."""
    if plan.get("base_from") == "control":
        return say("Base: what control groups of earlier campaigns did within 30 days; contacted against control of this campaign")
    return say("Base: mailings answered within 30 days, {since}; contacted against control of this campaign", since=_since(plan))


def _since(plan: dict) -> str:
    """Which mailings the responses come from."""
    day = plan["answers_since"]
    return say("all history") if day is None else say("of segments as built on {day}, sent after it", day=words.day(day))


def _unseen() -> str:
    return say("What a test could see cannot be told: no earlier answers are known, or the segments are too small.")


def effects_verdict(plan: dict) -> str:
    """What to do where a segment is too small to learn from, and what the typed control share costs."""
    asked = [s for s in plan["segments"] if s["smallest_effect"] is not None]
    if not any(s["offer"] for s in plan["segments"]):
        return say("Nothing is tested: no segment has an offer.")
    if not asked:
        return " ".join([_unseen(), say("Contact, keep the control group, and add up several campaigns.")])
    blind = [segment_name(s) for s in asked if not s["learns"]]
    parts = []
    if blind:
        parts.append(say_n("Too small to learn from: {names}.", "Too small to learn from: {names}.", len(blind), names=words.join(blind)))
        parts.append(_nevertheless(plan))
    else:
        parts.append(say("Every segment is large enough to learn from."))
    return " ".join([*parts, _control_costs(asked, plan)])


def _nevertheless(plan: dict) -> str:
    """All segments together, else several campaigns."""
    pooled = plan["pooled"]
    if pooled["smallest_effect"] is None:
        return say("Together they are too few as well: keep the control group and add up campaigns.")
    values = {"effect": _points(pooled["smallest_effect"]), "rise": _points(plan["plausible"])}
    if pooled["learns"]:
        return say("Test across all segments together: that shows a rise from {effect} points on, {rise} are plausible.", **values)
    if pooled["campaigns_needed"]:
        return say(
            "Together they show a rise from {effect} points on: add up at least {n} campaigns of this size to see {rise}.",
            n=words.number(pooled["campaigns_needed"]),
            **values,
        )
    return say(
        "Together they show a rise from {effect} points on, and more than {n} campaigns would be needed to see {rise}: try a bolder offer.",
        n=words.number(MOST_CAMPAIGNS),
        **values,
    )


def _control_costs(asked: list[dict], plan: dict) -> str:
    """What the typed control share costs in the smallest segment that is tested, against one half."""
    smallest = max(asked, key=lambda s: (s["smallest_effect"], s["id"]))
    if smallest["smallest_at_half"] is None:
        return ""
    return say(
        "With {share} as control, “{name}” shows a rise from {now} points on; with half as control, from {half}.",
        share=words.share(plan["control_share"], 0),
        name=segment_name(smallest),
        now=_points(smallest["smallest_effect"]),
        half=_points(smallest["smallest_at_half"]),
    )


# What it must bring


def pays_frame(plan: dict) -> pd.DataFrame:
    """label, value (points of 100): the break-even rise of each offer, and the plausible one."""
    rows = [{"label": segment_name(s), "value": s["break_even"]} for s in plan["segments"] if s["break_even"] is not None]
    return _with_plausible(rows, plan)


def palette(plan: dict) -> dict[str, str]:
    """Label → colour of a chart with a bar a segment; what is no segment is grey."""
    chosen = colours([segment_name(s) for s in plan["segments"]], {segment_name(s): s["colour"] for s in plan["segments"] if s["colour"]})
    return chosen | dict.fromkeys((say("All together"), say("Thought plausible")), NEUTRAL)


def pays_words(plan: dict) -> dict:
    """The words of the chart of break-even rises."""
    frame, name = pays_frame(plan), "break_even"
    judged = [s for s in plan["segments"] if s["pays"] is not None]
    if frame.empty:
        never = bool(judged) and all(s["margin_of_response"] <= 0 for s in judged) and len(judged) == len(_offered(plan))
        return nothing(name, say("No offer pays at any rise: each costs at least the margin of an order.") if never else _unpriced(plan))
    unsure = len(_offered(plan)) > len(judged)
    values = {"n": words.number(sum(s["pays"] for s in judged)), "all": words.number(len(judged)), "rise": _points(plan["plausible"])}
    return {
        "name": name,
        "title": say_n(
            "{n} of {all} offer pays at the assumed rise of {rise} points",
            "{n} of {all} offers pay at the assumed rise of {rise} points",
            len(judged),
            **values,
        ),
        "subtitle": say("Rise in response, points of 100, that pays for one contact, beside the one thought plausible"),
        "alt": _told(frame),
        "source": say("Rests on typed margin and costs: all of it assumptions. Offers that pay at no rise, or cannot be told, have no bar.")
        if unsure
        else say("Rests on typed margin and costs: all of it assumptions. Offers that pay at no rise have no bar."),
    }


def _unpriced(plan: dict) -> str:
    if plan["margin_rate"] is None:
        return say("Whether an offer pays cannot be told: no margin is typed (target.margin_rate of project.yml).")
    if any(s["margin_of_response"] is not None for s in plan["segments"]):
        return say("Whether an offer pays cannot be told: nobody knows how many would take it and come anyway.")
    return say("Whether an offer pays cannot be told: no offer is typed, or no spend per order is known.")


def _offered(plan: dict) -> list[dict]:
    """Segments with an offer whose money can be spoken of."""
    return [s for s in plan["segments"] if s["margin_of_response"] is not None]


def unknown_anyway(segment: dict, project: Project) -> bool:
    """Whether an offer costs something and nobody knows how many would take it and come anyway."""
    offer = project.target.offers.get(segment["id"])
    return bool(offer and offer.cost and segment["anyway"] and segment["anyway"]["share"] is None)


def money_table(plan: dict) -> Table:
    """What each offer costs and brings, if the assumptions hold."""
    rows = []
    for s in plan["segments"]:
        row = {key: s[key] for key in ("per_contact", "margin_of_response", "cost", "gain")}
        points = None if s["break_even"] is None else s["break_even"] * 100
        rows.append({"name": segment_name(s), "contacted": s["contacted"], **row, "break_even": points, "pays": _pays(s)})
    whole = plan["total"]
    rows.append({"name": say("All together"), "contacted": whole["contacted"], "cost": whole["cost"], "gain": whole["gain"], "pays": ""})
    columns = [
        Column("name", say("Segment")),
        Column("contacted", say("To be contacted"), "count", people=True),
        Column("per_contact", say("Cost of one contact"), "money", 2),
        Column("margin_of_response", say("Margin of one response"), "money", 2),
        Column("cost", say("Cost"), "money", 0),
        Column("gain", say("Expected gain, net of cost"), "money", 0),
        Column("break_even", say("Break-even rise, points"), "number", 1),
        Column("pays", say("Pays?")),
    ]
    note = say(
        "All assumed. Cost of one contact: the channel, and the offers taken by those who come anyway, {anyway}. Margin of one response: "
        "spend per order × margin − the redeemed offer. Gain: contacted × {points} points × that margin − cost. A dash: cannot tell.",
        anyway=_who_comes(plan),
        points=_points(plan["plausible"]),
    )
    frame = pd.DataFrame(rows, columns=[c.name for c in columns])
    return Table("money", say("What the offers would cost and bring, if the assumptions hold"), frame, columns, note=note)


def _who_comes(plan: dict) -> str:
    """How it is known who comes anyway."""
    sources = {s["anyway"]["source"] for s in plan["segments"] if s["anyway"]}
    if sources == {"control"}:
        return say("as many as in control groups of earlier campaigns")
    if "control" in sources:
        return say("as many as in control groups of earlier campaigns, else as answered earlier mailings, else as typed")
    return say("as many as answered earlier mailings, too many where mailings raised them, else as typed")


def _pays(segment: dict) -> str:
    if not segment["offer"]:
        return say("no offer typed")
    if segment["pays"] is None:
        return say("cannot tell")
    if segment["pays"]:
        return say("yes")
    return say("never") if segment["margin_of_response"] <= 0 else say("no")


def pays_verdict(plan: dict, project: Project) -> str:
    """What to do about each offer that does not pay, or of which nobody can tell."""
    judged = [s for s in plan["segments"] if s["pays"] is not None]
    if not judged:
        return " ".join([_unpriced(plan), *_unknown(plan, project)])
    bad = [_cure(s, plan, project) for s in judged if not s["pays"]]
    good = (
        say("Every offer pays at the assumed rise.") if len(judged) == len(_offered(plan)) else say("The others pay at the assumed rise.")
    )
    unknown = _unknown(plan, project)
    return " ".join([*bad, *unknown, *([] if bad else [good])])


def _unknown(plan: dict, project: Project) -> list[str]:
    """Of which offers nobody can tell whether they pay, and the remedy."""
    names = [segment_name(s) for s in plan["segments"] if s["pays"] is None and unknown_anyway(s, project)]
    if not names:
        return []
    return [
        say(
            "{names}: cannot tell, for nobody knows how many would take the offer and come anyway. Contact with a control group and count "
            "who comes in it, or type a guess: anyway_share of the offer in project.yml.",
            names=words.join(names),
        )
    ]


def _cure(segment: dict, plan: dict, project: Project) -> str:
    """Why an offer does not pay, and what would."""
    name, offer = segment_name(segment), project.target.offers[segment["id"]]
    values = {"name": name, "cost": words.money(offer.cost), "plausible": _points(plan["plausible"])}
    if unknown_anyway(segment, project):
        return _certain(segment, values)
    if segment["pays_through"]:
        channel = words.text(project.target.channels[segment["pays_through"]].name)
        return say("{name}: does not pay by its channel; it would pay by “{channel}”.", name=name, channel=channel)
    largest = segment["largest_offer"]
    if segment["break_even"] is None:
        return _never(largest, values)
    cheaper = "" if largest is None else say(", or an offer of {x} at most", x=words.money(largest))
    values |= {"points": _points(segment["break_even"]), "cheaper": cheaper}
    if segment["fails_for"] == "anyway":
        return say(
            "{name}: does not pay, for many would take the offer of {cost} and come anyway; it would take a rise of {points} "
            "points{cheaper}, or an offer tied to a purchase that they would not have made.",
            **values,
        )
    if segment["fails_for"] == "offer":
        return say(
            "{name}: does not pay, for the offer of {cost} takes too much of the margin of an order; it would take a rise of {points} "
            "points{cheaper}.",
            **values,
        )
    return say("{name}: does not pay; it would take a rise of {points} points{cheaper}.", **values)


def _never(largest: float | None, values: dict) -> str:
    """What to do about an offer that costs at least the margin of an order."""
    if largest is None:
        return say(
            "{name}: never pays, for the offer costs at least the margin of an order, and even without it the plausible rise would not "
            "pay for the contact; leave it out.",
            **values,
        )
    return say(
        "{name}: never pays, the offer of {cost} eats the margin; it would pay at {largest} or less.",
        largest=words.money(largest),
        **values,
    )


def _certain(segment: dict, values: dict) -> str:
    """Why an offer does not pay however many, or few, would come anyway."""
    if segment["margin_of_response"] <= 0:
        return say(
            "{name}: never pays, the offer of {cost} is at least the margin of an order; make it cheaper, or leave it out.", **values
        )
    if segment["fails_for"] == "offer":
        return say(
            "{name}: does not pay at a rise of {plausible} points even if nobody came anyway, for the offer of {cost} takes too much of "
            "the margin of an order; make it cheaper.",
            **values,
        )
    return say(
        "{name}: does not pay at a rise of {plausible} points even if nobody came anyway: the contact costs too much; take a cheaper "
        "channel.",
        **values,
    )


def assumptions_table(project: Project, plan: dict) -> Table:
    """Everything that the figures above rest on, with its source and who answers for it."""
    rows = []
    for row in assumptions(project, plan):
        of, what = words.text(row.get("of")), row["what"]
        money = what in ("contact", "offer")
        value = say("none typed") if row["value"] is None else (words.money if money else words.share)(row["value"], 2 if money else 0)
        who = words.text(row["decided"][-1].decided_by) if row["decided"] else say("nobody is named")
        source = say(WANTED) if row["source"] == NEEDED else words.text(row["source"]) or say("no source typed")
        what = WHAT[what]
        rows.append({"what": say(what, of=of), "value": value, "source": source, "field": row["field"], "who": who})
    columns = [
        Column("what", say("Assumption")),
        Column("value", say("Value")),
        Column("source", say("Source")),
        Column("field", say("Typed in project.yml")),
        Column("who", say("Decided by")),
    ]
    note = say("Spend per order and answers to earlier mailings are observed; everything here is typed.")
    return Table("assumptions", say("What all of this assumes"), pd.DataFrame(rows), columns, note=note)


def _told(frame: pd.DataFrame) -> str:
    """A chart's bars in words."""
    return words.join([say("{name}: {points} points", name=r.label, points=words.number(r.value, 1)) for r in frame.itertuples()]) + "."


def _points(share: float) -> str:
    return words.number(share * 100, 1)
