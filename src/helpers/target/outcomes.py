"""What earlier campaigns taught: each one's groups, whether the draw was fair, what contact did, and what to expect of the next."""

from collections.abc import Mapping
from datetime import datetime

import ibis.expr.types as ir
import pandas as pd

from helpers.build.document import apply
from helpers.build.inputs import customers
from helpers.masking import covered_table
from helpers.objectives.figures import RESPONSE_DAYS
from helpers.project import Project
from helpers.rates import quantile
from helpers.target import learnt, tallies
from helpers.target.tallies import CONTACT, CONTROL, HELD_OUT
from helpers.target.uplift import together

MEASURED = "measured"
SILENT = 10
"""Answers expected of a control group of which none came: it was not able to answer."""


def outcomes(step, checked: Mapping[str, ir.Table], profiles: dict) -> dict:
    """outcomes.json: every campaign of the table of contacts, and what can be learnt from it.

    Segments are those of the published document as customers stood before the sending: what a campaign changed must not decide who is
    compared with whom. A campaign that is older than the windows of step 4 is judged as a whole.
    checked    the tables of step 3 by name;  profiles: as step 6 hands them over
    Returns    reason (None, no contacts), response_days, set_aside (code → rows; None: a few), campaigns (see `_campaign`), oldest first
    """
    contacts, orders, project = checked.get("contacts"), checked["orders"], step.project
    found = {"reason": "no contacts", "response_days": RESPONSE_DAYS, "set_aside": {}, "campaigns": []}
    if contacts is None or not int(contacts.count().execute()):
        return found
    listed = lists_of(step)
    rows = tallies.followed(tallies.trials(contacts, listed=listed), orders).cache()
    known = tallies.campaigns(rows)
    judged = tallies.counted(rows, as_of=step.as_of)
    windows, answerable = known_before(step, orders), "responded_at" in contacts.columns
    planned = {project.target.campaign, *listed}
    lines = [
        _campaign(head, judged, windows, project, profiles, planned=head["campaign_id"] in planned, answerable=answerable)
        for head in known.to_dict("records")
    ]
    aside = tallies.set_aside(contacts, rows, as_of=step.as_of)
    aside = {code: _told(n, project.min_cell) for code, n in aside.items()}
    return found | {"reason": None, "set_aside": aside, "campaigns": lines}


def lists_of(step) -> dict[str, ir.Table]:
    """Campaign → the list that the newest earlier run drew for it; {} where runs and their lists do not pair."""
    plans, lists = step.earlier("plan"), step.earlier("contacts")
    return {plan["campaign"]: drawn for plan, drawn in zip(plans, lists, strict=True)} if len(plans) == len(lists) else {}


def known_before(step, orders: ir.Table) -> list[tuple[datetime, ir.Table, ir.Table]]:
    """When customers were measured, what was measured and which segment the published document gives them then; newest first."""
    document, windows, found = step.take("build", "segmentation"), step.windows(orders), []
    for name in ("confirm", "select"):
        if step.gives("variables", f"variables_{name}"):
            found.append((windows[name].built_at, step.take("variables", f"variables_{name}"), apply(document, customers(step, name))))
    return found


def _campaign(head: dict, judged: ir.Table, windows: list, project: Project, profiles: dict, *, planned: bool, answerable: bool) -> dict:
    """One campaign: id, channel, first_sent, last_sent, planned (by a run of ours), customers, unrecorded, status, outcome (answer, order),
    arms, built_at (the day the segments are as of), balance, tests, versions."""
    sent, least = head["first_sent"].to_pydatetime(), project.min_cell
    line = {"id": head["campaign_id"], "channel": head["channel"], "planned": planned, "first_sent": sent}
    line |= {"last_sent": head["last_sent"].to_pydatetime()} | {key: _told(head[key], least) for key in ("customers", "unrecorded")}
    line |= {"tests": []} | dict.fromkeys(("versions", "balance", "built_at", "outcome"))
    rows = judged.filter(judged.campaign_id == head["campaign_id"])
    built_at, measured, labels = next((w for w in windows if w[0] <= sent), (None, None, None))
    frame = tallies.tally(rows, labels) if head["armed"] else pd.DataFrame(columns=["arm", "role", "segment", *tallies.FACTS])
    line |= {"outcome": _outcome(frame, head, answerable), "arms": _arms(frame, least)}
    line["status"] = _status(frame, head, least)
    if line["status"] != MEASURED:
        return line
    if line["outcome"] == "order":
        frame = frame.assign(answered=frame["ordered"], both=frame["ordered"])
    frame = frame.assign(y=frame["answered"])
    if not learnt.parts(frame):  # no segment holds people of both groups
        frame = frame.assign(segment=None)
    names = [] if measured is None else [n for n in measured.columns if n != "customer_id" and measured[n].type().is_numeric()]
    before = tallies.before_sending(rows, measured, names) if names else pd.DataFrame(columns=["variable", "role", "n", "mean", "var"])
    own = project.target.control_share if planned and head["campaign_id"] == project.target.campaign else None
    shown = told(frame, [s["id"] for s in profiles["segments"]], least)
    asked = {"shown": shown, "plausible": project.scope.criteria.interesting_uplift, "prices": _prices(head, project)}
    return line | {
        "built_at": built_at,
        "silent_control": line["outcome"] == "answer" and _silent(frame),
        "balance": learnt.balance(before, frame, least=least, control_share=own),
        "tests": learnt.tests(frame, **asked),
        "versions": learnt.between_versions(frame),
    }


def _told(n: int, least: int) -> int | None:
    """A number of customers that may be told."""
    return int(n) if not n or n >= least else None


def _status(frame: pd.DataFrame, head: dict, least: int) -> str:
    """measured, or why nothing can be learnt: no arms, too early, no control, nobody contacted, too few."""
    if not head["armed"]:
        return "no arms"
    if frame.empty:
        return "too early"
    sizes = frame.groupby("role")["n"].sum()
    if CONTROL not in sizes:
        return "no control"
    if CONTACT not in sizes:
        return "nobody contacted"
    every = [sizes[CONTROL], *frame[frame["role"] == CONTACT].groupby("arm")["n"].sum()]
    return MEASURED if min(every) >= least else "too few"


def _outcome(frame: pd.DataFrame, head: dict, answerable: bool) -> str:
    """What is counted in both groups: the answer, unless contacts tell none, or know nothing of the control group."""
    return "answer" if answerable and not head["unrecorded"] else "order"


def _silent(frame: pd.DataFrame) -> bool:
    """Whether no one in the control group answered where many should have: it cannot answer, and the rise is no rise."""
    sums = frame.groupby("role")[["n", "y"]].sum()
    return bool(sums["y"][CONTROL] == 0 and sums["n"][CONTROL] * sums["y"][CONTACT] / sums["n"][CONTACT] >= SILENT)


def _arms(frame: pd.DataFrame, least: int) -> list[dict]:
    """arm, role, n and y of each group; null below `least`, and of the next smallest with it."""
    sums = frame.groupby(["role", "arm"], as_index=False)[["n", "answered", "ordered"]].sum()
    shut = covered_table(sums[["n"]].to_numpy(dtype="int64").T, least=least)[0] if len(sums) else []
    found = []
    for row, hidden in zip(sums.to_dict("records"), shut, strict=True):
        facts = {key: None if hidden else int(row[key]) for key in ("n", "answered", "ordered")}
        found.append({"arm": row["arm"], "role": row["role"]} | facts)
    order = [CONTACT, CONTROL, HELD_OUT]
    return sorted(found, key=lambda one: (order.index(one["role"]), one["arm"]))


def told(frame: pd.DataFrame, segments: list[str], least: int) -> list[str]:
    """The segments whose groups may all be shown beside the totals, in the order given."""
    kept = frame[frame["role"].isin([CONTACT, CONTROL])]
    table = kept.assign(segment=kept["segment"].fillna(learnt.OUTSIDE)).pivot_table(
        index="arm", columns="segment", values="n", aggfunc="sum", fill_value=0
    )
    shut = covered_table(table.to_numpy(dtype="int64"), least=least).any(axis=0)
    free = {segment for segment, hidden in zip(table.columns, shut, strict=True) if not hidden}
    return [segment for segment in segments if segment in free]


def _prices(head: dict, project: Project) -> dict:
    """What `learnt.money` takes; offers are those typed for the campaign that is planned now, of others nobody knows."""
    target = project.target
    typed = {key.strip().lower(): channel.cost for key, channel in target.channels.items()}
    offers = {s: offer.cost for s, offer in target.offers.items()} if head["campaign_id"] == target.campaign else None
    return {"margin_rate": target.margin_rate, "contact": typed.get((head["channel"] or "").strip().lower()), "offers": offers}


def uplifts(found: dict, channel: str | None = None) -> dict[str, dict]:
    """Segment → the rise to expect of a next campaign, from all that were measured.

    Within a campaign each segment's uplift is drawn towards the mean of all as far as they do not differ, for the best of several is best
    by luck too; how far they differ is not known, and that doubt is in the figure (`uplift.together`). Campaigns are put together in the
    same way. A campaign whose control group could not answer is left out: its rise is no rise.
    channel   only campaigns of this channel; None: all
    Returns   uplift, se, next_sd (a next campaign differs from the mean of past ones; of one campaign alone nobody has seen by how much),
              low, high, base, n, contacted, control, campaigns, own (whether the segment's own figure weighs at least half)
    """
    wanted = None if channel is None else channel.strip().lower()
    seen: dict[str, list[dict]] = {}
    for campaign in found["campaigns"]:
        usable = campaign["status"] == MEASURED and not campaign.get("silent_control")
        if usable and wanted in (None, (campaign["channel"] or "").strip().lower()):
            for line in _drawn(campaign["tests"][0]["segments"]):
                seen.setdefault(line["id"], []).append(line | {"campaign": campaign["id"]})
    return {segment: _expected(lines) for segment, lines in sorted(seen.items())}


def _drawn(lines: list[dict]) -> list[dict]:
    """The segments of a test, each drawn towards the mean of all; one alone stays as it is."""
    if len(lines) < 2:
        return [line | {"kept": 1.0} for line in lines]
    units = together([line["uplift"] for line in lines], [line["se"] ** 2 for line in lines])["units"]
    return [line | {"kept": u["kept"], "uplift": u["mean"], "se": u["sd"]} for line, u in zip(lines, units, strict=True)]


def _expected(lines: list[dict]) -> dict:
    """One segment's uplifts of several campaigns as one."""
    n1, n0 = (sum(line[key] for line in lines) for key in ("n1", "n0"))
    whole = {"mean": lines[0]["uplift"], "sd": lines[0]["se"], "next_sd": lines[0]["se"]}
    if len(lines) > 1:
        whole = together([line["uplift"] for line in lines], [line["se"] ** 2 for line in lines])
    mean, se = whole["mean"], whole["sd"]
    return {
        "uplift": mean, "se": se, "next_sd": whole["next_sd"], "low": mean - quantile() * se, "high": mean + quantile() * se,
        "base": sum(line["y0"] for line in lines) / n0, "n": n1 + n0, "contacted": n1, "control": n0,
        "campaigns": [line["campaign"] for line in lines],
        "own": sum(line["kept"] * (line["n1"] + line["n0"]) for line in lines) >= (n1 + n0) / 2,
    }  # fmt: skip


__all__ = ["known_before", "lists_of", "outcomes", "told", "uplifts"]
