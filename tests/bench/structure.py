"""What the structure verdict costs: 39 draws of each kind of data without structure, 1,000 customers, 3 to 6 segments.

    python tests/bench/structure.py [columns, default 6 and 16] [draws, default 39]

Makes one cloud of correlated variables, a third of them counts of few levels, and prints the verdict and its seconds, of the clock and of
the processors. Goal: under 60 seconds on two processors. The first figure grows with busy neighbours, the second hardly.
"""

import sys
import time
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "src"))
GOAL_SECONDS, ROWS = 60, 1_000


def customers(columns: int) -> np.ndarray:
    """Skewed measurements and small counts, all correlated .4."""
    draw = np.random.default_rng(columns)
    latent = np.sqrt(0.4) * draw.standard_normal((2 * ROWS, 1)) + np.sqrt(0.6) * draw.standard_normal((2 * ROWS, columns))
    values = np.where(np.arange(columns) % 3 == 2, np.floor(np.exp(latent / 2)), np.exp(latent / 2))
    values = np.minimum(values, np.quantile(values, 0.99, axis=0))
    return (values - values.mean(axis=0)) / values.std(axis=0)


def main(columns: list[int], draws: int) -> None:
    from helpers.build.structure import verdict

    for wide in columns:
        clock, processors = time.perf_counter(), time.process_time()
        found = verdict(customers(wide), range(3, 7), 5, draws=draws, seed=1)
        took, worked = time.perf_counter() - clock, time.process_time() - processors
        print(
            f"{found['rows']} rows × {wide} columns, k 3…6, {draws} draws of each kind: {found['verdict']}, "
            f"{took:.1f} s of the clock (goal {GOAL_SECONDS}), {worked:.1f} s of the processors",
            flush=True,
        )


if __name__ == "__main__":
    given = [int(argument) for argument in sys.argv[1:]]
    main(given[:1] or [6, 16], given[1] if len(given) > 1 else 39)
