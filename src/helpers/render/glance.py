"""The segments at a glance: a line a segment, with what is done for it, by whom, and what that brings and costs."""

from helpers import words
from helpers.build.portraits import in_short
from helpers.render.documents import CANNOT_TELL, at, few, figure, hidden, name, net, of, owner, typed
from helpers.words import absent, mark, say

GREY = "#6B6B6B"
TOO_FEW, NOT_YET = mark("too few to show"), mark("not yet")
NOT_SHOWN = mark("not shown: too few customers, or it would give another’s away")


def table(docs: dict, project) -> dict:
    """Headings as (label, is a number), rows whose cells stand in that order, and notes beneath."""
    labels = [
        (say("Customers"), True),
        (say("Share of customers"), True),
        (say("Share of revenue"), True),
        (say("Revenue each, 30 days"), True),
        (say("Change in customers"), True),
        (say("Still active"), True),
        (say("Reachable"), True),
        (say("What to do"), False),
        (say("Who"), False),
        (say("Expected gain *"), True),
        (say("Cost *"), True),
    ]
    segments, rows = docs["profiles"]["segments"], []
    smallest = min((value for s in segments if not absent(value := at(s, "revenue_per_30d", "value"))), default=0)
    for segment in segments:
        told = words.text(segment.get("in_short")) or not segment.get("suggested")  # a suggested name says the strongest trait already
        row = {"name": name(segment), "in_short": in_short(segment, project) if told else "", "colour": segment.get("colour") or GREY}
        row["remark"] = say("its name no longer fits and is withdrawn") if segment.get("fits") is False else ""
        if hidden(segment, project):
            rows.append(row | {"few": say(NOT_SHOWN), "in_short": "", "cells": []})
        else:
            rows.append(row | {"few": "", "cells": _cells(segment, docs, project, digits=0 if smallest >= 20 else 2)})
    return {"labels": labels, "rows": rows, "notes": _notes(docs)}


def _cells(segment: dict, docs: dict, project, *, digits: int) -> list[dict]:
    """The cells of one segment, in the order of the headings."""
    move, offer = of(docs["moves"], segment["id"]), {"id": segment["id"]} | of(docs["plan"], segment["id"])
    (action, *_), who = typed(project, "adopt", "actions", segment["id"]) or [None], owner(offer, project)
    return [
        _cell(words.number(segment["n"])),
        _cell(figure(segment.get("share_of_customers"), words.share, 0)),
        _cell(figure(segment.get("share_of_revenue"), words.share, 0)),
        _cell(figure(at(segment, "revenue_per_30d", "value"), words.money, digits)),
        _change(move, project) if docs["moves"] else _cell(say(NOT_YET), mood="quiet"),
        _part(segment.get("active_later") or {}, project),
        _part(offer.get("reachable") or {}, project) if docs["plan"] else _cell(say(NOT_YET), mood="quiet"),
        _cell(words.text(action.action)) if action else _cell(say("nothing planned"), mood="quiet"),
        _cell(who) if who else _cell(say("nobody named"), mood="quiet"),
        *_money(offer, docs, project),
    ]


def _change(move: dict, project) -> dict:
    """Customers won or lost on balance; what chance alone does must not look like a result."""
    change = move.get("net")
    if move.get("hidden") or any(few(move.get(when) or 0, project) for when in ("before", "now")):
        return _cell(say(TOO_FEW), mood="quiet")
    if absent(change):
        return _cell(say(CANNOT_TELL), mood="quiet")
    if move.get("beyond") is True:
        return _cell(net(change), mood="strong")
    return _cell(say("within noise") if move.get("beyond") is False else say("noise unknown"), note=net(change), mood="quiet")


def _part(part: dict, project) -> dict:
    """A share of a segment's customers, unless it is about too few of them."""
    if few(part.get("n") or 0, project):
        return _cell(say(TOO_FEW), mood="quiet")
    return _cell(figure(part.get("share"), words.share, 0))


def _money(offer: dict, docs: dict, project) -> list[dict]:
    """Expected gain and cost of the offer."""
    if not docs["plan"]:
        return [_cell(say(NOT_YET), mood="quiet")] * 2
    if few(offer.get("contacted") or 0, project):
        return [_cell(say(TOO_FEW), mood="quiet")] * 2
    gain, cost = (_cell(figure(offer.get(what), words.money, 0)) for what in ("gain", "cost"))
    return [gain, cost | {"note": say("more than it brings"), "mood": "warn"} if offer.get("pays") is False else cost]


def _cell(text: str, *, note: str = "", mood: str = "") -> dict:
    return {"text": text, "note": note, "mood": mood or ("quiet" if text == say(CANNOT_TELL) else "")}


def _notes(docs: dict) -> list[str]:
    """How to read the table."""
    notes, window = [], docs["evidence"].get("window") or {}
    if docs["moves"].get("from"):
        since, same = words.day(docs["moves"]["from"]), docs["moves"].get("approved")
        if same:
            told = say(
                "Change since {day}, by the rules of {run}: won from other segments less lost to them; within noise, chance does as much.",
                day=since,
                run=same["run"],
            )
        else:
            told = say(
                "Change since {day}, by that day’s rules: won from other segments less lost to them; within noise, chance does as much.",
                day=since,
            )
        notes.append(told)
    if window.get("built_at") and window.get("judged_until"):
        days = {"start": words.day(window["built_at"]), "end": words.day(window["judged_until"])}
        notes.append(
            say("Still active: of the segment’s members one horizon earlier, on {start}, the share that bought before {end}.", **days)
        )
    return [*notes, _assumptions(docs["plan"], docs["plan"].get("plausible"))]


def _assumptions(plan: dict, rise: float | None) -> str:
    """What gain and cost rest on: nobody has measured them."""
    if not plan:
        return say("* Not yet: step 8 has planned no campaign.")
    if absent(plan.get("margin_rate")):
        return say("* Assumptions, not results: costs as typed in project.yml; without a margin no gain can be told.")
    margin = words.share(plan["margin_rate"], 0)
    if absent(rise):
        return say("* Assumptions, not results: a margin of {margin}, costs as typed; the gain is what is left after costs.", margin=margin)
    return say(
        "* Assumptions, not results: answers rise by {points} points, a margin of {margin}, costs as typed; the gain is what is left "
        "after costs.",
        points=words.number(rise * 100, 1),
        margin=margin,
    )
