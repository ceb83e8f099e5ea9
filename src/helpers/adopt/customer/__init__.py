"""One customer on one page, for whoever has that customer before them: who it is, what happened, the segment and why, what is allowed.

Private: the page names a person. It is drawn on demand from the newest complete run into data/<project>/cards/, which only its owner can
read, and never stands below reports/.
"""

import contextlib
import hashlib
import json
import os
import re
import tempfile
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import ibis
import ibis.expr.types as ir
import pandas as pd

from helpers import NinefoldError, home, run, words
from helpers import project as projects
from helpers.adopt.customer import happenings, stopped
from helpers.adopt.customer import page as customer_page
from helpers.build import ahead, inputs, why
from helpers.build.document import labels
from helpers.build.inputs import KEY
from helpers.build.portraits import segment_name
from helpers.collect.law import consents_now
from helpers.collect.unify import OWN, one_form
from helpers.engine import totals_by_order
from helpers.project import Project
from helpers.project.contract import CONTRACT, LOCATING, PERSONAL
from helpers.project.special import category
from helpers.scope.people import customers_seen, passes
from helpers.target.arms import EVERY, held_back

NEEDED = ("collect", "variables", "build")
"""Steps without which there is nothing to tell."""
RECORD = (*PERSONAL, *LOCATING, "created_at", "updated_at")
"""What is read of a customer's records besides their ids."""
LANGUAGES = ("en", "fr")


def card(project: str, customer: str, *, language: str = "", as_of: str = "") -> Path:
    """Draw the card of a customer from the newest complete run. Returns the private page.

    customer   any id of any source: as the first numbering writes it, else with its numbering in front, such as shop:S12
    as_of      the run of that day; empty: the newest
    Raises     NinefoldError for a project without a complete run, an unknown id, or a language that there is not
    """
    plan = projects.load(project)
    if language and language not in LANGUAGES:
        raise NinefoldError(f"language: {language!r} is not one of {', '.join(LANGUAGES)}.")
    base = newest(plan, as_of)
    words.use(language or plan.language, currency=plan.currency)
    with opened(plan, base) as step:
        known = collected(step, base, customer)
        page = customer_page.page(known, step, base)
    return _kept(plan, known["customer_id"], page)


def newest(plan: Project, as_of: str = "") -> Path:
    """The folder of the newest complete run: of the latest as_of, or of the one given."""
    runs = _complete(plan)
    if as_of:
        runs = [base for base in runs if base.parent.name == run.stamp(projects.instant(as_of, plan))]
    if not runs:
        day = f" as of {as_of}" if as_of else ""
        raise NinefoldError(
            f"There is no complete run of {plan.name}{day} to draw a card from. Run `make report PROJECT={plan.name}"
            f"{f' AS_OF={as_of}' if as_of else ''}` first."
        )
    return runs[-1]


def _complete(plan: Project) -> list[Path]:
    """Complete runs by as_of, then by number."""
    return [each.path for each in run.all_runs(plan)]


@contextlib.contextmanager
def opened(plan: Project, base: Path) -> Iterator[run.Step]:
    """A step that reads all of a finished run and writes nowhere in it."""
    lacking = [each for each in NEEDED if not (base / run.folder(each)).is_dir()]
    if lacking:
        raise NinefoldError(f"Run {base.name} of {base.parent.name} lacks the steps {', '.join(lacking)}. Run `make report` anew.")
    moment = projects.instant(base.parent.name, plan)
    with tempfile.TemporaryDirectory(prefix=".card-", dir=plan.folder) as place:  # beside the runs: links cannot lead to another disk
        for each in run.STEPS:
            if (base / run.folder(each)).is_dir() and each != run.STEPS[-1]:
                run.link(Path(place) / run.folder(each), base / run.folder(each))
        yield run.Step(run.STEPS[-1], plan, moment, Path(place), draft=True)


def collected(step, base: Path, customer: str) -> dict:
    """Everything that the run holds of a customer, as plain values and small frames.

    Returns  customer_id, raw_ids, aside (code of the rule that set the customer aside, or None), person (the row of step 3),
             attributes (its columns that describe), descriptors (of step 4, None out of scope), records (of the sources as they are now;
             a frame), unread (why they could not be read, or ""), household (customers in it), happened (frame of `happenings`),
             ahead (may: `build.ahead.Ahead`, own: its `of_customer`, everyone: its `of_everyone`),
             consents (frame, None without the table), scope (whether in the segmentation), out (the
             filters of step 2 that shut the customer out), and segment, measures, movement, plan as the functions of
             these names give them
    """
    one, raw_ids, aside = resolved(step, customer)
    tables = {name: _of(step, name, one, aside is not None) for name in CONTRACT if name != "market"}
    people = tables["customers"]
    person = {} if people is None or not len(people) else people.iloc[0].to_dict()
    records, unread = _records(step, raw_ids)
    found = {"customer_id": one, "raw_ids": raw_ids, "aside": aside, "person": person, "records": records, "unread": unread}
    own = {*OWN, *LOCATING, *PERSONAL, "reason"}
    found |= {"attributes": [name for name in person if name not in own and category(name) is None], "household": _household(step, one)}
    found |= {"happened": happenings.happenings(tables, step.project)}
    found |= {"ahead": _ahead(step, one)}
    found |= {"consents": _consents(step, one, aside is not None), "scope": False, "out": [], "descriptors": None, "segment": None}
    member = _row(step.take("build", "membership"), one)
    found["scope"] = member is not None
    found |= {"last_sign": happenings.last_sign(found["happened"], records, step.as_of), "movement": _movement(step, base, raw_ids, one)}
    if member is None:
        return found | {"out": _shut_out(step, one, aside), "measures": None, "plan": _planned(step, one, None)}
    described = _row(step.take("variables", "descriptors"), one) if step.gives("variables", "descriptors") else None
    found |= {"descriptors": described, "segment": _segment(step, member, one), "measures": _measures(step, one, member["segment"])}
    return found | {"plan": _planned(step, one, member["segment"])}


# Whose card it is


def resolved(step, customer: str) -> tuple[str, list[str], str | None]:
    """The customer whom an id of any source means: customer_id, all ids of that customer, and the rule that set the customer aside.

    Raises   NinefoldError when nobody has this id; it names no other customer
    """
    typed, one = str(customer).strip(), None
    identity = step.take("collect", "identity") if step.gives("collect", "identity") else None
    if identity is not None:
        rows = identity.filter((identity.raw_id == typed) | (identity[KEY] == typed)).execute()
        exact = rows[rows["raw_id"] == typed]
        one = next(iter([*exact[KEY], *rows[KEY]]), None)
    one = one or typed
    aside = _aside(step, one)
    if not typed or (aside is None and _row(step.take("collect", "customers"), one) is None):
        raise NinefoldError(_nobody(step, typed))
    ids = [] if identity is None else sorted(identity.filter(identity[KEY] == one).select("raw_id").execute()["raw_id"])
    return one, ids or [one], aside


def _nobody(step, typed: str) -> str:
    sources = step.project.collect.sources.values()
    bare, *others = dict.fromkeys(source.ids for source in sources if source.table != "market")
    how = f"ids of the numbering {bare} as the source writes them" if bare else "the id as the source writes it"
    how += "".join(f", those of {name} as {name}:…" for name in others)
    return (
        f"customer: nobody in the run as of {run.stamp(step.as_of)} of {step.project.name} has the id {typed!r}. Write {how}; zeros "
        "in front count. Whoever came later is known after the next run."
    )


def _aside(step, one: str) -> str | None:
    """The rule of step 3 that set a customer aside with everything known of them; None for customers who are there."""
    if _row(step.take("collect", "customers"), one) is not None:
        return None
    for name in ("customers", "orders"):
        if step.gives("collect", f"{name}_set_aside"):
            rows = step.take("collect", f"{name}_set_aside")
            codes = rows.filter(rows[KEY] == one).select("reason").distinct().execute()["reason"]
            if len(codes):
                return sorted(codes)[0]
    return None


def _shut_out(step, one: str, aside: str | None) -> list:
    """The filters of step 2 that the customer does not pass today; [] for those who never bought or were set aside."""
    lines = step.take("collect", "orders")
    own = lines.filter(lines[KEY] == one)
    if aside or not int(own.count().execute()):
        return []
    seen = customers_seen(totals_by_order(own), as_of=step.as_of, window_days=step.project.scope.window_days)
    return [rule for rule in step.project.scope.filters if not int(seen.filter(passes(seen, rule)).count().execute())]


# What is known of the person


def _row(table: ir.Table, one: str) -> dict | None:
    rows = table.filter(table[KEY] == one).limit(1).execute()
    return rows.iloc[0].to_dict() if len(rows) else None


def _of(step, name: str, one: str, aside: bool) -> pd.DataFrame | None:
    """The customer's rows of a checked table in a fixed order; of somebody set aside those that were set aside. None without the table."""
    given = f"{name}_set_aside" if aside else name
    if not step.gives("collect", given):
        return None
    table = step.take("collect", given)
    rows = table.filter(table[KEY] == one).execute()
    return rows.sort_values(list(rows.columns), ignore_index=True, key=lambda column: column.astype("string"))


def _records(step, raw_ids: list[str]) -> tuple[pd.DataFrame, str]:
    """The customer's records as the sources have them now: name, contact data and days of each; empty, with the reason, where unread.

    Runs hold no names and addresses: these stay where they are kept, and are gone from the card when they are gone from there.
    """
    try:
        table = step.engine.records()
        if table is None:
            return pd.DataFrame(columns=[KEY, "source"]), ""
        kept = [c for c in (KEY, "source", "place", *RECORD) if c in table.columns]
        rows = table.filter(table[KEY].isin(raw_ids)).select(*kept).execute()
    except NinefoldError as error:
        return pd.DataFrame(columns=[KEY, "source"]), str(error)
    return rows.sort_values(["place", KEY], ignore_index=True).drop(columns="place"), ""


def _household(step, one: str) -> int | None:
    """How many customers live in the household; None where households were not formed."""
    if not step.gives("collect", "households"):
        return None
    table = step.take("collect", "households")
    own = _row(table, one)
    return None if own is None else int(table.filter(table.household_id == own["household_id"]).count().execute())


def _consents(step, one: str, aside: bool) -> pd.DataFrame | None:
    """The last word on each purpose and channel: purpose, channel, granted, withdrawn, since; None without a table of consents."""
    if not step.gives("collect", "consents"):
        return None
    table = step.take("collect", "consents_set_aside" if aside and step.gives("collect", "consents_set_aside") else "consents")
    own = table.filter(table[KEY] == one)
    now = consents_now(own).execute()
    said = own.mutate(channel=one_form(own.channel), purpose=one_form(own.purpose))
    since = said.group_by([KEY, "channel", "purpose"]).agg(since=said.updated_at.max()).execute()
    columns = ["purpose", "channel", "granted", "withdrawn", "since"]
    return now.merge(since, on=[KEY, "channel", "purpose"], how="left")[columns].sort_values(["purpose", "channel"], ignore_index=True)


def _ahead(step, one: str) -> dict:
    """What step 4 predicted of the customer, beside everyone's mean."""
    may = ahead.ahead(step)
    everyone = ahead.of_everyone(may, step.take("build", "membership"), least=step.project.min_cell)
    return {"may": may, "own": ahead.of_customer(may, one), "everyone": everyone}


# Segment and measures


def _segment(step, member: dict, one: str) -> dict:
    """segment, confidence (None: placed by hand, or not told), band, why (frame of `why.of`), decided (by hand, or None), of (the segment
    as profiles.json describes it), sizes of all.
    """
    document, profiles = step.take("build", "segmentation"), step.take("build", "profiles")
    named = {s["id"]: s for s in profiles["segments"]}
    sure = member.get("confidence")
    return {
        "id": member["segment"],
        "confidence": None if pd.isna(sure) else float(sure),
        "of": named.get(member["segment"], {"id": member["segment"], "name": ""}),
        "why": why.of(step, document, one, names={each: segment_name(s) for each, s in named.items()}),
        "decided": why.decision(step, document, one),
        "built": [v["name"] for v in document["variables"]],
    }


def _measures(step, one: str, segment: str) -> pd.DataFrame:
    """Each measured variable of the customer beside the means of the segment and of everyone in scope; none of a special category.

    Returns  variable, value, members (None: the segment has fewer than min_cell), everyone, apart (value less everyone's mean, in sd; at
             most sample_rows customers), ordered by the catalogue
    """
    table, members = step.take("variables", "variables"), step.take("build", "membership")
    frame = step.sample(table.join(members.select(KEY, segment_=members.segment), KEY))
    own = table.filter(table[KEY] == one).execute().iloc[0]
    inside = frame["segment_"] == segment
    columns = inputs.columns(step.project, table.columns)
    rows = []
    for name in (n for n, c in columns.items() if c.measured and c.variable.sensitivity != "special"):
        values = pd.to_numeric(frame[name]).astype("float64")
        sd, value = values.std(ddof=0), None if pd.isna(own[name]) else float(own[name])
        told = {"variable": name, "value": value, "everyone": values.mean()}
        told["members"] = values[inside].mean() if inside.sum() >= step.project.min_cell else None
        rows.append(told | {"apart": None if value is None or not sd > 0 else (value - told["everyone"]) / sd})
    return pd.DataFrame(rows, columns=["variable", "value", "members", "everyone", "apart"])


def _movement(step, base: Path, raw_ids: list[str], one: str) -> list[dict]:
    """Where the customer was before, oldest first: at (instant), name (segment as that run told it, None: not in scope then), how.

    how   "run": the newest complete run of an earlier as_of; "yardstick": one horizon ago, measured then, by today's segmentation
    """
    earlier = {each.parent.name: each for each in _complete(step.project) if each.parent.name < base.parent.name}
    found = [_then(step, each, raw_ids, one) for _, each in sorted(earlier.items())]
    if step.gives("variables", "variables_confirm"):
        table, document = inputs.customers(step, "confirm"), step.take("build", "segmentation")
        own = table.filter(table[KEY] == one).execute()
        at = step.windows(step.take("collect", "orders"))["confirm"].built_at
        found.append({"at": at, "segment": str(labels(document, own)[0]) if len(own) else None, "of": None, "how": "yardstick"})
    return sorted(found, key=lambda each: each["at"])


def _then(step, base: Path, raw_ids: list[str], one: str) -> dict:
    """The customer in an earlier run, whose ids may have been united otherwise."""
    read = step.engine.con.read_parquet
    ids, place = {one}, base / run.folder("collect") / "identity.parquet"
    if place.is_file():
        identity = read(str(place))
        ids |= set(identity.filter(identity.raw_id.isin(raw_ids)).execute()[KEY])
    place = base / run.folder("build")
    at = datetime.fromisoformat(base.parent.name)
    if not (place / "membership.parquet").is_file():
        return {"at": at, "segment": None, "of": None, "how": "run"}
    table = read(str(place / "membership.parquet"))
    rows = table.filter(table[KEY].isin(sorted(ids))).order_by(KEY).execute()
    segment = rows["segment"].iloc[0] if len(rows) else None
    profiles = json.loads((place / "profiles.json").read_text(encoding="utf-8"))
    return {"at": at, "segment": segment, "of": next((s for s in profiles["segments"] if s["id"] == segment), None), "how": "run"}


def _planned(step, one: str, segment: str | None) -> dict:
    """held_out (of every campaign, on purpose), contacts (rows of step 8's list), stops (why there are none), actions and offer typed for
    the segment.
    """
    target = step.project.target
    out = held_back(ibis.literal(one), EVERY, target.universal_control, seed=step.project.seed)
    contacts = []
    if step.gives("target", "contacts"):
        table = step.take("target", "contacts")
        contacts = table.filter(table[KEY] == one).execute().to_dict("records")
    planned = {"held_out": bool(step.engine.con.execute(out)), "contacts": contacts}
    planned |= {"stops": stopped.stops(step, one) if segment and not contacts else []}
    return planned | {"actions": step.project.adopt.actions.get(segment, []), "offer": target.offers.get(segment)}


# The private page


def file_name(customer_id: str) -> str:
    """A name that every file system takes, and no two customers share."""
    plain = re.sub(r"[^A-Za-z0-9_-]", "_", customer_id)[:60]
    sign = "" if plain == customer_id else "-" + hashlib.sha256(customer_id.encode()).hexdigest()[:8]
    return f"{plain}{sign}.html"


def _kept(plan: Project, customer_id: str, page: str) -> Path:
    """Write the page where only its owner reads it."""
    folder = home() / "data" / plan.name / "cards"
    path = folder / file_name(customer_id)
    with run.saving(path):
        folder.mkdir(mode=0o700, exist_ok=True)
        os.chmod(folder, 0o700)
        (folder / ".gitignore").write_text("*\n", encoding="utf-8")  # whatever the project's own says
        part = path.with_name(path.name + ".part")
        part.unlink(missing_ok=True)
        with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
            file.write(page)
        os.replace(part, path)
    return path
