"""Step 9, the yardstick: sizes at both dates, missing values, freshness, criteria again, and segments that may be forming."""

import math
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from by_hand import project
from documents import document, number, points, posterior, rules

from helpers.reevaluate import drift, yardstick
from helpers.reevaluate.yardstick import forming
from helpers.reevaluate.yardstick.gathering import gathering
from helpers.reevaluate.yardstick.sizes import sizes

pytestmark = pytest.mark.usefixtures("in_english")

PLAN = project(min_cell=10)
ORDERS, SPEND = "orders_per_30d", "spend_per_30d"
HOW = {"names": [ORDERS, SPEND], "groups": {}}


def segment(one, before, now, *, arrived=0, departed=0, entered=0, left=0) -> dict:
    assert before + arrived - departed + entered - left == now
    return {"id": one, "before": before, "now": now, "arrived": arrived, "departed": departed, "entered": entered, "left": left}


def states(*segments) -> dict[str, str]:
    return {s["id"]: s["state"] for s in sizes(list(segments), least=10)}


def two_centres() -> dict:
    """Few orders and little money, or many and much; axes as they are."""
    return document([number(ORDERS, 0.0), number(SPEND, 0.0)], ["S1", "S2"], {"nearest": {"centroids": [[0.0, 0.0], [10.0, 10.0]]}})


def cloud(n: int, *centres: tuple, seed: int = 1, spread: float = 1.0) -> pd.DataFrame:
    """n customers around each centre."""
    draw = np.random.default_rng(seed)
    values = np.concatenate([draw.normal(centre, spread, (n, 2)) for centre in centres])
    ids = [f"c{i:05d}" for i in range(len(values))]
    frame = pd.DataFrame({"customer_id": ids, ORDERS: values[:, 0], SPEND: values[:, 1]})
    return frame.assign(**{forming.ARRIVED: False, forming.WAS: "S1"})


# Sizes


def test_the_change_of_a_segment_counts_arrivals_and_departures_and_its_interval_is_that_of_the_delta_method():
    found = sizes(
        [segment("S1", 400, 200, arrived=10, departed=60, entered=20, left=170), segment("S2", 600, 800, arrived=50, entered=170, left=20)],
        least=10,
    )
    one = found[0]
    stayed = 400 - 60 - 170
    error = 2.241403 * math.sqrt(1 / 200 + 1 / 400 - 2 * stayed / (200 * 400))
    assert one["change"] == -0.5
    assert one["low"] == pytest.approx(math.exp(math.log(0.5) - error) - 1, rel=1e-5)
    assert one["high"] == pytest.approx(math.exp(math.log(0.5) + error) - 1, rel=1e-5)
    assert one["of_base"] == pytest.approx(0.5 * 1000 / 1000 - 1)
    assert [s["state"] for s in found] == ["shrinking", "growing"]


def test_a_change_of_less_than_a_tenth_is_none_however_sure_it_is():
    assert states(segment("S1", 100_000, 93_000, left=7_000), segment("S2", 100_000, 107_000, entered=7_000)) == {
        "S1": "steady", "S2": "steady",
    }  # fmt: skip


def test_a_large_change_of_few_customers_is_no_more_than_chance():
    assert states(segment("S1", 20, 16, entered=8, left=12), segment("S2", 20, 24, entered=12, left=8)) == {"S1": "steady", "S2": "steady"}


def test_when_everybody_leaves_alike_no_segment_shrinks():
    assert set(states(segment("S1", 1_000, 600, departed=400), segment("S2", 2_000, 1_200, departed=800)).values()) == {"steady"}


def test_a_segment_vanishes_is_newborn_or_too_small_by_the_least_that_is_shown():
    found = states(
        segment("S1", 50, 9, left=41), segment("S2", 0, 50, entered=50), segment("S3", 9, 0, left=9), segment("S4", 10, 9, left=1)
    )
    assert found == {"S1": "vanished", "S2": "newborn", "S3": "few", "S4": "vanished"}


def test_without_segments_there_are_no_sizes():
    assert sizes([], least=10) == []


# Missing values, freshness, steadiness, criteria


def test_missing_shares_are_marked_by_the_end_of_newcombes_interval():
    then = pd.DataFrame({"a": [1.0] * 1000, "b": [1.0] * 1000, "c": [np.nan] * 100 + [1.0] * 900})
    now = pd.DataFrame({"a": [np.nan] * 100 + [1.0] * 900, "b": [np.nan] * 45 + [1.0] * 955, "c": [np.nan] * 110 + [1.0] * 890})
    found = {row["variable"]: row for row in drift.missing_shares(then, now, ["a", "b", "c"], PLAN)}
    assert {name: row["mark"] for name, row in found.items()} == {"a": "more", "b": "look", "c": "steady"}
    assert found["a"]["then"] == {"n": 0, "of": 1000, "share": 0.0}
    assert found["a"]["value"] == pytest.approx(0.1) and found["a"]["low"] > 0.05


def test_of_nobody_no_missing_share_is_told():
    nobody = pd.DataFrame({"a": pd.Series([], dtype="float64")})
    assert drift.missing_shares(nobody, nobody, ["a"], PLAN)[0]["mark"] is None


def test_a_table_is_too_old_when_its_newest_row_is_and_was_not_as_old_before():
    facts = lambda **ages: {"facts": {name: {"age_days": age, "last": None} for name, age in ages.items()}}  # noqa: E731
    now, then = (
        facts(orders=2.0, events=40.0, answers=200.0, contacts=99.0, customers=None),
        facts(orders=1.0, events=3.0, answers=210.0, contacts=9.0),
    )
    found = yardstick.fresh(now, then, dict.fromkeys(now["facts"]), {"orders", "events"}, PLAN)
    assert {row["table"]: row["mark"] for row in found} == {
        "answers": "fresh", "contacts": "idle", "customers": None, "events": "older", "orders": "fresh",
    }  # fmt: skip
    alone = yardstick.fresh(now, None, dict.fromkeys(now["facts"]), {"orders", "events"}, PLAN)
    assert {row["table"]: row["then_days"] for row in alone} == dict.fromkeys(now["facts"])


def evidence(core: float, median: float, low: float = 0.4) -> dict:
    stable = {"3": {"low_quartile": low, "median": median, "high_quartile": 0.9}}
    return {"confidence": {"core": core, "mean": 0.7, "n": 1000}, "stability": stable, "k": 3}


def test_labels_are_less_sure_only_after_a_fall_of_a_tenth_beyond_chance():
    assert yardstick.steadiness(evidence(0.40, 0.5), evidence(0.55, 0.5))["core"]["mark"] == "less"
    assert yardstick.steadiness(evidence(0.50, 0.5), evidence(0.55, 0.5))["core"]["mark"] == "steady"
    assert yardstick.steadiness(evidence(0.50, 0.3), evidence(0.50, 0.5))["stability"]["mark"] == "less"
    alone = yardstick.steadiness(evidence(0.5, 0.5), None)
    assert (alone["core"]["then"], alone["core"]["mark"], alone["stability"]["mark"]) == (None, None, None)
    assert yardstick.steadiness({}, None)["core"]["now"] is None


def judged(**verdicts) -> dict:
    figure = lambda verdict: {"value": 0.5, "limit": 0.6, "low": 0.4, "high": 0.55, "verdict": verdict}  # noqa: E731
    line = lambda each: {name: {"verdict": v, "figures": {"accuracy": figure(v)}} for name, v in each.items()}  # noqa: E731
    return {"overall": line({"recognisable": "pass"}), "segments": {one: line(each) for one, each in verdicts.items()}}


def test_a_criterion_is_lost_when_it_was_met_then_and_is_not_now():
    then = judged(S1={"recognisable": "pass", "homogeneous": "pass"}, S2={"recognisable": "fail"}, S3={"recognisable": "pass"})
    now = judged(S1={"recognisable": "fail", "homogeneous": "cannot tell"}, S2={"recognisable": "fail"}, S4={"recognisable": "fail"})
    found = yardstick.criteria(now, then)
    assert [(c["segment"], c["criterion"], c["now"], c["value"]) for c in found] == [
        ("S1", "recognisable", "fail", 0.5), ("S1", "homogeneous", "cannot tell", 0.5),
    ]  # fmt: skip
    assert yardstick.criteria(now, then, untold={"S1"})[0]["value"] is None
    assert yardstick.criteria(now, None) == []


# Far from every segment


def test_far_is_beyond_what_99_in_100_of_the_earlier_customers_kept():
    frozen = document([number(ORDERS, 0.0)], ["S1", "S2"], {"nearest": {"centroids": [[0.0], [100.0]]}})
    then = pd.DataFrame({ORDERS: np.arange(1, 101) / 10})  # distances .1 to 10; the quantile lies at 9.901
    now = pd.DataFrame({ORDERS: [9.0] * 80 + [20.0] * 20, forming.ARRIVED: [False] * 90 + [True] * 10, forming.WAS: "S1"})
    found = forming.far(frozen, then, now, PLAN, names=[ORDERS], groups={})
    assert found["measure"] == "distance" and found["limit"] == pytest.approx(9.901)
    assert (found["then"]["n"], found["now"]["n"], found["value"]) == (1, 20, pytest.approx(0.19))
    assert found["mark"] == "more"
    assert found["about"]["n"] == 20 and found["about"]["arrived"] == 0.5
    assert found["about"]["traits"][0] | {"v": None} == {"variable": ORDERS, "effect": pytest.approx(2.0), "v": None}


def test_how_unlikely_somebody_is_under_classes_is_worked_out_by_hand():
    frame = pd.DataFrame({"spend": [4.0, 2.0, np.nan], "pays": ["card", None, "other"]})
    found = forming.remote(posterior(), frame)
    norm = 1 / math.sqrt(2 * math.pi)
    first = 0.5 * norm * 0.75 + 0.5 * norm * math.exp(-8) * 0.25
    assert found[0] == pytest.approx(-math.log(first) / 2)
    assert found[1] == pytest.approx(-math.log(norm * math.exp(-2)))
    assert found[2] == pytest.approx(-math.log(1e-6))


def test_rules_tell_who_fits_none_and_scores_and_trees_cannot():
    typed = rules() | {"made_by": "rules"}
    assert forming.measure(typed) == "otherwise"
    assert forming.remote(typed, pd.DataFrame({"spend": [150.0, 5.0], "days": [1.0, 1.0], "pays": ["card", "card"]})).tolist() == [0.0, 1.0]
    assert forming.measure(rules()) is None and forming.measure(points()) is None
    nobody = pd.DataFrame()
    assert forming.far(points(), nobody, nobody, PLAN, names=[], groups={})["mark"] is None
    assert forming.far(None, nobody, nobody, PLAN, names=[], groups={})["measure"] is None


# Gathering where few were


def test_customers_who_gather_in_the_corner_of_a_segment_are_found_and_described():
    then, now = cloud(600, (0, 0), (10, 10)), cloud(600, (0, 0), (10, 10), seed=2)
    new = cloud(150, (4.0, -3.0), seed=3, spread=0.5).assign(**{forming.ARRIVED: True, forming.WAS: ""})
    found = gathering(two_centres(), then, pd.concat([now, new], ignore_index=True), PLAN, **HOW)
    assert found["mark"] == "more" and found["now"]["share"] == pytest.approx(150 / 1350, abs=0.03) and found["then"]["share"] < 0.02
    about = found["about"]
    assert 140 <= about["n"] <= 165 and about["traits"][0]["variable"] == SPEND and about["traits"][0]["effect"] < 0
    assert about["near"] == "S1" and about["suggested"]["expect"] == {SPEND: "low", ORDERS: "high"}  # beside the others of S1
    assert about["arrived"] is None  # fewer than ten of them were there before: a share would tell of these


@pytest.mark.parametrize("seed", range(10))
def test_where_nothing_changed_nobody_gathers(seed):
    found = gathering(two_centres(), cloud(600, (0, 0), (10, 10), seed=seed), cloud(600, (0, 0), (10, 10), seed=100 + seed), PLAN, **HOW)
    assert found["mark"] == "usual" and found["about"] is None


def test_a_segment_that_only_grows_is_no_new_one():
    then, now = cloud(600, (0, 0), (10, 10)), pd.concat([cloud(600, (0, 0), seed=2), cloud(900, (10, 10), seed=3)], ignore_index=True)
    assert gathering(two_centres(), then, now, PLAN, **HOW)["mark"] == "usual"


def test_customers_who_gathered_there_before_are_no_new_segment_though_they_are_more():
    corner = lambda n, seed: cloud(n, (4.0, -3.0), seed=seed, spread=0.5)  # noqa: E731
    then = pd.concat([cloud(600, (0, 0), (10, 10)), corner(300, 5)], ignore_index=True)
    now = pd.concat([cloud(600, (0, 0), (10, 10), seed=2), corner(520, 3)], ignore_index=True)
    found = gathering(two_centres(), then, now, PLAN, **HOW)
    assert found["low"] > PLAN.reevaluate.far_more and found["mark"] == "usual"


def test_scores_and_rules_are_searched_around_the_means_of_their_segments():
    how = {"criteria": [{"variable": ORDERS, "cuts": [5], "points": [0, 10]}], "bands": [{"segment": "S1", "from": 5}], "otherwise": "S2"}
    frozen = document([number(ORDERS), number(SPEND)], ["S1", "S2"], {"points": how})
    then, now = cloud(600, (0, 0), (10, 10)), pd.concat([cloud(600, (0, 0), (10, 10), seed=2), cloud(200, (0, 10), seed=3, spread=0.5)])
    assert gathering(frozen, then, now.reset_index(drop=True), PLAN, **HOW)["mark"] == "more"


def test_with_few_customers_or_one_number_it_cannot_be_told():
    one = document([number(ORDERS)], ["S1", "S2"], {"points": {"criteria": [], "bands": [], "otherwise": "S1"}})
    assert gathering(two_centres(), cloud(50, (0, 0)), cloud(600, (0, 0)), PLAN, **HOW)["mark"] is None
    assert gathering(one, cloud(600, (0, 0)), cloud(600, (0, 0)), PLAN, **HOW)["mark"] is None
    assert gathering(None, pd.DataFrame(), pd.DataFrame(), PLAN, **HOW)["mark"] is None


# What a new build would add


def test_a_segment_of_a_new_build_is_newborn_only_when_its_customers_were_not_there_before():
    frozen = two_centres()
    fitted = document(frozen["variables"], ["S1", "S3", "S4"], {"nearest": {"centroids": [[0.0, 0.0], [10.0, 12.0], [5.0, -5.0]]}})
    ids = {
        "S1": {"from": "S1", "nearest": "S1", "jaccard": 0.9},
        "S3": {"from": None, "nearest": "S2", "jaccard": 0.4},
        "S4": {"from": None, "nearest": "S1", "jaccard": 0.1},
    }
    then, now = cloud(300, (0, 0), (10, 12)), cloud(300, (0, 0), (10, 12), (5, -5), seed=2)
    found = {one["id"]: one for one in forming.born(frozen, fitted, ids, then, now, PLAN, **HOW)}
    assert {one: each["newborn"] for one, each in found.items()} == {"S3": False, "S4": True}
    assert found["S4"]["n"] == pytest.approx(300, abs=15) and found["S4"]["nearest"] == "S1"
    assert forming.dropped(frozen, ids) == ["S2"]
    assert forming.dropped(frozen, {}) == []
    untold = forming.born(frozen, fitted, ids, then.drop(columns=[SPEND]), now, PLAN, **HOW)
    assert {each["newborn"] for each in untold} == {None}


def test_nobody_is_described_by_fewer_than_the_least_and_shares_of_few_are_left_out():
    now = cloud(100, (0, 0))
    few = np.arange(100) < 9
    here = np.full(100, "S1")
    assert forming.described(now, few, here, PLAN, **HOW) is None
    some = np.arange(100) < 30
    now.loc[:24, forming.ARRIVED], now.loc[:24, forming.WAS] = True, ""
    assert forming.described(now, some, here, PLAN, **HOW)["arrived"] is None  # 5 of the 30 were there before
    now.loc[10:24, forming.ARRIVED], now.loc[10:24, forming.WAS] = False, "S2"
    about = forming.described(now, some, here, PLAN, **HOW)
    assert about["arrived"] == pytest.approx(1 / 3)
    assert about["came_from"] == [{"segment": "S2", "share": 0.5}]  # S1 has five
    assert about["traits"] == []  # drawn like all others: chance explains what they have more or less of


def test_a_run_that_lacks_a_variable_is_not_compared_with():
    calls = []
    frame = lambda name: pd.DataFrame({"customer_id": ["a"], SPEND: [1.0], "from": [name]})  # noqa: E731

    class Table:
        def __init__(self, name, columns):
            self.name, self.columns = name, columns

        def select(self, *names):
            calls.append((self.name, names))
            return self

    past = SimpleNamespace(name="r", gives=lambda *_: True, table=lambda *_: Table("inputs", ["customer_id"]))
    step = SimpleNamespace(engine=SimpleNamespace(con=None), sample=lambda table: frame(table.name))
    old, drift.customers = drift.customers, lambda step, window="published": Table(window, ["customer_id", SPEND])
    try:
        then, now, run = drift.sides(step, {"variables": [{"name": SPEND}]}, past)
        assert (then["from"][0], now["from"][0], run) == ("confirm", "published", None)
        past.table = lambda *_: Table("inputs", ["customer_id", SPEND])
        then, _, run = drift.sides(step, {"variables": [{"name": SPEND}]}, past)
        assert (then["from"][0], run) == ("inputs", "r")
    finally:
        drift.customers = old
