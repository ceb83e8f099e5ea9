"""What the page of step 8 says of earlier campaigns: what each did, whether it can be believed, and what it earned."""

import pandas as pd

from helpers import words
from helpers.build.portraits import segment_name, titles
from helpers.project import Project
from helpers.tables import Column, Table, nothing
from helpers.target.learnt import SIGN
from helpers.target.outcomes import MEASURED
from helpers.words import mark, say, say_n

SHOWN = 4
"""Measured campaigns whose segments are shown, the newest."""
STATUS = {
    MEASURED: mark("measured"),
    "too early": mark("too early: the last answers may still come"),
    "no arms": mark("nothing to learn: nobody noted who was left alone"),
    "no control": mark("nothing to learn: nobody was left alone"),
    "nobody contacted": mark("nothing to learn: nobody was contacted"),
    "too few": mark("cannot tell: a group is too small to be spoken of"),
}
FOUND = {
    "raises": mark("raises"),
    "lowers": mark("lowers"),
    "too small": mark("too small to learn from"),
    "no sign": mark("no sign of the plausible rise"),
}
LOTS = {
    "by lot": mark("as a draw by lot would make them"),
    "not by lot": mark("not as a draw by lot would make them"),
    "cannot tell": mark("cannot tell"),
}
ASIDE = {
    "nobody": mark("without a customer, campaign or date: {n}"),
    "no arm": mark("of no known group: {n}"),
    "two arms": mark("in two groups of one campaign: {n}"),
    "too late to tell": mark("sent less than {days} days ago: {n}"),
    "crossed": mark("contacted although left alone by lot, kept in the control group: {n}"),
    "early": mark("answered before the sending, taken as no answer: {n}"),
}


def measured(found: dict) -> list[dict]:
    """The campaigns from which something can be learnt, oldest first."""
    return [one for one in found["campaigns"] if one["status"] == MEASURED]


def campaigns_table(found: dict) -> Table:
    """Every campaign that is known: what it was, and what all of it together did."""
    rows = _unmeasured(found) + [_campaign_row(one) for one in measured(found)]
    columns = [
        Column("name", say("Campaign")),
        Column("sent", say("First sent"), "date"),
        Column("contacted", say("Contacted"), "count", people=True),
        Column("control", say("Control"), "count", people=True),
        Column("rate", say("Answered, contacted"), "share", 1),
        Column("base", say("Answered, control"), "share", 1),
        Column("uplift", say("Rise, points")),
        Column("status", say("What can be learnt")),
        Column("lots", say("The two groups were")),
    ]
    days = words.number(found["response_days"])
    note = say(
        "Answers within {days} days, in either group; where contacts tell none of the control group, orders. Rise: of all customers, by "
        "segment where segments are known from before the sending, with its 95% interval (Newcombe). A dash: nothing that may be told.",
        days=days,
    )
    caption = say("Earlier campaigns, and what each of them did")
    return Table("campaigns", caption, pd.DataFrame(rows, columns=[c.name for c in columns]), columns, note=note)


def _unmeasured(found: dict) -> list[dict]:
    """A row for each reason for which nothing can be learnt, with the campaigns that it holds for."""
    rows = []
    for status, sentence in STATUS.items():
        those = [one for one in found["campaigns"] if one["status"] == status != MEASURED]
        if those:
            many = say_n("{n} campaign: {names}", "{n} campaigns: {names}", len(those), n=words.number(len(those)), names=_names(those))
            rows.append({"name": many, "sent": those[0]["first_sent"], "status": say(sentence)})
    return rows


def _names(campaigns: list[dict]) -> str:
    """The newest few."""
    ids = [one["id"] for one in campaigns]
    return ", ".join(ids) if len(ids) <= SHOWN else "…, " + ", ".join(ids[-SHOWN:])


def _campaign_row(one: dict) -> dict:
    row = {"name": one["id"], "sent": one["first_sent"], "status": say(STATUS[MEASURED])}
    pooled, verdict = one["tests"][0]["pooled"], LOTS[one["balance"]["verdict"]]
    row |= {"contacted": pooled["n1"], "control": pooled["n0"], "rate": pooled["rate"], "base": pooled["base"]}
    return row | {"uplift": _interval(pooled), "lots": say(verdict)}


def _interval(line: dict, low: str = "low", high: str = "high") -> str:
    """+2.7 (1.0 to 4.0) in points of 100."""
    ends = {"low": words.number(line[low] * 100, 1), "high": words.number(line[high] * 100, 1)}
    return say("{value} ({low} to {high})", value=words.signed(line["uplift"] * 100, 1), **ends)


def uplift_frame(found: dict, profiles: dict) -> pd.DataFrame:
    """label, value, low, high (points of 100; intervals that hold for all segments together): the newest campaign that was measured."""
    newest = measured(found)[-1:]
    names = {s["id"]: segment_name(s) for s in profiles["segments"]}
    rows = [
        {"label": names[line["id"]], "value": line["uplift"], "low": line["low_all"], "high": line["high_all"]}
        for one in newest
        for line in one["tests"][0]["segments"]
    ]
    if rows:
        pooled = newest[0]["tests"][0]["pooled"]
        rows.append({"label": say("All together"), "value": pooled["uplift"], "low": pooled["low"], "high": pooled["high"]})
    frame = pd.DataFrame(rows, columns=["label", "value", "low", "high"])
    return frame.assign(**{key: frame[key].astype("float64") * 100 for key in ("value", "low", "high")})


def uplift_words(found: dict, profiles: dict) -> dict:
    """The words of the chart of the newest campaign's uplifts."""
    frame, name = uplift_frame(found, profiles), "uplifts"
    if frame.empty:
        return nothing(name, nothing_learnt(found))
    one = measured(found)[-1]
    values = {"campaign": one["id"], "points": words.signed(one["tests"][0]["pooled"]["uplift"] * 100, 1)}
    whole = one["tests"][0]["pooled"]
    sure = whole["low"] > 0 or whole["high"] < 0
    title = (
        say("“{campaign}” changed answers by {points} points among all contacted", **values)
        if sure
        else say("Whether “{campaign}” changed answers at all cannot be told", **values)
    )
    told = words.join([say("{name}: {points} points", name=r.label, points=words.signed(r.value, 1)) for r in frame.itertuples()])
    return {
        "name": name,
        "title": title,
        "subtitle": say("Answers of those contacted less those of the control group, points of 100, sent on {day}", day=_day(one)),
        "alt": say("{told}.", told=told),
        "source": say(
            "Base: {n} contacted, {m} control. Intervals: Newcombe, 95%; of segments, 95% for all of them at once. {since}",
            n=words.number(whole["n1"]),
            m=words.number(whole["n0"]),
            since=_since(one),
        ),
    }


def _day(one: dict) -> str:
    return words.day(one["first_sent"])


def _since(one: dict) -> str:
    if one["built_at"] is None:
        return say("No segments are known from before the sending.")
    return say("Segments as customers stood on {day}.", day=words.day(one["built_at"]))


def uplift_table(found: dict, profiles: dict) -> Table:
    """The uplift of each segment in the newest campaigns, every version by itself where there were several."""
    names, rows = {s["id"]: segment_name(s) for s in profiles["segments"]}, []
    for one in measured(found)[-SHOWN:]:
        for test in one["tests"]:
            rows += [_uplift_row(one, test, names[line["id"]], line) for line in test["segments"]]
    columns = [
        Column("campaign", say("Campaign")),
        Column("version", say("Group")),
        Column("name", say("Segment")),
        Column("n1", say("Contacted"), "count", people=True),
        Column("n0", say("Control"), "count", people=True),
        Column("rate", say("Answered, contacted"), "share", 1),
        Column("base", say("Answered, control"), "share", 1),
        Column("uplift", say("Rise, points")),
        Column("p", say("p, corrected"), "number", 3),
        Column("verdict", say("Contact")),
    ]
    note = say(
        "Rise with its own 95% interval (Newcombe); p corrected for all segments of a campaign (Holm), at most 0.05 for “raises” or "
        "“lowers”. Too small: a plausible rise would have been missed."
    )
    frame = pd.DataFrame(rows, columns=[c.name for c in columns])
    return Table("by_segment", say("What contact did in each segment"), frame, columns, note=note)


def _uplift_row(one: dict, test: dict, name: str, line: dict) -> dict:
    verdict = FOUND[line["verdict"]]
    row = {key: line[key] for key in ("n1", "n0", "rate", "base")}
    version = test["arm"] or say("all contacted")
    return {"campaign": one["id"], "version": version, "name": name} | row | {
        "uplift": _interval(line), "p": line["p_holm"], "verdict": say(verdict)
    }  # fmt: skip


def money_table(found: dict) -> Table:
    """What each measured campaign cost and brought, two ways."""
    rows = []
    for one in measured(found):
        money = one["tests"][0]["money"]
        answers = money["answers"] or {}
        rows.append(
            {
                "name": one["id"], "contacted": money["contacted"], "cost": money["cost"], "profit": money["profit"],
                "range": _range(money), "answers": answers.get("profit"), "answers_range": _range(answers),
            }
        )  # fmt: skip
    columns = [
        Column("name", say("Campaign")),
        Column("contacted", say("Contacted"), "count", people=True),
        Column("cost", say("Cost"), "money", 0),
        Column("profit", say("Net profit, from what was spent"), "money", 0),
        Column("range", say("95% interval")),
        Column("answers", say("Net profit, from answers alone"), "money", 0),
        Column("answers_range", say("95% interval")),
    ]
    note = say(
        "From what was spent: margin on all that those contacted bought more than the control group in {days} days, less the cost. From "
        "answers alone: each answer more counts as one order of the usual size that would not have come. A gift that an offer contained is "
        "in neither, unless the contacts or the offers typed for that campaign tell its cost. A dash: no margin or no cost is known, or "
        "the answers are no orders but, for instance, visits.",
        days=words.number(found["response_days"]),
    )
    frame = pd.DataFrame(rows, columns=[c.name for c in columns])
    return Table("campaign_money", say("What earlier campaigns earned"), frame, columns, note=note)


def _range(money: dict) -> str:
    if money.get("low") is None:
        return "–"
    return say("{low} to {high}", low=words.money(money["low"], 0), high=words.money(money["high"], 0))


def nothing_learnt(found: dict) -> str:
    """Why no campaign teaches anything, and what it would take."""
    if not found["campaigns"]:
        return say("These data hold no earlier campaign: keep contacts with campaign, day, group and answer from the next one on.")
    if all(one["status"] == "no arms" for one in found["campaigns"]):
        return say_n(
            "{n} earlier campaign is known, and nothing can be learnt from it: nobody noted who was left alone on purpose. It takes a "
            "control group, and its rows among the contacts (arm: control).",
            "{n} earlier campaigns are known, and nothing can be learnt from them: nobody noted who was left alone on purpose. It takes a "
            "control group, and its rows among the contacts (arm: control).",
            len(found["campaigns"]),
            n=words.number(len(found["campaigns"])),
        )
    return say("No earlier campaign can be measured yet: see the table for what each of them lacks.")


def lessons(found: dict, profiles: dict) -> list[str]:
    """What earlier campaigns taught, a sentence or two each, the newest first; then what was not counted."""
    told = [_lesson(one, profiles) for one in reversed(measured(found)[-SHOWN:])]
    return [*(told or [nothing_learnt(found)]), *aside_words(found)]


def _lesson(one: dict, profiles: dict) -> str:
    names, test = {s["id"]: segment_name(s) for s in profiles["segments"]}, one["tests"][0]
    values = {"name": one["id"], "rise": _interval(test["pooled"])}
    parts = [say("“{name}”: {rise} points among all contacted.", **values), *_differ(test)]
    for code in ("raises", "lowers"):
        those = [names[line["id"]] for line in test["segments"] if line["verdict"] == code]
        if those and code == "raises":
            parts.append(say("It raised answers among {names}.", names=words.join(those)))
        elif those:
            parts.append(say("It lowered answers among {names}: leave them alone with it.", names=words.join(those)))
    small = sum(line["verdict"] == "too small" for line in test["segments"])
    if small:
        parts.append(
            say_n(
                "{n} segment was too small to learn from alone.",
                "{n} segments were too small to learn from alone.",
                small,
                n=words.number(small),
            )
        )
    return " ".join([*parts, *_versions(one), *_doubts(one)])


def _versions(one: dict) -> list[str]:
    """Whether one of several messages did better than another, and by how much."""
    versions = one["versions"]
    if not versions or not versions["pairs"]:
        return []
    sure = [pair for pair in versions["pairs"] if pair["p_holm"] <= SIGN]
    if not sure:
        return [say("That its versions differ cannot be shown: take the cheapest, or go on with all of them.")]
    told = []
    for pair in sure:
        better, worse = (pair["a"], pair["b"]) if pair["uplift"] > 0 else (pair["b"], pair["a"])
        told.append(say("“{a}” over “{b}” by {points}", a=better, b=worse, points=_points(abs(pair["uplift"]))))
    return [say("Versions differ, in points: {pairs}.", pairs=words.join(told))]


def _points(share: float) -> str:
    return words.number(share * 100, 1)


def _differ(test: dict) -> list[str]:
    """Whether the segments answered to contact differently at all."""
    if not test["differ"]:
        return []
    values = {"q": words.number(test["differ"]["q"], 1), "df": words.number(test["differ"]["df"])}
    if test["differ"]["p"] <= SIGN:
        return [say("Segments differ in what contact does (Cochran’s Q {q} on {df} degrees of freedom).", **values)]
    return [say("That segments differ in what contact does cannot be shown (Cochran’s Q {q} on {df} degrees of freedom).", **values)]


def _doubts(one: dict) -> list[str]:
    """What speaks against believing a campaign's figures."""
    found = []
    if one["balance"]["verdict"] == "not by lot":
        found.append(say("Its two groups were unlike before the sending: the difference may be theirs, not the contact’s."))
    if one["silent_control"]:
        found.append(say("Nobody in its control group answered: the control could not answer, so this is no rise. Count orders instead."))
    if one["unrecorded"]:
        found.append(say("Its control group is known from our list alone, so orders are counted, not answers."))
    if not one["planned"]:
        found.append(say("It was not planned in these runs: its groups are as recorded."))
    return found


def aside_words(found: dict) -> list[str]:
    """Contacts that were not counted, by reason."""
    parts = []
    for code, n in found["set_aside"].items():
        if n != 0:
            sentence, many = ASIDE[code], say("a few") if n is None else words.number(n)
            parts.append(say(sentence, n=many, days=words.number(found["response_days"])))
    return [say("Contacts set aside or corrected: {parts}.", parts=say("; ").join(parts))] if parts else []


def balance_table(found: dict, project: Project) -> Table:
    """How alike the two groups of each measured campaign were before its sending."""
    named, rows = titles(project), []
    for one in measured(found):
        balance = one["balance"]
        worst, verdict = balance["worst"] or {}, LOTS[balance["verdict"]]
        title = worst.get("variable")
        row = {"name": one["id"], "looked": balance["looked_at"], "unlike": balance["unlike"], "worst": named.get(title, title)}
        rows.append(row | {"difference": worst.get("difference"), "chance": balance["by_chance"], "verdict": say(verdict)})
    columns = [
        Column("name", say("Campaign")),
        Column("looked", say("Variables compared"), "count"),
        Column("unlike", say("Beyond 0.1 standard deviations"), "count"),
        Column("worst", say("Most unlike")),
        Column("difference", say("Difference, standard deviations"), "number", 2),
        Column("chance", say("Chance alone, 1 in 20"), "number", 2),
        Column("verdict", say("The two groups were")),
    ]
    note = say(
        "Measured before the sending. A variable that few have, such as an answer of the survey, differs more by chance alone. Verdict: "
        "any difference, of variables, segments or the share of control, whose p is at most 0.05 after Holm’s correction."
    )
    frame = pd.DataFrame(rows, columns=[c.name for c in columns])
    return Table("balance", say("Were those contacted and the control group alike before?"), frame, columns, note=note)
