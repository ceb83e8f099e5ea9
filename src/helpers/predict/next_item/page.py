"""What pages say of the next purchase: whether lists are worth more than habit or popularity, what they hold, and for which segment."""

import pandas as pd

from helpers import words
from helpers.build.portraits import segment_name
from helpers.predict.grades import GRADED, NOT_READY
from helpers.predict.next_item.grade import JUDGED
from helpers.predict.next_item.recommend import MODEL, OWN, POPULAR
from helpers.tables import Column, Table, min_cell, nothing
from helpers.words import NONE, mark, say

ITEMS = {"category": mark("categories"), "product_id": mark("products")}
METHODS = {
    OWN: mark("Each one’s own most frequent"),
    POPULAR: mark("The most popular"),
}
SIMPLE = {OWN: mark("each customer’s own most frequent ones"), POPULAR: mark("the most popular ones")}
LACKING = {
    "item_known": mark(
        "{have} of order lines say what was bought; {want} are needed (orders.{item}; another column: variables.predict.next_item)"
    ),
    "single_orders": mark("these data hold totals, not orders"),
    "several_items": mark("{have} different {items} were bought; lists of {shown} need at least {want}"),
    "repeat_share": mark("{have} of buyers have a second order; {want} are needed"),
    "history_days": mark("{have} days of history; {want} are needed, to learn, to tune and to judge"),
    "judged": mark("{have} known customers came back in the last {days} days; {want} are needed (a longer predict.next_days holds more)"),
}
SHARES = ("item_known", "repeat_share")
EASY = 0.9
"""Share of customers from which on a simple list succeeds so often that the test tells methods apart no longer."""


def items_word(found: dict) -> str:
    """What is recommended: categories or products."""
    word = ITEMS[found["item"] or "category"]
    return say(word)


def lacking_words(found: dict) -> list[str]:
    """What the data lack, a sentence a need that is not met."""
    told = []
    for need in found.get("readiness", []):
        if not need["met"]:
            write = words.share if need["code"] in SHARES else words.number
            values = {"have": write(need["have"] or 0), "want": write(need["want"]), "items": items_word(found)}
            sentence = LACKING[need["code"]]
            told.append(say(sentence, **values, item=found["item"], shown=words.number(found["shown"]), days=_days(found)))
    return told


def verdict_words(found: dict) -> str:
    """Whether lists of what each customer buys next are worth more than a simple list, or why nobody can tell."""
    items = items_word(found)
    if found["status"] != GRADED:
        why = words.join(lacking_words(found)) or say("no list of any kind had a success")
        if found["status"] == NOT_READY:
            return say("Which {items} a customer buys next: not ready: {why}.", items=items, why=why)
        return say("Which {items} a customer buys next: cannot tell: {why}.", items=items, why=why)
    task = found["all"]
    values = {"items": items, "grade": task["grade"], "rate": _rate(task, MODEL), "base": _rate(task, task["baseline"])}
    baseline = SIMPLE[task["baseline"]]
    values |= {"baseline": say(baseline), "k": words.number(found["shown"]), "gain": gain_words(task)}
    if task["grade"] == "C":
        return say(
            "Grade {grade}: lists of {k} {items} made by the model do not surely beat {baseline} ({rate} against {base}; {gain}), "
            "so {baseline} are recommended.",
            **values,
        )
    first = say(
        "Grade {grade}: {rate} of customers who came back bought something from their list of {k} {items}, against {base} with {baseline} "
        "({gain}).",
        **values,
    )
    if not task.get("goes_with") or task["goes_with"]["low"] > 0:
        return first
    return first + " " + say("The gain may be that of weighing habits otherwise: what goes with purchases adds nothing sure to it.")


def new_words(found: dict) -> str:
    """The same of items that a customer never bought before; "" without a grade of the whole."""
    if found["status"] != GRADED:
        return ""
    task, items = found["new"], items_word(found)
    if task["grade"] is None:
        return say(
            "Which {items} are new to a customer and wanted: cannot tell: fewer than {n} took one in the last {days} days, or no list "
            "had one of them. None is recommended.",
            items=items,
            n=words.number(JUDGED),
            days=_days(found),
        )
    values = {"items": items, "grade": task["grade"], "rate": _rate(task, MODEL), "base": _rate(task, POPULAR)}
    values |= {"gain": gain_words(task), "n": words.number(task["n"]), "active": words.number(task["active"])}
    first = say("{n} of {active} customers who came back took something that they had never bought.", **values)
    if task["grade"] == "C":
        return f"{first} " + say(
            "Grade {grade} for finding it: item to item does not surely beat the most popular {items} that each lacks ({rate} against "
            "{base}; {gain}), so these are recommended.",
            **values,
        )
    return f"{first} " + say(
        "Grade {grade} for finding it: {rate} of them found it on their list, against {base} with the most popular {items} that each "
        "lacks ({gain}).",
        **values,
    )


def gain_words(task: dict) -> str:
    """+4.9% successes, between +3.6% and +6.2%."""
    ends = {"low": words.percent_change(task["low"]), "high": words.percent_change(task["high"])}
    return say("{gain} successes, between {low} and {high}", gain=words.percent_change(task["gain"]), **ends)


def success_frame(found: dict, task: str = "all") -> pd.DataFrame:
    """label, value, low, high: the share of customers with a success, a bar a method. task: all or new; empty where nothing is graded."""
    rows = []
    if found["status"] == GRADED and found[task]["grade"] is not None:
        line = found[task]
        for method, rate in line["rates"].items():
            name, held = _model(line) if method == MODEL else METHODS[method], _held(rate["rate"], line["n"])
            rows.append({"label": say(name), "value": held, "low": min(rate["low"], held), "high": max(rate["high"], held)})
    return pd.DataFrame(rows, columns=["label", "value", "low", "high"])


def _model(task: dict) -> str:
    """What the model does, by the recipe that the earlier period chose."""
    beta = task["recipe"]["beta"]
    if beta >= 1:
        return mark("Items that go with those bought")
    return mark("Own habits and what goes with them") if beta else mark("Own habits, weighed by the model")


def success_words(found: dict, task: str = "all") -> dict:
    """The words of the chart of successes."""
    name = "next_success" if task == "all" else "next_new"
    frame = success_frame(found, task)
    if frame.empty:
        return nothing(name, say("No list can be judged, for the reason above.") if found["status"] != GRADED else new_words(found))
    line, items = found[task], items_word(found)
    told = words.join([say("{name} {rate}", name=r.label, rate=words.share(r.value)) for r in frame.itertuples()])
    values = {"k": words.number(found["shown"]), "items": items}
    values |= {"first": words.day(found["judged_from"]), "end": words.day(found["judged_until"])}
    subtitle = (
        say("Customers who bought at least one of the {k} {items} on their list, share of those who came back", **values)
        if task == "all"
        else say("Customers who took one of the {k} {items} listed, share of those who took any that was new to them", **values)
    )
    source = say(
        "Base: {n} customers known before, purchases from {first} until {end} (not counted). No list knew anything of these days. "
        "Intervals: Wilson, 95%.",
        n=words.number(line["n"]),
        **values,
    )
    return {"name": name, "title": _title(line, task), "subtitle": subtitle, "alt": say("{told}.", told=told), "source": source}


def _title(line: dict, task: str) -> str:
    grade, baseline = line["grade"], SIMPLE[line["baseline"]]
    values = {"grade": grade, "baseline": say(baseline)}
    if task == "new" and grade == "C":
        return say("What is new: nothing surely beats the most popular ones (grade {grade})", **values)
    if task == "new":
        return say("What is new: item to item finds more than popularity (grade {grade})", **values)
    if grade == "C":
        return say("Nothing surely beats {baseline} (grade {grade})", **values)
    method = _model(line)
    return say("{method} succeed more often than {baseline} (grade {grade})", method=say(method), **values)


def recommended_table(found: dict) -> Table:
    """The items on most lists, and to how many of these customers each is new."""
    rows = [line | {"item": named(line["item"], found["names"])} for line in found["recommended"]]
    columns = [
        Column("item", say("Recommended")),
        Column("n", say("Customers"), "count", people=True),
        Column("new", say("New to them"), "count", people=True),
    ]
    caption = say("What is recommended to most customers, among the first {k} of each", k=words.number(found["shown"]))
    dashed = any(line["n"] is None or line["new"] is None for line in rows)
    note = say("A dash: the number, or that of the other customers, is too small to tell.") if dashed else ""
    return Table("next_items", caption, pd.DataFrame(rows, columns=[c.name for c in columns]), columns, note=note)


def named(item: str, names: dict[str, str]) -> str:
    """A product with its category behind it, where that is known."""
    return say("{item} ({category})", item=item, category=names[item]) if item in names else item


def caveats(found: dict) -> list[str]:
    """What could mislead in recommendations."""
    if found["status"] != GRADED:
        return []
    line, told = found["all"], []
    if line["rates"][line["baseline"]]["rate"] >= EASY:
        told.append(
            say(
                "Even a simple list of {k} {items} succeeds for {base} of customers: so easy a test hardly tells methods apart. "
                "Shorter lists or finer items ask more (predict.next_shown, predict.next_item).",
                k=words.number(found["shown"]),
                items=items_word(found),
                base=_rate(line, line["baseline"]),
            )
        )
    told.append(
        say(
            "A listed item is likely to be bought, not because it was recommended: many would have bought it anyway. What a recommendation "
            "changes, only a test with a control group tells."
        )
    )
    return told


# Step 8


def segments_words(told: dict) -> str:
    """What the table of segments rests on, or why there is none."""
    items = items_word(told)
    if told["status"] == "none":
        return say("What members are likely to take next: step 4 handed over no lists.")
    if told["reasons"] == ["no_new"]:
        return say("Which {items} new to them members are likely to take: cannot tell, see step 4.", items=items)
    if told["status"] != GRADED:
        return say("What members are likely to take next: not known, see step 4 for what the data lack.")
    if told["grade"] == "C":
        return say(
            "Grade C: nothing surely beat popularity, so these are the most popular {items} that members lack. Why they lack them, "
            "the lists cannot tell.",
            items=items,
        )
    return say(
        "Grade {grade} on the last days: the lists found more than the most popular {items} would have.", grade=told["grade"], items=items
    )


def segments_table(told: dict, profiles: dict) -> Table:
    """Segment by segment, the items new to its members that are on more of their lists than on everyone else's."""
    rows = []
    for segment in profiles["segments"]:
        for line in told["segments"].get(segment["id"], []):
            more = _times(line) if line["low"] is not None else NONE if told["grade"] == "C" else say("as elsewhere")
            rows.append(line | {"segment": segment_name(segment), "item": named(line["item"], told["names"]), "more": more})
    columns = [
        Column("segment", say("Segment")),
        Column("item", say("Likely next, never bought")),
        Column("n", say("Members with it on their list"), "count", people=True),
        Column("share", say("Share of members"), "share", 0),
        Column("others", say("Share of everyone else"), "share", 0),
        Column("more", say("Times as often")),
    ]
    note = say("Intervals hold for all segments and items together (95%). A list is a place to begin, not an effect.")
    if all(row["more"] == NONE for row in rows):
        columns, note = columns[:-1], say("A list is a place to begin, not an effect.")
    caption = say("What members are likely to take next and never had")
    return Table("next_by_segment", caption, pd.DataFrame(rows, columns=[c.name for c in columns]), columns, note=note, cell_size="n")


def _times(line: dict) -> str:
    ends = {"low": words.number(line["low"], 1), "high": words.number(line["high"], 1)}
    return say("{value} ({low} to {high})", value=words.number(line["lift"], 1), **ends)


def _days(found: dict) -> str:
    return words.number(found["next_days"])


def _held(rate: float, n: int) -> float:
    """A share told no nearer to 0 or 1 than that min_cell customers lie on either side; nobody at all is no secret."""
    least = min_cell()
    return rate if rate in (0, 1) else min(max(rate, least / n), 1 - least / n)


def _rate(task: dict, method: str) -> str:
    return words.share(_held(task["rates"][method]["rate"], task["n"]))
