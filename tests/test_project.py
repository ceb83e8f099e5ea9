"""project.yml: what is read from it, and what is said about each kind of mistake in it."""

from datetime import date, datetime, timedelta, timezone

import pytest

from helpers import NinefoldError, project

SHOP = """\
title: Shop
time_zone: Europe/Paris
as_of: 2024-03-01
objectives:
  main: {name: Earn more, kind: revenue, metric: revenue_per_customer}
collect:
  sources:
    till:
      table: orders
      file: till.csv
      columns: {customer_id: client, order_id: ticket, ordered_at: at, amount: paid}
"""
FILE = "data/shop/project.yml"


@pytest.fixture
def shop(tmp_path, monkeypatch):
    """Write a project.yml (the good one, with one passage replaced) and load it."""
    monkeypatch.setenv("NINEFOLD_HOME", str(tmp_path))
    (tmp_path / "data" / "shop").mkdir(parents=True)

    def load(old="", new="", *, text=SHOP, encoding="utf-8"):
        assert text.count(old) == 1 or not old, f"{old!r} should stand once in the text"
        (tmp_path / FILE).write_bytes((text.replace(old, new) if old else text + new).encode(encoding))
        return project.load("shop")

    return load


@pytest.fixture
def refused(shop):
    """The message with which such a project.yml is refused."""

    def message(*change, **options):
        with pytest.raises(NinefoldError) as error:
            shop(*change, **options)
        return str(error.value)

    return message


# ---- what is read


def test_a_small_project_is_read_with_the_defaults_of_all_it_leaves_out(shop):
    plan = shop()
    assert (plan.name, plan.file, plan.title, plan.as_of) == ("shop", FILE, "Shop", date(2024, 3, 1))
    assert (plan.currency, plan.language, plan.seed, plan.min_cell, plan.engine) == ("EUR", "en", 1, 10, "duckdb://")
    assert (plan.scope.window_days, plan.scope.horizon_days, plan.sample_rows, plan.pairwise_rows) == (180, 90, 100_000, 10_000)
    assert plan.sources_of("orders")["till"].columns == {
        "customer_id": "client",
        "order_id": "ticket",
        "ordered_at": "at",
        "amount": "paid",
    }
    assert plan.sources_of("contacts") == {}


def test_every_project_of_the_repository_can_be_read(monkeypatch):
    monkeypatch.delenv("NINEFOLD_HOME", raising=False)
    assert "complete_journey" in project.available()
    for name in project.available():
        assert project.load(name).name == name


def test_a_column_counts_as_named_when_mapped_constant_or_looked_up(shop):
    added = "      constants: {channel: shop}\n      lookups: [{file: goods.csv, match: {sku: sku}, columns: {category: family}}]\n"
    plan = shop(new=added)
    named = {column: plan.names_column("orders", column) for column in ("amount", "channel", "category", "brand")}
    assert named == {"amount": True, "channel": True, "category": True, "brand": False}
    assert not plan.names_column("contacts", "sent_at")


def test_customers_may_carry_attributes_that_the_contract_does_not_know(shop):
    plan = shop(new="    crm: {table: customers, file: crm.csv, columns: {customer_id: client, shoe_size: size}}\n")
    assert plan.names_column("customers", "shoe_size")


# ---- as_of


@pytest.mark.parametrize(
    ("typed", "expected"),
    [
        ("2024-03-01", datetime(2024, 3, 1)),
        ("'2024-03-01'", datetime(2024, 3, 1)),
        ("2024-03-01 06:30:00", datetime(2024, 3, 1, 6, 30)),
        ("2024-03-01T06:30:00-05:00", datetime(2024, 3, 1, 12, 30)),  # 11:30 UTC, winter time in Paris
        ("'2024-07-01T06:30:00Z'", datetime(2024, 7, 1, 8, 30)),  # summer time
    ],
)
def test_as_of_is_wall_clock_time_of_the_projects_zone_midnight_unless_it_names_a_time(shop, typed, expected):
    assert project.instant(None, shop("2024-03-01", typed)) == expected


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (None, datetime(2024, 3, 1)),
        ("", datetime(2024, 3, 1)),
        ("2023-12-31", datetime(2023, 12, 31)),
        (date(2023, 12, 31), datetime(2023, 12, 31)),
        (datetime(2023, 12, 31, 18), datetime(2023, 12, 31, 18)),
        (datetime(2023, 12, 31, 18, tzinfo=timezone(timedelta(hours=-6))), datetime(2024, 1, 1, 1)),  # midnight UTC
    ],
)
def test_the_command_or_notebook_may_give_another_as_of(shop, given, expected):
    assert project.instant(given, shop()) == expected


@pytest.mark.parametrize("given", ["soon", "2024-02-30", "2024-13-01", "01/03/2024", 20240301, 1.5, True, []])
def test_an_as_of_that_is_not_a_date_is_refused_with_its_value_and_the_form(shop, given):
    with pytest.raises(NinefoldError) as error:
        project.instant(given, shop())
    assert str(error.value) == f"as_of: {given!r} is not a date. Write it as YYYY-MM-DD, for example 2017-10-01."


@pytest.mark.parametrize(
    ("typed", "value"),
    [("soon", "'soon'"), ("2024-02-30", "'2024-02-30'"), ("20240301", "20240301"), ("1.5", "1.5"), ("", "None"), ("[1]", "[1]")],
)
def test_the_same_holds_for_the_one_in_project_yml(refused, typed, value):
    assert refused("2024-03-01", typed) == (
        f"{FILE}: field as_of has the value {value}: not a date; write it as YYYY-MM-DD. "
        "First instant not counted, unless the command gives another."
    )


# ---- mistakes


def test_an_unknown_project_is_answered_with_the_nearest_and_with_all_that_there_are(shop):
    shop()
    with pytest.raises(NinefoldError) as error:
        project.load("shoop")
    assert str(error.value) == "Unknown project 'shoop': there is no data/shoop/project.yml. Did you mean shop? Known: shop."
    with pytest.raises(NinefoldError) as error:
        project.load("zzz")
    assert str(error.value) == "Unknown project 'zzz': there is no data/zzz/project.yml. Known: shop."


def test_with_no_project_at_all_the_message_says_so(tmp_path, monkeypatch):
    monkeypatch.setenv("NINEFOLD_HOME", str(tmp_path))
    with pytest.raises(NinefoldError, match=r"Unknown project 'shop': there is no data/shop/project\.yml\. Known: none\."):
        project.load("shop")


@pytest.mark.parametrize(
    ("old", "new", "line", "column", "problem"),
    [
        ("title: Shop", "title: Shop: two", 1, 12, "mapping values are not allowed here"),
        ("      file: till.csv", "\tfile: till.csv", 10, 1, "cannot start any token"),
        ("as_of: 2024-03-01", "as_of: [2024-03-01", 4, 11, "expected ',' or ']'"),
        ("as_of: 2024-03-01", "as_of: 2024-03-01\ntime_zone: UTC", 4, 1, "time_zone stands here a second time"),
    ],
)
def test_malformed_yaml_is_named_with_its_line_and_column(refused, old, new, line, column, problem):
    message = refused(old, new)
    assert message.startswith(f"{FILE}, line {line}, column {column}: not readable as YAML (")
    assert problem in message
    assert message.endswith("Mend that line and run again.")


def test_a_file_in_another_encoding_is_named_with_its_line(refused):
    assert refused("name: Earn more", "name: Gagner à tout prix", encoding="cp1252") == (
        f"{FILE}, line 5: not UTF-8 text. Save the file as UTF-8 and run again."
    )


@pytest.mark.parametrize(("text", "found"), [("", "None"), ("- title\n", "['title']"), ("hello\n", "'hello'")])
def test_a_file_without_fields_is_refused(refused, text, found):
    assert refused(text=text) == f"{FILE}: expected fields such as `title:`, found {found}. Copy data/complete_journey/project.yml."


@pytest.mark.parametrize("key", ["name", "file", "1"])
def test_what_the_folder_gives_cannot_be_typed(refused, key):
    assert refused(new=f"{key}: other\n").startswith(f"{FILE}: field {key} is unknown.")


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("time_zone:", "timezone:", "field timezone is unknown; did you mean time_zone?"),
        ("kind: revenue", "kind: revenue, ownr: me", "field objectives.main.ownr is unknown; did you mean owner?"),
        (
            "      file:",
            "      legal_bases: none\n      file:",
            "field collect.sources.till.legal_bases is unknown; did you mean legal_basis?",
        ),
        (
            "",
            "scope: {criteria: {interesting_kapa: 0.2}}\n",
            "field scope.criteria.interesting_kapa is unknown; did you mean interesting_kappa?",
        ),
        (
            "",
            "      lookups: [{fil: a, file: a, match: {b: b}, columns: {brand: b}}]\n",
            "field collect.sources.till.lookups.0.fil is unknown; did you mean file?",
        ),
        (
            "",
            "scope: {filters: [{rule: orders_at_least, value: 1, zzzz: 1}]}\n",
            "field scope.filters.0.zzzz is unknown; known here: rule, value, because.",
        ),
    ],
)
def test_a_misspelt_field_is_answered_with_the_nearest_known_one(refused, old, new, expected):
    assert refused(old, new) == f"{FILE}: {expected}"


def test_a_misspelt_required_field_is_named_as_missing_and_as_unknown(refused):
    missing, unknown = refused("      file:", "      flie:").splitlines()
    assert missing == (
        f"{FILE}: field collect.sources.till.file is missing: add it. "
        "A path below data/<project>/ (`raw/orders-*.csv` for several), package:path for a file of a Python package, book.xlsx#Sheet, "
        "shop.sqlite#table, shop.duckdb#table, or postgresql://user@host/base#table."
    )
    assert unknown == f"{FILE}: field collect.sources.till.flie is unknown; did you mean file?"


@pytest.mark.parametrize(
    ("old", "expected"),
    [
        ("title: Shop\n", "field title is missing: add it. See data/complete_journey/project.yml for an example of title."),
        (
            ", metric: revenue_per_customer",
            "field objectives.main.metric is missing: add it. How it is measured; objectives.METRICS gives each definition.",
        ),
        (
            "      table: orders\n",
            "field collect.sources.till.table is missing: add it. The canonical table that it fills; several sources may fill one.",
        ),
    ],
)
def test_a_missing_field_is_named_with_what_it_is_for(refused, old, expected):
    assert refused(old, "") == f"{FILE}: {expected}"


@pytest.mark.parametrize(
    ("old", "new", "field", "value", "remedy"),
    [
        ("", "seed: many\n", "seed", "'many'", "valid integer"),
        ("", "scope: [1, 2]\n", "scope", "[1, 2]", "valid dictionary"),
        ("title: Shop", "title: 5", "title", "5", "expected a text, or {en: a text, fr: a text}"),
        ("title: Shop", "title: {de: Laden}", "title", "{'de': 'Laden'}", "expected a text, or {en: a text, fr: a text}"),
        (
            "collect:\n",
            "collect:\n  matching: {always: [[12348, '12354']]}\n",
            "collect.matching.always.0.0",
            "12348",
            "It was read as a number: write it in quotes, as it stands in the files.",
        ),
        ("amount: paid", "amount: 7", "collect.sources.till.columns.amount", "7", "the name of a column, or a list of names"),
        ("amount: paid", "amount: []", "collect.sources.till.columns.amount", "[]", "the name of a column, or a list of names"),
        ("amount: paid", "amount: paid, 1: shop", "collect.sources.till.columns.1", "1", "valid string. Contract column"),
        ("amount: paid}", "amount: paid}\n      constants: {channel: 1}", "collect.sources.till.constants.channel", "1", "every row."),
        ("kind: revenue", "kind: revenu", "objectives.main.kind", "'revenu'", "'revenue', 'conversion'"),
        ("kind: revenue", "kind: revenue, by_when: 20240601", "objectives.main.by_when", "20240601", "write it as YYYY-MM-DD"),
        ("table: orders", "table: order", "collect.sources.till.table", "'order'", "'customers', 'orders', 'events'"),
        ("", "language: de\n", "language", "'de'", "'en' or 'fr'"),
        ("", "currency: euro\n", "currency", "'euro'", "ISO 4217 code. Default: EUR."),
    ],
)
def test_a_value_of_the_wrong_kind_is_named_with_what_is_expected(refused, old, new, field, value, remedy):
    message = refused(old, new)
    assert message.startswith(f"{FILE}: field {field} has the value {value}: ")
    assert remedy in message and "Default: {}" not in message
    assert len(message.splitlines()) == 1


@pytest.mark.parametrize(
    ("new", "field", "value", "border"),
    [
        ("min_cell: 1\n", "min_cell", "1", "greater than or equal to 2"),
        ("seed: -1\n", "seed", "-1", "greater than or equal to 0"),
        ("scope: {window_days: 6}\n", "scope.window_days", "6", "greater than or equal to 7"),
        ("scope: {criteria: {interesting_kappa: 1.5}}\n", "scope.criteria.interesting_kappa", "1.5", "less than or equal to 1"),
        ("scope: {segments_wanted: 9}\n", "scope", "{'segments_wanted': 9}", "must lie between segments_from and segments_to"),
    ],
)
def test_a_value_out_of_range_is_named_with_the_border(refused, new, field, value, border):
    message = refused(new=new)
    assert message.startswith(f"{FILE}: field {field} has the value {value}: ")
    assert border in message


def test_values_on_the_border_are_taken(shop):
    plan = shop(new="min_cell: 2\nseed: 0\nscope: {window_days: 7, criteria: {interesting_kappa: 1}}\n")
    assert (plan.min_cell, plan.seed, plan.scope.window_days, plan.scope.criteria.interesting_kappa) == (2, 0, 7, 1)


@pytest.mark.parametrize(
    ("old", "new", "field", "value", "near"),
    [
        ("Europe/Paris", "Europe/Pari", "time_zone", "'Europe/Pari'", "Europe/Paris"),
        ("      file:", "      time_zone: NewYork\n      file:", "collect.sources.till.time_zone", "'NewYork'", "America/New_York"),
    ],
)
def test_an_unknown_time_zone_is_answered_with_the_nearest(refused, old, new, field, value, near):
    expected = f"{FILE}: field {field} has the value {value}: not a time zone of the IANA list; did you mean {near}? Zone "
    assert refused(old, new).startswith(expected)


# ---- sources against the table contract


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("customer_id: client", "customerid: client", "till.columns: the table orders has no column customerid; did you mean customer_id?"),
        (
            "amount: paid}",
            "amount: paid}\n      constants: {chanel: shop}",
            "till.columns: the table orders has no column chanel; did you mean channel?",
        ),
        (
            "amount: paid}",
            "amount: paid}\n      lookups: [{file: a, match: {b: b}, columns: {brnd: b}}]",
            "till.columns: the table orders has no column brnd; did you mean brand?",
        ),
        ("order_id: ticket, ", "", "till.columns: the table orders needs order_id; map it to a column of till.csv."),
        ("amount: paid}", "amount: paid}\n      constants: {amount: '1'}", "till: the column amount is mapped twice; keep one of the two."),
        (
            "order_id: ticket",
            "order_id: [day, ticket]",
            "till.columns.order_id has the value ['day', 'ticket']: only numbers are added up. Name one column.",
        ),
        (
            "amount: paid}",
            "amount: paid}\n      lookups: [{file: a, match: {b: b}, columns: {brand: c}, earliest: d}]",
            "till.lookups.0.earliest has the value 'd': it must be one of this lookup's columns (brand). Name one of them.",
        ),
    ],
)
def test_a_mapping_that_breaks_the_table_contract_is_named(refused, old, new, expected):
    assert refused(old, new) == f"{FILE}: field collect.sources.{expected}"


ORDERS = "amount: paid}"


@pytest.mark.parametrize(
    ("added", "expected"),
    [
        ("placeholders: {chanel: ['0']}", ".placeholders names chanel, which this source does not map. Mapped are: "),
        ("placeholders: {amout: ['0']}", ".placeholders names amout, which this source does not map. Did you mean amount?"),
        ("units: {quantity: 2}", ".units names quantity, which this source does not map. Mapped are: "),
        ("units: {order_id: 2}", ".units names order_id, which is no number in the table orders. Take it out."),
        ("units: {amount: 0}", ".units.amount has the value 0.0: a factor is a number above 0, such as 0.01 for cents."),
        ("constants: {quantity: '1'}\n      units: {quantity: 2}", ".units names quantity, which is a constant here."),
        (
            "currency: USD",
            ".currency has the value 'USD', and collect.rates has no rate for it. Type what 1 USD is worth in EUR: rates: {USD: …}.",
        ),
        ("format: {decimal: ',', thousands: ','}", ".format has the mark ',' for decimals and for thousands: one of the two is another."),
        ("format: {yes: [Ja], no: [ja]}", ".format lists 'ja' under yes and under no. Keep one of the two."),
        ("format: {dates: DD/MM/YYYY}", ".format.dates has the value 'DD/MM/YYYY': not a pattern. Write it like '%d/%m/%Y %H:%M'."),
        ("format: {dates: '%d/%m/%Q'}", ".format.dates has the value '%d/%m/%Q': not a pattern."),
        ("filter: 'paid >'", ".filter: 'paid >' cannot be read"),
        (
            "totals: {since: 2023-01-01, until: 2024-01-01, categories: {a: A}}",
            ": the column order_id is mapped twice (`totals` gives it); keep one of the two.",
        ),
    ],
)
def test_what_is_said_of_a_source_must_fit_its_columns(refused, added, expected):
    message = refused(ORDERS, f"{ORDERS}\n      {added}")
    assert message.startswith(f"{FILE}: field collect.sources.till{expected}")
    assert len(message.splitlines()) == 1


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("ordered_at: at", "ordered_at: '= at'", "ordered_at has the value '= at': an expression gives a number, and ordered_at is none."),
        (
            "amount: paid",
            "amount: ['= a', b]",
            "amount has the value ['= a', 'b']: write the sum in one expression, such as `= a + b * c`.",
        ),
        ("amount: paid", "amount: '#row'", "amount has the value '#row', the number of a row: it can only be an id. Name a column."),
        ("amount: paid", 'amount: "= open(paid)"', "amount: 'open(paid)' in the expression 'open(paid)' is not allowed"),
    ],
)
def test_only_numbers_are_worked_out_and_only_ids_are_numbers_of_rows(refused, old, new, expected):
    assert refused(old, new).startswith(f"{FILE}: field collect.sources.till.columns.{expected}")


TOTALS = """\
      columns: {customer_id: "#row"}
      totals: {since: 2023-01-01, until: 2024-01-01, categories: {fresh: Fresh, milk: Milk}}
"""
COLUMNS = "      columns: {customer_id: client, order_id: ticket, ordered_at: at, amount: paid}\n"


def test_totals_give_the_order_its_day_its_amount_and_the_category(shop):
    assert shop(COLUMNS, TOTALS).sources_of("orders")["till"].mapped == ["customer_id", "category", "amount", "order_id", "ordered_at"]


def test_a_period_ends_after_it_begins_and_only_orders_are_totals(refused):
    message = refused(COLUMNS, TOTALS.replace("2024-01-01", "2023-01-01"))
    assert (
        message
        == f"{FILE}: field collect.sources.till.totals.until has the value 2023-01-01, which is not after since. Correct one of the two."
    )
    totals = "totals: {since: 2023-01-01, until: 2024-01-01, categories: {a: A}}"
    crm = f"    crm: {{table: customers, file: crm.csv, columns: {{customer_id: c}}, {totals}}}\n"
    assert "crm.totals: only orders can be totals of a period; this source fills customers. Take it out." in refused(new=crm)


@pytest.mark.parametrize("file", ["postgresql://ana:secret@db/base#lines", "postgresql://ana@db/base?password=secret#lines"])
def test_a_password_in_project_yml_is_refused_and_not_repeated(refused, file):
    message = refused("till.csv", f'"{file}"')
    assert message == (
        f"{FILE}: field collect.sources.till.file holds a password, and project.yml is shared. Take it out, and set PGPASSWORD or write "
        "it in ~/.pgpass."
    )


def test_yes_and_no_are_words_in_project_yml_and_true_and_false_are_not(shop):
    form = shop(ORDERS, f"{ORDERS}\n      format: {{yes: [oui, yes, on], no: [NO, off]}}\n      newer_replaces: true").sources_of("orders")[
        "till"
    ]
    assert (form.format.yes, form.format.no, form.newer_replaces) == (["oui", "yes", "on"], ["NO", "off"], True)
    assert shop(ORDERS, f"{ORDERS}\n      newer_replaces: yes").sources_of("orders")["till"].newer_replaces is True


def test_a_currency_needs_no_rate_where_it_is_the_projects_and_one_where_it_is_not(shop):
    assert shop(ORDERS, f"{ORDERS}\n      currency: EUR").sources_of("orders")["till"].currency == "EUR"
    rated = SHOP.replace("collect:\n", "collect:\n  rates: {USD: 0.9}\n")
    assert shop(ORDERS, f"{ORDERS}\n      currency: USD", text=rated).collect.rates == {"USD": 0.9}


def test_a_column_far_from_any_other_is_answered_with_all_that_there_are(refused):
    assert refused("customer_id: client", "zzzz: client") == (
        f"{FILE}: field collect.sources.till.columns: the table orders has no column zzzz; known: customer_id, order_id, ordered_at, "
        "product_id, category, quantity, amount, discount, channel, store_id, brand, coupon."
    )


def test_several_sources_may_fill_one_table(shop):
    web = "    web: {table: orders, file: web.csv, columns: {customer_id: c, order_id: o, ordered_at: t, amount: a, channel: c}}\n"
    plan = shop(new=web)
    assert list(plan.sources_of("orders")) == ["till", "web"]
    assert plan.has("orders.channel") and not plan.has("orders.brand")


def test_a_project_without_orders_is_refused(refused):
    message = refused("table: orders", "table: events")
    assert message.startswith(f"{FILE}: field collect has the value ")
    assert "no source fills the table orders; steps 1 to 4 need one" in message


def test_a_lookup_must_say_which_columns_match(refused):
    message = refused(new="      lookups: [{file: goods.csv, match: {}, columns: {brand: label}}]\n")
    assert message.startswith(f"{FILE}: field collect.sources.till.lookups.0.match has the value {{}}: ")
    assert message.endswith("Column of the source's file: column of this file.")


def test_all_mistakes_are_told_at_once_a_line_each(refused):
    message = refused("time_zone: Europe/Paris", "timezone: Europe/Paris\nmin_cell: 1\nseed: many")
    assert sorted(line.split(" field ")[1].split()[0] for line in message.splitlines()) == ["min_cell", "seed", "timezone"]
