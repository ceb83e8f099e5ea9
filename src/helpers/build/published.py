"""About the segmentation that is published: builds before it, what describes it, the candidate after it, what people decided beside it."""

import ibis.expr.types as ir

from helpers.build import criteria, manual, manual_page, manual_rules
from helpers.build.choice import aligned
from helpers.build.contest import runner_up
from helpers.build.contest_page import title
from helpers.build.criteria import page as criteria_page
from helpers.build.document import apply
from helpers.build.inputs import Column, customers
from helpers.build.judging import Made
from helpers.engine import Window, between
from helpers.words import say


def in_window(orders: ir.Table, window: Window) -> ir.Table:
    """The order lines of the window in which behaviour was measured."""
    return between(orders, "ordered_at", window.built_from, window.built_at)


def before(step) -> tuple[dict | None, set[str]]:
    """The segmentation published before this as_of, and every id that any earlier one had."""
    documents = step.earlier("segmentation")
    return (documents[-1] if documents else None), {s["id"] for document in documents for s in document["segments"]}


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


def second(step, evidence: dict, chosen: str, made: Made, earlier: Made | None, windows: dict, orders: ir.Table) -> dict | None:
    """The best candidate after the published one: its name, its document, and the five criteria for it; None where there is none."""
    name = runner_up(evidence["contest"], chosen)
    if name is None or earlier is None or name not in earlier.fitted or name not in made.fitted:
        return None
    document, table, past = made.documents[name], customers(step), customers(step, "confirm")
    then, _ = aligned(earlier.documents[name], document, made.sample)
    judged = criteria.judged(step, document, then, apply(document, table), apply(then, past), made.columns, windows, orders, offers=False)
    return {"name": name, "criteria": judged}


def second_words(found: dict | None, judged: dict, chosen: str) -> str:
    """How the runner-up stands beside the published segmentation."""
    if found is None:
        return say("There is no runner-up to compare with: no other candidate could be judged on a later period.")
    return criteria_page.beside_words(judged, found["criteria"], (title(chosen), title(found["name"])))


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
    kept = {n: c for n, c in made.columns.items() if not any(n.startswith(personal) for personal in step.project.variables.proxies_of)}
    labels = apply(document, customers(step)).select("customer_id", "segment")
    past = customers(step, "confirm")
    return manual_rules.suggested(overrides, past, kept, labels, step.project, before=windows["confirm"].built_at)
