"""The part of project.yml on what customers will do next: value, attrition, the next purchase, what comments are about."""

from typing import Annotated, Literal

from pydantic import Field

from helpers.project.fields import Prose, Section

Part = Annotated[float, Field(gt=0, lt=1)]


class Predict(Section):
    """Over which time something is predicted, and how it is judged."""

    value_days: int = Field(365, ge=30, le=1825, description="Days after as_of whose purchases make the lifetime value.")
    discount_rate: float = Field(0.10, ge=0, lt=1, description="Interest a year by which later money counts less, between 0 and 1.")
    contractual: bool | None = Field(
        None, description="Whether customers pay by contract until they cancel; empty: told by the intervals between payments."
    )
    high_value_share: Part = Field(0.80, description="High-value customers together made this share of the revenue of all history.")
    high_value_percentile: Part | None = Field(
        None, description="When typed, high-value customers are those above this percentile of revenue instead, such as 0.90."
    )
    attrition_days: int | None = Field(
        None, ge=1, description="Days without a purchase that count as lost when attrition is predicted; empty: told by the intervals."
    )
    next_item: Literal["category", "product_id"] | None = Field(
        None, description="What is recommended: a column of orders; empty: the category, or the product where no category is known."
    )
    next_days: int = Field(30, ge=1, description="Last days held out to judge what is recommended.")
    next_shown: int = Field(3, ge=1, le=20, description="Items recommended to each customer.")
    themes: int = Field(8, ge=2, le=30, description="Themes sought in comments.")
    theme_names: dict[str, Prose] = Field({}, description="Theme, by its leading word as the page shows it: what people call it.")
