"""What an analysis is: `data/<project>/project.yml`, read and checked into one object.

Every field has its default, its unit and a sentence of help (`Field(description=…)`), so that a mistake can be answered
with the file, the field, the value and the remedy.
"""

import difflib
from datetime import date, datetime, time
from pathlib import Path
from typing import Annotated, Any, Literal
from zoneinfo import ZoneInfo, available_timezones

import yaml
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, model_validator

from helpers import NinefoldError, home

# The table contract (data/README.md says it in words). For each table: its columns with their types, those it cannot do
# without, the column that dates a row, the columns that identify one, and those whose emptiness is an answer.
CONTRACT: dict[str, dict[str, Any]] = {
    "customers": {"columns": {"customer_id": "string"}, "required": ["customer_id"], "dated": None, "key": ["customer_id"]},
    "orders": {
        "columns": {
            "customer_id": "string",
            "order_id": "string",
            "ordered_at": "timestamp",
            "product_id": "string",
            "category": "string",
            "quantity": "float64",
            "amount": "decimal(18, 2)",
            "discount": "decimal(18, 2)",
            "channel": "string",
            "store_id": "string",
            "brand": "string",
            "coupon": "decimal(18, 2)",
        },
        "required": ["customer_id", "order_id", "ordered_at", "amount"],
        "dated": "ordered_at",
        "key": ["order_id", "product_id"],
    },
    "events": {
        "columns": {
            "customer_id": "string",
            "occurred_at": "timestamp",
            "channel": "string",
            "kind": "string",
            "detail": "string",
            "device": "string",
            "campaign_id": "string",
        },
        "required": ["customer_id", "occurred_at", "kind"],
        "dated": "occurred_at",
        "key": ["customer_id", "occurred_at", "kind", "detail"],
    },
    "answers": {
        "columns": {"customer_id": "string", "question": "string", "answer": "string", "answered_at": "timestamp"},
        "required": ["customer_id", "question", "answer", "answered_at"],
        "dated": "answered_at",
        "key": ["customer_id", "question", "answered_at"],
    },
    "comments": {
        "columns": {
            "customer_id": "string",
            "said_at": "timestamp",
            "channel": "string",
            "text": "string",
            "rating": "float64",
        },
        "required": ["customer_id", "said_at", "text"],
        "dated": "said_at",
        "key": ["customer_id", "said_at", "text"],
    },
    "contacts": {
        "columns": {
            "customer_id": "string",
            "campaign_id": "string",
            "channel": "string",
            "sent_at": "timestamp",
            "responded_at": "timestamp",
            "arm": "string",
            "kind": "string",
        },
        "required": ["customer_id", "campaign_id", "sent_at"],
        "may_be_empty": ["responded_at"],
        "dated": "sent_at",
        "key": ["customer_id", "campaign_id"],
    },
    "consents": {
        "columns": {
            "customer_id": "string",
            "channel": "string",
            "purpose": "string",
            "granted": "boolean",
            "updated_at": "timestamp",
        },
        "required": ["customer_id", "channel", "purpose", "granted", "updated_at"],
        "dated": "updated_at",
        "key": ["customer_id", "channel", "purpose", "updated_at"],
    },
    "market": {
        "columns": {"area": "string", "year": "int64", "measure": "string", "value": "float64"},
        "required": ["area", "year", "measure", "value"],
        "dated": None,
        "key": ["area", "year", "measure"],
    },
}

Prose = str | dict[Literal["en", "fr"], str]
Share = Annotated[float, Field(ge=0, le=1)]


def _known_zone(name: str) -> str:
    if name not in available_timezones():
        near = difflib.get_close_matches(name, available_timezones(), n=1)
        raise ValueError("not a time zone of the IANA list" + (f"; did you mean {near[0]}?" if near else ""))
    return name


Zone = Annotated[str, AfterValidator(_known_zone)]


class Section(BaseModel):
    """A part of project.yml; a field that it does not know is an error, so that a misspelt one cannot pass unseen."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Decision(Section):
    decision: Prose = Field(description="What people decided, in one sentence.")
    because: Prose = Field(description="Why.")
    turned_down: Prose = Field("", description="The alternative that was refused.")
    would_change: Prose = Field("", description="What would change our mind.")
    decided_on: date = Field(description="The day, YYYY-MM-DD.")
    decided_by: Prose = Field(description="A role, not a person.")


class Lookup(Section):
    """Another file whose columns are added to a source's rows."""

    file: str = Field(description="As `file` of a source.")
    match: dict[str, str] = Field(description="Column of the source's file: column of this file.")
    columns: dict[str, str] = Field(description="Column of the table contract: column of this file.")
    earliest: str | None = Field(None, description="When several rows match: keep the one where this column is smallest.")


class Source(Section):
    table: Literal[*CONTRACT] = Field(description="The canonical table that it fills.")
    file: str = Field(description="A path below data/<project>/, or package:path for a file that a Python package ships.")
    columns: dict[str, str | list[str]] = Field(description="Contract column: the file's column; a list is added up.")
    constants: dict[str, str] = Field({}, description="Contract column: one value for every row.")
    lookups: list[Lookup] = Field([], description="Other files joined to it.")
    time_zone: Zone | None = Field(None, description="Zone of its instants; none: already in the project's zone.")
    where_from: Prose = Field("", description="Who made the data, and from what.")
    how_collected: Prose = Field("", description="How.")
    collected_on: date | None = Field(None, description="Day of the last extract.")
    legal_basis: Prose = Field("", description="Why it may be used.")
    owner: Prose = Field("", description="A role to ask.")
    fresh_within_days: int = Field(31, ge=1, description="Days after which the newest row counts as stale.")


class Refused(Section):
    name: Prose
    because: Prose


class Objective(Section):
    name: Prose = Field(description="The result wanted, in words.")
    kind: Literal[
        "revenue", "conversion", "retention", "acquisition", "cross_sell", "qualified_traffic", "better_spending",
        "product_evolution", "service", "data_enrichment", "market_share",
    ] = Field(description="One of the eleven kinds of objective.")  # fmt: skip
    metric: Literal["revenue_per_customer", "orders_per_customer", "active_share", "response_rate"] = Field(
        description="How it is measured; objectives.METRICS gives each definition."
    )
    target: float | None = Field(None, description="The value wanted, in the metric's unit (shares 0-1).")
    by_when: date | None = Field(None, description="The day on which it is measured again.")
    owner: Prose | None = Field(None, description="The role that answers for it.")
    shared_with: list[Prose] = Field([], description="Roles that have agreed to it.")
    because: Prose = Field("", description="Why this matters to the company.")


class Objectives(Section):
    problem: Prose = Field("", description="The problem that the segmentation shall help to solve.")
    main: Objective
    secondary: list[Objective] = []
    decisions: list[Decision] = []


class Filter(Section):
    rule: Literal["bought_within_days", "known_for_days", "spent_more_than", "orders_at_least"] = Field(
        description="scope.RULES gives each definition."
    )
    value: float = Field(ge=0, description="Days, money or orders, as the rule says.")
    because: Prose = ""


class Criteria(Section):
    """Thresholds of the five criteria of a good segment; fixed before building (definitions.md)."""

    measurable_half_width: Share = Field(0.20, description="Half of the 95 % interval of revenue per customer, as a share.")
    measurable_missing: Share = Field(0.20, description="Largest missing share in a defining variable.")
    recognisable_accuracy: Share = Field(0.60, description="Balanced accuracy of a depth-3 tree, confirm window.")
    recognisable_variables: int = Field(2, ge=1, description="Variables that differ by at least .5 sd.")
    homogeneous_ratio: float = Field(0.90, gt=0, le=1, description="Variance within over variance of all.")
    interesting_uplift: Share = Field(0.05, description="Plausible response uplift of a campaign.")
    interesting_kappa: Share = Field(0.30, description="Lasting: (stay - chance) / (1 - chance).")
    accessible_share: Share = Field(0.50, description="Share that may be reached by a channel it uses.")
    accessible_number: int = Field(100, ge=1, description="Customers that can be reached, at least.")


class Scope(Section):
    customers: Prose = Field("", description="Who counts as a customer here (B2C, B2B, prospects …).")
    filters: list[Filter] = []
    window_days: int = Field(180, ge=7, description="Trailing window of every flow variable, days.")
    horizon_days: int = Field(90, ge=7, description="Length of the later period that judges, days.")
    segments_wanted: int = Field(5, ge=2, le=12)
    segments_from: int = Field(3, ge=2, le=12)
    segments_to: int = Field(6, ge=2, le=12)
    levels: list[Literal["manual", "rules", "learned"]] = ["rules", "learned"]
    variables_planned: int = Field(20, ge=1, description="Segmentation variables planned, for the sample size.")
    panel: list[str] = Field([], description="Behaviours, as names of variables, that the second score judges.")
    refused: list[Refused] = Field([], description="Data that exists and is not used.")
    criteria: Criteria = Criteria()
    decisions: list[Decision] = []

    @model_validator(mode="after")
    def _range_holds_the_wish(self):
        if not self.segments_from <= self.segments_wanted <= self.segments_to:
            raise ValueError("segments_wanted must lie between segments_from and segments_to")
        return self


class SetAside(Section):
    rule: Literal["quantity_not_positive", "amount_zero", "exact_copy"] = Field(
        description="collect.RULES gives each definition."
    )
    because: Prose = ""


class Quality(Section):
    """Weights of the seven dimensions and the borders of the grade; a dimension that cannot be measured has no weight."""

    completeness: float = Field(2, ge=0)
    consistency: float = Field(1, ge=0)
    uniqueness: float = Field(2, ge=0)
    accuracy: float = Field(2, ge=0)
    timeliness: float = Field(1, ge=0)
    validity: float = Field(2, ge=0)
    integrity: float = Field(1, ge=0)
    high_from: Share = 0.95
    medium_from: Share = 0.85


class ControlTotal(Section):
    month: date = Field(description="First day of the month.")
    revenue: float


class Collect(Section):
    sources: dict[str, Source] = Field(min_length=1)
    set_aside: list[SetAside] = []
    quality: Quality = Quality()
    control_totals: list[ControlTotal] = Field([], description="Revenue a month as the controller knows it.")
    decisions: list[Decision] = []

    @model_validator(mode="after")
    def _one_source_a_table(self):
        filled = [source.table for source in self.sources.values()]
        twice = sorted({table for table in filled if filled.count(table) > 1})
        if twice:
            raise ValueError(f"two sources fill the table {twice[0]}; give each table one source")
        if "orders" not in filled:
            raise ValueError("no source fills the table orders; steps 1 to 4 need one")
        return self


class Variables(Section):
    category_groups: dict[str, list[str]] = Field({}, description="Name of a share variable: the categories that it adds up.")
    category_names: dict[str, Prose] = Field({}, description="Name of a share variable: what people call it.")
    own_brand: list[str] = Field([], description="Values of the column brand that are the company's own label.")
    evening_from_hour: int = Field(18, ge=0, le=23, description="First hour of the evening, project's time zone.")
    morning_until_hour: int = Field(12, ge=1, le=24, description="First hour after the morning.")
    redundant_from: Share = Field(0.70, description="|Spearman's rank correlation| from which two variables say the same.")
    clip_low: Share = Field(0.01, description="Lower outlier bound, quantile.")
    clip_high: Share = Field(0.99, description="Upper outlier bound, quantile.")
    log_from_skew: float = Field(1.0, ge=0, description="Skewness from which an amount, count or duration is taken as log(1+x).")
    lumpy_from: Share = Field(0.90, description="Share of one single value from which a variable tells nobody apart.")
    leave_out: dict[str, Prose] = Field({}, description="Variable: why people left it out.")
    keep: dict[str, Prose] = Field({}, description="Variable kept of its redundancy group, whatever the rule says: why.")
    decisions: list[Decision] = []


class Project(Section):
    """One analysis. `name` and `file` come from where it was read, everything else from project.yml."""

    name: str
    file: str
    title: Prose
    description: Prose = ""
    notice: Prose = Field("", description="What every reader must know first, shown on top of the first page.")
    currency: str = Field("EUR", pattern="^[A-Z]{3}$", description="ISO 4217 code.")
    time_zone: Zone = Field("Europe/Paris", description="Zone in which days, hours and as_of are read.")
    language: Literal["en", "fr"] = "en"
    as_of: date | datetime = Field(description="First instant not counted, unless the command gives another.")
    seed: int = Field(1, ge=0)
    min_cell: int = Field(10, ge=2, description="No figure is shown about fewer customers.")
    engine: str = Field("duckdb://", description="Where tables live: an Ibis address.")
    sample_rows: int = Field(100_000, ge=100, description="Customers that enter pandas at most.")
    pairwise_rows: int = Field(10_000, ge=100, description="Customers at most where distances between them are needed.")
    objectives: Objectives
    scope: Scope = Scope()
    collect: Collect
    variables: Variables = Variables()

    @property
    def folder(self) -> Path:
        """Where its private files live."""
        return home() / "data" / self.name

    def source_of(self, table: str) -> Source | None:
        """The source that fills a canonical table, or None."""
        return next((s for s in self.collect.sources.values() if s.table == table), None)

    def names_column(self, table: str, column: str) -> bool:
        """Whether a source maps this column of the contract."""
        source = self.source_of(table)
        if source is None:
            return False
        added = {name for lookup in source.lookups for name in lookup.columns}
        return column in source.columns or column in source.constants or column in added


def available() -> list[str]:
    """Names of the projects that have a project.yml, sorted."""
    return sorted(path.parent.name for path in (home() / "data").glob("*/project.yml"))


def load(name: str) -> Project:
    """Read and check `data/<name>/project.yml`.

    Raises NinefoldError for an unknown project, a file that is not YAML, a field that is missing, unknown or has a wrong value.
    """
    path = home() / "data" / str(name) / "project.yml"
    shown = f"data/{name}/project.yml"
    if not path.is_file():
        near = difflib.get_close_matches(str(name), available(), n=1)
        hint = f" Did you mean {near[0]}?" if near else ""
        raise NinefoldError(f"Unknown project {name!r}: there is no {shown}.{hint} Known: {', '.join(available()) or 'none'}.")
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        mark = getattr(error, "problem_mark", None)
        where = f", line {mark.line + 1}, column {mark.column + 1}" if mark else ""
        problem = getattr(error, "problem", None) or str(error)
        raise NinefoldError(f"{shown}{where}: not readable as YAML ({problem}). Mend that line and run again.") from error
    if not isinstance(content, dict):
        raise NinefoldError(f"{shown}: expected fields such as `title:`, found {content!r}. Copy data/complete_journey/project.yml.")
    try:
        project = Project(**content, name=str(name), file=shown)
    except ValidationError as error:
        raise NinefoldError(_explain(shown, error)) from error
    except TypeError as error:  # `name` or `file` typed in the YAML, or a key that is not a word
        raise NinefoldError(f"{shown}: {error}. Fields are words, and `name` and `file` are given by the folder.") from error
    _check_columns(project)
    return project


def instant(as_of: str | date | datetime | None, project: Project) -> datetime:
    """The first instant not counted, as wall-clock time of the project's zone (midnight unless it names a time).

    Raises NinefoldError when it is not a date.
    """
    value = project.as_of if as_of in (None, "") else as_of
    if isinstance(value, str):
        try:
            value = datetime.fromisoformat(value)
        except ValueError as error:
            raise NinefoldError(f"as_of: {value!r} is not a date. Write it as YYYY-MM-DD, for example 2017-10-01.") from error
    if not isinstance(value, datetime):
        if not isinstance(value, date):
            raise NinefoldError(f"as_of: {value!r} is not a date. Write it as YYYY-MM-DD, for example 2017-10-01.")
        value = datetime.combine(value, time())
    if value.tzinfo is not None:
        value = value.astimezone(ZoneInfo(project.time_zone)).replace(tzinfo=None)
    return value


def _explain(shown: str, error: ValidationError) -> str:
    """One line a fault: file, field, value, remedy."""
    lines = []
    for fault in error.errors():
        place = ".".join(str(part) for part in fault["loc"] if part not in ("str", "dict[literal['en','fr'],str]"))
        value, kind = fault["input"], fault["type"]
        if kind == "missing":
            lines.append(f"{shown}: field {place} is missing. {_help(fault['loc'])}")
        elif kind == "extra_forbidden":
            near = difflib.get_close_matches(str(fault["loc"][-1]), _fields(fault["loc"][:-1]), n=1)
            remedy = f"did you mean {near[0]}?" if near else f"known here: {', '.join(_fields(fault['loc'][:-1]))}."
            lines.append(f"{shown}: field {place} is unknown; {remedy}")
        else:
            shown_value = repr(value) if len(repr(value)) <= 80 else repr(value)[:77] + "…"
            message = fault["msg"].removeprefix("Value error, ")
            lines.append(f"{shown}: field {place or '(top)'} has the value {shown_value}: {message}. {_help(fault['loc'])}".rstrip())
    return "\n".join(dict.fromkeys(lines))


def _model_at(loc: tuple) -> type[BaseModel] | None:
    """The section that a place in project.yml belongs to."""
    import typing

    model: Any = Project
    for part in loc:
        if isinstance(part, int) or not (isinstance(model, type) and issubclass(model, BaseModel)):
            continue
        field = model.model_fields.get(str(part))
        if field is None:
            return None
        inner = [field.annotation, *typing.get_args(field.annotation)]
        found = [a for a in inner if isinstance(a, type) and issubclass(a, BaseModel)]
        model = found[0] if found else field.annotation
        if found and typing.get_origin(field.annotation) is dict:
            return _after_key(found[0], loc[loc.index(part) + 2 :])
    return model if isinstance(model, type) and issubclass(model, BaseModel) else None


def _after_key(model: type[BaseModel], rest: tuple) -> type[BaseModel] | None:
    """As `_model_at`, below a key that people chose themselves (the name of a source)."""
    import typing

    for part in rest:
        if isinstance(part, int):
            continue
        field = model.model_fields.get(str(part))
        found = [a for a in typing.get_args(field.annotation) if isinstance(a, type) and issubclass(a, BaseModel)] if field else []
        if not found:
            return model if field else None
        model = found[0]
    return model


def _fields(loc: tuple) -> list[str]:
    model = _model_at(loc)
    return [name for name in model.model_fields if name not in ("name", "file")] if model else []


def _help(loc: tuple) -> str:
    """The sentence of help of the field at this place, with its default."""
    names = [part for part in loc if isinstance(part, str)]
    for cut in range(len(loc), 0, -1):
        model = _model_at(loc[: cut - 1])
        field = model.model_fields.get(str(loc[cut - 1])) if model else None
        if field is not None and field.description:
            default = "" if field.is_required() or field.default in (None, "") else f" Default: {field.default}."
            return field.description + default
    return f"See data/complete_journey/project.yml for an example of {names[-1]}." if names else ""


def _check_columns(project: Project) -> None:
    """Mapped columns must be in the contract, and the required ones mapped; `customers` may carry any attribute."""
    for name, source in project.collect.sources.items():
        contract = CONTRACT[source.table]
        place = f"{project.file}: field collect.sources.{name}"
        mapped = [*source.columns, *source.constants, *(c for lookup in source.lookups for c in lookup.columns)]
        for column in mapped:
            if source.table != "customers" and column not in contract["columns"]:
                near = difflib.get_close_matches(column, contract["columns"], n=1)
                hint = f"did you mean {near[0]}?" if near else f"known: {', '.join(contract['columns'])}."
                raise NinefoldError(f"{place}.columns: the table {source.table} has no column {column}; {hint}")
            if mapped.count(column) > 1:
                raise NinefoldError(f"{place}: the column {column} is mapped twice; keep one of the two.")
        for column in contract["required"]:
            if column not in mapped:
                raise NinefoldError(f"{place}.columns: the table {source.table} needs {column}; map it to a column of {source.file}.")
