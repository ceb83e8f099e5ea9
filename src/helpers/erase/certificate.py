"""What was erased, where it was looked for, and what must be erased elsewhere: a document and a page without any identity in them."""

import os
from dataclasses import asdict
from datetime import date
from html import escape
from pathlib import Path

import pandas as pd

from helpers import __version__, run, tables, templates, words
from helpers.erase.find import Person
from helpers.erase.remove import Change
from helpers.erase.rules import Rules
from helpers.erase.search import Searched
from helpers.project import Project
from helpers.run.files import named
from helpers.words import mark, say, say_n

FORMAT = 1
WHAT = {"rows": mark("rows removed"), "words": mark("words replaced"), "deleted": mark("deleted")}
KINDS = {
    "id": mark("ids"),
    "email": mark("e-mail addresses"),
    "phone": mark("telephones"),
    "name": mark("names"),
    "hash": mark("hashed addresses"),
    "rows": mark("rows under an id of this person"),
}
SHARED = {
    "emails": mark("e-mail addresses"),
    "phones": mark("telephones"),
    "names": mark("names"),
}
WHY = {
    "no run": mark("There was no run to build again."),
    "nothing removed": mark("Nothing was removed, so nothing was built again."),
    "not asked": mark("The last report was not built again, as asked: its counts still include this person."),
    "outside": mark(
        "The last report was not built again: a source outside still has this person, and would bring the person back. Erase there first."
    ),
    "failed": mark("The last report could not be built again: {message}"),
}


def private(folder: Path) -> None:
    """A folder that only its owner reads, and git does not see."""
    folder.mkdir(mode=0o700, exist_ok=True)
    os.chmod(folder, 0o700)
    (folder / ".gitignore").write_text("*\n", encoding="utf-8")  # whatever the project's own says


def next_name(plan: Project, day: date) -> str:
    """2026-11-22-1: the next free number of a day."""
    folder = plan.folder / "erasures"
    taken = [
        int(path.stem.rpartition("-")[2]) for path in folder.glob(f"{day.isoformat()}-*.json") if path.stem.rpartition("-")[2].isdigit()
    ]
    return f"{day.isoformat()}-{max(taken, default=0) + 1}"


def added(before: list[dict], done: list[Change]) -> list[dict]:
    """The changes of all attempts, one entry a file and kind."""
    counts = {(each["file"], each["what"]): each["n"] for each in before}
    for change in done:
        counts[change.file, change.what] = counts.get((change.file, change.what), 0) + change.n
    return [{"file": file, "what": what, "n": n} for (file, what), n in sorted(counts.items())]


def document(plan: Project, person: Person, found: Rules, note: dict, searched: Searched) -> dict:
    """The certificate: codes, numbers and names of files; the person is a salted hash."""
    hits = [asdict(hit) for hit in searched.hits]
    byhand = sorted(set(found.byhand))
    rebuilt = note["rebuilt"]
    clean = not hits and not byhand and rebuilt.get("why") not in ("failed", "outside")
    sent = [each for each in note["changes"] if f"/{plan.name}/lists/" in f"/{each['file']}" and not each["file"].endswith(".parquet")]
    return {
        "format": FORMAT,
        "name": note["certificate"],
        "project": plan.name,
        "version": __version__,
        "person": note["sign"],
        "records": len(person.raw_ids),
        "values": {"emails": len(person.emails), "phones": len(person.phones), "names": len(person.names)},
        "shared": dict(person.shared),
        "unread": person.unread,
        "joined_otherwise": {place: len(ids) for place, ids in note["joined"].items()},
        "changes": note["changes"],
        "rebuilt": rebuilt,
        "searched": {"files": searched.files, "bytes": searched.size, "looked_for": searched.looked},
        "found": hits,
        "by_hand": byhand,
        "outside": {"sources": found.outside, "sent_lists": len(sent)},
        "status": "erased" if clean else "still found" if hits else "not finished",
    }


def write(plan: Project, made: dict) -> Path:
    """The certificate as JSON and as a page, into data/<project>/erasures; an attempt before it under the same name is replaced."""
    folder = plan.folder / "erasures"
    path = folder / f"{made['name']}.json"
    with run.saving(path):
        private(folder)
        run.write_json(path, made)
        page = path.with_suffix(".html")
        part = page.with_name(page.name + ".part")
        part.write_text(html(plan, made), encoding="utf-8")
        os.replace(part, page)
        for each in (path, page):
            os.chmod(each, 0o600)
    return path


# In words


def told(made: dict, path: Path) -> list[str]:
    """The sentences that the command prints."""
    lines = [headline(made), counted(made)]
    for hit in made["found"]:
        lines.append("  " + hit_line(hit))
    lines += [sentence for sentence in (*shared_lines(made), rebuilt_line(made), *elsewhere(made)) if sentence]
    if made["status"] != "erased":
        lines.append(say("Erase what is named, then give the same command again: until then data/{project}/erasures/open.json keeps whom "
                         "to look for.", project=made["project"]))  # fmt: skip
    return [*lines, say("Certificate: {file}", file=named(path.with_suffix(".html")))]


def headline(made: dict) -> str:
    """Whether the person is gone."""
    if made["status"] == "erased":
        return say("The person was erased from {project} and is found in no file that is kept.", project=made["project"])
    if made["found"]:
        return say_n(
            "The person is still found, or could not be looked for, in {n} file, which is named here.",
            "The person is still found, or could not be looked for, in {n} files, which are named here.",
            len(made["found"]),
        )
    return say("The erasure from {project} is not finished.", project=made["project"])


def counted(made: dict) -> str:
    """What was removed, and where it was looked for."""
    rows = sum(each["n"] for each in made["changes"] if each["what"] == "rows")
    files = len({each["file"] for each in made["changes"]})
    removed = say_n("{n} row was removed", "{n} rows were removed", rows)
    inside = say_n("{n} file changed", "{n} files changed", files)
    searched = say_n("{n} file searched", "{n} files searched", made["searched"]["files"])
    size = words.number(made["searched"]["bytes"] / 1e6)
    return say("{removed}; {inside}; {searched}, {size} MB.", removed=removed, inside=inside, searched=searched, size=size)


def hit_line(hit: dict) -> str:
    """A file in which the person is still found."""
    if hit["fault"] and not hit["kinds"]:
        return say("{file} could not be read: {fault}", file=hit["file"], fault=hit["fault"])
    kinds = [say("{what}: {n}", what=say(KINDS[kind]), n=words.number(n)) for kind, n in hit["kinds"].items()]
    return say("{file} ({kinds})", file=hit["file"], kinds=words.join(kinds))


def shared_lines(made: dict) -> list[str]:
    """What was left because it is other people's too, and what could not be read."""
    lines = []
    for kind, n in ((kind, n) for kind, n in made["shared"].items() if kind in SHARED):
        what = say(SHARED[kind])
        count = words.number(n)
        lines.append(
            say(
                "Kept, since records that step 3 did not join with this person carry the same: {what} ({n}). If one of them is the same "
                "person, erase it by its own id.",
                what=what,
                n=count,
            )
        )
    if made["joined_otherwise"]:
        n = len(made["joined_otherwise"])
        lines.append(
            say_n(
                "In {n} earlier run this person was joined with others: what stood there of them together is gone too.",
                "In {n} earlier runs this person was joined with others: what stood there of them together is gone too.",
                n,
            )
        )
    if made["unread"]:
        lines.append(say("The sources could not be read, so addresses and names were not looked for: {fault}", fault=made["unread"]))
    return lines


def rebuilt_line(made: dict) -> str:
    """What was built again."""
    rebuilt = made["rebuilt"]
    if rebuilt["run"]:
        return say("Built again from what is left: {run}.", run=rebuilt["run"])
    why, message = WHY[rebuilt["why"]], rebuilt.get("message", "")
    return say(why, message=message) if message else say(why)


def elsewhere(made: dict) -> list[str]:
    """What lies outside this folder and must be erased there."""
    lines = [say("{file} tells customers by a formula or by the row's number: take the rows out by hand.", file=f) for f in made["by_hand"]]
    outside = made["outside"]
    if outside["sources"]:
        listed = words.join(outside["sources"])
        lines.append(say("Outside data/{project}, to be erased there, or the next run brings the person back: {files}.",
                         project=made["project"], files=listed))  # fmt: skip
    if outside["sent_lists"]:
        lines.append(say("The person stood on contact lists: erase them in the tools that took these up."))
    return [*lines, say("Backups, copies and pages that people took elsewhere are not reached from here.")]


# The page


def html(plan: Project, made: dict) -> str:
    """The certificate as a page of its own."""
    title = say("Certificate of erasure {name}", name=made["name"])
    prose = [counted(made), *shared_lines(made), rebuilt_line(made), *elsewhere(made)]
    listed = [hit_line(hit) for hit in made["found"]]
    parts = [f"<h1>{escape(title)}</h1>", f'<p class="standfirst">{escape(headline(made))}</p>']
    parts += ["<ul>", *(f"<li>{escape(each)}</li>" for each in listed), "</ul>"] if listed else []
    parts += [f"<p>{escape(each)}</p>" for each in prose]
    parts += [tables.as_html(changes_table(made)), tables.as_html(looked_table(made))]
    parts += [f'<p class="note">{escape(person_line(made))}</p>']
    text, style = "\n".join(parts), templates.style()
    head = f'<meta charset="utf-8">\n<meta name="robots" content="noindex">\n<title>{escape(title)}</title>\n<style>\n{style}\n</style>'
    body = f'<body class="front handout">\n<main>\n{text}\n</main>\n</body>'
    return f'<!DOCTYPE html>\n<html lang="{words.language()}">\n<head>\n{head}\n</head>\n{body}\n</html>\n'


def person_line(made: dict) -> str:
    """Whom the certificate is about, without saying who."""
    return say(
        "The person is {sign} (a salted hash; the salt is in data/{project}/erased.json), known by {n} records.",
        sign=made["person"][:16],
        project=made["project"],
        n=words.number(made["records"]),
    )


def changes_table(made: dict) -> tables.Table:
    """Each file with what was done to it."""
    called = {code: say(name) for code, name in WHAT.items()}
    rows = [{"file": each["file"], "what": called[each["what"]], "n": each["n"]} for each in made["changes"]]
    columns = [tables.Column("file", say("File")), tables.Column("what", say("What")), tables.Column("n", say("Number"), "count")]
    return tables.Table("changes", say("What was changed"), pd.DataFrame(rows, columns=["file", "what", "n"]), columns)


def looked_table(made: dict) -> tables.Table:
    """What was looked for in every text, and what of it is left."""
    left = {kind: sum(hit["kinds"].get(kind, 0) for hit in made["found"]) for kind in KINDS}
    looked = made["searched"]["looked_for"] | {"rows": made["records"]}
    rows = [{"what": say(name), "n": looked.get(kind, 0), "left": left[kind]} for kind, name in KINDS.items()]
    columns = [
        tables.Column("what", say("Looked for")),
        tables.Column("n", say("Words or ids"), "count"),
        tables.Column("left", say("Still found"), "count"),
    ]
    return tables.Table("looked_for", say("What was looked for"), pd.DataFrame(rows), columns)
