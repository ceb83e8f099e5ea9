"""What a purchase brings: published numbers of the Gamma-Gamma model, customers drawn with the truth known, values it cannot take."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from by_hand import at, orders

from helpers import NinefoldError
from helpers.predict.value import spending
from helpers.predict.value.histories import histories, spent
from helpers.predict.value.optimum import Optimum
from helpers.predict.value.spending import Likelihood, Spending, expected_spend, fit_spending, independence, redrawn_spending

HERE = Path(__file__).parent
KNOWN = Spending({"p": 2.0, "q": 3.0, "gamma": 10.0}, 0.0, 100, True, 10.0)


@pytest.fixture(scope="module")
def cdnow():
    """x, m_x, n of the 946 customers of CDNOW who came back."""
    rows = pd.read_csv(HERE / "cdnow_money.csv")
    return tuple(rows[name].to_numpy("float64") for name in ("x", "m_x", "n"))


def drawn(customers: int, p: float, q: float, gamma: float, seed: int) -> tuple:
    """x and mean value of customers drawn from the model."""
    draw = np.random.default_rng(seed)
    x, scale = draw.geometric(0.3, customers).astype("float64"), draw.gamma(q, 1 / gamma, customers)
    return x, draw.gamma(p * x, 1 / (scale * x))


def test_the_published_model_of_cdnow_comes_out_to_two_decimals(cdnow):
    found = fit_spending(*cdnow)
    assert {name: round(value, 1) for name, value in found.parameters.items()} == {"p": 6.2, "q": 3.7, "gamma": 15.4}
    assert found.parameters == pytest.approx({"p": 6.25, "q": 3.74, "gamma": 15.44}, abs=0.01)
    assert found.customers == 946 and found.converged and found.starts_agreeing == found.starts
    assert round(independence(*cdnow)["mean"], 2) == 35.08


def test_the_slopes_are_those_of_the_likelihood(cdnow):
    x, m, n = cdnow
    loss = Likelihood(x, m / 35.0, n)
    for where in ((6.0, 4.0, 0.5), (0.3, 40.0, 100.0), (50.0, 1.5, 0.01)):
        place = np.log(where)
        steps = [(loss(place + step)[0] - loss(place - step)[0]) / 2e-5 for step in np.eye(3) * 1e-5]
        assert loss(place)[1] == pytest.approx(steps, rel=1e-4, abs=0.02)


@pytest.mark.parametrize("seed", range(6))
def test_the_fit_of_drawn_customers_is_as_likely_as_the_truth_or_more_but_plausibly_so(seed):
    truth = (3.0, 4.0, 60.0)
    x, m = drawn(2_000, *truth, seed)
    at_truth = -Likelihood(x, m, np.ones(len(x)))(np.log(truth))[0]
    assert 0 <= 2 * (fit_spending(x, m).log_likelihood - at_truth) <= 16.3  # chi-square of three degrees, 999 in 1,000


def test_another_currency_rescales_gamma_and_nothing_else(cdnow):
    x, m, n = cdnow
    dollars, cents = fit_spending(x, m, n), fit_spending(x, m * 100, n)
    assert cents.parameters == pytest.approx(dollars.parameters | {"gamma": dollars.parameters["gamma"] * 100}, rel=1e-5)
    assert cents.mean == pytest.approx(dollars.mean * 100, rel=1e-6)
    assert cents.log_likelihood == pytest.approx(dollars.log_likelihood - 946 * np.log(100), abs=1e-4)


def test_rows_in_another_order_give_the_same_figures_to_the_last_digit(cdnow):
    x, m, n = cdnow
    turned = slice(None, None, -1)
    assert fit_spending(x[turned], m[turned], n[turned]).parameters == fit_spending(x, m, n).parameters


def test_own_mean_is_drawn_to_everybodys_the_more_the_fewer_the_purchases():
    # mean of all 2·10/(3 − 1) = 10; with x purchases of 40 on average: 2(10 + 40 x)/(2 x + 2)
    found = expected_spend(KNOWN, [0, 1, 4, 999], [float("nan"), 40, 40, 40])
    assert found == pytest.approx([10, 25, 34, 39.97])


def test_purchases_of_no_value_or_less_take_no_part_and_are_counted():
    lines = orders(
        *((f"c{n}", f"first{n}", "09-01", 9) for n in range(4)),
        *((f"c{n}", f"again{n}", "09-02", amount) for n, amount in enumerate([5, 5, 0, -3])),
    )
    x, m, n, without = spent(histories(lines, as_of=at("10-01")))
    assert (x.tolist(), m.tolist(), n.tolist(), without) == ([1], [5], [2], 1)  # c3 gave money back: no repeat purchase
    found = independence([1, 2, 3, 4, 0], [5, 0, -1, 5, 5])
    assert found["customers"] == 2 and found["rank_correlation"] is None and found["effect"] == 0


def test_too_few_customers_with_money_give_no_model(cdnow):
    found = fit_spending([1] * 9 + [0] * 50, [5.0] * 9 + [float("nan")] * 50)
    assert (found.converged, found.reason, found.customers, found.mean) == (False, "too_few", 9, None)
    assert fit_spending([], []).reason == "too_few"
    with pytest.raises(NinefoldError, match="too_few"):
        expected_spend(found, [1], [5])
    with pytest.raises(NinefoldError, match="missing or not finite"):
        fit_spending([1.0], [float("inf")])


def test_a_tail_without_a_mean_and_a_search_that_failed_give_no_figure(monkeypatch, cdnow):
    heavy = fit_spending(*drawn(4_000, 3.0, 0.7, 10.0, seed=1))
    assert heavy.converged and (heavy.reason, heavy.mean) == ("no_mean", None)
    monkeypatch.setattr(spending, "maximise", lambda *given, **how: Optimum(np.zeros(3), -1.0, np.eye(3), False, 4, 0, ()))
    failed = fit_spending(*cdnow)
    assert (failed.reason, failed.mean) == ("not_converged", None)
    for bad in (heavy, failed):
        with pytest.raises(NinefoldError, match="may not be used"):
            redrawn_spending(*cdnow, bad)


def test_everybody_spending_the_same_ends_at_a_bound_and_is_not_shown_with_an_error():
    found = fit_spending([1, 2, 3, 4] * 10, [20.0] * 40)
    assert found.standard_errors is None and (found.reason or found.at_bound)


def test_value_that_rises_with_frequency_is_seen_and_what_it_does_to_the_mean():
    x = np.array([1, 2, 3, 4, 5] * 40)
    rising = independence(x, 10.0 * x)
    assert rising["rank_correlation"] == pytest.approx(1) and rising["low"] > 0.99
    assert rising["effect"] == pytest.approx(110 / 3 / 30 - 1)  # 10·(1 + 4 + 9 + 16 + 25)/15 against 30
    assert rising["effect_low"] > 0
    assert independence(x, 10.0 * x, np.full(200, 2))["customers"] == 400
    assert independence([], [])["customers"] == 0


def test_where_the_model_holds_the_effect_is_none_though_ranks_may_say_otherwise():
    found = [independence(*drawn(3_000, 3, 4, 60, seed=seed)) for seed in range(40)]
    assert sum(each["effect_low"] < 0 < each["effect_high"] for each in found) >= 34  # 38 expected of 95 %
    assert np.mean([each["rank_correlation"] for each in found]) > 0.02


def test_redrawn_fits_scatter_as_the_curvature_says(cdnow):
    first = fit_spending(*cdnow)
    fits = redrawn_spending(*cdnow, first, draws=60, seed=3)
    means = [each.mean for each in fits if not each.reason]
    assert len(means) == 60 and np.mean(means) == pytest.approx(first.mean, rel=0.02)
    assert np.std(means) == pytest.approx(30.3 / 946**0.5, rel=0.35)  # the customers' means have a deviation of 30.3
    assert [each.parameters for each in redrawn_spending(*cdnow, first, draws=2, seed=3)] == [each.parameters for each in fits[:2]]
