"""What the page of step 6 says of the contest: both scores, the verdict of each use, and the other numbers of groups."""

import pandas as pd

from helpers import words
from helpers.build.candidates import TITLES
from helpers.tables import Column, Table, nothing
from helpers.words import mark, say, say_n

USES = {"objective": mark("whom to spend on"), "panel": mark("what to say")}


def contest_frame(evidence: dict, use: str) -> pd.DataFrame:
    """label, value, low, high of one score."""
    rows = [{"name": name, "label": say(TITLES[name]), **scores[use]} for name, scores in evidence["contest"].items() if scores.get(use)]
    return pd.DataFrame(rows, columns=["name", "label", "value", "low", "high"])


def contest_words(evidence: dict, use: str, objective: str) -> dict:
    """The words of the contest's chart for one use."""
    frame, name = contest_frame(evidence, use), f"contest_{use}"
    if frame.empty:
        return nothing(name, _unjudged(evidence, use))
    best = frame.loc[frame["value"].idxmax()]
    claim = (
        say("Nothing told {use} more surely than chance would", use=say(USES[use]))
        if frame["low"].max() <= 0
        else say(
            "Of {what}, “{name}” tells most: {share} of the differences",
            what=objective,
            name=best["label"],
            share=words.share(best["value"], 0),
        )
        if use == "objective"
        else say(
            "For how they buy, “{name}” tells most: {share} of later differences", name=best["label"], share=words.share(best["value"])
        )
    )
    subtitle = (
        say("Share of the variance of {what} in the days after, whiskers: 95% interval", what=objective)
        if use == "objective"
        else say("Mean share of variance over the panel’s behaviours in the days after, whiskers: 95% interval")
    )
    others = words.join([f"{r.label} {words.share(r.value)}" for r in frame.sort_values("value", ascending=False).itertuples()])
    window = evidence["window"]
    source = say(
        "Source: built as of {built}, judged until {until}, on the half of {n} customers that was not used to pick",
        built=words.day(window["built_at"]),
        until=words.day(window["judged_until"]),
        n=words.number(evidence["customers"]),
    )
    return {"name": name, "title": claim, "subtitle": subtitle, "alt": say("Scores: {scores}.", scores=others), "source": source}


def _unjudged(evidence: dict, use: str) -> str:
    """Why one use has no scores: nothing later can be seen, or nobody named the behaviours."""
    if evidence["contest"] and use == "panel":
        return say("Not judged for what to say: scope.panel of project.yml names no behaviour that is known later. Name some that matter.")
    return say("Not judged for {use}: no later period can be seen.", use=say(USES[use]))


def verdict_words(evidence: dict, use: str) -> str:
    """The verdict of one use, with the best that can be done nevertheless."""
    verdict = evidence["verdicts"][use]
    kind, best, rule = verdict["verdict"], verdict["best_candidate"], verdict["best_rule"]
    if kind == "cannot tell" and evidence["contest"] and use == "panel":
        return _unjudged(evidence, use)
    if kind == "cannot tell":
        return say(
            "For {use}: cannot tell. The history is too short, or there are too few customers; use the segments as a convention and judge "
            "them on the next period.",
            use=say(USES[use]),
        )
    if kind == "none":
        return say("For {use}: nothing here tells more than chance; treat everybody alike, or collect what would tell.", use=say(USES[use]))
    gain = evidence["contest"][best][f"{use}_gain"]
    values = {
        "use": say(USES[use]),
        "best": say(TITLES[best]),
        "rule": say(TITLES[rule]),
        "gain": words.number(abs(gain["value"]) * 100, 1),
        "low": words.number(min(abs(gain["low"]), abs(gain["high"])) * 100, 1),
        "high": words.number(max(abs(gain["low"]), abs(gain["high"])) * 100, 1),
    }
    if kind == "rules":
        return say(
            "For {use}: do not cluster. “{rule}” tells {gain} points more than the best candidate, “{best}” (95% interval {low} to "
            "{high}): use that rule.",
            **values,
        )
    if kind == "segments":
        return say(
            "For {use}: “{best}” tells {gain} points more than the best simple rule, “{rule}” (95% interval {low} to {high}): "
            "use segments.",
            **values,
        )
    return _level(evidence["contest"], use, best, rule)


def _level(contest: dict, use: str, best: str, rule: str) -> str:
    """No difference was shown: what that leaves to choose from, and what both of them beat."""
    gain = contest[best][f"{use}_gain"]
    said = say(
        "For {use}: no difference shown between “{best}” ({best_share}) and “{rule}” ({rule_share}), {low} to {high} points at 95%: take "
        "the one that people can work with.",
        use=say(USES[use]),
        best=say(TITLES[best]),
        rule=say(TITLES[rule]),
        best_share=words.share(contest[best][use]["value"]),
        rule_share=words.share(contest[rule][use]["value"]),
        low=words.signed(gain["low"] * 100, 1),
        high=words.signed(gain["high"] * 100, 1),
    )
    bands, lowest = contest.get("bands", {}).get(use), min(contest[name][use]["low"] for name in (best, rule))
    if not bands or bands["high"] >= lowest:
        return said
    title = TITLES["bands"]
    return f"{said} " + say("Both tell more than “{bands}” ({share}).", bands=say(title), share=words.share(bands["value"]))


def contest_table(evidence: dict) -> Table:
    """Both scores of every way, the gain on the best simple rule, and the other numbers of segments."""
    rows = []
    for name, scores in evidence["contest"].items():
        row = {"title": say(TITLES[name]), "segments": scores["segments"]}
        for use in ("objective", "panel"):
            row[use] = (scores[use] or {}).get("value")
            gain = scores.get(f"{use}_gain")
            row[f"{use}_gain"] = None if not gain else _interval(gain)
        rows.append(row)
    frame = pd.DataFrame(rows, columns=["title", "segments", "objective", "objective_gain", "panel", "panel_gain"])
    columns = [
        Column("title", say("Way of cutting")),
        Column("segments", say("Groups"), "count"),
        Column("objective", say("Objective explained"), "share", 1),
        Column("objective_gain", say("Against the best simple rule, points")),
        Column("panel", say("Panel explained, mean"), "share", 1),
        Column("panel_gain", say("Against the best simple rule, points")),
    ]
    note = say(
        "Intervals hold for all candidates at once. One half of the customers was used to pick the best rule, the other half gives these "
        "figures."
    )
    return Table("contest", say("The contest on the later period"), frame, columns, note=note)


def _interval(gain: dict) -> str:
    return say(
        "{value} ({low} to {high})",
        value=words.signed(gain["value"] * 100, 1),
        low=words.signed(gain["low"] * 100, 1),
        high=words.signed(gain["high"] * 100, 1),
    )


def other_k_table(evidence: dict) -> Table:
    """The scores of each recipe at every number of segments of the scope: drawn, not judged."""
    ks = [k for k, scores in evidence["other_k"].items() if scores]
    rows = [
        {"title": say(TITLES[name]), "use": say(USES[use])} | {k: evidence["other_k"][k].get(name, {}).get(use) for k in ks}
        for use in USES
        for name in TITLES
        if any(name in evidence["other_k"][k] for k in ks)
    ]
    columns = [
        Column("use", say("Use")),
        Column("title", say("Way of cutting")),
        *(Column(k, say_n("{n} group", "{n} groups", int(k)), "share", 1) for k in ks),
    ]
    frame = pd.DataFrame(rows, columns=[c.name for c in columns])
    note = say("Share of later differences explained. Shown, not judged: more groups explain more by themselves.")
    return Table("other_k", say("The same with other numbers of groups"), frame, columns, note=note)
