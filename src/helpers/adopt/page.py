"""What the page of step 7 says: the cards, who does what, how belonging is decided, and what could mislead."""

import os
from html import escape

import pandas as pd

from helpers import words
from helpers.adopt.adoption_page import adoption_todo, adoption_words
from helpers.adopt.belonging import rule_words
from helpers.adopt.dictionary_page import dictionary_table
from helpers.adopt.names import NAMES, beside, how
from helpers.adopt.personas.facts import origin_of
from helpers.adopt.teams.sheets import owner
from helpers.build import ahead_page
from helpers.build.portraits import in_short, segment_name, titles
from helpers.project import Project
from helpers.project.adopting import TEAMS
from helpers.tables import Column, Table, place_on_page
from helpers.variables import catalogue
from helpers.variables.people_page import attribute_words, level_words
from helpers.words import NONE, mark, say, say_n

__all__ = [
    "NAMES",
    "actions_table",
    "actions_words",
    "beside",
    "card_html",
    "caveats",
    "dictionary_table",
    "how",
    "not_built",
    "rule_words",
    "show_cards",
    "summary",
]
DESCRIBED = 8
"""Lines of a card that say who they are; step 6 has the others."""
BEYOND = {"most": mark("nearly all of them {side}"), "few": mark("a few of them far {side}")}


# The cards


def show_cards(cards: dict, project: Project) -> None:
    """Show one card per segment."""
    inner = "".join(card_html(card, cards, project) for card in cards["segments"])
    page = f'{_style_in_lab()}<div class="portraits">\n{inner}</div>\n'
    place_on_page({"text/html": page, "text/plain": say("One card per segment")})


def card_html(card: dict, cards: dict, project: Project) -> str:
    """One card: name and colour, size and money, traits, who they are, what is done and by whom; each with where it comes from."""
    name = escape(segment_name(card))
    head = f'<section class="portrait" style="--segment: {card["colour"]}">\n<h3>{name}</h3>\n'
    if not card["shown"]:
        return head + _line(say("Not shown: too few customers, or it would give another’s away."), "portrait-few") + "</section>\n"
    if card["fits"] is False:
        head += _line(say("The name typed for it does not fit and is withdrawn."), "portrait-short")
    short = in_short(card | {"traits": card["strongest"]}, project)
    if short:
        head += f'<p class="portrait-short">{escape(short)} {_origin("typed" if words.text(card["in_short"]) else "observed")}</p>\n'
    parts = [
        _figures(card, cards, project),
        _block(say("What they are like"), "observed", _traits(card, project)),
        _block(say("Who they are"), "declared", _who(card, project)),
        _block(say("What is done for them, and by whom"), "typed", _action(card)),
    ]
    return head + "".join(parts) + "</section>\n"


def _origin(kind: str) -> str:
    told = {"observed": say("observed"), "declared": say("declared"), "typed": say("typed")}
    return f'<span class="portrait-origin">{escape(told[kind])}</span>'


def _line(sentence: str, kind: str = "") -> str:
    return f'<p class="{kind}">{escape(sentence)}</p>\n' if kind else f"<p>{escape(sentence)}</p>\n"


def _block(heading: str, kind: str, inner: str) -> str:
    return f"<h4>{escape(heading)} {_origin(kind)}</h4>\n{inner}"


def _figures(card: dict, cards: dict, project: Project) -> str:
    each, later = card["revenue_per_30d"], card["active_later"]
    revenue = say("cannot tell") if each["value"] is None else words.money(each["value"], 0)
    spread = [say("everyone {mean}", mean=words.money(cards["revenue_per_30d"], 0))] if cards["revenue_per_30d"] is not None else []
    if each["low"] is not None:
        spread.append(say("95% interval {low} to {high}", low=words.money(each["low"], 0), high=words.money(each["high"], 0)))
    share = card["share_of_revenue"]
    rows = [
        (say("Customers"), words.number(card["n"]), say("{share} of all", share=words.share(card["share_of_customers"], 0))),
        (say("Revenue each, 30 days"), revenue, say("; ").join(spread)),
        (say("Share of revenue"), say("cannot tell") if share is None else words.share(share, 0), ""),
        (say("Bought again"), words.share(later["share"], 0) if later else NONE, _again(card)),
        *_ahead(card, project),
    ]
    items = "".join(
        f"<div><dt>{escape(label)}{f' <small>{escape(note)}</small>' if note else ''}</dt><dd>{escape(value)}</dd></div>\n"
        for label, value, note in rows
    )
    return f'<p class="portrait-origins">{_origin("observed")}</p>\n<dl class="figures">\n{items}</dl>\n'


def _ahead(card: dict, project: Project) -> list[tuple[str, str, str]]:
    """What step 4 predicts of one member, with the interval over members and the grade."""
    rows = []
    for column, figure in (card.get("ahead") or {}).items():
        money = column == "expected_value"
        name = ahead_page.value_name(project) if money else ahead_page.risk_name(project)
        told = [say("predicted"), ahead_page.told_grade(figure["grade"]), ahead_page.interval_words(figure, money=money)]
        rows.append((name, ahead_page.written(figure["value"], money=money), say("; ").join(filter(None, told))))
    return rows


def _again(card: dict) -> str:
    """What stands beside the share that bought again: why there is none, where there is none."""
    if card["active_later"]:
        return say("in the following period")
    return say("cannot tell, or true of nearly all or nearly none")


def _traits(card: dict, project: Project) -> str:
    known = {v.name: v for v in catalogue(project)}
    told = [(known[t["variable"]], t) for t in card["traits"] if t["variable"] in known]
    if not told:
        return _line(say("Nothing sets them apart from everyone."))
    colon = say(": ")
    items = "".join(
        f"<li><b>{escape(variable.title())}</b>{colon}{escape(how(trait['mean'], trait['everyone'], variable))} "
        f"({escape(beside(trait['mean'], trait['everyone'], variable))}) <small>{escape(_shared(trait))}</small></li>\n"
        for variable, trait in told
    )
    return f"<ul>\n{items}</ul>\n"


def _shared(trait: dict) -> str:
    side = say("above everyone’s mean") if trait["mean"] >= trait["everyone"] else say("below everyone’s mean")
    if trait["beyond"] in BEYOND:
        told = BEYOND[trait["beyond"]]
        return say(told, side=side)
    return say("{share} of them {side}", share=words.share(trait["beyond"], 0), side=side)


def _who(card: dict, project: Project) -> str:
    if card["described"] is None:
        return _line(say("Not known: too few of them are described."))
    values = {"n": words.number(card["described"]), "all": words.number(card["n"])}
    nearly = 0 < card["n"] - card["described"] < project.min_cell
    about = say("Known for nearly all of {all}.", **values) if nearly else say("Known for {n} of {all}.", **values)
    if not card["descriptors"]:
        return _line(about + " " + say("Nothing differs from everyone described beyond chance."))
    shown = _telling(card["descriptors"])
    items = "".join(f"<li>{escape(_level(d))}{_seen(d)}</li>\n" for d in shown)
    left = len(card["descriptors"]) - len(shown)
    more = say_n("One smaller difference is left to step 6.", "{n} smaller differences are left to step 6.", left) if left else ""
    return f"<p>{escape(about)}</p>\n<ul>\n{items}</ul>\n" + (_line(more, "portrait-more") if more else "")


def _telling(descriptors: list[dict]) -> list[dict]:
    """The largest differences, and of what is named or not named what is named: “no” says the same once more."""
    both = {d["attribute"] for d in descriptors if d["level"] == "yes"}
    kept = [d for d in descriptors if d["level"] != "no" or d["attribute"] not in both]
    return sorted(kept, key=lambda d: (-abs(d["share"] - d["everyone"]), d["attribute"], d["level"]))[:DESCRIBED]


def _level(descriptor: dict) -> str:
    return say(
        "{attribute} {level}: {n} members, {share} of those described, against {everyone} of everyone described",
        attribute=attribute_words(descriptor["attribute"]),
        level=level_words(descriptor["attribute"], descriptor["level"]),
        n=words.number(descriptor["n"]),
        share=words.share(descriptor["share"], 0),
        everyone=words.share(descriptor["everyone"], 0),
    )


def _seen(descriptor: dict) -> str:
    """The mark of what was counted and not told by anybody, which stands among what was."""
    return f" {_origin('observed')}" if origin_of(descriptor["attribute"]) == "observed" else ""


def _action(card: dict) -> str:
    action = card["action"]
    if not action:
        return _line(say("Nothing is typed yet."))
    team = NAMES[action["team"]]
    who = say("{role}, for {team}", role=words.text(action["owner"]), team=say(team))
    doubt = escape(say("Typed for a name that no longer fits: read it again."))
    doubt = f" <small>{doubt}</small>" if card["fits"] is False else ""
    return f"<p><b>{escape(words.text(action['action']))}</b> – {escape(who)}.{doubt}</p>\n"


# Who does what, and who belongs


def actions_table(cards: dict, project: Project) -> Table:
    """What is typed for each segment, for which team, and who answers; a line an action."""
    rows = []
    for card in cards["segments"]:
        for typed in project.adopt.actions.get(card["id"]) or [None]:
            row = {"name": segment_name(card), "action": words.text(typed.action) if typed else say("nothing typed")}
            rows.append(row | {"team": say(NAMES[typed.team]) if typed else None, "owner": words.text(typed.owner) if typed else None})
    columns = [
        Column("name", say("Segment")),
        Column("action", say("What is done")),
        Column("team", say("Team")),
        Column("owner", say("Answers for it")),
    ]
    frame = pd.DataFrame(rows, columns=[c.name for c in columns])
    return Table("actions", say("What is done for whom, as typed in project.yml"), frame, columns)


def actions_words(cards: dict, project: Project) -> str:
    """Which segments have no action, and which sheets nobody answers for."""
    without, alone = _without_action(cards, project), _without_owner(project)
    parts = [say("Every segment has an action.")] if not without else []
    if without:
        parts.append(say_n("Nothing is typed for {names}.", "Nothing is typed for {names}.", len(without), names=words.join(without)))
    if alone:
        parts.append(say("Nobody answers yet for the sheets of {teams}.", teams=words.join(alone)))
    return " ".join(parts)


def _without_action(cards: dict, project: Project) -> list[str]:
    return [segment_name(card) for card in cards["segments"] if card["id"] not in project.adopt.actions]


def _without_owner(project: Project) -> list[str]:
    return [say(NAMES[team]) for team in TEAMS if not owner(team, project)]


def not_built(typed: dict, cards: dict) -> list[str]:
    """Segments for which something is typed and that step 6 did not build."""
    return [segment for segment in typed if segment not in {card["id"] for card in cards["segments"]}]


# Limits and summary


def caveats(cards: dict, project: Project) -> list[str]:
    """What could mislead, each with the size of its effect."""
    shown = [card for card in cards["segments"] if card["shown"]]
    named = titles(project)
    result = []
    first = ((c, t) for c in shown for t in c["traits"][:1] if t["beyond"] not in BEYOND)
    loosest = min(first, key=lambda pair: (pair[1]["beyond"], pair[0]["id"]), default=None)
    if loosest:
        card, trait = loosest
        result.append(
            say(
                "A card describes a mean, not a person. On the strongest trait of “{name}” ({trait}), {share} of its customers lie on "
                "the same side of everyone’s mean as the segment; the others do not.",
                trait=named.get(trait["variable"], trait["variable"]).lower(),
                share=words.share(trait["beyond"], 0),
                name=segment_name(card),
            )
        )
    people, some = (sum(card[what] or 0 for card in shown) for what in ("n", "described"))
    if some < people:  # where all are described, there are no others
        known = {segment_name(card): (card["described"] or 0) / card["n"] for card in shown}
        least, most = min(known, key=known.get), max(known, key=known.get)
        told = {segment_name(card): _part(card["described"] or 0, card["n"], project) for card in shown}
        result.append(
            say(
                "“Who they are” rests on the {share} of customers who are described: {low} in “{least}”, {high} in “{most}”. Whether the "
                "others are alike, nobody knows.",
                share=_part(some, people, project),
                least=least,
                low=told[least],
                most=most,
                high=told[most],
            )
        )
    result.append(
        say(
            "Names are memory aids typed by people, and so is “in short” unless it is marked as observed. A name that no longer fits the "
            "figures is withdrawn."
        )
    )
    missing = not_built(project.adopt.actions, cards)
    if missing:
        result.append(say("Actions are typed for {ids}, which step 6 did not build: they are shown nowhere.", ids=words.join(missing)))
    hidden = len(cards["segments"]) - len(shown)
    if hidden:
        result.append(
            say_n(
                "{n} segment has only its name here: too few customers, or it would give another’s away.",
                "{n} segments have only their names here: too few customers, or they would give another’s away.",
                hidden,
            )
        )
    return result


def _part(n: int, whole: int, project: Project) -> str:
    """A share of customers, a lower bound where those left out are too few."""
    if 0 < whole - n < project.min_cell:
        return say("more than {share}", share=words.share(max(whole - project.min_cell, 0) * 100 // whole / 100, 0))
    return words.share(n / whole, 0)


def summary(cards: dict, project: Project, adoption: dict | None = None) -> dict:
    """Headline, points, figures, what is not known and what to do.

    adoption   what `adopt.adoption` gives; None: not looked at
    """
    k, without, alone = len(cards["segments"]), _without_action(cards, project), _without_owner(project)
    values = {"k": words.number(k), "acted": words.number(k - len(without))}
    headline = (
        say("All {k} segments have an action and a role that answers for it.", **values)
        if not without
        else say("Segments with an action and a role that answers for it: {acted} of {k}.", **values)
    )
    figures = [
        (say("Segments with a card"), words.number(sum(card["shown"] for card in cards["segments"]))),
        (say("Segments with an action"), say("{acted} of {k}", **values)),
        (say("Sheets with an owner"), say("{acted} of {k}", acted=len(TEAMS) - len(alone), k=len(TEAMS))),
    ]
    points = [say("Each team has one sheet in its own words: {teams}.", teams=words.join([say(NAMES[team]) for team in TEAMS]))]
    todo = []
    if without:
        todo.append(say("Decide what is done for {names}, and who answers: adopt.actions of project.yml.", names=words.join(without)))
    if alone:
        todo.append(say("Name who answers for the sheets of {teams}: adopt.teams of project.yml.", teams=words.join(alone)))
    doubtful = [segment_name(c) for c in cards["segments"] if c["shown"] and c["fits"] is False and c["action"]]
    if doubtful:
        todo.append(say("Read the actions for {names} again: they were typed for names that no longer fit.", names=words.join(doubtful)))
    missing = not_built(project.adopt.actions, cards)
    if missing:
        todo.append(say("Take out the actions for {ids}: step 6 did not build these segments.", ids=words.join(missing)))
    unknown = []
    if adoption is None or not adoption["log"]:
        unknown.append(say("Whether anybody decides by the segments: no log of decisions that used them is in these data."))
    if adoption is None:
        todo.append(say("Keep a log of decisions that used a segment, so that the next review can tell whether the segments are used."))
        return {"headline": headline, "points": points, "figures": figures, "unknown": unknown, "todo": todo}
    points += [adoption_words(adoption)] if adoption["log"] else []
    figures += [(say("Teams that decide with segments"), _used(adoption))]
    todo += adoption_todo(adoption)
    return {"headline": headline, "points": points, "figures": figures, "unknown": unknown, "todo": todo}


def _used(adoption: dict) -> str:
    """Teams that decided with a segment, of all that have a sheet; nobody can tell without a log."""
    if not adoption["log"]:
        return say("cannot tell")
    acted = words.number(sum(each["with_segments"] > 0 for each in adoption["teams"]))
    return say("{acted} of {k}", acted=acted, k=words.number(len(adoption["teams"])))


def _style_in_lab() -> str:
    return "" if "NINEFOLD_RUN" in os.environ else _LAB_STYLE


_LAB_STYLE = """<style>
.portrait { max-width: 50em; border: 1px solid #D6D9DD; border-left: .6em solid var(--segment); padding: .8em 1.2em; margin: 0 0 1em }
.portrait .figures { display: flex; flex-wrap: wrap; gap: .5em 2em; margin: .5em 0 }
.portrait .figures > div { display: flex; flex-direction: column-reverse }
.portrait dd { margin: 0; font-size: 1.3em; font-weight: 700 }
.portrait small, .portrait-origin, .portrait-short { color: #5B5B5B } .portrait-origin { font-size: .8em; font-weight: 400 }
</style>
"""
