"""The fictional company: what is assumed is what comes out, its truth is whole, and no file gives the segments away."""

import argparse
import csv
import io
import json
import os
import subprocess
import sys
from pathlib import Path

import duckdb
import numpy as np
import openpyxl
import pandas as pd
import pytest

from helpers import ROOT, NinefoldError, project
from helpers import __main__ as commands
from helpers.fait_maison import checks, load, make
from helpers.fait_maison.difficulty import difficulty
from helpers.fait_maison.files import _euros
from helpers.fait_maison.maker import one_chunk
from helpers.fait_maison.model import identifiers, pick
from helpers.fait_maison.people import people
from helpers.fait_maison.records import luhn_key, siret, typing_error

SIZE = 1_500


@pytest.fixture(scope="module")
def made(tmp_path_factory) -> Path:
    """A small company."""
    folder = tmp_path_factory.mktemp("fait_maison")
    make(folder, people=SIZE)
    return folder


@pytest.fixture(scope="module")
def default(tmp_path_factory) -> Path:
    """The company in its default size, for slow tests."""
    folder = tmp_path_factory.mktemp("fait_maison_default")
    make(folder)
    return folder


def text(path: Path, encoding: str = "utf-8", separator: str = ",") -> pd.DataFrame:
    """A CSV as text."""
    return pd.read_csv(io.StringIO(path.read_text(encoding=encoding)), sep=separator, dtype=str, keep_default_na=False)


def crm(folder: Path) -> pd.DataFrame:
    return text(folder / "raw" / "crm.csv", "cp1252", ";")


def orders(folder: Path) -> pd.DataFrame:
    files = sorted((folder / "raw").glob("orders-*.csv"))
    return pd.concat([text(path, "cp1252", ";").assign(file=path.stem) for path in files], ignore_index=True)


def truth(folder: Path) -> pd.DataFrame:
    """record → person and segment (after the turning day where there was none before)."""
    records, who = (pd.read_parquet(folder / "truth" / f"{name}.parquet") for name in ("records", "people"))
    joined = records.merge(who, on="person").set_index("record")
    return joined.assign(segment=joined["segment"].fillna(joined["segment_after"]))


def test_the_same_seed_and_size_give_the_same_bytes_and_another_seed_others(made, tmp_path):
    make(tmp_path / "again", people=SIZE)
    make(tmp_path / "other", people=SIZE, seed=7)
    files = [path.relative_to(made) for path in sorted(made.rglob("*")) if path.is_file()]
    assert len(files) == 23
    different = [str(name) for name in files if (made / name).read_bytes() != (tmp_path / "again" / name).read_bytes()]
    assert different == []
    assert (made / "raw" / "crm.csv").read_bytes() != (tmp_path / "other" / "raw" / "crm.csv").read_bytes()


def test_a_larger_company_begins_with_the_people_of_the_smaller():
    small, large = (one_chunk(load(people=people_, people_per_chunk=200), 0, 200) for people_ in (200, 600))
    for table, columns in small.items():
        for column, values in columns.items():
            assert pd.Series(values).equals(pd.Series(large[table][column])), (table, column)


def test_the_chunks_of_a_company_hold_different_people():
    model = load(people=400, people_per_chunk=200)
    first, second = people(model, 0, 200), people(model, 1, 200)
    assert [first["person"][-1], second["person"][0]] == [199, 200]
    assert set(first["email"]).isdisjoint(second["email"])
    assert list(first["first_name"]) != list(second["first_name"])


def test_shares_of_kinds_prospects_and_segments_are_as_assumed():
    model = load(people_per_chunk=20_000)
    who = people(model, 0, 20_000)
    within = pytest.approx
    assert np.mean(who["kind"] == 0) == within(0.9725, abs=0.004)
    assert np.mean(who["kind"] == 1) == within(0.022, abs=0.004)
    assert 300 <= np.sum(who["kind"] == 1) <= 600  # a few hundred firms
    assert np.mean(who["prospect"]) == within(0.14 * 0.9945, abs=0.01)
    known = who["segment"][who["segment"] >= 0]
    assert np.bincount(known, minlength=7) / len(known) == within(np.array([0.22, 0.16, 0.17, 0.19, 0.13, 0.13, 0.0]), abs=0.012)
    assert np.mean(who["segment"] < 0) == within(0.06, abs=0.006)  # they come after the turning day


def test_after_the_turning_day_one_segment_shrinks_and_one_is_born():
    model = load(people_per_chunk=20_000)
    who = people(model, 0, 20_000)
    before, after = (np.bincount(who[key][who[key] >= 0], minlength=7) for key in ("segment", "segment_after"))
    thrifty, office = model.segments.index("thrifty"), model.segments.index("office")
    assert after[thrifty] / before[thrifty] == pytest.approx(1 - 0.45 - 0.12, abs=0.05)
    assert before[office] == 0
    assert after[office] / 20_000 == pytest.approx(0.06 * 0.75 + 0.94 * 0.22 * 0.22, abs=0.012)


def test_families_share_a_name_and_an_address_and_twins_a_birthday_but_never_the_first_name():
    who = people(load(people_per_chunk=5_000), 0, 5_000)
    later = np.flatnonzero(who["household"] < who["person"])
    head = later - 1
    assert len(later) > 400
    assert (who["last_name"][later] == who["last_name"][head]).all()
    assert (who["street"][later] == who["street"][head]).all()
    assert (who["first_name"][later] != who["first_name"][head]).all()
    assert np.mean(who["email"][later] == who["email"][head]) == pytest.approx(0.35, abs=0.08)
    assert 10 <= np.sum(who["birth"][later] == who["birth"][head]) <= 80


def test_every_record_has_its_person_and_every_person_a_record(made):
    known = pd.read_parquet(made / "truth" / "records.parquet")
    subscribers = [json.loads(line)["subscriber"] for line in (made / "raw" / "newsletter.jsonl").read_text(encoding="utf-8").splitlines()]
    accounts = text(made / "raw" / "shop_accounts.csv")["account"]
    raw = [*crm(made)["n° client"], *("shop:" + accounts[accounts != "S99999999"]), *(f"news:{each}" for each in subscribers)]
    assert sorted(raw) == sorted(known["record"])
    assert not known["record"].duplicated().any()
    assert sorted(set(known["person"])) == list(range(SIZE))


def test_some_people_are_in_one_file_twice_and_many_in_several(made):
    known = pd.read_parquet(made / "truth" / "records.parquet")
    times = known.groupby(["person", "source"]).size().unstack(fill_value=0)
    assert 0.01 < (times["crm"] == 2).mean() < 0.06
    assert 0.01 < (times["shop"] == 2).mean() < 0.06
    assert (times["news"] <= 1).all()
    assert ((times > 0).sum(axis=1) == 3).mean() > 0.3


def test_account_managers_decide_for_firms_and_their_list_has_every_slip_of_a_list_kept_by_hand(made):
    rows = text(made / "raw" / "overrides.csv")
    assert list(rows.columns) == ["customer_id", "segment", "role", "because", "decided_on", "until"]
    kind = crm(made).set_index("n° client")["type"]
    kept = rows[:-8]  # the slips come last
    firms = kept.loc[kept["role"] == "responsable grands comptes", "customer_id"]
    assert (kind.reindex(firms) == "firm").all()
    assert 3 <= len(firms) <= 52
    assert set(rows["customer_id"]) - set(kind.index) == {"C99999999"}
    assert set(rows["segment"]) == {"S1", "S2", "S3", "S4", "VIP"}
    assert (rows["role"] == "").sum() == 1
    assert rows["customer_id"].duplicated().sum() >= 2  # decided for twice


def test_what_belongs_to_a_person_hangs_on_ids_that_exist(made):
    records = set(pd.read_parquet(made / "truth" / "records.parquet")["record"])
    raw = made / "raw"
    accounts = set(orders(made)["compte"]) - {"", "S99999999"}
    assert {f"shop:{each}" for each in accounts} <= records
    assert set(text(raw / "consents.csv")["client"]) <= records
    assert set(text(raw / "campaigns.csv")["client"]) <= records
    assert {f"shop:{each}" for each in text(raw / "comments.csv")["compte"]} <= records
    mails, visits = (pd.read_parquet(raw / f"{name}.parquet") for name in ("mails", "visits"))
    assert {f"news:{each}" for each in mails["subscriber"]} <= records
    assert {f"shop:{each}" for each in visits["account"].dropna()} <= records
    assert visits["account"].isna().mean() == pytest.approx(0.25, abs=0.06)


def test_no_file_names_a_latent_segment(made):
    names = [name for name in load().segments if name != "natural"]  # "naturel" and the like may be said
    for path in sorted((made / "raw").glob("*")):
        if path.suffix in (".csv", ".jsonl"):
            words = path.read_text(encoding="cp1252" if b"client;sexe" in path.read_bytes()[:40] else "latin-1").lower()
            assert [name for name in names if f'"{name}"' in words or f",{name}," in words or f";{name};" in words] == [], path.name


def test_no_column_of_the_customer_file_gives_the_segment_away(made):
    rows = crm(made)
    segment = rows["n° client"].map(truth(made)["segment"])
    for column in rows.columns:
        sizes = rows.groupby(column)[column].transform("size")
        common = sizes >= 30
        guess = segment[common].groupby(rows.loc[common, column]).agg(lambda s: s.mode()[0])
        hit = (rows.loc[common, column].map(guess) == segment[common]).mean() if common.any() else 0
        assert hit < 0.45, column  # the largest segment alone is .22


def test_neither_the_number_nor_the_place_of_a_record_tells_the_segment(made):
    rows = crm(made)
    segment = rows["n° client"].map(truth(made)["segment"])
    tenth = np.arange(len(rows)) * 10 // len(rows)
    shares = pd.crosstab(tenth, segment, normalize="index")
    assert (shares.max() - shares.min()).max() < 0.2


def test_numbers_of_records_never_repeat_and_keep_eight_figures():
    for numbering, most in (("crm", 99_999_970), ("shop", 99_999_970), ("news", 99_999_970), ("phone", 999_982)):
        numbers = identifiers(np.arange(100_000), numbering=numbering)
        assert len(set(numbers)) == 100_000
        assert numbers.min() >= 0 and numbers.max() <= most


def test_luhns_key_is_that_of_published_numbers():
    assert luhn_key("73282932") == "0"  # SIREN 732 829 320
    assert luhn_key("7328293200007") == "4"  # its SIRET 732 829 320 00074
    assert luhn_key("7992739871") == "3"


def test_every_siret_has_fourteen_figures_right_keys_and_the_range_that_nobody_has(made):
    rows = crm(made)
    firms = rows[rows["type"].isin(["firm", "reseller"])]
    assert len(firms) >= 20
    assert (rows.loc[~rows.index.isin(firms.index), "siret"] == "").all()
    for number in firms["siret"]:
        assert len(number) == 14 and number.startswith("0000")
        assert number[8] == luhn_key(number[:8]) and number[13] == luhn_key(number[:13])
    assert len({siret(n) for n in range(2_000)}) == 2_000


def test_a_typing_error_leaves_out_doubles_changes_or_swaps_one_letter():
    # "marie" at .5 of the three places after the first: 1 + int(.5 × 3) = the letter at place 2, r
    assert [typing_error("marie", 0.5, "x", how) for how in range(4)] == ["maie", "marrie", "maxie", "maire"]
    assert typing_error("jo", 0.5, "x", 0) == "jo"
    assert typing_error("ab@c.example", 0.9, "x", 0) == "ab@c.example"  # too short before the @
    assert typing_error("abcd@c.example", 0.99, "x", 0).endswith("@c.example")


def test_a_choice_follows_its_rows_probabilities():
    rows = np.tile([0.2, 0.0, 0.8], (4_000, 1))
    chosen = np.bincount(pick(rows, np.random.default_rng(1)), minlength=3) / 4_000
    assert chosen[1] == 0
    assert chosen[0] == pytest.approx(0.2, abs=0.025)


def test_the_files_are_written_as_the_programs_of_a_french_office_write_them(made):
    raw = made / "raw"
    with pytest.raises(UnicodeDecodeError):
        (raw / "crm.csv").read_bytes().decode("utf-8")
    lines = orders(made)
    assert lines["date"].str.fullmatch(r"\d\d/\d\d/20\d\d \d\d:\d\d").all()
    read = lines["montant"] != "n.c."
    assert 0 < (~read).sum() < 0.001 * len(lines)
    assert lines.loc[read, "montant"].str.fullmatch("-?\\d{1,3}(\u00a0\\d{3})*,\\d\\d\u00a0€").all()
    assert crm(made)["date de naissance"].str.fullmatch(r"(\d\d/\d\d/\d{4})?").all()
    assert set(text(raw / "consents.csv")["accord"]) == {"oui", "non"}
    sheet = openpyxl.load_workbook(raw / "survey.xlsx").active
    assert [cell.value for cell in next(sheet.iter_rows())] == ["client", "question", "réponse", "répondu le"]


def test_money_is_written_with_a_comma_and_spaces_that_do_not_break():
    written = [duckdb.sql(f"SELECT {_euros(str(cents))}").fetchone()[0] for cents in (123_456, -5, 0, 100_000_000)]
    assert written == ["1\u00a0234,56\u00a0€", "-0,05\u00a0€", "0,00\u00a0€", "1\u00a0000\u00a0000,00\u00a0€"]


def test_each_file_of_orders_repeats_some_lines_of_the_one_before_with_another_amount(made):
    lines = orders(made)
    assert lines["file"].nunique() == 9
    twice = lines[lines.duplicated(["n° commande", "produit"], keep=False)].sort_values(["n° commande", "produit", "file"])
    assert len(twice) > 50
    first, second = twice.iloc[::2].reset_index(drop=True), twice.iloc[1::2].reset_index(drop=True)
    files = sorted(lines["file"].unique())
    assert [files.index(b) - files.index(a) for a, b in zip(first["file"], second["file"], strict=True)] == [1] * len(first)
    assert (first["date"] == second["date"]).all()
    assert (first["montant"] != second["montant"]).mean() > 0.95


def test_refunds_are_negative_orders_of_their_own(made):
    lines = orders(made)
    back = lines["montant"].str.startswith("-")
    assert 0.01 < back.mean() < 0.04
    assert set(lines.loc[back, "n° commande"]).isdisjoint(lines.loc[~back & (lines["montant"] != "n.c."), "n° commande"])
    assert lines.loc[back, "quantité"].str.startswith("-").all()


def test_records_hold_what_people_type_wrongly(made):
    rows, accounts = crm(made), text(made / "raw" / "shop_accounts.csv")
    assert (rows["date de naissance"] == "01/01/1900").sum() > 3
    assert (accounts["phone"] == "0000000000").sum() > 3
    assert accounts["last_name"].str.isupper().mean() == pytest.approx(0.06, abs=0.03)
    addresses = [each for each in [*rows["courriel"], *accounts["email"]] if each]
    assert all(each.endswith(".example") for each in addresses)  # reserved: they reach nobody
    phones = [each for each in [*rows["téléphone"], *accounts["phone"]] if each not in ("", "0000000000")]
    assert all(len(each) == 10 and each.startswith("0700") for each in phones)


def test_some_consents_are_withdrawn_later_and_some_are_older_than_three_years(made):
    rows = text(made / "raw" / "consents.csv")
    latest = rows.sort_values("date").groupby(["client", "canal", "finalite"])["accord"].agg(["first", "last", "size"])
    withdrawn = latest[latest["size"] == 2]
    assert len(withdrawn) > 50
    assert (withdrawn["last"] == "non").all() and (withdrawn["first"] == "oui").all()
    assert (rows["date"] < "2022-01-01").sum() > 20


def test_the_survey_is_answered_more_by_the_satisfied_and_by_an_eighth_at_most(made):
    book = openpyxl.load_workbook(made / "raw" / "survey.xlsx", read_only=True)
    rows = list(book.active.iter_rows(min_row=2, values_only=True))
    answered = {row[0] for row in rows}
    assert len(rows) == 22 * len(answered)
    assert len({row[1] for row in rows}) == 22
    who = pd.read_parquet(made / "truth" / "people.parquet").set_index("person")
    known = truth(made).loc[sorted(answered), "person"]
    assert who.loc[known, "satisfied"].mean() > 0.3  # 0 among all
    buyers = who[(who["kind"] == "person") & ~who["prospect"] & (who["came"] < 498)]
    assert 0.07 < len(answered) / len(buyers) < 0.18


def test_comments_are_french_and_their_rating_fits_their_mood(made):
    rows = text(made / "raw" / "comments.csv")
    assert rows["texte"].nunique() > 250
    assert rows.loc[rows["texte"].str.startswith("Parfait."), "note"].isin(["4", "5"]).all()
    assert rows.loc[rows["texte"].str.startswith("Déçue."), "note"].isin(["1", "2"]).all()


def test_campaigns_have_a_random_control_group_that_costs_nothing(made):
    rows = text(made / "raw" / "campaigns.csv")
    assert (rows["bras"] == "control").mean() == pytest.approx(0.3, abs=0.06)
    assert set(rows.loc[rows["bras"] == "control", "cout"]) == {"0"}
    assert set(rows["campagne"]) == {"rentree_2024", "noel_2024"}
    answered = rows[rows["reponse"] != ""]
    assert (answered["reponse"] >= answered["envoi"]).all()


def test_mails_are_opened_after_they_are_sent_and_clicked_after_they_are_opened(made):
    rows = pd.read_parquet(made / "raw" / "mails.parquet")
    times = rows.pivot_table(index=["subscriber", "campaign"], columns="kind", values="moment", aggfunc="min")
    assert times["sent"].notna().all()
    opened = times.dropna(subset=["opened"])
    assert (opened["opened"] > opened["sent"]).all()
    clicked = times.dropna(subset=["clicked"])
    assert (clicked["clicked"] > clicked["opened"]).all()


def test_the_truth_lists_each_campaigns_uplift_by_segment(made):
    said = json.loads((made / "truth" / "truth.json").read_text(encoding="utf-8"))
    assert len(said["uplift"]) == 2 * 7
    assert {"campaign": "noel_2024", "segment": "gourmet", "base": 0.12, "uplift": 0.07, "meant_for": True} in said["uplift"]


def test_too_few_people_are_refused_with_the_remedy(tmp_path):
    with pytest.raises(NinefoldError, match="people has the value 99: from 100 to 20,000,000 can be made"):
        make(tmp_path, people=99)
    assert list(tmp_path.iterdir()) == []


def test_what_was_made_before_is_replaced_and_no_scratch_is_left(tmp_path):
    (tmp_path / "raw").mkdir()
    (tmp_path / "raw" / "old.csv").write_text("old", encoding="utf-8")
    rows = make(tmp_path, people=100)
    assert not (tmp_path / "raw" / "old.csv").exists()
    assert list((tmp_path / ".spill").iterdir()) == []
    with (tmp_path / "raw" / "consents.csv").open(encoding="utf-8", newline="") as file:
        assert sum(1 for _ in csv.reader(file)) - 1 == rows["consents"]


def test_the_project_reads_and_names_no_file_of_the_truth():
    found = project.load("fait_maison")
    assert list(found.sources_of("customers")) == ["crm", "shop_accounts", "newsletter_subscribers"]
    assert {source.table for source in found.collect.sources.values()} == {
        "customers", "orders", "events", "answers", "comments", "consents", "contacts", "market",
    }  # fmt: skip
    assert all(source.file.startswith("raw/") for source in found.collect.sources.values())
    ignored = (ROOT / ".gitignore").read_text(encoding="utf-8").splitlines()
    assert "/data/*/raw/" in ignored and "/data/*/truth/" in ignored


def test_the_command_makes_the_files_and_a_report_makes_them_when_they_are_missing(tmp_path, monkeypatch, capsys):
    asked = []
    monkeypatch.setenv("NINEFOLD_HOME", str(tmp_path))
    monkeypatch.setattr("helpers.fait_maison.make", lambda folder, *, people: asked.append((folder, people)) or {"orders": 7})
    monkeypatch.setattr("helpers.report.publish", lambda project, **rest: tmp_path / project)
    options, _ = commands.read(["fait_maison", "--people", "300"])
    assert commands.fait_maison(options, []) == 0
    wanted = argparse.Namespace(project="fait_maison", as_of=None, language=None)
    assert commands.report(wanted, []) == 0
    commands.report(argparse.Namespace(project="complete_journey", as_of=None, language=None), [])
    (tmp_path / "data" / "fait_maison" / "raw").mkdir(parents=True)
    commands.report(wanted, [])
    assert asked == [(tmp_path / "data" / "fait_maison", 300), (tmp_path / "data" / "fait_maison", 20_000)]
    assert "300 people, 7 order lines" in capsys.readouterr().out


@pytest.mark.slow
def test_the_classifier_that_knows_the_generator_is_right_often_enough_and_not_always():
    for seed in (2025, 1, 2):
        found = difficulty(20_000, seed=seed)
        assert found["customers"] > 5_000
        assert 0.85 <= found["ari"] <= 0.95, (seed, found)


@pytest.mark.slow
def test_each_campaigns_uplift_is_as_assumed_and_found_in_four_cases_of_five():
    for name, found in checks.campaign_power(20_000).items():
        assert found["power"] >= 0.8, (name, found)
        assert abs(found["found"] - found["uplift"]) < 3 * found["error"], (name, found)


@pytest.mark.slow
def test_attrition_has_a_drop_out_that_the_usual_model_finds():
    found = checks.drop_out(20_000)
    assert found["mean"] > 0.02  # far above .001
    assert found["mean"] == pytest.approx(found["true"], rel=0.35)


@pytest.mark.slow
def test_need_and_response_depend_on_the_segment_beyond_past_value():
    found = checks.beyond_value(20_000)
    for outcome in ("ready_share", "offer_share"):
        assert found[outcome]["with_segments"] > found[outcome]["bands"] + 0.2, outcome
    for campaign in ("rentree_2024", "noel_2024"):
        assert found[campaign]["with_segments"] > found[campaign]["bands"] + 0.005, campaign


@pytest.mark.slow
def test_the_typed_control_totals_agree_with_the_default_size(default):
    con = duckdb.connect()
    lines = orders(default).drop_duplicates(["n° commande", "produit"], keep="last")
    lines = lines[lines["montant"] != "n.c."]
    cleaned = lines["montant"].str.replace("[\u00a0€]", "", regex=True).str.replace(",", ".")
    con.register("lines", lines.assign(amount=cleaned, month=lines["date"].str[6:10] + "-" + lines["date"].str[3:5] + "-01"))
    ours = {
        month: (float(revenue), many)
        for month, revenue, many in con.sql(
            'SELECT month, sum(amount::decimal(18, 2)), count(DISTINCT "n° commande") FROM lines GROUP BY month'
        ).fetchall()
    }
    totals = project.load("fait_maison").collect.control_totals
    assert len(totals) == 12
    for total in totals:
        revenue, many = ours[str(total.month)]
        assert revenue == pytest.approx(total.revenue, rel=0.01)
        assert many == pytest.approx(total.orders, rel=0.01)


@pytest.mark.slow
def test_the_memory_of_the_people_is_that_of_one_chunk(tmp_path):
    pytest.importorskip("resource")
    script = (
        "import re, resource, sys; from pathlib import Path; import helpers.fait_maison.maker as maker; "
        "maker.write = lambda model, parts, scratch: [(scratch / name).mkdir() for name in ('raw', 'truth')]; "  # the engine has its limit
        "maker.make(Path(sys.argv[1]), people=60_000); status = Path('/proc/self/status'); "
        # Linux hands the largest size of the process that starts another on to it: its own stands in its status.
        "own = re.search(r'VmHWM:\\s*(\\d+)', status.read_text()) if status.exists() else None; "
        "print(own[1] if own else resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)"
    )
    environ = os.environ | {"PYTHONPATH": str(ROOT / "src")}
    done = subprocess.run([sys.executable, "-c", script, str(tmp_path)], env=environ, capture_output=True, encoding="utf-8", check=True)
    kilobytes = int(done.stdout) / (1024 if sys.platform == "darwin" else 1)
    assert kilobytes < 600_000  # 60,000 people in one chunk take 850,000
