"""Names suggested from what distinguishes a segment, in both languages, and the lines of project.yml that would type them."""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager

from helpers import words
from helpers.build.choice import NAMED_FROM, place
from helpers.build.inputs import Column, columns
from helpers.masking import withheld
from helpers.project import Project
from helpers.variables import Variable
from helpers.variables.catalogue import GroupShare, ScaleMeasure
from helpers.variables.people_page import attribute_words, level_words
from helpers.words import LANGUAGES, THIN, mark, say

TOLD = 3
"""Traits in the one-line definition at most."""
LEVEL_FROM, SURE = 0.5, 0.05
"""Standard deviations by which a level of a descriptor must be more frequent to make a name, and its p after Holm's correction."""
LONGEST = 6
"""Words of a name at most, where the first of its two features is not longer by itself."""
WAYS = {
    "channel_groups": (mark("through {group}"), mark("rarely through {group}")),
    "device_groups": (mark("with {group}"), mark("rarely with {group}")),
}
"""Shares that tell by which way somebody comes: much of it, little of it."""
SHORT = {
    "recency_days": (mark("absent of late"), mark("here of late")),
    "gap_days": (mark("long pauses"), mark("short pauses")),
    "orders_per_30d": (mark("frequent orders"), mark("rare orders")),
    "active_weeks_share": (mark("here week after week"), mark("here in few weeks")),
    "spend_per_30d": (mark("high spend"), mark("low spend")),
    "spend_per_order": (mark("large baskets"), mark("small baskets")),
    "lines_per_order": (mark("many products at once"), mark("few products at once")),
    "departments": (mark("many departments"), mark("few departments")),
    "discount_share": (mark("discounts"), mark("full price")),
    "coupon_order_share": (mark("coupons"), mark("few coupons")),
    "own_brand_share": (mark("own label"), mark("brands")),
    "weekend_order_share": (mark("weekend orders"), mark("weekday orders")),
    "evening_order_share": (mark("evening orders"), mark("few evening orders")),
    "morning_order_share": (mark("morning orders"), mark("few morning orders")),
    "stores_visited": (mark("many stores"), mark("few stores")),
    "main_store_share": (mark("one main store"), mark("no main store")),
    "spend_trend": (mark("rising spend"), mark("falling spend")),
    "response_rate": (mark("answers to mailings"), mark("few answers to mailings")),
    "coupons_redeemed_per_30d": (mark("campaign coupons"), mark("few campaign coupons")),
    "repeat": (mark("bought again"), mark("bought once")),
    "refund_share": (mark("much refunded"), mark("little refunded")),
    "refund_order_share": (mark("many returns"), mark("few returns")),
    "online_order_share": (mark("online orders"), mark("few online orders")),
    "mobile_share": (mark("visits by mobile phone"), mark("few visits by mobile phone")),
    "visits_per_30d": (mark("frequent visits"), mark("rare visits")),
    "days_since_visit": (mark("no visit of late"), mark("visits of late")),
    "basket_abandon_share": (mark("baskets left"), mark("few baskets left")),
    "mails_opened_share": (mark("mails opened"), mark("few mails opened")),
    "mails_clicked_share": (mark("mails clicked"), mark("few mails clicked")),
    "rating_mean": (mark("good ratings"), mark("poor ratings")),
}
"""What people call much, and little, of the variables of the list; of others the title says it."""
ELISION = re.compile(r"\b(peu )de (?=[aeiouàâéèêîôûœ]|h(?!a))", re.IGNORECASE)


@contextmanager
def speaking(language: str) -> Iterator[None]:
    """Say everything inside in one language, and return to the reader's."""
    before = words.language()
    words.use(language)
    try:
        yield
    finally:
        words.use(before)


def suggestions(
    described: Mapping[str, list[dict]],
    project: Project,
    *,
    descriptors: Mapping[str, list[dict]] | None = None,
    groups: Mapping[str, object] | None = None,
) -> dict[str, dict]:
    """A name for every segment by what it has more or less of than all the others, no two alike.

    described     id → traits [{variable, effect}]
    descriptors   id → tested levels [{attribute, level, share, everyone, p_holm}]
    groups        variable → redundancy group: variables that say the same do not stand side by side in a name
    Returns       id → {name {en, fr}, in_short {en, fr}, expect {variable: high or low}}: what build.segments of project.yml takes
    """
    features = {one: _features(described[one], (descriptors or {}).get(one, [])) for one in sorted(described, key=place)}
    picked = {one: _brief(chosen, project) for one, chosen in _picked(features, groups or {}).items()}
    said = {language: _all_names(picked, project, language) for language in LANGUAGES}
    result = {}
    for one, chosen in picked.items():
        told = [key for key, value in sorted(features[one].items(), key=lambda f: (-f[1], f[0])) if value >= NAMED_FROM]
        told = _apart(told, groups or {}, TOLD)
        result[one] = {
            "name": {language: said[language][one] for language in LANGUAGES},
            "in_short": {language: _in_short(told, project, language) for language in LANGUAGES},
            "expect": {name: way for name, way in chosen if way in ("high", "low")},
        }
    return result


def to_type(profiles: dict, project: Project) -> str:
    """The lines of project.yml that give suggested names to segments that have none, ready to paste; a sentence when all have names."""
    open_ones = [s for s in profiles["segments"] if s["name"] is None and s.get("suggested") and not withheld(s, project.min_cell)]
    if not open_ones:
        return say("Nothing to type: every segment that may be described has a name that fits.")
    lines = ["build:", "  segments:  # " + say("in place of what stands there for these segments; change what you like")]
    for segment in open_ones:
        found = segment["suggested"]
        lines += [f"    {segment['id']}:", f"      name: {_flow(found['name'])}", f"      in_short: {_flow(found['in_short'])}"]
        expected = ", ".join(f"{name}: {way}" for name, way in found["expect"].items())
        lines += [f"      expect: {{{expected}}}"] if expected else []
    return "\n".join(lines)


def _flow(prose: Mapping[str, str]) -> str:
    """Prose in both languages as one line of YAML."""
    return "{" + ", ".join(f"{language}: {json.dumps(text, ensure_ascii=False)}" for language, text in prose.items()) + "}"


def _features(traits: list[dict], levels: list[dict]) -> dict[tuple[str, str], float]:
    """What may name a segment → by how many standard deviations: (variable, high or low), or (attribute, "=" and the level)."""
    found = {}
    for trait in traits:
        for way, sign in (("high", 1), ("low", -1)):
            found[trait["variable"], way] = sign * (trait["effect"] or 0.0)
    for told in levels:
        spread = (told["everyone"] * (1 - told["everyone"])) ** 0.5
        effect = (told["share"] - told["everyone"]) / spread if spread else 0.0
        if effect >= LEVEL_FROM and told["p_holm"] <= SURE:
            found[told["attribute"], f"={told['level']}"] = effect
    return found


def _picked(features: dict[str, dict], groups: Mapping[str, object]) -> dict[str, list[tuple[str, str]]]:
    """Of each segment one or two features in which it is ahead of all others; of one that is ahead in none, its two strongest.

    Only one segment is ahead in a feature, so that no two names can be the same.
    """
    result = {}
    for one, own in features.items():
        ahead = {}
        for key, value in own.items():
            margin = value - max((other.get(key, 0.0) for name, other in features.items() if name != one), default=0.0)
            if value >= NAMED_FROM and margin > 0:
                ahead[key] = margin
        measured = [key for key in ahead if not key[1].startswith("=")]  # of which it can be checked later whether the name still fits
        order = sorted(measured or ahead, key=lambda key: (-ahead[key], key))
        order = [key for key in order if ahead[key] >= ahead[order[0]] / 2]  # the second only where it tells about as much
        if not order:
            order = sorted((key for key in own if own[key] >= NAMED_FROM), key=lambda key: (-own[key], key))
        result[one] = _apart(order, groups, 2)
    return result


def _apart(keys: Sequence[tuple[str, str]], groups: Mapping[str, object], most: int) -> list[tuple[str, str]]:
    """The first `most` that do not say the same as one before."""
    kept: list[tuple[str, str]] = []
    taken: set = set()
    for key in keys:
        group = ("group", groups[key[0]]) if key[0] in groups else key[0]
        if len(kept) < most and group not in taken:
            kept.append(key)
            taken.add(group)
    return kept


def _all_names(picked: dict[str, list], project: Project, language: str) -> dict[str, str]:
    """The names in one language; two that read alike all the same have their ids behind."""
    with speaking(language):
        names = {one: _name(chosen, project) for one, chosen in picked.items()}
    twice = {name for name in names.values() if list(names.values()).count(name) > 1}
    return {one: _plain(f"{name} ({one})" if name in twice else name) for one, name in names.items()}


def _name(chosen: list[tuple[str, str]], project: Project) -> str:
    """One or two features as a name: what is bought or said first, and by which way last."""
    if not chosen:
        return say("Close to the average")
    known = columns(project, [name for name, _ in chosen])
    ordered = sorted(chosen, key=lambda feature: _by_a_way(known[feature[0]].variable))  # stable: the stronger first
    parts = [_phrase(known[name], way) for name, way in ordered]
    if len(parts) == 2 and _by_a_way(known[ordered[1][0]].variable) and not _by_a_way(known[ordered[0][0]].variable):
        return _capital(" ".join(parts) if ordered[1][1] == "high" else ", ".join(parts))
    return _capital(words.join(parts) if words.join(["", ""]) not in parts[0] else ", ".join(parts))


def _brief(chosen: list[tuple[str, str]], project: Project) -> list[tuple[str, str]]:
    """Without the second feature where both make a name of too many words, in whatever language comes first."""
    with speaking(LANGUAGES[0]):
        return chosen if len(_name(chosen, project).split()) <= LONGEST else chosen[:1]


def _by_a_way(variable: Variable | None) -> bool:
    """Whether a variable tells by which channel, or with which device, and not what."""
    return isinstance(variable, GroupShare) and variable.of in WAYS


def _phrase(column: Column, way: str) -> str:
    """What a segment has much or little of, as people would say it, to stand within a name."""
    variable = column.variable
    if way.startswith("="):
        return _level(column.name, way)
    if isinstance(variable, GroupShare):
        group = words.text(variable.group)
        if way == "high":
            return say(WAYS[variable.of][0], group=group) if variable.of in WAYS else _small(group)
        if variable.of in WAYS:
            return say(WAYS[variable.of][1], group=group)
        few = say("few {group}", group=_small(group)) if group.endswith("s") else say("little {group}", group=_small(group))
        return _elided(few)
    if column.name in SHORT:
        text = SHORT[column.name][way == "low"]
        return say(text)
    title = _small(column.title())
    if isinstance(variable, ScaleMeasure):
        title = _small(title.rpartition(":")[2].strip())  # "Need: save time" is one of several needs
        return title if way == "high" else say("without: {title}", title=title)
    return say("high {title}", title=title) if way == "high" else say("low {title}", title=title)


def _small(text: str) -> str:
    """As within a sentence; what is written in capitals stays."""
    return text if text[1:2].isupper() else text[:1].lower() + text[1:]


def _elided(text: str) -> str:
    """French "de" before a vowel: peu d’épicerie; a mute h is taken for one, but not before "ha" (haricots)."""
    return ELISION.sub("\\1d’", text) if words.language() == "fr" else text


def _in_short(told: list[tuple[str, str]], project: Project, language: str) -> str:
    """One line that says what the members are like."""
    with speaking(language):
        if not told:
            return _plain(say("no trait stands out"))
        ways = {way: [_title(name, project).lower() for name, its in told if its == way] for way in ("high", "low")}
        parts = [say("{traits} above everyone’s mean", traits=words.join(ways["high"]))] if ways["high"] else []
        parts += [say("{traits} below everyone’s mean", traits=words.join(ways["low"]))] if ways["low"] else []
        levels = [_level(name, way) for name, way in told if way.startswith("=")]
        return _plain("; ".join(parts + ([say("more often {levels}", levels=words.join(levels))] if levels else [])))


def _level(attribute: str, way: str) -> str:
    return say("{attribute}: {level}", attribute=attribute_words(attribute).lower(), level=level_words(attribute, way[1:]))


def _title(name: str, project: Project) -> str:
    return columns(project, [name])[name].title()


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def _plain(text: str) -> str:
    """As typed in project.yml: spaces are made narrow when it is shown."""
    return text.replace(THIN, " ")
