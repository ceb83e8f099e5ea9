"""A person's act: to sign the sheet that a run or a draft has shown, by writing role, date and number into project.yml.

The only place where today's date is read: a signature has its day, a step has none.
"""

import copy
import os
import shutil
from dataclasses import dataclass
from datetime import date, datetime

import yaml

from helpers import NinefoldError, run, words
from helpers import project as projects
from helpers.collect.control_page import draft_reason
from helpers.project import Project
from helpers.validate import lines
from helpers.validate.guard import command, decided_since, difference_lines, given, in_english, shown_role
from helpers.validate.sheet import PARTS, differences, number, signed_content
from helpers.validate.signing import near, same, unsigned, validation
from helpers.variables.catalogue import catalogue

ORDER = {
    "validate": ("variables", "collect", "scope", "objectives"),
    "signed": ("required",),
    "signatures": ("required", "signed"),
}
"""Where in project.yml a section or a field that is missing goes: behind these."""


@dataclass(frozen=True)
class Sheet:
    """The sheet of step 5 that was made last.

    name        what holds it, in words;  validation, passports: as steps 5 and 4 handed them over there
    """

    name: str
    validation: dict
    passports: dict[str, dict]
    quality: dict  # as step 3 handed it over; empty where it is not there


def sign(project: str, role: str, *, remark: str = "", on: str | date | None = None) -> list[str]:
    """Write a signature into project.yml. Returns what was done, a sentence each.

    role    one of validate.required, in any of its languages; where nobody is required yet, the role becomes the first
    on      the day of signing; today when None
    Raises  NinefoldError for an unknown role or project, a day to come, no sheet to sign, a project.yml changed so that its sheet is
            another one now, and a text into which nothing can be put; project.yml is untouched then
    """
    whole = projects.load(project)
    if whole.only is not None:
        raise NinefoldError(f"{whole.name} is a part of {whole.base.name}: sign the sheet of {whole.base.name}, which holds for its parts.")
    with _alone(whole), in_english():
        plan = projects.load(project)
        moment = projects.instant(None, plan)
        day = _day(on)
        required, first = _required(plan, role)
        sheet = newest_sheet(plan, moment)
        _refuse_another_sheet(plan, sheet)
        content, wanted = _in_order(sheet.validation["sheet"], plan), sheet.validation["number"]
        there = next((s for s in plan.validate_.signatures if same(required, s.role) and s.sheet == wanted), None)
        said = [f"Sheet {wanted} ({len(content['variables'])} variables), as shown by {sheet.name}."]
        if sheet.quality.get("draft"):
            said.append(f"Warning: all of its figures are a draft. {draft_reason(sheet.quality)}")
        current = plan.validate_.signed is not None and number(signed_content(plan)) == wanted
        if there and current:
            return [*said, f"{shown_role(required)} has signed it already, on {there.signed_on}: nothing is changed."]
        signature = {"role": shown_role(required), "signed_on": day, "sheet": wanted} | ({"remark": remark} if remark else {})
        _write(plan, signed=None if current else content, required=[required] if first else None, signature=None if there else signature)
        after = projects.load(project)
        return [*said, *_done(plan, after, signature, sheet, there=there, first=first)]


def _day(on: str | date | None) -> date:
    today = date.today()
    try:
        on = date.fromisoformat(on) if isinstance(on, str) and on else on or None
    except ValueError:
        raise NinefoldError(f"--on: {on!r} is not a day. Write it as YYYY-MM-DD, for example {today}.") from None
    if on is not None and on > today:
        raise NinefoldError(f"--on: {on} is a day to come; a signature is given today ({today}) or was given before. Give its day.")
    return on or today


def _required(plan: Project, role: str) -> tuple[str | dict, bool]:
    """The role as typed in validate.required, and whether it has to be put there first."""
    role = role.strip()
    if not role:
        raise NinefoldError('--role is empty. Name the role that signs, for example --role "Head of CRM".')
    for typed in plan.validate_.required:
        if any(role.casefold() == text.casefold() for text in ([typed] if isinstance(typed, str) else typed.values())):
            return typed, False
    known = [shown_role(typed) for typed in plan.validate_.required]
    if known:
        raise NinefoldError(
            f"--role: {role!r} is not in validate.required of {plan.file}. {near(role, known)}Required: {', '.join(known)}. "
            "Sign for one of them, or add the role there."
        )
    return role, True


def newest_sheet(plan: Project, as_of: datetime) -> Sheet:
    """The sheet that step 5 made last for this as_of, in a run (also one that step 6 refused) or in the draft."""
    draft, place = run.draft_folder(plan, as_of), run.folder("validate")
    runs = [*(plan.folder / "runs" / run.stamp(as_of)).glob("*"), draft]
    records = [base / place / "step.json" for base in runs if not (base / place).is_symlink()]  # what is linked was made elsewhere
    records = sorted((r for r in records if r.is_file()), key=lambda r: (r.stat().st_mtime_ns, str(r)))
    if not records:
        raise NinefoldError(
            f"There is no sheet of {plan.name} as of {run.stamp(as_of)} to sign yet. Run `make report PROJECT={plan.name}`, or "
            f"notebooks/{place}.ipynb, read the sheet, then sign."
        )
    base = records[-1].parents[1]
    name = f"the draft as of {base.name}" if base == draft else f"run {base.name} as of {base.parent.name}"
    try:
        quality = given(base, "collect", "quality")
    except FileNotFoundError:
        quality = {}
    return Sheet(name, given(base, "validate", "validation"), given(base, "variables", "passports"), quality)


def _refuse_another_sheet(plan: Project, sheet: Sheet) -> None:
    """Nobody signs what they have not read: the sheet worked out again from project.yml must be the one that was shown."""
    now, shown = validation(sheet.passports, plan), sheet.validation
    changes = difference_lines(differences(shown["sheet"], now["sheet"], plan), sheet.passports, plan)
    changes += decided_since(list(shown["sheet"]["variables"]), sheet.passports, plan)
    if now["number"] != shown["number"] or changes:
        raise NinefoldError(
            f"{plan.file} has changed since {sheet.name}, and its sheet with it: what was read ({shown['number']}) is not what would be "
            f"signed.\n{chr(10).join(changes)}\nRun `make report PROJECT={plan.name}` (or notebooks 04 and 05), read the sheet again, then "
            "sign."
        )


def _in_order(content: dict, plan: Project) -> dict:
    """A sheet as people read it: windows, thresholds and variables in the order of the page; handed over, names are sorted."""
    thresholds, variables = content["thresholds"], content["variables"]
    names = [v.name for v in catalogue(plan) if v.name in variables]
    return {part: content[part] for part in PARTS} | {
        "thresholds": {name: thresholds[name] for name in plan.scope.criteria.model_dump()},
        "variables": {name: variables[name] for name in names},
    }


# Writing


def _write(plan: Project, *, signed: dict | None, required: list | None, signature: dict | None) -> None:
    """Put the changes into project.yml, read it again and compare; only then does it take the old one's place."""
    path = (plan.folder / "project.yml").resolve()
    before = path.read_bytes().decode("utf-8")  # as bytes: line ends stay what they are
    try:
        after = with_signature(before, signed=signed, required=required, signature=signature)
    except (lines.NoPlaceError, yaml.YAMLError, ValueError) as error:
        raise NinefoldError(
            f"{plan.file}: its section validate is written in a way into which nothing can be put safely ({error}). Paste the lines that "
            "the page of step 5 shows by hand; nothing was changed."
        ) from error
    part = path.with_name(path.name + ".part")
    with run.saving(path):
        part.write_bytes(after.encode("utf-8"))
        shutil.copymode(path, part)
        os.replace(part, path)


def with_signature(text: str, *, signed: dict | None = None, required: list | None = None, signature: dict | None = None) -> str:
    """The text of project.yml with what was signed, who has to sign, and one more signature; None: as it is.

    Raises  lines.NoPlaceError when what is read from it then is not what was read before, with just these changes
    """
    after = text
    if required is not None:
        after = lines.put(after, ("validate", "required"), required, order=ORDER)
    if signed is not None:
        after = lines.put(after, ("validate", "signed"), signed, order=ORDER)
    if signature is not None:
        after = lines.append(after, ("validate", "signatures"), signature, order=ORDER)
    expected = copy.deepcopy(yaml.safe_load(text))
    section = expected["validate"] = expected.get("validate") or {}
    section |= {"required": required} if required is not None else {}
    section |= {"signed": signed} if signed is not None else {}
    section |= {"signatures": [*(section.get("signatures") or []), signature]} if signature is not None else {}
    if yaml.safe_load(after) != expected:
        raise lines.NoPlaceError("it would read otherwise than meant")
    return after


# What was done


def _done(before: Project, after: Project, signature: dict, sheet: Sheet, *, there, first: bool) -> list[str]:
    """Sentences: what was written, whose signatures no longer count, who is still to sign, and what to do next."""
    wanted, old = signature["sheet"], before.validate_.signed
    if there:
        said = [f"{signature['role']} had signed this very sheet on {there.signed_on}: it is the sheet to sign again."]
    else:
        said = [f"Signed for {signature['role']} on {signature['signed_on']}; written to {before.file}."]
    if first:
        said.append(f"Nobody was named to sign: {signature['role']} now is, in validate.required. Add there who else has to sign.")
    if old is not None and number(signed_content(before)) != wanted:
        said += _replaced(before, sheet)
    missing = unsigned(after, wanted)
    if missing:
        return [*said, "Still to sign:", *(f"  {command(after, role)}" for role in missing)]
    return [*said, "All who have to sign have signed.", f"Next: make report PROJECT={before.name}"]


def _replaced(before: Project, sheet: Sheet) -> list[str]:
    """That another sheet was signed before, what has changed since, and whose signatures count no longer."""
    content = signed_content(before)
    changes = difference_lines(differences(content, sheet.validation["sheet"], before), sheet.passports, before)
    said = [f"It replaces sheet {number(content)} as the one to be signed. What changed:", *changes]
    lost = [f"{words.text(s.role)} ({s.signed_on})" for s in before.validate_.signatures if s.sheet == number(content)]
    return [*said, f"No longer counted, for that sheet: {', '.join(lost)}."] if lost else said


def _alone(plan: Project):
    """The project's lock: a run that is under way must not find project.yml changed between two steps."""
    refusal = f"A run of {plan.name} is under way (or another signature): wait for it to end, read its sheet, then sign."
    return run.alone(plan.folder / ".lock", refusal)
