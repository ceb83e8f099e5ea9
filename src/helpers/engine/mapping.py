"""One source → its canonical table: columns named and typed, lookups joined, and every row that cannot be read marked."""

import difflib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, time, timedelta

import ibis
import ibis.expr.datatypes as dt
import ibis.expr.types as ir

from helpers import ContractError
from helpers.engine import formulas, values
from helpers.engine.reading import Piece, Reader
from helpers.engine.values import Value
from helpers.engine.windows import in_zone
from helpers.project import CONTRACT, Lookup, Project, Source
from helpers.project.addresses import without_user

ROW = "#row"
"""What stands in project.yml for the number of a row, counted over the files of the source."""
NUMBER = "file_row_number"


@dataclass(frozen=True)
class Fault:
    """Something in a file that cannot be read.

    column   of the contract; `filter` for what the source's filter asks about
    origin   the file's column
    file     the lookup's file; empty for the source's own files
    """

    column: str
    origin: str
    file: str


@dataclass
class Marks:
    """The extra columns of a mapped table, by what they say: texts that cannot be read, and values that stand for missing ones."""

    faults: dict[Fault, str] = field(default_factory=dict)
    held: dict[str, str] = field(default_factory=dict)

    def fault(self, fault: Fault) -> str:
        return self.faults.setdefault(fault, f"bad{len(self.faults)}_")

    def holds(self, column: str) -> str:
        return self.held.setdefault(column, f"held{len(self.held)}_")


class Mapping:
    """Maps the files of one source.

    project, name   the source's place in project.yml
    reader          reads its files; con: the Ibis backend on which the result lives
    bare            the numbering whose ids stay as they are
    marks           filled while mapping: the extra columns of the parts
    """

    def __init__(self, project: Project, name: str, reader: Reader, con, *, bare: str):
        self.project, self.name, self.reader, self.con, self.bare = project, name, reader, con, bare
        self.source: Source = project.collect.sources[name]
        self.marks, self._floats, self._offsets = Marks(), {}, {}
        rate = project.collect.rates.get(self.source.currency, 1.0) if self.source.currency else 1.0
        self.rate = 1.0 if self.source.currency == project.currency else rate

    def part(self, piece: Piece, *, before: int, file: int, find: Callable[[str], Piece]) -> list[ir.Table]:
        """A file of the source in the contract's columns, with the extra ones of `marks`, `file_` and, with a filter, `keep_`.

        before   rows of the files before this one
        file     its place among the files
        find     gives the file of a lookup
        """
        numbered = ROW in self.source.columns.values()
        raw = self.reader.table(piece, self.con, numbered=numbered)
        parts = []
        for columns, constants in self._ways():
            extra: dict[str, ir.Value] = {"file_": ibis.literal(file, type="int32")}
            wanted = {c: self._column(raw, origin, c, piece, before, extra) for c, origin in columns.items()}
            wanted |= {c: self._constant(value, c) for c, value in constants.items()}
            if piece.textual:
                self._mark_headers(raw, columns, extra)
            if self.source.filter:
                extra["keep_"] = self._filter(raw, piece, extra)
            table = self._look_up(raw, piece, wanted, extra, find)
            parts.append(self._totalled(table) if self.source.totals else table)
        return parts

    def _mark_headers(self, raw: ir.Table, columns: dict, extra: dict) -> None:
        """Mark rows that repeat the names of the columns, as when one export was pasted below another."""
        plain = {c: o for c, o in columns.items() if isinstance(o, str) and o != ROW and not formulas.is_formula(o)}
        if plain:
            column, origin = next(iter(plain.items()))
            again = raw[origin] == origin
            for other in list(plain.values())[1:]:
                again = again & (raw[other] == other)
            mark = self.marks.fault(Fault(column, origin, ""))
            extra[mark] = again.ifelse(origin, extra.get(mark, ibis.null("string")))

    def _ways(self) -> Iterator[tuple[dict, dict]]:
        """Columns and constants: once, or for totals of a period once a category."""
        source = self.source
        if not source.totals:
            yield source.columns, source.constants
            return
        for category, column in source.totals.categories.items():
            yield source.columns | {"amount": column}, source.constants | {"category": category}

    def _totalled(self, table: ir.Table) -> ir.Table:
        """Totals as one order a customer, in the last second of the period."""
        until = self.source.totals.until
        last = (until if isinstance(until, datetime) else datetime.combine(until, time())) - timedelta(seconds=1)
        last = last.replace(tzinfo=None)
        return table.mutate(order_id=table.customer_id, ordered_at=ibis.literal(last, type="timestamp"))

    # ---- columns

    def _column(self, raw: ir.Table, origin: str | list[str], column: str, piece: Piece, before: int, extra: dict) -> ir.Value:
        """A contract column of a file's rows."""
        if origin == ROW:
            typed = (raw[NUMBER] + (before + 1)).cast("string")
        elif isinstance(origin, str) and formulas.is_formula(origin):
            typed = self._formula(raw, origin, column, piece, extra)
        else:
            names = [origin] if isinstance(origin, str) else origin
            parts = [self._typed(raw, name, column, piece, extra) for name in names]
            typed = sum(parts[1:], parts[0]) if len(parts) > 1 else parts[0]
        if column == "customer_id" and self.source.ids != self.bare:
            typed = ibis.literal(f"{self.source.ids}:") + typed
        return typed

    def _typed(self, raw: ir.Table, name: str, column: str, piece: Piece, extra: dict, lookup: str = "") -> ir.Value:
        """One column in the contract's type; what does not fit is missing, and marked."""
        found, kind = self._named(raw, name, piece.shown), self.kind(column)
        if not values.fits(found.type(), kind):
            raise ContractError(
                f"{self.place(piece.shown, name)} is of type {found.type()} where the table {self.source.table} needs "
                f"{values.plain(kind)} for {column}. Map another column."
            )
        value = self._read(raw, found, kind, column, piece)
        text = values.as_text(found)
        if column in self.source.placeholders:
            held = values.is_one_of(value, values.trimmed(text) if piece.textual else text, self.source.placeholders[column])
            value = Value(held.ifelse(ibis.null(kind), value.typed), None if value.unfit is None else value.unfit & ~held)
            mark = self.marks.holds(column)
            extra[mark] = extra[mark] | held if mark in extra else held
        if value.unfit is not None:
            extra[self.marks.fault(Fault(column, name, lookup))] = value.unfit.ifelse(found.cast("string"), ibis.null("string"))
        return self._in_zone(raw, found, value.typed, piece)

    def _read(self, raw: ir.Table, found: ir.Value, kind: dt.DataType, column: str, piece: Piece) -> Value:
        """A file's column in a type of the contract, by the source's format where it is text."""
        form, money = self.source.format, kind.is_decimal()
        factor = self.source.units.get(column, 1.0) * (self.rate if money else 1.0)
        if not found.type().is_string():
            return Value(values.as_text(found), None) if kind.is_string() else values.stored(found, kind, factor=factor)
        text = values.filled(found, form) if piece.textual else self._without_missing(found)
        if kind.is_string():
            identifies = piece.textual and column.endswith("_id")
            return values.identifier(text, floats=self._all_floats(raw, found, piece)) if identifies else Value(text, None)
        if kind.is_timestamp():
            return values.moment(text, form, offsets=not form.dates and self._has_offsets(raw, text, piece, found.get_name()))
        if kind.is_boolean():
            return values.truth(text, form)
        return values.number(text, form, kind, currency=self._currency if money else None, factor=factor)

    def _without_missing(self, text: ir.StringValue) -> ir.StringValue:
        """A text column of a file with types: only what the project itself lists is missing besides what the file says is."""
        absent = sorted(set(self.source.format.missing) - {""})
        return text.isin(absent).ifelse(ibis.null("string"), text) if absent else text

    def _formula(self, raw: ir.Table, origin: str, column: str, piece: Piece, extra: dict) -> ir.Value:
        """A column worked out of others; a text that is no number is marked under its own column."""
        kind, text = self.kind(column), formulas.formula(origin)
        result = self._work_out(raw, text, column, piece, extra, wanted="boolean" if kind.is_boolean() else "number")
        if kind.is_boolean():
            return result
        factor = self.source.units.get(column, 1.0) * (self.rate if kind.is_decimal() else 1.0)
        typed = (result * factor if factor != 1.0 else result).try_cast(kind)
        mark = self.marks.fault(Fault(column, origin, ""))
        extra[mark] = (result.notnull() & typed.isnull()).ifelse(result.cast("string"), ibis.null("string"))
        return typed

    def _filter(self, raw: ir.Table, piece: Piece, extra: dict) -> ir.BooleanValue:
        return self._work_out(raw, self.source.filter, "filter", piece, extra, wanted="boolean")

    def _work_out(self, raw: ir.Table, text: str, column: str, piece: Piece, extra: dict, *, wanted: str) -> ir.Value:
        def read(name: str, kind: dt.DataType) -> Value:
            found = values.filled(raw[name], self.source.format) if piece.textual else self._without_missing(raw[name])
            if kind.is_timestamp():
                return values.moment(found, self.source.format, offsets=False)
            return values.number(found, self.source.format, kind, currency=self._currency)

        field = f"{self.project.file}: field collect.sources.{self.name}.{column if column == 'filter' else f'columns.{column}'}"
        known = raw.drop(NUMBER) if NUMBER in raw.columns else raw
        whole = wanted == "boolean" and column != "filter"
        result, unfit = formulas.work_out(text, known, read, field=field, wanted=wanted, whole=whole)
        for name, rows in unfit.items():
            extra[self.marks.fault(Fault(column, name, ""))] = rows.ifelse(raw[name], ibis.null("string"))
        return result

    # ---- lookups

    def _look_up(self, raw: ir.Table, piece: Piece, wanted: dict, extra: dict, find: Callable[[str], Piece]) -> ir.Table:
        """The mapped columns, and those of the lookups beside them."""
        names = sorted({key for lookup in self.source.lookups for key in lookup.match})
        keys = {f"key{n}_": self._key(raw, name, piece) for n, name in enumerate(names)}
        table = raw.select(**wanted, **extra, **keys)
        for lookup in self.source.lookups:
            table = self._joined(table, lookup, dict(zip(names, keys, strict=True)), find(lookup.file), piece.shown)
        return table.drop(*keys) if keys else table

    def _joined(self, table: ir.Table, lookup: Lookup, keys: dict[str, str], other: Piece, shown: str) -> ir.Table:
        """Add a lookup's columns. One row of it a key, or the earliest where the project says so: rows may not multiply."""
        raw, extra = self.reader.table(other, self.con), {}
        right = {f"right{n}_": self._key(raw, name, other) for n, name in enumerate(lookup.match.values())}
        added = {c: self._typed(raw, name, c, other, extra, other.shown) for c, name in lookup.columns.items()}
        found = raw.select(**right, **added, **extra)
        if lookup.earliest:
            rest = [c for c in added if c != lookup.earliest]
            place = ibis.row_number().over(group_by=list(right), order_by=[lookup.earliest, *rest])
            found = found.mutate(place_=place).filter(ibis._.place_ == 0).drop("place_")
        else:
            self._refuse_several(found, list(right), lookup, shown)
        pairs = [(keys[left], name) for left, name in zip(lookup.match, right, strict=True)]
        for left, name in pairs:
            if table[left].type() != found[name].type():  # one file holds the key as text, the other as a number
                table, found = (each.mutate(**{k: values.as_text(each[k])}) for each, k in ((table, left), (found, name)))
        return table.left_join(found, pairs).drop(*right)

    def _key(self, raw: ir.Table, name: str, piece: Piece) -> ir.Value:
        key = self._named(raw, name, piece.shown)
        if piece.textual:
            return values.identifier(values.filled(key, self.source.format), floats=self._all_floats(raw, key, piece)).typed
        return key

    def _refuse_several(self, found: ir.Table, right: list[str], lookup: Lookup, shown: str) -> None:
        twice = found.group_by(right).agg(n_=ibis._.count()).filter(ibis._.n_ > 1).order_by(right).limit(1).execute()
        if len(twice):
            key = ", ".join(f"{name} = {twice.iloc[0, n]}" for n, name in enumerate(lookup.match.values()))
            raise ContractError(
                f"{self.project.file}: the file {without_user(lookup.file)!r} has several rows for {key}; joined to {shown!r} it would "
                "multiply rows. Give it one row a key, or name in `earliest` the column whose smallest value counts."
            )

    # ---- details

    @property
    def _currency(self) -> str:
        return self.source.currency or self.project.currency

    def kind(self, column: str) -> dt.DataType:
        """The contract's type of a column; attributes of customers are text."""
        return dt.dtype(CONTRACT[self.source.table]["columns"].get(column, "string"))

    def place(self, shown: str, name: str) -> str:
        return f"{self.project.file}: the file {shown!r}, column {name!r}"

    def _named(self, raw: ir.Table, name: str, shown: str) -> ir.Column:
        if name not in raw.columns:
            there = [each for each in raw.columns if each != NUMBER]
            near = difflib.get_close_matches(name, there, n=1)
            hint = f"Did you mean {near[0]!r}? " if near else ""
            raise ContractError(
                f"{self.project.file}: the file {shown!r} has no column {name!r} (table {self.source.table}). {hint}"
                f"It has: {', '.join(there)}."
            )
        return raw[name]

    def _constant(self, value: str, name: str) -> ir.Scalar:
        """One value for every row, in the contract's type."""
        kind = self.kind(name)
        typed = ibis.literal(value).try_cast(kind)
        if self.con.execute(typed.isnull()):
            raise ContractError(
                f"{self.project.file}: field constants.{name} of the table {self.source.table} has the value {value!r} where "
                f"{values.plain(kind)} is needed. Correct it."
            )
        return typed

    def _in_zone(self, raw: ir.Table, found: ir.Value, typed: ir.Value, piece: Piece) -> ir.Value:
        """Instants of another zone in the project's."""
        if not typed.type().is_timestamp():
            return typed
        says = bool(getattr(found.type(), "timezone", None)) or self._offsets.get((piece.path, found.get_name()), False)
        zone = "UTC" if says else self.source.time_zone
        if zone and zone != self.project.time_zone:
            span = raw.aggregate(first=typed.min(), last=typed.max()).execute().iloc[0]
            if span["first"] is not None and span["first"] == span["first"]:  # NaT differs from itself
                typed = in_zone(typed, zone, self.project.time_zone, first=span["first"], last=span["last"])
        return typed

    def _all_floats(self, raw: ir.Table, text: ir.StringColumn, piece: Piece) -> bool:
        """Whether every id of a column is written as 7.0, as programs do that know no missing integer."""
        key = (piece.path, text.get_name())
        if key not in self._floats:
            known = values.filled(text, self.source.format)
            other = ~known.endswith(".0") | ~known.re_search(values.FLOAT_ID)
            seen = raw.aggregate(others=other.sum(), filled=known.count()).execute().iloc[0]
            self._floats[key] = bool(seen["filled"]) and not seen["others"]
        return self._floats[key]

    def _has_offsets(self, raw: ir.Table, text: ir.StringColumn, piece: Piece, name: str) -> bool:
        """Whether these texts end in an offset from UTC (`Z`, `+02:00`); some with and some without are refused."""
        key = (piece.path, name)
        if key not in self._offsets:
            offset = text.re_search(r":\d\d(\.\d+)?(Z|z| UTC|[+-]\d\d(:?\d\d)?)\s*$")
            bare = ~offset & text.re_search(r"^\s*\d{4}[-/]\d")
            seen = raw.aggregate(with_=offset.sum(), without=bare.sum(), bare=text.min(where=bare)).execute().iloc[0]
            if (seen["with_"] or 0) > 0 and (seen["without"] or 0) > 0:
                place = self.place(piece.shown, name)
                raise ContractError(
                    f"{place} gives some instants an offset from UTC and others none, such as {seen['bare']!r}. Use one form."
                )
            self._offsets[key] = (seen["with_"] or 0) > 0
        return self._offsets[key]
