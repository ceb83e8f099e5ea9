"""What the page of step 6 says of the evidence: candidates, contest, stability, and what could mislead."""

from html import escape

import pandas as pd

from helpers import words
from helpers.build.candidates import CANDIDATES, TITLES
from helpers.build.portraits import segment_name, titles
from helpers.project import Project
from helpers.tables import Column, Table, nothing, place_on_page
from helpers.words import mark, say, say_n

STEADY = 0.8
"""Adjusted Rand index from which two builds are nearly the same."""
USES = {"objective": mark("whom to spend on"), "panel": mark("what to say")}
HOW = {
    "rfm": mark("recency, frequency and monetary value in fifths, one to five points each; the sum cut into groups"),
    "hcpc": mark("principal axes of all signed variables, Ward’s tree, then k-means from its classes and from many cold starts"),
    "crossing": mark("{first} by {second}, small neighbouring cells merged"),
    "bands": mark("{first}, in bands of equal numbers of customers"),
    "tree": mark("a tree on all signed variables, trained one window earlier to predict the objective"),
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
        rows.append({"title": say(title), "role": role, "how": say(HOW[key], **values)})
    columns = [Column("title", say("Way of cutting")), Column("role", say("Role")), Column("how", say("How"))]
    note = say("All are cut into {k} groups: more groups explain more by themselves.", k=words.number(project.scope.segments_wanted))
    return Table("candidates", say("Three candidates, and what they must beat"), pd.DataFrame(rows), columns, note=note)


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


def show_sql(text: str) -> None:
    """Show a query, folded, as text that can be copied."""
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


def contest_frame(evidence: dict, use: str) -> pd.DataFrame:
    """label, value, low, high of one score."""
    rows = [{"name": name, "label": say(TITLES[name]), **scores[use]} for name, scores in evidence["contest"].items() if scores.get(use)]
    return pd.DataFrame(rows, columns=["name", "label", "value", "low", "high"])


def contest_words(evidence: dict, use: str, objective: str) -> dict:
    """The words of the contest's chart for one use."""
    frame, name = contest_frame(evidence, use), f"contest_{use}"
    if frame.empty:
        return nothing(name, say("Not judged for {use}: no later period can be seen.", use=say(USES[use])))
    best = frame.loc[frame["value"].idxmax()]
    claim = (
        say(
            "Of {what}, “{name}” tells most: {share} of the differences",
            what=objective,
            name=best["label"],
            share=words.share(best["value"], 0),
        )
        if use == "objective"
        else say(
            "For how they buy, “{name}” tells most: {share} of later differences", name=best["label"], share=words.share(best["value"])
        )
    )
    subtitle = (
        say("Share of the variance of {what} in the days after, whiskers: 95% interval", what=objective)
        if use == "objective"
        else say("Mean share of variance over the panel’s behaviours in the days after, whiskers: 95% interval")
    )
    others = words.join([f"{r.label} {words.share(r.value)}" for r in frame.sort_values("value", ascending=False).itertuples()])
    window = evidence["window"]
    source = say(
        "Source: built as of {built}, judged until {until}, on the half of {n} customers that was not used to pick",
        built=words.day(window["built_at"]),
        until=words.day(window["judged_until"]),
        n=words.number(evidence["customers"]),
    )
    return {"name": name, "title": claim, "subtitle": subtitle, "alt": say("Scores: {scores}.", scores=others), "source": source}


def verdict_words(evidence: dict, use: str) -> str:
    """The verdict of one use, with the best that can be done nevertheless."""
    verdict = evidence["verdicts"][use]
    kind, best, rule = verdict["verdict"], verdict["best_candidate"], verdict["best_rule"]
    if kind == "cannot tell":
        return say(
            "For {use}: cannot tell. The history is too short, or there are too few customers; use the segments as a convention and judge "
            "them on the next period.",
            use=say(USES[use]),
        )
    if kind == "none":
        return say("For {use}: nothing here tells more than chance; treat everybody alike, or collect what would tell.", use=say(USES[use]))
    gain = evidence["contest"][best][f"{use}_gain"]
    values = {
        "use": say(USES[use]),
        "best": say(TITLES[best]),
        "rule": say(TITLES[rule]),
        "gain": words.number(abs(gain["value"]) * 100, 1),
        "low": words.number(min(abs(gain["low"]), abs(gain["high"])) * 100, 1),
        "high": words.number(max(abs(gain["low"]), abs(gain["high"])) * 100, 1),
    }
    if kind == "rules":
        return say(
            "For {use}: do not cluster. “{rule}” tells {gain} points more than the best candidate, “{best}” (95% interval {low} to "
            "{high}): use that rule.",
            **values,
        )
    if kind == "segments":
        return say(
            "For {use}: “{best}” tells {gain} points more than the best simple rule, “{rule}” (95% interval {low} to {high}): "
            "use segments.",
            **values,
        )
    return say("For {use}: no difference shown between “{best}” and “{rule}”; the simple rule does as well.", **values)


def contest_table(evidence: dict) -> Table:
    """Both scores of every way, the gain on the best simple rule, and the other numbers of segments."""
    rows = []
    for name, scores in evidence["contest"].items():
        row = {"title": say(TITLES[name]), "segments": scores["segments"]}
        for use in ("objective", "panel"):
            row[use] = (scores[use] or {}).get("value")
            gain = scores.get(f"{use}_gain")
            row[f"{use}_gain"] = None if not gain else _interval(gain)
        rows.append(row)
    frame = pd.DataFrame(rows, columns=["title", "segments", "objective", "objective_gain", "panel", "panel_gain"])
    columns = [
        Column("title", say("Way of cutting")),
        Column("segments", say("Groups"), "count"),
        Column("objective", say("Objective explained"), "share", 1),
        Column("objective_gain", say("Against the best simple rule, points")),
        Column("panel", say("Panel explained, mean"), "share", 1),
        Column("panel_gain", say("Against the best simple rule, points")),
    ]
    note = say(
        "Intervals hold for all candidates at once. One half of the customers was used to pick the best rule, the other half gives these "
        "figures."
    )
    return Table("contest", say("The contest on the later period"), frame, columns, note=note)


def _interval(gain: dict) -> str:
    return say(
        "{value} ({low} to {high})",
        value=words.signed(gain["value"] * 100, 1),
        low=words.signed(gain["low"] * 100, 1),
        high=words.signed(gain["high"] * 100, 1),
    )


def other_k_table(evidence: dict) -> Table:
    """The scores of each recipe at every number of segments of the scope: drawn, not judged."""
    ks = [k for k, scores in evidence["other_k"].items() if scores]
    rows = [
        {"title": say(TITLES[name]), "use": say(USES[use])} | {k: evidence["other_k"][k].get(name, {}).get(use) for k in ks}
        for use in USES
        for name in TITLES
        if any(name in evidence["other_k"][k] for k in ks)
    ]
    columns = [
        Column("use", say("Use")),
        Column("title", say("Way of cutting")),
        *(Column(k, say_n("{n} group", "{n} groups", int(k)), "share", 1) for k in ks),
    ]
    frame = pd.DataFrame(rows, columns=[c.name for c in columns])
    note = say("Share of later differences explained. Shown, not judged: more groups explain more by themselves.")
    return Table("other_k", say("The same with other numbers of groups"), frame, columns, note=note)


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
    if found:
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
    withdrawn = [s["id"] for s in profiles["segments"] if s["fits"] is False]
    if withdrawn:
        result.append(
            say(
                "The names typed for {segments} do not fit what was built and are withdrawn; name these segments again in project.yml.",
                segments=words.join(withdrawn),
            )
        )
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
    if largest["n"] >= project.min_cell and largest["share_of_revenue"]:
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
