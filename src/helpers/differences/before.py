"""What two runs were made from: data, definitions, parameters, code and versions, each old → new."""

from typing import Any

import yaml

from helpers import words
from helpers.differences.handed import given
from helpers.project import CONTRACT, Project
from helpers.project.addresses import without_user
from helpers.run import Past

DEFINED = ("formula", "kind", "unit", "table", "type", "sensitivity", "stands_for")
"""What a passport says of how a variable is measured; the rest follows from data."""
PARAMETERS = ("as_of", "language", "seed", "approved", "decided", "erased")
UNSHOWN = ("always", "never", "where")
"""Keys of project.yml whose values name single records, or may."""
KEYS = ("name", "role", "rule", "decision", "measure", "team", "id")
"""By which of its fields an item of a list is recognised, the first that all items have."""


def files(one: Past, other: Past) -> list[dict]:
    """Every file that either run read: file, state ("same", "changed", "only A", "only B", "cannot tell": a table of a server)."""
    a, b = (run.record.get("files") or {} for run in (one, other))
    rows = []
    for name in sorted({*a, *b}):
        if name in a and name in b:
            state = "cannot tell" if a[name] is None or b[name] is None else "same" if a[name] == b[name] else "changed"
        else:
            state = "only A" if name in a else "only B"
        rows.append({"file": without_user(name), "state": state})
    return rows


def tables_read(one: Past, other: Past, project: Project) -> list[dict]:
    """Each canonical table that step 3 of either run gave: table, and of A and B rows, aside (rows set aside) and newest (ISO day).

    A number of rows from 1 to min_cell − 1 is None: it could be about few people.
    """
    sides = [_collected(run) for run in (one, other)]
    rows = []
    for table in CONTRACT:
        if not any(table in rows_of for rows_of, _ in sides):
            continue
        row = {"table": table}
        for letter, (rows_of, facts) in zip("ab", sides, strict=True):
            row[f"rows_{letter}"] = _shown(rows_of.get(table), project)
            row[f"aside_{letter}"] = _shown(rows_of.get(f"{table}_set_aside"), project)
            row[f"newest_{letter}"] = (facts.get(table) or {}).get("last")
        rows.append(row)
    return rows


def fields(one: Past, other: Past) -> list[dict] | None:
    """Every field of project.yml that was typed otherwise: field, a, b (as typed; None: not typed, so its default counts).

    None where one of the runs kept no project.yml and the two are known to differ; where they are known to be equal, nothing.
    Values that name single records are not given, and neither are users of servers.
    """
    if one.record.get("project_yml") == other.record.get("project_yml"):
        return []
    typed = [_typed(run) for run in (one, other)]
    if None in typed:
        return None
    a, b = (flat(each) for each in typed)
    order = list(dict.fromkeys([*b, *a]))
    return [{"field": name, **_sides(name, a.get(name), b.get(name))} for name in order if a.get(name) != b.get(name)]


def flat(value: Any, path: str = "") -> dict[str, Any]:
    """Dotted path → what is typed there; a list of plain values, and a text in several languages, is one value.

    Items of a list are named by what they are called, so that one more in front does not change all that follow.
    """
    if isinstance(value, dict) and value and not set(value) <= set(words.LANGUAGES):
        return {k: v for key, each in value.items() for k, v in flat(each, f"{path}.{key}" if path else str(key)).items()}
    if isinstance(value, list) and value and all(isinstance(each, dict) for each in value):
        own = _names(value)
        return {k: v for name, each in zip(own, value, strict=True) for k, v in flat(each, f"{path}[{name}]").items()}
    return {path: value}


def passports(one: Past, other: Past) -> list[dict]:
    """Variables measured otherwise: variable, what (a field of the passport; "" for a variable in one run alone), a, b."""
    a, b = (run.json("variables", "passports", {}) for run in (one, other))
    rows = []
    for name in [*b, *(name for name in a if name not in b)]:
        if name not in a or name not in b:
            rows.append({"variable": name, "what": "", "a": _formula(a, name), "b": _formula(b, name)})
            continue
        changed = [what for what in DEFINED if a[name].get(what) != b[name].get(what)]
        rows += [{"variable": name, "what": what, "a": a[name].get(what), "b": b[name].get(what)} for what in changed]
    return rows


def signatures(one: Past, other: Past) -> list[dict]:
    """What of the signing differs: what ("status", "sheet", or a role), a, b."""
    sides = []
    for run in (one, other):
        found = run.json("validate", "validation", {})
        signed = {
            words.text(each["role"]): f"{each.get('state')} {each.get('signed_on') or ''}".strip() for each in found.get("signatures") or []
        }
        sides.append({"status": found.get("status"), "sheet": found.get("number")} | signed)
    a, b = sides
    return [{"what": name, "a": a.get(name), "b": b.get(name)} for name in dict.fromkeys([*a, *b]) if a.get(name) != b.get(name)]


def parameters(one: Past, other: Past) -> list[dict]:
    """as_of, language, seed, approved, decisions for single customers and the list of people erased, where they differ: what, a, b."""
    return _unequal(one.record, other.record, PARAMETERS)


def code(one: Past, other: Past) -> list[dict]:
    """The code's SHA-256 and each version, where they differ or one run did not keep them: what, a, b."""
    a, b = (run.record.get("versions") or {} for run in (one, other))
    codes = [run.record.get("code") for run in (one, other)]
    unlike = [{"what": "code", "a": codes[0], "b": codes[1]}] if codes[0] != codes[1] or codes[0] is None else []
    return unlike + _unequal(a, b, sorted({*a, *b}))


def _unequal(a: dict, b: dict, names) -> list[dict]:
    return [{"what": name, "a": a.get(name), "b": b.get(name)} for name in names if a.get(name) != b.get(name)]


def _collected(run: Past) -> tuple[dict, dict]:
    rows = {file: g["rows"] for (step, file), g in given(run).items() if step == "collect" and file.endswith(".parquet")}
    return {file.removesuffix(".parquet"): n for file, n in rows.items()}, run.json("collect", "quality", {}).get("facts") or {}


def _shown(n: int | None, project: Project) -> int | None:
    return None if n is None or 0 < n < project.min_cell else n


def _typed(run: Past) -> dict | None:
    path = run.path / "project.yml"
    return yaml.load(path.read_text(encoding="utf-8"), Loader=yaml.BaseLoader) if path.is_file() else None  # every value as typed


def _names(items: list[dict]) -> list[str]:
    for key in KEYS:
        found = [words.text(each[key]) if isinstance(each.get(key), dict | str) else "" for each in items]
        if all(found) and len(set(found)) == len(found):
            return found
    return [str(place) for place in range(1, len(items) + 1)]


def _sides(name: str, a: Any, b: Any) -> dict:
    if any(part.split("[")[0] in UNSHOWN for part in name.split(".")):
        return {"a": None if a is None else words.say("not shown"), "b": None if b is None else words.say("not shown")}
    shown = [_written(value) for value in (a, b)]
    if shown[0] == shown[1]:  # texts that differ in the other language alone
        shown = [say_all(value) for value in (a, b)]
    return dict(zip("ab", shown, strict=True))


def say_all(value: Any) -> str | None:
    """A text with all its languages."""
    return "; ".join(f"{key}: {value[key]}" for key in sorted(value)) if isinstance(value, dict) else _written(value)


def _written(value: Any) -> str | None:
    if value is None:
        return None
    if isinstance(value, list):
        return words.join(without_user(str(_written(each))) for each in value) or "[]"
    return words.text(value) if isinstance(value, dict) and value else without_user(str(value))


def _formula(known: dict, name: str) -> str | None:
    return known[name].get("formula") if name in known else None
