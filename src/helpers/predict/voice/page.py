"""What the pages say of comments: what they are about, how far the reading can be trusted, and which segment speaks of what."""

import math

import pandas as pd

from helpers import words
from helpers.build.portraits import label, segment_name, short_name
from helpers.predict.grades import GRADED, NONE
from helpers.predict.voice.accuracy import LEAST
from helpers.project import Project
from helpers.rates import quantile
from helpers.tables import Column, Table, nothing
from helpers.words import mark, say, say_n

MOST_NAMED = 4
"""Themes that the title names, where they are spoken of alike."""
MATTERS = {
    "delivery": mark("Delivery"),
    "price": mark("Price"),
    "taste": mark("Taste"),
    "fresh": mark("Freshness"),
    "packaging": mark("Packaging"),
    "site": mark("Site and app"),
    "people": mark("Service"),
    "returns": mark("Returns and refunds"),
    "size": mark("Size and cut"),
    "wear": mark("Wear"),
    "choice": mark("Choice"),
    "cooking": mark("Recipes and workshops"),
    "place": mark("The place"),
}
LANGUAGES = {"fr": mark("French"), "en": mark("English"), "other": mark("another language"), "unknown": mark("too short to tell")}
REASONS = {
    "no_comments": mark("No comments: it would take a comments table with a customer, a day and a text."),
    "no_evidence": mark("What comments are about is not known: step four handed nothing over."),
    "few_comments": mark("Not ready: too few comments to find themes in."),
    "languages": mark("Cannot tell: too few comments in French or English, the languages that are read."),
    "few_words": mark("Cannot tell: too few words are said by several customers for themes to be found."),
    "unsteady": mark("Cannot tell: two halves of the customers give different themes."),
    "no_themes": mark("Cannot tell: no themes were found in these comments."),
    "examples_low": mark("Moods are not used: the typed examples are not read well enough."),
    "ratings_low": mark("Moods are not used: they do not agree with the customers’ own ratings."),
}
KINDS = {
    "plain": mark("plain"),
    "negated": mark("with a negation"),
    "mixed": mark("praise and blame at once"),
    "fact": mark("without a mood"),
    "irony": mark("ironic"),
    "slang": mark("slang and typing errors"),
    "told": mark("told without a judging word"),
}


def theme_name(theme: dict, project: Project) -> str:
    """What people call a theme (project.yml), else its matter with the customers' two leading words, else three leading words."""
    typed = project.variables.predict.theme_names
    name = next((typed[word] for word in theme["words"] if word in typed), None)
    if name:
        return words.text(name)
    if not theme["matter"]:
        return words.join(theme["words"][:3])
    matter, leading = MATTERS[theme["matter"]], ", ".join(theme["words"][:2])
    return say("{matter} ({words})", matter=say(matter), words=leading)


def theme_title(theme: dict, project: Project) -> str:
    """The same without the words in brackets, where there is little room."""
    typed = any(word in project.variables.predict.theme_names for word in theme["words"])
    if typed or not theme["matter"]:
        return theme_name(theme, project)
    matter = MATTERS[theme["matter"]]
    return say(matter)


def reason_words(evidence: dict) -> str:
    """Why there are no themes, or no moods: one sentence each."""
    told = [REASONS[code] for code in evidence["reasons"] if code in REASONS]
    return " ".join(say(sentence) for sentence in told)


def told_themes(evidence: dict) -> list[dict]:
    """The themes whose figures may be told, the most frequent first."""
    return sorted((one for one in evidence["themes"] if one["n"] is not None), key=lambda one: (-one["n"], one["theme"]))


# Step 4


def themes_frame(evidence: dict, project: Project) -> pd.DataFrame:
    """label, value (share of all comments) and n (customers) of each theme."""
    rows = [{"label": theme_name(one, project), "value": one["share"], "n": one["customers"]} for one in told_themes(evidence)]
    return pd.DataFrame(rows, columns=["label", "value", "n"])


def themes_words(evidence: dict, project: Project) -> dict:
    """What is written around the chart of themes."""
    told = told_themes(evidence)
    if not told:
        return nothing("themes", reason_words(evidence) or say("Cannot tell: no theme is spoken of by enough customers."))
    first, least = told[0], told[-1]
    alike = [one for one in told if first["n"] - one["n"] <= quantile() * math.sqrt(first["n"] + one["n"])]  # no more often beyond chance
    title = say("Comments speak most of: {themes}", themes=words.join([theme_title(one, project) for one in alike[:MOST_NAMED]]))
    if len(alike) > MOST_NAMED or len(alike) == len(told) > 1:
        title = say("Comments speak of many things, none of them clearly most")
    comments, people = words.number(evidence["comments"]), words.number(evidence["customers"])
    alt = say(
        "The most frequent theme, {first}, takes {share} of comments, the least frequent, {last}, {least}.",
        first=theme_name(first, project), share=words.share(first["share"], 0),
        last=theme_name(least, project), least=words.share(least["share"], 0),
    )  # fmt: skip
    return {
        "name": "themes",
        "title": title,
        "subtitle": say("Share of all comments by theme; each comment has one at most. In brackets, the customers’ own leading words."),
        "alt": alt,
        "source": say("{comments} comments of {people} customers", comments=comments, people=people),
    }


def themes_table(evidence: dict, project: Project) -> Table:
    """Every theme: its words, who speaks of it, and in what mood."""
    rows = [
        {"name": theme_title(one, project), "words": ", ".join(one["words"])}
        | {key: one[key] for key in ("n", "customers", "content", "not_content", "rating")}
        for one in told_themes(evidence)
    ]
    columns = [
        Column("name", say("Theme")),
        Column("words", say("Leading words")),
        Column("n", say("Comments"), "count"),
        Column("customers", say("Customers"), "count", people=True),
        Column("content", say("Content"), "share"),
        Column("not_content", say("Not content"), "share"),
        Column("rating", say("Mean rating"), "number", 2),
    ]
    note = say("Content, not content: by the words used; the rest is neither.") if rows else ""
    if rows and evidence["unclear"] is not None:
        unclear = say_n("{n} comment has no clear theme.", "{n} comments have no clear theme.", evidence["unclear"])
        note = f"{note} {unclear}"
    note = f"{note} {_unnamed(evidence, project)}".strip()
    return Table("themes_table", say("What comments are about, and in what mood"), pd.DataFrame(rows, columns=[c.name for c in columns]),
                 columns, note=note, cell_size="customers")  # fmt: skip


def _unnamed(evidence: dict, project: Project) -> str:
    """Which typed names of themes name none; "" where each names one."""
    said = {word for one in evidence["themes"] for word in one["words"]}
    idle = [f"“{words.text(word)}”" for word in project.variables.predict.theme_names if word not in said]
    if not idle:
        return ""
    return say("variables.predict.theme_names names {words}, which leads no theme here: nothing is renamed.", words=words.join(idle))


def trust(evidence: dict) -> list[str]:
    """How far the reading can be trusted, a sentence each: languages, themes, moods; nothing where there are no comments."""
    if evidence["status"] == NONE or not evidence["moods"]:
        return []
    lines = [_languages(evidence)] + [_steady(code, one) for code, one in evidence["topics"].items()]
    for code, one in evidence["moods"]["languages"].items():
        lines += [_moods(code, one), _hard(code, one["examples"])]
    return lines


def _languages(evidence: dict) -> str:
    every = [(code, n) for code, n in evidence["languages"].items() if n is not None]
    named, few = [], len(every) < len(evidence["languages"])  # beside a few customers' language the others are told roughly
    for code, n in sorted(every, key=lambda one: (-one[1], one[0])):
        name, share = LANGUAGES[code], words.share(n / evidence["comments"], 0 if few else 1)
        named.append(say("{language} {share}", language=say(name), share=share))
    return say("Languages of the comments: {list}.", list=words.join(named))


def _steady(code: str, topic: dict) -> str:
    language = LANGUAGES[code]
    if topic["steady"] is None:
        reason = REASONS[topic["reason"]]
        return say("{language}: {reason}", language=say(language), reason=say(reason))
    sentence = say(
        "{language} themes come back from other customers: two halves agree by {steady}, other starts by {starts} (adjusted Rand index, "
        "nought by chance, one for the same); grade {grade}.",
        language=say(language), steady=words.number(topic["steady"], 2), starts=words.number(topic["starts"], 2),
        grade=topic["grade"] or say("none"),
    )  # fmt: skip
    unsteady = say(
        "Cannot tell: {language} themes do not come back, two halves of the customers agree by {steady} only (adjusted Rand index, nought "
        "by chance, one for the same).",
        language=say(language), steady=words.number(topic["steady"], 2),
    )  # fmt: skip
    return sentence if topic["grade"] else unsteady


def _moods(code: str, one: dict) -> str:
    language, typed, rated = LANGUAGES[code], one["examples"], one["ratings"]
    told = say(
        "{language} moods are read rightly in {share} of typed examples ({interval}), the mean over content, not content and neither, "
        "where chance gives a third; {n} examples, none of them looked at when the word list was mended.",
        language=say(language), share=words.share(typed["balanced"], 0), interval=_interval(typed), n=words.number(typed["n"]),
    )  # fmt: skip
    if rated["reason"] is None:
        told += " " + say(
            "Against ratings of one or two and of four or five, {share} ({interval}), where chance gives a half.",
            share=words.share(rated["balanced"], 0), interval=_interval(rated),
        )  # fmt: skip
    least = words.share(LEAST, 0)
    used = _mood_grade(one["grade"]) if one["used"] else say("That is below {least}: cannot tell, and moods are not used.", least=least)
    return f"{told} {used}"


def _mood_grade(grade: str) -> str:
    """The grade in words; both ends where the interval crosses a border."""
    best, worst = grade[0], grade[-1]
    if best == worst:
        return say("Grade {grade}.", grade=grade)
    return say("Grade {worst} to {best}: the examples are too few to tell it closer.", best=best, worst=worst)


def _hard(code: str, typed: dict) -> str:
    """Which kinds of comments are read wrongly more often than rightly."""
    language, weak = LANGUAGES[code], []
    for kind, (n, right) in typed["kinds"].items():
        if right * 2 < n:
            name = KINDS[kind]
            weak.append(say("{kind} ({right} of {n} right)", kind=say(name), right=words.number(right), n=words.number(n)))
    return say("{language} comments that are mostly misread: {kinds}.", language=say(language), kinds=words.join(weak)) if weak else ""


def _interval(measure: dict) -> str:
    return say("{low} to {high}", low=words.share(measure["low"], 0), high=words.share(measure["high"], 0))


def caveats(evidence: dict) -> list[str]:
    """What could mislead whoever reads the themes."""
    if evidence["status"] != GRADED:
        return []
    people = say_n("{n} customer wrote", "{n} customers wrote", evidence["customers"])
    return [
        say("Whoever writes is not everybody: {people}, more often those who are delighted or angry.", people=people),
        say("The typed examples and the word list are by the same hand: comments of strangers are likely to be read less well."),
        say("A comment has one theme, the one that most of its words belong to; what it says beside that is not counted."),
    ]


# Step 7


def segments_frame(found: dict, evidence: dict, profiles: dict, project: Project) -> pd.DataFrame:
    """Wide: a row a segment, a column a theme; the share of the segment's writers who speak of it, missing where it may not be told."""
    told, shares = told_themes(evidence) if found["segments"] else [], {}
    for one in found["segments"]:
        shares[one["segment"]] = {line["theme"]: line["share"] for line in one["themes"]}
    named = [segment for segment in profiles["segments"] if segment["id"] in shares]
    rows = [[shares[segment["id"]].get(theme["theme"]) for theme in told] for segment in named]
    frame = pd.DataFrame(rows, index=[label(segment) for segment in named], columns=[theme_title(theme, project) for theme in told])
    return frame.astype("float64")


def segments_words(found: dict, evidence: dict, profiles: dict, project: Project) -> dict:
    """What is written around the grid of themes by segment."""
    if not found["segments"]:
        return nothing("themes_by_segment", reason_words(found) or say("Cannot tell: too few members wrote."))
    most = _strongest(found)
    title = say("Segments speak of the same things about as often")
    alt = say("No segment speaks of a theme more often than the others, beyond chance.")
    if most:
        segment, line = most
        name, theme = _name(segment, profiles), _theme(line["theme"], evidence, project)
        title = say("“{segment}” writes more than the others of: {theme}", segment=_heading(segment, profiles), theme=theme)
        share, elsewhere = words.share(line["share"], 0), words.share(line["elsewhere"], 0)
        alt = say(
            "{share} of the writers of “{segment}” speak of {theme}, {elsewhere} of the other segments’ writers.",
            share=share, segment=name, theme=theme, elsewhere=elsewhere,
        )  # fmt: skip
    return {
        "name": "themes_by_segment",
        "title": title,
        "subtitle": say("Share of the members who wrote comments, by theme; one member may speak of several."),
        "alt": alt,
        "source": say("{n} members with a comment", n=words.number(found["customers"])),
    }


def segments_table(found: dict, evidence: dict, profiles: dict, project: Project) -> Table:
    """What each segment speaks of more than the others do, beyond chance, with the mood and quotes."""
    rows = []
    for one in found["segments"]:
        more = sorted((line for line in one["themes"] if line["more"]), key=lambda line: (-line["difference"], line["theme"]))
        rows += [_row(one["segment"], line, evidence, profiles, project) for line in more]
    columns = [
        Column("segment", say("Segment")),
        Column("theme", say("Theme")),
        Column("n", say("Members"), "count", people=True),
        Column("share", say("Of its writers"), "share"),
        Column("elsewhere", say("Of the others’"), "share"),
        Column("interval", say("Difference, points")),
        Column("mood", say("Mood, −1 to 1"), "number", 2),
        Column("rating", say("Mean rating"), "number", 2),
        Column("quotes", say("In their words")),
    ]
    tried = words.number(found["tried"])
    note = say(
        "Beyond chance after Holm’s correction for {tried} comparisons (Fisher’s exact test); difference with its 95% interval (Newcombe). "
        "An association, not a cause. Mood: content less not content. Quotes are cut where a word could give somebody away.",
        tried=tried,
    )
    caption = say("What each segment writes about more than the others")
    return Table(
        "voices", caption, pd.DataFrame(rows, columns=[c.name for c in columns]), columns, note=note if rows else "", cell_size="n"
    )


def _row(segment: str, line: dict, evidence: dict, profiles: dict, project: Project) -> dict:
    difference, low, high = (words.signed(100 * line[key]) for key in ("difference", "low", "high"))
    return {
        "segment": _name(segment, profiles),
        "theme": _theme(line["theme"], evidence, project),
        "interval": say("{difference} ({low} to {high})", difference=difference, low=low, high=high),
        "quotes": " · ".join(say("“{quote}”", quote=quote["text"]) for quote in line["quotes"]) or words.NONE,
    } | {key: line[key] for key in ("n", "share", "elsewhere", "mood", "rating")}


def segments_finding(found: dict, evidence: dict, profiles: dict, project: Project) -> str:
    """What the comments tell of the segments, in a sentence."""
    if not found["segments"]:
        return reason_words(found) or say("Cannot tell: too few members wrote.")
    own = {one["segment"] for one in found["segments"] if any(line["more"] for line in one["themes"])}
    most = _strongest(found)
    if not most:
        return say("No segment writes of a theme more often than the others, beyond chance.")
    segment, line = most
    with_own = say_n(
        "{n} segment of {all} has a theme of its own", "{n} segments of {all} have a theme of their own",
        len(own), all=words.number(len(found["segments"])),
    )  # fmt: skip
    return say(
        "{with_own}; the clearest is “{segment}”, of whose writers {share} speak of {theme}, against {elsewhere} elsewhere.",
        with_own=with_own, segment=_name(segment, profiles), share=words.share(line["share"], 0),
        theme=_theme(line["theme"], evidence, project), elsewhere=words.share(line["elsewhere"], 0),
    )  # fmt: skip


def _strongest(found: dict) -> tuple[str, dict] | None:
    lines = [(one["segment"], line) for one in found["segments"] for line in one["themes"] if line["more"]]
    return max(lines, key=lambda pair: (pair[1]["difference"], pair[0]), default=None)


def _name(segment: str, profiles: dict) -> str:
    return next((segment_name(one) for one in profiles["segments"] if one["id"] == segment), segment)


def _heading(segment: str, profiles: dict) -> str:
    return next((short_name(one) for one in profiles["segments"] if one["id"] == segment), segment)


def _theme(theme: int, evidence: dict, project: Project) -> str:
    return next(theme_title(one, project) for one in evidence["themes"] if one["theme"] == theme)
