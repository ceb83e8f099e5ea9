"""Expressions of project.yml: what they give, by hand, and what they refuse."""

from datetime import datetime
from decimal import Decimal

import ibis
import pyarrow as pa
import pytest

from helpers import NinefoldError, expressions

COLUMNS = {
    "spend": pa.array([Decimal("12.50"), Decimal("-3.00"), None], pa.decimal128(18, 2)),
    "orders": pa.array([4, 0, 2], pa.int64()),
    "share": pa.array([0.25, None, 0.5], pa.float64()),
    "kind": pa.array(["Firm", "person", None]),
    "paid": pa.array([" 1.5 ", "n/a", None]),
    "at": pa.array([datetime(2017, 9, 30, 23), datetime(2016, 1, 1), None], pa.timestamp("us")),
    "member": pa.array([True, False, None]),
    "Order no": pa.array(["a", "b", "c"]),
}
TABLE = ibis.memtable(pa.table(COLUMNS))


def value(text: str, wanted: str = "number") -> list:
    """What an expression gives for the three rows; a missing number as None."""
    built = expressions.build(text, {name: TABLE[name] for name in COLUMNS}, field="f", wanted=wanted)
    return TABLE.select(found=built).to_pyarrow()["found"].to_pylist()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("spend / orders", [3.125, None, None]),  # 12.50 / 4; -3 / 0 is missing; a missing amount stays missing
        ("orders % 3", [1.0, 0.0, 2.0]),
        ("orders % 0", [None, None, None]),
        ("(orders - 11) % 3", [-7 % 3, -11 % 3, -9 % 3]),  # the sign of the divisor, as in Python: 2, 1 and 0
        ("(orders + 3) % -3", [7 % -3, 3 % -3, 5 % -3]),
        ("spend % 2.5", [12.5 % 2.5, -3 % 2.5, None]),
        ("(orders - 3) % 0.1", [1 % 0.1, -3 % 0.1, -1 % 0.1]),
        ("-orders + 2 * 3", [2.0, 6.0, 4.0]),
        ("1 - spend", [-11.5, 4.0, None]),
        ("min(orders, 3)", [3.0, 0.0, 2.0]),
        ("max(share, orders, 1)", [4.0, 1.0, 2.0]),
        ("abs(spend)", [12.5, 3.0, None]),
        ("log1p(orders - 4)", [0.0, None, None]),  # the logarithm of 1, of -3 and of -1
        ("sqrt(orders - 1) * 2", [pytest.approx(3.4641016), None, 2.0]),
        ("round(spend / 8, 1)", [1.6, -0.4, None]),
        ("floor(spend / 8)", [1.0, -1.0, None]),
        ("coalesce(share, 9)", [0.25, 9.0, 0.5]),
        ("year(at) + month(at) / 100", [2017.09, 2016.01, None]),
        ("number(paid)", [1.5, None, None]),
        ("number(member)", [1.0, 0.0, None]),
        ("1 if orders > 1 else 0", [1.0, 0.0, 1.0]),
        ("orders if share > 0.3 else -1", [-1.0, -1.0, 2.0]),  # a missing condition does not hold
        ("orders\n  + 1", [5.0, 1.0, 3.0]),
    ],
)
def test_a_number_expression_gives_what_one_works_out_by_hand(text, expected):
    assert value(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("orders > 1", [True, False, True]),
        ("0 < orders <= 2", [False, False, True]),
        ("kind == 'Firm'", [True, False, False]),
        ("kind != 'Firm'", [False, True, False]),  # a missing kind holds for neither
        ("not kind == 'Firm'", [False, True, False]),
        ("kind in ['Firm', 'staff']", [True, False, False]),
        ("kind not in ['Firm', 'staff']", [False, True, False]),
        ("orders in [-1, 2]", [False, False, True]),
        ("orders in (0, 4) and spend > 0", [True, False, False]),
        ("spend > 0 or orders == 2", [True, False, True]),
        ("member", [True, False, False]),
        ("contains(lower(kind), 'fir')", [True, False, False]),
        ("starts_with(kind, 'p')", [False, True, False]),
        ("at >= '2017-01-01'", [True, False, False]),
        ("at < '2017-09-30 23:00'", [False, True, False]),
        ("`Order no` == 'b'", [False, True, False]),
        ("kind == '`Order no`'", [False, False, False]),
        ("kind == 'it''s'", [False, False, False]),
    ],
)
def test_a_condition_holds_where_one_sees_that_it_does(text, expected):
    assert value(text, "boolean") == expected


@pytest.mark.parametrize("text", ['kind == "\'; drop table x; --"', "contains(kind, '%')", "starts_with(kind, '_')"])
def test_a_text_is_compared_letter_by_letter_whatever_it_holds(text):
    assert value(text, "boolean") == [False, False, False]


def test_whole_numbers_too_large_to_multiply_as_such_are_multiplied_as_real_ones():
    table = ibis.memtable({"n": [2**62]})
    found = table.select(found=expressions.build("n * n", {"n": table.n}, field="f", wanted="number")).to_pyarrow()["found"].to_pylist()
    assert found == [2.0**124]


def test_a_number_larger_than_any_is_missing():
    table = ibis.memtable({"n": [1e200, 2.0]})
    found = table.select(found=expressions.build("n * n", {"n": table.n}, field="f", wanted="number")).to_pyarrow()["found"].to_pylist()
    assert found == [None, 4.0]


@pytest.mark.parametrize(
    ("text", "part", "what"),
    [
        ("open('/etc/passwd')", "open(", "the function open"),
        ("read_csv('/etc/passwd')", "read_csv(", "the function read_csv"),
        ("__import__('os').system('ls')", "system", "a name after a dot"),
        ("eval('1')", "eval(", "the function eval"),
        ("spend.name", "spend.name", "a name after a dot"),
        ("spend.__class__", "spend.__class__", "a name after a dot"),
        ("__name__", "__name__", "a name that begins with _"),
        ("`spend`.name", "`spend`.name", "a name after a dot"),
        ("min(spend, orders.real)", "orders.real", "a name after a dot"),
        ("kind[0]", "kind[0]", "square brackets"),
        ("9 ** 9 ** 9", "9 ** 9 ** 9", "a power"),
        ("orders // 2", "orders // 2", "write floor(a / b)"),
        ("orders > 1 & spend > 2", "1 & spend", "write and"),
        ("~member", "~member", "write not"),
        ("lambda: 1", "lambda: 1", "a function of its own"),
        ("[x for x in kind]", "for x in kind", "a loop"),
        ("f'{spend}'", "{spend}", "a text with values put in"),
        ("(x := 3)", "x := 3", "an assignment"),
        ("[1, 2]", "[1, 2]", "a list anywhere but after `in`"),
        ("kind is None", "None", "write =="),
        ("kind == None", "None", "a value other than a number or a text"),
        ("kind == b'x'", "b'x'", "a value other than a number or a text"),
        ("spend in kind", "kind", "what follows `in`"),
        ("kind in ['a', lower(kind)]", "lower(kind)", "a list that holds more than numbers and texts"),
        ("max(*orders)", "*orders", "a star"),
        ("round(spend, digits=1)", "digits=1", "an argument with a name"),
    ],
)
def test_what_is_not_on_the_list_is_refused_by_its_part_with_what_is_allowed(text, part, what):
    with pytest.raises(NinefoldError) as error:
        value(text)
    message = str(error.value)
    assert message.startswith("f: ") and part in message and what in message and "Allowed are columns" in message


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("spend / order", "'order' in the expression 'spend / order' is no column here. Did you mean orders?"),
        ("summ(spend)", "the function summ"),
        ("mix(spend, orders)", "Did you mean min?"),
        ("kind = 'Firm'", "Compare with =="),
        ("spend +", "cannot be read"),
        ("", "cannot be read"),
        ("spend; orders", "cannot be read"),
        ("spend\0", "cannot be read"),
        ("(" * 400 + "1" + ")" * 400, "cannot be read"),
        ("abs(" * 60 + "orders" + ")" * 60, "nested more than 50 levels deep"),
        ("-" * 500 + "orders", "nested more than 50 levels deep"),
        ("orders + " * 200 + "1", "1801 characters, 1000 at most"),
        ("orders * 1e400", "too large"),
        ("orders * 99999999999999999999", "too large"),
        ("kind + 1", "'kind' in the expression 'kind + 1' is a text, where a number is wanted. Write number(…)"),
        ("kind > 3", "puts together a text and a number"),
        ("member + 1", "is yes or no, where a number is wanted"),
        ("at > 'last year'", "stands beside a date and is none"),
        ("spend > 3", "gives yes or no, where a number is wanted. Write `1 if … else 0`"),
        ("kind", "gives a text, where a number is wanted"),
        ("log1p(spend, 2)", "has 2 arguments, which is not how it is used: log1p(a)"),
        ("contains(kind, kind) and 1", "must be typed out"),
        ("round(spend, orders)", "must be typed out"),
        ("orders and 1", "is a number, where yes or no is wanted"),
        ("year(kind)", "is a text, where a date is wanted"),
        ("number(at)", "is given a date"),
    ],
)
def test_an_expression_that_makes_no_sense_says_which_part_and_what_to_do(text, message):
    with pytest.raises(NinefoldError) as error:
        value(text)
    assert str(error.value).startswith("f: ") and message in str(error.value)


def test_a_number_where_a_condition_is_wanted_is_refused():
    with pytest.raises(NinefoldError, match="gives a number, where yes or no is wanted. Compare it"):
        value("orders", "boolean")


def test_the_columns_that_an_expression_uses_are_named_without_its_functions():
    assert expressions.names("min(spend, 3) / `Order no` + (orders if kind == 'spend2' else 0)", field="f") == {
        "spend",
        "Order no",
        "orders",
        "kind",
    }


def test_naming_the_columns_refuses_what_building_refuses():
    with pytest.raises(NinefoldError, match="the function open"):
        expressions.names("open('x')", field="f")


@pytest.mark.parametrize(("name", "help"), expressions.FUNCTIONS.items())
def test_every_function_that_is_offered_says_how_and_is_tried_above(name, help):
    assert help.startswith(f"{name}(")
    least = expressions._ARGUMENTS[name][0]
    given = ["kind", "'a'"] if name in expressions._ON_TEXT else ["at"] if name in ("year", "month") else ["orders", "spend", "share"]
    with pytest.raises(NinefoldError, match="is not how it is used"):
        value(f"{name}({', '.join(given[: least - 1])})")
    assert len(value(f"number({name}({', '.join(given[:least])}))" if name != "lower" else "number(lower(kind))")) == 3
