"""Files of contact lists: what tools take up, what spreadsheets open, and what no cell may do."""

import csv
import hashlib
from datetime import datetime
from pathlib import Path

import duckdb
import ibis
import openpyxl
import pandas as pd
import pytest
from by_hand import project, same

from helpers import ROOT, words
from helpers.target import files, following, uploads, writers

AS_OF = datetime(2025, 1, 1)
ZOE = {
    "customer_id": "0042",
    "tag": "S1",
    "campaign": "printemps_2025",
    "version": "a",
    "offer": "un kit pour deux",
    "first_name": "Zoé",
    "last_name": "Pérez",
    "email_plain": "zoe.perez@example.com",
    "mobile_plain": "+33612345678",
    "phone_plain": "+33612345678",
    "city": "Bourg-en-Bresse",
    "postcode": "01000",
    "country": "FR",
    "need": "email",
}
TARGET = {
    "campaign": "spring",
    "channels": {"email": {"name": "e-mail", "cost": 0.03}, "sms": {"name": "SMS", "cost": 0.07}, "mail": {"name": "letter", "cost": 0.85}},
    "offers": {
        "S1": {"offer": "a kit", "message": "=Cook", "channel": "email"},
        "S2": {"offer": "a tasting", "message": "Come", "channel": "mail"},
    },
    "versions": {"a": {"share": 0.5, "message": "Ça vient"}, "b": {"share": 0.5}},
}
PROFILES = {"segments": [{"id": "S1", "name": "Cooks"}, {"id": "S2", "name": "Gourmets"}]}
DRAWN = pd.DataFrame(
    {
        "customer_id": ["007", "1E5", "c", "d"],
        "segment": ["S1", "S1", "S2", "S1"],
        "offer": ["S1", "S1", "S2", "S1"],
        "channel": ["email", "email", "mail", "email"],
        "arm": ["contact", "contact", "contact", "control"],
        "version": ["a", "b", "b", None],
        "status": ["READY"] * 4,
        "reason": ["segment", "segment", "segment", "segment"],
    }
)
MEMBERS = pd.DataFrame(
    {"customer_id": ["007", "1E5", "c", "d"], "confidence": [0.75, None, 0.5, 0.9], "reason": ["recency_days", "manual", None, None]}
)
POINTS = pd.DataFrame(
    {
        "customer_id": ["007", "1E5", "c", "d"],
        "first_name": ["Zoé", "=HYPERLINK(1)", "Anne", "Dan"],
        "last_name": ["Pérez", "@SUM(1)", "Ôté", "Di"],
        "email": ["Zoe.Perez@Example.com", None, "anne@example.com", "dan@example.com"],
        "email_plain": ["zoe.perez@example.com", None, "anne@example.com", "dan@example.com"],
        "street": ["1 rue A", None, "-2 rue B", None],
        "postcode": ["01000", None, "01200", None],
        "city": ["Bourg", None, "Bellegarde", None],
    }
)


@pytest.fixture(autouse=True)
def english():
    before = words.language(), words.currency()
    words.use("en")
    yield
    words.use(*before)


def listed(tmp_path: Path, *, status="READY", points=POINTS, entered=None, **target) -> dict[str, Path]:
    """The files of both channels by their names; entries of the manifest go to `listed.entries`."""
    plan = project(time_zone="Europe/Paris", target=TARGET | target)
    there = None if points is None else ibis.memtable(points)
    rows = files.rows_of(ibis.memtable(DRAWN.assign(status=status)), ibis.memtable(MEMBERS), there, entered)
    listed.entries, listed.left = files.write_lists(tmp_path, rows, files.wording(plan, PROFILES), status=status, as_of=AS_OF)
    return {path.name: path for path in tmp_path.iterdir()}


def table(path: Path, separator: str = ",", encoding: str = "utf-8") -> list[list[str]]:
    with path.open(encoding=encoding, newline="") as file:
        return list(csv.reader(file, delimiter=separator))


def column(rows: list[list[str]], name: str) -> list[str]:
    return [row[rows[0].index(name)] for row in rows[1:]]


# What a tool takes up


def test_the_hash_is_the_published_sha_256_of_the_plain_address():
    assert uploads.sha256("test@example.com") == "973dfe463ec85785f5f95af5ba3906eedb2d931c24e69824a89ea65dba4e813b"
    assert uploads.sha256("") == ""


def test_an_address_is_hashed_in_lower_case_without_spaces_and_at_gmail_without_dots():
    assert uploads.google_email(" Jane.Doe@Example.com ") == "jane.doe@example.com"
    assert uploads.google_email("Jane.Doe@googlemail.com") == "janedoe@googlemail.com"
    assert uploads.email_plain("Jane. Doe@Gmail.com") == "jane.doe@gmail.com"


@pytest.mark.parametrize(
    ("typed", "international", "dialled"),
    [
        ("+33612345678", "+33612345678", "0612345678"),
        ("0044 20 7183 8750", "+442071838750", "00442071838750"),
        ("0612345678", "", "0612345678"),  # of which country nobody can tell: in no upload, in the list as it stands
        (None, "", ""),
    ],
)
def test_a_telephone_is_international_for_tools_and_as_dialled_for_people(typed, international, dialled):
    assert (uploads.international(typed), uploads.dialled(typed)) == (international, dialled)


def test_each_tool_gets_the_row_that_the_table_contract_shows():
    shown = (ROOT / "data" / "README.md").read_text(encoding="utf-8").splitlines()
    for name, upload in uploads.UPLOADS.items():
        head = upload.separator.join(upload.columns)
        assert head in shown, name
        sample = next(csv.reader([shown[shown.index(head) + 1]], delimiter=upload.separator))
        assert tuple(sample) == upload.row(ZOE), name


def test_google_gets_country_and_postcode_in_clear_and_only_with_both_names():
    assert uploads.google(ZOE)[4:] == ("FR", "01000")
    assert uploads.google(ZOE | {"last_name": None})[2:] == ("", "", "", "")
    assert uploads.google(ZOE | {"country": ""})[2:] == ("", "", "", "")


def test_meta_gets_everything_hashed_and_the_telephone_without_plus():
    row = uploads.meta(ZOE | {"city": "Saint-Étienne"})
    assert row[1] == hashlib.sha256(b"33612345678").hexdigest()
    assert row[4] == hashlib.sha256("saintétienne".encode()).hexdigest()
    assert row[6] == hashlib.sha256(b"fr").hexdigest()


def test_brevo_gets_the_address_of_the_channel_alone():
    assert uploads.brevo(ZOE)[:2] == ("zoe.perez@example.com", "")
    assert uploads.brevo(ZOE | {"need": "mobile"})[:2] == ("", "33612345678")


# What a cell may hold


@pytest.mark.parametrize("begin", ["=", "+", "-", "@", "\t", "\r", "\n", "＝"])
def test_a_text_that_begins_like_a_formula_is_neutralised(begin):
    assert writers.neutral(f"{begin}1+1") == f"'{begin}1+1"
    assert writers.excel_cell(f"{begin}1+1", "first_name").startswith("'")


def test_excel_keeps_the_figures_of_numbers_that_are_none():
    assert writers.excel_cell("01000", "postcode") == '="01000"'
    assert writers.excel_cell("0612345678", "phone") == '="0612345678"'
    assert writers.excel_cell('1";HYPERLINK("x', "postcode") == '1";HYPERLINK("x'  # what could end the text is not put into one
    assert writers.excel_cell('=cmd|"x"', "phone") == '\'=cmd|"x"'
    assert writers.excel_cell(0.75, "confidence") == "0,75"
    assert writers.excel_cell(None, "postcode") == ""


# What is written


def test_every_kind_of_file_says_the_same_to_another_reader(tmp_path):
    found = listed(tmp_path)
    plain = table(found["spring_email.csv"])
    excel = table(found["spring_email_excel.csv"], ";", "utf-8-sig")
    book = openpyxl.load_workbook(found["spring_email.xlsx"])
    cells = [[cell.value for cell in row] for row in book.active.iter_rows()]
    parquet = duckdb.sql(f"select * from '{found['spring_email.parquet']}'").df()
    assert column(plain, "customer_id") == list(parquet["customer_id"]) == ["007", "1E5"] == column(cells, "Customer number")
    assert column(excel, "Customer number") == ['="007"', '="1E5"']
    assert column(plain, "first_name") == ["Zoé", "'=HYPERLINK(1)"] == column(excel, "First name")
    assert list(parquet["first_name"]) == ["Zoé", "=HYPERLINK(1)"] == column(cells, "First name")
    assert column(plain, "confidence") == ["0.75", ""]
    assert column(excel, "How sure the segment is (0 to 1)") == ["0,75", ""]
    assert column(cells, "How sure the segment is (0 to 1)") == [0.75, None]


def test_no_cell_of_the_spreadsheet_is_a_formula(tmp_path):
    sheet = openpyxl.load_workbook(listed(tmp_path)["spring_email.xlsx"]).active
    assert {cell.data_type for row in sheet.iter_rows() for cell in row} <= {"s", "n"}
    name = next(cell for row in sheet.iter_rows() for cell in row if cell.value == "=HYPERLINK(1)")
    assert name.number_format == "@"
    assert name.quotePrefix


def test_postcodes_keep_their_zeros_in_every_file(tmp_path):
    found = listed(tmp_path)
    assert column(table(found["spring_mail.csv"]), "postcode") == ["01200"]
    assert column(table(found["spring_mail_excel.csv"], ";", "utf-8-sig"), "Postcode") == ['="01200"']
    cell = openpyxl.load_workbook(found["spring_mail.xlsx"]).active["R2"]
    assert (cell.value, cell.number_format) == ("01200", "@")
    assert column(table(found["spring_mail.csv"]), "street") == ["'-2 rue B"]


def test_the_csv_for_excel_begins_with_a_bom_and_the_other_does_not(tmp_path):
    found = listed(tmp_path)
    assert found["spring_email_excel.csv"].read_bytes()[:3] == b"\xef\xbb\xbf"
    assert found["spring_email.csv"].read_bytes()[:3] == b"cus"


def test_a_list_holds_those_to_be_contacted_and_of_them_only_what_its_channel_needs(tmp_path):
    found = listed(tmp_path)
    mail, letter = table(found["spring_email.csv"]), table(found["spring_mail.csv"])
    assert column(mail, "customer_id") == ["007", "1E5"]  # d is control
    assert mail[0][-3:] == ["first_name", "last_name", "email"]
    assert letter[0][-5:] == ["first_name", "last_name", "street", "postcode", "city"]


def test_a_row_says_its_message_and_why_this_person(tmp_path):
    rows = table(listed(tmp_path)["spring_email.csv"])
    assert column(rows, "message") == ["Ça vient", "'=Cook"]  # a version's own message, else the offer's
    assert column(rows, "reason") == ["in “Cooks”, above all by: Days since last purchase", "placed by hand in “Cooks”"]
    assert column(rows, "tag") == ["S1", "S1"]


def test_who_was_not_on_the_last_list_is_new(tmp_path):
    entered = ibis.memtable({"channel": ["email"], "customer_id": ["1E5"]})
    assert column(table(listed(tmp_path, entered=entered)["spring_email.csv"]), "new") == ["false", "true"]


def test_a_draft_says_so_in_name_and_column_and_holds_no_address(tmp_path):
    found = listed(tmp_path, status="DRAFT", points=None)
    assert set(found) == {f"DRAFT_spring_{c}{e}" for c in ("email", "mail") for e in (".csv", "_excel.csv", ".xlsx", ".parquet")}
    rows = table(found["DRAFT_spring_email.csv"])
    assert column(rows, "status") == ["DRAFT", "DRAFT"]
    assert "email" not in rows[0]
    assert {each["why"] for each in listed.left} == {"draft"}


def test_uploads_leave_out_who_has_no_address_and_are_counted(tmp_path):
    found = listed(tmp_path)
    assert table(found["spring_email_mailchimp.csv"])[1:] == [["zoe.perez@example.com", "Zoé", "Pérez", "S1, spring, a"]]
    counts = {each["file"]: each["rows"] for each in listed.entries}
    assert (counts["spring_email.csv"], counts["spring_email_mailchimp.csv"]) == (2, 1)
    assert not any("google" in name or "meta" in name for name in found)  # an advertiser is written to only when it is named
    assert {"channel": "mail", "format": "brevo", "why": "other channel"} in listed.left
    assert {"channel": "email", "format": "google_customer_match", "why": "not asked for"} in listed.left


def test_an_advertiser_gets_hashes_alone(tmp_path):
    found = listed(tmp_path, uploads=["meta_custom_audience"])
    rows = table(found["spring_email_meta_custom_audience.csv"])
    assert {len(value) for value in rows[1]} <= {0, 64}
    assert rows[1][0] == uploads.sha256("zoe.perez@example.com")


def test_the_same_list_gives_the_same_bytes_and_the_manifest_their_hash(tmp_path):
    places = [tmp_path / "one", tmp_path / "two"]
    for place in places:
        place.mkdir()
        listed(place)
    for each in listed.entries:
        first, second = (hashlib.sha256((place / each["file"]).read_bytes()).hexdigest() for place in places)
        assert first == second == each["sha256"], each["file"]


def test_a_channel_name_is_no_path(tmp_path):
    assert files.slug("../e mail/x") == "_e_mail_x"


# Whether lists follow


def test_lists_follow_a_sure_label_at_once_and_an_unsure_one_the_second_time():
    now = pd.DataFrame(
        {
            "customer_id": ["sure", "unsure", "again", "by hand", "by rule", "arrived", "gone segment", "same"],
            "segment": ["S2"] * 8,
            "confidence": [0.6, 0.59, 0.2, None, None, 0.1, 0.1, 0.1],
            "reason": [None, None, None, "manual", None, None, None, None],
        }
    )
    before = pd.DataFrame(
        {
            "customer_id": ["sure", "unsure", "again", "by hand", "by rule", "gone segment", "same", "departed"],
            "label": ["S1", "S1", "S2", "S1", "S1", "S9", "S2", "S1"],
            "segment": ["S1", "S1", "S1", "S1", "S1", "S9", "S2", "S1"],
        }
    )
    members = following.followed(ibis.memtable(now), ibis.memtable(before), ["S1", "S2"])
    kept = members.execute().set_index("customer_id")["segment"].to_dict()
    assert kept == {**dict.fromkeys(now["customer_id"], "S2"), "unsure": "S1"}
    moved = following.moves(members, ibis.memtable(before)).select("customer_id", "move", "was", "segment")
    same(
        moved,
        {
            "customer_id": ["sure", "unsure", "again", "by hand", "by rule", "arrived", "gone segment", "departed"],
            "move": ["moved", "waits", "moved", "moved", "moved", "arrived", "moved", "departed"],
            "was": ["S1", "S1", "S1", "S1", "S1", None, "S9", "S1"],
            "segment": ["S2", "S1", "S2", "S2", "S2", "S2", "S2", None],
        },
    )


def test_without_earlier_lists_everybody_is_where_the_label_says_and_nobody_moved():
    now = ibis.memtable({"customer_id": ["a"], "segment": ["S1"], "confidence": [0.1], "reason": ["x"]})
    members = following.followed(now, None, ["S1"])
    same(members.select("customer_id", "segment", "waits"), {"customer_id": ["a"], "segment": ["S1"], "waits": [False]})
    assert following.moves(members, None).count().execute() == 0


def test_entries_and_exits_count_those_to_be_contacted():
    now = ibis.memtable(
        {"customer_id": ["a", "b", "c"], "channel": ["email"] * 3, "segment": ["S1"] * 3, "arm": ["contact", "contact", "control"]}
    )
    then = ibis.memtable(
        {"customer_id": ["b", "d", "e"], "channel": ["email", "email", "sms"], "segment": ["S1"] * 3, "arm": ["contact"] * 3}
    )
    found = following.listed(now, then).order_by("customer_id").execute().values.tolist()
    assert found == [["email", "a", "entered", "S1"], ["email", "d", "left", "S1"], ["sms", "e", "left", "S1"]]


def test_another_arm_or_version_within_a_campaign_is_found():
    def drawn(arms, versions):
        return ibis.memtable(pd.DataFrame({"customer_id": ["a", "b", "c"], "arm": arms, "version": pd.array(versions, dtype="object")}))

    last = drawn(["contact", "control", "contact"], ["x", None, "x"])
    assert following.changed_arms(drawn(["contact", "control", "contact"], ["x", None, "x"]), last) == 0
    assert following.changed_arms(drawn(["contact", "contact", "contact"], ["x", "x", "y"]), last) == 2
    assert following.changed_arms(last, None) == 0
