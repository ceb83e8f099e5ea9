"""Step 6 on data that hold hardly anything: a clear error, or a consequence that is stated. The whole notebook is run on small shops."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import ibis
import numpy as np
import pandas as pd
import pytest
from by_hand import AS_OF, project
from conftest import make_company
from small_shop import refusal

from helpers import ROOT, run
from helpers.build import judging, methods_page, structure
from helpers.build.document import apply, labels
from helpers.build.stability import screened

NAMES = ["spend_per_30d", "orders_per_30d", "recency_days", "gap_days"]


def customers(n: int = 90, **given) -> pd.DataFrame:
    draw = np.random.default_rng(1)
    group = np.arange(n) % 3
    columns = {
        "spend_per_30d": np.array([10.0, 50, 90])[group] + draw.normal(0, 1, n),
        "orders_per_30d": np.array([9.0, 1, 5])[group] + draw.normal(0, 0.1, n),
        "recency_days": np.array([5.0, 60, 30])[group] + draw.normal(0, 1, n),
        "gap_days": draw.uniform(1, 9, n),
    }
    return pd.DataFrame({"customer_id": [f"c{i:03d}" for i in range(n)]} | columns | given)


def made(sample: pd.DataFrame, k: int = 3, **build) -> judging.Made:
    passports = {name: {"group": i, "contribution": None} for i, name in enumerate(NAMES)}
    plan = project(build={"types": []} | build, scope={"segments_wanted": k})
    return judging.make(sample, NAMES, k, plan, passports, built_as_of=AS_OF)


def test_fewer_customers_than_segments_are_an_error_where_a_way_was_chosen_and_else_a_reason_beside_it():
    few = customers(4)
    message = refusal(lambda: made(few, 5, chosen="kmeans"))
    assert "field scope.segments_wanted is 5, and the 4 customers in scope have 4 different profiles" in message
    assert message.endswith("Ask for fewer, widen scope.filters, or keep other variables.")
    found = made(few, 5)
    assert {"kmeans", "hcpc", "latent"} <= {name for name, out in found.refused.items() if out.why == "failed"}
    told = methods_page.refused_words(found.refused["kmeans"], found.columns)
    assert told.startswith("it could not cut these customers: ") and "4 different profiles" in told


def test_customers_who_are_all_alike_leave_one_group_and_no_learned_candidate():
    alike = customers(90, **dict.fromkeys(NAMES, 1.0))
    found = made(alike)
    assert {found.refused[name].why for name in ("kmeans", "hcpc", "latent")} == {"constant"}
    told = methods_page.refused_words(found.refused["kmeans"], found.columns)
    assert told.startswith("the same for everybody: ")
    assert {len(set(labels(document, alike))) for document in found.documents.values()} == {1}
    assert "field build.chosen is 'hcpc', which cannot be built here" in refusal(lambda: made(alike, chosen="hcpc"))


def test_variables_known_of_nobody_make_no_candidate_and_no_error():
    unknown = customers(90, **dict.fromkeys(NAMES, np.nan))
    found = made(unknown)
    assert not {"kmeans", "hcpc", "latent"} & set(found.fitted)
    for document in found.documents.values():
        assert len(set(labels(document, unknown))) == 1


def test_what_is_constant_collinear_or_missing_takes_no_part_and_is_named():
    n = 90
    base = customers(n)
    sample = base.assign(gap_days=np.nan, orders_per_30d=2 * base["spend_per_30d"] + 7)
    found = made(sample).fitted["kmeans"]
    assert found.evidence["dropped"] == {"gap_days": "missing", "orders_per_30d": "same"}
    told = methods_page.dropped_words(found, made(sample).columns)
    assert any("Known of nobody" in line for line in told) and any("Says exactly what an earlier variable says" in line for line in told)
    pairs = pd.crosstab(labels(found.document, sample), np.arange(n) % 3)
    assert (pairs.to_numpy() > 0).sum() == 3  # the three groups are found by the two that are left
    constant = made(customers(n, gap_days=4.0)).fitted["kmeans"]
    assert constant.evidence["dropped"] == {"gap_days": "constant"}


@pytest.mark.parametrize("way", ["kmeans", "hcpc", "latent", "rfm", "crossing", "points", "bands", "slices"])
@pytest.mark.parametrize("value", [1e12, -1e12])
def test_one_customer_of_an_extreme_value_has_no_segment_of_its_own(way, value):
    sample = customers(150)  # a hundredth beyond the outlier bounds is one customer at least
    sample.loc[0, "spend_per_30d"] = value
    found = pd.Series(labels(made(sample).documents[way], sample))
    assert found.nunique() >= 2 and found.value_counts().min() >= 5


def test_values_that_are_infinite_or_missing_for_most_are_labelled_all_the_same():
    sample = customers()
    document = made(sample).documents["kmeans"]
    odd = sample.assign(spend_per_30d=[np.nan, None, 0.0] * 30, recency_days=np.nan)
    placed = apply(document, ibis.memtable(odd)).execute()
    assert len(placed) == 90 and placed["segment"].isin([s["id"] for s in document["segments"]]).all()


def test_the_structure_of_too_few_or_of_all_alike_cannot_be_told_or_is_none():
    few = structure.verdict(np.random.default_rng(1).normal(size=(20, 3)), [2, 3], 3, draws=19, seed=1, names=["a", "b", "c"])
    assert few["verdict"] == "cannot tell"
    same = structure.verdict(np.ones((90, 2)), [2, 3], 3, draws=19, seed=1, names=["a", "b"])
    assert same["verdict"] == "cannot tell"


def test_a_way_that_cannot_cut_a_sample_anew_is_counted_as_failed_and_not_as_unlike():
    alike = customers(90, **dict.fromkeys(NAMES, 1.0))
    alike.loc[:3, NAMES] = np.arange(16).reshape(4, 4)  # four different customers among many: most samples lack some
    found = made(customers())
    again = screened(found.recipes["kmeans"], alike, 3, pairs=5, seed=1)
    assert len(again) == 5 and all(np.isnan(value) or -1 <= value <= 1 for value in again)


# The whole notebook


CODE = """
import json, sys
import matplotlib
matplotlib.use("Agg")
from helpers import NinefoldError, tables
shown = lambda said: print(said if isinstance(said, str) else "\\n".join(said))
tables.finding = tables.findings = tables.caveats = shown
for name in sys.argv[2:]:
    known = {"display": lambda *given, **options: None}
    for cell in json.load(open(f"{sys.argv[1]}/{name}.ipynb", encoding="utf-8"))["cells"]:
        if cell["cell_type"] == "code":
            try:
                exec("".join(cell["source"]).replace("complete_journey", "shop"), known)
            except NinefoldError as error:
                sys.exit(f"REFUSED {error}")
"""
FEWEST = {"pairs": 10, "screening_pairs": 10, "null_draws": 19, "replicates": 20}


class Shop(NamedTuple):
    home: Path

    @property
    def run(self) -> Path:
        return self.home / "data" / "shop" / "runs" / "2024-10-01" / "0001"

    def play(self, *steps: str) -> subprocess.CompletedProcess:
        """The code of these notebooks, as in a published run; what they find is printed."""
        environment = os.environ | {"NINEFOLD_HOME": str(self.home), "NINEFOLD_RUN": str(self.run), "PYTHONPATH": str(ROOT / "src")}
        command = [sys.executable, "-c", CODE, str(ROOT / "notebooks"), *map(run.folder, steps)]
        return subprocess.run(command, cwd=self.home, env=environment, capture_output=True, encoding="utf-8")

    def measured(self, change) -> None:
        """Change what step 4 measured, in every window."""
        for file in (self.run / "04_variables").glob("*.parquet"):
            if file.stem.startswith(("variables", "later")):
                change(pd.read_parquet(file)).to_parquet(file)

    def typed(self, **build) -> None:
        file = self.home / "data" / "shop" / "project.yml"
        lines = [f"build: {json.dumps(FEWEST | build)}" if line.startswith("build:") else line for line in file.read_text().splitlines()]
        file.write_text("\n".join(lines) + "\n", encoding="utf-8")


@pytest.fixture(scope="module")
def measured(tmp_path_factory) -> Shop:
    """A shop of order lines alone, of which steps 1 to 5 are done."""
    shop = Shop(make_company(tmp_path_factory.mktemp("small")))
    shop.run.mkdir(parents=True)
    done = shop.play(*run.STEPS[:5])
    assert done.returncode == 0, done.stderr[-3000:]
    return shop


@pytest.fixture
def shop(measured, tmp_path) -> Shop:
    shutil.copytree(measured.home, tmp_path / "home")
    return Shop(tmp_path / "home")


def signed(shop: Shop) -> list[str]:
    return json.loads((shop.run / "05_validate" / "validation.json").read_text())["build_by"]


@pytest.mark.slow
def test_the_notebook_stops_with_the_remedy_where_there_are_fewer_customers_than_segments(shop):
    shop.typed(chosen="kmeans")
    shop.measured(lambda table: table.head(3))
    done = shop.play("build")
    assert "REFUSED data/shop/project.yml: field scope.segments_wanted is 5, and the 3 customers in scope have 3 different" in done.stderr
    assert not (shop.run / "06_build").exists()


@pytest.mark.slow
def test_the_notebook_stops_with_the_remedy_where_all_customers_are_alike(shop):
    shop.typed(chosen="kmeans")
    shop.measured(lambda table: table.assign(**dict.fromkeys([c for c in table.columns if c != "customer_id"], 1.0)))
    done = shop.play("build")
    assert (
        "REFUSED data/shop/project.yml: field build.chosen is 'kmeans', which cannot be built here (missing or the same for everybody:"
        in done.stderr
    )


@pytest.mark.slow
def test_the_notebook_runs_to_its_end_with_variables_that_say_nothing_and_one_customer_beyond_all_measure(shop):
    shop.typed(chosen="kmeans")
    first, second, third, fourth, *_ = signed(shop)

    def spoilt(table):
        table = table.assign(**{first: 1.0, second: np.nan})
        table[third] = 2 * table[fourth] + 1
        table.loc[table.index[0], fourth] = 1e12
        return table

    shop.measured(spoilt)
    done = shop.play("build")
    assert done.returncode == 0, done.stderr[-3000:]
    members = pd.read_parquet(shop.run / "06_build" / "membership.parquet")
    assert len(members) == 300 and members["segment"].notna().all() and members["segment"].value_counts().min() >= 5


@pytest.mark.slow
def test_the_notebook_says_when_rules_match_nobody_or_everybody(shop):
    rules = [{"name": "nobody", "when": "spend_per_30d >= 1000000"}, {"name": "all", "when": "spend_per_30d >= 0"}]
    shop.typed(chosen="rules", rules=rules)
    done = shop.play("build")
    assert done.returncode == 0, done.stderr[-3000:]
    assert "“nobody” fits nobody in these data." in done.stdout and "everyone else" in done.stdout
    counted = json.loads((shop.run / "06_build" / "evidence.json").read_text())["rules"]
    assert {each["code"] for each in counted["consequences"]} == {"nobody", "everybody", "no one else"}
    assert set(pd.read_parquet(shop.run / "06_build" / "membership.parquet")["segment"]) == {"S2"}
