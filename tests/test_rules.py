"""Typed rules: read as meant, refused where their words contradict, counted clause after clause as by hand."""

import ibis
import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from helpers import NinefoldError, project, words
from helpers.build import document as documents
from helpers.build import rules_page
from helpers.build.inputs import columns
from helpers.build.rules import consequences, counted, document_of
from helpers.build.rules_read import conditions, said
from helpers.project.building import Rule
from helpers.tables import as_html

NAMES = ["customer_id", "spend_per_30d", "recency_days", "discount_share", "kind"]
PEOPLE = pa.table(
    {
        "customer_id": list("fbacde"),  # unsorted
        "spend_per_30d": pa.array([0.0, 60.0, 100.0, 50.0, None, float("nan")]),  # f b a c d e
        "recency_days": pa.array([5.0, 21.0, 3.0, 22.0, 90.0, None]),
        "discount_share": pa.array([0.0, 0.3, 0.2, 0.1, 0.4, 0.2]),
        "kind": ["person", "person", "firm", None, "firm", "person"],
    }
)


@pytest.fixture(scope="module")
def plan():
    return project.load("complete_journey")


@pytest.fixture
def known(plan):
    return columns(plan, NAMES)


def rule(name, when="", **more):
    return Rule(name=name, when=when, **more)


def read(text, plan, known):
    return conditions([rule("one", text)], plan, known)["one"]


def people(rows: pa.Table = PEOPLE):
    return ibis.memtable(rows)


def many(expression, plan, known):
    """How many of PEOPLE fit."""
    return int(counted([rule("one", expression)], plan, known, people()).rules["fitting"][0])


def at_least(variable, value):
    return {"variable": variable, "at_least": value}


def below(variable, value):
    return {"variable": variable, "below": value}


# Reading


def test_expressions_become_the_conditions_of_a_document(plan, known):
    spend = "spend_per_30d"
    assert read(f"{spend} >= 5", plan, known) == at_least(spend, 5.0)
    assert read(f"5 > {spend}", plan, known) == below(spend, 5.0)
    assert read(f"{spend} > -5", plan, known) == {"all": [at_least(spend, -5.0), {"not": {"variable": spend, "in": [-5.0]}}]}
    assert read(f"{spend} <= 5", plan, known) == {"any": [below(spend, 5.0), {"variable": spend, "in": [5.0]}]}
    assert read("kind == 'firm'", plan, known) == {"variable": "kind", "in": ["firm"]}
    assert read("kind in ['firm', 'a', 'firm']", plan, known) == {"variable": "kind", "in": ["firm", "a"]}
    assert read(f"not missing({spend})", plan, known) == {"not": {"variable": spend, "missing": True}}
    assert read(f"2 <= {spend} < 5", plan, known) == {"all": [at_least(spend, 2.0), below(spend, 5.0)]}
    either = {"any": [below("recency_days", 9.0), {"variable": "kind", "in": ["firm"]}]}
    assert read(f"{spend} >= 5 and (recency_days < 9 or kind == 'firm')", plan, known) == {"all": [at_least(spend, 5.0), either]}


def test_union_intersect_and_subtract_name_the_rules_that_they_are_made_of(plan, known):
    rules = [
        rule("a", "spend_per_30d >= 5", segment=False),
        rule("b", "recency_days < 9", segment=False),
        rule("c", "kind == 'firm'", segment=False),
        Rule(name="either", union=["a", "b"], subtract=["c"]),
        Rule(name="both", intersect=["a", "b"], segment=False),
        Rule(name="rest", when="discount_share < 0.1", subtract=["a"]),
    ]
    found = conditions(rules, plan, known)
    assert found["either"] == {"all": [{"any": [{"rule": "a"}, {"rule": "b"}]}, {"not": {"rule": "c"}}]}
    assert found["both"] == {"all": [{"rule": "a"}, {"rule": "b"}]}
    assert found["rest"] == {"all": [below("discount_share", 0.1), {"not": {"rule": "a"}}]}


def test_the_document_has_a_segment_a_rule_in_order_and_everyone_else(plan, known):
    rules = [
        rule("vip", "spend_per_30d >= 60"),
        rule("firms", "kind == 'firm'", segment=False),
        Rule(name="others", union=["firms"], subtract=["vip"]),
    ]
    document = document_of(rules, plan, known)
    assert [s["id"] for s in document["segments"]] == ["S1", "S2", "S3"]
    assert document["assign"]["first_match"] == {
        "define": {"vip": at_least("spend_per_30d", 60.0), "firms": {"variable": "kind", "in": ["firm"]}},
        "rules": [
            {"segment": "S1", "name": "vip", "when": {"rule": "vip"}},
            {"segment": "S2", "name": "others", "when": {"all": [{"rule": "firms"}, {"not": {"rule": "vip"}}]}},
        ],
        "otherwise": "S3",
    }
    assert [(v["name"], v["kind"]) for v in document["variables"]] == [("spend_per_30d", "number"), ("kind", "category")]


@pytest.mark.skipif(not hasattr(documents, "json_schema"), reason="documents of format 2 are not there yet")
def test_the_document_places_as_many_as_were_counted(plan, known):
    rules = [
        rule("vip", "spend_per_30d > 50"),
        rule("lost", "not recency_days <= 21", segment=False),
        Rule(name="lost_firms", intersect=["lost"], subtract=["vip"]),
    ]
    placed = documents.apply(document_of(rules, plan, known), people()).execute()["segment"].value_counts()
    found = counted(rules, plan, known, people())
    assert [placed.get(f"S{n}", 0) for n in (1, 2, 3)] == [*found.rules["first"][[0, 2]], found.everyone_else]


# What is refused


@pytest.mark.parametrize(
    ("expression", "message"),
    [
        ("spend_per_30 >= 5", "'spend_per_30' .* is no variable of these customers. Did you mean spend_per_30d?"),
        ("zzz >= 5", "There are: spend_per_30d, recency_days, discount_share, kind"),
        ("spend_per_30d >= '5'", "is a text, and spend_per_30d holds numbers"),
        ("kind == 5", "is a number, and kind holds texts. Write it in quotes"),
        ("kind >= 'a'", "stands in an order with kind, which holds texts"),
        ("spend_per_30d >= recency_days", "is no constant"),
        ("spend_per_30d * 2 >= 5", "rules compare one variable with a constant"),
        ("spend_per_30d", "is no comparison"),
        ("spend_per_30d == True", "is no constant"),
        ("spend_per_30d > 5 and spend_per_30d < 3", "the condition can never hold"),
        ("kind == 'a' and kind == 'b'", "the condition can never hold"),
        ("missing(kind) and kind == 'b'", "the condition can never hold"),
        ("recency_days < 9 or (spend_per_30d >= 5 and spend_per_30d < 5)", "a part of the condition can never hold"),
        ("spend_per_30d >= 5 or not spend_per_30d >= 5", "the condition always holds"),
        ("not kind == 'a' or not kind == 'b'", "the condition always holds"),
        ("spend_per_30d = 5", "Compare with =="),
        ("open('x')", "the function open"),
    ],
)
def test_what_cannot_be_a_condition_is_refused_with_the_remedy(expression, message, plan, known):
    with pytest.raises(NinefoldError, match=message) as raised:
        read(expression, plan, known)
    assert "data/complete_journey/project.yml: build.rules.one" in str(raised.value)


def test_what_missing_values_decide_is_not_taken_for_a_contradiction(plan, known):
    assert many("spend_per_30d >= 5 or spend_per_30d < 5", plan, known) == 4  # not those without spend
    assert many("not spend_per_30d >= 5 and not spend_per_30d < 5", plan, known) == 2  # them alone


def test_two_rules_that_say_the_same_are_refused_however_they_are_written(plan, known):
    rules = [rule("a", "spend_per_30d > 5 and kind in ['x', 'y']"), rule("b", "(kind == 'y' or kind == 'x') and 5 < spend_per_30d")]
    with pytest.raises(NinefoldError, match="build.rules.b says the same as a"):
        conditions(rules, plan, known)


def test_a_rule_that_those_above_leave_nobody_is_refused(plan, known):
    above = [rule("high", "spend_per_30d >= 50"), rule("low", "spend_per_30d < 50")]
    with pytest.raises(NinefoldError, match="build.rules.firms has nobody left"):
        conditions([*above, rule("firms", "spend_per_30d >= 1 and kind == 'firm'")], plan, known)
    conditions([*above, rule("firms", "kind == 'firm'")], plan, known)  # firms without spend are left
    helper = rule("low", "spend_per_30d < 50", segment=False)
    conditions([above[0], helper, rule("firms", "spend_per_30d < 50 and kind == 'firm'")], plan, known)  # makes no segment, takes nobody


def test_a_rule_that_rests_on_a_contradiction_of_others_is_refused(plan, known):
    rules = [rule("high", "spend_per_30d >= 50"), rule("low", "spend_per_30d < 50"), Rule(name="both", intersect=["high", "low"])]
    with pytest.raises(NinefoldError, match="build.rules.both.* can never hold"):
        conditions(rules, plan, known)


def test_rules_of_which_none_makes_a_segment_give_no_document(plan, known):
    with pytest.raises(NinefoldError, match="0 rules that make a segment"):
        document_of([rule("a", "spend_per_30d >= 5", segment=False)], plan, known)


# Counting


@pytest.mark.parametrize(
    ("expression", "fits"),
    [
        ("spend_per_30d >= 60", 2),
        ("spend_per_30d > 60", 1),
        ("spend_per_30d <= 50", 2),
        ("not spend_per_30d > 60", 5),  # those without spend too
        ("missing(spend_per_30d)", 2),  # NULL and NaN
        ("spend_per_30d != 60", 3),
        ("kind not in ['firm']", 3),
        ("not kind == 'firm'", 4),
    ],
)
def test_missing_values_fulfil_no_comparison(expression, fits, plan, known):
    assert many(expression, plan, known) == fits


def test_every_clause_is_counted_with_those_before_it(plan, known):
    expression = "discount_share >= 0.1 and (recency_days <= 21 or kind == 'firm' or missing(recency_days)) and spend_per_30d >= 60"
    clauses = counted([rule("one", expression)], plan, known, people()).clauses
    # b a c d e have the discount; of those b and a came lately, d is a firm, e never came; b and a spend enough
    assert list(zip(clauses["depth"], clauses["how"], clauses["left"], strict=True)) == [
        (0, "all", 5),
        (1, "any", 2),
        (1, "any", 3),
        (1, "any", 4),
        (0, "all", 4),
        (0, "all", 2),
    ]
    assert [said(c) for c in clauses["condition"]][1] == "recency_days < 21 or recency_days == 21.0"


def test_who_fits_several_rules_belongs_to_the_first_and_the_rest_is_everyone_else(plan, known):
    rules = [
        rule("vip", "spend_per_30d >= 60"),
        rule("offers", "discount_share >= 0.2", segment=False),
        rule("firms", "kind == 'firm'"),
        Rule(name="hunters", union=["offers"], subtract=["firms"]),
    ]
    orders = ibis.memtable({"customer_id": list("aabdx"), "amount": [1, 2, 10, 100, 5_000]}).mutate(
        amount=ibis._.amount.cast("decimal(18,2)")
    )
    found = counted(rules, plan, known, people(), orders=orders)
    expected = pd.DataFrame(
        [
            ["vip", "S1", 2, 2, 13.0],  # a b
            ["offers", None, 4, 4, 113.0],  # a b d e
            ["firms", "S2", 2, 1, 100.0],  # a d, of whom a is vip
            ["hunters", "S3", 2, 1, 0.0],  # b e, of whom b is vip
        ],
        columns=["rule", "segment", "fitting", "first", "revenue"],
    ).astype("object")
    pd.testing.assert_frame_equal(found.rules, expected.where(expected.notna(), None))
    assert (found.customers, found.everyone_else, found.revenue, found.revenue_else) == (6, 2, 113.0, 0.0)  # c f; x is nobody here
    assert found.overlap.to_numpy().tolist() == [[2, 2, 1, 1], [2, 4, 2, 2], [1, 2, 2, 0], [1, 2, 0, 2]]
    assert consequences(found) == []


def test_what_only_the_data_show_is_stated(plan, known, in_english):
    rules = [
        rule("nobody", "spend_per_30d >= 1000", title="Whales"),
        rule("all_of_them", "discount_share >= 0"),
        rule("late", "recency_days > 50"),
    ]
    found = counted(rules, plan, known, people())
    assert consequences(found) == [
        {"rule": "nobody", "code": "nobody"},
        {"rule": "all_of_them", "code": "everybody"},
        {"rule": "late", "code": "nobody left"},
        {"rule": "", "code": "no one else"},
    ]
    assert rules_page.consequences_words(found, rules)[0] == "“Whales” fits nobody in these data."
    assert found.evidence()["consequences"] == consequences(found)


def test_no_customers_at_all_are_counted_as_none(plan, known):
    found = counted([rule("a", "spend_per_30d >= 5")], plan, known, people(PEOPLE.slice(0, 0)))
    assert (found.customers, found.everyone_else, list(found.rules["fitting"])) == (0, 0, [0])
    assert consequences(found) == []


# Any rule

VALUES = {"spend_per_30d": [None, 0.0, 1.0, 2.0, 3.0], "recency_days": [None, 0.0, 1.0, 2.0], "kind": [None, "a", "b", "c"]}


def _leaf(name, sign, value):
    tests = {
        ">=": lambda v: v is not None and v >= value,
        ">": lambda v: v is not None and v > value,
        "<=": lambda v: v is not None and v <= value,
        "<": lambda v: v is not None and v < value,
        "==": lambda v: v is not None and v == value,
        "!=": lambda v: v is not None and v != value,
    }
    return f"{name} {sign} {value!r}", lambda row: tests[sign](row[name])


LEAVES = st.one_of(
    st.builds(
        _leaf,
        st.sampled_from(["spend_per_30d", "recency_days"]),
        st.sampled_from([">=", ">", "<=", "<", "==", "!="]),
        st.sampled_from([1, 2]),
    ),
    st.builds(_leaf, st.just("kind"), st.sampled_from(["==", "!="]), st.sampled_from(["a", "b"])),
    st.sampled_from(list(VALUES)).map(lambda name: (f"missing({name})", lambda row: row[name] is None)),
)
ANY_RULE = st.recursive(
    LEAVES,
    lambda inner: st.one_of(
        st.tuples(inner, inner).map(lambda p: (f"({p[0][0]}) and ({p[1][0]})", lambda row: p[0][1](row) and p[1][1](row))),
        st.tuples(inner, inner).map(lambda p: (f"({p[0][0]}) or ({p[1][0]})", lambda row: p[0][1](row) or p[1][1](row))),
        inner.map(lambda p: (f"not ({p[0]})", lambda row: not p[1](row))),
    ),
    max_leaves=5,
)
EVERY_CASE = [
    {"spend_per_30d": s, "recency_days": r, "kind": k}
    for s in VALUES["spend_per_30d"]
    for r in VALUES["recency_days"]
    for k in VALUES["kind"]
]


@settings(deadline=None, max_examples=25, derandomize=True)
@given(ANY_RULE, st.integers(0, 99))
def test_any_rule_is_counted_as_python_understands_it_and_refused_only_where_it_is_idle(made, seed):
    expression, fits = made
    plan = project.load("complete_journey")
    known, rows = columns(plan, VALUES), list(np.random.default_rng(seed).permutation(EVERY_CASE))
    truth = sum(fits(row) for row in rows)
    try:
        conditions([rule("one", expression)], plan, known)
    except NinefoldError as error:
        assert "a part of" in str(error) or truth in (0, len(rows))
        assume(False)
    assert 0 < truth < len(rows)  # every case is among the rows: what can hold holds for somebody
    table = pa.Table.from_pylist([{"customer_id": str(n), **row} for n, row in enumerate(rows)])
    found = counted([rule("one", expression)], plan, known, people(table))
    assert found.rules["fitting"][0] == truth == found.clauses["left"].iloc[-1]


# The page


def many_people(n: int):
    """Spend 0 to n − 1; every second one is a firm."""
    rows = {"customer_id": [f"c{i:04d}" for i in range(n)], "spend_per_30d": np.arange(n, dtype=float)}
    return ibis.memtable(pd.DataFrame(rows | {"recency_days": 1.0, "discount_share": 0.2, "kind": ["firm", "person"] * (n // 2)}))


def test_the_page_says_rules_in_words(plan, known, in_english):
    titles = {"vip": "VIP"}
    either = read("(spend_per_30d > 50.5 or not missing(kind)) and kind in ['a', 'b'] and discount_share <= 0.125", plan, known)
    assert rules_page.condition_words(either, known, titles) == (
        "(Spend per 30 days above $50.50 or kind is known), kind is “a” or “b” and Discount share 12.5% at most"
    )
    inside = {"all": [{"rule": "vip"}, {"not": {"rule": "vip"}}, {"not": {"any": [{"rule": "vip"}, at_least("recency_days", 3)]}}]}
    assert rules_page.condition_words(inside, known, titles) == (
        "in “VIP”, not in “VIP” and not (in “VIP” or Days since last purchase 3 days or more)"
    )
    both = {"variable": "recency_days", "at_least": 3.0, "below": 9.0}
    assert rules_page.condition_words(both, known, {}) == "Days since last purchase 3 days to below 9 days"


def test_the_tables_show_what_was_counted(plan, known, in_english):
    rules = [
        rule("vip", "spend_per_30d >= 50", title={"en": "VIP", "fr": "Clients VIP"}),
        rule("firms", "kind == 'firm' and spend_per_30d >= 20"),
    ]
    found = counted(rules, plan, known, many_people(100))
    table = rules_page.rules_table(found, rules, plan, known)
    assert table.frame[["title", "fitting", "after", "share"]].astype("object").where(lambda f: f.notna(), None).to_numpy().tolist() == [
        ["VIP", 50, 50, 0.5],
        ["firms", 40, 15, 0.15],
        ["Everyone else", None, 35, 0.35],
    ]
    left = rules_page.clauses_table(found, rules, known).frame
    assert left[["joined", "left"]].to_numpy().tolist() == [["", 50], ["", 50], ["and", 40]]
    shares = rules_page.overlap_frame(found, rules)
    assert shares.loc["firms", "VIP"] == 25 / 40
    assert rules_page.overlap_words(found, rules)["title"] == "63% of “firms” also fit “VIP”"
    assert rules_page.rules_words(found, rules) == "2 rules cut 100 customers; 35% of them fit none and are “everyone else”."
    for one in (table, rules_page.clauses_table(found, rules, known), rules_page.overlap_table(found, rules)):
        assert "c00" not in as_html(one)


def test_nothing_tells_of_fewer_than_ten_customers(plan, known, in_english):
    rules = [
        rule("few", "spend_per_30d >= 95"),
        rule("vip", "spend_per_30d >= 50"),
        rule("nearly", "spend_per_30d >= 12 and spend_per_30d < 93"),
    ]
    found = counted(rules, plan, known, many_people(100))
    assert list(found.rules["fitting"]) == [5, 50, 81]
    assert list(found.rules["first"]) == [5, 45, 38]
    table = rules_page.rules_table(found, rules, plan, known)
    assert table.frame["after"].isna().tolist() == [True, False, False, True]  # the next smallest with it: everyone else, 12
    assert table.frame["fitting"].isna().tolist() == [True, True, False, True]  # 50 less 45 would tell of the five
    assert table.frame["share"].isna().tolist() == [True, False, False, True]
    left = rules_page.clauses_table(found, rules, known).frame["left"]
    assert left.isna().tolist() == [True, False, True, False]  # 88 less 81 would tell of seven
    assert np.isnan(rules_page.overlap_frame(found, rules).loc["vip", "few"])


def test_the_page_is_written_in_french_too(plan, known):
    before = words.language(), words.currency()
    words.use("fr", "EUR")
    rules = [rule("vip", "spend_per_30d >= 50", title={"en": "VIP", "fr": "Clients VIP"})]
    found = counted(rules, plan, known, many_people(100))
    assert rules_page.rules_table(found, rules, plan, known).frame["title"][0] == "Clients VIP"
    words.use(*before)
