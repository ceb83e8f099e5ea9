"""The sections of project.yml: every field with its default, its unit and a sentence of help."""

from pathlib import Path
from typing import Literal

from pydantic import Field, model_validator

from helpers import home
from helpers.project.contract import CONTRACT
from helpers.project.fields import Columns, Day, Decision, Moment, Prose, Section, Share, Zone
from helpers.project.plans import Adopt, Build, Reevaluate, Target, Validate


class Lookup(Section):
    """Another file whose columns are added to a source's rows."""

    file: str = Field(description="As `file` of a source.")
    match: dict[str, str] = Field(min_length=1, description="Column of the source's file: column of this file.")
    columns: dict[str, str] = Field(description="Column of the table contract: column of this file.")
    earliest: str | None = Field(None, description="When several rows match: keep the one where this column is smallest.")


class Source(Section):
    table: Literal[*CONTRACT] = Field(description="The canonical table that it fills.")
    file: str = Field(description="A path below data/<project>/, or package:path for a file that a Python package ships.")
    columns: dict[str, Columns] = Field(description="Contract column: the file's column; a list is added up.")
    constants: dict[str, str] = Field({}, description="Contract column: one value for every row.")
    lookups: list[Lookup] = Field([], description="Other files joined to it.")
    time_zone: Zone | None = Field(None, description="Zone of its instants; none: already in the project's zone.")
    where_from: Prose = Field("", description="Who made the data, and from what.")
    how_collected: Prose = Field("", description="How.")
    collected_on: Day | None = Field(None, description="Day of the last extract.")
    legal_basis: Prose = Field("", description="Why it may be used.")
    owner: Prose = Field("", description="A role to ask.")
    fresh_within_days: int = Field(31, ge=1, description="Days after which the newest row counts as stale.")


class Refused(Section):
    name: Prose
    because: Prose


class Objective(Section):
    name: Prose = Field(description="The result wanted, in words.")
    kind: Literal[
        "revenue",
        "conversion",
        "retention",
        "acquisition",
        "cross_sell",
        "qualified_traffic",
        "better_spending",
        "product_evolution",
        "service",
        "data_enrichment",
        "market_share",
    ] = Field(description="One of the eleven kinds of objective.")
    metric: Literal["revenue_per_customer", "orders_per_customer", "active_share", "response_rate"] = Field(
        description="How it is measured; objectives.METRICS gives each definition."
    )
    target: float | None = Field(None, description="The value wanted, in the metric's unit (shares 0-1).")
    by_when: Day | None = Field(None, description="The day on which it is measured again.")
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
    """Thresholds of the five criteria of a good segment; fixed before building."""

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
    rule: Literal["quantity_not_positive", "amount_zero", "exact_copy"] = Field(description="collect.RULES gives each definition.")
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
    month: Day = Field(description="First day of the month.")
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
    as_of: Moment = Field(description="First instant not counted, unless the command gives another.")
    seed: int = Field(1, ge=0)
    min_cell: int = Field(10, ge=2, description="No figure is shown about fewer customers.")
    engine: str = Field("duckdb://", description="Where tables live: an Ibis address.")
    sample_rows: int = Field(100_000, ge=100, description="Customers that enter pandas at most.")
    pairwise_rows: int = Field(10_000, ge=100, description="Customers at most where distances between them are needed.")
    objectives: Objectives
    scope: Scope = Scope()
    collect: Collect
    variables: Variables = Variables()
    validate_: Validate = Field(Validate(), alias="validate", description="Who signs the variables, and what was signed.")
    build: Build = Build()
    adopt: Adopt = Adopt()
    target: Target = Target()
    reevaluate: Reevaluate = Reevaluate()

    @property
    def folder(self) -> Path:
        """Where its private files live."""
        return home() / "data" / self.name

    def source_of(self, table: str) -> Source | None:
        """The source that fills a canonical table, or None."""
        return next((s for s in self.collect.sources.values() if s.table == table), None)

    def has(self, need: str) -> bool:
        """Whether the sources fill a table ("orders") or map a column ("orders.category")."""
        table, _, column = need.partition(".")
        return self.names_column(table, column) if column else self.source_of(table) is not None

    def names_column(self, table: str, column: str) -> bool:
        """Whether a source maps this column of the contract."""
        source = self.source_of(table)
        if source is None:
            return False
        added = {name for lookup in source.lookups for name in lookup.columns}
        return column in source.columns or column in source.constants or column in added
