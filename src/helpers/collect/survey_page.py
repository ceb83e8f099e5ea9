"""What the page of step 3 says of who answers, of what is said against what is done, and of hypotheses from interviews."""

import pandas as pd

from helpers import words
from helpers.collect.stated import LEAST_DAYS
from helpers.project import Project
from helpers.tables import Column, Table
from helpers.words import mark, say, say_n

BEHAVIOUR_NAMES = {
    "active": (mark("Bought within the window"), "share"),
    "loyal": (mark("Loyal"), "share"),
    "spend_per_30d": (mark("Spend per 30 days"), "money"),
    "orders_per_30d": (mark("Orders per 30 days"), "number"),
}
ACTUAL_NAMES = {
    "orders_per_30d": mark("orders per 30 days"),
    "spend_per_30d": mark("spend per 30 days"),
    "days_since_order": mark("days since the last order, fewer counting as more"),
    "online_order_share": mark("share of orders placed online"),
}
VERDICTS = {"supported": mark("supported"), "contradicted": mark("contradicted"), "cannot tell": mark("cannot tell")}
MORE = {
    "number": mark("say more than they do, by half a unit and a tenth at least"),
    "words": mark("of those who give the highest answer do less than the median respondent"),
}
SHOWN = 12
"""Levels of attributes shown at most: those where members and base are furthest apart."""
APART = 0.05
"""Points from which a difference between members and base is worth a word."""


def level_words(row) -> str:
    """A characteristic as people read it."""
    if row.what in BEHAVIOUR_NAMES:
        label, _ = BEHAVIOUR_NAMES[row.what]
        return say(label)
    return say("{attribute}: {level}", attribute=row.what.replace("_", " "), level=say("not known") if row.level == "–" else row.level)


def attributes_apart(compared: pd.DataFrame, least: int) -> pd.DataFrame:
    """Levels of attributes that may be told, furthest apart first; `gap` is members less base."""
    there = compared[~compared["what"].isin(BEHAVIOUR_NAMES)]
    there = there[(there["n"] >= least) & (there["all_n"] >= least)]
    gap = (there["members"] - there["base"]).astype(float)
    order = gap.abs().sort_values(ascending=False, kind="stable").index
    return there.assign(gap=gap).loc[order]


def who_answers_words(compared: pd.DataFrame | None, how: dict | None, project: Project) -> str:
    """Who answers the survey: how many, how unlike everybody, and what weighting costs."""
    if compared is None or not how or not how["n"]:
        return say("Nobody was asked anything: no survey answers are mapped. Needs and values take a survey of a known share of customers.")
    all_n = int(compared["all_n"][compared["what"] == "active"].iloc[0])
    parts = [
        say(
            "{n} customers answered the survey, {share} of all.",
            n=words.number(how["n"]),
            share=words.share(how["n"] / max(all_n, 1)),
        )
    ]
    parts += [_most_apart(compared, project)]
    return " ".join(p for p in [*parts, weights_words(how)] if p)


def _most_apart(compared: pd.DataFrame, project: Project) -> str:
    told = attributes_apart(compared, project.min_cell)
    active = compared[compared["what"] == "active"].iloc[0]
    parts = [
        say(
            "{members} of them bought within the window, against {base} of all.",
            members=words.share(active["members"], 0),
            base=words.share(active["base"], 0),
        )
    ]
    if len(told) and abs(told.iloc[0]["gap"]) >= APART:
        row = next(told.head(1).itertuples())
        values = {"level": level_words(row), "members": words.share(row.members, 0), "base": words.share(row.base, 0)}
        parts.append(say("Furthest apart: {level}, {members} of those who answer and {base} of all.", **values))
    return " ".join(parts)


def weights_words(how: dict) -> str:
    """How the answers were weighted, whether it worked out, and what it costs."""
    if not how["margins"]:
        return say("Answers are not weighted: no attribute is named under collect.survey.margins.")
    values = {"margins": words.join(m.replace("_", " ") for m in how["margins"]), "effect": words.number(how["effect"], 2)}
    values |= {"effective": words.number(how["effective"]), "n": words.number(how["n"]), "rounds": words.number(how["rounds"])}
    said = say("Weighted by {margins} to all customers: the {n} answers count as {effective} (design effect {effect}).", **values)
    if not how["converged"]:
        apart = words.share(how["apart"], 1)
        said += " " + say(
            "The weighting did not settle: a margin is still {apart} away after {rounds} rounds.", apart=apart, rounds=values["rounds"]
        )
    if how["trimmed"]:
        after = words.share(how["after"], 1)
        said += " " + say_n(
            "{n} weight was cut to five times the mean; the margins are now up to {after} away.",
            "{n} weights were cut to five times the mean; the margins are now up to {after} away.",
            how["trimmed"],
            after=after,
        )
    if how["lacking"] > 0.005:
        said += " " + say(
            "{share} of customers are in groups of which nobody answered: no weight speaks for them.", share=words.share(how["lacking"], 0)
        )
    return said


def compared_table(compared: pd.DataFrame, project: Project, *, name: str = "respondents") -> Table:
    """Members beside everybody: what they do, and the attributes in which they are furthest apart."""
    doing = compared[compared["what"].isin(BEHAVIOUR_NAMES)]
    told = attributes_apart(compared, project.min_cell)
    shown = pd.concat([doing, told.head(SHOWN)])
    kinds = [(BEHAVIOUR_NAMES[w][1] if w in BEHAVIOUR_NAMES else "share", _digits(w)) for w in shown["what"]]
    frame = shown.assign(label=[level_words(row) for row in shown.itertuples()], kinds=kinds)
    head = say("Who rates") if name == "raters" else say("Who answers")
    columns = [
        Column("label", say("Customers")),
        Column("base", say("All"), "share", 1, kinds="kinds"),
        Column("members", head, "share", 1, kinds="kinds"),
    ]
    if shown["weighted"].notna().any() and name == "respondents":
        columns.append(Column("weighted", say("Weighted"), "share", 1, kinds="kinds"))
    columns.append(Column("n", say("Number"), "count"))
    left = len(told) - min(len(told), SHOWN)
    note = (
        say_n("{n} more level of an attribute is closer to all.", "{n} more levels of attributes are closer to all.", left)
        if left > 0
        else ""
    )
    caption = (
        say("Who rates in comments, beside all customers") if name == "raters" else say("Who answers the survey, beside all customers")
    )
    return Table(name, caption, frame, columns, note=note, cell_size="n")


def _digits(what: str) -> int:
    return {"active": 0, "loyal": 0, "spend_per_30d": 2, "orders_per_30d": 2}.get(what, 0)


def claims_table(found: list[dict], project: Project) -> Table:
    """What is said against what is done; empty without claims."""
    names = {c.item: words.text(c.name) for c in project.collect.survey.claims}
    rows = []
    for each in found:
        actual, how = ACTUAL_NAMES[each["actual"]], MORE[each["kind"]]
        low, high = (words.number(each[k], 2) for k in ("low", "high"))
        told = each["rho"] is not None
        rows.append(
            {
                "name": names[each["item"]],
                "actual": say(actual),
                "n": each["n"],
                "rho": each["rho"],
                "interval": say("{low} to {high}", low=low, high=high) if told else say("cannot tell"),
                "short": each["short"],
                "more": each["more"] if not 0 < each["of"] < project.min_cell else None,
                "how": say(how),
            }
        )
    columns = [
        Column("name", say("What is said")),
        Column("actual", say("What is done")),
        Column("n", say("Answers"), "count"),
        Column("rho", say("Rank correlation"), "number", 2),
        Column("interval", say("95% interval")),
        Column("more", say("Share who"), "share", 0),
        Column("how", say("do what")),
        *([Column("short", say("Not known long enough"), "count", people=True)] if any(each["short"] for each in found) else []),
    ]
    frame = pd.DataFrame(rows, columns=["name", "actual", "n", "rho", "interval", "more", "how", "short"])
    few = frame["n"] < project.min_cell
    frame["interval"] = frame["interval"].mask(few, say("cannot tell")).astype(object)
    note = say("Spearman’s rank correlation: 1 would be the same order of customers by what they say as by what they do, 0 no relation.")
    note += " " + measured_words(found) if found else ""
    return Table("claims", say("What customers say beside what they do"), frame, columns, note=note, cell_size="n")


def measured_words(found: list[dict]) -> str:
    """When what was done was measured, and who stands apart."""
    said = say(
        "What was done is measured in the {days} days before each answer, per 30 days; for customers who first bought within them, from "
        "that first order on, which only starts the clock.",
        days=words.number(found[0]["window_days"]),
    )
    if not any(each["short"] for each in found):
        return said
    return (
        said
        + " "
        + say(
            "Respondents with fewer than {days} days of history before their answer, or none, stand apart: nobody can tell what they do "
            "in a month.",
            days=words.number(LEAST_DAYS),
        )
    )


def claims_words(found: list[dict], project: Project) -> str:
    """How far words can be taken for deeds."""
    told = [c for c in found if c["rho"] is not None and c["n"] >= project.min_cell]
    if not told:
        return say(
            "What people say cannot be set against what they do: no survey item is named under collect.survey.claims, or too few answer."
        )
    best = max(told, key=lambda c: c["rho"])
    names = {c.item: words.text(c.name) for c in project.collect.survey.claims}
    values = {"name": names[best["item"]], "rho": words.number(best["rho"], 2)}
    if best["rho"] >= 0.7:
        return say("What is said follows what was done, closest for “{name}” (rank correlation {rho}).", **values)
    if best["rho"] >= 0.3:
        return say(
            "What is said follows what was done loosely, closest for “{name}” (rank correlation {rho}): trust deeds first.", **values
        )
    return say("What is said tells little of what was done: the closest is “{name}” (rank correlation {rho}). Segment by deeds.", **values)


def hypotheses_table(found: list[dict], project: Project, compared: pd.DataFrame | None = None) -> Table:
    """What interviews suggested, with the survey item that tests it and the result; empty without hypotheses."""
    rows = []
    for each in found:
        typed, verdict = project.collect.hypotheses[each["place"]], VERDICTS[each["verdict"]]
        low, high = (words.share(each[k], 0) for k in ("low", "high"))
        rows.append(
            {
                "statement": words.text(typed.statement),
                "from": say("{who}, {day}", who=words.text(typed.heard_from), day=words.day(typed.heard_on)),
                "item": each["item"].replace("_", " "),
                "among": typed.among or say("all customers"),
                "n": each["n"],
                "share": each["share"],
                "interval": say("{low} to {high}", low=low, high=high) if each["share"] is not None else "",
                "at_least": each["at_least"],
                "verdict": say(verdict),
            }
        )
    columns = [
        Column("statement", say("Heard in interviews")),
        Column("from", say("From whom")),
        Column("item", say("Survey item")),
        *([Column("among", say("Among"))] if any(h.among for h in project.collect.hypotheses) else []),
        Column("n", say("Answers"), "count"),
        Column("share", say("Agree, weighted"), "share", 0),
        Column("interval", say("95% interval")),
        Column("at_least", say("Holds from"), "share", 0),
        Column("verdict", say("Result")),
    ]
    frame = pd.DataFrame(rows, columns=["statement", "from", "item", "among", "n", "share", "interval", "at_least", "verdict"])
    note = say(
        "Supported: the whole interval lies from the border on. Contradicted: all of it below. The interval counts the design effect."
    )
    left = "" if compared is None else not_mended(compared, project)
    note += " " + left if left else ""
    return Table("hypotheses", say("Hypotheses from interviews, tested on the survey"), frame, columns, note=note, cell_size="n")


def not_mended(compared: pd.DataFrame, project: Project) -> str:
    """The behaviour in which respondents, weighted, stay furthest from everybody, measured as a part of everybody's; empty if none."""
    doing = compared[compared["what"].isin(BEHAVIOUR_NAMES) & compared["weighted"].notna() & (compared["base"] > 0)]
    doing = doing[(doing["n"] >= project.min_cell) & (doing["all_n"] >= project.min_cell)]
    apart = (doing["weighted"].astype(float) / doing["base"].astype(float) - 1).abs()
    if not len(doing) or apart.max() < 0.005:
        return ""
    row = doing.loc[apart.idxmax()]
    name, kind = BEHAVIOUR_NAMES[row["what"]]
    write = {"share": lambda x: words.share(x, 0), "money": words.money, "number": lambda x: words.number(x, 2)}[kind]
    label, weighted, base = say(name), write(row["weighted"]), write(row["base"])
    label = label[:1].lower() + label[1:]
    return say(
        "Not mended by weights: {what} ({weighted} among those who answer, weighted; {base} among all).",
        what=label,
        weighted=weighted,
        base=base,
    )


def hypotheses_words(found: list[dict]) -> str:
    """How many hypotheses the survey supports."""
    if not found:
        return ""
    count = {v: sum(1 for each in found if each["verdict"] == v) for v in VERDICTS}
    values = {
        "yes": words.number(count["supported"]),
        "no": words.number(count["contradicted"]),
        "open": words.number(count["cannot tell"]),
    }
    return say_n(
        "Of {n} hypothesis from interviews the survey supports {yes} and contradicts {no}; {open} cannot be told.",
        "Of {n} hypotheses from interviews the survey supports {yes} and contradicts {no}; {open} cannot be told.",
        len(found),
        **values,
    )


def caveats(compared: pd.DataFrame | None, how: dict | None, rated: pd.DataFrame | None, project: Project) -> list[str]:
    """What could mislead in what people say."""
    result = []
    if compared is not None and how and how["n"]:
        left = not_mended(compared, project)
        result.append(
            say(
                "Weights mend only what is in their margins. {left} Who answers may differ in what nobody recorded as well. "
                "The answers count as {effective} of {n}.",
                left=left,
                effective=words.number(how["effective"]),
                n=words.number(how["n"]),
            )
            if left
            else say(
                "Weights mend only what is in their margins: who answers may still differ from those who do not in what nobody recorded. "
                "The answers count as {effective} of {n}.",
                effective=words.number(how["effective"]),
                n=words.number(how["n"]),
            )
        )
    if rated is not None and len(rated):
        active = rated[rated["what"] == "spend_per_30d"].iloc[0]
        if active["n"] >= project.min_cell and active["base"]:
            result.append(
                say(
                    "Comments are left by {n} customers who spend {times} times the mean: their mood is not everybody’s.",
                    n=words.number(active["n"]),
                    times=words.number(active["members"] / active["base"], 1),
                )
            )
    return result
