"""How much the variables of step 4 cost beside the same sums written by hand in DuckDB SQL, in one run, side by side.

    python tests/bench/variables.py [order lines, default 10,000,000]

Prints seconds of both, turn and turn about, and their ratio. A ratio, not a limit: machines differ, neighbours are noisy.
"""

import statistics
import sys
import tempfile
import time
from datetime import datetime
from pathlib import Path

import duckdb

sys.path.insert(0, str(Path(__file__).parents[1]))

from test_scale import PROJECT, write_lines  # noqa: E402

BY_HAND = """
create or replace table by_hand as
with lines as (
    select *, case when amount > 0 then amount else 0 end as positive from '{path}'
    where ordered_at >= '2024-07-03' and ordered_at < '2024-10-01'
), orders as (
    select customer_id, order_id, min(ordered_at) as ordered_at, sum(amount) as amount, sum(positive) as gross, count(*) as lines,
        sum(discount) as discount, min(store_id) as store_id, sum(case when brand = 'b0' then positive else 0 end) as own,
        sum(case when category in ('d0', 'd1') then positive else 0 end) as first_share,
        sum(case when category = 'd2' then positive else 0 end) as second_share
    from lines group by all
), customers as (
    select customer_id, count(*) as orders, max(ordered_at) as last, min(ordered_at) as first, sum(amount) as amount, sum(gross) as gross,
        sum(lines) as lines, sum(discount) as discount, sum(own) as own, sum(first_share) as first_share, sum(second_share) as second_share,
        count(distinct epoch(timestamp '2024-10-01' - ordered_at) // 604800) as weeks,
        sum(gross) filter (ordered_at >= '2024-08-17') as late, sum(gross) filter (ordered_at < '2024-08-17') as early,
        count(*) filter (isodow(ordered_at) >= 6) as weekend, count(*) filter (hour(ordered_at) >= 18) as evening,
        count(*) filter (hour(ordered_at) < 12) as morning
    from orders group by all
), departments as (
    select customer_id, count(distinct category) as departments from lines group by all
), stores as (
    select customer_id, max(n) as in_main, count(*) as stores
    from (select customer_id, store_id, count(*) as n from orders group by all) group by all
)
select * from customers join departments using (customer_id) join stores using (customer_id)
"""


def main(lines: int) -> None:
    import os

    with tempfile.TemporaryDirectory() as home:
        os.environ["NINEFOLD_HOME"] = home
        from helpers import collect, run, variables, words
        from helpers import project as projects

        folder = Path(home) / "data" / "generated"
        folder.mkdir(parents=True)
        (folder / "project.yml").write_text(PROJECT, encoding="utf-8")
        write_lines(folder / "raw" / "lines.parquet", lines=lines, customers=max(lines // 20, 10))
        plan = projects.load("generated")
        words.use("en", currency=plan.currency)
        step = run.Step("collect", plan, datetime(2024, 10, 1), Path(home) / "run", draft=False)
        checked, _ = collect.unify(step)
        window = step.windows(checked["orders"])["published"]
        con = duckdb.connect()
        seconds = {"ninefold": [], "by hand": []}
        for _ in range(3):
            began = time.perf_counter()
            measured, _later = variables.in_window(window, checked, plan)
            rows = step.engine.con.create_table("measured", measured, overwrite=True).count().execute()
            seconds["ninefold"].append(time.perf_counter() - began)
            began = time.perf_counter()
            con.execute(BY_HAND.format(path=step.folder / "orders.parquet"))
            seconds["by hand"].append(time.perf_counter() - began)
        ours, theirs = (statistics.median(s) for s in seconds.values())
        print(f"{lines:,} order lines, {rows:,} customers, median of 3:")
        print(f"ninefold {ours:.1f} s, by hand {theirs:.1f} s, ratio {ours / theirs:.2f}")


if __name__ == "__main__":
    main(int(sys.argv[1].replace(",", "")) if len(sys.argv) > 1 else 10_000_000)
