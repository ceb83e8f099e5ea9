"""Where each customer can be reached, and who asked never to be: private, no page shows any of it."""

from dataclasses import dataclass
from pathlib import Path

import ibis
import ibis.expr.types as ir
import pandas as pd

from helpers import NinefoldError, home
from helpers.matching.clean import JUNK, MANY
from helpers.project import Project

KEY = "customer_id"
EMAIL = r"^[^@\s,;<>]+@[^@\s,;<>]+\.[^@\s.,;<>]{2,}$"
FRENCH = r"^(\+33|0033|33)?0?[1-9][0-9]{8}$"
MOBILE = r"^\+33[67]"
NEEDS = {
    "email": ("email", "e-mail", "e_mail", "mailing", "newsletter", "courriel"),
    "mobile": ("sms", "text", "mms", "whatsapp"),
    "phone": ("phone", "telephone", "call", "calls", "appel", "téléphone"),
    "postal": ("mail", "letter", "post", "postal", "direct_mail", "courrier", "lettre", "catalogue"),
}
"""Which kind of address a channel takes, by its key in lower case; any other channel takes none, such as a coupon at the till."""
FIELDS = {"email": ("email",), "phone": ("phone",), "mobile": ("phone",), "postal": ("street", "postcode")}
"""Columns of the table customers without which nobody can tell whether an address of a kind is known."""
POSTAL = ("street", "postcode", "city")


@dataclass(frozen=True)
class Suppressed:
    """Who is never contacted, and what became of the lines of the file.

    customers   customer_id
    lines       lines with something on them, the heading not counted; found: of known customers; unknown: of nobody known;
    unreadable  neither an id nor an e-mail address nor a telephone
    """

    customers: ir.Table
    lines: int
    found: int
    unknown: int
    unreadable: int


def needs_of(project: Project, channel: str) -> str:
    """Which address a channel takes: email, mobile, phone, postal or none; as typed (`needs`), else by its key."""
    typed = project.target.channels[channel].needs if channel in project.target.channels else None
    return typed or next((kind for kind, keys in NEEDS.items() if channel.strip().lower() in keys), "none")


def email_plain(text: ir.StringValue) -> ir.StringValue:
    """An e-mail address as it is compared: lower case, without spaces and mailto:; missing when it is none."""
    plain = text.lower().re_replace(r"\s|^\s*mailto:", "")
    names = "|".join(sorted(word.replace(" ", "") for word in JUNK))
    good = plain.re_search(EMAIL) & ~plain.re_search(f"^({names})@")
    return ibis.cases((good, plain))


def phone_plain(text: ir.StringValue) -> ir.StringValue:
    """A telephone as it is compared: +33 and nine digits for France, elsewhere what was typed without marks; missing when it is none."""
    digits = text.replace("(0)", "").re_replace("[^0-9+]", "")
    french = digits.re_search(FRENCH)
    plain = ibis.cases((french, ibis.literal("+33") + digits.right(9)), else_=digits.re_replace("^00", "+"))
    bare = plain.re_replace("[^0-9]", "")
    good = bare.length().between(8, 15) & (bare.right(8).re_replace(r"^(0+|1+|2+|3+|4+|5+|6+|7+|8+|9+)$", "") != "")
    return ibis.cases((good & ~bare.right(9).isin(["123456789"]), plain))


def of_people(records: ir.Table, identity: ir.Table | None) -> ir.Table:
    """The records with the person's id as customer_id and their own as raw_id.

    records    as the engine reads them;  identity: raw_id, customer_id, or None where every record is a person
    """
    rows = records.mutate(raw_id=records.customer_id)
    if identity is None:
        return rows
    known = identity.select(raw_of=identity.raw_id, person_of=identity.customer_id)
    joined = rows.left_join(known, rows.raw_id == known.raw_of)
    return joined.mutate(customer_id=ibis.coalesce(joined.person_of, joined.customer_id)).drop("raw_of", "person_of")


def contact_points(records: ir.Table | None, identity: ir.Table | None = None) -> ir.Table | None:
    """Where each person can be reached: of several records the newest that has a valid value; street, postcode and city of one record.

    records    step.engine.records();  identity: as step 3 hands it over, None where nothing was matched
    Returns    customer_id, then where mapped first_name, last_name, email, email_plain, phone, phone_plain, mobile, mobile_plain, street,
               postcode, city; None where no source describes customers. An address that more than MANY people share is nobody's.
    """
    if records is None:
        return None
    rows = _ranked(of_people(records, identity))
    there = [c for c in ("first_name", "last_name", "email", "phone", "street", "postcode", "city") if c in rows.columns]
    valid = {c: rows[c].strip().nullif("").notnull() for c in there}
    plain = {}
    if "email" in there:
        plain["email_plain"] = email_plain(rows.email)
    if "phone" in there:
        plain["phone_plain"] = phone_plain(rows.phone)
    rows = rows.mutate(**plain, **{f"has_{c}": one for c, one in valid.items()})
    best = _best(rows, there)
    marked = rows.mutate(**{f"best_{name}": best[name] for name in best})
    at = {name: marked.rank_ == marked[f"best_{name.removesuffix('_plain')}"] for name in _columns(best)}
    taken = {name: marked[column].strip().max(where=at[name]) for name, column in _columns(best).items()}
    found = marked.group_by(KEY).agg(**taken)
    return _unshared(found)


def _ranked(rows: ir.Table) -> ir.Table:
    """Records of each person numbered, the newest first; ties by source, then by id."""
    moments = [rows[c].cast("timestamp") for c in ("updated_at", "created_at") if c in rows.columns]
    at = ibis.coalesce(*moments) if moments else ibis.null("timestamp")
    order = [ibis.desc("at_", nulls_first=False), *(["place"] if "place" in rows.columns else []), "raw_id"]
    rows = rows.mutate(at_=at)
    return rows.mutate(rank_=ibis.row_number().over(group_by=KEY, order_by=order))


def _best(rows: ir.Table, there: list[str]) -> dict[str, ir.Value]:
    """The number of the record from which each column of the person is taken."""
    window = ibis.window(group_by=KEY)
    first = lambda good: rows.rank_.min(where=good.fill_null(False)).over(window)  # noqa: E731
    best = {c: first(rows[f"has_{c}"]) for c in ("first_name", "last_name") if c in there}
    if "email" in there:
        best["email"] = first(rows.email_plain.notnull())
    if "phone" in there:
        best["phone"] = first(rows.phone_plain.notnull())
        best["mobile"] = first(_mobile(rows.phone_plain))
    whole = rows.has_street & (rows.has_postcode if "postcode" in there else rows.has_city) if _postal(there) else None
    if whole is not None:
        best |= {c: first(whole) for c in POSTAL if c in there}
    return best


def _postal(there: list[str]) -> bool:
    return "street" in there and ("postcode" in there or "city" in there)


def _mobile(plain: ir.StringValue) -> ir.BooleanValue:
    """A French mobile, or a telephone of another country: there nothing tells which."""
    return plain.notnull() & (plain.re_search(MOBILE) | ~plain.startswith("+33"))


def _columns(best: dict) -> dict[str, str]:
    """What contact_points returns → the column it comes from."""
    result = {}
    for name in best:
        source = "phone" if name == "mobile" else name
        result[name] = source
        if source in ("email", "phone"):
            result[f"{name}_plain"] = f"{source}_plain"
    return result


def _unshared(found: ir.Table) -> ir.Table:
    """Without e-mail addresses and telephones that more than MANY people share: whoever answers there is none of them."""
    for name in ("email", "phone", "mobile"):
        if name in found.columns:
            people = found[f"{name}_plain"].count().over(ibis.window(group_by=f"{name}_plain"))
            many = found[f"{name}_plain"].notnull() & (people > MANY)
            found = found.mutate(**{c: ibis.cases((~many, found[c])) for c in (name, f"{name}_plain")})
    return found


# Who is never contacted


def suppressed(project: Project, records: ir.Table | None, identity: ir.Table | None, members: ir.Table) -> Suppressed | None:
    """Everyone whom the file of target.suppressed names, by an id of any source, an e-mail address or a telephone of any of their records.
    A line that may be one person's id and another's telephone names both.

    members   customer_id of those who could be contacted
    Returns   None where project.yml names no file
    Raises    NinefoldError for a file that is not there, lies outside the project or is no UTF-8 text
    """
    if not project.target.suppressed:
        return None
    lines = _lines(project)
    rows = of_people(records, identity) if records is not None else members.select(KEY, raw_id=members[KEY])
    known = [members.select(KEY, key=members[KEY]), rows.select(KEY, key=rows.raw_id)]
    known += [identity.select(KEY, key=identity.raw_id)] if identity is not None else []
    known += [rows.select(KEY, key=email_plain(rows.email))] if "email" in rows.columns else []
    known += [rows.select(KEY, key=phone_plain(rows.phone))] if "phone" in rows.columns else []
    people = ibis.union(*known, distinct=True)
    typed = ibis.memtable(pd.DataFrame({"line": range(len(lines)), "typed": lines}), schema={"line": "int64", "typed": "string"})
    typed = typed.mutate(mail=email_plain(typed.typed), phone=phone_plain(typed.typed))
    keys = ibis.union(*(typed.select("line", key=typed[c]) for c in ("typed", "mail", "phone")), distinct=True)
    hits = keys.filter(keys.key.notnull()).join(people.filter(people.key.notnull()), "key").select("line", KEY).distinct().cache()
    return _as_suppressed(typed, hits, lines)


def _as_suppressed(typed: ir.Table, hits: ir.Table, lines: list[str]) -> Suppressed:
    """Each line told apart; the first line is a heading when it is nobody's and neither an address nor a telephone."""
    found = set(hits.select("line").distinct().execute()["line"])
    read = typed.select("line", "typed", good=typed.mail.notnull() | typed.phone.notnull()).order_by("line").execute()
    odd = read["typed"].str.contains(r"[@\s,;]") & ~read["good"] & ~read["line"].isin(found)
    heading = bool(len(read)) and 0 not in found and not read["good"].iloc[0] and not odd.iloc[0] and not any(map(str.isdigit, lines[0]))
    all_, unreadable = len(read) - heading, int(odd.sum())
    return Suppressed(hits.select(KEY).distinct(), all_, len(found), all_ - len(found) - unreadable, unreadable)


def _lines(project: Project) -> list[str]:
    """What stands on each line that is not empty, without quotation marks around it."""
    name = project.target.suppressed
    where, folder = f"{project.file}: field target.suppressed is {name!r}", (home() / project.file).parent.resolve()
    path = (folder / name).resolve()
    if not path.is_relative_to(folder) or Path(name).is_absolute():
        raise NinefoldError(f"{where}, which lies outside the folder of the project. Put the file below it.")
    if not path.is_file():
        raise NinefoldError(f"{where}, and there is no such file: whom it names would be contacted. Put it there, or empty the field.")
    try:
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise NinefoldError(f"{where}, which is not UTF-8 text. Save it as UTF-8, one id, e-mail address or telephone a line.") from error
    return [line.strip().strip('"').strip() for line in text.splitlines() if line.strip().strip('"').strip()]
