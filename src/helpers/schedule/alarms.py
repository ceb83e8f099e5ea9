"""Whether the data are fit to be judged at all, before anything is run: an alarm is about the data, never a verdict on the segments."""

import re
from datetime import datetime, timedelta
from pathlib import Path

import ibis
import ibis.expr.types as ir
import pyarrow.parquet

from helpers import ContractError, run
from helpers.engine import Engine, before, between
from helpers.engine.places import KINDS
from helpers.engine.tables import bare_numbering, known_by
from helpers.project import CONTRACT, Project
from helpers.run import Past

ENOUGH = 30
"""Order lines of a period without which its size tells nothing."""
SHORTEST = timedelta(days=28)
"""A period has four whole weeks at least: a week of holidays is no collapse."""


def look(plan: Project, moment: datetime, last: Past | None, *, clock: bool = False) -> list[dict]:
    """Everything about the data that forbids a verdict; empty: they may be judged.

    last     the newest complete run of this as_of or before (`run_until`), retired ones too; None: nothing to compare with
    clock    as_of was taken from this machine's clock
    Returns  [{code, value, limit, and file | table | ids (a numbering) where it is about one}], in this order:
             clock (as_of is earlier than the newest run, whose day is `limit`), empty (a file without a row), fewer (rows of a table from
             before the last run, as a share of those that it saw), stale (days since the newest order), collapsed (order lines of the
             newest period as a share of the one before; `days` is its length), returned (people who were erased and are in the data again)
    Raises   NinefoldError for whatever the engine refuses: a file that is missing, a column that is not there
    """
    found = _clock(plan, moment) if clock else []
    engine = Engine(plan, moment)
    empty = [{"code": "empty", "file": shown, "value": 0, "limit": 1} for shown in emptied(engine, last)]
    if found or empty:
        return found + empty  # what is counted below would say the same again, or cannot be read
    try:
        return [*(_fewer(engine, last) or _fewer_records(engine, last)), *_stale(engine), *_collapsed(engine, last), *_returned(engine)]
    except ContractError as error:
        named = re.search(r"the file '(.*)' has no rows", str(error))  # a sheet, or a table of a database
        if not named:
            raise
        return [{"code": "empty", "file": named[1], "value": 0, "limit": 1}]


def run_until(plan: Project, moment: datetime) -> Past | None:
    """The newest complete run of this as_of or before; retired ones kept their documents, which is all that is asked of it."""
    runs = [each for each in run.all_runs(plan, retired=True) if each.path.parent.name <= run.stamp(moment)]
    return runs[-1] if runs else None


def _clock(plan: Project, moment: datetime) -> list[dict]:
    runs = run.all_runs(plan, retired=True)
    if not runs or moment >= runs[-1].as_of:
        return []
    return [{"code": "clock", "value": f"{moment:%Y-%m-%d}", "limit": f"{runs[-1].as_of:%Y-%m-%d}"}]


def emptied(engine: Engine, last: Past | None) -> list[str]:
    """The files without any row that had some, or were not there, when the last run read them."""
    seen = last.record.get("files", {}) if last else {}
    files = {shown: path for shown, path in engine.inputs().items() if path and not _holds_rows(path)}
    return [shown for shown, path in files.items() if seen.get(shown) != run.digest(path)]


def _holds_rows(path: Path) -> bool:
    """Whether a file holds more than its header; of kinds that hold several tables, the engine says it when it reads them."""
    kind = KINDS.get(path.suffix.lower())
    if path.stat().st_size == 0:
        return False
    if kind == "parquet":
        return pyarrow.parquet.read_metadata(path).num_rows > 0
    if kind != "text":
        return True
    with path.open("rb") as lines:  # in any encoding, a line with a character is one with a byte that is none of these
        filled = (line for line in lines if line.strip(b"\r\n\t \0\xff\xfe\xef\xbb\xbf"))
        return sum(1 for _, _ in zip(filled, range(2), strict=False)) == 2


def known_rows(engine: Engine, table: str, at: datetime) -> int:
    """Rows of a canonical table from before an instant, as the sources have them today."""
    mapped, dated = engine.mapped(table), CONTRACT[table]["dated"]
    return _count(before(mapped, dated, at) if dated in mapped.columns else known_by(mapped, at))


def rows_seen(last: Past) -> dict[str, int]:
    """Table: how many rows the run had of it, as its step 3 counted them; empty where it kept no count."""
    facts = (last.json("collect", "quality") or {}).get("facts", {})
    return {table: fact["rows"] for table, fact in facts.items() if fact.get("rows")}


def _fewer(engine: Engine, last: Past | None) -> list[dict]:
    limit, found = engine.project.reevaluate.alarm_rows, []
    for table, seen in (rows_seen(last) if last else {}).items():
        share = known_rows(engine, table, last.as_of) / seen if engine.has(table) else 0.0
        if _gone(share, limit):
            found.append({"code": "fewer", "table": table, "value": share, "limit": limit, "since": last.name})
    return found


def _gone(share: float, limit: float) -> bool:
    """Whether too few rows are left: by whole per cents, for of an uneven number every second row is just over half."""
    return share < 1 and round(share, 2) <= limit


def _fewer_records(engine: Engine, last: Past | None) -> list[dict]:
    """As `_fewer`, numbering by numbering for the records of customers: united, the loss of one hides among the others."""
    if last is None or not last.gives("collect", "identity") or not engine.has("customers"):
        return []
    numberings = {source.ids for source in engine.project.sources_of("customers").values()}
    records = known_by(engine.records(), last.as_of)
    seen = _by_numbering(last.table(engine.con, "collect", "identity").raw_id, numberings)
    now = _by_numbering(records.customer_id, numberings)
    alarm = {"code": "fewer", "table": "customers", "limit": engine.project.reevaluate.alarm_rows, "since": last.name}
    shares = {name or bare_numbering(engine.project): now.get(name, 0) / rows for name, rows in seen.items()}
    return [alarm | {"ids": name, "value": share} for name, share in shares.items() if _gone(share, alarm["limit"])]


def _by_numbering(ids: ir.StringColumn, numberings: set[str]) -> dict[str, int]:
    """How many ids each numbering has; "": the one typed first, whose ids stand bare."""
    head = ids.split(":")[0]
    name = ibis.cases((ids.contains(":") & head.isin(sorted(numberings)), head), else_="")
    found = ids.name("id").as_table().mutate(name=name.name("name")).group_by("name").aggregate(n=ibis._.id.nunique()).order_by("name")
    return {str(each.name): int(each.n) for each in found.execute().itertuples(index=False)}


def _stale(engine: Engine) -> list[dict]:
    orders = before(engine.mapped("orders"), "ordered_at", engine.as_of)
    newest, limit = orders.ordered_at.max().execute(), engine.project.reevaluate.stale_days
    if newest is None or newest != newest:
        return [{"code": "stale", "value": None, "limit": limit}]
    days = (engine.as_of - newest).total_seconds() / 86_400
    return [{"code": "stale", "value": days, "limit": limit}] if days > limit else []


def _collapsed(engine: Engine, last: Past | None) -> list[dict]:
    """The orders since the last run, held against as many days before: half an export looks like a bad month."""
    since = engine.as_of - last.as_of if last else timedelta()
    length = min(max(since, SHORTEST), timedelta(days=engine.project.scope.window_days))
    orders, limit = engine.mapped("orders"), engine.project.reevaluate.alarm_rows
    now = _count(between(orders, "ordered_at", engine.as_of - length, engine.as_of))
    then = _count(between(orders, "ordered_at", engine.as_of - 2 * length, engine.as_of - length))
    if then < ENOUGH or now >= limit * then:
        return []
    return [{"code": "collapsed", "value": now / then, "limit": limit, "days": length.days}]


def _returned(engine: Engine) -> list[dict]:
    """An export made from an older copy brings back whoever was erased; nothing may be worked out from them again."""
    from helpers.erase.known import returned  # late: that room reads every kind of file

    named = [before(engine.mapped("orders"), "ordered_at", engine.as_of), *([engine.records()] if engine.has("customers") else [])]
    back = max(returned(engine.project, table) for table in named)
    return [{"code": "returned", "value": back, "limit": 1}] if back else []


def _count(table: ir.Table) -> int:
    return int(table.count().execute())
