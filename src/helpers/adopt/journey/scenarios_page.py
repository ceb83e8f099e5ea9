"""What the page of step 7 says of messages that an event of a customer's own may set off."""

import math

import pandas as pd

from helpers import words
from helpers.adopt.journey.scenarios import SPANS
from helpers.build.portraits import segment_name
from helpers.project import Project
from helpers.project.adopting import SCENARIOS
from helpers.tables import Column, Table
from helpers.words import mark, say, say_n

NAMES = {
    "welcome": mark("Welcome"),
    "basket": mark("Basket left"),
    "reactivation": mark("Reactivation"),
    "birthday": mark("Birthday"),
    "entry": mark("Entry into a segment"),
}
TRIGGERS = {
    "welcome": mark("seen for the first time"),
    "basket": mark("a basket, and no purchase within a day"),
    "reactivation": mark("silent for longer than nine in ten of the segment’s intervals"),
    "birthday": mark("the birthday"),
    "entry": mark("in the segment, and not one horizon ago"),
}
TAKES = {
    "created_at": mark("Welcome counts first traces: it would take a day of entry in the customer file to see prospects before they act."),
    "basket": mark("Basket: it would take an events table with baskets by customer."),
    "birth_date": mark("Birthday: it would take birth dates in the customer file."),
    "intervals": mark("Reactivation: it would take members with at least two purchases."),
    "earlier_run": mark(
        "Entry is counted over one horizon of the scope alone, and holds what chance moved; any other span would take a run made then."
    ),
}


def suggested(line: dict) -> str:
    """The delay that the data suggest, in whole hours or days: rounded up, for it is to come after those who go on by themselves."""
    days = line["suggested_days"]
    if days is None:
        return words.NONE
    if days == 0:
        return say("at once") if line["scenario"] == "entry" else say("on the day")
    if days < 1:
        return say_n("{n} hour", "{n} hours", math.ceil(days * 24))
    return say_n("{n} day", "{n} days", math.ceil(days))


def scenarios_table(found: dict, profiles: dict, project: Project) -> Table:
    """Kinds of events, how often they happen, whom one may write to, and after how long; a line each, one a segment where it matters."""
    names = {s["id"]: segment_name(s) for s in profiles["segments"]}
    order = {name: place for place, name in enumerate(SCENARIOS)}
    rows = []
    for line in sorted(found["lines"], key=lambda line: (order[line["scenario"]], line["segment"] or "")):
        name, trigger = NAMES[line["scenario"]], TRIGGERS[line["scenario"]]
        rows.append(
            {
                "name": say(name),
                "who": names[line["segment"]] if line["segment"] else say("Everyone"),
                "trigger": say(trigger),
                **{key: line[key] for key in ("n_30", "n_90", "contactable_30", "contactable_90")},
                "delay": suggested(line),
                "typed": _typed(line, project),
            }
        )
    short, long = map(words.number, SPANS)
    columns = [
        Column("name", say("Scenario")),
        Column("who", say("Who")),
        Column("trigger", say("Set off by")),
        Column("n_30", say("Last {days} days", days=short), "count", people=True),
        Column("contactable_30", say("of these, may be contacted"), "count", people=True),
        Column("n_90", say("Last {days} days", days=long), "count", people=True),
        Column("contactable_90", say("of these, may be contacted"), "count", people=True),
        Column("delay", say("Delay suggested")),
        Column("typed", say("Typed in project.yml")),
    ]
    frame = pd.DataFrame(rows, columns=[c.name for c in columns])
    frame = frame.astype({c: "float64" for c in ("n_30", "n_90", "contactable_30", "contactable_90")})
    return Table("scenarios", say("Messages that a moment of the customer’s own may set off"), frame, columns, note=_note(found))


def _typed(line: dict, project: Project) -> str:
    typed = project.adopt.scenarios.get(line["scenario"])
    if typed is None:
        return say("nothing typed")
    channel = project.target.channels.get(typed.channel)
    parts = [words.text(typed.message), words.text(channel.name) if channel else typed.channel]
    parts += [say_n("after {n} day", "after {n} days", math.ceil(typed.after_days))] if typed.after_days is not None else []
    return say("; ").join([part for part in [*parts, words.text(typed.owner)] if part]) or say("nothing typed")


def _note(found: dict) -> str:
    return say(
        "Delay: {share} of those who go on by themselves have done so by then (first purchase after the first trace; purchase after the "
        "basket, within a day; next purchase of the segment’s members), so that an offer is not given to who would come anyway. A welcome "
        "without an offer may go at once. May be contacted: who agreed to marketing by the channel typed, else by any planned one; "
        "addresses and the cap on contacts are looked at in step 8. A dash: cannot tell, or too few.",
        share=words.share(found["by_then"], 0),
    )


def scenarios_words(found: dict, project: Project) -> str:
    """The finding: which scenario reaches most, and which are planned."""
    counted = [line for line in found["lines"] if line["n_30"]]
    planned = [name for name in SCENARIOS if name in project.adopt.scenarios]
    parts = []
    if counted:
        totals = {name: sum(line["n_30"] for line in counted if line["scenario"] == name) for name in SCENARIOS}
        most = max(totals, key=totals.get)
        name = NAMES[most]
        parts.append(
            say("“{name}” was set off by most customers: {n} in the last {days} days.", name=say(name), n=words.number(totals[most]),
                days=words.number(SPANS[0]))
        )  # fmt: skip
    if not planned:
        parts.append(say("None of the five scenarios is planned yet (adopt.scenarios of project.yml)."))
    else:
        names = [NAMES[name] for name in planned]
        listed = words.join([say(each) for each in names])
        parts.append(say_n("Planned: {names}.", "Planned: {names}.", len(planned), names=listed))
    if all(line["contactable_90"] is None for line in found["lines"]):
        parts.append(say("How many of them may be contacted cannot be told: there is no table of consents."))
    return " ".join(parts)


def takes(found: dict) -> list[str]:
    """What the data lack for a scenario, a line each."""
    lacking = {line["lacks"] for line in found["lines"] if line["lacks"]}
    sentences = [sentence for code, sentence in TAKES.items() if code in lacking]
    return [say(sentence) for sentence in sentences]
