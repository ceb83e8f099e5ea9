"""What the page of step 8 says of the budget: who is worth money, how much more than equal spend, and what being wrong would cost."""

import pandas as pd

from helpers import words
from helpers.build.portraits import segment_name, short_name
from helpers.project import Project
from helpers.tables import Column, Table, nothing
from helpers.target import spending as spend_of
from helpers.words import mark, say, say_n

LEFT_OUT = {
    spend_of.NO_OFFER: mark("no offer is typed (target.offers of project.yml)"),
    spend_of.NO_MARGIN: mark("no margin is typed (target.margin_rate of project.yml: ask finance)"),
    spend_of.NO_ORDER: mark("no spend per order is known"),
    spend_of.NO_COST: mark("nobody knows how many would take the offer and come anyway (anyway_share of the offer)"),
    spend_of.NEVER: mark("the offer costs at least the margin of an order"),
    spend_of.KNOCKED_OUT: mark("knocked out (scope.attractiveness.knock_out of project.yml)"),
    spend_of.NOBODY: mark("nobody is on its list, or too few to be told"),
}
SURE = 0.9
"""Share of draws from which one division is called better than another."""


def _told(found: dict) -> list[dict]:
    return [s for s in found["segments"] if s["best"] is not None]


# What each segment would bring


def gains_frame(found: dict) -> pd.DataFrame:
    """label, value, low, high: what contacting everybody on each segment's list is expected to bring, less its cost; money."""
    rows = []
    for s in _told(found):
        half = 1.96 * s["sd"] * s["margin"] * s["people"]
        value = s["net"] * s["people"]
        rows.append({"label": segment_name(s), "value": value, "low": value - half, "high": value + half})
    return pd.DataFrame(rows, columns=["label", "value", "low", "high"])


def gains_words(found: dict) -> dict:
    """The words of the chart of expected gains."""
    name, told = "gains", _told(found)
    if not told:
        return nothing(name, say("Where money pays cannot be told: no segment has an offer whose cost and margin are known."))
    sure = [s for s in told if s["fails"] <= 0.025]
    pays = [s for s in told if s["net"] > 0]
    values = {"n": words.number(len(pays)), "all": words.number(len(told)), "sure": words.number(len(sure))}
    return {
        "name": name,
        "title": say_n(
            "{n} of {all} segments is expected to repay its contacts, {sure} of them surely",
            "{n} of {all} segments are expected to repay their contacts, {sure} of them surely",
            len(pays),
            **values,
        ),
        "subtitle": say("Expected margin less cost of contacting everybody on a segment’s list once"),
        "alt": " ".join([say("{name}: {net}.", name=segment_name(s), net=words.money(s["net"] * s["people"], 0)) for s in told]),
        "source": _source(found, told),
    }


def _source(found: dict, told: list[dict]) -> str:
    """Where the rises come from."""
    measured = [s for s in told if s["source"] == spend_of.MEASURED]
    if not measured:
        return say("No rise has been measured: {rise} points are assumed, typed as plausible.", rise=_points(found["plausible"]))
    names = words.join(sorted({c for s in measured for c in s["campaigns"]}))
    if len(measured) == len(told):
        return say("Rises as measured by earlier campaigns with a control group: {names}.", names=names)
    return say(
        "Rises as measured by earlier campaigns ({names}), else {rise} points, assumed.", names=names, rise=_points(found["plausible"])
    )


# Who gets the money


def spending_table(found: dict) -> Table:
    """The budget by segment, beside equal spend; the total below."""
    rows = []
    for s in found["segments"]:
        best, equal = s["best"] or {}, s["equal"] or {}
        row = {"name": segment_name(s), "people": s["people"] or None, "rise": s["rise"] * 100, "even": _times100(s["break_even"])}
        row |= {"fails": s["fails"], "contacts": best.get("contacts"), "spend": best.get("spend"), "net": best.get("net")}
        rows.append(row | {"range": _range(best), "equal_spend": equal.get("spend"), "equal": equal.get("net")})
    if found["total"]:
        best, equal = found["total"]["best"], found["total"]["equal"]
        row = {"name": say("All together"), "spend": best["spend"], "net": best["net"], "range": _range(best)}
        rows.append(row | {"equal_spend": equal["spend"], "equal": equal["net"]})
    columns = [
        Column("name", say("Segment")),
        Column("people", say("On the list, no control"), "count", people=True),
        Column("rise", say("Expected rise, points"), "number", 1),
        Column("even", say("Break-even, points"), "number", 1),
        Column("fails", say("Chance that it does not pay"), "share", 0),
        Column("contacts", say("Contacts"), "count"),
        Column("spend", say("Spend"), "money", 0),
        Column("net", say("Expected gain"), "money", 0),
        Column("range", say("95 of 100 cases")),
        Column("equal_spend", say("Equal spend"), "money", 0),
        Column("equal", say("Gain by equal spend"), "money", 0),
    ]
    frame = pd.DataFrame(rows, columns=[c.name for c in columns])
    return Table("spending", say("Where the money goes"), frame, columns, note=_note(found))


def _note(found: dict) -> str:
    note = say(
        "Money goes first to the segment whose contact brings most for what it costs, and to none that is expected to lose. Equal spend: "
        "the same sum for every segment, as far as its list goes. Gain: margin less contacts and offers redeemed, over {n} draws of the "
        "rises; {shared} of their doubt is common to all segments.",
        n=words.number(found["draws"]),
        shared=words.share(found["shared"], 0),
    )
    if any(s["source"] == spend_of.PLAUSIBLE for s in _told(found)):
        doubt = say(
            "A rise that nobody measured is taken as {rise} points, give or take {sd} (standard deviation).",
            rise=_points(found["plausible"]),
            sd=_points(found["plausible"] * found["spread"]),
        )
        note = f"{note} {doubt}"
    return note


def _range(part: dict) -> str | None:
    if not part:
        return None
    return say("{low} to {high}", low=words.money(part["low"], 0), high=words.money(part["high"], 0))


def _times100(share: float | None) -> float | None:
    return None if share is None else share * 100


def _points(share: float) -> str:
    return words.number(share * 100, 1)


def spending_words(found: dict) -> str:
    """What the division brings, whether the budget binds, and how it does against equal spend."""
    total = found["total"]
    if total is None:
        return say("Nothing can be divided. {left}", left=left_out_words(found))
    best, ahead = total["best"], total["difference"]
    if not best["spend"] and not any(s["best"]["contacts"] for s in _told(found)):
        return say("No contact is expected to pay: the best division spends nothing. Change the offers, or test before you spend.")
    values = {"spend": words.money(best["spend"], 0), "net": words.money(best["net"], 0), "range": _range(best)}
    parts = [say("Spending {spend} where it pays is expected to bring {net} more than it costs ({range}).", **values), _budget_words(found)]
    values = {"more": words.money(ahead["net"], 0), "range": _range(ahead), "share": _of_draws(ahead["better"])}
    if abs(ahead["net"]) < 1:
        parts.append(say("Equal spend would do the same: every segment that pays can be contacted whole."))
    elif ahead["better"] >= SURE:
        parts.append(say("That is {more} more than the same money in equal parts ({range}), and better in {share} of the draws.", **values))
    else:
        parts.append(
            say("Against equal parts, {more} more are expected ({range}), but better in only {share} of the draws: hardly surer.", **values)
        )
    return " ".join(p for p in parts if p)


def _of_draws(share: float) -> str:
    """A share of draws; what is not quite all or none is not rounded to it."""
    if 0.995 <= share < 1:
        return say("over {share}", share=words.share(0.99, 0))
    return say("under {share}", share=words.share(0.01, 0)) if 0 < share < 0.005 else words.share(share, 0)


def _budget_words(found: dict) -> str:
    if found["budget"] is None:
        return say("No budget is typed (target.budget): everybody whose contact pays is contacted.")
    budget = words.money(found["budget"], 0)
    if found["bound"]:
        return say("The budget of {budget} is used up; more money would still pay.", budget=budget)
    if any(_would_pay(s) for s in found["segments"]):
        return say("The budget of {budget} does not bind: of the segments in play no other contact is expected to pay.", budget=budget)
    return say("The budget of {budget} does not bind: beyond this, contacts are expected to lose.", budget=budget)


def _would_pay(segment: dict) -> bool:
    """Whether a segment that is knocked out would pay."""
    known = segment["why"] == spend_of.KNOCKED_OUT and None not in (segment["margin"], segment["price"])
    return known and segment["rise"] * segment["margin"] > segment["price"]


def left_out_words(found: dict) -> str:
    """Which segments get nothing because something is not known, with what it would take."""
    parts = []
    for code, why in LEFT_OUT.items():
        names = [segment_name(s) for s in found["segments"] if s["why"] == code]
        if names:
            parts.append(say("{names}: {why}.", names=words.join(names), why=say(why)))
    return " ".join(parts)


# The cost of being wrong


def wrong_words(found: dict) -> str:
    """The expected loss of the division against knowing, and where it lies."""
    told = _told(found)
    if found["wrong"] is None or not told:
        return say("What being wrong would cost cannot be told before offers, costs and a margin are known.")
    most = max(told, key=lambda s: s["wrong"])
    values = {"wrong": words.money(found["wrong"], 0), "loses": _of_draws(found["loses"])}
    parts = [
        say(
            "Whoever knew every rise beforehand would earn {wrong} more on average: no test for this one campaign is worth more than that. "
            "The division loses money in {loses} of the draws.",
            **values,
        )
    ]
    if most["wrong"] >= 1:
        values = {"name": segment_name(most), "wrong": words.money(most["wrong"], 0)}
        parts.append(say("Most of the doubt that matters lies in “{name}”: knowing its rise alone is worth {wrong}.", **values))
    else:
        parts.append(say("No segment’s rise alone would change the division: there is nothing worth asking first."))
    return " ".join(parts)


def wrong_table(found: dict) -> Table:
    """A segment a row: the value of knowing its rise, and the best small test before the rest is decided."""
    rows = []
    for s in _told(found):
        test = s["test"]
        pays = test is not None and test["gain"] > 0
        row = {"name": segment_name(s), "fails": s["fails"], "wrong": s["wrong"], "verdict": _test_words(test)}
        keys = ("n", "cost", "worth", "gain")
        rows.append(row | {key: test[key] if pays else None for key in keys})
    columns = [
        Column("name", say("Segment")),
        Column("fails", say("Chance that it does not pay"), "share", 0),
        Column("wrong", say("Knowing the rise is worth"), "money", 0),
        Column("n", say("Test groups of"), "count"),
        Column("cost", say("The test costs"), "money", 2),
        Column("worth", say("It saves on the rest"), "money", 2),
        Column("gain", say("Left over"), "money", 2),
        Column("verdict", say("What to do")),
    ]
    note = say(
        "A test contacts one group and leaves another of the same size alone before the rest of the segment is decided. It costs what the "
        "wrong half is expected to miss or to lose, and the weeks until its answers are in. What it teaches for later campaigns comes on "
        "top."
    )
    frame = pd.DataFrame(rows, columns=[c.name for c in columns])
    return Table("wrong", say("The cost of being wrong, and what a test would cost instead"), frame, columns, note=note)


def _test_words(test: dict | None) -> str:
    if test is None:
        return say("cannot tell: too few people, or nobody knows how many respond without a contact")
    if test["gain"] > 0:
        return say("test first, then decide for the rest")
    return say("decide now: no test pays for itself")


def caveats(found: dict, project: Project) -> list[str]:
    """What the division rests on, and what it leaves out."""
    result = []
    if found["verdict"] in ("rules", "level"):
        result.append(
            say(
                "Step 6 found that segments are not needed for the budget: rules of spend do at least as well. Divide by segments where "
                "the offers differ, not because the segments do."
            )
        )
    result += _added_doubt(found, project)
    other = [segment_name(s) for s in _told(found) if s["same_channel"] is False]
    if other:
        result.append(
            say(
                "No earlier campaign measured {names} by the channel of the offer: the rise is that of other channels.",
                names=words.join(other),
            )
        )
    if project.target.also:
        result.append(say("Offers to those whom a rule names (target.also) are not in the division: only segments are."))
    if left := left_out_words(found):
        result.append(say("Left out of the division: {left}", left=left))
    result.append(
        say(
            "One order is counted for each response, none after it, and no contact is counted twice. The value ahead that step 4 predicts "
            "is not added: customers are expected to bring it with or without a contact."
        )
    )
    return result


def _added_doubt(found: dict, project: Project) -> list[str]:
    """Of whom the rise is known less well than its standard error says."""
    result = []
    single = [segment_name(s) for s in _told(found) if len(s["campaigns"]) == 1]
    added = _points(project.scope.criteria.interesting_uplift * found["other_offer"])
    if single:
        said = say(
            "One campaign alone, with another offer, measured {names}: {sd} points are added to the doubt, an assumption.",
            names=words.join(single),
            sd=added,
        )
        result.append(said)
    pooled = [segment_name(s) for s in _told(found) if s["own"] is False]
    if pooled:
        said = say(
            "Earlier campaigns were too small to tell {names} from the other segments: the rise is mostly that of all, and how far their "
            "own may lie from it is in the doubt.",
            names=words.join(pooled),
        )
        result.append(said)
    return result


def points(found: dict) -> list[str]:
    """What the summary of the step says of the budget; nothing where it cannot be told."""
    return [said for said in (listed_words(found), spending_words(found) if found["total"] else "") if said]


def listed_words(found: dict) -> str:
    """What the lists as drawn are expected to bring by measured rises; nothing where none was measured."""
    listed = found["listed"]
    if listed is None:
        return ""
    values = {"net": words.money(listed["net"], 0), "range": _range(listed), "rise": _points(found["plausible"])}
    if listed["measured"]:
        return say("Contacting everybody on the lists is expected to bring {net} ({range}) by the rises that were measured.", **values)
    return say(
        "Contacting everybody on the lists is expected to bring {net} ({range}) by the rises that were measured, and {rise} points where "
        "none was.",
        **values,
    )


def figures(found: dict) -> list[tuple[str, str]]:
    """The key figure beside the assumed gain; none where no rise was measured."""
    listed = found["listed"]
    return [] if listed is None else [(say("Expected gain, by measured rises"), words.money(listed["net"], 0))]


def headline(found: dict) -> str:
    """The segment that gets the most money, for a sheet or the first page; nothing where none gets any."""
    paid = [s for s in _told(found) if s["best"]["spend"] > 0]
    if not paid:
        return ""
    most = max(paid, key=lambda s: (s["best"]["spend"], s["id"]))
    share = most["best"]["spend"] / found["total"]["best"]["spend"]
    return say("Most money, {share}, goes to “{name}”", share=words.share(share, 0), name=short_name(most))
