"""Figures of steps 5 and 6 of a published first_run, worked out once more from the package's own files (see by_sql)."""

import hashlib
import json
import math
import zlib
from bisect import bisect_right
from collections import Counter
from itertools import product
from statistics import NormalDist, fmean, median, pstdev

import duckdb
import numpy as np
import pandas as pd
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
    standardised,
    table,
)
from pytest import approx

pytestmark = pytest.mark.slow  # all of it is compared with a run that takes minutes


@pytest.fixture(scope="module")
def labels(first_run) -> dict[str, str]:
    return nearest(given(first_run, "06_build/segmentation"), in_scope(NOW))


@pytest.fixture(scope="module")
def labels_then(first_run) -> dict[str, str]:
    return nearest(given(first_run, "06_build/segmentation_confirm"), in_scope(THEN))


def test_the_sheets_number_is_the_hash_of_what_project_yml_says_was_signed(first_run):
    typed = PLAN["validate"]["signed"]
    signed = typed | {"thresholds": {name: float(value) for name, value in typed["thresholds"].items()}}
    text = json.dumps(signed, sort_keys=True, separators=(",", ":"))
    number = hashlib.sha256(text.encode()).hexdigest()[:12]
    found = given(first_run, "05_validate/validation")
    assert (found["number"], found["status"], found["sheet"]) == (number, "signed", signed)
    assert {s["sheet"] for s in found["signatures"]} == {number}


# Who is in which segment


@pytest.mark.parametrize(("when", "name"), [(NOW, "variables"), (THEN, "variables_confirm"), (BEFORE, "variables_select")])
def test_the_variables_that_build_are_those_of_the_raw_baskets_for_every_household(first_run, when, name):
    wanted, found = in_scope(when), table(first_run, f"04_variables/{name}")
    assert found.keys() == wanted.keys()
    for variable in given(first_run, "05_validate/validation")["build_by"]:
        mine, theirs = ([math.nan if of[h][variable] is None else of[h][variable] for h in wanted] for of in (wanted, found))
        assert theirs == exactly(mine), variable


def test_every_household_is_in_the_segment_that_its_own_baskets_give_it(first_run, labels, labels_then):
    assert len(labels) == 2_050
    assert {h: row["segment"] for h, row in table(first_run, "06_build/membership").items()} == labels
    assert {h: row["segment"] for h, row in table(first_run, "06_build/membership_confirm").items()} == labels_then


def test_the_sql_handed_to_other_systems_gives_the_same_segments(first_run, labels):
    names = given(first_run, "05_validate/validation")["build_by"]
    rows = pd.DataFrame([{"customer_id": h} | {name: row[name] for name in names} for h, row in in_scope(NOW).items()])
    with duckdb.connect() as con:
        con.register("inputs", rows)
        found = con.sql((first_run / "07_adopt" / "segments.sql").read_text(encoding="utf-8")).fetchall()
    members = table(first_run, "06_build/membership")
    assert {row[0]: row[1] for row in found} == labels
    assert {row[0]: row[2] for row in found} == {h: row["confidence"] for h, row in members.items()}


@pytest.mark.parametrize("way", ["kmeans", "hcpc"])
@pytest.mark.parametrize(("name", "when"), [("candidates", NOW), ("candidates_confirm", THEN)])
def test_a_classification_stands_on_what_the_raw_baskets_teach(first_run, way, name, when):
    document, people = given(first_run, f"06_build/{name}")[way], in_scope(when)
    for variable in document["variables"]:  # bounds, and what stands for a missing value
        known = [row[variable["name"]] for row in people.values() if row[variable["name"]] is not None]
        assert [variable["missing"], *variable["steps"][0]["clip"]] == exactly([median(known), *np.quantile(known, [0.01, 0.99])])
    points = {h: coordinates(document, row) for h, row in people.items()}
    members, cloud = by_segment(nearest(document, people)), np.array(list(points.values()))
    centres = [np.mean([points[h] for h in members[one]], axis=0) for one in IDS]
    # Loadings of 12 digits times 16 standardised values: coordinates are good to 9 decimals, and so are their means.
    assert np.allclose(centres, document["assign"]["nearest"]["centroids"], rtol=0, atol=1e-9)
    assert np.allclose(cloud.mean(axis=0), 0, atol=1e-9)
    if way == "kmeans":  # on the variables themselves, all of equal weight
        assert "project" not in document and np.allclose(cloud.std(axis=0), 1, atol=1e-9)
        return
    spread = np.cov(cloud.T, bias=True)  # no two axes go together, and each carries less than the one before
    assert np.allclose(spread, np.diag(np.sort(np.diag(spread))[::-1]), atol=1e-8)


def test_the_squares_of_the_published_classification_add_up(first_run, labels):
    document, evidence = given(first_run, "06_build/segmentation"), given(first_run, "06_build/evidence")["fits"]["kmeans"]
    points = {h: coordinates(document, row) for h, row in in_scope(NOW).items()}
    centres = {one: np.mean([points[h] for h in members], axis=0) for one, members in by_segment(labels).items()}
    assert evidence["within"] == exactly(math.fsum(math.dist(at, centres[labels[h]]) ** 2 for h, at in points.items()))
    cloud = np.array(list(points.values()))
    assert evidence["total"] == exactly(((cloud - cloud.mean(axis=0)) ** 2).sum())
    axes, told = given(first_run, "06_build/candidates")["hcpc"], given(first_run, "06_build/evidence")["fits"]["hcpc"]
    cloud = np.array([coordinates(axes, row) for row in in_scope(NOW).values()])
    carried = cloud.var(axis=0) / 16  # of 16 variables of variance 1
    assert told["axes"] == len(carried) and told["inertia_share"][: told["axes"]] == exactly(carried.tolist())


def merged(points: np.ndarray) -> list[float]:
    """What each merge of Ward's tree adds to the squares within, smallest first, by chains of nearest neighbours (Murtagh 1983)."""
    centres, sizes, alive = points.copy(), np.ones(len(points)), np.ones(len(points), dtype=bool)
    chain, costs = [], []
    while len(costs) < len(points) - 1:
        chain = chain or [int(np.flatnonzero(alive)[0])]
        one = chain[-1]
        cost = sizes * sizes[one] / (sizes + sizes[one]) * ((centres - centres[one]) ** 2).sum(axis=1)
        cost[~alive] = cost[one] = np.inf
        other = int(cost.argmin())
        if len(chain) > 1 and cost[chain[-2]] <= cost[other]:  # each is the other's nearest
            other = chain[-2]
            costs.append(float(cost[other]))
            chain = chain[:-2]
            centres[one] = (sizes[one] * centres[one] + sizes[other] * centres[other]) / (sizes[one] + sizes[other])
            sizes[one], alive[other] = sizes[one] + sizes[other], False
        else:
            chain.append(other)
    return sorted(costs)


def test_the_trees_cuts_gain_what_wards_merges_cost(first_run):
    document, evidence = given(first_run, "06_build/candidates")["hcpc"], given(first_run, "06_build/evidence")["fits"]["hcpc"]
    costs = merged(np.array([coordinates(document, row) for row in in_scope(NOW).values()]))
    assert evidence["gains"] == approx([cost / 2_050 for cost in costs[:-11:-1]], rel=1e-8)  # coordinates are good to 9 decimals
    assert evidence["ward_within"] == approx(math.fsum(costs[:-4]), rel=1e-8)
    assert evidence["consolidated_within"] <= evidence["ward_within"]


# The contest


def grown(people: dict[str, dict], outcomes: list[dict[str, float]], names: list[str], leaves: int):
    """A regression tree: the split that saves most squares of all outcomes comes first, leaves of 30 households and 2 % at least.

    Returns   a function from a household's row to its leaf, and the splits in the order of growing: (variable, border)
    """
    middle = {v: median(row[v] for row in people.values() if row[v] is not None) for v in names}
    value = lambda row, v: middle[v] if row[v] is None else row[v]  # noqa: E731
    x = np.array([[value(row, v) for v in names] for row in people.values()], dtype="float32").astype("float64")
    y, least = np.array([[outcome[h] for outcome in outcomes] for h in people]), max(30, int(0.02 * len(people)))
    leaf, splits = np.zeros(len(y), dtype=int), []

    def best(one: int) -> tuple:
        rows = np.flatnonzero(leaf == one)
        found = (0.0,)
        for j in range(len(names)):
            order = rows[np.argsort(x[rows, j], kind="stable")]
            sums, at = np.cumsum(y[order] - y[rows].mean(axis=0), axis=0), x[order, j]
            n = np.arange(1, len(rows))
            saved = np.where(
                (at[1:] > at[:-1]) & (np.minimum(n, len(rows) - n) >= least),
                (sums[:-1] ** 2).sum(axis=1) * (1 / n + 1 / (len(rows) - n)),
                0,
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


def standing(people: dict[str, dict], variable: str) -> dict[str, float]:
    """What households did in the quarter after, in standard deviations from the mean; 0 for those who did nothing that could tell."""
    after = {h: behaviour(THEN)[h][variable] for h in people}
    known = [x for x in after.values() if x is not None]
    return {h: 0.0 if x is None else (x - fmean(known)) / pstdev(known) for h, x in after.items()}


def along(people: dict[str, dict], document: dict) -> dict[str, float]:
    """Where households lie on the widest direction of the document's variables, found by multiplying again and again."""
    cloud = np.array([standardised(document, row) for row in people.values()])
    square = (cloud - cloud.mean(axis=0)).T @ (cloud - cloud.mean(axis=0))
    direction = np.ones(len(square))
    for _ in range(2_000):
        direction = square @ direction
        direction /= math.hypot(*direction)
    return dict(zip(people, (cloud @ direction).tolist(), strict=True))


@pytest.fixture(scope="module")
def ways(first_run, labels_then) -> dict[str, dict[str, object]]:
    """Ways of cutting as they were on 3 July: all but the classification (the document of that day) worked out anew."""
    then, spend = in_scope(THEN), {h: row["spend_per_30d"] for h, row in in_scope(THEN).items()}
    points = dict.fromkeys(then, 0)
    for variable, sign in (("recency_days", -1), ("orders_per_30d", 1), ("spend_per_30d", 1)):
        cuts = np.quantile([row[variable] for row in then.values()], [0.2, 0.4, 0.6, 0.8])
        cuts = cuts - 1e-9  # a value on a cut is above it
        points = {h: points[h] + sign * bisect_right(cuts, row[variable]) for h, row in then.items()}
    cuts, bands = higher(points.values(), 5), higher(spend.values(), 5)
    own = {h: row["own_brand_share"] for h, row in then.items()}
    thirds, (middle,) = higher(spend.values(), 3), higher(own.values(), 2)
    cells = {h: (bisect_right(thirds, spend[h]), own[h] >= middle) for h in then}
    size = Counter(level for level, _ in cells.values())
    joined = min(size, key=lambda level: (size[level], level))  # three levels by two make six cells: the two smallest become one
    before = in_scope(BEFORE)
    names = given(first_run, "05_validate/validation")["build_by"]
    place, _ = grown(before, [{h: behaviour(THEN)[h]["revenue"] for h in before}], names, 5)
    by_behaviour, _ = grown(before, [standing(before, v) for v in PLAN["scope"]["panel"]], names, 5)
    gradient = along(then, given(first_run, "06_build/segmentation_confirm"))
    fifths = higher(gradient.values(), 5)
    return {
        "rfm": {h: bisect_right(cuts, points[h]) for h in then},
        "kmeans": labels_then,
        "hcpc": nearest(given(first_run, "06_build/candidates_confirm")["hcpc"], then),
        "crossing": {h: (level, level != joined and right) for h, (level, right) in cells.items()},
        "bands": {h: bisect_right(bands, spend[h]) for h in then},
        "slices": {h: bisect_right(fifths, gradient[h]) for h in then},
        "tree": {h: place(row) for h, row in then.items()},
        "panel_tree": {h: by_behaviour(row) for h, row in then.items()},
    }


def told(way: dict[str, object], outcome: dict[str, float], half: int) -> tuple[float, dict[str, float]]:
    """Share of an outcome's variance told by segment means learnt on four fifths of one half of the households, told of the fifth.

    half      0 picks the best, 1 is printed
    Returns   the share, and by how much each household moves it
    """
    known = [h for h in outcome if outcome[h] is not None and zlib.crc32(f"half|{h}".encode()) % 2 == half]
    left, whole = {}, {}
    for fifth in range(5):
        train = [h for h in known if zlib.crc32(h.encode()) % 5 != fifth]
        means = {one: fmean(outcome[h] for h in train if way[h] == one) for one in {way[h] for h in train}}
        everyone = fmean(outcome[h] for h in train)
        for h in set(known) - set(train):
            left[h], whole[h] = (outcome[h] - means[way[h]]) ** 2, (outcome[h] - everyone) ** 2
    all_of_it = math.fsum(whole.values())
    share = 1 - math.fsum(left.values()) / all_of_it
    return share, {h: ((1 - share) * whole[h] - left[h]) / all_of_it for h in known}


@pytest.fixture(scope="module")
def scores(ways) -> dict[tuple, tuple[float, np.ndarray]]:
    """(use, way, half) → the score, and by how much each household moves it."""
    later, found = behaviour(NOW), {}
    for use, names in {"objective": ["revenue"], "panel": PLAN["scope"]["panel"]}.items():
        for way, half in product(ways, (0, 1)):
            parts = [told(ways[way], {h: later[h][v] for h in ways[way]}, half) for v in names]
            moved = [fmean(part.get(h, 0.0) for _, part in parts) for h in ways[way]]
            found[use, way, half] = fmean(share for share, _ in parts), np.array(moved)
    return found


@pytest.mark.parametrize("use", ["objective", "panel"])
@pytest.mark.parametrize("name", ["rfm", "kmeans", "hcpc", "crossing", "bands", "slices", "tree", "panel_tree"])
def test_the_contest_gives_what_the_later_quarter_gives(first_run, ways, scores, name, use):
    found = given(first_run, "06_build/evidence")
    assert (found["customers"], found["contest"][name]["segments"]) == (len(ways[name]), len(set(ways[name].values())))
    (score, moved), each = scores[use, name, 1], found["contest"][name][use]
    assert each["value"] == exactly(score)
    half = 1.96 * math.sqrt((moved**2).sum())  # of linearised scores, against 1,000 draws of households: within a fifth
    assert [each["low"], each["high"]] == approx([score - half, score + half], abs=half / 5)


@pytest.mark.parametrize("k", [3, 4, 6])
def test_bands_of_past_spend_in_other_numbers(first_run, k):
    spend = {h: row["spend_per_30d"] for h, row in in_scope(THEN).items()}
    borders = higher(spend.values(), k)
    bands = {h: bisect_right(borders, x) for h, x in spend.items()}
    score, _ = told(bands, {h: behaviour(NOW)[h]["revenue"] for h in bands}, 1)
    assert given(first_run, "06_build/evidence")["other_k"][str(k)]["bands"]["objective"] == exactly(score)


@pytest.mark.parametrize(("use", "verdict"), [("objective", "rules"), ("panel", "level")])
def test_one_half_picks_the_best_rule_and_the_other_says_what_segments_gain_on_it(first_run, scores, use, verdict):
    candidates, rules = ["rfm", "kmeans", "hcpc", "crossing"], ["bands", "slices", "tree", "panel_tree"]
    rule = max(rules, key=lambda name: scores[use, name, 0][0])
    found = given(first_run, "06_build/evidence")
    picks = {name: each[f"{use}_picks"] for name, each in found["contest"].items()}
    for name in candidates + rules:
        assert picks[name] == exactly(scores[use, name, 0][0])
    best = max((name for name, each in found["contest"].items() if each["role"] == "candidate" and each["judged"]), key=picks.get)
    assert found["verdicts"][use] == {"verdict": verdict, "best_candidate": best, "best_rule": rule}
    gains = {name: scores[use, name, 1][0] - scores[use, rule, 1][0] for name in candidates}
    apart = np.array([scores[use, name, 1][1] - scores[use, rule, 1][1] for name in candidates])
    error = np.sqrt(np.diag(apart @ apart.T))
    draws = np.random.default_rng(1).multivariate_normal(np.zeros(len(candidates)), apart @ apart.T, 20_000) / error
    least = np.quantile(np.abs(draws).max(axis=1), 0.95)  # for these four alone; there one serves all candidates, and is larger
    first = found["contest"][candidates[0]][f"{use}_gain"]
    critical = (first["high"] - first["low"]) / 2 / error[0]
    judged = sum(each["role"] == "candidate" and each["judged"] for each in found["contest"].values())
    assert least * 0.95 <= critical <= NormalDist().inv_cdf(1 - 0.025 / judged) * 1.1, "between four and independent tests of all"
    for name, spread in zip(candidates, error, strict=True):
        each = found["contest"][name][f"{use}_gain"]
        assert each["value"] == exactly(gains[name])
        ends = [gains[name] - critical * spread, gains[name] + critical * spread]
        assert [each["low"], each["high"]] == approx(ends, abs=critical * spread / 8)  # 1,000 draws there, a normal law here


def test_the_rule_for_the_budget_is_the_tree_that_the_last_quarter_grows(first_run, labels):
    document, budget = given(first_run, "06_build/bands"), given(first_run, "06_build/profiles")["budget"]
    assert given(first_run, "06_build/evidence")["verdicts"]["objective"]["best_rule"] == budget["rule"] == "tree"
    spent = {h: behaviour(NOW)[h]["revenue"] for h in in_scope(THEN)}
    _, splits = grown(in_scope(THEN), [spent], given(first_run, "05_validate/validation")["build_by"], 5)
    assert {name for _, name, _ in splits} == {"spend_per_30d"}
    conditions = [rule["when"][0] for rule in document["assign"]["first_match"]["rules"]]
    borders = sorted(each["at_least"] for each in conditions)
    assert [each["below"] for each in conditions] == [None, *borders[:0:-1]]
    assert borders == approx(sorted(border for _, _, border in splits), rel=1e-7)  # the code's tree works in single precision
    assert document["variables"][0]["missing"] == exactly(median(row["spend_per_30d"] for row in in_scope(THEN).values()))
    mine = {h: f"b{5 - bisect_right(borders, row['spend_per_30d'])}" for h, row in in_scope(NOW).items()}
    assert {h: row["band"] for h, row in table(first_run, "06_build/membership").items()} == mine
    revenue = {h: row["revenue"] for h, row in in_scope(NOW).items()}
    for band in budget["bands"]:
        inside = [revenue[h] for h in mine if mine[h] == band["id"]]
        shares = [len(inside) / len(mine), sum(inside) / sum(revenue.values()), fmean(inside)]
        assert band["n"] == len(inside)
        assert [band["share_of_customers"], band["share_of_revenue"], band["revenue_per_30d"]] == exactly(shares)
    crossed = Counter((labels[h], mine[h]) for h in mine)
    assert {(s, b): n for s, row in budget["crossed"].items() for b, n in row.items()} == crossed


# What the segments are like


def test_sizes_and_money_are_those_of_the_members_baskets(first_run, labels):
    profiles, revenue = given(first_run, "06_build/profiles"), {h: row["revenue"] for h, row in in_scope(NOW).items()}
    assert (profiles["customers"], profiles["revenue"]) == (2_050, exactly(3 * sum(revenue.values())))
    assert given(first_run, "07_adopt/cards")["revenue_per_30d"] == exactly(fmean(revenue.values()))
    for segment in profiles["segments"]:
        spent, each = [revenue[h] for h in by_segment(labels)[segment["id"]]], segment["revenue_per_30d"]
        assert segment["n"] == len(spent)
        shares = [len(spent) / 2_050, sum(spent) / sum(revenue.values()), fmean(spent)]
        assert [segment["share_of_customers"], segment["share_of_revenue"], each["value"]] == exactly(shares)
        assert segment["revenue"] == exactly(3 * sum(spent))
        # Quantiles of 1,000 draws of skewed money against the normal interval: within a fifth of its half.
        half = 1.96 * pstdev(spent) / math.sqrt(len(spent))
        assert [each["low"], each["high"]] == approx([fmean(spent) - half, fmean(spent) + half], abs=half / 5)


def test_still_active_are_those_of_the_segment_of_july_who_bought_after(first_run, labels_then):
    for segment in given(first_run, "06_build/profiles")["segments"]:
        members, found = by_segment(labels_then)[segment["id"]], segment["active_later"]
        bought = sum(behaviour(NOW)[h]["orders_per_30d"] > 0 for h in members)
        assert (found["n"], found["share"]) == (len(members), exactly(bought / len(members)))
        for end in (found["low"], found["high"]):  # Wilson's ends: the share lies 1.96 of their own standard errors away
            assert abs(found["share"] - end) == approx(1.959964 * math.sqrt(end * (1 - end) / len(members)), abs=1e-9)


def test_traits_are_differences_of_means_in_standard_deviations_and_standard_errors(first_run, labels):
    built_by = given(first_run, "05_validate/validation")["build_by"]
    for segment in given(first_run, "06_build/profiles")["segments"]:
        for trait in [t for t in segment["traits"] if t["variable"] in built_by]:
            known = {h: row[trait["variable"]] for h, row in in_scope(NOW).items() if row[trait["variable"]] is not None}
            inside = [x for h, x in known.items() if labels[h] == segment["id"]]
            everyone, spread, n, m = fmean(known.values()), pstdev(known.values()), len(known), len(inside)
            apart = fmean(inside) - everyone
            v = apart / (spread * math.sqrt((n - m) / ((n - 1) * m)))
            assert [trait[key] for key in ("mean", "everyone", "effect", "v")] == exactly([fmean(inside), everyone, apart / spread, v])
            assert segment.get(trait["variable"], trait["mean"]) == trait["mean"]
        effects = {t["variable"]: t["effect"] for t in segment["traits"]}
        typed = PLAN["build"]["segments"][segment["id"]]["expect"]
        assert segment["fits"] == all(effects[v] >= 0.2 if way == "high" else effects[v] <= -0.2 for v, way in typed.items())


def test_cards_say_how_many_members_lie_on_their_segments_side_of_the_mean(first_run, labels):
    for card in given(first_run, "07_adopt/cards")["segments"]:
        for trait in [t for t in card["traits"] if t["variable"] in next(iter(in_scope(NOW).values()))]:
            members = [x for h in by_segment(labels)[card["id"]] if (x := in_scope(NOW)[h][trait["variable"]]) is not None]
            beyond = sum((x - trait["everyone"]) * trait["effect"] > 0 for x in members)
            few = {"few": beyond, "most": len(members) - beyond}  # of fewer than ten no share is told, which would count them
            expected = next((word for word, n in few.items() if 0 < n < 10), None) or exactly(beyond / len(members))
            assert trait["beyond"] == expected, trait


def test_descriptors_are_tested_by_counting_all_ways_to_draw_the_members(first_run, labels):
    people = [row for row in records(duckdb.sql(f"from '{FILES}/demographics.parquet'")) if str(row["household_id"]) in labels]
    mine, shown = {}, set()
    for attribute in list(people[0])[1:]:
        known = [(labels[str(row["household_id"])], row[attribute]) for row in people if row[attribute] is not None]
        members, holders = Counter(s for s, _ in known), Counter(level for _, level in known)
        for one, level in product(members, holders):  # all are tested, those of nobody too
            x, n, k, m = Counter(known)[one, level], len(known), holders[level], members[one]
            drawn = [math.comb(k, i) * math.comb(n - k, m - i) for i in range(min(k, m) + 1)]
            less, more = 2 * sum(drawn[:x]) + drawn[x], 2 * sum(drawn[x + 1 :]) + drawn[x]
            p = min(less, more, sum(drawn)) / sum(drawn)
            v = math.copysign(NormalDist().inv_cdf(p / 2), less - more)  # above 0: fewer draws have more
            mine[one, attribute, level] = {"n": x, "share": x / m, "everyone": k / n, "v": v, "p_holm": p}
            if x >= 10 and not 0 < m - x < 10:  # of fewer than ten nothing is told, nor of those who are not
                shown.add((one, attribute, level))
    largest = 0.0
    for place, row in enumerate(sorted(mine.values(), key=lambda row: row["p_holm"])):
        largest = row["p_holm"] = max(largest, min(1.0, row["p_holm"] * (len(mine) - place)))
    found = {(s["id"], d["attribute"], d["level"]): d for s in given(first_run, "06_build/profiles")["segments"] for d in s["descriptors"]}
    assert found.keys() == shown and len(shown) < len(mine)
    assert set(IDS) == {one for one, _, _ in found}
    for key, d in found.items():  # tails of scipy are good to about 10 digits
        assert {what: d[what] for what in mine[key]} == approx(mine[key], rel=1e-8), key
