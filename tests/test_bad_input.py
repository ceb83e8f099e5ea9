"""Exports as they come: each fault gives an error that says what to do, or rows counted and set aside; never a silent drop or a guess."""

from datetime import date, datetime
from decimal import Decimal

import openpyxl
import pandas as pd
import pytest
import small_shop
from small_shop import FILE, LINES, TILL, refusal, rows, times

FRENCH = {"encoding": "cp1252", "separator": ";", "decimal": ",", "thousands": " ", "dates": "%d/%m/%Y"}


@pytest.fixture
def shop(tmp_path, monkeypatch):
    return small_shop.opened(tmp_path, monkeypatch)


def till(**change) -> dict:
    """The source of the till, changed; `more` adds columns."""
    return {"till": TILL | {"columns": TILL["columns"] | change.pop("more", {})} | change}


def export(*lines: str, header: str = "client,ticket,at,paid") -> str:
    return "".join(f"{line}\n" for line in (header, *lines))


def many(number: int) -> list[str]:
    return [f"{n},T{n},2024-01-10,1" for n in range(number)]


def test_latin_1_bytes_are_refused_with_the_line_and_read_once_the_encoding_is_typed(shop):
    content = export("Ren\u00e9,T1,2024-01-05,1").encode("latin-1")
    assert "is not utf-8 text (line 2). Type the encoding" in refusal(lambda: shop(files={"till.csv": content}).source("orders"))
    assert rows(shop(till(format={"encoding": "latin-1"}), {"till.csv": content}).source("orders"), "customer_id") == [("René",)]


def test_a_latin_1_byte_in_a_column_that_nobody_reads_is_refused_all_the_same(shop):
    # Read as far as it goes, the file would be half of itself.
    content = export("1,T1,2024-01-05,1,x", header="client,ticket,at,paid,note").encode() + b"2,T2,2024-01-06,1,\xa0\n"
    assert "is not utf-8 text (line 3)." in refusal(lambda: shop(files={"till.csv": content}).source("orders"))


def test_of_mixed_date_orders_those_that_do_not_fit_the_pattern_are_set_aside_and_many_stop_the_run(shop):
    days = [f"{n % 28 + 1:02d}/01/2024" for n in range(400)]
    lines = [f"1,T{n},{day},1" for n, day in enumerate(days)]
    engine = shop(till(format={"dates": "%d/%m/%Y"}), {"till.csv": export(*lines, "1,US,01/31/2024,1")})
    assert rows(engine.refused("orders"), "order_id", "reason") == [("US", "unreadable")]
    assert engine.unreadable("orders")["example"].tolist() == ["01/31/2024"]
    engine = shop(till(format={"dates": "%d/%m/%Y"}), {"till.csv": export(*lines[:10], *["1,US,01/31/2024,1"] * 10)})
    message = refusal(lambda: engine.source("orders"))
    assert "column 'at' holds '01/31/2024' where the table orders needs a date for ordered_at." in message
    assert message.endswith("(Unreadable rows: 10 of 20; `unreadable_at_most` allows 1%.)")


def test_one_thousand_two_hundred_and_thirty_four_euros_and_fifty_six_cents(shop):
    content = "client;ticket;at;paid\n1;T1;05/01/2024;1 234,56 €\n".encode("cp1252")
    assert rows(shop(till(format=FRENCH), {"till.csv": content}).source("orders"), "amount") == [(Decimal("1234.56"),)]
    plain = FRENCH | {"decimal": ".", "thousands": ""}
    message = refusal(lambda: shop(till(format=plain), {"till.csv": content}).source("orders"))
    assert "holds '1 234,56 €' where the table orders needs a number for amount." in message
    assert "type under the source's `format`: decimal: ',', thousands: ' '." in message


@pytest.mark.parametrize(
    "lines",
    [
        export("1,T1,2024-01-05,1,,", "2,T2,2024-01-06,2,,", header="client,ticket,at,paid,,"),
        export("1,T1,2024-01-05,1,", "2,T2,2024-01-06,2,"),
        export("1,T1,2024-01-05,1,,note 7", "2,T2,2024-01-06,2,,", header="client,ticket,at,paid,,"),
    ],
)
def test_trailing_commas_are_empty_columns_that_nobody_maps(shop, lines):
    assert rows(shop(files={"till.csv": lines}).source("orders"), "customer_id", "amount") == [("1", Decimal(1)), ("2", Decimal(2))]


def test_a_value_after_the_last_column_is_a_field_too_many(shop):
    message = refusal(lambda: shop(files={"till.csv": export("1,T1,2024-01-05,1,", "2,T2,2024-01-06,2,7")}).source("orders"))
    assert "has 5 fields in line 3, where its first row has 4." in message


def test_a_header_that_stands_again_among_the_rows_is_set_aside_even_where_every_column_is_text(shop):
    engine = shop(files={"till.csv": export(*many(120), "client,ticket,at,paid", "7,X,2024-01-11,1")})
    assert rows(engine.refused("orders"), "customer_id", "ordered_at", "reason") == [("client", None, "unreadable")]
    assert engine.mapped("orders").count().execute() == 121
    crm = {"table": "customers", "file": "crm.csv", "columns": {"customer_id": "id", "city": "town"}}
    engine = shop({"crm": crm}, {"crm.csv": "id,town\n" + "".join(f"{n},Lyon\n" for n in range(120)) + "id,town\n"})
    assert rows(engine.refused("customers")) == [("id", "town", "unreadable")]
    assert engine.mapped("customers").count().execute() == 120
    message = refusal(lambda: shop({"crm": crm}, {"crm.csv": "id,town\n1,Lyon\nid,town\n"}).mapped("customers"))
    assert "column 'id' holds 'id'" in message and "The names of the columns stand among the rows again: take these rows out." in message


def test_a_byte_order_mark_is_no_part_of_the_first_name(shop):
    content = b"\xef\xbb\xbf" + LINES.encode()
    assert rows(shop(files={"till.csv": content}).source("orders"), "customer_id") == [("0042",), ("007",), ("007",)]


@pytest.mark.parametrize(
    ("header", "both"),
    [
        ("client,ticket,at,paid,paid", "'paid'"),
        ("client,ticket,at,paid,Paid", "'paid' and 'Paid'"),
        ("client,ticket,at,paid, paid ", "'paid'"),
    ],
)
def test_two_columns_of_one_name_are_refused(shop, header, both):
    assert refusal(lambda: shop(files={"till.csv": export("1,T1,2024-01-05,1,2", header=header)}).source("orders")) == (
        f"{FILE}: the file 'till.csv' has two columns of one name ({both}). Rename or remove one of the two."
    )


def test_ids_that_a_program_wrote_as_7_point_0_throughout_are_7_and_any_other_stays_as_it_is(shop):
    lines = export("7.0,1.0,2024-01-05,1", ",2.0,2024-01-06,1", "42.0,3.5,2024-01-07,1")
    assert rows(shop(files={"till.csv": lines}).source("orders"), "customer_id", "order_id") == [("42", "3.5"), ("7", "1.0"), (None, "2.0")]


def test_an_id_that_a_spreadsheet_rounded_is_set_aside(shop):
    engine = shop(
        files={"till.csv": export(*many(120), "4.00638E+12,X,2024-01-05,1", '"4,00638E+12",Y,2024-01-05,1', "7E+2,Z,2024-01-05,1")}
    )
    message = refusal(lambda: engine.source("orders"))
    assert "column 'client' holds '4,00638E+12' where the table orders needs text for customer_id. A spreadsheet has rounded" in message


def test_leading_zeros_stay_in_text_in_spreadsheets_and_in_what_is_matched(shop):
    goods = {"file": "goods.csv", "match": {"client": "code"}, "columns": {"category": "family"}}
    engine = shop(till(lookups=[goods]), {"goods.csv": "code,family\n7,other\n007,right\n"})
    assert rows(engine.source("orders"), "customer_id", "category") == [("0042", None), ("007", "right"), ("007", "right")]
    made = openpyxl.Workbook()
    made.active.append(["client", "ticket", "at", "paid"])
    made.active.append(["007", "0012", "2024-01-05", 1])
    engine = shop(till(file="till.xlsx"))
    made.save(shop.place / "till.xlsx")
    assert rows(engine.source("orders"), "customer_id", "order_id") == [("007", "0012")]


def test_a_category_that_the_product_list_does_not_know_stays_missing(shop):
    goods = {"file": "goods.csv", "match": {"ticket": "code"}, "columns": {"category": "family"}}
    found = shop(till(lookups=[goods]), {"goods.csv": "code,family\nT1,bread\n"}).source("orders")
    assert rows(found, "order_id", "category") == [("T1", "bread"), ("T2", None), ("T3", None)]


def test_text_in_a_number_column_is_set_aside_when_rare_and_stops_the_run_when_not(shop):
    engine = shop(files={"till.csv": export(*many(200), "1,X,2024-01-05,see note")})
    assert rows(engine.refused("orders"), "order_id", "amount", "reason") == [("X", None, "unreadable")]
    assert "column 'paid' holds 'see note'" in refusal(
        lambda: shop(files={"till.csv": LINES + "1,X,2024-01-05,see note\n"}).source("orders")
    )


def test_future_dates_are_counted_and_read_by_no_step(shop):
    engine = shop(files={"till.csv": LINES + "1,X,2999-12-31,1\n"})
    assert engine.after("orders") == 1
    assert "X" not in {order for (order,) in rows(engine.source("orders"), "order_id")}


def test_sentinels_are_kept_until_they_are_typed_as_placeholders_and_then_missing_and_counted(shop):
    lines = export("1,A,1900-01-01,1", "2,B,2024-01-05,666666")
    assert rows(shop(files={"till.csv": lines}).source("orders"), "ordered_at", "amount") == [
        (datetime(1900, 1, 1), Decimal(1)),
        (datetime(2024, 1, 5), Decimal(666666)),
    ]
    engine = shop(till(placeholders={"ordered_at": ["1900-01-01"], "amount": ["666666"]}), {"till.csv": lines})
    assert rows(engine.mapped("orders"), "ordered_at", "amount") == [(None, Decimal(1)), (datetime(2024, 1, 5), None)]
    assert engine.placeholders("orders") == {"ordered_at": 1, "amount": 1}


def test_constant_columns_and_one_without_any_value_are_read_as_they_are(shop):
    lines = export("1,A,2024-01-05,1,web,", "2,B,2024-01-06,1,web,", header="client,ticket,at,paid,by,family")
    found = shop(till(more={"channel": "by", "category": "family"}), {"till.csv": lines}).source("orders")
    assert rows(found, "amount", "channel", "category") == [(Decimal(1), "web", None)] * 2
    frame = pd.DataFrame({"client": ["1"], "ticket": ["A"], "at": times("2024-01-05"), "paid": [1.0], "family": [None]})
    found = shop(till(file="till.parquet", more={"category": "family"}), {"till.parquet": frame}).source("orders")
    assert rows(found, "category") == [(None,)]


@pytest.mark.parametrize("number", [1, 2])
def test_one_customer_or_two_in_a_file_of_as_many_rows_are_enough_to_read(shop, number):
    found = shop(files={"till.csv": export(*many(number))}).source("orders")
    assert rows(found, "customer_id") == [(str(n),) for n in range(number)]


def test_of_two_hundred_columns_only_those_mapped_are_read(shop):
    names = ["client", "ticket", "at", "paid", *(f"x{n}" for n in range(196))]
    lines = export(",".join(["1", "A", "2024-01-05", "2", *map(str, range(196))]), header=",".join(names))
    found = shop(till(more={"quantity": "x195"}), {"till.csv": lines}).source("orders")
    assert found.columns == ("customer_id", "order_id", "ordered_at", "amount", "quantity")
    assert rows(found) == [("1", "A", datetime(2024, 1, 5), Decimal(2), 195.0)]


def test_a_large_text_file_is_streamed_and_parsed_once(shop, monkeypatch):
    parsed = []
    engine = shop(files={"till.csv": export(*many(50_000))})
    monkeypatch.setattr(type(engine._reader), "_copy_text", _counted(type(engine._reader)._copy_text, parsed))
    assert engine.source("orders").count().execute() == 50_000
    assert engine.after("orders") == 0 and engine.refused("orders").count().execute() == 0
    assert parsed == ["till.csv"]
    assert engine.con.raw_sql("SELECT count(*) FROM duckdb_tables()").fetchone() == (0,)  # nothing of it is held in memory


def _counted(work, parsed: list):
    def counting(reader, path, *rest):
        parsed.append(path.name)
        return work(reader, path, *rest)

    return counting


@pytest.mark.parametrize(
    "cell", ["=cmd()", "=1+1", "+49 89 1", "@SUM(A1)", "<script>alert(1)</script>", "'; DROP TABLE orders; --", 'a "b" c']
)
def test_cells_that_other_programs_would_run_are_texts_here(shop, cell):
    written = '"' + cell.replace('"', '""') + '"'
    found = shop(
        till(more={"category": "family"}),
        {"till.csv": export(f"1,{written},2024-01-05,1,{written}", header="client,ticket,at,paid,family")},
    )
    assert rows(found.source("orders"), "order_id", "category") == [(cell, cell)]


def test_such_texts_may_also_be_names_of_columns_and_files(shop):
    header = "client,ticket,at,\"<script>'x'</script>\""
    found = shop(
        till(file="o'clock.csv", more={"amount": "<script>'x'</script>"}), {"o'clock.csv": export("1,A,2024-01-05,2", header=header)}
    )
    assert rows(found.source("orders"), "amount") == [(Decimal(2),)]


@pytest.mark.parametrize(
    "text", ["open('/etc/passwd')", "__import__('os')", "read_csv('x.csv')", "client.__class__", "(lambda: 1)()", "paid[0]", "eval('1')"]
)
def test_an_expression_that_asks_for_a_file_or_for_more_than_columns_is_refused_before_anything_is_read(shop, text):
    for source, field in (
        (till(more={"quantity": f"= {text}"}), "collect.sources.till.columns.quantity"),
        (till(filter=text), "collect.sources.till.filter"),
    ):
        message = refusal(lambda source=source: shop(source))
        assert message.startswith(f"{FILE}: field {field}: ") and "is not allowed" in message


def test_a_wide_table_with_a_stray_byte_and_trailing_commas_gives_every_total(shop):
    header = "Channel,Fresh,Milk,,,,\r\n"
    lines = header + "".join(f"{n % 2 + 1},{n},{2 * n},,,,\r\n" for n in range(20)) + "1,5,5,,,,note\u00a0\r\n"
    totals = {"since": date(2023, 1, 1), "until": date(2024, 1, 1), "categories": {"fresh": "Fresh", "milk": "Milk"}}
    source = {
        "table": "orders",
        "file": "wide.csv",
        "columns": {"customer_id": "#row"},
        "totals": totals,
        "format": {"encoding": "latin-1"},
    }
    found = shop({"till": source}, {"wide.csv": lines.encode("latin-1")}).source("orders")
    assert found.count().execute() == 42
    assert found.amount.sum().execute() == Decimal(3 * 190 + 10)
    assert found.customer_id.nunique().execute() == 21
