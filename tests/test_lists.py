"""`make lists`: today's contact lists by the published segmentation, and what keeps them from being made or released."""

import json
import shutil
import stat
from datetime import date, datetime
from types import SimpleNamespace

import duckdb
import pytest
import small_shop
from documents import document, number

from helpers import NinefoldError, run, words
from helpers import project as projects
from helpers.target import refresh

PEOPLE = {"a1": "Léa", "a2": "Bernard", "b1": "Chloé", "b2": "Thierry", "c1": "Suzanne"}
CRM = "id,first,mail\n" + "".join(f"{who},{name},{name}@example.com\n" for who, name in PEOPLE.items())
CONSENTS = "id,by,for,yes,on\n" + "".join(f"{who},email,marketing,{who != 'b2'},2024-01-01\n" for who in PEOPLE)
SOURCES = {
    "crm": {
        "table": "customers",
        "file": "crm.csv",
        "ids": "till",
        "columns": {"customer_id": "id", "first_name": "first", "email": "mail"},
    },
    "consents": {
        "table": "consents",
        "file": "consents.csv",
        "ids": "till",
        "columns": {"customer_id": "id", "channel": "by", "purpose": "for", "granted": "yes", "updated_at": "on"},
        "format": {"yes": ["True"], "no": ["False"]},
    },
}
TILL = {
    "table": "orders",
    "file": "till.csv",
    "ids": "till",
    "columns": {"customer_id": "client", "order_id": "ticket", "ordered_at": "at", "amount": "paid"},
}
TARGET = {
    "campaign": "spring",
    "margin_rate": 0.4,
    "channels": {"email": {"name": "e-mail", "cost": 0.03}},
    "offers": {"S1": {"offer": "thanks", "channel": "email"}, "S2": {"offer": "come back", "channel": "email"}},
    "control_share": 0.2,
    "universal_control": 0.0,
}
BIG = [{"segment": "S1", "when": {"variable": "spend_per_order", "at_least": 100}}]
RULES = document([number("spend_per_order", 0.0)], ["S1", "S2"], {"first_match": {"define": {}, "rules": BIG, "otherwise": "S2"}})


def lines(*rows: tuple) -> str:
    """Orders: customer, day, amount."""
    return "client,ticket,at,paid\n" + "".join(f"{who},T{n},{day} 10:00:00,{paid}\n" for n, (who, day, paid) in enumerate(rows))


# until 1 February a1, a2 spend much an order and b1, b2 little; on 10 February b1 buys for 500 and c1 comes
ORDERS = lines(
    ("a1", "2024-01-05", 200),
    ("a2", "2024-01-06", 150),
    ("b1", "2024-01-07", 20),
    ("b2", "2024-01-08", 30),
    ("b1", "2024-02-10", 500),
    ("c1", "2024-02-11", 40),
)


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A shop whose complete run of 1 February has segments by spend an order, everything signed; and lists of three calls: as of
    9 February, and twice as of 1 March."""
    with pytest.MonkeyPatch.context() as patch:
        home = opened(tmp_path_factory.mktemp("made"), patch)
        runs = {path: path.read_bytes() for path in (home / "runs").rglob("*") if path.is_file()}
        lists = [refresh.lists("shop", as_of=day) for day in ("2024-02-09", "2024-03-01", "2024-03-01")]
        yield SimpleNamespace(home=home, runs=runs, first=lists[0], second=lists[1], again=lists[2])


@pytest.fixture(autouse=True)
def language():
    before = words.language(), words.currency()
    yield
    words.use(*before)


def opened(place, patch, sources=SOURCES):
    """The shop's folder; `helpers` looks there from here on."""
    make = small_shop.opened(place, patch)
    patch.setattr(refresh, "validation", lambda passports, project: {"status": "signed", "number": "1"})
    typed = {"target": TARGET, "as_of": date(2024, 2, 1), "collect": {"sources": {"till": TILL} | sources}}
    make(None, {"till.csv": ORDERS, "crm.csv": CRM, "consents.csv": CONSENTS}, **typed)
    published(make.place / "runs" / "2024-02-01" / "0001")
    return make.place


def published(base, segmentation=RULES) -> None:
    """What lists need of a complete run."""
    documents = {
        "04_variables/passports": {},
        "05_validate/validation": {"status": "signed", "number": "1"},
        "06_build/segmentation": segmentation,
        "06_build/profiles": {"segments": [{"id": "S1", "name": "Big"}, {"id": "S2", "name": "Small"}]},
        "06_build/evidence": {"verdicts": {"panel": {"verdict": "segments"}}},
        "run": {},
    }
    for name, content in documents.items():
        (base / name).parent.mkdir(parents=True, exist_ok=True)
        run.write_json(base / f"{name}.json", content)
    was = "values ('a1', 'S1', 1.0), ('a2', 'S1', 1.0), ('b1', 'S2', 1.0), ('b2', 'S2', 1.0)"
    duckdb.sql(f"copy (from ({was}) t(customer_id, segment, confidence)) to '{base / '06_build' / 'membership.parquet'}'")


def rows(path, columns: str = "*") -> list[tuple]:
    return duckdb.sql(f"select {columns} from '{path}' order by all").fetchall()


def test_todays_customers_get_the_label_of_the_published_segmentation_and_moves_are_told(made):
    place, manifest = made.second
    labels = {"a1": "S1", "a2": "S1", "b1": "S1", "b2": "S2", "c1": "S2"}
    assert dict(rows(place / "members.parquet", "customer_id, segment")) == labels
    assert rows(place / "moves.parquet", "customer_id, move, was, segment") == [("b1", "moved", "S2", "S1"), ("c1", "arrived", None, "S2")]
    assert manifest["moves"] == {"arrived": 1, "moved": 1}
    assert manifest["compared_with"] == {"as_of": "2024-02-09", "source": "lists"}
    assert made.first[1]["compared_with"] == {"as_of": "2024-02-01", "source": "run"}  # of the first lists


def test_who_did_not_agree_is_on_no_list_and_who_is_control_is_in_no_file_of_a_channel(made):
    place, manifest = made.second
    drawn = dict(rows(place / "contacts.parquet", "customer_id, arm"))
    assert set(drawn) == {"a1", "a2", "b1", "c1"}  # b2 said no
    assert manifest["status"] == "READY"
    contacted = [who for (who,) in rows(place / "spring_email.parquet", "customer_id")]
    assert contacted == sorted(who for who, arm in drawn.items() if arm == "contact")
    assert rows(place / "spring_email.parquet", "first_name") == sorted((PEOPLE[who],) for who in contacted)


def test_folder_and_files_are_their_owners_alone_and_listed_in_the_manifest(made):
    place, manifest = made.second
    assert {stat.S_IMODE(path.stat().st_mode) for path in place.iterdir()} == {0o600}
    assert [stat.S_IMODE(folder.stat().st_mode) for folder in (place, place.parent, place.parent.parent)] == [0o700] * 3
    assert {each["file"] for each in manifest["files"]} | {"manifest.json"} == {path.name for path in place.iterdir()}
    assert all(run.digest(place / each["file"]) == each["sha256"] for each in manifest["files"])
    assert json.loads((place / "manifest.json").read_text(encoding="utf-8"))["status"] == "READY"


def test_nothing_is_left_but_the_lists_and_the_run_is_as_it_was(made):
    assert {path: path.read_bytes() for path in (made.home / "runs").rglob("*") if path.is_file()} == made.runs
    assert not list(made.home.glob(".lists-*"))
    assert not list((made.home / "lists").glob("*/*.tmp"))


def test_lists_made_again_are_the_same_byte_for_byte(made):
    (first, _), (second, _) = made.second, made.again
    assert (first.name, second.name) == ("0001", "0002")
    assert {p.name: p.read_bytes() for p in first.iterdir()} == {p.name: p.read_bytes() for p in second.iterdir()}


def test_a_later_list_says_who_came_and_nobody_changes_arm(made):
    arms, later = (dict(rows(place / "contacts.parquet", "customer_id, arm")) for place, _ in (made.first, made.second))
    assert {who: later[who] for who in arms} == arms
    came = [who for who, arm in later.items() if arm == "contact" and who not in arms]
    assert came
    place = made.second[0]
    read = (place / "entered_and_left_excel.csv").read_text(encoding="utf-8-sig").splitlines()
    assert read[0] == "Channel;Since the last list;Customer number;Tag" and len(read) == 1 + len(came)
    assert all(line.startswith("e-mail;entered;") for line in read[1:])
    assert not (made.first[0] / "entered_and_left_excel.csv").exists(), "nothing to compare with"
    assert rows(place / "entered_and_left.parquet", "customer_id, change") == sorted((who, "entered") for who in came)
    new = dict(rows(place / "spring_email.parquet", "customer_id, new"))
    assert {who for who, fresh in new.items() if fresh} == set(came)


def test_lists_that_would_change_arms_within_a_campaign_are_refused(made):
    file = made.home / "project.yml"
    text = file.read_text(encoding="utf-8")
    file.write_text(text.replace("control_share: 0.2", "control_share: 0.95"), encoding="utf-8")
    with pytest.raises(NinefoldError, match=r"'spring' \(target.campaign\) would change group or version.*give the campaign another name"):
        refresh.lists("shop", as_of="2024-03-02")
    file.write_text(text, encoding="utf-8")
    assert not list((made.home / "lists").glob("2024-03-02/*"))


def test_what_was_signed_and_has_changed_since_makes_a_draft(made, monkeypatch):
    monkeypatch.setattr(refresh, "validation", lambda passports, project: {"status": "signed", "number": "2"})
    assert refresh.lists("shop", as_of="2024-03-03")[1]["reasons"] == ["not signed"]


def test_an_interrupted_list_leaves_nothing_and_what_one_left_is_swept(made, monkeypatch):
    left = made.home / "lists" / "2024-03-04" / "0001.tmp"
    left.mkdir(parents=True)
    (made.home / ".lists-old").mkdir()

    def broken(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr(refresh.files, "write_lists", broken)
    with pytest.raises(KeyboardInterrupt):
        refresh.lists("shop", as_of="2024-03-04")
    assert not list(made.home.glob(".lists-*"))
    assert not list((made.home / "lists").rglob("*.tmp"))


def test_the_segmentation_in_force_is_the_one_that_people_approved_as_last_applied(tmp_path, monkeypatch):
    place = opened(tmp_path, monkeypatch)
    shop = projects.load("shop")
    for day, applies in (("2024-02-10", None), ("2024-02-20", "2024-02-01/0001"), ("2024-02-25", None)):
        published(place / "runs" / day / "0001")
        run.write_json(place / "runs" / day / "0001" / "run.json", {"approved": applies})
    named = lambda day: refresh.newest(shop, datetime.fromisoformat(day)).parent.name  # noqa: E731
    assert named("2024-03-01") == "2024-02-25", "nobody has approved any: the newest"
    entry = {"run": "2024-02-01/0001", "as_of": "2024-02-01T00:00:00"}
    run.write_json(place / "approved.json", {"format": 1, "approved": [entry]})
    assert (named("2024-03-01"), named("2024-02-15")) == ("2024-02-20", "2024-02-01")
    later = {"run": "2024-02-25/0001", "as_of": "2024-02-25T00:00:00"}
    run.write_json(place / "approved.json", {"format": 1, "approved": [entry, later]})
    assert (named("2024-03-01"), named("2024-02-21")) == ("2024-02-25", "2024-02-20"), "each day by what was approved for it"
    shutil.rmtree(place / "runs" / "2024-02-25")
    with pytest.raises(NinefoldError, match=r"2024-02-25/0001 is approved .*no longer there.*make reevaluate PROJECT=shop"):
        refresh.newest(shop, datetime(2024, 3, 1))


def test_without_a_complete_run_of_that_day_or_before_the_command_says_what_to_do(made):
    with pytest.raises(NinefoldError, match=r"no complete run of shop as of 2024-01-20 or before.*make report PROJECT=shop"):
        refresh.lists("shop", as_of="2024-01-20")


def test_without_consents_lists_are_a_draft_without_addresses_and_nothing_is_released(tmp_path, monkeypatch):
    opened(tmp_path, monkeypatch, {"crm": SOURCES["crm"]})
    place, manifest = refresh.lists("shop", as_of="2024-03-01")
    assert (manifest["status"], manifest["reasons"]) == ("DRAFT", ["no consents"])
    assert all(each["file"].startswith("DRAFT_") for each in manifest["files"] if each["channel"])
    assert not any(b"@example.com" in path.read_bytes() for path in place.glob("*.csv"))
    assert not list(place.glob("*brevo*"))
    assert "a draft, without addresses and nothing to upload: no consents" in "\n".join(refresh.told(place, manifest))
