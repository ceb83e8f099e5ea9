"""What the page of step 9 says of what rests on the segments: lines of personas' cards, typed names, and offers."""

import pandas as pd

from helpers import words
from helpers.adopt.personas.words import FIELDS, Wording, share_words
from helpers.project import Project
from helpers.tables import Column, Table
from helpers.words import mark, say, say_n

NOT_COMPARED = {
    "no earlier run": mark("Whether the cards still hold cannot be told: the run in which these segments were built is not there."),
    "built anew": mark("Whether the cards still hold cannot be told: the segments were built anew."),
    "no cards": mark("Whether the cards still hold cannot be told: the run in which these segments were built kept none."),
}
OFFERS = {
    "loses now": mark("paid then, loses now"),
    "loses still": mark("loses, as it did then"),
    "loses": mark("loses"),
    "pays now": mark("lost then, pays now"),
}


def rests_words(found: dict) -> str:
    """How many lines of cards, names and offers hold no longer."""
    cards = found["cards"]
    gone = sum(line["state"] == "gone" for line in cards["lines"])
    if cards["reason"]:
        sentence = NOT_COMPARED[cards["reason"]]
        told = [say(sentence)]
    elif gone:
        values = {"gone": words.number(gone), "n": words.number(cards["compared"])}
        told = [say("Of {n} lines of the personas’ cards, {gone} may no longer be said.", **values)]
    else:
        told = [say("All {n} lines of the personas’ cards that can be compared may still be said.", n=words.number(cards["compared"]))]
    withdrawn = sum(one["state"] == "withdrawn" for one in found["names"])
    lost = sum(one["state"] == "loses now" for one in found["offers"])
    if withdrawn:
        told.append(say_n("{n} typed name no longer fits its segment.", "{n} typed names no longer fit their segments.", withdrawn))
    if lost:
        told.append(say_n("{n} offer that paid then loses now.", "{n} offers that paid then lose now.", lost))
    return " ".join(told)


def rests_table(found: dict, named: dict[str, str], project: Project) -> Table:
    """Lines of cards, names and offers that changed since the segments were approved.

    named   id → what people call the segment
    """
    rows = [*_card_rows(found["cards"]["lines"], project), *_name_rows(found["names"], named), *_offer_rows(found["offers"], named)]
    columns = [
        Column("what", say("What rests on the segments")),
        Column("then", say("Then")),
        Column("now", say("Now")),
        Column("change", say("Change, points")),
        Column("state", say("Verdict")),
    ]
    note = say("Shares of members of whom it is known; intervals hold for all lines compared together, at 95%.")
    frame = pd.DataFrame(rows, columns=[c.name for c in columns])
    return Table("rests", say("What rests on the segments and has changed since"), frame, columns, note=note)


def changed(found: dict) -> bool:
    """Whether anything that rests on the segments has changed since, so that there is a table to show."""
    if found["since"] is None:
        return False
    named = any(one["state"] == "withdrawn" for one in found["names"])
    return bool(found["cards"]["lines"]) or named or any(one["state"] in OFFERS for one in found["offers"])


def _card_rows(lines: list[dict], project: Project) -> list[dict]:
    wording, rows = Wording(project), []
    for line in sorted(lines, key=lambda one: (one["state"] != "gone", one["low"] or 0.0)):
        field = FIELDS[line["field"]]
        what = say(
            "{persona} · {field}: {fact}",
            persona=words.text(line["name"]),
            field=say(field),
            fact=wording.fact(line["fact"], line["field"]),
        )
        now = share_words(line["share_now"]) if line["share_now"] is not None else say("too few to tell")
        state = say("holds no longer") if line["state"] == "gone" else say("less than then, and still holds")
        typed = say("the card says: “{text}”", text=words.text(line["typed"])) if line["typed"] and line["state"] == "gone" else ""
        row = {"what": what, "then": share_words(line["fact"]["share"]), "now": now}
        change = in_points(line, "change") if line["low"] is not None else words.NONE
        rows.append(row | {"change": change, "state": f"{state}; {typed}" if typed else state})
    return rows


def _name_rows(found: list[dict], named: dict[str, str]) -> list[dict]:
    return [
        {"what": say("The name of “{segment}”", segment=named.get(one["segment"], one["segment"]))}
        | {"then": say("fits"), "now": say("does not fit"), "change": "", "state": say("give it another name")}
        for one in found
        if one["state"] == "withdrawn"
    ]


def _offer_rows(found: list[dict], named: dict[str, str]) -> list[dict]:
    rows = []
    for one in (o for o in found if o["state"] in OFFERS):
        verdict = OFFERS[one["state"]]
        then = say("paid") if one["state"] == "loses now" else say("not known") if one["state"] == "loses" else say("lost")
        name = named.get(one["segment"], one["segment"])
        what = say("Offer to “{segment}”: {offer}", segment=name, offer=words.text(one["offer"]))
        now = words.NONE if one["gain"] is None else words.money(one["gain"], 0)
        rows.append({"what": what, "then": then, "now": now, "change": "", "state": say(verdict)})
    return rows


def in_points(line: dict, value: str) -> str:
    """A difference of shares in points, with its interval."""
    if line[value] is None:
        return words.NONE
    ends = {key: words.number(line[key] * 100, 1) for key in ("low", "high")}
    return say("{value} ({low} to {high})", value=words.signed(line[value] * 100, 1), **ends)
