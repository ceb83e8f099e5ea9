"""Nothing is fetched, no other file is read than the one named, no secret is repeated, and nothing private is left behind."""

import gc
import os
import sqlite3
import subprocess
import sys
from datetime import datetime
from decimal import Decimal
from types import SimpleNamespace

import duckdb
import ibis
import openpyxl
import pandas as pd
import pytest
from small_shop import FILE, LINES, TILL, opened, refusal, rows

from helpers import NinefoldError, expressions
from helpers.engine import open_duckdb, spill
from helpers.engine import rows as row_by_row
from helpers.engine.duck import exact
from helpers.engine.places import Place
from helpers.engine.reading import Reader
from helpers.project.addresses import holds_password, without_user
from helpers.project.contract import RESERVED, reserved

MAPPED = [
    ("0042", "T1", datetime(2024, 1, 10, 9), Decimal("1.10")),
    ("007", "T2", datetime(2024, 1, 5, 18, 30), Decimal("-2.20")),
    ("007", "T3", datetime(2024, 2, 29, 23, 59, 59), Decimal("3.30")),
]
CUSTOMERS = "id,mail,x\n1,a@b.fr,red\n2,c@d.fr,blue\n"


@pytest.fixture
def shop(tmp_path, monkeypatch):
    return opened(tmp_path, monkeypatch)


def till(**changes) -> dict:
    return {"till": TILL | changes}


def crm(*attributes: str) -> dict:
    return {"crm": {"table": "customers", "file": "crm.csv", "columns": {"customer_id": "id"} | dict.fromkeys(attributes, "x")}}


# ---- names of attributes


@pytest.mark.parametrize("name", [*dict.fromkeys(RESERVED), "person_", "file_", "bad0_", "reason_", "Source", "RAW_ID", "_"])
def test_an_attribute_with_a_name_that_the_steps_use_is_refused_with_another_name_for_it(shop, name):
    message = refusal(lambda: shop(crm(name), {"crm.csv": CUSTOMERS}))
    assert message.startswith(f"{FILE}: field collect.sources.crm.columns: {name} ")
    assert f"Map it as crm_{name.strip('_').lower() or 'attribute'}, say." in message
    assert reserved(name)


def test_an_attribute_that_differs_from_a_known_one_by_capitals_alone_is_refused(shop):
    assert refusal(lambda: shop(crm("Email"))) == (
        f"{FILE}: field collect.sources.crm.columns: Email differs from email by capitals alone. Write email if it is that, or map it as "
        "crm_email."
    )
    both = crm("Colour") | {"other": crm("colour")["crm"]}
    assert "crm.columns: tint differs from Tint (source crm) by capitals alone." in refusal(lambda: shop(crm("Tint", "tint")))
    assert "other.columns: colour differs from Colour (source crm) by capitals alone." in refusal(lambda: shop(both))


def test_known_columns_and_ordinary_attributes_are_not_reserved(shop):
    names = ("email", "postcode", "birth_date", "created_at", "age", "crm_source", "colour")
    assert not any(reserved(name) for name in names)
    engine = shop(crm("crm_source", "Colour"), {"crm.csv": CUSTOMERS})
    assert rows(engine.mapped("customers")) == [("1", "red", "red"), ("2", "blue", "blue")]


# ---- DuckDB fetches nothing


def test_duckdb_is_opened_so_that_it_installs_and_loads_nothing_by_itself(shop, tmp_path):
    asked = "SELECT current_setting('autoinstall_known_extensions'), current_setting('autoload_known_extensions')"
    for con in (open_duckdb(), open_duckdb(str(tmp_path / "x.duckdb"), temp_directory=str(tmp_path / "y")), shop().con):
        assert (con.raw_sql if hasattr(con, "raw_sql") else con.execute)(asked).fetchone() == (False, False)
    with pytest.raises(duckdb.Error, match="httpfs"):
        open_duckdb().execute("SELECT * FROM 'https://nowhere.invalid/x.parquet'")


def test_an_engine_that_opens_anything_elsewhere_is_refused(shop):
    for engine in ("duckdb://md:shop", "md:shop", "parquet:///tmp/x", "duckdb://https://nowhere.invalid/x.duckdb", "shop.duckdb"):
        message = refusal(lambda engine=engine: shop(engine=engine))
        assert message.startswith(f"{FILE}: field engine has the value {engine!r}, which is not opened here"), engine


def test_a_view_of_a_duckdb_file_is_not_run(shop):
    with duckdb.connect(str(shop.place / "v.duckdb")) as con:
        con.execute("CREATE TABLE lines AS SELECT '007' AS client, 1 AS ticket, TIMESTAMP '2024-01-05' AS at, 1.5 AS paid")
        con.execute("CREATE VIEW stolen AS SELECT * FROM read_text('/etc/hostname')")
    message = refusal(lambda: shop(till(file="v.duckdb#stolen")).mapped("orders"))
    assert message.startswith(f"{FILE}: the file 'v.duckdb#stolen' names a view, which is not read.")
    assert len(rows(shop(till(file="v.duckdb")).mapped("orders"))) == 1  # the one table there is
    assert "has no table 'x'. There are: lines." in refusal(lambda: shop(till(file="v.duckdb#x")).mapped("orders"))


def test_a_file_of_sqlite_with_the_ending_of_duckdb_is_named_as_such(shop):
    with sqlite3.connect(shop.place / "s.duckdb") as con:
        con.execute("CREATE TABLE t (client)")
    con.close()
    assert refusal(lambda: shop(till(file="s.duckdb#t")).mapped("orders")) == (
        f"{FILE}: the file 's.duckdb#t' is no file of DuckDB. It is a file of SQLite: rename it to end in .sqlite."
    )
    assert "is no file of DuckDB. Export it again." in refusal(lambda: shop(till(file="e.duckdb"), {"e.duckdb": ""}).mapped("orders"))


# ---- passwords and addresses


@pytest.mark.parametrize(
    "address",
    [
        "postgresql://anna:hunter2@db.example/shop",
        "postgresql://anna@db.example/shop?password=hunter2",
        "postgresql://anna@db.example/shop?PassWord%3dhunter2",
        "postgresql://anna:hun/ter2@db.example/shop",
        "mysql://:hunter2@db.example/shop",
    ],
)
def test_a_password_in_an_address_is_found_and_never_repeated(shop, address):
    assert holds_password(address)
    message = refusal(lambda: shop(engine=address))
    assert message == (
        f"{FILE}: field engine holds a password, and project.yml is shared. Take it out, and set PGPASSWORD or write it in ~/.pgpass."
    )
    assert "holds a password" in refusal(lambda: shop(till(file=f"{address}#lines")))
    with pytest.raises(NinefoldError) as error, row_by_row.connect(address):
        pass
    assert "hunter2" not in str(error.value) and "anna" not in str(error.value)


def test_a_message_shows_an_address_without_its_user(shop):
    assert without_user("postgresql://anna@db.example:5433/shop?sslmode=require#a@b") == (
        "postgresql://db.example:5433/shop?sslmode=require#a@b"
    )
    assert without_user("raw/a@b.csv") == "raw/a@b.csv" and not holds_password("raw/password.csv")
    message = refusal(lambda: shop(engine="nosuch://anna@server"))
    assert message.startswith(f"{FILE}: field engine has the value 'nosuch://server'") and "anna" not in message


def test_what_stands_after_the_question_mark_is_handed_on_to_the_server_and_the_connection_is_closed(monkeypatch):
    asked, closed = {}, []

    def connect(**options):
        asked.update(options)
        con = ibis.duckdb.connect()
        con.raw_sql("CREATE SCHEMA sales")
        con.raw_sql("CREATE TABLE sales.lines AS SELECT 1 AS a")
        return SimpleNamespace(table=con.table, disconnect=lambda: closed.append(True))

    monkeypatch.setitem(ibis.__dict__, "postgres", SimpleNamespace(connect=connect))
    monkeypatch.setattr(row_by_row.importlib.util, "find_spec", lambda name: name == "psycopg")
    monkeypatch.delenv("PGPASSWORD", raising=False)
    address = "postgresql://ana@db.example/base?sslmode=verify-full&sslrootcert=/ca.pem"
    place = Place("shown", "postgres", None, "sales.lines", address)
    assert [batch.to_pylist() for batch in row_by_row.postgres_batches(place, None)] == [[{"a": 1}]]
    assert asked == {"host": "db.example", "user": "ana", "database": "base", "sslmode": "verify-full", "sslrootcert": "/ca.pem"}
    assert closed == [True]
    for wrong, said in (
        ("postgresql://ana@[bad/db", "is no address"),
        ("postgresql://ana@db:port/base", "is no address"),
        ("postgresql://ana@db/base?sslmode", "is no address"),
        ("postgresql://ana@db/base?host=other", "gives host after the question mark"),
    ):
        with pytest.raises(NinefoldError, match=said) as error, row_by_row.connect(wrong):
            pass
        assert "ana@" not in str(error.value)


# ---- exactly the file that is named


@pytest.mark.parametrize("name", ["orders[1].csv", "a*b.csv", "q?.csv", "dir[1]/o.csv", "o'x.csv", "été €.csv", "a#b.csv"])
def test_a_file_whose_name_looks_like_a_pattern_is_read_and_no_other(shop, name):
    other = name.replace("[1]", "1").replace("*", "z").replace("?", "z")
    files = {name: LINES} | ({other: LINES.replace("T1", "T9")} if other != name else {})
    assert rows(shop(till(file=name), files).mapped("orders")) == MAPPED


def test_so_is_a_parquet_and_a_json_file(shop):
    frame = pd.DataFrame({"client": ["1"], "ticket": ["a"], "at": pd.Timestamp("2024-01-02"), "paid": [1.0]})
    line = '{"client": "1", "ticket": "a", "at": "2024-01-02", "paid": 1.0}\n'
    files = {
        "d[1]/o[1].parquet": frame,
        "d1/o1.parquet": frame.assign(paid=9.0),
        "j[1].jsonl": line,
        "j1.jsonl": line.replace("1.0", "9.0"),
    }
    for file in ("d[1]/o[1].parquet", "j[1].jsonl"):
        assert rows(shop(till(file=file), files).mapped("orders")) == [("1", "a", datetime(2024, 1, 2), Decimal("1.00"))]
    assert exact("a[1]*?.csv") == "a[[]1][*][?].csv"


def test_a_sheet_or_table_may_have_a_number_sign_in_its_name(shop):
    book = openpyxl.Workbook()
    book.active.title = "It's #1"
    for line in LINES.splitlines():
        book.active.append(line.split(","))
    book.save(shop.place / "o.xlsx")
    engine = shop(till(file="o.xlsx#It's #1"))
    assert rows(engine.mapped("orders")) == MAPPED
    assert list(engine.inputs()) == ["o.xlsx"]
    con = sqlite3.connect(shop.place / "s.sqlite")
    con.execute('CREATE TABLE "a #1#" (client, ticket, at, paid)')
    con.execute("INSERT INTO \"a #1#\" VALUES ('007', 'T1', '2024-01-05', 1.5)")
    con.commit()
    con.close()
    assert len(rows(shop(till(file="s.sqlite#a #1#")).mapped("orders"))) == 1


@pytest.mark.parametrize("file", ["nosuch.pkg:x.csv", "..a:x.csv", ".b:x.csv"])
def test_a_package_whose_parent_is_missing_or_that_has_no_name_is_named(shop, file):
    assert "which is not installed" in refusal(lambda: shop(till(file=file)).mapped("orders"))


def test_an_empty_file_name_and_characters_that_cannot_be_written_are_refused(shop):
    assert "collect.sources.till.file has the value ''" in refusal(lambda: shop(till(file="")))
    for text in ("x.csv\0", "x\x1b.csv"):
        message = refusal(lambda text=text: shop(till(file=text)))
        assert message.startswith(f"{FILE}: field collect.sources.till.file has the value {text!r}, with a character that cannot be")


# ---- expressions


def test_backticks_inside_texts_are_texts_and_a_column_called_like_a_stand_in_is_read_as_a_number(shop):
    lines = "client,ticket,at,paid,x y,column_0\n7,T3,2024-02-29,3.30,a`b,5\n8,T4,2024-02-29,3.30,c`d,70\n"
    for kept in ("`x y` == 'c`d'", "`x y` == 'c`d' and column_0 > 6", "`x y` != 'a`b' and number(`x y`) != 1 or column_0 > 6"):
        assert rows(shop(till(filter=kept), {"till.csv": lines}).mapped("orders"), "order_id") == [("T4",)], kept


def test_digits_beyond_those_of_a_number_and_texts_that_cannot_be_written_are_refused():
    one = {"a": ibis.literal(1.0), "b": ibis.literal("x")}
    for text, wanted, said in (
        ("round(a, 16)", "number", "asks for 16 digits; 15 at most"),
        ("b == '\\0'", "boolean", "a text with a character that cannot be written"),
        ("b == '\\ud800'", "boolean", "a text with a character that cannot be written"),
    ):
        assert said in refusal(lambda text=text, wanted=wanted: expressions.build(text, one, field="f", wanted=wanted))
    assert ibis.duckdb.connect().execute(expressions.build("round(a / 3, 15)", one, field="f", wanted="number")) == 0.333333333333333


# ---- what is held open and left behind


def test_a_workbook_is_closed_whether_it_can_be_read_or_not(shop):
    book = openpyxl.Workbook()
    book.active.append(["client", "ticket", "at", "paid"])
    book.active.append(["1", "a", "2024-02-01", "=1+1"])
    book.save(shop.place / "f.xlsx")
    gc.collect()
    gc.disable()
    try:
        assert "has a formula without a value" in refusal(lambda: shop(till(file="f.xlsx")).mapped("orders"))
        held = [os.readlink(f"/proc/self/fd/{each}") for each in _descriptors()]
        assert not [each for each in held if each.endswith("f.xlsx")]
    finally:
        gc.enable()


def _descriptors() -> list[str]:
    if not os.path.isdir("/proc/self/fd"):
        pytest.skip("this system does not list open files")
    return [each for each in os.listdir("/proc/self/fd") if os.path.lexists(f"/proc/self/fd/{each}")]


def test_the_private_folder_goes_when_the_last_engine_of_the_process_goes(shop):
    first, second = shop(), shop()
    rows(first.mapped("orders")), rows(second.mapped("orders"))
    folder = shop.place / ".spill" / str(os.getpid())
    assert folder.is_dir()
    del first
    gc.collect()
    assert rows(second.mapped("orders")) == MAPPED
    del second
    gc.collect()
    assert list((shop.place / ".spill").iterdir()) == []


def test_an_engine_sweeps_folders_of_processes_that_are_gone_and_leaves_those_in_use(shop):
    spilled = shop.place / ".spill"
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    for name in (str(gone.pid), f"making-{gone.pid}", f"making-{os.getpid()}"):
        (spilled / name).mkdir(parents=True)
        (spilled / name / "left.parquet").write_bytes(b"x")
    engine = shop()
    assert sorted(each.name for each in spilled.iterdir()) == sorted([f"making-{os.getpid()}", str(os.getpid())])
    assert isinstance(engine._reader, Reader)


def test_where_processes_cannot_be_asked_a_folder_is_in_use_as_long_as_its_lock_is_held(shop, monkeypatch):
    code = (
        "import sys; from pathlib import Path; from helpers.engine import spill\n"
        "class Owner: pass\n"
        "owner = Owner(); print(spill.hold(Path(sys.argv[1]), owner), flush=True); sys.stdin.read()"
    )
    other = subprocess.Popen(
        [sys.executable, "-c", code, str(shop.place)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=os.environ | _path()
    )
    folder = shop.place / ".spill" / str(other.pid)
    assert other.stdout.readline().strip() == str(folder)
    monkeypatch.setattr(spill, "_asked", lambda: False)
    spill.sweep(shop.place)
    assert folder.is_dir()
    other.kill()
    other.wait()
    spill.sweep(shop.place)
    assert not folder.exists()


def _path() -> dict[str, str]:
    return {"PYTHONPATH": os.pathsep.join(sys.path), "PYTHONDONTWRITEBYTECODE": "1"}
