"""What the page of step 6 says of the evidence: candidates, contest, stability, and what could mislead."""

from html import escape

import pandas as pd

from helpers import words
from helpers.build.candidates import CANDIDATES, TITLES, lacking
from helpers.build.contest_page import USES, verdict_words
from helpers.build.portraits import misfits, segment_name, titles
from helpers.masking import withheld
from helpers.project import Project
from helpers.tables import Column, Table, finding, min_cell, nothing, place_on_page
from helpers.variables.catalogue import MEASURES
from helpers.words import mark, say, say_n

STEADY = 0.8
"""Adjusted Rand index from which two builds are nearly the same."""
HOW = {
    "rfm": mark("recency, frequency and monetary value in fifths, one to five points each; the sum cut into groups"),
    "hcpc": mark("principal axes of all signed variables, Ward’s tree, then k-means from its classes and from many cold starts"),
    "crossing": mark("{first} by {second}, small neighbouring cells merged"),
    "bands": mark("{first}, in bands of equal numbers of customers"),
    "slices": mark("the first principal axis of all signed variables, cut into equal numbers of customers"),
    "tree": mark("a tree on all signed variables, trained one window earlier to predict the objective"),
    "panel_tree": mark("the same, trained to predict the behaviours of the panel"),
    "chance": mark("drawn by lot"),
}


def candidates_table(made, project: Project) -> Table:
    """The candidates and the rules they are measured against, each with how it cuts."""
    named, rows = titles(project), []
    for key, title in TITLES.items():
        document = made.documents.get(key)
        used = [named[v["name"]].lower() for v in document["variables"]] if document else []
        used += used[:1] if len(used) == 1 else []
        values = {"first": used[0], "second": used[1]} if key in ("crossing", "bands") else {}
        role = say("candidate") if key in CANDIDATES else say("simple rule") if key != "chance" else say("chance")
        out = lacking(key, project)
        role, how = (say("not possible here"), _lacking_words(out)) if out else (role, say(HOW[key], **values))
        rows.append({"title": say(title), "role": role, "how": how})
    columns = [Column("title", say("Way of cutting")), Column("role", say("Role")), Column("how", say("How"))]
    note = say("All are cut into {k} groups: more groups explain more by themselves.", k=words.number(project.scope.segments_wanted))
    built = sum(not lacking(key, project) for key in CANDIDATES)
    caption = say("Three candidates, and what they must beat")
    if built < len(CANDIDATES):
        caption = say_n("{n} candidate, and what it must beat", "{n} candidates, and what they must beat", built)
    return Table("candidates", caption, pd.DataFrame(rows), columns, note=note)


def _lacking_words(names: list[str]) -> str:
    known = {v.name: v for v in MEASURES}
    return say("these data do not tell: {names}", names=words.join([known[name].title().lower() for name in names]))


def chosen_words(chosen: str, by: str) -> str:
    """Which recipe is published, and who chose it."""
    title = say(TITLES[chosen])
    if by == "people":
        return say("Published: “{title}”, by decision (build.chosen of project.yml).", title=title)
    if by == "evidence":
        return say("Published: “{title}”, which told most of what to say; nobody has decided otherwise.", title=title)
    return say("Published: “{title}”, by default: nothing could be judged, and nobody has decided.", title=title)


def dropped_words(made, project: Project) -> str:
    """Whether all signed variables could be used."""
    out = made.evidence["dropped"]
    if not out:
        return say("All signed variables tell customers apart and are used.")
    names = words.join([titles(project)[name].lower() for name in out])
    return say("The same for everybody within the outlier bounds, and therefore without effect: {names}.", names=names)


def objective_title(project: Project) -> str:
    """What the first score explains; objectives that are shares are judged by revenue."""
    return say("later orders") if project.objectives.main.metric == "orders_per_customer" else say("later revenue")


def show_sql(text: str, profiles: dict) -> None:
    """Show a query, folded, as text that can be copied; of segments too few to show it would tell the means, and is not shown."""
    if any(withheld(s, min_cell()) for s in profiles["segments"]):
        finding(
            say(
                "The segmentation as SQL is not printed here: it would tell what segments are like that are too small to be shown. It lies "
                "in the folder of the run, which is private (segments.sql of step 7)."
            )
        )
        return
    title = escape(say("The segmentation as SQL"))
    page = f'<details class="code"><summary>{title}</summary>\n<pre>{escape(text)}</pre>\n</details>\n'
    place_on_page({"text/html": page, "text/plain": text})


def stability_frame(stable: dict) -> pd.DataFrame:
    """label, value (median), low and high (quartiles) for each number of segments."""
    rows = []
    for k, values in stable.items():
        low, middle, high = pd.Series(values).quantile([0.25, 0.5, 0.75])
        rows.append({"k": k, "label": say_n("{n} segment", "{n} segments", k), "value": middle, "low": low, "high": high})
    return pd.DataFrame(rows, columns=["k", "label", "value", "low", "high"])


def quartiles() -> str:
    """What the whiskers of the chart of stability are."""
    return say("from quartile to quartile")


def stability_words(frame: pd.DataFrame, project: Project, starts: int, customers: int) -> dict:
    name = "stability"
    if frame.empty:
        return nothing(name, say("Stability cannot be told: there are too few customers."))
    k = project.scope.segments_wanted
    at, best = frame.set_index("k")["value"].get(k), frame.loc[frame["value"].idxmax()]
    claim = say("Two samples of the same customers give {k} segments that agree at {value}", k=k, value=words.number(at, 2))
    alt = say(
        "Agreement of two bootstrap solutions: {value} with {k} segments; highest, {best}, with {best_k}.",
        value=words.number(at, 2),
        k=k,
        best=words.number(best["value"], 2),
        best_k=int(best["k"]),
    )
    return {
        "name": name,
        "title": claim,
        "subtitle": say("Median adjusted Rand index, 0 = chance, 1 = the same segments; whiskers from quartile to quartile"),
        "alt": alt,
        "source": say(
            "Source: {pairs} pairs of bootstrap samples of {n} customers, {starts} cold starts each",
            pairs=project.build.pairs,
            n=words.number(customers),
            starts=starts,
        ),
    }


def reproduced_words(evidence: dict) -> str:
    """How often a cold start finds the partition that is kept."""
    gap = evidence["consolidated_within"] / evidence["best_within"] - 1 if evidence["chosen"] != "tree" else 0.0
    return say(
        "Of {starts} cold starts, {reproduced} find the partition that is kept, and {near} come within 1% of its sum of squares; the "
        "consolidated tree {tree}.",
        starts=words.number(evidence["starts"]),
        reproduced=words.share(evidence["reproduced"], 0),
        near=words.share(evidence["near"], 0),
        tree=say("finds it too")
        if evidence["chosen"] == "tree"
        else say("stops {gap} above the best sum of squares", gap=words.share(gap)),
    )


def gains_frame(evidence: dict) -> pd.DataFrame:
    """label, value: the share of all inertia that each cut of the tree gains."""
    whole = evidence["total"] / max(evidence["rows"], 1)
    cuts = enumerate(evidence["gains"], start=2)
    return pd.DataFrame(
        [{"k": k, "label": say("from {before} to {after}", before=k - 1, after=k), "value": gain / whole} for k, gain in cuts if whole]
    )


def gains_words(frame: pd.DataFrame, project: Project) -> dict:
    if frame.empty:
        return nothing("gains", say("The tree cannot be drawn: there are too few customers."))
    k = project.scope.segments_wanted
    kept, following = frame.loc[frame["k"] <= k, "value"].sum(), frame.loc[frame["k"] == k + 1, "value"].sum()
    return {
        "name": "gains",
        "title": say(
            "{k} classes keep {kept} of the differences; one more would add {more}",
            k=k,
            kept=words.share(kept, 0),
            more=words.share(following, 0),
        ),
        "subtitle": say("Inertia gained by each cut of Ward’s tree, share of all on the axes used"),
        "alt": say(
            "The first cuts of the tree gain {first} and {second} of inertia.",
            first=words.share(frame["value"].iloc[0], 0),
            second=words.share(frame["value"].iloc[1], 0) if len(frame) > 1 else words.share(0, 0),
        ),
        "source": say("Source: variables as signed, before consolidation"),
    }


def caveats(evidence: dict, profiles: dict, project: Project, *, agreement: float | None) -> list[str]:
    """What could mislead, each with the size of its effect.

    agreement   adjusted Rand index of the earlier build and the published one, on the same customers
    """
    result = [
        say(
            "Whether these segments exist apart from the cut is not tested yet: that takes a comparison with data that hold none. Until "
            "then read them as a useful convention."
        )
    ]
    if agreement is not None:
        told = say(
            "Built again one horizon earlier and applied to the same customers, the segments agree at {agreement} (adjusted Rand "
            "index, 1 = the same).",
            agreement=words.number(agreement, 2),
        )
        loose = say("Many customers lie near a border.") if agreement < STEADY else say("These are nearly the same segments.")
        result.append(f"{told} {loose}")
    found = evidence.get("reproducibility")
    if found and found["near"] > found["reproduced"] + 0.05:  # else the two say the same
        result.append(
            say(
                "A sum of squares within 1% of the best is no proof of the same segments: {near} of the starts reach it, and half of all "
                "starts agree with the published partition at less than {median}.",
                near=words.share(found["near"], 0),
                median=words.number(found["median_agreement"], 2),
            )
        )
    small = [s for s in profiles["segments"] if s["n"] < project.min_cell]
    if small:
        result.append(
            say_n(
                "{n} segment has fewer than {least} customers and is not described.",
                "{n} segments have fewer than {least} customers and are not described.",
                len(small),
                least=words.number(project.min_cell),
            )
        )
    result += misfits(profiles, project)
    if evidence["contest"]:
        result.append(
            say(
                "The contest rests on one later period, {days} days long; another season may rank the ways otherwise.",
                days=project.scope.horizon_days,
            )
        )
    return result


def _headline(evidence: dict, profiles: dict) -> str:
    """What the contest says of both uses, in one sentence."""
    objective, panel = (evidence["verdicts"][use]["verdict"] for use in USES)
    values = {"k": words.number(profiles["k"]), "n": words.number(profiles["customers"])}
    if objective == panel == "cannot tell":
        return say("{n} customers in {k} segments, not judged on a later period: the history is too short.", **values)
    if objective == panel == "segments":
        return say("{n} customers in {k} segments, which tell whom to spend on and what to say.", **values)
    if objective == panel == "none":
        return say("{n} customers in {k} segments; nothing here tells more of the later period than chance.", **values)
    if (objective, panel) == ("rules", "segments"):
        return say("{n} customers in {k} segments: rules for the budget, segments for the message.", **values)
    if (objective, panel) == ("rules", "level"):
        return say("{n} customers in {k} segments: rules for the budget; for the message segments and a short rule tell as much.", **values)
    if (objective, panel) == ("cannot tell", "segments"):
        return say("{n} customers in {k} segments, which tell what to say; for the budget they could not be judged.", **values)
    if (objective, panel) == ("segments", "cannot tell"):
        return say("{n} customers in {k} segments, which tell whom to spend on; for the message they could not be judged.", **values)
    if panel == "segments":
        return say("{n} customers in {k} segments, which tell what to say; for the budget they are not needed.", **values)
    if objective == "segments":
        return say("{n} customers in {k} segments, which tell whom to spend on; for the message they are not needed.", **values)
    if "cannot tell" in (objective, panel):
        return say("{n} customers in {k} segments; where it could be judged, simple rules do as well.", **values)
    return say("{n} customers in {k} segments; simple rules do as well for every use.", **values)


def summary(evidence: dict, profiles: dict, project: Project, *, by: str) -> dict:
    """Headline, points, figures, what is not known and what to do.

    by   who chose the recipe: people, evidence or nobody
    """
    stable = evidence["stability"].get(str(project.scope.segments_wanted))
    largest = max(profiles["segments"], key=lambda s: (s["share_of_revenue"] or 0, s["id"]))
    figures = [
        (say("Customers in segments"), words.number(profiles["customers"])),
        (say("Stability of the whole"), words.number(stable["median"], 2) if stable else say("cannot tell")),
        (
            say("Starts that find the same segments"),
            words.share(evidence["reproducibility"]["reproduced"], 0) if evidence["reproducibility"] else "–",
        ),
    ]
    points = [verdict_words(evidence, use) for use in USES]
    if not withheld(largest, project.min_cell) and largest["share_of_revenue"]:
        points.append(
            say(
                "“{name}”: {customers} of the customers, {revenue} of the revenue.",
                name=segment_name(largest),
                customers=words.share(largest["share_of_customers"], 0),
                revenue=words.share(largest["share_of_revenue"], 0),
            )
        )
    todo = []
    if any(s["name"] is None for s in profiles["segments"]):
        todo.append(say("Name the segments in build.segments of project.yml, with what each is expected to be like."))
    if by != "people":
        todo.append(say("Decide which segmentation is published: build.chosen of project.yml."))
    best, published = evidence["verdicts"]["panel"]["best_candidate"], profiles["chosen"]
    if by == "people" and best and best != published and published in CANDIDATES:
        todo.append(
            say(
                "Decide whether “{chosen}” stays published: for the message “{best}” told more of the later period.",
                chosen=say(TITLES[published]),
                best=say(TITLES[best]),
            )
        )
    unknown = [say("Whether the segments exist in nature or only by our cut: not tested yet.")]
    return {"headline": _headline(evidence, profiles), "points": points, "figures": figures, "unknown": unknown, "todo": todo}
