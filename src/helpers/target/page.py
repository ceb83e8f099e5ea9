"""What the page of step 8 says: offers, reach, control groups, what could mislead, and the summary."""

import pandas as pd

from helpers import words
from helpers.build.portraits import segment_name
from helpers.project import Project
from helpers.tables import Column, Table
from helpers.target.guards import NO_ADDRESSES
from helpers.target.payoff import effects_verdict, pays_verdict, unknown_anyway
from helpers.target.plan import NO_CONSENTS, NO_MARGIN, NO_OFFER, NOT_BETTER, NOT_SIGNED
from helpers.words import mark, say, say_n

LIST = "08_target/contacts.parquet"
"""Where the list lies in the folder of a run."""
REASONS = {
    NO_CONSENTS: mark("nobody’s consent to be contacted is known"),
    NOT_SIGNED: mark("the list of variables is not signed"),
    NOT_BETTER: mark("step 6 found no segments that tell more than a simple rule what to say to whom"),
    NO_OFFER: mark("at least one segment has no offer"),
    NO_MARGIN: mark("no margin is typed"),
    NO_ADDRESSES: mark("these data do not tell who has an address for the channel of their offer"),
}
ASKED = {
    NO_CONSENTS: mark("Ask who keeps the consents to be contacted, and add them as the table “consents”: without them nothing is sent."),
    NOT_SIGNED: mark("Have the list of variables signed (step 5) before anybody is contacted."),
    NOT_BETTER: mark("Use the rule that step 6 found as good, or decide with its reasons why these segments are used all the same."),
    NO_MARGIN: mark("Ask finance for a margin, target.margin_rate of project.yml: until then nobody knows what an offer may cost."),
    NO_ADDRESSES: mark("Map the addresses that the offers’ channels take: email, phone, or street and postcode of the table customers."),
}


# Offers and reach


def offers_table(plan: dict, project: Project) -> Table:
    """What each segment is offered, by which channel, and who answers for it."""
    rows = []
    for s in plan["segments"]:
        channel = project.target.channels[s["channel"]] if s["channel"] else None
        rows.append(
            {
                "name": segment_name(s),
                "n": s["customers"],
                "offer": words.text(s["offer"]) if s["offer"] else _no_offer(s["id"], project),
                "message": words.text(s["message"]) or None,
                "channel": words.text(channel.name) if channel else None,
                "owner": words.text(s["owner"]) or None,
            }
        )
    columns = [
        Column("name", say("Segment")),
        Column("n", say("Customers"), "count", people=True),
        Column("offer", say("Offer")),
        Column("message", say("Message")),
        Column("channel", say("Channel")),
        Column("owner", say("Answers for it")),
    ]
    caption = say("Campaign {name}: what each segment is offered, as typed", name=plan["campaign"])
    return Table("offers", caption, pd.DataFrame(rows, columns=[c.name for c in columns]), columns, note=_dash(plan, project))


def no_consents_words(profiles: dict) -> str:
    """That nobody can tell how many may be contacted."""
    n = words.number(profiles["customers"])
    return say("How many of the {n} customers may be contacted: cannot tell. These data hold no consents.", n=n)


def status_words(plan: dict, project: Project) -> str:
    """DRAFT with its reasons, or ready to be released by people, and where the list lies."""
    if plan["status"] == "DRAFT":
        why = say("; ").join(say(REASONS[code]) for code in plan["reasons"])
        return say("DRAFT: nothing is released. Why: {why}.", why=why)
    return say(
        "READY: nothing stands in the way of the list; releasing it is for people to decide. It lies in this run’s private folder below "
        "{folder}, as {file}.",
        folder=f"data/{project.name}/runs",
        file=LIST,
    )


# Who is not contacted


def arms_table(plan: dict, project: Project) -> Table:
    """Contacted, control (of this campaign and of all) and those who are not on the list, a segment a row; they add up."""
    counts = ("customers", "contacted", "control", "unlisted")
    rows = [{"name": segment_name(s), **{key: s[key] for key in counts}} for s in plan["segments"]]
    columns = [
        Column("name", say("Segment")),
        Column("customers", say("Customers"), "count", people=True),
        Column("contacted", say("To be contacted"), "count", people=True),
        Column("control", say("Control"), "count", people=True),
        Column("unlisted", say("Not on the list"), "count", people=True),
    ]
    note = say(
        "Drawn by lot that always falls the same way (a hash of campaign, customer and seed): {all} of all customers are left out of every "
        "campaign; of the others on the list of a segment, {control} are control. Both are counted as control here. Not on the list: no "
        "offer, or stopped by one of the filters above. Nobody changes group when customers are added.",
        control=words.share(plan["control_share"], 0),
        all=words.share(plan["universal_control"], 0),
    )
    frame = pd.DataFrame(rows, columns=[c.name for c in columns])
    return Table("arms", say("Who would be contacted, and who would not"), frame, columns, note=f"{note} {_dash(plan, project)}".strip())


def _dash(plan: dict, project: Project) -> str:
    """What a dash in a column of customers means, when there is one."""
    if all(s[key] is not None for s in plan["segments"] for key in ("customers", "contacted", "control", "unlisted")):
        return ""
    return say("A dash: fewer than {least} customers, or a number that would give them away.", least=words.number(project.min_cell))


# Limits and summary


def caveats(plan: dict, project: Project, *, history: dict[str, dict]) -> list[str]:
    """What could mislead, each with the size of its effect.

    history    answers of today’s segments over all history
    """
    result = [
        say(
            "A control group that gets no message cannot take up its offer. For the test, count something that both groups can do, such "
            "as an order in the same weeks, or send the control what it gets today."
        )
    ]
    basis = _answers_words(plan, project, history)
    result += [basis] if basis else []
    others = [segment_name(s) for s in plan["segments"] if s["response"] and _other_channel(s, project)]
    if others:
        result.append(
            say(
                "Answers so far are to earlier mailings. {names} would be contacted by another channel: their response is a guess.",
                names=words.join(others),
            )
        )
    result += [_anyway_words(plan)] if any(s["anyway"] and s["anyway"]["source"] == "typed" for s in plan["segments"]) else []
    rate = plan["margin_rate"]
    priced = [s for s in plan["segments"] if s["margin_of_response"] is not None and s["per_contact"] is not None]
    result += [_margin_words(priced, plan, project)] if rate is not None and priced else []
    result += _also_words(plan)
    missing = not_built(project, plan)
    if missing:
        result.append(say("Offers are typed for {ids}, which step 6 did not build: they are left out.", ids=words.join(missing)))
    hidden = [s for s in plan["segments"] if s["customers"] is None]
    if hidden:
        result.append(
            say_n(
                "{n} segment is not planned here and not in the totals: too few customers, or it would give another’s away.",
                "{n} segments are not planned here and not in the totals: too few customers, or they would give another’s away.",
                len(hidden),
            )
        )
    return result


def _also_words(plan: dict) -> list[str]:
    """What the offers of rules cost beside the totals."""
    told = [one for one in plan.get("also", []) if one["contacted"]]
    if not told:
        return []
    n, cost = sum(one["contacted"] for one in told), sum(one["contact_cost"] for one in told)
    return [
        say(
            "{n} customers would get the offer of a rule instead of their segment’s: their contacts cost {money}, what they redeem more. "
            "Neither is in the totals, for nobody has measured what those whom a rule names spend.",
            n=words.number(n),
            money=words.money(cost, 0),
        )
    ]


def _margin_words(priced: list[dict], plan: dict, project: Project) -> str:
    """How many of the offers that can be priced would pay if the margin were a fifth lower."""
    then = sum(_pays_at(s, plan["margin_rate"] * 0.8, plan, project) for s in priced)
    now = sum(bool(s["pays"]) for s in priced)
    values = {"then": words.number(then), "all": words.number(len(priced)), "now": words.number(now)}
    if then == now:
        return say("The margin is assumed. If it were a fifth lower, still {now} of {all} offers would pay.", **values)
    return say("The margin is assumed. If it were a fifth lower, {then} of {all} offers would pay instead of {now}.", **values)


def _anyway_words(plan: dict) -> str:
    typed = [segment_name(s) for s in plan["segments"] if s["anyway"] and s["anyway"]["source"] == "typed"]
    return say(
        "How many would take the offer and come anyway is typed, not observed, for {names}. The control group will tell: put its share "
        "there after the campaign.",
        names=words.join(typed),
    )


def _answers_words(plan: dict, project: Project, history: dict[str, dict]) -> str:
    """Where the responses come from, and what the convenient figure would have been: segments were cut by behaviour that partly is it."""
    known = [s for s in plan["segments"] if s["response"]]
    if not known:
        return ""
    if plan["answers_since"] is None:
        return say(
            "Segments were cut by behaviour that partly is the answer to mailings: those who answered much will answer less, and those who "
            "answered little, more. No later mailings are known by which that could be told."
        )
    least = project.min_cell
    other = {s: told["y"] / told["n"] for s, told in history.items() if told["customers"] >= least and told["n"]}
    listed = [
        say("{name} {other} for {used}", name=segment_name(s), other=words.share(other[s["id"]]), used=words.share(s["response"]["value"]))
        for s in known
        if s["id"] in other
    ]
    return say(
        "Answers are those of the segments as built on {day}, to mailings after that day. Today’s segments over all history would give "
        "{list}: they were cut by behaviour that partly is the answer.",
        day=words.day(plan["answers_since"]),
        list=words.join(listed),
    )


def _other_channel(segment: dict, project: Project) -> bool:
    """Whether a segment would be contacted by another channel than the mailings of the table contacts."""
    source = next(iter(project.sources_of("contacts").values()), None)
    return bool(segment["channel"] and source and segment["channel"] != source.constants.get("channel", segment["channel"]))


def _pays_at(segment: dict, rate: float, plan: dict, project: Project) -> bool:
    """Whether an offer would pay at another margin rate."""
    offer = project.target.offers[segment["id"]]
    margin = (segment["margin_of_response"] + offer.cost) / plan["margin_rate"] * rate - offer.cost
    return margin > 0 and segment["per_contact"] / margin <= plan["plausible"]


def not_built(project: Project, plan: dict) -> list[str]:
    """Segments with a typed offer that step 6 did not build."""
    return [segment for segment in project.target.offers if segment not in {s["id"] for s in plan["segments"]}]


def _no_offer(segment: str, project: Project) -> str:
    """Why a segment has none: a decision, or nobody has typed one."""
    why = words.text(project.target.without.get(segment, ""))
    return say("none, on purpose: {why}", why=why) if why else say("no offer typed")


def summary(plan: dict, profiles: dict, project: Project) -> dict:
    """Headline, points, figures, what is not known and what to do."""
    offered = [s for s in plan["segments"] if s["offer"]]
    values = {"n": words.number(len(offered)), "k": words.number(len(plan["segments"]))}
    headline = (
        say("Segments with an offer: {n} of {k}; the lists are a draft and nothing is released.", **values)
        if plan["status"] == "DRAFT"
        else say("Segments with an offer: {n} of {k}; nothing stands in the way of the lists.", **values)
    )
    total, unknown_money = plan["total"], say("cannot tell")
    figures = [
        (say("To be contacted, if released"), unknown_money if total["contacted"] is None else words.number(total["contacted"])),
        (say("Expected gain, assumed"), unknown_money if total["gain"] is None else words.money(total["gain"], 0)),
        (say("Cost of contacts, assumed"), unknown_money if total["cost"] is None else words.money(total["cost"], 0)),
    ]
    points = [status_words(plan, project), pays_verdict(plan, project), effects_verdict(plan)]
    unknown = [no_consents_words(profiles)] if NO_CONSENTS in plan["reasons"] else []
    unknown.append(say("What an offer really brings: margin, costs and the plausible rise are typed, not measured."))
    return {"headline": headline, "points": points, "figures": figures, "unknown": unknown, "todo": _todo(plan, project)}


def _todo(plan: dict, project: Project) -> list[str]:
    todo = [say(ASKED[code]) for code in plan["reasons"] if code in ASKED]
    if plan["status"] == "READY":
        todo.append(say("Decide whether the list {file} of this run is released, and who sends it.", file=LIST))
    guessed = [segment_name(s) for s in plan["segments"] if unknown_anyway(s, project)]
    if guessed:
        todo.append(
            say(
                "Find out how many would come without the offer to {names}: from a control group, or as a typed guess "
                "(anyway_share of the offer in project.yml).",
                names=words.join(guessed),
            )
        )
    without = [segment_name(s) for s in plan["segments"] if not s["offer"] and s["id"] not in project.target.without]
    if NO_OFFER in plan["reasons"]:
        todo.append(
            say(
                "Type an offer for {names}, or say why there is none: target.offers or target.without of project.yml.",
                names=words.join(without),
            )
        )
    losing = [segment_name(s) for s in plan["segments"] if s["pays"] is False]
    if losing:
        todo.append(say("Change the offer or the channel of {names}, or leave them out.", names=words.join(losing)))
    doubtful = [segment_name(s) for s in plan["segments"] if s["offer"] and s["fits"] is False]
    if doubtful:
        todo.append(say("Read the offers for {names} again: they were typed for names that no longer fit.", names=words.join(doubtful)))
    missing = not_built(project, plan)
    if missing:
        todo.append(say("Take out the offers for {ids}: step 6 did not build these segments.", ids=words.join(missing)))
    if any(s["learns"] is False for s in plan["segments"]):
        todo.append(say("Judge the test over all segments together, and decide before sending what is counted in both groups."))
    return todo
