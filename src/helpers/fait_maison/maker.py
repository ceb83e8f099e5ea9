"""Chunk after chunk of people into parts, then the parts into the files that an analyst would have been sent."""

import os
import shutil
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from helpers import NinefoldError
from helpers.fait_maison import buying, media, voice
from helpers.fait_maison import records as recording
from helpers.fait_maison.files import write
from helpers.fait_maison.model import Model, identifiers, load, pick
from helpers.fait_maison.people import people as who_there_is

LEAST, MOST = 100, 20_000_000


def make(folder: Path, *, people: int | None = None, seed: int | None = None) -> dict[str, int]:
    """Write raw/ and truth/ of fait_maison below `folder`, replacing what is there; the rows of each table.

    people   how many, in chunks of people_per_chunk; memory does not grow with it
    seed     the same seed and size give the same content
    Raises NinefoldError when there are too few people for six segments, or more than ids for them
    """
    model = load(**{key: value for key, value in (("people", people), ("seed", seed)) if value is not None})
    if not LEAST <= model.said["people"] <= MOST:
        raise NinefoldError(f"people has the value {model.said['people']}: from {LEAST} to {MOST:,} can be made. Give another number.")
    scratch = folder / ".spill" / f"making-{os.getpid()}"
    try:
        parts = scratch / "parts"
        for chunk, size in enumerate(sizes(model)):
            for name, table in one_chunk(model, chunk, size).items():
                (parts / name).mkdir(parents=True, exist_ok=True)
                pq.write_table(pa.table(table), parts / name / f"{chunk:05d}.parquet", compression="lz4")
        rows = write(model, parts, scratch)
        for name in ("raw", "truth"):
            shutil.rmtree(folder / name, ignore_errors=True)
            os.replace(scratch / name, folder / name)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
    return rows


def sizes(model: Model) -> list[int]:
    """People in each chunk."""
    most, all_ = model.said["people_per_chunk"], model.said["people"]
    return [min(most, all_ - start) for start in range(0, all_, most)]


def simulate(model: Model, chunk: int, size: int) -> dict[str, dict]:
    """What happens to the people of one chunk, before any file is thought of: who, habit (before and after the turning day), orders
    (of one's own accord), made (records), agreed and may (consents), asked (campaigns), line and head (order lines and orders), seen
    (visits), mail."""
    who = who_there_is(model, chunk, size)
    habit = buying.habits(model, who, chunk)
    orders = buying.order_days(model, who, habit, chunk)
    made = recording.records(model, who, chunk)
    agreed, may = recording.consents(model, who, made, chunk)
    asked = buying.campaigns(model, who, orders, may, chunk)
    line, head = buying.lines(model, who, habit, orders, asked, chunk)
    seen = media.visits(model, who, habit, orders, head, chunk)
    mail = media.mails(model, who, habit, made, asked, chunk)
    happened = {"who": who, "habit": habit, "orders": orders, "made": made, "agreed": agreed, "may": may}
    return happened | {"asked": asked, "line": line, "head": head, "seen": seen, "mail": mail}


def one_chunk(model: Model, chunk: int, size: int) -> dict[str, dict]:
    """The parts of one chunk of people: columns by table."""
    happened = simulate(model, chunk, size)
    who, orders, made, line, seen = (happened[key] for key in ("who", "orders", "made", "line", "seen"))
    said = voice.comments(model, who, happened["head"], chunk)
    account = _accounts(model, who, made)
    crm, asked = identifiers(who["person"] * 4, numbering="crm"), happened["asked"]
    line |= _slips(model, line, chunk)
    visits = {key: value for key, value in seen.items() if key not in ("person", "anonymous", "from_order")}
    return {
        **_record_parts(model, who, made, chunk),
        "orders": {"account": account(line.pop("person"), line["second"]), **{k: v for k, v in line.items() if k != "first"}},
        "visits": {"account": np.where(seen["anonymous"], -1, account(seen["person"], seen["second"])), **visits},
        "mails": happened["mail"],
        "survey": voice.survey(model, who, orders, made, chunk),
        "comments": {"account": account(said.pop("person"), said["second"]), **said},
        "consents": happened["agreed"],
        "campaigns": {"id": crm[asked.pop("person")], **asked},
        "truth_people": _truth(model, who, happened["habit"], orders),
    }


def _accounts(model: Model, who: dict, made: dict):
    """Which shop account a person uses on a day: the second one from the day on which it was opened."""
    number = identifiers(who["person"] * 4, numbering="shop")
    other, since = identifiers(who["person"] * 4 + 1, numbering="shop"), np.full(len(number), np.inf)
    second = (made["source"] == "shop") & (made["copy"] == 1)
    since[made["place"][second]] = model.epoch + made["created_day"][second] * 86_400
    buys = ~who["prospect"]

    def account(place: np.ndarray, moment: np.ndarray) -> np.ndarray:
        known = np.maximum(place, 0)
        found = np.where(moment >= since[known], other[known], number[known])
        return np.where(place < 0, place, np.where(buys[known], found, -1))

    return account


def _slips(model: Model, line: dict, chunk: int) -> dict:
    """Which lines the next quarter's file corrects, and by how much the first was wrong; which hold no amount that can be read."""
    rng, size = np.random.default_rng([model.said["seed"], chunk, 98]), len(line["order"])
    day = np.datetime64(model.said["first_day"]) + (line["second"] - model.epoch) // 86_400
    quarter = day.astype("datetime64[M]").astype(int) // 3
    rest = ((quarter + 1) * 3).astype("datetime64[M]").astype("datetime64[D]") - day
    newest = (np.datetime64(model.said["last_day"]) - 1).astype("datetime64[M]").astype(int) // 3
    late = (rest.astype(int) <= 14) & (quarter < newest)
    wrong = late & (rng.random(size) < model.said["corrected"]) & (line["cents"] > 0)
    return {"wrong": np.where(wrong, np.round(line["cents"] * (0.5 + rng.random(size))).astype(np.int64), -1), "quarter": quarter,
            "unreadable": rng.random(size) < model.said["unreadable"]}  # fmt: skip


def _record_parts(model: Model, who: dict, made: dict, chunk: int) -> dict[str, dict]:
    """The records of the three sources, and who each is."""
    names = {"crm": "C", "shop": "S", "news": "N"}
    parts = {"truth_records": {
        "source": made["source"], "number": made["id"], "person": who["person"][made["place"]],
    }}  # fmt: skip
    for source in names:
        rows = made["source"] == source
        keys = (*recording.FIELDS, "created", "updated")
        parts[source] = {"id": made["id"][rows], **{key: made[key][rows] for key in keys}}
    parts["crm"] |= recording.described(model, who, made, chunk)
    rng = np.random.default_rng([model.said["seed"], chunk, 97])
    place = made["place"][made["source"] == "news"]
    first = np.where(who["late"][place], who["segment_after"][place], who["segment"][place])
    parts["news"]["lead_origin"] = np.array(model.said["origins"], dtype=object)[pick(model.of["origin"][first], rng)]
    return parts


def _truth(model: Model, who: dict, habit: list[dict], orders: dict) -> dict:
    """What no step reads: each person's segment before and after the turning day, household, rate and chance to stop."""
    names = np.array([*model.segments, None], dtype=object)
    keep = ("person", "household", "prospect", "late", "satisfied")
    kinds = np.array(list(model.said["kinds"]), dtype=object)
    return {**{key: who[key] for key in keep}, "kind": kinds[who["kind"]], "segment": names[who["segment"]],
            "segment_after": names[who["segment_after"]], "rate": habit[0]["rate"], "dropout": habit[0]["dropout"],
            "came": who["came"], "until": orders["until"]}  # fmt: skip
