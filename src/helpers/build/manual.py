"""What people decided for single customers: read and checked line by line, set beside rules and learned segments, and learnt from.

A decision is valid while as_of < until (for ever without one). Among the valid decisions for one customer the newest counts, of two on
one day the one further down in the file.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path

import ibis
import ibis.expr.types as ir
import numpy as np
import pandas as pd

from helpers import NinefoldError, home
from helpers.build.inputs import KEY
from helpers.rates import wilson

COLUMNS = ("customer_id", "segment", "role", "because", "decided_on", "until")
REQUIRED = ("customer_id", "segment", "role", "because", "decided_on")
REASONS = (
    "unknown_customer",
    "out_of_scope",
    "unknown_segment",
    "no_role",
    "no_reason",
    "undated",
    "decided_later",
    "until_before_decision",
)
"""Why a line is set aside, in the order in which it is checked: the first that holds counts."""
STATES = ("valid", "expired", "superseded", "set_aside")


@dataclass(frozen=True)
class Overrides:
    """The decisions of a project's file.

    rows  one row a line of the file: line (1 = the first below the heading), raw_id (as typed), customer_id (after uniting records,
          missing where unknown), segment, role, because, decided_on, until (instants), state (one of STATES), reason (one of REASONS)
    as_of the instant at which they were judged
    """

    rows: pd.DataFrame
    as_of: datetime

    def of(self, *states: str) -> pd.DataFrame:
        """The rows in these states."""
        return self.rows[self.rows["state"].isin(states)]

    def counts(self) -> dict[str, int]:
        """How many rows are in each state."""
        return {state: int((self.rows["state"] == state).sum()) for state in STATES}

    def table(self) -> ir.Table:
        """What `document.apply(overrides=)` takes: customer_id, segment, until; one row a customer."""
        schema = {KEY: "string", "segment": "string", "until": "timestamp"}
        return ibis.memtable(_instants(self.of("valid")[list(schema)], "until"), schema=schema)

    def private(self) -> ir.Table:
        """Every line with what became of it, for the private folder of the run; the key is `line`."""
        texts = dict.fromkeys(("raw_id", KEY, "segment", "role", "because"), "string")
        schema = {"line": "int64", **texts, "decided_on": "timestamp", "until": "timestamp", "state": "string", "reason": "string"}
        return ibis.memtable(_instants(self.rows[list(schema)], "decided_on", "until"), schema=schema)

    def decisions(self) -> pd.DataFrame:
        """Every decision for a known customer, also those that no longer hold: customer_id, segment, decided_on, oldest first."""
        return self.of("valid", "expired", "superseded")[[KEY, "segment", "decided_on", "line"]].sort_values(["decided_on", "line"])


def read(step, segments: Iterable[str]) -> Overrides | None:
    """The file of `build.manual`, every line of it checked; None where project.yml names none.

    segments  ids of the published segments
    Raises    NinefoldError for a file that is not there, cannot be read, lacks a column or has more lines than sample_rows
    """
    manual, project = step.project.build.manual, step.project
    if manual is None:
        return None
    typed = _file(project, manual.file, manual.separator)
    mapped = _mapped(step, typed["customer_id"])
    return checked(typed, mapped, set(segments), as_of=step.as_of, decided_until=manual.decided_until)


def checked(
    typed: pd.DataFrame,
    customers: Mapping[str, tuple[str, bool]],
    segments: set[str],
    *,
    as_of: datetime,
    decided_until: date | None = None,
) -> Overrides:
    """Each line with its state.

    typed      the columns of COLUMNS as text, "" where empty
    customers  id as typed → (customer_id, whether in scope), for those known
    """
    rows = pd.DataFrame({"line": np.arange(1, len(typed) + 1), "raw_id": typed["customer_id"], **{c: typed[c] for c in COLUMNS[1:4]}})
    found = [customers.get(raw, (None, False)) for raw in rows["raw_id"]]
    rows[KEY] = pd.Series([each[0] for each in found], dtype="object")
    for column in ("decided_on", "until"):
        rows[column] = pd.to_datetime(typed[column].replace("", None), format="%Y-%m-%d", errors="coerce").astype("datetime64[us]")
    readable = rows["until"].notna() | (typed["until"] == "")
    border = min(as_of, datetime.combine(decided_until, datetime.min.time()) + timedelta(days=1)) if decided_until else as_of
    faults = {
        "unknown_customer": rows[KEY].isna(),
        "out_of_scope": ~np.array([each[1] for each in found], dtype=bool),
        "unknown_segment": ~rows["segment"].isin(segments),
        "no_role": rows["role"] == "",
        "no_reason": rows["because"] == "",
        "undated": rows["decided_on"].isna() | ~readable,
        "decided_later": rows["decided_on"] >= border,
        "until_before_decision": rows["until"] <= rows["decided_on"],
    }
    rows["reason"] = np.select([np.asarray(faults[reason], dtype=bool) for reason in REASONS], REASONS, "")
    rows["reason"] = rows["reason"].astype("object").replace("", None)
    expired = rows["until"].notna() & (rows["until"] <= as_of)
    rows["state"] = np.select([rows["reason"].notna(), expired], ["set_aside", "expired"], "valid").astype("object")
    valid = rows[rows["state"] == "valid"].sort_values(["decided_on", "line"])
    rows.loc[valid.index[valid[KEY].duplicated(keep="last")], "state"] = "superseded"
    return Overrides(rows, as_of)


def _file(project, name: str, separator: str) -> pd.DataFrame:
    folder = (home() / project.file).parent.resolve()
    path, where = (folder / name).resolve(), f"{project.file}: field build.manual.file is {name!r}"
    if not path.is_relative_to(folder) or Path(name).is_absolute():
        raise NinefoldError(f"{where}, which lies outside the folder of the project. Put the file below it.")
    if not path.is_file():
        raise NinefoldError(f"{where}, and there is no such file. Write it, or leave build.manual out.")
    try:
        typed = pd.read_csv(
            path, sep=separator, dtype=str, keep_default_na=False, encoding="utf-8-sig", index_col=False, nrows=project.sample_rows + 1
        )
    except (UnicodeDecodeError, pd.errors.ParserError, pd.errors.EmptyDataError) as error:
        raise NinefoldError(f"{where}, which cannot be read as CSV in UTF-8 with {separator!r} between columns. Save it so.") from error
    typed.columns = [str(column).strip() for column in typed.columns]
    lacking = [column for column in REQUIRED if column not in typed]
    if lacking:
        has = ", ".join(map(repr, typed.columns))
        raise NinefoldError(
            f"{where}, which lacks the columns {', '.join(lacking)}; it has {has}. Check its heading and build.manual.separator."
        )
    if len(typed) > project.sample_rows:
        raise NinefoldError(f"{where}, which has more than {project.sample_rows} lines (sample_rows). Decide by a rule instead.")
    return typed.reindex(columns=COLUMNS, fill_value="").fillna("").apply(lambda column: column.str.strip())


def _mapped(step, raw: pd.Series) -> dict[str, tuple[str, bool]]:
    """Each id that is known: the customer whose it is, and whether that customer is in scope."""
    wanted = sorted(set(raw) - {""})
    if not wanted:
        return {}
    person = dict(zip(wanted, wanted, strict=True))
    if step.gives("collect", "identity"):
        identity = step.take("collect", "identity")
        rows = identity.filter(identity.raw_id.isin(wanted)).select("raw_id", KEY).execute()
        person |= dict(zip(rows["raw_id"], rows[KEY], strict=True))
    there = {name: _among(step.take(*name), set(person.values())) for name in (("collect", "customers"), ("variables", "variables"))}
    known, scope = there.values()
    return {raw_id: (one, one in scope) for raw_id, one in person.items() if one in known | scope}


def _among(table: ir.Table, ids: set[str]) -> set[str]:
    return set(table.filter(table[KEY].isin(sorted(ids))).select(KEY).execute()[KEY])


def _instants(frame: pd.DataFrame, *columns: str) -> pd.DataFrame:
    return frame.reset_index(drop=True).astype(dict.fromkeys(columns, "datetime64[us]"))


# Beside rules and learned segments


def aligned(labels: ir.Table, published: ir.Table) -> ir.Table:
    """The labels of another segmentation in the ids of the published one: each segment as that which holds most of its customers.

    labels, published  customer_id, segment
    """
    both = labels.join(published.select(KEY, published_=published.segment), KEY)
    counts = both.group_by(["segment", "published_"]).agg(n=both.count()).execute()
    counts = counts.sort_values(["segment", "n", "published_"], ascending=[True, False, True]).drop_duplicates("segment")
    pairs = list(zip(counts["segment"], counts["published_"], strict=True))
    of = labels.segment
    return labels.select(KEY, segment=ibis.cases(*((of == one, other) for one, other in pairs)) if pairs else ibis.null("string"))


def agreement(found: Overrides, labelled: Mapping[str, ir.Table]) -> list[dict]:
    """How often other levels say what people decided: name, n, same, share, low, high (95 %, Wilson 1927).

    labelled  name of the level, such as "rules" → customer_id, segment, without overrides, in the ids of the published segmentation
    """
    valid, result = found.of("valid"), []
    for name, labels in labelled.items():
        said = _labels(labels, valid[KEY])
        pairs = valid[[KEY, "segment"]].merge(said, on=KEY, suffixes=("", "_said"))
        pairs = pairs[pairs["segment_said"].notna()]
        same = int((pairs["segment"] == pairs["segment_said"]).sum())
        result.append({"name": name} | share_of(same, len(pairs), "same"))
    return result


def came_true(found: Overrides, then: ir.Table, now: ir.Table, *, before: datetime) -> list[dict]:
    """Whether customers later became by themselves what people had said: per segment, and "" for all.

    then, now  learned labels (customer_id, segment) one horizon ago and today, by one and the same segmentation, without overrides
    before     the instant of `then`: decisions before it count, whose customer was learned to be in another segment at that time
    Returns    segment, n, became, share, low, high, and chance: the share of all others outside that segment then who are in it now
    """
    said = found.decisions()
    said = said[said["decided_on"] < before].drop_duplicates(KEY, keep="last")
    moves = then.select(KEY, then_=then.segment).join(now.select(KEY, now_=now.segment), KEY)
    own = said.merge(_frame(moves, said[KEY]), on=KEY)
    own = own[own["then_"] != own["segment"]]
    crossed = moves.group_by(["then_", "now_"]).agg(n=moves.count()).execute()
    crossed = crossed.merge(_frame(moves, said[KEY]).value_counts(["then_", "now_"]).rename("own").reset_index(), how="left")
    crossed["n"] = crossed["n"] - crossed["own"].fillna(0)
    result = []
    for segment in ["", *sorted(own["segment"].unique())]:
        mine = own if not segment else own[own["segment"] == segment]
        wanted = (mine["now_"] == mine["segment"]).sum()
        chances = [_became(crossed, each) for each in mine["segment"]]
        result.append(
            {"segment": segment} | share_of(int(wanted), len(mine), "became") | {"chance": float(np.mean(chances)) if chances else None}
        )
    return result


def _became(crossed: pd.DataFrame, segment: str) -> float:
    out = crossed[crossed["then_"] != segment]
    return float(out.loc[out["now_"] == segment, "n"].sum() / out["n"].sum()) if out["n"].sum() else 0.0


def share_of(yes: int, n: int, name: str) -> dict:
    """n, how many of them, the share, and its 95 % interval (Wilson 1927); no share of nobody."""
    low, high = wilson(yes, n) if n else (None, None)
    return {"n": n, name: yes, "share": yes / n if n else None, "low": low, "high": high}


def _labels(table: ir.Table, ids: pd.Series) -> pd.DataFrame:
    return _frame(table.select(KEY, "segment"), ids)


def _frame(table: ir.Table, ids: pd.Series) -> pd.DataFrame:
    """The rows of these customers: as few as there are decisions."""
    return table.filter(table[KEY].isin(sorted(set(ids)) or [""])).order_by(KEY).execute()
