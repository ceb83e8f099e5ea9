"""Ten million order lines through the functions of steps 3 and 4, twice: the same bytes each time, on two threads."""

import duckdb
import pytest

from helpers import collect, run, variables, words
from helpers import project as projects

LINES = 10_000_000
CUSTOMERS = 500_000

PROJECT = """
title: Generated lines
currency: EUR
time_zone: Europe/Paris
as_of: 2024-10-01
objectives:
  main: {name: Revenue, kind: revenue, metric: revenue_per_customer, target: 100, by_when: 2025-01-01}
scope:
  window_days: 90
  filters: [{rule: bought_within_days, value: 90}]
collect:
  sources:
    lines:
      table: orders
      file: raw/lines.parquet
      columns:
        customer_id: customer
        order_id: basket
        ordered_at: at
        product_id: product
        category: department
        brand: brand
        quantity: quantity
        amount: [price, rest]
        discount: discount
        store_id: store
      time_zone: UTC
  set_aside: [{rule: quantity_not_positive}]
variables:
  own_brand: [b0]
  category_groups: {first_share: [d0, d1], second_share: [d2]}
"""


def write_lines(path, *, lines: int, customers: int) -> None:
    """Order lines whose doubles do not add up alike in every order, in many row groups and in no order."""
    path.parent.mkdir(parents=True)
    duckdb.sql(
        f"""
        copy (
            select
                'C' || lpad(cast(hash(i, 1) % {customers} as varchar), 7, '0') as customer,
                'B' || cast(i // 8 as varchar) || '-' || cast(hash(i, 1) % {customers} as varchar) as basket,
                timestamp '2024-01-01' + to_seconds(cast(hash(i // 8, 2) % 23600000 as bigint)) as at,
                'P' || cast(hash(i, 3) % 20000 as varchar) as product,
                'd' || cast(hash(i, 3) % 9 as varchar) as department,
                'b' || cast(hash(i, 4) % 4 as varchar) as brand,
                cast(hash(i, 5) % 6 as bigint) as quantity,
                (hash(i, 6) % 3000) / 100.0::double as price,
                (hash(i, 7) % 100) / 1000.0::double as rest,
                (hash(i, 8) % 300) / 100.0::double as discount,
                's' || cast(hash(i, 9) % 400 as varchar) as store
            from range({lines}) t(i)
        ) to '{path}' (format parquet, row_group_size 1000000, compression uncompressed)
        """
    )


def pass_through(base) -> dict[str, str]:
    """Steps 3 and 4 into `base`; content hashes of all that they hand over."""
    plan = projects.load("generated")
    words.use("en", currency=plan.currency)
    moment, digests = projects.instant(None, plan), {}
    step = run.Step("collect", plan, moment, base, draft=False)
    step.engine.con.raw_sql("set threads = 2")
    checked, _ = collect.unify(step)
    step.give_table("customers", collect.one_row_each(checked.get("customers"), checked["orders"]), key=["customer_id"])
    step.keep_summary({"headline": "collected"})
    digests |= {g["file"]: g["sha256"] for g in step.hand_over()}
    step = run.Step("variables", plan, moment, base, draft=False)
    step.engine.con.raw_sql("set threads = 2")
    checked = collect.checked(step)
    measured, _ = variables.in_window(step.windows(checked["orders"])["published"], checked, plan)
    given = step.give_table("variables", measured, key=["customer_id"])
    learnt = variables.learn(step.sample(given), variables.catalogue(plan), plan)
    step.give_json("transforms", {"variables": learnt})
    step.keep_summary({"headline": "measured"})
    return digests | {g["file"]: g["sha256"] for g in step.hand_over()}


@pytest.mark.slow
def test_ten_million_lines_hand_over_the_same_bytes_twice(workspace):
    (workspace / "data" / "generated").mkdir()
    (workspace / "data" / "generated" / "project.yml").write_text(PROJECT, encoding="utf-8")
    write_lines(workspace / "data" / "generated" / "raw" / "lines.parquet", lines=LINES, customers=CUSTOMERS)
    first, second = (pass_through(workspace / name) for name in ("one", "two"))
    assert first == second
    assert set(first) >= {"orders.parquet", "orders_set_aside.parquet", "customers.parquet", "variables.parquet", "transforms.json"}
    rows = duckdb.sql(f"select count(*) from '{workspace}/one/03_collect/orders*.parquet'").fetchone()
    visible = duckdb.sql(
        f"""
        select count(*) from '{workspace}/data/generated/raw/lines.parquet'
        where timezone('Europe/Paris', timezone('UTC', "at")) < timestamp '2024-10-01'
        """
    )
    assert rows == visible.fetchone()
