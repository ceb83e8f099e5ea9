"""Tables and projects written by hand, small enough to work out what should come of them."""

from datetime import datetime
from decimal import Decimal

import ibis
import ibis.expr.types as ir
import pandas as pd
import pyarrow as pa
from pandas.testing import assert_frame_equal

from helpers import engine
from helpers.project import CONTRACT, Project

AS_OF = datetime(2017, 10, 1)

MAPPED = {
    "orders": ("customer_id order_id ordered_at product_id category quantity amount discount coupon brand store_id").split(),
    "contacts": "customer_id campaign_id sent_at responded_at".split(),
    "events": "customer_id occurred_at kind detail".split(),
    "customers": "customer_id age town".split(),
}


def at(moment: str | None) -> datetime | None:
    """2017-09-01 or 2017-09-01 18:00, always of 2017 when it begins with the month."""
    if moment is None:
        return None
    return datetime.fromisoformat(f"2017-{moment}" if moment[2] == "-" else moment)


def table(name: str, columns: str, *rows: tuple) -> ir.Table:
    """A canonical table in the types of its contract (text for any other column), its rows in the order given."""
    kinds = {c: CONTRACT.get(name, {"columns": {}})["columns"].get(c, "string") for c in columns.split()}
    types = {"string": pa.string(), "timestamp": pa.timestamp("us"), "float64": pa.float64(), "int64": pa.int64(), "boolean": pa.bool_()}
    arrays = []
    for position, kind in enumerate(kinds.values()):
        values = [row[position] for row in rows]
        if kind.startswith("decimal"):
            arrays.append(pa.array([None if v is None else Decimal(str(v)) for v in values], pa.decimal128(18, 2)))
        else:
            arrays.append(pa.array([at(v) for v in values] if kind == "timestamp" else values, types[kind]))
    return ibis.memtable(pa.table(arrays, names=list(kinds)))


def orders(*rows: tuple) -> ir.Table:
    """Orders, one row each: customer_id, order_id, ordered_at, amount."""
    return table("orders", "customer_id order_id ordered_at amount", *rows)


def mailings(*rows: tuple) -> ir.Table:
    """Mailings: customer_id, sent_at, responded_at."""
    return table("contacts", "customer_id sent_at responded_at", *rows)


def project(*, tables: tuple[str, ...] = ("orders",), **sections) -> Project:
    """A project in which the tables named have every column that MAPPED lists; sections as in project.yml."""
    sources = {name: {"table": name, "file": f"{name}.csv", "columns": {c: c for c in MAPPED[name]}} for name in tables}
    main = {"name": "Revenue", "kind": "revenue", "metric": "revenue_per_customer"}
    typed = {"title": "By hand", "as_of": AS_OF, "currency": "USD", "time_zone": "America/New_York", "objectives": {"main": main}}
    typed |= {key: value for key, value in sections.items() if key != "collect"}
    return Project(name="by_hand", file="data/by_hand/project.yml", collect={"sources": sources} | sections.get("collect", {}), **typed)


def rows_of(found: ir.Table | pd.DataFrame, by: str = "customer_id") -> pd.DataFrame:
    """A whole table as a frame in a fixed order."""
    frame = found.execute() if isinstance(found, ir.Table) else found
    return frame.sort_values(by, ignore_index=True)


def same(found: ir.Table | pd.DataFrame, expected: dict[str, list], by: str = "customer_id", **how) -> None:
    """Compare whole frames, columns included, whatever the order of columns and rows."""
    frame, wanted = rows_of(found, by), rows_of(pd.DataFrame(expected), by)
    frame, wanted = (each[sorted(each.columns)] for each in (frame, wanted))
    texts = [c for c in wanted.columns if not pd.api.types.is_numeric_dtype(wanted[c]) and wanted[c].isna().any()]
    frame, wanted = (each.astype(dict.fromkeys(texts, object)).fillna(dict.fromkeys(texts, "–")) for each in (frame, wanted))
    assert_frame_equal(frame, wanted, check_dtype=False, **how)


class Step:
    """What helpers ask of a step: its project, what earlier steps handed over, and a bounded sample."""

    def __init__(self, plan, **tables: pd.DataFrame):
        self.project, self.as_of, self.tables = plan, AS_OF, {name: ibis.memtable(frame) for name, frame in tables.items()}

    def take(self, step, name):
        assert step == "variables"
        return self.tables[name]

    def gives(self, step, name):
        return step == "variables" and name in self.tables

    def sample(self, table):
        return engine.sample(table, self.project.sample_rows, seed=self.project.seed).execute()
