"""Who has signed which sheet, and whether what was signed is what would be built."""

import difflib

from helpers import NinefoldError, words
from helpers.project import Project
from helpers.validate.sheet import content, differences, number, signed_content, to_build_by
from helpers.variables.catalogue import MEASURES, catalogue


def check(project: Project) -> None:
    """Raise NinefoldError for a signed variable that nobody knows, and for a signature that counts for no role.

    A variable that Ninefold knows and these data cannot measure is no fault of typing: it is a difference.
    """
    v = project.variables
    known = [*(measure.name for measure in MEASURES), *v.category_groups, *v.channel_groups, *v.device_groups, *v.scales, *v.own]
    for name in project.validate_.signed.variables if project.validate_.signed else []:
        if name not in known:
            measured = [variable.name for variable in catalogue(project)]
            raise NinefoldError(
                f"{project.file}: field validate.signed.variables names {name!r}, which is no variable. {near(name, measured)}"
                "If a group of categories, a scale or a variable of your own had this name, put it back; else take the line out, and let "
                f"the sheet of step 5 be signed again. Measured here: {', '.join(measured)}."
            )
    _check_roles(project)


def _check_roles(project: Project) -> None:
    required, seen = project.validate_.required, []
    for i, role in enumerate(required):
        if any(same(role, other) for other in required[:i]):
            raise NinefoldError(f"{project.file}: field validate.required names {_name(role)!r} twice. Take one of them out.")
    for signature in project.validate_.signatures:
        role = next((r for r in required if same(r, signature.role)), None)
        if role is None:
            raise NinefoldError(
                f"{project.file}: field validate.signatures holds a signature of {_name(signature.role)!r}, who is not in "
                f"validate.required. {near(_name(signature.role), [_name(r) for r in required])}Add the role there, or take the "
                f"signature out. Required: {', '.join(_name(r) for r in required) or 'nobody'}."
            )
        if (_name(role), signature.sheet) in seen:
            raise NinefoldError(
                f"{project.file}: field validate.signatures holds sheet {signature.sheet} twice for {_name(role)!r}. "
                "Take one of the two lines out, or give it the role that signed."
            )
        seen.append((_name(role), signature.sheet))


def signatures(project: Project, sheet: str) -> list[dict]:
    """One row a required role: role as typed, signed_on, sheet, and state "signed", "other sheet" or "missing".

    sheet   number of the sheet that has to be signed
    A role may have signed several sheets, one after the other: the one asked for counts, else the latest is shown. Its day may lie
    after as_of: the sheet tells what was known then, and is read and signed once it has been made.
    """
    rows = []
    for role in project.validate_.required:
        own = sorted((s for s in project.validate_.signatures if same(role, s.role)), key=lambda s: (s.sheet == sheet, s.signed_on))
        last = (own or [None])[-1]
        state = "missing" if not own else "signed" if last.sheet == sheet else "other sheet"
        rows.append({"role": role, "signed_on": last and last.signed_on.isoformat(), "sheet": last and last.sheet, "state": state})
    return rows


def unsigned(project: Project, sheet: str) -> list:
    """The required roles that have no signature on a sheet, as typed."""
    given = [s.role for s in project.validate_.signatures if s.sheet == sheet]
    return [role for role in project.validate_.required if not any(same(role, other) for other in given)]


def status(signed: dict | None, difference: list[dict], rows: list[dict]) -> str:
    """Whether the sheet is "signed", "missing" a signature (or nobody is asked for one), or "outdated"."""
    states = {row["state"] for row in rows}
    if signed is None or not states or "missing" in states:
        return "missing"
    return "outdated" if difference or "other sheet" in states else "signed"


def validation(passports: dict[str, dict], project: Project) -> dict:
    """The document that step 5 hands over; codes and prose as typed, in no language.

    passports   as step 4 hands them over, by name
    Returns     status, sheet and its number as they are now, signed (number of the sheet typed in project.yml, or None),
                build_by, signatures, difference, proposal {added, gone} of step 4 against the signed list
    Raises      NinefoldError when project.yml names what does not exist, and when there is no variable to build by
    """
    check(project)
    build_by, listed = to_build_by(passports, project)
    if not build_by or not listed:
        raise NinefoldError(
            f"{project.file}: no variable is left to build by. Read on the page of step 4 why each is left out, then change "
            "variables.leave_out, variables.lumpy_from or scope.criteria.measurable_missing, or map more columns."
        )
    now, signed = content(listed, project), signed_content(project)
    difference = differences(signed, now, project)
    rows = signatures(project, number(signed or now))
    return {
        "status": status(signed, difference, rows),
        "sheet": now,
        "number": number(now),
        "signed": number(signed) if signed else None,
        "build_by": build_by,
        "signatures": rows,
        "difference": difference,
        "proposal": outlook(passports, signed, project),
    }


def outlook(passports: dict[str, dict], signed: dict | None, project: Project) -> dict:
    """What step 4 proposes now beyond the signed list, and what of it step 4 no longer proposes; a remark, never a fault."""
    order = [v.name for v in catalogue(project) if v.name in passports]
    listed = signed["variables"] if signed else {name for name in order if passports[name]["role"] == "proposed"}
    proposed = {name for name in order if passports[name]["role"] == "proposed"}
    return {
        "added": [name for name in order if name in proposed and name not in listed],
        "gone": [name for name in order if name in listed and name not in proposed],
    }


def same(role, other) -> bool:
    """Whether two roles are one: the same text, or texts in two languages of which one is the same."""
    first, second = ({r} if isinstance(r, str) else set(r.values()) for r in (role, other))
    return bool(first & second)


def _name(role) -> str:
    return words.text(role)


def near(name: str, known: list[str]) -> str:
    """A question that names the one that looks like it, or nothing."""
    found = difflib.get_close_matches(name, known, n=1)
    return f"Did you mean {found[0]}? " if found else ""
