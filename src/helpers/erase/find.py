"""Who is meant: all ids of one person in every numbering, the addresses, telephones and names that are nobody else's."""

import hashlib
import json
import re
import unicodedata
from collections.abc import Iterable
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from pathlib import Path

import ibis.expr.types as ir

from helpers import NinefoldError, run
from helpers.engine import Engine
from helpers.engine.duck import exact, open_duckdb
from helpers.engine.tables import bare_numbering
from helpers.project import CONTRACT, Project
from helpers.target.addresses import email_plain, phone_plain
from helpers.target.uploads import google_email, international

EVER = datetime(9999, 1, 1)
"""Records count whenever they were made: an erasure looks at no as_of."""
AROUND = 80
"""Signs before and after a word within which its whole pattern lies."""
KNOWN_IN = ("identity", "customers", "orders", "customers_set_aside", "orders_set_aside")
"""Tables of step 3 in which somebody may be found, the first that does counts."""


@dataclass(frozen=True)
class Person:
    """What identifies one person; values that another record carries too are left out, and counted in `shared`.

    raw_ids    ids of all records that step 3 joined: bare in the numbering typed first, else shop:S12
    customer   the customer_id of the newest run that knows the person
    emails     in lower case;  phones: as `phone_plain` writes them;  names: first and last name in lower case
    typed      e-mail addresses and telephones as the sources write them
    shared     kind → values that other people's records carry too: they keep them
    unread     why the sources could not be read; ""
    """

    raw_ids: tuple[str, ...]
    customer: str
    emails: tuple[str, ...] = ()
    phones: tuple[str, ...] = ()
    names: tuple[str, ...] = ()
    typed: tuple[str, ...] = ()
    shared: tuple[tuple[str, int], ...] = ()
    unread: str = ""

    @property
    def ids(self) -> frozenset[str]:
        """Every id as runs write it."""
        return frozenset((*self.raw_ids, self.customer))

    def own(self, numbering: str, bare: str) -> frozenset[str]:
        """The ids of one numbering as its sources write them.

        bare   the numbering typed first in project.yml
        """
        if numbering == bare:
            return frozenset(each for each in self.ids if ":" not in each)
        return frozenset(each.partition(":")[2] for each in self.ids if each.startswith(f"{numbering}:"))

    def plain_ids(self) -> frozenset[str]:
        """Every id with and without its numbering."""
        return self.ids | {each.partition(":")[2] for each in self.ids if ":" in each}

    def hashes(self) -> frozenset[str]:
        """SHA-256 of addresses and telephones as advertisers' lists hold them."""
        plain = {*self.emails, *(google_email(each) for each in self.emails)}
        for phone in self.phones:
            plain |= {phone, international(phone), international(phone).removeprefix("+")}
        return frozenset(hashlib.sha256(each.encode()).hexdigest() for each in plain if each)

    def document(self) -> dict:
        """As JSON."""
        return asdict(self)


def read(document: dict) -> Person:
    """A person from `Person.document`."""
    return Person(**{name: tuple(map(_tupled, value)) if isinstance(value, list) else value for name, value in document.items()})


def _tupled(value):
    return tuple(value) if isinstance(value, list) else value


def find(plan: Project, customer: str) -> Person:
    """The person whom an id of any source means: as the first numbering writes it, else with its numbering in front.

    Raises NinefoldError when nobody has this id, in no run and in no source.
    """
    typed, bare = str(customer).strip(), bare_numbering(plan)
    typed = typed.removeprefix(f"{bare}:")
    engine, fault = _engine(plan)
    found = _in_runs(plan, typed) if typed else None
    if found is None and typed and engine is not None:
        found = _in_sources(engine, typed)
    if found is None:
        others = [name for name in dict.fromkeys(s.ids for s in plan.collect.sources.values() if s.table != "market") if name != bare]
        how = f"ids of the numbering {bare} as the source writes them" + "".join(f", those of {name} as {name}:…" for name in others)
        raise NinefoldError(
            f"customer: nobody in {plan.name} has the id {typed!r}, in no complete run and in no source: nothing was touched. Write {how}; "
            f"zeros in front count.{f' The sources could not be read: {fault}' if fault else ''}"
        )
    return described(found, engine, fault)


def not_typed(person: Person, text: str) -> Person:
    """The person without names that stand in project.yml too: there they are a colleague's, and on every page."""
    low = text.lower()
    names = tuple(name for name in person.names if name not in low)
    same = len(person.names) - len(names)
    return replace(person, names=names, shared=(*person.shared, ("typed names", same))) if same else person


def everything(plan: Project) -> Engine:
    """The sources as they are, of whatever date.

    Raises NinefoldError where they cannot be read.
    """
    engine, fault = _engine(plan)
    if engine is None:
        raise NinefoldError(f"The sources of {plan.name} could not be read, so nobody can be looked for: {fault}")
    return engine


def _engine(plan: Project) -> tuple[Engine | None, str]:
    try:
        engine = Engine(plan, EVER)
        if engine.has("customers"):
            engine.records()
    except NinefoldError as error:
        return None, str(error)
    return engine, ""


def identity_of(place: Path, ids: Iterable[str], *, whole: bool = True) -> list[tuple[str, str]]:
    """raw_id and customer_id of a run's identity table for these ids; [] without the table.

    whole   all records joined with one of these; else only the rows that name one of these as the record
    """
    path, wanted = place / run.folder("collect") / "identity.parquet", sorted(ids)
    if not path.is_file():
        return []
    with open_duckdb() as con:
        con.execute("create view identity as select * from read_parquet(?)".replace("?", "'" + exact(path).replace("'", "''") + "'"))
        where = "raw_id in (select unnest($1))"
        if whole:
            where = "customer_id in (select customer_id from identity where raw_id in (select unnest($1)))"
        return con.execute(f"select raw_id, customer_id from identity where {where} order by all", [wanted]).fetchall()


def _in_runs(plan: Project, typed: str) -> Person | None:
    """The newest complete run that knows the id says which records are this person."""
    for past in reversed(run.all_runs(plan)):
        rows = identity_of(past.path, [typed])
        if rows:
            return Person(tuple(sorted(raw for raw, _ in rows)), rows[0][1])
        for name in KNOWN_IN[1:]:
            path = past.path / run.folder("collect") / f"{name}.parquet"
            if path.is_file() and _holds(path, typed):
                return Person((typed,), typed)
    return None


def _holds(path: Path, typed: str) -> bool:
    with open_duckdb() as con:
        quoted = "'" + exact(path).replace("'", "''") + "'"
        return con.execute(f"select count(*) from read_parquet({quoted}) where customer_id = $1", [typed]).fetchone()[0] > 0


def _in_sources(engine: Engine, typed: str) -> Person | None:
    for table in CONTRACT:
        if table == "market" or not engine.has(table):
            continue
        try:
            rows = engine.mapped(table)
        except NinefoldError:
            continue
        if int(rows.filter(rows.customer_id == typed).count().execute()):
            return Person((typed,), typed)
    return None


def still_in_sources(plan: Project, person: Person) -> bool:
    """Whether a source that can be read still has a row of the person: a run would bring the person back."""
    engine, _ = _engine(plan)
    return engine is not None and any(_in_sources(engine, each) for each in sorted(person.ids))


# What the records say of the person


def described(person: Person, engine: Engine | None, fault: str = "") -> Person:
    """The person with addresses, telephones and names of the records; what others' records carry too is counted, not kept."""
    records = engine.records() if engine is not None and engine.has("customers") else None
    if records is None:
        return replace(person, unread=fault)
    values, typed, shared = {}, [], []
    for kind, column in _columns(records).items():
        rows = records.mutate(value_=column).filter(lambda t: t.value_.notnull())
        own = set(rows.filter(rows.customer_id.isin(sorted(person.ids))).select("value_").distinct().execute()["value_"])
        others = rows.filter(rows.value_.isin(sorted(own)) & ~rows.customer_id.isin(sorted(person.ids))) if own else None
        common = set() if others is None else set(others.select("value_").distinct().execute()["value_"])
        values[kind] = tuple(sorted(own - common))
        if common:
            shared.append((kind, len(common)))
        if kind in ("emails", "phones") and values[kind]:
            named = rows.filter(rows.value_.isin(values[kind]) & rows.customer_id.isin(sorted(person.ids)))
            typed += list(named.select(as_=named["email" if kind == "emails" else "phone"]).distinct().execute()["as_"])
    return replace(person, **values, typed=tuple(sorted({str(each).strip() for each in typed})), shared=tuple(shared), unread=fault)


def _columns(records: ir.Table) -> dict[str, ir.StringValue]:
    found = {}
    if "email" in records.columns:
        found["emails"] = email_plain(records.email)
    if "phone" in records.columns:
        found["phones"] = phone_plain(records.phone)
    if {"first_name", "last_name"} <= set(records.columns):
        first, last = (records[c].strip().lower().nullif("") for c in ("first_name", "last_name"))
        found["names"] = first + " " + last
    return found


# Words that give the person away wherever they stand


def distinctive(value: str) -> bool:
    """Whether an id can be looked for in any text: six signs or more, letters and figures; or nine figures or more.

    Shorter ones are other things too (an amount, a year, a postcode): they are looked for in columns of ids only.
    """
    letters, figures = any(map(str.isalpha, value)), sum(map(str.isdigit, value))
    return (len(value) >= 6 and letters and figures > 0) or figures >= 9


def patterns(person: Person) -> dict[str, list[tuple[str, re.Pattern]]]:
    """Kind → (what a text in lower case must hold, the pattern that must then fit as a whole word)."""
    found: dict[str, list[tuple[str, re.Pattern]]] = {"id": [], "email": [], "phone": [], "name": [], "hash": []}
    for value in sorted(filter(distinctive, person.plain_ids())):
        found["id"] += _whole(value, r"(?<!\w)", r"(?!\w)")
    for value in person.emails:
        found["email"] += _whole(value, r"(?<![\w.+%-])", r"(?![\w-]|\.\w)")
    for value in person.hashes():
        found["hash"] += _whole(value, r"(?<!\w)", r"(?!\w)")
    for value in person.names:
        first, _, last = value.partition(" ")
        for one, other in ((first, last), (last, first)):  # between two columns of a file, too
            both = r"""[\s;,|"'.]{1,4}""".join(map(re.escape, (one, other)))
            found["name"].append((last, re.compile(rf"(?<![\w.@-]){both}(?![\w@-])", re.IGNORECASE)))
    for value in person.phones:
        found["phone"] += _telephone(value)
    return found


def _whole(value: str, before: str, after: str) -> list[tuple[str, re.Pattern]]:
    forms = dict.fromkeys(unicodedata.normalize(form, value.lower()) for form in ("NFC", "NFD"))
    return [(each, re.compile(before + re.escape(each) + after, re.IGNORECASE)) for each in forms]


def _telephone(value: str) -> list[tuple[str, re.Pattern]]:
    """A telephone as it is written: without marks, or with spaces, points or hyphens between its pairs."""
    digits = "".join(filter(str.isdigit, value))
    core = digits[2:] if value.startswith("+33") and len(digits) == 11 else digits
    before = r"(?<!\d)(?:(?:\+|00)?33[ .\-]?(?:\(0\))?|0)?" if core != digits else r"(?<!\d)(?:00)?"
    written = {core}
    if len(core) == 9:
        pairs = [core[0], *(core[n : n + 2] for n in range(1, 9, 2))]
        written |= {mark.join(pairs) for mark in (" ", ".", "-", "\u00a0", "\u202f")}
    return [(each, re.compile(before + re.escape(each) + r"(?!\d)")) for each in sorted(written)]


def standing(text: str, hint: str, pattern: re.Pattern) -> int:
    """How often a pattern fits in a text in lower case; only around its hint is looked, for texts are long."""
    places, at = set(), text.find(hint)
    while at >= 0:
        found = pattern.search(text, max(at - AROUND, 0), at + len(hint) + AROUND)
        if found:
            places.add(found.start())
        at = text.find(hint, max(at + 1, found.end() if found else 0))
    return len(places)


def journal(folder: Path) -> Path:
    """Where an erasure that is not finished keeps whom it is about, so that it can be taken up again."""
    return folder / "erasures" / "open.json"


def opened(folder: Path) -> dict | None:
    """What an unfinished erasure left: person, hashes, began; None where there is none."""
    path = journal(folder)
    return json.loads(path.read_text(encoding="utf-8")) if path.is_file() else None
