"""The moves between segments as a Markov chain: counted by hand, projected, tested, and what the page may say of it."""

from datetime import datetime, timedelta
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from by_hand import AS_OF, Step, orders, project
from documents import document, number

from helpers import tables
from helpers.engine import windows
from helpers.predict import flow
from helpers.predict.flow import page, projection
from helpers.predict.flow.transitions import counted

pytestmark = pytest.mark.usefixtures("in_english")

NEW = 4
SCOPE = {"scope": {"window_days": 30, "horizon_days": 30}}


@pytest.fixture(autouse=True)
def fewer_draws(monkeypatch):
    monkeypatch.setattr(projection, "DRAWS", 300)


def flows(*rows: tuple, places=("S1", "S2")) -> flow.Flows:
    """Rows of (place at select, at confirm, at published, customers, money of each of them); money earlier: 1 each."""
    at, n = np.array([row[:3] for row in rows]), np.array([row[3] for row in rows])
    money = np.array([row[4] for row in rows], dtype="float64")
    return flow.Flows([*places, "outside", "idle"], at, n, n * money, n * money**2, n.astype("float64"))


STEADY = flows((0, 0, 0, 60, 10.0), (0, 0, 1, 20, 10.0), (1, 1, 1, 100, 2.0), (1, 1, 0, 20, 2.0), (NEW, NEW, 0, 10, 1.0), (0, 3, 3, 5, 0.0))


def moved_of(counts, *, arrived, departed):
    """What step 9 knows of those in scope at both dates."""
    table = np.array(counts)
    rows = [{"id": f"S{n + 1}", "arrived": a, "departed": d} for n, (a, d) in enumerate(zip(arrived, departed, strict=True))]
    return SimpleNamespace(segments=rows, table=table)


def found_of(some: flow.Flows, **more) -> dict:
    plan = project(**SCOPE)
    segments = [{"id": one, "name": f"Name of {one}", "colour": "#12436D", "suggested": None} for one in some.places[:-2]]
    base = {"status": "not_ready", "reasons": [], "grade": None, "readiness": [], "horizon_days": 30}
    return base | projection.of_flows(some, plan, three=True) | {"segments": segments} | more


# Counted


def test_everybody_who_ever_bought_has_a_state_at_each_date_and_nobody_before_the_first_purchase():
    plan = project(**SCOPE)
    spend = lambda **who: pd.DataFrame({"customer_id": list(who), "spend_per_30d": list(who.values())}).astype({"spend_per_30d": float})  # noqa: E731
    known = {"variables": spend(ann=90, bea=10), "variables_confirm": spend(ann=20), "descriptors": pd.DataFrame({"customer_id": ["ann"]})}
    rule = {"segment": "S1", "when": {"variable": "spend_per_30d", "at_least": 50}}
    rich = document([number("spend_per_30d")], ["S1", "S2"], {"first_match": {"rules": [rule], "otherwise": "S2"}})
    lines = orders(
        ("ann", "1", "08-15", 20), ("ann", "2", "09-15", 90), ("bea", "3", "09-20", 10),
        ("cyd", "4", "08-20", 7), ("dot", "5", "07-01", 3), ("eve", "6", "09-30", 4), ("eve", "7", "09-30 12:00", -9),
    )  # fmt: skip
    dates = windows(AS_OF, window_days=30, horizon_days=30, first=datetime(2017, 1, 1))
    where = flow.states(Step(plan, **known), rich, lines, dates, ("confirm", "published")).order_by("customer_id").execute()
    assert where["customer_id"].tolist() == ["ann", "bea", "cyd", "dot", "eve"]
    assert where["published"].tolist() == ["S1", "S2", "idle", "idle", "outside"]  # eve's purchase stands, only its return is larger
    assert where["confirm"].fillna("–").tolist() == ["S2", "–", "outside", "idle", "–"]
    spent = {name: flow.money_of(lines, plan, dates[name], days=30) for name in ("confirm", "published")}
    got = counted(flow.states(Step(plan, **known), rich, lines, dates, ("confirm", "published")), spent, ["S1", "S2"])
    assert flow.counts_of(got, got.n, 1).tolist() == [[0] * 4, [1, 0, 0, 0], [0, 0, 0, 1], [0, 0, 0, 1], [0, 1, 1, 0]]
    assert got.money.sum() == pytest.approx(90 + 10 + 4 - 9) and got.earlier.sum() == pytest.approx(20 + 7)


def test_money_is_margin_by_category_where_one_is_typed_and_revenue_elsewhere():
    from by_hand import table

    lines = table(
        "orders", "customer_id order_id ordered_at amount category", ("ann", "1", "09-15", 100, "wine"), ("ann", "1", "09-15", 10, "x")
    )
    dates = windows(AS_OF, window_days=30, horizon_days=30, first=datetime(2017, 1, 1))
    money = lambda **target: flow.money_of(lines, project(**SCOPE, target=target), dates["published"], days=30).execute()["money"].tolist()  # noqa: E731
    assert [float(x) for x in money()] == [110.0]
    assert [float(x) for x in money(margin_rate=0.5)] == [55.0]
    assert [float(x) for x in money(margin_rate=0.5, margin_rates={"wine": 0.2})] == [25.0]
    assert [float(x) for x in money(margin_rates={"wine": 0.2})] == [110.0]  # nobody knows the margin of the rest


def test_counts_and_chain_are_those_worked_out_by_hand():
    counts = flow.counts_of(STEADY, STEADY.n, 1)
    assert counts.tolist() == [[60, 20, 0, 0], [20, 100, 0, 0], [0, 0, 0, 0], [0, 0, 0, 5], [10, 0, 0, 0]]
    moves, new = projection.chain(counts)
    assert moves.tolist() == [[0.75, 0.25, 0, 0], [1 / 6, 5 / 6, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1]] and new.tolist() == [10, 0, 0, 0]
    sizes = projection.ahead(np.array([90, 120, 0, 5]), counts, 2)
    assert sizes[1].tolist() == pytest.approx([67.5 + 20 + 10, 22.5 + 100, 0, 5])
    assert sizes[2].tolist() == pytest.approx([97.5 * 0.75 + 122.5 / 6 + 10, 97.5 / 4 + 122.5 * 5 / 6, 0, 5])


def test_value_is_what_a_member_made_in_the_last_period_discounted_from_the_middle_of_each():
    ahead = projection.projected(STEADY, np.random.default_rng(1), periods=2, discounts=projection.discounts(2, 365, 0.21))
    each = [(60 * 10 + 20 * 2 + 10) / 90, (20 * 10 + 100 * 2) / 120]
    assert ahead["each"][:2] == pytest.approx(each)
    factor = [1.21**-0.5, 1.21**-1.5]
    assert factor[0] == pytest.approx(1 / 1.1)
    by_hand = sum(ahead["sizes"][t + 1][0] * factor[t] for t in range(2)) * each[0]
    assert ahead["value"]["value"][0] == pytest.approx(by_hand)
    assert ahead["unchanged"] == pytest.approx((90 * each[0] + 120 * each[1]) * sum(factor))
    assert ahead["total"]["low"] < ahead["total"]["value"] < ahead["total"]["high"]
    assert ahead["low"][0] == ahead["sizes"][0]  # today's sizes are known


# Tested


def chained(moves, start, arrivals=(0, 0, 0, 0), *, seed=1) -> flow.Flows:
    """Three dates of customers who move by one chain, drawn."""
    rng, rows = np.random.default_rng(seed), {}
    for first, n in enumerate(start):
        for middle, m in enumerate(rng.multinomial(n, moves[first])):
            for last, count in enumerate(rng.multinomial(m, moves[middle])):
                rows[first, middle, last] = count
    for middle, n in enumerate(arrivals):
        for last, count in enumerate(rng.multinomial(n, moves[middle])):
            rows[NEW, middle, last] = count
    return flows(*((*at, n, 1.0) for at, n in rows.items() if n))


CHAIN = np.array([[0.7, 0.2, 0.05, 0.05], [0.05, 0.85, 0.05, 0.05], [0.1, 0.2, 0.4, 0.3], [0.02, 0.03, 0.05, 0.9]])


def test_a_chain_is_foretold_better_than_by_unchanged_sizes_and_shows_no_memory():
    found = found_of(chained(CHAIN, (2000, 1000, 300, 300)))
    assert found["status"] == "graded" and found["grade"] == "A" and found["test"]["low"] > 0.05
    assert found["memory"]["low"] < 0 < found["memory"]["high"]


def test_the_projection_holds_the_truth_in_about_95_of_100_cases():
    held = 0
    for seed in range(40):
        some = chained(CHAIN, (600, 400, 100, 100), seed=seed)
        rng = np.random.default_rng(seed)
        ahead = projection.projected(some, rng, periods=1, discounts=np.ones(1))
        start = np.array(ahead["sizes"][0]).astype(int)
        came = np.random.default_rng(1000 + seed).multinomial(start, CHAIN).sum(axis=0)
        held += sum(ahead["low"][1][k] <= came[k] <= ahead["high"][1][k] for k in range(2))
    assert held >= 70  # of 80; 76 expected


def test_movers_and_stayers_are_a_memory_and_the_page_says_what_it_does():
    """Half of a segment never moves, the other half is drawn anew each time: the segment is not enough to tell who leaves."""
    stay, mix = np.eye(4), np.array([[0.5, 0.5, 0, 0]] * 2 + [[0, 0, 1, 0], [0, 0, 0, 1]])
    a, b = chained(stay, (500, 500, 0, 0)), chained(mix, (500, 500, 0, 0))
    both = flow.Flows(a.places, *(np.concatenate([getattr(a, x), getattr(b, x)]) for x in ("at", "n", "money", "squares", "earlier")))
    found = found_of(both)
    assert found["memory"]["settled"] == pytest.approx(5 / 6, abs=0.03) and found["memory"]["came"] == pytest.approx(0.5, abs=0.06)
    assert "moves settled members too often" in page.memory_words(found)


def test_sizes_that_stay_are_not_beaten_and_the_page_calls_it_no_forecast():
    found = found_of(chained(np.array([[0.8, 0.2, 0, 0], [0.2, 0.8, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1]]), (1000, 1000, 0, 0)))
    assert found["grade"] == "C" and not page.usable(found)
    assert page.verdict_words(found).startswith("Not a forecast")
    counts = [row[:2] for row in found["counts"][:2]]
    words = page.change_words(found, moved_of(counts, arrived=(0, 0), departed=(0, 0)), project(**SCOPE), AS_OF)
    assert words["title"].startswith("Not a forecast")


def test_a_company_that_grows_owes_its_growth_to_no_move_between_segments():
    """500 and 500, then 560 and 560, then 626 and 626, and members change places as a coin falls: the moves foretell 620, growth 627.2."""
    moved = [(a, b, c, 125, 1.0) for a in (0, 1) for b in (0, 1) for c in (0, 1)]
    came = [(NEW, b, c, 30, 1.0) for b in (0, 1) for c in (0, 1)] + [(NEW, NEW, c, 66, 1.0) for c in (0, 1)]
    found = found_of(flows(*moved, *came))
    test = found["test"]
    assert (test["stay"], test["actual"], test["predicted"]) == ([560, 560], [626, 626], pytest.approx([620, 620]))
    assert test["grown"] == pytest.approx([627.2, 627.2]) and test["baseline"] == "grown"
    assert test["error"] == pytest.approx(12 / 1252) and test["baseline_error"] == pytest.approx(2.4 / 1252)
    assert found["grade"] == "C" and page.verdict_words(found).startswith("Not a forecast of moves")


def test_segments_by_what_is_known_only_as_of_today_are_not_projected_for_nobody_could_be_seen_to_move():
    moved = SimpleNamespace(document={"segments": []}, immovable=True)
    found = flow.flow(SimpleNamespace(project=project(**SCOPE)), moved, {})
    assert (found["status"], found["grade"], found["reasons"]) == ("cannot_tell", None, ["immovable"])
    assert "cannot tell, for the segments use only what is known as it is today" in page.verdict_words(found)


def test_sizes_that_did_not_change_at_all_teach_nothing():
    found = found_of(flows((0, 0, 0, 300, 1.0), (1, 1, 1, 300, 1.0)))
    assert found["test"]["gain"] is None and found["grade"] == "C"
    assert "nothing is learnt" in page.verdict_words(found)


def test_two_dates_are_projected_and_not_graded_and_few_customers_not_even_that():
    plan = project(**SCOPE)
    two = projection.of_flows(STEADY, plan, three=False)
    assert two["status"] == "cannot_tell" and two["reasons"] == ["two_periods_only"] and two["test"] is None
    few = projection.of_flows(flows((0, 0, 0, 100, 1.0)), plan, three=True)
    assert few["reasons"] == ["too_few_customers"] and "ahead" not in few
    assert few["readiness"] == [{"code": "customers_in_scope_at_both", "have": 100, "want": 200, "met": False}]


def test_without_a_frozen_document_it_is_not_ready_and_every_part_of_the_page_says_so():
    step = SimpleNamespace(project=project(**SCOPE), gives=lambda *_: False, as_of=AS_OF)
    found = flow.flow(step, None, {})
    assert found["status"] == "not_ready" and found["reasons"] == ["no_frozen_segments"]
    none = moved_of(np.zeros((0, 0), dtype=int), arrived=(), departed=())
    assert "too little history" in page.verdict_words(found)
    assert page.change_frame(found, none, step.project).empty and page.memory_words(found) == "" and page.caveats(found) == []
    for shown in (page.ahead_table(found, none, step.project), page.moves_table(found, none, step.project)):
        assert shown.frame.empty and tables.as_html(shown)
    assert "not ready" in page.change_words(found, none, step.project, AS_OF)["title"]


def test_the_same_seed_gives_the_same_figures():
    some = chained(CHAIN, (600, 400, 100, 100))
    assert found_of(some)["ahead"] == found_of(some)["ahead"]


# What the page may say


def test_a_segment_whose_departures_step_9_hides_has_no_row_of_moves_and_few_arrivals_no_size():
    """Of the 40 who left S1's neighbours only 3 departed from S1: with all of its row that number would follow."""
    some = flows(
        (0, 0, 0, 200, 1.0), (0, 0, 3, 3, 0.0), (1, 1, 1, 200, 1.0), (1, 1, 3, 40, 0.0), (NEW, NEW, 0, 30, 1.0), (NEW, NEW, 1, 30, 1.0)
    )
    found, plan = found_of(some), project(**SCOPE)
    moved = moved_of([[200, 0], [0, 200]], arrived=(30, 30), departed=(3, 40))
    moves = page.moves_table(found, moved, plan).frame
    assert moves[["stay", "other", "outside", "idle"]].isna().all().all()  # S2 would give S1's number away
    assert page.shown(found, moved, plan) == [0, 1]
    few = moved_of([[200, 0], [0, 200]], arrived=(2, 30), departed=(20, 40))
    assert page.shown(found, few, plan) == []


def test_the_table_of_sizes_says_now_then_and_what_it_would_be_worth():
    some = chained(CHAIN, (2000, 1000, 300, 300), (80, 60, 40, 0))
    found, plan = found_of(some), project(**SCOPE)
    counts = [row[:2] for row in found["counts"][:2]]
    moved = moved_of(counts, arrived=(100, 100), departed=(100, 100))
    shown = page.ahead_table(found, moved, plan)
    assert shown.frame["segment"].tolist() == ["Name of S1", "Name of S2", "bought, and is not in scope", "All together"]
    assert shown.frame["now"].tolist()[:2] == found["ahead"]["sizes"][0][:2]
    assert shown.frame["value"].iloc[-1] == pytest.approx(sum(found["ahead"]["value"]["value"]))
    words = page.change_words(found, moved, plan, AS_OF)
    until = AS_OF + timedelta(days=30 * found["ahead"]["periods"])
    assert str(until.year) in words["subtitle"] and "If it went on like this" in words["title"] and len(words["title"].split()) <= 15
    assert "revenue, not profit" in " ".join(page.caveats(found))
