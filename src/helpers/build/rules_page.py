"""What the page of step 6 says of typed rules: each in words, counts after every clause, overlap, and what only the data show."""

from collections.abc import Mapping, Sequence

import pandas as pd

from helpers import words
from helpers.build.inputs import Column as Known
from helpers.build.rules import Counted, consequences
from helpers.build.rules_read import comparison, conditions
from helpers.masking import covered_sizes
from helpers.project import Project
from helpers.project.building import Rule
from helpers.tables import Column, Table, min_cell
from helpers.variables import Variable
from helpers.variables.people_page import level_words
from helpers.variables.spread import unit
from helpers.words import NONE, mark, say, say_n

SAID = {
    ">=": mark("{variable} {value} or more"),
    "<": mark("{variable} below {value}"),
    ">": mark("{variable} above {value}"),
    "<=": mark("{variable} {value} at most"),
    "in": mark("{variable} is {value}"),
    "not in": mark("{variable} is known and not {value}"),
    "missing": mark("{variable} is not known"),
    "known": mark("{variable} is known"),
}
HAPPENED = {
    "nobody": mark("“{rule}” fits nobody in these data."),
    "everybody": mark("“{rule}” fits every customer in these data, so it tells nobody apart."),
    "nobody left": mark("“{rule}” fits customers, and rules above it take them all: nobody is left for it."),
    "no one else": mark("Every customer fits a rule: nobody is left for “everyone else”."),
}


def rule_title(rule: Rule) -> str:
    """What people call a rule: as typed, else its name."""
    return words.text(rule.title) or rule.name.replace("_", " ")


def condition_words(condition: dict, columns: Mapping[str, Known], titles: Mapping[str, str], *, inside: bool = False) -> str:
    """A condition as people read it.

    titles   name of a rule → what people call it
    inside   whether it stands within another, and what it joins needs brackets
    """
    one = comparison(condition)
    if one is not None:
        return _comparison_words(*one, columns)
    match condition:
        case {"rule": name}:
            return say("in “{rule}”", rule=titles.get(name, name))
        case {"not": {"rule": name}}:
            return say("not in “{rule}”", rule=titles.get(name, name))
        case {"not": inner}:
            return say("not ({condition})", condition=condition_words(inner, columns, titles))
        case {"all": parts}:
            told = words.join([condition_words(part, columns, titles, inside=True) for part in parts])
            return say("({condition})", condition=told) if inside else told
        case {"any": parts}:
            told = _either([condition_words(part, columns, titles, inside=True) for part in parts])
            return say("({condition})", condition=told) if inside else told
    column = columns[condition["variable"]]
    low, high = (_value_words(condition[end], column) for end in ("at_least", "below"))
    return say("{variable} {low} to below {high}", variable=column.title(), low=low, high=high)


def rules_table(found: Counted, rules: Sequence[Rule], project: Project, columns: Mapping[str, Known]) -> Table:
    """The rules in their order: in words, how many fit, how many are in the segment after those above took theirs."""
    titles, typed = _titles(rules), conditions(rules, project, columns)
    rows = [
        {
            "title": titles[rule.name],
            "words": condition_words(typed[rule.name], columns, titles),
            "fitting": int(row.fitting),
            "after": int(row.first) if rule.segment else None,
            "revenue": row.revenue if rule.segment else None,
        }
        for rule, row in zip(rules, found.rules.itertuples(), strict=True)
    ]
    rows.append({"title": say("Everyone else"), "words": say("no rule above"), "fitting": None, "after": found.everyone_else})
    frame, dashes = _masked(pd.DataFrame(rows).assign(revenue=[*(row["revenue"] for row in rows[:-1]), found.revenue_else]), found)
    shown = [
        Column("title", say("Rule")),
        Column("words", say("Who fits it")),
        Column("fitting", say("Customers who fit"), "count", people=True),
        Column("after", say("Of those, in no segment above"), "count", people=True),
        Column("share", say("Share of customers"), "share", 1),
        *([Column("worth", say("Share of revenue"), "share", 1)] if found.revenue else []),
    ]
    note = [say("Who fits several rules belongs to the first."), say("A missing value fulfils no comparison; “not” then holds.")]
    if not all(rule.segment for rule in rules):
        note.append(say("A rule that makes no segment only serves others."))
    if dashes:
        note.append(say("A dash: fewer than {least} customers, or a number that would give them away.", least=words.number(min_cell())))
    return Table("rules", say("The rules, in their order of priority"), frame, shown, note=" ".join(note))


def _masked(frame: pd.DataFrame, found: Counted) -> tuple[pd.DataFrame, bool]:
    """title, words, fitting, after, share and worth, without what would tell of few; and whether anything was left out."""
    after, least = [None if words.absent(n) else int(n) for n in frame["after"]], min_cell()
    hidden = covered_sizes([n or 0 for n in after], least=least)
    shut = [bool(h) and n is not None for h, n in zip(hidden, after, strict=True)]
    few = [_gives_away(n, [found.customers, *([] if a is None else [a])], least) for n, a in zip(frame["fitting"], after, strict=True)]
    told = {
        "fitting": [None if f else n for f, n in zip(few, frame["fitting"], strict=True)],
        "after": [None if s else n for s, n in zip(shut, after, strict=True)],
        "share": [_part(n, found.customers, s) for n, s in zip(after, shut, strict=True)],
        "worth": [_part(n, found.revenue, s) for n, s in zip(frame["revenue"], shut, strict=True)],
    }
    return frame[["title", "words"]].assign(**told), any(shut) or any(few)


def clauses_table(found: Counted, rules: Sequence[Rule], columns: Mapping[str, Known]) -> Table:
    """How many customers are left after each clause of each rule."""
    titles, least, rows = _titles(rules), min_cell(), []
    for name, clauses in found.clauses.groupby("rule", sort=False):
        before = {}
        left = _told(clauses["left"].tolist(), found.customers, least)
        for clause, n in zip(clauses.itertuples(), left, strict=True):
            first = clause.depth not in before
            before = {depth: True for depth in [*before, clause.depth] if depth <= clause.depth}
            joined = "" if first else say("and") if clause.how == "all" else say("or")
            indent = "\u2003" * int(clause.depth)
            rows.append(
                {
                    "rule": titles[name],
                    "joined": joined,
                    "clause": indent + condition_words(clause.condition, columns, titles),
                    "left": n,
                }
            )
    shown = [
        Column("rule", say("Rule")),
        Column("joined", say("Joined by")),
        Column("clause", say("Clause")),
        Column("left", say("Customers who still fit"), "count", people=True),
    ]
    frame = pd.DataFrame(rows, columns=["rule", "joined", "clause", "left"])
    note = say("“Still fit”: the clauses of the rule up to this one, joined as they stand.")
    if len(frame) and frame["left"].isna().any():
        note += " " + say("A dash: fewer than {least} customers, or a number that would give them away.", least=words.number(least))
    return Table("rule_clauses", say("What each clause of a rule leaves"), frame, shown, note=note)


def overlap_frame(found: Counted, rules: Sequence[Rule]) -> pd.DataFrame:
    """Share of each rule's customers (row) who also fit another (column); missing where either number would tell of too few."""
    titles, least, both = _titles(rules), min_cell(), found.overlap
    sizes = {name: int(both.loc[name, name]) for name in both}
    told = [
        [
            None if a == b or not sizes[a] or _gives_away(int(both.loc[a, b]), [sizes[a], sizes[b]], least) else both.loc[a, b] / sizes[a]
            for b in both
        ]
        for a in both
    ]
    labels = [titles[name] for name in both]
    return pd.DataFrame(told, index=labels, columns=labels, dtype="float64")


def overlap_table(found: Counted, rules: Sequence[Rule]) -> Table:
    """The same as a table: of the customers who fit the rule on the left, the share who fit the one above."""
    shares = overlap_frame(found, rules)
    frame = shares.set_axis([f"r{n}" for n in range(len(shares))], axis=1).assign(rule=list(shares.index)).reset_index(drop=True)
    shown = [Column("rule", say("Who fits"))]
    shown += [Column(f"r{n}", say("also fits “{rule}”", rule=title), "share", 0) for n, title in enumerate(shares.columns)]
    note = say("Nothing is shown where it would tell of fewer than {least} customers.", least=words.number(min_cell()))
    return Table("rule_overlap", say("How far the rules overlap before priority decides"), frame, shown, note=note)


def overlap_words(found: Counted, rules: Sequence[Rule]) -> dict:
    """The words of a heat map of `overlap_frame`: its claim is the largest overlap of two rules that are not made of each other."""
    shares, resting = overlap_frame(found, rules), _resting(rules)
    titles = _titles(rules)
    pairs = [(shares.iloc[i, j], a, b) for i, a in enumerate(titles) for j, b in enumerate(titles) if i != j and {a, b} not in resting]
    pairs = [pair for pair in pairs if not words.absent(pair[0]) and pair[0] > 0]
    base = {
        "name": "rule_overlap",
        "subtitle": say("Share of the customers of the rule on the left who also fit the rule above, before priority decides"),
        "source": say("Source: {n} customers", n=words.number(found.customers)),
    }
    if not pairs:
        title = say("No two rules share customers that could be shown")
        return base | {"title": title, "alt": title}
    largest, a, b = max(pairs, key=lambda pair: pair[0])
    title = say("{share} of “{first}” also fit “{second}”", share=words.share(largest, 0), first=titles[a], second=titles[b])
    return base | {"title": title, "alt": say("Largest overlap of two rules: {claim}.", claim=title)}


def rules_words(found: Counted, rules: Sequence[Rule]) -> str:
    """What the rules leave, in one sentence."""
    made = sum(rule.segment for rule in rules)
    values = {"customers": words.number(found.customers)}
    if _gives_away(found.everyone_else, [found.customers], min_cell()):
        return say_n("{n} rule cuts {customers} customers.", "{n} rules cut {customers} customers.", made, **values)
    values["rest"] = words.share(found.everyone_else / found.customers, 0) if found.customers else NONE
    return say_n(
        "{n} rule cuts {customers} customers; {rest} of them fit none and are “everyone else”.",
        "{n} rules cut {customers} customers; {rest} of them fit none and are “everyone else”.",
        made,
        **values,
    )


def consequences_words(found: Counted, rules: Sequence[Rule]) -> list[str]:
    """What only the data show of the rules, a sentence each."""
    titles = _titles(rules)
    happened = [(HAPPENED[each["code"]], titles.get(each["rule"], "")) for each in consequences(found)]
    return [say(text, rule=rule) for text, rule in happened]


def _comparison_words(name: str, sign: str, value, columns: Mapping[str, Known]) -> str:
    column = columns[name]
    if sign in ("in", "not in"):
        value = _either([_value_words(each, column) for each in value])
    elif value is not None:
        value = _value_words(value, column)
    return say(SAID[sign], variable=column.title(), value=value)


def _value_words(value: float | str, column: Known) -> str:
    if column.kind == "category":
        return say("“{level}”", level=level_words(column.name, value))
    if column.variable is not None:
        return _measured_words(value, column.variable)
    return words.number(value, 0 if value == int(value) else 2)


def _measured_words(value: float, variable: Variable) -> str:
    """A number in the unit of its variable: money, a percentage, or a number with its unit; no digit more than was typed, up to two."""
    scaled = value * 100 if variable.unit == "share" else value
    digits = next((d for d in (0, 1) if round(scaled, d) == round(scaled, 6)), 2)
    if variable.unit == "money":
        return words.money(value, 2 if digits else 0)
    return words.share(value, digits) if variable.unit == "share" else f"{words.number(value, digits)} {unit(variable)}"


def _either(told: list[str]) -> str:
    return told[0] if len(told) == 1 else say("{first} or {last}", first=", ".join(told[:-1]), last=told[-1])


def _titles(rules: Sequence[Rule]) -> dict[str, str]:
    return {rule.name: rule_title(rule) for rule in rules}


def _resting(rules: Sequence[Rule]) -> list[set[str]]:
    """Pairs of rules of which one is made of the other: their overlap says nothing."""
    return [{rule.name, other} for rule in rules for other in (*rule.union, *rule.intersect, *rule.subtract)]


def _gives_away(n, others: Sequence[int], least: int) -> bool:
    """Whether a number of customers is too small to show, or its difference to one that readers know is."""
    return not words.absent(n) and any(0 < abs(each) < least for each in (n, *(other - n for other in others)))


def _told(left: list[int], customers: int, least: int) -> list[int | None]:
    """Counts of the clauses of one rule; None where one is small, or differs from one shown by few.

    The last stays first of all: the table of rules shows it too.
    """
    shown: list[int] = [customers]
    result: list[int | None] = []
    for n in reversed(left):
        hidden = _gives_away(n, shown, least)
        result.append(None if hidden else n)
        shown += [] if hidden else [n]
    return result[::-1]


def _part(n, whole, shut: bool) -> float | None:
    return None if shut or words.absent(n) or not whole else float(n) / float(whole)
