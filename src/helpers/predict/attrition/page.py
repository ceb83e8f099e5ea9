"""What the pages of steps 4 and 7 say of attrition: after how many days, how good, how many now, and what goes with it."""

import numpy as np
import pandas as pd

from helpers import words
from helpers.build.portraits import segment_name, titles
from helpers.masking import covered, covered_sizes, few_on_a_side
from helpers.predict.attrition.grade import TOO_GOOD
from helpers.predict.attrition.interval import RETURNED
from helpers.predict.attrition.model import BOOSTING, LOGISTIC, RECENCY
from helpers.predict.grades import CLEAR, GRADED
from helpers.project import Project
from helpers.rates import wilson
from helpers.tables import Column, Table, nothing
from helpers.variables import catalogue
from helpers.words import NONE, mark, say, say_n

MODELS = {
    RECENCY: mark("recency alone"),
    LOGISTIC: mark("logistic regression"),
    BOOSTING: mark("boosted trees"),
    "alike": mark("everybody alike"),
}
REASONS = {
    "totals": mark("not ready: the orders are totals of a period, and tell no days. It would take orders with their dates."),
    "nobody_came_back": mark("cannot tell: nobody is seen to come back, so no silence can be told from a usual one."),
    "short_history": mark("not ready: {have} days of history, and it takes {want}: a window to learn in, and twice the days of silence."),
    "few_lost": mark("not ready: {have} customers were lost in a period, and it takes {want} to learn from and to judge by."),
    "few_stayed": mark("not ready: too few customers came back in a period to learn from."),
    "no_recency": mark("not ready: the variables hold no recency, which any prediction must beat."),
    "not_converged": mark("cannot tell: the fit did not come to rest, so no figure of it is printed."),
    "too_good": mark(
        "cannot tell: the prediction is too good to be true (area under the curve above {limit}). Something among the variables "
        "knows the outcome: {names}."
    ),
}
SHOWN = 3
"""Variables named for each segment."""
LEVEL = 0.05


def reason(evidence: dict, project: Project) -> str:
    """Why there is no graded risk, in a sentence; empty where there is one."""
    if not evidence["reasons"]:
        return ""
    code = evidence["reasons"][0]
    needs = {n["code"]: n for n in evidence["readiness"]}
    need = needs.get("lost" if code == "few_lost" else "history_days", {"have": None, "want": None})
    have = need["have"] if code != "few_lost" or need["have"] is None or need["have"] >= project.min_cell else None
    shown = words.number(have) if have is not None else say("too few")
    known = titles(project)
    given = words.join(known[name] for name in evidence.get("giveaways", [])) or say("several of them together")
    sentence = REASONS[code]
    return say(sentence, have=shown, want=words.number(need["want"]), limit=words.number(TOO_GOOD, 2), names=given)


def returns_frame(evidence: dict) -> pd.DataFrame:
    """days, share: the curve of returns, a point a week, up to where nearly all have come."""
    curve = (evidence["period"] or {"curve": []})["curve"]
    frame = pd.DataFrame(curve, columns=["days", "share"])
    far = frame[frame["share"] >= 0.985]
    return frame[frame["days"] <= far["days"].iloc[0]] if len(far) else frame


def returns_words(evidence: dict, project: Project) -> dict:
    """The words of that chart, with its marks; where there is no period, the reason."""
    period = evidence["period"]
    if period is None or period["days"] is None or not period["curve"]:
        return nothing("attrition_returns", say("Attrition: {reason}", reason=reason(evidence, project))) | {"marks": []}
    days, came, after = words.number(period["days"]), words.share(period["share"], 0), period["counted_after"]
    title = say("Of those who come back, {share} do within {days} days", share=came, days=days)
    alt = say("The curve of returns rises to {share} of them by day {days}.", share=came, days=days)
    marks = [(period["days"], say("{days} days: lost", days=days))]
    if after["days"] != period["days"]:
        marks.append((after["days"], say("{days} days: lost on other pages", days=words.number(after["days"]))))
    waits = words.number(period["waits"])
    return {
        "name": "attrition_returns",
        "title": title,
        "subtitle": say("Share of returns by days since the purchase before, every customer weighing the same"),
        "alt": alt,
        "source": say("{n} waits between days of purchase in all history; those that still last count as far as watched.", n=waits),
        "marks": marks,
    }


def period_words(evidence: dict, project: Project) -> str:
    """After how many days somebody counts as lost here, why, and how that compares with the number used elsewhere."""
    period = evidence["period"]
    if period is None or period["days"] is None:
        return say("After how many days without a purchase somebody counts as lost is not worked out here.")
    days, argued, after = words.number(period["days"]), period["argued"], period["counted_after"]
    asked = words.number(argued) if argued else NONE
    by, came = words.share(RETURNED, 0), words.share(period["share"], 0)
    if period["source"] == "typed":
        first = say(
            "Lost means no purchase for {days} days, as typed (predict.attrition_days); {came} of returns come before.",
            days=days,
            came=came,
        )
        first += " " + say("The intervals would ask for {asked} days, within which {by} of returns come.", asked=asked, by=by)
    elif period["source"] == "shortened":
        first = say("Lost means no purchase for {days} days: the longest that this history can judge.", days=days)
        first += " " + say(
            "The intervals ask for {asked}; by {days} days only {came} of returns have come.", asked=asked, days=days, came=came
        )
    else:
        first = say("Lost means no purchase for {days} days: by then {came} of those who come back have come.", days=days, came=came)
    if after["days"] == period["days"] or after["share"] is None:
        return first
    other, came = words.number(after["days"]), words.share(after["share"], 0)
    return (
        first
        + " "
        + say("Other pages count from {other} days (variables.attrition_after_days): {came} of returns.", other=other, came=came)
    )


def models_table(evidence: dict, project: Project) -> Table:
    """Every model that was tried: what it lost on customers left out when it was picked, and in the period that judges."""
    rows = []
    for tried in evidence.get("tried", []):
        name, loss = MODELS[tried["model"]], evidence.get("loss", {})
        calm = tried["converged"]
        judged = tried["model"] in loss and calm
        gained = evidence["gain"] if judged and tried["model"] == evidence.get("chosen") else None
        rows.append(
            {
                "model": say(name),
                "picked": tried["left_out"] if calm else None,
                "judged": loss[tried["model"]] if judged else None,
                "area": evidence["area"][tried["model"]] if judged else None,
                "gain": _interval(gained) if gained else NONE,
            }
        )
    columns = [
        Column("model", say("Risk by")),
        Column("picked", say("Log loss when picked"), "number", 3),
        Column("judged", say("Log loss in the period judged"), "number", 3),
        Column("area", say("Area under the curve"), "number", 2),
        Column("gain", say("Gained over recency alone")),
    ]
    caption = say("Which prediction of attrition does better, and by how much")
    note = say("Log loss: lower is better. Picked on customers left out, one period before the one that judges; only the pick is judged.")
    return Table("attrition_models", caption, pd.DataFrame(rows, columns=[c.name for c in columns]), columns, note=note)


def _interval(gain: dict) -> str:
    value, low, high = (words.share(gain[key], 1) for key in ("value", "low", "high"))
    return say("{value} ({low} to {high})", value=value, low=low, high=high)


def grade_words(evidence: dict, project: Project) -> str:
    """The grade, what it rests on, and what follows; or why there is none."""
    if evidence["status"] != GRADED:
        return say("Attrition: {reason}", reason=reason(evidence, project))
    chosen = MODELS[evidence["chosen"]]
    told = {"model": say(chosen), "gain": _interval(evidence["gain"]), "clear": words.share(CLEAR, 0)}
    if evidence["grade"] == "A":
        first = say("Grade A: {gain} better than recency alone ({model}); an A takes {clear}, and an interval above zero.", **told)
    elif evidence["grade"] == "B":
        first = say("Grade B: {gain} better than recency alone ({model}): clear of zero, but less than {clear}.", **told)
    else:
        first = say("Grade C: {model} is not clearly better than recency alone, {gain}. So the risk shown is that of recency.", **told)
    other = evidence["dynamics"]
    letter, usual = other["grade"], words.share(other["usual"], 0)
    if not _tellable(other, project):
        return (
            first
            + " "
            + say("Dynamics 365 would give {letter}, for comparison only: it rests on too few flagged customers.", letter=letter)
        )
    hit = words.share(other["hit"], 0)
    return first + " " + say(
        "Dynamics 365 would give {letter}, for comparison only: {hit} of those flagged were lost, against {usual} of all in the period "
        "before.",
        letter=letter, hit=hit, usual=usual,
    )  # fmt: skip


def _tellable(other: dict, project: Project) -> bool:
    return other["hit"] is not None and not few_on_a_side({"n": other["flagged"], "share": other["hit"]}, project.min_cell)


def calibration_frame(evidence: dict) -> pd.DataFrame:
    """predicted, share, low, high, n: a row a group of like risk."""
    return pd.DataFrame(evidence.get("calibration", []), columns=["n", "predicted", "share", "low", "high"])


def calibration_words(evidence: dict, project: Project) -> dict:
    """The words of the calibration chart; where nothing is graded, the reason."""
    if evidence["status"] != GRADED or not evidence["calibration"]:
        return nothing("attrition_calibration", say("No risk is predicted, so none can be held against what came."))
    whole, groups = evidence["in_the_large"], evidence["calibration"]
    predicted, came = words.share(whole["predicted"], 1), words.share(whole["share"], 1)
    right = sum(g["low"] <= g["predicted"] <= g["high"] for g in groups)
    if whole["low"] <= whole["predicted"] <= whole["high"]:
        title = say("{predicted} were predicted to buy nothing, {came} did", predicted=predicted, came=came)
    elif whole["predicted"] > whole["share"]:
        title = say("Too dark: {predicted} were predicted to buy nothing, only {came} did", predicted=predicted, came=came)
    else:
        title = say("Too bright: only {predicted} were predicted to buy nothing, {came} did", predicted=predicted, came=came)
    days, n = words.number(evidence["period"]["days"]), words.number(whole["n"])
    since = words.day(evidence["judged_from"])
    told = {"right": words.number(right), "groups": words.number(len(groups))}
    return {
        "name": "attrition_calibration",
        "title": title,
        "subtitle": say("No purchase within {days} days of {since}: share predicted before, and share that came", days=days, since=since),
        "alt": say("In {right} of {groups} groups the share predicted lies within the interval of the share that came.", **told),
        "source": say("{n} customers who took no part in learning this period; learnt on the period before.", n=n),
    }


def now_table(evidence: dict, project: Project) -> Table:
    """Today's customers by risk: how many, how many of them are expected to be lost, and the money that is theirs."""
    bands = evidence.get("now", [])
    shut = covered_sizes([b["n"] for b in bands], least=project.min_cell)
    spend = sum(b["spend"] or 0.0 for b in bands)
    rows = []
    for band, hidden in zip(bands, shut, strict=True):
        above, up_to = words.share(band["above"], 0), words.share(band["up_to"], 0)
        rows.append(
            {
                "band": say("{above} to {up_to}", above=above, up_to=up_to),
                "n": None if hidden else band["n"],
                "expected": None if hidden else round(band["expected"]),
                "spend": None if hidden or not spend else band["spend"] / spend,
            }
        )
    days = words.number((evidence["period"] or {}).get("days"))
    columns = [
        Column("band", say("Risk of no purchase in {days} days", days=days)),
        Column("n", say("Customers"), "count"),
        Column("expected", say("Expected to be lost"), "count"),
        Column("spend", say("Share of the window’s spend"), "share", 1),
    ]
    columns = columns if spend else columns[:-1]
    caption = say("Who is at risk now")
    frame = pd.DataFrame(rows[::-1], columns=["band", "n", "expected", "spend"])
    return Table("attrition_now", caption, frame, columns, cell_size="n")


def now_words(evidence: dict, project: Project) -> str:
    """How many customers in scope are expected to be lost; the reason where nothing is graded."""
    if evidence["status"] != GRADED:
        return ""
    bands, days = evidence["now"], words.number(evidence["period"]["days"])
    n, expected = sum(b["n"] for b in bands), sum(b["expected"] for b in bands)
    even = [b for b in bands if b["above"] >= 0.5]
    likely = sum(b["n"] for b in even)
    told = {"n": words.number(n), "expected": words.number(round(expected)), "days": days}
    first = say("Of {n} customers in scope, about {expected} are expected to buy nothing in the next {days} days.", **told)
    first = f"{first} {_level_words(evidence)}".rstrip()
    if not even or 0 < likely < project.min_cell:  # bands made one may cross the half
        return first
    return (
        first
        + " "
        + say_n(
            "{n} customer is more likely lost than not.", "{n} customers are more likely lost than not.", likely, n=words.number(likely)
        )
    )


def _level_words(evidence: dict) -> str:
    """That the level of the risk was off on the period that judged; "" where it was not."""
    whole = evidence["in_the_large"]
    if not whole or whole["low"] <= whole["predicted"] <= whole["high"]:
        return ""
    predicted, came = words.share(whole["predicted"], 0), words.share(whole["share"], 0)
    return say(
        "The period before, {predicted} were predicted and {came} came: trust the order of the customers more than the level.",
        predicted=predicted, came=came,
    )  # fmt: skip


def caveats(evidence: dict, project: Project) -> list[str]:
    """What could mislead a reader of the risk."""
    if evidence["status"] != GRADED:
        return []
    period, days = evidence["period"], words.number(evidence["period"]["days"])
    before, now = (words.share(x, 1) for x in evidence["lost"])
    since = words.day(evidence["judged_from"])
    late = words.share(1 - period["share"], 0)
    return [
        say("A customer who is lost by this count may still come: {late} of returns take longer than {days} days.", late=late, days=days),
        say(
            "The risk of all shifts from one period to the next, as with seasons: {before} were lost in the period taught on, {now} in the "
            "one from {since} that judged.",
            before=before, now=now, since=since,
        ),
    ]  # fmt: skip


def drivers_table(found: dict, profiles: dict, project: Project) -> Table:
    """Segment by segment: how many were lost, the risk now, and how those lost had differed from those who stayed."""
    named, rows = {s["id"]: segment_name(s) for s in profiles["segments"]}, []
    known = {v.name: v for v in catalogue(project)}
    for line, told in zip(found["segments"], shares_told(found, project), strict=True):
        strong = [v for v in line["variables"] if v["p"] < LEVEL][:SHOWN]
        own = [v for v in line["variables"] if v["beyond_p"] is not None and v["beyond_p"] < LEVEL]
        own = sorted(own, key=lambda v: (-abs(v["beyond"]), v["name"]))[:SHOWN]
        rows.append(
            {
                "segment": named.get(line["id"], line["id"]),
                "n": line["n"],
                "lost": line["lost"] if told else None,
                "risk": line["risk"] if line.get("now", 0) >= project.min_cell else None,
                "with": "; ".join(_means(v, known, project) for v in strong) or _none(line),
                "beyond": "; ".join(_way(v, known) for v in own) or _none(line),
            }
        )
    days, since = words.number(found["days"]), words.day(found["cut"]) if found["cut"] else NONE
    ahead = words.number(found.get("risk_days") or found["days"])
    columns = [
        Column("segment", say("Segment")),
        Column("n", say("Members then"), "count"),
        Column("lost", say("Lost within {days} days", days=days), "share", 1),
        Column("risk", say("Mean risk now, of none in {days} days", days=ahead), "share", 1),
        Column("with", say("Those lost had, against those who stayed")),
        Column("beyond", say("Also among members equally recent")),
    ]
    note = say(
        "Members as of {since}, what they did before it, and whether they bought in the {days} days after. Named where the difference is "
        "clear after Holm’s correction over all variables and segments. An association, not a cause.",
        since=since, days=days,
    )  # fmt: skip
    frame = pd.DataFrame(rows, columns=[c.name for c in columns])
    return Table("attrition_drivers", say("What goes with loss in each segment"), frame, columns, note=note, cell_size="n")


def shares_told(found: dict, project: Project) -> list[bool]:
    """Which segments' share of loss may be told, so that none follows from the others and everyone's."""
    if not found["segments"]:
        return []
    lines, least = found["segments"], project.min_cell
    lost = np.array([round(line["n"] * line["lost"]) for line in lines])
    stayed = np.array([line["n"] for line in lines]) - lost
    shut = np.array([few_on_a_side({"n": line["n"], "share": line["lost"]}, least) for line in lines])
    rarer = lost if lost.sum() <= stayed.sum() else stayed  # the fewest go first: they tell least
    return (~covered(rarer[None, :], shut, least)).tolist()


def _none(line: dict) -> str:
    return say("cannot tell: too few lost or left") if line["few"] else say("no clear difference")


def _means(v: dict, known: dict, project: Project) -> str:
    variable = known[v["name"]]
    lost, stayed = (_valued(v[key], variable, project) for key in ("lost", "stayed"))
    return say("{variable} {lost} against {stayed}", variable=variable.title(), lost=lost, stayed=stayed)


def _valued(value: float, variable, project: Project) -> str:
    if variable.unit == "share":
        return words.share(value, 0)
    return words.money(value, 2) if variable.unit == "money" else words.number(value, 1 if abs(value) < 100 else 0)


def _way(v: dict, known: dict) -> str:
    title = known[v["name"]].title()
    return say("{variable} high", variable=title) if v["beyond"] > 0 else say("{variable} low", variable=title)


def drivers_words(found: dict, profiles: dict, project: Project) -> str:
    """The segment that lost most, with what goes with it; or why nothing can be said."""
    if found["days"] is None or not found["segments"]:
        told = reason(found, project) or say("cannot tell: no member of any segment could be followed.")
        return say("Attrition: {reason}", reason=told)
    named = {s["id"]: segment_name(s) for s in profiles["segments"]}
    usable = [line for line, told in zip(found["segments"], shares_told(found, project), strict=True) if told]
    if not usable:
        return say("Cannot tell what goes with loss: too few members of any segment were lost.")
    worst = max(usable, key=lambda line: (line["lost"], line["id"]))
    told = {
        "segment": named.get(worst["id"], worst["id"]), "share": words.share(worst["lost"], 0),
        "everyone": words.share(found["everyone"]["lost"], 0), "days": words.number(found["days"]),
    }  # fmt: skip
    if wilson(round(worst["n"] * worst["lost"]), worst["n"])[0] <= found["everyone"]["lost"]:
        return say(
            "No segment surely lost more than everyone: {share} of {segment}, who lost most, bought nothing for {days} days, {everyone} of "
            "everyone.",
            **told,
        )
    return say("{segment} lost most: {share} bought nothing for {days} days, against {everyone} of everyone.", **told)
