"""What the page of step 5 says of leaving a variable out: how far the segments would change, beside what chance changes."""

import pandas as pd

from helpers import words
from helpers.charts.style import ACCENT, PALE
from helpers.project import Project
from helpers.tables import nothing
from helpers.validate.page import titles_of
from helpers.words import mark, say, say_n

WHY_NOT = {
    "few customers": mark("What leaving a variable out would change cannot be told: there are too few customers."),
    "few profiles": mark("What leaving a variable out would change cannot be told: too few customers differ by these variables."),
    "one variable": mark("What leaving a variable out would change cannot be told: there is one variable on the sheet."),
}
SAME = 0.95
"""Agreement from which two partitions are called the same."""


def without_frame(found: dict, project: Project) -> pd.DataFrame:
    """label, value (agreement), low and high (8 of 10 draws, for chance alone): what changes most first, and chance in its place."""
    titles = titles_of(project)
    rows = [{"label": titles.get(name, name), "value": each["agreement"]} for name, each in found["variables"].items()]
    if rows and found["chance"]:
        low, median, high = (found["chance"][part] for part in ("low", "median", "high"))
        rows.append({"label": by_chance(), "value": median, "low": low, "high": high})
    frame = pd.DataFrame(rows, columns=["label", "value", "low", "high"])
    frame[["value", "low", "high"]] = frame[["value", "low", "high"]].astype("float64")
    return frame.sort_values("value", kind="stable", na_position="last", ignore_index=True)


def by_chance() -> str:
    """What the bar of chance is called."""
    return say("nothing left out, customers drawn anew")


def colours(found: dict, project: Project) -> dict[str, str]:
    """Dark where leaving the variable out changes more than chance; whatever is not named is drawn in grey."""
    titles = titles_of(project)
    return {titles.get(name, name): ACCENT if each["more"] else PALE for name, each in found["variables"].items()}


def range_of_chance() -> str:
    """What the whisker on the bar of chance is."""
    return say("8 of 10 draws")


def without_words(found: dict, project: Project) -> dict:
    """The words of the chart."""
    name = "without"
    if found["why"]:
        reason = WHY_NOT[found["why"]]
        return nothing(name, say(reason))
    more, all_of = [v for v in found["variables"].values() if v["more"]], found["variables"]
    if found["chance"]:
        title = say_n(
            "Leaving out {n} of {all} variables changes the segments more than chance",
            "Leaving out any one of {n} of {all} variables changes the segments more than chance",
            len(more),
            all=len(all_of),
        )
        title = title if more else say("Leaving out any one variable changes the segments no more than chance")
    else:
        title = say("What would change if a variable were left out")
    subtitle = say("Same segments without it? Adjusted Rand index: 1 = the same, 0 = as by lot")
    if more:
        subtitle = say("Same segments without it? Adjusted Rand index: 1 = the same, 0 = as by lot; dark: changes more than chance")
    return {
        "name": name,
        "title": title,
        "subtitle": subtitle,
        "alt": without_finding(found, project),
        "source": _source(found),
    }


def _source(found: dict) -> str:
    starts = [found["full"]["starts"], *(v["starts"] for v in found["variables"].values() if v["starts"])]
    values = {"n": words.number(found["customers"]), "k": found["segments"], "least": min(starts), "most": max(starts)}
    how = say("Source: k-means on the axes of step 6, {k} segments, {n} customers, best of {least} to {most} starts.", **values)
    if min(starts) == max(starts):
        how = say("Source: k-means on the axes of step 6, {k} segments, {n} customers, best of {most} starts.", **values)
    if not found["chance"]:
        return how
    drawn = say("Drawn anew: {pairs} pairs of bootstrap samples.", pairs=found["chance"]["pairs"])
    return f"{how} {drawn}"


def without_finding(found: dict, project: Project) -> str:
    """Which variables change the segments more than another draw of customers does, and which no more."""
    if found["why"]:
        reason = WHY_NOT[found["why"]]
        return say(reason)
    titles, variables = titles_of(project), found["variables"]
    if not found["chance"]:
        return say("How much chance alone would change cannot be told: too few customers differ.")
    return f"{_beyond_chance(found, titles)} {_most_and_least(variables, titles)}".strip()


def _beyond_chance(found: dict, titles: dict[str, str]) -> str:
    variables, chance = found["variables"], found["chance"]
    low, median = words.number(chance["low"], 2), words.number(chance["median"], 2)
    more = sorted((n for n, v in variables.items() if v["more"]), key=lambda n: variables[n]["agreement"])
    if not more:
        return say(
            "Leaving out any one variable changes the segments no more than another draw of customers may: that agrees at {median}, and "
            "in one case of ten at {low} or less.",
            median=median,
            low=low,
        )
    told = words.join([titles.get(name, name) for name in more])
    rest = sum(v["more"] is False for v in variables.values())
    first = say("Beyond chance (agreement below {low}), the segments are others without: {names}.", low=low, names=told)
    return first if not rest else f"{first} " + say_n("The other {n} changes no more.", "The other {n} change no more.", rest)


def _most_and_least(variables: dict[str, dict], titles: dict[str, str]) -> str:
    known = sorted((v["agreement"], titles.get(name, name)) for name, v in variables.items() if v["agreement"] is not None)
    if len(known) < 2:
        return ""
    (low, most), (high, least) = known[0], known[-1]
    low, high = words.number(low, 2), words.number(high, 2)
    return say("They change most without {most} ({low}), least without {least} ({high}).", most=most, low=low, least=least, high=high)


def without_caveats(found: dict, project: Project) -> list[str]:
    """What could mislead in these figures, each with its size."""
    if found["why"]:
        return []
    titles, fits = titles_of(project), {**found["variables"]}
    result = []
    unsure = [n for n, v in fits.items() if v["again"] is not None and v["again"] < SAME]
    if found["full"]["again"] < SAME:
        again = words.number(found["full"]["again"], 2)
        result.append(
            say("Two halves of the starts on the full list agree at {again} only: part of each change is luck of the start.", again=again)
        )
    if unsure:
        told = words.join([titles.get(n, n) for n in unsure])
        result.append(say("Without one of these, the starts do not find one best partition: {names}.", names=told))
    cannot = [titles.get(n, n) for n, v in fits.items() if v["agreement"] is None]
    if cannot:
        result.append(say("Without one of these, too few customers differ to cut as many segments: {names}.", names=words.join(cannot)))
    return result
