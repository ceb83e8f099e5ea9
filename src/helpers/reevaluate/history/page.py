"""What is told of all reviews of a project: a sentence for the page of step 9, and the hand-out with sizes, money and verdicts."""

from html import escape

import pandas as pd

from helpers import tables, words
from helpers.build import contest_page
from helpers.build.portraits import segment_name
from helpers.charts.over_time import over_time, time_axis
from helpers.charts.style import NEUTRAL
from helpers.project import Project
from helpers.reevaluate.history import counting, lives
from helpers.tables import Column, Table
from helpers.words import mark, say, say_n

VERDICTS = {
    "keep": mark("keep"),
    "adjust": mark("adjust"),
    "refit": mark("fit again"),
    "rebuild": mark("build anew"),
    "look": mark("keep, and look closer"),
    "cannot tell": mark("cannot tell"),
}
NOBODY = mark("nobody")
MONEY = mark("Revenue of its members per 30 days")


def sentence(entries: list[dict], project: Project) -> str:
    """How many reviews there are, the verdicts so far, and which segment changed most since the first."""
    kept = counting(entries)
    if len(kept) < 2:
        return say("This is the first review of this project: the history begins with the next one.")
    found = [_verdict(entry["verdict"]) for entry in kept if entry["verdict"]]
    verdicts = say("; ").join(found) or words.NONE  # one of them has a comma and an "and" of its own
    told = say("{n} reviews since {day}; verdicts, oldest first: {verdicts}.", **_counted(kept), verdicts=verdicts)
    most = _largest_change(kept)
    return f"{told} {most}" if most else told


def handout(entries: list[dict], project: Project) -> dict:
    """The page over all reviews: name, title, lead and body (HTML) for step.keep_handout.

    entries   result of `history`
    """
    kept, parts = counting(entries), []
    parts.append(f'<p class="finding">{escape(sentence(entries, project))}</p>\n')
    living = [life for life in lives(entries) if life["ended"] is None]
    parts.append(_picture(living, kept) if living else "")
    parts += [
        tables.as_html(each) for each in (runs_table(entries), steadiness_table(entries), ended_table(entries), *_folded(entries)[:0])
    ]
    parts += [_fold(table, fold) for table, fold in _folded(entries)]
    parts.append(f'<p class="note">{escape(reading())}</p>\n')
    return {
        "name": "history",
        "title": say("History: the segments from review to review"),
        "lead": say_n("{n} review.", "{n} reviews, {first} to {last}.", len(kept), first=_day(kept[0]), last=_day(kept[-1])),
        "body": "".join(parts),
    }


def reading() -> str:
    """How the page is to be read."""
    return say(
        "A segment keeps its id as long as a new build finds mostly the same customers, and always in a re-evaluation, which changes no "
        "rule. Sizes at two dates differ by those who moved, came into scope or went out of it: step 9 tells them apart, and says what "
        "chance alone would move."
    )


def runs_table(entries: list[dict]) -> Table:
    """The reviews that count: date, how made, customers, money, verdict, and who approved the segmentation."""
    rows = [_row(entry) for entry in reversed(counting(entries))]
    columns = [
        Column("as_of", say("As of"), "date"),
        Column("kind", say("Made as")),
        Column("customers", say("Customers in scope"), "count", people=True),
        Column("segments", say("Segments"), "count"),
        Column("revenue", say("Revenue, 30 days"), "money"),
        Column("verdict", say("Verdict")),
        Column("approved", say("Approved by")),
    ]
    note = say("Approved: that run’s segmentation was put in force. This review can be approved once it is published.")
    return Table("reviews", say("The reviews, newest first"), pd.DataFrame(rows, columns=[c.name for c in columns]), columns, note=note)


def steadiness_table(entries: list[dict]) -> Table:
    """How steady segments, labels and customers were at each review."""
    rows = []
    for entry in reversed(counting(entries)):
        row = {"as_of": entry["as_of"], "recipe": contest_page.title(entry["recipe"]) if entry["recipe"] else words.NONE}
        row |= {name: entry[name] for name in ("stability", "kappa", "since")}
        rows.append(row | {"interval": _interval(entry), "drift": _drift(entry["drift"])})
    columns = [
        Column("as_of", say("As of"), "date"),
        Column("recipe", say("Way of cutting")),
        Column("stability", say("Two samples of one period agree"), "number", 2),
        Column("kappa", say("Lasting, κ"), "number", 2),
        Column("interval", say("95% interval")),
        Column("since", say("Lasting since"), "date"),
        Column("drift", say("Variables that changed")),
    ]
    note = say(
        "Agreement of samples: adjusted Rand index, median; missing where rules are written and nothing comes back. κ: 1 everybody stayed "
        "since the date named, 0 no more than by chance."
    )
    return Table("steadiness", say("How steady they were"), pd.DataFrame(rows, columns=[c.name for c in columns]), columns, note=note)


def sizes_table(entries: list[dict], what: str) -> Table:
    """A row a review, a column a segment: `what` is customers or money; a dash where there was none or pages may not tell."""
    found, place = lives(entries), {"customers": 1, "money": 2}[what]
    kind = {"customers": ("count", say("Customers of every segment")), "money": ("money", say("Revenue of every segment, 30 days"))}[what]
    rows = [
        {"as_of": entry["as_of"]} | {life["id"]: life["points"][at][place] for life in found} for at, entry in enumerate(counting(entries))
    ]
    columns = [Column("as_of", say("As of"), "date"), *(Column(life["id"], segment_name(life), kind[0]) for life in found)]
    frame = pd.DataFrame(rows[::-1], columns=[c.name for c in columns])
    return Table(f"all_{what}", kind[1], frame, columns, note=say("A dash: not there yet, no longer, or too few customers to be told of."))


def ended_table(entries: list[dict]) -> Table:
    """Segments that began after the first review, or have ended."""
    kept = counting(entries)
    found = [life for life in lives(entries) if life["ended"] or life["began"] != kept[0]["as_of"]]
    rows = [{"segment": segment_name(life), "began": life["began"], "ended": life["ended"]} for life in found]
    columns = [Column("segment", say("Segment")), Column("began", say("There since"), "date"), Column("ended", say("Gone by"), "date")]
    frame = pd.DataFrame(rows, columns=[c.name for c in columns])
    note = say("All others have been there at every review.")
    return Table("began_and_ended", say("Segments that began or ended with a new build"), frame, columns, note=note)


def others_table(entries: list[dict]) -> Table:
    """Runs that were made again for the same date, and do not count."""
    rows = [_row(entry) | {"run": entry["run"]} for entry in entries if not entry["newest"]]
    columns = [
        Column("run", say("Run")),
        Column("kind", say("Made as")),
        Column("customers", say("Customers in scope"), "count", people=True),
        Column("verdict", say("Verdict")),
        Column("approved", say("Approved by")),
    ]
    return Table("other_runs", say("Runs that a newer one of the same date replaced"), pd.DataFrame(rows), columns)


# Parts of the page


def _picture(living: list[dict], kept: list[dict]) -> str:
    """Small plots, a row a segment: customers and money from review to review, on one scale each."""
    days = [pd.Timestamp(entry["as_of"]).toordinal() for entry in kept]
    span = max(days[-1] - days[0], 1)
    across = [(day - days[0]) / span if len(days) > 1 else 0.5 for day in days]
    tops = [max((point[place] or 0 for life in living for point in life["points"]), default=0) for place in (1, 2)]
    rows = "".join(_plots(life, across, tops) for life in living)
    axis = time_axis(_day(kept[0]), _day(kept[-1]))
    heads = "".join(f'<th scope="col">{escape(head)}</th>' for head in (say("Segment"), say("Customers"), say(MONEY)))
    title = say("Customers and money of every segment, from review to review")
    note = say("Each column on one scale from nothing. A gap: not there, or too few customers to be told of.")
    return (
        f'<figure class="table-block" id="over_time">\n<figcaption id="over_time-caption">{escape(title)}</figcaption>\n'
        '<div class="table" role="region" tabindex="0" aria-labelledby="over_time-caption">\n'
        f'<table aria-labelledby="over_time-caption"><thead><tr>{heads}</tr></thead>\n<tbody>{rows}'
        f"<tr><td></td><td>{axis}</td><td>{axis}</td></tr></tbody></table>\n</div>\n"
        f'<p class="note">{escape(note)}</p>\n</figure>\n'
    )


def _plots(life: dict, across: list[float], tops: list[float]) -> str:
    cells, name = "", segment_name(life)
    for place, top, write in ((1, tops[0], words.number), (2, tops[1], lambda value: words.money(value, 0))):
        known = [(point[0], point[place]) for point in life["points"] if point[place] is not None]
        told = words.join(say("{value} on {day}", value=write(value), day=words.day(day)) for day, value in known)
        alt = say("{name}: {told}.", name=name, told=told or say("not told"))
        points = [(x, point[place]) for x, point in zip(across, life["points"], strict=True)]
        ends = dict.fromkeys(write(value) for _, value in (known[:1] + known[-1:]))
        plot = over_time(points, top=top, colour=life["colour"] or NEUTRAL, alt=alt)
        cells += f"<td>{plot}<br>{escape(' → '.join(ends) or words.NONE)}</td>"
    return f'<tr><th scope="row">{escape(name)}</th>{cells}</tr>\n'


def _folded(entries: list[dict]) -> list[tuple[Table, str]]:
    found = [(sizes_table(entries, "customers"), say("All sizes as numbers")), (sizes_table(entries, "money"), say("All money as numbers"))]
    if not all(entry["newest"] for entry in entries):
        found.append((others_table(entries), say("Runs that were made again")))
    return found


def _fold(table: Table, fold: str) -> str:
    return f'<details class="more">\n<summary>{escape(fold)}</summary>\n{tables.as_html(table)}</details>\n'


def _row(entry: dict) -> dict:
    kind = say("re-evaluation of {run}", run=entry["applied"]) if entry["applied"] else say("report, built anew")
    kind = kind if entry["whole"] else say("{kind}; its tables of customers are no longer kept", kind=kind)
    signed = [say("{role}, {day}", role=words.text(each["role"]), day=words.day(each["on"])) for each in entry["approvals"]]
    named = {"as_of": entry["as_of"], "kind": kind, "verdict": _verdict(entry["verdict"])}
    named |= {"customers": entry["customers"], "revenue": entry["revenue"]}
    return named | {"segments": len(entry["segments"]) or None, "approved": say("; ").join(signed) or say(NOBODY)}


def _verdict(code: str | None) -> str:
    return say(VERDICTS[code]) if code in VERDICTS else code or words.NONE


def _interval(entry: dict) -> str:
    if entry["low"] is None or entry["high"] is None:
        return words.NONE
    return say("{low} to {high}", low=words.number(entry["low"], 2), high=words.number(entry["high"], 2))


def _drift(found: dict | None) -> str:
    if found is None:
        return words.NONE
    values = {name: words.number(found[name]) for name in ("changed", "of", "look")}
    return say("{changed} of {of}; {look} to be looked at", **values)


def _largest_change(kept: list[dict]) -> str:
    """Which segment of the last review has the largest relative change in size since the first: a description, no test."""
    found = []
    for life in lives(kept):
        first, last = life["points"][0][1], life["points"][-1][1]
        if first and last is not None:
            found.append((abs(last / first - 1), life["id"], life, first, last))
    if not found:
        return ""
    _, _, life, first, last = max(found, key=lambda each: each[:2])
    values = {"name": segment_name(life), "first": words.number(first), "last": words.number(last)}
    if first == last:
        return say("The sizes that can be compared are those of the first review.")
    return say("Since the first, the size of “{name}” changed most, from {first} to {last} customers.", **values)


def _counted(kept: list[dict]) -> dict:
    return {"n": words.number(len(kept)), "day": _day(kept[0])}


def _day(entry: dict) -> str:
    return words.day(entry["as_of"])
