"""What account managers decided for single customers: firms, gift buyers, some hunches, and the slips of a list kept by hand."""

import csv
from datetime import timedelta
from pathlib import Path

import numpy as np

from helpers.fait_maison.model import Model

TOPIC = 96
"""The stream of random numbers of this file."""


def write_overrides(model: Model, con, path: Path) -> None:
    """Write raw/overrides.csv from the parts: customer_id (of the crm), segment, role, because, decided_on, until."""
    said, rng = model.said["overrides"], np.random.default_rng([model.said["seed"], 0, TOPIC])
    rows: list[list[str]] = []
    for who in said["who"]:
        ids = _customers(model, con, who)
        chosen = rng.permutation(len(ids))[: who["many"]]
        rows += [_row(model, ids[n], who, rng) for n in sorted(chosen)]
    rows = [rows[n] for n in rng.permutation(len(rows))]
    rows += _slips(rows, model)
    with path.open("w", encoding="utf-8", newline="") as file:
        out = csv.writer(file, lineterminator="\n")
        out.writerow(["customer_id", "segment", "role", "because", "decided_on", "until"])
        out.writerows(rows)


def _customers(model: Model, con, who: dict) -> list[str]:
    """The crm's first number of those whom a role looks after: there for half a year at the turning day, and not gone by then. A thousand
    are enough to choose from; numbers look drawn, so the first of them are anybody."""
    segment = f"AND p.segment = '{who['of']}'" if who["of"] in model.segments else ""
    found = con.execute(
        f"""SELECT 'C' || lpad(min(r.number)::varchar, 8, '0') AS id FROM truth_people p JOIN truth_records r USING (person)
        WHERE r.source = 'crm' AND NOT p.prospect AND p.kind = ? AND p.came < ? AND p.until >= ? {segment}
        GROUP BY person, p.rate HAVING p.rate >= ? ORDER BY id LIMIT 1000""",
        ["firm" if who["of"] == "firm" else "person", model.turning - 180, model.turning, who.get("rate", 0.0)],
    )
    return [id_ for (id_,) in found.fetchall()]


def _row(model: Model, customer: str, who: dict, rng) -> list[str]:
    """One decision, of a day between the first and the last that is assumed; some end, after a quarter or after a year."""
    said = model.said["overrides"]
    decided = said["from"] + timedelta(days=int(rng.integers(0, (said["to"] - said["from"]).days)))
    segment = who["segments"][int(rng.integers(0, len(who["segments"])))]
    lasts = int(rng.choice([0, 91, 365], p=said["lasts"]))
    until = str(decided + timedelta(days=lasts)) if lasts else ""
    return [customer, segment, who["role"], who["because"], str(decided), until]


def _slips(rows: list[list[str]], model: Model) -> list[list[str]]:
    """What is wrong in a list kept by hand: nobody's number, a segment that is none, no role, an end before the beginning, a day that is
    none, a decision of the future, and two for one customer."""
    role, because, day = rows[0][2], rows[0][3], str(model.said["overrides"]["from"])
    ids, last = [row[0] for row in rows[:5]], str(model.said["turning_day"] - timedelta(days=2))
    twice = [[row[0], "S2" if row[1] == "S1" else "S1", role, because, last, ""] for row in rows if row[4] < last and not row[5]][:2]
    return [
        ["C99999999", "S1", role, because, day, ""],
        [ids[0], "VIP", role, because, day, ""],
        [ids[1], "S1", "", because, day, ""],
        [ids[2], "S1", role, because, "2024-06-30", "2024-06-01"],
        [ids[3], "S1", role, because, "30/06/2024", ""],
        [ids[4], "S1", role, because, "2026-01-01", ""],
        *twice,
    ]
