"""How often customers buy, and whether they have left: published numbers, figures by hand, customers drawn with the truth known."""

from datetime import datetime
from pathlib import Path

import ibis
import numpy as np
import pandas as pd
import pytest
from by_hand import orders, rows_of, same
from scipy.special import hyp2f1

from helpers import NinefoldError
from helpers.predict.value import buying
from helpers.predict.value.buying import MODELS, Fit, Likelihood, choose, fit, held, redrawn
from helpers.predict.value.histories import counted, gathered, histories, kept
from helpers.predict.value.lifetime import alive, alive_expression, expected, in_batches, lifetime, score
from helpers.predict.value.optimum import Optimum
from helpers.predict.value.spending import Spending

AS_OF = datetime(2017, 10, 1)
HERE = Path(__file__).parent
RETAIL = HERE.parents[1] / "shared" / "data" / "online_retail.parquet"
PLAUSIBLE = 18.5
"""Twice the log-likelihood by which a fit of four parameters beats the truth: less than this in 999 draws of 1,000."""


@pytest.fixture(scope="module")
def cdnow():
    """Distinct histories of the 2,357 customers of CDNOW, weeks to two digits as published."""
    rows = pd.read_csv(HERE / "cdnow_histories.csv")
    return gathered(rows.x, (rows.t_x_days / 7).round(2), (rows.T_days / 7).round(2), rows.n)


@pytest.fixture(scope="module")
def published(cdnow):
    return {model: fit(cdnow, model) for model in MODELS}


def of(model: str, **parameters: float) -> Fit:
    return Fit(model, parameters, 0.0, 100, True)


def drawn(n: int, r: float, alpha: float, *, seed: int, chance, first: bool = False, weeks: int = 52) -> tuple:
    """x, t_x, T of n customers; chance: a draw of everybody's chance of leaving; first: they may leave after the first purchase too."""
    draw = np.random.default_rng(seed)
    T, rate, leave = draw.uniform(0, weeks, n), draw.gamma(r, 1 / alpha, n), chance(draw, n)
    x, t_x, now = np.zeros(n), np.zeros(n), np.zeros(n)
    here = draw.random(n) >= leave if first else np.ones(n, dtype=bool)
    while here.any():
        now = now + draw.exponential(1, n) / np.maximum(rate, 1e-12)
        here = here & (now <= T)
        x, t_x = x + here, np.where(here, now, t_x)
        here = here & (draw.random(n) >= leave)
    return x, t_x, T


def beta(a: float, b: float):
    return lambda draw, n: draw.beta(a, b, n)


def always(p: float):
    return lambda draw, n: np.full(n, p)


def test_a_purchase_is_a_day_and_orders_outweighed_by_refunds_are_none():
    found = histories(
        orders(
            ("anna", "o3", "09-15 23:59", 30),
            ("anna", "o1", "09-01 00:00", 10),
            ("anna", "o2", "09-15 08:00", 20),
            ("anna", "o4", "09-30 12:00", 7),
            ("anna", "o5", "09-30 13:00", -4),  # a refund of its own: no purchase
            ("bert", "o6", "09-30 18:00", 5),
            ("bert", "o7", "10-01 00:00", 5),  # at as_of: not seen
            ("carl", "o8", "09-02 10:00", -5),  # refunds only: nobody
            ("dora", "o9", "09-16 10:00", 0),
            ("dora", "oa", "09-23 09:00", 0),
        ),
        as_of=AS_OF,
    )
    expected_rows = {
        "customer_id": ["anna", "bert", "dora"],
        "first_day": [datetime(2017, 9, 1), datetime(2017, 9, 30), datetime(2017, 9, 16)],
        "x": [2, 0, 1],
        "t_x": [29 / 7, 0, 1],
        "T": [29 / 7, 0, 2],
        "m_x": [28.5, None, 0],  # 50 on the 15th and 7 on the 30th
    }
    same(found, expected_rows)


def test_the_unit_of_time_only_rescales_the_columns_and_a_wrong_one_is_refused():
    lines = orders(("a", "1", "09-01", 1), ("a", "2", "09-11", 1))
    row = rows_of(histories(lines, as_of=AS_OF, unit_days=1)).iloc[0]
    assert (row.x, row.t_x, row["T"], row.m_x) == (1, 10, 29, 1)
    with pytest.raises(NinefoldError, match="unit_days is 0"):
        histories(lines, as_of=AS_OF, unit_days=0)


def test_equal_histories_are_counted_once_whatever_the_order_of_rows():
    lines = orders(("a", "1", "09-01", 1), ("b", "2", "09-01", 9), ("c", "3", "09-08", 1), ("c", "4", "09-15", 1))
    found = counted(histories(lines, as_of=AS_OF))
    assert [list(part) for part in (found.x, found.t_x, found.T, found.n)] == [[1, 0], [1, 0], [22 / 7, 29 / 7], [1, 2]]
    again = gathered([0, 1, 0], [0, 1, 0], [29 / 7, 22 / 7, 29 / 7])
    assert (again.x == found.x).all() and (again.n == found.n).all() and again.customers == 3 and again.repeaters == 1


def test_what_later_refunds_took_back_is_known_as_a_share():
    lines = orders(("a", "1", "09-01", 80), ("a", "2", "09-02", -20), ("a", "3", "10-02", -60))
    assert kept(lines, as_of=AS_OF) == 0.75
    assert kept(orders(("a", "1", "09-01", -20)), as_of=AS_OF) is None


@pytest.mark.parametrize(
    ("history", "words"),
    [
        ((1, 5, 4), "a last purchase after the last day counted"),
        ((0, 1, 4), "no repeat purchase, yet time"),
        ((-1, 0, 4), "a value below 0"),
        ((1.5, 1, 4), "not whole"),
        ((1, float("nan"), 4), "missing or not finite"),
    ],
)
def test_a_history_that_cannot_be_is_refused_with_its_values(history, words):
    with pytest.raises(NinefoldError, match=words):
        gathered(*([value] for value in history))


def test_the_published_bg_nbd_of_cdnow_comes_out_to_three_decimals(published):
    found = published["bgnbd"]
    assert {name: round(value, 3) for name, value in found.parameters.items()} == {"r": 0.243, "alpha": 4.414, "a": 0.793, "b": 2.426}
    assert round(found.log_likelihood, 2) == -9582.43 and found.customers == 2357
    assert found.converged and found.starts_agreeing == found.starts == 4 and found.at_bound == ()


def test_the_published_mbg_nbd_and_nbd_of_cdnow_come_out_too(published):
    assert [round(v, 3) for v in published["mbgnbd"].parameters.values()] == [0.525, 6.183, 0.891, 1.614]
    assert [round(v, 3) for v in published["nbd"].parameters.values()] == [0.385, 12.072]  # Fader and Hardie, notes on NBD


def test_the_published_customer_buys_and_lives_as_published(published):
    found = published["bgnbd"]
    assert round(float(expected(found, 2, 30.43, 38.86, 39)), 4) == 1.2259
    assert round(float(alive(found, 2, 30.43, 38.86)), 4) == 0.7266


def test_another_unit_of_time_rescales_alpha_and_nothing_else(cdnow, published):
    days = gathered(cdnow.x, cdnow.t_x * 7, cdnow.T * 7, cdnow.n)
    for model, weekly in published.items():
        daily = fit(days, model)
        assert daily.parameters == pytest.approx(weekly.parameters | {"alpha": weekly.parameters["alpha"] * 7}, rel=1e-5)
        assert daily.log_likelihood == pytest.approx(weekly.log_likelihood - (cdnow.n * cdnow.x).sum() * np.log(7), abs=1e-4)


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("where", [(0.3, 5.0, 0.8, 2.4), (5.0, 0.2, 1e-4, 1e5), (1e3, 1e3, 30.0, 0.1)])
def test_the_slopes_are_those_of_the_likelihood(cdnow, model, where):
    loss, at = Likelihood(model, cdnow, scale=1.0), np.log(where)[: len(MODELS[model])]
    steps = [(loss(at + step)[0] - loss(at - step)[0]) / 2e-5 for step in np.eye(len(at)) * 1e-5]
    assert loss(at)[1] == pytest.approx(steps, rel=1e-4, abs=0.02)


def test_the_likelihood_of_three_histories_is_the_one_worked_out_by_hand():
    one = gathered([0, 1], [0, 1], [2, 2])
    r, alpha, a, b = 1.0, 2.0, 1.0, 3.0  # (α/(α + T))^r = 1/2; after one purchase 1/2·1/4 stays, leaving adds a/b times 4²/3²
    bg = np.log(1 / 2) + np.log(1 / 2 * 1 / 4 * (3 / 4) * (1 + 1 / 3 * (4 / 3) ** 2))
    mbg = np.log(1 / 2 * 3 / 4 * (1 + 1 / 3 * 2)) + np.log(1 / 8 * 3 / 5 * (1 + 1 / 4 * (4 / 3) ** 2))
    at = np.log([r, alpha, a, b])
    assert -Likelihood("bgnbd", one, scale=1.0)(at)[0] == pytest.approx(bg)
    assert -Likelihood("mbgnbd", one, scale=1.0)(at)[0] == pytest.approx(mbg)
    assert -Likelihood("nbd", one, scale=1.0)(at[:2])[0] == pytest.approx(np.log(1 / 2) + np.log(1 / 8))


@pytest.mark.parametrize("seed", range(6))
def test_the_fit_of_drawn_customers_is_as_likely_as_the_truth_or_more_but_plausibly_so(seed):
    truth = (0.4, 4.4, 0.8, 2.4)
    for model in ("bgnbd", "mbgnbd"):
        rows = gathered(*drawn(2_000, *truth[:2], seed=seed, chance=beta(*truth[2:]), first=model == "mbgnbd"))
        gain = 2 * (fit(rows, model).log_likelihood + Likelihood(model, rows, scale=1.0)(np.log(truth))[0])
        assert 0 <= gain <= PLAUSIBLE


def test_drop_out_is_found_where_it_is_and_mbg_nbd_tells_who_is_alive(cdnow):
    found = choose(cdnow)
    assert (found.status, found.reason, found.spread_known) == ("dropout", None, True)
    assert found.fit.log_likelihood == max(found.fits["bgnbd"].log_likelihood, found.fits["mbgnbd"].log_likelihood)
    assert found.alive.model == "mbgnbd"


def test_where_nobody_leaves_nbd_speaks_and_nobody_can_be_told_alive():
    found = [choose(gathered(*drawn(1_500, 0.8, 9, seed=seed, chance=always(0)))) for seed in range(8)]
    assert all(each.status == "no_dropout" and each.fit.model == "nbd" and each.alive is None for each in found)
    assert {each.reason for each in found} <= {"mean_below", "no_gain", "flat"}


def test_a_chance_of_leaving_that_all_share_is_drop_out_though_its_spread_is_unknown():
    found = [choose(gathered(*drawn(2_000, 0.8, 4, seed=seed, chance=always(0.1)))) for seed in range(4)]
    assert all(each.status == "dropout" and abs(each.fit.dropout - 0.1) < 0.03 for each in found)
    assert any(not each.spread_known for each in found)


@pytest.mark.skipif(not RETAIL.exists(), reason="the UCI file is not on this machine")
def test_online_retail_has_no_drop_out():
    query = """select cast("CustomerID" as varchar) as customer_id, "InvoiceNo" as order_id, "InvoiceDate" as ordered_at,
        cast("Quantity" * "UnitPrice" as decimal(18, 2)) as amount
        from '{}' where "CustomerID" is not null and "Quantity" > 0 and "UnitPrice" > 0"""
    rows = counted(histories(ibis.duckdb.connect().sql(query.format(RETAIL)), as_of=datetime(2011, 12, 10)))
    found = choose(rows)
    assert (rows.customers, found.status, found.reason, found.fit.model) == (4338, "no_dropout", "mean_below", "nbd")
    assert found.fits["bgnbd"].log_likelihood - held(rows, found.fits["bgnbd"]) < 0.5


@pytest.mark.parametrize(
    ("x", "reason"), [([], "nobody_came_back"), ([0] * 50, "nobody_came_back"), ([0] * 50 + [3] * 9, "too_few_repeats")]
)
def test_customers_who_did_not_come_back_give_no_model_and_the_reason(x, reason):
    rows = gathered(x, [min(each, 2.0) for each in x], [10.0] * len(x))
    for model in MODELS:
        assert (fit(rows, model).converged, fit(rows, model).reason) == (False, reason)
    found = choose(rows)
    assert (found.status, found.reason, found.fit) == ("none", reason, None)


def test_everybody_who_comes_back_at_one_steady_rate_still_gives_finite_figures():
    found = choose(gathered([10] * 200, [9.9] * 200, [10.0] * 200))
    assert found.status == "no_dropout" and found.fit.at_bound and found.fit.standard_errors is None
    assert expected(found.fit, 10, 9.9, 10, 10) == pytest.approx(10, rel=0.01)


def test_a_model_that_has_not_converged_gives_no_figure(monkeypatch, cdnow):
    monkeypatch.setattr(buying, "maximise", lambda loss, starts, **how: failed(len(starts[0])))
    bad = fit(cdnow, "bgnbd")
    assert (bad.converged, bad.reason) == (False, "not_converged") and choose(cdnow).status == "none"
    for figure in (
        lambda: alive(bad, 1, 1, 2),
        lambda: expected(bad, 1, 1, 2, 3),
        lambda: lifetime(bad, 1, 1, 2),
        lambda: redrawn(cdnow, bad),
    ):
        with pytest.raises(NinefoldError, match="has not converged"):
            figure()


def failed(parameters: int) -> Optimum:
    return Optimum(np.zeros(parameters), -1.0, np.eye(parameters), False, 4, 0, ())


def test_an_unknown_model_is_refused():
    with pytest.raises(NinefoldError, match="'pareto' is not known"):
        fit(gathered([1] * 20, [1.0] * 20, [2.0] * 20), "pareto")


def test_nobody_is_alive_for_certain():
    x, t_x, T = np.array([0.0, 0, 3, 2000]), np.array([0.0, 0, 9, 10]), np.array([0.0, 20, 9, 100])
    found = alive(of("mbgnbd", r=1, alpha=2, a=1, b=3), x, t_x, T)
    assert found[:3] == pytest.approx([1 / (1 + 1 / 3), 1 / (1 + 11 / 3), 1 / (1 + 1 / 6)]) and found[3] == pytest.approx(0, abs=1e-300)
    assert (found < 1).all()
    assert np.isnan(alive(of("bgnbd", r=1, alpha=2, a=1, b=3), x, t_x, T)).tolist() == [True, True, False, False]
    assert np.isnan(alive(of("nbd", r=1, alpha=2), x, t_x, T)).all()


@pytest.mark.parametrize("model", ["bgnbd", "mbgnbd"])
def test_expected_purchases_are_those_of_the_published_form(model):
    draw = np.random.default_rng(3)
    for r, alpha, a, b in np.exp(draw.uniform([-2, 0, -4, -3], [2, 4, 3, 5], (100, 4))):
        x, T, t = float(draw.integers(0, 30)), draw.uniform(1, 80), draw.uniform(1, 80)
        t_x, stays = (T * 0.9 if x else 0.0), b + x + (model == "mbgnbd")
        power = ((alpha + T) / (alpha + T + t)) ** (r + x) * hyp2f1(r + x, stays, a + stays - 1, t / (alpha + T + t))
        left = a / (stays - 1) * ((alpha + T) / (alpha + t_x)) ** (r + x) if x or model == "mbgnbd" else 0.0
        closed = (a + stays - 1) / (a - 1) * (1 - power) / (1 + left)
        assert float(expected(of(model, r=r, alpha=alpha, a=a, b=b), x, t_x, T, t)) == pytest.approx(closed, rel=1e-6)


def test_expected_purchases_hold_where_the_published_form_divides_by_nothing_or_overflows():
    near = [float(expected(of("bgnbd", r=0.5, alpha=3, a=a, b=2), 2, 8, 9, 30)) for a in (1 - 1e-4, 1, 1 + 1e-4)]
    assert near[1] == pytest.approx((near[0] + near[2]) / 2, rel=1e-8)
    none = float(expected(of("bgnbd", r=0.5, alpha=3, a=1e-6, b=1e6), 2, 8, 9, 30))
    assert none == pytest.approx(float(expected(of("nbd", r=0.5, alpha=3), 2, 8, 9, 30)), rel=1e-6)
    many = float(expected(of("mbgnbd", r=0.5, alpha=0.05, a=0.8, b=2.4), 5_000, 100, 100, 1_000))
    assert 0 < many < 50 * 1_000 and expected(of("mbgnbd", r=0.5, alpha=0.05, a=0.8, b=2.4), 0, 0, 0, 0) == 0


def test_drawn_customers_buy_what_is_expected_of_a_cohort():
    x, _, T = drawn(100_000, 0.6, 4, seed=5, chance=beta(0.8, 2.4), first=True, weeks=40)
    ahead = expected(of("mbgnbd", r=0.6, alpha=4, a=0.8, b=2.4), 0, 0, 0, np.round(T, 1))
    assert x.mean() == pytest.approx(ahead.mean(), rel=0.02)


def test_value_is_discounted_by_the_time_until_each_purchase():
    steady = of("nbd", r=1, alpha=9)  # two purchases and one more of nobody's in 10 weeks: .3 a week
    plain = lifetime(steady, 2, 0.5, 1, spend=20, days=70, discount_rate=0, margin=0.5)
    assert float(plain) == pytest.approx(3 * 20 * 0.5)
    force = np.log(1.1) / 365
    year = lifetime(steady, 2, 0.5, 1, spend=20, days=365, discount_rate=0.1)
    assert float(year) == pytest.approx(0.3 / 7 * 20 * (1 - 1 / 1.1) / force)
    with pytest.raises(NinefoldError, match="days is 0"):
        lifetime(steady, 2, 0.5, 1, days=0)


def test_weeks_added_up_one_by_one_give_the_same_value(published):
    found, weeks = published["mbgnbd"], np.arange(0, 53) * 1.0
    sold = np.diff(expected(found, 2, 30.43, 38.86, weeks))
    one_by_one = (sold * 1.1 ** (-(weeks[:-1] + 0.5) * 7 / 365)).sum()
    assert float(lifetime(found, 2, 30.43, 38.86, days=364)) == pytest.approx(one_by_one, rel=1e-4)


@pytest.mark.parametrize("model", MODELS)
def test_the_engine_scores_as_the_formulas_do(published, model):
    days = [f"0{month}-{day:02d}" for month in range(1, 10) for day in (3, 9, 17, 25)]
    lines = orders(*((f"c{n % 7}", f"o{n}", day, 5 + n) for n, day in enumerate(days)), ("once", "x", "02-02", 50))
    money = Spending({"p": 6.25, "q": 3.74, "gamma": 15.44}, 0.0, 100, True, 35.0)
    rows = histories(lines, as_of=AS_OF)
    found = rows_of(score(rows, published[model], spending=money, alive_fit=published["mbgnbd"], days=90))
    plain = rows_of(rows)
    here = (plain.x, plain.t_x, plain["T"])
    assert found.expected_orders.to_numpy() == pytest.approx(expected(published[model], *here, 90 / 7), rel=1e-9)
    assert found.discounted_orders.to_numpy() == pytest.approx(lifetime(published[model], *here, days=90), rel=1e-9)
    assert found.alive.to_numpy() == pytest.approx(alive(published["mbgnbd"], *here), rel=1e-9)
    own = rows_of(rows.select("customer_id", own=alive_expression(published[model], rows)))
    assert own.own.to_numpy("float64") == pytest.approx(alive(published[model], *here), rel=1e-9, nan_ok=True)
    assert found.expected_value.to_numpy() == pytest.approx((found.discounted_orders * found.expected_spend).to_numpy())
    assert found.set_index("customer_id").expected_spend["once"] == pytest.approx(6.25 * 15.44 / 2.74)


def test_redrawn_fits_scatter_as_the_curvature_says(cdnow, published, monkeypatch):
    first = published["bgnbd"]
    fits = redrawn(cdnow, first, draws=60, seed=4)
    logs = np.log([[each.parameters[name] for name in ("r", "alpha")] for each in fits if each.converged])
    assert len(logs) == 60 and logs.mean(axis=0) == pytest.approx(np.log([first.parameters[n] for n in ("r", "alpha")]), abs=0.05)
    assert logs.std(axis=0) == pytest.approx([first.standard_errors[name] for name in ("r", "alpha")], rel=0.35)
    assert [each.parameters for each in redrawn(cdnow, first, draws=3, seed=4)] == [each.parameters for each in fits[:3]]
    monkeypatch.setattr(buying, "FULL", 10)
    quick = redrawn(cdnow, first, draws=60, seed=4)
    assert [q.parameters["r"] for q in quick] == pytest.approx([f.parameters["r"] for f in fits], rel=0.03)


def test_batches_come_to_the_same_as_the_whole():
    rows = histories(orders(*((f"c{n}", f"o{n}", "09-01", 5) for n in range(25))), as_of=AS_OF)
    sizes = list(in_batches(rows, len, rows=10))
    assert sum(sizes) == 25 and max(sizes) <= 10
