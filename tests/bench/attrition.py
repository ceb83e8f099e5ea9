"""What attrition costs on many customers, beside measuring their variables three times, which it cannot do without.

    python tests/bench/attrition.py [customers, default 500,000]

Makes ten order lines a customer as Parquet, then learns, judges and applies the risk. Prints the seconds, their ratio to three
measurements of the variables, and the largest memory. Goals: under 60 seconds, under 3 GB.
"""

import resource
import sys
import tempfile
import time
from datetime import datetime, timedelta
from pathlib import Path

HERE = Path(__file__).resolve()
sys.path[:0] = [str(HERE.parents[2] / "src"), str(HERE.parents[1])]

MADE = """
copy (
    with people as (
        select i, 5 + 40 * (hash(i) % 1000 / 1000.0) as pace, 700 * (hash(i * 7) % 1000 / 1000.0) as stops
        from range({n}) t(i)
    )
    select 'c' || i as customer_id, 'c' || i || '-' || k as order_id,
        timestamp '2017-10-01' - interval (cast((330 - day) * 86400 as bigint)) second as ordered_at,
        cast(5 + hash(i * 31 + k) % 9000 / 100.0 as decimal(18, 2)) as amount
    from (select *, (hash(i * 13) % 60) + k * pace + hash(i * 17 + k) % 10 as day from people, range(60) r(k)) where day < least(330, stops)
) to '{file}' (format parquet)
"""


def main(customers: int) -> None:
    import ibis
    from by_hand import AS_OF, Step, project

    from helpers import variables
    from helpers.engine import Window
    from helpers.predict import attrition as room

    columns = {c: c for c in ("customer_id", "order_id", "ordered_at", "amount")}
    source = {"table": "orders", "file": "orders.csv", "columns": columns}
    plan = project(collect={"sources": {"orders": source}}, scope={"window_days": 90, "horizon_days": 90})
    with tempfile.TemporaryDirectory() as folder:
        con = ibis.duckdb.connect()
        ibis.set_backend(con)
        con.raw_sql(MADE.format(n=customers, file=f"{folder}/orders.parquet"))
        tables = {"orders": con.read_parquet(f"{folder}/orders.parquet")}
        print(f"{customers:,} customers, {tables['orders'].count().execute():,} lines, made at {datetime.now():%H:%M}")
        start = time.perf_counter()
        for back in (0, 30, 60):
            cut = AS_OF - timedelta(days=back)
            window = Window("cut", cut - timedelta(days=90), cut, None, True)
            variables.in_window(window, tables, plan)[0].cache().count().execute()
        alone = time.perf_counter() - start
        start, busy = time.perf_counter(), time.process_time()
        found, risk = room.attrition(Step(plan), tables)
        scored = None if risk is None else risk.aggregate(n=risk.count(), mean=risk.attrition_risk.mean()).execute()
        took, busy = time.perf_counter() - start, time.process_time() - busy
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024**2
    print(f"status {found['status']}, grade {found['grade']}, {found.get('used')}, days {found['period']['days']}; scored {scored}")
    print(f"attrition {took:.1f} s ({busy:.1f} s of the processors), {took / alone:.1f} times the variables alone ({alone:.1f} s)")
    print(f"most memory {most:.2f} GB")


if __name__ == "__main__":
    main(int(sys.argv[1].replace(",", "")) if len(sys.argv) > 1 else 500_000)
