"""From a list of files to a project that loads."""

import contextlib
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from helpers import NinefoldError, home, project
from helpers.new import beside, choose, files, finish, mailing, names, together, write
from helpers.new.guess import Guess, guess, leave_rest
from helpers.new.read import Reader, rows
from helpers.new.written import check, written


@dataclass(frozen=True)
class Begun:
    """A project that was begun: where its project.yml is, and what to tell the analyst."""

    path: Path
    report: str


def new(name: str | None, given: str | Iterable[str] | None) -> Begun:
    """Look at files, copy them below data/<name>/raw/ and write data/<name>/project.yml.

    given   files, folders, and postgresql:// addresses; one text is split at blanks unless it is itself a path
    Raises NinefoldError for a project that exists, a name that is no folder's, a place that is not there, an address with a password, and
    files among which none could be orders.
    """
    if not name or not given:
        raise NinefoldError('Name the project and its files: make new PROJECT=shop FROM="orders.csv customers.xlsx".')
    folder = _free(name)
    found = files.find(files.split(given))
    if not found.tables:
        raise NinefoldError("None of these can be read:" + "".join(f"\n  {file}: {why}" for file, why in found.left.items()))
    with Reader() as reader:
        guesses = _guesses(reader, files.series(found.tables, reader.alike), found.left)
        sources = _sources(guesses, found.left)
        plan = _plan(name, sources, found.left)
        copied = _copied(found, sources)
        text = _write(folder, copied, plan, sources)
        report = _report(name, text, sources, found.left)
    return Begun(folder / "project.yml", report)


def _free(name: str) -> Path:
    """The folder of a project that does not exist yet."""
    if not re.fullmatch(r"[a-z0-9][a-z0-9_-]*", name or ""):
        raise NinefoldError(f"PROJECT: {name!r} is no name for a project. Use small letters, figures, _ and -, as in PROJECT=my_shop.")
    path = home() / "data" / name / "project.yml"
    if path.exists():
        raise _exists(name)
    return path.parent


def _exists(name: str) -> NinefoldError:
    return NinefoldError(f"data/{name}/project.yml exists already and is not overwritten. Give another PROJECT, or remove that file first.")


def _guesses(reader: Reader, tables: list[files.Given], left: dict[str, str]) -> list[Guess]:
    result = []
    for given in tables:
        try:
            result.append(guess(reader.read(given)))
        except NinefoldError as error:
            left[given.shown] = str(error)
    if not result:
        raise NinefoldError("None of these can be read:" + "".join(f"\n  {file}: {why}" for file, why in left.items()))
    return result


def _sources(guesses: list[Guess], left: dict[str, str]) -> list[write.Source]:
    """The sources, orders first, each complete; whatever is none goes to `left`."""
    together.join_lines(guesses)
    together.drop_doubles(guesses)
    together.join_products(guesses)
    surveys = beside.surveys(guesses)
    if not any(g.table == "orders" for g in guesses):
        hint = together.nearest(guesses)
        made = together.totals(guesses)
        if not made:
            rest = "".join([*(f"\n  {each}" for each in surveys), *(f"\n  {file}: {why}" for file, why in left.items())])
            raise NinefoldError(f"No file looks like orders: a customer, a date and an amount in each row are needed.{hint}{rest}")
        made[0].totals["since"], made[0].totals["until"] = together.year_before(made[0])
        guesses = [*made, *guesses]
    guesses = mailing.by_email(guesses)
    for each in guesses:
        if each.table is None:
            unknown = f"nothing tells what it is (its columns: {', '.join(list(each.columns)[:12])})"
            left[each.read.given.shown] = each.why or "; ".join([unknown, *each.notes])
    kept = sorted((g for g in guesses if g.table), key=lambda g: g.table != "orders")
    for each in kept:
        finish.complete(each)
    kept += beside.people_in_orders(kept)
    _name(kept)
    for each in kept:
        if not each.totals:
            finish.in_cents(each)
            leave_rest(each)
    together.number_ids(kept)
    return [_checked(each) for each in kept]


def _checked(found: Guess) -> write.Source:
    """How its values are written, checked on the whole file, with what that brings to light."""
    how = written(found)
    check(found, how)
    finish.signs(found, how)
    finish.repeated_header(found)
    who = found.columns.get(found.roles["customer_id"].origin) if "customer_id" in found.roles else None
    if found.table == "orders" and who and who.filled < who.rows:
        found.notes.append(f"{rows(who.rows - who.filled)} without a customer: set aside and counted")
    refunds = 0 if found.totals else finish.refunds(found, how)
    if refunds:
        found.notes.append(f"{rows(refunds)} with an amount below zero: refunds")
    return write.Source(found, how, finish.repeated_in_newer(found), finish.cancelled(found) if found.table == "orders" else "")


def _name(guesses: list[Guess]) -> None:
    """Names of sources, from those of their files."""
    taken: set[str] = set()
    for found in guesses:
        given = found.read.given
        stem = given.part.rpartition(".")[2] or Path(given.pattern.partition("*")[0] or given.raw).stem
        stem = stem if stem not in taken else f"{stem}_{found.name or found.table}"
        found.name = names.identifier(stem, taken)
        taken.add(found.name)


def _plan(name: str, sources: list[write.Source], left: dict[str, str]) -> write.Plan:
    orders = [source for source in sources if source.guess.table == "orders"]
    spans = [choose.span(source.guess) for source in orders]
    span = max(spans, key=lambda each: each.newest)
    span.first = min(each.first for each in spans)
    end = choose.as_of(span)
    window, horizon = choose.windows(span, end.value)
    guesses = [source.guess for source in sources]
    groups = choose.category_groups(orders[0].guess, orders[0].how)
    plan = write.Plan(
        name, choose.title(name), choose.currency(guesses), choose.time_zone(guesses), end, window, horizon, groups, left_files=left
    )
    plan.proposals = [*_proposals(orders), *(each for source in sources for each in finish.staff(source.guess))]
    plan.panel = choose.panel(_measured(name, plan, sources), list(groups), span)
    return plan


def _proposals(orders: list[write.Source]) -> list[str]:
    """Rules that would find rows, with how many."""
    found, how = orders[0].guess, orders[0].how
    if found.totals:
        return []
    result = []
    copies = found.read.ask("select (select count(*) from {t}) - (select count(*) from (select distinct * from {t}))")[0][0]
    if copies:
        result.append(f"{{rule: exact_copy}}  # {rows(copies)} that copy another exactly")
    free = found.read.ask(f"select count(*) from {{t}} where {finish.amount_sql(found, how)} = 0")[0][0] if "amount" in found.roles else 0
    if free:
        result.append(f"{{rule: amount_zero}}  # {rows(free)} with an amount of zero")
    return result


def _measured(name: str, plan: write.Plan, sources: list[write.Source]) -> list[str]:
    """Variables that the sources allow, as the catalogue of step 4 says."""
    import yaml

    from helpers.variables.catalogue import catalogue

    content = yaml.safe_load(write.project(plan, sources))
    made = project.Project(**content, name=name, file=f"data/{name}/project.yml")
    return [variable.name for variable in catalogue(made)]


def _copied(found: files.Found, sources: list[write.Source]) -> files.Found:
    """Only files that a source reads are copied."""
    used = set()
    for source in sources:
        givens = [source.guess.read.given, *(lookup["guess"].read.given for lookup in source.guess.lookups)]
        used |= {raw for given in givens for raw in (given.raw, *(raw for raw, _ in given.several))}
    return files.Found(found.tables, found.left, {raw: path for raw, path in found.copies.items() if raw in used})


def _write(folder: Path, found: files.Found, plan: write.Plan, sources: list[write.Source]) -> str:
    """Write project.yml and copy the files; when a copy fails or the project does not load, nothing of it stays behind.

    project.yml comes first, for only one of two calls at the same time can create it: the other stops before it touches anything.
    """
    raw = folder / "raw"
    there = {each for each in (folder, raw) if each.exists()}
    text = write.project(plan, sources)
    folder.mkdir(parents=True, exist_ok=True)
    try:
        with (folder / "project.yml").open("x", encoding="utf-8", newline="\n") as file:
            file.write(text)
    except FileExistsError:
        raise _exists(plan.name) from None
    made: list[Path] = [folder / "project.yml"]
    try:
        made += files.copy(found, folder)
        project.load(plan.name)
    except BaseException:
        for path in made:
            path.unlink(missing_ok=True)
        for each in (raw, folder):
            if each not in there:
                with contextlib.suppress(OSError):  # not there, or somebody has put something in
                    each.rmdir()
        raise
    return text


def _report(name: str, text: str, sources: list[write.Source], left: dict[str, str]) -> str:
    """What is printed: what was found, what to check, what was left out, and the next command."""
    lines = [f"Written: data/{name}/project.yml", "", "Found"]
    for source in sources:
        found = source.guess
        has = ", ".join([*found.roles, *(f"{c} (looked up)" for each in found.lookups for c in each["columns"])])
        lines.append(f"  {found.read.given.shown} → {found.table} ({found.sure}): {rows(found.read.rows)}; {has}")
        lines += [f"    {note}" for note in [*found.read.notes, *found.notes]]
    doubts = write.checks(text)
    lines += ["", f"Please check ({len(doubts)} lines of project.yml)", *(f"  {each}" for each in doubts)]
    dropped = [f"  {file}: {why}" for file, why in left.items()]
    dropped += [f"  {each}" for source in sources for each in write.left_columns(source)]
    if dropped:
        lines += ["", "Left out", *dict.fromkeys(dropped)]
    return "\n".join([*lines, "", f"Next: make report PROJECT={name}"])
