"""A small shop for tests of the engine: project.yml and files of a few typed rows."""

from datetime import date

import pandas as pd
import pyarrow.parquet
import pytest
import yaml

from helpers import NinefoldError, project
from helpers.engine import Engine

FILE = "data/shop/project.yml"
TILL = {
    "table": "orders",
    "file": "till.csv",
    "columns": {"customer_id": "client", "order_id": "ticket", "ordered_at": "at", "amount": "paid"},
}
LINES = """\
client,ticket,at,paid
007,T3,2024-02-29 23:59:59,3.30
0042,T1,2024-01-10 09:00:00,1.10
007,T2,2024-01-05 18:30:00,-2.20
"""


def opened(tmp_path, monkeypatch):
    """`shop(sources, files, …)` writes project.yml and the files (text, bytes or a frame) and gives an engine on them."""
    monkeypatch.setenv("NINEFOLD_HOME", str(tmp_path))
    place = tmp_path / "data" / "shop"
    place.mkdir(parents=True)

    def make(sources=None, files=None, *, as_of=None, collect=None, **fields) -> Engine:
        content = {
            "title": "Shop",
            "time_zone": "Europe/Paris",
            "as_of": date(2024, 3, 1),
            "objectives": {"main": {"name": "Earn more", "kind": "revenue", "metric": "revenue_per_customer"}},
            "collect": {"sources": {"till": TILL, **(sources or {})}, **(collect or {})},
        }
        (place / "project.yml").write_text(yaml.safe_dump(content | fields, sort_keys=False), encoding="utf-8")
        for name, given in ({"till.csv": LINES} | (files or {})).items():
            (place / name).parent.mkdir(parents=True, exist_ok=True)
            if isinstance(given, pd.DataFrame):
                given.to_parquet(place / name)
            elif isinstance(given, pyarrow.Table):  # pandas would write what is not a number as missing
                pyarrow.parquet.write_table(given, place / name)
            else:
                (place / name).write_bytes(given if isinstance(given, bytes) else given.encode())
        plan = project.load("shop")
        return Engine(plan, project.instant(as_of, plan))

    make.place = place
    return make


def rows(table, *columns) -> list[tuple]:
    """The rows of an Ibis table, sorted, as Python values; None is what is missing."""
    table = table.select(*columns) if columns else table
    return sorted((tuple(row.values()) for row in table.to_pyarrow().to_pylist()), key=str)


def times(*texts) -> pd.Series:
    return pd.to_datetime(pd.Series(texts), format="ISO8601")


def refusal(work) -> str:
    """The message with which something is refused."""
    with pytest.raises(NinefoldError) as error:
        work()
    return str(error.value)
