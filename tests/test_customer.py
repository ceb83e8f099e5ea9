"""The private card of one customer: whose it is, what it says, what it must not say, and where it stands."""

import json
import stat
from datetime import date, datetime
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml
from by_hand import at, table
from small_shop import refusal

from helpers import __main__, words
from helpers.adopt import customer
from helpers.adopt.customer import happenings, history
from helpers.adopt.customer import segment as customer_segment
from helpers.adopt.customer import strip as customer_strip
from helpers.build import why
from helpers.build.inputs import Column

N = 40
"""Customers in scope; c00 … c19 are near one centre, c20 … c39 near the other."""
IDS = [f"c{i:02d}" for i in range(N)]
CRM = "client,first,last,mail,tel,made\nc00,Ada,Lovelace,ada@mel.example,0700000001,2016-01-01\nc01,Bo,Diddley,bo@mel.example,,2016-01-01\n"
ACCOUNTS = "account,mail\nS9,ada@boite.example\n"
MEASURED = ("spend_per_30d", "orders_per_30d")
EMAIL = {"email": {"name": "e-mail", "cost": 0.1}}


def measured(shift: float = 0.0) -> pd.DataFrame:
    """The first twenty spend 10 and order once, the others 50 and five times; c00 moves by `shift`."""
    spend = np.where(np.arange(N) < 20, 10.0, 50.0)
    spend[0] += shift
    return pd.DataFrame({"customer_id": IDS, "spend_per_30d": spend, "orders_per_30d": spend / 10, "recency_days": 5.0})


def document() -> dict:
    variables = [{"name": name, "kind": "number", "missing": 0.0, "steps": []} for name in MEASURED]
    segments = [{"id": "S1", "name": "Calm", "colour": "#12436D"}, {"id": "S2", "name": "Keen", "colour": "#D55E00"}]
    how = {"nearest": {"centroids": [[10.0, 1.0], [50.0, 5.0]]}}
    head = {"format": 2, "version": 1, "key": "customer_id", "built_as_of": "2017-10-01T00:00:00"}
    return head | {"variables": variables, "segments": segments, "assign": how}


def frame(place, name: str, rows: pd.DataFrame) -> None:
    place.mkdir(parents=True, exist_ok=True)
    pq.write_table(pa.Table.from_pandas(rows, preserve_index=False), place / f"{name}.parquet")


def kept(place, name: str, columns: str, *rows: tuple) -> None:
    place.mkdir(parents=True, exist_ok=True)
    pq.write_table(table(name, columns, *rows).to_pyarrow(), place / f"{name}.parquet")


def collected(place) -> None:
    """Step 3 of the run: c00 is also shop:S9; c90 was set aside, c91 bought once long ago."""
    bought = [(c, f"o{c}", "09-01 10:00", "bread", 10) for c in IDS if c != "c00"]
    own = [("c00", "T1", "08-01 09:00", "bread", 12), ("c00", "T1", "08-01 09:00", "wine", 30), ("c00", "T2", "09-02 18:00", "bread", -5)]
    kept(place, "orders", "customer_id order_id ordered_at category amount", *own, ("c91", "T3", "2015-01-01 09:00", "bread", 4), *bought)
    people = pd.DataFrame({"customer_id": [*IDS, "c91"], "town": "Lille", "kind": "person", "orders": 1, "described": True})
    people["first_ordered_at"] = people["last_ordered_at"] = pd.Timestamp("2017-09-01")
    frame(place, "customers", people)
    gone = pd.DataFrame({"customer_id": ["c90"], "town": ["Lyon"], "kind": ["staff"], "reason": ["customers_where"]})
    frame(place, "customers_set_aside", gone)
    frame(place, "identity", pd.DataFrame({"raw_id": [*IDS, "shop:S9", "c90", "c91"], "customer_id": [*IDS, "c00", "c90", "c91"]}))
    kept(
        place,
        "consents",
        "customer_id channel purpose granted updated_at",
        ("c00", "email", "marketing", True, "01-05"),
        ("c00", "email", "marketing", False, "03-05"),
        ("c00", "sms", "marketing", True, "01-05"),
        ("c00", "mail", "marketing", True, "01-05"),
    )
    columns = "customer_id campaign_id channel sent_at responded_at arm"
    kept(place, "contacts", columns, ("c00", "easter", "email", "04-01", None, "control"), ("c00", "may", "mail", "05-01", "05-03", "test"))
    kept(
        place, "comments", "customer_id said_at channel text rating", ("c00", "08-03", "web", "<script>alert(1)</script> Good & fresh", 4.0)
    )
    visits = [("c00", "08-01 08:00", "visit"), ("c00", "08-01 08:30", "visit"), ("c00", "08-01 08:40", "basket")]
    kept(place, "events", "customer_id occurred_at kind", *visits)


def a_run(shop, day: str, number: str, *, segment: str = "S1") -> None:
    """A complete run, written as the steps hand over."""
    base = shop / "runs" / day / number
    collected(base / "03_collect")
    frame(base / "04_variables", "variables", measured())
    frame(base / "04_variables", "variables_confirm", measured(shift=40.0))
    frame(base / "04_variables", "descriptors", pd.DataFrame({"customer_id": IDS, "town": "Lille", "seniority": "loyal"}))
    frame(base / "04_variables", "descriptors_confirm", pd.DataFrame({"customer_id": IDS, "seniority": "regular"}))
    places = ["S1" if i < 20 else "S2" for i in range(N)]
    places[0], places[1] = segment, "S2"
    sure = [0.9] * N
    sure[1] = None
    member = pd.DataFrame({"customer_id": IDS, "segment": places, "confidence": sure, "reason": "x", "band": None})
    frame(base / "06_build", "membership", member.astype({"confidence": "float64", "band": "object"}))
    decided = {"line": [1], "raw_id": ["c01"], "customer_id": ["c01"], "segment": ["S2"], "role": ["Head of CRM"], "because": ["a friend"]}
    decided |= {"decided_on": [at("09-10")], "until": [pd.NaT], "state": ["valid"], "reason": [None]}
    frame(base / "06_build", "overrides", pd.DataFrame(decided).astype({"until": "datetime64[us]"}))
    (base / "06_build" / "segmentation.json").write_text(json.dumps(document()))
    (base / "06_build" / "profiles.json").write_text(json.dumps({"segments": document()["segments"]}))
    (base / "run.json").write_text(json.dumps({"project_yml": ""}))


@pytest.fixture
def shop(tmp_path, monkeypatch):
    """A project with a customer file, shop accounts and one complete run."""
    monkeypatch.setenv("NINEFOLD_HOME", str(tmp_path))
    place = tmp_path / "data" / "shop"
    place.mkdir(parents=True)
    names = {"customer_id": "client", "first_name": "first", "last_name": "last", "email": "mail", "phone": "tel", "created_at": "made"}
    columns = ("customer_id", "order_id", "ordered_at", "amount")
    typed = {
        "title": "Shop",
        "time_zone": "Europe/Paris",
        "as_of": date(2017, 10, 1),
        "currency": "EUR",
        "language": "en",
        "objectives": {"main": {"name": "Earn more", "kind": "revenue", "metric": "revenue_per_customer"}},
        "scope": {"window_days": 60, "horizon_days": 60, "filters": [{"rule": "bought_within_days", "value": 60}]},
        "collect": {
            "sources": {
                "crm": {"table": "customers", "ids": "crm", "file": "crm.csv", "columns": names},
                "accounts": {
                    "table": "customers",
                    "ids": "shop",
                    "file": "acc.csv",
                    "columns": {"customer_id": "account", "email": "mail"},
                },
                "till": {"table": "orders", "ids": "crm", "file": "till.csv", "columns": {c: c for c in columns}},
            },
            "set_aside": [{"rule": "customers_where", "where": "kind == 'staff'", "because": "staff buy cheaper"}],
        },
        "adopt": {"actions": {"S1": {"action": "Say thank you", "team": "service", "owner": "Service desk"}}},
        "target": {"universal_control": 0.0, "channels": {"email": {"name": "e-mail", "cost": 0.1}}},
    }
    (place / "project.yml").write_text(yaml.safe_dump(typed, sort_keys=False), encoding="utf-8")
    (place / "crm.csv").write_text(CRM)
    (place / "acc.csv").write_text(ACCOUNTS)
    a_run(place, "2017-10-01", "0001")
    before = words.language(), words.currency()
    yield place
    words.use(*before)


def told(path) -> str:
    return path.read_text(encoding="utf-8").partition("<body")[2]


def test_any_id_of_any_source_draws_the_same_private_card_and_leaves_the_run_alone(shop):
    before = {p: p.read_bytes() for p in (shop / "runs").rglob("*") if p.is_file()}
    first = customer.card("shop", "c00")
    page = first.read_bytes()
    assert customer.card("shop", " shop:S9 ") == first == shop / "cards" / "c00.html" and first.read_bytes() == page
    assert stat.S_IMODE(first.stat().st_mode) == 0o600 and stat.S_IMODE(first.parent.stat().st_mode) == 0o700
    assert {p: p.read_bytes() for p in (shop / "runs").rglob("*") if p.is_file()} == before
    assert not (shop.parents[1] / "reports").exists() and not list(shop.glob(".card-*"))
    assert (first.parent / ".gitignore").read_text() == "*\n"


def test_the_card_says_who_it_is_what_happened_what_is_allowed_and_what_to_do(shop):
    page = told(customer.card("shop", "c00"))
    for said in (
        "<h1>Ada Lovelace</h1>",
        "ada@mel.example (crm); ada@boite.example (shop)",  # each source has its own
        "c00, shop:S9",
        "Order of 2 lines, €42.00 · wine, bread · no. T1",
        "Refund, −€5.00 · bread · no. T2",
        "Campaign easter: left out on purpose",
        "Answered campaign may",
        "&lt;script&gt;alert(1)&lt;/script&gt; Good &amp; fresh” · rating 4",
        "withdrawn (5 Mar 2017)",
        "yes (5 Jan 2017)",
        "2 visits",
        "Say thank you (Service desk)",
        "Calm – a steady place, confidence 90%.",
        "What they will do next is not known: step 4 of this run predicted nothing.",
        "Private: this page is about one person.",
    ):
        assert said in page, said
    assert "<script" not in page and "€37" in page  # 42 less 5
    assert page.count("<dt>Orders, all time</dt><dd>1</dd>") == 1 and "Diddley" not in page


def test_why_and_measures_stand_beside_everyones_mean(shop):
    page = told(customer.card("shop", "c00"))
    # Half of the customers spend 10 and half 50: everyone 30. (x - 30)(c1 - c2): 20·40 = 800 for spend, 2·4 = 8 for orders, 800 / 808
    assert "Spend per 30 days: €10.00, everyone €30.00 (99% of what speaks for it)" in page
    assert "The next nearest segment is Keen." in page
    striking = page.partition('id="striking"')[2].partition("</table>")[0]
    # c00 and c02 … c19 are in S1 (c01 was placed elsewhere): all of them spend 10
    assert [cell in striking for cell in ("Spend per 30 days *", "€10.00", "€30.00")] == [True] * 3 and "Days since" in page


def test_movement_shows_earlier_runs_and_todays_yardstick_one_horizon_ago(shop):
    a_run(shop, "2017-07-01", "0001", segment="S1")
    a_run(shop, "2017-07-01", "0002", segment="S2")
    moved = told(customer.card("shop", "c00")).partition('id="movement"')[2].partition("</table>")[0]
    rows = [row.split("</tr>")[0] for row in moved.split("<tr>")[1:]]
    assert [("Calm" in row, "Keen" in row) for row in rows] == [(False, True), (False, True), (True, False)]
    # the newest run of 1 July said Keen; at 2 August, 60 days before, spend was 50: Keen; today Calm
    assert ["1 July 2017" in rows[0], "2 August 2017" in rows[1], "1 October 2017" in rows[2]] == [True] * 3


def test_the_newest_complete_run_counts_unless_a_day_is_given(shop):
    a_run(shop, "2017-07-01", "0007", segment="S2")
    (shop / "runs" / "2017-12-01" / "0001").mkdir(parents=True)  # interrupted: no run.json
    plan = customer.projects.load("shop")
    assert customer.newest(plan).parent.name == "2017-10-01" and customer.newest(plan, "2017-07-01").name == "0007"
    assert "There is no complete run of shop as of 2016-01-01" in refusal(lambda: customer.newest(plan, "2016-01-01"))


def test_who_was_placed_by_hand_is_told_who_decided_and_why(shop):
    page = told(customer.card("shop", "c01"))
    assert "Keen – placed by hand." in page and "placed by hand: a friend (Head of CRM, 10 September 2017)" in page
    assert "By behaviour alone: Calm." in page and "confidence" not in page.partition("</main>")[0].partition("standfirst")[2][:80]


def test_a_decision_replaces_the_reasons_of_another_segment_and_stands_before_those_of_the_same():
    found = why.why(document(), measured().iloc[[0]], {"S1": "Calm", "S2": "Keen"}, {n: Column(n, "number", "value", True) for n in ()})
    decided = {"role": "CRM", "because": "contract", "decided_on": datetime(2017, 9, 1), "until": datetime(2018, 1, 1)}
    other = why.by_hand(found, decided | {"segment": "S2"}, {"S1": "Calm", "S2": "Keen"})
    assert other[["segment", "name", "confidence", "next", "next_name"]].values.tolist() == [["S2", "Keen", None, "S1", "Calm"]]
    assert other["clause"].tolist() == ["placed by hand: contract (CRM, 1 September 2017, until 1 January 2018)"]
    same = why.by_hand(found, decided | {"segment": "S1"}, {"S1": "Calm"})
    assert same["variable"].tolist()[1:] == found["variable"].tolist() and set(same["confidence"]) == {None}


def test_in_step_six_itself_the_decisions_are_read_from_the_file(monkeypatch):
    rows = pd.DataFrame({"customer_id": ["c1"], "segment": ["S2"], "role": ["CRM"], "because": ["x"], "decided_on": [at("09-01")]})
    typed = SimpleNamespace(of=lambda state: rows.assign(until=pd.NaT) if state == "valid" else rows[:0])
    monkeypatch.setattr(why.manual, "read", lambda step, segments: typed)
    step = SimpleNamespace(name="build")
    assert why.decision(step, document(), "c1") == rows.iloc[0].drop("customer_id").to_dict() | {"until": None}
    assert why.decision(step, document(), "c2") is None
    monkeypatch.setattr(why.manual, "read", lambda step, segments: None)
    assert why.decision(step, document(), "c1") is None


def test_an_unknown_id_is_refused_with_how_to_write_one_and_no_other_customer(shop):
    plan = customer.projects.load("shop")
    with customer.opened(plan, customer.newest(plan)) as step:
        for typed in ("S9", "c0", "", "C00", "shop:c00"):
            message = refusal(lambda typed=typed: customer.resolved(step, typed))
            assert f"has the id {typed!r}" in message and "those of shop as shop:…" in message
            assert not any(one in message.replace(repr(typed), "") for one in (*IDS, "shop:S9")), message
    assert "nobody in the run" in refusal(lambda: customer.card("shop", "S9")) and not (shop / "cards").exists()


def test_who_is_in_no_segment_is_told_why(shop):
    assert "In no segment: set aside as a customer for whom this holds: kind == &#39;staff&#39; – staff buy cheaper." in told(
        customer.card("shop", "c90")
    )
    page = told(customer.card("shop", "c91"))
    assert "In no segment: does not pass “An order within the last 60 days”." in page
    assert "Nothing is planned: the customer is in no segment." in page and 'id="striking"' not in page


def test_whoever_gave_no_sign_for_too_long_is_marked(shop):
    assert "Past the time" not in told(customer.card("shop", "c91"))  # 1 January 2015 is less than three years before
    again(shop, collect_retention=2)
    assert "Past the time for which customers may be kept (2 years): the last sign was on 1 January 2015." in told(
        customer.card("shop", "c91")
    )


def test_no_answer_to_a_survey_and_nothing_of_a_special_category_is_on_the_card(shop):
    place = shop / "runs" / "2017-10-01" / "0001"
    kept(place / "03_collect", "answers", "customer_id question answer answered_at", ("c00", "income", "9999", "05-05"))
    people = pd.read_parquet(place / "03_collect" / "customers.parquet").assign(religion="Pastafarian")
    frame(place / "03_collect", "customers", people)
    page = told(customer.card("shop", "c00"))
    assert "One survey question answered" in page and "9999" not in page and "was given to learn about all" in page
    assert "Lille" in page and "Pastafarian" not in page


def test_a_line_of_the_lists_names_the_offer_of_its_rule_and_who_is_on_none_is_told_so(shop):
    offers = {"offers": {"S1": {"offer": "A cake", "channel": "email"}}, "also": {"vip": {"offer": "A feast", "channel": "email"}}}
    rule = {"name": "vip", "title": "VIP", "when": "spend_per_30d >= 40", "segment": False}
    more = {"campaign": "autumn", "universal_control": 0.0, "channels": {"email": {"name": "e-mail", "cost": 0.1}}}
    again(shop, target=offers | more, build={"rules": [rule]})
    lists = {"customer_id": ["c00"], "offer": ["vip"], "channel": ["email"], "arm": ["contact"], "version": ["b"], "status": ["DRAFT"]}
    frame(shop / "runs" / "2017-10-01" / "0001" / "08_target", "contacts", pd.DataFrame(lists))
    page = told(customer.card("shop", "c00"))
    assert "Campaign autumn, e-mail: will be contacted (draft list, nothing is released). Offer: A feast. Version b" in page
    assert "A cake" not in page
    assert "Offer to the segment: A cake. This customer is not on the list of campaign autumn." in told(customer.card("shop", "c02"))


def again(shop, *, collect_retention: float = 3, **sections) -> None:
    """Type something else in project.yml."""
    file = shop / "project.yml"
    typed = yaml.safe_load(file.read_text(encoding="utf-8"))
    typed["collect"]["retention_years"] = collect_retention
    file.write_text(yaml.safe_dump(typed | sections, sort_keys=False), encoding="utf-8")


def test_without_consents_nobody_can_tell_and_without_sources_the_card_goes_on(shop):
    base = shop / "runs" / "2017-10-01" / "0001" / "03_collect"
    for name in ("consents", "contacts", "comments", "events", "identity"):
        (base / f"{name}.parquet").unlink()
    (shop / "crm.csv").unlink()
    page = told(customer.card("shop", "c00"))
    assert "Cannot tell: these data hold no consents." in page and "<h1>Customer c00</h1>" in page
    assert "The sources cannot be read, so names and contact data are missing" in page and "Order of 2 lines" in page


def test_whoever_was_never_asked_has_not_agreed(shop):
    page = told(customer.card("shop", "c05"))
    assert "Never asked: no word on any channel is recorded. No answer is no consent." in page
    assert "No source holds a name or contact data of this customer." in page


def test_the_card_is_drawn_in_french_and_no_other_language_is_taken_for_one(shop):
    path = customer.card("shop", "c00", language="fr")
    assert '<html lang="fr">' in path.read_text(encoding="utf-8") and "1er octobre 2017" in told(path)
    assert "language: 'de' is not one of en, fr." in refusal(lambda: customer.card("shop", "c00", language="de"))


def test_a_file_has_a_name_that_every_system_takes_and_no_two_customers_share():
    assert customer.file_name("C0012") == "C0012.html"
    odd = [customer.file_name(one) for one in ("../../x", "a/b", "a_b", "a:b", "é")]
    assert len(set(odd)) == 5 and all("/" not in one and ":" not in one and not one.startswith(".") for one in odd)


def test_happenings_stand_in_one_order_whatever_the_order_of_the_rows():
    lines = table(
        "orders",
        "customer_id order_id ordered_at category amount",
        ("a", "2", "03-02 10:00", "tea", -4),
        ("a", "1", "03-01 10:00", "tea", 3),
        ("a", "1", "03-01 10:00", None, 9),
    ).execute()
    events = table(
        "events",
        "customer_id occurred_at kind channel",
        ("a", "03-01 09:30", "visit", "web"),
        ("a", "03-01 09:00", "visit", "web"),
        ("a", "03-03 09:00", "till_scan", None),
    ).execute()
    project = SimpleNamespace(variables=SimpleNamespace(event_kinds=SimpleNamespace(model_dump=lambda: {"visit": ["visit"]})))
    found = happenings.happenings({"orders": lines, "events": events, "comments": None}, project)
    assert found[["kind", "n", "amount", "detail"]].astype("object").where(found.notna(), None).values.tolist() == [
        ["event", 1, None, "till_scan"],
        ["refund", 1, -4.0, "tea"],
        ["order", 2, 12.0, "tea"],
        ["visit", 2, None, None],
    ]
    turned = happenings.happenings({"orders": lines[::-1], "events": events[::-1]}, project)
    pd.testing.assert_frame_equal(found, turned)
    assert happenings.counted(found) == {"event": 1, "order": 1, "refund": 1, "visit": 2}
    none = pd.DataFrame({"customer_id": []})
    assert happenings.last_sign(found, none, at("10-01")) == at("03-02 10:00")  # what no kind names is no sign
    assert happenings.last_sign(found[:0], none, at("10-01")) is None


def test_the_picture_places_days_between_its_ends_and_begins_with_the_first_that_is_known():
    seen = pd.DataFrame([{"at": at("05-01"), "kind": "order", "amount": 4.0}, {"at": at("07-16"), "kind": "refund", "amount": -1.0}])
    seen = seen.reindex(columns=happenings.COLUMNS)
    page = customer_strip.strip_html(seen, at("10-01"))
    # 153 days from 1 May to 1 October; 16 July is 76 days on: 1.5 + 97 · 76 / 153
    assert 'class="order" cx="1.50%" cy="15" r="8.5"' in page and 'class="refund" cx="49.68%" cy="15" r="5.5"' in page
    assert customer_strip.strip_html(seen[:0], at("10-01")) == ""
    assert happenings.shown_from(seen, at("10-01"), days=100) == datetime(2017, 6, 23)  # two years at most, here 100 days
    assert happenings.shown_from(seen.tail(0), at("10-01"), days=730) == datetime(2017, 7, 2)  # a quarter at least


def test_the_command_says_where_the_card_is_and_asks_for_a_customer(shop, capsys):
    options = __main__.read(["card", "--project", "shop", "--customer", "shop:S9"])[0]
    assert __main__.card(options, []) == 0 and capsys.readouterr().out == f"Card, private: {shop / 'cards' / 'c00.html'}\n"
    assert "Say whose card" in refusal(lambda: __main__.card(__main__.read(["card", "--project", "shop"])[0], []))
    (shop / "runs" / "2017-10-01" / "0001" / "run.json").unlink()
    assert "There is no complete run of shop" in refusal(lambda: customer.card("shop", "c00"))


def test_who_is_on_no_list_is_told_which_filter_stops_it(shop):
    place = shop / "runs" / "2017-10-01" / "0001"
    offers = {"S1": {"offer": "A cake", "channel": "email"}, "S2": {"offer": "A pie", "channel": "email"}}
    again(shop, target={"campaign": "autumn", "universal_control": 0.0, "channels": EMAIL, "offers": offers})
    nobody = pd.DataFrame({"customer_id": ["c39"], "offer": ["S2"], "channel": ["email"], "arm": ["contact"], "status": ["DRAFT"]})
    frame(place / "08_target", "contacts", nobody)
    page = told(customer.card("shop", "c00"))  # agreed to e-mail in January, and withdrew in March
    assert "Not to be sent “A cake” by e-mail: has not agreed to marketing by this channel." in page
    kept(place / "03_collect", "consents", "customer_id channel purpose granted updated_at", ("c02", "email", "marketing", True, "01-05"))
    assert "Not to be sent “A cake” by e-mail: no valid address is known for this channel." in told(customer.card("shop", "c02"))


def test_a_message_that_nothing_stops_says_that_the_list_is_older(shop):
    offers = {"S1": {"offer": "A cake", "channel": "email"}, "S2": {"offer": "A pie", "channel": "email"}}
    again(shop, target={"campaign": "autumn", "universal_control": 0.0, "channels": EMAIL, "offers": offers})
    base = shop / "runs" / "2017-10-01" / "0001" / "03_collect"
    kept(base, "consents", "customer_id channel purpose granted updated_at", ("c01", "email", "marketing", True, "01-05"))
    assert "Nothing keeps this customer off it today: the list is older than project.yml, or not drawn yet." in told(
        customer.card("shop", "c01")
    )


def test_what_rests_on_a_survey_is_neither_among_the_measures_nor_among_the_reasons(shop):
    scale = {"name": "Thrift", "items": ["a1"], "low": 1, "high": 7}
    asked = {
        "table": "answers",
        "ids": "crm",
        "file": "a.csv",
        "columns": {c: c for c in ("customer_id", "question", "answer", "answered_at")},
    }
    typed = yaml.safe_load((shop / "project.yml").read_text(encoding="utf-8"))
    again(
        shop,
        variables={"scales": {"thrift": scale}},
        collect=typed["collect"] | {"sources": typed["collect"]["sources"] | {"survey": asked}},
    )
    project = customer.projects.load("shop")
    thrift = next(v for v in customer_segment.catalogue(project) if v.name == "thrift")
    assert customer_segment.asked(thrift)
    row = {"variable": "thrift", "title": "Thrift", "value": 0.9, "everyone": 0.5, "clause": None, "points": None, "share": 0.4}
    assert customer_segment._spoken(row, {"thrift": thrift}) == "Thrift: from the survey, and not shown of one person"
    rows = pd.DataFrame({"variable": ["thrift", "recency_days"], "value": [0.9, 5.0], "members": 1.0, "everyone": 2.0, "apart": [3.0, 1.0]})
    page = customer_segment.measures_html({"measures": rows, "segment": {"built": []}}, project)
    assert "90" not in page and "What was answered in a survey is left out." in page


def test_confidence_never_reads_as_certainty(shop):
    sure = {"segment": {"of": {"id": "S1", "name": "Calm"}, "decided": None, "confidence": 0.9963}}
    assert "confidence over 99%" in customer_segment.segment_line(sure, None)


def test_what_happened_once_or_often_is_said_in_french_too(shop):
    words.use("fr", currency="EUR")
    row = SimpleNamespace(kind="visit", n=3, detail=None, channel=None, more=None)
    assert history.said(row, customer.projects.load("shop")) == "3 visites"
