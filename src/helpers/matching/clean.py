"""Records made comparable: case, accents, spaces and prefixes taken out, for comparison only; what is handed over stays as typed."""

from helpers.matching.same import NICKNAMES

MANY = 20
"""A value of an e-mail address or telephone that more ids than this carry says nothing about who somebody is: it is not compared."""
JUNK = ("test", "inconnu", "inconnue", "unknown", "xxx", "xx", "na", "n a", "nc", "none", "null", "aucun", "nom", "prenom")
FREQUENT = 0.0002
"""Share of ids from which a first name or a mail provider counts as one that exists, not as a typing error; at least FREQUENT_IDS."""
FREQUENT_IDS = 3

STREET_WORDS = {
    "avenue": "av|ave",
    "boulevard": "bd|bld|bvd|blvd|boul",
    "rue": "r",
    "place": "pl",
    "chemin": "ch|che|chem",
    "impasse": "imp",
    "allee": "all",
    "route": "rte",
    "square": "sq",
    "faubourg": "fg|fbg",
    "saint": "st",
    "sainte": "ste",
    "general": "gal|gl",
    "docteur": "dr",
}


def text(column: str) -> str:
    """SQL: lower case, without accents, every run of other signs than letters and digits one space; missing when nothing is left."""
    plain = f"lower(strip_accents(lower(nfc_normalize({column}))))"
    for ligature, letters in (("œ", "oe"), ("æ", "ae"), ("ß", "ss")):
        plain = f"replace({plain}, '{ligature}', '{letters}')"
    return f"nullif(trim(regexp_replace({plain}, '[^\\p{{L}}\\p{{N}}]+', ' ', 'g')), '')"


def _name(column: str) -> str:
    junk = ", ".join(f"'{word}'" for word in JUNK)
    return f"(case when {text(column)} in ({junk}) then null else {text(column)} end)"


def _email(column: str) -> str:
    """Case and spaces do not count; what follows a plus does: it may be another person's box at one firm."""
    mail = f"regexp_replace(lower(nfc_normalize({column})), '\\s|^mailto:', '', 'g')"
    junk = "|".join(word.replace(" ", "") for word in JUNK)
    return f"(case when regexp_full_match({mail}, '[^@]+@[^@]+') and not regexp_matches({mail}, '^({junk})@') then {mail} end)"


def _phone(column: str) -> str:
    """Digits; +33, 0033 and the 0 of France are one; other countries keep theirs. A row of one digit is none."""
    digits = f"regexp_replace(replace({column}, '(0)', ''), '[^0-9+]', '', 'g')"
    french = f"regexp_full_match({digits}, '(\\+33|0033|33)0?[0-9]{{9}}|0?[0-9]{{9}}')"
    bare = f"(case when {french} then right({digits}, 9) else ltrim({digits}, '+0') end)"
    return f"(case when length({bare}) >= 6 and replace({bare}, left({bare}, 1), '') <> '' and {bare} <> '123456789' then {bare} end)"


def _street(column: str) -> str:
    street = f"' ' || {text(column)} || ' '"
    for word, short in STREET_WORDS.items():
        street = f"regexp_replace({street}, ' ({short}) ', ' {word} ', 'g')"
    return f"nullif(trim({street}), '')"


def _city(column: str) -> str:
    city = f"regexp_replace(' ' || {text(column)} || ' ', ' cedex( [0-9]+)? ', ' ', 'g')"
    return f"nullif(trim(regexp_replace(replace({city}, ' st ', ' saint '), ' ste ', ' sainte ', 'g')), '')"


def _birth(column: str) -> str:
    """YYYYMMDD; a day before 1901 stands for a missing one."""
    return f"(case when {column} >= timestamp '1901-01-01' then strftime({column}, '%Y%m%d') end)"


def _postcode(column: str) -> str:
    return f"nullif(regexp_replace(upper({column}), '[^A-Z0-9]', '', 'g'), '')"


CLEANED = {
    "first_name": _name,
    "last_name": _name,
    "email": _email,
    "phone": _phone,
    "street": _street,
    "postcode": _postcode,
    "city": _city,
    "birth_date": _birth,
}
"""How each column is made comparable; any other one is compared as `text`."""


def cleaned(column: str, kind: str = "string", at: str | None = None) -> str:
    """SQL of a column as it is compared; at: what it is called in the table, if not by its own name."""
    value = at or column
    if column == "birth_date" and not kind.startswith("timestamp"):
        value = f"try_cast({value} as timestamp)"
    elif column != "birth_date" and kind != "string":
        value = f"cast({value} as varchar)"
    return CLEANED.get(column, text)(value)


def normalise(con, kinds: dict[str, str], at: dict[str, str], compared: list[str], ruled: list[str]) -> None:
    """Make the table `norm` from the table `records`: rec, id (place of the raw id in the order of ids), and every column as compared.

    kinds     mapped columns with their types; at: what each is called in `records`
    compared  columns that the model compares; those of the contract that are not compared are missing in `norm`
    ruled     columns that rules name: x_ and what they are called in `records`. Kind and gender are x_kind and x_gender
    """
    missing = "cast(null as varchar)"
    columns = {c: cleaned(c, kinds[c], at[c]) if c in kinds and c in compared else missing for c in CLEANED}
    columns |= {f"x_{at[c]}": cleaned(c, kinds[c], at[c]) for c in ruled}
    columns |= {f"x_{c}": cleaned(c, kinds[c], at[c]) if c in kinds else missing for c in ("kind", "gender")}
    listed = ", ".join(f"{sql} as {name}" for name, sql in columns.items())
    con.execute(f"create or replace table norm_ as select rec, id, {listed} from records order by rec")
    _leave_out_shared(con)
    pairs = ", ".join(f"('{short}', '{name}')" for short, name in NICKNAMES.items())
    least = f"greatest({FREQUENT_IDS}, {FREQUENT} * (select count(distinct id) from norm_))"
    con.execute(f"""
        create or replace table norm as
        with seen_first as (select first_name as v from norm_ group by 1 having count(distinct id) >= {least}),
             seen_host as (select split_part(email, '@', 2) as v from norm_ group by 1 having count(distinct id) >= {least}),
             called(short, name) as (values {pairs})
        select n.*, coalesce(c.name, n.first_name) as a_root, n.first_name as a_first, n.last_name as a_last, n.birth_date as a_birth,
               f.v is not null as a_known, split_part(n.email, '@', 1) as local, split_part(n.email, '@', 2) as host,
               h.v is not null as host_known, regexp_replace(n.email, '[^0-9]', '', 'g') as mail_digits,
               n.street || '|' || coalesce(n.postcode, n.city) as address
        from norm_ n left join seen_first f on n.first_name = f.v left join seen_host h on split_part(n.email, '@', 2) = h.v
             left join called c on n.first_name = c.short
        order by rec""")
    con.execute("drop table norm_")


def _leave_out_shared(con) -> None:
    """Take out e-mail addresses and telephones that very many ids carry, and note them in the table `shared` (column, n values, ids)."""
    con.execute('create or replace table shared (field varchar, "values" bigint, ids bigint)')
    for field in ("email", "phone"):
        con.execute(f"create or replace temp table many as select {field} as v, count(distinct id) as n from norm_ "
                    f"where {field} is not null group by 1 having count(distinct id) > {MANY}")  # fmt: skip
        con.execute(f"insert into shared select '{field}', count(*), coalesce(sum(n), 0) from many having count(*) > 0")
        con.execute(f"update norm_ set {field} = null where {field} in (select v from many)")
