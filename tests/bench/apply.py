"""What it costs to write segment and confidence of everybody, beside copying the same columns, in one run, turn about.

    python tests/bench/apply.py [customers, default 5,000,000]

Makes customers with 20 variables as Parquet, and a document that holds, takes logarithms, standardises, projects on 6 axes and finds the
nearest of 6 centres, with a confidence table of 8 steps for each of the 30 pairs. Both read the Parquet and write a table of DuckDB:
theirs the key and the 20 variables as they are, ours the key, segment and confidence, by Ibis and by the SQL text. Prints the seconds
and the ratio of the medians. Goal: at most 4 times. A ratio, not a limit: machines differ, neighbours are noisy.
"""

import statistics
import sys
import tempfile
import time
from pathlib import Path

sys.path[:0] = [str(Path(__file__).resolve().parents[2] / "src")]
TURNS = 5
VARIABLES, AXES, SEGMENTS, STEPS = 20, 6, 6, 8


def document() -> dict:
    import numpy as np

    draw = np.random.default_rng(1)
    names, ids = [f"variable_{n}" for n in range(VARIABLES)], [f"S{n}" for n in range(1, SEGMENTS + 1)]
    steps = [{"clip": [0.0, 40.123]}, {"log1p": True}, {"scale": [1.623, 0.9812]}]
    at = [round(0.1 * 1.6**n, 6) for n in range(STEPS)]
    share = [round(0.5 + 0.5 * n / (STEPS + 1), 4) for n in range(STEPS + 1)]
    table = [{"own": a, "other": b, "at": at, "share": share} for a in ids for b in ids if a != b]
    how = {"centroids": draw.normal(size=(SEGMENTS, AXES)).tolist(), "confidence": {"table": table}}
    return {
        "format": 2,
        "version": 1,
        "key": "customer_id",
        "variables": [{"name": name, "kind": "number", "missing": 3.25, "steps": steps} for name in names],
        "project": {"centre": [0.0] * VARIABLES, "loadings": (draw.normal(size=(VARIABLES, AXES)) / 4).tolist()},
        "segments": [{"id": id_, "name": None, "colour": None} for id_ in ids],
        "assign": {"nearest": how},
    }


def make(folder: Path, customers: int) -> str:
    """Skewed values with two digits, one in fifty missing, as variables of behaviour have them."""
    import duckdb

    columns = ", ".join(
        f"case when hash(i, {n}) % 50 > 0 then round(-ln(((hash(i, {n}, 7) % 1000003) + 1) / 1000004.0) * 9, 2) end as variable_{n}"
        for n in range(VARIABLES)
    )
    path = folder / "customers.parquet"
    query = f"select printf('c%08d', i) as customer_id, {columns} from range({customers}) t(i)"
    duckdb.connect().execute(f"copy ({query}) to '{path}' (compression zstd)")
    return f"read_parquet('{path}')"


def timed(folder: Path, way: str, source: str, made: dict) -> float:
    """Seconds of one way, into a new database file."""
    import ibis

    from helpers.build.document import apply, to_sql

    file = folder / "out.duckdb"
    file.unlink(missing_ok=True)
    connection = ibis.duckdb.connect(file)
    began = time.perf_counter()
    if way == "copy":
        connection.raw_sql(f"create table found as select * from {source}")
    elif way == "text":
        connection.raw_sql(f"create table found as {to_sql(made, source).rstrip().rstrip(';')}")
    else:
        connection.create_table("found", apply(made, connection.read_parquet(source.split("'")[1])))
    seconds = time.perf_counter() - began
    connection.disconnect()
    return seconds


def main(customers: int) -> None:
    with tempfile.TemporaryDirectory() as home:
        folder, made = Path(home), document()
        source = make(folder, customers)
        ways: dict[str, list[float]] = {"copy": [], "ibis": [], "text": []}
        for _ in range(TURNS):
            for way, seconds in ways.items():
                seconds.append(timed(folder, way, source, made))
        copied = statistics.median(ways["copy"])
        for way, seconds in ways.items():
            median = statistics.median(seconds)
            print(f"{way:5} {median:6.2f} s ({min(seconds):.2f} to {max(seconds):.2f})   {median / copied:4.1f} times the copy")


if __name__ == "__main__":
    main(int(sys.argv[1].replace(",", "")) if len(sys.argv) > 1 else 5_000_000)
