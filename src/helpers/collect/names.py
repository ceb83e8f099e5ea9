"""What people call the canonical tables and the grades."""

from helpers.words import mark

TABLE_NAMES = {
    "customers": mark("Customer attributes"),
    "orders": mark("Order lines"),
    "events": mark("Events"),
    "answers": mark("Survey answers"),
    "comments": mark("Comments"),
    "contacts": mark("Mailings"),
    "consents": mark("Consents"),
    "market": mark("Market figures"),
}
GRADES = {"high": mark("high"), "medium": mark("medium"), "low": mark("low")}
