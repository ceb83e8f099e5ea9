"""Segments, confidence and reason on a local Spark are DuckDB's, for one document of each form."""

import os
import shutil

import ibis
import numpy as np
import pandas as pd
import pytest
from documents import FORMS

from helpers.build.document import apply

pytestmark = pytest.mark.slow
ROWS = 2_000


@pytest.fixture(scope="module")
def spark():
    """Ibis on a Spark of this machine alone. Spark is not among the locked packages: .ci/run installs it."""
    said = None
    if shutil.which("java") is None:
        said = "no Java on this machine (Debian: apt-get install openjdk-17-jre-headless): labels on Spark were not compared"
    else:
        try:
            from pyspark.sql import SparkSession
        except ImportError:
            said = "pyspark is not installed (pip install pyspark): labels on Spark were not compared"
    if said:
        if os.environ.get("NINEFOLD_CI"):
            pytest.fail(said)
        pytest.skip(said)
    settings = {
        "spark.ui.enabled": "false",
        "spark.sql.shuffle.partitions": "2",
        "spark.sql.session.timeZone": "UTC",
        "spark.driver.bindAddress": "127.0.0.1",
        "spark.driver.host": "127.0.0.1",
    }
    builder = SparkSession.builder.master("local[2]").appName("ninefold")
    for name, value in settings.items():
        builder = builder.config(name, value)
    session = builder.getOrCreate()
    yield ibis.pyspark.connect(session)
    session.stop()


def customers(made: dict) -> pd.DataFrame:
    """A coarse grid, so that many are half-way or on a bound; some values missing, some levels unseen."""
    draw, columns = np.random.default_rng(11), {"customer_id": [f"{n:05d}" for n in range(ROWS)]}
    for variable in made["variables"]:
        levels = ["n", "s", "card", "cash", "buyer", "student", "else"]
        numbers = variable["kind"] == "number"
        values = pd.Series(draw.integers(0, 60, ROWS) * 2.5 if numbers else draw.choice(levels, ROWS), dtype=None if numbers else object)
        columns[variable["name"]] = values.mask(draw.random(ROWS) < 0.1, np.nan if numbers else None)
    return pd.DataFrame(columns)


@pytest.mark.parametrize("make", FORMS)
def test_labels_on_spark_are_duckdbs(make, spark, tmp_path):
    made = make()
    customers(made).to_parquet(tmp_path / "customers.parquet", index=False)
    found = {}
    for name, engine in (("spark", spark), ("duckdb", ibis.duckdb.connect())):
        table = engine.read_parquet(str(tmp_path / "customers.parquet"), table_name=f"customers_{make.__name__}")
        found[name] = engine.to_pandas(apply(made, table, reason=True)).set_index("customer_id").sort_index()
    ours, theirs = found["duckdb"], found["spark"]
    assert len(theirs) == ROWS and theirs.segment.nunique() > 1
    assert theirs.segment.tolist() == ours.segment.tolist()
    assert theirs.reason.fillna("").tolist() == ours.reason.fillna("").tolist()
    np.testing.assert_allclose(theirs.confidence.astype(float), ours.confidence.astype(float), rtol=1e-9)
