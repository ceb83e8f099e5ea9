"""A person taken out of everything that is kept: who is meant, which rows go, what stays byte for byte, and what a search finds after."""

import json
import os
import re
import sqlite3
import zipfile
from pathlib import Path

import openpyxl
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from filelock import FileLock
from small_shop import opened

import helpers.erase as erasing
from helpers import NinefoldError
from helpers import project as projects
from helpers.erase import find, known, remove, rules, search, tabular, texts, workbook
from helpers.erase.find import Person
from helpers.erase.rules import any_cell, drop_of
from helpers.run.files import digest

CRM = "id;nom;prénom;courriel;tel\r\n12;Martin;Zoé;zoe@un.example;06 11 22 33 44\r\n13;Martin;Léa;foyer@un.example;0699887766\r\n"
WEB = '{"n":"W77","mail":"ZOE@un.example"}\n{"n":"W78","mail":"foyer@un.example"}\n'
LINES = "client,ticket,at,paid\n12,T3,2024-02-29 23:59:59,12.00\n13,T1,2024-01-10 09:00:00,1.10\n12,T2,2024-01-05 18:30:00,-2.20\n"
SST, MAIN = "xl/sharedStrings.xml", "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
KIND = "application/vnd.openxmlformats-officedocument.spreadsheetml.sharedStrings+xml"
SOURCES = {
    "till": {"table": "orders", "file": "till.csv", "ids": "crm",
             "columns": {"customer_id": "client", "order_id": "ticket", "ordered_at": "at", "amount": "paid"}},
    "crm": {"table": "customers", "file": "crm.csv", "ids": "crm", "format": {"encoding": "cp1252", "separator": ";"},
            "columns": {"customer_id": "id", "last_name": "nom", "first_name": "prénom", "email": "courriel", "phone": "tel"}},
    "web": {"table": "customers", "file": "web.jsonl", "ids": "web", "columns": {"customer_id": "n", "email": "mail"}},
}  # fmt: skip
ZOE = Person(("12", "web:W77"), "12", ("zoe@un.example",), ("+33611223344",), ("zoé martin",), ("06 11 22 33 44", "zoe@un.example"))


@pytest.fixture
def shop(tmp_path, monkeypatch):
    return opened(tmp_path, monkeypatch)


@pytest.fixture
def joined(shop):
    """A shop in which a complete run has joined 12 and web:W77."""
    engine = shop(SOURCES, {"till.csv": LINES, "crm.csv": CRM.encode("cp1252"), "web.jsonl": WEB})
    base = shop.place / "runs" / "2024-03-01" / "0001"
    given = base / "03_collect"
    given.mkdir(parents=True)
    identity = {"raw_id": ["12", "13", "web:W77", "web:W78"], "customer_id": ["12", "13", "12", "13"]}
    pq.write_table(pa.table(identity), given / "identity.parquet", compression="zstd")
    pq.write_table(pa.table({"customer_id": ["12", "13"], "household_id": ["12", "12"]}), given / "households.parquet")
    gives = [
        {"name": n, "file": f"{n}.parquet", "rows": r, "sha256": digest(given / f"{n}.parquet")}
        for n, r in (("identity", 4), ("households", 2))
    ]
    (given / "step.json").write_text(json.dumps({"step": "collect", "gives": gives, "reads": {}}))
    reads = {"collect/identity": gives[0]["sha256"]}
    made = {"as_of": "2024-03-01T00:00:00", "language": "en", "steps": [{"gives": gives}, {"reads": reads}]}
    (base / "run.json").write_text(json.dumps(made))
    return engine.project


def drop(column, *values):
    return drop_of({column: frozenset(values)})


# Who is meant


def test_all_records_that_were_joined_are_the_person_whichever_id_is_typed(joined):
    for typed in ("12", "web:W77", "crm:12"):
        found = find.find(joined, typed)
        assert (found.raw_ids, found.customer) == (("12", "web:W77"), "12")
        assert (found.emails, found.phones, found.names) == (("zoe@un.example",), ("+33611223344",), ("zoé martin",))


def test_an_address_of_another_record_is_no_identifier_of_the_person(joined, shop):
    (shop.place / "web.jsonl").write_text(WEB.replace("ZOE@", "foyer@"))
    found = find.find(joined, "13")
    assert found.emails == () and dict(found.shared) == {"emails": 1}


def test_nobody_with_that_id_touches_nothing(joined, shop):
    before = {path: path.read_bytes() for path in shop.place.rglob("*") if path.is_file()}
    with pytest.raises(NinefoldError, match="nobody in shop has the id '99'.*nothing was touched"):
        erasing.erase("shop", "99")
    assert {path: path.read_bytes() for path in before} == before
    assert not (shop.place / "erasures").exists()


def test_a_short_id_is_looked_for_in_id_columns_only_and_a_telephone_however_it_is_written():
    known_words = find.patterns(ZOE)
    assert [hint for hint, _ in known_words["id"]] == ["web:w77"]
    for text in ("0611223344", "+33 6 11 22 33 44", "06.11.22.33.44", "00336 11 22 33 44"):
        assert search.counted(text, known_words)["phone"] == 1, text
    assert not search.counted("10611223344 06112233445 joanzoe@un.example zoe@un.example.org zoémartin", known_words)
    assert search.counted("martin;zoé", known_words)["name"] == 1


# Which rows go, and what stays


def test_a_row_leaves_a_text_file_and_every_other_byte_stays(tmp_path):
    path = tmp_path / "a.csv"
    cases = {
        "utf-8": ('\ufeffid;"a b"\r\n"12";"x;\r\ny"\r\n 13 ;"12"\n12 ;z', "12", '\ufeffid;"a b"\r\n 13 ;"12"\n', 2),
        "cp1252": ("id;né\r\n12;été\r\n112;12\r\n", "12", "id;né\r\n112;12\r\n", 1),
        "utf-16-le": ("\ufeffid;n\n12;é\n13;ü\n", "12", "\ufeffid;n\n13;ü\n", 1),
    }
    for encoding, (text, value, left, gone) in cases.items():
        path.write_bytes(text.encode(encoding))
        assert texts.separated(path, drop("id", value), dry=True) == gone
        assert path.read_bytes() == text.encode(encoding)
        texts.separated(path, drop("id", value))
        assert path.read_bytes() == left.encode(encoding)


def test_an_object_leaves_json_lines_and_json_lists(tmp_path):
    path = tmp_path / "a.json"
    path.write_bytes(b'{"n": 12, "t": "\\u00e9"}\r\n{"n":13}\r\n')
    assert texts.json_rows(path, drop("n", "12")) == 1 and path.read_bytes() == b'{"n":13}\r\n'
    for text, left in (('[{"n":12},\n {"n":13}]', '[{"n":13}]'), ('[ {"n":13} , {"n":12} ]\n', '[ {"n":13} ]\n'), ('[{"n":12}]', "[]")):
        path.write_text(text)
        assert texts.json_rows(path, drop("n", "12")) == 1 and path.read_text() == left


def test_a_row_leaves_parquet_whose_types_groups_and_compression_stay(tmp_path):
    path = tmp_path / "a.parquet"
    kinds = pa.dictionary(pa.int32(), pa.string())
    table = pa.table({"id": pa.array([12, 13, 12], pa.int64()), "t": pa.array(["Zoé", "b", "Zoé"]).cast(kinds)})
    pq.write_table(table, path, row_group_size=2, compression={"id": "snappy", "t": "zstd"})
    assert tabular.parquet(path, drop("id", "12")) == 2
    with pq.ParquetFile(path) as file:
        assert file.schema_arrow.equals(table.schema)
        assert [file.metadata.row_group(0).column(n).compression for n in (0, 1)] == ["SNAPPY", "ZSTD"]
        assert file.read().to_pydict() == {"id": [13], "t": ["b"]}
    assert "zoé".encode() not in path.read_bytes().lower()


def shared(path):
    """The same workbook with its texts in one place, as spreadsheets write them."""
    with zipfile.ZipFile(path) as old:
        parts = {name: old.read(name).decode() for name in old.namelist()}
    said = []

    def place(match):
        said.append(match[2]) if match[2] not in said else None
        return f'<c r="{match[1]}" t="s"><v>{said.index(match[2])}</v></c>'

    for name in sorted(name for name in parts if "worksheets/sheet" in name):
        parts[name] = re.sub(r'<c r="(\w+)" t="inlineStr"><is><t>(.*?)</t></is></c>', place, parts[name])
    with zipfile.ZipFile(path, "w") as new:
        for name, text in parts.items():
            new.writestr(name, text.replace("</Types>", f'<Override PartName="/{SST}" ContentType="{KIND}"/></Types>'))
        new.writestr(SST, f'<sst xmlns="{MAIN}">{"".join(f"<si><t>{each}</t></si>" for each in said)}</sst>')


def test_a_row_leaves_a_workbook_with_its_texts_and_nothing_else_does(tmp_path):
    path, book = tmp_path / "a.xlsx", openpyxl.Workbook()
    book.active.title = "one"
    for row in (("id", "said"), (12, "only Zoé"), (13, "both"), (12, "both"), (14, "=A3+1")):
        book["one"].append(row)
    book.create_sheet("two").append(("id", "12"))
    book.save(path)
    shared(path)
    before = {name: zipfile.ZipFile(path).read(name) for name in zipfile.ZipFile(path).namelist()}
    drops = lambda sheet: drop("id", "12") if sheet == "one" else drop_of({})  # noqa: E731
    assert workbook.excel(path, drops, frozenset({"12"})) == 2
    left = openpyxl.load_workbook(path)["one"]
    assert [[each.value for each in row] for row in left.iter_rows()][1:] == [[None, None], [13, "both"], [None, None], [14, "=A3+1"]]
    after = {name: zipfile.ZipFile(path).read(name) for name in zipfile.ZipFile(path).namelist()}
    assert {name for name in before if before[name] != after[name]} == {"xl/worksheets/sheet1.xml", "xl/sharedStrings.xml"}
    assert "Zoé".encode() not in after["xl/sharedStrings.xml"]


def test_a_row_leaves_a_database_and_its_free_pages(tmp_path):
    path = tmp_path / "a.sqlite"
    with sqlite3.connect(path) as con:
        con.execute("create table crm (id text, mail text)")
        con.executemany("insert into crm values (?, ?)", [("12", "zoe@un.example"), ("13", "b@un.example")])
    con.close()
    assert tabular.sqlite(path, lambda table: drop("id", "12")) == 1
    assert b"zoe@" not in path.read_bytes() and b"b@un" in path.read_bytes()


def test_a_row_of_a_contact_list_goes_by_address_or_hash_when_no_id_stands_there(tmp_path):
    path = tmp_path / "l.csv"
    sign = sorted(ZOE.hashes())[0]
    path.write_text(f'Email,Phone\nZoe@un.example,\nother@un.example,\n{sign},\n"=""0611223344""",\n')
    assert texts.separated(path, any_cell(rules.cells(ZOE))) == 3
    assert path.read_text() == "Email,Phone\nother@un.example,\n"


def test_a_number_that_is_also_the_persons_id_takes_no_row_of_somebody_else(joined, shop):
    person, bystanders = find.find(joined, "12"), {
        "suppressed.txt": "lea12@un.example\n1-2\n",
        "products.csv": "id,name\n12,tea\n",  # the customer file calls its ids so, too
        "halves.csv": "left,right\n12,13\n",
        "lists/2024-03-04/0001/mail_excel.csv": "Numéro de client;Version;Code postal\n13;12;12\n",
        "lists/2024-03-04/0001/mail_brevo.csv": "EMAIL;EXT_ID;VERSION\nb@un.example;13;12\n",
    }  # fmt: skip
    joined = joined.model_copy(update={"target": joined.target.model_copy(update={"suppressed": "suppressed.txt"})})
    for name, text in bystanders.items():
        (shop.place / name).parent.mkdir(parents=True, exist_ok=True)
        (shop.place / name).write_text(text, encoding="utf-8")
    remover = remove.Remover(joined, person, rules.rules(joined, person), {})
    assert [remover.one(shop.place / name) for name in bystanders] == [[]] * 5
    assert {name: (shop.place / name).read_text(encoding="utf-8") for name in bystanders} == bystanders
    own = {"old.csv": "client,n\n12,1\n", "lists/mail.csv": "Numéro de client;Version\n12;1\n", "lists/b.csv": "EXT_ID;VERSION\n12;1\n"}
    for name, text in own.items():
        (shop.place / name).write_text(text, encoding="utf-8")
        assert [each.n for each in remover.one(shop.place / name)] == [1], name


def test_a_table_that_project_yml_names_for_something_else_keeps_its_rows(shop):
    market = {"table": "market", "file": "market.csv", "columns": {"area": "client", "year": "y", "measure": "m", "value": "sold"}}
    engine = shop(
        SOURCES | {"m": market},
        {"till.csv": LINES, "crm.csv": CRM.encode("cp1252"), "web.jsonl": WEB, "market.csv": "client,y,m,sold\n12,2024,people,9\n"},
    )
    remover = remove.Remover(engine.project, ZOE, rules.rules(engine.project, ZOE), {})
    assert remover.one(shop.place / "market.csv") == []
    assert [each.n for each in remover.one(shop.place / "till.csv")] == [2]


def test_every_kind_of_file_is_closed_before_it_is_replaced_and_a_linked_one_is_not_written_into(tmp_path, monkeypatch):
    frame, gone, real = pd.DataFrame({"id": ["12", "13"], "n": ['"', "b"]}), drop("id", "12"), os.replace
    (tmp_path / "kept").mkdir()
    frame.to_csv(tmp_path / "a.csv", index=False)
    frame.to_parquet(tmp_path / "a.parquet")
    frame.to_excel(tmp_path / "a.xlsx", index=False)
    with sqlite3.connect(tmp_path / "a.sqlite") as con:
        frame.to_sql("crm", con, index=False)
    con.close()
    before = {path.name: path.read_bytes() for path in tmp_path.glob("a.*")}
    for name in before:
        os.link(tmp_path / name, tmp_path / "kept" / name)

    def replace(part, path):
        opened = [os.path.realpath(each) for each in Path("/proc/self/fd").iterdir()] if Path("/proc/self/fd").is_dir() else []
        assert str(path) not in opened, path
        real(part, path)

    monkeypatch.setattr(os, "replace", replace)
    assert texts.separated(tmp_path / "a.csv", gone) == tabular.parquet(tmp_path / "a.parquet", gone) == 1
    assert (
        workbook.excel(tmp_path / "a.xlsx", lambda _: gone, frozenset({"12"})) == tabular.sqlite(tmp_path / "a.sqlite", lambda _: gone) == 1
    )
    assert {name: (tmp_path / "kept" / name).read_bytes() for name in before} == before
    assert all((tmp_path / name).read_bytes() != content for name, content in before.items())


# The whole


def test_what_people_keep_under_a_name_of_ours_is_left_to_them(joined, shop):
    theirs = {"manifest.json": "{ not json", "log.json": '["12"]', "export.json.part": "half a download"}
    for name, text in theirs.items():
        (shop.place / name).write_text(text)
    (shop.place / "runs" / "2024-03-01" / "0001" / "half.json.part").write_text("{")
    assert erasing.erase("shop", "12", rebuild=False).status == 0
    assert {name: (shop.place / name).read_text() for name in theirs} == theirs
    assert not list((shop.place / "runs").rglob("*.part"))


def test_nobody_is_erased_while_the_report_of_a_part_is_under_way(joined, shop):
    lock = shop.place / "each" / "country" / "france" / ".lock"
    lock.parent.mkdir(parents=True)
    with FileLock(lock), pytest.raises(NinefoldError, match=r"part is under way \(it holds data/shop/each/country/france/.lock\)"):
        erasing.erase("shop", "12", rebuild=False)
    assert (shop.place / "till.csv").read_text() == LINES
    assert erasing.erase("shop", "12", rebuild=False).status == 0


def test_a_person_is_found_before_and_nowhere_after_and_others_keep_theirs(joined, shop):
    plan, person = joined, find.find(joined, "web:W77")
    found = rules.rules(plan, person)
    before = {hit.file.rpartition("/")[2] for hit in search.search(plan, person, found, {}).hits}
    assert before == {"till.csv", "crm.csv", "web.jsonl", "identity.parquet", "households.parquet"}
    done = erasing.erase("shop", "web:W77", rebuild=False)
    assert done.status == 0, done.told
    assert search.search(plan, person, found, {}).hits == []
    assert (shop.place / "till.csv").read_text() == "client,ticket,at,paid\n13,T1,2024-01-10 09:00:00,1.10\n"
    assert (shop.place / "crm.csv").read_bytes() == CRM.replace("12;Martin;Zoé;zoe@un.example;06 11 22 33 44\r\n", "").encode("cp1252")
    assert (shop.place / "web.jsonl").read_text() == WEB.splitlines(keepends=True)[1]
    homes = pd.read_parquet(shop.place / "runs/2024-03-01/0001/03_collect/households.parquet")
    assert homes.to_dict("list") == {"customer_id": ["13"], "household_id": ["13"]}
    records_are_true(shop.place / "runs" / "2024-03-01" / "0001")
    nobody_is_named(done)
    assert not find.journal(shop.place).exists()


def records_are_true(base):
    """step.json and run.json say what the files are now."""
    now = digest(base / "03_collect" / "identity.parquet")
    step, recorded = (json.loads((base / name).read_text()) for name in ("03_collect/step.json", "run.json"))
    assert (step["gives"][0]["sha256"], step["gives"][0]["rows"]) == (now, 2)
    assert recorded["steps"][1]["reads"]["collect/identity"] == now and recorded["steps"][0]["gives"][0]["rows"] == 2


def nobody_is_named(done):
    """The certificate says what was done and what lies outside, and not about whom."""
    page = done.certificate.with_suffix(".html").read_text(encoding="utf-8")
    made = json.loads(done.certificate.read_text(encoding="utf-8"))
    assert made["status"] == "erased" and made["rebuilt"] == {"run": None, "why": "not asked"}
    for word in ("zoe@", "Martin", "W77", "0611223344"):
        assert word not in page and word not in json.dumps(made), word
    assert "Backups, copies and pages that people took elsewhere are not reached from here." in page


def test_a_file_in_which_the_person_still_is_is_named_and_the_erasure_can_be_ended_later(joined, shop):
    (shop.place / "notes.txt").write_text("Call Zoé Martin back.")
    done = erasing.erase("shop", "12", rebuild=False)
    assert done.status == 10 and any("data/shop/notes.txt (names: 1)" in line for line in done.told)
    with pytest.raises(NinefoldError, match="erasure of another person is not finished"):
        erasing.erase("shop", "13", rebuild=False)
    (shop.place / "notes.txt").unlink()
    assert erasing.erase("shop", "web:W77", rebuild=False).status == 0
    assert len(list((shop.place / "erasures").glob("*.json"))) == 1


def test_an_erasure_that_was_cut_off_anywhere_is_taken_up_by_the_same_command(joined, shop, monkeypatch):
    real, calls = remove.Remover.one, []

    def cut(self, path):
        calls.append(path)
        if len(calls) == 4:
            raise KeyboardInterrupt
        return real(self, path)

    monkeypatch.setattr(remove.Remover, "one", cut)
    with pytest.raises(KeyboardInterrupt):
        erasing.erase("shop", "12", rebuild=False)
    monkeypatch.setattr(remove.Remover, "one", real)
    done = erasing.erase("shop", "web:W77", rebuild=False)
    changes = json.loads(done.certificate.read_text())["changes"]
    assert done.status == 0
    assert {each["file"].rpartition("/")[2]: each["n"] for each in changes}["till.csv"] == 2


def test_what_people_typed_is_named_and_never_edited(shop):
    shop(
        SOURCES,
        {"till.csv": LINES, "crm.csv": CRM.encode("cp1252"), "web.jsonl": WEB},
        collect={"matching": {"always": [["crm:12", "web:W77"]]}},
    )
    before = (shop.place / "till.csv").read_bytes()
    with pytest.raises(NinefoldError, match=r"names this person \(collect.matching.always.0\).*nothing was touched"):
        erasing.erase("shop", "12", rebuild=False)
    assert (shop.place / "till.csv").read_bytes() == before


def test_customers_told_by_a_row_number_are_left_to_people(shop):
    sources = SOURCES | {"crm": SOURCES["crm"] | {"columns": SOURCES["crm"]["columns"] | {"customer_id": "#row"}}}
    engine = shop(sources, {"till.csv": LINES, "crm.csv": CRM.encode("cp1252"), "web.jsonl": WEB})
    assert rules.rules(engine.project, ZOE).byhand == ["crm.csv"]


def test_whoever_comes_back_with_an_export_is_erased_again_without_being_named(joined, shop):
    with pytest.raises(NinefoldError, match="nobody who was erased from shop is in its data again"):
        erasing.erase("shop", "returned")
    assert erasing.erase("shop", "12", rebuild=False).status == 0
    (shop.place / "till.csv").write_text(LINES)
    (shop.place / "web.jsonl").write_text(WEB)
    assert erasing.erase("shop", "returned", rebuild=False).status == 0
    assert (shop.place / "till.csv").read_text() == "client,ticket,at,paid\n13,T1,2024-01-10 09:00:00,1.10\n"
    assert "W77" not in (shop.place / "web.jsonl").read_text() and "W78" in (shop.place / "web.jsonl").read_text()
    with pytest.raises(NinefoldError, match="nobody who was erased"):
        erasing.erase("shop", "returned")


def test_somebody_who_comes_back_is_counted_once(joined):
    assert erasing.returned(joined, ["12", "13"]) == 0
    known.remember(joined, ZOE, "2024-03-01-1")
    assert erasing.returned(joined, ["12", "13", "web:W77"]) == 1
    assert erasing.returned(joined, ["13"], emails=["zoe@un.example"]) == 1
    assert known.came_back(joined, ["12", "13", "web:W77"]) == {"12": 0, "web:W77": 0}
    assert "12" not in [sign for entry in known.read(joined)["erased"] for sign in entry["ids"]]


def test_a_project_that_cannot_be_found_says_so(joined):
    with pytest.raises(NinefoldError, match="Unknown project"):
        erasing.erase("shops", "12")
    assert projects.available() == ["shop"]


def test_an_earlier_run_that_joined_the_person_with_others_loses_what_stood_there_together(joined, shop):
    given = shop.place / "runs" / "2024-01-01" / "0001" / "03_collect"
    given.mkdir(parents=True)
    pq.write_table(pa.table({"raw_id": ["12", "13"], "customer_id": ["13", "13"]}), given / "identity.parquet")
    pq.write_table(pa.table({"customer_id": ["13", "13", "14"], "order_id": ["T1", "T2", "T9"]}), given / "orders.parquet")
    (given.parent / "run.json").write_text(json.dumps({"as_of": "2024-01-01T00:00:00", "language": "en", "steps": []}))
    done = erasing.erase("shop", "12", rebuild=False)
    assert done.status == 0 and json.loads(done.certificate.read_text())["joined_otherwise"] == {"runs/2024-01-01/0001": 1}
    assert pd.read_parquet(given / "orders.parquet").to_dict("list") == {"customer_id": ["14"], "order_id": ["T9"]}
    newest = pd.read_parquet(shop.place / "runs/2024-03-01/0001/03_collect/identity.parquet")
    assert sorted(newest["raw_id"]) == ["13", "web:W78"]


def test_the_newest_report_is_built_again_and_a_failure_is_certified(joined, shop, monkeypatch):
    asked = []

    def publish(project, **how):
        asked.append((project, how))
        raise NinefoldError("Step 03_collect stopped.")

    monkeypatch.setattr("helpers.report.publish", publish)
    done = erasing.erase("shop", "12")
    assert asked == [("shop", {"as_of": "2024-03-01T00:00:00", "language": "en", "approved": ""})]
    assert done.status == 10 and "The last report could not be built again: Step 03_collect stopped." in done.told
    monkeypatch.setattr("helpers.report.publish", lambda project, **how: shop.place.parents[1] / "reports" / "shop" / "2024-03-01" / "0002")
    done = erasing.erase("shop", "12")
    assert done.status == 0 and json.loads(done.certificate.read_text())["rebuilt"]["run"] == "2024-03-01/0002"


def test_words_in_executed_notebooks_and_old_pages_are_replaced(joined, shop):
    page = shop.place.parents[1] / "reports" / "shop" / "2024-03-01" / "0001" / "3.html"
    note = shop.place / "runs" / "2024-03-01" / "0001" / "notebooks" / "03_collect.ipynb"
    for path in (page, note):
        path.parent.mkdir(parents=True)
        path.write_text("{'said': 'zoe@un.example, 06 11 22 33 44, Zoé Martin, joezoe@un.example, S12'}", encoding="utf-8")
    assert erasing.erase("shop", "12", rebuild=False).status == 0
    for path in (page, note):
        assert path.read_text(encoding="utf-8") == "{'said': 'erased, erased, erased, joezoe@un.example, S12'}"


def test_no_report_is_built_from_a_source_outside_that_still_has_the_person(joined, shop, tmp_path):
    elsewhere = tmp_path / "elsewhere.csv"
    elsewhere.write_text(LINES)
    typed = shop.place / "project.yml"
    typed.write_text(typed.read_text().replace("file: till.csv", f"file: {elsewhere}"))
    done = erasing.erase("shop", "12")
    made = json.loads(done.certificate.read_text())
    assert (done.status, made["rebuilt"]["why"], made["found"]) == (10, "outside", [])
    assert made["outside"]["sources"] == [elsewhere.as_posix()] and elsewhere.read_text() == LINES
