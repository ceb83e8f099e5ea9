"""What the page of step 8 says of the test that is planned."""

import pandas as pd

from helpers import words
from helpers.build.portraits import segment_name
from helpers.objectives.figures import RESPONSE_DAYS
from helpers.tables import Column, Table
from helpers.words import mark, say, say_n

ADVICE = {
    "alone": mark("learn from it alone"),
    "together": mark("learn from all together"),
    "again": mark("add up campaigns"),
    "bolder": mark("too small to learn from: try a bolder offer"),
    "cannot tell": mark("cannot tell"),
}


def design_table(design: dict, plan: dict) -> Table:
    """What the test could show, how large its control group should be, and how long it takes."""
    names = {s["id"]: segment_name(s) for s in plan["segments"]}
    rows = [_design_row(names[line["id"]], line) for line in design["segments"] if line["offer"]]
    if design["pooled"] and len(rows) > 1:
        rows.append(_design_row(say("All together"), design["pooled"] | {"verdict": None}))
    columns = [
        Column("name", say("Segment")),
        Column("n", say("In the test"), "count", people=True),
        Column("base", say("Answers to expect"), "share", 1),
        Column("smallest", say("Smallest visible rise, points"), "number", 1),
        Column("best", say("Control share that makes it smallest"), "share", 0),
        Column("at_best", say("Smallest rise there, points"), "number", 1),
        Column("enough", say("Smallest control share that will do"), "share", 0),
        Column("days", say("Days until it is known"), "count"),
        Column("advice", say("Best learnt from")),
    ]
    note = say(
        "Answers to expect: as in control groups where these are known, else as earlier mailings were answered. Visible: found in four "
        "cases of five at a 5% level. Will do: shows the plausible rise of {rise} points. A campaign is known "
        "{wait} days after its sending; where one is not enough, the days of as many as it takes, one every {gap} days, a lower bound. A "
        "dash: cannot tell, or no share or number does.",
        rise=_points(design["plausible"]),
        wait=words.number(RESPONSE_DAYS),
        gap=words.number(design["wait_days"]),
    )
    frame = pd.DataFrame(rows, columns=[c.name for c in columns])
    return Table("design", say("The test of this campaign: what it could show, and how to make it show more"), frame, columns, note=note)


def _design_row(name: str, line: dict) -> dict:
    scaled = {key: None if line[key] is None else line[key] * 100 for key in ("smallest", "at_best")}
    advice = ADVICE[line["verdict"]] if line["verdict"] else None
    row = {"name": name, "n": line["n"], "base": line["base"], "best": line["best_share"], "enough": line["least_share"]}
    return row | scaled | {"days": line["days"], "advice": say(advice) if advice else ""}


def design_words(design: dict, plan: dict) -> str:
    """What to do about the test, in a few sentences."""
    sized = [line for line in design["segments"] if line["n"] is not None]
    if not sized:
        return say(
            "What a test could show cannot be told: no segment has an offer, enough customers and a known rate of answers. Contact, keep "
            "the control group, and the next run will tell."
        )
    alone = sum(line["verdict"] == "alone" for line in sized)
    parts = [
        say_n(
            "Of {all} segment that can be judged, {n} can be learnt from alone.",
            "Of {all} segments that can be judged, {n} can be learnt from alone.",
            len(sized),
            all=words.number(len(sized)),
            n=words.number(alone),
        )
    ]
    return " ".join([*parts, *_cheapest(design), *_others(design)])


def _cheapest(design: dict) -> list[str]:
    """The control share that would do for all together, against the one that is typed."""
    pooled, typed = design["pooled"], design["control_share"]
    if pooled["least_share"] is None:
        return [say("All together no control share would show the plausible rise: add up campaigns, or try a bolder offer.")]
    values = {"least": words.share(pooled["least_share"], 0), "typed": words.share(typed, 0), "best": words.share(pooled["best_share"], 0)}
    if pooled["least_share"] <= typed:
        return [say("For all together {least} as control would do; {typed} are typed, and {best} would show the smallest rise.", **values)]
    return [say("For all together it takes {least} as control, and {typed} are typed: raise target.control_share.", **values)]


def _others(design: dict) -> list[str]:
    """What versions and the control of all campaigns could show."""
    found, versions, universal = [], design["versions"], design["universal"]
    if versions and versions["smallest"] is not None:
        found.append(
            say_n(
                "Of {n} version the test tells two apart that differ by {points} points or more.",
                "Of {n} versions the test tells two apart that differ by {points} points or more.",
                versions["many"],
                n=words.number(versions["many"]),
                points=_points(versions["smallest"]),
            )
        )
    if universal and universal["smallest"] is not None:
        found.append(
            say(
                "The {n} customers left out of every campaign show what all campaigns together bring from {points} points on.",
                n=words.number(universal["n"]),
                points=_points(universal["smallest"]),
            )
        )
    return found


def _points(share: float) -> str:
    return words.number(share * 100, 1)
