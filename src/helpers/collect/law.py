"""Step 3: how long customers may be kept, who may be contacted and profiled, and what is collected without being used.

A run says what to do; it never erases anything.
"""

import calendar
from datetime import datetime, timedelta

import ibis
import ibis.expr.types as ir
import pandas as pd

from helpers import expressions
from helpers.collect.unify import OWN, attributes, one_form, rules_of
from helpers.project import CONTRACT, Project
from helpers.project.contract import LOCATING, PERSONAL
from helpers.words import text

MARKETING = "marketing"
"""The purpose of a consent to be contacted."""
PROFILING = "profil"
"""What the purpose of a consent to profiling begins with: profiling, profilage."""
READ_BY_STEPS = {
    "orders": ("quantity", "category", "store_id", "product_id", "channel"),
    "events": ("campaign_id", "detail", "device"),
    "comments": ("rating",),
    "contacts": ("responded_at", "channel", "kind", "arm"),
    "customers": ("created_at", "updated_at", "birth_date"),
}
"""Columns that steps read besides what a table cannot do without and what variables need."""


def years_before(moment: datetime, years: float) -> datetime:
    """The same day and hour so many years earlier (29 February: the 28th); a part of a year as that part of 365.25 days."""
    whole, rest = int(years), years - int(years)
    year = moment.year - whole
    day = min(moment.day, calendar.monthrange(year, moment.month)[1])
    return moment.replace(year=year, day=day) - timedelta(days=round(rest * 365.25))


def last_signs(customers: ir.Table, checked: dict[str, ir.Table], project: Project, records: ir.Table | None = None) -> ir.Table:
    """When each customer last gave a sign: an order, an answer to a mailing, a visit, a basket, a click, a comment, a survey answer, a
    word on a consent, or a record made (somebody who signs up anew is there).

    customers   the unified customers; checked: the checked tables
    records     customer_id (the person's) and created_at of each record, result of `unify.records`: customers keep the oldest alone
    Returns     customer_id, last_sign_at (missing where nothing is known). Opening a mail is no sign: software opens mails by itself.
    """
    kinds = project.variables.event_kinds
    acts = [*kinds.visit, *kinds.basket, *kinds.clicked]
    signs = [customers.select("customer_id", at=customers.last_ordered_at.cast("timestamp"))]
    for name, column in (("contacts", "responded_at"), ("answers", "answered_at"), ("comments", "said_at"), ("consents", "updated_at")):
        if name in checked and column in checked[name].columns:
            signs.append(checked[name].select("customer_id", at=checked[name][column].cast("timestamp")))
    if "events" in checked:
        events = checked["events"]
        signs.append(events.filter(events.kind.isin(acts)).select("customer_id", at=events.occurred_at.cast("timestamp")))
    for made in (customers, records):
        if made is not None and "created_at" in made.columns:
            signs.append(made.select("customer_id", at=made.created_at.cast("timestamp")))
    together = ibis.union(*signs) if len(signs) > 1 else signs[0]
    last = together.filter(together["at"].notnull()).group_by("customer_id").agg(at=together["at"].max())
    joined = customers.left_join(last, "customer_id")
    return joined.select("customer_id", last_sign_at=joined["at"])


def freshness(signs: ir.Table, *, as_of: datetime, years: float) -> dict:
    """How many customers are past the time for which they may be kept.

    signs     result of `last_signs`
    Returns   customers, past (last sign more than `years` before as_of: on the very day itself the time is not over), unknown, until
              (the moment before which a last sign is too long ago)
    """
    until = years_before(as_of, years)
    past = signs.last_sign_at < ibis.literal(until)
    counted = signs.aggregate(customers=signs.count(), past=past.sum(), unknown=signs.last_sign_at.isnull().sum()).execute().iloc[0]
    return {k: int(0 if pd.isna(v) else v) for k, v in counted.items()} | {"until": until, "years": years}


def past_by_source(
    signs: ir.Table, records: ir.Table | None, checked: dict[str, ir.Table], project: Project, until: datetime
) -> pd.DataFrame:
    """Where the customers past their time stand: each source of customers, and each other table.

    records   customer_id (the person's) and source, or None: then the table customers has one source
    Returns   source (None: the whole table), table, customers (known there), past, rows (of those past); without what has none past
    """
    gone = signs.filter(signs.last_sign_at < ibis.literal(until)).select("customer_id")
    rows = []
    if records is not None and "customers" in checked:
        both = records.select("customer_id", "source").distinct()
        for source in project.sources_of("customers"):
            there = both.filter(both.source == source)
            n, past = (int(each.count().execute()) for each in (there, there.semi_join(gone, "customer_id")))
            kept = int(records.filter(records.source == source).semi_join(gone, "customer_id").count().execute())
            rows.append({"source": source, "table": "customers", "customers": n, "past": past, "rows": kept})
    for name, table in checked.items():
        if "customer_id" not in table.columns or (name == "customers" and records is not None):
            continue
        left = table.semi_join(gone, "customer_id")
        asked = {"past": left.customer_id.nunique(), "rows": left.count()}
        found = left.aggregate(**asked).execute().iloc[0]
        known = int(table.customer_id.nunique().execute())
        rows.append({"source": None, "table": name, "customers": known, "past": int(found["past"]), "rows": int(found["rows"])})
    frame = pd.DataFrame(rows, columns=["source", "table", "customers", "past", "rows"])
    frame = frame.astype({"source": object}).where(frame.notna(), None)
    return frame[frame["past"] > 0].reset_index(drop=True)


def consents_now(consents: ir.Table) -> ir.Table:
    """The last word of each customer on each channel and purpose; of two last words at one moment the no counts.

    Steps 3, 4 and 8 all ask here, so that nobody is counted as silent in one and contacted by another.

    consents   customer_id, channel, purpose, granted, updated_at; channel and purpose in any spelling (as `unify.one_form`)
    Returns    customer_id, channel, purpose (both in one form), granted, withdrawn (a no after a yes); a word of nobody, or of no
               known moment, is none: step 3 sets such rows aside
    """
    key = ["customer_id", "channel", "purpose"]
    consents = consents.mutate(channel=one_form(consents.channel), purpose=one_form(consents.purpose))
    consents = consents.drop_null([*key, "granted", "updated_at"], how="any")
    last = consents.group_by(key).agg(updated_at=consents.updated_at.max(), ever=consents.granted.cast("int64").max())
    words = consents.semi_join(last, [*key, "updated_at"]).group_by(key).agg(granted=ibis._.granted.cast("int64").min())
    joined = words.join(last, key)
    return joined.select(*key, granted=joined.granted == 1, withdrawn=(joined.granted == 0) & (joined.ever == 1))


def consent_shares(consents: ir.Table | None, customers: ir.Table) -> pd.DataFrame:
    """How many customers said yes, no or nothing, a row a channel and purpose.

    Returns  purpose, channel, yes, no, withdrawn (of the no), silent, share (yes of all customers); marketing first; empty without consents
    """
    columns = ["purpose", "channel", "yes", "no", "withdrawn", "silent", "share"]
    if consents is None:
        return pd.DataFrame(columns=columns)
    now, all_ = consents_now(consents.semi_join(customers, "customer_id")), int(customers.count().execute())
    counted = now.group_by(["purpose", "channel"]).agg(yes=now.granted.sum(), n=now.count(), withdrawn=now.withdrawn.sum()).execute()
    counted = counted.fillna(0).astype({"yes": int, "n": int, "withdrawn": int})
    counted = counted.assign(no=counted["n"] - counted["yes"], silent=all_ - counted["n"], share=counted["yes"] / max(all_, 1))
    order = counted["purpose"].str.startswith(PROFILING).astype(int)
    return counted.assign(order=order).sort_values(["order", "purpose", "channel"], ignore_index=True)[columns]


def reach(consents: ir.Table | None, customers: ir.Table) -> dict | None:
    """Customers who may be contacted by at least one channel, and who agreed to be profiled; None without consents.

    Returns  customers, contact (a yes to marketing by any channel), profiling (a yes to profiling, None when nobody was asked), both
    """
    if consents is None:
        return None
    now = consents_now(consents.semi_join(customers, "customer_id"))
    asked = now.purpose.startswith(PROFILING)
    said = now.mutate(m=now.granted & (now.purpose == MARKETING), p=now.granted & asked, asked=asked)
    each = said.group_by("customer_id").agg(m=said.m.max(), p=said.p.max(), asked=said.asked.max())
    sums = {"contact": each.m.sum(), "profiling": each.p.sum(), "both": (each.m & each.p).sum(), "asked": each.asked.sum()}
    found = {k: int(0 if pd.isna(v) else v) for k, v in each.aggregate(**sums).execute().iloc[0].items()}
    asked = found.pop("asked")
    if not asked:
        found |= {"profiling": None, "both": None}
    return {"customers": int(customers.count().execute())} | found


def not_refused(people: ir.Table, consents: ir.Table | None) -> ir.Table:
    """Those who may be profiled one by one: nobody who was asked about it and said yes on no channel.

    people   customer_id and more;  consents: checked table of consents, if there is one
    """
    if consents is None:
        return people
    now = consents_now(consents)
    asked = now.filter(now.purpose.startswith(PROFILING))
    said = asked.group_by("customer_id").agg(yes=asked.granted.any())
    return people.anti_join(said.filter(~said.yes), "customer_id")


def unused(project: Project, customers: ir.Table, questions: list[str]) -> dict[str, list[str]]:
    """What is collected and used by no step, variable or rule: table → columns, and survey questions under `answers.question`.

    customers   the unified customers: attributes that describe segments are used, those with too many values to group by are not
    questions   the survey questions asked
    """
    used = _used(project)
    used["customers"] |= _told(customers, project)
    found: dict[str, list[str]] = {}
    for table in CONTRACT:
        # A constant is typed, not collected; totals of a period make columns that no file has.
        sources = project.sources_of(table).values()
        mapped = dict.fromkeys(c for s in sources for c in (*s.columns, *(c for lookup in s.lookups for c in lookup.columns)))
        lacking = [c for c in mapped if c not in used[table]]
        found |= {table: lacking} if lacking else {}
    collect = project.collect
    items = {i for scale in project.variables.scales.values() for i in scale.items}
    items |= {c.item for c in collect.survey.claims} | {h.item for h in collect.hypotheses}
    idle = [q for q in questions if q not in items]
    return found | ({"answers.question": idle} if idle else {})


def _told(customers: ir.Table, project: Project) -> set[str]:
    """The attributes that step 4 can tell in few levels, and so describe segments with."""
    from helpers.variables.descriptors import told  # late: that room reads what this one hands over

    names = [c for c in attributes(customers) if c not in LOCATING]
    kept = told(customers.filter(customers.described), names, project.min_cell) if names else {}
    return {name.partition(": ")[0] for name in kept}


def _used(project: Project) -> dict[str, set[str]]:
    """The columns of each table that something reads."""
    from helpers.variables.catalogue import catalogue  # late: that room reads what this one hands over

    used = {table: {*c["required"], *c["key"], *([c["dated"]] if c["dated"] else [])} for table, c in CONTRACT.items()}
    for table, columns in READ_BY_STEPS.items():
        used[table] |= set(columns)
    used["customers"] |= set(OWN)
    for variable in catalogue(project):
        for need in variable.needs:
            table, _, column = need.partition(".")
            used.setdefault(table, set()).add(column)
    matching = project.collect.matching
    personal = [c for c in (*PERSONAL, *LOCATING) if project.has(f"customers.{c}")]
    used["customers"] |= set(matching.compare or personal)
    used["customers"] |= {c for listed in matching.exact for c in listed} | {c for f in matching.fuzzy for c in (*f.equal, *f.alike)}
    used["customers"] |= {"street"} if matching.households else set()
    used["customers"] |= {*project.collect.survey.margins, *project.variables.proxies_of}
    for heard in project.collect.hypotheses:
        used["customers"] |= expressions.names(heard.among, field="collect.hypotheses.among") if heard.among else set()
    for rule in rules_of(project).values():
        used["customers"] |= expressions.names(rule.where, field="collect.set_aside") if rule.where else set()
    used["orders"] |= {"amount"}
    return used


def without_basis(project: Project) -> list[str]:
    """The sources for which nobody has typed why they may be used, by name."""
    return [name for name, source in project.collect.sources.items() if not text(source.legal_basis).strip()]
