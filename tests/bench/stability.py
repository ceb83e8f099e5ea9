"""What global stability of survey answers costs beside plain scikit-learn, in one run, side by side.

    python tests/bench/stability.py [respondents, default 1,453]

Makes answers of yes or no to eleven items by respondents of latent classes, like the published fast-food survey that the definition of
global stability was shown on, then measures it for 2 to 8 segments with 100 pairs of bootstrap samples: ours with starts doubled until no
median moves by more than .02, theirs with KMeans, 10 starts, on the same samples, two at a time. Prints the median agreement of both
at each number of segments, ours with 10 starts as well, and the seconds of the clock and of this process (others work beside it).
Goal: 10 s on two free cores.
"""

import sys
import time
from pathlib import Path

HERE = Path(__file__).resolve()
sys.path.insert(0, str(HERE.parents[2] / "src"))
KS, PAIRS, SEED = range(2, 9), 100, 1
ITEMS = (0.55, 0.91, 0.09, 0.87, 0.53, 0.90, 0.60, 0.64, 0.36, 0.20, 0.24)
"""Roughly who said yes there: yummy, convenient, spicy, fattening, greasy, fast, cheap, tasty, expensive, healthy, disgusting."""
CLASSES = 5


def answers(n: int, seed: int = SEED):
    """Respondents × items, 0 or 1: in each class the share of yes is drawn about the item's own."""
    import numpy as np

    draw, items = np.random.default_rng(seed), np.array(ITEMS)
    yes = draw.beta(items, 1 - items, (CLASSES, len(items))).clip(0.03, 0.97)
    of = draw.choice(CLASSES, n, p=draw.dirichlet(np.full(CLASSES, 4.0)))
    return (draw.random((n, len(items))) < yes[of]).astype("float64")


def theirs(x, starts: int = 10) -> dict:
    """The same with scikit-learn alone: no rows merged, every start to the end."""
    import numpy as np
    from sklearn.cluster import KMeans
    from sklearn.metrics import adjusted_rand_score

    from helpers.build.kmeans import in_pairs
    from helpers.build.stability import bootstrap

    def fitted(task: tuple):
        k, pair, half, drawn = task
        rows = np.repeat(x, drawn.astype(int), axis=0)
        return KMeans(k, n_init=starts, random_state=1000 * pair + 10 * half + k).fit(rows).predict(x)

    samples = [(pair, half, drawn) for pair in range(PAIRS) for half, drawn in enumerate(bootstrap(len(x), SEED, pair))]
    found = {}
    for k in KS:
        labels = in_pairs(fitted, [(k, *sample) for sample in samples])
        found[k] = np.array([adjusted_rand_score(one, other) for one, other in zip(labels[::2], labels[1::2], strict=True)])
    return found


def timed(what: str, run):
    clock, processor = time.perf_counter(), time.process_time()
    found = run()
    print(
        f"{what:32} {time.perf_counter() - clock:6.1f} s of the clock, {time.process_time() - processor:6.1f} s of this process",
        flush=True,
    )
    return found


def main(n: int) -> None:
    import numpy as np

    import helpers.build.stability  # noqa: F401 - what is imported first must not be timed

    module = sys.modules["helpers.build.stability"]
    x = answers(n)
    print(f"{n} respondents, {len(np.unique(x, axis=0))} different; {PAIRS} pairs, {KS.start} to {KS.stop - 1} segments")
    ours, starts = timed("ours, starts doubled", lambda: module.stability(x, KS, pairs=PAIRS, seed=SEED))
    print(f"{'':32} at most {starts} starts a fit were needed")
    plain = timed("scikit-learn, 10 starts", lambda: theirs(x))
    module.STARTS = 10
    few, _ = timed("ours, 10 starts", lambda: module.stability(x, KS, pairs=PAIRS, seed=SEED, most_starts=10))
    print("segments  ours  scikit-learn with 10  ours with 10")
    for k in KS:
        print(f"{k:8}  {np.median(ours[k]):.2f}  {np.median(plain[k]):20.2f}  {np.median(few[k]):12.2f}")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 1453)
