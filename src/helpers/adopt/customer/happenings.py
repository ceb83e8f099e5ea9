"""What happened with one customer, from every table, in one order: what the card's picture and list show."""

from datetime import datetime

import pandas as pd

COLUMNS = ["at", "kind", "channel", "n", "amount", "detail", "more"]
KINDS = ("order", "refund", "visit", "basket", "sent", "opened", "clicked", "event", "comment", "contact", "response", "answers", "consent")
LANES = {
    "orders": ("order", "refund"),
    "visits": ("visit", "basket"),
    "mails": ("opened", "clicked"),
    "campaigns": ("contact", "response"),
    "words": ("comment", "answers", "consent"),
    "others": ("event",),
}
"""The rows of the picture."""
QUIET = ("visit", "basket", "sent", "opened", "clicked", "event")
"""What comes in numbers: it is drawn and counted, and listed only in full."""
SILENT = ("sent", "opened", "event", "contact")
"""What the customer did not do, or may not have done."""
MOST = 3
"""Categories named of an order."""


def happenings(tables: dict[str, pd.DataFrame | None], project) -> pd.DataFrame:
    """Everything dated that is known of one customer, the latest first.

    tables    the customer's rows of each checked table; None or missing where there is no such table
    Returns   at (instant), kind (one of KINDS), channel (of consents a list), n (lines of an order, times on a day), amount (money of an
              order, refunds below 0), detail (an order's main categories, largest first; the text of a comment; a campaign; a purpose),
              more (an order's id, a rating, an arm, yes or no). Visits and mails: one row a day, kind, channel and campaign
    """
    known = {name: table for name, table in tables.items() if table is not None and len(table)}
    makers = {"orders": _orders, "comments": _comments, "contacts": _contacts, "answers": _answers, "consents": _consents}
    rows = [row for name, make in makers.items() if name in known for row in make(known[name])]
    if "events" in known:
        rows += _events(known["events"], project)
    frame = pd.DataFrame([dict.fromkeys(COLUMNS) | row for row in rows], columns=COLUMNS)
    place = {kind: number for number, kind in enumerate(KINDS)}
    frame["at"] = pd.to_datetime(frame["at"])
    order = frame.assign(
        place_=frame["kind"].map(place), text_=frame["more"].astype("string").fillna("") + frame["detail"].astype("string")
    )
    order = order.sort_values(["at", "place_", "text_"], ascending=[False, True, True], ignore_index=True)
    return order[COLUMNS]


def counted(happened: pd.DataFrame) -> dict[str, int]:
    """Kind → times: an order counts once, a day with three visits three times."""
    times = happened["n"].where(happened["kind"].isin(QUIET), 1).astype("float64").fillna(1)
    return {kind: int(n) for kind, n in times.groupby(happened["kind"]).sum().items()}


def last_sign(happened: pd.DataFrame, records: pd.DataFrame, as_of: datetime) -> datetime | None:
    """When the customer last gave a sign, as step 3 counts signs (`collect.law.last_signs`): opening a mail is none; None: never.

    records   the sources' records, with created_at where it is mapped
    """
    signs = happened.loc[~happened["kind"].isin(SILENT), "at"]
    if "created_at" in records.columns:
        made = pd.to_datetime(records["created_at"]).dropna()
        signs = pd.concat([signs, made[made < as_of]])
    return signs.max().to_pydatetime() if len(signs) else None


def _value(row, column: str):
    """What a row holds in a column that a project may not have mapped; None where it is missing."""
    found = getattr(row, column, None)
    return None if found is None or pd.isna(found) else found


def _orders(lines: pd.DataFrame) -> list[dict]:
    """One row an order; one whose amounts add up to less than nothing is a refund."""
    rows = []
    for order_id, own in lines.groupby("order_id", sort=True):
        amount, first = sum(own["amount"]), own.sort_values("ordered_at", kind="stable").iloc[0]
        row = {"at": first["ordered_at"], "kind": "refund" if amount < 0 else "order", "channel": _value(first, "channel")}
        rows.append(row | {"n": len(own), "amount": float(amount), "detail": _main(own), "more": order_id})
    return rows


def _main(lines: pd.DataFrame) -> str | None:
    """The categories on which most was spent (or given back)."""
    if "category" not in lines.columns:
        return None
    known = lines[lines["category"].notna()]
    spent = known["amount"].astype("float64").abs().groupby(known["category"]).sum()
    largest = sorted(spent.items(), key=lambda pair: (-pair[1], pair[0]))[:MOST]
    return ", ".join(str(category) for category, _ in largest) or None


def _events(events: pd.DataFrame, project) -> list[dict]:
    """One row a day, kind, channel and campaign; kinds that project.yml names by what they are, others under their own name."""
    typed = {kind: role for role, kinds in project.variables.event_kinds.model_dump().items() for kind in kinds}
    frame = events.assign(day=events["occurred_at"].dt.floor("D"))
    by = [column for column in ("day", "kind", "channel", "campaign_id") if column in frame.columns]
    rows = []
    for key, own in frame.groupby(by, sort=True, dropna=False):
        told = dict(zip(by, key, strict=True))
        role = typed.get(told["kind"], "event")
        campaign = told.get("campaign_id")
        detail = told["kind"] if role == "event" else None if pd.isna(campaign) else campaign
        channel = None if pd.isna(told.get("channel")) else told.get("channel")
        rows.append({"at": own["occurred_at"].min(), "kind": role, "channel": channel, "n": len(own), "detail": detail})
    return rows


def _comments(said: pd.DataFrame) -> list[dict]:
    return [
        {"at": row.said_at, "kind": "comment", "channel": _value(row, "channel"), "detail": row.text, "more": _value(row, "rating")}
        for row in said.itertuples()
    ]


def _contacts(sent: pd.DataFrame) -> list[dict]:
    """Each campaign, and the answer to it where there was one."""
    rows = []
    for row in sent.itertuples():
        told = {"channel": _value(row, "channel"), "detail": row.campaign_id}
        rows.append({"at": row.sent_at, "kind": "contact", **told, "more": _value(row, "arm")})
        answered = _value(row, "responded_at")
        rows += [{"at": answered, "kind": "response", **told}] if answered is not None else []
    return rows


def _answers(answers: pd.DataFrame) -> list[dict]:
    """One row a day on which questions were answered."""
    days = answers.groupby(answers["answered_at"].dt.floor("D"))["answered_at"].agg(["min", "size"])
    return [{"at": day["min"], "kind": "answers", "n": int(day["size"])} for _, day in days.iterrows()]


def _consents(consents: pd.DataFrame) -> list[dict]:
    """One row a moment, purpose and answer, with the channels that it was given for."""
    rows = []
    for (at, purpose, granted), own in consents.groupby(["updated_at", "purpose", "granted"], sort=True):
        channels = sorted(set(own["channel"]))
        rows.append({"at": at, "kind": "consent", "channel": channels, "n": len(channels), "detail": purpose, "more": bool(granted)})
    return rows


def shown_from(happened: pd.DataFrame, as_of: datetime, *, days: int) -> datetime:
    """Where the picture begins: with the first that is known, at most `days` before as_of, and never less than a quarter of a year."""
    earliest, latest = as_of - pd.Timedelta(days=days), as_of - pd.Timedelta(days=91)
    first = happened["at"].min() if len(happened) else latest
    return pd.Timestamp(min(max(first, earliest), latest)).to_pydatetime()
