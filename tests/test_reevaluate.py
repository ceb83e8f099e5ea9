"""Step 9: who moved and what chance would move, worked out by hand; the noise floor, drift, the verdict, and what the page may say."""

import dataclasses
import math
from datetime import datetime, timedelta
from types import SimpleNamespace

import ibis
import numpy as np
import pandas as pd
import pytest
from by_hand import project, same, table

from helpers import engine, reevaluate, run, tables, variables, words
from helpers.build import customers as engine_customers
from helpers.build import page as build_page
from helpers.build.document import renamed
from helpers.reevaluate import approved_page, drift, movement, noise, page, verdict, verdict_page
from helpers.reevaluate.causes import page as causes_page

pytestmark = pytest.mark.usefixtures("in_english")

Z = 2.241403  # normal quantile of 1 − .05/2/2: two segments looked at together
PLAIN = {
    "sources": {
        "orders": {"table": "orders", "file": "o.csv", "columns": {c: c for c in ("customer_id", "order_id", "ordered_at", "amount")}}
    }
}
NO_FLOOR = {"within": None, "between": None, "behaviour": None, "low": None, "high": None, "n": 0}


def people(*rows: tuple, columns: str = "customer_id segment") -> ibis.expr.types.Table:
    kinds = {"revenue": "float64"}
    names = columns.split()
    return ibis.memtable([dict(zip(names, row, strict=True)) for row in rows], schema={n: kinds.get(n, "string") for n in names})


def spent(*rows: tuple):
    return people(*rows, columns="customer_id revenue")


# eve departs, 007 arrives, bea goes over to S2; dot bought nothing before and sends something back later
THEN = people(("dot", "S2"), ("ann", "S1"), ("eve", "S1"), ("cyd", "S2"), ("bea", "S1"))
NOW = people(("007", "S1"), ("cyd", "S2"), ("bea", "S2"), ("ann", "S1"), ("dot", "S2"))
SPENT = spent(("cyd", 10.0), ("ann", 30.0), ("eve", 5.0), ("bea", 20.0), ("zoe", 99.0))
SPENT_LATER = spent(("dot", -5.0), ("bea", 25.0), ("007", 7.0), ("ann", 40.0), ("eve", 3.0))


def travelled():
    return reevaluate.journeys(THEN, NOW, SPENT, SPENT_LATER)


def moved(counts, *, arrived=(), departed=(), ids=None) -> reevaluate.Movement:
    """A movement from a matrix of counts, everybody's money 1 at both dates."""
    ids = ids or [f"S{n + 1}" for n in range(len(counts))]
    rows = [(a, b, counts[i][j]) for i, a in enumerate(ids) for j, b in enumerate(ids)]
    rows += [(movement.OUT, one, n) for one, n in zip(ids, arrived, strict=False)]
    rows += [(one, movement.OUT, n) for one, n in zip(ids, departed, strict=False)]
    frame = pd.DataFrame([(a, b, n, n, n, n, n, 0) for a, b, n in rows if n], columns=["before", "now", "n", *movement.SUMS])
    found = reevaluate.matrix(frame, ids)
    document = {"segments": [{"id": one, "name": f"Name of {one}", "colour": "#12436D"} for one in ids]}
    return reevaluate.Movement(
        document, None, reevaluate.segments(frame, ids, months=1), found, reevaluate.staying(found, draws=200, seed=1)
    )


NOTHING = reevaluate.Movement(None, None, [], np.zeros((0, 0), dtype="int64"), reevaluate.staying(np.zeros((0, 0)), draws=200, seed=1))
WINDOWS = engine.windows(datetime(2017, 10, 1), window_days=90, horizon_days=90, first=datetime(2017, 1, 1))
STEADY = [[60, 20], [20, 100]]


# Who moved


def test_everybody_in_scope_at_either_date_is_there_once_with_both_segments_and_both_sums():
    same(
        travelled(),
        {
            "customer_id": ["007", "ann", "bea", "cyd", "dot", "eve"],
            "before": [None, "S1", "S1", "S2", "S2", "S1"],
            "now": ["S1", "S1", "S2", "S2", "S2", None],
            "money_before": [0.0, 30.0, 20.0, 10.0, 0.0, 5.0],
            "money_now": [7.0, 40.0, 25.0, 0.0, -5.0, 3.0],
        },
    )


def test_customers_and_money_of_a_segment_add_up_from_before_to_now():
    S1, S2 = reevaluate.segments(reevaluate.flows(travelled()), ["S1", "S2"], months=1)
    counts = ["id", "before", "arrived", "departed", "entered", "left", "net", "now"]
    assert [S1[name] for name in counts] == ["S1", 3, 1, 1, 0, 1, -1, 2]
    assert [S2[name] for name in counts] == ["S2", 2, 0, 0, 1, 0, 1, 3]
    money = ["money_before", "money_arrived", "money_departed", "net_money", "money_now"]
    assert [S1[name] for name in money] == [55.0, 7.0, 5.0, -10.0, 47.0]  # ann spends 10 more, bea's 20 leave
    assert [S2[name] for name in money] == [10.0, 0.0, 0.0, 10.0, 20.0]  # bea brings 25, cyd stops 10, dot sends back 5


def test_noise_is_mcnemars_with_the_quantile_for_all_segments_together():
    S1, S2 = reevaluate.segments(reevaluate.flows(travelled()), ["S1", "S2"], months=1)
    assert S1["noise"] == pytest.approx(Z * math.sqrt(0 + 1), rel=1e-6)
    assert S1["noise_money"] == pytest.approx(Z * math.sqrt(10**2 + 20**2), rel=1e-6)
    assert S2["noise_money"] == pytest.approx(Z * math.sqrt(25**2 + 10**2 + 5**2), rel=1e-6)
    assert (S1["beyond"], S2["beyond"], S1["beyond_money"]) == (False, False, False)


def test_a_balance_is_beyond_chance_from_where_mcnemars_statistic_passes_its_limit():
    for entered, beyond in ((10, True), (9, False)):  # 10/√10 = 3.16, 9 − 3 = 6 of 12: 1.73
        one = moved([[50, 0 if beyond else 3], [entered, 50]]).segments[0]
        assert (one["net"], one["beyond"]) == (entered - (0 if beyond else 3), beyond)


def test_money_is_given_for_thirty_days():
    half = reevaluate.segments(reevaluate.flows(travelled()), ["S1", "S2"], months=3)[0]
    assert half["money_before"] == pytest.approx(55 / 3)
    assert half["noise_money"] == pytest.approx(Z * math.sqrt(500) / 3, rel=1e-6)


def test_staying_is_measured_against_the_sizes_of_the_segments():
    found = reevaluate.flows(travelled())
    assert reevaluate.matrix(found, ["S1", "S2"]).tolist() == [[1, 1], [0, 2]]
    stay = reevaluate.staying(reevaluate.matrix(found, ["S1", "S2"]), draws=200, seed=1)
    assert {n: stay[n] for n in ("share", "chance", "kappa", "n")} == {"share": 0.75, "chance": 0.5, "kappa": 0.5, "n": 4}
    S1, S2 = reevaluate.segments(found, ["S1", "S2"], months=1)
    assert S1["stay"] == {"share": 0.5, "chance": 0.25, "kappa": pytest.approx(1 / 3)}
    assert S2["stay"] == {"share": 1.0, "chance": 0.75, "kappa": 1.0}


@pytest.mark.parametrize(("counts", "kappa"), [([[5, 0], [0, 5]], 1.0), ([[0, 5], [5, 0]], -1.0), ([[3, 1], [1, 3]], 0.5)])
def test_kappa_is_one_when_none_move_and_below_chance_when_all_do(counts, kappa):
    assert reevaluate.kappa(np.array(counts)) == pytest.approx(kappa)


def test_a_segment_of_nobody_and_a_base_in_one_segment_have_no_kappa():
    found = moved([[8, 0], [0, 0]])
    assert found.stay["kappa"] is None and found.stay["share"] == 1.0
    assert found.segments[1]["stay"] == {"share": None, "chance": None, "kappa": None}
    assert (found.segments[1]["before"], found.segments[1]["noise"], found.segments[1]["beyond"]) == (0, 0.0, False)


def test_without_anybody_at_both_dates_nothing_is_told():
    found = reevaluate.flows(reevaluate.journeys(people(("ann", "S1")), people(("bea", "S1")), SPENT, SPENT_LATER))
    assert reevaluate.staying(reevaluate.matrix(found, ["S1"]), draws=200, seed=1) == {
        "share": None, "chance": None, "kappa": None, "low": None, "high": None, "n": 0,
    }  # fmt: skip
    empty = reevaluate.flows(reevaluate.journeys(people(), people(), spent(), spent()))
    assert empty.empty and reevaluate.segments(empty, ["S1"], months=1)[0]["before"] == 0


# Agreement


def test_the_adjusted_rand_index_is_hubert_and_arabies():
    assert reevaluate.adjusted_rand(np.array([[2, 0], [0, 2]])) == 1.0
    assert reevaluate.adjusted_rand(np.array([[1, 1], [1, 1]])) == pytest.approx(-0.5)  # (0 − 4/6)/(2 − 4/6)
    assert reevaluate.adjusted_rand(np.array([[4]])) == 1.0
    both = reevaluate.adjusted_rand(np.array([[[2, 0], [0, 2]], [[1, 1], [1, 1]]]))
    assert both == pytest.approx([1.0, -0.5])


def test_it_is_the_same_as_scikit_learns():
    from sklearn.metrics import adjusted_rand_score

    counts = np.array([[7, 2, 0, 1], [3, 9, 4, 0], [0, 1, 6, 5]])
    one, other = (np.repeat(places, counts.ravel()) for places in (np.arange(12) // 4, np.arange(12) % 4))
    assert reevaluate.adjusted_rand(counts) == pytest.approx(adjusted_rand_score(one, other))


def test_an_interval_holds_the_value_and_shrinks_with_customers():
    few, many = (reevaluate.interval(np.array([[3, 1], [1, 3]]) * times, reevaluate.kappa, draws=500, seed=1) for times in (5, 500))
    assert few["low"] < many["low"] < 0.5 < many["high"] < few["high"]
    assert reevaluate.interval(np.array([[1]]), reevaluate.kappa, draws=500, seed=1) == {"low": None, "high": None}
    assert reevaluate.interval(np.array([[9]]), reevaluate.kappa, draws=500, seed=1) == {"low": None, "high": None}


# What is hidden


def test_nothing_is_hidden_where_every_number_is_large_or_nobody():
    found = reevaluate.hidden(moved([[50, 0], [20, 30]]).segments, np.array([[50, 0], [20, 30]]), least=10)
    assert not found.cells.any() and not found.moves.any() and not found.crossed.any()


def test_a_small_cell_takes_the_next_smallest_of_its_row_and_column_with_it():
    counts = np.array([[90, 3, 15, 20], [30, 80, 12, 40], [25, 16, 70, 35], [45, 50, 60, 99]])
    # 3 takes 15 in its row and 16 in its column; 15 takes 12 in its column, 12 takes 30 in its row, 16 takes 25 in its: all are two
    assert reevaluate.hidden(segments_of(4), counts, least=10).cells.tolist() == [
        [False, True, True, False],
        [True, False, True, False],
        [True, True, False, False],
        [False, False, False, False],
    ]


def segments_of(k: int) -> list[dict]:
    return [{"arrived": 0, "departed": 0}] * k


def _covers(shut, counts, least) -> bool:
    """Whether no hidden cell follows from its row or column, with or without the diagonal."""
    for cells, numbers in ((shut, counts), (shut.T, counts.T)):
        for place in range(len(counts)):
            for inside in (np.arange(len(counts)) >= 0, np.arange(len(counts)) != place):
                closed, n = cells[place][inside], numbers[place][inside]
                if closed.any() and not closed.all() and (closed.sum() < 2 or 0 < n[closed].sum() < least):
                    return False
    return True


def test_no_hidden_cell_of_any_matrix_follows_from_its_row_or_column():
    draw = np.random.default_rng(5)
    for _ in range(300):
        k = int(draw.integers(2, 7))
        counts = draw.negative_binomial(1, 0.03, (k, k)) + np.diag(draw.integers(0, 90, k))
        found = reevaluate.hidden(segments_of(k), counts, least=10)
        assert found.cells[(counts > 0) & (counts < 10)].all()
        assert _covers(found.cells, counts, 10), counts


def test_arrived_and_departed_are_hidden_together_and_never_those_of_one_segment_alone():
    found = moved(np.full((3, 3), 40).tolist(), arrived=[3, 20, 30], departed=[25, 12, 40])
    assert reevaluate.hidden(found.segments, found.table, least=10).crossed.tolist() == [True, True, False]
    apart = moved(np.full((3, 3), 40).tolist(), arrived=[0, 20, 30], departed=[25, 12, 40])
    assert not reevaluate.hidden(apart.segments, apart.table, least=10).crossed.any()


def test_a_segment_of_three_shows_nothing_and_neither_does_the_next_smallest():
    found = moved([[3, 0, 0], [0, 40, 12], [0, 15, 90]])
    assert reevaluate.hidden(found.segments, found.table, least=10).moves.tolist() == [True, True, False]


def test_where_few_left_a_segment_the_share_that_stayed_is_hidden_too():
    counts = np.array([[95, 3, 2], [20, 80, 30], [25, 35, 70]])
    found = reevaluate.hidden(segments_of(3), counts, least=10)
    assert found.moves.tolist() == [True, False, True]  # five left S1; S3 is the next smallest
    assert found.cells[0].all() and found.cells[2, 2]


# Noise floor

LINES = table(
    "orders",
    "customer_id order_id ordered_at amount product_id",
    *[
        (who, f"{who}{n}", f"0{6 + n % 4}-{10 + n} 1{n % 10}:00", 1 + n, product)
        for who in ("ann", "bea")
        for n in range(12)
        for product in ("p1", "p2")
    ],
)


def test_the_lines_of_an_order_stay_in_one_half_and_both_halves_get_orders():
    found = reevaluate.noise.halved({"orders": LINES, "customers": LINES}, seed=1)
    assert list(found) == ["orders"]
    frame = found["orders"].execute()
    assert len(frame) == 48 and (frame.groupby("order_id")["customer_id"].nunique() == 1).all()
    assert sorted(set(frame["customer_id"])) == ["ann|0", "ann|1", "bea|0", "bea|1"]


def test_the_seed_draws_the_halves_and_the_order_of_the_rows_does_not():
    def drawn(rows, seed):
        frame = noise.halved({"orders": rows}, seed=seed)["orders"].execute()
        return frame.drop_duplicates("order_id").set_index("order_id")["customer_id"].sort_index()

    assert drawn(LINES, 1).equals(drawn(LINES.order_by(LINES.amount.desc()), 1))
    assert not drawn(LINES, 1).equals(drawn(LINES, 2))


def test_both_halves_together_are_the_whole_in_orders_and_money():
    plan, names, whole = project(collect=PLAIN), ["orders_per_30d", "spend_per_30d"], {"orders": LINES}
    until = datetime(2017, 10, 1)
    halves = noise.measured(noise.halved(whole, seed=1), whole, plan, as_of=until, names=names)
    people = LINES.group_by("customer_id").agg(first_ordered_at=LINES.ordered_at.min())
    all_ = variables.measure(whole, people, plan, as_of=until, window_days=plan.scope.window_days)
    expected = all_.select("customer_id", *names).execute().set_index("customer_id").sort_index()
    assert list(halves[0].index) == list(halves[1].index) == ["ann", "bea"]
    assert (halves[0] > 0).all(axis=None) and (halves[1] > 0).all(axis=None)
    pd.testing.assert_frame_equal(halves[0] + halves[1], expected)


def test_a_half_is_brought_to_the_scale_of_the_whole_by_its_ranks():
    halves = [pd.DataFrame({"x": [1.0, 4.0]}), pd.DataFrame({"x": [3.0, 2.0]})]
    low, high = noise.rescaled(halves, pd.DataFrame({"x": [40.0, 10.0, 30.0, 20.0]}))
    assert low["x"].tolist() == [10.0, 40.0] and high["x"].tolist() == [30.0, 20.0]
    assert halves[0]["x"].tolist() == [1.0, 4.0]  # given frames are left as they are


def test_equal_values_of_a_half_stay_equal_and_missing_ones_stay_missing():
    halves = [pd.DataFrame({"x": [0.0, 2.0, None]}), pd.DataFrame({"x": [0.0, 1.0, 0.0]})]
    # pooled 0 0 0 1 2: the zeros have middle rank 1 of 4, a quarter of the whole's way; 1 has rank 3, 2 has rank 4
    low, high = noise.rescaled(halves, pd.DataFrame({"x": [0.0, 2.0, 4.0, 6.0, 8.0]}))
    assert low["x"].tolist()[:2] == [2.0, 8.0] and math.isnan(low["x"][2])
    assert high["x"].tolist() == [2.0, 6.0, 2.0]


def test_a_variable_that_nobody_has_is_left_missing():
    nobody = pd.DataFrame({"x": [None, None]}, dtype="float64")
    assert noise.rescaled([nobody, nobody], pd.DataFrame({"x": [1.0]}))[0]["x"].isna().all()


def test_the_floor_is_the_mean_of_both_periods_and_behaviour_what_is_beyond_it():
    a, b = np.array(["a"] * 40), np.array(["b"] * 40)
    half = np.where(np.arange(40) < 10, "b", "a")  # differs from a in a quarter
    found = reevaluate.floor([a, half], [b, b], draws=200, seed=1)
    # within: a quarter then, none now; between: a against b twice 1, the other half twice three quarters
    assert {n: found[n] for n in ("within", "between", "behaviour", "n")} == {"within": 0.125, "between": 0.875, "behaviour": 0.75, "n": 40}
    assert found["low"] < 0.75 < found["high"]


def test_the_floor_of_too_few_customers_is_not_told():
    few = np.array(["a"] * (noise.LEAST - 1))
    assert reevaluate.floor([few, few], [few, few], draws=200, seed=1) == NO_FLOOR | {"n": noise.LEAST - 1}


# Forty customers, orders of 10 or of 100 every week, half each; in the second quarter of `swapped` they change places.


class Step(SimpleNamespace):
    """A step with what earlier ones handed over, in memory."""

    approved = None

    def gives(self, step, name):
        return name in self.given

    def take(self, step, name):
        return self.given[name]

    def sample(self, whole):
        return whole.execute().sort_values("customer_id", ignore_index=True)


CUT = {
    "format": 1, "version": 1, "key": "customer_id", "built_as_of": "2017-07-03T00:00:00",
    "variables": [{"name": "spend_per_order", "kind": "number", "missing": 10.0, "steps": []}],
    "segments": [{"id": "S1", "name": "Large baskets", "colour": "#12436D"}, {"id": "S2", "name": None, "colour": "#D55E00"}],
    "assign": {"first_match": {"rules": [{"segment": "S1", "when": [{"variable": "spend_per_order", "at_least": 50.0, "below": None}]}],
                               "otherwise": "S2"}},
}  # fmt: skip


def forty(swapped: bool = False, **given) -> tuple[Step, dict, dict]:
    """A step, its checked tables and windows."""
    first, rows = datetime(2017, 4, 4, 12), []
    for n in range(40):
        for week in range(25):
            day = first + timedelta(days=7 * week + n % 5)
            large = (n < 20) != (swapped and day >= WINDOWS["confirm"].built_at)
            rows.append((f"c{n:02d}", f"o{n}-{week}", f"{day:%m-%d %H:%M}", 100 if large else 10))
    bought = table("orders", "customer_id order_id ordered_at amount", *rows)
    plan = project(scope={"window_days": 90, "horizon_days": 90}, build={"draws": 200}, collect=PLAIN)
    people = bought.group_by("customer_id").agg(first_ordered_at=bought.ordered_at.min())
    measured = {
        name: variables.measure({"orders": bought}, people, plan, as_of=WINDOWS[window].built_at, window_days=90).cache()
        for name, window in (("variables_confirm", "confirm"), ("variables", "published"))
    }
    from helpers import build

    handed = measured | {"segmentation": CUT, "segmentation_confirm": CUT}
    handed["descriptors"] = ibis.memtable({"customer_id": [f"c{n:02d}" for n in range(40)], "region": ["n", "s"] * 20})
    handed["membership_confirm"] = build.apply(CUT, measured["variables_confirm"])
    return Step(project=plan, as_of=datetime(2017, 10, 1), given=handed | given), {"orders": bought}, WINDOWS


def test_a_backtest_applies_the_frozen_document_at_both_dates():
    step, checked, windows = forty()
    found = reevaluate.backtest(step, windows, checked["orders"])
    assert found.table.tolist() == [[20, 0], [0, 20]] and found.stay["kappa"] == 1.0
    swapped, checked, windows = forty(swapped=True)
    assert reevaluate.backtest(swapped, windows, checked["orders"]).table.tolist() == [[0, 20], [20, 0]]


def test_customers_who_do_not_change_have_no_behaviour_and_those_who_swap_have_it():
    step, checked, windows = forty()
    same_ = reevaluate.noise_floor(step, reevaluate.backtest(step, windows, checked["orders"]), checked, windows)
    step, checked, windows = forty(swapped=True)
    other = reevaluate.noise_floor(step, reevaluate.backtest(step, windows, checked["orders"]), checked, windows)
    assert (same_["within"], same_["between"], same_["n"]) == (0.0, 0.0, 40)
    assert (other["within"], other["between"]) == (0.0, 1.0) and other["low"] == 1.0


def test_the_noise_floor_of_a_re_evaluation_is_that_of_its_own_two_dates():
    # One horizon ago everybody was in the other segment; but the run in force is of today, and since then nobody did anything.
    step, checked, windows = forty(swapped=True)
    found = dataclasses.replace(reevaluate.backtest(step, windows, checked["orders"]), since="2017-10-01/0001")
    today = found.travelled.mutate(before=found.travelled.now)
    past_ = SimpleNamespace(table=lambda con, made_by, name: engine_customers(step).filter(ibis._.customer_id != "c00"))
    step.approved, step.engine = SimpleNamespace(past=past_), SimpleNamespace(con=None)
    floor = reevaluate.noise_floor(step, dataclasses.replace(found, travelled=today), checked, windows | {"confirm": windows["published"]})
    assert (floor["within"], floor["between"], floor["n"]) == (0.0, 0.0, 39)  # c00 bore another id then


def test_the_refit_agrees_fully_with_itself_and_without_an_earlier_build_nothing_is_told():
    step, checked, windows = forty()
    assert reevaluate.refit(step, CUT) == {"value": 1.0, "low": 1.0, "high": 1.0, "moved": 0.0, "changed": 0, "n": 40}
    del step.given["segmentation_confirm"]
    nothing = reevaluate.backtest(step, windows, checked["orders"])
    assert (nothing.document, nothing.segments, nothing.stay["share"]) == (None, [], None)
    assert reevaluate.noise_floor(step, nothing, checked, windows) == NO_FLOOR
    assert reevaluate.refit(step, None) == {"value": None, "low": None, "high": None, "moved": None, "changed": None, "n": 0}
    assert reevaluate.drifted(step, None) == []


def test_in_a_re_evaluation_the_approved_document_is_held_against_the_fit_that_is_only_proposed():
    dearer = CUT | {"assign": {"first_match": {"rules": [], "otherwise": "S2"}}}
    step, _, _ = forty()
    step.approved = by_head()
    step.given["proposed"] = {"segmentation": dearer, "ids": {}}
    whole = step.sample(engine_customers(step))
    large = int((whole["spend_per_order"] >= 50).sum())
    found = reevaluate.refit(step, CUT)
    assert (found["value"], found["changed"], found["moved"]) == (0.0, large, large / 40)
    step.given["proposed"]["segmentation"] = renamed(CUT, {"S1": "S8", "S2": "S7"})  # the same cut under ids that nobody had
    assert reevaluate.refit(step, CUT) == {"value": 1.0, "low": 1.0, "high": 1.0, "moved": 0.0, "changed": 0, "n": 40}
    del step.given["proposed"]
    assert reevaluate.refit(step, CUT)["value"] is None, "never the approved document with itself"


# Drift


def test_the_index_is_less_its_expectation_under_no_change():
    before, now = np.repeat([0.0, 1.0], [100, 100]), np.repeat([1.0, 0.0], [50, 150])
    found = drift.stability_index(before, now)
    assert found == pytest.approx(0.25 * math.log(1.5) + 0.25 * math.log(2) - (1 / 200 + 1 / 200))
    assert drift.stability_index(before, before) == pytest.approx(-0.01)
    assert drift.distance(before, now) == pytest.approx(0.25)


def test_missing_values_are_a_bin_of_their_own_and_an_empty_bin_counts_half_a_customer():
    before, now = np.zeros(200), np.repeat([0.0, np.nan], [100, 100])
    p, q = 200 / 200.5, 0.5
    expected = (q - p) * math.log(q / p) + (p - q) * math.log(0.5 / (1 - p)) - 0.01
    assert drift.stability_index(before, now) == pytest.approx(expected)
    assert drift.distance(before, now) == 0.0
    assert drift.distance(before, np.full(3, np.nan)) is None


def test_a_variable_that_is_nothing_for_most_is_cut_between_nothing_and_something():
    before, now = np.repeat([0.0, 5.0], [190, 10]), np.repeat([0.0, 5.0], [160, 40])  # every decile is 0
    expected = (0.80 - 0.95) * math.log(0.80 / 0.95) + (0.20 - 0.05) * math.log(0.20 / 0.05) - 0.01
    assert drift.stability_index(before, now) == pytest.approx(expected)


def test_a_constant_variable_has_not_changed():
    assert drift.stability_index(np.ones(300), np.ones(300)) == 0.0


def test_marks_follow_the_limits_and_the_distance_alone_is_worth_a_look():
    half = np.repeat([0.0, 1.0], [500, 500])
    now = pd.DataFrame({
        "much": np.repeat([0.0, 1.0], [760, 240]), "some": np.repeat([0.0, 1.0], [680, 320]),
        "shift": np.repeat([0.0, 1.0], [620, 380]), "none": half,
    })  # fmt: skip
    before = pd.DataFrame(dict.fromkeys(now.columns, half))
    found = {d["variable"]: d for d in reevaluate.changes(before, now, list(now.columns), project())}
    assert list(found) == ["much", "some", "shift", "none"]
    assert {name: d["mark"] for name, d in found.items()} == {"much": "changed", "some": "look", "shift": "look", "none": "steady"}
    assert found["shift"]["psi"] < 0.1 <= found["shift"]["ks"]


def test_drift_is_not_computed_under_two_hundred_customers():
    few, many = pd.DataFrame({"x": np.ones(199)}), pd.DataFrame({"x": np.zeros(200)})
    for pair in ((few, many), (many, few)):
        assert reevaluate.changes(*pair, ["x"], project()) == [{"variable": "x", "psi": None, "ks": None, "mark": None}]
    assert reevaluate.changes(many, many, ["x"], project())[0]["mark"] == "steady"


# The verdict

UNTOLD = dict.fromkeys(("share", "chance", "kappa", "low", "high")) | {"n": 0}


def agreed(value, low=None, high=None) -> dict:
    return {"value": value, "low": low, "high": high, "moved": None if value is None else 0.17, "n": 200}


def judged(counts=STEADY, agreement=0.8, changes=(), steady=None, more=()):
    known = isinstance(agreement, float)
    given = agreed(agreement, agreement - 0.01, agreement + 0.01) if known else agreement or agreed(None)
    return reevaluate.judge(moved(counts), given, list(changes), project(), steady=steady, more=list(more))


def changed(mark, psi=0.3, ks=0.2):
    return {"variable": "recency_days", "psi": psi, "ks": ks, "mark": mark}


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({}, "keep"),
        ({"agreement": 0.6}, "keep"),  # at the limit: the limit is the least that is asked
        ({"agreement": 0.58}, "refit"),
        ({"agreement": 0.28}, "rebuild"),
        ({"agreement": agreed(0.5, 0.4, 0.59)}, "refit"),
        ({"agreement": agreed(0.5, 0.4, 0.6)}, "keep"),  # all of the interval has to lie below the limit
        ({"agreement": agreed(0.2, 0.1, 0.31)}, "refit"),  # and here below half of it
        ({"agreement": 0.5, "steady": 0.45}, "keep"),  # two samples of one period agree no better
        ({"agreement": 0.2, "steady": 0.05}, "refit"),  # but a recipe that never comes back is not the surer kept for it
        ({"agreement": 0.05, "steady": 0.02}, "rebuild"),
        ({"agreement": 0.7, "steady": 0.9}, "keep"),  # more than the project asks is not asked
        ({"changes": [changed("changed")]}, "refit"),
        ({"changes": [changed("look", 0.2)]}, "keep"),
        ({"counts": [[60, 40], [40, 60]]}, "look"),  # κ = .2, from .07 to .33
        ({"counts": [[66, 34], [34, 66]]}, "look"),  # κ = .32, from .19 to .45
        ({"counts": [[60, 40], [40, 60]], "agreement": 0.5}, "refit"),
        ({"counts": [[600, 400], [400, 600]]}, "rebuild"),  # κ = .2, from .16 to .24
        ({"counts": [[50, 50], [50, 50]], "agreement": 0.5, "changes": [changed("changed")]}, "rebuild"),
        ({"counts": [[60, 20], [20, 99]]}, "cannot tell"),  # 199 customers
        ({"counts": [[300, 0], [0, 0]]}, "cannot tell"),
        ({"agreement": None}, "cannot tell"),
    ],
)
def test_the_verdict_is_the_gravest_that_a_reason_speaks_for(given, expected):
    assert judged(**given)[0] == expected


def test_every_reason_is_listed_for_and_against_with_its_limit():
    weak = [[90, 10, 0], [10, 90, 0], [40, 40, 20]]  # S3: .2 stay, .0667 by chance
    found = judged(counts=weak, agreement=agreed(0.61, 0.58, 0.66), changes=[changed("look", 0.02, 0.15), changed("steady")])
    said = [(r["code"], r["speaks"], r["limit"], r["close"]) for r in found[1]]
    assert said == [
        ("lasting", "keep", 0.3, False),
        ("agreement", "look", 0.6, True),
        ("changed_variables", "keep", 1, False),
        ("distance", "look", 0.1, False),
        ("segment_lasting", "look", 0.3, False),
    ]
    assert found[0] == "keep" and found[1][-1]["segment"] == "S3"
    assert found[1][-1]["value"] == pytest.approx((0.2 - 20 / 300) / (1 - 20 / 300))


def test_segments_whose_interval_holds_the_limit_are_kept_and_marked_as_not_shown_to_last():
    stay = {"share": 0.45, "chance": 0.23, "kappa": 0.29, "low": 0.25, "high": 0.32, "n": 1305}
    found = dataclasses.replace(moved(STEADY), stay=stay)
    verdict_, reasons = reevaluate.judge(found, agreed(0.8, 0.77, 0.81), [], project(), steady=None)
    assert (verdict_, reasons[0]["speaks"]) == ("look", "look")
    row = texts(verdict_page.reasons_table(reasons, found, project()))[0]
    assert row[2:] == ["0.25 to 0.32", 0.3, "looking closer", "not shown to last: look closer"]
    summary = verdict_page.summary(found, FLOOR, [], agreed(0.8, 0.77, 0.81), (verdict_, reasons), UNTOLD, STEP)
    assert summary["headline"] == "Not shown to last: 45% of customers stayed in their segment, 23% would by chance; look closer."
    assert summary["points"][0] == (
        "Keep the segments, and look closer: they are not shown to last, for the scope’s limit lies within the interval of κ."
    )
    meanwhile = "Use the segments for one campaign at a time, and draw the list anew each time."
    assert summary["todo"][0] == meanwhile and verdict_page.verdict_words(verdict_, reasons) == f"{summary['points'][0]} {meanwhile}"
    assert not any("after a single change" in each for each in summary["todo"])  # the list is drawn anew


def test_a_recipe_that_kept_no_customers_is_not_asked_for_again():
    found = moved([[600, 400], [400, 600]])
    result = reevaluate.judge(found, agreed(0.8, 0.77, 0.81), [], project(), steady=None)
    summary = verdict_page.summary(found, FLOOR, [], agreed(0.8, 0.77, 0.81), result, UNTOLD, STEP)
    assert summary["headline"] == (
        "The recipe, built one horizon earlier, did not keep its customers: 60% stayed in their segment, 50% would by chance."
    )
    assert "not the same recipe again" in summary["points"][0]
    assert summary["todo"][:2] == [
        "Use the segments for one campaign at a time, and draw the list anew each time.",
        "Try a longer window (scope.window_days, now 180), fewer segments (scope.segments_wanted, now 5) or other variables, signed in "
        "step 5; the same recipe has just been judged.",
    ]


def test_customers_who_stay_are_not_said_to_be_lost_when_only_the_recipe_gives_other_segments():
    result = judged(agreement=0.2)
    assert verdict_page.verdict_words(*result).startswith("The recipe gave other segments one horizon earlier than it gives today.")
    summary = verdict_page.summary(moved(STEADY), FLOOR, [], agreed(0.2), result, UNTOLD, STEP)
    assert summary["headline"] == "The recipe gave other segments one horizon earlier than it gives today."


@pytest.mark.parametrize(
    ("low", "high", "said"),
    [
        (0.75, 0.85, "keep their customers better (κ 0.50, 95% interval 0.75 to 0.85): divide the budget by them."),
        (0.1, 0.2, "keep their customers less well"),
        (0.2, 0.8, "are not shown to keep their customers better or less well"),
    ],
)
def test_the_rule_is_steadier_only_when_its_interval_lies_above_that_of_the_segments(low, high, said):
    found = moved(STEADY)  # κ .58, from .46 to .69
    assert said in verdict_page.rule_words(UNTOLD | {"kappa": 0.5, "low": low, "high": high, "n": 200}, found)
    assert verdict_page.rule_words(UNTOLD | {"kappa": 0.5, "low": low, "high": high, "n": 199}, found).endswith("cannot tell.")


def test_the_bands_are_put_to_the_same_test_as_the_segments():
    step, checked, windows = forty(swapped=True, bands=CUT)
    found = reevaluate.rule_stays(step, reevaluate.backtest(step, windows, checked["orders"]))
    assert (found["share"], found["kappa"], found["n"]) == (0.0, -1.0, 40)
    assert reevaluate.rule_stays(step, NOTHING) == UNTOLD
    del step.given["bands"]
    assert reevaluate.rule_stays(step, reevaluate.backtest(step, windows, checked["orders"])) == UNTOLD


FITS_NO_LONGER = reevaluate.reason("name_withdrawn", 0, 1, "adjust") | {"segment": "S2"}
PAID_TOO_MUCH = reevaluate.reason("offer_loses", -120.0, 0.0, "adjust", {"low": -200.0, "high": -40.0}) | {"segment": "S1"}


@pytest.mark.parametrize(
    ("given", "speaks", "expected"),
    [
        ({}, "adjust", "adjust"),
        ({"counts": [[60, 40], [40, 60]]}, "adjust", "adjust"),  # not shown to last, and something to change
        ({"agreement": 0.5}, "adjust", "refit"),
        ({"counts": [[600, 400], [400, 600]]}, "adjust", "rebuild"),
        ({}, "look", "keep"),  # what speaks for looking closer decides nothing
        ({}, "refit", "refit"),
        ({"counts": [[60, 20], [20, 99]]}, "adjust", "cannot tell"),  # whether they hold is not known; what to change is
    ],
)
def test_what_other_rooms_found_is_weighed_with_the_rest_and_adjusting_stands_between_refitting_and_keeping(given, speaks, expected):
    one = FITS_NO_LONGER | {"speaks": speaks}
    verdict_, reasons = judged(**given, more=[one])
    assert verdict_ == expected and reasons[-1] == one


def test_a_reason_is_close_when_its_limit_lies_within_its_interval():
    assert reevaluate.reason("core", 0.1, 0.05, "look", {"low": 0.05, "high": 0.2}) == {
        "code": "core", "value": 0.1, "limit": 0.05, "speaks": "look", "low": 0.05, "high": 0.2, "close": True,
    }  # fmt: skip
    assert not PAID_TOO_MUCH["close"] and not reevaluate.reason("does_not_fit", None, None, "adjust")["close"]
    assert not reevaluate.reason("core", 0.1, None, "look", {"low": 0.05, "high": 0.2})["close"]


def test_without_a_new_fit_to_compare_with_that_is_the_reason():
    verdict_, reasons = reevaluate.judge(moved(STEADY), agreed(None), [], project(), steady=None)
    assert (verdict_, reasons[0]["code"]) == ("cannot tell", "no_new_build")


def test_why_nothing_can_be_told_is_a_reason_too():
    codes = [judged(counts=[[60, 20], [20, 99]]), judged(counts=[[300, 0], [0, 0]])]
    codes += [reevaluate.judge(NOTHING, agreed(None), [], project(), steady=None)]
    assert [reasons[0]["code"] for _, reasons in codes] == ["too_few", "one_segment", "no_earlier_build"]


def test_stability_counts_only_for_the_classification_that_it_was_measured_on():
    evidence = {"k": 5, "stability": {"5": {"low_quartile": 0.64}}}
    assert reevaluate.comes_back(evidence, "hcpc") == 0.64
    assert reevaluate.comes_back(evidence, "kmeans") == 0.64 and reevaluate.comes_back(evidence, "behavioural") == 0.64
    assert reevaluate.comes_back(evidence, "rfm") is None
    assert reevaluate.comes_back(evidence | {"structure": {"verdict": "convention"}}, "suggested") is None
    assert reevaluate.comes_back({"k": 4, "stability": {}}, "hcpc") is None


def test_the_document_has_the_shape_that_the_first_page_reads():
    found = moved(STEADY)
    result = reevaluate.as_document(WINDOWS, found, NO_FLOOR, [], agreed(0.8), ("keep", []))
    keys = "from to marked stay segments matrix noise_floor drift refit_agreement refit_interval refit_moved refit_changed verdict reasons"
    keys += " since approved causes yardstick worked born next_review"
    assert set(result) == set(keys.split())
    assert result["matrix"] == {"S1": {"S1": 60, "S2": 20}, "S2": {"S1": 20, "S2": 100}}
    assert (result["from"], result["to"]) == (datetime(2017, 7, 3), datetime(2017, 10, 1))
    assert result["refit_agreement"] == 0.8 and result["refit_moved"] == 0.17 and result["marked"]
    assert reevaluate.as_document(WINDOWS, NOTHING, NO_FLOOR, [], agreed(None), ("cannot tell", []))["marked"] is None


def test_what_was_applied_unchanged_since_it_was_built_is_marked_as_no_backtest():
    found, keep = dataclasses.replace(moved(STEADY), since="2017-07-01/0001"), ("keep", [])
    windows = since_july()
    step = SimpleNamespace(project=project(), as_of=datetime(2017, 10, 1), approved=by_head())
    result = reevaluate.as_document(windows, found, NO_FLOOR, [], agreed(0.8), keep, step=step, beside={"born": [{"id": "S6"}]})
    assert (result["marked"], result["since"], result["next_review"]) == (None, "2017-07-01/0001", "2017-12-30")
    assert result["approved"] == {"run": "2017-07-01/0001", "role": "Head of CRM", "on": "2017-07-03"}
    assert result["causes"] == {"approved": None, "last": None} and result["born"] == [{"id": "S6"}] and result["worked"] is None
    step.approved = by_head(datetime(2017, 8, 1))  # built on part of these months
    assert reevaluate.as_document(windows, found, NO_FLOOR, [], agreed(0.8), keep, step=step)["marked"] == reevaluate.MARKED


# The page


def by_head(as_of=datetime(2017, 7, 1), role="Head of CRM") -> run.Approved:
    on = role and "2017-07-03"
    return run.Approved(f"{as_of:%Y-%m-%d}/0001", as_of, {}, role, on, None)


def since_july(start=datetime(2017, 7, 1)) -> dict:
    """From the day of the approved run to 1 October, in windows of 90 days."""
    earlier = dataclasses.replace(WINDOWS["confirm"], built_at=start, built_from=start - timedelta(days=90))
    return WINDOWS | {"confirm": earlier}


CROSSED = {"arrived": [30, 40], "departed": [12, 11]}
STEP = SimpleNamespace(project=project(), as_of=datetime(2017, 10, 1), approved=None)
FLOOR = {"within": 0.4, "between": 0.45, "behaviour": 0.05, "low": 0.02, "high": 0.08, "n": 200}


def texts(shown: tables.Table) -> list[list]:
    return tables.payload(shown)["rows"]


def test_the_matrix_shows_shares_of_rows_and_its_claim_is_who_stayed():
    found = moved(STEADY)
    frame = page.matrix_frame(found, project())
    assert frame.to_numpy().tolist() == [[0.75, 0.25], [20 / 120, 100 / 120]]
    words = page.matrix_words(found, project(), WINDOWS)
    assert words["title"] == "80% of customers stayed in their segment; by chance 52% would"
    assert words["alt"] == "Share that stayed: Name of S1 75% and Name of S2 83%."
    assert words["source"] == "Source: 200 customers in scope at both dates."


def test_a_small_cell_is_hatched_with_another_of_its_row_and_the_source_says_why():
    counts = [[90, 3, 15], [30, 80, 12], [25, 16, 70]]
    frame = page.matrix_frame(moved(counts), project())
    assert np.isnan(frame.to_numpy()[0]).sum() >= 2
    assert page.matrix_words(moved(counts), project(), WINDOWS)["source"].endswith(
        "Hatched: fewer than 10 customers, or a share that would give such a number away."
    )


def test_the_table_of_customers_adds_up_and_hides_the_few():
    found = moved(STEADY, **CROSSED)
    assert texts(page.movement_table(found, project())) == [
        ["Name of S1", 80, 20, 20, 80, 0, pytest.approx(Z * math.sqrt(40), rel=1e-6), "no", 30, 12],
        ["Name of S2", 120, 20, 20, 120, 0, pytest.approx(Z * math.sqrt(40), rel=1e-6), "no", 40, 11],
    ]
    shown = page.movement_table(moved(STEADY, arrived=[3, 40], departed=[12, 11]), project())
    assert [row[-2:] for row in texts(shown)] == [[None, None], [None, None]]
    assert [(row[1], row[4]) for row in texts(shown)] == [(None, None), (None, None)]  # with the size of step 6, three would follow
    assert [row[2:4] for row in texts(shown)] == [[20, 20], [20, 20]]
    assert "fewer than 10 customers" in shown.note


def flow_sizes(found) -> tuple[dict, dict]:
    """What the picture of the flows writes beside the segments, at either date."""
    return causes_page.flow_words(found, project(), WINDOWS)["sizes"]


def test_money_of_those_present_follows_from_no_row_or_column_where_few_arrived():
    counts = [[78, 27, 37], [40, 250, 87], [38, 52, 379]]
    ids = ["S1", "S2", "S3"]
    rows = [(a, b, counts[i][j]) for i, a in enumerate(ids) for j, b in enumerate(ids)] + [("", "S1", 1), ("", "S2", 12), ("", "S3", 30)]
    people = [(was or None, here) for was, here, n in rows for _ in range(n)]
    frame = pd.DataFrame(people, columns=["before", "now"]).assign(money_before=1.0, money_now=2.0)
    frame.insert(0, "customer_id", [f"c{i}" for i in range(len(frame))])
    found = dataclasses.replace(moved(counts, arrived=[1, 12, 30]), travelled=ibis.memtable(frame))
    cells = page.money_matrix_table(found, project()).frame.drop(columns="segment").isna().to_numpy()
    assert cells[:2].sum(axis=1).min() >= 2 and cells[:, :2].sum(axis=0).min() >= 2
    assert not page.matrix_frame(found, project()).isna().to_numpy().any()  # shares in whole per cent tell no number so exactly


def test_no_number_of_few_who_arrived_or_departed_follows_from_the_sizes_that_step_6_prints():
    # 1 arrived in S1 and 1 departed from it; with 166 and 151 members on the pages of step 6, 165 and 150 present would tell so
    counts = [[78, 27, 37, 14, 14], [40, 250, 87, 29, 33], [38, 52, 379, 60, 74], [18, 26, 77, 178, 63], [11, 24, 82, 56, 176]]
    found = moved(counts, arrived=[1, 12, 38, 55, 76], departed=[1, 16, 19, 69, 62])
    shut = page.shut(found, project())
    assert shut.crossed.tolist() == [True, True, False, False, False] and not shut.moves.any()
    rows = texts(page.movement_table(found, project()))
    columns = [column.name for column in page.movement_table(found, project()).columns]
    sizes = {s["id"]: (s["before"], s["now"]) for s in found.segments}  # known from step 6
    told = [dict(zip(columns, row, strict=True)) for row in rows]
    for one, row in zip(sizes, told, strict=True):
        for size, present, crossed in zip(sizes[one], ("before", "now"), ("departed", "arrived"), strict=True):
            assert row[present] is None or size - row[present] == 0 or size - row[present] >= 10
            assert (row[present] is None) == (row[crossed] is None)
    money = texts(page.money_table(found, project()))
    assert [row[1:3] == [None, None] for row in money] == [True, True, False, False, False]
    for side in flow_sizes(found):
        assert [text == "" for text in side.values()] == [True, True, False, False, False]


def test_money_leaves_out_those_who_arrived_or_departed():
    rows = [
        ("S1", "S1", 60, 600, 660), ("S1", "S2", 20, 200, 300), ("S2", "S1", 20, 100, 180), ("S2", "S2", 100, 500, 480),
        (movement.OUT, "S1", 30, 0, 90), ("S2", movement.OUT, 11, 77, 5),
    ]  # fmt: skip
    frame = pd.DataFrame([(*row, 0, 0, 4) for row in rows], columns=["before", "now", "n", *movement.SUMS])
    segments = reevaluate.segments(frame, ["S1", "S2"], months=1)
    given = dataclasses.replace(moved(STEADY), segments=segments)
    noise_ = pytest.approx(2 * Z, rel=1e-6)  # squares of those who stayed: 4
    assert texts(page.money_table(given, project())) == [
        ["Name of S1", 800.0, 840.0, 40.0, noise_, "yes"],
        ["Name of S2", 600.0, 780.0, 180.0, noise_, "yes"],
    ]


def test_money_of_a_segment_that_few_entered_or_left_is_hidden():
    shown = page.money_table(moved([[60, 3], [20, 100]]), project())
    assert [row[1:4] for row in texts(shown)] == [[None] * 3] * 2
    assert "fewer than 10 customers" in shown.note


def test_the_balance_says_which_segment_moved_beyond_chance():
    still = page.balance_words(moved(STEADY), project(), WINDOWS)
    assert still["title"] == "No segment grew or shrank beyond chance"
    grown = moved([[60, 10], [50, 100]])
    words = page.balance_words(grown, project(), WINDOWS)
    assert words["title"] == "“Name of S1”: +40 customers on balance, more than chance moves"
    assert page.balance_frame(grown, project())["value"].tolist() == [40, -40]


@pytest.mark.parametrize(
    ("low", "high", "start"),
    [
        (0.41, 0.6, "Belonging lasts: κ is 0.50"),
        (0.4, 0.6, "Cannot tell whether belonging lasts: κ is 0.50 (95% interval 0.40 to 0.60), and the scope’s 0.40 lies within it."),
        (0.1, 0.4, "Cannot tell whether belonging lasts"),
        (0.1, 0.39, "Belonging does not last"),
    ],
)
def test_belonging_lasts_or_not_only_when_the_whole_interval_lies_on_one_side_of_the_limit(low, high, start):
    stay = {"share": 0.8, "chance": 0.6, "kappa": 0.5, "low": low, "high": high, "n": 40}
    plan = project(scope={"criteria": {"interesting_kappa": 0.4}})
    assert page.stay_words(dataclasses.replace(NOTHING, stay=stay), plan).startswith(start)


@pytest.mark.parametrize(
    ("behaviour", "low", "end"),
    [
        (0.05, 0.02, "Only the difference is behaviour: 5.0 points (95% interval 2.0 to 8.0)."),
        (0.01, -0.01, "The difference, 1.0 points (95% interval −1.0 to 8.0), may be no more than chance."),
    ],
)
def test_behaviour_is_said_with_its_interval(behaviour, low, end):
    floor = FLOOR | {"behaviour": behaviour, "low": low}
    sentence = page.noise_words(floor)
    assert sentence.startswith("Two halves of one customer’s own orders get different labels in 40% of cases within a period, and in 45% ")
    assert sentence.endswith(end)
    assert texts(page.noise_table(floor))[2][1] == behaviour


def test_where_halves_of_one_period_differ_more_no_behaviour_is_shown_and_nothing_is_cut_to_nought():
    floor = {"within": 0.63, "between": 0.57, "behaviour": -0.06, "low": -0.08, "high": -0.04, "n": 1305}
    assert page.noise_words(floor) == (
        "The movement of single customers is not shown to be more than chance: two halves of one customer’s own orders get different "
        "labels in 63% of "
        "cases within a period, 57% between periods."
    )
    assert texts(page.noise_table(floor))[2][1] == -0.06
    summary = verdict_page.summary(moved(STEADY), floor, [], agreed(0.8), ("keep", []), UNTOLD, STEP)
    assert dict(summary["figures"])["Explained by behaviour"] == "none shown"
    doubtful = verdict_page.summary(moved(STEADY), FLOOR | {"low": -0.01}, [], agreed(0.8), ("keep", []), UNTOLD, STEP)
    assert dict(doubtful["figures"])["Explained by behaviour"] == "none shown"
    why = "Labels differ more within a period than between two."
    assert any(each.startswith(why) for each in verdict_page.caveats(moved(STEADY), floor, []))
    assert not any(each.startswith(why) for each in verdict_page.caveats(moved(STEADY), FLOOR, []))


def test_every_table_and_sentence_is_there_without_an_earlier_build():
    verdict_, reasons = reevaluate.judge(NOTHING, agreed(None), [], project(), steady=None)
    assert page.matrix_words(NOTHING, project(), WINDOWS)["title"] == page.balance_words(NOTHING, project(), WINDOWS)["title"]
    assert page.matrix_frame(NOTHING, project()).empty and page.balance_frame(NOTHING, project()).empty
    for shown in (page.lasting_table, page.movement_table, page.money_table):
        assert "Nothing to show" in tables.as_html(shown(NOTHING, project()))
    sentences = [
        page.stay_words(NOTHING, project()),
        page.scope_words(NOTHING, project()),
        page.noise_words(NO_FLOOR),
        verdict_page.drift_words([]),
        verdict_page.agreement_words(agreed(None), None),
    ]
    assert all("cannot tell" in sentence for sentence in sentences)
    assert texts(verdict_page.reasons_table(reasons, NOTHING, project()))[0][1] is None
    summary = verdict_page.summary(NOTHING, NO_FLOOR, [], agreed(None), (verdict_, reasons), UNTOLD, STEP)
    assert summary["headline"] == "Whether the segments still hold cannot be told yet."
    assert [value for _, value in summary["figures"]] == ["cannot tell"] * 4 + ["30 December 2017"]
    assert "this very period" not in " ".join(summary["points"])
    assert len(verdict_page.caveats(NOTHING, NO_FLOOR, reasons)) == 1


def test_nothing_is_said_of_fewer_customers_than_any_figure_may_be_about():
    few = moved([[3, 1], [1, 3]], arrived=[2, 0])
    assert page.matrix_words(few, project(), WINDOWS)["title"].startswith("The movement is not shown")
    assert page.balance_frame(few, project()).empty
    assert page.scope_words(few, project()) == (
        "In scope at both dates: fewer than 10 customers; arrived since: fewer than 10; departed: 0."
    )
    assert all(value is None for row in texts(page.lasting_table(few, project())) for value in row[1:])
    figures = dict(verdict_page.summary(few, NO_FLOOR, [], agreed(None), ("cannot tell", []), UNTOLD, STEP)["figures"])
    assert figures["Stayed in their segment"] == figures["Lasting, κ"] == "cannot tell"


def test_the_summary_says_that_this_is_not_yet_tested_on_new_months_and_when_to_look_again():
    found = moved(STEADY, **CROSSED)
    steady_ = [changed("steady", 0.0, 0.0)]
    result = reevaluate.judge(found, agreed(0.61, 0.58, 0.66), steady_, project(), steady=None)
    summary = verdict_page.summary(found, FLOOR, steady_, agreed(0.61, 0.58, 0.66), result, UNTOLD, STEP)
    assert summary["headline"] == "The segments hold: 80% of customers stayed in theirs, 52% would by chance."
    assert summary["points"][0].endswith("One reason has its limit within its interval: look closer.")
    assert summary["points"][-1] == "Confirmed on this very period: a backtest, not yet tested on new months."
    assert summary["todo"] == [
        "Leave customers on their lists after a single change of segment: most such changes are chance.",
        "Look at the segments again on 30 December 2017.",
    ]
    assert dict(summary["figures"])["Explained by behaviour"] == "5.0 points"


@pytest.mark.parametrize("verdict_", list(verdict_page.VERDICTS))
def test_each_verdict_has_a_headline_and_something_to_do(verdict_):
    summary = verdict_page.summary(moved(STEADY), FLOOR, [], agreed(0.8), (verdict_, []), UNTOLD, STEP)
    assert summary["headline"] and summary["todo"][-1].startswith("Look at the segments again")
    assert set(verdict.ORDER) == set(verdict_page.VERDICTS)


def test_who_is_sorted_by_attributes_alone_cannot_move_and_is_not_said_to_last():
    step, checked, windows = forty(swapped=True)
    by_region = {"first_match": {"rules": [{"segment": "S1", "when": {"variable": "region", "in": ["n"]}}], "otherwise": "S2"}}
    variables_ = [{"name": "region", "kind": "category", "levels": [], "steps": []}]
    document = CUT | {"format": 2, "variables": variables_, "assign": by_region}
    step.given |= {"segmentation": document, "segmentation_confirm": document}
    from helpers import build

    step.given["membership_confirm"] = build.apply(document, build.customers(step, "confirm"))
    found = reevaluate.backtest(step, windows, checked["orders"])
    assert found.still == ("region",) and found.table.tolist() == [[20, 0], [0, 20]]
    assert reevaluate.noise_floor(step, found, checked, windows) == NO_FLOOR
    assert reevaluate.drifted(step, document) == [{"variable": "region", "psi": None, "ks": None, "mark": None}]  # 40 are too few
    assert reevaluate.refit(step, document)["value"] == 1.0
    kind, (reason,) = reevaluate.judge(dataclasses.replace(found, stay=found.stay | {"n": 200}), agreed(1.0), [], project(), steady=None)
    assert (kind, reason["code"]) == ("cannot tell", "immovable")
    assert page.stay_words(found, project()).startswith("Whether belonging lasts: cannot tell, for the segments use only")
    assert "1 of 1 variables, an attribute or answer, is known only as it is today" in " ".join(verdict_page.caveats(found, NO_FLOOR, []))


def test_of_attributes_and_behaviour_only_the_behaviour_is_measured_on_the_halves():
    step, checked, windows = forty(swapped=True)
    both = {"all": [{"variable": "region", "in": ["n"]}, {"variable": "spend_per_order", "at_least": 50}]}
    variables_ = [{"name": "region", "kind": "category", "levels": [], "steps": []}, CUT["variables"][0]]
    assign = {"first_match": {"rules": [{"segment": "S1", "when": both}], "otherwise": "S2"}}
    document = CUT | {"format": 2, "variables": variables_, "assign": assign}
    step.given |= {"segmentation": document, "segmentation_confirm": document}
    from helpers import build

    step.given["membership_confirm"] = build.apply(document, build.customers(step, "confirm"))
    found = reevaluate.backtest(step, windows, checked["orders"])
    assert found.still == ("region",) and found.table.tolist() == [[0, 10], [10, 20]]  # of twenty in the north ten swap with ten
    floor = reevaluate.noise_floor(step, found, checked, windows)
    assert (floor["within"], floor["between"]) == (0.0, 0.5)


def test_the_index_of_a_category_counts_levels_and_those_missing():
    before = pd.Series(["a"] * 150 + ["b"] * 50, dtype="string")
    now = pd.Series(["a"] * 100 + ["b"] * 80 + [None] * 20, dtype="string")
    # shares .75, .25 and half a customer against .5, .4 and .1; three bins less their expectation under no change
    p, q = np.array([150, 50, 0.5]) / 200.5, np.array([100, 80, 20]) / 200
    assert drift.level_index(before, now) == pytest.approx(float(((q - p) * np.log(q / p)).sum()) - 2 * (1 / 200 + 1 / 200))
    plan = project(reevaluate={"drift_look": 0.1, "drift_changed": 0.25})
    (found,) = reevaluate.changes(before.to_frame("region"), now.to_frame("region"), ["region"], plan)
    assert (found["ks"], found["mark"]) == (None, "changed")


def test_a_suggested_name_is_said_to_be_one_on_every_page_of_the_look_back():
    found = dataclasses.replace(moved(STEADY), suggested={"S2": {"name": {"en": "Small baskets", "fr": "Petits paniers"}}})
    found.document["segments"][1]["name"] = None
    assert list(page.names(found).values())[1] == "S2 · Small baskets (suggested)"


def test_every_reason_that_can_be_given_has_words():
    weak = [[90, 10, 0], [10, 90, 0], [40, 40, 20]]
    found = judged(counts=weak, changes=[changed("changed"), changed("look", 0.2), changed("look", 0.0, 0.2)])[1]
    found += judged(counts=[[60, 20], [20, 99]])[1] + judged(counts=[[300, 0], [0, 0]])[1]
    shown = texts(verdict_page.reasons_table(found, moved(weak), project()))
    assert shown[3][0] == "Days since last purchase: population stability index"
    assert "Customers stay in “Name of S3”, κ" in [row[0] for row in shown]
    assert {r["code"] for r in found} | {"no_earlier_build", "immovable", "no_new_build", "withdrawn"} == set(verdict_page.REASONS)


def test_the_words_on_drift_count_what_has_changed():
    assert verdict_page.drift_words([changed("steady")]).startswith("No variable of 1 has changed")
    found = verdict_page.drift_words([changed("changed"), changed("look"), changed("steady")])
    assert found == "Variables that have changed for customers as a whole: 1 of 3; to be looked at: 1."


def test_titles_are_short_enough_to_be_read_as_claims():
    for found in (moved(STEADY), moved([[60, 10], [50, 100]])):
        for made in (page.matrix_words, page.balance_words):
            assert len(made(found, project(), WINDOWS)["title"].split()) <= 15


# A re-evaluation


def applied(role="Head of CRM"):
    return SimpleNamespace(project=project(), as_of=datetime(2017, 10, 1), approved=by_head(role=role))


def test_it_is_said_who_approved_what_and_that_these_months_are_a_test():
    found = dataclasses.replace(moved(STEADY), since="2017-07-01/0001")
    assert approved_page.basis_words(found, since_july(), by_head()) == [
        "The segmentation of the run 2017-07-01/0001, approved by Head of CRM on 3 July 2017, is applied unchanged.",
        "Judged from 1 July 2017 to 1 October 2017: no month of it took part in building the segments, so this is a test and no backtest.",
    ]
    assert approved_page.approved_words(by_head(role=None)) == (
        "Nobody has approved a segmentation: that of the newest run before, 2017-07-01/0001, is applied unchanged."
    )
    assert approved_page.basis_words(found, WINDOWS, None)[0].startswith(
        "A backtest: the recipe as it would have been built on 3 July 2017"
    )
    assert approved_page.basis_words(NOTHING, WINDOWS, None) == []


@pytest.mark.parametrize(
    ("built", "end"),
    [
        (datetime(2017, 7, 1), "they were built before, so this is a test and no backtest."),
        (datetime(2017, 9, 1), "though part of these months took part in building them."),
    ],
)
def test_where_the_run_is_gone_the_same_rules_are_applied_one_horizon_earlier_and_that_is_said(built, end):
    told = approved_page.tested_words(moved(STEADY), WINDOWS, by_head(built))
    assert told.startswith(f"How customers were sorted in the run {built:%Y-%m-%d}/0001 can no longer be read. Instead") and told.endswith(
        end
    )
    subtitle = page.matrix_words(moved(STEADY), project(), WINDOWS, approved=by_head(built))["subtitle"]
    assert subtitle == f"Each row: where the members of 3 July 2017 are on 1 October 2017, under the rules of 1 {built:%B} 2017"


def test_the_new_fit_is_proposed_with_how_many_it_alone_would_move():
    told = verdict_page.agreement_words(agreed(0.8, 0.7, 0.9) | {"changed": 195}, None, approved=by_head(), project=project())
    assert told.endswith("The new fit alone would give 195 customers another segment (17%); it is proposed beside, and not published.")
    few = verdict_page.agreement_words(agreed(0.8, 0.7, 0.9) | {"changed": 9}, None, approved=by_head(), project=project())
    assert few.endswith("The new fit is proposed beside the segments in force, and not published.") and "%)" not in few.split("chance).")[1]
    nobody = agreed(1.0, 1.0, 1.0) | {"moved": 0.0, "changed": 0}
    assert "would give nobody another segment" in approved_page.proposal_words(nobody, by_head(), project())
    assert approved_page.proposal_words(agreed(0.8), None, project()) == ""


def test_a_refit_names_the_commands_that_put_it_in_force_and_an_unapproved_segmentation_asks_for_approval():
    todo = verdict_page.summary(moved(STEADY), FLOOR, [], agreed(0.5), ("refit", []), UNTOLD, applied(), dates=since_july())["todo"]
    assert 'make report PROJECT=by_hand AS_OF=2017-10-01, then make approve PROJECT=by_hand RUN=2017-10-01 ROLE="…"' in todo[1]
    assert not any("in force: make approve" in each for each in todo)
    todo = verdict_page.summary(moved(STEADY), FLOOR, [], agreed(0.8), ("keep", []), UNTOLD, applied(None), dates=since_july())["todo"]
    assert todo[0] == 'Approve the segmentation that is in force: make approve PROJECT=by_hand RUN=2017-07-01/0001 ROLE="…".'


@pytest.mark.parametrize("verdict_", list(verdict_page.VERDICTS))
def test_nothing_of_a_re_evaluation_calls_itself_a_backtest_or_a_recipe_built_one_horizon_earlier(verdict_):
    found, reasons = dataclasses.replace(moved(STEADY), since="2017-07-01/0001"), [reevaluate.reason("lasting", 0.2, 0.3, "rebuild")]
    mode = {"dates": since_july()}
    summary = verdict_page.summary(found, FLOOR, [], agreed(0.8), (verdict_, reasons), UNTOLD, applied(), **mode)
    said = [summary["headline"], *summary["points"], *summary["unknown"], *summary["todo"]]
    said += verdict_page.caveats(found, FLOOR, reasons, approved=by_head(), **mode)
    said += [verdict_page.verdict_words(verdict_, reasons, approved=by_head())]
    for wrong in ("one horizon earlier", "a backtest,", "confirmed on this", "not yet tested", "first to tell"):
        assert not any(wrong in each for each in said), wrong
    unlike = [reevaluate.reason("agreement", 0.2, 0.6, "rebuild")]
    assert "other segments than those in force" in verdict_page.verdict_words("rebuild", unlike, approved=by_head())


def test_adjusting_keeps_the_segmentation_and_names_what_to_change(monkeypatch):
    said = {"name_withdrawn": words.mark("The name of “{segment}” fits no longer"), "offer_loses": words.mark("The offer loses money")}
    monkeypatch.setattr(verdict_page, "_of_rooms", {"REASONS": said, "KINDS": {"offer_loses": ("money", 0)}}.get)
    verdict_, reasons = judged(more=[PAID_TOO_MUCH, FITS_NO_LONGER])
    summary = verdict_page.summary(moved(STEADY), FLOOR, [], agreed(0.8), (verdict_, reasons), UNTOLD, applied(), dates=since_july())
    assert summary["headline"] == "Keep the segments, and change 2 things that rest on them."
    assert summary["points"][0].startswith("Keep the segmentation: nobody changes segment.")
    assert summary["points"][1].startswith("Belonging lasts: κ is 0.58")
    assert summary["todo"][0] == ("Change what rests on the segments: The offer loses money; The name of “Name of S2” fits no longer.")
    rows = texts(verdict_page.reasons_table(reasons, moved(STEADY), project()))
    assert [row[4] for row in rows[-2:]] == ["adjusting"] * 2
    assert "−$200 to −$40" in rows[-2] and "The name of “Name of S2” fits no longer" in rows[-1]
    loose = judged(counts=[[60, 40], [40, 60]], more=[FITS_NO_LONGER])
    assert "not shown to last" in verdict_page.verdict_words(*loose) and "one campaign at a time" in verdict_page.verdict_words(*loose)


def test_when_nobody_came_went_or_changed_segment_the_page_says_so():
    still = moved([[100, 0], [0, 120]])
    result = reevaluate.judge(still, agreed(1.0, 1.0, 1.0), [], project(), steady=None)
    summary = verdict_page.summary(still, NO_FLOOR, [], agreed(1.0, 1.0, 1.0), result, UNTOLD, applied(), dates=since_july())
    assert summary["headline"] == "Nothing has moved since 1 July 2017: every customer is in the same segment."
    assert summary["points"][1] == "No customer came, went or changed segment."
    came = moved([[100, 0], [0, 120]], arrived=[0, 1])
    assert (
        "Nothing has moved"
        not in verdict_page.summary(came, NO_FLOOR, [], agreed(1.0), result, UNTOLD, applied(), dates=since_july())["headline"]
    )
    same_day = since_july(datetime(2017, 10, 1))
    assert approved_page.tested_words(still, same_day, by_head(datetime(2017, 10, 1))) == (
        "Both dates of the comparison are 1 October 2017: no time has passed."
    )
    told = verdict_page.caveats(still, FLOOR, [], approved=by_head(datetime(2017, 10, 1)), dates=same_day)
    assert len(told) == 1 and told[0].startswith("Both dates are the same: only data that were corrected since")
    summary = verdict_page.summary(still, NO_FLOOR, [], agreed(1.0, 1.0, 1.0), result, UNTOLD, applied(), dates=same_day)
    assert summary["unknown"] == ["How long the segments hold: no time has passed between the two dates."]


def test_days_that_both_windows_share_and_a_season_that_comes_again_are_told():
    september, last_year = datetime(2017, 9, 1), datetime(2016, 9, 20)
    told = verdict_page.caveats(moved(STEADY), NO_FLOOR, [], approved=by_head(september), dates=since_july(september))
    assert any(each.startswith("60 of the 90 days in which behaviour is measured are the same at both dates") for each in told)
    season = "The two periods follow one another"
    assert any(each.startswith(season) for each in told)
    year = verdict_page.caveats(moved(STEADY), NO_FLOOR, [], approved=by_head(last_year), dates=since_july(last_year))
    assert not any(each.startswith(season) or "are the same at both dates" in each for each in year)
    alike = {datetime(2016, 10, 16): True, datetime(2016, 9, 15): False, datetime(2017, 9, 25): False}
    assert {start: approved_page.same_season(since_july(start)) for start in alike} == alike


def test_step_6_says_whose_decision_it_is_and_does_not_ask_again():
    head = {"run": "2017-07-01/0001", "role": "Head of CRM", "on": "2017-07-03"}
    assert build_page.chosen_words("kmeans", "approved", head) == (
        "Published: “k-means”, as it was built for 2017-07-01/0001, approved by Head of CRM on 3 July 2017; nothing was fitted again."
    )
    nobody = build_page.chosen_words("kmeans", "approved", head | {"role": None, "on": None})
    assert nobody.endswith("nothing was fitted again, and nobody has approved any.")
    one = {"id": "S1", "name": "One", "n": 50, "share_of_revenue": None, "share_of_customers": 1.0}
    profiles = {"segments": [one], "chosen": "kmeans", "k": 1, "customers": 50}
    untold = {"verdict": "cannot tell", "best_candidate": None, "best_rule": None}
    evidence = {"stability": {"1": {"median": 0.7}}, "structure": None, "verdicts": {"objective": untold, "panel": untold}, "contest": {}}
    applied_, chosen = (build_page.summary(evidence, profiles, project(), by=by) for by in ("approved", "evidence"))
    asks = "Decide which segmentation is published: build.chosen of project.yml."
    assert asks in chosen["todo"] and asks not in applied_["todo"]
    stability = [dict(each["figures"])["Stability of the whole"] for each in (applied_, chosen)]
    assert stability == ["0.70", "cannot tell"], "of as many segments as are applied, not as many as are typed today"


def test_a_variable_that_people_left_out_since_speaks_for_adjusting():
    """Left out of the sheet, it still sorts customers: the segmentation in force was built by it."""
    document = {"variables": [{"name": "spend_per_30d"}, {"name": "recency_days"}, {"name": "city"}]}
    plan = project(variables={"leave_out": {"recency_days": "nobody trusts it", "visits": "no longer bought"}})
    step = SimpleNamespace(approved=SimpleNamespace(segmentation=document), project=plan)
    assert [(each["code"], each["variable"], each["speaks"]) for each in reevaluate.withdrawn(step)] == [
        ("withdrawn", "recency_days", "adjust")
    ]
    assert reevaluate.withdrawn(SimpleNamespace(approved=None, project=plan)) == []
