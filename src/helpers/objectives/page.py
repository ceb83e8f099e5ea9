"""What the page of step 1 says: tables, claims, limits and the summary."""

from datetime import date
from statistics import NormalDist

import pandas as pd

from helpers import words
from helpers.objectives.figures import KINDS, METRICS, RESPONSE_DAYS, TAKES, is_share, shown
from helpers.project import Objective, Project
from helpers.tables import Column, Table, nothing
from helpers.words import mark, say, say_n


def problem(project: Project) -> str:
    """The problem as typed in project.yml, or that nobody has typed it."""
    return words.text(project.objectives.problem) or say("Nobody has typed the problem yet: project.yml, field objectives.problem.")


def target_label(objective: Objective) -> str:
    """The words beside the line of the target."""
    if objective.target is None:
        return ""
    return say("target {value}", value=shown(objective, objective.target))


def value_format(objective: Objective) -> str:
    """How charts write the objective's metric."""
    return {"revenue_per_customer": "money", "orders_per_customer": "number"}.get(objective.metric, "share")


def kinds_table(project: Project) -> Table:
    """Which of the eleven kinds of objective these data could measure."""
    rows, chosen = [], {o.kind for o in [project.objectives.main, *project.objectives.secondary]}
    for kind, (label, needs) in KINDS.items():
        lacking = [n for n in needs if not project.has(n)]
        status = say("chosen") if kind in chosen else say("possible") if not lacking else say("not with these data")
        takes = words.join([say(TAKES[n]) for n in lacking])
        rows.append((say(label), status, takes))
    frame = pd.DataFrame(rows, columns=["kind", "status", "takes"])
    columns = [Column("kind", say("Kind of objective")), Column("status", say("Here")), Column("takes", say("What it would take"))]
    return Table("kinds", say("Eleven kinds of objective, and which of them these data can measure"), frame, columns)


def baseline_table(assessed: list[dict]) -> Table:
    """Objective, metric, baseline with interval, target, date, owner."""
    rows = []
    for a in assessed:
        o = a["objective"]
        rows.append(
            {
                "objective": ("★ " if a["role"] == "main" else "") + words.text(o.name),
                "metric": say(METRICS[o.metric]),
                "before": a.get("before"),
                "baseline": a["value"],
                "low": a["low"],
                "high": a["high"],
                "target": o.target,
                "kind": ("share", 1) if is_share(o) else ("money" if value_format(o) == "money" else "number", 2),
                "by_when": o.by_when,
                "owner": words.text(o.owner) if o.owner else words.NONE,
            }
        )
    columns = [
        Column("objective", say("Objective (★ main)")),
        Column("metric", say("Measured by")),
        Column("before", say("One window earlier"), "number", kinds="kind"),
        Column("baseline", say("Today"), "number", kinds="kind"),
        Column("low", say("95% interval, from"), "number", kinds="kind"),
        Column("high", say("95% interval, to"), "number", kinds="kind"),
        Column("target", say("Target"), "number", kinds="kind"),
        Column("by_when", say("By"), "date"),
        Column("owner", say("Owner")),
    ]
    note = say("Window: {start} to {end}, end not counted.", start=words.day(assessed[0]["start"]), end=words.day(assessed[0]["end"]))
    if any(a["objective"].metric == "response_rate" for a in assessed):
        days = words.number(RESPONSE_DAYS)
        note += " " + say("Mailings are those sent {days} days earlier, so that each has had its {days} days.", days=days)
    return Table("baselines", say("Where each objective stands today"), pd.DataFrame(rows), columns, note=note)


def trend_words(frame: pd.DataFrame, moved: tuple | None, objective: Objective) -> dict:
    """Claim, subtitle, alternative text and source of the picture of the main objective over time."""
    if objective.metric == "response_rate":
        return nothing("trend", say("Mailings change from month to month: their response is not followed as a trend."))
    if len(frame) < 2:
        return nothing("trend", say("History is too short to follow the same customers through two periods."))
    first, last = frame.iloc[0], frame.iloc[-1]
    name, since = _metric_name(objective), words.month(first["start"])
    if moved and abs(moved[0]) > 1.959964 * moved[1]:
        claim = say("{name}: {change} since {month}", name=name, change=words.percent_change(moved[0] / first["value"]), month=since)
    elif (turn := _turn(frame)) is not None:
        claim = say(
            "{name}: {change} since {peak}, not visibly different from {month}",
            name=name,
            change=words.percent_change(turn["to_last"] / turn["value"]),
            peak=words.month(turn["start"]),
            month=since,
        )
    else:
        claim = say("{name} has not visibly moved since {month}", name=name, month=since)
    alt = say(
        "Line of {name} in periods of 30 days, from {first} to {last}; the target is {target}.",
        name=name,
        first=shown(objective, first["value"]),
        last=shown(objective, last["value"]),
        target=shown(objective, objective.target),
    )
    if objective.metric == "active_share":  # its customers are those of the period before, another set each time
        subtitle = say("Share of one period’s buyers who bought again in the next, periods of 30 days; the band is the 95% interval")
        source = say("Source: orders; up to {n} buyers a period", n=words.number(frame["customers"].max()))
    else:
        subtitle = say("Per 30 days, the same customers throughout, buying or not; the band is the 95% interval")
        source = say("Source: orders; the {n} customers known when the first period opened", n=words.number(frame["customers"].max()))
    return {"name": "trend", "title": claim, "subtitle": subtitle, "alt": alt, "source": source}


def _turn(frame: pd.DataFrame) -> pd.Series | None:
    """The period furthest from the last, when they differ visibly although it was picked among all (Bonferroni)."""
    period = frame.loc[(frame["value"] - frame["value"].iloc[-1]).abs().idxmax()]
    border = NormalDist().inv_cdf(1 - 0.025 / (len(frame) - 1))
    return period if abs(period["to_last"]) > border * period["error"] else None


def _metric_name(objective: Objective) -> str:
    names = {
        "revenue_per_customer": say("Revenue per customer"),
        "orders_per_customer": say("Orders per customer"),
        "active_share": say("Share of customers who come back"),
        "response_rate": say("Response to campaigns"),
    }
    return names[objective.metric]


def reach(assessed: list[dict]) -> pd.DataFrame:
    """The rise that each objective asks for, with the change that chance alone can hide, as shares of today's value.

    Returns  label, value (rise asked), low, high (value less and plus the smallest change that two windows can tell apart)
    """
    rows = []
    for a in assessed:
        if None not in (a["value"], a["objective"].target, a["smallest_change"]) and a["value"]:
            asked, hidden = a["objective"].target / a["value"] - 1, a["smallest_change"] / a["value"]
            rows.append({"label": words.text(a["objective"].name), "value": asked, "low": asked - hidden, "high": asked + hidden})
    return pd.DataFrame(rows, columns=["label", "value", "low", "high"])


def reach_words(frame: pd.DataFrame) -> dict:
    if frame.empty:
        return nothing("reach", say("No objective has a baseline, a target and two windows: whether a rise could be seen is not known."))
    seen = int((frame["low"] >= 0).sum())
    claim = say_n(
        "{seen} of {all} target asks for a rise large enough to be seen",
        "{seen} of {all} targets ask for a rise large enough to be seen",
        len(frame),
        seen=words.number(seen),
        all=words.number(len(frame)),
    )
    each = [
        say(
            "{name}: asked {asked}, visible from {hidden}",
            name=r.label,
            asked=words.percent_change(r.value),
            hidden=words.percent_change(r.value - r.low),
        )
        for r in frame.itertuples()
    ]
    return {
        "name": "reach",
        "title": claim,
        "subtitle": say("Rise asked for, relative to today; the whisker is the change found in four cases of five"),
        "interval_label": say("change found in four cases of five"),
        "alt": ". ".join(each) + ".",
        "source": say("Smallest rise found in four cases of five at a two-sided 5% level, same customers paired"),
    }


CHECKS = {
    "measured": mark("Measured"),
    "target": mark("Target"),
    "visible": mark("Rise large enough to be seen"),
    "date": mark("Date"),
    "owner": mark("Owner"),
    "shared": mark("Shared by two teams"),
}


def verdict_table(assessed: list[dict]) -> Table:
    """One row a check, one column an objective."""
    frame = pd.DataFrame({"check": [say(label) for label in CHECKS.values()]})
    columns = [Column("check", say("Check"))]
    for n, a in enumerate(assessed):
        frame[f"o{n}"] = [a["checks"][key] or "✓" for key in CHECKS]
        columns.append(Column(f"o{n}", words.text(a["objective"].name)))
    return Table("verdicts", say("Is each objective precise enough to be missed?"), frame, columns)


def verdict(a: dict) -> str:
    """One sentence an objective."""
    name = words.text(a["objective"].name)
    if a["due"]:
        return say(
            "The day of “{name}”, {day}, has come: step 9 says whether it was reached.", name=name, day=words.day(a["objective"].by_when)
        )
    if a["precise"]:
        return say("“{name}” is precise enough to be checked on its date.", name=name)
    return say("“{name}” is not precise enough yet: {missing}.", name=name, missing=words.join([m for m in a["checks"].values() if m]))


def caveats(assessed: list[dict], *, first: date) -> list[str]:
    """What could mislead, each with the size of its effect where known."""
    main = assessed[0]
    result = []
    if main["value"] is not None:
        result.append(
            say(
                "The baseline is one window of {days} days, and the history begins on {first}. Where the same season a year earlier is not "
                "in it, a rise may be the season and not the segmentation; only a control group tells.",
                days=words.number((main["end"] - main["start"]).days),
                first=words.day(first),
            )
        )
    if main["smallest_change"] and main["value"]:
        result.append(
            say(
                "A true change of the main objective below {hidden} ({share} of today’s value) is missed by two windows more often than "
                "once in five; seasons and prices that move everybody are no chance and not in this figure.",
                hidden=shown(main["objective"], main["smallest_change"]),
                share=words.share(main["smallest_change"] / main["value"]),
            )
        )
    was, target = main.get("before"), main["objective"].target
    if main["value"] and was:
        result.append(
            say(
                "One window earlier the main objective stood at {before}; today it stands at {value}.",
                before=shown(main["objective"], was),
                value=shown(main["objective"], main["value"]),
            )
            if target is None or was < target
            else say(
                "One window earlier the main objective stood at {before}, above the target of {target}: reaching the target would be a "
                "return, not yet a gain.",
                before=shown(main["objective"], was),
                target=shown(main["objective"], target),
            )
        )
    earlier = main.get("known_earlier")
    if main["value"] and earlier and abs(earlier / main["value"] - 1) >= 0.005:
        result.append(
            say(
                "On the customers already known one window earlier, today’s figure would be {other} instead of {value}: newcomers alone "
                "move it. Read the target again on the same customers, or it is measured with another yardstick.",
                other=shown(main["objective"], earlier),
                value=shown(main["objective"], main["value"]),
            )
        )
    for a in assessed:
        if a.get("campaigns"):
            result.append(
                say_n(
                    "“{name}” rests on {n} campaign: what another one would move is not known.",
                    "“{name}” rests on {n} campaigns, the largest with {share} of the mailings: another mix moves it more than customers "
                    "do. Interval and visible rise count campaigns where these differ more than customers.",
                    a["campaigns"],
                    name=words.text(a["objective"].name),
                    share=words.share(a["largest"], 0),
                )
            )
    result.append(say("Revenue is not profit: no costs and no margins are in these data."))
    return result


def summary(assessed: list[dict]) -> dict:
    """Headline, points, figures and what is not known, for the top of the page and the first page."""
    main, ahead = assessed[0], [a for a in assessed if not a["due"]]
    headline = say_n(
        "{precise} of {all} objective is precise enough to be checked on its date.",
        "{precise} of {all} objectives are precise enough to be checked on their date.",
        len(ahead),
        precise=words.number(sum(a["precise"] for a in ahead)),
        all=words.number(len(ahead)),
    )
    if not ahead:
        headline = say("The day of every objective has come: step 9 says what was reached.")
    figures = [
        (words.text(a["objective"].name), f"{shown(a['objective'], a['value'])} → {shown(a['objective'], a['objective'].target)}")
        for a in assessed
    ]
    unknown = [say("What these objectives are worth in profit: no margins are known.")]
    points = [verdict(a) for a in assessed]
    if main["objective"].by_when and not main["due"]:
        points.append(say("The main objective is read again on {day}.", day=words.day(main["objective"].by_when)))
    todo = [
        say(
            "{owner}: make “{name}” precise before anything is built ({missing}).",
            owner=words.text(a["objective"].owner) or say("Name an owner"),
            name=words.text(a["objective"].name),
            missing=words.join([m for m in a["checks"].values() if m]),
        )
        for a in ahead
        if not a["precise"]
    ]
    todo += [
        say(
            "{owner}: set a new target and a new day for “{name}”, once step 9 has told whether it was reached.",
            owner=words.text(a["objective"].owner) or say("Name an owner"),
            name=words.text(a["objective"].name),
        )
        for a in assessed
        if a["due"]
    ]
    todo.append(say("Keep a control group from the first campaign on: nothing else tells the segmentation from the season."))
    return {"headline": headline, "points": points, "figures": figures, "unknown": unknown, "todo": todo}
