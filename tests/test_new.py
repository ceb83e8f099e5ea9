"""`make new`: what is guessed from files, what is said to be doubtful, what is refused; every project.yml that is written loads."""

import csv
import importlib.util
import json
import os
import shutil
import sqlite3
import zipfile
from datetime import date, datetime
from pathlib import Path

import duckdb
import ibis
import pandas as pd
import pytest

from helpers import NinefoldError, __main__, project
from helpers.collect import special as collect_special
from helpers.engine import Engine
from helpers.new import begin, files, names, new, sniff, writing
from helpers.new.read import Reader
from helpers.project import special
from helpers.project.special import category

ORDERS = [  # customer, order, day, category, quantity, amount in cents; unsorted, ids with leading zeros, one refund
    ("00017", "F3", datetime(2024, 3, 31, 18, 5), "frais", 2, 123456),
    ("00004", "F1", datetime(2023, 1, 2, 9, 30), "cave", 1, 950),
    ("00017", "F2", datetime(2023, 11, 13, 12, 0), "frais", 3, 2005),
    ("00021", "F4", datetime(2024, 1, 25, 20, 45), "cave", 1, 9990),
    ("00004", "F5", datetime(2024, 2, 28, 10, 0), "frais", 4, -950),
    ("00004", "F6", datetime(2024, 3, 3, 10, 0), "cave", 4, 1250),
]


@pytest.fixture
def shop(tmp_path, monkeypatch):
    """A home of its own; returns the folder in which a test puts its files."""
    monkeypatch.setenv("NINEFOLD_HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def write(path: Path, header: list, rows: list, *, encoding="utf-8", separator=",") -> Path:
    with path.open("w", encoding=encoding, newline="") as file:
        csv.writer(file, delimiter=separator).writerows([header, *rows])
    return path


def plain(path: Path, rows=ORDERS, **how) -> Path:
    """Orders as a well-behaved program exports them."""
    return write(
        path, ["customer_id", "order_id", "order_date", "total"], [[c, o, f"{t:%Y-%m-%d}", a / 100] for c, o, t, _, _, a in rows], **how
    )


def french(cents: int) -> str:
    """1 234,56 € as a French till prints it."""
    euros, rest = divmod(abs(cents), 100)
    return f"{'-' if cents < 0 else ''}{euros:,}".replace(",", "\u00a0") + f",{rest:02d} €"


def begun(*given, name="shop"):
    """The project as it loads, its text, and what was printed."""
    made = new(name, [str(each) for each in given])
    return project.load(name), made.path.read_text(encoding="utf-8"), made.report


def only(plan, table="orders"):
    """The one source of a table."""
    (source,) = plan.sources_of(table).values()
    return source


def read(plan) -> Engine:
    return Engine(plan, project.instant(None, plan))


# How values are written


@pytest.mark.parametrize(
    ("numbers", "separator", "expected"),
    [
        (["1", "22"], None, (".", "")),
        (["1.5", "1234.25"], ",", (".", "")),
        (["1,5", "12,25"], ";", (",", "")),
        (["1 234,56", "12"], ";", (",", " ")),
        (["1\u202f234,56"], ";", (",", " ")),
        (["1,234.56", "999"], ",", (".", ",")),
        (["1.234,56"], ",", (",", ".")),
        (["1'234.50"], ",", (".", "'")),
        (["1.234.567"], ",", (",", ".")),
        (["1,234", "0.5"], ",", (".", ",")),  # another value of the file decides
        (["0,125"], ",", (",", "")),  # no thousands begin with 0
        ([], None, (".", "")),
    ],
)
def test_the_marks_of_numbers_are_told_from_the_values_that_decide(numbers, separator, expected):
    found = writing.marks(numbers, separator=separator)
    assert (found.decimal, found.thousands, found.doubt) == (*expected, "")


def test_three_figures_after_a_comma_are_doubtful_and_the_field_separator_breaks_the_tie():
    french_file, english_file = writing.marks(["1,234"], separator=";"), writing.marks(["1,234"], separator=",")
    assert (french_file.decimal, french_file.thousands) == (",", "")
    assert (english_file.decimal, english_file.thousands) == (".", ",")
    assert french_file.doubt == english_file.doubt == "1,234 could be a fraction or thousands, and no other value decides"


def test_how_often_a_value_stands_there_counts():
    assert writing.marks({"1,5": 1, "3.5": 2}).decimal == "."
    assert writing.marks({"1,5": 3, "3.5": 2}).decimal == ","


def test_two_decimal_marks_in_one_file_are_doubtful():
    assert writing.marks(["1,5", "2,5", "3.5"]).doubt == "numbers are written in two ways ('1,5' and '3.5')"


@pytest.mark.parametrize(
    ("value", "pattern"),
    [
        ("2024-03-31", ""),
        ("2024-03-31T09:30:00+02:00", ""),
        ("31/03/2024", "?/%Y"),
        ("3.1.24", "?.%y"),
        ("31/03/2024 18:05", "?/%Y %H:%M"),
        ("03/31/2024 6:05:01 PM", "?/%Y %I:%M:%S %p"),
        ("2024/03/31", "%Y/%m/%d"),
        ("20240331", "%Y%m%d"),
        ("31 Mar 2024", "%d %b %Y"),
        ("March 31, 2024", "%B %d, %Y"),
        ("31/03", None),
        ("12345678", None),
        ("1,234.56", None),
    ],
)
def test_a_date_says_its_pattern_but_not_which_of_day_and_month_comes_first(value, pattern):
    assert writing.date_pattern(value) == pattern


def test_a_question_mark_in_a_pattern_becomes_day_and_month_in_the_order_decided():
    assert writing.with_order("?/%Y %H:%M", day_first=True) == "%d/%m/%Y %H:%M"
    assert writing.with_order("?-%y", day_first=False) == "%m-%d-%y"
    assert writing.with_order("%Y%m%d", day_first=True) == "%Y%m%d"


@pytest.mark.parametrize(
    ("text", "found"), [("12,50 €", "EUR"), ("$3", "USD"), ("Amount (£)", "GBP"), ("chf 20", "CHF"), ("12.50", None), ("EUROPE", None)]
)
def test_a_currency_is_told_by_its_sign_or_code(text, found):
    assert writing.currency(text) == found


@pytest.mark.parametrize(
    ("raw", "encoding"),
    [
        ("é,b\n1,2\n".encode(), "utf-8"),
        ("é,b\n1,2\n".encode("utf-8-sig"), "utf-8"),
        ("é,b\n1,2\n".encode("utf-16"), "utf-16"),
        ("prix\n12 €\n".encode("cp1252"), "cp1252"),
        (b"a,b\n\x81,2\n", "latin-1"),  # a byte that Windows leaves undefined
        (b"a\n" + b"x\n" * 40_000 + b"\xe9\n", "cp1252"),  # the one byte that decides stands far from the beginning
    ],
)
def test_the_encoding_is_that_of_the_whole_file(tmp_path, raw, encoding):
    (tmp_path / "f.csv").write_bytes(raw)
    assert sniff.find_encoding(tmp_path / "f.csv")[0] == encoding


def test_utf_8_and_windows_bytes_in_one_file_are_doubtful(tmp_path):
    (tmp_path / "f.csv").write_bytes("a,b\né,1\n".encode() + b"\xe9,2\n")
    assert sniff.find_encoding(tmp_path / "f.csv")[2] == "two encodings in one file"


@pytest.mark.parametrize("mark", [",", ";", "\t", "|"])
def test_the_separator_is_the_mark_with_which_records_have_as_many_fields_as_the_header(mark):
    text = mark.join(("name", "price", "note")) + "\n" + f'"a{mark}b"{mark}"1,5"{mark}"x; y, z"\n' * 3
    separator, records = sniff.find_separator(text)
    assert (separator, records[1]) == (mark, [f"a{mark}b", "1,5", "x; y, z"])


# What columns are called


@pytest.mark.parametrize(
    ("column", "table", "role"),
    [
        ("CustomerID", "orders", "customer_id"),
        ("N° client", "orders", "customer_id"),
        ("numClient", "orders", "customer_id"),
        ("Date de commande", "orders", "ordered_at"),
        ("Montant TTC", "orders", "amount"),
        ("Prénom", "customers", "first_name"),
        ("CODE_POSTAL", "customers", "postcode"),
        ("opt-in", "consents", "granted"),
    ],
)
def test_names_are_read_in_both_languages_whatever_their_accents_and_capitals(column, table, role):
    assert names.fit(column, table, role) >= 0.7


def test_names_that_only_sound_alike_do_not_fit():
    assert names.fit("idea", "customers", "customer_id") == 0.0
    assert names.fit("discounted", "orders", "quantity") == 0.0
    assert not names.is_unit_price("enterprise")


def test_an_attribute_gets_a_name_of_its_own():
    assert names.identifier("Âge (années)", set()) == "age_annees"
    assert names.identifier("Âge", {"age"}) == "age_2"
    assert names.identifier("2nd line", set()) == "c_2nd_line"


def test_one_text_is_split_at_blanks_unless_it_is_itself_a_path(shop):
    plain(shop / "my orders.csv")
    assert files.split("a.csv b.csv") == ["a.csv", "b.csv"]
    assert files.split("my orders.csv") == ["my orders.csv"]
    assert files.split(["my orders.csv", "b.csv c.csv"]) == ["my orders.csv", "b.csv", "c.csv"]


# Whole projects


def test_a_french_till_s_export_becomes_a_project_in_which_every_figure_is_read(shop):
    header = ["N° client", "N° commande", "Date de commande", "Famille", "Quantité", "Montant TTC", ""]
    rows = [[c, o, f"{t:%d/%m/%Y %H:%M}", family, n, french(a), ""] for c, o, t, family, n, a in ORDERS]
    plan, text, report = begun(write(shop / "ventes.csv", header, rows, encoding="cp1252", separator=";"))
    source = only(plan)
    assert source.columns == {
        "customer_id": "N° client",
        "order_id": "N° commande",
        "ordered_at": "Date de commande",
        "amount": "Montant TTC",
        "quantity": "Quantité",
        "category": "Famille",
    }
    form = source.format
    assert (form.encoding, form.separator, form.decimal, form.thousands, form.dates) == ("cp1252", ";", ",", " ", "%d/%m/%Y %H:%M")
    assert (plan.title, plan.currency, plan.as_of) == ("Shop", "EUR", date(2024, 4, 1))
    assert (plan.scope.window_days, plan.scope.horizon_days) == (180, 90)  # 455 days of history
    assert plan.variables.category_groups == {"frais_share": ["frais"], "cave_share": ["cave"]}  # 1,245.11 before 121.90
    assert plan.scope.panel[:2] == ["frais_share", "cave_share"]
    assert "column 7 (no name): no name and no value" in text and "column 7 (no name): no name and no value" in report
    assert report.endswith("Next: make report PROJECT=shop")
    found = read(plan).mapped("orders").execute()
    assert sorted(found["amount"].astype(float)) == [-9.5, 9.5, 12.5, 20.05, 99.9, 1234.56]
    assert sorted(found["customer_id"].unique()) == ["00004", "00017", "00021"]


def test_a_unit_price_and_a_quantity_make_the_amount(shop):
    rows = [["a", i, f"2024-01-{i + 1:02d}", 3, 2.5, "x"] for i in range(9)] + [
        ["b", "C9", "2024-02-01", -1, 2.5, "x"],
        ["", 10, "2024-02-01", 0, 2.5, "x"],
    ]
    plan, text, report = begun(
        write(shop / "lines.csv", ["Customer ID", "InvoiceNo", "InvoiceDate", "Quantity", "Unit Price", "sku"], rows)
    )
    assert only(plan).columns["amount"] == "= Quantity * `Unit Price`"
    assert "1 row with an amount below zero: refunds" in report and "1 row without a customer: set aside and counted" in report
    assert float(read(plan).mapped("orders").amount.sum().execute()) == 65.0  # 9 · 7.50 − 2.50


def test_without_a_currency_a_zone_or_a_decision_the_line_says_please_check(shop):
    _, text, report = begun(plain(shop / "orders.csv"))
    marked = [line.split(":")[0].strip() for line in text.splitlines() if "# please check:" in line]
    assert marked == ["currency", "time_zone", "name"]
    assert "Please check (3 lines of project.yml)" in report
    assert "no target" not in text and "# target: 45  # please type" in text


def test_most_rows_of_one_country_propose_its_currency_and_clock(shop):
    rows = [["a", i, "2024-01-05", 3, "United Kingdom" if i else "France"] for i in range(5)]
    plan, text, _ = begun(write(shop / "orders.csv", ["customer_id", "order_id", "date", "total", "Country"], rows))
    assert (plan.currency, plan.time_zone) == ("GBP", "Europe/London")
    assert "currency: GBP  # please check: no currency in the files; most rows are of United Kingdom" in text


@pytest.mark.parametrize(
    ("days", "window", "horizon"), [(400, 180, 90), (360, 180, 90), (359, 120, 60), (120, 60, 30), (119, 28, 14), (28, 14, 7), (20, 10, 7)]
)
def test_windows_are_the_longest_that_fit_twice_into_the_history(shop, days, window, horizon):
    first = datetime.fromordinal(datetime(2024, 6, 1).toordinal() - days + 1)
    rows = [["a", 1, f"{first:%Y-%m-%d}", 5], ["b", 2, "2024-06-01", 6]]
    plan, text, _ = begun(write(shop / "orders.csv", ["customer_id", "order_id", "date", "total"], rows))
    assert (plan.scope.window_days, plan.scope.horizon_days) == (window, horizon)
    assert plan.scope.filters[0].value == window
    assert ("no later period is left to judge by" in text) == (days < 28)


# What files do to an analyst


def test_day_first_is_decided_by_a_row_far_down(shop):
    rows = [[i % 7, i, f"0{i % 9 + 1}/02/2024", i + 1] for i in range(400)] + [[1, 400, "31/01/2024", 5]]
    plan, text, _ = begun(write(shop / "orders.csv", ["customer_id", "order_id", "date", "total"], rows))
    assert only(plan).format.dates == "%d/%m/%Y" and "dates: '%d/%m/%Y'  # as in" in text


def test_a_thousands_mark_in_one_row_of_many_is_found(shop):
    rows = [["a", i, f"2024-01-{i % 28 + 1:02d}", french(500 + i)] for i in range(3000)] + [["a", 9999, "2024-01-05", french(123456789)]]
    plan, text, _ = begun(write(shop / "orders.csv", ["customer_id", "order_id", "date", "total"], rows, separator=";"))
    assert only(plan).format.thousands == " " and "cannot be read" not in text
    assert float(read(plan).mapped("orders").amount.max().execute()) == 1234567.89


def test_month_first_is_told_too(shop):
    rows = [["a", 1, "02/28/2024", 5], ["a", 2, "02/01/2024", 5]]
    plan, _, _ = begun(write(shop / "orders.csv", ["customer_id", "order_id", "date", "total"], rows))
    assert only(plan).format.dates == "%m/%d/%Y"


def test_an_order_of_day_and_month_that_no_value_decides_is_doubtful(shop):
    rows = [["a", 1, "02/03/2024", 5], ["a", 2, "11/12/2024", 5]]
    _, text, _ = begun(write(shop / "orders.csv", ["customer_id", "order_id", "date", "total"], rows))
    assert "dates: '%d/%m/%Y'  # please check: no date decides between day first and month first" in text


def test_mixed_orders_of_day_and_month_are_counted_and_never_guessed(shop):
    rows = [["a", i, "28/03/2024", 5] for i in range(3)] + [["a", 9, "12/31/2023", 5]]
    plan, text, _ = begun(write(shop / "orders.csv", ["customer_id", "order_id", "date", "total"], rows))
    assert "please check: mixed: 3 dates have the day first and 1 the month" in text
    assert "1 value cannot be read, such as '12/31/2023'; the run will stop at more than 1 %" in text
    with pytest.raises(NinefoldError, match="12/31/2023"):
        read(plan).mapped("orders")


def test_values_that_stand_for_nothing_are_placeholders_and_said(shop):
    rows = [[f"{i % 20:03d}", i, "2024-01-05", 5 + i] for i in range(100)]
    rows += [["666666", 200, "2024-01-06", 5], ["001", 201, "1900-01-01", 7], ["nan", 202, "2024-01-09", 8]]
    plan, text, report = begun(write(shop / "orders.csv", ["customer_id", "order_id", "date", "total"], rows))
    source = only(plan)
    assert source.placeholders == {"customer_id": ["666666"], "ordered_at": ["1900-01-01"]}
    assert source.format.missing == ["", "nan"]
    assert "ordered_at: 1900-01-01 (1 row) taken for a missing date" in report
    assert plan.as_of == date(2024, 1, 10) and plan.scope.window_days < 10  # 1900 is no history
    assert read(plan).placeholders("orders") == {"customer_id": 1, "ordered_at": 1}


def test_a_date_in_the_far_future_does_not_move_as_of_and_is_said(shop):
    rows = [["a", i, f"2024-01-{i % 28 + 1:02d}", 5] for i in range(150)] + [["b", 999, "2034-01-05", 5]]
    plan, text, _ = begun(write(shop / "orders.csv", ["customer_id", "order_id", "date", "total"], rows))
    assert plan.as_of == date(2024, 1, 29)
    assert "as_of: 2024-01-29  # please check: not counted: 1 row dated later than can be believed" in text


def test_a_date_after_the_file_was_saved_is_not_believed(shop):
    path = write(
        shop / "o.csv", ["customer_id", "order_id", "date", "total"], [["a", i, f"2024-01-{i % 28 + 1:02d}", 5] for i in range(200)]
    )
    with path.open("a") as file:
        file.write("a,999,2024-06-30,5\n")
    os.utime(path, (datetime(2024, 2, 2).timestamp(),) * 2)
    plan, text, _ = begun(path)
    assert plan.as_of == date(2024, 1, 29) and "not counted: 1 row dated later" in text


def test_the_line_of_names_once_more_is_filtered_and_counted(shop):
    header = ["N° client", "order_id", "date", "total"]
    rows = [["a", 1, "2024-01-05", 5], header, ["b", 2, "2024-01-06", 6]]
    plan, text, _ = begun(write(shop / "orders.csv", header, rows))
    assert only(plan).filter == "`N° client` != 'N° client'" and "the line of names once more: 1 row" in text
    engine = read(plan)
    assert engine.mapped("orders").count().execute() == 2
    assert list(engine.refused("orders").execute()["reason"]) == ["filtered"]


def test_constant_empty_and_copied_columns_describe_nobody_and_are_left_out(shop):
    plain(shop / "orders.csv")
    header = ["customer_id", "age", "age again", "country", "fax", "gender"]
    rows = [[c, a, a, "FR", "", g] for c, a, g in (("00004", 31, "F"), ("00017", 54, "M"), ("00021", 54, "F"))]
    plan, text, _ = begun(shop / "orders.csv", write(shop / "customers.csv", header, rows))
    assert only(plan, "customers").columns == {"customer_id": "customer_id", "age": "age", "gender": "gender"}
    for reason in ("age again: the same as age, row by row", "country: the same in every row (FR)", "fax: empty throughout"):
        assert f"# - customers.csv, {reason}" in text


def test_personal_columns_fill_their_own_columns_and_special_categories_are_left_out(shop):
    plain(shop / "orders.csv")
    header = ["id", "prénom", "nom", "courriel", "tél", "adresse", "cp", "né le", "religion", "mot de passe", "nom complet"]
    rows = [
        [c, f"A{c}", "Roy", f"{c}@x.fr", "06 11 22 33 44", "1 rue Bleue", "01000", "31/01/1970", "x", "s", "A Roy"]
        for c in ("00004", "00017")
    ]
    plan, text, report = begun(shop / "orders.csv", write(shop / "crm.csv", header, rows))
    assert only(plan, "customers").columns == {
        "customer_id": "id",
        "first_name": "prénom",
        "last_name": "nom",
        "email": "courriel",
        "phone": "tél",
        "street": "adresse",
        "postcode": "cp",
        "birth_date": "né le",
    }
    assert "crm.csv, religion: may be of a special category (religion)" in report
    assert "mot de passe: a secret" in report and "nom complet: a name" in report
    assert "# legal_basis: …  # please type the legal basis for personal data" in text


def test_ids_that_are_the_same_share_a_numbering_and_others_get_their_own(shop):
    plain(shop / "orders.csv")
    write(shop / "clients.csv", ["customer", "gender"], [["00004", "F"], ["00017", "M"], ["00099", "F"]])
    write(shop / "crm.csv", ["contact_id", "email", "town"], [["C-1", "a@x.fr", "Lyon"], ["C-2", "b@x.fr", "Metz"]])
    plan, text, _ = begun(shop / "orders.csv", shop / "clients.csv", shop / "crm.csv")
    assert {name: source.ids for name, source in plan.collect.sources.items()} == {
        "orders": "customer",
        "clients": "customer",
        "crm": "crm",
    }
    assert "ids: crm  # please check: hardly any of its customer ids is one of orders" in text
    assert sorted(read(plan).mapped("customers").execute()["customer_id"]) == ["00004", "00017", "00099", "crm:C-1", "crm:C-2"]


def test_files_of_one_series_are_one_source_and_corrections_in_newer_ones_replace(shop):
    plain(shop / "orders-2023.csv", ORDERS[1:3])
    plain(shop / "orders-2024.csv", [("00017", "F2", datetime(2023, 11, 13), "frais", 3, 9999), *ORDERS[3:]])
    plan, text, _ = begun(shop / "orders-2023.csv", shop / "orders-2024.csv")
    assert (only(plan).file, only(plan).newer_replaces) == ("raw/orders-*.csv", True)
    assert "please check: 1 key stands in several files" in text
    found = read(plan).mapped("orders").execute().set_index("order_id")["amount"].astype(float).to_dict()
    assert found == {"F1": 9.5, "F2": 99.99, "F4": 99.9, "F5": -9.5, "F6": 12.5}


def test_order_lines_take_customer_and_day_from_the_orders_and_category_from_the_products(shop):
    con = sqlite3.connect(shop / "shop.sqlite")
    con.executescript(
        """
        create table orders (id integer, customer_id integer, order_date text, status text);
        insert into orders values (10, 1, '2024-01-05', 'paid'), (11, 2, '2024-01-07', 'cancelled');
        create table order_items (order_id integer, product_id integer, qty integer, unit_price real);
        insert into order_items values (10, 7, 2, 1.5), (10, 8, 1, 4.0), (11, 7, 1, 1.5);
        create table products (id integer, name text, category text);
        insert into products values (7, 'loaf', 'bread'), (8, 'red', 'wine');
        """
    )
    con.close()
    plan, text, report = begun(shop / "shop.sqlite")
    assert list(plan.collect.sources) == ["order_items"]
    rows = read(plan).mapped("orders").execute().sort_values(["order_id", "product_id"])
    found = rows[["customer_id", "order_id", "product_id", "category"]].assign(amount=rows["amount"].astype(float))
    assert found.to_numpy().tolist() == [["1", "10", "7", "bread", 3.0], ["1", "10", "8", "wine", 4.0], ["2", "11", "7", "bread", 1.5]]
    assert "holds orders that were none, those without `status not in ['cancelled']`" in report


def test_a_date_that_is_looked_up_gives_its_pattern_to_the_source(shop):
    write(shop / "heads.csv", ["order_id", "customer_id", "date"], [[1, "a", "28/02/2024"], [2, "b", "01/03/2024"]])
    write(shop / "lines.csv", ["order_id", "product_id", "amount"], [[1, "x", 5], [1, "y", 6], [2, "x", 7]])
    plan, _, _ = begun(shop / "heads.csv", shop / "lines.csv")
    found = read(plan).mapped("orders").execute().sort_values("amount")
    assert list(found["ordered_at"]) == [datetime(2024, 2, 28), datetime(2024, 2, 28), datetime(2024, 3, 1)]
    assert plan.as_of == date(2024, 3, 2)


def test_the_same_orders_in_two_files_are_counted_once(shop):
    plain(shop / "orders.csv")
    lines = [[c, o, f"{t:%Y-%m-%d}", product, a / 200] for c, o, t, _, _, a in ORDERS for product in ("p", "q")]
    write(shop / "lines.csv", ["customer_id", "order_id", "order_date", "product_id", "amount"], lines)
    plan, text, _ = begun(shop / "orders.csv", shop / "lines.csv")
    assert list(plan.collect.sources) == ["lines"]
    assert "# - orders.csv: the same orders as lines.csv, which has their lines: they would count twice" in text


def test_one_row_a_customer_and_a_column_a_category_become_totals_with_attributes_beside(shop):
    rows = [[1 + i % 2, 1 + i % 3, 1000 + 37 * i, 500 + 11 * i, "", "note" if i == 3 else ""] for i in range(30)]
    path = write(shop / "wholesale.csv", ["Channel", "Region", "Fresh", "Milk", "", ""], rows)
    os.utime(path, (datetime(2024, 5, 6).timestamp(),) * 2)
    plan, text, report = begun(path)
    orders, customers = only(plan), only(plan, "customers")
    assert (orders.columns, orders.totals.categories) == ({"customer_id": "#row"}, {"Fresh": "Fresh", "Milk": "Milk"})
    assert (orders.totals.since, orders.totals.until, plan.as_of) == (date(2023, 1, 1), date(2024, 1, 1), date(2024, 1, 1))
    assert customers.columns == {"customer_id": "#row", "channel": "Channel", "region": "Region"}
    assert plan.scope.window_days == 365 and "one total a customer: no later period is left to judge by" in text
    assert plan.scope.panel == ["fresh_share", "milk_share"] and "and something in 1 row" in report
    assert read(plan).mapped("orders").count().execute() == 60


def test_a_workbook_a_json_file_parquet_and_duckdb_are_read_table_by_table(shop):
    import openpyxl

    book = openpyxl.Workbook()
    book.active.title = "Ventes"
    for row in [["client", "ticket", "date", "montant"], *[[int(c), o, t, a / 100] for c, o, t, _, _, a in ORDERS]]:
        book.active.append(row)
    sheet = book.create_sheet("Clients")
    for row in [["client", "sexe"], [4, "F"], [17, "M"], [21, "F"]]:
        sheet.append(row)
    book.create_sheet("Vide")
    book.save(shop / "livre.xlsx")
    visits = [{"client": 4, "at": "2024-01-05T10:00:00", "event": "visit", "device": "mobile", "where": {"page": 1}, "tags": ["x"]}]
    (shop / "visits.jsonl").write_text("\n".join(map(json.dumps, visits * 3)), encoding="utf-8")
    con = duckdb.connect(str(shop / "more.duckdb"))
    con.execute(
        "create table avis as select 4 client, DATE '2024-01-09' as jour, 'très bon, merci à vous tous' commentaire, 5 note from range(3)"
    )
    consent = "select 17 client, 'email' canal, 'marketing' finalite, true accord, TIMESTAMP '2024-01-01' date"
    con.execute(f"copy ({consent}) to '{shop}/consents.parquet'")
    con.close()
    plan, text, _ = begun("livre.xlsx", "visits.jsonl", "more.duckdb", "consents.parquet")
    found = {source.table: source.file for source in plan.collect.sources.values()}
    assert found == {
        "orders": "raw/livre.xlsx#Ventes",
        "customers": "raw/livre.xlsx#Clients",
        "events": "raw/visits.jsonl",
        "comments": "raw/more.duckdb#avis",
        "consents": "raw/consents.parquet",
    }
    assert "# - livre.xlsx#Vide: an empty sheet" in text
    assert "# - visits.jsonl, where: its values are objects or lists" in text and "visits.jsonl, tags" in text
    assert {table: int(read(plan).mapped(table).count().execute()) for table in found} == {
        "orders": 6,
        "customers": 3,
        "events": 3,
        "comments": 3,
        "consents": 1,
    }


def test_a_folder_gives_what_it_can_and_says_what_was_left_out_and_why(shop):
    folder = shop / "exports"
    (folder / "old").mkdir(parents=True)
    plain(folder / "orders.csv")
    (folder / "empty.csv").write_text("")
    (folder / "blank.csv").write_text("\n \n")
    (folder / "names only.csv").write_text("a,b\n")
    (folder / "values.csv").write_text("1,2024-01-05,3\n2,2024-01-06,4\n")
    (folder / "twice.csv").write_text("a,b,B\n1,2,3\n")
    (folder / "old" / "letter.docx").write_text("x")
    (folder / ".hidden.csv").write_text("x")
    plan, text, _ = begun(folder)
    left = [line.removeprefix("# - ") for line in text.splitlines() if line.startswith("# - ")]
    assert list(plan.collect.sources) == ["orders"]
    assert [line.partition(": ")[2] for line in left] == [
        "an empty file: export it again",
        "the ending .docx is not read; export it as CSV, Parquet or .xlsx",
        "it holds nothing but blanks: export it again",
        "it has names of columns and no row: export it again",
        "two columns are called b: nobody could say which one is meant; rename one of the two",
        "its first line holds values (1, 2024-01-05, 3), no names of columns: put a line of names above it",
    ]
    raw = project.load("shop").folder / "raw"
    assert [path.name for path in raw.iterdir()] == ["orders.csv"]  # what is not read is not copied


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "latin-1"])
def test_any_encoding_is_read_alike(shop, encoding):
    rows = [[c, o, f"{t:%Y-%m-%d}", family + " é", a / 100] for c, o, t, family, _, a in ORDERS]
    plan, _, _ = begun(write(shop / "o.csv", ["customer_id", "order_id", "date", "category", "total"], rows, encoding=encoding))
    found = read(plan).mapped("orders").execute()
    assert sorted(found["category"].unique()) == ["cave é", "frais é"] and float(found["amount"].sum()) == 1367.01


def test_money_in_cents_and_discounts_below_zero_are_brought_to_the_contract_s_unit(shop):
    header = ["customer_id", "order_id", "date", "amount_cents", "discount", "discount_rate"]
    rows = [[c, o, f"{t:%Y-%m-%d}", a, -5 if a > 0 else 0, 0.1] for c, o, t, _, _, a in ORDERS]
    plan, text, _ = begun(write(shop / "orders.csv", header, rows))
    assert (only(plan).units, only(plan).columns["discount"]) == ({"amount": 0.01}, "= -discount")
    found = read(plan).mapped("orders")
    assert (float(found.amount.sum().execute()), float(found.discount.sum().execute())) == (1367.01, 25.0)
    assert "discount_rate" not in only(plan).columns.values()


def test_two_hundred_columns_and_a_single_row_make_projects_too(shop):
    wide = write(
        shop / "wide.csv",
        ["customer_id", "order_id", "date", "total", *(f"x{n}" for n in range(196))],
        [[i % 5, i, "2024-01-05", i, *("ab"[(i + n) % 2] for n in range(196))] for i in range(40)],
    )
    assert len(only(begun(wide, name="wide")[0]).columns) == 4
    assert only(begun(plain(shop / "one.csv", ORDERS[:1]), name="one")[0]).columns["amount"] == "total"


def test_cells_that_look_like_formulas_or_markup_are_only_text(shop):
    rows = [["a", 1, "2024-01-05", "=cmd()", 5], ["<script>alert(1)</script>", 2, "2024-01-06", "#{x}: '\"", 5]]
    plan, text, _ = begun(write(shop / "orders.csv", ["customer_id", "order_id", "date", "category", "total"], rows))
    assert sorted(read(plan).mapped("orders").execute()["category"]) == ["#{x}: '\"", "=cmd()"]
    assert "<script>" not in text


# What is refused


def refused(*given, name="shop") -> str:
    with pytest.raises(NinefoldError) as error:
        new(name, list(map(str, given)))
    return str(error.value)


def test_an_existing_project_is_never_overwritten(shop):
    plain(shop / "orders.csv")
    before = begun(shop / "orders.csv")[1]
    message = refused(shop / "orders.csv")
    assert message.startswith("data/shop/project.yml exists already and is not overwritten. Give another PROJECT")
    assert (project.load("shop").folder / "project.yml").read_text(encoding="utf-8") == before


def test_another_file_of_the_same_name_below_raw_is_not_overwritten_and_nothing_stays_behind(shop):
    raw = shop / "home" / "data" / "shop" / "raw"
    raw.mkdir(parents=True)
    (raw / "orders.csv").write_text("mine")
    assert "is there already and differs from" in refused(plain(shop / "orders.csv"))
    assert [path.name for path in raw.parent.rglob("*")] == ["raw", "orders.csv"] and (raw / "orders.csv").read_text() == "mine"


def test_files_that_lie_below_raw_already_stay_where_they_are(shop):
    raw = shop / "home" / "data" / "shop" / "raw"
    raw.mkdir(parents=True)
    plan, _, _ = begun(plain(raw / "orders.csv"))
    assert only(plan).file == "raw/orders.csv" and [path.name for path in raw.iterdir()] == ["orders.csv"]


def test_a_password_in_an_address_is_refused_and_not_repeated(shop):
    bare = "postgresql://ann@db.local/shop"
    for address in ("postgresql://ann:secret@db.local/shop", f"{bare}?password=secret", f"{bare}?PassWord%3d=secret"):
        message = refused(address)
        assert "holds a password" in message and "PGPASSWORD" in message and "secret" not in message


def test_a_server_without_its_package_says_what_to_install(shop, monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    assert "needs the package psycopg. Install it" in refused("postgresql://ann@db.local/shop")


class Server:
    """A PostgreSQL server with one table, as the engine connects to it."""

    def __init__(self):
        self.asked = []

    def connect(self, **options):
        self.asked.append(options)
        return self

    def raw_sql(self, query):
        return self

    def fetchall(self):
        return [("public.orders",)]

    def close(self):
        pass

    disconnect = close

    def table(self, name, database=None):
        rows = [{"customer_id": c, "order_id": o, "order_date": t, "total": a / 100} for c, o, t, _, _, a in ORDERS]
        return ibis.memtable(pd.DataFrame(rows))


def test_the_tables_of_a_server_are_found_and_read_with_the_options_of_its_address(shop, monkeypatch):
    server = Server()
    monkeypatch.setattr("importlib.util.find_spec", lambda name, was=importlib.util.find_spec: True if name == "psycopg" else was(name))
    monkeypatch.setitem(vars(ibis), "postgres", server)
    plan, _, report = begun("postgresql://ann@db.local:5433/shop?sslmode=require")
    assert only(plan).file == "postgresql://ann@db.local:5433/shop?sslmode=require#public.orders"
    assert "→ orders (sure): 6 rows; customer_id, order_id, ordered_at, amount" in report
    wanted = {"host": "db.local", "port": 5433, "user": "ann", "database": "shop", "sslmode": "require"}
    assert len(server.asked) == 2 and all(wanted.items() <= options.items() for options in server.asked)


def test_what_cannot_be_begun_is_said_with_the_remedy(shop):
    assert refused(name="shop").startswith("Name the project and its files: make new")
    assert refused("nowhere.csv") == "FROM: 'nowhere.csv' does not exist. Correct the path; names with blanks stand in quotes of their own."
    assert "is no name for a project" in refused("x", name="../shop") and "is no name for a project" in refused("x", name="My Shop")
    assert "mysql:// is not read" in refused("mysql://host/base")
    (shop / "empty.csv").write_text("")
    assert refused("empty.csv") == "None of these can be read:\n  empty.csv: an empty file: export it again"
    write(shop / "crm.csv", ["id", "email", "town"], [["1", "a@x.fr", "Lyon"], ["2", "b@x.fr", "Metz"]])
    message = refused("crm.csv")
    assert message.startswith("No file looks like orders: a customer, a date and an amount in each row are needed. crm.csv comes closest")
    assert not (shop / "home").exists()


def test_the_command_hands_project_and_files_on_and_prints_the_report(shop, capsys):
    options, _ = __main__.read(["new", "--project", "shop", "--from", str(plain(shop / "orders.csv"))])
    assert __main__.new(options, []) == 0
    assert capsys.readouterr().out.endswith("Next: make report PROJECT=shop\n")


# Names that files have


HEADS = ["customer_id", "order_id", "order_date"]


def sold(path: Path, more: dict[str, list], *, customers=2, orders=8) -> Path:
    """Orders of one day each, 10, 11, 12 … for customers in turn, with further columns (their values in turn)."""
    rows = []
    for i in range(orders):
        further = [values[i % len(values)] for values in more.values()]
        rows.append([f"c{i % customers}", f"F{i}", f"2024-01-{i % 28 + 1:02d}", *further])
    return write(path, [*HEADS, *more], rows)


@pytest.mark.parametrize("name", ["rowid", "ROWID", "a {t} b", "file_", "filename", "it's", 'a "b"', "a`b", "select"])
def test_a_column_may_have_any_name(shop, name):
    plan, _, _ = begun(sold(shop / "orders.csv", {"total": [10, 11], name: ["x", "y", "x"], "again": ["x", "y", "x"]}))
    assert float(read(plan).mapped("orders").amount.sum().execute()) == 84.0  # 4 · 10 + 4 · 11


@pytest.mark.parametrize("name", ["file_", "filename", "rowid"])
def test_a_column_may_have_any_name_in_a_series_of_files_too(shop, name):
    for year in (2023, 2024):
        sold(shop / f"orders-{year}.csv", {"total": [10], name: ["x", "y"]})
    plan, _, _ = begun(shop / "orders-2023.csv", shop / "orders-2024.csv")
    assert (only(plan).file, only(plan).newer_replaces) == ("raw/orders-*.csv", True)  # F0 … F7 stand in both


@pytest.mark.parametrize(
    ("price", "written"), [("unit * price", "`unit * price`"), ("unit price'", "`unit price'`"), ("Unit Price", "`Unit Price`")]
)
def test_a_unit_price_is_multiplied_whatever_it_is_called(shop, price, written):
    plan, _, report = begun(sold(shop / "orders.csv", {"Quantity": [2, -1], price: [1.5]}))
    assert only(plan).columns["amount"] == f"= Quantity * {written}"
    assert float(read(plan).mapped("orders").amount.sum().execute()) == 6.0  # 4 · 3.00 − 4 · 1.50
    assert "4 rows with an amount below zero: refunds" in report


def test_a_unit_price_that_no_expression_can_name_is_to_be_renamed(shop):
    message = refused(sold(shop / "orders.csv", {"Quantity": [2], "unit`price": [1.5]}))
    assert message == "orders.csv: the column 'unit`price' is needed in an expression, which cannot hold it: rename it."
    assert not (shop / "home").exists()


def test_a_name_that_project_yml_reads_as_a_formula_is_left_out_with_the_remedy(shop):
    plan, text, _ = begun(sold(shop / "orders.csv", {"total": [10], "=channel": ["web", "shop"], "#row": ["a", "b"]}))
    assert list(only(plan).columns) == ["customer_id", "order_id", "ordered_at", "amount"]
    assert "# - orders.csv, =channel: project.yml reads a name that begins with = otherwise: rename it" in text
    assert "# - orders.csv, #row: project.yml reads #row otherwise: rename it" in text


@pytest.mark.parametrize("name", ["l'identifiant client", 'the "customer" id', "N° client"])
def test_the_filter_of_a_repeated_header_holds_any_name(shop, name, monkeypatch):
    monkeypatch.setattr(names, "fit", lambda *given, was=names.fit: 1.0 if given == (name, "orders", "customer_id") else was(*given))
    header = [name, "order_id", "date", "total"]
    plan, _, _ = begun(write(shop / "orders.csv", header, [["a", 1, "2024-01-05", 5], header, ["b", 2, "2024-01-06", 6]]))
    assert list(read(plan).refused("orders").execute()["reason"]) == ["filtered"]


def test_a_name_with_a_line_break_stays_one_line_of_project_yml(shop):
    import openpyxl

    book = openpyxl.Workbook()
    for row in [[*HEADS, "total\namount"], ["a", 1, datetime(2024, 1, 5), 10], ["b", 2, datetime(2024, 1, 6), 11]]:
        book.active.append(row)
    book.save(shop / "book.xlsx")
    plan, text, _ = begun(shop / "book.xlsx")
    assert 'amount: "total\\namount"' in text and only(plan).columns["amount"] == "total\namount"


def test_a_line_break_in_the_names_of_a_text_file_that_cannot_be_read_so_is_said(shop):
    message = refused(sold(shop / "orders.csv", {"total": [10], "two\nlines": ["x", "y"]}))
    assert message.endswith("orders.csv: a name of a column runs over two lines, and no row could be read: take the line break out")


def test_a_database_of_sqlite_that_is_called_duckdb_is_to_be_renamed(shop):
    con = sqlite3.connect(shop / "shop.duckdb")
    con.execute("create table t (a)")
    con.close()
    assert refused("shop.duckdb") == "None of these can be read:\n  shop.duckdb: a file of SQLite: rename it to end in .sqlite"


def test_attributes_with_the_names_that_steps_use_get_the_name_of_their_file_before_it(shop):
    plain(shop / "orders.csv")
    rows = [["00004", "Lyon", "web", "x", 3], ["00017", "Metz", "shop", "y", 4], ["00021", "Lyon", "web", "x", 5]]
    plan, _, _ = begun(shop / "orders.csv", write(shop / "crm.csv", ["customer_id", "city", "Source", "Place", "orders"], rows))
    columns = only(plan, "customers").columns
    assert columns == {"customer_id": "customer_id", "city": "city", "crm_source": "Source", "crm_place": "Place", "crm_orders": "orders"}


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("diabetes", "health"),
        ("Blood types", "health"),
        ("bloodType", "health"),
        ("allergies", "health"),
        ("Santé perçue", "health"),
        ("vegan", "religion"),
        ("casier_judiciaire", "criminal"),
        ("Party", "opinion"),
        ("syndiqués", "union"),
        ("healthy_share", None),
        ("third_party", None),
        ("party_size", None),
        ("wealth", None),
        ("traces", None),
        ("dietician's", None),
    ],
)
def test_steps_and_make_new_know_the_same_special_categories(name, kind):
    assert category(name) == kind and collect_special.category is category
    assert kind is None or kind in collect_special.SPECIAL


def test_every_special_category_that_a_name_can_speak_of_is_said_in_words():
    assert set(special.WORDS) == set(collect_special.SPECIAL) and set(special.TOGETHER) < set(special.WORDS)


def test_a_special_column_that_make_new_leaves_out_does_not_stop_step_3(shop):
    plain(shop / "orders.csv")
    rows = [["00004", "F", "type 1"], ["00017", "M", "no"], ["00021", "F", "no"]]
    plan, text, _ = begun(shop / "orders.csv", write(shop / "crm.csv", ["customer_id", "gender", "diabetes"], rows))
    assert "# - crm.csv, diabetes: may be of a special category (health)" in text
    assert [name for _, _, name in collect_special.named(plan) if category(name)] == []


# What stands beside


def test_what_order_lines_repeat_for_each_customer_describes_customers_and_waits_for_a_check(shop):
    # 25 customers in turn, 4 orders each; the country is the customer's, the gift wrap is not, and 61 towns are too many
    more = {"total": [10], "Country": ["FR", "BE", "FR", "FR", "DE"], "gift": ["yes please", "no thanks", "no thanks"]}
    plan, text, report = begun(sold(shop / "orders.csv", more, customers=25, orders=100))
    assert only(plan, "customers").columns == {"customer_id": "customer_id", "country": "Country"}
    assert only(plan, "customers").file == only(plan).file and only(plan, "customers").ids == only(plan).ids
    assert "country: Country  # please check: the same in all orders of 100.0 % of the 25 customers with several" in text
    assert "orders.csv, gift: the table orders has no column for it" in report and "Country: the table" not in report
    assert "of several values the smallest" in text


def test_one_customer_in_a_hundred_may_change_and_two_may_not(shop):
    def given(movers: int) -> Path:
        rows = [
            [f"c{i:03d}", f"F{i}-{n}", f"2024-01-0{n + 1}", 5, "BE" if n and i < movers else "FR"] for i in range(100) for n in range(2)
        ]
        return write(shop / f"orders{'x' * movers}.csv", [*HEADS, "total", "Country"], rows)

    assert begun(given(1), name="one")[0].has("customers.country")
    assert not begun(given(2), name="two")[0].has("customers")


def test_orders_of_people_who_came_once_and_codes_of_products_describe_nobody(shop):
    once = sold(shop / "once.csv", {"total": [10], "Country": ["FR", "BE"]}, customers=100, orders=100)
    assert not begun(once, name="once")[0].has("customers")
    product = sold(shop / "goods.csv", {"total": [10], "product line": ["tea", "pots"]}, customers=50, orders=100)
    assert not begun(product, name="goods")[0].has("customers")


SURVEY = ["respondent_id", *(f"q{n}" for n in range(1, 7))]


def test_a_survey_with_a_column_a_question_says_what_to_do_beside_orders_and_alone(shop):
    rows = [[c, *((i + n) % 5 + 1 for n in range(6))] for i, c in enumerate(("00004", "00017", "00021", "00022", "00023"))]
    path = write(shop / "enquete.csv", SURVEY, rows)
    wanted = "looks like a survey with a column a question (6: q1, q2, q3 …): to use it as answers, turn these columns into rows"
    _, text, report = begun(plain(shop / "orders.csv"), path)
    assert wanted in text and wanted in report
    assert f"enquete.csv {wanted}" in refused(path, name="alone")


def test_sales_of_quarters_are_no_questions(shop):
    header = ["customer_id", "Q1", "Q2", "Q3", "Q4"]
    path = write(shop / "sales.csv", header, [[f"c{i}", 100 + 7 * i, 200 + 3 * i, 50 + i, 90 + 11 * i] for i in range(40)])
    plan, text, _ = begun(path)
    assert set(only(plan).totals.categories) == {"Q1", "Q2", "Q3", "Q4"} and "looks like a survey" not in text


def test_few_levels_alone_make_no_survey(shop):
    rows = [[c, i % 2, i % 3, "FM"[i % 2]] for i, c in enumerate(("00004", "00017", "00021", "00022"))]
    _, text, _ = begun(plain(shop / "orders.csv"), write(shop / "crm.csv", ["customer_id", "kids", "cars", "gender"], rows))
    assert "looks like a survey" not in text


# Files that are streamed, and what stays behind


def test_a_workbook_with_macros_and_a_wrong_size_is_read_whole(shop):
    import openpyxl

    book = openpyxl.Workbook()
    for row in [[*HEADS, "total", "vip"], *[[c, o, t, a / 100, a > 2000] for c, o, t, _, _, a in ORDERS]]:
        book.active.append(row)
    book.save(shop / "book.xlsm")
    with zipfile.ZipFile(shop / "book.xlsm") as old, zipfile.ZipFile(shop / "till.xlsm", "w") as made:
        for each in old.namelist():
            made.writestr(each, old.read(each).replace(b'<dimension ref="A1:E7"', b'<dimension ref="A1:A2"'))
    plan, _, _ = begun(shop / "till.xlsm")
    assert only(plan).file == "raw/till.xlsm#Sheet" and float(read(plan).mapped("orders").amount.sum().execute()) == 1367.01


def test_old_endings_are_left_out_with_the_same_remedy_as_the_engine_gives(shop):
    (shop / "old.xls").write_text("x")
    assert "old.xls: the ending .xls is not read. Save it as .xlsx\n" in refused("old.xls") + "\n"


def test_values_of_a_book_or_a_database_keep_their_kind_where_a_column_has_one(shop):
    con = sqlite3.connect(shop / "shop.sqlite")
    con.execute("create table t (whole, real, mixed, words, large)")
    con.executemany("insert into t values (?, ?, ?, ?, ?)", [(1, 1.5, 7, "a", 1 << 62), (2, 2, "x", "", 3), (None, None, 7.0, None, None)])
    con.commit()
    con.close()
    with Reader() as reader:
        made = reader.read(files.find([str(shop / "shop.sqlite")]).tables[0])
        assert made.columns == {"whole": "BIGINT", "real": "DOUBLE", "mixed": "VARCHAR", "words": "VARCHAR", "large": "VARCHAR"}
        assert made.ask("select * from {t} order by whole nulls last") == [
            (1, 1.5, "7", "a", str(1 << 62)),
            (2, 2.0, "x", None, "3"),
            (None, None, "7", None, None),
        ]
        assert list(reader.folder.glob("*.parquet")) == []


def test_nothing_stays_behind_when_the_second_file_is_refused(shop):
    raw = shop / "home" / "data" / "shop" / "raw"
    raw.mkdir(parents=True)
    (raw / "crm.csv").write_text("mine")
    crm = write(shop / "crm.csv", ["customer_id", "gender"], [["00004", "F"], ["00017", "M"]])
    assert "is there already and differs from" in refused(plain(shop / "orders.csv"), crm)
    assert [path.name for path in raw.parent.rglob("*")] == ["raw", "crm.csv"] and (raw / "crm.csv").read_text() == "mine"


def test_nothing_stays_behind_when_the_second_copy_breaks_off(shop, monkeypatch):
    def broken(source, target, was=shutil.copyfile):
        was(source, target)
        assert Path(target).suffix == ".part"  # a copy has its name only once it is whole
        if Path(source).name == "crm.csv":
            raise OSError("no space left")

    monkeypatch.setattr(shutil, "copyfile", broken)
    crm = write(shop / "crm.csv", ["customer_id", "gender"], [["00004", "F"], ["00017", "M"]])
    with pytest.raises(OSError, match="no space left"):
        new("shop", [str(plain(shop / "orders.csv")), str(crm)])
    assert not (shop / "home" / "data" / "shop").exists()


@pytest.mark.parametrize("there", [False, True])
def test_nothing_stays_behind_when_the_project_does_not_load(shop, monkeypatch, there):
    folder = shop / "home" / "data" / "shop"
    if there:
        (folder / "raw").mkdir(parents=True)
        (folder / "notes.txt").write_text("mine")

    def no(name):
        raise NinefoldError(f"{name} does not load")

    monkeypatch.setattr(begin.project, "load", no)
    assert refused(plain(shop / "orders.csv")) == "shop does not load"
    assert sorted(path.name for path in folder.rglob("*")) == (["notes.txt", "raw"] if there else [])
    assert folder.exists() == there


def test_of_two_calls_at_the_same_time_one_writes_and_the_other_leaves_it_alone(shop, monkeypatch):
    plain(shop / "orders.csv")
    begun_meanwhile = []

    def overtaken(*given, was=begin._copied):
        if not begun_meanwhile:  # the other call goes all the way while this one has read its files and written nothing
            begun_meanwhile.append(None)
            begun_meanwhile.append(new("shop", [str(shop / "orders.csv")]))
        return was(*given)

    monkeypatch.setattr(begin, "_copied", overtaken)
    assert refused(shop / "orders.csv").startswith("data/shop/project.yml exists already and is not overwritten")
    folder = begun_meanwhile[1].path.parent
    assert only(project.load("shop")).file == "raw/orders.csv"
    assert sorted(path.name for path in folder.rglob("*")) == ["orders.csv", "project.yml", "raw"]


# Faults that real files brought to light


def test_columns_whose_values_stand_in_other_places_are_no_copies(shop):
    rows = [[f"c{i}", i, f"2024-01-{i % 28 + 1:02d}", 5, "ab"[(i // 2) % 2], "ab"[(i + 1) // 2 % 2], "ab"[(i // 2) % 2]] for i in range(40)]
    plain(shop / "orders.csv")
    header = ["customer_id", "n", "created_at", "x", "first", "moved", "again"]
    plan, text, _ = begun(shop / "orders.csv", write(shop / "customers.csv", header, rows))
    assert {"first", "moved"} <= set(only(plan, "customers").columns)
    assert "customers.csv, again: the same as first, row by row" in text and "the same as moved" not in text


@pytest.mark.parametrize("header", ["customer_id", "N° client"])
def test_ids_written_as_floats_in_one_file_are_those_of_the_other(shop, header):
    rows = [[f"{i % 9 + 1}.0" if i else "", i, "2024-01-05", 5] for i in range(40)]
    orders = write(shop / "sales.csv", [header, "order_id", "date", "total"], rows)
    people = write(shop / "crm.csv", [header, "gender"], [[i + 1, "FM"[i % 2]] for i in range(9)])
    plan, text, _ = begun(orders, people)
    assert {source.ids for source in plan.collect.sources.values()} == {"customer"} and "another numbering" not in text
    assert set(read(plan).mapped("orders").execute()["customer_id"].dropna()) == set(
        read(plan).mapped("customers").execute()["customer_id"]
    )


def test_in_a_series_the_files_that_write_ids_as_floats_are_told_apart(shop):
    for year, first, end in ((2023, 1, ".0"), (2024, 10, "")):
        rows = [[f"{i % 9 + first}{end}", f"{year}-{i}", f"{year}-01-05", 5] for i in range(20)]
        write(shop / f"sales-{year}.csv", ["customer_id", "order_id", "date", "total"], rows)
    people = write(shop / "crm.csv", ["customer_id", "gender"], [[f"{i + 1}", "FM"[i % 2]] for i in range(9)])
    plan, text, _ = begun(shop / "sales-2023.csv", shop / "sales-2024.csv", people)
    assert only(plan).file == "raw/sales-*.csv" and "of its customers are among" not in text
    assert {source.ids for source in plan.collect.sources.values()} == {"customer"}


@pytest.mark.parametrize(("name", "role"), [("personnel", "personnel"), ("Employé", "employe"), ("is_staff", "is_staff")])
def test_a_yes_or_no_that_names_staff_proposes_to_set_them_aside(shop, name, role):
    plain(shop / "orders.csv")
    rows = [["00004", "oui", "Lyon"], ["00017", "non", "Metz"], ["00021", "non", "Lyon"]]
    _, text, report = begun(shop / "orders.csv", write(shop / "crm.csv", ["customer_id", name, "city"], rows))
    assert f"""  #   - {{rule: customers_where, where: "{role} == 'oui'"}}  # please check: 1 row of people who work here""" in text
    assert "customers_where" in report.partition("Please check")[2]


def test_the_proposal_for_staff_finds_them_once_it_is_taken(shop):
    plain(shop / "orders.csv")
    rows = [["00004", "oui", "Lyon"], ["00017", "non", "Metz"], ["00021", "non", "Lyon"]]
    plan, _, _ = begun(shop / "orders.csv", write(shop / "crm.csv", ["customer_id", "personnel", "city"], rows))
    people = read(plan).mapped("customers").execute()
    assert list(people.loc[people["personnel"] == "oui", "customer_id"]) == ["00004"]


def test_a_yes_or_no_about_something_else_proposes_nothing(shop):
    plain(shop / "orders.csv")
    rows = [["00004", "oui", "Lyon"], ["00017", "non", "Metz"], ["00021", "non", "Lyon"]]
    assert "customers_where" not in begun(shop / "orders.csv", write(shop / "crm.csv", ["customer_id", "loyal", "city"], rows))[1]


def test_shares_of_spend_are_called_as_the_data_write_them_and_never_like_a_measure(shop):
    plan, text, _ = begun(sold(shop / "orders.csv", {"total": list(range(10, 18)), "category": ["Épicerie", "Mobile", "Discount", "vin"]}))
    assert plan.variables.category_groups == {
        "vin_share": ["vin"],
        "discount_spend_share": ["Discount"],
        "mobile_spend_share": ["Mobile"],
        "epicerie_share": ["Épicerie"],
    }
    assert plan.variables.share_names == {
        "epicerie_share": "Épicerie",
        "mobile_spend_share": "Mobile",
        "discount_spend_share": "Discount",
    }


def test_many_columns_left_out_for_one_reason_share_a_line(shop):
    more = {"total": list(range(10, 18)), **{f"x{n}": [n, n + 1, n + 5] for n in range(196)}, "nothing": [""], "y": ["p", "q"], "z": [1, 2]}
    _, text, report = begun(sold(shop / "orders.csv", more))
    run = "orders.csv, x0 … x195 (196 columns): the table orders has no column for it"
    assert f"# - {run}\n" in text and f"  {run}\n" in report
    assert "orders.csv, x7:" not in text + report
    assert "orders.csv, y: " in text and "orders.csv, z: " in text


@pytest.mark.parametrize("name", ["loyalty_no", "codeFidelite", "réf interne"])
def test_whole_numbers_that_differ_for_everybody_are_ids_only_when_they_are_called_so(shop, name):
    plain(shop / "orders.csv")
    rows = [[f"c{i}", 1000 + 37 * i, 5000 + 91 * i, "FM"[i % 2]] for i in range(40)]
    plan, text, _ = begun(shop / "orders.csv", write(shop / "customers.csv", ["customer_id", "income", name, "gender"], rows))
    assert only(plan, "customers").columns == {"customer_id": "customer_id", "income": "income", "gender": "gender"}
    assert "income: income  # please check: a different number for nearly everybody" in text
    assert f"customers.csv, {name}: a different number for nearly everybody: it looks like a further id" in text


def test_a_column_called_exactly_like_the_contract_s_is_sure_however_few_its_values(shop):
    _, text, _ = begun(sold(shop / "orders.csv", {"total": list(range(10, 18))}, orders=40))
    assert "customer_id: customer_id  # called so" in text and "only part of the name" not in text


MAILS = [  # address, campaign, sent, opened; unsorted, one person twice
    ("b@x.fr", "NL-2", "2024-02-01T08:00:00", None),
    ("a@x.fr", "NL-1", "2024-01-01T08:00:00", "2024-01-01T09:00:00"),
    ("a@x.fr", "NL-2", "2024-02-01T08:00:00", "2024-02-02T09:00:00"),
    ("z@x.fr", "NL-1", "2024-01-01T08:00:00", None),
]


def mails(path: Path) -> Path:
    lines = [json.dumps(dict(zip(("email", "campaign", "sent", "opened_at"), row, strict=True))) for row in MAILS]
    path.write_text("\n".join(lines), encoding="utf-8")
    return path


def test_a_newsletter_keyed_by_address_becomes_people_and_mails_that_matching_joins(shop):
    plain(shop / "orders.csv")
    crm = write(shop / "crm.csv", ["customer_id", "email", "gender"], [["00004", "a@x.fr", "F"], ["00017", "b@x.fr", "M"]])
    plan, text, _ = begun(shop / "orders.csv", crm, mails(shop / "news.jsonl"))
    sources = plan.collect.sources
    assert sources["news"].columns == {"customer_id": "email", "email": "email"} and sources["news"].table == "customers"
    assert {sources[name].ids for name in ("news", "news_sent", "news_opened")} == {"news"} and sources["crm"].ids == "customer"
    assert plan.collect.matching.exact == [["email"]]
    assert "exact: [[email]]  # please check: 100 % of the addresses stand in crm.csv; do two people never share one?" in text
    found = read(plan).mapped("events").execute().sort_values(["kind", "occurred_at", "customer_id"])
    assert list(zip(found["kind"], found["channel"], found["customer_id"], found["campaign_id"], strict=True)) == [
        ("opened", "email", "news:a@x.fr", "NL-1"),
        ("opened", "email", "news:a@x.fr", "NL-2"),
        ("sent", "email", "news:a@x.fr", "NL-1"),
        ("sent", "email", "news:z@x.fr", "NL-1"),
        ("sent", "email", "news:a@x.fr", "NL-2"),
        ("sent", "email", "news:b@x.fr", "NL-2"),
    ]


def test_a_newsletter_whose_addresses_nobody_else_has_says_what_is_missing_and_what_to_type(shop):
    plan, text, report = begun(plain(shop / "orders.csv"), mails(shop / "news.jsonl"))
    assert list(plan.collect.sources) == ["orders"] and "matching" not in text.partition("# Left out")[0]
    for said in (text, report):
        assert "news.jsonl: keyed by e-mail address (email) alone, and no other file says whose address that is" in said
        assert "`customer_id: email, email: email`" in said and "`collect.matching: {exact: [[email]]}`" in said


def test_a_list_of_subscribers_keyed_by_address_becomes_people(shop):
    plain(shop / "orders.csv")
    crm = write(shop / "crm.csv", ["customer_id", "email", "gender"], [["00004", "a@x.fr", "F"], ["00017", "b@x.fr", "M"]])
    rows = [["a@x.fr", "Ana", "fair"], ["y@x.fr", "Yves", "web"], ["b@x.fr", "Bea", "web"]]
    plan, text, _ = begun(shop / "orders.csv", crm, write(shop / "abonnes.csv", ["courriel", "prénom", "origin"], rows))
    columns = plan.collect.sources["abonnes"].columns
    assert columns == {"customer_id": "courriel", "email": "courriel", "first_name": "prénom", "origin": "origin"}
