"""The table contract: the canonical tables that every source is mapped to (data/README.md says it in words)."""

from typing import Any

# The table contract (data/README.md says it in words). For each table: its columns with their types, those it cannot do
# without, the column that dates a row, the columns that identify one, and those whose emptiness is an answer.
UNIFIED = ("described", "first_ordered_at", "last_ordered_at", "orders")
"""What step 3 adds to each customer besides the attributes."""

PERSONAL = ("first_name", "last_name", "email", "phone", "street", "birth_date")
"""Columns of customers that say who somebody is: they serve matching alone and stay with its private tables."""
LOCATING = ("postcode", "city")
"""Columns of customers that say where somebody lives: matching and areas use them, no page shows them."""

RESERVED = ("source", "place", "reason", "id", "rec", "raw_id", "household_id", *UNIFIED)
"""Names of columns that the steps add to the records of customers: no attribute may have one of them, nor one that ends in `_`."""

CONTRACT: dict[str, dict[str, Any]] = {
    "customers": {
        "columns": {"customer_id": "string", "birth_date": "timestamp", "created_at": "timestamp", "updated_at": "timestamp"},
        "required": ["customer_id"],
        "dated": None,
        "key": ["customer_id"],
    },
    "orders": {
        "columns": {
            "customer_id": "string",
            "order_id": "string",
            "ordered_at": "timestamp",
            "product_id": "string",
            "category": "string",
            "quantity": "float64",
            "amount": "decimal(18, 2)",
            "discount": "decimal(18, 2)",
            "channel": "string",
            "store_id": "string",
            "brand": "string",
            "coupon": "decimal(18, 2)",
        },
        "required": ["customer_id", "order_id", "ordered_at", "amount"],
        "dated": "ordered_at",
        "key": ["order_id", "product_id"],
    },
    "events": {
        "columns": {
            "customer_id": "string",
            "occurred_at": "timestamp",
            "channel": "string",
            "kind": "string",
            "detail": "string",
            "device": "string",
            "campaign_id": "string",
        },
        "required": ["customer_id", "occurred_at", "kind"],
        "dated": "occurred_at",
        "key": ["customer_id", "occurred_at", "kind", "detail"],
    },
    "answers": {
        "columns": {"customer_id": "string", "question": "string", "answer": "string", "answered_at": "timestamp"},
        "required": ["customer_id", "question", "answer", "answered_at"],
        "dated": "answered_at",
        "key": ["customer_id", "question", "answered_at"],
    },
    "comments": {
        "columns": {
            "customer_id": "string",
            "said_at": "timestamp",
            "channel": "string",
            "text": "string",
            "rating": "float64",
        },
        "required": ["customer_id", "said_at", "text"],
        "dated": "said_at",
        "key": ["customer_id", "said_at", "text"],
    },
    "contacts": {
        "columns": {
            "customer_id": "string",
            "campaign_id": "string",
            "channel": "string",
            "sent_at": "timestamp",
            "responded_at": "timestamp",
            "arm": "string",
            "kind": "string",
            "cost": "decimal(18, 2)",
        },
        "required": ["customer_id", "campaign_id", "sent_at"],
        "may_be_empty": ["responded_at"],
        "dated": "sent_at",
        "key": ["customer_id", "campaign_id"],
    },
    "consents": {
        "columns": {
            "customer_id": "string",
            "channel": "string",
            "purpose": "string",
            "granted": "boolean",
            "updated_at": "timestamp",
        },
        "required": ["customer_id", "channel", "purpose", "granted", "updated_at"],
        "dated": "updated_at",
        "key": ["customer_id", "channel", "purpose", "updated_at"],
    },
    "market": {
        "columns": {"area": "string", "year": "int64", "measure": "string", "value": "float64"},
        "required": ["area", "year", "measure", "value"],
        "dated": None,
        "key": ["area", "year", "measure"],
    },
}


def reserved(name: str) -> bool:
    """Whether an attribute of customers may not have this name: a step adds a column of that name, or of the same but for capitals."""
    if name in CONTRACT["customers"]["columns"] or name in (*PERSONAL, *LOCATING):
        return False
    taken = {*RESERVED, *CONTRACT["customers"]["columns"], *PERSONAL, *LOCATING}
    return name.endswith("_") or name.casefold() in taken
