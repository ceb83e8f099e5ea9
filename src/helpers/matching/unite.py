"""Who is one customer: records in, persons out, with the evidence of every pair and what another threshold would change."""

import contextlib
from dataclasses import dataclass
from pathlib import Path

import ibis.expr.types as ir
import numpy as np

from helpers.engine import spill
from helpers.engine.duck import open_duckdb
from helpers.matching import clean, fuzzy, groups, model, pairs, people, summary, typed
from helpers.matching.same import OTHER_KIND, TWO_PEOPLE
from helpers.project import Project

STEP = 0.05
"""How far the threshold is moved either way to see what would change."""
HIGHEST = 0.99
"""The higher threshold goes no further: at 1 it would ask for a certainty that no probability has."""
SHOWN_FROM = 0.5
"""Pairs are kept as evidence from this probability on, so that one can see who was nearly joined."""


@dataclass(frozen=True)
class Matched:
    """The result of matching. All tables but `summary` are private: they hold ids, and `people` holds personal data.

    identity    raw_id, customer_id: one row an id of a source. Nothing is lost: taking a pair out brings its records back apart
    pairs       left, right (raw ids, left first in order), probability (missing for a pair that the model did not judge), one
                <column>_score each (fuzzy score, 0-1), why (always, rule, probability, same id), joined, joined_lower, joined_higher
                (one person now, and at the lower and higher threshold), kept_apart (a link refused because it would unite two who
                must not be), contradicted (first names or birth dates that no typing error explains, joined by hand or by an exact
                rule all the same). One row a pair of ids; `same id` stands for several records of one id
    people      customer_id and the surviving columns
    households  customer_id, household_id
    summary     counts and shares only, for the pages: see `summary.of`
    """

    identity: ir.Table
    pairs: ir.Table
    people: ir.Table
    households: ir.Table
    summary: dict


def match(step) -> Matched | None:
    """Match the records of a step (its project and engine); None when nothing personal is mapped and no rule is typed.

    Raises NinefoldError for a typed column or id that does not exist.
    """
    records = step.engine.records()
    return None if records is None else match_records(records, step.project, step.engine.con)


def match_records(records: ir.Table, project: Project, con) -> Matched | None:
    """As `match`, on a table of records: customer_id (raw id), source, place (order of the source), and any mapped columns.

    The work is done in a DuckDB of its own and only results go to `con`, so that it runs alike whatever the project's engine.
    """
    columns = list(records.columns)
    compared, ruled = typed.compared(columns, project), typed.rule_columns(columns, project)
    matching = project.collect.matching
    if not compared and not ruled and not matching.always:
        return None
    with _own_database(project) as own:
        at = _load(own, con, records, project)
        return _Matching(own, project, records.schema(), at, compared, ruled).matched(con)


def applied(table: ir.Table, identity: ir.Table) -> ir.Table:
    """The table with persons' ids for raw ids in customer_id; an id that no record has stays as it is. Same columns."""
    taken = {column.lower() for column in table.columns}
    raw, person = (_free(name, taken) for name in ("raw_", "person_"))
    known = identity.select(**{raw: identity.raw_id, person: identity.customer_id})
    joined = table.left_join(known, table.customer_id == known[raw])
    return joined.mutate(customer_id=joined[person].coalesce(joined.customer_id)).select(*table.columns)


def _free(name: str, taken: set[str]) -> str:
    """A name that no column has: columns carry the names that people typed."""
    while name in taken:
        name += "_"
    return name


@contextlib.contextmanager
def _own_database(project: Project):
    # What does not fit into memory goes to the project's private folder, to a part of its own: two databases may not share one.
    own, folder = open_duckdb(), Path(project.folder)
    with contextlib.suppress(OSError):  # a folder that nobody may write to can be read all the same
        if folder.is_dir():
            own.execute("set temp_directory = ?", [str(spill.place(spill.hold(folder, own)))])
    try:
        yield own
    finally:
        own.close()


def _load(own, con, records: ir.Table, project: Project) -> dict[str, str]:
    """Make `ids` (raw_id, id: position, ids of the first numbering first) and `records` (rec: position, id, raw_id, every column).

    Returns  what each column of the records is called in `records`: those of the interface as they are, any mapped one c0, c1 …, for
             no name that people typed may stand in a query, or be taken for one of matching's own
    """
    arrow = con.to_pyarrow(records.filter(records.customer_id.notnull()))
    at = {name: name if name in people.NOT_KEPT else f"c{number}" for number, name in enumerate(sorted(records.columns))}
    own.register("incoming", arrow.rename_columns([at[name] for name in arrow.column_names]))
    first = next(source.ids for source in project.collect.sources.values())
    prefixed = [name for name, source in project.collect.sources.items() if source.ids != first]
    own.execute("create table prefixed (source varchar)")
    own.executemany("insert into prefixed values (?)", [[name] for name in prefixed] or [[None]])
    own.execute("""
        create table ids as select raw_id, row_number() over (order by later, raw_id) - 1 as id from (
            select customer_id as raw_id, bool_and(p.source is not null) as later
            from incoming i left join prefixed p on i.source = p.source group by 1) order by id""")
    columns = ", ".join(f"i.{c}" for c in at.values())
    order = ", ".join(f"i.{at[c]} nulls first" for c in ["place", "source", *(c for c in at if c not in ("place", "source"))])
    own.execute(f"""
        create table records as select row_number() over (order by n.id, {order}) as rec, n.id, n.raw_id, {columns}
        from incoming i join ids n on i.customer_id = n.raw_id order by rec""")
    own.unregister("incoming")
    return at


class _Matching:
    """One run of matching, in its own database; each method makes or reads the tables that its name says."""

    def __init__(self, own, project: Project, schema, at: dict[str, str], compared: list[str], ruled: list[str]):
        self.own, self.project, self.at, self.compared = own, project, at, compared
        self.matching = project.collect.matching
        self.kinds = {
            name: "timestamp" if kind.is_timestamp() else "string" if kind.is_string() else "other" for name, kind in schema.items()
        }
        self.ruled = ruled
        self.n = self._one("select count(*) from ids")
        self.thresholds = self._thresholds()

    def _thresholds(self) -> dict[str, float]:
        now = self.matching.threshold
        return {"now": now, "lower": round(max(now - STEP, 0.0), 9), "higher": round(max(min(now + STEP, HIGHEST), now), 9)}

    def _one(self, sql: str):
        return self.own.execute(sql).fetchone()[0]

    def matched(self, con) -> Matched:
        clean.normalise(self.own, self.kinds, self.at, self.compared, self.ruled)
        self.fields = model.fields(self.compared)
        self.blocked = pairs.block(self.own) if self.fields else 0
        self.left_out = pairs.by_rule(self.own, self.matching, self.at, self.compared)
        self.model = self._judge()
        self._join()
        self._name()
        people.survivors(self.own, {c: self.at[c] for c in self.kinds}, self.matching.survivorship)
        if self.matching.households:
            people.households(self.own, self.kinds, self.at)
        else:
            self.own.execute("create table households (customer_id varchar, household_id varchar)")
        self._evidence()
        handed = [self._hand_over(con, name) for name in ("identity", "evidence", "people", "households")]
        return Matched(*handed, summary.of(self))

    def _judge(self) -> model.Model | None:
        if self.fields and self.blocked:
            return model.judge(self.own, self.fields, seed=self.project.seed, least=min(SHOWN_FROM, self.thresholds["lower"]))
        self.own.execute("create table scored (l bigint, r bigint, probability double)")
        return None

    def _links(self) -> None:
        """Make `links`: l, r (places of ids, l < r), rec_l, rec_r (the records that speak for it), probability, strength (see `pairs`),
        known (the model compares all that joins them) and contradicted (typed or exact, though each of their records says two people).
        """
        position = dict(self.own.execute("select raw_id, id from ids").fetchall()) if self.matching.always or self.matching.never else {}
        self.always = typed.places("always", self.project, position)
        self.never = [pair for pair in typed.places("never", self.project, position)]
        typed.not_both(self.always, self.never, self.project)
        self.own.execute("create table always (l bigint, r bigint)")
        if self.always:
            self.own.executemany("insert into always values (?, ?)", self.always)
        self.own.execute(f"""
            create table links as
            with told as (
                select a.id as x, b.id as y, a.rec as p, b.rec as q, probability, {pairs.PROBABLE} as strength, null::boolean as known
                from scored s join norm a on s.l = a.rec join norm b on s.r = b.rec
                union all select a.id, b.id, a.rec, b.rec, null, s.strength, s.known
                from ruled s join norm a on s.l = a.rec join norm b on s.r = b.rec
                union all select s.l, s.r, min(a.rec), min(b.rec), null, {pairs.ALWAYS}, false
                from always s join norm a on s.l = a.id join norm b on s.r = b.id
                group by all),
            turned as (
                select least(x, y) as l, greatest(x, y) as r, if(x < y, p, q) as rec_l, if(x < y, q, p) as rec_r, probability, strength,
                       known
                from told),
            linked as (
                select l, r, arg_min(rec_l, rank) as rec_l, arg_min(rec_r, rank) as rec_r, max(probability) as probability,
                       min(strength) as strength, coalesce(bool_or(known), true) as known
                from (select *, row_number() over (order by probability desc nulls last, strength, rec_l, rec_r) as rank from turned)
                group by l, r),
            unlike as (
                select k.l as one, k.r as other from linked k join norm l on k.l = l.id join norm r on k.r = r.id
                where k.strength <= {pairs.EXACT} group by k.l, k.r having bool_and({TWO_PEOPLE}))
            select k.*, u.one is not null as contradicted from linked k left join unlike u on k.l = u.one and k.r = u.other
            order by strength, coalesce(probability, 0) desc, k.l, k.r""")

    def _join(self) -> None:
        """Make `persons` (id, now, lower, higher: place of the person's smallest id) and note which links were refused."""
        self._links()
        found = self.own.execute("""
            select l, r, coalesce(probability, 0) as p, probability is not null and known as judged, contradicted, strength
            from links""").fetchnumpy()
        arrays = {name: np.asarray(values) for name, values in found.items()}
        certain, decided = arrays["strength"] < pairs.PROBABLE, arrays["strength"] <= pairs.EXACT
        least = {name: certain | (arrays["p"] >= value) for name, value in self.thresholds.items()}
        apart = self._apart(groups.together(self.n, self._some(arrays, decided, least["lower"])))
        result, self.refused = {}, np.zeros(len(certain), dtype=bool)
        for name, chosen in least.items():
            result[name], refused = groups.kept_apart(self.n, self._some(arrays, decided, chosen), *apart)
            if name == "now":
                self.refused[np.flatnonzero(chosen)[refused]] = True
        self.result, self.links, self.chosen = result, arrays, least

    def _some(self, arrays: dict, decided: np.ndarray, chosen: np.ndarray) -> groups.Links:
        return groups.Links(arrays["l"][chosen].astype(np.int64), arrays["r"][chosen].astype(np.int64), decided[chosen])

    def _apart(self, group: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Pairs of places within the groups that may not be one person: typed or of another kind; and clearly two people by their names."""
        sizes = np.bincount(group, minlength=self.n)
        several = np.flatnonzero(sizes[group] > 1)
        self.own.register("grouped_", {"id": several, "g": group[several]})
        self.own.execute("create or replace temp table grouped as select n.*, g from norm n join grouped_ m on n.id = m.id")
        self.own.unregister("grouped_")
        listed = {}
        for name, condition in (("kind", OTHER_KIND), ("people", TWO_PEOPLE)):
            rows = self.own.execute(f"""
                select l.id, r.id from grouped l join grouped r on l.g = r.g and l.id < r.id
                group by l.id, r.id having bool_and({condition}) order by 1, 2""").fetchall()
            listed[name] = rows
        allowed = set(self.always)
        never = sorted({*self.never, *(pair for pair in listed["kind"] if pair not in allowed)})
        return tuple(np.array(each, dtype=np.int64).reshape(-1, 2) for each in (never, listed["people"]))

    def _name(self) -> None:
        """Make `identity` (raw_id, customer_id, id): a person has the smallest raw id of its group."""
        places = {"id": np.arange(self.n), **{name: group for name, group in self.result.items()}}
        self.own.register("persons_", places)
        self.own.execute("create table persons as select * from persons_")
        self.own.unregister("persons_")
        self.own.execute("""
            create table identity as select i.raw_id, p.raw_id as customer_id, i.id
            from ids i join persons g on i.id = g.id join ids p on g.now = p.id order by i.raw_id""")

    def _evidence(self) -> None:
        """Make `evidence`: the table `pairs` of Matched."""
        scores = [c for c in clean.CLEANED if c in self.compared]
        listed = "".join(f", {fuzzy.sql(f'a.{c}', f'b.{c}')} as {c}_score" for c in scores)
        empty = "".join(f", null::double as {c}_score" for c in scores)
        self.own.register("refused_", {"n": np.arange(len(self.refused)), "refused": self.refused})
        self.own.execute(f"""
            create table evidence as
            with numbered as (select *, row_number() over (order by strength, coalesce(probability, 0) desc, l, r) - 1 as n from links)
            select x.raw_id as "left", y.raw_id as "right", k.probability {listed},
                   case k.strength when {pairs.ALWAYS} then 'always' when {pairs.PROBABLE} then 'probability' else 'rule' end as why,
                   p.now = q.now as joined, p.lower = q.lower as joined_lower, p.higher = q.higher as joined_higher,
                   f.refused as kept_apart, k.contradicted
            from numbered k join refused_ f on k.n = f.n join ids x on k.l = x.id join ids y on k.r = y.id
            join persons p on k.l = p.id join persons q on k.r = q.id join norm a on k.rec_l = a.rec join norm b on k.rec_r = b.rec
            union all
            select raw_id, raw_id, null {empty}, 'same id', true, true, true, false, false
            from records group by raw_id having count(*) > 1
            order by "left", "right" """)
        self.own.unregister("refused_")

    def _hand_over(self, con, name: str) -> ir.Table:
        """A result as a table of the project's engine."""
        columns = "raw_id, customer_id" if name == "identity" else "*"
        arrow = self.own.execute(f"select {columns} from {name}").to_arrow_table()
        if name == "people":
            called = {at: column for column, at in self.at.items()}
            arrow = arrow.rename_columns([called[at] for at in arrow.column_names])
        return con.create_table(f"matching_{name}", arrow, temp=True, overwrite=True)
