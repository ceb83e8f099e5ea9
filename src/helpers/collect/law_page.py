"""What the page of step 3 says of the law: how long customers may be kept, who may be contacted, what is collected unused."""

import pandas as pd

from helpers import words
from helpers.collect.names import TABLE_NAMES
from helpers.collect.special import SPECIAL
from helpers.project import Project
from helpers.tables import Column, Table
from helpers.words import mark, say, say_n

TO_DO = {
    "customers": mark("Erase the description, or make it anonymous"),
    "orders": mark("Keep what bookkeeping needs, without the link to the person"),
    "consents": mark("Erase; keep the proof of an objection"),
    "": mark("Erase, or make anonymous"),
}
PURPOSES = {"marketing": mark("marketing"), "profiling": mark("profiling")}


def few(n: int, project: Project) -> bool:
    """Whether a number of customers is too small to be told."""
    return 0 < n < project.min_cell


def freshness_words(fresh: dict, project: Project) -> str:
    """How many customers are past the time for which they may be kept."""
    years = words.number(fresh["years"], 0 if float(fresh["years"]).is_integer() else 1)
    if not fresh["past"]:
        return say("No customer’s last sign is more than {years} years old: nobody’s data are to go yet.", years=years)
    if few(fresh["past"], project):
        least = words.number(project.min_cell)
        return say(
            "Fewer than {least} customers gave their last sign more than {years} years ago: their data are to go.", least=least, years=years
        )
    return say_n(
        "{n} customer ({share}) gave the last sign more than {years} years ago: those data are to be erased or made anonymous.",
        "{n} customers ({share}) gave their last sign more than {years} years ago: their data are to be erased or made anonymous.",
        fresh["past"],
        share=words.share(fresh["past"] / max(fresh["customers"], 1)),
        years=years,
    )


def past_table(by_source: pd.DataFrame, fresh: dict, project: Project) -> Table:
    """Where the customers past their time stand, and what is to be done there; never done by a run."""
    rows = []
    for each in by_source.itertuples():
        name, sources = say(TABLE_NAMES[each.table]), project.sources_of(each.table)
        owners = [sources[each.source]] if isinstance(each.source, str) else list(sources.values())
        owner = words.join(dict.fromkeys(words.text(s.owner) for s in owners if words.text(s.owner)))
        task = TO_DO.get(each.table, TO_DO[""])
        title = say("{table}: {source}", table=name, source=each.source.replace("_", " ")) if isinstance(each.source, str) else name
        told = {"where": title, "past": each.past, "rows": each.rows, "share": each.past / max(each.customers, 1)}
        rows.append(told | {"todo": say(task), "owner": owner or say("nobody named")})
    columns = [
        Column("where", say("Where")),
        Column("past", say("Customers past their time"), "count"),
        Column("share", say("Share of those known there"), "share", 1),
        Column("rows", say("Rows about them"), "count"),
        Column("todo", say("What is to be done")),
        Column("owner", say("Ask")),
    ]
    note = say(
        "Last sign before {day}: an order, an answer, a visit, a basket, a click, a comment or a survey answer; opening a mail is none. "
        "Who never gave one counts from the day of the record. Nothing is erased by a run.",
        day=words.day(fresh["until"]),
    )
    frame = pd.DataFrame(rows, columns=["where", "past", "share", "rows", "todo", "owner"])
    return Table(
        "past", say("Customers whom nobody may keep any longer, and where they stand"), frame, columns, note=note, cell_size="past"
    )


def consent_words(reached: dict | None) -> str:
    """How many customers may be contacted, and how many may be profiled."""
    if reached is None:
        return say(
            "Nobody knows who agreed to be contacted: no consents are mapped. It takes a list of customer, channel, purpose, yes or no, "
            "and day."
        )
    all_ = max(reached["customers"], 1)
    contact = say("{share} of customers may be contacted by at least one channel.", share=words.share(reached["contact"] / all_, 0))
    if reached["profiling"] is None:
        return contact + " " + say("Nobody was asked about profiling, which is a purpose of its own.")
    return (
        contact
        + " "
        + say(
            "Profiling is a purpose of its own: {share} agreed to it, {both} to both. A segment that decides who gets which message "
            "is profiling: on which basis the others are in it, whoever answers for data protection must say.",
            share=words.share(reached["profiling"] / all_, 0),
            both=words.share(reached["both"] / all_, 0),
        )
    )


def consent_table(consents: pd.DataFrame) -> Table:
    """Yes, no and silence by purpose and channel, of all customers."""
    named = [say(PURPOSES[p.lower()]) if p.lower() in PURPOSES else p for p in consents["purpose"]]
    frame = consents.assign(purpose=named)
    columns = [
        Column("purpose", say("Purpose")),
        Column("channel", say("Channel")),
        Column("share", say("May be contacted or profiled"), "share", 1),
        Column("yes", say("Yes"), "count", people=True),
        Column("no", say("No"), "count", people=True),
        Column("withdrawn", say("of them withdrawn"), "count", people=True),
        Column("silent", say("Not known"), "count", people=True),
    ]
    note = say("The last word of each customer on a channel and purpose counts; not known is no.")
    return Table("consents", say("Who agreed to what, by channel"), frame, columns, note=note, cell_size="yes")


def unused_words(idle: dict[str, list[str]], bare: list[str], special: list[dict]) -> str:
    """What is collected without use, which sources have no legal basis, and which special categories are used on a stated one."""
    parts = []
    if idle:
        named = {t: say(TABLE_NAMES[t.split(".")[0]]).lower() for t in idle}
        listed = [say("{columns} ({table})", columns=words.join(_names(columns)), table=named[t]) for t, columns in idle.items()]
        parts.append(
            say("Collected and used by no step, variable or rule: {listed}. Leave them out of project.yml.", listed=say("; ").join(listed))
        )
    else:
        parts.append(say("Every column that is mapped is used by a step, a variable or a rule."))
    if bare:
        parts.append(say("No legal basis is stated for {sources}.", sources=words.join(s.replace("_", " ") for s in bare)))
    if special:
        categories = [each["category"] for each in special]
        kinds = words.join(dict.fromkeys(say(SPECIAL[category]) for category in categories))
        parts.append(say("Special categories used on a stated basis: {kinds}.", kinds=kinds))
    return " ".join(parts)


def _names(columns: list[str], most: int = 8) -> list[str]:
    """Columns as people read them; of a long list the first ones."""
    shown = [c.replace("_", " ") for c in columns[:most]]
    return [*shown, say_n("{n} more", "{n} more", len(columns) - most)] if len(columns) > most else shown


def special_table(special: list[dict], project: Project) -> Table:
    """Columns and questions of special categories with the basis that project.yml states; empty when there are none."""
    from fnmatch import fnmatchcase

    rows = [
        {
            "name": name.replace("_", " "),
            "category": say(SPECIAL[category]),
            "basis": next((words.text(b) for p, b in project.collect.special.items() if fnmatchcase(name, p)), ""),
        }
        for name, category in ((each["name"], each["category"]) for each in special)
    ]
    columns = [Column("name", say("Column or question")), Column("category", say("Speaks of")), Column("basis", say("Basis stated"))]
    return Table(
        "special", say("Special categories of data, and on which basis"), pd.DataFrame(rows, columns=["name", "category", "basis"]), columns
    )


def caveats(fresh: dict, reached: dict | None, bare: list[str], project: Project) -> list[str]:
    """What could mislead in what the law asks."""
    result = []
    if fresh["unknown"] and not few(fresh["unknown"], project):
        result.append(
            say(
                "{n} customers never gave a sign and have no day of creation: how long they may be kept cannot be told.",
                n=words.number(fresh["unknown"]),
            )
        )
    if bare:
        result.append(
            say_n(
                "For {n} source nobody has typed a legal basis: whether it may be used at all is not known.",
                "For {n} sources nobody has typed a legal basis: whether they may be used at all is not known.",
                len(bare),
            )
        )
    if reached is None:
        result.append(say("Without consents every list of contacts stays a draft."))
    return result


def todo(fresh: dict, bare: list[str], project: Project) -> list[str]:
    """What is to be done for the law."""
    result = []
    if fresh["past"] and not few(fresh["past"], project):
        result.append(
            say(
                "Erase or make anonymous the customers past their time ({n}): the page of step 3 says where.", n=words.number(fresh["past"])
            )
        )
    if bare:
        result.append(say("Type why each source may be used under collect.sources, field legal_basis."))
    return result
