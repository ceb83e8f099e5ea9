"""A person taken out of everything that is kept: found, removed, the last report rebuilt, every kept file searched, and a certificate.

`erase` is the command; `returned` tells whether somebody who was erased is in the data again.
"""

import contextlib
import os
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from helpers import NinefoldError, home, run, words
from helpers import project as projects
from helpers.engine import spill
from helpers.engine.tables import bare_numbering
from helpers.erase import certificate as certificates
from helpers.erase import find, known, remove, rules, search
from helpers.erase.known import returned
from helpers.project import Project
from helpers.run.files import named

__all__ = ["Done", "erase", "returned"]

CLEAN, FOUND = 0, 10
RETURNED = "returned"
"""Typed in the place of an id: whoever was erased and came back with an export; only hashes of them are kept."""


@dataclass(frozen=True)
class Done:
    """What an erasure ended with.

    told         sentences for whoever asked;  status: 0 found nowhere any more, 10 files are named
    certificate  its JSON file; the page lies beside it
    """

    told: list[str]
    status: int
    certificate: Path


def erase(project: str, customer: str, *, rebuild: bool = True) -> Done:
    """Take a person out of raw copies, runs, drafts, lists and cards below data/<project>; what was interrupted is taken up again.

    customer   any id of any source: as the first numbering writes it, else with its numbering in front, such as shop:S12; "returned":
               everybody who was erased before and is in the data again
    rebuild    whether the newest report is run again from what is left
    Raises     NinefoldError, and nothing is touched, when nobody has the id, project.yml names the person, another erasure is unfinished
               or another run of the project is under way
    """
    if "/" in project:
        raise NinefoldError(f"{project} is a part of {project.partition('/')[0]}: erase there, and every part is searched with it.")
    plan = projects.load(project)
    words.use(plan.language, currency=plan.currency)
    if customer == RETURNED:
        return _again(plan, rebuild=rebuild)
    with _alone(plan):
        spill.sweep(plan.folder)
        note = _begun(plan, customer)
        person = find.read(note["person"])
        found = rules.rules(plan, person)
        changed = _removed(plan, person, found, note)
        note["sign"] = known.remember(plan, person, note["certificate"])
        _noted(plan, note)
    if changed or not note.get("rebuilt", {}).get("run"):
        back = rebuild and bool(found.outside) and find.still_in_sources(plan, person)
        note["rebuilt"] = {"run": None, "why": "outside"} if back else _rebuilt(plan, note, rebuild=rebuild)
    with _alone(plan):
        _noted(plan, note)
        spill.sweep(plan.folder)
        searched = search.search(plan, person, found, note["joined"])
        made = certificates.document(plan, person, found, note, searched)
        path = certificates.write(plan, made)
        if made["status"] == "erased":
            find.journal(plan.folder).unlink()
    return Done(certificates.told(made, path), CLEAN if made["status"] == "erased" else FOUND, path)


def _again(plan: Project, *, rebuild: bool) -> Done:
    """One erasure after the other of all ids that came back; no run knows any longer which of them are one person."""
    done, tried = [], set()
    while ids := sorted(set(_back(plan)) - tried):
        tried.add(ids[0])
        done.append(erase(plan.name, ids[0], rebuild=rebuild))
    if not done:
        raise NinefoldError(f"customer: nobody who was erased from {plan.name} is in its data again: nothing was touched.")
    return Done([line for one in done for line in one.told], max(one.status for one in done), done[-1].certificate)


def _back(plan: Project) -> list[str]:
    """The ids in today's sources by which somebody was erased."""
    engine = find.everything(plan)
    tables = [engine.mapped("orders"), *([engine.records()] if engine.has("customers") else [])]
    return [each for table in tables for each in known.came_back(plan, table)]


# What is under way


@contextlib.contextmanager
def _alone(plan: Project):
    """The locks of the project and of all its parts: a report under way would write the person down again."""
    from helpers.report import locked  # late: report imports rooms that import this one's neighbours

    with contextlib.ExitStack() as held:
        held.enter_context(locked(plan))
        for place in sorted([*plan.folder.glob("each/*/.lock"), *plan.folder.glob("each/*/*/.lock")]):
            refusal = f"A report of a part is under way (it holds {named(place)}). Wait for it to end, then run again."
            held.enter_context(run.alone(place, refusal))
        yield


def _begun(plan: Project, customer: str) -> dict:
    """The note of an erasure: begun now, or left by one that was interrupted or did not find everything."""
    left = find.opened(plan.folder)
    if left is not None:
        typed = str(customer).strip().removeprefix(f"{bare_numbering(plan)}:")
        if typed not in find.read(left["person"]).ids:
            raise NinefoldError(
                f"An erasure of another person is not finished ({named(find.journal(plan.folder))} says whose): run `make erase` for that "
                "id again first, or delete this file to give it up."
            )
        _refuse_typed(plan, find.read(left["person"]))
        return left
    person = find.not_typed(find.find(plan, customer), (home() / plan.file).read_text(encoding="utf-8"))
    _refuse_typed(plan, person)
    note = {"person": person.document(), "joined": remove.groups(plan, person), "changes": [], "hashes": {}}
    note["certificate"] = certificates.next_name(plan, date.today())
    _noted(plan, note)
    return note


def _noted(plan: Project, note: dict) -> None:
    """Keep the note where only its owner reads it: until the search is clean it holds whom to look for."""
    path = find.journal(plan.folder)
    with run.saving(path):
        certificates.private(path.parent)
        run.write_json(path, note)
        os.chmod(path, 0o600)


def _refuse_typed(plan: Project, person: find.Person) -> None:
    """NinefoldError when project.yml names the person: it is people's own, and steps would miss a record that a pair names."""
    places, bare = [], bare_numbering(plan)
    for which in ("always", "never"):
        for n, pair in enumerate(getattr(plan.collect.matching, which)):
            if any(each.removeprefix(f"{bare}:") in person.ids for each in pair):
                places.append(f"collect.matching.{which}.{n}")
    known_words = {kind: each for kind, each in find.patterns(person).items() if kind != "name"}
    for n, line in enumerate((home() / plan.file).read_text(encoding="utf-8").splitlines(), start=1):
        if search.counted(line.lower(), known_words):
            places.append(f"line {n}")
    if places:
        raise NinefoldError(
            f"{plan.file} names this person ({', '.join(places)}), and what people typed is never edited here: nothing was touched. "
            "Take it out of there, then run `make erase` again."
        )


# Removing and rebuilding


def _removed(plan: Project, person: find.Person, found: rules.Rules, note: dict) -> int:
    """Take the rows out, file by file, noting each; the number of changes made now."""
    remover, n = remove.Remover(plan, person, found, note["joined"]), 0
    for path in list(remove.files(plan)):
        done = remover.one(path)
        if done:
            n += len(done)
            note["changes"] = certificates.added(note["changes"], done)
            _noted(plan, note)
    _leftovers(plan)
    # Noted before any record is written: an interrupted erasure knows them still.
    note["hashes"] = note["hashes"] | remove.differing(plan)
    _noted(plan, note)
    remove.recorded(plan, note["hashes"])
    return n


def _leftovers(plan: Project) -> None:
    """Parts of files that an interrupted erasure or write left beside them."""
    for path in list(remove.files(plan)):
        ours = not path.is_relative_to(plan.folder) or path.relative_to(plan.folder).parts[0] in rules.PRIVATE
        if path.name.startswith(".erase-") or (ours and path.name.endswith(".json.part")):
            with contextlib.suppress(OSError):
                path.unlink()


def _rebuilt(plan: Project, note: dict, *, rebuild: bool) -> dict:
    """Run the newest report again from what is left: run (its name) and pages; without a run, why (a code) and the message."""
    from helpers.report import publish

    runs = run.all_runs(plan)
    if not runs or not note["changes"]:
        return {"run": None, "why": "no run" if not runs else "nothing removed"}
    if not rebuild:
        return {"run": None, "why": "not asked"}
    last = runs[-1].record
    try:
        pages = publish(plan.name, as_of=last["as_of"], language=last["language"], approved=last.get("approved") or "")
    except NinefoldError as error:
        return {"run": None, "why": "failed", "message": str(error)}
    finally:
        words.use(plan.language, currency=plan.currency)
    return {"run": f"{pages.parent.name}/{pages.name}", "pages": named(pages)}
