"""What the page of step 4 says: histograms, tables, claims, limits and the summary."""

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import ibis
import ibis.expr.types as ir
import numpy as np
import pandas as pd

from helpers import words
from helpers.collect.page import TABLE_NAMES
from helpers.project import Project
from helpers.scope import ITEMS_PER_VARIABLE
from helpers.tables import Column, Table, nothing
from helpers.variables import formulas_said
from helpers.variables.catalogue import catalogue
from helpers.variables.choose import ROLES
from helpers.words import mark, say, say_n


def titled(correlations: pd.DataFrame, project: Project) -> pd.DataFrame:
    """The correlations with names that people read."""
    titles = {v.name: v.title() for v in catalogue(project)}
    return correlations.rename(index=titles, columns=titles)


def correlation_words(correlations: pd.DataFrame, groups: dict[str, int], project: Project, customers: int) -> dict:
    several = [g for g in set(groups.values()) if list(groups.values()).count(g) > 1]
    members = sum(list(groups.values()).count(g) for g in several)
    strong = correlations.where(np.triu(np.ones(correlations.shape, dtype=bool), 1)).stack().abs().idxmax()
    value, titles = correlations.loc[strong], {v.name: v.title() for v in catalogue(project)}
    if several:
        claim = say(
            "{members} of {all} variables fall into {groups} groups that say the same",
            members=words.number(members),
            all=words.number(len(groups)),
            groups=words.number(len(several)),
        )
    else:
        claim = say("No two variables say the same thing")
    return {
        "name": "correlations",
        "title": claim,
        "subtitle": say(
            "Spearman’s rank correlation; marked from ±{threshold} on", threshold=words.number(project.variables.redundant_from, 2)
        ),
        "alt": say("Strongest: {a} and {b}, {rho}.", a=titles[strong[0]], b=titles[strong[1]], rho=words.number(value, 2)),
        "source": say("Source: checked tables, {n} customers", n=words.number(customers)),
    }


def redundancy_table(screened: pd.DataFrame, correlations: pd.DataFrame, project: Project) -> Table:
    """Each group of variables that say the same: which one is proposed, which go, and why; what stays alike is in the note."""
    titles, rows = {v.name: v.title() for v in catalogue(project)}, []
    for _, group in screened.groupby("group", sort=True):
        if len(group) > 1:
            kept, gone = (group[(group["role"] == "proposed") == is_kept] for is_kept in (True, False))
            reasons = [say("{name}: {reason}", name=titles[g.name], reason=say(ROLES[g.role])) for g in gone.itertuples()]
            rows.append({"kept": words.join([titles[n] for n in kept["name"]]) or say("none"), "gone": ". ".join(reasons)})
    frame = pd.DataFrame(rows, columns=["kept", "gone"])
    columns = [Column("kept", say("Stays")), Column("gone", say("Goes"))]
    note = say(
        "In a group, every pair has a rank correlation of at least {threshold}, in size.",
        threshold=words.number(project.variables.redundant_from, 2),
    )
    stay = list(screened.loc[screened["role"] == "proposed", "name"])
    pairs = [(a, b, correlations.loc[a, b]) for i, a in enumerate(stay) for b in stay[i + 1 :]]
    alike = [(a, b, rho) for a, b, rho in pairs if abs(rho) >= project.variables.redundant_from]
    if alike:
        shown = [say("{a} and {b} ({rho})", a=titles[a], b=titles[b], rho=words.number(rho, 2)) for a, b, rho in alike]
        note += " " + say("Proposed both although this close, being each close to others: {pairs}.", pairs=words.join(shown))
    return Table("redundancy", say("Variables that fall into one group, and which one stays"), frame, columns, note=note)


def passport_table(passports: list[dict]) -> Table:
    """One row a variable: source, missing share, contribution, proposed role and the reason."""
    rows = []
    for p in passports:
        gain = p["contribution"] or {}
        source, role = TABLE_NAMES[p["table"]], ROLES[p["role"]]
        rows.append(
            {
                "title": p["title"],
                "source": say(source),
                "missing": p["missing_share"],
                "objective": gain.get("objective_alone"),
                "objective_lost": gain.get("objective_lost"),
                "panel": gain.get("panel_alone"),
                "panel_lost": gain.get("panel_lost"),
                "role": say(role),
                "why": p["why"],
            }
        )
    columns = [
        Column("title", say("Variable")),
        Column("role", say("Proposal")),
        Column("why", say("Because")),
        Column("missing", say("Missing"), "share", 1),
        Column("objective", say("Objective, alone"), "share", 1),
        Column("objective_lost", say("Objective, lost without its group"), "share", 1),
        Column("panel", say("Panel, alone"), "share", 1),
        Column("panel_lost", say("Panel, lost without its group"), "share", 1),
        Column("source", say("Source")),
    ]
    note = say(
        "Contribution: share of the variance of what customers did in the days after the window “select”, in customers left out of the "
        "fit. Below zero: worse than the average."
    )
    return Table("passports", say("A passport for each variable"), pd.DataFrame(rows), columns, note=note)


def contribution_frame(passports: list[dict], part: str) -> pd.DataFrame:
    """The variables by what they tell, alone, of the objective or the panel. Returns label, value; negative figures as 0."""
    rows = [{"label": p["title"], "value": p["contribution"][f"{part}_alone"]} for p in passports if p["contribution"]]
    frame = pd.DataFrame(rows, columns=["label", "value"]).dropna()
    return frame.assign(value=frame["value"].clip(lower=0.0))


def _objective(project: Project) -> str:
    """What the contribution to the objective is measured on; objectives that are shares are judged by revenue."""
    return say("later orders") if project.objectives.main.metric == "orders_per_customer" else say("later revenue")


def contribution_words(passports: list[dict], project: Project, customers: int) -> dict:
    by = {p["title"]: p["contribution"] for p in passports if p["contribution"]}
    if not by:
        return nothing("contribution", say("What a variable tells of later behaviour cannot be told: the history is too short."))
    money = max(by, key=lambda t: by[t]["objective_alone"])
    return {
        "name": "contribution",
        "title": say(
            "{name} tells the most of {what}: {share} of its variance",
            name=money,
            what=_objective(project),
            share=words.share(by[money]["objective_alone"], 0),
        ),
        "subtitle": say(
            "Share of the variance of {what}, over the next {days} days, that a variable explains alone",
            what=_objective(project),
            days=words.number(project.scope.horizon_days),
        ),
        "alt": words.join(
            [
                say("{name}: {share}", name=t, share=words.share(c["objective_alone"], 0))
                for t, c in sorted(by.items(), key=lambda i: -i[1]["objective_alone"])[:5]
            ]
        )
        + ".",
        "source": say("Source: window “select”, {n} customers, each judged by a fit on others", n=words.number(customers)),
    }


def panel_words(passports: list[dict], project: Project, customers: int) -> dict:
    by = {p["title"]: p["contribution"] for p in passports if p["contribution"]}
    if not by:
        return nothing("panel", say("How customers buy later cannot be judged either."))
    by = {title: gain for title, gain in by.items() if not words.absent(gain["panel_alone"])}
    if not by:
        return nothing("panel", say("How customers buy later is not judged: the scope names no panel of behaviours, or too few show them."))
    best = sorted(by, key=lambda t: -by[t]["panel_alone"])
    same = max(by, key=lambda t: by[t]["objective_alone"]) == best[0]
    share = words.share(by[best[0]]["panel_alone"])
    if same:
        title = say("{name} also tells the most of how customers buy: {share} of the variance", name=best[0], share=share)
    else:
        title = say("Another variable tells the most of how customers buy: {name}, {share} of the variance", name=best[0], share=share)
    return {
        "name": "panel",
        "title": title,
        "subtitle": say(
            "Share of the variance of {n} later behaviours that a variable explains alone, mean", n=words.number(len(project.scope.panel))
        ),
        "alt": words.join([say("{name}: {share}", name=t, share=words.share(by[t]["panel_alone"])) for t in best[:5]]) + ".",
        "source": say("Source: window “select”, {n} customers, each judged by a fit on others", n=words.number(customers)),
    }


def caveats(
    tables: dict[str, ir.Table], passports: list[dict], project: Project, *, as_of: datetime, scoped: int, measured: int
) -> list[str]:
    """What could mislead, each with the size of its effect."""
    result = []
    source = next(iter(project.sources_of("orders").values()), None)
    if source.time_zone and source.time_zone != project.time_zone:
        shift = as_of.replace(tzinfo=ZoneInfo(project.time_zone)).utcoffset() - as_of.replace(tzinfo=ZoneInfo(source.time_zone)).utcoffset()
        orders, start = tables["orders"], as_of - timedelta(days=project.scope.window_days)
        recent = orders.filter(orders.ordered_at >= ibis.literal(start)).group_by("order_id").agg(at=orders.ordered_at.min())
        raw = recent.at - ibis.interval(hours=int(shift.total_seconds() // 3600))
        late = project.variables.evening_from_hour
        now, other = recent.aggregate(
            a=(recent.at.hour() >= late).cast("int64").sum(), b=(raw.hour() >= late).cast("int64").sum(), n=recent.count()
        ).execute().iloc[0][["a", "b"]] / max(int(recent.count().execute()), 1)
        result.append(
            say(
                "The time stamps are taken for {source} and shown in {zone}. Were they local already, {other} of orders would be evening "
                "orders instead of {now}.",
                source=source.time_zone,
                zone=project.time_zone.replace("_", " "),
                other=words.share(other, 0),
                now=words.share(now, 0),
            )
        )
    result += _scale_caveats(tables.get("answers"), project, as_of=as_of)
    missing = [p for p in passports if p["role"] == "missing"]
    if missing:
        result.append(
            say(
                "{names}: missing for up to {share} of customers. What is known of some describes these, it cannot segment everybody.",
                names=words.join([p["title"] for p in missing]),
                share=words.share(max(p["missing_share"] for p in missing), 0),
            )
        )
        if not project.scope.filters:
            result.append(
                say(
                    "No filter is typed in scope.filters: whoever bought nothing in the window has nothing to measure. The filter "
                    "bought_within_days: {days} would bring most of these variables back.",
                    days=project.scope.window_days,
                )
            )
    if not any(p["contribution"] for p in passports):
        result.append(
            say("Nothing here is tested on later behaviour: the history is too short. The proposal rests on spread and redundancy alone.")
        )
    else:
        weak = [
            p
            for p in passports
            if p["role"] == "proposed"
            and p["contribution"]
            and max(p["contribution"]["objective_alone"], p["contribution"]["panel_alone"]) < 0.01
        ]
        result.append(say("Contributions come from one stretch of history; another season may rank the variables otherwise."))
        if weak:
            result.append(
                say(
                    "Proposed although each alone explains less than 1% of the objective, and of the panel on average: {names}.",
                    names=words.join([p["title"] for p in weak]),
                )
            )
    alone = [p["title"] for p in passports if p["role"] == "useless" and p["name"] not in project.scope.panel]
    if alone and project.scope.panel:
        result.append(
            say(
                "The panel’s behaviours are themselves variables of this list, and each tells of its own later values; a variable that "
                "the panel does not name has no such help. Proposed for leaving out without it: {names}.",
                names=words.join(alone),
            )
        )
    if scoped != measured:
        result.append(
            say(
                "Step 2 counted {scoped} customers on the raw tables; on the checked tables {measured} pass the same filters.",
                scoped=words.number(scoped),
                measured=words.number(measured),
            )
        )
    return result


def _scale_caveats(answers: ir.Table | None, project: Project, *, as_of: datetime) -> list[str]:
    """Scales without a survey, and answers that lie outside a scale."""
    scales = project.variables.scales
    if answers is None:
        if not scales:
            return []
        names = words.join([words.text(scale.name) for scale in scales.values()])
        return [say("Typed as scales and not measured, because no source fills the table of answers: {names}.", names=names)]
    result = []
    for scale in scales.values():
        out = formulas_said.outside(answers, scale, as_of=as_of)
        if out["customers"] >= project.min_cell:
            result.append(
                say(
                    "{name}: {n} of {all} answers are no number from {low} to {high}, such as a code for “do not know”; they count as "
                    "not given.",
                    name=words.text(scale.name),
                    n=words.number(out["answers"]),
                    all=words.number(out["of"]),
                    low=f"{scale.low:g}",
                    high=f"{scale.high:g}",
                )
            )
    return result


def summary(passports: list[dict], customers: int, project: Project) -> dict:
    proposed = [p for p in passports if p["role"] == "proposed"]
    families = {p["family"] for p in proposed}
    tested = any(p["contribution"] for p in passports)
    forms = (
        (
            mark("{n} of {all} variables is proposed for building; families covered: {families}."),
            mark("{n} of {all} variables are proposed for building; families covered: {families}."),
        )
        if tested
        else (
            mark("{n} of {all} variables is proposed, untested on later behaviour; families covered: {families}."),
            mark("{n} of {all} variables are proposed, untested on later behaviour; families covered: {families}."),
        )
    )
    headline = say(
        forms[len(proposed) != 1],
        n=words.number(len(proposed)),
        all=words.number(len(passports)),
        families=words.number(len(families)),
    )
    counts = {role: sum(p["role"] == role for p in passports) for role in ROLES}
    figures = [
        (say("Customers measured"), words.number(customers)),
        (say("Variables proposed"), words.number(len(proposed))),
        (say("Redundant"), words.number(counts["redundant"])),
    ]
    points = []
    by = [p for p in passports if p["contribution"]]
    if by:
        best = max(by, key=lambda p: p["contribution"]["objective_alone"])
        points.append(
            say(
                "{name} alone explains {share} of the variance of {what}.",
                name=best["title"],
                what=_objective(project),
                share=words.share(best["contribution"]["objective_alone"], 0),
            )
        )
    again = [p["title"] for p in passports if p["role"] == "redundant"]
    if again:
        points.append(say("Said already by another: {names}.", names=words.join(again)))
    out = [p["title"] for p in passports if p["role"] not in ("proposed", "redundant")]
    if out:
        points.append(say("Left out for other reasons: {names}.", names=words.join(out)))
    low, high = (len(proposed) * each for each in ITEMS_PER_VARIABLE)
    points.append(
        say_n(
            "{n} variable wants {low} to {high} customers; there are {customers}.",
            "{n} variables want {low} to {high} customers; there are {customers}.",
            len(proposed),
            n=words.number(len(proposed)),
            low=words.number(low),
            high=words.number(high),
            customers=words.number(customers),
        )
    )
    return {
        "headline": headline,
        "points": points,
        "figures": figures,
        "unknown": [say("Why customers buy: behaviour shows what, never why.")]
        + ([] if tested else [say("What any variable tells of later behaviour: the history is too short to test it.")]),
        "todo": [say("Read the passports and say which variables stay: stakeholders sign the list before anything is built.")],
    }
