"""Step 3 and the law: how long customers may be kept, whose word on contacts counts, special categories, what is collected unused."""

from datetime import datetime
from types import SimpleNamespace

import ibis
import pandas as pd
import pytest
from by_hand import AS_OF, orders, project, rows_of, same, table

from helpers import NinefoldError, collect
from helpers.collect import law, law_page, people_page, special
from helpers.collect.unify import _judged
from helpers.tables import payload
from helpers.target import guards
from helpers.variables import descriptors

pytestmark = pytest.mark.usefixtures("in_english")


@pytest.fixture(autouse=True)
def step(monkeypatch):
    """A step in progress whose smallest cell is two."""

    class Running:
        project = project(min_cell=2)

    monkeypatch.setattr("helpers.run.current", lambda: Running)


# How long customers may be kept


@pytest.mark.parametrize(
    ("moment", "years", "earlier"),
    [
        (datetime(2025, 1, 1), 3, datetime(2022, 1, 1)),
        (datetime(2024, 2, 29), 3, datetime(2021, 2, 28)),  # no such day in 2021
        (datetime(2024, 2, 29), 4, datetime(2020, 2, 29)),
        (datetime(2025, 1, 1), 0.5, datetime(2024, 7, 2)),  # 183 days
    ],
)
def test_years_are_counted_by_the_calendar(moment, years, earlier):
    assert law.years_before(moment, years) == earlier


def customers(*rows):
    """Unified customers: customer_id, last_ordered_at, created_at."""
    kinds = {"customer_id": "string", "last_ordered_at": "timestamp", "created_at": "timestamp"}
    frame = pd.DataFrame(rows, columns=list(kinds)).astype({"last_ordered_at": "datetime64[us]", "created_at": "datetime64[us]"})
    return ibis.memtable(frame, schema=kinds)


def test_on_the_day_itself_the_three_years_are_not_over():
    base = customers(("at", "2014-10-01 00:00", None), ("before", "2014-09-30 23:59:59", None), ("after", "2014-10-01 09:00", None))
    signs = collect.last_signs(base, {}, project())
    found = collect.freshness(signs, as_of=AS_OF, years=3)
    assert found == {"customers": 3, "past": 1, "unknown": 0, "until": datetime(2014, 10, 1), "years": 3}


def test_whatever_the_person_did_counts_and_opening_a_mail_does_not():
    people = ["bought", "answered", "visited", "filled", "clicked", "opened", "sent", "said", "asked", "never", "nothing"]
    base = customers(*((name, "2010-01-01" if name == "bought" else None, "2009-01-01" if name != "nothing" else None) for name in people))
    kinds = {"visited": "visit", "filled": "basket", "clicked": "clicked", "opened": "opened", "sent": "sent"}
    checked = {
        "contacts": table(
            "contacts", "customer_id sent_at responded_at", ("answered", "2012-01-01", "2012-02-01"), ("never", "2012-01-01", None)
        ),
        "events": table("events", "customer_id occurred_at kind", *((name, "2012-03-01", kind) for name, kind in kinds.items())),
        "comments": table("comments", "customer_id said_at text", ("said", "2012-04-01", "hm"), ("said", "2011-04-01", "ha")),
        "answers": table("answers", "customer_id question answer answered_at", ("asked", "q", "1", "2012-05-01")),
    }
    found = rows_of(collect.last_signs(base, checked, project())).set_index("customer_id")["last_sign_at"]
    told = {name: None if pd.isna(when) else f"{when:%Y-%m}" for name, when in found.items()}
    assert told == {
        "bought": "2010-01",
        "answered": "2012-02",
        "visited": "2012-03",
        "filled": "2012-03",
        "clicked": "2012-03",
        "opened": "2009-01",  # since the record was made
        "sent": "2009-01",
        "said": "2012-04",
        "asked": "2012-05",
        "never": "2009-01",
        "nothing": None,
    }
    assert collect.freshness(collect.last_signs(base, checked, project()), as_of=AS_OF, years=3)["unknown"] == 1


def test_a_consent_or_a_newer_record_keeps_the_relation_alive():
    base = customers(*((name, None, "2009-01-01") for name in ("withdrew", "again", "once")), ("bought", "2016-01-01", "2009-01-01"))
    consents = table(
        "consents",
        "customer_id channel purpose granted updated_at",
        ("withdrew", "email", "marketing", False, "2016-05-01"),
        ("withdrew", "email", "marketing", True, "2010-05-01"),
    )
    kinds = {"customer_id": "string", "source": "string", "created_at": "timestamp"}
    made = [("again", "news", "2017-01-01"), ("again", "crm", "2009-01-01"), ("bought", "news", "2012-01-01"), ("once", "crm", None)]
    frame = pd.DataFrame(made, columns=list(kinds)).astype({"created_at": "datetime64[us]"})
    signs = collect.last_signs(base, {"consents": consents}, project(), ibis.memtable(frame, schema=kinds))
    found = {row.customer_id: f"{row.last_sign_at:%Y-%m}" for row in signs.execute().itertuples()}
    assert found == {"withdrew": "2016-05", "again": "2017-01", "bought": "2016-01", "once": "2009-01"}
    assert collect.freshness(signs, as_of=AS_OF, years=3)["past"] == 1


def test_records_changed_since_are_counted_and_said():
    rows = table(
        "customers",
        "customer_id created_at updated_at",
        ("a", "01-01", "10-01 00:00"),  # at the as-of date itself
        ("b", "01-01", "09-30 23:59"),
        ("c", None, "12-01"),
        ("d", "10-01", "12-01"),  # not there yet
        ("e", "01-01", None),
    )

    def step(rows):
        return SimpleNamespace(as_of=AS_OF, engine=SimpleNamespace(has=lambda name: rows is not None, mapped=lambda name: rows))

    found = collect.changed_since(step(rows))
    assert found == {"records": 4, "changed": 2}
    (said,) = people_page.changed_caveats(found, project(min_cell=2))
    assert said.startswith("2 records of customers (50.0%) were changed at or after the as-of date.")
    assert people_page.changed_caveats(found, project(min_cell=3)) == []
    assert collect.changed_since(step(rows.drop("updated_at"))) is None and collect.changed_since(step(None)) is None
    assert collect.changed_since(step(rows.limit(0))) == {"records": 0, "changed": 0} and people_page.changed_caveats(None, project()) == []


SIGNS = customers(("ann", "2010-01-01", None), ("bea", "2011-01-01", None), ("cyd", "2017-01-01", None)).mutate(
    last_sign_at="last_ordered_at"
)


def two_lists():
    source = {"table": "customers", "columns": {"customer_id": "id"}}
    lists = {"crm": source | {"file": "crm.csv", "owner": "CRM"}, "shop": source | {"file": "shop.csv"}}
    lines = {"table": "orders", "file": "o.csv", "columns": {c: c for c in ("customer_id", "order_id", "ordered_at", "amount")}}
    return project(collect={"sources": {**lists, "lines": lines}})


def test_customers_past_their_time_are_counted_where_they_stand():
    records = ibis.memtable(
        pd.DataFrame([("ann", "crm"), ("ann", "crm"), ("bea", "crm"), ("cyd", "shop")], columns=["customer_id", "source"])
    )
    checked = {
        "customers": SIGNS,
        "orders": orders(("ann", "1", "2010-01-01", 1), ("bea", "2", "2011-01-01", 1), ("bea", "3", "2011-01-01", 1)),
    }
    found = collect.past_by_source(SIGNS, records, checked, two_lists(), until=datetime(2014, 10, 1))
    assert found.astype(object).values.tolist() == [["crm", "customers", 2, 2, 3], [None, "orders", 2, 2, 3]]  # nobody of the shop is past
    fresh = {"customers": 3, "past": 2, "unknown": 0, "until": datetime(2014, 10, 1), "years": 3.0}
    shown = law_page.past_table(found, fresh, two_lists()).frame
    assert list(shown["where"]) == ["Customer attributes: crm", "Order lines"] and list(shown["owner"]) == ["CRM", "nobody named"]
    assert "2 customers (66.7%)" in law_page.freshness_words(fresh, project(min_cell=2))
    assert "Fewer than 10 customers" in law_page.freshness_words(fresh, project())
    assert "nobody’s data are to go" in law_page.freshness_words(fresh | {"past": 0}, project())
    assert law_page.todo(fresh, [], project(min_cell=2))[0].startswith("Erase or make anonymous the customers past their time (2)")


def test_without_records_the_whole_table_of_customers_is_one_place():
    found = collect.past_by_source(SIGNS, None, {"customers": SIGNS}, two_lists(), until=datetime(2014, 10, 1))
    assert found.astype(object).values.tolist() == [[None, "customers", 3, 2, 2]]


# Consents

SAID = table(
    "consents",
    "customer_id channel purpose granted updated_at",
    ("ann", "email", "marketing", True, "01-01"),
    ("ann", "email", "marketing", False, "09-01"),  # withdrawn later
    ("bea", "email", "marketing", False, "01-01"),
    ("bea", "email", "marketing", True, "09-01"),
    ("cyd", "email", "marketing", True, "01-01"),
    ("cyd", "email", "marketing", False, "01-01"),  # at the same moment: the no counts
    ("cyd", "sms", "marketing", True, "01-01"),
    ("dan", "email", "profiling", True, "01-01"),
    ("cyd", "email", "profiling", True, "02-01"),
    ("eve", "email", "marketing", True, "01-01"),  # no customer of ours
)
FOUR = customers(*((name, None, None) for name in ("dan", "ann", "cyd", "bea")))


def test_the_last_word_on_a_channel_and_purpose_counts():
    found = rows_of(collect.consents_now(SAID), by=["customer_id", "channel", "purpose"])
    told = [(r.customer_id, r.channel, r.purpose, bool(r.granted), bool(r.withdrawn)) for r in found.itertuples()]
    assert told == [
        ("ann", "email", "marketing", False, True),
        ("bea", "email", "marketing", True, False),
        ("cyd", "email", "marketing", False, True),
        ("cyd", "email", "profiling", True, False),
        ("cyd", "sms", "marketing", True, False),
        ("dan", "email", "profiling", True, False),
        ("eve", "email", "marketing", True, False),
    ]


def test_a_purpose_and_a_channel_are_one_however_they_are_typed_for_steps_3_4_and_8():
    typed = table(
        "consents",
        "customer_id channel purpose granted updated_at",
        ("ann", "email", "Marketing", True, "01-01"),
        ("bea", "E-Mail ", "marketing", True, "01-01"),
        ("bea", "e-mail", " MARKETING", False, "09-01"),  # withdrawn in another spelling
        ("cyd", "email", "marketing", True, "01-01"),
        ("cyd", "Email", "Marketing", False, "01-01"),  # at the same moment: the no counts
        ("dan", "email", "\u00a0Profiling", True, "01-01"),
    )
    now = rows_of(collect.consents_now(typed), by=["customer_id"])
    assert [(r.customer_id, r.channel, r.purpose, bool(r.granted)) for r in now.itertuples()] == [
        ("ann", "email", "marketing", True),
        ("bea", "e-mail", "marketing", False),
        ("cyd", "email", "marketing", False),
        ("dan", "email", "profiling", True),
    ]
    assert collect.reach(typed, FOUR) == {"customers": 4, "contact": 1, "profiling": 1, "both": 0}
    told = rows_of(descriptors.reach(FOUR, typed), by=["customer_id"])
    assert told["reach"].tolist() == ["email", "none", "none", "none"]
    assert rows_of(guards.reachable(typed), by=["customer_id"]).to_dict("records") == [{"customer_id": "ann", "channel": "email"}]


def test_consents_are_checked_with_purpose_and_channel_in_one_form_and_an_empty_one_is_set_aside():
    columns = "customer_id channel purpose granted updated_at"
    first = ("ann", "Email", "Marketing ", True, "01-01")
    good = table("consents", columns, first, ("ann", "email", "marketing", True, "01-01"), ("bea", " ", "marketing", True, "01-01"))
    bad = table("consents", columns, ("cyd", "SMS", "Marketing", None, "01-01")).mutate(reason=ibis.literal("unreadable"))
    engine = SimpleNamespace(mapped=lambda _: good, refused=lambda _: bad)
    judged = _judged(SimpleNamespace(source=lambda _: good, engine=engine), "consents", ["exact_copy"], None)
    found = judged.execute().sort_values(["customer_id", "reason"], na_position="first").astype(object).where(lambda x: x.notna(), None)
    assert found[["customer_id", "channel", "purpose", "reason"]].values.tolist() == [
        ["ann", "email", "marketing", None],
        ["ann", "email", "marketing", "exact_copy"],
        ["bea", None, "marketing", "incomplete"],
        ["cyd", "sms", "marketing", "unreadable"],
    ]


def test_a_word_without_a_day_is_nobodys_last_word():
    people, days = ["ann", "bea", "bea", None, "cyd", "cyd"], [None, "2024-01-01", None, "2024-01-01", None, "2024-01-01"]
    frame = pd.DataFrame({"customer_id": people, "granted": [True, True, False, True, True, False], "updated_at": pd.to_datetime(days)})
    frame = frame.assign(channel="email", purpose="marketing")
    now = rows_of(collect.consents_now(ibis.memtable(frame)), by=["customer_id"])
    assert [(r.customer_id, bool(r.granted), bool(r.withdrawn)) for r in now.itertuples()] == [("bea", True, False), ("cyd", False, False)]


def test_shares_are_of_all_customers_marketing_first_and_silence_is_no_yes():
    found = collect.consent_shares(SAID, FOUR)
    assert found.astype(object).values.tolist() == [
        ["marketing", "email", 1, 2, 2, 1, 0.25],
        ["marketing", "sms", 1, 0, 0, 3, 0.25],
        ["profiling", "email", 2, 0, 0, 2, 0.5],
    ]
    assert collect.reach(SAID, FOUR) == {"customers": 4, "contact": 2, "profiling": 2, "both": 1}
    said = law_page.consent_words(collect.reach(SAID, FOUR))
    assert "50% of customers may be contacted" in said and "50% agreed to it, 25% to both" in said
    rows = payload(law_page.consent_table(found))["rows"]
    assert [row[3] for row in rows] == [None, None, 2], "a yes of one customer is not told where the smallest cell is two"


def test_without_consents_nobody_may_be_counted_as_having_agreed():
    assert collect.reach(None, FOUR) is None and collect.consent_shares(None, FOUR).empty
    assert law_page.consent_words(None).startswith("Nobody knows who agreed")
    only = SAID.filter(SAID.purpose == "marketing")
    assert collect.reach(only, FOUR)["profiling"] is None
    assert "Nobody was asked about profiling" in law_page.consent_words(collect.reach(only, FOUR))


# Special categories


@pytest.mark.parametrize(
    ("name", "category"),
    [
        ("religion", "religion"),
        ("Croyance_religieuse", "religion"),
        ("political_party", "opinion"),
        ("opinions", "opinion"),
        ("santé", "health"),
        ("santePercue", "health"),
        ("HEALTH_2", "health"),
        ("Maladies", "health"),
        ("syndicat", "union"),
        ("origine ethnique", "origin"),
        ("orientation_sexuelle", "sexuality"),
        ("empreinte", "biometric"),
        ("lead_origin", None),
        ("trace", None),
        ("reunion", None),
        ("gender", None),
        ("sexe", None),
        ("wealth", None),
        ("town", None),
    ],
)
def test_names_in_english_and_french_tell_special_categories(name, category):
    assert special.category(name) == category


def mapped(columns, basis=None, questions=()):
    """What a step knows of its project, with these columns of customers and these survey questions."""
    plan = two_lists().model_dump(mode="python", by_alias=True)
    sources = plan["collect"]["sources"]
    sources["crm"]["columns"] = {"customer_id": "id"} | columns
    if questions:
        wide = {c: c for c in ("customer_id", "question", "answer", "answered_at")}
        sources["survey"] = {"table": "answers", "file": "s.csv", "columns": wide}
    plan = project(collect={"sources": sources, "special": basis or {}})
    rows = [("ann", q, "1", "09-01") for q in questions]
    answers = table("answers", "customer_id question answer answered_at", *rows)
    engine = SimpleNamespace(has=lambda name: bool(plan.sources_of(name)), mapped=lambda name: answers)
    return SimpleNamespace(project=plan, engine=engine)


@pytest.mark.parametrize(
    ("columns", "name"),
    [
        ({"religion": "r"}, "religion"),
        ({"group": "religion"}, "group"),
        ({"both": ["age", "handicap"]}, "both"),
    ],  # the file's name speaks too
)
def test_a_special_column_without_a_basis_stops_the_step(columns, name):
    with pytest.raises(NinefoldError, match=rf"collect\.sources\.crm\.columns has the column '{name}'.*under collect\.special"):
        special.refuse_special(mapped(columns))
    special.refuse_special(mapped(columns, basis={name: "explicit consent"}))
    with pytest.raises(NinefoldError):
        special.refuse_special(mapped(columns, basis={name: "  "}))


def test_a_survey_question_of_a_special_category_stops_the_step_unless_its_basis_is_stated():
    asked = ["price_1", "health_1", "health_2"]
    with pytest.raises(NinefoldError, match="survey question 'health_1', which speaks of a special category of personal data \\(health\\)"):
        special.refuse_special(mapped({}, questions=asked))
    stated = mapped({}, basis={"health_*": "agreed"}, questions=asked)
    special.refuse_special(stated)
    assert [(s["name"], s["basis"]) for s in collect.special_found(stated)] == [("health_1", True), ("health_2", True)]
    assert list(law_page.special_table(collect.special_found(stated), stated.project).frame["basis"]) == ["agreed", "agreed"]


# Minimisation


def test_what_is_mapped_and_used_by_nothing_is_named():
    sources = two_lists().model_dump(mode="python", by_alias=True)["collect"]["sources"]
    sources["crm"]["columns"] = {c: c for c in ("customer_id", "email", "siret", "kind", "home")}
    sources["lines"]["columns"] |= {"product_id": "p", "channel": "c"}
    sources["lines"]["constants"] = {"store_id": "1"}  # typed, not collected
    base = ibis.memtable(
        pd.DataFrame([(f"c{n}", f"{732_829_320_000_74 + n}", "ab"[n % 2]) for n in range(40)], columns=["customer_id", "siret", "home"])
    ).mutate(described=True)
    survey = {"claims": [{"item": "often", "actual": "orders_per_30d", "name": "Often"}]}
    plan = project(collect={"sources": sources, "set_aside": [{"rule": "customers_where", "where": "kind == 'staff'"}], "survey": survey})
    found = collect.unused(plan, base, ["often", "colour"])
    assert found["customers"] == ["siret"], "e-mail is compared, kind tells staff, home describes segments"
    assert found["answers.question"] == ["colour"] and "store_id" not in found.get("orders", [])
    assert collect.without_basis(plan) == ["crm", "shop", "lines"]
    said = law_page.unused_words(found, ["crm"], [])
    assert "siret (customer attributes)" in said and "No legal basis is stated for crm." in said


def test_a_long_list_of_columns_is_cut():
    said = law_page.unused_words({"answers.question": [f"q_{n}" for n in range(20)]}, [], [])
    assert "q 7 and 12 more (survey answers)" in said


def test_nobody_past_and_nothing_missing_needs_nothing():
    fresh = {"customers": 3, "past": 0, "unknown": 0, "until": AS_OF, "years": 3.0}
    assert law_page.todo(fresh, [], project()) == [] and law_page.caveats(fresh, {"contact": 1}, [], project()) == []


def test_an_empty_base_has_nobody_past():
    signs = collect.last_signs(customers(), {}, project())
    assert collect.freshness(signs, as_of=AS_OF, years=3) | {"until": None} == {
        "customers": 0,
        "past": 0,
        "unknown": 0,
        "until": None,
        "years": 3,
    }
    same(
        collect.consent_shares(SAID.limit(0), FOUR).astype({"share": float}),
        dict.fromkeys(["purpose", "channel", "yes", "no", "withdrawn", "silent", "share"], []),
        by="channel",
    )
