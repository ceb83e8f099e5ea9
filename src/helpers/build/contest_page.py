"""What the page of step 6 says of the contest: both scores, the verdict of each use, and the other numbers of groups.

Every function takes the evidence of step 6 and titles: name of a recipe → its marked title.
"""

from collections.abc import Mapping

import pandas as pd

from helpers import words
from helpers.build import methods
from helpers.build.contest import ROLES
from helpers.tables import Column, Table, nothing
from helpers.words import mark, say, say_n

USES = {"objective": mark("whom to spend on"), "panel": mark("what to say")}
RULES = methods.RULES | {"present": mark("The company’s present segments")}
"""What candidates are measured against."""
ROLE_WORDS = {"candidate": mark("candidate"), "rule": mark("simple rule"), "present": mark("in use today"), "chance": mark("chance")}
MOST = 12
"""Bars of a chart; the others stand in the table."""


def title(name: str, titles: Mapping[str, str] | None = None) -> str:
    """What people call a way of cutting; its name where nobody gave it a title."""
    known = RULES | dict(methods.TITLES if titles is None else titles)
    return say(known[name]) if name in known else name.replace("_", " ")


def leaders(contest: dict, use: str) -> list[str]:
    """The best of each role that was judged, then the present segments and chance."""
    scored = [name for name, scores in contest.items() if scores.get(use) and scores.get("judged", True)]
    picks = lambda n: contest[n].get(f"{use}_picks", contest[n][use]["value"])  # noqa: E731  one half picks, the other prints
    found = [max((n for n in scored if contest[n]["role"] == role), key=picks, default=None) for role in ROLES]
    present = [name for name, scores in contest.items() if scores["role"] == "present" and scores.get(use)]
    return list(dict.fromkeys([name for name in found if name] + present))


def contest_frame(evidence: dict, use: str, titles: Mapping[str, str] | None = None, *, keep: str = "") -> pd.DataFrame:
    """name, label, value, low, high of one score: the best of each role, `keep`, then the highest that were judged, `MOST` in all."""
    contest = evidence["contest"]
    first = leaders(contest, use) + ([keep] if contest.get(keep, {}).get(use) else [])
    others = [name for name, scores in contest.items() if scores.get(use) and scores.get("judged", True) and name not in first]
    others = sorted(others, key=lambda name: -contest[name][use]["value"])[: max(MOST - len(first), 0)]
    rows = [{"name": n, "label": title(n, titles), **contest[n][use]} for n in contest if n in {*first, *others}]
    return pd.DataFrame(rows, columns=["name", "label", "value", "low", "high"])


def contest_words(evidence: dict, use: str, objective: str, titles: Mapping[str, str] | None = None, *, keep: str = "") -> dict:
    """The words of the contest's chart for one use."""
    frame, name = contest_frame(evidence, use, titles, keep=keep), f"contest_{use}"
    if frame.empty:
        return nothing(name, _unjudged(evidence, use))
    best, level = _leading(evidence, use, frame)
    claim = (
        say("“{first}” and “{second}” tell most; no difference shown", first=level["label"], second=best["label"])
        if level is not None and frame["low"].max() > 0
        else say("Nothing told {use} more surely than chance would", use=say(USES[use]))
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
        say("Share of the variance of {what} in the days after", what=objective)
        if use == "objective"
        else say("Mean share of variance over the panel’s behaviours in the days after")
    )
    others = words.join([f"{r.label} {words.share(r.value)}" for r in frame.sort_values("value", ascending=False).itertuples()])
    window = evidence["window"]
    source = say(
        "Source: built as of {built}, judged until {until}, on the half of {n} customers that was not used to pick",
        built=words.day(window["built_at"]),
        until=words.day(window["judged_until"]),
        n=words.number(evidence["customers"]),
    )
    left = sum(bool(scores.get(use)) for scores in evidence["contest"].values()) - len(frame)
    if left:
        source = f"{source}. " + say_n("{n} more way in the table", "{n} more ways in the table", left)
    return {"name": name, "title": claim, "subtitle": subtitle, "alt": say("Scores: {scores}.", scores=others), "source": source}


def _leading(evidence: dict, use: str, frame: pd.DataFrame):
    """The row of the chart that leads; and where no difference was shown, that of the other one."""
    rows, verdict = frame.set_index("name", drop=False), evidence["verdicts"][use]
    pair = [name for name in (verdict["best_rule"], verdict["best_candidate"]) if name in rows.index]
    if verdict["verdict"] == "level" and len(pair) == 2:
        return rows.loc[pair[0]], rows.loc[pair[1]]
    wanted = {"segments": "best_candidate", "rules": "best_rule"}.get(verdict["verdict"])
    name = verdict[wanted] if wanted and verdict[wanted] in rows.index else frame.loc[frame["value"].idxmax(), "name"]
    return rows.loc[name], None


def _unjudged(evidence: dict, use: str) -> str:
    """Why one use has no scores: nothing later can be seen, or nobody named the behaviours."""
    if evidence["contest"] and use == "panel":
        return say("Not judged for what to say: scope.panel of project.yml names no behaviour that is known later. Name some that matter.")
    if evidence["window"]["enough"]:
        return say("Not judged for {use}: there were too few customers a horizon ago.", use=say(USES[use]))
    return say("Not judged for {use}: no later period can be seen.", use=say(USES[use]))


def verdict_words(evidence: dict, use: str, titles: Mapping[str, str] | None = None) -> str:
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
        "best": title(best, titles),
        "rule": title(rule, titles),
        "gain": words.number(abs(gain["value"]) * 100, 1),
        "low": words.number(min(abs(gain["low"]), abs(gain["high"])) * 100, 1),
        "high": words.number(max(abs(gain["low"]), abs(gain["high"])) * 100, 1),
    }
    if kind == "rules" and rule == "present":
        return say(
            "For {use}: keep what you have. The company’s present segments tell {gain} points more than the best candidate, “{best}” (95% "
            "interval {low} to {high}).",
            **values,
        )
    if kind == "rules":
        return say(
            "For {use}: do not cluster. “{rule}” tells {gain} points more than the best candidate, “{best}” (95% interval {low} to "
            "{high}): use that rule.",
            **values,
        )
    if kind == "segments" and rule == "present":
        return say(
            "For {use}: “{best}” tells {gain} points more than the company’s present segments, which tell more than any simple rule (95% "
            "interval {low} to {high}): use the new segments.",
            **values,
        )
    if kind == "segments":
        return say(
            "For {use}: “{best}” tells {gain} points more than the best simple rule, “{rule}” (95% interval {low} to {high}): "
            "use segments.",
            **values,
        )
    return _level(evidence["contest"], use, best, rule, titles)


def _level(contest: dict, use: str, best: str, rule: str, titles: Mapping[str, str] | None) -> str:
    """No difference was shown: what that leaves to choose from, and what both of them beat."""
    gain = contest[best][f"{use}_gain"]
    said = say(
        "For {use}: no difference shown between “{best}” ({best_share}) and “{rule}” ({rule_share}), {low} to {high} points at 95%: take "
        "the one that people can work with.",
        use=say(USES[use]),
        best=title(best, titles),
        rule=title(rule, titles),
        best_share=words.share(contest[best][use]["value"]),
        rule_share=words.share(contest[rule][use]["value"]),
        low=words.signed(gain["low"] * 100, 1),
        high=words.signed(gain["high"] * 100, 1),
    )
    bands, lowest = contest.get("bands", {}).get(use), min(contest[name][use]["low"] for name in (best, rule))
    if not bands or bands["high"] >= lowest:
        return said
    return f"{said} " + say("Both tell more than “{bands}” ({share}).", bands=title("bands", titles), share=words.share(bands["value"]))


def contest_table(evidence: dict, titles: Mapping[str, str] | None = None) -> Table:
    """Both scores of every way, the gain on the best simple rule: the best of each role first, then the others by what they tell."""
    contest, rows = evidence["contest"], []
    for name in _in_order(contest):
        scores = contest[name]
        role = ROLE_WORDS[scores["role"]]
        row = {"title": title(name, titles), "role": say(role), "segments": scores["segments"]}
        for use in USES:
            row[use] = (scores[use] or {}).get("value")
            row[f"{use}_gain"] = _gain(scores, use)
        rows.append(row | {"again": _again(evidence.get("screening", {}).get(name))})
    frame = pd.DataFrame(rows, columns=["title", "role", "segments", "objective", "objective_gain", "panel", "panel_gain", "again"])
    columns = [
        Column("title", say("Way of cutting")),
        Column("role", say("Role")),
        Column("segments", say("Groups"), "count"),
        Column("objective", say("Objective explained"), "share", 1),
        Column("objective_gain", say("Against the best simple rule, points")),
        Column("panel", say("Panel explained, mean"), "share", 1),
        Column("panel_gain", say("Against the best simple rule, points")),
        *([Column("again", say("Comes back, quartiles"))] if evidence.get("screening") else []),
    ]
    note = say(
        "Intervals hold for all candidates at once. One half of the customers was used to pick the best rule, the other half gives these "
        "figures."
    )
    pairs = max((found["pairs"] for found in evidence.get("screening", {}).values()), default=0)
    if pairs:
        note += " " + say(
            "“Comes back”: agreement (adjusted Rand index) of two refits, {pairs} pairs; so few are a screening, and rank nobody.",
            pairs=pairs,
        )
    if any(not scores.get("judged", True) for scores in contest.values()):
        note += " " + say(
            "Not judged: one group, or more than the {k} of the others; more groups explain more by themselves.",
            k=words.number(evidence["k"]),
        )
    if any(scores["role"] == "present" for scores in contest.values()):
        note += " " + say(
            "The present segments are those known today: where they were reviewed lately, they know more than the others did."
        )
    return Table("contest", say("The contest on the later period"), frame, columns, note=note)


def _again(found: dict | None) -> str:
    """Median and quartiles of how well a way of cutting comes back; a dash where it was not refitted."""
    if not found or found["median"] is None:
        return words.NONE
    low, middle, high = (words.number(found[part], 2) for part in ("low_quartile", "median", "high_quartile"))
    return say("{middle} ({low} to {high})", middle=middle, low=low, high=high)


def _in_order(contest: dict) -> list[str]:
    """The best of each role for one use or the other, then the rest by role and by what they tell."""
    first = list(dict.fromkeys(name for use in USES for name in leaders(contest, use)))
    first = sorted(first, key=lambda name: ROLES.index(contest[name]["role"]))
    told = {n: max(((s[use] or {}).get("value", -1.0) for use in ("panel", "objective")), default=-1.0) for n, s in contest.items()}
    rest = [name for name in contest if name not in first]
    return first + sorted(rest, key=lambda name: (ROLES.index(contest[name]["role"]), -told[name]))


def _gain(scores: dict, use: str) -> str | None:
    """What a candidate gains on the best simple rule, or why that is not judged."""
    gain = scores.get(f"{use}_gain")
    if gain:
        return _interval(gain)
    if scores[use] and not scores.get("judged", True):
        return say_n("not judged: {n} group", "not judged: {n} groups", scores["segments"])
    return None


def _interval(gain: dict) -> str:
    return say(
        "{value} ({low} to {high})",
        value=words.signed(gain["value"] * 100, 1),
        low=words.signed(gain["low"] * 100, 1),
        high=words.signed(gain["high"] * 100, 1),
    )


def other_k_table(evidence: dict, titles: Mapping[str, str] | None = None) -> Table:
    """The scores of each recipe at every number of segments of the scope: drawn, not judged."""
    ks = sorted((k for k, scores in evidence["other_k"].items() if scores), key=int)
    known = [*(methods.TITLES if titles is None else titles), *RULES]
    rows = [
        {"title": title(name, titles), "use": say(USES[use])} | {k: evidence["other_k"][k].get(name, {}).get(use) for k in ks}
        for use in USES
        for name in dict.fromkeys([*known, *(n for k in ks for n in sorted(evidence["other_k"][k]))])
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
