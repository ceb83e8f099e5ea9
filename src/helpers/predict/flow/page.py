"""What the page of step 9 says of the moves between segments: the verdict, the sizes and the value if it went on like this."""

from datetime import timedelta

import numpy as np
import pandas as pd

from helpers import words
from helpers.build.portraits import label, segment_name, short_name
from helpers.masking import covered_sizes
from helpers.predict.flow.transitions import IDLE, OUTSIDE
from helpers.predict.grades import CANNOT_TELL, GRADED
from helpers.project import Project
from helpers.rates import wilson
from helpers.reevaluate.masking import hidden
from helpers.tables import Column, Table, nothing
from helpers.words import NONE, mark, say

REASONS = {
    "no_frozen_segments": mark("one horizon earlier there was too little history for the segments"),
    "immovable": mark("the segments use only what is known as it is today, so nobody could be seen to move"),
    "too_few_customers": mark("too few customers were in scope at both dates"),
    "two_periods_only": mark("it takes three dates to test it, and the history holds two"),
}
VERDICTS = {  # by the simple rule that did better, and whether the moves beat it
    ("stay", True): mark(
        "The moves of the period before foretold the sizes of the last {days} days with an error of {error} of all members; left as they "
        "were, {base}."
    ),
    ("grown", True): mark(
        "The moves of the period before foretold the sizes of the last {days} days with an error of {error} of all members; had every "
        "segment grown like all members together, {base}."
    ),
    ("stay", False): mark(
        "Not a forecast: the moves of the period before foretold the sizes of the last {days} days with an error of {error} of all "
        "members, and leaving them as they were gives {base}."
    ),
    ("grown", False): mark(
        "Not a forecast of moves: the moves of the period before foretold the sizes of the last {days} days with an error of {error} of "
        "all members, and letting every segment grow like all members together gives {base}."
    ),
}
COMPARED = {
    "better": mark("That is {gain} better (95% interval {low} to {high}): grade {grade}."),
    "worse": mark("That is worse by more than chance ({gain}; 95% interval {low} to {high}): grade {grade}."),
    "chance": mark("The difference ({gain}; 95% interval {low} to {high}) may be chance: grade {grade}."),
}
SUPPOSED = mark("If every period moved customers as the last one did, and brought as many new ones")


def usable(found: dict) -> bool:
    """Whether the projection did better than the simple rules: sizes as they are, or grown alike."""
    return found["status"] == GRADED and found["grade"] in ("A", "B")


def shown(found: dict, moved, project: Project) -> list[int]:
    """Places of the segments whose size may be told: none whose moves step 9 hides, nor where it would tell of few who arrived.

    Step 9 tells who stayed and who entered; with the size now, who arrived follows, and who departed does not.
    """
    if "ahead" not in found:
        return []
    closed, arrived = hidden(moved.segments, moved.table, least=project.min_cell), [s["arrived"] for s in moved.segments]
    shut = closed.moves | np.array(covered_sizes(arrived, least=project.min_cell), dtype=bool)
    return np.flatnonzero(~shut).tolist()


def reason_words(found: dict) -> str:
    """Why nothing is projected, or nothing is tested."""
    codes = {code: say(REASONS[code]) for code in found["reasons"]}
    return words.join(codes.values())


def verdict_words(found: dict) -> str:
    """Whether the moves of the past foretold the sizes."""
    if "ahead" not in found:
        reasons = reason_words(found)
        if found["status"] == CANNOT_TELL:
            return say("What the segments would become if it went on like this: cannot tell, for {reasons}.", reasons=reasons)
        return say("What the segments would become if it went on like this: not ready, for {reasons}.", reasons=reasons)
    if found["test"] is None:
        return say("Whether the moves of one period foretell the next: cannot tell, for {reasons}.", reasons=reason_words(found))
    test, days = found["test"], words.number(found["horizon_days"])
    if test["gain"] is None:
        return say("The sizes did not change in the last {days} days, so nothing is learnt about how to foretell them.", days=days)
    error, base = words.share(test["error"], 1), words.share(test["baseline_error"], 1)
    ends = {end: words.percent_change(test[end], 0) for end in ("gain", "low", "high")}
    better, worse = usable(found), test["high"] < 0
    told = VERDICTS[test["baseline"], better]
    compared = COMPARED["better" if better else "worse" if worse else "chance"]
    return say(told, days=days, error=error, base=base) + " " + say(compared, grade=found["grade"], **ends)


def memory_words(found: dict) -> str:
    """Whether the past of a member matters, which the projection leaves out; empty where nobody can tell."""
    told = found.get("memory")
    if told is None:
        return ""
    settled, came = words.share(told["settled"], 0), words.share(told["came"], 0)
    days = words.number(found["horizon_days"])
    values = {"settled": settled, "came": came, "days": days}
    if told["low"] <= 0 <= told["high"]:
        return say(
            "Members of long standing stay about as often as those who came within the last {days} days ({settled} and {came}): where a "
            "customer is now says enough, as the projection supposes.",
            **values,
        )
    matters = say(
        "Of the members of long standing {settled} stay another {days} days, of those who came since {came}: where a customer was before "
        "matters too.",
        **values,
    )
    if told["low"] > 0:
        return matters + " " + say("The projection leaves that out, and so moves settled members too often.")
    return matters + " " + say("The projection leaves that out, and so moves settled members too seldom.")


def money_words(found: dict) -> str:
    """How far off the money of the period was that the test projected."""
    test = found.get("test")
    if not test or test["money_actual"] <= 0:
        return ""
    off = {name: words.percent_change(test[f"money_{name}"] / test["money_actual"] - 1, 1) for name in ("predicted", "stay")}
    if found["money"] == "margin":
        return say("Against the margin that came, the projection was off by {predicted}, unchanged sizes by {stay}.", **off)
    return say("Against the revenue that came, the projection was off by {predicted}, unchanged sizes by {stay}.", **off)


def change_frame(found: dict, moved, project: Project) -> pd.DataFrame:
    """label, value, low and high: how many members more each segment would have at the end."""
    rows, named = [], [label(s) for s in found.get("segments", [])]
    for place in shown(found, moved, project):
        now, end = (found["ahead"]["sizes"][when][place] for when in (0, -1))
        ends = {name: found["ahead"][name][-1][place] - now for name in ("low", "high")}
        rows.append({"label": named[place], "value": end - now} | ends)
    return pd.DataFrame(rows, columns=["label", "value", "low", "high"])


def _most_changed(found: dict, moved, project: Project) -> dict | None:
    """The segment whose change is largest among those whose interval leaves 0 out."""
    frame = change_frame(found, moved, project)
    sure = ((frame["low"] > 0) | (frame["high"] < 0)).to_numpy()
    places = [place for place, yes in zip(shown(found, moved, project), sure, strict=True) if yes]
    sizes = found["ahead"]["sizes"]
    return found["segments"][max(places, key=lambda p: abs(sizes[-1][p] - sizes[0][p]))] if places else None


def change_words(found: dict, moved, project: Project, as_of) -> dict:
    """The words of that chart."""
    frame = change_frame(found, moved, project)
    if frame.empty:
        return nothing("ahead", verdict_words(found) if "ahead" not in found else say("No segment is large enough to be projected."))
    until = words.day(as_of + timedelta(days=found["horizon_days"] * found["ahead"]["periods"]))
    largest = frame.loc[frame["value"].abs().idxmax()]
    values = {"name": largest["label"], "n": words.signed(largest["value"]), "day": until}
    most = _most_changed(found, moved, project)
    if not usable(found):
        claim = say("Not a forecast: what the last moves would lead to")
    elif most is None:
        claim = say("If it went on like this, no segment would surely grow or shrink")
    else:
        claim = say("If it went on like this, “{name}” would change most: {n} members", name=short_name(most), n=_change_of(found, most))
    return {
        "name": "ahead",
        "title": claim,
        "subtitle": say("Members at {day} less members today, if every period moved customers as the last one did", day=until),
        "alt": say("Largest change by {day}: {name}, {n} members.", **values),
        "source": say(
            "Source: moves of the last {days} days, {n} customers. Whiskers: what is not known of the moves, and chance.",
            days=words.number(found["horizon_days"]),
            n=words.number(sum(map(sum, found["counts"][:-1]))),
        ),
    }


def _change_of(found: dict, segment: dict) -> str:
    place, sizes = found["segments"].index(segment), found["ahead"]["sizes"]
    return words.signed(sizes[-1][place] - sizes[0][place])


def palette(found: dict) -> dict[str, str]:
    """The colour of each segment, by the name that the chart shows."""
    return {label(s): s["colour"] for s in found.get("segments", []) if s.get("colour")}


def ahead_table(found: dict, moved, project: Project) -> Table:
    """Sizes and value of each segment, now and at the end."""
    rows, named, kind, places = [], _names(found), _money_name(found), shown(found, moved, project)
    there = found.get("ahead")
    outside = [found["places"].index(OUTSIDE)] if there else []
    for place in [*places, *outside]:
        name = named[place] if place < len(named) else say("bought, and is not in scope")
        rows.append({"segment": name} | _line(there, place))
    if there:
        total = there["total"]
        row = {"segment": say("All together"), "value": total["value"], "interval": _money_interval(total), "as_is": there["unchanged"]}
        rows.append(row)
    frame = pd.DataFrame(rows, columns=["segment", "now", "next", "end", "range", "value", "interval", "as_is"])
    days, periods = found["horizon_days"], there["periods"] if there else 1
    next_, last = words.number(days), words.number(days * periods)
    columns = [
        Column("segment", say("Segment")),
        Column("now", say("Members now"), "count"),
        Column("next", say("After {days} days", days=next_), "number", 0),
        Column("end", say("After {days} days in all", days=last), "number", 0),
        Column("range", say("95% interval")),
        Column("value", say("{kind} until then", kind=kind), "money", 0),
        Column("interval", say("95% interval of it")),
        Column("as_is", say("If nobody moved or came"), "money", 0),
    ]
    rate = words.share(found.get("discount_rate"), 0)
    note = say(
        "{supposed}. Members by the rules of the earlier date; later money counts less, by {rate} a year.",
        supposed=say(SUPPOSED),
        rate=rate,
    )
    if len(places) < len(named):
        note += " " + say("Left out: segments of which this would tell of few customers.")
    return Table("flow_ahead", say("Sizes and value if it went on like this"), frame, columns, note=note)


def _line(there: dict, place: int) -> dict:
    low, high = (words.number(there[end][-1][place]) for end in ("low", "high"))
    value = {name: there["value"][name][place] for name in ("value", "low", "high")}
    return {
        "now": round(there["sizes"][0][place]),
        "next": there["sizes"][1][place],
        "end": there["sizes"][-1][place],
        "range": say("{low} to {high}", low=low, high=high),
        "value": value["value"],
        "interval": _money_interval(value),
        "as_is": there["unchanged_by_place"][place],
    }


def moves_table(found: dict, moved, project: Project) -> Table:
    """Where the members of each segment are one period later: in it, in another, out of scope, or bought nothing."""
    rows, named, least = [], _names(found), project.min_cell
    closed = hidden(moved.segments, moved.table, least=least) if "ahead" in found else None
    for place, name in enumerate(named if closed else []):
        row = found["counts"][place]
        if closed.moves[place] or closed.crossed[place]:  # with all of a row, those who departed would follow
            rows.append({"segment": name, "range": NONE, "idle_range": NONE})
            continue
        n, stay = sum(row), row[place]
        gone = {name: row[found["places"].index(name)] for name in (OUTSIDE, IDLE)}
        few = any(0 < count < least for count in gone.values())  # both hidden: their sum is told above
        parts = {"stay": stay, "other": n - stay - sum(gone.values())} | (dict.fromkeys(gone) if few else gone)
        shares = {name: None if count is None or not n else count / n for name, count in parts.items()}
        rows.append({"segment": name, "range": _range(stay, n)} | shares | {"idle_range": _range(parts[IDLE], n)})
    columns = [
        Column("segment", say("Segment")),
        Column("stay", say("In it still"), "share", 0),
        Column("range", say("95% interval")),
        Column("other", say("In another segment"), "share", 0),
        Column(OUTSIDE, say("Bought, not in scope"), "share", 0),
        Column(IDLE, say("Bought nothing"), "share", 0),
        Column("idle_range", say("95% interval of that")),
    ]
    days = words.number(found["horizon_days"])
    note = say("All members of {days} days ago. A dash: fewer than {least} customers, or what would tell of them.", days=days, least=least)
    frame = pd.DataFrame(rows, columns=[c.name for c in columns])
    return Table("flow_moves", say("Where members are {days} days later", days=days), frame, columns, note=note)


def caveats(found: dict) -> list[str]:
    """What could mislead about the projection."""
    if "ahead" not in found:
        return []
    limits = [
        say("The projection repeats one period. Where that was a season, it repeats the season."),
        say("New customers are taken to come as they did in that period; nobody promised them."),
        say("The value ahead of steps 4 and 6 is that of customers there are, of whom some leave; here those who come make up for them."),
    ]
    if found["money"] == "revenue":
        limits.append(say("Value ahead is revenue, not profit: no margin is typed (target.margin_rate)."))
    return limits


def _names(found: dict) -> list[str]:
    return [segment_name(s) for s in found.get("segments", [])]


def _money_name(found: dict) -> str:
    return say("Margin") if found.get("money") == "margin" else say("Revenue")


def _range(count: int | None, n: int) -> str:
    if count is None or not n:
        return NONE
    low, high = (words.share(end, 0) for end in wilson(count, n))
    return say("{low} to {high}", low=low, high=high)


def _money_interval(value: dict) -> str:
    low, high = words.money(value["low"], 0), words.money(value["high"], 0)
    return say("{low} to {high}", low=low, high=high)


def fold() -> str:
    """What stands in place of the table of moves until it is opened."""
    return say("Show where the members of each segment went")
