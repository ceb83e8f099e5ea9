"""The section of project.yml for step 3: where the data come from, who is one customer, and what may be used."""

from datetime import date
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, model_validator

from helpers.project.contract import CONTRACT
from helpers.project.fields import Columns, Day, Decision, Moment, Prose, Section, Share, Zone

MISSING = ("",)
"""What stands for a missing value unless the project says more."""


class Format(Section):
    """How a text file writes its values. `make new` finds it out; what is typed here is what is read, nothing is guessed at a run."""

    encoding: Literal["utf-8", "utf-16", "latin-1", "cp1252"] = "utf-8"
    separator: str | None = Field(None, min_length=1, max_length=1, description="Between fields; none: found by the reader.")
    decimal: Literal[".", ","] = "."
    thousands: Literal["", " ", ".", ",", "'"] = Field("", description="Thousands mark; a space stands for every kind of space.")
    dates: str | None = Field(None, description="Pattern such as %d/%m/%Y %H:%M; none: YYYY-MM-DD, with or without a time.")
    missing: list[str] = Field([*MISSING], description="Texts that stand for a missing value.")
    yes: list[str] = Field(["true", "1", "yes", "oui"], description="Texts that stand for true, in any case.")
    no: list[str] = Field(["false", "0", "no", "non"], description="Texts that stand for false, in any case.")


class Lookup(Section):
    """Another file whose columns are added to a source's rows."""

    file: str = Field(min_length=1, description="As `file` of a source.")
    match: dict[str, str] = Field(min_length=1, description="Column of the source's file: column of this file.")
    columns: dict[str, str] = Field(description="Column of the table contract: column of this file.")
    earliest: str | None = Field(None, description="When several rows match: keep the one where this column is smallest.")


class Totals(Section):
    """The rows are totals of a period, not single orders: one row a customer, a column a category."""

    since: Moment = Field(description="First day of the period.")
    until: Moment = Field(description="First day after it.")
    categories: dict[str, str] = Field(min_length=1, description="Category: the file's column that holds its amount.")


class Source(Section):
    table: Literal[*CONTRACT] = Field(description="The canonical table that it fills; several sources may fill one.")
    file: str = Field(
        min_length=1,
        description="A path below data/<project>/ (`raw/orders-*.csv` for several), package:path for a file of a Python package, "
        "book.xlsx#Sheet, shop.sqlite#table, shop.duckdb#table, or postgresql://user@host/base#table.",
    )
    columns: dict[str, Columns] = Field(
        description="Contract column: the file's column; a list is added up; `= Quantity * Price` is worked out; #row is the row's number."
    )
    constants: dict[str, str] = Field({}, description="Contract column: one value for every row.")
    lookups: list[Lookup] = Field([], description="Other files joined to it.")
    format: Format = Format()
    newer_replaces: bool = Field(False, description="Of rows with one key in several files, the one of the file last by name counts.")
    totals: Totals | None = Field(None, description="For orders: the rows are totals of a period.")
    ids: str = Field(
        "customer", pattern="^[a-z][a-z0-9_]*$", description="The numbering of its customer_id; sources with one numbering share it."
    )
    filter: str = Field("", description="Expression over the file's columns: rows for which it does not hold are set aside and counted.")
    placeholders: dict[str, list[str]] = Field({}, description="Contract column: values that stand for a missing one, such as 666666.")
    units: dict[str, float] = Field({}, description="Contract column: factor that brings it to the contract's unit (0.01 for cents).")
    currency: str | None = Field(
        None, pattern="^[A-Z]{3}$", description="Currency of its money, if not the project's; needs collect.rates."
    )
    unreadable_at_most: Share = Field(
        0.01, description="Share of rows with an unreadable value above which the run stops; fewer are set aside."
    )
    time_zone: Zone | None = Field(None, description="Zone of its instants; none: already in the project's zone.")
    where_from: Prose = Field("", description="Who made the data, and from what.")
    how_collected: Prose = Field("", description="How.")
    collected_on: Day | None = Field(None, description="Day of the last extract.")
    legal_basis: Prose = Field("", description="Why it may be used.")
    owner: Prose = Field("", description="A role to ask.")
    fresh_within_days: int = Field(31, ge=1, description="Days after which the newest row counts as stale.")

    @property
    def mapped(self) -> list[str]:
        """The contract columns that it gives."""
        made = ["category", "amount", "order_id", "ordered_at"] if self.totals else []
        return [*self.columns, *self.constants, *(c for lookup in self.lookups for c in lookup.columns), *made]


class SetAside(Section):
    rule: Literal["quantity_not_positive", "amount_zero", "exact_copy", "customers_where", "orders_a_day_above"] = Field(
        description="collect.RULES gives each definition."
    )
    where: str = Field("", description="For customers_where: expression over customers' attributes, such as `kind == 'staff'`.")
    value: float | None = Field(None, ge=1, description="For orders_a_day_above: that many orders on one day tell a shared card.")
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


def _first_of_month(day: date) -> date:
    if day.day != 1:
        raise ValueError(f"not the first day of a month; write {day.replace(day=1)} for the whole month")
    return day


FirstDay = Annotated[Day, AfterValidator(_first_of_month)]


class ControlTotal(Section):
    month: FirstDay = Field(description="First day of the month.")
    revenue: float
    orders: int | None = None
    customers: int | None = None


class Fuzzy(Section):
    """Records are one person when `equal` columns are equal and each of `alike` has at least this fuzzy score."""

    equal: list[str] = Field(min_length=1)
    alike: dict[str, Share] = Field(min_length=1, description="Column: least fuzzy score, 0-1 (definition: 1 - edits / length).")


class Matching(Section):
    """Who is one customer, among the records of the table customers."""

    compare: list[str] = Field([], description="Personal columns compared; none: all that are mapped.")
    threshold: Share = Field(0.95, description="Match probability from which two records are one person.")
    exact: list[list[str]] = Field([], description="Columns that, all equal and filled, make two records one person.")
    fuzzy: list[Fuzzy] = []
    always: list[list[str]] = Field([], description="Pairs of records, as numbering:id, that are one person whatever the score.")
    never: list[list[str]] = Field([], description="Pairs of records, as numbering:id, that are two people whatever the score.")
    survivorship: dict[str, Literal["most_recent", "most_complete", "source_order"]] = Field(
        {}, description="Column: whose value counts; others: the newest (by updated_at), then the order of the sources."
    )
    households: bool = Field(True, description="Also say who lives together: same last name and address.")


class Claim(Section):
    """What people say beside what they do."""

    item: str = Field(description="Value of answers.question; answers are numbers, or are ranked by `order`.")
    order: list[str] = Field([], description="Answers from least to most, where they are words.")
    actual: Literal["orders_per_30d", "spend_per_30d", "days_since_order", "online_order_share"]
    name: Prose


class Survey(Section):
    margins: list[str] = Field([], description="Attributes of customers by which respondents are weighted to the base (raking).")
    claims: list[Claim] = []


class Hypothesis(Section):
    """What an interview suggested, and the survey item that tests it."""

    statement: Prose
    heard_from: Prose = Field(description="A role or group, not a person.")
    heard_on: Day
    item: str = Field(description="Value of answers.question.")
    answers: list[str] = Field(min_length=1, description="Answers that agree with the statement.")
    at_least: Share = Field(description="Weighted share of agreeing answers from which the statement holds.")
    among: str = Field(
        "",
        description="Whom it is about, as an expression over customers' attributes, active, loyal, orders_per_30d, spend_per_30d, "
        "days_since_order, online_order_share and categories (bought in the window before as_of, such as "
        "contains(categories, '|bread|')); none: everybody.",
    )


class Collect(Section):
    sources: dict[str, Source] = Field(min_length=1)
    rates: dict[str, float] = Field({}, description="Currency: its worth in the project's currency.")
    matching: Matching = Matching()
    set_aside: list[SetAside] = []
    quality: Quality = Quality()
    control_totals: list[ControlTotal] = Field([], description="Revenue a month as the controller knows it.")
    special: dict[str, Prose] = Field(
        {}, description="Column of a special category (religion, opinions, health …): the legal basis for it."
    )
    retention_years: float = Field(3, gt=0, description="Years from the end of the relation after which personal data are to go.")
    survey: Survey = Survey()
    hypotheses: list[Hypothesis] = []
    decisions: list[Decision] = []

    @model_validator(mode="after")
    def _orders_are_filled(self):
        if "orders" not in [source.table for source in self.sources.values()]:
            raise ValueError("no source fills the table orders; steps 1 to 4 need one")
        return self
