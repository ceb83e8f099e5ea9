"""What step 6 asks before it builds, where project.yml says that nothing unsigned is built; and the difference in plain words."""

import contextlib
import json
from collections.abc import Iterator
from pathlib import Path

from helpers import NinefoldError, home, words
from helpers.project import Project
from helpers.validate.signing import unsigned, validation
from helpers.variables.catalogue import catalogue


def refuse_unsigned(step: str, base: Path, project: Project) -> None:
    """Raise NinefoldError when step 6 starts, validate.unsigned is "refuse", and the sheet is not signed as it stands now.

    base    the run or draft, in which steps 4 and 5 have handed over
    The message says who has not signed, each variable, definition and threshold that differs from what was signed (old and new), and the
    command that signs.
    """
    if step != "build" or project.validate_.unsigned != "refuse":
        return
    passports = given(base, "variables", "passports")
    shown, now = given(base, "validate", "validation"), validation(passports, project)
    if now["status"] != "signed":
        made = base / "notebooks" / "05_validate.ipynb"  # as it was executed: no page is published of a run that stops here
        shown_in = made.relative_to(home()).as_posix() if made.is_file() else "notebooks/05_validate.ipynb"
        raise NinefoldError(refusal(now, passports, project, shown_in=shown_in))
    if (shown["status"], shown["number"]) != ("signed", now["number"]):
        raise NinefoldError(
            f"Sheet {now['number']} has been signed since step 5 was run, and step 5 hands over the one before. Run "
            "notebooks/05_validate.ipynb again, then this one."
        )


def given(base: Path, step: str, name: str) -> dict:
    """A JSON document that a step of a run or a draft has handed over."""
    from helpers import run  # late: run calls this room

    return json.loads((run.resolve(base / run.folder(step)) / f"{name}.json").read_text(encoding="utf-8"))


def refusal(validation: dict, passports: dict[str, dict], project: Project, *, shown_in: str) -> str:
    """Why nothing is built, what differs from what was signed, and how to sign."""
    from helpers.validate.page import reasons

    with in_english():
        why = reasons(validation | {"difference": []}, project)
        changes = difference_lines(validation["difference"], passports, project)
        told = [f'{project.file}: sheet {validation["number"]} is not signed, and validate.unsigned is "refuse": nothing is built.', *why]
        told += [f"Changed since sheet {validation['signed']} was signed:", *changes] if changes else []
        roles = to_sign(project, validation["number"]) or ["Head of CRM"]
        commands = [f"  {command(project, role)}" for role in roles]
    return "\n".join([*told, f"Read the sheet ({shown_in}) with those who have to sign, then:", *commands])


def difference_lines(difference: list[dict], passports: dict[str, dict], project: Project) -> list[str]:
    """One line a difference: what, as signed, as it is now; in the language in use."""
    from helpers.validate.page import difference_rows

    rows = difference_rows(difference, passports, project)
    return [f"- {what}: {signed or words.NONE} → {now or words.NONE}" for what, signed, now in rows]


def decided_since(listed: list[str], passports: dict[str, dict], project: Project) -> list[str]:
    """What people have typed under `variables` since these passports were made that changes the list, a line each.

    Step 4 alone can tell what it would propose now; the sheet of its passports is not the one that it would give.
    """
    v, known = project.variables, {variable.name: variable.title() for variable in catalogue(project)}
    redundant = [name for name in v.keep if name not in listed and passports.get(name, {}).get("role") == "redundant"]
    found = [f"- {known.get(name, name)}: to be kept (variables.keep)" for name in redundant]
    if project.validate_.signed is not None:  # a signed list stands, whatever step 4 would propose
        return found
    gone = [name for name in v.leave_out if name in listed]
    back = [name for name, passport in passports.items() if passport["role"] == "left_out" and name not in v.leave_out]
    found += [f"- {known.get(name, name)}: left out (variables.leave_out)" for name in gone]
    found += [f"- {known.get(name, name)}: no longer left out (variables.leave_out)" for name in back]
    return found + [f"- {title}: not measured yet" for name, title in known.items() if name not in passports]


def to_sign(project: Project, sheet: str) -> list[str | dict]:
    """The roles whose command is to be run: all without a signature on this sheet; where only the sheet itself is not typed, any one."""
    return unsigned(project, sheet) or project.validate_.required[:1]


def command(project: Project, role: str | dict) -> str:
    """The command that signs for a role, as typed in a shell."""
    quoted = json.dumps(shown_role(role), ensure_ascii=False)
    return f"make sign PROJECT={project.base.name} ROLE={quoted}"


def shown_role(role: str | dict) -> str:
    """A role in the language in use, as typed."""
    if isinstance(role, str):
        return role
    return next(role[key] for key in (words.language(), "en", *role) if role.get(key))


@contextlib.contextmanager
def in_english() -> Iterator[None]:
    """Messages of commands and errors are in English, whatever the pages are in."""
    before = words.language(), words.currency()
    words.use("en")
    try:
        yield
    finally:
        words.use(*before)
