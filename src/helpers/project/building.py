"""The section of project.yml for step 6: which ways of cutting customers are tried, how hard they are tested, and what people type."""

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from helpers.project.fields import Day, Decision, Prose, Section

SegmentId = Annotated[str, Field(pattern=r"^S[1-9][0-9]?$")]
RuleName = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$")]
METHODS = ("rfm", "bands", "slices", "crossing", "points", "rules", "suggested", "kmeans", "hcpc", "latent")
"""The ways of cutting that stand for themselves."""
TYPES = ("a_priori", "needs", "value", "demographic", "geographic", "technographic", "behavioural", "psychographic", "journey")
"""The nine types of segmentation, each a candidate of its own: the variables of that type alone."""


class SegmentName(Section):
    """What people call a segment, and what it must be like for the name to fit."""

    name: Prose
    in_short: Prose = Field("", description="What they are like, in about six words.")
    expect: dict[str, Literal["high", "low"]] = Field(
        {}, description="Variable: above or below everyone’s mean; else the name is withdrawn."
    )
    colour: str | None = Field(None, description="Colour on white, such as #12436D.")


class Rule(Section):
    """One rule: a condition of its own, or other rules put together. Rules stand in order of priority."""

    name: RuleName
    title: Prose = Field("", description="What people call it.")
    when: str = Field("", description="Such as `spend_per_30d >= 50 and not recency_days > 60`; missing values fulfil no comparison.")
    union: list[RuleName] = Field([], description="Earlier rules, one of which holds.")
    intersect: list[RuleName] = Field([], description="Earlier rules, all of which hold.")
    subtract: list[RuleName] = Field([], description="Earlier rules, none of which may hold; beside any of the three above.")
    segment: bool = Field(True, description="Whether it makes a segment, or only serves rules below it.")

    @model_validator(mode="after")
    def _says_something(self) -> Self:
        if sum(bool(part) for part in (self.when, self.union, self.intersect)) != 1:
            raise ValueError("give exactly one of when, union and intersect")
        return self


class Criterion(Section):
    """One criterion of a score: points by the value of one variable."""

    variable: str
    cuts: list[float] = Field([], description="Borders in ascending order; a value on a border is above it.")
    levels: dict[str, float] = Field({}, description="For a variable of categories: points by level; any other level has `otherwise`.")
    points: list[float] = Field([], description="One more than there are cuts.")
    otherwise: float = Field(0.0, description="Points for a level not listed, and for a missing value.")
    age: str | None = Field(None, description="Variable that holds the age in days of what is scored.")
    half_life_days: float | None = Field(None, gt=0, description="Days after which half the points are left.")

    @model_validator(mode="after")
    def _one_kind(self) -> Self:
        if bool(self.levels) == bool(self.points):
            raise ValueError("give either points (with cuts) or levels")
        if self.points and len(self.points) != len(self.cuts) + 1:
            raise ValueError("points has one entry more than cuts")
        if self.cuts != sorted(set(self.cuts)):
            raise ValueError("cuts are written in ascending order, each once")
        if (self.age is None) != (self.half_life_days is None):
            raise ValueError("age and half_life_days go together")
        return self


class Points(Section):
    """A score in points and the bands that it is cut into."""

    criteria: list[Criterion] = []
    bands: list[float] = Field([], description="Points from which each band begins, the highest first; none: cut into equal numbers.")

    @model_validator(mode="after")
    def _highest_first(self) -> Self:
        if self.bands != sorted(set(self.bands), reverse=True):
            raise ValueError("bands are written with the most points first, each once")
        return self


class Rfm(Section):
    """Cut points of recency, frequency and monetary value; none typed: fifths of the customers."""

    recency_days: list[float] = []
    orders_per_30d: list[float] = []
    spend_per_30d: list[float] = []


class Manual(Section):
    """What account managers decided for single customers, in a private file of the project."""

    file: str = Field(
        description="CSV below data/<project>/: customer_id, segment (such as S2), role, because, decided_on, until (the last two as days)."
    )
    separator: Literal[",", ";", "\t", "|"] = Field(",", description="What stands between columns.")
    decided_until: Day | None = Field(None, description="Decisions after this day are not read; none: those before as_of.")


class Build(Section):
    chosen: Literal[METHODS + TYPES] | None = Field(
        None, description="The segmentation that is published; none: the one that the evidence prefers for the message."
    )
    methods: list[Literal[METHODS]] = Field(
        ["rfm", "crossing", "points", "rules", "suggested", "kmeans", "hcpc", "latent"], description="Ways of cutting that are tried."
    )
    types: list[Literal[TYPES]] = Field(list(TYPES), description="Types of segmentation that are tried, each on its own variables.")
    axes: int | None = Field(
        None, ge=1, le=30, description="Factor axes of the classification; none: as many as carry more than unrelated variables would."
    )
    starts: int = Field(100, ge=100, le=10_000, description="Cold starts of k-means.")
    pairs: int = Field(100, ge=10, le=1_000, description="Pairs of bootstrap samples for the stability of the published segmentation.")
    screening_pairs: int = Field(20, ge=10, le=1_000, description="Pairs of bootstrap samples for the stability of each candidate.")
    null_draws: int = Field(39, ge=19, le=999, description="Data sets without structure, of each kind, with which the verdict compares.")
    replicates: int = Field(100, ge=20, le=1_000, description="Redrawings of customers and orders behind each membership confidence.")
    draws: int = Field(1_000, ge=200, le=100_000, description="Bootstrap draws of customers behind each interval.")
    crossing: list[str] = Field([], max_length=2, description="Two variables to cross; none: the objective's own, and the panel's best.")
    rfm: Rfm = Rfm()
    points: Points = Points()
    leads: Points = Field(
        Points(), description="The score of people who are known and never bought; bands: hot and warm from so many points."
    )
    rules: list[Rule] = Field([], description="Rules in order of priority: who fits several belongs to the first.")
    present: str = Field("current_segment", description="Attribute that holds the company's present segments.")
    manual: Manual | None = None
    transient: list[SegmentId] = Field([], description="Segments that people pass through, such as new customers: they need not last.")
    segments: dict[SegmentId, SegmentName] = Field(
        {}, description="Names by id: S1 has the highest mean of the objective, unless expectations place a name elsewhere."
    )
    decisions: list[Decision] = []

    @model_validator(mode="after")
    def _rules_stand_in_order(self) -> Self:
        seen: list[str] = []
        for rule in self.rules:
            for name in (*rule.union, *rule.intersect, *rule.subtract):
                if name not in seen:
                    raise ValueError(f"the rule {rule.name} names {name}, which is no rule above it")
            if rule.name in seen:
                raise ValueError(f"two rules have the name {rule.name}")
            seen.append(rule.name)
        return self
