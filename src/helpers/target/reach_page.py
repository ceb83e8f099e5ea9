"""What the page of step 8 says of the way from segment to list, and of what the orders suggest to offer, how and when."""

import pandas as pd

from helpers import words
from helpers.build import ahead_page
from helpers.build.ahead import Foreseen
from helpers.build.portraits import segment_name
from helpers.project import Project
from helpers.tables import Column, Table, nothing
from helpers.target.guards import needs_of, one_form_text
from helpers.words import NONE, mark, say, say_n

STEPS = {
    "no offer": mark("An offer is meant for them"),
    "suppressed": mark("Not on the list of those never contacted"),
    "no consent": mark("Agreed to marketing by the offer’s channel"),
    "no address": mark("Valid address for that channel"),
    "cap": mark("Contacts in the last {days} days: fewer than {n}"),
    "welcome": mark("No welcome to regular or loyal customers"),
}
LOST = {
    "no offer": mark("no offer is meant for them"),
    "suppressed": mark("they are on the list of those never contacted"),
    "no consent": mark("they have not agreed to marketing by the offer’s channel"),
    "no address": mark("no valid address for that channel is known"),
    "cap": mark("they were contacted often enough of late"),
    "welcome": mark("the offer is a welcome, and they are regular or loyal customers"),
}
UNASKED = {
    "suppressed": mark("no list of those never contacted is typed (target.suppressed)"),
    "no consent": mark("these data hold no consents"),
    "cap": mark("these data hold no earlier contacts"),
}
ADDRESSES = {"email": mark("e-mail address"), "mobile": mark("mobile number"), "phone": mark("telephone"), "postal": mark("postal address")}
WEEKDAYS = (mark("Monday"), mark("Tuesday"), mark("Wednesday"), mark("Thursday"), mark("Friday"), mark("Saturday"), mark("Sunday"))
HOURS_NAMED = 6
"""Hours beside the best that may still be named as one stretch; with more there is no clear hour."""
DAYS_NAMED = 3


# From segment to list


def reach_words(reach: dict) -> str:
    """How many of the segments' members are on a list, and what stops most of the others."""
    values = {"n": words.number(reach["customers"]), "some": words.number(reach["listed"])}
    if not reach["segments"]:
        return say("No segment has counts that can be told: too few customers on or off the lists.")
    first = (
        say("Cannot tell how many of the {n} customers may be contacted: these data hold no consents.", **values)
        if not reach["asked"]["no consent"]
        else say("Of the {n} customers {some} may be sent something.", **values)
    )
    second = say(
        "Of the {some} on the lists, {contacted} would be contacted and {control} are left alone, so that something is learnt.",
        some=values["some"],
        contacted=words.number(reach["contacted"]),
        control=words.number(reach["control"]),
    )
    lost = [stage for stage in reach["stages"] if stage["stopped"]]
    if not lost:
        return f"{first} {second}"
    most = max(lost, key=lambda stage: stage["stopped"])
    told = LOST[most["stage"]]
    why = say(told)
    return f"{first} {second} " + say("Most are lost because {why}: {n}.", why=why, n=words.number(most["stopped"]))


def welcome_words(project: Project) -> list[str]:
    """Whom a welcome offer cannot reach."""
    offers = (*project.target.offers.values(), *project.target.also.values())
    if all(offer.kind != "welcome" for offer in offers):
        return []
    return [
        say(
            "A welcome is typed, and prospects are in no segment: it reaches new and dormant members alone. Prospects are welcomed by the "
            "scenario of step 7."
        )
    ]


def untold_words(reach: dict, project: Project) -> list[str]:
    """Guards that could not be asked, and what that would take; the file of those never contacted; who could have had several messages."""
    found = [say("Not asked: {why}.", why=say(UNASKED[stage])) for stage, asked in reach["asked"].items() if not asked]
    if reach["untold"]:
        kinds = words.join(say(ADDRESSES[kind]) for kind in reach["untold"])
        found.append(say("Not asked: whether customers have the {kinds} that their offer takes. No source holds it.", kinds=kinds))
    if reach["closed"]:
        names = words.join(words.text(project.target.channels[channel].name) for channel in reach["closed"])
        found.append(say("Nobody has agreed to be contacted by {names}: everybody whose offer takes it is stopped.", names=names))
    if reach["newsletters"] is not None:
        found.append(_newsletters_words(reach["newsletters"], project))
    found += _suppression_words(reach["suppression"])
    if reach["several"]:
        found.append(
            say_n(
                "{n} customer fits several offers and gets one message, the first by priority.",
                "{n} customers fit several offers and get one message each, the first by priority.",
                reach["several"],
                n=words.number(reach["several"]),
            )
        )
    if reach["left_out"]:
        found.append(
            say_n(
                "{n} segment is not counted here: its numbers would tell of too few customers.",
                "{n} segments are not counted here: their numbers would tell of too few customers.",
                len(reach["left_out"]),
            )
        )
    return found


def _newsletters_words(mails: float, project: Project) -> str:
    return say(
        "The cap counts campaigns. Newsletters come on top and are not counted: {n} a member, on average, in the last {days} days.",
        n=words.number(mails, 1),
        days=words.number(project.target.cap.within_days),
    )


def _suppression_words(suppression: dict | None) -> list[str]:
    """What became of the lines of the file; nobody is to believe that a line which cannot be read keeps a customer from being contacted."""
    if suppression is None:
        return []
    unread = suppression["unknown"] != 0 or suppression["unreadable"] != 0
    told = {key: say("few") if n is None else words.number(n) for key, n in suppression.items()}
    found = say("Lines in the file of those never contacted: {lines}. They name {found} known customers.", **told)
    if not unread:
        return [found]
    more = say(
        "Known to nobody: {unknown}; neither id nor e-mail address nor telephone: {unreadable}. Look at these lines: they stop nobody.",
        **told,
    )
    return [f"{found} {more}"]


def _step(stage: str, project: Project) -> str:
    cap = project.target.cap
    return say(STEPS[stage], n=words.number(cap.at_most), days=words.number(cap.within_days))


def _asked(reach: dict, stage: dict) -> bool:
    """Whether the data could answer a filter, for one channel at least."""
    unknown = stage["stage"] == "no address" and reach["untold"] and stage["stopped"] == 0
    return reach["asked"].get(stage["stage"], True) and not unknown


def funnel_frame(reach: dict, project: Project) -> pd.DataFrame:
    """label, n, share: members, those left after each filter that tells something, those to be contacted."""
    rows = [{"label": say("Members of the segments"), "n": reach["customers"]}]
    asked = [s for s in reach["stages"] if s["left"] is not None and _asked(reach, s)]
    rows += [{"label": _step(s["stage"], project), "n": s["left"]} for s in asked if s["stage"] != "welcome" or s["stopped"] != 0]
    rows.append({"label": say("To be contacted (the others are control)"), "n": reach["contacted"]})
    rows = rows if reach["customers"] else []
    return pd.DataFrame([row | {"share": row["n"] / reach["customers"]} for row in rows], columns=["label", "n", "share"])


def funnel_words(reach: dict, project: Project) -> dict:
    """The words of the chart of those left after each filter."""
    frame = funnel_frame(reach, project)
    if frame.empty:
        return nothing("reach", say("How many are left after each filter: too few customers to say."))
    part, n = words.share(frame["share"].iloc[-1], 0), words.number(reach["customers"])
    told = words.join(
        say("{label}: {n}", label=label, n=words.number(left)) for label, left in zip(frame["label"], frame["n"], strict=True)
    )
    title = (
        say("From segment to list: {part} of the members would be contacted", part=part)
        if reach["asked"]["no consent"]
        else say("If all had agreed: {part} of the members would be contacted", part=part)
    )
    return {
        "name": "reach",
        "title": title,
        "subtitle": say("Customers left after each filter, and their share of all {n} members", n=n),
        "alt": f"{told}.",
        "source": say("Source: segments of step 6, consents, addresses and contacts of step 3, offers of project.yml"),
    }


def stages_table(reach: dict, project: Project) -> Table:
    """A row a filter: how many it stopped and how many were left; filters that could not be asked say so."""
    rows = []
    for stage in reach["stages"]:
        asked = reach["asked"].get(stage["stage"], True) and not (
            stage["stage"] == "no address" and reach["untold"] and not stage["stopped"]
        )
        rows.append(
            {
                "filter": _step(stage["stage"], project),
                "stopped": stage["stopped"] if asked else None,
                "left": stage["left"] if asked else None,
                "said": "" if asked else say("cannot tell"),
            }
        )
    columns = [
        Column("filter", say("Filter, in this order")),
        Column("stopped", say("Stopped here"), "count", people=True),
        Column("left", say("Left after it"), "count", people=True),
        Column("said", say("Remark")),
    ]
    note = say(
        "Of {n} members. Who could get several messages counts by the one that comes farthest. A dash: not asked, or a number that would "
        "tell of too few customers.",
        n=words.number(reach["customers"]),
    )
    frame = pd.DataFrame(rows, columns=[c.name for c in columns])
    return Table("reach_stages", say("From segment to list: what each filter stops"), frame, columns, note=note)


def stops_table(reach: dict, plan: dict, project: Project) -> Table:
    """A row a segment: how many each filter stops."""
    rows = [{"name": segment_name(s), **reach["stops"][s["id"]]} for s in plan["segments"] if s["id"] in reach["stops"]]
    columns = [Column("name", say("Segment"))]
    stages = [stage["stage"] for stage in reach["stages"] if _asked(reach, stage)]
    columns += [Column(stage, _step(stage, project), "count", people=True) for stage in stages]
    note = say("Stopped by each filter, in this order: who is stopped by one is not asked the next.")
    frame = pd.DataFrame(rows, columns=[c.name for c in columns])
    return Table("reach_segments", say("What stops the members of each segment"), frame, columns, note=note)


# What the orders suggest


def _of(plan: dict) -> dict[str, dict]:
    return {s["id"]: s for s in plan["segments"]}


def offers_table(suggested: dict, plan: dict, foreseen: Foreseen | None = None) -> Table:
    """What each segment buys more than others, a row a category, beside what is typed; foreseen: result of `build.ahead.foresee`."""
    named, rows = _of(plan), []
    for one in suggested["segments"]:
        segment = named[one["id"]]
        head = {"name": segment_name(segment), "typed": words.text(segment["offer"]) if segment["offer"] else say("no offer typed")}
        rows += [
            head | {key: each[key] for key in ("category", "share", "others", "lacking")} | {"times": _times(each)} for each in one["over"]
        ]
        rows += [] if one["over"] else [head | {"category": say("nothing that can be told from chance and that some members lack")}]
    columns = [
        Column("name", say("Segment")),
        Column("typed", say("Offer as typed")),
        Column("category", say("Buys more than others")),
        Column("share", say("Members"), "share"),
        Column("others", say("Everyone else"), "share"),
        Column("times", say("Times as often")),
        Column("lacking", say("Members who did not, in these days"), "count", people=True),
    ]
    days = words.number(suggested["window_days"])
    note = say(
        "Orders of the last {days} days. Times: the share of members who bought it, divided by the share of everyone else, with an "
        "interval that holds at 95% for all segments and categories together. Segments were partly built of what people buy: that "
        "they differ here is no proof that they are real.",
        days=days,
    )
    note += " " + ahead_page.next_words((foreseen or Foreseen()).may)
    frame = pd.DataFrame(rows, columns=[c.name for c in columns])
    return Table("suggested_offers", say("What the orders suggest to offer, beside what is typed"), frame, columns, note=note)


def _times(each: dict) -> str:
    values = {key: words.number(each[key], 1) for key in ("lift", "low", "high")}
    return say("{lift} ({low} to {high})", **values)


def pairs_words(suggested: dict, plan: dict) -> list[str]:
    """What goes with a segment's own category among its members, a sentence a segment of which it can be told."""
    named = _of(plan)
    found = [_pair(segment_name(named[one["id"]]), one["pair"]) for one in suggested["segments"] if one["pair"]]
    return found or [say("What goes with these categories inside a segment cannot be told from chance.")]


def _pair(name: str, pair: dict) -> str:
    return say(
        "{name}: members who bought {having} bought {category} more often, {share}; of other members who buy as many categories it would "
        "be {others}. {n} bought the first and not the second in these days.",
        name=name,
        having=pair["having"],
        category=pair["category"],
        share=words.share(pair["share"], 0),
        others=words.share(pair["others"], 0),
        n=words.number(pair["lacking"]),
    )


def moments_table(suggested: dict, plan: dict, project: Project) -> Table:
    """By which channel and when, as typed and as the data suggest."""
    named, rows = _of(plan), []
    for one in suggested["segments"]:
        segment, offer = named[one["id"]], project.target.offers.get(one["id"])
        rows.append(
            {
                "name": segment_name(segment),
                "typed": _typed(offer, project) if offer else say("no offer typed"),
                "open": _open(one["reach"], project),
                "orders": _orders(one["orders_by"]),
                "day": weekday_words(one["moment"]),
                "hour": hour_words(one["moment"]),
            }
        )
    columns = [
        Column("name", say("Segment")),
        Column("typed", say("As typed")),
        Column("open", say("May be contacted by")),
        Column("orders", say("Orders mostly by")),
        Column("day", say("Day of orders")),
        Column("hour", say("Hour of orders")),
    ]
    note = say(
        "May be contacted: agreed to marketing by the channel, and a valid address is known; a dash: so few, or so nearly all, that it "
        "would tell of a few customers, or no address of that kind in these data. Days and hours: mean share of each member’s "
        "own orders; “or” joins days that cannot be told from the best. When people order is not when they read: a guess to be tested."
    )
    frame = pd.DataFrame(rows, columns=[c.name for c in columns])
    return Table("suggested_moments", say("By which channel and when, as typed and as the data suggest"), frame, columns, note=note)


def _typed(offer, project: Project) -> str:
    channel, moment = words.text(project.target.channels[offer.channel].name), words.text(offer.moment)
    return say("{channel}, {moment}", channel=channel, moment=moment) if moment else say("{channel}; no moment typed", channel=channel)


def _open(reach: list[dict] | None, project: Project) -> str:
    if reach is None:
        return say("cannot tell: no consents")
    if all(one["share"] is None for one in reach):
        return say("cannot tell")
    names = {one["channel"]: words.text(project.target.channels[one["channel"]].name) for one in reach}
    shares = {one["channel"]: NONE if one["share"] is None else words.share(one["share"], 0) for one in reach}
    return ", ".join(say("{channel} {share}", channel=name, share=shares[channel]) for channel, name in names.items())


def _orders(ordered: dict | None) -> str:
    if ordered is None:
        return say("cannot tell")
    if ordered["share"] == 1:
        return say("{channel} alone", channel=ordered["channel"])
    values = {key: words.share(ordered[key], 0) for key in ("share", "low", "high")}
    return say("{channel}: {share} ({low} to {high})", channel=ordered["channel"], **values)


def weekday_words(moment: dict | None) -> str:
    """The day of most orders, those that are as good, or that no day stands out."""
    if moment is None:
        return say("cannot tell")
    day = moment["weekday"]
    if len(day["as_good"]) >= DAYS_NAMED:
        return say("no clear day")
    names = [say(WEEKDAYS[number]) for number in sorted([day["best"], *day["as_good"]])]
    share = words.share(day["share"], 0)
    return say("{days}: up to {share}", days=say(" or ").join(names), share=share)


def hour_words(moment: dict | None) -> str:
    """The stretch of hours around the best one in which none can be told from it, or that no hour stands out."""
    if moment is None:
        return say("cannot tell")
    if moment["hour"] is None:
        return say("cannot tell: orders have a day and no time")
    hours = sorted([moment["hour"]["best"], *moment["hour"]["as_good"]])
    first, last = hours[0], hours[-1] + 1
    if len(hours) > HOURS_NAMED or last - first != len(hours):
        return say("no clear hour")
    return say("{first} h to {last} h", first=words.number(first), last=words.number(last))


# What follows


def todo(suggested: dict, plan: dict, project: Project) -> list[str]:
    """Segments whose offer takes a channel by which far fewer may be contacted than by a cheaper one."""
    named, found = _of(plan), []
    for one in suggested["segments"]:
        offer, better = project.target.offers.get(one["id"]), None
        told = {each["channel"]: each for each in one["reach"] or [] if each["n"] is not None}
        if offer is None:
            continue
        own = next((each for key, each in told.items() if one_form_text(key) == one_form_text(offer.channel)), None)
        if own is None or needs_of(project, offer.channel) == "none":
            continue
        better = max((e for e in told.values() if e["cost"] <= own["cost"] and e["n"] > own["n"]), key=lambda e: e["n"], default=None)
        if better:
            values = {"name": segment_name(named[one["id"]]), "n": words.number(better["n"]), "own": words.number(own["n"])}
            other = words.text(project.target.channels[better["channel"]].name)
            found.append(
                say(
                    "Look at the channel of {name}: {n} may be contacted by {other}, which costs no more, and {own} as typed.",
                    other=other,
                    **values,
                )
            )
    return found


def fold() -> str:
    """What stands in place of the table by segment until it is opened."""
    return say("What stops the members of each segment")
