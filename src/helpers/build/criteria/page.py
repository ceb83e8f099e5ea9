"""What the page of step 6 says of the five criteria: verdicts, figures, and what can be done nevertheless."""

import pandas as pd

from helpers import words
from helpers.build.criteria.judging import CRITERIA, FAIL, PASS, UNKNOWN
from helpers.build.portraits import segment_name
from helpers.masking import withheld
from helpers.project import Project
from helpers.tables import Column, Table
from helpers.words import NONE, mark, say, say_n

TITLES = {
    "measurable": mark("Measurable"),
    "recognisable": mark("Recognisable"),
    "homogeneous": mark("Homogeneous"),
    "interesting": mark("Interesting"),
    "accessible": mark("Accessible"),
}
SIGNS = {PASS: mark("✓ pass"), FAIL: mark("✗ fail"), UNKNOWN: mark("? cannot tell")}
FIGURES = {  # name: what people call it, kind and digits
    "half_width": (mark("Uncertainty of revenue per customer, share of it"), "share", 0),
    "missing": (mark("Missing share, worst defining variable"), "share", 1),
    "revenue": (mark("Revenue per customer, 30 days, capped"), "money", 0),
    "capped": (mark("Customers whose revenue is capped"), "share", 1),
    "margin": (mark("Margin per customer, 30 days, capped"), "money", 0),
    "accuracy": (mark("Told from the others by a short rule, later"), "share", 0),
    "variables": (mark("Variables that set it apart, later"), "count", 0),
    "readable": (mark("The same rule on the days of the build"), "share", 0),
    "at_once": (mark("Named right by one short rule for all, later"), "share", 0),
    "ratio": (mark("Variance within, of the variance of all, later"), "share", 0),
    "n": (mark("Customers"), "count", 0),
    "break_even": (mark("Rise in response that pays for its campaign"), "share", 1),
    "kappa": (mark("Lasting: staying beyond chance"), "share", 0),
    "stay": (mark("Still in it one horizon later, of those who bought"), "share", 0),
    "chance": (mark("Share that would be in it by chance"), "share", 0),
    "attrition": (mark("Bought nothing in the following period"), "share", 0),
    "volatility": (mark("Ups and downs of monthly revenue, season removed"), "share", 0),
    "share": (mark("Can be reached by its best channel"), "share", 0),
    "number": (mark("Customers who can be reached by it"), "count", 0),
    "consent": (mark("Agreed to that channel"), "share", 0),
}
SIDES = {"at least": mark("at least {limit}"), "at most": mark("at most {limit}")}
AFTER = ("accuracy", "variables", "readable", "at_once", "ratio", "kappa", "stay", "chance", "attrition")
"""Figures about the customers of the window *confirm*, not of today."""
REMEDIES = {
    ("measurable", "half_width"): mark("Plan its money together with the segment next to it in value, or measure over a longer window."),
    ("measurable", "missing"): mark("Collect the missing value, or look at those who lack it apart: they were placed by a stand-in."),
    ("measurable", "no_revenue"): mark("Its refunds outweigh its purchases: count its orders instead of its revenue."),
    ("recognisable", "accuracy"): mark("Label customers anew just before each mailing, and do not explain it to teams by its variables."),
    ("recognisable", "variables"): mark(
        "Hand teams the rule, not a portrait: many small differences make it, hardly one that is plain to see."
    ),
    ("recognisable", "not_measured_again"): mark("What built it is not measured twice: ask again, or add a behaviour that stands for it."),
    ("homogeneous", "ratio"): mark(
        "Within it, choose offers by each customer’s own purchases or by the bands; one offer for all will miss many."
    ),
    ("homogeneous", "not_measured_again"): mark("What built it is not measured twice: ask again, or add a behaviour that stands for it."),
    ("interesting", "not_measured_again"): mark("What built it is known as of today alone, so nobody could leave it: keep its history."),
    ("interesting", "n"): mark("Join it with the segment nearest to it, or serve it by hand."),
    ("interesting", "break_even"): mark(
        "Send a cheaper offer or use a cheaper channel, test on part of it first, or write without an offer."
    ),
    ("interesting", "kappa"): mark(
        "Label customers anew before every contact; if people are meant to pass through, type it in build.transient."
    ),
    ("interesting", "no_margin"): mark("Type target.margin_rate in project.yml: without a margin nobody knows what a response brings."),
    ("interesting", "no_channels"): mark("Type the channels and their costs in project.yml (target.channels)."),
    ("interesting", "no_anyway"): mark(
        "Contact with a control group, or type anyway_share of the offer: nobody knows how many would come anyway."
    ),
    ("interesting", "no_spend_per_order"): mark("It would take orders with amounts: spend per order is not measured."),
    ("accessible", "share"): mark("Ask for consent where they are met, and write once to those who agreed and gave no sign for a year."),
    ("accessible", "number"): mark("Reach them by several channels, or where they buy."),
    ("accessible", "no_consents"): mark(
        "It would take consents with customer, channel, purpose and date; until then speak to them where they buy."
    ),
    ("accessible", "no_signs"): mark("It would take orders, visits, clicks or answers with the channel by which they came."),
    ("accessible", "no_channels"): mark("Type the channels in project.yml (target.channels)."),
    "no_later": mark(
        "History is too short to look at the same customers later: keep the segments as a convention, judge after one horizon."
    ),
    "not_then": mark("It had no members one horizon earlier: judge it after the next build."),
    "few": mark("Too few customers to tell: join it with the segment nearest to it, or serve it by hand."),
}
HOW_SURE = mark("The threshold lies within the interval: more customers or another period would tell; until then act as if it failed.")


def shown(segment: dict, project: Project) -> bool:
    """Whether anything but the name may be said of a segment.

    segment   of profiles.json: n, shown
    """
    return bool(segment.get("n")) and not withheld(segment, project.min_cell)


def verdict_table(criteria: dict, profiles: dict, project: Project) -> Table:
    """Segment × criterion: pass, fail or cannot tell.

    criteria   result of `judged`;  profiles: as step 6 hands them over
    """
    rows = []
    for segment in profiles["segments"]:
        line, told = criteria["segments"].get(segment["id"]), shown(segment, project)
        signs = {c: _sign(line[c]["verdict"]) if told and line else NONE for c in CRITERIA}
        rows.append({"name": segment_name(segment), "n": segment["n"] if told else None} | signs)
    rows.append(
        {"name": say("All together"), "n": criteria["base"]["customers"]} | {c: _sign(criteria["overall"][c]["verdict"]) for c in CRITERIA}
    )
    columns = [Column("name", say("Segment")), Column("n", say("Customers"), "count")]
    columns += [Column(c, say(TITLES[c])) for c in CRITERIA]
    caption = say("The five criteria of a good segment")
    return Table("criteria", caption, pd.DataFrame(rows), columns, note=thresholds_words(project), cell_size="n")


def _sign(verdict: str) -> str:
    """A verdict in words, with its sign: never by colour alone."""
    sign = SIGNS[verdict]
    return say(sign)


def thresholds_words(project: Project) -> str:
    """The thresholds, fixed in the scope and signed before anything was built."""
    t = project.scope.criteria
    return say(
        "Thresholds, fixed before building (scope.criteria): uncertainty at most {half}, missing values at most {missing}; recognised at "
        "least {accuracy}, by {variables} variables or more; variance within at most {ratio}; {number} customers or more, a rise of "
        "{uplift} at most, lasting at least {kappa}; reached at least {share}. Pass or fail: all of the 95% interval lies on one side.",
        half=_percent(t.measurable_half_width),
        missing=_percent(t.measurable_missing),
        accuracy=_percent(t.recognisable_accuracy),
        variables=words.number(t.recognisable_variables),
        ratio=_percent(t.homogeneous_ratio),
        number=words.number(t.accessible_number),
        uplift=_percent(t.interesting_uplift),
        kappa=_percent(t.interesting_kappa),
        share=_percent(t.accessible_share),
    )


def _percent(x: float) -> str:
    """A threshold as typed: 5%, 2.5%."""
    return words.share(x, 0 if abs(x * 100 - round(x * 100)) < 1e-9 else 1)


def figures_table(criteria: dict, profiles: dict, project: Project) -> Table:
    """Every figure with its interval, threshold and verdict; to be shown folded."""
    rows = []
    for segment in profiles["segments"]:
        line = criteria["segments"].get(segment["id"])
        if line and shown(segment, project):
            rows += _lines(segment_name(segment), line, criteria["counts"][segment["id"]], project)
    everyone = {"now": criteria["base"]["customers"], "then": criteria["base"]["customers_then"]}
    rows += _lines(say("All together"), criteria["overall"], everyone, project)
    columns = [
        Column("name", say("Segment")),
        Column("criterion", say("Criterion")),
        Column("figure", say("Figure")),
        Column("value", say("Value"), "number", kinds="kinds"),
        Column("low", say("95% interval from"), "number", kinds="kinds"),
        Column("high", say("to"), "number", kinds="kinds"),
        Column("limit", say("Threshold")),
        Column("verdict", say("Verdict")),
    ]
    then = criteria["base"]["customers_then"]
    note = say(
        "“Later”: in the last {days} days, for {n} customers as they were labelled before them. A dash: not known, without end, or "
        "about too few customers. A figure without a threshold judges nothing.",
        days=words.number(project.scope.horizon_days),
        n=words.number(then),
    )
    frame = pd.DataFrame(rows, columns=[c.name for c in columns] + ["kinds"])
    return Table("criteria_figures", say("The five criteria: every figure"), frame, columns, note=note)


def _lines(name: str, line: dict, counts: dict, project: Project) -> list[dict]:
    rows = []
    for criterion in CRITERIA:
        figures = line[criterion]["figures"]
        for key in [name for name in FIGURES if name in figures]:
            figure, (title, kind, digits) = figures[key], FIGURES[key]
            few = key in AFTER and (counts["then"] or 0) < project.min_cell
            few |= key in ("share", "number") and _gives_away(line[criterion], counts["now"], project)
            ends = {end: None if few else figure[end] for end in ("value", "low", "high")}
            limit = "" if figure["side"] is None else _limit(figure, kind)
            verdict = _sign(figure["verdict"]) if figure["verdict"] else ""
            row = {"name": name, "criterion": say(TITLES[criterion]), "figure": say(title)} | ends
            rows.append(row | {"limit": limit, "verdict": verdict, "kinds": (kind, digits)})
    return rows


def _limit(figure: dict, kind: str) -> str:
    side = SIDES[figure["side"]]
    limit = _percent(figure["limit"]) if kind == "share" else words.number(figure["limit"])
    return say(side, limit=limit)


def _gives_away(line: dict, n: int, project: Project) -> bool:
    """Whether the customers reached, or those who are not, are too few to be told."""
    reached = line["figures"]["number"]["value"]
    return reached is not None and any(0 < part < project.min_cell for part in (reached, n - reached))


# Sentences


def passing_words(criteria: dict, profiles: dict, project: Project) -> str:
    """How many segments pass all five, which fail none of those that can be told, and what the others lack."""
    told = _told(criteria, profiles, project)
    names = [segment_name(s) for s in told if s["id"] in criteria["passing"]]
    if names:
        head = say_n(
            "{n} of {all} segment passes all five criteria: {names}.",
            "{n} of {all} segments pass all five criteria: {names}.",
            len(told),
            n=words.number(len(names)),
            all=words.number(len(told)),
            names=words.join(names),
        )
    else:
        head = say("No segment passes all five criteria.")
    unfailing = [segment_name(s) for s in told if s["id"] not in criteria["passing"] and not _having(FAIL, s, criteria)]
    parts = [say("Of what can be told, none fails for {names}.", names=_names(unfailing, told))] if unfailing else []
    for criterion in CRITERIA:
        found = {v: [segment_name(s) for s in told if criterion in _having(v, s, criteria)] for v in (FAIL, UNKNOWN)}
        said = [say("fail for {names}", names=_names(found[FAIL], told))] if found[FAIL] else []
        said += [say("cannot tell for {names}", names=_names(found[UNKNOWN], told))] if found[UNKNOWN] else []
        title = TITLES[criterion]
        parts += [say("{criterion}: {verdicts}.", criterion=say(title), verdicts="; ".join(said))] if said else []
    return " ".join([head, *parts])


def short_words(criteria: dict, profiles: dict, project: Project) -> str:
    """The same for the summary: how many pass all five, and the one criterion that stands most in the way of the others."""
    told = _told(criteria, profiles, project)
    if not told:
        return say("No segment is large enough to be judged by the five criteria.")
    passing = sum(s["id"] in criteria["passing"] for s in told)
    values = {"n": words.number(passing), "all": words.number(len(told))}
    if passing == len(told):
        return say("All {all} segments pass all five criteria.", **values)
    told_first = (
        say("None of {all} segments passes all five criteria", **values)
        if not passing
        else say_n(
            "{n} of {all} segments passes all five criteria", "{n} of {all} segments pass all five criteria", passing, all=values["all"]
        )
    )
    return say("{head}; {obstacle}.", head=told_first, obstacle=_obstacle(told, criteria))


def _obstacle(told: list[dict], criteria: dict) -> str:
    """The criterion that most segments fail; where none is failed, the one that can be told of fewest, and what it lacks."""
    counted = {v: {c: sum(c in _having(v, s, criteria) for s in told) for c in CRITERIA} for v in (FAIL, UNKNOWN)}
    if sum(counted[FAIL].values()) == 0 or len(told) in counted[UNKNOWN].values():
        criterion = max(CRITERIA, key=lambda c: counted[UNKNOWN][c])
        reasons = {criteria["segments"][s["id"]][criterion]["because"] for s in told if criterion in _having(UNKNOWN, s, criteria)}
        title, lacking = TITLES[criterion], LACKING.get(next(iter(reasons))) if len(reasons) == 1 else None
        if lacking:
            return say("“{criterion}” cannot be told: {lacking}", criterion=say(title), lacking=say(lacking))
        return say("“{criterion}” cannot be told of all", criterion=say(title))
    criterion = max(CRITERIA, key=lambda c: counted[FAIL][c])
    title, failed = TITLES[criterion], counted[FAIL][criterion]
    if failed == len(told):
        return say("all fail “{criterion}”", criterion=say(title))
    return say_n("{n} fails “{criterion}”", "{n} fail “{criterion}”", failed, criterion=say(title))


LACKING = {
    "no_consents": mark("no consents"),
    "no_signs": mark("nothing tells who can be reached"),
    "no_channels": mark("no channels are typed"),
    "no_margin": mark("no margin is typed"),
    "no_anyway": mark("nobody knows who would buy anyway"),
    "no_later": mark("the history is too short"),
    "few": mark("too few customers"),
}
"""What a criterion lacks, in a few words."""


def _told(criteria: dict, profiles: dict, project: Project) -> list[dict]:
    return [s for s in profiles["segments"] if s["id"] in criteria["segments"] and shown(s, project)]


def _having(verdict: str, segment: dict, criteria: dict) -> list[str]:
    """The criteria on which a segment has this verdict."""
    return [c for c, line in criteria["segments"][segment["id"]].items() if line["verdict"] == verdict]


def _names(names: list[str], told: list[dict]) -> str:
    return say("all") if len(names) == len(told) > 1 else words.join(names)


def remedies(criteria: dict, profiles: dict, project: Project) -> list[str]:
    """What can be done nevertheless, a sentence for each criterion and reason that is not a pass."""
    told, result = _told(criteria, profiles, project), []
    for criterion in CRITERIA:
        groups: dict[tuple[str, str], list[str]] = {}
        for segment in told:
            line = criteria["segments"][segment["id"]][criterion]
            if line["verdict"] != PASS:
                groups.setdefault((line["verdict"], line["because"]), []).append(segment_name(segment))
        for (verdict, because), names in groups.items():
            doubtful = groups.get((UNKNOWN, because))
            if verdict == FAIL and doubtful:  # one remedy, said once
                result.append(_both(criterion, because, _names(names, told), _names(doubtful, told)))
            elif verdict == FAIL or (FAIL, because) not in groups:
                result.append(_remedy(criterion, verdict, because, _names(names, told)))
    return result


def _both(criterion: str, because: str, failing: str, doubtful: str) -> str:
    title, figure, cure = TITLES[criterion], FIGURES[because][0], REMEDIES[criterion, because]
    values = {"criterion": say(title), "names": failing, "doubtful": doubtful, "figure": say(figure).lower(), "cure": say(cure)}
    return say("{criterion}: fail for {names}, cannot tell for {doubtful}, by “{figure}”. {cure}", **values)


def _remedy(criterion: str, verdict: str, because: str, names: str) -> str:
    cure = REMEDIES.get((criterion, because)) or REMEDIES.get(because, REMEDIES["few"])
    values = {"criterion": say(TITLES[criterion]), "names": names, "cure": say(cure)}
    if because not in FIGURES:
        return say("{criterion}: cannot tell for {names}. {cure}", **values)
    title = FIGURES[because][0]
    values |= {"figure": say(title).lower(), "sure": say(HOW_SURE)}
    if verdict == FAIL:
        return say("{criterion}: fail for {names} by “{figure}”. {cure}", **values)
    return say("{criterion}: cannot tell for {names} by “{figure}”. {sure} {cure}", **values)


def readable_words(criteria: dict, profiles: dict, project: Project) -> str:
    """How readable the rules are, which is no proof of anything."""
    told = [
        s["id"]
        for s in profiles["segments"]
        if shown(s, project) and (criteria["counts"].get(s["id"], {}).get("then") or 0) >= project.min_cell
    ]
    found = [criteria["readable"][s]["value"] for s in told if criteria["readable"].get(s)]
    if not found:
        return say("How readable the rules are cannot be told: there is no earlier build.")
    return say(
        "On the very days that made them, the same short rule tells the segments from the others in {low} to {high} of cases. That says "
        "how readable the rules are and judges nothing: noise cut into groups is as readable.",
        low=words.share(min(found), 0),
        high=words.share(max(found), 0),
    )


def reach_words(criteria: dict, project: Project) -> str:
    """How many of all customers may be reached: counted before any segment was chosen."""
    line = criteria["overall"]["accessible"]
    channel, found, agreed = line.get("channel"), *(line["figures"].get(f, {}).get("value") for f in ("share", "consent"))
    if channel is None or found is None:
        cure = REMEDIES.get(("accessible", line["because"])) or REMEDIES["few"]
        return say("Who may be reached cannot be told, of any segment. {cure}", cure=say(cure))
    name = project.target.channels[channel].name
    return say(
        "Before any segment is looked at: {share} of all customers agreed to “{channel}” and gave a sign of life on it within twelve "
        "months; {consent} agreed to it.",
        share=words.share(found, 0),
        channel=words.text(name),
        consent=words.share(agreed, 0),
    )


def beside_words(criteria: dict, other: dict, titles: tuple[str, str]) -> str:
    """The chosen segmentation beside the runner-up: verdicts passed, of all that could be told.

    titles   what people call the two
    """
    counts = []
    for judged in (criteria, other):
        verdicts = [line[c]["verdict"] for line in judged["segments"].values() for c in CRITERIA]
        counts.append((sum(v == PASS for v in verdicts), sum(v != UNKNOWN for v in verdicts)))
    return say(
        "“{one}” passes {a} of the {b} verdicts that can be told, “{other}” {c} of {d}.",
        one=titles[0],
        other=titles[1],
        **{name: words.number(n) for name, n in zip("abcd", (*counts[0], *counts[1]), strict=True)},
    )
