"""What the page of step 4 says of the catalogue: what each variable means, where it comes from, and what is not measured here."""

import ibis.expr.types as ir
import pandas as pd

from helpers import words
from helpers.collect.page import TABLE_NAMES
from helpers.project import Project
from helpers.project.sections import NINE
from helpers.scope.people import TYPES
from helpers.tables import Column, Table
from helpers.variables.catalogue import MEASURES, catalogue, definition, of_totals, unmeasured
from helpers.variables.descriptors import type_of
from helpers.variables.spread import unit
from helpers.words import mark, say

FEW = 12
"""Categories at most that may each be a variable of their own."""
SENSITIVITY = {"none": mark("none"), "personal": mark("personal"), "special": mark("special category")}
DECIDED = mark("by decision")
OF_TOTALS = mark("the orders are totals of a period: they do not tell when, how often, or how much at once")
NEEDS = {
    "variables.own_brand": mark("the company’s own labels, typed in variables.own_brand"),
    "orders.product_id": mark("the product of each order line"),
    "orders.category": mark("the category of each product bought"),
    "orders.discount": mark("the discount of each order line"),
    "orders.coupon": mark("the coupons used with each order line"),
    "orders.brand": mark("the brand of each product bought"),
    "orders.store_id": mark("the store of each order"),
    "orders.channel*": mark("orders by more than one channel"),
    "events.device*": mark("the device of each visit"),
    "events.kind:visit": mark("visits of the site or the app"),
    "events.kind:basket": mark("baskets filled on the site or in the app"),
    "events.kind:sent": mark("mails sent"),
    "events.kind:opened": mark("mails opened"),
    "events.kind:clicked": mark("links clicked in mails"),
    "events.kind:coupon_redeemed": mark("campaign coupons handed in"),
    "contacts.responded_at": mark("mailings with the date of each answer"),
    "comments.rating": mark("comments with a rating"),
    "answers": mark("a survey of customers"),
}
"""What each need takes, in words."""


def type_words(name: str) -> str:
    """One of the nine types of segmentation, as people read it."""
    label = TYPES[name.replace(" ", "_")][0]
    return say(label)


def catalogue_table(project: Project) -> Table:
    """Every variable measured: type, unit, definition in business words, formula, source and sensitivity."""
    rows = []
    for v in catalogue(project):
        sensitivity, tables = SENSITIVITY[v.sensitivity], [TABLE_NAMES[t] for t in dict.fromkeys(n.split(".")[0] for n in v.needs)]
        rows.append(
            {
                "title": v.title(),
                "type": type_words(v.type),
                "unit": unit(v),
                "definition": definition(v),
                "formula": v.formula,
                "source": words.join([say(t) for t in tables]),
                "sensitivity": say(sensitivity),
            }
        )
    columns = [
        Column("title", say("Variable")),
        Column("type", say("Type")),
        Column("unit", say("Unit")),
        Column("definition", say("Definition")),
        Column("formula", say("Formula")),
        Column("source", say("Source")),
        Column("sensitivity", say("Sensitivity")),
    ]
    note = say(
        "Unless the definition says “all history”, all are measured over one trailing window of {days} days.",
        days=words.number(project.scope.window_days),
    )
    frame = pd.DataFrame(rows, columns=[c.name for c in columns])
    return Table("definitions", say("What is measured, in business words"), frame, columns, note=note)


def unmeasured_table(project: Project) -> Table:
    """The variables of the list that are not measured here, and what it would take."""
    rows = []
    for v in MEASURES:
        reason = unmeasured(v, project)
        if reason is not None:
            rows.append({"title": v.title(), "type": type_words(v.type), "because": _because(v.name, reason, project)})
    frame = pd.DataFrame(rows, columns=["title", "type", "because"])
    columns = [Column("title", say("Variable")), Column("type", say("Type")), Column("because", say("What it would take"))]
    return Table("unmeasured", say("On the list, and not measured here"), frame, columns)


def _because(name: str, reason: str, project: Project) -> str:
    if reason == "decided":
        return words.text(project.variables.not_measured[name]) or say(DECIDED)
    if reason == "totals":
        return say(OF_TOTALS)
    needed = NEEDS.get(reason)
    return say(needed) if needed else reason


def types_table(project: Project, descriptors: list[str]) -> Table:
    """The nine types of segmentation: by how many variables and descriptors each is served here, and what it takes where by none.

    descriptors   names of the descriptors
    """
    rows, measured = [], [v.type for v in catalogue(project)]
    for name in NINE:
        takes = TYPES[name.replace(" ", "_")][2]
        many = [type_of(d) for d in descriptors].count(name)
        served = measured.count(name) + many > 0
        rows.append(
            {"type": type_words(name), "variables": measured.count(name), "descriptors": many, "takes": "" if served else say(takes)}
        )
    columns = [
        Column("type", say("Type")),
        Column("variables", say("Variables"), "number"),
        Column("descriptors", say("Descriptors"), "number"),
        Column("takes", say("What it would take")),
    ]
    return Table("types", say("The nine types of segmentation, and what serves each here"), pd.DataFrame(rows), columns)


def origins_table(passports: list[dict]) -> Table:
    """Where each variable comes from: sources, newest row, legal basis, sensitivity."""
    rows = []
    for p in passports:
        sensitivity = SENSITIVITY[p["sensitivity"]]
        plain = {"title": p["title"], "source": p["source"], "newest": p["newest"], "basis": p["legal_basis"]}
        rows.append(plain | {"sensitivity": say(sensitivity)})
    frame = pd.DataFrame(rows, columns=["title", "source", "newest", "basis", "sensitivity"])
    columns = [
        Column("title", say("Variable")),
        Column("source", say("Source")),
        Column("newest", say("Newest row"), "date"),
        Column("basis", say("Legal basis")),
        Column("sensitivity", say("Sensitivity")),
    ]
    return Table("origins", say("Where each variable comes from, and why it may be used"), frame, columns)


def caveats(orders: ir.Table, project: Project) -> list[str]:
    """What could mislead about the catalogue.

    orders   order lines, with category where it is mapped
    """
    result = []
    if of_totals(project):
        result.append(
            say(
                "The orders are totals of a period, one row a customer: when, how often and how much at once people buy is not known, and "
                "nothing here can be tested on later behaviour."
            )
        )
    if "category" in orders.columns and not project.variables.category_groups:
        found = orders.filter(orders.category.notnull()).category.value_counts().order_by("category").limit(FEW + 1).execute()["category"]
        if 2 <= len(found) <= FEW:
            result.append(
                say(
                    "What is bought is measured by no share: variables.category_groups names no group. A line for each of these would "
                    "measure it: {categories}.",
                    categories=words.join(list(found)),
                )
            )
        elif len(found) > FEW:
            result.append(
                say(
                    "What is bought is measured by no share: variables.category_groups names no group, and there are more than {n} "
                    "categories to make groups of.",
                    n=words.number(FEW),
                )
            )
    return result
