"""What lifetime value costs: fitting the models of buying and scoring everybody, in one run.

    python tests/bench/value.py [customers fitted, default 1,000,000] [customers scored, default 5,000,000]

Makes customers with daily histories over two years by the model itself. Fits all three models to 2,357 of them and to all, and prints
seconds and the ratio to one evaluation of the likelihood as the paper writes it, over every customer, turn about: a ratio does not change
with a busy machine. Then scores the second number of customers in the engine, from Parquet to a table of DuckDB, against copying the same
columns; and as numpy in batches; with the largest memory of each, in a process of its own. Goals: under .3 s, 20 s and 2 GB.
"""

import subprocess
import sys
import tempfile
import time
from pathlib import Path

HERE = Path(__file__).resolve()
sys.path[:0] = [str(HERE.parents[2] / "src")]
TRUTH, DAYS = (0.8, 6.0, 0.8, 2.4), 730


def customers(n: int, seed: int = 1) -> tuple:
    """x, t_x, T in weeks, by BG/NBD; a purchase a day at most."""
    import numpy as np

    draw, (r, alpha, a, b) = np.random.default_rng(seed), TRUTH
    T, rate, leave = np.floor(draw.uniform(0, DAYS, n)), draw.gamma(r, 1 / alpha, n) / 7, draw.beta(a, b, n)
    x, t_x, now, here = np.zeros(n), np.zeros(n), np.zeros(n), np.ones(n, dtype=bool)
    while here.any():
        now = np.ceil(now + draw.exponential(1, n) / np.maximum(rate, 1e-12))
        here = here & (now <= T)
        x, t_x = x + here, np.where(here, now, t_x)
        here = here & (draw.random(n) >= leave)
    return x, t_x / 7, T / 7


def as_written(x, t_x, T) -> float:
    """The log-likelihood of BG/NBD by the paper's formula, customer by customer."""
    import numpy as np
    from scipy.special import gammaln

    r, alpha, a, b = TRUTH
    one = gammaln(r + x) - gammaln(r) + r * np.log(alpha) + gammaln(a + b) + gammaln(b + x) - gammaln(b) - gammaln(a + b + x)
    left = np.where(x > 0, np.log(a) - np.log(np.maximum(b + x - 1, 1e-9)) - (r + x) * np.log(alpha + t_x), -np.inf)
    return float((one + np.logaddexp(-(r + x) * np.log(alpha + T), left)).sum())


def fitted(n: int) -> None:
    from helpers.predict.value.buying import MODELS, fit
    from helpers.predict.value.histories import gathered

    rows = customers(n)
    fit(gathered(*(part[:500] for part in rows)), "bgnbd")  # what is imported first must not be timed
    began = time.perf_counter()
    counted = gathered(*rows)
    print(f"{n:,} customers, {len(counted.n):,} distinct histories, counted in {time.perf_counter() - began:.2f} s")
    for model in MODELS:
        began = time.perf_counter()
        as_written(*rows)
        between = time.perf_counter()
        found = fit(counted, model)
        once, took = between - began, time.perf_counter() - between
        print(f"  {model:7} {took:6.2f} s, {took / once:5.1f} times one evaluation as written; converged {found.converged}", flush=True)


def scored(way: str, path: str) -> None:
    """One way of scoring, in this process."""
    import ibis
    import numpy as np

    from helpers.predict.value.buying import Fit
    from helpers.predict.value.lifetime import expected, in_batches, score
    from helpers.predict.value.spending import Spending

    found = Fit("mbgnbd", dict(zip(("r", "alpha", "a", "b"), TRUTH, strict=True)), 0.0, 1, True)
    money = Spending({"p": 6.25, "q": 3.74, "gamma": 15.44}, 0.0, 1, True, 35.0)
    connection = ibis.duckdb.connect(Path(path).with_suffix(f".{way}"), memory_limit="1GB")
    rows = connection.read_parquet(path)
    began = time.perf_counter()
    if way == "batches":
        done = sum(len(part) for part in in_batches(rows, lambda t: expected(found, t.x, t.t_x, t["T"], np.float64(52))))
    else:
        connection.create_table("found", rows if way == "copy" else score(rows, found, spending=money))
        done = connection.table("found").count().execute()
    status = Path("/proc/self/status").read_text(encoding="utf-8")
    memory = next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmHWM")) / 1024**2
    print(f"  {way:8} {done:,} customers, {time.perf_counter() - began:6.1f} s, largest memory {memory:.2f} GB", flush=True)


def main(fits: int, scores: int) -> None:
    import pandas as pd

    for n in (2_357, fits):
        fitted(n)
    with tempfile.TemporaryDirectory() as folder:
        x, t_x, T = customers(scores, seed=2)
        names = pd.Series(range(scores)).astype("string").radd("c")
        path = Path(folder) / "histories.parquet"
        pd.DataFrame({"customer_id": names, "x": x.astype("int64"), "t_x": t_x, "T": T, "m_x": x + 5}).to_parquet(path)
        del x, t_x, T, names
        for way in ("copy", "engine", "batches"):
            subprocess.run([sys.executable, str(HERE), "--scored", way, str(path)], check=True)


if __name__ == "__main__":
    if sys.argv[1:2] == ["--scored"]:
        scored(*sys.argv[2:])
    else:
        given = [int(argument) for argument in sys.argv[1:]]
        main(*given, *(1_000_000, 5_000_000)[len(given) :])
