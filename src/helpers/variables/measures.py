"""What a variable is, and those that Ninefold measures wherever the data allow: a list to read, one entry a variable."""

from dataclasses import dataclass

from helpers.project import Project
from helpers.words import mark, say

FAMILIES = {
    "recency": mark("Recency"),
    "frequency": mark("Frequency"),
    "monetary": mark("Monetary"),
    "refunds": mark("Refunds"),
    "basket": mark("Basket"),
    "discount": mark("Discounts and coupons"),
    "products": mark("What is bought"),
    "time": mark("When"),
    "stores": mark("Where"),
    "channels": mark("Channels and devices"),
    "trend": mark("Trend"),
    "campaigns": mark("Campaigns"),
    "visits": mark("Visits"),
    "mails": mark("Mails"),
    "opinions": mark("What they say"),
    "own": mark("Worked out from others"),
}
TYPE_OF = dict.fromkeys(FAMILIES, "behavioural") | {
    "monetary": "value",
    "refunds": "value",
    "channels": "technographic",
    "visits": "journey",
    "opinions": "psychographic",
}
"""The type of segmentation, of the nine, that a family serves; a variable may say otherwise."""


@dataclass(frozen=True)
class Variable:
    """One variable.

    kind         "amount" (money, days, counts: skewed, never negative), "share" (0-1) or "signed" (around 0)
    unit         "days", "weeks", "orders", "money", "lines", "departments", "stores", "coupons", "visits", "points" or "share"
    needs        tables, table.column of the contract, table.column* (with more than one value) or events.kind:what (a kind of event)
    type         one of the nine types of segmentation; by default that of its family
    formula      how it is worked out, in the columns of the contract: the same in every language
    sensitivity  "none" (what was bought and done), "personal" (of the person: opinions, devices) or "special" (GDPR, article 9)
    """

    name: str
    family: str
    kind: str
    unit: str
    label: str
    definition: str
    needs: tuple[str, ...]
    type: str = ""
    formula: str = ""
    sensitivity: str = "none"

    def __post_init__(self):
        if not self.type:
            object.__setattr__(self, "type", TYPE_OF[self.family])
        if not self.formula:
            object.__setattr__(self, "formula", FORMULAS.get(self.name, ""))

    def title(self) -> str:
        """What people call it."""
        return say(self.label)

    def meaning(self) -> str:
        """The definition in business words."""
        return say(self.definition)

    def parameters(self, project: Project) -> dict:
        """What project.yml itself decides about its meaning, beyond the window, the currency and the zone; signed with it."""
        return {}


FORMULAS = {
    "recency_days": "floor(days(as_of - max(ordered_at of orders)))",
    "gap_days": "days(last - first order) / (orders - 1)",
    "orders_per_30d": "orders * 30 / exposure_days",
    "active_weeks_share": "weeks with an order / weeks of exposure",
    "spend_per_30d": "sum(amount) * 30 / exposure_days",
    "repeat": "1 if days with an order >= 2 else 0",
    "refund_share": "-sum(amount where amount < 0) / sum(amount where amount > 0), at most 1",
    "refund_order_share": "count(order_id with a line of amount < 0) / orders, at most 1",
    "spend_per_order": "sum(amount) / orders",
    "lines_per_order": "count(lines where amount >= 0) / orders",
    "departments": "count(distinct category)",
    "discount_share": "sum(discount) / (sum(amount where amount > 0) + sum(discount))",
    "coupon_order_share": "count(order_id with coupon > 0) / orders",
    "own_brand_share": "sum(amount where brand in own_brand) / sum(amount where amount > 0)",
    "weekend_order_share": "count(order_id on Saturday or Sunday) / orders",
    "evening_order_share": "count(order_id where hour(ordered_at) >= evening_from_hour) / orders",
    "morning_order_share": "count(order_id where hour(ordered_at) < morning_until_hour) / orders",
    "stores_visited": "count(distinct store_id)",
    "main_store_share": "max over store_id(orders) / orders",
    "online_order_share": "count(order_id where channel is neither a shop nor the telephone) / orders",
    "mobile_share": "count(visits where device is a mobile telephone) / count(visits where device is known)",
    "spend_trend": "(late - early) / (late + early), halves of the window, amount > 0",
    "response_rate": "count(contacts with responded_at within 30 days of sent_at) / count(contacts)",
    "coupons_redeemed_per_30d": "count(events of kind coupon_redeemed) * 30 / exposure_days",
    "visits_per_30d": "count(visits) * 30 / days since first seen, at most the window",
    "days_since_visit": "floor(days(as_of - max(occurred_at of visits)))",
    "basket_abandon_share": "count(baskets without an order within 1 day) / count(baskets whose day is over)",
    "mails_opened_share": "sum over campaign_id of min(opened, sent) / sent",
    "mails_clicked_share": "sum over campaign_id of min(clicked, sent) / sent",
    "rating_mean": "mean(rating)",
}
"""How each variable is worked out. Unless it says otherwise: of one customer, within the window, an order being an order_id whose
returns do not outweigh it."""

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
        ("events.kind:coupon_redeemed",),
    ),
    Variable(
        "repeat",
        "frequency",
        "share",
        "share",
        mark("Bought again"),
        mark("100% when bought on at least two days within the window, else 0%; missing without a purchase"),
        ("orders",),
    ),
    Variable(
        "refund_share",
        "refunds",
        "share",
        "share",
        mark("Refunded share"),
        mark("money given back, of the money of all purchases, at most all of it"),
        ("orders",),
    ),
    Variable(
        "refund_order_share",
        "refunds",
        "share",
        "share",
        mark("Orders with a return"),
        mark("orders and credit notes in which something was given back, per order, at most all"),
        ("orders",),
    ),
    Variable(
        "online_order_share",
        "channels",
        "share",
        "share",
        mark("Online orders"),
        mark("orders placed neither in a shop nor by telephone, of those whose channel is known"),
        ("orders.channel*",),
        type="behavioural",
    ),
    Variable(
        "mobile_share",
        "channels",
        "share",
        "share",
        mark("Visits by mobile phone"),
        mark("visits with a mobile phone, of those whose device is known"),
        ("events.device*", "events.kind:visit"),
        sensitivity="personal",
    ),
    Variable(
        "visits_per_30d",
        "visits",
        "amount",
        "visits",
        mark("Visits per 30 days"),
        mark("visits within the window, per 30 days since the customer was first seen"),
        ("events.kind:visit",),
    ),
    Variable(
        "days_since_visit",
        "visits",
        "amount",
        "days",
        mark("Days since last visit"),
        mark("whole days between the last visit and the end, in all history"),
        ("events.kind:visit",),
    ),
    Variable(
        "basket_abandon_share",
        "visits",
        "share",
        "share",
        mark("Baskets left"),
        mark("baskets filled without an order within one day, of all baskets filled"),
        ("events.kind:basket",),
    ),
    Variable(
        "mails_opened_share",
        "mails",
        "share",
        "share",
        mark("Mails opened"),
        mark("mails opened, of the mails sent within the window"),
        ("events.kind:sent", "events.kind:opened"),
    ),
    Variable(
        "mails_clicked_share",
        "mails",
        "share",
        "share",
        mark("Mails clicked"),
        mark("mails in which a link was clicked, of the mails sent within the window"),
        ("events.kind:sent", "events.kind:clicked"),
    ),
    Variable(
        "rating_mean",
        "opinions",
        "amount",
        "points",
        mark("Mean rating"),
        mark("mean of the ratings given with comments, in all history"),
        ("comments.rating",),
        sensitivity="personal",
    ),
]
