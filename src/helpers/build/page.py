"""What the page of step 6 says as a whole: which segmentation is published and by whom, its limits, and the summary on top."""

import os
from html import escape

import pandas as pd

from helpers import words
from helpers.build import manual_page, rules_page, stability_page, structure_page
from helpers.build.contest_page import USES, title, verdict_words
from helpers.build.criteria import page as criteria_page
from helpers.build.methods import RULES
from helpers.build.portraits import misfits, segment_name
from helpers.build.stability_page import STEADY
from helpers.build.structure_page import recommended_words
from helpers.build.structure_page import verdict_words as structure_words
from helpers.masking import withheld
from helpers.project import Project
from helpers.tables import finding, min_cell, nothing, place_on_page
from helpers.words import mark, say, say_n

CONVENTION = "convention"
"""The verdict on the structure of what is cut by rules: a convention by construction."""


def chosen_words(chosen: str, by: str, approval: dict | None = None) -> str:
    """Which recipe is published, and who chose it; approval: result of `published.approval`."""
    name = title(chosen)
    if approval and approval["role"]:
        values = {"role": words.text(approval["role"]), "day": words.day(approval["on"]), "run": approval["run"]}
        return say(
            "Published: “{title}”, as it was built for {run}, approved by {role} on {day}; nothing was fitted again.", title=name, **values
        )
    if approval:
        return say(
            "Published: “{title}”, as it was built for {run}; nothing was fitted again, and nobody has approved any.",
            title=name,
            run=approval["run"],
        )
    if by == "approved":
        return say("Published: “{title}”, as it was built for an earlier run and approved; nothing in it was fitted again.", title=name)
    if by == "people":
        return say("Published: “{title}”, by decision (build.chosen of project.yml).", title=name)
    if by == "evidence":
        return say("Published: “{title}”, which told most of what to say; nobody has decided otherwise.", title=name)
    return say("Published: “{title}”, by default: nothing could be judged, and nobody has decided.", title=name)


def objective_title(project: Project) -> str:
    """What the first score explains; objectives that are shares are judged by revenue."""
    return say("later orders") if project.objectives.main.metric == "orders_per_customer" else say("later revenue")


def structure_sentence(structure: dict | None) -> str:
    """The verdict on structure in one plain sentence."""
    if structure is None:
        return say("Whether the segments exist apart from the cut was not tested.")
    return structure_words(structure)


def progress(done: int, of: int) -> None:
    """Say how far long work is, where somebody looks on: a line that replaces itself in JupyterLab, nothing on a page."""
    import sys

    if sys.stderr.isatty() or "ipykernel" in sys.modules and not os.environ.get("NINEFOLD_RUN"):
        print(f"\r{done}/{of}", end="" if done < of else "\n", file=sys.stderr, flush=True)


def rules_words(counted, typed) -> str:
    """What the rules of the company's own do, or where they would be typed."""
    if counted is None:
        return say("No rules are typed: build.rules of project.yml takes them, such as `spend_per_30d >= 50 and not recency_days > 60`.")
    return " ".join([rules_page.rules_words(counted, typed), *rules_page.consequences_words(counted, typed)])


def structure_reasons(structure: dict, columns: dict, wanted: int) -> list[str]:
    """Why the verdict is what it is, which number of segments it recommends, what to beware of, and what to do nevertheless."""
    if structure["verdict"] == CONVENTION:
        return [say("Whether they are worth having is told by the contest and by the five criteria.")]
    titles = {name: column.title() for name, column in columns.items()}
    told = [
        *structure_page.reasons(structure),
        structure_page.recommended_words(structure, wanted),
        structure_page.compared_words(structure),
    ]
    return [*told, *structure_page.warnings(structure, titles), structure_page.nevertheless_words(structure)]


def stability_frame(stable: dict, structure: dict):
    """What the chart of stability draws; nothing for a convention."""
    return stability_page.against_frame({} if structure["verdict"] == CONVENTION else stable["stability"], structure["by_k"])


def stability_words(frame, stable: dict, structure: dict, k: int) -> dict:
    """Words of the chart of stability against the number of segments; rules are not looked for, and come back by themselves."""
    if structure["verdict"] == CONVENTION:
        return nothing("stability", say("What rules cut comes back by itself: stability is told of what is learned."))
    given = {"pairs": stable["pairs"], "starts": stable["starts_of_stability"], "customers": stable["rows"]}
    return stability_page.against_words(frame, k, compared=structure if structure["by_k"] else None, **given)


def within_frame(stable: dict, profiles: dict):
    """How surely each segment comes back, for `charts.bars`; empty where that cannot be told."""
    if stable["within"] is None:
        return pd.DataFrame(columns=["label", "value", "low", "high", "n", "segment", "limit"])
    return stability_page.within_frame(stable["within"], profiles["segments"], stable["cloud"])


def within_words(frame, stable: dict) -> dict:
    """Words of the chart of the segments' own stability."""
    return stability_page.within_words(frame, pairs=stable["pairs"], min_cell=min_cell())


def manual_words(overrides) -> str:
    """What people decided for single customers, or where that would be typed."""
    if overrides is None:
        return say("Nobody decides for single customers: build.manual of project.yml would name a file in which account managers can.")
    return manual_page.manual_words(overrides)


def quartiles() -> str:
    """What the whiskers of a chart of stability are."""
    return say("from quartile to quartile")


FOLDS = {
    "clauses": mark("The customers left after every clause"),
    "overlaps": mark("Customers who fit two rules"),
    "other_numbers": mark("The same with other numbers of groups"),
    "traits": mark("The strongest traits of each segment, with v-tests"),
    "figures": mark("All figures of the five criteria, with their intervals"),
    "gap": mark("The gap statistic, which decides nothing"),
    "points": mark("The points of the score, criterion by criterion"),
    "tree": mark("The forks of the tree, in figures"),
    "latent": mark("Latent classes with other numbers of classes"),
    "core": mark("Who the core members are, beside those near a border"),
    "overlap": mark("Where the runner-up would put them"),
    "compared": mark("Everything that was compared for the verdict"),
    "set_aside": mark("Decisions set aside, with the reason"),
}
"""What stands in place of a table until the reader opens it."""


def fold(name: str) -> str:
    """The sentence that stands in place of a table, a key of FOLDS."""
    return say(FOLDS[name])


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
    show_text(say("The segmentation as SQL"), text)


def show_text(heading: str, text: str) -> None:
    """Show a text that can be copied, folded beneath a heading."""
    page = f'<details class="code"><summary>{escape(heading)}</summary>\n<pre>{escape(text)}</pre>\n</details>\n'
    place_on_page({"text/html": page, "text/plain": text})


def ids_words(kept: dict) -> str:
    """Which segments continue those of the build before, for whoever keeps ids in a CRM."""
    if not kept:
        return say("The first build: ids are given for the first time, and later builds keep them where a segment stays mostly the same.")
    same = [new for new, told in kept.items() if told["from"]]
    new = [new for new, told in kept.items() if not told["from"]]
    if not new:
        return say("All ids continue those of the build before.")
    return say(
        "Of the build before, {same} continue; {new} are new, and their ids were never used.",
        same=words.join(same) or words.NONE,
        new=words.join(new),
    )


def caveats(evidence: dict, profiles: dict, project: Project, *, agreement: float | None) -> list[str]:
    """What could mislead, each with the size of its effect.

    agreement   adjusted Rand index of the earlier build and the published one, on the same customers
    """
    result = [structure_sentence(evidence.get("structure"))]
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
                "Nearly as good is not the same: {near} of the starts come within 1% of the best, yet half of all agree with the published "
                "segments at less than {median}.",
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


def _of_published(evidence: dict, chosen: str) -> str:
    """The verdict for the message on what is published, which need not be the candidate that the contest picked."""
    verdict, scores = evidence["verdicts"]["panel"], evidence["contest"].get(chosen) or {}
    gain = scores.get("panel_gain")
    if verdict["verdict"] not in ("segments", "rules", "level") or chosen == verdict["best_candidate"] or not gain:
        return verdict["verdict"]
    return "segments" if gain["low"] > 0 else "rules" if gain["high"] < 0 else "level"


def _headline(evidence: dict, profiles: dict) -> str:
    """What the contest says of both uses, in one sentence."""
    objective, panel = evidence["verdicts"]["objective"]["verdict"], _of_published(evidence, profiles["chosen"])
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
        return say(
            "{n} customers in {k} segments: rules for the budget; for the message no difference to a short rule was shown.", **values
        )
    if (objective, panel) == ("cannot tell", "segments"):
        return say("{n} customers in {k} segments, which tell what to say; for the budget they could not be judged.", **values)
    if (objective, panel) == ("segments", "cannot tell"):
        return say("{n} customers in {k} segments, which tell whom to spend on; for the message they could not be judged.", **values)
    if panel == "segments":
        return say("{n} customers in {k} segments, which tell what to say; for the budget they are not needed.", **values)
    if objective == "segments":
        return say("{n} customers in {k} segments, which tell whom to spend on; for the message they are not needed.", **values)
    if "cannot tell" in (objective, panel):
        return say("{n} customers in {k} segments; where it could be judged, they were not shown to tell more than simple rules.", **values)
    return say("{n} customers in {k} segments; they were not shown to tell more than simple rules for any use.", **values)


def _stability_figure(stable: dict | None, structure: dict | None) -> str:
    if structure and structure["verdict"] == CONVENTION:
        return say("by rule")
    return words.number(stable["median"], 2) if stable else say("cannot tell")


def summary(evidence: dict, profiles: dict, project: Project, *, by: str, sure: dict | None = None, judged: dict | None = None) -> dict:
    """Headline, points, figures, what is not known and what to do.

    by       who chose the recipe: people, evidence or nobody; approved: an earlier run's segmentation is applied unchanged
    sure     evidence of `confidence.replicate`;  judged: the five criteria, result of `criteria.judged`
    """
    structure = evidence.get("structure")
    wanted = profiles["k"] if by == "approved" else project.scope.segments_wanted
    stable = evidence["stability"].get(str(wanted))
    largest = max(profiles["segments"], key=lambda s: (s["share_of_revenue"] or 0, s["id"]))
    figures = [
        (say("Customers in segments"), words.number(profiles["customers"])),
        (say("Stability of the whole"), _stability_figure(stable, structure)),
        (say("Core customers"), words.share(sure["core"], 0) if sure and sure["core"] is not None else say("cannot tell")),
    ]
    points = [structure_sentence(structure), *(verdict_words(evidence, use) for use in USES)]
    if not withheld(largest, project.min_cell) and largest["share_of_revenue"]:
        points.append(
            say(
                "“{name}”: {customers} of the customers, {revenue} of the revenue.",
                name=segment_name(largest),
                customers=words.share(largest["share_of_customers"], 0),
                revenue=words.share(largest["share_of_revenue"], 0),
            )
        )
    if judged:
        points.append(criteria_page.short_words(judged, profiles, project))
    todo = []
    if structure and structure["k_by"] == "evidence" and structure["recommended_k"] != wanted:
        todo.append(recommended_words(structure, wanted))
    if any(s["name"] is None for s in profiles["segments"]):
        todo.append(say("Name the segments in build.segments of project.yml, with what each is expected to be like."))
    if by not in ("people", "approved"):
        todo.append(say("Decide which segmentation is published: build.chosen of project.yml."))
    best, published = evidence["verdicts"]["panel"]["best_candidate"], profiles["chosen"]
    if by == "people" and best and best != published and published not in RULES:
        todo.append(
            say(
                "Decide whether “{chosen}” stays published: for the message the contest picked “{best}”.",
                chosen=title(published),
                best=title(best),
            )
        )
    unknown = [structure_sentence(structure)] if structure and structure["verdict"] == "cannot tell" else []
    return {"headline": _headline(evidence, profiles), "points": points, "figures": figures, "unknown": unknown, "todo": todo}
