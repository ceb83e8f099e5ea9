"""Figures of steps 5 and 6 of a published run, worked out once more from the package's own files (see by_sql)."""

import hashlib
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
from by_sql import (
    BEFORE,
    FILES,
    IDS,
    NOW,
    PLAN,
    THEN,
    behaviour,
    by_segment,
    coordinates,
    exactly,
    given,
    in_scope,
    nearest,
    records,
    table,
)
from pytest import approx

pytestmark = pytest.mark.slow  # all of it is compared with a run that takes minutes


@pytest.fixture(scope="module")
def run(published) -> Path:
    assert published.process.returncode == 0, published.process.stderr[-2_000:]
    (record,) = (published.path / "data" / "complete_journey" / "runs" / NOW).glob("*/run.json")
    return record.parent


@pytest.fixture(scope="module")
def labels(run) -> dict[str, str]:
    return nearest(given(run, "06_build/segmentation"), in_scope(NOW))


@pytest.fixture(scope="module")
def labels_then(run) -> dict[str, str]:
    return nearest(given(run, "06_build/segmentation_confirm"), in_scope(THEN))


def test_the_sheets_number_is_the_hash_of_what_project_yml_says_was_signed(run):
    signed = PLAN["validate"]["signed"]
    thresholds = {name: float(value) for name, value in signed["thresholds"].items()}
    text = json.dumps(signed | {"thresholds": thresholds}, sort_keys=True, separators=(",", ":"))
    number = hashlib.sha256(text.encode()).hexdigest()[:12]
    found = given(run, "05_validate/validation")
    assert (found["number"], found["status"]) == (number, "signed")
    assert {s["sheet"] for s in found["signatures"]} == {number}


# Who is in which segment


@pytest.mark.parametrize(("when", "name"), [(NOW, "variables"), (THEN, "variables_confirm"), (BEFORE, "variables_select")])
def test_the_variables_that_build_are_those_of_the_raw_baskets_for_every_household(run, when, name):
    wanted, found = in_scope(when), table(run, f"04_variables/{name}")
    assert found.keys() == wanted.keys()
    for variable in given(run, "05_validate/validation")["build_by"]:
        mine, theirs = ([math.nan if of[h][variable] is None else of[h][variable] for h in wanted] for of in (wanted, found))
        assert theirs == exactly(mine), variable


def test_every_household_is_in_the_segment_that_its_own_baskets_give_it(run, labels, labels_then):
    assert len(labels) == 2_050
    assert {h: row["segment"] for h, row in table(run, "06_build/membership").items()} == labels
    assert {h: row["segment"] for h, row in table(run, "06_build/membership_confirm").items()} == labels_then


def test_the_sql_handed_to_other_systems_gives_the_same_segments(run, labels):
    variables = given(run, "05_validate/validation")["build_by"]
    with duckdb.connect() as con:
        con.execute(f"create table variables (customer_id varchar, {', '.join(f'{v} double' for v in variables)})")
        rows = [[h, *(row[v] for v in variables)] for h, row in in_scope(NOW).items()]
        con.executemany(f"insert into variables values ({', '.join('?' * (len(variables) + 1))})", rows)
        assert dict(con.sql((run / "07_adopt" / "segments.sql").read_text(encoding="utf-8")).fetchall()) == labels


def test_the_classification_stands_on_what_the_raw_baskets_teach(run, labels):
    document, evidence = given(run, "06_build/segmentation"), given(run, "06_build/evidence")["reproducibility"]
    for variable in document["variables"]:  # bounds, and what stands for a missing value
        known = [row[variable["name"]] for row in in_scope(NOW).values() if row[variable["name"]] is not None]
        assert [variable["missing"], *variable["steps"][0]["clip"]] == exactly([median(known), *np.quantile(known, [0.01, 0.99])])
    points = {h: coordinates(document, row) for h, row in in_scope(NOW).items()}
    centres = {one: np.mean([points[h] for h in members], axis=0) for one, members in by_segment(labels).items()}
    # Loadings of 12 digits times 16 standardised values: coordinates are good to 9 decimals, and so are their means.
    assert np.allclose(list(centres.values()), document["assign"]["nearest"]["centroids"], rtol=0, atol=1e-9)
    within = math.fsum(math.dist(at, centres[labels[h]]) ** 2 for h, at in points.items())
    assert evidence["best_within"] == exactly(within)
    cloud = np.array(list(points.values()))
    assert evidence["total"] == exactly(((cloud - cloud.mean(axis=0)) ** 2).sum())
    # 16 variables of variance 1: each axis carries its share of 16, and no two axes go together.
    assert np.allclose(np.cov(cloud.T, bias=True), np.diag(16 * np.array(evidence["inertia_share"][:5])), atol=1e-8)


# The contest


def grown(people: dict[str, dict], outcome: dict[str, float], names: list[str], leaves: int):
    """A regression tree: the split that saves most squares comes first, leaves of 30 households and 2 % at least.

    Returns   a function from a household's row to its leaf, and the splits in the order of growing: (variable, border)
    """
    middle = {v: median(row[v] for row in people.values() if row[v] is not None) for v in names}
    value = lambda row, v: middle[v] if row[v] is None else row[v]  # noqa: E731
    x = np.array([[value(row, v) for v in names] for row in people.values()], dtype="float32").astype("float64")
    y, least = np.array([outcome[h] for h in people]), max(30, int(0.02 * len(people)))
    leaf, splits = np.zeros(len(y), dtype=int), []

    def best(one: int) -> tuple:
        rows = np.flatnonzero(leaf == one)
        found = (0.0,)
        for j in range(len(names)):
            order = rows[np.argsort(x[rows, j], kind="stable")]
            sums, at = np.cumsum(y[order] - y[rows].mean()), x[order, j]
            n = np.arange(1, len(rows))
            saved = np.where(
                (at[1:] > at[:-1]) & (np.minimum(n, len(rows) - n) >= least), sums[:-1] ** 2 * (1 / n + 1 / (len(rows) - n)), 0
            )
            i = int(saved.argmax()) if len(saved) else 0
            if len(saved) and saved[i] > found[0] * (1 + 1e-12):
                found = (saved[i], one, j, (at[i] + at[i + 1]) / 2)
        return found

    while len(splits) < leaves - 1:
        _, one, j, border = max(best(one) for one in range(len(splits) + 1))
        splits.append((one, names[j], float(border)))
        leaf[(leaf == one) & (x[:, j] > border)] = len(splits)

    def place(row: dict) -> int:
        at = 0
        for number, (one, name, border) in enumerate(splits, 1):
            at = number if at == one and value(row, name) > border else at
        return at

    return place, splits


def higher(values: list[float], parts: int) -> list[float]:
    """Borders of equal parts, each a value that occurs."""
    ordered = sorted(values)
    return [ordered[math.ceil((len(ordered) - 1) * i / parts)] for i in range(1, parts)]


@pytest.fixture(scope="module")
def ways(run, labels_then) -> dict[str, dict[str, object]]:
    """Ways of cutting as they were on 3 July: all but the classification (the document of that day) worked out anew."""
    then, spend = in_scope(THEN), {h: row["spend_per_30d"] for h, row in in_scope(THEN).items()}
    points = dict.fromkeys(then, 0)
    for variable, sign in (("recency_days", -1), ("orders_per_30d", 1), ("spend_per_30d", 1)):
        cuts = np.quantile([row[variable] for row in then.values()], [0.2, 0.4, 0.6, 0.8])
        cuts = cuts - 1e-9  # a value on a cut is above it
        points = {h: points[h] + sign * bisect_right(cuts, row[variable]) for h, row in then.items()}
    cuts, bands = higher(points.values(), 5), higher(spend.values(), 5)
    own = {h: row["own_brand_share"] for h, row in then.items()}
    cells = {h: (bisect_right(higher(spend.values(), 3), spend[h]), own[h] >= higher(own.values(), 2)[0]) for h in then}
    size = Counter(level for level, _ in cells.values())
    joined = min(size, key=lambda level: (size[level], level))  # three levels by two make six cells: the two smallest become one
    before = in_scope(BEFORE)
    spent = {h: behaviour(THEN)[h]["revenue"] for h in before}
    place, _ = grown(before, spent, given(run, "05_validate/validation")["build_by"], 5)
    return {
        "rfm": {h: bisect_right(cuts, points[h]) for h in then},
        "hcpc": labels_then,
        "crossing": {h: (level, level != joined and right) for h, (level, right) in cells.items()},
        "bands": {h: bisect_right(bands, spend[h]) for h in then},
        "tree": {h: place(row) for h, row in then.items()},
    }


def told(way: dict[str, object], outcome: dict[str, float]) -> float:
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


@pytest.mark.parametrize("name", ["rfm", "hcpc", "crossing", "bands", "tree"])
def test_the_contest_gives_what_the_later_quarter_gives(run, ways, name):
    later, found = behaviour(NOW), given(run, "06_build/evidence")
    assert (found["customers"], found["contest"][name]["segments"]) == (len(ways[name]), len(set(ways[name].values())))
    shares = {v: told(ways[name], {h: later[h][v] for h in ways[name]}) for v in ["revenue", *PLAN["scope"]["panel"]]}
    assert found["contest"][name]["objective"]["value"] == exactly(shares.pop("revenue"))
    assert found["contest"][name]["panel"]["value"] == exactly(fmean(shares.values()))


def test_the_rule_for_the_budget_is_the_tree_that_the_last_quarter_grows(run, labels):
    document, budget = given(run, "06_build/bands"), given(run, "06_build/profiles")["budget"]
    spent = {h: behaviour(NOW)[h]["revenue"] for h in in_scope(THEN)}
    _, splits = grown(in_scope(THEN), spent, given(run, "05_validate/validation")["build_by"], 5)
    assert {name for _, name, _ in splits} == {"spend_per_30d"}
    borders = sorted(rule["when"][0]["at_least"] for rule in document["assign"]["first_match"]["rules"])
    assert borders == approx(sorted(border for _, _, border in splits), rel=1e-7)  # the code's tree works in single precision
    mine = {h: f"b{5 - bisect_right(borders, row['spend_per_30d'])}" for h, row in in_scope(NOW).items()}
    assert {h: row["band"] for h, row in table(run, "06_build/membership").items()} == mine
    revenue = {h: row["revenue"] for h, row in in_scope(NOW).items()}
    for band in budget["bands"]:
        inside = [revenue[h] for h in mine if mine[h] == band["id"]]
        shares = [len(inside) / len(mine), sum(inside) / sum(revenue.values()), fmean(inside)]
        assert band["n"] == len(inside)
        assert [band["share_of_customers"], band["share_of_revenue"], band["revenue_per_30d"]] == exactly(shares)
    crossed = Counter((labels[h], mine[h]) for h in mine)
    assert {(s, b): n for s, row in budget["crossed"].items() for b, n in row.items()} == crossed


# What the segments are like


def test_sizes_and_money_are_those_of_the_members_baskets(run, labels):
    profiles, revenue = given(run, "06_build/profiles"), {h: row["revenue"] for h, row in in_scope(NOW).items()}
    assert (profiles["customers"], profiles["revenue"]) == (2_050, exactly(3 * sum(revenue.values())))
    assert given(run, "07_adopt/cards")["revenue_per_30d"] == exactly(fmean(revenue.values()))
    for segment in profiles["segments"]:
        spent, each = [revenue[h] for h in by_segment(labels)[segment["id"]]], segment["revenue_per_30d"]
        assert segment["n"] == len(spent)
        shares = [len(spent) / 2_050, sum(spent) / sum(revenue.values()), fmean(spent)]
        assert [segment["share_of_customers"], segment["share_of_revenue"], each["value"]] == exactly(shares)
        # Quantiles of 1,000 draws of skewed money against the normal interval: within a fifth of its half.
        half = 1.96 * pstdev(spent) / math.sqrt(len(spent))
        assert [each["low"], each["high"]] == approx([fmean(spent) - half, fmean(spent) + half], abs=half / 5)


def test_still_active_are_those_of_the_segment_of_july_who_bought_after(run, labels_then):
    for segment in given(run, "06_build/profiles")["segments"]:
        members, found = by_segment(labels_then)[segment["id"]], segment["active_later"]
        bought = sum(behaviour(NOW)[h]["orders_per_30d"] > 0 for h in members)
        assert (found["n"], found["share"]) == (len(members), exactly(bought / len(members)))
        for end in (found["low"], found["high"]):  # Wilson's ends: the share lies 1.96 of their own standard errors away
            assert abs(found["share"] - end) == approx(1.959964 * math.sqrt(end * (1 - end) / len(members)), abs=1e-9)


def test_traits_are_differences_of_means_in_standard_deviations_and_standard_errors(run, labels):
    built_by = given(run, "05_validate/validation")["build_by"]
    for segment in given(run, "06_build/profiles")["segments"]:
        for trait in [t for t in segment["traits"] if t["variable"] in built_by]:
            known = {h: row[trait["variable"]] for h, row in in_scope(NOW).items() if row[trait["variable"]] is not None}
            inside = [x for h, x in known.items() if labels[h] == segment["id"]]
            everyone, spread, n, m = fmean(known.values()), pstdev(known.values()), len(known), len(inside)
            apart = fmean(inside) - everyone
            v = apart / (spread * math.sqrt((n - m) / ((n - 1) * m)))
            assert [trait[key] for key in ("mean", "everyone", "effect", "v")] == exactly([fmean(inside), everyone, apart / spread, v])


def test_descriptors_are_tested_by_counting_all_ways_to_draw_the_members(run, labels):
    people = [row for row in records(duckdb.sql(f"from '{FILES}/demographics.parquet'")) if str(row["household_id"]) in labels]
    mine = {}
    for attribute in list(people[0])[1:]:
        known = [(labels[str(row["household_id"])], row[attribute]) for row in people if row[attribute] is not None]
        members, holders = Counter(s for s, _ in known), Counter(level for _, level in known)
        for (one, level), x in Counter(known).items():
            if x >= 10:
                n, k, m = len(known), holders[level], members[one]
                drawn = [math.comb(k, i) * math.comb(n - k, m - i) for i in range(min(k, m) + 1)]
                less, more = 2 * sum(drawn[:x]) + drawn[x], 2 * sum(drawn[x + 1 :]) + drawn[x]
                p = min(less, more, sum(drawn)) / sum(drawn)
                v = math.copysign(NormalDist().inv_cdf(p / 2), less - more)  # above 0: fewer draws have more
                mine[one, attribute, level] = {"n": x, "share": x / m, "everyone": k / n, "v": v, "p_holm": p}
    largest = 0.0
    for place, row in enumerate(sorted(mine.values(), key=lambda row: row["p_holm"])):
        largest = row["p_holm"] = max(largest, min(1.0, row["p_holm"] * (len(mine) - place)))
    found = {(s["id"], d["attribute"], d["level"]): d for s in given(run, "06_build/profiles")["segments"] for d in s["descriptors"]}
    assert found.keys() == mine.keys()
    assert set(IDS) == {one for one, _, _ in found}
    for key, d in found.items():  # tails of scipy are good to about 10 digits
        assert {what: d[what] for what in mine[key]} == approx(mine[key], rel=1e-8), key
