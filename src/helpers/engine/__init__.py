"""Where tables live: Ibis on DuckDB by default, another engine by its address.

The only room that reads sources. It maps them to the table contract, brings instants to the project's time zone, sets rows that
cannot be read aside with their reason, and cuts every dated table at `as_of`, before any step sees a row.
"""

from helpers.engine.duck import open_duckdb
from helpers.engine.tables import Engine
from helpers.engine.windows import (
    Window,
    before,
    between,
    days_between,
    first_instant,
    in_zone,
    sample,
    total,
    totals_by_order,
    windows,
)

__all__ = [
    "Engine",
    "Window",
    "before",
    "between",
    "days_between",
    "first_instant",
    "in_zone",
    "open_duckdb",
    "sample",
    "total",
    "totals_by_order",
    "windows",
]
