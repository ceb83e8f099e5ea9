"""What customers are worth so far and ahead: evidence, grade, calibration, contracts, high value, and the table of predictions."""

from datetime import datetime, timedelta

import ibis
import numpy as np
import pandas as pd
import pytest
from by_hand import orders, project, same, table

from helpers import ContractError, predict
from helpers.fait_maison import load
from helpers.fait_maison.maker import one_chunk
from helpers.predict.value import calibration, contract, evidence, grade, high, high_page, margins, page, pictures
from helpers.predict.value.histories import histories
from helpers.predict.value.lifetime import expected

AS_OF = datetime(2017, 10, 1)
END = datetime(2025, 1, 1)
OPENED = datetime(2023, 1, 1)


class Step:
    """What value and prediction ask of a step: its project, the tables of step 3, and a place for what it gives."""

    def __init__(self, plan, lines, *, as_of=AS_OF, given=None):
        self.project, self.as_of, self.lines, self.given = plan, as_of, lines, given or {}

    def take(self, step, name):
        return self.lines if (step, name) == ("collect", "orders") else self.given[name]

    def gives(self, step, name):
        return name in self.given

    def give_table(self, name, found, *, key):
        self.given[name] = found
        return found


def shop(*, people=1_400) -> tuple[ibis.Table, pd.DataFrame]:
    """The order lines of the generated company before 2025, and the truth about each of its customers."""
    made = one_chunk(load(people=people, people_per_chunk=people), 0, people)
    bought = pd.DataFrame({key: made["orders"][key] for key in ("account", "order", "second", "cents", "category")})
    at = pd.to_datetime(bought["second"], unit="s").dt.tz_localize("UTC").dt.tz_convert("Europe/Paris").dt.tz_localize(None)
    frame = pd.DataFrame(
        {
            "customer_id": bought["account"].astype(str),
            "order_id": bought["order"].astype(str),
            "ordered_at": at.astype("datetime64[us]"),
            "amount": bought["cents"] / 100,
            "category": bought["category"].astype(str),
        }
    )
    frame = frame[frame["ordered_at"] < pd.Timestamp(END)]
    return ibis.memtable(frame).mutate(amount=ibis._.amount.cast("decimal(18, 2)")), pd.DataFrame(made["truth_people"])


@pytest.fixture(scope="module", autouse=True)
def few_draws():
    """Intervals from fewer redrawn fits than on a page: none of these tests looks at their ends to the digit."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(evidence, "DRAWS", 12)
        yield


@pytest.fixture(scope="module")
def company():
    return shop()


@pytest.fixture(scope="module")
def ahead(company):
    """value.json and the table of the generated company, without a run."""
    return evidence.worth_ahead(Step(project(target={"margin_rate": 0.4}), company[0], as_of=END), {"orders": company[0]})


def bought(*days: int, customer="a", amount=10) -> list[tuple]:
    """Orders so many days before as_of."""
    moments = [(AS_OF - timedelta(days=day)).strftime("%Y-%m-%d 12:00") for day in days]
    return [(customer, f"{customer}{i}", moment, amount) for i, moment in enumerate(moments)]


# The table of predictions


def test_everybody_who_ever_bought_has_a_row_and_refunds_alone_make_no_buyer():
    lines = orders(("a", "1", "09-01", 10), ("b", "2", "09-02", 5), ("c", "3", "09-03", -5), ("b", "4", "10-02", 9), ("d", "5", "10-01", 9))
    value = ibis.memtable(pd.DataFrame({"customer_id": ["a"], "expected_value": [7.5], "alive": [0.5], "high_value": [True]}))
    items = ibis.memtable(pd.DataFrame({"customer_id": ["b", "a"], "next_2": ["tea", None], "next_1": ["bread", "milk"]}))
    step = Step(project(), lines)
    found = predict.together(step, value=value, following=items)
    assert list(found.columns) == ["customer_id", "alive", "expected_value", "high_value", "next_1", "next_2"]
    expected_rows = {"customer_id": ["a", "b"], "alive": [0.5, None], "expected_value": [7.5, None], "next_1": ["milk", "bread"]}
    same(found.drop("high_value"), expected_rows | {"next_2": [None, "tea"]})
    assert step.given["predicted"] is found
    assert list(predict.together(step).columns) == ["customer_id"]


@pytest.mark.parametrize(
    ("rows", "part", "message"),
    [
        ({"customer_id": ["a", "a"], "alive": [0.1, 0.2]}, "value", "several rows"),
        ({"customer_id": ["a"], "alive": [1.2]}, "value", "no chances between 0 and 1"),
        ({"customer_id": ["a"], "attrition_risk": [-0.1]}, "attrition", "no chances between 0 and 1"),
        ({"customer_id": ["a"], "mood": [1.0]}, "value", "no such prediction"),
    ],
)
def test_a_prediction_that_cannot_be_is_refused_by_the_name_of_its_column(rows, part, message):
    with pytest.raises(ContractError, match=message):
        predict.together(Step(project(), orders(("a", "1", "09-01", 10))), **{part: ibis.memtable(pd.DataFrame(rows))})


def test_a_column_given_by_two_predictions_is_refused():
    twice = ibis.memtable(pd.DataFrame({"customer_id": ["a"], "alive": [0.1]}))
    with pytest.raises(ContractError, match="given by two predictions"):
        predict.together(Step(project(), orders(("a", "1", "09-01", 10))), value=twice, attrition=twice)


def test_a_predicted_column_is_used_only_when_its_evidence_is_graded():
    given = {"predicted": ibis.memtable(pd.DataFrame({"customer_id": ["a"], "alive": [0.1], "high_value": [True]}))}
    step = Step(project(), None, given=given | {"value": {"status": "graded"}})
    assert [predict.usable(step, c) for c in ("alive", "high_value", "attrition_risk")] == [True, True, False]
    step.given["value"] = {"status": "not_ready"}
    assert [predict.usable(step, c) for c in ("alive", "high_value")] == [False, True]
    assert predict.evidence(step, "attrition") == {"status": "none", "reasons": ["no_evidence"], "grade": None, "readiness": []}


def test_every_predicted_column_has_a_passport_that_says_it_makes_no_segment():
    found = predict.passports(["customer_id", "expected_value", "high_value", "next_2"], project(variables={"predict": {"value_days": 90}}))
    assert [p["title"] for p in found] == ["Value ahead", "High value", "Likely next 2"]
    assert {p["role"] for p in found} == {"describes"} and [p["evidence"] for p in found] == ["value", None, "next"]
    assert "90 days" in found[0]["definition"] and len(predict.passports_table(found).frame) == 3


# The grade


def test_those_who_made_four_fifths_of_the_money_are_found_with_whoever_ties():
    money = np.array([50.0, 10.0, 30.0, 10.0, -5.0, 0.0])
    assert grade.worth_most(money, 0.80).tolist() == [True, False, True, False, False, False]
    assert grade.worth_most(money, 0.81).tolist() == [True, True, True, True, False, False]
    assert grade.worth_most(money, 0.80, percentile=0.8).tolist() == [True, False, True, False, False, False]  # 1.2 of 6: two
    assert not grade.worth_most(np.array([0.0, -1.0]), 0.8).any()


def test_a_list_holds_of_those_who_tie_at_its_end_what_chance_would_put_on_it():
    true, ones = np.array([True, False, True, True]), np.ones(4)
    ranking = grade.Ranking(np.array([9.0, 5.0, 5.0, 1.0]))
    assert [ranking.found(true, ones, length) for length in (1, 2, 3, 4)] == [1.0, 1.5, 2.0, 3.0]
    assert ranking.found(true, np.array([1.0, 0.0, 2.0, 1.0]), 2) == 2.0


def test_an_interval_across_a_border_has_both_letters():
    assert [grade.letters(*ends) for ends in ((0.06, 0.2), (0.01, 0.06), (-0.1, 0.01), (-0.1, 0.06), (-0.2, -0.1))] == [
        "A",
        "A/B",
        "B/C",
        "A/C",
        "C",
    ]


def test_a_model_that_knows_is_graded_a_and_one_that_draws_lots_c():
    rng = np.random.default_rng(3)
    actual, how = rng.gamma(0.5, 20, 3_000), {"share": 0.8, "percentile": None, "seed": 1}
    rough = actual + rng.normal(0, 15, 3_000)
    good, lots = grade.graded(actual, rough, actual, **how), grade.graded(rng.random(3_000), rough, actual, **how)
    assert good["grade"] == "A" and good["found"]["model"] == good["true"] and good["low"] > 0.05
    assert lots["grade"] == "C" and lots["high"] < 0 and abs(lots["found"]["model"] / lots["found"]["chance"] - 1) < 0.1
    assert grade.graded(actual, rough, actual, **how) == good
    assert grade.graded(actual, actual, np.zeros(3_000), **how)["reasons"] == ["too_few_buyers_later"]
    assert grade.graded(np.ones(3_000), rough, actual, **how)["reasons"] == ["nothing_predicted"]


def test_the_error_in_money_is_that_of_the_sum_and_of_one_customer():
    found = grade.errors(np.array([3.0, 1.0]), np.array([0.0, 4.0]), np.array([2.0, 2.0]))
    assert (found["model_off"], found["model_each"], found["baseline_each"]) == (0.0, 1.0, 2.0)
    half = 1.959964 * np.sqrt(2) / 4  # by hand: both miss the ratio of 1 by 1
    assert found["model_low"] == pytest.approx(-half) and found["model_high"] == pytest.approx(half)
    assert grade.errors(np.ones(2), np.ones(2), np.zeros(2))["model_off"] is None


def test_the_simple_rule_is_the_monthly_mean_times_months_times_those_who_stay():
    assert grade.baseline_of(np.array([60.0, 0.0]), window_days=180, horizon_days=90, retention=0.5).tolist() == [15.0, 0.0]
    lines = orders(*bought(200, 100, customer="a"), *bought(190, customer="b"), *bought(50, customer="c"))
    assert evidence.retention(lines, cut=AS_OF, window_days=120) == 0.5


# Money


def test_the_margin_of_a_customer_is_that_of_the_categories_bought():
    columns = "customer_id order_id ordered_at amount category"
    rows = ("a", "1", "09-01", 30, "tea"), ("a", "2", "09-02", 10, "milk"), ("a", "2", "09-02", -5, "tea"), ("b", "3", "09-02", -1, "tea")
    lines = table("orders", columns, *rows)
    typed = project(target={"margin_rate": 0.2, "margin_rates": {"tea": 0.6}})
    same(margins.by_customer(lines, typed), {"customer_id": ["a", "b"], "margin": [0.5, 0.5]})  # (30·.6 + 10·.2)/40; b: everybody's
    assert margins.basis(typed) == "margin" and margins.basis(project()) == "revenue"
    assert float(lines.aggregate(m=margins.money(lines, typed).sum()).execute()["m"][0]) == pytest.approx(18 + 2 - 3 - 0.6)
    same(margins.by_customer(lines, project()), {"customer_id": ["a", "b"], "margin": [1.0, 1.0]})
    assert margins.basis(project(target={"margin_rates": {"tea": 0.6}})) == "revenue"


def test_a_margin_of_a_category_that_nobody_sells_is_said_to_count_for_nothing():
    lines = table("orders", "customer_id order_id ordered_at amount category", ("a", "1", "09-01", 30, "tea"))
    typed = project(target={"margin_rate": 0.2, "margin_rates": {"tee": 0.6, "tea": 0.5}})
    assert margins.unsold(lines, typed) == ["tee"] and margins.unsold(lines.drop("category"), typed) == ["tee", "tea"]
    found = {"now": {"model": "mbgnbd"}, "margins_unsold": ["tee"], "basis": "margin", "value_days": 9, "history_days": 9, "contract": None}
    assert page.caveats(found, typed) == ["target.margin_rates names “tee”, which no order has: these margins count for nothing."]
    some = page.caveats(found | {"margins_unsold": [], "basis": "revenue"}, project(target={"margin_rates": {"tea": 0.6}}))
    assert some == ["Value ahead is revenue, not profit: margins are typed for some categories, none for the rest (target.margin_rate)."]
    assert page.caveats(found | {"now": None, "basis": "revenue"}, typed) == []


def test_high_value_customers_are_those_of_four_fifths_net_of_refunds():
    lines = orders(
        *bought(9, customer="a", amount=80), *bought(9, customer="b", amount=14), *bought(9, customer="c", amount=6),
        *bought(20, customer="d", amount=90), ("d", "back", "09-30", -85),
    )  # fmt: skip
    facts, found = high.high_value(lines, project(), as_of=AS_OF)
    assert (facts["n"], facts["buyers"], facts["from_revenue"]) == (2, 4, 14.0)  # 80 of 105 is 76 %, 94 of 105 is 90 %
    same(
        found.drop("high_value"),
        {"customer_id": ["a", "b", "c", "d"], "revenue": [80, 14, 6, 5], "band": ["high", "high", "middle", "low"]},
        check_exact=False,
    )
    facts, _ = high.high_value(lines, project(variables={"predict": {"high_value_percentile": 0.75}}), as_of=AS_OF)
    assert (facts["rule"], facts["n"]) == ("percentile", 1)


def test_seniority_against_value_tells_no_cell_of_few_customers():
    numbers = {"loyal": (40, 30), "new": (12, 3), "dormant": (20, 25)}
    rows = [(f"{s}{b}{i}", s, b) for s, sizes in numbers.items() for b, n in zip(("high", "low"), sizes, strict=True) for i in range(n)]
    frame = pd.DataFrame(rows, columns=["customer_id", "seniority", "band"]).assign(revenue=10.0)
    classes, worth = ibis.memtable(frame[["customer_id", "seniority"]]), ibis.memtable(frame.drop(columns="seniority"))
    found = high.standing(classes, worth, None, project(), as_of=AS_OF)
    told = found.dropna().set_index(["seniority", "band"])["n"].to_dict()
    assert told[("loyal", "high")] == 40 and ("new", "low") not in told and ("new", "high") not in told
    assert ("dormant", "low") not in told and ("loyal", "low") in told  # the column's sum is known: a second one is hidden with it
    facts = {"rule": "share", "wanted": 0.8, "n": 72, "buyers": 130, "share_of_customers": 0.55, "share_of_revenue": 0.8}
    said = high_page.high_finding(facts, found)
    assert "30 loyal customers" in said and "new customers" not in said


def test_seniority_against_value_without_anybody_is_said_in_a_sentence():
    nobody = orders()
    facts, worth = high.high_value(nobody, project(), as_of=AS_OF)
    found = high.standing(None, worth, nobody, project(), as_of=AS_OF)
    assert facts["n"] == 0 and "nobody is of high value" in high_page.high_finding(facts, found)
    assert "cannot be shown" in high_page.standing_words(found, facts, project())["title"]


# Contracts


def test_payments_at_one_period_are_a_contract_and_others_are_not():
    monthly = [row for i in range(30) for row in bought(*range(3 + i, 400, 30), customer=f"m{i}")]
    found = contract.contractual(orders(*monthly), project(), as_of=AS_OF)
    assert (found["contractual"], found["period"], found["regular"], found["customers"]) == (True, 30.4375, 30, 30)
    rng = np.random.default_rng(1)
    loose = [row for i in range(30) for row in bought(*sorted({int(d) for d in rng.uniform(1, 300, 9)}), customer=f"l{i}")]
    assert contract.contractual(orders(*loose), project(), as_of=AS_OF)["contractual"] is False
    assert contract.contractual(orders(*monthly[:60]), project(), as_of=AS_OF)["contractual"] is None
    typed = contract.contractual(orders(*monthly), project(variables={"predict": {"contractual": False}}), as_of=AS_OF)
    assert typed["contractual"] is False and typed["typed"]


def test_contracts_are_refused_and_retention_curves_take_their_place():
    rows = [row for i in range(40) for row in bought(*range(200 if i % 4 == 0 else 3, 400, 30), customer=f"m{i}")]
    step = Step(project(), orders(*rows))
    found, columns = evidence.worth_ahead(step, {"orders": step.lines})
    assert (found["status"], found["reasons"], found["grade"]) == ("none", ["contractual"], None)
    assert list(columns.columns) == ["customer_id", "high_value"]
    assert "pay by contract" in page.value_finding(found)
    drawn, said = pictures.over_time(found)
    assert drawn.loc[drawn["series"] == "all customers", "value"].iloc[-1] == 0.75 and said["title"].startswith("75%")


def test_retention_is_kaplan_and_meiers_with_the_published_figures_of_leukaemia():
    # Freireich and others 1963, 6-MP group, as in Kalbfleisch & Prentice; limits of R's survfit with conf.type = "log-log".
    days = [6, 6, 6, 7, 10, 13, 16, 22, 23, 6, 9, 10, 11, 17, 19, 20, 25, 32, 32, 34, 35]
    found = contract.retention(pd.DataFrame({"days": days, "left": [True] * 9 + [False] * 12}), least=1)
    assert found["days"].tolist() == [0, 6, 7, 10, 13, 16, 22, 23]
    assert found["share"].round(3).tolist() == [1, 0.857, 0.807, 0.753, 0.690, 0.627, 0.538, 0.448]
    assert found.loc[1, ["low", "high"]].astype(float).round(3).tolist() == [0.620, 0.952]
    assert contract.retention(pd.DataFrame({"days": days, "left": [True] * 9 + [False] * 12}), least=22).empty


def test_a_lifespan_ends_with_the_last_period_paid_or_is_still_running():
    lines = orders(*bought(100, 70, customer="gone"), *bought(100, 40, customer="here"))
    found = contract.lifespans(lines, as_of=AS_OF, period=30)
    same(found, {"customer_id": ["gone", "here"], "first": [100.0, 100.0], "days": [60.0, 100.0], "left": [True, False]})


# Calibration


def test_purchases_are_counted_by_week_and_cohort_before_and_after_the_cut():
    cut, lines = (
        AS_OF - timedelta(days=14),
        orders(*bought(35, 25, 13, 13, customer="a"), *bought(30, 6, customer="b"), *bought(5, customer="c")),
    )
    days = calibration.purchase_days(lines, as_of=AS_OF, cut=cut).execute()
    assert days.to_dict("records") == [
        {"first": 16, "day": -8, "n": 1}, {"first": 16, "day": 16, "n": 1}, {"first": 21, "day": -1, "n": 1},
        {"first": 21, "day": 11, "n": 1}, {"first": 21, "day": 21, "n": 1},
    ]  # fmt: skip
    weekly = calibration.tracked(days, lambda x, t_x, T, ahead: ahead, cut=cut, as_of=AS_OF)  # one purchase a week from each
    together = weekly.groupby("when")[["actual", "expected"]].sum()
    assert together["actual"].tolist() == [0, 1, 0, 1, 1]
    assert together["expected"].tolist() == pytest.approx([1 + 2 / 7, 2, 2, 2, 2])
    assert calibration.by_cohort(weekly)["customers"].tolist() == [1, 1]


def test_bands_of_few_customers_are_told_with_their_neighbour():
    x, actual = np.repeat([0, 1, 2, 60], [20, 12, 3, 2]), np.repeat([0.0, 1.0, 2.0, 9.0], [20, 12, 3, 2])
    frame = calibration.by_frequency(x, actual, actual)
    assert frame["n"].tolist() == [20, 12, 3, 2] and frame["to"].iloc[:3].tolist() == [0, 1, 2]
    found = calibration.merged(frame, 10)
    assert found["n"].tolist() == [20, 17] and found["expected"].iloc[1] == pytest.approx((12 + 6 + 18) / 17)


def test_the_generated_company_is_calibrated_and_graded_on_its_last_quarter(company, ahead):
    found, columns = ahead
    assert (found["status"], found["reasons"], found["basis"]) == ("graded", [], "margin")
    assert found["judged"]["found"]["model"] > found["judged"]["found"]["baseline"] > found["judged"]["found"]["chance"]
    assert abs(found["judged"]["money"]["model_off"]) < 0.10 < abs(found["judged"]["money"]["baseline_off"])
    later = pd.DataFrame(found["weekly"]).query("held_out")
    assert later["expected"].sum() == pytest.approx(later["actual"].sum(), rel=0.10)
    assert [min(r["n"] for r in found["frequency"]) >= 10, found["now"]["status"]] == [True, "dropout"]
    truth = company[1]
    here = truth.loc[~truth["prospect"] & (truth["came"] < 731), "until"] >= 731
    assert columns.alive.mean().execute() == pytest.approx(here.mean(), abs=0.06)  # P(alive), against who really had not left


def test_the_interval_of_a_segment_holds_its_mean_and_is_wider_for_fewer_customers(company, ahead):
    found, columns = ahead
    step = Step(project(target={"margin_rate": 0.4}), company[0], as_of=END, given={"value": found, "predicted": columns})
    people = columns.select("customer_id", segment=(columns.customer_id.cast("int64") % 10 == 0).ifelse("few", "most"))
    _, frame = evidence.by_segment(step, people, lines=company[0])
    few, most = frame.set_index("segment").loc["few"], frame.set_index("segment").loc["most"]
    assert few["low"] < few["value"] < few["high"] and most["total_low"] < most["total"] < most["total_high"]
    assert (few["high"] - few["low"]) / few["value"] > (most["high"] - most["low"]) / most["value"]
    assert few["total"] + most["total"] == pytest.approx(found["everyone"]["total"])
    step.given["value"] = found | {"status": "not_ready", "reasons": ["history_days"]}
    assert evidence.by_segment(step, people, lines=company[0])[1].empty


def test_the_interval_of_customers_who_are_all_alike_is_what_chance_does_to_them():
    point = {"n": 100, "value": 10.0, "total": 1000.0}  # errors of 40 a predicted unit: √(40 × 1000) = 200 in all, 2 a customer
    ends = evidence._ends(point, np.full((3, 100), 10.0), seed=1, spread=40.0)
    assert (ends["low"], ends["high"]) == (pytest.approx(10 - 1.959964 * 2), pytest.approx(10 + 1.959964 * 2))
    assert grade.errors(np.array([10.0, 10.0]), np.zeros(2), np.array([0.0, 20.0]))["spread"] == 10.0


def test_pages_say_what_was_found_and_what_is_lacking(ahead):
    found = ahead[0]
    assert f"grade {found['grade']}" in page.value_finding(found) and "margin" in page.value_finding(found)
    assert len(page.value_table(found, project()).frame) >= 7 and len(pictures.weekly_frame(found)) > 50
    assert "held out" in pictures.weekly_words(found)["title"]
    told = [row["customers"] for row in found["cohorts"]]
    assert len(told) == 6 and min(told) >= 10  # the eighth quarter began two days before the cut; a second one is hidden with it
    assert pictures.frequency_frame(found)["series"].nunique() == 2
    needs = [{"code": "history_days", "have": 272, "want": 365, "met": False}]
    unready = found | {"status": "not_ready", "reasons": ["history_days"], "readiness": needs}
    assert "not ready: days of history: 272, of 365 needed" in page.value_finding(unready)


# Leaks and bad input


def test_what_is_dated_after_the_cut_does_not_change_what_is_fitted_before_it(company):
    lines, cut = company[0], END - timedelta(days=90)
    early = lines.filter(lines.ordered_at < ibis.literal(cut, type="timestamp"))
    planted = early.filter(early.ordered_at > ibis.literal(cut - timedelta(days=60), type="timestamp"))
    planted = planted.mutate(ordered_at=planted.ordered_at + ibis.interval(days=60), amount=planted.amount * 50)
    one, other = (evidence.model_at(each, as_of=cut) for each in (early, early.union(planted.cast(early.schema()))))
    assert one.choice.fit.parameters == other.choice.fit.parameters and one.spending.parameters == other.spending.parameters


@pytest.mark.parametrize(
    ("rows", "reason"),
    [
        ([row for i in range(200) for row in bought(i + 1, customer=f"c{i}")], "nobody_came_back"),
        ([row for i in range(200) for row in bought(i + 1, i + 60, customer=f"c{i}", amount=0)], "spending_too_few"),
        ([row for i in range(20) for row in bought(i + 1, i + 20, customer=f"c{i}")], "short_history"),
        ([("a", "1", "09-01", -5)], "nobody_bought"),
    ],
)
def test_data_that_allow_no_prediction_say_why_and_the_page_goes_on(rows, reason):
    step = Step(project(scope={"horizon_days": 60}, variables={"predict": {"contractual": False}}), orders(*rows))
    found, columns = evidence.worth_ahead(step, {"orders": step.lines})
    assert found["status"] in ("not_ready", "cannot_tell") and found["grade"] is None
    told = [*found["reasons"], *(found["judged"] or {}).get("reasons", []), (found["now"] or {}).get("reason")]
    assert reason in told and list(columns.columns) == ["customer_id", "high_value"]
    words = page.value_finding(found)
    assert "not ready" in words or "cannot tell" in words
    page.value_table(found, step.project), page.caveats(found, step.project), pictures.cohorts_table(found)
    assert pictures.over_time(found)[1]["title"] and pictures.frequency_words(found)["title"]


def test_no_drop_out_and_a_horizon_longer_than_the_history_are_said():
    rng, rows = np.random.default_rng(2), []
    for i in range(250):  # nobody leaves: purchases at a rate of their own
        days = np.cumsum(rng.exponential(7 / rng.gamma(1.5, 0.5), 400))
        rows += [(f"c{i}", f"{i}-{j}", OPENED + timedelta(days=float(d)), 10.0 + i % 7 + j % 5) for j, d in enumerate(days) if d < 250]
    frame = pd.DataFrame(rows, columns=["customer_id", "order_id", "ordered_at", "amount"])
    lines = ibis.memtable(frame.assign(ordered_at=frame["ordered_at"].astype("datetime64[s]").astype("datetime64[us]")))
    lines = lines.mutate(amount=lines.amount.cast("decimal(18, 2)"))
    step = Step(project(scope={"horizon_days": 60}), lines, as_of=OPENED + timedelta(days=250))
    found, columns = evidence.worth_ahead(step, {"orders": lines})
    assert (found["now"]["status"], found["now"]["model"], found["now"]["alive"]) == ("no_dropout", "nbd", False)
    assert set(found["now"]["parameters"]) == {"r", "alpha"} and "alive" not in columns.columns
    limits = " ".join(page.caveats(found | {"status": "graded"}, step.project))  # too few of them to be graded
    assert "No drop-out in these data" in limits and "365 days forward from 2" in limits
    known = histories(lines, as_of=step.as_of).execute()
    fit = evidence.model_at(lines, as_of=step.as_of).choice.fit
    assert expected(fit, known["x"], known["t_x"], known["T"], 1.0).sum() == pytest.approx(known["x"].sum() / known["T"].mean(), rel=0.05)
