"""Which pairs of records are looked at at all, and which of them a typed rule joins. Tables of the matching's own DuckDB."""

from helpers.matching import fuzzy
from helpers.matching.clean import MANY
from helpers.matching.same import OTHER_KIND, TWO_PEOPLE
from helpers.project.sources import Matching

ALWAYS, EXACT, FUZZY, PROBABLE = range(4)
"""What joins a pair, from the strongest: typed by hand, an exact rule, a fuzzy rule, its probability."""

BLOCK = 100
"""A key that more ids than this share brings no pairs: 500,000 records would have thousands of a Marie Martin; other keys find them."""
RULE_BLOCK = 1000
"""The same for the equal part of a fuzzy rule, which people chose with care."""

# A pair is looked at when one of these agrees. Together they let every single column be wrong.
KEYS = {
    "email": "email",
    "phone": "phone",
    "address": "address",
    "names": "least(first_name, last_name) || '|' || greatest(first_name, last_name)",
    "name_birth": "last_name || '|' || birth_date",
    "first_birth": "first_name || '|' || birth_date",
    "name_place": "last_name || '|' || coalesce(postcode, city)",
    "first_place": "first_name || '|' || coalesce(postcode, city)",
    "mailbox": "case when length(local) >= 6 then local end",
    "first_mail_begins": "first_name || '|' || case when length(local) >= 6 then left(local, 6) end",
    "first_mail_ends": "first_name || '|' || case when length(local) >= 6 then right(local, 6) end",
    "mail_begins": "case when first_name is null or last_name is null then left(local, 8) || host end",
}


def block(con) -> int:
    """Make `blocked` (l, r: rec of the two, l < r): the pairs that the model judges. Returns their number.

    Two records of one id are one person already; a firm and a person, or two certainly different people, are no pair.
    """
    parts = " union all ".join(
        f"select rec, id, '{name}' as rule, {key} as key from norm where ({key}) is not null" for name, key in KEYS.items()
    )
    con.execute(f"create or replace temp table keys as select rec, id, hash(rule, key) as key from ({parts})")
    con.execute("create or replace temp table useful as select key from keys group by key "
                f"having count(distinct id) between 2 and {BLOCK}")  # fmt: skip
    con.execute("create or replace temp table keys as select k.* from keys k semi join useful u on k.key = u.key")
    con.execute("create or replace temp table near as "
                "select distinct a.rec as l, b.rec as r from keys a join keys b "
                "on a.key = b.key and a.rec < b.rec and a.id <> b.id")  # fmt: skip
    con.execute(f"""
        create or replace table blocked as select p.l, p.r from near p join norm l on p.l = l.rec join norm r on p.r = r.rec
        where not ({OTHER_KIND}) and not ({TWO_PEOPLE}) order by p.l, p.r""")
    con.execute("drop table keys; drop table useful; drop table near")
    return con.execute("select count(*) from blocked").fetchone()[0]


def by_rule(con, matching: Matching, at: dict[str, str], compared: list[str]) -> int:
    """Make `ruled` (l, r, strength, known): the pairs that the typed rules join. Returns how many shared values were left out.

    at        what each mapped column is called in the tables
    compared  the columns that the model compares
    strength  EXACT or FUZZY, the stronger one of the rules that join the pair
    known     the model compares all that a rule rests on, and does not hold the two for different people: it can judge the pair
    A fuzzy rule means values typed differently, so it joins nobody whose first name or birth date no typing error explains; an exact
    rule is people's word, and joins them all the same.
    All columns of a rule are filled, and compared as `clean` makes them. A value that very many ids carry joins nobody.
    """
    con.execute("create or replace table ruled (l bigint, r bigint, strength tinyint, known boolean)")
    left_out = 0
    rules = [(EXACT, columns, {}, MANY) for columns in matching.exact]
    rules += [(FUZZY, rule.equal, rule.alike, RULE_BLOCK) for rule in matching.fuzzy]
    for strength, columns, alike, most in rules:
        known = all(column in compared for column in (*columns, *alike))
        key = " || '|' || ".join(f"x_{at[c]}" for c in columns)
        con.execute(f"create or replace temp table keyed as select rec, id, {key} as key from norm where ({key}) is not null")
        con.execute("create or replace temp table sizes as select key, count(distinct id) as n from keyed group by key")
        left_out += con.execute(f"select count(*) from sizes where n > {most}").fetchone()[0]
        close = " and ".join(["true", *(f"{fuzzy.sql(f'l.x_{at[c]}', f'r.x_{at[c]}')} >= {least}" for c, least in alike.items())])
        con.execute(f"""
            insert into ruled select a.rec, b.rec, {strength}, {known} and not {TWO_PEOPLE}
            from keyed a join keyed b on a.key = b.key and a.rec < b.rec and a.id <> b.id
            join sizes s on a.key = s.key and s.n <= {most} join norm l on a.rec = l.rec join norm r on b.rec = r.rec
            where not ({OTHER_KIND}) and ({strength} = {EXACT} or not {TWO_PEOPLE}) and {close}""")
    con.execute("create or replace table ruled as "
                "select l, r, min(strength) as strength, bool_or(known) as known from ruled group by l, r order by l, r")  # fmt: skip
    return left_out
