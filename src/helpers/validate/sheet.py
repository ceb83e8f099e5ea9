"""The sheet that stakeholders sign: which variables, how each is defined, and what is fixed together with them.

A sheet is data, the same in every language and whatever the tables hold: names, definitions with the project's own parameters,
number of segments, windows, thresholds. Its number is a hash of these, so that a signature belongs to one sheet and to no other.
"""

import hashlib
import json

from helpers.project import Project
from helpers.variables.catalogue import GroupShare, ScaleMeasure, Variable, catalogue

PARTS = ("window_days", "horizon_days", "segments_wanted")
"""Fields of the scope that are signed with the variables, beside the thresholds."""

ALL_HISTORY = ("recency_days", "days_since_visit", "rating_mean")
"""Variables that do not depend on the length of the window; nor do scales."""

PLURAL = {"category_groups": "categories", "channel_groups": "channels", "device_groups": "devices"}
"""What a group of project.yml adds up."""

CLOCK = ("weekend_order_share", "evening_order_share", "morning_order_share")
"""Variables that depend on the zone in which days and hours are read."""


def definition_hash(variable: Variable, project: Project, *, window_days: int | None = None) -> str:
    """First eight hex digits of the SHA-256 of a definition: English text, kind, unit, and the project's own parameters.

    window_days   the window to define it over; the scope's own by default
    """
    group = _english(variable.group) if isinstance(variable, GroupShare) else ""
    text = variable.definition.format(group=group)
    parts = {"definition": text, "kind": variable.kind, "unit": variable.unit}
    return _sha(parts | _parameters(variable, project, window_days or project.scope.window_days))[:8]


def content(names: list[str], project: Project) -> dict:
    """What is signed with these variables, as it stands now: variables {name: hash}, PARTS of the scope, thresholds."""
    known = {v.name: v for v in catalogue(project)}
    thresholds = project.scope.criteria.model_dump()
    return {
        "variables": {name: definition_hash(known[name], project) for name in names},
        **{part: getattr(project.scope, part) for part in PARTS},
        "thresholds": {name: _rounded(value) for name, value in thresholds.items()},
    }


def signed_content(project: Project) -> dict | None:
    """The sheet typed in project.yml as signed, in the shape of `content`; None when there is none."""
    signed = project.validate_.signed
    if signed is None:
        return None
    typed = signed.model_dump()
    return typed | {"thresholds": {name: _rounded(value) for name, value in typed["thresholds"].items()}}


def number(sheet: dict) -> str:
    """The sheet's number: first twelve hex digits of the SHA-256 of its canonical JSON."""
    return _sha(sheet)[:12]


def to_build_by(passports: dict[str, dict], project: Project) -> tuple[list[str], list[str]]:
    """The variables that step 6 builds by, and those on the sheet to be signed, both in the catalogue's order.

    passports   as step 4 hands them over, by name
    Returns     by: the signed list as long as every variable of it can be measured, else what step 4 proposes;
                on the sheet: the same without what people have put in variables.leave_out since, and with what they have put
                in variables.keep, where step 4 follows them
    """
    order = [v.name for v in catalogue(project)]
    can = [name for name in order if name in passports and passports[name]["missing_share"] < 1]
    proposed = [name for name in can if passports[name]["role"] == "proposed"]
    signed = project.validate_.signed
    if signed is None or not set(signed.variables) <= set(can):
        return proposed, proposed
    wanted = {*signed.variables, *(name for name in proposed if name in project.variables.keep)} - set(project.variables.leave_out)
    return [name for name in order if name in signed.variables], [name for name in order if name in wanted]


def differences(signed: dict | None, now: dict, project: Project) -> list[dict]:
    """Where the sheet as it is now departs from the one signed: what, name, signed, now; empty when nothing was signed.

    A window that changed is one difference, not one a variable.
    """
    if signed is None:
        return []
    found = [_differs(part, "", signed[part], now[part]) for part in PARTS]
    both = {**now["thresholds"], **signed["thresholds"]}
    found += [_differs("threshold", name, signed["thresholds"].get(name), now["thresholds"].get(name)) for name in both]
    order = list({**now["variables"], **signed["variables"]})
    known = {v.name: v for v in catalogue(project)}
    for name in sorted(order, key=lambda n: (list(known).index(n) if n in known else -1, n)):
        before, after = signed["variables"].get(name), now["variables"].get(name)
        if before is None or after is None:
            found.append(_differs("variable_added" if before is None else "variable_gone", name, before, after))
        elif before != definition_hash(known[name], project, window_days=signed["window_days"]):
            found.append(_differs("definition", name, before, after))
    return [each for each in found if each]


def _differs(what: str, name: str, signed, now) -> dict | None:
    return None if signed == now else {"what": what, "name": name, "signed": signed, "now": now}


def _parameters(variable: Variable, project: Project, window_days: int) -> dict:
    """What the project itself decides about a variable's meaning."""
    v, found = project.variables, {}
    if variable.name not in ALL_HISTORY and not isinstance(variable, ScaleMeasure):
        found["window_days"] = window_days
    if variable.name in CLOCK:
        found["time_zone"] = project.time_zone
    if variable.unit == "money":
        found["currency"] = project.currency
    if isinstance(variable, GroupShare):
        found[PLURAL[variable.of]] = sorted(set(getattr(v, variable.of)[variable.name]))
    own = {
        "own_brand_share": ("own_brand", sorted(set(v.own_brand))),
        "evening_order_share": ("evening_from_hour", v.evening_from_hour),
        "morning_order_share": ("morning_until_hour", v.morning_until_hour),
    }
    return found | dict([own[variable.name]] if variable.name in own else []) | variable.parameters(project)


def _english(prose) -> str:
    """Prose in English whatever language is in use; else the first that is typed."""
    if isinstance(prose, dict):
        return prose.get("en") or next(iter(prose.values()))
    return prose


def _rounded(value: float) -> float:
    return float(f"{float(value):.12g}")


def _sha(value: dict) -> str:
    canonical = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(canonical.encode()).hexdigest()
