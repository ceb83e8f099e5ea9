"""The shape of a segmentation document, format 2: pydantic models, which give the JSON schema too and refuse fields they do not know."""

from datetime import date, datetime
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Discriminator, Field, Tag, model_validator

Figure = Annotated[float, Field(allow_inf_nan=False)]
Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]
Share = Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)]
Text = Annotated[str, Field(min_length=1)]
Two = Annotated[list[Figure], Field(min_length=2, max_length=2)]
STEPS = ("clip", "log1p", "sqrt", "scale")
KINDS = ("nearest", "posterior", "first_match", "points")
CONDITIONS = ("variable", "all", "any", "not", "rule")


def _exactly_one(names: tuple[str, ...], remedy: str):
    def looked_at(value: Any) -> Any:
        if not isinstance(value, dict) or len(value) != 1 or next(iter(value)) not in names:
            raise ValueError(remedy)
        return value

    return BeforeValidator(looked_at)


class Part(BaseModel):
    """A part of the document. Numbers are numbers, never text; a field that is not known is an error."""

    model_config = ConfigDict(extra="forbid", strict=True)


class _Step(Part):
    clip: Two = Field(None, description="Lower and upper bound at which values are held.")
    log1p: Literal[True] = Field(None, description="The logarithm of one more than the value.")
    sqrt: Literal[True] = Field(None, description="The square root.")
    scale: Two = Field(None, description="Mean and standard deviation: (value - mean) / standard deviation.")


Step = Annotated[_Step, _exactly_one(STEPS, "write exactly one of {clip: [low, high]}, {log1p: true}, {sqrt: true}, {scale: [mean, sd]}")]


class Level(Part):
    level: str
    centre: Figure = Field(0.0, description="Share of the level at build.")
    scale: Positive = Field(1.0, description="The coordinate is (1[x = level] - centre) / scale.")


class Variable(Part):
    name: Text
    kind: Literal["number", "category"]
    missing: Figure | None = Field(
        None, description="Stands for a missing number; null beside nearest: 0, beside the others: it stays missing."
    )
    steps: list[Step]
    levels: list[Level] = Field([], description="Of a category; a value that is missing or none of them is 0 on each.")


class Projection(Part):
    """Axes: (coordinates - centre) times loadings."""

    centre: list[Figure]
    loadings: list[list[Figure]] = Field(description="One row a coordinate, one number an axis.")


class Segment(Part):
    id: Text
    name: str | dict[str, str] | None = None
    colour: str | None = None


class ConfidenceRow(Part):
    own: Text
    other: str = Field(description="The nearest other segment; an empty text: any.")
    at: list[Figure] = Field(description="Distances to the border, in ascending order.")
    share: list[Share] = Field(description="Share of redrawings that keep the segment: below the first distance, from each on.")


class Confidence(Part):
    spread: dict[str, Positive] = Field({}, description="Variable: spread in which its distance to a bound is measured.")
    table: list[ConfidenceRow]


class Nearest(Part):
    """The smallest squared distance."""

    centroids: list[list[Figure]] = Field(description="One row a segment, one number an axis or a coordinate.")
    confidence: Confidence = None


class Distribution(Part):
    """Of one variable in one class: a normal one, or probabilities of levels."""

    mean: Figure = None
    sd: Annotated[float, Field(ge=0, allow_inf_nan=False)] = None
    levels: dict[str, Share] = None

    @model_validator(mode="before")
    @classmethod
    def _one_kind(cls, value: Any) -> Any:
        if isinstance(value, dict) and set(value) <= {"mean", "sd", "levels"} and set(value) not in ({"mean", "sd"}, {"levels"}):
            raise ValueError("write either mean and sd, or levels with their probabilities")
        return value


class Class(Part):
    segment: Text
    share: Positive
    of: dict[str, Distribution] = Field(description="By variable, of its values after their steps.")


class Posterior(Part):
    """The class with the greatest posterior probability, variables being independent within a class."""

    classes: list[Class]
    unknown: Text | None = Field(None, description="Segment of whoever has none of the variables known.")


def _one_or_several(value: Any) -> str:
    return "‹several›" if isinstance(value, list) else "‹one›"


class Condition(Part):
    """A comparison, several conditions, the opposite of one, or a definition by its name. Who has no value fulfils no comparison."""

    variable: Text = None
    at_least: Figure | None = None
    below: Figure | None = None
    in_: list[Figure | str] = Field(None, alias="in")
    missing: Literal[True] = None
    all_: "list[Condition]" = Field(None, alias="all")
    any_: "list[Condition]" = Field(None, alias="any")
    not_: "Condition" = Field(None, alias="not")
    rule: Text = None

    @model_validator(mode="before")
    @classmethod
    def _one_form(cls, value: Any) -> Any:
        if not isinstance(value, dict) or not set(value) <= CONDITION:
            return value
        forms = [name for name in CONDITIONS if name in value]
        if len(forms) != 1 or (forms != ["variable"] and len(value) > 1):
            raise ValueError(f"a condition has exactly one of {', '.join(CONDITIONS)}, and bounds only beside variable")
        if forms == ["variable"]:
            asked = {name for name in ("in", "missing") if name in value}
            bounds = {name for name in ("at_least", "below") if value.get(name) is not None}
            if len(asked) + bool(bounds) != 1:
                raise ValueError("a condition needs at_least, below or both, or else one of in and missing")
        return value


CONDITION = {field.alias or name for name, field in Condition.model_fields.items()}
When = Annotated[
    Annotated[list[Condition], Tag("‹several›")] | Annotated[Condition, Tag("‹one›")],
    Discriminator(_one_or_several),
]


class Rule(Part):
    segment: Text
    name: str | None = None
    when: When = Field(description="One condition; a list: all of them.")


class FirstMatch(Part):
    """The first rule that holds."""

    define: dict[str, When] = Field({}, description="Conditions with a name, for rules and other definitions.")
    rules: list[Rule]
    otherwise: Text | None
    confidence: Confidence = None


class Criterion(Part):
    """Points by the value of one variable."""

    variable: Text
    cuts: list[Figure] = None
    points: list[Figure] = None
    levels: dict[str, Figure] = None
    otherwise: Figure = Field(
        None, description="Points for a missing value, or a level not listed; left out: as below the first cut, or 0."
    )
    age: Text = Field(None, description="Variable that holds the age in days of what is scored.")
    half_life_days: Positive = Field(
        None, description="Days after which half the points are left; nothing is left when the age is missing."
    )

    @model_validator(mode="before")
    @classmethod
    def _one_kind(cls, value: Any) -> Any:
        if isinstance(value, dict) and ("levels" in value) == ("cuts" in value or "points" in value):
            raise ValueError("write either cuts and points, or levels")
        if isinstance(value, dict) and ("age" in value) != ("half_life_days" in value):
            raise ValueError("age and half_life_days go together")
        return value


class Band(Part):
    segment: Text
    from_: Figure = Field(alias="from")


class Points(Part):
    """The first band whose points are reached."""

    criteria: list[Criterion]
    bands: list[Band]
    otherwise: Text | None
    confidence: Confidence = None


class _Assign(Part):
    nearest: Nearest = None
    posterior: Posterior = None
    first_match: FirstMatch = None
    points: Points = None


Assign = Annotated[_Assign, _exactly_one(KINDS, f"keep exactly one of {', '.join(KINDS)}")]


class Document(Part):
    """How customers are told apart: everything that applying a segmentation takes."""

    format: Literal[1, 2]
    version: Annotated[int, Field(ge=1)] = Field(description="Counted from 1 by whoever publishes.")
    key: Text = Field(description="The column that identifies a customer.")
    built_as_of: datetime | date | str | None = Field(None, description="First instant that the build did not count.")
    made_by: str | None = Field(None, description="Name of the recipe.")
    variables: list[Variable]
    project: Projection = None
    segments: list[Segment]
    assign: Assign


def json_schema() -> dict:
    """The JSON schema of format 2. What one field demands of another is checked by `check` alone."""
    return Document.model_json_schema(by_alias=True)
