"""One row a person out of several records: whose value survives, and who lives together. Tables of the matching's own DuckDB."""

from helpers.matching.clean import cleaned
from helpers.matching.same import ORGANISED

EARLIEST, LATEST = ("created_at",), ("updated_at",)
"""A person is known since the first record and was last changed with the last, unless project.yml says otherwise."""
NOT_KEPT = ("customer_id", "source", "place")


def survivors(con, at: dict[str, str], how: dict[str, str]) -> None:
    """Make `people` (customer_id and every column, called as in `records`): each with the value of the record that ranks first.

    Records without a value do not count for a column.
    at             what each mapped column is called in `records`;  how: column → one of these
    most_recent    by updated_at, newest first (the default); records without it last
    most_complete  the record with most columns filled
    source_order   the source typed first in project.yml
    Ties go by the order of the sources, then by the id.
    """
    kept = [c for c in at if c not in NOT_KEPT]
    filled = " + ".join([f"({at[c]} is not null)::int" for c in kept]) or "0"
    newest = f"{at['updated_at']} desc nulls last, " if "updated_at" in at else ""
    orders = {"most_recent": newest, "most_complete": f"{filled} desc, ", "source_order": ""}
    ranks = ", ".join(f"row_number() over (order by {order}place, rec) as rank_{name}" for name, order in orders.items())
    chosen = [f"{_survivor(c, at[c], how)} as {at[c]}" for c in kept]
    con.execute(f"""
        create or replace table people as
        with ranked as (select r.*, {ranks}, g.customer_id as person_ from records r join identity g on r.raw_id = g.raw_id)
        select {", ".join(["person_ as customer_id", *chosen])} from ranked group by person_ order by person_""")


def _survivor(column: str, at: str, how: dict[str, str]) -> str:
    if column not in how and column in EARLIEST:
        return f"min({at})"
    if column not in how and column in LATEST:
        return f"max({at})"
    rank = f"rank_{how.get(column, 'most_recent')}"
    return f"arg_min({at}, {rank})"  # which passes over records without a value


def households(con, kinds: dict[str, str], at: dict[str, str]) -> None:
    """Make `households` (customer_id, household_id): persons of one last name at one address, named after the smallest id among them.

    Those whose last name, street or place is unknown are in none, and neither are firms. Compared as matching compares.
    """
    con.execute("create or replace table households (customer_id varchar, household_id varchar)")
    place = next((c for c in ("postcode", "city") if c in kinds), None)
    if not {"last_name", "street"} <= set(kinds) or place is None:
        return
    key = [cleaned(c, kinds[c], at[c]) for c in ("last_name", "street", place)]
    firms = ", ".join(f"'{kind}'" for kind in ORGANISED)
    person = f"coalesce({cleaned('kind', kinds['kind'], at['kind'])} not in ({firms}), true)" if "kind" in kinds else "true"
    con.execute(f"""
        create or replace temp table lives as
        select p.customer_id, i.id, hash({", ".join(key)}) as home from people p join identity i on p.customer_id = i.raw_id
        where {person} and {" and ".join(f"{each} is not null" for each in key)}""")
    con.execute("""
        insert into households
        with first as (select home, arg_min(customer_id, id) as household_id from lives group by home)
        select customer_id, household_id from lives join first using (home) order by customer_id""")
    con.execute("drop table lives")
