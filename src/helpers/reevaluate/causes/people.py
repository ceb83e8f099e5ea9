"""Who is who: customers of an earlier run under the ids of today, and who is there at both dates."""

import ibis
import ibis.expr.types as ir

from helpers.build.inputs import KEY


def pairs(then: ir.Table | None, now: ir.Table | None, orders: ir.Table) -> ir.Table | None:
    """Which persons of today an id of the earlier run stands for, where the two runs joined records differently.

    then, now   identity tables of step 3 (raw_id, customer_id) of the earlier and of today's run; None: ids are the records' own
    orders      today's order lines: a record that stands in no table of customers any more is a person where it has orders
    Returns     old_id, customer_id (several of either to one of the other, where records were joined or parted); None where nothing
                changed. An id that does not stand there is the same person.
    """
    if then is None and now is None:
        return None
    blank = ibis.memtable({"raw_id": [], "customer_id": []}, schema={"raw_id": "string", "customer_id": "string"})
    old = (then if then is not None else blank).select("raw_id", old_id="customer_id")
    new = (now if now is not None else blank).select("raw_id", "customer_id")
    joined = old.outer_join(new, "raw_id")
    raw = ibis.coalesce(joined.raw_id, joined.raw_id_right)
    both = joined.select(
        old_id=joined.old_id.coalesce(raw), customer_id=joined.customer_id.coalesce(raw), known=joined.customer_id.notnull()
    )
    there = orders.select(KEY).distinct()
    kept = both.filter(both.known).union(both.filter(~both.known).semi_join(there, KEY))
    found = kept.select("old_id", KEY).distinct().cache()
    return found if int((found.old_id != found.customer_id).sum().fill_null(0).execute()) else None


def renamed(tables: dict[str, ir.Table], today: dict[str, ir.Table], found: ir.Table | None) -> dict[str, ir.Table]:
    """The earlier run's tables under today's ids.

    tables   of the earlier run;  today: those of today cut at its as_of, with the same columns;  found: `pairs`

    Rows of a record that was parted into several persons do not say whose they are: for these persons today's rows are taken.
    """
    if found is None:
        return tables
    several = found.group_by("old_id").agg(n_=found.customer_id.nunique()).filter(ibis._.n_ > 1)
    parted = found.semi_join(several, "old_id").select(KEY).distinct().cache()
    unclear = found.semi_join(parted, KEY).select("old_id").distinct().cache()
    single = found.anti_join(parted, KEY).select(old_="old_id", new_=KEY).cache()
    result = {}
    for name, table in tables.items():
        if KEY not in table.columns:
            result[name] = table
            continue
        kept = table.anti_join(unclear, table[KEY] == unclear.old_id)
        joined = kept.left_join(single, kept[KEY] == single.old_)
        mine = joined.mutate(**{KEY: joined.new_.coalesce(joined[KEY])}).select(*table.columns)
        others = today[name].semi_join(parted, KEY)
        result[name] = mine.union(others.select(**{c: others[c].cast(kind) for c, kind in table.schema().items()}))
    return result


def one_each(people: ir.Table) -> ir.Table:
    """Attributes, one row a person: of records joined into one, the smallest value of each, as step 3 does."""
    names = [c for c in people.columns if c != KEY]
    smallest = {c: people[c].max() if people[c].type().is_boolean() else people[c].min() for c in names}
    return people.group_by(KEY).agg(**smallest)


def presence(then: ir.Table, now: ir.Table, found: ir.Table | None) -> dict[str, ir.Table]:
    """Who is in scope at both dates, and who only at one.

    then     customer_id (of the earlier run), segment;  now: customer_id, segment;  found: `pairs`
    Returns  present (customer_id, old_id); departed, joined (segment of then), arrived, parted (segment of now). joined: the records
             that became part of a person who is known by another of them; parted: persons that were part of one known before.
    """
    old = then.select(old_id=KEY, segment="segment")
    if found is None:
        edges = old.mutate(**{KEY: old.old_id})
    else:
        edges = old.left_join(found, "old_id").drop("old_id_right")
        edges = edges.mutate(**{KEY: edges.customer_id.coalesce(edges.old_id)})
    # One record stands for one person: where both may choose, the same id comes first, then the smallest.
    choice = {
        "mine_": ibis.row_number().over(group_by="old_id", order_by=[edges.old_id != edges.customer_id, edges.customer_id]),
        "own_": ibis.row_number().over(group_by=KEY, order_by=[edges.old_id != edges.customer_id, edges.old_id]),
    }
    edges = edges.mutate(**choice).cache()
    matched = edges.filter(edges.mine_ == 0, edges.own_ == 0)
    extra = now.anti_join(matched, KEY)
    return {
        "present": matched.semi_join(now, KEY).select(KEY, "old_id").cache(),
        "departed": matched.anti_join(now, KEY).select("segment"),
        "joined": old.anti_join(matched, "old_id").select("segment"),
        "parted": extra.semi_join(edges, KEY).select("segment"),
        "arrived": extra.anti_join(edges, KEY).select("segment"),
    }


def did_something(tables: dict[str, ir.Table], project, *, start, end) -> ir.Table:
    """customer_id of everyone with a dated row of their own in [start, end): orders, visits and the like, answers, comments, replies.

    What the company did, such as a mailing sent, is nothing that a customer did.
    """
    told, low, high = [], ibis.literal(start, "timestamp"), ibis.literal(end, "timestamp")
    dated = {"orders": "ordered_at", "events": "occurred_at", "answers": "answered_at", "comments": "said_at", "contacts": "responded_at"}
    for name, column in dated.items():
        if name not in tables or column not in tables[name].columns:
            continue
        rows = tables[name]
        rows = rows.filter(rows[column] >= low, rows[column] < high, rows.customer_id.notnull())
        if name == "events":
            rows = rows.filter(rows.kind.isnull() | rows.kind.notin(project.variables.event_kinds.sent))
        told.append(rows.select(KEY))
    return ibis.union(*told).distinct() if len(told) > 1 else told[0].distinct()
