"""Contact lists as files, in the project's private folder: what people open, what tools take up, and a manifest of it all."""

import os
import re
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import ibis
import ibis.expr.types as ir
import pyarrow.parquet as pq

from helpers import run, words
from helpers.build.portraits import segment_name
from helpers.project import Project
from helpers.target.addresses import needs_of
from helpers.target.arms import ARMS
from helpers.target.uploads import ADDRESSES, COUNTRIES, UPLOADS, Upload, dialled
from helpers.target.writers import CsvFile, ParquetFile, UploadFile, XlsxFile, excel_cell
from helpers.variables.catalogue import catalogue
from helpers.words import mark, say

XLSX_ROWS = 200_000
"""Lists longer than this are in CSV and Parquet only: a spreadsheet of them takes minutes to open."""
BATCH = 10_000
HEAD = {
    "customer_id": mark("Customer number"),
    "tag": mark("Tag"),
    "segment": mark("Segment"),
    "offer": mark("Offer"),
    "message": mark("Message"),
    "moment": mark("When"),
    "channel": mark("Channel"),
    "arm": mark("Group"),
    "version": mark("Version"),
    "reason": mark("Why this person"),
    "confidence": mark("How sure the segment is (0 to 1)"),
    "new": mark("New on this list"),
    "campaign": mark("Campaign"),
    "status": mark("Status"),
    "first_name": mark("First name"),
    "last_name": mark("Last name"),
    "email": mark("E-mail"),
    "mobile": mark("Mobile telephone"),
    "phone": mark("Telephone"),
    "street": mark("Street"),
    "postcode": mark("Postcode"),
    "city": mark("City"),
}
OWN = tuple(HEAD)[: list(HEAD).index("first_name")]
CONTACT = {
    "email": ("first_name", "last_name", "email"),
    "mobile": ("first_name", "last_name", "mobile"),
    "phone": ("first_name", "last_name", "phone"),
    "postal": ("first_name", "last_name", "street", "postcode", "city"),
    "none": (),
}
"""What a list holds of a person, by what its channel needs: no list has an address that its channel cannot use."""


# What stands in a list


def rows_of(drawn: ir.Table, members: ir.Table, points: ir.Table | None, entered: ir.Table | None) -> ir.Table:
    """Everybody drawn, with what is known of each; nothing is worded yet.

    drawn     result of `arms.draw`;  members: result of `following.followed`
    points    result of `addresses.contact_points`; None: without addresses, as in every draft
    entered   channel, customer_id of those who were not on the last list of this campaign; None: there is none
    Returns   the columns of drawn, confidence, why (reason of the label), new, and the addresses
    """
    known = members.select(who_=members.customer_id, confidence=members.confidence, why=members.reason)
    table = drawn.left_join(known, drawn.customer_id == known.who_).drop("who_")
    if entered is None:
        table = table.mutate(new=ibis.null("boolean"))
    else:
        fresh = entered.select(new_who_=entered.customer_id, new_channel_=entered.channel)
        table = table.left_join(fresh, [table.customer_id == fresh.new_who_, table.channel == fresh.new_channel_])
        table = table.mutate(new=table.new_who_.notnull()).drop("new_who_", "new_channel_")
    if points is None:
        return table
    there = points.rename(point_="customer_id")
    return table.left_join(there, table.customer_id == there.point_).drop("point_")


@dataclass(frozen=True)
class Wording:
    """What the codes of a row are called, in the language in use."""

    project: Project
    names: dict[str, str]
    titles: dict[str, str]

    def row(self, raw: dict) -> dict:
        """A row of a list, by the columns of HEAD, with the plain addresses and codes that uploads need beside them."""
        from helpers.target.guards import offer_of  # late: it imports the rooms of earlier steps

        target, offer = self.project.target, offer_of(self.project, raw["offer"])
        version = target.versions.get(raw["version"]) if raw["version"] else None
        channel = target.channels.get(raw["channel"])
        return raw | {
            "tag": raw["segment"],
            "segment": self.names.get(raw["segment"], raw["segment"]),
            "offer": words.text(offer.offer),
            "message": words.text((version and version.message) or offer.message),
            "moment": words.text(offer.moment),
            "channel": words.text(channel.name) if channel else raw["channel"],
            "reason": self.reason(raw),
            "campaign": target.campaign,
            **{c: dialled(raw.get(f"{c}_plain")) for c in ("mobile", "phone") if raw.get(c)},
        }

    def reason(self, raw: dict) -> str:
        """Why a person gets this message: the segment and what speaks most for it, or the rule."""
        name = self.names.get(raw["segment"], raw["segment"])
        if raw["reason"] == "rule":
            return say("fits the rule “{rule}”", rule=raw["offer"])
        if raw["why"] == "manual":
            return say("placed by hand in “{name}”", name=name)
        if not raw["why"]:
            return say("in “{name}”", name=name)
        why = self.titles.get(raw["why"], raw["why"])
        return say("in “{name}”, above all by: {why}", name=name, why=why)


def wording(project: Project, profiles: dict) -> Wording:
    """The wording of a project's lists.

    profiles   as step 6 hands them over
    """
    return Wording(project, {s["id"]: segment_name(s) for s in profiles["segments"]}, {v.name: v.title() for v in catalogue(project)})


# How it is written


def batches(table: ir.Table, words_of: Wording) -> Iterator[list[dict]]:
    """The rows of a table by customer, worded, BATCH at a time: a list never stands in memory whole."""
    kept: list[dict] = []
    for batch in table.order_by("customer_id").to_pyarrow_batches(chunk_size=BATCH):
        for raw in batch.to_pylist():
            kept.append(words_of.row(raw))
            if len(kept) == BATCH:
                yield kept
                kept = []
    yield kept


def write_channel(place: Path, channel: str, table: ir.Table, words_of: Wording, *, status: str, as_of) -> tuple[list[dict], list[dict]]:
    """All files of one channel's list.

    table     result of `rows_of`, of this channel, those to be contacted alone
    Returns   written: a line a file (file, channel, format, status, rows); left out: channel, format and why (a code)
    """
    project, need = words_of.project, needs_of(words_of.project, channel)
    rows, draft = int(table.count().execute()), status != "READY"
    columns = [*OWN, *(c for c in CONTACT[need] if c in table.columns)]
    stem = f"{'DRAFT_' if draft else ''}{project.target.campaign}_{slug(channel)}"
    head = [say(title) for title in (HEAD[c] for c in columns)]
    made, left = {}, []
    with ExitStack() as stack:

        def begin(kind: str, ending: str, writer):
            path = place / f"{stem}{ending}"
            made[kind] = (path, writer(path))
            stack.callback(made[kind][1].close)

        begin("csv", ".csv", lambda path: CsvFile(path, columns, columns))
        begin("csv for Excel", "_excel.csv", lambda p: CsvFile(p, columns, head, separator=";", cell=excel_cell, encoding="utf-8-sig"))
        begin("parquet", ".parquet", lambda path: ParquetFile(path, columns))
        if rows <= XLSX_ROWS:
            begin("xlsx", ".xlsx", lambda path: XlsxFile(path, columns, head, as_of))
        else:
            left.append({"channel": channel, "format": "xlsx", "why": "too long"})
        for name, upload in UPLOADS.items():
            why = not_uploaded(name, upload, need, project, table, draft=draft)
            if why:
                left.append({"channel": channel, "format": name, "why": why})
                continue
            begin(name, f"_{name}.csv", lambda path, upload=upload: UploadFile(path, upload, need, COUNTRIES.get(project.time_zone, "")))
        for batch in batches(table, words_of):
            for _, writer in made.values():
                writer.write(batch)
    return [entry(path, channel, kind, status, getattr(writer, "rows", rows)) for kind, (path, writer) in made.items()], left


def not_uploaded(name: str, upload: Upload, need: str, project: Project, table: ir.Table, *, draft: bool) -> str | None:
    """Why a tool's file is not written for a channel: a code, None when it is.

    A draft has no addresses; an advertiser gets nothing unless project.yml names it, for consent to a mailing is not consent to that.
    """
    if draft:
        return "draft"
    if need not in upload.needs:
        return "other channel"
    if f"{ADDRESSES[need]}_plain" not in table.columns:
        return "no addresses"
    return None if name in project.target.uploads else "not asked for"


def write_table(con, place: Path, name: str, table: ir.Table, key: list[str]) -> dict:
    """A private table of all customers as Parquet, ordered by its key; its line in the manifest."""
    path = place / f"{name}.parquet"
    with run.saving(path):
        con.to_parquet(table.order_by([*key, *(c for c in table.columns if c not in key)]), str(path), compression="zstd")
    return entry(path, None, "parquet", None, pq.read_metadata(path).num_rows)


CHANGES = {"entered": mark("entered"), "left": mark("left")}


def write_changes(place: Path, changes: ir.Table, project: Project) -> dict:
    """Who came onto a list and who left it, for people: whoever left is to be taken out of the tool that sends. Its line in the manifest.

    changes   customer_id, channel, change ("entered" or "left"), segment
    """
    path, columns = place / "entered_and_left_excel.csv", ["channel", "change", "customer_id", "tag"]
    titles = HEAD | {"change": mark("Since the last list")}
    head = [say(title) for title in (titles[c] for c in columns)]
    rows = 0
    with run.saving(path):
        out = CsvFile(path, columns, head, separator=";", cell=excel_cell, encoding="utf-8-sig")
        for batch in changes.order_by(["channel", "change", "customer_id"]).to_pyarrow_batches(chunk_size=BATCH):
            told = []
            for row in batch.to_pylist():
                change = CHANGES[row["change"]]
                told.append(row | {"channel": _channel_name(row["channel"], project), "change": say(change), "tag": row["segment"]})
            out.write(told)
            rows += len(told)
        out.close()
    return entry(path, None, "csv for Excel", None, rows)


def _channel_name(channel: str, project: Project) -> str:
    known = project.target.channels.get(channel)
    return words.text(known.name) if known else channel


def write_lists(place: Path, rows: ir.Table, words_of: Wording, *, status: str, as_of) -> tuple[list[dict], list[dict]]:
    """The lists of every channel in use.

    rows      result of `rows_of`
    Returns   as `write_channel`, over all channels
    """
    to_contact = rows.filter(rows.arm == ARMS[0])
    used = sorted(to_contact.select("channel").distinct().execute()["channel"])
    written, left = [], []
    for channel in used:
        with run.saving(place):
            files, out = write_channel(
                place, channel, to_contact.filter(to_contact.channel == channel), words_of, status=status, as_of=as_of
            )
        written, left = written + files, left + out
    return written, left


def entry(path: Path, channel: str | None, kind: str, status: str | None, rows: int) -> dict:
    """A file's line in the manifest: what it is, how many rows, and the SHA-256 of its bytes."""
    return {"file": path.name, "channel": channel, "format": kind, "status": status, "rows": rows, "sha256": run.digest(path)}


def slug(name: str) -> str:
    """A name as part of a file's name."""
    return re.sub(r"[^\w-]+", "_", name.strip())


def new_folder(project: Project, as_of) -> Path:
    """A folder for the next lists of this as_of, made for its owner alone; `publish` gives it its name."""
    parent = project.folder / "lists" / run.stamp(as_of)
    with run.saving(parent):
        for place in (parent.parent, parent):
            place.mkdir(mode=0o700, parents=True, exist_ok=True)
            os.chmod(place, 0o700)
        number = max((int(p.name[:4]) for p in parent.iterdir() if p.name[:4].isdigit()), default=0) + 1
        half = parent / f"{number:04d}.tmp"
        half.mkdir(mode=0o700)
    return half


def publish(half: Path) -> Path:
    """Every file readable by its owner alone, then the folder under its final name: whole or not at all."""
    final = half.with_suffix("")
    with run.saving(final):
        for path in half.iterdir():
            os.chmod(path, 0o600)
        os.replace(half, final)
    return final
