"""What the private card of one customer says, section by section, and the page that holds it."""

import json
from html import escape
from pathlib import Path

import pandas as pd

from helpers import __version__, home, run, templates, words
from helpers.adopt.customer.ahead import ahead_html
from helpers.adopt.customer.happenings import counted
from helpers.adopt.customer.history import heading, list_html, paragraph
from helpers.adopt.customer.segment import measures_html, segment_html, segment_line
from helpers.adopt.customer.stopped import stopped_words
from helpers.adopt.customer.strip import strip_html
from helpers.build.inputs import KEY
from helpers.collect.control_page import draft_reason
from helpers.collect.law import years_before
from helpers.tables import Column, Table, as_html
from helpers.validate.page import draft_line
from helpers.variables.people_page import attribute_words, level_words
from helpers.words import NONE, absent, mark, say, say_n

FIELDS = {
    "name": mark("Name"),
    "email": mark("E-mail"),
    "phone": mark("Telephone"),
    "address": mark("Address"),
    "birth_date": mark("Born"),
}
CONTACT = {"email": "email", "sms": "phone", "phone": "phone", "mail": "street", "letter": "street", "post": "street"}
"""What a channel of consents needs to reach somebody."""
PURPOSES = {"marketing": mark("Marketing"), "profiling": mark("Profiling")}
STATUSES = {"DRAFT": mark("draft list, nothing is released"), "READY": mark("list ready")}
ARMS = {
    "contact": mark("will be contacted"),
    "control": mark("left out on purpose"),
    "held out": mark("left out of all campaigns on purpose"),
}


def page(known: dict, step, base: Path) -> str:
    """The whole page.

    known   result of `customer.collected`;  base: the run's folder
    """
    return templates.filled("customer.html.j2", _frame(known, step, base) | {"body": body(known, step)})


def body(known: dict, step) -> str:
    """Everything between head and foot."""
    project = step.project
    who = heading(say("Who it is")) + _who(known, project)
    todo = heading(say("What to do")) + _todo(known, project) + heading(say("What is allowed")) + _allowed(known, project, step.as_of)
    parts = [
        _figures(known),
        f'<div class="sides">\n<section>\n{who}</section>\n<section>\n{todo}</section>\n</div>\n',
        _pairs(_described(known), "traits"),
        heading(say("What happened")) + strip_html(known["happened"], step.as_of) + list_html(known, project),
        heading(say("Which segment, and why")) + segment_html(known, step),
        measures_html(known, project),
        heading(say("What is likely next")) + ahead_html(known["ahead"], project, known["consents"]),
    ]
    return "".join(parts)


def _frame(known: dict, step, base: Path) -> dict:
    """Head and foot: whose page, from which run, and what stands in the way of trusting it."""
    project = step.project
    unsigned = step.take("validate", "validation") if step.gives("validate", "validation") else {}
    totals = step.take("collect", "quality") if step.gives("collect", "quality") else {}
    recorded = json.loads((base / "run.json").read_text(encoding="utf-8")).get("project_yml")
    changed = recorded and recorded != run.digest(home() / project.file)
    return {
        "version": __version__,
        "language": words.language(),
        "style": templates.style(),
        "running": '"' + say("Private – about one person").replace('"', "") + '"',
        "title": name_of(known),
        "lead": segment_line(known, project),
        "project_title": words.text(project.title),
        "notice": words.text(project.notice),
        "as_of_words": say("As of {day}", day=words.day(step.as_of)),
        "run": base.name,
        "project": project.name,
        "draft": draft_line(unsigned, project, first=draft_reason(totals)),
        "changed": say("project.yml has changed since that run.") if changed else "",
    }


def name_of(known: dict) -> str:
    """The customer's name as the first source that has one writes it, else the id."""
    for record in known["records"].to_dict("records"):
        name = _joined(record, "first_name", "last_name")
        if name:
            return name
    return say("Customer {id}", id=known["customer_id"])


def _joined(record: dict, *columns: str) -> str:
    return " ".join(str(record[c]) for c in columns if not absent(record.get(c)))


def _figures(known: dict) -> str:
    """Orders, money, first and last order, open comments: over all that is known, not over the window."""
    happened = known["happened"]
    bought, times = happened[happened["kind"].isin(("order", "refund"))], counted(happened)
    orders = happened[happened["kind"] == "order"]
    pairs = [(say("Orders, all time"), words.number(len(orders))), (say("Spent, net of refunds"), words.money(bought["amount"].sum(), 0))]
    if len(orders):
        pairs += [(say("First order"), _short(orders["at"].min())), (say("Last order"), _short(orders["at"].max()))]
    if times.get("refund"):
        pairs.append((say("Refunds"), words.number(times["refund"])))
    if times.get("comment"):
        ratings = pd.to_numeric(happened.loc[happened["kind"] == "comment", "more"], errors="coerce").dropna()
        label = say_n("One comment, mean rating", "{n} comments, mean rating", times["comment"])
        pairs.append((label, words.number(ratings.mean(), 1) if len(ratings) else NONE))
    return _pairs(pairs, "figures")


def _pairs(pairs: list[tuple[str, str]], kind: str = "pairs") -> str:
    inner = "".join(f"<div><dt>{escape(label)}</dt><dd>{escape(value)}</dd></div>\n" for label, value in pairs)
    return f'<dl class="{kind}">\n{inner}</dl>\n'


def _short(at) -> str:
    return words.date_as(at, "dMMMy")


# Who it is


def _who(known: dict, project) -> str:
    pairs = [*_contact_data(known, project), (say("Ids"), ", ".join(known["raw_ids"]))]
    if (known["household"] or 1) > 1:
        others = say_n("one other customer at this address", "{n} other customers at this address", known["household"] - 1)
        pairs.append((say("Household"), others))
    note = ""
    if known["unread"]:
        note = say("The sources cannot be read, so names and contact data are missing: {why}", why=known["unread"])
    elif not len(known["records"]):
        note = say("No source holds a name or contact data of this customer.")
    elif not any(field in known["records"].columns for field in ("email", "phone", "street")):
        note = say("These data hold no e-mail, telephone or address: map them under collect.sources to see them here.")
    return _pairs(pairs) + (paragraph(note, "small") if note else "")


def _contact_data(known: dict, project) -> list[tuple[str, str]]:
    """Every value that a source has of a field, with the numberings that have it, where they do not all agree."""
    records, pairs = known["records"].to_dict("records"), []
    for field, label in FIELDS.items():
        values: dict[str, list[str]] = {}
        for record in records:
            value = _field(record, field)
            if value:
                values.setdefault(value, []).append(project.collect.sources[record["source"]].ids)
        told = [
            value if len(values) == 1 else say("{value} ({sources})", value=value, sources=", ".join(dict.fromkeys(where)))
            for value, where in values.items()
        ]
        if told:
            pairs.append((say(label), say("; ").join(told)))
    return pairs


def _field(record: dict, field: str) -> str:
    if field == "name":
        return _joined(record, "first_name", "last_name")
    if field == "address":
        street, town = _joined(record, "street"), _joined(record, "postcode", "city")
        return ", ".join(filter(None, (street, town)))
    value = record.get(field)
    return "" if absent(value) else words.day(value) if field == "birth_date" else str(value)


def _described(known: dict) -> list[tuple[str, str]]:
    """Attributes as the sources give them, then what step 4 worked out."""
    pairs = [(name, known["person"][name]) for name in known["attributes"]]
    worked = known["descriptors"] or {}
    pairs += [(name, value) for name, value in worked.items() if name != KEY and name not in dict(pairs) and ": " not in name]
    shut = {"reach", "area", *(["age_band"] if "age" in dict(pairs) else [])}  # consents and address say more
    return [
        (_heading(attribute_words(name)), level_words(name, str(_plain(value))))
        for name, value in pairs
        if not absent(value) and name not in shut and not name.startswith("area_") and not isinstance(value, pd.Timestamp)
    ]


def _heading(text: str) -> str:
    return text[:1].upper() + text[1:]


def _plain(value):
    return int(value) if isinstance(value, float) and value.is_integer() else value


# What to do, and what is allowed


def _todo(known: dict, project) -> str:
    plan, lines = known["plan"], []
    for action in plan["actions"]:
        due = say(", by {day}", day=words.day(action.by)) if action.by else ""
        who = say("{action} ({owner}{due})", action=words.text(action.action), owner=words.text(action.owner), due=due)
        lines.append(who)
    lines += [_planned(row, plan["offer"], project) for row in plan["contacts"]]
    if plan["offer"] and not plan["contacts"]:
        offer, name = words.text(plan["offer"].offer), project.target.campaign
        lines.append(say("Offer to the segment: {offer}. This customer is not on the list of campaign {name}.", offer=offer, name=name))
    lines += stopped_words(plan["stops"], project)
    if plan["held_out"]:
        lines.append(say("Left out of every campaign on purpose, so that their effect can be measured: do not add by hand."))
    if not lines:
        lines = [say("Nothing is typed for this segment.") if known["scope"] else say("Nothing is planned: the customer is in no segment.")]
    return "<ul>\n" + "".join(f"<li>{escape(line)}</li>\n" for line in lines) + "</ul>\n"


def _planned(row: dict, of_segment, project) -> str:
    """The customer's line in the list of step 8: the offer that its key names (of a segment or a rule), else the segment's."""
    key, version = row.get("offer"), row.get("version")
    offer = of_segment if absent(key) else project.target.offers.get(key) or project.target.also.get(key)
    arm, status = row.get("arm"), row.get("status")
    arm = say(ARMS[arm]) if arm in ARMS else NONE if absent(arm) else str(arm)
    status = say(STATUSES[status]) if status in STATUSES else NONE if absent(status) else str(status)
    channel = NONE if absent(row.get("channel")) else channel_name(row["channel"], project)
    told = say("Campaign {name}, {channel}: {arm} ({status})", name=project.target.campaign, channel=channel, arm=arm, status=status)
    told = say("{contact}. Offer: {offer}", contact=told, offer=words.text(offer.offer)) if offer else told
    return told if absent(version) else say("{contact}. Version {version}", contact=told, version=version)


def channel_name(channel, project) -> str:
    """What people call a channel: as project.yml names it, else its code."""
    known = project.target.channels.get(channel)
    return (words.text(known.name) or channel) if known else str(channel)


def _allowed(known: dict, project, as_of) -> str:
    """Whether the customer may still be kept, and the consents."""
    sign, years = known["last_sign"], project.collect.retention_years
    if sign is None or sign >= years_before(as_of, years):
        return _consents(known, project)
    told = say(
        "Past the time for which customers may be kept ({years} years): the last sign was on {day}. Step 3 says what to do.",
        years=words.number(years, 0 if float(years).is_integer() else 1),
        day=words.day(sign),
    )
    return paragraph(told, "overdue") + _consents(known, project)


def _consents(known: dict, project) -> str:
    """Consents by channel and purpose; without a table of them nobody can tell."""
    consents = known["consents"]
    if consents is None:
        told = say("Cannot tell: these data hold no consents. Map a table of consents (customer, channel, purpose, yes or no, day).")
        return paragraph(told)
    if not len(consents):
        return paragraph(say("Never asked: no word on any channel is recorded. No answer is no consent."))
    purposes = list(dict.fromkeys(consents["purpose"]))
    rows = []
    for channel, own in consents.groupby("channel", sort=True):
        told = {row.purpose: _consent(row) for row in own.itertuples()}
        rows.append({"channel": _reached(channel, known["records"], project)} | {p: told.get(p, NONE) for p in purposes})
    columns = [Column("channel", say("Channel"))]
    columns += [Column(purpose, say(PURPOSES[purpose]) if purpose in PURPOSES else purpose) for purpose in purposes]
    return as_html(Table("consents", say("What the customer agreed to"), pd.DataFrame(rows), columns))


def _consent(row) -> str:
    if row.granted:
        return say("yes ({day})", day=_short(row.since))
    return say("withdrawn ({day})", day=_short(row.since)) if row.withdrawn else say("no ({day})", day=_short(row.since))


def _reached(channel: str, records: pd.DataFrame, project) -> str:
    """The channel, and that nothing is known to reach the customer by it where that is so."""
    field, name = CONTACT.get(channel), channel_name(channel, project)
    if field is None or (field in records.columns and records[field].notna().any()):
        return name
    return say("{channel} (no contact data)", channel=name)
