"""The counts of a run of matching: no id, no name; what the page says, as numbers and codes."""

import math

import numpy as np

from helpers.matching.clean import CLEANED
from helpers.matching.pairs import ALWAYS, PROBABLE
from helpers.matching.same import ALIKE


def of(run) -> dict:
    """The summary of `unite.Matched`, read from the tables of a run.

    records, ids, people    rows, different raw ids, and persons
    joined                  ids that are one person with another
    sizes                   persons by their number of ids, as text: {"1": …}
    sources                 of each source: records, and how many of them are one person with a record of another id
    pairs                   pairs that join, by reason: always, rule, probability, same id; of a reason that does not occur 0
    agreement               of each compared column, of the pairs joined by probability: same, alike (fuzzy score of .6 or more), other,
                            missing (in one of the two)
    threshold               from which a pair is joined by probability
    expected_wrong          of the pairs joined by probability, how many the model expects to be two people (sum of 1 − probability)
    contradicted            of the pairs joined by a rule, how many differ in first name or birth date as no typing error explains
    judged                  of the pairs joined by rule or probability, how many can be judged: the model compares all that the
                            rule names, or the pair is contradicted
    judged_wrong            of these, how many it expects to be two people: sum of 1 − probability, each contradicted one being one
    sensitivity             lower and higher: threshold, people, join and part (customers of now who would), pairs_join and pairs_part
    kept_apart              links refused because they would have united two who must not be one
    fields, weights         what is compared and how much: of each field m and u by level; estimated: from these records, or as stated
    compared_pairs          pairs that the model judged
    nothing_to_compare      records without a value in any compared field
    shared                  values that so many ids carry that they are not compared: field, values, ids
    rule_values_left_out    the same for typed rules
    shared_emails           e-mail addresses that several persons have
    households, households_of, in_households   how many, by number of people as text, and people in any
    first, last             days of the first and last created_at or updated_at; missing without these columns
    """
    one = run._one
    ids, members = run.n, np.bincount(run.result["now"], minlength=run.n)
    sizes = np.unique(members[members > 0], return_counts=True)
    found = {
        "records": one("select count(*) from records"),
        "ids": ids,
        "people": int((members > 0).sum()),
        "joined": int(members[members > 1].sum()),
        "sizes": {str(size): int(n) for size, n in zip(*sizes, strict=True)},
        "sources": _sources(run),
        "pairs": _pairs(run),
        "agreement": _agreement(run),
        "threshold": run.thresholds["now"],
        "expected_wrong": _expected_wrong(run),
        **_judged(run),
        "sensitivity": {name: _other(run, name) for name in ("lower", "higher")},
        "kept_apart": int(run.refused.sum()),
        "never": len(run.never),
        "compared_pairs": run.blocked,
        "nothing_to_compare": _nothing(run),
        "shared": [dict(zip(("field", "values", "ids"), row, strict=True)) for row in _rows(run, "select * from shared order by 1")],
        "rule_values_left_out": run.left_out,
        "shared_emails": one("""
            select count(*) from (select email from norm n join persons p on n.id = p.id where email is not null
                                  group by 1 having count(distinct p.now) > 1)"""),
    }
    return found | _weights(run) | _households(run) | _span(run)


def _rows(run, sql: str) -> list[tuple]:
    return run.own.execute(sql).fetchall()


def _sources(run) -> dict[str, dict[str, int]]:
    rows = _rows(run, """
        with sizes as (select now, count(*) as n from persons group by now)
        select r.source, count(*), count(*) filter (s.n > 1) from records r join persons p on r.id = p.id join sizes s on p.now = s.now
        group by r.source, r.place order by r.place, r.source""")  # fmt: skip
    return {source: {"records": n, "joined": joined} for source, n, joined in rows}


def _pairs(run) -> dict[str, int]:
    counted = dict(_rows(run, "select why, count(*) from evidence where joined and not kept_apart group by why"))
    return {why: counted.get(why, 0) for why in ("same id", "always", "rule", "probability")}


def _agreement(run) -> dict[str, dict[str, int]]:
    found = {}
    for column in (c for c in CLEANED if c in run.compared):
        same, alike, other, missing = run.own.execute(f"""
            select count(*) filter (s = 1), count(*) filter (s < 1 and s >= {ALIKE}), count(*) filter (s < {ALIKE}),
                   count(*) filter (s is null)
            from (select {column}_score as s from evidence where joined and not kept_apart and why = 'probability')""").fetchone()
        found[column] = {"same": same, "alike": alike, "other": other, "missing": missing}
    return found


def _expected_wrong(run) -> float:
    links = run.links
    used = run.chosen["now"] & (links["strength"] == PROBABLE) & ~run.refused
    return round(math.fsum((1 - links["p"][used]).tolist()), 6)


def _judged(run) -> dict:
    """What the program's own measures say against joins, rules included: a rule is people's word, but nobody's proof."""
    links = run.links
    used = run.chosen["now"] & (links["strength"] > ALWAYS) & ~run.refused
    against, judged = used & links["contradicted"], used & links["judged"] & ~links["contradicted"]
    return {
        "contradicted": int(against.sum()),
        "judged": int(judged.sum() + against.sum()),
        "judged_wrong": round(math.fsum((1 - links["p"][judged]).tolist()) + int(against.sum()), 6),
    }


def _other(run, name: str) -> dict:
    """What another threshold would change: customers of now who would join another or part, and pairs of ids that would."""
    now, other = run.result["now"], run.result[name]
    cells, many = np.unique(np.stack([now, other]), axis=1, return_counts=True)
    _, of_now = np.unique(cells[0], return_inverse=True)
    _, of_other = np.unique(cells[1], return_inverse=True)
    meet = np.bincount(of_other)[of_other] > 1  # the other's person holds several of now
    spread = np.bincount(of_now)[of_now] > 1  # the person of now is several in the other
    return {
        "threshold": run.thresholds[name],
        "people": int(len(np.unique(other))),
        "join": int(len(np.unique(cells[0][meet]))),
        "part": int(len(np.unique(cells[0][spread]))),
        "pairs_join": _couples(other) - int((many * (many - 1) // 2).sum()),
        "pairs_part": _couples(now) - int((many * (many - 1) // 2).sum()),
    }


def _couples(group: np.ndarray) -> int:
    n = np.bincount(group) if len(group) else np.array([0])
    return int((n * (n - 1) // 2).sum())


def _nothing(run) -> int:
    empty = " and ".join(f'"{c}" is null' for c in CLEANED)
    return run._one(f"select count(*) from norm where {empty}") if run.fields else 0


def _weights(run) -> dict:
    weights = run.model.weights if run.model else {}
    return {
        "fields": list(run.fields),
        "estimated": bool(run.model and run.model.estimated),
        "prior": run.model.prior if run.model else None,
        "weights": {field: [list(level) for level in levels] for field, levels in weights.items()},
    }


def _households(run) -> dict:
    rows = _rows(run, "select n, count(*) from (select count(*) as n from households group by household_id) group by n order by n")
    return {
        "households": sum(n for _, n in rows),
        "households_of": {str(size): n for size, n in rows},
        "in_households": sum(size * n for size, n in rows),
    }


def _span(run) -> dict:
    dates = [c for c in ("created_at", "updated_at") if c in run.kinds and run.kinds[c] == "timestamp"]
    if not dates:
        return {"first": None, "last": None}
    low, high = (", ".join(f"{each}({run.at[c]})" for c in dates) for each in ("min", "max"))
    first, last = run.own.execute(f"select least({low}), greatest({high}) from records").fetchone()
    return {"first": first and first.date().isoformat(), "last": last and last.date().isoformat()}
