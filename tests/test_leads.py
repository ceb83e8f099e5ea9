"""Leads: who counts as one, their points, and whether the points of a horizon ago foretold who bought."""

from datetime import datetime, timedelta
from types import SimpleNamespace

import pandas as pd
import pytest
from by_hand import AS_OF, project, same, table

from helpers import tables as page_tables
from helpers.build import leads
from helpers.build.document import labels
from helpers.engine import windows

pytestmark = pytest.mark.usefixtures("in_english")
TYPED = {"criteria": [{"variable": "known_days", "cuts": [60, 180], "points": [40, 15, 0]}], "bands": [30, 12]}


COLUMNS = {
    "orders": "customer_id order_id ordered_at amount",
    "events": "customer_id occurred_at kind",
    "customers": "customer_id created_at",
}


def plan(**build):
    sources = {name: {"table": name, "file": f"{name}.csv", "columns": {c: c for c in of.split()}} for name, of in COLUMNS.items()}
    return project(scope={"window_days": 60, "horizon_days": 30}, build=build, collect={"sources": sources})


def shop():
    """ann bought; bea, cyd and dot did not (dot signed up on the last day but one); eve will sign up after the end."""
    people = table(
        "customers", "customer_id created_at", ("cyd", "03-01"), ("ann", "01-05"), ("eve", "10-01"), ("bea", "09-02"), ("dot", "09-30")
    )
    orders = table("orders", "customer_id order_id ordered_at amount", ("ann", "a1", "09-10", 20), ("bea", "b1", "10-03", 9))
    seen = table("events", "customer_id occurred_at kind", ("bea", "09-20", "visit"), ("cyd", "06-01", "visit"), ("ann", "09-09", "visit"))
    return {"customers": people, "orders": orders, "events": seen}


def test_a_lead_is_known_before_the_day_and_has_not_bought_by_then():
    found = leads.prospects(shop(), plan(), as_of=AS_OF)
    same(found.select("customer_id", "known_days"), {"customer_id": ["bea", "cyd", "dot"], "known_days": [29.0, 214.0, 1.0]})


def test_without_records_events_or_anybody_who_has_not_bought_there_are_no_leads():
    whole = shop()
    assert leads.prospects({n: t for n, t in whole.items() if n != "customers"}, plan(), as_of=AS_OF) is None
    assert leads.prospects({n: t for n, t in whole.items() if n != "events"}, plan(), as_of=AS_OF) is None
    assert leads.prospects(whole, plan(), as_of=datetime(2017, 1, 1)) is None  # nobody is known yet
    assert leads.leads_words(None).startswith("Leads are not scored")


def test_points_typed_by_people_make_the_bands_and_a_border_belongs_to_the_higher():
    frame = pd.DataFrame({"customer_id": list("abcd"), "known_days": [59.0, 60.0, 180.0, None]})
    document = leads.scored(frame, plan(leads=TYPED))
    assert labels(document, frame).tolist() == ["hot", "warm", "cold", "cold"], "40, 15 and 0 points; what is not known earns none"
    assert [s["id"] for s in document["segments"]] == list(leads.BANDS)


def test_where_nothing_tells_people_apart_there_is_no_score():
    assert leads.scored(pd.DataFrame({"customer_id": list("ab"), "known_days": [5.0, 5.0]}), plan()) is None


def growing(n: int = 40):
    """Of each horizon n people sign up at its beginning; those of the last but one all buy in the last, nobody else ever does."""
    people, lines = [], []
    for number, day in enumerate(("2017-01-02", "2017-08-31", "2017-09-29")):
        people += [(f"p{number}-{i:02d}", datetime.fromisoformat(day)) for i in range(n)]
    lines = [(f"p1-{i:02d}", f"o{i}", datetime(2017, 9, 15), 5.0) for i in range(n)]
    moment = lambda rows: [(who, when.strftime("%m-%d")) for who, when in rows]  # noqa: E731
    known = table("customers", "customer_id created_at", *moment(people))
    bought = table("orders", "customer_id order_id ordered_at amount", *[(w, o, t.strftime("%m-%d"), a) for w, o, t, a in lines])
    seen = table("events", "customer_id occurred_at kind", ("p0-00", "05-02", "visit"))
    return {"customers": known, "orders": bought, "events": seen}


def looked_at(made, shop_):
    step = SimpleNamespace(project=made, as_of=AS_OF, sample=lambda t: t.order_by("customer_id").execute())
    periods = windows(AS_OF, window_days=60, horizon_days=30, first=AS_OF - timedelta(days=365))
    return leads.leads(step, shop_, periods)


def test_the_score_of_a_horizon_ago_is_held_against_who_bought_since():
    found = looked_at(plan(leads=TYPED), growing())
    assert found.evidence["bands"] == [{"band": "hot", "n": 40}, {"band": "warm", "n": 0}, {"band": "cold", "n": 40}]
    hot, cold = found.evidence["tried"]
    assert (hot["band"], hot["n"], hot["bought"]) == ("hot", 40, 40) and (cold["band"], cold["n"], cold["bought"]) == ("cold", 40, 0)
    assert hot["low"] == pytest.approx(40 / (40 + 1.959964**2)) and cold["high"] == pytest.approx(1 - hot["low"])
    assert leads.leads_words(found).endswith("Begin with the hot ones.")
    assert set(found.table.filter(found.table.segment == "hot").execute()["customer_id"]) == {f"p2-{i:02d}" for i in range(40)}


def test_a_score_that_foretells_nothing_is_said_to_be_no_order_to_call_in():
    upside_down = {"criteria": [{"variable": "known_days", "cuts": [60, 180], "points": [0, 15, 40]}], "bands": [30, 12]}
    found = looked_at(plan(leads=upside_down), growing())
    assert "The hot ones do not stand out" in leads.leads_words(found)


def test_a_band_of_few_people_shows_no_share():
    found = looked_at(plan(leads=TYPED), growing(9))
    assert leads.leads_words(found).startswith("Whether the score of leads foretells who buys cannot be told")
    html = page_tables.as_html(leads.leads_table(found))
    assert "100" not in html and ">9<" not in html
