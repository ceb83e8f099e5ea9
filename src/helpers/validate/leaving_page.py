"""What the page of step 5 says of leaving a variable out: how much agreement between samples it costs, and on the same customers."""

import pandas as pd

from helpers import words
from helpers.charts.style import NEUTRAL, PALE
from helpers.project import Project
from helpers.tables import nothing
from helpers.validate.leaving_out import NONE
from helpers.validate.sheet_page import titles_of
from helpers.words import mark, say, say_n

WHY_NOT = {
    "few customers": mark("What leaving a variable out would change cannot be told: there are too few customers."),
    "few profiles": mark("What leaving a variable out would change cannot be told: too few customers differ by these variables."),
    "one variable": mark("What leaving a variable out would change cannot be told: there is one variable on the sheet."),
}
SAME = 0.95
"""Agreement from which two partitions are called the same."""


def without_frame(found: dict, project: Project) -> pd.DataFrame:
    """label (with the agreement on the same customers), value (agreement lost between samples), low and high: what loses most first."""
    labels = _labels(found, project)
    rows = [{"label": labels[name], "value": v["lost"], "low": v["low"], "high": v["high"]} for name, v in found["variables"].items()]
    frame = pd.DataFrame(rows, columns=["label", "value", "low", "high"])
    frame[["value", "low", "high"]] = frame[["value", "low", "high"]].astype("float64")
    return frame.sort_values("value", ascending=False, kind="stable", na_position="last", ignore_index=True)


def _labels(found: dict, project: Project) -> dict[str, str]:
    titles, labels = titles_of(project), {}
    for name, v in found["variables"].items():
        title = titles.get(name, name)
        agreement = None if v["agreement"] is None else words.number(v["agreement"], 2)
        labels[name] = title if agreement is None else say("{variable} ({agreement})", variable=title, agreement=agreement)
    return labels


def colours(found: dict, project: Project) -> dict[str, str]:
    """Blue where leaving the variable out changes the segments, grey where no change is shown: an interval is seen on both."""
    labels = _labels(found, project)
    return {labels[name]: PALE if v["more"] else NEUTRAL for name, v in found["variables"].items()}


def range_of_chance() -> str:
    """What the whiskers are."""
    return say("95 % interval over all variables together")


def without_words(found: dict, project: Project) -> dict:
    """The words of the chart."""
    name = "without"
    if found["why"]:
        reason = WHY_NOT[found["why"]]
        return nothing(name, say(reason))
    if not found["samples"]:
        return nothing(name, without_finding(found, project))
    more, all_of = [v for v in found["variables"].values() if v["more"]], found["variables"]
    title = say_n(
        "Leaving out {n} of {all} variables changes the segments",
        "Leaving out any one of {n} of {all} variables changes the segments",
        len(more),
        all=len(all_of),
    )
    return {
        "name": name,
        "title": title if more else say("For no variable is it shown that leaving it out changes the segments"),
        "subtitle": say(
            "Agreement between two samples of customers that is lost without it (adjusted Rand index: 1 = same segments, 0 = as by lot); "
            "blue: changes the segments, grey: no change shown. In brackets: agreement with and without it on the same customers"
        ),
        "alt": without_finding(found, project),
        "source": _source(found),
    }


def _source(found: dict) -> str:
    starts = [found["full"]["starts"], *(v["starts"] for v in found["variables"].values() if v["starts"])]
    values = {"n": words.number(found["customers"]), "k": found["segments"], "least": min(starts), "most": max(starts)}
    how = say("Source: k-means on the axes of step 6, {k} segments, {n} customers, best of {least} to {most} starts.", **values)
    if min(starts) == max(starts):
        how = say("Source: k-means on the axes of step 6, {k} segments, {n} customers, best of {most} starts.", **values)
    drawn = {"pairs": found["samples"]["pairs"], "starts": found["samples"]["starts"], "none": words.number(NONE, 2)}
    lost = say("Lost: mean of {pairs} pairs of bootstrap samples, best of {starts} starts each; up to {none} counts as none.", **drawn)
    return f"{how} {lost}"


def without_finding(found: dict, project: Project) -> str:
    """Without which variables the segments of two samples agree less, for how many that is not shown, and what changes on the same."""
    if found["why"]:
        reason = WHY_NOT[found["why"]]
        return say(reason)
    titles, variables = titles_of(project), found["variables"]
    if not found["samples"]:
        told = say("What leaving a variable out would change between samples cannot be told: too few customers differ.")
    else:
        told = _between_samples(found, titles)
    return f"{told} {_most_and_least(variables, titles)}".strip()


def _between_samples(found: dict, titles: dict[str, str]) -> str:
    variables, agreement = found["variables"], words.number(found["samples"]["agreement"], 2)
    first = say("With the full list, two samples of customers agree at {agreement}.", agreement=agreement)
    more = sorted((n for n, v in variables.items() if v["more"]), key=lambda n: -variables[n]["lost"])
    steadier = [titles.get(n, n) for n, v in variables.items() if v["more"] is False and v["high"] < -NONE]
    rest = sum(v["more"] is False for v in variables.values())
    parts = [first]
    if more:
        named = [f"{titles.get(n, n)} ({words.number(variables[n]['lost'], 2)})" for n in more]
        parts.append(say("The segments change, and agreement is lost, without: {names}.", names=words.join(named)))
        if rest:
            parts.append(say_n("For the other {n} no change is shown.", "For the other {n} no change is shown.", rest))
    else:
        parts.append(
            say("For none of the variables is it shown that leaving it out changes the segments; that does not prove the contrary.")
        )
    if steadier:
        parts.append(say("Two samples agree better without: {names}.", names=words.join(steadier)))
    return " ".join(parts)


def _most_and_least(variables: dict[str, dict], titles: dict[str, str]) -> str:
    known = sorted((v["agreement"], titles.get(name, name)) for name, v in variables.items() if v["agreement"] is not None)
    if len(known) < 2:
        return ""
    (low, most), (high, least) = known[0], known[-1]
    low, high = words.number(low, 2), words.number(high, 2)
    return say(
        "On the same customers, the segments agree least with those of the full list without {most} ({low}), "
        "most without {least} ({high}).",
        most=most,
        low=low,
        least=least,
        high=high,
    )


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
    untold = [titles.get(n, n) for n, v in fits.items() if v["more"] is None and v["agreement"] is not None]
    if found["samples"] and untold:
        result.append(
            say("What these change between samples cannot be told, too few customers drawn differ: {names}.", names=words.join(untold))
        )
    if found["of"] > found["customers"]:
        drawn, all_of = words.number(found["customers"]), words.number(found["of"])
        result.append(say("What leaving a variable out changes was tried on {n} of {all} customers, drawn by lot.", n=drawn, all=all_of))
    if found["samples"]:
        result.append(say("“No change shown” is not “no change”: more pairs of samples could show a smaller one."))
        result.append(
            say(
                "The intervals tell of draws from these customers, not of other customers: what is related here by chance, as it may be "
                "among few, counts as a change."
            )
        )
    return result
