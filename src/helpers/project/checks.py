"""What project.yml must satisfy beyond each field by itself: sources against the table contract, segments against the plan."""

import difflib
import json
import re
from collections.abc import Iterable
from datetime import datetime
from typing import Any

from helpers import NinefoldError, home
from helpers.grammar import UNPRINTABLE, parse
from helpers.project.addresses import holds_password, without_user
from helpers.project.contract import CONTRACT, LOCATING, PERSONAL, UNIFIED, reserved
from helpers.project.sections import Project
from helpers.project.sources import Format, Source

ROW = "#row"
KNOWN = (*CONTRACT["customers"]["columns"], *PERSONAL, *LOCATING)
"""Columns of customers that mean something here."""
PASSWORD = "holds a password, and project.yml is shared. Take it out, and set PGPASSWORD or write it in ~/.pgpass."
ELSEWHERE = ("md", "motherduck", "parquet", "csv", "json", "file", "http", "https", "s3")
FIELDS_OF_DATES = "aAbBdfgHIjmMnpSyY-%"
"""What a pattern of dates may hold after a percent sign. Offsets from UTC are read without a pattern."""


def check_segments(project: Project) -> None:
    """What people typed about segments must be about segments that will be built or were published, through channels that are typed."""
    build = project.build
    rules, bands = sum(rule.segment for rule in build.rules), len(build.points.bands)
    k = max(project.scope.segments_wanted, rules + 1 if rules else 0, bands + 1 if bands else 0)
    known = {f"S{number}" for number in range(1, k + 1)}
    places = {
        "build.segments": project.build.segments,
        "adopt.actions": project.adopt.actions,
        "target.offers": project.target.offers,
        "target.without": project.target.without,
    }
    places |= {f"adopt.personas.{name}.segments": persona.segments for name, persona in project.adopt.personas.items()}
    if any(segment not in known for typed in places.values() for segment in typed):
        known |= _published(project)  # a new segment of a later build has a number of its own, above k
    for place, typed in places.items():
        for segment in typed:
            if segment not in known:
                raise NinefoldError(
                    f"{project.file}: field {place} names {segment}, and scope.segments_wanted is {k}: the segments are S1 to S{k}. "
                    "Name one of these, or ask for more segments."
                )
    _check_target(project, [f"S{number}" for number in range(1, k + 1)])


def _check_channels(project: Project) -> None:
    """Offers and scenarios go through typed channels."""
    target = project.target
    typed = {f"target.offers.{key}": offer.channel for key, offer in target.offers.items()}
    typed |= {f"target.also.{key}": offer.channel for key, offer in target.also.items()}
    typed |= {f"adopt.scenarios.{key}": each.channel for key, each in project.adopt.scenarios.items() if each.channel}
    for place, channel in typed.items():
        if channel not in target.channels:
            raise NinefoldError(
                f"{project.file}: field {place}.channel has the value {channel!r}, which is not in target.channels "
                f"({', '.join(target.channels) or 'none is typed'}). {_near(channel, target.channels)}Add it there with its cost, or "
                "correct it."
            )


def _check_target(project: Project, planned: list[str]) -> None:
    """Offers go through typed channels, to typed rules, in an order of typed offers, and not the same to everybody."""
    target, rules = project.target, [rule.name for rule in project.build.rules]
    _check_channels(project)
    for key in target.also:
        if key not in rules:
            raise NinefoldError(
                f"{project.file}: field target.also names {key!r}, which is no rule of build.rules ({', '.join(rules) or 'none'}). "
                f"{_near(key, rules)}Type the rule there, or correct the name."
            )
    for key in target.priority:
        if key not in (both := [*target.also, *target.offers]):
            raise NinefoldError(
                f"{project.file}: field target.priority names {key!r}, for which no offer is typed ({', '.join(both) or 'there is none'}). "
                f"{_near(key, both)}Take it out, or type its offer in target.offers or target.also."
            )
    if target.cap.at_most == 0:
        raise NinefoldError(f"{project.file}: field target.cap.at_most is 0: nobody could ever be contacted. Write 1 or more.")
    said = {(str(offer.offer), str(offer.message), offer.channel) for offer in target.offers.values()}
    if len(planned) > 1 and len(said) == 1 and set(planned) <= set(target.offers):
        raise NinefoldError(
            f"{project.file}: field target.offers says the same to every segment, by the same channel: that is one mailing to everyone, "
            "and segments are not needed for it. Give segments offers of their own, or none to some of them."
        )


def _near(typed: str, known: Iterable[str]) -> str:
    """Did you mean …? with a space after it; nothing where nothing is near."""
    near = difflib.get_close_matches(typed, list(known), n=1)
    return f"Did you mean {near[0]}? " if near else ""


def _published(project: Project) -> set[str]:
    """The ids of every segment that a complete run of the project published; a document that cannot be read has none."""
    found: set[str] = set()
    for run in (home() / project.file).parent.glob("runs/*/*/run.json"):
        try:
            document = json.loads((run.parent / "06_build" / "segmentation.json").read_text(encoding="utf-8"))
            found |= {segment["id"] for segment in document["segments"]}
        except (OSError, ValueError, KeyError, TypeError):
            continue
    return found


def check_sources(project: Project) -> None:
    """Every source on its own: mapped columns are in the contract, the required ones are mapped, and what is said of a column is right.

    Raises NinefoldError naming file, field, value and remedy.
    """
    _check_engine(project)
    _check_capitals(project)
    for name, source in project.collect.sources.items():
        place = f"{project.file}: field collect.sources.{name}"
        _check_address(place, source)
        _check_names(place, source)
        for column, origin in source.columns.items():
            _check_origin(place, column, origin, source)
        _check_lookups(place, source)
        _check_totals(place, source)
        _check_values(place, source)
        _check_format(place, source.format)
        if source.filter:
            _check_expression(source.filter, f"{place}.filter")
        if source.currency and source.currency != project.currency and source.currency not in project.collect.rates:
            raise NinefoldError(
                f"{place}.currency has the value {source.currency!r}, and collect.rates has no rate for it. Type what 1 {source.currency} "
                f"is worth in {project.currency}: rates: {{{source.currency}: …}}."
            )


def _check_names(place: str, source: Source) -> None:
    """The columns that a source fills: known, each once, and those there that the table cannot do without."""
    mapped, contract = source.mapped, CONTRACT[source.table]
    if source.table == "customers":
        _check_attributes(place, mapped)
    for column in mapped:
        if source.table != "customers" and column not in contract["columns"]:
            near = difflib.get_close_matches(column, contract["columns"], n=1)
            hint = f"did you mean {near[0]}?" if near else f"known: {', '.join(contract['columns'])}."
            raise NinefoldError(f"{place}.columns: the table {source.table} has no column {column}; {hint}")
        if mapped.count(column) > 1:
            made = " (`totals` gives it)" if source.totals and column in ("category", "amount", "order_id", "ordered_at") else ""
            raise NinefoldError(f"{place}: the column {column} is mapped twice{made}; keep one of the two.")
    for column in contract["required"]:
        if column not in mapped:
            raise NinefoldError(
                f"{place}.columns: the table {source.table} needs {column}; map it to a column of {without_user(source.file)}."
            )


def _check_attributes(place: str, mapped: list[str]) -> None:
    """Attributes may have any name but those that the steps need, and none that differs from another by capitals alone."""
    for column in mapped:
        other = f"crm_{column.strip('_').lower() or 'attribute'}"
        if column in UNIFIED:
            raise NinefoldError(
                f"{place}.columns: {column} is the name of a column that step 3 adds to each customer. Map it as {other}, say."
            )
        known = [name for name in KNOWN if name.casefold() == column.casefold() != column]
        if known:
            raise NinefoldError(
                f"{place}.columns: {column} differs from {known[0]} by capitals alone. Write {known[0]} if it is that, or map it "
                f"as {other}."
            )
        if reserved(column):
            why = "ends in _, as names that the steps use inside do" if column.endswith("_") else "is a name that the steps use themselves"
            raise NinefoldError(f"{place}.columns: {column} {why}. Map it as {other}, say.")


def _check_capitals(project: Project) -> None:
    """Attributes of all sources stand in one table, which does not tell capitals apart."""
    seen: dict[str, tuple[str, str]] = {}
    for name, source in project.collect.sources.items():
        for column in source.mapped if source.table == "customers" else ():
            other, first = seen.setdefault(column.casefold(), (column, name))
            if other != column:
                raise NinefoldError(
                    f"{project.file}: field collect.sources.{name}.columns: {column} differs from {other} (source {first}) by capitals "
                    "alone. Write both alike, or give one another name."
                )


def _check_origin(place: str, column: str, origin: str | list[str], source: Source) -> None:
    """What fills a column: sums and expressions give numbers, the number of a row is an id."""
    kind, where = _kind(source, column), f"{place}.columns.{column}"
    several = origin if isinstance(origin, list) else [origin]
    if len(several) > 1 and kind.startswith(("string", "timestamp", "boolean")):
        raise NinefoldError(f"{where} has the value {origin}: only numbers are added up. Name one column.")
    for each in several:
        if each == ROW and (kind != "string" or len(several) > 1):
            raise NinefoldError(f"{where} has the value {ROW!r}, the number of a row: it can only be an id. Name a column.")
        if each.startswith("="):
            if len(several) > 1:
                raise NinefoldError(f"{where} has the value {origin}: write the sum in one expression, such as `= a + b * c`.")
            if kind.startswith(("string", "timestamp")):
                raise NinefoldError(f"{where} has the value {each!r}: an expression gives a number, and {column} is none. Name a column.")
            _check_expression(each.removeprefix("=").strip(), where)


def _check_expression(text: str, field: str) -> None:
    """Refuse what no expression may ask for; which columns there are shows when the file is read."""
    parse(text, field=field)


def _check_lookups(place: str, source: Source) -> None:
    for number, lookup in enumerate(source.lookups):
        if lookup.earliest not in (None, *lookup.columns):
            raise NinefoldError(
                f"{place}.lookups.{number}.earliest has the value {lookup.earliest!r}: it must be one of this lookup's "
                f"columns ({', '.join(lookup.columns)}). Name one of them."
            )


def _check_totals(place: str, source: Source) -> None:
    """Totals of a period are for orders, and the period has a beginning and an end."""
    if not source.totals:
        return
    if source.table != "orders":
        raise NinefoldError(f"{place}.totals: only orders can be totals of a period; this source fills {source.table}. Take it out.")
    since, until = (_instant(each) for each in (source.totals.since, source.totals.until))
    if not since < until:
        raise NinefoldError(f"{place}.totals.until has the value {source.totals.until}, which is not after since. Correct one of the two.")


def _check_values(place: str, source: Source) -> None:
    """What is said of a column's values: of a column that is mapped, and units of numbers."""
    for field, said in (("placeholders", source.placeholders), ("units", source.units)):
        for column in said:
            if column not in source.mapped:
                near = difflib.get_close_matches(column, source.mapped, n=1)
                hint = f"Did you mean {near[0]}?" if near else f"Mapped are: {', '.join(source.mapped)}."
                raise NinefoldError(f"{place}.{field} names {column}, which this source does not map. {hint}")
            if column in source.constants:
                raise NinefoldError(f"{place}.{field} names {column}, which is a constant here. Correct the constant instead.")
    for column, factor in source.units.items():
        if _kind(source, column).startswith(("string", "timestamp", "boolean")):
            raise NinefoldError(f"{place}.units names {column}, which is no number in the table {source.table}. Take it out.")
        if not 0 < factor < float("inf"):
            raise NinefoldError(f"{place}.units.{column} has the value {factor}: a factor is a number above 0, such as 0.01 for cents.")


def _check_format(place: str, form: Format) -> None:
    if form.decimal == form.thousands:
        raise NinefoldError(f"{place}.format has the mark {form.decimal!r} for decimals and for thousands: one of the two is another.")
    both = {word.lower() for word in form.yes} & {word.lower() for word in form.no}
    if both:
        raise NinefoldError(f"{place}.format lists {sorted(both)[0]!r} under yes and under no. Keep one of the two.")
    wrong = [part for part in re.findall(r"%(-?.|$)", form.dates or "") if part.removeprefix("-") not in FIELDS_OF_DATES or part == ""]
    if wrong or (form.dates is not None and "%" not in form.dates):
        raise NinefoldError(f"{place}.format.dates has the value {form.dates!r}: not a pattern. Write it like '%d/%m/%Y %H:%M'.")


def _check_address(place: str, source: Source) -> None:
    """A password in project.yml would be in git: it stays in the environment."""
    for number, file in enumerate([source.file, *(lookup.file for lookup in source.lookups)]):
        if holds_password(file):
            field = "file" if number == 0 else f"lookups.{number - 1}.file"
            raise NinefoldError(f"{place}.{field} {PASSWORD}")


def _check_engine(project: Project) -> None:
    """DuckDB here, or a server by its address: nothing that fetches or opens anything else."""
    field, engine = f"{project.file}: field engine", project.engine
    if holds_password(engine):
        raise NinefoldError(f"{field} {PASSWORD}")
    scheme, mark, rest = engine.partition("://")
    if not mark or scheme.lower() in ELSEWHERE or rest.lower().startswith(("md:", "motherduck:")) or "://" in rest:
        raise NinefoldError(
            f"{field} has the value {without_user(engine)!r}, which is not opened here: no data leave this computer but to a server of "
            "your own. Use duckdb://, or the address of such a server."
        )


def check_texts(content: Any, shown: str) -> None:
    """Refuse texts with characters that no file or name has: they break whatever reads them, far from here."""
    waiting: list[tuple[str, Any]] = [("", content)]
    while waiting:
        field, found = waiting.pop()
        if isinstance(found, dict):
            waiting += [(f"{field}.{key}".lstrip("."), value) for key, value in found.items()]
            waiting += [(field, key) for key in found if isinstance(key, str)]  # looked at first: they name the others
        elif isinstance(found, list):
            waiting += [(f"{field}.{number}", value) for number, value in enumerate(found)]
        elif isinstance(found, str) and UNPRINTABLE.search(found):
            raise NinefoldError(
                f"{shown}: field {field or '(top)'} has the value {found[:60]!r}, with a character that cannot be written. Type it anew."
            )


def _kind(source: Source, column: str) -> str:
    return CONTRACT[source.table]["columns"].get(column, "string")


def _instant(moment) -> datetime:
    return moment.replace(tzinfo=None) if isinstance(moment, datetime) else datetime(moment.year, moment.month, moment.day)
