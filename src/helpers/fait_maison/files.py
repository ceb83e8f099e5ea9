"""The files, each in the format of the program that it would come from. The engine writes them; only the workbook is Python's."""

import csv
import json
import re
import zipfile
from pathlib import Path

import numpy as np
import openpyxl

from helpers.engine.duck import open_duckdb
from helpers.fait_maison.model import TILL, Model
from helpers.fait_maison.overrides import write_overrides

SPACE = "\u00a0"
"""Between thousands and before the euro sign, as French programs write it."""
EPOCH = "timestamp '1970-01-01' + to_seconds"


def write(model: Model, parts: Path, folder: Path) -> dict[str, int]:
    """Write raw/ and truth/ below `folder` from the parts; the rows of each file."""
    raw, truth = folder / "raw", folder / "truth"
    raw.mkdir(parents=True)
    truth.mkdir()
    with open_duckdb() as con:
        con.execute(f"SET temp_directory = '{folder / 'sorting'}'; SET threads = 2; SET memory_limit = '1GB'")
        for part in sorted(path.name for path in parts.iterdir()):
            con.execute(f"CREATE VIEW {part} AS SELECT * FROM read_parquet('{parts / part}/*.parquet')")
        for name, sql, how in [*_people(model), *_events(model), *_said(model)]:
            _copy(con, sql, raw / name, how)
        _orders(model, con, raw)
        _survey(con, raw / "survey.xlsx")
        _market(model, raw / "market.csv")
        write_overrides(model, con, raw / "overrides.csv")
        _truth(model, con, truth)
        tables = [path.name for path in parts.iterdir()]
        return {name: con.sql(f"SELECT count(*) FROM {name}").fetchone()[0] for name in sorted(tables)}


def _copy(con, sql: str, path: Path, how: str) -> None:
    """One query into one file; `how`: csv, cp1252 (semicolons), json or parquet."""
    options = {"csv": "FORMAT csv, HEADER", "cp1252": "FORMAT csv, HEADER, DELIMITER ';'", "json": "FORMAT json"}
    con.execute(f"COPY ({sql}) TO '{path}' ({options.get(how, 'FORMAT parquet, ROW_GROUP_SIZE 122880')})")
    if how == "cp1252":
        other = path.with_suffix(".tmp")
        with path.open(encoding="utf-8", newline="") as source, other.open("w", encoding="cp1252", newline="") as target:
            while block := source.read(1 << 20):
                target.write(block)
        other.replace(path)


def _people(model: Model) -> list[tuple[str, str, str]]:
    day = "strftime({0}, '%d/%m/%Y')".format
    crm = f"""SELECT 'C' || lpad(id::varchar, 8, '0') AS "n° client", gender AS sexe, first_name AS "prénom", last_name AS nom,
        email AS courriel, phone AS "téléphone", street AS adresse, postcode AS "code postal", city AS ville,
        {day("birth_date")} AS "date de naissance", profession, kids AS enfants, home AS logement, income AS "revenu mensuel",
        kind AS type, siret, naf, current_segment AS "segment actuel", interests AS "centres d'intérêt", {day("created")} AS "créé le",
        {day("updated")} AS "modifié le" FROM crm ORDER BY id"""
    iso = "strftime({0}, '%Y-%m-%d')".format
    shop = f"""SELECT * FROM (SELECT 'S' || lpad(id::varchar, 8, '0') AS account, first_name, last_name, email, phone, street, postcode,
        city, {iso("created")} AS created_at, {iso("updated")} AS updated_at FROM shop
        UNION ALL SELECT 'S99999999', 'Stand', 'Marché', NULL, NULL, NULL, NULL, NULL, '2023-01-02', '2023-01-02') ORDER BY account"""
    news = f"""SELECT 'N' || lpad(id::varchar, 8, '0') AS subscriber, first_name AS firstname, email, lead_origin AS origin,
        {iso("created")} AS subscribed_at FROM news ORDER BY id"""
    return [("crm.csv", crm, "cp1252"), ("shop_accounts.csv", shop, "csv"), ("newsletter.jsonl", news, "json")]


def _events(model: Model) -> list[tuple[str, str, str]]:
    devices, categories = model.said["devices"], list(model.said["categories"])
    account = f"CASE WHEN account = {TILL} THEN 'S99999999' WHEN account >= 0 THEN 'S' || lpad(account::varchar, 8, '0') END"
    visits = f"""SELECT {account} AS account, {EPOCH}(second) AS moment, CASE WHEN basket THEN 'basket' ELSE 'visit' END AS kind,
        {_of("device", devices)} AS device, {_of("page", categories)} AS page FROM visits
        ORDER BY moment, account NULLS FIRST, kind DESC, page, device"""
    first = f"date '{model.said['first_day']}' + 9"
    campaigns = [*model.said["campaigns"]]
    mails = f"""SELECT 'N' || lpad(id::varchar, 8, '0') AS subscriber, {EPOCH}(second) AS moment,
        {_of("kind", ["sent", "opened", "clicked"])} AS kind, {_of("device", devices)} AS device,
        CASE {" ".join(f"WHEN mailing = {-1 - n} THEN '{name}'" for n, name in enumerate(campaigns))}
        ELSE 'lettre-' || strftime({first} + (mailing * {model.said["newsletter_every_days"]})::int, '%Y-%m-%d') END AS campaign
        FROM mails ORDER BY moment, id, mails.kind"""
    contacts = f"""SELECT 'C' || lpad(id::varchar, 8, '0') AS client, {_of("campaign", campaigns)} AS campagne,
        {_of("campaign", [c["channel"] for c in model.said["campaigns"].values()])} AS canal,
        {_of("campaign", [str(c["sent"]) for c in model.said["campaigns"].values()])} AS envoi,
        CASE WHEN isnan(answered) THEN NULL ELSE strftime(date '{model.said["first_day"]}' + answered::int, '%Y-%m-%d') END AS reponse,
        CASE WHEN test THEN 'test' ELSE 'control' END AS bras,
        CASE WHEN test THEN {_of("campaign", [str(c["cost"]) for c in model.said["campaigns"].values()])} ELSE '0' END AS cout
        FROM campaigns ORDER BY campaigns.campaign, id"""
    return [("visits.parquet", visits, "parquet"), ("mails.parquet", mails, "parquet"), ("campaigns.csv", contacts, "csv")]


def _said(model: Model) -> list[tuple[str, str, str]]:
    comments = f"""SELECT 'S' || lpad(account::varchar, 8, '0') AS compte, strftime({EPOCH}(second), '%Y-%m-%d %H:%M:%S') AS date,
        {_of("channel", model.said["channels"])} AS canal, text AS texte, rating AS note FROM comments ORDER BY second, account, text"""
    consents = f"""SELECT 'C' || lpad(id::varchar, 8, '0') AS client, channel AS canal, purpose AS finalite,
        CASE WHEN granted THEN 'oui' ELSE 'non' END AS accord, strftime(date '{model.said["first_day"]}' + day::int, '%Y-%m-%d') AS date
        FROM consents ORDER BY id, day, channel, purpose"""
    return [("comments.csv", comments, "csv"), ("consents.csv", consents, "csv")]


def _of(column: str, names: list[str]) -> str:
    """SQL: the name that stands at a place, counted from 0; none at −1."""
    cases = " ".join(f"WHEN {n} THEN '{name}'" for n, name in enumerate(names))
    return f"CASE {column} {cases} END"


def _orders(model: Model, con, raw: Path) -> None:
    """A file a quarter; each begins with the lines of the quarter before that it corrects."""
    account = f"CASE WHEN account = {TILL} THEN 'S99999999' WHEN account >= 0 THEN 'S' || lpad(account::varchar, 8, '0') END"
    con.execute(f"""CREATE VIEW said AS SELECT quarter, wrong, cents AS paid, second, printf('%010d', "order") AS "n° commande",
        strftime({EPOCH}(second), '%d/%m/%Y %H:%M') AS "date", {account} AS compte,
        'P' || printf('%04d', product) AS produit, {_of("category", list(model.said["categories"]))} AS rayon, quantity AS "quantité",
        unreadable, discount, {_of("channel", model.said["channels"])} AS canal,
        CASE WHEN channel = {model.said["channels"].index("shop")} THEN {_of("store", model.said["stores"])} END AS magasin FROM orders""")
    columns = '"n° commande", "date", compte, produit, rayon, "quantité"'
    for (quarter,) in con.sql("SELECT DISTINCT quarter FROM orders ORDER BY quarter").fetchall():
        sql = f"""SELECT {columns}, CASE WHEN unreadable THEN 'n.c.' ELSE {_euros("amount")} END AS montant,
            {_euros("discount")} AS remise, canal, magasin
            FROM (SELECT *, CASE WHEN wrong >= 0 AND quarter = {quarter} THEN wrong ELSE paid END AS amount FROM said
                  WHERE quarter = {quarter} OR (quarter = {quarter} - 1 AND wrong >= 0))
            ORDER BY second, "n° commande", produit"""
        _copy(con, sql, raw / f"orders-{1970 + quarter // 4}-Q{quarter % 4 + 1}.csv", "cp1252")


def _euros(cents: str) -> str:
    """SQL: cents as '1 234,56 €'."""
    whole = f"replace(format('{{:,}}', abs({cents}) // 100), ',', '{SPACE}')"
    return f"CASE WHEN {cents} < 0 THEN '-' ELSE '' END || {whole} || ',' || printf('%02d', abs({cents}) % 100) || '{SPACE}€'"


def _survey(con, path: Path) -> None:
    """One sheet in long form. Its clock is set to the history's, so that the same answers give the same bytes."""
    book = openpyxl.Workbook(write_only=True)
    sheet = book.create_sheet("réponses")
    sheet.append(["client", "question", "réponse", "répondu le"])
    rows = con.sql(f"SELECT 'C' || lpad(id::varchar, 8, '0'), question, answer, {EPOCH}(second) FROM survey ORDER BY id, question")
    while block := rows.fetchmany(10_000):
        for client, question, answer, moment in block:
            sheet.append([client, question, int(answer) if answer.isdigit() else answer, moment])
    raw = path.with_suffix(".tmp")
    book.save(raw)
    with zipfile.ZipFile(raw) as source, zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as target:
        for name in source.namelist():
            content = source.read(name)
            if name == "docProps/core.xml":
                content = re.sub(rb">\d{4}-\d\d-\d\dT[\d:]+Z<", b">2024-06-10T00:00:00Z<", content)
            target.writestr(zipfile.ZipInfo(name, (2024, 6, 10, 0, 0, 0)), content, zipfile.ZIP_DEFLATED)
    raw.unlink()


def _market(model: Model, path: Path) -> None:
    """Income and population of each department, made up like everything here."""
    rng, areas = np.random.default_rng(model.said["seed"]), sorted({row[0][:2] for row in model.words["towns"]})
    with path.open("w", encoding="utf-8", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["departement", "annee", "mesure", "valeur"])
        for area in areas:
            income, inhabitants = 19_500 + rng.integers(0, 90) * 100, int(rng.integers(350, 2500)) * 1000
            for year in range(2021, 2025):
                rows.writerow([area, year, "median_income", round(income * 1.03 ** (year - 2021))])
                rows.writerow([area, year, "population", round(inhabitants * 1.004 ** (year - 2021))])


def _truth(model: Model, con, folder: Path) -> None:
    """Who is who, to what they belong, and what the campaigns really do. No step reads it."""
    prefix = "CASE source WHEN 'crm' THEN 'C' WHEN 'shop' THEN 'shop:S' ELSE 'news:N' END || lpad(number::varchar, 8, '0')"
    _copy(
        con, f"SELECT source, {prefix} AS record, person FROM truth_records ORDER BY source, record", folder / "records.parquet", "parquet"
    )
    _copy(con, "SELECT * FROM truth_people ORDER BY person", folder / "people.parquet", "parquet")
    uplift = [
        {
            "campaign": name,
            "segment": segment,
            "base": c["base"][segment],
            "uplift": c["uplift"][segment],
            "meant_for": segment in c["meant_for"],
        }
        for name, c in model.said["campaigns"].items()
        for segment in model.segments
    ]
    said = {"people": model.said["people"], "seed": model.said["seed"], "segments": model.segments, "uplift": uplift}
    (folder / "truth.json").write_text(json.dumps(said, indent=1, ensure_ascii=False, sort_keys=True), encoding="utf-8")
