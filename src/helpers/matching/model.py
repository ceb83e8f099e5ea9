"""How probable it is that two records are one person: Splink's model (Fellegi and Sunter), trained on the records themselves.

Splink is imported late (it costs half a second) and works on the matching's own DuckDB. Everything is ordered, sampled by a hash of
the id and rounded, so that the same records give the same probabilities whatever the order of their rows.
"""

import contextlib
import logging
import re
import warnings
from dataclasses import dataclass

from helpers.matching.same import BIRTH_ALIKE, BOX_NAMED, BOX_SAME, FIRST_ALIKE, LAST_ALIKE, LAST_PART, MAIL_ALIKE, STREET_ALIKE, TWO_PEOPLE

ENOUGH = 500
"""Records from which weights are estimated; with fewer, or too few likely pairs, the stated ones are used."""
ENOUGH_PAIRS = 100
"""Pairs of records that a training round needs."""
SAMPLED = 1_500
"""Records (drawn by hash) whose pairs tell how often two different people agree: a million pairs."""
TRAINING_PAIRS = 300_000
"""Most pairs of one training round, drawn by a hash of the record; a base of 100,000 has fewer."""
REPEATED = 0.1
"""Without enough records: share of them taken to repeat another one."""
FOUND = 0.8
"""Share of the true pairs taken to agree on e-mail, telephone, address or names and birth date."""
DIGITS = 9


@dataclass(frozen=True)
class Level:
    """One degree of agreement: when, how often one person's two records show it (m), how often two people's do (u), when not estimated."""

    when: str
    m: float
    u: float
    rare: str = ""  # the column whose frequency of this very value replaces u


LEVELS: dict[str, list[Level]] = {
    "first_name": [
        Level("l.first_name = r.first_name", 0.85, 0.01, "first_name"),
        Level(FIRST_ALIKE, 0.14, 0.005),
        Level("ELSE", 0.01, 0.985),
    ],
    "last_name": [
        Level("l.last_name = r.last_name", 0.88, 0.002, "last_name"),
        Level(f"({LAST_ALIKE} or {LAST_PART})", 0.08, 0.002),
        Level("ELSE", 0.04, 0.996),
    ],
    "birth_date": [
        Level("l.birth_date = r.birth_date", 0.93, 0.00005, "birth_date"),
        Level(BIRTH_ALIKE, 0.06, 0.002),
        Level("ELSE", 0.01, 0.998),
    ],
    "email": [
        Level("l.email = r.email", 0.75, 0.000001, "email"),
        Level(MAIL_ALIKE, 0.05, 0.00002),
        Level(BOX_SAME, 0.02, 0.000005),
        Level("ELSE", 0.18, 0.999974),
    ],
    "phone": [
        Level("l.phone = r.phone", 0.75, 0.000001, "phone"),
        Level("damerau_levenshtein(l.phone, r.phone) <= 1", 0.03, 0.00001),
        Level("ELSE", 0.22, 0.99999),
    ],
    "address": [
        Level("l.address = r.address", 0.75, 0.000002, "address"),
        Level(STREET_ALIKE, 0.08, 0.00002),
        Level("l.postcode = r.postcode", 0.04, 0.001, "postcode"),
        Level("ELSE", 0.13, 0.999),
    ],
}
"""What is compared, from the closest agreement to none, with the weights used when there are too few records to estimate them."""
PLACE = ("street", "postcode", "city")
COUNTED = ("email", "phone", "address")
"""Fields of which one person has one of their own: how often two people share one is counted, not sampled."""
ROUNDS = (("email",), ("phone",), ("first_name", "last_name"), ("last_name", "birth_date"))
"""What the pairs of each training round agree on; the round estimates the other fields."""
FEW = 100
"""A value of one person (an address) that more records carry does not count among them."""
LEAST, MOST = 0.002, 0.998
"""Bounds of an estimated m: nothing that was never seen in training is impossible."""


@dataclass(frozen=True)
class Model:
    """The weights in use: for each field its levels' (m, u), how probable a pair drawn at random is, and whether they were estimated."""

    weights: dict[str, list[tuple[float, float]]]
    prior: float
    estimated: bool


def fields(compared: list[str]) -> list[str]:
    """The fields that the model compares: the columns, those of a place as one field `address`."""
    found = [c for c in LEVELS if c in compared]
    return [*found, *(["address"] if any(c in compared for c in PLACE) else [])]


def judge(con, named: list[str], *, seed: int, least: float) -> Model:
    """Make `scored` (l, r, probability), rounded to 9 digits: the pairs of `blocked` that are one person with at least `least`.

    Pairs of `ruled` that the model can judge are scored too, however improbable they are.
    """
    n, pairs = con.execute("select (select count(*) from norm), (select count(*) from blocked)").fetchone()
    stated = {f: [(level.m, level.u) for level in LEVELS[f]] for f in named}
    with _quiet():
        _frequencies(con, named, stated)
        model = Model(stated, min(2 * REPEATED / max(n - 1, 1), 0.2), False)
        if n >= ENOUGH and pairs >= ENOUGH_PAIRS:
            model = _estimated(con, model, n, seed)
        _predict(con, model, least)
    return model


@contextlib.contextmanager
def _quiet():
    """Splink reports progress and advice for people who tune a model by hand; none of it is for our pages."""
    logger = logging.getLogger("splink")
    level = logger.level
    logger.setLevel(logging.CRITICAL)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            yield
        finally:
            logger.setLevel(level)


def _column(condition: str) -> str:
    """A condition over l and r in the form of Splink: first_name_l for l.first_name."""
    return re.sub(r"\b([lr])\.(\w+)", r"\2_\1", condition)


def _settings(model: Model) -> dict:
    comparisons = []
    for field, weights in model.weights.items():
        missing = f"l.{field} is null or r.{field} is null"
        if field == "address":  # a place may be known by its postcode alone
            missing = "(l.address is null or r.address is null) and (l.postcode is null or r.postcode is null)"
        if field == "email":
            missing += f" or {BOX_NAMED}"
        levels = [{"sql_condition": _column(missing), "label_for_charts": "missing", "is_null_level": True}]
        for number, (level, (m, u)) in enumerate(zip(LEVELS[field], weights, strict=True)):
            made = {"sql_condition": _column(level.when), "label_for_charts": f"{field} {number}", "m_probability": m, "u_probability": u}
            if level.rare:
                made |= {"tf_adjustment_column": level.rare, "disable_tf_exact_match_detection": True}
            levels.append(made)
        comparisons.append({"output_column_name": field, "comparison_levels": levels})
    return {
        "link_type": "dedupe_only",
        "unique_id_column_name": "rec",
        "probability_two_random_records_match": model.prior,
        "comparisons": comparisons,
        "blocking_rules_to_generate_predictions": [],
        "retain_matching_columns": False,
        "retain_intermediate_calculation_columns": False,
        "max_iterations": 50,
    }


def _linker(con, table: str, model: Model):
    from splink import DuckDBAPI, Linker

    api = DuckDBAPI(connection=con)
    linker = Linker(api.register(table), _settings(model), log_level=None, validate_settings=False)
    for field in model.weights:
        for column in sorted({level.rare for level in LEVELS[field]} - {""}):
            linker.table_management.register_term_frequency_lookup(api.register(f"rare_{column}"), column)
    return linker, api


def _frequencies(con, named: list[str], stated: dict) -> None:
    """Make `rare_<column>` (column, tf_<column>): how often two different people share this very value.

    A name is rare or common: (ids with it − 1) / ids. An address, telephone or e-mail is one person's unless several first names
    stand with it: (first names − 1) / ids, and never less than two people share any. Names that hardly anybody has are typing errors
    and do not count, where there are enough records to tell.
    """
    told = "a_known or (select count(*) from norm) < " + str(ENOUGH)
    for field in named:
        for column in sorted({level.rare for level in LEVELS[field]} - {""}):
            own = column in COUNTED
            others = f"greatest(count(distinct a_root) filter ({told}) - 1, 0)" if own else "greatest(count(distinct id) - 1, 0.5)"
            floor = stated[field][0][1] if own else 0.0
            con.execute(f"""
                create or replace table rare_{column} as select {column},
                greatest({others} / (select count(distinct id) from norm where {column} is not null), {floor!r})::double as tf_{column}
                from norm where {column} is not null group by 1 order by 1""")


def _estimated(con, model: Model, n: int, seed: int) -> Model:
    """The weights that these records show: u from pairs drawn by hash and from shared values counted, m by expectation maximisation."""
    con.execute("set threads = 1")  # sums of doubles in one order
    u = _agree_by_chance(con, model, seed)
    chance = {f: [(m, x) for (m, _), x in zip(model.weights[f], u[f], strict=True)] for f in model.weights}
    _frequencies(con, list(model.weights), chance)
    prior = _prior(con, model, n)
    m = _agree_of_one(con, Model(chance, prior, True))
    con.execute("reset threads")
    return Model({f: list(zip(m[f], u[f], strict=True)) for f in model.weights}, prior, True)


def _agree_by_chance(con, model: Model, seed: int) -> dict[str, list[float]]:
    sample = f"select * from norm order by md5('{seed}|' || rec), rec limit {SAMPLED}"
    con.execute(f"create or replace table drawn as select * from ({sample}) order by rec")
    linker, api = _linker(con, "drawn", model)
    linker.training.estimate_u_using_random_sampling(max_pairs=SAMPLED**2, min_count_per_level=None, num_chunks=1)
    seen = _read(linker, "u_probability")
    api.delete_tables_created_by_splink_from_db()
    drawn, result = SAMPLED * (SAMPLED - 1) / 2, {}
    for field, weights in model.weights.items():
        # What is not seen among a million pairs happens at most three times in them (95 %).
        rates = [round(max(found or 0.0, 3 / drawn), DIGITS) for found in seen[field][:-1]]
        if field in COUNTED:
            rates[0] = _shared(con, field, weights[0][1])
        result[field] = [*rates, round(max(1 - sum(rates), 0.01), DIGITS)]
    return result


def _shared(con, field: str, stated: float) -> float:
    """How often two people share the value, counted over all pairs whose first names say that they are two."""
    same, filled = con.execute(f"""
        with told as (select * from norm where {field} is not null and a_first is not null),
             few as (select {field} as v from told group by 1 having count(*) between 2 and {FEW})
        select (select count(*) from told l semi join few on l.{field} = few.v join told r on l.{field} = r.{field} and l.rec < r.rec
                where not {FIRST_ALIKE}), (select count(*) from told)""").fetchone()
    return max(round((same + 1) / (filled * (filled - 1) / 2), DIGITS + 3), 1e-8) if filled > 1 else stated


def _prior(con, model: Model, n: int) -> float:
    """Share of all pairs of records that are one person, from those that agree on something only one person has."""
    own = [f"l.{f} = r.{f}" for f in COUNTED if f in model.weights]
    named = [f for f in ("first_name", "last_name", "birth_date") if f in model.weights]
    whole = [" and ".join(f"l.{f} = r.{f}" for f in named)] if len(named) == 3 else []
    likely = " or ".join(f"coalesce({each}, false)" for each in [*own, *whole]) or "true"
    found = _count(con, likely)
    return round(min(max((found + 1) / FOUND / (n * (n - 1) / 2), 1e-9), 0.2), DIGITS + 3)


def _count(con, condition: str) -> int:
    """How many of the pairs looked at fulfil a condition over l and r."""
    joined = "blocked b join norm l on b.l = l.rec join norm r on b.r = r.rec"
    return con.execute(f"select count(*) from {joined} where {condition}").fetchone()[0]


def _agree_of_one(con, model: Model) -> dict[str, list[float]]:
    """m of every level: several rounds of EM, each on pairs that agree on something else, the median of the rounds per level."""
    mirrored = ", ".join(f"a_{c} as t_{c}" for c in ("root", "first", "last", "birth", "known"))
    con.execute(f"create or replace view trained as select *, {mirrored}, x_gender as t_gender from norm")
    # Splink leaves out of a round what its blocking names; that the two may be one person must not count as naming.
    apart = re.sub(r"\b([lr])\.[ax]_(root|first|last|birth|known|gender)\b", r"\1.t_\2", TWO_PEOPLE)
    linker, api = _linker(con, "trained", model)
    for named in ROUNDS:
        if not all(field in model.weights for field in named):
            continue
        equal = " and ".join(f"l.{field} = r.{field}" for field in named)
        if _count(con, equal) >= ENOUGH_PAIRS:
            linker.training.estimate_parameters_using_expectation_maximisation(
                f"{equal} and not {apart}", estimate_without_term_frequencies=True, max_pairs=TRAINING_PAIRS
            )
    seen = _read(linker, "m_probability")
    trained = {
        c.output_column_name for c in linker._settings_obj.comparisons if any(x._has_estimated_m_values for x in c.comparison_levels[1:])
    }
    api.delete_tables_created_by_splink_from_db()
    return {
        f: [round(min(max(x if x is not None else stated, LEAST), MOST), DIGITS) if f in trained else stated
            for x, (stated, _) in zip(seen[f], model.weights[f], strict=True)]
        for f in model.weights
    }  # fmt: skip


def _read(linker, which: str) -> dict[str, list[float | None]]:
    made = linker.misc.save_model_to_json()["comparisons"]
    return {c["output_column_name"]: [level.get(which) for level in c["comparison_levels"] if not level.get("is_null_level")] for c in made}


def _predict(con, model: Model, least: float) -> None:
    linker, api = _linker(con, "norm", model)
    con.execute("create or replace table to_judge as select '0' as match_key, l as join_key_l, r as join_key_r "
                "from (select l, r from blocked union select l, r from ruled where known)")  # fmt: skip
    linker.table_management.register_blocked_pairs_for_predict(api.register("to_judge"))
    scored = linker.inference.predict(warning_mode="never")
    con.execute(f"""
        create or replace table scored as
        select rec_l as l, rec_r as r, least(round(match_probability, {DIGITS}), 1 - 1e-{DIGITS}) as probability from {scored.physical_name}
        where round(match_probability, {DIGITS}) >= {least!r} or (rec_l, rec_r) in (select (l, r) from ruled where known) order by l, r""")
    api.delete_tables_created_by_splink_from_db()
