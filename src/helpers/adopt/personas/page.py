"""The personas as a page: a card of one sheet each, what a copywriter takes from it, and which persona stands for whom."""

from html import escape

import pandas as pd

from helpers import words
from helpers.adopt.personas.ahead import ahead_columns, ahead_note, ahead_of
from helpers.adopt.personas.avatar import avatar
from helpers.adopt.personas.facts import of_most
from helpers.adopt.personas.invented import name_of
from helpers.adopt.personas.words import FIELDS, ORIGINS, Wording, evidence, origin_words, share_words, takes_words
from helpers.build.ahead import Foreseen
from helpers.build.portraits import segment_name
from helpers.project import Project
from helpers.project.adopting import PERSONA_FIELDS
from helpers.tables import Column, Table, as_html
from helpers.words import say, say_n

GROUPS = (
    ("age", "area", "household", "career", "firm", "post", "missions", "arrival"),
    ("interests", "content", "goals", "motivations", "brakes"),
    ("path", "media", "pain_points"),
)
"""Fields as the card has them side by side: who they are, what moves them, how to reach them."""
NARROW = 0.75
"""Share below which a bracket is no licence to write as if all were in it."""


def title(found: dict) -> str:
    """The title of the hand-out."""
    return say("Personas: who we write for") if found["personas"] else say("Personas: none could be drawn")


def lead(found: dict, profiles: dict) -> str:
    """Who stands for how many, in the sentence under the title."""
    if not found["personas"]:
        return say("No segment is large enough to be described.")
    first = found["personas"][0]
    covered = sum(p["share_of_customers"] for p in found["personas"]) if not found["twice"] else 1 - found["without"]["share_of_customers"]
    told = say_n(
        "{n} persona stands for {share} of customers.",
        "{n} personas stand for {share} of customers.",
        len(found["personas"]),
        share=words.share(covered, 0),
    )
    if not first["ideal"]:
        return told
    name, each = persona_name(first), words.money(first["revenue_per_30d"]["value"], 0)
    return told + " " + say("{name} is worth most: {each} each in 30 days.", name=name, each=each)


def persona_name(persona: dict) -> str:
    """The first name: typed, else invented."""
    field = persona["fields"]["first_name"]
    return words.text(field["text"]) if field["origin"] == "edited" else words.text(name_of(field["facts"][0]["code"]))


def handout(found: dict, profiles: dict, project: Project) -> str:
    """The body of the hand-out: how to read it and who stands for whom on the first sheet, then a sheet a persona.

    found   personas.json;  profiles: as step 6 hands them over
    """
    intro = say(
        "A persona is a typical member of a segment, made to be written for. Nobody is like it in everything: beside each line stands how "
        "many members it is true of, and how many of all other customers."
    )
    parts = [f"<p>{escape(intro)}</p>\n", _legend(), as_html(coverage_table(found, profiles, project))]
    parts.append("".join(f'<p class="persona-note">{escape(line)}</p>\n' for line in caveats(found, project)))
    cards = [card_html(persona, profiles, project) for persona in found["personas"]]
    return '<div class="personas">\n' + "".join(parts) + "".join(cards) + "</div>\n"


def _legend() -> str:
    items = []
    for sign, told, meaning in ORIGINS.values():
        items.append(f"<li><b>{sign} {escape(say(told))}</b> {escape(say(meaning))}</li>\n")
    bar = say("Bar: share of members; stroke: share of all other customers.")
    figures = (
        say("of {n}: members of whom it is known.", n=words.number(1240)),
        say(
            "×{lift} ({low}–{high}): times the others’ share, with its interval.",
            lift=words.number(1.8, 1),
            low=words.number(1.7, 1),
            high=words.number(1.9, 1),
        ),
        say("≈: no different from the others beyond chance."),
    )
    items += [f"<li>{_bar(0.7, 0.4)} {escape(bar)}</li>\n", *(f"<li>{escape(told)}</li>\n" for told in figures)]
    return f'<ul class="persona-legend">\n{"".join(items)}</ul>\n'


# One card


def card_html(persona: dict, profiles: dict, project: Project) -> str:
    """One card: picture, name and size; what to do with it; the fields; and what nobody knows."""
    wording = Wording(project)
    known = {s["id"]: s for s in profiles["segments"]}
    colour = known[persona["segments"][0]]["colour"] if persona["segments"] else "#6B6B6B"
    parts = [_head(persona, known, colour, wording, project), _brief(persona, wording), '<div class="persona-columns">\n']
    headings = (say("Who they are, how they came"), say("What moves them"), say("Habits, reach and trouble"))
    for heading, group in zip(headings, GROUPS, strict=True):
        inner = "".join(_field(name, persona["fields"][name], wording) for name in group)
        parts.append(f'<div class="persona-column"><h3>{escape(heading)}</h3>\n{inner}</div>\n')
    return (
        f'<article class="persona" id="persona-{persona["id"]}" style="--segment: {colour}">\n'
        + "".join(parts)
        + "</div>\n"
        + _unknown(persona)
        + "</article>\n"
    )


def _head(persona: dict, known: dict, colour: str, wording: Wording, project: Project) -> str:
    name = persona_name(persona)
    names = words.join([segment_name(known[s]) for s in persona["segments"]])
    best = escape(say("Ideal customer"))
    ideal = f' <span class="persona-ideal">{best}</span>' if persona["ideal"] else ""
    stands = say("stands for {segments}", segments=names) if names else say("stands for no segment that may be described")
    field, quote = persona["fields"]["quote"], ""
    said = words.text(field.get("text")) or wording.quote(field["facts"])
    if said:
        origin = field["origin"]
        quote = f"<blockquote>“{escape(said)}” {_chip(origin)}</blockquote>\n"
    drawn = avatar(persona["avatar"], colour, say("A drawn figure without a face, for {name}", name=name))
    invented = _first_name(persona["fields"]["first_name"], wording, project)
    head = f'<div class="persona-picture">{drawn}</div>\n<div><h2>{escape(name)}{ideal}</h2>\n'
    return f'<header>{head}<p class="persona-stands">{escape(stands)}</p>\n{quote}{invented}</div>\n{_figures(persona)}</header>\n'


def _first_name(field: dict, wording: Wording, project: Project) -> str:
    """Where the name comes from, and what share of members has the gender it suggests."""
    told = say("Name typed by people.") if field["origin"] == "edited" else say("Name invented.")
    gender = next((f for f in field["facts"] if f["kind"] == "gender"), None)
    if gender:
        about = {"level": wording.fact(gender, "first_name"), "share": share_words(gender["share"])}
        told += " " + say("{level} for {share} of those known.", **about)
    because = words.text(field.get("because"))
    return f'<p class="persona-small">{_chip(field["origin"])} {escape(told)} {escape(because)}</p>\n'


def _figures(persona: dict) -> str:
    each = persona["revenue_per_30d"]
    interval = ""
    if each["low"] is not None:
        interval = say("95% interval {low} to {high}", low=words.money(each["low"], 0), high=words.money(each["high"], 0))
    rows = [
        (words.number(persona["n"]), say("customers, {share} of all", share=words.share(persona["share_of_customers"], 0))),
        (words.share(persona["share_of_revenue"], 0), say("of revenue")),
        (words.money(each["value"], 0), say("each in 30 days") + (f" ({interval})" if interval else "")),
    ]
    if not persona["segments"]:
        return ""
    items = "".join(f"<div><dt>{escape(label)}</dt><dd>{escape(value)}</dd></div>\n" for value, label in rows)
    return f'<dl class="persona-figures">\n{items}</dl>\n'


def _chip(origin: str) -> str:
    sign, _, _ = ORIGINS[origin]
    return f'<span class="persona-origin">{sign} {escape(origin_words(origin))}</span>'


def _field(name: str, field: dict, wording: Wording) -> str:
    """A field with its facts; an empty one is told at the foot of the card."""
    if field["origin"] == "unknown":
        return ""
    label = FIELDS[name]
    origins = ["edited"] if field["origin"] == "edited" else list(dict.fromkeys(f["origin"] for f in field["facts"]))
    chips = " ".join(_chip(origin) for origin in origins)
    body = ""
    if field["origin"] == "edited":
        because = words.text(field.get("because"))
        reason = f" <small>{escape(because)}</small>" if because else ""
        data = say("The data say:") if field["facts"] else say("The data say nothing of it.")
        body = f'<p class="persona-typed">{escape(words.text(field["text"]))}{reason}</p>\n<p class="persona-small">{escape(data)}</p>\n'
    several = len(origins) > 1 or field["origin"] == "edited"
    rows = "".join(_row(fact, name, wording, marked=several) for fact in field["facts"])
    facts = f"<ul>\n{rows}</ul>\n" if rows else ""
    return f"<section><h4>{escape(say(label))} {chips}</h4>\n{body}{facts}</section>\n"


def _row(fact: dict, field: str, wording: Wording, *, marked: bool) -> str:
    sign, _, _ = ORIGINS[fact["origin"]]
    told = escape(wording.fact(fact, field))
    told = f'<span aria-hidden="true">{sign}</span> {told}' if marked else told
    if fact["kind"] == "rhythm":
        known = escape(evidence(fact))
        return f"<li><span>{told}</span><small>{known}</small></li>\n"
    share = share_words(fact["share"])
    others = "" if fact["others"] is None else say("others {share}", share=share_words(fact["others"]))
    figure = f"<b>{escape(share)}</b> {_bar(fact['share'], fact['others'])} <i>{escape(others)}</i>"
    return f'<li><span>{told}</span><span class="persona-share">{figure}</span><small>{escape(evidence(fact))}</small></li>\n'


def _bar(share: float | str, others: float | str | None) -> str:
    """A bar for the members and a stroke for the others; the figures stand beside it in words."""
    ends = {"most": 1.0, "few": 0.0}
    inside, outside = (ends.get(x, 0.0) if isinstance(x, str) else x for x in (share, others))
    stroke = "" if outside is None else f'<path d="M{1 + 58 * outside:.0f} 0 v12" stroke="#1a1a1a" stroke-width="2"/>'
    track = '<rect x="1" y="3" width="58" height="6" fill="#e8eaed"/>'
    bar = f'<rect x="1" y="3" width="{58 * inside:.0f}" height="6" fill="var(--segment, #12436D)"/>'
    return f'<svg class="persona-bar" viewBox="0 0 60 12" aria-hidden="true">{track}{bar}{stroke}</svg>'


def _unknown(persona: dict) -> str:
    """The fields that nobody can fill from these data, each with what it would take."""
    empty = [(name, field) for name, field in persona["fields"].items() if field["origin"] == "unknown"]
    if not empty:
        return ""
    items = []
    for name, field in empty:
        label = FIELDS[name]
        items.append(f"<li><b>{escape(say(label))}</b> {escape(takes_words(field['would_take']))}</li>\n")
    heading = escape(say("Not known, and what it would take"))
    return f'<div class="persona-empty"><h4>{heading} {_chip("unknown")}</h4>\n<ul>{"".join(items)}</ul></div>\n'


# What a copywriter takes from it


def brief(persona: dict, wording: Wording) -> list[tuple[str, str]]:
    """What to do differently for this persona, each with the figure it follows from: (what, sentence)."""
    fields, told = persona["fields"], []
    bought = next((f for f in fields["interests"]["facts"] if f["kind"] == "bought"), None)
    if bought:
        about = {
            "category": wording.category(bought["code"]),
            "share": share_words(bought["share"]),
            "others": share_words(bought["others"]),
        }
        told.append((say("Open with"), say("{category}: {share} of them buy it, {others} of the others.", **about)))
    wants = [f for name in ("goals", "motivations") for f in fields[name]["facts"] if f["kind"] == "opinion"][:2]
    offers = [f for f in fields["motivations"]["facts"] if f["kind"] == "above" and of_most(f)][:1]
    if wants:
        names = words.join([say("“{opinion}”", opinion=wording.opinion(f["code"])) for f in wants])
        shares = words.join([share_words(f["share"]) for f in wants])
        told.append((say("Promise"), say("{names} ({shares} of those asked care more than the mean).", names=names, shares=shares)))
    elif offers:
        about = {"variable": wording.titles[offers[0]["code"]], "share": share_words(offers[0]["share"])}
        told.append((say("Promise"), say("a price advantage ({variable}: {share} of them above the mean).", **about)))
    cold = [f for f in fields["brakes"]["facts"] if f["kind"] == "opinion"][:2]
    if cold:
        names = words.join([say("“{opinion}”", opinion=wording.opinion(f["code"])) for f in cold])
        shares = words.join([share_words(f["share"]) for f in cold])
        told.append((say("Leave out"), say("{names} ({shares} of those asked care less than the mean).", names=names, shares=shares)))
    return [*told, *_typed(fields), *_sending(fields, wording), *_doubt(fields, wording)]


def _typed(fields: dict) -> list[tuple[str, str]]:
    """What people typed where the data's own words would have led: it stands beside them, and says what it is."""
    told = [fields[name] for name in ("interests", "goals", "motivations", "brakes") if fields[name]["origin"] == "edited"]
    return [(say("As typed"), words.text(field["text"])) for field in told]


def _sending(fields: dict, wording: Wording) -> list[tuple[str, str]]:
    """Through which channel, for which screen, when."""
    parts = []
    allowed = next((f for f in fields["media"]["facts"] if f["kind"] == "consent"), None)
    if allowed:
        share = share_words(allowed["share"])
        parts.append(say("by {channel}, which {share} allow", channel=wording.channel(allowed["code"]), share=share))
    device = next((f for f in fields["path"]["facts"] if f["code"] == "main_device"), None)
    if device:
        share = share_words(device["share"])
        parts.append(say("to be read on {device} ({share})", device=wording.levels(device), share=share))
    times = {
        "evening_order_share": say("timed for the evening"),
        "morning_order_share": say("timed for the morning"),
        "weekend_order_share": say("timed for the weekend"),
    }
    habits = [f for f in fields["path"]["facts"] if f["code"] in times]
    habit = next((f for f in habits if f["share"] == "most" or f["share"] > 0.5), None)
    if habit:
        told, share = times[habit["code"]], share_words(habit["share"])
        parts.append(say("{time} ({share} order mostly then)", time=told, share=share))
    return [(say("Send"), ", ".join(parts) + say("."))] if parts else []


def _doubt(fields: dict, wording: Wording) -> list[tuple[str, str]]:
    """The bracket that is most often mistaken for all members."""
    known = [(f, name) for name in ("age", "household", "career") for f in fields[name]["facts"] if f["kind"] == "level"]
    wide = [(f, name) for f, name in known if not isinstance(f["share"], str) and 0.5 < f["share"] < NARROW]
    if not wide:
        return []
    fact, name = min(wide, key=lambda pair: pair[0]["share"])
    about = {"fact": wording.fact(fact, name), "share": share_words(fact["share"]), "rest": words.share(1 - round(fact["share"], 2), 0)}
    return [(say("Do not assume"), say("{fact}: true of {share}, so wrong for {rest}.", **about))]


def _brief(persona: dict, wording: Wording) -> str:
    rows = "".join(f"<div><dt>{escape(what)}</dt><dd>{escape(told)}</dd></div>\n" for what, told in brief(persona, wording))
    whom = escape(say("For whoever writes to them"), quote=True)
    return f'<dl class="persona-brief" aria-label="{whom}">\n{rows}</dl>\n' if rows else ""


# Who stands for whom


def coverage_table(found: dict, profiles: dict, project: Project, foreseen: Foreseen | None = None) -> Table:
    """Each persona with its segments and their share of customers and revenue, then what no persona stands for.

    foreseen   result of `build.ahead.foresee`, for value ahead and risk; the first sheet of the hand-out has no room for them
    """
    known, rows = {s["id"]: s for s in profiles["segments"]}, []
    for persona in found["personas"]:
        origins = [field["origin"] for field in persona["fields"].values()]
        counts = {"data": sum(o in ("observed", "declared") for o in origins), "empty": origins.count("unknown")}
        name = say("{name}, the ideal customer", name=persona_name(persona)) if persona["ideal"] else persona_name(persona)
        names = words.join([segment_name(known[s]) for s in persona["segments"]])
        rows.append({"name": name, "segments": names} | _money(persona, persona["n"]) | counts | ahead_of(persona, foreseen))
    left = found["without"]
    if left["segments"]:
        names = words.join([segment_name(known[s]) for s in left["segments"]])
        rows.append({"name": say("No persona"), "segments": names} | _money(left, left["n"]) | ahead_of(left, foreseen))
    columns = [
        Column("name", say("Persona")),
        Column("segments", say("Stands for")),
        Column("n", say("Customers"), "count"),
        Column("customers", say("Share of customers"), "share", 0),
        Column("revenue", say("Share of revenue"), "share", 0),
        Column("each", say("Revenue each, 30 days"), "money", 0),
        *ahead_columns(rows, project),
        Column("data", say("Fields from data"), "number"),
        Column("empty", say("Fields left empty"), "number"),
    ]
    frame = pd.DataFrame(rows, columns=[c.name for c in columns])
    note = say(
        "Of {n} fields a card; the others are invented or typed. The ideal customer is the persona whose members bring most revenue each.",
        n=words.number(len(PERSONA_FIELDS)),
    )
    note = " ".join([note, *ahead_note(foreseen)])
    return Table("personas", say("Which persona stands for whom"), frame, columns, note=note, cell_size="n")


def _money(group: dict, n: int) -> dict:
    each = group.get("revenue_per_30d", {}).get("value")
    return {"n": n, "customers": group["share_of_customers"], "revenue": group["share_of_revenue"], "each": each}


def finding(found: dict, profiles: dict) -> str:
    """What the section found, in a sentence or two."""
    if not found["personas"]:
        return lead(found, profiles)
    fields = [field["origin"] for persona in found["personas"] for field in persona["fields"].values()]
    firm = sum(origin in ("observed", "declared") for origin in fields)
    values = {"known": words.number(firm), "all": words.number(len(fields)), "empty": words.number(fields.count("unknown"))}
    told = say("Of {all} fields {known} rest on data and {empty} stay empty.", **values)
    return f"{lead(found, profiles)} {told}"


def caveats(found: dict, project: Project) -> list[str]:
    """What could mislead whoever writes for a persona, each with its size."""
    people, told = found["personas"], []
    first = people[0] if people else None
    if first and first["ideal"] and first["sure"] is False:
        told.append(say("Whether {name} or the next is worth more cannot be told: the intervals meet.", name=persona_name(first)))
    left = found["without"]
    if left["segments"] and people and left["n"] >= project.min_cell:
        about = {"share": words.share(left["share_of_customers"], 0), "revenue": words.share(left["share_of_revenue"], 0)}
        told.append(say("No persona stands for {share} of customers, who bring {revenue} of revenue.", **about))
    if 0 < len(people) < 3:
        told.append(say("Fewer than three personas: three to five are easier to keep in mind and leave fewer customers out."))
    if found["twice"]:
        told.append(say("Several personas stand for {segments}: writers must choose one.", segments=words.join(found["twice"])))
    gone = sorted({s for persona in people for s in persona["missing"]})
    if gone:
        told.append(say("Personas are typed for {ids}, which step 6 did not build.", ids=words.join(gone)))
    if any(f["kind"] == "opinion" for p in people for field in p["fields"].values() for f in field["facts"]):
        told.append(say("What moves them is said by those who answered the survey: few, and not the average customer."))
    if found["special"]:
        names = words.join(found["special"])
        told.append(say("Not used, for they speak of beliefs, health or the like: {names}.", names=names))
    if found["hidden"]:
        told.append(
            say_n(
                "{n} figure is held back: it would give a few customers away.",
                "{n} figures are held back: they would give a few customers away.",
                found["hidden"],
            )
        )
    told.append(say("Differences are tested for all lines of all cards together (95% intervals after Bonferroni)."))
    return told
