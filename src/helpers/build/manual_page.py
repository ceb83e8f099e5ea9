"""What the page of step 6 says of people's decisions for single customers: how many, by whose role, how they stand beside the other levels.

No customer's id is on it: the list of decisions is private.
"""

from collections.abc import Mapping, Sequence

import pandas as pd

from helpers import words
from helpers.build.inputs import Column as Known
from helpers.build.manual import Overrides
from helpers.build.portraits import segment_name
from helpers.build.rules_page import condition_words
from helpers.masking import covered_sizes
from helpers.tables import Column, Table, min_cell
from helpers.words import mark, say, say_n

REASON = {
    "unknown_customer": mark("a customer who is in no source"),
    "out_of_scope": mark("a customer outside the scope of this segmentation"),
    "unknown_segment": mark("a segment that does not exist"),
    "no_role": mark("nobody’s role given"),
    "no_reason": mark("no reason given"),
    "undated": mark("a day that is missing or cannot be read (write 2024-03-01)"),
    "decided_later": mark("decided after the day up to which decisions are read"),
    "until_before_decision": mark("ends before it begins"),
}
LEVEL = {"rules": mark("the rules"), "learned": mark("the learned segments")}
VERDICT = {
    "suggested": mark("suggested as a rule"),
    "no better than chance": mark("no better than chance"),
    "cannot tell": mark("cannot tell: too few decisions"),
}


def manual_table(found: Overrides, segments: Sequence[dict]) -> Table:
    """How many decisions hold, have run out or were overtaken, by segment and role; no line that was set aside."""
    names = {s["id"]: segment_name(s) for s in segments}
    rows = found.of("valid", "expired", "superseded")
    counts = rows.groupby(["segment", "role", "state"], sort=True).size().unstack("state", fill_value=0)
    counts = counts.reindex(columns=["valid", "expired", "superseded"], fill_value=0).reset_index()
    counts["name"] = [names.get(s, s) for s in counts["segment"]]
    for state in ("valid", "expired", "superseded"):
        shut = covered_sizes(counts[state].tolist(), least=min_cell())
        counts[state] = [None if s and n >= min_cell() else n for s, n in zip(shut, counts[state], strict=True)]
    shown = [
        Column("name", say("Segment")),
        Column("role", say("Decided by")),
        Column("valid", say("Valid"), "count", people=True),
        Column("expired", say("Run out"), "count", people=True),
        Column("superseded", say("Overtaken by a newer one"), "count", people=True),
    ]
    note = say("A valid decision places its customer, whatever the other levels say; it has no confidence, and no recipe learns from it.")
    frame = pd.DataFrame(counts, columns=["name", "role", "valid", "expired", "superseded"])
    return Table("manual", say("Customers whom people placed, by segment and role"), frame, shown, note=note)


def set_aside_table(found: Overrides) -> Table:
    """How many lines of the file were set aside, and why."""
    counts = found.of("set_aside")["reason"].value_counts()
    rows = [{"reason": say(REASON[reason]), "n": int(counts[reason])} for reason in REASON if reason in counts]
    columns = [Column("reason", say("Set aside because of")), Column("n", say("Lines"), "count", people=True)]
    note = say("The first reason that holds counts. Each line with its reason is in the private table overrides of this step.")
    return Table(
        "manual_set_aside", say("Decisions that could not be used"), pd.DataFrame(rows, columns=["reason", "n"]), columns, note=note
    )


def manual_words(found: Overrides) -> str:
    """How many decisions hold, and how many do not."""
    counts = found.counts()
    if not sum(counts.values()):
        return say("The file of manual decisions is empty.")
    told = [
        say("{n} valid", n=_people(counts["valid"])),
        say("{n} run out", n=_people(counts["expired"])),
        say("{n} overtaken by a newer one", n=_people(counts["superseded"])),
        say("{n} set aside", n=_people(counts["set_aside"])),
    ]
    return say("Manual decisions: {counts}.", counts=words.join(told))


def agreement_words(found: Sequence[dict]) -> list[str]:
    """How often rules and learned segments say what people decided, a sentence each."""
    return [_agreement(each) for each in found]


def _agreement(each: dict) -> str:
    known = LEVEL.get(each["name"])
    level = say(known) if known else each["name"]
    if each["n"] < min_cell():
        return say("Whether {level} agree with people cannot be told: fewer than {least} decisions.", level=level, least=_least())
    return say(
        "Of {n} customers whom people placed, {level} place {share} alike (95% interval {low} to {high}).",
        n=words.number(each["n"]),
        level=level,
        share=words.share(each["share"], 0),
        low=words.share(each["low"], 0),
        high=words.share(each["high"], 0),
    )


def came_true_words(found: Sequence[dict]) -> str:
    """Whether customers moved by themselves to where people had placed them before."""
    whole = next((each for each in found if not each["segment"]), None)
    if whole is None or whole["n"] < min_cell() or whole["share"] is None:
        return say(
            "Whether customers later moved to where people had placed them cannot be told: fewer than {least} were placed elsewhere than "
            "learned.",
            least=_least(),
        )
    return say(
        "Of {n} customers placed elsewhere than learned, {share} were later learned to be there (95% interval {low} to {high}; of other "
        "customers {chance}).",
        n=words.number(whole["n"]),
        share=words.share(whole["share"], 0),
        low=words.share(whole["low"], 0),
        high=words.share(whole["high"], 0),
        chance=words.share(whole["chance"], 0),
    )


def suggestions_table(found: Sequence[dict], segments: Sequence[dict], columns: Mapping[str, Known]) -> Table:
    """The rules learnt from decisions, each with how it did on later ones."""
    names, rows = {s["id"]: segment_name(s) for s in segments}, []
    for each in found:
        told, verdict = each["n"] >= min_cell(), VERDICT[each["verdict"]]
        rule = "" if each["condition"] is None or not told else condition_words(each["condition"], columns, {})
        rows.append(
            {
                "segment": names.get(each["segment"], each["segment"]),
                "rule": rule or say("none"),
                "learned": each["learned"],
                "n": each["n"],
                "share": each["share"] if told else None,
                "interval": _interval(each) if told else words.NONE,
                "chance": each["chance"],
                "verdict": say(verdict),
            }
        )
    shown = [
        Column("segment", say("Segment")),
        Column("rule", say("Rule learnt from earlier decisions")),
        Column("learned", say("Learnt from customers"), "count", people=True),
        Column("n", say("Later placed there by people"), "count", people=True),
        Column("share", say("Of those, foreseen by the rule"), "share", 0),
        Column("interval", say("95% interval")),
        Column("chance", say("By chance"), "share", 0),
        Column("verdict", say("Verdict")),
    ]
    note = say(
        "Tried on customers whom nobody had placed before. By chance: the largest of the rule’s share of all others, the segment’s share "
        "of customers, and the rule’s share of those later placed elsewhere. Suggested when the whole interval is above it."
    )
    frame = pd.DataFrame(rows, columns=[c.name for c in shown])
    return Table("manual_rules", say("Do people’s decisions follow a rule that could be written down?"), frame, shown, note=note)


def suggestions_words(found: Sequence[dict], segments: Sequence[dict]) -> list[str]:
    """Each rule that is suggested, as it would be typed; or that none is."""
    names = {s["id"]: segment_name(s) for s in segments}
    told = [
        say(
            "For “{segment}” a rule foresees what people decide; as typed in build.rules: {when}",
            segment=names.get(each["segment"], each["segment"]),
            when=each["when"],
        )
        for each in found
        if each["verdict"] == "suggested"
    ]
    if told:
        return told
    short = sum(each["verdict"] == "cannot tell" for each in found)
    if short == len(found):
        return [say("No rule is suggested: it takes {least} decisions before the day that parts them, and {least} after.", least=_least())]
    return [
        say_n(
            "No rule is suggested; for {n} segment that cannot be told.",
            "No rule is suggested; for {n} segments that cannot be told.",
            short,
        )
    ]


def _interval(each: dict) -> str:
    return say("{low} to {high}", low=words.share(each["low"], 0), high=words.share(each["high"], 0))


def _people(n: int) -> str:
    return say("fewer than {least}", least=_least()) if 0 < n < min_cell() else words.number(n)


def _least() -> str:
    return words.number(min_cell())
