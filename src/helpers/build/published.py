"""About the segmentation that is published: builds before it, what describes it, the candidate after it, what people decided beside it."""

import ibis.expr.types as ir
import pandas as pd

from helpers import NinefoldError, words
from helpers.build import criteria, manual, manual_page, manual_rules, page
from helpers.build.choice import aligned, chosen
from helpers.build.confidence import replicate
from helpers.build.contest import runner_up
from helpers.build.contest_page import title
from helpers.build.criteria import page as criteria_page
from helpers.build.document import apply
from helpers.build.evidence import structure_of
from helpers.build.inputs import Column, customers
from helpers.build.judging import Made
from helpers.collect import checked
from helpers.engine import Window, between
from helpers.words import say


def recipe(step, evidence: dict, made: Made) -> tuple[str, str]:
    """The recipe that is published, and by whom it was chosen: `choice.chosen`, or in a re-evaluation that of the approved segmentation.

    Raises NinefoldError when the approved recipe cannot be fitted to today's customers: it could not be judged beside a new fit.
    """
    if step.approved is None:
        return chosen(step.project, evidence, list(made.fitted))
    name = step.approved.segmentation.get("made_by")
    if name not in made.fitted:
        why = say(made.refused[name]) if name in made.refused else say("today it is no candidate")
        raise NinefoldError(
            f"{step.project.file}: the approved segmentation of {step.approved.run} was made as {name!r}, which cannot be built on today's "
            f"customers ({why}). Restore what it needs, or run `make report` and approve another run."
        )
    return name, "approved"


def number(step) -> int:
    """How many segments are built: as typed, or in a re-evaluation as many as the approved segmentation has."""
    return len(step.approved.segmentation["segments"]) if step.approved else step.project.scope.segments_wanted


def in_force(step, built: dict, kept: dict, table: ir.Table) -> tuple[dict, dict]:
    """The document that is published, and where its ids come from: today's, or in a re-evaluation the approved one, unchanged.

    built, kept   result of `choice.keep_ids`;  table: everyone in scope with all that recipes may use
    Raises        NinefoldError when today's customers lack a variable of the approved segmentation
    """
    if step.approved is None:
        return built, kept
    document = step.approved.segmentation
    lacking = [v["name"] for v in document["variables"] if v["name"] not in table.columns]
    if lacking:
        raise NinefoldError(
            f"{step.project.file}: the approved segmentation of {step.approved.run} uses {', '.join(lacking)}, and step 4 measures that no "
            "longer. Map the column or type the variable again, or build anew (`make report`) and approve that run."
        )
    return document, {s["id"]: {"from": s["id"], "nearest": s["id"], "jaccard": 1.0} for s in document["segments"]}


def then(step, earlier: Made | None, name: str, document: dict, sample: pd.DataFrame) -> tuple[dict | None, float | None]:
    """The document for one horizon earlier and its agreement with the published one (adjusted Rand index).

    It is the recipe `name` as it would have been built then, under the published ids; in a re-evaluation the approved document itself,
    and no agreement. Neither where nothing could be built then.
    """
    if earlier is None:
        return None, None
    return (document, None) if step.approved else aligned(earlier.documents[name], document, sample)


def approval(step) -> dict | None:
    """Whose decision the published segmentation is, where it was not built today: run, role and on (None: nobody approved it)."""
    return {"run": step.approved.run, "role": step.approved.role, "on": step.approved.on} if step.approved else None


def in_window(orders: ir.Table, window: Window) -> ir.Table:
    """The order lines of the window in which behaviour was measured."""
    return between(orders, "ordered_at", window.built_from, window.built_at)


def before(step, sample: pd.DataFrame) -> dict:
    """What `choice.keep_ids` asks of the builds before this as_of.

    Returns   earlier (the segmentation published last, or None), used (every id that any had), then (segment of the sample's customers
              as it was published with it)
    """
    documents, members = step.earlier("segmentation"), step.earlier("membership")
    known = members[-1].filter(members[-1].customer_id.isin(sample["customer_id"].tolist())).execute() if members else None
    then = None if known is None else known.set_index("customer_id")["segment"]
    used = {s["id"] for document in documents for s in document["segments"]}
    return {"earlier": documents[-1] if documents else None, "used": used, "then": then}


def described_by(document: dict, passports: dict) -> list[str]:
    """The measured variables in which segments are drawn: those of the document that step 4 measured, else all it proposes."""
    own = [v["name"] for v in document["variables"] if v["name"] in passports]
    return own or [name for name, passport in passports.items() if passport["role"] == "proposed"]


def numbers_of(document: dict, columns: dict[str, Column]) -> dict[str, Column]:
    """The columns that a document uses; of numbers alone where it has at least two."""
    own = {v["name"]: columns[v["name"]] for v in document["variables"] if v["name"] in columns}
    numbers = {name: column for name, column in own.items() if column.kind == "number"}
    return numbers if len(numbers) >= 2 else own


def inputs_of(table: ir.Table, document: dict) -> ir.Table:
    """What the document is applied to: the key and its variables, everyone in scope."""
    return table.select(document["key"], *(v["name"] for v in document["variables"]))


def second(
    step, evidence: dict, chosen: str, made: Made, earlier: Made | None, windows: dict, orders: ir.Table, structure: dict | None = None
) -> dict | None:
    """The best candidate after the published one, put to the same tests; None where there is none.

    structure   the verdict on the published one: it holds for the runner-up too where both are learnt on the same variables
    Returns     name, members (customer_id, segment), criteria, structure (its verdict), core (share of core customers, or None)
    """
    name = runner_up(evidence["contest"], chosen)
    if name is None or earlier is None or name not in earlier.fitted or name not in made.fitted:
        return None
    document, table, past = made.documents[name], customers(step), customers(step, "confirm")
    then, _ = aligned(earlier.documents[name], document, made.sample)
    members = apply(document, table)
    judged = criteria.judged(step, document, then, members, apply(then, past), made.columns, windows, orders, offers=False)
    one, other = made.recipes[name], made.recipes[chosen]
    alike = structure is not None and one.learned and other.learned and set(one.variables) == set(other.variables)
    verdict = structure["verdict"] if alike else structure_of(made, name, step.project)["verdict"]
    _, sure = replicate(step, one, document, made.sample, checked(step))
    return {"name": name, "members": members, "criteria": judged, "structure": verdict, "core": sure["core"]}


def second_words(found: dict | None, judged: dict, chosen: str, structure: dict, sure: dict) -> list[str]:
    """How the runner-up stands beside the published segmentation: criteria, structure, and how steady its labels are."""
    if found is None:
        return [say("There is no runner-up to compare with: no other candidate could be judged on a later period.")]
    told = [criteria_page.beside_words(judged, found["criteria"], (title(chosen), title(found["name"])))]
    if found["core"] is not None and sure["core"] is not None:
        shares = {"core": words.share(found["core"], 0), "own": words.share(sure["core"], 0)}
        told.append(say("Core customers of “{name}”: {core}; of the published one: {own}.", name=title(found["name"]), **shares))
    if found["structure"] != structure["verdict"]:
        told.append(say("On the structure of “{name}” the verdict is another:", name=title(found["name"])))
        told[-1] += " " + page.structure_sentence({"verdict": found["structure"], "why": None})
    return told


def private(overrides, prospects) -> list[tuple[str, ir.Table, list[str]]]:
    """Tables of single people for the private folder of the run: name, table, key."""
    found = [("overrides", overrides.private(), ["line"])] if overrides else []
    return found + ([("leads", prospects.table, ["customer_id"])] if prospects else [])


def decided(step, overrides, document: dict, then: dict | None, made: Made, windows: dict[str, Window], profiles: dict) -> list[str]:
    """What people decided for single customers, held against what rules and data say; and the rules that their decisions suggest."""
    table, past, confirm = customers(step), customers(step, "confirm"), windows["confirm"]
    labels = apply(document, table).select("customer_id", "segment")
    levels = {"learned" if made.recipes[profiles["chosen"]].level == "learned" else "rules": labels}
    if "rules" in made.fitted and profiles["chosen"] != "rules":
        levels["rules"] = manual.aligned(apply(made.documents["rules"], table).select("customer_id", "segment"), labels)
    told = manual_page.agreement_words(manual.agreement(overrides, levels))
    if then is None:
        return told
    earlier = apply(then, past).select("customer_id", "segment")
    now = apply(then, table).select("customer_id", "segment")
    told.append(manual_page.came_true_words(manual.came_true(overrides, earlier, now, before=confirm.built_at)))
    return told


def suggestions(step, overrides, document: dict, made: Made, windows: dict[str, Window]) -> list[dict]:
    """Rules that foresee what people decided later, result of `manual_rules.suggested`; personal traits are no material for rules."""
    if not windows["confirm"].enough:
        return []
    own = step.project.variables.proxies_of
    kept = {n: c for n, c in made.columns.items() if not any(n == one or n.startswith(f"{one}_") for one in own)}
    labels = apply(document, customers(step)).select("customer_id", "segment")
    past = customers(step, "confirm")
    return manual_rules.suggested(overrides, past, kept, labels, step.project, before=windows["confirm"].built_at)
