"""What a table is and what its columns are, each with a reason and how sure it is: by what they are called, and by their values."""

import keyword
from dataclasses import dataclass, field

from helpers import NinefoldError
from helpers.new import names
from helpers.new.read import Read, quoted, rows
from helpers.new.values import Column, profile
from helpers.project.contract import CONTRACT, PERSONAL, reserved
from helpers.project.special import category

ENOUGH = 0.4
"""Fit below which a column is not taken for a role."""
SURE = 0.7
"""Fit from which a line needs no check."""
MAY_LACK = {
    "orders": ("order_id", "amount"),
    "answers": ("answered_at",),
    "consents": ("purpose", "channel", "updated_at"),
    "contacts": ("campaign_id",),
    "events": ("kind",),
}
"""Required columns that something else can stand for: a constant or the row's number."""
FEW = {
    "category": 2_000,
    "brand": 5_000,
    "channel": 50,
    "device": 50,
    "kind": 200,
    "store_id": 20_000,
    "arm": 10,
    "campaign_id": 5_000,
    "purpose": 50,
}
"""Different values of a column of that role at most."""
ANSWERS = 50
"""Different values of an attribute from which it tells people apart too finely to describe them, numbers excepted."""


@dataclass
class Role:
    """What fills a column of the contract: a column, an expression, the row's number or one value; why; and what is doubtful.

    parts   the columns of an expression, in order; none: `origin` is no expression
    """

    origin: str
    reason: str
    fit: float = 0.9
    doubt: str = ""
    parts: list[str] = field(default_factory=list)


@dataclass
class Guess:
    """One table as it will be a source, or why not.

    table    canonical table, None when it is left out; why: in words; fit 0 to 1
    roles    contract column → what fills it; constants: one value for every row
    left     the file's column → why it is not used
    elsewhere  columns that another source on the same file uses; questions: those of a survey with a column a question
    matched  for people numbered by their address: how many addresses other customers have, with what to check before they are joined
    """

    read: Read
    columns: dict[str, Column]
    table: str | None = None
    why: str = ""
    fit: float = 0.0
    roles: dict[str, Role] = field(default_factory=dict)
    constants: dict[str, Role] = field(default_factory=dict)
    left: dict[str, str] = field(default_factory=dict)
    name: str = ""
    ids: str = "customer"
    ids_why: str = ""
    ids_doubt: bool = False
    elsewhere: set[str] = field(default_factory=set)
    questions: list[str] = field(default_factory=list)
    matched: str = ""
    lookups: list[dict] = field(default_factory=list)
    totals: dict | None = None
    units: dict[str, float] = field(default_factory=dict)
    placeholders: dict[str, list[str]] = field(default_factory=dict)
    filter: str = ""
    filter_why: str = ""
    notes: list[str] = field(default_factory=list)
    doubt: str = ""

    @property
    def sure(self) -> str:
        """How sure it is what the table is, in a word."""
        return "sure" if self.fit >= 0.7 and not self.doubt else "likely" if self.fit >= 0.4 else "doubtful"

    @property
    def used(self) -> set[str]:
        """Columns of the file that some role takes."""
        plain = {r.origin for r in self.roles.values() if not r.parts and r.origin in self.columns}
        matched = {name for lookup in self.lookups for name in lookup["match"]}
        summed = set(self.totals["categories"].values()) if self.totals else set()
        return plain | matched | summed | self.elsewhere | set(self.in_expressions)

    @property
    def in_expressions(self) -> list[str]:
        return [name for made in self.roles.values() for name in made.parts]


def expressible(name: str) -> bool:
    """Whether an expression of project.yml can name a column."""
    return "`" not in name and name.isprintable()


def expression_name(found: Guess, name: str) -> str:
    """A column as an expression of project.yml names it.

    Raises NinefoldError for a name that no expression can hold.
    """
    if name.isidentifier() and name.isascii() and not name.startswith("_") and not keyword.iskeyword(name):
        return name
    if not expressible(name):
        raise NinefoldError(f"{found.read.given.shown}: the column {name!r} is needed in an expression, which cannot hold it: rename it.")
    return f"`{name}`"


def guess(read: Read) -> Guess:
    """The canonical table of one table, its columns, and what is left over."""
    columns = profile(read)
    found = Guess(read, columns)
    candidates = [(score, table, roles) for table in CONTRACT for score, roles in [_as_table(read, columns, table)] if score]
    if candidates:
        candidates.sort(key=lambda each: (-each[0], list(CONTRACT).index(each[1])))
        score, found.table, found.roles = candidates[0]
        second = candidates[1][0] if len(candidates) > 1 else 0.0
        found.fit = min(1.0, score / 5) * (1.0 if score >= 1.3 * second else 0.7)
        spoken = names.speaks_of(read.given.part or read.given.raw) == found.table
        found.why = "its name and its columns say so" if spoken else "its columns say so"
        if found.fit < 0.4:
            found.doubt = "few of its columns tell what it is"
        if score < 1.3 * second:
            found.doubt = f"it could also be {candidates[1][1]}"
    return found


def _as_table(read: Read, columns: dict[str, Column], table: str) -> tuple[float, dict[str, Role]]:
    """How well a table fits, 0 when something it needs is not there, and the columns it would take."""
    roles = assign(columns, table, read.rows)
    contract = CONTRACT[table]
    lacking = [role for role in contract["required"] if role not in roles and role not in MAY_LACK.get(table, ())]
    if lacking or not roles or not _complete(columns, roles, table):
        return 0.0, {}
    score = sum(names.TELLING[table].get(role, 0.2) * made.fit for role, made in roles.items())
    spoken = names.speaks_of(read.given.part or read.given.raw)
    score += 1.5 if spoken == table else 0.0
    if table == "customers":
        share = columns[roles["customer_id"].origin].distinct / max(read.rows, 1)
        if share < 0.5:
            return 0.0, {}  # several rows a customer describe what happened, not who somebody is
        score += 1.0 + 0.1 * sum(c.kind != "empty" for c in columns.values()) if share >= 0.8 else 0.0
    return score, roles


def _complete(columns: dict[str, Column], roles: dict[str, Role], table: str) -> bool:
    """Whether what may lack is made up for by something that tells the table."""
    if table == "orders":
        return "amount" in roles or any(names.is_unit_price(c.name) and c.kind == "number" for c in columns.values())
    if table == "contacts":
        return bool({"arm", "responded_at", "campaign_id", "cost"} & set(roles))
    if table == "events":
        return bool({"kind", "device", "detail"} & set(roles))
    return True


def assign(columns: dict[str, Column], table: str, all_rows: int) -> dict[str, Role]:
    """Column of the contract → the file's column that fits it best; every column is taken once."""
    fits = []
    for order, role in enumerate(names.ROLES[table]):
        for position, column in enumerate(columns.values()):
            fit = _fit(column, table, role, all_rows)
            if fit >= ENOUGH:
                fits.append((-fit, order, position, role, column))
    taken: dict[str, Role] = {}
    used: set[str] = set()
    for fit, _, _, role, column in sorted(fits, key=lambda each: each[:3]):
        if role in taken or column.name in used:
            continue
        rivals = [c.name for f, _, _, r, c in fits if r == role and c.name != column.name and c.name not in used and f - fit < 0.08]
        doubt = f"{' or '.join(rivals)} could be it too" if rivals else ""
        doubt = doubt or _doubt(column, table, role, -fit)
        taken[role] = Role(column.name, _reason(column, table, role), -fit, doubt)
        used.add(column.name)
    dated = CONTRACT[table]["dated"]
    if dated and dated not in taken:
        dates = [c for c in columns.values() if c.kind == "date" and c.name not in used]
        if len(dates) == 1:
            taken[dated] = Role(
                dates[0].name, f"the only date; {describe(dates[0])}", 0.5, "the file's only date that is not taken otherwise"
            )
    return {role: taken[role] for role in names.ROLES[table] if role in taken}


def _doubt(column: Column, table: str, role: str, fit: float) -> str:
    """What is doubtful about a column; one that is called exactly like the role is that, however few its values are."""
    if fit >= SURE:
        return ""
    if names.fit(column.name, table, role) < SURE:
        return "only part of the name speaks for it"
    exactly = names.joined(column.name) == names.joined(role) and role not in ("email", "phone")
    return "" if exactly else "called so, but its values are few or look otherwise"


def _fit(column: Column, table: str, role: str, all_rows: int) -> float:
    """Name times values, 0 to 1."""
    suits = _suits(column, table, role, all_rows)
    named = names.fit(column.name, table, role)
    if role in ("email", "phone") and column.looks == role:
        named = max(named, 0.8 if role == "email" else 0.5)
    if role == "amount" and names.is_unit_price(column.name):
        return 0.0  # `finish` multiplies it by the quantity
    return named * suits


def _suits(column: Column, table: str, role: str, all_rows: int) -> float:
    """Whether the values can be what the role needs, 0 to 1."""
    kind = CONTRACT[table]["columns"].get(role, "string")
    if column.kind == "empty":
        return 0.0
    if kind == "timestamp":
        return 1.0 if column.kind == "date" else 0.0
    if kind.startswith(("decimal", "float", "int")):
        percent = any("%" in value for value in column.values) or bool(set(names.tokens(column.name)) & set(names.RATES))
        return 0.0 if column.kind not in ("number", "yesno") or percent else 1.0
    if kind == "boolean":
        return 1.0 if column.kind == "yesno" else 0.6 if column.kind == "text" and column.distinct <= 4 else 0.0
    if role.endswith("_id") and role != "campaign_id":
        if column.kind == "date" or column.looks == "email" or (column.kind == "number" and not column.whole and column.distinct > 5):
            return 0.0
        return 0.6 if column.kind == "yesno" or (role in ("customer_id", "order_id") and column.distinct <= 2 < all_rows / 5) else 1.0
    if role in FEW:
        return 0.0 if column.kind == "date" else 1.0 if column.distinct <= max(FEW[role], 1) else 0.2
    if role in ("email", "phone"):
        return 1.0 if column.looks == role or column.share_filled < 0.05 else 0.55
    if role == "postcode":
        return 1.0 if column.looks == role or sum(any(c.isdigit() for c in v) for v in column.values) >= 0.5 * len(column.values) else 0.0
    if role == "text":
        return 1.0 if column.kind == "text" and _length(column) >= 15 else 0.6 if column.kind == "text" else 0.0
    if role in ("first_name", "last_name", "city", "street"):
        return 1.0 if column.kind == "text" and column.looks != "email" else 0.0
    return 1.0 if column.kind != "date" else 0.0


def _length(column: Column) -> float:
    total = sum(column.values.values())
    return sum(len(value) * n for value, n in column.values.items()) / total if total else 0.0


def _reason(column: Column, table: str, role: str) -> str:
    named = names.fit(column.name, table, role)
    called = "called so" if named >= SURE else "its name says part of it" if named >= ENOUGH else "its values look so"
    return f"{called}; {describe(column)}"


def describe(column: Column) -> str:
    """A column in a few words: what its values are, how many, how many are missing."""
    kinds = {"date": "dates", "number": "whole numbers" if column.whole else "numbers", "yesno": "yes or no", "text": "texts"}
    gone = column.rows - column.filled
    empty = f", {_share(gone, column.rows)} empty" if gone else ""
    return f"{kinds.get(column.kind, 'nothing')}{empty}"


def _share(part: int, whole: int) -> str:
    share = 100 * part / max(whole, 1)
    return f"{share:.1f} %" if share >= 0.1 else rows(part)


# ---- what is left over


def leave_rest(found: Guess) -> None:
    """Fill `left`: every column that no role takes, with the reason; and, for customers, the attributes among them."""
    found.left = dict(found.read.left)
    taken = {*found.roles, *CONTRACT["customers"]["columns"], *PERSONAL}
    copies = _copies(found)
    for column in found.columns.values():
        if column.name in found.used:
            continue
        reason = unwanted(column) or copies.get(column.name)
        if not reason and found.table == "customers":
            reason = _no_attribute(column, found.read.rows)
            if not reason:
                made = attribute(found, column.name, taken)
                further = "a different number for nearly everybody: a figure about them, or a further id?"
                doubt = further if _all_different(column, found.read.rows) else ""
                found.roles[made] = Role(column.name, f"an attribute; {describe(column)}", doubt=doubt)
                taken.add(made)
                continue
        found.left[column.name] = reason or f"the table {found.table} has no column for it"


def attribute(found: Guess, column: str, taken: set[str]) -> str:
    """The name of an attribute; one that the steps use themselves gets that of the source before it: `crm_source`."""
    made = names.identifier(column, set())
    return names.identifier(f"{found.name or 'customer'} {column}" if reserved(made) else column, taken)


def unwanted(column: Column) -> str | None:
    """Why nobody may or can use a column, whatever the table."""
    if kind := category(column.name):
        return f"may be of a special category ({kind}): such data need a legal basis, typed under collect.special; left out"
    if what := names.personal(column.name):
        return f"{what}: says who somebody is and serves no matching"
    if column.kind == "empty":
        return "empty throughout"
    if column.constant:
        return f"the same in every row ({column.lowest[:30]})"
    return None


def _no_attribute(column: Column, all_rows: int) -> str | None:
    """Why a column describes no customer."""
    if column.looks in ("email", "phone"):
        return f"looks like {'e-mail addresses' if column.looks == 'email' else 'telephone numbers'}: says who somebody is"
    if column.kind == "text" and column.distinct > ANSWERS:
        return f"about {column.distinct:,} different texts: too many to describe people by"
    if _all_different(column, all_rows) and names.is_key(column.name):
        return "a different number for nearly everybody: it looks like a further id"
    return "a date that the table customers has no column for" if column.kind == "date" else None


def _all_different(column: Column, all_rows: int) -> bool:
    return column.kind == "number" and column.whole and column.distinct > 0.9 * all_rows and all_rows > 20


def _copies(found: Guess) -> dict[str, str]:
    """Columns that are the same as one before, row by row: a fingerprint of all values in their places says which to compare."""
    alike: dict[tuple, list[str]] = {}
    for column in found.columns.values():
        key = (column.native, column.filled, column.distinct, column.lowest, column.highest)
        alike.setdefault(key, []).append(column.name)
    several = [group for group in alike.values() if len(group) > 1 and found.columns[group[0]].filled]
    if not several or not found.read.numbered:
        return {}
    asked = [name for group in several for name in group]
    # Value and place in one text: hash(value, rowid) only joins the two hashes, and which value stands in which place would be lost.
    placed = (f"bit_xor(hash(rowid || ' ' || coalesce({quoted(name)}::VARCHAR, chr(0))))" for name in asked)
    prints = found.read.ask(f"select {', '.join(placed)} from {{t}}")[0]
    result, seen = {}, {}
    for name, fingerprint in zip(asked, prints, strict=True):
        key = (found.columns[name].distinct, found.columns[name].lowest, fingerprint)
        if key in seen and name not in found.used and _same(found, name, seen[key]):
            result[name] = f"the same as {seen[key]}, row by row"
        seen.setdefault(key, name)
    return result


def _same(found: Guess, one: str, other: str) -> bool:
    return not found.read.ask(f"select count(*) from {{t}} where {quoted(one)} is distinct from {quoted(other)}")[0][0]


def exact(found: Guess, column: str) -> tuple[int, int]:
    """Different values of a column, and the rows that have one, in the whole file."""
    return found.read.ask(f"select count(distinct {quoted(column)}), count({quoted(column)}) from {{t}}")[0]
