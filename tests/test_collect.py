"""Step 3: why each row is set aside, what is counted, how it is graded, and one row for each customer."""

import json
from datetime import date, timedelta
from types import SimpleNamespace

import ibis
import pandas as pd
import pyarrow.parquet as pq
import pytest
from by_hand import AS_OF, at, orders, project, rows_of, same, table
from pandas.testing import assert_frame_equal

from helpers import NinefoldError, collect, run
from helpers import project as projects
from helpers.collect import page

LINE = "customer_id order_id ordered_at product_id quantity amount"
LINES = [
    ("bea", "o3", "09-03", "p2", 0.0, 0),
    ("ann", "o1", "09-01", "p1", 1.0, 5),
    (None, "o2", "09-02", "p1", 1.0, 9),
    ("ann", "o1", "09-01", "p1", 1.0, 5),  # a copy of the second
    ("bea", "o3", "09-03", "p3", -1.0, -8),  # a refund
    ("cyd", "o4", "09-04", "p4", 1.0, 0),  # given away
    (None, "o2", "09-02", "p1", 1.0, 9),  # a copy that lacks its customer
    ("cyd", "o4", "09-04", "p5", None, 3),
    ("bea", "o3", "09-03", "p2", 0.0, 0),  # a copy without goods
]
RULES = ["quantity_not_positive", "amount_zero", "exact_copy"]


pytestmark = pytest.mark.usefixtures("in_english")


@pytest.fixture(autouse=True)
def step(monkeypatch):
    """A step in progress whose smallest cell is five."""

    class Running:
        project = project(min_cell=5)

    monkeypatch.setattr("helpers.run.current", lambda: Running)


def judged(rules, rows=LINES, name="orders", columns=LINE):
    return collect.judge_rows(name, table(name, columns, *rows), rules)


# Set aside, and why


def reasons(rules, **how) -> list[tuple]:
    """customer, product and reason of every row, sorted; – for nothing."""
    found = judged(rules, **how).execute()[["customer_id", "product_id", "reason"]].astype(object)
    return sorted(map(tuple, found.where(found.notna(), "–").to_numpy()))


def test_a_row_without_what_its_table_needs_is_always_set_aside():
    rows = [("ann", "o1", "09-01", "p1", 1.0, 5), *(tuple(None if i == gap else v for i, v in enumerate(LINES[1])) for gap in range(6))]
    # missing in turn: customer, order, date, product, quantity, amount
    assert list(judged([], rows=rows).execute()["reason"].fillna("–")) == [
        "–",
        "no_customer",
        "incomplete",
        "incomplete",
        "–",
        "–",
        "incomplete",
    ]


def test_without_rules_copies_gifts_and_lines_without_goods_stay():
    assert [reason for *_, reason in reasons([])].count("–") == len(LINES) - 2


@pytest.mark.parametrize(
    ("rule", "aside"),
    [
        ("quantity_not_positive", [("bea", "p2")] * 2),  # neither the refund nor the quantity that nobody knows
        ("amount_zero", [("bea", "p2"), ("bea", "p2"), ("cyd", "p4")]),
        ("exact_copy", [("ann", "p1"), ("bea", "p2")]),  # one of each pair
    ],
)
def test_each_rule_sets_aside_its_rows_and_no_others(rule, aside):
    assert [(who, what) for who, what, reason in reasons([rule]) if reason == rule] == aside


def test_the_first_reason_counts_no_customer_before_copy_before_goods_before_amount():
    assert reasons(RULES) == sorted(
        [
            ("ann", "p1", "–"),
            ("ann", "p1", "exact_copy"),
            ("bea", "p2", "exact_copy"),
            ("bea", "p2", "quantity_not_positive"),
            ("bea", "p3", "–"),
            ("cyd", "p4", "amount_zero"),
            ("cyd", "p5", "–"),
            ("–", "p1", "no_customer"),
            ("–", "p1", "no_customer"),
        ]
    )


def test_rows_are_neither_added_nor_dropped_nor_changed_by_judging():
    found = judged(RULES).execute()
    assert list(found.columns) == [*LINE.split(), "reason"]
    before = table("orders", LINE, *LINES).execute()
    key = ["order_id", "product_id"]
    assert_frame_equal(found[LINE.split()].sort_values(key, ignore_index=True), before.sort_values(key, ignore_index=True))
    assert sorted(reasons(RULES, rows=LINES[::-1])) == reasons(RULES)


def test_rules_about_order_lines_leave_other_tables_alone():
    mailed = [("ann", "c1", "09-01", None), ("ann", "c1", "09-01", None)]
    found = judged(RULES, rows=mailed, name="contacts", columns="customer_id campaign_id sent_at responded_at").execute()
    assert sorted(found["reason"].fillna("–")) == ["exact_copy", "–"]


def test_an_empty_table_has_nothing_to_set_aside():
    assert judged(RULES, rows=[]).execute().empty


# A whole hand-over from files


@pytest.fixture
def unified(tmp_path, monkeypatch):
    """Step 3 over four small files; returns the step, the checked and the judged tables."""
    raw = tmp_path / "data" / "shop" / "raw"
    raw.mkdir(parents=True)
    undated = ("ann", "o9", None, "p1", 1.0, 2)
    lines = "\n".join(",".join("" if v is None else str(v) for v in row) for row in [*LINES, undated])
    (raw / "lines.csv").write_text(f"who,basket,day,sku,qty,paid\n{lines}\n".replace(",09-0", ",2017-09-0"))
    (raw / "people.csv").write_text("id,age\nzoe,70\nann,30\nann,29\n,41\n")
    (raw.parent / "project.yml").write_text(
        """
title: Shop
as_of: 2017-09-04
currency: USD
time_zone: America/New_York
objectives: {main: {name: Revenue, kind: revenue, metric: revenue_per_customer}}
collect:
  sources:
    lines:
      table: orders
      file: raw/lines.csv
      columns: {customer_id: who, order_id: basket, ordered_at: day, product_id: sku, quantity: qty, amount: paid}
    people: {table: customers, file: raw/people.csv, columns: {customer_id: id, age: age}}
  set_aside: [{rule: quantity_not_positive}, {rule: exact_copy}]
"""
    )
    monkeypatch.setenv("NINEFOLD_HOME", str(tmp_path))
    plan = projects.load("shop")
    running = run.Step("collect", plan, projects.instant(None, plan), tmp_path / "run", draft=False)
    return running, *collect.unify(running)


def test_checked_and_set_aside_rows_together_are_the_source_cut_at_as_of(unified):
    running, checked, judged = unified
    # as of 4 September: cyd's two lines lie exactly at as_of; two lines lack a customer, one is a copy, two have no goods, and one
    # has no date: it is in no window, and counted all the same
    assert checked["orders"].count().execute() == 2
    assert judged["orders"].count().execute() == 8 == running.source("orders").count().execute() + 1
    kept = checked["orders"].execute()[["customer_id", "product_id", "amount"]]
    assert list(map(tuple, kept.astype({"amount": float}).to_numpy())) == [("ann", "p1", 5.0), ("bea", "p3", -8.0)]
    aside = judged["orders"].filter(judged["orders"].reason.notnull()).execute()["reason"]
    assert aside.value_counts().to_dict() == {"no_customer": 2, "exact_copy": 2, "quantity_not_positive": 1, "incomplete": 1}
    found = collect.facts("orders", judged["orders"], checked, as_of=running.as_of)
    assert (found["missing"]["ordered_at"], found["last"]) == (1, at("09-03"))


def test_what_is_set_aside_is_handed_over_beside_what_is_kept(unified):
    running, checked, _ = unified
    given = {each["name"]: each["rows"] for each in running.given}
    assert given == {"orders": 2, "orders_set_aside": 6, "customers_set_aside": 1}
    assert checked["customers"].count().execute() == 3  # one row each only after `one_row_each`


# Several sources, one person, and customers whom a rule sets aside

PERSON = "customer_id,first_name,last_name,email,birth_date,kind,created_at"
PEOPLE = {
    "crm.csv": [
        PERSON,
        "c1,Ann,Martin,ann@example.org,1990-09-04,person,2016-01-01",
        "c2,Bea,Petit,bea@example.org,1990-09-05,staff,2016-01-01",
        "c3,Cyd,Moreau,cyd@example.org,1870-01-01,person,2016-01-01",
        "c9,Zoe,Faure,zoe@example.org,1980-01-01,person,2017-09-04",  # created at as_of: nobody knew her yet
    ],
    "shop.csv": ["account,mail,since", "7,ann@example.org,2017-01-01", "8,dan@example.org,2017-01-01"],
    "lines.csv": [
        "who,basket,day,paid",
        *(f"7,o{n},2017-09-01,10" for n in range(3)),  # three orders on one day
        "8,p1,2017-09-02,20",
        "8,p2,2017-09-02,20",
        "crm-c2,q1,2017-09-02,5",
        "8,p3,2017-09-02,n.c.",
        "8,test,2017-09-02,1",
    ],
}


@pytest.fixture
def company(tmp_path, monkeypatch):
    """Step 3 over two lists of customers and one of orders; set_aside as typed. Returns the step, checked, judged and who is whom."""

    def made(set_aside="[]"):
        raw = tmp_path / "data" / "company" / "raw"
        raw.mkdir(parents=True, exist_ok=True)
        for name, lines in PEOPLE.items():
            (raw / name).write_text("\n".join(lines) + "\n")
        (raw.parent / "project.yml").write_text(
            f"""
title: Company
as_of: 2017-09-04
objectives: {{main: {{name: Revenue, kind: revenue, metric: revenue_per_customer}}}}
collect:
  matching: {{exact: [[email]], households: false}}
  set_aside: {set_aside}
  sources:
    crm:
      table: customers
      ids: crm
      file: raw/crm.csv
      columns: {{{", ".join(f"{c}: {c}" for c in PERSON.split(","))}}}
    accounts:
      {{table: customers, ids: shop, file: raw/shop.csv, columns: {{customer_id: account, email: mail, created_at: since}}}}
    lines:
      table: orders
      ids: shop
      file: raw/lines.csv
      columns: {{customer_id: who, order_id: basket, ordered_at: day, amount: paid}}
      filter: "basket != 'test'"
      unreadable_at_most: 0.5
"""
        )
        monkeypatch.setenv("NINEFOLD_HOME", str(tmp_path))
        plan = projects.load("company")
        running = run.Step("collect", plan, projects.instant(None, plan), tmp_path / "run", draft=False)
        matched = same_mail(running)
        return running, *collect.unify(running, matched), matched

    return made


def same_mail(running):
    """Who is whom as one would work it out by hand: account 7 is Ann of the customer file."""
    rows = [("c1", "c1"), ("c2", "c2"), ("c3", "c3"), ("c9", "c9"), ("shop:7", "c1"), ("shop:8", "shop:8")]
    identity = ibis.memtable(pd.DataFrame(rows, columns=["raw_id", "customer_id"]))
    records = running.engine.records().left_join(identity.rename(person="customer_id"), [("customer_id", "raw_id")])
    kept = ["first_name", "last_name", "email", "birth_date", "kind", "created_at"]
    people = records.group_by("person").agg(**{c: records[c].min() for c in kept}).rename(customer_id="person")
    return SimpleNamespace(identity=identity, people=people)


def lines_of(table) -> list[tuple]:
    return sorted(map(tuple, table.execute()[["customer_id", "order_id"]].astype(object).fillna("–").to_numpy()))


def test_orders_of_an_account_become_those_of_the_person(company):
    _, checked, judged, _ = company()
    assert lines_of(checked["orders"]) == [
        ("c1", "o0"),
        ("c1", "o1"),
        ("c1", "o2"),
        *(("shop:8", p) for p in ("p1", "p2")),
        ("shop:crm-c2", "q1"),
    ]
    # rows that the engine refused are set aside with its reason; the filtered one is in no figure, the unreadable one is
    aside = judged["orders"].filter(judged["orders"].reason.notnull()).execute().set_index("order_id")["reason"]
    assert aside.to_dict() == {"p3": "unreadable", "test": "filtered"}
    found = collect.facts("orders", judged["orders"], checked, as_of=AS_OF)
    assert {k: found[k] for k in ("rows", "unreadable", "filtered", "replaced", "set_aside")} == {
        "rows": 7,
        "unreadable": 1,
        "filtered": 1,
        "replaced": 0,
        "set_aside": 1,
    }
    assert found["missing"]["amount"] == 0, "a value that cannot be read is no empty one"


def test_customers_carry_an_age_and_nothing_that_says_who_they_are(company):
    running, checked, judged, _ = company()
    customers = rows_of(collect.one_row_each(checked["customers"], checked["orders"]))
    assert not set(customers.columns) & {"first_name", "last_name", "email", "birth_date", "source", "place"}
    # as of 4 September 2017: Ann turns 27 that day, Bea tomorrow; Cyd would be 147; Zoe was not known yet
    ages = customers.set_index("customer_id")["age"].astype(object).where(lambda a: a.notna(), None)
    assert ages.to_dict() == {"c1": 27, "c2": 26, "c3": None, "shop:8": None, "shop:crm-c2": None}
    assert collect.facts("customers", judged["customers"], checked, as_of=running.as_of)["impossible_ages"] == 1
    assert running.engine.after("customers") == 1
    aside = pq.read_table(running.folder / "customers_set_aside.parquet")
    assert not set(aside.column_names) & {"first_name", "last_name", "email", "birth_date"}


def test_a_person_in_two_sources_is_no_duplicate_and_twice_in_one_is(company):
    _, checked, judged, _ = company()
    assert collect.facts("customers", judged["customers"], checked, as_of=AS_OF)["duplicates"] == 0
    twice = judged["customers"].mutate(customer_id=ibis.cases((ibis._.customer_id == "c3", "c1"), else_=ibis._.customer_id))
    assert collect.facts("customers", twice, checked, as_of=AS_OF)["duplicates"] == 1


def test_staff_and_shared_cards_leave_with_all_their_rows_and_are_counted(company):
    rules = "[{rule: customers_where, where: \"kind == 'staff'\"}, {rule: orders_a_day_above, value: 2, because: a card}]"
    running, checked, judged, _ = company(rules)
    assert lines_of(checked["orders"]) == [("shop:8", "p1"), ("shop:8", "p2"), ("shop:crm-c2", "q1")]  # two a day are not more than two
    assert sorted(checked["customers"].execute()["customer_id"]) == ["c3", "shop:8"]
    gone = judged["customers"].filter(judged["customers"].reason.notnull()).execute()
    assert sorted(zip(gone["customer_id"], gone["reason"], strict=True)) == [
        ("c1", "orders_a_day_above"),
        ("c1", "orders_a_day_above"),  # both her records
        ("c2", "customers_where"),
    ]
    shown = page.set_aside_table(judged["orders"], running.project).frame.set_index("reason")
    assert shown.loc["a customer with more than 2 orders on one day", ["rows", "revenue", "because"]].tolist() == [3, 30.0, "a card"]
    elsewhere = page.elsewhere_table(judged, running.project).frame
    assert list(elsewhere["reason"]) == ["a customer for whom this holds: kind == 'staff'", "a customer with more than 2 orders on one day"]


def test_two_rules_of_one_kind_are_told_apart():
    listed = [{"rule": "customers_where", "where": f"kind == '{kind}'"} for kind in ("staff", "reseller")]
    plan = project(collect={"set_aside": listed})
    assert list(collect.rules_of(plan)) == ["customers_where", "customers_where_2"]
    assert page.reason_words("customers_where_2", plan) == "a customer for whom this holds: kind == 'reseller'"


@pytest.mark.parametrize(
    ("rule", "said"),
    [
        ({"rule": "customers_where", "where": "kind == 'staff'"}, "there is no table customers"),
        ({"rule": "orders_a_day_above"}, "orders_a_day_above needs a value"),
    ],
)
def test_a_rule_that_cannot_be_worked_out_names_its_field(rule, said):
    plan = project(collect={"set_aside": [{"rule": "exact_copy"}, rule]})
    with pytest.raises(NinefoldError, match=rf"field collect\.set_aside\[1\].*{said}"):
        collect.apart(None, orders(("ann", "o1", "09-01", 1)), plan)


def test_a_missing_attribute_is_no_staff():
    people = table("customers", "customer_id kind", ("ann", "staff"), ("bea", None), ("cyd", "person"))
    plan = project(collect={"set_aside": [{"rule": "customers_where", "where": "kind == 'staff'"}]})
    same(collect.apart(people, orders(), plan), {"customer_id": ["ann"], "reason": ["customers_where"]})


# One row per customer

BOUGHT = orders(
    ("bea", "b2", "09-03", 7),
    ("bea", "b1", "06-01", 5),
    ("bea", "b1", "06-01 00:01", 1),  # a line of the same order, a minute later
    ("ann", "a1", "09-01", 3),
)


def test_everybody_who_bought_or_is_described_is_one_row():
    described = table("customers", "customer_id age", ("zoe", "70"), ("ann", "30"), (None, "50"))
    same(
        collect.one_row_each(described, BOUGHT),
        {
            "customer_id": ["ann", "bea", "zoe"],
            "described": [True, False, True],
            "first_ordered_at": [at("09-01"), at("06-01"), None],
            "last_ordered_at": [at("09-01"), at("09-03"), None],
            "orders": [1, 2, 0],
            "age": ["30", None, "70"],
        },
    )


def test_a_customer_described_twice_keeps_the_smallest_value_of_each_column():
    described = table("customers", "customer_id age town", ("ann", "31", "Nice"), ("ann", None, "Lyon"), ("ann", "30", None))
    found = rows_of(collect.one_row_each(described, BOUGHT))
    assert list(found["customer_id"]) == ["ann", "bea"]
    assert tuple(found.loc[0, ["age", "town"]]) == ("30", "Lyon") and bool(found.loc[0, "described"])


def test_without_descriptions_the_buyers_are_all_there_is():
    found = collect.one_row_each(None, BOUGHT)
    assert rows_of(found)["described"].tolist() == [False, False]
    assert collect.attributes(found) == [] and collect.attribute_coverage(found).empty
    assert collect.described_share(collect.attribute_coverage(found)) is None


def test_without_orders_the_described_are_all_there_is():
    found = rows_of(collect.one_row_each(table("customers", "customer_id age", ("ann", "30")), orders()))
    assert found[["customer_id", "orders", "described"]].to_numpy().tolist() == [["ann", 0, True]]
    assert found["last_ordered_at"].isna().all()


def test_coverage_is_over_all_customers():
    described = table("customers", "customer_id age town", ("ann", "30", None), ("zoe", "30", None))
    everybody = collect.one_row_each(described, BOUGHT)
    same(
        collect.attribute_coverage(everybody),
        {"attribute": ["age", "town"], "n": [2, 0], "share": [2 / 3, 0.0], "values": [1, 0], "spellings": [0, 0]},
        by="attribute",
    )
    assert collect.described_share(collect.attribute_coverage(everybody)) == pytest.approx(1 / 3)


# Facts, counted by hand

ALL = "customer_id order_id ordered_at product_id category quantity amount store_id"
DETAILED = [
    ("bea", "o2", "09-02 10:00", "p1", "FOOD", 1.0, 4, "s1"),
    ("ann", "o1", "09-01 10:00", "p1", "FOOD", 1.0, 5, "s1"),
    ("ann", "o1", "09-01 10:00", "p1", "FOOD", 1.0, 5, "s1"),  # the same key twice
    ("ann", "o1", "09-01 10:00", "p2", None, 0.0, 0, "s1"),  # no goods, no amount, a product that nobody knows
    ("bea", "o2", "09-02 11:00", "p3", "FOOD", -1.0, -9, None),  # a refund, at another moment of one order
    ("cyd", "o3", "1900-01-01", "p1", "FOOD", 1.0, 2, "s2"),  # a placeholder
    (None, "o4", "09-03", "p1", "FOOD", 1.0, 1, "s2"),
]


def facts_of(rows, name="orders", columns=ALL, tables=None, rules=RULES[:1]):
    return collect.facts(name, judged(rules, rows=rows, name=name, columns=columns), tables or {}, as_of=AS_OF)


def test_the_facts_of_order_lines_counted_by_hand():
    assert facts_of(DETAILED) == {
        "rows": 7,
        "customers": 3,
        "set_aside": 2,  # the line without goods, and the one without a customer
        "first": at("1900-01-01"),
        "last": at("09-03"),
        "age_days": 28.0,
        "placeholder": 1,
        "zero": 1,
        "negative": 1,
        "not_positive": 1,  # the refund's quantity is what it should be
        "without_product": 1,
        "missing": dict.fromkeys(ALL.split(), 0) | {"customer_id": 1, "category": 1, "store_id": 1},
        "duplicates": 1,
        "copies": 1,
        "orphans": None,
        "contradictory": 2,  # the two lines of o2
        "contradictions": {"customer": 0, "moment": 1, "store": 0},
        "empty": {},  # who lacks a customer is not incomplete besides
        "undescribed": None,  # nothing describes customers
        "unreadable": 0,
        "filtered": 0,
        "replaced": 0,
    }


def test_without_products_the_lines_of_an_order_are_no_duplicates_of_each_other():
    rows = [("ann", "o1", "09-01", 5), ("ann", "o1", "09-01", 6), ("ann", "o1", "09-01", 6)]
    found = facts_of(rows, columns="customer_id order_id ordered_at amount")
    assert (found["duplicates"], found["copies"]) == (1, 1)
    priced = [(who, order, day, "p1", paid) for who, order, day, paid in rows]  # one product three times, once at another price
    found = facts_of(priced, columns="customer_id order_id ordered_at product_id amount")
    assert (found["duplicates"], found["copies"]) == (2, 1)


@pytest.mark.parametrize(
    ("second", "contradictory"),
    [
        (("ann", "o1", "09-01 10:00", "s1"), 0),
        (("ann", "o1", "09-01 10:00", None), 0),  # not known is no contradiction
        (("bea", "o1", "09-01 10:00", "s1"), 2),
        (("ann", "o1", "09-01 10:01", "s1"), 2),
        (("ann", "o1", "09-01 10:00", "s2"), 2),
    ],
)
def test_an_order_has_one_customer_one_moment_and_one_store(second, contradictory):
    rows = [(who, order, when, "p", "FOOD", 1.0, 1, store) for who, order, when, store in [("ann", "o1", "09-01 10:00", "s1"), second]]
    assert facts_of(rows)["contradictory"] == contradictory


def test_the_facts_of_mailings_know_orphans_and_answers_before_their_mailing():
    sent = [("ann", "c1", "09-01", "08-31"), ("zoe", "c1", "09-01", "09-01"), (None, "c1", "09-01", None), ("bea", "c1", "09-01", None)]
    columns = "customer_id campaign_id sent_at responded_at"
    found = facts_of(sent, "contacts", columns, {"orders": BOUGHT})
    assert {k: found[k] for k in ("rows", "customers", "orphans", "contradictory", "duplicates", "age_days")} == {
        "rows": 4,
        "customers": 3,
        "orphans": 2,  # zoe never bought, and nobody never does
        "contradictory": 1,
        "duplicates": 0,
        "age_days": 30.0,
    }
    assert found["missing"] == {"customer_id": 1, "campaign_id": 0, "sent_at": 0}  # an empty answer is an answer


def test_the_facts_of_a_table_without_dates_have_no_age():
    found = facts_of([("ann", "30"), ("ann", "31"), ("zoe", None)], "customers", "customer_id age", {"orders": BOUGHT})
    assert found["duplicates"] == 1 and found["orphans"] == 1 and found["missing"] == {"customer_id": 0, "age": 1}
    assert "age_days" not in found and found["contradictory"] is None


def test_a_table_about_nobody_is_checked_without_customers():
    rows = [("Nice", 2016, "households", 5.0), ("Nice", 2016, "households", 6.0), ("Nice", None, "households", 5.0)]
    found = facts_of(rows, "market", "area year measure value", {"orders": BOUGHT})
    assert (found["rows"], found["set_aside"], found["duplicates"], found["orphans"]) == (3, 1, 1, None)
    assert "customers" not in found and not page.facts_table({"market": found}).frame.empty


def test_an_empty_table_has_facts_and_a_grade():
    found = facts_of([])
    assert (found["rows"], found["customers"], found["first"], found["duplicates"]) == (0, 0, None, 0)
    assert collect.grade_table("orders", found, project(), collect.control(orders(), project()))["timeliness"] is None


# Grades


def graded(table="orders", totals=None, described=None, quality=None, **found):
    blank = {"rows": 100, "missing": {"customer_id": 0, "amount": 0}, "duplicates": 0, "contradictory": 0, "orphans": None}
    plan = project(tables=("orders", "customers"), collect={"quality": quality or {}})
    totals = pd.DataFrame(columns=["difference"]) if totals is None else pd.DataFrame({"difference": totals})
    return collect.grade_table(table, blank | found, plan, totals, described)


def test_the_seven_dimensions_worked_out_by_hand():
    found = graded(
        missing={"customer_id": 4, "amount": 0, "store_id": 26},
        duplicates=10,
        contradictory=20,
        without_product=30,
        not_positive=5,
        placeholder=1,
        age_days=62.0,
        totals=[0.0, 0.01, -0.0101, 0.5],
    )
    assert {k: found[k] for k in collect.DIMENSIONS} == pytest.approx(
        {
            "completeness": 0.90,  # 30 of 300 cells
            "consistency": 0.80,
            "uniqueness": 0.90,
            "accuracy": 0.50,  # two of four months within 1 %
            "timeliness": 0.50,  # 31 days allowed, 62 old
            "validity": 0.90,  # 5 + 1 + 4 of 100 rows
            "integrity": 0.70,
        }
    )
    # weights 2 1 2 2 1 2 1: (1.8 + .8 + 1.8 + 1 + .5 + 1.8 + .7) / 11
    assert (found["score"], found["grade"]) == (pytest.approx(8.4 / 11), "low")


def test_what_cannot_be_told_weighs_nothing():
    found = graded(contradictory=None)
    assert [k for k in collect.DIMENSIONS if found[k] is None] == ["consistency", "accuracy", "timeliness", "integrity"]
    assert (found["score"], found["grade"]) == (1.0, "high")


@pytest.mark.parametrize(("empty", "grade"), [(5, "high"), (6, "medium"), (15, "medium"), (16, "low")])
def test_the_borders_of_the_grade(empty, grade):
    only = dict.fromkeys(collect.DIMENSIONS, 0) | {"completeness": 1}
    assert graded(missing={"customer_id": empty}, quality=only)["grade"] == grade


def test_a_full_table_about_a_third_of_the_customers_is_a_third_complete():
    assert graded("customers", described=1 / 3)["completeness"] == pytest.approx(1 / 3)


def test_fresh_rows_are_not_more_than_fresh():
    assert graded(age_days=0.0)["timeliness"] == 1.0 == graded(age_days=31.0)["timeliness"]


# Control totals

MONTHLY = orders(("ann", "1", "07-31 23:59", 101), ("ann", "2", "08-01", 90), ("bea", "3", "08-31", 12.5), ("bea", "4", "09-15", 40))


def controlled(totals, **how):
    listed = [{"month": month, "revenue": revenue} for month, revenue in totals]
    return collect.control(MONTHLY, project(collect={"control_totals": listed}), **how)


def test_revenue_a_month_stands_beside_the_controllers():
    found = controlled([(date(2017, 10, 1), 50), (date(2017, 8, 1), 100), (date(2017, 7, 1), 100)])
    expected = {"ours": [101.0, 102.5, 0.0], "theirs": [100.0, 100.0, 50.0], "difference": [0.01, 0.025, -1.0], "measure": ["revenue"] * 3}
    same(found, {"month": [date(2017, 7, 1), date(2017, 8, 1), date(2017, 10, 1)], **expected}, by="month")


@pytest.mark.parametrize(("theirs", "draft"), [(100, False), (99.99, True), (102.02, False), (102.03, True)])
def test_more_than_one_percent_apart_makes_everything_a_draft(theirs, draft):
    said = page.reconciliation(controlled([(date(2017, 7, 1), theirs)]))  # ours 101: 100 is exactly 1 % apart, 102.02 a little less
    assert said.startswith("DRAFT") == draft and ("July 2017" in said)


def test_a_month_of_nothing_on_their_side_is_no_division_by_zero():
    found = controlled([(date(2017, 7, 1), 0), (date(2017, 10, 1), 0)])
    assert list(found["difference"]) == [float("inf"), 0.0]
    assert page.reconciliation(found).startswith("DRAFT")


def test_a_month_that_is_not_over_is_not_compared():
    totals = [(date(2017, 8, 1), 102.5), (date(2017, 9, 1), 900)]
    assert list(controlled(totals, as_of=at("09-30"))["month"]) == [date(2017, 8, 1)]
    assert list(controlled(totals, as_of=AS_OF)["month"]) == [date(2017, 8, 1), date(2017, 9, 1)]


def test_without_control_totals_nothing_is_claimed():
    assert controlled([]).empty and page.reconciliation(controlled([])).startswith("No control totals")


def test_orders_and_customers_are_compared_where_the_controller_knows_them():
    total = {"month": date(2017, 8, 1), "revenue": 102.5, "orders": 2, "customers": 3}
    found = collect.control(MONTHLY, project(collect={"control_totals": [total]}))
    assert list(map(tuple, found[["measure", "ours", "theirs", "difference"]].to_numpy())) == [
        ("revenue", 102.5, 102.5, 0.0),
        ("orders", 2.0, 2.0, 0.0),
        ("customers", 2.0, 3.0, pytest.approx(-1 / 3)),
    ]
    assert collect.beyond(found)
    assert page.reconciliation(found).startswith("DRAFT: the number of customers differs by −33.33%")
    assert collect.grade_table("orders", facts_of(DETAILED), project(), found)["accuracy"] == 1.0, "accuracy is about revenue"


def test_rows_that_were_never_meant_to_count_are_compared_with_nobody():
    judged = MONTHLY.mutate(reason=ibis.cases((ibis._.order_id == "2", "filtered"), (ibis._.order_id == "3", "replaced")))
    total = {"month": date(2017, 8, 1), "revenue": 102.5}
    assert list(collect.control(judged, project(collect={"control_totals": [total]}))["ours"]) == [0.0]


def handed_over(difference) -> dict:
    rows = [{"month": "2017-08-01", "measure": "revenue", "ours": 1.0, "theirs": 1.0, "difference": difference}]
    return {"unidentified": 0.0123, "control": rows, "draft": difference is None or abs(difference) > 0.01}


def test_the_first_page_says_what_has_no_customer_and_whether_revenue_is_the_controllers():
    assert page.first_line({}) == "", "an earlier run says nothing of it"
    assert page.first_line(handed_over(0.005)) == (
        "Revenue without an identified customer: 1.2%. Revenue agrees with the controller’s figures; the largest difference is +0.50%, in "
        "August 2017."
    )
    assert page.first_line({"unidentified": 0.0, "control": [], "draft": False}).endswith(
        "Revenue was not compared with the controller’s figures."
    )


@pytest.mark.parametrize(("difference", "said"), [(0.01, ""), (0.02, "Revenue: +2.0% from the controller’s figure in August 2017")])
def test_a_difference_beyond_one_percent_makes_every_page_a_draft(tmp_path, difference, said):
    from helpers import render

    (tmp_path / "03_collect").mkdir()
    (tmp_path / "03_collect" / "quality.json").write_text(json.dumps(handed_over(difference)))
    line = render._draft(tmp_path, project())
    assert said in line and line.startswith("DRAFT" if said else "") and bool(line) == bool(said)


def test_what_differs_from_nothing_is_a_draft_although_json_knows_no_infinity():
    assert page.draft_reason(handed_over(None)).startswith("Revenue: ")


# Lines a month


def test_a_month_without_a_line_is_counted_as_none():
    found = collect.by_month(orders(("a", "1", "09-30", 1), ("a", "2", "06-01", 1), ("a", "3", "06-30", 1), (None, "4", "09-01", 1)))
    same(found, {"when": pd.date_range("2017-06-01", periods=4, freq="MS"), "n": [2, 0, 0, 2], "whole": [True] * 4}, by="when")
    assert collect.by_month(orders()).empty


def monthly(counts, begins="2017-05-01", as_of=AS_OF):
    moments = [
        month + timedelta(days=day % 27)
        for month, n in zip(pd.date_range(begins[:8] + "01", periods=len(counts), freq="MS"), counts, strict=True)
        for day in range(n)
        if month + timedelta(days=day % 27) >= pd.Timestamp(begins)
    ]
    rows = [("ann", str(i), moment.isoformat(), 1) for i, moment in enumerate(moments)]
    return page.month_words(collect.by_month(orders(*rows)), as_of=as_of)["title"]


def test_a_missing_month_is_never_called_present():
    assert monthly([40, 42, 41, 40, 44]).startswith("No month is missing: order lines vary by 10%")
    assert "July 2017 is thin" in monthly([40, 42, 0, 40, 44])
    assert "is thin" in monthly([40, 42, 41])  # the extract stops in July, two months before the end


def test_months_that_history_or_the_end_cut_short_are_not_called_thin():
    assert monthly([40, 42, 41, 40, 44], begins="2017-05-25").startswith("No month is missing")
    assert monthly([40, 42, 41, 40, 2], as_of=at("09-03")).startswith("No month is missing")


# What is said


@pytest.mark.parametrize(
    ("before", "after", "said"),
    [
        (100.0, 100.0049, "is the same as in step 1"),
        (100.0, 100.0051, "differs by +0.01% from step 1"),
        (100.0, 97.5, "differs by −2.50% from step 1"),
        (0.0, 0.0, "is the same as in step 1"),
        (0.0, 3.0, "no longer zero"),
        (None, 3.0, "cannot be compared"),
        (3.0, None, "cannot be compared"),
    ],
)
def test_cleaning_says_whether_it_changed_the_earlier_figure(before, after, said):
    assert said in page.agreement(before, after)


def test_the_share_of_revenue_without_a_customer_counts_lines_set_aside():
    assert collect.identified(judged(RULES)) == pytest.approx(18 / 23)  # 9 + 9 of 5 + 9 + 5 − 8 + 9 + 3
    assert collect.identified(judged(RULES, rows=[])) == 0.0


def cells(found) -> list[list]:
    from helpers import tables

    return [[x for x in row if not isinstance(x, str)] for row in tables.payload(found)["rows"]]


def test_revenue_set_aside_of_fewer_than_the_smallest_cell_is_not_shown():
    few = [("ann", "o1", "09-01", "p1", 0.0, 3)] * 4 + [(None, "o2", "09-01", "p1", 1.0, 8)]
    many = [(f"c{i}", f"o{i}", "09-01", "p1", 0.0, 3) for i in range(5)]
    rule = RULES[:1]
    assert cells(page.set_aside_table(judged(rule, rows=few), project())) == [[1, 8.0], [None, None]]  # nobody's, and ann's
    assert cells(page.set_aside_table(judged(rule, rows=many), project())) == [[5, 15.0]]
    assert cells(page.set_aside_table(judged(rule, rows=[]), project())) == [[0, 0.0]]


def test_the_number_described_is_not_shown_below_the_smallest_cell():
    known = table("customers", "customer_id age town", *((f"c{i}", "30", "Nice" if i < 4 else None) for i in range(6)))
    coverage = collect.attribute_coverage(collect.one_row_each(known, orders(*((f"c{i}", str(i), "09-01", 1) for i in range(8)))))
    assert cells(page.coverage_table(coverage)) == [[6, 0.75, 1], [None, None, None]]


def test_no_table_of_the_page_names_a_customer():
    found = {"orders": facts_of(DETAILED)}
    grades = {"orders": graded()}
    made = [
        page.set_aside_table(judged(RULES), project()),
        page.facts_table(found),
        page.provenance_table(found, {"orders": 0}, project()),
        page.coverage_table(collect.attribute_coverage(collect.one_row_each(None, BOUGHT))),
        page.grades_table(grades, project()),
    ]
    written = " ".join(str(each.frame.to_dict()) for each in made)
    assert not any(f"'{name}'" in written for name in ("ann", "bea", "cyd", "o1", "o2"))
