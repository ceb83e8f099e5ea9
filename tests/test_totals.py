"""Totals of a period, one row a customer: what the rooms after step 4 still tell, and what they say they cannot."""

import numpy as np
import pandas as pd
import pytest
from by_hand import AS_OF, project

from helpers import NinefoldError, build
from helpers.build import methods_page
from helpers.build.methods import own_measure
from helpers.build.methods.cutting import lacking

pytestmark = pytest.mark.usefixtures("in_english")

GROUPS = {"fresh_share": ["Fresh"], "milk_share": ["Milk"]}


def wholesale(**sections):
    totals = {"since": "2016-10-01", "until": AS_OF, "categories": {"Fresh": "Fresh", "Milk": "Milk"}}
    source = {"table": "orders", "file": "totals.csv", "columns": {"customer_id": "#row"}, "totals": totals}
    return project(collect={"sources": {"totals": source}}, variables={"category_groups": GROUPS}, scope={"segments_wanted": 3}, **sections)


def customers() -> pd.DataFrame:
    """Sixty customers: three kinds by what they buy and how much, each of twenty, a little apart within."""
    kind, apart = np.repeat([0, 1, 2], 20), np.tile(np.linspace(0, 0.09, 20), 3)
    fresh = np.array([0.1, 0.5, 0.9])[kind] + apart
    spend = np.array([900.0, 300.0, 100.0])[kind] * (1 + apart)
    return pd.DataFrame(
        {"customer_id": [f"c{n:02d}" for n in range(60)], "spend_per_30d": spend, "fresh_share": fresh, "milk_share": 1 - fresh}
    )


PASSPORTS = {name: {"group": n, "contribution": None} for n, name in enumerate(["spend_per_30d", "fresh_share", "milk_share"])}


def test_a_recipe_that_needs_when_and_how_often_is_left_out_and_the_others_are_built():
    made = build.make(customers(), list(PASSPORTS), 3, wholesale(), PASSPORTS, built_as_of=AS_OF)
    assert list(made.documents) == ["bands", "slices", "crossing", "points", "kmeans", "hcpc", "latent", "value", "behavioural"]
    assert made.refused["rfm"].why == "not_measured"
    labels = build.labels(made.documents["hcpc"], customers())
    assert [set(labels[start : start + 20]) for start in (0, 20, 40)] == [{"S1"}, {"S2"}, {"S3"}]  # the highest spend first


def test_the_page_says_which_candidate_is_not_possible_and_why():
    made = build.make(customers(), list(PASSPORTS), 3, wholesale(), PASSPORTS, built_as_of=AS_OF)
    table = methods_page.candidates_table(made.recipes, made.refused, made, wholesale())
    assert table.caption == "7 ways of cutting customers were tried"  # bands and slices are rules to beat
    rfm = table.frame.iloc[0]
    assert (rfm["title"], rfm["level"]) == ("RFM points", "not possible here")
    assert rfm["how"] == "these data do not tell: days since last purchase and orders per 30 days"
    possible = table.frame[table.frame["level"] != "not possible here"]
    assert list(possible["segments"]) == [3.0] * 9 and set(possible["level"]) == {"rules", "learned"}
    assert lacking("rfm", project()) == []  # single orders tell


def test_a_recipe_left_out_that_project_yml_chooses_is_an_error_with_its_remedy():
    plan = wholesale(build={"chosen": "rfm"})
    with pytest.raises(
        NinefoldError,
        match=r"field build.chosen is 'rfm', which cannot be built here \(these data do not measure: recency_days, orders_per_30d\)\. "
        "Choose another",
    ):
        build.make(customers(), list(PASSPORTS), 3, plan, PASSPORTS, built_as_of=AS_OF)


def test_bands_are_cut_on_what_is_measured_when_the_objective_counts_orders():
    orders = {"main": {"name": "Orders", "kind": "revenue", "metric": "orders_per_customer"}}
    plan = wholesale()
    plan = plan.model_copy(update={"objectives": project().objectives.model_validate(orders)})
    assert own_measure(plan) == "spend_per_30d"
    assert own_measure(project()) == "spend_per_30d"
    assert own_measure(project().model_copy(update={"objectives": plan.objectives})) == "orders_per_30d"
