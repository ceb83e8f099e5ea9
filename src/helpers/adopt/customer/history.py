"""What happened with one customer, as a list: first what counts, then everything, folded."""

from html import escape

import pandas as pd

from helpers import words
from helpers.adopt.customer.happenings import QUIET
from helpers.adopt.customer.strip import LEFT_OUT
from helpers.tables import Column, Table, as_html
from helpers.words import absent, mark, say, say_n

FIRST, ALL = 10, 400
"""Lines shown at once, and in the folded list."""
TEXT = 400
"""Characters of a comment; the sources hold the rest."""
TIMES = {
    "visit": (mark("One visit"), mark("{n} visits")),
    "basket": (mark("One basket filled"), mark("{n} baskets filled")),
    "sent": (mark("One mail sent"), mark("{n} mails sent")),
    "opened": (mark("One mail opened"), mark("{n} mails opened")),
    "clicked": (mark("One click in a mail"), mark("{n} clicks in mails")),
    "event": (mark("Once: {detail}"), mark("{n} times: {detail}")),
    "answers": (mark("One survey question answered"), mark("{n} survey questions answered")),
}


def list_html(known: dict, project) -> str:
    """The latest happenings, all of them folded below."""
    happened = known["happened"]
    if not len(happened):
        return paragraph(say("Nothing dated is known of this customer."))
    loud = happened[~happened["kind"].isin(QUIET)]
    note = say("Visits and mails are drawn above, and listed with all else below.") if len(loud) < len(happened) else ""
    html = as_html(_table("happened", say("The latest orders, refunds, campaigns, comments and consents"), loud.head(FIRST), project, note))
    if len(happened) > min(len(loud), FIRST):
        more = say_n("Show the one day recorded", "Show all {n} entries", len(happened))
        cut = say("The latest {n} of {all}.", n=words.number(ALL), all=words.number(len(happened))) if len(happened) > ALL else ""
        html += folded(more, as_html(_table("everything", say("Everything, the latest first"), happened.head(ALL), project, cut)))
    if (happened["kind"] == "answers").any():
        html += paragraph(
            say("What the customer answered in a survey is not shown: it was given to learn about all, not about one."), "small"
        )
    return html


def heading(text: str) -> str:
    """A heading of the card."""
    return f"<h2>{escape(text)}</h2>\n"


def paragraph(text: str, kind: str = "") -> str:
    """A paragraph of plain text."""
    return f'<p class="{kind}">{escape(text)}</p>\n' if kind else f"<p>{escape(text)}</p>\n"


def folded(title: str, html: str) -> str:
    """What stays shut until the reader opens it; paper leaves it out."""
    return f'<details class="more">\n<summary>{escape(title)}</summary>\n{html}</details>\n'


def _table(name: str, caption: str, rows: pd.DataFrame, project, note: str) -> Table:
    told = [{"on": words.date_as(row.at, "dMMMy"), "what": said(row, project)} for row in rows.itertuples()]
    columns = [Column("on", say("On")), Column("what", say("What"))]
    return Table(name, caption, pd.DataFrame(told, columns=["on", "what"]), columns, note=note)


def said(row, project) -> str:
    """One happening in words."""
    if row.kind == "consent":
        yes, channels = say("yes") if row.more else say("no"), words.join(_channel(each, project) for each in row.channel)
        return say("Consent to {purpose} by {channels}: {answer}", purpose=row.detail, channels=channels, answer=yes)
    channel = _channel(row.channel, project)
    if row.kind in ("order", "refund"):
        amount = words.money(row.amount, 2)
        if row.kind == "order":
            what = say_n("Order of one line, {amount}", "Order of {n} lines, {amount}", int(row.n), amount=amount)
        else:
            what = say("Refund, {amount}", amount=amount)
        return _listed(what, row.detail, channel, say("no. {id}", id=row.more))
    if row.kind in TIMES:
        one, many = TIMES[row.kind]
        detail = "" if absent(row.detail) else row.detail
        shown = say(one if int(row.n) == 1 else many, n=words.number(row.n), detail=detail)
        return _listed(shown, channel if row.kind in ("visit", "basket", "event") else None, None if row.kind == "event" else row.detail)
    if row.kind == "comment":
        text = row.detail if len(row.detail) <= TEXT else row.detail[:TEXT] + "…"
        rating = None if absent(row.more) else say("rating {n}", n=words.number(row.more))
        return _listed(say("“{text}”", text=text), rating, channel)
    if row.kind == "contact":
        if row.more in LEFT_OUT:
            return say("Campaign {name}: left out on purpose", name=row.detail)
        return _listed(say("Campaign {name}", name=row.detail), channel)
    return say("Answered campaign {name}", name=row.detail)


def _listed(*parts) -> str:
    return " · ".join(str(part) for part in parts if not absent(part) and part != "")


def _channel(channel, project) -> str | None:
    if absent(channel):
        return None
    known = project.target.channels.get(channel)
    return (words.text(known.name) or channel) if known else str(channel)
