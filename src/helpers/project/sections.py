"""The sections of project.yml for steps 1, 2 and 4, and the whole: every field with its default, its unit and a sentence of help."""

import re
from datetime import datetime
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, model_validator

from helpers import home
from helpers.project.fields import Day, Decision, Moment, Prose, Section, Share, Zone
from helpers.project.plans import Adopt, Build, Reevaluate, Target, Validate
from helpers.project.predicting import Predict
from helpers.project.sources import Collect, Source


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


MEASURES = ("size", "revenue", "margin", "revenue_each", "growth", "bought_again", "answers", "stability", "value_ahead")
"""What makes a segment attractive, of what the steps measure or, in value_ahead, predict and grade."""
SERVING = ("reach", "cheap_contact", "recognisable")
"""What makes it easy to serve, of what the steps measure; target.judged adds what people judge."""


class KnockOut(Section):
    """Below this a segment is out, whatever else speaks for it."""

    measure: Literal["size", "revenue", "share_of_revenue", "reach", "recognisable", "stability"]
    at_least: float = Field(ge=0, description="In the measure's unit: customers, money of 30 days, or a share.")
    because: Prose = ""


class Attractiveness(Section):
    """Which segments are worth the effort: agreed before any is seen, so that nobody weighs for a favourite."""

    knock_out: list[KnockOut] = []
    attractive: dict[Literal[*MEASURES], Annotated[float, Field(gt=0)]] = Field(
        {"revenue": 3, "size": 1, "growth": 1, "bought_again": 1}, description="Weight of each measure."
    )
    serve: dict[str, Annotated[float, Field(gt=0)]] = Field(
        {"reach": 2, "cheap_contact": 1, "recognisable": 1},
        description="Weight of reach, cheap_contact and recognisable, and of what target.judged names.",
    )
    agreed_on: Day | None = Field(None, description="The day on which the weights were agreed.")
    agreed_by: list[Prose] = []


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
    attractiveness: Attractiveness = Attractiveness()
    decisions: list[Decision] = []

    @model_validator(mode="after")
    def _range_holds_the_wish(self):
        if not self.segments_from <= self.segments_wanted <= self.segments_to:
            raise ValueError("segments_wanted must lie between segments_from and segments_to")
        return self


NINE = ("a priori", "needs", "value", "demographic", "geographic", "technographic", "behavioural", "psychographic", "journey")
"""The nine types of segmentation, and so of variables."""


class OwnVariable(Section):
    """A variable of the analyst's own: one expression of variables that the catalogue measures."""

    expression: str = Field(description="Such as `spend_per_30d / orders_per_30d`; expressions.FUNCTIONS lists what may be called.")
    kind: Literal["amount", "share", "signed"] = Field(description="amount: 0 or more, skewed; share: 0 to 1; signed: around 0.")
    unit: Literal["days", "weeks", "orders", "money", "lines", "departments", "stores", "coupons", "share", "points", "visits"] = "points"
    type: Literal[*NINE] = "behavioural"
    name: Prose = Field(description="What people call it.")
    definition: Prose = Field(description="What it means, in words that need no analyst.")


class Scale(Section):
    """Survey items that measure one thing: the mean of the items, from 0 (lowest answer) to 1 (highest)."""

    name: Prose
    type: Literal["psychographic", "needs"] = "psychographic"
    items: list[str] = Field(min_length=1, description="Values of answers.question.")
    reversed: list[str] = Field([], description="Items that say the opposite.")
    low: float = Field(1, description="Lowest answer.")
    high: float = Field(7, description="Highest answer.")


class Seniority(Section):
    """Borders of the classes prospect, new, regular, loyal and dormant."""

    new_within_days: int = Field(90, ge=1, description="First order at most this long ago: new.")
    dormant_after_days: int = Field(180, ge=1, description="Last order longer ago than this: dormant.")
    loyal_orders: int = Field(6, ge=1, description="Orders within the last 365 days from which a customer is loyal.")


class EventKinds(Section):
    """What these data call what customers did (values of events.kind)."""

    visit: list[str] = ["visit"]
    basket: list[str] = ["basket"]
    sent: list[str] = ["sent"]
    opened: list[str] = ["opened"]
    clicked: list[str] = ["clicked"]


class Variables(Section):
    category_groups: dict[str, list[str]] = Field({}, description="Name of a share variable: the categories that it adds up.")
    channel_groups: dict[str, list[str]] = Field({}, description="Name of a share variable: the channels of orders that it adds up.")
    device_groups: dict[str, list[str]] = Field({}, description="Name of a share variable: the devices of visits that it adds up.")
    share_names: dict[str, Prose] = Field({}, description="Name of a share variable: what people call what it adds up.")
    own_brand: list[str] = Field([], description="Values of the column brand that are the company's own label.")
    evening_from_hour: int = Field(18, ge=0, le=23, description="First hour of the evening, project's time zone.")
    morning_until_hour: int = Field(12, ge=1, le=24, description="First hour after the morning.")
    redundant_from: Share = Field(0.70, description="|Spearman's rank correlation| from which two variables say the same.")
    clip_low: Share = Field(0.01, description="Lower outlier bound, quantile.")
    clip_high: Share = Field(0.99, description="Upper outlier bound, quantile.")
    log_from_skew: float = Field(1.0, ge=0, description="Skewness from which an amount, count or duration is taken as log(1+x).")
    lumpy_from: Share = Field(0.90, description="Share of one single value from which a variable tells nobody apart.")
    own: dict[str, OwnVariable] = Field({}, description="Variables of the analyst's own, by name.")
    scales: dict[str, Scale] = Field({}, description="Psychographic scales and needs, from survey items.")
    seniority: Seniority = Seniority()
    event_kinds: EventKinds = EventKinds()
    attrition_after_days: int = Field(90, ge=1, description="Without a purchase for this long a customer counts as lost.")
    area_length: int = Field(2, ge=1, description="First characters of the postcode that name an area (France: 2, the department).")
    age_bands: list[int] = Field([25, 35, 50, 65], description="Borders of age bands, years.")
    proxies_of: list[str] = Field([], description="Attributes that variables may not give away, such as gender; step 4 measures it.")
    not_measured: dict[str, Prose] = Field({}, description="Variable of the list that is not measured at all here: why.")
    leave_out: dict[str, Prose] = Field({}, description="Variable: why people left it out.")
    keep: dict[str, Prose] = Field({}, description="Variable kept of its redundancy group, whatever the rule says: why.")
    predict: Predict = Predict()
    decisions: list[Decision] = []


EACH = "/each/"
"""What stands in the name of a part between the project and the column: `shop/each/country/france`."""


class Only(Section):
    """The customers to whom a part of a project is restricted: those with one value of a column."""

    table: Literal["customers", "orders"] = Field(description="The table that holds the column.")
    column: str
    value: str | None = Field(description="None: those without a value.")
    as_of: datetime = Field(description="First instant that was not counted when it was found out who they are.")


class Project(Section):
    """One analysis. `name`, `file` and `only` come from where it was read, everything else from project.yml."""

    name: str
    file: str
    only: Only | None = None
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

    @model_validator(mode="after")
    def _shares_of_totals(self):
        """Totals by category tell what customers buy, and little else: without groups typed, a share of each category."""
        categories = list(dict.fromkeys(c for s in self.sources_of("orders").values() if s.totals for c in s.totals.categories))
        if len(categories) > 1 and not self.variables.category_groups:
            names = {category: f"{re.sub('[^a-z0-9]+', '_', category.lower()).strip('_')}_spend_share" for category in categories}
            if len(set(names.values())) == len(names) and all(name[0].isalpha() for name in names.values()):
                shown = {name: category for category, name in names.items()} | self.variables.share_names
                self.variables.category_groups.update({name: [category] for category, name in names.items()})
                self.variables.share_names.update(shown)
        return self

    @property
    def folder(self) -> Path:
        """Where its private files live."""
        return home() / "data" / self.name

    @property
    def base(self) -> Path:
        """The folder from which its sources are named: its own, or that of the project of which it is a part."""
        return home() / "data" / self.name.partition(EACH)[0]

    @property
    def ids_file(self) -> Path:
        """Of a part: the private table of ids (customer_id, as the sources write them) that are in it."""
        return self.folder / "customers.parquet"

    def sources_of(self, table: str) -> dict[str, Source]:
        """The sources that fill a canonical table, by name, in the order in which they are typed."""
        return {name: s for name, s in self.collect.sources.items() if s.table == table}

    def has(self, need: str) -> bool:
        """Whether the sources fill a table ("orders") or map a column ("orders.category")."""
        table, _, column = need.partition(".")
        return self.names_column(table, column) if column else bool(self.sources_of(table))

    def names_column(self, table: str, column: str) -> bool:
        """Whether a source maps this column of the contract."""
        return any(column in source.mapped for source in self.sources_of(table).values())
