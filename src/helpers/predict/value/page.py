"""What pages say of the value ahead: whether it can be predicted, how it did on a later period, and what it says now."""

import pandas as pd

from helpers import words
from helpers.build.portraits import segment_name
from helpers.collect.readiness import REQUIREMENTS
from helpers.collect.readiness_page import TAKES
from helpers.predict.grades import GRADED, NONE, NOT_READY
from helpers.project import Project
from helpers.rates import quantile
from helpers.tables import Column, Table
from helpers.words import absent, mark, say

REASONS = {
    "totals": mark("the orders are totals of a period, which tell neither when nor how often customers bought"),
    "nobody_bought": mark("nobody has bought anything"),
    "contractual": mark("customers pay by contract, so that a missed payment tells who left"),
    "short_history": mark("the history is too short to hold its last part back for judging"),
    "nobody_came_back": mark("nobody came back for a second purchase"),
    "too_few_repeats": mark("too few customers came back for a second purchase"),
    "not_converged": mark("the model of purchases did not converge"),
    "spending_too_few": mark("too few customers came back with money"),
    "spending_not_converged": mark("the model of money a purchase did not converge"),
    "spending_no_mean": mark("single purchases are so unequal that their mean cannot be told"),
    "too_few_buyers_later": mark("too few customers bought in the period that judges"),
    "nothing_predicted": mark("the model expects the same of everybody"),
    "baseline_finds_nobody": mark("the simple rule finds none of the best customers, so nothing can be compared"),
    "no_evidence": mark("step 4 handed nothing over about it"),
}
MANY = 30
"""Customers of a cohort from which its error is worth a word."""
MEANING = {
    "A": mark("finds at least 5% more of the later best customers than the simple rule"),
    "B": mark("finds as many of the later best customers as the simple rule, or up to 5% more"),
    "C": mark("finds fewer of the later best customers than the simple rule: rank customers by that rule instead"),
}
SPEAKS = {
    "bgnbd": mark("customers buy at a rate of their own and may leave after a repeat purchase (BG/NBD)"),
    "mbgnbd": mark("customers buy at a rate of their own and may leave after any purchase (MBG/NBD)"),
    "nbd": mark("no drop-out in these data: customers buy at a rate of their own and nobody is seen to leave (NBD)"),
}


def why_not(found: dict) -> str:
    """The reasons for which nothing is graded, in words."""
    needs = {need["code"]: need for need in found.get("readiness", [])}
    told = []
    for code in found["reasons"]:
        if code in needs:
            have, want, takes = _amount(code, needs[code]["have"]), _amount(code, needs[code]["want"]), say(TAKES[code])
            what = say(REQUIREMENTS[code][0])
            if REQUIREMENTS[code][2] == "most":
                told.append(
                    say("{what}: {have}, and less than {want} is needed; it takes {takes}", what=what, have=have, want=want, takes=takes)
                )
            else:
                told.append(say("{what}: {have}, of {want} needed; it takes {takes}", what=what, have=have, want=want, takes=takes))
        else:
            told.append(say(REASONS.get(code, REASONS["no_evidence"])))
    return say("; ").join(told)


def value_finding(found: dict) -> str:
    """Whether the value ahead can be relied on, in a sentence or two."""
    if found["status"] == GRADED:
        each, low, high = (words.money(found["everyone"][key], 0) for key in ("value", "low", "high"))
        days, n = words.number(found["value_days"]), words.number(found["everyone"]["n"])
        first = _graded(found)
        if found["basis"] == "margin":
            said = say(
                "Of all {n} who ever bought, whether they still come or not, a customer’s margin of the next {days} days is {each} "
                "on average ({low} to {high}).",
                n=n,
                days=days,
                each=each,
                low=low,
                high=high,
            )
        else:
            said = say(
                "Of all {n} who ever bought, whether they still come or not, a customer’s revenue of the next {days} days is {each} "
                "on average ({low} to {high}): revenue, not profit.",
                n=n,
                days=days,
                each=each,
                low=low,
                high=high,
            )
        return f"{first} {said}"
    why = why_not(found)
    if found["status"] == NONE:
        return say("Value ahead is not predicted: {why}. How long customers stay is shown instead.", why=why)
    if found["status"] == NOT_READY:
        return say("Value ahead: not ready: {why}. Later steps do not use it.", why=why)
    return say("Value ahead: cannot tell: {why}. Later steps do not use it.", why=why)


def _graded(found: dict) -> str:
    grade, days, meaning = found["grade"], words.number(found["horizon_days"]), _meaning(found["grade"])
    gain, low, high = (words.percent_change(found[key]) for key in ("gain", "low", "high"))
    told = say("Tried on the last {days} days, value ahead has grade {grade}: it {meaning}", days=days, grade=grade, meaning=meaning)
    rest = say("({gain}; 95% interval {low} to {high}).", gain=gain, low=low, high=high)
    return f"{told} {rest} {_sum_words(found)}".rstrip()


def _sum_words(found: dict) -> str:
    """How far the money of all customers together was from what came; "" where nothing came."""
    off = found["judged"]["money"]["model_off"]
    if absent(off):
        return ""
    size = words.share(abs(off), 0)
    if off < 0:
        return say("The money of all customers together was predicted {size} too low.", size=size)
    return say("The money of all customers together was predicted {size} too high.", size=size)


def _meaning(grade: str) -> str:
    best, worst = grade[0], grade[-1]
    if best == worst:
        return say(MEANING[best])
    unsure = {
        "A/B": mark("finds more of the later best customers than the simple rule; whether 5% more cannot be told"),
        "B/C": mark("cannot be told from the simple rule"),
        "A/C": mark("cannot be told from the simple rule: the interval is wide"),
    }
    return say(unsure[grade])


def value_table(found: dict, project: Project) -> Table:
    """What the prediction rests on and how it did: readiness, model, assumption, baseline, grade, error in money."""
    rows = [*_of_readiness(found), *_of_model(found), *_of_judgement(found, project), *_of_everyone(found)]
    columns = [Column("what", say("Question")), Column("answer", say("Answer")), Column("figures", say("Figures"))]
    horizon, days = words.number(found.get("horizon_days")), words.number(found["value_days"])
    note = say(
        "Fitted before the last {horizon} days and judged on them; then fitted again on all history for the next {days} days. Simple rule: "
        "each customer’s mean monthly money in the window before, times the months ahead and the share of buyers who stay.",
        horizon=horizon,
        days=days,
    )
    frame = pd.DataFrame(rows, columns=[c.name for c in columns])
    return Table("value_ahead", say("Value ahead: what it rests on, and how it did"), frame, columns, note=note if found["judged"] else "")


def _of_readiness(found: dict) -> list[dict]:
    rows = []
    for need in found["readiness"]:
        have, want = _amount(need["code"], need["have"]), _amount(need["code"], need["want"])
        most = REQUIREMENTS[need["code"]][2] == "most"
        figures = (
            say("{have}; less than {want} needed", have=have, want=want) if most else say("{have}; {want} needed", have=have, want=want)
        )
        label = REQUIREMENTS[need["code"]][0]
        what = say(label)
        rows.append({"what": what[:1].upper() + what[1:], "answer": say("ready") if need["met"] else say("not ready"), "figures": figures})
    by = found["contract"]
    if by and by["share"] is not None:
        part, n = words.share(by["share"]), words.number(by["customers"])
        told = {True: say("yes"), False: say("no"), None: say("cannot tell")}[by["contractual"]]
        said = say("{told}, as typed", told=told) if by["typed"] else told
        figures = say("{part} of {n} customers with several payments pay at regular intervals", part=part, n=n)
        rows.append({"what": say("Do customers pay by contract?"), "answer": said, "figures": figures})
    return rows


def _of_model(found: dict) -> list[dict]:
    now = found["now"]
    if not now or not now["model"]:
        return []
    agreeing, starts = words.number(now["starts_agreeing"]), words.number(now["starts"])
    figures = say("{agreeing} of {starts} searches end at the same place", agreeing=agreeing, starts=starts)
    speaks = SPEAKS[now["model"]]
    rows = [{"what": say("How do customers buy and leave?"), "answer": say(speaks), "figures": figures}]
    tie = now["independence"]
    if not absent(tie["rank_correlation"]):
        rho, low, high = (words.signed(tie[key], 2) for key in ("rank_correlation", "low", "high"))
        effect = words.percent_change(tie["effect"])
        loose = abs(tie["rank_correlation"]) < 0.2
        answer = (
            say("no, or hardly: the model may be used") if loose else say("yes: the model understates or overstates those who come often")
        )
        figures = say(
            "rank correlation {rho} ({low} to {high}); it moves all money by {effect}", rho=rho, low=low, high=high, effect=effect
        )
        rows.append({"what": say("Do those who come often spend otherwise each time?"), "answer": answer, "figures": figures})
    return rows


def _of_judgement(found: dict, project: Project) -> list[dict]:
    judged = found["judged"]
    if not judged or not judged.get("found"):
        return []
    true, model, rule, chance = (words.number(x) for x in (judged["true"], *(judged["found"][k] for k in ("model", "baseline", "chance"))))
    rows = [
        {
            "what": say("How many of the later best customers does it find?"),
            "answer": say("{model} of {true}", model=model, true=true),
            "figures": say("simple rule {rule}, a list drawn by lot {chance}", rule=rule, chance=chance),
        }
    ]
    if found["grade"]:
        gain, low, high = (words.percent_change(found[key]) for key in ("gain", "low", "high"))
        figures = say("{gain} against the simple rule ({low} to {high})", gain=gain, low=low, high=high)
        answer = say("{grade}: it {meaning}", grade=found["grade"], meaning=_meaning(found["grade"]))
        rows.append({"what": say("Grade"), "answer": answer, "figures": figures})
    money = judged["money"]
    if not absent(money["model_off"]):
        off, low, high, rule = (words.percent_change(money[k]) for k in ("model_off", "model_low", "model_high", "baseline_off"))
        each, other = words.money(money["model_each"]), words.money(money["baseline_each"])
        answer = say("{off} ({low} to {high}); simple rule {rule}", off=off, low=low, high=high, rule=rule)
        figures = say("one customer: wrong by {each} on average; simple rule {other}", each=each, other=other)
        rows.append({"what": say("Error in money, everybody’s sum"), "answer": answer, "figures": figures})
    return rows


def _of_everyone(found: dict) -> list[dict]:
    every = found["everyone"]
    if not every or found["status"] != GRADED:
        return []
    each, low, high = (words.money(every[key], 0) for key in ("value", "low", "high"))
    total, orders = words.money(every["total"], 0), words.number(every["orders"], 1)
    rate = words.share(found["discount_rate"], 0)
    answer = say("{each} a customer ({low} to {high})", each=each, low=low, high=high)
    figures = say(
        "{total} in all; {orders} days with a purchase a customer; {rate} a year off later money", total=total, orders=orders, rate=rate
    )
    what = say("Margin ahead") if found["basis"] == "margin" else say("Revenue ahead, not profit")
    return [{"what": what, "answer": answer, "figures": figures}]


def _amount(code: str, value: float | None) -> str:
    if value is None:
        return say("none known")
    return words.share(value, 0) if REQUIREMENTS[code][1] == "share" else words.number(value)


def segments_table(found: dict, frame: pd.DataFrame, profiles: dict, project: Project) -> Table:
    """The value ahead of each segment, a customer and in total, with its interval (step 6)."""
    names = {segment["id"]: segment_name(segment) for segment in profiles["segments"]}
    rows = frame.assign(name=frame["segment"].map(names)).dropna(subset=["name"])
    rows = rows.assign(
        between=[f"{words.money(low, 0)} – {words.money(high, 0)}" for low, high in zip(rows["low"], rows["high"], strict=True)]
    )
    rows = rows.sort_values("value", ascending=False, kind="stable")
    columns = [
        Column("name", say("Segment")),
        Column("n", say("Customers"), "count", people=True),
        Column("value", say("A customer"), "money"),
        Column("between", say("95% interval")),
        Column("total", say("In all"), "money"),
        Column("orders", say("Purchases ahead"), "number", 1),
    ]
    columns += [Column("alive", say("Still customers"), "share", 0)] if rows["alive"].notna().any() else []
    days = words.number(found.get("value_days"))
    what = (
        say("Margin ahead by segment, next {days} days", days=days)
        if found.get("basis") == "margin"
        else say("Revenue ahead by segment, next {days} days: revenue, not profit", days=days)
    )
    note = say(
        "Predicted from the same orders that made the segments: it describes them and proves nothing. The interval holds how well the "
        "model is known and what chance does to so many customers, not how wrong the model may be for a segment: more than one in twenty "
        "may end outside."
    )
    return Table("value_by_segment", what, rows, columns, note=note, cell_size="n")


def segments_finding(found: dict, frame: pd.DataFrame, profiles: dict) -> str:
    """Which segment has most ahead of it, or why that cannot be told."""
    if found["status"] != GRADED:
        why = why_not(found)
        word = say("not ready") if found["status"] == NOT_READY else say("cannot tell")
        return say("Value ahead by segment: {word}: {why}.", word=word, why=why)
    if frame.empty:
        return say("Value ahead by segment: cannot tell: no segment has enough customers.")
    names = {segment["id"]: segment_name(segment) for segment in profiles["segments"]}
    best = frame.sort_values("total", ascending=False, kind="stable").iloc[0]
    part, name = words.share(best["total"] / frame["total"].sum(), 0), names.get(best["segment"], best["segment"])
    each, grade, members = words.money(best["value"], 0), found["grade"], words.share(best["n"] / frame["n"].sum(), 0)
    return say(
        "{name} has {part} of the value ahead with {members} of the customers: {each} a customer (grade {grade}).",
        name=name,
        part=part,
        members=members,
        each=each,
        grade=grade,
    )


def caveats(found: dict, project: Project) -> list[str]:
    """What could mislead about the value ahead, with its size where known; where nothing is predicted, whether contracts are missed."""
    if not (found["now"] or {}).get("model"):
        return _contracts(found)
    told = _margins(found, project)
    if found["value_days"] > found["history_days"]:
        days, known = words.number(found["value_days"]), words.number(found["history_days"])
        told.append(
            say("Value ahead looks {days} days forward from {known} days of history: it extends what was seen.", days=days, known=known)
        )
    cohorts = [row for row in found.get("cohorts") or [] if row["ratio"] and row["customers"] >= MANY and _beyond_chance(row)]
    if cohorts:
        worst = max(cohorts, key=lambda row: abs(row["ratio"] - 1))
        size, day = words.percent_change(worst["ratio"] - 1, 0), words.day(worst["cohort"])
        told.append(
            say("Expected purchases fit some cohorts less than others: worst, {size} for those who came from {day} on.", size=size, day=day)
        )
    told += _contracts(found)
    now = found["now"] or {}
    if now.get("model") == "nbd":
        told.append(say("No drop-out in these data: whoever stopped still counts as a customer in the value ahead."))
    return told


def _margins(found: dict, project: Project) -> list[str]:
    """What is wrong with the margins typed: none, none for the rest, or for categories that nobody sells."""
    told, unsold = [], words.join([f"“{words.text(name)}”" for name in found.get("margins_unsold") or []])
    if unsold:
        told.append(say("target.margin_rates names {names}, which no order has: these margins count for nothing.", names=unsold))
    if found["basis"] != "revenue":
        return told
    if project.target.margin_rates:
        some = say("Value ahead is revenue, not profit: margins are typed for some categories, none for the rest (target.margin_rate).")
        return [*told, some]
    return [*told, say("Value ahead is revenue, not profit: no margin is typed (target.margin_rate).")]


def _beyond_chance(row: dict) -> bool:
    """Whether a cohort’s purchases differ from the expected ones by more than counts do by chance."""
    return abs(row["actual"] - row["expected"]) > quantile() * row["expected"] ** 0.5


def _contracts(found: dict) -> list[str]:
    share = (found["contract"] or {}).get("share")
    if share is None or share < 0.1 or found["contract"]["contractual"]:
        return []
    part = words.share(share, 0)
    return [say("{part} of customers pay at regular intervals: if they have contracts, set variables.predict.contractual.", part=part)]
