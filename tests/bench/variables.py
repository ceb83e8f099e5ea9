"""What steps 3 and 4 cost beside the same tables made by hand in DuckDB SQL, in one run, side by side.

    python tests/bench/variables.py [order lines, default 10,000,000]

Makes order lines as Parquet (a customer for every twenty), then runs ours and theirs turn and turn about, each in a process of its
own: step 3 (lines checked, set aside, written in order; one row a customer) and step 4 (the variables of the window, written). Prints
the seconds of both with their ratio, of the clock and of the processors, and the largest memory. Goals: at most 1.5 times, under 3 GB.
A ratio, not a limit: machines differ, neighbours are noisy.
"""

import json
import os
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from datetime import datetime
from pathlib import Path

HERE = Path(__file__).resolve()
sys.path[:0] = [str(HERE.parents[2] / "src"), str(HERE.parents[1])]
TURNS = 3
AS_OF, START, MIDDLE = "2024-10-01", "2024-07-03", "2024-08-17"

COLLECT = f"""
create temp view raw as select customer as customer_id, basket as order_id,
    case when "at" < timestamp '2024-03-31 01:00' then "at" + interval 1 hour else "at" + interval 2 hour end as ordered_at,
    product as product_id, department as category, brand, quantity::double as quantity,
    (price::decimal(18, 2) + rest::decimal(18, 2))::decimal(18, 2) as amount, discount::decimal(18, 2) as discount, store as store_id
from '{{raw}}';
create temp view judged as select *, case
    when customer_id is null then 'no_customer'
    when order_id is null or ordered_at is null or amount is null then 'incomplete'
    when quantity <= 0 and amount >= 0 then 'quantity_not_positive' end as reason
from raw where ordered_at < timestamp '{AS_OF}';
copy (select * exclude reason from judged where reason is null order by order_id, product_id, *)
    to '{{out}}/orders.parquet' (compression zstd);
copy (select * from judged where reason is not null order by order_id, product_id, *)
    to '{{out}}/set_aside.parquet' (compression zstd);
copy (
    select customer_id, min(ordered_at) as first_ordered_at, max(ordered_at) as last_ordered_at, count(distinct order_id) as orders
    from '{{out}}/orders.parquet' group by all order by customer_id
) to '{{out}}/customers.parquet' (compression zstd);
"""
VARIABLES = f"""
copy (
with ever as (
    select customer_id, order_id, min(ordered_at) as ordered_at, sum(amount) as amount from '{{out}}/orders.parquet' group by all
), people as (
    select customer_id, min(ordered_at) as first_ever, max(ordered_at) filter (amount >= 0) as last_ever from ever group by all
    having last_ever >= timestamp '{START}'
), lines as (
    select *, case when amount > 0 then amount else 0 end as positive from '{{out}}/orders.parquet'
    where ordered_at >= timestamp '{START}' and ordered_at < timestamp '{AS_OF}'
), orders as (
    select customer_id, order_id, min(ordered_at) as ordered_at, sum(amount) as amount, sum(positive) as gross,
        count(*) filter (amount >= 0) as lines, sum(discount) filter (amount >= 0) as discount, min(store_id) as store_id,
        sum(case when brand = 'b0' then positive else 0 end) as own,
        sum(case when category in ('d0', 'd1') then positive else 0 end) as first_share,
        sum(case when category = 'd2' then positive else 0 end) as second_share
    from lines group by all
), bought as (
    select * from orders where amount >= 0
), customers as (
    select customer_id, count(*) as orders, max(ordered_at) as last, min(ordered_at) as first, sum(lines) as lines,
        sum(discount) as discount, sum(own) as own, sum(first_share) as first_share, sum(second_share) as second_share,
        count(distinct ceil(epoch(timestamp '{AS_OF}' - ordered_at) / 604800)) as weeks,
        count(*) filter (isodow(ordered_at) >= 6) as weekend, count(*) filter (hour(ordered_at) >= 18) as evening,
        count(*) filter (hour(ordered_at) < 12) as morning
    from bought group by all
), money as (
    select customer_id, sum(amount) as amount, sum(gross) as gross, count(*) filter (amount < gross) as refunded,
        sum(gross) filter (ordered_at >= timestamp '{MIDDLE}') as late, sum(gross) filter (ordered_at < timestamp '{MIDDLE}') as early
    from orders group by all
), departments as (
    select customer_id, count(distinct category) as departments from lines where amount >= 0 group by all
), stores as (
    select customer_id, max(n) as in_main, count(*) as stores
    from (select customer_id, store_id, count(*) as n from bought group by all) group by all
), joined as (
    select *, greatest(least(epoch(timestamp '{AS_OF}' - first_ever) / 86400, 90), 1) as exposure
    from people left join customers using (customer_id) left join money using (customer_id) left join departments using (customer_id)
        left join stores using (customer_id)
)
select customer_id, floor(epoch(timestamp '{AS_OF}' - last_ever) / 86400) as recency_days,
    case when orders >= 2 then epoch(last - first) / 86400 / (orders - 1) end as gap_days, orders * 30.0 / exposure as orders_per_30d,
    least(weeks / ceil(exposure / 7), 1) as active_weeks_share, (first::date != last::date)::double as repeat,
    amount::double * 30 / exposure as spend_per_30d, least(gross - amount, gross)::double / gross as refund_share,
    least(refunded, orders) / orders as refund_order_share, amount::double / orders as spend_per_order, lines / orders as lines_per_order,
    departments, discount::double / (gross + discount) as discount_share, own::double / gross as own_brand_share,
    first_share::double / gross as first_share, second_share::double / gross as second_share, weekend / orders as weekend_order_share,
    evening / orders as evening_order_share, morning / orders as morning_order_share, stores as stores_visited,
    in_main / orders as main_store_share,
    case when exposure >= 90 then (late - early)::double / (late + early) end as spend_trend
from joined order by customer_id
) to '{{out}}/variables.parquet' (compression zstd)
"""


def theirs(home: Path) -> dict[str, float]:
    """The hand-written SQL. Returns seconds by step."""
    import duckdb

    out = home / "theirs"
    out.mkdir()
    con, seconds = duckdb.connect(config={"temp_directory": str(home / "spill")}), {}
    for step, sql in (("collect", COLLECT), ("variables", VARIABLES)):
        began = time.perf_counter()
        for statement in sql.split(";\n"):
            if statement.strip():
                con.execute(statement.format(raw=home / "data" / "generated" / "raw" / "lines.parquet", out=out))
        seconds[step] = time.perf_counter() - began
    return seconds


def ours(home: Path) -> dict[str, float]:
    """The functions that the notebooks of steps 3 and 4 call. Returns seconds by step."""
    from helpers import collect, run, variables, words
    from helpers import project as projects

    plan, seconds = projects.load("generated"), {}
    words.use("en", currency=plan.currency)
    began = time.perf_counter()
    step = run.Step("collect", plan, datetime(2024, 10, 1), home / "ours", draft=False)
    checked, _ = collect.unify(step)
    step.give_table("customers", collect.one_row_each(checked.get("customers"), checked["orders"]), key=["customer_id"])
    step.keep_summary({"headline": "collected"})
    step.hand_over()
    seconds["collect"] = time.perf_counter() - began
    began = time.perf_counter()
    step = run.Step("variables", plan, datetime(2024, 10, 1), home / "ours", draft=False)
    checked = collect.checked(step)
    measured, _ = variables.in_window(step.windows(checked["orders"])["published"], checked, plan)
    step.give_table("variables", measured, key=["customer_id"])
    seconds["variables"] = time.perf_counter() - began
    return seconds


def alone(who: str, home: Path) -> dict:
    """One turn in a process of its own: seconds by step, seconds of the processors, and the largest memory in GB."""
    environment = os.environ | {"NINEFOLD_HOME": str(home)}
    command = [sys.executable, str(HERE), "--turn", who, str(home)]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, encoding="utf-8", env=environment)
    return json.loads(done.stdout.splitlines()[-1])


def turn(who: str, home: Path) -> None:
    seconds = {"ours": ours, "theirs": theirs}[who](home)
    used = resource.getrusage(resource.RUSAGE_SELF)
    unit = 1024**3 if sys.platform == "darwin" else 1024**2  # macOS counts bytes, Linux kilobytes
    print(json.dumps({"seconds": seconds, "work": used.ru_utime + used.ru_stime, "memory": used.ru_maxrss / unit}))


def agree(home: Path) -> float:
    """The largest relative difference between the two tables of variables, over all customers and columns."""
    import duckdb

    both = [home / "theirs" / "variables.parquet", next(home.glob("ours/04_variables*/variables.parquet"))]
    one, two = (duckdb.sql(f"select * from '{path}' order by customer_id").df().set_index("customer_id") for path in both)
    assert one.index.equals(two.index) and set(one.columns) == set(two.columns), set(one.columns) ^ set(two.columns)
    two = two[one.columns].astype("float64")
    return float(((one.astype("float64") - two).abs() / two.abs().clip(lower=1e-9)).max().max())


def main(lines: int) -> None:
    from test_scale import PROJECT, write_lines

    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        (home / "data" / "generated").mkdir(parents=True)
        (home / "data" / "generated" / "project.yml").write_text(PROJECT, encoding="utf-8")
        write_lines(home / "data" / "generated" / "raw" / "lines.parquet", lines=lines, customers=max(lines // 20, 10))
        found: dict[str, list[dict]] = {"ours": [], "theirs": []}
        for _ in range(TURNS):
            for who in found:
                shutil.rmtree(home / who, ignore_errors=True)
                found[who].append(alone(who, home))
        print(f"{lines:,} order lines, {max(lines // 20, 10):,} customers, median of {TURNS}; largest difference {agree(home):.1e}")
        for step in ("collect", "variables"):
            a, b = (statistics.median(t["seconds"][step] for t in found[who]) for who in ("ours", "theirs"))
            print(f"{step:>10}: ninefold {a:6.1f} s, by hand {b:6.1f} s, ratio {a / b:.2f}")
        a, b = (statistics.median(sum(t["seconds"].values()) for t in found[who]) for who in ("ours", "theirs"))
        memory = {who: max(t["memory"] for t in turns) for who, turns in found.items()}
        print(f"{'both':>10}: ninefold {a:6.1f} s, by hand {b:6.1f} s, ratio {a / b:.2f} (goal 1.50)")
        a, b = (statistics.median(t["work"] for t in found[who]) for who in ("ours", "theirs"))
        print(f"{'processor':>10}: ninefold {a:6.1f} s, by hand {b:6.1f} s, ratio {a / b:.2f} (what neighbours disturb least)")
        print(f"{'memory':>10}: ninefold {memory['ours']:.2f} GB (goal 3.00), by hand {memory['theirs']:.2f} GB")


if __name__ == "__main__":
    if sys.argv[1:2] == ["--turn"]:
        turn(sys.argv[2], Path(sys.argv[3]))
    else:
        main(int(sys.argv[1].replace(",", "")) if len(sys.argv) > 1 else 10_000_000)
