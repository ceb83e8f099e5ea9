"""Step 9, the yardstick: every reason has its words, segments are named for what they do, and nothing is told of few customers."""

import numpy as np
import pandas as pd
import pytest
from by_hand import project
from documents import document, number

from helpers import tables
from helpers.reevaluate import Movement, staying, yardstick
from helpers.reevaluate.verdict import ORDER
from helpers.reevaluate.yardstick import page

pytestmark = pytest.mark.usefixtures("in_english")

PLAN = project(min_cell=10)
SPEND = "spend_per_30d"


def evidence(core: float, median: float, low: float = 0.4) -> dict:
    stable = {"3": {"low_quartile": low, "median": median, "high_quartile": 0.9}}
    return {"confidence": {"core": core, "mean": 0.7, "n": 1000}, "stability": stable, "k": 3}


def moved(frozen: dict, segments: list[dict], table) -> Movement:
    counts = np.array(table)
    return Movement(frozen, None, segments, counts, staying(counts, draws=50, seed=1))


def size(one, before, now, state, *, change=None, low=None, high=None) -> dict:
    ends = {"change": change, "low": low, "high": high, "of_base": change}
    return {"id": one, "before": before, "now": now, "state": state, "shown": low is not None} | ends


ABOUT = {"suggested": {"name": {"en": "Early birds"}, "in_short": {"en": "morning orders high"}}}
FOUND = {
    "beside": "2017-10-01/0001",
    "run": "2017-10-01/0001",
    "customers": {"then": 1000, "now": 1000},
    "drift": [{"variable": SPEND, "psi": 0.02, "ks": 0.01, "mark": "steady"}],
    "missing": [
        {"variable": SPEND, "then": {"n": 4, "of": 1000, "share": 0.004}, "now": {"n": 90, "of": 1000, "share": 0.09},
         "value": 0.086, "low": 0.06, "high": 0.1, "mark": "more"}
    ],
    "fresh": [{"table": "events", "newest": None, "age_days": 40.0, "then_days": 3.0, "mark": "older"}],
    "steadiness": yardstick.steadiness(evidence(0.40, 0.5), evidence(0.55, 0.5)),
    "criteria": [
        {"segment": "S1", "criterion": name, "then": "pass", "now": "fail", "figure": "accuracy", "value": 0.5, "limit": 0.6,
         "low": 0.4, "high": 0.55} for name in ("measurable", "recognisable", "homogeneous", "interesting", "accessible")
    ],
    "sizes": [
        size("S1", 400, 200, "shrinking", change=-0.5, low=-0.6, high=-0.4),
        size("S2", 200, 400, "growing", change=1.0, low=0.8, high=1.2) | {"shown": False},
        size("S3", 40, 3, "vanished"),
        size("S4", 2, 40, "newborn"),
    ],
    "far": {"measure": "distance", "limit": 3.0, "then": {"n": 10, "of": 1000, "share": 0.01}, "now": {"n": 90, "of": 1000, "share": 0.09},
            "value": 0.08, "low": 0.06, "high": 0.1, "mark": "more", "about": None},
    "gathering": {
        "then": {"n": 4, "of": 500, "share": 0.008}, "now": {"n": 40, "of": 500, "share": 0.08}, "value": 0.072, "low": 0.04, "high": 0.1,
        "mark": "look",
        "about": ABOUT | {"n": 80, "near": "S1", "traits": [], "arrived": 0.5, "came_from": [{"segment": "S1", "share": 0.4}]},
    },
    "born": [
        {"id": "S5", "n": 80, "share": 0.08, "nearest": "S1", "jaccard": 0.1, "then": {"n": 4, "of": 1000, "share": 0.004}, "low": 0.05,
         "high": 0.1, "newborn": True, "about": ABOUT}
    ],
    "dropped": ["S3"],
}  # fmt: skip


def four() -> Movement:
    frozen = document([number(SPEND)], ["S1", "S2", "S3", "S4"], {"nearest": {"centroids": [[0.0], [1.0], [2.0], [3.0]]}})
    for each in frozen["segments"]:
        each["name"] = f"Name of {each['id']}"
    return moved(frozen, [], np.zeros((4, 4), dtype="int64"))


def test_every_reason_has_its_words_and_speaks_for_a_verdict():
    found = yardstick.reasons(FOUND, PLAN)
    assert {r["code"] for r in found} == set(page.REASONS)
    assert {r["speaks"] for r in found} == {"adjust", "look"} <= set(ORDER)
    told = {(r["code"], r.get("segment")): r for r in found}
    assert told["gathering", None]["speaks"] == "look" and told["far", None]["speaks"] == "adjust"
    assert (told["shrinking", "S1"]["value"], told["shrinking", "S1"]["limit"]) == (-0.5, -0.1)
    assert told["growing", "S2"]["value"] is None and told["growing", "S2"]["low"] is None  # its figures would tell of few
    assert told["missing", None]["variable"] == SPEND and told["missing", None]["value"] is None  # it was missing for four before
    assert (told["far", None]["value"], told["gathering", None]["value"], told["born", "S5"]["limit"]) == (0.08, None, None)


def test_where_nothing_changed_there_is_no_reason_and_the_page_says_so():
    calm = {"mark": "usual", "about": None, "then": FOUND["far"]["then"], "now": FOUND["far"]["then"], "low": -0.01, "high": 0.01}
    sizes_ = [FOUND["sizes"][0] | {"state": "steady"}]
    still = FOUND | {"missing": [FOUND["missing"][0] | {"mark": "steady"}], "far": calm, "gathering": calm, "sizes": sizes_}
    still |= {"fresh": [], "criteria": [], "born": [], "dropped": []}
    still |= {"steadiness": yardstick.steadiness(evidence(0.5, 0.5), evidence(0.5, 0.5))}
    assert yardstick.reasons(still, PLAN) == []
    assert page.sizes_words(still, four(), PLAN)[0].startswith("No segment shrank or grew")
    assert page.forming_words(still, four(), PLAN) == ["No new segment is forming: nowhere do many customers gather where few were."]
    assert page.criteria_words(still, four()) == ["Every criterion that a segment met then, it meets now."]
    assert page.drift_words(still, PLAN) == "No variable of 1 has changed: the customers as a whole are as they were."


def test_segments_are_named_as_shrinking_growing_vanished_or_newborn():
    found = page.sizes_words(FOUND, four(), PLAN)
    assert found[0] == (
        "“Name of S1” shrinks: from 400 to 200 customers, −50% (95% interval −60% to −40%; arrivals and departures counted)."
    )
    assert found[1:] == [
        "“Name of S2” grows, by more than chance.",
        "“Name of S3” has vanished: too few customers are in it to be shown.",
        "“Name of S4” is newborn: at the earlier date too few customers were in it to be shown.",
    ]


def test_who_gathers_is_described_and_few_are_never_counted():
    found = page.forming_words(FOUND, four(), PLAN)
    assert found[0] == (
        "A new segment may be forming: 8.0% of customers gather where hardly any did. Most are in “Name of S1” today; what sets them "
        "apart there: “Early birds”. Beside all customers: morning orders high. "
        "Of them 50% came into scope since. Before, they were in: “Name of S1” 40%."
    )
    assert found[1] == "Customers far from every segment: 9.0%, against 1.0% before."
    assert (
        found[2] == "A new build would add a segment, S5 “Early birds” (morning orders high): 80 customers, 8.0%, nearest to “Name of S1”."
    )
    assert found[3] == "A new build would no longer have: “Name of S3”."


def test_the_news_are_what_changed_and_nothing_else():
    found = page.news(FOUND, four(), PLAN)
    assert len(found) == 4 + 1 + 1 + 1
    assert found[4].startswith("A new segment may be forming") and found[6].startswith("A new build would add a segment, S5")
    assert page.caveats(FOUND | {"customers": None}, PLAN) == []
    assert "5%" in page.caveats(FOUND, PLAN)[0] and "2017-10-01/0001" in page.caveats(FOUND, PLAN)[1]


def test_tables_hide_shares_of_few_customers_and_what_would_give_them_away():
    shown = page.variables_table(FOUND, PLAN)
    assert shown.frame["then"].isna().all() and shown.frame["now"].tolist() == [0.09]
    assert shown.frame["mark"].tolist() == ["more"]
    steady = page.steadiness_table(FOUND, PLAN).frame.set_index("what")
    assert pd.isna(steady.loc["Customers who gather where few were", "then"])
    assert steady.loc["Customers who gather where few were", "interval"] == "–"
    assert steady.loc["Events: days since the newest row", ["then", "now", "mark"]].tolist() == [3.0, 40.0, "too old"]
    for each in (shown, page.steadiness_table(FOUND, PLAN)):
        assert tables.as_html(each)
