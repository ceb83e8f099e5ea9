"""The variables that can be measured: name, family, unit, definition in business words, what they need."""

import difflib
from dataclasses import dataclass

from helpers import NinefoldError, words
from helpers.project import Project
from helpers.words import mark, say

FAMILIES = {
    "recency": mark("Recency"),
    "frequency": mark("Frequency"),
    "monetary": mark("Monetary"),
    "basket": mark("Basket"),
    "discount": mark("Discounts and coupons"),
    "products": mark("What is bought"),
    "time": mark("When"),
    "stores": mark("Where"),
    "trend": mark("Trend"),
    "campaigns": mark("Campaigns"),
}


@dataclass(frozen=True)
class Variable:
    """One variable.

    kind    "amount" (money, days, counts: skewed, never negative), "share" (0-1) or "signed" (around 0)
    unit    "days", "weeks", "orders", "money", "lines", "departments", "stores", "coupons" or "share"
    needs   tables or table.column of the contract
    """

    name: str
    family: str
    kind: str
    unit: str
    label: str
    definition: str
    needs: tuple[str, ...]

    def title(self) -> str:
        """What people call it."""
        return say(self.label)


MEASURES = [
    Variable(
        "recency_days",
        "recency",
        "amount",
        "days",
        mark("Days since last purchase"),
        mark("whole days between the last purchase and the end"),
        ("orders",),
    ),
    Variable(
        "gap_days",
        "recency",
        "amount",
        "days",
        mark("Days between purchases"),
        mark("mean time from one order to the next within the window"),
        ("orders",),
    ),
    Variable(
        "orders_per_30d",
        "frequency",
        "amount",
        "orders",
        mark("Orders per 30 days"),
        mark("orders within the window, refunds alone not counted, per 30 days of exposure"),
        ("orders",),
    ),
    Variable(
        "active_weeks_share",
        "frequency",
        "share",
        "share",
        mark("Weeks with a purchase"),
        mark("weeks with at least one order, of all weeks of exposure"),
        ("orders",),
    ),
    Variable(
        "spend_per_30d",
        "monetary",
        "amount",
        "money",
        mark("Spend per 30 days"),
        mark("amount of all order lines net of refunds, per 30 days of exposure"),
        ("orders",),
    ),
    Variable(
        "spend_per_order",
        "basket",
        "amount",
        "money",
        mark("Spend per order"),
        mark("amount net of refunds, divided by orders"),
        ("orders",),
    ),
    Variable(
        "lines_per_order",
        "basket",
        "amount",
        "lines",
        mark("Products per order"),
        mark("order lines other than refunds, divided by orders"),
        ("orders.product_id",),
    ),
    Variable(
        "departments",
        "basket",
        "amount",
        "departments",
        mark("Departments bought from"),
        mark("different departments bought from within the window"),
        ("orders.category",),
    ),
    Variable(
        "discount_share",
        "discount",
        "share",
        "share",
        mark("Discount share"),
        mark("price cuts granted, of the amount before them"),
        ("orders.discount",),
    ),
    Variable(
        "coupon_order_share",
        "discount",
        "share",
        "share",
        mark("Orders with a coupon"),
        mark("orders in which a manufacturer’s coupon was used"),
        ("orders.coupon",),
    ),
    Variable(
        "own_brand_share",
        "products",
        "share",
        "share",
        mark("Own-label share"),
        mark("spend on the company’s own labels, of all spend"),
        ("orders.brand",),
    ),
    Variable(
        "weekend_order_share", "time", "share", "share", mark("Weekend orders"), mark("orders placed on a Saturday or Sunday"), ("orders",)
    ),
    Variable(
        "evening_order_share",
        "time",
        "share",
        "share",
        mark("Evening orders"),
        mark("orders placed from the first evening hour on"),
        ("orders",),
    ),
    Variable(
        "morning_order_share",
        "time",
        "share",
        "share",
        mark("Morning orders"),
        mark("orders placed before the last morning hour ends"),
        ("orders",),
    ),
    Variable(
        "stores_visited",
        "stores",
        "amount",
        "stores",
        mark("Stores visited"),
        mark("different stores within the window"),
        ("orders.store_id",),
    ),
    Variable(
        "main_store_share",
        "stores",
        "share",
        "share",
        mark("Orders in the main store"),
        mark("orders in the store visited most, of all orders"),
        ("orders.store_id",),
    ),
    Variable(
        "spend_trend",
        "trend",
        "signed",
        "share",
        mark("Spend trend"),
        mark("purchases in the second half of the window less the first half, of both together (−100% to 100%)"),
        ("orders",),
    ),
    Variable(
        "response_rate",
        "campaigns",
        "share",
        "share",
        mark("Mailings answered"),
        mark("mailings answered within 30 days, of those received in the window that ended 30 days earlier"),
        ("contacts.responded_at",),
    ),
    Variable(
        "coupons_redeemed_per_30d",
        "campaigns",
        "amount",
        "coupons",
        mark("Campaign coupons redeemed"),
        mark("campaign coupons handed in, per 30 days of exposure"),
        ("events.kind",),
    ),
]
GROUP_LABEL = mark("Share of {group}")
GROUP_DEFINITION = mark("spend on {group}, of all spend")


@dataclass(frozen=True)
class GroupShare(Variable):
    """The share of spend on a group of categories that the project names."""

    group: object = ""

    def title(self) -> str:
        return say(self.label, group=words.text(self.group))


def catalogue(project: Project) -> list[Variable]:
    """The variables that the project's mapped columns allow, family by family."""
    groups = [
        GroupShare(
            name,
            "products",
            "share",
            "share",
            GROUP_LABEL,
            GROUP_DEFINITION,
            ("orders.category",),
            project.variables.category_names.get(name, name.removesuffix("_share").replace("_", " ")),
        )
        for name in project.variables.category_groups
    ]
    found = [v for v in [*MEASURES, *groups] if all(project.has(need) for need in v.needs)]
    if not project.variables.own_brand:
        found = [v for v in found if v.name != "own_brand_share"]
    return sorted(found, key=lambda v: list(FAMILIES).index(v.family))


def check_names(project: Project) -> None:
    """Raise NinefoldError for a name in project.yml that these data do not measure, wherever variables are named by people."""
    known = [v.name for v in catalogue(project)]
    fields = {
        "scope.panel": project.scope.panel,
        "variables.leave_out": project.variables.leave_out,
        "variables.keep": project.variables.keep,
        "build.crossing": project.build.crossing,
        **{f"build.segments.{segment}.expect": named.expect for segment, named in project.build.segments.items()},
    }
    for field, names in fields.items():
        for name in names:
            if name not in known:
                near = difflib.get_close_matches(name, known, n=1)
                hint = f"Did you mean {near[0]}? " if near else ""
                raise NinefoldError(
                    f"{project.file}: field {field} names {name!r}, which is no variable of these data. {hint}"
                    f"Measured here: {', '.join(known)}."
                )


def definition(variable: Variable) -> str:
    """The definition in business words."""
    group = words.text(variable.group) if isinstance(variable, GroupShare) else ""
    return say(variable.definition, group=group)
